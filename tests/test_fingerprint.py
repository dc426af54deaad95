import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from study import fingerprint, workflow


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "study"
    (folder / "phantom").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "kappa.py": '"""Agreement."""\nimport math\n\ndef kappa(a, b):\n    """Docstring."""\n    return a - b\n',
        "roc.py": "def auc(a):\n    from study import kappa\n    return a\n",
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


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("Agreement", "How raters agree"),
        lambda text: text.replace("Docstring.", "Other words."),
        lambda text: text.replace("    return", "    # why\n\n    return"),
    ],
)
def test_prose_and_layout_do_not_count(package, edit):
    before = fingerprint.of_modules(["study.kappa"], package)
    (package / "kappa.py").write_text(edit((package / "kappa.py").read_text()))
    assert fingerprint.of_modules(["study.kappa"], package) == before


def test_code_counts_also_through_another_module_and_inside_a_function(package):
    using = notebook("from study import roc")
    apart = notebook("from study import claims")
    before = [fingerprint.of_notebook(nb, package) for nb in (using, apart)]
    (package / "kappa.py").write_text((package / "kappa.py").read_text().replace("a - b", "a + b"))
    after = [fingerprint.of_notebook(nb, package) for nb in (using, apart)]
    assert after[0] != before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize(
    "cell", ["import study.phantom", "from study import phantom", "from study.phantom import simulate"]
)
def test_a_folder_of_modules_counts_however_it_is_imported(package, cell):
    before = fingerprint.of_notebook(notebook(cell), package)
    (package / "phantom" / "scan.py").write_text("def simulate():\n    return 2\n")
    assert fingerprint.of_notebook(notebook(cell), package) != before


def test_a_data_file_that_a_module_names_counts(package):
    before = fingerprint.of_modules(["study.claims"], package)
    (package / "claims.yaml").write_text("a: 2\n")
    assert fingerprint.of_modules(["study.claims"], package) != before


@pytest.mark.parametrize("data", ["phantom/sizes.yaml", "phantom/pages/page.html"])
def test_a_data_file_counts_for_the_module_beside_it_alone(package, data):
    before = {name: fingerprint.of_modules([f"study.{name}"], package) for name in ("phantom.organs", "phantom.scan")}
    (package / "sizes.yaml").write_text("not beside it")
    assert fingerprint.of_modules(["study.phantom.organs"], package) == before["phantom.organs"]
    (package / data).write_text("changed")
    assert fingerprint.of_modules(["study.phantom.organs"], package) != before["phantom.organs"]
    assert fingerprint.of_modules(["study.phantom.scan"], package) == before["phantom.scan"]


def test_prose_comments_and_outputs_of_a_notebook_do_not_count(package):
    plain = notebook("x = 1", "from study import kappa")
    edited = notebook("x = 1  # the first", "from study import kappa")
    edited.cells.insert(0, new_markdown_cell("Other words."))
    edited.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    assert fingerprint.of_notebook(plain, package) == fingerprint.of_notebook(edited, package)
    assert fingerprint.of_notebook(plain, package) != fingerprint.of_notebook(notebook("x = 2"), package)


@pytest.mark.parametrize(
    ("edited", "again"),
    [
        ("study/networks/training.py", ["2-train"]),
        ("study/networks/segmentation.py", ["3-segment"]),
        ("study/statistics/kappa.py", ["6-progression", "7-claims"]),
        ("study/claims/audit_rules.py", ["7-claims"]),
        ("study/claims/claims.yaml", ["7-claims"]),
        ("study/publish/forms/statements.yaml", []),
        ("study/starter/lung.json", []),
        ("README.md", []),
    ],
)
def test_an_edit_counts_for_the_notebooks_that_use_the_file(project, edited, again):
    """On the study itself: kappa's words are the audit's as well, and claims.yaml is read by notebook 7 alone."""

    def taken():
        notebooks = workflow.read_notebooks(project)
        return {name: fingerprint.of_notebook(one, project / "study") for name, one in notebooks.items()}

    before, path = taken(), project / edited
    path.write_text(path.read_text() + "\nADDED = 1\n")
    after = taken()
    assert [name for name in after if after[name] != before[name]] == again


def test_a_sentence_more_in_each_notebook_of_the_study_counts_for_none(project):
    for name, one in workflow.read_notebooks(project).items():
        before = fingerprint.of_notebook(one, project / "study")
        one.cells.insert(1, new_markdown_cell("One more sentence."))
        assert fingerprint.of_notebook(one, project / "study") == before, name
