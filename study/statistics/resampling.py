"""Bootstrap intervals of ROC results: scans resampled within their status or from all, or whole patients.

A resample is stored as counts of how often it contains each scan. The ROC curves of all resamples are then cumulative
sums over the sorted scores, in whole numbers: thousands of resamples take a fraction of a second, and ties are exact.
"""

import numpy as np
import pandas as pd
from scipy import special, stats

from study.statistics.confidence import tail

QUANTITIES = [
    "auc",
    "cutoff",
    "sensitivity_reselected",
    "specificity_reselected",
    "sensitivity",
    "specificity",
    "average_precision",
]

# Counts of this many resamples x scans are in memory at once (8 MB as int64, and some copies).
BLOCK = 1_000_000
# And this many are processed at once: they fit into a core's cache.
CACHED = 32_000


def stratified(scores, is_severe, n_resamples=2000, seed=1, cutoff=None):
    """ROC results in bootstrap resamples of scans, drawn within each status.

    The numbers of severe and non-severe scans stay constant. Scans are taken as independent, which several scans of
    one patient are not: see :func:`clustered`.

    Parameters
    ----------
    scores : array of float (n,)
        Finite scores; higher means severe (negate them otherwise).
    is_severe : array of bool (n,)
        Status. Both must occur.
    n_resamples : int
        At least 1.
    seed : int
        The same seed gives the same resamples.
    cutoff : float, optional
        If given, sensitivity and specificity at this cut-off are computed too.

    Returns
    -------
    DataFrame
        One row per resample: ``auc``; ``cutoff``, ``sensitivity_reselected`` and ``specificity_reselected`` with the
        Youden cut-off chosen anew in each resample (the most sensitive of tied ones, as in ``roc.youden``); and
        ``sensitivity`` and ``specificity`` at the given `cutoff`, NaN without one; ``average_precision``, as
        ``predictive.precision_recall`` has it.
    """
    scores, is_severe = _checked(scores, is_severe, n_resamples)
    return _replicates(scores, is_severe, _draw(is_severe, seed), n_resamples, cutoff)


def plain(scores, is_severe, n_resamples=2000, seed=1, cutoff=None):
    """ROC results in bootstrap resamples of scans, drawn from all of them.

    The numbers of severe and non-severe scans vary, as they would in another sample of the same population. Scans are
    taken as independent. A resample in which one status is missing gives NaN; :func:`intervals` leaves it out.

    Parameters
    ----------
    scores, is_severe, n_resamples, seed, cutoff
        As in :func:`stratified`.

    Returns
    -------
    DataFrame
        As from :func:`stratified`.
    """
    scores, is_severe = _checked(scores, is_severe, n_resamples)
    return _replicates(scores, is_severe, _draw(np.ones(scores.size, bool), seed), n_resamples, cutoff)


def clustered(scores, is_severe, patient_ids, n_resamples=2000, seed=1, cutoff=None):
    """ROC results in bootstrap resamples of patients, each drawn with all of their scans.

    Patients are drawn within two strata, those with and those without a severe scan, so that every resample has
    both statuses unless the only non-severe scans come from patients who also have severe ones. A resample in which
    one status is missing gives NaN; :func:`intervals` leaves it out.

    Parameters
    ----------
    scores, is_severe, n_resamples, seed, cutoff
        As in :func:`stratified`.
    patient_ids : array (n,)
        The patient of each scan.

    Returns
    -------
    DataFrame
        As from :func:`stratified`.

    References
    ----------
    Field CA, Welsh AH. J R Stat Soc B 2007;69:369-390 (the cluster bootstrap). Obuchowski NA. Biometrics
    1997;53:567-578 (why clustered ROC data need it).
    """
    scores, is_severe = _checked(scores, is_severe, n_resamples)
    patients, of_scan = _patients(patient_ids, scores)
    draw = _draw(np.bincount(of_scan, weights=is_severe, minlength=patients.size) > 0, seed)
    return _replicates(scores, is_severe, lambda n: draw(n)[:, of_scan], n_resamples, cutoff)


def intervals(replicates, confidence=0.95):
    """Percentile intervals of the columns of a table of resamples.

    The limits are quantiles of the resampled values, so they never leave the range of the quantity itself.

    Returns
    -------
    DataFrame
        Indexed by quantity: ``low``, ``high`` and ``n_resamples``, the number of resamples in which it is defined. The
        limits are NaN where there is none, and where all resamples give the same number (an AUC of 1, say), which is no
        certainty.
    """
    beyond = tail(confidence)
    limits = replicates.quantile([beyond, 1 - beyond]).T.set_axis(["low", "high"], axis=1)
    limits = limits.mask(replicates.max() <= replicates.min())
    return limits.assign(n_resamples=replicates.notna().sum()).rename_axis("quantity")


def bca_intervals(replicates, scores, is_severe, cutoff=None, confidence=0.95, patient_ids=None):
    """Bias-corrected and accelerated (BCa) intervals, which follow a skewed distribution better than percentile ones.

    The limits are quantiles of the resamples too, at levels shifted by the median bias (the share of resamples below
    the estimate, ties counting half) and the acceleration, the skewness of the scans' influence on the estimate. That
    influence is the same in the stratified and the plain bootstrap. Only smooth estimates have one; the chosen cut-off,
    a maximum, and the rates at reselected cut-offs do not. Their percentile intervals come from :func:`intervals`.

    Where patients are resampled, a patient's influence is the sum over the scans, and the levels are *expanded*: the
    bootstrap of k patients is too narrow, as its variance has the divisor k and its tails are those of a normal
    distribution, not of Student's t. k counts the patients of a rate's status; for the AUC, of the rarer status.

    Parameters
    ----------
    replicates : DataFrame
        From :func:`stratified` or :func:`plain`, which take scans as independent; with `patient_ids` from
        :func:`clustered`.
    scores, is_severe, cutoff
        From which the resamples were drawn.
    confidence : float
        Between 0 and 1.
    patient_ids : array (n,), optional
        The patient of each scan, where patients were resampled.

    Returns
    -------
    DataFrame
        Indexed by quantity, ``auc`` and, with a `cutoff`, ``sensitivity`` and ``specificity``: ``low`` and ``high``,
        inside 0 to 1. NaN where all resamples gave the same number or all lie on one side of the estimate, and with
        fewer than two patients of a status.

    References
    ----------
    Efron B. J Am Stat Assoc 1987;82:171-185. Davison AC, Hinkley DV. Bootstrap Methods and their Application, 1997,
    section 5.3.2. Hesterberg TC. Am Stat 2015;69:371-386 (expanded levels).
    """
    scores, is_severe = _checked(scores, is_severe, len(replicates))
    beyond = tail(confidence)
    tails = dict.fromkeys(("auc", "sensitivity", "specificity"), beyond)
    of_scan = np.arange(scores.size)
    if patient_ids is not None:
        of_scan = _patients(patient_ids, scores)[1]
        with_severe, without = (np.unique(of_scan[status]).size for status in (is_severe, ~is_severe))
        counts = {"auc": min(with_severe, without), "sensitivity": with_severe, "specificity": without}
        tails = {quantity: _expanded(beyond, k) for quantity, k in counts.items()}
    rows = {}
    for quantity, (estimate, influence) in _influences(scores, is_severe, cutoff).items():
        drawn = replicates[quantity].dropna()
        both = np.array([tails[quantity], 1 - tails[quantity]])
        levels = _bca_levels(drawn, estimate, np.bincount(of_scan, weights=influence), both)
        rows[quantity] = drawn.quantile(levels).to_list() if np.isfinite(levels).all() else [np.nan] * 2
    return pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high"]).rename_axis("quantity")


def evaluate(predicted, is_severe, patient_ids, cutoffs, n_resamples=2000, seed=1, confidence=0.95):
    """Bootstrap intervals of several scores, by scans and by patients.

    Parameters
    ----------
    predicted : DataFrame
        One column per score, one row per scan; a scan whose score is missing is left out for that score.
    is_severe, patient_ids : Series
        With the same index.
    cutoffs : mapping
        The chosen cut-off of each score.
    n_resamples, seed, confidence
        As above. Every score gets the same seed.

    Returns
    -------
    DataFrame
        Indexed by (score, quantity): ``low, high`` of the stratified bootstrap and its ``bca_low, bca_high``; then the
        same four of the plain bootstrap (``plain_low`` ...) and of the bootstrap of patients (``clustered_low`` ...).
        BCa is NaN except for AUC, sensitivity and specificity.
        A sensitivity or specificity of exactly 0 or 1 is the same in every resample of scans; its ``low`` and ``high``
        are Clopper and Pearson's exact binomial limits instead.
    """
    from statsmodels.stats.proportion import proportion_confint

    rows = {}
    for name in predicted.columns:
        scores = predicted[name].dropna()
        status, patients = is_severe.loc[scores.index], patient_ids.loc[scores.index]
        given = scores, status, n_resamples, seed, cutoffs[name]
        schemes = {
            "": (stratified(*given), None),
            "plain_": (plain(*given), None),
            "clustered_": (clustered(scores, status, patients, *given[2:]), patients),
        }
        parts = []
        for prefix, (drawn, whose) in schemes.items():
            corrected = bca_intervals(drawn, scores, status, cutoffs[name], confidence, whose)
            limits = intervals(drawn, confidence)[["low", "high"]].join(corrected.add_prefix("bca_"))
            parts.append(limits.add_prefix(prefix))
        limits, drawn = pd.concat(parts, axis=1), schemes[""][0]
        for quantity, n in (("sensitivity", status.sum()), ("specificity", (~status).sum())):
            if drawn[quantity].iloc[0] in (0, 1) and drawn[quantity].nunique() == 1:
                hits = drawn[quantity].iloc[0] * n
                limits.loc[quantity, ["low", "high"]] = proportion_confint(hits, n, 1 - confidence, method="beta")
        rows[name] = limits
    return pd.concat(rows, names=["model", "quantity"])


def _draw(strata, seed):
    """Return a function that draws n resamples as counts (resample, unit); each stratum (bool) keeps its size."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(group) for group in (strata, ~strata) if group.any()]

    def draw(n):
        # Picking units and counting them takes a fraction of the time of a multinomial draw of the counts.
        picked = [members[rng.integers(members.size, size=(n, members.size))] for members in groups]
        cells = np.concatenate(picked, axis=1) + strata.size * np.arange(n)[:, None]
        return np.bincount(cells.ravel(), minlength=n * strata.size).reshape(n, -1)

    return draw


def _replicates(scores, is_severe, draw, n_resamples, cutoff):
    order = np.argsort(-scores, kind="stable")
    ordered, severe = scores[order], is_severe[order]
    # The last place of each run of equal scores: a cut-off takes the whole run.
    ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    block = max(1, min(n_resamples, BLOCK // scores.size))
    parts = []
    for start in range(0, n_resamples, block):
        drawn = draw(min(block, n_resamples - start))
        for part in np.array_split(drawn, min(len(drawn), 1 + drawn.size // CACHED)):
            counts = part[:, order]
            hits = np.cumsum(counts * severe, axis=1)[:, ends]
            alarms = np.cumsum(counts, axis=1)[:, ends] - hits
            parts.append(_of_counts(ordered[ends], hits, alarms, cutoff))
    return pd.DataFrame(np.concatenate(parts), columns=QUANTITIES)


def _of_counts(cutoffs, hits, alarms, cutoff):
    """ROC results from true and false positives at each descending cut-off, arrays (resample, cut-off)."""
    n_severe, n_other = hits[:, -1], alarms[:, -1]
    n_pairs = np.where((n_severe > 0) & (n_other > 0), n_severe * n_other, np.nan)
    new_alarms = np.diff(alarms, axis=1, prepend=0)
    earlier_hits = np.concatenate([np.zeros((len(hits), 1), hits.dtype), hits[:, :-1]], axis=1)
    area = ((hits + earlier_hits) * new_alarms).sum(axis=1) / (2 * n_pairs)
    index = hits * n_other[:, None] - alarms * n_severe[:, None]
    # The last of equal maxima has the lowest cut-off, the most sensitive one. A cut-off at which the resample has no
    # scan has the counts of the one above it, so only those with a scan are taken.
    reached = np.diff(hits + alarms, axis=1, prepend=0) > 0
    index = np.where(reached, index, np.iinfo(np.int64).min)
    best = index.shape[1] - 1 - np.argmax(index[:, ::-1], axis=1)
    rows = np.arange(len(hits))
    undefined = np.isnan(n_pairs)
    n_severe, n_other = np.maximum(n_severe, 1), np.maximum(n_other, 1)
    chosen = [cutoffs[best], hits[rows, best] / n_severe, (n_other - alarms[rows, best]) / n_other]
    held = [np.full(len(hits), np.nan)] * 2
    if cutoff is not None:
        at = np.count_nonzero(cutoffs >= cutoff) - 1
        held = (
            [hits[:, at] / n_severe, (n_other - alarms[:, at]) / n_other] if at >= 0 else [rows * 0.0, rows * 0.0 + 1]
        )
    new_hits = np.diff(hits, axis=1, prepend=0)
    average = (new_hits * hits / np.maximum(hits + alarms, 1)).sum(axis=1) / n_severe
    results = np.column_stack([area, *chosen, *held, average])
    results[undefined] = np.nan
    return results


def _patients(patient_ids, scores):
    """The distinct patients, and the index of each scan's patient among them."""
    patients, of_scan = np.unique(np.asarray(patient_ids).astype(str), return_inverse=True)
    if of_scan.shape != scores.shape:
        raise ValueError(f"patient_ids has shape {np.shape(patient_ids)} for {scores.size} scores: one per scan")
    return patients, of_scan


def _expanded(beyond, k):
    """Level of the quantile of resamples of k patients as far out as Student's t; NaN with fewer than two."""
    return stats.norm.sf(np.sqrt(k / (k - 1)) * stats.t.isf(beyond, k - 1)) if k > 1 else np.nan


def _influences(scores, is_severe, cutoff):
    """Estimates, each with the influence of every scan on it: its derivative by the scan's weight."""
    severe, other = np.sort(scores[is_severe]), np.sort(scores[~is_severe])

    def share_below(values, group):
        return (np.searchsorted(group, values) + np.searchsorted(group, values, side="right")) / (2 * group.size)

    of_status = np.where(is_severe, severe.size, other.size)
    right = np.where(is_severe, share_below(scores, other), 1 - share_below(scores, severe))
    area = right[is_severe].mean()
    found = {"auc": (area, (right - area) / of_status)}
    if cutoff is not None:
        right = np.where(is_severe, scores >= cutoff, scores < cutoff)
        for quantity, group in (("sensitivity", is_severe), ("specificity", ~is_severe)):
            rate = right[group].mean()
            found[quantity] = (rate, np.where(group, right - rate, 0) / of_status)
    return found


def _bca_levels(drawn, estimate, influence, tails):
    """Levels of the quantiles that are the BCa limits; not finite where they are undefined."""
    # Rounding must not break the tie of a resample with the estimate.
    below = (drawn < estimate - 1e-12).mean() + (abs(drawn - estimate) <= 1e-12).mean() / 2
    if not (0 < below < 1 and drawn.max() > drawn.min()):
        return np.full(2, np.nan)
    bias = special.ndtri(below)
    acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    shifted = bias + special.ndtri(tails)
    slope = 1 - acceleration * shifted
    return special.ndtr(bias + shifted / np.where(slope > 0, slope, np.nan))


def _checked(scores, is_severe, n_resamples):
    scores, is_severe = np.asarray(scores, dtype=float), np.asarray(is_severe).astype(bool)
    if scores.ndim != 1 or scores.shape != is_severe.shape:
        raise ValueError(f"scores have shape {scores.shape} and is_severe {is_severe.shape}: one of each per scan")
    if not np.isfinite(scores).all():
        raise ValueError("scores are missing or infinite: leave those scans out and say how many")
    if is_severe.all() or not is_severe.any():
        raise ValueError("resampling a ROC curve needs severe and non-severe scans; only one status is there")
    if n_resamples < 1:
        raise ValueError(f"n_resamples {n_resamples!r}: must be 1 or more")
    return scores, is_severe
