"""What makes the numbers of a scan doubtful is said, and of a usual scan nothing is said."""

import numpy as np
import pytest
from scipy import ndimage

from study.measures import notes
from study.measures.notes import lung_notes
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan

# Bodies without pleural fluid: the patient, and whether infected.
PATIENTS = {(1, 2): ("male", 50.0, 0.1), (991, 1): ("female", 34.0, 0.0), (991, 12): ("male", 78.0, 0.05)}


def scanned(patient, motion=0.0, increment_mm=5.0):
    """HU, true label map and spacing of a patient."""
    sex, age, extent = PATIENTS[patient]
    protocol = Protocol(matrix=128, slice_thickness_mm=10.0, increment_mm=increment_mm)
    made = simulate_scan(patient, 1, Habitus(sex, age), Disease(extent=extent), protocol, motion=motion)
    return made.hu, made.lung_mask.astype(np.uint8) + made.infection_mask, made.spacing_mm


@pytest.fixture(scope="module")
def usual():
    """HU, label map and spacing of an adult with some infection."""
    return scanned((1, 2))


def said(*given, words):
    """Return the only note; it holds the words."""
    (note,) = lung_notes(*given)
    assert words in note and "; " not in note  # several are one text in a table, separated so
    return note


@pytest.mark.parametrize("patient", PATIENTS)
@pytest.mark.parametrize("increment_mm", [5.0, 10.0])
def test_motion_is_said_and_a_scan_in_breath_hold_has_no_notes(patient, increment_mm):
    assert lung_notes(*scanned(patient, 0.0, increment_mm)) == []
    moved = lung_notes(*scanned(patient, 0.85, increment_mm))
    assert any("more blurred than the upper ones: breathing during the scan?" in note for note in moved)


def test_the_further_apart_sections_are_the_more_blur_is_breathing(monkeypatch):
    borders = {1: np.full(1000, 6.7), -1: np.full(1000, 5.0)}
    monkeypatch.setattr(notes, "_blur_mm", lambda hu, _label_map, _mm: borders[1 if hu[0, 0, 0] == 0 else -1])
    hu = np.arange(2)[:, None, None] * np.ones((2, 4, 4))
    found = {mm: notes._breathing(hu, hu, (mm, 3.0, 3.0)) for mm in (5.0, 10.0)}
    assert "1.7 mm more blurred" in found[5.0][0] and found[10.0] == []


def test_motion_is_not_asked_where_a_border_is_not_in_the_scan():
    hu, label_map, spacing_mm = scanned((991, 1), 1.0)
    upper = np.s_[2 * len(hu) // 3 :]  # above the hila, lung goes on downwards
    assert not any("blurred" in note for note in lung_notes(hu[upper], label_map[upper], spacing_mm))


@pytest.mark.parametrize("factor", [2, 0.5])
def test_lungs_of_a_scan_with_the_wrong_spacing(usual, factor):
    hu, label_map, spacing_mm = usual
    told = lung_notes(hu, label_map, [factor * length for length in spacing_mm])
    assert ("above 9 l" if factor == 2 else "below the 0.7 l") in told[0]


@pytest.mark.parametrize(("end", "name"), [(np.s_[:35], "highest"), (np.s_[30:], "lowest")])
def test_lungs_cut_by_an_outermost_section(usual, end, name):
    hu, label_map, spacing_mm = usual
    said(hu[end], label_map[end], spacing_mm, words=f"lung reaches the {name} (")


def test_lungs_cut_by_the_field_of_view(usual):
    hu, label_map, spacing_mm = usual
    columns = np.flatnonzero(label_map.any(axis=(0, 1)))
    cut = np.s_[:, :, columns[0] + 5 : columns[-1] - 5]
    said(hu[cut], label_map[cut], spacing_mm, words="lung reaches the border of the field of view")
    outside = np.ones(hu.shape, bool)
    outside[cut] = False
    blanked = np.where(outside, -1024, hu), np.where(outside, 0, label_map)
    said(*blanked, spacing_mm, words="lung reaches the border of the field of view")


@pytest.fixture(scope="module")
def halves(usual):
    """Masks of the right and the left lung."""
    parts, _ = ndimage.label(usual[1] > 0)
    first, second = (parts == label for label in 1 + np.argsort(-np.bincount(parts.ravel())[1:])[:2])
    x = np.arange(parts.shape[2])
    return (first, second) if (first * x).sum() / first.sum() < (second * x).sum() / second.sum() else (second, first)


def test_one_lung(usual, halves):
    hu, label_map, spacing_mm = usual
    right, _ = halves
    only_left = np.where(right, 0, label_map)
    notes = lung_notes(np.where(right, 35, hu), only_left, spacing_mm)
    assert notes[-1] == "only the left lung was found: is the other there, without air?"


def test_a_lung_without_air_and_a_lung_of_which_little_is_left(usual, halves):
    hu, label_map, spacing_mm = usual
    _, left = halves
    white = np.where(left & (np.arange(len(hu)) % 8 > 0)[:, None, None], 35, hu)
    (note,) = (note for note in lung_notes(white, label_map, spacing_mm) if "little air" in note)
    assert note.startswith("little air in the left lung: 1") and "% of it lies below -500 HU" in note
    sections = np.flatnonzero(left.any(axis=(1, 2)))
    rest = left & (np.arange(len(hu)) > sections[len(sections) // 3])[:, None, None]
    small = np.where(left & ~(rest & (np.arange(hu.shape[1]) < 60)[:, None]), 0, label_map)
    assert any("the left lung has" in n and "is it all found?" in n for n in lung_notes(hu, small, spacing_mm))


def test_lungs_that_touch(usual, halves):
    hu, label_map, spacing_mm = usual
    section = len(hu) // 2
    rows = np.flatnonzero(halves[0][section].any(axis=1) & halves[1][section].any(axis=1))[:8]
    ends = np.flatnonzero(halves[0][section, rows[4]])[-1], np.flatnonzero(halves[1][section, rows[4]])[0]
    bridged = label_map.copy()
    bridged[section, rows, ends[0] - 3 : ends[1] + 4] = 1
    said(hu, bridged, spacing_mm, words="the lungs touch")


def test_air_of_the_room_in_the_lungs(usual):
    hu, label_map, spacing_mm = usual
    room = label_map.copy()
    room[:, :30][hu[:, :30] < -900] = 1
    notes = " ".join(lung_notes(hu, room, spacing_mm))
    assert "below what is certainly lung: is there other air in them?" in notes
    whole = np.where(hu < -500, 1, label_map)
    assert "% of the body's sections: is there other air in them?" in " ".join(lung_notes(hu, whole, spacing_mm))


@pytest.mark.parametrize(("rise_hu", "denser"), [(300, "back"), (-300, "front"), (100, "")])
def test_lung_that_is_dense_where_it_depends(usual, rise_hu, denser):
    """Lung of one density, that of a shallow breath, rises by so much from the front to the back of the field."""
    hu, label_map, spacing_mm = usual
    at_border = ndimage.distance_transform_edt(label_map > 0, sampling=spacing_mm) <= 6
    rows = np.flatnonzero((label_map > 0).any(axis=(0, 2)))
    share = ((np.arange(hu.shape[1]) - rows[0]) / np.ptp(rows))[:, None]
    even = np.where((label_map > 0) & ~at_border, -800 + rise_hu * share, hu).astype(np.int16)
    notes = [note for note in lung_notes(even, label_map, spacing_mm) if "shallow breath" in note]
    assert len(notes) == bool(denser) and all(f"denser at the {denser} than" in note for note in notes)


def test_of_a_phantom_in_a_shallow_breath_it_is_noted():
    protocol = Protocol(matrix=128, increment_mm=5.0)
    for seed, dense in (((7301, 35), True), ((7301, 1), False)):
        made = simulate_scan(seed, 1, Habitus("male", 67.0), Disease(extent=0.0), protocol)
        notes = lung_notes(made.hu, made.lung_mask.astype(np.uint8), made.spacing_mm)
        assert any("shallow breath" in note for note in notes) == dense, notes


@pytest.mark.parametrize(
    ("hu_behind", "noted"), [(10, True), (55, False), (-90, False)], ids=["fluid", "muscle", "fat"]
)
def test_fluid_behind_the_lungs(usual, halves, hu_behind, noted):
    """Where the back of a lung is replaced, from its base to a third of its height."""
    hu, label_map, spacing_mm = usual
    right = halves[0]
    sections = np.flatnonzero(right.any(axis=(1, 2)))
    low = (np.arange(len(hu)) < sections[len(sections) // 2])[:, None, None]
    back = right & low & (np.cumsum(right[:, ::-1], axis=1)[:, ::-1] <= 8)  # 8 pixels, 22 mm
    notes = lung_notes(np.where(back, hu_behind, hu).astype(np.int16), np.where(back, 0, label_map), spacing_mm)
    assert any("pleural effusion is neither lung nor infection" in note for note in notes) == noted


@pytest.mark.parametrize(("patient", "expected"), [((991, 5), True), ((991, 8), False)])
def test_fluid_that_a_phantom_has(patient, expected):
    protocol = Protocol(matrix=128, increment_mm=10.0)
    made = simulate_scan(patient, 1, Habitus("male", 54.0, "frequent"), Disease(extent=0.1), protocol)
    label_map = made.lung_mask.astype(np.uint8) + made.infection_mask
    assert any("effusion" in note for note in lung_notes(made.hu, label_map, made.spacing_mm)) == expected
