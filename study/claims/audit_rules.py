"""What must hold between printed numbers, rule by rule.

Those on tables of counts are in ``audit_tables``, those on models in ``audit_models``; `RULES` names them all. Each
rule takes printed numbers by name and answers whether some numbers that round to them can be true together. It
says no where none can: where rounding, a convention or another formula in use could explain them, it says yes. Where
a method in use has no formula (a profile interval, a bootstrap, ranks), its bound comes from simulations and the rule
says so: there a no is very likely and not proven.
"""

import inspect
import itertools
import math
import types
import typing

import numpy as np
from scipy import special

from study.claims.audit_answers import Answer, Count, Group, whole_number
from study.claims.audit_models import likelihood, nested, odds_ratio
from study.claims.audit_tables import agreement, chi_square
from study.claims.printed import SLACK, Printed, digits
from study.statistics import kappa as kappas

Z_95 = 1.959963984540054


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
    n, scale = whole_number(total, "total"), share.scale
    if count is None:
        least, most = math.ceil(n * share.share[0] - SLACK), math.floor(n * share.share[1] + SLACK)
        if max(least, 0) <= min(most, n):
            return Answer(True, f"{min(max(least, 0), n)} of {n} is {share.text}")
        near = [f"{k} of {n} is {share.like(scale * k / n).text}" for k in (most, least) if 0 <= k <= n]
        return Answer(False, f"no count of {n} gives {share.text} (nearest: {', '.join(near)})")
    k = whole_number(count, "count", 0)
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
    cases = whole_number(n, "n")
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
    sizes = np.array([whole_number(group.n, "n") for group in groups], dtype=float)
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

    Mann and Whitney's p follows from ranks, which means and SDs do not tell. In simulated skewed and heavy-tailed
    samples its z lay between 0.7 z - 1 and 2.5 z + 2 of the t test's in all but about 2 of 1,000, and it is never above
    that of groups that do not overlap. So wide a bound finds few errors: ``method``, t or mann-whitney, says which test
    it was; without it, each is tried.
    """
    if method not in ("any", "t", "mann-whitney"):
        raise ValueError(f"`method` is {method!r}; write t, mann-whitney or any")
    if len(groups) != 2:
        raise ValueError(f"a t test compares two groups, but {len(groups)} are given")
    (one, other), sizes = groups, [whole_number(group.n, "n", 2) for group in groups]
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


def strength(kappa: Printed, word: str):
    """The word for a kappa is that of Altman's scale (poor to 0.20, fair, moderate, good, very good from 0.81)."""
    words = {kappas.strength(min(1.0, max(-1.0, end))) for end in (kappa.value, *kappa.ends)}
    name = kappas.strength(min(1.0, max(-1.0, kappa.value)))
    return Answer(word in words, f"kappa {kappa.text} is {name}", {"word": name})


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
