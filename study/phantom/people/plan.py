"""The plan of the synthetic cohort: which patients, how many scans each, who is severe, with exact counts.

Only the counts tie patients together: how many scans each has, who ranks among the severe, which sex fills
the last place of a quota. All else is the patient's own (`patients`).

Severity follows the disease, with noise. A latent severity is the log-odds of the infected fraction, plus
density, plus age, plus what a CT does not show; the `n_severe_patients` patients with the highest peak of it
while in hospital are the severe patients, and the `n_severe_scans` scans with the highest value among their
scans, at least one a patient, are the severe scans. The paper counts "79 severe CT scans from 32 patients,
and 452 general CT scans from 164 patients", as if no severe patient had a non-severe scan, yet its Figure 5
shows one patient pass between the states. Here status belongs to the scan: a severe patient has at least one
severe scan and may have non-severe ones; the other patients have none that are severe. So the 452 non-severe
scans come from 164 non-severe patients *and* from non-severe visits of the 32.
"""

import numpy as np
import pandas as pd

from study.phantom.people.patients import MOST_SCANS, Patient, draw_patient, peak_severity, scan_days, visit_row

MALE_SHARE = {"severe": 14 / 32, "non-severe": 82 / 164}  # Table 1
SMALL_GROUP = 20  # fewer patients than this have no quota of sexes
REPEAT_SHARE = {"severe": 31 / 32, "non-severe": 131 / 164}  # Table 1: patients with multiple exams
# assumed: about two of three scans of a severe patient fall into the severe phase
SEVERE_SCANS_SHARE = 0.65
SIX_SCAN_SHARE = 2 / 32  # assumed: severe patients scanned six times, so that Figure 5 can be drawn


# The paper's numbers, from which those that are not given follow by proportion.
PAPER = dict(
    n_patients=204,
    n_minors=8,
    n_severe_patients=32,
    n_scans=548,
    n_adult_scans=531,
    n_severe_scans=79,
    n_observed=30,
)


def plan_cohort(
    *,
    n_patients=204,
    n_minors=None,
    n_severe_patients=None,
    n_scans=None,
    n_adult_scans=None,
    n_severe_scans=None,
    n_observed=None,
    motion_fraction=0.04,
    second_peak_fraction=0.0,
    seed=2020,
) -> pd.DataFrame:
    """The cohort as one row a scan, before any image is made.

    Counts that are not given follow from the others in the paper's proportions (`fill_counts`).

    Parameters
    ----------
    n_patients, n_minors : int
        All patients, and those under 18; the last `n_minors` numbers are the minors.
    n_severe_patients : int
        Adults with at least one severe scan.
    n_scans, n_adult_scans, n_severe_scans : int
        Scans of everybody, of the adults, and of severe status (adults only). At most `MOST_SCANS` a patient.
    n_observed : int
        Scans, each of another adult, that two observers delineate; one in ten severe where there are as many.
        Where it is not given, one at least.
    motion_fraction : float, 0..1
        Chance that a scan carries respiratory motion; above 0, one scan has it at least.
    second_peak_fraction : float, 0..1
        Chance that a patient's disease rises again after its first peak, to a second one about day 17 or 18.
    seed : int
        Not negative.

    Returns
    -------
    DataFrame
        scan_id, patient_id, age_years, sex, scan_date, status, motion (bool), observed (bool),
        patient_number, visit, true_illness_day, true_extent (0 where nothing is visible), true_consolidation,
        true_absorbing, true_severity.

    Raises
    ------
    ValueError
        Naming every count that cannot be met together.
    """
    given = dict(
        n_patients=n_patients,
        n_minors=n_minors,
        n_severe_patients=n_severe_patients,
        n_scans=n_scans,
        n_adult_scans=n_adult_scans,
        n_severe_scans=n_severe_scans,
        n_observed=n_observed,
    )
    _check_numbers(given, dict(motion_fraction=motion_fraction, second_peak_fraction=second_peak_fraction), seed)
    asked = fill_counts(**given)
    _check_counts(**asked)
    n_adults, n_adult_scans = n_patients - asked["n_minors"], asked["n_adult_scans"]
    patients = [draw_patient(seed, k, k > n_adults, second_peak_fraction) for k in range(1, n_patients + 1)]
    adults, minors = patients[:n_adults], patients[n_adults:]

    by_severity = sorted(adults, key=peak_severity, reverse=True)
    severe, others = by_severity[: asked["n_severe_patients"]], by_severity[asked["n_severe_patients"] :]
    n_of_severe = _scans_of_severe(len(severe), len(others), n_adult_scans, asked["n_severe_scans"])
    counts = {}
    for group, name, n in (
        (severe, "severe", n_of_severe),
        (others, "non-severe", n_adult_scans - n_of_severe),
        (minors, "non-severe", asked["n_scans"] - n_adult_scans),
    ):
        counts |= _allot(group, n, REPEAT_SHARE[name], SIX_SCAN_SHARE if name == "severe" else 0.0)
    male = _male(severe, "severe") | _male(others, "non-severe") | _male(minors, "non-severe")

    rows = [
        visit_row(seed, p, visit, day, "male" if p.number in male else "female")
        for p in patients
        for visit, day in enumerate(scan_days(p, counts[p.number]), start=1)
    ]
    scans = pd.DataFrame(rows)
    scans["status"] = _statuses(scans, {p.number for p in severe}, asked["n_severe_scans"])
    scans["motion"] = _moved(scans, n_adults, motion_fraction)
    scans["observed"] = _observed(scans, n_adults, {p.number for p in severe}, asked["n_observed"])
    columns = [
        *"scan_id patient_id age_years sex scan_date status motion observed patient_number visit".split(),
        *"true_illness_day true_extent true_consolidation true_absorbing true_severity".split(),
    ]
    return scans[columns]


def fill_counts(n_patients, **given) -> dict:
    """The counts of `plan_cohort`: those given, and for each left out (or None) its share in the paper.

    Parameters
    ----------
    n_patients : int
    **given : int or None
        As for `plan_cohort`.

    Returns
    -------
    dict
        Every count. 204 patients give the paper's own; a few give a cohort without minors or severe patients where
        their share rounds to none.
    """
    counts = dict(n_patients=n_patients) | {name: n for name, n in given.items() if n is not None}

    def fill(name, of, among, low=0, high=None):
        n = int(np.floor(of * among + 0.5))
        counts.setdefault(name, max(n if high is None else min(n, high), low))

    paper, paper_adults = PAPER, PAPER["n_patients"] - PAPER["n_minors"]
    fill("n_minors", n_patients, paper["n_minors"] / paper["n_patients"])
    n_adults = n_patients - counts["n_minors"]
    fill("n_severe_patients", n_adults, paper["n_severe_patients"] / paper_adults)
    scans_a_minor = (paper["n_scans"] - paper["n_adult_scans"]) / paper["n_minors"]
    n_minor_scans = int(np.floor(counts["n_minors"] * scans_a_minor + 0.5))
    if "n_scans" in counts:
        counts.setdefault("n_adult_scans", counts["n_scans"] - n_minor_scans)
    fill("n_adult_scans", n_adults, paper["n_adult_scans"] / paper_adults)
    counts.setdefault("n_scans", counts["n_adult_scans"] + n_minor_scans)
    n_severe, n_others = counts["n_severe_patients"], n_adults - counts["n_severe_patients"]
    scans_a_severe = paper["n_severe_scans"] / paper["n_severe_patients"]
    fill("n_severe_scans", n_severe, scans_a_severe, low=n_severe, high=counts["n_adult_scans"] - n_others)
    fill("n_observed", n_adults, paper["n_observed"] / paper_adults, low=min(1, max(n_adults, 0)))
    return {name: counts[name] for name in PAPER}


def _male(group: list[Patient], status: str) -> set[int]:
    """Numbers of the males: an exact share, or in a small group each patient's own draw.

    A quota of one or two would make a patient's sex, and so the images, hang on who else is there.
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
    """How many scans each of a group has: exact in sum, near everybody's wish and time in hospital."""
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
    # first the six-scan patients, then everybody's third, fourth ... scan, nearest to what they wish for
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
    """Mark scans at random, one a patient, severe ones of severe patients and any of the others.

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


def _refuse(bad: list[str]):
    raise ValueError("no such cohort can be made: " + "; ".join(bad) + "; change these numbers")


def _check_numbers(given: dict, fractions: dict, seed):
    """Refuse what is no number, of the counts that are given and of the fractions."""
    bad = [
        f"{name} = {value!r} must be a whole number, 0 or more"
        for name, value in (given | dict(seed=seed)).items()
        if (value is not None or name in ("n_patients", "seed"))
        and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0)
    ]
    bad += [
        f"{name} = {value!r} must be between 0 and 1"
        for name, value in fractions.items()
        if not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1
    ]
    if bad:
        _refuse(bad)


def _check_counts(n_patients, n_minors, n_severe_patients, n_scans, n_adult_scans, n_severe_scans, n_observed):
    """Refuse counts that cannot be met together."""
    n_adults, n_minor_scans = n_patients - n_minors, n_scans - n_adult_scans
    n_others = n_adults - n_severe_patients
    most, bad = MOST_SCANS, []

    def within(what, value, low, high):
        if not low <= value <= high:
            bad.append(f"{what} = {value} must be between {low} and {high}")

    within("n_patients", n_patients, 1, 99999)
    within("n_minors", n_minors, 0, n_patients)
    within("n_severe_patients", n_severe_patients, 0, max(n_adults, 0))
    if bad:
        _refuse(bad)
    within(f"n_adult_scans (for {n_adults} adults, 1 to {most} scans each)", n_adult_scans, n_adults, most * n_adults)
    within(
        f"n_scans - n_adult_scans (for {n_minors} minors, 1 to {most} scans each)",
        n_minor_scans,
        n_minors,
        most * n_minors,
    )
    within(
        "n_severe_scans (at least one a severe patient, and one scan left for every other adult)",
        n_severe_scans,
        n_severe_patients,
        min(most * n_severe_patients, n_adult_scans - n_others),
    )
    within("n_observed (one scan an adult)", n_observed, 0, n_adults)
    if bad:
        _refuse(bad)
