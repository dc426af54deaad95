"""A small made-up package, and ways in which code can use it."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from study.fingerprint import digests

# In every package, a module with a bit of everything.
A = """
import math as maths
from functools import cache, partial

LIMIT = 3
TABLE = {"low": 1}


def used(x):
    return x


def other(x):
    return x


class Thing:
    kind = "thing"

    def method(self):
        return 1
"""
ALL_OF_A = {"study.a.LIMIT", "study.a.TABLE", "study.a.used", "study.a.other", "study.a.Thing"}
IMPORT = "from study.a import LIMIT, TABLE, Thing, other, used\n\n"


def ways(text, start=""):
    """Pieces of code by the comment before each, after a `start` if they import nothing of the study."""
    pieces = dict(piece.split("\n", 1) for piece in re.split(r"^# ", text, flags=re.MULTILINE)[1:])
    return {name: piece if "import" in piece and "study" in piece else start + piece for name, piece in pieces.items()}


def each(argument, pieces):
    return pytest.mark.parametrize(argument, pieces.values(), ids=pieces)


def of_cell(folder, cell):
    return digests.of_notebooks({"n": new_notebook(cells=[new_code_cell(cell)])}, folder)["n"]
