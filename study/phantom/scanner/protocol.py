"""How a scan is acquired and reconstructed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from study.phantom.request import RequestError, check_word, is_whole
from study.phantom.scanner.acquisition import PROFILES
from study.phantom.scanner.reconstruction import KERNELS, noise_hu, noise_power

# Layers in which the tissue is drawn along the body: never thicker than the first, never thinner than the second.
THICKEST_LAYER_MM, THINNEST_LAYER_MM = 1.5, 0.6
THICKEST_SECTION_MM = 20.0
MATRICES = (16, 2048)
WIDEST_FIELD_MM = 1000.0
HIGHEST_VOLTAGE_KV = 1000.0


def check_matrix(name: str, matrix: int) -> None:
    """Refuse a number of pixels across and down that no scan can have."""
    least, most = MATRICES
    if not is_whole(matrix) or not least <= matrix <= most:
        raise RequestError(f"{{{name}}} must be a whole number of pixels, {least} to {most}", {name: matrix})


@dataclass(frozen=True)
class Geometry:
    """Where the pixels and sections of a scan lie.

    Parameters
    ----------
    matrix : int
        Pixels across and down, 16 to 2048; 512 in the paper.
    field_of_view_mm : float
        1000 at most; 350 in the paper.
    slice_thickness_mm : float
        Full width at half maximum of the section's profile; 0.6 to 20 mm; 10 in the paper.
    increment_mm : float
        From one section to the next, 20 at most; 5 in the paper.
    profile : {"helical", "rectangular"}
        Of a section's sensitivity; see `acquisition.section_weights`.

    Raises
    ------
    RequestError
        If no scan can be acquired in this way.
    """

    matrix: int = 128
    field_of_view_mm: float = 350.0
    slice_thickness_mm: float = 10.0
    increment_mm: float = 10.0
    profile: str = "helical"

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        check_matrix("matrix", self.matrix)
        if not THINNEST_LAYER_MM <= self.slice_thickness_mm <= THICKEST_SECTION_MM:
            raise RequestError(
                f"{{slice_thickness_mm}} must be between {THINNEST_LAYER_MM:g} and {THICKEST_SECTION_MM:g}: tissue is "
                f"drawn in layers of {THINNEST_LAYER_MM:g} mm or more",
                vars(self),
            )
        self._check_above_zero(field_of_view_mm=WIDEST_FIELD_MM, increment_mm=THICKEST_SECTION_MM)
        check_word("profile", self.profile, PROFILES)

    def _check_above_zero(self, **largest: float):
        for name, most in largest.items():
            value = getattr(self, name)
            if not 0 < value <= most:
                limit = "" if math.isinf(most) else f" and at most {most:g}"
                raise RequestError(f"{{{name}}} must be above 0{limit}", vars(self))


@dataclass(frozen=True)
class Protocol(Geometry):
    """How a scan is acquired and reconstructed: the geometry, the tube and the kernel.

    Parameters
    ----------
    kernel : {"smooth", "soft", "sharp"}
        See `reconstruction.KERNELS`.
    tube_current_mas : float
        Noise falls with one over its square root; infinite for a scan without noise.
    tube_voltage_kv : float
        1000 at most.
    padded : bool
        -1024 HU outside the circle that the field of view holds, as GE's scanners write.
    """

    kernel: str = "soft"
    tube_current_mas: float = 50.0
    tube_voltage_kv: float = 120.0
    padded: bool = False

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        super().__post_init__()
        self._check_above_zero(tube_current_mas=math.inf, tube_voltage_kv=HIGHEST_VOLTAGE_KV)
        check_word("kernel", self.kernel, KERNELS)

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
