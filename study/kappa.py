"""Cohen's kappa: agreement of two raters beyond what chance gives, with both of its usual standard errors.

Recomputing Table 4 of Li et al. from its printed numbers shows which one the paper used. With 142 cases, observed
agreement 0.9155 and kappa 0.8220, Cohen's (1960) error is 0.0492, as printed; the error of Fleiss, Cohen and Everitt
(1969) is 0.0491 for the only four tables that fit. Its other rows agree with Cohen's error as well.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

# Table 4 of the paper, after Altman (1991): upper limits of each word.
STRENGTHS = ((0.20, "poor"), (0.40, "fair"), (0.60, "moderate"), (0.80, "good"), (1.00, "very good"))


@dataclass(frozen=True)
class Agreement:
    """Agreement of two raters.

    Attributes
    ----------
    n : int
        Cases that both rated.
    observed_agreement, expected_agreement : float
        Share of cases rated alike, and the share that chance would give with each rater's own frequencies; 0 to 1.
    kappa : float
        (observed - expected) / (1 - expected), at most 1, 0 for chance, down to -1. NaN if both raters used one and
        the same category only, where chance alone gives full agreement, or there are no cases.
    standard_error : float
        Cohen's (1960): sqrt(po (1 - po) / n) / (1 - pe), as in the paper. 0 for full agreement; NaN with kappa.
    standard_error_fleiss : float
        The large-sample error of Fleiss, Cohen and Everitt (1969), which R's psych and vcd report.
    ci_low, ci_high : float
        kappa -+ z times `standard_error_fleiss`, kept within -1 to 1. NaN with kappa, and where the error is 0,
        which is no certainty.
    """

    n: int
    observed_agreement: float
    expected_agreement: float
    kappa: float
    standard_error: float
    standard_error_fleiss: float
    ci_low: float
    ci_high: float


def cohen_kappa(a, b, confidence=0.95):
    """Cohen's kappa of two raters' categories.

    Parameters
    ----------
    a, b : array (n,)
        The category that each rater gave each case: numbers or words, none missing.
    confidence : float
        Of the interval.

    Returns
    -------
    Agreement

    References
    ----------
    Cohen J. Educ Psychol Meas 1960;20:37-46. Fleiss JL, Cohen J, Everitt BS. Psychol Bull 1969;72:323-327.

    Examples
    --------
    >>> round(cohen_kappa([1, 1, 0, 0], [1, 1, 0, 1]).kappa, 3)
    0.5
    """
    from scipy import stats
    from statsmodels.stats.inter_rater import cohens_kappa

    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence!r}: must lie between 0 and 1, such as 0.95")
    a, b = pd.Series(np.asarray(a)), pd.Series(np.asarray(b))
    if a.shape != b.shape:
        raise ValueError(f"raters gave {a.size} and {b.size} ratings: both must rate the same cases")
    if a.isna().any() or b.isna().any():
        raise ValueError("a rating is missing: leave that case out for both raters and say how many")
    nan, n = float("nan"), len(a)
    if not n:
        return Agreement(0, *[nan] * 7)

    categories = np.unique(np.concatenate([a, b]))
    table = np.zeros((categories.size,) * 2)
    np.add.at(table, (np.searchsorted(categories, a), np.searchsorted(categories, b)), 1)
    observed = np.trace(table) / n
    if categories.size == 1:
        return Agreement(n, 1.0, 1.0, *[nan] * 5)
    expected = table.sum(axis=1) @ table.sum(axis=0) / n**2
    simple = np.sqrt(observed * (1 - observed) / n) / (1 - expected)
    # statsmodels also divides by an error of 0, for a test that is not used here.
    with np.errstate(invalid="ignore", divide="ignore"):
        result = cohens_kappa(table)
    kappa = float(result.kappa)
    # Rounding may leave a variance of 0 just below it.
    fleiss = float(np.sqrt(max(float(result.var_kappa), 0.0)))
    if observed == 1 or fleiss < 1e-9:
        fleiss, low, high = 0.0, nan, nan
    else:
        reach = stats.norm.isf((1 - confidence) / 2) * fleiss
        low, high = float(max(kappa - reach, -1.0)), float(min(kappa + reach, 1.0))
    return Agreement(n, float(observed), float(expected), kappa, float(simple), fleiss, low, high)


def strength(kappa):
    """Word for a kappa, as in Table 4: poor to 0.20, fair to 0.40, moderate to 0.60, good to 0.80, else very good.

    The limits are printed with two decimals, so kappa is rounded to two first; below 0 is poor; NaN is "undefined".
    """
    if np.isnan(kappa):
        return "undefined"
    if not -1 <= kappa <= 1 + 1e-9:
        raise ValueError(f"kappa {kappa!r}: must lie between -1 and 1")
    return next(word for limit, word in STRENGTHS if round(kappa, 2) <= limit)


def tabulate(rated, confidence=0.95):
    """Agreement of several pairs of raters, one row each.

    Parameters
    ----------
    rated : mapping of str to DataFrame
        Name of the row and a table of two columns, one a rater. Cases that a rater left out (NaN) are dropped.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Indexed by name, with the columns of :class:`Agreement` and ``strength``.
    """
    rows = {}
    for name, pair in rated.items():
        both = pair.dropna()
        agreement = cohen_kappa(both.iloc[:, 0], both.iloc[:, 1], confidence)
        rows[name] = asdict(agreement) | {"strength": strength(agreement.kappa)}
    return pd.DataFrame.from_dict(rows, orient="index")
