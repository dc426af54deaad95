"""How a scan is acquired and reconstructed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from study.phantom.scanner.acquisition import PROFILES
from study.phantom.scanner.reconstruction import KERNELS, noise_hu, noise_power

# Layers in which the tissue is drawn along the body: never thicker than the first, never thinner than the second.
THICKEST_LAYER_MM, THINNEST_LAYER_MM = 1.5, 0.6
THICKEST_SECTION_MM = 20.0
MATRICES = (16, 2048)
WIDEST_FIELD_MM = 1000.0


@dataclass(frozen=True)
class Protocol:
    """How a scan is acquired and reconstructed.

    Parameters
    ----------
    matrix : int
        Pixels across and down, 16 to 2048; 512 in the paper.
    field_of_view_mm : float
        1000 at most.
    slice_thickness_mm : float
        Full width at half maximum of the section's profile; 0.6 to 20 mm.
    increment_mm : float
        From one section to the next, 20 at most.
    profile : {"helical", "rectangular"}
        See `acquisition.section_weights`.
    kernel : {"smooth", "soft", "sharp"}
        See `reconstruction.KERNELS`.
    tube_current_mas, tube_voltage_kv : float
        Noise falls with one over the square root of the first; infinite for a scan without noise.
    padded : bool
        -1024 HU outside the circle that the field of view holds, as GE's scanners write.

    Raises
    ------
    ValueError
        For what no scan can be made of.
    """

    matrix: int = 128
    field_of_view_mm: float = 350.0
    slice_thickness_mm: float = 10.0
    increment_mm: float = 10.0
    profile: str = "helical"
    kernel: str = "soft"
    tube_current_mas: float = 50.0
    tube_voltage_kv: float = 120.0
    padded: bool = False

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        whole = isinstance(self.matrix, (int, np.integer)) and not isinstance(self.matrix, bool)
        if not whole or not MATRICES[0] <= self.matrix <= MATRICES[1]:
            raise ValueError(
                f"matrix must be a whole number of pixels, {MATRICES[0]} to {MATRICES[1]}, not {self.matrix!r}"
            )
        if not THINNEST_LAYER_MM <= self.slice_thickness_mm <= THICKEST_SECTION_MM:
            raise ValueError(
                f"slice_thickness_mm must lie in {THINNEST_LAYER_MM:g}..{THICKEST_SECTION_MM:g}, not "
                f"{self.slice_thickness_mm!r}: tissue is drawn in layers of {THINNEST_LAYER_MM:g} mm or more"
            )
        largest = dict(field_of_view_mm=WIDEST_FIELD_MM, increment_mm=THICKEST_SECTION_MM, tube_voltage_kv=math.inf)
        for name, most in largest.items():
            if not 0 < getattr(self, name) <= most or math.isinf(getattr(self, name)):
                raise ValueError(f"{name} must be above 0 and at most {most:g}, not {getattr(self, name)!r}")
        if not self.tube_current_mas > 0:
            raise ValueError(f"tube_current_mas must be above 0, not {self.tube_current_mas!r}")
        for name, known in (("profile", PROFILES), ("kernel", tuple(KERNELS))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, not {getattr(self, name)!r}")

    @property
    def pixel_mm(self) -> float:
        """Edge of a pixel."""
        return self.field_of_view_mm / self.matrix

    @property
    def fine_mm(self) -> float:
        """Thickness of a layer of tissue along the body: half a section, from 0.6 to 1.5 mm."""
        return float(min(max(self.slice_thickness_mm / 2, THINNEST_LAYER_MM), THICKEST_LAYER_MM))

    @property
    def noise_power(self) -> float:
        """Factor A of the noise power spectrum, HU^2 mm^3."""
        return noise_power(self.slice_thickness_mm, self.tube_current_mas, self.tube_voltage_kv)

    @property
    def noise_hu(self) -> float:
        """Standard deviation of the noise in the scan's pixels."""
        return noise_hu(self.kernel, self.matrix, self.pixel_mm, self.noise_power)
