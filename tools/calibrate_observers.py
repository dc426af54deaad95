"""How well do the two simulated observers agree with each other, over scans like those that the paper's observers saw?

``python -m tools.calibrate_observers`` prints mean, SD and median Dice with the paper's 0.79, 0.25 and 0.85 (some
minutes for 300 scans); tests/phantom/test_observers.py checks a small part of it. Only the observers and the truth
enter: no network was ever looked at.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from study.measures import overlap
from study.phantom import making
from study.phantom.cohorts import cohort_recipe
from study.phantom.people.counts import People
from study.phantom.people.plan import plan_cohort
from study.phantom.scanner.protocol import Geometry

PAPER = {"mean": 0.79, "SD": 0.25, "median": 0.85}
FIRST_SEED = 3000  # the demo's cohort is not among those looked at


def recipes(n_scans):
    """Recipes of observed scans from cohorts of the paper's size: 30 per cohort, 3 of them severe."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + -(-n_scans // 30)):
        plan = plan_cohort(People(seed=seed))
        rows = plan[plan["observed"]].to_dict("records")
        found += [cohort_recipe(row, seed, Geometry()) for row in rows]
    return found[:n_scans]


def agreement(recipe):
    """Dice between the observers and of each with the truth, and the infected volume in ml."""
    made = making.simulate(recipe)
    observer_1, observer_2 = making.observe(recipe, made)
    truth = made.infection_mask
    return {
        "observers": overlap.dice(observer_1, observer_2),
        "observer_1_truth": overlap.dice(observer_1, truth),
        "observer_2_truth": overlap.dice(observer_2, truth),
        "infection_ml": truth.sum() * np.prod(made.spacing_mm) / 1000,
    }


def sample(n_scans, workers=1):
    """One row per scan of `agreement`."""
    if workers == 1:
        return pd.DataFrame(map(agreement, recipes(n_scans)))
    with ProcessPoolExecutor(workers) as pool:
        return pd.DataFrame(pool.map(agreement, recipes(n_scans), chunksize=4))


def main():
    """Print the agreement over a sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    scans = sample(given.scans, given.workers)
    dice = scans["observers"]
    measured = {"mean": dice.mean(), "SD": dice.std(), "median": dice.median()}
    print(pd.DataFrame({"paper": PAPER, "measured": measured}).round(3).to_string())
    print(f"{dice.count()} scans, SE of the mean {dice.sem():.3f}; both masks empty in {dice.isna().sum()}")
    print(f"10th, 25th, 75th, 90th percentile: {dice.quantile([0.1, 0.25, 0.75, 0.9]).round(2).tolist()}")
    by_size = dice.groupby(pd.cut(scans["infection_ml"], [0, 20, 50, 150, 500, np.inf]), observed=True)
    print(by_size.agg(["mean", "std", "count"]).round(2).to_string())
    print(scans.mean().round(3).to_string())


if __name__ == "__main__":
    main()
