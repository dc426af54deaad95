"""Cohen's kappa: by hand, against R's psych 2.2.9 and vcd 1.4.11, and Table 4 of the paper."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.project import REFERENCE
from study.statistics import kappa

DATA = dict(list(pd.read_csv(REFERENCE / "kappa_data.csv").groupby("data", sort=False)))
ANSWERS = pd.read_csv(REFERENCE / "kappa_answers.csv").set_index(["data", "weights"])
ratings = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60).map(np.array)


def of_counts(both_up, only_a, only_b, both_down):
    a = np.repeat([1, 1, 0, 0], [both_up, only_a, only_b, both_down])
    return kappa.cohen_kappa(a, np.repeat([1, 0, 1, 0], [both_up, only_a, only_b, both_down]))


@pytest.mark.parametrize(("name", "weights"), ANSWERS.index)
def test_agrees_with_psych_and_vcd(name, weights):
    answer = ANSWERS.loc[(name, weights)]
    found = kappa.cohen_kappa(DATA[name]["rater_1"], DATA[name]["rater_2"], weights=weights)
    assert (found.n, found.weights) == (answer["n"], weights)
    assert found.kappa == pytest.approx(answer["vcd_kappa"], abs=1e-14)
    assert found.kappa == pytest.approx(answer["psych_kappa"], abs=1e-14)
    # Both take the root of rounding where the variance is 0, and so return a tiny number or NaN.
    expected = 0 if np.isnan(answer["vcd_ase"]) else answer["vcd_ase"]
    assert found.standard_error_fleiss == pytest.approx(expected, rel=1e-9, abs=1e-7)
    if weights == "none" or DATA[name].drop(columns="data").stack().nunique() == 2:
        assert found.standard_error_fleiss == pytest.approx(answer["psych_se"], rel=1e-9, abs=1e-7)


def credit_of(weights, k):
    apart = np.abs(np.subtract.outer(range(k), range(k))) / (k - 1)
    return {"none": (apart == 0).astype(float), "linear": 1 - apart, "quadratic": 1 - apart**2}[weights]


@pytest.mark.parametrize("name", ["three_categories", "four_categories", "ends_confused"])
@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_why_psych_differs_from_vcd_with_weights_and_three_categories(name, weights):
    """The formula needs the mean credit of each column of the table; psych 2.2.9 sums rows there.

    It takes sum_j w_ij times row i's frequency for sum_i w_ij times it, which is the same for two categories and
    without weights. `test_errors_are_those_of_the_slopes` shows that the formula, as in vcd and here, is right.
    """
    a, b = DATA[name]["rater_1"].to_numpy(), DATA[name]["rater_2"].to_numpy()
    k, n = max(a.max(), b.max()) + 1, a.size
    table, credit = np.zeros((k, k)), credit_of(weights, k)
    np.add.at(table, (a, b), 1 / n)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed, expected = (credit * table).sum(), (credit * np.outer(rows, columns)).sum()

    def error(of_column):
        in_cell = credit * (1 - expected) - ((credit @ columns)[:, None] + of_column) * (1 - observed)
        spread = (table * in_cell**2).sum() - (observed * expected - 2 * expected + observed) ** 2
        return np.sqrt(spread / n) / (1 - expected) ** 2

    assert error(credit @ rows) == pytest.approx(ANSWERS.loc[(name, weights), "vcd_ase"], rel=1e-9)
    assert error(credit.sum(axis=1) * rows) == pytest.approx(ANSWERS.loc[(name, weights), "psych_se"], rel=1e-9)


def spread_of_kappa(at, credit):
    """Kappa's large-sample variance times n by its definition: of its slope in each cell, cases falling as in `at`."""

    def of(table):
        by_chance = (credit * np.outer(table.sum(axis=1), table.sum(axis=0))).sum()
        return ((credit * table).sum() - by_chance) / (1 - by_chance)

    steps = 1e-6 * np.eye(at.size).reshape(-1, *at.shape)
    slopes = np.array([(of(at + step) - of(at - step)) / 2e-6 for step in steps])
    return (at.ravel() * slopes**2).sum() - (at.ravel() * slopes).sum() ** 2


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=9, max_size=9), st.sampled_from(["none", "linear", "quadratic"]))
def test_errors_are_those_of_the_slopes(counts, weights):
    """Where Fleiss, Cohen and Everitt's two errors come from: at the table found, and at that of chance agreement."""
    table = np.array(counts).reshape(3, 3)
    a, b = (np.repeat(index.ravel(), table.ravel()) for index in np.indices((3, 3)))
    found, n = kappa.cohen_kappa(a, b, weights=weights), table.sum()
    credit = credit_of(weights, 3)
    shares = table / n
    by_chance = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    for error, at in ((found.standard_error_fleiss, shares), (found.standard_error_null, by_chance)):
        assert error**2 * n == pytest.approx(spread_of_kappa(at, credit), rel=1e-5, abs=1e-8)
    gained = credit[a, b]
    simple = gained.std() / np.sqrt(n) / (1 - found.expected_agreement)
    assert found.standard_error == pytest.approx(simple)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 8), st.integers(1, 8))
def test_kappa_max_is_the_greatest_of_all_tables_with_the_same_margins(both_up, only_a, only_b, both_down):
    n, up_a, up_b = both_up + only_a + only_b + both_down, both_up + only_a, both_up + only_b
    possible = [
        of_counts(up, up_a - up, up_b - up, n - up_a - up_b + up).kappa
        for up in range(max(0, up_a + up_b - n), min(up_a, up_b) + 1)
    ]
    found = of_counts(both_up, only_a, only_b, both_down)
    assert found.kappa_max == pytest.approx(max(possible))
    # Byrt, Bishop and Carlin: both kinds of agreement, and of disagreement, made equally frequent.
    evened = (both_up + both_down, only_a + only_b, only_a + only_b, both_up + both_down)
    assert found.pabak == pytest.approx(of_counts(*evened).kappa)


def test_two_classes_need_no_weights_and_order_matters_with_three():
    two = DATA["paper_row_1"]
    assert kappa.cohen_kappa(two["rater_1"], two["rater_2"], weights="quadratic").kappa == pytest.approx(
        kappa.cohen_kappa(two["rater_1"], two["rater_2"]).kappa
    )
    near, far = DATA["neighbours_confused"], DATA["ends_confused"]
    plain = [kappa.cohen_kappa(data["rater_1"], data["rater_2"]).kappa for data in (near, far)]
    linear = [kappa.cohen_kappa(data["rater_1"], data["rater_2"], weights="linear").kappa for data in (near, far)]
    assert linear[0] > plain[0] and linear[1] < plain[1]


def test_categories_that_did_not_occur_count_where_they_are_named():
    a, b = ["down", "up", "up", "down"], ["down", "up", "down", "down"]
    classes = ["down", "same", "up"]
    found = kappa.cohen_kappa(a, b, categories=classes)
    assert found.kappa == kappa.cohen_kappa(a, b).kappa
    assert found.pabak == pytest.approx((3 * 0.75 - 1) / 2)
    assert kappa.cohen_kappa(a, b, weights="linear", categories=["down", "up", "same"]).observed_agreement == 0.875
    assert np.isnan(kappa.cohen_kappa(["up"], ["up"], categories=classes).kappa)
    with pytest.raises(ValueError, match="rating 'up' is not among the categories"):
        kappa.cohen_kappa(a, b, categories=["down", "same"])
    with pytest.raises(ValueError, match="weights 'squared': must be one of none, linear, quadratic"):
        kappa.cohen_kappa(a, b, weights="squared")


def test_weights_leave_out_what_is_defined_without_them():
    found = kappa.cohen_kappa([0, 1, 2, 2], [0, 2, 2, 1], weights="linear")
    assert np.isnan([found.kappa_max, found.pabak]).all() and found.observed_agreement == 0.75


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
    assert np.isnan([found.standard_error_null, found.kappa_max, found.pabak]).all()
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
    case = pd.DataFrame({"report": [1, 0, 1, 0, 1] * 3, "biomarker": [1, 0, 0, np.nan, 1] * 3})
    row = kappa.tabulate({"volume": case}).loc["volume"]
    assert (row["n"], row["observed_agreement"], row["strength"]) == (12, 0.75, "moderate")


@pytest.mark.parametrize(
    ("counts", "word"),
    [((4, 1, 1, 3), None), ((4, 1, 1, 4), "moderate"), ((20, 0, 0, 20), None), ((0, 6, 9, 0), None),
     ((9, 9, 0, 0), "poor"), ((19, 0, 0, 0), None)],
)  # fmt: skip
def test_a_kappa_of_few_cases_or_without_an_error_has_no_word(counts, word):
    ratings = pd.DataFrame({"a": np.repeat([1, 1, 0, 0], counts), "b": np.repeat([1, 0, 1, 0], counts)})
    row = kappa.tabulate({"volume": ratings}).loc["volume"]
    assert row["strength"] == word if word else pd.isna(row["strength"])
    assert np.isfinite(row["standard_error"]) == (0 < row["observed_agreement"] < 1)  # else it would be 0
    assert not row["standard_error_fleiss"] == 0


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [([1, 0], [1], "same cases"), ([1, np.nan], [1, 0], "missing"), ([1, None], ["a", "b"], "missing")],
)
def test_what_cannot_be_compared_is_refused(a, b, words):
    with pytest.raises(ValueError, match=words):
        kappa.cohen_kappa(a, b)
