"""Bootstrap intervals of ROC results: scans resampled within their status or from all, or whole patients.

A resample is held as counts: how often each scan is in it. The ROC of all resamples is then one cumulative sum over
the sorted scores, in whole numbers, so thousands of resamples take a fraction of a second and ties are exact.
"""

import numpy as np
import pandas as pd
from scipy import special, stats

QUANTITIES = [
    "auc",
    "cutoff",
    "sensitivity_reselected",
    "specificity_reselected",
    "sensitivity",
    "specificity",
]

# Counts of this many resamples x scans are held at once (8 MB as int64, and some copies).
BLOCK = 1_000_000
# And so many are worked on: what a core's cache holds.
CACHED = 32_000


def stratified(scores, is_severe, n_resamples=2000, seed=1, cutoff=None):
    """ROC results in bootstrap resamples of scans, drawn within each status.

    The numbers of severe and non-severe scans stay as they are. Scans are taken as independent, which several scans
    of one patient are not: see :func:`clustered`.

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
        Where given, sensitivity and specificity at this cut-off too.

    Returns
    -------
    DataFrame
        One row a resample: ``auc``; ``cutoff``, ``sensitivity_reselected`` and ``specificity_reselected`` with the
        Youden cut-off chosen anew in each resample (the most sensitive of tied ones, as in ``roc.youden``); and
        ``sensitivity`` and ``specificity`` at the given `cutoff`, NaN without one.
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
        Whose scan it is.

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

    The limits are quantiles of what the resamples gave, so they never leave the range of the quantity itself.

    Returns
    -------
    DataFrame
        Indexed by quantity: ``low``, ``high`` and ``n_resamples``, how many were defined. The limits are NaN where none
        was, and where all gave the same number (an AUC of 1, say): resampling then says nothing, which is not
        certainty.
    """
    tail = (1 - _confidence(confidence)) / 2
    limits = replicates.quantile([tail, 1 - tail]).T.set_axis(["low", "high"], axis=1)
    limits = limits.mask(replicates.max() <= replicates.min())
    return limits.assign(n_resamples=replicates.notna().sum()).rename_axis("quantity")


def bca_intervals(replicates, scores, is_severe, cutoff=None, confidence=0.95, patient_ids=None):
    """Bias-corrected and accelerated (BCa) intervals, which follow a skewed distribution better than percentile ones.

    The limits are quantiles of the resamples too, at levels moved by the median bias (resamples below the estimate,
    ties half) and the acceleration, the skewness of the scans' influence on the estimate. That influence is the same in
    the stratified and the plain bootstrap. Only smooth estimates have one: the chosen cut-off, a maximum, has not, and
    neither have the rates at cut-offs chosen anew; their percentile intervals are in :func:`intervals`.

    Of resampled patients, the influence of a patient is the sum of that of the scans, and the levels are *expanded*: a
    bootstrap of k patients is too narrow by what a variance with divisor k lacks, and by the tails that Student's t has
    and a normal distribution has not. k are the patients of the status that a rate is of; for the AUC of the rarer.

    Parameters
    ----------
    replicates : DataFrame
        From :func:`stratified` or :func:`plain`, which take scans as independent; with `patient_ids` from
        :func:`clustered`.
    scores, is_severe, cutoff
        What they were drawn from.
    confidence : float
        Between 0 and 1.
    patient_ids : array (n,), optional
        Whose scan it is, where patients were resampled.

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
    tail = (1 - _confidence(confidence)) / 2
    tails = dict.fromkeys(("auc", "sensitivity", "specificity"), tail)
    of_scan = np.arange(scores.size)
    if patient_ids is not None:
        of_scan = _patients(patient_ids, scores)[1]
        with_severe, without = (np.unique(of_scan[status]).size for status in (is_severe, ~is_severe))
        counts = {"auc": min(with_severe, without), "sensitivity": with_severe, "specificity": without}
        tails = {quantity: _expanded(tail, k) for quantity, k in counts.items()}
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
        One column a score, one row a scan; a scan whose score is missing is left out for that score.
    is_severe, patient_ids : Series
        With the same index.
    cutoffs : mapping
        The cut-off that was chosen for each score.
    n_resamples, seed, confidence
        As above. Every score gets the same seed.

    Returns
    -------
    DataFrame
        Indexed by (score, quantity): ``low, high`` of the stratified bootstrap and its ``bca_low, bca_high``; then the
        same four of the plain one (``plain_low`` ...) and of that of patients (``clustered_low`` ...). BCa is NaN but
        for AUC, sensitivity and specificity.
        A sensitivity or specificity of exactly 0 or 1 comes out the same in every resample of scans; its ``low`` and
        ``high`` are Clopper and Pearson's exact binomial limits instead.
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
    """Draw counts of units, (resample, unit), as often as wanted; each stratum (bool) keeps its size."""
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
    # The last place of each run of equal scores: where a cut-off takes the whole run.
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
    # The last of equal maxima has the lowest cut-off: the most sensitive one. A cut-off that no scan of the resample
    # reaches has the counts of the one above it, so the one that was reached is taken among those.
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
    results = np.column_stack([area, *chosen, *held])
    results[undefined] = np.nan
    return results


def _patients(patient_ids, scores):
    """Different patients, and the place of each scan's among them."""
    patients, of_scan = np.unique(np.asarray(patient_ids).astype(str), return_inverse=True)
    if of_scan.shape != scores.shape:
        raise ValueError(f"patient_ids has shape {np.shape(patient_ids)} for {scores.size} scores: one a scan")
    return patients, of_scan


def _expanded(tail, k):
    """Level of a quantile of resamples of k patients that lies as far out as Student's t; NaN with fewer than two."""
    return stats.norm.sf(np.sqrt(k / (k - 1)) * stats.t.isf(tail, k - 1)) if k > 1 else np.nan


def _influences(scores, is_severe, cutoff):
    """Estimates, each with the influence of every scan on it: by how much more weight for the scan would move it."""
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


def _confidence(confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence!r}: must lie between 0 and 1, such as 0.95")
    return confidence


def _checked(scores, is_severe, n_resamples):
    scores, is_severe = np.asarray(scores, dtype=float), np.asarray(is_severe).astype(bool)
    if scores.ndim != 1 or scores.shape != is_severe.shape:
        raise ValueError(f"scores have shape {scores.shape} and is_severe {is_severe.shape}: one of each a scan")
    if not np.isfinite(scores).all():
        raise ValueError("scores are missing or infinite: leave those scans out and say how many")
    if is_severe.all() or not is_severe.any():
        raise ValueError("resampling a ROC curve needs severe and non-severe scans; only one status is there")
    if n_resamples < 1:
        raise ValueError(f"n_resamples {n_resamples!r}: must be 1 or more")
    return scores, is_severe
