"""What code reaches by the names in it."""

import pytest

from helpers.made_up import ALL_OF_A, IMPORT, each, ways


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("from study.a import used\nused(1)", {"used"}),
        ("from study.a import used as other\nother(1)", {"used"}),
        ("from study import a\na.used(1)", {"used"}),
        ("from study import a as b\nb.used(1)", {"used"}),
        ("import study.a\nstudy.a.used(1)", {"used"}),
        ("import study.a as b\nb.used(1)", {"used"}),
        ("import study\nstudy.a.used(1)", {"used"}),
        ("from study import a\na.Thing().method().more", {"Thing"}),
        ("from study import a\nlist(map(a.used, [a.LIMIT]))", {"used", "LIMIT"}),
        ("from study import a\nf'{a.LIMIT:{a.TABLE}}'", {"LIMIT", "TABLE"}),
        ("from study import a\na.LIMIT = 4", {"LIMIT"}),
        ("from study import a\na.TABLE['low'] += 1", {"TABLE"}),
        ("from study import a\n{**a.TABLE}, *a.TABLE", {"TABLE"}),
        ("from study import a\nmatch 1:\n    case a.LIMIT: pass\n    case a.Thing(kind=k): pass", {"LIMIT", "Thing"}),
        ("from study.a import used, other", set()),  # an import by itself uses none
        ("from study import a\na.maths.pi", {"maths"}),
    ],
)
def test_a_cell_reaches_what_it_names_and_no_more(reached, cell, names):
    assert reached({}, cell) == {f"study.a.{name}" for name in names}


USES = ways(
    """
# a call
def f(x):
    return used(x)
# a module's name
from study import a
def f(x):
    return a.used(x)
# an import in the function
def f(x):
    from study.a import used
    return used(x)
# an import in a nested function
def f(x, a):
    def g():
        from study import a
        return a.used(x)
    return g
# an import in a class
class f:
    from study.a import used
    def run(self):
        return self.used(1)
# a relative import
from . import a  # of study
def f(x):
    return a.used(x)
# a relative import of a name
from .a import used  # of study
def f(x):
    return used(x)
# a function passed on
def f(x):
    return sorted(x, key=used)
# a partial
from functools import partial
from study.a import used
f = partial(used, 1)
# a default
def f(x, by=used):
    return by(x)
# a keyword's default
def f(x, *, by=used):
    return by(x)
# a function in a table
WAYS = {"x": used}
def f(x):
    return WAYS["x"](x)
# a lambda in a table
WAYS = {"x": lambda x: used(x)}
def f(x):
    return WAYS["x"](x)
# a decorator
@used
def f(x):
    return x
# a decorator that is called
@used(3)
def f(x):
    return x
# a class's decorator
@used
class f:
    pass
# an annotation
def f(x: used):
    return x
# a text as annotation
def f(x: "list[used]") -> "int":
    return x
# an annotation of what is returned
def f(x) -> used:
    return x
# an annotation in a class
class f:
    x: "used" = 1
# a method
class f:
    def method(self):
        return used(self)
# an attribute of a class
class f:
    kind = used(1)
# a property
class f:
    @property
    def kind(self):
        return used(1)
# a base class
class f(used):
    pass
# a metaclass
class f(metaclass=used):
    pass
# a method of a base class
class Base:
    def run(self):
        return used(1)
class f(Base):
    pass
# a comprehension
def f(x):
    return [used(y) for y in x]
# the iterable of a comprehension
def f(x):
    return [used for used in used(x)]
# the second iterable of a comprehension
def f(x):
    return [y for x in x for y in used(x)]
# a condition of a comprehension
def f(x):
    return {y for y in x if used(y)}
# a lambda
def f(x):
    return (lambda y: used(y))(x)
# a default of a lambda
def f(x):
    return (lambda used=used: used)(x)
# a nested function
def f(x):
    def g():
        return used(x)
    return g()
# a default of a nested function
def f(x):
    def g(used=used):
        return used(x)
    return g()
# a class in a function
def f(x, used=1):
    class G:
        used = used
    return G
# a global in a nested function
def f(x):
    used = 1
    def g():
        global used
        return used(x)
    return g
# a global that is added to
def f(x):
    global used
    used += x
# a walrus
def f(x):
    return (y := used(x))
# a walrus in a comprehension
def f(x):
    return [used + (used := y) for y in x]
# unpacking
def f(x):
    first, *others = used(x)
    return first, others
# unpacking into a call
def f(x):
    return x(*used(1), **x)
# a guard of a match
def f(x):
    match x:
        case [y, *_] if used(y):
            return 1
# with
def f(x):
    with used(x) as y:
        return y
# an exception that is caught
def f(x):
    try:
        x()
    except used as error:
        raise
# deleting
from study import a
def f(x):
    del a.used
# a generator
def f(x):
    yield from used(x)
# async
async def f(x):
    await used(x)
# a query of pandas
def f(x):
    return x.query("y > @used")
# a formula
def f(x):
    return x.fit("y ~ used(x)")
# a constant of a constant
FIRST = used
SECOND = FIRST
def f(x):
    return SECOND(x)
# what is bound by a loop
for by in (used,):
    pass
def f(x):
    return by(x)
# a re-export
from study.c import used
def f(x):
    return used(x)
# a re-export through a module
from study import c
def f(x):
    return c.used(x)
# a module of a module
from study import d
def f(x):
    return d.a.used(x)
# a folder without a file of its own
from study import bare
def f(x):
    return bare.deeper.m.used(x)
# a conditional import
if 1:
    from study.a import used
else:
    used = None
def f(x):
    return used(x)
# an import that may fail
try:
    from study.a import used
except ImportError:
    used = None
def f(x):
    return used(x)
# an import for typing alone
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from study.a import used
def f(x: "used"):
    return x
""",
    IMPORT,
)


@each("text", USES)
def test_a_definition_reaches_what_it_uses_and_no_more(reached, text):
    modules = {
        "b": text,
        "c": "from study.a import used\n",
        "d": "from study import a\n",
        "bare/deeper/m": "from study.a import used\n",
    }
    found = reached(modules, "from study.b import f\nf(1)")
    assert "study.a.used" in found
    assert not found & (ALL_OF_A - {"study.a.used"})


OWN = ways(
    """
# an argument
def f(x, used):
    return used(x)
# a variable
def f(x):
    used = 1
    return used
# a loop
def f(x):
    for used, _ in x:
        print(used)
# a comprehension
def f(x):
    return [used for used in x]
# a lambda
def f(x):
    return (lambda used: used)(x)
# with
def f(x):
    with x as used:
        return used
# an exception
def f(x):
    try:
        x()
    except ValueError as used:
        print(used)
# a nested function
def f(x):
    def used():
        return 1
    return used()
# what a nested function sees
def f(*used, **other):
    def g():
        return used, other
    return g
# a match
def f(x):
    match x:
        case [used, *other]:
            return used, other
        case {"a": 1, **used}:
            return used
# an attribute
def f(x):
    return x.used
# a docstring
def f(x):
    '''Use `used`, not study.a.used.'''
    return x
# another function
def g(x):
    return used(x)
def f(x):
    return x
""",
    IMPORT,
)


@each("text", OWN)
def test_a_functions_own_names_are_its_own(reached, text):
    assert reached({"b": text}, "from study.b import f\nf(1)") == {"study.b.f"}
