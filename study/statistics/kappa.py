"""Cohen's kappa: agreement of two raters beyond chance, plain or weighted, with its usual standard errors.

Recomputing Table 4 of Li et al. from its printed numbers shows which error the paper used. With 142 cases, observed
agreement 0.9155 and kappa 0.8220, Cohen's (1960) error is 0.0492, as printed; the error of Fleiss, Cohen and Everitt
(1969) is 0.0491 for the only four tables that fit. The last row agrees with Cohen's error as well; the two between
agree with neither as they are printed.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import special

from study.statistics.confidence import tail

# Upper limit of each word, as in the paper's Table 4; the scale is Altman's (Practical Statistics for Medical Research,
# London: Chapman and Hall 1991, p. 404), who changed that of Landis and Koch (Biometrics 1977;33:159-174).
STRENGTHS = ((0.20, "poor"), (0.40, "fair"), (0.60, "moderate"), (0.80, "good"), (1.00, "very good"))

FEWEST_CASES = 10  # a kappa of fewer is meaningless: it has no word, and is not compared


@dataclass(frozen=True)
class Agreement:
    """Agreement of two raters.

    Attributes
    ----------
    n : int
        Cases rated by both.
    observed_agreement, expected_agreement : float
        Share of cases rated alike, and the share expected by chance from each rater's own frequencies; 0 to 1.
        With weights, the mean credit of the cases, and that expected by chance.
    kappa : float
        (observed - expected) / (1 - expected), from -1 to 1; 0 is chance. NaN if both raters used one and the same
        category only, where chance alone gives full agreement, and without cases.
    standard_error : float
        Cohen's (1960): sqrt(po (1 - po) / n) / (1 - pe), as in the paper; with weights Cohen's (1968). 0 for full
        agreement; NaN with kappa.
    standard_error_fleiss : float
        The large-sample error of Fleiss, Cohen and Everitt (1969), which R's psych and vcd report.
    standard_error_null : float
        The error of kappa if the raters agree by chance alone (Fleiss, Cohen and Everitt); kappa divided by it tests
        that hypothesis. NaN with kappa, and 0 where a rater used one category only.
    kappa_max : float
        The greatest kappa that the two raters' frequencies allow: 1 if they used the categories equally often. NaN with
        kappa, and with weights.
    pabak : float
        Prevalence- and bias-adjusted kappa, (k po - 1) / (k - 1) with k categories: the kappa of the same observed
        agreement if both raters used all categories equally often. NaN with fewer than two categories and with weights.
    ci_low, ci_high : float
        kappa -+ z times `standard_error_fleiss`, kept within -1 to 1. NaN with kappa, and where the error is 0,
        which does not mean certainty.
    weights : str
        Name of the weights.
    """

    n: int
    observed_agreement: float = np.nan
    expected_agreement: float = np.nan
    kappa: float = np.nan
    standard_error: float = np.nan
    standard_error_fleiss: float = np.nan
    standard_error_null: float = np.nan
    kappa_max: float = np.nan
    pabak: float = np.nan
    ci_low: float = np.nan
    ci_high: float = np.nan
    weights: str = "none"


def cohen_kappa(a, b, confidence=0.95, weights="none", categories=None):
    """Cohen's kappa of two raters' categories.

    Weights give partial credit to ratings that differ, more to categories closer in their order. Software has different
    names for them: *linear* is Cicchetti and Allison's, vcd's "Equal-Spacing", irr's "equal";
    *quadratic* is Fleiss and Cohen's, irr's "squared" and psych's default.

    Parameters
    ----------
    a, b : array (n,)
        The category that each rater gave each case: numbers or words, none missing.
    confidence : float
        Of the interval.
    weights : {"none", "linear", "quadratic"}
        Credit for ratings i and j of k ordered categories: "none" 1 if equal, else 0; "linear" 1 - d; "quadratic"
        1 - d**2, where d = abs(i - j) / (k - 1).
    categories : list, optional
        All categories, in order; by default those found, sorted. Give them where one may not occur, as it counts for
        the weights and for `pabak`.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        If the raters rated different numbers of cases, or a rating is missing or not among the categories.

    References
    ----------
    Cohen J. Educ Psychol Meas 1960;20:37-46. Cohen J. Psychol Bull 1968;70:213-220. Fleiss JL, Cohen J, Everitt BS.
    Psychol Bull 1969;72:323-327. Byrt T, Bishop J, Carlin JB. J Clin Epidemiol 1993;46:423-429 (PABAK).

    Examples
    --------
    >>> round(cohen_kappa([1, 1, 0, 0], [1, 1, 0, 1]).kappa, 3)
    0.5
    """
    beyond = tail(confidence)
    table = _counts(a, b, categories)
    n, k = int(table.sum()), len(table)
    credit = _credit(weights, k)
    if not n:
        return Agreement(0, weights=weights)
    observed = (credit * table).sum() / n
    expected = (credit * np.outer(table.sum(axis=1), table.sum(axis=0))).sum() / n**2
    plain = weights == "none"
    pabak = (k * observed - 1) / (k - 1) if plain and k > 1 else np.nan
    found = {"observed_agreement": observed, "expected_agreement": expected, "pabak": pabak}
    if expected < 1:
        kappa, variances, greatest = _unweighted(table) if plain else _weighted(table, weights)
        errors = np.sqrt(np.maximum(variances, 0))  # rounding may leave a variance just below 0
        fleiss, null = np.where(errors < 1e-9, 0.0, errors)
        spread = max((credit**2 * table).sum() / n - observed**2, 0.0)
        found |= {
            "kappa": kappa,
            "standard_error": np.sqrt(spread / n) / (1 - expected),
            "standard_error_fleiss": 0.0 if observed == 1 else fleiss,
            "standard_error_null": null,
            "kappa_max": greatest,
        }
        if found["standard_error_fleiss"] > 0:
            reach = -special.ndtri(beyond) * fleiss
            found |= {"ci_low": max(kappa - reach, -1), "ci_high": min(kappa + reach, 1)}
    return Agreement(n, **{name: float(number) for name, number in found.items()}, weights=weights)


def strength(kappa):
    """Word for a kappa, as in Table 4: poor to 0.20, fair to 0.40, moderate to 0.60, good to 0.80, else very good.

    The limits are printed with two decimals, so kappa is rounded to two first; below 0 is poor; NaN is "undefined".
    """
    if np.isnan(kappa):
        return "undefined"
    if not -1 <= kappa <= 1 + 1e-9:
        raise ValueError(f"kappa {kappa!r}: must be between -1 and 1")
    return next(word for limit, word in STRENGTHS if round(kappa, 2) <= limit)


def scale_in_words():
    """The words for kappa with their limits, and whose they are.

    >>> scale_in_words()[:57]
    'Strength of agreement: 0-0.20, poor; 0.21-0.40, fair; 0.4'
    """
    lows = ["0", *(f"{limit + 0.01:.2f}" for limit, _ in STRENGTHS)]
    ranges = "; ".join(f"{low}-{limit:.2f}, {word}" for low, (limit, word) in zip(lows, STRENGTHS, strict=False))
    return f"Strength of agreement: {ranges} (the paper's Table 4, after Altman 1991)."


def p_of_chance(kappa, standard_error_null):
    """Two-sided p of the hypothesis that two raters agree by chance alone; NaN where kappa or its error is undefined.

    Parameters
    ----------
    kappa, standard_error_null : float
        Of an :class:`Agreement`.
    """
    return float(2 * special.ndtr(-abs(kappa) / standard_error_null)) if standard_error_null > 0 else np.nan


def tabulate(rated, confidence=0.95, weights="none", categories=None):
    """Agreement of several pairs of raters, one row each.

    Parameters
    ----------
    rated : mapping of str to DataFrame
        Name of the row and a table of two columns, one per rater. Cases that a rater left out (NaN) are dropped.
    confidence, weights, categories
        As in :func:`cohen_kappa`.

    Returns
    -------
    DataFrame
        Indexed by name, with the columns of :class:`Agreement` and ``strength``. An error of 0, as by Cohen's formula
        where all cases agree, or none, does not mean certainty: it is NaN. The word is missing where that error is, and
        of fewer than `FEWEST_CASES`.
    """
    rows = {}
    for name, pair in rated.items():
        both = pair[pair.notna().to_numpy().all(axis=1)]
        agreement = cohen_kappa(both.iloc[:, 0], both.iloc[:, 1], confidence, weights, categories)
        errors = {error: getattr(agreement, error) or np.nan for error in ("standard_error", "standard_error_fleiss")}
        has_word = agreement.n >= FEWEST_CASES and np.isfinite(errors["standard_error"])
        rows[name] = asdict(agreement) | errors | {"strength": strength(agreement.kappa) if has_word else None}
    return pd.DataFrame.from_dict(rows, orient="index")


def _unweighted(table):
    """Kappa, its variance as it is and by chance alone, and the greatest kappa of these frequencies.

    All as statsmodels' ``cohens_kappa`` has them, which takes twenty times as long: it makes distributions of them.
    """
    n = table.sum()
    shares, rows, columns = table / n, table.sum(axis=1) / n, table.sum(axis=0) / n
    expected = (columns * rows).sum()
    kappa = (np.trace(table) / n - expected) / (1 - expected)
    apart = shares * (columns[:, None] + rows) ** 2
    np.fill_diagonal(apart, 0)
    alike = np.diag(shares) * (1 - (rows + columns) * (1 - kappa)) ** 2
    spread = alike.sum() + (1 - kappa) ** 2 * apart.sum() - (kappa - expected * (1 - kappa)) ** 2
    by_chance = expected + expected**2 - (columns * rows * (columns + rows)).sum()
    greatest = (np.minimum(rows, columns).sum() - expected) / (1 - expected)
    return kappa, (spread / (1 - expected) ** 2 / n, by_chance / ((1 - expected) ** 2 * n)), greatest


def _weighted(table, weights):
    """What :func:`_unweighted` returns, by statsmodels; without a greatest kappa."""
    from statsmodels.stats.inter_rater import cohens_kappa

    # It also divides by an error of 0, for a test that is not used here.
    with np.errstate(invalid="ignore", divide="ignore"):
        result = cohens_kappa(table, wt=weights)
    return result.kappa, (result.var_kappa, result.var_kappa0), np.nan


def _counts(a, b, categories):
    """Cases by category (rater a, rater b), an array (k, k)."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"raters gave {a.size} and {b.size} ratings: both must rate the same cases")
    if pd.isna(a).any() or pd.isna(b).any():
        raise ValueError("a rating is missing: leave that case out for both raters and say how many")
    if categories is None:
        categories = np.unique(np.concatenate([a, b]))
    index = pd.Index(categories)
    places = [index.get_indexer(ratings) for ratings in (a, b)]
    unknown = {*a[places[0] < 0].tolist(), *b[places[1] < 0].tolist()}
    if unknown:
        raise ValueError(f"rating {min(unknown, key=str)!r} is not among the categories {list(categories)}: add it")
    table = np.zeros((index.size,) * 2)
    np.add.at(table, tuple(places), 1)
    return table


def _credit(weights, k):
    """Credit of each pair of ratings, an array (k, k): 1 where equal, down to 0."""
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / max(k - 1, 1)
    credits = {"none": (apart == 0).astype(float), "linear": 1 - apart, "quadratic": 1 - apart**2}
    if weights not in credits:
        raise ValueError(f"weights {weights!r}: must be one of {', '.join(credits)}")
    return credits[weights]
