"""Notebook 5's numbers that a reader may quote, named as the claims name them, and how far each would vary.

The AUC of a model and that of its biomarker's values are two numbers where lower values are severe: the model turns
the biomarker. What is printed of a biomarker elsewhere is compared with the AUC of the values.
"""

import numpy as np

from study.results import replicates
from study.results.severity import MODELS
from study.run import value
from study.scans import scan_tables
from study.statistics import logistic, roc


def unknown_status(path):
    """How many scans ``severity.read_biomarkers_with_status`` left out, and of how many patients.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of dict
        From :func:`study.run.value`; empty if every status is known.
    """
    every = scan_tables.read_biomarkers(path)
    unknown = every[every["status"].isna()]
    n_patients = unknown["patient_id"].nunique()
    return [
        value("n_status_unknown", len(unknown)), value("n_patients_status_unknown", n_patients),
    ] if len(unknown) else []  # fmt: skip


def values(scans, tests, regression, performance, bootstrap):
    """List every number of the notebook that a reader may quote, named as the claims name them.

    Parameters
    ----------
    scans : DataFrame
        The biomarkers, with ``is_severe``.
    tests, regression, performance, bootstrap : DataFrame
        From ``severity.group_tests``, ``logistic.summary``, ``roc.evaluate`` and ``resampling.evaluate``.

    Returns
    -------
    list of dict
        From :func:`study.run.value`. Fractions are 0..1.
    """
    n, n_severe = len(scans), int(scans["is_severe"].sum())
    n_patients = scans.groupby("is_severe")["patient_id"].nunique()  # patients with both kinds of scans are in both
    listed = [
        value("n_scans", n),
        value("n_patients", scans["patient_id"].nunique()),
        value("n_severe", n_severe),
        value("n_nonsevere", n - n_severe),
        value("n_patients_severe", int(n_patients.get(True, 0))),
        value("n_patients_nonsevere", int(n_patients.get(False, 0))),
        value("n_without_infection", int(scans["ihu"].isna().sum()), n=n),
    ]
    for biomarker, row in tests.iterrows():
        unit = "HU" if biomarker == "ihu" else ""
        n_tested = int(row["n_severe"] + row["n_nonsevere"])
        listed += [
            value(f"median_{biomarker}_severe", row["median_severe"], n=int(row["n_severe"]), unit=unit),
            value(f"median_{biomarker}_nonsevere", row["median_nonsevere"], n=int(row["n_nonsevere"]), unit=unit),
            value(f"p_value_mann_whitney_{biomarker}", row["mann_whitney_p"], n=n_tested),
            value(f"p_value_welch_{biomarker}", row["welch_p"], n=n_tested),
            value(
                f"p_value_patients_{biomarker}",
                row["patients_p"],
                n=scans.loc[scans[biomarker].notna(), "patient_id"].nunique(),
            ),
        ]
    for (model, predictor), row in regression.iterrows():
        name = predictor if _key(model) == predictor else f"{predictor}_adjusted"
        listed += [
            value(f"odds_ratio_{name}", row["odds_ratio"], row["ci_low"], row["ci_high"], int(row["n"])),
            value(f"p_value_odds_ratio_{name}", row["p_value"], n=int(row["n"])),
            # The whole model: log odds = intercept + sum of coefficient * (predictor - mean) / SD.
            *(value(f"{part}_{name}", row[part], n=int(row["n"])) for part in ("coefficient", "mean", "sd")),
        ]
    for model in performance.index:
        first = regression.loc[model].iloc[0]
        listed += [value(f"{part}_{_key(model)}", first[part], n=int(first["n"])) for part in ("aic", "intercept")]
        listed += _of_model(_key(model), performance.loc[model], bootstrap.loc[model])
        if len(MODELS[model]) == 1:
            known = scans.dropna(subset=MODELS[model])
            area = roc.auc(known[MODELS[model][0]], known["is_severe"])
            listed.append(_auc_of_values(_key(model), performance.loc[model], area))
    return listed


def _of_model(key, row, limits):
    n, n_severe, n_other = (int(row[name]) for name in ("n", "n_severe", "n_nonsevere"))

    def bounded(name, number, quantity, by="", size=n):
        return value(name, number, limits.loc[quantity, f"{by}low"], limits.loc[quantity, f"{by}high"], size)

    return [
        value(f"n_{key}", n),
        value(f"n_severe_{key}", n_severe),
        value(f"n_nonsevere_{key}", n_other),
        value(f"auc_{key}", row["auc"], row["auc_low"], row["auc_high"], n),
        bounded(f"auc_bootstrap_{key}", row["auc"], "auc"),
        bounded(f"auc_clustered_{key}", row["auc"], "auc", "clustered_bca_"),
        value(f"p_value_auc_{key}", row["p_value"], n=n),
        bounded(f"cutoff_{key}", row["cutoff"], "cutoff"),
        bounded(f"sensitivity_{key}", row["sensitivity"], "sensitivity", size=n_severe),
        bounded(f"specificity_{key}", row["specificity"], "specificity", size=n_other),
        bounded(f"sensitivity_reselected_{key}", row["sensitivity"], "sensitivity_reselected", size=n_severe),
        bounded(f"specificity_reselected_{key}", row["specificity"], "specificity_reselected", size=n_other),
        value(f"true_positives_{key}", int(row["true_positives"]), n=n_severe),
        value(f"true_negatives_{key}", int(row["true_negatives"]), n=n_other),
    ]


def _auc_of_values(key, row, area):
    """The AUC of a biomarker's values, the higher ones called severe, in its model's interval, or that turned."""
    low, high = row[["auc_low", "auc_high"]]
    if not np.isclose(area, row["auc"]):
        low, high = 1 - high, 1 - low
    return value(f"auc_of_values_{key}", area, low, high, int(row["n"]))


def pair_values(paired, at_cutoff):
    """List the numbers of ``severity.paired_test`` and ``severity.biomarkers_at_cutoff`` that a reader may quote."""
    names = {"p_value_delong_poi_ihu": "scans", "p_value_obuchowski_poi_ihu": "patients"}
    listed = [value(name, paired.loc[unit, "p_value"], n=int(paired.loc[unit, "n"])) for name, unit in names.items()]
    return listed + [
        value(f"{biomarker}_at_cutoff", row["at_cutoff"], n=row["n"], unit=row["unit"])
        for biomarker, row in at_cutoff.iterrows()
    ]


def standard_errors(scans, n_resamples=replicates.N_RESAMPLES, seed=1):
    """Standard errors over patients of notebook 5's numbers, but for p values (from ``replicates``).

    The rates are those of a cut-off that is chosen anew in each resample; a count at the cut-off varies as its rate and
    as the number of scans.

    Parameters
    ----------
    scans : DataFrame
        ``patient_id, is_severe, poi, ihu``.
    n_resamples, seed : int

    Returns
    -------
    dict of str to float
    """
    scans = scans[["patient_id", "is_severe", "poi", "ihu"]]  # the fewer columns, the sooner a resample is drawn
    errors = replicates.standard_errors(scans, quoted, n_resamples, seed)
    of_rates = replicates.cube_root_errors(scans, at_cutoffs, n_resamples, seed)
    if not (errors and of_rates):
        return errors | of_rates  # hardly a resample had both statuses, or one that is not separated
    counts = {"sensitivity": ("true_positives", "n_severe"), "specificity": ("true_negatives", "n_nonsevere")}
    for name, rate in at_cutoffs(scans).items():
        kind, _, key = name.partition("_")
        count, of = counts[kind]
        n = int((scans["is_severe"] == (kind == "sensitivity")).sum())
        errors[f"{count}_{key}"] = float(np.hypot(n * of_rates[name], rate * errors[of]))
    return errors | of_rates


def quoted(scans):
    """Notebook 5's numbers that are no p values and are not read off at a cut-off: groups, odds ratios, AIC, AUC.

    Parameters
    ----------
    scans : DataFrame
        ``patient_id, is_severe, poi, ihu``.
    """
    is_severe = scans["is_severe"]
    found = {"n_scans": len(scans), "n_severe": is_severe.sum(), "n_nonsevere": (~is_severe).sum()}
    found |= {"n_patients": scans["patient_id"].nunique(), "n_without_infection": scans["ihu"].isna().sum()}
    for word, group in (("severe", is_severe), ("nonsevere", ~is_severe)):
        found |= {f"median_{name}_{word}": scans.loc[group, name].median() for name in ("poi", "ihu")}
    for model, predictors in MODELS.items():
        key = _key(model)
        fitted = logistic.maximise(scans, predictors)
        severe = is_severe[fitted.predicted.index]
        found |= {f"aic_{key}": fitted.aic, f"auc_{key}": roc.auc(fitted.predicted, severe)}
        if len(predictors) == 1:
            found[f"auc_of_values_{key}"] = roc.auc(scans.loc[severe.index, predictors[0]], severe)
        for predictor, coefficient in fitted.coefficients.items():
            name = predictor if key == predictor else f"{predictor}_adjusted"
            found[f"odds_ratio_{name}"] = np.exp(coefficient)
    return found


def at_cutoffs(scans):
    """Sensitivity and specificity of each model at its Youden cut-off, by name (arguments as in :func:`quoted`)."""
    found = {}
    for model, predictors in MODELS.items():
        predicted = logistic.maximise(scans, predictors).predicted
        point = roc.youden(predicted, scans.loc[predicted.index, "is_severe"])
        found |= {f"sensitivity_{_key(model)}": point.sensitivity, f"specificity_{_key(model)}": point.specificity}
    return found


def _key(model):
    """Name of a model inside a value's name: ``POI+iHU`` -> ``poi_ihu``."""
    return model.lower().replace("+", "_")
