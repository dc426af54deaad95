"""Numbers, intervals, units and columns as words for people; the exact numbers are in ``values/*.json``.

A number that is rounded to zero has no sign: the ``z`` in a format leaves it out.
"""

import math
import re

import numpy as np
import pandas as pd

MISSING = "–"
HYPHEN_MINUS = re.compile(r"(?<![\w)\]{])-(?=[\d.])")  # not that of a date, a range, a scan's id or a formula


def with_minus(text):
    """Write each hyphen that stands for a minus, before a number, as U+2212: print's minus, as long as its plus."""
    return HYPHEN_MINUS.sub("−", text)


def is_missing(value):
    """Whether a value is undefined: None, NaN, pandas' NA or NaT."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def p_value(p):
    """Write a p-value as the paper and the AMA Manual of Style do: ``<0.001``, ``0.004``, ``0.52``.

    Two decimals, three below 0.01 and where two would turn a value below 0.05 into 0.05; a dash where undefined.

    Raises
    ------
    ValueError
        Outside 0..1.
    """
    if is_missing(p):
        return MISSING
    if not 0 <= p <= 1:
        raise ValueError(f"p = {p!r} is not a probability; p values must be between 0 and 1")
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.01 or 0.045 <= p < 0.05 else f"{p:.2f}"


def percent_of(count, n, digits=2):
    """Write a proportion: ``92.41 (73 of 79)``, per cent first, then its counts; a dash where n is 0.

    Raises
    ------
    ValueError
        Unless 0 <= count <= n.
    """
    if is_missing(count) or is_missing(n) or n == 0:
        return MISSING
    if not 0 <= count <= n:
        raise ValueError(f"{count!r} of {n!r} is not a proportion; the count must be between 0 and n")
    return f"{100 * count / n:.{digits}f} ({count:.0f} of {n:.0f})"


def mean_and_sd(mean, sd, digits=0):
    """Write a mean and its standard deviation: ``47±15``, no ``±`` without an SD, a dash where undefined."""
    if is_missing(mean):
        return MISSING
    return f"{mean:z.{digits}f}" if is_missing(sd) else f"{mean:z.{digits}f}±{sd:.{digits}f}"


def count_and_share(count, share):
    """Write a count and its share, given as a fraction: ``96 (49%)``, the count alone where the share is undefined."""
    return str(count) if is_missing(share) else f"{count} ({share:.0%})"


# One number has the same digits wherever it is printed, in a table, a figure or a caption.
SHARE_DIGITS = 4  # decimals of an AUC, a rate, an agreement or a kappa: as many as in the paper's tables
DICE_DIGITS = 2  # decimals of a Dice coefficient, as in the paper


def with_interval(value, low=None, high=None, digits=SHARE_DIGITS):
    """Write an estimate: ``0.9680 [0.9505, 0.9805]``, no brackets without an interval, a dash where undefined."""
    if is_missing(value):
        return MISSING
    if is_missing(low) or is_missing(high):
        return f"{value:z.{digits}f}"
    return f"{value:z.{digits}f} [{low:z.{digits}f}, {high:z.{digits}f}]"


def as_share(number):
    """Write an AUC, a rate, an agreement or a kappa: ``0.9680``."""
    return f"{number:z.{SHARE_DIGITS}f}"


def as_dice(number):
    """Write a Dice coefficient: ``0.74``."""
    return f"{number:.{DICE_DIGITS}f}"


def interval(low, high, digits=SHARE_DIGITS):
    """Write an interval alone: ``[0.9505, 0.9805]``, a dash where undefined."""
    return MISSING if is_missing(low) or is_missing(high) else f"[{low:z.{digits}f}, {high:z.{digits}f}]"


UNITS = ("mm", "ml", "hu", "kv", "mas", "years")
UNIT_WORDS = {"hu": "HU", "kv": "kV", "mas": "mAs"}
WORDS = {"auc": "AUC", "bca": "BCa", "ci": "CI", "poi": "POI", "ihu": "iHU", "sd": "SD", "p": "p", "n": "n"}
FULL_NAMES = {
    "tube_current_mas": "Tube current-time product (mAs)",  # in mAs it is not a current
    "n_severe": "Severe scans",
    "n_nonsevere": "Non-severe scans",
    "median_nonsevere": "Median non-severe",
    "mann_whitney_p": "Mann-Whitney p",
    "welch_p": "Welch's t p",
    "patients_p": "p over patients",
    "n_categories": "Categories",
}
HYPHENATED = re.compile(r"\b(non) (severe)\b|\b(half) (width)\b")  # words that a name in code separates


LEAST_DIGITS, MOST_DECIMALS = 3, 3
SHARES = re.compile(r"auc|(\w+ )?kappa|observed agreement|average precision", re.IGNORECASE)  # columns of such
P_COLUMN = re.compile(r"p( value|_value)?([ ,_].*)?|.*_p", re.IGNORECASE)
ENDS = re.compile(r"(.*?)[ _]?(low|high)", re.IGNORECASE)


def decimals_of(numbers):
    """How many decimals all numbers of a column are printed with.

    None if all are whole. Otherwise the largest has three digits, and the smallest at least two if three decimals are
    enough for that: ``0.750`` beside ``0.659``, ``12.3`` beside ``4.1``, ``-652`` beside ``-98``.
    """
    known = [abs(float(number)) for number in numbers if math.isfinite(number)]
    if all(number == round(number) for number in known):
        return 0
    size = [math.floor(math.log10(number)) for number in known if number >= 10.0**-MOST_DECIMALS] or [0]
    needed = max(LEAST_DIGITS - 1 - max(size), LEAST_DIGITS - 2 - min(size), 0)
    return min(needed, max(MOST_DECIMALS, LEAST_DIGITS - 1 - max(size)))


def as_printed(df, digits=None):
    """A table's cells as text for people: p values by the one rule, a column's numbers with equally many decimals.

    Columns of an AUC or a kappa have `SHARE_DIGITS`.

    Two columns with the ends of an interval, ``auc_low`` and ``auc_high`` or ``low`` and ``high``, become one: with
    the estimate, which is the column ``auc`` or the one before them, or alone as ``auc interval``.

    Parameters
    ----------
    df : DataFrame
        Texts are left as they are.
    digits : dict of str to int or list of int, optional
        Decimals of columns whose names do not tell: of a column, or of each of its cells where a table has a row for
        each kind of number.

    Returns
    -------
    DataFrame
        Text; the columns' names are those of `df`, as `heading` reads them.
    """
    columns, printed = [str(column) for column in df.columns], {}
    interval_of = _intervals(columns, df)
    ends = {end for _, pair in interval_of.values() for end in pair}

    def decimals(column, numbers):
        known = (digits or {}).get(column, SHARE_DIGITS if SHARES.fullmatch(column) else None)
        return decimals_of(numbers) if known is None else known

    for place, column in enumerate(columns):
        if column in ends:
            if place in interval_of and interval_of[place][0] is None:
                low, high = (df[df.columns[columns.index(end)]] for end in interval_of[place][1])
                places = decimals_of(_floats(low) + _floats(high))
                name = f"{ENDS.fullmatch(column)[1]} interval".strip()
                printed[name] = [interval(*pair, digits=places) for pair in zip(low, high, strict=True)]
            continue
        given = df.iloc[:, place]
        pair = next((pair for owner, pair in interval_of.values() if owner == column), None)
        if pair is not None:
            low, high = (df[df.columns[columns.index(end)]] for end in pair)
            places = decimals(column, _floats(given) + _floats(low) + _floats(high))
            printed[column] = [with_interval(*of, digits=places) for of in zip(given, low, high, strict=True)]
        elif P_COLUMN.fullmatch(column) and _floats(given):
            printed[column] = [p_value(cell) if _is_float(cell) else cell for cell in given]
        else:
            places = np.broadcast_to(decimals(column, _floats(given)), len(given))
            printed[column] = [_fixed(*of) if _is_float(of[0]) else of[0] for of in zip(given, places, strict=True)]
    return pd.DataFrame(printed, index=df.index, dtype=object)


def shown(df, digits=None):
    """A table as a cell shows it: headings, numbers and dashes as in the copies that ``figures.tables.save`` prints.

    Parameters
    ----------
    df, digits
        As in :func:`as_printed`.

    Returns
    -------
    DataFrame
        Text, on the same index.
    """
    text = as_printed(df, digits).map(lambda cell: MISSING if is_missing(cell) else cell)
    return headings(text).rename_axis(index=lambda name: name and heading(name))


def _intervals(columns, df):
    """By the place of the lower end: the column of the estimate, or None, and the two ends."""
    found = {}
    for place, column in enumerate(columns):
        end = ENDS.fullmatch(column)
        if not end or end[2].lower() != "low":
            continue
        high = column[: -len(end[2])] + ("High" if end[2] == "Low" else "high")
        if high not in columns:
            continue
        owner = end[1] if end[1] in columns else None
        if not end[1]:
            owner = columns[place - 1] if place and _floats(df.iloc[:, place - 1]) else None
        found[place] = owner, (column, high)
    return found


def _is_float(cell):
    return isinstance(cell, (float, np.floating)) and math.isfinite(cell)


def _floats(cells):
    return [float(cell) for cell in cells if _is_float(cell)]


def _fixed(number, digits):
    return f"{number:.4g}" if abs(number) >= 1e10 else f"{number:z.{digits}f}"


def signed(number, digits=0):
    """Write a difference with its sign, a zero without: ``+9``, ``-9``, ``0``."""
    text = f"{number:+z.{digits}f}"
    return text.removeprefix("+") if float(text) == 0 else text


ABBREVIATIONS = {
    "±": "mean ± standard deviation",
    "AIC": "Akaike's information criterion",
    "AUC": "area under the receiver operating characteristic curve",
    "BCa": "bias-corrected and accelerated",
    "CI": "confidence interval",
    "GEE": "generalised estimating equations",
    "HU": "Hounsfield units",
    "iHU": "mean Hounsfield unit of the infection",
    "NPV": "negative predictive value",
    "PABAK": "prevalence- and bias-adjusted kappa",
    "POI": "portion of infection",
    "PPV": "positive predictive value",
    "SD": "standard deviation",
}


def abbreviations(*texts, defined=""):
    """What the abbreviations in lists of texts stand for, as a sentence under a table or a figure; "" without any.

    Those that the text `defined` explains itself, as in ``portion of infection (POI)``, are left out.
    """
    said = " ".join(text for part in texts for text in part)
    found = [short for short in ABBREVIATIONS if re.search(rf"(?<![A-Za-z]){re.escape(short)}(?![A-Za-z])", said)]
    if not re.search(r"\d ?± ?\d", said):  # but a tolerance
        found = [short for short in found if short != "±"]
    known = defined.lower()
    found = [short for short in found if f"({short})" not in defined and ABBREVIATIONS[short].lower() not in known]
    listed = "; ".join(f"{short}, {ABBREVIATIONS[short]}" for short in sorted(found, key=str.lower))
    return f"{listed}." if listed else ""


def headings(df):
    """The table with column names as print has them: ``slice_thickness_mm`` becomes ``Slice thickness (mm)``."""
    return df.rename(columns=heading)


def heading(name):
    """A column's name in words, such as ``Non-severe patients``; names with capitals or spaces are words already."""
    if name in FULL_NAMES or not re.fullmatch("[a-z0-9_]+", str(name)):
        return FULL_NAMES.get(name, str(name))
    *first, last = str(name).split("_")
    unit = f" ({UNIT_WORDS.get(last, last)})" if first and last in UNITS else ""
    text = " ".join(WORDS.get(word, word) for word in (first if unit else [*first, last]))
    text = HYPHENATED.sub(lambda pair: "-".join(filter(None, pair.groups())), text)
    return (text if text.split(" ")[0] in WORDS.values() else text[:1].upper() + text[1:]) + unit
