"""Commands that hold numbers against numbers: of a run, of another one, of a paper."""

from pathlib import Path
from typing import Annotated

import typer

from study.commands.terminal import printable, stop
from study.plural import count

app = typer.Typer()


@app.command()
def verify(name: Annotated[str, typer.Argument(metavar="RUN", help="a finished run, such as demo")] = "demo"):
    """Compare every printed number of the paper with the run's.

    Exits with 1 if a claim differs (the run's patients contradict it) or the
    audit accuses it (a contradiction to the paper's other numbers, what
    another reading solves, the wording of a unit: the findings are listed, the
    weightiest first, each with its claims), with 2
    if the run has recorded nothing, else with 0. Reproduced, not
    distinguishable, consistent, synthetic only, unknown origin and cannot be tested are
    not failures; a note says so if no claim was tested.
    """
    from study.claims import audit, verdicts
    from study.claims.paper import read_paper
    from study.run import Run

    try:
        this, listed = Run(name), read_paper()
        values = verdicts.gather(listed.claims, this)
        if not any(len(table) for table in values.values()):
            raise ValueError(f"{this.values}: the run {name} has recorded nothing; make it first: study run {name}")
        checks = audit.audit(listed)
        compared = verdicts.compare(listed, values, this.tier, checks)
    except (ValueError, OSError) as error:
        stop(error, 2)
    for question, counts in verdicts.summary(compared).groupby("question", sort=False):
        typer.echo(f"{question} (claims: {len(compared)}):")
        for row in counts.itertuples():
            typer.echo(f"{row.claims:5d}  {row.answer}")
    for row in verdicts.worded(compared[compared["verdict"] == "differs"]):
        typer.echo(f"{row['where']}: {row['quantity']}: printed {row['published']}, differs: {row['regenerated']}")
    if len(findings := audit.findings(checks)):
        typer.echo(f"{count(len(findings), 'finding')} of the audit ({audit.counted(findings)}):")
    for check in audit.failed(checks):
        typer.echo(f"{audit.WEIGHTS[check.weight]}: {check.words}; would fit: {check.fits}")
        for one in check.cited:
            typer.echo(f"  {one.where}: {one.name}: printed {one.text}")
    if not compared["verdict"].isin(["reproduced", "not distinguishable", "differs"]).any():
        typer.echo(f"study: data tier {this.tier}: no claim about patients was tested", err=True)
    raise typer.Exit(1 if len(verdicts.failing(compared)) else 0)


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
    within its interval, or beyond. Names the first file along
    the way (scan, weight, mask) that differs, and what else does: processor,
    versions, parameters.

    Exits with 0 if no number lies beyond, with 1 if one does or only one of
    the two has it, with 2 if there is nothing to compare.
    """
    from rich.console import Console

    from study.figures.tables import save_csv
    from study.files import refuse_to_replace
    from study.results import side_by_side, snapshot
    from study.run import project_root

    try:
        root = project_root()
        with Console(stderr=True).status("reading the files of both"):
            sides = [snapshot.read(one, root) for one in (name, other)]
        table = side_by_side.compare(*sides)
        if out is not None:
            refuse_to_replace(out, table.columns)
            save_csv(table, out, user_text=side_by_side.TEXTS)
    except (ValueError, OSError) as error:
        stop(error, 2)
    parted = side_by_side.first_difference(*sides)
    line, agree = side_by_side.verdict(table, parted)
    typer.echo(printable(f"{name}, beside {other}: {side_by_side.made_by(sides[1])}"))
    for text in side_by_side.in_words(table, parted, side_by_side.differing_origins(*sides), (name, other)):
        typer.echo(printable(text))
    typer.echo(line)
    raise typer.Exit(0 if agree else 1)


@app.command("audit")
def audit_tables(
    tables: Annotated[Path, typer.Argument(metavar="TABLES.yaml", help="a paper's printed numbers, YAML or CSV")],
    out: Annotated[Path | None, typer.Option(help="write the findings to this CSV file as well")] = None,
):
    """Find printed numbers of a paper that contradict each other.

    Says of those that do not by which method or formula they hold.

    study/claims/audit_example.yaml shows the file's format, and
    study/claims/paper.py describes it; claims.yaml in the same folder is
    for this paper.

    What holds only by a method that has no formula is remarked upon.

    Exits with 0 if nothing was found, with 1 if something was, with 2 if the
    file cannot be used.
    """
    from study.claims import audit
    from study.claims.paper import read_paper
    from study.figures.tables import save_csv
    from study.files import refuse_to_replace

    try:
        paper = read_paper(tables)
        checks = audit.audit(paper)
        findings, remarks = audit.findings(checks), audit.remarks(checks)
        if out is not None:
            refuse_to_replace(out, findings.columns)
            save_csv(findings, out, user_text=findings.columns)
    except (ValueError, OSError) as error:
        words = str(error)
        stop(printable(words if tables.name in words else f"{tables.name}: {words}"), 2)
    for row in findings.itertuples(index=False):
        words = (f"{title}: {text}" for title, text in zip(findings.columns, row, strict=True))
        typer.echo(printable("\n  ".join(words)) + "\n")
    for row in remarks.itertuples(index=False):
        words = (f"{title}: {text}" for title, text in zip(remarks.columns, row, strict=True))
        typer.echo(printable("remark\n  " + "\n  ".join(words)) + "\n")
    for row in audit.implied(checks).itertuples(index=False):
        typer.echo(printable(f"holds: {row.where}: {row.rule}: {row[-1]}"))
    found = count(len(findings), "finding") + (f" ({audit.counted(findings)})" if len(findings) else "")
    counts = (count(len(paper.claims), "number"), count(len(checks), "check"), found,
              count(len(remarks), "remark"))  # fmt: skip
    typer.echo(printable(f"{paper.name}: {', '.join(counts)}"))
    raise typer.Exit(1 if len(findings) else 0)
