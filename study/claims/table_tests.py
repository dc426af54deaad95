"""P values of a table of counts, by every test that papers print under one: which test it was is seldom said.

A table has a row per answer (such as ill and well) and a column per group.
"""

import math

import numpy as np
from scipy import special

MOST_TABLES = 2 * 10**5  # with the same margins, which are listed for an exact test; takes 0.05 s


def by_formula(tables):
    """P values that follow from a formula, of many tables at once.

    Parameters
    ----------
    tables : int array (m, rows, columns)

    Returns
    -------
    dict of str to array (m,)
        Pearson's chi-square; of two-by-two tables with Yates' correction, too; Pearson's with N - 1 for N (Campbell
        2007); the likelihood-ratio G test; of two rows and three or more columns Cochran and Armitage's trend. 1 where
        a row or a column is empty, as the groups then do not differ.
    """
    tables = np.asarray(tables, dtype=float)
    _, rows, columns = tables.shape
    n = tables.sum(axis=(1, 2))
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :] / n[:, None, None]
    degrees = (rows - 1) * (columns - 1)
    full = (expected > 0).all(axis=(1, 2))
    safe = np.where(expected > 0, expected, 1.0)
    off = np.abs(tables - expected)

    def p(square):
        return np.where(full, special.chdtrc(degrees, np.maximum(square, 0)), 1.0)

    pearson = (off**2 / safe).sum(axis=(1, 2))
    found = {"Pearson": p(pearson)}
    if (rows, columns) == (2, 2):
        found["Yates"] = p((np.maximum(off - 0.5, 0) ** 2 / safe).sum(axis=(1, 2)))
    found["N - 1"] = p(pearson * (n - 1) / n)
    found["G"] = p(2 * (special.xlogy(tables, np.where(tables > 0, tables, 1) / safe)).sum(axis=(1, 2)))
    if rows == 2 and columns > 2:
        found["trend"] = np.where(full, _trend(tables), 1.0)
    return found


def _trend(tables):
    """Cochran and Armitage's test for a trend over the groups in their order, scored 0, 1, 2 ..."""
    sizes, yes = tables.sum(axis=1), tables[:, 0]
    n, share = sizes.sum(axis=1), yes.sum(axis=1) / sizes.sum(axis=1)
    scores = np.arange(tables.shape[2])
    gap = (scores * (yes - share[:, None] * sizes)).sum(axis=1)
    spread = (scores**2 * sizes).sum(axis=1) - (scores * sizes).sum(axis=1) ** 2 / n
    variance = share * (1 - share) * spread
    return special.chdtrc(1, np.divide(gap**2, variance, out=np.zeros(len(n)), where=variance > 0))


def exact(table):
    """P values that count tables with the same margins.

    Parameters
    ----------
    table : int array (rows, columns)

    Returns
    -------
    dict of str to float
        Fisher's test as R and SAS give it (as improbable or more; of larger tables Freeman and Halton's). Of two-by-two
        tables the smaller one-sided p doubled, and mid-p (the table itself counts half), too. Without those that would
        take more than ``MOST_TABLES`` tables.
    """
    from scipy import stats

    table = np.asarray(table)
    if table.shape != (2, 2):
        p = freeman_halton(table)
        return {} if p is None else {"Fisher, Freeman and Halton": p}
    yes, first, n = table[0].sum(), table[:, 0].sum(), table.sum()
    below, above = (float(stats.fisher_exact(table, side).pvalue) for side in ("less", "greater"))
    both = float(stats.fisher_exact(table).pvalue)
    own = float(stats.hypergeom.pmf(table[0, 0], n, yes, first))
    return {"Fisher": both, "doubled Fisher": min(1.0, 2 * min(below, above)), "mid-p": both - own / 2,
            "doubled mid-p": min(1.0, 2 * min(below, above) - own)}  # fmt: skip


def freeman_halton(table):
    """Fisher's exact test of any table (Freeman and Halton 1951).

    The sum of the probabilities of all tables with its margins that are as improbable as it or more; None if there are
    more than ``MOST_TABLES``. scipy's own test of larger tables draws them at random.
    """
    table = np.asarray(table)
    if len(table) > table.shape[1]:
        table = table.T
    rows, columns = table.sum(axis=1), np.sort(table.sum(axis=0))
    left, logs = rows[None, :], np.zeros(1)  # of each way to fill the columns so far: what is left, and its log p
    for total in columns[:-1]:
        need = np.full(len(left), total)
        for row in range(len(rows)):
            after = left[:, row + 1 :].sum(axis=1)
            least = np.maximum(0, need - after)
            count = np.maximum(0, np.minimum(left[:, row], need) - least + 1)
            if count.sum() > MOST_TABLES:
                return None
            each = np.repeat(np.arange(len(left)), count)
            taken = least[each] + np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
            left, logs, need = left[each].copy(), logs[each] - special.gammaln(taken + 1), need[each] - taken
            left[:, row] -= taken
    logs = logs - special.gammaln(left + 1).sum(axis=1)
    own = -special.gammaln(table + 1).sum()
    constant = special.gammaln(rows + 1).sum() + special.gammaln(columns + 1).sum() - math.lgamma(table.sum() + 1)
    return float(min(1.0, np.exp(logs[logs <= own + 1e-7] + constant).sum()))
