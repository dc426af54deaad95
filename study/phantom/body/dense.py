"""Lung that is dense without infection: collapse, masses, nodules, fibrosis, and what depends in free breathing.

All of it is lung in truth and none of it infection; pleural fluid is neither. Collapse behind a closed bronchus
is uniform and has no air in its bronchi; lung that pleural fluid compresses keeps it, as pneumonia does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from study.phantom.body.background import effusion
from study.phantom.body.consolidation import large_centre
from study.phantom.body.fields import generator, ramp
from study.phantom.body.shape import Shapes
from study.phantom.body.vessels import lung_points


@dataclass(frozen=True)
class Voxels:
    """Where voxels of lung lie: ``z``, ``y``, ``x``, ``wall`` (mm), ``lobe``; ``noise(rng, length_mm)`` at them.

    ``wall`` is the distance to the ribs, to pleural fluid or to the diaphragm.
    """

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    wall: np.ndarray
    lobe: np.ndarray
    noise: Callable
    pixel_mm: float


def draw_dense(
    hu: np.ndarray, at: Voxels, shapes: Shapes, patient_seed: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Make a patient's lung dense, in place.

    Returns
    -------
    airless, plugged : ndarray (n,)
        0..1: how far the lung has lost its air, and how far its bronchi have.
    """
    build = shapes.build
    chances = build.findings
    if build.inspiration < 1:
        hu += (1 / build.inspiration - 1) * (1000 + hu)  # as much tissue in less lung
    if (rng := dependent(patient_seed, build)) is not None:
        _depend(hu, at, build, min(shapes.dome), rng)
    if (rng := _drawn(patient_seed, "fibrosis", chances.fibrosis)) is not None:
        _fibrosis(hu, at, rng)
    plugged = np.zeros(len(hu), np.float32)
    if (rng := _drawn(patient_seed, "collapse", chances.collapse)) is not None:
        np.maximum(plugged, _collapse(at, rng), out=plugged)
    if (rng := _drawn(patient_seed, "mass", chances.mass)) is not None:
        np.maximum(plugged, _mass(at, shapes, rng), out=plugged)
    if (rng := _drawn(patient_seed, "nodules", chances.nodules)) is not None:
        np.maximum(plugged, _nodules(at, shapes, rng), out=plugged)
    airless = plugged
    fluid = effusion(shapes, at.z, at.y, at.x, patient_seed)
    if fluid is not None:
        airless = np.maximum(plugged, _compressed(at, fluid, generator(patient_seed, "compression")))
    rng = generator(patient_seed, "airless")
    if airless.any():
        hu += airless * (rng.uniform(22, 48) + 4 * at.noise(rng, 9.0) - hu)
    return airless, plugged


def dependent(patient_seed, build) -> np.random.Generator | None:
    """The generator of what makes lung denser where it depends; None in patients in whom it is not."""
    rng = generator(patient_seed, "dependent")
    return rng if rng.random() < build.findings.dependent or build.inspiration < 1 else None


def _drawn(patient_seed, name: str, chance: float) -> np.random.Generator | None:
    rng = generator(patient_seed, name)
    return rng if rng.random() < chance else None


def _depend(hu, at: Voxels, build, lowest_mm: float, rng) -> None:
    """Lung that is denser the further back it lies, and bands of collapse along the pleura low down, in place.

    The rise differs between the lungs and from section to section, and has no front, or a faint one at a level. It ends
    at -700 to -300 HU in free breathing, at -780 to -560 HU after a deep breath. At total lung capacity the back of the
    lungs is slightly denser than the front, near residual volume much more (Millar and Denison, Thorax 1989;44:485-490;
    Verschakelen et al., AJR 1993;161:713-717). The values, and how much the sides differ, are assumed.
    """
    shallow = build.inspiration < 1
    lobules = np.clip(1 + 0.22 * at.noise(rng, 14.0), 0.3, 1.6)
    alike = rng.random()  # the lungs are different, not strangers
    for side in (-1, 1):
        here = np.flatnonzero(at.x * side > 0)
        z, y = at.z[here], at.y[here]
        most = 0.6 * alike + 0.4 * rng.random()
        most = -700 + 400 * most if shallow else -780 + 220 * most
        start = rng.uniform(-0.4, 0.7) if shallow else rng.uniform(0.2, 0.85)
        wave = 0.12 * np.sin(z / rng.uniform(20, 50) + rng.uniform(0, 6)) + rng.uniform(-0.001, 0.005) * z
        height = y / build.half_depth + wave
        rise = np.clip((height - start) / (rng.uniform(0.9, 1.15) - start), 0, 1) ** rng.uniform(0.7, 1.8)
        rise *= lobules[here]
        if rng.random() < 0.35:
            level = rng.uniform(max(start, 0.2), 0.95)
            rise += rng.uniform(0.1, 0.3) * ramp(height, level, level + rng.uniform(0.02, 0.08))
        hu[here] += np.clip(rise, 0, 1) * np.maximum(most - hu[here], 0)
    low = ramp(at.y, -0.1 * build.half_depth, 0.9 * build.half_depth)
    low *= ramp(lowest_mm + (70 if shallow else 40) - at.z, -15, 25)
    for _ in range(int(rng.integers(0, 3))):
        deep, wide = rng.uniform(0, 12), rng.uniform(1.5, 6)
        band = np.exp(-(((at.wall - deep - 3 * at.noise(rng, 40.0)) / wide) ** 2)) * low
        hu += rng.uniform(0.2, 0.9) * np.minimum(band, 1) * np.maximum(-60 - hu, 0)


def _fibrosis(hu, at: Voxels, rng) -> None:
    """Reticulation at the pleura of the bases, with honeycombs where it is worst."""
    weight = np.exp(-np.clip(at.wall, 0, None) / rng.uniform(7, 20)) * ramp(-at.z, rng.uniform(-60, 30), 100)
    weight *= ramp(at.noise(rng, 32.0), -1.0, 0.4)
    lines = np.exp(-((at.noise(rng, 4.5) / 0.35) ** 2))
    hu += weight * (rng.uniform(30, 160) + rng.uniform(250, 500) * lines)
    if rng.random() < 0.5:
        comb = ramp(weight, rng.uniform(0.35, 0.6), 0.8)
        wall = ramp(-np.abs(at.noise(rng, rng.uniform(4.5, 8))), -0.45, -0.15)
        hu += comb * (-930 + 720 * wall - hu)


def _collapse(at: Voxels, rng) -> np.ndarray:
    """A lobe or a whole lung whose bronchus is closed, or the dependent part of a lobe."""
    side = rng.choice([-1, 1])
    lobes = [1, 2, 3] if side < 0 else [4, 5]
    extent = rng.choice(["lung", "lobe", "part"], p=[0.3, 0.4, 0.3])
    if extent == "lung":
        return np.isin(at.lobe, lobes).astype(np.float32)
    within = (at.lobe == rng.choice(lobes)).astype(np.float32)
    if extent == "part":
        slope = np.array([-rng.uniform(0, 1), rng.uniform(0.2, 1), -side * rng.uniform(0, 1)], np.float32)
        height = slope[0] * at.z + slope[1] * at.y + slope[2] * at.x + 5 * at.noise(rng, 25.0)
        inside = height[within > 0]
        if len(inside):
            cut = np.quantile(inside, rng.uniform(0.3, 0.8))
            within *= ramp(height, cut - 3, cut + 3)
    return within


def _mass(at: Voxels, shapes: Shapes, rng) -> np.ndarray:
    """A tumour 2 to 10 cm wide with spicules: at a hilum, the chest wall or a dome, or anywhere in the lung."""
    radius = float(np.exp(rng.uniform(np.log(10), np.log(50))))
    if rng.random() < 0.75:
        middle = large_centre(shapes, rng)
    else:
        middle = lung_points(shapes, rng, rng.choice([-1, 1]), 1)[0]
    distance = np.sqrt(sum((axis - np.float32(m)) ** 2 for axis, m in zip((at.z, at.y, at.x), middle, strict=True)))
    border = radius * (1 + 0.13 * at.noise(rng, max(0.8 * radius, 8.0))) + rng.uniform(0.3, 2.0) * at.noise(rng, 4.5)
    solid = np.clip(0.5 + (border - distance) / at.pixel_mm, 0, 1)
    if rng.random() < 0.4:  # a fissure stops it
        solid *= at.lobe == at.lobe[distance.argmin()]
    return solid


def _nodules(at: Voxels, shapes: Shapes, rng) -> np.ndarray:
    """Round nodules of 4 to 24 mm, as metastases."""
    solid = np.zeros(len(at.z), np.float32)
    for side in (-1, 1):
        for middle in lung_points(shapes, rng, side, int(rng.integers(1, 10))):
            radius = float(np.exp(rng.uniform(np.log(2), np.log(12))))
            near = np.flatnonzero(np.abs(at.z - np.float32(middle[0])) < radius + at.pixel_mm)
            away = sum((axis[near] - np.float32(m)) ** 2 for axis, m in zip((at.z, at.y, at.x), middle, strict=True))
            solid[near] = np.maximum(solid[near], np.clip(0.5 + (radius - np.sqrt(away)) / at.pixel_mm, 0, 1))
    return solid


def _compressed(at: Voxels, fluid: np.ndarray, rng) -> np.ndarray:
    """Lung that pleural fluid of this thickness (mm) beside it has compressed."""
    thick = np.minimum(rng.uniform(0.2, 0.9) * fluid, 40) * np.clip(1 + 0.35 * at.noise(rng, 25.0), 0.2, 2)
    return ramp(thick - at.wall, -1.5, 3.0) * (fluid > 2)
