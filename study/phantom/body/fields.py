"""The mathematics that the phantom is drawn with: seeds, grids, smooth noise, resampling, tubes.

Everything is defined in millimetres of the patient, not in voxels: the same patient drawn on another grid is
the same patient. Patient axes: z caudal to cranial, 0 at the carina; y anterior to posterior; x right to
left, 0 in the midline.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

# The lattice on which smooth shapes are computed before they are resampled to a scan's grid.
LATTICE_MM = 5.0
RANGE_MM = ((-230.0, 170.0), (-165.0, 175.0), (-235.0, 235.0))
# Mean squared weight of a cubic B-spline over its cell: what a spline of white coefficients loses in
# variance.
_SPLINE_POWER = 151.0 / 315.0


def generator(patient_seed: tuple[int, ...], component: str, *more: int) -> np.random.Generator:
    """Random numbers of one component of one patient: no component disturbs another."""
    return np.random.default_rng(np.random.SeedSequence((*patient_seed, zlib.crc32(component.encode()), *more)))


@dataclass(frozen=True)
class Grid:
    """Voxel centres (mm, patient axes) of a regular grid, with the voxel's edge lengths."""

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    spacing_mm: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (z, y, x)."""
        return len(self.z), len(self.y), len(self.x)

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Voxel centres (mm) along (z, y, x)."""
        return self.z, self.y, self.x

    def open(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the three axes shaped to broadcast, float32."""
        return (
            self.z[:, None, None].astype(np.float32),
            self.y[None, :, None].astype(np.float32),
            self.x[None, None, :].astype(np.float32),
        )

    def box(self, low_mm, high_mm) -> tuple[slice, slice, slice]:
        """Slices of the voxels whose centres lie between two corners (z, y, x)."""
        corners = (np.asarray(corner, float).tolist() for corner in (low_mm, high_mm))
        return tuple(
            slice(bisect_left(axis, low), bisect_left(axis, high))
            for axis, low, high in zip(self._centres, *corners, strict=True)
        )

    @cached_property
    def _centres(self) -> list[list[float]]:
        """`axes` as lists, which are searched ten times as fast."""
        return [axis.tolist() for axis in self.axes]

    def sub(self, box: tuple[slice, slice, slice]) -> Grid:
        """Return the grid of a box of voxels."""
        return Grid(self.z[box[0]], self.y[box[1]], self.x[box[2]], self.spacing_mm)


def unravel(flat: np.ndarray, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`np.unravel_index` in a fifth of the time; enough for the finest grid that a protocol allows."""
    rows = flat.astype(np.uint32, copy=False)
    rows, x = rows // shape[2], rows % shape[2]
    return rows // shape[1], rows % shape[1], x


def lattice() -> Grid:
    """Return the coarse grid, the same for every patient and every scan."""
    axes = [np.arange(low, high + 1e-6, LATTICE_MM) for low, high in RANGE_MM]
    return Grid(*axes, (LATTICE_MM,) * 3)


def linear_weights(targets: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Matrix (targets, knots) of linear interpolation between regular knots, constant beyond the ends."""
    position = np.clip((targets - knots[0]) / (knots[1] - knots[0]), 0, len(knots) - 1)
    left = np.minimum(position.astype(int), len(knots) - 2)
    weights = np.zeros((len(targets), len(knots)), np.float32)
    rows = np.arange(len(targets))
    weights[rows, left] = 1 - (position - left)
    weights[rows, left + 1] = position - left
    return weights


def cubic_taps(targets: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the first of four neighbouring knots and their weights (4, targets): Keys' cubic convolution.

    References
    ----------
    Keys RG. Cubic convolution interpolation for digital image processing. IEEE Trans Acoust Speech Signal Process
    1981;29:1153-1160.
    """
    position = (np.asarray(targets, float) - knots[0]) / (knots[1] - knots[0])
    left = np.floor(position).astype(int)
    t = position - left
    taps = (
        -t / 2 + t**2 - t**3 / 2,
        1 - 5 / 2 * t**2 + 3 / 2 * t**3,
        t / 2 + 2 * t**2 - 3 / 2 * t**3,
        -(t**2) / 2 + t**3 / 2,
    )
    return left - 1, np.stack(taps).astype(np.float32)


def spline_weights(targets: np.ndarray, start: float, step: float, count: int) -> np.ndarray:
    """Matrix (targets, count) of cubic B-splines centred at ``start + step * k``."""
    position = (np.asarray(targets, float) - start) / step
    first = np.floor(position).astype(int) - 1
    t = position - first - 1
    pieces = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    weights = np.zeros((len(position), count), np.float32)
    rows = np.arange(len(position))
    for k, piece in enumerate(pieces):
        column = first + k
        valid = (column >= 0) & (column < count)
        weights[rows[valid], column[valid]] = piece[valid]
    return weights


def resample(values: np.ndarray, weights_z: np.ndarray, weights_y: np.ndarray, weights_x: np.ndarray) -> np.ndarray:
    """Apply one matrix along each axis of a (z, y, x) array: every separable blur, average and shift here."""
    nz, ny, nx = values.shape
    out = (weights_z @ np.ascontiguousarray(values).reshape(nz, ny * nx)).reshape(-1, ny, nx)
    out = np.matmul(weights_y, out)
    return np.matmul(out, np.ascontiguousarray(weights_x.T))


def upsample(values: np.ndarray, coarse: Grid, fine: Grid) -> np.ndarray:
    """Linear interpolation of a field from the lattice to a scan's grid."""
    parts, weights = zip(
        *(_linear(centres.tobytes(), knots.tobytes()) for centres, knots in zip(fine.axes, coarse.axes, strict=True)),
        strict=True,
    )
    return resample(np.asarray(values, np.float32)[parts], *weights)


# Weights along an axis are kept, as most fields of a patient are drawn on the same axes. Their key is the axis's bytes.
@lru_cache(maxsize=64)
def _linear(targets: bytes, knots: bytes) -> tuple[slice, np.ndarray]:
    return _used(linear_weights(np.frombuffer(targets), np.frombuffer(knots)))


@lru_cache(maxsize=64)
def _splines(targets: bytes, low: float, high: float, length_mm: float, count: int) -> tuple[slice, np.ndarray]:
    mirrored = _mirrored(np.frombuffer(targets), low, high)
    return _used(spline_weights(mirrored, low - length_mm, length_mm, count))


def _used(weights: np.ndarray) -> tuple[slice, np.ndarray]:
    """Return the columns from the first to the last that is not all zero, and the matrix of them."""
    used = np.flatnonzero(weights.any(axis=0))
    part = slice(int(used[0]), int(used[-1]) + 1)
    matrix = np.ascontiguousarray(weights[:, part])
    matrix.setflags(write=False)
    return part, matrix


class SmoothNoise:
    """Noise of unit variance with details of ``length_mm``, drawn once and the same at a place on any grid."""

    def __init__(self, rng: np.random.Generator, length_mm: float, highest_mm: float = RANGE_MM[0][1]):
        """Draw the coefficients of cubic B-splines over the patient, as far up as the noise will be asked for."""
        self.length_mm = length_mm
        tops = (min(highest_mm, RANGE_MM[0][1]), *(high for _, high in RANGE_MM[1:]))
        counts = [int(np.ceil((top - low) / length_mm)) + 3 for (low, _), top in zip(RANGE_MM, tops, strict=True)]
        self.coefficients = rng.standard_normal(counts, dtype=np.float32) / np.float32(_SPLINE_POWER**1.5)

    def __call__(self, grid: Grid) -> np.ndarray:
        """Return the noise on a grid, mirrored beyond the patient's range."""
        parts, weights = zip(
            *(
                _splines(axis.tobytes(), *range_mm, self.length_mm, count)
                for axis, range_mm, count in zip(grid.axes, RANGE_MM, self.coefficients.shape, strict=True)
            ),
            strict=True,
        )
        return resample(self.coefficients[parts], *weights)


def _mirrored(axis: np.ndarray, low: float, high: float) -> np.ndarray:
    return low + np.abs((axis - low + high - low) % (2 * (high - low)) - (high - low))


def smooth_noise(rng: np.random.Generator, grid: Grid, length_mm: float) -> np.ndarray:
    """Draw noise of unit variance with details of ``length_mm``, the same at a place on any grid."""
    return SmoothNoise(rng, length_mm)(grid)


def smooth_curve(rng: np.random.Generator, positions: np.ndarray, length_mm: float) -> np.ndarray:
    """Noise of about unit variance along one axis (a spine that is not quite straight)."""
    count = int(np.ceil(500 / length_mm)) + 3
    return spline_weights(positions, -250.0, length_mm, count) @ rng.standard_normal(count) / np.sqrt(_SPLINE_POWER)


def ramp(value, low, high):
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    rise = 3 - 2 * t
    rise *= t
    rise *= t
    return rise


def tube_points(
    grid: Grid,
    starts: np.ndarray,
    ends: np.ndarray,
    radii_start: np.ndarray,
    radii_end: np.ndarray,
    points_per_voxel: float = 8.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of the voxels that tapering tubes fill, some of them repeatedly, and the fraction filled each time.

    Each tube's volume is dealt to points that fill it evenly (a low-discrepancy sequence), so that a vessel
    thinner than a voxel fills just the part of it that it should. ``starts``, ``ends`` are (n, 3) in (z, y,
    x) mm.
    """
    spacing = np.array(grid.spacing_mm)
    along = ends - starts
    length = np.linalg.norm(along, axis=1) + 1e-6
    radius = (radii_start + radii_end) / 2
    volume = np.pi * radius**2 * length
    voxel = spacing.prod()
    count = np.ceil(np.maximum(length / (0.4 * spacing.min()), volume / voxel * points_per_voxel)).astype(int)
    tube = np.repeat(np.arange(len(count)), count)
    order = np.arange(len(tube)) - np.repeat(np.cumsum(count) - count, count)
    # Generalised golden ratio: even filling of (along, radius squared, angle).
    t = ((order + 0.5) / count[tube]).astype(np.float32)
    near, far = radii_start.astype(np.float32)[tube], radii_end.astype(np.float32)[tube]
    ring = np.sqrt(((0.5 + 0.7548776662466927 * (order + 1)) % 1).astype(np.float32)) * (near + (far - near) * t)
    angle = ((2 * np.pi) * ((0.5 + 0.5698402909980532 * (order + 1)) % 1)).astype(np.float32)
    aside, above = ring * np.cos(angle), ring * np.sin(angle)
    axis = along / length[:, None]
    other = np.where(np.abs(axis[:, :1]) < 0.9, np.array([[1.0, 0, 0]]), np.array([[0, 1.0, 0]]))
    first = np.cross(axis, other)
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = np.cross(axis, first)
    flat, inside = np.zeros(len(tube), np.int64), np.ones(len(tube), bool)
    for k, (centres, step) in enumerate(zip(grid.axes, grid.spacing_mm, strict=True)):
        from_corner, *parts = (
            part.astype(np.float32)[tube]
            for part in (
                (starts[:, k] - centres[0]) / step,
                along[:, k] / step,
                first[:, k] / step,
                second[:, k] / step,
            )
        )
        index = np.rint(from_corner + parts[0] * t + parts[1] * aside + parts[2] * above).astype(np.int64)
        inside &= (index >= 0) & (index < len(centres))
        flat = flat * len(centres) + index
    return flat[inside], (volume / count / voxel)[tube][inside]


def capsule_distance(grid: Grid, start, end, radius_start: float, radius_end: float) -> np.ndarray:
    """Signed distance (mm, negative inside) to a tapering capsule on a (small) grid."""
    start, end = np.asarray(start, np.float32), np.asarray(end, np.float32)
    along = end - start
    z, y, x = (axis - at for axis, at in zip(grid.open(), start, strict=True))
    t = z * along[0] + y * along[1] + x * along[2]
    t /= max(float(along @ along), 1e-6)
    np.clip(t, 0, 1, out=t)
    distance = np.sqrt((z - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (x - t * along[2]) ** 2)
    return distance - (radius_start + (radius_end - radius_start) * t)


def around_capsule(grid: Grid, start, end, radius_start: float, radius_end: float, margin_mm: float):
    """The box (slices) of a grid around a tapering capsule, the grid of that box, and the distance (mm) to it there.

    None if the capsule lies outside the grid.
    """
    reach = max(radius_start, radius_end) + margin_mm
    box = grid.box(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
    if any(side.start >= side.stop for side in box):
        return None
    part = grid.sub(box)
    return box, part, capsule_distance(part, start, end, radius_start, radius_end)
