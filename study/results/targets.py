"""The targets for the networks, and whether a number reaches its target.

The targets below are the project's own, set before the networks were trained and evaluated; they are not from a
guideline. The verdict is on the estimate itself; the tables give its interval as well.
"""

from dataclasses import dataclass

import numpy as np

REACHED, MISSED, NOT_ENOUGH = "reached", "missed", "not enough data"


@dataclass(frozen=True)
class Target:
    """A bound on a number.

    Attributes
    ----------
    rule : {"at least", "at most", "within"}
        "within": at most the bound away from 0, on either side.
    bound : float
    least_n : int
        With fewer scans than this (fewer sections, for a single scan) nothing is concluded.
    """

    rule: str
    bound: float
    least_n: int = 10

    def verdict(self, number, n):
        """Return "reached", "missed" or, where the number is undefined or rests on too few, "not enough data"."""
        if n < self.least_n or not np.isfinite(number):
            return NOT_ENOUGH
        reached = {
            "at least": number >= self.bound, "at most": number <= self.bound, "within": abs(number) <= self.bound,
        }[self.rule]  # fmt: skip
        return REACHED if reached else MISSED

    def __str__(self):
        """In signs, such as ``≥ 0.80``."""
        sign = {"at least": "≥ ", "at most": "≤ ", "within": "±"}[self.rule]
        return f"{sign}{self.bound:g}"


TARGETS = {
    # Phantoms that training never saw.
    "infection_dice": Target("at least", 0.80),
    "infection_dice_sd": Target("at most", 0.15),
    "lung_dice": Target("at least", 0.985),
    "lung_surface_dice": Target("at least", 0.95),  # set for the count of surface voxels; surface Dice weights by area
    "lung_dice_worst": Target("at least", 0.95),
    "lesion_sensitivity": Target("at least", 0.90),  # of lesions of 1 ml or more
    "false_lesions": Target("at most", 1.0),  # a scan, of 1 ml or more
    "healthy_share": Target("at least", 0.99, least_n=100),  # of healthy scans, those with a POI below 1 %
    "poi_bias": Target("within", 0.5),  # percentage points
    "poi_correlation": Target("at least", 0.97),
    "network_less_observers": Target("at least", 0.0),  # Dice of network and observer, less that of both observers
    # The same patients scanned otherwise: infection Dice, the best condition less this one.
    "shift_fall": Target("at most", 0.05),
    # A real scan whose sections are flagged by radiologists; n are its sections.
    "section_auc": Target("at least", 0.97),
    "share_in_the_ill_lung": Target("at least", 0.95),
    "real_lung_dice": Target("at least", 0.98),
    "dicom_difference": Target("at most", 1e-6),  # relative; NIfTI keeps spacings in single precision
}
