"""A text about a run for readers, written as Markdown; the pages of the run show it too."""

import os
import re
from pathlib import Path

from study.claims.verdicts import TIERS
from study.files import write_text

LINK = re.compile(r"(?P<image>!?)\[(?P<words>(?:\\.|[^\]\\])*)\]\((?:<(?P<to>[^>]*)>|(?P<bare>[^)\s]*))\)")


def escaped(text):
    """Literal text: no character is read as Markdown or HTML, and it stays on one line."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", " ".join(str(text).split()).replace("&", "&amp;"))


def link(words, path, folder, anchor=""):
    """A link from a document in `folder` to a file, by a relative path; the words alone without a file."""
    if path is None:
        return escaped(words)
    address = Path(os.path.relpath(path, folder)).as_posix() + (f"#{anchor}" if anchor else "")
    return f"[{escaped(words)}](<{address}>)"


def table(header, rows):
    """A Markdown table; cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def write(run, name, head, text):
    """Write ``<name>.md`` into ``figures/<run>``: a head, whose data the run has, and the text.

    Parameters
    ----------
    run : study.run.Run
    name : str
    head, text : str
        Markdown; the first heading of the head is the page's title.

    Returns
    -------
    Path
    """
    path = run.figures / f"{name}.md"
    write_text(path, f"{head}\n> **Data tier: {run.tier}.** {TIERS[run.tier]}\n\n{text}")
    return path
