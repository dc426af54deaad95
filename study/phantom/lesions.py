"""Infection: where it is in a patient's lungs at a given extent, and what it does to their density.

A patient has one order of infection: every bit of lung has the extent at which it falls ill. The infection of
a visit is the lung whose turn has come, so the lesions of successive visits are the same lesions, grown or
shrunk, and what is ill at a small extent is ill at a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from study.phantom.anatomy import Anatomy, draw_anatomy
from study.phantom.fields import generator, ramp
from study.phantom.shape import Shapes

PATTERNS = ("covid", "pneumonia")


@dataclass(frozen=True)
class Susceptibility:
    """For the voxels ``inside`` a patient's lungs.

    ``field``: the higher, the earlier ill. ``levels``: falling values of it, and ``reached`` the fraction of
    lung above each. ``core``: the higher, the earlier consolidated. ``opacity``: HU of the ground glass.
    ``band``: 0..1, where bands stay when infection is absorbed. ``edge``: half-width of a lesion's soft
    border in units of the field. ``grain``: texture of unit variance.
    """

    field: np.ndarray
    levels: np.ndarray
    reached: np.ndarray
    core: np.ndarray
    opacity: np.ndarray
    band: np.ndarray
    edge: np.ndarray
    grain: np.ndarray


@lru_cache(maxsize=2)
def draw_susceptibility(anatomy_key: tuple, pattern: str) -> Susceptibility:
    """Draw the order of infection of a patient; ``anatomy_key`` holds the arguments of ``draw_anatomy``."""
    anatomy = draw_anatomy(*anatomy_key)
    patient_seed = anatomy_key[0]
    rng = generator(patient_seed, "lesions")
    grid, build, inside = anatomy.grid, anatomy.shapes.build, anatomy.inside
    iz, iy, ix = np.unravel_index(inside, grid.shape)
    z, y, x = (axis.astype(np.float32)[i] for axis, i in zip(grid.axes, (iz, iy, ix), strict=True))
    speckle = anatomy.speckle

    def noise(length):
        return speckle(rng, length)

    covid = pattern == "covid"
    broad, large, medium, small = noise(52.0), noise(30.0), noise(15.0), noise(7.5)
    patchy = rng.uniform(0.8, 1.3)
    field = rng.uniform(0.9, 1.5) * broad + 0.95 * large + patchy * 0.45 * medium + 0.13 * small
    # Subpleural means near the ribs or the diaphragm. In the thin recesses all lung is; there it does not
    # count.
    rim = np.exp(-np.clip(anatomy.wall, 0, None) / rng.uniform(9, 22)) * anatomy.room
    field -= 1.6 * (1 - anatomy.room)
    posterior, basal = y / build.half_depth, -(z - 10) / 80
    if covid:
        field += (
            rng.uniform(0.9, 2.6) * rim + rng.uniform(0.2, 1.1) * posterior + rng.uniform(0.2, 1.0) * np.tanh(basal)
        )
        side = rng.normal(0, 0.35) if rng.random() > 0.15 else rng.choice([-1, 1]) * rng.uniform(0.8, 2.0)
    else:
        centre = np.stack([rng.uniform(-70, 40), rng.uniform(-40, 60), rng.choice([-1, 1]) * rng.uniform(40, 90)])
        lobe = np.sqrt(((z - centre[0]) / 55) ** 2 + ((y - centre[1]) / 55) ** 2 + ((x - centre[2]) / 45) ** 2)
        field += rng.uniform(0.2, 2.2) * (1 - ramp(lobe, 0.3, 1.6)) + rng.uniform(0.0, 1.4) * rim
        field += rng.uniform(-0.2, 0.7) * posterior + rng.uniform(-0.2, 0.6) * np.tanh(basal)
        side = rng.choice([-1, 1]) * rng.uniform(0.0, 1.6)
    field += side * np.sign(x) * 0.5
    field += _small_lesions(anatomy, rng, field, covid)
    levels, reached = _levels(field, anatomy.share)
    opacity = rng.normal(-575, 40) + rng.uniform(60, 120) * noise(26.0) + rng.uniform(15, 40) * small
    faint = ramp(noise(38.0), rng.uniform(0.4, 1.4), 2.0)
    opacity = np.clip(opacity - 110 * faint, -745, -300)
    core = 0.55 * (field - field.mean()) / field.std() + 0.6 * noise(14.0) + 0.45 * noise(6.5) + 0.6 * rim
    ripple = noise(13.0) + 0.35 * small
    band = np.exp(-((ripple / 0.22) ** 2)) * ramp(rim, 0.1, 0.5)
    edge = 0.11 * np.exp(0.5 * noise(45.0)) * (1.0 if covid else 0.8)
    parts = Susceptibility(field, levels, reached, core, opacity, band, edge, noise(4.5))
    for array in parts.__dict__.values():
        array.setflags(write=False)
    return parts


def _levels(field: np.ndarray, share: np.ndarray, count: int = 65536) -> tuple[np.ndarray, np.ndarray]:
    """Falling levels of the field, and the fraction of lung that lies above each."""
    low, high = float(field.min()), float(field.max()) + 1e-3
    bins = ((high - field) * ((count - 1) / (high - low))).astype(np.int64)
    volume = np.cumsum(np.bincount(bins, weights=share, minlength=count))
    return high - (np.arange(count) + 1) * ((high - low) / (count - 1)), volume / volume[-1]


def _small_lesions(anatomy: Anatomy, rng, field: np.ndarray, covid: bool) -> np.ndarray:
    """Raise the field in many small balls, 4.5 to 16 mm wide, mostly under the pleura."""
    grid = anatomy.grid
    raised = np.zeros(grid.shape, np.float32)
    count = int(rng.integers(4, 40) if covid else rng.integers(4, 50))
    seeds = _subpleural_points(anatomy.shapes, rng, count)
    spread = float(field.std())
    for seed in seeds:
        radius = rng.uniform(2.3, 8.0)
        height = spread * rng.uniform(0.6, 2.3)
        box = grid.box(seed - 1.6 * radius, seed + 1.6 * radius)
        part = grid.sub(box)
        if 0 in part.shape:
            continue
        z, y, x = part.open()
        squared = ((z - seed[0]) ** 2 + (y - seed[1]) ** 2 + (x - seed[2]) ** 2) / radius**2
        np.maximum(raised[box], height * np.clip(1.6 - squared, 0, 1), out=raised[box])
    return raised.ravel()[anatomy.inside]


def _subpleural_points(shapes: Shapes, rng, count: int) -> np.ndarray:
    coarse, depth = shapes.coarse, shapes.lung
    where = np.argwhere((depth > 1.0) & ((depth < 16) | (rng.random(depth.shape) < 0.12)))
    weight = np.exp(0.008 * coarse.y[where[:, 1]] - 0.005 * coarse.z[where[:, 0]])
    chosen = where[rng.choice(len(where), count, p=weight / weight.sum())]
    points = np.stack([axis[i] for axis, i in zip(coarse.axes, chosen.T, strict=True)], axis=1)
    return points + rng.uniform(-2.5, 2.5, points.shape)


@dataclass(frozen=True)
class Infection:
    """Infection of one visit for the voxels ``inside``: ``ill`` bool, and ``parenchyma`` HU with it."""

    ill: np.ndarray
    parenchyma: np.ndarray


def infect(
    anatomy: Anatomy,
    susceptibility: Susceptibility,
    parenchyma: np.ndarray,
    extent: float,
    consolidation: float,
    absorbing: float,
) -> Infection:
    """Put the infection of a visit into the lung.

    ``extent`` is the fraction of lung (by volume) that is ill, ``consolidation`` the fraction of the ill lung
    that has lost its air, ``absorbing`` (0..1) thins the ground glass and leaves bands.
    """
    part = susceptibility
    if extent <= 0:
        return Infection(np.zeros(len(parenchyma), bool), parenchyma)
    threshold = np.float32(np.interp(extent, part.reached, part.levels))
    excess = part.field - threshold
    ill = excess >= 0
    strength = ramp(excess, -part.edge, part.edge)
    opacity = part.opacity + 26 * part.grain - 70 * absorbing
    glass = np.maximum(opacity, parenchyma + 85)
    out = parenchyma + strength * (glass - parenchyma)
    dense = np.zeros_like(out)
    if consolidation > 0:
        where = np.flatnonzero(ill)
        core = part.core[where]
        cut = np.quantile(core, 1 - min(consolidation, 0.98))
        dense = ramp(part.core, cut - 0.22, cut + 0.22) * ramp(excess, -part.edge * 0.3, part.edge * 2)
    if absorbing > 0:
        dense = np.maximum(dense * (1 - 0.4 * absorbing), absorbing * 0.75 * part.band * strength)
    out = out + dense * (-35 + 0.12 * (part.opacity + 590) + 30 * part.grain - out)
    return Infection(ill, out.astype(np.float32))
