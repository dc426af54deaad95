"""Rules of the audit on tables of counts: tests of independence, and the agreement of two raters."""

import bisect
import itertools
import math

import numpy as np

from study.claims import table_tests, two_by_two
from study.claims.audit_answers import Answer, Count, one_of, outside, reach, whole_number
from study.claims.printed import SLACK, Printed, digits
from study.plural import count

# Of three to five categories, Fleiss's and the bootstrap's error were within a factor of 1.7 of Cohen's, 1,000 times.
OTHER_ERRORS = 2.0
# The error that a bootstrap's interval tells, over that of the formulas: in 600 simulated, up to 1.9 where n is small.
SKEWED = 2.2
STEPS, MOST_STEPS = 100, 10**4  # how far beyond ten times itself a count is searched, and how far at most


def chi_square(p: Printed, counts: list[Count] | None = None, totals: list[Count] | None = None,
               table: list[list[Count]] | None = None, method: str = "any"):  # fmt: skip
    """The p value of a table of counts, by Pearson's chi-square or another test that is printed under such a table.

    Two groups or more are given by ``counts`` of their ``totals``, a table of more rows by ``table``, its rows. Tried
    are the tests of ``table_tests``; ``method`` says which of them it was: pearson, yates, n-1, g, trend, fisher,
    doubled fisher, mid-p, doubled mid-p.
    """
    if (table is None) == (counts is None or totals is None):
        raise ValueError("give `counts` and `totals`, or `table`")
    if table is not None:
        cells = [[whole_number(number, "table", 0) for number in row] for row in table]
        if len(cells) < 2 or len({len(row) for row in cells}) > 1 or len(cells[0]) < 2:
            raise ValueError("`table` needs two or more rows that are equally long, of two or more counts")
        cells, words = np.array(cells), "p of that table"
    elif len(counts) != len(totals) or len(counts) < 2:
        raise ValueError(
            f"{count(len(counts), 'count')} and {count(len(totals), 'total')}; give one of each for two or more groups"
        )
    else:
        yes, all_ = ([whole_number(number, "count", 0) for number in numbers] for numbers in (counts, totals))
        words = "p of " + " against ".join(f"{k} of {n}" for k, n in zip(yes, all_, strict=True))
        if any(k > n for k, n in zip(yes, all_, strict=True)):
            return Answer(False, f"{words.removeprefix('p of ')}: a count is above its total")
        cells = np.array([yes, np.subtract(all_, yes)])
    known = {name: float(value[0]) for name, value in table_tests.by_formula(cells[None]).items()}
    usual = {name: known[name] for name in ("Pearson", "Yates") if name in known}
    if method == "any" and (fitting := {name: value for name, value in usual.items() if p.allows(value)}):
        return Answer(True, f"{words}: {_values(fitting, p)}")
    exact = table_tests.exact(cells)
    found = _chosen(known | exact, method)
    fitting = [name for name, value in found.items() if p.allows(value)]
    if fitting:
        return Answer(True, f"{words}: {_values({name: found[name] for name in fitting}, p)}")
    if not exact and method == "any" and p.allows(known["Pearson"] / 1.5, known["Pearson"] * 1.5):
        return Answer(True, f"{words}: {_values(usual, p)}; too large a table for Fisher, Freeman and Halton's test")
    fits = _counts_that_fit(cells, p, method, counts is not None)
    fits["p"] = min(found.values(), key=lambda value: abs(value - p.value))
    return Answer(False, f"{words}: {_values(found, p)}", fits, searched=True)


def _values(found, p):
    return ", ".join(f"{name} {digits(value, p.decimals + 2)}" for name, value in found.items())


def _method(name):
    """A test's name as ``method`` gives it; Freeman and Halton's is Fisher's for larger tables."""
    return "fisher" if name == "Fisher, Freeman and Halton" else name.lower().replace(" - ", "-")


def _chosen(found, method):
    """The tests that ``method`` names."""
    known = {"any": found} | {_method(name): {name: value} for name, value in found.items()}
    if method not in known:
        raise ValueError(f"`method` is {method!r}; for this table write {', '.join(known)}")
    return known[method]


def _counts_that_fit(cells, p, method, by_groups):
    """For each count the nearest with which a test by formula would give this p.

    By groups, a count changes within its total and a total beside its count; else each cell changes alone.
    """
    rows, columns = cells.shape
    paths = {f"table.{i}.{j}": (i, j, cells[i, j], 0) for i in range(rows) for j in range(columns)}
    if by_groups:
        paths = {f"counts.{j}": (0, j, cells[0, j], 0) for j in range(columns)}
        paths |= {f"totals.{j}": (1, j, cells[:, j].sum(), cells[0, j]) for j in range(columns)}
    fits = {}
    for path, (i, j, own, least) in paths.items():
        most = cells[:, j].sum() if path.startswith("counts") else min(10 * own + STEPS, MOST_STEPS)
        tried = np.arange(least, most + 1)
        tables = np.repeat(cells[None], len(tried), axis=0)
        tables[:, i, j] = tried - least
        if path.startswith("counts"):
            tables[:, 1, j] = most - tried
        kept = tables.sum(axis=1).all(axis=1)  # a group of none is no group
        found = table_tests.by_formula(tables[kept]) if kept.any() else {}
        fitting = [(value >= p.ends[0]) & (value <= p.ends[1]) for name, value in found.items()
                   if method in ("any", _method(name))]  # fmt: skip
        near = tried[kept][np.any(fitting, axis=0)] if fitting else []
        if len(near):
            fits[path] = int(near[np.argmin(np.abs(near - own))])
    return fits


def agreement(
    n: Count, observed: Printed = None, kappa: Printed = None, error: Printed = None, first: Count = None,
    second: Count = None, categories: Count = None, weights: str = "", low: Printed = None, high: Printed = None,
    level: Printed = None, method: str = "any",
):  # fmt: skip
    """Some table of two raters has these cases, agreement, kappa, standard error and each rater's count of yes.

    With two ``categories`` (or a count of yes, which says so) every table is tried, and with each the standard error by
    the formulas of ``two_by_two.ERRORS``, of which ``method`` (cohen, fleiss, null, jackknife) names one; any other
    (``bootstrap``, or none named) may be off from these by a factor of ``BOOTSTRAP``. With more categories or an
    unknown number, kappa lies within the bounds that the observed agreement sets; of an unknown number the answer says
    which is the least, as more than two have to be stated. ``weights`` (such as linear or
    quadratic) make neither a count nor these bounds: then nothing but the range of kappa is known. An interval, ``low``
    and ``high``, tells the error too: it is kappa +- 1.96 errors, cut off at 1, unless it is a bootstrap's.
    """
    cases = whole_number(n, "n")
    one_of(method, (*two_by_two.METHODS, "bootstrap"))
    given = {"observed": observed, "kappa": kappa, "error": error, "first": first, "second": second}
    given = {name: number for name, number in given.items() if number}
    told, printed_error = "", error
    if low or high:
        error, told = _error_of_interval(kappa, low, high, error, reach(level), method)
        if error is None:
            return Answer(False, told, involved=("kappa", "low", "high", *(name for name in given if name == "error")))
        given |= {"error": error}
    ends = {name: number.share for name, number in given.items()}
    k = whole_number(categories, "categories", 2) if categories else None
    if (first or second) and (k or 2) > 2:
        raise ValueError(f"`first` and `second` count a rater's yes, but there are {k} categories")
    if weights not in ("", "none"):
        return Answer(True, f"no verdict on a kappa with {weights} weights")
    if k in (None, 2):
        tables = two_by_two.possible(cases, method=method, **ends)
        if not len(tables) and told and printed_error is None and method in ("any", "bootstrap"):
            wide = ends["error"][0] / SKEWED, ends["error"][1] * SKEWED
            tables = two_by_two.possible(cases, method=method, **ends | {"error": wide})
        if len(tables):
            count = f"{len(tables)} tables fit" if len(tables) > 1 else "one table fits"
            loosely = method == "any" and "error" in ends and not two_by_two.formulas(tables, ends["error"])
            formula = _error_formula(tables, ends)
            return Answer(True, f"{count}, such as {' '.join(map(str, tables[0]))}{formula}{told}", loosely=loosely)
    if k == 2 or first or second:
        return _no_table(cases, given, two_by_two.contradictions(cases, method=method, **ends),
                         two_by_two.nearest(cases, method=method, **ends))  # fmt: skip
    return _more_categories(cases, given, ends, k, method)


def _error_of_interval(kappa, low, high, error, errors, method):
    """The standard error, as a printed number, that an interval of kappa tells; None, and why, if it cannot be so."""
    if kappa is None or low is None or high is None:
        raise ValueError("an interval of kappa needs `kappa`, `low` and `high`")
    interval = f"[{low.text}, {high.text}]"
    if outside(kappa, low, high):
        return None, f"{kappa.text} is outside {interval}"
    cut = high.ends[1] >= 1 - SLACK  # the interval was cut off at 1
    a, b, c = low.ends, kappa.ends, high.ends
    centred = 2 * b[0] <= a[1] + c[1] + SLACK and 2 * b[1] >= a[0] + c[0] - SLACK
    if centred:
        ends = (c[0] - a[1]) / 2, (c[1] - a[0]) / 2
    elif cut or method in ("any", "bootstrap"):
        arms = [(b[0] - a[1], b[1] - a[0])] + [(c[0] - b[1], c[1] - b[0])] * (not cut)
        ends = min(arm[0] for arm in arms), max(arm[1] for arm in arms)
    else:
        return None, f"{kappa.text} is not in the middle of {interval}, as by the method {method}"
    told = [max(0.0, end) / errors for end in ends]
    if error is not None:
        told = [max(told[0], error.share[0]), min(told[1], error.share[1])]
        if told[0] > told[1] + SLACK:
            ends = [digits(max(0.0, end) / errors, error.decimals + 2) for end in ends]
            return None, f"{interval} tells an error of {' to '.join(ends)}, not {error.text}"
    half = (told[1] - told[0]) / 2
    text = error.text if error else f"{digits(sum(told) / 2, 4)} (by the interval)"
    middle = sum(told) / 2
    return Printed(text, middle, half, decimals=4), f"; the interval tells an error of {digits(middle, 4)}"


def _more_categories(cases, given, ends, k, method):
    """Kappa and its error between the bounds that the agreement, a count of the cases, sets for any such table."""
    observed, kappa, error = (ends.get(name) for name in ("observed", "kappa", "error"))
    low, high = observed or (0.0, 1.0)
    agreeing = np.arange(max(0, math.ceil(cases * low - SLACK)), min(cases, math.floor(cases * high + SLACK)) + 1)
    if not len(agreeing):
        return _no_table(cases, given, [("observed",)], two_by_two.nearest(cases, observed=observed))
    bounds = [two_by_two.kappa_bounds(share, k) for share in agreeing / cases]
    kept = [count for count, (least, most) in zip(agreeing, bounds, strict=True)
            if kappa is None or (kappa[0] <= most + SLACK and kappa[1] >= least - SLACK)]  # fmt: skip
    if not kept:
        least, most = min(one[0] for one in bounds), max(one[1] for one in bounds)
        words = f"kappa is {digits(least, 4)} to {digits(most, 4)} where {digits(low, 4)} to {digits(high, 4)} agree"
        involved = tuple(name for name in ("n", "observed", "kappa") if name in (*given, "n"))
        fits = {"kappa": given["kappa"].scale * min(max(sum(kappa) / 2, least), most)}
        return Answer(False, words, fits, True, involved)
    words = f"{kept[0]} of {cases} agree" if len(kept) == 1 else f"{kept[0]} to {kept[-1]} of {cases} agree"
    words += f" in {k} categories" if k else _least_categories(cases, agreeing / cases, kappa)
    if error is None or kappa is None or observed is None:
        return Answer(True, words, loosely=k is None)
    # Cohen's error follows from agreement and kappa, as 1 - chance = (1 - agreement) / (1 - kappa).
    shares = np.array([count / cases for count in kept if count < cases])
    if not len(shares):
        return Answer(True, words, loosely=k is None)
    cohen = np.sqrt(shares / (1 - shares) / cases)
    least, most = cohen.min() * (1 - kappa[1]), cohen.max() * (1 - kappa[0])
    words += f"; Cohen's error is {digits(least, 4)} to {digits(most, 4)}"
    fits = {"error": (least + most) / 2}
    if method == "cohen":
        holds = bool(error[0] <= most + SLACK and error[1] >= least - SLACK)
        return Answer(holds, words, fits, True, loosely=holds and k is None)
    if method in ("any", "null"):  # at most sqrt(pe + pe^2) / (1 - pe) / sqrt(n)
        chance = max(0.0, (shares.max() - kappa[0]) / (1 - kappa[0]))
        most = max(most, math.sqrt((chance + chance**2) / cases) / (1 - chance))
    least = 0.0 if method == "null" else least
    holds = bool(error[0] <= most * OTHER_ERRORS and error[1] * OTHER_ERRORS >= least)
    is_cohen = error[0] <= cohen.max() * (1 - kappa[0]) + SLACK and error[1] >= cohen.min() * (1 - kappa[1]) - SLACK
    words += f", others within a factor of {OTHER_ERRORS:g}"
    return Answer(holds, words, fits, True, loosely=holds and (k is None or (method == "any" and not is_cohen)))


def _least_categories(cases, shares, kappa):
    """Say how many categories there must be, as no table of two fits, and how high kappa could be in two."""
    ends = kappa or (-1.0, 1.0)

    def reach(k):  # the more categories, the less chance agreement can be
        return max(two_by_two.kappa_bounds(share, k)[1] for share in shares)

    least = bisect.bisect_left(range(cases), True, lo=3, key=lambda k: reach(k) >= ends[0] - SLACK)
    words = f", which is possible only in {least} or more categories"
    return words + (f"; in two kappa is at most {digits(reach(2), 4)}" if reach(2) < ends[0] - SLACK else "")


def _no_table(cases, given, cores, nearest):
    fits = {name: value if name == "n" else value * given[name].scale for name, value in nearest.items()}
    names = {"observed": "agreement", "first": "a first rater's count of", "second": "a second rater's count of"}
    words = ", and none has ".join(
        " and ".join(f"{names.get(name, name)} {given[name].text}" for name in core) for core in cores)  # fmt: skip
    involved = ("n", *dict.fromkeys(itertools.chain.from_iterable(cores)))
    return Answer(False, f"no table of {cases} has {words}", fits, True, involved)


def _error_formula(tables, ends):
    if "error" not in ends:
        return ""
    fitting = two_by_two.formulas(tables, ends["error"])
    return f"; the error is {' or '.join(fitting or ['none of the formulas known, but a bootstrap may give it'])}"
