"""The truth of a simulated scan: the biomarkers of the tissue, and each lobe and lesion."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import ndimage

from study.phantom.body.anatomy import Anatomy
from study.phantom.body.lesions import KINDS
from study.phantom.body.lobes import LOBES

LESION_COLUMNS = ("lesion", "kind", "lobe", "volume_ml", "mean_hu")


def tissue_biomarkers(anatomy: Anatomy, ill: np.ndarray, lung_hu: np.ndarray) -> tuple[float, float]:
    """POI and iHU of the tissue on the fine grid, before it is cut into sections.

    Parameters
    ----------
    anatomy : Anatomy
    ill : ndarray of bool (n,)
        Infected, for the voxels ``inside``.
    lung_hu : ndarray (n,)
        HU of what is lung in them, vessels included.

    Returns
    -------
    poi : float, 0..1
    ihu : float
        HU; NaN without infection.
    """
    infected = float(anatomy.share[ill].sum(dtype=np.float64))
    poi = infected / float(anatomy.share.sum(dtype=np.float64))
    return poi, float((anatomy.share[ill] * lung_hu[ill]).sum(dtype=np.float64)) / infected if infected else np.nan


def label_lesions(
    anatomy: Anatomy, kind: np.ndarray, fraction, lung_mask, infection_mask, hu, spacing_mm
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Label every lobe and every lesion of a scan, on the grid of its sections.

    A lesion is a connected piece of the infection mask, voxels that touch at a face, an edge or a corner
    (26 neighbours). Its kind and its lobe are those of most of its voxels.

    Parameters
    ----------
    anatomy : Anatomy
    kind : ndarray of uint8 (n,)
        Of the voxels ``inside``: 0 healthy, else 1 + the index in `lesions.KINDS`.
    fraction : callable
        ``fraction(values)``: section average (z, y, x) of values for the voxels ``inside``.
    lung_mask, infection_mask : ndarray of bool (z, y, x)
    hu : ndarray (z, y, x)
    spacing_mm : tuple of float (z, y, x)

    Returns
    -------
    lobes : ndarray of uint8 (z, y, x)
        0 outside the lung mask, 1 to 5 in the order of `lobes.LOBES`.
    lesions : ndarray of uint16 (z, y, x)
        0 outside the infection mask, else the number of the lesion, the largest first.
    table : DataFrame
        lesion (its number), kind, lobe, volume_ml, mean_hu; one row per lesion, none without infection.
    """
    shares = np.stack([fraction(anatomy.share * (anatomy.lobe == k)) for k in range(1, len(LOBES) + 1)])
    lobes = np.where(lung_mask, shares.argmax(axis=0) + 1, 0).astype(np.uint8)
    pieces, n = ndimage.label(infection_mask, np.ones((3, 3, 3)))
    numbers = np.arange(1, n + 1)
    order = np.argsort(-np.bincount(pieces.ravel(), minlength=n + 1)[1:], kind="stable")
    renumber = np.zeros(n + 1, np.uint16)
    renumber[order + 1] = numbers
    lesions = renumber[pieces]

    def most_of_each(parts):
        return np.stack([ndimage.sum_labels(part, lesions, numbers) for part in parts]).argmax(axis=0)

    if n == 0:
        return lobes, lesions, pd.DataFrame(columns=list(LESION_COLUMNS))
    kinds = most_of_each(fraction(anatomy.share * (kind == k)) for k in range(1, len(KINDS) + 1))
    places = most_of_each(lobes == k for k in range(1, len(LOBES) + 1))
    volume_ml = np.bincount(lesions.ravel())[1:] * np.prod(spacing_mm) / 1000
    columns = (
        numbers,
        [KINDS[k] for k in kinds],
        [LOBES[k] for k in places],
        volume_ml.round(3),
        np.round(ndimage.mean(hu, lesions, numbers), 1),
    )
    return lobes, lesions, pd.DataFrame(dict(zip(LESION_COLUMNS, columns, strict=True)))
