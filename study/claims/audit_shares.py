"""Rules of the audit on shares of counts: one with its interval, and the difference of two."""

import itertools
import math

from scipy import special

from study.claims.audit_answers import Answer, Count, one_of, outside, reach, whole_number
from study.claims.printed import SLACK, Printed, digits

Z_95 = 1.959963984540054
INTERVALS = {"wald": ("Wald's", "normal"), "wilson": ("Wilson's", "wilson"), "exact": ("Clopper and Pearson's", "beta"),
             "agresti-coull": ("Agresti and Coull's", "agresti_coull"),
             "jeffreys": ("Jeffreys's", "jeffreys")}  # fmt: skip
DIFFERENCES = {"wald": ("Wald's", "wald"), "newcombe": ("Newcombe's", "newcomb"),
               "agresti-caffo": ("Agresti and Caffo's", "agresti-caffo"),
               "score": ("Miettinen and Nurminen's", "score")}  # fmt: skip
# The width of an interval by no formula over that of Wilson's, or of Wald's for a difference: in 2,000 simulations
# each, 0.47 to 1.77 of bootstraps of shares, alone or of patients with two to five scans; 0.82 to 1.18 of bootstraps of
# differences, with arms that differed by a factor of up to 1.66; and up to 1.29 of the intervals of pairs.
NARROWEST, WIDEST = 0.4, 2.0
NARROWEST_DIFFERENCE, WIDEST_DIFFERENCE, ARMS = 0.75, 1.45, 2.0
MOST_PAIRS = 10**4  # of counts behind two shares that are tried


def share(share: Printed, total: Count, count: Count = None, low: Printed = None, high: Printed = None,
          level: Printed = None, method: str = "any"):  # fmt: skip
    """A share or percentage is a whole count out of its total, and its interval is one of that count.

    Tried are the intervals of Wald, Wilson, Clopper and Pearson (``exact``), Agresti and Coull, and Jeffreys;
    ``method`` names one of them, or ``bootstrap``. Without it an interval of another width is one by a bootstrap or
    over patients, unless it is less than 0.4 or more than 2 times as wide as Wilson's.
    """
    one_of(method, (*INTERVALS, "bootstrap"))
    n, scale = whole_number(total, "total"), share.scale
    if (low is None) != (high is None):
        raise ValueError("give both `low` and `high`, or neither")
    least, most = max(0, math.ceil(n * share.share[0] - SLACK)), min(n, math.floor(n * share.share[1] + SLACK))
    if count is None:
        if least > most:
            near = [f"{k} of {n} is {share.like(scale * k / n).text}" for k in (most, least) if 0 <= k <= n]
            return Answer(False, f"no count of {n} gives {share.text} (nearest: {', '.join(near)})",
                          involved=("share", "total"))  # fmt: skip
        words, counts = f"{least} of {n} is {share.text}", range(least, most + 1)
    else:
        k = whole_number(count, "count", 0)
        words = f"{k} / {n} = {digits(scale * k / n, share.decimals + 2)}{' %' if scale == 100 else ''}"
        if k > n or not share.allows(scale * k / n):
            return Answer(False, words, {"share": scale * k / n}, involved=("share", "count", "total"))
        counts = [k]
    if low is None:
        return Answer(True, words)
    if outside(share, low, high):
        return Answer(False, f"{words}; {share.text} is outside [{low.text}, {high.text}]",
                      involved=("share", "low", "high"))  # fmt: skip
    return _interval_of_share(counts, n, low, high, reach(level), method, words)


def _interval_of_share(counts, n, low, high, errors, method, words):
    from statsmodels.stats.proportion import proportion_confint

    known = {name: told for name, told in INTERVALS.items() if method in ("any", name)}
    alpha = 2 * float(special.ndtr(-errors))
    ends = {told: [proportion_confint(k, n, alpha, called) for k in counts] for told, called in known.values()}
    ends = {told: [(max(0.0, a), min(1.0, b)) for a, b in found] for told, found in ends.items()}
    if fitting := _fitting(ends, low, high):
        return Answer(True, f"{words}; the interval is {' or '.join(fitting)}")
    shown = _shown(ends, low, high)
    words += f"; the interval is none of {shown}" if known else ""
    if known and method != "any":
        return Answer(False, words, involved=("total", "share", "low", "high"))
    widths = [b - a for a, b in (wilson(k / n, n, errors) for k in counts)]
    drawn = "ends are" if all(_is_share(end, n) for end in (low, high)) else "ends are not both"
    words += f"; its {drawn} shares of {n}"
    narrowest = 0.0 if any(k in (0, n) for k in counts) else NARROWEST  # a bootstrap of 0 of n has no width at all
    if _is_as_wide(low, high, narrowest * min(widths), WIDEST * max(widths)):
        return Answer(True, f"{words}; a bootstrap can be so", loosely=method == "any")
    return Answer(False, f"{words}, and it is too {'narrow' if high.share[1] - low.share[0] < min(widths) else 'wide'} "
                  "for a bootstrap", involved=("total", "share", "low", "high"))  # fmt: skip


def _fitting(ends, low, high):
    """The names of intervals, several tried by each, that are printed as `low` and `high`."""
    return [told for told, found in ends.items()
            if any(low.allows(low.scale * a) and high.allows(high.scale * b) for a, b in found)]  # fmt: skip


def _shown(ends, low, high):
    return ", ".join(
        f"{told} {digits(low.scale * a, low.decimals + 1)} to {digits(high.scale * b, high.decimals + 1)}"
        for told, ((a, b), *_) in ends.items())  # fmt: skip


def _is_as_wide(low, high, narrow, wide):
    """Whether the width of an interval is from `narrow` to `wide`."""
    least, most = high.share[0] - low.share[1], high.share[1] - low.share[0]
    return most >= narrow - SLACK and least <= wide + SLACK


def wilson(share, n, errors=Z_95):
    """Wilson's interval of a share of n, by default of 95 %."""
    middle, square = share + errors**2 / (2 * n), errors**2 / n
    half = errors * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def _is_share(number, n):
    return math.floor(n * number.share[1] + SLACK) >= math.ceil(n * number.share[0] - SLACK)


def difference(difference: Printed, totals: list[Count], counts: list[Count] | None = None,
               shares: list[Printed] | None = None, low: Printed = None, high: Printed = None, level: Printed = None,
               method: str = "any"):  # fmt: skip
    """The difference of two shares, the first less the second or the other way round, with its interval.

    Given are the ``totals`` and the ``counts`` of them, or their ``shares`` as printed, of which the difference may
    have been taken. Tried are the intervals of Wald (also with a correction for continuity), Newcombe, Agresti and
    Caffo, and Miettinen and Nurminen; ``method`` names one of them (wald, newcombe, agresti-caffo, score), or
    ``bootstrap`` or ``paired``, which have a bound alone: 0.75 to 1.45 times as wide as Wald's, or narrower if they
    could be pairs, having the same total; with arms that differ by a factor of 2 at most.
    """
    one_of(method, (*DIFFERENCES, "bootstrap", "paired"))
    if len(totals) != 2 or any(listed and len(listed) != 2 for listed in (counts, shares)):
        raise ValueError("give two `totals`, and two `counts` or two `shares`")
    if (counts is None) == (shares is None):
        raise ValueError("give `counts` or `shares`, one of them")
    if (low is None) != (high is None):
        raise ValueError("give both `low` and `high`, or neither")
    sizes = [whole_number(one, "totals") for one in totals]
    kind = "counts" if counts else "shares"
    if counts:
        tried = [[whole_number(one, "counts", 0)] for one in counts]
        if any(k[0] > n for k, n in zip(tried, sizes, strict=True)):
            return Answer(False, "a count is above its total", involved=_paths("totals", kind))
    else:
        tried = [range(max(0, math.ceil(n * one.share[0] - SLACK)), min(n, math.floor(n * one.share[1] + SLACK)) + 1)
                 for one, n in zip(shares, sizes, strict=True)]  # fmt: skip
        for i, (one, n, found) in enumerate(zip(shares, sizes, tried, strict=True)):
            if not len(found):
                return Answer(False, f"no count of {n} gives {one.text}", involved=(f"shares.{i}", f"totals.{i}"))
    pairs = list(itertools.islice(itertools.product(*tried), MOST_PAIRS))
    gaps = [pair[0] / sizes[0] - pair[1] / sizes[1] for pair in pairs]
    rounded = [one.value / one.scale for one in shares] if shares else None
    if rounded:
        gaps.append(rounded[0] - rounded[1])
    signs = [sign for sign in (1, -1) if any(difference.allows(difference.scale * sign * gap) for gap in gaps)]
    scale = difference.scale
    words = f"the difference is {digits(scale * gaps[0], difference.decimals + 2)}{' %' if scale == 100 else ''}"
    if not signs:
        return Answer(False, words, {"difference": scale * gaps[0]}, involved=("difference", *_paths("totals", kind)))
    if low is None:
        return Answer(True, words)
    if outside(difference, low, high):
        return Answer(False, f"{difference.text} is outside [{low.text}, {high.text}]",
                      involved=("difference", "low", "high"))  # fmt: skip
    answer = _interval_of_difference(pairs, sizes, signs, low, high, reach(level), method, words)
    arms = [(difference.share[0] - low.share[1], difference.share[1] - low.share[0]),
            (high.share[0] - difference.share[1], high.share[1] - difference.share[0])]  # fmt: skip
    if answer.loosely and not all(one[1] * ARMS >= other[0] for one, other in (arms, arms[::-1])):
        return Answer(False, f"{answer.words}, but not one whose arms differ so much",
                      involved=("difference", "low", "high"))  # fmt: skip
    return answer


def _paths(*names):
    return tuple(f"{name}.{i}" for name in names for i in (0, 1))


def _interval_of_difference(pairs, sizes, signs, low, high, errors, method, words):
    ends, widths = {}, []
    for first, second in pairs[:: max(1, len(pairs) // 100)]:
        shares = first / sizes[0], second / sizes[1]
        gap = shares[0] - shares[1]
        half = errors * math.sqrt(sum(x * (1 - x) / n for x, n in zip(shares, sizes, strict=True)))
        widths.append(2 * max(half, errors**2 / sum(sizes)))
        found = {}
        for told, called in DIFFERENCES.values():
            ends_found = _one_difference(first, sizes[0], second, sizes[1], called, errors)
            found |= {told: ends_found} if ends_found else {}
        found["Wald's with a correction for continuity"] = (
            gap - half - sum(1 / n for n in sizes) / 2, gap + half + sum(1 / n for n in sizes) / 2)  # fmt: skip
        for told, (a, b) in found.items():
            ends.setdefault(told, []).extend((a, b) if sign == 1 else (-b, -a) for sign in signs)
    if method in DIFFERENCES:
        ends = {told: found for told, found in ends.items() if told.startswith(DIFFERENCES[method][0])}
    fitting = _fitting(ends, low, high)
    if fitting and method not in ("bootstrap", "paired"):
        return Answer(True, f"{words}; the interval is {' or '.join(fitting)}")
    words += f"; the interval is none of {_shown(ends, low, high)}"
    involved = ("low", "high", "difference", *_paths("totals"))
    if method in DIFFERENCES and ends:
        return Answer(False, words, involved=involved)
    narrowest = 0.0 if sizes[0] == sizes[1] and method != "bootstrap" else NARROWEST_DIFFERENCE * min(widths)
    if _is_as_wide(low, high, narrowest, WIDEST_DIFFERENCE * max(widths)):
        return Answer(True, f"{words}; one of pairs or by a bootstrap can be so", loosely=method == "any")
    return Answer(False, f"{words}; nor can pairs or a bootstrap give one so wide or narrow", involved=involved)


def _one_difference(first, size, second, other_size, called, errors):
    """Interval of the difference of two shares; None where it is undefined."""
    import numpy as np
    from statsmodels.stats.proportion import confint_proportions_2indep

    if called == "score":  # statsmodels' own search for this one misses its upper end
        return miettinen_nurminen(first, size, second, other_size, errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = confint_proportions_2indep(first, size, second, other_size, method=called, compare="diff",
                                          alpha=2 * float(special.ndtr(-errors)))  # fmt: skip
    return None if any(math.isnan(end) for end in ends) else tuple(map(float, ends))


def miettinen_nurminen(first, size, second, other_size, errors=Z_95):
    """Score interval of p1 - p2 (Miettinen and Nurminen, Stat Med 1985;4:213-226), by default of 95 %.

    The differences d whose score, (p1 - p2 - d)^2 over the variance of the shares that are most likely if d is true,
    times n / (n - 1), is at most `errors` squared; found by bisection between the estimate and -1 or 1.
    """
    gap, n = first / size - second / other_size, size + other_size

    def score(d):
        p = _likeliest(first, size, second, other_size, d)
        variance = ((p + d) * (1 - p - d) / size + p * (1 - p) / other_size) * n / (n - 1)
        return math.inf if variance <= 0 and gap != d else (gap - d) ** 2 / max(variance, 1e-300)

    ends = []
    for inside, out in ((gap, -1.0), (gap, 1.0)):
        for _ in range(60):
            middle = (inside + out) / 2
            if score(middle) <= errors**2:
                inside = middle
            else:
                out = middle
        ends.append(inside)
    return tuple(ends)


def _likeliest(first, size, second, other_size, d):
    """The second share that is most likely if the first is larger by d: the root of a cubic within its limits."""
    n = size + other_size
    a, b = n, (size + 2 * other_size) * d - n - first - second
    c = (other_size * d - n - 2 * second) * d + first + second
    e = second * d * (1 - d)
    q = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + e / (2 * a)
    p = math.copysign(math.sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), q)
    angle = (math.pi + math.acos(min(1.0, max(-1.0, q / p**3)))) / 3 if p else math.pi / 2
    return min(max(2 * p * math.cos(angle) - b / (3 * a), max(0.0, -d)), min(1.0, 1 - d))
