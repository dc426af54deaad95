"""When is a change real? The least change beyond measurement error, and three classes of change from it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from study.statistics.confidence import tail


@dataclass(frozen=True)
class LeastDetectable:
    """How large a change must be.

    Attributes
    ----------
    change : float
        Least detectable change (smallest detectable change, SDC), in the unit of the measurement.
    standard_error : float
        Standard error of measurement (SEM) of one scan.
    n : int
        Number of differences that it is computed from.
    """

    change: float
    standard_error: float
    n: int


def least_detectable(differences, confidence=0.95):
    """Least detectable change, from differences between two equally precise measurements of an unchanged quantity.

    Two sources give such differences: two readers of the same scan; or, where the truth is known, measured minus true
    changes, since a change has the errors of two scans. Their SD is sqrt(2) SEM, and

    SDC = z sqrt(2) SEM, z = 1.96 at 95 %.

    Parameters
    ----------
    differences : array of float
        NaN is left out. A constant offset does not count: it cancels in a change.
    confidence : float
        Share of unchanged quantities whose measured change stays below it.

    Returns
    -------
    LeastDetectable
        NaN with fewer than two differences.

    References
    ----------
    Bland JM, Altman DG. BMJ 1996;313:744. de Vet HCW et al. J Clin Epidemiol 2006;59:1033-1039.

    Examples
    --------
    >>> round(least_detectable([1.0, -1.0, 1.0, -1.0]).change, 3)
    2.263
    """
    z = float(stats.norm.isf(tail(confidence)))
    known = np.asarray(differences, dtype=float)
    known = known[np.isfinite(known)]
    if known.size < 2:
        return LeastDetectable(float("nan"), float("nan"), known.size)
    spread = float(known.std(ddof=1))
    return LeastDetectable(z * spread, spread / 2**0.5, known.size)


def classify(change, least):
    """Turn changes into three classes: -1 decreased, 0 unchanged, 1 increased.

    Parameters
    ----------
    change : array of float
        Changes; NaN stays NaN.
    least : float
        A change of at most this size counts as unchanged. Not negative; NaN makes every class NaN.

    Returns
    -------
    Series of float
    """
    if least < 0:
        raise ValueError(f"least {least!r}: the least detectable change cannot be negative")
    change = pd.Series(change, dtype=float)
    classes = np.sign(change).where(change.abs() > least, 0.0)
    return classes.where(change.notna() & np.isfinite(least))
