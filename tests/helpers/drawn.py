"""What figures are drawn of in tests, and the words in them."""

import matplotlib
import numpy as np
import pandas as pd

SPACING_MM = (10.0, 2.5, 2.5)
CASES = pd.DataFrame({"report": [1, 1, 1, 0, 0, 1], "biomarker": [1, 1, 0, 0, 0, np.nan]})
CURVE = pd.DataFrame({"fpr": [0, 0.1, 1], "tpr": [0, 0.9, 1], "cutoff": [np.inf, 0.4, 0]})
LESIONS = pd.DataFrame({"volume_ml": [5.0, 60, 90], "n_lesions": [9, 20, 41], "n_sections": [4, 15, 16],
                        "lesser_side": [0.1, np.nan, 0.4]})  # fmt: skip
COMPARED = pd.DataFrame({"infection_dice": [0.0, 0.3, 0.7, np.nan], "true_infection_ml": [0, 9, 400, 0],
                         "true_poi": [0, 0.002, 0.08, 0], "motion": False})  # fmt: skip


def words_of(figure):
    """All text that a figure shows."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def scans(n_severe=12, n_non_severe=30):
    rng = np.random.default_rng(0)
    status = ["severe"] * n_severe + ["non-severe"] * n_non_severe
    ihu = rng.normal(-550, 60, len(status))
    ihu[:1] = np.nan
    return pd.DataFrame({"status": status, "poi": rng.beta(2, 8, len(status)), "ihu": ihu})


def chest_sections(n=3, size=40):
    """HU and label map of a made-up chest: two lungs in a body, infection at the back of the right one."""
    _, y, x = np.mgrid[:n, :size, :size] / size
    body = (x - 0.5) ** 2 / 0.2 + (y - 0.5) ** 2 / 0.12 < 1
    lung = (np.abs(np.abs(x - 0.5) - 0.2) < 0.13) & (np.abs(y - 0.5) < 0.2)
    infection = lung & (x < 0.5) & (y > 0.6)
    hu = np.where(infection, -450, np.where(lung, -850, np.where(body, 40, -1000))).astype(np.int16)
    return hu, (lung.astype(np.uint8) + infection)
