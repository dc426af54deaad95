"""The head, and arms raised beside it, in scans that reach that far: room air between them is no lung."""

from __future__ import annotations

import numpy as np

from study.phantom.body.build import Build
from study.phantom.body.fields import Grid, capsule_distance

SKULL_MM = (6.0, 12.0)  # below the skin, outer and inner surface


def head_and_arms(build: Build, rng: np.random.Generator) -> tuple[tuple, tuple]:
    """Capsules (start, end, radius, radius), (z, y, x) mm, of the head, and of raised arms; none if not scanned."""
    if not build.head_too:
        return (), ()
    apex, size, nod = build.apex, build.size[2] ** 0.5, rng.normal(-8, 8)
    head = (
        ((apex + 50, 5, 0), (apex + 105, nod, 0), 56 * size, 58 * size),
        ((apex + 118, nod - 22, 0), (apex + 190, nod - 6, 0), 60 * size, 72 * size),
        ((apex + 150, nod + 22, 0), (apex + 195, nod + 12, 0), 68 * size, 70 * size),
    )
    arms = []
    for side in (-1, 1) if build.arms_up else ():
        wide, back = rng.uniform(95, 165), rng.uniform(-35, 25)
        shoulder = (apex + 10, -10, side * 155)
        elbow = (apex + rng.uniform(200, 300), back, side * wide)
        hand = (elbow[0] - rng.uniform(-60, 80), back - rng.uniform(10, 50), side * rng.uniform(-20, 60))
        arms += [(shoulder, elbow, 44 + 0.4 * build.fat, 37.0), (elbow, hand, 36.0, 24.0)]
    return tuple((np.array(s, float), np.array(e, float), r0, r1) for s, e, r0, r1 in head), tuple(
        (np.array(s, float), np.array(e, float), r0, r1) for s, e, r0, r1 in arms
    )


def draw_skull(hu: np.ndarray, grid: Grid, head: tuple) -> None:
    """Draw the skull and the air in nose and throat into ``hu``, in place."""
    if not head:
        return
    pixel = grid.spacing_mm[1]
    (throat, mouth, *_), (face, vertex, *_), (occiput, crown, *_) = head
    reach = np.array(90.0)
    box = grid.box(np.minimum(face, occiput) - reach, np.maximum(vertex, crown) + reach)
    part = grid.sub(box)
    if 0 in part.shape:
        return
    outside = np.min([capsule_distance(part, *capsule) for capsule in head[1:]], axis=0)
    outer, inner = SKULL_MM
    view = hu[box]
    for distance, value in ((outside + outer, 800.0), (outside + inner, 36.0)):
        view += np.clip(0.5 - distance / pixel, 0, 1) * (value - view)
    for start, off, end, on, radius in (
        (throat, (0, -12, 0), mouth, (0, -18, 0), 8.0),
        (mouth, (0, -18, 0), face, (25, -25, 0), 9.0),
        (face, (20, -25, 18), face, (45, -28, 16), 12.0),
        (face, (20, -25, -18), face, (45, -28, -16), 12.0),
    ):
        start, end = start + np.array(off), end + np.array(on)
        distance = capsule_distance(part, start, end, radius, radius)
        view += np.clip(0.5 - distance / pixel, 0, 1) * (-980 - view)
