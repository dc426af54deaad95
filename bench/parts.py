"""Speed of parts of the study: the bootstrap, the controls of interactive panels, the phantom."""

import shutil
import statistics
import subprocess
import time

import numpy as np
import pandas as pd

from bench.timing import NAN, ROOT, STUDY, record, timed
from study.statistics import resampling


def time_bootstrap(folder, _):
    """Time the bootstrap of three scores on one core, in turn with pROC's where R is installed; then of 100,000 scans.

    It is timed inside its process, without the start of Python or R.
    """
    drawn = folder / "scores.csv"
    rng = np.random.default_rng(1)
    is_severe = np.arange(531) < 79
    scores = {f"score_{k}": rng.normal(size=531) + gap * is_severe for k, gap in enumerate((2.6, 0.7, 1.5))}
    pd.DataFrame(scores | {"is_severe": is_severe.astype(int)}).to_csv(drawn, index=False)
    with_proc = f"""suppressMessages(library(pROC)); d <- read.csv("{drawn}")
      interval <- function(k) ci.auc(roc(d$is_severe, d[[k]], quiet = TRUE, direction = "<"), method = "bootstrap",
                                     boot.n = 2000, progress = "none")
      cat(system.time(for (k in 1:3) interval(k))[c("elapsed", "user.self")], as.character(packageVersion("pROC")))"""

    def ours(scores, is_severe, n_resamples=2000):
        cpu, wall = time.process_time(), time.perf_counter()
        for column in scores.values():
            resampling.intervals(resampling.stratified(column, is_severe, n_resamples, cutoff=1.0))
        return time.perf_counter() - wall, time.process_time() - cpu

    measured = {"study": [], "pROC": []}
    name = "pROC"
    for _ in range(5):
        measured["study"].append(ours(scores, is_severe))
        if shutil.which("Rscript"):
            printed = subprocess.run(["Rscript", "-e", with_proc], capture_output=True, text=True, check=True).stdout
            wall, cpu, version_of_r = printed.split()
            name = f"pROC {version_of_r}"
            measured["pROC"].append((float(wall), float(cpu)))
    walls = {who: [statistics.median(column) for column in zip(*rows, strict=True)] for who, rows in measured.items()}
    size = "2,000 resamples x 3 scores, 531 scans"
    what = "bootstrap of AUC, cut-off, sensitivity, specificity"
    record(what, size, *walls["study"], NAN, "1 s", walls["study"][0])
    if measured["pROC"]:
        ratio = walls["pROC"][1] / walls["study"][1]
        record("  of the AUC alone by ci.auc, CPU ratio", size, *walls["pROC"], NAN, name, ratio)

    many = np.arange(100_000) < 15_000
    large = {"score": rng.normal(size=many.size) + 1.5 * many}
    record(what, "2,000 resamples x 1 score, 100,000 scans", *ours(large, many), NAN)


def time_panels(*_):
    """Time a move of each panel's control without the browser: measuring, drawing and packing."""
    from study.lab.play import cutoff, ratings, scroll, thickness

    rng = np.random.default_rng(1)
    is_severe = pd.Series(np.arange(531) < 79)
    rated = pd.DataFrame(rng.integers(0, 2, (142, 2)), columns=["report", "biomarker"])
    thick = thickness.average(thickness.thin_scan(), 10)
    panels = {
        "section": (scroll.panel(thick.hu, thick.label_map, thick.spacing_mm), range(1, 21)),
        "thickness_mm": (thickness.panel(), [*range(1, 11)] * 2),
        "place": (
            cutoff.panel(pd.DataFrame({"POI (%)": rng.normal(size=531) + is_severe}), is_severe),
            range(1, 400, 20),
        ),
        "both_up": (ratings.panel(rated), range(1, 21)),
    }
    for control, (panel, values) in panels.items():
        walls, cpu = [], time.process_time()
        for value in values:
            started = time.perf_counter()
            panel.controls[control].value = value
            walls.append(time.perf_counter() - started)
        cpu = (time.process_time() - cpu) / len(walls)
        wall = statistics.median(walls)
        record(f"a move of {control}", "a panel of a notebook", wall, cpu, NAN, "0.2 s", wall / 0.2)


def time_phantom(folder, _):
    """Time `study phantom` with two workers, at 128 and 512 pixels and for growing numbers of scans."""
    cases = [  # matrix, increment, patients, target in seconds per scan
        (128, 10, 19, 0.25), (128, 10, 186, 0.25), (512, 5, 8, 4.0),
        (32, 10, 19, None), (32, 10, 186, None), (32, 10, 1861, None),
    ]  # fmt: skip
    for number, (matrix, increment, patients, target_s) in enumerate(cases):
        out = folder / f"phantom-{number}"
        options = dict(patients=patients, matrix=matrix, thickness=10, increment=increment, workers=2, out=out)
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        wall, cpu, peak, _ = timed([STUDY, "phantom", "--no-lesions", *words], ROOT)
        n_scans = len(pd.read_csv(out / "scans.csv"))
        what = f"study phantom, {matrix}x{matrix}, 10 mm every {increment} mm"
        compared_with = f"{target_s or 1:g} s per scan"
        record(what, f"{n_scans} scans", wall, cpu, peak, compared_with, wall / n_scans / (target_s or 1))
        shutil.rmtree(out)
