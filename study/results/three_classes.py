"""Decreased, unchanged, increased: agreement of report and biomarker when a change must exceed the measurement error.

It complements Table 4, which counts every rise and fall, however small, and leaves out reports that name none.
"""

import numpy as np
import pandas as pd

from study.results import words
from study.results.progression import BIOMARKER, UNITS
from study.statistics import change, clustered, kappa
from study.statistics.kappa import FEWEST_CASES


def least_detectable(pairs, variants):
    """Least detectable change of POI (for "volume") and iHU (for "density"), and what it was taken from.

    Where the true masks are known, it comes from the differences between measured and true changes; else, where two
    observers delineated the same scans, from their differences, which careful readers do not resolve either; else
    it is unknown.

    Parameters
    ----------
    pairs : DataFrame
        ``earlier, later, poi_change, ihu_change``.
    variants : DataFrame or None
        From ``Run.variants``.

    Returns
    -------
    dict of str to change.LeastDetectable, str
    """
    if variants is not None:
        for source, words in (("true", "true masks"), ("observer_1", "two observers")):
            found = {}
            for quantity, biomarker in BIOMARKER.items():
                column = variants[f"{source}_{biomarker}"]
                if source == "true":
                    true_change = (
                        column.reindex(pairs["later"]).to_numpy() - column.reindex(pairs["earlier"]).to_numpy()
                    )
                    differences = pairs[f"{biomarker}_change"].to_numpy() - true_change
                else:
                    differences = column - variants[f"observer_2_{biomarker}"]
                found[quantity] = change.least_detectable(differences)
            if found["volume"].n > 1:
                return found, words
    return {quantity: change.least_detectable([]) for quantity in BIOMARKER}, "unknown: no other masks are available"


def cases_of(pairs, quantity, least):
    """Cases of one quantity in three classes: -1 decreased, 0 unchanged, 1 increased.

    Every pair whose later scan has a report counts, unless its phrases are opposite, or it has none on the quantity but
    a wording of change that is not understood: what it says is then unknown, which is not "unchanged". A report that
    says nothing of the quantity is taken as unchanged, which it need not mean; a change of the biomarker within `least`
    is unchanged too.

    Parameters
    ----------
    pairs : DataFrame
        One row per pair, with the columns of ``report_phrases.read`` and ``biomarkers.changes``.
    quantity : {"volume", "density"}
    least : float
        The least change that counts.

    Returns
    -------
    DataFrame
        ``report`` and ``biomarker``, the latter NaN where a scan has no iHU.
    """
    counted = pairs[pairs["has_report"] & pairs[quantity].notna() & ~is_unknown(pairs, quantity)]
    classes = change.classify(counted[f"{BIOMARKER[quantity]}_change"], least)
    return pd.DataFrame({"report": counted[quantity].astype(float), "biomarker": classes})


def is_unknown(pairs, quantity):
    """Whether each report speaks of change in words that are not understood, and has no phrase on the quantity."""
    return pairs["unread"] & (pairs[quantity] == 0)


def tabulate(pairs, least, confidence=0.95):
    """Kappa of three classes at the least detectable change, and of up and down among the changes that exceed it.

    Returns
    -------
    DataFrame
        Indexed by quantity: ``least_change`` (SDC), ``sem`` (standard error of measurement; fraction for POI, HU for
        iHU), ``n, n_patients, kappa, standard_error, ci_low, ci_high`` (patient-clustered errors),
        ``n_unchanged_report, n_unchanged_biomarker, n_unread`` (reports left out as they are not understood),
        ``kappa_two, n_two``; and ``linear, linear_low, linear_high,
        quadratic ...``, kappas that give part of the credit where only one side says unchanged (errors that treat cases
        as independent). NaN where the least change is unknown, ``kappa_two`` also of fewer than ten changes.
    """
    rows = {}
    for quantity, found in least.items():
        cases = cases_of(pairs, quantity, found.change)
        known = cases.dropna()
        two = known[(known != 0).all(axis=1)]
        by_patient = clustered.kappa_table({"three": known, "two": two}, pairs["patient_id"], confidence)
        rows[quantity] = {"least_change": found.change, "sem": found.standard_error} | by_patient.loc["three"].to_dict()
        rows[quantity] |= {
            "n_unchanged_report": int((known["report"] == 0).sum()),
            "n_unchanged_biomarker": int((known["biomarker"] == 0).sum()),
            "n_unread": int(is_unknown(pairs, quantity).sum()),
            "kappa_two": by_patient.loc["two", "kappa"] if len(two) >= FEWEST_CASES else np.nan,
            "n_two": len(two),
        }
        for weights in ("linear", "quadratic"):
            weighted = kappa.cohen_kappa(*known[["report", "biomarker"]].to_numpy().T, confidence, weights, [-1, 0, 1])
            rows[quantity] |= {
                weights: weighted.kappa, f"{weights}_low": weighted.ci_low, f"{weights}_high": weighted.ci_high
            }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")


def in_words(three):
    """Write the table of :func:`tabulate` for people: one column per quantity, in percentage points and HU.

    Without rows where the least detectable change is unknown: nothing can be counted by it.
    """
    columns = {}
    for quantity, row in three[np.isfinite(three["least_change"])].iterrows():
        title, unit, factor, digits = UNITS[quantity]
        columns[title] = {
            "Least detectable change": f"{words.with_interval(factor * row['least_change'], digits=digits)} {unit}",
            "Standard error of measurement": f"{words.with_interval(factor * row['sem'], digits=digits)} {unit}",
            "Pairs": int(row["n"]),
            "Patients": int(row["n_patients"]),
            "Unchanged by report": int(row["n_unchanged_report"]),
            "Unchanged by biomarker": int(row["n_unchanged_biomarker"]),
            "Reports not understood, left out": int(row["n_unread"]),
            "Kappa, errors over patients": words.with_interval(*row[["kappa", "ci_low", "ci_high"]]),
            "Linear weights, errors over cases": words.with_interval(*row[["linear", "linear_low", "linear_high"]]),
            "Quadratic weights, errors over cases": words.with_interval(
                *row[["quadratic", "quadratic_low", "quadratic_high"]]
            ),
            "Kappa of up and down beyond it": words.with_interval(row["kappa_two"]),
            "Pairs beyond it": int(row["n_two"]),
        }
    return pd.DataFrame(columns).rename_axis("At the least detectable change")


def drop_in_words(three, agreement):
    """Why kappa of three classes is not that of Table 4: a line for each quantity, of the cases on which each rests.

    Parameters
    ----------
    three : DataFrame
        From :func:`tabulate`.
    agreement : DataFrame
        The rows of Table 4, from ``kappa.tabulate``.
    """
    known = three[np.isfinite(three["least_change"])]
    lines = [] if len(known) else ["Three classes are not told apart, as the least detectable change is unknown."]
    for quantity, row in known.iterrows():
        of_table = agreement.loc[f"{quantity}_all"]
        beyond = f"too few for a kappa (fewer than {FEWEST_CASES})"
        if np.isfinite(row["kappa_two"]):
            beyond = f"kappa of up and down {words.as_share(row['kappa_two'])}"
        lines.append(
            f"{UNITS[quantity][0]}: of up and down, every change counted, kappa "
            f"{words.with_interval(of_table['kappa'])} in {int(of_table['n'])} pairs (Table 4 with partial changes); "
            f"of three classes {words.with_interval(row['kappa'])} in {int(row['n'])} pairs, of which the report says "
            f"unchanged in {int(row['n_unchanged_report'])}, the biomarker in {int(row['n_unchanged_biomarker'])}; "
            f"both name a change in {int(row['n_two'])}: {beyond}."
        )
    return "\n".join(lines)


def kappa_by_least_change(pairs, least, confidence=0.95, n_steps=40):
    """Kappa of three classes, and of two, as a function of the least change that counts; ``robustness_plots`` draws it.

    Returns
    -------
    table : DataFrame
        ``quantity, least`` (percentage points of POI, HU), ``three, three_low, three_high, two, share``; ``two`` is NaN
        where fewer than ten changes count.
    marked : dict of str to float
        The least detectable changes in these units.
    """
    rows, marked = [], {}
    for quantity, found in least.items():
        size = pairs[f"{BIOMARKER[quantity]}_change"].abs()
        factor = UNITS[quantity][2]
        marked[quantity] = factor * found.change
        top = np.nanmax([2 * found.change, size.quantile(0.9), 0.0])
        spoken = pairs[quantity].isin([-1, 1]) & (size > 0)
        for step in np.linspace(0, top, n_steps):
            cases = cases_of(pairs, quantity, step).dropna()
            two = cases[(cases != 0).all(axis=1)]
            kappas = clustered.kappa_table({"three": cases, "two": two}, pairs["patient_id"], confidence)
            share = (spoken & (size > step)).sum() / spoken.sum() if spoken.any() else np.nan
            three = kappas.loc["three", ["kappa", "ci_low", "ci_high"]]
            of_two = kappas.loc["two", "kappa"] if len(two) >= FEWEST_CASES else np.nan
            rows.append((quantity, factor * step, *three, of_two, share))
    columns = ["quantity", "least", "three", "three_low", "three_high", "two", "share"]
    return pd.DataFrame(rows, columns=columns), marked
