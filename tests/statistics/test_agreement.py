"""Means, rates and agreement with patient-clustered intervals: textbook cases, copies of scans, a slow reference."""

import numpy as np
import pytest
from scipy import stats

from study.statistics import agreement

RNG = np.random.default_rng(4)
PATIENTS = np.repeat(np.arange(60), RNG.integers(1, 6, 60))
OF_PATIENT = RNG.normal(0, 1, 60)[PATIENTS]
TRUE = OF_PATIENT + RNG.normal(0, 0.5, len(PATIENTS))
MEASURED = 0.9 * TRUE + 0.3 * OF_PATIENT + RNG.normal(0.2, 0.4, len(PATIENTS))
FOUND, PRESENT = RNG.integers(0, 4, len(PATIENTS)), RNG.integers(3, 6, len(PATIENTS))


def every_estimate(patients, true=TRUE, measured=MEASURED, found=FOUND, present=PRESENT):
    lower, upper = agreement.limits_of_agreement(measured - true, patients)
    return {
        "mean": agreement.mean(measured, patients), "ratio": agreement.ratio(found, present, patients),
        "spread": agreement.spread(measured, patients), "correlation": agreement.correlation(true, measured, patients),
        "lower": lower, "upper": upper,
    }  # fmt: skip


def test_with_one_scan_a_patient_the_interval_of_a_mean_is_the_textbooks():
    found = agreement.mean(TRUE, np.arange(len(TRUE)))
    low, high = stats.t.interval(0.95, len(TRUE) - 1, TRUE.mean(), stats.sem(TRUE))
    assert (found["estimate"], found["low"], found["high"]) == pytest.approx((TRUE.mean(), low, high))
    assert (found["n"], found["n_patients"]) == (len(TRUE), len(TRUE))


def test_estimates_are_those_of_the_scans():
    found = every_estimate(PATIENTS)
    difference = MEASURED - TRUE
    assert found["ratio"]["estimate"] == FOUND.sum() / PRESENT.sum()
    assert found["spread"]["estimate"] == pytest.approx(MEASURED.std(ddof=1))
    assert found["correlation"]["estimate"] == pytest.approx(np.corrcoef(TRUE, MEASURED)[0, 1])
    assert found["lower"]["estimate"] == pytest.approx(difference.mean() - 1.96 * difference.std(ddof=1))
    assert found["upper"]["estimate"] == pytest.approx(difference.mean() + 1.96 * difference.std(ddof=1))


@pytest.mark.parametrize("name", ["mean", "ratio", "correlation"])
def test_copies_of_a_patients_scans_tell_nothing_new(name):
    once = every_estimate(PATIENTS)[name]
    twice = every_estimate(*(np.tile(c, 2) for c in (PATIENTS, TRUE, MEASURED, FOUND, PRESENT)))[name]
    assert [twice[k] for k in ("estimate", "low", "high")] == pytest.approx(
        [once[k] for k in ("estimate", "low", "high")]
    )
    assert twice["n"] == 2 * once["n"] and twice["n_patients"] == once["n_patients"]


def test_errors_are_those_of_a_bootstrap_of_patients():
    """The half width of each interval against 1.96 SD of resamples of whole patients."""
    of_patient = [np.flatnonzero(PATIENTS == k) for k in range(60)]
    drawn = {name: [] for name in every_estimate(PATIENTS)}
    for _ in range(400):
        scans = np.concatenate([of_patient[k] for k in RNG.integers(0, 60, 60)])
        again = every_estimate(PATIENTS[scans], TRUE[scans], MEASURED[scans], FOUND[scans], PRESENT[scans])
        for name, found in again.items():
            drawn[name].append(found["estimate"])
    for name, found in every_estimate(PATIENTS).items():
        assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * np.std(drawn[name]), rel=0.2), name


def test_missing_values_are_left_out_and_the_range_is_kept():
    found = agreement.mean([1.0, 1.0, np.nan, 0.9], ["a", "b", "c", "d"], within=(0, 1))
    assert (found["n"], found["n_patients"], found["high"]) == (3, 3, 1.0)
    assert found["estimate"] == pytest.approx(2.9 / 3)


@pytest.mark.parametrize(
    "found",
    [
        agreement.mean([], []),
        agreement.ratio([0, 0], [0, 0], ["a", "b"]),
        agreement.spread([1.0], ["a"]),
        agreement.correlation([1.0, 1.0], [1.0, 2.0], ["a", "b"]),
        agreement.limits_of_agreement([], [])[0],
    ],
)
def test_what_is_undefined_is_nan(found):
    assert all(np.isnan(found[name]) for name in ("estimate", "low", "high"))


@pytest.mark.parametrize(
    "found",
    [
        agreement.mean([0.5, 0.7], ["a", "a"]),
        agreement.mean([1.0, 1.0], ["a", "b"]),
        agreement.correlation([1, 2, 3], [2, 4, 6], ["a", "b", "c"]),
    ],
)
def test_one_patient_or_no_spread_gives_no_interval(found):
    assert np.isfinite(found["estimate"]) and np.isnan(found["low"]) and np.isnan(found["high"])


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="one per scan"):
        agreement.mean([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="between 0 and 1"):
        agreement.mean([1.0, 2.0], ["a", "b"], confidence=95)


def test_a_share_of_lesions_is_at_most_one():
    found = agreement.ratio([3, 1, 4], [3, 2, 4], ["a", "b", "c"], (0, 1))
    assert found["high"] == 1 < agreement.ratio([3, 1, 4], [3, 2, 4], ["a", "b", "c"])["high"]
