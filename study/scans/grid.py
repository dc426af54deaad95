"""Where the voxels of a stored volume lie in the patient, and the order in which `study` holds them.

A file stores its voxels in an order (i, j, k) of its own and says with an affine where they lie, in
millimetres, x to the patient's right -> left as RAS (NIfTI) has it. `study` holds every array as (z, y, x):
z caudal -> cranial, y anterior -> posterior, x patient right -> left. A `Grid` knows both and converts
between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

SPACING_RANGE_MM = (0.05, 20.0)  # finer is micro-CT, coarser is a wrong unit
# Across and along the body: less than 60 mm holds no lungs (those of an infant are longer), and more than a metre is
# wider than a scanner's opening or longer than head to thighs.
EXTENT_RANGE_MM = (60.0, 1000.0)
MOST_VOXELS = 2**30  # 1024 x 1024 x 1024, or 4096 sections of 512 x 512: 2 GiB as HU
LARGEST_SHEAR = 0.01  # cosine between two axes; 0.57 degrees. A tilted gantry shears by 5 degrees and more
LARGEST_TILT_DEGREES = 30.0  # of a volume axis against the patient's; beyond it "axial" has no meaning
SAME_PLACE_VOXELS = 0.1  # two grids are one if no corner lies further apart than this share of a voxel
UNFORESEEN = "reading or measuring it failed with an unforeseen error"
CONVERT_AGAIN = "convert the scan again from its DICOM files (for example with dcm2niix)"


class ScanError(ValueError):
    """A file that cannot be used: which one, what is wrong, and what to do about it.

    Attributes
    ----------
    path : pathlib.Path
        The file or folder.
    what : str
        What is wrong with it, with the value found.
    remedy : str
        What a user can do about it.
    """

    def __init__(self, path, what: str, remedy: str):
        self.path, self.what, self.remedy = Path(path), what, remedy
        super().__init__(f"{path}: {what}; {remedy}")

    @classmethod
    def of(cls, error: Exception, path) -> ScanError:
        """The error itself if it is a ScanError; else one that names the type of an error that nobody foresaw.

        Its text is left out, as it may quote from the file.
        """
        if isinstance(error, ScanError):
            return error
        what = f"{UNFORESEEN} ({type(error).__name__})"
        return cls(
            path, what, "look whether the file is damaged; if it is sound, this is a fault of `study`: report it"
        )

    def __reduce__(self):  # a worker process hands its errors back by pickle
        return ScanError, (self.path, self.what, self.remedy)


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxel grid of one stored volume.

    Parameters
    ----------
    shape : tuple of int
        Voxels along the stored axes (i, j, k).
    affine : numpy.ndarray
        4x4, stored index (i, j, k) -> RAS millimetres (right, anterior and superior positive), the centre
        of a voxel.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    @classmethod
    def of_array(cls, shape_zyx, spacing_mm) -> Grid:
        """Place a (z, y, x) array as `write_scan` does: stored as (x, y, z), its centre at the origin."""
        shape = tuple(int(n) for n in reversed(shape_zyx))
        affine = np.diag([-spacing_mm[2], -spacing_mm[1], spacing_mm[0], 1.0]).astype(float)
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
        return cls(shape, affine)

    @cached_property
    def stored_spacing_mm(self) -> np.ndarray:
        """Distance in mm between neighbouring voxels along the stored axes (i, j, k)."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @cached_property
    def _directions(self) -> np.ndarray:
        return self.affine[:3, :3] / self.stored_spacing_mm

    @cached_property
    def _world_axes(self) -> np.ndarray:
        """Match each stored axis with the patient's nearest: 0 right, 1 anterior, 2 superior."""
        cosines = np.abs(self._directions).copy()
        world = np.full(3, -1)
        for _ in range(3):
            row, column = np.unravel_index(np.argmax(cosines), (3, 3))
            world[column] = row
            cosines[row, :] = cosines[:, column] = -1
        return world

    @cached_property
    def order(self) -> tuple[int, int, int]:
        """The stored axes that become z, y and x."""
        world = list(self._world_axes)
        return world.index(2), world.index(1), world.index(0)

    @cached_property
    def flipped(self) -> tuple[bool, bool, bool]:
        """Whether z (to the head), y (to the back) and x (to the left) run against the stored axes."""
        wanted = (1, -1, -1)
        along = [self._directions[world, axis] for world, axis in zip((2, 1, 0), self.order, strict=True)]
        return tuple(bool(sign * value < 0) for sign, value in zip(wanted, along, strict=True))

    @property
    def _direction(self) -> tuple[slice, slice, slice]:
        return tuple(slice(None, None, -1 if flipped else 1) for flipped in self.flipped)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Spacing in mm in the order (z, y, x)."""
        return tuple(float(self.stored_spacing_mm[axis]) for axis in self.order)

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Voxels along (z, y, x)."""
        return tuple(self.shape[axis] for axis in self.order)

    def to_zyx(self, stored: np.ndarray) -> np.ndarray:
        """Stored (i, j, k) -> (z, y, x), contiguous in memory."""
        turned = stored.transpose(self.order)[self._direction]
        return np.ascontiguousarray(turned)

    def to_stored(self, array_zyx: np.ndarray) -> np.ndarray:
        """(z, y, x) -> stored (i, j, k), the inverse of `to_zyx`; a view."""
        turned = array_zyx[self._direction]
        return turned.transpose(np.argsort(self.order))

    @cached_property
    def _corners_mm(self) -> np.ndarray:
        """RAS positions of the eight corner voxels, in the order of the (z, y, x) array."""
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape_zyx], indexing="ij")).reshape(3, -1)
        stored = np.empty((4, 8))
        stored[3] = 1
        for axis, flipped, n, along in zip(self.order, self.flipped, self.shape_zyx, corners, strict=True):
            stored[axis] = n - 1 - along if flipped else along
        return (self.affine @ stored)[:3]

    def differs_from(self, other: Grid) -> str | None:
        """Say how this grid differs from another; None if each voxel lies on its counterpart.

        The order of storage does not count: a mask stored head first fits a scan stored feet first if both
        say so.
        """
        if self.shape_zyx != other.shape_zyx:
            return f"it has {_by(self.shape_zyx)} voxels (z, y, x), the scan {_by(other.shape_zyx)}"
        apart = np.linalg.norm(self._corners_mm - other._corners_mm, axis=0).max()
        if apart <= SAME_PLACE_VOXELS * min(other.spacing_mm):
            return None
        if not np.allclose(self.spacing_mm, other.spacing_mm, rtol=0.005):
            return f"its spacing is {in_mm(self.spacing_mm)} (z, y, x), the scan's {in_mm(other.spacing_mm)}"
        return f"its corners lie up to {apart:.1f} mm away from the scan's"

    def check(self, path) -> None:
        """Raise ScanError if no chest CT can have this grid."""
        if not np.isfinite(self.affine).all():
            raise ScanError(path, "the affine holds values that are not finite", CONVERT_AGAIN)
        spacing = self.stored_spacing_mm
        if (spacing <= 0).any():
            raise ScanError(path, f"the spacing is zero along an axis ({in_mm(spacing)})", CONVERT_AGAIN)
        low, high = SPACING_RANGE_MM
        if spacing.min() < low or spacing.max() > high:
            raise ScanError(
                path,
                f"the spacing {in_mm(spacing)} is outside {low:g} to {high:g} mm",
                "check the unit (metres or micrometres taken for millimetres?) and convert the scan again",
            )
        if min(self.shape) < 2:
            raise ScanError(
                path,
                f"the volume is a single slice ({_by(self.shape)} voxels), and a section is no volume",
                "give the whole scan: a volume needs at least two sections",
            )
        if (voxels := int(np.prod(self.shape, dtype=object))) > MOST_VOXELS:
            raise ScanError(
                path,
                f"the header announces {_by(self.shape)} voxels, and at most {MOST_VOXELS:,} are read ({voxels:,})",
                "crop the scan to the chest, or resample it",
            )
        cosines = np.abs(self._directions.T @ self._directions - np.eye(3)).max()
        if cosines > LARGEST_SHEAR:
            raise ScanError(
                path,
                f"the affine is sheared: two axes are {_degrees(cosines):.1f} degrees apart, not 90",
                "resample it to a rectangular grid (a tilted gantry shears a series; dcm2niix can undo it)",
            )
        extent = np.array(self.spacing_mm) * self.shape_zyx
        shortest, longest = EXTENT_RANGE_MM
        if (extent < shortest * (1 - 1e-6)).any() or (extent > longest).any():
            raise ScanError(
                path,
                f"the volume measures {in_mm(extent)} (z, y, x; spacing {in_mm(self.spacing_mm)}), and a chest CT "
                f"{in_mm(EXTENT_RANGE_MM, ' to ')} along the body and across",
                "check the spacing; give the whole chest, and of a whole-body scan the chest alone",
            )
        along = np.abs(self._directions[self._world_axes, range(3)])
        tilt = _degrees(along.min())
        if tilt > LARGEST_TILT_DEGREES:
            raise ScanError(
                path,
                f"the volume is turned by {tilt:.0f} degrees against the patient's axes",
                "resample the scan to axial sections",
            )


def _degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def _by(shape) -> str:
    return " x ".join(str(int(n)) for n in shape)


def in_mm(lengths, between: str = " x ") -> str:
    """Lengths as text, such as 5 x 0.6 x 0.6 mm."""
    return between.join(f"{value:.4g}" for value in lengths) + " mm"
