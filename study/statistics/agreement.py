"""Means, rates and agreement of scans, with intervals over patients.

Several scans of one patient are not independent. Each interval here takes patients as independent and lets scans of one
patient depend on each other in any way: the influence of the scans on the estimate is summed over each patient (the
delta method), and Student's t has one degree of freedom less than there are patients. With one scan per patient, the
interval of a mean is the usual one.

Every function leaves out scans whose value is missing (NaN) and returns a dict: ``estimate, low, high`` (95 % unless
asked otherwise), ``n`` (scans) and ``n_patients``. The limits are NaN with fewer than two patients, and where the error
is 0, because equal numbers in all scans do not mean certainty. Without scans everything is NaN.
"""

import numpy as np
import pandas as pd
from scipy import stats

from study.statistics.confidence import tail

LIMITS_OF_AGREEMENT = 1.96  # SDs: where 95 % of differences lie if they are normal


def mean(values, patient_ids, within=(-np.inf, np.inf), confidence=0.95):
    """Mean over scans.

    Parameters
    ----------
    values : sequence of float (n,)
        One per scan; the mean of true and false is a share.
    patient_ids : sequence (n,)
        Whose scan it is.
    within : (float, float)
        The quantity's own range, to which the interval is clipped.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    dict
        See the module.

    Examples
    --------
    >>> mean([1.0, 2.0, 3.0], ["a", "b", "c"])["estimate"]
    2.0
    """
    values, patients = _known(patient_ids, values)
    estimate = values.mean() if values.size else np.nan
    return _interval(estimate, values - estimate, patients, confidence, within)


def ratio(numerators, denominators, patient_ids, within=(0, np.inf), confidence=0.95):
    """Sum over sum, such as lesions found of lesions present.

    Parameters
    ----------
    numerators, denominators : sequence of float (n,)
        Not negative, one per scan.
    patient_ids, within, confidence
        As in :func:`mean`. A share lies within 0 and 1.

    Returns
    -------
    dict
        See the module; ``estimate`` is NaN where all denominators are 0.

    References
    ----------
    Cochran WG. Sampling Techniques, 3rd ed. 1977, chapter 6.
    """
    numerators, denominators, patients = _known(patient_ids, numerators, denominators)
    total = denominators.sum()
    estimate = numerators.sum() / total if total else np.nan
    influence = (numerators - estimate * denominators) * len(patients) / (total if total else np.nan)
    return _interval(estimate, influence, patients, confidence, within)


def spread(values, patient_ids, confidence=0.95):
    """Standard deviation over scans (divisor n - 1); NaN with one scan. Arguments as in :func:`mean`."""
    values, patients = _known(patient_ids, values)
    sd, influence = _spread(values)
    return _interval(sd, influence, patients, confidence, (0, np.inf))


def limits_of_agreement(differences, patient_ids, confidence=0.95):
    """Bland and Altman's 95 % limits of agreement: mean difference -/+ 1.96 SD.

    Returns
    -------
    lower, upper : dict
        See the module; the intervals are those of each limit. Arguments as in :func:`mean`.

    References
    ----------
    Bland JM, Altman DG. Lancet 1986;327:307-310.
    """
    values, patients = _known(patient_ids, differences)
    sd, of_sd = _spread(values)
    bias = values.mean() if values.size else np.nan
    return tuple(
        _interval(bias + reach * sd, values - bias + reach * of_sd, patients, confidence)
        for reach in (-LIMITS_OF_AGREEMENT, LIMITS_OF_AGREEMENT)
    )


def correlation(a, b, patient_ids, confidence=0.95):
    """Pearson's correlation of two measurements of the same scans; the interval is symmetric in Fisher's z.

    Returns
    -------
    dict
        See the module; -1 to 1, NaN where one measurement does not vary. Arguments as in :func:`mean`.
    """
    a, b, patients = _known(patient_ids, a, b)
    spreads = (a.std(), b.std()) if a.size else (0, 0)
    if not all(spreads):
        return _interval(np.nan, np.full(a.size, np.nan), patients, confidence)
    a, b = (a - a.mean()) / spreads[0], (b - b.mean()) / spreads[1]
    r = np.clip((a * b).mean(), -1, 1)
    if 1 - r**2 < 1e-12:
        return _interval(r, np.zeros(a.size), patients, confidence)
    influence = (a * b - r * (a**2 + b**2) / 2) / (1 - r**2)
    found = _interval(np.arctanh(r), influence, patients, confidence)
    return found | {name: np.tanh(found[name]) for name in ("estimate", "low", "high")}


def _known(patient_ids, *columns):
    """The columns as float arrays and the patients, for the scans where all columns are known."""
    columns = [np.asarray(column, float) for column in columns]
    patients = np.asarray(patient_ids).astype(str)
    if any(column.shape != patients.shape for column in columns):
        raise ValueError(
            f"values of shape {[column.shape for column in columns]} for {patients.size} patient_ids: one per scan"
        )
    known = np.all([np.isfinite(column) for column in columns], axis=0)
    return *(column[known] for column in columns), patients[known]


def _spread(values):
    """Standard deviation of values (n,) and each one's influence on it (n,)."""
    if values.size < 2:
        return np.nan, np.full(values.size, np.nan)
    sd = values.std(ddof=1)
    return sd, (np.square(values - values.mean()) - values.var()) / (2 * sd) if sd else np.zeros(values.size)


def _interval(estimate, influence, patients, confidence, within=(-np.inf, np.inf)):
    beyond = tail(confidence)
    found = {
        "estimate": float(estimate), "low": np.nan, "high": np.nan, "n": len(patients),
        "n_patients": len(np.unique(patients)),
    }  # fmt: skip
    k = found["n_patients"]
    if k > 1:
        sums = pd.Series(influence).groupby(patients).sum()
        error = np.sqrt(k / (k - 1) * np.square(sums).sum()) / len(patients)
        if error > 1e-12:
            reach = stats.t.isf(beyond, k - 1) * error
            found["low"], found["high"] = (float(np.clip(estimate + side * reach, *within)) for side in (-1, 1))
    return found
