"""Which modules of the study import which."""

import ast
import functools

import nbformat

from study.fingerprint import digests


def imported(tree):
    """Names of the study's modules that a syntax tree imports, wherever the import is."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if digests.file_of(name)}


@functools.cache
def imported_by_module(path):
    """Names of the study's modules that the module of a file imports itself."""
    return imported(ast.parse(path.read_text()))


def imported_in_turn(names):
    """Names of modules and of all of the study that they import, directly or through another."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imported_by_module(digests.file_of(name))
    return found


def imported_by_notebook(path):
    """Names of the study's modules that a notebook imports, directly or through another."""
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    return imported_in_turn(imported(ast.parse("\n".join(cells))))
