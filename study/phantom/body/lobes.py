"""The five lobes of the lungs and the fissures between them.

The oblique fissure of either lung descends from behind the apex to the front of the diaphragm; the horizontal
fissure of the right lung separates the upper from the middle lobe in front of it.
"""

from __future__ import annotations

import numpy as np

from study.phantom.body.fields import generator
from study.phantom.body.shape import Shapes

# In this order 1 to 5 in label maps; 0 is outside the lungs.
LOBES = ("RUL", "RML", "RLL", "LUL", "LLL")


def draw_lobes(shapes: Shapes, patient_seed, z, y, x, noise) -> tuple[np.ndarray, np.ndarray]:
    """Find the lobe of points in the lung, and their distance to the nearest fissure.

    Parameters
    ----------
    shapes : Shapes
    patient_seed : tuple of int
    z, y, x : ndarray (n,)
        The points, mm.
    noise : callable
        ``noise(rng, length_mm)`` draws smooth noise at the points.

    Returns
    -------
    lobe : ndarray of uint8 (n,)
        1 to 5, in the order of `LOBES`.
    fissure_mm : ndarray (n,)
        Distance to the nearest fissure of this lung.
    """
    rng = generator(patient_seed, "lobes")
    size_z, size_y, _ = shapes.build.size
    level = np.rint((z - shapes.coarse.z[0]) / shapes.coarse.spacing_mm[0]).astype(np.int32)
    right = x < shapes.bend.astype(np.float32)[level] * 0.5
    steep, low = (np.float32(rng.normal(*mean_sd)) for mean_sd in ((0.95, 0.08), (37, 4)))
    wave = 7 * noise(rng, 50.0) + np.float32(rng.uniform(0.1, 0.35)) * (np.abs(x) - 60)
    # Positive behind and below it, in the lower lobe.
    oblique = np.where(right, 6.0, -4.0)
    oblique += y - (steep * z + low) * size_y
    oblique += wave
    oblique /= np.hypot(1, steep)
    # Positive above it, in the upper lobe.
    horizontal = z + rng.normal(14, 5) * size_z + 0.8 * wave + 0.1 * (y + 20)
    lower = oblique > 0
    rul, rml, rll, lul, lll = np.arange(1, len(LOBES) + 1, dtype=np.uint8)
    lobe = np.where(right, np.where(lower, rll, np.where(horizontal > 0, rul, rml)), np.where(lower, lll, lul))
    fissure_mm = np.abs(oblique, out=oblique)
    np.minimum(fissure_mm, np.abs(horizontal), out=fissure_mm, where=right & ~lower)
    return lobe, fissure_mm
