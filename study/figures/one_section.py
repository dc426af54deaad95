"""One CT section as a picture: lung window, infection in red, a scale bar, the patient's sides.

Arrays are (y, x) or (section, y, x) in the study's order (y from anterior to posterior, x from the patient's right to
left), so that a section is shown in radiological convention: seen from the feet, the patient's right on the left.
"""

import numpy as np
from matplotlib import patheffects
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from study.figures.style import COLUMN_MM
from study.scans.labels import INFECTION, LUNG

LUNG_WINDOW_HU = (-600.0, 1500.0)  # level, width
SOFT_TISSUE_WINDOW_HU = (40.0, 400.0)
RED, CYAN, YELLOW = (0.90, 0.10, 0.10), "#33BBEE", "#FFD92F"
OUTLINED = [patheffects.withStroke(linewidth=1.2, foreground="black")]


def of_one_scan(hu, label_map):
    """Return HU and label map as arrays (z, y, x).

    Raises
    ------
    ValueError
        If they are not of one shape.
    """
    hu, label_map = np.asarray(hu), np.asarray(label_map)
    if hu.ndim != 3 or hu.shape != label_map.shape:
        raise ValueError(f"hu {hu.shape} and label_map {label_map.shape} must be one scan's (z, y, x)")
    return hu, label_map


def widest_sections(label_map, n=3):
    """Find the ``n`` neighbouring sections around the one with the largest infected area.

    Without infection, those around the largest lung area; without lung either, those in the middle. A scan with fewer
    than ``n`` sections gives all of them.

    Parameters
    ----------
    label_map : array (z, y, x)
    """
    label_map = np.asarray(label_map)
    n = min(n, len(label_map))
    for area in ((label_map == INFECTION).sum(axis=(1, 2)), (label_map >= LUNG).sum(axis=(1, 2))):
        if area.any():
            middle = int(area.argmax())
            break
    else:
        middle = len(label_map) // 2
    first = min(max(middle - n // 2, 0), len(label_map) - n)
    return np.arange(first, first + n)


def body_frame(hu, spacing_mm):
    """Find the part of the sections that contains the patient: (row slice, column slice), common to all of them.

    Uncropped, half of a picture would be the air around the patient.
    """
    body = np.asarray(hu) > -500
    slices = []
    for axis, step_mm in ((1, spacing_mm[-2]), (2, spacing_mm[-1])):
        # at least a tenth of a row filled: the table top and stray bright pixels are not the patient
        filled = np.flatnonzero(body.mean(axis=tuple(a for a in (0, 1, 2) if a != axis)) > 0.1)
        margin = int(np.ceil(8.0 / step_mm))
        whole = body.shape[axis]
        slices.append(
            slice(max(filled[0] - margin, 0), min(filled[-1] + margin + 1, whole)) if len(filled) else slice(0, whole)
        )
    return tuple(slices)


def show_section(ax, hu, spacing_mm, window_hu=LUNG_WINDOW_HU):
    """Draw one section in a window (level, width), with axes in mm; spacing_mm ends with (y, x)."""
    height, width = hu.shape[0] * spacing_mm[-2], hu.shape[1] * spacing_mm[-1]
    level, window = window_hu
    ax.imshow(
        hu,
        cmap="gray",
        vmin=level - window / 2,
        vmax=level + window / 2,
        extent=(0, width, height, 0),
        interpolation="bilinear",
    )
    ax.set(xticks=[], yticks=[], xlim=(0, width), ylim=(height, 0))
    ax.spines[:].set_visible(False)


def outline(ax, mask, spacing_mm, colour, width):
    """Draw the border of a mask (y, x); none if it is empty or fills the section."""
    if mask.any() and not mask.all():
        rows = (np.arange(mask.shape[0]) + 0.5) * spacing_mm[-2]
        columns = (np.arange(mask.shape[1]) + 0.5) * spacing_mm[-1]
        ax.contour(columns, rows, mask.astype(float), levels=[0.5], colors=[colour], linewidths=width)


def fill(ax, mask, spacing_mm, colour, alpha):
    """Overlay a colour on the pixels of a mask (y, x)."""
    picture = np.zeros((*mask.shape, 4))
    picture[mask] = (*to_rgb(colour), alpha)
    ax.imshow(
        picture, extent=(0, mask.shape[1] * spacing_mm[-1], mask.shape[0] * spacing_mm[-2], 0), interpolation="nearest"
    )


def overlay(ax, label_map, spacing_mm):
    """Outline the lung in blue, and fill and outline the infection in red."""
    outline(ax, label_map >= LUNG, spacing_mm, CYAN, 0.5)
    fill(ax, label_map == INFECTION, spacing_mm, RED, 0.35)
    outline(ax, label_map == INFECTION, spacing_mm, RED, 0.8)


def write_on(ax, x, y, words, ha, va, size=8):
    """Write on a picture, white with a dark edge; x and y are shares of the axes."""
    ax.text(x, y, words, transform=ax.transAxes, color="white", ha=ha, va=va, fontsize=size, path_effects=OUTLINED)


def sides(ax, letters="RLAP"):
    """Mark the patient's right, left, front (anterior) and back (posterior), in other planes also head and feet."""
    places = [(0.02, 0.5, "left", "center"), (0.98, 0.5, "right", "center"), (0.5, 0.98, "center", "top"),
              (0.5, 0.02, "center", "bottom")]  # fmt: skip
    for letter, (x, y, ha, va) in zip(letters, places, strict=True):
        write_on(ax, x, y, letter, ha, va)


BAR_MM = 50.0


def scale_bar(ax, length_mm=BAR_MM):
    """Draw a bar of known length in the lower right corner."""
    left, right = ax.get_xlim()
    bottom = ax.get_ylim()[0]
    end, height = right - 0.03 * (right - left), bottom * 0.96
    ax.plot(
        [end - length_mm, end],
        [height, height],
        color="white",
        linewidth=1.4,
        solid_capstyle="butt",
        path_effects=OUTLINED,
    )
    ax.annotate(
        f"{length_mm / 10:g} cm",
        (end - length_mm / 2, height),
        xytext=(0, 2),
        textcoords="offset points",
        color="white",
        ha="center",
        va="bottom",
        fontsize=8,
        path_effects=OUTLINED,
    )


def key(figure, entries):
    """Write a legend below all panels of a figure."""
    figure.legend(handles=entries, loc="outside lower center", ncols=len(entries))


INFECTION_KEY = Patch(facecolor=(*RED, 0.35), edgecolor=RED, label="infection")
LUNG_KEY = Line2D([], [], color=CYAN, linewidth=0.8, label="lung outline")
WINDOW_WORDS = f"lung window: level {LUNG_WINDOW_HU[0]:.0f}, width {LUNG_WINDOW_HU[1]:.0f} HU".replace("-", "−")
# What is drawn on sections, for captions.
MARKS_SAID = f"Bar: {BAR_MM / 10:g} cm; R, L, A, P: the patient's right, left, front and back."
WINDOW_SAID = f"{WINDOW_WORDS[:1].upper()}{WINDOW_WORDS[1:]}. {MARKS_SAID}"
WINDOW_KEY = Line2D([], [], linestyle="none", label=WINDOW_WORDS)


def row_height_mm(frame_shape, spacing_mm, n_columns, width_mm=COLUMN_MM["double"]):
    """Height of one row of pictures that fill the column's width without white between them."""
    return width_mm / n_columns * frame_shape[0] * spacing_mm[-2] / (frame_shape[1] * spacing_mm[-1])


def draw_section(ax, hu, spacing_mm, label_map=None, window_hu=LUNG_WINDOW_HU, letters="RLAP"):
    """Draw one section in place of what the axes show, rows from top to bottom, columns from left to right."""
    ax.clear()
    show_section(ax, hu, spacing_mm, window_hu)
    if label_map is not None:
        overlay(ax, label_map, spacing_mm)
    sides(ax, letters)
    scale_bar(ax)
