"""Tables of true numbers of samples, as ``honest_tables`` has those of counts: correlations, means, dates and sums."""

import datetime
import math

import numpy as np
from scipy import special, stats

from tools.honest_tables import BOOTSTRAPS, Table, Z


def correlation(rng, method):
    """A coefficient of correlation with interval and p."""
    n = int(rng.integers(12, 200))
    x = rng.normal(size=n)
    y = rng.uniform(-1, 1) * 2 * x + rng.normal(size=n)
    if method == "spearman":
        y = np.exp(y)
    r = float((stats.spearmanr if method == "spearman" else stats.pearsonr)(x, y).statistic)
    p = float((stats.spearmanr if method == "spearman" else stats.pearsonr)(x, y).pvalue)
    if method == "bootstrap":
        drawn = rng.integers(0, n, (BOOTSTRAPS, n))
        ends = np.quantile([np.corrcoef(x[i], y[i])[0, 1] for i in drawn], [0.025, 0.975])
    else:
        ends = fisher(r, n, math.sqrt(1 + r**2 / 2) if method == "spearman" else 1.0)

    def again(given):
        r, n = min(1 - 1e-9, max(-1 + 1e-9, given["r"])), round(given["n"])
        if n < 4:
            return []
        t = r * math.sqrt((n - 2) / (1 - r**2))
        found = {"p": 2 * float(special.stdtr(n - 2, -abs(t)))}
        if method != "bootstrap":
            ends = fisher(r, n, math.sqrt(1 + r**2 / 2) if method == "spearman" else 1.0)
            found |= {"low": ends[0], "high": ends[1]}
        return [found]

    relation = {"rule": "correlation", "r": (r, 3), "n": n, "low": (ends[0], 3), "high": (ends[1], 3), "p": p}
    return Table(relation, again, method)


def fisher(r, n, wider):
    """Fisher's interval of a correlation."""
    half = wider * Z / math.sqrt(n - 3)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def icc(rng, method):
    """An intraclass correlation with its interval."""
    n, k = int(rng.integers(10, 120)), int(rng.integers(2, 6))
    while True:
        rated = rng.normal(0, rng.uniform(0.8, 3), (n, 1)) + rng.normal(0, rng.uniform(0, 1), (1, k))
        rated = rated + rng.normal(size=(n, k))
        rows, columns = rated.mean(axis=1), rated.mean(axis=0)
        between = k * rows.var(ddof=1)
        within = ((rated - rows[:, None]) ** 2).sum() / (n * (k - 1))
        raters = n * columns.var(ddof=1)
        error = ((rated - rows[:, None] - columns + rated.mean()) ** 2).sum() / ((n - 1) * (k - 1))
        ratio = between / (within if "one-way" in method else error)
        if ratio > 1.5:
            break
    size = 1 if "average" in method else k
    if method == "agreement":
        value = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
        a = k * value / (n * (1 - value))
        b = 1 + k * value * (n - 1) / (n * (1 - value))
        v = (a * raters + b * error) ** 2 / ((a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
        above, below = stats.f.ppf(0.975, n - 1, v), stats.f.ppf(0.975, v, n - 1)
        off = k * raters + (k * n - k - n) * error
        ends = (n * (between - above * error) / (above * off + n * between),
                n * (below * between - error) / (off + n * below * between))  # fmt: skip
    else:
        value, ends = (ratio - 1) / (ratio + size - 1), interval_of_icc(ratio, n, k, size, method)

    def again(given):
        n, k = round(given["n"]), round(given["raters"])
        if n < 2 or k < 2 or given["icc"] >= 1:
            return []
        size = 1 if "average" in method else k
        ratio = max(1e-9, (1 + (size - 1) * given["icc"]) / (1 - given["icc"]))
        return [dict(zip(("low", "high"), interval_of_icc(ratio, n, k, size, method), strict=True))]

    relation = {"rule": "icc", "icc": (value, 3), "n": n, "raters": k, "low": (ends[0], 3), "high": (ends[1], 3)}
    return Table(relation, None if method == "agreement" else again, method.removesuffix(" of the average"))


def interval_of_icc(ratio, n, k, size, method):
    """Shrout and Fleiss's interval from F."""
    freedom = n * (k - 1) if "one-way" in method else (n - 1) * (k - 1)
    low, high = ratio / stats.f.ppf(0.975, n - 1, freedom), ratio * stats.f.ppf(0.975, freedom, n - 1)
    return (low - 1) / (low + size - 1), (high - 1) / (high + size - 1)


def statistic(rng, method):
    """The p value of a statistic."""
    df, df2 = int(rng.integers(2, 120)), int(rng.integers(5, 200))
    kind = method.removesuffix(", one side")
    value = {"t": rng.standard_t(df), "z": rng.normal(), "F": rng.f(df, df2), "chi-square": rng.chisquare(df)}[kind]
    value = float(value * rng.uniform(1, 3))

    def again(given):
        value, df, df2 = (given.get(name, 1) for name in ("value", "df", "df2"))
        if min(df, df2) <= 0:
            return []
        tails = {"t": lambda: 2 * stats.t.sf(abs(value), df), "z": lambda: 2 * stats.norm.sf(abs(value)),
                 "F": lambda: stats.f.sf(value, df, df2), "chi-square": lambda: stats.chi2.sf(value, df)}  # fmt: skip
        return [{"p": float(tails[kind]()) / (2 if "one side" in method else 1)}]

    given = {"value": value, "df": df, "df2": df2}
    relation = {"rule": "statistic", "kind": kind, "value": (value, 2), "p": again(given)[0]["p"]}
    relation |= {"df": df} if kind != "z" else {}
    relation |= {"df2": df2} if kind == "F" else {}
    relation |= {"sides": "one" if "one side" in method else "two"} if kind in ("t", "z") else {}
    return Table(relation, again)


def spread(rng, method):
    """Mean, SD, median, quartiles and range of a sample."""
    n = int(rng.integers(4, 80))
    sample = {"normal": rng.normal(50, 15, n), "skewed": rng.lognormal(1, rng.uniform(0.2, 1.5), n),
              "share": rng.beta(*rng.uniform(0.3, 8, 2), n),
              "scores": rng.binomial(10, rng.uniform(0.1, 0.9), n)}[method]  # fmt: skip
    decimals = 0 if method == "scores" else 2
    quartiles = np.quantile(sample, [0.25, 0.5, 0.75])
    names = ("lowest", "lower_quartile", "median", "upper_quartile", "highest")
    relation = {"rule": "spread", "n": n, "mean": (sample.mean(), 2), "sd": (sample.std(ddof=int(rng.integers(2))), 2)}
    relation |= {name: (value, decimals if value in (sample.min(), sample.max()) else 2)
                 for name, value in zip(names, [sample.min(), *quartiles, sample.max()], strict=True)}  # fmt: skip
    if method == "share":
        relation |= {"least": 0, "most": 1}
    return Table(relation)


def whole_numbers(rng, method):
    """Mean and SD of scores."""
    n, top = int(rng.integers(5, 40 if method == "no ends" else 13)), int(rng.integers(3, 7))
    sample = rng.binomial(top, rng.uniform(0.1, 0.9), n)

    def again(given):
        n = round(given["n"])
        if not 2 <= n <= 14:
            return []
        counts = np.array(list(_ways(n, top + 1)))
        mean = counts @ np.arange(top + 1) / n
        square = counts @ np.arange(top + 1) ** 2 / n - mean**2
        return [{"mean": mean, "sd": np.sqrt(np.maximum(0, square) * factor)} for factor in (1, n / (n - 1))]

    relation = {"rule": "whole_numbers", "n": n, "mean": (sample.mean(), 2),
                "sd": (sample.std(ddof=int(rng.integers(2))), 2)}  # fmt: skip
    if method == "no ends":
        return Table(relation)
    return Table(relation | {"lowest": 0, "highest": top}, again)


def _ways(n, kinds):
    """All ways to have n things of so many kinds."""
    if kinds == 1:
        yield (n,)
        return
    for own in range(n + 1):
        for rest in _ways(n - own, kinds - 1):
            yield (own, *rest)


def whole_sum(rng, method):
    """Counts or percentages that sum to the whole."""
    counts = rng.multinomial(int(rng.integers(20, 600)), rng.dirichlet(np.full(int(rng.integers(2, 6)), 2.0)))
    total = int(counts.sum())
    names = [f"parts.{i}" for i in range(len(counts))]
    parts = [(100 * count / total, 1) for count in counts] if method == "percent" else list(counts)
    return Table({"rule": "sum", "total": 100 if method == "percent" else total, "parts": parts},
                 lambda given: [{"total": sum(given[name] for name in names)}])  # fmt: skip


def dates(rng, method):
    """Dates in order within a study's first and last day."""
    days = np.sort(rng.integers(0, 300, 4))
    form = {"iso": "%Y-%m-%d", "words": "%d %B %Y", "slashes": "%d/%m/%Y"}[method]
    begin = datetime.date(2020, 1, 1)
    first, *inside, last = ((begin + datetime.timedelta(days=int(day))).strftime(form) for day in days)
    return Table({"rule": "dates", "first": first, "dates": inside, "last": last})


def pooled(rng, method):
    """Mean and SD of two or three groups and of all."""
    groups = [rng.gamma(4, 3, int(rng.integers(4, 60))) + rng.uniform(0, 8) for _ in range(int(rng.integers(2, 4)))]
    ddof, every = int(rng.integers(2)), np.concatenate(groups)
    shown = [{"n": len(x), "mean": (x.mean(), 1), "sd": (x.std(ddof=ddof), 1)} for x in groups]
    places = range(len(groups))

    def again(given):
        n, means = (np.array([given[f"groups.{i}.{part}"] for i in places]) for part in ("n", "mean"))
        return [{"n": n.sum(), "mean": n @ means / max(1, n.sum())}]

    return Table({"rule": "pooled", "groups": shown, "n": len(every), "mean": (every.mean(), 1),
                  "sd": (every.std(ddof=ddof), 1)}, again)  # fmt: skip


def nested(rng, method):
    """AICs of two models and the p value of their difference."""
    ratio, added = float(rng.chisquare(1) * rng.uniform(1, 6)), int(rng.integers(1, 4))
    larger = float(rng.uniform(50, 500))

    def again(given):
        ratio, added = given["smaller"] - given["larger"] + 2 * given["added"], round(given["added"])
        return [{"p": float(stats.chi2.sf(max(0.0, ratio), added))}] if added > 0 and ratio > -0.02 else []

    smaller = larger - 2 * added + ratio
    return Table({"rule": "nested", "smaller": (smaller, 2), "larger": (larger, 2), "added": added,
                  "p": float(stats.chi2.sf(ratio, added))}, again)  # fmt: skip


def roc(rng, method):
    """The point of a curve with the largest Youden index, and the AUC."""
    ill, well = rng.normal(rng.uniform(0, 2.5), 1, int(rng.integers(8, 90))), rng.normal(size=int(rng.integers(8, 90)))
    cut = max([*ill, *well], key=lambda x: (ill >= x).mean() + (well < x).mean())
    return Table({"rule": "roc", "sensitivity": ((ill >= cut).mean(), 3), "specificity": ((well < cut).mean(), 3),
                  "auc": ((ill[:, None] > well).mean(), 3), "cut_off": "youden"})  # fmt: skip
