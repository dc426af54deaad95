"""Quality of the networks: the same patients under other scan protocols, healthy lungs, real CTs, the judge cohort.

``python -m bench shift quality [--models DIR] [--real DIR]`` writes runs/bench/shift.csv and runs/bench/quality.csv,
one row per number with its target and verdict (`study.results.targets`). The phantoms' patients have a seed that no
training uses. Real CTs (`bench.real_scans`) are measured with the networks' own thresholds, chosen without them.
"""

import numpy as np
import pandas as pd
from tqdm import tqdm

from bench import real_scans
from bench.judged import COLUMNS, judged
from bench.timing import FOLDER, ROOT
from study.files import write_table
from study.measures.comparison import compare_masks
from study.networks.segmentation import Segmenter
from study.phantom.body.build import draw_build
from study.phantom.body.dense import dependent
from study.phantom.people.counts import People
from study.phantom.people.plan import plan_cohort
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.reconstruction import KERNELS
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.results.quality import HEALTHY_POI, QUANTITIES
from study.results.targets import TARGETS
from study.run import Run
from study.scans.ct import ScanError, scan_from_array
from study.statistics import agreement, proportion

SEED = 7301  # of the patients; in no parameter file
FULL_MAS = 100.0  # 1 mm sections at the paper's 50 mAs would be noisier than scanners make them
MOTION, CARDIAC = 0.75, 0.5


def conditions(matrix):
    """How each patient is scanned: name -> (Protocol, motion). Thick sections overlap, every 5 mm, as in the paper."""

    def protocol(thickness_mm, **other):
        given = {"tube_current_mas": FULL_MAS, "increment_mm": min(thickness_mm, 5.0), **other}
        return Protocol(matrix=matrix, slice_thickness_mm=thickness_mm, **given)

    made = {
        f"{thickness_mm:g} mm, {kernel}": (protocol(thickness_mm, kernel=kernel), 0.0)
        for thickness_mm in (1.0, 3.0, 5.0, 8.0, 10.0)
        for kernel in KERNELS
    }
    made["10 mm, soft, half dose"] = protocol(10.0, tube_current_mas=FULL_MAS / 2), 0.0
    made["10 mm, soft, motion"] = protocol(10.0), MOTION
    return made


def patients(n, infected):
    """Yield each adult of a cohort's plan once: number, Habitus, Disease.

    Parameters
    ----------
    n : int
    infected : bool
        With the disease of their first scan that shows any; else with healthy lungs.
    """
    plan = plan_cohort(People(n_patients=2 * n + 20, n_minors=0, seed=SEED))
    if infected:
        plan = plan[plan["true_extent"] > 0]
    chosen = plan.drop_duplicates("patient_id").head(n)
    for row in chosen.itertuples(index=False):
        extent = row.true_extent if infected else 0.0
        disease = Disease("covid", extent, row.true_consolidation, row.true_absorbing)
        yield row.patient_number, Habitus(row.sex, row.age_years), disease


def compare(segmenter, number, habitus, disease, protocol, motion=0.0):
    """Simulate and segment one scan, and compare by `compare_masks`. Where no lung is found, the label map is empty."""
    made = simulate_scan((SEED, number), 1, habitus, disease, protocol, motion=motion, cardiac=CARDIAC)
    try:
        label_map = segmenter.segment(scan_from_array(made.hu, made.spacing_mm))
    except ScanError:
        label_map = np.zeros(made.hu.shape, np.uint8)
    return compare_masks(label_map, made.lung_mask, made.infection_mask, made.spacing_mm)


def shift(models, n_patients=20, matrix=256):
    """Infection Dice of the same patients in every condition, and its fall from the best condition.

    A matrix of 256 is enough: the networks' own pixels are larger.

    Parameters
    ----------
    models : Path
        Folder of trained networks.
    n_patients, matrix : int

    Returns
    -------
    DataFrame
        One row per condition: ``condition``, ``dice`` (mean over patients with a Dice in every condition, which those
        without an infected voxel lack), ``estimate`` (its fall from the condition with the highest mean) with its
        interval over patients, and the rest of `COLUMNS`.
    """
    segmenter, rows = Segmenter(models), []
    for number, habitus, disease in tqdm(patients(n_patients, True), total=n_patients, desc="shift"):
        for name, (protocol, motion) in conditions(matrix).items():
            dice = compare(segmenter, number, habitus, disease, protocol, motion)["infection_dice"]
            rows.append((number, name, dice))
    return falls(pd.DataFrame(rows, columns=["patient", "condition", "dice"]))


def falls(scans):
    """Make the table of :func:`shift` from ``patient, condition, dice``, one row per scan."""
    by_condition = scans.pivot(index="patient", columns="condition", values="dice").dropna()
    by_condition = by_condition[scans["condition"].unique()]
    best = by_condition.mean().idxmax()
    table = []
    for name, dice in by_condition.items():
        fall = agreement.mean(by_condition[best] - dice, by_condition.index)
        target = "motion_fall" if name.endswith("motion") else "shift_fall"
        table.append({"condition": name, "dice": dice.mean()} | judged("Fall of infection Dice", fall, target))
    return pd.DataFrame(table, columns=["condition", "dice", *COLUMNS])


def healthy(models, n_patients=100, matrix=256):
    """POI of healthy phantoms in the paper's sections, 10 mm every 5 mm: rows of `COLUMNS`.

    Of all, and of those apart whose lung is denser where it depends, in a shallow breath or after a deep one.
    """
    segmenter, found = Segmenter(models), []
    protocol = Protocol(matrix=matrix, increment_mm=5.0)
    for number, habitus, disease in tqdm(patients(n_patients, False), total=n_patients, desc="healthy"):
        poi = compare(segmenter, number, habitus, disease, protocol)["poi"]
        build = draw_build((SEED, number), habitus.sex, habitus.age_years, habitus.findings)
        found.append((poi, dependent((SEED, number), build) is not None))
    scans = pd.DataFrame(found, columns=["poi", "dependent"])
    rows = []
    for who, group, target in (
        ("Healthy phantoms", scans, "healthy_share"),
        ("Those with dense dependent lung", scans[scans["dependent"]], None),
        ("Those without", scans[~scans["dependent"]], None),
    ):
        if group.empty:
            continue
        poi = group["poi"]
        share = proportion.intervals(int((poi < HEALTHY_POI).sum()), len(poi))
        share = {"estimate": share["estimate"], "low": share["exact_low"], "high": share["exact_high"], "n": len(poi)}
        rows += [
            judged(f"{who}, POI below {100 * HEALTHY_POI:g} % (share)", share, target),
            judged(f"{who}, POI (%), mean", agreement.mean(100 * poi, poi.index)),
            judged(f"{who}, POI (%), largest", {"estimate": 100 * poi.max(), "n": len(poi)}),
        ]
    return rows


def judge():
    """The rows with a target of Table segmentation in the run judge, as it recorded them; none without that run."""
    recorded = Run("judge", ROOT).recorded("3-segment")
    if recorded.empty:
        print("judge cohort: skipped; `make study RUN=judge` makes it")
    rows = []
    for name, words in QUANTITIES.items():
        if name in TARGETS and f"quality_{name}" in recorded.index:
            row = recorded.loc[f"quality_{name}"]
            scale = 100 if "(percentage points)" in words else 1
            found = {"estimate": row["value"], "low": row["ci_low"], "high": row["ci_high"]}
            numbers = {key: np.nan if number is None else scale * number for key, number in found.items()}
            rows.append(judged(f"Judge cohort, {words}", {**numbers, "n": row["n"]}, name))
    return rows


def write_shift(_, models):
    """Write runs/bench/shift.csv."""
    _write("shift.csv", shift(models))


def write_quality(_, models, real_ct=None):
    """Write runs/bench/quality.csv, the table of targets."""
    rows = [*judge(), *real_scans.rows(Segmenter(models), real_ct), *healthy(models)]
    _write("quality.csv", pd.DataFrame(rows, columns=COLUMNS))


def _write(name, table):
    write_table(FOLDER / name, table)
    print(table.round(4).to_string(index=False), flush=True)
