"""Commands that make runs and what shows them."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from study.commands.terminal import stop

app = typer.Typer()


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="demo, smoke, or your own parameters/NAME.yaml")] = "demo",
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[-- SNAKEMAKE...]", help="further options, for Snakemake")
    ] = None,
    cores: Annotated[int, typer.Option(help="CPU cores to use; 0: all")] = 0,
    until: Annotated[str, typer.Option(help="stop after this notebook, such as cohort", show_default=False)] = "",
    profile: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="folder of a Snakemake profile, such as profiles/slurm: run on a cluster",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be executed, and why")] = False,
):
    """Make a run, or bring it up to date: execute each notebook whose code, parameters or inputs have changed."""
    from study import changes, processes, provenance, workflow
    from study.publish import crate, manuscript
    from study.publish.forms import answers
    from study.results import side_by_side
    from study.run import Run
    from study.scans import refusals

    sections = [notebook.split("-")[1] for notebook in workflow.NOTEBOOKS]
    if until and until not in sections:
        stop(f"--until {until}: notebook not found; choose one of: {', '.join(sections)}")
    try:
        this = Run(name)
        with processes.stoppable(), processes.only_one(this):
            asked = (this, cores, [until] if until else [], profile, words or [])
            answers.read_statements(this)  # so that a fault in them is reported now and not at the end
            if dry_run:
                with changes.undone(this):
                    _look_ahead(this, workflow.plan(this), until)
                    changes.announce(*asked)
                return
            parameters = workflow.plan(this)
            _look_ahead(this, parameters, until)
            if (jobs := changes.announce(*asked)) or words:
                changes.bring_up_to_date(*asked, jobs)
            if until:
                return
            provenance.write(this, parameters)
            pages = _write_pages(this)
            archive = crate.write(this)
            faulty, failed = refusals.refused(this.exclusions_csv)
            has_old_manuscript = manuscript.is_outdated(this)
            verdict = side_by_side.beside_published(this)
    except processes.Stopped as stopped:
        stop(f"the run {name} was stopped by {stopped}; run the command again: it resumes", stopped.exit_code)
    except (ValueError, FileNotFoundError, processes.RunningError, workflow.IncompleteError) as error:
        stop(error)
    except OSError as error:
        stop(
            f"{error}; runs/{name} and figures/{name} need permission to write and free space; "
            "fix the error above and run the command again: it resumes"
        )
    shown = this.figures.relative_to(this.root)
    typer.echo(
        f"read: {pages.relative_to(this.root)}   claims: {shown}/claims.html   tables and figures: {shown}/   "
        f"submit: {shown}/{archive.name}   data: {this.folder.relative_to(this.root)}/"
    )
    if has_old_manuscript:
        typer.echo(
            f"{shown}/{manuscript.PDF} has earlier numbers and is not in {archive.name}: make manuscript RUN={name}, "
            f"then make study RUN={name}"
        )
    if verdict:
        typer.echo(verdict)
    told = this.exclusions_csv.relative_to(this.root)
    if faulty:
        typer.echo(f"left out, as they cannot be measured: {_some(faulty)}; see {told}")
    if failed:
        stop(f"left out after an unforeseen error: {_some(failed)}; see {told}")


def _some(names, most=20):
    return f"{', '.join(names[:most])}{' ...' if len(names) > most else ''}"


def _look_ahead(run, parameters, until):
    """Refuse what the notebooks would refuse, and say what is doubtful about the user's table."""
    from study.networks.models import TASKS, read_card
    from study.scans import cohort

    models, measured = parameters["2-train"]["models"], parameters["5-severity"]["biomarkers_csv"]
    if measured and until in ("cohort", "train", "segment", "biomarkers"):
        raise ValueError(f"--until {until}: this run is of a table of biomarkers ({measured}) and has no scans; leave "
                         "--until out, or end with progression, which needs no status")  # fmt: skip
    if models and not measured:
        for task in TASKS:
            read_card(run.root / models, task)
    for doubt in cohort.examine(run, parameters, with_severity=until in ("", "severity", "claims")):
        typer.echo(f"study: {doubt}", err=True)


def _write_pages(run):
    """Write the numbers for a manuscript, the checklists, and the pages, with one line on the terminal."""
    from study import workflow
    from study.publish import manuscript, site
    from study.publish.forms import answers

    manuscript.write(run)
    answers.write(run)
    line, started = workflow.ProgressLine("pages"), time.time()
    try:
        if site.write(run, line):
            line.close(f"written in {time.time() - started:.0f} s")
    finally:
        line.clear()
    return run.figures / "index.html"


@app.command("site")
def make_site(name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run, such as demo")] = "demo"):
    """Bring a run's web pages up to date, with the project's present prose. They open from disk, offline."""
    from study.publish import site
    from study.run import Run

    try:
        this = Run(name)
        site.check(this)
        typer.echo(_write_pages(this).relative_to(this.root))
    except (ValueError, OSError) as error:
        stop(error)


@app.command("ablation")
def make_ablation(cores: Annotated[int, typer.Option(help="CPU cores to use; 0: all")] = 0):
    """Train and evaluate the networks of each parameters/ablation*.yaml, one row of the ablation table each."""
    from study.figures import tables
    from study.networks import ablation
    from study.run import project_root

    try:
        rows = ablation.runs(project_root())
        ablation.make(rows, cores or os.cpu_count())
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        stop(error)
    paths = tables.save(ablation.table(rows), rows[0].figures, "Table_ablation", ablation.CAPTION)
    typer.echo(paths[0].relative_to(rows[0].root))


@app.command("seeds")
def make_seeds(
    name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run that trained its networks")] = "demo",
    n_seeds: Annotated[int, typer.Option("--seeds", min=2, help="trainings, that of the run among them")] = 5,
    cores: Annotated[int, typer.Option(help="CPU cores to use; 0: all")] = 0,
):
    """Train a run's networks again with other seeds, and show how far each headline number moves.

    `study run RUN` then tells of it in notebooks 5 and 6 and on the claims page.
    """
    from study.figures import plots, robustness_plots, tables
    from study.networks import other_seeds
    from study.results import seeds
    from study.run import Run

    try:
        this = Run(name)
        other_seeds.make(this, n_seeds, cores or os.cpu_count())
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        stop(error)
    found = seeds.table(this)
    shown = found.drop(columns=["notebook", "seeds"])
    paths = tables.save(shown, this.figures, "Table_seeds", seeds.CAPTION)
    plots.save(robustness_plots.over_seeds(found), this.figures, "Figure_seeds")
    typer.echo(paths[0].relative_to(this.root))


@app.command(hidden=True)
def execute(
    notebook: str,
    run: Annotated[str, typer.Argument()] = "demo",  # not an option: torchrun would take --run for its own
    shard: Annotated[int, typer.Option()] = 0,
    n_shards: Annotated[int, typer.Option()] = 1,
    threads: Annotated[int, typer.Option()] = 0,
):
    """Execute one notebook of a run (Snakemake calls this)."""
    from study import processes, workflow
    from study.run import Run

    try:
        with processes.stoppable():
            processes.end_with_run()
            workflow.execute(notebook, Run(run), shard, n_shards, threads)
    except processes.Stopped as stopped:
        stop(f"{notebook} was stopped by {stopped}", stopped.exit_code)
    except workflow.NotebookError as error:
        stop(str(error).replace("\n", "\n  "))  # indented, so that `study run` knows what belongs to it


@app.command()
def viewer():
    """Install the 3D viewer of itkwidgets for JupyterLab once, by npm; `make lab` calls this."""
    from study.lab import viewer_files

    if viewer_files.installed():
        return
    try:
        viewer_files.install(say=lambda line: typer.echo(line, err=True))
    except (viewer_files.ViewerError, OSError) as error:
        stop(error)
