"""NIfTI files, read so that a damaged one is noticed, and written under a temporary name first.

nibabel knows the header; the voxels are read here, section by section, because nibabel stops at the last
voxel it needs and so never reaches the checksum at the end of a .nii.gz.
"""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from study.files import whole
from study.scans.grid import CONVERT_AGAIN, Grid, ScanError, in_mm

if TYPE_CHECKING:  # else where it is used: with pydicom it takes a sixth of a second, and many processes read tables
    import nibabel

SUFFIXES = (".nii", ".nii.gz")
_COPY = "copy or download the file again"
_LARGEST_GZIP_RATIO = 1040  # deflate cannot do better than 1032 to 1
_SCAN_GZIP_RATIO = 200  # a measured volume has noise: at most 40 to 1, even as float64 with the outside blanked
_SMALL_BYTES = 64 << 20  # whatever unpacks to no more than this may be as regular as it likes


@dataclass(frozen=True, eq=False)
class NiftiFile:
    """An opened NIfTI file: its header was read and checked, its voxels not yet.

    Attributes
    ----------
    path : pathlib.Path
    grid : Grid
        Shape (i, j, k) and affine as stored. Trailing axes of length one are dropped.
    """

    path: Path
    grid: Grid
    _header: nibabel.Nifti1Header

    @property
    def is_integer(self) -> bool:
        """Whether the stored values are whole numbers with no scaling."""
        return self._header.get_data_dtype().kind in "iu" and self._scaling() == (1.0, 0.0)

    def _scaling(self) -> tuple[float, float]:
        slope, intercept = (float(self._header[name]) for name in ("scl_slope", "scl_inter"))
        if not np.isfinite(slope) or slope == 0:  # in NIfTI this means: no scaling
            return 1.0, 0.0
        if not np.isfinite(intercept):
            raise ScanError(self.path, f"the header scales the values by {slope:g} + {intercept}", CONVERT_AGAIN)
        return slope, intercept

    def sections(self) -> Iterator[np.ndarray]:
        """Yield the sections k = 0, 1, ... as (j, i) arrays, scaled as the header says, float64 or int64.

        Raises ScanError, at the latest after the last section, if the file ends early or its checksum is
        wrong.
        """
        n_i, n_j, n_k = self.grid.shape
        dtype = self._header.get_data_dtype()
        slope, intercept = self._scaling()
        section = np.empty((n_j, n_i), dtype)
        with _opened(self.path) as file:
            _skip(file, int(self._header["vox_offset"]), self.path)
            for k in range(n_k):
                _fill(file, section, self.path, f"in section {k + 1} of {n_k}")
                if self.is_integer:
                    yield section.astype(np.int64)
                    continue
                with np.errstate(all="ignore"):  # an overflow becomes infinity, which the caller refuses
                    scaled = section * np.float64(slope) + intercept
                yield scaled
            left = 0
            while chunk := _read(file, 1 << 20, self.path):  # gzip compares its checksum only at the very end
                left += len(chunk)
        if left:
            raise ScanError(self.path, f"the file holds {left:,} bytes more than its header says", CONVERT_AGAIN)


def open_nifti(path, is_scan: bool = False) -> NiftiFile:
    """Open a NIfTI-1 or NIfTI-2 file (.nii or .nii.gz, recognised by content) and check its header.

    Parameters
    ----------
    path : str or pathlib.Path
    is_scan : bool
        Whether it holds measured values, which compress less than a mask: what would unpack to more than
        64 MiB and 200 times its size is then refused.

    Raises
    ------
    ScanError
        If it is missing, empty, shorter than its header says, no NIfTI, not three-dimensional (trailing
        axes of length one are allowed and dropped), of an unusable data type, or says nothing or two things
        about orientation or spacing.
    """
    path = Path(path)
    _check_there(path)
    header = _read_header(path)
    shape = tuple(int(n) for n in header.get_data_shape())
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise ScanError(
            path,
            f"the volume has {len(shape)} dimensions ({' x '.join(map(str, shape))})",
            "give one three-dimensional scan; split a time series or a multi-channel file first",
        )
    if min(shape) < 1:
        raise ScanError(path, f"the header gives a shape of {' x '.join(map(str, shape))} voxels", CONVERT_AGAIN)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ScanError(
            path,
            f"the voxels are stored as {dtype}, not as plain numbers",
            "convert to 16-bit integers in HU",
        )
    _check_length(path, int(header["vox_offset"]) + dtype.itemsize * int(np.prod(shape, dtype=object)), is_scan)
    grid = Grid(shape, _affine(header, path))
    return NiftiFile(path, grid, header)


def save_nifti(path, stored: np.ndarray, affine: np.ndarray) -> None:
    """Write an (i, j, k) array with its affine; the file appears under its name only when complete.

    The same array gives the same bytes. The header carries nothing but shape, type, unit and affine.
    """
    import nibabel

    path = Path(path)
    if not path.name.endswith(SUFFIXES):
        raise ValueError(f"{path}: a NIfTI file is named .nii or .nii.gz; rename it")
    image = nibabel.Nifti1Image(stored, affine, dtype=stored.dtype)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    with whole(path) as partial:
        nibabel.save(image, partial)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; ScanError if there is nothing under that name."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        remedy = "check the path, which starts at the working directory or, in a table, at the table's folder"
        raise ScanError(path, "there is no such file or folder", remedy) from None
    except (OSError, ValueError) as error:  # a report pasted into the column of paths is too long for a name
        reason = getattr(error, "strerror", None) or error
        raise ScanError(path, f"the path cannot be used ({reason})", "check the path and its permissions") from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise ScanError(path, "this is neither a file nor a folder", "check the path")
    return stat.S_ISDIR(mode)


def _check_there(path: Path) -> None:
    if is_folder(path):
        raise ScanError(path, "this is a folder, and a NIfTI file is expected", "name the .nii or .nii.gz file")
    if path.stat().st_size == 0:
        raise ScanError(path, "the file is empty", _COPY)


def _opened(path: Path):
    try:
        with open(path, "rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        return gzip.open(path, "rb") if is_gzip else open(path, "rb")
    except OSError as error:
        raise ScanError(path, f"the file cannot be opened ({error.strerror})", "check its permissions") from None


def _read(file, n: int, path: Path) -> bytes:
    try:
        return file.read(n)
    except EOFError:
        raise ScanError(path, "the compressed file ends too early: it is truncated", _COPY) from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ScanError(path, f"the compressed file is damaged ({error})", _COPY) from None
    except OSError as error:
        raise ScanError(path, f"the file cannot be read ({error.strerror})", _COPY) from None


def _skip(file, n: int, path: Path) -> None:
    while n > 0:
        got = len(_read(file, min(n, 1 << 20), path))
        if got == 0:
            raise ScanError(path, "the file ends in its header: it is truncated", _COPY)
        n -= got


def _fill(file, section: np.ndarray, path: Path, where: str) -> None:
    view = memoryview(section).cast("B")
    filled = 0
    while filled < len(view):
        chunk = _read(file, len(view) - filled, path)
        if not chunk:
            raise ScanError(path, f"the file ends {where}: it is truncated", _COPY)
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)


def _check_length(path: Path, wanted: int, is_scan: bool) -> None:
    """Refuse a file that cannot hold what its header promises, before any memory is allocated."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    size = path.stat().st_size
    if (size < wanted and not is_gzip) or size * _LARGEST_GZIP_RATIO < wanted:
        raise ScanError(
            path,
            f"it is truncated: the header promises {wanted:,} bytes, and there are {size:,}"
            + (" compressed" if is_gzip else ""),
            _COPY,
        )
    if is_scan and wanted > max(size * _SCAN_GZIP_RATIO, _SMALL_BYTES):
        raise ScanError(
            path,
            f"{size:,} bytes would unpack to {wanted:,}, and no CT is compressed more than {_SCAN_GZIP_RATIO} times",
            "give the scan as it was measured",
        )


def _read_header(path: Path):
    import nibabel

    with _opened(path) as file:
        start = _read(file, 540, path)
    for cls, size, magics in (
        (nibabel.Nifti1Header, 348, (b"n+1\0",)),
        (nibabel.Nifti2Header, 540, (b"n+2\0",)),
    ):
        for endianness in "<>":
            if start[:4] != size.to_bytes(4, "little" if endianness == "<" else "big"):
                continue
            if len(start) < size:
                raise ScanError(path, "the file ends in its header: it is truncated", _COPY)
            magic = start[344:348] if size == 348 else start[4:8]
            if magic not in magics:
                raise ScanError(
                    path,
                    "this is the header of a two-file or Analyze image, which may not distinguish left from right",
                    "convert it to one .nii.gz file",
                )
            return _parsed(cls, start[:size], endianness, path)
    if start[128:132] == b"DICM":
        raise ScanError(path, "this is one DICOM file, not a scan", "give the folder that holds the whole series")
    if start[:2] == b"PK":
        raise ScanError(path, "this is a zip archive", "unpack it and give the NIfTI file or the DICOM folder inside")
    raise ScanError(
        path,
        "this is not a NIfTI file",
        "give a .nii or .nii.gz file, or a folder that holds one DICOM series",
    )


def _parsed(cls, binary: bytes, endianness: str, path: Path):
    try:
        header = cls(binary, endianness=endianness, check=False)
        header.get_data_dtype()
        header.get_data_shape()
        if not np.isfinite(header["vox_offset"]) or header["vox_offset"] < len(binary):
            raise ValueError(f"voxels at byte {header['vox_offset']}")
    except Exception as error:  # nibabel raises errors of many kinds, each of which means: not a usable header
        raise ScanError(path, f"the NIfTI header cannot be used ({error})", CONVERT_AGAIN) from None
    return header


def _affine(header, path: Path) -> np.ndarray:
    """Take the sform, else the qform; refuse a header without either, or one that contradicts itself."""
    import nibabel

    pixdim = header["pixdim"][1:4].astype(float)
    if not np.isfinite(pixdim).all() or (pixdim <= 0).any():
        raise ScanError(
            path, f"the header gives a spacing of {in_mm(pixdim)}, and a spacing must be positive", CONVERT_AGAIN
        )
    units = int(header["xyzt_units"]) & 7
    if units not in (0, 2):
        unit = {1: "metres", 3: "micrometres"}.get(units, f"code {units}")
        raise ScanError(path, f"the header gives lengths in {unit}", "write the file in millimetres")
    sform = header.get_sform().astype(float) if int(header["sform_code"]) > 0 else None
    qform = _qform(header, path) if int(header["qform_code"]) > 0 else None
    affine = qform if sform is None else sform
    if affine is None:
        raise ScanError(path, "the header does not give the orientation (no sform, no qform)", CONVERT_AGAIN)
    if np.isfinite(affine).all():
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        if (spacing > 0).all() and not np.allclose(spacing, pixdim, rtol=0.01):
            raise ScanError(
                path,
                f"the header gives two voxel sizes: {in_mm(pixdim)} (pixdim) and {in_mm(spacing)} (affine)",
                CONVERT_AGAIN,
            )
        if (spacing > 0).all() and sform is not None and qform is not None:
            by_sform, by_qform = ("".join(nibabel.aff2axcodes(form)) for form in (sform, qform))
            if by_sform != by_qform:
                raise ScanError(
                    path,
                    f"the header gives two orientations: {by_sform} (sform) and {by_qform} (qform)",
                    CONVERT_AGAIN,
                )
    return affine


def _qform(header, path: Path) -> np.ndarray:
    if header["pixdim"][0] == 0:  # the definition of NIfTI-1: "if qfac is 0, take 1"
        header["pixdim"][0] = 1
    try:
        qform = header.get_qform().astype(float)
        if not np.isfinite(qform).all():
            raise ValueError("it holds values that are not finite")
        return qform
    except Exception as error:  # a quaternion longer than one
        raise ScanError(path, f"the qform cannot be used ({error})", CONVERT_AGAIN) from None
