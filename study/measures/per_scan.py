"""Everything that is measured on a scan, from one reading of its file, its label map and its other masks."""

from contextlib import suppress

import pandas as pd
from tqdm import tqdm

from study import arithmetic
from study.files import read_json, sha256, write_json
from study.fingerprint import digests
from study.measures import comparison, quantify
from study.scans import refusals
from study.scans.ct import mask_reader, read_label_map, read_scan
from study.scans.plausibility import refuse_exchanged_masks
from study.scans.schemas import MASK_COLUMNS

# The tables with a row per scan; the columns of biomarkers.csv depend on the scan table.
COLUMNS = {
    "measured": None,
    "variants": quantify.VARIANT_COLUMNS,
    "agreement": comparison.AGREEMENT_COLUMNS,
    "truth": comparison.TRUTH_COLUMNS,
}


def measure_scan(row, folder, masks_folder):
    """Measure one segmented scan and compare its label map with the observers' masks and with the truth.

    Parameters
    ----------
    row : dict
        The scan's row of the scan table.
    folder : Path
        Where the table's paths start.
    masks_folder : Path
        Contains the label map, ``<scan_id>.nii.gz``.

    Returns
    -------
    dict of str to dict
        The scan's row of each table: ``measured`` and ``variants``, see `study.measures.quantify`; where both observers
        outlined the infection ``agreement``, where the true infection is known ``truth``, see
        `study.measures.comparison`.

    Raises
    ------
    study.scans.ct.ScanError
        If a file cannot be read, or the infection's mask is larger than the lung's.
    """
    scan = read_scan(folder / row["image"])
    label_map = read_label_map(masks_folder / f"{row['scan_id']}.nii.gz", scan)
    masks = {name: mask_reader(name)(folder / row[name], scan) for name in MASK_COLUMNS if pd.notna(row.get(name))}
    if {"lung_mask", "infection_mask"} <= masks.keys():
        sizes = (int(masks[name].sum()) for name in ("lung_mask", "infection_mask"))
        refuse_exchanged_masks(folder / row["infection_mask"], *sizes)
    rows = {
        "measured": quantify.measure_row(row, scan, label_map),
        "variants": quantify.variants_row(row, scan.hu, label_map, masks),
    }
    if {"observer_1", "observer_2"} <= masks.keys():
        rows["agreement"] = comparison.agreement_row(row, label_map, masks)
    if "infection_mask" in masks:
        rows["truth"] = comparison.truth_row(row, label_map, masks, scan.spacing_mm)
    return rows


def measure_scans(scans, folder, masks_folder):
    """Measure and compare every scan of a table, one after another, each file read once.

    What makes a scan's numbers doubtful is printed with its id, and noted with them. What was measured is kept,
    ``measured/<scan_id>.json`` beside the label maps: a scan is not measured again unless its row, its files or the
    code that measures have changed. So a killed run goes on where it was.

    Parameters
    ----------
    scans : DataFrame
        Rows of a scan table whose label maps are in `masks_folder`.
    folder, masks_folder : Path
        As in :func:`measure_scan`.

    Returns
    -------
    measured, variants : DataFrame
        ``biomarkers.csv`` and ``variants.csv``, one row per scan; NaN by masks that a scan does not have.
    agreement : DataFrame
        Dice with and between the observers, one row per scan that both outlined.
    truth : DataFrame
        ``truth.csv``, one row per scan whose true infection is known.
    refused : DataFrame
        The scans that could not be measured, in none of the other tables; the columns of `exclusions.csv`.
    """
    by_what = [digests.of_names(f"{__name__}.{measure_scan.__name__}"), arithmetic.chosen()]
    records = tqdm(scans.to_dict("records"), desc="measure", mininterval=1)
    made, refused = [], []
    for row in records:
        try:
            made.append(_measured(row, folder, masks_folder, by_what))
            if pd.notna(noted := made[-1]["measured"]["notes"]):
                tqdm.write(f"{row['scan_id']}: {noted}")
        except Exception as error:  # of whatever type: the other scans go on
            refused.append(refusals.refusal(row, folder / row["image"], error, folder, "measure"))
    tables = {
        name: pd.DataFrame([rows[name] for rows in made if name in rows], columns=names)
        for name, names in COLUMNS.items()
    }
    return *tables.values(), pd.DataFrame(refused, columns=refusals.COLUMNS)


def _measured(row, folder, masks_folder, by_what):
    """:func:`measure_scan`, or what it gave before for the same row, files and code."""
    given = [folder / row[name] for name in ("image", *MASK_COLUMNS) if pd.notna(row.get(name))]
    given.append(masks_folder / f"{row['scan_id']}.nii.gz")
    asked = {name: None if pd.isna(cell) else str(cell) for name, cell in row.items()}
    note = masks_folder / "measured" / f"{row['scan_id']}.json"
    made_from = {"row": digests.digest(asked), "files": [sha256(path) for path in given], "by": by_what}
    with suppress(FileNotFoundError, ValueError, KeyError):  # ValueError: half a file is no JSON
        done = read_json(note)
        if done["from"] == made_from:
            done["rows"]["measured"]["scan_date"] = row["scan_date"]
            return done["rows"]
    rows = measure_scan(row, folder, masks_folder)
    undated = rows | {"measured": rows["measured"] | {"scan_date": None}}  # JSON has no days; the row has it
    write_json(note, {"from": made_from, "rows": undated})
    return rows
