"""Notebook 5's results for a reader: who is compared, Table 2, the odds ratios."""

from dataclasses import asdict

import pandas as pd

from study.plural import count
from study.results import words
from study.scans import scan_tables
from study.statistics import clustered, groups, roc

# Predictors of each model, in the order of Table 2.
MODELS = {"POI": ["poi"], "iHU": ["ihu"], "POI+iHU": ["poi", "ihu"]}


def read_biomarkers_with_status(path):
    """Read the biomarkers of the scans whose status is known, and check that severe scans can be compared with others.

    Parameters
    ----------
    path : Path
        As for ``scan_tables.read_biomarkers``.

    Returns
    -------
    DataFrame
        Indexed by scan_id, with ``is_severe``. Scans of unknown status are left out.

    Raises
    ------
    study.scans.schemas.ScanTableError
        If the table breaks its rules.
    ValueError
        If no status is known, all scans or all infected scans have the same one, or POI or iHU does not vary.
    """
    every = scan_tables.read_biomarkers(path).set_index("scan_id")
    scans = every.dropna(subset="status")
    if scans.empty:
        raise ValueError(
            f"{path}: the status of every scan is unknown, and severity needs severe and non-severe ones; "
            "fill in the column status"
        )
    is_severe = scans["status"] == "severe"
    infected = scans["ihu"].notna()
    if is_severe.nunique() < 2:
        raise ValueError(
            f"{path}: status is severe for {is_severe.sum()} of {count(len(scans), 'scan')}, and severity needs severe "
            "and non-severe ones; add scans of the other status"
        )
    if is_severe[infected].nunique() < 2:
        found = f"{is_severe[infected].sum()} severe and {(~is_severe[infected]).sum()} non-severe scans"
        raise ValueError(
            f"{path}: only {found} have an iHU, as the others show no infection, and severity compares infected scans "
            "of both statuses; check whether the segmentation missed infection (the label maps), or the columns poi "
            "and ihu"
        )
    for column in ("poi", "ihu"):
        if scans[column].nunique() < 2:
            raise ValueError(
                f"{path}: {column} is {scans[column].dropna().iloc[0]:g} in every scan that has it, so it "
                "cannot separate severe scans from others; measure more scans, or check that the column holds what was "
                "measured"
            )
    return scans.assign(is_severe=is_severe)


def table_2(performance, bootstrap, by_gee):
    """Table 2: sensitivity, specificity and AUC of each model, in the paper's form, and its p value over patients.

    Parameters
    ----------
    performance : DataFrame
        From ``roc.evaluate``; its p value is the paper's, over scans.
    bootstrap : DataFrame
        From ``resampling.evaluate``.
    by_gee : DataFrame
        From ``clustered.odds_ratios``: the test that no predictor of the model matters; a dash for models without.

    Returns
    -------
    DataFrame
        Text, one row per model.
    """
    over_patients = by_gee["model_p_value"].groupby(level="model").first()
    rows = {
        model: {
            "Sensitivity %": words.percent_of(row["true_positives"], row["n_severe"])
            + _percent_interval(bootstrap.loc[(model, "sensitivity")]),
            "Specificity %": words.percent_of(row["true_negatives"], row["n_nonsevere"])
            + _percent_interval(bootstrap.loc[(model, "specificity")]),
            "AUC": words.with_interval(row["auc"], row["auc_low"], row["auc_high"]),
            "p value, scans": words.p_value(row["p_value"]),
            "p value, patients": words.p_value(over_patients.get(model)),
        }
        for model, row in performance.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Biomarker")


def roc_drawing(predicted, is_severe, performance):
    """Gather what ``plots.roc_curves`` draws in Figure 4.

    Parameters
    ----------
    predicted, is_severe
        As in ``roc.evaluate``.
    performance : DataFrame
        What that gave.

    Returns
    -------
    dict
        The arguments of ``plots.roc_curves``: ``curves, auc, chosen, n``.
    """
    return {
        "curves": roc.curves(predicted, is_severe),
        "auc": performance[["auc", "auc_low", "auc_high"]].T.to_dict("list"),
        "chosen": {model: (1 - row["specificity"], row["sensitivity"]) for model, row in performance.iterrows()},
        "n": {model: (int(row["n_severe"]), int(row["n_nonsevere"])) for model, row in performance.iterrows()},
    }


def group_tests(scans):
    """Test whether severe and other scans differ in POI and iHU, and severe and other patients in sex.

    Parameters
    ----------
    scans : DataFrame
        From :func:`read_biomarkers_with_status`.

    Returns
    -------
    biomarkers : DataFrame
        From ``groups.compare``, over scans as in the paper; then ``patients_p``, the rank test over patients.
    sex : DataFrame
        From ``groups.compare_categories``, over patients; a patient with any severe scan is severe.
    """
    columns, is_severe = ["poi", "ihu"], scans["is_severe"]
    over_patients = clustered.auc_table(scans[columns], is_severe, scans["patient_id"])["p_value"]
    biomarkers = groups.compare(scans, columns, is_severe).assign(patients_p=over_patients)
    patients = groups.of_patients(scans, ["sex"])
    return biomarkers, groups.compare_categories(patients, ["sex"], patients["is_severe"])


def paired_test(predicted, is_severe, patient_ids):
    """Compare the AUCs of POI and iHU on the scans that have both: over scans by DeLong's test, over patients.

    POI+iHU is not compared with POI: their models are nested, and a test of two AUCs does not hold for these
    (``robustness.added_value`` asks whether iHU adds anything).

    Parameters
    ----------
    predicted : DataFrame
        ``POI`` and ``iHU``; rows in which one is missing are left out.
    is_severe, patient_ids : Series

    Returns
    -------
    DataFrame
        Indexed by what is taken as independent, scans or patients: ``difference`` (POI's AUC minus iHU's),
        ``standard_error``, ``p_value`` and ``n``.
    """
    known = predicted[["POI", "iHU"]].dropna()
    given = known["POI"], known["iHU"], is_severe[known.index]
    patients = patient_ids[known.index]
    columns = ["difference", "standard_error", "p_value", "n"]
    rows = {
        "scans": asdict(roc.delong_test(*given)) | {"n": len(known)},
        "patients": clustered.auc_difference(*given, patients) | {"n": patients.nunique()},
    }
    return pd.DataFrame.from_dict(rows, orient="index")[columns].rename_axis("AUC of POI minus iHU, over")


def biomarkers_at_cutoff(scans, predicted, performance):
    """Express the cut-off of each single-biomarker model as a value of that biomarker, that of the scan at the cut-off.

    Returns
    -------
    DataFrame
        Indexed by biomarker: ``at_cutoff``, ``unit``, ``tied`` and ``n``. POI is a fraction; `tied` is the number of
        other cut-offs with the same Youden index; the most sensitive was taken.
    """
    rows = {}
    for model, biomarker, unit in (("POI", "poi", ""), ("iHU", "ihu", "HU")):
        scores = predicted[model].dropna()
        scan = (scores - performance.loc[model, "cutoff"]).abs().idxmin()
        tied = len(roc.youden_ties(scores, scans.loc[scores.index, "is_severe"])) - 1
        rows[biomarker] = {
            "at_cutoff": scans.loc[scan, biomarker], "unit": unit, "tied": tied, "n": int(performance.loc[model, "n"])
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("biomarker")


def odds_ratio_table(regression, penalised):
    """Odds ratios per SD with p-values and AIC, as text.

    Parameters
    ----------
    regression, penalised : DataFrame
        From ``logistic.summary``, by maximum likelihood and with Firth's correction; of the latter the profile
        intervals are shown.
    """
    rows = [
        {
            "Model": key[0],
            "Predictor": words.WORDS[key[1]],
            "Odds ratio per SD": words.with_interval(row["odds_ratio"], row["ci_low"], row["ci_high"], digits=3),
            "Profile interval": words.interval(row["profile_low"], row["profile_high"], digits=3),
            "p value": words.p_value(row["p_value"]),
            "With Firth's correction": words.with_interval(
                *penalised.loc[key, ["odds_ratio", "profile_low", "profile_high"]], digits=3
            ),
            "AIC": words.with_interval(row["aic"], digits=3),
            "Scans": int(row["n"]),
            "Left out": int(row["n_excluded"]),
        }
        for key, row in regression.iterrows()
    ]
    return pd.DataFrame(rows).set_index("Model")


def _percent_interval(limits):
    if limits[["low", "high"]].isna().any():
        return ""
    return f" [{100 * limits['low']:.2f}, {100 * limits['high']:.2f}]"
