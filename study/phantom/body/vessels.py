"""Pulmonary vessels and bronchi that branch and taper towards the periphery."""

from __future__ import annotations

import numpy as np

from study.phantom.body.fields import generator
from study.phantom.body.shape import Shapes


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
    """Segments of all vessels and of the lobar and segmental bronchi of both lungs."""
    build = shapes.build
    scale = np.array(build.size)
    vessels, airways = [], []
    rng = generator(patient_seed, "vessels")
    thick = np.clip(rng.normal(1.12, 0.12), 0.85, 1.45) * float(np.prod(scale)) ** (1 / 3)
    roots = {
        -1: ((-24, 8, -47), (-22, 4, -44), (-26, 6, -38)),
        1: ((-20, 16, 47), (-16, 8, 46), (-22, 11, 40)),
    }
    for side, (artery, vein, airway) in roots.items():
        points = lung_points(shapes, rng, side, 1024 + 512 + 64)
        vessels.append(grow_tree(artery * scale, points[:1024], 0.74 * thick, 3.4, rng))
        vessels.append(grow_tree(vein * scale, points[1024:1536], 0.78 * thick, 3.4, rng))
        airways.append(grow_tree(airway * scale, points[1536:], 0.62 * thick, 2.9, rng))
    return _join(vessels), _join(airways)


def _join(trees) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(part) for part in zip(*trees, strict=True))
