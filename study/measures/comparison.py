"""Label maps of a cohort: measured, and compared with the observers and with the truth where it is known."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from study.measures import biomarkers, overlap
from study.run import value
from study.scans.ct import ScanError, read_label_map, read_lung_mask, read_mask, read_scan

CARRIED = ["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"]
# Who else outlined the infection: name, infection mask's column, lung mask's column (None: the network's lung).
OTHER_MASKS = [
    ("true", "infection_mask", "lung_mask"), ("observer_1", "observer_1", None), ("observer_2", "observer_2", None),
]  # fmt: skip
VARIANT_COLUMNS = [
    "scan_id", "smaller_poi", "smaller_ihu", "larger_poi", "larger_ihu", "lung_median_hu",
    *(f"{name}_{biomarker}" for name, *_ in OTHER_MASKS for biomarker in ("poi", "ihu")),
]  # fmt: skip
SURFACE_TOLERANCE_MM = 2.0  # how far apart two surfaces may lie and still count as the same
LESION_ML = 1.0  # smaller lesions are not counted: on 10 mm sections a millilitre is a disc of 11 mm
TRUTH_COLUMNS = [
    "scan_id", "patient_id", "status", "motion", "lung_dice", "lung_surface_dice", "infection_dice",
    "infection_surface_dice", "false_positive_ml", "true_infection_ml", "volume_error_ml", "n_lesions", "n_found",
    "n_false", "true_poi", "poi",
]  # fmt: skip


def measure_scans(scans, folder, masks_folder):
    """POI, iHU and volumes of every segmented scan, and what they would be had the mask been drawn otherwise.

    Parameters
    ----------
    scans : DataFrame
        Rows of a scan table whose label maps are in `masks_folder`.
    folder, masks_folder : Path

    Returns
    -------
    measured : DataFrame
        The columns of ``biomarkers.csv``, with the report where the table has one.
    variants : DataFrame
        ``scan_id``; ``smaller_poi, smaller_ihu, larger_poi, larger_ihu, lung_median_hu`` as from
        ``biomarkers.measure_otherwise``; and by other masks, NaN where the scan table names none: ``true_poi,
        true_ihu`` (true lung and infection) and ``observer_1_poi`` ... ``observer_2_ihu`` (the observer's infection
        in the network's lung). POI is a fraction, iHU in HU, NaN without infection.
    """
    rows, variants = [], []
    for row in tqdm(scans.to_dict("records"), desc="measure", mininterval=1):
        scan = read_scan(folder / row["image"])
        label_map = read_label_map(masks_folder / f"{row['scan_id']}.nii.gz", scan)
        rows.append(biomarkers.measure(scan.hu, label_map, scan.spacing_mm))
        variants.append(
            {"scan_id": row["scan_id"]}
            | biomarkers.measure_otherwise(scan.hu, label_map)
            | _by_other_masks(row, scan, label_map, folder)
        )
    carried = scans[[*CARRIED, *(["report"] if "report" in scans else [])]].reset_index(drop=True)
    measured = pd.DataFrame(rows, index=carried.index)
    measured = pd.concat([carried[CARRIED], measured, carried.drop(columns=CARRIED)], axis=1)
    return measured, pd.DataFrame(variants, columns=VARIANT_COLUMNS)


def _by_other_masks(row, scan, label_map, folder):
    measured = {}
    for name, infection, lung in OTHER_MASKS:
        if all(pd.notna(row.get(column)) for column in (infection, lung) if column):
            mask = read_mask(folder / row[infection], scan)
            field = read_lung_mask(folder / row[lung], scan) if lung else label_map >= 1
            measured[f"{name}_poi"] = (mask & field).sum() / field.sum() if field.any() else np.nan
            measured[f"{name}_ihu"] = scan.hu[mask].mean() if mask.any() else np.nan
    return measured


def compare_observers(scans, folder, masks_folder):
    """Dice of infection of the network with each observer and between the observers, a row a delineated scan.

    Parameters
    ----------
    scans : DataFrame
        Rows of a scan table; those without both observers are left out.
    folder, masks_folder : Path

    Returns
    -------
    DataFrame
        ``scan_id, patient_id, status, network_observer_1, network_observer_2, observers``; NaN where both masks are
        empty.
    """
    rows = []
    delineated = scans.dropna(subset=["observer_1", "observer_2"]) if "observer_1" in scans else scans.iloc[:0]
    for row in tqdm(delineated.itertuples(index=False), total=len(delineated), desc="compare", mininterval=1):
        scan = read_scan(folder / row.image)
        predicted = read_label_map(masks_folder / f"{row.scan_id}.nii.gz", scan) == 2
        first, second = (read_mask(folder / path, scan) for path in (row.observer_1, row.observer_2))
        dice = [overlap.dice(predicted, first), overlap.dice(predicted, second), overlap.dice(first, second)]
        rows.append((row.scan_id, row.patient_id, row.status, *dice))
    names = ["network_observer_1", "network_observer_2", "observers"]
    return pd.DataFrame(rows, columns=["scan_id", "patient_id", "status", *names])


def compare_masks(label_map, lung_mask, infection_mask, spacing_mm):
    """One scan's label map against its true masks.

    Parameters
    ----------
    label_map : integer array (z, y, x)
        0 background, 1 lung, 2 infection; the lung field is 1 or 2.
    lung_mask, infection_mask : bool array (z, y, x)
        The truth; the lung holds the infection. `lung_mask` is None where it is not known.
    spacing_mm : tuple of 3 float
        Distance between voxel centres (z, y, x).

    Returns
    -------
    dict
        ``lung_dice, lung_surface_dice, infection_dice, infection_surface_dice`` (0..1, surfaces within
        `SURFACE_TOLERANCE_MM`; NaN where both masks are empty, 0 where one is); ``false_positive_ml``;
        ``true_infection_ml``; ``volume_error_ml`` (infection, predicted - true); ``true_poi, poi`` (fraction 0..1, NaN
        without lung); and of the lesions of `LESION_ML` or more ``n_lesions`` (true), ``n_found`` (of those; a
        predicted voxel lies in them) and ``n_false`` (predicted ones without a true voxel).
    """
    lung, infection = label_map >= 1, label_map == 2
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    true_ml = infection_mask.sum() * voxel_ml
    lesions = overlap.lesion_detection(infection, infection_mask, spacing_mm, LESION_ML)
    return {
        "lung_dice": np.nan if lung_mask is None else overlap.dice(lung, lung_mask),
        "lung_surface_dice": np.nan
        if lung_mask is None
        else overlap.surface_dice(lung, lung_mask, spacing_mm, SURFACE_TOLERANCE_MM),
        "infection_dice": overlap.dice(infection, infection_mask),
        "infection_surface_dice": overlap.surface_dice(infection, infection_mask, spacing_mm, SURFACE_TOLERANCE_MM),
        "false_positive_ml": (infection & ~infection_mask).sum() * voxel_ml,
        "true_infection_ml": true_ml,
        "volume_error_ml": infection.sum() * voxel_ml - true_ml,
        "n_lesions": lesions["n_reference"],
        "n_found": lesions["n_found"],
        "n_false": lesions["n_false"],
        "true_poi": infection_mask.sum() / lung_mask.sum() if lung_mask is not None and lung_mask.any() else np.nan,
        "poi": infection.sum() / lung.sum() if lung.any() else np.nan,
    }


def compare_truth(scans, folder, masks_folder):
    """Lung and infection against the known truth, a row a scan of which the infection is known.

    Parameters
    ----------
    scans : DataFrame
    folder, masks_folder : Path

    Returns
    -------
    DataFrame
        ``scan_id, patient_id, status, motion`` and what :func:`compare_masks` gives. Without a lung mask, as in data
        sets that come with lesions alone, what is said of the lung and true_poi are NaN.
    """
    rows = []
    known = scans.dropna(subset="infection_mask") if "infection_mask" in scans else scans.iloc[:0]
    for row in tqdm(known.to_dict("records"), desc="compare", mininterval=1):
        scan = read_scan(folder / row["image"])
        label_map = read_label_map(masks_folder / f"{row['scan_id']}.nii.gz", scan)
        infection = read_mask(folder / row["infection_mask"], scan)
        has_lung = pd.notna(row.get("lung_mask"))
        lung = read_lung_mask(folder / row["lung_mask"], scan) if has_lung else None
        motion = row.get("motion")
        rows.append(
            {name: row[name] for name in ("scan_id", "patient_id", "status")}
            | {"motion": bool(pd.notna(motion) and motion)}
            | compare_masks(label_map, lung, infection, scan.spacing_mm)
        )
    return pd.DataFrame(rows, columns=TRUTH_COLUMNS)


def summary(columns):
    """Mean, SD, median and number of the defined values of several columns of Dice coefficients.

    Parameters
    ----------
    columns : dict of str to Series

    Returns
    -------
    DataFrame
        ``comparison, mean, sd, median, n``; NaN (empty against empty) is left out, `sd` divides by n - 1.
    """
    rows = [(name, c.mean(), c.std(), c.median(), int(c.notna().sum())) for name, c in columns.items()]
    return pd.DataFrame(rows, columns=["comparison", "mean", "sd", "median", "n"])


def in_words(comparison):
    """A comparison of :func:`summary` as a table calls it: ``dice_network_observer_1`` -> "network, observer 1"."""
    words = comparison.replace("truth_dice_", "network, truth: ").removeprefix("dice_").replace("_", " ")
    return words.replace("network observer", "network, observer").replace("observers", "both observers")


def summary_values(table):
    """What :func:`summary` found as values to record: ``<comparison>_mean``, ``_sd`` and ``_median``."""
    return [
        value(f"{row.comparison}_{name}", getattr(row, name), n=row.n)
        for row in table.itertuples(index=False)
        for name in ("mean", "sd", "median")
    ]


def threshold_curve(scans, folder, thresholds_hu):
    """How well infection could be found by HU alone: Dice of "at least this many HU, inside the lung" with the truth.

    Parameters
    ----------
    scans : DataFrame
        With lung and infection masks.
    folder : Path
    thresholds_hu : sequence of float

    Returns
    -------
    DataFrame
        ``threshold_hu, dice`` (mean over the scans that have infection), ``n`` (how many those are).
    """
    curves = []
    for row in tqdm(scans.itertuples(index=False), total=len(scans), desc="threshold", mininterval=1):
        try:
            scan = read_scan(folder / row.image)
            lung = read_lung_mask(folder / row.lung_mask, scan)
            infection = read_mask(folder / row.infection_mask, scan)
        except ScanError:
            continue  # notebook 3 lists it among the exclusions, with the reason
        if infection.any():
            curves.append([overlap.dice((scan.hu >= hu) & lung, infection) for hu in thresholds_hu])
    mean = np.mean(curves, axis=0) if curves else np.full(len(thresholds_hu), np.nan)
    return pd.DataFrame({"threshold_hu": thresholds_hu, "dice": mean, "n": len(curves)})
