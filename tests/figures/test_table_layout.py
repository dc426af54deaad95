"""Columns as wide as what they hold, and tables that pdfLaTeX and Word set on their page."""

import re

import docx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.typeset import PREAMBLE, document, faults, pdflatex
from study.figures import tables
from study.figures.latex import latex_text
from study.figures.letters import latex_width_em, width_em
from study.figures.table_layout import lay_out, lines_of, tied

PLACES = {"narrow": 200.0, "wide": 400.0, "landscape": 700.0}
CELLS = st.text("ab 1.[]()", max_size=40).map(tied)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_columns_fit_their_place_and_every_line_its_column(rows):
    header, *body = ([*row] for row in rows)
    layout = lay_out(header, body, PLACES, gap=8.0)
    assert sum(layout.widths) + 8.0 * 2 <= PLACES[layout.place] + 1e-6
    for row in rows:
        for text, width, wrapped in zip(row, layout.widths, layout.wrapped, strict=True):
            lines = lines_of(text, width / layout.size)
            assert all(width_em(line.replace("\u200b", "")) * layout.size <= width + 1e-4 for line in lines)
            assert wrapped or len(lines) <= 2  # one line for a cell, two for a heading


def test_the_narrowest_place_is_taken_and_numbers_are_not_torn_apart():
    few = lay_out(["model", "AUC"], [["POI", "0.93 [0.90, 0.96]"]], PLACES, gap=8.0)
    assert few.place == "narrow" and few.numeric == [False, True] and not any(few.wrapped)
    interval = tied("79.75 (63 of 79) [70.89, 88.61]")
    assert interval.split(" ") == ["79.75", "(63\u00a0of\u00a079)", "[70.89,\u00a088.61]"]
    assert lay_out(["x"] * 4, [["POI", interval, interval, interval]], PLACES, gap=8.0).place == "wide"
    assert lay_out(["x"] * 9, [["POI", *[interval] * 8]], PLACES, gap=8.0).place == "landscape"


def test_the_room_goes_where_it_saves_a_line():
    """As of Table 2: an equal share of the rest would break the middle column into three lines."""
    cells = [tied(text) for text in ("81.01 (64 of 79) [72.15, 88.61]", "90.93 (411 of 452) [88.05, 93.36]",
                                     "0.9311 [0.8969, 0.9545]")]  # fmt: skip
    least = sum(max(width_em(part) for lines in (lines_of(cell, 0),) for part in lines) for cell in cells)
    halves = sum(width_em(part) for part in (cells[0].rsplit(" ", 1)[0], cells[1].rsplit(" ", 1)[0]))
    room = 8 * (halves + width_em(cells[2].split(" ")[1]) + 0.2) + 2 * 8
    assert 8 * least + 2 * 8 < room
    layout = lay_out(["a"] * 3, [cells], {"narrow": 10.0, "wide": room}, gap=8.0)
    assert [len(lines_of(cell, width / 8)) for cell, width in zip(cells, layout.widths, strict=True)] == [2, 2, 2]


def test_letters_are_as_wide_as_latex_prints_them(tmp_path):
    texts = ["81.01 (64 of 79)", "[72.15, 88.61]", "Half-width (HU)", "−650 ± 98", "<0.001", "Kappa, errors over cases",
             "a_b ≥ 3 %", "é/e", "W & M ~ x^2 | y", "mean mm", "“a” – b…"]  # fmt: skip
    lines = "".join(f"\\settowidth{{\\dimen0}}{{{latex_text(text)}}}\\typeout{{W:\\the\\dimen0}}" for text in texts)
    log = pdflatex(tmp_path, f"{PREAMBLE}\\begin{{document}}\\footnotesize{{}}{lines}x\\end{{document}}")
    true = [float(width) for width in re.findall(r"W:([\d.]+)pt", log)]
    for text, printed in zip(texts, true, strict=True):
        assert printed - 0.1 <= 8 * latex_width_em(text) < 1.2 * printed, text


def hard_tables():
    """Tables of the kinds that overflowed: wide, with sentences, long words, Chinese, long."""
    interval = "79.75 (63 of 79) [70.89, 88.61]"
    sentence = "病灶较前增多 and then a sentence of a report that nobody understood, with 100 % and p < 0.001 in it"
    return {
        "Table_1": pd.DataFrame({"Model": ["POI", "iHU"], "AUC": [0.75, 0.6593]}),
        "Table_2": pd.DataFrame({"Biomarker": ["POI+iHU"], **{f"Sensitivity % ({k})": [interval] for k in range(4)}}),
        "Table_3": pd.DataFrame({"wording": [sentence, "较前吸收", "=cmd_x & 5 % ~ ^ \\input{x}"], "n": [3, 2, 1]}),
        "Table_4": pd.DataFrame({f"A heading of column {k}": [f"0.{k}1 [0.{k}, 0.99]", "words"] for k in range(14)}),
        "Table_S1": pd.DataFrame({"row": ["x"] * 90, "value": np.arange(90) / 7, "why": [sentence] * 90}),
        "Table_S2": pd.DataFrame({"digest": ["0123456789abcdef" * 4], "path": ["/a_long/path" * 9], "x": [1]}),
    }


def test_pdflatex_sets_every_table_within_the_text_of_article(tmp_path):
    made = [tables.save(df, tmp_path, name, f"Table {name}.", "n: scans.")[2] for name, df in hard_tables().items()]
    log = pdflatex(tmp_path, document(made))
    assert not faults(log), log[-3000:]


def test_a_table_says_where_it_fits_and_a_narrow_one_fits_a_column(tmp_path):
    said = {}
    for name, df in hard_tables().items():
        path = tables.save(df, tmp_path, name, "Caption.", "n: scans.")[2]
        first, needs, *_ = path.read_text().splitlines()
        said[name] = re.search(r"\\begin\{(\w+\*?)\}", path.read_text())[1]
        assert first.startswith("% ") and needs.startswith("% Needs \\usepackage{booktabs,array")
    assert said == {"Table_1": "table", "Table_2": "table*", "Table_3": "table*", "Table_4": "sidewaystable*",
                    "Table_S1": "longtable", "Table_S2": said["Table_S2"]}  # fmt: skip
    columns = PREAMBLE.replace("{article}", "[twocolumn]{article}")
    log = pdflatex(tmp_path, document([tmp_path / f"Table_{k}.tex" for k in (1, 2, 3, 4)], columns))
    assert not faults(log)


def test_words_of_other_scripts_are_said_and_are_code_points_for_pdflatex(tmp_path):
    text = tables.save(pd.DataFrame({"wording": ["增加 κ ≥ é"]}), tmp_path, "t", "c")[2].read_text()
    assert r"\otherscript{增加}{U+589E\allowbreak{}U+52A0} $\kappa$~$\geq$~é" in text
    assert text.index("XeLaTeX") < text.index(r"\providecommand{\otherscript}") < text.index(r"\begin{table}")


@pytest.mark.parametrize(("name", "side_mm"), [("Table_1", 210), ("Table_2", 210), ("Table_4", 297)])
def test_a_word_tables_columns_are_as_wide_as_their_content_and_no_wider_than_the_sheet(tmp_path, name, side_mm):
    word = docx.Document(tables.save(hard_tables()[name], tmp_path, name, "Caption.")[3])
    (table,), sheet = word.tables, word.sections[0]
    assert round(sheet.page_width.mm) == side_mm
    assert sum(column.width for column in table.columns) <= sheet.page_width - sheet.left_margin - sheet.right_margin
    for row in table.rows:
        for cell, column in zip(row.cells, table.columns, strict=True):
            words = re.split("[ \u200b]", cell.text)
            assert cell.width == column.width >= max(width_em(word) for word in words) * 8 * 12700
