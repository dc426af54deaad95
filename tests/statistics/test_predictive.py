"""Likelihood ratios, predictive values and precision-recall, by counting and by Bayes' theorem."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.statistics import predictive, resampling

COUNTS = st.integers(1, 200)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_at_the_studys_prevalence_they_are_the_shares_of_right_calls(tp, fn, tn, fp):
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    prevalence = (tp + fn) / (tp + fn + tn + fp)
    ppv, npv = predictive.predictive_values(sensitivity, specificity, prevalence)
    assert (float(ppv), float(npv)) == pytest.approx((tp / (tp + fp), tn / (tn + fn)))
    # A call changes the odds by its likelihood ratio, at any prevalence.
    positive, negative = predictive.likelihood_ratios(sensitivity, specificity)
    for at in (0.01, prevalence, 0.7):
        ppv, npv = predictive.predictive_values(sensitivity, specificity, at)
        assert ppv / (1 - ppv) == pytest.approx(positive * at / (1 - at))
        assert (1 - npv) / npv == pytest.approx(negative * at / (1 - at))


def test_what_is_undefined():
    assert predictive.likelihood_ratios(0.9, 1.0)[0] == np.inf and np.isnan(predictive.likelihood_ratios(0.0, 1.0)[0])
    ppv, npv = predictive.predictive_values([0.0, 1.0], [1.0, 0.0], 0.5)  # nobody called severe; everybody
    assert np.isnan(ppv[0]) and npv[0] == 0.5 and ppv[1] == 0.5 and np.isnan(npv[1])
    with pytest.raises(ValueError, match="prevalence 15"):
        predictive.predictive_values(0.9, 0.9, 15)


def slow_average_precision(scores, severe):
    """Over the severe scans, the share of severe among the scans that score as high or higher."""
    return np.mean([severe[scores >= score].mean() for score in scores[severe]])


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_by_counting_and_in_resamples(seed):
    rng = np.random.default_rng(seed)
    severe = rng.random(60) < 0.3
    scores = np.round(rng.normal(severe, 1), 1)  # with ties
    curve, average = predictive.precision_recall(scores, severe)
    assert average == pytest.approx(slow_average_precision(scores, severe))
    assert curve["recall"].is_monotonic_increasing and curve["precision"].iloc[-1] == pytest.approx(severe.mean())
    # Patients of one scan: a resample's average precision is that of the scans drawn.
    drawn = resampling.stratified(scores, severe, 300, seed)
    assert drawn["average_precision"].mean() == pytest.approx(average, abs=0.06)
    twice = resampling.plain(np.tile(scores, 2), np.tile(severe, 2), 300, seed)["average_precision"].mean()
    assert twice == pytest.approx(average, abs=0.05)


def test_the_curve_begins_with_the_precision_of_the_highest_cutoff():
    curve, average = predictive.precision_recall(np.array([9, 8, 7, 1]), np.array([False, False, True, False]))
    assert curve["precision"].tolist() == pytest.approx([0, 0, 0, 1 / 3, 1 / 4]) and average == pytest.approx(1 / 3)
    curve, _ = predictive.precision_recall(np.array([9, 8]), np.array([True, False]))
    assert curve.iloc[0].tolist() == [0, 1]


def test_scores_without_information_have_the_baseline():
    rng = np.random.default_rng(0)
    severe = np.arange(4000) < 600
    assert predictive.precision_recall(rng.random(4000), severe)[1] == pytest.approx(0.15, abs=0.02)
