"""One table in four formats: for a spreadsheet, a web page, LaTeX and Word."""

import csv
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from study.files import write_bytes, write_text
from study.results.words import MISSING, heading, is_missing
from study.run import mark_of


def save(df, folder, name, caption, user_text=()):
    r"""Write ``<folder>/<name>.csv``, ``.md``, ``.tex`` (booktabs) and ``.docx`` (Word), each completely or not at all.

    The index is written if it carries information (it has a name or is not 0, 1, 2, ...). The CSV file is for programs:
    unchanged column names and ten significant digits. The others are for readers: headings in words and four digits.
    Line ends are ``\n``, text is UTF-8: the same table gives the same bytes. A table of a synthetic run says so: in its
    caption, in a last column ``tier`` of the CSV file and among the keywords of the Word file.

    A spreadsheet runs a cell that begins with ``=`` or ``@`` as a formula, even one from a scan's id or a report. In
    the CSV file such cells are preceded by ``'``. Cells that begin with ``+``, ``-``, a tab or a carriage return are
    guarded too, but only in the columns named in ``user_text``, as ``-650 [-700, -600]`` is a number in a column that
    we wrote.

    Parameters
    ----------
    df : DataFrame
    caption : str
        Title and notes, printed with the table (not in the CSV file).
    user_text : sequence of str
        Columns with text that a user provided.

    Returns
    -------
    list of Path
        Empty if every row counts nothing (``n`` is 0): then there is no table, an earlier one is removed, and a line
        is printed instead.
    """
    if _counts_nothing(df):
        for kind in ("csv", "md", "tex", "docx"):
            (Path(folder) / f"{name}.{kind}").unlink(missing_ok=True)
        print(f"{name.replace('_', ' ')} is left out: none of its numbers rests on a scan or a case of this run")
        return []
    mark = mark_of(folder)
    header, rows, guards = _laid_out(df.assign(tier=mark) if mark else df, user_text, name)
    printed_header, printed, _ = _laid_out(df, user_text, name, digits=4)
    printed_header = [heading(column) for column in printed_header]
    if mark:
        caption = f"{caption} {mark.capitalize()} data."
    contents = {"csv": _csv(header, rows, guards).encode(), "md": _markdown(printed_header, printed, caption).encode(),
                "tex": _latex(printed_header, printed, caption, name).encode(),
                "docx": _docx(printed_header, printed, caption, name, mark)}  # fmt: skip
    paths = [Path(folder) / f"{name}.{kind}" for kind in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        write_bytes(path, content)
    return paths


COUNTS = re.compile(r"n|n patients|n_patients|No\. of cases|No\. of patients")


def _counts_nothing(df):
    """Whether a table has rows, says of each on how much it rests, and that is nothing everywhere."""
    counts = [column for column in df.columns if COUNTS.fullmatch(str(column))]
    if not len(df) or not counts:
        return False
    return not df[counts].apply(pd.to_numeric, errors="coerce").fillna(0).to_numpy().any()


def save_csv(df, path, user_text=()):
    """Write only the CSV file, as ``save`` would; for tables too wide to print."""
    write_text(path, _csv(*_laid_out(df, user_text, Path(path).name)))


def _laid_out(df, user_text, name, digits=10):
    """Header, rows of text, and which columns contain users' text."""
    unknown = sorted(set(user_text) - set(df.columns) - set(df.index.names))
    if unknown:
        raise ValueError(f"user_text names columns that table {name} does not have: {', '.join(map(str, unknown))}")
    if df.index.name is not None or isinstance(df.index, pd.MultiIndex) or not df.index.equals(pd.RangeIndex(len(df))):
        df = df.reset_index(names=[str(n) if n is not None else "" for n in df.index.names])
    rows = [[_cell(df.iat[r, c], digits) for c in range(df.shape[1])] for r in range(df.shape[0])]
    return [str(column) for column in df.columns], rows, [column in user_text for column in df.columns]


def _cell(value, digits):
    if is_missing(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return f"{value:.0f}" if 10**digits <= abs(value) < 1e10 else f"{value:.{digits}g}"
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


def _one_line(text):
    return re.sub(r"\s*[\r\n]+\s*", " ", text).strip()


def _markdown(header, rows, caption):
    def escaped(text):
        text = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return re.sub(r"([\\|`*_\[\]])", r"\\\1", text)

    lines = [" | ".join(escaped(text) for text in header), " | ".join(["---"] * len(header))]
    lines += [" | ".join(escaped(text) or MISSING for text in row) for row in rows]
    return f"**{escaped(caption)}**\n\n" + "".join(f"| {line} |\n" for line in lines)


# fmt: off
LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
         "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
         "±": r"$\pm$", "–": "--", "−": r"$-$", "≥": r"$\geq$", "≤": r"$\leq$", "κ": r"$\kappa$", "χ": r"$\chi$",
         "²": r"$^{2}$", "×": r"$\times$", "[": "{[}", "]": "{]}"}
# fmt: on


def latex_text(text):
    """One line of text with everything escaped that LaTeX would interpret."""
    return "".join(LATEX.get(letter, letter) for letter in _one_line(text))


def _latex(header, rows, caption, name):
    body = "".join(" & ".join(latex_text(text) or "--" for text in row) + " \\\\\n" for row in rows)
    label = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
    return (
        "% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n"
        f"\\caption{{{latex_text(caption)}}}\n\\label{{tab:{label}}}\n"
        f"\\begin{{tabular}}{{{'l' + 'r' * (len(header) - 1)}}}\n\\toprule\n"
        + " & ".join(latex_text(text) for text in header)
        + " \\\\\n\\midrule\n"
        + body
        + "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _docx(header, rows, caption, name, keywords=""):
    """A Word file: caption with the table's number, three rules as in journals, the header repeated on every page."""
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    def text_of(cell):
        return NOT_IN_XML.sub("\ufffd", _one_line(cell))

    def rules(parent, kind, *edges):
        borders = OxmlElement(kind)
        for edge in edges:
            rule = OxmlElement(f"w:{edge}")
            for key, setting in (("val", "single"), ("sz", "6"), ("space", "0"), ("color", "000000")):
                rule.set(qn(f"w:{key}"), setting)
            borders.append(rule)
        after = ("w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook")  # Word requires this order
        parent.insert_element_before(borders, *after)

    document = docx.Document()
    document.core_properties.title = document.core_properties.author = document.core_properties.comments = ""
    document.core_properties.keywords = keywords
    number = re.match(r"Table_(S?\d+)", name)
    document.add_paragraph(f"Table {number[1]}. {text_of(caption)}" if number else text_of(caption), style="Caption")
    table = document.add_table(rows=0, cols=len(header))
    rules(table._tbl.tblPr, "w:tblBorders", "top", "bottom")
    for row in [header, *rows]:
        for position, (cell, text) in enumerate(zip(table.add_row().cells, row, strict=True)):
            cell.text = text_of(text) or ("" if row is header else MISSING)
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT if position else WD_ALIGN_PARAGRAPH.LEFT
    head = table.rows[0]
    head._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for cell in head.cells:
        rules(cell._tc.get_or_add_tcPr(), "w:tcBorders", "bottom")
    return _without_dates(document)


def _without_dates(document):
    """The file's bytes without the times in its zip archive, which would differ from one run to the next."""
    packed, undated = io.BytesIO(), io.BytesIO()
    document.save(packed)
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(undated, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            target.writestr(zipfile.ZipInfo(part), source.read(part), zipfile.ZIP_DEFLATED)
    return undated.getvalue()
