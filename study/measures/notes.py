"""What makes the numbers of a segmented scan doubtful, in words; none of it says who the patient is.

A scan that is only unlikely is measured all the same, and its notes go wherever its numbers go. The limits were chosen
on phantoms of known lungs, motion and fluid, and looked at on public scans (`docs/measure-a-scan.md`).
"""

import numpy as np
from scipy import ndimage

from study.measures.biomarkers import SIDES, lung_sides
from study.scans.boxes import bounding_box
from study.scans.labels import BACKGROUND, INFECTION
from study.scans.plausibility import measured_pixels

PIXEL_MM = 2.5  # these checks look at every n-th pixel, or at means of n by n
# Total lung capacity of adults is 3 to 9 l (Quanjer et al. 1993); less than 0.7 l is part of a lung.
LUNG_RANGE_ML = (700.0, 9000.0)
MOST_OF_THE_BODY = 0.6  # of the area of its sections; at full inspiration lungs fill half of a section
DEEP_MM, AIR_BELOW_HU = 10.0, -950  # so deep, and not so light, lung is certain; half of the lightest is so light
LIGHTER_HU = 60  # than its certain part no lung is
# So much denser is the rear quarter of the lung than the front one in none of 57 phantoms without dense dependent lung,
# healthy or not, and in 11 of 14 healthy ones of which half a per cent and more is read as infection.
DEPENDENT_HU = 110
CUT_SHARE = 0.25  # of the largest section of the lungs, that an outermost section may show of them
BORDER_MM, CUT_MM = 3.0, 20.0  # so near the border of the field of view; so much of the border, in one section
SMALLER_SHARE = 0.4  # of the larger lung; the left lung has about 0.85 of the right one
AERATED_BELOW_HU, AERATED_SHARE = -500, 0.25  # lung that holds at least as much air as tissue; of one lung
# Between aerated lung and tissue below it, and above: in 84 phantom scans in breath-hold and 168 in which a breath
# moved the diaphragm by 10 mm and more, 1.5 mm and more was the difference in 2 % and in 96 %. It is counted in whole
# sections, so where these are 10 mm apart it errs by more: 1.9 mm and more in 5 % of 512 and in 84 % of 19, of any
# breath (the demo's; 1.5 mm and more in 15 % and 89 %).
BETWEEN_HU, LONGEST_BLUR_MM, FEWEST_CM2 = (-600, -200), 20.0, 20.0
BLUR_MM, BLUR_SHARE = 1.5, 0.19  # the more of these: a length, and a share of the distance of the sections
# Pleural fluid has 0 to 20 HU, muscle 45 to 60; fat in muscle makes up to 27 ml of its density behind healthy lungs.
FLUID_HU, FLUID_MM, FLUID_ML, BEHIND_LUNG_MM = (-10, 30), 10.0, 35.0, 40.0


def scan_notes(scan, label_map, sides=None):
    """What makes the numbers of a segmented scan doubtful: what its file tells, and what its lungs do.

    Parameters
    ----------
    scan : study.scans.ct.Scan
    label_map : integer array (z, y, x)
    sides : tuple, optional
        As in :func:`lung_notes`.

    Returns
    -------
    list of str
    """
    return [*scan.notes, *lung_notes(scan.hu, label_map, scan.spacing_mm, sides)]


def lung_notes(hu, label_map, spacing_mm, sides=None):
    """Say what makes the numbers of a segmented scan doubtful.

    Parameters
    ----------
    hu : array (z, y, x)
    label_map : integer array (z, y, x)
        0 background, 1 lung, 2 infection; some voxel is lung.
    spacing_mm : tuple of 3 float
    sides : tuple, optional
        What :func:`study.measures.biomarkers.lung_sides` says of the lungs, if it is known.

    Returns
    -------
    list of str
        Lungs that are too large, small or light, or cut off; one lung, two that touch, little air in one; lung that is
        dense where it depends; breathing; fluid behind the lungs. Empty for a usual scan.
    """
    steps = [max(1, round(PIXEL_MM / length)) for length in spacing_mm[1:]]
    every = np.s_[:, :: steps[0], :: steps[1]]
    coarse = hu[every], label_map[every], (spacing_mm[0], *np.multiply(steps, spacing_mm[1:]))
    lung = label_map != BACKGROUND
    right, shrunk_mm = sides or lung_sides(hu, lung, spacing_mm)
    deep = _deep(coarse[1] != BACKGROUND, coarse[2])
    return [
        *_volume(lung, spacing_mm),
        *_inside(*coarse, deep),
        *_cut_along(lung, spacing_mm),
        *_cut_across(hu, lung, spacing_mm),
        *_sides(*coarse[:2], right[every], shrunk_mm),
        *_dependent(*coarse, deep),
        *_breathing(*coarse),
        *_fluid(_means(hu, steps), *coarse[1:]),
    ]


def _volume(lung, spacing_mm):
    volume_ml, (low, high) = np.count_nonzero(lung) * np.prod(spacing_mm) / 1000, LUNG_RANGE_ML
    if volume_ml > high:
        holds = f"no lungs hold above {high / 1000:g} l"
        return [f"the lungs measure {volume_ml / 1000:.1f} l, and {holds}: is the spacing right?"]
    if volume_ml < low:
        return [f"the lungs measure {volume_ml / 1000:.2f} l, below the {low / 1000:g} l of whole lungs"]
    return []


def _deep(lung, spacing_mm):
    """What lies deeper in the lung than `DEEP_MM`; it goes on beyond the first and the last section of the scan."""
    around = tuple(slice(max(0, inside.start - 1), inside.stop + 1) for inside in bounding_box(lung))
    going_on = np.pad(lung[around], 1, mode="edge")
    deep = np.zeros_like(lung)
    deep[around] = ndimage.distance_transform_edt(going_on, sampling=spacing_mm)[1:-1, 1:-1, 1:-1] > DEEP_MM
    return deep


def _inside(hu, label_map, spacing_mm, deep):
    """Compare the lungs with what is certainly lung, and with the body."""
    lung, notes = label_map != BACKGROUND, []
    certain = hu[deep & (label_map != INFECTION) & (hu >= AIR_BELOW_HU)]
    if certain.size and (gap := np.median(certain) - np.median(hu[lung])) > LIGHTER_HU:
        notes.append(f"half of the lungs lies {gap:.0f} HU below what is certainly lung: is there other air in them?")
    sections = lung.any(axis=(1, 2))
    share = np.count_nonzero(lung[sections]) / np.count_nonzero((lung | (hu > BETWEEN_HU[1]))[sections])
    if share > MOST_OF_THE_BODY:
        notes.append(f"the lungs fill {100 * share:.0f} % of the body's sections: is there other air in them?")
    return notes


def _cut_along(lung, spacing_mm):
    pixels = np.count_nonzero(lung, axis=(1, 2))
    ends = {"lowest": pixels[0], "highest": pixels[-1]}
    cut = [f"{name} ({n * np.prod(spacing_mm[1:]) / 100:.0f} cm2)" for name, n in ends.items()
           if n > CUT_SHARE * pixels.max()]  # fmt: skip
    if not cut:
        return []
    return [f"lung reaches the {' and the '.join(cut)} section: the scan may hold only a part of the lungs"]


def _cut_across(hu, lung, spacing_mm):
    within_mm = ndimage.distance_transform_edt(np.pad(measured_pixels(hu), 1), sampling=spacing_mm[1:])[1:-1, 1:-1]
    rim = (within_mm > 0) & (within_mm <= max(BORDER_MM, *spacing_mm[1:]))
    # The area of a rim, divided by its width, is its length.
    longest_mm = np.count_nonzero(lung[:, rim], axis=1).max() * np.prod(spacing_mm[1:]) / BORDER_MM
    if longest_mm < CUT_MM:
        return []
    return ["lung reaches the border of the field of view: a part of the lungs is not in the scan"]


def _sides(hu, label_map, right, shrunk_mm):
    lung, notes = label_map != BACKGROUND, []
    lungs = {side: lung & (right == is_right) for side, is_right in zip(SIDES, (True, False), strict=True)}
    lungs = {side: mask for side, mask in lungs.items() if mask.any()}
    if len(lungs) == 1:
        notes.append(f"only the {next(iter(lungs))} lung was found: is the other there, without air?")
    elif shrunk_mm > 0:
        notes.append("the lungs touch: their sides are told apart by shape")
    for side, mask in lungs.items():
        if (share := (hu[mask] < AERATED_BELOW_HU).mean()) < AERATED_SHARE:
            notes.append(f"little air in the {side} lung: {100 * share:.0f} % of it lies below {AERATED_BELOW_HU} HU")
    if len(lungs) == 2:
        small, large = sorted(lungs, key=lambda side: np.count_nonzero(lungs[side]))
        share = np.count_nonzero(lungs[small]) / np.count_nonzero(lungs[large])
        if share < SMALLER_SHARE:
            notes.append(f"the {small} lung has {100 * share:.0f} % of the volume of the {large} one: is it all found?")
    return notes


def _dependent(hu, label_map, spacing_mm, deep):
    """Compare the rear quarter of the lung with the front one, infection and borders left out."""
    rows = np.nonzero(label_map != BACKGROUND)[1]
    row, sound = np.arange(hu.shape[1])[:, None], deep & (label_map != INFECTION)
    front, rear = sound & (row < np.percentile(rows, 25)), sound & (row > np.percentile(rows, 75))
    if not (front.any() and rear.any()):
        return []
    gap = np.median(hu[rear]) - np.median(hu[front])
    if abs(gap) < DEPENDENT_HU:
        return []
    denser, lighter = ("back", "front") if gap > 0 else ("front", "back")
    return [f"the lung is {abs(gap):.0f} HU denser at the {denser} than at the {lighter}, as in a shallow breath: what "
            "depends may be counted as infection"]  # fmt: skip


def _breathing(hu, label_map, spacing_mm):
    """Compare the lungs' lower borders, which a breath moves most, with their upper ones."""
    below_mm, above_mm = (_blur_mm(hu[::way], label_map[::way], spacing_mm[0]) for way in (1, -1))
    if min(len(below_mm), len(above_mm)) < FEWEST_CM2 * 100 / np.prod(spacing_mm[1:]):
        return []
    gap = below_mm.mean() - above_mm.mean()
    if gap < max(BLUR_MM, BLUR_SHARE * spacing_mm[0]):
        return []
    return [f"the lungs' lower borders are {gap:.1f} mm more blurred than the upper ones: breathing during the scan?"]


def _blur_mm(hu, label_map, spacing_mm):
    """Length of what lies between aerated lung and the tissue below it, of each line along the body.

    Lines that meet infection there are left out, as its density lies between the two as well.
    """
    aerated = (hu < BETWEEN_HU[0]) & (label_map != BACKGROUND)
    section, lowest = np.arange(len(hu))[:, None, None], aerated.argmax(axis=0)
    tissue = (hu > BETWEEN_HU[1]) & (label_map == BACKGROUND) & (section < lowest)
    highest = len(hu) - 1 - tissue[::-1].argmax(axis=0)
    ill = ndimage.maximum_filter(label_map == INFECTION, (1, 5, 5))
    ill &= (section >= highest - 1) & (section <= lowest + 1)
    is_border = aerated.any(axis=0) & tissue.any(axis=0) & ~ill.any(axis=0)
    return np.minimum((lowest - highest - 1)[is_border] * spacing_mm, LONGEST_BLUR_MM)


def _fluid(hu, label_map, spacing_mm):
    """Look behind the lungs, where fluid gathers in a patient who lies on the back."""
    smooth = ndimage.uniform_filter(hu, (1, 3, 3))
    aerated = (label_map != BACKGROUND) & (smooth < BETWEEN_HU[1])
    pixels = [max(1, round(length / spacing_mm[1])) for length in (FLUID_MM, BEHIND_LUNG_MM)]
    box = (1, pixels[0] - 1 | 1, pixels[0] - 1 | 1)  # odd, and not wider
    fluid = (smooth > FLUID_HU[0]) & (smooth < FLUID_HU[1])
    fluid = ndimage.maximum_filter(ndimage.minimum_filter(fluid, box), box)
    before, behind = np.zeros_like(fluid), np.zeros_like(fluid)
    for n in range(1, pixels[1] + 1):
        before[:, n:] |= aerated[:, :-n]
        behind[:, :-n] |= aerated[:, n:]
    parts, _ = ndimage.label(fluid & before & ~behind)
    sizes_ml = np.bincount(parts.ravel()) * np.prod(spacing_mm) / 1000
    beside = np.unique(parts[ndimage.maximum_filter(aerated, (1, pixels[0] | 1, pixels[0] | 1))])
    largest_ml = max(sizes_ml[beside[beside > 0]], default=0)
    if largest_ml < FLUID_ML:
        return []
    return [
        f"{largest_ml:.0f} ml behind a lung have the density of fluid: pleural effusion is neither lung nor infection"
    ]


def _means(hu, steps):
    """Means of blocks of pixels, on the grid of every n-th pixel; what is left at the end repeats the last block."""
    height, width = (-(-n // step) for n, step in zip(hu.shape[1:], steps, strict=True))
    padded = np.pad(hu, [(0, 0), (0, height * steps[0] - hu.shape[1]), (0, width * steps[1] - hu.shape[2])], "edge")
    blocks = padded.reshape(len(hu), height, steps[0], width, steps[1])
    return blocks.mean(axis=(2, 4), dtype=np.float32)
