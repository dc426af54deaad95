"""What the header of a CT slice must say before its pixels are read as HU; one that leaves it open is refused.

Only the part of a header that geometry, pixel format and the unity of a series need is read. PatientID is compared
between slices and never reported; nothing else that describes a person is read.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom

from study.scans.grid import ScanError

TAGS = [
    "SOPClassUID",
    "Modality",
    "ImageType",
    "PatientID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
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
    "RescaleType",
    "LossyImageCompression",
]
_NEEDED = [
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
]
CT_CLASSES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1")
# JPEG baseline and extended, JPEG-LS near-lossless; JPEG 2000 of these kinds may be either, and the header says which.
LOSSY_SYNTAXES = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81")
LARGEST_SLOPE_HU = 4.0  # a step between stored values; 12 bits over the CT range make steps of 1 HU
# Words of ImageType, in any of its values: views of the whole body, and the highest or lowest value along a ray.
_VIEWS = {"LOCALIZER", "LOCALISER", "SCOUT", "TOPOGRAM", "SURVIEW", "PROJECTION"}
_VIEWS |= {"MIP", "MAXIP", "MINIP", "MAXIMUM", "MINIMUM"}
_FULL_HEADER = "export the series again with its full header"
_AGAIN = "export the series again"


def check_header(path: Path, header: pydicom.Dataset) -> None:
    """Raise ScanError if a slice's header does not define a section, its geometry, its HU and its pixel format."""
    try:
        _check_kind(path, header)
        _check_geometry(path, header)
        _check_values(path, header)
        _check_pixels(path, header)
    except ScanError:
        raise
    except Exception as error:  # a damaged header may hold anything where a number is due
        raise ScanError(path, f"the DICOM header cannot be used ({type(error).__name__})", _AGAIN) from None


def _check_kind(path: Path, header: pydicom.Dataset) -> None:
    modality = header.get("Modality")
    if modality and modality != "CT":
        raise ScanError(path, f"its modality is {modality}, not CT", "give a folder that holds one CT series")
    if not modality and header.get("SOPClassUID") not in CT_CLASSES:
        raise ScanError(path, "the header does not say that this is a CT", "give a folder that holds one CT series")
    if int(header.get("NumberOfFrames") or 1) > 1 or header.get("SOPClassUID") == CT_CLASSES[1]:
        raise ScanError(
            path,
            "this is a multi-frame DICOM file, which is not supported",
            "convert it to NIfTI (dcm2niix does)",
        )
    view = view_of(header)
    if view:
        raise ScanError(
            path,
            f"its ImageType says {view}: a view of the body or a projection of sections, and not a section in HU",
            "take it out of the folder, and give the axial series as it was reconstructed",
        )


def view_of(header: pydicom.Dataset) -> str | None:
    """The value of ImageType that says that an image is no section, such as LOCALIZER or MIP."""
    kind = header.get("ImageType") or ""
    for value in [kind] if isinstance(kind, str) else map(str, kind):
        letters = value.upper()
        if {*re.findall("[A-Z]+", letters), re.sub("[^A-Z]", "", letters)} & _VIEWS:
            return value
    return None


def is_lossy(header: pydicom.Dataset) -> bool:
    """Whether the pixels were compressed with loss at any time, by the header or by how the file is compressed."""
    syntax = getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", "")
    return str(header.get("LossyImageCompression", "")) == "01" or str(syntax) in LOSSY_SYNTAXES


def _check_geometry(path: Path, header: pydicom.Dataset) -> None:
    missing = [tag for tag in _NEEDED if header.get(tag) is None or header.get(tag) == ""]
    if missing:
        raise ScanError(path, f"the header lacks {', '.join(missing)}", _FULL_HEADER)
    wanted = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
    for tag, n in wanted.items():
        try:
            values = np.array(header.get(tag), float)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.shape != (n,) or not np.isfinite(values).all():
            raise ScanError(path, f"{tag} is not {n} numbers", _FULL_HEADER)
    if min(header.PixelSpacing) <= 0:
        raise ScanError(path, f"PixelSpacing is {list(map(float, header.PixelSpacing))}", _AGAIN)
    row, column = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
    if abs(row @ row - 1) > 0.01 or abs(column @ column - 1) > 0.01 or abs(row @ column) > 0.01:
        raise ScanError(path, "ImageOrientationPatient is not two perpendicular directions", _AGAIN)


def _check_values(path: Path, header: pydicom.Dataset) -> None:
    try:
        slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    except (TypeError, ValueError):
        slope = intercept = np.nan
    if not (np.isfinite(slope) and np.isfinite(intercept)) or slope == 0:
        raise ScanError(path, f"the rescale slope {slope:g} or intercept {intercept:g} gives no HU", _AGAIN)
    if not 0 < slope <= LARGEST_SLOPE_HU:
        raise ScanError(
            path,
            f"the rescale slope is {slope:g}, and that of a CT in HU lies above 0 and not above {LARGEST_SLOPE_HU:g}",
            "give the original series in HU",
        )
    unit = str(header.get("RescaleType") or "HU").strip()
    if unit.upper() not in ("HU", "US"):  # US is "unspecified", as some converters write for any image
        raise ScanError(path, f"its values are {unit} (RescaleType), not HU", "give the original series in HU")


def _check_pixels(path: Path, header: pydicom.Dataset) -> None:
    if header.get("SamplesPerPixel", 1) != 1 or header.get("PhotometricInterpretation", "MONOCHROME2") != "MONOCHROME2":
        raise ScanError(
            path,
            f"the pixels are {header.get('PhotometricInterpretation')}, an image for display and not a CT slice",
            "give the original series, without screenshots and localisers",
        )
    if not (int(header.Rows) >= 1 and int(header.Columns) >= 1):
        raise ScanError(path, f"the header gives {header.Rows} x {header.Columns} pixels", _AGAIN)
    allocated = header.get("BitsAllocated")
    if allocated not in (8, 16, 32) or header.get("PixelRepresentation") not in (0, 1):
        raise ScanError(path, "the header does not say how the pixels are stored", _AGAIN)
    stored = int(header.get("BitsStored") or allocated)
    high = header.get("HighBit")
    if not 1 <= stored <= allocated or (high is not None and int(high) != stored - 1):
        raise ScanError(
            path,
            f"the pixels use {stored} of {allocated} bits, and the highest is said to be bit {high} (HighBit), not bit "
            f"{stored - 1}: that can be read in two ways",
            "convert the series with dcm2niix and look at it",
        )
