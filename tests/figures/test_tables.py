"""Four files of one table."""

import csv
import io
import re

import docx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.figures import tables
from study.files import write_json

TABLE = pd.DataFrame(
    {
        "": ["POI", "iHU"],
        "Sensitivity %": ["92.41 (73 of 79)", "91.14 (72 of 79)"],
        "AUC": [0.968, 0.6873],
        "n": [531, 531],
    }
)


def test_a_column_in_which_no_row_says_anything_is_for_programs_alone(tmp_path):
    table = TABLE.assign(note="", lesion_ml=np.nan, scan_id=["", "="])
    csv_file, markdown, *_ = tables.save(table, tmp_path, "t", "", user_text=["note", "scan_id"])
    assert csv_file.read_text().splitlines()[0] == ",Sensitivity %,AUC,n,note,lesion_ml,scan_id"
    header, _, first, *_ = markdown.read_text().splitlines()[2:]
    assert header == "|  | Sensitivity % | AUC | n | Lesion (ml) | Scan id |"  # an undefined number says something
    assert first.endswith("| 531 | – | – |")
    said = tables.save(table.assign(note=["", "why"]), tmp_path, "t", "")[1].read_text()
    assert "| Note |" in said and "| why |" in said


def test_save_writes_four_forms(tmp_path):
    paths = tables.save(TABLE, tmp_path / "new", "Table_2", "Comparisons, p < 0.001 & 95 % intervals.")
    assert [path.name for path in paths] == ["Table_2.csv", "Table_2.md", "Table_2.tex", "Table_2.docx"]
    assert paths[0].read_bytes() == (
        b",Sensitivity %,AUC,n\nPOI,92.41 (73 of 79),0.968,531\niHU,91.14 (72 of 79),0.6873,531\n"
    )
    markdown = paths[1].read_text()
    assert markdown.startswith(
        "**Comparisons, p &lt; 0.001 &amp; 95 % intervals.**\n\n|  | Sensitivity % | AUC | n |\n| --- |"
    )
    latex = paths[2].read_text()
    assert r"\caption{Comparisons, p $<$ 0.001 \& 95 \% intervals.}" in latex and r"\label{tab:table-2}" in latex
    assert latex.count(r"\toprule") == latex.count(r"\midrule") == latex.count(r"\bottomrule") == 1
    assert r"POI & 92.41 (73~of~79) & 0.9680 & 531 \\" in latex
    word = docx.Document(paths[3])
    assert word.paragraphs[0].text.replace("\u00a0", " ") == "Table 2. Comparisons, p < 0.001 & 95 % intervals."
    assert words_of(word) == [
        ["", "Sensitivity %", "AUC", "n"],
        ["POI", "92.41 (73 of 79)", "0.9680", "531"],
        ["iHU", "91.14 (72 of 79)", "0.6873", "531"],
    ]
    assert sorted(paths) == sorted(paths[0].parent.iterdir())


def words_of(word):
    (table,) = word.tables
    return [[cell.text.replace("\u00a0", " ") for cell in row.cells] for row in table.rows]


def test_any_text_is_text_in_word(tmp_path):
    """Nothing that a user wrote becomes a field, a link or broken XML; what XML cannot hold is shown as unreadable."""
    hostile = ["=1+1", "<w:fldSimple w:instr='DDE'/>", "a\x0b\x1b[31m\ufffe", "&amp; ]]>", "a\nb", ""]
    table = pd.DataFrame({"scan_id": hostile})
    word = docx.Document(tables.save(table, tmp_path, "t", hostile[1])[3])
    shown = ["Scan id", hostile[0], hostile[1], "a\ufffd\ufffd[31m\ufffd", hostile[3], "a b", "–"]
    assert words_of(word) == [[text] for text in shown]
    assert word.paragraphs[0].text == hostile[1]
    assert not re.search("<w:(fldSimple|hyperlink|instrText)", word.element.xml)


def test_the_same_table_gives_the_same_bytes(tmp_path):
    noisy = pd.DataFrame({"x": [0.1 + 0.2, 1e-17, 1e300, -0.0, 1 / 3]})
    first = [path.read_bytes() for path in tables.save(noisy, tmp_path / "a", "t", "c")]
    noisy["x"] *= 1 + 1e-15
    assert first == [path.read_bytes() for path in tables.save(noisy, tmp_path / "b", "t", "c")]


def test_an_index_is_written_where_it_says_something(tmp_path):
    def header(table):
        return tables.save(table, tmp_path, "t", "")[0].read_text().splitlines()[0]

    assert header(TABLE) == ",Sensitivity %,AUC,n"
    assert header(TABLE[["n"]].set_axis(["POI", "iHU"])) == ",n"
    assert header(TABLE[["n"]].rename_axis("model")) == "model,n"
    assert header(TABLE.groupby(["AUC", "n"]).size().to_frame("scans")) == "AUC,n,scans"


def test_cells_of_every_kind(tmp_path):
    odd = pd.DataFrame(
        {"x": [pd.NA, None, np.nan, pd.NaT, True, np.int64(3), pd.Timestamp("2020-01-23"), "a\nb | c", 2.50]},
        dtype=object,
    )
    csv_text, markdown, latex = (path.read_text() for path in tables.save(odd, tmp_path, "t", "")[:3])
    assert [row[0] for row in csv.reader(io.StringIO(csv_text))][1:] == [
        "",
        "",
        "",
        "",
        "true",
        "3",
        "2020-01-23",
        "a\nb | c",
        "2.5",
    ]
    assert "| – |" in markdown and r"| a b \| c |" in markdown
    assert r"a b $|$ c \\" in latex and "\n-- \\\\" in latex


def test_a_minus_is_one_for_readers_and_ascii_for_programs(tmp_path):
    table = pd.DataFrame({"scan_id": ["-7"], "iHU": ["-650 [-700, -600]"], "change": [-0.25], "mm": ["5-10"]})
    csv_file, md, tex, word = tables.save(table, tmp_path, "t", "HU below -750.", "Least: -1024.", ["scan_id"])
    assert csv_file.read_text().splitlines()[1] == '\'-7,"-650 [-700, -600]",-0.25,5-10'
    assert r"| -7 | −650 \[−700, −600\] | −0.250 | 5-10 |" in md.read_text()
    assert "**HU below −750.**" in md.read_text() and "Least: −1024." in md.read_text()
    assert r"-7 & $-$650 {[}$-$700,~$-$600{]} & $-$0.250 & 5-10 \\" in tex.read_text()
    assert words_of(docx.Document(word))[1] == ["-7", "−650 [−700, −600]", "−0.250", "5-10"]


@pytest.mark.parametrize("formula", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1"])
def test_text_of_users_is_no_formula(tmp_path, formula):
    table = pd.DataFrame({"scan_id": [formula], "iHU": ["-650 [-700, -600]"]})
    path = tables.save(table, tmp_path, "t", "", user_text=["scan_id"])[0]
    with open(path, newline="", encoding="utf-8") as file:
        (_, row) = csv.reader(file)
    assert row == ["'" + formula.replace("\r", "\n"), "-650 [-700, -600]"]


def test_formulas_are_guarded_even_where_nobody_said_so(tmp_path):
    tables.save_csv(pd.DataFrame({"=A1": ["=HYPERLINK(0)"], "b": ["-5"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "'=A1,b\n'=HYPERLINK(0),-5\n"


def test_a_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="scan"):
        tables.save(TABLE, tmp_path, "t", "", user_text=["scan"])


def test_latex_escapes_everything_that_it_would_run(tmp_path):
    hostile = pd.DataFrame({"a_b": [r"\input{/etc/passwd} $x^2$ #1 ~ {50%} & [1]"]})
    row = tables.save(hostile, tmp_path, "t", "")[2].read_text()
    assert (
        r"\textbackslash{}input\{/etc/passwd\} \$x\textasciicircum{}2\$ \#1 \textasciitilde{} \{50\%\} \& {[}1{]} \\"
        in row
    )


@given(st.one_of(st.text(), st.builds("{}{}".format, st.sampled_from("=@+-\t\r\n"), st.text())), st.booleans())
def test_a_guarded_cell_never_begins_as_a_formula(text, from_user):
    guarded = tables.guard(text, from_user)
    assert not guarded.startswith(("=", "@")) and "\r" not in guarded
    assert guarded in (text, "'" + text) or "\r" in text


def test_tables_of_synthetic_patients_say_so_in_every_form(synthetic):
    csv_file, md, tex, word = tables.save(TABLE, synthetic.figures, "Table_2", "Comparisons.")
    rows = list(csv.DictReader(io.StringIO(csv_file.read_text())))
    assert [row["tier"] for row in rows] == ["synthetic", "synthetic"] and list(rows[0])[-1] == "tier"
    assert md.read_text().endswith("portion of infection. Synthetic data.\n") and "tier" not in md.read_text()
    assert "portion of infection. Synthetic data.}" in tex.read_text()
    document = docx.Document(word)
    assert document.paragraphs[0].text == "Table 2. Comparisons."
    assert document.paragraphs[-1].text.endswith("Synthetic data.")
    assert document.core_properties.keywords == "synthetic"


@pytest.mark.parametrize(
    ("tier", "chosen"), [("restricted", True), ("public", True), ("unknown", True), ("synthetic", False)]
)
def test_of_patients_or_where_it_is_switched_off_nothing_says_synthetic(synthetic, tier, chosen):
    write_json(synthetic.cohort / "cohort.json", {"tier": tier})
    write_json(synthetic.folder / "recipes" / "1-cohort.json", {"parameters": {"mark_synthetic": chosen}})
    for path in tables.save(TABLE, synthetic.figures, "Table_2", "Comparisons.")[:3]:
        assert "ynthetic" not in path.read_text() and "tier" not in path.read_text()


@pytest.mark.parametrize("column", ["n", "No. of cases", "n patients"])
def test_a_table_that_counts_nothing_is_left_out_and_says_so(tmp_path, capsys, column):
    table = pd.DataFrame({"comparison": ["a", "b"], "mean": np.nan, column: [0, 0], "target": "≥ 0.8"})
    (tmp_path / "Table_dice.md").touch()
    assert tables.save(table, tmp_path, "Table_dice", "Dice.") == [] and not list(tmp_path.iterdir())
    assert capsys.readouterr().out.startswith("Table dice is left out: none of its numbers rests on")
    assert len(tables.save(table.assign(**{column: [0, 3]}), tmp_path, "Table_dice", "Dice.")) == 4
    assert len(tables.save(table.drop(columns=column), tmp_path, "Table_dice", "Dice.")) == 4
    assert len(tables.save(table.iloc[:0], tmp_path, "Table_dice", "Dice.")) == 4  # nothing found is a finding
    assert tables.save(table.iloc[:0], tmp_path, "Table_dice", "Dice.", missing="no report") == []
    assert capsys.readouterr().out == "Table dice is left out: no report\n"


def test_a_table_of_dashes_is_left_out_and_one_number_is_enough(tmp_path):
    table = pd.DataFrame({"choice": ["mask -1 / +1", "all"], "base": np.nan, "kappa": ["– HU", "–"], "n": [0, 0]})
    assert tables.save(table.drop(columns="n"), tmp_path, "Table_S12", "Kappa.") == []
    assert len(tables.save(table.assign(base=[np.nan, 0.5]), tmp_path, "Table_S13", "Kappa.")) == 0  # n is 0
    assert len(tables.save(table.drop(columns="n").assign(base=[np.nan, 0.5]), tmp_path, "Table_S14", "Kappa.")) == 4
    assert len(tables.save(pd.DataFrame({"wording": ["a", "b"]}), tmp_path, "Table_S15", "Words.")) == 4
