"""One large consolidation: where it lies, and how it grows from there.

It lies where masses lie too, at the chest wall, on a dome or at a hilum, or it fills a lung from the back. Its front is
rounded or level, and straight where a fissure stops it.
"""

from __future__ import annotations

import numpy as np

from study.phantom.body.shape import Shapes, lung_floor

# All assumed: how often it fills the lung from the back, in both lungs at once, and stops at a fissure.
DEPENDENT, BOTH_SIDES, AT_FISSURE = 0.4, 0.3, 0.6
BEYOND_FISSURE_MM = 40.0  # by which the lung beyond a fissure counts as further away; assumed


def large_centre(shapes: Shapes, rng: np.random.Generator) -> np.ndarray:
    """Draw a point (z, y, x) mm of the lung at the chest wall, on a dome or at a hilum, each as often."""
    place = rng.choice(["wall", "dome", "hilum"])
    if place == "hilum":
        segment = shapes.hila.segments[rng.integers(len(shapes.hila.segments))]
        return segment.bronchus + rng.uniform(0, 0.4) * (segment.centre - segment.bronchus)
    coarse, wall = shapes.coarse, -shapes.cage
    near = wall < 15 if place == "wall" else (coarse.open()[0] - lung_floor(shapes, coarse) < 15) & (wall > 20)
    where = np.argwhere((shapes.lung > 0) & near)
    chosen = where[rng.integers(len(where))]
    return np.array([axis[i] for axis, i in zip(coarse.axes, chosen, strict=True)]) + rng.uniform(-2.5, 2.5, 3)


def remoteness(shapes: Shapes, z, y, x, lobe, rng: np.random.Generator) -> np.ndarray:
    """How far (mm) lung at (z, y, x) mm lies from where a consolidation begins: the nearer, the earlier it is filled.

    ``lobe`` is the number of the lobe at each place.
    """
    if rng.random() < DEPENDENT:
        side = rng.choice([-1, 1])
        far = rng.uniform(-0.2, 0.7) * z + rng.uniform(-0.3, 0.3) * np.abs(x) - y
        far -= far.min()
        far += (rng.uniform(0, 25) if rng.random() < BOTH_SIDES else 300.0) * (x * side < 0)
    else:
        stretched = np.exp(rng.normal(0, 0.2, 3))
        middle = large_centre(shapes, rng)
        away = zip((z, y, x), middle, stretched, strict=True)
        far = np.sqrt(sum(((axis - np.float32(m)) / np.float32(s)) ** 2 for axis, m, s in away))
    if rng.random() < AT_FISSURE:
        far += BEYOND_FISSURE_MM * (lobe != lobe[far.argmin()]) * (np.sign(x) == np.sign(x[far.argmin()]))
    return far.astype(np.float32, copy=False)
