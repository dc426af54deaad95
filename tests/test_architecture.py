"""The design rules for every module and notebook, checked by reading them."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
import yaml

from helpers.imports import imported_by_module, imported_by_notebook, imported_in_turn
from helpers.project import ROOT
from study import workflow
from study.parameters import OF_THE_RUN, RULES, defaults, notebook_name, read_parameters

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# In no room, as all rooms stand on them.
GROUND = {
    "arithmetic", "changes", "cluster", "files", "fingerprint", "parameters", "plural", "processes", "products",
    "provenance", "run", "workflow",
}  # fmt: skip
# From the ground to the roof: a room knows itself, what is below it, and nothing beside it.
STOREYS = [
    {*GROUND, "statistics"},
    {"scans", "claims"},
    {"phantom", "measures", "networks"},
    {"results"},
    {"figures"},
    {"lab", "publish"},
    {"commands"},
    {"__main__"},
]
STOREY = {room: level for level, rooms in enumerate(STOREYS) for room in rooms}
# What a reviewer reads without the rest of the study.
ALONE = ["statistics", "measures.biomarkers", "measures.overlap", "measures.phrases"]


MODULES = {
    ".".join(path.relative_to(ROOT / "study").with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "study").rglob("*.py"))
    if path != ROOT / "study" / "__init__.py"
}


def imports_of(module):
    """The study's modules that a module imports: {"scans.ct", ...}."""
    return {name.removeprefix("study.") for name in imported_by_module(MODULES[module]) if "." in name}


def room_of(name):
    return name.split(".")[0]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_in_a_room_and_imports_from_below(name):
    room = room_of(name)
    assert room in STOREY, f"study.{name} is in no room; CONTRIBUTING.md says which rooms there are"
    wrong = {
        other
        for other in imports_of(name)
        if room_of(other) != room and STOREY[room_of(other)] >= STOREY[room] and not {room, room_of(other)} <= GROUND
    }
    assert not wrong, f"study.{name} imports {wrong} from beside or above it"


def test_contributing_tells_the_rooms_storey_by_storey():
    """There the next person looks."""
    rows = re.findall(r"^\| (\d) \| (.+?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert [(int(level), set(re.findall(r"`(\w+)`", rooms))) for level, rooms in rows] == list(enumerate(STOREYS))
    assert {room for rooms in STOREYS for room in rooms} == {room_of(name) for name in MODULES}


@pytest.mark.parametrize("part", ALONE)
def test_what_a_reviewer_reads_alone_stands_alone(part):
    own = {name for name in MODULES if name == part or name.startswith(f"{part}.")}
    assert own
    outside = {
        other for name in own for other in imports_of(name) if other != part and not other.startswith(f"{part}.")
    }
    assert not outside


def test_figures_draw_what_they_are_given():
    """They know no measure and no statistic, and of the results the words alone: else each re-runs all notebooks."""
    for name in (name for name in MODULES if room_of(name) == "figures"):
        known = {other.removeprefix("study.") for other in imported_in_turn([f"study.{name}"])}
        wrong = {n for n in known if room_of(n) in ("measures", "statistics", "results") and n != "results.words"}
        assert wrong <= {"measures", "statistics", "results"}, f"study.{name} reaches {wrong}"


def test_a_rooms_own_file_is_a_docstring():
    """Code in it would make every notebook depend on the whole room."""
    for path in (ROOT / "study").glob("*/**/__init__.py"):
        (only,) = ast.parse(path.read_text()).body
        assert isinstance(only, ast.Expr) and isinstance(only.value.value, str), path


def test_imports_are_absolute():
    """Fingerprints follow those alone."""
    for path in (ROOT / "study").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level], path


def test_measuring_one_scan_loads_no_library_for_tables_training_or_figures():
    """They would take longer to import than the scan to measure."""
    unused = {"pandas", "torch", "monai", "matplotlib", "seaborn"}
    modules = "study.scans.ct, study.measures.biomarkers, study.measures.notes, study.networks.segmentation"
    code = f"import sys, {modules}; print(*({unused} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.split() == []


@pytest.mark.parametrize("notebook", ["5-severity", "6-progression", "7-claims"])
def test_the_last_notebooks_need_neither_ct_nor_torch(notebook):
    # What a model card says is read from JSON alone.
    used = imported_by_notebook(ROOT / "notebooks" / f"{notebook}.ipynb") - {"study.networks.card_words"}
    assert not [name for name in used if name.startswith(("study.networks.", "study.phantom."))]
    assert not imports_of("networks.card_words") - {"files"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_thin_and_clean(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) <= 12
    assert notebook.metadata.kernelspec.name == "python3"
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    for cell in code:
        assert len(cell.source.splitlines()) <= 15, cell.source
        assert not cell.outputs and cell.execution_count is None
        logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While)
        assert not [node for node in ast.parse(cell.source).body if isinstance(node, logic)], cell.source
    assert defaults(notebook)["run"] == "demo"


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_inclusion_is_decided_by_the_first_notebook_alone(path):
    """It writes cohort/included.csv, which the others read."""
    trees = [ast.parse(cell.source) for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    named = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "include" not in named


def test_all_seven_notebooks_are_there():
    assert [path.stem for path in NOTEBOOKS] == list(workflow.NOTEBOOKS)


@pytest.mark.parametrize("path", sorted((ROOT / "parameters").glob("*.yaml")), ids=lambda path: path.stem)
def test_parameter_files_fit_the_notebooks(path):
    read_parameters(path, workflow.read_notebooks(ROOT))


def test_every_number_and_every_choice_has_a_rule():
    """A wrong value is to be refused before anything runs."""
    own = {
        name: item for notebook in workflow.read_notebooks(ROOT).values() for name, item in defaults(notebook).items()
    }
    assert {name for name, item in own.items() if not isinstance(item, str)} <= RULES.keys() <= {*own, *OF_THE_RUN}
    assert {name for name, item in own.items() if name in RULES and not RULES[name][1](item)} == set()


def test_the_demos_parameters_are_the_notebooks_defaults():
    notebooks = workflow.read_notebooks(ROOT)
    given = yaml.safe_load((ROOT / "parameters" / "demo.yaml").read_text())
    for own in (defaults(notebook) for notebook in notebooks.values()):
        assert all(own[name] == item for name, item in given.items() if name in own)
    for section, parameters in given.items():
        if not isinstance(parameters, dict):
            continue
        own = defaults(notebooks[notebook_name(section, notebooks)])
        assert parameters == {name: own[name] for name in parameters}, section
