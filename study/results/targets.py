"""The targets for the networks, and whether a number reaches its target.

The targets below are the project's own, set before the networks were trained and evaluated; they are not from a
guideline. The verdict is on the estimate; where it reaches the target and its interval goes beyond it, the verdict
says so.
"""

from dataclasses import dataclass

import numpy as np

REACHED, NOT_SHOWN, MISSED, NOT_ENOUGH = "reached", "reached, not shown", "missed", "not enough data"


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

    def verdict(self, number, n, low=np.nan, high=np.nan):
        """Return the verdict on a number and, where it has one, on its interval from `low` to `high`.

        "reached"; "reached, not shown" where an end of the interval does not reach the target; "missed"; or, where the
        number is undefined or rests on too few, "not enough data".
        """
        if n < self.least_n or not np.isfinite(number):
            return NOT_ENOUGH
        if not self._reached(number):
            return MISSED
        return REACHED if all(self._reached(end) for end in (low, high) if not np.isnan(end)) else NOT_SHOWN

    def _reached(self, number):
        return {
            "at least": number >= self.bound, "at most": number <= self.bound, "within": abs(number) <= self.bound,
        }[self.rule]  # fmt: skip

    def __str__(self):
        """In signs, such as ``≥ 0.80``."""
        sign = {"at least": "≥ ", "at most": "≤ ", "within": "±"}[self.rule]
        return f"{sign}{self.bound:g}"


TARGETS = {
    # Phantoms that training never saw.
    "infection_dice": Target("at least", 0.82),
    "infection_dice_sd": Target("at most", 0.14),
    "lung_dice": Target("at least", 0.987),
    "lung_surface_dice": Target("at least", 0.97),
    "lung_surface_voxel_share": Target("at least", 0.95),
    "lung_dice_worst": Target("at least", 0.97),
    "lesion_sensitivity": Target("at least", 0.90),  # of lesions of 1 ml or more
    "false_lesions": Target("at most", 1.0),  # a scan, of 1 ml or more
    "healthy_share": Target("at least", 0.99, least_n=100),  # of healthy scans, those with a POI below 0.5 %
    "poi_bias": Target("within", 0.5),  # percentage points
    "poi_bias_large": Target("within", 2.0),  # of scans whose true POI is 30 % and more
    "poi_correlation": Target("at least", 0.99),
    "network_less_observers": Target("at least", 0.0),  # Dice of network and observer, less that of both observers
    # The same patients scanned otherwise: infection Dice, the best condition less this one.
    "shift_fall": Target("at most", 0.03),
    "motion_fall": Target("at most", 0.05),
    # A real scan whose sections are flagged by radiologists; n are its sections, here and below.
    "section_auc": Target("at least", 0.98),
    "share_in_the_ill_lung": Target("at least", 0.97),
    "real_lung_dice": Target("at least", 0.98),
    # Other real scans: clear lungs, one of them with head and arms beside it, and lungs that people drew.
    "clear_poi": Target("at most", 0.5),  # %
    "clear_poi_head_and_arms": Target("at most", 1.0),
    "lung_outside_the_body": Target("at most", 0.05),  # ml, printed as 0.0
    "drawn_lung_dice": Target("at least", 0.965),
    "drawn_aerated_lung_dice": Target("at least", 0.985),  # of voxels below -500 HU
    "dicom_difference": Target("at most", 1e-6),  # relative; NIfTI keeps spacings in single precision
}
