"""What a call means for the one who is called: likelihood ratios, predictive values at a prevalence, precision.

A sensitivity says how many of the severe are found; a reader of one scan asks how likely a scan that is called severe
is severe. That depends on how many are (the prevalence), which is the study's own and rarely that of another hospital.
"""

import numpy as np
import pandas as pd


def likelihood_ratios(sensitivity, specificity):
    """By what factor a call changes the odds of severe.

    Parameters
    ----------
    sensitivity, specificity : float or array
        0 to 1.

    Returns
    -------
    positive, negative : float or array
        sensitivity / (1 - specificity) of a scan called severe, from 0 to infinity, and (1 - sensitivity) /
        specificity of one that is not. NaN where 0 is divided by 0.

    References
    ----------
    Deeks JJ, Altman DG. BMJ 2004;329:168-169.

    Examples
    --------
    >>> [round(float(ratio), 3) for ratio in likelihood_ratios(0.9, 0.8)]
    [4.5, 0.125]
    """
    sensitivity, specificity = np.asarray(sensitivity, float), np.asarray(specificity, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return sensitivity / (1 - specificity), (1 - sensitivity) / specificity


def predictive_values(sensitivity, specificity, prevalence):
    """Share of right calls among those called severe (PPV), and among the others (NPV), by Bayes' theorem.

    Parameters
    ----------
    sensitivity, specificity : float or array
        0 to 1.
    prevalence : float
        Share of severe scans among those called; above 0 and below 1.

    Returns
    -------
    ppv, npv : float or array
        0 to 1; NaN where no scan is called so.

    Examples
    --------
    >>> [round(float(value), 3) for value in predictive_values(0.9, 0.8, 0.5)]
    [0.818, 0.889]
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence {prevalence!r}: must be above 0 and below 1, such as 0.15")
    sensitivity, specificity = np.asarray(sensitivity, float), np.asarray(specificity, float)
    found, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    cleared, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    with np.errstate(divide="ignore", invalid="ignore"):
        return found / (found + alarms), cleared / (cleared + missed)


def precision_recall(scores, is_severe):
    """Precision-recall curve: of the scans called severe, the share that is (precision), by the share found (recall).

    Parameters
    ----------
    scores : array of float (n,)
        Higher means severe.
    is_severe : array of bool (n,)

    Returns
    -------
    curve : DataFrame
        ``recall, precision``, from the highest cut-off down; its first row is the precision there, at recall 0.
    average_precision : float
        Mean precision over the severe scans, each at the cut-off that just finds it. Scores without information have
        the prevalence (the baseline), not 0.5.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(is_severe, scores)
    # scikit-learn ends with a precision of 1 that belongs to no cut-off: where the highest scores are not severe, a
    # stroke from 1 to 0
    precision[-1] = precision[-2]
    curve = pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})
    return curve, float(average_precision_score(is_severe, scores))
