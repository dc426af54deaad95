"""Beside Table 2: what a call means for one scan, and how precise a cohort of this size can be."""

import numpy as np
import pandas as pd

from study.results import words
from study.run import value
from study.statistics import predictive, resampling, roc
from study.statistics.confidence import tail

QUANTITIES = {
    "sensitivity": "Sensitivity", "specificity": "Specificity", "lr_positive": "Likelihood ratio of a positive call",
    "lr_negative": "Likelihood ratio of a negative call", "ppv": "PPV, prevalence of the study",
    "npv": "NPV, prevalence of the study", "ppv_stated": "PPV, stated prevalence",
    "npv_stated": "NPV, stated prevalence",
    "average_precision": "Average precision (baseline: the prevalence)",
}  # fmt: skip
HALF_WIDTH = 0.05  # of an interval, that a future study may want
FEWEST_PATIENTS = 10  # so few do not tell how wide the interval of more would be


def beside_table_2(
    predicted, is_severe, patient_ids, performance, prevalence, n_resamples=2000, seed=1, confidence=0.95
):
    """Likelihood ratios, predictive values and average precision of each model, with intervals over patients.

    Parameters
    ----------
    predicted : DataFrame
        One column per model, one row per scan; a scan that lacks one is left out for that model.
    is_severe, patient_ids : Series
    performance : DataFrame
        From ``roc.evaluate``.
    prevalence : float
        Share of severe scans where the model might be used; predictive values are given there and at the study's own.
        Both prevalences are taken as known.
    n_resamples, seed, confidence
        Of the bootstrap of patients.

    Returns
    -------
    DataFrame
        Indexed by (model, quantity), the quantities being `QUANTITIES`: ``estimate``; ``low, high`` with the cut-off
        kept; ``low_anew, high_anew`` with the cut-off chosen anew in each resample, as it was chosen on these scans;
        ``n`` scans, ``n_patients``. Percentile intervals, NaN where all resamples give the same number.
    """
    beyond = tail(confidence)
    rows = {}
    for model in predicted.columns:
        scores = predicted[model].dropna()
        status, patients, row = is_severe[scores.index], patient_ids[scores.index], performance.loc[model]
        drawn = resampling.clustered(scores, status, patients, n_resamples, seed, row["cutoff"])
        estimates = _of_rates(row["sensitivity"], row["specificity"], status.mean(), prevalence)
        estimates["average_precision"] = predictive.precision_recall(scores, status)[1]
        limits = {}
        for name, of in (("", ""), ("_anew", "_reselected")):
            rates = drawn[f"sensitivity{of}"], drawn[f"specificity{of}"]
            resampled = pd.DataFrame(_of_rates(*rates, status.mean(), prevalence))
            resampled["average_precision"] = drawn["average_precision"]
            # A likelihood ratio may be infinite, and nothing lies between that and a number.
            ends = resampled.quantile([beyond, 1 - beyond], interpolation="nearest")
            finite = ~np.isinf(resampled).any()
            ends.loc[:, finite] = resampled.loc[:, finite].quantile([beyond, 1 - beyond])
            ends = ends.mask(resampled.nunique() < 2, axis=1)
            limits |= {f"low{name}": ends.iloc[0], f"high{name}": ends.iloc[1]}
        for quantity, estimate in estimates.items():
            rows[model, quantity] = {"estimate": float(estimate)} | {end: of[quantity] for end, of in limits.items()}
            rows[model, quantity] |= {"n": len(scores), "n_patients": patients.nunique()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "quantity"])


def _of_rates(sensitivity, specificity, *prevalences):
    positive, negative = predictive.likelihood_ratios(sensitivity, specificity)
    found = dict(sensitivity=sensitivity, specificity=specificity, lr_positive=positive, lr_negative=negative)
    for suffix, prevalence in zip(("", "_stated"), prevalences, strict=True):
        found[f"ppv{suffix}"], found[f"npv{suffix}"] = predictive.predictive_values(
            sensitivity, specificity, prevalence
        )
    return found


def in_words(table):
    """The table of :func:`beside_table_2` as text: estimate and both intervals; likelihood ratios with three digits."""
    rows = {}
    for (model, quantity), row in table.iterrows():
        numbers = row[["estimate", "low", "high", "low_anew", "high_anew"]]
        digits = words.decimals_of(numbers) if quantity.startswith("lr_") else words.SHARE_DIGITS
        rows[model, QUANTITIES[quantity]] = {
            "Cut-off kept": words.with_interval(*numbers[:3], digits=digits),
            "Cut-off chosen anew": words.interval(*numbers[3:], digits=digits),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["Model", "Intervals over patients"])


def turned(scans, predicted):
    """Say of which biomarkers lower values are called severe, as a model does whose odds ratio is below 1.

    Parameters
    ----------
    scans : DataFrame
        With ``is_severe, poi`` and ``ihu``.
    predicted : DataFrame
        Probabilities by model, as for ``roc.evaluate``.

    Returns
    -------
    str
        Sentences that follow others, with the AUC of the values themselves; empty if there are none.
    """
    said = ""
    for model, column in (("POI", "poi"), ("iHU", "ihu")):
        both = pd.DataFrame({"value": scans[column], "probability": predicted[model]}).dropna()
        if both["value"].corr(both["probability"], method="spearman") < 0:
            area = roc.auc(both["value"], scans.loc[both.index, "is_severe"])
            said += (f" Of {model}, lower values are called severe here, as its odds ratio is below 1: the AUC of the "
                     f"values themselves, the higher ones called severe, is {words.as_share(area)}.")  # fmt: skip
    return said


def recall_drawing(predicted, is_severe):
    """Gather what ``plots.precision_recall`` draws: ``curves`` (each with its own scans' ``baseline``) by model."""
    drawn = {}
    for model in predicted.columns:
        scores = predicted[model].dropna()
        status = is_severe[scores.index]
        curve, average = predictive.precision_recall(scores, status)
        drawn[model] = {"curve": curve, "average_precision": average, "baseline": float(status.mean())}
    return {"curves": drawn}


def precision(by_patient, beside, is_severe, patient_ids, confidence=0.95):
    """How wide the intervals of these patients are, and how many patients half-widths of 0.05 would take.

    Parameters
    ----------
    by_patient : DataFrame
        From ``clustered.auc_table``.
    beside : DataFrame
        From :func:`beside_table_2`.
    is_severe, patient_ids : Series

    Returns
    -------
    DataFrame
        Indexed by (model, quantity), for ``auc``, ``sensitivity`` and ``specificity``: ``half_width`` of the interval
        over patients, ``n_patients`` of the status on which it depends (the rarer one for the AUC), and
        ``patients_for_5_points``, how many such patients would give a half-width of `HALF_WIDTH`: it falls with the
        square root of their number. The cut-off is kept: chosen anew, both rates depend on the patients of both
        statuses, and the few severe ones make that of specificity wide however many others there are. NaN where there
        is no interval, and of fewer than `FEWEST_PATIENTS` patients.
    """
    n_of = {status: patient_ids[is_severe == status].nunique() for status in (True, False)}
    rows = {}
    for model, row in by_patient.iterrows():
        widths = {
            "auc": ((row["high"] - row["low"]) / 2, min(n_of.values())),
            "sensitivity": (_half(beside.loc[(model, "sensitivity")]), n_of[True]),
            "specificity": (_half(beside.loc[(model, "specificity")]), n_of[False]),
        }
        for quantity, (half, n) in widths.items():
            needed = np.ceil(n * (half / HALF_WIDTH) ** 2) if n >= FEWEST_PATIENTS else np.nan
            rows[model, quantity] = {"half_width": half, "n_patients": n, "patients_for_5_points": needed}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "quantity"])


def _half(row):
    return (row["high"] - row["low"]) / 2


def values(beside, precise, prevalence):
    """List the numbers of :func:`beside_table_2` and :func:`precision` that a reader may quote."""
    listed = [value("stated_prevalence", prevalence)]
    for (model, quantity), row in beside.iterrows():
        key = model.lower().replace("+", "_")
        if quantity not in ("sensitivity", "specificity"):
            listed.append(value(f"{quantity}_{key}", *row[["estimate", "low", "high"]], n=int(row["n_patients"])))
        if quantity != "average_precision":
            listed.append(
                value(f"{quantity}_anew_{key}", *row[["estimate", "low_anew", "high_anew"]], n=int(row["n_patients"]))
            )
    for (model, quantity), row in precise.iterrows():
        key = model.lower().replace("+", "_")
        listed.append(value(f"half_width_{quantity}_{key}", row["half_width"], n=int(row["n_patients"])))
    return listed
