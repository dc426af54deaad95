"""Label maps of a cohort: measured, and compared with the observers and with the truth where it is known."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from study import biomarkers, overlap
from study.ct import ScanError, read_label_map, read_mask, read_scan
from study.run import value

CARRIED = ["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"]


def measure_scans(scans, folder, masks_folder):
    """POI, iHU and volumes of every segmented scan.

    Parameters
    ----------
    scans : DataFrame
        Rows of a scan table whose label maps are in `masks_folder`.
    folder, masks_folder : Path

    Returns
    -------
    DataFrame
        The columns of ``biomarkers.csv``, with the report where the table has one.
    """
    rows = []
    for row in tqdm(scans.itertuples(index=False), total=len(scans), desc="measure", mininterval=1):
        scan = read_scan(folder / row.image)
        label_map = read_label_map(masks_folder / f"{row.scan_id}.nii.gz", scan)
        rows.append(biomarkers.measure(scan.hu, label_map, scan.spacing_mm))
    carried = scans[[*CARRIED, *(["report"] if "report" in scans else [])]].reset_index(drop=True)
    measured = pd.DataFrame(rows, index=carried.index)
    return pd.concat([carried[CARRIED], measured, carried.drop(columns=CARRIED)], axis=1)


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
        ``scan_id, status, network_observer_1, network_observer_2, observers``; NaN where both masks are empty.
    """
    rows = []
    delineated = scans.dropna(subset=["observer_1", "observer_2"]) if "observer_1" in scans else scans.iloc[:0]
    for row in tqdm(delineated.itertuples(index=False), total=len(delineated), desc="compare", mininterval=1):
        scan = read_scan(folder / row.image)
        predicted = read_label_map(masks_folder / f"{row.scan_id}.nii.gz", scan) == 2
        first, second = (read_mask(folder / path, scan) for path in (row.observer_1, row.observer_2))
        dice = [overlap.dice(predicted, first), overlap.dice(predicted, second), overlap.dice(first, second)]
        rows.append((row.scan_id, row.status, *dice))
    return pd.DataFrame(rows, columns=["scan_id", "status", "network_observer_1", "network_observer_2", "observers"])


def compare_truth(scans, folder, masks_folder):
    """Lung and infection against the known truth, a row a scan that has both masks.

    Parameters
    ----------
    scans : DataFrame
    folder, masks_folder : Path

    Returns
    -------
    DataFrame
        ``scan_id, status, motion, lung_dice, infection_dice, false_positive_ml, true_poi, poi``; POI a fraction 0..1.
    """
    rows = []
    known = scans.dropna(subset=["lung_mask", "infection_mask"]) if "infection_mask" in scans else scans.iloc[:0]
    for row in tqdm(known.itertuples(index=False), total=len(known), desc="compare", mininterval=1):
        scan = read_scan(folder / row.image)
        label_map = read_label_map(masks_folder / f"{row.scan_id}.nii.gz", scan)
        lung, infection = (read_mask(folder / path, scan) for path in (row.lung_mask, row.infection_mask))
        predicted = label_map == 2
        rows.append(
            {
                "scan_id": row.scan_id,
                "status": row.status,
                "motion": bool(pd.notna(row.motion) and row.motion) if "motion" in known else False,
                "lung_dice": overlap.dice(label_map >= 1, lung),
                "infection_dice": overlap.dice(predicted, infection),
                "false_positive_ml": (predicted & ~infection).sum() * scan.voxel_ml,
                "true_poi": infection.sum() / lung.sum(),
                "poi": predicted.sum() / (label_map >= 1).sum(),
            }
        )
    columns = ["scan_id", "status", "motion", "lung_dice", "infection_dice", "false_positive_ml", "true_poi", "poi"]
    return pd.DataFrame(rows, columns=columns)


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
        ``threshold_hu, dice`` (mean over the scans that have infection).
    """
    curves = []
    for row in tqdm(scans.itertuples(index=False), total=len(scans), desc="threshold", mininterval=1):
        try:
            scan = read_scan(folder / row.image)
            lung, infection = (read_mask(folder / path, scan) for path in (row.lung_mask, row.infection_mask))
        except ScanError:
            continue  # notebook 3 lists it among the exclusions, with the reason
        if infection.any():
            curves.append([overlap.dice((scan.hu >= hu) & lung, infection) for hu in thresholds_hu])
    mean = np.mean(curves, axis=0) if curves else np.full(len(thresholds_hu), np.nan)
    return pd.DataFrame({"threshold_hu": thresholds_hu, "dice": mean})
