"""How far results move when one choice of the measurement is made otherwise: the numbers behind a tornado plot.

A *scenario* is the table of biomarkers as it would be had one choice been made otherwise; each choice has a low and a high
side. What is compared is a function of the table that returns the headline results.
"""

import numpy as np
import pandas as pd

SIDES = ("low", "high")


def scenarios(scans, variants=None, shift_hu=20.0):
    """The biomarkers under each other choice.

    Parameters
    ----------
    scans : DataFrame
        Indexed by scan_id, with ``patient_id, scan_date, poi`` (fraction) and ``ihu`` (HU, NaN without infection).
    variants : DataFrame, optional
        Indexed by scan_id: ``smaller_poi, smaller_ihu, larger_poi, larger_ihu`` with the infection's border one voxel in
        or out, and ``lung_median_hu``. Without it the choices that need the CT are left out.
    shift_hu : float
        The error of CT numbers.

    Returns
    -------
    dict of (str, str) to DataFrame
        (choice, side) -> `scans` with other ``poi`` and ``ihu``:

        - ``mask``: the infection's border one voxel inward (low), outward (high), in plane and inside the lung;
        - ``hu``: every scan `shift_hu` lower, higher. Ranks and signs cannot move; results at a fixed cut-off can;
        - ``scanner``: every second scan of a patient, and the first scan of every second patient, `shift_hu` lower,
          higher: what two scanners that differ do;
        - ``empty``: a scan without infection is not left out of iHU but takes the lowest iHU of all scans (low), or
          the median HU of its lung (high).
    """
    tables = {}
    if variants is not None:
        of_scan = variants.reindex(scans.index)
        for side, size in zip(SIDES, ("smaller", "larger"), strict=True):
            tables["mask", side] = scans.assign(poi=of_scan[f"{size}_poi"], ihu=of_scan[f"{size}_ihu"])
    patient = pd.Series(pd.factorize(scans["patient_id"])[0], scans.index)
    place = scans.sort_values("scan_date", kind="stable").groupby("patient_id").cumcount().reindex(scans.index)
    other_scanner = (patient + place) % 2
    for side, shift in zip(SIDES, (-shift_hu, shift_hu), strict=True):
        tables["hu", side] = scans.assign(ihu=scans["ihu"] + shift)
        tables["scanner", side] = scans.assign(ihu=scans["ihu"] + shift * other_scanner)
    tables["empty", "low"] = scans.assign(ihu=scans["ihu"].fillna(scans["ihu"].min()))
    if variants is not None:
        tables["empty", "high"] = scans.assign(ihu=scans["ihu"].fillna(of_scan["lung_median_hu"]))
    return tables


def tornado(headlines, base, tables):
    """Headline results under each scenario.

    Parameters
    ----------
    headlines : callable
        Table -> dict of str to float.
    base : DataFrame
        The table as it is.
    tables : mapping of (str, str) to DataFrame
        From :func:`scenarios`.

    Returns
    -------
    DataFrame
        ``headline, choice, base, low, high``: a row a headline and choice, `low` and `high` the headline at either side
        of the choice (not sorted by size), NaN where a side is missing or the headline is undefined there.
    """
    at_base = headlines(base)
    found = {scenario: headlines(table) for scenario, table in tables.items()}
    rows = [
        {"headline": headline, "choice": choice, "base": value}
        | {side: found.get((choice, side), {}).get(headline, np.nan) for side in SIDES}
        for headline, value in at_base.items()
        for choice in dict.fromkeys(choice for choice, _ in tables)
    ]
    return pd.DataFrame(rows, columns=["headline", "choice", "base", *SIDES])
