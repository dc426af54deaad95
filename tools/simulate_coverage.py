"""How often do 95 % intervals contain the truth, and tests at 5 % reject it, when patients are scanned several times?

``python -m tools.simulate_coverage`` writes tests/reference/coverage.csv and size.csv (about twenty minutes);
``python -m bench size`` shows how a smaller simulation compares; tests/statistics/test_clustered.py runs a small part.
"""

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats
from tqdm import tqdm

from study.statistics import clustered, groups, kappa, logistic, resampling, roc

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference"


@dataclass(frozen=True)
class Design:
    """Patients by (severe scans, other scans)."""

    counts: tuple

    @property
    def scans(self):
        """Whose scan it is."""
        return np.repeat(np.arange(len(self.counts)), np.sum(self.counts, axis=1))

    @property
    def pairs(self):
        """Whose pair of consecutive scans it is."""
        return np.repeat(np.arange(len(self.counts)), np.sum(self.counts, axis=1) - 1)

    @property
    def severe(self):
        """Status of each scan."""
        return np.concatenate([np.repeat([True, False], of_patient) for of_patient in self.counts])


DESIGNS = {
    # Near the paper's: 79 severe scans of 32 patients, 452 others of 196.
    "196 patients, 32 severe": Design(
        ((1, 1),) * 8 + ((2, 1),) * 8 + ((3, 1),) * 9 + ((4, 2),) * 7
        + ((0, 1),) * 43 + ((0, 2),) * 47 + ((0, 3),) * 39 + ((0, 4),) * 21 + ((0, 5),) * 9 + ((0, 6),) * 5
    ),
    "30 patients, 8 severe": Design(
        ((1, 1), (2, 1), (3, 1), (4, 2)) * 2
        + ((0, 1),) * 6 + ((0, 2),) * 6 + ((0, 3),) * 5 + ((0, 4),) * 3 + ((0, 5),) * 2
    ),
}  # fmt: skip
PAPERS, FEW = DESIGNS
WITHIN = (0.0, 0.5, 0.75)
RUNS, RESAMPLES = 800, 500


def alike(rng, patient, within):
    """Standard normal numbers; those of one patient have the correlation `within`."""
    own = rng.standard_normal(patient.max() + 1)
    return np.sqrt(within) * own[patient] + np.sqrt(1 - within) * rng.standard_normal(patient.size)


# ---- intervals: which contain the truth, by name


def draw_scores(rng, within, design, shift=1.5):
    """Scores, statuses, patients and the true AUC.

    A severe scan lies `shift` higher. The AUC averages over all pairs of scans, so the few pairs within a patient,
    which are easier to tell apart, count in the truth as they do in the estimate.
    """
    severe, patient = design.severe, design.scans
    scores = shift * severe + alike(rng, patient, within)
    share_inside = sum(a * b for a, b in design.counts) / (severe.sum() * (~severe).sum())
    between, inside = stats.norm.cdf(shift / np.sqrt([2, 2 * (1 - within)]))
    return scores, severe, patient, (1 - share_inside) * between + share_inside * inside


def hold_auc(rng, within, design, n_resamples=0):
    """Which intervals contain the true AUC; the bootstraps only with `n_resamples`."""
    scores, severe, patient, truth = draw_scores(rng, within, design)
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


def hold_odds_ratio(rng, within, design, slope=1.0):
    """Which intervals contain the true odds ratio per SD of a predictor; it and the outcome correlate within patients.

    At each scan the outcome has the probability of a logistic model, whatever the patient's other scans show: the
    marginal odds ratio, which both methods estimate. One in seven scans is severe. Data without an odds ratio (the
    predictor separates the statuses, or there is one only) are drawn again.
    """
    patient = design.scans
    x = alike(rng, patient, within)
    severe = stats.norm.cdf(alike(rng, patient, within)) < special.expit(-2.2 + slope * x)
    table, truth = pd.DataFrame({"x": x, "is_severe": severe}), np.exp(slope * x.std(ddof=1))
    try:
        rows = {"scans, Wald": logistic.fit(table, ["x"]).estimates.loc["x"]}
    except ValueError:
        return hold_odds_ratio(rng, within, design, slope)
    rows["patients, GEE"] = clustered.odds_ratios(table, {"m": ["x"]}, pd.Series(patient)).loc[("m", "x")]
    return {name: row["ci_low"] <= truth <= row["ci_high"] for name, row in rows.items()}


def hold_kappa(rng, within, design, prevalence=0.45, agreement=0.9):
    """Which intervals contain the true kappa of two raters of pairs of scans; both correlate within patients.

    Where all ratings agree there is no interval, and nothing is counted.
    """
    patient = design.pairs
    first = stats.norm.cdf(alike(rng, patient, within)) < prevalence
    second = first ^ (stats.norm.cdf(alike(rng, patient, within)) > agreement)
    of_second = prevalence * agreement + (1 - prevalence) * (1 - agreement)
    by_chance = prevalence * of_second + (1 - prevalence) * (1 - of_second)
    truth = (agreement - by_chance) / (1 - by_chance)
    pair = pd.DataFrame({"a": first, "b": second})
    rows = {
        "cases, Fleiss": kappa.tabulate({"r": pair}).loc["r"],
        "patients, Yang and Zhou": clustered.kappa_table({"r": pair}, pd.Series(patient)).loc["r"],
    }
    return {
        name: row["ci_low"] <= truth <= row["ci_high"] if np.isfinite(row["ci_low"]) else np.nan
        for name, row in rows.items()
    }


# ---- tests: which reject at 5 %, by name, where nothing differs


def reject_groups(rng, within, design):
    """Do severe scans have other values, or patients another sex? Neither, but scans of one patient are alike."""
    severe, patient = pd.Series(design.severe), pd.Series(design.scans)
    men = rng.random(len(design.counts)) < 0.5
    scans = pd.DataFrame(
        {"patient_id": patient, "is_severe": severe, "x": alike(rng, design.scans, within), "sex": men[patient]}
    )
    ranks = groups.compare(scans, ["x"], severe).loc["x"]
    of_patients = groups.of_patients(scans, ["sex"])
    return {
        "values: scans, Mann-Whitney": ranks["mann_whitney_p"],
        "values: scans, Welch": ranks["welch_p"],
        "values: patients, Obuchowski": clustered.auc_table(scans[["x"]], severe, patient).loc["x", "p_value"],
        "sex: scans, chi-square": _sex_p(scans),
        "sex: patients, chi-square": _sex_p(of_patients),
    }


def _sex_p(table):
    return groups.compare_categories(table, ["sex"], table["is_severe"]).loc["sex", "chi_square_p"]


def reject_models(rng, within, design):
    """Is a model of two predictors better than chance? It is not; and does one add to another? It does not."""
    severe, patient = pd.Series(design.severe), pd.Series(design.scans)
    first, second, shifted = (alike(rng, design.scans, within) for _ in range(3))
    table = pd.DataFrame({"a": first, "b": second, "c": shifted + 1.5 * severe, "is_severe": severe})
    models = {"chance": ["a", "b"], "alone": ["c"], "both": ["c", "b"]}
    try:
        fits = {name: logistic.maximise(table, predictors) for name, predictors in models.items()}
    except ValueError:  # separated
        return reject_models(rng, within, design)
    by_gee = clustered.odds_ratios(table, {name: models[name] for name in ("chance", "both")}, patient)
    predicted = {name: fitted.predicted.to_numpy() for name, fitted in fits.items()}
    by_chance = predicted["chance"]
    nested = roc.delong_test(predicted["both"], predicted["alone"], severe)
    return {
        "model: scans, Mann-Whitney": stats.mannwhitneyu(by_chance[severe], by_chance[~severe]).pvalue,
        "model: patients, GEE": by_gee.loc[("chance", "a"), "model_p_value"],
        "added: scans, DeLong": nested.p_value,
        "added: patients, Obuchowski": clustered.auc_difference(predicted["both"], predicted["alone"], severe, patient)[
            "p_value"
        ],
        "added: scans, likelihood ratio": stats.chi2.sf(fits["alone"].aic - fits["both"].aic + 2, 1),
        "added: patients, GEE": by_gee.loc[("both", "b"), "p_value"],
    }


def rejections(reject, level=0.05):
    """Turn a simulation of p values into one of rejections; an undefined p rejects nothing."""

    def rejected(*args, **kwargs):
        return {name: p < level for name, p in reject(*args, **kwargs).items()}

    return rejected


def share(of, n_runs, within, design=DESIGNS[PAPERS], seed=1, **given):
    """Share of runs in which something holds, by name."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame([of(rng, within, design, **given) for _ in range(n_runs)]).astype(float).mean()


COVERAGES = {"AUC": hold_auc, "odds ratio": hold_odds_ratio, "kappa": hold_kappa}
SIZES = {"groups": rejections(reject_groups), "models": rejections(reject_models)}


def tabulate(simulations, n_runs, within=WITHIN, **given):
    """One row for each design, simulation, name and correlation within patients: ``share`` and ``runs``."""
    parts = {}
    for (title, design), correlation in product(DESIGNS.items(), within):
        for name, of in tqdm(simulations.items(), desc=f"{title}, within {correlation}", leave=False):
            more = given if of is hold_auc else {}
            parts[title, name, correlation] = share(of, n_runs, correlation, design, **more)
    table = pd.concat(parts, names=["design", "of", "within", "by"]).rename("share")
    return table.reorder_levels(["design", "of", "by", "within"]).sort_index().to_frame().assign(runs=n_runs)


def main():
    """Write the coverage of each interval and the size of each test by the correlation within patients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args()
    for name, simulations in (("coverage", COVERAGES), ("size", SIZES)):
        table = tabulate(simulations, given.runs, n_resamples=RESAMPLES)
        table.to_csv(REFERENCE / f"{name}.csv", float_format="%.3f")
        print((100 * table["share"].unstack()).round(1).to_string())


if __name__ == "__main__":
    main()
