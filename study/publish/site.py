"""The web pages of a run: its notebooks, figures, tables and the code that drew them, with a search.

Of patients who may not be named the page of a notebook shows what its cells saved for a reader, figures, tables and
recorded values. What else they printed may be anything, and stays in ``runs/<run>/notebooks``.

``page`` frames them; ``claims_page`` writes the claims, from notebook 7, and ``forms`` the checklists and cards.
"""

import ast
import html
import json
import re
import textwrap

import pandas as pd
from PIL import Image

from study import fingerprint, provenance
from study.claims import verdicts
from study.publish import markdown, notebook_page, page
from study.publish.forms import answers
from study.results.words import UNIT_WORDS, WORDS

TEXT_SEARCHED = 4000  # characters of a cell's output
ABBREVIATIONS = {**WORDS, **UNIT_WORDS, "roc": "ROC"}


def write(run):
    """Write the pages of a run: ``index.html`` and what it leads to.

    Parameters
    ----------
    run : study.run.Run

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    ValueError
        If the run has no executed notebook.
    """
    notebooks = {name: notebook_page.executed(run, name) for name in page.notebooks(run)}
    if not notebooks:
        raise ValueError(f"{run.folder}: no notebook of this run was executed; make it first: study run {run.name}")
    places = {}  # of each figure and table: the cell and the function that made it
    for name, notebook in notebooks.items():
        for thing, (cell, function) in notebook_page.saved(notebook).items():
            places[thing] = {"notebook": name, "cell": notebook_page.anchor(cell), "function": function}
    figures = [_figure(path, places) for path in sorted(run.figures.glob("Figure_*.png"), key=_in_order)]
    tables = [_table(path, places) for path in sorted(run.figures.glob("Table_*.md"), key=_in_order)]
    functions = {one["function"]: _source(one["function"]) for one in figures if one["function"]}
    functions = {name: source for name, source in functions.items() if source}
    figures = [{**one, "function": one["function"] if one["function"] in functions else ""} for one in figures]
    chapters = {name: _chapter(run, name, notebook, places, functions) for name, notebook in notebooks.items()}
    names = list(chapters)
    for position, (name, chapter) in enumerate(chapters.items()):
        around = {"before": names[position - 1] if position else "", "after": (*names, "")[position + 1]}
        page.write(run, f"notebooks/{name}.html", "notebook.html", **chapter, **around)
    page.write(run, "figures.html", "figures.html", figures=figures, functions=functions)
    page.write(run, "tables.html", "tables.html", tables=tables)
    page.write(run, "code.html", "code.html", functions=functions)
    index = _search_index(chapters, figures, tables, functions, run)
    page.write(run, "search.html", "search.html", script="search.js", index=index)
    forms = {f"{called}.html": answers.read_form(name)["title"] for name, called in answers.documents(run).items()}
    return page.write(run, "index.html", "index.html", chapters=chapters, figures=figures, tables=tables, forms=forms,
                      verdicts=_verdicts(run), crate=_crate(run))  # fmt: skip


def _crate(run):
    """Name of the archive, which `study run` writes after the pages; "" where there is none to come."""
    name = f"{run.name}.crate.zip"
    return name if (run.folder / "provenance.json").is_file() or (run.figures / name).is_file() else ""


def _in_order(path):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.stem)]


def _words(name):
    """``Figure_S6_poi_truth`` as ``Figure S6: POI truth``, ``Figure_1`` as ``Figure 1``."""
    kind, number, *words = name.split("_")
    said = " ".join(ABBREVIATIONS.get(word, word) for word in words)
    return f"{kind} {number}: {said}" if said else f"{kind} {number}"


def _files(path, *endings):
    return [path.with_suffix(f".{ending}").name for ending in endings if path.with_suffix(f".{ending}").is_file()]


def _subject(said):
    """What a figure or table is about: the beginning of its alternative text or caption."""
    return textwrap.shorten(re.split(r"[.;:] ", said)[0].rstrip("."), 90, placeholder=" …")


NOWHERE = {"notebook": "", "cell": "", "function": ""}


def _figure(path, places):
    with Image.open(path) as picture:
        alt = picture.info.get("Description") or notebook_page.NO_ALT
    return {"name": path.stem, "words": _words(path.stem), "about": _subject(alt), "alt": alt,
            "files": _files(path, "png", "pdf"),
            **places.get(path.stem, NOWHERE)}  # fmt: skip


def _table(path, places):
    text = path.read_text(encoding="utf-8")
    return {"name": path.stem, "words": _words(path.stem), "about": _subject(_plain(text.partition("\n")[0])),
            "html": markdown.render(text), "text": text,
            "files": _files(path, "csv", "md", "tex", "docx"), **places.get(path.stem, NOWHERE)}  # fmt: skip


def _source(function):
    """Source of a function of the study: file, lines, text and highlighted; None if there is none of that name."""
    module, _, name = function.rpartition(".")
    path = fingerprint.file_of(f"study.{module}")
    if path is None:
        return None
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            source = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
            return {"file": f"study/{path.relative_to(fingerprint.PACKAGE).as_posix()}", "line": first, "text": source,
                    "html": notebook_page.source_html(source)}  # fmt: skip
    return None


def _chapter(run, name, notebook, places, functions):
    """What the page of a notebook shows."""
    recording = notebook_page.recording(notebook)
    title, cells, contents = name, [], []
    for cell in notebook.cells:
        if not run.may_name and "injected-parameters" in cell.metadata.get("tags", []):
            continue  # paths of the user's, which the facts below leave out
        here = {"id": notebook_page.anchor(cell), "kind": cell.cell_type, "source": cell.source}
        if cell.cell_type == "code":
            saved = [thing for thing, at in places.items() if (at["notebook"], at["cell"]) == (name, here["id"])]
            parts = notebook_page.output_parts(cell) if run.may_name else _saved_parts(run, saved)
            if cell is recording:  # the table that pandas shows leaves out rows; a claim may be in one of them
                parts = [
                    *parts[: -1 if run.may_name else None],
                    {"table": notebook_page.values_html(run.recorded(name))},
                ]
            here |= {"html": notebook_page.source_html(cell.source), "parts": parts,
                     "figures": [{"name": thing, "words": _words(thing), "function": places[thing]["function"]}
                                 for thing in saved if (run.figures / f"{thing}.png").is_file()]}  # fmt: skip
        else:
            here["html"] = markdown.render(cell.source)
            headings = notebook_page.headings(cell)
            title = next((words for level, words in headings if level == 1), title)
            contents += [(here["id"], words) for level, words in headings if level == 2]
        cells.append(here)
    return {"title": title, "cells": cells, "contents": contents, "facts": provenance.of_notebook(run, name),
            "functions": functions, "lead": _lead(notebook)}  # fmt: skip


def _saved_parts(run, names):
    """The figures and tables that a cell saved, as parts of its page."""
    figures = [_figure(path, {}) for name in names if (path := run.figures / f"{name}.png").is_file()]
    tables = [_table(path, {}) for name in names if (path := run.figures / f"{name}.md").is_file()]
    pictures = [{"picture": f"../{one['files'][0]}", "alt": one["alt"]} for one in figures]
    return [*pictures, *({"table": one["html"]} for one in tables)]


def _lead(notebook):
    """The first paragraph of a notebook that is neither heading nor quotation."""
    paragraphs = notebook.cells[0].source.split("\n\n") if notebook.cells[0].cell_type == "markdown" else []
    return markdown.render(next((text for text in paragraphs if not text.startswith(("#", ">"))), ""))


def _verdicts(run):
    """How many claims have each verdict and each answer of arithmetic: {question: [(sign, answer, count)]}."""
    path = run.figures / "claims.csv"
    if not path.is_file():
        return {}
    counts = verdicts.summary(pd.read_csv(path, dtype=str, keep_default_na=False))
    signs = verdicts.VERDICTS | verdicts.ARITHMETIC
    return {
        question: [(signs[row.answer], row.answer, row.claims) for row in rows.itertuples() if row.claims]
        for question, rows in counts.groupby("question", sort=False)
    }


def _words_of(part):
    """What an output says, for the search."""
    return html.unescape(re.sub("<[^>]*>", " ", part.get("table", ""))) + part.get("text", "") + part.get("alt", "")


def _plain(text):
    """Text on one line, without the marks of Markdown."""
    text = re.sub(r"\\([\\`*_\[\]|])", r"\1", html.unescape(text))
    return " ".join(re.sub(r"[*`|]+|-{3,}", " ", text).split())


def _search_index(chapters, figures, tables, functions, run):
    """What the search looks through: title, address and text of every section, figure, table, function and claim."""
    entries = []
    for name, chapter in chapters.items():
        titles = dict(chapter["contents"])
        section = [chapter["title"], f"notebooks/{name}.html", ""]
        for cell in chapter["cells"]:
            if cell["id"] in titles:
                entries.append(section)
                section = [f"{chapter['title']}: {titles[cell['id']]}", f"notebooks/{name}.html#{cell['id']}", ""]
            said = " ".join(_words_of(part) for part in cell.get("parts", []))
            section[2] += f" {cell['source']} {said[:TEXT_SEARCHED]}"
        entries.append(section)
    entries += [(one["words"], f"figures.html#{one['name']}", one["alt"]) for one in figures]
    entries += [(one["words"], f"tables.html#{one['name']}", one["text"]) for one in tables]
    entries += [(f"{name}()", f"code.html#{name}", source["text"]) for name, source in functions.items()]
    path = run.figures / "claims.csv"
    if path.is_file():
        for row in pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records"):
            words = (row[column] for column in ("published", "regenerated", "verdict", "arithmetic", "computation"))
            entries.append((f"Claim, {row['where']}: {row['quantity']}", f"claims.html#{row['id']}", " ".join(words)))
    listed = [{"title": title, "address": where, "text": _plain(text)} for title, where, text in entries]
    text = json.dumps(listed, ensure_ascii=False)
    return text.replace("<", "\\u003c")  # so that no text ends the element that contains it
