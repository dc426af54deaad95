"""Whether what was read can be the chest of an adult: a scan that is only unlikely is measured, with a note.

A spacing, a scale of values or a section that is wrong gives wrong volumes although every file is sound. Only a blank
section within the volume is refused; all else has rare causes that are no fault, and a person decides.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from study.scans.grid import ScanError

PIXEL_MM = 4.0  # these checks look at every n-th pixel: a body needs no more
TISSUE_ABOVE_HU = -200
TISSUE_MM = 30.0  # along a line through the body at least; the table is thinner
# From the smallest child to the largest adult a body is 8 to 59 cm wide and 8 to 45 cm deep (AAPM Report 204, 2011;
# from 12 cm on in the second year of life); a scanner's opening is 80 cm.
WIDTH_RANGE_MM, DEPTH_RANGE_MM = (120.0, 800.0), (80.0, 600.0)
# Air is -1000 HU by definition, -970 to -1005 in the ACR's phantom, and up to -930 with a sharp kernel.
AIR_RANGE_HU = (-1080.0, -920.0)
PADDING_BELOW_HU = -1015
TISSUE_RANGE_HU = (-120.0, 150.0)  # its median: between fat, -100, and enhanced blood and bone
SMALLEST_AIR_SHARE = 0.1  # of the pixels at the border of the sections; where less is air, the skin lies beside it
UNLIKE = 2.0  # how many times less its neighbours differ from each other than a section from either of them
LEAST_DIFFERENCE_HU = 40.0
BLANK_BELOW_HU, BLANK_VARIES_HU = -900, 1.0


def body_notes(path, hu: np.ndarray, spacing_mm) -> list[str]:
    """Say what is unlikely about a volume.

    Parameters
    ----------
    path : str or pathlib.Path
        Named in the error.
    hu : numpy.ndarray
        int16 (z, y, x).
    spacing_mm : tuple of float
        (z, y, x).

    Returns
    -------
    list of str
        About the width and depth of the body, the HU of its tissue and of the air around it, sections
        like or unlike their neighbours; empty for a usual scan.

    Raises
    ------
    ScanError
        If a section between others is blank.
    """
    steps = [max(1, round(PIXEL_MM / length)) for length in spacing_mm[1:]]
    coarse = np.ascontiguousarray(hu[:, :: steps[0], :: steps[1]])
    pixel_mm = [step * length for step, length in zip(steps, spacing_mm[1:], strict=True)]
    return _size(coarse, pixel_mm) + _air(coarse) + _tissue(coarse) + _sections(path, coarse)


def measured_pixels(hu: np.ndarray) -> np.ndarray:
    """Find the pixels that the scanner measured: not the corners of a round field of view, nor what was blanked.

    Parameters
    ----------
    hu : numpy.ndarray
        (z, y, x).

    Returns
    -------
    numpy.ndarray
        bool (y, x): False where one value, lighter than lung, fills all sections, and beside such pixels.
    """
    highest, lowest = ndimage.maximum_filter(hu.max(axis=0), 3), ndimage.minimum_filter(hu.min(axis=0), 3)
    blank = (highest < BLANK_BELOW_HU) & (highest - lowest.astype(np.float32) < BLANK_VARIES_HU)
    return ~ndimage.maximum_filter(blank, 3)


def _size(coarse: np.ndarray, pixel_mm) -> list[str]:
    tissue = coarse > TISSUE_ABOVE_HU
    notes = []
    for name, axis, (low, high) in (("wide", 1, WIDTH_RANGE_MM), ("deep", 2, DEPTH_RANGE_MM)):
        across, along = pixel_mm[2 - axis], pixel_mm[axis - 1]
        lines = np.count_nonzero(tissue, axis=axis) * along >= TISSUE_MM
        size = float(np.median(np.count_nonzero(lines, axis=1))) * across
        if not low <= size <= high:
            notes.append(
                f"the body is {size / 10:.0f} cm {name}, and bodies are {low / 10:g} to {high / 10:g} cm: is the "
                "spacing right?"
            )
    return notes


def _air(coarse: np.ndarray) -> list[str]:
    border = np.concatenate([coarse[:, [0, -1]].ravel(), coarse[:, :, [0, -1]].ravel()])
    air = border[(border > PADDING_BELOW_HU) & (border < -500)]
    if len(air) < SMALLEST_AIR_SHARE * len(border):
        return []
    median = float(np.median(air))
    if AIR_RANGE_HU[0] <= median <= AIR_RANGE_HU[1]:
        return []
    return [f"air at the border of the sections measures {median:.0f} HU, not about -1000: are the values in HU?"]


def _tissue(coarse: np.ndarray) -> list[str]:
    tissue = coarse[coarse > TISSUE_ABOVE_HU]
    median = float(np.median(tissue)) if len(tissue) else 0.0
    if TISSUE_RANGE_HU[0] <= median <= TISSUE_RANGE_HU[1]:
        return []
    return [f"the tissue measures {median:.0f} HU (median), not about 0: are the values in HU?"]


def _sections(path, coarse: np.ndarray) -> list[str]:
    n = len(coarse)
    blank = coarse.min(axis=(1, 2)) == coarse.max(axis=(1, 2))
    shown = np.flatnonzero(~blank)
    within = [k for k in np.flatnonzero(blank) if len(shown) and shown[0] < k < shown[-1]]
    if within:
        raise ScanError(
            path,
            f"section {within[0] + 1} of {n}, from the feet, is blank: every voxel is {coarse[within[0], 0, 0]}",
            "export the scan again",
        )
    notes = [f"blank sections at the ends: {blank.sum()} of {n}"] if blank.any() else []
    coarse = coarse[~blank]
    steps = np.array([_apart(*pair) for pair in pairwise(coarse)])
    if same := int((steps == 0).sum()):
        notes.append(f"sections that are the same as the one below: {same} of {n}; copies add no volume")
    for k in range(1, len(coarse) - 1):
        nearest = min(steps[k - 1], steps[k])
        if nearest > LEAST_DIFFERENCE_HU and nearest > UNLIKE * _apart(coarse[k - 1], coarse[k + 1]):
            notes.append(f"section {shown[k] + 1} of {n}, from the feet, is unlike both its neighbours")
    return notes


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference in HU."""
    return float(np.abs(one - other).mean())


def refuse_exchanged_masks(infection_path, n_lung, n_infection):
    """Refuse a scan whose infection is larger than the lungs that hold it.

    Parameters
    ----------
    infection_path : Path
        Of the infection's mask, named in the error.
    n_lung, n_infection : int
        Voxels of the two masks.

    Raises
    ------
    ScanError
    """
    if n_infection > n_lung:
        raise ScanError(
            infection_path,
            f"at most the lung, which has {n_lung} voxels, and this mask {n_infection}",
            "are the two masks exchanged? the lung mask holds all of the lungs, infected or not",
        )
