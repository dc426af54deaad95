"""What a run says it will execute, and why."""

import json
import shutil

import pytest

from helpers.project import study
from study import changes, workflow
from study.files import write_json
from study.run import Run
from study.scans.ct import write_scan

pytestmark = pytest.mark.usefixtures("read_once")  # many plans of one code

JOB = """[Mon Nov 30 12:18:06 2026]
rule {rule}:
    input: runs/small/recipes/x.json
    output: runs/small/x.csv
    jobid: 0
    reason: {reason}
    resources: tmpdir=/tmp
"""


@pytest.fixture
def small(tmp_path):
    """Return a function of a notebook's recipe when it was executed (None: it never was) and now; gives the run."""
    run = Run("small", tmp_path)

    def write(notebook, before, now):
        write_json(workflow.recipe_path(run, notebook), now)
        if before is not None:
            write_json(workflow.executed_path(run, notebook), {"cells": [], "metadata": {"recipe": before}})
        return run

    return write


def recipe(code="c", definitions=None, **parameters):
    return {"parameters": parameters, "code": code, **({"definitions": definitions} if definitions else {})}


def why(run, rule, reason):
    return changes.reasons_by_notebook(run, changes.jobs_in(JOB.format(rule=rule, reason=reason)))


RECIPE = "Updated input files: runs/small/recipes/5-severity.json"


@pytest.mark.parametrize(
    ("before", "now", "reason", "said"),
    [
        (None, recipe(), "Missing output files: runs/small/values/5-severity.json", "it has not been executed yet"),
        (recipe(), recipe(), "Missing output files: runs/small/values/5-severity.json", "its results are missing"),
        (recipe(), recipe(), "Incomplete output files: runs/small/values/5-severity.json", "it was interrupted"),
        (recipe(n=1), recipe(n=2), RECIPE, "parameter n: 2, was 1"),
        (recipe(n=1), recipe(n=1, m="a"), RECIPE, "parameter m: 'a'"),
        (recipe("c"), recipe("d"), RECIPE, "code"),
        (recipe("c", n=1, m=2), recipe("d", n=2, m=3), RECIPE, "parameter n: 2, was 1; parameter m: 3, was 2; code"),
        (recipe("c", {"f": "1", "g": "2"}), recipe("d", {"f": "1", "g": "3"}), RECIPE, "code: g"),
        (recipe("c", {"f": "1", "g": "2"}), recipe("d", {"h": "1", "g": "3"}), RECIPE, "code: g, f, h"),
        (recipe("c", {"f": "1"}), recipe("d", dict.fromkeys("cdefg", "2")), RECIPE, "code: f, c, d ..."),
        (recipe("c", {"f": "1", "g": "2"}), recipe("d", {"g": "2", "f": "1"}), RECIPE, "code"),  # in another order
        (recipe("c"), recipe("d", {"f": "1"}), RECIPE, "code"),
        (None, recipe(), RECIPE, "code or parameter"),
        (recipe(), recipe(), "Input files updated by another job: runs/small/biomarkers.csv",
         "input: biomarkers.csv, if changed"),
        (recipe(n=1), recipe(n=2), "Input files updated by another job: runs/small/biomarkers.csv",
         "parameter n: 2, was 1; input: biomarkers.csv"),
        (recipe(), recipe(), "Updated input files: data/scans.csv", "input: data/scans.csv"),
        (recipe(n=1), recipe(n=2), f"{RECIPE}; Input files updated by another job: runs/small/b.csv, runs/small/a.csv",
         "parameter n: 2, was 1; input: a.csv, b.csv"),
        (recipe(), recipe(), "Forced execution", "asked for"),
    ],
)  # fmt: skip
def test_the_reason_is_a_parameter_the_code_or_an_input(small, before, now, reason, said):
    assert why(small("5-severity", before, now), "severity", reason) == {"5-severity": said}


def test_shards_are_counted_and_their_reason_is_that_of_the_notebook(small):
    run = small("3-segment", recipe(n_shards=1), recipe(n_shards=4))
    text = JOB.format(rule="segment", reason="Input files updated by another job: runs/small/shards/0-of-4.json")
    text += JOB.format(rule="shard", reason="Updated input files: runs/small/recipes/3-segment.json") * 2
    assert changes.reasons_by_notebook(run, changes.jobs_in(text)) == {
        "3-segment": "parameter n_shards: 4, was 1; 2 of 4 shards"
    }


def test_notebooks_are_in_order_and_the_run_itself_is_none(small):
    run = small("5-severity", None, recipe())
    small("2-train", None, recipe())
    text = "".join(JOB.format(rule=rule, reason="Missing output files: a") for rule in ("study", "severity", "train"))
    assert list(changes.reasons_by_notebook(run, changes.jobs_in(text))) == ["2-train", "5-severity"]
    assert changes.reasons_by_notebook(run, changes.jobs_in("Building DAG of jobs...\nNothing to be done.\n")) == {}


def test_a_dry_run_says_what_it_would_execute_and_leaves_nothing_behind(project):
    code, printed = study(project, "run", "smoke", "--dry-run")
    assert code == 0, printed
    first, *lines = printed.splitlines()
    assert first == "smoke: to be executed, and why"
    assert [line.split()[0] for line in lines] == list(workflow.NOTEBOOKS)
    assert all(line.endswith("  it has not been executed yet") for line in lines)
    assert not (project / "runs" / "smoke").exists()


def test_a_dry_run_says_what_a_run_would_refuse_of_the_users_table(project, chest):
    header, row = "scan_id,patient_id,age_years,sex,scan_date,status,image", "a,A,40,male,%s,%s,a.nii.gz"
    (project / "parameters" / "mine.yaml").write_text("scans: mine.csv\nmodels: study/starter\n")
    (project / "mine.csv").write_text("\n".join([header, row % ("2020-02-01", "severe"), row % ("x", "sever")]))
    code, printed = study(project, "run", "mine", "--dry-run")
    assert code == 1 and "mine.csv: 4 faults" in printed and "write severe" in printed and "Traceback" not in printed
    (project / "mine.csv").write_text("\n".join([header, row % ("2150-02-01", "severe")]))
    code, printed = study(project, "run", "mine", "--dry-run")
    assert code == 1 and "mine.csv: 1 fault\n" in printed and "there is no such file" in printed
    write_scan(project / "a.nii.gz", chest(), (20.0, 10.0, 8.0))
    code, printed = study(project, "run", "mine", "--dry-run")
    assert code == 1 and "status is severe for the one scan of known status" in printed
    code, printed = study(project, "run", "mine", "--dry-run", "--until", "segment")
    assert code == 0 and "to be executed, and why" in printed, printed
    assert "scan_date lies in the future in 1 of 1 row, the first of them row 2" in printed
    assert "nothing is trained, as `models` gives study/starter" in printed
    (project / "parameters" / "table.yaml").write_text("biomarkers_csv: mine.csv\n")
    code, printed = study(project, "run", "table", "--dry-run", "--until", "biomarkers")
    assert code == 1 and "this run is of a table of biomarkers (mine.csv) and has no scans" in printed
    weights = project / "study" / "starter" / "lung.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    code, printed = study(project, "run", "mine", "--dry-run", "--until", "segment")
    assert code == 1 and "lung.safetensors" in printed and "Traceback" not in printed
    assert not (project / "runs" / "mine").exists()


def test_what_was_planned_before_is_there_again_with_its_time(project):
    run = Run("smoke", project)
    workflow.plan(run)
    files = [workflow.recipe_path(run, name) for name in workflow.NOTEBOOKS]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    parameters = project / "parameters" / "smoke.yaml"
    parameters.write_text(parameters.read_text() + "severity: {n_bootstrap: 77}\n")
    with changes.undone(run):
        workflow.plan(run)
        assert json.loads(files[4].read_text())["parameters"]["n_bootstrap"] == 77
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before
    shutil.rmtree(run.folder / "recipes")
    with changes.undone(run):
        workflow.plan(run)
    assert not (run.folder / "recipes").exists()
