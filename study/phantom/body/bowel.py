"""Stomach and colon: their course under the diaphragm, their walls, and the gas, fluid and food that fill them.

Both lie against the domes, and gas behind a thin wall beside the lung is what a network takes for lung with infection.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from study.phantom.body.fields import Grid, generator, ramp, smooth_noise
from study.phantom.body.shape import Shapes

GAS_HU = -985.0
STOMACH_GAS_ML = (0.0, 300.0)
WALL_MM = (2.0, 4.0)
FAECES_HU = (-600.0, 40.0)  # from gas to solid
# A course is a list of (z, y, x) mm: z from the top of the dome on its side, y and x of a chest of average size.
STOMACH = ((-20, 30, 48), (-46, 16, 60), (-78, -16, 54), (-104, -42, 24), (-112, -40, -14))
LEFT_COLON = ((-96, -58, 44), (-58, -38, 76), (-36, -6, 92), (-72, 20, 97), (-116, 28, 95), (-190, 28, 92))
RIGHT_COLON = ((-190, 22, -84), (-132, 14, -88), (-112, -12, -76), (-126, -52, -36), (-122, -62, 6))
INTERPOSED = ((-190, 22, -84), (-110, 0, -92), (-52, -28, -92), (-14, -46, -70), (-38, -66, -34), (-96, -66, 4))


@dataclass(frozen=True)
class Tube:
    """A hollow organ on a grid (z, y, x).

    ``outer`` mm to the outer surface of its wall, ``wall_mm`` its thickness, ``air`` mm to the level of the fluid,
    negative in gas, ``mottled`` 0 where fluid fills it to 1 where food or faeces do; ``fluid_hu`` of the fluid,
    ``solid_hu`` from the gas in food or faeces to their solid part, ``compact`` the less gas they hold the higher.
    """

    outer: np.ndarray
    wall_mm: float
    air: np.ndarray
    mottled: np.ndarray
    fluid_hu: float
    solid_hu: tuple[float, float]
    compact: float


def along(grid: Grid, course: np.ndarray, reach_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Distance (mm) to a course (n, 3) at each place of a grid, and how far along it (mm) its nearest point lies.

    Beyond ``reach_mm`` of the course the distance is ``reach_mm``.
    """
    distance = np.full(grid.shape, reach_mm, np.float32)
    where = np.zeros(grid.shape, np.float32)
    run = 0.0
    for start, end in pairwise(course):
        box = grid.box(np.minimum(start, end) - reach_mm, np.maximum(start, end) + reach_mm)
        part, step = grid.sub(box), end - start
        length = float(np.linalg.norm(step))
        if 0 not in part.shape:
            away = [axis - np.float32(at) for axis, at in zip(part.open(), start, strict=True)]
            t = np.clip(sum(a * np.float32(s / length**2) for a, s in zip(away, step, strict=True)), 0, 1)
            here = np.sqrt(sum((a - t * np.float32(s)) ** 2 for a, s in zip(away, step, strict=True)))
            nearer = here < distance[box]
            np.copyto(distance[box], here, where=nearer)
            np.copyto(where[box], run + length * t, where=nearer)
        run += length
    return distance, where


def smooth_course(points: np.ndarray, step_mm: float = 8.0) -> np.ndarray:
    """Points (m, 3) about ``step_mm`` apart on a smooth curve through others (n, 3)."""
    run = np.append(0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1)))
    return PchipInterpolator(run, points)(np.linspace(0, run[-1], max(int(run[-1] / step_mm), 2)))


def _placed(points, top: float, size: tuple[float, float, float], rng: np.random.Generator, spread_mm: float):
    points = np.array(points, float) + rng.normal(0, spread_mm, (len(points), 3))
    return points * np.array(size) + np.array([top, 0, 0])


def draw_stomach(shapes: Shapes, grid: Grid, room: np.ndarray, patient_seed) -> Tube:
    """Draw the stomach under the left dome; ``room`` is the signed distance (mm) to the space it has."""
    rng = generator(patient_seed, "stomach")
    size = shapes.build.size
    course = smooth_course(_placed(STOMACH, shapes.dome[1], size, rng, 4.0))
    full = rng.uniform(0.45, 1.15) * float(np.prod(size)) ** (1 / 3)
    distance, where = along(grid, course, 62.0)
    length = float(np.linalg.norm(np.diff(course, axis=0), axis=1).sum())
    calibre = np.interp(where / length, [0, 0.25, 0.55, 0.8, 1], [36, 37, 33, 24, 17])
    folds = 1.5 * smooth_noise(rng, grid, 12.0) + 3.0 * smooth_noise(rng, grid, 30.0)
    outer = np.maximum(distance - (8 + (calibre - 8) * full) + folds, room).astype(np.float32)
    wall = rng.uniform(*WALL_MM) + max(0.0, 0.8 - full) * 4  # thick where it is empty
    lumen = outer + wall < 0
    food = rng.random() < 0.45
    y = np.broadcast_to(grid.open()[1], grid.shape)
    gas_ml = max(rng.uniform(-0.15, 1), 0) ** 2 * (STOMACH_GAS_ML[1] - STOMACH_GAS_ML[0]) + STOMACH_GAS_ML[0]
    level = _level(y[lumen], gas_ml * 1000 / np.prod(grid.spacing_mm))
    contrast = rng.random() < 0.05
    return Tube(
        outer,
        float(wall),
        (y - level).astype(np.float32),
        np.full(grid.shape, 1.0 if food else 0.0, np.float32),
        float(rng.uniform(120, 320) if contrast else rng.uniform(0, 40)),
        (float(rng.uniform(-400, -50)), float(rng.uniform(30, 70))),
        float(rng.uniform(0.3, 1.8)),
    )


def _level(heights: np.ndarray, count: float) -> float:
    """Height with ``count`` of the voxels in front of it, nine of ten at most; with none, far in front of all."""
    if count < 1 or not len(heights):
        return -1e3
    most = int(0.9 * (len(heights) - 1))
    return float(np.partition(heights, min(int(count), most))[min(int(count), most)])


def draw_colon(shapes: Shapes, grid: Grid, room: np.ndarray, patient_seed) -> Tube:
    """Draw the colon from below the liver to the left flank; ``room`` as for `draw_stomach`.

    Its folds lie 2-4 cm apart; gas, fluid or faeces fill every few of the pouches between them. In some patients a
    loop lies between liver and diaphragm.
    """
    rng = generator(patient_seed, "colon")
    build, size = shapes.build, shapes.build.size
    interposed = rng.random() < build.findings.interposed_colon
    right = _placed(INTERPOSED if interposed else RIGHT_COLON, shapes.dome[0], size, rng, 6.0)
    left = _placed(LEFT_COLON, shapes.dome[1], size, rng, 6.0)
    left[1:3, 0] += rng.uniform(-35, 26)  # how high the splenic flexure lies
    left[0, 0] += rng.uniform(-20, 40)
    course = smooth_course(np.concatenate([right, left]))
    length = float(np.linalg.norm(np.diff(course, axis=0), axis=1).sum())
    distance, where = along(grid, course, 40.0)
    stations = np.arange(0, length + 60, 60.0)
    wide = np.clip(rng.normal(16, 4) + rng.normal(0, 4, len(stations)), 8, 27) + (6 if interposed else 0)
    pitch = rng.uniform(20, 36)
    fold = ramp(np.abs(((where + 5 * smooth_noise(rng, grid, 26.0)) / pitch + 0.5) % 1 - 0.5), 0.22, 0.0)
    radius = np.interp(where, stations, wide) * (1 - rng.uniform(0.25, 0.45) * fold)
    outer = np.maximum(distance - radius + 1.2 * smooth_noise(rng, grid, 16.0), room).astype(np.float32)
    pouches = (where // (1.7 * pitch)).astype(int)
    count = int(length // (1.7 * pitch)) + 1
    middle = np.interp((np.arange(count) + 0.5) * 1.7 * pitch, np.linspace(0, length, len(course)), course[:, 1])
    faeces = rng.random(count) < rng.uniform(0, 0.9)
    gas = np.where(
        faeces, rng.uniform(-1.6, 0.1, count), np.where(rng.random(count) < 0.6, 1.5, rng.uniform(-0.9, 0.9))
    )
    level = middle + gas * np.interp((np.arange(count) + 0.5) * 1.7 * pitch, stations, wide)
    y = grid.open()[1]
    return Tube(
        outer,
        float(rng.uniform(*WALL_MM)),
        (y - level[pouches]).astype(np.float32),
        faeces[pouches].astype(np.float32),
        float(rng.uniform(0, 40)),
        FAECES_HU,
        float(rng.uniform(-0.2, 1.2)),
    )


def tube_hu(tube: Tube, parts, noise: np.ndarray, pixel_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """HU and share of a tube where it is drawn.

    ``parts`` are its fields ``outer``, ``air`` and ``mottled`` there, ``noise`` of unit variance.
    """
    outer, air, mottled = parts
    solid = tube.solid_hu[1] + (tube.solid_hu[0] - tube.solid_hu[1]) * ramp(noise, tube.compact, tube.compact + 1.2)
    content = tube.fluid_hu + mottled * (solid - tube.fluid_hu)
    content += np.clip(0.5 - (air + mottled * 2.5 * noise) / pixel_mm, 0, 1) * (GAS_HU - content)
    lumen = np.clip(0.5 - (outer + tube.wall_mm) / pixel_mm, 0, 1)
    return 38 + lumen * (content - 38), np.clip(0.5 - outer / pixel_mm, 0, 1)
