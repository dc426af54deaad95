"""Do two groups differ? Mann-Whitney's and Welch's tests of numbers, chi-square and Fisher's tests of categories.

Computed by pingouin and scipy.
"""

import numpy as np
import pandas as pd


def compare(table, columns, is_severe):
    """Compare severe and non-severe scans in several columns.

    Two tests answer different questions: Mann-Whitney's U (two-sided, normal approximation with correction for ties and
    continuity) whether values of one group tend to be higher, which outliers hardly affect; Welch's t (two-sided,
    unequal variances) whether the means differ. Both take scans as independent: where a patient has several, which are
    alike, they call differences significant far too often; ``clustered.auc_table`` has the rank test over patients.

    Parameters
    ----------
    table : DataFrame
        One row per scan.
    columns : list of str
        Columns of numbers; missing ones are left out, column by column.
    is_severe : Series of bool
        With the same index.

    Returns
    -------
    DataFrame
        Indexed by column: ``n_severe, n_nonsevere, median_severe, median_nonsevere, mann_whitney_p, welch_p`` and
        ``chance_higher``, the probability that a severe scan has the higher value (0..1, ties counting half). NaN where
        undefined: the median of no scan, a test with fewer than two scans in a group or without any variation.
    """
    import pingouin
    from scipy import stats

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
            # scipy's own: pingouin's also builds a table of all pairs, gigabytes for many scans.
            ranks = stats.mannwhitneyu(severe, other, method="asymptotic")
            row["mann_whitney_p"] = float(ranks.pvalue)
            row["chance_higher"] = float(ranks.statistic / (severe.size * other.size))
            if np.ptp(severe) > 0 or np.ptp(other) > 0:
                means = pingouin.ttest(severe, other, correction=True).iloc[0]
                # Versions of pingouin call the column p_val or p-val.
                row["welch_p"] = float(means.filter(regex="^p.val$").iloc[0])
        rows[column] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("biomarker")


def compare_categories(table, columns, is_severe):
    """Compare severe and non-severe scans in several columns of categories, such as sex.

    Pearson's chi-square test is an approximation for large samples, usually accepted where the least expected count is
    5 or more; Yates's correction makes it conservative; Fisher's test (two-sided, as in R: over tables no more likely
    than the observed one) is exact for given margins.

    Parameters
    ----------
    table, is_severe
        As in :func:`compare`.
    columns : list of str
        Columns of categories; missing ones are left out, column by column.

    Returns
    -------
    DataFrame
        Indexed by column: ``n``, ``n_categories``, ``least_expected`` (smallest expected count of a cell),
        ``chi_square, chi_square_p`` (no correction), ``chi_square_corrected_p`` (Yates) and ``fisher_p``. The last two
        are for two categories and NaN with more; all but the counts are NaN with fewer than two categories or groups.

    References
    ----------
    Yates F. J R Stat Soc Suppl 1934;1:217-235. Fisher RA. J R Stat Soc 1935;98:39-82.
    """
    from scipy import stats

    tests = ["least_expected", "chi_square", "chi_square_p", "chi_square_corrected_p", "fisher_p"]
    rows = {}
    for column in columns:
        known = table[column].notna()
        counts = pd.crosstab(is_severe[known].to_numpy(bool), table.loc[known, column].to_numpy()).to_numpy()
        rows[column] = {"n": int(counts.sum()), "n_categories": counts.shape[1]} | dict.fromkeys(tests, np.nan)
        if min(counts.shape) < 2:
            continue
        pearson = stats.chi2_contingency(counts, correction=False)
        rows[column] |= {
            "least_expected": pearson.expected_freq.min(),
            "chi_square": pearson.statistic,
            "chi_square_p": pearson.pvalue,
        }
        if counts.shape == (2, 2):
            rows[column] |= {
                "chi_square_corrected_p": stats.chi2_contingency(counts, correction=True).pvalue,
                "fisher_p": stats.fisher_exact(counts).pvalue,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variable")


def of_patients(scans, columns):
    """One row per patient, for tests of what does not change between a patient's scans, such as sex.

    Parameters
    ----------
    scans : DataFrame
        ``patient_id``, ``is_severe`` and `columns`, one row per scan.
    columns : list of str

    Returns
    -------
    DataFrame
        Indexed by patient_id: the first known entry of each column, and ``is_severe``: whether any scan is.
    """
    by_patient = scans.groupby("patient_id")
    return by_patient[columns].first().assign(is_severe=by_patient["is_severe"].any())
