"""The healthy thorax of one patient on the fine grid, in HU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import ndimage

from study.phantom.background import add_findings, effusion
from study.phantom.build import draw_build
from study.phantom.fields import Grid, generator, ramp, smooth_noise, splat_tubes, upsample
from study.phantom.organs import draw_abdomen, draw_airways, draw_mediastinum, table
from study.phantom.shape import Shapes, draw_shapes, lung_depth, lung_floor
from study.phantom.skeleton import draw_ribs, draw_shoulders, draw_spine, draw_sternum
from study.phantom.vessels import draw_trees


@dataclass(frozen=True)
class Anatomy:
    """One patient without infection.

    ``hu`` (z, y, x) float32; ``inside`` the flat indices of voxels that hold lung, and for these voxels:
    ``share`` the fraction of the voxel that is lung (0..1), ``vessel`` and ``lumen`` the fractions of it that
    are vessel or bronchial wall and bronchial air, ``depth`` mm to the nearest border of the lung, ``wall``
    mm to the ribs or the diaphragm, ``room`` 0 in thin recesses to 1 where the lung is wide, ``parenchyma``
    HU of the lung without vessels, ``outer`` HU of what the lung does not fill.
    """

    grid: Grid
    shapes: Shapes
    hu: np.ndarray
    inside: np.ndarray
    share: np.ndarray
    vessel: np.ndarray
    lumen: np.ndarray
    depth: np.ndarray
    wall: np.ndarray
    room: np.ndarray
    parenchyma: np.ndarray
    outer: np.ndarray

    @cached_property
    def lung_box(self) -> tuple[slice, slice, slice]:
        """Slices of the grid that hold the voxels ``inside`` and a margin in plane for other poses."""
        margin = int(np.ceil(25 / self.grid.spacing_mm[1]))
        _, *index = np.unravel_index(self.inside, self.grid.shape)
        return slice(None), *(slice(max(int(i.min()) - margin, 0), int(i.max()) + margin + 1) for i in index)


def scan_grid(shapes: Shapes, matrix: int, field_of_view_mm: float, fine_mm: float, patient_seed) -> Grid:
    """Return the fine grid: the scan's pixels, in layers of ``fine_mm`` from under to over the lungs."""
    build = shapes.build
    rng = generator(patient_seed, "coverage")
    pixel = field_of_view_mm / matrix
    low = min(shapes.dome) - max(shapes.recess[:3]) - rng.uniform(2, 26)
    high = build.apex + rng.uniform(6, 34)
    z = np.arange(low, high, fine_mm)
    centred = (np.arange(matrix) - (matrix - 1) / 2) * pixel
    return Grid(z, centred + build.centre[0], centred + build.centre[1], (fine_mm, pixel, pixel))


@lru_cache(maxsize=2)
def draw_anatomy(
    patient_seed: tuple[int, ...],
    sex: str,
    age_years: float,
    matrix: int,
    field_of_view_mm: float,
    fine_mm: float,
) -> Anatomy:
    """Draw the patient; visits of one patient share it. The arrays are read-only."""
    build = draw_build(patient_seed, sex, age_years)
    shapes = draw_shapes(patient_seed, build)
    grid = scan_grid(shapes, matrix, field_of_view_mm, fine_mm, patient_seed)
    pixel = grid.spacing_mm[1]
    cage = upsample(shapes.cage, shapes.coarse, grid)
    body = upsample(shapes.body, shapes.coarse, grid)
    muscle = upsample(shapes.muscle, shapes.coarse, grid)
    hu = _soft_tissue(grid, build.apex, cage, body, muscle, patient_seed)
    draw_ribs(hu, cage, grid, shapes, patient_seed)
    floor = lung_floor(shapes, grid)
    draw_abdomen(hu, cage, floor, grid, shapes, patient_seed)
    draw_mediastinum(hu, grid, shapes, patient_seed)
    draw_spine(hu, grid, shapes, patient_seed)
    draw_sternum(hu, grid, shapes)
    draw_shoulders(hu, cage, body, grid, shapes, patient_seed)
    lowest = (
        float(np.percentile(grid.y[np.flatnonzero((body < 0).any(axis=(0, 2)))], 99.5)) if (body < 0).any() else 0.0
    )
    _compose_outside(hu, body, table(grid, lowest, patient_seed), pixel)
    fluid = effusion(shapes, cage, grid, patient_seed)
    if fluid is not None:
        hu += np.clip(0.5 + lung_depth(shapes, grid, cage) / pixel, 0, 1) * (9 - hu)
        cage = cage + fluid
    depth = lung_depth(shapes, grid, cage)
    inside = np.flatnonzero(depth > -pixel / 2)
    depth_inside = depth.ravel()[inside]
    share = np.clip(0.5 + depth_inside / pixel, 0, 1)
    tubes, bronchi = draw_trees(shapes, patient_seed)
    lumen = splat_tubes(grid, *bronchi, 4.0).ravel()[inside]
    wall = np.clip(
        splat_tubes(grid, bronchi[0], bronchi[1], bronchi[2] + 0.9, bronchi[3] + 0.8, 4.0).ravel()[inside] - lumen,
        0,
        1,
    )
    vessel = np.maximum(splat_tubes(grid, *tubes).ravel()[inside] * (1 - lumen), 0.85 * wall)
    wall_mm, room = _near_wall(grid, shapes, cage, floor, inside)
    parenchyma = _parenchyma(grid, shapes, inside, depth_inside, patient_seed)
    outer = hu.ravel()[inside].copy()
    anatomy = Anatomy(grid, shapes, hu, inside, share, vessel, lumen, depth_inside, wall_mm, room, parenchyma, outer)
    hu.ravel()[inside] = lung_hu(anatomy, parenchyma)
    draw_airways(hu, grid, shapes)
    for array in (hu, inside, share, vessel, lumen, depth_inside, wall_mm, room, parenchyma, outer):
        array.setflags(write=False)
    return anatomy


def _near_wall(grid: Grid, shapes: Shapes, cage, floor, inside) -> tuple[np.ndarray, np.ndarray]:
    """Distance to ribs or diaphragm (mm), and how much lung is around: from the lung smoothed over 3 cm."""
    slope = np.gradient(floor, grid.spacing_mm[1])
    steep = 1 / np.sqrt(1 + slope[0] ** 2 + slope[1] ** 2)
    iz, iy, ix = np.unravel_index(inside, grid.shape)
    above = (grid.z.astype(np.float32)[iz] - floor[iy, ix]) * steep.astype(np.float32)[iy, ix]
    wall = np.minimum(-cage.ravel()[inside], above)
    around = (shapes.lung > 0).astype(np.float32)
    for axis in range(3):
        around = ndimage.uniform_filter1d(around, 7, axis)
    room = ramp(upsample(around, shapes.coarse, grid).ravel()[inside], 0.14, 0.42)
    return wall, room


class Speckle:
    """Smooth noise at some voxels of a grid, computed only on the box around them."""

    def __init__(self, grid: Grid, index: tuple[np.ndarray, ...]):
        """Take the voxels by their indices along z, y, x."""
        low = [int(i.min()) for i in index]
        self.part = grid.sub(tuple(slice(a, int(i.max()) + 1) for a, i in zip(low, index, strict=True)))
        self.flat = np.ravel_multi_index(tuple(i - a for a, i in zip(low, index, strict=True)), self.part.shape)

    def __call__(self, rng: np.random.Generator, length_mm: float) -> np.ndarray:
        """Draw unit-variance noise with details of ``length_mm`` at the voxels."""
        return smooth_noise(rng, self.part, length_mm).ravel()[self.flat]


def lung_hu(anatomy: Anatomy, parenchyma: np.ndarray) -> np.ndarray:
    """Return the HU of the voxels ``inside``: lung and vessels over the lung's share, else chest wall."""
    lung = parenchyma + anatomy.vessel * (42 - parenchyma) + anatomy.lumen * (-985 - parenchyma)
    return anatomy.outer + anatomy.share * (lung - anatomy.outer)


def _soft_tissue(grid: Grid, apex: float, cage, body, muscle, patient_seed) -> np.ndarray:
    rng = generator(patient_seed, "tissue")
    pixel = grid.spacing_mm[1]
    texture = smooth_noise(rng, grid, 9.0)
    fat = rng.normal(-102, 5)
    hu = fat + 9 * texture
    lean = np.clip(0.5 - np.maximum(muscle + 2 * texture, body + 4.0) / pixel, 0, 1)
    hu += lean * (rng.normal(52, 5) - hu - 4 * texture)
    # Inside the rib cage, what no organ fills is mediastinal fat with strands.
    # Over the apices it is muscle of the neck.
    z, _, x = grid.open()
    neck = ramp(z, apex - 75, apex - 35) * ramp(np.abs(x), 18, 32)
    hu += np.clip(0.5 - cage / pixel, 0, 1) * (-88 + 132 * neck + 16 * texture - hu)
    hu += np.clip(1 - np.abs(body + 1.2) / pixel, 0, 1) * (15 - hu) * 0.7
    return hu


def _compose_outside(hu, body, outside, pixel) -> None:
    share = np.clip(0.5 - body / pixel, 0, 1)
    hu -= outside
    hu *= share
    hu += outside


def _parenchyma(grid: Grid, shapes: Shapes, inside, depth, patient_seed) -> np.ndarray:
    """Return the HU of lung tissue between the visible vessels: mottled, and denser where it depends."""
    rng = generator(patient_seed, "parenchyma")
    iz, iy, ix = np.unravel_index(inside, grid.shape)
    y, z, x = (axis.astype(np.float32)[i] for axis, i in ((grid.y, iy), (grid.z, iz), (grid.x, ix)))
    speckle = Speckle(grid, (iz, iy, ix))
    level = rng.normal(-872, 22)
    slope = rng.uniform(0.15, 0.5)
    hu = level + slope * y + rng.uniform(-0.08, 0.05) * z
    hu += rng.uniform(5, 12) * speckle(rng, 42.0) + rng.uniform(8, 16) * speckle(rng, 11.0)
    hu += rng.uniform(14, 26) * speckle(rng, 5.5)
    add_findings(hu, z, y, x, depth, speckle, shapes, patient_seed, grid.spacing_mm[1])
    return hu.astype(np.float32)
