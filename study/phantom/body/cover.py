"""What lies on a patient's chest, outside the skin: clothes and blankets, electrodes with their leads, tubes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from study.phantom.body.build import Build
from study.phantom.body.fields import Grid, SmoothNoise, around_capsule

REACH_MM = 26.0  # how far in front of the skin the cover may lie


@dataclass(frozen=True)
class Cover:
    """What lies on the chest.

    ``sheets`` (wave, gap, swing, half thickness, HU): cloth at a distance from the skin of gap + swing * wave mm;
    ``rods`` (start, end, radius, bore, HU): leads, electrodes and tubes, (z, y, x) mm.
    """

    sheets: tuple
    rods: tuple

    @property
    def reach_mm(self) -> float:
        """How far beyond the skin it lies."""
        return REACH_MM if self.sheets or self.rods else 0.0


def front_of_skin(body: np.ndarray, coarse: Grid, z: float, x: float) -> float:
    """Y (mm) of the skin in front at a height and a distance from the midline; the furthest back where none is."""
    k, i = (min(int(np.searchsorted(axis, at)), len(axis) - 1) for axis, at in ((coarse.z, z), (coarse.x, x)))
    inside = np.flatnonzero(body[k, :, i] < 0)
    if not len(inside):
        return float(coarse.y[-1])
    j = max(int(inside[0]), 1)
    near, far = body[k, j, i], body[k, j - 1, i]
    return float(coarse.y[j] - (coarse.y[j] - coarse.y[j - 1]) * -near / max(far - near, 1e-3))


def draw_cover(build: Build, body: np.ndarray, coarse: Grid, rng: np.random.Generator) -> Cover:
    """Draw what lies on the chest of a patient; ``body`` is the signed distance (mm) to the skin on the lattice."""
    sheets, rods = [], []
    if rng.random() < build.findings.clothes:
        for _ in range(int(rng.integers(1, 4))):
            gap, thin = rng.uniform(1, 11), rng.uniform(0.4, 1.2)
            sheets.append((SmoothNoise(rng, rng.uniform(25, 50)), gap, 0.6 * gap, thin, rng.uniform(-850, -250)))

    def lying(points, radius, bore, value):
        """A rod on the skin through points (z, x)."""
        at = [np.array([z, front_of_skin(body, coarse, z, x) - radius - 0.5, x]) for z, x in points]
        rods.extend((a, b, radius, bore, value) for a, b in pairwise(at))

    def path(n):
        start, end = rng.uniform((-170, -90), (0, 90)), rng.uniform((0, -80), (build.apex + 20, 80))
        return np.linspace(start, end, n) + rng.normal(0, 9, (n, 2))

    if rng.random() < build.findings.tubes:
        for _ in range(int(rng.integers(1, 5))):
            points = path(10)
            lying(points, 1.2, 0.0, rng.uniform(300, 1500))
            lying([points[0], points[0] + (0, 12)], rng.uniform(2.0, 4.0), 0.0, rng.uniform(100, 900))
        for _ in range(int(rng.integers(0, 3))):
            wide = rng.uniform(2.5, 9)
            lying(path(8), wide, wide - rng.uniform(0.8, 1.8), rng.uniform(40, 300))
    return Cover(tuple(sheets), tuple(rods))


def put_cover(hu: np.ndarray, body: np.ndarray, grid: Grid, cover: Cover) -> None:
    """Draw it around the patient into ``hu``, in place; ``body`` is the signed distance (mm) to the skin."""
    pixel = grid.spacing_mm[1]
    front = slice(0, int(np.searchsorted(grid.y, 40.0)))
    for wave, gap, swing, thin, value in cover.sheets:
        part = grid.sub((slice(None), front, slice(None)))
        near, view = body[:, front], hu[:, front]
        away = np.abs(near - gap - swing * wave(part)) - thin
        share = np.clip(0.5 - away / pixel, 0, min(1.0, 2 * thin / pixel)) * np.clip(0.5 + near / pixel, 0, 1)
        view += share * (value - view)
    for start, end, radius, bore, value in cover.rods:
        if (found := around_capsule(grid, start, end, radius, radius, pixel)) is None:
            continue
        box, _, distance = found
        outside = np.clip(0.5 + body[box] / pixel, 0, 1)
        full = min(1.0, (2 * radius / pixel) ** 2)  # of a voxel, by a rod thinner than it
        view = hu[box]
        view += np.clip(0.5 - distance / pixel, 0, full) * outside * (value - view)
        if bore:
            inner = np.clip(0.5 - (distance + radius - bore) / pixel, 0, min(1.0, (2 * bore / pixel) ** 2))
            view += inner * outside * (-1000 - view)
