"""Cohen's kappa: by hand, against R's psych 2.2.9 and vcd 1.4.11, and Table 4 of the paper."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study import kappa

REFERENCE = Path(__file__).parent / "reference"
DATA = dict(list(pd.read_csv(REFERENCE / "kappa_data.csv").groupby("data", sort=False)))
ANSWERS = pd.read_csv(REFERENCE / "kappa_answers.csv", index_col="data")
ratings = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60).map(np.array)


def of_counts(both_up, only_a, only_b, both_down):
    a = np.repeat([1, 1, 0, 0], [both_up, only_a, only_b, both_down])
    return kappa.cohen_kappa(a, np.repeat([1, 0, 1, 0], [both_up, only_a, only_b, both_down]))


@pytest.mark.parametrize("name", ANSWERS.index)
def test_agrees_with_psych_and_vcd(name):
    found, answer = kappa.cohen_kappa(DATA[name]["rater_1"], DATA[name]["rater_2"]), ANSWERS.loc[name]
    assert found.n == answer["n"]
    assert found.kappa == pytest.approx(answer["vcd_kappa"], abs=1e-14)
    assert found.kappa == pytest.approx(answer["psych_kappa"], abs=1e-14)
    assert found.standard_error_fleiss == pytest.approx(answer["psych_se"], rel=1e-9, abs=1e-9)
    if not np.isnan(answer["vcd_ase"]):  # NaN from vcd where rounding takes the variance below 0
        assert found.standard_error_fleiss == pytest.approx(answer["vcd_ase"], rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(ratings)
def test_it_is_the_formula_and_symmetric(pairs):
    a, b = pairs.T
    found = kappa.cohen_kappa(a, b)
    observed = (a == b).mean()
    expected = sum((a == category).mean() * (b == category).mean() for category in range(3))
    assert (found.observed_agreement, found.expected_agreement) == pytest.approx((observed, expected))
    if expected > 1 - 1e-12:
        assert np.isnan(found.kappa)
        return
    assert found.kappa == pytest.approx((observed - expected) / (1 - expected))
    assert found.standard_error == pytest.approx(np.sqrt(observed * (1 - observed) / len(a)) / (1 - expected))
    swapped = kappa.cohen_kappa(b, a)
    assert swapped.kappa == pytest.approx(found.kappa)
    assert swapped.standard_error_fleiss == pytest.approx(found.standard_error_fleiss, abs=1e-7)
    assert np.isnan(found.ci_low) or -1 <= found.ci_low <= found.kappa <= found.ci_high <= 1


def test_names_of_the_categories_do_not_matter():
    a, b = DATA["three_categories"]["rater_1"], DATA["three_categories"]["rater_2"]
    words = {0: "expanded", 1: "same", 2: "contracted"}
    assert kappa.cohen_kappa(a.map(words), b.map(words)).kappa == pytest.approx(kappa.cohen_kappa(a, b).kappa)


@pytest.mark.parametrize(
    ("n", "observed", "printed_kappa", "printed_error"),
    [
        (142, 0.9155, 0.8220, 0.0492),
        (184, 0.8533, 0.7044, 0.0525),
        (56, 0.7321, 0.4643, 0.1184),
        (82, 0.6829, 0.3718, 0.1018),
    ],
)
def test_table_4_prints_cohens_error(n, observed, printed_kappa, printed_error):
    """Every 2x2 table with the printed agreement and kappa has the printed error by Cohen's formula."""
    agreeing = next(k for k in range(n + 1) if round(k / n, 4) == observed)
    fits = []
    for up, only_a in product(range(agreeing + 1), range(n - agreeing + 1)):
        share_a, share_b = (up + only_a) / n, (up + n - agreeing - only_a) / n
        chance = share_a * share_b + (1 - share_a) * (1 - share_b)
        if chance < 1 and round((agreeing / n - chance) / (1 - chance), 4) == printed_kappa:
            fits.append(of_counts(up, only_a, n - agreeing - only_a, agreeing - up))
    assert fits
    assert {round(found.standard_error, 4) for found in fits} == {printed_error}
    assert printed_error not in {round(found.standard_error_fleiss, 4) for found in fits}


@pytest.mark.parametrize("n", [54, 55])
def test_the_third_row_of_table_4_cannot_have_54_cases(n):
    assert not [k for k in range(n + 1) if round(k / n, 4) == 0.7321]


def test_one_category_leaves_kappa_undefined():
    found = kappa.cohen_kappa([1, 1, 1], [1, 1, 1])
    assert (found.n, found.observed_agreement) == (3, 1)
    assert np.isnan([found.kappa, found.standard_error, found.standard_error_fleiss, found.ci_low]).all()
    assert kappa.strength(found.kappa) == "undefined"


def test_full_agreement_has_no_interval():
    found = of_counts(5, 0, 0, 5)
    assert (found.kappa, found.standard_error, found.standard_error_fleiss) == (1, 0, 0)
    assert np.isnan([found.ci_low, found.ci_high]).all()


def test_no_cases():
    found = kappa.cohen_kappa([], [])
    assert found.n == 0 and np.isnan(found.kappa) and np.isnan(found.observed_agreement)


@pytest.mark.parametrize(
    ("number", "word"),
    [(-0.3, "poor"), (0.2, "poor"), (0.204, "poor"), (0.21, "fair"), (0.3718, "fair"), (0.4643, "moderate"),
     (0.7044, "good"), (0.80, "good"), (0.8220, "very good"), (1.0, "very good")],
)  # fmt: skip
def test_strength_has_the_words_of_table_4(number, word):
    assert kappa.strength(number) == word


def test_tabulate_drops_cases_that_a_rater_left_out():
    case = pd.DataFrame({"report": [1, 0, 1, 0, 1], "biomarker": [1, 0, 0, np.nan, 1]})
    row = kappa.tabulate({"volume": case}).loc["volume"]
    assert (row["n"], row["observed_agreement"], row["strength"]) == (4, 0.75, "moderate")


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [([1, 0], [1], "same cases"), ([1, np.nan], [1, 0], "missing"), ([1, None], ["a", "b"], "missing")],
)
def test_what_cannot_be_compared_is_refused(a, b, words):
    with pytest.raises(ValueError, match=words):
        kappa.cohen_kappa(a, b)
