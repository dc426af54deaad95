"""NIfTI files that are not what they should be are read as their header means, or refused with file and remedy."""

import gzip
import os

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.orientations import turned
from helpers.refusals import refused
from study.scans.ct import (
    ScanError,
    read_scan,
    write_scan,
)
from study.scans.nifti import NiftiFile

# --- NIfTI files that are not what they should be ---


def test_missing_path(tmp_path):
    refused(tmp_path / "nowhere.nii.gz", "no such file")
    refused(tmp_path / ("long" * 100), "cannot be used")
    (tmp_path / "a.nii").write_bytes(b"x")
    refused(tmp_path / "a.nii" / "b.nii", "no such file")


def test_empty_file(tmp_path):
    (tmp_path / "a.nii.gz").touch()
    refused(tmp_path / "a.nii.gz", "empty")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.nii")
    refused(tmp_path / "pipe.nii", "neither a file nor a folder")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"not an image at all " * 40, "not a NIfTI"),
        (b"short", "not a NIfTI"),
        (b"PK\3\4" + bytes(600), "zip"),
        (bytes(128) + b"DICM" + bytes(600), "folder"),
        ((348).to_bytes(4, "little") + bytes(600), "Analyze"),
        ((348).to_bytes(4, "little") + bytes(20), "truncated"),
        (gzip.compress(b"not an image at all " * 40, mtime=0), "not a NIfTI"),
        (b"\x1f\x8b" + bytes(100), "damaged"),
    ],
)
def test_not_a_nifti_file(tmp_path, content, word):
    (tmp_path / "a.nii.gz").write_bytes(content)
    refused(tmp_path / "a.nii.gz", word)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("left", [0.02, 0.3, 0.9, -1])
def test_truncated_file(scan_file, suffix, left):
    path = scan_file("scan" + suffix).path
    whole = path.read_bytes()
    path.write_bytes(whole[: left if left < 0 else int(left * len(whole))])
    refused(path, "truncated", "again")


def test_truncated_before_it_was_compressed(scan_file):
    path = scan_file().path
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-100]))
    refused(path, "truncated")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_more_bytes_than_the_header_says(scan_file, suffix):
    path = scan_file("scan" + suffix).path
    content = path.read_bytes()
    more = gzip.compress(gzip.decompress(content) + bytes(9)) if suffix.endswith("gz") else content + bytes(9)
    path.write_bytes(more)
    refused(path, "9 bytes more")


def test_checksum_after_the_last_voxel_is_compared(scan_file):
    path = scan_file().path
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    refused(path, "damaged", "CRC")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_single_flipped_byte_passes_or_escapes(data, tmp_path_factory, chest):
    """Whatever one byte of a .nii.gz is changed to, the scan is read the same or refused."""
    path = tmp_path_factory.mktemp("flip") / "scan.nii.gz"
    hu = chest((3, 12, 14))
    write_scan(path, hu, (20.0, 10.0, 8.0))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        read = read_scan(path).hu
    except ScanError:
        return
    np.testing.assert_array_equal(read, hu)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 351), value=st.integers(0, 255))
def test_a_header_with_any_byte_changed_gives_a_scan_or_a_scan_error(place, value, tmp_path_factory, chest):
    path = tmp_path_factory.mktemp("header") / "scan.nii"
    write_scan(path, chest((3, 12, 14)), (20.0, 10.0, 8.0))
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content)
    try:
        scan = read_scan(path)
    except ScanError:
        return
    assert scan.hu.size == 3 * 12 * 14


def test_a_gzip_file_named_nii_and_the_other_way_round(scan_file):
    scan = scan_file("scan.nii.gz")
    other = scan.path.rename(scan.path.with_name("scan.nii"))
    np.testing.assert_array_equal(read_scan(other).hu, scan.hu)
    plain = scan.path.with_name("plain.nii.gz")
    plain.write_bytes(gzip.decompress(other.read_bytes()))
    np.testing.assert_array_equal(read_scan(plain).hu, scan.hu)


def test_four_dimensions_are_refused_and_a_trailing_axis_of_one_is_dropped(chest, nifti_file):
    hu = chest()
    stored, affine = turned(hu, (20.0, 10.0, 8.0), (0, 1, 2), (-1, -1, 1))
    refused(nifti_file(np.stack([stored, stored], -1), affine), "4 dimensions", "split")
    refused(nifti_file(stored[:, :, 0], affine), "2 dimensions")
    np.testing.assert_array_equal(read_scan(nifti_file(stored[..., None], affine)).hu, hu)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_single_slice(chest, nifti_file, axis):
    stored = np.take(chest().transpose(), [3], axis)
    refused(nifti_file(stored), "single slice", "a section is no volume")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(chest, nifti_file, bad):
    stored = chest().transpose().astype(np.float32)
    stored[3, 4, 2] = bad
    refused(nifti_file(stored), "not finite", "section 3")


def _pixdim(n, value):
    def edit(header):
        header["pixdim"][n] = value

    return edit


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("value", [0.0, -1.5, np.nan])
def test_spacing_that_is_not_positive(chest, nifti_file, n, value):
    refused(nifti_file(chest().transpose(), edit=_pixdim(n, value)), "spacing")


def test_spacing_zero_in_the_affine(chest, nifti_file):
    def edit(header):
        header["srow_z"] = 0

    refused(nifti_file(chest().transpose(), edit=edit), "zero")


def test_two_spacings(chest, nifti_file):
    refused(nifti_file(chest().transpose(), edit=_pixdim(3, 1.0)), "two voxel sizes", "8 x 10 x 1 mm")


@pytest.mark.parametrize("factor", [0.001, 1000])
def test_absurd_spacing(chest, nifti_file, factor):
    affine = np.diag([-1.5 * factor, -2 * factor, 5 * factor, 1])
    refused(nifti_file(chest().transpose(), affine), "outside 0.05 to 20 mm", "unit")


@pytest.mark.parametrize(("code", "word"), [(1, "metres"), (3, "micrometres")])
def test_other_units_than_millimetres(chest, nifti_file, code, word):
    def edit(header):
        header["xyzt_units"] = code

    refused(nifti_file(chest().transpose(), edit=edit), word)


def test_sheared(chest, nifti_file):
    affine = np.diag([-8.0, -10.0, 20.0, 1.0])
    affine[1, 2] = 20 * np.tan(np.radians(12))  # a gantry tilted by 12 degrees
    affine[:3, 2] *= 20 / np.linalg.norm(affine[:3, 2])
    refused(nifti_file(chest().transpose(), affine, edit=_sform_only), "sheared", "78.0 degrees")


def _sform_only(header):
    header["qform_code"] = 0


def test_turned_too_far_to_call_a_section_axial(chest, nifti_file):
    angle = np.radians(40)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    refused(nifti_file(chest().transpose(), turn @ np.diag([-8.0, -10.0, 20.0, 1.0])), "turned by 40 degrees")


def test_no_orientation(chest, nifti_file):
    def edit(header):
        header["sform_code"] = header["qform_code"] = 0

    refused(nifti_file(chest().transpose(), edit=edit), "does not give the orientation")


def test_qform_alone_is_enough(chest, nifti_file):
    def edit(header):
        header["sform_code"] = 0

    hu = chest()
    stored, affine = turned(hu, (20.0, 10.0, 8.0), (0, 1, 2), (-1, -1, 1))
    np.testing.assert_array_equal(read_scan(nifti_file(stored, affine, edit=edit)).hu, hu)


def test_qfac_of_zero_means_one(chest, nifti_file):
    def edit(header):
        header["sform_code"], header["pixdim"][0] = 0, 0

    hu = chest()
    stored, affine = turned(hu, (20.0, 10.0, 8.0), (0, 1, 2), (-1, -1, 1))
    np.testing.assert_array_equal(read_scan(nifti_file(stored, affine, edit=edit)).hu, hu)


@pytest.mark.parametrize("mirrored", [[-1, 1, 1, 1], [1, 1, -1, 1], [1, -1, 1, 1]], ids=["sides", "head", "back"])
def test_two_orientations(chest, nifti_file, mirrored):
    """Mirrored between sform and qform: one of the two swaps the sides, or turns the lungs upside down."""

    def edit(header):
        header["srow_x"], header["srow_y"], header["srow_z"] = (header.get_sform() @ np.diag(mirrored))[:3]

    refused(nifti_file(chest().transpose(), edit=edit), "two orientations", "LPS")


def test_a_qform_that_is_not_finite(chest, nifti_file):
    def edit(header):
        header["qoffset_x"] = np.inf

    refused(nifti_file(chest().transpose(), edit=edit), "qform cannot be used", "not finite")


def test_a_shift_or_a_small_turn_between_sform_and_qform_is_fine(chest, nifti_file):
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.05), -np.sin(0.05)], [np.sin(0.05), np.cos(0.05)]]

    def edit(header):
        moved = turn @ header.get_sform()
        moved[:3, 3] += [12, -7, 30]
        header["srow_x"], header["srow_y"], header["srow_z"] = moved[:3]

    np.testing.assert_array_equal(read_scan(nifti_file(chest().transpose(), edit=edit)).hu, chest())


@pytest.mark.parametrize("dtype", [">i2", "<i4", "<f4", ">f8", "<i8"])
def test_other_number_types(chest, nifti_file, dtype):
    np.testing.assert_array_equal(read_scan(nifti_file(chest().transpose().astype(dtype))).hu, chest())


def test_slope_and_intercept_are_applied(chest, nifti_file):
    def edit(header):
        header["scl_slope"], header["scl_inter"] = 0.5, -1024

    stored = ((chest().astype(int) + 1024) * 2).transpose().astype(np.uint16)
    np.testing.assert_array_equal(read_scan(nifti_file(stored, edit=edit)).hu, chest())


def test_nifti_2(chest, nifti_file):
    path = nifti_file(chest().transpose(), image_class=nibabel.Nifti2Image)
    np.testing.assert_array_equal(read_scan(path).hu, chest())


def test_colours_and_complex_numbers(nifti_file):
    refused(nifti_file(np.zeros((8, 8, 3), np.complex64)), "complex64")
    colour = np.zeros((8, 8, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    refused(nifti_file(colour), "plain numbers")


def test_a_header_that_promises_more_than_memory(chest, nifti_file):
    def edit(header):
        header["dim"][1:4] = 32767

    refused(nifti_file(chest().transpose(), edit=edit), "truncated")


def _no_section_is_read(monkeypatch):
    def fail(self):
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(NiftiFile, "sections", fail)


def test_a_small_file_that_unpacks_to_much_is_refused_unread(tmp_path, monkeypatch):
    hu = np.zeros((300, 512, 512), np.int16)
    nibabel.save(nibabel.Nifti1Image(hu.T, np.diag([-0.7, -0.7, 1, 1])), tmp_path / "bomb.nii.gz")
    _no_section_is_read(monkeypatch)
    refused(tmp_path / "bomb.nii.gz", "would unpack to 157,286,", "200 times")


def test_more_voxels_than_are_read_are_refused_unread(tmp_path, monkeypatch):
    with open(tmp_path / "long.nii", "wb") as file:
        header = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.diag([-0.7, -0.7, 0.03, 1])).header
        header["dim"][1:4], header["pixdim"][3], header["srow_z"][2] = (512, 512, 32767), 0.06, 0.06
        header["vox_offset"], header["magic"], header["sform_code"], header["qform_code"] = 352, b"n+1", 1, 0
        file.write(header.binaryblock)
        file.truncate(352 + 2 * 512 * 512 * 32767)  # a sparse file
    _no_section_is_read(monkeypatch)
    refused(tmp_path / "long.nii", "512 x 512 x 32767 voxels", "1,073,741,824")


@pytest.mark.parametrize("spacing_mm", [(20.0, 10.0, 2.1), (20.0, 2.4, 8.0), (9.9, 10.0, 8.0)])
def test_a_volume_too_small_for_a_chest(scan_file, spacing_mm):
    refused(scan_file(spacing_mm=spacing_mm).path, "the volume measures", "60 to 1000 mm along the body and across")


def test_six_sections_of_a_centimetre_are_the_least_that_is_read(scan_file):
    assert read_scan(scan_file(spacing_mm=(10.0, 10.0, 8.0)).path).hu.shape == (6, 24, 28)


def test_a_volume_too_large_for_a_scanner(chest, nifti_file):
    refused(nifti_file(chest((6, 24, 80)).transpose(), np.diag([-15.0, -10.0, 20.0, 1.0])), "1200 mm", "across")
    refused(nifti_file(chest((60, 24, 28)).transpose()), "1200 x 240 x 224 mm", "the chest alone")
