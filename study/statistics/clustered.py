"""AUC, odds ratios and kappa with standard errors for several scans per patient.

The estimates are those of the ordinary analysis; only their errors differ. Patients are taken as independent of each
other; scans of one patient may depend on each other in any way. With one scan per patient the errors are those of the
ordinary analysis: DeLong's for the AUC and, but for a factor of k / (k - 1) with k patients, Fleiss, Cohen and
Everitt's for kappa.

Such errors are too small where patients are few. Each function therefore corrects its error, and refers to Student's t.
With 30 patients, 8 of them severe, 93 to 97 % of the intervals contain the truth (``tools/simulate_coverage.py``).
"""

import numpy as np
import pandas as pd
from scipy import special, stats

from study.statistics.confidence import tail
from study.statistics.kappa import FEWEST_CASES


def auc_table(predicted, is_severe, patient_ids, confidence=0.95):
    """AUC of several scores with Obuchowski's standard error for clustered data.

    Parameters
    ----------
    predicted : DataFrame
        One column per score, one row per scan; higher means severe. A scan whose score is missing is left out of that
        row.
    is_severe, patient_ids : Series
        With the same index.
    confidence : float
        Of the interval, which is symmetric on the logit scale and so stays inside 0 to 1. It uses Student's t with one
        degree of freedom less than the patients of the rarer status, whose number limits the precision of the error.

    Returns
    -------
    DataFrame
        Indexed by score: ``n_patients, auc, standard_error, low, high`` and ``p_value``, two-sided, of an AUC of 0.5: a
        rank test over patients, beside Mann and Whitney's over scans. It does not hold for the predictions of a model
        of several predictors on the scans that it was fitted to, whose AUC exceeds 0.5 also by chance. The error is
        NaN if fewer than two patients have a severe scan, or fewer than two a non-severe one. Limits and p are also NaN
        where the error is 0 (perfect separation, all scores tied), which does not mean certainty.

    References
    ----------
    Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567-578.
    """
    beyond = tail(confidence)
    rows = {}
    for name in predicted.columns:
        scores = predicted[name].dropna()
        patients, status = patient_ids.loc[scores.index], is_severe.loc[scores.index]
        area, covariance = _auc(scores.to_numpy(float)[None], status, patients)
        error, low, high, p_value = float(np.sqrt(covariance[0, 0])), np.nan, np.nan, np.nan
        if error > 0 and 0 < area[0] < 1:
            df = _patients_of_the_rarer(status, patients) - 1
            # The logit's slope is 1 / (area (1 - area)) (delta method).
            reach = stats.t.isf(beyond, df) * error / (area[0] * (1 - area[0]))
            low, high = special.expit(special.logit(area[0]) + np.array([-reach, reach]))
            p_value = 2 * stats.t.sf(abs(area[0] - 0.5) / error, df)
        rows[name] = {
            "n_patients": patients.nunique(), "auc": area[0], "standard_error": error, "low": low, "high": high,
            "p_value": p_value,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model").astype({"n_patients": int})


def auc_difference(scores, other_scores, is_severe, patient_ids):
    """Two-sided test that two scores of the same scans have the same AUC, with Obuchowski's clustered covariance.

    It is no test of nested models, such as POI against POI+iHU: their AUCs differ by less than by chance, as one model
    contains the other (Demler). There, test the added coefficient (:func:`odds_ratios`).

    Returns
    -------
    dict
        ``difference`` (first minus second), ``standard_error``, ``t`` with one degree of freedom less than the patients
        of the rarer status, and ``p_value``; the last two are NaN where the error is 0 or undefined.

    References
    ----------
    Demler OV, Pencina MJ, D'Agostino RB. Stat Med 2012;31:2577-2587.
    """
    both = np.stack([np.asarray(scores, float), np.asarray(other_scores, float)])
    area, covariance = _auc(both, is_severe, patient_ids)
    contrast = np.array([1.0, -1.0])
    error = float(np.sqrt(max(contrast @ covariance @ contrast, 0.0)))
    difference = float(area @ contrast)
    t = difference / error if error > 1e-9 else float("nan")
    df = _patients_of_the_rarer(is_severe, patient_ids) - 1
    return {"difference": difference, "standard_error": error, "t": t, "p_value": float(2 * stats.t.sf(abs(t), df))}


def odds_ratios(table, models, patient_ids, outcome="is_severe", confidence=0.95):
    """Odds ratios per SD by generalised estimating equations: the logistic model with patient-clustered errors.

    With working independence the odds ratios are those of the ordinary logistic regression, and only the errors differ:
    the sandwich over patients, corrected for its bias with few of them (Mancl and DeRouen). Tests and intervals use
    Student's t with one degree of freedom less for each coefficient than there are patients. With predictors that
    change from scan to scan, as POI does, another working correlation may bias the estimates (Pepe and Anderson).

    Parameters
    ----------
    table : DataFrame
        One row per scan, with the predictors and the outcome (true / false).
    models : mapping of str to list of str
        Predictors of each model; none may separate the outcome (``logistic`` finds that).
    patient_ids : Series
        With the same index.

    Returns
    -------
    DataFrame
        Indexed by (model, predictor): ``odds_ratio, ci_low, ci_high, p_value`` (Wald), ``coefficient,
        standard_error`` (log odds per SD), ``model_p_value`` (Wald's F test that no predictor of the model matters),
        ``n, n_patients``. Errors and p values are NaN with no more patients than coefficients.

    References
    ----------
    Liang KY, Zeger SL. Biometrika 1986;73:13-22. Mancl LA, DeRouen TA. Biometrics 2001;57:126-134. Pepe MS, Anderson
    GL. Commun Stat Simul 1994;23:939-951.
    """
    beyond = tail(confidence)
    rows = {}
    for model, predictors in models.items():
        complete = table[predictors].astype(float).dropna()
        patients = patient_ids.loc[complete.index].astype(str)
        design = np.column_stack([np.ones(len(complete)), (complete - complete.mean()) / complete.std(ddof=1)])
        df = patients.nunique() - design.shape[1]
        estimates, covariance = _estimating_equations(table.loc[complete.index, outcome], design, patients)
        if df < 1:
            covariance = np.full_like(covariance, np.nan)
        reach = stats.t.isf(beyond, df)
        of_model = estimates[1:] @ np.linalg.solve(covariance[1:, 1:], estimates[1:]) / len(predictors)
        for at, predictor in enumerate(predictors, start=1):
            coefficient, error = estimates[at], np.sqrt(covariance[at, at])
            rows[model, predictor] = {
                "odds_ratio": np.exp(coefficient),
                "ci_low": np.exp(coefficient - reach * error),
                "ci_high": np.exp(coefficient + reach * error),
                "p_value": 2 * stats.t.sf(abs(coefficient / error), df),
                "coefficient": coefficient,
                "standard_error": error,
                "model_p_value": stats.f.sf(of_model, len(predictors), df),
                "n": len(complete),
                "n_patients": patients.nunique(),
            }
    index = pd.MultiIndex.from_tuples(rows, names=["model", "predictor"])
    return pd.DataFrame(list(rows.values()), index=index, columns=ODDS_RATIO_COLUMNS)


ODDS_RATIO_COLUMNS = [
    "odds_ratio", "ci_low", "ci_high", "p_value", "coefficient", "standard_error", "model_p_value", "n", "n_patients",
]  # fmt: skip


def _estimating_equations(outcome, design, patients):
    """Coefficients and their bias-reduced covariance, by statsmodels."""
    from statsmodels.genmod.cov_struct import Independence
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_estimating_equations import GEE

    equations = GEE(
        outcome.to_numpy(float), design, groups=patients.to_numpy(), family=Binomial(), cov_struct=Independence()
    )
    fitted = equations.fit(ctol=1e-10, cov_type="bias_reduced")
    return np.asarray(fitted.params), np.asarray(fitted.cov_params())


def kappa_table(rated, patient_ids, confidence=0.95):
    """Cohen's kappa of several pairs of raters with a patient-clustered standard error.

    The delta method, as Fleiss, Cohen and Everitt used it on cases, on the sums of each patient's cases; Yang and Zhou
    give it for clustered pairs of ratings. The variance is multiplied by k / (k - 1) with k patients.

    Parameters
    ----------
    rated : mapping of str to DataFrame
        Name of the row and a table of two columns, one per rater. Cases that a rater left out (NaN) are dropped.
    patient_ids : Series
        The patient of each case, by the tables' index.
    confidence : float
        Of the interval, which is symmetric in log(1 - kappa) - kappa is 1 less the ratio of the observed disagreement
        to that expected by chance - uses Student's t with k - 1 degrees of freedom, and is kept above -1. An interval
        symmetric in kappa contains the truth too rarely where patients are few and kappa is near 1.

    Returns
    -------
    DataFrame
        Indexed by name: ``n, n_patients, kappa, standard_error, ci_low, ci_high``. NaN where kappa is undefined (one
        category only, no cases); the error also with one patient, the limits also where it is 0.

    References
    ----------
    Yang Z, Zhou M. Kappa statistic for clustered matched-pair data. Stat Med 2014;33:2612-2633.
    """
    beyond = tail(confidence)
    rows = {}
    for name, pair in rated.items():
        both = pair.dropna()
        patients = patient_ids.loc[both.index]
        kappa, influence = _kappa(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy())
        error = low = high = float("nan")
        k = patients.nunique()
        if k > 1 and np.isfinite(kappa):
            sums = pd.Series(influence).groupby(patients.to_numpy()).sum()
            error = float(np.sqrt(k / (k - 1) * (sums**2).sum()) / len(both))
        if error > 1e-9 and kappa < 1:
            reach = stats.t.isf(beyond, k - 1) * error / (1 - kappa)
            low, high = max(1 - (1 - kappa) * np.exp(reach), -1.0), 1 - (1 - kappa) * np.exp(-reach)
        rows[name] = {
            "n": len(both), "n_patients": k, "kappa": kappa, "standard_error": error,
            "ci_low": low, "ci_high": high,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def kappa_difference(first, second, patient_ids, n_resamples=2000, seed=1, confidence=0.95):
    """Test whether one kappa is above another, when both are of the same patients: patients are resampled.

    Parameters
    ----------
    first, second : DataFrame
        Two columns, one per rater; the two tables may be of different cases, and of different numbers of them. Cases
        that a rater left out (NaN) are dropped.
    patient_ids : Series
        The patient of each case, by the tables' index.
    n_resamples, seed, confidence
        Of the bootstrap of patients.

    Returns
    -------
    dict
        ``difference`` (first minus second), ``low, high`` (percentiles), ``p_value``: one-sided, the share of resamples
        in which the first is not above the second, and ``n_patients`` (of either table). NaN where a kappa is undefined
        or fewer than two patients are there; limits and p also where either kappa is of fewer than
        ``kappa.FEWEST_CASES`` cases or patients, too few to stand for others, or where all resamples give the same
        number, which is no certainty.

    References
    ----------
    Vanbelle S, Albert A. J Stat Comput Simul 2008;78:1009-1015 (bootstrap of dependent kappas).
    """
    beyond = tail(confidence)
    tables = [pair.dropna() for pair in (first, second)]
    ids = np.unique(np.concatenate([patient_ids.loc[pair.index].astype(str).to_numpy() for pair in tables]))
    counts = [_cases_by_patient(pair, patient_ids.loc[pair.index].astype(str).to_numpy(), ids) for pair in tables]
    nothing = dict(difference=np.nan, low=np.nan, high=np.nan, p_value=np.nan, n_patients=ids.size)
    if ids.size < 2 or any(not of.size for of in counts):
        return nothing
    rng = np.random.default_rng(seed)
    times = rng.multinomial(ids.size, np.full(ids.size, 1 / ids.size), size=n_resamples)
    drawn = np.subtract(*(_kappas(np.tensordot(times, of, axes=1)) for of in counts))
    difference = float(np.subtract(*(_kappas(of.sum(axis=0)[None])[0] for of in counts)))
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(difference):
        return nothing
    few = any(min(of.sum(), of.any(axis=(1, 2)).sum()) < FEWEST_CASES for of in counts)
    if few or not drawn.size or np.ptp(drawn) < 1e-12:
        return nothing | {"difference": difference}
    low, high = np.quantile(drawn, [beyond, 1 - beyond])
    p_value = (1 + np.count_nonzero(drawn <= 0)) / (1 + drawn.size)
    return nothing | dict(difference=difference, low=float(low), high=float(high), p_value=float(p_value))


def _cases_by_patient(pair, patients, ids):
    """Number of cases of each patient by both raters' categories, an array (patient, category, category)."""
    categories = np.unique(pair.to_numpy())
    of_a, of_b = (np.searchsorted(categories, pair.iloc[:, rater]) for rater in (0, 1))
    counts = np.zeros((ids.size, categories.size, categories.size))
    np.add.at(counts, (np.searchsorted(ids, patients), of_a, of_b), 1)
    return counts


def _kappas(tables):
    """Kappa of each table of counts (table, category, category); NaN where it is undefined."""
    n = tables.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / n
        expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)


def one_scan_each(scans, which):
    """Keep one scan of every patient, so that scans are as independent as patients.

    Parameters
    ----------
    scans : DataFrame
        ``patient_id, scan_date, status, poi``; one row per scan.
    which : {"first", "worst"}
        *First* is the earliest by date (within a day, the first in the table). *Worst* prefers a severe scan, then the
        largest POI: it selects by the quantity under test, which favours POI, so it gives a bound, not an estimate.

    Returns
    -------
    DataFrame
        Rows of `scans`, in their order.
    """
    if which == "first":
        ordered = scans.sort_values("scan_date", kind="stable")
    elif which == "worst":
        keys = pd.DataFrame({"severe": scans["status"] == "severe", "poi": scans["poi"]})
        ordered = scans.loc[keys.sort_values(["severe", "poi"], ascending=False, kind="stable").index]
    else:
        raise ValueError(f"which {which!r}: must be 'first' or 'worst'")
    return scans.loc[scans.index.isin(ordered.drop_duplicates("patient_id").index)]


def _patients_of_the_rarer(is_severe, patient_ids):
    """Number of patients who have a scan of the rarer status; one may have scans of both."""
    is_severe, patients = np.asarray(is_severe).astype(bool), np.asarray(patient_ids).astype(str)
    return min(np.unique(patients[status]).size for status in (is_severe, ~is_severe))


def _auc(scores, is_severe, patient_ids):
    """AUCs (score,) and Obuchowski's covariance (score, score) of `scores` (score, scan)."""
    is_severe = np.asarray(is_severe).astype(bool)
    if is_severe.all() or not is_severe.any():
        raise ValueError("a ROC curve needs severe and non-severe scans; only one status is there")
    if not np.isfinite(scores).all():
        raise ValueError("scores are missing or infinite: leave those scans out and say how many")
    patients, of_scan = np.unique(np.asarray(patient_ids).astype(str), return_inverse=True)
    severe, other = scores[:, is_severe], scores[:, ~is_severe]
    n_severe, n_other = severe.shape[1], other.shape[1]
    # Placements: the share of the other status that a scan beats, ties counting half, from midranks.
    ranks = stats.rankdata(np.concatenate([severe, other], axis=1), axis=1)
    of_severe = (ranks[:, :n_severe] - stats.rankdata(severe, axis=1)) / n_other
    of_other = 1 - (ranks[:, n_severe:] - stats.rankdata(other, axis=1)) / n_severe
    area = of_severe.mean(axis=1)

    def by_patient(placements, scans):
        sums = np.zeros((len(area), patients.size))
        np.add.at(sums, (slice(None), of_scan[scans]), placements - area[:, None])
        return sums, np.unique(of_scan[scans]).size

    (sums_severe, n_with), (sums_other, n_without) = by_patient(of_severe, is_severe), by_patient(of_other, ~is_severe)
    if min(n_with, n_without) < 2:
        return area, np.full((len(area),) * 2, np.nan)
    # Patients with scans of both statuses make the two parts covary.
    cross = patients.size / (patients.size - 1) * (sums_severe @ sums_other.T) / (n_severe * n_other)
    covariance = (
        n_with / (n_with - 1) * (sums_severe @ sums_severe.T) / n_severe**2
        + n_without / (n_without - 1) * (sums_other @ sums_other.T) / n_other**2
        + cross
        + cross.T
    )
    return area, covariance


def _kappa(a, b):
    """Kappa and the influence of each case on it (n,): the derivative of kappa by the case's weight, times n."""
    if not a.size or np.unique(np.concatenate([a, b])).size == 1:
        return float("nan"), np.full(a.size, np.nan)
    categories = np.unique(np.concatenate([a, b]))
    of_a, of_b = (np.searchsorted(categories, rating) for rating in (a, b))
    share_a, share_b = (np.bincount(of, minlength=categories.size) / a.size for of in (of_a, of_b))
    observed, expected = np.mean(of_a == of_b), share_a @ share_b
    kappa = (observed - expected) / (1 - expected)
    shift_observed = (of_a == of_b) - observed
    shift_expected = share_b[of_a] + share_a[of_b] - 2 * expected
    influence = (shift_observed - (1 - kappa) * shift_expected) / (1 - expected)
    return float(kappa), influence
