"""What pyproject.toml declares is what the code uses, and each of the nine packages that the study is to use is called.

The code is read, not run: an import inside a function counts.
"""

import ast
import functools
import re
import sys
import tomllib

import pytest

from helpers.project import ROOT

# Where the name to import is not the package's name, but for capitals and underscores.
PACKAGES = {"PIL": "pillow", "docx": "python-docx", "sklearn": "scikit-learn", "yaml": "PyYAML"}
# Packages that run beside the code and are not imported by it: where their call stands.
CALLED = {
    "ipykernel": ("notebooks/1-cohort.ipynb", '"name": "python3"'),
    "jupyterlab": ("Makefile", r"\nlab:.*\n.*\$\(BIN\)/jupyter lab "),
    "pydata-sphinx-theme": ("study/publish/sphinx_build.py", r'"html_theme": "pydata_sphinx_theme"'),
    "snakemake": ("study/workflow.py", r'sys\.executable, "-m", "snakemake"'),
    "snakemake-executor-plugin-slurm": ("profiles/slurm/config.yaml", r"\nexecutor: slurm\n"),
}
HELD_BACK = {"jsonschema"}  # needed by a package that is imported, and declared for the version that it must not have
THE_NINE = (
    "jupyterlab",
    "papermill",
    "torch",
    "monai",
    "itkwidgets",
    "matplotlib",
    "seaborn",
    "pingouin",
    "scikit-learn",
)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@functools.cache
def trees():
    """The syntax trees of the study's modules."""
    return [ast.parse(path.read_text()) for path in (ROOT / "study").rglob("*.py")]


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements):
    return {normalised(re.match(r"[A-Za-z0-9._-]+", requirement)[0]) for requirement in requirements}


def imports(tree):
    """Each import of a package from outside, as (the package's name in pyproject.toml, the names that it binds)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [(alias.name, alias.asname or alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [(node.module, alias.asname or alias.name) for alias in node.names]
        else:
            continue
        for module, bound in found:
            top = module.split(".")[0]
            if top != "study" and top not in sys.stdlib_module_names:
                yield normalised(PACKAGES.get(top, top)), bound


def calls(tree, names):
    """Whether one of the names, or what hangs on it by dots, is called."""
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        while isinstance(called, ast.Attribute):
            called = called.value
        if isinstance(called, ast.Name) and called.id in names:
            return True
    return False


def is_called(package):
    if package in CALLED:
        path, pattern = CALLED[package]
        return re.search(pattern, (ROOT / path).read_text()) is not None
    return any(calls(tree, {bound for name, bound in imports(tree) if name == package}) for tree in trees())


@functools.cache
def imported():
    """The packages from outside that the study imports."""
    return {name for tree in trees() for name, _ in imports(tree)}


NEEDED = declared(PROJECT["dependencies"])
FOR_LAB = declared(PROJECT["optional-dependencies"]["lab"])


@pytest.mark.parametrize("package", THE_NINE)
def test_the_nine_packages_are_declared_and_called(package):
    assert package in NEEDED | FOR_LAB
    assert is_called(package)


def test_what_is_imported_is_declared():
    missing = imported() - NEEDED - FOR_LAB
    assert missing == set()


def test_what_is_declared_is_used():
    unused = NEEDED - imported() - HELD_BACK
    assert {package for package in unused if package not in CALLED or not is_called(package)} == set()


def test_what_is_declared_and_not_imported_has_a_bound():
    """Of the viewers' packages those that must fit each other, of the others those that are held back."""
    requirements = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["lab"]]
    bounded = {name for text in requirements for name in declared([text]) if re.search("[<=]=?", text)}
    assert HELD_BACK | (FOR_LAB - imported()) <= bounded
