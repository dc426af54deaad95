"""The plan of the synthetic cohort: exact counts, a plausible disease course, severity with overlap."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from study.phantom.people import patients
from study.phantom.people.counts import PAPER, People
from study.phantom.people.plan import plan_cohort
from study.phantom.request import RequestError

SMOKE = dict(
    n_patients=24,
    n_minors=1,
    n_severe_patients=5,
    n_scans=62,
    n_adult_scans=60,
    n_severe_scans=12,
    n_observed=6,
)


def by_patient(scans):
    return scans.groupby("patient_id").agg(
        age=("age_years", "first"),
        sex=("sex", "first"),
        n=("scan_id", "size"),
        n_severe=("status", lambda status: (status == "severe").sum()),
    )


@pytest.fixture(scope="module")
def plan():
    return plan_cohort(People())


@pytest.fixture(scope="module")
def plans():
    return [plan_cohort(People(seed=seed)) for seed in range(12)]


# ------------------------------------------------------------------ who is in it


def test_default_counts_are_those_of_table_1(plan):
    adults, minors = plan[plan["age_years"] >= 18], plan[plan["age_years"] < 18]
    people = by_patient(adults)
    severe = people["n_severe"] > 0
    assert plan["patient_id"].nunique() == 204 and len(plan) == 548
    assert minors["patient_id"].nunique() == 8 and len(minors) == 17
    assert len(people) == 196 and len(adults) == 531
    assert severe.sum() == 32 and people["n_severe"].sum() == 79
    assert (people.loc[severe, "sex"] == "male").sum() == 14 and (people.loc[~severe, "sex"] == "male").sum() == 82
    assert (people.loc[severe, "n"] > 1).sum() == 31 and (people.loc[~severe, "n"] > 1).sum() == 131
    assert (minors["status"] == "non-severe").all()
    assert plan["scan_id"].str.lower().is_unique and plan["scan_id"].str.fullmatch(r"[A-Za-z0-9._-]+").all()


@pytest.mark.parametrize("seed", range(5))
def test_counts_do_not_depend_on_the_seed(seed):
    people = by_patient(plan_cohort(People(seed=seed)))
    assert people["n"].sum() == 548 and people["n_severe"].sum() == 79 and (people["n_severe"] > 0).sum() == 32
    assert ((people["n"] == 6) & (people["n_severe"] > 0)).sum() >= 2  # Figure 5


def test_ages_come_near_table_1(plans):
    severe, others = [], []
    for plan in plans:
        people = by_patient(plan[plan["age_years"] >= 18])
        severe += people["age"][people["n_severe"] > 0].tolist()
        others += people["age"][people["n_severe"] == 0].tolist()
    assert np.mean(severe) == pytest.approx(56, abs=2) and np.std(severe) == pytest.approx(14, abs=2)
    assert np.mean(others) == pytest.approx(45, abs=2) and np.std(others) == pytest.approx(14, abs=2)


def test_dates_lie_in_the_period_a_few_days_apart(plan):
    day = pd.to_datetime(plan["scan_date"])
    assert day.min() >= pd.Timestamp("2020-01-23") and day.max() <= pd.Timestamp("2020-02-12")
    gaps = day.groupby(plan["patient_id"]).diff().dropna().dt.days
    assert gaps.between(2, 6).mean() > 0.97 and gaps.min() >= 1
    assert day.groupby(plan["patient_id"]).min().nunique() > 10  # admission is staggered


def test_some_severe_patients_pass_between_the_states(plan):
    mixed = plan.groupby("patient_id")["status"].nunique()
    assert (mixed == 2).sum() >= 5


def test_counts_that_are_not_given_follow_in_the_papers_proportions():
    assert People() == People(**PAPER)
    assert People(n_patients=2040) == People(**{name: 10 * n for name, n in PAPER.items()})
    for n_patients in (1, 2, 3, 4, 5, 9, 26):
        plan = plan_cohort(People(n_patients=n_patients))
        assert plan["patient_id"].nunique() == n_patients and plan["observed"].sum() >= 1
        assert len(plan) == pytest.approx(n_patients * 548 / 204, abs=1)
        people = by_patient(plan)
        assert (people["n_severe"] > 0).sum() == pytest.approx(n_patients * 32 / 204, abs=0.51)
    given = plan_cohort(People(n_patients=5, n_severe_patients=5, n_observed=0))
    assert (by_patient(given)["n_severe"] > 0).all() and not given["observed"].any()
    assert len(plan_cohort(People(n_patients=30, n_scans=60))) == 60


def test_small_cohort_scales():
    plan = plan_cohort(People(**SMOKE))
    adults = plan[plan["age_years"] >= 18]
    people = by_patient(adults)
    assert (len(plan), len(adults), len(people)) == (62, 60, 23)
    assert (people["n_severe"] > 0).sum() == 5 and people["n_severe"].sum() == 12
    assert plan["observed"].sum() == 6 and plan["motion"].any()
    assert (people.loc[people["n_severe"] > 0, "n"] == 6).any()


@pytest.mark.parametrize(
    "counts",
    [
        dict(
            n_patients=1,
            n_minors=0,
            n_severe_patients=0,
            n_scans=1,
            n_adult_scans=1,
            n_severe_scans=0,
            n_observed=0,
        ),
        dict(
            n_patients=2,
            n_minors=0,
            n_severe_patients=2,
            n_scans=12,
            n_adult_scans=12,
            n_severe_scans=12,
            n_observed=2,
        ),
        dict(
            n_patients=10,
            n_minors=10,
            n_severe_patients=0,
            n_scans=20,
            n_adult_scans=0,
            n_severe_scans=0,
            n_observed=0,
        ),
        dict(
            n_patients=5,
            n_minors=0,
            n_severe_patients=1,
            n_scans=30,
            n_adult_scans=30,
            n_severe_scans=6,
            n_observed=5,
        ),
        dict(
            n_patients=5,
            n_minors=1,
            n_severe_patients=2,
            n_scans=5,
            n_adult_scans=4,
            n_severe_scans=2,
            n_observed=3,
        ),
    ],
)
def test_cohorts_at_the_edge_of_what_is_possible(counts):
    plan = plan_cohort(People(**counts))
    people = by_patient(plan)
    assert len(plan) == counts["n_scans"] and len(people) == counts["n_patients"] and people["n"].max() <= 6
    assert people["n_severe"].sum() == counts["n_severe_scans"]
    assert (people["n_severe"] > 0).sum() == counts["n_severe_patients"]
    assert plan["observed"].sum() == counts["n_observed"]
    assert plan["scan_date"].max() <= "2020-02-12"


@pytest.mark.parametrize(
    "wrong, said",
    [
        (
            dict(n_severe_patients=300),
            "n_severe_patients = 300 must be between 0 and 196: n_patients = 204",
        ),
        (dict(n_minors=205), "n_minors = 205 must be between 0 and 204: n_patients = 204 includes them"),
        (
            dict(n_severe_scans=31),
            "n_severe_scans = 31 must be between 32 and 192, 1 to 6 for each",
        ),
        (dict(n_severe_scans=400), "n_severe_scans = 400 must be between 32 and 192"),
        (
            dict(n_adult_scans=100),
            "n_adult_scans = 100 must be between 196 and 1176, 1 to 6 for each adult: n",
        ),
        (dict(n_scans=530, n_adult_scans=531), "n_scans = 530 minus n_adult_scans = 531 must be between 8 and 48"),
        (
            dict(n_observed=197),
            "n_observed = 197 must be between 0 and 196, at most one for each adult",
        ),
        (dict(motion_fraction=1.2), "motion_fraction = 1.2 must be between 0 and 1"),
        (dict(second_peak_fraction=-0.1), "second_peak_fraction = -0.1 must be between 0 and 1"),
        (dict(n_patients=2.5), "n_patients = 2.5 must be a whole number"),
        (dict(n_patients=None), "n_patients = None must be a whole number"),
        (dict(seed=-1), "seed = -1 must be a whole number, 0 or more"),
        (dict(n_severe_patients=0, n_severe_scans=79), "n_severe_scans = 79 must be 0, "),
        (dict(n_patients=0), "n_patients = 0 must be between 1 and 99999"),
        (
            dict(n_patients=2, n_severe_patients=3),
            "n_severe_patients = 3 must be between 0 and 2: n_patients = 2 means 2 adults",
        ),
        (dict(report_language="latin"), "report_language = 'latin' must be one of english, chinese, mixed"),
        (dict(seed=-1, motion_fraction=2), "seed = -1 must be a whole number, 0 or more; motion_fraction = 2 must be"),
    ],
)
def test_impossible_requests_are_one_clear_error(wrong, said):
    with pytest.raises(RequestError) as refused:
        People(**wrong)
    assert str(refused.value).startswith(said) and "\n" not in str(refused.value)


def test_a_patient_does_not_depend_on_the_others(plan):
    smaller = plan_cohort(People(**SMOKE))
    both = plan.merge(smaller, on=["patient_number", "visit"], suffixes=("", "_smaller"))
    both = both[(both["age_years"] >= 18) & (both["age_years_smaller"] >= 18)]
    same_day = both["scan_date"] == both["scan_date_smaller"]
    # dates move only where more scans are asked for than fit the patient's own pace
    assert same_day.mean() > 0.85
    for column in ("age_years", "true_illness_day", "true_extent", "true_consolidation", "true_absorbing"):
        same = both[column] == both[column + "_smaller"]
        assert same[same_day].all(), column


# ------------------------------------------------------------------ disease and severity


def test_involvement_peaks_about_day_10_and_density_later():
    day = np.arange(0, 40, 0.25)
    peaks, later, residuals = [], [], []
    for number in range(1, 300):
        extent, consolidation, absorbing = patients.course(patients.draw_patient(1, number), day)
        peaks.append(day[extent.argmax()])
        later.append(day[consolidation.argmax()] - peaks[-1])
        residuals.append(extent[-1] / extent.max())
        assert 0 < extent.max() <= 0.65 and extent[0] < 0.7 * extent.max()
        assert absorbing[0] == 0 and absorbing[-1] > 0.5 and np.all((consolidation > 0) & (consolidation < 1))
    assert np.mean(peaks) == pytest.approx(10, abs=0.7)
    assert np.mean(later) == pytest.approx(2, abs=0.5)
    assert 0.1 < np.median(residuals) < 0.5  # falls, and not to nothing


def test_severe_disease_is_higher_and_lasts_longer():
    day = np.arange(0, 40, 0.25)
    people = [patients.draw_patient(1, number) for number in range(1, 300)]
    extents = np.array([patients.course(p, day)[0] for p in people])
    severity = np.array([patients.peak_severity(p) for p in people])
    severe = severity > np.quantile(severity, 0.85)
    assert np.median(extents[severe].max(axis=1)) > 2 * np.median(extents[~severe].max(axis=1))
    days_above_half = 0.25 * (extents > 0.5 * extents.max(axis=1, keepdims=True)).sum(axis=1)
    assert days_above_half[severe].mean() > days_above_half[~severe].mean() + 1


def test_a_second_peak_is_a_parameter_and_changes_nothing_else():
    day = np.arange(0, 40, 0.25)
    shares = []
    for number in range(1, 200):
        once, twice = (patients.draw_patient(1, number, second_peak_fraction=f) for f in (0.0, 1.0))
        assert once.second_peak == 0 and dataclasses.replace(twice, second_peak=0.0) == once
        (one, _, _), (two, _, absorbing) = (patients.course(p, day) for p in (once, twice))
        assert (two >= one - 1e-12).all() and two.max() <= 0.65
        assert absorbing[day <= 15].max() < 0.05  # nothing is absorbed before the second peak
        shares.append(two / one.max())
    mean = np.mean(shares, axis=0)
    first, valley, second = (mean[(day >= low) & (day <= high)] for low, high in ((8, 13), (13, 16), (16, 20)))
    assert valley.min() < first.max() - 0.02 and valley.min() < second.max() - 0.1
    assert 17 <= day[(day >= 16) & (day <= 20)][second.argmax()] <= 18.5
    plan = plan_cohort(People(**SMOKE, second_peak_fraction=1.0))
    assert (plan["true_extent"] != plan_cohort(People(**SMOKE))["true_extent"]).any()


def test_extents_are_skewed_and_overlap_between_the_groups(plans):
    scans = pd.concat(plans)
    scans = scans[scans["age_years"] >= 18]
    severe = scans.loc[scans["status"] == "severe", "true_extent"]
    others = scans.loc[scans["status"] == "non-severe", "true_extent"]
    assert 0.02 < others.median() < 0.045 and 0.17 < severe.median() < 0.28
    assert 0.45 < severe.max() <= 0.65 and 0.01 < (others == 0).mean() < 0.08
    assert others.skew() > 1
    # overlap in both directions: neither threshold nor memory separates the groups
    assert (others > severe.quantile(0.25)).any() and (severe < others.quantile(0.9)).any()


def test_severity_follows_disease_but_not_only(plans):
    scans = pd.concat(plans)
    scans = scans[(scans["age_years"] >= 18) & (scans["true_extent"] > 0)]
    log_odds = np.log(scans["true_extent"] / (1 - scans["true_extent"]))
    assert 0.7 < np.corrcoef(log_odds, scans["true_severity"])[0, 1] < 0.92
