"""Samples for the training: thick sections of thin ones, what an epoch sees, augmentation."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.toys import settings, toy_sections
from study.measures import overlap
from study.networks import slabs
from study.networks.samples import WHOLE, augmentation, draw_epoch, example_input, load_sections, sample, thicken

pytestmark = pytest.mark.filterwarnings("ignore")  # torch and MONAI warn of each other's versions


def test_thick_sections_are_the_mean_of_thin_ones():
    thin = np.arange(20.0)[:, None, None] * np.ones((1, 2, 2))
    thick, spacing = thicken(thin, 1.0, 10.0, 5.0)
    assert spacing == 5.0
    np.testing.assert_allclose(thick[:, 0, 0], [4.5, 9.5, 14.5])


def test_a_section_as_thin_as_asked_stays_as_it_is():
    thin = np.random.default_rng(0).normal(size=(6, 2, 2)).astype(np.float32)
    same, spacing = thicken(thin, 5.0, 5.0, 5.0)
    assert spacing == 5.0
    np.testing.assert_allclose(same, thin, atol=1e-5)


def test_an_epoch_is_drawn_from_its_seed_alone():
    toys = [toy_sections(k) for k in range(3)]
    one = settings("infection")
    assert draw_epoch(toys, one, 0) == draw_epoch(toys, one, 0)
    assert draw_epoch(toys, one, 0) != draw_epoch(toys, one, 1)


def test_an_infection_sample_holds_the_neighbours_in_order():
    toy = toy_sections(0)
    channels = sample(toy, 3, settings("infection"))["channels"].numpy()
    expected = np.clip((toy.hu[2:5].astype(np.float32) + 850) / 250, -1, 3)
    np.testing.assert_allclose(channels, expected, atol=1e-6)


def test_the_example_of_an_input_is_the_section_with_most_infection_and_its_neighbours(tmp_path, scan_file):
    toy = toy_sections(0)
    toy.infection_share[4, :30] = 0
    for name, array in (("hu", toy.hu), ("lung", toy.lung), ("infection", toy.infection)):
        scan_file(f"{name}.nii.gz", array.astype(np.int16), toy.spacing_mm)
    row = {"scan_id": "S0", "image": "hu.nii.gz", "lung_mask": "lung.nii.gz", "infection_mask": "infection.nii.gz"}
    drawn = example_input(pd.DataFrame([row]), tmp_path, 1, 10.0)
    np.testing.assert_array_equal(drawn["offsets_mm"], [-10, 0, 10])
    z = toy.infection.sum(axis=(1, 2)).argmax()
    assert drawn["infection"].sum() == toy.infection[z].sum() and "S0" in drawn["title"]
    expected = np.clip(
        (toy.hu[z - 1 : z + 2].astype(float) - slabs.reference_hu(toy.hu, toy.lung, toy.spacing_mm[1])) / 250, -1, 3
    )
    assert set(np.round(drawn["channels"], 4).ravel()) <= set(np.round(expected, 4).astype(np.float32).ravel())
    assert len(example_input(None, tmp_path, 1, 10.0)["channels"]) == 0


@pytest.mark.parametrize("task", ["lung", "infection"])
def test_augmentation_changes_samples_and_none_only_crops(task):
    toy = toy_sections(0)

    def drawn(how, seed):
        one = settings(task, augmentation=how)
        made = augmentation(one).set_random_state(seed=seed)(sample(toy, 3, one))
        return made[0] if isinstance(made, list) else made

    same = drawn("none", 1)["channels"]
    if task == "lung":
        torch.testing.assert_close(same, sample(toy, 3, settings(task))["channels"])
    for how in ("mild", "wide"):
        assert torch.equal(drawn(how, 1)["channels"], drawn(how, 1)["channels"])
        assert not torch.equal(drawn(how, 1)["channels"], drawn(how, 2)["channels"])
        target = drawn(how, 1)["target"]
        assert 0 <= target.min() < 0.1 and 0.9 < target.max() <= 1


def test_a_network_learns_the_share_of_each_pixel_from_which_the_border_is_found_again(tmp_path, scan_file):
    """A ball on fine pixels; its halves of pixels, which were learnt before, do worse."""
    z, y, x = np.ogrid[:20, :96, :96]
    ball = (z - 9.5) ** 2 * 16 + (y - 47.3) ** 2 + (x - 48.8) ** 2 < 30**2
    spacing_mm = (4.0, 1.0, 1.0)
    scan_file("hu.nii.gz", np.where(ball, -850, 40).astype(np.int16), spacing_mm)
    scan_file("mask.nii.gz", ball.astype(np.int16), spacing_mm)
    row = {"scan_id": "S", "image": "hu.nii.gz", "lung_mask": "mask.nii.gz", "infection_mask": "mask.nii.gz"}
    (made,) = load_sections(pd.DataFrame([row]), tmp_path, 2.5, [4.0], [4.0], progress=False)
    share = made.lung_share / WHOLE
    assert share.sum() * 2.5**2 == pytest.approx(ball.sum(), rel=2e-3)
    back = [slabs.from_network_grid(part, ball.shape, spacing_mm, 2.5) >= 0.5 for part in (share, made.lung * 1.0)]
    of_shares, of_halves = (overlap.dice(found, ball) for found in back)
    assert of_shares > 0.995 > of_halves
