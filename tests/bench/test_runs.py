"""Which notebooks the bench of whole runs expects to be re-executed after an edit; its command line."""

import subprocess
import sys

import pytest

from bench import __main__, runs
from helpers.project import ROOT
from study import workflow
from study.run import Run

pytestmark = pytest.mark.usefixtures("read_once")  # many plans of one code


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in runs.EDITS], ids=[row[0] for row in runs.EDITS])
def test_an_edit_changes_the_recipes_of_the_notebooks_that_the_bench_expects(project, edit, expected):
    run = Run("smoke", project)
    workflow.plan(run)
    before = {name: workflow.recipe_path(run, name).read_bytes() for name in workflow.NOTEBOOKS}
    edit(project)
    workflow.plan(run)
    changed = [name for name in workflow.NOTEBOOKS if workflow.recipe_path(run, name).read_bytes() != before[name]]
    assert changed == expected


def test_the_notebooks_that_ran_are_read_from_the_progress_lines():
    printed = "1-cohort       done in 36 s\nBuilding DAG of jobs...\n3-segment 2/2  done in 4 s\n"
    assert runs.notebooks_run(printed) == ["1-cohort", "3-segment"]


def test_the_command_lists_its_benches_and_refuses_an_unknown_one():
    command = [sys.executable, "-m", "bench"]
    said = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(name in said for name in ("bootstrap", "study", "twice", "quality", "shift", "--real DIR", "P002"))
    assert all(callable(__main__.bench(name)) for name in __main__.BENCHES)
    refused = subprocess.run([*command, "speed"], cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2 and "there is no bench speed; there are bootstrap" in refused.stderr
