"""Check that voxel values are Hounsfield units of a chest CT, by their histogram; round and clip them.

A network or a threshold takes -850 for lung and 40 for tissue, whatever the values mean. Data that were windowed,
converted to eight bits or stored without their rescale intercept would give wrong volumes without any warning, so
they are refused here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from study.scans.grid import ScanError

LOWEST_HU, HIGHEST_HU = -1024, 3071  # the 12-bit range of a CT; lower values are padding, higher ones metal
AIR_BELOW_HU, TISSUE_ABOVE_HU = -500, -200
SMALLEST_SHARE = 0.02  # of voxels that are air, and of voxels that are tissue, in any scan that shows a chest
MOST_SATURATED = 0.003  # of voxels at the highest value; bone above a display window's edge makes 1 % and more
SATURATION_BELOW_HU = 1000  # a scan cut off above this has lost nothing that is measured here
MOST_BEYOND = 0.02  # of voxels above the range: metal fills less, and bytes read in a wrong order far more
FEW_VALUES = 64  # a drawn test object; a scanned volume has noise and hundreds of values


class HounsfieldCheck:
    """Rounds and clips a scan section by section, and checks at the end whether the values can be HU.

    Parameters
    ----------
    path : str or pathlib.Path
        Named in the messages.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.lowest, self.highest = np.inf, -np.inf
        self._beyond, self._are_whole = 0, True
        self._counts = np.zeros(HIGHEST_HU - LOWEST_HU + 1, np.int64)

    def to_int16(self, section: np.ndarray, name: str) -> np.ndarray:
        """Round to the nearest integer (halves to even) and clip to [-1024, 3071].

        Parameters
        ----------
        section : numpy.ndarray
            (j, i), of any real type.
        name : str
            Name of the section in the message.

        Raises
        ------
        ScanError
            If a value is NaN or infinite.
        """
        lowest, highest = float(section.min()), float(section.max())
        if not (np.isfinite(lowest) and np.isfinite(highest)):  # NaN propagates through min and max
            raise ScanError(
                self.path,
                f"{name} holds values that are not finite (NaN or infinity)",
                "export the scan again; if NaN marks the outside of the patient, write -1024 there",
            )
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        self._beyond += np.count_nonzero(section > HIGHEST_HU) if highest > HIGHEST_HU else 0
        hu = section
        if section.dtype.kind == "f":
            hu = np.rint(section)
            self._are_whole = self._are_whole and np.array_equal(hu, section)
        hu = np.clip(hu, LOWEST_HU, HIGHEST_HU).astype(np.int16)
        self._counts += np.bincount((hu.ravel() - LOWEST_HU), minlength=len(self._counts))
        return hu

    def verdict(self) -> None:
        """Raise ScanError if what was seen cannot be a chest in HU; the message says why."""
        values = np.flatnonzero(self._counts) + LOWEST_HU
        share = self._counts / self._counts.sum()
        air = share[: AIR_BELOW_HU - LOWEST_HU].sum()
        tissue = share[TISSUE_ABOVE_HU - LOWEST_HU + 1 :].sum()
        span = f"the values run from {self.lowest:g} to {self.highest:g}"
        if self.highest > np.iinfo(np.int16).max:
            self._refuse(
                f"{span}, which no CT reaches: padding of -2000 read as unsigned 63536?",
                "convert the scan again from its DICOM files, which give the padding value",
            )
        if (beyond := self._beyond / self._counts.sum()) > MOST_BEYOND:
            self._refuse(f"{beyond:.1%} of the voxels are above {HIGHEST_HU} HU; {span}", "give the CT in HU")
        if self.lowest == self.highest:
            mask = ", or put it into lung_mask or infection_mask if it is an empty mask" * (self.lowest == 0)
            self._refuse(f"every voxel is {self.lowest:g}", f"export the scan again{mask}")
        if self._are_whole and 0 <= self.lowest and self.highest <= 255 and len(values) <= FEW_VALUES:
            self._refuse(
                f"{len(values)} different values, from {self.lowest:g} to {self.highest:g}: this looks like a mask",
                "put it into lung_mask or infection_mask, and the CT here",
            )
        if air < SMALLEST_SHARE:
            self._refuse(*self._without_air(span, air))
        if tissue < SMALLEST_SHARE:
            self._refuse(
                f"only {tissue:.1%} of the voxels are above {TISSUE_ABOVE_HU} HU (tissue); {span}",
                "give the whole CT in HU, neither cropped nor masked",
            )
        if len(values) <= FEW_VALUES:
            return
        air_values = values[values < AIR_BELOW_HU]
        if len(air_values) == 1:
            self._refuse(
                f"the only value below {AIR_BELOW_HU} HU is {air_values[0]}: padding, not air; {span}",
                "apply the rescale intercept (usually -1024) and convert again",
            )
        saturated = share[values[-1] - LOWEST_HU]
        if values[-1] < SATURATION_BELOW_HU and saturated > MOST_SATURATED:
            self._refuse(
                f"{saturated:.1%} of the voxels have the highest value, {self.highest:g}: cut off at a display window",
                "give the CT before windowing, in HU",
            )

    def _without_air(self, span: str, air: float) -> tuple[str, str]:
        if self.lowest >= -1.5 and self.highest <= 1.5:
            return f"{span}: they were normalised", "give the CT before normalisation, in HU"
        if self.lowest >= 0 and self.highest <= 255:
            return f"{span}: an 8-bit image, already windowed", "give the CT as the scanner made it, in HU"
        if self.lowest >= 0:
            return (
                f"{span}, none negative: stored values without the rescale intercept?",
                "apply the rescale slope and intercept (usually -1024) and convert again",
            )
        return (
            f"only {air:.1%} of the voxels are below {AIR_BELOW_HU} HU (air and lung); {span}: "
            "already windowed, or no chest CT",
            "give the whole CT as the scanner made it, in HU",
        )

    def _refuse(self, what: str, remedy: str):
        raise ScanError(self.path, f"the voxels are not a chest in HU: {what}", remedy)
