"""What code a result depends on: a digest that changes with the code and not with prose, comments or layout."""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent


def of_modules(names, package=PACKAGE):
    """Digest of modules of the study and of every module and data file of the study that they use.

    Parameters
    ----------
    names : iterable of str
        Such as ``"study.networks.segmentation"``.
    package : Path
        The folder of the package.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    return _digest({name: _normalised(path) for name, path in _reachable(names, Path(package)).items()})


def of_notebook(notebook, package=PACKAGE):
    """Digest of a notebook's code cells and of all that they import from the study.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    """
    trees = [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    used = {name for tree in trees for name in _imported(tree, Path(package))}
    return _digest({"cells": [ast.dump(tree) for tree in trees], "modules": of_modules(used, package)})


def modules_of_notebook(notebook, package=PACKAGE):
    """Names of the study's modules that a notebook uses, directly or through another."""
    trees = [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    used = {name for tree in trees for name in _imported(tree, Path(package))}
    return sorted(_reachable(used, Path(package)))


def _digest(content):
    return hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()


def file_of(name, package=PACKAGE):
    """Path of a module of the study (``"study.figures.plots"``), or None if there is no such module."""
    parts = name.split(".")
    if parts[0] != package.name:
        return None
    path = package.joinpath(*parts[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(tree, package):
    """Names of the study's modules that a syntax tree imports, wherever the import is."""
    return _known(_import_names(tree), package)


def _import_names(tree):
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def _known(names, package):
    return {name for name in names if name.split(".")[0] == package.name and file_of(name, package)}


def _reachable(names, package):
    found, waiting = {}, sorted(names)
    while waiting:
        name = waiting.pop()
        path = file_of(name, package)
        if name in found or path is None:
            continue
        found[name] = path
        imports, strings, _ = _read(path.read_text(encoding="utf-8"))
        waiting += sorted(_known(imports, package))
        found |= {str(data.relative_to(package)): data for data in _data_beside(path, strings)}
    return found


def _data_beside(path, strings):
    """Files next to a module, such as claims.yaml, that it names in a string, and those in a folder that it names."""
    for data in sorted(path.parent.iterdir()):
        if data.name not in strings or data.suffix == ".py" or (data / "__init__.py").exists():
            continue
        yield from sorted(p for p in data.rglob("*") if p.is_file()) if data.is_dir() else [data]


def _normalised(path):
    """A module without comments, layout and docstrings; a data file unchanged."""
    return _read(path.read_text(encoding="utf-8"))[2] if path.suffix == ".py" else path.read_bytes()


@functools.cache  # the notebooks share most modules
def _read(text):
    """Read a module's text: the names that it imports, the strings that it contains, and its normalised form."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    imports = _import_names(tree)
    for node in nodes:
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:]
    return imports, frozenset(strings), ast.dump(tree)
