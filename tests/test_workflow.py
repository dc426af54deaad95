"""What a run is planned to do: recipes, and the files that it needs."""

import json

import pytest

from study import workflow


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
