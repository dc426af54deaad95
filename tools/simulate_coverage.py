"""How often do 95 % intervals cover the truth when patients are scanned several times? AUC, odds ratio and kappa.

``python -m tools.simulate_coverage`` writes tests/reference/coverage.csv (some minutes);
tests/statistics/test_clustered.py runs a small part.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats
from tqdm import tqdm

from study.statistics import clustered, kappa, logistic, resampling, roc

COVERAGE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "coverage.csv"

# Patients by (severe scans, other scans), near the paper's: 79 severe scans of 32 patients, 452 others of 196.
DESIGN = [(1, 1)] * 8 + [(2, 1)] * 8 + [(3, 1)] * 9 + [(4, 2)] * 7
DESIGN += [(0, 1)] * 43 + [(0, 2)] * 47 + [(0, 3)] * 39 + [(0, 4)] * 21 + [(0, 5)] * 9 + [(0, 6)] * 5
SIZES = np.sum(DESIGN, axis=1)
SCANS = np.repeat(np.arange(SIZES.size), SIZES)  # whose scan it is
PAIRS = np.repeat(np.arange(SIZES.size), SIZES - 1)  # of consecutive scans
WITHIN = (0.0, 0.5, 0.75)
RUNS, RESAMPLES = 800, 500


def alike(rng, patient, within):
    """Standard normal numbers; those of one patient have the correlation `within`."""
    own = rng.standard_normal(patient.max() + 1)
    return np.sqrt(within) * own[patient] + np.sqrt(1 - within) * rng.standard_normal(patient.size)


def draw_scores(rng, within, shift=1.5):
    """Scores, statuses, patients and the true AUC.

    A severe scan lies `shift` higher. The AUC averages over all pairs of scans, so the few pairs within a patient,
    which are easier to tell apart, count in the truth as they do in the estimate.
    """
    severe = np.concatenate([np.repeat([True, False], counts) for counts in DESIGN])
    scores = shift * severe + alike(rng, SCANS, within)
    share_inside = sum(a * b for a, b in DESIGN) / (severe.sum() * (~severe).sum())
    between, inside = stats.norm.cdf(shift / np.sqrt([2, 2 * (1 - within)]))
    return scores, severe, SCANS, (1 - share_inside) * between + share_inside * inside


def hold_auc(rng, within, n_resamples=0):
    """Which intervals cover the true AUC, by name; the bootstraps only with `n_resamples`."""
    scores, severe, patient, truth = draw_scores(rng, within)
    one = clustered.auc_table(pd.DataFrame({"s": scores}), pd.Series(severe), pd.Series(patient)).loc["s"]
    limits = {"scans, DeLong": roc.delong_interval(scores, severe), "patients, Obuchowski": (one.low, one.high)}
    if n_resamples:
        drawn = int(rng.integers(2**31))
        by_scan = resampling.stratified(scores, severe, n_resamples, drawn)
        by_patient = resampling.clustered(scores, severe, patient, n_resamples, drawn)
        for name, replicates, whose in (("scans", by_scan, None), ("patients", by_patient, patient)):
            limits[f"{name}, bootstrap"] = resampling.intervals(replicates).loc["auc", ["low", "high"]]
            corrected = resampling.bca_intervals(replicates, scores, severe, patient_ids=whose)
            limits[f"{name}, bootstrap BCa"] = corrected.loc["auc"]
    return {name: low <= truth <= high for name, (low, high) in limits.items()}


def hold_odds_ratio(rng, within, slope=1.0):
    """Which intervals cover the true odds ratio per SD of a predictor; it and the outcome correlate within patients.

    At each scan the outcome has the probability of a logistic model, whatever the patient's other scans show: the
    marginal odds ratio, which both methods estimate. One in seven scans is severe.
    """
    x = alike(rng, SCANS, within)
    severe = stats.norm.cdf(alike(rng, SCANS, within)) < special.expit(-2.2 + slope * x)
    table, truth = pd.DataFrame({"x": x, "is_severe": severe}), np.exp(slope * x.std(ddof=1))
    rows = {
        "scans, Wald": logistic.fit(table, ["x"]).estimates.loc["x"],
        "patients, GEE": clustered.odds_ratios(table, {"m": ["x"]}, pd.Series(SCANS)).loc[("m", "x")],
    }
    return {name: row["ci_low"] <= truth <= row["ci_high"] for name, row in rows.items()}


def hold_kappa(rng, within, prevalence=0.45, agreement=0.9):
    """Which intervals cover the true kappa of two raters of pairs of scans; both correlate within patients."""
    first = stats.norm.cdf(alike(rng, PAIRS, within)) < prevalence
    second = first ^ (stats.norm.cdf(alike(rng, PAIRS, within)) > agreement)
    of_second = prevalence * agreement + (1 - prevalence) * (1 - agreement)
    by_chance = prevalence * of_second + (1 - prevalence) * (1 - of_second)
    truth = (agreement - by_chance) / (1 - by_chance)
    pair = pd.DataFrame({"a": first, "b": second})
    rows = {
        "cases, Fleiss": kappa.tabulate({"r": pair}).loc["r"],
        "patients, Yang and Zhou": clustered.kappa_table({"r": pair}, pd.Series(PAIRS)).loc["r"],
    }
    return {name: row["ci_low"] <= truth <= row["ci_high"] for name, row in rows.items()}


def coverage(hold, n_runs, within, seed=1, **given):
    """Share of runs whose interval covers the truth, by method."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame([hold(rng, within, **given) for _ in range(n_runs)]).mean()


def main():
    """Write the coverage of each interval by the correlation within patients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args()
    parts = {
        "AUC": (hold_auc, {"n_resamples": RESAMPLES}),
        "odds ratio": (hold_odds_ratio, {}),
        "kappa": (hold_kappa, {}),
    }
    columns = {
        within: pd.concat({of: coverage(hold, given.runs, within, **more) for of, (hold, more) in parts.items()})
        for within in tqdm(WITHIN)
    }
    table = pd.DataFrame(columns).rename_axis(["of", "interval"]).rename_axis("within", axis=1)
    table.assign(runs=given.runs).to_csv(COVERAGE, float_format="%.3f")
    print((100 * table).round(1).to_string())


if __name__ == "__main__":
    main()
