"""ROC: worked examples, properties, the pairwise definition, and R's pROC 1.18.0 (answers frozen in reference/)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.project import REFERENCE
from study.statistics import roc

DATA = dict(list(pd.read_csv(REFERENCE / "roc_data.csv").groupby("data", sort=False)))
ANSWERS = pd.read_csv(REFERENCE / "roc_answers.csv", index_col="data")
YOUDEN = pd.read_csv(REFERENCE / "youden_answers.csv", index_col="data")


def of(name):
    table = DATA[name]
    return (
        table["score"].to_numpy(float),
        table["other_score"].to_numpy(float),
        table["is_severe"].to_numpy(bool),
    )


@st.composite
def scored(draw, distinct=12, least=1):
    """Scores with many ties, and a status that has both values."""
    n_severe, n_other = draw(st.integers(least, 12)), draw(st.integers(least, 12))
    scores = draw(st.lists(st.integers(-distinct, distinct), min_size=n_severe + n_other, max_size=n_severe + n_other))
    order = np.array(draw(st.permutations(range(n_severe + n_other))))
    return np.array(scores, float) / 4, (np.arange(n_severe + n_other) < n_severe)[order]


def pairwise_auc(scores, is_severe):
    """Compute the definition: the share of pairs in the right order, ties half."""
    difference = scores[is_severe][:, None] - scores[~is_severe]
    return ((difference > 0) + 0.5 * (difference == 0)).mean()


def slow_delong(scores, is_severe):
    """Compute DeLong's variance by its formula, pair by pair."""
    difference = scores[is_severe][:, None] - scores[~is_severe]
    order = (difference > 0) + 0.5 * (difference == 0)
    return order.mean(axis=1).var(ddof=1) / order.shape[0] + order.mean(axis=0).var(ddof=1) / order.shape[1]


@settings(deadline=None)
@given(scored())
def test_auc_by_ranks_is_the_share_of_pairs_in_order(data):
    scores, is_severe = data
    assert roc.auc(scores, is_severe) == pytest.approx(pairwise_auc(scores, is_severe), abs=1e-12)


@settings(deadline=None)
@given(scored())
def test_turning_the_score_around_turns_the_auc_around(data):
    scores, is_severe = data
    area = roc.auc(scores, is_severe)
    assert roc.auc(-scores, is_severe) == pytest.approx(1 - area)
    assert roc.auc(scores, ~is_severe) == pytest.approx(1 - area)
    assert roc.auc(-scores, is_severe, higher_is_severe=False) == pytest.approx(area)
    assert roc.auc(np.exp(scores), is_severe) == pytest.approx(area)


@settings(deadline=None)
@given(scored(least=2))
def test_delong_is_its_formula(data):
    assert roc.delong_variance(*data) == pytest.approx(slow_delong(*data), abs=1e-12)


@settings(deadline=None)
@given(scored(), st.sampled_from(["logit", "plain"]), st.sampled_from([0.8, 0.95, 0.999]))
def test_intervals_hold_the_auc_and_stay_in_range(data, scale, confidence):
    low, high = roc.delong_interval(*data, confidence=confidence, scale=scale)
    assert np.isnan([low, high]).all() or 0 <= low <= roc.auc(*data) <= high <= 1


@settings(deadline=None)
@given(scored())
def test_the_curve_encloses_the_auc_and_runs_from_corner_to_corner(data):
    points = roc.curve(*data)
    assert np.trapezoid(points["tpr"], points["fpr"]) == pytest.approx(roc.auc(*data))
    assert tuple(points.iloc[0][["fpr", "tpr"]]) == (0, 0)
    assert tuple(points.iloc[-1][["fpr", "tpr"]]) == (1, 1)
    for row in points.iloc[1:].itertuples():
        point = roc.operating_point(*data, row.cutoff)
        assert (1 - point.specificity, point.sensitivity) == pytest.approx((row.fpr, row.tpr))


@settings(deadline=None)
@given(scored(), st.booleans())
def test_youden_is_the_best_cutoff_and_the_most_sensitive_of_equals(data, higher_is_severe):
    scores, is_severe = data
    chosen = roc.youden(scores, is_severe, higher_is_severe)
    every = [roc.operating_point(scores, is_severe, cutoff, higher_is_severe) for cutoff in np.unique(scores)]
    best = max(point.youden for point in every)
    assert chosen.youden == pytest.approx(best)
    assert chosen.sensitivity == max(point.sensitivity for point in every if point.youden > best - 1e-12)
    assert chosen.cutoff in scores


@pytest.mark.parametrize("name", ANSWERS.index)
def test_auc_and_delong_agree_with_proc(name):
    scores, other, is_severe = of(name)
    answer = ANSWERS.loc[name]
    assert roc.auc(scores, is_severe) == pytest.approx(answer["auc"], abs=1e-14)
    assert roc.delong_variance(scores, is_severe) == pytest.approx(answer["variance"], rel=1e-12, abs=1e-16)
    test = roc.delong_test(scores, other, is_severe)
    assert test.difference == pytest.approx(answer["auc"] - answer["other_auc"], abs=1e-14)
    assert (test.z, test.p_value) == pytest.approx((answer["z"], answer["p_value"]), rel=1e-10)
    if answer["variance"]:  # where DeLong's variance is 0, pROC gives an interval of no width; ours is wider or NaN
        interval = roc.delong_interval(scores, is_severe, scale="plain")
        assert interval == pytest.approx((answer["plain_low"], answer["plain_high"]), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", ANSWERS.index)
def test_youden_ties_are_those_that_proc_lists(name):
    """In the same order, from the most sensitive to the most specific, with a cut-off just above pROC's midpoint."""
    scores, _, is_severe = of(name)
    listed = YOUDEN.loc[[name]].sort_values("sensitivity", ascending=False)
    points = roc.youden_ties(scores, is_severe)
    counts = [(point.true_positives, point.true_negatives) for point in points]
    # pROC finds tp and tn from the rates, with rounding.
    assert counts == [(round(row.tp), round(row.tn)) for row in listed.itertuples()]
    for point, threshold in zip(points, listed["threshold"], strict=True):
        between = scores[(scores > threshold) & (scores < point.cutoff)]
        assert point.cutoff >= threshold and not between.size


@settings(deadline=None)
@given(scored(), st.booleans())
def test_youden_ties_are_all_cutoffs_of_the_greatest_index(data, higher_is_severe):
    scores, is_severe = data
    none = np.inf if higher_is_severe else -np.inf
    every = [roc.operating_point(*data, cutoff, higher_is_severe) for cutoff in [*np.unique(scores), none]]
    best = max(point.youden for point in every)
    tied = {point for point in every if point.youden > best - 1e-12}
    points = roc.youden_ties(scores, is_severe, higher_is_severe)
    assert set(points) == tied and len(points) == len(tied)
    assert roc.youden(scores, is_severe, higher_is_severe) == points[0]
    assert [point.sensitivity for point in points] == sorted((point.sensitivity for point in tied), reverse=True)


@pytest.mark.parametrize("name", ANSWERS.index)
def test_evaluate_says_the_same_as_its_parts(name):
    scores, other, is_severe = of(name)
    predicted = pd.DataFrame({"a": scores, "b": other}, index=[f"scan {k}" for k in range(len(scores))])
    table = roc.evaluate(predicted, pd.Series(is_severe, predicted.index), confidence=0.9)
    row, point = table.loc["a"], roc.youden(scores, is_severe)
    assert row["auc"] == roc.auc(scores, is_severe)
    assert (row["auc_low"], row["auc_high"]) == pytest.approx(
        roc.delong_interval(scores, is_severe, confidence=0.9), nan_ok=True
    )
    assert (row["sensitivity"], row["specificity"], row["cutoff"]) == (
        point.sensitivity,
        point.specificity,
        point.cutoff,
    )
    expected = ANSWERS.loc[name, "wilcoxon_p"]
    assert row["p_value"] == pytest.approx(1 if np.isnan(expected) else expected, rel=1e-9)


def test_a_missing_score_leaves_out_that_score_only():
    predicted = pd.DataFrame({"a": [0.1, 0.2, 0.8, 0.9], "b": [np.nan, 0.3, 0.2, 0.7]})
    is_severe = pd.Series([False, False, True, True])
    table = roc.evaluate(predicted, is_severe)
    assert table["n"].to_dict() == {"a": 4, "b": 3}
    assert table.loc["b", "auc"] == 0.5
    assert len(roc.curves(predicted, is_severe)["b"]) == 4


def test_worked_example():
    scores, is_severe = np.array([1.0, 2, 2, 3]), np.array([False, False, True, True])
    assert roc.auc(scores, is_severe) == 0.875
    point = roc.youden(scores, is_severe)
    assert (point.cutoff, point.sensitivity, point.specificity) == (
        2,
        1,
        0.5,
    )  # 3 has the same index, less sensitive


def test_logit_interval_by_hand():
    scores, _, is_severe = of("paper_size")
    area, variance = ANSWERS.loc["paper_size", ["auc", "variance"]]
    centre, reach = np.log(area / (1 - area)), 1.959963984540054 * np.sqrt(variance) / (area * (1 - area))
    expected = [1 / (1 + np.exp(-(centre + side * reach))) for side in (-1, 1)]
    assert roc.delong_interval(scores, is_severe) == pytest.approx(expected, rel=1e-12)


def test_perfect_separation_gives_the_exact_bound():
    scores, is_severe = np.arange(30.0), np.arange(30) >= 20
    assert roc.delong_interval(scores, is_severe) == pytest.approx((0.025 ** (1 / 10), 1))
    assert roc.delong_interval(-scores, is_severe) == pytest.approx((0, 1 - 0.025 ** (1 / 10)))


def test_a_score_against_itself_shows_no_difference():
    scores, _, is_severe = of("chance")
    test = roc.delong_test(scores, 3 * scores + 1, is_severe)
    assert (test.difference, test.z, test.p_value) == (0, 0, 1)


def test_one_scan_of_a_status_shows_no_spread():
    scores, is_severe = np.array([3.0, 1, 2, 4, 5]), np.array([True, False, False, False, False])
    assert np.isnan(roc.delong_variance(scores, is_severe))
    assert np.isnan(roc.delong_interval(scores, is_severe)).all()
    assert np.isnan(roc.delong_test(scores, -scores, is_severe).p_value)


def test_all_tied_scores():
    scores, is_severe = np.full(6, 2.0), np.arange(6) < 3
    assert roc.auc(scores, is_severe) == 0.5
    assert np.isnan(roc.delong_interval(scores, is_severe)).all()
    assert roc.youden(scores, is_severe).sensitivity == 1


def test_inputs_stay_as_they_were():
    scores, other, is_severe = of("few_values")
    copies = scores.copy(), other.copy(), is_severe.copy()
    roc.delong_test(scores, other, is_severe, higher_is_severe=False)
    roc.youden(scores, is_severe, higher_is_severe=False)
    roc.curve(scores, is_severe, higher_is_severe=False)
    assert all((a == b).all() for a, b in zip((scores, other, is_severe), copies, strict=True))


@pytest.mark.parametrize(
    ("scores", "is_severe", "words"),
    [
        ([1.0, 2.0], [True, True], "needs severe and non-severe scans; the 2 given are: severe"),
        ([1.0, 2.0], [False, False], "the 2 given are: non-severe"),
        ([], [], "the 0 given are: none"),
        ([1.0, np.nan], [True, False], "1 of 2 scores are missing"),
        ([1.0, np.inf], [True, False], "missing or infinite"),
        ([1.0, 2.0, 3.0], [True, False], "one of each per scan"),
        ([1.0, 2.0], [1, 2], "other than true and false"),
    ],
)
def test_what_cannot_be_computed_is_refused(scores, is_severe, words):
    for function in (roc.auc, roc.delong_variance, roc.delong_interval, roc.curve, roc.youden):
        with pytest.raises(ValueError, match=words):
            function(scores, is_severe)


@pytest.mark.parametrize("keywords", [{"confidence": 0}, {"confidence": 95}, {"scale": "log"}])
def test_wrong_settings_are_refused(keywords):
    with pytest.raises(ValueError, match=next(iter(keywords))):
        roc.delong_interval([1.0, 2.0], [False, True], **keywords)
