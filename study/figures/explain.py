"""Figures that explain a method on the run's own data, for readers who know Python but not radiology.

As in ``plots``: arrays and tables in, a matplotlib ``Figure`` out, drawn also when data are missing.
"""

import numpy as np
from matplotlib.patches import Rectangle

from study.figures.one_section import (
    INFECTION_KEY,
    LUNG_KEY,
    LUNG_WINDOW_HU,
    MARKS_SAID,
    SOFT_TISSUE_WINDOW_HU,
    WINDOW_KEY,
    WINDOW_SAID,
    body_frame,
    overlay,
    row_height_mm,
    scale_bar,
    show_section,
    sides,
)
from study.figures.plots import letter
from study.figures.style import COLOURS, new_figure, say_missing, styled
from study.plural import count
from study.results.words import as_share
from study.scans.labels import BACKGROUND, INFECTION, LUNG

# Where tissues lie on the HU scale: air and water by definition, the others roughly.
LANDMARKS = {"air": (-1000, "center"), "healthy lung": (-850, "center"), "ground glass": (-500, "center"),
             "fat": (-100, "center"), "water": (0, "center"), "muscle": (60, "left")}  # fmt: skip
LUNG_HU, LIVER_HU, CONSOLIDATION_HU = -850.0, 50.0, -30.0


def _middle(hu, label_map, spacing_mm):
    """The middle of some sections, cut to the patient: (hu, label_map), each (y, x)."""
    rows, columns = body_frame(hu, spacing_mm)
    middle = len(hu) // 2
    return np.asarray(hu)[middle, rows, columns], np.asarray(label_map)[middle, rows, columns]


def _nothing(title):
    figure = new_figure("double", 40)
    say_missing(figure.subplots(), title or "no section to show")
    return figure


@styled
def hu_windows(hu, label_map, spacing_mm, title="", **_):
    """Draw what a HU window does to one section, and what a thick section does to structures thinner than it.

    Parameters
    ----------
    hu, label_map : array (section, y, x)
        The middle one is shown.
    spacing_mm : tuple
        Ends with (y, x).
    title : str
        Printed in the figure where there is no section.
    **_
        The other items of ``examples.three_sections``, which are not drawn.
    """
    if not len(hu):
        return _nothing(title)
    section, labels = _middle(hu, label_map, spacing_mm)
    height = row_height_mm(section.shape, spacing_mm, 3)
    figure = new_figure("double", 62 + height)
    above, below = figure.subfigures(2, 1, height_ratios=(52, height + 10))
    _hu_scale(*above.subplots(2, 1, height_ratios=(4, 1)), section, labels)
    lung, soft, partial = below.subplots(1, 3)
    windows = ((lung, "b", "Lung window", LUNG_WINDOW_HU), (soft, "c", "Soft-tissue window", SOFT_TISSUE_WINDOW_HU))
    for ax, which, words, window in windows:
        letter(ax, which, words)
        ax.set_xlabel(f"level {window[0]:.0f}, width {window[1]:.0f} HU".replace("-", "−"))
        show_section(ax, section, spacing_mm, window)
        sides(ax)
        scale_bar(ax)
    letter(partial, "d")
    _partial_volume(partial)
    figure.alt = (
        "Four panels. Histogram of the HU of one section, with where air, lung, ground glass, fat, water and muscle "
        "lie, and how two windows turn HU into grey. The section in the lung window, where lung shows its structure; "
        "in the soft-tissue window, where lung is black. A sketch along the body: sections of 10 mm give the diaphragm "
        "and a consolidation of 6 mm the density of ground glass, sections of 1 mm do not."
    )
    figure.caption = (
        "The scale of Hounsfield units (HU). (a) How often each HU occurs in one axial section, where tissues lie, and "
        "the grey that two windows give to each HU. (b, c) The section in both windows. (d) A sketch along the body: "
        "thick sections average what lies in them, and give the diaphragm and a small consolidation the HU of ground "
        f"glass. {MARKS_SAID}"
    )
    return figure


def _hu_scale(counts, greys, section, labels):
    """Draw a histogram of a section over the HU scale, and below it the grey that each window gives to each HU."""
    ends = (-1100, 400)
    counts.set_title("(a)", pad=14)
    parts = [
        (labels == LUNG, "lung without infection", "first"),
        (labels == INFECTION, "infection", "severe"),
        (labels == BACKGROUND, "all else", "faint"),
    ]
    for mask, words, colour in parts:
        counts.hist(section[mask], bins=np.arange(*ends, 20), histtype="stepfilled", alpha=0.5, color=COLOURS[colour],
                    label=f"{words} (n = {mask.sum()} pixels)")  # fmt: skip
    counts.set(ylabel="Pixels", yscale="log", xlim=ends, xticklabels=[])
    counts.set_ylim(0.7, 30 * counts.get_ylim()[1])  # room for the key
    counts.legend(loc="upper right", ncols=3, handlelength=1.2, columnspacing=1.2)
    for words, (place, side) in LANDMARKS.items():
        counts.axvline(place, ymax=0.75, color=COLOURS["ink"], linewidth=0.5, linestyle=(0, (1, 2)))
        counts.text(place, 1.02, words, transform=counts.get_xaxis_transform(), ha=side, va="bottom")
    scale = np.linspace(*ends, 600)
    for row, (level, width) in enumerate((LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU)):
        grey = np.clip((scale - level) / width + 0.5, 0, 1)
        greys.imshow(grey[None], cmap="gray", vmin=0, vmax=1, aspect="auto", extent=(*ends, row + 0.95, row + 0.05))
    greys.set(xlim=ends, ylim=(2, 0), xlabel="HU")
    greys.set_yticks([0.5, 1.5], ["lung window", "soft-tissue window"])
    greys.spines["left"].set_visible(False)


def _partial_volume(ax):
    """Sketch liver, lung and a small consolidation along the body, as seen in sections of 1 and of 10 mm."""
    step_mm, length_mm = 0.1, 50
    place = np.arange(step_mm / 2, length_mm, step_mm)
    truth = np.where(place < 13, LIVER_HU, np.where((place > 32) & (place < 38), CONSOLIDATION_HU, LUNG_HU))
    for thickness_mm, colour, width in ((1, "first", 0.8), (10, "second", 1.6)):
        edges = np.arange(0, length_mm + thickness_mm, thickness_mm)
        seen = truth.reshape(-1, round(thickness_mm / step_mm)).mean(axis=1)
        words = f"sections of {thickness_mm} mm"
        ax.stairs(seen, edges, baseline=None, color=COLOURS[colour], linewidth=width, label=words)
    ax.axhspan(-750, -300, color=COLOURS["faint"], alpha=0.15, linewidth=0)
    for x, y, words in ((21.5, -450, "ground glass"), (13, 80, "diaphragm"), (35, 0, "6 mm of\nconsolidation")):
        ax.text(x, y, words, ha="center", va="bottom")  # where no line passes
    ax.set(xlabel="Place along the body (mm)", ylabel="HU", xlim=(0, length_mm), ylim=(-950, 650))
    ax.legend(loc="upper right", handlelength=1.2)


@styled
def network_input(channels, offsets_mm, infection, spacing_mm, title=""):
    """Draw what the 2.5D network is given, a section with its neighbours, and what it must predict.

    Parameters
    ----------
    channels : float array (section, y, x)
        As the network gets them: -1..3, from caudal to cranial, the section itself in the middle.
    offsets_mm : sequence of float
        Distance of each from the section itself, mm, positive towards the head.
    infection : bool array (y, x)
        Of the section itself.
    spacing_mm : tuple
        Ends with (y, x).
    title : str
        Printed above, or in the figure where there is no section.
    """
    if not len(channels):
        return _nothing(title)
    n = len(channels) + 1
    figure = new_figure("double", 20 + row_height_mm(infection.shape, spacing_mm, n))
    axes = figure.subplots(1, n)
    for ax, channel, offset in zip(axes, channels, offsets_mm, strict=False):
        words = "the section itself" if offset == 0 else f"{abs(offset):.0f} mm {'above' if offset > 0 else 'below'}"
        ax.set_title(words)
        show_section(ax, channel, spacing_mm, (1.0, 4.0))
    middle = len(channels) // 2
    axes[-1].set_title("the answer to learn")
    show_section(axes[-1], channels[middle], spacing_mm, (1.0, 4.0))
    overlay(axes[-1], np.where(infection, INFECTION, 0), spacing_mm)
    for ax in axes:
        sides(ax)
    scale_bar(axes[-1])
    greys = "black: 250 HU and more below this patient's healthy lung; white: 750 HU above it"
    figure.legend(handles=[INFECTION_KEY], loc="outside lower center", title=greys)
    count = "an axial CT section" if len(channels) == 1 else f"{len(channels)} axial CT sections"
    figure.alt = (
        f"{title}: {count} that the network is given, at "
        f"{', '.join(f'{offset:z.0f}' for offset in offsets_mm)} mm, and the infection of the middle one in red, "
        f"{infection.sum() * spacing_mm[-2] * spacing_mm[-1] / 100:.0f} cm²."
    )
    figure.caption = (
        f"What the network is given ({title}): {count}, each with its distance from the section itself, and the "
        f"infection of that one (red), which it must predict. {greys[:1].upper()}{greys[1:]}. {MARKS_SAID}"
    )
    return figure


@styled
def poi_and_ihu(hu, label_map, spacing_mm, title="", **_):
    """Draw POI and iHU on one section: which pixels count, and how their HU are distributed.

    Parameters
    ----------
    hu, label_map : array (section, y, x)
        The middle one is shown.
    spacing_mm : tuple
        Ends with (y, x).
    title : str
        Printed above, or in the figure where there is no section.
    **_
        The other items of ``examples.three_sections``, which are not drawn.
    """
    if not len(hu) or not (np.asarray(label_map)[len(hu) // 2] == INFECTION).any():
        return _nothing(title if not len(hu) else "the section has no infection")
    section, labels = _middle(hu, label_map, spacing_mm)
    pixel_cm2 = spacing_mm[-2] * spacing_mm[-1] / 100
    lung, infection = labels >= LUNG, labels == INFECTION
    ihu = section[infection].mean()
    figure = new_figure("double", 14 + row_height_mm(section.shape, spacing_mm, 3))
    picture, marked, counts = figure.subplots(1, 3)
    letter(picture, "a")
    for ax in (picture, marked):
        show_section(ax, section, spacing_mm)
        sides(ax)
    overlay(marked, labels, spacing_mm)
    scale_bar(marked)
    n_ill, n_lung = int(infection.sum()), int(lung.sum())
    ill, area = (f"{n * pixel_cm2:.1f} cm²" for n in (n_ill, n_lung))
    poi = f"{n_ill} / {n_lung} = {100 * n_ill / n_lung:.1f} %"  # of pixels: rounded areas may give another quotient
    letter(marked, "b", f"lung {area}\ninfection {ill}")
    letter(counts, "c", f"POI {poi}\niHU {ihu:.0f} HU")
    bins = np.arange(-1000, 201, 25)
    for mask, colour, words in (
        (lung & ~infection, "first", "lung without infection"),
        (infection, "severe", "infection"),
    ):
        counts.hist(np.clip(section[mask], -1000, 199), bins=bins, histtype="stepfilled", alpha=0.5,
                    color=COLOURS[colour], label=f"{words} (n = {mask.sum()})")  # fmt: skip
    counts.axvline(ihu, ymax=0.72, color=COLOURS["ink"], linewidth=0.8)
    counts.text(ihu, 0.6, " iHU", transform=counts.get_xaxis_transform())
    counts.set(xlabel="HU", ylabel="Pixels", xlim=(-1000, 200), ylim=(0, 1.35 * counts.get_ylim()[1]))
    counts.legend(loc="upper right", handlelength=1.2)
    figure.legend(handles=[INFECTION_KEY, LUNG_KEY, WINDOW_KEY], loc="outside lower center", ncols=3)
    figure.alt = (
        f"One axial section: as it is; with {area} of lung outlined and {ill} of infection in red, a POI of {poi} of "
        "the pixels of this section; and the histogram of their HU, that of the infection with "
        f"its mean, an iHU of {ihu:.0f} HU."
    )
    figure.caption = (
        f"What the biomarkers are, on one axial section ({title}): (a) CT; (b) {n_lung} pixels of lung (outlined, "
        f"{area}), {n_ill} of which are infection (red, {ill}), so that the portion of infection (POI) of this section "
        f"is {poi}; (c) how often each HU occurs in both, and the mean Hounsfield unit "
        f"of the infection (iHU), {ihu:.0f} HU. {WINDOW_SAID}"
    )
    return figure


@styled
def roc_point(values, is_severe, cutoff, curve, words):
    """Draw what one point of an ROC curve means: two distributions, a cut-off, and the shares beyond it.

    Parameters
    ----------
    values : array (n,)
        The score; a scan is called severe at or above the cut-off. NaN is left out.
    is_severe : bool array (n,)
    cutoff : float
    curve : DataFrame
        ``fpr`` and ``tpr`` (0..1) of the values.
    words : str
        Name and unit of the values, for the axis.
    """
    import seaborn  # here, as it takes a second to import

    known = np.isfinite(np.asarray(values, float))
    values, is_severe = np.asarray(values, float)[known], np.asarray(is_severe, bool)[known]
    if not len(values) or not np.isfinite(cutoff):
        return _nothing("no cut-off: both severe and non-severe scans are needed")
    figure = new_figure("double", 70)
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    letter(left, "a")
    letter(right, "b")
    called = values >= cutoff
    found = {
        status: (int(called[group].sum()), int(group.sum()))
        for status, group in (("severe", is_severe), ("non-severe", ~is_severe))
    }
    names = {status: f"{status} (n = {count(n, 'scan')})" for status, (_, n) in found.items()}
    seaborn.histplot(
        x=values,
        hue=np.where(is_severe, *names.values()),
        hue_order=names.values(),
        palette={name: COLOURS[status] for status, name in names.items()},
        bins=40,
        stat="percent",
        common_norm=False,
        element="step",
        alpha=0.45,
        linewidth=0,
        ax=left,
    )
    seaborn.move_legend(left, "upper right", title=None, ncols=2)
    left.axvline(cutoff, ymax=0.6, color=COLOURS["ink"], linewidth=0.8)
    rates = {status: beyond / max(n, 1) for status, (beyond, n) in found.items()}
    said = (
        f"called severe from {cutoff:.1f}{' %' * words.endswith('(%)')} on:\n"
        f"{found['severe'][0]} of {found['severe'][1]} severe scans,\nsensitivity {100 * rates['severe']:.0f} %;\n"
        f"{found['non-severe'][0]} of {found['non-severe'][1]} non-severe scans,\n"
        f"1 − specificity {100 * rates['non-severe']:.0f} %"
    )
    highest = left.get_ylim()[1]
    left.set_ylim(top=1.9 * highest)  # room for the words, where no share is
    left.set_yticks([tick for tick in left.get_yticks() if 0 <= tick <= min(highest, 100)])
    if words.endswith("(%)"):
        left.set_xlim(max(left.get_xlim()[0], 0), min(left.get_xlim()[1], 100))
    left.text(0.98, 0.88, said, transform=left.transAxes, ha="right", va="top")
    left.set(xlabel=words, ylabel="Scans of the group (%)")
    right.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=0.6, linestyle=(0, (2, 2)))
    right.plot(curve["fpr"], curve["tpr"], color=COLOURS["first"])
    x, y = rates["non-severe"], rates["severe"]
    right.plot([x, x, 0], [0, y, y], color=COLOURS["ink"], linewidth=0.5, linestyle=(0, (1, 2)))
    right.plot(x, y, marker="o", markersize=5, markerfacecolor="white", markeredgecolor=COLOURS["first"], zorder=4)
    right.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel="1 − specificity", ylabel="Sensitivity")
    figure.alt = (
        f"Left: histograms of {words} of severe and non-severe scans; {' '.join(said.split())}. "
        "Right: the ROC curve with the point that this cut-off is."
    )
    figure.caption = (
        f"What one point of a receiver operating characteristic curve is: (a) {words[:1].lower()}{words[1:]} of severe "
        f"and non-severe scans, and a cut-off (line): {' '.join(said.split())}; (b) the curve, with the point that "
        "this cut-off is."
    )
    return figure


@styled
def chance_agreement(cases, title=""):
    """Draw why agreement is not enough: the cases as they are, as expected by chance, and kappa.

    Parameters
    ----------
    cases : DataFrame
        ``report`` and ``biomarker``, each 1 for up and 0 for down; cases where either is missing are left out.
    title : str
        What is compared.
    """
    counts = np.array([[((cases["report"] == r) & (cases["biomarker"] == b)).sum() for b in (1, 0)] for r in (1, 0)])
    n = counts.sum()
    if not n:
        return _nothing("no case has both a report and a change of the biomarker")
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    observed_agreement, chance = np.trace(counts) / n, np.trace(expected) / n
    kappa = (observed_agreement - chance) / (1 - chance) if chance < 1 else np.nan
    figure = new_figure("double", 62)
    left, middle, right = figure.subplots(1, 3)
    for ax, which, table, words in ((left, "a", counts, "the cases"), (middle, "b", expected, "if both guessed")):
        letter(ax, which, words)
        for row, column in np.ndindex(2, 2):
            colour = COLOURS["first"] if row == column else COLOURS["second"]
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, alpha=0.25, edgecolor="white"))
            shown = f"{table[row, column]:.0f}" if ax is left else f"{table[row, column]:.1f}"
            ax.text(column + 0.5, row + 0.5, shown, ha="center", va="center", fontsize=9)
        ax.set(xlim=(0, 2), ylim=(2, 0), aspect="equal", xlabel="biomarker", ylabel="report")
        ax.set_xticks([0.5, 1.5], ["up", "down"])
        ax.set_yticks([0.5, 1.5], ["up", "down"])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    left.set_xlabel(f"biomarker\nagree: {np.trace(counts):.0f} of {n:.0f} = {as_share(observed_agreement)}")
    middle.set_xlabel(f"biomarker\nagree: {np.trace(expected):.1f} of {n:.0f} = {as_share(chance)}")
    letter(right, "c", f"kappa = {as_share(kappa)}" if np.isfinite(kappa) else "kappa is undefined")
    low, high = sorted((chance, observed_agreement))
    right.bar(0, chance, color=COLOURS["faint"], alpha=0.4, width=0.6)
    right.bar(
        0, high - low, bottom=low, color=COLOURS["first" if observed_agreement >= chance else "second"], width=0.6
    )
    right.bar(0, 1 - chance, bottom=chance, fill=False, edgecolor=COLOURS["ink"], linewidth=0.8, width=0.6)
    side = "top" if observed_agreement > (1 + chance) / 2 else "bottom"  # so that no word covers another
    for height, words, va in (
        (1.0, "full", "bottom"),
        (observed_agreement, "observed", side),
        (chance, "chance", "top"),
    ):
        right.text(0.36, height, words, va=va)
    right.set(
        xlim=(-0.4, 1.1),
        ylim=(0, 1.08),
        xticks=[],
        ylabel="Agreement",
        xlabel="kappa: the filled share of\nwhat chance leaves open",
    )
    figure.alt = (
        f"{title}: two-by-two table of {n:.0f} cases, agreement {as_share(observed_agreement)}; the same margins by "
        f"chance, agreement {as_share(chance)}; kappa, the share reached of what chance leaves open, {as_share(kappa)}."
    )
    figure.caption = (
        f"Why agreement is not enough: {title}. (a) {n:.0f} cases by report and biomarker, agreement "
        f"{as_share(observed_agreement)}; (b) what is expected if both guessed with the same frequencies, agreement "
        f"{as_share(chance)}; (c) kappa, the share reached of what chance leaves open: {as_share(kappa)}."
    )
    return figure
