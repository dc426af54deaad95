"""A parameter file: what it says, and what is refused before anything runs."""

import re
import time

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.project import ROOT
from study import workflow
from study.parameters import ParameterError, read_parameters


def with_parameters(text):
    cell = new_code_cell(text)
    cell.metadata["tags"] = ["parameters"]
    return new_notebook(cells=[cell])


NOTEBOOKS = {
    "1-cohort": with_parameters(
        'run = "demo"\nn_scans = 548  # all\nincrement_mm = 10.0\nsection_mm = [5.0]\nreport_language = "mixed"\n'
        "seed = 2020"
    ),
    "5-severity": with_parameters('run = "demo"\nn_bootstrap = 2000\nbiomarkers_csv = ""\nconfidence = 0.95\nseed = 1'),
    "6-progression": with_parameters('run = "demo"\nbiomarkers_csv = ""'),
}


def read(tmp_path, text, name="mine"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(text)
    return read_parameters(path, NOTEBOOKS)


def test_defaults_are_the_notebooks_own_and_the_run_is_the_files_name(tmp_path):
    parameters = read(tmp_path, "")
    assert parameters["1-cohort"] == {"run": "mine", "n_scans": 548, "increment_mm": 10.0,
                                      "section_mm": [5.0], "report_language": "mixed", "seed": 2020,
                                      "mark_synthetic": True, "arithmetic": "portable"}  # fmt: skip


def test_a_parameter_of_the_run_reaches_every_notebook_so_that_each_is_executed_again(tmp_path):
    parameters = read(tmp_path, "mark_synthetic: false\n")
    assert {own["mark_synthetic"] for own in parameters.values()} == {False}


def test_a_notebooks_own_parameter_prevails_over_one_for_all(tmp_path):
    parameters = read(tmp_path, "seed: 7\nbiomarkers_csv: a.csv\nseverity:\n  seed: 8\ncohort:\n  increment_mm: 5\n")
    assert (parameters["1-cohort"]["seed"], parameters["5-severity"]["seed"]) == (7, 8)
    assert parameters["5-severity"]["biomarkers_csv"] == parameters["6-progression"]["biomarkers_csv"] == "a.csv"
    assert parameters["1-cohort"]["increment_mm"] == 5.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("severity:\n  n_bootstrp: 10\n", "did you mean `severity.n_bootstrap`?"),
        ("n_scan: 10\n", "did you mean `n_scans`?"),
        ("sevrity:\n  n_bootstrap: 10\n", "did you mean `severity`?"),
        ("severity:\n  n_scans: 10\n", "`severity.n_scans`"),
        ("cohort:\n  n_scans: many\n", "is 'many', text; 1-cohort expects a whole number such as 548"),
        ("cohort:\n  n_scans: 5.5\n", "a number; 1-cohort expects a whole number"),
        ("cohort:\n  n_scans:\n", "is None, nothing; 1-cohort expects"),
        ("cohort:\n  run: other\n", "rename the file"),
        ("cohort:\n  n_scans: 2020-01-23\n", "a date; 1-cohort expects a whole number"),
        ("a: [1\n", "not readable as YAML"),
        ("just words", "expected lines of `name: value`, found text"),
        ("- 1\n", "expected lines of `name: value`, found a list"),
        ("severity: table.csv\n", "`severity` is the section of notebook 5-severity"),
        ("progression: 3\n", "expects lines of `name: value` below it, not 3"),
        ("severity:\n  confidence: 95\n", "is 95.0; 5-severity expects a number from 0.5 below 1, such as 0.95"),
        ("severity:\n  confidence: .nan\n", "a number from 0.5 below 1"),
        ("cohort:\n  report_language: French\n", "'French'; 1-cohort expects one of english, chinese, mixed"),
        ("cohort:\n  section_mm: [5.0, thin]\n", "a list, each entry of it a number above 0, up to 100"),
        ("cohort:\n  section_mm: []\n", "a list, each entry of it"),
        ("seed: 1\nseed: 2\n", "`seed` is given twice, first in line 1; keep one"),
        ("severity:\n  seed: 1\nn_scans: 5\nseverity:\n  seed: 2\n", "`severity` is given twice, first in line 1"),
        ("severity:\n  seed: 1\n5-severity:\n  seed: 2\n", "`severity` and `5-severity` are the same section"),
        ("severity:\n  seed: 1\n  seed: 1\n", "`seed` is given twice, first in line 2"),
        ("seed: " + "9" * 5000, "not readable as YAML"),
        ("seed: 2020-13-45", "not readable as YAML"),
        ("seed: \x00", "not readable as YAML"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_remedy(tmp_path, text, said):
    with pytest.raises(ParameterError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
    assert "mine.yaml" in str(raised.value)


def test_all_wrong_parameters_are_named_at_once(tmp_path):
    with pytest.raises(ParameterError) as raised:
        read(tmp_path, "n_scan: 1\nseverity:\n  n_bootstrp: 1\n")
    assert len(str(raised.value).splitlines()) == 2


def test_a_missing_parameters_file_names_those_at_hand(tmp_path):
    (tmp_path / "demo.yaml").write_text("")
    with pytest.raises(ParameterError, match="choose one of: demo"):
        read_parameters(tmp_path / "dmo.yaml", NOTEBOOKS)


@pytest.mark.parametrize("word", ["biomarkers", "claims"])
def test_a_section_is_not_taken_for_a_parameter(tmp_path, word):
    """`biomarkers: table.csv` was answered by: did you mean `biomarkers`?"""
    path = tmp_path / "mine.yaml"
    path.write_text(f"{word}: table.csv\n")
    with pytest.raises(
        ParameterError, match=f"`{word}` is the section of notebook ._{word}".replace("_", "-")
    ) as raised:
        read_parameters(path, workflow.read_notebooks(ROOT))
    assert f"did you mean `{word}`" not in str(raised.value)
    assert ("did you mean `biomarkers_csv`?" in str(raised.value)) == (word == "biomarkers")


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "there is an alias"),
        ("severity: &s\n  seed: 1\nprogression: *s\n", "there is an alias"),
        ("seed: " + "[" * 90_000, "nested more than 4 deep"),
        ("seed: " + "{a: " * 20_000, "nested more than 4 deep"),
        ("".join(" " * n + "a:\n" for n in range(500)), "nested more than 4 deep"),
        ("seed: 1 #" + "x" * 300_000, "more than 200,000 bytes"),
    ],
    ids=["bomb", "alias", "lists", "mappings", "indented", "large"],
)
def test_a_file_that_unfolds_is_refused_at_once(tmp_path, text, said):
    started = time.perf_counter()
    with pytest.raises(ParameterError, match=said):
        read(tmp_path, text)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cohort:\n  n_bootstrap: 9", "write `n_bootstrap:` in a line of its own, indented below `severity:`"),
        ("severity.seed: 1", "write `seed:` in a line of its own, indented below `severity:`"),
        ("cohort:\n  mark_synthetic: false", "write it at the left margin"),
        ("biomarker_csv: a.csv", "did you mean `biomarkers_csv`?"),
    ],
)
def test_a_name_in_the_wrong_place_is_told_the_right_one(tmp_path, text, said):
    with pytest.raises(ParameterError, match=re.escape(said)):
        read(tmp_path, text)


@pytest.mark.parametrize("section", ["", "cohort", "severity", "progression"])
@pytest.mark.parametrize("name", ["cohort", "severity", "biomarkers", "run", "mark", "seeds", "n_scan"])
def test_nobody_is_asked_whether_he_meant_what_he_wrote(tmp_path, section, name):
    shown = f"{section}.{name}" if section else name
    with pytest.raises(ParameterError) as raised:
        read(tmp_path, f"{section}:\n  {name}: 1.5\n" if section else f"{name}: 1.5\n")
    suggested = re.findall(r"did you mean `(.+?)`", str(raised.value))
    assert not {shown, name, f"{section}.run"} & set(suggested)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("severity:\n  colour: red", "no notebook has a parameter `severity.colour`"),
        ("wavelength: 3", "no notebook has a parameter `wavelength`"),
        ("progression:\n  n_bootstrp: 9", "did you mean `n_bootstrap`? It belongs to `severity:`"),
        (
            "severity:\n  mark_synthetik: false",
            "`mark_synthetic`? It belongs to no section, at the margin",
        ),
        ("5-severity:\n  confidnce: 0.9", "did you mean `severity.confidence`?"),
        ("increment: 5", "did you mean `increment_mm`?"),
        ("scan: 5", "no notebook has a parameter `scan`"),
    ],
)
def test_only_what_is_close_is_suggested_with_its_section(tmp_path, text, said):
    with pytest.raises(ParameterError) as raised:
        read(tmp_path, text)
    assert str(raised.value).endswith(said)


def test_parameters_with_the_words_that_were_written_are_suggested(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("train:\n  epochs: 3\n")
    with pytest.raises(ParameterError, match=r"`train\.infection_epochs` or `train\.lung_epochs`\?$") as raised:
        read_parameters(path, workflow.read_notebooks(ROOT))
    assert "augmentation" not in str(raised.value)
