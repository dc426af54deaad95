"""What is executed after a notebook: what reads something that has changed, and nothing else.

Snakemake and the Snakefile are the real ones; a stand-in for ``study execute`` writes the files of each notebook, with
content that the test chooses.
"""

import json
import os
import sys

import pytest

from study import changes, processes, products, provenance, workflow
from study.files import write_json, write_text
from study.run import Run

STAND_IN = """#!{python} -IS
import json, os, sys
from pathlib import Path

notebook, run = sys.argv[2:4]
folder = Path("runs", run)
known = json.loads(Path("known.json").read_text())
with open("log", "a") as log:
    print(notebook, file=log)
for path in known["writes"][notebook]:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(known["content"].get(path, path))
copy = folder / "notebooks" / (notebook + ".ipynb")
copy.parent.mkdir(exist_ok=True)
recipe = json.loads((folder / "recipes" / (notebook + ".json")).read_text())
cells = [{{"cell_type": "code", "source": known["source"].get(notebook, "")}}]
copy.write_text(json.dumps({{"cells": cells, "metadata": {{"recipe": recipe}}}}))
"""
pytestmark = pytest.mark.usefixtures("read_once")  # many plans of one code
MASK, FIGURE = "runs/smoke/masks/a.nii.gz", "figures/smoke/Figure_5.pdf"
SHARD, TABLE = "runs/smoke/shards/0-of-1.json", "runs/smoke/biomarkers.csv"


@pytest.fixture
def executed(project, monkeypatch):
    """A finished run, and a function that brings it up to date: gives the notebooks that were executed."""
    run = Run("smoke", project)
    writes = {name: [f"runs/smoke/{path}" for path in (*files, f"values/{name}.json")]
              for name, files in provenance.WRITES.items()}  # fmt: skip
    writes["7-claims"] += [f"figures/smoke/{name}" for name in ("claims.html", "claims.csv", "audit.csv")]
    writes["3-segment"] += [MASK, SHARD]
    writes["4-biomarkers"] += [f"figures/smoke/Figure_5.{kind}" for kind in products.KINDS["Figure"]]
    content = {SHARD: '{"measured": [{"scan_id": "a"}]}', TABLE: "scan_id\na\n"}
    content |= {f"runs/smoke/models/{task}.json": "{}" for task in ("lung", "infection")}
    known = {"writes": writes, "content": content, "source": {"4-biomarkers": 'save(figure, "Figure_5")'}}
    stand_in = project / "bin" / "study"
    write_text(stand_in, STAND_IN.format(python=sys.executable))
    stand_in.chmod(0o755)
    together = processes.run_together

    def with_stand_in(command, cwd, environment, **how):
        path = os.pathsep.join([str(stand_in.parent), environment["PATH"]])
        return together(command, cwd, {**environment, "PATH": path}, **how)

    monkeypatch.setattr(processes, "run_together", with_stand_in)

    def call(**changed):
        content.update(changed.get("content", {}))
        write_json(project / "known.json", known)
        log = project / "log"
        log.write_text("")
        workflow.plan(run)
        if changed.get("code"):  # which nobody but this notebook reaches
            recipe = json.loads(workflow.recipe_path(run, changed["code"]).read_text())
            write_json(workflow.recipe_path(run, changed["code"]), recipe | {"code": os.urandom(4).hex()})
        changes.bring_up_to_date(run, cores=1)
        return sorted(log.read_text().split())

    assert call() == sorted(workflow.NOTEBOOKS)
    return call


def test_what_follows_is_executed_only_where_what_it_reads_has_changed(executed, project):
    plots = project / "study" / "figures" / "plots.py"
    before = plots.read_text()
    threshold = before.partition("def hu_threshold_curve")[2].partition("\ndef ")[0]
    assert "Dice" in threshold
    plots.write_text(before.replace(threshold, threshold.replace("Dice", "dice")))
    assert executed() == ["1-cohort"]  # a figure's look
    # The images differ, though no table says so: the networks are as they were, and so are the biomarkers.
    changed = {"runs/smoke/cohort/files.json": "other images", "runs/smoke/masks/files.json": "other label maps"}
    assert executed(code="1-cohort", content=changed) == ["1-cohort", "3-segment", "4-biomarkers"]
    changed = {"runs/smoke/training/files.json": "other images", "runs/smoke/models/lung.json": '{"other": 1}'}
    assert executed(code="1-cohort", content=changed) == ["1-cohort", "2-train", "3-segment", "7-claims"]
    changed = {"runs/smoke/cohort/cohort.json": "another tier"}
    assert executed(code="1-cohort", content=changed) == sorted(workflow.NOTEBOOKS)
    changed = {TABLE: "scan_id,poi\na,1\n", "runs/smoke/values/6-progression.json": "another kappa"}
    assert (
        executed(code="3-segment", content=changed)
        == [
            "1-cohort",  # whose code is what it was before
            *workflow.NOTEBOOKS[2:],
        ]
    )


def test_what_was_removed_is_made_again_and_nothing_else(executed, project):
    (project / MASK).unlink()
    assert executed() == ["3-segment"] and (project / MASK).is_file()
    (project / FIGURE).unlink()
    (project / TABLE).unlink()
    assert executed() == ["3-segment", "4-biomarkers"] and (project / FIGURE).is_file()
    assert executed() == []


def test_what_was_written_over_is_made_again_and_what_was_written_alike_is_not(executed, project):
    """As by a notebook in JupyterLab, with other parameters and with its own; whatever times a copied folder has."""
    run, figure = Run("smoke", project), project / FIGURE
    products.write_lists(run, "4-biomarkers")
    made = figure.read_text()
    listed = (run.folder / "saved" / "4-biomarkers.json").stat().st_mtime
    for text, again, time in (
        (made, [], listed + 1),
        ("another", ["4-biomarkers"], listed + 1),
        ("copied", ["4-biomarkers"], listed - 1),
    ):
        figure.write_text(text)
        os.utime(figure, (time, time))
        told = changes.reasons_by_notebook(run, changes._plan(run))
        assert told == {name: f"written over by something else: {FIGURE}" for name in again} | (
            {"7-claims": told["7-claims"]} if again else {}
        )
        assert executed() == again and figure.read_text() == made
    (run.values / "4-biomarkers.json").write_text("other values")
    assert "4-biomarkers" in executed()
