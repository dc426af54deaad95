"""What the paper claims, number by number, beside what a run regenerates.

Two questions are kept apart. *Verdict*: does the run give the printed number again? On synthetic patients that is never
answered, whatever the number. *Arithmetic*: do the paper's own printed numbers fit together? That needs no patients.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml

from study import printed
from study.claims_page import readable, write_html

__all__ = [
    "Claim", "ClaimsError", "check_arithmetic", "compare", "gather", "read_claims", "readable", "summary", "write_html",
]  # fmt: skip

CLAIMS_YAML = Path(__file__).with_name("claims.yaml")
TIERS = ("synthetic", "public", "restricted")
VERDICTS = ("reproduced", "within interval", "differs", "synthetic only", "cannot be tested")
COLUMNS = [
    "id", "where", "quantity", "published", "published_interval", "published_n", "regenerated", "ci_low", "ci_high",
    "n", "unit", "tier", "verdict", "why", "arithmetic", "computation", "remark", "notebook", "see",
]  # fmt: skip


class ClaimsError(ValueError):
    """A list of claims that cannot be used; names every fault."""


@dataclass(frozen=True)
class Claim:
    """One printed number; the fields are described at the head of ``claims.yaml``."""

    id: str
    where: str
    quantity: str
    published: str
    value: str | None
    interval: tuple = ()
    unit: str = ""
    n: int | None = None
    reason: str = ""
    derive: dict = field(default_factory=dict)
    see: str = ""
    remark: str = ""

    @property
    def parts(self):
        """What regenerates it: [(notebook, name)], and how two of them are joined ("", "/" or "-")."""
        if self.value is None:
            return [], ""
        for joint in (" / ", " - "):
            if joint in self.value:
                return [tuple(part.split(":")) for part in self.value.split(joint)], joint.strip()
        return [tuple(self.value.split(":"))], ""


def read_claims(path=CLAIMS_YAML):
    """Read and check a list of claims.

    Returns
    -------
    list of Claim

    Raises
    ------
    ClaimsError
        Listing every fault: an unknown or missing field, a number that is not quoted, an id used twice or unknown, a
        claim with neither value nor reason.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ClaimsError(f"{path}: there is no such file; name a list of claims") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ClaimsError(f"{path}: not readable as YAML ({' '.join(str(error).split())}); correct it") from None
    if not isinstance(content, dict):
        raise ClaimsError(f"{path}: expected sections with lists of claims, found {type(content).__name__}")
    claims, faults = [], []
    for where, listed in content.items():
        if where == "reasons":
            continue
        for item in listed if isinstance(listed, list) else [listed]:
            wrong = _faults(item)
            name = item.get("id", item) if isinstance(item, dict) else item
            faults += [f"{where}, {name}: {fault}" for fault in wrong]
            if not wrong:
                item = {**item, "interval": tuple(item.get("interval", ())), "see": item.get("see", _shown(where))}
                claims.append(Claim(where=where, **item))
    known = {claim.id: claim for claim in claims}
    if len(known) < len(claims):
        doubled = sorted({c.id for c in claims if [d.id for d in claims].count(c.id) > 1})
        faults.append(f"ids used twice: {', '.join(doubled)}; give each claim its own")
    if not faults:
        for claim in claims:
            try:
                check_arithmetic(claim, known)
            except ValueError as error:
                faults.append(f"{claim.id}: {error}")
    if faults:
        raise ClaimsError("\n".join(f"{path.name}: {fault}" for fault in faults))
    return claims


def _shown(where):
    return where.replace(" ", "_") if where.startswith(("Table", "Figure")) else ""


FIELDS = {"id": str, "quantity": str, "published": str, "value": (str, type(None)), "interval": list, "unit": str,
          "n": int, "reason": str, "derive": dict, "see": str, "remark": str}  # fmt: skip


def _faults(item):
    """List what is wrong with one claim as YAML gave it."""
    if not isinstance(item, dict):
        return ["expected `field: value`"]
    found = [f"no field `{name}`" for name in ("id", "quantity", "published", "value") if name not in item]
    for name, content in item.items():
        if name not in FIELDS:
            found.append(f"unknown field `{name}`; the fields are {', '.join(FIELDS)}")
        elif not isinstance(content, FIELDS[name]):
            quote = "; put it in quotes, so that its digits stay as printed" if name == "published" else ""
            found.append(f"`{name}` is {content!r}, a {type(content).__name__}{quote}")
    if found:
        return found
    value, interval = item["value"], item.get("interval", [])
    if value is None and not item.get("reason"):
        found.append("`value` is null without a `reason`; say why nothing regenerates it")
    if value is not None and any(part.count(":") != 1 for part in value.replace(" - ", " / ").split(" / ")):
        found.append(f"`value` is {value!r}; write notebook:name")
    if interval and (len(interval) != 2 or not all(isinstance(e, str) and printed.read_number(e) for e in interval)):
        found.append(f"`interval` is {interval!r}; write two quoted numbers")
    if item.get("unit") == "date":
        if pd.isna(pd.to_datetime(item["published"], errors="coerce")):
            found.append(f"`published` is {item['published']!r}; write a date such as 23 January 2020")
    elif item.get("unit") != "word" and printed.read_number(item["published"]) is None:
        found.append(f"`published` is {item['published']!r}, no number; with `unit: word` it may be a word")
    return found


def check_arithmetic(claim, known):
    """Check whether a claim fits the numbers that it is derived from, and lies in its own interval.

    Parameters
    ----------
    claim : Claim
    known : dict of str to Claim
        All claims by id.

    Returns
    -------
    (str, str)
        "consistent", "inconsistent" or "" (nothing to derive it from), and the computation in words.

    Raises
    ------
    ValueError
        If a rule or an id is unknown, or a rule cannot be computed.
    """
    answers = [_derived(claim, rule, inputs, known) for rule, inputs in claim.derive.items()]
    if claim.interval:
        low, high = (printed.read_number(end) for end in claim.interval)
        inside = printed.read_number(claim.published)
        holds = low.ends[0] <= inside.ends[1] and inside.ends[0] <= high.ends[1]
        answers.append((holds, f"{'inside' if holds else 'outside'} its interval"))
    if not answers:
        return "", ""
    failed = [words for agrees, words in answers if not agrees]
    return ("inconsistent", "; ".join(failed)) if failed else ("consistent", "; ".join(words for _, words in answers))


def _derived(claim, rule, inputs, known):
    inputs = inputs if isinstance(inputs, list) else [inputs]
    if rule == "equals":
        return _equals(claim, _claim(inputs[0], known))
    return printed.derive(rule, claim.published, [_input(name, known) for name in inputs], claim.unit)


def _equals(claim, other):
    """Whether two places print the same thing, each to its own number of digits."""
    mine, theirs = ([c.published, *c.interval] for c in (claim, other))
    where = f"{other.where} prints {other.published}"
    where += f" [{', '.join(other.interval)}]" if claim.interval and other.interval else ""
    if claim.unit in ("word", "date"):
        return claim.published == other.published, where
    same = (
        printed.read_number(a, claim.unit).allows(*printed.read_number(b, other.unit).ends)
        for a, b in zip(mine, theirs, strict=False)
    )
    return all(same), where


def _claim(name, known):
    if name not in known:
        raise ValueError(f"it is derived from `{name}`, which is no claim; correct the id")
    return known[name]


def _input(name, known):
    if isinstance(name, int):
        return printed.Printed(str(name), float(name), 0.0)
    stem, _, end = str(name).partition(".")
    claim = _claim(stem, known)
    if end and (end not in ("low", "high") or not claim.interval):
        raise ValueError(f"`{name}`: only a claim with an interval has .low and .high")
    number = printed.read_number(claim.interval[end == "high"] if end else claim.published, claim.unit)
    if number is None:
        raise ValueError(f"`{name}` is printed {claim.published!r}, which is no number")
    return number


def gather(claims, run):
    """Collect what a run recorded for these claims: a table for each notebook, empty where it was not run.

    Parameters
    ----------
    claims : list of Claim
    run : study.run.Run
    """
    return {notebook: run.recorded(notebook) for notebook in sorted({nb for c in claims for nb, _ in c.parts[0]})}


def compare(claims, values, tier):
    """Set every claim beside what was regenerated, with a verdict.

    ================  ==================================================================================
    reproduced        the regenerated number rounds to the digits printed (or keeps the bound, or is the word)
    within interval   it does not, but lies in the published 95 % interval, or the published one in its own
    differs           neither
    synthetic only    there is a number, but it comes from patients who do not exist
    cannot be tested  there is none, and the reason
    ================  ==================================================================================

    Every regenerated number is about the patients of the run, so on the tier "synthetic" none is called reproduced.

    Parameters
    ----------
    claims : list of Claim
    values : dict of str to DataFrame
        Per notebook, indexed by name with columns value, ci_low, ci_high, n, unit (from ``gather``).
    tier : {"synthetic", "public", "restricted"}

    Returns
    -------
    DataFrame
        One row a claim; the columns are ``COLUMNS``.
    """
    if tier not in TIERS:
        raise ValueError(f"tier {tier!r} is unknown; a cohort is {', '.join(TIERS)}")
    known = {claim.id: claim for claim in claims}
    rows = []
    for claim in claims:
        row = {"id": claim.id, "where": claim.where, "quantity": claim.quantity, "published": claim.published,
               "published_interval": f"[{', '.join(claim.interval)}]" if claim.interval else "", "published_n": claim.n,
               "unit": claim.unit, "tier": tier, "remark": claim.remark, "see": claim.see,
               "notebook": claim.parts[0][0][0] if claim.value else ""}  # fmt: skip
        row |= _regenerated(claim, values)
        row["verdict"], why = _verdict(claim, row, tier)
        row["why"] = row["why"] or why
        row["arithmetic"], row["computation"] = check_arithmetic(claim, known)
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"published_n": "Int64", "n": "Int64"})


def _regenerated(claim, values):
    """Give the regenerated number in the claim's unit with its interval and n, or why there is none."""
    nothing = {"regenerated": None, "ci_low": None, "ci_high": None, "n": None}
    parts, joint = claim.parts
    if not parts:
        return {**nothing, "why": claim.reason}
    found = []
    for notebook, name in parts:
        table = values.get(notebook)
        if table is None or not len(table):
            return {**nothing, "why": f"notebook {notebook} was not run"}
        if name not in table.index:
            return {**nothing, "why": f"notebook {notebook} recorded no {name}"}
        if pd.isna(table.loc[name, "value"]):
            return {**nothing, "why": f"{name} is undefined in this run"}
        found.append(table.loc[name])
    first = found[0]
    if joint:
        one, two = float(first["value"]), float(found[1]["value"])
        if joint == "/" and two == 0:
            return {**nothing, "why": f"{parts[1][1]} is 0 in this run"}
        factor = 100 if claim.unit == "%" else 1
        value = factor * one / two if joint == "/" else one - two
        return {**nothing, "regenerated": value, "n": int(two) if joint == "/" else None, "why": ""}
    numbers = [None if pd.isna(first[column]) else first[column] for column in ("value", "ci_low", "ci_high")]
    if claim.unit == "%" and first["unit"] != "%":  # recorded as a fraction
        numbers = [None if number is None else 100 * number for number in numbers]
    n = None if pd.isna(first["n"]) else int(first["n"])
    return {**dict(zip(("regenerated", "ci_low", "ci_high"), numbers, strict=True)), "n": n, "why": ""}


def _verdict(claim, row, tier):
    """Give the verdict, and for "within interval" whose interval it was."""
    value = row["regenerated"]
    number = printed.read_number(claim.published)
    if value is None:
        return "cannot be tested", ""
    if tier == "synthetic":
        return "synthetic only", ""
    if claim.unit == "date":
        same = pd.to_datetime(value) == pd.to_datetime(claim.published)
    else:
        same = str(value) == claim.published if number is None else number.allows(float(value))
    if same:
        return "reproduced", ""
    published = [float(end) for end in claim.interval]
    if published and published[0] <= value <= published[1]:
        return "within interval", "inside the published interval"
    own = [row["ci_low"], row["ci_high"]]
    if number and not number.sign and None not in own and own[0] <= number.value <= own[1]:
        return "within interval", "the published number is inside the regenerated interval"
    return "differs", ""


def summary(table):
    """Count how many claims have each verdict, and how many fit the paper's own arithmetic."""
    verdicts = table["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    arithmetic = table["arithmetic"].value_counts().reindex(["consistent", "inconsistent"], fill_value=0)
    return pd.DataFrame({"question": ["verdict"] * len(verdicts) + ["arithmetic"] * 2,
                         "answer": [*verdicts.index, *arithmetic.index],
                         "claims": [*verdicts, *arithmetic]})  # fmt: skip
