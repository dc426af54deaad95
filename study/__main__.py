"""The command line, ``study``: the commands of all rooms of `study.commands`."""

import sys

import typer

from study.commands import papers, runs, scans

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="An executable paper on COVID-19 in thick-section chest CT: from scans to biomarkers, statistics and claims.",
)
for part in (runs, scans, papers):
    app.add_typer(part.app)


def main():
    """Run the command line."""
    app()


if __name__ == "__main__":
    sys.exit(main())
