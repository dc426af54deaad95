"""A folder of DICOM slices becomes the right volume, or is refused with a message that says where and why."""

import random

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, generate_uid

from helpers.refusals import refused
from study.scans.ct import ScanError, read_scan, write_label_map, write_scan
from study.scans.nifti import open_nifti


def test_the_same_volume_from_dicom_and_nifti(chest, dicom_folder, tmp_path):
    hu = chest()
    series = read_scan(dicom_folder(hu))
    nifti = write_scan(tmp_path / "scan.nii.gz", hu, (20.0, 10.0, 8.0))
    np.testing.assert_array_equal(series.hu, hu)
    np.testing.assert_array_equal(series.hu, nifti.hu)
    assert series.spacing_mm == nifti.spacing_mm == (20.0, 10.0, 8.0)
    assert series.notes == ()


def test_simpleitk_reads_the_same_volume_in_the_same_place(chest, dicom_folder):
    """Other software: SimpleITK on a series without fault."""
    sitk = pytest.importorskip("SimpleITK")
    folder = dicom_folder(chest())
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    scan = read_scan(folder)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), scan.hu)
    np.testing.assert_allclose(scan.affine[:3, 3], np.array(image.GetOrigin()) * [-1, -1, 1])


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_slices_are_sorted_by_position_not_by_name(chest, dicom_folder, order):
    hu = chest((10, 24, 28))
    names = list(range(10))
    names.reverse() if order == "reversed" else random.Random(1).shuffle(names)
    folder = dicom_folder(hu, name_of=lambda k: f"{names[k]:03d}")  # without a suffix, as scanners write them
    np.testing.assert_array_equal(read_scan(folder).hu, hu)


@pytest.mark.parametrize(
    ("rows", "columns", "turn"),
    [
        ([-1, 0, 0], [0, 1, 0], lambda hu: hu[:, :, ::-1]),  # columns run to the patient's right
        ([1, 0, 0], [0, -1, 0], lambda hu: hu[:, ::-1]),  # prone
        ([0, 1, 0], [1, 0, 0], lambda hu: hu.transpose(0, 2, 1)),
        ([0, -1, 0], [1, 0, 0], lambda hu: hu[:, ::-1].transpose(0, 2, 1)),
    ],
)
def test_turned_sections(chest, dicom_folder, rows, columns, turn, tmp_path):
    hu = chest()

    def edit(dataset, k):
        dataset.ImageOrientationPatient = [*rows, *columns]

    folder = dicom_folder(np.ascontiguousarray(turn(hu)), spacing_mm=(20.0, 8.0, 8.0), edit=edit)
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.hu, hu)
    write_label_map(tmp_path / "labels.nii.gz", (hu > 500).astype(np.uint8), scan)
    stored = np.stack(list(open_nifti(tmp_path / "labels.nii.gz").sections()))
    expected = turn(hu > 500)
    if np.cross(rows, columns)[2] < 0:  # the slices then count from the head
        expected = expected[::-1]
    np.testing.assert_array_equal(stored, expected)


def test_coronal_slices(chest, dicom_folder):
    hu = chest()
    coronal = np.ascontiguousarray(hu.transpose(1, 0, 2)[:, ::-1])  # a slice a y, rows from head to feet

    def edit(dataset, k):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.ImagePositionPatient = [0.0, 10.0 * k, 0.0]

    scan = read_scan(dicom_folder(coronal, spacing_mm=(10.0, 20.0, 8.0), edit=edit))
    np.testing.assert_array_equal(scan.hu, hu)
    assert scan.spacing_mm == pytest.approx((20.0, 10.0, 8.0))


def test_jitter_below_a_millimetre_is_tolerated(chest, dicom_folder):
    def edit(dataset, k):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x + 0.2 * (k % 2), y, z + (0.15 if k % 3 == 1 else 0)]

    scan = read_scan(dicom_folder(chest(), spacing_mm=(15.0, 10.0, 8.0), edit=edit))
    np.testing.assert_array_equal(scan.hu, chest())
    assert scan.spacing_mm[0] == pytest.approx(15.0, abs=0.1)


# --- slices missing, doubled, unlike ---


@pytest.mark.parametrize("missing", [(3,), (3, 4), (2, 6)])
def test_missing_slices(chest, dicom_folder, missing):
    folder = dicom_folder(chest((10, 24, 28)), edit=lambda dataset, k: k not in missing)
    error = refused(folder, "missing", "again", f"IM{missing[0] - 1:04d}.dcm")
    if missing == (3, 4):
        assert "2 between IM0002.dcm (-260.00 mm) and IM0005.dcm (-200.00 mm)" in str(error)


def test_doubled_slice(chest, dicom_folder):
    folder = dicom_folder(chest())
    (folder / "copy.dcm").write_bytes((folder / "IM0002.dcm").read_bytes())
    refused(folder, "1 slice duplicated", "IM0002.dcm", "copy.dcm", "-260.00 mm")


def test_every_slice_doubled(chest, dicom_folder):
    folder = dicom_folder(chest())
    for path in sorted(folder.iterdir()):
        (folder / f"copy-{path.name}").write_bytes(path.read_bytes())
    refused(folder, "6 slices duplicated", "and 3 more")


def test_uneven_slices(chest, dicom_folder):
    def edit(dataset, k):
        if k > 3:
            x, y, z = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x, y, z + 6]

    refused(dicom_folder(chest(), edit=edit), "not evenly spaced", "IM0003.dcm", "26 mm")


def test_slice_beside_the_others(chest, dicom_folder):
    def edit(dataset, k):
        if k == 2:
            x, y, z = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x + 12, y, z]

    folder = dicom_folder(chest(), edit=edit)
    refused(folder, "12.0 mm off the line", named=folder / "IM0002.dcm")


def test_tilted_gantry(chest, dicom_folder):
    def edit(dataset, k):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y + 2.7 * k, z]

    refused(dicom_folder(chest(), spacing_mm=(15.0, 10.0, 8.0), edit=edit), "sheared", "gantry")


def test_single_slice(chest, dicom_folder):
    refused(dicom_folder(chest()[:1]), "single slice", "a section is no volume")


@pytest.mark.parametrize(
    ("tag", "value"),
    [("Rows", 12), ("PixelSpacing", [2.0, 1.6]), ("ImageOrientationPatient", [1, 0, 0, 0, 0, -1])],
)
def test_slices_unlike(chest, dicom_folder, tag, value):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, tag, value) if k == 4 else None)
    refused(folder, tag, "IM0000.dcm", named=folder / "IM0004.dcm")


@pytest.mark.parametrize(("tag", "value"), [("Rows", 12), ("PixelSpacing", [1.0, 1.0])])
def test_the_odd_one_out_is_named_also_where_it_comes_first(chest, dicom_folder, tag, value):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, tag, value) if k == 0 else None)
    refused(folder, tag, "5 slices such as IM0001.dcm", named=folder / "IM0000.dcm")


@pytest.mark.parametrize(
    "kind",
    [
        ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ["DERIVED", "SECONDARY", "PROJECTION IMAGE"],
        ["DERIVED", "SECONDARY", "AXIAL", "MIP"],
        ["DERIVED", "SECONDARY", "REFORMATTED", "MIN_IP"],
        ["DERIVED", "SECONDARY", "THIN MIP"],
    ],
)
def test_a_view_of_the_body_is_no_section(chest, dicom_folder, kind):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, "ImageType", kind) if k == 3 else None)
    refused(folder, kind[-1], "take it out", named=folder / "IM0003.dcm")


@pytest.mark.parametrize(
    "kind", [["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"], ["DERIVED", "SECONDARY", "MPR"], ["DERIVED"], None]
)
def test_other_image_types_are_read(chest, dicom_folder, kind):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, "ImageType", kind))
    np.testing.assert_array_equal(read_scan(folder).hu, chest())


@pytest.mark.parametrize(
    ("tag", "values", "word"),
    [
        ("PatientID", ("Secret one", "Secret two"), "2 patients"),
        ("FrameOfReferenceUID", ("1.2.3", "1.2.4"), "2 frames of reference"),
        ("ConvolutionKernel", ("B30f", "B70f"), "B70f"),
        ("ConvolutionKernel", (["I30f", "3"], ["I70f", "3"]), "I70f"),
    ],
)
@pytest.mark.parametrize("place", [lambda k: k % 2, lambda k: k // 3], ids=["interleaved", "one after the other"])
def test_slices_of_two_origins_are_no_series(chest, dicom_folder, tag, values, word, place):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, tag, values[place(k)]))
    error = refused(folder, word, "3 slices such as IM0000.dcm", "folder of their own")
    assert "secret" not in str(error).lower()


def test_an_id_that_only_some_slices_have_is_no_second_one(chest, dicom_folder):
    def edit(dataset, k):
        dataset.FrameOfReferenceUID = "1.2.3" if k else ""
        dataset.PatientID = "P" if k else ""

    np.testing.assert_array_equal(read_scan(dicom_folder(chest(), edit=edit)).hu, chest())


def test_acquisitions_that_alternate_are_refused_and_those_that_follow_each_other_said(chest, dicom_folder):
    def numbered(place):
        return lambda dataset, k: setattr(dataset, "AcquisitionNumber", 1 + place(k))

    refused(dicom_folder(chest(), folder="mixed", edit=numbered(lambda k: k % 2)), "2 acquisitions", "1, 2")
    for folder, place, parts in (("two", lambda k: k // 3, 2), ("step and shoot", lambda k: k, 6)):
        scan = read_scan(dicom_folder(chest(), folder=folder, edit=numbered(place)))
        np.testing.assert_array_equal(scan.hu, chest())
        assert scan.notes == (f"it was acquired in {parts} parts, one after the other along the body",)
    assert read_scan(dicom_folder(chest(), folder="one", edit=numbered(lambda k: 0))).notes == ()


def test_two_series_are_listed(chest, dicom_folder):
    def edit(dataset, k):
        dataset.SliceThickness, dataset.ConvolutionKernel, dataset.SeriesNumber = 1.25, "LUNG", 3

    dicom_folder(chest((4, 24, 28)), edit=edit, name_of="THIN{:04d}.dcm".format)
    folder = dicom_folder(chest())
    refused(folder, "2 series", "6 files", "IM0000.dcm", "4 files", "1.25 mm thick", "LUNG", "folder of their own")


def test_series_uid_missing_in_one_slice_is_another_series(chest, dicom_folder):
    def edit(dataset, k):
        if k == 1:
            dataset.SeriesInstanceUID = ""

    refused(dicom_folder(chest(), edit=edit), "2 series")


# --- files ---


@pytest.mark.parametrize("left", [0, 100, 140, 500, 700, 0.7, -2])
def test_truncated_slice(chest, dicom_folder, left):
    folder = dicom_folder(chest())
    path = folder / "IM0005.dcm"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    refused(folder, "again", named=path)


def test_a_header_cut_off_anywhere_is_said_to_be_cut_off(chest, dicom_folder):
    """Also inside a sequence, and inside the length of an element."""

    def edit(dataset, k):
        referenced = pydicom.Dataset()
        referenced.ReferencedSOPClassUID, referenced.ReferencedSOPInstanceUID = CTImageStorage, "1.2.3.4"
        dataset.ReferencedImageSequence = [referenced, referenced]

    folder = dicom_folder(chest((1, 24, 28)), edit=edit)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    said = set()
    for left in range(132, whole.rfind(b"\xe0\x7f\x10\x00") + 12):
        path.write_bytes(whole[:left])
        with pytest.raises(ScanError) as caught:
            read_scan(folder)
        said.add(caught.value.what.partition("lacks")[0])
    assert said <= {
        "the DICOM header is cut off: the file is truncated",
        "the header ends before Rows and Columns: the file is truncated",
        "the header ",
        f"the series is a single slice ({path.name}), and a section is no volume",
    }


def test_pixels_fewer_than_rows_and_columns(chest, dicom_folder):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, "Rows", 30))
    refused(folder, "truncated", named=folder / "IM0000.dcm")


def test_pixels_more_than_rows_and_columns(chest, dicom_folder):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, "Rows", 20))
    refused(folder, "the header announces", named=folder / "IM0000.dcm")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_of_a_header_passes_or_escapes(data, chest, dicom_folder):
    """Whatever one byte of a header is changed to: the same volume, a note or a ScanError, nothing else."""
    hu = chest((3, 12, 14))
    folder = dicom_folder(hu)
    path = folder / "IM0002.dcm"
    content = bytearray(path.read_bytes())
    header_end = len(content) - 12 * 14 * 2
    content[data.draw(st.integers(128, header_end - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        scan = read_scan(folder)
    except ScanError as error:
        assert "secret" not in str(error).lower()
        return
    assert scan.hu.shape == hu.shape
    assert scan.notes or np.array_equal(scan.hu, hu)


def test_folder_without_dicom(tmp_path, chest, dicom_folder):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no DICOM image")
    dicom_folder(chest())
    (tmp_path / "notes.txt").write_text("nothing")
    refused(tmp_path, "only the folders empty, series", "slices themselves")


def test_files_beside_are_left_out_and_counted(chest, dicom_folder):
    folder = dicom_folder(chest())
    for name in ("report.txt", "DICOMDIR", "preview.jpg"):
        (folder / name).write_bytes(b"something else, longer than the preamble of a DICOM file" * 4)
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "inside").mkdir()
    report = pydicom.Dataset()
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.67", generate_uid()
    report.Modality, report.SeriesInstanceUID = "SR", generate_uid()
    report.save_as(folder / "dose.dcm", enforce_file_format=True)
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.hu, chest())
    assert scan.notes == ("left out 4 files beside the slices",)  # not named: a name may be a patient's


def test_a_damaged_file_that_is_called_dicom_is_not_left_out(chest, dicom_folder):
    folder = dicom_folder(chest())
    (folder / "IM0005.dcm").write_bytes(b"no longer what it was" * 30)
    refused(folder, "not a DICOM file", named=folder / "IM0005.dcm")


@pytest.mark.parametrize("how", ["empty", "absent"])
def test_no_pixels(chest, dicom_folder, how):
    def edit(dataset, k):
        if k == 3:
            dataset.PixelData = b""
            if how == "absent":
                del dataset.PixelData

    folder = dicom_folder(chest(), edit=edit)
    refused(folder, "no pixels", named=folder / "IM0003.dcm")


@pytest.mark.parametrize("start", [132, "at the first element"])
@pytest.mark.parametrize("name_of", ["IM{:04d}.dcm".format, "{:08d}".format])
def test_files_without_a_preamble(chest, dicom_folder, start, name_of):
    """Older software writes the elements alone, with or without those that name the encoding."""
    folder = dicom_folder(chest(), name_of=name_of)
    for path in folder.iterdir():
        content = path.read_bytes()
        meta_bytes = int.from_bytes(content[140:144], "little")
        path.write_bytes(content[132 if start == 132 else 144 + meta_bytes :])
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.hu, chest())
    assert scan.notes == ()


def test_what_starts_like_dicom_by_chance_is_left_out(chest, dicom_folder):
    folder = dicom_folder(chest())
    (folder / "data.bin").write_bytes(b"\x08\0\x05\0" + bytes(range(256)) * 4)
    assert read_scan(folder).notes == ("left out 1 file beside the slices",)


def test_an_error_that_nobody_foresaw_is_a_scan_error_that_names_its_type(chest, dicom_folder, monkeypatch):
    def fail(path, header):
        raise ZeroDivisionError("Secret^Name")

    monkeypatch.setattr("study.scans.dicom.hounsfield", fail)
    error = refused(dicom_folder(chest()), "ZeroDivisionError")
    assert "Secret" not in str(error)


def test_one_file_is_not_a_series(chest, dicom_folder):
    path = dicom_folder(chest()) / "IM0002.dcm"
    refused(path, "one DICOM file", "folder")


def test_no_name_of_a_patient_comes_out(chest, dicom_folder, tmp_path):
    """Neither messages nor label maps carry what a header says of a person."""
    folder = dicom_folder(chest())
    scan = read_scan(folder)
    write_label_map(tmp_path / "labels.nii", (scan.hu > 0).astype(np.uint8), scan)
    assert b"Secret" not in (tmp_path / "labels.nii").read_bytes()
    assert b"SECRET" not in (tmp_path / "labels.nii").read_bytes()
    (folder / "IM0002.dcm").unlink()
    dicom_folder(chest(), name_of="B{:03d}.dcm".format)
    assert "secret" not in str(refused(folder, "2 series")).lower()
