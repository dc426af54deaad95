"""Quality of the networks outside a run: the same patients under other scan protocols, healthy lungs, a real CT.

``python -m bench shift quality [--models DIR] [--real DIR]`` writes runs/bench/shift.csv and runs/bench/quality.csv,
one row per number with its target and verdict (`study.results.targets`). The phantoms' patients have a seed that no
training uses. The real CT (`REAL_CT`) is measured with the networks' own threshold, which was chosen without it.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from bench.lung_reference import middle_column, threshold_lung
from bench.timing import FOLDER
from study.files import write_table
from study.measures import biomarkers, overlap
from study.measures.comparison import compare_masks
from study.networks.segmentation import Segmenter
from study.phantom.people.counts import People
from study.phantom.people.plan import plan_cohort
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.reconstruction import KERNELS
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.results.quality import HEALTHY_POI
from study.results.targets import TARGETS
from study.scans.ct import ScanError, read_scan, scan_from_array, write_scan
from study.scans.labels import INFECTION, LUNG
from study.statistics import agreement, proportion, roc

SCAN, FLAGS, SERIES = "P002_covid_10mm_every_5mm.nii.gz", "P002_covid_slice_labels.csv", "P002_dicom_slices_20-59"
REAL_CT = (
    "a folder with a real CT, patient P002 of COVID-CT-MD (https://doi.org/10.1038/s41597-021-00900-3), in 3 parts: "
    f"{SCAN}, its 2 mm sections averaged to 10 mm every 5 mm; {FLAGS}, with one row per such section and a column "
    f"`infected`, the share of its slices that the radiologists flagged; {SERIES}/, slices 20 to 59 as original DICOM"
)
SEED = 7301  # of the patients; in no parameter file
FULL_MAS = 100.0  # 1 mm sections at the paper's 50 mAs would be noisier than scanners make them
MOTION, CARDIAC = 0.75, 0.5
COLUMNS = ["quantity", "estimate", "low", "high", "n", "n_patients", "target", "verdict"]


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
        table.append({"condition": name, "dice": dice.mean()} | judged("Fall of infection Dice", fall, "shift_fall"))
    return pd.DataFrame(table, columns=["condition", "dice", *COLUMNS])


def healthy(models, n_patients=100, matrix=256):
    """POI of healthy phantoms in the paper's sections, 10 mm every 5 mm: rows of `COLUMNS`."""
    segmenter, found = Segmenter(models), []
    protocol = Protocol(matrix=matrix, increment_mm=5.0)
    for patient in tqdm(patients(n_patients, False), total=n_patients, desc="healthy"):
        found.append(compare(segmenter, *patient, protocol)["poi"])
    poi = pd.Series(found)
    below = int((poi < HEALTHY_POI).sum())
    share = proportion.intervals(below, len(poi))
    share = {"estimate": share["estimate"], "low": share["exact_low"], "high": share["exact_high"], "n": len(poi)}
    return [
        judged(f"Healthy phantoms with POI below {100 * HEALTHY_POI:g} % (share)", share, "healthy_share"),
        judged("Healthy phantoms, POI (%), mean", agreement.mean(100 * poi, poi.index)),
        judged("Healthy phantoms, POI (%), largest", {"estimate": 100 * poi.max(), "n": len(poi)}),
    ]


def has_real_ct(folder):
    """Tell whether a real CT is given; print what to give if not, and stop if the folder lacks a part of `REAL_CT`."""
    if folder is None:
        print(f"real CT: skipped; give --real DIR, {REAL_CT}")
        return False
    if missing := [name for name in (SCAN, FLAGS, SERIES) if not (folder / name).exists()]:
        raise SystemExit(f"--real {folder}: {', '.join(missing)} not found; give {REAL_CT}")
    return True


def real(models, folder=None):
    """A real CT with flagged sections and disease in the left lung only: rows of `COLUMNS`; none without the CT."""
    if not has_real_ct(folder):
        return []
    segmenter = Segmenter(models)
    scan = read_scan(folder / SCAN)
    flagged = pd.read_csv(folder / FLAGS)["infected"].to_numpy()
    label_map = segmenter.segment(scan)
    area = (label_map == INFECTION).sum(axis=(1, 2))
    measured = biomarkers.measure(scan.hu, label_map, scan.spacing_mm)
    left = measured["left_infection_volume_ml"] / measured["infection_volume_ml"]
    reference = threshold_lung(scan.hu, scan.spacing_mm)
    outside = without_lesions(reference, flagged > 0)
    lung = overlap.dice((label_map >= LUNG) & outside, reference & outside)
    differs = dicom_difference(segmenter, folder / SERIES)
    rows = [
        ("share of infection in the left lung", left, "share_in_the_ill_lung"),
        ("lung Dice outside lesions", lung, "real_lung_dice"),
        ("POI (%)", 100 * measured["poi"], None),
        ("DICOM against NIfTI of the same sections, largest relative difference", differs, "dicom_difference"),
    ]
    areas = [("with any flag", flagged > 0), ("flagged in half or more", flagged >= 0.5)]
    rows = [(f"AUC of infected area for sections {w}", roc.auc(area, ill), "section_auc") for w, ill in areas] + rows
    return [
        judged(f"Real CT, {words}", {"estimate": number, "n": len(flagged)}, target) for words, number, target in rows
    ]


def without_lesions(lung, is_flagged):
    """Where this patient is known to be free of disease: in the right lung, and in sections without a flag."""
    outside = np.zeros(lung.shape, bool)
    outside[:, :, : middle_column(lung)] = True
    outside[~is_flagged] = True
    return outside


def dicom_difference(segmenter, series):
    """Largest relative difference of any measure between a DICOM series and NIfTI written from it."""
    read = [read_scan(series)]
    with tempfile.TemporaryDirectory() as folder:
        write_scan(Path(folder) / "scan.nii.gz", read[0].hu, read[0].spacing_mm)
        read.append(read_scan(Path(folder) / "scan.nii.gz"))
    measures = [pd.Series(biomarkers.measure(scan.hu, segmenter.segment(scan), scan.spacing_mm)) for scan in read]
    return float((measures[0] / measures[1] - 1).abs().max())


def judged(quantity, found, name=None):
    """One row of `COLUMNS`: a number, and its target if a name of one is given."""
    row = {"quantity": quantity} | found
    if name:
        row |= {"target": str(TARGETS[name]), "verdict": TARGETS[name].verdict(found["estimate"], found["n"])}
    return row


def write_shift(_, models):
    """Write runs/bench/shift.csv."""
    _write("shift.csv", shift(models))


def write_quality(_, models, real_ct=None):
    """Write runs/bench/quality.csv."""
    _write("quality.csv", pd.DataFrame([*real(models, real_ct), *healthy(models)], columns=COLUMNS))


def _write(name, table):
    write_table(FOLDER / name, table)
    print(table.round(4).to_string(index=False), flush=True)
