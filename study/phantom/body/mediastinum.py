"""The mediastinum: heart, great vessels, airways and hila, and the border that they give the lungs."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from study.phantom.body.build import Build, spine_centre
from study.phantom.body.fields import Grid, ramp, smooth_noise

HEART_FOLLOWS = 0.8  # of the diaphragm's shift; assumed


def mediastinal_capsules(build: Build, rng: np.random.Generator, dome_shift: float = 0.0) -> tuple:
    """Draw heart, great vessels, airways and hila: (kind, start, end, radius, radius), (z, y, x) mm.

    Positions follow an adult chest of 230 mm inner width and scale with the patient.
    """
    sz, sy, sx = build.size
    heart = rng.normal(1.0, 0.06) * (1 + 0.002 * (build.age_years - 45))
    aorta = rng.normal(1.0, 0.06) * (1 + 0.005 * (build.age_years - 45))
    turn, drop = rng.normal(0, 5), rng.normal(-8, 3) + HEART_FOLLOWS * dome_shift
    hilum_radii = rng.uniform(7, 11), rng.uniform(5, 8)  # of fat and connective tissue around vessels and bronchi

    aside, hernia = rng.normal(2, 4), rng.random() < build.findings.hiatus_hernia  # of the oesophagus
    sac = rng.uniform(15, 28) if hernia else 0.0

    def spine(level):
        return float(spine_centre(build, np.array(level * sz))) / sy

    def front(level):
        return spine(level) - 42

    # fmt: off
    parts = [
        ("heart", (-42 + drop, -10, 12), (-82 + drop, -40, 48 + turn), 36 * heart, 29 * heart),
        ("heart", (-50 + drop, -38, -4), (-84 + drop, -52, 28 + turn), 29 * heart, 24 * heart),
        ("heart", (-44 + drop, -18, -15), (-74 + drop, -16, -13), 27 * heart, 25 * heart),
        ("heart", (-38 + drop, 7, -20), (-36 + drop, 8, 18), 18 * heart, 18 * heart),
        ("aorta", (-30, -30, -2), (-8, -36, -16), 15 * aorta, 15 * aorta),
        ("aorta", (-8, -36, -16), (14, -27, -14), 15 * aorta, 14.5 * aorta),
        ("aorta", (14, -27, -14), (26, -8, 0), 14.5 * aorta, 13.5 * aorta),
        ("aorta", (26, -8, 0), (24, 14, 15), 13.5 * aorta, 13 * aorta),
        ("aorta", (24, 14, 15), (8, spine(8) - 24, 21), 13 * aorta, 12.5 * aorta),
        ("aorta", (8, spine(8) - 24, 21), (-60, spine(-60) - 26, 19), 12.5 * aorta, 11.5 * aorta),
        ("aorta", (-60, spine(-60) - 26, 19), (-130, spine(-130) - 28, 10), 11.5 * aorta, 10.5 * aorta),
        ("aorta", (-130, spine(-130) - 28, 10), (-230, spine(-220) - 28, 6), 10.5 * aorta, 10 * aorta),
        ("vein", (58, -12, -20), (14, -16, -27), 8, 9), ("vein", (14, -16, -27), (-32, -14, -28), 9, 10),
        ("vein", (30, -28, -20), (52, -26, 24), 8, 6.5), ("vein", (52, -26, 24), (100, -12, 32), 7, 6),
        ("vein", (52, -18, -22), (100, -12, -32), 8, 6),
        ("artery", (26, -10, -4), (100, -8, -24), 6.5, 4.5), ("artery", (27, 0, 6), (100, -4, 24), 5, 4.5),
        ("artery", (25, 12, 13), (100, 8, 32), 5.5, 5),
        ("pulmonary", (-34, -44, 10), (-8, -24, 17), 14, 14),
        ("pulmonary", (-8, -24, 17), (-2, -4, 22), 14, 12),
        ("pulmonary", (-2, -4, 22), (-4, 14, 42), 12, 10),
        ("pulmonary", (-12, -18, 4), (-15, -2, -36), 11.5, 10),
        ("vein", (-74, -6, -18), (-130, 8, -22), 11, 12),
        ("vein", (-190, spine(-190) - 24, -6), (10, spine(10) - 25, -7), 4, 4.5),
        ("vein", (10, spine(10) - 25, -7), (15, -2, -20), 4.5, 5.5),
        ("oesophagus", (110, spine(110) - 24, 5), (0, spine(0) - 27, 2 + aside), 6, 6.5),
        ("oesophagus", (0, spine(0) - 27, 2 + aside), (-70, spine(-70) - 33, 1 + aside), 6.5, 7.5),
        ("oesophagus", (-70, spine(-70) - 33, 1 + aside), (-125, spine(-120) - 42, 16 + aside), 7.5, max(8, sac)),
        ("airway", (130, front(115), 0), (40, front(40), 1), 8.8, 8.8),
        ("airway", (40, front(40), 1), (0, front(0), 1), 8.8, 8.6),
        ("airway", (0, front(0), -3), (-20, front(0) + 2, -24), 7.4, 7),
        ("airway", (-20, front(0) + 2, -24), (-42, front(0) + 7, -31), 5.8, 5.4),
        ("airway", (0, front(0), 5), (-31, front(0) + 6, 36), 6.8, 5.8),
        ("node", (-6, front(0) - 2, -2), (-22, front(0) + 1, 2), 7, 6),
        ("node", (12, -6, -14), (4, -4, -12), 7, 7),
        ("hilum", (-8, 6, -34), (-46, 20, -34), *hilum_radii), ("hilum", (-6, 12, 34), (-44, 22, 34), *hilum_radii),
    ]
    # fmt: on
    scale = np.array([sz, sy, sx])
    calibre = (sz * sy * sx) ** (1 / 3)
    return tuple(
        (kind, np.array(s) * scale, np.array(e) * scale, r0 * calibre, r1 * calibre) for kind, s, e, r0, r1 in parts
    )


def mediastinal_border(build: Build, coarse: Grid, capsules, rng) -> tuple[np.ndarray, np.ndarray]:
    """How far the mediastinum reaches to the right and to the left (mm) at each (z, y)."""
    balls = []
    for kind, start, end, r0, r1 in capsules:
        if kind.startswith("hilar") or (kind == "aorta" and start[0] < -140):
            continue
        n = max(2, int(np.ceil(np.linalg.norm(end - start) / (0.9 * min(r0, r1)))))
        t = np.linspace(0, 1, n)[:, None]
        cover = {"airway": 3.0, "heart": 3.0, "hilum": 2.0}.get(kind, 1.5)
        balls.append(np.concatenate([start + t * (end - start), r0 + t * (r1 - r0) + cover], axis=1))
    balls = np.concatenate(balls).astype(np.float32)
    z, y = coarse.z.astype(np.float32)[:, None], coarse.y.astype(np.float32)
    thin = 4 + 0.14 * build.fat * ramp(y, 20, -50) + 0 * z
    thin = thin + ramp(z, 25, build.apex) * 17
    spine = spine_centre(build, coarse.z).astype(np.float32)[:, None]
    width = build.size[2]
    back = (21 * ramp(y, spine - 20, spine - 6) + 17 * ramp(y, spine + 4, spine + 30)) * width
    # The heart and the junctions of the two lungs lie to the left, so the right lung is the larger. Behind the heart it
    # reaches towards the azygos vein and the oesophagus, in some past the midline.
    recess = rng.uniform(0, 10) * ramp(z, 5, -25) * ramp(y, spine - 75, spine - 45)
    right, left = np.maximum(thin - 3 - recess, back), np.maximum(thin + 10, back)
    middle, squared = balls[:, 2, None], balls[:, 3] ** 2
    chord_y, away_z = squared[:, None] - (y - balls[:, 1, None]) ** 2, (z - balls[:, 0]) ** 2
    for level, away in enumerate(away_z):
        near = np.flatnonzero(away < squared)
        if not len(near):
            continue
        chord = chord_y[near] - away[near, None]
        reach = np.sqrt(np.maximum(chord, 0))
        for border, centre in ((left, middle[near]), (right, -middle[near])):
            border[level] = np.maximum(border[level], np.where(chord > 0, centre + reach, -99).max(axis=0))
    wander = 1.2 * smooth_noise(rng, Grid(coarse.z, coarse.y, coarse.x[:2], coarse.spacing_mm), 30.0)
    right, left = (ndimage.gaussian_filter(border, 0.85) + wander[:, :, k] for k, border in enumerate((right, left)))
    return right.astype(np.float32), left.astype(np.float32)
