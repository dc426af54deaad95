"""What lies under the diaphragm: its muscle, fat, liver, spleen, kidneys, stomach and colon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.body.bowel import Tube, draw_colon, draw_stomach, tube_hu
from study.phantom.body.build import spine_centre
from study.phantom.body.fields import RANGE_MM, Grid, SmoothNoise, generator, ramp, smooth_noise, upsample
from study.phantom.body.shape import Shapes, lung_floor

GRID_MM = 4.0  # on which the organs' surfaces are computed before they are resampled to a scan's grid


@dataclass(frozen=True)
class Abdomen:
    """The organs of one patient on a grid of their own: distances (mm, negative inside) to their surfaces.

    ``solid`` are (distance, HU) of spleen, kidneys, gut and liver, in the order in which they are drawn; ``muscle_mm``
    the thickness of the diaphragm; ``texture`` and ``mottle`` noise of tissue, and of food and faeces; ``fat_hu``.
    """

    grid: Grid
    solid: tuple[tuple[np.ndarray, float], ...]
    stomach: Tube
    colon: Tube
    muscle_mm: float
    fat_hu: float
    texture: SmoothNoise
    mottle: SmoothNoise


def _ellipsoid(grid: Grid, centre, radii) -> np.ndarray:
    z, y, x = grid.open()
    radius = np.sqrt(
        ((z - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 + ((x - centre[2]) / radii[2]) ** 2
    )
    return (radius - 1) * np.float32(min(radii))


def steepness(floor: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Cosine of the slope of the diaphragm (y, x): what a vertical mm is across it."""
    slope = np.gradient(floor, pixel_mm)
    return (1 / np.sqrt(1 + slope[0] ** 2 + slope[1] ** 2)).astype(np.float32)


def plan_abdomen(shapes: Shapes, patient_seed, lowest_mm: float = RANGE_MM[0][0]) -> Abdomen:
    """Draw the organs under the diaphragm of a patient; ``lowest_mm`` is as deep as they will be drawn."""
    build = shapes.build
    rng = generator(patient_seed, "abdomen")
    size, sy, sx = build.size
    right, left = shapes.dome
    top, half = max(shapes.dome) + 8, build.half_width + 4
    axes = [
        np.arange(low, high, GRID_MM)
        for low, high in ((top - 200, top), (-build.half_depth - 12, 1.15 * build.half_depth), (-half, half))
    ]
    grid = Grid(*axes, (GRID_MM,) * 3)
    floor = lung_floor(shapes, grid)
    under = (floor - grid.open()[0]) * steepness(floor, GRID_MM)
    cage = upsample(shapes.cage, shapes.coarse, grid)
    muscle = rng.uniform(2.0, 4.0)
    # Fat under the diaphragm: little over the liver's dome, more at its slopes and in the fat.
    plenty = np.clip(0.12 * build.fat * rng.uniform(0.3, 1.7), 0.3, 7)
    fat = plenty * np.clip(0.6 + smooth_noise(rng, grid, 34.0), 0, 2.2)
    room = np.maximum(muscle - under, cage + 3.5)
    wavy = smooth_noise(rng, grid, 34.0)
    lobe = rng.normal(0, 10)
    liver = np.minimum(
        _ellipsoid(grid, (right - 66 * size, 2, -64 * sx), (92 * size, 110 * sy, (70 + lobe) * sx)),
        _ellipsoid(grid, (left - 26 * size, -44 * sy, 8 * sx), (38 * size, 36 * sy, (48 + 1.5 * lobe) * sx)),
    )
    aside, slope = rng.normal(62, 5) * sx, ramp(grid.open()[0], left - 140, left - 60)
    kidney_at = (
        (right - rng.normal(136, 12) * size, 56 * sy, -aside),
        (left - rng.normal(122, 12) * size, 58 * sy, aside),
    )
    kidneys = np.minimum(*(_ellipsoid(grid, at, (52 * size, 25 * sy, 26 * sx)) for at in kidney_at))
    # The fat behind and above them.
    behind, reach = np.array([4 + plenty / 2, 14 * sy, 0]), (64 * size + plenty, 50 * sy, 33 * sx)
    beds = np.minimum(*(_ellipsoid(grid, at + behind, reach) for at in kidney_at))
    liver = np.maximum(np.maximum(liver + 4 * wavy, room + fat * (0.25 + 0.75 * (1 - slope))), -beds)
    stomach = draw_stomach(shapes, grid, room + 0.6 * fat, patient_seed)
    colon = draw_colon(shapes, grid, np.maximum(room + 0.4 * fat, 1.0 - stomach.outer), patient_seed)
    hollow = np.minimum(stomach.outer, colon.outer)
    spleen = _ellipsoid(
        grid, (left - 48 * size, 40 * sy, 82 * sx), np.array((48, 42, 30)) * build.size * rng.normal(1, 0.08)
    )
    spleen = np.maximum(np.maximum(spleen + 1.5 * wavy, room + fat), 3 - hollow)
    gut = np.maximum(7 * (rng.uniform(0.1, 0.7) - smooth_noise(rng, grid, 24.0)), room + 50 - 0.2 * plenty)
    solid = (
        (np.maximum(gut, 4 - hollow), rng.uniform(25, 45)),
        (np.maximum(kidneys, room + fat), 30.0),
        (spleen, rng.normal(50, 4)),
        (np.maximum(liver, 1 - hollow), rng.normal(56, 7) - 1.2 * max(build.bmi - 25, 0) * rng.random()),
    )
    return Abdomen(
        grid,
        tuple((distance.astype(np.float32), float(value)) for distance, value in solid),
        stomach,
        colon,
        float(muscle),
        float(rng.normal(-102, 5)),
        SmoothNoise(rng, 9.0),
        SmoothNoise(rng, 3.6, highest_mm=max(top, 2 * RANGE_MM[0][0] - lowest_mm)),  # mirrored below the range
    )


def draw_abdomen(
    hu: np.ndarray, cage: np.ndarray, floor: np.ndarray, steep: np.ndarray, grid: Grid, shapes: Shapes, abdomen: Abdomen
) -> None:
    """Draw it into ``hu``, in place; ``floor`` is the height (mm) of the diaphragm, ``steep`` see `steepness`."""
    pixel = grid.spacing_mm[1]
    lattice = abdomen.grid
    box = grid.box(*zip(*((axis[0], axis[-1]) for axis in lattice.axes), strict=True))
    box = (slice(0, box[0].stop), *box[1:])  # what lies deeper is as the lowest layer
    part = grid.sub(box)
    if 0 in part.shape:
        return
    z, y, x = part.open()
    across = (floor[box[1:]][None] - z) * steep[box[1:]]
    inside = np.clip(0.5 - (cage[box] - 1.0) / pixel, 0, 1) * np.clip(0.5 + across / pixel, 0, 1)
    texture = abdomen.texture(part)
    organs = abdomen.fat_hu + 10 * texture

    def put(distance, value):
        share = np.clip(0.5 - distance / pixel, 0, 1)
        share *= value - organs
        organs[...] += share

    for distance, value in abdomen.solid:
        put(upsample(distance, lattice, part), value + 3 * texture)
    for tube in (abdomen.stomach, abdomen.colon):
        _put_tube(organs, tube, abdomen, part)
    put(np.abs(across - abdomen.muscle_mm / 2) - abdomen.muscle_mm / 2, 45.0)
    # The crura beside the spine.
    spine = spine_centre(shapes.build, part.z).astype(np.float32)[:, None, None]
    put(np.sqrt((x / 30) ** 2 + ((y - spine + 6) / 24) ** 2) * 24 - 24, 48.0)
    view = hu[box]
    view += inside * (organs - view)


def _put_tube(organs: np.ndarray, tube: Tube, abdomen: Abdomen, part: Grid) -> None:
    pixel = part.spacing_mm[1]
    outer = upsample(tube.outer, abdomen.grid, part)
    found = [np.flatnonzero((outer < pixel).any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not len(found[0]):
        return
    box = tuple(slice(int(k[0]), int(k[-1]) + 1) for k in found)
    near = part.sub(box)
    parts = (outer[box], *(upsample(values, abdomen.grid, near) for values in (tube.air, tube.mottled)))
    value, share = tube_hu(tube, parts, abdomen.mottle(near), pixel)
    organs[box] += share * (value - organs[box])
