"""A scan is read the right way round or refused with a message that names the file and the remedy."""

import pickle
import subprocess
import sys

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.orientations import ORIENTATIONS, turned
from helpers.refusals import refused
from study.scans.ct import (
    HIGHEST_HU,
    LOWEST_HU,
    read_label_map,
    read_mask,
    read_scan,
    scan_from_array,
    write_label_map,
    write_mask,
    write_scan,
)
from study.scans.grid import Grid


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_any_orientation_is_read_alike_and_its_label_map_lies_on_it(order, signs, chest, nifti_file, tmp_path):
    hu = chest()
    stored, affine = turned(hu, (20.0, 10.0, 8.0), order, signs)
    scan = read_scan(nifti_file(stored, affine))
    np.testing.assert_array_equal(scan.hu, hu)
    assert scan.spacing_mm == pytest.approx((20.0, 10.0, 8.0))
    assert scan.hu.flags.c_contiguous and scan.hu.dtype == np.int16

    labels = np.where(hu > 500, 2, np.where(hu < -700, 1, 0)).astype(np.uint8)
    write_label_map(tmp_path / "labels.nii.gz", labels, scan)
    image = nibabel.load(tmp_path / "labels.nii.gz")
    assert image.shape == stored.shape
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.affine, affine, atol=1e-4)
    in_file = np.asarray(image.dataobj)
    np.testing.assert_array_equal(in_file == 2, stored > 500)
    np.testing.assert_array_equal(read_label_map(tmp_path / "labels.nii.gz", scan), labels)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ORIENTATIONS),
    st.tuples(*[st.integers(4, 8)] * 3),
    st.tuples(*[st.floats(-12, 12)] * 3),
    st.tuples(*[st.floats(15.1, 19.9)] * 3),
)
def test_to_zyx_and_back_is_the_identity(orientation, shape, angles, spacing_mm):
    hu = np.arange(np.prod(shape)).reshape(shape)
    stored, affine = turned(hu, spacing_mm, *orientation)
    for axis, angle in enumerate(np.radians(angles)):  # a small tilt about each axis
        turn, (a, b) = np.eye(4), [n for n in range(3) if n != axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        affine = turn @ affine
    grid = Grid(stored.shape, affine)
    grid.check("any.nii")
    np.testing.assert_array_equal(grid.to_zyx(stored), hu)
    np.testing.assert_array_equal(grid.to_stored(grid.to_zyx(stored)), stored)
    assert grid.spacing_mm == pytest.approx(spacing_mm)
    assert grid.shape_zyx == shape
    assert grid.differs_from(grid) is None


def test_right_is_right(chest, nifti_file):
    """x = 0 is the patient's right: nibabel's own closest-canonical array (RAS) reads from the other end."""
    hu = chest()
    path = nifti_file(*turned(hu, (20.0, 10.0, 8.0), (1, 0, 2), (-1, 1, -1)))
    ras = np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj)
    np.testing.assert_array_equal(read_scan(path).hu, ras[::-1, ::-1, :].transpose())


def test_simpleitk_sees_the_same_scan(scan_file):
    """Other software: SimpleITK has arrays as (z, y, x) and directions as LPS, the order of this package."""
    sitk = pytest.importorskip("SimpleITK")
    scan = scan_file()
    image = sitk.ReadImage(str(scan.path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), scan.hu)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert image.GetSpacing()[::-1] == pytest.approx(scan.spacing_mm)


def test_write_scan_returns_what_read_scan_gives_back(scan_file):
    written = scan_file()
    read = read_scan(written.path)
    np.testing.assert_array_equal(read.hu, written.hu)
    np.testing.assert_allclose(read.affine, written.affine)
    assert read.spacing_mm == pytest.approx(written.spacing_mm)
    assert read.voxel_ml == pytest.approx(20.0 * 10.0 * 8.0 / 1000)
    assert read.notes == ()


def test_write_scan_rounds_halves_to_even_and_clips(tmp_path):
    hu = np.full((2, 2, 4), 0.0)
    hu[0, 0] = [0.5, 1.5, -3000, 9000]
    written = write_scan(tmp_path / "a.nii", hu, (1, 1, 1))
    assert written.hu[0, 0].tolist() == [0, 2, LOWEST_HU, HIGHEST_HU]
    assert hu[0, 0, 2] == -3000  # the input is left as it was


@pytest.mark.parametrize(
    ("hu", "spacing_mm", "word"),
    [
        (np.zeros((4, 4)), (1, 1, 1), "three axes"),
        (np.zeros((2, 4, 4)), (1, 1), "spacing_mm"),
        (np.zeros((2, 4, 4)), (1, 0, 1), "spacing_mm"),
        (np.full((2, 4, 4), np.nan), (1, 1, 1), "finite"),
    ],
)
def test_write_scan_refuses_what_is_no_scan(tmp_path, hu, spacing_mm, word):
    with pytest.raises(ValueError, match=word):
        write_scan(tmp_path / "a.nii", hu, spacing_mm)
    assert not list(tmp_path.iterdir())


def test_the_same_scan_gives_the_same_bytes_and_leaves_nothing_beside(tmp_path, chest):
    for name in ("one.nii.gz", "two.nii.gz"):
        write_scan(tmp_path / name, chest(), (20.0, 10.0, 8.0))
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.nii.gz", "two.nii.gz"]


def test_a_failed_write_leaves_the_older_file(tmp_path, scan_file, monkeypatch):
    scan = scan_file()
    before = scan.path.read_bytes()

    def fail(image, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nibabel, "save", fail)
    with pytest.raises(OSError, match="No space"):
        write_mask(scan.path, scan.hu > 0, scan)
    assert scan.path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["scan.nii.gz"]


# --- masks ---


def test_mask_round_trip_also_empty(scan_file, tmp_path):
    scan = scan_file()
    for mask in (scan.hu < -700, np.zeros(scan.hu.shape, bool)):
        write_mask(tmp_path / "mask.nii.gz", mask, scan)
        read = read_mask(tmp_path / "mask.nii.gz", scan)
        assert read.dtype == bool
        np.testing.assert_array_equal(read, mask)


def test_mask_stored_in_another_order_of_the_same_voxels_fits(scan_file, nifti_file):
    scan = scan_file()
    stored, affine = turned((scan.hu < -700).astype(np.uint8), scan.spacing_mm, (2, 0, 1), (-1, -1, 1))
    affine[:3, 3] += scan.grid._corners_mm.min(axis=1) - [-70, -50, 20]
    np.testing.assert_array_equal(read_mask(nifti_file(stored, affine, "m.nii.gz"), scan), scan.hu < -700)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda mask, affine: (mask[:, :, 1:], affine), "voxels"),
        (lambda mask, affine: (mask, affine @ np.diag([1.02, 1, 1, 1])), "spacing"),
        (lambda mask, affine: (mask, affine + 2 * np.eye(4, k=3)), "corners"),
        (lambda mask, affine: (mask, affine @ np.diag([-1, 1, 1, 1])), "corners"),
    ],
)
def test_mask_on_another_grid_is_refused(scan_file, nifti_file, change, word):
    scan = scan_file()
    mask = scan.grid.to_stored(scan.hu < -700).astype(np.uint8)
    path = nifti_file(*change(mask, scan.affine), name="mask.nii.gz")
    refused(path, "another grid", "scan.nii.gz", word, read=lambda p: read_mask(p, scan))


def test_mask_whose_affine_was_rounded_to_float32_fits(scan_file, nifti_file):
    scan = scan_file()
    mask = scan.grid.to_stored(scan.hu < -700).astype(np.uint8)
    read_mask(nifti_file(mask, scan.affine.astype(np.float32) + 1e-4, "mask.nii.gz"), scan)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(255, np.uint8), (2, np.int16), (-1, np.int16), (0.5, np.float32), (np.nan, np.float32)],
)
def test_mask_of_other_values_is_refused(scan_file, nifti_file, value, dtype):
    scan = scan_file()
    mask = np.zeros(scan.grid.shape, dtype)
    mask[1, 2, 3] = value
    refused(nifti_file(mask, scan.affine, "mask.nii.gz"), "0 and 1", read=lambda p: read_mask(p, scan))


def test_label_map_beyond_2_is_refused(scan_file, nifti_file, tmp_path):
    scan = scan_file()
    labels = np.zeros(scan.grid.shape, np.uint8)
    labels[0, 0, 0] = 3
    refused(nifti_file(labels, scan.affine, "l.nii.gz"), "infection", read=lambda p: read_label_map(p, scan))
    with pytest.raises(ValueError, match="0, 1 and 2"):
        write_label_map(tmp_path / "x.nii.gz", scan.grid.to_zyx(labels), scan)
    with pytest.raises(ValueError, match="shape"):
        write_label_map(tmp_path / "x.nii.gz", np.zeros((1, 2, 3), np.uint8), scan)
    with pytest.raises(ValueError, match=r"\.nii"):
        write_label_map(tmp_path / "x.mha", np.zeros(scan.hu.shape, np.uint8), scan)


# --- numbers that are not HU ---


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda hu: np.clip((hu + 1000) / 5, 0, 255).astype(np.uint8), "8-bit"),
        (lambda hu: (np.clip(hu, -1000, 400) + 1000) / 1400, "normalised"),
        (lambda hu: hu + 1024, "rescale intercept"),
        (lambda hu: np.clip(hu, -160, 240), "windowed"),
        (lambda hu: np.clip(hu, -1350, 150), "display window"),
        (lambda hu: np.where(np.arange(hu.shape[2]) < 4, -2000, hu + 1024), "padding"),
        (lambda hu: np.where(hu < -500, hu, -1000), "tissue"),
        (lambda hu: np.full_like(hu, -1000), "every voxel"),
        (lambda hu: (hu < -500).astype(np.uint8), "looks like a mask"),
        (lambda hu: np.where(hu < -500, 35, 0).astype(np.float32), "looks like a mask"),
        (lambda hu: np.where(np.arange(hu.shape[2]) < 4, 63536, hu.astype(int)), "63536"),
        (lambda hu: hu.byteswap(), "above 3071"),
    ],
)
def test_not_hounsfield_units(chest, nifti_file, change, word):
    stored = np.asarray(change(chest((8, 32, 36)))).transpose()
    if stored.dtype == np.float64:
        stored = stored.astype(np.float32)
    if stored.dtype == np.int64:
        stored = stored.astype(np.int32)
    refused(nifti_file(stored), word, "not a chest in HU")


def test_padding_below_the_range_is_clipped(chest, nifti_file):
    hu = np.where(np.arange(28) < 3, -2000, chest())
    read = read_scan(nifti_file(hu.transpose().astype(np.int16))).hu
    assert read.min() == LOWEST_HU
    np.testing.assert_array_equal(read, np.maximum(hu, LOWEST_HU))


def test_a_drawn_box_of_few_values_is_a_scan(nifti_file):
    hu = np.full((4, 10, 10), -1000, np.int16)
    hu[:, 3:7, 3:7] = 40
    assert read_scan(nifti_file(hu.transpose())).hu.shape == (4, 10, 10)


# --- the rest ---


def test_scan_error_survives_a_worker_process(tmp_path):
    error = refused(tmp_path / "nowhere.nii")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path, again.what, again.remedy) == (
        str(error),
        error.path,
        error.what,
        error.remedy,
    )
    assert isinstance(error, ValueError)


def test_scan_from_array_is_on_the_grid_of_write_scan(scan_file):
    scan = scan_file()
    other = scan_from_array(scan.hu, scan.spacing_mm)
    np.testing.assert_array_equal(other.affine, scan.affine)
    np.testing.assert_array_equal(other.hu, scan.hu)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts in kilobytes on Linux alone")
def test_memory_is_about_twice_the_volume(tmp_path, chest):
    """A flipped 180 x 256 x 256 scan (22 MiB as int16) is read with little more than twice that."""
    hu = np.tile(chest((6, 256, 256)), (30, 1, 1))
    stored, affine = turned(hu, (1.0, 1.0, 1.0), (0, 1, 2), (1, 1, -1))
    nibabel.save(nibabel.Nifti1Image(stored, affine, dtype=np.int16), tmp_path / "scan.nii.gz")
    program = (
        "import resource, sys; from study.scans.ct import read_scan\n"
        "size = lambda: resource.getrusage(0).ru_maxrss\n"
        "before = size(); scan = read_scan(sys.argv[1]); print((size() - before) * 1024 / scan.hu.nbytes)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "scan.nii.gz")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(ran.stdout) < 2.6


def test_the_real_scan(real_data):
    scan = read_scan(real_data / "covid-ct-md" / "P002_covid_10mm_every_5mm.nii.gz")
    assert scan.hu.shape == (52, 512, 512)
    assert scan.spacing_mm == pytest.approx((5.0, 0.6035, 0.6035), abs=1e-3)
    assert scan.hu.min() == -1024 and 1000 < scan.hu.max() < 3071


def test_the_real_series_is_the_scan_from_which_the_thick_sections_were_averaged(real_data):
    series = read_scan(real_data / "covid-ct-md" / "P002_dicom_slices_20-59")
    thick = read_scan(real_data / "covid-ct-md" / "P002_covid_10mm_every_5mm.nii.gz").hu
    assert series.hu.shape == (40, 512, 512)
    assert series.spacing_mm == pytest.approx((2.0, 0.6035, 0.6035), abs=1e-3)
    for first, section in ((0, 8), (5, 10), (10, 12)):  # 10 mm are five slices of 2 mm
        mean = series.hu[first : first + 5].mean(axis=0)
        assert np.abs(mean - thick[section]).mean() < 0.5
