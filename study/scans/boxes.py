"""The box about a mask."""

import numpy as np


def bounding_box(mask):
    """Slices of the smallest box that holds all voxels of a mask.

    Parameters
    ----------
    mask : bool array, of any number of dimensions

    Returns
    -------
    tuple of slice

    Raises
    ------
    ValueError
        If the mask is empty: nothing has no place.

    Examples
    --------
    >>> bounding_box(np.array([[False, False, False], [False, True, True]]))
    (slice(1, 2, None), slice(1, 3, None))
    """
    box = []
    while mask.ndim:
        if not len(inside := np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))):
            raise ValueError("an empty mask has no bounding box")
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
        mask = mask[box[-1]].any(axis=0)  # along the first axis, which is the fastest by far
    return tuple(box)
