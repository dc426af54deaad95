"""The notebooks as a workflow: what has to run again, and execution.

Snakemake decides what runs; papermill runs it. This module tells Snakemake what it cannot know: a *recipe* for each
notebook, that is its parameters and the fingerprint of its code, rewritten only when either changes.
"""

import json
import os
import re
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
from traitlets.config import Config

from study import arithmetic, cluster, processes, products, provenance
from study.files import write_json, write_text
from study.fingerprint import digests
from study.parameters import OF_THE_RUN, ParameterError, read_parameters

NOTEBOOKS = ("1-cohort", "2-train", "3-segment", "4-biomarkers", "5-severity", "6-progression", "7-claims")
# A socket's path has at most 104 bytes on macOS and 108 on Linux: this leaves room for /study-xxxxxxxx/kernel-1.
LONGEST_FOLDER = 75
LARGEST_COMPARED = "100MB"  # inputs up to this size count as changed by their content, larger ones by their time
SCANS_PER_SHARD = 250  # some 25 minutes on one core, of 60 sections of 512x512; the demo's two keep two cores busy
# A progress bar of tqdm: its name, how long it has been there, and how long it will still be.
BAR = re.compile(r"(.+?): .*?\[([\d:]+)<([\d:]+),")
ESTIMATED_AFTER_S, LONG_S = 5, 20
TABLES = (("5-severity", "biomarkers_csv"), ("6-progression", "biomarkers_csv"))
STAYS = """\
# What stays here

This folder holds what run {run} knows of single patients: ids, dates of scans, names of files, words of reports, label
maps, biomarkers with one row per scan, and all that the notebooks printed. **Do not hand it on** unless the patients
are synthetic or public. What may be handed on is in `figures/{run}`; its `index.html` says what to look at before.
"""


class IncompleteError(RuntimeError):
    """A run that could not be completed; says what went wrong and that it resumes."""


class NotebookError(RuntimeError):
    """A notebook that failed; the executed copy with its traceback is kept."""


def read_notebooks(root):
    """All notebooks of the study, by name."""
    return {name: nbformat.read(root / "notebooks" / f"{name}.ipynb", as_version=4) for name in NOTEBOOKS}


def plan(run, parameters_file=None):
    """Write what a run needs before it starts: its README, and the recipe of each notebook whose recipe has changed.

    Parameters
    ----------
    run : Run
    parameters_file : Path, optional
        By default ``parameters/<run>.yaml``.

    Returns
    -------
    dict of str to dict
        The parameters of each notebook, with the number of shards where the file leaves it open.

    Raises
    ------
    ParameterError
        From `read_parameters`, or naming every file and folder in the parameters that does not exist.
    """
    notebooks = read_notebooks(run.root)
    path = parameters_file or run.root / "parameters" / f"{run.name}.yaml"
    parameters = read_parameters(path, notebooks)
    if faults := _what_is_missing(parameters, run.root):
        raise ParameterError("\n".join(f"{path}: {fault}" for fault in faults))
    segment = parameters["3-segment"]
    segment["n_shards"] = segment["n_shards"] or _n_shards(parameters["1-cohort"], run.root)
    write_text(run.folder / "README.md", STAYS.format(run=run.name))
    for name, reached in digests.of_notebooks(notebooks, run.root / "study").items():
        recipe = {"parameters": parameters[name], "code": digests.digest(reached), "definitions": reached}
        path = recipe_path(run, name)
        # Through JSON, so that a tuple and a list compare equal.
        if not path.is_file() or json.loads(path.read_text(encoding="utf-8")) != json.loads(json.dumps(recipe)):
            write_json(path, recipe)
    return parameters


def _what_is_missing(parameters, root):
    """Name what the run needs of the user's files and does not find; with a biomarker table no other is needed."""
    own = {(name, parameters[notebook][name]): "file" for notebook, name in TABLES if parameters[notebook][name]}
    cohort, train = parameters["1-cohort"], parameters["2-train"]
    faults = []
    if not parameters["5-severity"]["biomarkers_csv"]:
        own |= {(name, cohort[name]): "file" for name in ("scans", "training_scans") if cohort[name]}
        own |= {("real_masks", cohort["real_masks"]): "folder"} if cohort["real_masks"] else {}
        for name in ("models", "start_from"):
            own |= {(name, f"{train[name]}/{task}.json"): "file" for task in ("lung", "infection") if train[name]}
        own |= {("encoder_weights", train["encoder_weights"]): "file"} if train["encoder_weights"] else {}
        if cohort["models"] != train["models"]:
            faults = [
                f"`models` is {cohort['models']!r} for 1-cohort and {train['models']!r} for 2-train; write it once, at "
                "the left margin, outside all sections"
            ]
    return faults + [
        f"`{name}` needs the {kind} {path}, which does not exist; give its path from the project's folder, {root}, "
        "or leave the parameter out"
        for (name, path), kind in own.items()
        if not ((root / path).is_file() if kind == "file" else (root / path).is_dir())
    ]


def _n_shards(cohort, root):
    """One shard for every `SCANS_PER_SHARD` scans; of an own table the lines count, and a report may take several."""
    own = cohort["scans"]
    n_scans = (root / own).read_bytes().count(b"\n") if own else cohort["n_adult_scans"]
    return max(1, round(n_scans / SCANS_PER_SHARD))


def recipe_path(run, notebook):
    """Path of a notebook's recipe, which is an input of the notebook's rule in the Snakefile."""
    return run.folder / "recipes" / f"{notebook}.json"


def executed_path(run, notebook, shard=""):
    """Path of the executed copy of a notebook."""
    return run.folder / "notebooks" / f"{notebook}{shard}.ipynb"


def execute(notebook, run, shard=0, n_shards=1, threads=0):
    """Run one notebook by papermill with the parameters of its recipe; keep the executed copy.

    Parameters
    ----------
    notebook : str
        Such as ``3-segment``.
    run : Run
    shard, n_shards : int
        With more than one shard, only this part of the scans is processed, and the cells tagged ``whole``, which need
        all scans, are skipped. Of a run whose shards are executed each on its own, the cells tagged ``shard`` are
        skipped where the whole cohort is processed.
    threads : int
        CPU threads, for a notebook whose parameter ``threads`` leaves their number open; 0: all.

    Raises
    ------
    NotebookError
        If a cell fails; says why and where the executed copy with its traceback is.

    Notes
    -----
    Started by `torchrun`, each process executes the notebook in a kernel of its own, which inherits its rank. All but
    the first skip the cells tagged ``whole`` too, and keep their copy only if it fails.
    """
    import logging

    import papermill

    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of parameters, which `plan` has checked
    recipe = json.loads(recipe_path(run, notebook).read_text(encoding="utf-8"))
    arithmetic.choose(recipe["parameters"]["arithmetic"])  # for the kernel
    parameters = {name: item for name, item in recipe["parameters"].items() if name not in OF_THE_RUN}
    if parameters.get("threads") == 0:
        parameters["threads"] = threads
    suffix, label = "", notebook
    skipped = "shard" if parameters.get("n_shards", 1) > 1 else None
    if n_shards > 1:
        skipped = "whole"
        parameters |= {"shard": shard, "n_shards": n_shards}
        suffix, label = f".shard-{shard}-of-{n_shards}", f"{notebook} {shard + 1}/{n_shards}"
    rank = int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else 0
    if rank:
        skipped, suffix, label = "whole", f".rank-{rank}", f"{notebook} rank {rank}"
    output = executed_path(run, notebook, suffix)
    output.parent.mkdir(parents=True, exist_ok=True)
    source = nbformat.read(run.root / "notebooks" / f"{notebook}.ipynb", as_version=4)
    source.metadata["recipe"] = recipe  # by which a later run knows what has changed
    for cell in source.cells:
        if skipped in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "skip-execution"]
    prepared = output.with_suffix(".prepared.ipynb")
    nbformat.write(source, prepared)
    line = ProgressLine(label)
    started = time.time()
    try:
        with _kernel_files() as config:
            papermill.execute_notebook(
                prepared,
                output,
                parameters,
                cwd=run.root / "notebooks",
                progress_bar=False,
                stderr_file=line,
                start_timeout=300,  # seconds; on a busy machine a kernel's imports take long
                coalesce_streams=True,  # keeps the last state alone of a progress bar
                config=config,
                extra_arguments=["--log-level=50"],  # silences the kernels' own log
            )
    except (
        papermill.PapermillExecutionError,
        OSError,
        RuntimeError,
    ) as error:  # RuntimeError: the kernel does not start
        line.close(f"failed after {time.time() - started:.0f} s")
        why = str(error)
        if isinstance(error, papermill.PapermillExecutionError):
            why = f"{error.ename}: {error.evalue}"
        elif why.startswith("Kernel died"):
            why = (
                "its process was killed, most often because memory ran out; free some memory, or use fewer processes "
                "or a smaller batch"
            )
        raise NotebookError(
            f"{label}: {why}\nthe notebook up to the error, with its traceback: {output.relative_to(run.root)}"
        ) from None
    except KeyboardInterrupt:
        line.clear()
        raise
    finally:
        prepared.unlink(missing_ok=True)
    if rank:
        line.close(f"done in {time.time() - started:.0f} s")
        output.unlink()
        return
    if n_shards == 1:  # of several, the whole cohort's job lists what all of them made
        products.write_lists(run, notebook)
    seconds = time.time() - started
    line.close(f"done in {seconds:.0f} s")
    write_json(
        run.folder / "timings" / f"{notebook}{suffix}.json",
        {
            "notebook": notebook,
            "shard": shard,
            "n_shards": n_shards,
            "started": _utc(started),
            "seconds": round(seconds, 1),
            **provenance.commit(run.root),
        },
    )


@contextmanager
def _kernel_files():
    """A private folder for a kernel's files until the block ends; gives the configuration of the execution.

    The kernel is this Python, whatever is registered elsewhere under the name python3. Where the system allows it, it
    communicates through sockets in the folder and not through open ports. The state of widgets is not kept, as a page
    without a kernel cannot use it.
    """
    from ipykernel.kernelspec import write_kernel_spec

    is_posix = os.name == "posix"
    is_long = len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory(prefix="study-", dir="/tmp" if is_posix and is_long else None) as folder:
        config = Config({"NotebookClient": {"store_widget_state": False}})
        config.KernelManager.connection_file = f"{folder}/kernel.json"
        if is_posix:
            config.KernelManager.transport = "ipc"
            config.KernelManager.ip = f"{folder}/kernel"
        write_kernel_spec(f"{folder}/kernels/python3")
        os.environ["JUPYTER_PATH"] = os.pathsep.join([folder, *([before] if before else [])])
        try:
            yield config
        finally:
            os.environ.pop("JUPYTER_PATH") if before is None else os.environ.update(JUPYTER_PATH=before)


class ProgressLine:
    """One line on the terminal for a notebook: its name, and the progress bar that it writes to standard error.

    It is written to standard output, as standard error is kept for errors. Where the output is not a terminal, only the
    outcome is printed, and of what takes long, once, how long it will take by its first seconds.
    """

    def __init__(self, label):
        self.label = label
        self.alive = sys.stdout.isatty()
        self.estimated = set()
        self.write("started")

    def write(self, text):
        """Show the latest progress that the notebook wrote."""
        last = text.replace("\n", "\r").strip("\r").split("\r")[-1].strip()
        if self.alive and last:
            sys.stdout.write(f"\r\x1b[2K{self.label:<14} {last[:100]}")
            sys.stdout.flush()
        elif not self.alive and (bar := BAR.match(last)):
            self._estimate(*bar.groups())

    def _estimate(self, name, spent, left):
        """Say once how long a bar will take in all."""
        spent, left = _seconds(spent), _seconds(left)
        if spent >= ESTIMATED_AFTER_S and name not in self.estimated:
            self.estimated.add(name)
            total = spent + left
            if total >= LONG_S:
                in_words = f"{total} s" if total < 120 else f"{round(total / 60)} min"
                sys.stdout.write(f"{self.label:<14} {name}: about {in_words}\n")
                sys.stdout.flush()

    def flush(self):
        """Do nothing, as nothing is buffered."""

    def clear(self):
        """Remove the progress from the terminal."""
        if self.alive:
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()

    def close(self, outcome):
        """Replace the progress by the outcome."""
        self.clear()
        sys.stdout.write(f"{self.label:<14} {outcome}\n")
        sys.stdout.flush()


def command(run, cores=0, targets=(), profile=None, forced=()):
    """The command line of Snakemake, without further words; see `snakemake`."""
    words = [
        sys.executable, "-m", "snakemake", *targets, "--snakefile", run.root / "Snakefile", "--directory", run.root,
        "--rerun-triggers", "mtime", "--rerun-incomplete", "--nolock", "--show-failed-logs",
        "--max-checksum-file-size", LARGEST_COMPARED, *(["--forcerun", *forced] if forced else []),
        "--quiet", "host", "reason", *([] if profile else ["progress", "rules"]), "--config", f"run={run.name}",
    ]  # fmt: skip
    if profile:
        return [*words, "--profile", Path(profile).resolve(), *(["--cores", cores] if cores else [])]
    cores = cores or os.cpu_count()
    return [*words, f"cores={cores}", "--cores", cores, "--profile", "none"]  # whatever the environment names


def snakemake(run, cores=0, targets=(), profile=None, words=(), forced=()):
    """Let Snakemake bring a run, or only the named targets, up to date.

    Parameters
    ----------
    run : Run
    cores : int
        Of this machine that it may use; 0: all. With a profile, which says where jobs run, 0 leaves it to the profile.
    targets : list of str
        Names of rules, or files.
    profile : path, optional
        A folder with a Snakemake profile.
    words : list of str
        Further words for Snakemake's command line; they prevail.
    forced : collection of str
        Files to be made again.

    Raises
    ------
    IncompleteError
    """
    # The rules call `study` by name: make that the one of this environment, whether it is activated or not.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # The notebooks say themselves how far they are, but not from another machine.
    jobs = cluster.Jobs(NOTEBOOKS, lambda line: print(line, flush=True))
    how = {"last_word": signal.SIGINT, "show": jobs.hear} if profile else {}
    code, said = processes.run_together(
        [*command(run, cores, targets, profile, forced), *words], run.root, {**os.environ, "PATH": path}, **how
    )
    if code:
        raise incomplete(run, code, said, jobs.errors())


def incomplete(run, code, said, errors=()):
    """The `IncompleteError` for the errors of jobs if they are known, else for what Snakemake said."""
    why = "\nstudy: ".join(errors) or _why(code, said)
    return IncompleteError(
        f"{why}\nstudy: the run {run.name} is incomplete; fix the error above and run the command again: it resumes"
    )


def _why(code, said):
    """The errors of the notebooks, each a line ``study: ...`` with indented ones; without any, what Snakemake said."""
    if code < 0:
        return f"Snakemake was killed by {signal.Signals(-code).name}"
    if errors := re.findall(r"^study: (.*(?:\n  .*)*)", said, re.MULTILINE):
        return "\nstudy: ".join(dict.fromkeys(errors))
    said = re.split(r"^Execute \d+ jobs\.\.\.\n", said, flags=re.MULTILINE)[-1]
    said = said.partition("Shutting down, this might take some time.\n")[0]
    return "Snakemake stopped:" + "".join(f"\n  {line}" for line in said.strip().splitlines()[-20:])


def _seconds(clock):
    """Seconds of a time as tqdm writes it, 1:02:03 or 02:03."""
    return sum(int(part) * 60**k for k, part in enumerate(reversed(clock.split(":"))))


def _utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
