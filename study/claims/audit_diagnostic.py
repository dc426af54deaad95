"""The audit's rule on a yes-or-no test: sensitivity, specificity, predictive values, likelihood ratios and the rest."""

import itertools

import numpy as np

from study.claims.audit_answers import Answer, Count, whole_number
from study.claims.printed import SLACK, Printed, digits

MEASURES = {
    "sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "npv": "NPV", "accuracy": "accuracy",
    "f1": "F1", "youden": "Youden's index", "balanced_accuracy": "balanced accuracy",
    "positive_ratio": "positive likelihood ratio", "negative_ratio": "negative likelihood ratio",
}  # fmt: skip


def diagnostic(
    positives: Count = None, negatives: Count = None, true_positives: Count = None, false_negatives: Count = None,
    true_negatives: Count = None, false_positives: Count = None, sensitivity: Printed = None,
    specificity: Printed = None, ppv: Printed = None, npv: Printed = None, accuracy: Printed = None,
    f1: Printed = None, youden: Printed = None, balanced_accuracy: Printed = None, positive_ratio: Printed = None,
    negative_ratio: Printed = None, prevalence: Printed = None,
):  # fmt: skip
    """The measures of a yes-or-no test belong to one table of counts, or to one sensitivity and specificity.

    With the numbers of ill and well (``positives``, ``negatives``, or what was called right and wrong among them) every
    table is tried: PPV = TP / (TP + FP), NPV = TN / (TN + FN), accuracy = (TP + TN) / n, F1 = 2 TP / (2 TP + FP + FN).
    From sensitivity and specificity alone follow Youden's index, sensitivity + specificity - 1; the likelihood ratios,
    sensitivity / (1 - specificity) and (1 - sensitivity) / specificity; and the balanced accuracy, their mean; these
    may have been computed from both as printed. With a ``prevalence``, PPV, NPV, accuracy and F1 are those at this
    prevalence, by Bayes's theorem.
    """
    given = {name: number for name, number in locals().items() if number is not None}
    asked = {name: given[name] for name in MEASURES if name in given}
    sizes = _size(given, "positives", "true_positives", "false_negatives"), _size(
        given, "negatives", "true_negatives", "false_positives")  # fmt: skip
    for size, names in zip(sizes, (("true_positives", "false_negatives", "positives"),
                                   ("true_negatives", "false_positives", "negatives")), strict=True):  # fmt: skip
        if size and all(name in given for name in names):
            parts = [whole_number(given[name], name, 0) for name in names]
            if parts[0] + parts[1] != parts[2]:
                return Answer(False, f"{parts[0]} + {parts[1]} are not {parts[2]}", {names[2]: parts[0] + parts[1]},
                              involved=names)  # fmt: skip
    if None in sizes:
        return _by_rates(asked, given)
    return _by_tables(asked, given, sizes)


def _size(given, whole, right, wrong):
    if whole in given:
        return whole_number(given[whole], whole, 0)
    if right in given and wrong in given:
        return whole_number(given[right], right, 0) + whole_number(given[wrong], wrong, 0)
    return None


def _measures(tp, tn, ill, well, prevalence=None):
    """Every measure of tables, or of rates with `ill` and `well` 1 and a prevalence; NaN where it is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sens, spec = np.divide(tp, ill, dtype=float), np.divide(tn, well, dtype=float)
        share = ill / (ill + well) if prevalence is None else prevalence
        right, wrong = sens * share, (1 - spec) * (1 - share)
        return {
            "sensitivity": sens, "specificity": spec, "ppv": right / (right + wrong),
            "npv": spec * (1 - share) / (spec * (1 - share) + (1 - sens) * share),
            "accuracy": right + spec * (1 - share), "f1": 2 * right / (right + wrong + share),
            "youden": sens + spec - 1, "balanced_accuracy": (sens + spec) / 2,
            "positive_ratio": sens / (1 - spec), "negative_ratio": (1 - sens) / spec,
        }  # fmt: skip


def _by_tables(asked, given, sizes):
    """Whether one table of counts has every measure, where the numbers of ill and well are known."""
    ill, well = sizes
    tp, tn = np.arange(ill + 1), np.arange(well + 1)
    for name, number, own in (("true_positives", 0, tp), ("false_negatives", ill, tp), ("true_negatives", 1, tn),
                              ("false_positives", well, tn)):  # fmt: skip
        if name in given:
            wanted = whole_number(given[name], name, 0)
            kept = own[(own if name.startswith("true") else number - own) == wanted]
            tp, tn = (kept, tn) if own is tp else (tp, kept)
    if not len(tp) or not len(tn):
        return Answer(False, f"a count is above {ill} ill or {well} well")
    prevalence = given.get("prevalence")
    shares = [None] if prevalence is None else [*prevalence.share, prevalence.value / prevalence.scale]
    grid = np.meshgrid(*(_few(own, asked.get(name), size) for own, name, size in (
        (tp, "sensitivity", ill), (tn, "specificity", well))), indexing="ij")  # fmt: skip
    found = [_measures(*grid, ill, well, share) for share in shares]
    fits = {name: _allowed(number, [one[name] for one in found]) for name, number in asked.items()}
    corners = _corners(asked, given)
    for name in ("youden", "balanced_accuracy", "positive_ratio", "negative_ratio"):
        if name in asked and name in corners and asked[name].allows(*(asked[name].scale * x for x in corners[name])):
            fits[name] = np.ones_like(fits[name])
    both = np.logical_and.reduce([np.ones(grid[0].shape, dtype=bool), *fits.values()])
    if both.any():
        i, j = np.argwhere(both)[0]
        table = grid[0][i, j], ill - grid[0][i, j], well - grid[1][i, j], grid[1][i, j]
        return Answer(True, f"TP {table[0]}, FN {table[1]}, FP {table[2]}, TN {table[3]} fit")
    wrong = [name for name, fit in fits.items() if not fit.any()]
    shown = _as_words(wrong, asked, found) if wrong else " and ".join(
        f"{MEASURES[name]} {number.text}" for name, number in asked.items()) + " are of no one table"  # fmt: skip
    values = {name: np.ravel(found[-1][name]) for name in asked}
    nearest = {}
    for name, number in asked.items():
        rest = np.logical_and.reduce([np.ones(grid[0].shape, dtype=bool),
                                      *(fit for other, fit in fits.items() if other != name)])  # fmt: skip
        own = values[name][np.ravel(rest) & np.isfinite(values[name])]
        if len(own):
            nearest[name] = number.scale * float(own[np.argmin(np.abs(own - number.value / number.scale))])
    return Answer(False, f"of {ill} ill and {well} well, {shown}", nearest)


def _few(counts, rate, size):
    """Counts whose rate is as printed; all if none is, or none is printed."""
    kept = counts if rate is None or not size else counts[_within(counts / size, rate)]
    return kept if len(kept) else counts


def _within(values, number):
    if number.sign:
        return (values < number.value / number.scale + SLACK) if number.sign in "<≤" else (
            values > number.value / number.scale - SLACK)  # fmt: skip
    return (values >= number.share[0] - SLACK) & (values <= number.share[1] + SLACK)


def _allowed(number, values):
    """Where a number is printed like one of the values, or lies between them (at the ends of a rounded prevalence)."""
    low = high = values[0]
    with np.errstate(invalid="ignore"):
        for one in values[1:]:
            low, high = np.minimum(low, one), np.maximum(high, one)
        if number.sign:
            return _within(low if number.sign in "<≤" else high, number)
        return (high >= number.share[0] - SLACK) & (low <= number.share[1] + SLACK)


def _as_words(names, asked, found):
    words = []
    for name in names:
        values = np.concatenate([np.ravel(one[name]) for one in found])
        values = values[np.isfinite(values)] * asked[name].scale
        places = asked[name].decimals + 2
        if len(values):
            below, above = (values[side] for side in (values < asked[name].value, values > asked[name].value))
            between = len(below) and len(above)  # then the nearest on both sides say more than the range
            ends = (below.max(), above.min()) if between else (values.min(), values.max())
            ends = dict.fromkeys(digits(float(end), places) for end in ends)
            words.append(f"{MEASURES[name]} is {(' or ' if between else ' to ').join(ends)}, not {asked[name].text}")
        else:
            words.append(f"{MEASURES[name]} is undefined")
    return "; ".join(words)


def _corners(asked, given):
    """Lowest and highest of every measure that printed sensitivity, specificity and prevalence allow.

    Each measure rises or falls with each of the three, so its ends lie where theirs do.
    """
    if not {"sensitivity", "specificity"} <= asked.keys():
        return {}
    shares = [None] if "prevalence" not in given else given["prevalence"].share
    rates = [[min(1.0, max(0.0, end)) for end in asked[name].share] for name in ("sensitivity", "specificity")]
    found = [_measures(sens, spec, 1.0, 1.0, share) for sens, spec, share in itertools.product(*rates, shares)]
    names = MEASURES if "prevalence" in given else ("sensitivity", "specificity", "youden", "balanced_accuracy",
                                                    "positive_ratio", "negative_ratio")  # fmt: skip
    ends = {name: np.array([one[name] for one in found]) for name in names}
    return {name: (float(np.nanmin(values)), float(np.nanmax(values)))
            for name, values in ends.items() if not np.isnan(values).all()}  # fmt: skip


def _by_rates(asked, given):
    """Whether the measures follow from sensitivity, specificity and prevalence as printed."""
    corners = _corners(asked, given)
    left = [name for name in asked if name not in ("sensitivity", "specificity")]
    if not corners or not left or any(name not in corners for name in left):
        raise ValueError("give the numbers of ill and well (`positives`, `negatives`), or `sensitivity`, `specificity` "
                         "and, for PPV, NPV, accuracy and F1, the `prevalence`")  # fmt: skip
    wrong = [name for name in left if not asked[name].allows(*(asked[name].scale * end for end in corners[name]))]
    ends = {name: [digits(asked[name].scale * end, asked[name].decimals + 2) for end in corners[name]] for name in left}
    shown = [f"{MEASURES[name]} is {' to '.join(dict.fromkeys(ends[name]))}" for name in wrong or left]
    fits = {name: asked[name].scale * sum(corners[name]) / 2 for name in wrong if np.isfinite(corners[name]).all()}
    return Answer(not wrong, "by sensitivity and specificity as printed, " + "; ".join(shown), fits)
