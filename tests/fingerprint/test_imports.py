"""What counts for all who import a module."""

import pytest

from helpers.made_up import ALL_OF_A, IMPORT, A, each, of_cell, ways
from study.fingerprint import digests

RUNS = ways(
    """
# a call
used(1)
# a value by a call
X = used(1)
# an entry of a table
TABLE["high"] = 2
# an attribute
from study import a
a.LIMIT = 4
# setattr
from study import a
setattr(a, "LIMIT", 4)
# adding to a table
TABLE |= {"high": 2}
# updating a table
TABLE.update(high=2)
# setdefault
X = TABLE.setdefault("high", 2)
# pop
X = TABLE.pop("low")
# del
del TABLE["low"]
# a loop
for k in "ab":
    TABLE[k] = 2
# a decorator
@used
def g(): pass
# a decorator that is called
@used(1)
class G: pass
# a decorator of a method
class G:
    @used
    def h(self): pass
# a base class
class G(Thing): pass
# a metaclass
class G(metaclass=Thing): pass
# a call in a class
class G:
    used(1)
# an annotation in a class
class G:
    x: used(1) = 3
# a default
def g(x=used(1)): pass
# an annotation
def g(x: used(1)): pass
# a comprehension
X = [used(1) for _ in range(3)]
# a key
X = sorted([1], key=used)
# a key that is a lambda
X = max([1], key=lambda x: used(x))
# with
with open(used) as file:
    pass
# if
if used:
    import os
# try
try:
    used()
except ValueError:
    pass
# assert
assert used(1)
# a function's work
def g():
    return used(1)
X = g()
# a function's work on its argument
def g(x):
    x.append(used)
    return x
X = g([1])
# a function that is given one
def g(x):
    return x(1)
X = g(used)
# a lambda
X = (lambda: used(1))()
# a function of a table
X = {1: used}[1]()
# a walrus
X = (Y := used)(1)
# indexing a class
X = Thing[1]
# what is called like a builtin
X = [list(1) for list in (used,)]
# what is called like a builtin in a class
class G:
    list = used
    X = list(1)
# what is called like a builtin in a module
list = used
X = list(1)
# what is called like a builtin in a function
def g(list):
    return list(1)
X = g(used)
# atexit
import atexit
from study.a import used
@atexit.register
def g():
    used(1)
# a library's setting
import signal
from study.a import used
X = signal.signal(2, used)
# a constructor
class G:
    def __init__(self): TABLE["a"] = 1
X = G()
# what follows a constructor
from dataclasses import dataclass
from study.a import TABLE
@dataclass
class G:
    def __post_init__(self): TABLE["a"] = 1
X = G()
# what a class does with attributes
class G:
    def __set_name__(self, owner, name): TABLE["a"] = 1
class H:
    x = G()
# a default of a dataclass
from dataclasses import dataclass, field
from study.a import used
@dataclass
class G:
    x: list = field(default_factory=used)
X = G()
""",
    IMPORT,
)


@each("text", RUNS)
def test_what_a_module_does_when_it_is_imported_counts_for_all_who_import_it(reached, text):
    noisy = A.replace("def used(x):\n", "def used(x):\n    TABLE[x] = x\n")
    found = reached({"a": noisy, "b": f"{text}\n\ndef f(x):\n    return x\n"}, "from study.b import f")
    assert found & ALL_OF_A
    assert "study.b.f" not in found


BINDS = ways(
    """
# literals
X = 1
Y = [X, *"ab"]
Z = -X if X else f"{X}"
W: int = 3
V: "int"
'''Words.'''
# a pattern
import re
X = re.compile("a", re.I)
# a path
from pathlib import Path
X = Path("a").parent / "b"
# a dataclass
from dataclasses import dataclass, field
@dataclass(frozen=True)
class G:
    x: int = 1
    y: list = field(default_factory=list)
X = G(2)
# a cache
from functools import cache
@cache
def g(x: int = 1) -> int:
    return x
# a class
class G(ValueError):
    kind = "a"
    @property
    def x(self):
        return print(1)
    @x.setter
    def x(self, y):
        print(y)
# a function that makes a value
def make(x):
    y = [x, x]
    return tuple(z + 1 for z in y if z)
X = make(3)
# a function of the study that returns its argument
@used
def g(x):
    return x
X = used(1)
# a decorator that does something when it is called
from study.c import under
@under
def g(x):
    return x
# functions in a table
WAYS = {"x": used, "y": lambda: used(1)}
# imports
import os
import sys as system
from study import a, c
# methods of text and tables
X = {k: v for k, v in {"a": 1}.items() if "b".join("c")}
""",
    IMPORT,
)
UNDER = """
import functools

def under(f):
    @functools.wraps(f)
    def g(*args):
        print(args)
        return f(*args)
    return g
"""


@each("text", BINDS)
def test_what_only_binds_names_counts_where_it_is_used(reached, text):
    found = reached({"c": UNDER, "b": f"{text}\n\ndef f(x):\n    return x\n"}, "from study.b import f\nf(1)")
    assert found == {"study.b.f"}


@pytest.mark.parametrize(
    "text", ["import numpy", "from numpy import pi", "from numpy import *", "from __future__ import annotations"]
)
def test_importing_a_library_counts_as_it_may_set_something(reached, text):
    found = reached({"b": f"{text}\n\ndef f(x):\n    return x\n"}, "from study.b import f\nf(1)")
    assert len(found) == 2


def test_packages_above_a_module_are_imported_too(reached):
    modules = {
        "__init__": "import os\nos.environ['A'] = '1'\n",
        "room/__init__": "LIST = []\nLIST.append(1)\n",
        "room/b": "X = 1\n",
    }
    assert reached(modules, "from study.room import b\nb.X") == {
        "study (on import)", "study.os", "study.room (on import)", "study.room.LIST", "study.room.b.X"
    }  # fmt: skip


def test_a_module_counts_however_far_away_it_is_imported(reached):
    modules = {"b": "from study import c\n", "c": "def g():\n    from study import d\n", "d": "print(1)\n"}
    assert reached(modules, "import study.b") == set()  # nobody calls g
    modules["c"] += "g()\n"
    assert reached(modules, "import study.b") == {"study.c (on import)", "study.c.g", "study.d (on import)"}


def test_a_name_that_is_bound_again_counts_each_time_and_in_order(package):
    first, then = "X = 1\nY = [X]\nX = 2\n", "X += 3\n\ndef f():\n    return X\n"

    def found(text):
        return of_cell(package({"b": text}), "from study.b import f\nf()")

    before = found(first + then)
    assert list(before) == ["cells", "study.b.X", "study.b.X'", "study.b.X''", "study.b.f"]
    assert digests.digest(found("X = 2\nY = [X]\nX = 1\n" + then)) != digests.digest(before)
    assert found("X = 1\nX = 2\n" + then) == before
