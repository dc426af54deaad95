"""A scan at a glance: twelve sections over its lungs with what was found, its numbers and its notes.

Nobody should use a number of a scan without having seen this.
"""

import textwrap

import numpy as np

from study.figures.one_section import (
    INFECTION_KEY,
    LUNG_KEY,
    WINDOW_KEY,
    WINDOW_SAID,
    WINDOW_WORDS,
    body_frame,
    key,
    of_one_scan,
    overlay,
    row_height_mm,
    scale_bar,
    show_section,
    sides,
    write_on,
)
from study.figures.style import new_figure, styled
from study.scans.labels import LUNG

ROWS, COLUMNS = 3, 4
LETTERS_A_LINE, LINE_MM = 128, 3.8


@styled
def twelve_sections(hu, label_map, spacing_mm, measured, notes=(), name=""):
    """Draw twelve sections from the lungs' base to their apex; lung outlined, infection filled.

    Parameters
    ----------
    hu : array (z, y, x), HU
    label_map : uint8 array (z, y, x)
    spacing_mm : tuple
        (z, y, x).
    measured : mapping
        ``lung_volume_ml, infection_volume_ml, poi, ihu`` of the scan, and of each lung; NaN where unknown.
    notes : sequence of str
        What makes the numbers doubtful; written below them.
    name : str
        Written before the numbers.
    """
    hu, label_map = of_one_scan(hu, label_map)
    chosen = spread_sections(label_map, ROWS * COLUMNS)
    rows, columns = body_frame(hu[chosen], spacing_mm)
    words = [f"{name}: " * bool(name) + _of("lungs", "", measured)]
    words.append("; ".join(_of(f"{side} lung", f"{side}_", measured) for side in ("right", "left")))
    words += [f"Note: {note}" for note in notes]
    lines = [line for text in words for line in textwrap.wrap(text, LETTERS_A_LINE, subsequent_indent="   ")]
    hu, label_map = hu[:, rows, columns], label_map[:, rows, columns]
    figure = new_figure("double", 8 + LINE_MM * len(lines) + ROWS * row_height_mm(hu.shape[1:], spacing_mm, COLUMNS))
    figure.suptitle("\n".join(lines), ha="left", x=0.01)
    axes = figure.subplots(ROWS, COLUMNS, squeeze=False).ravel()
    for ax in axes[len(chosen) :]:
        ax.set_axis_off()
    for ax, z in zip(axes, chosen, strict=False):
        show_section(ax, hu[z], spacing_mm)
        overlay(ax, label_map[z], spacing_mm)
        sides(ax)
        write_on(ax, 0.02, 0.98, f"{z * spacing_mm[0]:.0f} mm", "left", "top")
        scale_bar(ax)
    key(figure, [INFECTION_KEY, LUNG_KEY, WINDOW_KEY])
    figure.alt = (
        f"{len(chosen)} axial CT sections from the base of the lungs to their apex, {WINDOW_WORDS}, lung outlined in "
        f"blue and infection filled in red. {' '.join(words)}"
    )
    figure.caption = (
        f"A scan at a glance: {len(chosen)} axial sections from the base of the lungs to their apex, lung outlined, "
        f"infection in red. {' '.join(_as_sentence(text) for text in words)} {WINDOW_SAID}"
    )
    return figure


def _as_sentence(text):
    return text if text.endswith("?") else f"{text}."


def spread_sections(label_map, n):
    """Find `n` sections at even steps over the lungs, the first and the last with lung among them.

    Where fewer have lung, all of these; without lung, over the whole scan.
    """
    with_lung = np.flatnonzero((np.asarray(label_map) >= LUNG).any(axis=(1, 2)))
    first, last = with_lung[[0, -1]] if len(with_lung) else (0, len(label_map) - 1)
    return np.unique(np.linspace(first, last, n).round().astype(int))


def _of(words, prefix, measured):
    lung_ml, infection_ml, poi, ihu = (
        measured[prefix + name] for name in ("lung_volume_ml", "infection_volume_ml", "poi", "ihu")
    )
    if np.isnan(lung_ml):
        return f"{words} not found"
    found = f"{words} {lung_ml:.0f} ml, infection {infection_ml:.0f} ml, POI {100 * poi:.1f} %"
    return found if np.isnan(ihu) else f"{found}, iHU {ihu:.0f} HU".replace("-", "−")
