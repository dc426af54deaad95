"""Group tests against R's t.test, wilcox.test, chisq.test and fisher.test, and what is undefined."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from helpers.project import REFERENCE
from study.statistics import groups

DATA = dict(list(pd.read_csv(REFERENCE / "logistic_data.csv").groupby("data", sort=False)))
ANSWERS = pd.read_csv(REFERENCE / "group_answers.csv", index_col="data")
COUNTS = dict(list(pd.read_csv(REFERENCE / "table_data.csv").groupby("data", sort=False)))
TABLE_ANSWERS = pd.read_csv(REFERENCE / "table_answers.csv", index_col="data")


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


@pytest.mark.parametrize("name", TABLE_ANSWERS.index)
def test_categories_agree_with_r(name):
    counts, answer = COUNTS[name], TABLE_ANSWERS.loc[name]
    scans = counts.loc[counts.index.repeat(counts["count"])].reset_index()
    row = groups.compare_categories(scans, ["category"], scans["is_severe"] == 1).loc["category"]
    for quantity in ("n", "least_expected", "chi_square", "chi_square_p"):
        assert row[quantity] == pytest.approx(answer[quantity], rel=1e-10, abs=1e-12)
    if row["n_categories"] == 2:
        assert row["chi_square_corrected_p"] == pytest.approx(answer["yates_p"], rel=1e-10)
        assert row["fisher_p"] == pytest.approx(answer["fisher_p"], rel=1e-7)  # R adds up with a slack of 1e-7
    else:
        # R's correction is for two by two as well: it returns Pearson's p unchanged.
        assert answer["yates_p"] == answer["chi_square_p"] and np.isnan(row["chi_square_corrected_p"])
        assert np.isnan(row["fisher_p"])


def test_missing_and_single_categories():
    table = pd.DataFrame({"sex": ["male", None, "female", "male"], "site": ["a"] * 4, "unknown": [None] * 4})
    found = groups.compare_categories(table, ["sex", "site", "unknown"], pd.Series([True, True, False, False]))
    assert found[["n", "n_categories"]].to_numpy().tolist() == [[3, 2], [4, 1], [0, 0]]
    assert found.loc[["site", "unknown"]].drop(columns=["n", "n_categories"]).isna().all(axis=None)
    assert found.loc["sex", "fisher_p"] == 1
    one_group = groups.compare_categories(table, ["sex"], pd.Series([True] * 4))
    assert np.isnan(one_group.loc["sex", "chi_square_p"])


def test_a_hundred_thousand_scans_fit_into_memory():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"poi": rng.beta(1, 9, 100_000)})
    tracemalloc.start()
    row = groups.compare(table, ["poi"], pd.Series(np.arange(100_000) < 15_000)).loc["poi"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 2**20 and abs(row["chance_higher"] - 0.5) < 0.02


def test_of_patients_keeps_one_row_each():
    scans = pd.DataFrame(
        {"patient_id": list("aabbc"), "sex": ["male", "male", None, "female", None],
         "is_severe": [False, True, False, False, False]}
    )  # fmt: skip
    found = groups.of_patients(scans, ["sex"])
    assert found["is_severe"].to_dict() == {"a": True, "b": False, "c": False}
    assert found["sex"].tolist()[:2] == ["male", "female"] and pd.isna(found.loc["c", "sex"])
