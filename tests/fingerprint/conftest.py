"""Builders of made-up packages."""

import pytest

from helpers.made_up import A, of_cell


@pytest.fixture
def package(tmp_path):
    """Return a function that writes modules (name -> text), besides `A`, and gives the package's folder."""

    def write(modules):
        folder = tmp_path / "study"
        for name, text in {"__init__": "", "a": A, **modules}.items():
            path = folder / (name if "." in name else f"{name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return write


@pytest.fixture
def reached(package):
    """Return a function of modules and a cell that gives the names of what the cell reaches."""

    def reach(modules, cell):
        return set(of_cell(package(modules), cell)) - {"cells"}

    return reach
