"""Rules of the audit on logistic models: odds ratios with their intervals, AIC, nested models."""

import itertools
import math

from scipy import special

from study.claims.audit_answers import Answer, Count, one_of, outside, reach, whole_number
from study.claims.printed import SLACK, Printed, digits

INTERVALS = ("wald", "profile", "exact")
# The longer arm of an interval over the shorter, on the log scale. In simulated profile-likelihood and exact
# intervals of two-by-two tables without an empty cell, over a thousand, the largest was 2.08.
ARMS = 2.25
ALMOST = 1e-3  # of an end of an interval: so near, a misprint or zeros that fill it up are likelier than another method


def odds_ratio(estimate: Printed, low: Printed, high: Printed, p: Printed = None, level: Printed = None,
               method: str = "any"):  # fmt: skip
    """An odds ratio lies in its interval as the method puts it there, and its p value fits the interval.

    Wald's interval has the odds ratio in its middle on the log scale, and p follows from it. A profile-likelihood or an
    exact interval has arms of unequal length, of which the longer is at most ``ARMS`` times the shorter; p (by Wald,
    the likelihood ratio or Fisher) fits either arm roughly. An interval with the odds ratio in its middle on the
    natural scale, a mistake, is remarked as such. ``method`` (wald, profile, exact) says which was used; without it,
    each is tried.
    """
    one_of(method, INTERVALS)
    if min(estimate.ends[1], low.ends[1], high.ends[1]) <= 0:
        raise ValueError("odds ratios and their limits must be above 0; this rule is not for another scale")
    errors = reach(level)
    middle = math.sqrt(max(low.value, 0) * high.value)
    words = f"the middle of [{low.text}, {high.text}] on the log scale is {digits(middle, estimate.decimals + 1)}"
    fits = {"estimate": middle, "low": estimate.value**2 / high.value,
            "high": estimate.value**2 / max(low.value, SLACK)}  # fmt: skip
    interval = ("estimate", "low", "high")
    if outside(estimate, low, high):
        return Answer(False, f"{estimate.text} is outside [{low.text}, {high.text}]", fits, involved=interval)
    is_wald = estimate.allows(*(math.sqrt(max(0, low.ends[side]) * high.ends[side]) for side in (0, 1)))
    if not is_wald:
        words += ", so this is no Wald interval"
        if abs(fits["high"] / high.value - 1) < ALMOST:
            words += (f" (with {digits(fits['high'], high.decimals)} for {high.text} or "
                      f"{digits(fits['low'], low.decimals)} for {low.text} it would be one)")  # fmt: skip
        is_even = estimate.allows(*((low.ends[side] + high.ends[side]) / 2 for side in (0, 1)))
        if is_even and method in ("any", "wald"):
            words += (f"; {estimate.text} is in the middle of the limits themselves, as of odds ratio +- "
                      f"{digits(errors, 2)} standard errors, a wrong kind of interval: only the log is about "
                      "normal")  # fmt: skip
        if method == "wald":
            return Answer(False, words, fits, involved=interval)
    p_wald = _p_of_wald(low, high, errors) if p and is_wald and method in ("any", "wald") else None
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
        z = max(0.0, 0.75 * errors * nearest / longest[1] - 0.4), 1.1 * errors * max(ends) / shortest[0] + 0.2
        ends = [2 * float(special.ndtr(-one)) for one in z[::-1]]
        if not p.allows(*ends):
            words += (f"; if it is a profile-likelihood or exact interval, p is {digits(ends[0], 4)} to "
                      f"{digits(ends[1], 4)}")  # fmt: skip
            computed = 2 * float(special.ndtr(-4 * errors * abs(math.log(estimate.value)) / sum(longest + shortest)))
            return Answer(False, words, {"p": p_wald[2] if p_wald else computed})
    words += "; a profile-likelihood or exact interval can be so"
    odd = _against_the_interval(low, high, p, 2 * float(special.ndtr(-errors)))
    return Answer(True, words + odd, loosely=method == "any" or bool(odd))


def _against_the_interval(low, high, p, alpha):
    """Say that p and the interval answer the question of 1 differently, by a factor of 2 and more; empty if not."""
    outside_1, inside_1 = low.ends[0] > 1 or high.ends[1] < 1, low.ends[1] < 1 < high.ends[0]
    if p is None or not ((outside_1 and p.ends[0] > 2 * alpha) or (inside_1 and p.ends[1] < alpha / 2)):
        return ""
    told, would = ("leaves out", "below") if outside_1 else ("contains", "above")
    return (f", but the interval {told} 1, as where p is {would} {digits(alpha, 3)}: ask by which test p is "
            f"{p.text}, or whether it was adjusted")  # fmt: skip


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
    yes, n, k = (
        whole_number(positives, "positives", 0),
        whole_number(total, "total"),
        whole_number(parameters, "parameters"),
    )
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
    k = whole_number(added, "added")
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
