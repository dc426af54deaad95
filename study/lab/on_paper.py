"""Exercises that need no run: to notebooks 1, 2, 3 and 7, with made-up lesions, networks and an abstract.

Each function returns a :class:`study.lab.task.Task`, whose answer is computed by the functions of the study.
"""

import numpy as np

from study.claims.printed import read_number
from study.lab.exercise_tasks import LEVEL_HU
from study.lab.task import AS_A_FRACTION, Task, nearest_cases
from study.measures import overlap
from study.networks import slabs

# A small round lesion in the lung, and the section that it lies in.
LESION_MM, LESION_HU, LUNG_HU, SECTION_MM = 8.0, -500.0, -860.0, 10.0
# Thin sections, and neighbours as far apart as thick sections are.
N_SECTIONS, APART_MM, NEIGHBOUR_MM, SECTION = 60, 5.0, 10.0, 12
FILTERS, KERNEL = 64, 7  # of the first layer of a ResNet-34
SMALL, LARGE = 4, 20  # side of two square lesions, in pixels
# Of a made-up abstract: a sensitivity printed of so many severe patients; sizes and mean ages of two groups.
PRINTED_SENSITIVITY, PRINTED_SEVERE = "92.3", 41
GROUPS = ((24, 61.0), (56, 48.0))


def _column(_):
    share = LESION_MM / SECTION_MM
    hu = LUNG_HU + share * (LESION_HU - LUNG_HU)
    return Task(
        hu,
        "Which part of the section's thickness does the lesion fill at its middle, and which does healthy lung?",
        (
            (LESION_HU, "That is the lesion alone, as if it filled the section."),
            ((LESION_HU + LUNG_HU) / 2, "That would be half lesion, half lung."),
            (LESION_HU - share * (LESION_HU - LUNG_HU), "Those are the shares the wrong way round."),
            (
                LUNG_HU + share * 2 / 3 * (LESION_HU - LUNG_HU),  # the mean chord of a ball is 2/3 of its diameter
                "That is the mean of all pixels of the lesion. Its middle is where it is thickest.",
            ),
        ),
    )


def _whole_in_one_section(_):
    share = 1 - LESION_MM / SECTION_MM
    return Task(
        share,
        "Move the lesion along the body by one section. For how much of the way does it cross no border of sections?",
        ((1 - share, "That is how often a border cuts it."), (100 * share, AS_A_FRACTION)),
    )


def _thinnest_seen(_):
    diameter = SECTION_MM * (LEVEL_HU - LUNG_HU) / (LESION_HU - LUNG_HU)
    return Task(
        diameter,
        "Which share of the section must the lesion fill for the mean to be LEVEL_HU? The diameter is that share.",
        (
            (diameter / SECTION_MM, "That is the share of the section. How many millimetres are that?"),
            (SECTION_MM - diameter, "That is the part that stays healthy."),
        ),
    )


def _neighbour(_):
    above = int(slabs.slab_indices(N_SECTIONS, APART_MM, 1, NEIGHBOUR_MM)[SECTION, -1])
    return Task(
        above,
        "How many sections up are NEIGHBOUR_MM?",
        (
            (SECTION + 1, "That is the next section. It lies nearer than a neighbour in training did."),
            (SECTION + NEIGHBOUR_MM, "NEIGHBOUR_MM are millimetres, not sections."),
            (2 * SECTION - above, "That is the neighbour on the other side; counting goes upwards."),
        ),
        tolerance=1e-6,
    )


def _weights(_):
    slab = 3
    weights = FILTERS * slab * KERNEL**2
    return Task(
        weights,
        "Each filter has one weight for each pixel of its square, in each of the sections.",
        (
            (weights / slab, "That is 2D: a filter looks at all sections of the slab."),
            (FILTERS * KERNEL**3, "That is 3D: a filter of 2.5D does not move along the body."),
            (weights / FILTERS, "That is one filter."),
        ),
        tolerance=1e-6,
    )


def _square(side, rim=0):
    mask = np.zeros((LARGE + 4, LARGE + 4), bool)
    mask[2 - rim : 2 + side + rim, 2 - rim : 2 + side + rim] = True
    return mask


def _dice_of(side):
    true, drawn = _square(side), _square(side, rim=1)
    common, both = (true & drawn).sum(), (true | drawn).sum()
    dice = overlap.dice(true, drawn)
    return Task(
        dice,
        "Dice is twice the common area over the sum of both areas. How large is a square with a rim of one pixel?",
        (
            (common / both, "That is the Jaccard index, the common area over the area of both together."),
            (2 * side**2 / (side**2 + (side + 1) ** 2), "The rim is on both sides of the square."),
            (100 * dice, AS_A_FRACTION),
        ),
    )


def _small(_):
    return _dice_of(SMALL)


def _large(_):
    return _dice_of(LARGE)


def _both_together(_):
    true, drawn = (np.concatenate([_square(side, rim) for side in (SMALL, LARGE)]) for rim in (0, 1))
    mean = (_small(None).expected + _large(None).expected) / 2
    dice = overlap.dice(true, drawn)
    return Task(
        dice,
        "Add up the areas of both lesions before you divide.",
        ((mean, "That is the mean over lesions, in which both weigh the same."),
         (_large(None).expected, "That is the large lesion alone."),
         (100 * dice, AS_A_FRACTION)),
    )  # fmt: skip


def _fitting_patients(_):
    return nearest_cases(
        PRINTED_SEVERE,
        read_number(PRINTED_SENSITIVITY, "%").share,
        "A whole number of patients was found. Try numbers of severe patients near the printed one: does any count, "
        "divided by it, round to the printed digits?",
    )


def _pooled(_):
    sizes, means = zip(*GROUPS, strict=True)
    return Task(
        float(np.average(means, weights=sizes)),
        "What is the sum of all ages, and how many patients are there?",
        ((float(np.mean(means)), "That is the mean of the two means; the groups differ in size."),
         (float(np.average(means, weights=sizes[::-1])), "Each mean goes with the size of its own group.")),
    )  # fmt: skip


TASKS = {
    "1.1": _column, "1.2": _whole_in_one_section, "1.3": _thinnest_seen, "2.1": _neighbour, "2.2": _weights,
    "3.1": _small, "3.2": _large, "3.3": _both_together, "7.1": _fitting_patients, "7.2": _pooled,
}  # fmt: skip
