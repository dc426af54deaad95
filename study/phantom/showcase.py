"""One simulated patient shown in several ways, side by side."""

from __future__ import annotations

import numpy as np

from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan

PATIENT, HABITUS = (2020, 0, 12), Habitus("male", 52.0)
HEIGHT_MM = -78.0  # of the section shown, from the carina upwards: through the heart and the bases of the lungs
GLASS = Disease(extent=0.16, consolidation=0.0)
# title, disease, and what differs from a 10 mm section with the soft kernel and breath held
VIEWS = (
    ("10 mm, healthy", Disease(extent=0.0), {}),
    ("10 mm, ground glass", GLASS, {}),
    ("10 mm, consolidation", Disease(extent=0.16, consolidation=0.7), {}),
    ("10 mm, being absorbed", Disease(extent=0.16, consolidation=0.1, absorbing=0.9), {}),
    ("10 mm, ground glass, breath not held", GLASS, dict(motion=1.0)),
    ("5 mm, ground glass", GLASS, dict(slice_thickness_mm=5.0, increment_mm=5.0)),
    ("1 mm, ground glass", GLASS, dict(slice_thickness_mm=1.0, increment_mm=5.0)),
    ("1 mm, ground glass, sharp kernel", GLASS, dict(slice_thickness_mm=1.0, increment_mm=5.0, kernel="sharp")),
)


def views(matrix: int = 192) -> tuple[list[tuple[str, np.ndarray]], tuple[float, float, float]]:
    """Sections at one height of one patient: healthy and diseased, breathing, thick and thin, soft and sharp.

    Parameters
    ----------
    matrix : int
        Pixels across and down.

    Returns
    -------
    list of (title, hu)
        hu int16 (y, x), as `study.figures.sections.montage` wants.
    tuple of float
        Spacing in mm (z, y, x).
    """
    pictures = []
    for title, disease, differs in VIEWS:
        acquired = dict(matrix=matrix, field_of_view_mm=360.0, padded=True) | differs
        motion = acquired.pop("motion", 0.0)
        scan = simulate_scan(PATIENT, 1, HABITUS, disease, Protocol(**acquired), motion=motion, cardiac=0.5)
        section = int(np.abs(scan.heights_mm - HEIGHT_MM).argmin())
        pictures.append((title, scan.hu[section]))
    return pictures, scan.spacing_mm
