"""What the design asks of every module and notebook, held by reading them."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from study import fingerprint, workflow

ROOT = Path(__file__).parent.parent
MEASURES = {
    "overlap", "biomarkers", "roc", "logistic", "kappa", "phrases", "resampling", "groups", "proportion",
    "clustered", "change", "sensitivity", "agreement",
}  # fmt: skip
# From the floor to the roof: a module imports only from layers below its own, or from its own.
LAYERS = [
    {"run", "fingerprint", "grid"},
    {"nifti", "dicom_pixels", "dicom", "hounsfield", "ct"},
    {"schemas", "scan_tables", "cohort"},
    {"phantom", "layouts", "datasets"},
    MEASURES,
    {"slabs", "network", "models", "samples", "ranks", "checkpoint", "model_card"},
    {"training", "segmentation"},
    {"evaluation", "targets", "segmentation_table"},
    {
        "style",
        "plots",
        "robustness_plots",
        "quality_plots",
        "sections",
        "tables",
        "examples",
        "explain",
        "document",
        "flow_diagram",
    },
    {"frontend", "viewer_files", "view", "play"},
    {"validation", "severity", "progression", "three_classes", "robustness"},
    {
        "printed",
        "two_by_two",
        "quantities",
        "audit_rules",
        "paper",
        "audit",
        "claims",
        "claims_page",
        "notebook_page",
        "manuscript",
    },
    {"reporting"},
    {"workflow", "provenance", "exercises", "exercise_tasks"},
    {"site", "crate", "ablation"},
    {"__main__"},
]
MODULES = sorted(path for path in (ROOT / "study").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def module_name(path):
    return path.relative_to(ROOT / "study").parts[0].removesuffix(".py")


def imported(path):
    names = fingerprint._imported(ast.parse(path.read_text()), ROOT / "study")
    return {name.split(".")[1] for name in names if "." in name}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "study")))
def test_imports_run_one_way(path):
    name = module_name(path)
    if name == "__init__":
        return
    layer = {module: index for index, modules in enumerate(LAYERS) for module in modules}
    assert name in layer, f"{name} is in no layer; give it its place in LAYERS"
    above = {other for other in imported(path) - {name} if layer[other] > layer[name]}
    assert not above, f"{name} imports {above} from above it"


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_measures_stand_alone(measure):
    own = [path for path in MODULES if module_name(path) == measure]
    assert own and not set().union(*map(imported, own)) - {measure}


def test_measuring_one_scan_loads_no_library_for_tables_training_or_figures():
    """They would take longer to import than the scan to measure."""
    unused = {"pandas", "torch", "monai", "matplotlib"}
    code = f"import sys, study.ct, study.biomarkers, study.segmentation; print(*({unused} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.split() == []


def test_figures_do_not_depend_on_measures():
    """A changed measure re-runs the notebooks that use it, not every notebook with a figure."""
    for module in ("style", "plots", "robustness_plots", "quality_plots", "sections", "explain", "tables"):
        assert not set(fingerprint._reachable([f"study.{module}"], ROOT / "study")) & {f"study.{m}" for m in MEASURES}


@pytest.mark.parametrize("notebook", ["5-severity", "6-progression", "7-claims"])
def test_the_last_notebooks_need_neither_ct_nor_torch(notebook):
    used = fingerprint.modules_of_notebook(nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", 4), ROOT / "study")
    assert not set(used) & {"study.training", "study.network", "study.segmentation", "study.phantom"}


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
    assert workflow.defaults(notebook)["run"] == "demo"


def test_all_seven_notebooks_are_there():
    assert [path.stem for path in NOTEBOOKS] == list(workflow.NOTEBOOKS)


@pytest.mark.parametrize("path", sorted((ROOT / "parameters").glob("*.yaml")), ids=lambda path: path.stem)
def test_parameter_files_fit_the_notebooks(path):
    workflow.read_parameters(path, workflow.read_notebooks(ROOT))


def test_the_demos_parameters_are_the_notebooks_defaults():
    notebooks = workflow.read_notebooks(ROOT)
    given = yaml.safe_load((ROOT / "parameters" / "demo.yaml").read_text())
    for own in (workflow.defaults(notebook) for notebook in notebooks.values()):
        assert all(own[name] == item for name, item in given.items() if name in own)
    for section, parameters in given.items():
        if not isinstance(parameters, dict):
            continue
        defaults = workflow.defaults(notebooks[workflow.notebook_name(section)])
        assert parameters == {name: defaults[name] for name in parameters}, section
