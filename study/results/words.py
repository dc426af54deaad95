"""Numbers, intervals, units and columns as words for people; the exact numbers are in ``values/*.json``."""

import math
import re

import pandas as pd

MISSING = "–"


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
    return f"{mean:.{digits}f}" if is_missing(sd) else f"{mean:.{digits}f}±{sd:.{digits}f}"


def count_and_share(count, share):
    """Write a count and its share, given as a fraction: ``96 (49%)``, the count alone where the share is undefined."""
    return str(count) if is_missing(share) else f"{count} ({share:.0%})"


def with_interval(value, low=None, high=None, digits=4):
    """Write an estimate: ``0.9680 [0.9505, 0.9805]``, no brackets without an interval, a dash where undefined."""
    if is_missing(value):
        return MISSING
    if is_missing(low) or is_missing(high):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def interval(low, high, digits=4):
    """Write an interval alone: ``[0.9505, 0.9805]``, a dash where undefined."""
    return MISSING if is_missing(low) or is_missing(high) else f"[{low:.{digits}f}, {high:.{digits}f}]"


UNITS = ("mm", "ml", "hu", "kv", "mas", "years")
UNIT_WORDS = {"hu": "HU", "kv": "kV", "mas": "mAs"}
WORDS = {"auc": "AUC", "bca": "BCa", "ci": "CI", "poi": "POI", "ihu": "iHU", "sd": "SD", "p": "p", "n": "n"}
FULL_NAMES = {
    "tube_current_mas": "Tube current-time product (mAs)",  # in mAs it is not a current
    "n_severe": "Severe scans",
}


def headings(df):
    """The table with column names as print has them: ``slice_thickness_mm`` becomes ``Slice thickness (mm)``."""
    return df.rename(columns=heading)


def heading(name):
    """A column's name in words; names with capitals or spaces are words already."""
    if name in FULL_NAMES or not re.fullmatch("[a-z0-9_]+", str(name)):
        return FULL_NAMES.get(name, str(name))
    *first, last = str(name).split("_")
    unit = f" ({UNIT_WORDS.get(last, last)})" if first and last in UNITS else ""
    text = " ".join(WORDS.get(word, word) for word in (first if unit else [*first, last]))
    return (text if text.split(" ")[0] in WORDS.values() else text[:1].upper() + text[1:]) + unit
