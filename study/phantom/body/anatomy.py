"""The healthy thorax of one patient on the fine grid, in HU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from study.phantom.body.abdomen import draw_abdomen, plan_abdomen, steepness
from study.phantom.body.arms import join_arms
from study.phantom.body.background import add_findings, effusion
from study.phantom.body.build import Build, draw_build
from study.phantom.body.chest_wall import let_air_in
from study.phantom.body.cover import put_cover
from study.phantom.body.dense import Voxels, draw_dense
from study.phantom.body.fields import (
    LATTICE_MM,
    Grid,
    SmoothNoise,
    generator,
    ramp,
    tube_points,
    unravel,
    upsample,
)
from study.phantom.body.head import draw_skull
from study.phantom.body.lobes import draw_lobes
from study.phantom.body.organs import draw_airways, draw_mediastinum, table
from study.phantom.body.shape import Shapes, draw_shapes, lung_depth, lung_surfaces
from study.phantom.body.skeleton import draw_ribs, draw_shoulders, draw_spine, draw_sternum
from study.phantom.body.vessels import draw_trees
from study.scans.boxes import bounding_box

SLAB_VOXELS = 700_000


def slabs(grid: Grid) -> list[slice]:
    """Layers to work on at once: few enough to need little memory and to fit a CPU's cache."""
    layers = max(1, SLAB_VOXELS // (len(grid.y) * len(grid.x)))
    return [slice(first, first + layers) for first in range(0, len(grid.z), layers)]


def positions(grid: Grid, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where voxels of a grid lie, from their flat indices: z, y, x in mm, float32."""
    index = unravel(inside, grid.shape)
    return tuple(axis.astype(np.float32)[i] for axis, i in zip(grid.axes, index, strict=True))


class Speckle:
    """Smooth noise at some voxels of a grid, computed only on the box around them.

    ``box`` (slices) of the grid, ``part`` the grid of it, ``flat`` the voxels' indices in it.
    """

    def __init__(self, grid: Grid, index: tuple[np.ndarray, ...]):
        """Take the voxels by their indices along z, y, x, in the order in which they lie in memory."""
        self.box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in index)
        self.part = grid.sub(self.box)
        z, y, x = (i - s.start for i, s in zip(index, self.box, strict=True))
        flat = (z * len(self.part.y) + y) * len(self.part.x) + x
        self._slabs = []
        for layers in slabs(self.part):
            first, end = (int(layer * len(self.part.y) * len(self.part.x)) for layer in (layers.start, layers.stop))
            voxels = slice(*np.searchsorted(flat, (first, end)))
            self._slabs.append((self.part.sub((layers, slice(None), slice(None))), first, voxels))
        self.flat = flat.astype(np.uint32, copy=False)  # enough for the finest grid that a protocol allows

    def __call__(self, rng: np.random.Generator, length_mm: float) -> np.ndarray:
        """Draw unit-variance noise with details of ``length_mm`` at the voxels."""
        noise = SmoothNoise(rng, length_mm)
        out = np.empty(len(self.flat), np.float32)
        for slab, first, voxels in self._slabs:
            out[voxels] = noise(slab).ravel()[self.flat[voxels] - first]
        return out


@dataclass(frozen=True)
class Anatomy:
    """One patient without infection.

    ``whole`` is the scan's grid, ``outside`` (y, x) the HU of its plane without the patient; ``grid`` covers
    the part of the plane that holds the body, ``frame`` (slices along y and x). ``hu`` (z, y, x) float32;
    ``inside`` the flat indices of voxels that hold lung, and for these voxels: ``speckle`` draws smooth noise,
    ``share`` the fraction of the voxel that is lung (0..1), ``lobe`` its number (`lobes.LOBES`), ``vessel`` and
    ``lumen`` the fractions of it that are vessel or bronchial wall and bronchial air, ``depth`` mm to the nearest
    border of the lung, ``wall`` mm to the ribs or the diaphragm, ``room`` 0 in thin recesses to 1 where the lung
    is wide, ``parenchyma`` HU of the lung without vessels, ``airless`` 0..1 how far it has lost its air without
    infection, ``outer`` HU of what the lung does not fill.
    """

    whole: Grid
    outside: np.ndarray
    frame: tuple[slice, slice]
    grid: Grid
    shapes: Shapes
    hu: np.ndarray
    inside: np.ndarray
    speckle: Speckle
    share: np.ndarray
    lobe: np.ndarray
    vessel: np.ndarray
    lumen: np.ndarray
    depth: np.ndarray
    wall: np.ndarray
    room: np.ndarray
    parenchyma: np.ndarray
    airless: np.ndarray
    outer: np.ndarray


def scan_grid(shapes: Shapes, matrix: int, field_of_view_mm: float, fine_mm: float, patient_seed) -> Grid:
    """Return the fine grid: the scan's pixels, in layers of ``fine_mm`` from below to above the lungs.

    By the patient's `Findings`, some scans begin or end within the lungs, and some reach far into the abdomen or
    up to the head.
    """
    build = shapes.build
    rng = generator(patient_seed, "coverage")
    pixel = field_of_view_mm / matrix
    low = min(shapes.dome) - max(shapes.recess[:3]) - rng.uniform(2, 26)
    high = build.apex + rng.uniform(6, 34)
    odd = rng.random()
    if odd < build.findings.part_of_lung:
        within = rng.uniform(min(shapes.dome) - 20, build.apex - 70)
        low, high = (within, high) if rng.random() < 0.5 else (low, within + 40)
    elif odd < build.findings.part_of_lung + build.findings.abdomen_too:
        low -= rng.uniform(50, 90)
    if build.head_too:
        high += rng.uniform(70, 220)
    z = np.arange(low, high, fine_mm)
    centred = (np.arange(matrix) - (matrix - 1) / 2) * pixel
    return Grid(z, centred + build.centre[0], centred + build.centre[1], (fine_mm, pixel, pixel))


def draw_anatomy(
    patient_seed: tuple[int, ...],
    sex: str,
    age_years: float,
    matrix: int,
    field_of_view_mm: float,
    fine_mm: float,
    findings: str = "ordinary",
) -> Anatomy:
    """Draw the patient. The arrays are read-only, as the visits of one patient share them."""
    build = draw_build(patient_seed, sex, age_years, findings)
    shapes = draw_shapes(patient_seed, build)
    whole = scan_grid(shapes, matrix, field_of_view_mm, fine_mm, patient_seed)
    frame, lowest = _body_frame(shapes, whole)
    outside = table(whole, lowest, patient_seed)
    grid = whole.sub((slice(None), *frame))
    pixel = grid.spacing_mm[1]
    hu, inside, depth_inside, wall_mm, room = _draw_body(grid, shapes, outside[frame], patient_seed)
    share = np.clip(0.5 + depth_inside / pixel, 0, 1)
    tubes, bronchi = draw_trees(shapes, patient_seed)
    place = np.full(int(np.prod(grid.shape)), len(inside), np.int32)
    place[inside] = np.arange(len(inside))

    def filled(*tubes):
        flat, part = tube_points(grid, *tubes)
        return np.minimum(np.bincount(place[flat], part, len(inside) + 1)[:-1], 1).astype(np.float32)

    lumen = filled(*bronchi, 4.0)
    wall = np.clip(filled(*bronchi[:2], bronchi[2] + 0.9, bronchi[3] + 0.8, 4.0) - lumen, 0, 1)
    vessel = np.maximum(filled(*tubes) * (1 - lumen), 0.85 * wall)
    speckle = Speckle(grid, unravel(inside, grid.shape))
    parenchyma, lobe, airless, plugged = _parenchyma(
        grid, shapes, positions(grid, inside), speckle, depth_inside, wall_mm, patient_seed
    )
    lumen *= 1 - plugged
    outer = hu.ravel()[inside].copy()
    anatomy = Anatomy(
        *(whole, outside, frame),
        *(grid, shapes, hu, inside, speckle, share, lobe, vessel, lumen, depth_inside, wall_mm, room),
        *(parenchyma, airless, outer),
    )
    hu.ravel()[inside] = beside_outer(anatomy, lung_hu(anatomy, parenchyma))
    draw_airways(hu, grid, shapes)
    for array in (hu, inside, share, lobe, vessel, lumen, depth_inside, wall_mm, room, parenchyma, airless, outer):
        array.setflags(write=False)
    return anatomy


def _body_frame(shapes: Shapes, grid: Grid) -> tuple[tuple[slice, slice], float]:
    """The part of the plane (slices along y and x) that holds the body, and the lowest point of the back (mm)."""
    coarse = shapes.coarse
    level = slice(*np.searchsorted(coarse.z, (grid.z[0] - LATTICE_MM, grid.z[-1] + LATTICE_MM)))
    near = shapes.body[level].min(axis=0)
    edges = []
    for axis, positions, centres in ((1, coarse.y, grid.y), (0, coarse.x, grid.x)):
        skin = np.interp(centres, positions, near.min(axis=axis))
        for start, end, *radii in shapes.arms + shapes.head:
            k = 2 - axis
            low, high = (side(start[k], end[k]) for side in (min, max))
            skin = np.minimum(skin, np.maximum(low - centres, centres - high) - max(radii))
        reached = np.flatnonzero(skin < 1.5 * grid.spacing_mm[1] + shapes.cover.reach_mm)
        edges.append(slice(int(reached[0]), int(reached[-1]) + 1))
    lowest = float(coarse.y[np.flatnonzero(near.min(axis=1) < 0)[-1]])
    return tuple(edges), lowest


def _draw_body(grid: Grid, shapes: Shapes, outside: np.ndarray, patient_seed) -> tuple[np.ndarray, ...]:
    """Draw all but the inside of the lungs, slab by slab.

    Returns the HU of all voxels, the flat indices of those that hold lung, and of these the depth (mm), the
    distance to ribs or diaphragm (mm) and how much lung is around them, from the lung smoothed over 3 cm.
    """
    pixel = grid.spacing_mm[1]
    surfaces = lung_surfaces(shapes, grid)
    floor = surfaces[0][0]
    steep = steepness(floor, pixel)
    planned = plan_tissue(shapes.build, patient_seed), plan_abdomen(shapes, patient_seed, grid.z[0])
    around = (shapes.lung > 0).astype(np.float32)
    for axis in range(3):
        around = ndimage.uniform_filter1d(around, 7, axis)
    hu = np.empty(grid.shape, np.float32)
    found = []
    for slab in slabs(grid):
        part = grid.sub((slab, slice(None), slice(None)))
        cage = _draw_slab(hu[slab], part, shapes, planned, (floor, steep), outside, surfaces, patient_seed)
        depth = lung_depth(shapes, part, cage, surfaces)
        index = np.flatnonzero(depth > -pixel / 2)
        iz, within = np.divmod(index.astype(np.uint32), np.uint32(floor.size))  # within the plane
        above = (part.z.astype(np.float32)[iz] - floor.ravel()[within]) * steep.ravel()[within]
        room = ramp(upsample(around, shapes.coarse, part).ravel()[index], 0.14, 0.42)
        wall = np.minimum(-cage.ravel()[index], above)
        found.append(((index + slab.start * outside.size).astype(np.uint32), depth.ravel()[index], wall, room))
    return hu, *(np.concatenate(parts) for parts in zip(*found, strict=True))


def _draw_slab(
    hu: np.ndarray, grid: Grid, shapes: Shapes, planned, diaphragm, outside, surfaces, patient_seed
) -> np.ndarray:
    """Draw the body without the inside of the lungs into ``hu``; return the distance (mm) to the pleura."""
    pixel, (tissue, abdomen) = grid.spacing_mm[1], planned
    cage, body, muscle = (upsample(shape, shapes.coarse, grid) for shape in (shapes.cage, shapes.body, shapes.muscle))
    join_arms(body, muscle, grid, shapes.arms + shapes.head, shapes.build.fat)
    _draw_soft_tissue(hu, grid, shapes.build, cage, body, muscle, tissue)
    if shapes.build.air_in_wall:
        let_air_in(hu, body, muscle, grid, shapes.build, patient_seed)
    draw_ribs(hu, cage, grid, shapes, patient_seed)
    draw_abdomen(hu, cage, *diaphragm, grid, shapes, abdomen)
    draw_mediastinum(hu, grid, shapes, patient_seed)
    draw_spine(hu, grid, shapes, patient_seed)
    draw_sternum(hu, grid, shapes)
    draw_shoulders(hu, cage, body, grid, shapes, patient_seed)
    draw_skull(hu, grid, shapes.head)
    _compose_outside(hu, body, outside, pixel)
    put_cover(hu, body, grid, shapes.cover)
    fluid = effusion(shapes, *grid.open(), patient_seed)
    if fluid is not None:
        hu += np.clip(0.5 + lung_depth(shapes, grid, cage, surfaces) / pixel, 0, 1) * (9 - hu)
        cage = cage + fluid
    return cage


def lung_hu(anatomy: Anatomy, parenchyma: np.ndarray) -> np.ndarray:
    """Return the HU of what is lung in the voxels ``inside``: tissue, vessels and bronchi."""
    return parenchyma + anatomy.vessel * (42 - parenchyma) + anatomy.lumen * (-985 - parenchyma)


def beside_outer(anatomy: Anatomy, lung: np.ndarray) -> np.ndarray:
    """Return the HU of the voxels ``inside``: ``lung`` (HU) over the lung's share, else chest wall."""
    hu = lung - anatomy.outer
    hu *= anatomy.share
    hu += anatomy.outer
    return hu


@dataclass(frozen=True)
class Tissue:
    """Of one patient: HU of fat and of muscle, their texture, and the layer of fat (mm) outside the pleura."""

    fat_hu: float
    muscle_hu: float
    texture: SmoothNoise
    layer_mm: np.float64


def plan_tissue(build: Build, patient_seed) -> Tissue:
    """Draw a patient's fat and muscle."""
    rng, around = generator(patient_seed, "tissue"), generator(patient_seed, "fat outside pleura")
    texture, fat_hu, muscle_hu = SmoothNoise(rng, 9.0), rng.normal(-102, 5), rng.normal(52, 5)
    return Tissue(fat_hu, muscle_hu, texture, np.clip(0.12 * build.fat * around.uniform(0, 2), 0, 4))


def _draw_soft_tissue(hu: np.ndarray, grid: Grid, build: Build, cage, body, muscle, tissue: Tissue) -> None:
    """Draw fat, muscle and skin, and within the rib cage the fat of the mediastinum, into ``hu``."""
    pixel = grid.spacing_mm[1]
    texture = tissue.texture(grid)
    np.multiply(texture, 9, out=hu)
    hu += tissue.fat_hu
    lean = muscle + 2 * texture
    np.maximum(lean, body + 4.0, out=lean)
    lean = _share(lean, pixel)
    change = tissue.muscle_hu - hu
    change -= 4 * texture
    change *= lean
    hu += change
    # A layer of fat outside the pleura; the ribs are drawn over it, so it fills the strips between them.
    within = cage < max(tissue.layer_mm * (0.6 + 0.5 * float(texture.max())), 0) + pixel
    if within.any():
        box = bounding_box(within)
        view, cage, texture = hu[box], cage[box], texture[box]
        share = tissue.layer_mm * (0.6 + 0.5 * texture)
        share -= cage
        share /= pixel
        share += 0.5
        np.clip(share, 0, 1, out=share)
        share *= tissue.fat_hu - view
        view += share
        # Inside the rib cage, what no organ fills is mediastinal fat with strands.
        # Over the apices it is muscle of the neck.
        z, _, x = grid.sub(box).open()
        neck = ramp(z, build.apex - 75, build.apex - 35) * ramp(np.abs(x), 18, 32)
        change = (-88 + 132 * neck) + 16 * texture
        change -= view
        change *= _share(cage.copy(), pixel)
        view += change
    skin = body + 1.2
    np.abs(skin, out=skin)
    near = np.flatnonzero(skin < pixel)
    flat = hu.ravel()
    view = flat[near]
    flat[near] = view + np.clip(1 - skin.ravel()[near] / pixel, 0, 1) * (15 - view) * 0.7


def _share(distance: np.ndarray, pixel: float) -> np.ndarray:
    """What part of a voxel lies inside, from the distance (mm, negative inside) of its centre, in place."""
    distance /= pixel
    np.subtract(0.5, distance, out=distance)
    return np.clip(distance, 0, 1, out=distance)


def _compose_outside(hu, body, outside, pixel) -> None:
    share = np.clip(0.5 - body / pixel, 0, 1)
    hu -= outside
    hu *= share
    hu += outside


def _parenchyma(grid: Grid, shapes: Shapes, at, speckle: Speckle, depth, wall, patient_seed) -> tuple[np.ndarray, ...]:
    """HU of lung tissue between the visible vessels, mottled, denser where dependent; its lobe; see `draw_dense`."""
    rng = generator(patient_seed, "parenchyma")
    z, y, x = at
    level = rng.normal(-872, 22)
    slope = rng.uniform(0.15, 0.5)
    hu = level + slope * y + rng.uniform(-0.08, 0.05) * z
    hu += rng.uniform(5, 12) * speckle(rng, 42.0) + rng.uniform(8, 16) * speckle(rng, 11.0)
    hu += rng.uniform(14, 26) * speckle(rng, 5.5)
    lobe, fissure_mm = draw_lobes(shapes, patient_seed, z, y, x, speckle)
    add_findings(hu, z, y, x, depth, fissure_mm, speckle, shapes, patient_seed, grid.spacing_mm[1])
    hu = hu.astype(np.float32, copy=False)
    lung = Voxels(z, y, x, wall, lobe, speckle, grid.spacing_mm[1])
    return hu, lobe, *draw_dense(hu, lung, shapes, patient_seed)
