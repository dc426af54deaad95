"""P values of tables of counts: against scipy and statsmodels, by counting all tables, and within the audit."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.tables import ask
from study.claims import table_tests

TWO = st.lists(st.integers(0, 40), min_size=4, max_size=4).map(lambda cells: np.reshape(cells, (2, 2)))
TWO = TWO.filter(lambda table: table.sum(axis=0).all() and table.sum(axis=1).all())


@settings(max_examples=50, deadline=None)
@given(TWO)
def test_a_two_by_two_table_has_the_p_values_of_scipy(table):
    found = {name: value[0] for name, value in table_tests.by_formula(table[None]).items()} | table_tests.exact(table)
    for name, options in [("Pearson", {"correction": False}), ("Yates", {}),
                          ("G", {"correction": False, "lambda_": "log-likelihood"})]:  # fmt: skip
        assert found[name] == pytest.approx(stats.chi2_contingency(table, **options).pvalue, abs=1e-9), name
    square = stats.chi2_contingency(table, correction=False).statistic
    assert found["N - 1"] == pytest.approx(stats.chi2.sf(square * (1 - 1 / table.sum()), 1))
    assert found["Fisher"] == pytest.approx(stats.fisher_exact(table).pvalue)
    assert table_tests.freeman_halton(table) == pytest.approx(found["Fisher"], abs=1e-9)
    assert found["mid-p"] <= found["Fisher"] <= 1 and found["doubled mid-p"] <= found["doubled Fisher"] <= 1


@pytest.mark.parametrize(
    "table", [[[3, 5, 2], [4, 5, 8], [9, 1, 3]], [[2, 6, 3], [9, 4, 5]], [[1, 0, 4, 2], [5, 3, 1, 1]]]
)
def test_freeman_and_halton_is_the_sum_over_all_tables_that_are_as_improbable(table):
    table = np.array(table)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    ways = [[np.array(cells) for cells in itertools.product(*[range(total + 1)] * len(rows)) if sum(cells) == total]
            for total in columns]  # fmt: skip
    p = {}
    for filled in itertools.product(*ways):
        if (sum(filled) == rows).all():
            chance = np.prod([stats.multivariate_hypergeom.pmf(filled[0], rows, columns[0])])
            left = rows - filled[0]
            for one, total in zip(filled[1:], columns[1:], strict=True):
                chance *= stats.multivariate_hypergeom.pmf(one, left, total)
                left = left - one
            p[tuple(np.array(filled).T.ravel())] = chance
    expected = sum(chance for chance in p.values() if chance <= p[tuple(table.ravel())] * (1 + 1e-7))
    assert sum(p.values()) == pytest.approx(1) and table_tests.freeman_halton(table) == pytest.approx(expected)


def test_the_trend_is_that_of_statsmodels():
    """Which divides the variance by n - 1 where Cochran and Armitage divide by n."""
    from statsmodels.stats.contingency_tables import Table

    table = np.array([[4, 9, 12], [20, 15, 11]])
    z = Table(table).test_ordinal_association(np.array([1, 0]), np.arange(3)).zscore
    own = table_tests.by_formula(table[None])["trend"][0]
    assert own == pytest.approx(stats.chi2.sf(z**2 * table.sum() / (table.sum() - 1), 1))


def test_a_table_with_too_many_others_has_no_exact_test():
    assert table_tests.exact(np.full((3, 4), 200)) == {}


def test_an_empty_group_tells_nothing():
    assert table_tests.by_formula(np.array([[[0, 0], [7, 8]]]))["Pearson"].tolist() == [1.0]


GROUPS = {"counts": ["2", "6", "7"], "totals": ["13", "12", "11"]}


@pytest.mark.parametrize(
    ("given", "p", "name"),
    [
        ({"counts": ["3", "9"], "totals": ["15", "16"]}, "0.042", "N - 1"),
        ({"counts": ["3", "9"], "totals": ["15", "16"]}, "0.035", "G"),
        ({"counts": ["3", "9"], "totals": ["15", "16"]}, "0.066", "Fisher"),
        ({"counts": ["3", "9"], "totals": ["15", "16"]}, "0.087", "doubled Fisher"),
        (GROUPS, "0.046", "Fisher, Freeman and Halton"),
        ({"table": [["3", "5", "2"], ["4", "5", "8"], ["9", "1", "3"]]}, "0.057", "Fisher, Freeman and Halton"),
    ],
)
def test_the_test_that_fits_is_named(given, p, name):
    answer = ask("chi_square", **given, p=p)
    assert answer.holds and f"{name} 0.0" in answer.words, answer.words
    narrowed = ask("chi_square", **given, p=p, method="pearson")
    assert not narrowed.holds and "Pearson" in narrowed.words


def test_a_p_of_no_test_is_found_and_names_what_was_tried():
    answer = ask("chi_square", **GROUPS, p="0.12")
    assert not answer.holds
    for name in ("Pearson", "N - 1", "G", "trend", "Fisher, Freeman and Halton"):
        assert name in answer.words


@pytest.mark.parametrize("given", [{"counts": ["140", "82"], "totals": ["320", "164"]}, GROUPS,
                                   {"counts": ["14", "82", "30", "22"], "totals": ["32", "164", "64", "80"]},
                                   {"table": [["13", "5", "22"], ["4", "15", "8"], ["9", "11", "31"]]}])  # fmt: skip
def test_a_failing_search_ends_within_a_tenth_of_a_second(given):
    ask("chi_square", **given, p="0.99")
    started = time.process_time()
    assert not ask("chi_square", **given, p="0.93").holds
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(("given", "said"), [
    ({}, "give `counts` and `totals`, or `table`"),
    ({**GROUPS, "table": [["1", "2"], ["3", "4"]]}, "give `counts` and `totals`, or `table`"),
    ({"table": [["1", "2"], ["3"]]}, "equally long"),
    ({**GROUPS, "method": "yates"}, "for this table write any, pearson, n-1, g, trend, fisher"),
])  # fmt: skip
def test_a_relation_of_another_form_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        ask("chi_square", **given, p="0.11")


# ---- two groups' means


GROUPS_OF_TWO = {"groups": [("40", "3.1", "2.9"), ("45", "4.6", "4.4")]}


def test_mann_and_whitneys_p_may_stand_under_means():
    assert ask("t_test", **GROUPS_OF_TWO, p="0.063").holds
    skewed = ask("t_test", **GROUPS_OF_TWO, p="0.012")
    assert skewed.holds and "Mann and Whitney's can be 0.012" in skewed.words
    assert not ask("t_test", **GROUPS_OF_TWO, p="0.012", method="t").holds
    for p in ("0.95", "1e-20"):
        assert not ask("t_test", **GROUPS_OF_TWO, p=p).holds
