"""What is unlikely about a scan is said, a usual scan has no notes, and a section that is missing is an error."""

import numpy as np
import pytest
from scipy import ndimage

from helpers.refusals import refused
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.scans.ct import read_scan, write_scan
from study.scans.plausibility import body_notes, measured_pixels


@pytest.fixture(scope="module")
def made():
    """Return a simulated adult in sections of 10 mm."""
    return simulate_scan((1, 2), 1, Habitus("male", 50.0), Disease(extent=0.1), Protocol(matrix=128))


def scaled(spacing_mm, factor):
    return tuple(factor * length for length in spacing_mm)


def test_a_simulated_scan_has_no_notes(made):
    assert body_notes("a.nii", made.hu, made.spacing_mm) == []


def test_a_body_too_narrow_or_too_wide(made):
    narrow = body_notes("a.nii", made.hu, scaled(made.spacing_mm, 0.25))
    assert any("cm wide, and bodies are 12 to 80 cm" in note for note in narrow)
    assert any("cm wide" in note for note in body_notes("a.nii", made.hu, scaled(made.spacing_mm, 2.8)))


def test_a_tenth_of_the_spacing_is_refused(made, tmp_path):
    write_scan(tmp_path / "a.nii", made.hu, scaled(made.spacing_mm, 0.1))
    refused(tmp_path / "a.nii", "the volume measures")


def test_z_and_x_swapped_is_refused(made, tmp_path):
    write_scan(tmp_path / "a.nii", made.hu, made.spacing_mm[::-1])
    refused(tmp_path / "a.nii", "the volume measures")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda hu: hu + 100, ["air at the border"]),
        (lambda hu: 0.7 * hu, ["air at the border"]),
        (lambda hu: 1.5 * (hu + 1024) - 1024, ["tissue measures"]),
    ],
    ids=["100 more", "0.7 times", "slope 1.5"],
)
def test_values_on_another_scale(made, tmp_path, change, words):
    write_scan(tmp_path / "a.nii", change(made.hu.astype(float)), made.spacing_mm)
    notes = read_scan(tmp_path / "a.nii").notes
    for word in words:
        assert any(word in note for note in notes), notes


def test_a_blank_section_within_is_refused_and_at_the_ends_said(made, tmp_path):
    hu = made.hu.copy()
    hu[:2] = -1024
    assert body_notes("a.nii", hu, made.spacing_mm) == [f"blank sections at the ends: 2 of {len(hu)}"]
    hu[9] = 0
    write_scan(tmp_path / "a.nii", hu, made.spacing_mm)
    refused(tmp_path / "a.nii", f"section 10 of {len(hu)}, from the feet, is blank", "every voxel is 0")


def test_copies_of_a_section_are_said(made):
    notes = body_notes("a.nii", np.repeat(made.hu[10:11], 7, axis=0), made.spacing_mm)
    assert notes == ["sections that are the same as the one below: 6 of 7; copies add no volume"]


def test_a_section_of_another_place_is_said(made):
    hu = made.hu.copy()
    hu[12] = hu[12, ::-1]
    assert body_notes("a.nii", hu, made.spacing_mm) == [
        f"section 13 of {len(hu)}, from the feet, is unlike both its neighbours"
    ]


def test_the_field_of_view_is_what_was_measured(made):
    assert measured_pixels(made.hu).all()
    y, x = np.mgrid[-64:64, -64:64]
    for blank, value in ((np.hypot(y, x) > 60, -1024), (x < -30, -1000)):  # a round field; a part that was cut off
        field = measured_pixels(np.where(blank, value, made.hu))
        assert not field[blank].any() and field[ndimage.distance_transform_edt(~blank) > 3].all()


@pytest.mark.parametrize(
    "name",
    [
        "covid-ct-md/P002_covid_10mm_every_5mm.nii.gz",
        "covid-ct-md/P002_dicom_slices_20-59",
        "tcia/ACRIN-FLT-001_chest_only.nii.gz",
        "tcia/ACRIN-FLT-001_head_to_chest_arms_up_256.nii.gz",
        "tcia/ACRIN-FLT-013_5mm.nii.gz",
        "tcia/CPTAC-PDA-00189_bases_5mm.nii.gz",
        "tcia/LPCD-A0002_8mm.nii.gz",
        "tcia/LUNG1-003_3mm_arms_down.nii.gz",
    ],
)
def test_real_scans_have_no_notes(real_data, name):
    assert read_scan(real_data / name).notes == ()
