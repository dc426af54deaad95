"""Toy scans on which a network learns within seconds, and settings as small."""

import numpy as np
import pytest
from torch import nn

from study.networks import network, training
from study.networks.samples import WHOLE, Sections

SIZE = 64


def toy_sections(seed):
    """Two dark discs (lungs) in grey tissue, each with a brighter spot (infection), 8 sections."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    lung = np.zeros((8, SIZE, SIZE), bool)
    infection = np.zeros_like(lung)
    for centre in (18, 46):
        lung[1:7] |= (y - 32) ** 2 + (x - centre) ** 2 < 12**2
        dy, dx = random.integers(-4, 5, size=2)
        infection[2:6] |= (y - 32 - dy) ** 2 + (x - centre - dx) ** 2 < 5**2
    hu = np.where(lung, -850, 40) + 450 * infection + random.normal(0, 10, lung.shape)
    hu[:, :4] = -1000
    shares = (WHOLE * mask.astype(np.uint8) for mask in (lung, infection & lung))
    return Sections(f"S{seed}", hu.astype(np.int16), *shares, (10.0, 2.5, 2.5), -850.0)


def settings(task, **changes):
    common = {"pixel_mm": 2.5, "epochs": 2, "sections_per_epoch": 16, "batch_size": 8, "threads": 1}
    common["neighbours"] = 0 if task == "lung" else 1
    common["crop_pixels"] = SIZE if task == "lung" else SIZE // 2
    return training.Settings(task, **{**common, "encoder_width": 8, "lung_width": 2, **changes})


# The strongest augmentation, and a process that prepares the samples in parallel with the training.
KILLED = {"epochs": 2, "augmentation": "wide", "workers": 1}


def without_batch_norm(folder):
    """Train a network whose answer for a section does not depend on the others of its batch; return it, the history."""

    def build(architecture):
        return nn.Sequential(
            nn.Conv2d(architecture["sections"], 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1)
        )

    toys = [toy_sections(k) for k in range(3)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(network, "build", build)
        model, history, _ = training.train(toys, toys[:1], settings("lung"), folder, progress=False)
    return model, history
