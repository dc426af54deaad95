"""The box about a mask, and its copies in the modules that are read alone."""

import numpy as np
import pytest
from scipy import ndimage

from study.measures import biomarkers, overlap
from study.scans.boxes import bounding_box


@pytest.mark.parametrize("find", [bounding_box, biomarkers._bounding_box, overlap._bounding_box])
@pytest.mark.parametrize("shape", [(9,), (7, 5), (4, 6, 8), (1, 1, 1)])
def test_the_box_holds_all_of_a_mask_and_no_empty_border(find, shape):
    rng = np.random.default_rng(len(shape))
    for share in (0.02, 0.2, 1.0):
        mask = rng.random(shape) < share
        mask[tuple(rng.integers(shape))] = True
        assert find(mask) == ndimage.find_objects(mask.astype(int))[0]
        assert find(mask[::-1].T) == ndimage.find_objects(mask[::-1].T.astype(int))[0]


def test_an_empty_mask_has_no_box():
    with pytest.raises(ValueError, match="empty"):
        bounding_box(np.zeros((2, 3), bool))
