"""Logistic regression of a yes/no outcome: odds ratios per standard deviation, AIC, predicted probabilities.

The fit is statsmodels' maximum likelihood. What statsmodels does not have is done here: separation, where the
likelihood has no maximum and software prints some huge odds ratio, is found beforehand and refused, or handled by
Firth's correction; and profile likelihood intervals.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, optimize, special, stats

from study.statistics.confidence import tail
from study.statistics.likelihood import Likelihood

COLUMNS = [
    "odds_ratio",
    "ci_low",
    "ci_high",
    "profile_low",
    "profile_high",
    "p_value",
    "coefficient",
    "standard_error",
    "mean",
    "sd",
]


class SeparationError(ValueError):
    """The predictors separate the outcome perfectly, or perfectly but for ties: no finite odds ratio exists.

    Attributes
    ----------
    predictors : list of str
        Those that separate the outcome, alone or together.
    score : Series
        The combination of the standardised predictors that separates the outcome; only its order matters.
    """

    def __init__(self, outcome, predictors, score):
        self.predictors, self.score = predictors, score
        super().__init__(
            f"{' and '.join(predictors)} separate{'' if len(predictors) > 1 else 's'} {outcome} perfectly (but for "
            "ties at most): the odds ratio has no finite estimate; gather more scans, or leave the predictor out of "
            "the model and report its AUC"
        )


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes
    ----------
    estimates : DataFrame
        Indexed by predictor: ``odds_ratio`` (per SD), ``ci_low``, ``ci_high`` (Wald), ``profile_low``, ``profile_high``
        (the odds ratios that a likelihood-ratio test does not reject; better where scans are few), ``p_value``
        (two-sided; Wald's, with Firth's correction that of the penalised likelihood ratio), ``coefficient`` (log odds
        per SD), ``standard_error``, ``mean`` and ``sd`` of the predictor.
    intercept : float
        Log odds at the predictors' means.
    aic : float
        -2 log-likelihood + 2 (predictors + 1). Compare only models of the same scans. NaN with Firth's
        correction, which does not maximise the likelihood.
    log_likelihood : float
        At the estimates; with Firth's correction the penalised one.
    predicted : Series
        Probability of the outcome for each row with all predictors; NaN for the others.
    n, n_excluded : int
        Rows that entered, and rows left out because a predictor is missing.
    method : str
        "maximum likelihood" or "Firth".
    note : str
        Empty, or what separates the outcome (see :func:`fit_each`). Then ``estimates``, ``aic`` and ``log_likelihood``
        are NaN, and ``predicted`` is a score between 0 and 1 that orders the rows but is not a probability.
    """

    estimates: pd.DataFrame
    intercept: float
    aic: float
    log_likelihood: float
    predicted: pd.Series
    n: int
    n_excluded: int
    method: str = "maximum likelihood"
    note: str = ""


@dataclass(frozen=True)
class LikelihoodRatio:
    """Test of two nested models: twice the difference of their log-likelihoods, its degrees of freedom, its p-value."""

    statistic: float
    df: int
    p_value: float


def fit(table, predictors, outcome="is_severe", confidence=0.95, firth=False):
    """Fit one model on the complete cases, the rows where every predictor is known.

    Parameters
    ----------
    table : DataFrame
        One row per observation.
    predictors : list of str
        Columns of numbers. Each is standardised to mean 0 and SD 1 (sample SD, over the complete cases), so odds ratios
        are per SD.
    outcome : str
        Column of true / false, without missing values.
    confidence : float
        Of the intervals.
    firth : bool
        Penalise the likelihood by Jeffreys' prior: less biased in small samples, and finite when the outcome is
        separated, which is then no error. Prefer its profile intervals to its Wald intervals, which are far too short
        on one side when the outcome is separated.

    Returns
    -------
    Fit

    Raises
    ------
    SeparationError
        If the outcome is separated, completely or but for ties; it names the predictors. Separation is found by linear
        programming, as in Konis (2007), not by waiting for the fit to diverge.
    ValueError
        If the complete cases have one outcome only, a predictor does not vary, or predictors determine each other.

    References
    ----------
    Albert A, Anderson JA. Biometrika 1984;71:1-10. Konis K. DPhil thesis, University of Oxford, 2007. Venzon DJ,
    Moolgavkar SH. Appl Stat 1988;37:87-94 (profile intervals). Firth D. Biometrika 1993;80:27-38. Heinze G, Schemper M.
    Stat Med 2002;21:2409-2419.
    """
    beyond = tail(confidence)
    cases = _prepared(table, predictors, outcome)
    if not firth:
        _refuse_separation(cases, predictors, outcome)
    likelihood, basis = _orthogonal(cases.design, cases.severe, firth)
    top = likelihood.climb(np.zeros(len(basis))) if firth else _maximum_likelihood(likelihood, predictors)
    greatest, _, _, information = likelihood.at(top)
    params, backwards = linalg.solve_triangular(basis, top), linalg.solve_triangular(basis, np.eye(top.size))
    errors = np.sqrt(np.diag(backwards @ np.linalg.inv(information) @ backwards.T))
    reach = stats.norm.isf(beyond) * errors
    profile, p_values, last = [], [], params.size - 1
    for at in range(1, params.size):
        # With its column last, a coefficient is the last one of the orthogonal design but for a factor.
        order = [*np.delete(np.arange(params.size), at), at]
        turned, own_basis = _orthogonal(cases.design[:, order], cases.severe, firth)
        own_top, factor = own_basis @ params[order], own_basis[-1, -1]
        limits = turned.profile_limits(own_top, last, reach[at] * abs(factor), confidence)
        profile.append(sorted(limit / factor for limit in limits))
        p_values.append(stats.chi2.sf(2 * (turned.at(own_top)[0] - turned.held(own_top, last, 0.0)), 1))
    if not firth:
        p_values = 2 * stats.norm.sf(np.abs(params / errors))[1:]
    # exp() of a huge limit is infinity, which is what a nearly separated outcome means; no warning is needed.
    with np.errstate(over="ignore"):
        odds = np.exp(np.column_stack([params[1:], (params - reach)[1:], (params + reach)[1:], profile]))
    estimates = np.column_stack([odds, p_values, params[1:], errors[1:], cases.mean, cases.sd])
    n = len(cases.index)
    if firth:  # the penalty, half the log determinant of the information, in the coordinates of the coefficients
        greatest += np.log(np.abs(np.diag(basis))).sum()
    return Fit(
        pd.DataFrame(estimates, pd.Index(predictors, name="predictor"), COLUMNS),
        intercept=float(params[0]),
        aic=float("nan") if firth else float(2 * len(params) - 2 * greatest),
        log_likelihood=float(greatest),
        predicted=pd.Series(likelihood.probability(top), cases.index, name="predicted").reindex(table.index),
        n=n,
        n_excluded=len(table) - n,
        method="Firth" if firth else "maximum likelihood",
    )


@dataclass(frozen=True)
class Maximum:
    """The maximum of a likelihood: ``coefficients`` (log odds per SD), ``aic``, and ``predicted`` of complete cases."""

    coefficients: pd.Series
    aic: float
    predicted: pd.Series


def maximise(table, predictors, outcome="is_severe"):
    """Fit one model by maximum likelihood without errors and intervals, for hundreds of resamples.

    Parameters and errors as in :func:`fit`. That several predictors together do not separate the outcome is seen at the
    maximum itself (``Likelihood.proves_overlap``); the linear programme is asked only where this proves nothing.

    Returns
    -------
    Maximum
    """
    cases = _prepared(table, predictors, outcome)
    _refuse_separation(cases, predictors, outcome, together=False)
    likelihood, basis = _orthogonal(cases.design, cases.severe, firth=False)
    try:
        top = likelihood.climb(np.zeros(len(basis)))
    except ValueError:  # there may be no maximum
        _refuse_separation(cases, predictors, outcome)
        raise
    if not likelihood.proves_overlap(top):
        _refuse_separation(cases, predictors, outcome)
    return Maximum(
        pd.Series(linalg.solve_triangular(basis, top)[1:], list(predictors)),
        float(2 * top.size - 2 * likelihood.at(top)[0]),
        pd.Series(likelihood.probability(top), cases.index),
    )


def fit_each(table, models, outcome="is_severe", confidence=0.95, firth=False):
    """Fit several models; one whose outcome is separated is kept without estimates and does not stop the others.

    Parameters
    ----------
    table, outcome, confidence
        As in :func:`fit`.
    models : mapping of str to list of str
        Predictors of each model.
    firth : bool
        Use Firth's correction, which also gives estimates for a separated outcome.

    Returns
    -------
    dict of str to Fit
        Without the correction, a separated model has the reason in ``note``, NaN estimates and AIC, and in
        ``predicted`` the logistic function of the separating combination, whose ROC curve is that of the limit of the
        diverging fit.
    """
    fits = {}
    for name, predictors in models.items():
        try:
            fits[name] = fit(table, predictors, outcome, confidence, firth)
        except SeparationError as separated:
            estimates = pd.DataFrame(np.nan, pd.Index(predictors, name="predictor"), COLUMNS)
            n, nan = len(separated.score), float("nan")
            predicted = special.expit(separated.score).rename("predicted").reindex(table.index)
            fits[name] = Fit(estimates, nan, nan, nan, predicted, n, len(table) - n, note=str(separated))
    return fits


def likelihood_ratio_test(smaller, larger):
    """Test whether the predictors that a larger model adds to a smaller one improve the fit.

    Parameters
    ----------
    smaller, larger : Fit
        By maximum likelihood, on the same rows; the larger has all predictors of the smaller and at least one more.

    Returns
    -------
    LikelihoodRatio
        ``statistic``, ``df`` and ``p_value``; statistic and p are NaN if a model is separated and has no likelihood.

    Raises
    ------
    ValueError
        If the models are not nested, are of different rows, or have Firth's correction, whose ``p_value`` is such a
        test for each predictor.
    """
    names, more = set(smaller.estimates.index), set(larger.estimates.index)
    if not names < more:
        raise ValueError(
            f"models of {sorted(names)} and {sorted(more)}: the larger must contain the smaller and add to it"
        )
    if not smaller.predicted.dropna().index.equals(larger.predicted.dropna().index):
        raise ValueError(
            f"the models are of {smaller.n} and {larger.n} rows, not the same: fit both on the rows that have all "
            f"predictors, {', '.join(sorted(more))}"
        )
    if "Firth" in (smaller.method, larger.method):
        raise ValueError("penalised likelihoods of two models are not compared: see the p_value of Firth's estimates")
    statistic, df = 2 * (larger.log_likelihood - smaller.log_likelihood), len(more) - len(names)
    # Rounding may leave the statistic just below 0.
    return LikelihoodRatio(float(np.maximum(statistic, 0)), df, float(stats.chi2.sf(np.maximum(statistic, 0), df)))


def predictions(fits):
    """Table of the predicted probabilities of several models (from :func:`fit_each`), one column each."""
    return pd.DataFrame({name: fitted.predicted for name, fitted in fits.items()})


def summary(fits):
    """Table of several models, by (model, predictor): estimates, ``intercept, aic, n, n_excluded, method, note``."""
    return pd.concat(
        {
            name: fitted.estimates.assign(
                intercept=fitted.intercept,
                aic=fitted.aic,
                n=fitted.n,
                n_excluded=fitted.n_excluded,
                method=fitted.method,
                note=fitted.note,
            )
            for name, fitted in fits.items()
        },
        names=["model", "predictor"],
    )


class _Cases(NamedTuple):
    """Complete cases: their index, outcome and design (row, coefficient) of an intercept and standardised predictors.

    `mean` and `sd` are those of the predictors.
    """

    index: pd.Index
    severe: np.ndarray
    design: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def _prepared(table, predictors, outcome):
    rows, columns, severe = _complete_cases(table, predictors, outcome)
    mean, sd = columns.mean(axis=1), columns.std(axis=1, ddof=1)
    constant = [name for name, spread in zip(predictors, sd, strict=True) if not spread > 0]
    if constant:
        raise ValueError(f"predictor {constant[0]} does not vary: leave it out")
    standardised = (columns - mean[:, None]) / sd[:, None]
    design = np.column_stack([np.ones(severe.size), *standardised])
    if np.linalg.matrix_rank(design) <= len(predictors):
        raise ValueError(f"predictors {', '.join(predictors)} determine each other: leave one out")
    return _Cases(table.index[rows], severe, design, mean, sd)


def _orthogonal(design, severe, firth):
    """Likelihood of a design of orthogonal columns, and the triangle by which coefficients are multiplied to fit it.

    Predictors that nearly determine each other make Newton's steps huge in the coefficients and rounding large; in
    orthogonal coordinates neither happens.
    """
    columns, triangle = np.linalg.qr(design)
    size = len(design) ** 0.5
    return Likelihood(columns * size, severe, firth), triangle / size


def _maximum_likelihood(likelihood, predictors):
    from statsmodels.discrete.discrete_model import Logit

    model = Logit(likelihood.severe.astype(float), likelihood.design)
    result = model.fit(disp=0, maxiter=200, method="newton", tol=1e-10)
    if not result.mle_retvals["converged"]:
        raise ValueError(f"the regression on {', '.join(predictors)} did not converge: look for extreme values in them")
    return result.params


def _complete_cases(table, predictors, outcome):
    """Which rows have all predictors, and of these the predictors (predictor, row) and the outcome (row,)."""
    missing = [name for name in [*predictors, outcome] if name not in table]
    if missing or not predictors:
        raise ValueError(f"the table has no column {', '.join(missing)}" if missing else "a model needs a predictor")
    if table[outcome].isna().any() or not table[outcome].isin([0, 1]).all():
        raise ValueError(f"column {outcome} must be true or false in every row")
    columns = np.stack([table[name].to_numpy(float, na_value=np.nan) for name in predictors])
    rows = ~np.isnan(columns).any(axis=0)
    columns, severe = columns[:, rows], table[outcome].to_numpy(bool)[rows]
    if not np.isfinite(columns).all():
        raise ValueError(f"an infinite value in {', '.join(predictors)}: correct it or leave it empty")
    if severe.all() or not severe.any():
        raise ValueError(
            f"{outcome} is the same in all {severe.size} rows with {' and '.join(predictors)}: "
            "a regression needs both outcomes"
        )
    return rows, columns, severe


def _refuse_separation(cases, predictors, outcome, together=True):
    """Raise if a predictor separates the outcome alone, or, where asked, if all do so together."""
    predictor = range(1, len(predictors) + 1)  # column of the design
    # A predictor that separates alone is the one to name.
    for group in [[at] for at in predictor] + ([list(predictor)] if together and len(predictors) > 1 else []):
        direction = _separating_direction(cases.design[:, group], cases.severe)
        if direction is not None:
            score = pd.Series(cases.design[:, group] @ direction, cases.index)
            named = [predictors[at - 1] for at, weight in zip(group, direction, strict=True) if abs(weight) > 1e-9]
            raise SeparationError(outcome, named, score)


def _separating_direction(design, severe):
    """Weights that put all severe rows at or above all others, at least one strictly; None if there are none."""
    if design.shape[1] == 1:
        inside, outside = design[severe, 0], design[~severe, 0]
        above, below = inside.min() >= outside.max(), inside.max() <= outside.min()
        return np.array([1.0 if above else -1.0]) if above or below else None
    sign = np.where(severe, 1.0, -1.0)
    margins = sign[:, None] * np.column_stack([np.ones(len(design)), design])
    # Greatest sum of margins with none negative, weights in a box. Separable data push the weights to the sides of
    # the box; otherwise only zero is feasible, up to the solver's tolerance of 1e-7, which is far from a margin.
    found = optimize.linprog(
        -margins.sum(axis=0), A_ub=-margins, b_ub=np.zeros(len(margins)), bounds=(-1, 1), method="highs"
    )
    return found.x[1:] if found.success and (margins @ found.x).max() > 1e-4 else None
