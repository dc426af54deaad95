"""Confidence intervals of a proportion, such as a sensitivity: Clopper and Pearson's exact one and Wilson's.

The formulas are statsmodels'. Both take cases as independent, which several scans of one patient are not.
"""

import numpy as np
import pandas as pd

from study.statistics.confidence import tail


def intervals(successes, n, confidence=0.95):
    """Share of successes with its exact and its Wilson interval.

    The exact interval covers the truth with at least `confidence` at any share, mostly with more; Wilson's covers it
    with `confidence` on average over shares and is narrower. Neither shrinks to a point at 0 or 1.

    Parameters
    ----------
    successes, n : int
        Successes among `n` cases, ``0 <= successes <= n``.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    dict of str to float
        ``estimate, exact_low, exact_high, wilson_low, wilson_high``, from 0 to 1; NaN without cases.

    Raises
    ------
    ValueError
        If the counts are not whole or negative, or there are more successes than cases.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. Wilson EB. J Am Stat Assoc 1927;22:209-212.

    Examples
    --------
    >>> round(intervals(63, 79)["exact_low"], 4)
    0.692
    """
    from statsmodels.stats.proportion import proportion_confint

    alpha = 2 * tail(confidence)
    if not 0 <= successes <= n or successes != int(successes) or n != int(n):
        raise ValueError(f"{successes!r} successes among {n!r} cases: need whole numbers, 0 <= successes <= cases")
    estimate = successes / n if n else np.nan
    found = {"estimate": estimate}
    for name, method in (("exact", "beta"), ("wilson", "wilson")):
        low, high = proportion_confint(successes, n, alpha, method) if n else (np.nan, np.nan)
        # Wilson's limit at a share of 0 or 1 is that share, up to rounding.
        found |= {f"{name}_low": float(min(max(low, 0), estimate)), f"{name}_high": float(max(min(high, 1), estimate))}
    return found


def rates(performance, confidence=0.95):
    """Exact and Wilson intervals of the sensitivity and specificity of several scores.

    Parameters
    ----------
    performance : DataFrame
        One row per score: ``true_positives, n_severe, true_negatives, n_nonsevere``, as from ``roc.evaluate``.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by (model, quantity) as the table of ``resampling.evaluate``, so that the two can be joined;
        quantity is ``sensitivity`` or ``specificity``. Columns as the keys of :func:`intervals`. The limits
        take the cut-off as fixed, not as chosen on the same scans.
    """
    rows = {}
    for model, row in performance.iterrows():
        rows[model, "sensitivity"] = intervals(row["true_positives"], row["n_severe"], confidence)
        rows[model, "specificity"] = intervals(row["true_negatives"], row["n_nonsevere"], confidence)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "quantity"])
