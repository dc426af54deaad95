"""Pulmonary vessels and bronchi that branch and taper towards the periphery."""

from __future__ import annotations

import numpy as np

from study.phantom.body.fields import generator
from study.phantom.body.shape import Shapes

# Of what is visible, assumed: tips of vessels in each lung, and of bronchi in a segment.
TIPS = {"artery": 1280, "vein": 768}
BRONCHIOLES = 16


def grow_trees(roots: np.ndarray, targets: np.ndarray, leaf_mm: float, exponent: float, rng) -> tuple[np.ndarray, ...]:
    """Grow dichotomous trees from ``roots`` (n, 3) to their targets (n, m, 3): starts, ends, radii at both (mm).

    The targets of a tree are halved again and again along their longest direction; each half is fed by a branch that
    runs part of the way to its middle. Calibres obey Murray's law, radius**exponent adding up at each fork.
    The number of targets of a tree is a power of two.
    """
    levels = int(np.log2(targets.shape[1]))
    groups, tips = targets, roots
    starts, ends, near, far = [], [], [], []
    for level in range(1, levels + 1):
        axis = groups.var(axis=1).argmax(axis=1)
        order = np.take_along_axis(groups, axis[:, None, None], axis=2)[:, :, 0].argsort(axis=1, kind="stable")
        groups = np.take_along_axis(groups, order[:, :, None], axis=1).reshape(2 * len(groups), -1, 3)
        tips = np.repeat(tips, 2, axis=0)
        middle = groups.mean(axis=1)
        reach = rng.uniform(0.3, 0.55, (len(groups), 1)) if level < levels else 1.0
        new = tips + reach * (middle - tips)
        new = new + rng.normal(0, 0.05, new.shape) * np.linalg.norm(new - tips, axis=1)[:, None]
        starts.append(tips)
        ends.append(new)
        thick = leaf_mm * 2.0 ** ((levels - level) / exponent)
        near.append(np.full(len(new), thick * 1.06))
        far.append(np.full(len(new), thick * (0.9 if level < levels else 0.5)))
        tips = new
    return tuple(np.concatenate(part) for part in (starts, ends, near, far))


def lung_points(shapes: Shapes, rng: np.random.Generator, side: int, count: int) -> np.ndarray:
    """Draw points (z, y, x) in one lung (-1 right, 1 left), on the lattice: the same on any grid."""
    coarse = shapes.coarse
    inside = np.argwhere((shapes.lung > 3.0) & (coarse.x * side > 0))
    chosen = inside[rng.integers(0, len(inside), count)]
    jitter = rng.uniform(-0.5, 0.5, (count, 3)) * np.array(coarse.spacing_mm)
    return np.stack([axis[i] for axis, i in zip(coarse.axes, chosen.T, strict=True)], axis=1) + jitter


def draw_trees(shapes: Shapes, patient_seed) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Tubes of all vessels and bronchi within the lungs: those of the hila, then a tree for each segment."""
    rng = generator(patient_seed, "vessels")
    calibre = float(np.prod(shapes.build.size)) ** (1 / 3)
    thick = np.clip(rng.normal(1.05, 0.14), 0.8, 1.45) * calibre
    vessels, bronchi = [_columns(shapes.hila.vessels)], [_columns(shapes.hila.bronchi)]
    for side in (-1, 1):
        segments = [segment for segment in shapes.hila.segments if segment.side == side]
        centres = np.array([segment.centre for segment in segments])
        arteries, veins = np.split(lung_points(shapes, rng, side, sum(TIPS.values())), [TIPS["artery"]])
        for members, territories in _territories(arteries, centres, rng):
            begins = np.array([segments[k].artery for k in members])
            stems, trees = _supply(begins, territories, 0.74 * thick, 3.4, rng)
            vessels += [stems, trees]
            # A bronchus accompanies its artery.
            beside = rng.normal(0, 1, begins.shape)
            beside *= 1.3 * stems[2][0] / np.linalg.norm(beside, axis=1)[:, None]
            few = territories[:, :: territories.shape[1] // BRONCHIOLES]
            begins = np.array([segments[k].bronchus for k in members])
            bronchi += _supply(begins, few, 0.66 * thick, 2.9, rng, stems[1][-len(members) :] + beside)
        # Veins run between the segments, so their territories are others.
        for members, territories in _territories(veins, centres + rng.normal(0, 12, centres.shape), rng):
            begins = np.array([segments[k].vein for k in members])
            vessels += _supply(begins, territories, 0.78 * thick, 3.4, rng)
    return _join(vessels), _join(bronchi)


def _territories(points: np.ndarray, centres: np.ndarray, rng) -> list[tuple[list[int], np.ndarray]]:
    """Deal points to the nearest centre; of each, a power of two is drawn that is near its share, 32 at least.

    Those of as many points come together: which centres, and their points (centres, points, 3).
    """
    nearest = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    by_count = {}
    for k, centre in enumerate(centres):
        own = points[nearest == k]
        if len(own) == 0:  # a segment that other lung crowds out
            own = centre + rng.normal(0, 8, (32, 3))
        count = 2 ** int(np.clip(np.rint(np.log2(len(own))), 5, 8))
        chosen = own[rng.permutation(max(len(own), count))[:count] % len(own)]
        members, territories = by_count.setdefault(count, ([], []))
        members.append(k)
        territories.append(chosen)
    return [(members, np.array(territories)) for members, territories in by_count.values()]


def _supply(begins: np.ndarray, targets: np.ndarray, leaf_mm: float, exponent: float, rng, tips=None) -> list[tuple]:
    """Tubes of stems from ``begins`` a third of the way to their targets (or to ``tips``), and of trees from there."""
    if tips is None:
        tips = begins + rng.uniform(0.25, 0.4, (len(begins), 1)) * (targets.mean(axis=1) - begins)
    bends = (begins + tips) / 2
    bends += rng.normal(0, 0.06, begins.shape) * np.linalg.norm(tips - begins, axis=1)[:, None]
    radius = np.full(len(begins), leaf_mm * targets.shape[1] ** (1 / exponent))
    stems = _join([(begins, bends, 1.08 * radius, 1.03 * radius), (bends, tips, 1.03 * radius, 0.97 * radius)])
    return [stems, grow_trees(tips, targets, leaf_mm, exponent, rng)]


def _columns(tubes) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column) for column in zip(*tubes, strict=True))


def _join(trees) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(part) for part in zip(*trees, strict=True))
