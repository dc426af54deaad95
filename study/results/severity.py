"""Notebook 5's results for a reader: Table 2, the odds ratios, and the values to quote."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from study.plural import count
from study.results import replicates, words
from study.run import value
from study.scans import scan_tables
from study.statistics import clustered, groups, logistic, roc

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


def unknown_status(path):
    """How many scans :func:`read_biomarkers_with_status` left out, and of how many patients.

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


def pair_values(paired, at_cutoff):
    """List the numbers of :func:`paired_test` and :func:`biomarkers_at_cutoff` that a reader may quote."""
    names = {"p_value_delong_poi_ihu": "scans", "p_value_obuchowski_poi_ihu": "patients"}
    listed = [value(name, paired.loc[unit, "p_value"], n=int(paired.loc[unit, "n"])) for name, unit in names.items()]
    return listed + [
        value(f"{biomarker}_at_cutoff", row["at_cutoff"], n=row["n"], unit=row["unit"])
        for biomarker, row in at_cutoff.iterrows()
    ]


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


def values(scans, tests, regression, performance, bootstrap):
    """List every number of the notebook that a reader may quote, named as the claims name them.

    Parameters
    ----------
    scans : DataFrame
        The biomarkers, with ``is_severe``.
    tests, regression, performance, bootstrap : DataFrame
        From :func:`group_tests`, ``logistic.summary``, ``roc.evaluate`` and ``resampling.evaluate``.

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
    return listed


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


def at_cutoffs(scans):
    """Sensitivity and specificity of each model at its Youden cut-off, by name (arguments as in :func:`quoted`)."""
    found = {}
    for model, predictors in MODELS.items():
        predicted = logistic.maximise(scans, predictors).predicted
        point = roc.youden(predicted, scans.loc[predicted.index, "is_severe"])
        found |= {f"sensitivity_{_key(model)}": point.sensitivity, f"specificity_{_key(model)}": point.specificity}
    return found


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
        for predictor, coefficient in fitted.coefficients.items():
            name = predictor if key == predictor else f"{predictor}_adjusted"
            found[f"odds_ratio_{name}"] = np.exp(coefficient)
    return found


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


def _key(model):
    """Name of a model inside a value's name: ``POI+iHU`` -> ``poi_ihu``."""
    return model.lower().replace("+", "_")


def _percent_interval(limits):
    if limits[["low", "high"]].isna().any():
        return ""
    return f" [{100 * limits['low']:.2f}, {100 * limits['high']:.2f}]"
