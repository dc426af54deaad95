"""An executed notebook as HTML that runs nothing: prose, code, tables and pictures, an anchor for each cell.

Whatever a notebook contains, from a report's text to another program's output, reaches the page as text: of the HTML in
an output, only the rows and cells of tables are kept.
"""

import ast
import base64
import html
import io
import re
from html.parser import HTMLParser

import nbformat
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

TABLE_PARTS = {"table", "thead", "tbody", "tr", "th", "td"}
SPANS = {"rowspan", "colspan"}
NOT_SHOWN = {"style", "script", "template"}
NO_ALT = "a picture without a description"


def executed(run, name):
    """The executed copy of a notebook, None if the run did not make it."""
    path = run.folder / "notebooks" / f"{name}.ipynb"
    return nbformat.read(path, as_version=4) if path.is_file() else None


def addresses(run, names):
    """Where the values of executed notebooks are shown, relative to ``figures/<run>``.

    Parameters
    ----------
    run : study.run.Run
    names : iterable of str
        Such as ``5-severity``; those that were not executed are skipped.

    Returns
    -------
    dict
        By (notebook, name of a value) the address of that value; by notebook that of the cell that recorded them all.
    """
    found = {}
    for name in names:
        notebook = executed(run, name)
        if notebook is None:
            continue
        page, cell = f"notebooks/{name}.html", recording(notebook)
        found[name] = f"{page}#{anchor(cell) if cell else 'provenance'}"
        if cell:
            found |= {(name, value): f"{page}#{value_anchor(value)}" for value in run.recorded(name).index}
    return found


def value_anchor(name):
    """The id, within its notebook's page, of a recorded value."""
    return f"value-{name}"


def values_html(recorded):
    """All values that a notebook recorded, a table with an anchor for each.

    Parameters
    ----------
    recorded : DataFrame
        From ``Run.recorded``.
    """
    header = "".join(f"<th>{html.escape(str(column))}</th>" for column in ["name", *recorded.columns])
    rows = []
    for name, row in recorded.iterrows():
        shown = ("" if cell is None or cell != cell else f"{cell:.10g}" if isinstance(cell, float) else str(cell)
                 for cell in row)  # fmt: skip
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in shown)
        rows.append(f'<tr id="{html.escape(value_anchor(name))}"><th>{html.escape(name)}</th>{cells}</tr>')
    return f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def recording(notebook):
    """The cell that recorded the values, the last that calls ``record``; None if there is none."""
    return next((c for c in reversed(notebook.cells) if c.cell_type == "code" and ".record(" in c.source), None)


def anchor(cell):
    """A cell's id within its page."""
    return f"cell-{cell.id}"


def source_html(source):
    """Python code, highlighted."""
    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))


def output_parts(cell):
    """What a cell left behind.

    Returns
    -------
    list of dict
        ``{"text": ...}``, ``{"table": html}`` or ``{"picture": a data address, "alt": ...}``.
    """
    parts = (_part(output) for output in cell.get("outputs", []))
    return [part for part in parts if part]


def _part(output):
    """One output; progress on standard error is left out, and so are widgets, which need a kernel."""
    if output.output_type == "stream":
        return {"text": output.text} if output.name == "stdout" else None
    if output.output_type == "error":
        return {"text": f"{output.ename}: {output.evalue}"}
    data = output.data
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        return {"picture": f"data:image/png;base64,{picture}", "alt": _description(picture)}
    if "application/vnd.jupyter.widget-view+json" in data:
        return None
    if "<table" in data.get("text/html", ""):
        return {"table": table_html(data["text/html"])}
    return {"text": data.get("text/plain", "")}


def _description(picture):
    """The alternative text that a PNG carries (``study.figures.style``)."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
            return image.info.get("Description") or NO_ALT
    except (OSError, ValueError):
        return NO_ALT


class _Table(HTMLParser):
    """Keeps the tags of a table, with the rows and columns that a cell spans and no other attribute, and all text."""

    def __init__(self):
        super().__init__()
        self.kept, self.hidden = [], 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in NOT_SHOWN
        if tag in TABLE_PARTS:
            spans = "".join(
                f' {name}="{n}"' for name, n in attrs if name in SPANS and n and n.isascii() and n.isdigit()
            )
            self.kept.append(f"<{tag}{spans}>")

    def handle_endtag(self, tag):
        self.hidden -= tag in NOT_SHOWN and self.hidden > 0
        if tag in TABLE_PARTS:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data):
        if not self.hidden:
            self.kept.append(html.escape(data))


def table_html(text):
    """The tables of an HTML text, their rows, cells and words, and nothing else of it."""
    parser = _Table()
    parser.feed(text)
    parser.close()
    kept = "".join(parser.kept)
    return kept[kept.find("<table>") : kept.rfind("</table>") + len("</table>")]


def headings(cell):
    """The headings of a Markdown cell: a list of (level, words)."""
    found = re.findall(r"^(#{1,3}) +(.+?) *#*$", cell.source, re.MULTILINE)
    return [(len(marks), re.sub(r"[*`_]", "", words)) for marks, words in found]


def saved(notebook):
    """Which figures and tables a notebook saves, in which cell, drawn by which function.

    Read from the code: ``plots.save(figure, ..., "Figure_3")`` after ``figure = plots.severity_boxplots(...)``,
    whatever the form in which the notebook imported the module or the function.

    Returns
    -------
    dict of str to (cell, str)
        By the name of the figure or table; the function by its place in the study, such as
        ``figures.plots.severity_boxplots``, empty if it is not one of the study's.
    """
    imported, found = {}, {}
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:  # a cell of IPython's own commands
            continue
        imported |= _imported_names(tree)
        drawn = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                drawn[node.targets[0].id] = _function(node.value, imported)
            call = getattr(node, "value", None)
            if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).split(".")[-1] == "save":
                names = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                thing = call.args[0]
                function = drawn.get(thing.id, "") if isinstance(thing, ast.Name) else _function(thing, imported)
                if names:
                    found[names[0]] = (cell, function)
    return found


def _imported_names(tree):
    """What the names that a cell imports refer to, such as ``{"plots": "study.figures.plots"}``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
            found |= {package: package for package in (a.name.split(".")[0] for a in node.names if not a.asname)}
    return found


def _function(value, imported):
    """The study's function that an expression calls, such as ``figures.plots.roc_curves``; empty if there is none."""
    if not isinstance(value, ast.Call):
        return ""
    first, _, rest = ast.unparse(value.func).partition(".")
    package, _, name = ".".join(filter(None, [imported.get(first, first), rest])).partition(".")
    return name if package == "study" else ""
