"""Bones: ribs with their cartilage, spine, sternum, clavicles, scapulae, humeral heads."""

from __future__ import annotations

import numpy as np

from study.phantom.body.arms import BONE_SHARE
from study.phantom.body.build import Build, cage_profile, spine_centre
from study.phantom.body.fields import Grid, around_capsule, generator, ramp, unravel
from study.phantom.body.shape import Shapes

MARROW_HU, CORTEX_HU = 190.0, 620.0


def rib_phase(build: Build, z, angle):
    """Return which rib passes at a height and an angle from the back: 0 the first, counted downwards.

    A rib starts at its vertebra and descends round the chest by 4 cm (upper ribs) to 10 cm (lower ribs), so
    an axial section cuts several ribs obliquely.
    """
    size = build.size[0]
    descent = np.minimum(36 + 0.5 * np.maximum(build.apex - z, 0), 98) * size
    return (build.apex + 2 - z - descent * (1 - np.cos(angle)) / 2) / rib_pitch(build)


def rib_pitch(build: Build) -> float:
    """Return the distance (mm) from one rib, and one vertebra, to the next."""
    return 24.0 * build.size[0]


def bone_hu(radius, rng_scale: float = 1.0):
    """Marrow inside, cortex towards the surface; ``radius`` is 0 in the middle and 1 at the surface."""
    return MARROW_HU * rng_scale + (CORTEX_HU - MARROW_HU * rng_scale) * ramp(radius, 0.45, 0.9)


def draw_ribs(hu: np.ndarray, cage: np.ndarray, grid: Grid, shapes: Shapes, patient_seed) -> None:
    """Draw ribs into ``hu`` and let the pleura (``cage``) undulate over them, both in place."""
    build = shapes.build
    rng = generator(patient_seed, "ribs")
    density = float(np.clip(rng.normal(1.0, 0.12) * (1.15 - 0.004 * build.age_years), 0.6, 1.4))
    old = float(np.clip((build.age_years - 30) / 50, 0, 1) * rng.uniform(0.3, 1))
    undulation = rng.uniform(0.4, 2.2)  # mm by which ribs indent the lung and it bulges between them; assumed
    index = np.flatnonzero((cage > -5) & (cage < 14))
    iz, iy, ix = unravel(index, grid.shape)
    distance = cage.ravel()[index]
    _, front, back = cage_profile(build, grid.z)
    centre = ((front + back) / 2).astype(np.float32)
    bend = np.interp(grid.z, shapes.coarse.z, shapes.bend).astype(np.float32)
    z = grid.z.astype(np.float32)[iz]
    angle = np.arctan2(np.abs(grid.x.astype(np.float32)[ix] - bend[iz]), grid.y.astype(np.float32)[iy] - centre[iz])
    phase = rib_phase(build, z, angle).astype(np.float32)
    near = np.rint(phase)
    cage.ravel()[index] = distance + undulation * np.cos(2 * np.pi * phase) * ramp(phase, -0.5, 0.3)
    height = (phase - near) * rib_pitch(build)
    size = float(np.mean(build.size))
    radius = np.sqrt(((distance - 5.2) / (3.9 * size)) ** 2 + (height / (6.6 * size)) ** 2)
    cartilage_at = 2.45 - 0.10 * np.abs(near - 3)
    end = np.where(near < 7, 2.9, 2.55 - 0.36 * (near - 7))
    exists = (near >= 0) & (near <= 11) & (angle < end) & (angle > 0.12)
    share = np.clip(0.5 + (1 - radius) * 3.9 * size / grid.spacing_mm[1], 0, 1) * exists
    soft = ramp(angle, cartilage_at - 0.04, cartilage_at + 0.04)
    value = bone_hu(radius, density) * (1 - soft) + soft * (95 + 330 * old * ramp(radius, 0.6, 1.0))
    flat = hu.ravel()
    flat[index] += share * (value - flat[index])


def draw_spine(hu: np.ndarray, grid: Grid, shapes: Shapes, patient_seed) -> None:
    """Draw vertebrae, discs, canal, processes and the muscles beside them, in place."""
    build = shapes.build
    rng = generator(patient_seed, "spine")
    sy, sx = build.size[1] ** 0.5, build.size[2]
    centre = spine_centre(build, grid.z)
    box = grid.box((-1e3, centre.min() - 24, -46), (1e3, centre.max() + 62, 46))
    part = grid.sub(box)
    z, y, x = part.open()
    bend = np.interp(grid.z, shapes.coarse.z, shapes.bend).astype(np.float32)[:, None, None]
    u, v = np.abs(x - bend) / sx, (y - centre.astype(np.float32)[:, None, None]) / sy
    marrow = 245 - 1.9 * (build.age_years - 20) + rng.normal(0, 18)
    phase = (build.apex + 2 - z) / rib_pitch(build)
    within = np.abs(phase - np.rint(phase))
    pixel = grid.spacing_mm[1]
    view = hu[box]

    def put(distance, value):
        share = np.clip(0.5 - distance / pixel, 0, 1)
        view[...] += share * (value - view)

    # Nearby muscle that holds the spine upright.
    put(np.minimum((np.sqrt(((u - 20) / 17) ** 2 + ((v - 37) / 13) ** 2) - 1) * 13, np.inf), 52)
    body = np.sqrt((u / 18.5) ** 2 + (np.where(v > 0, v * 1.15, v) / 15) ** 2)
    disc = ramp(within, 0.36, 0.41)
    put((body - 1) * 15, bone_hu(body, max(marrow, 60) / MARROW_HU) * (1 - disc) + 85 * disc)
    arch = ramp(-within, -0.36, -0.28)
    canal = np.sqrt((u / 10) ** 2 + ((v - 22) / 9) ** 2)
    put((canal - 1.55) * 9, 45 + (430 - 45) * arch)
    reach = np.maximum(np.abs(v - 23 - 0.28 * (u - 12)) - 4.5, np.maximum(u - 36, 11 - u))
    put(np.maximum(reach, (np.abs(phase - np.rint(phase)) - 0.24) * 24), 330)
    steep = (build.apex + 2 - z - 0.75 * (v - 30)) / rib_pitch(build)
    process = np.maximum(u - 3.2, np.maximum(30 - v, v - 54))
    put(np.maximum(process, (np.abs(steep - np.rint(steep)) - 0.3) * 24), 360)
    put((canal - 1) * 9, 28)


def draw_sternum(hu: np.ndarray, grid: Grid, shapes: Shapes) -> None:
    """Draw manubrium, body and xiphoid of the sternum, in place."""
    build = shapes.build
    size = build.size[2]
    _, front, _ = cage_profile(build, grid.z)
    top, bottom = build.apex - 38, -72 * build.size[0]
    box = grid.box((bottom - 20, -150, -40), (top, 60, 40))
    part = grid.sub(box)
    _, y, x = part.open()
    width = np.interp(part.z, [bottom - 20, bottom, bottom + 20, top - 45, top - 36, top], [3, 9, 19, 15, 25, 30])
    width = (width * size).astype(np.float32)[:, None, None]
    middle = (front[box[0]] - 7.5).astype(np.float32)[:, None, None]
    radius = (np.abs(x / width) ** 3 + np.abs((y - middle) / 5.8) ** 3) ** (1 / 3)
    share = np.clip(0.5 + (1 - radius) * 5.5 / grid.spacing_mm[1], 0, 1)
    view = hu[box]
    view += share * (110 + 330 * ramp(radius, 0.55, 0.95) - view)


def draw_shoulders(
    hu: np.ndarray, cage: np.ndarray, body: np.ndarray, grid: Grid, shapes: Shapes, patient_seed
) -> None:
    """Clavicles, scapulae and humeral heads, in place."""
    build = shapes.build
    rng = generator(patient_seed, "shoulders")
    apex, size = build.apex, build.size[2]
    _, front, _ = cage_profile(build, np.array(apex - 40))
    lift = 22 if build.arms_up else 0
    tubes = []
    for side in (-1, 1):
        tubes += [
            (
                (apex - 40, float(front) - 6, side * 24 * size),
                (apex - 8 + lift / 2, float(front) + 8, side * 80),
                6.5,
                5.5,
            ),
            ((apex - 8 + lift / 2, float(front) + 8, side * 80), (apex + 12 + lift, 22, side * 142), 5.5, 6),
            (
                (apex - 6 + lift, 4 - lift / 2, side * (146 + lift / 3)),
                (apex - 4 + lift, 4 - lift / 2, side * (150 + lift / 3)),
                23,
                23,
            ),
        ]
    tubes += [(start, end, BONE_SHARE * r0, BONE_SHARE * r1) for start, end, r0, r1 in shapes.arms]
    for start, end, r0, r1 in tubes:
        if (found := around_capsule(grid, start, end, r0, r1, 4)) is None:
            continue
        box, _, distance = found
        share = np.clip(0.5 - distance / grid.spacing_mm[1], 0, 1) * (body[box] < -6)
        value = 170 + 430 * ramp(distance, -4.5, -1.0)
        hu[box] += share * (value - hu[box])
    low = -45 * build.size[0] + rng.normal(0, 8) + lift / 2
    first = int(np.searchsorted(grid.z, low))
    shell = 20 + 6 * build.muscle + rng.normal(0, 1)
    _, f, b = cage_profile(build, grid.z)
    middle = ((f + b) / 2).astype(np.float32)
    _, y, x = grid.open()
    # Where blade and spine of the scapula can be: off the ribs, between 34 and 120 degrees from the back.
    aside, back = np.abs(x), y - middle[first:, None, None]
    near = (np.abs(cage[first:] - shell - 6.5) < 15) & (back > -0.6 * aside) & (back < 1.5 * aside)
    index = np.flatnonzero(near) + first * cage[0].size
    if not len(index):
        return
    iz, iy, ix = unravel(index, grid.shape)
    z, distance = grid.z[iz].astype(np.float32), cage.ravel()[index]
    angle = np.arctan2(np.abs(x[0, 0, ix]), y[0, iy, 0] - middle[iz])
    rise = np.clip((z - low) / (apex - 5 - low), 0, 1.2)
    turn = 0.28 if build.arms_up else 0.0
    medial, lateral = 0.66 + turn + 0.05 * rise, 0.80 + turn + 0.85 * rise**0.8
    border = ramp(angle, lateral - 0.25, lateral)
    thick = 1.4 + 2.6 * border
    blade = np.abs(distance - shell - 3 * np.cos(3 * angle)) - thick
    edge = np.maximum(blade, 55 * np.maximum(medial - angle, angle - lateral))
    ridge = np.maximum(
        np.abs(z - (apex - 32) - 22 * (angle - 1)) - 4, np.maximum(shell - distance, distance - shell - 20)
    )
    ridge = np.maximum(ridge, 55 * np.maximum(medial - angle, angle - lateral))
    edge = np.maximum(np.minimum(edge, ridge), (z - apex - 6))
    share = np.clip(0.5 - edge / grid.spacing_mm[1], 0, 1) * (body.ravel()[index] < -5)
    flat = hu.ravel()
    flat[index] += share * (380 - 130 * border - flat[index])
