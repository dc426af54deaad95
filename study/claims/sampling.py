"""Whether a printed and a regenerated number differ by more than two samples of one truth do.

Both numbers have a sampling error, so the difference is compared with the error of the difference. What is not printed
follows from a sampling law: each kind of number is put on the scale on which its error hardly depends on its size.

========  ======================================================  =======================  ==========================
kind      numbers                                                 scale                    own error, n observations
========  ======================================================  =======================  ==========================
count     patients (Poisson)                                      square root              1 / 2
several   scans, pairs, phrases, of which a patient has several   square root              1 / sqrt(2), assumed
share     percentages, sensitivity, observed agreement            arcsine of square root   1 / (2 sqrt(n)) (binomial)
area      AUC                                                     arcsine of square root   none
positive  odds ratio, standard deviation                          logarithm                1 / sqrt(2 (n - 1)) of an SD
error     standard error                                          logarithm                none
p         p values                                                normal deviate           1
plain     means, medians, kappa                                   as it is                 none
aic       AIC                                                     as it is                 none
========  ======================================================  =======================  ==========================

Counts, standard errors and AICs (`BY_SIZE`) follow from how many were observed: of cohorts of other sizes they differ
whatever the truth.

Several scans of one patient make errors larger than these laws know. A run therefore records the standard error of each
number over patients (``study.results.replicates``); a count or a share is never taken as surer than by its law. As
samples of one truth both numbers have the same error, but for their n: of the two estimates of it, the larger one is
taken, and Student's t for the smaller n.

The SD of values that cannot leave a range, such as 30 Dice coefficients, has a law of its own. Its error follows from
their kurtosis (that of log SD is sqrt((kurtosis - 1) / (4 n))), which a few failures near 0 decide and 30 values do not
show: without such a value in the sample, no estimate and no resampling knows of them. Values of which none lies farther
than `reach` from the mean have a kurtosis of at most (reach / SD)**2, as (x - mean)**4 <= reach**2 (x - mean)**2; this
is taken, with the SD pooled over both samples.

References
----------
Anscombe FJ. Biometrika 1948;35:246-254 (scales of counts and shares). Cramer H. Mathematical Methods of Statistics.
Princeton 1946, 28.3 (error of an SD). Bonett DG. Comput Stat Data Anal 2006;50:775-782 (why not from an estimated
kurtosis).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special  # not `scipy.stats`, which takes half a second to import in each process

from study.claims.audit_shares import Z_95, wilson
from study.claims.printed import COUNTED

# Kinds of numbers by the argument of the relation that cites them.
BY_ARGUMENT = {
    "share": "share", "observed": "share", "sensitivity": "share", "specificity": "share", "auc": "area",
    "estimate": "positive", "error": "error", "sd": "positive", "p": "p", "mean": "plain", "median": "plain",
    "kappa": "plain", "aic": "aic", "smaller": "aic", "larger": "aic",
}  # fmt: skip
BY_SIZE = ("count", "several", "error", "aic")
# Error of a count on its scale: Poisson's; where one patient adds several, with twice the variance at least.
COUNT_ERRORS = {"count": 0.5, "several": 0.5**0.5}
SCALES = {
    "count": lambda x: np.sqrt(np.maximum(x, 0) + 3 / 8),  # Anscombe's: also of small counts
    "several": lambda x: np.sqrt(np.maximum(x, 0) + 3 / 8),
    "share": lambda x: np.arcsin(np.sqrt(np.clip(x, 0, 1))),
    "area": lambda x: np.arcsin(np.sqrt(np.clip(x, 0, 1))),
    "positive": lambda x: np.log(np.maximum(x, 1e-300)),
    "error": lambda x: np.log(np.maximum(x, 1e-300)),
    "p": lambda p: -special.ndtri(np.clip(p, 1e-300, 1) / 2),
    "plain": lambda x: np.asarray(x, float),
    "aic": lambda x: np.asarray(x, float),
}
# Back from the scales to the numbers.
BACK = {
    "count": lambda y: max(max(y, 0) ** 2 - 3 / 8, 0.0),
    "several": lambda y: max(max(y, 0) ** 2 - 3 / 8, 0.0),
    "share": lambda y: np.sin(np.clip(y, 0, np.pi / 2)) ** 2,
    "area": lambda y: np.sin(np.clip(y, 0, np.pi / 2)) ** 2,
    "positive": np.exp,
    "error": np.exp,
    "p": lambda y: 2 * special.ndtr(-max(y, 0)),
    "plain": float,
    "aic": float,
}


@dataclass(frozen=True)
class Sampled:
    """A number with what is known of its error.

    Attributes
    ----------
    value : float
        A share as a fraction.
    standard_error : float or None
    interval : (float, float) or None
        Its 95 % interval.
    n : int or None
        Observations behind it.
    reach : float or None
        Of an SD: how far from their mean the values can be at most, if that is known.
    """

    value: float
    standard_error: float | None = None
    interval: tuple | None = None
    n: int | None = None
    reach: float | None = None


def kinds(paper):
    """Kind of each claim, by id: from its unit, its words, or a relation that cites it or another of the same value."""
    found = {}
    for relation in paper.relations:
        for path, cited in relation.cited.items():
            argument = path.rpartition(".")[2]
            if cited.id and argument in BY_ARGUMENT:
                found.setdefault(cited.id, BY_ARGUMENT[argument])
    by_value = {claim.value: found[claim.id] for claim in paper.claims if claim.id in found and claim.value}
    for claim in paper.claims:
        if claim.unit in COUNTED:
            found[claim.id] = "count" if claim.unit == "patients" else "several"
        elif claim.unit == "%":
            found[claim.id] = "share"
        elif claim.quantity.startswith("p value"):
            found[claim.id] = "p"
        else:
            found.setdefault(claim.id, by_value.get(claim.value, "plain"))
    return found


def intervals(paper):
    """Find 95 % intervals for what the paper printed without one, from the standard error, SD and n that it printed.

    A share has Wilson's interval; a mean lies 1.96 SD / sqrt(n) about its own, a median 1.25 times as far (that of a
    normal distribution), an SD 1.96 SD / sqrt(2 (n - 1)), a kappa 1.96 printed standard errors.

    Returns
    -------
    dict of str to (float, float)
        By the claim's id, in the claim's unit.
    """
    found = {}
    for relation in paper.relations:
        cited = {path: one.number for path, one in relation.cited.items()}
        for path, number in cited.items():
            stem, _, name = path.rpartition(".")
            beside = {other: cited.get(f"{stem}.{other}" if stem else other) for other in ("n", "total", "sd", "error")}
            n = beside["n"] or beside["total"]
            interval = None
            if name in ("mean", "median") and n and beside["sd"]:
                wider = 1.0 if name == "mean" else (np.pi / 2) ** 0.5
                reach = wider * Z_95 * beside["sd"].value / n.value**0.5
                interval = number.value - reach, number.value + reach
            elif name == "sd" and n and n.value > 1:
                reach = Z_95 * number.value / (2 * (n.value - 1)) ** 0.5
                interval = number.value - reach, number.value + reach
            elif name == "kappa" and beside["error"]:
                interval = number.value - Z_95 * beside["error"].value, number.value + Z_95 * beside["error"].value
            elif name in ("share", "observed") and n:
                interval = tuple(number.scale * end for end in wilson(number.value / number.scale, n.value))
            if interval and relation.cited[path].id:
                found.setdefault(relation.cited[path].id, interval)
    return _wherever_printed(paper, found)


def reaches(paper):
    """How far from their printed mean values can be that cannot leave a range, by the id of the claim of their SD."""
    found = {}
    for relation in paper.relations:
        cited = relation.cited
        if {"mean", "sd", "least", "most"} <= set(cited) and cited["sd"].id:
            mean, least, most = (cited[name].number.value for name in ("mean", "least", "most"))
            found.setdefault(cited["sd"].id, max(mean - least, most - mean))
    return _wherever_printed(paper, found)


def _wherever_printed(paper, found):
    """What is known of a claim, by id, also of those that print the same quantity elsewhere, where no relation is."""
    of_value = {claim.value: found[claim.id] for claim in paper.claims if claim.id in found and claim.value}
    elsewhere = {claim.id: of_value[claim.value] for claim in paper.claims if claim.value in of_value}
    return elsewhere | found


def p_of_difference(kind, printed, regenerated, nearest):
    """Two-sided p of the hypothesis that both numbers are samples of one truth.

    Parameters
    ----------
    kind : str
        Of `SCALES`.
    printed, regenerated : Sampled
    nearest : float
        The number nearest to the regenerated one that is printed like the printed one; shares as fractions.

    Returns
    -------
    float
        NaN where no error is known on either side.
    """
    error, df = error_of_difference(kind, printed, regenerated)
    scale = SCALES[kind]
    apart = abs(float(scale(regenerated.value) - scale(nearest)))
    return float(2 * special.stdtr(df, -apart / error)) if error > 0 else np.nan


def same_size(printed, regenerated, unit="patients", level=0.05):
    """Whether two cohorts are as large as each other, within what samples of one truth vary: by the law of counts.

    So 204 patients are as many as 167 to 245, at 5 %.

    Parameters
    ----------
    printed, regenerated : float
        Numbers of patients, or of what else is counted.
    unit : str
        Of these numbers, of ``printed.COUNTED``.
    level : float
    """
    ours, theirs = Sampled(regenerated), Sampled(printed)
    return p_of_difference("count" if unit == "patients" else "several", theirs, ours, printed) >= level


def not_told_apart(kind, printed, regenerated, ends, p=0.05):
    """The numbers that samples of this size do not tell from the printed one: of those further off, p is below `p`.

    So a reader sees how large a difference could have been seen.

    Parameters
    ----------
    kind : str
        Of `SCALES`.
    printed, regenerated : Sampled
    ends : (float, float)
        Of the numbers that are printed like the printed one; shares as fractions, infinite for a bound.
    p : float

    Returns
    -------
    (float, float)
        NaN where no error is known on either side.
    """
    error, df = error_of_difference(kind, printed, regenerated)
    if not error > 0:
        return np.nan, np.nan
    reach = error * -special.stdtrit(df, p / 2)
    if kind == "p":  # the larger the p, the smaller its deviate
        reach = -reach
    low, high = (
        end if np.isinf(end) else float(BACK[kind](float(SCALES[kind](end)) + side * reach))
        for end, side in zip(ends, (-1, 1), strict=True)
    )
    return low, high


def error_of_difference(kind, printed, regenerated):
    """Standard error of the difference of both numbers on their scale, and the degrees of freedom of its Student's t.

    Returns
    -------
    (float, float)
        NaN where no error is known on either side.
    """
    if printed.reach and printed.n and regenerated.n:
        return _error_of_bounded_sd(printed, regenerated), np.inf
    errors = [_error(kind, number) for number in (printed, regenerated)]
    if all(error is None for error in errors):
        return np.nan, np.inf
    # Both are samples of one truth, so that their errors are the same but for n: the larger estimate counts for both.
    sized = kind not in (*COUNT_ERRORS, "p") and printed.n and regenerated.n
    n = np.array([printed.n, regenerated.n] if sized else [1, 1], float)
    of_one = max(error * root for error, root in zip(errors, np.sqrt(n), strict=True) if error is not None)
    # An error that is estimated from few is itself uncertain.
    df = min(n) - 1 if sized and min(n) > 1 else np.inf
    return of_one * np.sqrt((1 / n).sum()), df


def _error_of_bounded_sd(printed, regenerated):
    variance = (printed.value**2 + regenerated.value**2) / 2
    if not variance:
        return np.nan
    kurtosis = max(printed.reach**2 / variance, 1 + 1e-9)
    return ((kurtosis - 1) / 4 * (1 / printed.n + 1 / regenerated.n)) ** 0.5


def _error(kind, number):
    """Error of a number on its scale: as recorded, from its interval, or by the law of its kind; None if unknown."""
    scale, value = SCALES[kind], number.value
    if kind == "p":
        return 1.0
    if number.standard_error is not None and number.standard_error > 0:
        # A step to both sides: the scale may end close by. Nothing is surer than by its law.
        step = float(scale(value + number.standard_error) - scale(max(value - number.standard_error, _least(kind)))) / 2
        return max(step, _law(kind, number) or 0.0)
    if number.interval:
        low, high = (float(scale(end)) for end in number.interval)
        return (high - low) / 2 / Z_95
    return _law(kind, number)


def _law(kind, number):
    if kind == "share" and number.n:
        return 0.5 / number.n**0.5
    return COUNT_ERRORS.get(kind)


def _least(kind):
    return {"plain": -np.inf, "aic": -np.inf, "positive": 1e-12, "error": 1e-12}.get(kind, 0.0)
