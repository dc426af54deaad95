"""Captions of figures, in files beside them: ``Figure_3.caption.md`` to read, ``Figure_3.tex`` as a LaTeX float."""

import html
import re
from pathlib import Path

from study.figures import latex
from study.figures.tables import markdown_text


def numbered(name):
    """``Figure_S4_learning`` as ``Figure S4``; a figure without a number, as ``Figure_flow``, is a ``Figure``."""
    number = re.match(r"Figure_([A-Z]?\d+)", name)
    return f"Figure {number[1]}" if number else "Figure"


def files(name, caption, width_mm):
    """The texts by the ending of their file.

    Parameters
    ----------
    name : str
        Of the figure's files.
    caption : str
        Without the number.
    width_mm : float
        Of the figure.
    """
    markdown = f"**{numbered(name)}.** {markdown_text(caption)}\n"
    return {"caption.md": markdown, "tex": latex.figure(name, caption, width_mm)}


def read(path):
    """Number and text of a caption, plain, from its Markdown file."""
    plain = re.sub(r"\\([\\|`*_\[\]])", r"\1", html.unescape(Path(path).read_text(encoding="utf-8").strip()))
    number, _, text = plain.removeprefix("**").partition(".** ")
    return number, text
