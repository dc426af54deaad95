"""Box plots in which every value is a point: what they draw and what a caption says of them."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from study.figures.style import COLOURS

SAID = "Boxes show median and quartiles, whiskers the last point within 1.5 interquartile ranges of the box"


def finite(table, column):
    """The finite numbers of a column, as an array; none if there is no such table or column."""
    if table is None or column not in table:
        return np.array([], float)
    values = np.asarray(table[column], dtype=float)
    return values[np.isfinite(values)]


def _spread(n):
    """Horizontal offsets in -1..1 for n points, evenly spread without random numbers (golden-ratio sequence)."""
    return 2 * np.mod(np.arange(1, n + 1) * 0.6180339887498949, 1.0) - 1


def draw(ax, groups, colours, markers, spread=0.0, **dots):
    """Draw a box for each group at 0, 1, 2, ..., and every value as a point.

    A box has quartiles, median, and whiskers to the last point within 1.5 interquartile ranges.

    Parameters
    ----------
    groups : dict of str to array
        The values by group, at least one each.
    colours, markers : dict of str to str
        By group.
    spread : float
        How far the points lie from the middle of their box at most.
    **dots
        For the points, as of ``Axes.scatter``.
    """
    import seaborn  # here, as it takes a second to import

    groups = {name: np.sort(values) for name, values in groups.items()}
    sizes = [len(values) for values in groups.values()]
    table = pd.DataFrame({"group": np.repeat([*groups], sizes), "value": np.concatenate([*groups.values()])})
    table["middle"] = np.repeat(np.arange(len(sizes)), sizes)
    table["place"] = table["middle"] + spread * np.concatenate([_spread(n) for n in sizes])
    seaborn.boxplot(
        table,
        x="middle",
        y="value",
        hue="group",
        palette={name: (*to_rgb(colours[name]), 0.3) for name in groups},
        saturation=1,
        width=0.5,
        dodge=False,
        native_scale=True,
        showfliers=False,
        linecolor=COLOURS["ink"],
        linewidth=0.8,
        medianprops={"linewidth": 1.4},
        legend=False,
        vert=None,  # what seaborn gives otherwise is deprecated in matplotlib
        ax=ax,
    )
    look = {"s": 6, "linewidth": 0, "zorder": 3, "legend": False, **dots}
    seaborn.scatterplot(
        table, x="place", y="value", hue="group", style="group", palette=colours, markers=markers, ax=ax, **look
    )
    ax.set(xlabel="", ylabel="")
