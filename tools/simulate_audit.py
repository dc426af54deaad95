"""Does the audit accuse true numbers, and does it find planted errors? By method and by way of printing.

``python -m tools.simulate_audit`` draws data, measures them by each method that papers use (``honest_tables``,
``honest_samples``), prints the numbers by each journal's convention, and audits them as they are and with two digits of
one number swapped: once as a paper that does not name its methods, once as one that does.

Which errors any rule could detect is decided without the rules. Where a number follows from the others, it is computed
again by what made the table, from each corner and from random points of what the printed numbers stand for. An error is
detectable if, in every way of computing, some number then differs from the wrong table; also if an estimate leaves its
interval. Others, such as a wrong digit behind p < 0.001 or in a bootstrap's interval, no rule could tell from a true
number.
"""

import argparse
import itertools
import tempfile
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from study.claims import audit, paper
from study.claims.audit_rules import arguments
from study.claims.printed import Convention, read_number
from tools import honest_samples, honest_tables

ROUNDINGS = {"": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "truncated": ROUND_DOWN}
STYLES = {
    "plain": lambda text: text,
    "no zero": lambda text: text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text,
    "half height": lambda text: text.replace(".", "·"),
    "comma": lambda text: text.replace(".", ","),
}
METHODS = {
    honest_tables.odds_ratio: ("wald", "profile", "exact"),
    honest_tables.t_test: ("t", "mann-whitney"),
    honest_tables.share: ("alone", "wald", "wilson", "exact", "agresti-coull", "jeffreys", "bootstrap", "patients"),
    honest_tables.difference: ("wald", "newcombe", "agresti-caffo", "score", "paired", "bootstrap"),
    honest_tables.diagnostic: ("counts", "from rounded", "rates", "prevalence"),
    honest_tables.chi_square: ("Pearson", "Yates", "N - 1", "G", "Fisher", "doubled Fisher", "mid-p", "trend",
                               "Fisher, Freeman and Halton"),
    honest_tables.agreement: ("cohen", "fleiss", "null", "jackknife", "bootstrap", "interval", "bootstrap interval",
                              "cohen of 3 to 5", "3 to 5", "quadratic"),
    honest_tables.auc_interval: ("delong", "logit", "hanley", "binomial", "bootstrap", "levels"),
    honest_samples.correlation: ("pearson", "spearman", "bootstrap"),
    honest_samples.icc: ("one-way", "consistency", "agreement", "one-way of the average",
                         "consistency of the average"),
    honest_samples.statistic: ("t", "z", "F", "chi-square", "t, one side"),
    honest_samples.spread: ("normal", "skewed", "share", "scores"),
    honest_samples.whole_numbers: ("between ends", "no ends"),
    honest_samples.whole_sum: ("counts", "percent"),
    honest_samples.dates: ("iso", "words", "slashes"),
    honest_samples.pooled: ("groups",),
    honest_samples.nested: ("AIC",),
    honest_samples.roc: ("youden",),
}  # fmt: skip
WORDS = ("rule", "weights", "kind", "sides", "scores", "cut_off", "method", "first", "last", "dates")
DRAWN = 200  # random points within what was rounded


def printed(content, style, rounding):
    """A relation's numbers as a journal prints them."""
    if isinstance(content, dict):
        return {name: printed(one, style, rounding) for name, one in content.items()}
    if isinstance(content, list):
        return [printed(one, style, rounding) for one in content]
    if isinstance(content, str):
        return content
    if isinstance(content, float):  # p
        if content < 0.001:
            return f"<{STYLES[style]('0.001')}"
        content = (content, 3)
    value, places = content if isinstance(content, tuple) else (content, 0)
    exact = Decimal(repr(round(float(value), 12))).quantize(Decimal(1).scaleb(-places), ROUNDINGS[rounding])
    return STYLES[style](f"{exact + 0:f}")


def paths(relation):
    """Where a relation has a printed number: by path, what holds it and its place in that."""
    found = {}
    for name, content in relation.items():
        if name in WORDS:
            continue
        if not isinstance(content, list):
            found[name] = (relation, name)
        for i, one in enumerate(content if isinstance(content, list) else []):
            if isinstance(one, dict):
                found |= {f"{name}.{i}.{part}": (one, part) for part in one}
            else:
                found[f"{name}.{i}"] = (content, i)
    return found


def planted(rng, relation):
    """The relation with two unlike neighbouring digits of one number swapped; None where none has any."""
    found = list(paths(relation).values())
    if not found:
        return None
    holder, name = found[rng.integers(len(found))]
    text = holder[name]
    places = [i for i in range(len(text) - 1) if text[i : i + 2].isdigit() and text[i] != text[i + 1]]
    if not places or text.startswith("<"):
        return None
    i = places[rng.integers(len(places))]
    holder[name] = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return relation


def detectable(rng, relation, again, head):
    """Whether what follows from the wrong table's numbers differs from what it prints (see above)."""
    kinds = arguments(relation["rule"])
    numbers = {}
    for path, (holder, name) in paths(relation).items():
        counted = "Count" in str(kinds[path.split(".")[0]][0]) or path.endswith(".n")
        convention = Convention(head.get("rounding", ""), head.get("decimal", ""))
        numbers[path] = read_number(holder[name], "cases" if counted else "", convention)
    estimate = next((numbers[name] for name in ("estimate", "share", "difference", "auc", "kappa", "r", "icc")
                     if name in numbers and "low" in numbers), None)  # fmt: skip
    if estimate and (numbers["low"].ends[0] > estimate.ends[1] or numbers["high"].ends[1] < estimate.ends[0]):
        return True
    if again is None:
        return False
    ends = {path: tuple(np.clip(one.ends, -1e9, 1e9)) for path, one in numbers.items() if not one.sign}
    corners = list(itertools.islice(itertools.product(*(sorted(set(own)) for own in ends.values())), 256))
    inside = [tuple(rng.uniform(*own) if own[1] > own[0] else own[0] for own in ends.values()) for _ in range(DRAWN)]
    if relation["rule"] in ("agreement", "whole_numbers"):  # every sample is listed, whatever the estimates
        return not any(_has_row(way, numbers) for way in again({path: one.value for path, one in numbers.items()}))
    ways = {}
    for point in [*corners, *inside]:
        for i, way in enumerate(again(dict(zip(ends, point, strict=True)))):
            for path, value in way.items():
                ways.setdefault(i, {}).setdefault(path, []).append(float(value))
    return not any(all(numbers[path].allows(min(values) * numbers[path].scale, max(values) * numbers[path].scale)
                       for path, values in way.items() if path in numbers) for way in ways.values())  # fmt: skip


def _has_row(columns, numbers):
    """Whether one row of a list of samples has every number as printed."""
    kept = True
    for name, column in columns.items():
        low, high = numbers[name].share
        kept = kept & (column >= low - 1e-9) & (column <= high + 1e-9)
    return bool(np.any(kept))


def answer(relation, head):
    """What the audit says of a relation alone: "found", "remarked", "" or, where it cannot be computed, "refused"."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.yaml"
        path.write_text(yaml.safe_dump({**head, "relations": [{**relation, "where": "T"}]}), encoding="utf-8")
        try:
            checks = audit.audit(path)
        except paper.PaperError:
            return "refused"
    return "found" if not all(check.holds for check in checks) else "remarked" * any(check.loosely for check in checks)


def simulate(rng, runs, plants):
    """One row per method: true relations accused and remarked upon, planted errors that are detectable and found.

    Parameters
    ----------
    rng : numpy.random.Generator
    runs, plants : int
        True relations per method, and in how many of them an error is planted, too, which takes longer.
    """
    names = ("true", "accused", "remarked", "planted", "detectable", "found", "or remarked", "found by method",
             "undetectable found")  # fmt: skip
    rows = []
    for draw, methods in METHODS.items():
        for method in methods:
            counts = dict.fromkeys(names, 0)
            for run in range(runs):
                style = list(STYLES)[rng.integers(len(STYLES))]
                rounding = list(ROUNDINGS)[rng.integers(len(ROUNDINGS))] if method != "from rounded" else ""
                head = {"decimal": "comma"} if style == "comma" else {}
                head |= {"rounding": rounding} if rounding else {}
                table = draw(rng, method)
                relation = printed(table.relation, style, rounding)
                said = answer(relation, head)
                counts["true"] += 1
                counts["accused"] += said == "found"
                counts["remarked"] += said == "remarked"
                if table.method and said != "found":  # a paper that names the method is not accused either
                    counts["accused"] += answer({**relation, "method": table.method}, head) == "found"
                if run >= plants or (wrong := planted(rng, relation)) is None:
                    continue
                if (said := answer(wrong, head)) == "refused":
                    continue
                counts["planted"] += 1
                if not detectable(rng, wrong, table.again, head):
                    counts["undetectable found"] += said == "found"
                    continue
                counts["detectable"] += 1
                counts["found"] += said == "found"
                counts["or remarked"] += said != ""
                named = answer({**wrong, "method": table.method}, head) if table.method else said
                counts["found by method"] += named == "found"
            rows.append({"rule": draw.__name__, "method": method, **counts})
    return pd.DataFrame(rows)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100, help="relations of each method")
    parser.add_argument("--plants", type=int, default=30, help="of these, with an error")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    table = simulate(np.random.default_rng(given.seed), given.runs, given.plants)
    print(table.to_string(index=False))
    total = table.select_dtypes("number").sum()
    print(f"{total['accused']} of {total['true']} true relations accused; {total['planted']} errors planted, "
          f"{total['detectable']} detectable")  # fmt: skip
    for name, words in (("found", "without the method"), ("or remarked", "without it, with remarks"),
                        ("found by method", "where the paper names it")):  # fmt: skip
        if total["detectable"]:
            print(f"{total[name] / total['detectable']:.1%} of these are found {words}")


if __name__ == "__main__":
    main()
