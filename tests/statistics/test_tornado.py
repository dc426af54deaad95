"""Scenarios of the measurement, and the content of a tornado plot."""

import numpy as np
import pandas as pd
import pytest

from study.statistics import tornado


@pytest.fixture
def scans():
    """Return four scans of two patients, one of them without infection."""
    return pd.DataFrame(
        {
            "patient_id": ["a", "b", "a", "b"],
            "scan_date": ["2020-02-02", "2020-02-01", "2020-02-01", "2020-02-05"],
            "poi": [0.2, 0.1, 0.0, 0.3],
            "ihu": [-500.0, -400.0, np.nan, -600.0],
        },
        index=pd.Index(list("wxyz"), name="scan_id"),
    )


@pytest.fixture
def variants(scans):
    return pd.DataFrame(
        {
            "smaller_poi": scans["poi"] / 2, "smaller_ihu": -450.0,
            "larger_poi": 2 * scans["poi"], "larger_ihu": -550.0, "lung_median_hu": -820.0,
        }
    ).iloc[::-1]  # fmt: skip


def test_each_scenario_changes_what_it_says(scans, variants):
    before = scans.copy()
    tables = tornado.scenarios(scans, variants)
    assert set(tables) == {(c, s) for c in ("mask", "hu", "scanner", "empty") for s in ("low", "high")}
    assert tables["mask", "low"]["poi"].tolist() == [0.1, 0.05, 0.0, 0.15]
    assert tables["mask", "high"]["ihu"].tolist() == [-550.0] * 4
    assert (tables["hu", "low"]["ihu"] - scans["ihu"]).dropna().tolist() == [-20] * 3
    assert tables["empty", "low"].loc["y", "ihu"] == -600 and tables["empty", "high"].loc["y", "ihu"] == -820
    assert tables["empty", "high"].loc["w", "ihu"] == -500
    # Patient a's second scan and patient b's first are of the other scanner.
    shift = (tables["scanner", "high"]["ihu"] - scans["ihu"]).fillna(0)
    assert shift.to_dict() == {"w": 20, "x": 20, "y": 0, "z": 0}
    pd.testing.assert_frame_equal(scans, before)
    assert set(tornado.WORDS) >= {choice for choice, _ in tables}


def test_without_ct_what_needs_it_is_left_out(scans):
    tables = tornado.scenarios(scans)
    assert ("mask", "low") not in tables and ("empty", "high") not in tables and ("empty", "low") in tables
    nowhere = tornado.scenarios(scans.assign(ihu=np.nan))
    assert nowhere["empty", "low"]["ihu"].isna().all()


def test_a_tornado_has_a_row_a_headline_and_choice_that_concerns_it():
    base = {"auc": 0.9, "sensitivity": 0.8}
    others = {
        ("mask", "low"): {"auc": 0.85, "sensitivity": 0.5},
        ("mask", "high"): {"auc": 0.91, "sensitivity": 0.9},
        ("cutoff", "low"): {"sensitivity": 0.95},
    }
    table = tornado.moves(base, others).set_index(["headline", "choice"])
    assert list(table.index) == [("auc", "mask"), ("sensitivity", "mask"), ("sensitivity", "cutoff")]
    assert table.loc[("sensitivity", "cutoff"), "low"] == 0.95
    assert np.isnan(table.loc[("sensitivity", "cutoff"), "high"])
    largest = tornado.largest_move(table.reset_index())
    assert largest.loc["auc"].tolist() == ["mask", "low", pytest.approx(-0.05)]
    assert largest.loc["sensitivity"].tolist() == ["mask", "low", pytest.approx(-0.3)]
    assert tornado.largest_move(tornado.moves({}, {})).empty
    assert np.isnan(tornado.largest_move(tornado.moves({"k": np.nan}, {("m", "low"): {"k": 1.0}}))["move"].item())
