"""Pulmonary vessels and bronchi that branch and taper towards the periphery."""

from __future__ import annotations

import numpy as np

from study.phantom.body.fields import generator
from study.phantom.body.shape import Shapes

TIPS = {"artery": 1280, "vein": 768}  # of visible vessels, in each lung; assumed


def grow_tree(root: np.ndarray, targets: np.ndarray, leaf_mm: float, exponent: float, rng) -> tuple[np.ndarray, ...]:
    """Grow a dichotomous tree from ``root`` that reaches every target: starts, ends, radii at both (mm).

    The targets are halved again and again along their longest direction; each half is fed by a branch that
    runs part of the way to its middle. Calibres obey Murray's law, radius**exponent adding up at each fork.
    The number of targets is a power of two.
    """
    levels = int(np.log2(len(targets)))
    groups = targets[None]
    tips = np.asarray(root, float)[None]
    starts, ends, near, far = [], [], [], []
    for level in range(levels + 1):
        middle = groups.mean(axis=1)
        reach = rng.uniform(0.3, 0.55, (len(groups), 1)) if level < levels else 1.0
        new = tips + reach * (middle - tips)
        if level > 0:
            new = new + rng.normal(0, 0.05, new.shape) * np.linalg.norm(new - tips, axis=1)[:, None]
            starts.append(tips)
            ends.append(new)
            thick = leaf_mm * 2.0 ** ((levels - level) / exponent)
            near.append(np.full(len(new), thick * 1.06))
            far.append(np.full(len(new), thick * (0.9 if level < levels else 0.5)))
        else:
            new = tips
        if level == levels:
            break
        spread = groups.var(axis=1)
        axis = spread.argmax(axis=1)
        key = np.take_along_axis(groups, axis[:, None, None], axis=2)[:, :, 0]
        order = key.argsort(axis=1, kind="stable")
        groups = np.take_along_axis(groups, order[:, :, None], axis=1).reshape(2 * len(groups), -1, 3)
        tips = np.repeat(new, 2, axis=0)
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
        points = lung_points(shapes, rng, side, sum(TIPS.values()))
        arteries, veins = np.split(points, [TIPS["artery"]])
        # Veins run between the segments, so their territories are others.
        shifted = centres + rng.normal(0, 12, centres.shape)
        for segment, territory in zip(segments, _territories(arteries, centres, rng), strict=True):
            stem, tree = _serve(segment.artery, territory, 0.74 * thick, 3.4, rng)
            vessels += [stem, tree]
            # The bronchus accompanies the artery.
            beside = rng.normal(0, 1, 3)
            beside *= 1.3 * stem[2][0] / np.linalg.norm(beside)
            few = territory[:: len(territory) // 16]
            bronchi += _serve(segment.bronchus, few, 0.66 * thick, 2.9, rng, stem[1][-1] + beside)
        for segment, territory in zip(segments, _territories(veins, shifted, rng), strict=True):
            vessels += _serve(segment.vein, territory, 0.78 * thick, 3.4, rng)
    return _join(vessels), _join(bronchi)


def _territories(points: np.ndarray, centres: np.ndarray, rng) -> list[np.ndarray]:
    """Deal points to the nearest centre; of each, a power of two is drawn that is near its share, 32 at least."""
    nearest = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    territories = []
    for k, centre in enumerate(centres):
        own = points[nearest == k]
        if len(own) == 0:  # a segment that other lung crowds out
            own = centre + rng.normal(0, 8, (32, 3))
        count = 2 ** int(np.clip(np.rint(np.log2(len(own))), 5, 8))
        territories.append(own[rng.permutation(max(len(own), count))[:count] % len(own)])
    return territories


def _serve(origin: np.ndarray, targets: np.ndarray, leaf_mm: float, exponent: float, rng, tip=None) -> list[tuple]:
    """Tubes of a stem from ``origin`` a third of the way to its targets (or to ``tip``), and of the tree from there."""
    if tip is None:
        tip = origin + rng.uniform(0.25, 0.4) * (targets.mean(axis=0) - origin)
    bend = (origin + tip) / 2 + rng.normal(0, 0.06, 3) * np.linalg.norm(tip - origin)
    radius = leaf_mm * len(targets) ** (1 / exponent)
    stem = _columns([(origin, bend, 1.08 * radius, 1.03 * radius), (bend, tip, 1.03 * radius, 0.97 * radius)])
    return [stem, grow_tree(tip, targets, leaf_mm, exponent, rng)]


def _columns(tubes) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column) for column in zip(*tubes, strict=True))


def _join(trees) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(part) for part in zip(*trees, strict=True))
