"""Arms that lie beside the trunk, with air between; arms that are raised belong to `shape.body_distance`."""

from __future__ import annotations

import numpy as np

from study.phantom.body.build import Build
from study.phantom.body.cover import front_of_skin
from study.phantom.body.fields import Grid, around_capsule

BONE_SHARE = 0.3  # of an arm's radius


def lowered_arms(build: Build, body: np.ndarray, coarse: Grid, rng: np.random.Generator) -> tuple:
    """Capsules (start, end, radius, radius), (z, y, x) mm, of arms that are down; none if they are up.

    Some lie against the trunk, which closes a ring of air; others a hand's breadth away. In some patients a forearm and
    a hand lie on the chest. ``body`` is the signed distance (mm) to the skin of the trunk on the lattice.
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
    if rng.random() < build.findings.hand_on_chest:
        arms += _hand(body, coarse, rng)
    return tuple(arms)


def _hand(body: np.ndarray, coarse: Grid, rng: np.random.Generator) -> list:
    side, level, turn = rng.choice([-1, 1]), rng.uniform(-150, -10), rng.normal(0, 0.3)

    def lying(along, across, thick):
        """A place on the skin, so far (mm) along the hand from the wrist and across it."""
        z = level + along * np.sin(turn) + across * np.cos(turn)
        x = side * min(55 - along * np.cos(turn) + across * np.sin(turn), 190)
        return np.array([z, min(front_of_skin(body, coarse, z, x), 10) - thick - rng.uniform(-2, 4), x])

    elbow, wrist = lying(-130, rng.uniform(-60, 10), 24), lying(0, 0, 20)
    parts = [(elbow, wrist, 36.0, 21.0)]
    for k in range(4):
        across = 19 * (k - 1.5)
        parts.append((wrist, lying(75, across, 13), 15.0, 12.0))
        parts.append((lying(75, across, 11), lying(rng.uniform(120, 150), 1.25 * across, 9), 9.5, 7.5))
    return parts


def join_arms(body: np.ndarray, muscle: np.ndarray, grid: Grid, arms, fat_mm: float) -> None:
    """Unite arms with the skin (``body``) and the muscles, signed distances (mm), in place."""
    for start, end, r0, r1 in arms:
        if (found := around_capsule(grid, start, end, r0, r1, 8)) is None:
            continue
        box, _, distance = found
        np.minimum(body[box], distance, out=body[box])
        np.minimum(muscle[box], distance + 0.12 * max(r0, r1) + 0.01 * fat_mm * max(r0, r1), out=muscle[box])
