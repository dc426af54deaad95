"""A folder with one DICOM series of CT slices, sorted; refused where a slice is missing or duplicated.

pydicom reads the headers and uncompressed pixels; SimpleITK's GDCM decodes compressed pixels. What a header must say
is in `study.scans.dicom_header`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from study.plural import count
from study.scans.dicom_header import CT_CLASSES, TAGS, check_header, is_lossy
from study.scans.dicom_pixels import has_pixels, hounsfield, is_bare, padding_in_tissue, read_dicom
from study.scans.grid import Grid, ScanError

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

    Files that are not DICOM are left out and counted in `notes`; folders inside are not searched.

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
        check_header(each.path, each.header)
    _check_alike(slices)
    _check_one_origin(folder, slices)
    if len(slices) == 1:
        raise ScanError(
            folder,
            f"the series is a single slice ({slices[0].path.name}), and a section is no volume",
            "give the folder with the whole series",
        )
    slices, affine = _in_order(folder, slices)
    first = slices[0].header
    parts = _check_acquisitions(folder, slices)
    notes = [parts] if parts else []
    if beside:
        notes.append(f"left out {count(len(beside), 'file')} beside the slices")  # their names may be a patient's
    if any(is_lossy(s.header) for s in slices):
        notes.append("the pixels were compressed with a lossy method")
    if len({(float(s.header.RescaleSlope), float(s.header.RescaleIntercept)) for s in slices}) > 1:
        notes.append("rescale slope and intercept are not the same in all slices")
    if any(str(s.header.get("RescaleType") or "").strip().upper() == "US" for s in slices):
        notes.append("the header leaves the unit of the values open (RescaleType US), and they are taken for HU")
    if any(padding_in_tissue(s.header) for s in slices):
        notes.append("the padding value lies among tissue values and was left unchanged")
    grid = Grid((int(first.Columns), int(first.Rows), len(slices)), affine)
    return DicomSeries(folder, grid, tuple(notes), slices)


def _some(names, most: int = 5) -> str:
    names = [getattr(name, "name", str(name)) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


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
        header = read_dicom(path, stop_before_pixels=True, specific_tags=TAGS)
        if header.preamble is None and not (header.get("Rows") and header.get("Columns")):
            raise InvalidDicomError
        return header
    except ScanError:
        raise
    except InvalidDicomError:
        if suffix in _DICOM_SUFFIXES[1:]:
            raise ScanError(path, "this is not a DICOM file, or its start is damaged", _SEND_AGAIN) from None
        return None
    except Exception as error:  # on a damaged header pydicom raises errors of many kinds, also OSError
        if isinstance(error, OSError) and error.strerror:
            raise ScanError(path, f"the file cannot be read ({error.strerror})", "check it") from None
        if is_bare(path) and suffix not in _DICOM_SUFFIXES[1:]:
            return None  # it starts like DICOM by chance
        if not has_pixels(path):
            raise ScanError(path, "the DICOM header is cut off: the file is truncated", _SEND_AGAIN) from None
        kind = type(error).__name__
        raise ScanError(path, f"the DICOM header is damaged ({kind})", _SEND_AGAIN) from None


def _is_image(path: Path, header: pydicom.Dataset) -> bool:
    """Whether a file is a slice, and no report, DICOMDIR or raw data; pydicom accepts a truncated header."""
    if header.get("Rows") is not None and header.get("Columns") is not None:
        return True
    kind = header.file_meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID") or ""
    kind = UID(str(kind), validation_mode=pydicom.config.IGNORE)  # in a damaged header it may be any text
    is_known = kind == _SIEMENS_RAW_DATA or kind.name != kind
    if not is_known or kind in CT_CLASSES:
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


def _check_alike(slices: list[_Slice]) -> None:
    """Refuse a slice of another shape than the majority, such as a localizer, and name that one."""
    for tag, tolerance in (
        ("Rows", 0),
        ("Columns", 0),
        ("PixelRepresentation", 0),
        ("BitsAllocated", 0),
        ("PixelSpacing", 1e-4),
        ("ImageOrientationPatient", 1e-3),
    ):
        values = np.array([np.atleast_1d(np.array(each.header.get(tag), float)) for each in slices])
        usual = np.sort(values, axis=0)[(len(values) - 1) // 2]  # the lower median is a value that occurs
        is_odd = (np.abs(values - usual) > tolerance).any(axis=1)
        if is_odd.all():  # no majority: compare with the first
            usual = values[0]
            is_odd = (np.abs(values - usual) > tolerance).any(axis=1)
        if is_odd.any():
            odd = [each for each, differs in zip(slices, is_odd, strict=True) if differs]
            like = next(each for each, differs in zip(slices, is_odd, strict=True) if not differs)
            others = len(slices) - len(odd)
            more = f" (so have {count(len(odd) - 1, 'other')})" if len(odd) > 1 else ""
            raise ScanError(
                odd[0].path,
                f"its {tag} is {values[is_odd][0].tolist()}{more} and that of {count(others, 'slice')} such as "
                f"{like.path.name} {usual.tolist()}",
                "give a folder whose slices are all alike, without localisers or second reconstructions",
            )


def _check_one_origin(folder: Path, slices: list[_Slice]) -> None:
    """Refuse slices of two people, of two frames of reference or of two kernels under one series UID."""
    for tag, what in (
        ("PatientID", "patients"),
        ("FrameOfReferenceUID", "frames of reference, whose positions cannot be compared"),
        ("ConvolutionKernel", "kernels"),
    ):
        groups: dict[str, list[_Slice]] = {}
        for each in slices:
            if value := each.header.get(tag):
                groups.setdefault(str(value), []).append(each)
        if len(groups) > 1:
            shown = [
                count(len(members), "slice")
                + f" such as {members[0].path.name}"
                + (f", {value}" if tag == "ConvolutionKernel" else "")
                for value, members in groups.items()
            ]
            raise ScanError(
                folder,
                f"the series has slices of {len(groups)} {what} ({'; '.join(shown[:3])})",
                "put the slices that belong together in a folder of their own",
            )


def _check_acquisitions(folder: Path, slices: list[_Slice]) -> str | None:
    """Refuse acquisitions that alternate along the body; say where several follow one another."""
    numbers = [str(each.header.get("AcquisitionNumber")) for each in slices if each.header.get("AcquisitionNumber")]
    turns = 1 + sum(here != there for here, there in pairwise(numbers))
    if turns > len(set(numbers)) > 1:
        raise ScanError(
            folder,
            f"the slices of {len(set(numbers))} acquisitions lie between one another (AcquisitionNumber "
            f"{_some(dict.fromkeys(numbers))})",
            "put the slices of one acquisition in a folder of their own",
        )
    return f"it was acquired in {turns} parts, one after the other along the body" if turns > 1 and numbers else None


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
            f"{count(len(doubled), 'slice')} duplicated: {_some(pairs, 3)}",
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
