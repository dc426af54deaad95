"""Soft organs: what is in the mediastinum and under the diaphragm, and the table under the patient."""

from __future__ import annotations

import numpy as np

from study.phantom.body.build import spine_centre
from study.phantom.body.fields import Grid, capsule_distance, generator, ramp, smooth_noise
from study.phantom.body.shape import Shapes

BLOOD_HU = 42.0


def _fill(view: np.ndarray, distance: np.ndarray, value, pixel_mm: float, where=1.0) -> None:
    share = np.clip(0.5 - distance / pixel_mm, 0, 1) * where
    view += share * (value - view)


def _ellipsoid(part: Grid, centre, radii) -> np.ndarray:
    z, y, x = part.open()
    radius = np.sqrt(
        ((z - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 + ((x - centre[2]) / radii[2]) ** 2
    )
    return (radius - 1) * min(radii)


def draw_abdomen(hu: np.ndarray, cage: np.ndarray, floor: np.ndarray, grid: Grid, shapes: Shapes, patient_seed) -> None:
    """Liver, spleen, stomach with gas, colon with gas and fat below the diaphragm, in place."""
    build = shapes.build
    rng = generator(patient_seed, "abdomen")
    pixel = grid.spacing_mm[1]
    top = max(shapes.dome) + 8
    half = build.half_width + 8
    box = grid.box((-1e3, -build.half_depth - 12, -half), (top, build.half_depth * 1.15, half))
    part = grid.sub(box)
    if 0 in part.shape:
        return
    z, y, x = part.open()
    under = floor[box[1:]][None] - z
    inside = np.clip(0.5 - (cage[box] - 1.0) / pixel, 0, 1) * np.clip(0.5 + under / 3, 0, 1)
    size, sy, sx = build.size
    texture = smooth_noise(rng, part, 9.0)
    organs = -98 + 10 * texture
    left = shapes.dome[1]
    lobe = 18 + rng.normal(0, 10)
    sag = left - 30
    # Right lobe to about the midline, left lobe in front, both tapering downwards and to the left.
    right_lobe = (x - lobe * sx + 0.0016 * np.maximum(y, 0) ** 2 * 6 + 0.18 * (sag - z)) * 0.9
    left_lobe = _ellipsoid(part, (left - 22 * size, -40 * sy, 22 * sx), (46 * size, 34 * sy, (38 + lobe) * sx))
    liver = np.minimum(right_lobe, left_lobe) + 4 * smooth_noise(rng, part, 34.0)
    liver = np.maximum(liver, -(under - 3.5) * 0.6)
    gut = 7 * (rng.uniform(0.1, 0.7) - smooth_noise(rng, part, 24.0)) + 2 * texture
    fatty = rng.normal(56, 7) - 1.2 * max(build.bmi - 25, 0) * rng.random()
    spleen = _ellipsoid(part, (left - 46 * size, 38 * sy, 86 * sx), (46 * size, 40 * sy, 27 * sx)) + 2 * texture
    reach = rng.uniform(0.75, 1.2)
    stomach_at = (left - 44 * size, rng.normal(-6, 8) * sy, rng.normal(55, 6) * sx)
    stomach = _ellipsoid(part, stomach_at, (40 * size * reach, 42 * sy * reach, 36 * sx * reach)) + 2 * texture
    for distance, value in (
        (np.maximum(gut, -(under - 14) * 0.5), 30 + rng.uniform(0, 20)),
        (spleen, rng.normal(50, 4)),
        (stomach, 38.0),
        (liver, fatty),
    ):
        _fill(organs, distance, value + 3 * texture, pixel)
    lumen = np.maximum(stomach + rng.uniform(4, 8), liver * -1 + 3)
    level = stomach_at[1] + rng.uniform(-40, 20) * reach
    _fill(organs, lumen, rng.uniform(5, 60) + rng.uniform(5, 35) * texture, pixel)
    _fill(organs, np.maximum(lumen, y - level), -985.0, pixel)
    for _ in range(int(rng.integers(0, 4))):
        side = 1 if rng.random() < 0.82 else -1
        at = ((left - rng.uniform(14, 70)) * 1.0, rng.uniform(-62, -15) * sy, side * rng.uniform(45, 92) * sx)
        radii = (rng.uniform(14, 36), rng.uniform(14, 27), rng.uniform(12, 27))
        bowel = _ellipsoid(part, at, radii) + 2.5 * texture
        _fill(organs, bowel, 30.0, pixel)
        _fill(
            organs,
            bowel + 3.0,
            -980 + rng.uniform(0, 300) * ramp(texture, 0.3, 1.2),
            pixel,
            ramp(under, 6, 12),
        )
    # The muscle of the diaphragm and its crura.
    _fill(organs, np.abs(under - 2) - 2.4, 45.0, pixel)
    spine = spine_centre(build, part.z).astype(np.float32)[:, None, None]
    _fill(organs, np.sqrt((x / 30) ** 2 + ((y - spine + 6) / 24) ** 2) * 24 - 24, 48.0, pixel)
    view = hu[box]
    view += inside * (organs - view)


def draw_mediastinum(hu: np.ndarray, grid: Grid, shapes: Shapes, patient_seed) -> None:
    """Heart, vessels, oesophagus, nodes and hila; airways come last (``draw_airways``)."""
    rng = generator(patient_seed, "blood")
    pixel = grid.spacing_mm[1]
    blood = BLOOD_HU + rng.normal(0, 4)
    gas, fluid = (
        rng.uniform(1.5, 6) * (rng.random() < 0.6),
        rng.random() < 0.3,
    )  # in the oesophagus: calibre (mm), level
    where, often = rng.uniform(0, 100), rng.uniform(-0.8, 1)
    order = {"hilum": 0, "hilar tissue": 0, "node": 1, "oesophagus": 1, "heart": 2}
    for kind, start, end, r0, r1 in sorted(shapes.capsules, key=lambda c: order.get(c[0], 3)):
        if kind.endswith("airway"):
            continue
        pad = max(r0, r1) + pixel
        box = grid.box(np.minimum(start, end) - pad, np.maximum(start, end) + pad)
        part = grid.sub(box)
        if 0 in part.shape:
            continue
        distance = capsule_distance(part, start, end, r0, r1)
        if kind in ("hilum", "hilar tissue"):
            _fill(hu[box], distance, 5.0, pixel, 0.8)
            continue
        value = {"heart": blood + 2, "node": 30.0, "hilar node": 30.0, "oesophagus": 32.0}.get(kind, blood)
        if kind == "aorta" and shapes.build.age_years > 58:
            z = part.open()[0]
            value = blood + 260 * ramp(np.sin(z / 5 + part.open()[2] / 4), 0.85, 1.0) * ramp(distance, -3.0, -1.0)
        _fill(hu[box], distance, value, pixel)
        if kind == "oesophagus" and gas:
            z, y, _ = part.open()
            lumen = capsule_distance(part, start, end, *(max(min(gas, r - 2.5), 0.65 * r - 3) for r in (r0, r1)))
            filled = ramp(np.sin((z + where) / 9), -often, -often + 0.4)  # gas in pieces
            level = (start[1] + end[1]) / 2 + 1.0
            _fill(hu[box], lumen, 20.0, pixel)
            _fill(hu[box], np.maximum(lumen, y - level) if fluid else lumen, -920.0, pixel, filled)


def draw_airways(hu: np.ndarray, grid: Grid, shapes: Shapes) -> None:
    """Walls, then lumen, of trachea and main bronchi."""
    pixel = grid.spacing_mm[1]
    for grow, value in ((1.6, 25.0), (0.0, -985.0)):
        for kind, start, end, r0, r1 in shapes.capsules:
            if not kind.endswith("airway"):
                continue
            pad = max(r0, r1) + pixel + 2
            box = grid.box(np.minimum(start, end) - pad, np.maximum(start, end) + pad)
            part = grid.sub(box)
            if 0 not in part.shape:
                _fill(hu[box], capsule_distance(part, start, end, r0 + grow, r1 + grow), value, pixel)


def table(grid: Grid, lowest_mm: float, patient_seed) -> np.ndarray:
    """Air, mattress and table behind the patient: HU (y, x), the same in every section."""
    rng = generator(patient_seed, "table")
    y, x = grid.y[:, None], grid.x[None, :]
    bow = rng.choice([0.0, 1 / 420, 1 / 600, 1 / 900])
    rise = bow * (x - rng.normal(0, 6)) ** 2 / 2
    pixel = grid.spacing_mm[1]
    plane = np.full(np.broadcast_shapes(y.shape, x.shape), -1000.0)

    def layer(near, thickness, value):
        distance = np.maximum(near - (y + rise), (y + rise) - near - thickness)
        share = np.clip(0.5 - distance / pixel, 0, 1)
        plane[...] += share * (value - plane)

    start = lowest_mm + rng.uniform(-3, 3)
    pad = rng.uniform(4, 18)
    layer(start, pad, rng.uniform(-975, -880))
    start += pad
    core = rng.uniform(18, 60)
    layer(start, core, rng.uniform(-970, -860))
    for _ in range(int(rng.integers(1, 4))):
        layer(start, rng.uniform(0.8, 2.2), rng.uniform(-350, 60))
        start += rng.uniform(10, core)
    return plane.astype(np.float32)
