r"""What a manuscript takes over from a run, so that nothing is retyped: its numbers and the captions of its figures.

``\input{numbers}`` in a LaTeX manuscript, or the JSON for any other, gives the current numbers of the run.
"""

import json
import re

import pandas as pd

from study.figures import captions, word
from study.figures.latex import latex_text
from study.files import write_bytes, write_json, write_text
from study.networks import card_words
from study.publish import saved
from study.results.words import DICE_DIGITS, MISSING, SHARE_DIGITS, p_value
from study.run import mark_of

# The first pattern that a value's name matches says how many decimals it has in tables and figures, and in which unit
# of PERCENT a fraction is printed.
FORMS = [
    (r"^confidence$", 0, "%"),
    (r"(^|_)(sensitivity|specificity)_", 2, "%"),
    (r"(^|_)share(_|$)", 0, "%"),
    (r"(^|_)(median_poi|poi_median)(_|$)|^poi_at_cutoff$", 2, "%"),
    (r"(^|_)(poi_(bias|error_sd|lower_limit|upper_limit)|least_detectable_change_poi)$", 2, "percentage points"),
    (r"(^|_)(auc|kappa|agreement|standard_error)(_|$)", SHARE_DIGITS, ""),
    (r"(^|_)dice(_|$)", DICE_DIGITS, ""),
    (r"(^|_)(odds_ratio|aic)(_|$)", 3, ""),
]
UNIT_DECIMALS = {"years": 0, "HU": 0, "ml": 0}
DIGITS = dict(zip("0123456789", "Zero One Two Three Four Five Six Seven Eight Nine".split(), strict=True))

HEAD = """\
% Numbers of run {run} as the paper prints them. Made by the study; do not edit, run it again instead.
% In a manuscript: \\input{{numbers}} in the preamble, then for example
%   an AUC of \\severityAucPoi{{}} \\severityAucPoiInterval{{}} (n = \\severityAucPoiN{{}})
% A name is the notebook's and the value's; ...N the number of observations, ...Interval its interval, of
% \\severityConfidence{{}}, or of kappa \\progressionConfidence{{}}, per cent.
% Data tier: {tier}.{warning}
\\newcommand{{\\studyTier}}{{{tier}}}
"""
# What the networks' cards say; a run of a table of biomarkers has none.
TRAINED = "\\newcommand{{\\studyTraining}}{{{}}}\n"
NO_PATIENTS = " THESE PATIENTS DO NOT EXIST: no number below is evidence about people."


PDF = "manuscript.pdf"


def is_outdated(run):
    """Whether the PDF of the manuscript, if there is one, is older than a figure or a table of the run."""
    pdf = run.figures / PDF
    shown = [path for kind in ("Figure_*.tex", "Table_*.tex") for path in run.figures.glob(kind)]
    return pdf.is_file() and any(path.stat().st_mtime_ns > pdf.stat().st_mtime_ns for path in shown)


def write(run):
    """Write ``numbers.tex``, ``numbers.json`` and, if it has figures, ``captions.docx`` into ``figures/<run>``.

    Parameters
    ----------
    run : study.run.Run

    Raises
    ------
    ValueError
        If two values would have the same macro.
    """
    recorded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(run.values.glob("*.json"))]
    rows = [printed(notebook["notebook"], value) for notebook in recorded for value in notebook["values"]]
    cards = card_words.read(run.models)
    trained_on = card_words.of_both(cards, card_words.trained_on) if cards else ""
    lines, taken = [], {"studyTier": "the tier", "studyTraining": "the networks' training"}
    if trained_on:
        lines.append(TRAINED.format(_latex(trained_on)))
    for row in rows:
        for ending, text in (("", row["text"]), ("Interval", row["interval"]), ("N", row["n"])):
            name = row["macro"] + ending
            if text is None:
                continue
            if name in taken:
                raise ValueError(f"{row['notebook']}: {row['name']} and {taken[name]} give the same macro, \\{name}; "
                                 "rename one of the values")  # fmt: skip
            taken[name] = row["name"]
            unit = f", {row['unit']}" if row["unit"] and not ending else ""
            comment = "" if ending else f"  % {row['notebook']}: {row['name']}{unit}"
            lines.append(f"\\newcommand{{\\{name}}}{{{_latex(str(text))}}}{comment}\n")
    warning = NO_PATIENTS if run.tier == "synthetic" else ""
    write_text(run.figures / "numbers.tex", HEAD.format(run=run.name, tier=run.tier, warning=warning) + "".join(lines))
    note = {"run": run.name, "tier": run.tier, "note": warning.strip(), "networks_trained_on": trained_on}
    write_json(run.figures / "numbers.json", {**note, "numbers": rows})
    listed = [captions.read(path) for path in sorted(run.figures.glob("Figure_*.caption.md"), key=saved.in_order)]
    if listed:
        write_bytes(run.figures / "captions.docx", word.captions(listed, mark_of(run.figures)))


def printed(notebook, recorded):
    """One recorded value as the paper prints its kind.

    Parameters
    ----------
    notebook : str
        Such as ``5-severity``.
    recorded : dict
        As from :func:`study.run.value`.

    Returns
    -------
    dict
        ``notebook, name, macro``; ``text`` and ``interval`` as printed (a dash where the value is undefined, None where
        there is no interval), ``unit`` of the text, ``n``; ``value, ci_low, ci_high`` as recorded.
    """
    name, unit = recorded["name"], recorded["unit"]
    otherwise = (UNIT_DECIMALS.get(unit, 3), "")
    decimals, percent = next(((d, p) for form, d, p in FORMS if re.search(form, name)), otherwise)
    whole = isinstance(recorded["value"], int) or re.match(r"(.+_)?n_|(phrases|true)_", name)
    if percent and name.startswith("largest_move_"):  # a difference between percentages
        percent = "percentage points"
    unit = percent or unit

    def shown(number):
        if number is None:
            return MISSING
        if isinstance(number, str):
            date = re.fullmatch(r"\d{4}-\d\d(-\d\d)?", number)
            form = "%d %B %Y" if date and date[1] else "%B %Y"
            return f"{pd.Timestamp(number):{form}}".lstrip("0") if date else number
        if re.match(r"p_(value_)?", name):
            return p_value(number)
        if name == "confidence":
            return f"{100 * number:g}"
        if whole:
            return f"{number:.{int(number % 1 == 0.5)}f}"  # a median of counts may be a half
        rounded = round(100 * number if percent else number, decimals) + 0.0  # a rounded -0 is a 0
        return f"{rounded:.{decimals}f}"

    ends = recorded["ci_low"], recorded["ci_high"]
    return {
        "notebook": notebook,
        "name": name,
        "macro": macro(notebook, name),
        "text": shown(recorded["value"]),
        "interval": None if None in ends else f"[{shown(ends[0])}, {shown(ends[1])}]",
        "unit": unit,
        "n": None if recorded["n"] is None else int(recorded["n"]),
        "value": recorded["value"],
        "ci_low": ends[0],
        "ci_high": ends[1],
    }


def macro(notebook, name):
    """Name of a value's LaTeX macro, letters only: ``5-severity``, ``auc_poi`` gives ``severityAucPoi``."""
    words = re.sub(r"\d", lambda digit: f"_{DIGITS[digit[0]]}_", name)
    return notebook.split("-")[-1] + "".join(word[:1].upper() + word[1:] for word in re.findall("[A-Za-z]+", words))


def _latex(text):
    """Escaped for LaTeX; brackets stay, and a minus is one in text and in mathematics."""
    escaped = latex_text(text).replace("{[}", "[").replace("{]}", "]").replace("$<$", r"\ensuremath{<}")
    return re.sub(r"(?<![\w.])-(?=\d)", r"\\ensuremath{-}", escaped)
