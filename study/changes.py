"""What a run will execute, and why: said before it is done, and by ``study run --dry-run`` alone.

Snakemake knows which of its jobs have to run, and because of which files. One of these files, a notebook's recipe,
stands for parameters and code; which of the two has changed is seen from the recipe that its executed copy keeps.
"""

import json
import os
import re
import subprocess
from contextlib import contextmanager, suppress

from study import workflow
from study.files import write_bytes
from study.plural import count

JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)+)", re.MULTILINE)
REASON = re.compile(r"(Missing|Incomplete|Updated|Input|Forced) [^:;]*(?:: ([^;]*))?")  # how a sentence begins, files


def announce(run, cores=0, targets=(), profile=None, words=()):
    """Print which notebooks will be executed, each with the reason.

    Parameters
    ----------
    run, cores, targets, profile, words
        As for `study.workflow.snakemake`.

    Returns
    -------
    bool
        Whether there is anything to execute.

    Raises
    ------
    study.workflow.IncompleteError
        If Snakemake finds that the run cannot be made.
    """
    command = [*workflow.command(run, cores, targets, profile), "--quiet", "host", *words, "--dry-run"]
    command = [str(word) for word in command]
    done = subprocess.run(command, cwd=run.root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise workflow.incomplete(run, done.returncode, done.stdout + done.stderr)
    reasons = reasons_by_notebook(run, done.stdout + done.stderr)
    if not reasons:
        print(f"{run.name}: nothing to execute, as no code, parameter or input has changed", flush=True)
        return False
    print(f"{run.name}: to be executed, and why", flush=True)
    for notebook, why in reasons.items():
        print(f"  {notebook:<14} {why}", flush=True)
    return True


def reasons_by_notebook(run, said):
    """Why each notebook has to be executed.

    Parameters
    ----------
    run : study.run.Run
    said : str
        What Snakemake's dry run said.

    Returns
    -------
    dict of str to str
        In the order of the notebooks, without those that need not be executed.
    """
    files, n_shards = {}, 0
    for rule, text in JOB.findall(said):
        n_shards += rule == "shard"
        name = "segment" if rule == "shard" else rule
        notebook = next((n for n in workflow.NOTEBOOKS if n.endswith(name)), None)
        if notebook and (rule == "shard" or notebook not in files):  # the whole cohort is there because of its shards
            files[notebook] = dict(REASON.findall(re.search(r"^    reason: (.*)$", text, re.MULTILINE)[1]))
    reasons = {n: _in_words(run, n, files[n]) for n in workflow.NOTEBOOKS if n in files}
    models = _recipe(run, "2-train")["parameters"].get("models") if "2-train" in reasons else ""
    if models:
        reasons["2-train"] += f"; nothing is trained, as `models` gives {models}"
    if n_shards:
        every = _recipe(run, "3-segment")["parameters"]["n_shards"]
        reasons["3-segment"] += f"; {n_shards} of {count(every, 'shard')}"
    return reasons


def _in_words(run, notebook, kinds):
    """One reason: ``kinds`` are the beginnings of Snakemake's sentences, each with the files that it names."""
    now, before = _recipe(run, notebook), _executed_recipe(run, notebook)
    changed = [name for kind in ("Updated", "Input") if kind in kinds for name in kinds[kind].split(", ")]
    inputs = sorted({name.removeprefix(f"runs/{run.name}/") for name in changed if "/recipes/" not in name})
    said = []
    if before is None and "Missing" in kinds:
        return "it has not been executed yet"
    if any("/recipes/" in name for name in changed):
        said += _changes(now, before)
    if inputs:
        said.append(f"input: {_some(inputs)}")
    if "Forced" in kinds:
        said.append("asked for")
    if not said:
        said.append("it was interrupted" if "Incomplete" in kinds else "its results are missing")
    return "; ".join(said)


def _changes(now, before):
    if before is None:
        return ["code or parameter"]
    old, new = before["parameters"], now["parameters"]
    names = [name for name in new if name not in old or old[name] != new[name]]
    said = [f"parameter {name}: {new[name]!r}" + (f", was {old[name]!r}" if name in old else "") for name in names]
    if before["code"] != now["code"] or not said:
        said.append(_changed_code(before.get("definitions"), now.get("definitions")))
    return said


def _changed_code(old, new):
    """The definitions and data files by which a notebook's code differs, first the changed ones, then lost and new."""
    if not old or not new:  # made by an earlier version of the study
        return "code"
    names = [name for name in new if name in old and old[name] != new[name]]
    names += [name for name in [*old, *new] if (name in old) != (name in new)]
    return f"code: {_some(names)}" if names else "code"


def _some(names):
    return f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"


def _recipe(run, notebook):
    return json.loads(workflow.recipe_path(run, notebook).read_text(encoding="utf-8"))


def _executed_recipe(run, notebook):
    """The recipe by which a notebook was last executed, as a whole or a shard of it; None if it was not."""
    folder = workflow.executed_path(run, notebook).parent
    for path in [folder / f"{notebook}.ipynb", *sorted(folder.glob(f"{notebook}.shard-*.ipynb"))]:
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["metadata"].get("recipe")
    return None


@contextmanager
def undone(run):
    """Undo in the end what `study.workflow.plan` writes in this block, times included: a dry run changes nothing."""
    paths = [run.folder / "README.md", *(workflow.recipe_path(run, name) for name in workflow.NOTEBOOKS)]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths if path.is_file()}
    try:
        yield
    finally:
        for path in paths:
            if path in before:
                write_bytes(path, before[path][0])
                os.utime(path, ns=(before[path][1],) * 2)
            else:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # it holds earlier recipes, or was never made
            paths[-1].parent.rmdir()
