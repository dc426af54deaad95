"""What notebooks reach, told a second way: by the compiler's scopes and by the modules as Python imports them."""

import ast
import dis
import functools
import importlib
import sys
import types

import pytest

from helpers.project import ROOT
from study import workflow
from study.fingerprint import digests

NOT_A_STEP = {"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL", "RESUME"}


def codes(code):
    """A compiled text and all functions, classes and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def named_in(code):
    """Chains of names that compiled code takes from its module, and as a pair with "" what it imports from another."""
    for piece in codes(code):
        steps = [step for step in dis.get_instructions(piece) if step.opname not in NOT_A_STEP]
        module = ""
        for k, step in enumerate(steps):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                chain = [step.argval]
                for after in steps[k + 1 :]:
                    if after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                        break
                    chain.append(after.argval)
                yield chain
            elif step.opname == "IMPORT_NAME":
                module = step.argval
            elif step.opname == "IMPORT_FROM" and module.startswith("study"):
                yield ["", module, step.argval]


@functools.cache
def statements(text):
    """The compiled statements of a module that bind each of its names."""
    found = {}
    for statement in ast.parse(text).body:
        several = statement.names if isinstance(statement, (ast.Import, ast.ImportFrom)) else [None]
        for alias in several:
            if alias:
                statement.names = [alias]
            code = compile(ast.Module([statement], []), "module", "exec", dont_inherit=True)
            for step in dis.get_instructions(code):
                if step.opname == "STORE_NAME":
                    found.setdefault(step.argval, []).append(code)
    return found


def module_of(thing):
    is_own = isinstance(thing, types.ModuleType) and thing.__name__.split(".")[0] == "study"
    return thing.__name__ if is_own else None


def follow(module, chain):
    """Definitions that a chain in a module leads to, as pairs of module and name."""
    if chain[0] == "":
        module, chain = chain[1], chain[2:]
        if digests.file_of(f"{module}.{chain[0]}"):
            return  # a module, whose names are local to the code that imports it
    while chain and chain[0] in vars(importlib.import_module(module)):
        yield module, chain[0]
        inner = module_of(vars(sys.modules[module])[chain[0]])
        if inner is None:
            return
        module, chain = inner, chain[1:]


def reached_by(text):
    """All definitions of the study that code reaches."""
    namespace = {}
    imports = [node for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.Module(imports, []), "cells", "exec", dont_inherit=True), namespace)
    cells = types.ModuleType("cells")
    vars(cells).update(namespace)
    sys.modules["cells"] = cells
    named = statements(text)
    waiting = [("cells", name) for name in named]
    waiting += [found for chain in named_in(compile(text, "cells", "exec")) for found in follow("cells", chain)]
    found, by_module = set(), {"cells": named}
    while waiting:
        module, name = waiting.pop()
        if (module, name) not in found:
            found.add((module, name))
            if module not in by_module:
                by_module[module] = statements(digests.file_of(module).read_text())
            for code in by_module[module].get(name, ()):
                waiting += [other for chain in named_in(code) for other in follow(module, chain)]
    del sys.modules["cells"]
    return {(module, name) for module, name in found if module != "cells" and name in by_module[module]}


@pytest.mark.parametrize("name", workflow.NOTEBOOKS)
def test_no_definition_that_compiled_code_names_is_missed(name, read_once):
    notebook = workflow.read_notebooks(ROOT)[name]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    told = set()
    for known in digests.of_notebooks({name: notebook})[name]:
        first, *others = known.rstrip("'").split(", ")
        module, _, own = first.rpartition(".")
        told.update((module, each) for each in (own, *others))
    named = reached_by(text)
    assert len(named) > 400
    assert named - told == set()
    # What is told besides runs when a module is imported, or is a whole module.
    assert len(told - named) < 0.2 * len(named)
