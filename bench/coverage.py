"""Do intervals contain the truth, and do tests hold their level? A small part of ``tools/simulate_coverage.py``."""

import pandas as pd

from bench.timing import FOLDER
from study.files import write_table
from tools.simulate_coverage import COVERAGES, DESIGNS, SIZES, share

RUNS, WITHIN = 200, 0.75  # the scans of a patient as alike as in the hardest of the simulated cohorts
# What a reader is given, with its target; the others are the usual methods, shown for comparison.
TARGETS = {
    "patients, Obuchowski": (0.93, 0.97), "patients, GEE": (0.93, 0.97), "patients, Yang and Zhou": (0.93, 0.97),
    "values: patients, Obuchowski": (0.04, 0.06), "sex: patients, chi-square": (0.04, 0.06),
    "added: patients, GEE": (0.04, 0.06), "model: patients, GEE": (0.04, 0.06),
}  # fmt: skip


def table(n_runs=RUNS):
    """Share of simulations that an interval contains the truth, or that a test rejects where nothing differs.

    Returns
    -------
    DataFrame
        ``what`` (coverage or size), ``design, of, by, share, runs`` and ``target``, empty for the usual methods. The
        simulation's own standard error is sqrt(share (1 - share) / runs).
    """
    rows = []
    for what, simulations in (("coverage", COVERAGES), ("size", SIZES)):
        for design, patients in DESIGNS.items():
            for of, simulation in simulations.items():
                for by, found in share(simulation, n_runs, WITHIN, patients, seed=2).items():
                    target = "{} to {}".format(*TARGETS[by]) if by in TARGETS else ""
                    rows.append((what, design, of, by, found, n_runs, target))
    return pd.DataFrame(rows, columns=["what", "design", "of", "by", "share", "runs", "target"])


def write_coverage(*_):
    """Write runs/bench/coverage.csv."""
    found = table()
    write_table(FOLDER / "coverage.csv", found)
    print(found.round(3).to_string(index=False), flush=True)
