"""Rules of the audit on samples: means, SDs, medians and ranges, whole numbers on a scale, and t tests."""

import functools
import itertools
import math

import numpy as np
from scipy import special

from study.claims.audit_answers import Answer, Count, Group, one_of, whole_number
from study.claims.printed import SLACK, Printed, digits

MOST_STEPS = 3 * 10**5  # to list the sums of squares of whole numbers; takes 0.3 s, once per n and width


def spread(mean: Printed, n: Count, sd: Printed = None, median: Printed = None, lower_quartile: Printed = None,
           upper_quartile: Printed = None, lowest: Count = None, highest: Count = None, least: Count = None,
           most: Count = None):  # fmt: skip
    """A mean, SD, median, quartiles and range can belong to one sample.

    ``lowest`` and ``highest`` are the sample's range, ``least`` and ``most`` what the quantity can be at all (0 and 1
    for Dice). The SD between ends a and b is at most sqrt((b - mean) (mean - a) n / (n - 1)) (Bhatia and Davis 2000),
    and at least that of a sample which has each end of its range once and all else in one place. The median is at most
    one SD from the mean (Hotelling and Solomons 1932), and half of the cases lie on either side of it.
    """
    cases = whole_number(n, "n")
    ranks = [("least", least), ("lowest", lowest), ("lower_quartile", lower_quartile), ("median", median),
             ("upper_quartile", upper_quartile), ("highest", highest), ("most", most)]  # fmt: skip
    given = [(name, number) for name, number in ranks if number]
    for (name, one), (next_name, other) in itertools.combinations(given, 2):
        if one.ends[0] > other.ends[1] + SLACK:
            return Answer(False, f"the {_words(name)} {one.text} is above the {_words(next_name)} {other.text}",
                          involved=(name, next_name))  # fmt: skip
    ends = dict(given)
    bottom, top = (next((name for name in names if name in ends), None)
                   for names in (("lowest", "least"), ("highest", "most")))  # fmt: skip
    words = []
    for low, high, said in _bounds_of_mean(cases, ends, bottom, top):
        if mean.ends[1] < low - SLACK or mean.ends[0] > high + SLACK:
            involved = ("mean", *(("n",) if len(said) > 1 else ()), *said)
            shown = " and the ".join(f"{_words(name)} {ends[name].text}" for name in said)
            limits = " and ".join(f"at {word} {digits(end, mean.decimals + 2)}"
                                  for word, end in (("least", low), ("most", high)) if math.isfinite(end))  # fmt: skip
            return Answer(False, f"the mean {mean.text} is beyond the {shown}" if len(said) == 1 else
                          f"with the {shown}, the mean of {cases} is {limits}", involved=involved)  # fmt: skip
    if sd and median:
        gap = max(0.0, median.ends[0] - mean.ends[1], mean.ends[0] - median.ends[1])
        words.append(f"the median is {digits(gap, 4)} or more from the mean")
        if gap > sd.ends[1] + SLACK:
            return Answer(
                False, f"{words[-1]}, farther than an SD of {sd.text} allows", involved=("mean", "sd", "median")
            )
    if sd and bottom and top and cases > 1:
        low, high = ends[bottom].ends[0], ends[top].ends[1]
        middle = min(max((low + high) / 2, mean.ends[0]), mean.ends[1])
        largest = math.sqrt(max(0.0, (high - middle) * (middle - low)) * cases / (cases - 1))
        smallest = _least_sd(cases, mean, lowest, highest) if lowest and highest else 0.0
        words.append(f"an SD between {ends[bottom].text} and {ends[top].text} is at most "
                     f"{digits(largest, sd.decimals + 2)}")  # fmt: skip
        if smallest:
            words[-1] += f", and at least {digits(smallest, sd.decimals + 2)}"
        if sd.ends[0] > largest + SLACK or sd.ends[1] < smallest - SLACK:
            return Answer(False, words[-1], involved=("mean", "n", "sd", bottom, top))
    return Answer(True, "; ".join(words) or "in order")


def _bounds_of_mean(n, ends, bottom, top):
    """Lowest and highest mean by what is printed, with the names of what says so."""
    for name, low, high in ((bottom, 1, 0), (top, 0, 1)):
        if name:
            yield (ends[name].ends[0] if low else -math.inf), (ends[name].ends[1] if high else math.inf), (name,)
    if {"lowest", "highest"} <= ends.keys() and n > 1:  # each was measured once at least
        low, high = ends["lowest"].ends, ends["highest"].ends
        yield ((n - 1) * low[0] + high[0]) / n, ((n - 1) * high[1] + low[1]) / n, ("lowest", "highest")
    if "median" in ends:  # one half, with the middle case if there is one, is on its side
        half, median = math.ceil(n / 2), ends["median"].ends
        if bottom:
            yield (half * median[0] + (n - half) * ends[bottom].ends[0]) / n, math.inf, ("median", bottom)
        if top:
            yield -math.inf, (half * median[1] + (n - half) * ends[top].ends[1]) / n, ("median", top)


def _least_sd(n, mean, lowest, highest):
    """SD (divisor n) of a sample that has its ends once each and all other cases where the mean needs them."""
    width = max(0.0, highest.ends[0] - lowest.ends[1])
    middles = [(low + high) / 2 for low, high in zip(lowest.ends, highest.ends, strict=True)]
    off = max(0.0, mean.ends[0] - middles[1], middles[0] - mean.ends[1])
    return math.sqrt((width**2 / 2 + 2 * off**2 + (4 * off**2 / (n - 2) if n > 2 else 0.0)) / n)


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
    one_of(method, ("t", "mann-whitney"))
    if len(groups) != 2:
        raise ValueError(f"a t test compares two groups, not {len(groups)}")
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
        return Answer(True, f"{words}; Mann and Whitney's can be {p.text}", loosely=method == "any")
    words += f"; Mann and Whitney's would be {digits(ends[0], 4)} to {digits(ends[1], 4)}"
    return Answer(False, words, {"p": computed}, usual={"method": "t"})


def _standard_errors(sds, sizes):
    """Of a difference of means: Welch's, and Student's from the pooled SD."""
    (a, b), (n, m) = (max(0.0, sd) ** 2 for sd in sds), sizes
    return math.sqrt(a / n + b / m), math.sqrt(((n - 1) * a + (m - 1) * b) / (n + m - 2) * (1 / n + 1 / m))


def whole_numbers(mean: Printed, n: Count, sd: Printed = None, lowest: Count = None, highest: Count = None,
                  items: Count = None):  # fmt: skip
    """A mean and SD can be of whole numbers, such as scores from ``lowest`` to ``highest`` (both can be left out).

    The mean is a whole sum over n (Brown and Heathers 2017, GRIM; times ``items`` if each case has the mean of several
    whole scores). The sum of squares behind the SD, by either divisor, is whole as well, is odd if the sum is odd, and
    lies between that of values as near to each other and as far from each other as the sum allows (Anaya 2016,
    GRIMMER). Where few enough, the samples between both ends are listed (Heathers 2018, SPRITE).
    """
    cases, parts = whole_number(n, "n"), whole_number(items, "items") if items else 1
    low, high = (whole_number(one, name, -(10**6)) if one else None
                 for one, name in ((lowest, "lowest"), (highest, "highest")))  # fmt: skip
    if low is not None and high is not None and low > high:
        return Answer(False, f"{lowest.text} is above {highest.text}", involved=("lowest", "highest"))
    units = cases * parts
    sums = [math.ceil(units * mean.ends[0] - SLACK), math.floor(units * mean.ends[1] + SLACK)]
    kept = (max(sums[0], units * low) if low is not None else sums[0],
            min(sums[1], units * high) if high is not None else sums[1])  # fmt: skip
    if kept[0] > kept[1]:
        nearest = round(units * mean.value)
        nearest = max(nearest, units * low) if low is not None else nearest
        nearest = min(nearest, units * high) if high is not None else nearest
        words = f"no mean of {units} whole numbers{_between(low, high)} is {mean.text}"
        return Answer(False, f"{words} (nearest: {nearest} / {units})", {"mean": nearest / units},
                      involved=("mean", "n", *(name for name in ("items",) if items)))  # fmt: skip
    words = f"{kept[0]} / {units} is {mean.text}"
    if sd is None or parts > 1:
        return Answer(True, words)
    for total in range(kept[0], kept[1] + 1):
        for divisor in (cases - 1, cases):
            squares = [divisor * max(0.0, end) ** 2 + total**2 / cases for end in sd.ends]
            first, last = math.ceil(squares[0] - SLACK), math.floor(squares[1] + SLACK)
            for square in range(first + (first + total) % 2, last + 1, 2):
                if _has_squares(cases, total, square, low, high):
                    return Answer(True, f"{words}; squares that sum to {square} give an SD of {sd.text}")
    words = f"no {cases} whole numbers{_between(low, high)} have a mean of {mean.text} and an SD of {sd.text}"
    return Answer(False, words, involved=("mean", "n", "sd"))


def _between(low, high):
    ends = (f" from {low}" if low is not None else "", f" up to {high}" if high is not None else "")
    return "".join(ends) if "" in ends else f" from {low} to {high}"


def _has_squares(n, total, square, low, high):
    """Whether n whole numbers in low..high (None: no end) can have this sum and this sum of squares."""
    each, more = divmod(total, n)
    if square < more * (each + 1) ** 2 + (n - more) * each**2:
        return False
    if low is None or high is None:
        return True
    above, width = total - n * low, high - low
    moved = square - 2 * low * total + n * low**2  # of the numbers less `low`
    at_top, rest = divmod(above, width) if width else (0, above)
    if moved > at_top * width**2 + rest**2:
        return False
    if (n * (width + 1)) ** 2 / 2 > MOST_STEPS:
        return True
    return bool(_sums_of_squares(n, width)[above] >> moved & 1)


@functools.lru_cache(maxsize=32)
def _sums_of_squares(n, width):
    """Of n whole numbers from 0 to `width`, by their sum: the possible sums of squares, as the bits of an integer."""
    reached = [[0] * (n * width + 1) for _ in range(n + 1)]
    reached[0][0] = 1
    for value in range(width + 1):
        for taken in range(1, n + 1):
            for total in range(value, taken * width + 1):
                reached[taken][total] |= reached[taken - 1][total - value] << value**2
    return reached[n]


def _words(name):
    return name.replace("_", " ")
