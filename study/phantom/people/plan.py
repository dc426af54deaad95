"""The plan of the synthetic cohort: which patients, how many scans each, who is severe, with exact counts.

Patients depend on each other only through the counts: how many scans each has, who ranks among the severe, which sex
fills the last place of a quota. Everything else is the patient's own (`patients`).

Severity follows the disease, with noise. A latent severity is the log-odds of the infected fraction, plus
density, plus age, plus what a CT does not show; the `n_severe_patients` patients in whom it peaks highest
while in hospital are the severe patients, and the `n_severe_scans` scans with the highest value among their
scans, at least one per patient, are the severe scans. The paper counts "79 severe CT scans from 32 patients,
and 452 general CT scans from 164 patients", as if no severe patient had a non-severe scan, yet its Figure 5
shows one patient pass between the states. Here each scan has its own status: a severe patient has at least one
severe scan and may have non-severe ones; the other patients have none that are severe. So the 452 non-severe
scans come from 164 non-severe patients *and* from non-severe visits of the 32.
"""

import numpy as np
import pandas as pd

from study.phantom.people.counts import People
from study.phantom.people.patients import MOST_SCANS, Patient, draw_patient, peak_severity, scan_days, visit_row

MALE_SHARE = {"severe": 14 / 32, "non-severe": 82 / 164}  # Table 1
SMALL_GROUP = 20  # fewer patients than this have no quota of sexes
REPEAT_SHARE = {"severe": 31 / 32, "non-severe": 131 / 164}  # Table 1: patients with multiple exams
# assumed: about two of three scans of a severe patient fall into the severe phase
SEVERE_SCANS_SHARE = 0.65
SIX_SCAN_SHARE = 2 / 32  # assumed: severe patients scanned six times, so that Figure 5 can be drawn


def plan_cohort(people: People) -> pd.DataFrame:
    """The cohort as one row per scan, before any image is made.

    Parameters
    ----------
    people : People

    Returns
    -------
    DataFrame
        scan_id, patient_id, age_years, sex, scan_date, status, motion (bool), observed (bool),
        patient_number, visit, true_illness_day, true_extent (0 where nothing is visible), true_consolidation,
        true_absorbing, true_severity.
    """
    seed, n_adults, n_adult_scans = people.seed, people.n_adults, people.n_adult_scans
    patients = [
        draw_patient(seed, k, k > n_adults, people.second_peak_fraction) for k in range(1, people.n_patients + 1)
    ]
    adults, minors = patients[:n_adults], patients[n_adults:]

    by_severity = sorted(adults, key=peak_severity, reverse=True)
    severe, others = by_severity[: people.n_severe_patients], by_severity[people.n_severe_patients :]
    n_of_severe = _scans_of_severe(len(severe), len(others), n_adult_scans, people.n_severe_scans)
    counts = {}
    for group, name, n in (
        (severe, "severe", n_of_severe),
        (others, "non-severe", n_adult_scans - n_of_severe),
        (minors, "non-severe", people.n_scans - n_adult_scans),
    ):
        counts |= _allot(group, n, REPEAT_SHARE[name], SIX_SCAN_SHARE if name == "severe" else 0.0)
    male = _male(severe, "severe") | _male(others, "non-severe") | _male(minors, "non-severe")

    rows = [
        visit_row(seed, p, visit, day, "male" if p.number in male else "female")
        for p in patients
        for visit, day in enumerate(scan_days(p, counts[p.number]), start=1)
    ]
    scans = pd.DataFrame(rows)
    scans["status"] = _statuses(scans, {p.number for p in severe}, people.n_severe_scans)
    scans["motion"] = _moved(scans, n_adults, people.motion_fraction)
    scans["observed"] = _observed(scans, n_adults, {p.number for p in severe}, people.n_observed)
    columns = [
        *"scan_id patient_id age_years sex scan_date status motion observed patient_number visit".split(),
        *"true_illness_day true_extent true_consolidation true_absorbing true_severity".split(),
    ]
    return scans[columns]


def _male(group: list[Patient], status: str) -> set[int]:
    """Numbers of the males: an exact share, or in a small group each patient's own draw.

    With a quota of one or two, a patient's sex, and so the images, would depend on the other patients.
    """
    share = MALE_SHARE[status]
    if len(group) < SMALL_GROUP:
        return {p.number for p in group if p.sex_draw < share}
    by_draw = sorted(group, key=lambda p: p.sex_draw)
    return {p.number for p in by_draw[: int(np.floor(share * len(group) + 0.5))]}


def _scans_of_severe(n_severe: int, n_others: int, n_adult_scans: int, n_severe_scans: int) -> int:
    if n_severe == 0:
        return 0
    low = max(n_severe_scans, n_adult_scans - MOST_SCANS * n_others)
    high = min(MOST_SCANS * n_severe, n_adult_scans - n_others)
    return int(np.clip(round(n_severe_scans / SEVERE_SCANS_SHARE), low, high))


def _allot(group: list[Patient], n_scans: int, repeat_share: float, six_share: float) -> dict[int, int]:
    """How many scans each of a group has: exact in sum, near each patient's wish and time in hospital."""
    n = len(group)
    if n == 0:
        return {}
    n_repeat = int(np.floor(repeat_share * n + 0.5))
    n_repeat = int(np.clip(n_repeat, -(-(n_scans - n) // (MOST_SCANS - 1)), min(n, n_scans - n)))
    order = sorted(group, key=lambda p: (p.natural_scans < 2, -p.wish_for_scans))
    repeat = order[:n_repeat]
    counts = {p.number: 1 for p in group} | {p.number: 2 for p in repeat}
    left = n_scans - n - n_repeat
    n_six = min(max(round(six_share * n), 1 if six_share else 0), left // (MOST_SCANS - 2))
    # first the six-scan patients, then the third, fourth ... scans of the others, nearest to what they wish for
    for p in sorted(repeat, key=lambda p: (p.natural_scans < MOST_SCANS, -p.wish_for_scans))[:n_six]:
        counts[p.number] = MOST_SCANS
        left -= MOST_SCANS - 2
    wishes = sorted(
        (j > p.natural_scans, j - 2 - 4 * p.wish_for_scans**2, p.number)
        for p in repeat
        if counts[p.number] == 2
        for j in range(3, MOST_SCANS + 1)
    )
    for _, _, number in wishes[:left]:
        counts[number] += 1
    return counts


def _statuses(scans: pd.DataFrame, severe: set[int], n_severe_scans: int) -> np.ndarray:
    status = np.full(len(scans), "non-severe", dtype=object)
    candidates = scans[scans["patient_number"].isin(severe)].sort_values(
        "true_severity", ascending=False, kind="stable"
    )
    worst = candidates.drop_duplicates("patient_number").index
    rest = candidates.index.difference(worst, sort=False)
    status[worst] = status[rest[: n_severe_scans - len(worst)]] = "severe"
    return status


def _moved(scans: pd.DataFrame, n_adults: int, motion_fraction: float) -> np.ndarray:
    moved = (scans["motion_draw"] < motion_fraction).to_numpy(copy=True)
    adult = (scans["patient_number"] <= n_adults).to_numpy()
    if motion_fraction > 0 and not moved[adult].any():
        first = scans["motion_draw"].where(adult | ~adult.any()).idxmin()  # Figure 6 needs one
        moved[first] = True
    return moved


def _observed(scans: pd.DataFrame, n_adults: int, severe: set[int], n_observed: int) -> np.ndarray:
    """Mark scans at random, one per patient, severe ones of severe patients and any of the others.

    Scans with visible infection come first: there is nothing to delineate in the rest.
    """
    adult = scans[scans["patient_number"] <= n_adults].sort_values("observed_draw", kind="stable")
    ill = adult.assign(empty=adult["true_extent"] == 0).sort_values("empty", kind="stable")
    of_severe = ill["patient_number"].isin(severe)
    a = ill[of_severe & (ill["status"] == "severe")].drop_duplicates("patient_number").index
    b = ill[~of_severe].drop_duplicates("patient_number").index
    # paper: 3 severe and 27 non-severe
    n_severe = min(max(round(n_observed * 3 / 30), n_observed - len(b)), len(a))
    picked = np.zeros(len(scans), bool)
    picked[a[:n_severe]] = picked[b[: n_observed - n_severe]] = True
    return picked
