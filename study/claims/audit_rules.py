"""What must hold between printed numbers, rule by rule.

Each rule takes printed numbers by name and answers whether some numbers that round to them can be true together. It
says no only where none can: where rounding, a convention or another formula in use could explain them, it says yes.
"""

import inspect
import itertools
import math
import types
import typing
from dataclasses import dataclass, field
from typing import NewType

import numpy as np
from scipy import special

from study.claims import table_tests, two_by_two
from study.claims.printed import SLACK, Printed, digits
from study.statistics import kappa as kappas

Count = NewType("Count", Printed)  # exact if typed without decimals


Z_95 = 1.959963984540054
INTERVALS = ("wald", "profile", "exact")
# The longer arm of an interval over the shorter, on the log scale. Of 1,500 profile-likelihood and exact intervals of
# two-by-two tables without an empty cell, the largest was 2.08.
ARMS = 2.25
OTHER_ERRORS = (
    2.0  # three to five categories: Fleiss's and the bootstrap's error were within 1.7 of Cohen's, 1,000 times
)
STEPS, MOST_STEPS = 100, 10**4  # how far beyond ten times itself a count is searched, and how far at most


@dataclass(frozen=True)
class Group:
    """A group as in Table 1 of a paper: its size, mean and SD."""

    n: Count
    mean: Printed
    sd: Printed


@dataclass(frozen=True)
class Answer:
    """What a rule says.

    Attributes
    ----------
    holds : bool
    words : str
        The computation; where it does not hold, why it cannot.
    fits : dict of str to float or str
        Where it does not hold: by argument, the value that would fit if it alone were changed.
    searched : bool
        Whether `fits` has every argument that helps; otherwise the rest is searched for.
    involved : tuple of str
        The arguments that contradict each other, if not all.
    usual : str
        The ``method`` by which what would fit is searched for, where the usual one is stricter than all.
    """

    holds: bool
    words: str
    fits: dict = field(default_factory=dict)
    searched: bool = False
    involved: tuple = ()
    usual: str = ""


def whole_sum(total: Count, parts: list[Count]):
    """A whole is the sum of its parts."""
    low, high = (sum(part.ends[side] for part in parts) for side in (0, 1))
    summed = sum(part.value for part in parts)
    fits = {f"parts.{i}": part.value + total.value - summed for i, part in enumerate(parts)} | {"total": summed}
    words = f"{' + '.join(part.text for part in parts)} = {digits(summed, total.decimals + 2)}"
    return Answer(total.allows(low, high), words, fits)


def order(lower: Count, upper: Count):
    """One number is at most another, such as patients and their scans."""
    holds = lower.ends[0] <= upper.ends[1] + SLACK
    return Answer(holds, f"{lower.text} is {'not ' if holds else ''}above {upper.text}",
                  {"lower": upper.value, "upper": lower.value}, True)  # fmt: skip


def share(share: Printed, total: Count, count: Count = None, low: Printed = None, high: Printed = None):
    """A share or percentage is a whole count out of its total; given its 95 % interval, names the formula of that."""
    n, scale = _whole(total, "total"), share.scale
    if count is None:
        least, most = math.ceil(n * share.share[0] - SLACK), math.floor(n * share.share[1] + SLACK)
        if max(least, 0) <= min(most, n):
            return Answer(True, f"{min(max(least, 0), n)} of {n} is {share.text}")
        near = [f"{k} of {n} is {share.like(scale * k / n).text}" for k in (most, least) if 0 <= k <= n]
        return Answer(False, f"no count of {n} gives {share.text} (nearest: {', '.join(near)})")
    k = _whole(count, "count", 0)
    words = f"{k} / {n} = {digits(scale * k / n, share.decimals + 2)}{' %' if scale == 100 else ''}"
    if low and high and k <= n:
        words += "; " + _interval_formula(k, n, low, high)
    return Answer(k <= n and share.allows(scale * k / n), words, {"share": scale * k / n})


def _interval_formula(k, n, low, high):
    reach = Z_95 * math.sqrt(k / n * (1 - k / n) / n)
    exact = (special.betaincinv(k, n - k + 1, 0.025) if k else 0.0,
             special.betaincinv(k + 1, n - k, 0.975) if k < n else 1.0)  # fmt: skip
    ends = {"Wald's": (max(0, k / n - reach), min(1, k / n + reach)), "Wilson's": wilson(k / n, n),
            "Clopper and Pearson's": exact}  # fmt: skip
    fitting = [words for words, (a, b) in ends.items() if low.allows(low.scale * a) and high.allows(high.scale * b)]
    if fitting:
        return f"the interval is {' or '.join(fitting)}"
    drawn = "shares" if all(_is_share(end, n) for end in (low, high)) else "no shares"
    none = f"the interval is none of {', '.join(ends)}"
    return f"{none}; its ends are {drawn} of {n}, as a bootstrap of those {n} would give"


def wilson(share, n):
    """Wilson's 95 % interval of a share of n."""
    middle, square = share + Z_95**2 / (2 * n), Z_95**2 / n
    reach = Z_95 * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return (middle - reach) / (1 + square), (middle + reach) / (1 + square)


def _is_share(number, n):
    return math.floor(n * number.share[1] + SLACK) >= math.ceil(n * number.share[0] - SLACK)


def spread(mean: Printed, n: Count, sd: Printed = None, median: Printed = None, lower_quartile: Printed = None,
           upper_quartile: Printed = None, lowest: Count = None, highest: Count = None):  # fmt: skip
    """A mean, SD, median, quartiles and range can belong to one sample.

    The SD within a range is at most sqrt((highest - mean) (mean - lowest) n / (n - 1)) (Bhatia and Davis 2000), and
    the median at most one SD from the mean (Hotelling and Solomons 1932).
    """
    cases = _whole(n, "n")
    ranks = [("lowest", lowest), ("lower_quartile", lower_quartile), ("median", median),
             ("upper_quartile", upper_quartile), ("highest", highest)]  # fmt: skip
    given = [(name, number) for name, number in ranks if number]
    for (name, one), (next_name, other) in itertools.combinations(given, 2):
        if one.ends[0] > other.ends[1] + SLACK:
            return Answer(False, f"the {_words(name)} {one.text} is above the {_words(next_name)} {other.text}",
                          involved=(name, next_name))  # fmt: skip
    for name, end, sign in (("lowest", lowest, 1), ("highest", highest, -1)):
        if end and sign * (end.ends[sign < 0] - mean.ends[sign > 0]) > SLACK:
            return Answer(False, f"the mean {mean.text} is beyond the {name} {end.text}", involved=("mean", name))
    words = []
    if sd and median:
        gap = max(0.0, median.ends[0] - mean.ends[1], mean.ends[0] - median.ends[1])
        words.append(f"the median is {digits(gap, 4)} or more from the mean")
        if gap > sd.ends[1] + SLACK:
            return Answer(
                False, f"{words[-1]}, farther than an SD of {sd.text} allows", involved=("mean", "sd", "median")
            )
    if sd and lowest and highest and cases > 1:
        low, high = lowest.ends[0], highest.ends[1]
        middle = min(max((low + high) / 2, mean.ends[0]), mean.ends[1])
        most = math.sqrt(max(0.0, (high - middle) * (middle - low)) * cases / (cases - 1))
        words.append(f"an SD between {lowest.text} and {highest.text} is at most {digits(most, sd.decimals + 2)}")
        if sd.ends[0] > most + SLACK:
            return Answer(False, words[-1], involved=("mean", "n", "sd", "lowest", "highest"))
    return Answer(True, "; ".join(words) or "in order")


def pooled(groups: list[Group], n: Count = None, mean: Printed = None, sd: Printed = None):
    """All cases have the mean and SD that their groups give, with either divisor, n or n - 1."""
    sizes = np.array([_whole(group.n, "n") for group in groups], dtype=float)
    if n and not n.allows(sizes.sum()):
        words = f"{' + '.join(group.n.text for group in groups)} = {sizes.sum():g}"
        return Answer(False, words, involved=("n", *(f"groups.{i}.n" for i in range(len(groups)))))
    bounds = np.array([group.mean.ends for group in groups])
    low, high = sizes @ bounds / sizes.sum()
    middle = sizes @ [group.mean.value for group in groups] / sizes.sum()
    words = f"the groups' mean is {digits(middle, 2 + groups[0].mean.decimals)}"
    if mean and not mean.allows(low, high):
        involved = ("mean", *(f"groups.{i}.{part}" for i in range(len(groups)) for part in ("n", "mean")))
        return Answer(False, words, {"mean": middle}, involved=involved)
    if sd is None:
        return Answer(True, words)
    low, high = _pooled_sd(sizes, bounds, np.array([group.sd.ends for group in groups]))
    return Answer(sd.allows(low, high), f"{words}, their SD {digits(low, 2)} to {digits(high, 2)}")


def _pooled_sd(sizes, means, sds):
    """Lowest and highest SD of all cases over the ranges of the groups' means and SDs."""
    from scipy.optimize import minimize_scalar

    def apart(middle):
        return sizes @ np.maximum(0, np.maximum(means[:, 0] - middle, middle - means[:, 1])) ** 2

    def spread_of(corner):
        return sizes @ (np.array(corner) - sizes @ corner / sizes.sum()) ** 2

    ends = means.min() - 1, means.max() + 1
    closest = 0.0 if means[:, 0].max() <= means[:, 1].min() else minimize_scalar(apart, bounds=ends).fun
    farthest = max(spread_of(corner) for corner in itertools.product(*means))
    inside = np.array([(sizes - 1) @ np.maximum(0, sds[:, 0]) ** 2, sizes @ sds[:, 1] ** 2])
    total = sizes.sum()
    return math.sqrt((inside[0] + closest) / total), math.sqrt((inside[1] + farthest) / max(1, total - 1))


def t_test(groups: list[Group], p: Printed, method: str = "any"):
    """The p value of two groups, by Student's or Welch's t test, or by another test printed under their means and SDs.

    Mann and Whitney's p follows from ranks, which means and SDs do not tell. Over skewed and heavy-tailed samples its z
    lay between 0.7 z - 1 and 2.5 z + 2 of the t test's (``tools/simulate_audit.py``), and it is never above that of
    groups that do not overlap. ``method`` says which test it was, t or mann-whitney; without it, each is tried.
    """
    if method not in ("any", "t", "mann-whitney"):
        raise ValueError(f"`method` is {method!r}; write t, mann-whitney or any")
    if len(groups) != 2:
        raise ValueError(f"a t test compares two groups, but {len(groups)} are given")
    (one, other), sizes = groups, [_whole(group.n, "n", 2) for group in groups]
    gaps = one.mean.ends[0] - other.mean.ends[1], one.mean.ends[1] - other.mean.ends[0]
    least, most = max(0.0, gaps[0], -gaps[1]), max(map(abs, gaps))
    errors = [_standard_errors([group.sd.ends[side] for group in groups], sizes) for side in (0, 1)]
    # Welch's degrees of freedom lie between those of the smaller group and of both: the ends are exact.
    smallest, largest = min(sizes) - 1, sum(sizes) - 2
    low = 2 * special.stdtr(largest, -most / min(errors[0])) if min(errors[0]) > 0 else 0.0
    high = 2 * special.stdtr(smallest, -least / max(errors[1])) if max(errors[1]) > 0 else 1.0
    a, b = (group.sd.value**2 / n for group, n in zip(groups, sizes, strict=True))
    if a + b:
        freedom = (a + b) ** 2 / (a**2 / (sizes[0] - 1) + b**2 / (sizes[1] - 1))
        computed = 2 * special.stdtr(freedom, -abs(one.mean.value - other.mean.value) / math.sqrt(a + b))
        words = (f"p by Welch's t test = {digits(computed, 4)} ({digits(low, 4)} to {digits(high, 4)} with what was "
                 "rounded)")  # fmt: skip
    else:
        computed, words = low, "both SDs are 0"
    if method != "mann-whitney" and p.allows(low, high):
        return Answer(True, words)
    if method == "t":
        return Answer(False, words, {"p": computed})
    z = -float(special.ndtri(max(computed, 1e-300) / 2))
    apart = math.sqrt(3 * sizes[0] * sizes[1] / (sum(sizes) + 1)) + 0.1  # of groups that do not overlap
    ends = [2 * float(special.ndtr(-one)) for one in (min(2.5 * z + 2, apart), max(0.0, 0.7 * z - 1))]
    if p.allows(*ends):
        return Answer(True, f"{words}; Mann and Whitney's can be {p.text}")
    words += f"; Mann and Whitney's would be {digits(ends[0], 4)} to {digits(ends[1], 4)}"
    return Answer(False, words, {"p": computed}, usual="t")


def _standard_errors(sds, sizes):
    """Of a difference of means: Welch's, and Student's from the pooled SD."""
    (a, b), (n, m) = (max(0.0, sd) ** 2 for sd in sds), sizes
    return math.sqrt(a / n + b / m), math.sqrt(((n - 1) * a + (m - 1) * b) / (n + m - 2) * (1 / n + 1 / m))


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
        cells = [[_whole(number, "table", 0) for number in row] for row in table]
        if len(cells) < 2 or len({len(row) for row in cells}) > 1 or len(cells[0]) < 2:
            raise ValueError("`table` needs two or more rows that are equally long, of two or more counts")
        cells, words = np.array(cells), "p of that table"
    elif len(counts) != len(totals) or len(counts) < 2:
        raise ValueError(f"{len(counts)} counts and {len(totals)} totals; give one of each for two or more groups")
    else:
        yes, all_ = ([_whole(number, "count", 0) for number in numbers] for numbers in (counts, totals))
        words = "p of " + " against ".join(f"{k} of {n}" for k, n in zip(yes, all_, strict=True))
        if any(k > n for k, n in zip(yes, all_, strict=True)):
            return Answer(False, f"{words.removeprefix('p of ')}: a count is above its total")
        cells = np.array([yes, np.subtract(all_, yes)])
    known = {name: float(value[0]) for name, value in table_tests.by_formula(cells[None]).items()}
    usual = {name: known[name] for name in ("Pearson", "Yates") if name in known}
    if method == "any" and any(p.allows(value) for value in usual.values()):
        return Answer(True, f"{words}: {_values(usual, p)}")
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
    second: Count = None, categories: Count = None, weights: str = "", method: str = "any",
):  # fmt: skip
    """Some table of two raters has these cases, agreement, kappa, standard error and each rater's count of yes.

    With two ``categories`` (or a count of yes, which says so) every table is tried, and with each the standard error by
    the formulas of ``two_by_two.ERRORS``, of which ``method`` (cohen, fleiss, null, jackknife) names one; any other
    (``bootstrap``, or none named) may be off from these by a factor of ``BOOTSTRAP``. With more categories or an
    unknown number, kappa lies within the bounds that the observed agreement sets. ``weights`` (such as linear or
    quadratic) make neither a count nor these bounds: then nothing but the range of kappa is known.
    """
    cases = _whole(n, "n")
    if method not in ("any", "bootstrap", *two_by_two.METHODS):
        raise ValueError(f"`method` is {method!r}; write {', '.join(two_by_two.METHODS)}, bootstrap or any")
    given = {"observed": observed, "kappa": kappa, "error": error, "first": first, "second": second}
    given = {name: number for name, number in given.items() if number}
    ends = {name: number.share for name, number in given.items()}
    k = _whole(categories, "categories", 2) if categories else None
    if (first or second) and (k or 2) > 2:
        raise ValueError(f"`first` and `second` count a rater's yes, but there are {k} categories")
    if weights not in ("", "none"):
        return Answer(True, f"no verdict on a kappa with {weights} weights")
    if k in (None, 2):
        tables = two_by_two.possible(cases, method=method, **ends)
        if len(tables):
            count = f"{len(tables)} tables fit" if len(tables) > 1 else "one table fits"
            return Answer(True, f"{count}, such as {' '.join(map(str, tables[0]))}" + _error_formula(tables, ends))
    if k == 2 or first or second:
        return _no_table(cases, given, two_by_two.contradictions(cases, method=method, **ends),
                         two_by_two.nearest(cases, method=method, **ends))  # fmt: skip
    return _more_categories(cases, given, ends, k, method)


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
    words += f" in {k or 'any number of'} categories"
    if error is None or kappa is None or observed is None:
        return Answer(True, words)
    # Cohen's error follows from agreement and kappa, as 1 - chance = (1 - agreement) / (1 - kappa).
    shares = np.array([count / cases for count in kept if count < cases])
    if not len(shares):
        return Answer(True, words)
    cohen = np.sqrt(shares / (1 - shares) / cases)
    least, most = cohen.min() * (1 - kappa[1]), cohen.max() * (1 - kappa[0])
    words += f"; Cohen's error is {digits(least, 4)} to {digits(most, 4)}"
    fits = {"error": (least + most) / 2}
    if method == "cohen":
        return Answer(bool(error[0] <= most + SLACK and error[1] >= least - SLACK), words, fits, True)
    if method in ("any", "null"):  # at most sqrt(pe + pe^2) / (1 - pe) / sqrt(n)
        chance = max(0.0, (shares.max() - kappa[0]) / (1 - kappa[0]))
        most = max(most, math.sqrt((chance + chance**2) / cases) / (1 - chance))
    least = 0.0 if method == "null" else least
    holds = error[0] <= most * OTHER_ERRORS and error[1] * OTHER_ERRORS >= least
    return Answer(bool(holds), f"{words}, others within a factor of {OTHER_ERRORS:g}", fits, True)


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


def strength(kappa: Printed, word: str):
    """The word for a kappa is that of Altman's scale (poor to 0.20, fair, moderate, good, very good from 0.81)."""
    words = {kappas.strength(min(1.0, max(-1.0, end))) for end in (kappa.value, *kappa.ends)}
    name = kappas.strength(min(1.0, max(-1.0, kappa.value)))
    return Answer(word in words, f"kappa {kappa.text} is {name}", {"word": name})


def odds_ratio(estimate: Printed, low: Printed, high: Printed, p: Printed = None, level: Printed = None,
               method: str = "any"):  # fmt: skip
    """An odds ratio lies in its interval as the method puts it there, and its p value fits the interval.

    Wald's interval has the odds ratio in its middle on the log scale, and p follows from it. A profile-likelihood or an
    exact interval has arms of unequal length, of which the longer is at most ``ARMS`` times the shorter; p (by Wald,
    the likelihood ratio or Fisher) fits either arm roughly. ``method`` (wald, profile, exact) says which was used;
    without it, each is tried.
    """
    if method not in ("any", *INTERVALS):
        raise ValueError(f"`method` is {method!r}; write {', '.join(INTERVALS)} or any")
    if min(estimate.ends[1], low.ends[1], high.ends[1]) <= 0:
        raise ValueError("odds ratios and their limits must be above 0; this rule is not for another scale")
    reach = _reach(level)
    middle = math.sqrt(max(low.value, 0) * high.value)
    words = f"the middle of [{low.text}, {high.text}] on the log scale is {digits(middle, estimate.decimals + 1)}"
    fits = {"estimate": middle, "low": estimate.value**2 / high.value,
            "high": estimate.value**2 / max(low.value, SLACK)}  # fmt: skip
    interval = ("estimate", "low", "high")
    if estimate.ends[1] < low.ends[0] - SLACK or estimate.ends[0] > high.ends[1] + SLACK:
        return Answer(False, f"{estimate.text} is outside [{low.text}, {high.text}]", fits, involved=interval)
    is_wald = estimate.allows(*(math.sqrt(max(0, low.ends[side]) * high.ends[side]) for side in (0, 1)))
    if not is_wald:
        words += ", so this is no Wald interval"
        if method == "wald":
            return Answer(False, words, fits, involved=interval)
    p_wald = _p_of_wald(low, high, reach) if p and is_wald and method in ("any", "wald") else None
    if p_wald:
        words += f"; p from the interval = {digits(p_wald[2], 4)}"
    if is_wald and method in ("any", "wald") and (p_wald is None or p.allows(*p_wald[:2])):
        return Answer(True, words)
    if method == "wald":
        return Answer(False, words, {"p": p_wald[2]})
    shortest, longest = _arms(estimate, low, high)
    if shortest[1] * ARMS < longest[0]:
        words += (f"; nor a profile-likelihood or exact one: its arms differ by a factor of "
                  f"{digits(longest[0] / shortest[1], 1)}, those of such intervals by at most {ARMS}")  # fmt: skip
        return Answer(False, words, fits, involved=interval)
    if p is not None and shortest[0] > 0:
        ends = [abs(math.log(max(end, SLACK))) for end in estimate.ends]
        nearest = 0.0 if estimate.ends[0] <= 1 <= estimate.ends[1] else min(ends)
        z = max(0.0, 0.75 * reach * nearest / longest[1] - 0.4), 1.1 * reach * max(ends) / shortest[0] + 0.2
        ends = [2 * float(special.ndtr(-one)) for one in z[::-1]]
        if not p.allows(*ends):
            words += (f"; if it is a profile-likelihood or exact interval, p is {digits(ends[0], 4)} to "
                      f"{digits(ends[1], 4)}")  # fmt: skip
            computed = 2 * float(special.ndtr(-4 * reach * abs(math.log(estimate.value)) / sum(longest + shortest)))
            return Answer(False, words, {"p": p_wald[2] if p_wald else computed})
    return Answer(True, f"{words}; a profile-likelihood or exact interval can be so")


def _reach(level):
    """How many standard errors an interval of this level (95 if none is printed) reaches to either side."""
    return -float(special.ndtri((1 - (level.value / 100 if level else 0.95)) / 2))


def _p_of_wald(low, high, reach):
    """Lowest and highest p of a Wald interval with what was rounded, and p of the digits as printed; None if any."""
    bounds = [(max(0.0, end.ends[0]), end.ends[1]) for end in (low, high)]
    pairs = [*itertools.product(*bounds), (low.value, high.value)]
    z = [reach * math.log(a * b) / math.log(b / a) for a, b in pairs if b > a > 0]
    if bounds[0][0] <= 0 or not z:
        return None
    least = 0.0 if min(z) < 0 < max(z) else min(map(abs, z))
    return tuple(2 * float(special.ndtr(-one)) for one in (max(map(abs, z)), least, abs(z[-1])))


def _arms(estimate, low, high):
    """Ranges of the shorter and of the longer arm of an interval on the log scale, with what was rounded."""

    def log(x):
        return math.log(x) if x > 0 else -math.inf

    below = max(0.0, log(estimate.ends[0]) - log(low.ends[1])), log(estimate.ends[1]) - log(low.ends[0])
    above = max(0.0, log(high.ends[0]) - log(estimate.ends[1])), log(high.ends[1]) - log(estimate.ends[0])
    return tuple((side(below[0], above[0]), side(below[1], above[1])) for side in (min, max))


def likelihood(aic: Printed, parameters: Count, positives: Count, total: Count):
    """A logistic model with an intercept fits no worse than the prevalence alone and not better than perfectly."""
    yes, n, k = _whole(positives, "positives", 0), _whole(total, "total"), _whole(parameters, "parameters")
    null = -2 * sum(x * math.log(x / n) for x in (yes, n - yes) if x > 0)
    low, high = (end - 2 * k for end in aic.ends)
    words = f"deviance {digits(aic.value - 2 * k, 3)} of {digits(null, 3)} without predictors"
    if 0 <= aic.value - 2 * k <= null and k > 1 and null > 0:
        ratio = null - aic.value + 2 * k
        words += (f"; likelihood ratio {digits(ratio, 3)} on {k - 1}, p = {digits(special.chdtrc(k - 1, ratio), 4)}, "
                  f"McFadden's R² {ratio / null:.3f}")  # fmt: skip
    fits = {"aic": min(max(aic.value, 2 * k), null + 2 * k)}
    return Answer(high >= -SLACK and low <= null + SLACK, words, fits)


def nested(smaller: Printed, larger: Printed, added: Count, p: Printed = None):
    """A model with `added` more parameters is never less likely than the smaller one; AICs give the test of it."""
    k = _whole(added, "added")
    low, high = smaller.ends[0] - larger.ends[1] + 2 * k, smaller.ends[1] - larger.ends[0] + 2 * k
    ratio = smaller.value - larger.value + 2 * k
    words = f"likelihood ratio {digits(ratio, 3)} on {k}"
    if high < -SLACK:
        fits = {"smaller": larger.value - 2 * k, "larger": smaller.value + 2 * k, "added": math.ceil(k - ratio / 2)}
        involved = ("smaller", "larger", "added")
        return Answer(False, f"{words}: the larger model would be less likely", fits, True, involved)
    ends = special.chdtrc(k, high), special.chdtrc(k, max(low, 0))
    computed = special.chdtrc(k, max(ratio, 0))
    return Answer(p is None or p.allows(*ends), f"{words}, p = {digits(computed, 4)}", {"p": computed})


def roc(sensitivity: Printed, specificity: Printed, auc: Printed, cut_off: str = "any"):
    """A ROC curve through this point can have this AUC.

    A monotone curve through (1 - specificity, sensitivity) has at least sensitivity x specificity and at most
    1 - (1 - sensitivity) (1 - specificity) below it; where the point has the largest Youden index J of the curve
    (``cut_off: youden``), at most 1 - (1 - J)^2 / 2.
    """
    if cut_off not in ("any", "youden"):
        raise ValueError(f"`cut_off` is {cut_off!r}; write youden or any")
    (sens_low, sens_high), (spec_low, spec_high) = sensitivity.share, specificity.share
    low, high = sens_low * spec_low, 1 - max(0, 1 - sens_high) * max(0, 1 - spec_high)
    if cut_off == "youden":
        high = min(high, 1 - max(0, 2 - sens_high - spec_high) ** 2 / 2)
    return Answer(auc.share[0] <= high + SLACK and auc.share[1] >= low - SLACK,
                  f"a curve through that point has an AUC of {low:.3f} to {high:.3f}",
                  {"auc": auc.scale * min(max(auc.value / auc.scale, low), high)})  # fmt: skip


def _whole(number, name, least=1):
    if number.sign or number.value != round(number.value) or not least <= number.value <= 10**9:
        raise ValueError(f"`{name}` is {number.text}; it must be a whole number from {least} to 10^9")
    return round(number.value)


def _words(name):
    return name.replace("_", " ")


RULES = {"sum": whole_sum, "order": order, "share": share, "spread": spread, "pooled": pooled, "t_test": t_test,
         "chi_square": chi_square, "agreement": agreement, "strength": strength, "odds_ratio": odds_ratio,
         "likelihood": likelihood, "nested": nested, "roc": roc}  # fmt: skip


# What an argument can be at all, its percent as a fraction; a count is at least 0.
LIMITS = {
    **dict.fromkeys(("share", "p", "observed", "sensitivity", "specificity", "auc"), (0.0, 1.0)), "kappa": (-1.0, 1.0),
    **dict.fromkeys(("sd", "error", "estimate"), (0.0, math.inf)), "n": (2.0, math.inf),
    **dict.fromkeys(("total", "totals", "added", "parameters"), (1.0, math.inf)),
}  # fmt: skip


def can_be(path, number):
    """Whether an argument (by its path, such as ``groups.0.n``) can have this value, whatever the others are."""
    name = next(part for part in reversed(path.split(".")) if not part.isdigit())
    low, high = LIMITS.get(name, (-math.inf, math.inf))
    counted = not number.half and number.value < 0
    return not counted and low <= number.value / number.scale <= high and not (name == "p" and number.value == 0)


def arguments(rule):
    """The arguments of a rule: dict of name to (type, whether it must be given)."""
    parameters = inspect.signature(RULES[rule]).parameters.values()
    kinds = {p.name: typing.get_args(p.annotation)[0] if isinstance(p.annotation, types.UnionType) else p.annotation
             for p in parameters}  # fmt: skip
    return {p.name: (kinds[p.name], p.default is inspect.Parameter.empty) for p in parameters}
