import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from study.networks import slabs


def test_same_grid_changes_nothing():
    volume = np.random.default_rng(0).normal(size=(3, 64, 96)).astype(np.float32)
    np.testing.assert_array_equal(slabs.to_network_grid(volume, (5, 2.5, 2.5), 2.5), volume)


@given(n_in=st.integers(2, 200), spacing_in=st.floats(0.3, 4), n_out=st.integers(2, 200), spacing_out=st.floats(0.3, 4))
def test_rows_of_the_resampling_sum_to_one_and_are_not_negative(n_in, spacing_in, n_out, spacing_out):
    weights = slabs.resampling_matrix(n_in, spacing_in, n_out, spacing_out).toarray()
    assert weights.shape == (n_out, n_in)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_resampling_keeps_a_linear_ramp_in_place():
    """A straight line in mm stays the same line on any grid, away from the ends: no shift of half a pixel."""
    n_in, spacing_in, n_out, spacing_out = 512, 0.68, 128, 2.72
    x_in = (np.arange(n_in) - (n_in - 1) / 2) * spacing_in
    x_out = (np.arange(n_out) - (n_out - 1) / 2) * spacing_out
    resampled = slabs.resampling_matrix(n_in, spacing_in, n_out, spacing_out) @ x_in
    np.testing.assert_allclose(resampled[3:-3], x_out[3:-3], atol=1e-3)


def test_fine_pixels_are_averaged_not_skipped():
    stripes = np.tile(np.array([0.0, 100.0], np.float32), 256)[None, None].repeat(512, axis=1)
    coarse = slabs.to_network_grid(stripes, (5, 0.7, 0.7), 2.8)
    np.testing.assert_allclose(coarse[0, 40:80, 40:80], 50, atol=1)


def test_there_and_back_keeps_a_disc():
    y, x = np.mgrid[:300, :300]
    disc = ((y - 150) ** 2 + (x - 140) ** 2 < 90**2)[None]
    there = slabs.to_network_grid(disc, (5, 0.8, 0.8), 2.7, outside=0)
    back = slabs.from_network_grid(there, disc.shape, (5, 0.8, 0.8), 2.7) >= 0.5
    assert 2 * (back & disc).sum() / (back.sum() + disc.sum()) > 0.99


def test_outside_the_scan_is_air():
    padded = slabs.to_network_grid(np.full((1, 40, 40), 50.0), (5, 2.0, 2.0), 2.0)
    assert padded.shape == (1, 64, 64)
    assert (padded[0, :12] == slabs.AIR_HU).all()
    assert (padded[0, 12:52, 12:52] == 50).all()


@pytest.mark.parametrize(("spacing", "step"), [(10.0, 1), (5.0, 2), (1.0, 10), (12.5, 1)])
def test_neighbours_are_as_far_apart_as_asked(spacing, step):
    indices = slabs.slab_indices(30, spacing, 1, 10.0)
    assert indices[15].tolist() == [15 - step, 15, 15 + step]
    assert indices[0].tolist() == [0, 0, step]
    assert indices[-1].tolist() == [29 - step, 29, 29]


@given(st.floats(-80, 80))
def test_infection_input_follows_the_patients_own_lung(shift):
    hu = np.linspace(-1000, 200, 50)
    np.testing.assert_allclose(
        slabs.infection_input(hu, -850), slabs.infection_input(hu + shift, -850 + shift), atol=1e-4
    )


def test_the_reference_is_that_of_healthy_aerated_lung_whatever_else_the_field_holds():
    rng = np.random.default_rng(3)
    lung_mask = np.zeros((4, 90, 90), bool)
    lung_mask[:, 10:80, 10:80] = True
    healthy = rng.normal(-860, 25, lung_mask.shape)
    alone = slabs.reference_hu(healthy, lung_mask, 2.0)
    assert alone == pytest.approx(-860 + 25 * norm.ppf(0.4), abs=2)
    for share, hu in ((35, -600.0), (60, 20.0), (60, -1000.0)):  # ground glass, a white lung, room air
        other = healthy.copy()
        other[:, :, 10 : 10 + int(0.7 * share)] = hu
        assert slabs.reference_hu(other, lung_mask, 2.0) == pytest.approx(alone, abs=15), (share, hu)
    rim = healthy.copy()
    rim[:, 10:13] = rim[:, 77:80] = -700.0  # partial volume of the chest wall
    assert slabs.reference_hu(rim, lung_mask, 2.0) == pytest.approx(alone, abs=1)


def test_the_reference_of_a_thin_or_airless_lung():
    lung_mask = np.zeros((2, 40, 40), bool)
    lung_mask[:, 10:14] = True  # nowhere 8 mm from its border
    assert slabs.reference_hu(np.full(lung_mask.shape, -800.0), lung_mask, 2.0) == -800
    assert slabs.reference_hu(np.full(lung_mask.shape, 30.0), lung_mask, 2.0) == slabs.WITHOUT_AIR_HU


def test_neighbours_closer_than_the_sections_are_the_nearest_sections():
    assert slabs.slab_indices(30, 10.0, 2, 5.0)[15].tolist() == [14, 15, 15, 15, 16]
    assert slabs.slab_indices(30, 5.0, 2, 5.0)[15].tolist() == [13, 14, 15, 16, 17]
    assert slabs.slab_indices(30, 25.0, 1, 10.0)[15].tolist() == [14, 15, 16]  # never without a neighbour


def test_a_dent_is_filled_and_nothing_beyond_the_pleura():
    y, x = (np.mgrid[:120, :120] - 60) * 2.0  # mm
    lung = np.hypot(y, x) < 80
    bite = (np.hypot(y, x - 80) < 12) & lung  # a consolidation that the lung field left out
    filled = slabs.with_dents((lung & ~bite)[None], 2.0, 10.0)[0]
    assert (filled & bite).sum() > 0.4 * bite.sum()  # its middle; a disc does not reach the corners at the pleura
    assert not (filled & ~lung).any()
    np.testing.assert_array_equal(slabs.with_dents(lung[None], 2.0, 10.0)[0], lung)
    shallow = slabs.with_dents((lung & ~bite)[None], 2.0, 2.0)[0]
    assert 0 < (shallow & bite).sum() < (filled & bite).sum()
