"""A chest with its masks, as data sets publish them."""

import numpy as np
import pytest

from study.scans.ct import write_label_map, write_mask, write_scan

SPACING_MM = (10.0, 3.0, 3.0)


@pytest.fixture
def masked(chest):
    """Return a function that writes a chest and the masks whose paths are given; returns the Scan."""

    def write(image, lung=None, infection=None, seed=0):
        for path in filter(None, (image, lung, infection)):
            path.parent.mkdir(parents=True, exist_ok=True)
        hu = chest(seed=seed)
        is_infected = np.zeros(hu.shape, bool)
        is_infected[3:5, 9:12, 7:10] = True
        hu[is_infected] = -400
        scan = write_scan(image, hu, SPACING_MM)
        if lung:  # 1 left, 2 right, as published
            side = np.where(np.arange(hu.shape[2]) < hu.shape[2] // 2, 2, 1).astype(np.uint8)
            write_label_map(lung, ((hu < -500) & (hu > -950) | is_infected) * side, scan)
        if infection:
            write_mask(infection, is_infected, scan)
        return scan

    return write
