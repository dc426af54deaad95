"""A simulated scan as a DICOM series: one CT image file per section, as a scanner sends it to an archive.

Every file says that it is simulated. It contains no name, date of birth or institution; the patient's ID is the
cohort's own, such as `P001`. The same scan gives the same bytes, its UIDs included.
"""

import uuid
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from study.files import whole
from study.scans.ct import Scan, scan_from_array

SIMULATED = "SIMULATED CT of a digital phantom; no patient"
LOWEST_HU = -1024  # stored as 0, as scanners do
LUNG_WINDOW = (-600, 1500)  # level, width
_NAMESPACE = uuid.UUID("f6c4f0c0-5f0a-5d0c-9a57-0c1e1d1c0de5")  # of our UIDs; any fixed one will do


def write_series(folder, hu, spacing_mm, protocol, *, key, patient_id, sex, age_years, scan_date, visit) -> Scan:
    """Write a (z, y, x) scan as a folder of DICOM files, IM0001.dcm the most cranial; it appears only when complete.

    Parameters
    ----------
    folder : str or Path
        An existing one is replaced.
    hu : ndarray of int16 (z, y, x)
        In [-1024, 3071].
    spacing_mm : tuple of float (z, y, x)
    protocol : study.phantom.scanner.protocol.Protocol
    key : str
        Text that no other scan has: the UIDs follow from it (UUIDs of its digest, DICOM PS3.5 B.2).
    patient_id, sex, scan_date : str
        The date as YYYY-MM-DD.
    age_years, visit : int

    Returns
    -------
    Scan
        What `study.scans.ct.read_scan` gives back for the folder.
    """
    folder = Path(folder)
    scan = scan_from_array(hu, spacing_mm)
    shared = Dataset()
    _say_who(shared, patient_id, sex, age_years, scan_date, visit)
    _say_how(shared, scan, protocol)
    shared.StudyInstanceUID, shared.SeriesInstanceUID = _uid(key, "study"), _uid(key, "series")
    shared.FrameOfReferenceUID = _uid(key, "frame")
    # RAS -> LPS; the array's y runs to the back and x to the left, as DICOM's own axes do
    x, y, lowest = scan.affine[:3, 3] * (-1, -1, 1)
    with whole(folder) as partial:
        partial.mkdir()
        for number, section in enumerate(reversed(scan.hu), start=1):
            image = Dataset(shared)
            image.file_meta = FileMetaDataset()
            image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            image.SOPInstanceUID, image.InstanceNumber = _uid(key, "image", number), number
            z = lowest + scan.spacing_mm[0] * (len(scan.hu) - number)
            image.ImagePositionPatient = [_decimal(x), _decimal(y), _decimal(z)]
            image.SliceLocation = _decimal(z)
            image.PixelData = (section.astype(np.int32) - LOWEST_HU).astype("<u2").tobytes()
            image.save_as(partial / f"IM{number:04d}.dcm", enforce_file_format=True)
    return Scan(scan.hu, scan.grid, folder)


def _uid(*parts) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


def _say_who(ds: Dataset, patient_id: str, sex: str, age_years: int, scan_date: str, visit: int) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID = f"Simulated^{patient_id}", patient_id
    ds.PatientSex, ds.PatientAge = sex[0].upper(), f"{int(age_years):03d}Y"
    ds.PatientBirthDate = ds.AccessionNumber = ds.ReferringPhysicianName = ""
    ds.QualityControlSubject = "YES"  # in the standard this means: a phantom, not a person
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "simulated: there never was a patient"
    ds.ImageComments = ds.StudyDescription = SIMULATED
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = scan_date.replace("-", "")
    ds.StudyTime = ds.ContentTime = "120000"
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = str(visit), 1, 1


def _say_how(ds: Dataset, scan: Scan, protocol) -> None:
    ds.SOPClassUID, ds.Modality, ds.BodyPartExamined = CTImageStorage, "CT", "CHEST"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Manufacturer, ds.ManufacturerModelName = "simulated", "study.phantom.cohorts"
    ds.SeriesDescription = f"SIMULATED {protocol.slice_thickness_mm:g} mm {protocol.kernel}"
    ds.KVP, ds.Exposure = _decimal(protocol.tube_voltage_kv), round(protocol.tube_current_mas)
    ds.ConvolutionKernel = protocol.kernel.upper()
    ds.ReconstructionDiameter = _decimal(protocol.field_of_view_mm)
    ds.SliceThickness = _decimal(protocol.slice_thickness_mm)
    ds.SpacingBetweenSlices = _decimal(scan.spacing_mm[0])
    ds.PixelSpacing = [_decimal(scan.spacing_mm[1]), _decimal(scan.spacing_mm[2])]
    ds.PatientPosition, ds.ImageOrientationPatient = "HFS", [1, 0, 0, 0, 1, 0]
    ds.PositionReferenceIndicator = ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = scan.hu.shape[1:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = LOWEST_HU, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = LUNG_WINDOW


def _decimal(value: float) -> str:
    """A number in at most the 16 characters that DICOM allows."""
    return format_number_as_ds(float(value))
