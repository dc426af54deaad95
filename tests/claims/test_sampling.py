"""Two samples of one truth differ in one of twenty cases, whatever the kind of number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from study.claims import paper, sampling

PAPER = paper.read_paper()


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("count", lambda rng: sampling.Sampled(float(rng.poisson(30)))),
        ("share", lambda rng: sampling.Sampled(rng.binomial(150, 0.9) / 150, n=150)),
        ("share", lambda rng: sampling.Sampled(rng.binomial(80, 0.4) / 80, standard_error=0.0548, n=80)),
        ("p", lambda rng: sampling.Sampled(float(2 * stats.norm.sf(abs(rng.normal(4, 1)))))),
        (
            "positive",
            lambda rng: sampling.Sampled(float(np.exp(rng.normal(1, 0.3))), interval=(np.e**0.412, np.e**1.588)),
        ),
        ("plain", lambda rng: sampling.Sampled(rng.normal(0, 2), standard_error=2.0)),
    ],
)
def test_two_samples_of_one_truth_differ_in_one_of_twenty(kind, draw):
    rng = np.random.default_rng(7)
    p = []
    for _ in range(2000):
        one, other = draw(rng), draw(rng)
        p.append(sampling.p_of_difference(kind, one, other, one.value))
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / 2000))


def values_in_0_to_1(rng, n, failed):
    """Like Dice coefficients: most near 0.85, a share `failed` near 0."""
    return np.where(rng.random(n) < failed, rng.beta(1, 8, n), rng.beta(12, 2.5, n))


@pytest.mark.parametrize("failed", [0.0, 0.05, 0.1, 0.2])
def test_sds_of_few_values_that_cannot_leave_a_range_differ_in_one_of_twenty_at_most(failed):
    rng = np.random.default_rng(3)
    p = []
    for _ in range(2000):
        one, other = values_in_0_to_1(rng, 30, failed), values_in_0_to_1(rng, 30, failed)
        printed = sampling.Sampled(one.std(ddof=1), n=30, reach=max(one.mean(), 1 - one.mean()))
        p.append(
            sampling.p_of_difference("positive", printed, sampling.Sampled(other.std(ddof=1), n=30), printed.value)
        )
    assert np.mean(np.array(p) < 0.05) < 0.05 and np.mean(np.array(p) < 0.001) <= 0.004


def test_sds_of_many_values_that_cannot_leave_a_range_differ_where_the_truth_does():
    rng = np.random.default_rng(3)
    one, other = values_in_0_to_1(rng, 300, 0.02), values_in_0_to_1(rng, 300, 0.2)
    printed = sampling.Sampled(one.std(ddof=1), n=300, reach=one.mean())
    assert (
        sampling.p_of_difference("positive", printed, sampling.Sampled(other.std(ddof=1), n=300), printed.value) < 1e-5
    )


def test_the_range_of_the_values_counts_wherever_their_sd_is_printed():
    reach = sampling.reaches(PAPER)
    assert reach["results_dice_observer_1_sd"] == reach["abstract_dice_observer_1_sd"] == pytest.approx(0.74)
    assert "table_1_age_sd" not in reach
    printed_with = sampling.intervals(PAPER)
    assert printed_with["abstract_dice_observer_1"] == printed_with["results_dice_observer_1"]


def test_no_share_is_surer_than_binomial():
    """Where all resamples have the same share, as at 100 %, their spread says nothing."""
    printed, seen = sampling.Sampled(0.9, n=80), sampling.Sampled(1.0, standard_error=0.001, n=80)
    assert sampling.p_of_difference("share", printed, seen, 0.9) == pytest.approx(
        2 * stats.t.sf((np.pi / 2 - np.arcsin(0.9**0.5)) / (0.5 * (2 / 80) ** 0.5), 79)
    )


@given(
    st.sampled_from(["count", "several", "share", "area", "positive", "p", "plain"]),
    st.floats(0.05, 0.95), st.floats(0.02, 0.2), st.integers(10, 500),
)  # fmt: skip
def test_what_is_not_told_apart_ends_where_p_is_the_level(kind, x, error, n):
    """A number within the range has p of 0.05 and more, one beyond has less; both errors are the printed one's."""
    scaled = 100 * x if kind in ("count", "several") else x
    first = sampling.Sampled(scaled, interval=(scaled - 1.96 * error, scaled + 1.96 * error), n=n)
    ends = (scaled * 0.999, scaled * 1.001)
    low, high = sampling.not_told_apart(kind, first, sampling.Sampled(scaled, n=n), ends)
    assert low < ends[0] and ends[1] < high
    for end, nearest, outwards in ((low, ends[0], -1), (high, ends[1], 1)):
        if kind in ("share", "area", "p") and not 1e-9 < end < 1 - 1e-9:
            continue  # the scale ends before
        if kind in ("count", "several") and end == 0:
            continue
        near, far = (end + outwards * side * 1e-3 * abs(end - nearest) for side in (-1, 1))
        p = [sampling.p_of_difference(kind, first, sampling.Sampled(one, n=n), nearest) for one in (near, far)]
        assert p[0] >= 0.05 > p[1]


def test_the_kind_of_a_number_follows_from_what_cites_it():
    kinds = sampling.kinds(PAPER)
    expected = {
        "table_1_patients": "count", "table_1_scans": "several",
        "table_1_male_percent": "share", "table_2_auc_poi": "area", "key_auc": "area",
        "odds_ratio_poi": "positive", "results_dice_observers_sd": "positive", "abstract_dice_observers_sd": "positive",
        "table_4_error_volume_all": "error", "table_4_kappa_volume_all": "plain", "aic_poi": "aic",
        "results_p_poi": "p",
    }  # fmt: skip
    assert {id_: kinds[id_] for id_ in expected} == expected


def test_cohorts_have_one_size_where_the_numbers_of_patients_do_not_differ_by_more_than_chance():
    alike = [n for n in range(300) if sampling.same_size(204, n)]
    assert (alike[0], alike[-1], len(alike)) == (167, 245, 79) and sampling.same_size(245, 204)
    drawn = np.random.default_rng(2).poisson(204, (2000, 2))
    assert np.mean([sampling.same_size(*pair) for pair in drawn]) == pytest.approx(0.95, abs=0.02)
    # A patient has several scans, whose number varies more.
    assert sampling.same_size(204, 160, "scans") and not sampling.same_size(204, 140, "scans")


def test_sampling_error_follows_from_what_is_printed():
    intervals = sampling.intervals(PAPER)
    low, high = intervals["table_4_kappa_volume_whole"]
    assert (low, high) == pytest.approx((0.8220 - 1.96 * 0.0492, 0.8220 + 1.96 * 0.0492), abs=1e-4)
    assert intervals["results_dice_observer_1"] == pytest.approx(
        (0.74 - 1.96 * 0.28 / 30**0.5, 0.74 + 1.96 * 0.28 / 30**0.5), abs=1e-4
    )
    from statsmodels.stats.proportion import proportion_confint

    wilson = proportion_confint(14, 32, method="wilson")
    assert intervals["table_1_male_severe_percent"] == pytest.approx(
        (100 * wilson[0], 100 * wilson[1]), abs=0.3
    )  # of 44 %, as printed
