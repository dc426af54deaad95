"""Whether the lesions of the phantom are as numerous and as widely spread as real ones of the same volume.

Experts delineated the infection of 50 patients' scans of class CT-1 in 8 mm sections (MosMedData, Morozov et al., 2020;
0.78 mm pixels): those masks are the reference here. Kept of them are the quartiles below, no mask and no image. They
come without their CT, so quantities that need the lung, such as the distance of a lesion to the pleura, cannot be
compared; those that need only the mask can.

Volumes are matched, so they agree by construction, and the lesions were tuned until their number did. That says how
well the phantom fits these masks; no others were kept apart to test it.

The number of lesions depends on the pixel size, since an expert's delineation leaves specks of a few pixels next to a
lesion. Both sides are therefore counted on pixels of about 2.7 mm. The lesions were tuned at 512 x 512 pixels: there
the phantom has a median of 49 lesions in 20 scans, and the experts' masks 60.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.special import expit, logit, ndtri
from tqdm import tqdm

from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.scans.grid import ScanError
from study.scans.nifti import open_nifti

SECTION_MM, PIXEL_MM = 8.0, 2.7
# First quartile, median, third quartile of the expert masks, by `measure_lesions` on pixels of PIXEL_MM.
N_EXPERT_MASKS = 50
SOURCE = (
    "Masks: MosMedData (Morozov et al., doi:10.1101/2020.05.20.20100362; CC BY-NC-ND 3.0). Extents were chosen to "
    "match their volumes, so that (a) agrees by construction, and lesions were tuned to their number (b); tests want "
    "the medians of (b) and (c) within 30 % of theirs."
)
EXPERT_QUARTILES = {
    "volume_ml": (26.9, 65.9, 109.3),
    "n_lesions": (11.0, 24.5, 44.2),
    "n_sections": (10.2, 15.0, 20.8),
    "lesser_side": (0.042, 0.223, 0.344),
}
# Infected fraction of the lung, median and SD of its log-odds, that gives scans of the masks' volumes.
CT1_EXTENT = (0.0155, 1.06)


def measure_lesions(mask: np.ndarray, spacing_mm) -> dict:
    """Sizes of the lesions of one mask.

    Parameters
    ----------
    mask : ndarray of bool (z, y, x)
    spacing_mm : tuple of float (z, y, x)

    Returns
    -------
    dict
        volume_ml; n_lesions, pieces whose voxels share a face (6 neighbours); n_sections that hold any;
        lesser_side (0..0.5), the share of the volume in the half of the image, right or left, that holds
        less of it (NaN for an empty mask).
    """
    middle = mask.shape[2] / 2
    right = np.clip(middle - np.arange(mask.shape[2]), 0, 1)
    n = np.count_nonzero(mask)
    share = float(mask.sum(axis=(0, 1)) @ right) / n if n else np.nan
    return dict(
        volume_ml=n * float(np.prod(spacing_mm)) / 1000,
        n_lesions=ndimage.label(mask)[1],
        n_sections=int(mask.any(axis=(1, 2)).sum()),
        lesser_side=min(share, 1 - share),
    )


def simulate_lesions(n_scans: int = 16, matrix: int = 128, seed: int = 1) -> pd.DataFrame:
    """Measure the lesions of simulated scans whose infection is as large as that of the expert masks.

    Parameters
    ----------
    n_scans : int
        Each of another adult. Their extents are spread evenly over the ranks of `CT1_EXTENT`, so the volumes
        agree by construction; number and spread of the lesions do not.
    matrix : int
        Pixels across and down of 350 mm; 128 are of PIXEL_MM.
    seed : int

    Returns
    -------
    DataFrame
        The columns of `measure_lesions`, one row per scan.
    """
    protocol = Protocol(matrix=matrix, slice_thickness_mm=SECTION_MM, increment_mm=SECTION_MM)
    rows = []
    for k in tqdm(range(n_scans), desc="simulate lesions", unit="scan"):
        median, spread = CT1_EXTENT
        extent = expit(logit(median) + spread * ndtri((k + 0.5) / n_scans))
        who = Habitus(("female", "male")[k % 2], 25.0 + 50 * ((k * 0.618) % 1))
        scan = simulate_scan((seed, k), 1, who, Disease(extent=float(extent)), protocol)
        rows.append(measure_lesions(scan.infection_mask, scan.spacing_mm))
    return pd.DataFrame(rows)


def read_lesions(folder) -> pd.DataFrame:
    """Measure the lesions of every mask (NIfTI) in a folder, on pixels of about `PIXEL_MM`.

    Parameters
    ----------
    folder : str or Path
        Masks of 0 and 1, such as the folder `masks` of MosMedData.

    Returns
    -------
    DataFrame
        mask (the file's name) and the columns of `measure_lesions`, one row per mask.

    Raises
    ------
    FileNotFoundError
        If there is no mask in the folder.
    ScanError
        If a file is damaged or not a mask.
    """
    paths = sorted(path for path in Path(folder).glob("*") if path.name.endswith((".nii", ".nii.gz")))
    if not paths:
        raise FileNotFoundError(f"no mask (.nii or .nii.gz) is in {folder}; give the folder that contains the masks")
    rows = []
    for path in tqdm(paths, desc="read expert masks", unit="mask"):
        volume = open_nifti(path)
        sections = np.stack([_checked(section, path) for section in volume.sections()])
        mask, spacing_mm = merge_pixels(volume.grid.to_zyx(sections.transpose()), volume.grid.spacing_mm)
        rows.append(dict(mask=path.name) | measure_lesions(mask, spacing_mm))
    return pd.DataFrame(rows)


def merge_pixels(mask: np.ndarray, spacing_mm) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Merge the pixels of each section to about `PIXEL_MM`: infected where at least half of them are."""
    by = [max(1, round(PIXEL_MM / step)) for step in spacing_mm[1:]]
    (n_y, n_x), (y, x) = (n // k * k for n, k in zip(mask.shape[1:], by, strict=True)), by
    share = mask[:, :n_y, :n_x].reshape(len(mask), n_y // y, y, n_x // x, x).mean(axis=(2, 4))
    return share >= 0.5, (spacing_mm[0], spacing_mm[1] * y, spacing_mm[2] * x)


def _checked(section: np.ndarray, path: Path) -> np.ndarray:
    if not np.isin(section, (0, 1)).all():
        raise ScanError(path, "it contains values other than 0 and 1", "give masks: 1 infected, 0 everything else")
    return section > 0
