"""The flow of patients and scans through a run, as reporting guidelines ask for it (STARD, TRIPOD+AI, CLAIM)."""

import pandas as pd
from matplotlib.patches import FancyBboxPatch

from study.figures.style import COLOURS, COLUMN_MM, new_figure, styled
from study.networks import card_words
from study.plural import count

LINE_MM = 3.5  # height of a line of text
NARROW, WIDE = 52, 56  # widths of the boxes (mm)


def counts(run):
    """Collect the numbers of the diagram from what the notebooks recorded.

    Parameters
    ----------
    run : study.run.Run

    Returns
    -------
    dict of str to int or None
        By the names under which they were recorded; None where a notebook was not run or the number is undefined.
        Two are derived: ``n_scans_excluded``, scans of patients under 18; ``n_with_phrase``, pairs whose report has a
        phrase of change. The infection network's card knows ``n_training`` and ``n_held_out``, the scans on which it
        was trained and those of the held-out patients; ``n_without``, how many of the former are without infection, and
        ``n_covid``, how many have COVID-19; ``simulated``, whether they are phantoms; ``goes_on``, whether it is the
        last of several trainings, each going on from the weights before; ``elsewhere``, whether it was trained outside
        this run; and ``whose``, what the caption says of the networks.
    """
    names = {
        "1-cohort": ["n_scans_all", "n_patients_all", "n_minors", "n_scans", "n_patients"],
        "3-segment": ["n_segmented", "n_refused", "n_observed"],
        "5-severity": [
            "n_without_infection", "n_severe", "n_nonsevere", "n_patients_severe", "n_patients_nonsevere",
            "n_status_unknown", "n_patients_status_unknown",
        ],
        "6-progression": [
            "n_pairs", "n_patients_with_pairs", "n_without_report", "n_without_phrase", "n_not_understood",
            "n_opposite_pairs", "n_opposite_patients",
            "n_poi_unchanged", "n_ihu_unchanged", "n_ihu_undefined", "n_volume_all", "n_volume_whole", "n_density_all",
            "n_density_whole",
        ],
    }  # fmt: skip
    found = {}
    for notebook, wanted in names.items():
        recorded = run.recorded(notebook)["value"].reindex(wanted)
        found |= {name: None if pd.isna(number) else int(number) for name, number in recorded.items()}
    severity = run.recorded("5-severity")["value"].reindex(["n_scans", "n_patients"])
    found |= {f"{name}_analysed": None if pd.isna(number) else int(number) for name, number in severity.items()}
    known = found["n_scans_all"] is not None
    found["n_scans_excluded"] = found["n_scans_all"] - found["n_scans"] if known else None
    unread = found["n_without_phrase"] is None  # also where no scan has a report
    found["n_with_phrase"] = (
        None if unread else found["n_pairs"] - found["n_without_report"] - found["n_without_phrase"]
    )
    card = card_words.read(run.models).get("infection", {})
    data = card.get("data", {})
    return found | {
        "n_training": data.get("scans"), "n_held_out": data.get("held_out_scans"),
        "n_without": data.get("without_infection"), "n_covid": data.get("with_covid_19"),
        "simulated": data.get("simulated", False), "goes_on": "started_from" in card,
        "elsewhere": card_words.taken_over(run), "whose": card_words.whose(run),
    }  # fmt: skip


class _Sheet:
    """A sheet with coordinates in millimetres from its upper left corner; its height follows its content."""

    def __init__(self):
        self.figure = new_figure("double", 1)
        self.figure.set_layout_engine("none")  # positions are set here
        self.ax = self.figure.add_axes([0, 0, 1, 1])
        self.ax.axis("off")
        self.lowest = 0.0

    def cut(self, margin_mm=4.5):
        """Set the height of the sheet; returns the figure."""
        height = self.lowest + margin_mm
        self.ax.set(xlim=(0, COLUMN_MM["double"]), ylim=(height, 0))
        self.figure.set_figheight(height / 25.4)
        return self.figure

    def box(self, x, y, width, title, *lines, colour="ink", side=False):
        """Draw a box with its upper edge at `y`, centred on `x`; returns (x, upper edge, lower edge, half width)."""
        height = (1 + len(lines)) * LINE_MM + 2.4
        outline = FancyBboxPatch(
            (x - width / 2, y), width, height, boxstyle="round,pad=0,rounding_size=1", linewidth=0.8,
            edgecolor=COLOURS[colour], facecolor="white", linestyle="--" if side else "-",
        )  # fmt: skip
        self.ax.add_patch(outline)
        self.lowest = max(self.lowest, y + height)
        for row, text in enumerate((title, *lines)):
            self.ax.text(
                x, y + 1.2 + (row + 0.5) * LINE_MM, text, ha="center", va="center",
                fontweight="normal" if row else "bold",
            )  # fmt: skip
        return x, y, y + height, width / 2

    def arrow(self, start, end):
        look = {"arrowstyle": "-|>", "linewidth": 0.8, "color": COLOURS["ink"], "shrinkA": 0, "shrinkB": 0}
        self.ax.annotate("", xy=end, xytext=start, arrowprops={**look, "mutation_scale": 6})

    def down(self, upper, lower, bend_mm=4.0):
        """Draw an arrow from one box to one below it, straight or with a bend `bend_mm` above the lower one."""
        x_from, x_to, middle = upper[0], lower[0], lower[1] - bend_mm
        if x_from != x_to:
            self.ax.plot([x_from, x_from, x_to], [upper[2], middle, middle], color=COLOURS["ink"], linewidth=0.8)
            self.arrow((x_to, middle), (x_to, lower[1]))
        else:
            self.arrow((x_from, upper[2]), (x_from, lower[1]))

    def aside(self, upper, box):
        """Draw an arrow to a box on the right from the line below another box."""
        height = (box[1] + box[2]) / 2
        self.arrow((upper[0], height), (box[0] - box[3], height))


def _of(scans, patients, word="scan"):
    return count(scans, word) + ("" if patients is None else f" of {count(patients, 'patient')}")


MIDDLE, LEFT, RIGHT = 87.0, 29.0, 145.0  # centres of the columns (mm)


@styled
def draw(numbers):
    """Draw the diagram.

    Parameters
    ----------
    numbers : dict
        From :func:`counts`. What is None is left out; a run from a table of biomarkers begins at that table.

    Returns
    -------
    Figure
        Its ``alt`` describes the whole flow.
    """
    sheet, n, told = _Sheet(), numbers, []
    if n["n_scans_all"] is not None and n["n_segmented"] is not None:
        start = _draw_cohort(sheet, n, told)
    else:
        listed = "no number was recorded"
        if n["n_scans_analysed"] is not None:
            unknown = n["n_status_unknown"] or 0  # their patients may have other scans too: of how many is not known
            listed = _of(n["n_scans_analysed"] + unknown, None if unknown else n["n_patients_analysed"])
        start = sheet.box(MIDDLE, 3, WIDE, "Table of biomarkers", listed)
        told.append(f"table of biomarkers: {listed}")
    parts = [(draw_part, place) for name, draw_part, place in (
        ("n_severe", _draw_severity, 43), ("n_with_phrase", _draw_progression, 123),
    ) if n[name] is not None]  # fmt: skip
    for draw_part, place in parts:
        draw_part(sheet, start, place if len(parts) > 1 else MIDDLE, n, told)
    figure = sheet.cut()
    figure.alt = "Flow of patients and scans. " + "; ".join(told) + "."
    networks = f" Segmented by {n['whose']}." if n["whose"] and n["n_segmented"] is not None else ""
    figure.caption = f"Flow of patients and scans through the study.{networks} Dashed: left out.{_twice_in_words(n)}"
    return figure


def _twice_in_words(n):
    by_status = [n["n_patients_severe"], n["n_patients_nonsevere"]]
    if None in (n["n_severe"], n["n_patients_analysed"], *by_status):
        return ""
    both = sum(by_status) - n["n_patients_analysed"]
    said = f" A patient with severe and with non-severe scans counts in both boxes: {count(both, 'patient')}."
    return said if both > 0 else ""


def _draw_cohort(sheet, n, told):
    """Draw all scans to those measured, with exclusions on the right and the networks on the left."""
    reviewed = sheet.box(MIDDLE, 3, WIDE, "Reviewed", _of(n["n_scans_all"], n["n_patients_all"]))
    minors = _of(n["n_scans_excluded"], n["n_minors"])
    excluded = sheet.box(RIGHT, 16, NARROW, "Excluded: under 18 years", minors, side=True)
    included = sheet.box(MIDDLE, 29, WIDE, "Included", _of(n["n_scans"], n["n_patients"]))
    refused = sheet.box(RIGHT, 41.5, NARROW, "Refused: unreadable or no lung", count(n["n_refused"], "scan"), side=True)
    measured = sheet.box(
        MIDDLE, 55, WIDE, "Label map, POI and iHU", count(n["n_segmented"], "scan"),
        f"by two observers as well: {n['n_observed']}",
    )  # fmt: skip
    sheet.down(reviewed, included)
    sheet.aside(reviewed, excluded)
    sheet.down(included, measured)
    sheet.aside(included, refused)
    told += [
        f"Reviewed: {_of(n['n_scans_all'], n['n_patients_all'])}", f"under 18 years, excluded: {minors}",
        f"included: {_of(n['n_scans'], n['n_patients'])}", f"refused: {count(n['n_refused'], 'scan')}",
        f"measured: {count(n['n_segmented'], 'scan')}",
    ]  # fmt: skip
    if n["n_training"] is not None:
        both = n["n_training"] + n["n_held_out"]
        title = "Training set of other origin" if n["elsewhere"] else "Training set"
        kinds = [f"{words}: {n[key]}" for key, words in (("n_without", "no infection"), ("n_covid", "COVID-19"))
                 if n[key] is not None]  # fmt: skip
        rest = []
        if n["n_covid"] is not None:
            rest = [f"another pneumonia: {n['n_training'] - n['n_without'] - n['n_covid']}"]
        before = ["went on from earlier weights"] if n["goes_on"] else []
        training = "last training" if n["goes_on"] else "training"
        scans = count(both, "simulated scan" if n["simulated"] else "scan")
        other = sheet.box(LEFT, 16, NARROW, title, scans)
        split = sheet.box(
            LEFT, 31.5, NARROW, "Split by patient", f"{training}: {count(n['n_training'], 'scan')}",
            *([", ".join(kinds)] if kinds else []), *rest, f"held out, for thresholds: {n['n_held_out']}",
        )  # fmt: skip
        networks = sheet.box(LEFT, 55, NARROW - 10, "Two networks", *before, colour="first")
        sheet.down(other, split)
        sheet.down(split, networks)
        sheet.arrow((LEFT + networks[3], 57.9), (MIDDLE - measured[3], 57.9))
        told.append(
            f"{title.lower()}, {scans}: networks trained on {n['n_training']}"
            + (f" ({', '.join([*kinds, *rest])})" if kinds else "")
            + f", thresholds chosen on the {n['n_held_out']} of held-out patients"
            + "".join(f"; {words}" for words in before)
        )
    return measured


def _draw_severity(sheet, start, x, n, told):
    room = 13 if n["n_status_unknown"] else 0  # above the box, for what is left out
    y = start[2] + 8 + room
    analysed = _of(n["n_scans_analysed"], n["n_patients_analysed"])
    without = f"no infection measured, no iHU: {n['n_without_infection']}"
    severity = sheet.box(x, y, WIDE, "Severity", analysed, without)
    sheet.down(start, severity, bend_mm=4 + room)
    if room:
        unknown = _of(n["n_status_unknown"], n["n_patients_status_unknown"])
        left_out = sheet.box(x + 25.5, y - 11.5, 46, "Left out: status unknown", unknown, side=True)
        sheet.aside(severity, left_out)
        told.append(f"status unknown, left out: {unknown}")
    told.append(f"severity: {analysed}, {without}")
    for step, words, key in ((-20, "Severe", "severe"), (20, "Non-severe", "nonsevere")):
        scans, patients = n[f"n_{key}"], n[f"n_patients_{key}"]
        of_patients = [] if patients is None else [f"of {count(patients, 'patient')}"]
        group = sheet.box(x + step, y + 22, 36, words, count(scans, "scan"), *of_patients, colour=words.lower())
        sheet.down(severity, group)
        told.append(f"{words.lower()}: {_of(scans, patients)}")


def _draw_progression(sheet, start, x, n, told):
    y, beside = start[2] + 8, x + 25.5
    pairs = sheet.box(x, y, WIDE, "Progression", _of(n["n_pairs"], n["n_patients_with_pairs"], "pair"))
    without_phrase = n["n_without_phrase"] - n["n_not_understood"]
    silent = sheet.box(
        beside, y + 13, 46, "Left out", f"no report: {n['n_without_report']}, no phrase: {without_phrase}",
        f"not understood: {n['n_not_understood']}", side=True,
    )  # fmt: skip
    phrased = sheet.box(x, y + 30, WIDE, "Report with a phrase of change", count(n["n_with_phrase"], "pair"))
    opposite = sheet.box(
        beside, y + 43, 46, "Left out of the row concerned",
        f"opposite phrases: {count(n['n_opposite_pairs'], 'pair')}",
        f"of {count(n['n_opposite_patients'], 'patient')}", side=True,
    )  # fmt: skip
    sheet.down(start, pairs)
    sheet.down(pairs, phrased)
    sheet.aside(pairs, silent)
    rows = (("Extent", "volume", n["n_poi_unchanged"]),
            ("Density", "density", n["n_ihu_unchanged"] + n["n_ihu_undefined"]))  # fmt: skip
    for step, (words, key, lost) in zip((-20, 24), rows, strict=True):
        rated = sheet.box(
            x + step, y + 64, 38, words, count(n[f"n_{key}_all"], "pair"), f"whole lung: {n[f'n_{key}_whole']}",
            f"no change measured: {lost}",
        )  # fmt: skip
        sheet.down(phrased, rated)
    sheet.aside(phrased, opposite)
    told += [
        f"progression, consecutive scans: {_of(n['n_pairs'], n['n_patients_with_pairs'], 'pair')}",
        f"without a report {n['n_without_report']}, without a phrase of change {without_phrase}, not understood "
        f"{n['n_not_understood']}",
        f"opposite phrases, left out of the row concerned: {n['n_opposite_pairs']}",
        f"compared in extent {n['n_volume_all']}, in density {n['n_density_all']}",
    ]  # fmt: skip
