"""Severity beyond the paper: patients instead of scans, held-out patients, other choices of the measurement.

These are notebook 5's results for a reader; notebook 6's are in ``progression``.
"""

import numpy as np
import pandas as pd
from scipy import special

from study.plural import count
from study.results import words
from study.run import value
from study.statistics import clustered, logistic, roc, tornado, validation

CUTOFF_STEP = 0.1  # the cut-off is moved by this share of itself


def by_patient_table(regression, by_gee):
    """Odds ratios with scan-level and patient-clustered errors, as text; `by_gee` is from ``clustered.odds_ratios``."""
    rows = {}
    for key, over_patients in by_gee.iterrows():
        over_scans = regression.loc[key]
        rows[key[0], words.WORDS[key[1]]] = {
            "Errors over scans": words.with_interval(*over_scans[["odds_ratio", "ci_low", "ci_high"]], digits=3),
            "p, scans": words.p_value(over_scans["p_value"]),
            "Errors over patients": words.with_interval(*over_patients[["odds_ratio", "ci_low", "ci_high"]], digits=3),
            "p, patients": words.p_value(over_patients["p_value"]),
            "Ratio of errors": over_patients["standard_error"] / over_scans["standard_error"],
        }
    index = pd.MultiIndex.from_tuples(rows, names=["Model", "Predictor"]) if rows else by_gee.index
    columns = ["Errors over scans", "p, scans", "Errors over patients", "p, patients", "Ratio of errors"]
    return pd.DataFrame(list(rows.values()), index, columns)


EXACT = "all pairs in one order: the interval is the exact one-sided bound, not DeLong's"
NO_INTERVAL = ("no interval: fewer than two scans of a status", "no interval: the scores do not vary")


def on_some_scans(scans, models, confidence=0.95):
    """AUC of each model fitted to and evaluated on some of the scans: one per patient, or those without notes.

    Parameters
    ----------
    scans : DataFrame
        The biomarkers, with ``is_severe``.
    models : mapping of str to list of str
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Indexed by (scans, model), where scans is ``first`` or ``worst``, one per patient, or, if the table has the
        column ``notes``, ``without notes``: ``n, n_severe, auc, auc_low, auc_high`` (DeLong) and ``note``, the reason
        where there is no interval or another, or a model cannot be fitted to so few scans and the rest is NaN.
    """
    choices = {which: clustered.one_scan_each(scans, which) for which in ("first", "worst")}
    if "notes" in scans:
        choices["without notes"] = scans[scans["notes"].isna()]
    rows = {}
    for which, chosen in choices.items():
        for model, predictors in models.items():
            complete = chosen.dropna(subset=predictors)
            row = {"n": len(complete), "n_severe": int(complete["is_severe"].sum()), "note": ""}
            try:
                predicted = logistic.predictions(logistic.fit_each(complete, {model: predictors}))
                evaluated = roc.evaluate(predicted, complete["is_severe"], confidence)
                row |= evaluated.loc[model, ["auc", "auc_low", "auc_high"]]
                if row["auc"] in (0, 1):
                    row["note"] = EXACT
                elif np.isfinite(row["auc"]) and np.isnan(row["auc_low"]):
                    row["note"] = NO_INTERVAL[min(row["n_severe"], row["n"] - row["n_severe"]) > 1]
            except ValueError as error:
                row |= {"auc": np.nan, "auc_low": np.nan, "auc_high": np.nan, "note": str(error)}
            rows[which, model] = row
    table = pd.DataFrame(list(rows.values()), pd.MultiIndex.from_tuples(rows, names=["scans", "model"]))
    return table[["n", "n_severe", "auc", "auc_low", "auc_high", "note"]]


def added_value(fits, poi_alone, by_gee):
    """Ask whether iHU adds anything to POI, on the scans that have both: whether its coefficient differs from 0.

    The AUCs of POI and POI+iHU are not compared by a test: one model contains the other, so that their AUCs hardly
    differ where iHU adds nothing, and such a test then rejects in less than 3 % of simulations at 5 %, or in more where
    POI itself has no effect (Demler; Pepe). The gain in AUC on held-out patients is in :func:`validation_table`.

    Parameters
    ----------
    fits : mapping of str to logistic.Fit
        With ``POI+iHU``.
    poi_alone : logistic.Fit
        POI on the scans that have an iHU: a likelihood ratio compares models of the same scans.
    by_gee : DataFrame
        From ``clustered.odds_ratios``.

    Returns
    -------
    DataFrame
        Indexed by test: ``what`` is tested, ``estimate`` and ``p_value``; NaN where a model is separated.

    References
    ----------
    Demler OV, Pencina MJ, D'Agostino RB. Stat Med 2012;31:2577-2587. Pepe MS et al. Stat Med 2013;32:1467-1482.
    """
    ratio = logistic.likelihood_ratio_test(poi_alone, fits["POI+iHU"])
    adjusted = by_gee.reindex([("POI+iHU", "ihu")]).iloc[0]
    rows = {
        "likelihood ratio, scans": ("2 log likelihood ratio, 1 degree of freedom", ratio.statistic, ratio.p_value),
        "Wald in GEE, patients": ("odds ratio of iHU beside POI", adjusted["odds_ratio"], adjusted["p_value"]),
    }
    return pd.DataFrame.from_dict(rows, "index", columns=["what", "estimate", "p_value"]).rename_axis("test")


def validation_table(held_out, optimism, unseen, is_severe, patient_ids, by_patient, confidence=0.95):
    """Apparent, held-out and corrected AUC, sensitivity and specificity; the AUCs with intervals over patients.

    The held-out AUC has Obuchowski's error of all held-out predictions; the corrected one the interval of the apparent
    AUC, moved by the optimism (Noma).

    Parameters
    ----------
    held_out, unseen : DataFrame
        From ``validation.cross_validate``.
    optimism : DataFrame
        From ``validation.optimism``.
    is_severe, patient_ids : Series
    by_patient : DataFrame
        From ``clustered.auc_table``, of the apparent AUC.
    confidence : float

    References
    ----------
    Noma H et al. Stat Med 2021;40:5691-5701.
    """
    by_fold = held_out[list(validation.QUANTITIES)].stack().rename("held_out")
    table = optimism[["apparent", "optimism", "corrected"]].join(by_fold.rename_axis(["model", "quantity"]))
    ends = [f"{kind}_{end}" for kind in ("corrected", "held_out") for end in ("low", "high")]
    table[ends] = np.nan
    for model in held_out.index:
        key = model, "auc"
        apparent = by_patient.loc[model, ["low", "high"]].to_numpy(float)
        table.loc[key, ends[:2]] = np.clip(apparent - table.loc[key, "optimism"], 0, 1)
        known = unseen[[model]].dropna()
        if not len(known):
            continue
        pooled = clustered.auc_table(known, is_severe[known.index], patient_ids[known.index], confidence).loc[model]
        # On the logit scale the interval moves from the AUC of all predictions together to the mean over the folds.
        with np.errstate(invalid="ignore"):  # both infinite where held-out patients are told apart perfectly
            moved = special.logit(table.loc[key, "held_out"]) - special.logit(pooled["auc"])
        table.loc[key, ends[2:]] = special.expit(special.logit(pooled[["low", "high"]].to_numpy(float)) + moved)
    return table


def youden_in_words(validated):
    """What choosing the cut-off on the scans that it is judged on does to the Youden index of each model."""
    rates = validated[validated.index.get_level_values("quantity").isin(["sensitivity", "specificity"])]
    index = rates[["apparent", "held_out"]].groupby(level="model", sort=False).sum(min_count=2) - 1
    said = "; ".join(f"{model} {' and '.join(map(words.with_interval, row))}" for model, row in index.iterrows())
    return f"Youden index with the cut-off chosen on the same scans, and on other patients: {said}"


def calibrations(predicted, is_severe, patient_ids, confidence=0.95):
    """Calibration of each column's held-out probabilities.

    Returns
    -------
    summary : DataFrame
        By model ``slope, intercept, n`` and ``slope_low, slope_high`` over patients.
    bins : dict of str to DataFrame
        From ``validation.calibration_bins``.
    """
    summary = {name: validation.calibration(predicted[name], is_severe) for name in predicted}
    for name, row in summary.items():
        limits = validation.slope_limits(predicted[name], is_severe, patient_ids, confidence)
        row["slope_low"], row["slope_high"] = limits
    bins = {name: validation.calibration_bins(predicted[name], is_severe, confidence=confidence) for name in predicted}
    return pd.DataFrame.from_dict(summary, "index").rename_axis("model"), bins


def measured_otherwise(scans, fits, cutoffs, variants=None):
    """How far the headline results move when one choice changes; model and cut-off stay as they were fitted.

    Parameters
    ----------
    scans : DataFrame
        The biomarkers, indexed by scan_id, with ``is_severe``.
    fits : mapping of str to logistic.Fit
    cutoffs : mapping
        The probability at which each model calls a scan severe.
    variants : DataFrame, optional
        As for ``tornado.scenarios``.

    Returns
    -------
    DataFrame
        From ``tornado.moves``.
    """
    tables_by_choice = tornado.scenarios(scans, variants)
    others = {key: _headlines(table, fits, cutoffs) for key, table in tables_by_choice.items()}
    for side, sign in zip(tornado.SIDES, (-1, 1), strict=True):
        moved = _headlines(scans, fits, cutoffs * (1 + sign * CUTOFF_STEP))
        others["cutoff", side] = {name: found for name, found in moved.items() if name[:4] in ("Sens", "Spec")}
    return tornado.moves(_headlines(scans, fits, cutoffs), others)


def decimals(moved):
    """With how many decimals each row of :func:`measured_otherwise` is printed: a median in per cent has one."""
    return [1 if "(%)" in headline else words.SHARE_DIGITS for headline in moved["headline"]]


def shown(scans, variants=None):
    """Say what :func:`measured_otherwise` shows and of how many scans, for the caption of its figure.

    Parameters
    ----------
    scans : DataFrame
        As for :func:`measured_otherwise`, with ``patient_id``.
    variants : DataFrame, optional
        As for :func:`measured_otherwise`.
    """
    emptied = 0 if variants is None else int((scans["ihu"].notna() & variants["smaller_ihu"].isna()).sum())
    n_without = int(scans["ihu"].isna().sum())
    left_out = f"; models with iHU leave out {count(n_without, 'scan')} without infection" if n_without else ""
    return (
        "Severity under other choices of the measurement: area under the curve (AUC), sensitivity and specificity, "
        "from 0 to 1, of the models of portion of infection (POI), of mean Hounsfield unit of the infection (iHU) and "
        f"of both, and the median POI in per cent, of {count(len(scans), 'scan')} "
        f"({int(scans['is_severe'].sum())} severe) of {count(scans['patient_id'].nunique(), 'patient')}{left_out}. "
        "Models and cut-offs stay as they were fitted."
        + f" The smaller mask leaves no infection in {count(emptied, 'scan')}, which models with iHU leave out there."
        * bool(emptied)
    )


def auc_of_truth(variants, scans):
    """AUC of the biomarkers by the true masks and as measured: how much the measurement lowers or raises it.

    Parameters
    ----------
    variants : DataFrame or None
        Indexed by scan_id: ``true_poi`` and ``true_ihu``, NaN where unknown or undefined.
    scans : DataFrame
        As for :func:`measured_otherwise`.

    Returns
    -------
    DataFrame
        Indexed by biomarker, ``POI`` and ``iHU``: ``n`` scans that have both its true and its measured value, and its
        AUC on these, ``by_truth`` and ``as_measured``. Only if there are such scans of both statuses.
    """
    found = {}
    for name, column in (("POI", "poi"), ("iHU", "ihu")) if variants is not None else ():
        both = scans[["is_severe", column]].join(variants[f"true_{column}"]).dropna()
        if both["is_severe"].nunique() == 2:
            by_truth, as_measured = (roc.auc(both[of], both["is_severe"]) for of in (f"true_{column}", column))
            found[name] = {"n": len(both), "by_truth": by_truth, "as_measured": as_measured}
    return pd.DataFrame.from_dict(found, "index", columns=["n", "by_truth", "as_measured"])


def truth_in_words(by_truth):
    """The table of :func:`auc_of_truth` as a sentence."""
    said = (
        f"{name} {words.as_share(row.by_truth)} and {words.as_share(row.as_measured)} ({count(int(row.n), 'scan')})"
        for name, row in by_truth.iterrows()
    )
    return f"AUC by the true masks, and as measured on the same scans: {'; '.join(said) or 'unknown'}"


def _headlines(scans, fits, cutoffs):
    found = {}
    for model, fitted in fits.items():
        probability = _apply(fitted, scans)
        status = scans.loc[probability.index, "is_severe"]
        if fitted.note or status.nunique() < 2:
            continue
        # The cut-off is the probability of one of the scans, which must reach it however sums are rounded.
        point = roc.operating_point(probability, status, cutoffs[model] * (1 - 1e-9))
        found |= {
            f"AUC, {model}": roc.auc(probability, status),
            f"Sensitivity, {model}": point.sensitivity,
            f"Specificity, {model}": point.specificity,
        }
    medians = 100 * scans.groupby("is_severe")["poi"].median()
    return found | {
        f"Median POI (%), {word}": medians[flag] for flag, word in ((True, "severe"), (False, "non-severe"))
    }


def _apply(fitted, scans):
    """Probability by a fitted model for all scans that have its predictors, whichever scans it was fitted to."""
    estimates = fitted.estimates
    known = scans[list(estimates.index)].astype(float).dropna()
    standardised = (known - estimates["mean"]) / estimates["sd"]
    return special.expit(fitted.intercept + standardised @ estimates["coefficient"])


def values(by_patient, by_gee, on_some, added, validated, calibrated, moved):
    """List the numbers of these sections that a reader may quote.

    Parameters
    ----------
    by_patient, by_gee : DataFrame
        From ``clustered.auc_table`` and ``clustered.odds_ratios``.
    on_some, added, validated : DataFrame
        From the functions above.
    calibrated : DataFrame
        The summary from :func:`calibrations`.
    moved : DataFrame
        From :func:`tornado`.

    Returns
    -------
    list of dict
        From :func:`study.run.value`.
    """
    listed = []
    for model, row in by_patient.iterrows():
        name, size = f"auc_obuchowski_{_key(model)}", int(row["n_patients"])
        listed.append(value(name, row["auc"], row["low"], row["high"], size))
    for (model, predictor), row in by_gee.iterrows():
        name = predictor if _key(model) == predictor else f"{predictor}_adjusted"
        odds = row[["odds_ratio", "ci_low", "ci_high"]]
        listed += [
            value(f"odds_ratio_gee_{name}", *odds, n=int(row["n_patients"])),
            value(f"p_value_gee_{name}", row["p_value"], n=int(row["n_patients"])),
        ]
    for model, p_value in by_gee["model_p_value"].groupby(level="model").first().items():
        listed.append(value(f"p_value_model_{_key(model)}", p_value, n=int(by_gee.loc[model, "n_patients"].iloc[0])))
    for (which, model), row in on_some.iterrows():
        scans = _key(which) if which == "without notes" else f"{which}_scan"
        listed.append(value(f"auc_{scans}_{_key(model)}", *row[["auc", "auc_low", "auc_high"]], n=int(row["n"])))
    for test, name in TESTS.items():
        listed.append(value(f"p_value_ihu_adds_{name}", added.loc[test, "p_value"]))
    for (model, quantity), row in validated.iterrows():
        listed += [
            value(f"{quantity}_{kind}_{_key(model)}", row[kind], row[f"{kind}_low"], row[f"{kind}_high"])
            for kind in ("held_out", "corrected")
        ]
    for model, row in calibrated.iterrows():
        n = int(row["n"])
        listed += [
            value(f"calibration_slope_{_key(model)}", *row[["slope", "slope_low", "slope_high"]], n=n),
            value(f"calibration_intercept_{_key(model)}", row["intercept"], n=n),
        ]
    return listed + moves(moved)


TESTS = {
    "likelihood ratio, scans": "likelihood_ratio",
    "Wald in GEE, patients": "gee",
}


def moves(moved):
    """Values of a tornado: the largest move of each headline, signed; of one in per cent, as a fraction."""
    largest = tornado.largest_move(moved)
    return [
        value(f"largest_move_{_key(headline)}", row["move"] / (100 if "(%)" in headline else 1))
        for headline, row in largest.iterrows()
    ]


def _key(words):
    """Name of a model or headline inside a value's name: ``AUC, POI+iHU`` -> ``auc_poi_ihu``."""
    return "_".join("".join(letter if letter.isalnum() else " " for letter in words.lower()).split())
