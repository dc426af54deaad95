"""One simulated CT scan of one patient at one visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import ThreadpoolController

from study.phantom.body.anatomy import Anatomy, beside_outer, draw_anatomy, lung_hu
from study.phantom.body.fields import generator
from study.phantom.body.findings import FINDINGS
from study.phantom.body.lesions import PATTERNS, draw_susceptibility, infect
from study.phantom.body.truth import label_lesions, tissue_biomarkers
from study.phantom.scanner.acquisition import (
    Pose,
    breathe,
    cut_sections,
    draw_pose,
    place,
    section_positions,
    section_weights,
)
from study.phantom.scanner.motion import beat, breath_phases, haze
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.reconstruction import quantise, reconstruct

LARGEST_SHIFT_MM = 25.0  # of the lungs' border, by any pose
SEXES = ("female", "male")


@dataclass(frozen=True)
class Habitus:
    """Who is scanned: body and lung size are random, from the patient's seed, given sex and age.

    ``findings``: how often a patient has what is no infection but looks like it, or hides it; see `FINDINGS`.
    """

    sex: str
    age_years: float
    findings: str = "ordinary"

    def __post_init__(self):
        """Refuse what no scan can be made of."""
        if self.sex not in SEXES:
            raise ValueError(f"sex must be one of {SEXES}, not {self.sex!r}")
        if not 0 <= self.age_years <= 120:
            raise ValueError(f"age_years must be between 0 and 120, not {self.age_years!r}")
        if self.findings not in FINDINGS:
            raise ValueError(f"findings must be one of {tuple(FINDINGS)}, not {self.findings!r}")


@dataclass(frozen=True)
class Disease:
    """The disease of the lungs at one visit.

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
                raise ValueError(f"{name} must be between 0 and {most}, not {getattr(self, name)!r}")


@dataclass(frozen=True)
class SimulatedScan:
    """A scan and its truth.

    ``hu`` int16 (z, y, x); ``spacing_mm`` (z, y, x); ``heights_mm`` of the sections' centres from the carina upwards;
    ``lung_mask``, ``infection_mask`` bool (z, y, x), infection within lung; ``vessels`` bool: lung voxels of which a
    quarter or more is vessel.
    ``tissue_poi``, ``tissue_ihu``: POI and iHU of the tissue itself, on the fine grid, before it is cut into
    sections. Where asked for, ``lobes``, ``lesions`` and ``lesion_table``: see `truth.label_lesions`.
    """

    hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    heights_mm: np.ndarray
    lung_mask: np.ndarray
    infection_mask: np.ndarray
    vessels: np.ndarray
    tissue_poi: float
    tissue_ihu: float
    lobes: np.ndarray | None = None
    lesions: np.ndarray | None = None
    lesion_table: pd.DataFrame | None = None


# With one thread of linear algebra the bytes do not depend on the number of cores, which are for several scans at once.
@ThreadpoolController().wrap(limits=1)
def simulate_scan(
    patient_seed: tuple[int, ...],
    visit: int,
    habitus: Habitus,
    disease: Disease,
    protocol: Protocol,
    motion: float = 0.0,
    cardiac: float = 0.0,
    label: bool = False,
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
        0 (breath held) to 1 (a breath during the scan): double contours and blurred bases. The masks follow what is
        seen: a voxel is lung (infected) where lung (infection) makes up half of its signal or more. The biomarkers of
        the tissue do not change.
    cardiac : float
        0 (the heart stands still) to 1: a double contour of the heart, and blurred lung next to it. The masks are those
        of the still heart.
    label : bool
        Also label every lobe and lesion. It changes nothing else and costs about as much as another visit.

    Returns
    -------
    SimulatedScan
        The same arguments give the same bytes.
    """
    for name, value in (("motion", motion), ("cardiac", cardiac)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be between 0 and 1, not {value!r}")
    patient_seed = tuple(int(part) for part in patient_seed)
    key = (
        patient_seed,
        habitus.sex,
        float(habitus.age_years),
        int(protocol.matrix),
        float(protocol.field_of_view_mm),
        protocol.fine_mm,
        habitus.findings,
    )
    anatomy = _kept(key, "anatomy", lambda: draw_anatomy(*key))
    grid = anatomy.grid
    pose = draw_pose(patient_seed, visit)
    tissue, kind = _tissue(anatomy, key, disease, pose)
    ill = kind > 0
    tissue_poi, tissue_ihu = tissue_biomarkers(anatomy, ill, tissue)

    edges = breathe(np.append(grid.z, grid.z[-1] + grid.spacing_mm[0]) - grid.spacing_mm[0] / 2, pose.lower_mm)
    centres = section_positions(edges, protocol.slice_thickness_mm, protocol.increment_mm)
    rng = generator(patient_seed, "motion", visit)
    phases = _phases(edges, centres, protocol, motion, rng)

    def fraction(values):
        return _lung_sections(anatomy, values, phases, pose)

    lung = fraction(anatomy.share)
    image = _sections(tissue, anatomy, pose, centres, phases, cardiac, rng.integers(2**31))
    if motion > 0:
        image += haze(motion, centres, anatomy.whole) * lung
    noise = generator(patient_seed, "noise", visit)
    image = reconstruct(image, protocol.pixel_mm, protocol.kernel, protocol.noise_power, noise)
    hu = quantise(image, protocol.padded)
    lung_mask = lung >= 0.5
    infection_mask = lung_mask & (fraction(anatomy.share * ill) >= 0.5) if ill.any() else np.zeros_like(lung_mask)
    vessels = lung_mask & (fraction(anatomy.share * anatomy.vessel) >= 0.25)
    spacing = (float(protocol.increment_mm), grid.spacing_mm[1], grid.spacing_mm[1])
    named = label_lesions(anatomy, kind, fraction, lung_mask, infection_mask, hu, spacing) if label else ()
    return SimulatedScan(hu, spacing, centres, lung_mask, infection_mask, vessels, tissue_poi, tissue_ihu, *named)


def _tissue(anatomy: Anatomy, key: tuple, disease: Disease, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Of the voxels ``inside`` at a visit: HU of what is lung, vessels included; kind, see `truth.label_lesions`."""
    parenchyma = anatomy.parenchyma + np.float32(pose.density)
    if disease.extent == 0:
        return lung_hu(anatomy, parenchyma), np.zeros(len(parenchyma), np.uint8)
    susceptibility = _kept(key, disease.pattern, lambda: draw_susceptibility(anatomy, key[0], disease.pattern))
    infection = infect(anatomy, susceptibility, parenchyma, disease.extent, disease.consolidation, disease.absorbing)
    return lung_hu(anatomy, infection.parenchyma), infection.kind


_last_patient: dict[tuple, dict] = {}  # what was drawn of the last patient, for the next visit


def _kept(patient: tuple, what: str, draw: Callable):
    """What is kept of a patient, or drawn now. Another patient is forgotten first: two are never in memory."""
    if patient not in _last_patient:
        forget_patient()
    drawn = _last_patient.setdefault(patient, {})
    if what not in drawn:
        drawn[what] = draw()
    return drawn[what]


def forget_patient() -> None:
    """Free what is kept of the last patient; it is drawn again if it is needed."""
    _last_patient.clear()


def _in_lungs(anatomy: Anatomy, values: np.ndarray) -> tuple[np.ndarray, list[slice]]:
    """What the voxels ``inside`` hold, 0 elsewhere: (layers, y, x) of the box around them, and the box in the plane."""
    box, part = anatomy.speckle.box, anatomy.speckle.part
    tissue = np.zeros((len(anatomy.grid.z), *part.shape[1:]), np.float32)
    tissue[box[0]].ravel()[anatomy.speckle.flat] = values
    return tissue, [slice(f.start + b.start, f.start + b.stop) for f, b in zip(anatomy.frame, box[1:], strict=True)]


def _phases(edges, centres, protocol: Protocol, motion: float, rng) -> list[tuple[float, np.ndarray, float]]:
    """What the scan is a mean of: (share, weights (sections, layers), squeeze in plane) of each phase of the breath."""
    how = protocol.slice_thickness_mm, protocol.profile
    if motion == 0:
        return [(1.0, section_weights(edges, centres, *how), 1.0)]
    # Each section sees the diaphragm where it is when the section is acquired.
    return [
        (
            share,
            np.concatenate(
                [
                    section_weights(breathe(edges, by), centre, *how)
                    for centre, by in zip(centres[:, None], lower, strict=True)
                ]
            ),
            squeeze,
        )
        for share, lower, squeeze in breath_phases(motion, centres, rng)
    ]


def _lung_sections(anatomy: Anatomy, values: np.ndarray, phases: list[tuple], pose: Pose) -> np.ndarray:
    """Sections (sections, y, x) of what the voxels ``inside`` hold, 0 elsewhere."""
    tissue, lungs = _in_lungs(anatomy, values)
    margin = int(np.ceil(LARGEST_SHIFT_MM / anatomy.grid.spacing_mm[1]))
    plane = anatomy.whole.shape[1:]
    around = [slice(max(s.start - margin, 0), min(s.stop + margin, n)) for s, n in zip(lungs, plane, strict=True)]
    within = [slice(s.start - a.start, s.stop - a.start) for s, a in zip(lungs, around, strict=True)]
    grid = anatomy.whole.sub((slice(None), *around))
    total = np.zeros((len(phases[0][1]), *plane), np.float32)
    for share, along, squeeze in phases:
        sections = np.zeros((len(total), *grid.shape[1:]), np.float32)
        sections[:, *within] = cut_sections(tissue, along)
        sections = place(sections, grid, pose, squeeze)
        sections *= np.float32(share)
        total[:, *around] += sections
    return total


def _sections(
    tissue: np.ndarray, anatomy: Anatomy, pose: Pose, centres, phases: list[tuple], cardiac: float, heartbeat: int
) -> np.ndarray:
    """Tissue averaged to sections as the patient lies, breathes and the heart beats, before kernel and noise.

    ``tissue`` is the HU of what is lung in the voxels ``inside``; ``heartbeat`` a seed.
    """
    # What the visit changes of the patient as drawn.
    changed, lungs = _in_lungs(anatomy, beside_outer(anatomy, tissue) - anatomy.hu.ravel()[anatomy.inside])
    total = np.zeros((len(centres), *anatomy.whole.shape[1:]), np.float32)
    for share, along, squeeze in phases:
        sections = np.repeat(anatomy.outside[None], len(centres), axis=0)
        sections[:, *anatomy.frame] = cut_sections(anatomy.hu, along)
        sections[:, *lungs] += cut_sections(changed, along)
        beat(sections, anatomy.whole, centres, anatomy.shapes.capsules, cardiac, np.random.default_rng(heartbeat))
        sections = place(sections, anatomy.whole, pose, squeeze)
        sections *= np.float32(share)
        total += sections
    return total
