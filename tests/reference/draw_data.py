"""Draw the data sets that R and the package both analyse: `python draw_data.py`, then `Rscript answers.R`, here."""

import numpy as np
import pandas as pd


def roc_sets(rng):
    """Scores of severe and non-severe scans; `other_score` is for the paired test."""

    def normal(n_severe, n_other, shift, decimals=None):
        severe = np.repeat([1, 0], [n_severe, n_other])
        common = rng.normal(size=severe.size)
        scores = [common * 0.6 + 0.8 * rng.normal(size=severe.size) + size * severe for size in (shift, shift / 2)]
        return (severe, *(score if decimals is None else np.round(score, decimals) for score in scores))

    yield "paper_size", normal(79, 452, 2.6)
    yield "paper_size_weak", normal(79, 452, 0.7)
    yield "paper_size_ties", normal(79, 452, 1.5, decimals=0)
    yield "tiny", normal(3, 3, 0.5)
    yield "unbalanced", normal(2, 200, 1.0)
    yield "unbalanced_ties", normal(150, 4, 0.8, decimals=0)
    yield "below_chance", normal(30, 40, -1.2)
    yield "chance", normal(60, 60, 0.0)
    yield "near_perfect", normal(25, 60, 3.4)
    severe, *scores = normal(10, 12, 1.0)
    yield "perfect", (severe, scores[0] + 100 * severe, scores[1])
    yield "two_values", (np.repeat([1, 0], 20), rng.integers(0, 2, 40), rng.integers(0, 2, 40))
    yield (
        "few_values",
        (
            np.repeat([1, 0], [15, 25]),
            rng.integers(0, 4, 40) + np.repeat([1, 0], [15, 25]),
            rng.integers(0, 9, 40),
        ),
    )
    yield (
        "youden_ties",
        (
            np.array([1, 1, 1, 1, 0, 0, 0, 0]),
            np.array([9, 7, 5, 3, 8, 6, 4, 2]),
            np.array([4, 9, 5, 8, 3, 7, 2, 6]),
        ),
    )
    yield "all_tied", (np.repeat([1, 0], [5, 6]), np.full(11, 2.5), rng.normal(size=11))
    severe, *scores = normal(79, 452, 1.8)
    yield "paper_size_zeros", (severe, *(np.maximum(score - 0.5, 0) for score in scores))
    yield "two_each", normal(2, 2, 0.5)
    severe = np.repeat([1, 0], [8, 30])
    yield "constant_severe", (severe, np.where(severe, 2, rng.integers(0, 4, 38)), rng.normal(size=38))
    yield "one_stands_out", (np.repeat([1, 0], 20), (np.arange(40) == 3).astype(int), rng.normal(size=40))
    severe = np.repeat([1, 0], [40, 90])
    yield "heavy_tails", (severe, *(rng.standard_cauchy(130) + 2 * severe for _ in range(2)))
    yield "large", normal(400, 1100, 1.1, decimals=2)
    yield "mostly_severe", normal(95, 12, 0.9)
    severe, score, _ = normal(35, 70, 1.0)
    yield "opposed", (severe, score, -score + severe)


def kappa_sets(rng):
    """Categories that two raters gave."""

    def cells(*counts):
        size = int(np.sqrt(len(counts)))
        index = np.repeat(np.arange(len(counts)), counts)
        return index // size, index % size

    yield "paper_row_1", cells(49, 5, 7, 81)
    yield "paper_row_2", cells(70, 10, 17, 87)
    yield "paper_row_3", cells(20, 7, 8, 21)
    yield "paper_row_4", cells(28, 9, 17, 28)
    yield "tiny", cells(1, 1, 0, 1)
    yield "negative", cells(2, 9, 8, 3)
    yield "chance", cells(9, 9, 9, 9)
    yield "unbalanced", cells(180, 6, 4, 3)
    yield "one_sided_disagreement", cells(30, 12, 0, 20)
    yield "one_rater_constant", cells(14, 0, 6, 0)
    yield "full_agreement", cells(11, 0, 0, 9)
    yield "three_categories", cells(20, 3, 1, 4, 15, 6, 0, 2, 9)
    yield "four_categories", (rng.integers(0, 4, 90), rng.integers(0, 4, 90))
    truth = rng.integers(0, 5, 150)
    yield "five_in_order", tuple(np.clip(truth + rng.integers(-1, 2, 150), 0, 4) for _ in range(2))
    yield "neighbours_confused", cells(12, 6, 0, 5, 18, 7, 0, 4, 15)
    yield "ends_confused", cells(12, 0, 6, 0, 18, 0, 7, 0, 15)
    yield "decreased_rare", cells(2, 1, 1, 3, 80, 9, 0, 7, 39)
    yield "prevalence_high", cells(118, 5, 4, 3)
    yield "bias", cells(25, 30, 2, 25)
    yield "category_of_one_rater", cells(10, 4, 0, 3, 12, 0, 2, 5, 0)


def logistic_sets(rng):
    """POI, iHU (empty in part) and an outcome that follows them."""
    for name, n, base, with_missing in (
        ("paper_size", 531, -2.6, False),
        ("paper_size_missing", 531, -2.6, True),
        ("small", 40, -0.4, False),
        ("unbalanced", 300, -4.0, False),
    ):
        poi = rng.beta(1, 8, n)
        ihu = rng.normal(-520, 90, n)
        odds = np.exp(base + 9 * (poi - poi.mean()) + 0.004 * (ihu + 520))
        severe = (rng.random(n) < odds / (1 + odds)).astype(int)
        if with_missing:
            ihu[rng.random(n) < 0.05] = np.nan
        yield name, (severe, poi, ihu)

    # As many severe scans as in the paper, more often where POI is high.
    poi, ihu = rng.beta(1, 8, 531), rng.normal(-520, 90, 531)
    severe = np.zeros(531, int)
    severe[np.argsort(rng.gumbel(size=531) + 12 * poi)[-79:]] = 1
    yield "paper_79_of_531", (severe, poi, ihu)
    yield "correlated", (severe[-200:], poi[-200:], -600 + 800 * poi[-200:] + rng.normal(0, 15, 200))
    poi = rng.beta(1, 8, 110)
    poi[0] = 0.98
    yield "outlier", ((rng.random(110) < 0.2 + 0.6 * poi).astype(int), poi, rng.normal(-520, 90, 110))
    yield "tiny", (np.array([0, 1] * 6), np.array([1, 3, 2, 5, 4, 3, 2, 6, 6, 7, 1, 2]) / 10, rng.normal(-520, 90, 12))
    poi = rng.beta(1, 8, 60)
    high = poi > 0.1
    yield "two_values", ((rng.random(60) < 0.3 + 0.3 * high).astype(int), high.astype(int), rng.normal(-520, 90, 60))
    # No maximum of the likelihood: POI separates alone, but for ties, or with iHU only.
    yield "separated", (high.astype(int), poi, rng.normal(-520, 90, 60))
    steps = np.round(10 * poi) / 10
    severe = np.where(steps == 0.1, rng.integers(0, 2, 60), steps > 0.1).astype(int)
    yield "separated_but_for_ties", (severe, steps, rng.normal(-520, 90, 60))
    yield "separated_small", (np.array([0, 0, 0, 1, 1, 1]), np.array([1, 2, 3, 4, 5, 6]) / 10, rng.normal(-520, 90, 6))
    poi, ihu = rng.beta(2, 8, 14), rng.normal(-520, 90, 14)
    yield "separated_together", ((poi - 0.2 + (ihu + 520) / 500 > 0).astype(int), poi, ihu)


def table_sets():
    """Counts of non-severe and of severe scans in each category."""
    yield "sexes", ((210, 242), (46, 33))
    yield "alike", ((30, 30), (30, 30))
    yield "apart", ((40, 2), (3, 25))
    yield "tiny", ((3, 1), (1, 3))
    yield "empty_cell", ((12, 0), (5, 4))
    yield "unbalanced", ((440, 12), (70, 9))
    yield "rare", ((150, 1), (20, 2))
    yield "difference_below_half", ((7, 8), (7, 7))
    yield "large", ((5200, 4800), (510, 590))
    yield "three_categories", ((20, 35, 41), (12, 30, 5))
    yield "four_categories_sparse", ((9, 3, 0, 1), (2, 2, 4, 1))


def table(sets, columns):
    """Put the sets under one another."""
    return pd.concat(pd.DataFrame(dict(zip(columns, arrays, strict=True))).assign(data=name) for name, arrays in sets)


if __name__ == "__main__":
    rngs = np.random.default_rng(20200417).spawn(3)
    sets = {
        "roc_data.csv": table(roc_sets(rngs[0]), ["is_severe", "score", "other_score"]),
        "kappa_data.csv": table(kappa_sets(rngs[1]), ["rater_1", "rater_2"]),
        "logistic_data.csv": table(logistic_sets(rngs[2]), ["is_severe", "poi", "ihu"]),
        "table_data.csv": pd.DataFrame(
            [
                {"data": name, "is_severe": row, "category": column, "count": count}
                for name, counts in table_sets()
                for row, line in enumerate(counts)
                for column, count in enumerate(line)
            ]
        ),
    }
    for path, frame in sets.items():
        frame.to_csv(path, index=False, float_format="%.6g")
