"""A text about a run for readers, written as Markdown; the pages of the run show it too."""

import re

from study.claims.verdicts import TIERS
from study.files import write_text

# The project's own texts that the pages of a run show, in the order of the sidebar.
OF_THE_PROJECT = (
    *(f"docs/{name}.md" for name in (
        "measure-a-scan", "own-cohort", "audit", "course", "play", "glossary", "train", "cluster", "phantom",
        "public-data", "submit", "same-on-all-machines", "how-it-is-built",
    )), "README.md", "REPRODUCING.md", "CONTRIBUTING.md",
)  # fmt: skip
LINK = re.compile(r"(?P<image>!?)\[(?P<words>(?:\\.|[^\]\\])*)\]\((?:<(?P<to>[^>]*)>|(?P<bare>[^)\s]*))\)")


def escaped(text):
    """Literal text: no character is read as Markdown or HTML, and it stays on one line."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", " ".join(str(text).split()).replace("&", "&amp;"))


def link(words, path, run, anchor=""):
    """A link from a document in ``figures/<run>`` to a file in it, or to the page there of a text of the project.

    The folder may be handed on, where a link to anything else would be dead: then, or without a file, the words alone.
    """
    if path is not None and path.is_relative_to(run.root):
        name = path.relative_to(run.root).as_posix()
        if name in OF_THE_PROJECT:
            path = run.figures / f"{name.removesuffix('.md')}.html"
    if path is None or not path.is_relative_to(run.figures):
        return escaped(words)
    address = path.relative_to(run.figures).as_posix() + (f"#{anchor}" if anchor else "")
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
