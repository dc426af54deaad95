"""What a run will execute, and why: said before it is done, and by ``study run --dry-run`` alone.

Snakemake knows which of its jobs have to run, and because of which files. One of these files, a notebook's recipe,
stands for parameters and code; which of the two has changed is seen from the recipe that its executed copy keeps.
"""

import json
import os
import re
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from study import products, workflow
from study.files import write_bytes
from study.plural import count

JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)+)", re.MULTILINE)
REASON = re.compile(r"(Missing|Incomplete|Updated|Input|Forced) [^:;]*(?:: ([^;]*))?")  # how a sentence begins, files


@dataclass(frozen=True)
class Job:
    """A job that Snakemake would start: its notebook, the first output, why, and whether only because others start."""

    rule: str
    notebook: str
    output: str
    reason: str
    follows: bool


def announce(run, cores=0, targets=(), profile=None, words=()):
    """Print which notebooks will be executed, each with the reason, and which only if what they read will change.

    Parameters
    ----------
    run, cores, targets, profile, words
        As for `study.workflow.snakemake`.

    Returns
    -------
    list of Job
        Empty if there is nothing to execute.

    Raises
    ------
    study.workflow.IncompleteError
        If Snakemake finds that the run cannot be made.
    """
    jobs = _plan(run, cores, targets, profile, words)
    reasons = reasons_by_notebook(run, jobs)
    if not reasons:
        print(f"{run.name}: nothing to execute, as no code, parameter or input has changed", flush=True)
        return []
    print(f"{run.name}: to be executed, and why", flush=True)
    for notebook, why in reasons.items():
        print(f"  {notebook:<14} {why}", flush=True)
    return jobs


def bring_up_to_date(run, cores=0, targets=(), profile=None, words=(), jobs=None):
    """Execute what `announce` has announced, and what follows from it only where what it reads has changed.

    Snakemake would execute all that follows from a notebook, as it cannot know beforehand what that will write. So
    where a notebook could stay as it is, those are executed alone that have a reason of their own; then Snakemake,
    which compares the content of inputs, is asked again.

    Parameters
    ----------
    run, cores, targets, profile, words
        As for `study.workflow.snakemake`; with further `words` Snakemake has its way.
    jobs : list of Job, optional
        What `announce` has announced.
    """
    before = None
    while not words:
        jobs = jobs or _plan(run, cores, targets, profile)
        if before and not jobs:
            return
        first = [job.output for job in jobs if not job.follows]
        if not any(job.follows and _could_stay(run, job.notebook) for job in jobs) or first == before:
            break
        workflow.snakemake(run, cores, first, profile, forced=_lost(run))
        before, jobs = first, None
    workflow.snakemake(run, cores, targets, profile, words, forced=_lost(run))


def _plan(run, cores=0, targets=(), profile=None, words=()):
    """The jobs that Snakemake would start, as its dry run says."""
    command = [*workflow.command(run, cores, targets, profile, _lost(run)), "--quiet", "host", *words, "--dry-run"]
    command = [str(word) for word in command]
    done = subprocess.run(command, cwd=run.root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise workflow.incomplete(run, done.returncode, done.stdout + done.stderr)
    return jobs_in(done.stdout + done.stderr)


def jobs_in(said):
    """The jobs of notebooks in what Snakemake's dry run said.

    Returns
    -------
    list of Job
    """
    found = []
    for rule, text in JOB.findall(said):
        told = dict(re.findall(r"^    (\w+): (.*)$", text, re.MULTILINE))
        name = "segment" if rule == "shard" else rule
        notebook = next((one for one in workflow.NOTEBOOKS if one.endswith(f"-{name}")), None)
        if notebook:  # and not the run as a whole, which has no output
            kinds = {kind for kind, _ in REASON.findall(told["reason"])}
            found.append(Job(rule, notebook, told["output"].split(", ")[0], told["reason"], kinds == {"Input"}))
    return found


def _lost(run):
    """The outputs with which files are made again that somebody removed or wrote over, and these files."""
    found = {}
    for notebook in workflow.NOTEBOOKS:
        before = _executed_recipe(run, notebook)
        if before is not None and _could_stay(run, notebook):
            found |= products.lost(run, notebook, before["parameters"].get("n_shards", 1))
    return found


def _could_stay(run, notebook):
    """Whether a notebook was executed with the code and the parameters that it has now."""
    before = _executed_recipe(run, notebook)
    return before is not None and before == _recipe(run, notebook)


def reasons_by_notebook(run, jobs):
    """Why each notebook has to be executed.

    Parameters
    ----------
    run : study.run.Run
    jobs : list of Job

    Returns
    -------
    dict of str to str
        In the order of the notebooks, without those that need not be executed.
    """
    by_notebook = {}
    for job in jobs:  # the whole cohort is there because of its shards
        if job.rule == "shard" or job.notebook not in by_notebook:
            by_notebook[job.notebook] = job
    reasons = {n: _in_words(run, by_notebook[n]) for n in workflow.NOTEBOOKS if n in by_notebook}
    n_shards = sum(job.rule == "shard" for job in jobs)
    models = _recipe(run, "2-train")["parameters"].get("models") if "2-train" in reasons else ""
    if models:
        reasons["2-train"] += f"; nothing is trained, as `models` gives {models}"
    if n_shards:
        every = _recipe(run, "3-segment")["parameters"]["n_shards"]
        reasons["3-segment"] += f"; {n_shards} of {count(every, 'shard')}"
    return reasons


def _in_words(run, job):
    """The reason of a job: parameters, code, inputs, or what is missing."""
    now, before = _recipe(run, job.notebook), _executed_recipe(run, job.notebook)
    kinds = dict(REASON.findall(job.reason))
    if before is None and "Missing" in kinds:
        return "it has not been executed yet"
    changed = [name for kind in ("Updated", "Input") if kind in kinds for name in kinds[kind].split(", ")]
    inputs = sorted({name.removeprefix(f"runs/{run.name}/") for name in changed if "/recipes/" not in name})
    said = []
    if any("/recipes/" in name for name in changed) or (job.follows and before not in (None, now)):
        said += _changes(now, before)
    if inputs:
        said.append(f"input: {_some(inputs)}{', if changed' if job.follows and not said else ''}")
    of_notebook = products.lost(run, job.notebook, now["parameters"].get("n_shards", 1)) if before == now else {}
    lost = [path for paths in of_notebook.values() for path in paths]
    for what, is_there in (("missing", False), ("written over by something else", True)):
        names = [path.relative_to(run.root).as_posix() for path in lost if path.exists() == is_there]
        said += [f"{what}: {_some(names)}"] * bool(names)
    if "Forced" in kinds and not lost:
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
