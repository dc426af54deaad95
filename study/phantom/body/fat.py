"""Fat around the heart: the pads in the angles between heart and diaphragm, and the layer on the heart's muscle.

The pads displace lung, and their border with it, seen through a thick section, has the HU of ground glass.
"""

from __future__ import annotations

import numpy as np

from study.phantom.body.build import Build, cage_profile
from study.phantom.body.fields import Grid, capsule_distance, ramp, smooth_noise

PAD_MM = (5.0, 40.0)
EPICARDIAL_MM = (1.0, 9.0)


def add_fat_pads(build: Build, coarse: Grid, borders, dome: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Widen the borders of the mediastinum (right and left, (z, y) mm) by pads of fat beside the heart.

    A pad is widest in front and on the diaphragm, which lies at the height ``dome`` (mm), and wider in the obese.
    """
    z, y = coarse.z[:, None], coarse.y
    _, front, _ = cage_profile(build, np.array(dome))
    level = 6 + 1.5 * build.fat
    widened = []
    for border in borders:
        wide = np.clip(level * np.exp(rng.normal(0, 0.5)), *PAD_MM)
        high, deep = rng.uniform(20, 55) + 0.6 * wide, rng.uniform(28, 62)
        above = np.clip(1 - (z - dome + 12) / high, 0, 1) ** 1.3
        behind = ramp(y, float(front) + deep, float(front) + 0.35 * deep)
        widened.append((border + wide * above * behind).astype(np.float32))
    return widened


def draw_heart(hu: np.ndarray, capsules, grid: Grid, blood: float, fat_hu: float, thick_mm: float, rng) -> None:
    """Draw the heart (`mediastinum.mediastinal_capsules` of that kind) into ``hu``, in place.

    Its muscle and blood differ little without contrast medium. Fat covers it, most in the grooves and on the right.
    """
    low = np.min([np.minimum(start, end) - max(r0, r1) for _, start, end, r0, r1 in capsules], axis=0) - 4
    high = np.max([np.maximum(start, end) + max(r0, r1) for _, start, end, r0, r1 in capsules], axis=0) + 4
    box = grid.box(low, high)
    part = grid.sub(box)
    if 0 in part.shape:
        return
    grooves = smooth_noise(rng, part, 22.0)
    pixel, view = part.spacing_mm[1], hu[box]
    outside = np.min([capsule_distance(part, *capsule[1:]) for capsule in capsules], axis=0)
    chambers = outside + thick_mm * np.clip(0.5 + 0.8 * grooves, 0, 2)
    pericardium = np.abs(outside + 0.6) - 0.6
    for distance, value in ((outside, fat_hu), (pericardium, 25.0), (chambers, blood)):
        view += np.clip(0.5 - distance / pixel, 0, 1) * (value - view)
