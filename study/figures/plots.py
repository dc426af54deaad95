"""Statistical figures: one function per figure, tables in, a matplotlib ``Figure`` out.

Pictures of CT sections are in ``sections``.

Every figure says how many scans it shows. When data are missing it is drawn all the same, and says in words what is
missing. Colour-blind readers can distinguish its colours, and colour is never the only cue.
"""

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from study.figures import boxes
from study.figures.style import COLOURS, MARKERS, SERIES, new_figure, save, say_missing, styled
from study.plural import count
from study.results.words import DICE_DIGITS, as_dice, is_missing, mean_and_sd, with_interval
from study.results.words import p_value as p_in_words

__all__ = [
    "dice_distribution", "hu_threshold_curve", "learning_curves", "lesion_sizes", "roc_curves", "save",
    "severity_boxplots",
]  # fmt: skip


def letter(ax, which, words="", **look):
    """Set a panel's letter as journals print it, ``(a)``, and words that its axes do not say; `look` as of a text."""
    ax.set_title(f"({which}) {words}".strip(), **look)


def _p_words(p_value):
    text = "" if is_missing(p_value) else p_in_words(p_value)
    return f"p < {text[1:]}" if text.startswith("<") else text and f"p = {text}"


@styled
def severity_boxplots(biomarkers, p_values=None):
    """Draw Figure 3: (a) POI and (b) iHU of the severe and the non-severe scans; every scan is a point.

    Parameters
    ----------
    biomarkers : DataFrame
        Columns ``status`` ("severe" / "non-severe"), ``poi`` (fraction 0..1, drawn in percent) and ``ihu`` (HU,
        NaN where a scan has no infection: such scans count in (a) and not in (b)).
    p_values : dict, optional
        ``{"poi": {test: p, ...}, "ihu": ...}``, printed in the panels: one line for each test, named in words such as
        "Mann-Whitney U, scans".
    """
    figure = new_figure("double", 75)
    figure.alt = "Box plots of severe and non-severe scans, every scan a point."
    panels = [("poi", "POI (%)", 100.0, 1, " %"), ("ihu", "iHU (HU)", 1.0, 0, " HU")]
    found = []  # what the caption says of each panel
    for ax, which, (column, axis_label, factor, digits, unit) in zip(figure.subplots(1, 2), "ab", panels, strict=True):
        letter(ax, which)
        groups = {}
        for status in ("severe", "non-severe"):
            chosen = biomarkers[biomarkers["status"] == status] if "status" in biomarkers else None
            groups[status] = factor * boxes.finite(chosen, column)
        present = [status for status, values in groups.items() if len(values)]
        if not present:
            say_missing(ax, f"no scan has a value of {column}")
            continue
        shown = {status: groups[status] for status in present}
        boxes.draw(ax, shown, COLOURS, MARKERS, spread=0.2, alpha=0.55, rasterized=True)
        ax.set_xticks(range(len(present)), [f"{s}\n(n = {count(len(groups[s]), 'scan')})" for s in present])
        ax.set_ylabel(axis_label)
        ax.set_xlim(-0.6, len(present) - 0.4)
        if column == "poi":
            ax.set_ylim(bottom=0 if min(groups[s].min() for s in present) >= 0 else None)
        absent = [s for s in groups if s not in present]
        tested = (p_values or {}).get(column, {})
        lines = [f"{test}: {_p_words(p)}" for test, p in tested.items() if _p_words(p)]
        note = f"no {absent[0]} scan" if absent else "\n".join(lines)
        low, high = ax.get_ylim()
        ax.set_ylim(top=high + 0.1 * len(note.splitlines()) * (high - low))  # room for the note, above every scan
        ax.text(0.98, 0.99, note, transform=ax.transAxes, ha="right", va="top")
        medians = ", ".join(f"{s} {np.median(groups[s]):.1f} (n = {len(groups[s])})" for s in present)
        figure.alt = f"{figure.alt} {axis_label}: median of {medians}; {', '.join(note.splitlines())}.".strip()
        of_group = " and ".join(
            f"{np.median(groups[s]):.{digits}f}{unit} in {count(len(groups[s]), f'{s} scan')}" for s in present
        )
        found.append(
            f"({which}) {axis_label.split(' ')[0]}: median {of_group}" + (f"; {'; '.join(lines)}." if lines else ".")
        )
    figure.caption = (
        "Portion of infection (POI) and mean Hounsfield unit of the infection (iHU) of severe and non-severe scans. "
        f"{' '.join(found)} {boxes.SAID}; every scan is a point. A scan without measured infection has no iHU."
    )
    return figure


@styled
def roc_curves(curves, auc, chosen, n, confidence=0.95, note=""):
    """Draw Figure 4: ROC curves of several scores, with the cut-off that the Youden index chose.

    Parameters
    ----------
    curves : dict of str -> DataFrame
        Per score, columns ``fpr`` and ``tpr`` (fractions 0..1), in the order of the curve.
    auc : dict of str -> (value, low, high)
        Area under each curve with its interval by DeLong; low and high may be None or NaN.
    chosen : dict of str -> (fpr, tpr)
        The operating point of each score; may be missing for a score.
    n : dict of str -> (n_severe, n_non_severe)
        How many scans each curve is based on: a scan without infection has no iHU.
    confidence : float
        Of the intervals.
    note : str
        Sentences after the caption.
    """
    figure = new_figure("single", 105)
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=0.6, linestyle=(0, (2, 2)))
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel="1 − specificity", ylabel="Sensitivity")
    areas = {name: f"AUC {_interval(auc.get(name))} (n = {n[name][0]} + {n[name][1]})" for name in curves}
    drawn = 0
    for (name, curve), (colour, line, marker) in zip(curves.items(), SERIES * 3, strict=False):
        if curve is None or not len(curve):
            ax.plot([], [], color=COLOURS[colour], linestyle=line, label=f"{name}: no curve")
            continue
        drawn += 1
        ax.plot(
            np.asarray(curve["fpr"], float),
            np.asarray(curve["tpr"], float),
            color=COLOURS[colour],
            linestyle=line,
            label=f"{name}: {areas[name]}",
        )
        if chosen.get(name) is not None:
            ax.plot(
                *[[float(v)] for v in chosen[name]],
                marker=marker,
                markersize=5,
                linestyle="none",
                markerfacecolor="none",
                markeredgecolor=COLOURS[colour],
                markeredgewidth=1.2,
                zorder=4,
                clip_on=False,  # a sensitivity of 100 % lies at the edge
            )
    if not drawn:
        ax.text(0.5, 0.6, "no curve: both severe and non-severe\nscans are needed", ha="center", color=COLOURS["faint"])
    if curves:
        key = "n: severe + non-severe scans; open marks: Youden cut-off"
        figure.legend(loc="outside lower center", title=key, alignment="left")
    listed = "; ".join(f"{name}: {words}" for name, words in areas.items())
    figure.alt = (
        "ROC curves for severe against non-severe scans, the Youden cut-off marked on each; n is severe + non-severe "
        f"scans. {listed}."
    )
    figure.caption = (
        "Receiver operating characteristic curves of portion of infection (POI), mean Hounsfield unit of the "
        "infection (iHU) and both for severe against non-severe scans. Area under "
        f"the curve (AUC) with its {100 * confidence:g} % confidence interval by DeLong (logit scale), which takes "
        f"scans as independent; Table S3 has intervals over patients. n: severe + non-severe scans. {listed}. "
        "A scan without measured infection has no iHU. Open marks: the cut-off with the largest Youden index. Thin "
        f"dotted line: chance.{note}"
    )
    return figure


def _interval(estimate):
    """``0.9680 [0.9505, 0.9805]`` from (value, low, high); without brackets where there is no interval."""
    if estimate is None or is_missing(estimate[0]):
        return "undefined"
    return with_interval(*estimate)


@styled
def hu_threshold_curve(table, limit=0.6, sample="all scans"):
    """Draw the Dice of "infection is every lung voxel above a HU threshold" for every threshold.

    It shows how much of the task can be solved by density alone.

    Parameters
    ----------
    table : DataFrame
        ``threshold_hu`` and ``dice`` (0..1), the mean over scans; each further column ending in ``dice`` is drawn as
        another line; an optional column ``n`` says how many scans.
    limit : float
        The Dice that no threshold should reach, drawn as a line. Assumed: clearly less than the paper's network and
        radiologists reach.
    sample : str
        The scans among which those with infection were taken.
    """
    figure = new_figure("single", 60)
    ax = figure.subplots()
    ax.set(xlabel="Threshold (HU)", ylabel="Dice against the true infection")
    columns = [c for c in table.columns if str(c).endswith("dice")]
    if not len(table) or not columns or not table[columns].notna().to_numpy().any():
        say_missing(ax, "no scan has a true infection to compare with")
        return figure
    table = table.sort_values("threshold_hu")
    n_scans = count(int(table["n"].max()), "scan") if "n" in table else "the scans"
    counted = f" (n = {n_scans})" if "n" in table else ""
    for column, (colour, line, _) in zip(columns, SERIES * 3, strict=False):
        values = np.asarray(table[column], float)
        words = ("threshold" if column == "dice" else column.removesuffix("dice").strip("_ ")) + counted
        if np.isfinite(values).any():
            best = int(np.nanargmax(values))
            at = float(table["threshold_hu"].iloc[best])
            words += f", best {as_dice(values[best])} at {at:.0f} HU"
            ax.plot(at, values[best], marker="o", markersize=4, color=COLOURS[colour])
        ax.plot(table["threshold_hu"], values, color=COLOURS[colour], linestyle=line, label=words)
    ax.axhline(limit, color=COLOURS["ink"], linewidth=0.6, linestyle=(0, (2, 2)))
    ax.text(0.01, limit + 0.01, f"Dice {limit:g}", transform=ax.get_yaxis_transform(), va="bottom")
    ax.set_ylim(0, 1)
    ax.legend(loc="upper right")
    figure.alt = (
        "Dice of calling every lung voxel above a HU threshold infection, against the threshold: "
        + "; ".join(line.get_label() for line in ax.lines if not line.get_label().startswith("_"))
        + f". The dashed line is at {limit:g}."
    )
    figure.caption = (
        "How well density alone finds the infection: Dice between the true infection and all lung voxels from a "
        f"threshold on, by threshold; mean over {n_scans} with infection among {sample}. The dot is the best "
        f"threshold. No threshold should reach the dashed line at {limit:g}, an assumed limit: clearly less than the "
        "paper's network and radiologists reach (mean Dice 0.74 to 0.79)."
    )
    return figure


@styled
def lesion_sizes(simulated, experts=None, quartiles=None, n_experts=None, source=""):
    """Draw volume, number, spread and sides of the phantom's lesions next to those that experts delineated.

    Parameters
    ----------
    simulated, experts : DataFrame
        ``volume_ml``, ``n_lesions``, ``n_sections``, ``lesser_side`` (0..0.5), one row per scan; every scan is a point.
        Without ``experts`` their ``quartiles`` are drawn.
    quartiles : dict
        First quartile, median and third quartile of the experts' masks, by column.
    n_experts : int
        Of how many masks the quartiles are.
    source : str
        Whose masks the quartiles are of, and what of the phantom was set by them: sentences for the caption.
    """
    figure = new_figure("double", 62)
    if not len(simulated):
        say_missing(figure.subplots(), "no scan was simulated")
        return figure
    figure.real = "the experts' masks"
    n_experts = n_experts if experts is None else len(experts)
    drawn = f"(n = {n_experts})" if n_experts else "(quartiles)"
    figure.alt = (
        f"Box plots of the lesions of {len(simulated)} simulated scans, every scan a point, beside the masks that "
        f"experts drew {drawn}."
    )
    panels = {
        "volume_ml": ("a", "Infection (ml)"),
        "n_lesions": ("b", "Lesions"),
        "n_sections": ("c", "Sections with infection"),
        "lesser_side": ("d", "Share in the less affected lung"),
    }
    for ax, (column, (which, words)) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        groups = {"phantom": boxes.finite(simulated, column)}
        if experts is not None:
            groups["experts"] = boxes.finite(experts, column)
        medians = [
            np.median(groups["phantom"]),
            quartiles[column][1] if experts is None else np.median(groups["experts"]),
        ]
        figure.alt += f" {words}: median {medians[0]:.3g} simulated, {medians[1]:.3g} drawn."
        colours = {"phantom": COLOURS["first"], "experts": COLOURS["second"]}
        boxes.draw(ax, groups, colours, dict.fromkeys(groups, "o"), spread=0.18, alpha=0.7)
        if experts is None:
            low, median, high = quartiles[column]
            ax.fill_between([0.75, 1.25], low, high, color=COLOURS["second"], alpha=0.3, linewidth=0)
            ax.plot([0.75, 1.25], [median, median], color=COLOURS["ink"], linewidth=1.4)
        ax.set(ylabel=words, xlim=(-0.6, 1.6))
        if column in ("volume_ml", "n_lesions"):
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_xticks([0, 1], [f"Phantom\n(n = {len(simulated)})", "Experts\n" + drawn])
        letter(ax, which)
    of_experts = f"{count(n_experts, 'mask')} that experts drew" if n_experts else "masks that experts drew"
    shown = "as for the phantom." if experts is not None else f"quartiles and median. {source}".strip()
    figure.caption = (
        f"Lesions of {count(len(simulated), 'simulated scan')} beside those of {of_experts} on scans of patients: "
        "(a) volume of the infection, (b) number of lesions, (c) sections with infection, (d) share of "
        f"the infection in the less affected lung. {boxes.SAID}; every simulated scan is a point. Experts: {shown}"
    )
    return figure


@styled
def learning_curves(history, whose=""):
    """Draw loss and validation Dice by epoch, with one row of panels per network.

    Parameters
    ----------
    history : DataFrame
        ``epoch``; numeric columns whose names contain "loss" (left panel) or "dice" (right panel; above a probability
        of 0.5, as ``training.train`` records it); optional
        ``network`` (a row of panels for each of its values), ``n`` (held-out scans behind the Dice) and ``stage`` (how
        many trainings, each from the weights of the one before, the network had with this one).
    whose : str
        From ``card_words.whose``: the foot of the figure and the end of its caption.
    """
    split = "network" in history and len(history)
    networks = list(dict.fromkeys(history["network"])) if split else [None]
    figure = new_figure("double", 12 + 45 * len(networks))
    figure.alt = "Loss while learning (left) and Dice (right) by epoch."
    letters = iter("abcdefgh")
    for row, network in zip(figure.subplots(len(networks), 2, squeeze=False), networks, strict=True):
        part = history if network is None else history[history["network"] == network]
        counted = f"\n(n = {part['n'].iloc[0]} held-out scans)" if "n" in part and len(part) else ""
        for ax, word, label in zip(row, ("loss", "dice"), ("Loss", f"Dice at probability 0.5{counted}"), strict=True):
            ax.set(xlabel="Epoch", ylabel=label)
            letter(ax, next(letters), "" if network is None else f"{network} network")
            columns = [c for c in part.columns if word in str(c).lower() and part[c].notna().any()]
            if not columns or "epoch" not in part:
                say_missing(ax, f"no {word} was recorded")
                continue
            for column, (colour, line, marker) in zip(columns, SERIES * 3, strict=False):
                known = part[part[column].notna()]
                ax.plot(
                    known["epoch"],
                    known[column],
                    color=COLOURS[colour],
                    linestyle=line,
                    marker=marker,
                    markersize=2.5,
                    label=str(column).replace("_", " "),
                )
            if word == "dice":
                ax.set_ylim(0, 1)
            ax.xaxis.get_major_locator().set_params(integer=True)
            if len(columns) > 1:
                ax.legend(loc="lower right" if word == "dice" else "upper right")
            ends = f"{part[columns[0]].iloc[0]:.2f} to {part[columns[0]].iloc[-1]:.2f}"
            figure.alt += (
                f" {ax.get_title(loc='left')}: {label.replace(chr(10), ' ')} from {ends} over {len(part)} epochs."
            )
    said = whose[:1].upper() + whose[1:]
    before = history.groupby("network", sort=False)["stage"].first() - 1 if split and "stage" in history else []
    earlier = ", ".join(f"{name} {n}" for name, n in before.items() if n) if len(before) else ""
    if whose:
        figure.supxlabel(said, fontsize="medium")
    figure.caption = (
        "Learning curves: loss on the training sections (left) and Dice on the scans of held-out patients (right) by "
        "epoch, above a probability of 0.5, as the threshold is chosen after training"
        + "".join(
            f"; {name} network {which}" for name, which in zip(networks, ("above", "below"), strict=False) if name
        )
        + "."
        + (f" Shown is the last stage of training, after earlier ones ({earlier}; model card)." if earlier else "")
        + (f" {said}." if whose else "")
    )
    return figure


def _pair(column):
    """``network_observer_1`` (or ``dice_...``) in words: "network, observer 1"."""
    words = str(column).removeprefix("dice_").replace("network_", "network, ").replace("_", " ")
    return "both observers" if words == "observers" else words


@styled
def dice_distribution(table):
    """Draw the Dice of each scan for each pair of readers; points of one scan are joined.

    Parameters
    ----------
    table : DataFrame
        One row per scan; every column of numbers is a pair ("network_observer_1" is shown as "network, observer 1").
        NaN where both masks of a pair are empty.
    """
    columns = [c for c in table.select_dtypes("number").columns if table[c].notna().any()]
    figure = new_figure("single", 70)
    ax = figure.subplots()
    if not columns:
        say_missing(ax, "no scan has two masks to compare")
        return figure
    values = table[columns].to_numpy(float)
    ax.plot(np.arange(len(columns)), values.T, color=COLOURS["faint"], linewidth=0.4, alpha=0.5, zorder=1)
    found_in = {column: boxes.finite(table, column) for column in columns}
    boxes.draw(ax, found_in, dict.fromkeys(columns, COLOURS["first"]), dict.fromkeys(columns, "o"))
    ax.set_ylabel("Dice")
    for position, found in enumerate(found_in.values()):
        ax.text(
            position,
            1.02,
            f"{mean_and_sd(found.mean(), found.std(ddof=1) if len(found) > 1 else None, DICE_DIGITS)}\n"
            f"median {as_dice(np.median(found))}",
            ha="center",
            va="bottom",
        )
    names = [_pair(c) for c in columns]
    ax.set_xticks(
        range(len(columns)), [f"{name}\n(n = {len(found_in[c])})" for name, c in zip(names, columns, strict=True)]
    )
    ax.set_ylim(-0.02, 1.0)
    medians = "; ".join(
        f"{name}, median {as_dice(np.median(found_in[c]))}" for name, c in zip(names, columns, strict=True)
    )
    figure.alt = f"Box plots of the Dice of {count(len(table), 'scan')}, the points of one scan joined: {medians}."
    figure.caption = (
        f"Dice of the infection between network and observers on {count(len(table), 'scan')}, with mean ± standard "
        f"deviation and median. {boxes.SAID}; the points of one scan are joined."
    )
    return figure
