"""From tissue to sections: positioning, breathing, section thickness, kernel and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.fields import Grid, generator, linear_weights, resample

# Width of the in-plane blur (standard deviation, mm) and edge enhancement of the reconstruction kernels.
KERNELS = {"soft": (1.0, 0.0), "sharp": (0.55, 0.35)}


@dataclass(frozen=True)
class Pose:
    """How a patient lies and breathes at one visit.

    ``shift_mm`` (y, x); ``zoom`` of the chest in plane; ``lower_mm`` by how much the diaphragm is lower than
    at the first visit (deeper breath); ``density`` HU added to the lung, since the same tissue fills another
    volume.
    """

    shift_mm: tuple[float, float]
    zoom: float
    lower_mm: float
    density: float


def draw_pose(patient_seed, visit: int) -> Pose:
    """Draw how the patient lies and breathes at a visit."""
    rng = generator(patient_seed, "pose", visit)
    lower = rng.normal(0, 4.0)
    return Pose(
        (float(rng.normal(0, 3.0)), float(rng.normal(0, 3.0))),
        float(1 + 0.0015 * lower + rng.normal(0, 0.003)),
        float(lower),
        float(-2.2 * lower + rng.normal(0, 3)),
    )


def breathe(z_mm: np.ndarray, lower_mm: float) -> np.ndarray:
    """Return where tissue at height z lies when the diaphragm is ``lower_mm`` deeper; apices stay."""
    return z_mm - lower_mm * np.clip((60 - z_mm) / 150, 0, 1.6)


def section_positions(edges_mm: np.ndarray, thickness_mm: float, increment_mm: float) -> np.ndarray:
    """Centres of the sections that lie wholly inside the tissue, caudal to cranial."""
    first, last = edges_mm[0] + thickness_mm / 2, edges_mm[-1] - thickness_mm / 2
    return np.arange(first, last + 1e-6, increment_mm)


def section_weights(edges_mm: np.ndarray, centres_mm: np.ndarray, thickness_mm: float) -> np.ndarray:
    """Matrix (sections, layers): the share of each section's thickness that each tissue layer fills.

    ``edges_mm`` are the layers' borders, rising. Rows sum to one where a section lies within the tissue; the
    first and last layer go on beyond it.
    """
    edges = np.asarray(edges_mm, float).copy()
    edges[0], edges[-1] = (
        min(edges[0], centres_mm[0] - thickness_mm),
        max(edges[-1], centres_mm[-1] + thickness_mm),
    )
    low, high = centres_mm[:, None] - thickness_mm / 2, centres_mm[:, None] + thickness_mm / 2
    overlap = np.clip(np.minimum(edges[None, 1:], high) - np.maximum(edges[None, :-1], low), 0, None)
    return (overlap / thickness_mm).astype(np.float32)


def blur_weights(count: int, pixel_mm: float, kernel: str) -> np.ndarray:
    """Matrix (count, count) of the kernel's blur along one axis, edges repeated."""
    sigma, enhancement = KERNELS[kernel]
    offsets = np.arange(-8, 9)

    def gauss(width):
        # Averaged over the pixel, so that a blur much finer than a pixel leaves the pixel as it is.
        fine = (np.arange(-8 * 9 - 4, 8 * 9 + 5) / 9.0) * pixel_mm
        profile = np.exp(-(fine**2) / (2 * width**2)).reshape(17, 9).sum(axis=1)
        return profile / profile.sum()

    taps = (1 + enhancement) * gauss(sigma) - enhancement * gauss(sigma + 1.6)
    weights = np.zeros((count, count), np.float32)
    rows = np.arange(count)
    for offset, tap in zip(offsets, taps, strict=True):
        np.add.at(weights, (rows, np.clip(rows + offset, 0, count - 1)), tap)
    return weights


def plane_weights(grid: Grid, pose: Pose, kernel: str | None, squeeze: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Matrices along y and x that move the patient to the pose and blur by the kernel (None: no blur)."""
    weights = []
    for axis, shift in ((grid.y, pose.shift_mm[0]), (grid.x, pose.shift_mm[1])):
        move = linear_weights((axis - shift) / (pose.zoom * squeeze), axis)
        weights.append(move if kernel is None else blur_weights(len(axis), grid.spacing_mm[1], kernel) @ move)
    return weights[0], weights[1]


def noise(patient_seed, visit: int, shape, pixel_mm: float, kernel: str, noise_hu: float) -> np.ndarray:
    """Draw noise (sections, y, x) of the wanted standard deviation, correlated in plane by the kernel."""
    rng = generator(patient_seed, "noise", visit)
    sigma, _ = KERNELS[kernel]
    white = rng.standard_normal(shape, dtype=np.float32)
    weights = [
        blur_weights(n, max(pixel_mm * 0.6, 0.3), kernel) if sigma < pixel_mm else blur_weights(n, pixel_mm, kernel)
        for n in shape[1:]
    ]
    power = [float(np.sqrt((w[len(w) // 2] ** 2).sum())) for w in weights]
    return resample(white, np.eye(shape[0], dtype=np.float32), *weights) * np.float32(noise_hu / (power[0] * power[1]))


def motion_phases(
    motion: float, centres_mm: np.ndarray, rng: np.random.Generator
) -> list[tuple[float, np.ndarray, float]]:
    """Draw the phases of a breath: (share, mm the diaphragm is lower at each section, squeeze in plane).

    Each section is a mean of two or three phases of a breath, so borders come double and the bases blur.
    """
    amplitude = 15.0 * motion
    beat = np.sin(2 * np.pi * centres_mm / rng.uniform(50, 90) + rng.uniform(0, 2 * np.pi))
    apart = rng.uniform(0.35, 0.65)
    return [
        (apart, amplitude * (0.35 + 0.45 * beat), 1 + 0.012 * motion),
        (1 - apart, -amplitude * (0.35 - 0.45 * beat), 1 - 0.014 * motion),
    ]
