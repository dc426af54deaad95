"""Change the thickness of the sections and see how POI and iHU change.

A phantom is scanned once in sections of about a millimetre; thicker ones are averages of these, as a scanner would
average. A voxel is labelled lung or infection if at least half of it is.
"""

import functools
from dataclasses import dataclass

import ipywidgets
import numpy as np
from scipy import ndimage

from study.figures.one_section import draw_section, widest_sections
from study.figures.style import COLOURS, new_figure, styled
from study.lab.play.panel import WIDE, Panel
from study.measures import biomarkers
from study.phantom.scanner.acquisition import section_positions, section_weights
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.results.words import with_minus
from study.scans.labels import INFECTION

THICKNESSES_MM = tuple(range(1, 11))
# Thickness of the thin sections: no multiple of it below 10 mm is a whole millimetre, so that a thick voxel is hardly
# ever exactly half infected.
THIN_MM = 10 / 11


@dataclass(frozen=True)
class Averaged:
    """A scan in sections of one thickness: ``hu`` and ``label_map`` (z, y, x), ``spacing_mm``, and its measurements."""

    hu: np.ndarray
    label_map: np.ndarray
    spacing_mm: tuple[float, float, float]
    measured: dict


def thin_scan():
    """Simulate the patient of the panel: a mild infection of small patches, in thin sections of 3.6 mm pixels."""
    protocol = Protocol(matrix=96, slice_thickness_mm=THIN_MM, increment_mm=THIN_MM)
    return simulate_scan((2,), 1, Habitus("female", 55), Disease(extent=0.02), protocol)


def average(scan, thickness_mm):
    """Average neighbouring thin sections into thicker ones without gaps.

    Parameters
    ----------
    scan : study.phantom.scanner.scan.SimulatedScan
        Sections without gaps, at most as thick as `thickness_mm`.
    thickness_mm : float

    Returns
    -------
    Averaged
        HU is the mean over a voxel; a voxel has the label of at least half of it.
    """
    edges = np.arange(len(scan.hu) + 1) * scan.spacing_mm[0]
    weights = section_weights(edges, section_positions(edges, thickness_mm, thickness_mm), thickness_mm, "rectangular")

    def over(values):
        return np.tensordot(weights, values.astype(np.float32), axes=1)

    hu = np.rint(over(scan.hu)).astype(np.int16)
    lung = over(scan.lung_mask) >= 0.5
    label_map = lung.astype(np.uint8) + ((over(scan.infection_mask) >= 0.5) & lung)
    spacing_mm = (float(thickness_mm), *scan.spacing_mm[1:])
    return Averaged(hu, label_map, spacing_mm, biomarkers.measure(hu, label_map, spacing_mm))


@functools.cache
def averages():
    """The patient of the panel in sections of each of `THICKNESSES_MM`."""
    scan = thin_scan()
    return {thickness: average(scan, thickness) for thickness in THICKNESSES_MM}


def patches_seen(thin, thick, times):
    """How many patches of infection a label map has, and of how many another one shows at least a voxel.

    The other's sections are so many `times` as thick; both begin at the same height.
    """
    patches, n = ndimage.label(thin == INFECTION)
    shown = np.repeat(thick == INFECTION, times, axis=0)[: len(thin)]
    return n, len(np.setdiff1d(patches[: len(shown)][shown], 0))


def in_words(thicknesses_mm=(1, 5, 10)):
    """What thicker sections do to the patient of the panel, in a sentence for each thing measured."""
    first, shown = averages()[THICKNESSES_MM[0]], [averages()[thickness] for thickness in thicknesses_mm]
    seen = [patches_seen(first.label_map, one.label_map, t) for one, t in zip(shown, thicknesses_mm, strict=True)]

    def listed(numbers, digits=0):
        *others, last = (f"{number:.{digits}f}" for number in numbers)
        return f"{', '.join(others)} and {last}"

    return with_minus(
        f"In sections of {listed(thicknesses_mm)} mm the infection is "
        f"{listed((one.measured['infection_volume_ml'] for one in shown), 1)} ml, POI "
        f"{listed((100 * one.measured['poi'] for one in shown), 2)} %, iHU "
        f"{listed(one.measured['ihu'] for one in shown)} HU. Of {seen[0][0]} patches, "
        f"{listed(n for _, n in seen)} are seen."
    )


@styled
def panel():
    """Draw sections from 1 to 10 mm thick.

    Returns
    -------
    Panel
        Control ``thickness_mm``, starting at 10.
    """
    averaged = averages()
    thinnest = averaged[THICKNESSES_MM[0]]
    row = int((thinnest.label_map == INFECTION).sum(axis=(0, 2)).argmax())
    height_mm = (widest_sections(thinnest.label_map, 1)[0] + 0.5) * thinnest.spacing_mm[0]

    figure = new_figure("double", 62)
    pictures = figure.add_gridspec(1, 3, width_ratios=(1, 1, 0.9))
    coronal, axial = (figure.add_subplot(pictures[0, k]) for k in (0, 1))
    charts = pictures[0, 2].subgridspec(2, 1).subplots()
    marks = []
    for ax, (name, factor, words) in zip(charts, (("poi", 100, "POI (%)"), ("ihu", 1, "iHU (HU)")), strict=True):
        values = {thickness: factor * drawn.measured[name] for thickness, drawn in averaged.items()}
        ax.plot(list(values), list(values.values()), color=COLOURS["first"], marker=".", markersize=3)
        ax.set(ylabel=words, xticks=(1, 5, 10), xlim=(0.5, 10.5))
        ax.margins(y=0.3)
        (mark,) = ax.plot([], [], marker="o", color=COLOURS["severe"], linestyle="none")
        marks.append((mark, values))
    charts[0].set_ylim(0, 1.2 * charts[0].dataLim.ymax)
    charts[1].set_xlabel("Section thickness (mm)")

    @styled
    def draw(thickness_mm):
        drawn = averaged[thickness_mm]
        section = min(int(height_mm / thickness_mm), len(drawn.hu) - 1)
        draw_section(
            coronal, drawn.hu[::-1, row], (drawn.spacing_mm[0], drawn.spacing_mm[2]), drawn.label_map[::-1, row],
            letters="RLHF",
        )  # fmt: skip
        draw_section(axial, drawn.hu[section], drawn.spacing_mm, drawn.label_map[section])
        for mark, values in marks:
            mark.set_data([thickness_mm], [values[thickness_mm]])
        measured, first = drawn.measured, thinnest.measured
        return (
            f"Sections of {thickness_mm} mm: POI {100 * measured['poi']:.2f} %, iHU {measured['ihu']:.0f} HU "
            f"(at 1 mm {100 * first['poi']:.2f} % and {first['ihu']:.0f} HU). "
            "Left a view along the body, beside it a section across it: lung outlined in blue, infection in red."
        )

    slider = ipywidgets.IntSlider(10, THICKNESSES_MM[0], THICKNESSES_MM[-1], description="thickness (mm)", **WIDE)
    return Panel({"thickness_mm": slider}, draw, figure)
