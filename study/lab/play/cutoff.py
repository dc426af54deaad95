"""Drag the cut-off along the ROC curve and see the scans found, missed and falsely called severe."""

import ipywidgets
import numpy as np

from study.figures.style import COLOURS, new_figure, styled
from study.lab.play.panel import WIDE, Panel
from study.statistics import roc


@styled
def panel(scores, is_severe):
    """Move a cut-off, starting at the one with the greatest Youden index.

    Parameters
    ----------
    scores : DataFrame
        One column per score, named as it is to be shown, with its unit; one row per scan; higher means severe. A scan
        whose score is missing is left out for that score; a score known of only one status is left out entirely.
    is_severe : Series of bool
        Status, with the same index.

    Returns
    -------
    Panel
        Controls ``score``, a column's name, and ``place`` on its curve: 0 calls no scan severe, the last calls all.

    Raises
    ------
    ValueError
        If no score has scans of both statuses.
    """
    known = {name: scores[name].dropna() for name in scores.columns}
    known = {name: values for name, values in known.items() if is_severe.loc[values.index].nunique() == 2}
    if not known:
        raise ValueError(
            f"{', '.join(scores.columns)}: no score is known for both severe and non-severe scans; add scans"
        )
    status = {name: np.asarray(is_severe.loc[values.index], bool) for name, values in known.items()}
    curves = roc.curves(scores[list(known)], is_severe)

    def best(score):
        cutoff = roc.youden(known[score], status[score]).cutoff
        return int(np.flatnonzero(curves[score]["cutoff"] == cutoff)[0])

    first = next(iter(known))
    name = ipywidgets.Dropdown(options=list(known), value=first, description="score", **WIDE)
    place = ipywidgets.IntSlider(
        best(first), 0, len(curves[first]) - 1, description="cut-off, falling", readout=False, **WIDE
    )

    def follow(_change):
        place.max = len(curves[name.value]) - 1
        place.value = best(name.value)

    name.observe(follow, names="value")

    figure = new_figure("double", 62)
    curve, spread, table = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    (mark,) = curve.plot([], [], marker="o", color=COLOURS["severe"], linestyle="none", clip_on=False, zorder=4)
    (line,) = curve.plot([], [], color=COLOURS["first"])
    edge = spread.axvline(np.nan, color=COLOURS["ink"], linewidth=1)
    cells = _draw_table(table)
    curve.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=0.6, linestyle=(0, (2, 2)))
    curve.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel="1 - specificity", ylabel="Sensitivity")

    @styled
    def draw(score, place):
        values, severe, points = known[score].to_numpy(float), status[score], curves[score]
        place = min(place, len(points) - 1)  # the score changes a moment before the length of its curve
        point = roc.operating_point(values, severe, points["cutoff"].iloc[place])
        if spread.get_xlabel() != score:
            line.set_data(points["fpr"], points["tpr"])
            edge.set_xdata([np.nan, np.nan])  # so that the axis is not made to hold the other score's cut-off
            _draw_scores(spread, values, severe, score)
        mark.set_data([1 - point.specificity], [point.sensitivity])
        edge.set_xdata([point.cutoff if np.isfinite(point.cutoff) else np.nan] * 2)
        for cell, count in cells.items():
            cell.get_text().set_text(str(getattr(point, count)))
        called = f"{score} at or above {_shown(point.cutoff, values)} is" if np.isfinite(point.cutoff) else "No scan is"
        return (
            f"{called} called severe: "
            f"sensitivity {100 * point.sensitivity:.1f} % ({point.true_positives} of {severe.sum()}), "
            f"specificity {100 * point.specificity:.1f} % ({point.true_negatives} of {(~severe).sum()}), "
            f"Youden index {point.youden:.3f}."
        )

    return Panel({"score": name, "place": place}, draw, figure)


def _shown(cutoff, values):
    """A cut-off with as many digits, four or more, as it takes to call the same scans severe."""
    texts = (f"{cutoff:.{digits}g}" for digits in range(4, 18))
    return next(text for text in texts if np.array_equal(values >= float(text), values >= cutoff))


def _draw_scores(ax, values, severe, words):
    """Draw histograms of both groups' scores in place of the previous ones."""
    for drawn in [*ax.patches]:
        drawn.remove()
    ax.set_prop_cycle(None)
    bins = np.linspace(values.min(), values.max() + 1e-9, 31)
    for group, mask in (("non-severe", ~severe), ("severe", severe)):
        # Shares, not counts: one group is many times larger than the other.
        share = np.full(mask.sum(), 1 / mask.sum())
        ax.hist(values[mask], bins, weights=share, histtype="stepfilled", color=COLOURS[group], alpha=0.6, label=group)
    ax.set(xlabel=words, ylabel="Share of the group's scans")
    ax.relim()
    ax.autoscale()
    ax.legend(loc="upper right")


def _draw_table(ax):
    """Draw an empty two-by-two table; returns its cells and the name of the count that each shows."""
    ax.set_axis_off()
    names = [["true_positives", "false_positives"], ["false_negatives", "true_negatives"]]
    drawn = ax.table(
        [["", ""], ["", ""]], rowLabels=["called severe", "called non-severe"], colLabels=["severe", "non-severe"],
        cellLoc="center", bbox=(0.5, 0.3, 0.5, 0.4),
    )  # fmt: skip
    drawn.auto_set_font_size(False)
    cells = {}
    for (row, column), cell in drawn.get_celld().items():
        cell.set_linewidth(0.4)
        if row > 0 and column >= 0:
            cells[cell] = names[row - 1][column]
            cell.set_facecolor("#D9EDF7" if names[row - 1][column].startswith("true") else "white")
        else:
            cell.get_text().set_fontsize(6)
    return cells
