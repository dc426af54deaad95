"""What would fit where printed numbers contradict each other: another number, another method, level or weighting.

For each number alone it is the nearest value with which the rule would hold: what the rule itself names, else what a
search finds. First come those that break no relation which holds as printed, the smallest changes first.
"""

import math
from dataclasses import replace

from study.claims.audit_rules import apply, arguments, can_be
from study.claims.printed import Printed, read_number

OTHER_LEVELS = ("90 %", "99 %")  # of intervals, of which papers do not always say that it is not 95 %
STEPS = 100  # units of the last digit that a number is moved in search of what would fit, one by one
GROWTH, FARTHEST = 1.02, 100  # farther off the steps grow by a fiftieth, up to a hundred times the number
NONE_FITS = "no change of one number alone, of those tried"


def what_would_fit(relation, numbers, answer, sound):
    """Say with what a relation that does not hold would.

    Parameters
    ----------
    relation : study.claims.listed.Relation
    numbers : dict of str to Printed or str
        Its arguments by path.
    answer : Answer
        Of its rule.
    sound : list of (Relation, dict)
        The relations that hold as printed, with their arguments.

    Returns
    -------
    str
    """
    usual = numbers | answer.usual
    fits = {path: _like(path, numbers[path], value) for path, value in answer.fits.items()
            if path in numbers and (isinstance(value, str) or math.isfinite(value))}  # fmt: skip
    # Words need no trial: they may be a range, such as "any day from 3 March 2021".
    fits = {
        path: new for path, new in fits.items() if isinstance(new, str) or _holds(relation.rule, numbers, path, new)
    }
    for path in () if answer.searched else numbers:
        if path not in fits and (new := _searched(relation.rule, usual, path)) is not None:
            fits[path] = new
    broken = {path: _broken(relation.cited[path], new, sound) for path, new in fits.items()}
    ordered = sorted(fits, key=lambda path: (bool(broken[path]), _change(numbers[path], fits[path])))
    words = "; or ".join(
        f"{relation.cited[path].name}: {getattr(fits[path], 'text', fits[path])}{broken[path]}" for path in ordered
    )
    others = (_by_another_method(relation.rule, numbers), of_another_level(relation.rule, numbers),
              _weighted(relation.rule, numbers))  # fmt: skip
    return "; or ".join(part for part in (words, *others, relation.unless) if part) or NONE_FITS


def of_another_level(rule, numbers):
    """Say of which other level than 95 % an interval is by a formula; empty if of none, or if its level is known."""
    if not {"low", "high"} <= numbers.keys() or "level" in numbers or "level" not in arguments(rule):
        return ""
    for level in OTHER_LEVELS:
        try:
            answer = apply(rule, numbers | {"level": read_number(level)})
        except (ValueError, ArithmeticError):
            continue
        if answer.holds and not answer.loosely:
            return f"an interval of {level} (`level`), not of 95 %"
    return ""


def _by_another_method(rule, numbers):
    """Say which methods, other than the one named, give the numbers by a formula; empty if none does."""
    if numbers.get("method", "any") == "any":
        return ""
    answer = apply(rule, numbers | {"method": "any"})
    return f"another method: {answer.words}" if answer.holds and not answer.loosely else ""


def _weighted(rule, numbers):
    """Say that a kappa of more than two categories may be a weighted one; empty of others."""
    if rule != "agreement" or "kappa" not in numbers or "weights" in numbers:
        return ""
    n = numbers.get("categories")
    return "" if n is not None and n.value == 2 else "a weighted kappa (`weights`), of which nothing is said"


def _like(path, number, value):
    """A value with the digits of the number that it replaces; a p value that these round to 0 becomes a bound."""
    if not isinstance(number, Printed):
        return value
    new = number.like(value)
    if path == "p" and new.value == 0:
        bound = number.like(10.0**-number.decimals)
        new = replace(bound, text=f"<{bound.text}", sign="<")
    return new


def _holds(rule, numbers, path, new):
    """Whether the rule holds with one number replaced by another that it can be."""
    if isinstance(new, Printed) and not can_be(path, new):
        return False
    try:
        return apply(rule, {**numbers, path: new}).holds
    except (ValueError, ArithmeticError):
        return False


def _broken(cited, new, sound):
    """Say which relations that hold as printed would not with this number replaced by another; empty if none."""
    if not cited.id or not isinstance(new, Printed):
        return ""
    lost = [
        _named(relation)
        for relation, numbers in sound
        for path, one in relation.cited.items()
        if one == cited and not _holds(relation.rule, numbers, path, new)
    ]
    return f" (against {', and '.join(dict.fromkeys(lost))})" if lost else ""


def _named(relation):
    """A relation by its rule, its numbers and where they stand."""
    printed = ", ".join(one.text for one in relation.cited.values())
    places = " and ".join(dict.fromkeys(one.where for one in relation.cited.values()))
    return f"{relation.rule.replace('_', ' ')} of {printed} in {places}"


def _searched(rule, numbers, path):
    """The nearest number, in units of its last digit, with which the rule holds; None if none is near."""
    number = numbers[path]
    if not isinstance(number, Printed) or number.sign:
        return None
    last = 0
    for step in _distances(number):
        for sign in (1, -1):
            if _holds(rule, numbers, path, number.moved(sign * step)):
                return _back(rule, numbers, path, sign * last, sign * step)
        last = step
    return None


def _distances(number):
    """How far a number is moved, in units of its last digit: one by one, then in growing steps."""
    step, most = 1, FARTHEST * abs(number.value) * 10.0**number.decimals
    while step <= max(STEPS, most):
        yield step
        step = step + 1 if step < STEPS else math.ceil(step * GROWTH)


def _back(rule, numbers, path, out, fitting):
    """The nearest number that fits, by bisection between one that does not and one that does, in units moved."""
    while abs(fitting - out) > 1:
        middle = (out + fitting) // 2
        if _holds(rule, numbers, path, numbers[path].moved(middle)):
            fitting = middle
        else:
            out = middle
    return numbers[path].moved(fitting)


def _change(number, new):
    """By what share of itself a number would change; 0 for a word."""
    if not isinstance(number, Printed):
        return 0.0
    return abs(new.value - number.value) / max(abs(number.value), abs(new.value), math.ulp(0.0))
