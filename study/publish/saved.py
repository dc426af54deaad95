"""Figures and tables of a run, for its pages: what each is called and shows, and which cell and function made it."""

import ast
import html
import re

from PIL import Image

from study.fingerprint import digests
from study.publish import document, executed

NO_ALT = "a picture without a description"


def figures(run):
    """The figures of a run in order, each a dict: ``name, title, anchor, about, caption, alt, files``.

    The caption is Markdown, without its number; where there is none, as in older runs, the alternative text stands for
    it.
    """
    found = []
    for path in sorted(run.figures.glob("Figure_*.png"), key=in_order):
        alt, beside = description(path), path.with_suffix(".caption.md")
        caption = document.escaped(alt)
        if beside.is_file():
            caption = re.sub(r"^\*\*.*?\*\* ", "", beside.read_text(encoding="utf-8").strip())
        found.append({**_named(path), "about": _subject(_plain(caption)), "caption": caption, "alt": alt,
                      "files": _files(path, "png", "pdf")})  # fmt: skip
    return found


def tables(run):
    """The tables of a run in order, each a dict: ``name, title, anchor, about, text, files``; the text is Markdown."""
    found = []
    for path in sorted(run.figures.glob("Table_*.md"), key=in_order):
        text = path.read_text(encoding="utf-8")
        found.append({**_named(path), "about": _subject(_plain(text.partition("\n")[0])), "text": text,
                      "files": _files(path, "csv", "md", "tex", "docx")})  # fmt: skip
    return found


def places(run):
    """Where each figure and table was made: ``notebook``, ``cell`` (its anchor) and ``function``, by its name."""
    found = {}
    for name in executed.names(run):
        for thing, (cell, function) in executed.saved(executed.executed(run, name)).items():
            found[thing] = {"notebook": name, "cell": executed.cell_anchor(cell), "function": function}
    return found


def title(name):
    """``Figure_S6_poi_truth`` as ``Figure S6``, ``Table_flow`` as ``Table flow``."""
    return " ".join(name.split("_")[:2])


def description(picture):
    """The alternative text that a PNG carries (``study.figures.style``); `picture` is a path or an open file."""
    try:
        with Image.open(picture) as image:
            return image.info.get("Description") or NO_ALT
    except OSError:
        return NO_ALT


def source(function):
    """Source of a function of the study: ``file``, ``line`` and ``text``; None if there is none of that name."""
    module, _, name = function.rpartition(".")
    path = digests.file_of(f"study.{module}")
    if path is None:
        return None
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = text.splitlines()[first - 1 : node.end_lineno]
            return {"file": f"study/{path.relative_to(digests.PACKAGE).as_posix()}", "line": first,
                    "text": "\n".join(lines)}  # fmt: skip
    return None


def _named(path):
    return {"name": path.stem, "title": title(path.stem), "anchor": executed.name_anchor(path.stem)}


def in_order(path):
    """Key by which files of figures and tables are sorted: ``Figure_S2`` before ``Figure_S10``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.stem)]


def _files(path, *endings):
    return [path.with_suffix(f".{ending}").name for ending in endings if path.with_suffix(f".{ending}").is_file()]


def _subject(said):
    """What a figure or table is about: its caption up to the first stop outside parentheses, whole."""
    return re.match(r"(?:\([^)]*\)|.)*?(?=[.;:] |$)", said)[0].rstrip(".")


def _plain(text):
    """Text on one line, without the marks of Markdown."""
    text = re.sub(r"\\([\\`*_\[\]|])", r"\1", html.unescape(text))
    return " ".join(re.sub(r"[*`|]+|-{3,}", " ", text).split())
