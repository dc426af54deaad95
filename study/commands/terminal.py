"""What all commands say on a terminal."""

import typer


def stop(error, code=1):
    """One clear message instead of a traceback, and a non-zero exit."""
    typer.echo(f"study: {error}", err=True)
    raise typer.Exit(code)


def count(n, noun):
    """A number with its noun: ``1 scan``, ``2 scans``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def printable(text):
    """Text without control characters, which a file could send to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in str(text))
