"""Overlap of masks: boxes whose answers can be counted, and the properties of Dice."""

import numpy as np
import pytest
from hypothesis import given, settings
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


def test_dice_by_hand():
    a, b = box((0, 2), (0, 4), (0, 5)), box((0, 2), (0, 4), (1, 7))  # 40 and 48 voxels, 32 shared
    assert overlap.dice(a, b) == 64 / 88
    assert overlap.dice(a, box((3, 4), (0, 4), (0, 5))) == 0


def test_empty_masks():
    full, empty = box((1, 3), (1, 3), (1, 3)), np.zeros(SHAPE, bool)
    assert np.isnan(overlap.dice(empty, empty))
    assert overlap.dice(full, empty) == overlap.dice(empty, full) == 0
    assert np.isnan(overlap.surface_dice(empty, empty, (1, 1, 1), 1))
    assert overlap.surface_dice(full, empty, (1, 1, 1), 100) == 0
    assert np.isnan(overlap.mean_surface_distance(empty, empty, (1, 1, 1)))
    assert overlap.mean_surface_distance(full, empty, (1, 1, 1)) == np.inf
    assert np.isnan(overlap.hausdorff_distance(empty, empty, (1, 1, 1)))
    assert overlap.hausdorff_distance(full, empty, (1, 1, 1)) == np.inf


@pytest.mark.parametrize(("axis", "distance_mm"), [(0, 10.0), (1, 2.0), (2, 1.5)])
def test_distance_counts_in_mm_along_each_axis(axis, distance_mm):
    a = box((2, 3), (3, 4), (4, 5))
    b = np.roll(a, 2, axis)
    spacing_mm = (5.0, 1.0, 0.75)
    assert overlap.mean_surface_distance(a, b, spacing_mm) == distance_mm
    assert overlap.hausdorff_distance(a, b, spacing_mm) == distance_mm
    assert overlap.surface_dice(a, b, spacing_mm, distance_mm) == 1
    assert overlap.surface_dice(a, b, spacing_mm, distance_mm - 0.01) == 0


def test_inner_voxels_are_no_surface():
    a = box((0, 5), (1, 6), (1, 6))
    a_to_b, _ = overlap.surface_distances(a, a, (1, 1, 1))
    assert a_to_b.size == 125 - 27  # the box touches the ends of the array, where its surface is


@settings(deadline=None, max_examples=40)
@given(masks, masks)
def test_distances_are_those_between_all_surface_voxels(a, b):
    spacing_mm = np.array([5.0, 0.7, 1.3])
    a_to_b, b_to_a = overlap.surface_distances(a, b, spacing_mm)

    def surface(mask):
        padded = np.pad(mask, 1)
        inner = np.ones_like(mask)
        for axis in range(3):
            for step in (-1, 1):
                inner &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
        return np.argwhere(mask & ~inner) * spacing_mm

    places_a, places_b = surface(a), surface(b)
    assert (a_to_b.size, b_to_a.size) == (len(places_a), len(places_b))
    if len(places_a) and len(places_b):
        between = np.linalg.norm(places_a[:, None] - places_b, axis=2)
        assert a_to_b == pytest.approx(between.min(axis=1))
        assert b_to_a == pytest.approx(between.min(axis=0))


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
        (lambda a: overlap.hausdorff_distance(a, a, (1, 1, 1), 101), "percentile"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(box((0, 2), (0, 4), (0, 5)))
