"""Overlap of masks: solids whose answers can be computed, MONAI's answers, and the properties of the measures."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from study.measures import overlap

SHAPE = (5, 8, 9)
masks = hnp.arrays(bool, (2, 4, 3))


def box(z, y, x, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


@settings(deadline=None)
@given(masks, masks)
def test_dice_is_symmetric_and_between_0_and_1(a, b):
    found = overlap.dice(a, b)
    assert np.isnan(found) == (not (a.any() or b.any()))
    assert np.isnan(found) or (0 <= found <= 1 and found == overlap.dice(b, a))
    assert np.isnan(found) or found == overlap.dice(a[::-1, :, ::-1], b[::-1, :, ::-1])


@settings(deadline=None)
@given(masks)
def test_a_mask_agrees_with_itself(a):
    assert not a.any() or overlap.dice(a, a) == 1
    assert not a.any() or overlap.surface_dice(a, a, (5, 1, 1), 0) == 1
    assert not a.any() or overlap.surface_voxel_share(a, a, (5, 1, 1), 0) == 1


def test_dice_by_hand():
    a, b = box((0, 2), (0, 4), (0, 5)), box((0, 2), (0, 4), (1, 7))  # 40 and 48 voxels, 32 shared
    assert overlap.dice(a, b) == 64 / 88
    assert overlap.dice(a, box((3, 4), (0, 4), (0, 5))) == 0


def test_empty_masks():
    full, empty = box((1, 3), (1, 3), (1, 3)), np.zeros(SHAPE, bool)
    assert np.isnan(overlap.dice(empty, empty))
    assert overlap.dice(full, empty) == overlap.dice(empty, full) == 0
    for share in (overlap.surface_dice, overlap.surface_voxel_share):
        assert np.isnan(share(empty, empty, (1, 1, 1), 1))
        assert share(full, empty, (1, 1, 1), 100) == share(empty, full, (1, 1, 1), 100) == 0


@pytest.mark.parametrize(("axis", "distance_mm"), [(0, 10.0), (1, 2.0), (2, 1.5)])
def test_distance_counts_in_mm_along_each_axis(axis, distance_mm):
    a = box((2, 3), (3, 4), (4, 5))
    b = np.roll(a, 2, axis)
    spacing_mm = (5.0, 1.0, 0.75)
    assert overlap.surface_voxel_share(a, b, spacing_mm, distance_mm) == 1
    assert overlap.surface_voxel_share(a, b, spacing_mm, distance_mm - 0.01) == 0
    # Every cube of eight voxels about the one has its match two voxels on; the nearest may be closer.
    assert overlap.surface_dice(a, b, spacing_mm, distance_mm) == 1
    assert overlap.surface_dice(a, b, spacing_mm, distance_mm / 2 - 0.01) == 0.0


def test_inner_voxels_are_no_surface():
    a, inner = box((0, 5), (1, 6), (1, 6)), box((1, 4), (2, 5), (2, 5))
    # The box touches the ends of the array, where its surface is: 125 - 27 voxels. The inner one has 26, beside them.
    assert overlap.surface_voxel_share(a, a & ~inner, (1, 1, 1), 0) == 2 * 98 / (98 + 98)
    assert overlap.surface_voxel_share(a, inner, (1, 1, 1), 1) == (6 * 9 + 26) / (98 + 26)


@settings(deadline=None, max_examples=60)
@given(masks, masks, st.sampled_from([0, 0.7, 1.3, 1.5, 2.6, 5, 5.1, 20]))
def test_surface_voxels_within_a_tolerance_are_those_of_all_pairs(a, b, tolerance_mm):
    spacing_mm = np.array([5.0, 0.7, 1.3])

    def surface(mask):
        padded = np.pad(mask, 1)
        inner = np.ones_like(mask)
        for axis in range(3):
            for step in (-1, 1):
                inner &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
        return np.argwhere(mask & ~inner)

    places_a, places_b = surface(a), surface(b)
    if len(places_a) and len(places_b):
        near = np.linalg.norm((places_a[:, None] - places_b) * spacing_mm, axis=2) <= tolerance_mm
        expected = (near.any(axis=1).sum() + near.any(axis=0).sum()) / sum(near.shape)
        assert overlap.surface_voxel_share(a, b, spacing_mm, tolerance_mm) == expected


def monai_share(a, b, spacing_mm, tolerance_mm, use_subvoxels):
    """MONAI's surface Dice: by area, as the authors' own code, with subvoxels; else by number of surface voxels."""
    import torch
    from monai.metrics import compute_surface_dice

    masks = (torch.from_numpy(mask)[None, None] for mask in (a, b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI calls a function of its own in a way that it deprecates
        share = compute_surface_dice(
            *masks, [tolerance_mm], include_background=True, spacing=list(map(float, spacing_mm)),
            use_subvoxels=use_subvoxels,
        )  # fmt: skip
    return float(share)


@settings(deadline=None, max_examples=30)
@given(masks, masks, st.sampled_from([(1, 1, 1), (5, 0.7, 0.7), (10, 2, 3)]), st.sampled_from([0.8, 2.0, 5.5]))
def test_surface_shares_are_those_of_monai(a, b, spacing_mm, tolerance_mm):
    if a.any() and b.any():
        by_area = overlap.surface_dice(a, b, spacing_mm, tolerance_mm)
        assert by_area == pytest.approx(monai_share(a, b, spacing_mm, tolerance_mm, True), abs=1e-6)
        by_number = overlap.surface_voxel_share(a, b, spacing_mm, tolerance_mm)
        assert by_number == pytest.approx(monai_share(a, b, spacing_mm, tolerance_mm, False), abs=1e-6)


def solid(inside, size=70):
    z, y, x = np.indices((size, size, size)) - size // 2
    return inside(z, y, x)


def test_two_ellipsoids_have_the_surface_dice_of_monai():
    """MONAI 1.6.1 with subvoxels gives 0.8145, counting voxels 0.6889: a border a voxel off weighs less by area."""
    a = solid(lambda z, y, x: (z / 22) ** 2 + (y / 16) ** 2 + (x / 12) ** 2 <= 1)
    b = solid(lambda z, y, x: (z / 20) ** 2 + (y / 13) ** 2 + (x / 15) ** 2 <= 1)
    assert overlap.surface_dice(a, b, (1, 1, 1), 2) == pytest.approx(0.8145, abs=1e-4)
    assert overlap.surface_voxel_share(a, b, (1, 1, 1), 2) == pytest.approx(0.6889, abs=1e-4)


def test_a_ball_and_its_half_share_half_the_balls_surface():
    """Of 4 pi r^2 + (2 pi r^2 + pi r^2), twice 2 pi r^2 is shared: 4 of 7."""
    ball = solid(lambda z, y, x: z**2 + y**2 + x**2 <= 25**2)
    half = solid(lambda z, y, x: (z**2 + y**2 + x**2 <= 25**2) & (z < 0))
    assert overlap.surface_dice(ball, half, (1, 1, 1), 0.5) == pytest.approx(4 / 7, abs=0.02)


def test_a_box_two_thick_sections_higher_differs_by_its_top_and_the_strip_below():
    """In sections of 5 mm the two tops are 10 mm apart; by number of voxels the tops would weigh too much."""
    shape, spacing_mm, tolerance_mm = (12, 60, 70), (5, 1, 1), 2
    low, high = box((1, 7), (5, 55), (5, 65), shape), box((1, 9), (5, 55), (5, 65), shape)
    top, around = 50 * 60, 2 * (50 + 60)
    both = (2 * top + 30 * around) + (2 * top + 40 * around)
    # The lower top is within 2 mm of the higher box's sides along its edge; so is the strip just above it.
    apart = (50 - 4) * (60 - 4) + top + (10 - 2) * around
    assert overlap.surface_dice(low, high, spacing_mm, tolerance_mm) == pytest.approx(1 - apart / both, abs=0.01)
    assert overlap.surface_voxel_share(low, high, spacing_mm, tolerance_mm) < 1 - apart / both - 0.1


@settings(deadline=None, max_examples=40)
@given(masks, masks)
def test_surface_shares_know_no_first_mask_no_unit_and_no_end_of_the_array(a, b):
    for share in (overlap.surface_dice, overlap.surface_voxel_share):
        found = share(a, b, (5, 0.75, 1.5), 2)
        assert share(b, a, (5, 0.75, 1.5), 2) == pytest.approx(found, nan_ok=True)
        assert share(a, b, (20, 3, 6), 8) == pytest.approx(found, nan_ok=True)
        assert share(np.pad(a, 3), np.pad(b, 3), (5, 0.75, 1.5), 2) == pytest.approx(found, nan_ok=True)


def test_lesions_found_missed_and_invented():
    reference = box((0, 2), (0, 2), (0, 2)) | box((3, 4), (5, 7), (6, 8)) | box((4, 5), (0, 1), (8, 9))
    predicted = box((1, 2), (1, 3), (1, 3)) | box((3, 5), (6, 7), (0, 2))
    found = overlap.lesion_detection(predicted, reference, (10, 10, 10))
    assert found == {
        "n_reference": 3, "n_found": 1, "n_predicted": 2, "n_false": 1, "sensitivity": 1 / 3, "precision": 0.5,
    }  # fmt: skip
    larger = overlap.lesion_detection(predicted, reference, (10, 10, 10), minimum_volume_ml=4)
    assert (larger["n_reference"], larger["n_predicted"]) == (2, 2)


def test_lesions_that_touch_at_a_corner_are_one():
    mask = box((0, 1), (0, 1), (0, 1)) | box((1, 2), (1, 2), (1, 2))
    assert overlap.lesion_detection(mask, mask, (1, 1, 1))["n_reference"] == 1


def test_detection_without_lesions():
    empty = np.zeros(SHAPE, bool)
    found = overlap.lesion_detection(empty, empty, (1, 1, 1))
    assert found["n_reference"] == found["n_false"] == 0
    assert np.isnan(found["sensitivity"]) and np.isnan(found["precision"])


def test_inputs_stay_as_they_were():
    a, b = box((0, 2), (0, 4), (0, 5)), box((0, 2), (0, 4), (1, 7))
    copies = a.copy(), b.copy()
    overlap.surface_dice(a, b, (1, 1, 1), 1)
    overlap.lesion_detection(a, b, (1, 1, 1))
    assert (a == copies[0]).all() and (b == copies[1]).all()


def test_masks_of_0_and_1_count_as_bool():
    a, b = box((0, 2), (0, 4), (0, 5)), box((0, 2), (0, 4), (1, 7))
    assert overlap.dice(a.astype(np.uint8), b.astype(float)) == overlap.dice(a, b)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: overlap.dice(a, a[:2]), "bring both to one grid"),
        (lambda a: overlap.dice(a, a * 2), "other than 0 and 1"),
        (lambda a: overlap.surface_dice(a, a, (1, 1), 1), "needs 3 lengths"),
        (lambda a: overlap.surface_dice(a, a, (1, 0, 1), 1), "above 0 mm"),
        (lambda a: overlap.surface_dice(a, a, (1, 1, 1), -1), "tolerance_mm"),
        (lambda a: overlap.surface_voxel_share(a, a, (1, 1, 1), -1), "tolerance_mm"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(box((0, 2), (0, 4), (0, 5)))
