"""Air in the chest wall: streaks and pockets between the muscles and the skin."""

from __future__ import annotations

import numpy as np

from study.phantom.body.build import Build
from study.phantom.body.fields import Grid, generator, ramp, smooth_noise


def let_air_in(hu: np.ndarray, body, muscle, grid: Grid, build: Build, patient_seed) -> None:
    """Draw subcutaneous emphysema into ``hu``, in place: mostly on one side, in front and above.

    ``body`` and ``muscle`` are signed distances (mm) to the skin and to the muscles.
    """
    rng = generator(patient_seed, "air in wall")
    side, pixel = rng.choice([-1, 1]), grid.spacing_mm[1]
    z, y, x = grid.open()
    where = smooth_noise(rng, grid, 60.0) + 1.2 * ramp(side * x, -40, 40) + 0.8 * ramp(y, 40, -60)
    where = where + 0.8 * ramp(z, build.apex - 160, build.apex)
    # Pockets between strands of tissue, drawn out along the skin; streaks where the air parts muscle from fat.
    pockets = smooth_noise(rng, grid, 4.0) + 0.5 * smooth_noise(rng, grid, 11.0)
    layers = np.cos(2 * np.pi * (body + 4 * smooth_noise(rng, grid, 25.0)) / rng.uniform(6, 10))
    near = ramp(np.abs(muscle), 7, 0)
    air = ramp(pockets + 0.7 * layers + 1.2 * near + 1.2 * where - rng.uniform(2.2, 4.0), 0.2, 0.7)
    air *= np.clip(0.5 - np.maximum(-muscle - 3, body + 3.5) / pixel, 0, 1)
    hu += air * (-960 - hu)
