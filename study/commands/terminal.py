"""What all commands say on a terminal."""

import typer


def stop(error, code=1):
    """One clear message instead of a traceback, and a non-zero exit."""
    typer.echo(f"study: {error}", err=True)
    raise typer.Exit(code)


def printable(text):
    """Text without control characters, which a file could send to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in str(text))
