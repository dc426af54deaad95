"""Rules of the audit on ROC curves: the AUC of a curve through a point, and the interval of an AUC."""

import functools
import math

import numpy as np
from scipy import special

from study.claims.audit_answers import Answer, Count, one_of, outside, reach, whole_number
from study.claims.printed import SLACK, Printed, digits

METHODS = ("wald", "logit", "hanley", "binomial", "bootstrap")
TIES = 0.4  # of the least standard error without ties, with scores of few levels: in 2,000 simulated, 0.63 or more
# The standard error told by a bootstrap's interval on the logit scale, over the largest by formula, or the least over
# it: in 1,000 simulated, up to 1.24 and 1.17.
OTHER = 1.35
# Its lower arm over the upper one: plain at least 0.80, on the logit scale at most 1.21.
SHORTEST, LONGEST = 0.7, 1.35


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


def auc_interval(auc: Printed, low: Printed, high: Printed, positives: Count, negatives: Count, level: Printed = None,
                 scores: str = "any", method: str = "any"):  # fmt: skip
    """The interval of an AUC has a standard error that so many cases can have, and the form of its method.

    A plain interval (``wald``, such as DeLong's) has the AUC in its middle, or ends at 1; a ``logit`` one has it there
    on the logit scale; a ``hanley`` one is AUC +- 1.96 errors by the formula of Hanley and McNeil (1982), and a
    ``binomial`` one is Clopper and Pearson's of AUC x n out of n. DeLong's
    standard error lies between two bounds that follow from the AUC and both numbers of cases (``error_bounds``); the
    lower one holds for scores without ties (``scores: continuous``), and with ties for 0.4 of it. Without ``method`` an
    interval of another form is one by a ``bootstrap``, unless it is too narrow or too wide for that.
    """
    one_of(method, METHODS)
    if scores not in ("any", "continuous"):
        raise ValueError(f"`scores` is {scores!r}; write continuous or any")
    ill, well = whole_number(positives, "positives", 2), whole_number(negatives, "negatives", 2)
    errors, involved = reach(level), ("auc", "low", "high")
    if outside(auc, low, high):
        return Answer(False, f"{auc.text} is outside [{low.text}, {high.text}]", involved=involved)
    if low.share[1] < -SLACK or high.share[0] > 1 + SLACK:
        return Answer(False, f"[{low.text}, {high.text}] leaves 0 to 1", involved=("low", "high"))
    bounds = [error_bounds(min(1.0, max(0.0, end)), ill, well) for end in auc.share]
    least, most = min(low for low, _ in bounds), max(high for _, high in bounds)
    least *= 1.0 if scores == "continuous" else TIES
    forms = {name: own for name, own in _forms(auc, low, high, (ill, well), errors).items() if method in ("any", name)}
    known = {name: own for name, own in forms.items() if own is not None}
    fitting = [name for name, own in known.items()
               if name in ("binomial", "hanley") or (own[0] <= most * 1.01 and own[1] >= least * 0.99)]  # fmt: skip
    words = f"the standard error of an AUC of {auc.text} is {digits(least, 4)} to {digits(most, 4)}"
    if fitting:
        error = "" if fitting == ["binomial"] else f", and the interval's {digits(sum(forms[fitting[0]]) / 2, 4)}"
        return Answer(True, f"{words}{error}; its form is {' or '.join(fitting)}")
    if method in forms and method != "any":
        own = forms[method]
        formed = (
            f"the interval's would be {digits(sum(own) / 2, 4)}" if own else f"the interval is not of the form {method}"
        )
        return Answer(False, f"{words}; {formed}", involved=(*involved, "positives", "negatives"))
    # Of any form: its width on the logit scale, so that an AUC near 1 does not matter.
    ends = [float(special.logit(min(1 - SLACK, max(SLACK, end)))) for end in (*low.share, *high.share)]
    middle = min(1 - SLACK, max(SLACK, sum(auc.share) / 2))
    narrow, wide = ((ends[i] - ends[j]) / (2 * errors) * middle * (1 - middle) for i, j in ((2, 1), (3, 0)))
    words += "; its form is none of plain, logit, Hanley's and binomial, and its width " + (
        f"that of {digits((narrow + wide) / 2, 4)}"
    )
    plain = auc.share[1] - low.share[0] >= SHORTEST * (high.share[0] - auc.share[1])
    scaled = [float(special.logit(min(1 - SLACK, max(SLACK, end)))) for end in auc.share]
    skewed = scaled[0] - ends[1] > LONGEST * (ends[3] - scaled[0]) or not plain
    if high.share[1] >= 1 - SLACK or (narrow <= OTHER * most and wide >= least / OTHER and not skewed):
        return Answer(True, f"{words}; a bootstrap can be so", loosely=method == "any")
    return Answer(False, f"{words}, which no bootstrap gives", involved=(*involved, "positives", "negatives"))


def _forms(auc, low, high, sizes, errors):
    """By form, the lowest and highest standard error of an AUC that the interval tells; None if it is not so formed."""
    cut = high.share[1] >= 1 - SLACK  # the interval was cut off at 1
    found = {}
    for name, scale in (
        ("wald", lambda x: x),
        ("logit", lambda x: float(special.logit(min(1 - 1e-15, max(1e-15, x))))),
    ):
        a, b, c = ([scale(end) for end in number.share] for number in (low, auc, high))
        centred = 2 * b[0] <= a[1] + c[1] + SLACK and 2 * b[1] >= a[0] + c[0] - SLACK
        slope = 1.0 if name == "wald" else min(1 - SLACK, max(SLACK, sum(auc.share) / 2))
        slope = slope if name == "wald" else slope * (1 - slope)
        if centred:
            found[name] = tuple(max(0.0, end) * slope / (2 * errors) for end in (c[0] - a[1], c[1] - a[0]))
        elif cut and name == "wald" and 2 * b[1] >= a[0] + c[0]:
            found[name] = max(0.0, b[0] - a[1]) / errors, (b[1] - a[0]) / errors
        else:
            found[name] = None
    values = [min(1.0, max(0.0, end)) for end in auc.share]
    for name, own in (("hanley", _hanley), ("binomial", _binomial)):
        ends = [own(x, *sizes, errors) for x in values]
        fits = low.allows(*(low.scale * x for x, _ in ends)) and high.allows(*(high.scale * x for _, x in ends))
        half = (high.value / high.scale - low.value / low.scale) / (2 * errors)
        found[name] = (half, half) if fits else None
    return found


def _hanley(auc, positives, negatives, errors):
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    square = auc * (1 - auc) + (positives - 1) * (first - auc**2) + (negatives - 1) * (second - auc**2)
    half = errors * math.sqrt(max(0.0, square) / (positives * negatives))
    return auc - half, min(1.0, auc + half)


def _binomial(auc, positives, negatives, errors):
    n, tail = positives + negatives, float(special.ndtr(-errors))
    return (float(special.betaincinv(n * auc, n - n * auc + 1, tail)) if auc > 0 else 0.0,
            float(special.betaincinv(n * auc + 1, n - n * auc, 1 - tail)) if auc < 1 else 1.0)  # fmt: skip


@functools.lru_cache(maxsize=256)
def error_bounds(auc, positives, negatives):
    """Least and largest standard error that DeLong's formula can give an AUC, over all curves without ties.

    With R the curve, the variance is (E[V1^2] - AUC^2) / (m - 1) + (E[V2^2] - AUC^2) / (n - 1), where
    E[V1^2] = 2 ∫ (1 - t) R(t) dt and E[V2^2] = ∫ R(t)^2 dt (DeLong et al. 1988). It is least where R rises with the
    slope (n - 1) / (m - 1) between 0 and 1, and, being convex in R, largest for a curve of two steps; both are found.

    Parameters
    ----------
    auc : float
        From 0 to 1.
    positives, negatives : int
        At least 2 each.
    """
    a, b = 1 / (positives - 1), 1 / (negatives - 1)
    t = (np.arange(2000) + 0.5) / 2000

    def variance(curve):
        return a * (np.mean(2 * (1 - t) * curve) - auc**2) + b * (np.mean(curve**2) - auc**2)

    low, high = -a / b, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if np.clip(middle + a / b * t, 0, 1).mean() < auc:
            low = middle
        else:
            high = middle
    least = variance(np.clip(high + a / b * t, 0, 1))
    first, second = np.meshgrid(np.linspace(0, 1 - auc, 201), np.linspace(1 - auc, 1, 201))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(second > first, (auc - (1 - second)) / (second - first), 1.0)
    ones = step**2 * (second - first) + (1 - second)
    others = step * (1 - first) ** 2 + (1 - step) * (1 - second) ** 2
    largest = np.max(a * (others - auc**2) + b * (ones - auc**2))
    return math.sqrt(max(0.0, least)), math.sqrt(max(0.0, largest))
