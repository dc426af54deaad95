"""The two simulated observers: their errors are those of readers, and they agree as well as the paper's two."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from study.measures.overlap import dice
from study.phantom.people import observers
from tools.calibrate_observers import PAPER, sample

SPACING_MM = (10.0, 2.7, 2.7)


def blobs(rng, n_lesions, radius_mm, shape=(24, 64, 64)):
    """Round lesions of ground glass in a lung that fills the box: infection, lung, HU, spacing, vessels (a tenth)."""
    z, y, x = (np.arange(n) * s for n, s in zip(shape, SPACING_MM, strict=True))
    lung = np.ones(shape, bool)
    infection = np.zeros(shape, bool)
    for _ in range(n_lesions):
        centre = [rng.uniform(30, a[-1] - 30) for a in (z, y, x)]
        r = radius_mm * rng.uniform(0.7, 1.3)
        infection |= ((z[:, None, None] - centre[0]) ** 2 + (y[:, None] - centre[1]) ** 2 + (x - centre[2]) ** 2) < r**2
    vessels = np.zeros(shape, bool)
    vessels[:, ::10] = True
    hu = (np.where(infection, -550, np.where(vessels, -600, -850)) + rng.normal(0, 15, shape)).astype(np.int16)
    return infection, lung, hu, SPACING_MM, vessels & ~infection


def drawn(scan, n, motion=False, **habits):
    """Both observers' masks of one scan, `n` times."""
    usual = observers.OBSERVERS
    observers.OBSERVERS = tuple(replace(reader, **habits) for reader in usual)
    try:
        return [observers.delineate(*scan, rng=np.random.default_rng(seed), motion=motion) for seed in range(n)]
    finally:
        observers.OBSERVERS = usual


def test_they_agree_better_on_large_lesions():
    rng = np.random.default_rng(5)
    agreement = {}
    for radius_mm in (8, 35):
        scans = [blobs(rng, 5, radius_mm) for _ in range(12)]
        pairs = [drawn(scan, 1)[0] for scan in scans]
        assert all(mask.dtype == bool and not (mask & ~scan[1]).any() for scan, pair in zip(scans, pairs, strict=True)
                   for mask in pair)  # fmt: skip
        agreement[radius_mm] = np.nanmean([dice(*pair) for pair in pairs])
    assert agreement[8] < 0.75 < agreement[35] < 0.97


def test_what_one_overlooks_the_other_overlooks_more_often_than_by_chance():
    scan = blobs(np.random.default_rng(3), 6, 8)
    lesions, n = ndimage.label(scan[0])
    missed = np.array([
        [[not mask[lesions == k].any() for k in range(1, n + 1)] for mask in pair]
        for pair in drawn(scan, 40, accepts=0.0, care_sd=0.0)
    ])  # fmt: skip
    one, two = missed[:, 0].ravel(), missed[:, 1].ravel()
    assert 0.05 < one.mean() < 0.95 and 0.05 < two.mean() < 0.95
    assert (one & two).mean() > 1.2 * one.mean() * two.mean()


def test_large_lesions_are_not_overlooked():
    scan = blobs(np.random.default_rng(4), 1, 40)
    for pair in drawn(scan, 12):
        assert all((mask & scan[0]).any() for mask in pair)


def test_their_edges_err_and_partly_alike():
    scan = blobs(np.random.default_rng(6), 1, 40)
    near = ndimage.binary_dilation(scan[0], iterations=2) & ~ndimage.binary_erosion(scan[0], iterations=2)
    pairs = drawn(scan, 20, accepts=0.0, generosity_sd_mm=0.0)
    errors = [np.concatenate([(pair[k] ^ scan[0])[near] for pair in pairs]) for k in (0, 1)]
    assert 0.1 < np.corrcoef(*errors)[0, 1] < 0.8


def test_without_infection_they_mostly_draw_nothing_and_what_they_draw_is_dense_or_at_a_vessel():
    scan = blobs(np.random.default_rng(6), 0, 10)
    _, _, hu, _, vessels = scan
    usual = [mask for pair in drawn(scan, 8) for mask in pair]
    assert np.mean([mask.mean() for mask in usual]) < 0.01 and not all(mask.any() for mask in usual)
    eager = [mask for pair in drawn(scan, 8, accepts=1.0) for mask in pair if mask.any()]
    assert np.mean([hu[mask].mean() for mask in eager]) > hu.mean() + 20
    assert np.mean([(mask & vessels).any() for mask in eager]) > 0.9


def test_motion_offers_more_to_mistake():
    scan = blobs(np.random.default_rng(7), 0, 10)
    still, moved = (np.mean([pair[0].mean() for pair in drawn(scan, 30, m, accepts=1.0)]) for m in (False, True))
    assert moved > 1.3 * still > 0


def test_they_agree_as_the_papers_two_radiologists_did():
    """16 of the 300 scans of the calibration; the bands are twice the standard errors."""
    agreement = sample(16)["observers"]
    assert agreement.mean() == pytest.approx(PAPER["mean"], abs=0.12)
    assert agreement.median() == pytest.approx(PAPER["median"], abs=0.08)
    assert agreement.std() == pytest.approx(PAPER["SD"], abs=0.12)
