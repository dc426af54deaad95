"""Does the audit accuse true numbers, and does it find planted errors? By method and by way of printing.

``python -m tools.simulate_audit`` draws data, measures them by each method that papers use, prints the numbers by each
journal's convention, and audits them as they are and with one digit wrong (some minutes).
"""

import argparse
import math
import tempfile
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import optimize, special, stats

from study.claims import audit, paper, table_tests, two_by_two

ROUNDINGS = {"": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "truncated": ROUND_DOWN}
STYLES = {
    "plain": lambda text: text,
    "no zero": lambda text: text.replace("0.", ".", 1) if text.startswith("0.") else text,
    "half height": lambda text: text.replace(".", "·"),
    "comma": lambda text: text.replace(".", ","),
}


def two_groups(rng):
    """A two-by-two table without an empty cell."""
    while True:
        table = rng.multinomial(int(rng.integers(15, 300)), rng.dirichlet([2, 2, 2, 2])).reshape(2, 2)
        if table.min() > 0:
            return table


def profile(table):
    """Profile-likelihood interval of a log odds ratio."""
    (a, b), (c, d) = table
    estimate = math.log(a * d / b / c)

    def likelihood(log_odds):
        def off(start):
            return (a + b) * special.expit(start + log_odds) + (c + d) * special.expit(start) - (a + c)

        start = optimize.brentq(off, -80, 80)
        return (a * (start + log_odds) - (a + b) * np.logaddexp(0, start + log_odds)
                + c * start - (c + d) * np.logaddexp(0, start))  # fmt: skip

    best = likelihood(estimate) - stats.chi2.ppf(0.95, 1) / 2
    return [optimize.brentq(lambda x: likelihood(x) - best, *sorted((estimate, estimate + 40 * sign)))
            for sign in (-1, 1)]  # fmt: skip


def odds_ratio(rng, method):
    """An odds ratio with its interval and p."""
    table = two_groups(rng)
    log, error = math.log(table[0, 0] * table[1, 1] / table[0, 1] / table[1, 0]), math.sqrt((1 / table).sum())
    p = 2 * stats.norm.sf(abs(log / error))
    if method == "wald":
        ends = [log - 1.959964 * error, log + 1.959964 * error]
    elif method == "profile":
        ends = profile(table)
    else:
        found = stats.contingency.odds_ratio(table)
        log, p = math.log(found.statistic), stats.fisher_exact(table).pvalue
        ends = np.log(found.confidence_interval())
    return {"rule": "odds_ratio", "estimate": (math.exp(log), 2), "low": (math.exp(ends[0]), 2),
            "high": (math.exp(ends[1]), 2), "p": p}  # fmt: skip


def chi_square(rng, method):
    """A p value of counts in two or three groups."""
    if method in ("trend", "Fisher, Freeman and Halton"):
        table = rng.multinomial(int(rng.integers(15, 60)), rng.dirichlet(np.full(6, 2.0))).reshape(2, 3) + 1
    else:
        table = two_groups(rng)
    found = {name: value[0] for name, value in table_tests.by_formula(table[None]).items()} | table_tests.exact(table)
    return {
        "rule": "chi_square",
        "counts": list(table[0]),
        "totals": list(table.sum(axis=0)),
        "p": float(found[method]),
    }


def t_test(rng, method):
    """A p value under the means and SDs of two groups."""
    sizes = rng.integers(8, 150, 2)
    if method == "t":
        groups = [rng.normal(shift, 1, n) for shift, n in zip((5, 5 + rng.random()), sizes, strict=True)]
        p = stats.ttest_ind(*groups, equal_var=bool(rng.integers(2))).pvalue
    else:
        shape = rng.uniform(0.3, 1.0)
        groups = [
            np.exp(shape * rng.normal(shift, 1, n)) for shift, n in zip((1, 1 + rng.random()), sizes, strict=True)
        ]
        p = stats.mannwhitneyu(*groups).pvalue
    return {"rule": "t_test", "p": p, "groups": [{"n": len(x), "mean": (x.mean(), 2), "sd": (x.std(ddof=1), 2)}
                                                 for x in groups]}  # fmt: skip


def agreement(rng, method):
    """Kappa of two to five categories."""
    k = 2 if method in ("cohen", "fleiss", "null", "jackknife", "bootstrap") else int(rng.integers(3, 6))
    while True:
        p = 0.5 * rng.dirichlet(np.ones(k * k)).reshape(k, k) + 0.5 * np.diag(rng.dirichlet(np.full(k, 2.0)))
        n = int(rng.integers(15, 250))
        table = rng.multinomial(n, p.ravel()).reshape(k, k)
        if (table > 0).sum() > k and np.trace(table) < n:
            break
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    weights = 1 - distance**2 if method == "quadratic" else np.eye(k)

    def kappa(tables):
        observed = (tables * weights).sum(axis=(-1, -2)) / n
        chance = np.einsum("...i,ij,...j", tables.sum(axis=-1), weights, tables.sum(axis=-2)) / n**2
        return observed, (observed - chance) / (1 - chance)

    observed, value = kappa(table)
    if method in two_by_two.METHODS:
        error = two_by_two.ERRORS[two_by_two.METHODS[method]](table.reshape(1, 4))[0]
    else:
        error = np.nanstd(kappa(rng.multinomial(n, table.ravel() / n, 200).reshape(-1, k, k))[1], ddof=1)
    given = {"rule": "agreement", "n": n, "observed": (observed, 3), "kappa": (value, 3)}
    given |= {"error": (error, 3)} if np.isfinite(error) else {}
    return given | ({"weights": method} if method == "quadratic" else {})


def share(rng, method):
    """A percentage of a count."""
    total = int(rng.integers(7, 900))
    count = int(rng.integers(0, total + 1))
    return {"rule": "share", "count": count, "total": total, "share": (count / total, 3)}


METHODS = {odds_ratio: ("wald", "profile", "exact"), t_test: ("t", "mann-whitney"), share: ("count",),
           chi_square: ("Pearson", "Yates", "N - 1", "G", "Fisher", "doubled Fisher", "mid-p", "trend",
                        "Fisher, Freeman and Halton"),
           agreement: ("cohen", "fleiss", "null", "jackknife", "bootstrap", "3 to 5", "quadratic")}  # fmt: skip


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
    return STYLES[style](
        f"{Decimal(repr(round(float(value), 12))).quantize(Decimal(1).scaleb(-places), ROUNDINGS[rounding]):f}"
    )


def planted(rng, relation):
    """The relation with two unlike neighbouring digits of one number swapped; None where none has any."""
    paths = [
        (relation, name) for name in relation if isinstance(relation[name], str) and name not in ("rule", "weights")
    ]
    for name in relation:
        if isinstance(relation[name], list):
            paths += [(one, i) for one in [relation[name]] for i, x in enumerate(one) if isinstance(x, str)]
            paths += [(one, part) for one in relation[name] if isinstance(one, dict) for part in one]
    holder, name = paths[rng.integers(len(paths))]
    text = holder[name]
    places = [i for i in range(len(text) - 1) if text[i : i + 2].isdigit() and text[i] != text[i + 1]]
    if not places or text.startswith("<"):
        return None
    i = places[rng.integers(len(places))]
    holder[name] = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return relation


def found(relation, head):
    """Whether the audit finds something in a file of this relation alone; "refused" where it cannot be computed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.yaml"
        path.write_text(yaml.safe_dump({**head, "relations": [{**relation, "where": "T"}]}), encoding="utf-8")
        try:
            return not all(check.holds for check in audit.audit(paper.read_paper(path)))
        except paper.PaperError:
            return "refused"


def simulate(rng, runs):
    """One row per method: how many true relations were accused, how many planted errors found."""
    rows = []
    for draw, methods in METHODS.items():
        for method in methods:
            counts = dict.fromkeys(("true", "accused", "planted", "found"), 0)
            for _ in range(runs):
                style = list(STYLES)[rng.integers(len(STYLES))]
                rounding = list(ROUNDINGS)[rng.integers(len(ROUNDINGS))]
                head = {"decimal": "comma"} if style == "comma" else {}
                head |= {"rounding": rounding} if rounding else {}
                relation = printed(draw(rng, method), style, rounding)
                counts["true"] += 1
                counts["accused"] += found(relation, head) is True
                if (wrong := planted(rng, relation)) is not None and (answer := found(wrong, head)) != "refused":
                    counts["planted"] += 1
                    counts["found"] += answer
            rows.append({"rule": draw.__name__, "method": method, **counts})
    return pd.DataFrame(rows)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=300, help="relations of each method")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    table = simulate(np.random.default_rng(given.seed), given.runs)
    print(table.to_string(index=False))
    accused, share = table["accused"].sum(), table["found"].sum() / table["planted"].sum()
    print(f"{accused} of {table['true'].sum()} true relations accused; {share:.0%} of {table['planted'].sum()} planted "
          "errors found")  # fmt: skip


if __name__ == "__main__":
    main()
