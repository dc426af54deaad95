"""How a model would perform on unseen patients: cross-validation, optimism, calibration, net benefit.

A model and a cut-off look better than they are on the scans that they were fitted and chosen on. Here whole patients
are held out or resampled, never single scans, as a patient's other scans would leak the answer.
"""

import numpy as np
import pandas as pd
from scipy import special

from study.statistics import agreement, clustered, proportion, roc

QUANTITIES = ("auc", "sensitivity", "specificity")


def cross_validate(table, models, is_severe, patient_ids, n_folds=10, n_repeats=5, seed=1):
    """Predict every scan by models fitted, with cut-offs chosen, on other patients only.

    Folds of patients are stratified by whether they ever had a severe scan. Each fold is predicted by logistic
    regression on the others, and called severe at the Youden cut-off of the others.

    Parameters
    ----------
    table : DataFrame
        One row per scan with the predictors; for each model the scans with all of its predictors count.
    models : mapping of str to list of str
        Predictors of each model.
    is_severe, patient_ids : Series
        With the same index.
    n_folds : int
        At most; fewer where a status has fewer patients.
    n_repeats, seed : int
        The division into folds is repeated, and the repeats are averaged.

    Returns
    -------
    summary : DataFrame
        Indexed by model: ``auc`` (mean over the folds with both statuses: predictions of different folds come from
        different models, and ranking them together biases the AUC down), ``sensitivity, specificity`` (all held-out
        scans), ``n, n_folds``; means over the repeats. NaN, with 0 folds, where a status has fewer than two patients.
    predicted : DataFrame
        Held-out probability by scan (index) and model (column), mean over the repeats; NaN where there is none.
    """
    from sklearn.model_selection import StratifiedKFold

    summaries, predicted = {}, pd.DataFrame(np.nan, table.index, list(models))
    for model, predictors in models.items():
        x, y, patients = _complete(table, predictors, is_severe, patient_ids)
        ids, of_scan = np.unique(patients, return_inverse=True)
        ever = np.bincount(of_scan, weights=y) > 0
        strata = [int((ever == status).sum()) for status in (True, False) if (ever == status).any()]
        folds = min(n_folds, *strata, np.unique(patients[~y]).size)
        if folds < 2:
            summaries[model] = dict.fromkeys(QUANTITIES, np.nan) | {"n": len(y), "n_folds": 0}
            continue
        repeats, total = [], np.zeros(len(y))
        for repeat in range(n_repeats):
            held_out, called, areas = np.full(len(y), np.nan), np.zeros(len(y), bool), []
            dealt = StratifiedKFold(folds, shuffle=True, random_state=seed + repeat).split(ids, ever)
            for _, held in dealt:
                test = np.isin(of_scan, held)
                train = ~test
                if y[train].all() or not y[train].any():
                    continue
                weights = _fit(x[train], y[train])
                held_out[test] = _log_odds(x[test], weights)
                called[test] = held_out[test] >= roc.youden(_log_odds(x[train], weights), y[train]).cutoff
                areas.append(_auc(held_out[test], y[test]))
            known = np.isfinite(held_out)
            repeats.append([_mean(areas), *_rates(called[known], y[known])])
            total += special.expit(held_out)
        summaries[model] = dict(zip(QUANTITIES, map(_mean, zip(*repeats, strict=True)), strict=True))
        summaries[model] |= {"n": len(y), "n_folds": folds}
        predicted.loc[table[predictors].notna().all(axis=1), model] = total / n_repeats
    return pd.DataFrame.from_dict(summaries, orient="index").rename_axis("model"), predicted


def optimism(table, models, is_severe, patient_ids, n_resamples=200, seed=1):
    """Harrell's optimism: how much better a model does on the patients it was fitted to than on new ones.

    In each resample of patients (with all their scans, stratified by whether they ever had a severe one) the model is
    fitted and its Youden cut-off chosen anew, then judged on the resample and on the original scans. The mean
    difference is the optimism; the apparent performance minus the optimism is the corrected one.

    Parameters
    ----------
    table, models, is_severe, patient_ids
        As in :func:`cross_validate`.
    n_resamples, seed : int
        200 resamples are enough for a mean.

    Returns
    -------
    DataFrame
        Indexed by (model, quantity) for ``auc, sensitivity, specificity``: ``apparent, optimism, corrected`` and
        ``n_resamples`` (those with both statuses). NaN where there is none.

    References
    ----------
    Harrell FE, Lee KL, Mark DB. Stat Med 1996;15:361-387. Efron B, Gong G. Am Stat 1983;37:36-48.
    """
    rows = {}
    for model, predictors in models.items():
        x, y, patients = _complete(table, predictors, is_severe, patient_ids)
        rng = np.random.default_rng(seed)
        ids, of_scan = np.unique(patients, return_inverse=True)
        ever = np.bincount(of_scan, weights=y) > 0
        strata = [np.flatnonzero(ever == status) for status in (True, False) if (ever == status).any()]
        scans_of = [np.flatnonzero(of_scan == patient) for patient in range(ids.size)]
        gaps = []
        for _ in range(n_resamples):
            drawn = np.concatenate([rng.choice(stratum, stratum.size) for stratum in strata])
            rows_drawn = np.concatenate([scans_of[patient] for patient in drawn])
            if y[rows_drawn].all() or not y[rows_drawn].any():
                continue
            weights = _fit(x[rows_drawn], y[rows_drawn])
            cutoff = roc.youden(_log_odds(x[rows_drawn], weights), y[rows_drawn]).cutoff
            gaps.append(_judge(x[rows_drawn], y[rows_drawn], weights, cutoff) - _judge(x, y, weights, cutoff))
        weights = _fit(x, y)
        apparent = _judge(x, y, weights, roc.youden(_log_odds(x, weights), y).cutoff)
        gap = np.mean(gaps, axis=0) if gaps else np.full(apparent.size, np.nan)
        for quantity, value, flattery in zip(QUANTITIES, apparent, gap, strict=True):
            rows[model, quantity] = {
                "apparent": value, "optimism": flattery, "corrected": value - flattery, "n_resamples": len(gaps),
            }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "quantity"])


def calibration(predicted, is_severe):
    """Do predicted probabilities come true? Slope and intercept of logistic recalibration.

    Parameters
    ----------
    predicted : array of float (n,)
        Probabilities, preferably of held-out scans; NaN is left out, and 0 and 1 are clipped by 1e-9.
    is_severe : array of bool (n,)

    Returns
    -------
    dict
        ``slope`` of the outcome on the predicted log odds (1 is right; below 1 the predictions are too extreme) and
        ``intercept`` with the slope held at 1 (calibration in the large: 0 is right, above 0 they are too low),
        ``n``. NaN with one status only; the slope also if predictions do not vary or separate the statuses.

    References
    ----------
    Cox DR. Biometrika 1958;45:562-565. Van Calster B et al. BMC Med 2019;17:230.
    """
    log_odds, severe = _known(predicted, is_severe)
    n = len(severe)
    if not n or severe.all() or not severe.any():
        return {"slope": np.nan, "intercept": np.nan, "n": n}
    intercept = _fit(np.empty((n, 0)), severe, log_odds, ridge=0.0)[0]
    inside, outside = log_odds[severe], log_odds[~severe]
    overlapping = inside.min() < outside.max() and outside.min() < inside.max()
    slope = _fit(log_odds[:, None], severe, ridge=0.0)[1] if overlapping else np.nan
    return {"slope": float(slope), "intercept": float(intercept), "n": n}


def slope_limits(predicted, is_severe, patient_ids, confidence=0.95):
    """Interval of the slope of :func:`calibration` over patients, by GEE (``clustered.odds_ratios``).

    Parameters
    ----------
    predicted, is_severe, patient_ids : Series
        With the same index.
    confidence : float

    Returns
    -------
    low, high : float
        NaN where the slope is.
    """
    if np.isnan(calibration(predicted, is_severe)["slope"]):
        return np.nan, np.nan
    log_odds, severe = _known(predicted, is_severe)
    table = pd.DataFrame({"log_odds": log_odds, "is_severe": severe})
    patients = patient_ids[predicted.notna()].reset_index(drop=True)
    row = clustered.odds_ratios(table, {"m": ["log_odds"]}, patients, confidence=confidence).iloc[0]
    return tuple(float(np.log(row[end]) / log_odds.std(ddof=1)) for end in ("ci_low", "ci_high"))


FEWEST_IN_BIN = 10  # scans: shares of fewer jump at random from bin to bin


def calibration_bins(predicted, is_severe, n_bins=10, confidence=0.95):
    """Observed share of severe scans and mean prediction, in bins of equal size.

    There are `n_bins`, or as many as have at least `FEWEST_IN_BIN` scans. One bin alone shows no course: then there is
    none.

    Returns
    -------
    DataFrame
        ``predicted, observed`` (0..1), ``low, high`` (Wilson's interval, which takes scans as independent and so is too
        narrow where a patient has several in a bin) and ``n``.
    """
    log_odds, severe = _known(predicted, is_severe)
    order = np.argsort(log_odds, kind="stable")
    rows = []
    n_bins = min(n_bins, len(order) // FEWEST_IN_BIN)
    for members in np.array_split(order, n_bins) if n_bins > 1 else []:
        share = proportion.intervals(int(severe[members].sum()), members.size, confidence)
        mean = special.expit(log_odds[members]).mean()
        rows.append((mean, share["estimate"], share["wilson_low"], share["wilson_high"], members.size))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "n"])


def net_benefit(predicted, is_severe, thresholds):
    """Decision curve: net benefit of acting on a model, in true positives per scan, at each threshold probability.

    Acting at a probability t means that a missed severe scan counts as much as (1 - t) / t false alarms, so

    net benefit = TP / n - FP / n * t / (1 - t).

    Parameters
    ----------
    predicted : DataFrame
        One column of probabilities per model; scans that lack one are left out for all, so that models are comparable.
    is_severe : Series of bool
        With the same index.
    thresholds : array of float
        Above 0 and below 1.

    Returns
    -------
    DataFrame
        ``threshold``, one column per model, ``all`` (every scan called severe) and ``none`` (0). NaN without scans.

    References
    ----------
    Vickers AJ, Elkin EB. Med Decis Making 2006;26:565-574.
    """
    thresholds = np.asarray(thresholds, dtype=float)
    if not ((thresholds > 0) & (thresholds < 1)).all():
        raise ValueError("thresholds must be above 0 and below 1: they are the probabilities at which to act")
    known = predicted.dropna()
    severe = np.asarray(is_severe.loc[known.index], dtype=bool)
    price = thresholds / (1 - thresholds)
    curves = {"threshold": thresholds}
    n = len(severe) or np.nan
    for name in known.columns:
        called = known[name].to_numpy()[None] >= thresholds[:, None]
        curves[name] = ((called & severe).sum(axis=1) - (called & ~severe).sum(axis=1) * price) / n
    curves["all"] = (severe.sum() - (~severe).sum() * price) / n
    return pd.DataFrame(curves).assign(none=0.0)


def net_benefit_limits(predicted, is_severe, patient_ids, thresholds, confidence=0.95):
    """Intervals of :func:`net_benefit` over patients: it is a mean over scans of what each contributes.

    Parameters
    ----------
    predicted, is_severe, thresholds
        As in :func:`net_benefit`.
    patient_ids : Series
        With the same index.
    confidence : float

    Returns
    -------
    dict of str to DataFrame
        By model ``low, high``, one row per threshold; NaN where every scan contributes the same.
    """
    known = predicted.dropna()
    severe, patients = is_severe.loc[known.index].to_numpy(bool), patient_ids.loc[known.index]
    limits = {}
    for name in known.columns:
        rows = []
        for threshold in thresholds:
            called = known[name].to_numpy() >= threshold
            gained = called * np.where(severe, 1.0, -threshold / (1 - threshold))
            found = agreement.mean(gained, patients, confidence=confidence)
            rows.append((found["low"], found["high"]))
        limits[name] = pd.DataFrame(rows, columns=["low", "high"])
    return limits


def _complete(table, predictors, is_severe, patient_ids):
    """Predictors (standardised, so that fits are well conditioned), statuses and patients of the complete cases."""
    x = table[predictors].astype(float).dropna()
    y, patients = is_severe.loc[x.index].to_numpy(bool), patient_ids.loc[x.index].astype(str).to_numpy()
    if y.all() or not y.any():
        raise ValueError(f"scans with {' and '.join(predictors)} have one status only: validation needs both")
    x = x.to_numpy()
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12), y, patients


def _fit(x, y, offset=0.0, ridge=1e-7):
    """Intercept and weights by maximum likelihood, by Newton's method, which is fast enough for hundreds of fits.

    The small penalty matters only where the statuses separate: the weights then stay finite, and the order of the scans
    is right. Where they do not, it is not needed.
    """
    design = np.column_stack([np.ones(len(y)), x])
    weights = np.zeros(design.shape[1])
    for _ in range(200):
        p = special.expit(design @ weights + offset)
        slope = design.T @ (y - p) - ridge * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + ridge * np.eye(weights.size)
        step = np.linalg.solve(curvature, slope)
        step *= min(1.0, 4 / max(np.abs(design @ step).max(), 1e-12))  # a far step may overshoot
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    return weights


def _log_odds(x, weights):
    return weights[0] + x @ weights[1:]


def _auc(scores, severe):
    """Area under the ROC curve; NaN with one status only."""
    return roc.auc(scores, severe) if severe.any() and not severe.all() else np.nan


def _rates(called, severe):
    """Sensitivity and specificity; NaN without a scan of the status."""
    return [_mean(called[severe]), _mean(~called[~severe])]


def _mean(values):
    """Mean of the defined values; NaN if there are none."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else np.nan


def _judge(x, y, weights, cutoff):
    """AUC, sensitivity and specificity of a fitted model on some scans."""
    scores = _log_odds(x, weights)
    return np.array([_auc(scores, y), *_rates(scores >= cutoff, y)])


def _known(predicted, is_severe):
    predicted, severe = np.asarray(predicted, dtype=float), np.asarray(is_severe, dtype=bool)
    known = np.isfinite(predicted)
    if ((predicted[known] < 0) | (predicted[known] > 1)).any():
        raise ValueError("predicted contains values outside 0 to 1: calibration needs probabilities")
    return special.logit(np.clip(predicted[known], 1e-9, 1 - 1e-9)), severe[known]
