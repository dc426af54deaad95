"""The pixels of one DICOM CT slice in HU: decoded, with the right sign, padding set to air.

pydicom reads uncompressed and run-length pixels. SimpleITK's GDCM decodes the rest (scanners send JPEG Lossless);
it may return an image for half a file without any error, so the end marker is looked for first.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import sys
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.filereader import read_file_meta_info
from pydicom.pixels import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from study.plural import count
from study.scans.grid import ScanError
from study.scans.hounsfield import HIGHEST_HU, LOWEST_HU

_BY_PYDICOM = {  # transfer syntaxes that need no codec: implicit, explicit, deflated, big endian, run-length
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.5",
}
_RUN_LENGTH = "1.2.840.10008.1.2.5"
_END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike, where it cannot occur among the pixels
# Start of frame by JPEG's kinds (C4, C8 and CC mean something else), and by JPEG-LS.
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_AIR_HU = -1000  # padding above it (and below the top) cannot be distinguished from tissue
_LONGEST_RUN = 128  # bytes
_MOST_PIXELS = 4096 * 4096  # of a slice; scanners reconstruct 512 x 512 to 2048 x 2048
_MOST_INFLATED = 4 * _MOST_PIXELS  # bytes of one file, of 32 bits a pixel
_AGAIN = "export or copy the series again"


def read_dicom(path, **options) -> pydicom.Dataset:
    """pydicom.dcmread without warnings of values that occur although the standard forbids them (UUIDs for UIDs).

    The requested elements are decoded at once: pydicom would otherwise warn on first access and quote the value,
    which in a damaged file may be a person's name.
    """
    with open(path, "rb") as file:
        start = file.read(1024)
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        if DeflatedExplicitVRLittleEndian.encode() in start:
            _check_inflated(path)
        dataset = pydicom.dcmread(path, force=_starts_bare(start), **options)
        for tag in options.get("specific_tags", ("PixelData", "Rows", "Columns", "BitsAllocated")):
            dataset.get(tag)
        list(dataset.file_meta)
    return dataset


def is_bare(path) -> bool:
    """Whether a file starts with an element of DICOM instead of the preamble and "DICM", as older software writes."""
    with open(path, "rb") as file:
        return _starts_bare(file.read(132))


def has_pixels(path) -> bool:
    """Whether an element of pixels begins anywhere in a file; of a deflated one it is not known, so True."""
    content = Path(path).read_bytes()
    begins = re.search(rb"(\xe0\x7f\x10\x00|\x7f\xe0\x00\x10).{8}", content, re.DOTALL)
    return begins is not None or DeflatedExplicitVRLittleEndian.encode() in content[:1024]


def _starts_bare(start: bytes) -> bool:
    return len(start) >= 132 and start[128:132] != b"DICM" and start[:2] in (b"\x02\0", b"\x08\0")


def _check_inflated(path) -> None:
    """Refuse a deflated file that is far larger than a slice before pydicom inflates it whole."""
    meta_bytes = read_file_meta_info(path).get("FileMetaInformationGroupLength", 0)
    with open(path, "rb") as file:
        file.seek(132 + 12 + meta_bytes)  # the preamble, the length's own element, the others of the group
        try:
            inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), _MOST_INFLATED + 1)
        except zlib.error:
            return  # pydicom says what is wrong
    if len(inflated) > _MOST_INFLATED:
        what = f"it would inflate to more than {_MOST_INFLATED >> 20} MiB, and a slice is smaller"
        raise ScanError(path, what, "give the slices as the scanner made them")


def hounsfield(path, header: pydicom.Dataset) -> np.ndarray:
    """Read one slice.

    Parameters
    ----------
    path : pathlib.Path
    header : pydicom.Dataset
        Its checked header; rows, columns, rescale and padding are taken from it.

    Returns
    -------
    numpy.ndarray
        (rows, columns) float64 in HU; padding pixels are -1024.

    Raises
    ------
    ScanError
        If the file is truncated or damaged, or its compression cannot be decoded here.
    """
    path = Path(path)
    if header.Rows * header.Columns > _MOST_PIXELS:
        announced = f"the header announces {header.Rows:,} x {header.Columns:,} pixels"
        raise ScanError(
            path, f"{announced}, and at most {_MOST_PIXELS:,} are read", "give the slices as the scanner made them"
        )
    try:
        dataset = read_dicom(path)
    except ScanError:
        raise
    except Exception as error:  # on a damaged file pydicom raises errors of many kinds
        raise ScanError(path, f"the DICOM file is damaged ({type(error).__name__})", _AGAIN) from None
    pixels = dataset.get("PixelData")
    if not (isinstance(pixels, bytes) and pixels):
        raise ScanError(path, "it holds no pixels: the file is truncated, or they were taken out", _AGAIN)
    syntax = dataset.file_meta.get("TransferSyntaxUID") or _syntax_of_bare(path, dataset)
    if not isinstance(syntax, str):  # none, or several
        raise ScanError(path, "the file does not say how its pixels are encoded (TransferSyntaxUID)", _AGAIN)
    slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    if syntax in _BY_PYDICOM:
        stored = _stored_by_pydicom(path, dataset, syntax)
    else:
        stored = np.rint((_hu_by_gdcm(path, dataset, syntax) - intercept) / slope).astype(np.int64)
    if stored.shape != (header.Rows, header.Columns):
        shape = " x ".join(map(str, stored.shape))
        raise ScanError(
            path, f"{shape} pixels are stored, and the header says {header.Rows} x {header.Columns}", _AGAIN
        )
    is_padding = _padding(stored, header)
    stored = _in_bits_stored(path, stored, is_padding, header)
    hu = stored * slope + intercept
    hu[is_padding] = LOWEST_HU
    return hu


def _syntax_of_bare(path: Path, dataset: pydicom.Dataset) -> pydicom.uid.UID | None:
    """The encoding in which pydicom could read a file without a preamble; its pixels are then uncompressed."""
    if not is_bare(path):
        return None
    is_implicit, is_little = dataset.original_encoding
    little = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = little if is_little else ExplicitVRBigEndian
    return dataset.file_meta.TransferSyntaxUID


def padding_in_tissue(header: pydicom.Dataset) -> bool:
    """Whether the header's padding value is also the HU of some tissue, so that it is left unchanged."""
    limits = _padding_limits(header)
    return limits is not None and not _is_outside_tissue(limits, header)


def _stored_by_pydicom(path: Path, dataset: pydicom.Dataset, syntax: str) -> np.ndarray:
    n_bytes = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    there = len(dataset.PixelData)
    if syntax != _RUN_LENGTH and there < n_bytes:
        raise ScanError(path, f"it is truncated: {there:,} of {n_bytes:,} bytes of pixels are there", _AGAIN)
    if syntax != _RUN_LENGTH and there > n_bytes + n_bytes % 2:
        raise ScanError(path, f"the file holds {there:,} bytes of pixels, and the header announces {n_bytes:,}", _AGAIN)
    if syntax == _RUN_LENGTH:
        _check_run_lengths(path, dataset)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # keep the unused high bits: padding may use them, and must be known before they are cut off
            options = {} if syntax == _RUN_LENGTH else {"correct_unused_bits": False}
            return pixel_array(dataset, **options).astype(np.int64)
    except Exception as error:  # on a damaged stream pydicom raises errors of many kinds
        raise ScanError(path, f"the pixels cannot be decoded ({type(error).__name__})", _AGAIN) from None


def _check_run_lengths(path: Path, dataset: pydicom.Dataset) -> None:
    """Refuse run-length pixels that are more than the header's before they are unpacked: 2 bytes may become 128."""
    n_pixels = dataset.Rows * dataset.Columns
    try:
        (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
        n_segments, *starts = struct.unpack("<16I", frame[:64])
    except Exception:  # on a broken sequence of fragments pydicom raises errors of many kinds
        raise ScanError(path, "the run-length pixels have no header: the file is damaged", _AGAIN) from None
    ends = [*starts[1:n_segments], len(frame)]
    most = max((unpacked_bytes(frame[start:end]) for start, end in zip(starts, ends, strict=False)), default=0)
    if most > n_pixels + _LONGEST_RUN:  # some writers fill the last run up
        what = f"{most:,} pixels are compressed in it, and the header says {dataset.Rows} x {dataset.Columns}"
        raise ScanError(path, what, _AGAIN)


def unpacked_bytes(segment: bytes) -> int:
    """Bytes that a run-length segment stands for, by the heads of its runs alone (DICOM PS3.5, G.3.1).

    >>> unpacked_bytes(bytes([2, 7, 8, 9, 253, 0]))  # three as they are, and a 0 four times
    7
    """
    at = unpacked = 0
    while at < len(segment):
        head = segment[at]
        if head < 128:
            unpacked += min(head + 1, len(segment) - at - 1)
            at += head + 2
        elif head > 128:
            unpacked += 257 - head
            at += 2
        else:
            at += 1
    return unpacked


def _hu_by_gdcm(path: Path, dataset: pydicom.Dataset, syntax: pydicom.uid.UID) -> np.ndarray:
    """Pixels of a compressed slice; GDCM applies the rescale slope and intercept of the file."""
    import SimpleITK

    try:
        frames = list(generate_frames(dataset.PixelData, number_of_frames=1))
    except Exception:  # on a broken sequence of fragments pydicom raises errors of many kinds
        frames = []
    if len(frames) != 1 or _END_OF_IMAGE not in frames[0]:  # scanners pad with any byte after it
        raise ScanError(path, "the compressed pixels end too early: the file is truncated", _AGAIN)
    _check_announced(path, frames[0], dataset)
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        with _decoder_complaints() as complaints:
            hu = SimpleITK.GetArrayFromImage(reader.Execute())
    except RuntimeError:
        raise ScanError(
            path,
            f"the pixels are compressed as {syntax.name}, which cannot be decoded here",
            "decompress the series first (dcmdjpeg, gdcmconv --raw) or convert it to NIfTI with dcm2niix",
        ) from None
    if complaints:
        raise ScanError(path, f"the compressed pixels are damaged ({complaints[0]})", _AGAIN)
    return np.squeeze(hu).astype(float)


def _check_announced(path: Path, frame: bytes, dataset: pydicom.Dataset) -> None:
    """Refuse a compressed frame of another size than the header's before it is decoded: a few bytes can fill memory."""
    announced = announced_size(frame)
    if announced is None:
        raise ScanError(path, "the compressed pixels do not say how many they are: they are damaged", _AGAIN)
    if announced != (dataset.Rows, dataset.Columns):
        rows, columns = announced
        raise ScanError(
            path,
            f"{rows:,} x {columns:,} pixels are compressed in it, and the header says {dataset.Rows} x "
            f"{dataset.Columns}",
            _AGAIN,
        )


def announced_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns of a frame of JPEG, JPEG-LS or JPEG 2000 by its own markers; None if none says so.

    JPEG and JPEG-LS say it in their frame header (ITU-T T.81, B.2.2; T.87, C.2.2), JPEG 2000 in the marker SIZ, which
    is the second (T.800, A.5.1).
    """
    if frame.startswith(b"\xff\x4f\xff\x51") and len(frame) >= 24:
        right, bottom, left, top = struct.unpack(">4I", frame[8:24])
        return bottom - top, right - left
    at = 2  # after the start of the image
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _FRAME_HEADERS:
            return struct.unpack(">2H", frame[at + 5 : at + 9])
        if marker == 0xFF:  # a byte that fills up
            at += 1
        else:
            at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


@contextlib.contextmanager
def _decoder_complaints() -> Iterator[list[str]]:
    """Collect what the JPEG library writes to standard error, its only way to report damage."""
    complaints: list[str] = []
    if sys.stderr is not None:
        sys.stderr.flush()
    outside = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield complaints
        finally:
            os.dup2(outside, 2)
            os.close(outside)
            written.seek(0)
            lines = written.read().decode(errors="replace").splitlines()
            complaints += [line for line in lines if "JPEG" in line or "marker" in line or " SOS" in line]


def _padding_limits(header: pydicom.Dataset) -> tuple[int, int] | None:
    """Lowest and highest stored value that mean "no measurement here", in the sign of the pixels."""
    if header.get("PixelPaddingValue") is None:
        return None
    limits = [header.PixelPaddingValue, header.get("PixelPaddingRangeLimit") or header.PixelPaddingValue]
    try:
        low, high = sorted(_wrapped(int(limit), header) for limit in limits)
    except (TypeError, ValueError):
        return None
    return low, high


def _wrapped(value: int, header: pydicom.Dataset) -> int:
    """Give a padding value the sign of the pixels: -2000 is 63536 where they are called unsigned."""
    bits = header.BitsAllocated
    value %= 1 << bits
    return value - (1 << bits) if header.PixelRepresentation == 1 and value >= 1 << (bits - 1) else value


def _is_outside_tissue(limits: tuple[int, int], header: pydicom.Dataset) -> bool:
    hu = [limit * float(header.RescaleSlope) + float(header.RescaleIntercept) for limit in limits]
    return max(hu) <= _AIR_HU or min(hu) >= HIGHEST_HU


def _padding(stored: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    limits = _padding_limits(header)
    if limits is None or not _is_outside_tissue(limits, header):
        return np.zeros(stored.shape, bool)
    return (stored >= limits[0]) & (stored <= limits[1])


def _in_bits_stored(path: Path, stored: np.ndarray, is_padding: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """Check that all but padding fits the bits that the header calls used; extend the sign of a short one."""
    bits = int(header.get("BitsStored") or header.BitsAllocated)
    if bits >= header.BitsAllocated:
        return stored
    if header.PixelRepresentation == 1:
        unsigned = stored & ((1 << bits) - 1)
        return np.where(is_padding, stored, np.where(unsigned >= 1 << (bits - 1), unsigned - (1 << bits), unsigned))
    beyond = (stored >= 1 << bits) & ~is_padding
    if beyond.any():
        raise ScanError(
            path,
            f"values reach {stored[beyond].max()} in {count(beyond.sum(), 'pixel')}, and the header gives {bits} bits",
            "convert the series with dcm2niix and look at it (overlay or undeclared padding in unused bits?)",
        )
    return stored
