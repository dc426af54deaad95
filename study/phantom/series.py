"""A simulated scan as a DICOM series: one CT image file a section, as a scanner sends it to an archive.

Every file says that it is simulated. No name, date of birth or institution is in it; what identifies is the cohort's
own `P001`. The same scan gives the same bytes, its UIDs included.
"""

import os
import shutil
import uuid
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from study.ct import Scan, scan_from_array

SIMULATED = "SIMULATED CT of a digital phantom; no patient"
LOWEST_HU = -1024  # stored as 0, as scanners do
LUNG_WINDOW = (-600, 1500)  # level, width
_NAMESPACE = uuid.UUID("f6c4f0c0-5f0a-5d0c-9a57-0c1e1d1c0de5")  # of our UIDs; any fixed one will do


def write_series(folder, hu, spacing_mm, facts) -> Scan:
    """Write a (z, y, x) scan as a folder of DICOM files, IM0001.dcm the most cranial; it appears only when complete.

    Parameters
    ----------
    folder : str or Path
        One that is there already is replaced.
    hu : ndarray of int16 (z, y, x)
        In [-1024, 3071].
    spacing_mm : tuple of float (z, y, x)
    facts : dict
        patient_id, sex, age_years, scan_date (YYYY-MM-DD), visit, slice_thickness_mm, field_of_view_mm,
        tube_current_mas, tube_voltage_kv, kernel; and `key`, text that no other scan has: the UIDs follow from it
        (UUIDs of its digest under the root 2.25, DICOM PS3.5 B.2).

    Returns
    -------
    Scan
        What `study.ct.read_scan` gives back for the folder.
    """
    folder = Path(folder)
    scan = scan_from_array(hu, spacing_mm)
    shared = _shared(scan, facts)
    # RAS -> LPS; the array's y runs to the back and x to the left, as DICOM's own axes do
    x, y, lowest = scan.affine[:3, 3] * (-1, -1, 1)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        n_sections = len(scan.hu)
        for number, section in enumerate(reversed(scan.hu), start=1):
            position = (x, y, lowest + spacing_mm[0] * (n_sections - number))
            _image(shared, section, position, number, facts["key"]).save_as(
                partial / f"IM{number:04d}.dcm", enforce_file_format=True
            )
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Scan(scan.hu, scan.grid, folder)


def _uid(*parts) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


def _shared(scan: Scan, facts: dict) -> Dataset:
    """What all images of the series have in common."""
    date = facts["scan_date"].replace("-", "")
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CTImageStorage
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = date
    ds.StudyTime = ds.ContentTime = "120000"
    ds.Modality, ds.BodyPartExamined = "CT", "CHEST"
    ds.Manufacturer, ds.ManufacturerModelName = "simulated", "study.phantom"
    ds.StudyDescription, ds.SeriesDescription = SIMULATED, f"SIMULATED {facts['slice_thickness_mm']:g} mm"
    ds.PatientName, ds.PatientID = f"Simulated^{facts['patient_id']}", facts["patient_id"]
    ds.PatientSex, ds.PatientAge = facts["sex"][0].upper(), f"{int(facts['age_years']):03d}Y"
    ds.QualityControlSubject = "YES"  # the standard's way to say: a phantom, not a person
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "simulated: there never was a patient"
    ds.ImageComments = SIMULATED
    ds.PatientBirthDate = ds.AccessionNumber = ds.ReferringPhysicianName = ds.PositionReferenceIndicator = ""
    ds.StudyInstanceUID, ds.SeriesInstanceUID = _uid(facts["key"], "study"), _uid(facts["key"], "series")
    ds.FrameOfReferenceUID = _uid(facts["key"], "frame")
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = str(facts["visit"]), 1, 1
    ds.PatientPosition = "HFS"
    ds.KVP, ds.Exposure = _decimal(facts["tube_voltage_kv"]), round(facts["tube_current_mas"])
    ds.ConvolutionKernel = facts["kernel"].upper()
    ds.ReconstructionDiameter = _decimal(facts["field_of_view_mm"])
    ds.SliceThickness = _decimal(facts["slice_thickness_mm"])
    ds.SpacingBetweenSlices = _decimal(scan.spacing_mm[0])
    ds.PixelSpacing = [_decimal(scan.spacing_mm[1]), _decimal(scan.spacing_mm[2])]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = scan.hu.shape[1:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = LOWEST_HU, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = LUNG_WINDOW
    return ds


def _image(shared: Dataset, section: np.ndarray, position: tuple, number: int, key: str) -> Dataset:
    ds = Dataset(shared)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPInstanceUID, ds.InstanceNumber = _uid(key, "image", number), number
    ds.ImagePositionPatient = [_decimal(value) for value in position]
    ds.SliceLocation = _decimal(position[2])
    ds.PixelData = (section.astype(np.int32) - LOWEST_HU).astype("<u2").tobytes()
    return ds


def _decimal(value: float) -> str:
    """A number in at most the 16 characters that DICOM allows."""
    return format_number_as_ds(float(value))
