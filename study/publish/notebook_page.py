"""An executed notebook as the page that shows it: what its cells say, what they saved, and an anchor for each.

Whatever a notebook contains, from a report's text to another program's output, reaches the page as text: of the HTML in
an output, only the rows and cells of tables are kept. What a cell wrote to standard error and widgets, which need a
kernel, are left out.
"""

import base64
import html
import re
from html.parser import HTMLParser

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from study import provenance
from study.publish import document, executed, saved
from study.results.words import with_minus

TABLE_PARTS = {"table", "thead", "tbody", "tr", "th", "td"}
SPANS = {"rowspan", "colspan"}
NOT_SHOWN = {"style", "script", "template"}
LEFT_OUT = (
    "*Shown are the figures, tables and values that this notebook saved, and why one is missing. What else its cells "
    "printed stays in `runs/{}/notebooks`.*"
)
LEFT_OUT_HERE = "*What this cell printed is left out.*"


def page(run, name, functions):
    """A notebook for Sphinx: the executed one with anchors, safe outputs, and where its numbers come from.

    Of patients who may not be named it shows what the cells saved for a reader, figures, tables and recorded values,
    and why one of these was not saved. What else they printed may be anything, and stays in ``runs/<run>/notebooks``.

    Parameters
    ----------
    run : study.run.Run
    name : str
        Such as ``5-severity``.
    functions : collection of str
        Those whose code is on the page of the code, such as ``figures.plots.roc_curves``.

    Returns
    -------
    nbformat.NotebookNode
    """
    notebook = executed.executed(run, name)
    last, made = executed.recording(notebook), executed.saved(notebook)
    cells = [] if executed.title(notebook) else [new_markdown_cell(f"# {name}")]
    for cell in notebook.cells:
        if executed.is_injected(cell) and not run.may_name:
            continue  # paths of the user's, which the facts below leave out
        label = f"({executed.cell_anchor(cell)})="
        if cell.cell_type != "code":
            cells.append(new_markdown_cell(f"{label}\n\n{executed.linked(cell.source)}"))
            continue
        things = {thing: function for thing, (maker, function) in made.items() if maker is cell}
        outputs = list(filter(None, map(_output, cell.outputs))) if run.may_name else _saved(run, cell, things)
        if cell is last:  # the table that pandas shows leaves out rows; a claim may be in one of them
            outputs = [*outputs[: -1 if run.may_name else None], _table(values_html(run.recorded(name)))]
        code = new_code_cell(cell.source, metadata={"tags": ["hide-input"]}, outputs=outputs)
        cells += [new_markdown_cell(label), code]
        under = list(_under(run, things, functions))
        if not run.may_name and not outputs and not under and any(map(_output, cell.outputs)):
            under = [LEFT_OUT_HERE]
        cells += map(new_markdown_cell, under)
    if not run.may_name:
        cells.insert(1, new_markdown_cell(LEFT_OUT.format(run.name)))
    cells.append(new_markdown_cell(_facts(provenance.of_notebook(run, name))))
    for position, cell in enumerate(cells):
        cell.id = f"part-{position}"  # the same in each build
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}})


def _under(run, things, functions):
    """What stands under a cell that saved figures and tables: where they are shown in full, and what made them."""
    for thing, function in things.items():
        code = f"[`{function}`](../code.html#{executed.name_anchor(function)})"
        by = f", made by {code}" if function in functions else ""
        if (run.figures / f"{thing}.png").is_file():
            caption = run.figures / f"{thing}.caption.md"
            if caption.is_file():
                yield caption.read_text(encoding="utf-8").strip()
            yield f"[{saved.title(thing)}](../figures.html#{executed.name_anchor(thing)}){by}"
        elif (run.figures / f"{thing}.md").is_file():
            if not run.may_name:
                yield (run.figures / f"{thing}.md").read_text(encoding="utf-8")
            yield f"[{saved.title(thing)}](../tables.html#{executed.name_anchor(thing)}){by}"


def _facts(known):
    """Where the numbers of a notebook come from, as the last section of its page."""
    lines = []
    for term, fact in known.items():
        items = fact if isinstance(fact, dict) else {}
        said = "" if items else f" {document.escaped(fact or 'none')}"
        lines.append(f"- **{term}:**{said}")
        lines += [f"  - {document.escaped(key)}: {document.escaped(item)}" for key, item in items.items()]
    return f"## {executed.PROVENANCE}\n\n" + "\n".join(lines)


# The interval is the notebook's own, of an AUC over scans; the error is for comparing with the paper.
VALUE_HEADS = {"standard_error": "standard error (patients)"}


def values_html(recorded):
    """All values that a notebook recorded, a table with an anchor for each, without columns that say nothing.

    Parameters
    ----------
    recorded : DataFrame
        From ``Run.recorded``.
    """
    recorded = recorded.loc[:, (recorded.notna() & recorded.ne("")).any()]
    heads = [VALUE_HEADS.get(column, column) for column in ("name", *recorded.columns)]
    header = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads)
    rows = []
    for name, row in recorded.iterrows():
        shown = ("" if cell is None or cell != cell else f"{cell:.10g}" if isinstance(cell, float) else str(cell)
                 for cell in row)  # fmt: skip
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in shown)
        anchor = html.escape(executed.value_anchor(name))
        rows.append(f'<tr id="{anchor}"><th scope="row">{html.escape(name)}</th>{cells}</tr>')
    return f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _output(output):
    """What a cell left behind, without anything that could run; None if that is nothing to show."""
    if output.output_type == "stream":
        return new_output("stream", text=output.text) if output.name == "stdout" and output.text.strip() else None
    if output.output_type == "error":
        return new_output("stream", text=f"{output.ename}: {output.evalue}")
    data = output.data
    if "image/png" in data:
        return new_output("display_data", {"image/png": "".join(data["image/png"].split())})
    if "application/vnd.jupyter.widget-view+json" in data:
        return None
    if "<table" in data.get("text/html", ""):
        return _table(table_html(data["text/html"]))
    return new_output("stream", text=data.get("text/plain", ""))


def _saved(run, cell, things):
    """The figures that a cell saved, as its outputs, after why others were not saved."""
    begin = tuple(f"{thing.replace('_', ' ')} is left out: " for thing in things)
    printed = "".join(one.text for one in cell.outputs if one.output_type == "stream" and one.name == "stdout")
    why_not = "".join(f"{line}\n" for line in printed.splitlines() if begin and line.startswith(begin))
    outputs = [new_output("stream", text=why_not)] if why_not else []
    paths = [path for thing in things if (path := run.figures / f"{thing}.png").is_file()]
    encoded = [base64.b64encode(path.read_bytes()).decode() for path in paths]
    return outputs + [new_output("display_data", {"image/png": picture}) for picture in encoded]


def _table(text):
    """A table as an output, in the theme's frame, which scrolls where the table is wider than the page.

    A space parts the cells, as the search leaves out tags and would take two cells for one word.
    """
    inner = re.sub(r"(</t[dh]>)(?=<)", r"\1 ", text.replace("<table>", '<table class="table">'))
    return new_output("display_data", {"text/html": f'<div class="pst-scrollable-table-container">{inner}</div>'})


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
            self.kept.append(html.escape(with_minus(data)))


def table_html(text):
    """The tables of an HTML text, their rows, cells and words, and nothing else of it; without pandas' row numbers."""
    parser = _Table()
    parser.feed(text)
    parser.close()
    kept = "".join(parser.kept)
    kept = kept[kept.find("<table>") : kept.rfind("</table>") + len("</table>")]
    first, *heads = re.findall(r"<tr>\s*<th>(.*?)</th>", kept) or [None]
    is_numbered = first == "" and all(re.fullmatch(r"\d+|\.\.\.", head) for head in heads)  # an index without a name
    return re.sub(r"(<tr>)\s*<th>.*?</th>", r"\1", kept) if is_numbered else kept
