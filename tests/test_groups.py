"""Group tests: pingouin's p-values against R's t.test and wilcox.test, and what is undefined."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study import groups

REFERENCE = Path(__file__).parent / "reference"
DATA = dict(list(pd.read_csv(REFERENCE / "logistic_data.csv").groupby("data", sort=False)))
ANSWERS = pd.read_csv(REFERENCE / "group_answers.csv", index_col="data")


@pytest.mark.parametrize("name", ANSWERS.index)
def test_agrees_with_r(name):
    row = groups.compare(DATA[name], ["poi"], DATA[name]["is_severe"] == 1).loc["poi"]
    assert row["welch_p"] == pytest.approx(ANSWERS.loc[name, "welch_p"], rel=1e-9)
    assert row["mann_whitney_p"] == pytest.approx(ANSWERS.loc[name, "mann_whitney_p"], rel=1e-9)


def test_missing_values_are_left_out_by_column():
    table = pd.DataFrame({"poi": [1.0, 2, 3, 4], "ihu": [np.nan, 2.0, 3, 4]})
    found = groups.compare(table, ["poi", "ihu"], pd.Series([True, True, False, False]))
    assert found["n_severe"].tolist() == [2, 1]
    assert found.loc["poi", "chance_higher"] == 0
    assert np.isnan(found.loc["ihu", "welch_p"]) and found.loc["ihu", "median_severe"] == 2


@pytest.mark.parametrize("values", [[1.0, 1, 1, 1], [np.nan] * 4])
def test_nothing_to_compare(values):
    found = groups.compare(pd.DataFrame({"poi": values}), ["poi"], pd.Series([True, True, False, False]))
    assert found[["mann_whitney_p", "welch_p"]].isna().all(axis=None)


def test_constant_groups_that_differ_have_no_t_test():
    found = groups.compare(pd.DataFrame({"poi": [1.0, 1, 0, 0]}), ["poi"], pd.Series([True, True, False, False]))
    assert np.isnan(found.loc["poi", "welch_p"]) and found.loc["poi", "mann_whitney_p"] > 0
