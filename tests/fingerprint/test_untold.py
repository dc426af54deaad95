"""What code may reach where its text does not tell, and what is asked for by name."""

import pytest

from helpers.made_up import ALL_OF_A, IMPORT, A, each, ways
from study.fingerprint import digests

UNTOLD = ways(
    """
# a module as an argument
from study import a
print(a)
# getattr
from study import a
getattr(a, "us" + "ed")(1)
# vars
from study import a
vars(a)["us" + "ed"]
# its dictionary
from study import a
a.__dict__["us" + "ed"]
# a module in a list
from study import a
[a, 1][0].used(1)
# a module by another name
import study.a as b
c = b
c.used(1)
# a module in a class
from study import a
class F:
    tools = a
    def run(self):
        return self.tools.used(1)
# a module that a function returns
def f():
    from study import a
    return a
f().used(1)
# a name that a module does not have
from study import a
a.no_longer_there
# an import of one
from study.a import no_longer_there as x
x
# a star
from study.a import *
used(1)
# a module's own names
from study.e import f
f()
# what stands for missing names
from study import g
g.used(1)
# a global that another function imports
from study.h import f
f(1)
# import_module
from importlib import import_module
import_module("study." + str())
# import_module with a name that begins with a dot
import importlib
importlib.import_module(".a", "study")
# import_module with the name of a package
import importlib
importlib.import_module("study").a.used(1)
# __import__ with a list
__import__("study", fromlist=["a"]).a.used(1)
# a package as an argument
import study
print(study)
# a package's module by a name that is put together
from study import bare
getattr(bare, "deep" + "er").m.used(1)
# import_module with the name of a module
import importlib
importlib.import_module("study.a")
# import_module by another name
import importlib as il
il.import_module(str())  # of study
# __import__
__import__("stu" + "dy.a")
# modules
import sys
sys.modules["stu" + "dy.a"]
# modules with the name of one
import sys
sys.modules["study.a"]
# modules with a name that is put together
import sys
sys.modules.get(f"study.{1}")
# modules by themselves
from sys import modules
modules["stu" + "dy.a"]
# exec
exec("f" + "(x)")
# eval
eval("f(x)")
# exec of builtins
import builtins
builtins.exec("f" + "(x)")
# eval by another name
from builtins import eval as run
run("f" + "(x)")
# a process
import subprocess, sys
subprocess.run([sys.executable, "-m", "study.a"])
# a process of a shell
import subprocess
subprocess.run("python -m study.a", shell=True)
# a process of the package
import subprocess, sys
subprocess.run([sys.executable, "-m", "study"])
# a process with a program
import subprocess
subprocess.run(["python", "-c", "import study.a; study.a.used(1)"])
# a process with a program that is put together
import subprocess
subprocess.run(["python", "-c", f"from study.{1} import used"])
# runpy
import runpy
runpy.run_path("stu" + "dy/a.py")
# an entry point
entry = "study.a:used"
# subclasses
class X:
    pass
X.__subclasses__()
# what a function sees
print.__globals__["used"]
"""
)


@each("cell", UNTOLD)
def test_what_cannot_be_told_takes_all_of_a_module(reached, cell):
    modules = {
        "__main__": "from study import a\nprint(a)\n",
        "bare/deeper/m": "from study.a import LIMIT, TABLE, Thing, other, used\n",
        "e": f"{IMPORT}def f():\n    return globals()['us' + 'ed'](1)\n",
        "g": "from study import a\ndef __getattr__(name):\n    return getattr(a, name)\n",
        "h": "def prepare():\n    global a\n    from study import a\ndef f(x):\n    prepare()\n    return a.used(x)\n",
    }
    assert reached(modules, cell) >= ALL_OF_A


def test_a_name_that_is_in_the_text_takes_what_it_names_alone(reached):
    modules = {"b": "def there(): pass\n\ndef beside(): pass\n"}
    assert "study.b.beside" in reached(modules, "import importlib\nimportlib.import_module('study.b').there()")
    assert reached(modules, "entry = 'study.b.there'") == {"study.b.there"}
    assert reached(modules, "import sys\nsys.modules.setdefault('elsewhere', None)") == set()
    assert reached(modules, "print('a message of study.b')") == set()
    assert reached(modules, "print('study')") == set()


# ------------------------------------------------------------------ by name
def test_names_of_modules_and_definitions_are_taken_as_such(package):
    b = "from study.a import used\n\ndef f():\n    return used\n\ndef g():\n    return f\n"

    def of(name, a=A):
        return digests.of_names(name, package=package({"b": b, "a": a}))

    before = of("study.b.f")
    assert of("study.b") != before
    assert of("study.b.f", A.replace("LIMIT = 3", "LIMIT = 4")) == before
    assert of("study.b.f", A.replace("return x", "return -x")) != before
    with pytest.raises(LookupError, match=r"no module or definition of the name study\.b\.h, study\.e"):
        digests.of_names("study.b", "study.b.h", "study.e", package=package({"b": b}))
