"""Overlap of two segmentations: Dice, surface Dice by area and by number of voxels, and lesions found or missed.

Every function takes two boolean masks of the same shape (z, y, x), of any number of dimensions unless a spacing in
three is asked for, leaves them as they were, and says what it returns where its definition divides by nothing.
"""

import numpy as np
from scipy import ndimage


def dice(a, b):
    """Dice coefficient of two masks: twice what they share, divided by the sum of their sizes.

    Parameters
    ----------
    a, b : array of bool
        Masks of one shape. Which is the reference does not matter.

    Returns
    -------
    float
        0 (nothing shared) to 1 (the same mask). NaN if both masks are empty: 0 / 0 is not an agreement, and calling
        it 1 would let scans without infection lift the mean. 0 if just one of them is empty.

    References
    ----------
    Dice LR. Ecology 1945;26:297-302.

    Examples
    --------
    >>> dice([True, True, False], [True, False, False])
    0.6666666666666666
    """
    a, b = _masks(a, b)
    size = np.count_nonzero(a) + np.count_nonzero(b)
    return float(2 * np.count_nonzero(a & b) / size) if size else float("nan")


def surface_dice(a, b, spacing_mm, tolerance_mm):
    """Surface Dice: the share of the two surfaces, by area, that lies within a tolerance of the other.

    A surface runs between voxel centres: every cube of 2 x 2 x 2 voxels that the mask enters without filling it holds
    a surface element, whose area (marching cubes) follows from which of the eight voxels are set, and from the
    spacing. The distance of two elements is that of the centres of their cubes. What lies beyond the array is outside
    the mask, so that a mask cut by an end of the array has a surface there.

    Parameters
    ----------
    a, b : array of bool (z, y, x)
        Two masks.
    spacing_mm : tuple of 3 float
        Distance between voxel centres (z, y, x).
    tolerance_mm : float
        Distance (mm, not negative) that still counts as the same surface.

    Returns
    -------
    float
        0 to 1; NaN if both masks are empty, 0 if one is.

    Notes
    -----
    The areas come from MONAI, whose ``compute_surface_dice(..., use_subvoxels=True)`` gives the same number in more
    time and memory.

    References
    ----------
    Nikolov S et al. J Med Internet Res 2021;23:e26151.
    """
    a, b, spacing_mm = _surfaces_to_compare(a, b, spacing_mm, tolerance_mm)
    if not (a.any() or b.any()):
        return float("nan")
    from monai.metrics.utils import get_code_to_measure_table  # here: it takes seconds; a single scan does not need it

    areas, weights = (table.squeeze().numpy() for table in get_code_to_measure_table(spacing_mm))
    box = _bounding_box(a | b)
    codes_a, codes_b = (_cube_codes(mask[box], weights) for mask in (a, b))
    surface_a, surface_b = ((codes > 0) & (codes < len(areas) - 1) for codes in (codes_a, codes_b))
    near = _near_each_other(surface_a, surface_b, spacing_mm, tolerance_mm)
    area = areas.astype(np.float64)[np.concatenate([codes_a[surface_a], codes_b[surface_b]])]
    return float(area[near].sum() / area.sum())


def surface_voxel_share(a, b, spacing_mm, tolerance_mm):
    """Share of the two masks' surface voxels that lie within a tolerance of the other surface.

    Like :func:`surface_dice`, but of voxels, not of cubes: a surface voxel is a voxel of the mask with a face-neighbour
    outside it. Each counts once, whatever area it represents, which on thick sections gives the caudal and cranial
    faces less weight than their area would.

    Parameters
    ----------
    a, b, spacing_mm, tolerance_mm
        As in :func:`surface_dice`.

    Returns
    -------
    float
        0 to 1; NaN if both masks are empty, 0 if one is.
    """
    a, b, spacing_mm = _surfaces_to_compare(a, b, spacing_mm, tolerance_mm)
    if not (a.any() or b.any()):
        return float("nan")
    # Neither a surface nor its nearest voxel lies outside this box.
    box = _bounding_box(a | b)
    return float(_near_each_other(_surface(a[box]), _surface(b[box]), spacing_mm, tolerance_mm).mean())


def lesion_detection(predicted, reference, spacing_mm, minimum_volume_ml=0.0):
    """Count the lesions that were found and missed, and the false positive ones.

    A lesion is a component connected over faces, edges or corners. A reference lesion is found if a predicted voxel
    lies in it; a predicted lesion is false if no voxel of it lies in the reference.

    Parameters
    ----------
    predicted, reference : array of bool (z, y, x)
        Two masks.
    spacing_mm : tuple of 3 float
        Distance between voxel centres (z, y, x).
    minimum_volume_ml : float
        Components smaller than this are not counted, on either side (they still count as voxels of their mask).

    Returns
    -------
    dict
        ``n_reference, n_found, n_predicted, n_false`` (int), ``sensitivity`` (found / reference, NaN without a
        reference lesion) and ``precision`` (1 - false / predicted, NaN without a predicted lesion).
    """
    predicted, reference = _masks(predicted, reference)
    voxel_ml = float(np.prod(_spacing(spacing_mm, predicted.ndim))) / 1000
    if predicted.any() or reference.any():
        box = _bounding_box(predicted | reference)
        predicted, reference = predicted[box], reference[box]
    n_reference, n_found = _lesions(reference, predicted, minimum_volume_ml / voxel_ml)
    n_predicted, n_true = _lesions(predicted, reference, minimum_volume_ml / voxel_ml)
    return {
        "n_reference": n_reference,
        "n_found": n_found,
        "n_predicted": n_predicted,
        "n_false": n_predicted - n_true,
        "sensitivity": n_found / n_reference if n_reference else float("nan"),
        "precision": n_true / n_predicted if n_predicted else float("nan"),
    }


def _lesions(mask, other, minimum_voxels):
    """Count the components of `mask` of at least `minimum_voxels`, and how many of them `other` touches."""
    components, n = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    sizes = np.bincount(components.ravel(), minlength=n + 1)[1:]
    touched = np.bincount(components[other], minlength=n + 1)[1:] > 0
    # Volumes are products of decimal spacings: a component of just the minimum must not fall to rounding.
    counted = sizes >= minimum_voxels * (1 - 1e-9)
    return int(counted.sum()), int((counted & touched).sum())


def _cube_codes(mask, weights):
    """For every cube of 2 x 2 x 2 voxels, those at the ends of the array included: which of them are set, as a byte."""
    padded = np.pad(mask, 1).view(np.uint8)
    codes = np.zeros([length - 1 for length in padded.shape], np.uint8)
    for corner, weight in np.ndenumerate(weights.astype(np.uint8)):
        codes += weight * padded[tuple(slice(at, at + length) for at, length in zip(corner, codes.shape, strict=True))]
    return codes


def _surface(mask):
    return mask & ~ndimage.binary_erosion(mask)


def _near_each_other(surface_a, surface_b, spacing_mm, tolerance_mm):
    """For each voxel of a surface, then for each of another, whether the other one lies within a tolerance."""
    # Voxels within a tolerance are few: to look at each takes a fraction of the time that finding the nearest takes.
    reach = [int(min(tolerance_mm / step + 1, n - 1)) for step, n in zip(spacing_mm, surface_a.shape, strict=True)]
    away = np.indices([2 * r + 1 for r in reach]).reshape(len(reach), -1).T - reach
    distance_mm = np.linalg.norm(away * spacing_mm, axis=1)
    nearest_first = np.argsort(distance_mm, kind="stable")[: np.count_nonzero(distance_mm <= tolerance_mm)]
    padded_a, padded_b = (np.pad(surface, [(r, r) for r in reach]) for surface in (surface_a, surface_b))
    to_neighbour = away[nearest_first] @ padded_a.strides  # in bytes, which are voxels
    near = [
        _meets(np.flatnonzero(one), other.ravel(), to_neighbour)
        for one, other in ((padded_a, padded_b), (padded_b, padded_a))
    ]
    return np.concatenate(near)


def _meets(places, mask, steps):
    """Whether a flat mask is set one of some steps from each place in it."""
    met = np.zeros(len(places), bool)
    for step in steps:
        waiting = np.flatnonzero(~met)
        met[waiting] = mask[places[waiting] + step]
    return met


def _bounding_box(mask):
    """As study.scans.boxes, which is not imported, so that this module can be read alone; of no empty mask."""
    box = []
    while mask.ndim:
        inside = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
        box.append(slice(inside[0], inside[-1] + 1))
        mask = mask[box[-1]].any(axis=0)
    return tuple(box)


def _surfaces_to_compare(a, b, spacing_mm, tolerance_mm):
    a, b = _masks(a, b)
    if not tolerance_mm >= 0:
        raise ValueError(f"tolerance_mm {tolerance_mm!r}: must be 0 mm or more")
    return a, b, _spacing(spacing_mm, a.ndim)


def _masks(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"masks of shapes {a.shape} and {b.shape}: bring both to one grid first")
    for mask in (a, b):
        if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
            raise ValueError("a mask contains values other than 0 and 1: compare a label map with its label first")
    return a.astype(bool, copy=False), b.astype(bool, copy=False)


def _spacing(spacing_mm, ndim):
    spacing = tuple(float(length) for length in spacing_mm)
    if len(spacing) != ndim or not all(0 < length < float("inf") for length in spacing):
        raise ValueError(f"spacing_mm {spacing_mm!r}: needs {ndim} lengths above 0 mm, in array order (z, y, x)")
    return spacing
