"""Scroll through a scan's sections, with and without the label map, in any HU window."""

import ipywidgets

from study.figures.one_section import LUNG_WINDOW_HU, body_frame, draw_section, of_one_scan, widest_sections
from study.figures.style import new_figure, styled
from study.lab.play.panel import WIDE, Panel
from study.measures.biomarkers import portion_of_infection
from study.scans.labels import INFECTION, LUNG


@styled
def panel(hu, label_map, spacing_mm):
    """Scroll through sections, starting at the one with the largest infected area.

    Parameters
    ----------
    hu : array (z, y, x), HU
    label_map : uint8 array (z, y, x)
        0 background, 1 lung, 2 infection.
    spacing_mm : tuple
        (z, y, x).

    Returns
    -------
    Panel
        Controls ``section`` (1 is the lowest), ``mask`` (shown or not), ``level`` and ``width`` of the window (HU).

    Raises
    ------
    ValueError
        If the two arrays are not of one shape.
    """
    hu, label_map = of_one_scan(hu, label_map)
    rows, columns = body_frame(hu, spacing_mm)
    figure = new_figure("single", 75)
    ax = figure.subplots()
    level, width = (int(number) for number in LUNG_WINDOW_HU)
    controls = {
        "section": ipywidgets.IntSlider(int(widest_sections(label_map, 1)[0]) + 1, 1, len(hu), **WIDE),
        "mask": ipywidgets.Checkbox(True, **WIDE),
        "level": ipywidgets.IntSlider(level, -1000, 400, 10, **WIDE),
        "width": ipywidgets.IntSlider(width, 50, 2000, 10, **WIDE),
    }
    for name, words in (
        ("section", "section"),
        ("mask", "label map"),
        ("level", "level (HU)"),
        ("width", "width (HU)"),
    ):
        controls[name].description = words

    @styled
    def draw(section, mask, level, width):
        labels = label_map[section - 1]
        shown = labels[rows, columns] if mask else None
        draw_section(ax, hu[section - 1][rows, columns], spacing_mm, shown, (level, width))
        lung, infected = (labels >= LUNG).sum(), (labels == INFECTION).sum()
        colours = " Lung outlined in blue, infection in red." * mask
        share = f"{100 * portion_of_infection(infected, lung):.1f} % of its lung infected" if lung else "no lung"
        return (
            f"Section {section} of {len(hu)}, {(section - 1) * spacing_mm[0]:.0f} mm above the lowest: {share}. "
            f"Black below {level - width / 2:.0f} HU, white above {level + width / 2:.0f} HU.{colours}"
        )

    return Panel(controls, draw, figure)
