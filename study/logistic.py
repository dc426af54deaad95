"""Logistic regression of a yes/no outcome: odds ratios per standard deviation, AIC, predicted probabilities.

The fit is statsmodels' maximum likelihood. What it does not do is done here: separation, where the likelihood has no
maximum and software prints some huge odds ratio, is found beforehand and refused.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special


class SeparationError(ValueError):
    """The outcome can be told from the predictors without error, or but for ties: no odds ratio exists.

    Attributes
    ----------
    predictors : list of str
        Those that separate, alone or together.
    score : Series
        The standardised predictors combined so that the outcome is separated; its order is what any cut-off uses.
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
        Indexed by predictor: ``odds_ratio`` (per SD), ``ci_low``, ``ci_high`` (Wald), ``p_value`` (Wald, two-sided),
        ``coefficient`` (log odds per SD), ``standard_error``, ``mean`` and ``sd`` of the predictor.
    intercept : float
        Log odds at the predictors' means.
    aic : float
        -2 log-likelihood + 2 (predictors + 1). Compare only between models of the same scans.
    predicted : Series
        Probability of the outcome for each row with all predictors; NaN for the others.
    n, n_excluded : int
        Rows that entered, and rows left out because a predictor is missing.
    note : str
        Empty; else why ``estimates`` and ``aic`` are NaN and ``predicted`` is a score between 0 and 1 that orders
        the rows but is no probability (see :func:`fit_each`).
    """

    estimates: pd.DataFrame
    intercept: float
    aic: float
    predicted: pd.Series
    n: int
    n_excluded: int
    note: str = ""


def fit(table, predictors, outcome="is_severe", confidence=0.95):
    """Fit one model on the rows where every predictor is known (complete cases).

    Parameters
    ----------
    table : DataFrame
        One row an observation.
    predictors : list of str
        Columns of numbers. Each is standardised to mean 0 and SD 1 (sample SD, over the complete cases), so an odds
        ratio is that of one SD more.
    outcome : str
        Column of true / false, nowhere missing.
    confidence : float
        Of the intervals.

    Returns
    -------
    Fit

    Raises
    ------
    SeparationError
        If the outcome is separated, completely or but for ties; it names the predictors. Found by linear programming,
        as in Konis (2007), not by waiting for the fit to diverge.
    ValueError
        If the complete cases have one outcome only, a predictor does not vary, or predictors determine each other.

    References
    ----------
    Albert A, Anderson JA. Biometrika 1984;71:1-10. Konis K. DPhil thesis, University of Oxford, 2007.
    """
    from statsmodels.discrete.discrete_model import Logit

    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence!r}: must lie between 0 and 1, such as 0.95")
    complete, severe = _complete_cases(table, predictors, outcome)
    mean, sd = complete.mean(), complete.std(ddof=1)
    standardised = (complete - mean) / sd
    _check_design(standardised, sd, predictors)
    _refuse_separation(standardised, severe, outcome)

    design = np.column_stack([np.ones(len(standardised)), standardised])
    result = Logit(severe.to_numpy(float), design).fit(disp=0, maxiter=200, method="newton", tol=1e-10)
    if not result.mle_retvals["converged"]:
        raise ValueError(f"the regression on {', '.join(predictors)} did not converge: look for extreme values in them")
    limits = result.conf_int(1 - confidence)
    # exp() of a huge limit is infinity, which is what a nearly separated outcome means; no warning is needed.
    with np.errstate(over="ignore"):
        odds = np.exp(np.column_stack([result.params, limits]))[1:]
    estimates = pd.DataFrame(
        {
            "odds_ratio": odds[:, 0],
            "ci_low": odds[:, 1],
            "ci_high": odds[:, 2],
            "p_value": result.pvalues[1:],
            "coefficient": result.params[1:],
            "standard_error": result.bse[1:],
            "mean": mean.to_numpy(),
            "sd": sd.to_numpy(),
        },
        index=pd.Index(predictors, name="predictor"),
    )
    predicted = pd.Series(special.expit(design @ result.params), complete.index, name="predicted")
    n = len(complete)
    return Fit(
        estimates,
        float(result.params[0]),
        float(result.aic),
        predicted.reindex(table.index),
        n,
        len(table) - n,
    )


def fit_each(table, models, outcome="is_severe", confidence=0.95):
    """Fit several models; one that is separated is kept without estimates instead of stopping the others.

    Parameters
    ----------
    table, outcome, confidence
        As in :func:`fit`.
    models : mapping of str to list of str
        Predictors of each model.

    Returns
    -------
    dict of str to Fit
        A separated model has NaN estimates and AIC, the reason in ``note``, and in ``predicted`` the logistic
        function of the separating combination: its ROC curve is that of the limit that the fit runs to.
    """
    fits = {}
    for name, predictors in models.items():
        try:
            fits[name] = fit(table, predictors, outcome, confidence)
        except SeparationError as separated:
            columns = [
                "odds_ratio",
                "ci_low",
                "ci_high",
                "p_value",
                "coefficient",
                "standard_error",
                "mean",
                "sd",
            ]
            estimates = pd.DataFrame(np.nan, pd.Index(predictors, name="predictor"), columns)
            n = len(separated.score)
            predicted = special.expit(separated.score).rename("predicted").reindex(table.index)
            nan = float("nan")
            fits[name] = Fit(estimates, nan, nan, predicted, n, len(table) - n, str(separated))
    return fits


def predictions(fits):
    """Table of the predicted probabilities of several models (from :func:`fit_each`), one column each."""
    return pd.DataFrame({name: fitted.predicted for name, fitted in fits.items()})


def summary(fits):
    """Table of several models: a row a predictor, indexed by (model, predictor), with ``aic, n, n_excluded``."""
    return pd.concat(
        {
            name: fitted.estimates.assign(aic=fitted.aic, n=fitted.n, n_excluded=fitted.n_excluded, note=fitted.note)
            for name, fitted in fits.items()
        },
        names=["model", "predictor"],
    )


def _complete_cases(table, predictors, outcome):
    missing = [name for name in [*predictors, outcome] if name not in table]
    if missing or not predictors:
        raise ValueError(f"the table has no column {', '.join(missing)}" if missing else "a model needs a predictor")
    if table[outcome].isna().any() or not table[outcome].isin([0, 1]).all():
        raise ValueError(f"column {outcome} must be true or false in every row")
    complete = table[list(predictors)].astype(float).dropna()
    if not np.isfinite(complete.to_numpy()).all():
        raise ValueError(f"an infinite value in {', '.join(predictors)}: correct it or leave it empty")
    severe = table.loc[complete.index, outcome].astype(bool)
    if severe.all() or not severe.any():
        raise ValueError(
            f"{outcome} is the same in all {len(complete)} rows with {' and '.join(predictors)}: "
            "a regression needs both outcomes"
        )
    return complete, severe


def _check_design(standardised, sd, predictors):
    constant = [name for name in predictors if not sd[name] > 0]
    if constant:
        raise ValueError(f"predictor {constant[0]} does not vary: leave it out")
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(standardised)), standardised])) <= len(predictors):
        raise ValueError(f"predictors {', '.join(predictors)} determine each other: leave one out")


def _refuse_separation(standardised, severe, outcome):
    names = list(standardised.columns)
    # A predictor that separates alone is the one to name.
    for group in [[name] for name in names] + ([names] if len(names) > 1 else []):
        direction = _separating_direction(standardised[group].to_numpy(), severe.to_numpy())
        if direction is not None:
            score = pd.Series(standardised[group].to_numpy() @ direction, standardised.index)
            involved = [name for name, weight in zip(group, direction, strict=True) if abs(weight) > 1e-9]
            raise SeparationError(outcome, involved, score)


def _separating_direction(design, severe):
    """Weights that put all severe rows at or above all others, one at least strictly; None if there are none."""
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
