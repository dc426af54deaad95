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


def table(sets, columns):
    """Put the sets under one another."""
    return pd.concat(pd.DataFrame(dict(zip(columns, arrays, strict=True))).assign(data=name) for name, arrays in sets)


if __name__ == "__main__":
    rng = np.random.default_rng(20200417)
    table(roc_sets(rng), ["is_severe", "score", "other_score"]).to_csv("roc_data.csv", index=False, float_format="%.6g")
    table(kappa_sets(rng), ["rater_1", "rater_2"]).to_csv("kappa_data.csv", index=False, float_format="%.6g")
    table(logistic_sets(rng), ["is_severe", "poi", "ihu"]).to_csv("logistic_data.csv", index=False, float_format="%.6g")
