"""Do two groups differ? Mann-Whitney's and Welch's tests, computed by pingouin."""

import numpy as np
import pandas as pd


def compare(table, columns, is_severe):
    """Compare severe and non-severe scans in several columns.

    Two tests, as they ask different things: Mann-Whitney's U (two-sided, normal approximation with correction for
    ties and continuity) whether values of one group tend to be higher, which outliers hardly touch; Welch's t
    (two-sided, unequal variances) whether the means differ. Both take scans as independent.

    Parameters
    ----------
    table : DataFrame
        One row a scan.
    columns : list of str
        Columns of numbers; missing ones are left out, column by column.
    is_severe : Series of bool
        Which rows are severe, on the same index.

    Returns
    -------
    DataFrame
        Indexed by column: ``n_severe, n_nonsevere, median_severe, median_nonsevere, mann_whitney_p, welch_p`` and
        ``chance_higher``, the chance that a severe scan has the higher value (0..1, ties half). NaN where undefined:
        a median of nothing, a test with fewer than two scans in a group or with no variation at all.
    """
    import pingouin

    rows = {}
    for column in columns:
        severe = table.loc[is_severe, column].dropna().to_numpy(float)
        other = table.loc[~is_severe, column].dropna().to_numpy(float)
        row = {
            "n_severe": severe.size,
            "n_nonsevere": other.size,
            "median_severe": np.median(severe) if severe.size else np.nan,
            "median_nonsevere": np.median(other) if other.size else np.nan,
            "mann_whitney_p": np.nan,
            "welch_p": np.nan,
            "chance_higher": np.nan,
        }
        if min(severe.size, other.size) > 1 and np.ptp(np.concatenate([severe, other])) > 0:
            ranks = pingouin.mwu(severe, other, alternative="two-sided", method="asymptotic").iloc[0]
            # pingouin writes p_val here and p-val there, as its version pleases.
            row["mann_whitney_p"] = float(ranks.filter(regex="^p.val$").iloc[0])
            row["chance_higher"] = float(ranks["CLES"])
            if np.ptp(severe) > 0 or np.ptp(other) > 0:
                means = pingouin.ttest(severe, other, correction=True).iloc[0]
                row["welch_p"] = float(means.filter(regex="^p.val$").iloc[0])
        rows[column] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("biomarker")
