"""Bootstrap of ROC results: against a slow loop, against roc.py, and its properties."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study import resampling, roc


def draw(n_severe=20, n_other=50, seed=0, decimals=1):
    rng = np.random.default_rng(seed)
    is_severe = np.arange(n_severe + n_other) < n_severe
    return np.round(rng.normal(size=is_severe.size) + 1.2 * is_severe, decimals), is_severe


def expand(scores, is_severe, counts):
    return np.repeat(scores, counts), np.repeat(is_severe, counts)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 1), st.integers(2, 9), st.integers(2, 9))
def test_each_resample_is_what_roc_gives_on_the_repeated_scans(seed, decimals, n_severe, n_other):
    scores, is_severe = draw(n_severe, n_other, seed, decimals)
    counts = np.random.default_rng(seed).integers(0, 4, (5, scores.size))
    counts[:, 0] += 1  # a severe and a non-severe scan in each
    counts[:, -1] += 1
    chunks = iter([counts])
    table = resampling._replicates(scores, is_severe, lambda n: next(chunks), 5, 0.5)
    for row, count in zip(table.itertuples(), counts, strict=True):
        drawn = expand(scores, is_severe, count)
        point, held = roc.youden(*drawn), roc.operating_point(*drawn, 0.5)
        assert row.auc == pytest.approx(roc.auc(*drawn))
        assert row.cutoff == point.cutoff
        assert (row.sensitivity_reselected, row.specificity_reselected) == (
            point.sensitivity,
            point.specificity,
        )
        assert (row.sensitivity, row.specificity) == (held.sensitivity, held.specificity)


def test_stratified_keeps_the_group_sizes_and_centres_on_the_estimate():
    scores, is_severe = draw()
    point = roc.youden(scores, is_severe)
    table = resampling.stratified(scores, is_severe, 4000, seed=3, cutoff=point.cutoff)
    hits = table["sensitivity"].to_numpy() * 20
    assert hits == pytest.approx(np.rint(hits))
    assert table["auc"].mean() == pytest.approx(roc.auc(scores, is_severe), abs=0.005)
    assert table["sensitivity"].mean() == pytest.approx(point.sensitivity, abs=0.01)
    # The variance of a proportion under the bootstrap is p (1 - p) / n.
    spread = np.sqrt(point.specificity * (1 - point.specificity) / 50)
    assert table["specificity"].std() == pytest.approx(spread, rel=0.06)


def test_bootstrap_variance_of_the_auc_is_near_delongs():
    scores, is_severe = draw(79, 452, decimals=3)
    table = resampling.stratified(scores, is_severe, 4000, seed=1)
    assert table["auc"].var() == pytest.approx(roc.delong_variance(scores, is_severe), rel=0.1)


def test_one_scan_a_patient_makes_the_clusters_plain():
    scores, is_severe = draw(30, 80)
    by_scan = resampling.stratified(scores, is_severe, 6000, seed=1)["auc"]
    by_patient = resampling.clustered(scores, is_severe, np.arange(110), 6000, seed=2)["auc"]
    assert by_patient.std() == pytest.approx(by_scan.std(), rel=0.05)


def test_copies_of_scans_widen_the_clustered_interval_only():
    scores, is_severe = draw(20, 60)
    copied, patients = np.repeat(scores, 4), np.repeat(np.arange(80), 4)
    alone = resampling.stratified(scores, is_severe, 3000)["auc"].std()
    naive = resampling.stratified(copied, np.repeat(is_severe, 4), 3000)["auc"].std()
    honest = resampling.clustered(copied, np.repeat(is_severe, 4), patients, 3000)["auc"].std()
    assert naive == pytest.approx(alone / 2, rel=0.1)
    assert honest == pytest.approx(alone, rel=0.1)


def test_a_patient_comes_with_all_scans():
    scores, is_severe = np.array([1.0, 2, 3, 4]), np.array([True, False, False, False])
    table = resampling.clustered(scores, is_severe, ["a", "a", "a", "a"], 50)
    assert (table["auc"] == roc.auc(scores, is_severe)).all()


def test_the_same_seed_gives_the_same_resamples_and_blocks_do_not_show(monkeypatch):
    scores, is_severe = draw()
    first = resampling.stratified(scores, is_severe, 300, seed=5)
    pd.testing.assert_frame_equal(first, resampling.stratified(scores, is_severe, 300, seed=5))
    assert not first.equals(resampling.stratified(scores, is_severe, 300, seed=6))
    monkeypatch.setattr(resampling, "BLOCK", scores.size * 64)
    assert resampling.stratified(scores, is_severe, 300, seed=5).shape == first.shape


def test_a_resample_without_one_status_is_left_out():
    # The only non-severe scan belongs to one of three patients who all have severe ones.
    scores, is_severe = np.array([1.0, 2, 3, 4]), np.array([False, True, True, True])
    table = resampling.clustered(scores, is_severe, ["a", "a", "b", "c"], 400)
    limits = resampling.intervals(table)
    assert 0 < table["auc"].isna().sum() < 400
    assert limits.loc["auc", "n_resamples"] == table["auc"].notna().sum()


@given(st.integers(0, 1000), st.sampled_from([0.5, 0.95]))
@settings(deadline=None, max_examples=25)
def test_intervals_stay_in_range(seed, confidence):
    scores, is_severe = draw(3, 4, seed, 0)
    limits = resampling.intervals(resampling.stratified(scores, is_severe, 60, seed, cutoff=0.0), confidence)
    shares = limits.drop("cutoff")[["low", "high"]].dropna()
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert (limits["low"].dropna() <= limits["high"].dropna()).all()


def test_no_spread_is_no_interval():
    scores, is_severe = np.arange(20.0), np.arange(20) >= 12
    limits = resampling.intervals(resampling.stratified(scores, is_severe, 100))
    assert limits.loc["auc", ["low", "high"]].isna().all()


def test_evaluate_puts_both_schemes_side_by_side():
    scores, is_severe = draw()
    patients = pd.Series(np.arange(scores.size) // 2)
    predicted = pd.DataFrame({"a": scores, "b": np.where(np.arange(scores.size) % 7 == 3, np.nan, -scores)})
    cutoffs = {"a": 0.5, "b": 0.0}
    table = resampling.evaluate(predicted, pd.Series(is_severe), patients, cutoffs, 200, 4, 0.9)
    expected = resampling.intervals(resampling.stratified(scores, is_severe, 200, 4, 0.5), 0.9)
    assert table.loc["a"][["low", "high"]].equals(expected[["low", "high"]])
    assert table.loc[("b", "auc"), "clustered_high"] < table.loc[("a", "auc"), "clustered_low"]


def test_a_rate_of_one_has_the_exact_binomial_interval():
    scores, is_severe = np.arange(20.0), np.arange(20) >= 12
    table = resampling.evaluate(
        pd.DataFrame({"a": scores}), pd.Series(is_severe), pd.Series(range(20)), {"a": 12.0}, 100
    )
    assert tuple(table.loc[("a", "sensitivity"), ["low", "high"]]) == pytest.approx((0.025 ** (1 / 8), 1))
    assert tuple(table.loc[("a", "specificity"), ["low", "high"]]) == pytest.approx((0.025 ** (1 / 12), 1))


def test_cutoffs_beyond_all_scores():
    scores, is_severe = draw()
    above = resampling.stratified(scores, is_severe, 10, cutoff=99.0)
    below = resampling.stratified(scores, is_severe, 10, cutoff=-99.0)
    assert (above["sensitivity"] == 0).all() and (above["specificity"] == 1).all()
    assert (below["sensitivity"] == 1).all() and (below["specificity"] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, 2.0], [True, True]), "only one status"),
        (([1.0, np.nan], [True, False]), "missing or infinite"),
        (([1.0, 2.0], [True, False], 0), "n_resamples"),
        (([1.0], [True, False]), "one of each a scan"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        resampling.stratified(*arguments)


def test_wrong_patients_and_confidence_are_refused():
    scores, is_severe = draw()
    with pytest.raises(ValueError, match="patient_ids"):
        resampling.clustered(scores, is_severe, ["a", "b"])
    with pytest.raises(ValueError, match="confidence"):
        resampling.intervals(pd.DataFrame({"auc": [0.5]}), 95)
