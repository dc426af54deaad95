"""One simulated CT scan of one patient at one visit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.phantom.acquisition import (
    KERNELS,
    Pose,
    breathe,
    draw_pose,
    motion_phases,
    noise,
    plane_weights,
    section_positions,
    section_weights,
)
from study.phantom.anatomy import Anatomy, draw_anatomy, lung_hu
from study.phantom.fields import generator, ramp, resample
from study.phantom.lesions import PATTERNS, draw_susceptibility, infect

SEXES = ("female", "male")


@dataclass(frozen=True)
class Protocol:
    """How a scan is acquired: ``noise_hu`` is the standard deviation in soft tissue."""

    matrix: int = 128
    field_of_view_mm: float = 350.0
    slice_thickness_mm: float = 10.0
    increment_mm: float = 10.0
    noise_hu: float = 12.0
    kernel: str = "soft"

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        for name in ("matrix", "field_of_view_mm", "slice_thickness_mm", "increment_mm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)!r}")
        if self.matrix < 16:
            raise ValueError(f"matrix must be at least 16, not {self.matrix!r}")
        if not self.noise_hu >= 0:
            raise ValueError(f"noise_hu must be 0 or more, not {self.noise_hu!r}")
        if self.kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {tuple(KERNELS)}, not {self.kernel!r}")

    @property
    def fine_mm(self) -> float:
        """Layer of tissue along the body: 2.5 mm or half a section, for thin sections one section."""
        return (
            min(self.slice_thickness_mm, 1.0) if self.slice_thickness_mm <= 1 else min(2.5, self.slice_thickness_mm / 2)
        )


@dataclass(frozen=True)
class Habitus:
    """Who is scanned: body and lung size are drawn from the patient's seed, given sex and age."""

    sex: str
    age_years: float

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        if self.sex not in SEXES:
            raise ValueError(f"sex must be one of {SEXES}, not {self.sex!r}")
        if not 0 <= self.age_years <= 120:
            raise ValueError(f"age_years must lie in 0..120, not {self.age_years!r}")


@dataclass(frozen=True)
class Disease:
    """What ails the lungs at this visit.

    ``extent``: infected fraction of the lung, 0 (healthy) to 0.9. ``consolidation``: the fraction of the
    infection that has lost its air, 0..1. ``absorbing``: 0..1, thinner ground glass and bands, as infection
    is cleared.
    """

    pattern: str = "covid"
    extent: float = 0.08
    consolidation: float = 0.2
    absorbing: float = 0.0

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        if self.pattern not in PATTERNS:
            raise ValueError(f"pattern must be one of {PATTERNS}, not {self.pattern!r}")
        for name, most in (("extent", 0.9), ("consolidation", 1.0), ("absorbing", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in 0..{most}, not {getattr(self, name)!r}")


@dataclass(frozen=True)
class SimulatedScan:
    """A scan and its truth.

    ``hu`` int16 (z, y, x); ``spacing_mm`` (z, y, x); ``lung_mask``, ``infection_mask`` bool (z, y, x),
    infection within lung; ``vessels`` bool: lung voxels of which vessels fill a quarter or more.
    """

    hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    lung_mask: np.ndarray
    infection_mask: np.ndarray
    vessels: np.ndarray


def simulate_scan(
    patient_seed: tuple[int, ...],
    visit: int,
    habitus: Habitus,
    disease: Disease,
    protocol: Protocol,
    motion: float = 0.0,
) -> SimulatedScan:
    """Simulate one scan.

    Parameters
    ----------
    patient_seed : tuple of int
        Who: the same seed and habitus give the same body and the same order of infection.
    visit : int
        Which scan of the patient: changes breath, position and noise, nothing else.
    habitus, disease, protocol
        See `Habitus`, `Disease`, `Protocol`.
    motion : float
        0 (breath held) to 1 (a breath during the scan): double contours and blurred bases. The truth stays
        that of the held breath.

    Returns
    -------
    SimulatedScan
        The same arguments give the same bytes.

    """
    if not 0 <= motion <= 1:
        raise ValueError(f"motion must lie in 0..1, not {motion!r}")
    patient_seed = tuple(int(part) for part in patient_seed)
    key = (
        patient_seed,
        habitus.sex,
        float(habitus.age_years),
        int(protocol.matrix),
        float(protocol.field_of_view_mm),
        protocol.fine_mm,
    )
    anatomy = draw_anatomy(*key)
    grid = anatomy.grid
    pose = draw_pose(patient_seed, visit)
    parenchyma = anatomy.parenchyma + np.float32(pose.density)
    ill = np.zeros(len(parenchyma), bool)
    if disease.extent > 0:
        infection = infect(
            anatomy,
            draw_susceptibility(key, disease.pattern),
            parenchyma,
            disease.extent,
            disease.consolidation,
            disease.absorbing,
        )
        parenchyma, ill = infection.parenchyma, infection.ill
    tissue = anatomy.hu.copy()
    tissue.ravel()[anatomy.inside] = lung_hu(anatomy, parenchyma)

    edges = breathe(np.append(grid.z, grid.z[-1] + grid.spacing_mm[0]) - grid.spacing_mm[0] / 2, pose.lower_mm)
    centres = section_positions(edges, protocol.slice_thickness_mm, protocol.increment_mm)
    along = section_weights(edges, centres, protocol.slice_thickness_mm)
    still = plane_weights(grid, pose, None)

    def fraction(values):
        return resample(_on_grid(anatomy, values), along, *still)

    lung = fraction(anatomy.share)
    infected = fraction(anatomy.share * ill) if ill.any() else np.zeros_like(lung)
    vessels = fraction(anatomy.share * anatomy.vessel)
    lung_mask = lung >= 0.5
    hu = _sections(
        tissue,
        anatomy,
        pose,
        along,
        edges,
        centres,
        protocol,
        motion,
        generator(patient_seed, "motion", visit),
    )
    hu += noise(patient_seed, visit, hu.shape, grid.spacing_mm[1], protocol.kernel, protocol.noise_hu)
    hu = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    spacing = (float(protocol.increment_mm), grid.spacing_mm[1], grid.spacing_mm[1])
    return SimulatedScan(hu, spacing, lung_mask, (infected >= 0.5) & lung_mask, (vessels >= 0.25) & lung_mask)


def _on_grid(anatomy: Anatomy, values: np.ndarray) -> np.ndarray:
    full = np.zeros(anatomy.grid.shape, np.float32)
    full.ravel()[anatomy.inside] = values
    return full


def _sections(
    tissue, anatomy: Anatomy, pose: Pose, along, edges, centres, protocol: Protocol, motion, rng
) -> np.ndarray:
    grid = anatomy.grid
    if motion == 0:
        return resample(tissue, along, *plane_weights(grid, pose, protocol.kernel))
    total = 0.0
    for share, lower, squeeze in motion_phases(motion, centres, rng):
        # Each section sees the diaphragm where it is when the section's turn comes.
        rows = [
            section_weights(breathe(edges, by), centres[k : k + 1], protocol.slice_thickness_mm)[0]
            for k, by in enumerate(lower)
        ]
        total = total + np.float32(share) * resample(
            tissue, np.stack(rows), *plane_weights(grid, pose, protocol.kernel, squeeze)
        )
    # Lung that is let go during the scan is denser at the bases, in a haze without borders.
    lung = resample(_on_grid(anatomy, anatomy.share), along, *plane_weights(grid, pose, None))
    haze = 95 * motion * ramp(-centres, -20, 110)[:, None, None] * ramp(grid.y, -40, 90)[None, :, None]
    return total + (haze * lung).astype(np.float32)
