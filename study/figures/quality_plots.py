"""Figures of how well scans were segmented and measured: agreement with the truth, Dice by size, the worst scans.

As in ``plots``: tables and arrays in, a matplotlib ``Figure`` out, drawn also when data are missing.
"""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from study.figures.one_section import (
    CYAN,
    RED,
    WINDOW_KEY,
    WINDOW_SAID,
    outline,
    row_height_mm,
    scale_bar,
    show_section,
    sides,
)
from study.figures.plots import letter
from study.figures.style import COLOURS, MARKERS, new_figure, say_missing, styled
from study.plural import count
from study.results.words import as_dice

N_BINS = 8  # with equally many scans in each
LEAST_POI = (0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)  # fraction of the lung


@styled
def bland_altman(table, true="true", measured="measured", unit="", quantity="value"):
    """Draw measured against true values, and their difference (bias and 95 % limits of agreement).

    Parameters
    ----------
    table : DataFrame
        One row per scan with the two columns named by ``true`` and ``measured``, in ``unit``. An optional column
        ``status`` sets the colour and shape of the marks.

    References
    ----------
    Bland JM, Altman DG. Lancet 1986;327:307-310.
    """
    figure = new_figure("double", 75)
    left, right = figure.subplots(1, 2)
    letter(left, "a")
    letter(right, "b")
    of_unit = f" ({unit})" if unit else ""
    left.set(xlabel=f"True {quantity}{of_unit}", ylabel=f"Measured {quantity}{of_unit}")
    of_difference = " (percentage points)" if unit == "%" else of_unit
    right.set(xlabel=f"Mean of true and measured{of_unit}", ylabel=f"Measured − true{of_difference}")
    known = table.dropna(subset=[true, measured]) if {true, measured} <= set(table.columns) else table.iloc[:0]
    if not len(known):
        for ax in (left, right):
            say_missing(ax, f"no scan has both a true and a measured {quantity}")
        return figure
    truth, seen = (np.asarray(known[c], float) for c in (true, measured))
    status = np.asarray(known["status"].fillna("status unknown")) if "status" in known else np.full(len(known), "scans")
    for group in dict.fromkeys(status):
        mine = status == group
        look = {
            "s": 7,
            "alpha": 0.6,
            "linewidths": 0,
            "rasterized": True,
            "marker": MARKERS.get(group, "o"),
            "color": COLOURS.get(group, COLOURS["first"]),
            "label": f"{group} (n = {mine.sum()})",
        }
        left.scatter(truth[mine], seen[mine], **look)
        right.scatter((truth[mine] + seen[mine]) / 2, seen[mine] - truth[mine], **look)
    both = [min(truth.min(), seen.min()), max(truth.max(), seen.max())]
    left.plot(both, both, color=COLOURS["faint"], linewidth=0.6, linestyle=(0, (2, 2)))
    if len(known) > 2 and truth.std() > 0 and seen.std() > 0:
        left.text(0.98, 0.02, f"r = {np.corrcoef(truth, seen)[0, 1]:z.3f}", transform=left.transAxes, ha="right")
    _legend_below(figure, left)
    n_scans = count(len(known), "scan")
    difference = seen - truth
    bias, spread = difference.mean(), difference.std(ddof=1) if len(known) > 1 else np.nan
    lines = [(bias, "bias")] + (
        [(bias + 1.96 * spread, "+1.96 SD"), (bias - 1.96 * spread, "-1.96 SD")] if np.isfinite(spread) else []
    )
    for height, words in lines:
        right.axhline(height, color=COLOURS["ink"], linewidth=0.6, linestyle="-" if words == "bias" else "--")
        right.text(
            1.0, height, f"{words} = {height:z.2f}", transform=right.get_yaxis_transform(), ha="right", va="bottom"
        )
    figure.alt = (
        f"Measured against true {quantity} of {n_scans}, and their difference against their mean: "
        + ", ".join(f"{words} {height:z.2f}" for height, words in lines)
        + f"{of_difference}."
    )
    figure.caption = (
        f"Measured and true {quantity} of {n_scans}: (a) one against the other, dashed where they are equal; "
        "(b) their difference against their mean (Bland and Altman), with the bias and the 95 % limits of agreement: "
        + ", ".join(f"{words} {height:z.2f}" for height, words in lines)
        + f"{of_difference}. The limits are the same for all sizes: where the differences grow with the {quantity}, "
        "they are too wide for small ones and too narrow for large ones."
    )
    return figure


def _legend_below(figure, ax):
    """Explain the marks below both panels: among hundreds of points a legend's own look like data."""
    handles, labels = ax.get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    for mark in legend.legend_handles:
        mark.set(rasterized=False, alpha=1)  # a legend shows no mark that is rasterized


@styled
def dice_by_size(truth):
    """Draw (a) Dice by volume of infection; (b) mean Dice when scans with less infection are left out.

    Parameters
    ----------
    truth : DataFrame
        ``infection_dice`` (0..1, NaN where undefined), ``true_infection_ml``, ``true_poi`` (fraction 0..1), ``motion``
        (true, false, or None where it is not known); one row per scan. Scans without true infection have no place on
        the logarithmic axis of (a), and count in (b) only at 0 %.
    """
    figure = new_figure("double", 75)
    left, right = figure.subplots(1, 2)
    letter(left, "a")
    letter(right, "b")
    known = truth.dropna(subset=["infection_dice"])
    infected = known[known["true_infection_ml"] > 0].sort_values("true_infection_ml", kind="stable")
    if infected.empty:
        for ax in (left, right):
            say_missing(ax, "no scan with true infection")
        return figure
    moved = infected["motion"]
    groups = [(moved.eq(False), "first", "o", "breath held"), (moved.eq(True), "second", "^", "motion"),
              (moved.isna(), "third", "s", "motion unknown")]  # fmt: skip
    for group, colour, marker, words in groups:
        shown = infected[group]
        if shown.empty:
            continue
        left.scatter(shown["true_infection_ml"], shown["infection_dice"], s=7, alpha=0.5, linewidths=0, rasterized=True,
                     marker=marker, color=COLOURS[colour], label=f"{words} (n = {len(shown)})")  # fmt: skip
    bins = [infected.iloc[part] for part in np.array_split(np.arange(len(infected)), min(N_BINS, len(infected)))]
    medians = np.array([(part["true_infection_ml"].median(), part["infection_dice"].median()) for part in bins])
    sizes = dict.fromkeys(len(part) for part in reversed(bins))  # the smaller first; they differ by one at most
    if len(bins[0]) > 1:  # else the marks would hide the scans themselves
        of_each = f"median of each {' or '.join(map(str, sizes))} scans"
        left.plot(*medians.T, color=COLOURS["ink"], marker="D", markersize=3, label=of_each)
    left.set(xscale="log", xlabel="True infection (ml)", ylabel="Infection Dice", ylim=(-0.02, 1.02))
    left.xaxis.set_major_formatter(FuncFormatter(lambda ml, _: f"{ml:g}"))
    _legend_below(figure, left)

    n_infected = count(len(infected), "scan")
    (first_ml, first), (last_ml, last) = medians[0], medians[-1]
    figure.alt = (
        f"Infection Dice of {n_infected} by true volume of infection, with medians from {as_dice(first)} at "
        f"{first_ml:.0f} ml to {as_dice(last)} at {last_ml:.0f} ml."
    )
    figure.caption = (
        f"Dice of the infection by its size: (a) of {n_infected} with infection by its true volume"
        + ", with the medians of groups of about equal size" * (len(bins[0]) > 1)
        + "; (b) mean over the scans whose true portion of infection (POI) is at "
        "least as given, with the number of these scans."
    )

    kept = {poi: known.loc[known["true_poi"] >= poi, "infection_dice"] for poi in LEAST_POI}
    kept = {poi: dice for poi, dice in kept.items() if len(dice)}
    if not kept:  # as in data sets with infection masks only
        say_missing(right, "no scan whose true lungs are known, so no true POI")
        return figure
    means = [dice.mean() for dice in kept.values()]
    right.plot(range(len(kept)), means, color=COLOURS["first"], marker="o", markersize=4)
    for place, (mean, dice) in enumerate(zip(means, kept.values(), strict=True)):
        right.annotate(f"{len(dice)}", (place, mean), xytext=(0, 5), textcoords="offset points", ha="center")
    right.set_xticks(range(len(kept)), [f"{100 * poi:g}" for poi in kept])
    right.set(xlabel="Least true POI (%); the numbers say how many scans", ylabel="Mean infection Dice", ylim=(0, 1.02))
    counts = [len(dice) for dice in kept.values()]
    figure.alt += (
        f" And the mean Dice of scans with at least some true POI, from {as_dice(means[0])} (all {counts[0]}) to "
        f"{as_dice(means[-1])} ({count(counts[-1], 'scan')} with {100 * max(kept):g} % or more)."
    )
    return figure


@styled
def worst_scans(cases):
    """Draw the worst segmented scans, each by the section in which network and truth differ most.

    Parameters
    ----------
    cases : list of dict
        As from ``examples.worst_scans``: ``hu`` (y, x), ``predicted, reference`` (bool, y, x), ``spacing_mm``,
        ``words`` (printed above it). Drawn in rows of four, in the order given.
    """
    if not cases:
        figure = new_figure("double", 40)
        say_missing(figure.subplots(), "no scan has a known truth")
        return figure
    n_rows = -(-len(cases) // 4)
    tallest = max(row_height_mm(case["hu"].shape, case["spacing_mm"], 4) for case in cases)
    figure = new_figure("double", 10 + n_rows * (tallest + 9))
    axes = figure.subplots(n_rows, 4, squeeze=False).ravel()
    for ax in axes[len(cases) :]:
        ax.set_axis_off()
    for ax, case in zip(axes, cases, strict=False):
        show_section(ax, case["hu"], case["spacing_mm"])
        outline(ax, case["reference"], case["spacing_mm"], CYAN, 0.8)
        outline(ax, case["predicted"], case["spacing_mm"], RED, 0.8)
        sides(ax)
        scale_bar(ax)
        ax.set_title(case["words"])
    shown = [Line2D([], [], color=RED, label="infection, network"), Line2D([], [], color=CYAN, label="the truth")]
    figure.legend(handles=[*shown, WINDOW_KEY], loc="outside lower center", ncols=3)
    said = "; ".join(", ".join(case["words"].splitlines()) for case in cases)
    figure.alt = (
        f"The {len(cases)} scans that came out worst, each by the axial section where the network's infection (red) "
        f"and the true one (blue) differ most: {said}."
    )
    figure.caption = (
        f"The {count(len(cases), 'scan')} that were segmented worst, half of them by Dice, the others by the error of "
        "the volume, which are written above each, or all where fewer have a known truth: the axial section in which "
        "the network's infection (red) and the true one (blue) differ most; without a blue outline the truth has none "
        f"in this section. Volumes (ml): measured − true. {WINDOW_SAID}"
    )
    return figure
