"""How far results move when one choice of the measurement changes: the numbers behind a tornado plot.

A *scenario* is the table of biomarkers with one choice changed; each choice has a low and a high side. The results of
each scenario are compared with those of the original table.
"""

import numpy as np
import pandas as pd

SIDES = ("low", "high")
COMPARED = ("base", "before_the_slash", "after_the_slash")
# What a figure calls each choice: its low side / its high side.
WORDS = {
    "mask": "infection mask -1 / +1 voxel",
    "hu": "every scan -20 / +20 HU",
    "scanner": "every second scan -20 / +20 HU",
    "cutoff": "probability at cut-off -10 % / +10 %",
    "least": "changes from half / all of the least detectable",
    "empty": "empty scan: lowest iHU / lung median",
}


def scenarios(scans, variants=None, shift_hu=20.0):
    """The biomarkers in each scenario.

    Parameters
    ----------
    scans : DataFrame
        Indexed by scan_id, with ``patient_id, scan_date, poi`` (fraction) and ``ihu`` (HU, NaN without infection).
    variants : DataFrame, optional
        Indexed by scan_id: ``smaller_poi, smaller_ihu, larger_poi, larger_ihu`` with the infection's border one voxel
        inward or outward, and ``lung_median_hu``. Without it the choices that need the CT are left out.
    shift_hu : float
        The error of CT numbers.

    Returns
    -------
    dict of (str, str) to DataFrame
        (choice, side) -> `scans` with changed ``poi`` and ``ihu``:

        - ``mask``: the infection's border one voxel inward (low), outward (high), in plane and inside the lung;
        - ``hu``: every scan `shift_hu` lower, higher. Ranks and signs of changes stay; results at a fixed cut-off move;
        - ``scanner``: every second scan of a patient, beginning with the first scan of every second patient, `shift_hu`
          lower, higher, as if two different scanners had been used;
        - ``empty``: a scan without infection is not left out of iHU but gets the lowest iHU of all scans (low), or the
          median HU of its lung (high).
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


def moves(base, others):
    """Headline results of the original table and of each scenario.

    Parameters
    ----------
    base : mapping of str to float
        Headline -> its value.
    others : mapping of (str, str) to mapping
        (choice, side) -> the headlines in it; one that a choice does not affect may be left out.

    Returns
    -------
    DataFrame
        ``headline, choice, base, low, high``: one row per headline and choice that affects it. `low` and `high` are the
        headline at either side of the choice, not sorted by size; NaN where a side is missing or undefined.
    """
    choices = list(dict.fromkeys(choice for choice, _ in others))
    rows = []
    for headline, value in base.items():
        for choice in choices:
            at = {side: others.get((choice, side), {}).get(headline) for side in SIDES}
            if any(number is not None for number in at.values()):
                numbers = {side: np.nan if number is None else number for side, number in at.items()}
                rows.append({"headline": headline, "choice": choice, "base": value, **numbers})
    return pd.DataFrame(rows, columns=["headline", "choice", "base", *SIDES])


def in_words(table):
    """The table of :func:`moves` with its choices as a figure names them, and the sides as parts of these.

    Its numbers are the columns ``COMPARED``.
    """
    sides = dict(zip(SIDES, COMPARED[1:], strict=True))
    return table.assign(choice=table["choice"].map(WORDS)).rename(columns=sides)


def largest_move(table):
    """For each headline the scenario that moves it most: ``choice, side, move`` (signed), NaN if nothing is known."""
    long = table.melt(["headline", "choice", "base"], list(SIDES), var_name="side", value_name="there")
    long["move"] = long["there"] - long["base"]
    order = long["move"].abs().fillna(-1).sort_values(ascending=False, kind="stable").index
    largest = long.loc[order].drop_duplicates("headline").set_index("headline")
    return largest.loc[table["headline"].unique(), ["choice", "side", "move"]]
