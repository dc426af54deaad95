"""Every two-by-two table behind a printed kappa: against loops over all tables, statsmodels, the paper."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.claims import two_by_two

CELLS = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: sum(cells) > 0)


def rounded(value, decimals=4):
    return round(value, decimals) - 0.5 * 10**-decimals, round(value, decimals) + 0.5 * 10**-decimals


def measured(a, b, c, d):
    """Observed agreement, kappa and Cohen's error of one table, by the textbook."""
    n = a + b + c + d
    observed, expected = (a + d) / n, ((a + b) * (a + c) + (c + d) * (b + d)) / n**2
    return observed, (observed - expected) / (1 - expected), (observed * (1 - observed) / n) ** 0.5 / (1 - expected)


def degenerate(a, b, c, d):
    return b == c == 0 and (a == 0 or d == 0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("cells", [(49, 5, 7, 81), (25, 18, 8, 31), (3, 1, 0, 2), (10, 0, 30, 5)])
def test_kappa_and_its_errors_are_those_of_statsmodels(cells):
    from statsmodels.stats.inter_rater import cohens_kappa

    result = cohens_kappa(np.reshape(cells, (2, 2)))
    assert two_by_two.kappa(cells)[0] == pytest.approx(result.kappa)
    assert two_by_two.error_fleiss(cells)[0] == pytest.approx(result.var_kappa**0.5)
    assert two_by_two.error_null(cells)[0] == pytest.approx(result.std_kappa0)
    assert two_by_two.error_cohen(cells)[0] == pytest.approx(measured(*cells)[2])


@settings(max_examples=60, deadline=None)
@given(CELLS.filter(lambda cells: not degenerate(*cells)), st.integers(2, 4))
def test_a_real_table_is_among_those_found(cells, decimals):
    observed, kappa, error = (rounded(x, decimals) for x in measured(*cells))
    margins = {"first": (cells[0] + cells[1],) * 2, "second": (cells[0] + cells[2],) * 2}
    found = two_by_two.possible(sum(cells), observed=observed, kappa=kappa, error=error, **margins)
    assert list(cells) in found.tolist()
    assert (found.sum(axis=1) == sum(cells)).all() and (found >= 0).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("method", two_by_two.METHODS)
@pytest.mark.parametrize("given", [{"kappa": (0.3, 0.35)}, {"observed": (0.6, 0.72), "error": (0.2, 0.3)},
                                   {"kappa": (-0.2, -0.1), "first": (3, 5)}, {"observed": (0.5, 0.5)},
                                   {"kappa": (0.1, 0.4), "first": (4, 6), "second": (7, 7)}])  # fmt: skip
def test_no_table_is_missed_and_none_is_added(given, method):
    n = 13
    expected = set()
    for a, b, c in itertools.product(range(n + 1), repeat=3):
        cells = (a, b, c, n - a - b - c)
        if cells[3] < 0:
            continue
        numbers = dict(
            zip(("observed", "kappa", "error"), (None,) * 3 if degenerate(*cells) else measured(*cells), strict=True)
        )
        numbers |= {"observed": (a + cells[3]) / n, "first": a + b, "second": a + c}
        errors = [two_by_two.ERRORS[two_by_two.METHODS[method]](cells)[0]]
        for name, (low, high) in given.items():
            values = errors if name == "error" else [numbers[name]]
            if not any(value is not None and low - 1e-9 <= value <= high + 1e-9 for value in values):
                break
        else:
            expected.add(cells)
    assert {tuple(table) for table in two_by_two.possible(n, method=method, **given).tolist()} == expected


def test_table_4_of_the_paper():
    printed = {"observed": rounded(0.9155), "kappa": rounded(0.8220), "error": rounded(0.0492)}
    found = two_by_two.possible(142, **printed)
    assert len(found) == 4
    assert two_by_two.formulas(found, printed["error"]) == ["Cohen 1960"]
    printed = {"observed": rounded(0.7321), "kappa": rounded(0.4643), "error": rounded(0.1184)}
    assert two_by_two.contradictions(54, **printed) == [("observed",)]  # a bootstrap may give the error
    assert two_by_two.contradictions(54, method="cohen", **printed) == [("observed",), ("kappa", "error")]
    assert two_by_two.nearest(54, method="cohen", **printed) == {"n": 56}


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 5), st.data())
def test_kappa_lies_within_the_bounds_that_the_agreement_sets(k, data):
    cells = np.reshape(data.draw(st.lists(st.integers(0, 9), min_size=k * k, max_size=k * k)), (k, k))
    n = cells.sum()
    if n == 0 or np.trace(cells) == n:
        return
    observed, chance = np.trace(cells) / n, cells.sum(axis=0) @ cells.sum(axis=1) / n**2
    kappa = (observed - chance) / (1 - chance)
    for categories in (k, k + 1, None):
        low, high = two_by_two.kappa_bounds(observed, categories)
        assert low - 1e-9 <= kappa <= high + 1e-9


def test_the_bounds_are_reached():
    """Six cases of ten agree: all others in one cell pair, or beside an even diagonal."""
    assert two_by_two.kappa_bounds(0.6)[0] == pytest.approx(-0.25)
    assert two_by_two.kappa_bounds(0.6, 2)[1] == pytest.approx(two_by_two.kappa([3, 4, 0, 3])[0])


def test_the_jackknife_leaves_out_each_case_in_turn():
    cells = np.array([12, 3, 5, 9])
    cases = np.repeat(np.arange(4), cells)
    kappas = [two_by_two.kappa(np.bincount(np.delete(cases, i), minlength=4))[0] for i in range(len(cases))]
    expected = np.sqrt((len(cases) - 1) * np.var(kappas))
    assert two_by_two.error_jackknife(cells)[0] == pytest.approx(expected)


def test_the_nearest_numbers_make_a_table_possible():
    printed = {"observed": rounded(0.8533), "kappa": rounded(0.7044), "first": (86, 86)}
    nearest = two_by_two.nearest(184, **printed)
    assert nearest["first"] == 87 and round(nearest["kappa"], 4) == 0.7042
    for name, value in nearest.items():
        if name == "n":
            assert len(two_by_two.possible(value, **printed))
        else:
            assert len(two_by_two.possible(184, **{**printed, name: (value, value)}))


def test_some_hundreds_of_cases_take_well_under_a_second():
    started = time.process_time()
    assert len(two_by_two.possible(531, kappa=rounded(0.7044)))
    assert time.process_time() - started < 1


def test_too_many_cases_are_refused_in_words():
    with pytest.raises(ValueError, match="at most 5000"):
        two_by_two.possible(10**9, kappa=(0.5, 0.6))
    with pytest.raises(ValueError, match="tables to try"):
        two_by_two.possible(2000, error=(0.01, 0.02))
