"""A label map against observers and truth: masks whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from study.measures import comparison
from study.scans import ct

SPACING_MM = (2.0, 1.0, 1.0)
SHAPE = (20, 60, 60)


def ball(centre_mm, radius_mm):
    places = np.indices(SHAPE) * np.array(SPACING_MM)[:, None, None, None]
    return ((places - np.array(centre_mm)[:, None, None, None]) ** 2).sum(axis=0) <= radius_mm**2


LUNG = ball((20, 30, 30), 18)


def compared(predicted, truth, lung=LUNG):
    return comparison.compare_masks(LUNG.astype(np.uint8) + (LUNG & predicted), lung, truth, SPACING_MM)


def test_a_ball_moved_by_a_voxel():
    """Of two balls of radius r at distance d the overlap is 1 - 3 d / (4 r) + d^3 / (16 r^3) of either."""
    r, d = 12.0, 2.0
    truth, predicted = ball((20, 30, 30), r), ball((20, 30, 30 + d), r)
    found = compared(predicted, truth)
    assert found["infection_dice"] == pytest.approx(1 - 0.75 * d / r + (d / r) ** 3 / 16, abs=0.01)
    assert found["infection_surface_dice"] == 1.0  # no surface voxel is farther than the 2 mm by which it moved
    assert found["infection_surface_voxel_share"] == 1.0
    farther = compared(ball((20, 30, 36), r), truth)
    # A surface moved by 6 mm cos is within 2 mm where |cos| <= 1/3, a third of the ball's area; the grid blurs that.
    assert farther["infection_surface_dice"] == pytest.approx(1 / 3, abs=0.12)
    assert farther["infection_surface_voxel_share"] < 0.7
    assert found["volume_error_ml"] == pytest.approx(0, abs=1e-9)
    assert found["true_infection_ml"] == pytest.approx(4 / 3 * np.pi * r**3 / 1000, rel=0.02)
    assert found["false_positive_ml"] == pytest.approx((predicted & ~truth).sum() * 0.002)
    assert (found["lung_dice"], found["lung_surface_dice"]) == (1.0, 1.0)
    assert (found["n_lesions"], found["n_found"], found["n_false"]) == (1, 1, 0)
    assert found["poi"] == found["true_poi"] == truth.sum() / LUNG.sum()


def test_lesions_of_a_millilitre_count_and_smaller_ones_do_not():
    large, small, other = ball((20, 24, 24), 7), ball((20, 40, 40), 4), ball((20, 24, 40), 7)
    assert large.sum() * 0.002 > comparison.LESION_ML > small.sum() * 0.002
    found = compared(other | small, large | small)
    assert (found["n_lesions"], found["n_found"], found["n_false"]) == (1, 0, 1)


def test_empty_masks():
    nothing = np.zeros(SHAPE, bool)
    both, missed = compared(nothing, nothing), compared(nothing, ball((20, 30, 30), 8))
    assert np.isnan(both["infection_dice"]) and np.isnan(both["infection_surface_dice"])
    assert both["true_poi"] == both["poi"] == 0
    assert (missed["infection_dice"], missed["infection_surface_dice"]) == (0, 0)
    assert missed["volume_error_ml"] == -missed["true_infection_ml"]
    no_lung = comparison.compare_masks(np.zeros(SHAPE, np.uint8), nothing, nothing, SPACING_MM)
    assert np.isnan(no_lung["poi"]) and np.isnan(no_lung["true_poi"])
    assert found_without_lung(nothing) == {"lung_dice", "lung_surface_dice", "lung_surface_voxel_share", "true_poi"}


def found_without_lung(truth):
    """Which numbers are undefined where the true lung is not known, beyond those that are where it is."""
    known, unknown = compared(truth, truth), compared(truth, truth, lung=None)
    return {name for name in known if np.isnan(unknown[name]) and not np.isnan(known[name])}


def test_network_and_observers_by_hand():
    label_map = np.array([[[1, 2, 2, 2, 0]]])
    masks = {"observer_1": np.array([[[0, 1, 0, 0, 0]]], bool), "observer_2": np.array([[[0, 1, 1, 1, 1]]], bool)}
    row = {"scan_id": "s", "patient_id": "p", "status": "severe"}
    found = comparison.agreement_row(row, label_map, masks)
    assert list(found) == comparison.AGREEMENT_COLUMNS
    assert [found[name] for name in comparison.AGREEMENT_COLUMNS[3:]] == pytest.approx([2 / 4, 6 / 7, 2 / 5])


def test_a_row_of_the_truth_has_all_columns_and_a_motion_that_is_known():
    row = {"scan_id": "s", "patient_id": "p", "status": "severe", "motion": np.nan}
    masks = {"infection_mask": ball((20, 30, 30), 8)}
    found = comparison.truth_row(row, LUNG.astype(np.uint8), masks, SPACING_MM)
    assert list(found) == comparison.TRUTH_COLUMNS and found["motion"] is None
    assert comparison.truth_row(row | {"motion": 1.0}, LUNG.astype(np.uint8), masks, SPACING_MM)["motion"] is True
    assert comparison.truth_row(row | {"motion": False}, LUNG.astype(np.uint8), masks, SPACING_MM)["motion"] is False


def test_infection_that_its_hu_tell_is_found_by_a_threshold(tmp_path, chest):
    hu = chest((4, 24, 28))
    lung = np.zeros(hu.shape, bool)
    lung[:, 8:16, 6:11] = True
    hu[lung] = -850
    infection = lung & (np.indices(hu.shape)[1] < 10)
    hu[infection] = -400
    scan = ct.write_scan(tmp_path / "a.nii.gz", hu, (15.0, 3.0, 3.0))
    ct.write_mask(tmp_path / "lung.nii.gz", lung, scan)
    ct.write_mask(tmp_path / "infection.nii.gz", infection, scan)
    row = {"image": "a.nii.gz", "lung_mask": "lung.nii.gz", "infection_mask": "infection.nii.gz"}
    gone = row | {"image": "gone.nii.gz"}  # is left out
    curve = comparison.threshold_curve(pd.DataFrame([row, gone]), tmp_path, [-1000, -600, 0])
    share = infection.sum() / lung.sum()
    assert curve["dice"].tolist() == pytest.approx([2 * share / (1 + share), 1, 0]) and set(curve["n"]) == {1}
