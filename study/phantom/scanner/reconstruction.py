"""From averaged sections to the image: resolution and noise of the kernel, whole HU, padding.

A kernel is one transfer function H(f), f in cycles/mm. It is the resolution (MTF) of the image, and the noise power
spectrum follows from it: filtered back projection weighs the projections' white noise with the ramp |f| and with H, so
that NPS(f) = A |f| H(f)^2, with A falling as one over tube current times section thickness.

Pixels are the mean of the image over their area. A coarse matrix therefore shows less noise than a fine one, as does a
scan that is resampled to larger pixels.

References
----------
Riederer SJ, Pelc NJ, Chesler DA. The noise power spectrum in computed X-ray tomography. Phys Med Biol 1978;23:446-454.
Kijewski MF, Judy PF. The noise power spectrum of CT images. Phys Med Biol 1987;32:565-575.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

LOWEST_HU, HIGHEST_HU = -1024, 3071
AT_ONCE = 16  # sections transformed together
# What an ordinary chest scan has: HU in pixels of 350 mm / 512 at 50 mAs, 120 kV, 10 mm, soft kernel; assumed
REFERENCE_NOISE_HU, REFERENCE_MAS, REFERENCE_KV, REFERENCE_MM, REFERENCE_PIXEL_MM = 12.0, 50.0, 120.0, 10.0, 350 / 512
# The tube's output and the transmission through the patient rise with the voltage; assumed
VOLTAGE_EXPONENT = 1.3


@dataclass(frozen=True)
class Kernel:
    """H(f) = (1 + e) exp(-(f/cutoff)^2) - e exp(-(f/base)^2): a Gaussian, for e > 0 with raised middle frequencies."""

    cutoff: float  # cycles/mm
    enhancement: float = 0.0  # e
    base: float = 1.0  # cycles/mm

    def transfer(self, frequency: np.ndarray) -> np.ndarray:
        """Return the MTF at spatial frequencies in cycles/mm; 1 at 0."""
        f2 = np.square(frequency)
        gain = (1 + self.enhancement) * np.exp(-f2 / self.cutoff**2)
        return gain - self.enhancement * np.exp(-f2 / self.base**2) if self.enhancement else gain


# The MTF falls to a half and a tenth at 0.30 and 0.55 cycles/mm (smooth), 0.40 and 0.73 (soft), 0.70 and 1.08 (sharp):
# of the order of what vendors give for smooth kernels and for a chest's soft-tissue and lung kernels; assumed. No
# training set has the first: networks are tested on it.
KERNELS = {"smooth": Kernel(0.36), "soft": Kernel(0.48), "sharp": Kernel(0.65, 0.6, 0.25)}


@lru_cache(maxsize=8)
def noise_spectrum(kernel: str, matrix: int, pixel_mm: float) -> np.ndarray:
    """Noise power of the pixels, up to the factor A, at `rfft2`'s frequencies: (matrix, matrix // 2 + 1).

    The image's spectrum times that of a pixel's area; what is above the pixels' highest frequency is aliased.
    """
    edge = KERNELS[kernel].cutoff * 1.9  # beyond it H^2 is below a thousandth
    folds = np.arange(-int(np.ceil(edge * pixel_mm)), int(np.ceil(edge * pixel_mm)) + 1) / pixel_mm
    fy, fx = fft.fftfreq(matrix, pixel_mm), fft.rfftfreq(matrix, pixel_mm)
    total = np.zeros((len(fy), len(fx)))
    for shift_y in folds:
        for shift_x in folds:
            y, x = (fy + shift_y)[:, None], (fx + shift_x)[None, :]
            if np.hypot(np.abs(y).min(), np.abs(x).min()) > edge:
                continue
            f = np.hypot(y, x)
            pixel = np.square(np.sinc(y * pixel_mm) * np.sinc(x * pixel_mm))
            total += f * np.square(KERNELS[kernel].transfer(f)) * pixel
    total.setflags(write=False)
    return total


def _variance(kernel: str, matrix: int, pixel_mm: float) -> float:
    """Integral of `noise_spectrum` over all frequencies."""
    spectrum = noise_spectrum(kernel, matrix, pixel_mm)
    # The half spectrum stands for the other half too, but for its first column and, for an even matrix, its last.
    twice = np.full(spectrum.shape[1], 2.0)
    twice[0] = 1
    if matrix % 2 == 0:
        twice[-1] = 1
    return float((spectrum * twice).sum()) / (matrix * pixel_mm) ** 2


def noise_power(slice_thickness_mm: float, tube_current_mas: float, tube_voltage_kv: float) -> float:
    """A of the noise power spectrum in HU^2 mm^3; 0 with an infinite tube current."""
    dose = tube_current_mas / REFERENCE_MAS * (tube_voltage_kv / REFERENCE_KV) ** (2 * VOLTAGE_EXPONENT)
    reference = REFERENCE_NOISE_HU**2 / _variance("soft", 512, REFERENCE_PIXEL_MM)
    return reference / (dose * slice_thickness_mm / REFERENCE_MM)


def noise_hu(kernel: str, matrix: int, pixel_mm: float, power: float) -> float:
    """Standard deviation (HU) of the noise in a scan's pixels; ``power`` from `noise_power`."""
    return float(np.sqrt(power * _variance(kernel, matrix, pixel_mm)))


def reconstruct(
    sections: np.ndarray, pixel_mm: float, kernel: str, power: float, rng: np.random.Generator
) -> np.ndarray:
    """Give sections (z, y, x) of HU averaged over pixels the kernel's resolution, and noise; float32.

    Images are treated as periodic: at their borders there is air, or as much of the patient on both sides.
    """
    matrix = sections.shape[-1]
    fy, fx = fft.fftfreq(matrix, pixel_mm), fft.rfftfreq(matrix, pixel_mm)
    transfer = KERNELS[kernel].transfer(np.hypot(fy[:, None], fx)).astype(np.float32)
    amplitude = (np.sqrt(power * noise_spectrum(kernel, matrix, pixel_mm)) / pixel_mm).astype(np.float32)
    out = np.empty(sections.shape, np.float32)
    for first in range(0, len(sections), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        spectrum = fft.rfft2(sections[some])
        spectrum *= transfer
        if power > 0:
            noise = fft.rfft2(rng.standard_normal(out[some].shape, dtype=np.float32))
            noise *= amplitude
            spectrum += noise
        out[some] = fft.irfft2(spectrum, s=sections.shape[1:], overwrite_x=True)
    return out


def quantise(image: np.ndarray, padded: bool) -> np.ndarray:
    """Round to whole HU within 12 bits, int16; ``padded``: -1024 outside the circle that the matrix holds."""
    hu = np.rint(image)
    hu = np.clip(hu, LOWEST_HU, HIGHEST_HU, out=hu).astype(np.int16)
    if padded:
        centred = np.arange(hu.shape[-1]) - (hu.shape[-1] - 1) / 2
        hu[:, np.square(centred)[:, None] + np.square(centred) > (hu.shape[-1] / 2) ** 2] = LOWEST_HU
    return hu
