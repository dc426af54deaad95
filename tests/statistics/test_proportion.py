"""Intervals of proportions: against R's binom.test and prop.test (stats 4.2.2), and their coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.project import REFERENCE
from study.statistics import proportion, resampling, roc

ANSWERS = pd.read_csv(REFERENCE / "proportion_answers.csv")
LIMITS = ["exact_low", "exact_high", "wilson_low", "wilson_high"]


@pytest.mark.parametrize("answer", list(ANSWERS.itertuples()), ids=lambda answer: f"{answer.successes} of {answer.n}")
def test_agrees_with_r(answer):
    found = proportion.intervals(answer.successes, answer.n, answer.confidence)
    for limit in LIMITS:
        assert found[limit] == pytest.approx(getattr(answer, limit), rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_limits_hold_the_share_stay_in_range_and_are_never_a_point(counts, confidence):
    found = proportion.intervals(*counts, confidence)
    for kind in ("exact", "wilson"):
        low, high = found[f"{kind}_low"], found[f"{kind}_high"]
        assert 0 <= low <= found["estimate"] <= high <= 1 and low < high
    mirrored = proportion.intervals(counts[1] - counts[0], counts[1], confidence)
    assert mirrored["exact_low"] == pytest.approx(1 - found["exact_high"], abs=1e-12)
    assert mirrored["wilson_high"] == pytest.approx(1 - found["wilson_low"], abs=1e-12)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8101])
def test_the_exact_interval_covers_at_least_as_often_as_it_says(share):
    n = 79
    chances = stats.binom.pmf(np.arange(n + 1), n, share)
    found = [proportion.intervals(hits, n) for hits in range(n + 1)]
    for kind, least in (("exact", 0.95), ("wilson", 0.92)):
        covered = [row[f"{kind}_low"] <= share <= row[f"{kind}_high"] for row in found]
        assert chances[covered].sum() >= least


def test_no_cases_have_no_share():
    assert np.isnan(list(proportion.intervals(0, 0).values())).all()


@pytest.mark.parametrize("counts", [(3, 2), (-1, 4), (1.5, 4), (1, 2.5), (np.nan, 3)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="successes among"):
        proportion.intervals(*counts)


def test_confidence_in_percent_is_refused():
    with pytest.raises(ValueError, match="confidence 95"):
        proportion.intervals(1, 2, 95)


def test_rates_stand_beside_the_bootstrap():
    rng = np.random.default_rng(1)
    is_severe = pd.Series(np.arange(60) < 20)
    predicted = pd.DataFrame({"a": rng.normal(size=60) + is_severe, "b": np.where(is_severe, 1.0, 0.0)})
    performance = roc.evaluate(predicted, is_severe)
    table = proportion.rates(performance, 0.9)
    bootstrap = resampling.evaluate(predicted, is_severe, pd.Series(range(60)), performance["cutoff"], 500, 1, 0.9)
    both = table.join(bootstrap)
    assert both["bca_low"].notna().tolist() == [True, True, False, False]
    assert (both.loc["a", "low"] - both.loc["a", "exact_low"]).abs().max() < 0.1
    assert both.loc["b", "low"].to_numpy() == pytest.approx(stats.beta.ppf(0.05, [20, 40], 1))
    assert table.loc[("a", "sensitivity"), "estimate"] == performance.loc["a", "sensitivity"]
