"""How often do 95 % intervals of the AUC hold the true AUC when patients are scanned several times?

``python tests/simulate_coverage.py`` prints the table (a few minutes); test_clustered.py runs a small part of it.
"""

import argparse

import numpy as np
import pandas as pd
from scipy import stats

from study import clustered, resampling, roc

# Patients by (severe scans, other scans), near the paper's: 79 severe scans of 32 patients, 452 others of 196.
DESIGN = [(1, 1)] * 8 + [(2, 1)] * 8 + [(3, 1)] * 9 + [(4, 2)] * 7
DESIGN += [(0, 1)] * 43 + [(0, 2)] * 47 + [(0, 3)] * 39 + [(0, 4)] * 21 + [(0, 5)] * 9 + [(0, 6)] * 5


def draw(rng, within, shift=1.5):
    """Scores, statuses, patients and the true AUC; two scans of a patient correlate by `within` (of equal status).

    Scores are normal with variance 1; a severe scan lies `shift` higher. The AUC averages over all pairs of scans, so
    the few pairs within a patient, who tells them apart more easily, are counted in the truth as they are in the
    estimate.
    """
    severe = np.concatenate([np.repeat([True, False], counts) for counts in DESIGN])
    patient = np.repeat(np.arange(len(DESIGN)), [sum(counts) for counts in DESIGN])
    own = np.sqrt(within) * rng.standard_normal(len(DESIGN))
    scores = shift * severe + own[patient] + np.sqrt(1 - within) * rng.standard_normal(severe.size)
    share_inside = sum(a * b for a, b in DESIGN) / (severe.sum() * (~severe).sum())
    between, inside = stats.norm.cdf(shift / np.sqrt([2, 2 * (1 - within)]))
    return scores, severe, patient, (1 - share_inside) * between + share_inside * inside


def coverage(n_runs, within, seed=1, n_resamples=0):
    """Share of runs whose interval holds the true AUC, by method; the bootstraps only with `n_resamples`."""
    rng = np.random.default_rng(seed)
    held = []
    for _ in range(n_runs):
        scores, severe, patient, truth = draw(rng, within)
        one = clustered.auc_table(pd.DataFrame({"s": scores}), pd.Series(severe), pd.Series(patient)).loc["s"]
        limits = {"DeLong, scans": roc.delong_interval(scores, severe), "Obuchowski, patients": (one.low, one.high)}
        if n_resamples:
            drawn = int(rng.integers(2**31))
            by_scan = resampling.stratified(scores, severe, n_resamples, drawn)
            by_patient = resampling.clustered(scores, severe, patient, n_resamples, drawn)
            for name, replicates in (("bootstrap, scans", by_scan), ("bootstrap, patients", by_patient)):
                limits[name] = resampling.intervals(replicates).loc["auc", ["low", "high"]]
        held.append({name: low <= truth <= high for name, (low, high) in limits.items()})
    return pd.DataFrame(held).mean()


def main():
    """Print the coverage of each interval by the correlation within patients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=500)
    given = parser.parse_args()
    columns = {w: coverage(given.runs, w, n_resamples=given.resamples) for w in (0.0, 0.3, 0.5, 0.75)}
    table = (100 * pd.DataFrame(columns)).round(1).rename_axis("interval").rename_axis("within", axis=1)
    print(f"coverage of 95 % intervals of the AUC, %, {given.runs} runs each\n{table.to_string()}")


if __name__ == "__main__":
    main()
