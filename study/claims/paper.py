"""A paper's printed numbers as a YAML file lists them: this paper's (``claims.yaml``), or any other's.

A file has sections, one for each place of the paper, and ``relations`` that say which numbers belong together::

    Abstract:
      - {id: abstract_patients, quantity: patients, published: "204", unit: patients, same: patients}
    Table 1:
      - {id: patients, quantity: patients, published: "196", unit: patients, same: patients}
      - {id: men, quantity: men among them, published: "96", unit: patients}
      - {id: men_percent, quantity: men among them, published: "49", unit: "%"}
    relations:
      - {rule: share, share: men_percent, count: men, total: patients}
      - {rule: agreement, where: "Table 4, row 3", n: "54", observed: "0.7321", kappa: "0.4643", error: "0.1184"}

A number has

=========== ===========================================================================================================
id          its name in this file, beginning with a letter
quantity    what it is, in words; begins with its kind where ``quantities.QUANTITIES`` has that (kappa, AUC ...)
published   the digits as printed, in quotes, so that 0.8220 keeps its zero; ``<``, ``≥``, ``%`` as printed
interval    its 95 % interval, two such texts
unit        ``patients, participants, scans, lesions, cases`` and the like (``printed.COUNTED``) are counts and exact;
            ``%``; ``word``; ``date``; or any other
n           the number of observations behind it
same        a word of your own: numbers that share it are one quantity and must agree; by default `value`
value       what regenerates it, ``notebook:name``, or two joined by `` / `` or `` - ``; null with a reason
reason      why nothing does
see         the table or figure of the run that shows it; by default the one that the section's name names
remark      what a reader should know
unless      another reading, under which it is not the same as the others that share its `same`
primary     why it is one of the few on which the paper rests: these are judged by themselves (``verdicts``)
=========== ===========================================================================================================

``id``, ``quantity`` and ``published`` are required. A relation has a ``rule``, its arguments (``audit_rules`` describes
each rule), ``where`` it stands if no number says so, and may say why the rule should hold, ``because``, and another
reading under which it need not, ``unless`` (named among what would fit), or what must be true besides where it holds,
``provided`` (then it is a remark). An argument is the id of a number, ``id.low`` or ``id.high`` for the ends of its
interval, or a printed number in quotes; a list of them; or, for ``groups``, a list of ``{n, mean, sd}``. ``paper``
names the paper; ``reasons`` may hold YAML anchors. ``printed`` describes how numbers may be written; what it cannot
know, the file may say at its head for all of its numbers:

=========== ===========================================================================================================
rounding    how they were shortened, ``half-up``, ``half-even``, ``truncated`` or ``unknown``; without it, halves may
            have gone either way
decimal     the decimal mark, ``point`` or ``comma``; only ``1,110`` needs it, which can be 1110 or 1.110
methods     what the paper says of its methods, by rule, such as ``{t_test: t, chi_square: pearson}``: the ``method`` of
            every relation of that rule that gives none itself
numbers     a CSV file beside this one with numbers to add, a row each; ``claims_table`` describes it
=========== ===========================================================================================================

A CSV file alone can be read, too: without relations, what is checked is each number by itself and those that are the
``same``.
"""

import difflib
import reprlib
import typing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml

from study.claims import claims_table
from study.claims.audit_answers import Count, Group
from study.claims.audit_rules import RULES, SHARES, arguments
from study.claims.listed import Cited, Claim, Paper, Relation
from study.claims.printed import AS_USUAL, COUNTED, Convention, read_number, unread
from study.claims.quantities import SHARE, find
from study.parameters import kind_of

FIELDS = {"id": str, "quantity": str, "published": str, "value": (str, type(None)), "interval": list, "unit": str,
          "n": int, "same": str, "reason": str, "see": str, "remark": str, "unless": str,
          "primary": str}  # fmt: skip
ABOVE_ANY_SHARE = 2.0  # 1.20 may be printed by mistake; 92.4 is in per cent
SAID = ("because", "unless", "provided")  # what a relation may say in words
CLAIMS_YAML = Path(__file__).with_name("claims.yaml")
MOST_FAULTS = 50  # shown; a file of another kind has thousands
SHORT = reprlib.Repr()
SHORT.maxlevel = 2
CONVENTION = ("rounding", "decimal")  # what the head of a file may say of all its numbers
NOT_SECTIONS = ("paper", "reasons", "relations", "methods", "numbers", *CONVENTION)


class PaperError(ValueError):
    """A list of printed numbers that cannot be used; names every fault and its line."""


class _Lines(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML's safe loader; every mapping knows its line, and a key that is given twice is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        doubled = [key for i, key in enumerate(keys) if key in keys[:i]]
        if doubled:
            raise yaml.constructor.ConstructorError(None, None, f"`{doubled[0]}` is given twice", node.start_mark)
        return super().construct_mapping(node, deep) | {LINE: node.start_mark.line + 1}


LINE = "  line"  # of a mapping; no field is called so


def read_paper(path=CLAIMS_YAML):
    """Read and check a file of printed numbers (YAML, or a CSV table of numbers alone), by default this paper's.

    Returns
    -------
    Paper

    Raises
    ------
    PaperError
        Listing every fault with its line: an unknown or missing field, a number that is not quoted, an id used twice or
        unknown, an unknown rule, an argument that the rule does not have or needs, a number that cannot be read.
    """
    path = Path(path)
    content = _load(path)
    claims, faults, faulty = [], [], []
    try:
        convention = Convention(**{name: content.get(name, "") for name in CONVENTION})
    except (ValueError, TypeError) as error:
        convention, faults = AS_USUAL, [str(error)]
    for where, listed in content.items():
        if where in (LINE, *NOT_SECTIONS):
            continue
        if not isinstance(listed, list):
            faults.append(f"section {_shown(where)}: expected a list of numbers, each with `- ` before it")
            continue
        for item in listed:
            wrong = _faults(item, convention)
            name = item.get("id", "a number without id") if isinstance(item, dict) else item
            faults += [f"{_line(item)}{_shown(where)}, {_shown(name)}: {fault}" for fault in wrong]
            if not wrong:
                claims.append(_claim(str(where), item, convention))
            elif isinstance(name, str):
                faulty.append(name)
    known, doubled = {}, []
    for claim in claims:
        if claim.id in known:
            doubled.append(claim.id)
        known[claim.id] = claim
    known |= {name: None for name in faulty if name not in known}
    faults += [f"the id {name} is used twice; give each number its own" for name in dict.fromkeys(doubled)]
    methods, wrong = _methods(content.get("methods") or {})
    faults += wrong
    relations, wrong = _relations(content.get("relations") or [], known, convention, methods)
    faults += wrong
    if not (claims or relations or faults):
        faults.append("it lists no numbers")
    if faults:
        more = len(faults) - MOST_FAULTS
        shown = [f"{path.name}: {fault}" for fault in faults[:MOST_FAULTS]]
        raise PaperError("\n".join([*shown, f"and {more} more"] if more > 0 else shown))
    return Paper(str(content.get("paper", path.stem)), claims, relations)


def _load(path):
    if path.suffix.lower() == ".csv":
        return _table(path)
    try:
        content = _Lines(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        raise PaperError(f"{path}: no such file; give the path of a list of printed numbers") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, TypeError, ValueError) as error:
        text = " ".join(str(error).split())[:300] or type(error).__name__
        raise PaperError(f"{path}: not readable as YAML ({text}); correct it") from None
    except OSError as error:
        raise PaperError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from None
    if not isinstance(content, dict):
        raise PaperError(f"{path}: expected sections with lists of numbers, found {kind_of(content)}")
    if "numbers" in content:
        if not isinstance(content["numbers"], str):
            raise PaperError(f"{path}: `numbers` is {SHORT.repr(content['numbers'])}; write the name of a CSV file")
        for where, listed in _table(path.parent / content["numbers"]).items():
            if isinstance(content.setdefault(where, []), list):
                content[where] = content[where] + listed
    return content


def _table(path):
    try:
        return claims_table.sections(path, LINE)
    except FileNotFoundError:
        raise PaperError(f"{path}: no such file; give the path of a table of printed numbers") from None
    except (OSError, ValueError) as error:
        raise PaperError(f"{path}: not readable as a table of printed numbers ({error}); correct it") from None


def _methods(given):
    """Check what the head says of the paper's methods: dict of rule to method, and what is wrong with it."""
    if not isinstance(given, dict):
        return {}, [f"`methods` is {SHORT.repr(given)}; write {{rule: method, ...}}"]
    with_method = [rule for rule in RULES if "method" in arguments(rule)]
    faults = [f"`methods`: no rule `{_shown(rule)}` with a method{_nearest(rule, with_method)}"
              for rule in given if rule != LINE and rule not in with_method]  # fmt: skip
    faults += [f"`methods`: `{rule}` is {SHORT.repr(method)}; write a word"
               for rule, method in given.items() if rule in with_method and not isinstance(method, str)]  # fmt: skip
    return {rule: method for rule, method in given.items() if rule != LINE}, faults


def _line(item):
    return f"line {item[LINE]}, " if isinstance(item, dict) else ""


def _shown(content):
    return content if isinstance(content, str) and len(content) < 60 else SHORT.repr(content)


def _claim(where, item, convention):
    item = {key: content for key, content in item.items() if key != LINE}
    item["interval"] = tuple(item.get("interval", ()))
    item.setdefault("see", where.replace(" ", "_") if where.startswith(("Table", "Figure")) else "")
    item.setdefault("same", item.get("value") or "")
    return Claim(where=where, convention=convention, **item)


def _faults(item, convention):
    """List what is wrong with one number as YAML gave it."""
    if not isinstance(item, dict):
        return ["expected `{field: value, ...}`"]
    found = [f"no field `{name}`" for name in ("id", "quantity", "published") if name not in item]
    for name, content in item.items():
        if name == LINE:
            continue
        if name not in FIELDS:
            found.append(f"unknown field `{_shown(name)}`{_nearest(name, FIELDS)}")
        elif not isinstance(content, FIELDS[name]) or isinstance(content, bool):
            quote = "; put it in quotes, so that its digits stay as printed" if name == "published" else ""
            found.append(f"`{name}` is {SHORT.repr(content)}, {kind_of(content)}{quote}")
    if found:
        return found
    value, interval, unit = item.get("value"), item.get("interval", []), item.get("unit", "")
    if not item["id"][:1].isalpha() or "." in item["id"]:
        found.append("`id` must begin with a letter and have no dot")
    if "value" in item and value is None and not item.get("reason"):
        found.append("`value` is null without a `reason`; say why nothing regenerates it")
    if value is not None and any(part.count(":") != 1 for part in value.replace(" - ", " / ").split(" / ")):
        found.append(f"`value` is {_shown(value)!r}; write notebook:name")
    if interval and (len(interval) != 2 or not all(isinstance(end, str) for end in interval)):
        found.append(f"`interval` is {SHORT.repr(interval)}; write two quoted numbers")
        interval = []
    counts = difflib.get_close_matches(unit, COUNTED, n=1, cutoff=0.8)
    if counts and unit not in COUNTED:
        found.append(f"`unit` is {_shown(unit)!r}; did you mean `{counts[0]}`?")
    if unit == "date":
        if pd.isna(pd.to_datetime(item["published"], errors="coerce")):
            found.append(f"`published` is {_shown(item['published'])!r}; write a date such as 23 January 2020")
    elif unit != "word":
        for name, text in [("published", item["published"]), *(("interval", end) for end in interval)]:
            if read_number(text, unit, convention) is None:
                word = "; a word needs `unit: word`" if name == "published" else ""
                found.append(f"`{name}` is {_shown(text)!r}, which {unread(text, unit, convention)}{word}")
        quantity, number = find(item["quantity"]), read_number(item["published"], unit, convention)
        if quantity and quantity.units == SHARE.units and not unit:
            found += _without_percent("published", number)
    return found


def _without_percent(name, number):
    """Refuse what is far above 1 and can be a share only in per cent, as in a column whose head has the sign."""
    if number is None or number.scale != 1 or number.value < ABOVE_ANY_SHARE:
        return []
    return [f"`{name}` is {number.text!r}, and no share is above 1; where it is in per cent, write `{number.text} %`"]


def _nearest(name, known):
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}"


def _relations(listed, known, convention, methods):
    if not isinstance(listed, list):
        return [], ["relations: expected a list, each with `- ` before it"]
    relations, faults = [], []
    for position, item in enumerate(listed, 1):
        rule = item.get("rule") if isinstance(item, dict) else None
        place = f"{_line(item)}relations, {position}" + (f" ({_shown(rule)})" if rule else "")
        if not isinstance(rule, str) or rule not in RULES:
            faults.append(f"{place}: no rule `{_shown(rule)}`{_nearest(rule, RULES)}" if rule else
                          f"{place}: expected `{{rule: name, argument: number, ...}}`")  # fmt: skip
            continue
        wanted, cited, wrong = arguments(rule), {}, []
        where = item.get("where", "")
        given = {"method": methods[rule]} if rule in methods else {}
        given |= {name: content for name, content in item.items() if name not in ("rule", "where", *SAID, LINE)}
        wrong += [
            f"it has no argument `{_shown(name)}`{_nearest(name, wanted)}" for name in given if name not in wanted
        ]
        wrong += [f"`{name}` is missing" for name, (_, needed) in wanted.items() if needed and name not in given]
        for name, content in given.items():
            if name in wanted:
                _cite(name, content, wanted[name][0], str(where), known, convention, cited, wrong)
        places = "; ".join(dict.fromkeys(one.where for one in cited.values() if one.where))
        if cited and not places:
            wrong.append("`where` is missing: say where in the paper these numbers stand")
        faults += [f"{place}: {fault}" for fault in wrong]
        if not wrong:
            cited = {path: replace(one, where=one.where or places) for path, one in cited.items()}
            relations.append(Relation(rule, item[LINE], cited, *(str(item.get(name, "")) for name in SAID)))
    return relations, faults


def _cite(name, content, kind, where, known, convention, cited, wrong):
    """Find the printed numbers that an argument names, each under its own path."""
    if typing.get_origin(kind) is list:
        if not isinstance(content, list) or not content:
            wrong.append(f"`{name}` is {SHORT.repr(content)}; write a list")
            return
        for position, one in enumerate(content):
            path = f"{name}.{position}"
            if kind != list[Group]:
                _cite(path, one, kind.__args__[0], where, known, convention, cited, wrong)
            elif not isinstance(one, dict) or {*one} - {LINE} != {"n", "mean", "sd"}:
                wrong.append(f"`{_called(path)}` must be `{{n: , mean: , sd: }}`")
            else:
                for part in ("n", "mean", "sd"):
                    part_kind = Group.__annotations__[part]
                    _cite(f"{path}.{part}", one[part], part_kind, where, known, convention, cited, wrong)
        return
    called = _called(name)
    if not isinstance(content, str):
        wrong.append(f"`{called}` is {SHORT.repr(content)}, {kind_of(content)}; write an id, or a printed number in "
                     "quotes")  # fmt: skip
        return
    stem, _, end = content.partition(".")
    claim = known.get(stem)
    if stem in known and claim is None:
        return  # its fault is told where it stands
    unit = "cases" if kind is Count else ""
    number = read_number(content, unit, convention)
    if claim is not None and (not end or (end in ("low", "high") and claim.interval)):
        cited[name] = claim.cite(end)
        number = cited[name].number
    elif claim is not None:
        wrong.append(f"`{called}` is {_shown(content)}: only a number with an interval has .low and .high")
        return
    elif number is not None or kind is str:
        cited[name] = Cited(called.replace("_", " "), where, "", content, number)
    else:
        near = _nearest(stem, known) if known else ""
        wrong.append(f"`{called}` is {_shown(content)!r}, neither an id of this file nor a printed number{near}; as a "
                     f"number, it {unread(content, unit, convention)}")  # fmt: skip
        return
    if name.partition(".")[0] in SHARES and not cited[name].id:
        wrong += _without_percent(called, number)
    if kind is not str and number is None:
        wrong.append(f"`{called}` is printed {_shown(cited[name].text)!r}, which is not a number")


def _called(path):
    """An argument as people call it, who count from 1: ``groups.0.n`` is "group 1, n", ``dates.0`` is "date 1"."""
    name, *inside = path.split(".")
    if not inside:
        return name
    if inside[-1].isdigit() and len(inside) == 2:
        return f"{name}, row {int(inside[0]) + 1}, column {int(inside[1]) + 1}"
    return ", ".join([f"{name.removesuffix('s')} {int(inside[0]) + 1}", *inside[1:]])
