"""What a run is planned to do: recipes, and the files that it needs; what it says when it cannot be completed."""

import errno
import json
import os
import resource
import signal
import sys

import nbformat
import pytest
import typer.testing
from nbformat.v4 import new_code_cell, new_notebook

from study import __main__, workflow
from study.files import write_json
from study.run import Run

pytestmark = pytest.mark.usefixtures("read_once")  # many plans of one code


def test_all_files_that_are_not_there_are_named_before_anything_starts(project):
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
    parameters.write_text("cohort: {real_masks: data/b.csv}\ntrain: {start_from: nix, encoder_weights: data}\n")
    with pytest.raises(workflow.ParameterError) as raised:
        workflow.plan(run)
    assert [line.split("own.yaml: ")[1].split(", which")[0] for line in str(raised.value).splitlines()] == [
        "`real_masks` needs the folder data/b.csv",
        "`start_from` needs the file nix/lung.json",
        "`start_from` needs the file nix/infection.json",
        "`encoder_weights` needs the file data",
    ]
    parameters.write_text("train: {models: study/starter}\n")  # notebook 1 would make a training set for nothing
    with pytest.raises(workflow.ParameterError, match="`models` is '' for 1-cohort and 'study/starter' for 2-train"):
        workflow.plan(run)
    parameters.write_text("scans: data/a.csv\nbiomarkers_csv: data/c.csv\n")
    with pytest.raises(workflow.ParameterError) as raised:
        workflow.plan(run)
    assert "`biomarkers_csv` needs the file data/c.csv" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1  # once for two notebooks; and the table needs no scan beside it


def test_recipes_are_rewritten_only_when_they_change(project):
    run = Run("smoke", project)
    workflow.plan(run)
    paths = [workflow.recipe_path(run, name) for name in workflow.NOTEBOOKS]
    before = [path.stat().st_mtime_ns for path in paths]
    workflow.plan(run)
    assert [path.stat().st_mtime_ns for path in paths] == before
    code = project / "study" / "statistics" / "kappa.py"
    code.write_text(code.read_text() + "\nADDED = 1\n")  # which nobody uses
    workflow.plan(run)
    assert [path.stat().st_mtime_ns for path in paths] == before
    code.write_text(code.read_text().replace('"poor"', '"weak"'))
    workflow.plan(run)
    changed = [
        name
        for name, path, old in zip(workflow.NOTEBOOKS, paths, before, strict=True)
        if path.stat().st_mtime_ns != old
    ]
    assert changed == ["6-progression", "7-claims"]  # the audit has the words for kappa from there
    assert json.loads(paths[0].read_text())["parameters"]["n_patients"] == 18


@pytest.mark.parametrize(("given", "n_scans", "n_shards"), [(0, 5000, 20), (0, 531, 2), (0, 20, 1), (7, 5000, 7)])
def test_a_shard_for_every_250_scans_unless_their_number_is_given(project, given, n_scans, n_shards):
    (project / "scans.csv").write_text("scan_id\n" + "a\n" * n_scans)
    parameters = project / "parameters" / "own.yaml"
    for lines in ("scans: scans.csv\n", f"cohort: {{n_adult_scans: {n_scans}}}\n"):
        parameters.write_text(f"{lines}segment: {{n_shards: {given}}}\n")
        assert workflow.plan(Run("own", project))["3-segment"]["n_shards"] == n_shards
        recipe = json.loads(workflow.recipe_path(Run("own", project), "3-segment").read_text())
        assert recipe["parameters"]["n_shards"] == n_shards


@pytest.fixture
def small_run(tmp_path):
    """Return a function of the code of a cell: a run whose notebook 5 has that cell."""

    def make(code):
        run = Run("small", tmp_path)
        (tmp_path / "notebooks").mkdir()
        notebook = new_notebook(cells=[new_code_cell('run = "demo"'), new_code_cell(code)])
        notebook.cells[0].metadata["tags"] = ["parameters"]
        notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python"}
        nbformat.write(notebook, tmp_path / "notebooks" / "5-severity.ipynb")
        write_json(workflow.recipe_path(run, "5-severity"), {"parameters": {"run": "small", "arithmetic": "native"}})
        return run

    return make


def printed_by(run):
    """What a run's notebook 5 printed to standard output and standard error, one output each."""
    notebook = nbformat.read(workflow.executed_path(run, "5-severity"), 4)
    return {output.name: output.text for cell in notebook.cells for output in cell.get("outputs", [])}


def test_shards_and_the_whole_cohort_each_do_their_part_with_the_threads_of_their_rule(small_run):
    run = small_run("print(shard, n_shards, threads)")
    path = run.root / "notebooks" / "5-severity.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[0].source += "\nshard, n_shards, threads = 0, 1, 0"
    notebook.cells += [new_code_cell("print('the shard')"), new_code_cell("print('the whole')")]
    notebook.cells[2].metadata["tags"], notebook.cells[3].metadata["tags"] = ["shard"], ["whole"]
    nbformat.write(notebook, path)

    def printed(suffix=""):
        cells = nbformat.read(workflow.executed_path(run, "5-severity", suffix), 4).cells
        return [output.text.strip() for cell in cells for output in cell.get("outputs", [])]

    recipe = {"parameters": {"run": "small", "shard": 0, "n_shards": 1, "threads": 0, "arithmetic": "native"}}
    write_json(workflow.recipe_path(run, "5-severity"), recipe)
    workflow.execute("5-severity", run, threads=3)
    assert printed() == ["0 1 3", "the shard", "the whole"]
    recipe["parameters"] |= {"n_shards": 2, "threads": 5}
    write_json(workflow.recipe_path(run, "5-severity"), recipe)
    workflow.execute("5-severity", run, shard=1, n_shards=2, threads=3)
    assert printed(".shard-1-of-2") == ["1 2 5", "the shard"]
    workflow.execute("5-severity", run, threads=3)
    assert printed() == ["0 2 5", "the whole"]


def test_a_notebook_runs_with_a_long_folder_for_temporary_files_and_a_foreign_kernel(small_run, monkeypatch, tmp_path):
    run = small_run("import sys\nprint(sys.executable)")
    long = tmp_path / ("t" * 98)
    kernel = tmp_path / "share" / "kernels" / "python3" / "kernel.json"
    long.mkdir()
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["/bin/false"], "display_name": "another", "language": "python"}')
    monkeypatch.setattr("tempfile.tempdir", str(long))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    workflow.execute("5-severity", run)
    assert printed_by(run)["stdout"].strip() == sys.executable


def test_of_a_progress_bar_the_last_state_is_kept(small_run):
    run = small_run(
        "import tqdm\nfor bar in ('read', 'train'):\n"
        "    for k in tqdm.tqdm(range(450), bar, mininterval=0): print('', end='')"
    )
    workflow.execute("5-severity", run)
    lines = printed_by(run)["stderr"].splitlines()
    assert [line.split("|")[0] for line in lines] == ["read: 100%", "train: 100%"]


def test_how_long_a_notebook_takes_is_said_once_by_its_first_seconds(capsys):
    line = workflow.ProgressLine("2-train")
    line.write("train lung:   1%|1         | 2/200 [00:02<03:18,  1.00it/s]")  # too early
    line.write("train lung:   3%|3         | 6/200 [00:06<03:14,  1.00it/s]")
    line.write("\rtrain lung:  50%|#####     | 100/200 [01:40<01:40,  1.00it/s]")
    line.write("read:  50%|#####     | 5/10 [00:05<00:05,  1.00it/s]")  # it is soon over
    line.write("measure:   1%|1         | 6/1000 [00:06<1:30:00,  5.43s/it, note=[1<2, x]]")
    line.write("train infection:   0%|          | 0/400 [00:00<?, ?it/s]")
    line.write("a note: [ill<well, or so]")
    line.close("done in 200 s")
    assert capsys.readouterr().out.splitlines() == [
        "2-train        train lung: about 3 min",
        "2-train        measure: about 90 min",
        "2-train        done in 200 s",
    ]


def test_a_killed_kernel_gives_one_message(small_run):
    run = small_run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(workflow.NotebookError, match="5-severity: its process was killed, most often because memory"):
        workflow.execute("5-severity", run)
    assert not list(workflow.executed_path(run, "5-severity").parent.glob("*.prepared.*"))


def test_a_full_disk_gives_one_message(small_run):
    """A limit on the size of files stands for it, as it fails at the same calls."""
    run = small_run("print('x' * 100_000)")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(workflow.NotebookError, match=r"5-severity: .*File too large"):
            workflow.execute("5-severity", run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("code", "said", "why"),
    [
        (1, "Building\nstudy: 2-train: E\n  f\nRuleException:\nstudy: 4-b: G\n", "2-train: E\n  f\nstudy: 4-b: G"),
        (1, "Building\nExecute 1 jobs...\nMissingOutput\nb.txt\nShutting down, this might take some time.\n...",
         "Snakemake stopped:\n  MissingOutput\n  b.txt"),
        (-9, "study: 2-train was stopped by SIGTERM", "Snakemake was killed by SIGKILL"),
    ],
)  # fmt: skip
def test_an_incomplete_run_says_why(code, said, why):
    assert workflow._why(code, said) == why


@pytest.fixture
def ended(monkeypatch, tmp_path):
    """Return a function that calls `study run` without its steps but for those given: exit code, standard error."""

    def call(**steps):
        monkeypatch.setattr("study.run.project_root", lambda: tmp_path)
        todo = {
            "study.publish.forms.answers.read_statements": 1,
            "study.workflow.plan": 1,
            "study.commands.runs._look_ahead": 1,
            "study.changes.announce": 1,
            "study.changes.bring_up_to_date": 1,
        }
        todo |= {f"study.{part}.write": 1 for part in ("provenance", "publish.manuscript", "publish.site")}
        todo |= {f"study.{part}.write": 1 for part in ("publish.forms.answers", "publish.crate")}
        for name in todo:
            monkeypatch.setattr(name, steps.get(name.split(".")[-2], lambda *_: tmp_path))
        result = typer.testing.CliRunner().invoke(__main__.app, ["run", "small"])
        return result.exit_code, result.stderr

    return call


@pytest.mark.parametrize("step", ["site", "crate", "provenance", "manuscript"])
def test_a_full_disk_at_the_end_of_a_run_gives_one_message(ended, step):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "figures/small/index.html")

    code, said = ended(**{step: fail})
    assert code == 1 and said.startswith("study: [Errno 28] No space left on device: 'figures/small/index.html'; ")
    assert said.endswith("run the command again: it resumes\n") and said.count("\n") == 1


def test_a_signal_at_the_end_of_a_run_gives_one_line(ended):
    code, said = ended(site=lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert (code, said) == (143, "study: the run small was stopped by SIGTERM; run the command again: it resumes\n")


def test_a_folder_that_cannot_be_written_gives_one_message(ended, tmp_path):
    (tmp_path / "runs").write_text("")  # a file where the folder belongs: nobody may write into it, not even root
    code, said = ended()
    assert code == 1 and said.startswith("study: [Errno ") and said.count("\n") == 1
