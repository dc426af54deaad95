"""A scan: HU as an array (z, y, x) with its spacing, read from NIfTI or DICOM, checked, and written back.

Whatever the file's own order, the array goes z caudal -> cranial, y anterior -> posterior, x patient right
-> left; a label map goes back in the scan's own order. What cannot be trusted is refused with a
`ScanError`, never repaired in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from study.scans.grid import Grid, ScanError
from study.scans.hounsfield import HIGHEST_HU, LOWEST_HU, HounsfieldCheck
from study.scans.labels import BACKGROUND, INFECTION, LUNG
from study.scans.nifti import is_folder, open_nifti, save_nifti
from study.scans.plausibility import body_notes

__all__ = [
    "HIGHEST_HU",
    "LOWEST_HU",
    "Scan",
    "ScanError",
    "mask_reader",
    "read_label_map",
    "read_lung_mask",
    "read_mask",
    "read_scan",
    "scan_from_array",
    "write_label_map",
    "write_mask",
    "write_scan",
]


@dataclass(frozen=True, eq=False)
class Scan:
    """One CT volume.

    Attributes
    ----------
    hu : numpy.ndarray
        int16 (z, y, x), in [-1024, 3071] HU.
    grid : Grid
        The file's own grid: what it takes to write a label map back in the scan's own order.
    path : pathlib.Path or None
        Where it was read from.
    notes : tuple of str
        What was done or left out on reading that a user should know; usually empty.
    """

    hu: np.ndarray
    grid: Grid
    path: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres in mm, (z, y, x)."""
        return self.grid.spacing_mm

    @property
    def affine(self) -> np.ndarray:
        """4x4, index in the voxel order on disk -> RAS millimetres."""
        return self.grid.affine.copy()

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(np.prod(self.spacing_mm)) / 1000.0


def read_scan(path) -> Scan:
    """Read a CT from a NIfTI file (.nii, .nii.gz) or from a folder that holds one DICOM series.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Scan
        HU rounded to the nearest integer (halves to even) and clipped to [-1024, 3071].

    Raises
    ------
    ScanError
        If the file or folder is missing, damaged, no CT, or could be read in more than one way: no or two
        orientations or spacings, four dimensions (trailing ones of length 1 are dropped), one slice only,
        NaN, shear, a tilt above 30 degrees, more than one DICOM series, a slice missing, duplicated or unlike
        the others, numbers that are not HU.

    Notes
    -----
    A DICOM file has no checksum: bytes that changed inside its pixels show only where the decoder stumbles.
    """
    path = Path(path)
    try:
        return _read(path)
    except ScanError:
        raise
    except Exception as error:  # whatever it is, it concerns this file alone
        raise ScanError.of(error, path) from error


def _read(path: Path) -> Scan:
    if is_folder(path):
        from study.scans.dicom import open_series  # NIfTI needs no pydicom

        volume = open_series(path)
    else:
        volume = open_nifti(path, is_scan=True)
    grid = volume.grid
    grid.check(path)
    n_i, n_j, n_k = grid.shape
    hu = _empty((n_k, n_j, n_i), np.int16, path)
    check = HounsfieldCheck(path)
    for k, section in enumerate(volume.sections()):
        hu[k] = check.to_int16(section, f"section {k + 1} of {n_k}")
    check.verdict()
    hu = grid.to_zyx(hu.transpose())
    notes = [*getattr(volume, "notes", ()), *body_notes(path, hu, grid.spacing_mm)]
    return Scan(hu, grid, path, tuple(notes))


def read_mask(path, scan: Scan) -> np.ndarray:
    """Read a mask (0 and 1) on a scan's grid.

    Returns
    -------
    numpy.ndarray
        bool (z, y, x), in the order of `scan.hu`. A mask without a voxel set is allowed.

    Raises
    ------
    ScanError
        If the file is missing or damaged, lies on another grid than the scan, or holds other values than 0
        and 1.
    """
    return _read_labels(path, scan, 1, "give a mask of 0 and 1, with one file per structure").astype(bool)


def read_lung_mask(path, scan: Scan) -> np.ndarray:
    """Read a lung mask on a scan's grid: 0 outside the lungs and 1 inside, or 1 and 2 for two parts of them.

    The two parts are right and left lung in public data sets, lung and infection in a label map of `study measure`.

    Returns
    -------
    numpy.ndarray
        bool (z, y, x), in the order of `scan.hu`, both parts together.

    Raises
    ------
    ScanError
        As `read_mask`, for other values than 0, 1 and 2.
    """
    return _read_labels(path, scan, 2, "a lung mask holds 0 outside the lungs and 1, or 1 and 2, in them").astype(bool)


def mask_reader(column: str):
    """The function that reads the masks of a column of the scan table."""
    return read_lung_mask if column == "lung_mask" else read_mask


def read_label_map(path, scan: Scan) -> np.ndarray:
    """Read a label map (0 background, 1 lung, 2 infection) on a scan's grid.

    Returns
    -------
    numpy.ndarray
        uint8 (z, y, x), in the order of `scan.hu`.

    Raises
    ------
    ScanError
        As `read_mask`, for other values than 0, 1 and 2.
    """
    return _read_labels(path, scan, INFECTION, "a label map holds 0 (background), 1 (lung) and 2 (infection)")


def write_label_map(path, label_map: np.ndarray, scan: Scan) -> None:
    """Write a label map as uint8 NIfTI on the scan's own grid: its order, shape and affine.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in .nii or .nii.gz.
    label_map : numpy.ndarray
        (z, y, x) of 0 background, 1 lung, 2 infection; the shape of `scan.hu`.
    scan : Scan
        The header takes the grid from it and nothing else: no name, no date, no description.
    """
    label_map = _on_scan(label_map, scan, path)
    if label_map.size and not np.isin(np.unique(label_map), (BACKGROUND, LUNG, INFECTION)).all():
        raise ValueError(
            f"{path}: a label map holds 0, 1 and 2 only, and this one holds {np.unique(label_map)[:8].tolist()}"
        )
    save_nifti(path, scan.grid.to_stored(label_map.astype(np.uint8)), scan.affine)


def write_mask(path, mask: np.ndarray, scan: Scan) -> None:
    """Write a bool (z, y, x) mask as uint8 NIfTI of 0 and 1 on the scan's own grid."""
    mask = _on_scan(mask, scan, path)
    if mask.dtype != bool and not np.isin(np.unique(mask), (0, 1)).all():
        raise ValueError(f"{path}: a mask holds 0 and 1 only, and this one holds {np.unique(mask)[:8].tolist()}")
    save_nifti(path, scan.grid.to_stored(mask.astype(np.uint8)), scan.affine)


def scan_from_array(hu: np.ndarray, spacing_mm) -> Scan:
    """Make a Scan of an array (z, y, x) in HU and its spacing in mm, placed as `write_scan` places it."""
    hu = np.asarray(hu)
    if hu.ndim != 3:
        raise ValueError(f"a scan has three axes (z, y, x), and this array has {hu.ndim}: {hu.shape}")
    spacing_mm = tuple(float(s) for s in spacing_mm)
    if len(spacing_mm) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm is three positive lengths (z, y, x), not {spacing_mm}")
    if not np.isfinite(hu).all():
        raise ValueError(
            "the array holds values that are not finite; replace them by HU, such as -1024 outside the patient"
        )
    if hu.dtype != np.int16:
        hu = np.rint(hu)
    return Scan(np.clip(hu, LOWEST_HU, HIGHEST_HU).astype(np.int16), Grid.of_array(hu.shape, spacing_mm))


def write_scan(path, hu: np.ndarray, spacing_mm) -> Scan:
    """Write an array (z, y, x) in HU as int16 NIfTI.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in .nii or .nii.gz.
    hu : numpy.ndarray
        (z, y, x), rounded to the nearest integer and clipped to [-1024, 3071].
    spacing_mm : tuple of float
        (z, y, x).

    Returns
    -------
    Scan
        What `read_scan` gives back, so that `write_mask` can follow without reading the file.
    """
    scan = scan_from_array(hu, spacing_mm)
    save_nifti(path, scan.grid.to_stored(scan.hu), scan.affine)
    return Scan(scan.hu, scan.grid, Path(path))


def _read_labels(path, scan: Scan, highest: int, remedy: str) -> np.ndarray:
    path = Path(path)
    volume = open_nifti(path)
    if difference := volume.grid.differs_from(scan.grid):
        raise ScanError(
            path,
            f"the mask is on another grid than {scan.path.name if scan.path else 'the scan'}: {difference}",
            "draw or resample it on the scan's own grid (nearest neighbour)",
        )
    n_i, n_j, n_k = volume.grid.shape
    labels = _empty((n_k, n_j, n_i), np.uint8, path)
    for k, section in enumerate(volume.sections()):
        is_whole = volume.is_integer or (section == np.rint(section)).all()
        if not (is_whole and 0 <= section.min() and section.max() <= highest):
            found = ", ".join(f"{value:g}" for value in np.unique(section)[:6])
            raise ScanError(path, f"the mask holds other values than 0 to {highest} (section {k + 1}: {found})", remedy)
        labels[k] = section
    return volume.grid.to_zyx(labels.transpose())


def _empty(shape, dtype, path: Path) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):  # ValueError: more bytes than can be addressed
        size = " x ".join(map(str, shape))
        raise ScanError(
            path, f"a volume of {size} voxels does not fit in memory", "crop or resample the scan"
        ) from None


def _on_scan(array: np.ndarray, scan: Scan, path) -> np.ndarray:
    array = np.asarray(array)
    if array.shape != scan.hu.shape:
        raise ValueError(f"{path}: the mask has shape {array.shape} and its scan {scan.hu.shape}; both are (z, y, x)")
    return array
