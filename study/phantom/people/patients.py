"""Who a patient is: age, course of the disease, days of the scans, and how severe the disease is.

Pure data from a seed; no image is made here. A patient's traits and visits come from random streams keyed by
(seed, patient number, visit), so a patient's disease does not change when the cohort grows or another patient
is scanned more often. Each parameter gives its source or is marked as assumed.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

FIRST_DAY = date(2020, 1, 23)  # paper, Patients: 23 January to 12 February 2020
LAST_DAY_NUMBER = 20  # 12 February, counted from the first day
# paper, Figure 5: six scans of one patient; assumed to be the maximum
MOST_SCANS = 6

# --- ages: Table 1, all patients 47 +- 15. Groups are not drawn separately: 56 and 45 follow from age's weight in
# the disease.
AGE_MEAN, AGE_SD, AGE_RANGE = 47.0, 15.0, (18.0, 90.0)
# assumed: correlation of age and peak extent; with AGE_WEIGHT it gives Table 1's two means
AGE_TO_EXTENT = 0.35

# --- dates: Pan et al., Radiology 2020;295:715: CT every 4 +- 1 days (1-8); Zhou et al., Eur Radiol
# 2020;30:6213: every 5 +- 2 days
GAP_DAYS, GAP_PROBABILITY = np.arange(2, 7), np.array([0.15, 0.30, 0.28, 0.17, 0.10])
ADMISSION_SHAPE = (1.6, 3.2)  # assumed: beta over the three weeks; most admitted in the first two
# days, SD of their log: onset to admission, median 7 (4-8), Huang C. et al., Lancet 2020;395:497. Elsewhere
# the first CT came earlier: 3 +- 2 days (Zhou et al.)
ONSET_TO_FIRST_SCAN = (7.0, 0.5)

# --- course: Pan et al.: involvement peaks about day 10; early 0-4, progressive 5-8, peak 9-13 days,
# absorption from day 14, incomplete at discharge. (They excluded severe patients; that these have larger disease for
# longer is assumed.)
PEAK_DAY = (10.0, 2.0)  # mean, SD; the SD is assumed
# Liu H. et al., Infect Dis Ther 2020;9:1029: 182 patients' mean score peaked on days 9-11 and again on 17-18, at
# 7.2 and 8.0; the SD and the spread of the height are assumed
SECOND_PEAK_DAY, SECOND_PEAK_SHARE, SECOND_RISE_DAYS = (17.5, 0.7), (0.8, 1.3), 2.5
DENSITY_LAG = (2.0, 1.0)  # days after the peak of extent; Pan et al.: consolidation up to two weeks
RISE_DAYS, FALL_DAYS = 4.0, 6.5  # half-widths (SD of a bell); assumed, so that these four stages differ
RESIDUAL = 0.25  # share of the peak extent that stays; assumed
PEAK_EXTENT = (0.06, 1.3)  # median, SD of its log-odds; assumed: many small, few large
LARGEST_EXTENT = 0.65  # assumed
PEAK_CONSOLIDATION = (0.20, 0.8)  # consolidated share of the infection at its peak, SD of log-odds; assumed
EXTENT_TO_CONSOLIDATION = 0.3  # assumed: larger disease is somewhat denser
VISIT_SD = 0.15  # log-odds; assumed: day-to-day departure from the smooth course
# below it a 10 mm section shows nothing; assumed. (Half of the patients scanned within two days of onset had
# a normal CT: Bernheim et al., Radiology 2020;295:200463.)
VISIBLE_EXTENT = 0.002

# --- severity. The guideline decides by respiratory rate, oxygen saturation and PaO2/FiO2, not by CT; CT
# extent at admission predicted clinical severity with an AUC of about 0.85 (Inoue et al., Eur Radiol 2022, 108
# patients).
# Assumed: the disease, and what CT does not show (comorbidity, reserve, oxygen given), have standard
# deviations 1 and 0.75, a correlation of 0.8 between extent and severity; most of the unseen part stays with
# the patient. The AUC falls where it falls.
EXTENT_SCALE = (logit(0.03), 1.4)  # centre and unit of the log-odds of extent
DENSITY_WEIGHT, AGE_WEIGHT = 0.10, 0.15  # assumed
PATIENT_NOISE, VISIT_NOISE = 0.70, 0.25

_TRAITS, _VISIT = 1, 2  # names of the random streams


@dataclass(frozen=True)
class Patient:
    """The patient's own properties, independent of the other patients.

    Days count from `FIRST_DAY`, illness days from the first symptom.
    """

    number: int
    age_years: int
    age_score: float
    extent_score: float  # standard normal: how large the disease becomes
    peak_extent: float  # infected fraction of the lung at the peak
    peak_day: float  # illness day
    rise_days: float
    fall_days: float
    residual: float  # share of the peak that stays
    peak_consolidation: float
    density_lag: float  # days from the peak of extent to the peak of density
    first_illness_day: float  # illness day of the first scan
    admission: int  # day of the first scan
    gaps: tuple[int, ...]  # days between scans
    noise: float  # severity that the CT does not show
    wish_for_scans: float  # 0..1, orders who is scanned more often
    sex_draw: float  # 0..1, orders who is male
    second_peak: float  # height of a second peak as a share of the first; 0 for none
    second_peak_day: float  # illness day

    @property
    def natural_scans(self) -> int:
        """How many scans fit into the period at this patient's own pace."""
        return 1 + int(np.sum(self.admission + np.cumsum(self.gaps) <= LAST_DAY_NUMBER))


def draw_patient(seed: int, number: int, minor: bool = False, second_peak_fraction: float = 0.0) -> Patient:
    """Draw the traits of patient `number` (1, 2, ...).

    Parameters
    ----------
    seed, number : int
        Nothing else matters: the same two numbers give the same patient in a cohort of any size.
    minor : bool
        Age 2-17 instead of an adult's, and milder disease.
    second_peak_fraction : float, 0..1
        Chance that the disease rises again, to a peak about day 17 or 18. Nothing else changes with it.
    """
    rng = np.random.default_rng([seed, _TRAITS, number])
    low, high = ndtr((np.array(AGE_RANGE) - AGE_MEAN) / AGE_SD)
    age_score = float(ndtri(low + (high - low) * rng.random()))
    age = int(np.floor(AGE_MEAN + AGE_SD * age_score))
    own, dense = rng.standard_normal(2)
    minor_age = int(rng.integers(2, 18))
    if minor:
        # children had milder disease: Dong et al., Pediatrics 2020;145:e20200702
        age, age_score = minor_age, -2.0
    size = AGE_TO_EXTENT * age_score + np.sqrt(1 - AGE_TO_EXTENT**2) * own
    shape = rng.standard_normal(6)
    median, spread = PEAK_EXTENT
    return Patient(
        number=number,
        age_years=max(age, 18) if not minor else age,
        age_score=age_score,
        extent_score=float(size),
        peak_extent=float(min(expit(logit(median) + spread * size), LARGEST_EXTENT)),
        # assumed: large disease peaks later and lasts longer
        peak_day=float(np.clip(PEAK_DAY[0] + PEAK_DAY[1] * shape[0] + 0.5 * size, 5, 16)),
        rise_days=float(RISE_DAYS * np.exp(0.2 * shape[1])),
        fall_days=float(FALL_DAYS * np.exp(0.2 * shape[2] + 0.2 * size)),
        residual=float(np.clip(RESIDUAL + 0.1 * shape[3] + 0.06 * size, 0.03, 0.7)),
        peak_consolidation=float(
            expit(logit(PEAK_CONSOLIDATION[0]) + PEAK_CONSOLIDATION[1] * dense + EXTENT_TO_CONSOLIDATION * size)
        ),
        density_lag=float(np.clip(DENSITY_LAG[0] + DENSITY_LAG[1] * shape[4], -1, 6)),
        first_illness_day=float(np.clip(ONSET_TO_FIRST_SCAN[0] * np.exp(ONSET_TO_FIRST_SCAN[1] * shape[5]), 1, 14)),
        admission=int(np.floor((LAST_DAY_NUMBER - 1) * rng.beta(*ADMISSION_SHAPE))),
        gaps=tuple(int(g) for g in rng.choice(GAP_DAYS, MOST_SCANS - 1, p=GAP_PROBABILITY)),
        noise=float(PATIENT_NOISE * rng.standard_normal()),
        wish_for_scans=float(rng.random()),
        sex_draw=float(rng.random()),
        second_peak=float((rng.random() < second_peak_fraction) * rng.uniform(*SECOND_PEAK_SHARE)),
        second_peak_day=float(rng.normal(*SECOND_PEAK_DAY)),
    )


def course(patient: Patient, illness_day):
    """Extent, consolidated share and absorption of a patient's disease on an illness day.

    Parameters
    ----------
    patient : Patient
    illness_day : float or ndarray
        Days since the first symptom.

    Returns
    -------
    extent : float or ndarray, 0..0.65
        Infected fraction of the lung. Rises as a bell, peaks on `patient.peak_day`, falls to
        `patient.residual` of the peak. Where there is a second peak it rises and falls once more.
    consolidation : float or ndarray, 0..1
        Share of the infection that is consolidated; peaks `patient.density_lag` days later and also falls
        incompletely.
    absorbing : float or ndarray, 0..1
        0 until the peak, towards 1 about two weeks after it.
    """
    day = np.asarray(illness_day, float)

    def bell(after_peak, rise_days):
        rise = np.exp(-0.5 * (np.minimum(after_peak, 0) / rise_days) ** 2)
        fall = np.exp(-0.5 * (np.maximum(after_peak, 0) / patient.fall_days) ** 2)
        return rise * (patient.residual + (1 - patient.residual) * fall)

    def share(day):
        first = bell(day - patient.peak_day, patient.rise_days)
        return np.maximum(first, patient.second_peak * bell(day - patient.second_peak_day, SECOND_RISE_DAYS))

    extent = np.minimum(patient.peak_extent * share(day), LARGEST_EXTENT)
    # even an early lesion has a denser core, so the consolidated share starts at a quarter of its peak
    consolidation = patient.peak_consolidation * (0.25 + 0.75 * np.minimum(share(day - patient.density_lag), 1))
    last_peak = patient.second_peak_day if patient.second_peak else patient.peak_day
    absorbing = np.clip((day - last_peak - patient.density_lag) / 12, 0, 1)
    return extent, consolidation, absorbing


def latent_severity(extent, consolidation, age_score):
    """Severity from the disease alone: about standard normal over scans; higher is more severe."""
    centre, unit = EXTENT_SCALE
    return (
        (logit(np.maximum(extent, 5e-4)) - centre) / unit
        + DENSITY_WEIGHT * (logit(consolidation) - logit(0.15))
        + AGE_WEIGHT * age_score
    )


def scan_days(patient: Patient, n_scans: int) -> list[int]:
    """Days of the scans, counted from `FIRST_DAY`; at the patient's own pace where that many scans fit."""
    gaps, admission = list(patient.gaps[: n_scans - 1]), patient.admission
    while sum(gaps) > LAST_DAY_NUMBER:  # six scans at a slow pace: shorten the longest wait
        gaps[int(np.argmax(gaps))] -= 1
    admission = min(admission, LAST_DAY_NUMBER - sum(gaps))
    return [admission + int(g) for g in np.cumsum([0, *gaps])]


def peak_severity(patient: Patient) -> float:
    """The worst day between admission and the end of the period, whether or not a scan was made on it."""
    illness_day = patient.first_illness_day + np.arange(LAST_DAY_NUMBER - patient.admission + 1)
    extent, consolidation, _ = course(patient, illness_day)
    return float(np.max(latent_severity(extent, consolidation, patient.age_score))) + patient.noise


def visit_row(seed: int, patient: Patient, visit: int, day: int, sex: str) -> dict:
    """One row of the plan: the disease on that day, and draws that order scans for motion and observers."""
    rng = np.random.default_rng([seed, _VISIT, patient.number, visit])
    illness_day = patient.first_illness_day + day - patient.admission
    extent, consolidation, absorbing = course(patient, illness_day)
    extent = float(min(expit(logit(extent) + VISIT_SD * rng.standard_normal()), LARGEST_EXTENT))
    consolidation = float(expit(logit(consolidation) + VISIT_SD * rng.standard_normal()))
    severity = (
        float(latent_severity(extent, consolidation, patient.age_score))
        + patient.noise
        + VISIT_NOISE * rng.standard_normal()
    )
    visible = extent >= VISIBLE_EXTENT
    return dict(
        scan_id=f"P{patient.number:03d}-{visit}",
        patient_id=f"P{patient.number:03d}",
        age_years=patient.age_years,
        sex=sex,
        scan_date=(FIRST_DAY + timedelta(days=day)).isoformat(),
        patient_number=patient.number,
        visit=visit,
        true_illness_day=round(illness_day, 1),
        true_extent=round(extent, 5) if visible else 0.0,
        true_consolidation=round(consolidation, 4),
        true_absorbing=round(float(absorbing), 4),
        true_severity=round(severity, 4),
        motion_draw=rng.random(),
        observed_draw=rng.random(),
    )
