"""Least detectable change and three classes."""

import numpy as np
import pytest

from study.statistics import change


def test_it_finds_the_error_that_was_put_in():
    rng = np.random.default_rng(0)
    truth = rng.normal(50, 10, 4000)
    first, second = (truth + rng.normal(0, 3, 4000) + offset for offset in (0, 5))
    found = change.least_detectable(first - second)
    assert found.standard_error == pytest.approx(3, rel=0.05)
    assert found.change == pytest.approx(1.96 * np.sqrt(2) * found.standard_error, rel=1e-4)
    # An offset of one reader is no random error; 95 % of the changes of nothing stay below.
    again = truth + rng.normal(0, 3, 4000)
    assert np.mean(np.abs(again - first) < found.change) == pytest.approx(0.95, abs=0.015)


def test_too_few_differences():
    assert np.isnan(change.least_detectable([1.0, np.nan]).change)
    assert change.least_detectable([np.nan, 2.0, 2.0]) == change.LeastDetectable(0.0, 0.0, 2)
    with pytest.raises(ValueError, match="confidence 2"):
        change.least_detectable([1.0, 2.0], confidence=2)


def test_three_classes():
    classes = change.classify([-2.0, -1.0, 0.0, 0.5, 1.1, np.nan], 1.0)
    assert classes.tolist()[:5] == [-1, 0, 0, 0, 1] and np.isnan(classes.iloc[5])
    assert change.classify([-0.1, 0.0, 0.1], 0).tolist() == [-1, 0, 1]
    assert change.classify([3.0], float("nan")).isna().all()
    with pytest.raises(ValueError, match="cannot be negative"):
        change.classify([1.0], -1)
