"""Infection: where it is in a patient's lungs at a given extent, and how it changes their density.

Each patient has one order of infection: every voxel of lung has the extent from which on it is infected. So the lesions
of successive visits are the same lesions, grown or shrunk, and what is infected at a small extent is also infected at
a larger one.

COVID-19 affects both lungs and prefers the bases, the back and the pleura (Bernheim et al., Radiology
2020;295:200463). Other pneumonia fills a lobe as far as its fissures or a whole lung, forms patches around the bronchi
of one or two lobes, or spreads like COVID-19 but more to one side. A consolidation is pneumonia in one large piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.body.anatomy import Anatomy, Speckle, positions
from study.phantom.body.consolidation import remoteness
from study.phantom.body.fields import Grid, generator, ramp
from study.phantom.body.lobes import LOBES, draw_lobes
from study.phantom.body.shape import Shapes

PATTERNS = ("covid", "pneumonia", "consolidation")
KINDS = ("ground glass", "crazy paving", "consolidation", "reversed halo", "band")
# How pneumonia spreads, and how often each way is taken; assumed.
SPREADS = {"lobar": 0.35, "whole lung": 0.1, "bronchopneumonia": 0.35, "patchy": 0.2}
# Lobes that it begins in; assumed: the lower ones more often, by their volume and their drainage.
FIRST_LOBE = dict(RUL=0.19, RML=0.10, RLL=0.31, LUL=0.15, LLL=0.25)
PAVED_PATIENTS, HALO_PATIENTS = 0.5, 0.15  # share with crazy paving or a reversed halo somewhere; assumed

# Set so that lesions have the sizes and numbers of real ones; see `lesion_sizes`.
COVID_FOCI = (20, 160)  # least, most
APART = 0.15  # share of the foci that lie on their own; the others are satellites of larger lesions
APART_MM, SATELLITE_MM = (2.3, 9.0), (2.0, 5.0)  # radius
APART_HEIGHT, SATELLITE_HEIGHT = (0.6, 2.3), (0.3, 1.0)  # in standard deviations of the field
# Fine unevenness of a border, in units of the field; all but the first assumed.
RAGGED = {"covid": 0.5, "pneumonia": 0.2, "consolidation": 0.2}
LEVEL_MM, LEVEL_WIDTH_MM = (-85.0, 30.0), 50.0  # mean and SD of the level of most disease; how wide it is


@dataclass(frozen=True)
class Susceptibility:
    """For the voxels ``inside`` a patient's lungs.

    ``field``: the higher, the earlier infected. ``levels``: falling values of it, and ``reached`` the fraction of
    lung above each. ``core``: the higher, the earlier consolidated. ``opacity``: HU of the ground glass.
    ``band``: 0..1, where bands stay when infection is absorbed. ``paved``: 0..1, how much the septa show.
    ``halo``: bool, part of a reversed halo. ``edge``: half-width of a lesion's soft border in units of the
    field. ``grain``: texture of unit variance.
    """

    field: np.ndarray
    levels: np.ndarray
    reached: np.ndarray
    core: np.ndarray
    opacity: np.ndarray
    band: np.ndarray
    paved: np.ndarray
    halo: np.ndarray
    edge: np.ndarray
    grain: np.ndarray


def draw_susceptibility(anatomy: Anatomy, patient_seed: tuple[int, ...], pattern: str) -> Susceptibility:
    """Draw the order in which a patient's lung is infected; ``anatomy`` was drawn from the same seed."""
    rng = generator(patient_seed, "lesions")
    build = anatomy.shapes.build
    speckle = anatomy.speckle

    def noise(length):
        return speckle(rng, length)

    covid = pattern == "covid"
    broad, large, medium, small, grain = (noise(length) for length in (52.0, 30.0, 15.0, 7.5, 4.5))
    # Subpleural means near the ribs or the diaphragm. It does not count in the thin recesses, where all lung is
    # near them.
    rim = np.exp(-np.clip(anatomy.wall, 0, None) / rng.uniform(9, 22)) * anatomy.room
    z, y, x = positions(anatomy.grid, anatomy.inside)
    posterior = y / build.half_depth
    # A patient's disease has its level, low in the lungs most often.
    basal = 1 - np.minimum(((z - rng.normal(*LEVEL_MM)) / LEVEL_WIDTH_MM) ** 2, 4)
    field = rng.uniform(1.2, 2.0) * broad + 0.95 * large + rng.uniform(0.36, 0.58) * medium
    field += 0.13 * small + RAGGED[pattern] * grain
    field -= 1.6 * (1 - anatomy.room)
    if covid:
        field += rng.uniform(0.9, 2.6) * rim + rng.uniform(0.2, 1.1) * posterior + rng.uniform(0.8, 2.0) * basal
        # One patient in ten has it mainly on one side.
        side = rng.normal(0, 0.1) if rng.random() > 0.1 else rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
        field += side * np.sign(x)
        seeds = _points(anatomy.shapes, rng, int(rng.integers(*COVID_FOCI)), subpleural=True)
        dense = 0.0
    elif pattern == "consolidation":
        far = remoteness(anatomy.shapes, z, y, x, anatomy.lobe, rng)
        # Where the front lies depends on the distance, and a few mm on what makes lung fall ill otherwise.
        field *= rng.uniform(0.1, 0.6)
        field -= (far + 300 * anatomy.airless) / rng.uniform(5, 12)
        dense, seeds = -far / 25, np.empty((0, 3))
        del far
    else:
        field += rng.uniform(0.0, 1.2) * rim + rng.uniform(-0.2, 0.7) * posterior + rng.uniform(-0.2, 0.6) * basal
        grown, dense, seeds = _spread(anatomy, rng, patient_seed, x)
        field += grown
        del grown
    foci, halo, ring = _foci(speckle.part, rng, seeds, float(field.std()), speckle.flat, rng.random() < HALO_PATIENTS)
    field += foci
    del broad, large, medium, z, y, x, posterior, basal, foci  # arrays of the whole lung: room for those that follow
    opacity = rng.normal(-575, 40) + rng.uniform(60, 120) * noise(26.0) + rng.uniform(15, 40) * small
    shade = noise(38.0)
    opacity = np.clip(opacity - 110 * ramp(shade, rng.uniform(0.4, 1.4), 2.0), -745, -300)
    paved = rng.uniform(0.5, 1.0) * ramp(-shade, -0.2, 0.5) * (rng.random() < PAVED_PATIENTS)
    core = 0.55 * (field - field.mean()) / field.std() + 0.6 * noise(14.0) + 0.45 * noise(6.5) + 0.6 * rim
    core += dense + ring
    field -= 9 * anatomy.airless  # lung without air is infected last
    levels, reached = _levels(field, anatomy.share)
    ripple = noise(13.0) + 0.35 * small
    band = np.exp(-((ripple / 0.22) ** 2)) * ramp(rim, 0.1, 0.5)
    edge = 0.11 * np.exp(0.5 * noise(45.0)) * (1.0 if covid else 0.8)
    parts = Susceptibility(field, levels, reached, core, opacity, band, paved, halo, edge, grain)
    for array in parts.__dict__.values():
        array.setflags(write=False)
    return parts


def _levels(field: np.ndarray, share: np.ndarray, count: int = 65536) -> tuple[np.ndarray, np.ndarray]:
    """Falling levels of the field, and the fraction of lung above each."""
    low, high = float(field.min()), float(field.max()) + 1e-3
    bins = ((high - field) * ((count - 1) / (high - low))).astype(np.int64)
    volume = np.cumsum(np.bincount(bins, weights=share, minlength=count))
    return high - (np.arange(count) + 1) * ((high - low) / (count - 1)), volume / volume[-1]


def _spread(anatomy: Anatomy, rng, patient_seed, x) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How pneumonia spreads: what it adds to the field, what it adds to ``core``, and the centres of its foci."""
    spread = rng.choice(list(SPREADS), p=list(SPREADS.values()))
    chance = np.array([FIRST_LOBE[name] for name in LOBES])
    order = 1 + rng.choice(len(LOBES), len(LOBES), replace=False, p=chance)
    first, others = order[0], order[1:]
    # A second lobe, if any, is more often in the same lung.
    same_side = others[(others > 3) == (first > 3)]
    second = (same_side if rng.random() < 0.7 else others)[0] if rng.random() < 0.4 else 0
    share = (anatomy.lobe == first) + rng.uniform(0.3, 1.0) * (anatomy.lobe == second)
    shapes = anatomy.shapes
    if spread == "whole lung":
        share = 0.6 * ((anatomy.lobe > 3) == (first > 3)) + 0.4 * (anatomy.lobe == first)  # from the first lobe on
        return rng.uniform(4.0, 7.0) * share, 0.5 * share, _points(shapes, rng, int(rng.integers(0, 25)))
    if spread == "lobar":
        return rng.uniform(1.8, 3.4) * share, 0.5 * share, _points(shapes, rng, int(rng.integers(0, 25)))
    if spread == "bronchopneumonia":
        count = int(rng.integers(30, 120))
        seeds = _points(shapes, rng, count, subpleural=False, within=(patient_seed, (first, second)))
        return rng.uniform(0.4, 1.4) * share, 0.3 * share, seeds
    side = (-1 if first <= 3 else 1) * rng.uniform(0.2, 0.9)
    return side * np.sign(x), np.zeros_like(share), _points(shapes, rng, int(rng.integers(4, 50)))


def _points(shapes: Shapes, rng, count: int, subpleural: bool = True, within=None) -> np.ndarray:
    """Draw points (z, y, x) mm in the lungs on the lattice: the same on any grid, denser behind and below.

    ``within`` (patient_seed, lobes) keeps to these lobes.
    """
    coarse, depth = shapes.coarse, shapes.lung
    near = (depth < 16) if subpleural else (depth > 6)
    where = np.argwhere((depth > 1.0) & (near | (rng.random(depth.shape) < 0.12)))
    z, y, x = (axis[i].astype(np.float32) for axis, i in zip(coarse.axes, where.T, strict=True))
    weight = np.exp(0.008 * y - 0.005 * z)
    if within:
        patient_seed, lobes = within
        lobe, _ = draw_lobes(shapes, patient_seed, z, y, x, Speckle(coarse, tuple(where.T)))
        weight *= np.isin(lobe, lobes)
    chosen = rng.choice(len(where), count, p=weight / weight.sum())
    return np.stack([z, y, x], axis=1)[chosen] + rng.uniform(-2.5, 2.5, (count, 3))


def _foci(grid: Grid, rng, seeds, spread: float, inside, with_halo: bool) -> tuple[np.ndarray, ...]:
    """Round lesions around ``seeds``: what they add to the field, where a reversed halo is, and its dense ring.

    ``spread`` is the field's standard deviation. Most are 4 to 10 mm wide.
    """
    raised, ring = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    halo = np.zeros(grid.shape, bool)
    for number, seed in enumerate(seeds):
        atoll, apart = with_halo and number < 2, rng.random() < APART
        radius = rng.uniform(9, 17) if atoll else rng.uniform(*(APART_MM if apart else SATELLITE_MM))
        height = spread * (2.2 if atoll else rng.uniform(*(APART_HEIGHT if apart else SATELLITE_HEIGHT)))
        box = grid.box(seed - 1.6 * radius, seed + 1.6 * radius)
        part = grid.sub(box)
        if 0 in part.shape:
            continue
        z, y, x = part.open()
        squared = ((z - seed[0]) ** 2 + (y - seed[1]) ** 2 + (x - seed[2]) ** 2) / radius**2
        np.maximum(raised[box], height * np.clip(1.6 - squared, 0, 1), out=raised[box])
        if atoll:
            halo[box] |= squared < 1
            # A wall of consolidation around a centre that keeps its air.
            ring[box] = np.where(squared < 1, 2.6 * np.exp(-(((np.sqrt(squared) - 0.8) / 0.17) ** 2)) - 1.2, ring[box])
    if not with_halo:
        return raised.ravel()[inside], np.zeros(len(inside), bool), np.zeros(len(inside), np.float32)
    return raised.ravel()[inside], halo.ravel()[inside], ring.ravel()[inside]


@dataclass(frozen=True)
class Infection:
    """Infection of one visit for the voxels ``inside``.

    ``kind`` uint8: 0 healthy, else 1 + the index in `KINDS`; ``parenchyma`` HU with the infection.
    """

    kind: np.ndarray
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

    ``extent`` is the fraction of lung (by volume) that is infected, ``consolidation`` the fraction of the infection
    that has lost its air, ``absorbing`` (0..1) thins the ground glass and leaves bands.
    """
    part = susceptibility
    if extent <= 0:
        return Infection(np.zeros(len(parenchyma), np.uint8), parenchyma)
    threshold = np.float32(np.interp(extent, part.reached, part.levels))
    excess = part.field - threshold
    ill = excess >= 0
    strength = ramp(excess, -part.edge, part.edge)
    septa = part.paved * (1 - absorbing)
    out = part.opacity + 26 * part.grain - 70 * absorbing  # of the ground glass
    out += 150 * septa * np.exp(-((part.grain / 0.35) ** 2))
    np.maximum(out, np.minimum(parenchyma + 85, np.maximum(parenchyma, 30)), out=out)
    out -= parenchyma
    out *= strength
    out += parenchyma
    dense = np.zeros_like(out)
    if consolidation > 0:
        cut = np.quantile(part.core[ill], 1 - min(consolidation, 0.98))
        dense = ramp(part.core, cut - 0.22, cut + 0.22) * ramp(excess, -part.edge * 0.3, part.edge * 2)
    band = absorbing * 0.75 * part.band * strength
    dense = np.maximum(dense * (1 - 0.4 * absorbing), band)
    out += dense * (-35 + 0.12 * (part.opacity + 590) + 30 * part.grain - out)
    kind = np.select([part.halo, dense > 0.5, septa > 0.4], [4, 3, 2], 1).astype(np.uint8)
    kind[band >= np.maximum(dense, 0.3)] = 5
    return Infection(kind * ill, out.astype(np.float32, copy=False))
