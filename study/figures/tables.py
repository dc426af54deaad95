"""One table in four formats: for a spreadsheet, a web page, LaTeX and Word."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from study.figures import latex, word
from study.figures.table_layout import one_line
from study.files import write_bytes, write_text
from study.results.words import MISSING, abbreviations, as_printed, heading, is_missing, with_minus
from study.run import mark_of


def save(df, folder, name, caption, note="", user_text=(), digits=None, missing=""):
    r"""Write ``<folder>/<name>.csv``, ``.md``, ``.tex`` (booktabs) and ``.docx`` (Word), each completely or not at all.

    The index is written if it carries information (it has a name or is not 0, 1, 2, ...). The CSV file is for programs:
    unchanged column names, ten significant digits and ASCII signs. The others are for readers: headings in words,
    numbers as ``words.as_printed`` writes them, with print's minus, without columns of text in which no row says
    anything, and below the table its note with the abbreviations that occur in it. Line ends are ``\n``, text is UTF-8:
    the same table gives the same bytes. A table of a synthetic run says so: in its note, in a last column ``tier`` of
    the CSV file and among the keywords of the Word file.

    A spreadsheet runs a cell that begins with ``=`` or ``@`` as a formula, even one from a scan's id or a report. In
    the CSV file such cells are preceded by ``'``. Cells that begin with ``+``, ``-``, a tab or a carriage return are
    guarded too, but only in the columns named in ``user_text``, as ``-650 [-700, -600]`` is a number in a column that
    we wrote.

    Parameters
    ----------
    df : DataFrame
    caption : str
        The title, printed above the table (not in the CSV file).
    note : str
        What is counted, which test was made, what brackets are; printed below the table.
    user_text : sequence of str
        Columns with text that a user provided, which is shown as it is.
    digits : dict of str to int, optional
        Decimals of columns, as in ``words.as_printed``.
    missing : str
        What a table without rows lacks; without it such a table is written, as nothing found is a finding.

    Returns
    -------
    list of Path
        Empty if no number of the table rests on anything: every row counts nothing (``n`` is 0), every number is 0 or
        undefined, or something is `missing`. Then there is no table, an earlier one is removed, and a line is printed
        instead.
    """
    why_not = missing if not len(df) else NOTHING if _counts_nothing(df) or _shows_nothing(df) else ""
    if why_not:
        for kind in ("csv", "md", "tex", "docx"):
            (Path(folder) / f"{name}.{kind}").unlink(missing_ok=True)
        print(f"{name.replace('_', ' ')} is left out: {why_not}")
        return []
    mark = mark_of(folder)
    header, rows, guards = _laid_out(df.assign(tier=mark) if mark else df, user_text, name)
    said_something = without_silent(_with_index(df))
    own = [column for column in user_text if column in said_something]
    printed_header, printed, own = _laid_out(as_printed(said_something, digits), own, name)
    printed_header = [heading(column) for column in printed_header]
    printed = [[text if is_own else with_minus(text) for text, is_own in zip(row, own, strict=True)] for row in printed]
    said = " ".join(part for part in (note, abbreviations(printed_header, *printed, [caption, note]),
                                      f"{mark.capitalize()} data." if mark else "") if part)  # fmt: skip
    shown = printed_header, printed, with_minus(caption), with_minus(said)
    contents = {"csv": _csv(header, rows, guards).encode(), "md": _markdown(*shown).encode(),
                "tex": latex.table(*shown, name).encode(), "docx": word.table(*shown, name, mark)}  # fmt: skip
    paths = [Path(folder) / f"{name}.{kind}" for kind in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        write_bytes(path, content)
    return paths


def without_silent(df):
    """A table without its columns of text in which no row says anything, such as notes where none was needed."""
    silent = df.map(lambda cell: isinstance(cell, str) and not cell).all().to_numpy(dtype=bool)
    return df.loc[:, ~silent] if len(df) else df


DIGITS = 10  # significant ones, in the CSV file
COUNTS = re.compile(r"n|n patients|n_patients|No\. of cases|No\. of patients")


def _counts_nothing(df):
    """Whether a table has rows, says of each on how much it rests, and that is nothing everywhere."""
    counts = [column for column in df.columns if COUNTS.fullmatch(str(column))]
    if not len(df) or not counts:
        return False
    return not df[counts].apply(pd.to_numeric, errors="coerce").fillna(0).to_numpy().any()


NOTHING = "none of its numbers rests on a scan or a case of this run"


def _shows_nothing(df):
    """Whether a table has rows, and beside columns of words only columns in which every number is 0 or undefined."""
    _, rows, _ = _laid_out(_with_index(df), (), "")
    columns = list(zip(*rows, strict=True))
    blank = [all(re.fullmatch(r"(–|0(\.0+)?|)( \D.*)?", cell) for cell in cells) for cells in columns]
    words = [all(re.match(r"[^\W\d]", cell) for cell in cells) for cells in columns]
    return any(blank) and all(nothing or said for nothing, said in zip(blank, words, strict=True))


def save_csv(df, path, user_text=()):
    """Write only the CSV file, as ``save`` would; for tables too wide to print."""
    write_text(path, _csv(*_laid_out(df, user_text, Path(path).name)))


def _laid_out(df, user_text, name):
    """Header, rows of text, and which columns contain users' text."""
    unknown = sorted(set(user_text) - set(df.columns) - set(df.index.names))
    if unknown:
        raise ValueError(f"user_text names columns that table {name} does not have: {', '.join(map(str, unknown))}")
    df = _with_index(df)
    rows = [[_cell(df.iat[r, c]) for c in range(df.shape[1])] for r in range(df.shape[0])]
    return [str(column) for column in df.columns], rows, [column in user_text for column in df.columns]


def _with_index(df):
    """The table with its index as columns, if that carries information."""
    if df.index.name is not None or isinstance(df.index, pd.MultiIndex) or not df.index.equals(pd.RangeIndex(len(df))):
        return df.reset_index(names=[str(n) if n is not None else "" for n in df.index.names])
    return df


def _cell(value):
    if is_missing(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return f"{value:%Y-%m-%d}"
    return str(value)


def guard(text, from_user=True):
    """Put a ``'`` before text that a spreadsheet could run as a formula."""
    dangerous = ("=", "@", "+", "-", "\t", "\r", "\n") if from_user else ("=", "@")
    # Python's csv does not quote a single carriage return, which readers take for the end of a row.
    return ("'" + text if text.startswith(dangerous) else text).replace("\r\n", "\n").replace("\r", "\n")


def _csv(header, rows, guards):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([guard(text, from_user=False) for text in header])
    writer.writerows([[guard(text, from_user) for text, from_user in zip(row, guards, strict=True)] for row in rows])
    return out.getvalue()


def markdown_text(text):
    """One line of text that is no Markdown and no HTML."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|`*_\[\]])", r"\\\1", text)


def _markdown(header, rows, caption, note):
    lines = [" | ".join(markdown_text(text) for text in header), " | ".join(["---"] * len(header))]
    lines += [" | ".join(markdown_text(text) or MISSING for text in row) for row in rows]
    return (
        f"**{markdown_text(caption)}**\n\n"
        + "".join(f"| {line} |\n" for line in lines)
        + f"\n{markdown_text(note)}\n" * bool(note)
    )
