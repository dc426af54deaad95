"""Two observers who delineate the infection of a simulated scan, with the errors of readers.

Both start from the truth. They see the same blurred edge, so part of their error is common; each draws more or less
generously, overlooks small and faint lesions, and now and then mistakes a vessel, gravity-dependent lung or a motion
artefact for infection.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from study.scans.boxes import bounding_box

# All assumed; set once so that the two observers agree about as well as the paper's two radiologists did (Dice 0.79
# +- 0.25, median 0.85), and to nothing else: no network was used. Over 240 scans they came to 0.77 +- 0.25, median
# 0.86 (tools/calibrate_observers.py).


@dataclass(frozen=True)
class Reader:
    """Habits of one observer."""

    generosity_mm: float  # mean outward displacement of the edge
    overlooks_ml: float  # volume of a lesion 300 HU above the lung that is overlooked half the time
    accepts: float  # chance to mistake a look-alike for infection
    generosity_sd_mm: float = 0.6  # variation of the generosity from scan to scan
    edge_sd_mm: float = 1.5  # local displacement of the edge
    care_sd: float = 2.7  # variation of what is overlooked from scan to scan, as log volume


OBSERVERS = (
    Reader(generosity_mm=0.2, overlooks_ml=0.5, accepts=0.25),
    Reader(generosity_mm=-0.2, overlooks_ml=0.65, accepts=0.30),
)
HU_WORTH_DOUBLE = 40.0  # contrast that makes a lesion as easy to see as one of twice the volume
COMMON_EDGE = 0.4  # share of the variance of the edge displacement common to both
COMMON_SIGHT = 0.5  # the same for overlooking a lesion
EDGE_LENGTH_MM = 15.0  # over which the displacement stays alike, across sections too
LOOK_ALIKES, LOOK_ALIKES_IN_MOTION = 2.0, 4.0  # mean number offered to the observers in a scan
LOOK_ALIKE_RADIUS_MM = (5.0, 14.0)


def delineate(infection_mask, lung_mask, hu, spacing_mm, vessels, *, rng, motion=False):
    """Two observers' delineations of the infection.

    Parameters
    ----------
    infection_mask, lung_mask, vessels : ndarray of bool (z, y, x)
        The truth.
    hu : ndarray (z, y, x)
        The scan that the observers look at.
    spacing_mm : tuple of float (z, y, x)
    rng : numpy.random.Generator
    motion : bool
        The scan carries respiratory motion: more look-alikes.

    Returns
    -------
    observer_1, observer_2 : ndarray of bool (z, y, x)
        Inside the lung mask. Without any infection they contain only look-alikes, most often nothing.
    """
    drawn = np.zeros((2, *lung_mask.shape), bool)
    if not lung_mask.any():
        return tuple(drawn)
    box = bounding_box(lung_mask)  # nothing is drawn outside the lung
    infection, lung, vessels, hu = infection_mask[box], lung_mask[box], vessels[box], hu[box]
    lesions, n_lesions = ndimage.label(infection, structure=np.ones((3, 3, 3)))
    distance_mm, nearest_lesion = _signed_distance(infection, lesions, spacing_mm)
    common_edge = _smooth_noise(lung.shape, spacing_mm, rng)
    conspicuity = _conspicuity(lesions, n_lesions, hu, lung & ~infection & ~vessels, spacing_mm)
    common_sight = rng.standard_normal(n_lesions)
    number = LOOK_ALIKES_IN_MOTION if motion else LOOK_ALIKES
    look_alikes = _look_alikes(infection, lung, hu, spacing_mm, vessels, rng, number)
    for reader, mask in zip(OBSERVERS, drawn, strict=True):
        own_edge = _smooth_noise(lung.shape, spacing_mm, rng)
        edge = np.sqrt(COMMON_EDGE) * common_edge + np.sqrt(1 - COMMON_EDGE) * own_edge
        generosity = reader.generosity_mm + reader.generosity_sd_mm * rng.standard_normal()
        sight = np.sqrt(COMMON_SIGHT) * common_sight + np.sqrt(1 - COMMON_SIGHT) * rng.standard_normal(n_lesions)
        care = reader.care_sd * rng.standard_normal()
        seen = np.append(False, conspicuity - np.log(reader.overlooks_ml) + care + sight > 0)  # lesion 0 is none
        outlined = (distance_mm < generosity + reader.edge_sd_mm * edge) & seen[nearest_lesion]
        for region in look_alikes:
            if rng.random() < reader.accepts:
                outlined |= region
        mask[box] = outlined & lung
    return tuple(drawn)


def _signed_distance(mask, lesions, spacing_mm):
    """Distance to the edge in mm, negative inside; and which lesion is nearest (0 where there is none)."""
    if not mask.any():
        return np.full(mask.shape, np.inf), np.zeros(mask.shape, int)
    outside, index = ndimage.distance_transform_edt(~mask, sampling=spacing_mm, return_indices=True)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    half = spacing_mm[1] / 2  # the edge lies half a pixel from the centres on either side of it
    return np.where(mask, half - inside, outside - half), lesions[tuple(index)]


def _smooth_noise(shape, spacing_mm, rng):
    """Standard normal noise that stays alike over `EDGE_LENGTH_MM`, whatever the pixels."""
    step_mm = EDGE_LENGTH_MM / 3
    coarse = rng.standard_normal([int(n * s / step_mm) + 3 for n, s in zip(shape, spacing_mm, strict=True)])
    coarse = ndimage.gaussian_filter(coarse.astype(np.float32), 3)
    scale = np.array(spacing_mm) / step_mm
    return ndimage.affine_transform(coarse / coarse.std(), scale, output_shape=shape, order=1, mode="nearest")


def _conspicuity(lesions, n_lesions, hu, background, spacing_mm):
    """Log volume in ml of each lesion; contrast beyond 300 HU counts as volume."""
    labels = np.arange(1, n_lesions + 1)
    volume_ml = np.bincount(lesions.ravel(), minlength=n_lesions + 1)[1:] * np.prod(spacing_mm) / 1000
    aerated_hu = np.median(hu[background]) if background.any() else -850.0
    contrast = ndimage.mean(hu, lesions, labels) - aerated_hu
    return np.log(volume_ml) + np.log(2) * np.clip((contrast - 300) / HU_WORTH_DOUBLE, -3, 3)


def _look_alikes(infection, lung, hu, spacing_mm, vessels, rng, mean_number):
    """Small regions of lung that may be mistaken for infection: around a vessel, or anywhere among its densest tenth.

    That tenth is the gravity-dependent lung and, in a scan with motion, the bases and the double contours.
    """
    number = rng.poisson(mean_number)
    candidates = np.flatnonzero(lung & ~infection)
    if number == 0 or candidates.size == 0:
        return []
    sigma = 4.0 / np.array(spacing_mm)
    aerated = ndimage.gaussian_filter(lung.astype(np.float32), sigma)  # so that the chest wall does not count
    smooth = ndimage.gaussian_filter(np.where(lung, hu, 0).astype(np.float32), sigma) / np.maximum(aerated, 1e-3)
    values = smooth.ravel()[candidates]
    dense = candidates[values >= np.quantile(values, 0.9)]
    at_vessels = candidates[vessels.ravel()[candidates]]
    regions = []
    axes = np.ogrid[tuple(slice(n) for n in hu.shape)]
    for _ in range(number):
        centres = at_vessels if at_vessels.size and rng.random() < 0.5 else dense
        centre = np.unravel_index(centres[int(rng.random() * centres.size)], hu.shape)
        radius_mm = rng.uniform(*LOOK_ALIKE_RADIUS_MM)
        near = (
            sum(((axis - c) * step / radius_mm) ** 2 for axis, c, step in zip(axes, centre, spacing_mm, strict=True))
            < 1
        )
        regions.append(near & lung & (smooth > np.quantile(values, 0.75)))
    return regions
