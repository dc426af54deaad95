"""What does not count as code, and which notebooks of the study an edit re-runs."""

import ast
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.project import ROOT
from study import workflow
from study.fingerprint import digests


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "study"
    (folder / "phantom").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "kappa.py": '"""Agreement."""\nimport math\n\ndef kappa(a, b):\n    """Docstring."""\n    return a - b\n',
        "roc.py": "def auc(a):\n    from study import kappa\n    return kappa.kappa(a, 1)\n",
        "claims.py": "PATH = 'claims.yaml'\n",
        "claims.yaml": "a: 1\n",
        "phantom/__init__.py": "from study.phantom.scan import simulate\n",
        "phantom/scan.py": "def simulate():\n    return 1\n",
        "phantom/organs.py": "SIZES = 'sizes.yaml'\nPAGES = 'pages'\n",
        "phantom/sizes.yaml": "liver: 1\n",
        "phantom/pages/page.html": "<p>",
        "sizes.yaml": "of another room",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def notebook(*cells):
    return new_notebook(cells=[new_code_cell(cell) for cell in cells])


def of_notebook(one, package):
    return digests.digest(digests.of_notebooks({"n": one}, package)["n"])


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("Agreement", "How raters agree"),
        lambda text: text.replace("Docstring.", "Other words."),
        lambda text: text.replace('    """Docstring."""\n', ""),
        lambda text: text.replace("    return", "    # why\n\n    return"),
        lambda text: text + "\nADDED = 1\n\n\ndef added():\n    return ADDED\n",
    ],
)
def test_prose_layout_and_what_nobody_uses_do_not_count(package, edit):
    using = notebook("from study.kappa import kappa\nkappa(1, 2)")
    before = of_notebook(using, package), digests.of_names("study.kappa.kappa", package=package)
    (package / "kappa.py").write_text(edit((package / "kappa.py").read_text()))
    assert (of_notebook(using, package), digests.of_names("study.kappa.kappa", package=package)) == before


def test_code_counts_also_through_another_module_and_inside_a_function(package):
    using = notebook("from study import roc\nroc.auc(1)")
    apart = notebook("from study import claims\nclaims.PATH")
    before = [of_notebook(nb, package) for nb in (using, apart)]
    (package / "kappa.py").write_text((package / "kappa.py").read_text().replace("a - b", "a + b"))
    after = [of_notebook(nb, package) for nb in (using, apart)]
    assert after[0] != before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize(
    "cell",
    [
        "import study.phantom\nstudy.phantom.simulate()",
        "from study import phantom\nphantom.simulate()",
        "from study.phantom import simulate\nsimulate()",
        "from study.phantom import *",
    ],
)
def test_a_folder_of_modules_counts_however_it_is_imported(package, cell):
    before = of_notebook(notebook(cell), package)
    (package / "phantom" / "scan.py").write_text("def simulate():\n    return 2\n")
    assert of_notebook(notebook(cell), package) != before


def test_a_data_file_that_a_module_names_counts(package):
    before = digests.of_names("study.claims", package=package)
    (package / "claims.yaml").write_text("a: 2\n")
    assert digests.of_names("study.claims", package=package) != before


@pytest.mark.parametrize("data", ["phantom/sizes.yaml", "phantom/pages/page.html"])
def test_a_data_file_counts_for_the_module_beside_it_alone(package, data):
    def taken():
        return {name: digests.of_names(f"study.phantom.{name}", package=package) for name in ("organs", "scan")}

    before = taken()
    (package / "sizes.yaml").write_text("not beside it")
    assert taken() == before
    (package / data).write_text("changed")
    after = taken()
    assert after["organs"] != before["organs"]
    assert after["scan"] == before["scan"]


def test_prose_comments_and_outputs_of_a_notebook_do_not_count(package):
    plain = notebook("x = 1", "from study import kappa")
    edited = notebook("x = 1  # the first", "from study import kappa")
    edited.cells.insert(0, new_markdown_cell("Other words."))
    edited.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    assert of_notebook(plain, package) == of_notebook(edited, package)
    assert of_notebook(plain, package) != of_notebook(notebook("x = 2", "from study import kappa"), package)
    # The last value of a cell is shown.
    assert of_notebook(notebook("1", "2"), package) != of_notebook(notebook("1\n2"), package)


# ------------------------------------------------------------------ the study itself
def reached(project=ROOT):
    return digests.of_notebooks(workflow.read_notebooks(project), project / "study")


@pytest.fixture(scope="module")
def reached_now():
    return reached()


EDITS = [
    (
        "figures/plots.py",
        "linestyle=(0, (2, 2)))\n    ax.set(xlim=(-0.01",
        "alpha=0.5)\n    ax.set(xlim=(-0.01",
        ["5-severity"],
    ),
    ("figures/plots.py", "linewidth=0.4, alpha=0.5, zorder=1", "linewidth=0.4, alpha=0.6, zorder=1", ["3-segment"]),
    ("figures/style.py", "FOOT_MM = 3.4", "FOOT_MM = 3.5", "all"),
    ("arithmetic.py", "VARIABLE = ", "VARIABLE = '_' + ", "all"),
    ("__init__.py", '"20000"', '"30000"', "all"),
    ("networks/training.py", "weight_decay=1e-3", "weight_decay=2e-3", ["2-train"]),
    ("networks/segmentation.py", "LUNG_ABOVE_HU = -970", "LUNG_ABOVE_HU = -971", ["3-segment"]),
    ("statistics/kappa.py", '(0.20, "poor")', '(0.21, "poor")', ["6-progression", "7-claims"]),
    ("measures/phrases/lexicon.py", '"worse", "better"', '"worse", "best"', ["6-progression"]),
    ("claims/audit_rules.py", '"lowest", "highest"', '"highest"', ["7-claims"]),
    ("claims/claims.yaml", "", "# One more comment.\n", ["7-claims"]),
    ("publish/forms/statements.yaml", "", "# One more comment.\n", []),
    ("publish/pages/index.md", "", "One more sentence.\n", []),
    ("starter/lung.json", "", " ", []),
    ("figures/plots.py", "", "\n\nADDED = 1\n", []),
    ("../README.md", "", "One more sentence.\n", []),
]


@pytest.mark.parametrize(("file", "old", "new", "again"), EDITS, ids=[f"{file} {new}" for file, _, new, _ in EDITS])
def test_an_edit_counts_for_the_notebooks_that_use_what_it_changes(
    project_for_module, reached_now, read_once, file, old, new, again
):
    """An `old` of nothing is the end of the file."""
    path = project_for_module / "study" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text + new)
    after = reached(project_for_module)
    path.write_text(text)
    differ = [name for name in after if digests.digest(after[name]) != digests.digest(reached_now[name])]
    assert differ == (list(workflow.NOTEBOOKS) if again == "all" else again)


def test_a_sentence_more_in_each_notebook_of_the_study_counts_for_none(reached_now):
    notebooks = workflow.read_notebooks(ROOT)
    for one in notebooks.values():
        one.cells.insert(1, new_markdown_cell("One more sentence."))
    assert digests.of_notebooks(notebooks) == reached_now


def changed(text, name):
    """A module's text with another body of a function or class, or value of a constant; None if it has no such."""
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            node.body.append(ast.Pass())
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            node.value = ast.Subscript(ast.List([node.value]), ast.Constant(0))
        else:
            continue
        return ast.unparse(ast.fix_missing_locations(tree))
    return None


def test_a_changed_definition_counts_for_each_notebook_that_reaches_it_and_for_no_other(
    project_for_module, reached_now, read_once
):
    """Some of all modules that the notebooks reach."""
    names = sorted({name for found in reached_now.values() for name in found if name.startswith("study.")})
    n_changed = 0
    for name in names[::110]:
        module, _, own = name.rpartition(".")
        path = digests.file_of(module, project_for_module / "study")
        text = path.read_text() if path else ""
        if other := changed(text, own):
            path.write_text(other)
            after = reached(project_for_module)
            path.write_text(text)
            differ = {one for one in after if after[one] != reached_now[one]}
            assert differ == {one for one, found in reached_now.items() if name in found}, name
            n_changed += 1
    assert n_changed > 6


def test_a_figure_counts_for_the_notebooks_that_draw_it_alone(reached_now):
    """Of each drawing function that only notebooks call, the notebooks that reach it are those that call it."""
    cells = {
        name: "\n".join(cell.source for cell in one.cells if cell.cell_type == "code")
        for name, one in workflow.read_notebooks(ROOT).items()
    }
    texts = {path: path.read_text() for path in (ROOT / "study").rglob("*.py")}
    n_alone = 0
    for path in sorted((ROOT / "study" / "figures").glob("*.py")):
        for function in (node for node in ast.parse(texts[path]).body if isinstance(node, ast.FunctionDef)):
            name = function.name
            drawn = {one for one, text in cells.items() if re.search(rf"\b{path.stem}\.{name}\(", text)}
            reaching = {one for one, found in reached_now.items() if f"study.figures.{path.stem}.{name}" in found}
            assert drawn <= reaching, name
            if drawn and not sum(len(re.findall(rf"(?<!def )\b{name}\(", text)) for text in texts.values()):
                assert reaching == drawn, name
                n_alone += 1
    assert n_alone > 25


def test_no_code_reads_what_does_not_count():
    """Docstrings, comments and the numbers of lines."""
    reading = r"__doc__|getdoc|getsource|getcomments|co_firstlineno|lineno\b"
    found = {path.stem for path in (ROOT / "study").rglob("*.py") if re.search(reading, path.read_text())}
    assert found == {"saved"}  # it shows code on a page, which no notebook does
