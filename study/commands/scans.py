"""Commands for scans, without a run: measure, check, list and make them."""

import json
import os
import re
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import typer

from study.commands.terminal import stop
from study.plural import count

app = typer.Typer()


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
        stop(error)
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
def check(scans: Annotated[Path, typer.Argument(help="a scan table (scans.csv), or a table of biomarkers")]):
    """Check a scan table and every file that it names, or a table of biomarkers, and list all faults."""
    from study.scans import checks, scan_tables, schemas

    read, find_faults = scan_tables.read_scans, checks.check_scans
    if scan_tables.holds_biomarkers(scans):
        read, find_faults = scan_tables.read_biomarkers, checks.check_biomarkers
    try:
        faults = find_faults(scans, notes=(notes := []))
    except schemas.ScanTableError as error:
        stop(error)
    for note in notes:
        typer.echo(f"study: {note}", err=True)
    if faults:
        typer.echo(schemas.format_faults(faults))
        typer.echo(f"study: {scans}: {count(len(faults), 'fault')}", err=True)
        raise typer.Exit(1)
    table = read(scans)
    typer.echo(f"{scans}: no fault found")
    for fault in checks.why_no_severity(scans, table):
        typer.echo(f"but {fault.rule}: {fault.remedy}")
    for unknown in checks.unknowns(table):
        typer.echo(unknown)


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
    from study.scans import checks, datasets, scan_tables

    try:
        made = datasets.index(layout, folder, out, lungs, ids)
        unknown = checks.unknowns(scan_tables.read_scans(made.path)) if lungs is None else []
    except (ValueError, OSError) as error:
        stop(error)
    for reason, files in groupby(sorted(made.left_out, key=itemgetter(1)), itemgetter(1)):
        names = [name for name, _ in files]
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        typer.echo(f"study: left out, as {reason}: {', '.join(names[:20])}{more}", err=True)
    for note in [*made.notes, *unknown]:
        typer.echo(f"study: {note}", err=True)
    patients = count(made.scans["patient_id"].nunique(), "patient")
    typer.echo(f"{made.path}: {count(len(made.scans), 'scan')} of {patients}")


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
        stop(error.said(lambda name, value: f"{options.get(name, name)} {value!r}".removesuffix(".0")))
    except ValueError as error:
        stop(error)
    except (OSError, MemoryError) as error:
        said = "; ".join([str(error), *getattr(error, "__notes__", [])])
        stop(f"{said}; fix this and repeat the command: it resumes")
    typer.echo(f"{out / 'scans.csv'}: simulated scans: {len(scans)}, patients: {scans['patient_id'].nunique()}")
