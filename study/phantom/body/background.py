"""What lungs show without infection: fissures, emphysema, scars, caps, granulomas, dependent lung, effusion.

None of them is infection, and each can be mistaken for it: these are the hard negatives.
"""

from __future__ import annotations

import numpy as np

from study.phantom.body.fields import generator, ramp
from study.phantom.body.shape import Shapes


def add_findings(
    hu: np.ndarray, z, y, x, depth, fissure_mm, noise, shapes: Shapes, patient_seed, pixel_mm: float
) -> None:
    """Add a patient's findings to the HU of the lung voxels at (z, y, x) mm, in place.

    ``depth`` mm to the border of the lung; ``fissure_mm`` to a fissure; ``noise(rng, length_mm)`` smooth noise
    at these voxels.
    """
    rng = generator(patient_seed, "findings")
    build = shapes.build
    _fissures(hu, fissure_mm, rng, pixel_mm)
    older = build.age_years > 50
    emphysema = generator(patient_seed, "emphysema")
    if emphysema.random() < build.findings.emphysema * (1.5 if older and not build.female else 0.35):
        _emphysema(hu, z, depth, noise, build, emphysema)
    if rng.random() < (0.35 if older else 0.08):
        cap = ramp(depth, rng.uniform(5, 11), 1) * ramp(z, build.apex - 45, build.apex - 12)
        hu += cap * ramp(noise(rng, 14.0), -0.8, 1.2) * rng.uniform(150, 650)
    collapse = rng.uniform(10, 60) if rng.random() > 0.18 else rng.uniform(120, 380)
    reach = rng.uniform(4, 13)
    back = 1.0 * build.half_depth
    behind = np.exp(-np.clip(back - y, 0, None) / (2 * reach)) * ramp(depth, 2.5 * reach, 0)
    hu += collapse * behind * np.clip(1 + 0.35 * noise(rng, 24.0), 0, 2)
    for _ in range(int(rng.poisson(0.9 if older else 0.3))):
        _band(hu, z, y, x, depth, rng, build, pixel_mm)
    for _ in range(int(rng.poisson(0.5 if older else 0.15))):
        at = rng.integers(len(hu))
        radius = rng.uniform(1.5, 4.0)
        near = np.flatnonzero(np.abs(z - z[at]) < radius + pixel_mm)
        distance = np.sqrt(sum((axis[near] - axis[at]) ** 2 for axis in (z, y, x)))
        hu[near] += np.clip(0.5 + (radius - distance) / pixel_mm, 0, 1) * (rng.choice([30.0, 350.0]) - hu[near])


def _fissures(hu, fissure_mm, rng, pixel_mm: float) -> None:
    """Draw the sheets between the lobes; where a scan shows them they are 0.1 to 0.7 mm thick."""
    sheet = rng.uniform(0.12, 0.65)
    # A sheet fills a voxel by the ratio of its thickness to the voxel's edge.
    hu += np.clip(1 - fissure_mm / pixel_mm, 0, 1) * min(sheet / pixel_mm, 1) * (10 - hu)


def _band(hu, z, y, x, depth, rng, build, pixel_mm: float) -> None:
    """Add a scar or a plate of collapse: a thin disc, mostly low in the lung."""
    side = rng.choice([-1, 1])
    at = np.array([rng.uniform(-110, -20), rng.uniform(-40, 60), side * rng.uniform(45, 95) * build.size[2]])
    normal = np.array([1.0, rng.normal(0, 0.35), rng.normal(0, 0.35)])
    normal /= np.linalg.norm(normal)
    thick, wide, fill = rng.uniform(0.6, 2.2), rng.uniform(12, 34), rng.uniform(0.4, 1)
    near = np.flatnonzero(np.abs(z - at[0]) < wide + thick + pixel_mm)
    part, *away = (values[near] - middle for values, middle in ((hu, 0.0), (z, at[0]), (y, at[1]), (x, at[2])))
    across = sum(distance * np.float32(n) for distance, n in zip(away, normal, strict=True))
    along = np.sqrt(np.maximum(sum(distance**2 for distance in away) - across**2, 0))
    share = np.clip((thick + pixel_mm / 2 - np.abs(across)) / pixel_mm, 0, min(1.0, 2 * thick / pixel_mm))
    hu[near] += share * ramp(along, wide, 0.6 * wide) * fill * (-20 - part)


def _emphysema(hu, z, depth, noise, build, rng) -> None:
    """Destroy lung: around the centres of lobules, along the pleura, everywhere in lobules, or in large bullae."""
    severity = rng.uniform(0.2, 1.0)
    kind = rng.choice(["centrilobular", "paraseptal", "panlobular", "bullous"], p=[0.65, 0.13, 0.07, 0.15])
    high = ramp(z, -60, build.apex)
    if kind == "panlobular":
        weight = (0.2 + 0.5 * severity) * ramp(noise(rng, 45.0) - 0.6 * high, -1.2, 0.6)
    elif kind == "centrilobular":
        holes = noise(rng, 9.0) + 0.5 * noise(rng, 25.0) + high
        weight = ramp(holes, 2.2 - severity, 2.9 - severity) * 0.85
    else:
        wide, reach = (14.0, 14.0) if kind == "paraseptal" else (32.0, 45.0)
        holes = noise(rng, wide) + 1.4 * ramp(depth, reach, 2) + high
        weight = ramp(holes, 2.4 - severity, 2.6 - severity) * 0.97
    hu += weight * (-975 - hu)


def effusion(shapes: Shapes, z, y, x, patient_seed) -> np.ndarray | None:
    """Draw how far (mm) fluid pushes the lung off the ribs at (z, y, x) mm; None in patients without any."""
    rng = generator(patient_seed, "effusion")
    build = shapes.build
    if rng.random() > build.findings.effusion:
        return None
    side = rng.choice([-1, 0, 1])
    sides = 1.0 if side == 0 else (x * side > 0)
    large = rng.random() < 0.3
    level = np.float32(rng.uniform(35, 90) if large else rng.uniform(8, 30))
    behind = ramp(y, -(0.6 if large else 0.1) * build.half_depth, 0.95 * build.half_depth)
    return (level * behind * ramp(z, 0.7 * build.apex if large else 0, -90) * sides).astype(np.float32)
