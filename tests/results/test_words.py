"""Numbers as words: the paper's own formats, what is undefined, what is impossible."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.results import words


def test_formats_are_the_papers():
    assert words.percent_of(73, 79) == "92.41 (73 of 79)"
    assert words.percent_of(409, 452) == "90.49 (409 of 452)"
    assert words.with_interval(0.968, 0.9505, 0.9805) == "0.9680 [0.9505, 0.9805]"
    assert words.with_interval(18.762, 10.056, 35, digits=3) == "18.762 [10.056, 35.000]"
    assert [words.p_value(p) for p in (0.0009999, 0.001, 0.52)] == ["<0.001", "0.001", "0.52"]
    assert words.mean_and_sd(47.3, 14.6) == "47±15" and words.mean_and_sd(0.744, 0.28, digits=2) == "0.74±0.28"
    assert words.count_and_share(96, 96 / 196) == "96 (49%)"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0099, "0.010"),
        (0.01, "0.01"),
        (0.0449, "0.04"),
        (0.046, "0.046"),
        (0.0494, "0.049"),
        (0.05, "0.05"),
        (1, "1.00"),
    ],
)
def test_a_p_value_has_two_decimals_unless_they_would_mislead(p, text):
    assert words.p_value(p) == text


def test_what_is_undefined_is_a_dash():
    nothing = [words.p_value(math.nan), words.p_value(None), words.percent_of(0, 0), words.with_interval(np.nan, 0, 1)]
    assert set(nothing) == {words.MISSING}
    assert words.with_interval(0.5, np.nan, np.nan) == "0.5000"
    assert (words.mean_and_sd(np.nan, np.nan), words.mean_and_sd(50.0, np.nan)) == (words.MISSING, "50")
    assert words.count_and_share(0, np.nan) == "0"


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: words.p_value(1.2),
        lambda: words.p_value(-0.1),
        lambda: words.percent_of(80, 79),
    ],
)
def test_impossible_numbers_are_refused(impossible):
    with pytest.raises(ValueError, match="must be between 0 and"):
        impossible()


@given(st.floats(0, 1))
def test_a_p_value_never_claims_more_than_it_has(p):
    text = words.p_value(p)
    assert (text == "<0.001") == (p < 0.001)
    if text != "<0.001":
        assert abs(float(text) - p) <= 0.005 + 1e-12
        assert float(text) < 0.05 or p >= 0.0495  # rounding makes no p below 0.05 look like one that is not


def test_headings_are_words_with_units():
    columns = ["slice_thickness_mm", "all_patients", "tube_voltage_kv", "n", "No.", "non_severe_patients", "half_width"]
    printed = words.headings(pd.DataFrame(columns=columns)).columns.tolist()
    assert printed[:5] == ["Slice thickness (mm)", "All patients", "Tube voltage (kV)", "n", "No."]
    assert printed[5:] == ["Non-severe patients", "Half-width"]


def test_a_columns_numbers_have_equally_many_decimals():
    table = pd.DataFrame({
        "auc": [0.75, 0.6593], "hu": [-652.3, -98.25], "ml": [12.345, 4.1], "n": [30.0, np.nan], "text": ["a", "b"],
        "tiny": [-1e-9, 0.25], "p_value": [0.00001, 0.0461], "huge": [1e300, 1.0],
    })  # fmt: skip
    shown = words.as_printed(table)
    assert shown["auc"].tolist() == ["0.7500", "0.6593"]
    assert shown["hu"].tolist() == ["-652", "-98"]
    assert shown["ml"].tolist() == ["12.3", "4.1"]
    assert shown["n"].tolist()[0] == "30" and words.is_missing(shown["n"].tolist()[1])
    assert shown["tiny"].tolist() == ["0.000", "0.250"]
    assert shown["p_value"].tolist() == ["<0.001", "0.046"]
    assert shown["text"].tolist() == ["a", "b"] and shown["huge"].tolist()[0] == "1e+300"


def test_a_zero_has_no_sign():
    assert words.with_interval(-1e-5, -0.2, -1e-5) == "0.0000 [-0.2000, 0.0000]"
    assert (words.as_share(-1e-5), words.interval(-1e-5, 1, 2), words.mean_and_sd(-0.1, 1)) == (
        "0.0000", "[0.00, 1.00]", "0±1")  # fmt: skip
    assert [words.signed(number) for number in (-0.4, 0.4, 9, np.float32(-9))] == ["0", "0", "+9", "-9"]


def test_an_auc_or_a_kappa_has_the_papers_four_decimals_in_every_table():
    table = pd.DataFrame({
        "headline": ["AUC", "Median POI (%)"], "base": [0.93241, 24.2], "before": [0.93234, 30.0],
        "after": [0.93241, np.nan], "n": [30.5, 4.1],
    })  # fmt: skip
    shown = words.as_printed(table, {"base": words.SHARE_DIGITS} | {"before": [4, 1], "after": [4, 1]})
    assert shown["base"].tolist() == ["0.9324", "24.2000"]
    assert shown["before"].tolist() == ["0.9323", "30.0"] and shown["after"].tolist()[0] == "0.9324"
    assert shown["n"].tolist() == ["30.5", "4.1"]  # another column has its own
    named = pd.DataFrame({"auc": [0.9, 0.8], "auc_low": [0.85, 0.7], "auc_high": [1.0, 0.9],
                          "greatest kappa": [0.5, 1.0], "kappas": [0.5, 1.0]})  # fmt: skip
    shown = words.as_printed(named)
    assert shown["auc"].tolist() == ["0.9000 [0.8500, 1.0000]", "0.8000 [0.7000, 0.9000]"]
    assert shown["greatest kappa"].tolist() == ["0.5000", "1.0000"] and shown["kappas"].tolist() == ["0.50", "1.00"]


def test_a_minus_is_one_before_numbers_alone():
    assert words.with_minus("-650 [-700, -600], (-3) -.5") == "−650 [−700, −600], (−3) −.5"
    kept = "P-1 a-1 2020-01-27 5-10 mm non-severe 1e-05 x - y"
    assert words.with_minus(kept) == kept


@given(st.lists(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=1, max_size=5))
def test_the_largest_number_keeps_three_digits(numbers):
    shown = words.as_printed(pd.DataFrame({"x": numbers}))["x"]
    decimals = {len(text.partition(".")[2]) for text in shown}
    assert len(decimals) == 1
    largest = max(numbers, key=abs)
    assert abs(float(shown[numbers.index(largest)]) - largest) <= 0.005 * abs(largest) + 1e-12


def test_the_ends_of_an_interval_are_in_one_column_with_their_estimate():
    table = pd.DataFrame({
        "estimate": [0.8, 12.0], "low": [0.75, 11.5], "high": [0.85, np.nan], "auc": [0.9, 0.9], "n": [3, 4],
        "auc_low": [0.8, 0.8], "auc_high": [1.0, 1.0], "other_low": [0.1, 0.2], "other_high": [0.3, 0.4],
    })  # fmt: skip
    shown = words.as_printed(table)
    assert list(shown) == ["estimate", "auc", "n", "other interval"]
    assert shown["estimate"].tolist() == ["0.80 [0.75, 0.85]", "12.00"]
    assert shown["auc"].tolist() == ["0.9000 [0.8000, 1.0000]"] * 2
    assert shown["other interval"].tolist() == ["[0.100, 0.300]", "[0.200, 0.400]"]


def test_a_table_is_shown_as_it_is_printed():
    index = pd.MultiIndex.from_tuples([("POI", "a"), ("iHU", "b")], names=["model", None])
    table = pd.DataFrame({"p_value": [1.44e-19, math.nan], "at_cutoff": [0.1243, -496.65], "n": [531, 530]}, index)
    text = words.shown(table)
    assert list(text.columns) == ["p value", "At cutoff", "n"] and list(text.index.names) == ["Model", None]
    assert text["p value"].tolist() == ["<0.001", "–"] and text["n"].tolist() == [531, 530]
    assert not text.map(lambda cell: isinstance(cell, float)).any(axis=None)


def test_abbreviations_that_occur_are_said_and_no_others():
    assert words.abbreviations(["AUC", "x"], ["POI+iHU"]) == (
        "AUC, area under the receiver operating characteristic curve; iHU, mean Hounsfield unit of the infection; "
        "POI, portion of infection."
    )
    assert words.abbreviations(["±0.5", "SDS"]) == "" and "standard deviation" in words.abbreviations(["47±15"])
