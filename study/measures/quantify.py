"""One row of biomarkers per scan, and what the biomarkers would be with other masks."""

import numpy as np

from study.measures import biomarkers, notes
from study.scans.labels import LUNG

CARRIED = ["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"]
# Who else delineated the infection: name, infection mask's column, lung mask's column (None: the network's lung).
OTHER_MASKS = [
    ("true", "infection_mask", "lung_mask"), ("observer_1", "observer_1", None), ("observer_2", "observer_2", None),
]  # fmt: skip
VARIANT_COLUMNS = [
    "scan_id", "smaller_poi", "smaller_ihu", "larger_poi", "larger_ihu", "lung_median_hu",
    *(f"{name}_{biomarker}" for name, *_ in OTHER_MASKS for biomarker in ("poi", "ihu")),
]  # fmt: skip


def measure_row(row, scan, label_map):
    """Measure one segmented scan: its row of ``biomarkers.csv``.

    Parameters
    ----------
    row : dict
        The scan's row of the scan table.
    scan : study.scans.ct.Scan
    label_map : integer array (z, y, x)
        As in :func:`study.measures.biomarkers.measure`.

    Returns
    -------
    dict
        `CARRIED` of the scan table, volumes, POI and iHU, ``notes`` on the scan and its lungs (one text, None without
        any), and last the report where the table has that column.
    """
    carried = {name: row[name] for name in CARRIED}
    report = {"report": row["report"]} if "report" in row else {}
    sides = biomarkers.lung_sides(scan.hu, label_map >= LUNG, scan.spacing_mm)
    said = notes.scan_notes(scan, label_map, sides)
    noted = {"notes": "; ".join(said) or None}
    return carried | biomarkers.measure(scan.hu, label_map, scan.spacing_mm, sides) | noted | report


def variants_row(row, hu, label_map, masks):
    """Measure one scan with its infection outlined differently: its row of ``variants.csv``.

    Parameters
    ----------
    row, label_map
        As in :func:`measure_row`.
    hu : array (z, y, x)
    masks : dict of str to bool array (z, y, x)
        Those of `lung_mask`, `infection_mask`, `observer_1` and `observer_2` that the scan table names.

    Returns
    -------
    dict
        ``scan_id``; ``smaller_poi, smaller_ihu, larger_poi, larger_ihu, lung_median_hu`` as from
        :func:`study.measures.biomarkers.measure_otherwise`; and for each other mask that exists ``true_poi, true_ihu``
        (true lung and infection) and ``observer_1_poi`` ... ``observer_2_ihu`` (the observer's infection in the
        network's lung). POI is a fraction, NaN without lung; iHU is in HU, NaN without infection.
    """
    measured = {"scan_id": row["scan_id"]} | biomarkers.measure_otherwise(hu, label_map)
    for name, infection, lung in OTHER_MASKS:
        if infection in masks and (lung is None or lung in masks):
            mask, field = masks[infection], masks[lung] if lung else label_map >= LUNG
            measured[f"{name}_poi"] = biomarkers.portion_of_infection((mask & field).sum(), field.sum())
            measured[f"{name}_ihu"] = hu[mask].mean() if mask.any() else np.nan
    return measured
