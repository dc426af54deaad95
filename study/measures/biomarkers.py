"""The two imaging biomarkers: how much of the lung is infected (POI) and how dense the infection is (iHU).

POI is the infection volume divided by the lung volume; iHU is the mean HU inside the infection. Both follow Li et al.,
Eur Radiol 2020;30:6828-6837. The lung field includes the infection, so POI lies between 0 and 1.
"""

import numpy as np
from scipy import ndimage

INFECTION = 2  # as in study.scans.labels, which is not imported, so that this module can be read alone
SIDES = ("right", "left")

# The other lung has at least this share of the lung field where the two are apart, or where shrinking parts them.
APART_SHARE, PARTED_SHARE = 0.03, 0.15
SHRINK_STEP_MM, MOST_SHRINK_MM = 2.0, 40.0  # the trachea and its bifurcation lie between lungs that are still one then
COARSE_MM = 4.0  # sides are told apart on every n-th voxel
TISSUE_ABOVE_HU, BODY_MM = -200, 30.0  # a line through the body crosses so much tissue

NO_LUNG = "label_map shows no lung (no voxel is 1 or 2): is this a chest CT, and did segmentation work?"


def measure(hu, label_map, spacing_mm, sides=None):
    """Measure the volumes, POI and iHU of one scan, for both lungs together and for each.

    The right and the left lung are told apart by :func:`lung_sides`. One lung alone is one side; of the other side,
    which is missing or holds no lung that was segmented, nothing is known.

    Parameters
    ----------
    hu : array (z, y, x)
        CT numbers in HU; x runs from the patient's right to the left.
    label_map : integer array (z, y, x)
        0 background, 1 lung, 2 infection. The lung field is 1 or 2.
    spacing_mm : tuple of 3 float
        Distance between voxel centres (z, y, x).
    sides : tuple, optional
        What :func:`lung_sides` says of the lung field, if it is known.

    Returns
    -------
    dict
        ``lung_volume_ml``, ``infection_volume_ml``, ``poi`` (fraction 0..1; 0 without infection) and ``ihu`` (HU; NaN
        without infection), then the same keys after ``right_`` and ``left_``, all NaN for a side without lung. Two
        sides add up to the whole.

    Raises
    ------
    ValueError
        If the label map shows no lung, other labels or another shape, or HU inside the infection is not finite.
    """
    hu, label_map, voxel_ml = _checked(hu, label_map, spacing_mm)
    field = label_map > 0  # infected lung is lung
    if not field.any():
        raise ValueError(NO_LUNG)
    right, _ = sides or lung_sides(hu, field, spacing_mm)
    within = _bounding_box(field)
    hu, label_map, right, field = (array[within] for array in (hu, label_map, right, field))
    sides = np.where(right, 0, 1)[field]
    infected = label_map[field] == INFECTION
    infected_hu = hu[field][infected].astype(np.float64)
    if not np.isfinite(infected_hu).all():
        raise ValueError("hu is not finite in some voxels of the infection: read the scan with study.scans.ct")

    n_lung = np.bincount(sides, minlength=2)
    n_infected = np.bincount(sides[infected], minlength=2)
    sum_hu = np.bincount(sides[infected], weights=infected_hu, minlength=2)
    measured = _biomarkers(n_lung.sum(), n_infected.sum(), sum_hu.sum(), voxel_ml)
    for index, side in enumerate(SIDES):
        of_side = _biomarkers(n_lung[index], n_infected[index], sum_hu[index], voxel_ml)
        measured |= {f"{side}_{name}": number if n_lung[index] else np.nan for name, number in of_side.items()}
    return measured


def lung_sides(hu, lung_mask, spacing_mm):
    """Tell the right lung from the left.

    The lung field is shrunk from its border, 2 mm at a time, until two large parts lie beside each other: further
    apart from side to side than along the body or in depth. Lungs that are apart are so at once; lungs that touch, as
    they do in front of the heart and behind it, part at the mediastinum, where their contact is thinnest. Each voxel
    belongs to the nearer part. A field that does not part is one lung, on the side of the body's middle where its
    centroid lies.

    Parameters
    ----------
    hu : array (z, y, x)
        x runs from the patient's right to the left.
    lung_mask : bool array (z, y, x)
        Not empty.
    spacing_mm : tuple of 3 float

    Returns
    -------
    right : bool array (z, y, x)
        Only its values inside the lung field mean anything.
    shrunk_mm : float
        By how much the field was shrunk; 0 for two lungs that are apart, NaN for one lung.
    """
    within = _bounding_box(lung_mask)
    field = lung_mask[within]
    steps = [max(1, int(COARSE_MM // length)) for length in spacing_mm]
    coarse = field[tuple(slice(None, None, step) for step in steps)]
    step_mm = np.multiply(steps, spacing_mm)
    right = np.zeros(lung_mask.shape, bool)
    for shrunk_mm in np.arange(0, MOST_SHRINK_MM, SHRINK_STEP_MM):
        if shrunk_mm == SHRINK_STEP_MM:  # lungs that are apart need no depth
            depth_mm = ndimage.distance_transform_edt(np.pad(coarse, 1), sampling=step_mm)[1:-1, 1:-1, 1:-1]
        parts, n_parts = ndimage.label(depth_mm > shrunk_mm if shrunk_mm else coarse)
        pair = _beside(parts, n_parts, step_mm, (PARTED_SHARE if shrunk_mm else APART_SHARE) * coarse.sum())
        if pair:
            nearest = ndimage.distance_transform_edt(
                ~np.isin(parts, pair), sampling=step_mm, return_distances=False, return_indices=True
            )
            is_right = parts[tuple(nearest)] == pair[0]
            for axis, step in enumerate(steps):
                is_right = np.repeat(is_right, step, axis)
            right[within] = is_right[tuple(slice(n) for n in field.shape)]
            return right, float(shrunk_mm)
    centroid = np.average(np.arange(lung_mask.shape[2]), weights=lung_mask.sum(axis=(0, 1)))
    right[:] = centroid < _middle(hu[within[0]], spacing_mm)
    return right, float("nan")


def _beside(parts, n_parts, step_mm, least):
    """The largest part and the largest one beside it, the right one first; None if there are no two."""
    sizes = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    large = 1 + np.flatnonzero(sizes >= least)
    if len(large) < 2:
        return None
    large = large[np.argsort(-sizes[large - 1], kind="stable")]
    centroids = np.array(ndimage.center_of_mass(parts > 0, parts, large)) * step_mm
    away = np.abs(centroids - centroids[0])
    beside = np.flatnonzero(away[:, 2] > np.maximum(away[:, 0], away[:, 1]))
    if not len(beside):
        return None
    pair = [0, beside[0]]
    return [int(large[k]) for k in sorted(pair, key=lambda k: centroids[k, 2])]


def _middle(hu, spacing_mm):
    """The body's middle from side to side (column), halfway between the first and the last line through tissue."""
    through = np.count_nonzero(hu > TISSUE_ABOVE_HU, axis=1) * spacing_mm[1] >= BODY_MM
    ends = [np.flatnonzero(section)[[0, -1]] for section in through if section.any()]
    return float(np.median(np.mean(ends, axis=1))) if ends else (hu.shape[2] - 1) / 2


def portion_of_infection(n_infected, n_lung):
    """POI: how much of the lung is infected, as a fraction.

    Parameters
    ----------
    n_infected, n_lung : int
        Voxels of the infection, and of the lung field that contains it.

    Returns
    -------
    float
        0 to 1; NaN without lung.

    Examples
    --------
    >>> portion_of_infection(25, 200)
    0.125
    """
    return float(n_infected / n_lung) if n_lung else float("nan")


def measure_otherwise(hu, label_map):
    """POI and iHU with the infection's border one voxel in or out: how much depends on its exact position.

    The border moves in plane, over faces, and inside the lung only: where infection meets the pleura it stays. Inward
    means that healthy lung grows by a voxel into the infection, outward the reverse.

    Parameters
    ----------
    hu, label_map
        As in :func:`measure`.

    Returns
    -------
    dict
        ``smaller_poi, smaller_ihu, larger_poi, larger_ihu``: POI 0 and iHU NaN where nothing is left or there was no
        infection; and ``lung_median_hu``, of the whole lung field.

    Raises
    ------
    ValueError
        As in :func:`measure`.
    """
    hu, label_map, _ = _checked(hu, label_map, (1, 1, 1))
    field = label_map > 0  # infected lung is lung
    if not field.any():
        raise ValueError(NO_LUNG)
    within = _bounding_box(field)
    hu, label_map, field = (array[within] for array in (hu, label_map, field))
    infection = label_map == INFECTION
    masks = {"smaller": infection & ~_grown(field & ~infection), "larger": field & _grown(infection)}
    measured = {}
    for name, mask in masks.items():
        whole = _biomarkers(field.sum(), mask.sum(), hu[mask].sum(dtype=np.float64), 1.0)
        measured |= {f"{name}_poi": whole["poi"], f"{name}_ihu": whole["ihu"]}
    return measured | {"lung_median_hu": float(np.median(hu[field]))}


def changes(table, pairs):
    """Change of POI and iHU from one scan to the next.

    Parameters
    ----------
    table : DataFrame
        One row per scan, with ``scan_id``, ``poi`` (fraction) and ``ihu`` (HU).
    pairs : DataFrame
        One row per pair, with the scan_id of the ``earlier`` and of the ``later`` scan.

    Returns
    -------
    DataFrame
        `pairs` with ``poi_change`` (fraction) and ``ihu_change`` (HU), later minus earlier. NaN where a scan has no
        iHU.

    Raises
    ------
    ValueError
        If a pair names a scan that is not in the table, or that is in it twice.
    """
    by_scan = table.set_index("scan_id")[["poi", "ihu"]].astype(float)
    if not by_scan.index.is_unique:
        doubled = by_scan.index[by_scan.index.duplicated()].unique()
        raise ValueError(f"scan {doubled[0]} has more than one row of biomarkers: keep one row per scan")
    for column in ("earlier", "later"):
        missing = pairs.loc[~pairs[column].isin(by_scan.index), column]
        if len(missing):
            raise ValueError(f"scan {missing.iloc[0]} is in a pair but has no biomarkers: measure it or drop the pair")
    difference = by_scan.loc[pairs["later"]].to_numpy() - by_scan.loc[pairs["earlier"]].to_numpy()
    return pairs.assign(poi_change=difference[:, 0], ihu_change=difference[:, 1])


def binarise(change):
    """Turn changes into directions: 1 for an increase, 0 for a decrease, as the paper codes them.

    Parameters
    ----------
    change : array of float
        Changes of a biomarker.

    Returns
    -------
    Series of float
        1 or 0; NaN where the change is exactly 0 or undefined, which is neither.
    """
    import pandas as pd  # here: it takes a second and is not needed for a single scan

    change = pd.Series(change, dtype=float)
    return (change > 0).astype(float).where(change.notna() & (change != 0))


def _biomarkers(n_lung, n_infected, sum_hu, voxel_ml):
    return {
        "lung_volume_ml": float(n_lung * voxel_ml),
        "infection_volume_ml": float(n_infected * voxel_ml),
        "poi": portion_of_infection(n_infected, n_lung),
        "ihu": float(sum_hu / n_infected) if n_infected else float("nan"),
    }


def _bounding_box(mask):
    """As study.scans.boxes, which is not imported, so that this module can be read alone; of no empty mask."""
    box = []
    while mask.ndim:
        inside = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
        box.append(slice(inside[0], inside[-1] + 1))
        mask = mask[box[-1]].any(axis=0)
    return tuple(box)


def _grown(mask):
    """Mask with the voxels that touch it in plane, over a face."""
    grown = mask.copy()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown


def _checked(hu, label_map, spacing_mm):
    hu, label_map = np.asarray(hu), np.asarray(label_map)
    if hu.ndim != 3 or hu.shape != label_map.shape:
        raise ValueError(
            f"hu has shape {hu.shape} and label_map {label_map.shape}: both must be one scan's (z, y, x) grid"
        )
    if not (np.issubdtype(label_map.dtype, np.integer) or label_map.dtype == bool):
        raise ValueError(f"label_map has type {label_map.dtype}: labels are integers 0, 1 and 2")
    if label_map.size and not 0 <= label_map.min() <= label_map.max() <= INFECTION:
        raise ValueError(
            f"label_map contains values from {label_map.min()} to {label_map.max()}: "
            "labels are 0 background, 1 lung and 2 infection"
        )
    spacing = tuple(float(length) for length in spacing_mm)
    if len(spacing) != 3 or not all(0 < length < float("inf") for length in spacing):
        raise ValueError(f"spacing_mm {spacing_mm!r}: needs three lengths above 0 mm, in array order (z, y, x)")
    return hu, label_map, spacing[0] * spacing[1] * spacing[2] / 1000
