"""The networks' input: sections at one pixel size, and their neighbours as channels (2.5D).

A network is trained at one pixel size in millimetres and one distance between neighbouring sections. Every scan,
whatever its matrix, is resampled to that grid here, and the network's output is resampled back to the scan's own.
"""

import numpy as np
from scipy import ndimage, sparse

from study.scans.boxes import bounding_box

AIR_HU = -1024
STRIDE = 32  # the networks halve the grid five times
# The reference of HU is read where lung surely is: this far (mm) from the border of the lung field, in voxels that are
# neither free air (trachea, bowel, a hole of emphysema) nor dense. On 90 phantoms, a third of their lungs and more
# infected in some, a percentile of 40 stays within 6 HU (SD) of the median of their healthy lung, the median of the
# whole field within 33.
CORE_MM, AERATED_HU, REFERENCE_PERCENTILE = 8.0, (-980, -500), 40
WITHOUT_AIR_HU = -850.0  # the reference of a lung that holds no air: that of healthy lung in inspiration
DENT_MM = 15.0  # radius of the disc that closes a dent; on 60 phantom scans 25 mm or the whole margin was too much


def resampling_matrix(n_in, spacing_in, n_out, spacing_out):
    """Weights that resample one axis about the common centre of both grids.

    Each output sample averages the input over its own width (so fine pixels are not skipped) and interpolates
    linearly where it is finer than the input. Outside the input, the nearest input sample counts.

    Parameters
    ----------
    n_in, n_out : int
        Number of samples.
    spacing_in, spacing_out : float
        Their spacing (mm).

    Returns
    -------
    sparse float32 array (n_out, n_in)
        Rows sum to 1. The identity where both grids are the same.
    """
    centre_out = (np.arange(n_out) - (n_out - 1) / 2) * spacing_out
    position = centre_out / spacing_in + (n_in - 1) / 2
    # A triangle at least one input sample wide interpolates; a wider one also averages.
    reach = max(1.0, spacing_out / spacing_in)
    weights = np.clip(1 - np.abs(position[:, None] - np.arange(n_in)) / reach, 0, None)
    beyond = weights.sum(axis=1) < 1e-9
    weights[beyond, np.clip(np.rint(position[beyond]), 0, n_in - 1).astype(int)] = 1
    return sparse.csr_array((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _resample(volume, rows, columns):
    """Resample every section by one matrix along y and one along x."""
    if _is_identity(rows) and _is_identity(columns):
        return volume.astype(np.float32)
    return np.stack([(columns @ (rows @ section.astype(np.float32)).T).T for section in volume])


def _is_identity(weights):
    """Whether resampling changes nothing, as where a scan has the network's own pixels."""
    n = weights.shape[0]
    return weights.shape[1] == weights.nnz == n and np.array_equal(weights.indices, np.arange(n))


def grid_size(n_pixels, spacing_mm, pixel_mm):
    """Number of pixels of `pixel_mm` that cover `n_pixels` of `spacing_mm`, rounded up to a multiple of 32."""
    covered = int(np.ceil(n_pixels * spacing_mm / pixel_mm - 1e-6))
    return -(-covered // STRIDE) * STRIDE


def to_network_grid(volume, spacing_mm, pixel_mm, outside=AIR_HU):
    """Resample every section of a volume to square pixels of `pixel_mm`.

    Parameters
    ----------
    volume : array (z, y, x)
    spacing_mm : (z, y, x)
    pixel_mm : float
    outside : float
        Value outside the volume (air for HU, 0 for a mask).

    Returns
    -------
    float32 array (z, y', x')
        y' and x' are multiples of 32.
    """
    axes = []
    for n, spacing in zip(volume.shape[1:], spacing_mm[1:], strict=True):
        n_out = grid_size(n, spacing, pixel_mm)
        inside = np.abs(np.arange(n_out) - (n_out - 1) / 2) * pixel_mm <= n * spacing / 2
        axes.append((resampling_matrix(n, spacing, n_out, pixel_mm), inside))
    (rows, inside_rows), (columns, inside_columns) = axes
    resampled = _resample(volume, rows, columns)
    resampled[:, ~inside_rows] = outside
    resampled[:, :, ~inside_columns] = outside
    return resampled


def from_network_grid(probability, shape, spacing_mm, pixel_mm):
    """Resample a map on the network's grid back to the scan's own: the reverse of :func:`to_network_grid`.

    Parameters
    ----------
    probability : float array (z, y', x')
    shape : (z, y, x) of the scan
    spacing_mm : (z, y, x) of the scan
    pixel_mm : float

    Returns
    -------
    float32 array (z, y, x)
    """
    rows = resampling_matrix(probability.shape[1], pixel_mm, shape[1], spacing_mm[1])
    columns = resampling_matrix(probability.shape[2], pixel_mm, shape[2], spacing_mm[2])
    return _resample(probability, rows, columns)


def slab_indices(n_sections, slice_spacing_mm, n_neighbours, neighbour_mm):
    """Indices of the sections in the input of each section.

    Neighbours are the sections nearest to multiples of `neighbour_mm`, so that the network sees the same anatomy
    whatever the distance of the sections. At the ends the last section is repeated.

    Returns
    -------
    int array (z, 2 * n_neighbours + 1)
        Caudal to cranial; the section itself is in the middle.
    """
    away = np.arange(1, n_neighbours + 1)
    offsets = np.rint(away * neighbour_mm / slice_spacing_mm).astype(int)
    # The outermost neighbour is always another section; otherwise 2.5D would be 2D.
    offsets[-1:] = np.maximum(offsets[-1:], 1)
    offsets = np.concatenate([-offsets[::-1], [0], offsets])
    return np.clip(np.arange(n_sections)[:, None] + offsets, 0, n_sections - 1)


def lung_input(hu):
    """Input of the lung network: -1024..200 HU as -1..1.

    Parameters
    ----------
    hu : array (..., y, x)

    Returns
    -------
    float32 array of the same shape
    """
    return np.clip((np.asarray(hu, np.float32) + 412) / 612, -1, 1)


def reference_hu(hu, lung_mask, pixel_mm):
    """HU of a patient's own lung where it is healthy: what the infection network sees is relative to it.

    Infection, however much there is, air that was mistaken for lung and chest wall in the border hardly move it.

    Parameters
    ----------
    hu : array (z, y, x)
    lung_mask : bool array (z, y, x)
    pixel_mm : float
        Edge of a pixel.

    Returns
    -------
    float
        Percentile `REFERENCE_PERCENTILE` of the aerated voxels further than `CORE_MM` from the border of the lung field
        in plane; of all aerated ones where none lies so deep; `WITHOUT_AIR_HU` if the lung holds no air.
    """
    width = 2 * int(np.ceil(CORE_MM / pixel_mm)) + 1
    core = ndimage.minimum_filter(lung_mask, (1, width, width), mode="constant")
    low, high = AERATED_HU
    for within in (core, lung_mask):
        aerated = hu[within]
        aerated = aerated[(aerated > low) & (aerated < high)]
        if aerated.size:
            return float(np.percentile(aerated, REFERENCE_PERCENTILE))
    return WITHOUT_AIR_HU


def infection_input(hu, reference):
    """Input of the infection network: HU relative to the patient's own lung, -250..750 HU about it as -1..3.

    Inspiration, dose and scanner shift the whole lung; infection differs from the rest of this lung.

    Parameters
    ----------
    hu : array (..., y, x)
    reference : float
        `reference_hu` of the scan.

    Returns
    -------
    float32 array of the same shape
    """
    return np.clip((np.asarray(hu, np.float32) - reference) / 250, -1, 3)


def with_margin(lung_mask, pixel_mm, margin_mm):
    """Widen a lung field in plane to where the infection network is trained.

    Parameters
    ----------
    lung_mask : bool array (..., y, x)
    pixel_mm, margin_mm : float

    Returns
    -------
    bool array of the same shape
    """
    reach = round(margin_mm / pixel_mm) + 0.5
    sections = lung_mask.reshape(-1, *lung_mask.shape[-2:])
    near = [ndimage.distance_transform_edt(~section) <= reach if section.any() else section for section in sections]
    return np.stack(near).reshape(lung_mask.shape)


def with_dents(lung_mask, pixel_mm, margin_mm):
    """Fill the dents of a lung field in plane, to where the infection network's findings count.

    A consolidation at the pleura looks like chest wall, and a lung field often leaves it out, as a dent; there the
    infection network, which sees the neighbouring sections, decides. Beyond the pleura its findings do not count.

    Parameters
    ----------
    lung_mask : bool array (z, y, x)
    pixel_mm : float
    margin_mm : float
        How deep a dent is filled.

    Returns
    -------
    bool array (z, y, x)
        The lung field, and what closing it with a disc of `DENT_MM` adds within `margin_mm` of it.
    """
    disc, border = DENT_MM / pixel_mm, int(DENT_MM / pixel_mm) + 2
    filled = lung_mask.copy()
    for section, out in zip(lung_mask, filled, strict=True):
        if section.any():
            box = bounding_box(section)  # closing adds nothing beyond it
            away = ndimage.distance_transform_edt(~np.pad(section[box], border))
            closed = ndimage.distance_transform_edt(away <= disc) > disc
            near = away <= round(margin_mm / pixel_mm) + 0.5
            out[box] |= (closed & near)[border:-border, border:-border]
    return filled
