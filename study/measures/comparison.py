"""A label map against other masks of the same scan: the observers' and the truth; and a HU threshold alone."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from study.measures import overlap
from study.measures.biomarkers import portion_of_infection
from study.scans.ct import ScanError, read_lung_mask, read_mask, read_scan
from study.scans.labels import INFECTION, LUNG

SURFACE_TOLERANCE_MM = 2.0  # how far apart two surfaces may lie and still count as the same
LESION_ML = 1.0  # smaller lesions are not counted: on 10 mm sections a millilitre is a disc of 11 mm
NAMED = ["scan_id", "patient_id", "status"]
AGREEMENT_COLUMNS = [*NAMED, "network_observer_1", "network_observer_2", "observers"]
TRUTH_COLUMNS = [
    *NAMED, "motion", "lung_dice", "lung_surface_dice", "lung_surface_voxel_share", "infection_dice",
    "infection_surface_dice", "infection_surface_voxel_share", "false_positive_ml", "true_infection_ml",
    "volume_error_ml", "n_lesions", "n_found", "n_false", "true_poi", "poi",
]  # fmt: skip


def agreement_row(row, label_map, masks):
    """Dice of the infection between the network and each observer, and between the observers.

    Parameters
    ----------
    row : dict
        The scan's row of the scan table.
    label_map : integer array (z, y, x)
        0 background, 1 lung, 2 infection.
    masks : dict of str to bool array (z, y, x)
        With `observer_1` and `observer_2`.

    Returns
    -------
    dict
        `AGREEMENT_COLUMNS`; NaN where both masks are empty.
    """
    predicted, first, second = label_map == INFECTION, masks["observer_1"], masks["observer_2"]
    return {name: row[name] for name in NAMED} | {
        "network_observer_1": overlap.dice(predicted, first),
        "network_observer_2": overlap.dice(predicted, second),
        "observers": overlap.dice(first, second),
    }


def truth_row(row, label_map, masks, spacing_mm):
    """Lung and infection against the known truth.

    Parameters
    ----------
    row, label_map
        As in :func:`agreement_row`.
    masks : dict of str to bool array (z, y, x)
        With `infection_mask`. Without `lung_mask`, as in data sets that come with lesions alone, what is said of the
        lung and ``true_poi`` are NaN.
    spacing_mm : tuple of 3 float
        Distance between voxel centres (z, y, x).

    Returns
    -------
    dict
        `TRUTH_COLUMNS`: ``scan_id, patient_id, status, motion`` (None if the scan table does not say) and what
        :func:`compare_masks` gives.
    """
    motion = row.get("motion")
    return (
        {name: row[name] for name in NAMED}
        | {"motion": None if pd.isna(motion) else bool(motion)}
        | compare_masks(label_map, masks.get("lung_mask"), masks["infection_mask"], spacing_mm)
    )


def compare_masks(label_map, lung_mask, infection_mask, spacing_mm):
    """One scan's label map against its true masks.

    Parameters
    ----------
    label_map : integer array (z, y, x)
        0 background, 1 lung, 2 infection; the lung field is 1 or 2.
    lung_mask, infection_mask : bool array (z, y, x)
        The truth; the lung contains the infection. `lung_mask` is None where it is not known.
    spacing_mm : tuple of 3 float
        Distance between voxel centres (z, y, x).

    Returns
    -------
    dict
        For lung and infection ``..._dice``, ``..._surface_dice`` (by area) and ``..._surface_voxel_share`` (by number
        of surface voxels), 0..1, surfaces within `SURFACE_TOLERANCE_MM`; NaN where both masks are empty, 0 where one
        is. ``false_positive_ml``; ``true_infection_ml``; ``volume_error_ml`` (infection, predicted - true); ``true_poi,
        poi`` (fraction 0..1, NaN without lung); and of the lesions of `LESION_ML` or more ``n_lesions`` (true),
        ``n_found`` (true lesions that contain a predicted voxel) and ``n_false`` (predicted ones without a true voxel).
    """
    lung, infection = label_map >= LUNG, label_map == INFECTION
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    true_ml = infection_mask.sum() * voxel_ml
    lesions = overlap.lesion_detection(infection, infection_mask, spacing_mm, LESION_ML)
    true_poi = np.nan if lung_mask is None else portion_of_infection(infection_mask.sum(), lung_mask.sum())
    return {
        **_overlaps("lung", lung, lung_mask, spacing_mm),
        **_overlaps("infection", infection, infection_mask, spacing_mm),
        "false_positive_ml": (infection & ~infection_mask).sum() * voxel_ml,
        "true_infection_ml": true_ml,
        "volume_error_ml": infection.sum() * voxel_ml - true_ml,
        "n_lesions": lesions["n_reference"],
        "n_found": lesions["n_found"],
        "n_false": lesions["n_false"],
        "true_poi": true_poi,
        "poi": portion_of_infection(infection.sum(), lung.sum()),
    }


def _overlaps(name, predicted, reference, spacing_mm):
    """Dice, surface Dice and share of surface voxels of two masks; NaN where the reference is not known."""
    if reference is None:
        return dict.fromkeys((f"{name}_dice", f"{name}_surface_dice", f"{name}_surface_voxel_share"), np.nan)
    surfaces = predicted, reference, spacing_mm, SURFACE_TOLERANCE_MM
    return {
        f"{name}_dice": overlap.dice(predicted, reference),
        f"{name}_surface_dice": overlap.surface_dice(*surfaces),
        f"{name}_surface_voxel_share": overlap.surface_voxel_share(*surfaces),
    }


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
