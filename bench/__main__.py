"""The figures on speed and memory: ``make bench`` writes runs/bench/results.csv, a row a measurement.

Those on segmentation are in ``bench.speed``, those on quality in ``bench.quality``.

Each measurement is a whole command as a user types it, timed from outside: wall and CPU seconds, and the peak memory of
all its processes together; only the bootstrap is timed inside its process, without the start of Python or R.
Measurements that are compared are interleaved and given as medians.
"""

import argparse
import filecmp
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bench.quality import bench_quality, bench_shift
from bench.speed import bench_many, bench_networks, bench_scan
from bench.timing import RESULTS, ROOT, record, timed
from study.networks.models import STARTER
from study.statistics import resampling

REAL = ROOT.parent / "shared" / "real" / "covid-ct-md"


def clone(folder):
    """A fresh clone of what is committed."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def notebooks_run(printed):
    """The notebooks that a command ran, from its progress lines."""
    return [line.split()[0] for line in printed.splitlines() if line.strip().endswith(" s") and " done in " in line]


def bench_study(folder):
    """The whole demo from a fresh clone, then what a second call, a prose edit and a code edit cost."""
    first = clone(folder / "first")
    wall, cpu, peak, _ = timed(["make", "study"], first)
    record("make study, fresh clone, with install", "548 scans 128x128", wall, cpu, peak, "900 s, 6144 MiB", wall / 900)
    timings = [json.loads(path.read_text()) for path in sorted((first / "runs" / "demo" / "timings").glob("*.json"))]
    for timing in timings:
        record(f"  of that {timing['notebook']}", "demo", timing["seconds"], float("nan"), float("nan"))
    walls = [timed(["make", "study"], first) for _ in range(3)]
    if any(notebooks_run(printed) for *_, printed in walls):
        raise SystemExit("bench: a second `make study` ran a notebook")
    median = statistics.median(wall for wall, *_ in walls)
    record(
        "make study, nothing changed: no notebook runs", "demo", median, walls[0][1], walls[0][2], "10 s", median / 10
    )
    for what, edit, expected in (
        ("prose edit of a notebook", prose_edit, []),
        ("changed code in study/statistics/kappa.py", code_edit, ["6-progression", "7-claims"]),
    ):
        edit(first)
        wall, cpu, peak, printed = timed(["make", "study"], first)
        if notebooks_run(printed) != expected:
            raise SystemExit(f"bench: after a {what} ran {notebooks_run(printed)}, expected {expected}")
        record(f"make study after a {what}: {', '.join(expected) or 'no notebook'}", "demo", wall, cpu, peak)
    return first


def prose_edit(folder):
    """Change words, not code, of a notebook."""
    path = folder / "notebooks" / "3-segment.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] = [*notebook["cells"][0]["source"], "\n", "One more sentence."]
    path.write_text(json.dumps(notebook))


def code_edit(folder):
    """Change a line of code."""
    path = folder / "study" / "kappa.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")


def bench_twice(folder, first=None):
    """Two runs from two fresh clones give the same tables byte for byte."""
    first = first or clone(folder / "first")
    second = clone(folder / "second")
    for one in (first, second):
        if not (one / "figures" / "demo" / "claims.csv").is_file():
            timed(["make", "study"], one)
    tables = sorted(path.name for path in (first / "figures" / "demo").glob("*.csv"))
    same, different, missing = filecmp.cmpfiles(
        first / "figures" / "demo", second / "figures" / "demo", tables, shallow=False
    )
    print(f"tables of two clones: {len(same)} identical, different {different}, missing {missing}")
    record("tables of two fresh clones that differ", f"{len(tables)} tables", float("nan"), float("nan"), float("nan"),
           "0", len(different) + len(missing))  # fmt: skip


def bench_smoke(folder):
    """The small run, installed already."""
    first = clone(folder / "smoke")
    timed(["make", ".venv/ready"], first)
    wall, cpu, peak, _ = timed(["make", "study", "RUN=smoke"], first)
    record("make study RUN=smoke, after install", "36 scans 128x128", wall, cpu, peak, "120 s", wall / 120)


def bench_measure(models, folder):
    """`study measure` on a real CT, NIfTI and DICOM interleaved."""
    if not REAL.is_dir():
        print(f"measure: skipped, {REAL.name} is not at hand")
        return
    scans = {
        "NIfTI 512x512x52": REAL / "P002_covid_10mm_every_5mm.nii.gz",
        "DICOM 512x512x40": REAL / "P002_dicom_slices_20-59",
    }
    runs = {name: [] for name in scans}
    for _ in range(3):
        for name, scan in scans.items():
            command = [ROOT / ".venv/bin/study", "measure", scan, "--out", folder, "--models", models]
            runs[name].append(timed(command, ROOT))
    for name, measured in runs.items():
        record("study measure", name, *(statistics.median(column) for column in list(zip(*measured, strict=True))[:3]))


def bench_bootstrap(folder):
    """Bootstrap of three scores on one core, in turn with pROC's where R is at hand; then of 100,000 scans."""
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
    record(what, size, *walls["study"], float("nan"), "1 s", walls["study"][0])
    if measured["pROC"]:
        ratio = walls["pROC"][1] / walls["study"][1]
        record("  of the AUC alone by ci.auc, CPU ratio", size, *walls["pROC"], float("nan"), name, ratio)

    many = np.arange(100_000) < 15_000
    large = {"score": rng.normal(size=many.size) + 1.5 * many}
    record(what, "2,000 resamples x 1 score, 100,000 scans", *ours(large, many), float("nan"))


def bench_play(folder):
    """What a move of each panel's control costs, without the browser: measured, drawn and packed."""
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
        record(f"a move of {control}", "a panel of a notebook", wall, cpu, float("nan"), "0.2 s", wall / 0.2)


def bench_phantom(folder):
    """`study phantom` with two workers: scans a second at 128 and 512 pixels, and how time goes with their number."""
    cases = [  # matrix, increment, patients, seconds a scan that were asked for
        (128, 10, 19, 0.25), (128, 10, 186, 0.25), (512, 5, 8, 4.0),
        (32, 10, 19, None), (32, 10, 186, None), (32, 10, 1861, None),
    ]  # fmt: skip
    for number, (matrix, increment, patients, asked_s) in enumerate(cases):
        out = folder / f"phantom-{number}"
        options = dict(patients=patients, matrix=matrix, thickness=10, increment=increment, workers=2, out=out)
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        wall, cpu, peak, _ = timed([ROOT / ".venv" / "bin" / "study", "phantom", "--no-lesions", *words], ROOT)
        n_scans = len(pd.read_csv(out / "scans.csv"))
        what = f"study phantom, {matrix}x{matrix}, 10 mm every {increment} mm"
        asked = (f"{asked_s:g} s a scan", wall / n_scans / asked_s) if asked_s else ("1 s a scan", wall / n_scans)
        record(what, f"{n_scans} scans", wall, cpu, peak, *asked)
        shutil.rmtree(out)


def main():
    """Run all measurements, or those named."""
    benches = {
        "bootstrap": bench_bootstrap,
        "play": bench_play,
        "phantom": bench_phantom,
        "smoke": bench_smoke,
        "study": bench_study,
        "twice": bench_twice,
        "measure": lambda folder: bench_measure(asked.models, folder),
        "scan": lambda folder: bench_scan(asked.models, folder),
        "networks": lambda _: bench_networks(asked.models),
        "many": lambda folder: bench_many(asked.models, folder),
        "quality": lambda _: bench_quality(asked.models),
        "shift": lambda _: bench_shift(asked.models),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", default=list(benches), help=" ".join(benches))
    parser.add_argument("--models", type=Path, default=STARTER, help="networks of what segments")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        first = None
        for name in asked.which:
            print(f"== {name}", flush=True)
            if name == "twice":
                bench_twice(folder, first)
            else:
                done = benches[name](folder)
                first = done or first
    finally:
        shutil.rmtree(folder)
    print(f"\n{RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
