"""Where the patient is in a scan: what lies outside the skin is no lung.

Room air has the lung network's attention where arms enclose it with the chest or the head, beside a pillow or in the
table. Skin tells it from lung in three dimensions, and where no skin does, as in a ring that is closed from the first
section to the last, its density does.
"""

import numpy as np
from scipy import ndimage

from study.scans.plausibility import measured_pixels

TISSUE_ABOVE_HU = -400  # halfway between aerated lung, or foam, and soft tissue
PASSAGE_MM = 10.0  # air does not pass what is narrower: nostrils, glottis, a tube; nor gaps that sections leave in skin
ROOM_AIR_BELOW_HU = -930  # what a sharp kernel makes of it; see study.scans.plausibility.AIR_RANGE_HU
LIKE_ROOM_AIR_HU = 40  # above this scan's own room air; of lung with the worst emphysema, half is as light
OPEN_SHARE, CLOSED_SHARE = 1 / 3, 2 / 3  # as light as room air: of air open to the border, with foam; of closed air
LEAK_SHARE = 1 / 3  # less of the border of lung behind a thin wall is air, and of foam more
SKIN_MM = 3.0  # how far pixels average skin and air
SOLID_MM = 30.0  # narrower in its section is no trunk: the table, tubes, blankets, a hand
TRUNK_MM = 90.0  # a box that fits into no section of an arm, as thick as 12 cm, but into the trunk


def body_mask(hu, spacing_mm, lung_like):
    """Find the body: all that is inside the skin, with the air in it.

    Parameters
    ----------
    hu : float array (z, y, x)
        Pixels of about 2 mm: finer ones cost time and gain nothing.
    spacing_mm : tuple of 3 float
        (z, y, x).
    lung_like : bool array (z, y, x)
        What a network takes for lung, be it in the body or not.

    Returns
    -------
    bool array (z, y, x)
        Not in it is air in which a cube of 10 mm reaches the outside: connected air that has the density of the room's
        in a third of its voxels and reaches the border of the field of view, or in two thirds of them and reaches it
        nowhere. So lung stays where the field of view or the first and last section cut it, and air in the table does
        not. Lung that joins such air through a wall of less than 10 mm stays too, where the network finds it, it is
        denser than the room's air, and less than a third of its border is air. Of the rest, the body is the largest
        part that is 3 cm wide, and of this the trunk, without the arms where these touch it.
    """
    measured = measured_pixels(hu)
    tissue = hu > TISSUE_ABOVE_HU
    air = _opened(~tissue & measured, _box(PASSAGE_MM, spacing_mm))
    outside = _outside(hu, air, measured)
    leaked = _enclosed(hu, outside, lung_like, spacing_mm)
    if leaked.any():
        outside = _outside(hu, _opened(air & ~leaked, _box(PASSAGE_MM, spacing_mm)), measured)
    rest = measured & ~_with_skin(outside, tissue, spacing_mm)
    for width_mm in (SOLID_MM, TRUNK_MM):
        rest = _largest_of_width(rest, width_mm, spacing_mm)
    return rest


def _largest_of_width(mask, width_mm, spacing_mm):
    """The largest part of what is so wide in its section; all of it where nothing is, as in a narrow field of view."""
    parts, n_parts = ndimage.label(_opened(mask, _box(width_mm, (np.inf, *spacing_mm[1:]))))
    if not n_parts:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    # An opening by a box rounds what is round; a third of its width about it belongs to it again.
    return mask & _widened(parts == sizes.argmax(), _box(width_mm / 3, (np.inf, *spacing_mm[1:])))


def _outside(hu, air, measured):
    """Parts of the opened air that are the room's."""
    parts, n_parts = ndimage.label(air)
    sizes = np.maximum(np.bincount(parts.ravel(), minlength=n_parts + 1), 1)
    like_room = hu < _room_hu(hu, air) + LIKE_ROOM_AIR_HU
    share = np.bincount(parts[like_room], minlength=n_parts + 1) / sizes
    edge = measured & ~ndimage.minimum_filter(measured, 3, mode="constant", cval=False)
    is_open = np.zeros(n_parts + 1, bool)
    is_open[parts[:, edge]] = True
    is_room = share > np.where(is_open, OPEN_SHARE, CLOSED_SHARE)
    is_room[0] = False
    return is_room[parts]


def _room_hu(hu, air):
    """HU of the room's air; minus infinity where there is none."""
    light = hu[air & (hu < ROOM_AIR_BELOW_HU)]
    return np.median(light) if light.size else -np.inf


def _enclosed(hu, outside, lung_like, spacing_mm):
    """Parts of the outside that are lung behind a leak: denser than the room's air, and in a body on most sides."""
    box = _box(PASSAGE_MM, (np.inf, *spacing_mm[1:]))
    doubtful = _opened(outside & lung_like, box)
    if not doubtful.any():
        return doubtful
    dense = ndimage.uniform_filter(hu, box) >= _room_hu(hu, outside) + LIKE_ROOM_AIR_HU
    parts, n_parts = ndimage.label(_opened(doubtful & dense, box))
    around = np.where(parts, 0, ndimage.maximum_filter(parts, 3))
    border = np.bincount(around.ravel(), minlength=n_parts + 1)
    is_enclosed = np.bincount(around[outside], minlength=n_parts + 1) < LEAK_SHARE * border
    is_enclosed[0] = False
    return is_enclosed[parts]


def _with_skin(outside, tissue, spacing_mm):
    """Outside, and the pixels beside it that average it with skin; along the body too, as over a shoulder."""
    reach = [3, *_box(2 * SKIN_MM, (np.inf, *spacing_mm[1:]))[1:]]
    return outside | (_widened(outside, reach) & ~tissue)


def _box(side_mm, spacing_mm):
    """Voxels, an odd number, along each edge of a cube."""
    return [max(1, 2 * round(side_mm / step / 2 - 0.5) + 1) for step in spacing_mm]


def _opened(mask, box):
    return _widened(~_widened(~mask, box), box)


def _widened(mask, box):
    """Voxels with one of the mask in a box of odd edges about them: a maximum filter in a fifth of its time."""
    for axis, width in enumerate(box):
        before = (slice(None),) * axis
        mask = np.pad(mask, [(width // 2 * (along == axis),) * 2 for along in range(mask.ndim)])
        covered = 1  # voxels from each one on, of which one is in the mask
        while covered < width:
            step = min(covered, width - covered)
            mask = mask[*before, :-step] | mask[*before, step:]
            covered += step
    return mask
