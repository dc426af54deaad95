"""POI and iHU of box phantoms whose answers can be counted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from study.measures import biomarkers
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan

SPACING_MM = (10.0, 2.0, 2.5)  # 0.05 ml a voxel


def two_lungs(right=(2, 8), left=(12, 18), shape=(6, 10, 20)):
    """Return label map and HU of two box lungs; the right one lies at low x."""
    label_map = np.zeros(shape, np.uint8)
    label_map[1:5, 2:8, slice(*right)] = 1
    label_map[1:5, 2:8, slice(*left)] = 1
    return label_map, np.full(shape, -850, np.int16)


def infect(label_map, hu, place, value):
    label_map[place] = 2
    hu[place] = value


def test_counted_by_hand():
    label_map, hu = two_lungs()
    infect(label_map, hu, np.s_[1:3, 2:4, 2:5], -600)  # 12 voxels, right
    infect(label_map, hu, np.s_[2, 2:4, 12:15], -300)  # 6 voxels, left
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    assert measured["lung_volume_ml"] == pytest.approx(2 * 144 * 0.05)
    assert measured["infection_volume_ml"] == pytest.approx(18 * 0.05)
    assert measured["poi"] == 18 / 288
    assert measured["ihu"] == -500
    assert (measured["right_poi"], measured["right_ihu"]) == (12 / 144, -600)
    assert (measured["left_poi"], measured["left_ihu"]) == (6 / 144, -300)
    assert list(measured)[:5] == [
        "lung_volume_ml",
        "infection_volume_ml",
        "poi",
        "ihu",
        "right_lung_volume_ml",
    ]


def test_portion_of_infection():
    assert biomarkers.portion_of_infection(25, 200) == 0.125
    assert biomarkers.portion_of_infection(0, 200) == 0
    assert np.isnan(biomarkers.portion_of_infection(0, 0))


def test_no_infection_has_poi_0_and_no_ihu():
    label_map, hu = two_lungs()
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    assert measured["poi"] == measured["right_poi"] == measured["infection_volume_ml"] == 0
    assert np.isnan([measured["ihu"], measured["right_ihu"], measured["left_ihu"]]).all()


def test_infection_in_one_lung_leaves_the_other_without_ihu():
    label_map, hu = two_lungs()
    infect(label_map, hu, np.s_[1:3, 2:4, 13:15], -420)
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    assert np.isnan(measured["right_ihu"]) and measured["left_ihu"] == measured["ihu"] == -420


def test_wholly_infected_lungs():
    label_map, hu = two_lungs()
    measured = biomarkers.measure(hu, label_map * 2, SPACING_MM)
    assert measured["poi"] == measured["left_poi"] == 1 and measured["ihu"] == -850


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(-200, 200), st.sampled_from([np.int16, np.int32, np.float32]))
def test_properties(seed, shift, dtype):
    rng = np.random.default_rng(seed)
    label_map = rng.choice([0, 1, 2], size=(4, 6, 9), p=[0.4, 0.4, 0.2]).astype(np.uint8)
    label_map[0, 0, :2] = 1, 2
    hu = rng.integers(-1000, 100, label_map.shape).astype(dtype)
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    for name in ("lung_volume_ml", "infection_volume_ml"):
        assert measured[name] == pytest.approx(np.nansum([measured[f"right_{name}"], measured[f"left_{name}"]]))
    assert measured["ihu"] == pytest.approx(hu[label_map == 2].mean(dtype=float))
    assert biomarkers.measure(hu + dtype(shift), label_map, SPACING_MM)["ihu"] == pytest.approx(measured["ihu"] + shift)
    doubled = biomarkers.measure(hu, label_map, (20.0, 2.0, 2.5))
    assert doubled["lung_volume_ml"] == pytest.approx(2 * measured["lung_volume_ml"])
    assert doubled["poi"] == measured["poi"]
    padded = biomarkers.measure(np.pad(hu, 2), np.pad(label_map, 2), SPACING_MM)
    assert padded == pytest.approx(measured, nan_ok=True)


def test_mirrored_chests_swap_their_sides():
    label_map, hu = two_lungs(right=(1, 6), left=(9, 17))
    infect(label_map, hu, np.s_[1:3, 2:4, 13:15], -420)
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    mirrored = biomarkers.measure(hu[:, :, ::-1], label_map[:, :, ::-1], SPACING_MM)
    for name in ("lung_volume_ml", "infection_volume_ml", "poi", "ihu"):
        assert mirrored[f"left_{name}"] == pytest.approx(measured[f"right_{name}"], nan_ok=True)
        assert mirrored[f"right_{name}"] == pytest.approx(measured[f"left_{name}"], nan_ok=True)


def test_lungs_that_touch_are_split_where_they_are_thinnest():
    label_map, hu = two_lungs()
    label_map[2, 3, 8:12] = 1  # a bridge of one voxel a plane
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    # Of the four planes of the bridge, one of the two nearest the middle: its voxel and those beyond go left.
    assert measured["right_lung_volume_ml"] == pytest.approx((144 + 1) * 0.05, abs=0.051)
    assert measured["left_lung_volume_ml"] == pytest.approx((144 + 3) * 0.05, abs=0.051)


def test_a_fragment_beside_lungs_that_touch_goes_by_the_plane():
    label_map, hu = two_lungs()
    label_map[2, 3, 8:12] = 1
    before = biomarkers.measure(hu, label_map, SPACING_MM)
    label_map[5, 9, 2] = 1  # alone, on the right
    after = biomarkers.measure(hu, label_map, SPACING_MM)
    assert after["right_lung_volume_ml"] == pytest.approx(before["right_lung_volume_ml"] + 0.05)
    assert after["left_lung_volume_ml"] == pytest.approx(before["left_lung_volume_ml"])


def test_fragments_go_to_the_nearer_lung():
    label_map, hu = two_lungs()
    label_map[5, 9, 9] = 1  # left of the middle between the lungs' centroids (9.5)
    label_map[0, 0, 19] = 1
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    assert measured["right_lung_volume_ml"] == pytest.approx(145 * 0.05)
    assert measured["left_lung_volume_ml"] == pytest.approx(145 * 0.05)


def test_a_smaller_left_lung_is_still_left():
    label_map, hu = two_lungs(right=(1, 9), left=(13, 15))  # a quarter of the right one
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    assert (measured["right_lung_volume_ml"], measured["left_lung_volume_ml"]) == pytest.approx((9.6, 2.4))


def test_a_lung_of_one_plane():
    label_map = np.zeros((3, 3, 3), np.uint8)
    label_map[1, 1, 0] = 1
    measured = biomarkers.measure(np.zeros((3, 3, 3)), label_map, SPACING_MM)
    assert measured["lung_volume_ml"] == measured["right_lung_volume_ml"] == pytest.approx(0.05)
    assert measured["right_poi"] == 0 and np.isnan(measured["left_poi"])


@pytest.mark.parametrize(("place", "side", "other"), [((1, 8), "right", "left"), ((12, 19), "left", "right")])
def test_one_lung_alone_is_one_side_and_of_the_other_nothing_is_known(place, side, other):
    """A lung that was taken out, or that has become as dense as the chest wall."""
    label_map, _ = two_lungs(right=place, left=place, shape=(6, 24, 20))
    hu = np.where(label_map, -850, 40)
    hu[:, :, :1] = -1000  # air at the right of a body that begins later
    label_map[2, 3, 9:11] = 1  # a fragment of it, beyond the body's middle
    measured = biomarkers.measure(hu, label_map, SPACING_MM)
    for name in ("lung_volume_ml", "infection_volume_ml", "poi"):
        assert measured[f"{side}_{name}"] == measured[name]
        assert np.isnan(measured[f"{other}_{name}"])
    right, shrunk_mm = biomarkers.lung_sides(hu, label_map > 0, SPACING_MM)
    assert np.isnan(shrunk_mm) and right[label_map > 0].all() == (side == "right")


@pytest.fixture(scope="module")
def lobes():
    """HU, lung mask, right lung and spacing of phantoms whose sides are known from their lobes: thin, thick, ill."""
    made = []
    for number, (matrix, increment_mm, extent) in enumerate(((128, 5.0, 0.0), (128, 10.0, 0.3), (96, 8.0, 0.5))):
        protocol = Protocol(matrix=matrix, slice_thickness_mm=10.0, increment_mm=increment_mm)
        habitus = Habitus(("male", "female")[number % 2], 40.0 + 10 * number)
        scan = simulate_scan((771, number), 1, habitus, Disease(extent=extent), protocol, label=True)
        made.append((scan.hu, scan.lung_mask, np.isin(scan.lobes, (1, 2, 3)), scan.spacing_mm))
    return made


def grown_together(lung_mask, spacing_mm):
    """A lung field whose sections were closed with the smallest disc that makes the lungs one part."""
    step, share = (1000, *spacing_mm[1:]), 0
    wide = np.pad(lung_mask, ((0, 0), (20, 20), (20, 20)))
    for radius_mm in range(4, 40, 4):
        near = ndimage.distance_transform_edt(~wide, sampling=step) <= radius_mm
        field = (ndimage.distance_transform_edt(near, sampling=step) > radius_mm)[:, 20:-20, 20:-20] | lung_mask
        parts, _ = ndimage.label(field)
        share = np.bincount(parts.ravel())[1:].max() / field.sum()
        if share > 0.9:
            return field
    raise AssertionError(f"lungs this far apart do not grow together: {share:.2f}")


def test_lungs_that_touch_part_at_the_mediastinum(lobes):
    for hu, lung_mask, is_right, spacing_mm in lobes:
        right, shrunk_mm = biomarkers.lung_sides(hu, lung_mask, spacing_mm)
        assert shrunk_mm == 0 and (right[lung_mask] == is_right[lung_mask]).all()
        touching = grown_together(lung_mask, spacing_mm)
        right, shrunk_mm = biomarkers.lung_sides(hu, touching, spacing_mm)
        assert shrunk_mm > 0 and (right != is_right)[lung_mask].mean() < 0.005


def test_either_lung_of_a_phantom_alone_is_its_own_side(lobes):
    for hu, lung_mask, is_right, spacing_mm in lobes:
        for side, alone in (("right", lung_mask & is_right), ("left", lung_mask & ~is_right)):
            right, shrunk_mm = biomarkers.lung_sides(np.where(lung_mask & ~alone, 40, hu), alone, spacing_mm)
            assert np.isnan(shrunk_mm) and right[alone].all() == (side == "right") != (~right[alone]).all()


def test_inputs_stay_as_they_were():
    label_map, hu = two_lungs()
    copies = label_map.copy(), hu.copy()
    biomarkers.measure(hu, label_map, SPACING_MM)
    assert (label_map == copies[0]).all() and (hu == copies[1]).all()


def test_what_cannot_be_measured_is_refused():
    label_map, hu = two_lungs()
    for arguments, words in (
        ((hu, label_map * 0, SPACING_MM), "shows no lung"),
        ((hu, label_map[1:], SPACING_MM), "one scan's"),
        ((hu, label_map + 2, SPACING_MM), "values from 2 to 3"),
        ((hu, label_map.astype(float), SPACING_MM), "integers 0, 1 and 2"),
        ((hu, label_map.astype(int) - 1, SPACING_MM), "values from -1"),
        ((hu, label_map, (10, 2)), "three lengths"),
        ((hu, label_map, (10, 2, np.nan)), "above 0 mm"),
        ((np.where(label_map, np.nan, 0), label_map * 2, SPACING_MM), "not finite"),
    ):
        with pytest.raises(ValueError, match=words):
            biomarkers.measure(*arguments)


TABLE = pd.DataFrame({"scan_id": ["a", "b", "c"], "poi": [0.1, 0.3, 0.0], "ihu": [-500.0, -450, np.nan]})


def test_changes_are_later_minus_earlier():
    pairs = pd.DataFrame({"earlier": ["a", "b"], "later": ["b", "c"], "days": [3, 4]}, index=[7, 9])
    found = biomarkers.changes(TABLE, pairs)
    assert found["poi_change"].tolist() == pytest.approx([0.2, -0.3])
    assert found["ihu_change"].iloc[0] == 50 and np.isnan(found["ihu_change"].iloc[1])
    assert found["days"].tolist() == [3, 4] and found.index.tolist() == [7, 9]
    assert "poi_change" not in pairs


def test_changes_refuse_unknown_and_doubled_scans():
    pairs = pd.DataFrame({"earlier": ["a"], "later": ["x"]})
    with pytest.raises(ValueError, match="scan x is in a pair"):
        biomarkers.changes(TABLE, pairs)
    with pytest.raises(ValueError, match="scan a has more than one row"):
        biomarkers.changes(pd.concat([TABLE, TABLE[:1]]), pairs)


def test_no_pairs_have_no_changes():
    pairs = pd.DataFrame({"earlier": pd.Series(dtype=str), "later": pd.Series(dtype=str)})
    assert biomarkers.changes(TABLE, pairs).empty


def test_binarise_leaves_out_what_is_neither():
    found = biomarkers.binarise([0.1, -0.2, 0.0, np.nan])
    assert found[:2].tolist() == [1, 0] and found[2:].isna().all()


def disc(size=21, radius=5):
    """HU and label map of one section: a round infection in the middle of a square lung with a margin."""
    y, x = np.mgrid[:size, :size] - size // 2
    label_map = np.zeros((1, size, size), np.uint8)
    label_map[0, 2:-2, 2:-2] = 1
    label_map[0][x**2 + y**2 <= radius**2] = 2
    return np.where(label_map == 2, -400, -800).astype(np.int16), label_map


def test_the_border_moves_by_one_voxel_in_plane():
    hu, label_map = disc()
    cross = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)
    infection, lung = label_map == 2, label_map > 0
    smaller, larger = ndimage.binary_erosion(infection, cross), ndimage.binary_dilation(infection, cross)
    found = biomarkers.measure_otherwise(hu, label_map)
    assert found["smaller_poi"] == smaller.sum() / lung.sum() and found["larger_poi"] == larger.sum() / lung.sum()
    assert found["smaller_ihu"] == -400 and found["larger_ihu"] == pytest.approx(hu[larger].mean())
    assert found["lung_median_hu"] == -800
    # Sections do not touch each other: a voxel of infection does not grow into the next section.
    stacked = np.concatenate([label_map, np.minimum(label_map, 1)])
    assert biomarkers.measure_otherwise(np.concatenate([hu, hu]), stacked)["larger_poi"] == found["larger_poi"] / 2


def test_the_border_stays_at_the_pleura():
    hu, label_map = disc()
    label_map[label_map > 0] = 2
    found = biomarkers.measure_otherwise(hu, label_map)
    assert found["smaller_poi"] == found["larger_poi"] == 1


def test_no_infection_left():
    hu, label_map = disc(radius=0)
    found = biomarkers.measure_otherwise(hu, label_map)
    assert found["smaller_poi"] == 0 and np.isnan(found["smaller_ihu"])
    nothing = biomarkers.measure_otherwise(hu, np.minimum(label_map, 1))
    assert nothing["larger_poi"] == 0 and np.isnan(nothing["larger_ihu"])
    with pytest.raises(ValueError, match="shows no lung"):
        biomarkers.measure_otherwise(hu, 0 * label_map)
