"""Figures made of CT sections: consecutive ones, a patient over time, false positives of motion, a gallery.

The sections are drawn by ``one_section``, whose order of axes applies here as well.
"""

import numpy as np
import pandas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from study.figures.one_section import (
    CYAN,
    INFECTION_KEY,
    LUNG_KEY,
    RED,
    WINDOW_KEY,
    WINDOW_SAID,
    WINDOW_WORDS,
    YELLOW,
    body_frame,
    fill,
    key,
    outline,
    overlay,
    row_height_mm,
    scale_bar,
    show_section,
    sides,
    write_on,
)
from study.figures.style import COLOURS, COLUMN_MM, MARKERS, new_figure, say_missing, styled
from study.figures.table_layout import lines_of
from study.plural import count
from study.scans.labels import INFECTION, LUNG

LETTER_MM = 8 / 72 * 25.4  # size of the letters


@styled
def consecutive_sections(hu, label_map, section_positions_mm, spacing_mm, title=""):
    """Draw Figures 1 and 2: neighbouring sections; the CT above, the same with lung and infection outlined below.

    Parameters
    ----------
    hu : array (section, y, x), HU
        The sections to show, no more than about six; ``widest_sections`` chooses them from a scan. If there are none,
        the figure says so, with the title if there is one.
    label_map : uint8 array (section, y, x)
    section_positions_mm : sequence of float
        Position of each section along the body, mm from the lowest section.
    spacing_mm : tuple
        (z, y, x) or (y, x).
    """
    hu, label_map = np.asarray(hu), np.asarray(label_map)
    if hu.shape != label_map.shape:
        raise ValueError(f"hu {hu.shape} and label_map {label_map.shape} are of different shape; crop both alike")
    if hu.ndim != 3 or not len(hu):
        figure = new_figure("double", 40)
        say_missing(figure.subplots(), title or "no section to show")
        return figure
    rows, columns = body_frame(hu, spacing_mm)
    hu, label_map = hu[:, rows, columns], label_map[:, rows, columns]
    n = len(hu)
    figure = new_figure("double", 9 + 2 * row_height_mm(hu.shape[1:], spacing_mm, n))
    axes = figure.subplots(2, n, squeeze=False)
    for column in range(n):
        for ax in axes[:, column]:
            show_section(ax, hu[column], spacing_mm)
            sides(ax)
        overlay(axes[1, column], label_map[column], spacing_mm)
        write_on(axes[0, column], 0.02, 0.98, f"{section_positions_mm[column]:z.0f} mm", "left", "top")
    for ax in axes[:, -1]:
        scale_bar(ax)
    key(figure, [INFECTION_KEY, LUNG_KEY, WINDOW_KEY])
    places = ", ".join(f"{place:z.0f}" for place in section_positions_mm)
    figure.alt = (
        f"{title}. {n} neighbouring axial CT sections, {places} mm above the lowest, {WINDOW_WORDS}. Above the CT, "
        f"below the same, lung outlined in blue and infection filled in red: {_share(label_map)} of the lung shown."
    )
    figure.caption = (
        f"{title}, {n} neighbouring axial sections, {places} mm above the lowest one: CT (above), and with the lung "
        f"outlined and the infection in red (below). {WINDOW_SAID}"
    )
    return figure


def _share(label_map):
    lung = (np.asarray(label_map) >= LUNG).sum()
    return f"{100 * (np.asarray(label_map) == INFECTION).sum() / lung:.1f} %" if lung else "none"


@styled
def longitudinal(scans, spacing_mm, title="", missing="no severe patient has a scan with date and status"):
    """Draw Figure 5: one patient's scans in order of date, with POI and iHU, and the status at each date.

    Red dots mark dates at which the patient was severe, green squares the others; above the pictures, which have room
    however close the dates are, stands the status too.

    Parameters
    ----------
    scans : list of (date, status, hu_section, label_section, poi, ihu)
        date as datetime, "YYYY-MM-DD" or days (int) since the first; sections (y, x), cropped to the patient if all are
        of one size; poi 0..1; ihu in HU, NaN without infection.
    spacing_mm : tuple
        Ends with (y, x).
    missing : str
        What was missing if there are no scans.
    """
    if not scans:
        figure = new_figure("double", 40)
        say_missing(figure.subplots(), missing)
        return figure
    scans = sorted(scans, key=lambda scan: _moment(scan[0]))
    alike = len({np.shape(scan[2]) for scan in scans}) == 1
    rows, columns = (
        body_frame(np.stack([scan[2] for scan in scans]), spacing_mm) if alike else (slice(None), slice(None))
    )
    height = row_height_mm(np.asarray(scans[0][2])[rows, columns].shape, spacing_mm, len(scans))
    height = min(height, 80.0)  # one or two scans would fill a page
    figure = new_figure("double", 2 * height + 66)
    figure.get_layout_engine().set(rect=(0, 0, 1, 0.985))  # the dates are at the upper edge
    pictures, below = figure.subfigures(2, 1, height_ratios=(2 * height + 20, 40))
    axes = pictures.subplots(2, len(scans), squeeze=False)
    for (above, overlaid), (date, status, hu, label_map, poi, ihu) in zip(axes.T, scans, strict=True):
        for ax in (above, overlaid):
            show_section(ax, np.asarray(hu)[rows, columns], spacing_mm)
            sides(ax)
        overlay(overlaid, np.asarray(label_map)[rows, columns], spacing_mm)
        above.set_title(f"{_day(date, '%b %Y')}\n{status}", loc="center", color=COLOURS.get(status, COLOURS["ink"]))
        overlaid.set_xlabel(f"POI {100 * poi:.1f} %\n" + (f"iHU {ihu:.0f} HU" if np.isfinite(ihu) else "no infection"))
    scale_bar(axes[-1, -1])
    _course(below.subplots(), scans)
    key(figure, [INFECTION_KEY, LUNG_KEY, WINDOW_KEY])
    course = "; ".join(f"{_day(date)}, {status}, POI {100 * poi:.1f} %" for date, status, _, _, poi, _ in scans)
    figure.alt = (
        f"One patient's axial CT sections at {len(scans)} dates, the infection in red below, and POI over time with "
        f"red dots where the patient was severe and green squares where not: {course}."
    )
    figure.caption = (
        f"{title or 'One patient over time'}: an axial section of {count(len(scans), 'scan')} at about the same height "
        "(above), the same with the lung outlined and the infection in red (middle), and the portion of infection "
        "(POI) of the whole lungs with the status at each date (below; red dots: severe, green squares: non-severe). "
        f"iHU: mean Hounsfield unit of the infection. {WINDOW_SAID}"
    )
    return figure


def _moment(date):
    return date if isinstance(date, int) else pandas.Timestamp(date)


def _day(date, form="%b"):
    date = _moment(date)
    return f"day {date}" if isinstance(date, int) else f"{date.day} {date.strftime(form)}"


def _course(ax, scans):
    """POI over time with the status marks, under the pictures of Figure 5, whose titles name every date."""
    days = [_moment(scan[0]) for scan in scans]
    poi = [100 * scan[4] for scan in scans]
    ax.plot(days, poi, color=COLOURS["faint"], linewidth=0.8, zorder=1)
    for day, value, scan in zip(days, poi, scans, strict=True):
        ax.plot(
            day,
            value,
            marker=MARKERS.get(scan[1], "o"),
            markersize=6,
            linestyle="none",
            color=COLOURS.get(scan[1], COLOURS["ink"]),
            clip_on=False,
            zorder=3,
        )
    ax.set_ylabel("POI (%)")
    ax.set_ylim(0, max(max(poi) * 1.15, 1.0))
    ax.margins(x=0.06)
    named = days[:1]  # the dates that have room for their names
    for day in days[1:]:
        named += [day] * (day - named[-1] >= 0.1 * (days[-1] - days[0]))
    ax.set_xticks(days, [_day(day) if day in named else "" for day in days])


@styled
def false_positives(hu, predicted, reference, spacing_mm, title=""):
    """Draw Figure 6: what the network called infection on a section with motion, and which part of it is false.

    Parameters
    ----------
    hu : array (y, x) or (section, y, x), HU
    predicted, reference : bool arrays of the same shape
        Infection by the network and by the reference.
    """
    hu, predicted, reference = (
        np.asarray(a)[None] if np.ndim(a) == 2 else np.asarray(a) for a in (hu, predicted, reference)
    )
    if not hu.shape == predicted.shape == reference.shape:
        raise ValueError(
            f"hu {hu.shape}, predicted {predicted.shape} and reference {reference.shape} are of "
            "different shape; crop all three alike"
        )
    if not hu.size:
        figure = new_figure("double", 40)
        say_missing(figure.subplots(), title or "no scan with motion")
        return figure
    rows, columns = body_frame(hu, spacing_mm)
    hu = hu[:, rows, columns]
    predicted, reference = (m[:, rows, columns].astype(bool) for m in (predicted, reference))
    figure = new_figure("double", 9 + len(hu) * row_height_mm(hu.shape[1:], spacing_mm, 3))
    for row, axes in enumerate(figure.subplots(len(hu), 3, squeeze=False)):
        for ax in axes:
            show_section(ax, hu[row], spacing_mm)
            sides(ax)
        fill(axes[1], predicted[row], spacing_mm, RED, 0.35)
        outline(axes[1], predicted[row], spacing_mm, RED, 0.8)
        fill(axes[2], predicted[row] & ~reference[row], spacing_mm, YELLOW, 0.6)
        outline(axes[2], reference[row], spacing_mm, CYAN, 0.8)
        if row == 0:
            for ax, words in zip(axes, ("CT", "network", "false positive"), strict=True):
                write_on(ax, 0.02, 0.98, words, "left", "top")
        scale_bar(axes[-1])
    false = predicted & ~reference
    shown = [  # the key lists only what is in the picture
        (predicted, Patch(facecolor=(*RED, 0.35), edgecolor=RED, label="infection, network")),
        (false, Patch(facecolor=YELLOW, alpha=0.6, label="false positive")),
        (reference, Line2D([], [], color=CYAN, linewidth=0.8, label="infection, reference")),
    ]
    key(figure, [entry for mask, entry in shown if mask.any()] + [WINDOW_KEY])
    areas = [f"{mask.sum() * spacing_mm[-2] * spacing_mm[-1] / 100:.0f} cm²" for mask in (predicted, false)]
    figure.alt = (
        f"{title}. An axial CT section three times: as it is; with what the network called infection in red, "
        f"{areas[0]}; and with the false part of it in yellow, {areas[1]}, and the reference "
        + ("outlined in blue." if reference.any() else "empty: this section has no infection.")
    )
    figure.caption = (
        f"{title}: the axial section with the largest false-positive area. Left, CT; middle, what the network called "
        f"infection, {areas[0]}; right, the false-positive part of it, {areas[1]}, with the reference "
        + ("outlined. " if reference.any() else "(no infection in this section). ")
        + f"{WINDOW_SAID}"
    )
    return figure


@styled
def montage(scans, spacing_mm, title="", columns=4, label_maps=None):
    """Draw many sections side by side, one per scan, to see at a glance what a cohort looks like.

    Parameters
    ----------
    scans : list of (title, hu)
        hu (y, x), HU. Sections may be of different size; each is drawn at its own size in mm.
    spacing_mm : tuple or list of tuple
        Ends with (y, x); one for all, or one per scan.
    label_maps : list of array (y, x), optional
        Outlined where given.
    """
    if not scans:
        figure = new_figure("double", 40)
        say_missing(figure.subplots(), "no scan to show")
        return figure
    spacings = list(spacing_mm) if np.ndim(spacing_mm) == 2 else [spacing_mm] * len(scans)
    columns = min(columns, len(scans))
    n_rows = -(-len(scans) // columns)
    tallest = max(
        row_height_mm(np.shape(hu), spacing, columns) for (_, hu), spacing in zip(scans, spacings, strict=True)
    )
    said = [lines_of(words, COLUMN_MM["double"] / columns / LETTER_MM) for words, _ in scans]
    most_lines = max(map(len, said))
    figure = new_figure("double", 7 + n_rows * (tallest + 2 + 3.5 * most_lines))
    axes = figure.subplots(n_rows, columns, squeeze=False).ravel()
    for index, ax in enumerate(axes):
        if index >= len(scans):
            ax.set_axis_off()
            continue
        _, hu = scans[index]
        show_section(ax, np.asarray(hu), spacings[index])
        if label_maps is not None:
            overlay(ax, np.asarray(label_maps[index]), spacings[index])
        sides(ax)
        ax.set_title("\n".join(said[index]))
        scale_bar(ax)
    key(figure, ([INFECTION_KEY, LUNG_KEY] if label_maps is not None else []) + [WINDOW_KEY])
    figure.alt = f"{title}: {len(scans)} axial CT sections, {WINDOW_WORDS}; {'; '.join(words for words, _ in scans)}."
    outlined = ", the lung outlined and the infection in red" * (label_maps is not None)
    figure.caption = f"{title}. Axial sections{outlined}. {WINDOW_SAID}"
    return figure
