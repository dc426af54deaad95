"""Figures of analyses beyond the paper: calibration, net benefit, tornado plots, kappa by least change.

As in ``plots``: tables in, a matplotlib ``Figure`` out, drawn also when data are missing.
"""

import string

import numpy as np
from matplotlib.patches import Patch

from study.figures.plots import letter
from study.figures.style import COLOURS, SERIES, new_figure, say_missing, styled
from study.plural import count
from study.results.words import SHARE_DIGITS, as_share


@styled
def calibration_and_decision(bins, calibrated, benefit, limits=None, confidence=0.95):
    """Draw (a) whether predicted probabilities are calibrated, (b) the net benefit of acting on them.

    Parameters
    ----------
    bins : dict of str to DataFrame
        By model ``predicted, observed, low, high`` (0..1), of held-out scans; models without a bin are left out of (a).
    calibrated : DataFrame
        By model ``slope, intercept, n``.
    benefit : DataFrame
        ``threshold``, a column of net benefit per model, ``all`` and ``none``.
    limits : dict of str to DataFrame, optional
        By model ``low, high`` of its net benefit at the same thresholds: a band.
    confidence : float
        Of the intervals and bands, for the caption.
    """
    figure = new_figure("double", 90)
    left, right = figure.subplots(1, 2)
    letter(left, "a")
    letter(right, "b")
    looks = dict(zip(calibrated.index, SERIES * 3, strict=False))
    drawn = [name for name, table in bins.items() if len(table)]
    few = [name for name in bins if name not in drawn and calibrated.loc[name, "n"] > 0]
    if not drawn and not few:
        for ax in (left, right):
            say_missing(ax, "no scan was predicted by a model\nthat had not seen its patient")
        return figure
    if drawn:
        left.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=0.6, linestyle=(0, (2, 2)))
    for name in drawn:
        colour, line, marker = looks[name]
        table, row = bins[name], calibrated.loc[name]
        left.errorbar(
            table["predicted"],
            table["observed"],
            yerr=np.abs(table[["low", "high"]].to_numpy().T - table["observed"].to_numpy()),
            color=COLOURS[colour],
            linestyle=line,
            marker=marker,
            markersize=3.5,
            linewidth=0.8,
            elinewidth=0.5,
            label=f"{name} (n = {int(row['n'])})\nslope {row['slope']:z.2f}, intercept {row['intercept']:z.2f}",
        )
    too_few = "too few scans for two groups of ten"  # as ``validation.calibration_bins`` makes them
    if drawn:
        left.set(xlabel="Predicted probability (scans in equal groups)", xlim=(-0.02, 1.02))
        left.set(ylabel="Observed share of severe scans\n(Wilson's interval, scans as independent)")
        left.set(ylim=(-0.02, 1.02))
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, columnspacing=1)
    else:
        say_missing(left, too_few.replace(" for", "\nfor"))
    models = [name for name in benefit.columns if name in looks]
    for name in models:
        colour, line, _ = looks[name]
        right.plot(benefit["threshold"], benefit[name], color=COLOURS[colour], linestyle=line, label=name)
        if limits and name in limits:
            ends = limits[name]["low"], limits[name]["high"]
            right.fill_between(benefit["threshold"], *ends, color=COLOURS[colour], alpha=0.12, linewidth=0)
    right.plot(
        benefit["threshold"], benefit["all"], color=COLOURS["ink"], linewidth=0.6, label="call every scan severe"
    )
    right.axhline(0, color=COLOURS["faint"], linewidth=0.6, label="call none severe")
    top = max(np.nanmax(benefit[[*models, "all"]].to_numpy()), 0.01)
    right.set(xlabel="Threshold probability", ylabel="Net benefit (true positives per scan)")
    right.set(xlim=(0, benefit["threshold"].max()), ylim=(-0.35 * top, 1.8 * top))  # room for the legend
    right.legend(loc="upper right")
    figure.alt = (
        "Left: observed share of severe scans against the predicted probability, scans of held-out patients; "
        + "; ".join(
            f"{name}, {count(int(row.n), 'scan')}, calibration slope {row.slope:z.2f}"
            for name, row in calibrated.loc[drawn].iterrows()
        )
        + f"left out, {too_few}" * (not drawn)
        + ". Right: net benefit of each model against the threshold probability, with bands over patients, beside "
        "calling every scan or none severe."
    )
    shown = [
        "observed share of severe scans against the predicted probability in equal groups of scans, with Wilson's "
        f"{100 * confidence:g} % intervals, as if scans were independent; slope and intercept of the calibration are "
        "in the key"
    ] * bool(drawn)
    shown += [f"{', '.join(few)} left out, {too_few}"] * bool(few)
    figure.caption = (
        f"Predictions for the scans of held-out patients. (a) Calibration: {'; '.join(shown)}. (b) Decision curves: "
        "net benefit against the threshold probability, beside calling every scan or none severe"
        + (f"; bands: {100 * confidence:g} % confidence intervals over patients." if limits else ".")
    )
    return figure


@styled
def precision_recall(curves):
    """Draw of the scans called severe the share that is (precision), by the share of severe scans found (recall).

    Parameters
    ----------
    curves : dict of str to dict
        By model: ``curve`` (columns ``recall, precision``, 0..1), ``average_precision`` and ``baseline``, the share of
        severe scans, which is the precision of scores without information.
    """
    figure = new_figure("single", 90)
    ax = figure.subplots()
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03), xlabel="Recall (sensitivity)", ylabel="Precision (PPV)")
    words = {}
    for (name, drawn), (colour, line, _) in zip(curves.items(), SERIES * 3, strict=False):
        words[name] = f"{name}: {as_share(drawn['average_precision'])} (baseline {as_share(drawn['baseline'])})"
        curve = drawn["curve"]
        ax.step(
            curve["recall"], curve["precision"], where="pre", color=COLOURS[colour], linestyle=line, label=words[name]
        )
        ax.axhline(drawn["baseline"], color=COLOURS[colour], linewidth=0.6, linestyle=(0, (1, 2)))
    if curves:
        key = "Average precision; thin dotted line: baseline"
        figure.legend(loc="outside lower center", title=key, alignment="left")
    else:
        say_missing(ax, "no model has predictions")
    figure.alt = (
        "Precision against recall at every cut-off, the share of severe scans as the baseline. Average precision of "
        f"{'; '.join(words.values())}."
    )
    figure.caption = (
        "Precision (positive predictive value) against recall (sensitivity) at every cut-off. Average precision, and "
        f"the share of severe scans as the baseline (thin dotted line): {'; '.join(words.values())}."
    )
    return figure


TITLE_LENGTH = 81  # letters that fit above the panels of a row, without those of the panels


@styled
def tornado(moved, words, shown, columns=3, note="", digits=SHARE_DIGITS):
    """Draw how far each headline moves under each choice: one panel per headline, one row per choice.

    Panels of the same kind, which is the part before the comma (``AUC, POI``, ``AUC, iHU``), have the same scale, so
    that they can be compared.

    Parameters
    ----------
    moved : DataFrame
        ``headline, choice, base, low, high``.
    words : dict of str to str
        The words for each choice, in the order to draw, with what low and high are as "low / high".
    shown : str
        What the headlines are, in which unit and of how many: the caption's first sentence.
    columns : int
        Number of panels in a row.
    note : str
        What was left out and why, for the caption.
    digits : int or list of int
        Decimals of the headlines, or those of each row, as its table has them.
    """
    headlines = list(dict.fromkeys(moved["headline"]))
    choices = [choice for choice in words if choice in set(moved["choice"])]
    n_rows = max(-(-len(headlines) // columns), 1)
    figure = new_figure("double", 16 + n_rows * (9 + 4.2 * max(len(choices), 3)))
    panels = figure.subplots(n_rows, columns, squeeze=False, sharey=True).ravel()
    if not np.isfinite(moved["base"]).any():
        for ax in panels:
            say_missing(ax, "no headline is defined")
        return figure
    numbers = moved.set_index(moved["headline"].map(_kind))[["base", "low", "high"]].stack().dropna()
    ends = numbers.groupby(level=0).agg(["min", "max"])
    bases = moved.assign(digits=digits).drop_duplicates("headline").set_index("headline")[["base", "digits"]]
    said = {
        headline: f"{base:z.{places:.0f}f}" if np.isfinite(base) else "undefined"
        for headline, base, places in bases.itertuples()
    }
    wide = {_kind(headline) for headline in headlines if len(f"{headline}: {said[headline]}") > TITLE_LENGTH / columns}
    for which, ax, headline in zip(string.ascii_lowercase, panels, headlines, strict=False):
        table = moved[moved["headline"] == headline].set_index("choice")
        base = table["base"].iloc[0]
        above = f"{headline}: {said[headline]}"
        letter(ax, which, above.replace(", ", ",\n", 1) if _kind(headline) in wide else above)
        if _kind(headline) in ends.index:
            least, most = ends.loc[_kind(headline)]
            margin = max(0.08 * (most - least), 0.01)
            ax.set_xlim(least - margin, most + margin)
        if np.isfinite(base):
            ax.axvline(base, color=COLOURS["ink"], linewidth=0.6)
        for place, choice in enumerate(choices):
            if choice not in table.index:
                ax.text(0.02, place, "does not apply", transform=ax.get_yaxis_transform(), va="center",
                        color=COLOURS["faint"],
                        bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5})  # fmt: skip
                continue
            sides = {"low": ("first", -0.2), "high": ("second", 0.2)}
            undefined = [shift for side, (_, shift) in sides.items() if not np.isfinite(table.loc[choice, side])]
            if undefined:
                _say_undefined(ax, table.loc[choice, ["base", "low", "high"]], place + np.mean(undefined))
            for side, (colour, shift) in sides.items():
                there = table.loc[choice, side]
                if not np.isfinite(there):
                    continue
                ax.barh(place + shift, there - base, 0.36, left=base, color=COLOURS[colour], linewidth=0)
                if there == base:  # a bar of zero length is invisible
                    ax.plot(base, place + shift, marker="|", markersize=5, color=COLOURS[colour])
        ax.locator_params(axis="x", nbins=4)
        ax.set_ylim(len(choices) - 0.4, -0.6)
        ax.set_yticks(range(len(choices)), [words[choice] for choice in choices])
    for ax in panels[len(headlines) :]:
        ax.set_axis_off()
    sides = [("first", "the choice before the slash"), ("second", "the choice after the slash")]
    handles = [Patch(color=COLOURS[colour], label=word) for colour, word in sides]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.alt = (
        "Tornado plot, bars from each headline as it is to what it would be under other choices of the measurement: "
        + "; ".join(f"{headline} {number}" for headline, number in said.items())
        + f". Choices: {'; '.join(words[choice] for choice in choices)}."
    )
    figure.caption = (
        f"{shown} Each panel: one number as it is (above it, and the vertical line), and bars to what it would be by "
        "the choice before the slash and by the one after it (tornado plot). Panels of the same kind have the same "
        "scale. The bars are no intervals, and nothing is tested." + f" {note[:1].upper()}{note[1:]}." * bool(note)
    )
    return figure


def _is_curve(values):
    """Whether a line through these values shows: two of them, side by side, are known."""
    known = values.notna()
    return bool((known & known.shift(fill_value=False)).any())


def _kind(headline):
    return headline.partition(",")[0]


def _say_undefined(ax, numbers, place):
    """Write that a choice is undefined, or one side of it, where the bar of the other does not reach."""
    known = numbers.dropna()
    if not len(known):
        ax.text(0.02, place, "undefined", transform=ax.get_yaxis_transform(), va="center")
        return
    start, end = known.min(), known.max()
    left, right = ax.get_xlim()
    if right - end >= start - left:
        ax.text(end, place, " undefined", va="center")
    else:
        ax.text(start, place, "undefined ", va="center", ha="right")


@styled
def kappa_by_least_change(table, marked, confidence=0.95):
    """Draw kappa against the least change that counts as a change: (a) POI, (b) iHU.

    Parameters
    ----------
    table : DataFrame
        ``quantity`` ("volume", "density"), ``least`` (in the unit drawn), ``three, three_low, three_high`` (kappa of
        three classes with its interval), ``two`` (kappa of up and down among the changes that count, NaN where few
        do) and ``share``, how many of its pairs count (0..1).
    marked : dict of str to float
        The least detectable change of each quantity, NaN where it is unknown.
    confidence : float
        Of the interval, for the caption.
    """
    figure = new_figure("double", 80)
    panels = figure.subplots(1, 2, sharey=True)
    looks = {"volume": ("a", "Extent and POI", "percentage points"), "density": ("b", "Density and iHU", "HU")}
    has_band = bool(table["three_low"].notna().any())
    has_two = any(_is_curve(part["two"]) for _, part in table.groupby("quantity"))
    below = min(-0.08, np.nan_to_num(table[["three", "three_low", "two"]].min().min()) - 0.02)  # all curves
    lowest = below - 0.2 * (1.02 - below) / 1.1  # with room for two lines of words
    for ax, (quantity, (which, words, unit)) in zip(panels, looks.items(), strict=True):
        letter(ax, which, words)
        ax.set(xlabel=f"Least change that counts ({unit})", ylim=(lowest, 1.02))
        part = table[table["quantity"] == quantity]
        if not part["three"].notna().any() and not part["two"].notna().any():
            say_missing(ax, "no pair of scans with a report\nhas this biomarker at both dates")
            continue
        x = part["least"]
        ax.axhline(0, color=COLOURS["faint"], linewidth=0.6)
        ax.fill_between(x, part["three_low"], part["three_high"], color=COLOURS["first"], alpha=0.15, linewidth=0)
        for name, colour, line, label in (
            ("three", "first", "-", "kappa, three classes, all reports"),
            ("two", "second", "--", "kappa, up or down, changes that count"),
            ("share", "ink", ":", "share of pairs with a phrase that count"),
        ):
            if _is_curve(part[name]):
                ax.plot(x, part[name], color=COLOURS[colour], linestyle=line, label=label)
        if np.isfinite(marked.get(quantity, np.nan)):
            ax.axvline(marked[quantity], color=COLOURS["ink"], linewidth=0.6)
            side = "left" if marked[quantity] <= 0.51 * x.max() else "right"  # of the line, within the panel
            said = f" least detectable: \n {marked[quantity]:.3g} {unit} "
            ax.text(marked[quantity], below, said, va="top", ha=side)
    panels[0].set_ylabel(f"Cohen's kappa{' (band: interval)' * has_band}; share")
    keys = {label: handle for ax in panels for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if keys:
        figure.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=2)
    marks = ", ".join(f"{looks[q][1]} {least:.3g} {looks[q][2]}" for q, least in marked.items() if np.isfinite(least))
    figure.alt = (
        "Cohen's kappa of reports and biomarkers against the least change that counts, for extent and for density, "
        f"with the share of pairs that count. Least detectable change: {marks or 'unknown'}."
    )
    band = f" with its {100 * confidence:g} % confidence interval over patients (band)" * has_band
    figure.caption = (
        "Agreement of reports and biomarkers by the least change that counts as one: Cohen's kappa of decreased, "
        f"unchanged and increased{band}, "
        + (
            "kappa of up and down among the pairs whose change counts where they are enough, and the share of these"
            if has_two
            else "and the share of pairs with a phrase whose change counts"
        )
        + "; (a) extent and portion of infection (POI), (b) density and mean Hounsfield unit of the infection (iHU). "
        + (
            f"Vertical line: the least detectable change ({marks})."
            if marks
            else "The least detectable change is unknown."
        )
    )
    return figure


@styled
def over_seeds(table):
    """Draw each headline number over seeds of the training, in units of its own interval over patients.

    Parameters
    ----------
    table : DataFrame
        ``number, value, low, high`` (the interval over patients) and ``seeds`` (values, this run's first).
    """
    table = table[np.isfinite(table["low"]) & (table["high"] > table["low"])].reset_index(drop=True)
    figure = new_figure("double", 30 + 6 * max(len(table), 3))
    ax = figure.subplots()
    if not len(table):
        say_missing(ax, "no number with an interval over patients\nwas trained with several seeds")
        return figure
    half = (table["high"] - table["low"]) / 2
    for row, (seeds, middle, unit) in enumerate(zip(table["seeds"], table["value"], half, strict=True)):
        low, high = ((table.loc[row, end] - middle) / unit for end in ("low", "high"))
        ax.plot([low, high], [row, row], color=COLOURS["faint"], alpha=0.4, linewidth=4, solid_capstyle="butt")
        apart = (np.array(seeds) - middle) / unit
        ax.plot(apart[1:], [row] * (len(seeds) - 1), "o", color=COLOURS[SERIES[0][0]], markersize=3.5, mfc="none")
        ax.plot(apart[:1], [row], "D", color=COLOURS["ink"], markersize=3)
    ax.axvline(0, color=COLOURS["faint"], linewidth=0.6)
    ax.set_yticks(range(len(table)), table["number"])
    ax.invert_yaxis()
    ax.set_xlabel("Distance from this run's number, in half-widths of its interval over patients (grey)")
    figure.caption = (
        "How much of a result is luck of the training: headline numbers of this run (black diamonds) and of trainings "
        "that differ in their seed alone (open circles), each in half-widths of the number's interval over "
        "patients (grey)."
    )
    figure.alt = (
        "Headline numbers of trainings that differ in their seed alone, beside their intervals over patients: "
        + "; ".join(
            f"{row.number} {min(row.seeds):z.3f} to {max(row.seeds):z.3f} over {len(row.seeds)} seeds, interval "
            f"{row.low:z.3f} to {row.high:z.3f}"
            for row in table.itertuples()
        )
        + "."
    )
    return figure
