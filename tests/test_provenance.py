"""The description of a run's files: which notebook reads and writes which, as in the Snakefile."""

import re
import subprocess
import sys

import pytest

from study import provenance, workflow
from study.files import write_json, write_text
from study.run import Run

pytestmark = pytest.mark.usefixtures("read_once")  # many plans of one code


def test_the_snakefile_knows_the_same_files(project):
    """What each rule needs and makes, as a dry run prints it, beside recipes and values."""
    workflow.plan(Run("smoke", project))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--forceall", "--printshellcmds", "--cores", "1"]
    done = subprocess.run([*command, "--config", "run=smoke"], cwd=project, capture_output=True, text=True)
    jobs = re.findall(r"input: (.*)\n +output: (.*)\n(?:.+\n)*Shell command: study execute (\S+) smoke", done.stdout)
    assert {notebook for *_, notebook in jobs} == set(workflow.NOTEBOOKS), done.stderr
    for needed, made, notebook in jobs:
        needed, made = (
            {path.removeprefix("runs/smoke/") for path in listed.split(", ") if path.startswith("runs/")}
            for listed in (needed, made)
        )
        assert needed == {*provenance.READS[notebook], f"recipes/{notebook}.json"}
        assert made - {f"values/{notebook}.json"} == set(provenance.WRITES[notebook])


def test_inputs_are_what_the_notebooks_read(project):
    run = Run("smoke", project)
    parameters = {name: {"scans": ""} for name in workflow.NOTEBOOKS}
    read = {path for name, own in parameters.items() for path in provenance.inputs_of(run, name, own)}
    assert {run.cohort / "scans.csv", run.cohort / "included.csv", run.biomarkers_csv, run.variants_csv} <= read
    own = provenance.inputs_of(run, "5-severity", {"biomarkers_csv": "data/mine.csv"})
    assert own == [project / "data" / "mine.csv"]


@pytest.mark.parametrize(
    ("tier", "shown"),
    [("public", ("data/anna/scans.csv", "a.csv")), ("restricted", ("left out (scans)", "left out (training_scans)"))],
)
def test_paths_of_a_users_tables_are_said_of_public_patients_alone(tmp_path, tier, shown):
    run = Run("mine", tmp_path)
    write_json(run.cohort / "cohort.json", {"tier": tier})
    write_text(tmp_path / "data" / "anna" / "scans.csv", "x")
    given = {"scans": "data/anna/scans.csv", "training_scans": "/home/anna/a.csv", "models": "", "licence": "CC0"}
    write_json(run.folder / "recipes" / "1-cohort.json", {"parameters": given})
    told = provenance.of_notebook(run, "1-cohort")
    names = dict(zip(given, (*shown, "", "CC0"), strict=True))
    assert told["Parameters"] == names and list(told["SHA-256 of the inputs"]) == [shown[0]]


def test_settings_of_what_a_run_leaves_undone_are_not_given(project):
    given = workflow.plan(Run("smoke", project))
    assert {notebook: provenance.in_use(notebook, own) for notebook, own in given.items()} == given
    trained = given["2-train"] | {"models": "study/starter"}
    assert provenance.in_use("2-train", trained) == {"run": "smoke", "models": "study/starter"}
    simulated = set().union(provenance.OF_COHORT, provenance.OF_TRAINING_SET, provenance.OF_BOTH)
    adopted = {"run", "scans", "tier", "source", "licence", "training_scans", "models"}
    assert set(given["1-cohort"]) - {"mark_synthetic", "arithmetic"} == simulated | adopted
    for own, unused in (
        ({"scans": "s.csv"}, provenance.OF_COHORT),
        ({"models": "study/starter"}, provenance.OF_TRAINING_SET),
        ({"scans": "s.csv", "training_scans": "t.csv"}, simulated),
    ):
        assert set(given["1-cohort"]) - set(provenance.in_use("1-cohort", given["1-cohort"] | own)) == unused


def test_the_commit_is_unknown_where_git_does_not_say(project):
    """No repository; one that does not hold the project; one in which git refuses to work; then one that does."""

    def git(*arguments):
        who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", project, *who, *arguments], check=True, capture_output=True)

    unknown = {"commit": None, "changed_since_commit": None}
    assert provenance.commit(project) == unknown and provenance.in_words(unknown) == "unknown"
    git("init")
    git("commit", "--allow-empty", "--message", "of something else")
    assert provenance.commit(project) == unknown
    git("add", "Snakefile")
    git("commit", "--message", "of the project")
    known = provenance.commit(project)
    assert provenance.in_words(known) == known["commit"] and len(known["commit"]) == 40
    (project / "Snakefile").write_text("")
    assert provenance.in_words(provenance.commit(project)) == f"{known['commit']}, with changes since"
    (project / ".git" / "HEAD").write_text("")
    assert provenance.commit(project) == unknown


@pytest.mark.parametrize("notebook", workflow.NOTEBOOKS[:-1])
def test_a_notebook_that_failed_is_executed_again_in_a_finished_run(project, notebook):
    """Snakemake removes what a failed notebook wrote; what was made of it before is still there."""
    run = Run("smoke", project)
    workflow.plan(run)
    for name in workflow.NOTEBOOKS:
        for path in (*provenance.WRITES[name], f"values/{name}.json"):
            (run.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (run.folder / path).touch()
    for name in ("claims.html", "claims.csv", "audit.csv"):
        (run.figures / name).parent.mkdir(parents=True, exist_ok=True)
        (run.figures / name).touch()
    (run.values / f"{notebook}.json").unlink()
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--dry-run",
        "--printshellcmds",
        "--cores",
        "1",
        "--config",
        "run=smoke",
    ]
    command += ["--rerun-triggers", "mtime"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert f"study execute {notebook} smoke" in done.stdout, done.stderr
