"""From tissue to sections: the patient's position and breath, and the section's profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.body.fields import Grid, cubic_taps, generator

PROFILES = ("helical", "rectangular")
PITCH = 1.1  # table feed per rotation over collimation; the paper's scanner: 0.99-1.22


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


# ------------------------------------------------------------------ through the plane


def section_positions(edges_mm: np.ndarray, thickness_mm: float, increment_mm: float) -> np.ndarray:
    """Centres of the sections whose nominal thickness is wholly inside the tissue, caudal to cranial."""
    first, last = edges_mm[0] + thickness_mm / 2, edges_mm[-1] - thickness_mm / 2
    return np.arange(first, last + 1e-6, increment_mm)


def profile_integral(z_mm: np.ndarray, thickness_mm: float, profile: str) -> np.ndarray:
    """Part of a section's sensitivity below a height ``z_mm`` relative to its centre, 0..1.

    "rectangular" is a table at rest. "helical" is single-row spiral CT with 180 degree linear interpolation: the
    collimation's rectangle convolved with a triangle as wide at its base as the table feed per rotation, which makes
    a bell. Its full width at half maximum is the collimation, at a tenth of the maximum 1.6 times that (pitch 1.1).

    References
    ----------
    Polacin A, Kalender WA, Marchal G. Evaluation of section sensitivity profiles and image noise in spiral CT.
    Radiology 1992;185:29-35.
    """
    z_mm = np.asarray(z_mm, float)
    if profile == "rectangular":
        return np.clip(z_mm / thickness_mm + 0.5, 0, 1)
    base = PITCH * thickness_mm / 2
    reach = thickness_mm / 2 + base
    z_mm = np.clip(z_mm, -reach, reach)

    def integral(u):
        """Integral of the triangle's own integral, u in units of half its base."""
        inner = np.clip(u, -1, 1)
        cubic = np.where(inner < 0, (1 + inner) ** 3 / 6, inner + (1 - inner) ** 3 / 6)
        return base * (cubic + np.maximum(u - 1, 0))

    low, high = (z_mm - thickness_mm / 2) / base, (z_mm + thickness_mm / 2) / base
    return (integral(high) - integral(low)) / thickness_mm


def section_weights(
    edges_mm: np.ndarray, centres_mm: np.ndarray, thickness_mm: float, profile: str = "helical"
) -> np.ndarray:
    """Matrix (sections, layers): the share of each section's sensitivity that each tissue layer has.

    ``edges_mm`` are the layers' borders, rising. Rows sum to one: the first and last layer extend beyond the tissue.
    """
    below = profile_integral(np.asarray(edges_mm)[None, :] - centres_mm[:, None], thickness_mm, profile)
    below[:, 0], below[:, -1] = 0.0, 1.0
    return np.diff(below, axis=1).astype(np.float32)


def cut_sections(tissue: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average the layers of tissue (layers, y, x) into sections (sections, y, x) by `section_weights`."""
    flat = tissue.reshape(len(tissue), -1)
    out = np.empty((len(weights), flat.shape[1]), np.float32)
    for row, section in zip(weights, out, strict=True):
        seen = np.flatnonzero(row)
        layers = slice(seen[0], seen[-1] + 1)
        np.matmul(row[layers], flat[layers], out=section)
    return out.reshape(-1, *tissue.shape[1:])


# ------------------------------------------------------------------ in the plane


def place(sections: np.ndarray, grid: Grid, pose: Pose, squeeze: float = 1.0) -> np.ndarray:
    """Move sections (z, y, x) to the pose by cubic interpolation, edges repeated; ``squeeze`` scales the chest."""
    (least_y, weights_y), (least_x, weights_x) = (
        _shifts(centres, shift, pose.zoom * squeeze)
        for centres, shift in zip((grid.y, grid.x), pose.shift_mm, strict=True)
    )
    _, ny, nx = sections.shape
    before_y, before_x = max(-least_y, 0), max(-least_x, 0)
    high, wide = (
        before + n + max(least + len(weights) - 1, 0)
        for before, n, least, weights in ((before_y, ny, least_y, weights_y), (before_x, nx, least_x, weights_x))
    )
    rows, columns = slice(before_y, before_y + ny), slice(before_x, before_x + nx)
    # Rows follow each other in memory, so that along x too a shift is one piece, which takes a third of the time. What
    # it moves from row to row has no weight.
    weights_y = np.repeat(weights_y, wide, axis=1)
    weights_x = np.tile(np.pad(weights_x, [(0, 0), (0, wide - nx)]), ny)[:, : (ny - 1) * wide + nx]
    placed = np.empty(sections.shape, np.float32)
    padded = np.empty((high, wide), np.float32)
    along_y, along_x, product = np.empty((3, ny * wide), np.float32)
    for section, out in zip(sections, placed, strict=True):  # one at a time, which fits a CPU's cache
        padded[rows, columns] = section
        padded[rows, : columns.start], padded[rows, columns.stop :] = section[:, :1], section[:, -1:]
        padded[: rows.start], padded[rows.stop :] = padded[rows.start], padded[rows.stop - 1]
        _sum_shifted(padded.ravel(), (least_y + before_y) * wide, wide, weights_y, along_y, product)
        _sum_shifted(along_y, least_x + before_x, 1, weights_x, along_x, product)
        out[...] = along_x.reshape(ny, wide)[:, :nx]
    return placed


def _sum_shifted(values: np.ndarray, start: int, step: int, weights: np.ndarray, out: np.ndarray, product) -> None:
    """Sum ``values`` from ``start``, each time ``step`` further on, times ``weights`` (times, n), into ``out``."""
    n = weights.shape[1]
    np.multiply(values[start : start + n], weights[0], out=out[:n])
    for first, weight in enumerate(weights[1:], start=1):
        first = start + first * step
        out[:n] += np.multiply(values[first : first + n], weight, out=product[:n])


def _shifts(centres: np.ndarray, shift_mm: float, zoom: float) -> tuple[int, np.ndarray]:
    """What moves along an axis: how many pixels the first shift is, and the weights (shifts, pixels) from it on.

    A pose is nearly a shift, so few are enough for the four taps of all pixels.
    """
    first, taps = cubic_taps((centres - shift_mm) / zoom, centres)
    pixels = np.arange(len(centres))
    least = int((first - pixels).min())
    weights = np.zeros((int((first - pixels).max()) - least + len(taps), len(centres)), np.float32)
    for k, tap in enumerate(taps):
        weights[first + k - pixels - least, pixels] = tap
    return least, weights
