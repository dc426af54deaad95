"""Whether the numbers that a paper prints can be true together.

Every relation in the list of numbers is checked by its rule (``audit_rules``), and four things are always checked: a
quantity has the same value wherever it is printed, an estimate lies in its interval, a count is whole, and a number is
possible for its quantity and unit (``quantities``). A finding says what was printed, where, why it cannot be, and what
would fit (``audit_repairs``).
"""

from dataclasses import dataclass, replace

import pandas as pd

from study.claims import audit_repairs, quantities
from study.claims.audit_rules import FORMULAS, apply
from study.claims.listed import Paper
from study.claims.paper import PaperError, read_paper
from study.claims.printed import COUNTED, SLACK, Printed, with_its_percent

COLUMNS = ["finding", "where", "printed", "rule", "method and formula", "why it cannot be", "what would fit"]
ALONE = {"unit": "units and range of the quantity", "interval": "low <= estimate <= high",
         "same": "some number rounds to each of the texts"}  # fmt: skip
IMPLIED = ("agreement", "odds_ratio", "likelihood", "nested", "roc", "auc_interval", "chi_square", "t_test",
           "difference", "correlation", "icc")  # fmt: skip
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
            answered.append((relation, numbers, apply(relation.rule, numbers)))
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
    """What a relation's rule answered, and where it does not hold, what would fit."""
    cited = [
        one for path, one in relation.cited.items() if answer.holds or not answer.involved or path in answer.involved
    ]
    method = numbers.get("method", "")
    if answer.holds:
        level = audit_repairs.of_another_level(relation.rule, numbers) if answer.loosely else ""
        words = f"{answer.words}; or it is {level}" if level else answer.words
        words = f"{words}, but only if {relation.provided}" if relation.provided else words
        loosely = answer.loosely or bool(relation.provided)
        return Check(relation.rule, cited, True, words, method=method, loosely=loosely)
    why = f"{answer.words}, but {relation.because}" if relation.because else answer.words
    weight = READING if relation.unless else CONTRADICTION
    fits, argued = audit_repairs.what_would_fit(relation, numbers, answer, sound), bool(relation.because)
    return Check(relation.rule, cited, False, why, fits, method, weight=weight, argued=argued)
