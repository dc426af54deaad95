"""The hila: arteries, veins, bronchi and nodes between the mediastinum and the lung's segments, in their course.

The interlobar artery is 12-16 mm wide and runs down lateral to the bronchus, on the left behind it; the basal trunk,
8-12 mm, divides into basal segmental arteries of 4-7 mm. Lower-lobe veins run behind and below the bronchi, then to
the left atrium. Without contrast medium all of them have the density of blood, and across thick sections they are
round and oblong spots of soft tissue within the lung: of all normal anatomy they look most like consolidation.

The rule of what is lung: main and lobar bronchi and the arteries and veins beside them, down to where the basal trunk
begins, are hilum; what lies beyond, surrounded by lung, is lung.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.body.build import Build
from study.phantom.body.fields import generator

# Where vessels and bronchi fork: (z, y, away from the midline), mm, in a chest of 230 mm inner width.
_FORKS = {
    -1: dict(
        artery=(-15, -2, 36), interlobar=(-33, 13, 47), basal=(-54, 23, 50), basal_end=(-75, 33, 52),
        truncus=(7, -2, 47),
        upper_vein=(3, -12, 47), upper_vein_hilum=(-18, -11, 38), upper_atrium=(-36, 0, 20),
        lower_vein=(-74, 47, 40), lower_vein_hilum=(-57, 32, 32), lower_atrium=(-44, 9, 16),
        main=(-5, 19, 14), upper_bronchus=(1, 19, 42), intermedius=(-42, 25, 31), lower_bronchus=(-60, 31, 40),
        basal_bronchus=(-78, 37, 44), middle_bronchus=(-57, 6, 46),
    ),
    1: dict(
        artery=(-4, 14, 42), interlobar=(-22, 28, 47), basal=(-50, 36, 50), basal_end=(-74, 41, 53),
        truncus=(8, 3, 47),
        upper_vein=(4, -10, 46), upper_vein_hilum=(-14, -8, 38), upper_atrium=(-34, 2, 18),
        lower_vein=(-74, 48, 40), lower_vein_hilum=(-56, 28, 36), lower_atrium=(-44, 10, 16),
        main=(-26, 23, 32), upper_bronchus=(-24, 12, 47), intermedius=(-31, 24, 36), lower_bronchus=(-52, 29, 40),
        basal_bronchus=(-76, 36, 46), middle_bronchus=(-38, 2, 53),
    ),
}  # fmt: skip
# What joins two forks: kind, from, to, radius at both (mm). Kinds that begin with "hilar" are no lung.
_TRUNKS = (
    ("hilar vessel", "artery", "interlobar", 8.4, 7.4),
    ("hilar vessel", "interlobar", "basal", 7.3, 6.2),
    ("vessel", "basal", "basal_end", 5.4, 4.3),
    ("hilar vessel", "artery", "truncus", 6.6, 5.0),
    ("hilar vessel", "upper_vein", "upper_vein_hilum", 5.2, 6.4),
    ("hilar vessel", "upper_vein_hilum", "upper_atrium", 6.4, 8.0),
    ("vessel", "lower_vein", "lower_vein_hilum", 4.4, 5.4),
    ("hilar vessel", "lower_vein_hilum", "lower_atrium", 5.8, 7.8),
    ("hilar tissue", "upper_vein_hilum", "interlobar", 5.0, 5.5),
    ("hilar tissue", "intermedius", "interlobar", 6.0, 6.5),
    ("hilar tissue", "lower_vein_hilum", "basal", 4.5, 5.0),
    ("hilar tissue", "upper_bronchus", "truncus", 5.0, 5.0),
    ("hilar airway", "main", "upper_bronchus", 4.9, 4.2),
    ("hilar airway", "intermedius", "lower_bronchus", 5.0, 4.3),
    ("airway", "lower_bronchus", "basal_bronchus", 4.2, 3.2),
    ("airway", "intermedius", "middle_bronchus", 3.4, 2.8),
)
# Bronchopulmonary segments: their centre (z, y, away from the midline) and the forks that feed and drain them.
_UPPER = ("truncus", "upper_vein", "upper_bronchus")
_MIDDLE = ("interlobar", "upper_vein_hilum", "middle_bronchus")
_SUPERIOR = ("basal", "lower_vein_hilum", "lower_bronchus")
_BASAL = ("basal_end", "lower_vein", "basal_bronchus")
_SEGMENTS = {
    -1: (
        ((55, 15, 52), _UPPER), ((25, 52, 75), _UPPER), ((5, -45, 62), _UPPER),
        ((-45, -30, 88), _MIDDLE), ((-62, -48, 50), _MIDDLE), ((-20, 65, 65), _SUPERIOR),
        ((-95, 22, 40), _BASAL), ((-100, 0, 95), _BASAL), ((-105, 42, 95), _BASAL), ((-110, 75, 58), _BASAL),
    ),
    1: (
        ((50, 22, 52), _UPPER), ((32, 50, 75), _UPPER), ((10, -45, 62), _UPPER),
        ((-30, -30, 88), _MIDDLE), ((-60, -48, 75), _MIDDLE), ((-20, 65, 65), _SUPERIOR),
        ((-98, 5, 88), _BASAL), ((-105, 45, 92), _BASAL), ((-110, 75, 55), _BASAL),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """A bronchopulmonary segment: its centre and where what serves it begins, mm; ``side`` -1 right, 1 left."""

    side: int
    centre: np.ndarray
    artery: np.ndarray
    vein: np.ndarray
    bronchus: np.ndarray


@dataclass(frozen=True)
class Hila:
    """Both hila of a patient, mm.

    ``central``: capsules (kind, start, end, radius, radius) that are no lung; ``vessels`` and ``bronchi``: tubes
    (start, end, radius, radius) that are; ``segments``.
    """

    central: tuple
    vessels: tuple
    bronchi: tuple
    segments: tuple[Segment, ...]


def draw_hila(patient_seed: tuple[int, ...], build: Build, heart_shift: float) -> Hila:
    """Draw both hila; the veins follow the heart, which lies ``heart_shift`` mm above its usual place."""
    rng = generator(patient_seed, "hila")
    scale = np.array(build.size)
    calibre = float(np.prod(scale)) ** (1 / 3)
    wide = np.clip(rng.normal(1.0, 0.08), 0.85, 1.2) * calibre
    central, vessels, bronchi, segments = [], [], [], []
    for side, forks in _FORKS.items():
        bound = rng.uniform(0.5, 1.4)  # how much connective tissue binds the hilum
        level = rng.normal(0, 4) + 0.25 * heart_shift
        at = {}
        for name, place in forks.items():
            moved = np.array(place, float) + rng.normal(0, 2.0, 3)
            if name.endswith("atrium"):
                moved[0] += heart_shift
            elif name not in ("artery", "main"):
                moved[0] += level
            at[name] = moved * (1, 1, side) * scale
        for kind, start, end, r0, r1 in _TRUNKS:
            radii = (calibre * bound if kind == "hilar tissue" else wide) * rng.normal(1, 0.06) * np.array([r0, r1])
            tube = (at[start], at[end], *radii)
            if kind.startswith("hilar"):
                central.append((kind, *tube))
            else:
                (vessels if kind == "vessel" else bronchi).append(tube)
        central += _nodes(build, generator(patient_seed, "hilar nodes", side + 1), at, calibre)
        for centre, serves in _SEGMENTS[side]:
            segments.append(Segment(side, np.array(centre) * (1, 1, side) * scale, *(at[name] for name in serves)))
    return Hila(tuple(central), tuple(vessels), tuple(bronchi), tuple(segments))


def _nodes(build: Build, rng: np.random.Generator, at: dict, calibre: float) -> list:
    """Lymph nodes between the vessels: small ones in many, enlarged ones in some."""
    enlarged = rng.random() < build.findings.hilar_nodes
    nodes = []
    for _ in range(int(rng.integers(2, 6)) if enlarged else int(rng.poisson(1.0))):
        place = at[rng.choice(["truncus", "interlobar", "basal", "upper_bronchus", "lower_bronchus"])]
        start = place + rng.normal(0, 6, 3)
        radius = calibre * (rng.uniform(4, 8) if enlarged else rng.uniform(2, 4))
        nodes.append(("hilar node", start, start + rng.normal(0, 4, 3), radius, 0.8 * radius))
    return nodes
