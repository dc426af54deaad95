import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from study import workflow


def with_parameters(text):
    cell = new_code_cell(text)
    cell.metadata["tags"] = ["parameters"]
    return new_notebook(cells=[cell])


NOTEBOOKS = {
    "1-cohort": with_parameters('run = "demo"\nn_scans = 548  # all\nincrement_mm = 10.0\nseed = 2020'),
    "5-severity": with_parameters('run = "demo"\nn_bootstrap = 2000\nbiomarkers_csv = ""\nseed = 1'),
    "6-progression": with_parameters('run = "demo"\nbiomarkers_csv = ""'),
}


def read(tmp_path, text, name="mine"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(text)
    return workflow.read_parameters(path, NOTEBOOKS)


def test_defaults_are_the_notebooks_own_and_the_run_is_the_files_name(tmp_path):
    parameters = read(tmp_path, "")
    assert parameters["1-cohort"] == {"run": "mine", "n_scans": 548, "increment_mm": 10.0, "seed": 2020}


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
        ("a: [1\n", "not readable as YAML"),
        ("just words", "name: value"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_remedy(tmp_path, text, said):
    with pytest.raises(workflow.ParameterError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
    assert "mine.yaml" in str(raised.value)


def test_all_wrong_parameters_are_named_at_once(tmp_path):
    with pytest.raises(workflow.ParameterError) as raised:
        read(tmp_path, "n_scan: 1\nseverity:\n  n_bootstrp: 1\n")
    assert len(str(raised.value).splitlines()) == 2


def test_a_missing_parameters_file_names_those_at_hand(tmp_path):
    (tmp_path / "demo.yaml").write_text("")
    with pytest.raises(workflow.ParameterError, match="choose one of: demo"):
        workflow.read_parameters(tmp_path / "dmo.yaml", NOTEBOOKS)


def test_all_files_that_are_not_there_are_named_before_anything_starts(project):
    from study.run import Run

    parameters = project / "parameters" / "own.yaml"
    parameters.write_text("scans: data/a.csv\ntraining_scans: data/b.csv\nmodels: runs/nix/models\n")
    (project / "data").mkdir()
    (project / "data" / "b.csv").write_text("")
    run = Run("own", project)
    with pytest.raises(workflow.ParameterError) as raised:
        workflow.plan(run)
    wanted = [line.split("own.yaml: ")[1].split(", which")[0] for line in str(raised.value).splitlines()]
    assert wanted == [
        "`scans` needs the file data/a.csv",
        "`models` needs the file runs/nix/models/lung.json",
        "`models` needs the file runs/nix/models/infection.json",
    ]
    assert not workflow.recipe_path(run, "1-cohort").exists()
    parameters.write_text("scans: data/a.csv\nbiomarkers_csv: data/c.csv\n")
    with pytest.raises(workflow.ParameterError) as raised:
        workflow.plan(run)
    assert "`biomarkers_csv` needs the file data/c.csv" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1  # once for two notebooks; and the table needs no scan beside it


def test_recipes_are_rewritten_only_when_they_change(project):
    from study.run import Run

    run = Run("smoke", project)
    workflow.plan(run)
    paths = [workflow.recipe_path(run, name) for name in workflow.NOTEBOOKS]
    before = [path.stat().st_mtime_ns for path in paths]
    workflow.plan(run)
    assert [path.stat().st_mtime_ns for path in paths] == before
    code = project / "study" / "statistics" / "kappa.py"
    code.write_text(code.read_text() + "\nADDED = 1\n")
    workflow.plan(run)
    changed = [
        name
        for name, path, old in zip(workflow.NOTEBOOKS, paths, before, strict=True)
        if path.stat().st_mtime_ns != old
    ]
    assert changed == ["6-progression", "7-claims"]  # the audit has the words for kappa from there
    assert json.loads(paths[0].read_text())["parameters"]["n_patients"] == 18
