"""ROC analysis: the curve, the area under it with DeLong's interval and test, and the Youden cut-off.

A score calls a scan severe when it is at or above a cut-off. Where low values mean severe, pass
``higher_is_severe=False``: scores are then negated, and cut-offs are returned on the original scale.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from study.statistics.confidence import tail


@dataclass(frozen=True)
class OperatingPoint:
    """Performance at one cut-off: counts, and the rates that follow from them.

    A score at or above `cutoff` (at or below, with ``higher_is_severe=False``) is called severe.
    """

    cutoff: float
    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    @property
    def sensitivity(self):
        """Share of the severe scans called severe, 0 to 1."""
        return self.true_positives / (self.true_positives + self.false_negatives)

    @property
    def specificity(self):
        """Share of the non-severe scans called non-severe, 0 to 1."""
        return self.true_negatives / (self.true_negatives + self.false_positives)

    @property
    def youden(self):
        """Sensitivity + specificity - 1, from -1 to 1; 0 is what chance gives."""
        return self.sensitivity + self.specificity - 1


@dataclass(frozen=True)
class PairedTest:
    """DeLong's test of two AUCs on the same scans; `difference` is the first AUC minus the second."""

    difference: float
    standard_error: float
    z: float
    p_value: float


def auc(scores, is_severe, higher_is_severe=True):
    """Area under the ROC curve: the chance that a severe scan scores higher than a non-severe one, ties half.

    Computed from midranks (the Mann-Whitney U divided by the number of pairs).

    Parameters
    ----------
    scores : array of float (n,)
        One finite score per scan.
    is_severe : array of bool (n,)
        The status that the score should predict.
    higher_is_severe : bool
        False if low scores mean severe.

    Returns
    -------
    float
        0 to 1; 0.5 is chance.

    Raises
    ------
    ValueError
        If only one status is there, or a score is not finite.

    Examples
    --------
    >>> auc([1.0, 2.0, 2.0, 3.0], [False, False, True, True])
    0.875
    """
    severe, other = _by_status(scores, is_severe, higher_is_severe)
    ranks = stats.rankdata(np.concatenate([severe, other]))
    u = ranks[: severe.size].sum() - severe.size * (severe.size + 1) / 2
    return float(u / (severe.size * other.size))


def delong_variance(scores, is_severe, higher_is_severe=True):
    """DeLong's variance of the AUC, from midranks.

    Returns
    -------
    float
        Not negative. NaN with fewer than two scans of a status, which have no spread. 0 for perfect separation and
        for scores that are all tied: there it says nothing about the uncertainty.

    References
    ----------
    DeLong ER et al. Biometrics 1988;44:837-845. Sun X, Xu W. IEEE Signal Process Lett 2014;21:1389-1393.
    """
    severe, other = _by_status(scores, is_severe, higher_is_severe)
    return float(_covariance(*_placements(severe[None], other[None]))[0, 0])


def delong_interval(scores, is_severe, higher_is_severe=True, confidence=0.95, scale="logit"):
    """Confidence interval of the AUC from DeLong's variance.

    On the logit scale (default) the interval is symmetric in log(AUC / (1 - AUC)), stays inside 0 to 1 by itself and
    covers better near 1; ``scale="plain"`` is the textbook AUC +- z SE, cut at 0 and 1 as R's pROC does.

    At perfect separation DeLong's variance is 0, which does not mean certainty. The interval then is the exact
    one-sided bound: with k scans in the smaller group there are k disjoint pairs, all in the right order, which at an
    AUC below ((1 - confidence) / 2) ** (1 / k) has a probability of less than (1 - confidence) / 2.

    Parameters
    ----------
    scores, is_severe, higher_is_severe
        As in :func:`auc`.
    confidence : float
        Between 0 and 1.
    scale : {"logit", "plain"}
        See above.

    Returns
    -------
    low, high : float
        Inside 0 to 1. Both NaN if the variance is undefined (fewer than two scans of a status, unless separation is
        perfect) or all scores are tied.
    """
    if scale not in ("logit", "plain"):
        raise ValueError(f"scale {scale!r}: must be 'logit' or 'plain'")
    beyond = tail(confidence)
    severe, other = _by_status(scores, is_severe, higher_is_severe)
    area = auc(scores, is_severe, higher_is_severe)
    if area in (0.0, 1.0):
        bound = float(beyond ** (1 / min(severe.size, other.size)))
        return (bound, 1.0) if area else (0.0, 1 - bound)
    variance = delong_variance(scores, is_severe, higher_is_severe)
    if not variance > 0:
        return float("nan"), float("nan")
    reach = stats.norm.isf(beyond) * np.sqrt(variance)
    if scale == "plain":
        return float(max(area - reach, 0.0)), float(min(area + reach, 1.0))
    reach /= area * (1 - area)  # the logit's slope (delta method)
    return tuple(float(special.expit(special.logit(area) + side * reach)) for side in (-1, 1))


def delong_test(scores, other_scores, is_severe, higher_is_severe=True):
    """DeLong's two-sided test that two scores of the same scans have the same AUC.

    Parameters
    ----------
    scores, other_scores : array of float (n,)
        Two scores of the same scans, in the same order and with the same direction.
    is_severe, higher_is_severe
        As in :func:`auc`.

    Returns
    -------
    PairedTest
        ``difference`` of the AUCs, its ``standard_error``, ``z`` and ``p_value``. Where the difference has no
        variance: p is 1 (z is 0) if there is no difference either, and both are NaN otherwise.
    """
    pairs = [_by_status(values, is_severe, higher_is_severe) for values in (scores, other_scores)]
    of_severe, of_other = _placements(*(np.stack(group) for group in zip(*pairs, strict=True)))
    contrast = np.array([1.0, -1.0])
    difference = float(contrast @ of_severe.mean(axis=1))
    variance = float(contrast @ _covariance(of_severe, of_other) @ contrast)
    # Two scores that order the scans alike differ by rounding only.
    if variance < 1e-15 or abs(difference) < 1e-15:
        difference = 0.0 if abs(difference) < 1e-12 else difference
        known = difference == 0 and not np.isnan(variance)
        z, p_value = (0.0, 1.0) if known else (float("nan"), float("nan"))
    else:
        z = difference / np.sqrt(variance)
        p_value = 2 * stats.norm.sf(abs(z))
    return PairedTest(difference, float(np.sqrt(max(variance, 0.0))), float(z), float(p_value))


def curve(scores, is_severe, higher_is_severe=True):
    """Every point of the ROC curve, one for each distinct score.

    Returns
    -------
    DataFrame
        ``fpr`` (1 - specificity), ``tpr`` (sensitivity) and ``cutoff``, from (0, 0), whose cut-off is infinite, to
        (1, 1). A score at or above the cut-off is called severe (at or below, if low scores mean severe).
    """
    from sklearn.metrics import roc_curve

    severe, other = _by_status(scores, is_severe, higher_is_severe)
    status = np.repeat([1, 0], [severe.size, other.size])
    fpr, tpr, cutoff = roc_curve(status, np.concatenate([severe, other]), drop_intermediate=False)
    return pd.DataFrame({"fpr": fpr, "tpr": tpr, "cutoff": cutoff if higher_is_severe else -cutoff})


def youden(scores, is_severe, higher_is_severe=True):
    """Find the cut-off with the greatest Youden index, sensitivity + specificity - 1.

    Of several cut-offs with the same index (:func:`youden_ties` lists them), the one with the highest sensitivity is
    taken, as missing a severe patient costs more than a false alarm.

    Parameters
    ----------
    scores, is_severe, higher_is_severe
        As in :func:`auc`.

    Returns
    -------
    OperatingPoint
        Its index is 0 or more. If no cut-off beats chance, it calls every scan severe.

    References
    ----------
    Youden WJ. Cancer 1950;3:32-35.
    """
    return youden_ties(scores, is_severe, higher_is_severe)[0]


def youden_ties(scores, is_severe, higher_is_severe=True):
    """List every cut-off with the greatest Youden index, the most sensitive first.

    The comparison is on whole counts, so rounding decides nothing. A cut-off is a score that was observed; pROC reports
    the middle between it and the next, with the same counts.

    Parameters
    ----------
    scores, is_severe, higher_is_severe
        As in :func:`auc`.

    Returns
    -------
    list of OperatingPoint
        At least one. If no cut-off beats chance, the last is infinite: it calls no scan severe, with an index of 0
        like the first, which calls all severe.
    """
    severe, other = _by_status(scores, is_severe, higher_is_severe)
    # Ascending cut-offs put the most sensitive first.
    cutoffs = np.append(np.unique(np.concatenate([severe, other])), np.inf)
    true_positives = severe.size - np.searchsorted(np.sort(severe), cutoffs)
    false_positives = other.size - np.searchsorted(np.sort(other), cutoffs)
    # Youden's index times both group sizes, in whole numbers.
    index = true_positives * other.size - false_positives * severe.size
    return [
        OperatingPoint(
            float(cutoffs[at] if higher_is_severe else -cutoffs[at]),
            int(true_positives[at]),
            int(severe.size - true_positives[at]),
            int(other.size - false_positives[at]),
            int(false_positives[at]),
        )
        for at in np.flatnonzero(index == index.max())
    ]


def operating_point(scores, is_severe, cutoff, higher_is_severe=True):
    """Count the right and wrong calls at a given cut-off.

    Returns
    -------
    OperatingPoint
    """
    severe, other = _by_status(scores, is_severe, higher_is_severe)
    signed = cutoff if higher_is_severe else -cutoff
    hits, alarms = int((severe >= signed).sum()), int((other >= signed).sum())
    return OperatingPoint(float(cutoff), hits, severe.size - hits, other.size - alarms, alarms)


def evaluate(predicted, is_severe, confidence=0.95):
    """Evaluate several scores: AUC and Youden cut-off, one row each.

    Parameters
    ----------
    predicted : DataFrame
        One column per score, one row per scan; higher means severe. A scan whose score is missing is left out of that
        score's row only.
    is_severe : Series of bool
        Status, with the same index.
    confidence : float
        Of DeLong's interval (logit scale).

    Returns
    -------
    DataFrame
        Indexed by score: ``n, n_severe, n_nonsevere, auc, auc_low, auc_high, p_value, cutoff, sensitivity,
        specificity, true_positives, true_negatives``. ``p_value`` is the two-sided Mann-Whitney test's (normal
        approximation with tie correction): its hypothesis, equal distributions, implies an AUC of 0.5.
    """
    rows = {}
    for name in predicted.columns:
        scores = predicted[name].dropna()
        status = np.asarray(is_severe.loc[scores.index], dtype=bool)
        area, point = auc(scores, status), youden(scores, status)
        low, high = delong_interval(scores, status, confidence=confidence)
        values = scores.to_numpy()
        test = stats.mannwhitneyu(values[status], values[~status], method="asymptotic")
        rows[name] = {
            "n": len(scores),
            "n_severe": int(status.sum()),
            "n_nonsevere": int((~status).sum()),
            "auc": area,
            "auc_low": low,
            "auc_high": high,
            "p_value": float(test.pvalue) if np.ptp(values) else 1.0,
            "cutoff": point.cutoff,
            "sensitivity": point.sensitivity,
            "specificity": point.specificity,
            "true_positives": point.true_positives,
            "true_negatives": point.true_negatives,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def curves(predicted, is_severe):
    """ROC curves of several scores.

    Parameters
    ----------
    predicted, is_severe
        As in :func:`evaluate`.

    Returns
    -------
    dict of str to DataFrame
        As from :func:`curve`, by score.
    """
    known = {name: predicted[name].dropna() for name in predicted.columns}
    return {name: curve(scores, is_severe.loc[scores.index]) for name, scores in known.items()}


def _placements(severe, other):
    """Share of the other group that each scan beats (ties half); arrays (score, scan) in, the same shapes out."""
    n_severe, n_other = severe.shape[1], other.shape[1]
    ranks = stats.rankdata(np.concatenate([severe, other], axis=1), axis=1)
    of_severe = (ranks[:, :n_severe] - stats.rankdata(severe, axis=1)) / n_other
    of_other = 1 - (ranks[:, n_severe:] - stats.rankdata(other, axis=1)) / n_severe
    return of_severe, of_other


def _covariance(of_severe, of_other):
    """DeLong's covariance matrix (score, score) of the AUCs; NaN with fewer than two scans of a status."""
    if min(of_severe.shape[1], of_other.shape[1]) < 2:
        return np.full((len(of_severe),) * 2, np.nan)
    return np.atleast_2d(np.cov(of_severe)) / of_severe.shape[1] + np.atleast_2d(np.cov(of_other)) / of_other.shape[1]


def _by_status(scores, is_severe, higher_is_severe):
    scores, is_severe = np.asarray(scores, dtype=float), np.asarray(is_severe)
    if scores.ndim != 1 or scores.shape != is_severe.shape:
        raise ValueError(f"scores have shape {scores.shape} and is_severe {is_severe.shape}: one of each per scan")
    if is_severe.dtype != bool:
        if not np.isin(is_severe, (0, 1)).all():
            raise ValueError("is_severe has values other than true and false: compare the status with 'severe' first")
        is_severe = is_severe.astype(bool)
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{np.count_nonzero(~np.isfinite(scores))} of {scores.size} scores are missing or infinite: "
            "leave those scans out and say how many"
        )
    if is_severe.all() or not is_severe.any():
        found = "none" if not scores.size else ("severe" if is_severe.all() else "non-severe")
        raise ValueError(f"a ROC curve needs severe and non-severe scans; the {scores.size} given are: {found}")
    signed = scores if higher_is_severe else -scores
    return signed[is_severe], signed[~is_severe]
