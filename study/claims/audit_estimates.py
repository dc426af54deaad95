"""Rules of the audit on other estimates: p values of a statistic, correlations, and intraclass correlations."""

import itertools
import math

from scipy import special

from study.claims.audit_answers import Answer, Count, one_of, outside, reach, whole_number
from study.claims.printed import Printed, digits

KINDS = ("t", "z", "F", "chi-square")


def statistic(kind: str, value: Printed, p: Printed, df: Printed = None, df2: Printed = None, sides: str = "any"):
    """The p value of a statistic t, z, F or chi-square with its degrees of freedom.

    That of t and z is of both ``sides`` (two), or of one, which is half as large; without ``sides`` either is possible.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` is {kind!r}; write {', '.join(KINDS)}")
    if sides not in ("any", "one", "two"):
        raise ValueError(f"`sides` is {sides!r}; write one, two or any")
    needed = {"t": 1, "z": 0, "F": 2, "chi-square": 1}[kind]
    if (df is not None) + (df2 is not None) != needed or (needed == 1 and df is None):
        raise ValueError(
            f"{kind} has {needed or 'no'} degrees of freedom: give {('none', '`df`', '`df` and `df2`')[needed]}"
        )
    if any(one is not None and (one.sign or one.value <= 0) for one in (df, df2)):
        raise ValueError("degrees of freedom must be above 0")
    freedom = [[one.value] if one.value == round(one.value) and one.decimals == 0 else one.ends
               for one in (df, df2) if one is not None]  # fmt: skip
    values = [end for end in value.ends if math.isfinite(end)]
    if kind in ("t", "z"):
        values = [abs(end) for end in values] + ([0.0] if value.ends[0] <= 0 <= value.ends[1] else [])
    elif values[-1] < 0:
        return Answer(False, f"{kind} is never below 0", involved=("value",))
    found = [_tail(kind, max(0.0, x), *own) for x in values for own in itertools.product(*freedom)]
    found += {"<": [1.0], "≤": [1.0], ">": [0.0], "≥": [0.0]}.get(value.sign, [])
    exact = _tail(kind, abs(value.value), *(one.value for one in (df, df2) if one is not None))
    words = f"p = {digits(exact, max(4, p.decimals + 1))}"
    fits = {
        "p": exact,
        "value": math.copysign(_quantile(kind, p.value, *(one.value for one in (df, df2) if one)), value.value),
    }
    if kind not in ("t", "z"):
        return Answer(p.allows(min(found), max(found)), words, fits)
    if sides in ("any", "two") and p.allows(min(found), max(found)):
        return Answer(True, f"{words} of both sides")
    least, most = min(found) / 2, max(found) / 2
    if sides in ("any", "one") and (p.allows(least, most) or p.allows(1 - most, 1 - least)):
        return Answer(True, f"p = {digits(exact / 2, max(4, p.decimals + 1))} of one side", loosely=sides == "any")
    if sides == "one":
        return Answer(False, f"p = {digits(exact / 2, max(4, p.decimals + 1))} of one side", {"p": exact / 2})
    return Answer(False, f"{words} of both sides", fits, usual={"sides": "two"})


def _tail(kind, value, *freedom):
    """P value of a statistic that is not negative: of t and z of both sides, of F and chi-square above."""
    if kind == "z":
        return 2 * float(special.ndtr(-value))
    if kind == "t":
        return 2 * float(special.stdtr(freedom[0], -value))
    if kind == "F":
        return float(special.fdtrc(*freedom, value))
    return float(special.chdtrc(freedom[0], value))


def _quantile(kind, p, *freedom):
    """The statistic, not negative, whose p value by ``_tail`` this is."""
    if kind == "z":
        return -float(special.ndtri(p / 2))
    if kind == "t":
        return -float(special.stdtrit(freedom[0], p / 2))
    if kind == "F":
        return float(special.fdtri(*freedom, 1 - p))
    return float(special.chdtri(freedom[0], p))


CORRELATIONS = ("pearson", "spearman", "bootstrap")
# A bootstrap's arms over those of Fisher's interval, on his scale: in 2,000 simulated of 12 to 200 pairs, 0.52 to 1.55,
# and once 3.3.
SHORTEST, LONGEST = 0.45, 3.5
# By which factor and term z of a test of ranks may lie beyond those of the formulas: where it is not known to be
# Spearman's, and of Spearman's exact test, which with 9 pairs is within 5 % of them where p is below 0.2.
RANKS, SPEARMAN, FEW_PAIRS = (1.3, 0.3), (1.05, 0.05), 9


def correlation(r: Printed, n: Count, low: Printed = None, high: Printed = None, p: Printed = None,
                level: Printed = None, method: str = "any"):  # fmt: skip
    """A coefficient of correlation has the interval and the p value that so many pairs give it.

    Fisher's interval is atanh(r) +- 1.96 / sqrt(n - 3); for ranks (``spearman``) the variance is also taken as
    1.06 / (n - 3) or (1 + r^2 / 2) / (n - 3) (Fieller 1957, Bonett and Wright 2000). p is that of
    t = r sqrt((n - 2) / (1 - r^2)) or of z = atanh(r) sqrt(n - 3), for ranks also of z = r sqrt(n - 1), or exact, which
    comes near these. Without ``method``, an interval whose arms are 0.45 to 3.5 times as long as Fisher's may be a
    ``bootstrap``'s, and p that of ranks, whose z is within a factor of 1.3.
    """
    one_of(method, CORRELATIONS)
    cases, errors = whole_number(n, "n", 4), reach(level)
    if (low is None) != (high is None):
        raise ValueError("give both `low` and `high`, or neither")
    ends = [min(1.0, max(-1.0, end)) for end in r.ends]
    if ends[0] > ends[1] or r.ends[0] > 1 or r.ends[1] < -1:
        return Answer(False, f"{r.text} is beyond -1 to 1", involved=("r",))
    words, loosely = [], False
    if low is not None:
        if outside(r, low, high):
            return Answer(False, f"{r.text} is outside [{low.text}, {high.text}]", involved=("r", "low", "high"))
        spreads = {"pearson": [1.0], "spearman": [1.0, math.sqrt(1.06), math.sqrt(1 + r.value**2 / 2)]}
        tried = sorted(set(spreads["pearson" if method == "pearson" else "spearman"]))
        middle, error = [_z(end) for end in ends], errors / math.sqrt(cases - 3)
        shown = [math.tanh(_z(r.value) + sign * error) for sign in (-1, 1)]
        words.append(
            f"Fisher's interval is {digits(shown[0], low.decimals + 1)} to {digits(shown[1], high.decimals + 1)}"
        )
        if not any(low.allows(*(math.tanh(z - x * error) for z in middle))
                   and high.allows(*(math.tanh(z + x * error) for z in middle)) for x in tried):  # fmt: skip
            arms = [(middle[1] - _z(low.ends[0]), middle[0] - _z(low.ends[1])),
                    (_z(high.ends[1]) - middle[0], _z(high.ends[0]) - middle[1])]  # fmt: skip
            near = all(most >= error * SHORTEST and least <= error * LONGEST for most, least in arms)
            if method in ("pearson", "spearman") or not near:
                return Answer(False, words[0], {"low": shown[0], "high": shown[1]}, involved=("r", "n", "low", "high"))
            loosely = True
            words.append("a bootstrap's can be so")
    if p is not None:
        found = [x for end in ends for x in _p_of_correlation(end, cases, method == "spearman")]
        found += [1.0] if ends[0] <= 0 <= ends[1] else []
        exact = _p_of_correlation(r.value, cases)[0]
        words.append(f"p = {digits(exact, max(4, p.decimals + 1))}")
        if not p.allows(min(found), max(found)):
            zs = [-float(special.ndtri(min(1.0, x) / 2)) if x > 0 else math.inf for x in (max(found), min(found))]
            factor, term = SPEARMAN if method == "spearman" and cases >= FEW_PAIRS else RANKS
            ranks = [2 * float(special.ndtr(-z)) for z in (zs[1] * factor + term, max(0.0, zs[0] / factor - term))]
            if method == "pearson" or not p.allows(*ranks):
                return Answer(False, words[-1], {"p": exact}, involved=("r", "n", "p"))
            loosely = True
            words.append("that of ranks can be so")
    return Answer(True, "; ".join(words) or "in order", loosely=loosely and method == "any")


def _z(r):
    """Fisher's transformation, of 1 as a number that is large and finite."""
    return math.atanh(min(1 - 1e-12, max(-1 + 1e-12, r)))


def _p_of_correlation(r, n, of_ranks=False):
    """P values by Student's t and by Fisher's z, and by the variance of Spearman's coefficient without correlation."""
    t = abs(r) * math.sqrt((n - 2) / max(1e-300, 1 - r**2))
    zs = [abs(_z(r)) * math.sqrt(n - 3), *([abs(r) * math.sqrt(n - 1)] * of_ranks)]
    return 2 * float(special.stdtr(n - 2, -t)), *(2 * float(special.ndtr(-z)) for z in zs)


MODELS = ("one-way", "consistency", "agreement")
# The lower and the upper arm of an interval of absolute agreement over those of consistency, on the scale of log F: in
# 2,000 simulated, 0.73 to 5 and 0.85 to 3.2; less where there is hardly any correlation.
AGREEMENT = ((0.4, 6.0), (0.5, 4.0))


def icc(icc: Printed, n: Count, raters: Count, low: Printed, high: Printed, level: Printed = None,
        unit: str = "any", method: str = "any"):  # fmt: skip
    """An intraclass correlation of n cases and so many raters or readings has the interval that F gives it.

    With k raters, F = (1 + (k - 1) ICC) / (1 - ICC) for a ``single`` rating and 1 / (1 - ICC) for their ``average``, on
    n - 1 and n (k - 1) degrees of freedom for the ``one-way`` model or (n - 1) (k - 1) for ``consistency`` (Shrout and
    Fleiss 1979); F over and times the quantiles of its distribution gives the interval. That of absolute ``agreement``
    follows from more than is printed (McGraw and Wong 1996); for it, and without ``method``, there is a bound alone.
    """
    one_of(method, MODELS)
    if unit not in ("any", "single", "average"):
        raise ValueError(f"`unit` is {unit!r}; write single, average or any")
    cases, k, errors = whole_number(n, "n", 2), whole_number(raters, "raters", 2), reach(level)
    if outside(icc, low, high):
        return Answer(False, f"{icc.text} is outside [{low.text}, {high.text}]", involved=("icc", "low", "high"))
    if icc.ends[0] > 1 or high.ends[0] > 1:
        return Answer(False, f"{icc.text} [{low.text}, {high.text}] is above 1", involved=("icc", "high"))
    tail, shown, close = float(special.ndtr(-errors)), [], False
    for model in ("one-way", "consistency"):
        freedom = cases - 1, cases * (k - 1) if model == "one-way" else (cases - 1) * (k - 1)
        quantiles = (float(special.fdtri(*freedom, 1 - tail)), float(special.fdtri(*freedom[::-1], 1 - tail)))
        for size, name in ((k, "single"), (1, "average")):
            if unit not in ("any", name):
                continue
            ratios = [_ratio(end, size) for end in icc.ends]
            lows, highs = ([_from_ratio(x, size) for x in found] for found in (
                [x / quantiles[0] for x in ratios], [x * quantiles[1] for x in ratios]))  # fmt: skip
            if method in ("any", model):
                shown.append(f"{model}, {name}: {digits(sum(lows) / 2, low.decimals + 1)} to "
                             f"{digits(sum(highs) / 2, high.decimals + 1)}")  # fmt: skip
                if low.allows(*lows) and high.allows(*highs):
                    return Answer(True, f"the interval is of {model}, {name}")
            arms = [math.log(ratios[1] / max(1e-12, _ratio(low.ends[0], size))),
                    math.log(ratios[0] / max(1e-12, _ratio(low.ends[1], size))),
                    math.log(max(1e-12, _ratio(high.ends[1], size)) / ratios[0]),
                    math.log(max(1e-12, _ratio(high.ends[0], size)) / ratios[1])]  # fmt: skip
            scales = [math.log(x) for x in quantiles]
            close |= all(most >= shortest * x and least <= longest * x for (most, least), x, (shortest, longest)
                         in zip((arms[:2], arms[2:]), scales, AGREEMENT, strict=True))  # fmt: skip
    words = f"the interval is none of {'; '.join(shown)}" if shown else "the interval's bound"
    if method in ("one-way", "consistency") or not close:
        return Answer(False, words, involved=("icc", "n", "raters", "low", "high"))
    return Answer(True, f"{words}; one of absolute agreement, or a bootstrap's, can be so", loosely=method == "any")


def _ratio(icc, size):
    """F of an intraclass correlation; of 1 as a number that is large and finite."""
    return max(1e-12, (1 + (size - 1) * icc) / max(1e-9, 1 - icc))


def _from_ratio(ratio, size):
    return (ratio - 1) / (ratio + size - 1)
