"""Where a run's numbers come from: commit, parameters, digests of inputs, versions, seeds, timings."""

import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path

from study import arithmetic
from study.files import sha256, write_json
from study.run import RECORDING

REPORTED_PACKAGES = (
    "jupyterlab", "matplotlib", "monai", "nibabel", "numpy", "openvino", "pandas", "pandera", "papermill", "pingouin",
    "pydicom", "safetensors", "scikit-learn", "scipy", "seaborn", "SimpleITK", "snakemake", "statsmodels", "torch",
)  # fmt: skip


def write(run, parameters):
    """Write ``provenance.json`` of a run, all of this in one file."""
    timings = [json.loads(p.read_text(encoding="utf-8")) for p in sorted((run.folder / "timings").glob("*.json"))]
    write_json(
        run.folder / "provenance.json",
        {
            "run": run.name,
            "tier": run.tier,
            **commit(run.root),
            "parameters": {
                notebook: {name: _shown(name, content, run) for name, content in in_use(notebook, own).items()}
                for notebook, own in parameters.items()
            },
            "seeds": {name: own["seed"] for name, own in parameters.items() if "seed" in in_use(name, own)},
            "code": {
                name: json.loads((run.folder / "recipes" / f"{name}.json").read_text())["code"] for name in parameters
            },
            "inputs_sha256": {
                known: digest for name, own in parameters.items() for known, digest in _digests(run, name, own).items()
            },
            "processor": arithmetic.processor(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "packages": {name: importlib.metadata.version(name) for name in REPORTED_PACKAGES},
            "timings": timings,
        },
    )


# Parameters of notebook 1 that describe a simulated cohort, a simulated training set, and both.
OF_COHORT = {
    "n_patients", "n_minors", "n_severe_patients", "n_scans", "n_adult_scans", "n_severe_scans", "n_observed",
    "motion_fraction", "n_lesion_scans", "real_masks", "report_language", "field_of_view_mm", "slice_thickness_mm",
    "increment_mm",
}  # fmt: skip
OF_TRAINING_SET = {
    "n_training_scans", "training_matrix", "healthy_fraction", "covid_fraction", "training_motion_fraction",
    "largest_extent", "findings",
}  # fmt: skip
OF_BOTH = {"matrix", "seed", "workers"}


def in_use(notebook, parameters):
    """The parameters of a notebook without those of a simulation or a training that did not take place in this run."""
    unused = set()
    if notebook == "1-cohort":
        simulates_cohort = not parameters.get("scans")
        simulates_training_set = not (parameters.get("training_scans") or parameters.get("models"))
        unused |= set() if simulates_cohort else OF_COHORT
        unused |= set() if simulates_training_set else OF_TRAINING_SET
        unused |= set() if simulates_cohort or simulates_training_set else OF_BOTH
    elif notebook == "2-train" and parameters.get("models"):
        unused = set(parameters) - {"run", "models"}
    return {name: content for name, content in parameters.items() if name not in unused}


TABLES = ("scans", "training_scans", "biomarkers_csv")  # parameters that name a user's own table

# What each notebook reads of what earlier ones wrote, and what it writes for later ones, in the run's folder, as in the
# Snakefile (a test compares them).
READS = {
    "1-cohort": (),
    "2-train": ("cohort/cohort.json", "training/scans.csv", "training/files.json"),
    "3-segment": ("cohort/scans.csv", "cohort/included.csv", "cohort/cohort.json", "cohort/files.json",
                  "models/lung.json", "models/infection.json"),
    "4-biomarkers": ("cohort/scans.csv", "cohort/cohort.json", "cohort/files.json", "masks/files.json",
                     "biomarkers.csv", "variants.csv", "truth.csv"),
    "5-severity": ("cohort/cohort.json", "biomarkers.csv", "variants.csv"),
    "6-progression": ("cohort/cohort.json", "biomarkers.csv", "variants.csv"),
    "7-claims": ("cohort/cohort.json", "training/scans.csv", "models/lung.json", "models/infection.json",
                 *(f"values/{name}.json" for name in RECORDING)),
}  # fmt: skip
WRITES = {
    "1-cohort": (
        "cohort/scans.csv",
        "cohort/included.csv",
        "cohort/cohort.json",
        "cohort/files.json",
        "training/scans.csv",
        "training/files.json",
    ),
    "2-train": ("models/lung.json", "models/infection.json"),
    "3-segment": ("exclusions.csv", "biomarkers.csv", "variants.csv", "truth.csv", "masks/files.json"),
    "4-biomarkers": (),
    "5-severity": (),
    "6-progression": (),
    "7-claims": (),
}


def inputs_of(run, notebook, parameters):
    """Files that a notebook reads: those that its parameters name, else what an earlier notebook wrote.

    Returns
    -------
    list of Path
    """
    own = [run.root / parameters[name] for name in TABLES if parameters.get(name)]
    return own or [run.folder / path for path in READS[notebook]]


def _digests(run, notebook, parameters):
    """SHA-256 of each file that a notebook reads, by the name under which it may be handed on."""
    own = {_shown(name, parameters[name], run): run.root / parameters[name] for name in TABLES if parameters.get(name)}
    read = own or {_relative(path, run.root): path for path in inputs_of(run, notebook, parameters)}
    return {known: sha256(path) for known, path in read.items() if path.is_file()}


def of_notebook(run, notebook):
    """Where the numbers of one notebook come from, in words and digests, as far as the run's files show.

    Parameters
    ----------
    run : study.run.Run
    notebook : str
        A key of ``READS``.

    Returns
    -------
    dict of str to (str or dict)
        Commit, time, code fingerprint, parameters, SHA-256 of the inputs and of the values that it recorded.
    """
    recipe, timing = (_read(run.folder / folder / f"{notebook}.json") for folder in ("recipes", "timings"))
    parameters = recipe.get("parameters", {})
    values = run.values / f"{notebook}.json"
    return {
        "Commit": in_words(timing),
        "Executed": f"{timing.get('started', 'by hand')}, {timing.get('seconds', 'unknown')} s",
        "Fingerprint of the code": recipe.get("code", "unknown"),
        "Parameters": {name: _shown(name, content, run) for name, content in in_use(notebook, parameters).items()},
        "SHA-256 of the inputs": _digests(run, notebook, parameters),
        "SHA-256 of the values": {_relative(values, run.root): sha256(values)} if values.is_file() else {},
    }


def commit(root):
    """The commit of the project's code and whether the code was changed since; None where git does not say.

    Git does not say outside a repository, in one of another owner, and in one that does not hold the project: a copy of
    the project may have been unpacked there.
    """
    if _git(root, "ls-files", "--error-unmatch", "Snakefile") is None:
        return {"commit": None, "changed_since_commit": None}
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": _git(root, "rev-parse", "HEAD"),
        "changed_since_commit": None if changed is None else changed != "",
    }


def in_words(known):
    """The commit in what `commit` returned, and whether the code was changed since."""
    if not known.get("commit"):
        return "unknown"
    since = {True: ", with changes since", False: ""}
    return known["commit"] + since.get(known.get("changed_since_commit"), ", changes since unknown")


def _read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _shown(name, content, run):
    """A parameter as it may be handed on: an absolute path relative to the project, or else its last name.

    A path to tables or masks of patients who may not be named is left out, as folders are often called after people.
    """
    if not isinstance(content, str) or not content:
        return content
    if name in (*TABLES, "real_masks") and not run.may_name:
        return f"left out ({name})"
    return _relative(run.root / content, run.root) if name in TABLES or Path(content).is_absolute() else content


def _relative(path, root):
    path, root = Path(path).resolve(), Path(root).resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name  # no machine's paths


def _git(root, *arguments):
    try:
        answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:  # no git, or none that may be run
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
