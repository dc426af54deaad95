"""Intervals of the AUC, and of sensitivity and specificity, put side by side by what they take as independent."""

import pandas as pd

from study.results import words

# Columns of resampling.evaluate by resampling unit and kind of limits.
BOOTSTRAPS = {
    ("scans", "bootstrap within each status, percentile"): "",
    ("scans", "bootstrap within each status, BCa"): "bca_",
    ("scans", "bootstrap of all, percentile"): "plain_",
    ("scans", "bootstrap of all, BCa"): "plain_bca_",
    ("patients", "bootstrap, percentile"): "clustered_",
    ("patients", "bootstrap, BCa"): "clustered_bca_",
}


def interval_table(performance, bootstrap, by_patient):
    """Put the AUC's intervals together, one per row, as text.

    Parameters
    ----------
    performance, bootstrap, by_patient : DataFrame
        From ``roc.evaluate``, ``resampling.evaluate`` and ``clustered.auc_table``.

    Returns
    -------
    DataFrame
        Indexed by what is taken as independent, scans or patients, and the interval; one column per model. The last row
        is the ratio of the widths of the two BCa intervals.
    """
    of_auc = bootstrap.xs("auc", level="quantity")
    limits = {("scans", "DeLong"): performance[["auc_low", "auc_high"]]}
    limits |= {key: of_auc[[f"{by}low", f"{by}high"]] for key, by in BOOTSTRAPS.items()}
    limits["patients", "Obuchowski"] = by_patient[["low", "high"]]
    rows = {key: {m: words.interval(*both.loc[m]) for m in performance.index} for key, both in limits.items()}
    estimates = {m: words.with_interval(area) for m, area in performance["auc"].items()}
    scans, patients = (of_auc[f"{by}bca_high"] - of_auc[f"{by}bca_low"] for by in ("", "clustered_"))
    wider = (patients / scans.where(scans > 0)).round(2)
    table = {("", "AUC"): estimates} | rows | {("patients over scans", "ratio of BCa widths"): wider.to_dict()}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(["Independent", "Interval"])


def rate_table(bootstrap, exact):
    """Put the intervals of sensitivity and specificity together, one per column, as text.

    Parameters
    ----------
    bootstrap, exact : DataFrame
        From ``resampling.evaluate`` and ``proportion.rates``.

    Returns
    -------
    DataFrame
        Indexed by (model, quantity).
    """
    limits = bootstrap.loc[exact.index].join(exact)
    columns = {
        "Scans, bootstrap": "",
        "Scans, BCa": "bca_",
        "Scans, exact": "exact_",
        "Scans, Wilson": "wilson_",
        "Patients, bootstrap": "clustered_",
        "Patients, BCa": "clustered_bca_",
    }
    texts = {
        name: [words.interval(*row) for row in limits[[f"{by}low", f"{by}high"]].to_numpy()]
        for name, by in columns.items()
    }
    estimates = {"Estimate": exact["estimate"].map(words.with_interval)}
    return pd.DataFrame(estimates | texts, exact.index).rename_axis(["Model", "Quantity"])
