"""Markers in place of what identifies people, planted in a hospital's scans, and a search for them in all files."""

import base64
import contextlib
import io
import itertools
import re
import zipfile
import zlib
from string import ascii_lowercase

import nibabel
import pandas as pd
import pydicom
from PIL import Image

from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.series import write_series
from study.scans.ct import read_scan

IN_DICOM = (
    "PatientName", "PatientID", "OtherPatientIDs", "PatientBirthName", "PatientMotherBirthName", "PatientAddress",
    "PatientTelephoneNumbers", "PatientComments", "AccessionNumber", "InstitutionName", "InstitutionAddress",
    "InstitutionalDepartmentName", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "PhysiciansOfRecord", "RequestingPhysician", "StudyDescription", "SeriesDescription", "ProtocolName", "StationName",
    "DeviceSerialNumber", "ManufacturerModelName", "AdmittingDiagnosesDescription", "AdditionalPatientHistory",
    "Occupation", "StudyID", "RequestedProcedureDescription", "ImageComments",
)  # fmt: skip
IN_NIFTI = ("descrip", "aux_file", "intent_name", "db_name")
IN_COLUMNS = ("name", "mrn", "phone", "address", "birth_date")
LATER = pd.DateOffset(years=11, months=6)  # moves the scans' dates away from those that the paper prints


class Hospital:
    """A folder of scans, a table and a parameter file, all full of markers.

    Attributes
    ----------
    folder, table : Path
    ids : dict of str to str
        What a scan was called before -> its id, a marker.
    words : dict of str to str
        The marker -> where it is.
    dates : set of pandas.Timestamp
    """

    def __init__(self, root):
        self._letters = ("".join(letters) for letters in itertools.product(ascii_lowercase, repeat=3))
        self.words, self.ids = {}, {}
        self.folder = root / self.marker("folder of the scans")
        self.table = self.folder / f"{self.marker('name of the table')}.csv"

    def marker(self, where):
        """Make a marker for a place."""
        marker = f"Zqx{next(self._letters)}kw"
        self.words[marker] = where
        return marker

    def fill(self, scans, folder):
        """Take scans of a synthetic cohort over: NIfTI files, one a DICOM folder; each in its patient's own folder.

        Parameters
        ----------
        scans : DataFrame
            Rows of the cohort's scan table.
        folder : Path
            The cohort's.
        """
        patients = {one: self.marker("patient_id") for one in scans["patient_id"].unique()}
        folders = {one: self.marker("folder of a patient") for one in patients}
        rows = []
        for k, row in enumerate(scans.itertuples()):
            self.ids[row.scan_id] = self.marker("scan_id")
            place = self.folder / folders[row.patient_id] / self.marker("name of a scan's file")
            place.parent.mkdir(parents=True, exist_ok=True)
            if k == 1:
                image = place
                self._write_dicom(image, read_scan(folder / row.image), row)
            else:
                image = place.with_suffix(".nii.gz")
                self._write_nifti(image, folder / row.image)
            report = f"{row.report} The {self.marker('report')} lesion has changed since the last scan."
            date = pd.Timestamp(row.scan_date) + LATER
            rows.append({
                "scan_id": self.ids[row.scan_id], "patient_id": patients[row.patient_id], "age_years": row.age_years,
                "sex": row.sex, "scan_date": f"{date:%Y-%m-%d}", "status": row.status, "report": report,
                "image": image.relative_to(self.folder).as_posix(),
            })  # fmt: skip
        table = pd.DataFrame(rows)
        for column in IN_COLUMNS:
            table[column] = self.marker(f"column {column}")
        self.dates = set(pd.to_datetime(table["scan_date"]))
        table.to_csv(self.table, index=False)

    def _write_dicom(self, folder, scan, row):
        who = {"patient_id": "P", "sex": "male", "age_years": 50, "scan_date": str(row.scan_date)[:10], "visit": 1}
        write_series(folder, scan.hu, scan.spacing_mm, Protocol(), key="one", **who)
        said = {name: self.marker(f"DICOM {name}") for name in IN_DICOM}
        private = self.marker("a private element")
        for path in folder.iterdir():
            dataset = pydicom.dcmread(path)
            for name, marker in said.items():
                setattr(dataset, name, marker)
            dataset.private_block(0x0009, "ACME", create=True).add_new(1, "LO", private)
            dataset.save_as(path)

    def _write_nifti(self, path, image):
        read = nibabel.load(image)
        for name in IN_NIFTI:
            read.header[name] = self.marker(f"NIfTI {name}").encode()
        comment = self.marker("an extension of NIfTI").encode()
        read.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", comment))
        nibabel.save(nibabel.Nifti1Image(read.dataobj, read.affine, read.header), path)


def found(folder, words):
    """Which words are in the files of a folder or in their names.

    Looked through are text, PNG and PDF with their metadata, the text drawn in a PDF, pictures within web pages, and
    what is packed in zip files and Word documents; capitals do not count.

    Returns
    -------
    set of (str, str)
        The word, and the file.
    """
    known = {word.casefold(): word for word in words}
    any_of_them = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))  # one pass for all
    hits = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        shown = path.relative_to(folder).as_posix()
        for name, text in texts(shown, path.read_bytes()):
            hits |= {(known[word], name) for word in any_of_them.findall(text.casefold())}
    return hits


def dates_in_words(dates):
    """All forms in which dates may be written; a month's short name begins its long one."""
    forms = ("{0:%Y-%m-%d}", "{0:%Y%m%d}", "{0.day} {0:%b}", "{0:%b} {0.day}", "{0:%d.%m.%Y}", "{0:%d/%m/%Y}")
    return {form.format(date) for date in dates for form in forms}


def texts(name, content):
    """Every text that a file holds, with its name; of a packed one also those of its parts. Pixels are no text."""
    yield name, name
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for part in archive.namelist():
                yield from texts(f"{name}/{part}", archive.read(part))
        return
    if content.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(content)) as picture:
            yield name, " ".join(map(str, picture.info.values()))
        content = b"".join(_chunks_of_png(content))
    elif content.startswith(b"%PDF"):
        yield name, "\n".join(_drawn_in_pdf(content))
        content = STREAM.sub(b"", content)
    elif name.endswith((".html", ".ipynb")):
        for picture in PICTURE.findall(content):
            yield from texts(f"{name}, a picture", base64.b64decode(picture.replace(b"\\n", b"")))
        content = PICTURE.sub(b"", content)
    yield name, content.decode("utf-8", "ignore")
    if not content.isascii():
        yield name, content.decode("latin-1").replace("\0", "")  # without the zeros of UTF-16


PICTURE = re.compile(rb'(?:base64,|"image/png": ")([A-Za-z0-9+/=\\n]{100,})')
STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


def _chunks_of_png(content):
    """All chunks of a PNG but its pixels, with their names."""
    at = 8
    while at < len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind != b"IDAT":
            yield content[at + 4 : at + 8 + length]
        at += 12 + length


def _drawn_in_pdf(content):
    """The texts that a PDF of matplotlib's draws, their parts joined that kerning sets apart."""
    for stream in STREAM.findall(content):
        with contextlib.suppress(zlib.error):
            page = zlib.decompress(stream).decode("latin-1")
            for text in re.findall(r"\bBT\b(.*?)\bET\b", page, re.DOTALL):
                yield "".join(re.findall(r"\(((?:\\.|[^\\()])*)\)", text, re.DOTALL)).replace("\0", "")  # of two bytes
