"""Draw the data sets that answers.R is asked about. Run in this folder: python draw_data.py."""

import numpy as np
import pandas as pd

rng = np.random.default_rng(20)
tables = []
for name, n_patients, most, weights in [
    ("ordinary", 60, 4, (0.8, 0.0)),
    ("both", 60, 4, (1.0, -0.7)),
    ("rare", 196, 5, (1.5, 0.3)),
    ("one_scan_each", 90, 1, (0.6, 0.4)),
    ("few_patients", 12, 8, (0.5, 0.5)),
    ("strong_dependence", 80, 6, (0.4, 0.2)),
]:
    counts = rng.integers(1, most + 1, n_patients)
    patient = np.repeat(np.arange(n_patients), counts)
    own = rng.standard_normal((3, n_patients)) * (3.0 if name == "strong_dependence" else 1.0)
    x1, x2 = (own[k][patient] + rng.standard_normal(patient.size) for k in (0, 1))
    log_odds = weights[0] * x1 + weights[1] * x2 + own[2][patient] - (2.5 if name == "rare" else 0.3)
    y = rng.random(patient.size) < 1 / (1 + np.exp(-log_odds))
    tables.append(pd.DataFrame({"data": name, "patient": patient, "y": y.astype(int), "x1": x1, "x2": x2}))
pd.concat(tables).to_csv("data.csv", index=False, float_format="%.6f")
