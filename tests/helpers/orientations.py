"""The 48 ways to store a volume along the axes of the body."""

import itertools

import numpy as np

ORIENTATIONS = [
    (order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def turned(hu_zyx, spacing_mm, order, signs):
    """Store a (z, y, x) array along other axes: stored axis a follows the axis order[a] of R, A, S."""
    ras = hu_zyx[:, ::-1, ::-1].transpose()  # (R, A, S), each ascending
    spacing = np.array(spacing_mm)[::-1]
    affine, stored = np.eye(4), ras.transpose(order)
    origin = np.array([-70.0, -50.0, 20.0])
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * spacing[world]
        if sign < 0:
            origin[world] += spacing[world] * (ras.shape[world] - 1)
            stored = np.flip(stored, axis)
    affine[:3, 3] = origin
    return np.ascontiguousarray(stored), affine


# --- orientation, grids, round trips ---
