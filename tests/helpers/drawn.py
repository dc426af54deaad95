"""What figures are drawn of in tests, and the words in them."""

import matplotlib
import numpy as np
import pandas as pd


def words_of(figure):
    """All text that a figure shows."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def scans(n_severe=12, n_non_severe=30):
    rng = np.random.default_rng(0)
    status = ["severe"] * n_severe + ["non-severe"] * n_non_severe
    ihu = rng.normal(-550, 60, len(status))
    ihu[:1] = np.nan
    return pd.DataFrame({"status": status, "poi": rng.beta(2, 8, len(status)), "ihu": ihu})
