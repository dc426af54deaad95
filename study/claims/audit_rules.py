"""What must hold between printed numbers, rule by rule.

Those on tables of counts are in ``audit_tables``, on shares in ``audit_shares``, on yes-or-no tests in
``audit_diagnostic``, on samples in ``audit_samples``, on ROC curves in ``audit_curves``, on models in ``audit_models``,
on other estimates in ``audit_estimates``; `RULES` names them all and `FORMULAS` says what each computes. Each rule
takes printed numbers by name and answers whether some numbers that round to them can be true together. It says no where
none can: where rounding, a convention or another formula in use could explain them, it says yes. Where a method in use
has no formula (a profile interval, a bootstrap, ranks), its bound comes from simulations and the rule says so: there a
no is very likely and not proven, and a yes is marked (``Answer.loosely``), as the paper should name that method.
"""

import inspect
import math
import re
import types
import typing
import warnings

import pandas as pd

from study.claims.audit_answers import Answer, Count, Group
from study.claims.audit_curves import auc_interval, roc
from study.claims.audit_diagnostic import diagnostic
from study.claims.audit_estimates import correlation, icc, statistic
from study.claims.audit_models import likelihood, nested, odds_ratio
from study.claims.audit_samples import pooled, spread, t_test, whole_numbers
from study.claims.audit_shares import difference, share
from study.claims.audit_tables import agreement, chi_square
from study.claims.printed import SLACK, Printed, digits
from study.statistics import kappa as kappas


def whole_sum(total: Count, parts: list[Count]):
    """A whole is the sum of its parts."""
    low, high = (sum(part.ends[side] for part in parts) for side in (0, 1))
    summed = sum(part.value for part in parts)
    fits = {f"parts.{i}": part.value + total.value - summed for i, part in enumerate(parts)} | {"total": summed}
    words = f"{' + '.join(part.text for part in parts)} = {digits(summed, total.decimals + 2)}"
    holds = total.allows(low, high)
    if holds and summed != total.value and not any(number.decimals or number.sign for number in (total, *parts)):
        return Answer(True, f"{words}, and not {total.text}, but only if they are rounded and no counts", loosely=True)
    return Answer(holds, words, fits)


def order(lower: Count, upper: Count):
    """One number is at most another, such as patients and their scans."""
    holds = lower.ends[0] <= upper.ends[1] + SLACK
    return Answer(holds, f"{lower.text} is {'not ' if holds else ''}above {upper.text}",
                  {"lower": upper.value, "upper": lower.value}, True)  # fmt: skip


def dates(dates: list[str], first: str = "", last: str = ""):
    """Dates stand in their order, and within the study's ``first`` and ``last`` day.

    03/02/2020 may be the third of February or the second of March: the order has to hold for one of both readings.
    What would fit is the nearest year, the part of a date that is most often misprinted, or any day between the others.
    """
    given = {"first": first, **{f"dates.{i}": one for i, one in enumerate(dates)}, "last": last}
    given = {path: text for path, text in given.items() if text}
    texts = list(given.values())
    if _in_order(texts):
        return Answer(True, f"{' to '.join(texts)} is in order")
    days = [_day(text, True) for text in texts]
    wrong = next(i for i in range(1, len(texts)) if days[i] < days[i - 1])
    tried = {path: _in_order_with_the_others(texts, i) for i, path in enumerate(given)}
    fits = {path: text for path, text in tried.items() if text}
    return Answer(False, f"{texts[wrong]} is before {texts[wrong - 1]}", fits, True)


def _in_order(texts):
    readings = [[_day(text, day_first) for text in texts] for day_first in (True, False)]
    return any(sorted(days) == days for days in readings)


def _in_order_with_the_others(texts, which):
    """What one of the dates would be with which all are in order, in words; empty if the others are not in order."""
    before, after = texts[:which], texts[which + 1 :]
    if not _in_order(before + after):
        return ""
    bounds = [f"from {text}" for text in before[-1:]] + [f"to {text}" for text in after[:1]]
    year = _in_another_year(before, texts[which], after)
    return f"{f'{year}, or ' if year else ''}any day {' '.join(bounds)}"


def _in_another_year(before, text, after):
    """A date in the nearest year with which it lies between the others; empty if there is none."""
    printed = YEAR.search(text)
    others = [_day(other, True).year for other in before + after]
    if printed:
        for year in sorted(range(min(others) - 1, max(others) + 2), key=lambda year: abs(year - int(printed[0]))):
            moved = YEAR.sub(str(year), text, count=1)
            try:
                if _in_order([*before, moved, *after]):
                    return moved
            except ValueError:  # a 29 February that this year does not have
                continue
    return ""


def _day(text, day_first):
    if text[:4].isdigit():
        day_first = False  # 2020-02-03
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 23/01/2020 is read with the day first, whatever is asked
        found = pd.to_datetime(text, errors="coerce", dayfirst=day_first)
    if pd.isna(found):
        raise ValueError(f"{text!r} is no date; write one such as 23 January 2020 or 2020-01-23")
    return found


def strength(kappa: Printed, word: str):
    """The word for a kappa is that of Altman's scale (poor to 0.20, fair, moderate, good, very good from 0.81)."""
    words = {kappas.strength(min(1.0, max(-1.0, end))) for end in (kappa.value, *kappa.ends)}
    name = kappas.strength(min(1.0, max(-1.0, kappa.value)))
    called = [k / 100 for k in range(-100, 101) if kappas.strength(k / 100) == word]
    fits = {"word": name} | ({"kappa": min(called, key=lambda k: abs(k - kappa.value))} if called else {})
    return Answer(word in words, f"kappa {kappa.text} is {name}", fits, searched=True)


YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
RULES = {
    "sum": whole_sum, "order": order, "dates": dates, "share": share, "difference": difference,
    "diagnostic": diagnostic, "spread": spread, "pooled": pooled, "whole_numbers": whole_numbers, "t_test": t_test,
    "chi_square": chi_square, "statistic": statistic, "correlation": correlation, "icc": icc, "agreement": agreement,
    "strength": strength, "odds_ratio": odds_ratio, "likelihood": likelihood, "nested": nested, "roc": roc,
    "auc_interval": auc_interval,
}  # fmt: skip

# What each rule computes, as a report names it; ``n`` are cases, ``z`` is 1.96 for an interval of 95 %.
FORMULAS = {
    "sum": "total = sum of its parts, each within what was rounded",
    "order": "lower <= upper",
    "dates": "first day <= dates in their order <= last day",
    "share": "count / total; interval by Wald p +- z sqrt(p (1 - p) / n), Wilson, Clopper and Pearson, Agresti and "
             "Coull, Jeffreys",
    "difference": "p1 - p2; interval by Wald +- z sqrt(p1 (1 - p1) / n1 + p2 (1 - p2) / n2), Newcombe, Agresti and "
                  "Caffo, Miettinen and Nurminen",
    "diagnostic": "every table TP, FN, FP, TN: PPV = TP / (TP + FP), NPV = TN / (TN + FN), LR+ = sens / (1 - spec), "
                  "LR- = (1 - sens) / spec, F1 = 2 TP / (2 TP + FP + FN); Bayes's theorem at a prevalence",
    "spread": "range of mean and SD: SD <= sqrt((b - mean) (mean - a) n / (n - 1)) (Bhatia and Davis); "
              "|mean - median| <= SD (Hotelling and Solomons)",
    "pooled": "mean = sum n_i mean_i / n; SD from the groups' SDs and means, divisor n or n - 1",
    "whole_numbers": "n mean is whole (GRIM); the sum of squares is whole, odd as the sum, and possible (GRIMMER, "
                     "SPRITE)",
    "t_test": "Student's t = (m1 - m2) / (s sqrt(1 / n1 + 1 / n2)), Welch's, or a bound on Mann and Whitney's",
    "chi_square": "sum (observed - expected)^2 / expected (Pearson), Yates, N - 1, G, trend, Fisher, doubled and mid-p",
    "statistic": "tail of the distribution of t, z, F or chi-square",
    "correlation": "atanh(r) +- z / sqrt(n - 3) (Fisher); t = r sqrt((n - 2) / (1 - r^2))",
    "icc": "F = (1 + (k - 1) ICC) / (1 - ICC) over and times quantiles of F (Shrout and Fleiss)",
    "agreement": "kappa = (po - pe) / (1 - pe) of every table; error by Cohen 1960, Fleiss 1969, jackknife",
    "strength": "Altman's scale of kappa",
    "odds_ratio": "log OR +- z error (Wald), p = 2 Phi(-|log OR| / error); bounds on profile-likelihood and exact "
                  "intervals",
    "likelihood": "0 <= AIC - 2 k <= deviance of the prevalence alone",
    "nested": "likelihood ratio = AIC_smaller - AIC_larger + 2 added >= 0, chi-square on `added`",
    "roc": "sens spec <= AUC <= 1 - (1 - sens) (1 - spec), or 1 - (1 - J)^2 / 2 at the largest Youden index J",
    "auc_interval": "AUC +- z error (plain or logit), with DeLong's error between its least and largest; binomial",
}  # fmt: skip

# What an argument can be at all, its percent as a fraction; a count is at least 0.
SHARES = ("share", "shares", "observed", "sensitivity", "specificity", "auc", "ppv", "npv", "accuracy", "f1",
          "prevalence", "balanced_accuracy")  # fmt: skip
LIMITS = {
    **dict.fromkeys((*SHARES, "p"), (0.0, 1.0)),
    **dict.fromkeys(("kappa", "r", "icc", "youden", "difference"), (-1.0, 1.0)),
    **dict.fromkeys(("sd", "error", "estimate", "positive_ratio", "negative_ratio"), (0.0, math.inf)),
    "n": (2.0, math.inf), **dict.fromkeys(("total", "totals", "added", "parameters", "items"), (1.0, math.inf)),
}  # fmt: skip
SIGNED = {"mean", "lowest", "highest", "least", "most", "value"}  # a whole one may be negative


def can_be(path, number):
    """Whether an argument (by its path, such as ``groups.0.n``) can have this value, whatever the others are."""
    name = next(part for part in reversed(path.split(".")) if not part.isdigit())
    low, high = LIMITS.get(name, (-math.inf, math.inf))
    counted = not number.half and number.value < 0 and name not in SIGNED
    return not counted and low <= number.value / number.scale <= high and not (name == "p" and number.value == 0)


def arguments(rule):
    """The arguments of a rule: dict of name to (type, whether it must be given)."""
    parameters = inspect.signature(RULES[rule]).parameters.values()
    kinds = {p.name: typing.get_args(p.annotation)[0] if isinstance(p.annotation, types.UnionType) else p.annotation
             for p in parameters}  # fmt: skip
    return {p.name: (kinds[p.name], p.default is inspect.Parameter.empty) for p in parameters}


def apply(rule, numbers):
    """Call a rule with its arguments reassembled from their paths."""
    given = {}
    for path, number in numbers.items():
        name, *inside = path.split(".")
        if not inside:
            given[name] = number
        elif len(inside) == 1:
            given.setdefault(name, []).append(number)
        else:
            listed = given.setdefault(name, [])
            if len(listed) == int(inside[0]):
                listed.append([] if inside[1].isdigit() else {})
            if inside[1].isdigit():
                listed[-1].append(number)
            else:
                listed[-1][inside[1]] = number
    if "groups" in given:
        given["groups"] = [Group(**group) for group in given["groups"]]
    return RULES[rule](**given)
