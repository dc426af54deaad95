"""A folder with one DICOM series of CT slices, sorted; refused where a slice is missing or duplicated.

pydicom reads the headers and uncompressed pixels; SimpleITK's GDCM decodes compressed pixels. Only the part of a
header that geometry and pixel format need is read, and nothing that describes a person is read or reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from study.scans.dicom_pixels import hounsfield, padding_in_tissue, read_dicom
from study.scans.grid import Grid, ScanError

_TAGS = [
    "SOPClassUID",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "AcquisitionNumber",
    "ConvolutionKernel",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "LossyImageCompression",
]
_NEEDED = [
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
]
_CT_CLASSES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1")
_SIEMENS_RAW_DATA = "1.3.12.2.1107.5.9.1"
_DICOM_SUFFIXES = ("", ".dcm", ".dicom", ".ima")
UNEVEN = 0.1  # of the slice spacing: how far a slice may lie from its place
DRIFT_MM = 1.0  # how far a slice may lie beside the straight line through the others
_SEND_AGAIN = "export or copy the series again"


@dataclass(frozen=True, eq=False)
class _Slice:
    path: Path
    header: pydicom.Dataset

    @property
    def position(self) -> np.ndarray:
        return np.array(self.header.ImagePositionPatient, float)


@dataclass(frozen=True, eq=False)
class DicomSeries:
    """One series, its slices in order along their normal; the pixels not read yet.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    grid : study.scans.grid.Grid
        Shape (columns, rows, slices) and affine, in RAS millimetres.
    notes : tuple of str
        What was left out or is worth knowing: files that are not slices, lossy compression.
    """

    path: Path
    grid: Grid
    notes: tuple[str, ...]
    _slices: list[_Slice]

    def sections(self) -> Iterator[np.ndarray]:
        """Yield the slices in order as (rows, columns) arrays in HU, float64; padding is -1024.

        Raises ScanError for a slice that is truncated or whose compression cannot be decoded.
        """
        for each in self._slices:
            yield hounsfield(each.path, each.header)


def open_series(folder) -> DicomSeries:
    """Find the one series in a folder, sort its slices by position and check that they make a volume.

    Files that are not DICOM are left out and named in `notes`; folders inside are not searched.

    Raises
    ------
    ScanError
        If there is no DICOM file or more than one series, if a slice is missing, duplicated, truncated or
        unlike the others, or if a header lacks what a volume in millimetres and HU needs.
    """
    folder = Path(folder)
    slices, beside = _find_slices(folder)
    _check_one_series(folder, slices)
    for each in slices:
        _check_header(each)
    _check_alike(slices)
    if len(slices) == 1:
        raise ScanError(
            folder,
            f"the series is a single slice ({slices[0].path.name})",
            "give the folder with the whole series",
        )
    slices, affine = _in_order(folder, slices)
    first = slices[0].header
    notes = []
    if beside:
        notes.append(f"left out {_count(len(beside), 'file')} beside the slices: {_some(beside)}")
    if any(str(s.header.get("LossyImageCompression", "")) == "01" for s in slices):
        notes.append("the pixels were compressed with a lossy method")
    if len({(float(s.header.RescaleSlope), float(s.header.RescaleIntercept)) for s in slices}) > 1:
        notes.append("rescale slope and intercept are not the same in all slices")
    if any(padding_in_tissue(s.header) for s in slices):
        notes.append("the padding value lies among tissue values and was left unchanged")
    grid = Grid((int(first.Columns), int(first.Rows), len(slices)), affine)
    return DicomSeries(folder, grid, tuple(notes), slices)


def _some(names, most: int = 5) -> str:
    names = [getattr(name, "name", str(name)) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _find_slices(folder: Path) -> tuple[list[_Slice], list[Path]]:
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.name != "Thumbs.db" and p.name[0] != ".")
    except OSError as error:
        raise ScanError(folder, f"the folder cannot be read ({error.strerror})", "check its permissions") from None
    slices, beside = [], []
    for path in files:
        header = _header(path)
        if header is None or not _is_image(path, header):
            beside.append(path)
        else:
            slices.append(_Slice(path, header))
    if not slices:
        inside = sorted(p.name for p in folder.iterdir() if p.is_dir())
        raise ScanError(
            folder,
            "there is no DICOM image in this folder" + (f", only the folders {_some(inside)}" if inside else ""),
            "give the folder that holds the slices themselves, or a NIfTI file",
        )
    return slices, beside


def _header(path: Path) -> pydicom.Dataset | None:
    """Read what is needed of a header; None if the file is not DICOM and is not named like one."""
    suffix = path.suffix.lower()
    if path.stat().st_size == 0 and (suffix in _DICOM_SUFFIXES or suffix[1:].isdigit()):
        raise ScanError(path, "the file is empty", _SEND_AGAIN)
    try:
        return read_dicom(path, stop_before_pixels=True, specific_tags=_TAGS)
    except InvalidDicomError:
        if suffix in _DICOM_SUFFIXES[1:]:
            raise ScanError(path, "this is not a DICOM file, or its start is damaged", _SEND_AGAIN) from None
        return None
    except OSError as error:
        raise ScanError(path, f"the file cannot be read ({error.strerror})", "check it") from None
    except Exception as error:  # on a damaged header pydicom raises errors of many kinds
        kind = type(error).__name__
        raise ScanError(path, f"the DICOM header is damaged ({kind})", _SEND_AGAIN) from None


def _is_image(path: Path, header: pydicom.Dataset) -> bool:
    """Whether a file is a slice, and no report, DICOMDIR or raw data; pydicom accepts a truncated header."""
    if header.get("Rows") is not None and header.get("Columns") is not None:
        return True
    kind = header.file_meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID") or ""
    kind = UID(str(kind), validation_mode=pydicom.config.IGNORE)  # in a damaged header it may be any text
    is_known = kind == _SIEMENS_RAW_DATA or kind.name != kind
    if not is_known or kind in _CT_CLASSES:
        raise ScanError(path, "the header ends before Rows and Columns: the file is truncated", _SEND_AGAIN)
    return False


def _check_one_series(folder: Path, slices: list[_Slice]) -> None:
    series: dict[str, list[_Slice]] = {}
    for each in slices:
        series.setdefault(str(each.header.get("SeriesInstanceUID", "") or ""), []).append(each)
    if len(series) == 1:
        return
    lines = []
    for members in series.values():
        header = members[0].header
        facts = [
            f"{len(members)} files such as {members[0].path.name}",
            str(header.get("Modality") or "no modality"),
        ]
        if header.get("SliceThickness"):
            facts.append(f"slices {header.SliceThickness} mm thick")
        if header.get("ConvolutionKernel"):
            facts.append(f"kernel {header.ConvolutionKernel}")
        if header.get("SeriesNumber") is not None:
            facts.append(f"series number {header.SeriesNumber}")
        lines.append(", ".join(facts))
    listed = "; ".join(f"({n}) {line}" for n, line in enumerate(lines, 1))
    raise ScanError(
        folder,
        f"the folder holds {len(series)} series: {listed}",
        "put the files of one series in a folder of their own and give that folder",
    )


def _check_header(each: _Slice) -> None:
    """Refuse a slice whose header does not define geometry, HU or pixel format."""
    header, path = each.header, each.path
    modality = header.get("Modality")
    if modality and modality != "CT":
        raise ScanError(path, f"its modality is {modality}, not CT", "give a folder that holds one CT series")
    if not modality and header.get("SOPClassUID") not in _CT_CLASSES:
        raise ScanError(path, "the header does not say that this is a CT", "give a folder that holds one CT series")
    if int(header.get("NumberOfFrames") or 1) > 1 or header.get("SOPClassUID") == _CT_CLASSES[1]:
        raise ScanError(
            path,
            "this is a multi-frame DICOM file, which is not supported",
            "convert it to NIfTI (dcm2niix does)",
        )
    missing = [tag for tag in _NEEDED if header.get(tag) is None or header.get(tag) == ""]
    if missing:
        raise ScanError(path, f"the header lacks {', '.join(missing)}", "export the series again with its full header")
    wanted = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
    for tag, n in wanted.items():
        try:
            values = np.array(header.get(tag), float)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.shape != (n,) or not np.isfinite(values).all():
            raise ScanError(path, f"{tag} is not {n} numbers", "export the series again with its full header")
    if min(header.PixelSpacing) <= 0:
        raise ScanError(path, f"PixelSpacing is {list(map(float, header.PixelSpacing))}", "export the series again")
    try:
        slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    except (TypeError, ValueError):
        slope = intercept = np.nan
    if not (np.isfinite(slope) and np.isfinite(intercept)) or slope == 0:
        raise ScanError(
            path,
            f"the rescale slope {slope:g} or intercept {intercept:g} gives no HU",
            "export the series again",
        )
    if header.get("SamplesPerPixel", 1) != 1 or header.get("PhotometricInterpretation", "MONOCHROME2") != "MONOCHROME2":
        raise ScanError(
            path,
            f"the pixels are {header.get('PhotometricInterpretation')}, an image for display and not a CT slice",
            "give the original series, without screenshots and localisers",
        )
    if header.get("BitsAllocated") not in (8, 16, 32) or header.get("PixelRepresentation") not in (0, 1):
        raise ScanError(path, "the header does not say how the pixels are stored", _SEND_AGAIN)
    row, column = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
    if abs(row @ row - 1) > 0.01 or abs(column @ column - 1) > 0.01 or abs(row @ column) > 0.01:
        raise ScanError(path, "ImageOrientationPatient is not two perpendicular directions", "export the series again")


def _check_alike(slices: list[_Slice]) -> None:
    first = slices[0]
    for each in slices[1:]:
        for tag, tolerance in (
            ("Rows", 0),
            ("Columns", 0),
            ("PixelRepresentation", 0),
            ("BitsAllocated", 0),
            ("PixelSpacing", 1e-4),
            ("ImageOrientationPatient", 1e-3),
        ):
            ours, theirs = (np.array(s.header.get(tag), float) for s in (each, first))
            if np.abs(ours - theirs).max() > tolerance:
                raise ScanError(
                    each.path,
                    f"its {tag} is {ours.tolist()} and that of {first.path.name} {theirs.tolist()}",
                    "give a folder whose slices are all alike, without localisers or second reconstructions",
                )


def _in_order(folder: Path, slices: list[_Slice]) -> tuple[list[_Slice], np.ndarray]:
    """Sort along the normal; refuse duplicated, missing and uneven slices; return them with the affine (RAS)."""
    header = slices[0].header
    row, column = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(row, column)
    slices = sorted(slices, key=lambda s: s.position @ normal)
    positions = np.array([s.position for s in slices])
    along = positions @ normal
    steps = np.diff(along)
    apart = steps[steps > 0.01]
    step = float(np.median(apart)) if len(apart) else 0.0
    doubled = np.flatnonzero(steps <= max(0.01, 0.1 * step))
    if len(doubled):
        pairs = [f"{slices[k].path.name} and {slices[k + 1].path.name} at {along[k]:.2f} mm" for k in doubled]
        raise ScanError(
            folder,
            f"{_count(len(doubled), 'slice')} duplicated: {_some(pairs, 3)}",
            "keep one file per position; put a second reconstruction or copy in a folder of its own",
        )
    wide = np.flatnonzero(steps > 1.5 * step)
    if len(wide):
        gaps = [
            f"{max(1, round(steps[k] / step) - 1)} between {slices[k].path.name} ({along[k]:.2f} mm) "
            f"and {slices[k + 1].path.name} ({along[k + 1]:.2f} mm)"
            for k in wide
        ]
        raise ScanError(
            folder,
            f"slices are missing: {_some(gaps, 3)}; the others are {step:.4g} mm apart",
            "export the whole series again",
        )
    vector = (positions[-1] - positions[0]) / (len(slices) - 1)
    astray = positions - (positions[0] + np.arange(len(slices))[:, None] * vector)
    off_place = np.abs(steps - step) > UNEVEN * step + 1e-3
    if off_place.any():
        k = int(np.argmax(np.abs(steps - step)))
        raise ScanError(
            folder,
            f"the slices are not evenly spaced: {slices[k].path.name} and {slices[k + 1].path.name} are "
            f"{steps[k]:.4g} mm "
            f"apart, the others {step:.4g} mm",
            "export the whole series again, or resample it to even sections",
        )
    beside = np.linalg.norm(astray - np.outer(astray @ normal, normal), axis=1)
    if beside.max() > DRIFT_MM:
        k = int(np.argmax(beside))
        raise ScanError(
            slices[k].path,
            f"the slice lies {beside.max():.1f} mm off the line through the others",
            "give a series with one field of view",
        )
    affine = np.eye(4)
    row_spacing, column_spacing = (float(s) for s in header.PixelSpacing)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = row * column_spacing, column * row_spacing, vector
    affine[:3, 3] = positions[0]
    return slices, np.diag(
        [-1.0, -1.0, 1.0, 1.0]
    ) @ affine  # DICOM counts to the left and back, NIfTI to the right and front
