"""Notebook 5's results as a reader sees them: Table 2, the odds ratios, and the values to quote."""

from dataclasses import asdict

import pandas as pd

from study import roc, tables
from study.run import value


def table_2(performance, bootstrap):
    """Table 2: sensitivity, specificity and AUC of each model, in the paper's form.

    Parameters
    ----------
    performance : DataFrame
        From ``roc.evaluate``.
    bootstrap : DataFrame
        From ``resampling.evaluate``.

    Returns
    -------
    DataFrame
        Text, a row a model.
    """
    rows = {
        model: {
            "Sensitivity %": tables.percent_of(row["true_positives"], row["n_severe"])
            + _percent_interval(bootstrap.loc[(model, "sensitivity")]),
            "Specificity %": tables.percent_of(row["true_negatives"], row["n_nonsevere"])
            + _percent_interval(bootstrap.loc[(model, "specificity")]),
            "AUC": tables.with_interval(row["auc"], row["auc_low"], row["auc_high"]),
            "p value": tables.p_value(row["p_value"]),
        }
        for model, row in performance.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Biomarker")


def roc_drawing(predicted, is_severe, performance):
    """Gather what ``plots.roc_curves`` draws as Figure 4.

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
        "n": (int(is_severe.sum()), int((~is_severe).sum())),
    }


def paired_tests(predicted, is_severe):
    """Compare POI's AUC with the others', by DeLong's paired test on the scans that all models have.

    Parameters
    ----------
    predicted : DataFrame
        ``POI`` and other columns; rows in which one is missing are left out.
    is_severe : Series of bool

    Returns
    -------
    DataFrame
        Indexed by the model compared with: ``difference`` (POI's AUC minus the other's), ``standard_error, z,
        p_value`` and ``n``.
    """
    known = predicted.dropna()
    others = [model for model in known if model != "POI"]
    rows = {model: asdict(roc.delong_test(known["POI"], known[model], is_severe[known.index])) for model in others}
    return pd.DataFrame.from_dict(rows, orient="index").assign(n=len(known)).rename_axis("POI against")


def biomarkers_at_cutoff(scans, predicted, performance):
    """Translate the cut-offs of the models of one biomarker into that biomarker: the scan that a cut-off comes from.

    Returns
    -------
    DataFrame
        Indexed by biomarker: ``at_cutoff``, ``unit`` and ``n``. POI is a fraction.
    """
    rows = {}
    for model, biomarker, unit in (("POI", "poi", ""), ("iHU", "ihu", "HU")):
        scan = (predicted[model] - performance.loc[model, "cutoff"]).abs().idxmin()
        rows[biomarker] = {"at_cutoff": scans.loc[scan, biomarker], "unit": unit, "n": int(performance.loc[model, "n"])}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("biomarker")


def pair_values(paired, at_cutoff):
    """List the numbers of :func:`paired_tests` and :func:`biomarkers_at_cutoff` that a reader may quote."""
    listed = [
        value(f"p_value_delong_poi_{_key(model)}", row["p_value"], n=int(row["n"])) for model, row in paired.iterrows()
    ]
    return listed + [
        value(f"{biomarker}_at_cutoff", row["at_cutoff"], n=row["n"], unit=row["unit"])
        for biomarker, row in at_cutoff.iterrows()
    ]


def odds_ratio_table(regression):
    """Odds ratios per SD with p-values and AIC, as text.

    Parameters
    ----------
    regression : DataFrame
        From ``logistic.summary``.
    """
    rows = [
        {
            "Model": model,
            "Predictor": predictor,
            "Odds ratio per SD": tables.with_interval(row["odds_ratio"], row["ci_low"], row["ci_high"], digits=3),
            "p value": tables.p_value(row["p_value"]),
            "AIC": tables.with_interval(row["aic"], digits=3),
            "Scans": int(row["n"]),
            "Left out": int(row["n_excluded"]),
        }
        for (model, predictor), row in regression.iterrows()
    ]
    return pd.DataFrame(rows).set_index("Model")


def interval_table(performance, bootstrap, by_patient):
    """Put the AUC's intervals together: scans (DeLong's, resampled, BCa) and patients (Obuchowski's, resampled).

    ``patients_over_scans`` is the ratio of the widths of the latter of each.
    """
    of_auc = bootstrap.xs("auc", level="quantity")
    table = performance[["auc", "auc_low", "auc_high"]].join(of_auc)
    table = table.join(by_patient[["low", "high"]].add_prefix("obuchowski_"))
    scans, patients = table["high"] - table["low"], table["clustered_high"] - table["clustered_low"]
    return table.assign(patients_over_scans=(patients / scans).where(scans > 0))


def values(scans, tests, regression, performance, bootstrap):
    """List every number of the notebook that a reader may quote, named as the claims name them.

    Parameters
    ----------
    scans : DataFrame
        The biomarkers, with ``is_severe``.
    tests, regression, performance, bootstrap : DataFrame
        From ``groups.compare``, ``logistic.summary``, ``roc.evaluate`` and ``resampling.evaluate``.

    Returns
    -------
    list of dict
        From :func:`study.run.value`. Fractions are 0..1.
    """
    n, n_severe = len(scans), int(scans["is_severe"].sum())
    listed = [
        value("n_scans", n),
        value("n_patients", scans["patient_id"].nunique()),
        value("n_severe", n_severe),
        value("n_nonsevere", n - n_severe),
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
        ]
    for (model, predictor), row in regression.iterrows():
        name = predictor if _key(model) == predictor else f"{predictor}_adjusted"
        listed += [
            value(f"odds_ratio_{name}", row["odds_ratio"], row["ci_low"], row["ci_high"], int(row["n"])),
            value(f"p_value_odds_ratio_{name}", row["p_value"], n=int(row["n"])),
        ]
    for model in performance.index:
        first = regression.loc[model].iloc[0]
        listed.append(value(f"aic_{_key(model)}", first["aic"], n=int(first["n"])))
        listed += _of_model(_key(model), performance.loc[model], bootstrap.loc[model])
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
        bounded(f"auc_clustered_{key}", row["auc"], "auc", "clustered_"),
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
