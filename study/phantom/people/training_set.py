"""Who is in the synthetic training set, and how they were scanned by five vendors.

Pure data from a seed. The paper names the vendors (Siemens, Hitachi, GE, Philips, United Imaging) and the
range of section thickness; kernels, tube voltage and current are in its supplement, which is not public,
so those below are assumed: settings that these vendors' scanners offer for the chest.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from study.phantom.body.findings import FINDINGS
from study.phantom.request import RequestError, check_word, is_fraction, is_whole
from study.phantom.scanner.protocol import check_matrix


@dataclass(frozen=True)
class Preset:
    """One vendor's chest protocol, with the vendor's own names for its kernels."""

    vendor: str
    share: float  # of the training scans
    soft_kernel: str
    sharp_kernel: str
    tube_voltage_kv: tuple[int, ...]
    tube_current_mas: tuple[int, int]  # range
    slice_thickness_mm: tuple[float, ...]


PRESETS = (
    Preset("Siemens", 0.28, "B31f", "B70f", (120, 100), (60, 150), (5.0, 5.0, 5.0, 2.0, 1.5, 1.0)),
    Preset("GE", 0.22, "STANDARD", "LUNG", (120,), (60, 180), (5.0, 5.0, 5.0, 2.5, 1.25)),
    Preset("Philips", 0.18, "B", "YC", (120,), (60, 140), (5.0, 5.0, 3.0, 2.0, 1.0)),
    Preset("United Imaging", 0.18, "B_SOFT_B", "B_SHARP_C", (120, 100), (50, 130), (5.0, 5.0, 3.0, 1.5, 1.0)),
    Preset("Hitachi", 0.14, "Standard", "Lung", (120,), (70, 150), (5.0, 5.0, 5.0, 3.0, 2.0)),
)
SHARP_FRACTION = 0.3  # assumed
PADDED_VENDORS = ("GE",)  # write -1024 HU outside the circle of reconstruction; assumed
FIELD_OF_VIEW_MM = (330.0, 400.0)  # assumed
# Fields that cut the chest wall, and those of radiotherapy and PET; with `frequent` findings, so often; assumed
NARROW_FIELD_MM, NARROW_SHARE = (260.0, 305.0), 0.12
WIDE_FIELD_MM, WIDE_SHARE = (480.0, 700.0), 0.15
AGE_MEAN, AGE_SD, MALE_FRACTION = 52.0, 18.0, 0.55  # assumed
EXTENT = (0.045, 1.3)  # median, SD of the log-odds: many small, few large; assumed
# bacterial pneumonia consolidates more than COVID-19; median, SD of log-odds; assumed
CONSOLIDATION = (0.40, 0.9)
LARGE_EXTENT = (0.015, 0.12)  # of one large consolidation: balls 5 to 10 cm wide in lungs of 4.5 litres
MOTION_RANGE, CARDIAC_RANGE = (0.3, 1.0), (0.2, 1.0)

_TRAINING = 7  # name of the random stream; the cohort uses 1 to 6
_FIELD = 1  # and within it, of the field of view


@dataclass(frozen=True)
class TrainingSet:
    """Who is in a synthetic training set. Each scan's vendor, sections and kernel are drawn from `PRESETS`.

    Parameters
    ----------
    n_training_scans : int
        One scan per patient; 558 in the paper.
    training_matrix : int
        Pixels across and down.
    motion_fraction, healthy_fraction, covid_fraction : float, 0..1
        Chance that a scan has respiratory motion, healthy lungs, or COVID-19 instead of another pneumonia. In the paper
        no training scan shows COVID-19: the point is that the network never saw it.
    largest_extent : float, 0..1
        No scan has more of the lung infected.
    findings : {"ordinary", "frequent", "mixed"}
        How often patients have what looks like infection or hides it; see `body.findings`. ``mixed``: frequent in every
        second scan.
    seed : int
        Not negative.

    Raises
    ------
    RequestError
        If no such training set can be made.
    """

    n_training_scans: int = 120
    training_matrix: int = 128
    motion_fraction: float = 0.1
    healthy_fraction: float = 0.1
    covid_fraction: float = 0.0
    largest_extent: float = 0.6
    findings: str = "ordinary"
    seed: int = 2020

    def __post_init__(self):
        """Refuse what cannot be made."""
        for name, least in (("n_training_scans", 1), ("seed", 0)):
            if not is_whole(getattr(self, name), least):
                raise RequestError(f"{{{name}}} must be a whole number, {least} or more", vars(self))
        for name in ("motion_fraction", "healthy_fraction", "covid_fraction", "largest_extent"):
            if not is_fraction(getattr(self, name)):
                raise RequestError(f"{{{name}}} must be between 0 and 1", vars(self))
        check_word("findings", self.findings, (*FINDINGS, "mixed"))
        check_matrix("training_matrix", self.training_matrix)


def plan_training_set(training: TrainingSet) -> pd.DataFrame:
    """The training set as one row per scan, before any image is made. Scan k does not depend on how many there are.

    Parameters
    ----------
    training : TrainingSet

    Returns
    -------
    DataFrame
        scan_id, patient_id, number, sex, age_years, vendor, kernel, sharpness ("soft" or "sharp"),
        slice_thickness_mm, increment_mm, tube_current_mas, tube_voltage_kv, field_of_view_mm, padded,
        findings ("ordinary" or "frequent"), motion, motion_strength, cardiac, true_extent (0 for a healthy lung),
        true_consolidation, true_absorbing,
        pattern ("pneumonia", "covid" or "consolidation").
    """
    # the vendors take turns by their shares, so that even a small set has all five
    vendors = _turns([preset.share for preset in PRESETS], training.n_training_scans)
    return pd.DataFrame([_scan_row(k, PRESETS[v], training) for k, v in enumerate(vendors, start=1)])


def _turns(shares, n):
    given = np.zeros(len(shares))
    turns = []
    for k in range(1, n + 1):
        turns.append(int(np.argmax(np.array(shares) * k - given)))
        given[turns[-1]] += 1
    return turns


def _scan_row(k: int, preset: Preset, training: TrainingSet) -> dict:
    rng = np.random.default_rng([training.seed, _TRAINING, k])
    thickness = float(preset.slice_thickness_mm[int(rng.random() * len(preset.slice_thickness_mm))])
    mas = int(rng.integers(preset.tube_current_mas[0], preset.tube_current_mas[1] + 1))
    kv = preset.tube_voltage_kv[0] if rng.random() < 0.8 else preset.tube_voltage_kv[-1]
    sharp = rng.random() < SHARP_FRACTION
    median, spread = EXTENT
    findings = ("frequent", "ordinary")[k % 2] if training.findings == "mixed" else training.findings
    extent = min(expit(logit(median) + spread * rng.standard_normal()), training.largest_extent)
    consolidation = expit(logit(CONSOLIDATION[0]) + CONSOLIDATION[1] * rng.standard_normal())
    scan_id = f"CAP-{k:04d}"
    row = dict(
        scan_id=scan_id,
        patient_id=scan_id,
        number=k,
        sex="male" if rng.random() < MALE_FRACTION else "female",
        age_years=int(np.clip(AGE_MEAN + AGE_SD * rng.standard_normal(), 18, 90)),
        vendor=preset.vendor,
        kernel=preset.sharp_kernel if sharp else preset.soft_kernel,
        sharpness="sharp" if sharp else "soft",
        slice_thickness_mm=thickness,
        increment_mm=thickness,
        tube_current_mas=mas,
        tube_voltage_kv=kv,
        field_of_view_mm=_field_mm(k, training.seed, findings, float(rng.uniform(*FIELD_OF_VIEW_MM))),
        padded=preset.vendor in PADDED_VENDORS,
        findings=findings,
        motion=bool(rng.random() < training.motion_fraction),
        motion_strength=round(float(rng.uniform(*MOTION_RANGE)), 3),
        true_extent=0.0 if rng.random() < training.healthy_fraction else round(float(extent), 5),
        true_consolidation=round(float(consolidation), 4),
        true_absorbing=round(float(max(rng.uniform(-1, 1), 0)), 4),
        cardiac=round(float(rng.uniform(*CARDIAC_RANGE)), 3),
        pattern="covid" if rng.random() < training.covid_fraction else "pneumonia",
    )
    chances, has_pneumonia = FINDINGS[findings], row["pattern"] == "pneumonia" and row["true_extent"] > 0
    is_filled, is_large = (rng.random() < chance for chance in (chances.filled_lung, chances.large_consolidation))
    if is_filled and has_pneumonia:
        row |= dict(
            true_extent=round(training.largest_extent * float(rng.uniform(0.4, 1)), 5),
            true_consolidation=round(float(rng.uniform(0.6, 0.95)), 4),
            true_absorbing=0.0,
        )
    elif is_large and has_pneumonia:
        row |= dict(
            pattern="consolidation",
            true_extent=round(min(float(rng.uniform(*LARGE_EXTENT)), training.largest_extent), 5),
            true_consolidation=round(float(rng.uniform(0.8, 0.98)), 4),
            true_absorbing=0.0,
        )
    return row


def _field_mm(k: int, seed: int, findings: str, usual: float) -> float:
    if findings == "frequent":
        rng = np.random.default_rng([seed, _TRAINING, k, _FIELD])
        odd, narrow, wide = rng.random(), rng.uniform(*NARROW_FIELD_MM), rng.uniform(*WIDE_FIELD_MM)
        if odd < NARROW_SHARE + WIDE_SHARE:
            usual = narrow if odd < NARROW_SHARE else wide
    return round(float(usual), 1)


def protocol_table(training: pd.DataFrame) -> pd.DataFrame:
    """Table S1: how the training scans were acquired, one row per vendor and one for all.

    Parameters
    ----------
    training : DataFrame
        The training table, as `make_training_set` returns it or `scan_tables.read_training_scans` reads it.

    Returns
    -------
    DataFrame
        vendor, n, slice_thickness_mm, tube_voltage_kv, tube_current_mas (ranges as text), kernel (names as
        text).
    """
    if training.empty:  # a run that takes over models has no training set
        return pd.DataFrame(
            columns=["vendor", "n", "slice_thickness_mm", "tube_voltage_kv", "tube_current_mas", "kernel"]
        )

    def extent(values):
        low, high = (f"{v:g}" for v in (values.min(), values.max()))
        return low if low == high else f"{low}-{high}"

    def row(vendor, scans):
        return dict(
            vendor=vendor,
            n=len(scans),
            slice_thickness_mm=extent(scans["slice_thickness_mm"]),
            tube_voltage_kv=extent(scans["tube_voltage_kv"]),
            tube_current_mas=extent(scans["tube_current_mas"]),
            kernel=", ".join(sorted(scans["kernel"].unique())),
        )

    rows = [row(vendor, scans) for vendor, scans in training.groupby("vendor", sort=True)]
    return pd.DataFrame([*rows, row("All", training)])
