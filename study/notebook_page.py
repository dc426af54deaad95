"""An executed notebook as a web page that opens from disk: an anchor for each cell, and where its numbers are from."""

import html
import os
import string
from pathlib import Path

import nbformat

from study.run import write_text

PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$name, run $run</title>
<style>
body{font:15px/1.45 system-ui,"Segoe UI","DejaVu Sans",sans-serif;color:#1c1c1c;
max-width:64rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem}dt{font-weight:600}dd{margin:0 0 .4rem;overflow-wrap:anywhere}
pre{margin:.3rem 0;overflow-x:auto;font-size:.85rem}.prose{white-space:pre-wrap}
.code pre:first-child{background:#f4f4f4;padding:.5rem .7rem}
.cell{margin:.8rem 0;padding-left:.7rem;border-left:.3rem solid transparent}.cell:target{border-color:#0072b2}
img{max-width:100%}
</style>
</head>
<body>
<p><a href="../claims.html">Claims of run $run</a></p>
<h1>Notebook $name as executed in run $run</h1>
<dl id="provenance">$facts</dl>
$cells
</body>
</html>
""")


def write_pages(run, names, provenance):
    """Write a page for each executed notebook of a run, into ``figures/<run>/notebooks``.

    Parameters
    ----------
    run : study.run.Run
    names : iterable of str
        Notebooks, such as ``5-severity``; those that were not executed are passed over.
    provenance : callable
        Gives a notebook's ``study.provenance.of_notebook``.

    Returns
    -------
    dict of str to str
        For each notebook the address, relative to ``figures/<run>``, of the cell that recorded its values.
    """
    addresses = {}
    for name in names:
        source = run.folder / "notebooks" / f"{name}.ipynb"
        if source.is_file():
            notebook = nbformat.read(source, as_version=4)
            page = run.figures / "notebooks" / f"{name}.html"
            facts = _facts(provenance(run, name), source, page)
            write_text(page, _page(run.name, name, notebook, facts, run.recorded(name)))
            addresses[name] = f"notebooks/{name}.html#{_anchor(notebook)}"
    return addresses


def _anchor(notebook):
    """Of the cell that recorded the values, the last that calls ``record``; else the head of the page."""
    recording = _recording(notebook)
    return f"cell-{recording.id}" if recording else "provenance"


def _recording(notebook):
    return next((c for c in reversed(notebook.cells) if c.cell_type == "code" and ".record(" in c.source), None)


def _page(run, name, notebook, facts, recorded):
    recording = _recording(notebook)
    if recording:  # the table that pandas shows leaves out rows; a claim may stand in one of them
        values = nbformat.v4.new_output("stream", name="stdout", text=recorded.to_string())
        recording.outputs = [*recording.outputs[:-1], values]
    cells = "\n".join(
        f'<div class="cell {cell.cell_type}" id="cell-{_safe(cell.id)}">{_cell(cell)}</div>' for cell in notebook.cells
    )
    return PAGE.substitute(name=_safe(name), run=_safe(run), facts=facts, cells=cells)


def _facts(provenance, source, page):
    address = Path(os.path.relpath(source, page.parent)).as_posix()
    rows = [f'<dt>Executed notebook</dt><dd><a href="{_safe(address)}">{_safe(source.name)}</a></dd>']
    for term, fact in provenance.items():
        shown = (
            "<br>".join(f"{_safe(k)}: {_safe(v)}" for k, v in fact.items()) if isinstance(fact, dict) else _safe(fact)
        )
        rows.append(f"<dt>{_safe(term)}</dt><dd>{shown or 'none'}</dd>")
    return "".join(rows)


def _cell(cell):
    if cell.cell_type != "code":
        return f'<div class="prose">{_safe(cell.source)}</div>'
    return f"<pre>{_safe(cell.source)}</pre>" + "".join(_output(output) for output in cell.outputs)


def _output(output):
    """Text and pictures; an output's own HTML is left out, so that nothing foreign runs, and so is progress."""
    if output.output_type == "stream":
        return f"<pre>{_safe(output.text)}</pre>" if output.name == "stdout" else ""
    if output.output_type == "error":
        return f"<pre>{_safe(output.ename)}: {_safe(output.evalue)}</pre>"
    if picture := output.data.get("image/png"):
        return f'<img alt="figure" src="data:image/png;base64,{_safe("".join(picture.split()))}">'
    return f"<pre>{_safe(output.data.get('text/plain', ''))}</pre>"


def _safe(text):
    return html.escape(str(text), quote=True)
