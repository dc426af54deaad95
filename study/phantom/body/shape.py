"""The large shapes of one thorax: skin, muscles, chest wall, diaphragm and the lungs between them.

The right dome of the diaphragm lies 0-20 mm above the left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from study.phantom.body.arms import lowered_arms
from study.phantom.body.build import Build, cage_profile
from study.phantom.body.cover import Cover, draw_cover
from study.phantom.body.fat import add_fat_pads
from study.phantom.body.fields import (
    LATTICE_MM,
    Grid,
    capsule_distance,
    generator,
    lattice,
    linear_weights,
    ramp,
    smooth_curve,
    smooth_noise,
)
from study.phantom.body.head import head_and_arms
from study.phantom.body.hila import Hila, draw_hila
from study.phantom.body.mediastinum import HEART_FOLLOWS, mediastinal_border, mediastinal_capsules


@dataclass(frozen=True)
class Shapes:
    """Shape fields on the lattice and the surfaces of the lungs.

    ``cage``, ``body``, ``muscle``: signed distances, negative inside;
    surfaces of the lungs as heights: ``right``/``left`` (z, y) medial borders, ``dome``, ``recess`` and
    ``wobble`` what makes the diaphragm, ``lung`` the depth in the lung (mm) on the lattice;
    ``arms`` and ``head`` as from `lowered_arms` and `head_and_arms`, ``cover`` what lies on the chest.
    """

    build: Build
    coarse: Grid
    cage: np.ndarray
    body: np.ndarray
    muscle: np.ndarray
    right: np.ndarray
    left: np.ndarray
    dome: tuple[float, float]
    recess: np.ndarray
    wobble: np.ndarray
    capsules: tuple
    hila: Hila
    bend: np.ndarray
    arms: tuple = ()
    head: tuple = ()
    cover: Cover | None = None
    lung: np.ndarray | None = None


def _distance(value: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Turn a field that is zero on a surface into about its signed distance."""
    gradient = np.gradient(value, spacing_mm)
    return value / np.maximum(np.sqrt(sum(g * g for g in gradient)), 1e-3)


def cage_distance(build: Build, grid: Grid, bend: np.ndarray) -> np.ndarray:
    """Return the signed distance (mm) to the inner surface of the rib cage."""
    _, y, x = grid.open()
    half, front, back = (v.astype(np.float32)[:, None, None] for v in cage_profile(build, grid.z))
    centre, depth = (front + back) / 2, (back - front) / 2
    p = np.float32(build.squareness)
    across = np.abs((x - bend.astype(np.float32)[:, None, None]) / half) ** p
    radius = (across + np.abs((y - centre) / depth) ** p) ** (1 / p)
    return _distance(radius - 1, LATTICE_MM)


def angle_from_back(build: Build, grid: Grid) -> np.ndarray:
    """Angle (0 at the spine, pi at the sternum) around the chest, the same right and left."""
    _, y, x = grid.open()
    _, front, back = cage_profile(build, grid.z)
    centre = ((front + back) / 2).astype(np.float32)[:, None, None]
    return np.arctan2(np.abs(x), y - centre)


def bump(value, centre, width):
    """Return 1 at ``centre``, falling off over ``width``."""
    return np.exp(-(((value - centre) / width) ** 2))


def _melt(one: np.ndarray, other: np.ndarray, width_mm: float) -> np.ndarray:
    """Unite two shapes and fill the crease between them over about ``width_mm``."""
    near = np.clip(1 - np.abs(one - other) / width_mm, 0, 1)
    return np.minimum(one, other) - near * near * width_mm / 4


def body_distance(build: Build, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Signed distance to the skin: trunk, shoulders, breasts, raised arms."""
    z, y, x = grid.open()
    apex = build.apex
    half, front, back = cage_profile(build, np.minimum(grid.z, apex - 45))
    wall = 11 + 6 * build.muscle
    belly = np.clip((-90 - grid.z) / 90, 0, 1) * 0.9 * (build.bmi - 23)
    broad, begin = rng.uniform(25, 70), rng.uniform(55, 85)
    shoulder = ramp(grid.z, apex - begin, apex - 5) * broad / 62
    neck = ramp(grid.z, apex + 15, apex + 70)
    outer = np.maximum(half, 0.9 * build.half_width) + wall + 1.05 * build.fat + belly + shoulder * 62 - neck * 120
    anterior = front - (12 + 5 * build.muscle + 0.85 * build.fat) - belly * 0.8 - shoulder * 2 + neck * 10
    posterior = np.maximum(back, 0.9 * build.half_depth) + 15 + 6 * build.muscle + 0.7 * build.fat - neck * 15
    centre = ((anterior + posterior) / 2).astype(np.float32)[:, None, None]
    depth = ((posterior - anterior) / 2).astype(np.float32)[:, None, None]
    outer = np.maximum(outer, 45).astype(np.float32)[:, None, None]
    ny = (y - centre) / depth
    ny = np.where(ny > 0, ny * (1 - 0.06 * build.flat_back * (1 - np.minimum(np.abs(x) / outer, 1) ** 2)), ny)
    radius = (np.abs(x / outer) ** 2.5 + np.abs(ny) ** 2.5) ** (1 / 2.5)
    distance = _distance(radius - 1, LATTICE_MM)
    if build.breast:
        # Heavy breasts lie to the side and downwards, with air in the fold beneath them.
        hang = rng.random() * np.clip((build.breast - 12) / 14, 0, 1)
        level, apart = -28 - 30 * hang + rng.normal(0, 8), (0.62 + 0.3 * hang) * build.half_width
        surface = np.interp(level, grid.z, anterior[:])
        for side in (-1, 1):
            part = np.sqrt(
                ((z - level) / (48 + build.breast / 3)) ** 2
                + ((x - side * apart * (1 + 0.04 * rng.normal())) / (52 + build.breast / 3)) ** 2
                + ((y - surface - 24 + 32 * hang) / (18 + build.breast)) ** 2
            )
            distance = _melt(distance, (part - 1) * (18 + build.breast), 14.0 - 10 * hang)
    if build.arms_up:
        for side in (-1, 1):
            rise = grid.open()[0] - (apex - 25)
            arm = np.sqrt((x - side * (150 + 0.25 * rise)) ** 2 + (y + 5 + 0.5 * np.maximum(rise, -20)) ** 2) - 44
            distance = _melt(distance, np.maximum(arm, -rise), 20.0)
    return (distance + 1.5 * smooth_noise(rng, grid, 55.0)).astype(np.float32)


def muscle_distance(build: Build, grid: Grid, cage: np.ndarray, angle: np.ndarray, rng) -> np.ndarray:
    """Signed distance to the outer surface of the muscles of the chest wall."""
    z = grid.open()[0]
    apex = build.apex
    level = ramp(z, -130, -20)
    thick = 12 + 3 * build.muscle
    thick = thick + build.muscle * level * (13 * bump(angle, 0.95, 0.42) + 4)
    thick = thick + build.muscle * ramp(z, -75, 0) * 13 * bump(angle, 2.35, 0.4)
    thick = thick + 12 * bump(angle, 0.0, 0.4) + 60 * ramp(z, apex - 70, apex + 5)
    outer = cage - thick - 2.0 * smooth_noise(rng, grid, 22.0)
    # Planes of fat between the muscles, off the ribs.
    planes = np.minimum(3.0 - 11 * np.abs(smooth_noise(rng, grid, 24.0)), cage - 14)
    return np.maximum(outer, planes).astype(np.float32)


def lung_floor(shapes: Shapes, grid: Grid) -> np.ndarray:
    """Height (mm) of the diaphragm at each (y, x)."""
    build = shapes.build
    y, x = grid.y[:, None], grid.x[None, :]
    low = np.array(min(shapes.dome) - 25.0)
    half, front, back = (float(v) for v in cage_profile(build, low))
    middle, y0 = 0.5 * half, front + 0.47 * (back - front)
    across = np.where(np.abs(x) > middle, (np.abs(x) - middle) / (half - middle), (middle - np.abs(x)) / (1.5 * middle))
    along = np.where(y > y0, (y - y0) / (back - y0), (y0 - y) / (y0 - front))
    weight_x, weight_y = across**2, along**2
    total = weight_x + weight_y + 1e-6
    lateral, anterior, posterior, flat = shapes.recess
    depth = (
        weight_x * np.where(np.abs(x) > middle, lateral, 14) + weight_y * np.where(y > y0, posterior, anterior)
    ) / total
    radius = np.minimum(np.sqrt(total), 1.12)
    fall = depth * (flat * radius**2 + (1 - flat) * radius**6)
    side = ramp(x, -12, 12)
    wave = upsample_plane(shapes.wobble, shapes.coarse, grid)
    return (shapes.dome[0] * (1 - side) + shapes.dome[1] * side - fall + 2.5 * wave).astype(np.float32)


def upsample_plane(plane: np.ndarray, coarse: Grid, grid: Grid) -> np.ndarray:
    """Interpolate a (y, x) plane from the lattice to a scan's grid."""
    return linear_weights(grid.y, coarse.y) @ plane @ linear_weights(grid.x, coarse.x).T


def lung_top(build: Build, grid: Grid) -> np.ndarray:
    """Height (mm) of the lung apices at each (y, x)."""
    _, _, back = cage_profile(build, np.array(build.apex))
    y, x = grid.y[:, None], grid.x[None, :]
    middle = 43 * build.size[2]
    squared = ((np.abs(x) - middle) / (43 * build.size[2])) ** 2 + ((y - float(back) + 28) / (62 * build.size[1])) ** 2
    return (build.apex + 2 * np.sign(-x) - 43 * (np.sqrt(1 + 2 * squared) - 1)).astype(np.float32)


def lung_surfaces(shapes: Shapes, grid: Grid) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Bottom and top of the lungs, each as (height in mm, what a mm above it counts as depth), (y, x).

    A voxel's share below a steep floor follows from its height relative to the rise of the floor across it.
    """
    surfaces = []
    for height, sign in ((lung_floor(shapes, grid), 1.0), (lung_top(shapes.build, grid), -1.0)):
        slope = np.gradient(height)
        spread = np.sqrt(grid.spacing_mm[0] ** 2 + slope[0] ** 2 + slope[1] ** 2) / grid.spacing_mm[1]
        surfaces.append((height, (sign / np.maximum(spread, 1)).astype(np.float32)))
    return tuple(surfaces)


def lung_depth(shapes: Shapes, grid: Grid, cage: np.ndarray, surfaces) -> np.ndarray:
    """Return how deep each voxel lies in the lung (mm, negative outside); ``surfaces`` from `lung_surfaces`."""
    z, _, x = grid.open()
    weights_z, weights_y = linear_weights(grid.z, shapes.coarse.z), linear_weights(grid.y, shapes.coarse.y)
    right = (weights_z @ shapes.right @ weights_y.T)[:, :, None]
    left = (weights_z @ shapes.left @ weights_y.T)[:, :, None]
    x = x - np.interp(grid.z, shapes.coarse.z, shapes.bend).astype(np.float32)[:, None, None] * 0.5
    depth = x - left
    np.maximum(depth, -x - right, out=depth)
    np.minimum(depth, -cage, out=depth)
    for height, steep in surfaces:
        np.minimum(depth, (z - height) * steep, out=depth)
    for kind, start, end, r0, r1 in shapes.capsules:
        if kind.startswith("hilar"):  # surrounded by lung, so not part of the mediastinum's border
            box = grid.box(np.minimum(start, end) - 2 * r0 - 2, np.maximum(start, end) + 2 * r0 + 2)
            if depth[box].size:
                beside = capsule_distance(grid.sub(box), start, end, r0 + 1, r1 + 1)
                np.minimum(depth[box], beside, out=depth[box])
    return depth


def draw_shapes(patient_seed: tuple[int, ...], build: Build) -> Shapes:
    """All shapes of a patient; the diaphragm is set where the lungs have the volume that was drawn."""
    coarse = lattice()
    rng = generator(patient_seed, "shapes")
    bend = (1.0 + 4.0 * (rng.random() < 0.25)) * smooth_curve(rng, coarse.z, 110.0)
    cage = cage_distance(build, coarse, bend) + 1.3 * smooth_noise(rng, coarse, 60.0)
    angle = angle_from_back(build, coarse)
    hila = draw_hila(patient_seed, build, 0.0)
    capsules = mediastinal_capsules(build, generator(patient_seed, "mediastinum")) + hila.central
    size = build.size[0]
    sides = np.clip(rng.normal(11, 6), 0, 20)
    dome = (-96 * size + sides / 2, -96 * size - sides / 2)
    right, left = _borders(build, coarse, capsules, dome, patient_seed)
    recess = np.array([rng.uniform(38, 70), rng.uniform(12, 52), rng.uniform(50, 92), rng.uniform(0.2, 0.5)]) * size
    recess[3] /= size
    wobble = smooth_noise(rng, Grid(coarse.z[:1], coarse.y, coarse.x, coarse.spacing_mm), 45.0)[0]
    draft = Shapes(
        build, coarse, cage.astype(np.float32), None, None, right, left, dome, recess, wobble, capsules, hila, bend
    )
    shift = _level_for_volume(draft)
    # The heart rides on the diaphragm, so the mediastinum is drawn again once the diaphragm is placed.
    hila = draw_hila(patient_seed, build, HEART_FOLLOWS * shift)
    capsules = mediastinal_capsules(build, generator(patient_seed, "mediastinum"), shift) + hila.central
    dome = (dome[0] + shift, dome[1] + shift)
    right, left = _borders(build, coarse, capsules, dome, patient_seed)
    body = body_distance(build, coarse, generator(patient_seed, "body"))
    head, raised = head_and_arms(build, generator(patient_seed, "head"))
    shapes = Shapes(
        build,
        coarse,
        draft.cage,
        body,
        muscle_distance(build, coarse, cage, angle, generator(patient_seed, "muscle")),
        right,
        left,
        dome,
        recess,
        wobble,
        capsules,
        hila,
        bend,
        lowered_arms(build, body, coarse, generator(patient_seed, "arms")) + raised,
        head,
        draw_cover(build, body, coarse, generator(patient_seed, "cover")),
    )
    return replace(shapes, lung=lung_depth(shapes, coarse, shapes.cage, lung_surfaces(shapes, coarse)))


def _borders(build: Build, coarse: Grid, capsules, dome: tuple[float, float], patient_seed) -> list[np.ndarray]:
    borders = mediastinal_border(build, coarse, capsules, generator(patient_seed, "border"))
    return add_fat_pads(build, coarse, borders, min(dome), generator(patient_seed, "fat pads"))


def _level_for_volume(draft: Shapes) -> float:
    """By how much (mm) the diaphragm must move for the lungs to hold the drawn volume; at most 45 mm."""
    coarse = draft.coarse
    low = replace(draft, dome=(draft.dome[0] - 500, draft.dome[1] - 500))
    room = lung_depth(low, coarse, draft.cage, lung_surfaces(low, coarse)) > 0
    height = coarse.open()[0] - lung_floor(draft, coarse)
    heights = np.sort(np.broadcast_to(height, room.shape)[room])[::-1]
    wanted = int(draft.build.volume_ml * 1000 / np.prod(coarse.spacing_mm))
    return float(np.clip(heights[min(wanted, len(heights) - 1)], -45, 40))
