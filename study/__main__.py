"""The command line, ``study``: one function for each command."""

import json
import os
import re
import sys
import time
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="An executable paper on COVID-19 in thick-section chest CT: from scans to biomarkers, statistics and claims.",
)


def _stop(error, code=1):
    """One clear message instead of a traceback, and a non-zero exit."""
    typer.echo(f"study: {error}", err=True)
    raise typer.Exit(code)


def _count(n, noun):
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


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
    from study.publish import crate
    from study.publish.forms import answers
    from study.results import side_by_side
    from study.run import Run
    from study.scans import refusals

    sections = [notebook.split("-")[1] for notebook in workflow.NOTEBOOKS]
    if until and until not in sections:
        _stop(f"--until {until}: notebook not found; choose one of: {', '.join(sections)}")
    try:
        this = Run(name)
        with processes.stoppable(), processes.only_one(this):
            asked = (this, cores, [until] if until else [], profile, words or [])
            if dry_run:
                with changes.undone(this):
                    workflow.plan(this)
                    changes.announce(*asked)
                return
            parameters = workflow.plan(this)
            answers.read_statements(this)  # so that a fault in them is reported now and not at the end
            if changes.announce(*asked) or words:
                workflow.snakemake(*asked)
            if until:
                return
            provenance.write(this, parameters)
            pages = _write_pages(this)
            archive = crate.write(this)
            failed = refusals.unforeseen(this.exclusions_csv)
            verdict = side_by_side.beside_published(this)
    except processes.Stopped as stopped:
        _stop(f"the run {name} was stopped by {stopped}; run the command again: it resumes", stopped.exit_code)
    except (ValueError, FileNotFoundError, processes.RunningError, workflow.IncompleteError) as error:
        _stop(error)
    except OSError as error:
        _stop(
            f"{error}; runs/{name} and figures/{name} need permission to write and free space; "
            "fix the error above and run the command again: it resumes"
        )
    shown = this.figures.relative_to(this.root)
    typer.echo(
        f"read: {pages.relative_to(this.root)}   claims: {shown}/claims.html   tables and figures: {shown}/   "
        f"submit: {shown}/{archive.name}   data: {this.folder.relative_to(this.root)}/"
    )
    if verdict:
        typer.echo(verdict)
    if failed:
        _stop(
            f"left out after an unforeseen error: {', '.join(failed[:20])}{' ...' if len(failed) > 20 else ''}; see "
            f"{this.exclusions_csv.relative_to(this.root)}"
        )


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
        _stop(error)


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
        _stop(error)
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
        _stop(error)
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
        _stop(f"{notebook} was stopped by {stopped}", stopped.exit_code)
    except workflow.NotebookError as error:
        _stop(str(error).replace("\n", "\n  "))  # indented, so that `study run` knows what belongs to it


@app.command()
def measure(
    scan: Annotated[Path, typer.Argument(help="a NIfTI file or a folder of DICOM files")],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="folder for the label map; by default the working directory")
    ] = Path(),
    models: Annotated[
        Path | None, typer.Option(help="folder of trained networks; by default the bundled ones", show_default=False)
    ] = None,
    picture: Annotated[
        bool, typer.Option("--picture", help="also write twelve sections with what was found, as PNG")
    ] = False,
):
    """Measure one chest CT: print lung and infection volume, POI and iHU as JSON, and write the label map as NIfTI.

    What makes the numbers doubtful is printed, and in the JSON under notes.
    """
    from rich.console import Console

    from study import files
    from study.measures import biomarkers
    from study.measures.notes import scan_notes
    from study.networks.models import STARTER, ModelError
    from study.networks.segmentation import Segmenter
    from study.scans.ct import ScanError, read_scan, write_label_map

    name = re.sub(r"\.nii(\.gz)?$", "", Path(os.path.abspath(scan)).name, flags=re.IGNORECASE)  # of a link, its own
    target = out / f"{name}_label_map.nii.gz"
    try:
        with Console(stderr=True).status(f"measuring {scan.name}"):
            segmenter = Segmenter(models or STARTER)
            read = read_scan(scan)
            label_map = segmenter.segment(read, scan)
            measured = biomarkers.measure(read.hu, label_map, read.spacing_mm)
            notes = scan_notes(read, label_map)
            with files.new(target) as partial:
                write_label_map(partial, label_map, read)
            written = {"label_map": str(target)}
            if picture:
                written["picture"] = str(out / f"{name}_picture.png")
                _draw(Path(written["picture"]), read, label_map, measured, notes)
    except (ScanError, ModelError, OSError, ValueError) as error:
        _stop(error)
    for note in notes:
        typer.echo(f"study: {scan}: {note}", err=True)
    finite = {key: None if number != number else round(number, 6) for key, number in measured.items()}
    typer.echo(json.dumps({"scan": scan.name, **finite, "notes": notes, **written}, indent=2))


def _draw(target, scan, label_map, measured, notes):
    from study import files
    from study.figures import style  # matplotlib takes a second
    from study.figures.quality_picture import twelve_sections

    figure = twelve_sections(scan.hu, label_map, scan.spacing_mm, measured, notes)
    with files.new(target) as partial:
        style.write(figure, partial, "png")


@app.command()
def check(scans: Annotated[Path, typer.Argument(help="a scan table (scans.csv)")]):
    """Check a scan table and every file that it names, and list all faults."""
    from study.scans import cohort, scan_tables, schemas

    try:
        faults = scan_tables.check_scans(scans, notes=(notes := []))
    except schemas.ScanTableError as error:
        _stop(error)
    for note in notes:
        typer.echo(f"study: {note}", err=True)
    if faults:
        typer.echo(schemas.format_faults(faults))
        typer.echo(f"study: {scans}: {_count(len(faults), 'fault')}", err=True)
        raise typer.Exit(1)
    typer.echo("\n".join([f"{scans}: no fault found", *cohort.unknowns(scan_tables.read_scans(scans))]))


@app.command("index")
def make_index(
    layout: Annotated[str, typer.Argument(help="mosmed, covid-19-ct-seg, covid-19-20, or folder")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of the unpacked data set")],
    out: Annotated[Path | None, typer.Option(help="the table; by default DIR/scans.csv", show_default=False)] = None,
    lungs: Annotated[
        Path | None,
        typer.Option(
            help="folder of label maps, SCAN_ID.nii.gz, whose lungs are used where the data set has no lung masks; "
            "writes a table for training, DIR/training.csv",
            show_default=False,
        ),
    ] = None,
    ids: Annotated[
        str, typer.Option(help="of a folder's scans: numbers (P001-1), or names, from the files and folders")
    ] = "numbers",
):
    """Write the scan table of a public data set, or of any folder of NIfTI files and DICOM series.

    mosmed: MosMedData. covid-19-ct-seg: COVID-19-CT-Seg, Zenodo 3757476.
    covid-19-20: the COVID-19-20 challenge. folder: every NIfTI file and every
    exam in DICOM is one scan (of several reconstructions the soft, thick one);
    age, sex and date from DICOM headers. The key to the numbers, TABLE.key.csv,
    is for you alone.

    No file is moved or converted. Run `study check TABLE` next: it opens them all.
    """
    from study.scans import cohort, datasets, scan_tables

    try:
        made = datasets.index(layout, folder, out, lungs, ids)
        unknown = cohort.unknowns(scan_tables.read_scans(made.path)) if lungs is None else []
    except (ValueError, OSError) as error:
        _stop(error)
    for reason, files in groupby(sorted(made.left_out, key=itemgetter(1)), itemgetter(1)):
        names = [name for name, _ in files]
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        typer.echo(f"study: left out, as {reason}: {', '.join(names[:20])}{more}", err=True)
    for note in [*made.notes, *unknown]:
        typer.echo(f"study: {note}", err=True)
    patients = _count(made.scans["patient_id"].nunique(), "patient")
    typer.echo(f"{made.path}: {_count(len(made.scans), 'scan')} of {patients}")


@app.command()
def phantom(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="folder for scans.csv, images and masks", show_default=False)
    ],
    n_patients: Annotated[int, typer.Option("--patients", help="patients, each scanned one to six times")] = 5,
    slice_thickness_mm: Annotated[float, typer.Option("--thickness", help="section thickness, mm")] = 10.0,
    increment_mm: Annotated[
        float | None,
        typer.Option("--increment", help="distance between sections, mm; by default the thickness", show_default=False),
    ] = None,
    matrix: Annotated[int, typer.Option(help="pixels across and down")] = 512,
    field_of_view_mm: Annotated[float, typer.Option("--field-of-view", help="width of the matrix, mm")] = 350.0,
    n_severe_patients: Annotated[
        int | None, typer.Option("--severe", help="patients with a severe scan; by default the paper's share")
    ] = None,
    n_observed: Annotated[
        int | None,
        typer.Option(
            "--observed", help="scans that two observers delineate; by default the paper's share, but at least 1"
        ),
    ] = None,
    motion_fraction: Annotated[
        float, typer.Option("--motion", help="fraction of scans with respiratory motion, 0 to 1")
    ] = 0.04,
    report_language: Annotated[
        str, typer.Option("--language", help="language of the reports: english, chinese or mixed")
    ] = "mixed",
    image_format: Annotated[
        str, typer.Option("--format", help="format of the images: nifti, or dicom (one folder per scan)")
    ] = "nifti",
    label: Annotated[bool, typer.Option("--lesions/--no-lesions", help="label every lobe and lesion as well")] = True,
    seed: Annotated[int, typer.Option(help="the same seed gives the same files")] = 2020,
    workers: Annotated[int, typer.Option(help="processes")] = 2,
):
    """Simulate CT scans of a COVID-19 cohort, with known true masks.

    For testing segmentation tools or teaching. OUT receives scans.csv, one row
    per scan (patient, date, severity, report, files, truth), the images and,
    on their grid, masks of lung and infection, delineations by two observers,
    lobes (1 to 5: RUL, RML, RLL, LUL, LLL) and lesions (see lesions.csv).

    `study check OUT/scans.csv` reads all files; `scans: OUT/scans.csv` in a
    parameter file runs the study on it. An interrupted command resumes when it
    is repeated. Other options with the same OUT replace what was simulated
    there.
    """
    from study.phantom.cohorts import make_cohort
    from study.phantom.people.counts import People
    from study.phantom.request import RequestError
    from study.phantom.scanner.protocol import Geometry

    try:
        people = People(
            n_patients=n_patients,
            n_severe_patients=n_severe_patients,
            n_observed=n_observed,
            motion_fraction=motion_fraction,
            report_language=report_language,
            seed=seed,
        )
        geometry = Geometry(
            matrix=matrix,
            field_of_view_mm=field_of_view_mm,
            slice_thickness_mm=slice_thickness_mm,
            increment_mm=slice_thickness_mm if increment_mm is None else increment_mm,
        )
        scans = make_cohort(out, people, geometry, image_format=image_format, label=label, workers=workers)
    except RequestError as error:
        options = {option.name: option.opts[0] for option in context.command.params}
        _stop(error.said(lambda name, value: f"{options.get(name, name)} {value!r}".removesuffix(".0")))
    except ValueError as error:
        _stop(error)
    except (OSError, MemoryError) as error:
        said = "; ".join([str(error), *getattr(error, "__notes__", [])])
        _stop(f"{said}; fix this and repeat the command: it resumes")
    typer.echo(f"{out / 'scans.csv'}: simulated scans: {len(scans)}, patients: {scans['patient_id'].nunique()}")


@app.command()
def verify(name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run, such as demo")] = "demo"):
    """Compare every printed number of the paper with the run's.

    Exits with 1 if a claim differs (the run's patients contradict it) or is
    inconsistent (it contradicts the paper's other numbers), with 2
    if the run has recorded nothing, else with 0. Reproduced, within sampling
    error, consistent, synthetic only, unknown origin and cannot be tested are
    not failures; a note says so if no claim was tested.
    """
    from study.claims import verdicts
    from study.claims.paper import read_paper
    from study.run import Run

    try:
        this, listed = Run(name), read_paper()
        values = verdicts.gather(listed.claims, this)
        if not any(len(table) for table in values.values()):
            raise ValueError(f"{this.values}: the run {name} has recorded nothing; make it first: study run {name}")
        compared = verdicts.compare(listed, values, this.tier)
    except (ValueError, OSError) as error:
        _stop(error, 2)
    for question, counts in verdicts.summary(compared).groupby("question", sort=False):
        typer.echo(f"{question} (claims: {len(compared)}):")
        for row in counts.itertuples():
            typer.echo(f"{row.claims:5d}  {row.answer}")
    failing = verdicts.failing(compared)
    for row in verdicts.worded(failing):
        said = f"differs: {row['regenerated']}" if row["verdict"] == "differs" else "inconsistent"
        words = f" ({row['computation']})" if row["arithmetic"] == "inconsistent" else ""
        typer.echo(f"{row['where']}: {row['quantity']}: printed {row['published']}, {said}{words}")
    if not compared["verdict"].isin(["reproduced", "within sampling error", "differs"]).any():
        typer.echo(f"study: data tier {this.tier}: no claim about patients was tested", err=True)
    raise typer.Exit(1 if len(failing) else 0)


@app.command()
def compare(
    name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run, such as demo")] = "demo",
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="another run, or a file or folder of published values")
    ] = "figures/preview",
    out: Annotated[Path | None, typer.Option(help="write all numbers side by side to this CSV file")] = None,
):
    """Compare a run with another one, or with published values, number by number.

    Every recorded value and every cell of a table is equal, within rounding,
    within its interval over patients, or beyond. Names the first file along
    the way (scan, weight, mask) that differs, and what else does: processor,
    versions, parameters.

    Exits with 0 if no number lies beyond, with 1 if one does or only one of
    the two has it, with 2 if there is nothing to compare.
    """
    from rich.console import Console

    from study.figures.tables import save_csv
    from study.results import side_by_side, snapshot
    from study.run import project_root

    try:
        root = project_root()
        with Console(stderr=True).status("reading the files of both"):
            sides = [snapshot.read(one, root) for one in (name, other)]
        table = side_by_side.compare(*sides)
        if out is not None:
            save_csv(table, out, user_text=table.columns)
    except (ValueError, OSError) as error:
        _stop(error, 2)
    parted = side_by_side.first_difference(*sides)
    line, agree = side_by_side.verdict(table, parted)
    for text in side_by_side.in_words(table, parted, side_by_side.differing_origins(*sides), (name, other)):
        typer.echo(_printable(text))
    typer.echo(line)
    raise typer.Exit(0 if agree else 1)


@app.command("audit")
def audit_tables(
    tables: Annotated[Path, typer.Argument(metavar="TABLES.yaml", help="a paper's printed numbers, YAML or CSV")],
    out: Annotated[Path | None, typer.Option(help="write the findings to this CSV file as well")] = None,
):
    """Find printed numbers of a paper that contradict each other.

    study/claims/audit_example.yaml shows the file's format, and
    study/claims/paper.py describes it; claims.yaml in the same folder is
    for this paper.

    What holds only by a method that the file does not name is remarked upon.

    Exits with 0 if nothing was found, with 1 if something was, with 2 if the
    file cannot be used.
    """
    from study.claims import audit
    from study.claims.paper import read_paper
    from study.figures.tables import save_csv

    try:
        paper = read_paper(tables)
        checks = audit.audit(paper)
        findings, remarks = audit.findings(checks), audit.remarks(checks)
        if out is not None:
            save_csv(findings, out, user_text=findings.columns)
    except (ValueError, OSError) as error:
        _stop(_printable(error), 2)
    for row in findings.itertuples(index=False):
        words = (f"{title}: {text}" for title, text in zip(findings.columns, row, strict=True))
        typer.echo(_printable("\n  ".join(words)) + "\n")
    for row in remarks.itertuples(index=False):
        words = (f"{title}: {text}" for title, text in zip(remarks.columns, row, strict=True))
        typer.echo(_printable("remark\n  " + "\n  ".join(words)) + "\n")
    counts = (_count(len(paper.claims), "number"), _count(len(checks), "check"), _count(len(findings), "finding"),
              _count(len(remarks), "remark"))  # fmt: skip
    typer.echo(_printable(f"{paper.name}: {', '.join(counts)}"))
    raise typer.Exit(1 if len(findings) else 0)


@app.command()
def viewer():
    """Install the 3D viewer of itkwidgets for JupyterLab once, by npm; `make lab` calls this."""
    from study.lab import viewer_files

    if viewer_files.installed():
        return
    try:
        viewer_files.install(say=lambda line: typer.echo(line, err=True))
    except (viewer_files.ViewerError, OSError) as error:
        _stop(error)


def _printable(text):
    """Text without control characters, which a file could send to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in str(text))


def main():
    """Run the command line."""
    app()


if __name__ == "__main__":
    sys.exit(main())
