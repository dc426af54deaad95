"""Arms that lie beside the trunk, with air between; arms that are raised belong to `shape.body_distance`."""

from __future__ import annotations

import numpy as np

from study.phantom.body.build import Build
from study.phantom.body.fields import Grid, capsule_distance

HUMERUS_MM = 11.0


def lowered_arms(build: Build, rng: np.random.Generator) -> tuple:
    """Capsules (start, end, radius, radius), (z, y, x) mm, of arms that are down; none if they are up.

    Some lie against the trunk, which closes a ring of air; others a hand's breadth away.
    """
    if build.arms_up:
        return ()
    thick = 34 + 0.5 * build.fat + rng.normal(0, 2)
    trunk = build.half_width + 11 + 6 * build.muscle + 1.05 * build.fat
    arms = []
    for side in (-1, 1):
        at = np.array([build.apex - 18, rng.uniform(0, 20), side * (146 + 0.3 * build.fat)])
        middle = trunk + thick * 0.9 + rng.uniform(-4, 30)
        y = rng.uniform(10, 1.16 * build.half_depth + 10 - 0.5 * thick)
        for far, aside, narrower in ((130, middle, 0.95), (290, middle + rng.uniform(-8, 25), 0.85)):
            to = np.array([build.apex - far, y, side * aside])
            arms.append((at, to, thick, narrower * thick))
            at, thick = to, narrower * thick
        thick /= 0.95 * 0.85
    return tuple(arms)


def join_arms(body: np.ndarray, muscle: np.ndarray, grid: Grid, arms, fat_mm: float) -> None:
    """Unite arms with the skin (``body``) and the muscles, signed distances (mm), in place."""
    for start, end, r0, r1 in arms:
        reach = max(r0, r1) + 8
        box = grid.box(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        part = grid.sub(box)
        if 0 in part.shape:
            continue
        distance = capsule_distance(part, start, end, r0, r1)
        np.minimum(body[box], distance, out=body[box])
        np.minimum(muscle[box], distance + 4 + 0.4 * fat_mm, out=muscle[box])
