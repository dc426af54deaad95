"""Any folder of scans: every NIfTI file, and of every DICOM exam one series.

Of several reconstructions of one exam, which share a StudyInstanceUID, the one most like the paper's is taken: a soft
kernel before a sharp one, then the thickest sections. Two of them in a cohort would count as two scans of the patient.

Ids are numbers, P001-1 for the first scan of the first patient, as names of files and folders are often names of
people. The path stays in the column image; a key file beside the table has what the headers call the patients.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from study.scans.dicom_header import CT_CLASSES, view_of
from study.scans.dicom_pixels import is_bare, read_dicom
from study.scans.found import Found, files, stem
from study.scans.schemas import SCAN_RULES, is_number

IDS = ("numbers", "names")
NOT_READ = {
    **dict.fromkeys((".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".bz2", ".xz"), "it is an archive; unpack it"),
    **dict.fromkeys(
        (".nrrd", ".nhdr", ".mha", ".mhd", ".img", ".hdr", ".mnc", ".mgz"),
        "its format is not read; convert it to NIfTI in HU",
    ),
}
MASK = "its name says that it is a mask; put it into lung_mask or infection_mask of its scan"
NO_CT = "its DICOM files are no CT sections (dose reports, or another modality)"
NO_VOLUME = "it is a localizer or a projection (MIP, MinIP), not a volume of sections"
SAME_EXAM = "another reconstruction of the same exam is taken: a soft kernel first, then the thickest sections"
DAMAGED = "the headers of its DICOM files are damaged or missing; copy it again"
_IS_MASK = re.compile(
    r"(masks?|(^|[^a-z])(lungs?|lesions?|infection)?(seg|segmentations?|labels?))([^a-z]|$)", re.IGNORECASE
)
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_AGE_UNITS = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}  # in a year
_TAGS = (
    "PatientID", "PatientAge", "PatientSex", "AcquisitionDate", "SeriesDate", "StudyDate", "StudyInstanceUID",
    "SOPClassUID", "Modality", "ImageType", "ConvolutionKernel", "SliceThickness",
)  # fmt: skip
# Kernels by their makers' names: GE, Philips and UIH in words or letters; Siemens (B31f, Br40d, I70f) and Canon (FC08)
# by numbers that grow with sharpness.
_SOFT = re.compile(r"SOFT|STAND|DETAIL|SMOOTH|MEDIAST|^[ABC]$")
_SHARP = re.compile(r"LUNG|BONE|EDGE|SHARP|CHEST|^[DEFL]$|^Y")
_SIEMENS, _CANON = re.compile(r"^[A-Z]{1,2}(\d{2})"), re.compile(r"^FC(\d{2})")


@dataclass(frozen=True)
class Series:
    """A folder with one DICOM series, and what the header of one of its sections says; "" where it says nothing."""

    path: Path
    n_files: int
    said: dict[str, str]

    def rank(self) -> tuple:
        """How much it is like the paper's scans; the smallest of an exam is taken."""
        thickness = self.said["SliceThickness"]
        mm = float(thickness) if is_number(thickness) else 0.0
        return softness(self.said["ConvolutionKernel"]), -mm, -self.n_files, str(self.path)


def read(folder: Path) -> Found:
    """Find every scan below a folder; ids are from the paths, until `number` replaces them."""
    found = Found(folder)
    of_folder: dict[Path, list[Path]] = {}
    for path in files(found):
        if stem(path) and _IS_MASK.search(stem(path)):
            found.leave_out(path, MASK)
        elif stem(path):
            found.add("", path)
        elif (reason := NOT_READ.get(path.suffix.lower())) and not _is_dicom(path):
            found.leave_out(path, reason)
        else:
            of_folder.setdefault(path.parent, []).append(path)
    exams: dict[tuple, list[Series]] = {}
    for place, paths in of_folder.items():
        series = _series(found, place, paths)
        if series:
            exam = series.said["StudyInstanceUID"]
            exams.setdefault((exam, series.said["PatientID"]) if exam else (place,), []).append(series)
    patients: dict[str, list[dict]] = {}
    for members in exams.values():
        taken, *others = sorted(members, key=Series.rank)
        for other in others:
            found.leave_out(other.path, SAME_EXAM)
        found.add("", taken.path, **_who_and_when(taken.said))
        patient = taken.said["PatientID"]
        found.patients[str(taken.path)] = patient
        patients.setdefault(patient or str(taken.path), []).append(found.rows[-1])
    found.rows.sort(key=lambda row: row["image"])
    _part_patients(found, patients)
    _name(found)
    return found


def _series(found: Found, place: Path, paths: list[Path]) -> Series | None:
    """The series in a folder, from the first header of a CT section; None, and said why, if there is none."""
    reasons = set()
    for path in paths:
        is_named_so = path.suffix.lower() in _DICOM_SUFFIXES
        if path.name.upper() == "DICOMDIR" or not (is_named_so or _is_dicom(path)):
            continue
        try:
            header = read_dicom(path, stop_before_pixels=True, specific_tags=list(_TAGS))
            said = {tag: _text(header.get(tag)) for tag in _TAGS}
        except Exception:  # on a damaged header pydicom raises errors of many kinds
            reasons.add(DAMAGED)
            continue
        is_ct = said["SOPClassUID"] in CT_CLASSES if said["SOPClassUID"] else said["Modality"] == "CT"
        if not (said["SOPClassUID"] or said["Modality"]):
            reasons.add(DAMAGED)
        elif not is_ct:
            reasons.add(NO_CT)
        elif view_of(header):
            reasons.add(NO_VOLUME)
        else:
            return Series(place, len(paths), said)
    for reason in (NO_VOLUME, DAMAGED, NO_CT):
        if reason in reasons:
            found.leave_out(place, reason)
            break
    return None


def _text(element) -> str:
    if element is None:
        return ""
    several = not isinstance(element, str) and hasattr(element, "__iter__")
    return "\\".join(str(each).strip() for each in element) if several else str(element).strip()


def _is_dicom(path: Path) -> bool:
    with open(path, "rb") as file:
        has_mark = file.read(132)[128:] == b"DICM"
    return has_mark or is_bare(path)


def softness(kernel: str) -> int:
    """0 for a soft kernel, 2 for a sharp one, 1 where its name does not say."""
    name = kernel.upper().split("\\")[0].strip()
    for pattern, softest_sharp in ((_CANON, 30), (_SIEMENS, 50)):
        if numbered := pattern.match(name):
            return 0 if int(numbered[1]) < softest_sharp else 2
    return 2 if _SHARP.search(name) else 0 if _SOFT.search(name) else 1


def _who_and_when(said: dict[str, str]) -> dict:
    """Age, sex and date as a scan table has them; what the header lacks or gives in another form is left out."""
    date = next((said[tag] for tag in ("AcquisitionDate", "SeriesDate", "StudyDate") if said[tag]), "")
    date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    age, unit = said["PatientAge"][:-1], said["PatientAge"][-1:]
    years = round(float(age) / _AGE_UNITS[unit], 1) if is_number(age) and unit in _AGE_UNITS else ""
    cells = {"age_years": years, "sex": {"M": "male", "F": "female"}.get(said["PatientSex"], ""), "scan_date": date}
    return {name: cell for name, cell in cells.items() if cell != "" and SCAN_RULES[name][1](str(cell))}


def _part_patients(found: Found, patients: dict[str, list[dict]]) -> None:
    """Give each row its patient, P001, P002, ... in the order of the rows.

    A PatientID that stands for people of two sexes or ages, or for all series alike while neither age nor sex is known,
    was set by an anonymiser and does not identify a patient.
    """
    one_of = {}
    for patient, rows in patients.items():
        births = [
            int(row["scan_date"][:4]) - row["age_years"] for row in rows if {"age_years", "scan_date"} <= row.keys()
        ]
        is_one = (
            len({row["sex"] for row in rows if "sex" in row}) < 2
            and max(births, default=0) - min(births, default=0) < 2
        )
        if not is_one:
            found.notes.append(f"{len(rows)} series share a PatientID but not sex and age: each counts as a patient")
        elif len(rows) > 1 and len(patients) == 1 and not any({"age_years", "sex"} & row.keys() for row in rows):
            is_one = False
            found.notes.append(
                f"all {len(rows)} series have the same PatientID, and neither age nor sex is known: each counts as a "
                "patient; if they are of one, give them one patient_id in the table"
            )
        if is_one:
            one_of |= {row["image"]: patient for row in rows}
    numbers: dict[tuple, str] = {}
    width = max(3, len(str(len(found.rows))))
    for row in found.rows:
        image = row["image"]
        person = ("patient", one_of[image]) if image in one_of else ("image", image)
        row["patient_id"] = numbers.setdefault(person, f"P{len(numbers) + 1:0{width}}")


def _name(found: Found) -> None:
    """Call each scan by its path below the folder, shortened, and numbered where two would be called the same."""
    taken = set()
    for row in found.rows:
        path = Path(row["image"])
        path = path.with_name(stem(path)) if stem(path) else path
        below = path.relative_to(found.folder).as_posix() if path != found.folder else found.folder.name
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", below).strip("._-")[:60] or "scan"
        scan_id, n = plain, 1
        while scan_id.casefold() in taken:
            n += 1
            scan_id = f"{plain}-{n}"
        taken.add(scan_id.casefold())
        row["scan_id"] = scan_id


def number(found: Found) -> list[dict]:
    """Call each scan by its patient's number and its place among the patient's scans, by date.

    Returns
    -------
    list of dict
        The key: patient_id, scan_id, the PatientID of the header, and the image.
    """
    of_patient: dict[str, list[dict]] = {}
    for row in found.rows:
        of_patient.setdefault(row["patient_id"], []).append(row)
    for rows in of_patient.values():
        for n, row in enumerate(sorted(rows, key=lambda row: (row.get("scan_date", "9999"), row["image"])), 1):
            row["scan_id"] = f"{row['patient_id']}-{n}"
    return [
        {
            "patient_id": row["patient_id"],
            "scan_id": row["scan_id"],
            "patient_id_in_header": found.patients.get(row["image"], ""),
            "image": row["image"],
        }
        for row in found.rows
    ]
