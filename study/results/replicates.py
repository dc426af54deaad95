"""How far each quoted number would vary between cohorts like this one: standard errors over patients.

The Poisson bootstrap: each patient, with all scans, enters a resample a Poisson number of times (mean 1), so that also
the number of patients varies, as it does from one cohort to the next, and every count with it. One resampling serves
all numbers, whatever their formula; scans of one patient may depend on each other in any way. `study.claims.sampling`
compares with the paper's numbers by these errors.
"""

import numpy as np
import pandas as pd

N_RESAMPLES = 200


def standard_errors(table, quote, n_resamples=N_RESAMPLES, seed=1, mean=1.0):
    """Standard error of each number that is computed from a table of patients.

    Parameters
    ----------
    table : DataFrame
        With ``patient_id``. Copies of a patient get ids of their own, and so do copies of a ``scan_id``.
    quote : callable
        From such a table to dict of str to float, such as ``severity_values.quoted``; a ValueError means that a
        resample has no such numbers.
    n_resamples, seed : int
    mean : float
        How often a patient enters a resample on average.

    Returns
    -------
    dict of str to float
        The SD of the resamples, as a cut-off may jump between two places, and its rates with it. NaN where fewer than
        half of the resamples have the number. Empty with fewer than two patients.

    References
    ----------
    Hanley JA, MacGibbon B. Comput Methods Programs Biomed 2006;83:57-62. Field CA, Welsh AH. J R Stat Soc B
    2007;69:369-390.
    """
    ids, of_row = np.unique(table["patient_id"].astype(str), return_inverse=True)
    if ids.size < 2:
        return {}
    rng = np.random.default_rng(seed)
    named = table.columns.intersection(["patient_id", "scan_id"])
    table = table.astype(dict.fromkeys(named, str))
    drawn = []
    for _ in range(n_resamples):
        times = rng.poisson(mean, ids.size)[of_row]
        rows = np.repeat(np.arange(len(table)), times)
        copy = (np.arange(rows.size) - np.repeat(np.cumsum(times) - times, times)).astype(str)
        resample = table.iloc[rows].reset_index(drop=True)
        for column in named:
            resample[column] = resample[column] + "/" + copy
        try:
            drawn.append(quote(resample))
        except ValueError:
            continue
    numbers = pd.DataFrame(drawn).apply(pd.to_numeric, errors="coerce")
    numbers = numbers.where(np.isfinite(numbers))
    return numbers.std().where(numbers.notna().sum() >= n_resamples / 2).to_dict()


def cube_root_errors(table, quote, n_resamples=N_RESAMPLES, seed=1):
    """Standard error of numbers that are taken where something is greatest, such as the rates at the Youden cut-off.

    The place of a maximum, and what is read off there, nears the truth with the cube root of n only, and resamples of
    as many patients as there are then do not vary as new samples would (Abrevaya and Huang). Resamples of fewer do
    (m out of n): here of half, whose errors are larger by the cube root of 2. Youden's index itself, the height of the
    maximum, is no such number.

    Parameters and result as in :func:`standard_errors`.

    References
    ----------
    Hsieh F, Turnbull BW. Ann Stat 1996;24:25-40. Abrevaya J, Huang J. Econometrica 2005;73:1175-1204. Lee SMS, Pun MC.
    J Am Stat Assoc 2006;101:1185-1197.
    """
    errors = standard_errors(table, quote, n_resamples, seed, mean=0.5)
    return {name: error * 0.5 ** (1 / 3) for name, error in errors.items()}


def with_errors(listed, errors):
    """Give each value of a list (from ``study.run.value``) its standard error, where there is one."""
    return [row | {"standard_error": errors.get(row["name"])} for row in listed]
