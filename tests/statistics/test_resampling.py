"""Bootstrap of ROC results: against a slow loop, against roc.py, scipy, R's boot 1.3-28 and pROC 1.18.0."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from helpers.project import REFERENCE
from study.statistics import resampling, roc

DATA = dict(list(pd.read_csv(REFERENCE / "roc_data.csv").groupby("data", sort=False)))
BOOT, PROC = (
    pd.read_csv(REFERENCE / f"{name}.csv").set_index(["data", "scheme"])
    for name in ("boot_answers", "proc_bootstrap_answers")
)
REPLICATES = pd.read_csv(REFERENCE / "boot_replicates.csv").groupby(["data", "scheme"])["auc"]
SCHEMES = {"stratified": resampling.stratified, "plain": resampling.plain}


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


def of(name):
    return DATA[name]["score"].to_numpy(float), DATA[name]["is_severe"].to_numpy(bool)


@pytest.mark.parametrize(("name", "scheme"), BOOT.index)
def test_limits_of_the_same_resamples_agree_with_boot(name, scheme):
    """Percentile and BCa limits of the resamples that R drew.

    Where packages differ: boot puts quantile p at rank p (R + 1) between two resamples, by a normal scale; R's quantile
    (type 7), pROC, scipy and numpy put it at 1 + p (R - 1), linearly. Both lie between neighbouring resamples, and the
    levels of the BCa limits are the same. boot calls resamples that equal the estimate not below it, scipy half
    below; with many ties, as in `few_values`, the difference is larger than that of the formulas.
    """
    (scores, is_severe), answer = of(name), BOOT.loc[(name, scheme)]
    drawn = REPLICATES.get_group((name, scheme)).reset_index(drop=True)
    table = drawn.to_frame("auc")
    percentile = resampling.intervals(table).loc["auc"]
    assert (percentile["low"], percentile["high"]) == pytest.approx((answer["quantile_low"], answer["quantile_high"]))
    ordered = np.sort(drawn)

    def lies_beside(limit, level):
        rank = int(level * (drawn.size + 1))
        return ordered[rank - 1] <= limit <= ordered[rank]

    assert lies_beside(answer["percentile_low"], 0.025) and lies_beside(answer["percentile_high"], 0.975)

    area, influence = resampling._influences(scores, is_severe, None)["auc"]
    assert area == pytest.approx(roc.auc(scores, is_severe))
    assert special.ndtr(answer["bias"]) == pytest.approx((drawn < area - 1e-12).mean())
    if scheme == "plain":
        # R's jackknife leaves a scan out of all, which scales the influence in a status of n scans by n / (n - 1).
        n = np.where(is_severe, is_severe.sum(), (~is_severe).sum())
        influence = influence * n / (n - 1)
    assert (influence**3).sum() / 6 / (influence**2).sum() ** 1.5 == pytest.approx(answer["acceleration"], rel=1e-6)
    untied = drawn.where(abs(drawn - area) > 1e-12, area + 1e-9)
    levels = resampling._bca_levels(untied, area, influence, np.array([0.025, 0.975]))
    z = answer["bias"] + stats.norm.ppf([0.025, 0.975])
    assert levels == pytest.approx(stats.norm.cdf(answer["bias"] + z / (1 - answer["acceleration"] * z)), rel=1e-6)
    assert lies_beside(answer["bca_low"], levels[0]) and lies_beside(answer["bca_high"], levels[1])


@pytest.mark.parametrize("name", ["near_perfect", "chance", "mostly_severe", "heavy_tails"])
def test_stratified_bca_agrees_with_scipy(name):
    """The same resamples given to scipy, whose acceleration comes from leaving scans out one by one."""
    scores, is_severe = of(name)
    cutoff = roc.youden(scores, is_severe).cutoff
    table = resampling.stratified(scores, is_severe, 500, seed=2, cutoff=cutoff)
    found = resampling.bca_intervals(table, scores, is_severe, cutoff, 0.9)

    def area(severe, other, axis=-1):
        difference = severe[..., :, None] - other[..., None, :]
        return ((difference > 0) + 0.5 * (difference == 0)).mean(axis=(-2, -1))

    def hits(severe, axis=-1):
        return (severe >= cutoff).mean(axis=axis)

    for quantity, data, statistic in (
        ("auc", (scores[is_severe], scores[~is_severe]), area),
        ("sensitivity", (scores[is_severe],), hits),
    ):
        given = stats.bootstrap(data, statistic, n_resamples=2, method="percentile", rng=1)
        given.bootstrap_distribution = table[quantity].to_numpy()
        again = stats.bootstrap(
            data, statistic, n_resamples=0, bootstrap_result=given, confidence_level=0.9, method="BCa", batch=50
        )
        expected = again.confidence_interval
        assert found.loc[quantity].to_numpy() == pytest.approx([expected.low, expected.high], abs=1e-9)


@pytest.mark.parametrize(("name", "scheme"), PROC.index)
def test_limits_are_procs_up_to_the_draw(name, scheme):
    """pROC drew 10,000 other resamples: limits differ by chance, a few hundredths of the width."""
    answer = PROC.loc[(name, scheme)]
    found = resampling.intervals(SCHEMES[scheme](*of(name), 4000, seed=7)).loc["auc"]
    tolerance = 0.06 * (answer["high"] - answer["low"])
    assert (found["low"], found["high"]) == pytest.approx((answer["low"], answer["high"]), abs=tolerance)


def test_plain_resamples_vary_in_how_many_are_severe():
    scores, is_severe = np.array([1.0, 2, 3, 4]), np.array([False, False, False, True])
    table = resampling.plain(scores, is_severe, 4000)
    # The severe scan is left out of a resample with a chance of (3/4)^4; the others with 1/4^4.
    assert table["auc"].isna().mean() == pytest.approx(0.75**4 + 0.25**4, abs=0.025)
    scores, is_severe = draw(30, 70)
    drawn = resampling.plain(scores, is_severe, 3000)["auc"]
    assert drawn.std() == pytest.approx(np.sqrt(roc.delong_variance(scores, is_severe)), rel=0.1)


@given(st.integers(0, 1000), st.sampled_from([0.5, 0.95, 0.9999]), st.sampled_from(list(SCHEMES)))
@settings(deadline=None, max_examples=25)
def test_bca_limits_stay_in_range_or_are_undefined(seed, confidence, scheme):
    scores, is_severe = draw(3, 4, seed, 0)
    table = SCHEMES[scheme](scores, is_severe, 60, seed, cutoff=0.0)
    limits = resampling.bca_intervals(table, scores, is_severe, 0.0, confidence)
    assert list(limits.index) == ["auc", "sensitivity", "specificity"]
    assert (
        limits.isna().all(axis=1) | ((limits["low"] >= 0) & (limits["low"] <= limits["high"]) & (limits["high"] <= 1))
    ).all()


def test_perfect_separation_has_no_bca_interval():
    scores, is_severe = np.arange(20.0), np.arange(20) >= 12
    table = resampling.stratified(scores, is_severe, 100, cutoff=12.0)
    assert resampling.bca_intervals(table, scores, is_severe, 12.0).isna().all(axis=None)


def test_bca_intervals_cover_a_skewed_auc():
    """Samples whose true AUC is 0.95: the 90 % interval holds it about as often as it says."""
    shift = np.sqrt(2) * stats.norm.ppf(0.95)
    held = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        is_severe = np.arange(75) < 25
        scores = rng.normal(size=75) + shift * is_severe
        table = resampling.stratified(scores, is_severe, 300, seed)
        low, high = resampling.bca_intervals(table, scores, is_severe, confidence=0.9).loc["auc"]
        held.append(low <= 0.95 <= high)
    assert 0.82 <= np.mean(held) <= 0.96


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, 2.0], [True, True]), "only one status"),
        (([1.0, np.nan], [True, False]), "missing or infinite"),
        (([1.0, 2.0], [True, False], 0), "n_resamples"),
        (([1.0], [True, False]), "one of each per scan"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments, words):
    for scheme in SCHEMES.values():
        with pytest.raises(ValueError, match=words):
            scheme(*arguments)


def test_wrong_patients_and_confidence_are_refused():
    scores, is_severe = draw()
    with pytest.raises(ValueError, match="patient_ids"):
        resampling.clustered(scores, is_severe, ["a", "b"])
    with pytest.raises(ValueError, match="confidence"):
        resampling.intervals(pd.DataFrame({"auc": [0.5]}), 95)


def test_bca_over_patients_who_have_one_scan_is_the_plain_one_but_for_its_levels():
    """With a patient a scan the influence is that of the scans; the levels lie farther out, as Student's t does."""
    rng = np.random.default_rng(4)
    severe = np.arange(80) < 30
    scores = severe + rng.normal(size=80)
    table = resampling.stratified(scores, severe, 4000)
    by_scan = resampling.bca_intervals(table, scores, severe).loc["auc"]
    by_patient = resampling.bca_intervals(table, scores, severe, patient_ids=np.arange(80)).loc["auc"]
    assert by_patient["low"] < by_scan["low"] and by_patient["high"] > by_scan["high"]
    # The width grows about as sqrt(k / (k - 1)) t / z for the 30 patients of the rarer status.
    width = (by_patient["high"] - by_patient["low"]) / (by_scan["high"] - by_scan["low"])
    assert width == pytest.approx(np.sqrt(30 / 29) * stats.t.isf(0.025, 29) / stats.norm.isf(0.025), rel=0.03)


def test_bca_over_patients_takes_the_influence_of_their_scans_together():
    """Four copies of each scan: the resamples of patients, and so the limits, are those of one scan each."""
    rng = np.random.default_rng(5)
    severe = np.arange(60) < 25
    scores, patients = severe + rng.normal(size=60), np.arange(60)
    once = resampling.clustered(scores, severe, patients, 500, cutoff=0.5)
    copies = [np.repeat(x, 4) for x in (scores, severe, patients)]
    fourfold = resampling.clustered(*copies, 500, cutoff=0.5)
    limits = resampling.bca_intervals(once, scores, severe, 0.5, patient_ids=patients)
    again = resampling.bca_intervals(fourfold, *copies[:2], 0.5, patient_ids=copies[2])
    pd.testing.assert_frame_equal(limits, again)


def test_bca_over_one_patient_of_a_status_is_undefined():
    severe = np.array([True, True, False, False, False, False])
    scores, patients = np.array([2.0, 3, 1, 2.5, 0, 2]), np.array(["a", "a", "b", "c", "d", "e"])
    table = resampling.clustered(scores, severe, patients, 200, cutoff=2.0)
    limits = resampling.bca_intervals(table, scores, severe, 2.0, patient_ids=patients)
    assert limits.loc[["auc", "sensitivity"]].isna().all(axis=None) and limits.loc["specificity"].notna().all()
