"""Tables of true numbers for ``simulate_audit``: data are drawn and measured by one method that papers use.

Each function takes a generator and a method of its ``METHODS`` and gives a ``Table``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from study.claims import table_tests, two_by_two

Z = 1.959963984540054
BOOTSTRAPS = 400


@dataclass(frozen=True)
class Table:
    """True numbers that belong together.

    Attributes
    ----------
    relation : dict
        The relation's arguments: a float is a p value, (value, decimals) any other estimate.
    again : function or None
        From the unrounded numbers (dict of path to float) to a list of dicts, one per way of computing it: those among
        the numbers that follow from the others. None where none does.
    method : str
        The relation's ``method`` if the paper names the method; empty if the rule has no word for it.
    """

    relation: dict
    again: Callable | None = None
    method: str = ""


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
        ends = [log - Z * error, log + Z * error]
    elif method == "profile":
        ends = profile(table)
    else:
        found = stats.contingency.odds_ratio(table)
        log, p = math.log(found.statistic), stats.fisher_exact(table).pvalue
        ends = np.log(found.confidence_interval())

    def again(given):
        ends = [math.log(max(1e-9, given[name])) for name in ("low", "high")]
        z = Z * sum(ends) / (ends[1] - ends[0])
        return [{"estimate": math.exp(sum(ends) / 2), "p": 2 * stats.norm.sf(abs(z))}]

    relation = {"rule": "odds_ratio", "estimate": (math.exp(log), 2), "low": (math.exp(ends[0]), 2),
                "high": (math.exp(ends[1]), 2), "p": float(p)}  # fmt: skip
    return Table(relation, again if method == "wald" else None, method)


def p_values(table):
    """Every test of ``table_tests`` of one table."""
    found = {name: value[0] for name, value in table_tests.by_formula(table[None]).items()} | table_tests.exact(table)
    return {name: float(value) for name, value in found.items()}


def chi_square(rng, method):
    """A p value of counts in two or three groups."""
    if method in ("trend", "Fisher, Freeman and Halton"):
        table = rng.multinomial(int(rng.integers(15, 60)), rng.dirichlet(np.full(6, 2.0))).reshape(2, 3) + 1
    else:
        table = two_groups(rng)

    def again(given):
        groups = range(table.shape[1])
        yes, all_ = ([round(given[f"{name}.{i}"]) for i in groups] for name in ("counts", "totals"))
        rest = np.subtract(all_, yes)
        return [{"p": p_values(np.array([yes, rest]))[method]}] if min(rest) >= 0 and sum(rest) and sum(yes) else []

    word = "fisher" if "Freeman" in method else method.lower().replace(" - ", "-")
    return Table({"rule": "chi_square", "counts": list(table[0]), "totals": list(table.sum(axis=0)),
                  "p": p_values(table)[method]}, again, word)  # fmt: skip


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

    def again(given):
        samples = [given[f"groups.{i}.{part}"] for i in (0, 1) for part in ("mean", "sd", "n")]
        if min(samples[2], samples[5]) < 2:
            return []
        return [{"p": float(stats.ttest_ind_from_stats(*samples, equal_var=equal).pvalue)} for equal in (True, False)]

    shown = [{"n": len(x), "mean": (x.mean(), 2), "sd": (x.std(ddof=1), 2)} for x in groups]
    return Table({"rule": "t_test", "p": float(p), "groups": shown}, again if method == "t" else None, method)


def agreement(rng, method):
    """Kappa of two to five categories, with its error or its interval."""
    k = 2 if method in (*two_by_two.METHODS, "bootstrap", "interval", "bootstrap interval") else int(rng.integers(3, 6))
    while True:
        p = 0.5 * rng.dirichlet(np.ones(k * k)).reshape(k, k) + 0.5 * np.diag(rng.dirichlet(np.full(k, 2.0)))
        n = int(rng.integers(15, 120))
        table = rng.multinomial(n, p.ravel()).reshape(k, k)
        if (table > 0).sum() > k and np.trace(table) < n:
            break
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    weights = 1 - distance**2 if method == "quadratic" else np.eye(k)

    def kappa(tables):
        observed = (tables * weights).sum(axis=(-1, -2)) / n
        chance = np.einsum("...i,ij,...j", tables.sum(axis=-1), weights, tables.sum(axis=-2)) / n**2
        with np.errstate(divide="ignore", invalid="ignore"):
            return observed, (observed - chance) / (1 - chance)

    observed, value = kappa(table)
    given = {"rule": "agreement", "n": n, "observed": (observed, 3), "kappa": (value, 3)}
    drawn = kappa(rng.multinomial(n, table.ravel() / n, BOOTSTRAPS).reshape(-1, k, k))[1]
    own = "cohen" if method in ("interval", "cohen of 3 to 5") else method
    if own in two_by_two.METHODS and k == 2:
        error = two_by_two.ERRORS[two_by_two.METHODS[own]](table.reshape(1, 4))[0]
    elif own == "cohen":
        error = math.sqrt(observed / (1 - observed) / n) * (1 - value)
    else:
        error = np.nanstd(drawn, ddof=1)
    if not np.isfinite(error):
        return Table(given)
    if "interval" in method:
        ends = np.nanquantile(drawn, [0.025, 0.975]) if "bootstrap" in method else value + Z * error * np.array([-1, 1])
        given |= {"low": (ends[0], 3), "high": (min(1.0, ends[1]), 3)}
    else:
        given |= {"error": (error, 3)}
    if k > 2:
        given |= {"weights": method} if method == "quadratic" else {"categories": k}
        return Table(given, None, own if own == "cohen" else "")

    def again(numbers):
        tables = every_table(round(numbers["n"]))
        columns = {"observed": (tables[:, 0] + tables[:, 3]) / tables.sum(axis=1), "kappa": two_by_two.kappa(tables)}
        if own in two_by_two.METHODS:
            columns["error"] = two_by_two.ERRORS[two_by_two.METHODS[own]](tables)
            columns |= {"low": columns["kappa"] - Z * columns["error"],
                        "high": np.minimum(1, columns["kappa"] + Z * columns["error"])}  # fmt: skip
        return [{name: column for name, column in columns.items() if name in given}]

    return Table(given | {"categories": 2}, again, own if own in two_by_two.METHODS else "bootstrap")


def every_table(n):
    """All two-by-two tables of n cases, one row each."""
    a, b, c = (x.ravel() for x in np.meshgrid(*[np.arange(n + 1)] * 3, indexing="ij"))
    kept = a + b + c <= n
    a, b, c = a[kept], b[kept], c[kept]
    return np.stack([a, b, c, n - a - b - c], axis=1)


CALLED = {"wald": "normal", "exact": "beta", "agresti-coull": "agresti_coull"}


def share(rng, method):
    """A percentage of a count, with its interval."""
    total = int(rng.integers(7, 900))
    count = int(rng.integers(0, total + 1))
    relation = {"rule": "share", "count": count, "total": total, "share": (count / total, 3)}
    if method == "alone":
        return Table(relation, lambda given: [{"share": given["count"] / given["total"]}] if given["total"] else [])
    if method in ("bootstrap", "patients"):
        if method == "patients":  # two to five scans a patient, who is resampled with all of them
            scans = rng.integers(2, 6, max(2, total // 3))
            yes = rng.binomial(scans, rng.beta(2, 1, len(scans)))
            drawn = rng.integers(0, len(scans), (BOOTSTRAPS, len(scans)))
            count, total = int(yes.sum()), int(scans.sum())
            found = yes[drawn].sum(axis=1) / scans[drawn].sum(axis=1)
        else:
            found = rng.binomial(total, count / total, BOOTSTRAPS) / total
        ends = np.quantile(found, [0.025, 0.975])
        relation |= {"count": count, "total": total, "share": (count / total, 3)}
    else:
        ends = interval(count, total, method)

    def again(given):
        k, n = round(given["count"]), round(given["total"])
        if not 0 <= k <= n or not n:
            return []
        found = {"share": k / n}
        if method not in ("bootstrap", "patients"):
            found |= dict(zip(("low", "high"), interval(k, n, method), strict=True))
        return [found]

    return Table(relation | {"low": (ends[0], 3), "high": (ends[1], 3)}, again,
                 "bootstrap" if method == "patients" else method)  # fmt: skip


def interval(count, total, method):
    """95 % interval of a share within 0 to 1."""
    low, high = proportion_confint(count, total, 0.05, CALLED.get(method, method))
    return max(0.0, float(low)), min(1.0, float(high))


def difference(rng, method):
    """The difference of two shares with its interval."""
    sizes = [int(n) for n in rng.integers(15, 300, 2)]
    counts = [int(rng.integers(1, n)) for n in sizes]
    if method == "paired":
        sizes = [sizes[0]] * 2
        cells = rng.multinomial(sizes[0], rng.dirichlet([3, 1, 1, 3]))
        counts = [int(cells[0] + cells[1]), int(cells[0] + cells[2])]
        gap, off = (cells[1] - cells[2]) / sizes[0], (cells[1] + cells[2]) / sizes[0]
        half = Z * math.sqrt(max(0.0, off - gap**2) / sizes[0])
        ends = gap - half, gap + half
    elif method == "bootstrap":
        drawn = [rng.binomial(n, k / n, BOOTSTRAPS) / n for k, n in zip(counts, sizes, strict=True)]
        ends = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    else:
        ends = interval_of_difference(counts, sizes, method)

    def again(given):
        (k, j), (n, m) = ([round(given[f"{name}.{i}"]) for i in (0, 1)] for name in ("counts", "totals"))
        if not (0 <= k <= n and 0 <= j <= m and n and m):
            return []
        found = {"difference": k / n - j / m}
        if method not in ("paired", "bootstrap"):
            found |= dict(zip(("low", "high"), interval_of_difference((k, j), (n, m), method), strict=True))
        return [found]

    gap = counts[0] / sizes[0] - counts[1] / sizes[1]
    relation = {"rule": "difference", "difference": (gap, 3), "counts": counts, "totals": sizes,
                "low": (ends[0], 3), "high": (ends[1], 3)}  # fmt: skip
    return Table(relation, again, method)


def interval_of_difference(counts, sizes, method):
    """95 % interval of the first share less the second."""
    if method == "score":
        return score_interval(counts, sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return confint_proportions_2indep(counts[0], sizes[0], counts[1], sizes[1], compare="diff",
                                          method="newcomb" if method == "newcombe" else method)  # fmt: skip


def score_interval(counts, sizes):
    """Miettinen and Nurminen's interval, its shares found by trying a thousand, thrice."""
    gap, n = counts[0] / sizes[0] - counts[1] / sizes[1], sum(sizes)

    def score(d):
        low, high = max(0.0, -d), min(1.0, 1 - d)
        for _ in range(3):
            p = np.linspace(low, high, 1000)
            log = (special.xlogy(counts[0], p + d) + special.xlog1py(sizes[0] - counts[0], -np.minimum(1, p + d))
                   + special.xlogy(counts[1], p) + special.xlog1py(sizes[1] - counts[1], -p))  # fmt: skip
            best = int(np.argmax(log))
            low, high = p[max(0, best - 1)], p[min(999, best + 1)]
        p = p[best]
        variance = ((p + d) * (1 - p - d) / sizes[0] + p * (1 - p) / sizes[1]) * n / (n - 1)
        return (gap - d) ** 2 / max(variance, 1e-12) - Z**2

    return tuple(optimize.brentq(score, *sorted((gap, end * (1 - 1e-9)))) if score(end * (1 - 1e-9)) > 0 else end
                 for end in (-1.0, 1.0))  # fmt: skip


def diagnostic(rng, method):
    """The measures of a yes-or-no test, of counts, of its rates, or at another prevalence."""
    ill, well = (int(n) for n in rng.integers(10, 200, 2))
    tp, tn = int(rng.integers(1, ill)), int(rng.integers(1, well))
    sens, spec = tp / ill, tn / well
    relation = {"rule": "diagnostic", "sensitivity": (sens, 3), "specificity": (spec, 3)}
    prevalence = float(rng.integers(1, 60)) / 100

    def ratios(sens, spec):
        return {"youden": sens + spec - 1, "positive_ratio": sens / max(1e-9, 1 - spec),
                "negative_ratio": (1 - sens) / max(1e-9, spec)}  # fmt: skip

    def predictive(sens, spec, share):
        right, wrong = sens * share, (1 - spec) * (1 - share)
        good, bad = spec * (1 - share), (1 - sens) * share
        return {"ppv": right / max(1e-9, right + wrong), "npv": good / max(1e-9, good + bad), "accuracy": right + good,
                "f1": 2 * right / (right + wrong + share)}  # fmt: skip

    if method == "counts":
        relation |= {"positives": ill, "negatives": well, "true_positives": tp, "false_positives": well - tn}

        def again(given):
            tp, wrong, ill, well = (round(given[name]) for name in (
                "true_positives", "false_positives", "positives", "negatives"))  # fmt: skip
            if not (0 <= tp <= ill and 0 <= wrong <= well and ill and well):
                return []
            sens, spec = tp / ill, 1 - wrong / well
            return [{"sensitivity": sens, "specificity": spec, **ratios(sens, spec),
                     **predictive(sens, spec, ill / (ill + well))}]  # fmt: skip
    else:
        relation |= {"prevalence": (prevalence, 2)} if method == "prevalence" else {}

        def again(given):
            found = ratios(given["sensitivity"], given["specificity"])
            if method == "prevalence":
                found |= predictive(given["sensitivity"], given["specificity"], given["prevalence"])
            return [found]

    if method == "from rounded":
        sens, spec = round(sens, 2), min(0.99, round(spec, 2))
        relation |= {"sensitivity": (sens, 2), "specificity": (spec, 2), "positives": ill, "negatives": well}
    numbers = {"true_positives": tp, "false_positives": well - tn, "positives": ill, "negatives": well,
               "sensitivity": sens, "specificity": spec, "prevalence": prevalence}  # fmt: skip
    found = {name: value for name, value in again(numbers)[0].items() if name not in ("sensitivity", "specificity")}
    relation |= {name: (value, 2 if "ratio" in name else 3) for name, value in found.items()}
    return Table(relation, again)


def auc_interval(rng, method):
    """An AUC with its interval."""
    ill, well = (int(n) for n in rng.integers(12, 150, 2))
    shift = rng.uniform(0.2, 2.5)
    scores = [rng.normal(shift, 1, ill), rng.normal(0, rng.uniform(0.6, 1.6), well)]
    if method == "levels":
        scores = [np.clip(np.round(x), 0, int(rng.integers(1, 5))) for x in scores]
    above = (scores[0][:, None] > scores[1]) + 0.5 * (scores[0][:, None] == scores[1])
    auc = above.mean()
    error = math.sqrt(above.mean(axis=1).var(ddof=1) / ill + above.mean(axis=0).var(ddof=1) / well)
    if auc > 0.995 or not error:
        return auc_interval(rng, method)
    if method == "logit":
        half = Z * error / (auc * (1 - auc))
        ends = special.expit(special.logit(auc) + half * np.array([-1, 1]))
    elif method == "binomial":
        ends = exact(auc, ill + well)
    elif method == "bootstrap":
        rows, columns = rng.integers(0, ill, (BOOTSTRAPS, ill)), rng.integers(0, well, (BOOTSTRAPS, well))
        drawn = [above[np.ix_(i, j)].mean() for i, j in zip(rows, columns, strict=True)]
        ends = np.quantile(drawn, [0.025, 0.975])
    else:
        error = hanley(auc, ill, well) if method == "hanley" else error
        ends = auc - Z * error, min(1.0, auc + Z * error)

    def again(given):
        if method == "logit":
            low, high = (special.logit(min(1 - 1e-9, max(1e-9, given[name]))) for name in ("low", "high"))
            return [{"auc": special.expit((low + high) / 2)}]
        if method in ("binomial", "hanley"):
            auc, ill, well = min(1.0, given["auc"]), round(given["positives"]), round(given["negatives"])
            half = Z * hanley(auc, ill, well) if method == "hanley" else 0
            ends = (auc - half, min(1.0, auc + half)) if half else exact(auc, ill + well)
            return [{"low": ends[0], "high": ends[1]}]
        if given["high"] >= 0.9995:
            return [{}]
        return [{"auc": (given["low"] + given["high"]) / 2}]

    relation = {"rule": "auc_interval", "auc": (auc, 3), "low": (ends[0], 3), "high": (ends[1], 3),
                "positives": ill, "negatives": well}  # fmt: skip
    if method not in ("levels", "bootstrap"):
        relation |= {"scores": "continuous"}
    word = "wald" if method in ("delong", "levels") else method
    return Table(relation, None if method == "bootstrap" else again, word)


def hanley(auc, ill, well):
    """Standard error of Hanley and McNeil 1982."""
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    square = auc * (1 - auc) + (ill - 1) * (first - auc**2) + (well - 1) * (second - auc**2)
    return math.sqrt(max(0.0, square) / max(1, ill * well))


def exact(share, n):
    """Clopper and Pearson's interval of a share that need not be a count of n."""
    k = share * n
    return (special.betaincinv(k, n - k + 1, 0.025) if k > 0 else 0.0,
            special.betaincinv(k + 1, n - k, 0.975) if k < n else 1.0)  # fmt: skip
