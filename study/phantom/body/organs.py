"""Soft organs: what is in the mediastinum, and the table under the patient."""

from __future__ import annotations

import numpy as np

from study.phantom.body.fat import EPICARDIAL_MM, draw_heart
from study.phantom.body.fields import Grid, around_capsule, capsule_distance, generator, ramp
from study.phantom.body.shape import Shapes

BLOOD_HU = 42.0


def _fill(view: np.ndarray, distance: np.ndarray, value, pixel_mm: float, where=1.0) -> None:
    share = np.clip(0.5 - distance / pixel_mm, 0, 1) * where
    view += share * (value - view)


def draw_mediastinum(hu: np.ndarray, grid: Grid, shapes: Shapes, patient_seed) -> None:
    """Heart, vessels, oesophagus, nodes and hila; airways come last (``draw_airways``)."""
    rng = generator(patient_seed, "blood")
    pixel = grid.spacing_mm[1]
    blood = BLOOD_HU + rng.normal(0, 4)
    around = generator(patient_seed, "epicardial fat")
    fat = np.clip(0.25 * shapes.build.fat * around.uniform(0.5, 1.6), *EPICARDIAL_MM)
    heart = [capsule for capsule in shapes.capsules if capsule[0] == "heart"]
    draw_heart(hu, heart, grid, blood + 2, around.normal(-100, 5), fat, around)
    # Gas in the oesophagus: its calibre (mm), and whether it stands over fluid.
    gas, fluid = rng.uniform(1.5, 6) * (rng.random() < 0.6), rng.random() < 0.3
    where, often = rng.uniform(0, 100), rng.uniform(-0.8, 1)
    order = {"hilum": 0, "hilar tissue": 0, "node": 1, "oesophagus": 1}
    for kind, start, end, r0, r1 in sorted(shapes.capsules, key=lambda c: order.get(c[0], 3)):
        if kind == "heart" or kind.endswith("airway"):
            continue
        if (found := around_capsule(grid, start, end, r0, r1, pixel)) is None:
            continue
        box, part, distance = found
        if kind in ("hilum", "hilar tissue"):
            _fill(hu[box], distance, 5.0, pixel, 0.8)
            continue
        value = {"node": 30.0, "hilar node": 30.0, "oesophagus": 32.0}.get(kind, blood)
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
            if (found := around_capsule(grid, start, end, r0 + grow, r1 + grow, pixel + 2 - grow)) is not None:
                box, _, distance = found
                _fill(hu[box], distance, value, pixel)


def table(grid: Grid, lowest_mm: float, patient_seed) -> np.ndarray:
    """Air, mattress and table behind the patient: HU (y, x), the same in every section."""
    rng = generator(patient_seed, "table")
    y, x = grid.y[:, None], grid.x[None, :]
    bow = rng.choice([0.0, 1 / 420, 1 / 600, 1 / 900])
    rise = bow * (x - rng.normal(0, 6)) ** 2 / 2
    pixel = grid.spacing_mm[1]
    plane = np.full(np.broadcast_shapes(y.shape, x.shape), -1000.0)

    edge = np.abs(x) - rng.uniform(200, 265)

    def layer(near, thickness, value):
        distance = np.maximum(np.maximum(near - (y + rise), (y + rise) - near - thickness), edge)
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
