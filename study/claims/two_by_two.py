"""The two-by-two tables that a printed kappa can come from: all, or none and the nearest numbers that would fit.

A table is ``a, b, c, d``: both raters say yes, only the first, only the second, neither. A paper prints the number of
cases, the observed agreement, kappa and its standard error, each rounded; often a rater's count of yes stands in
another table. Every table of that many cases is tried, so the answer is a proof and not an estimate.
"""

import itertools

import numpy as np

MOST_CASES = 5000  # takes a second or two; the work grows with the square
MOST_TABLES = 2 * 10**7  # kept in memory
SLICE = 10**6  # pairs of margins held in memory at a time
SLACK = 1e-9  # so that a share times n does not fail by its last bit
NONE = np.empty((0, 4), dtype=int)


def kappa(tables):
    """Cohen's kappa of tables (m, 4); NaN where chance alone gives full agreement."""
    observed, expected = _agreement(tables)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (observed - expected) / (1 - expected)


def _agreement(tables):
    a, b, c, d = (np.asarray(tables, dtype=float).reshape(-1, 4) / np.sum(tables, axis=-1, keepdims=True)).T
    return a + d, (a + b) * (a + c) + (c + d) * (b + d)


def error_cohen(tables):
    """Standard error of Cohen (1960): sqrt(po (1 - po) / n) / (1 - pe)."""
    observed, expected = _agreement(tables)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(observed * (1 - observed) / np.sum(tables, axis=-1)) / (1 - expected)


def error_fleiss(tables):
    """Large-sample standard error of Fleiss, Cohen and Everitt (1969), for a kappa that is not 0."""
    a, b, c, d = (np.asarray(tables, dtype=float).reshape(-1, 4) / np.sum(tables, axis=-1, keepdims=True)).T
    k, (_, expected) = kappa(tables), _agreement(tables)
    first, second = a + b, a + c
    on = a * (1 - (first + second) * (1 - k)) ** 2 + d * (1 - (2 - first - second) * (1 - k)) ** 2
    off = (1 - k) ** 2 * (b * (second + 1 - first) ** 2 + c * (1 - second + first) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (on + off - (k - expected * (1 - k)) ** 2) / (1 - expected) ** 2 / np.sum(tables, axis=-1)
    return np.sqrt(np.maximum(variance, 0))


def error_null(tables):
    """Standard error of Fleiss, Cohen and Everitt (1969) under the hypothesis that kappa is 0, as for its test."""
    a, b, c, _ = (np.asarray(tables, dtype=float).reshape(-1, 4) / np.sum(tables, axis=-1, keepdims=True)).T
    _, expected = _agreement(tables)
    first, second = a + b, a + c
    terms = first * second * (first + second) + (1 - first) * (1 - second) * (2 - first - second)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (expected + expected**2 - terms) / (1 - expected) ** 2 / np.sum(tables, axis=-1)
    return np.sqrt(np.maximum(variance, 0))


def error_jackknife(tables):
    """Standard error of the jackknife: kappa is computed without each case in turn."""
    tables = np.asarray(tables, dtype=float).reshape(-1, 4)
    n = tables.sum(axis=1)
    without = np.stack([kappa(np.maximum(tables - np.eye(4)[cell], 0)) for cell in range(4)], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(tables > 0, without, 0.0)  # a cell without a case is never left out
        mean = (tables * kept).sum(axis=1) / n
        return np.sqrt((n - 1) / n * (tables * (kept - mean[:, None]) ** 2).sum(axis=1))


METHODS = {"cohen": "Cohen 1960", "fleiss": "Fleiss, Cohen and Everitt 1969",
           "null": "Fleiss, Cohen and Everitt 1969, if kappa were 0", "jackknife": "jackknife"}  # fmt: skip
ERRORS = dict(zip(METHODS.values(), (error_cohen, error_fleiss, error_null, error_jackknife), strict=True))
# By how much the error of a bootstrap may differ from Fleiss's and the jackknife's: in 1,000 bootstraps of 200 samples,
# of 15 to 250 cases in three cells or more, it was never more than 1.17.
BOOTSTRAP = 1.25


VALUES = {
    "observed": lambda tables: (tables[:, 0] + tables[:, 3]) / tables.sum(axis=1),
    "kappa": kappa,
    "error": lambda tables: [formula(tables) for formula in ERRORS.values()],
    "first": lambda tables: tables[:, 0] + tables[:, 1],
    "second": lambda tables: tables[:, 0] + tables[:, 2],
}


def possible(n, observed=None, kappa=None, error=None, first=None, second=None, method="any"):
    """Find every table of `n` cases whose numbers round to what is printed.

    Parameters
    ----------
    n : int
        Cases.
    observed, kappa, error, first, second : (float, float), optional
        Lowest and highest number that rounds to the printed observed agreement (0 to 1), kappa, standard error of
        kappa, and counts of the first and the second rater's yes. What is not given may have any value.
    method : str
        What gave the error: one of ``METHODS``, or "any" or "bootstrap", which may be off by ``BOOTSTRAP``.

    Returns
    -------
    int array (m, 4)
        ``a, b, c, d`` of each; m is 0 where there is none. Tables in which one category alone was used have no kappa
        and are left out where a kappa or an error is asked for.

    Raises
    ------
    ValueError
        If there are more than ``MOST_CASES``, or so little is given that more than ``MOST_TABLES`` are left to try.
    """
    if n > MOST_CASES:
        raise ValueError(f"{n} cases have too many tables to try; at most {MOST_CASES}")
    yes = np.arange(n + 1)
    rows, columns = (yes if margin is None else yes[_within(yes, margin)] for margin in (first, second))
    step = max(1, SLICE // (n + 1))
    found = [NONE]
    for start in range(0, len(rows), step):
        tables = _tables(n, rows[start : start + step, None], columns[None, :], observed, kappa)
        if error is not None and len(tables):
            tables = tables[_has_error(tables, error, method)]
        found.append(tables)
    return np.concatenate(found)


def _tables(n, first, second, observed, printed_kappa):
    """Tables with these counts of yes whose agreement and kappa lie within the ends given."""
    low, high = np.zeros(1), np.full(1, float(n))  # cases on the diagonal
    if observed is not None:
        low, high = low + n * observed[0], np.minimum(high, n * observed[1])
    if printed_kappa is not None:
        chance = (first * second + (n - first) * (n - second)) / n**2
        low = np.maximum(low, n * (chance + printed_kappa[0] * (1 - chance)))
        high = np.minimum(high, n * (chance + printed_kappa[1] * (1 - chance)))
        high = np.where(chance == 1, -1, high)
    shift = first + second - n  # the diagonal of a table is 2 a - shift
    a_low = np.maximum(np.maximum(0, shift), np.ceil((low - SLACK + shift) / 2)).astype(int)
    a_high = np.minimum(np.minimum(first, second), np.floor((high + SLACK + shift) / 2)).astype(int)
    count = np.maximum(0, a_high - a_low + 1)
    if count.sum() > MOST_TABLES:
        raise ValueError(f"{n} cases leave {count.sum():.0e} tables to try, more than {MOST_TABLES:.0e}")
    i, j = np.nonzero(count)
    count, a = count[i, j], a_low[i, j]
    each = np.repeat(np.arange(len(count)), count)
    a = a[each] + np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    b, c = first[i[each], 0] - a, second[0, j[each]] - a
    return np.stack([a, b, c, n - a - b - c], axis=1)


def kappa_bounds(observed, categories=None):
    """Lowest and highest kappa of any table in which this share of the cases agrees.

    Kappa is lowest where chance agreement is largest, (1 + po^2) / 2, with all disagreement between two categories:
    -(1 - po) / (1 + po). Chance agreement is smallest where the agreeing cases are spread over all categories and the
    others lie where few agree; with any number of categories it comes near 0, and kappa near po.

    Parameters
    ----------
    observed : float
        Observed agreement po, 0 to 1.
    categories : int, optional
        None for any number.
    """
    if observed == 1:
        return 1.0, 1.0
    off, chance = 1 - observed, []
    for few in (2, 1):  # the others lie between two categories, or all beside the diagonal of one
        if categories is None or categories < few:
            continue
        low = max(0.0, 1 / categories - off / few)  # of agreeing cases in each of the few
        rest = (observed - few * low) / (categories - few) if categories > few else 0.0
        chance.append((categories - few) * rest**2 + few * low**2 + 2 * low * off + off**2 * (few == 1))
    smallest = min(chance, default=0.0)
    return -off / (1 + observed), (observed - smallest) / (1 - smallest)


def _within(numbers, ends):
    return (numbers >= ends[0] - SLACK) & (numbers <= ends[1] + SLACK)


def _has_error(tables, error, method):
    """Whether each table has a standard error within these ends."""
    if method in METHODS:
        return _within(ERRORS[METHODS[method]](tables), error)
    errors = [formula(tables) for formula in ERRORS.values()]
    near = np.stack([error_fleiss(tables), error_jackknife(tables)])
    found = (near.min(axis=0) / BOOTSTRAP <= error[1]) & (near.max(axis=0) * BOOTSTRAP >= error[0])
    return np.any([found, *(_within(one, error) for one in errors)], axis=0)


def formulas(tables, error):
    """Name the formulas that give some of the tables (m, 4) a standard error within these ends."""
    return [name for name, formula in ERRORS.items() if _within(formula(tables), error).any()]


def contradictions(n, method="any", **printed):
    """Find the smallest sets of printed numbers that no table has together.

    Parameters
    ----------
    n : int
    method : str
    **printed : (float, float)
        As for :func:`possible`.

    Returns
    -------
    list of tuple of str
        Names of the numbers, such as ``[("observed",), ("kappa", "error")]``; each with `n`. Empty if a table fits.
    """
    cores = []
    for size in range(1, len(printed) + 1):
        for names in itertools.combinations(printed, size):
            if names == ("error",) or any(set(core) <= set(names) for core in cores):
                continue  # some table has any error
            if not len(possible(n, method=method, **{name: printed[name] for name in names})):
                cores.append(names)
    return cores


def nearest(n, method="any", **printed):
    """For each printed number, find the nearest one that would make a table possible if the others stand.

    Parameters
    ----------
    n : int
    method : str
    **printed : (float, float)
        As for :func:`possible`.

    Returns
    -------
    dict of str to float
        Exact value (not rounded) of ``n`` or of a number given; without those whose change alone does not help.
    """
    found = {}
    for distance in range(1, max(20, n // 5) + 1):
        fitting = [m for m in (n - distance, n + distance) if m > 1 and len(possible(m, method=method, **printed))]
        if fitting:
            found["n"] = fitting[0]
            break
    for name, ends in printed.items():
        try:
            others = {other: printed[other] for other in printed if other != name}
            tables = possible(n, method=method, **others)
        except ValueError:  # the others leave too many tables
            continue
        by_method = name == "error" and method in METHODS
        values = np.ravel(ERRORS[METHODS[method]](tables) if by_method else VALUES[name](tables))
        values = values[np.isfinite(values)]
        if len(values):
            found[name] = float(values[np.argmin(np.abs(values - sum(ends) / 2))])
    return found
