"""Read scans whose headers were changed at random: ``python -m bench.fuzz [--first N] [--minutes M]``.

A coarse phantom is written as NIfTI and as a DICOM series. Each mutation, drawn from its number, changes bytes or
fields of the NIfTI header, or bytes or elements before the pixels of one section or of all, and the scan is read. What
may come of it is the volume itself, another one, or a ScanError; any other exception, an error that nobody foresaw, ten
seconds of reading, and an accepted volume of less than 60 mm or more than a metre are faults. Counts by outcome are
added to runs/bench/fuzz.csv.
"""

import argparse
import collections
import csv
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom

from bench.timing import FOLDER
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.phantom.scanner.series import write_series
from study.scans.ct import read_scan, write_scan
from study.scans.grid import EXTENT_RANGE_MM, UNFORESEEN, ScanError

LONGEST_S = 10
NIFTI_HEADER = 352  # bytes, with the four that announce extensions
SAME, OTHER, REFUSED = "the same volume", "another volume", "refused"
NUMBERS = (0, 1, -1, 2, 0.5, 1e-30, 1e30, float("nan"), float("inf"), 255, 32767, -32768, 2**31 - 1, -(2**31))
TEXTS = ("", "0", "-1", "1e30", "nan", "1\\2\\3", "\\", "HU", "MIP", "CT\\MR", "9" * 70, "\x00", "é", "1.2.840")


class TooSlow(BaseException):
    """Reading took too long; no Exception, so that no reader takes it for a damaged file."""


def sources(folder):
    """Write the phantom; returns its NIfTI file, its DICOM folder and the volume as read."""
    protocol = Protocol(matrix=32, field_of_view_mm=360.0, slice_thickness_mm=10.0, increment_mm=20.0)
    made = simulate_scan((1, 2), 1, Habitus("male", 50.0), Disease(), protocol)
    middle = slice(len(made.hu) // 2 - 2, len(made.hu) // 2 + 3)
    nifti = write_scan(folder / "scan.nii", made.hu[middle], made.spacing_mm).path
    series = folder / "series"
    who = {"patient_id": "P1", "sex": "male", "age_years": 50, "scan_date": "2020-01-23", "visit": 1}
    write_series(series, made.hu[middle], made.spacing_mm, protocol, key="fuzz", **who)
    whole = read_scan(nifti)
    if not np.array_equal(read_scan(series).hu, whole.hu):
        raise SystemExit("bench: the phantom is not the same volume as NIfTI and as DICOM")
    return nifti, series, whole


def changed_bytes(content, draw):
    """Change, remove or add a few bytes."""
    content = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        at, what = draw.randrange(len(content)), draw.random()
        if what < 0.7:
            content[at] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
        elif what < 0.85:
            del content[at : at + draw.choice((1, 2, 4, 8))]
        else:
            content[at:at] = draw.randbytes(draw.choice((1, 2, 4, 8)))
    return bytes(content)


def changed_nifti(content, draw):
    """Change the header of a NIfTI file: bytes, or whole fields."""
    head, rest = content[:NIFTI_HEADER], content[NIFTI_HEADER:]
    if draw.random() < 0.5:
        return changed_bytes(head, draw) + rest
    header = nibabel.Nifti1Header(head[:348], check=False)
    for _ in range(draw.choice((1, 1, 2, 3))):
        field = header._structarr[draw.choice(list(header.keys()))]
        if field.dtype.kind in "SU":
            field[...] = draw.randbytes(3).strip(b"\0")
        else:
            with np.errstate(all="ignore"):
                value = np.array(draw.choice((*NUMBERS, draw.uniform(-1000, 1000)))).astype(field.dtype)
            field.reshape(-1)[draw.randrange(field.size)] = value
    return header._structarr.tobytes() + head[348:] + rest


def changed_dicom(content, draw):
    """Change what stands before the pixels of a DICOM file: bytes, or whole elements."""
    pixels = content.rindex(b"\xe0\x7f\x10\x00")
    if draw.random() < 0.5:
        return changed_bytes(content[:pixels], draw) + content[pixels:]
    try:
        return _changed_elements(content, draw)
    except Exception:  # pydicom does not write everything
        return changed_bytes(content[:pixels], draw) + content[pixels:]


def _changed_elements(content, draw):
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
    for _ in range(draw.choice((1, 1, 2, 3))):
        element = draw.choice([element for element in dataset if element.keyword != "PixelData"])
        if draw.random() < 0.2:
            del dataset[element.tag]
        elif element.VR in ("US", "UL", "SS"):
            element.value = draw.choice((0, 1, 2, 8, 12, 16, 32, 255, 65535))
        else:
            element.value = draw.choice((*TEXTS, str(draw.uniform(-1000, 1000))[:16]))
    written = pydicom.filebase.DicomBytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def outcome(path, whole):
    """Read a scan; returns what came of it and whether that is a fault."""

    def stop(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST_S)
    try:
        scan = read_scan(path)
    except ScanError as error:
        return (error.what, True) if error.what.startswith(UNFORESEEN) else (REFUSED, False)
    except (Exception, TooSlow) as error:
        return type(error).__name__, True
    finally:
        signal.alarm(0)
    extent = np.array(scan.spacing_mm) * scan.hu.shape
    if extent.min() < EXTENT_RANGE_MM[0] * (1 - 1e-6) or extent.max() > EXTENT_RANGE_MM[1]:
        return f"a volume of {extent.round(1)} mm", True
    same = scan.spacing_mm == whole.spacing_mm and np.array_equal(scan.hu, whole.hu)
    return (SAME if same else OTHER + (", with a note" if scan.notes else "")), False


def fuzz(folder, first, count, seconds):
    """Read `count` mutations from number `first` on, or as many as the time allows.

    Returns
    -------
    collections.Counter
        By (format, outcome, whether it is a fault).
    """
    nifti, series, whole = sources(folder)
    sections = {path: path.read_bytes() for path in sorted(series.iterdir())}
    stored, counts, deadline = nifti.read_bytes(), collections.Counter(), time.monotonic() + seconds
    for number in range(first, first + count):
        if time.monotonic() > deadline:
            break
        draw = random.Random(number)
        if number % 2:
            nifti.write_bytes(changed_nifti(stored, draw))
            kind, (said, is_fault) = "NIfTI", outcome(nifti, whole)
        else:
            some = draw.sample(sorted(sections), 1) if draw.random() < 0.3 else sections
            seed = draw.randrange(2**32)  # the same change in each of the sections
            for path in some:
                path.write_bytes(changed_dicom(sections[path], random.Random(seed)))
            kind, (said, is_fault) = "DICOM", outcome(series, whole)
            for path in some:
                path.write_bytes(sections[path])
        counts[kind, said, is_fault] += 1
        if is_fault:
            print(f"mutation {number}, {kind}: {said}", flush=True)
    return counts


def main():
    """Read mutations and add up their outcomes; exit with 1 if one was a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--count", type=int, default=100_000, help="how many")
    parser.add_argument("--minutes", type=float, default=120, help="the longest time for them")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        counts = fuzz(Path(folder), asked.first, asked.count, 60 * asked.minutes)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "fuzz.csv", "a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        for (kind, said, is_fault), n in sorted(counts.items()):
            rows.writerow([asked.first, kind, said, is_fault, n])
            print(f"{kind}: {said}: {n}")
    print(f"next: --first {asked.first + counts.total()}")
    sys.exit(any(is_fault for _, _, is_fault in counts))


if __name__ == "__main__":
    main()
