"""Headers of DICOM slices: what is missing, what is no CT, and what is read although it is unusual."""

import numpy as np
import pytest
from pydicom.uid import generate_uid

from helpers.refusals import refused
from study.scans.ct import read_scan


@pytest.mark.parametrize(
    "tag",
    ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"],
)
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_missing_element(chest, dicom_folder, tag, how):
    def edit(dataset, k):
        if k == 3:
            delattr(dataset, tag) if how == "absent" else setattr(dataset, tag, None)

    folder = dicom_folder(chest(), edit=edit)
    refused(folder, tag, "export", named=folder / "IM0003.dcm")


@pytest.mark.parametrize(
    ("tag", "value", "word"),
    [
        ("Modality", "MR", "modality is MR"),
        ("PixelSpacing", [0.0, 1.5], "PixelSpacing"),
        ("PixelSpacing", [2.0], "PixelSpacing"),
        ("PixelSpacing", [0.002, 0.0015], "outside 0.05"),
        ("RescaleSlope", 0, "slope"),
        ("RescaleSlope", 37, "slope is 37"),
        ("RescaleSlope", -27, "slope is -27"),
        ("RescaleType", "MGML", "MGML"),
        ("HighBit", 15, "bit 15"),
        ("BitsStored", 17, "17 of 16 bits"),
        ("Rows", 0, "pixels"),
        ("PhotometricInterpretation", "MONOCHROME1", "MONOCHROME1"),
        ("NumberOfFrames", 6, "multi-frame"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "perpendicular"),
        ("BitsAllocated", 12, "stored"),
    ],
)
def test_header_that_gives_no_ct(chest, dicom_folder, tag, value, word):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, tag, value))
    refused(folder, word)


def test_rescale_slope_and_intercept_of_each_slice(chest, dicom_folder):
    hu = chest()

    def edit(dataset, k):
        if k % 2:
            dataset.RescaleSlope, dataset.RescaleIntercept = 0.5, -1000 - k
            dataset.BitsStored, dataset.HighBit = 16, 15
            dataset.PixelData = ((hu[k].astype(int) + 1000 + k) * 2 + 100).astype("<u2").tobytes()
            dataset.RescaleIntercept -= 50

    scan = read_scan(dicom_folder(hu, edit=edit))
    np.testing.assert_array_equal(scan.hu, hu)
    assert scan.notes == ("rescale slope and intercept are not the same in all slices",)


def test_a_unit_that_is_left_open_is_said(chest, dicom_folder):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, "RescaleType", "US"))
    (note,) = read_scan(folder).notes
    assert "RescaleType" in note
    folder = dicom_folder(chest(), folder="hu", edit=lambda dataset, k: setattr(dataset, "RescaleType", "HU"))
    assert read_scan(folder).notes == ()


def test_ids_that_the_standard_does_not_allow(chest, dicom_folder):
    """UUIDs for UIDs, empty SOPInstanceUID, no SeriesNumber: what anonymisers leave."""

    uid, uuid = "1.2.826.0.1.3680043.8.498.1234567890", "09bc8aea-ff9c-4106-8514-294cbcf9a082"

    def edit(dataset, k):
        dataset.SeriesNumber, dataset.SeriesInstanceUID = None, uid
        dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()  # pydicom does not write without
        del dataset.SOPInstanceUID

    folder = dicom_folder(chest(), edit=edit)
    for path in folder.iterdir():  # in the bytes, as pydicom would not write it
        path.write_bytes(path.read_bytes().replace(uid.encode(), uuid.encode()))
        assert uuid.encode() in path.read_bytes()
    np.testing.assert_array_equal(read_scan(folder).hu, chest())
