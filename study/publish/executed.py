"""Executed notebooks: which there are, which cell recorded the values, and what each cell saved, read from its code."""

import ast
import re

import nbformat

PROVENANCE = "Where these numbers come from"  # the last heading of a notebook's page


def names(run):
    """Names of the notebooks of a run that were executed, and so have a page, in order."""
    found = (path.stem for path in (run.folder / "notebooks").glob("*.ipynb"))
    return sorted(name for name in found if re.fullmatch(r"\d-[a-z]+", name))  # copies of parts have longer names


def executed(run, name):
    """The executed copy of a notebook with the project's present prose; None if the run did not make it.

    The prose is the project's as long as the code of all cells is: else it could speak of other code, and the copy is
    returned as it was executed.
    """
    path, source = run.folder / "notebooks" / f"{name}.ipynb", run.root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        return None
    notebook = nbformat.read(path, as_version=4)
    if source.is_file():
        notebook.cells = _with_prose(notebook.cells, nbformat.read(source, as_version=4).cells)
    return notebook


def _with_prose(cells, present):
    """Executed cells with the prose of a notebook's present cells around them; as they are if the code differs."""
    ran = [cell for cell in cells if cell.cell_type == "code" and not is_injected(cell)]
    code = [cell for cell in present if cell.cell_type == "code"]
    if [(cell.id, cell.source) for cell in ran] != [(cell.id, cell.source) for cell in code]:
        return cells
    ran = {cell.id: cell for cell in ran}
    merged = [ran.get(cell.id, cell) for cell in present]
    for position, cell in enumerate(cells):
        if is_injected(cell):  # papermill puts it behind the cell of the parameters
            merged.insert(1 + merged.index(cells[position - 1]) if position else 0, cell)
    return merged


def is_injected(cell):
    """Whether papermill wrote this cell: the parameters of the run."""
    return "injected-parameters" in cell.metadata.get("tags", [])


def title(notebook):
    """The first heading of a notebook; "" without one."""
    found = (re.search(r"^# +(.+?) *#*$", c.source, re.MULTILINE) for c in notebook.cells if c.cell_type == "markdown")
    return next((re.sub(r"[*`_]", "", words[1]) for words in found if words), "")


def lead(notebook):
    """The first paragraph of a notebook that is neither heading nor quotation, as Markdown for a page beside docs/."""
    paragraphs = notebook.cells[0].source.split("\n\n") if notebook.cells[0].cell_type == "markdown" else []
    first = next((" ".join(text.split()) for text in paragraphs if not text.startswith(("#", ">"))), "")
    return linked(first, "")


def linked(prose, up="../"):
    """A notebook's prose whose links to the project's documents lead to their pages, `up` from where it stands."""
    return re.sub(r"\]\(\.\./(docs/[\w-]+)\.md\b", rf"]({up}\1.html", prose)


def addresses(run, listed):
    """Where the values of executed notebooks are shown, relative to ``figures/<run>``.

    Parameters
    ----------
    run : study.run.Run
    listed : iterable of str
        Such as ``5-severity``; those that were not executed are skipped.

    Returns
    -------
    dict
        By (notebook, name of a value) the address of that value; by notebook that of the cell that recorded them all.
    """
    found = {}
    for name in listed:
        notebook = executed(run, name)
        if notebook is None:
            continue
        address, cell = f"notebooks/{name}.html", recording(notebook)
        found[name] = f"{address}#{cell_anchor(cell) if cell else name_anchor(PROVENANCE)}"
        if cell:
            found |= {(name, value): f"{address}#{value_anchor(value)}" for value in run.recorded(name).index}
    return found


def value_anchor(name):
    """The id, within its notebook's page, of a recorded value."""
    return f"value-{name}"


def recording(notebook):
    """The cell that recorded the values, the last that calls ``record``; None if there is none."""
    return next((c for c in reversed(notebook.cells) if c.cell_type == "code" and ".record(" in c.source), None)


def cell_anchor(cell):
    """A cell's id within its page."""
    return f"cell-{cell.id}"


# Functions that word what another one made, and make nothing themselves.
WORDING = ("headings", "in_words")


def saved(notebook):
    """Which figures and tables a notebook saves, in which cell, made by which function.

    Read from the code: ``plots.save(figure, ..., "Figure_3")`` after ``figure = plots.severity_boxplots(...)``,
    whatever the form in which the notebook imported the module or the function. What only words or renames a table,
    ``words.headings(table)`` or ``table.rename(...)``, did not make it.

    Returns
    -------
    dict of str to (cell, str)
        By the name of the figure or table; the function by its place in the study, such as
        ``figures.plots.severity_boxplots``, empty if it is not one of the study's.
    """
    imported, made, found = {}, {}, {}
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:  # a cell of IPython's own commands
            continue
        imported |= _imported_names(tree)
        for node in tree.body:
            if isinstance(node, ast.Assign):
                target, maker = node.targets[0], _maker(node.value, imported, made)
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                made |= {name.id: maker for name in names if isinstance(name, ast.Name)}
            call = getattr(node, "value", None)
            if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).split(".")[-1] == "save":
                names = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                if names:
                    found[names[0]] = (cell, _maker(call.args[0], imported, made))
    return found


def name_anchor(name):
    """The id of a figure, table or function on its page: ``Figure_S6_poi_truth`` is at ``figure-s6-poi-truth``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


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


def _maker(value, imported, made):
    """The study's function that made what an expression is, such as ``figures.plots.roc_curves``; empty without one.

    Parameters
    ----------
    value : ast.expr
    imported : dict
        From `_imported_names`, of this cell and those before.
    made : dict of str to str
        The makers of the names that were assigned so far.
    """
    if isinstance(value, ast.Name):
        return made.get(value.id, "")
    if isinstance(value, ast.IfExp):
        return _maker(value.body, imported, made)
    if not isinstance(value, ast.Call):
        return ""
    called = ast.unparse(value.func)
    first, _, rest = called.partition(".")
    package, _, name = ".".join(filter(None, [imported.get(first, first), rest])).partition(".")
    if package != "study" or "(" in called:  # a method, of a table that a function made
        return _maker(value.func.value, imported, made) if isinstance(value.func, ast.Attribute) else ""
    worded = name.rpartition(".")[2] in WORDING and value.args
    return _maker(value.args[0], imported, made) if worded else name
