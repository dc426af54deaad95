"""Change the cells of a two-by-two table and see how kappa changes."""

import ipywidgets
import numpy as np

from study.figures.style import COLOURS, new_figure, styled
from study.lab.play.panel import Panel
from study.plural import count
from study.results.words import as_share
from study.statistics import kappa

CELLS = ("both_up", "only_first_up", "only_second_up", "both_down")


@styled
def panel(rated):
    """Change how often two raters agree on up and down, starting with the ratings given.

    Parameters
    ----------
    rated : DataFrame
        One column per rater, named as it is to be shown: 1 up, 0 down. Cases that either rater left out (NaN) are
        dropped.

    Returns
    -------
    Panel
        Controls ``both_up, only_first_up, only_second_up, both_down``: numbers of cases.
    """
    both = rated.dropna().astype(bool)
    first, second = both.iloc[:, 0], both.iloc[:, 1]
    counts = [first & second, first & ~second, ~first & second, ~first & ~second]
    names = tuple(str(name) for name in both.columns)
    most = max(2 * max(int(count.sum()) for count in counts), 50)
    words = [f"{names[0]} {a}, {names[1]} {b}" for a in ("up", "down") for b in ("up", "down")]
    wide = {"style": {"description_width": "16em"}, "layout": ipywidgets.Layout(width="36em")}
    controls = {
        cell: ipywidgets.IntSlider(int(count.sum()), 0, most, description=word, **wide)
        for cell, count, word in zip(CELLS, counts, words, strict=True)
    }
    figure = new_figure("double", 52)
    table, bars = figure.subplots(1, 2, width_ratios=(0.8, 1))

    @styled
    def draw(**cells):
        found = agreement(**cells)
        counts = np.array([cells[cell] for cell in CELLS]).reshape(2, 2)
        _draw_table(table, counts, names)
        _draw_bars(bars, found)
        if not found.n:
            return "No cases: nothing to agree on."
        if np.isnan(found.kappa):
            same = f"{count(found.n, 'case')}, all in one category"
            return f"{same}: chance alone gives full agreement, so kappa is undefined."
        strength = "below chance" if found.kappa < 0 else kappa.strength(found.kappa)
        if found.n < kappa.FEWEST_CASES:
            strength = f"of fewer than {kappa.FEWEST_CASES} cases, too few for a word"
        return (
            f"{count(found.n, 'case')}: observed agreement {as_share(found.observed_agreement)}, expected by chance "
            f"{as_share(found.expected_agreement)}, kappa {as_share(found.kappa)} ({strength}), "
            f"PABAK {as_share(found.pabak)}."
        )

    return Panel(controls, draw, figure)


def agreement(both_up, only_first_up, only_second_up, both_down):
    """Agreement of two raters from the four counts of their table, a :class:`study.statistics.kappa.Agreement`."""
    counts = (both_up, only_first_up, only_second_up, both_down)
    ratings = (np.repeat(rating, counts) for rating in ([1, 1, 0, 0], [1, 0, 1, 0]))
    return kappa.cohen_kappa(*ratings, categories=[0, 1])


def _draw_table(ax, counts, names):
    ax.clear()
    ax.imshow(counts, cmap="Blues", vmin=0, vmax=max(counts.max(), 1) * 1.6)
    for (row, column), number in np.ndenumerate(counts):
        ax.text(column, row, str(number), ha="center", va="center", fontsize=10)
    ax.set_xticks((0, 1), ("up", "down"))
    ax.set_yticks((0, 1), ("up", "down"))
    ax.set(xlabel=names[1], ylabel=names[0])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _draw_bars(ax, found):
    ax.clear()
    shown = {
        "observed agreement": found.observed_agreement,
        "expected by chance": found.expected_agreement,
        "kappa, 95 % interval": found.kappa,
        "greatest kappa of these margins": found.kappa_max,
        "PABAK": found.pabak,
    }
    colours = [COLOURS[name] for name in ("faint", "faint", "first", "second", "third")]
    values = np.nan_to_num(list(shown.values()))
    ax.barh(range(len(shown)), values, color=colours, height=0.6)
    for place, value in enumerate(shown.values()):
        words = "undefined" if np.isnan(value) else f"{value:z.2f}"
        ax.text(max(np.nan_to_num(value), 0) + 0.02, place, words, va="center")
    if np.isfinite([found.ci_low, found.ci_high]).all():
        ax.plot([found.ci_low, found.ci_high], [2.38, 2.38], color=COLOURS["ink"], linewidth=1)
    ax.set_yticks(range(len(shown)), list(shown))
    ax.set(xlim=(-1, 1.25), xticks=(-1, 0, 1), ylim=(len(shown) - 0.4, -0.6))
    ax.axvline(0, color=COLOURS["ink"], linewidth=0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
