"""The project as the tests see it: its folders, its command line, what its notebooks save, a copy to change."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests" / "reference"  # answers of other software, frozen
SHARED = ROOT.parent / "shared"  # beside the project where it is developed: real CTs, the paper


def study(project, *arguments):
    """Call the command line in a project's folder; returns (exit code, all that was printed)."""
    command = [sys.executable, "-m", "study", *map(str, arguments)]
    done = subprocess.run(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def ran(printed):
    """The notebooks that a command executed."""
    return sorted({line.split()[0] for line in printed.splitlines() if " done in " in line})


def saved_by_the_notebooks():
    """Name of each figure and table that a notebook saves -> the notebook; the claims and the audit are CSV alone."""
    from study.publish import executed

    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    made = {name: path.stem for path in paths for name in executed.saved(nbformat.read(path, as_version=4))}
    return made | {"claims": "7-claims", "audit": "7-claims"}


def copy_project(folder):
    """Copy what a run needs, so that a test may change it: notebooks, parameters, code, the files at the top."""
    for name in ("docs", "notebooks", "parameters", "study"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, folder)
    return folder
