"""The patient: the random sizes of one body, and the chest wall and spine that follow from them.

Lengths follow adults in supine full inspiration: inner thoracic width about 225 mm in women and 245 mm in
men, lung volume about 4.2 and 5.3 litres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.body.fields import generator
from study.phantom.body.findings import FINDINGS, Findings

SHALLOW = (0.5, 0.85)  # inspiration in free breathing; assumed


@dataclass(frozen=True)
class Build:
    """The drawn sizes of one patient (mm unless said otherwise).

    ``inspiration``: what the lungs hold, as a fraction of what they hold after a deep breath.
    """

    female: bool
    age_years: float
    bmi: float
    volume_ml: float
    half_width: float
    half_depth: float
    apex: float
    size: tuple[float, float, float]
    fat: float
    muscle: float
    breast: float
    arms_up: bool
    centre: tuple[float, float]
    flat_back: float
    squareness: float
    taper: float
    air_in_wall: bool
    head_too: bool
    inspiration: float
    findings: Findings


def draw_build(patient_seed: tuple[int, ...], sex: str, age_years: float, findings: str = "ordinary") -> Build:
    """Draw body and lung size given sex and age; children are smaller. ``findings`` names one of `FINDINGS`."""
    rng = generator(patient_seed, "build")
    female = sex == "female"
    child = np.clip(0.52 + 0.48 * age_years / 17, 0.5, 1.0)
    stature = rng.normal(1.0, 0.038) * child
    bmi = np.clip(rng.normal(24 if age_years >= 18 else 18.5, 3.4), 16, 38)
    volume = (4150 if female else 5300) * stature**2.6 * np.exp(rng.normal(0, 0.13)) * (1 - 0.004 * max(bmi - 24, 0))
    volume = np.clip(volume, 2600 * child**2.6, 6600)
    swell = (volume / (4500 * child**3)) ** 0.22
    width = (120 if not female else 114) * child * stature**0.3 * swell * rng.normal(1, 0.03)
    depth = (89 if not female else 84) * child * swell**1.2 * rng.normal(1, 0.045) * (1 + 0.0012 * (age_years - 45))
    apex = 91 * stature * (volume / 4500) ** 0.12 * rng.normal(1, 0.04) * child**0.1
    fat = np.clip((5 if not female else 8) + 1.5 * (bmi - 22) + rng.normal(0, 2.5), 2, 40) * child
    breath = generator(patient_seed, "breath")
    is_shallow = breath.random() < FINDINGS[findings].free_breathing
    inspiration = float(breath.uniform(*SHALLOW)) if is_shallow else 1.0
    return Build(
        female=female,
        age_years=age_years,
        bmi=float(bmi),
        volume_ml=float(volume) * inspiration,
        half_width=float(width),
        half_depth=float(depth),
        apex=float(apex),
        size=(float(apex / 92), float(depth / 87), float(width / 116)),
        fat=float(fat),
        muscle=float((1.0 if female else 1.25) * rng.normal(1, 0.12)),
        breast=float(rng.uniform(8, 20) + 1.4 * max(bmi - 20, 0)) if female and age_years > 13 else 0.0,
        arms_up=bool(rng.random() > FINDINGS[findings].arms_down),
        centre=(float(rng.normal(6, 9)), float(rng.normal(0, 7))),
        flat_back=float(rng.uniform(0, 1)),
        squareness=float(rng.uniform(2.15, 2.6)),
        taper=float(rng.uniform(3.2, 5.5)),
        air_in_wall=bool(rng.random() < FINDINGS[findings].air_in_wall),
        head_too=bool(rng.random() < FINDINGS[findings].head_too),
        inspiration=inspiration,
        findings=FINDINGS[findings],
    )


def cage_profile(build: Build, z: np.ndarray):
    """Half-width, front and back (y) of the inner chest wall at heights z."""
    a, b, apex = build.half_width, build.half_depth, build.apex
    u = np.clip((np.asarray(z) + 65) / (apex + 65), 0, 1.35)
    below = np.clip((-70 - np.asarray(z)) / 120, 0, 1)
    half = a * (1 - 0.40 * u**build.taper) * (1 - 0.05 * below**2)
    front = -b * (1 - 1.0 * u ** (0.95 * build.taper)) + 6 * below
    back = b * (1.16 - 0.42 * u**2.8) - 3 * below
    return half, front, back


def spine_centre(build: Build, z: np.ndarray) -> np.ndarray:
    """Y of the centre of the vertebral bodies at heights z."""
    return cage_profile(build, z)[2] - 38 * build.size[1]
