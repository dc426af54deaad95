"""Everything that is measured on a scan, from one reading of its file, its label map and its other masks."""

import pandas as pd
from tqdm import tqdm

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

    What makes a scan's numbers doubtful is printed with its id, and noted with them.

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
    records = tqdm(scans.to_dict("records"), desc="measure", mininterval=1)
    made, refused = [], []
    for row in records:
        try:
            made.append(measure_scan(row, folder, masks_folder))
            if noted := made[-1]["measured"]["notes"]:
                tqdm.write(f"{row['scan_id']}: {noted}")
        except Exception as error:  # of whatever type: the other scans go on
            refused.append(refusals.refusal(row, folder / row["image"], error, folder, "measure"))
    tables = {
        name: pd.DataFrame([rows[name] for rows in made if name in rows], columns=names)
        for name, names in COLUMNS.items()
    }
    return *tables.values(), pd.DataFrame(refused, columns=refusals.COLUMNS)
