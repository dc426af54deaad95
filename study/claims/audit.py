"""Whether the numbers that a paper prints can be true together.

Every relation in the list of numbers is checked by its rule (``audit_rules``), and four things are always checked: a
quantity has the same value wherever it is printed, an estimate lies in its interval, a count is whole, and a number is
possible for its quantity and unit (``quantities``). A finding says what was printed, where, why it cannot be, and what
would fit: for each number alone, the nearest value with which the rule would hold.
"""

import math
from dataclasses import dataclass, replace

import pandas as pd

from study.claims import quantities
from study.claims.audit_answers import Group
from study.claims.audit_rules import FORMULAS, RULES, arguments, can_be
from study.claims.listed import Paper
from study.claims.paper import PaperError, read_paper
from study.claims.printed import COUNTED, SLACK, Printed, read_number, with_its_percent

COLUMNS = ["finding", "where", "printed", "rule", "method and formula", "why it cannot be", "what would fit"]
ALONE = {"unit": "units and range of the quantity", "interval": "low <= estimate <= high",
         "same": "some number rounds to each of the texts"}  # fmt: skip
OTHER_LEVELS = ("90 %", "99 %")  # of intervals, of which papers do not always say that it is not 95 %
IMPLIED = ("agreement", "odds_ratio", "likelihood", "nested", "roc", "auc_interval", "chi_square", "t_test",
           "difference", "correlation", "icc")  # fmt: skip
STEPS = 100  # units of the last digit that a number is moved in search of what would fit, one by one
NONE_FITS = "no change of one number alone, of those tried"
GROWTH, FARTHEST = 1.02, 100  # farther off the steps grow by a fiftieth, up to a hundred times the number


CONTRADICTION, READING, SPELLING = 2, 1, 0
# What a finding is called, and a claim that it accuses: the same words in every list, page and count.
WEIGHTS = {CONTRADICTION: "contradiction", READING: "another reading", SPELLING: "wording of a unit"}
SEVERAL = {"contradiction": "contradictions", "another reading": "other readings",
           "wording of a unit": "wordings of units"}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One rule applied to some printed numbers.

    Attributes
    ----------
    rule : str
    cited : list of Cited
        The numbers that it was applied to; where it does not hold, those that contradict each other.
    holds : bool
    words : str
        The computation, or why it cannot be.
    fits : str
        What would fit; empty where it holds.
    method : str
        What the file says that the number was made by; empty if nothing.
    loosely : bool
        Whether it holds only if something is true that the paper does not say: a method that has a bound and no
        formula, more than two categories, or what the file names (``provided``).
    weight : int
        How much lies on it where it does not hold: `CONTRADICTION` of the numbers, `READING`, which another reading
        that the file names would solve, or `SPELLING`, a unit that the quantity is not given in.
    argued : bool
        Whether the numbers belong together by a reason that the file gives (``because``); of findings of one weight
        these come last.
    """

    rule: str
    cited: list
    holds: bool
    words: str
    fits: str = ""
    method: str = ""
    loosely: bool = False
    weight: int = CONTRADICTION
    argued: bool = False


def audit(paper):
    """Check all that a paper prints.

    Parameters
    ----------
    paper : study.claims.listed.Paper, or str or Path
        A list of printed numbers, or the file that has it.

    Returns
    -------
    list of Check
        Those that hold and those that do not, in the order of the file.

    Raises
    ------
    study.claims.paper.PaperError
        Listing every relation that cannot be computed, such as a share of 0 cases, or every fault of the file.

    Examples
    --------
    >>> from study.claims import audit, paper
    >>> findings(audit.audit(paper.CLAIMS_YAML.with_name("audit_example.yaml")))["rule"].tolist()
    ['same', 'share']
    """
    paper = paper if isinstance(paper, Paper) else read_paper(paper)
    checks = [check for claim in paper.claims for check in _alone(claim)]
    checks += _same(paper.claims)
    answered, faults = [], []
    for relation in paper.relations:
        numbers = {path: one.text if one.number is None else one.number for path, one in relation.cited.items()}
        numbers = _in_percent(numbers)
        try:
            answered.append((relation, numbers, _apply(relation.rule, numbers)))
        except (ValueError, ArithmeticError) as error:
            faults.append(f"line {relation.line}, {relation.rule}: {error}")
    if faults:
        raise PaperError("\n".join(faults))
    sound = [(relation, numbers) for relation, numbers, answer in answered if answer.holds]
    return checks + [_related(*one, sound) for one in answered]


def _in_percent(numbers):
    """The arguments of a relation, the ends of an interval in per cent like its number."""
    number = next((numbers[name] for name in ("share", "difference", "auc") if name in numbers), None)
    if number and isinstance(numbers.get("low"), Printed) and isinstance(numbers.get("high"), Printed):
        low, high = with_its_percent(number, numbers["low"], numbers["high"])
        numbers = numbers | {"low": low, "high": high}
    return numbers


def failed(checks):
    """The checks that do not hold, the weightiest first; of one weight, last those that a reason of the file argues."""
    return sorted((check for check in checks if not check.holds), key=lambda check: (-check.weight, check.argued))


def findings(checks):
    """Tabulate the checks that do not hold, the weightiest first, one row per check, with the columns ``COLUMNS``."""
    rows = []
    for check in failed(checks):
        where = "; ".join(dict.fromkeys(one.where for one in check.cited))
        shown = "; ".join(dict.fromkeys(f"{one.name}: {one.text}" for one in check.cited))
        formula = {**FORMULAS, **ALONE}[check.rule]
        formula = f"{check.method}: {formula}" if check.method else formula
        rows.append((WEIGHTS[check.weight], where, shown, check.rule.replace("_", " "), formula, check.words,
                     check.fits))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def counted(findings):
    """Count findings by weight, in words, such as "3 contradictions, 2 other readings, 5 wordings of units".

    Parameters
    ----------
    findings : DataFrame
        From :func:`findings`, or read from the CSV file that has them.
    """
    counts = findings["finding"].value_counts().reindex(list(WEIGHTS.values()), fill_value=0)
    return ", ".join(f"{n} {name if n == 1 else SEVERAL[name]}" for name, n in counts.items() if n) or "none"


def implied(checks, rules=IMPLIED):
    """Tabulate what the printed numbers imply by some of the rules, and by which method, where these hold.

    Of shares, only those that are printed with an interval.
    """
    rows = []
    for check in checks:
        has_interval = check.rule == "share" and any(one.name.endswith("end of the interval") for one in check.cited)
        if check.holds and (check.rule in rules or has_interval):
            rows.append((check.cited[0].where, check.rule.replace("_", " "), check.cited[0].name, check.words))
    return pd.DataFrame(rows, columns=["where", "rule", "numbers", "what follows"])


def remarks(checks):
    """Tabulate what holds only if something is true that the paper does not say (``Check.loosely``)."""
    rows = [(check.cited[0].where, "; ".join(dict.fromkeys(f"{one.name}: {one.text}" for one in check.cited)),
             check.rule.replace("_", " "), check.words) for check in checks if check.loosely]  # fmt: skip
    return pd.DataFrame(rows, columns=["where", "printed", "rule", "holds only if"])


def _alone(claim):
    """Check one number by itself."""
    number = claim.number()
    if number is None:
        return
    cited = claim.cite()
    if claim.unit in COUNTED and not number.sign:
        if number.value != round(number.value) or number.value < 0:
            yield Check(
                "unit",
                [cited],
                False,
                f"{number.text} {claim.unit} are no count",
                number.like(round(number.value)).text,
            )
    ends = [claim.number(end) for end in ("low", "high")] if claim.interval else []
    for one in (number, *ends):
        why, fits = quantities.fault(claim.quantity, one, claim.unit)
        if why:
            weight = CONTRADICTION if quantities.has_unit(claim.quantity, claim.unit) else SPELLING
            yield Check("unit", [cited], False, why, fits, weight=weight)
            break
    else:
        if quantities.find(claim.quantity):
            yield Check("unit", [cited], True, "possible for its quantity and unit")
    if ends:
        low, high = ends
        inside = low.ends[0] <= min(number.ends[1], high.ends[1]) + SLACK and number.ends[0] <= high.ends[1] + SLACK
        interval = f"[{', '.join(claim.interval)}]"
        cited = replace(cited, text=f"{cited.text} {interval}")
        if low.ends[0] > high.ends[1] + SLACK:
            turned = f"[{', '.join(reversed(claim.interval))}]"
            yield Check("interval", [cited], False, "the lower end is above the upper one", turned)
        elif inside:
            yield Check("interval", [cited], True, "inside its interval")
        else:
            yield Check("interval", [cited], False, "outside its interval", f"a number in {interval}")


def _same(claims):
    """Places that print one quantity must agree, each to its own digits; where they do not, the minority is doubted."""
    groups = {}
    for claim in claims:
        for end in ("", "low", "high") if claim.interval else ("",):
            if claim.same:
                groups.setdefault((claim.same, end), []).append((claim, _span(claim, end)))
    for (_, end), group in groups.items():
        if len(group) < 2:
            continue
        agreeing, odd, tied = _vote([span for _, span in group])
        agreeing, odd = ([group[i][0] for i in chosen] for chosen in (agreeing, odd))
        if not odd:
            places = ", ".join(dict.fromkeys(claim.where for claim, _ in group))
            yield Check("same", [claim.cite(end) for claim in agreeing], True, f"the same in {places}")
        elif tied:
            yield _differing(odd, end, odd, "one of them everywhere")
        else:
            exact = max((claim.text(end) for claim in agreeing), key=len)
            for claim in odd:
                yield _differing([claim], end, agreeing, exact)


def _differing(claims, end, printed, fits):
    """The finding that these places print another number than `printed` do, and what would fit."""
    unless = [claim.unless for claim in claims if claim.unless]
    cited = [claim.cite(end) for claim in claims]
    weight = READING if unless else CONTRADICTION
    return Check("same", cited, False, _prints(printed, end), "; or ".join([fits, *unless]), weight=weight)


def _span(claim, end):
    """The range of numbers that a place may have rounded; for a word or a date, the text itself."""
    number = claim.number(end)
    text = claim.text(end)
    return (text, text) if number is None else (number.share[0] - number.slack, number.share[1] + number.slack)


def _vote(spans):
    """Which of several ranges have a common point, which do not, and whether the vote is tied.

    Returns
    -------
    (list of int, list of int, bool)
        Positions in every largest agreeing set, all others, and whether there are several such sets.
    """
    sets = {frozenset(i for i, (low, high) in enumerate(spans) if low <= point <= high) for point, _ in spans}
    largest = [chosen for chosen in sets if len(chosen) == max(map(len, sets))]
    agreeing = frozenset.intersection(*largest)
    return sorted(agreeing), [i for i in range(len(spans)) if i not in agreeing], len(largest) > 1


def _prints(claims, end=""):
    return "; ".join(f"{claim.where} prints {claim.text(end)}" for claim in claims)


def _related(relation, numbers, answer, sound):
    """What a relation's rule answered; where it does not hold, what would fit, first what breaks no `sound` one."""
    cited = [
        one for path, one in relation.cited.items() if answer.holds or not answer.involved or path in answer.involved
    ]
    method = numbers.get("method", "")
    if answer.holds:
        level = _of_another_level(relation.rule, numbers) if answer.loosely else ""
        words = f"{answer.words}; or it is {level}" if level else answer.words
        words = f"{words}, but only if {relation.provided}" if relation.provided else words
        loosely = answer.loosely or bool(relation.provided)
        return Check(relation.rule, cited, True, words, method=method, loosely=loosely)
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
    others = (_by_another_method(relation.rule, numbers), _of_another_level(relation.rule, numbers),
              _weighted(relation.rule, numbers))  # fmt: skip
    words = "; or ".join(part for part in (words, *others, relation.unless) if part)
    why = f"{answer.words}, but {relation.because}" if relation.because else answer.words
    weight = READING if relation.unless else CONTRADICTION
    words, argued = words or NONE_FITS, bool(relation.because)
    return Check(relation.rule, cited, False, why, words, method, weight=weight, argued=argued)


def _by_another_method(rule, numbers):
    """Say which methods, other than the one named, give the numbers by a formula; empty if none does."""
    if numbers.get("method", "any") == "any":
        return ""
    answer = _apply(rule, numbers | {"method": "any"})
    return f"another method: {answer.words}" if answer.holds and not answer.loosely else ""


def _of_another_level(rule, numbers):
    """Say of which other level than 95 % an interval is by a formula; empty if of none, or if its level is known."""
    if not {"low", "high"} <= numbers.keys() or "level" in numbers or "level" not in arguments(rule):
        return ""
    for level in OTHER_LEVELS:
        try:
            answer = _apply(rule, numbers | {"level": read_number(level)})
        except (ValueError, ArithmeticError):
            continue
        if answer.holds and not answer.loosely:
            return f"an interval of {level} (`level`), not of 95 %"
    return ""


def _weighted(rule, numbers):
    """Say that a kappa of more than two categories may be a weighted one; empty of others."""
    if rule != "agreement" or "kappa" not in numbers or "weights" in numbers:
        return ""
    n = numbers.get("categories")
    return "" if n is not None and n.value == 2 else "a weighted kappa (`weights`), of which nothing is said"


def _apply(rule, numbers):
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
        return _apply(rule, {**numbers, path: new}).holds
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
