"""Motion during the scan: a breath that is not held, and the heartbeat."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from study.phantom.body.fields import Grid, capsule_distance, ramp

# Largest travel (mm) at full severity, of the diaphragm in a breath and of the heart's border in a beat; assumed
BREATH_MM, BEAT_MM = 15.0, 8.0
HEART_REACH_MM = 28.0  # how far from the heart the lung moves with it
HAZE_HU = 95.0  # by which lung that is exhaled during the scan is denser at its base; assumed


def breath_phases(motion: float, centres_mm: np.ndarray, rng: np.random.Generator) -> list[tuple]:
    """Draw the phases of a breath: (share, mm the diaphragm is lower at each section, squeeze in plane).

    Each section is a mean of two phases of a breath, so borders are doubled and the bases blurred.
    """
    amplitude = BREATH_MM * motion
    beat = np.sin(2 * np.pi * centres_mm / rng.uniform(50, 90) + rng.uniform(0, 2 * np.pi))
    apart = rng.uniform(0.35, 0.65)
    return [
        (apart, amplitude * (0.35 + 0.45 * beat), 1 + 0.012 * motion),
        (1 - apart, -amplitude * (0.35 - 0.45 * beat), 1 - 0.014 * motion),
    ]


def haze(motion: float, centres_mm: np.ndarray, grid: Grid) -> np.ndarray:
    """HU (sections, y, 1) that lung gains as the patient exhales: a shading of the bases without borders."""
    base, back = ramp(-centres_mm, -20, 110)[:, None, None], ramp(grid.y, -40, 90)[None, :, None]
    return (HAZE_HU * motion * base * back).astype(np.float32)


def beat(
    sections: np.ndarray, grid: Grid, centres_mm: np.ndarray, capsules, cardiac: float, rng: np.random.Generator
) -> None:
    """Mix each section with one whose heart has contracted, in place: a double border, lung beside it blurred.

    ``capsules`` as from `mediastinum.mediastinal_capsules`; ``cardiac`` 0..1. Tissue within 28 mm of the heart,
    such as the vessels of the lingula, moves with it, less with distance.
    """
    heart = [capsule[1:] for capsule in capsules if capsule[0] == "heart"]
    reach = HEART_REACH_MM + max(max(radii) for _, _, *radii in heart)
    ends = np.array([end for start, end, *_ in heart] + [start for start, *_ in heart])
    whole = Grid(centres_mm, grid.y, grid.x, grid.spacing_mm)
    box = whole.box(ends.min(axis=0) - reach, ends.max(axis=0) + reach)
    part = whole.sub(box)
    # The tube rotates about once per heartbeat, but not in step with it, so the share of systole differs by section.
    systole = 0.5 + 0.2 * np.sin(2 * np.pi * part.z / rng.uniform(25, 60) + rng.uniform(0, 2 * np.pi))
    if cardiac == 0 or 0 in part.shape:
        return
    distance = np.min([capsule_distance(part, *capsule) for capsule in heart], axis=0)
    rows, columns = np.mgrid[: len(part.y), : len(part.x)].astype(np.float32)
    for section, to_heart, share in zip(sections[box[0]], distance, systole, strict=True):
        within = to_heart < 0
        if not within.any():
            continue
        y, x = rows - rows[within].mean(), columns - columns[within].mean()
        radius = np.hypot(y, x) + 1e-3
        pixels = cardiac * BEAT_MM / grid.spacing_mm[1] * ramp(-to_heart, -HEART_REACH_MM, 0)
        inwards = pixels * np.minimum(radius / radius[within].max(), 1) / radius
        view = section[box[1:]]
        contracted = ndimage.map_coordinates(view, [rows + y * inwards, columns + x * inwards], order=1, mode="nearest")
        view += np.float32(share) * (contracted - view)
