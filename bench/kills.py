"""Kill a smoke run again and again, in every phase, and let it resume: ``python -m bench.kills [--minutes M]``.

Who is killed by SIGKILL takes turns: the whole run at once, ``study run`` alone, and any one of its processes. A phase
is timed first, and killed at a moment drawn from that time; when it is complete, what it made is taken away again.
After each kill no process may be left within ten seconds, and every file that has a name for good must be whole:
absent, or with the bytes of a run that was never killed. In the end all bytes are the same. A row for each kill goes to
runs/bench/kills.csv.
"""

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pandas as pd
import psutil

from bench.runs import clone
from bench.timing import FOLDER, ROOT
from study.files import sha256

MARK = "STUDY_BENCH_KILL"  # in the environment of each process of a run that is to be killed
LONGEST_S = 10
# What is removed besides a phase's values, so that it has everything to do again.
PHASES = {
    "1-cohort": ["cohort/recipes/P00*", "training/recipes/*1.json"],
    "2-train": ["models/infection*"],
    "3-segment": ["masks/P00*"],
    "4-biomarkers": [],
    "5-severity": [],
    "6-progression": [],
    "7-claims": ["../../figures/smoke/*.html", "../../figures/smoke/*.zip"],  # and pages, checklists and the crate
}
VICTIMS = ("all", "run", "any")
NEEDED = ("snakemake", "execute", "ipykernel_launcher", "spawn_main")  # words of the processes that "any" is one of
# Files that say when they were made, that change on the way, and that a killed process may leave behind.
DATED = ("/timings/", "/notebooks/", "/recipes/", "provenance.json", ".checkpoint.", ".html", ".crate.zip",
         "/pages/", "searchindex.js", "/.")  # fmt: skip


def digests(project):
    """Digest of each file of the run that is the same whenever it is made."""
    paths = [path for top in ("runs", "figures") for path in (project / top / "smoke").rglob("*") if path.is_file()]
    names = {path.relative_to(project).as_posix(): path for path in paths}
    return {name: sha256(path) for name, path in names.items() if not any(part in name for part in DATED)}


def start(project, until, mark):
    """Start the run; returns the process."""
    command = [sys.executable, "-m", "study", "run", "smoke", *(["--until", until] if until else [])]
    environment = {**os.environ, MARK: mark, "PYTHONPATH": str(project)}
    with open(project / "printed.txt", "a") as printed:
        return subprocess.Popen(command, cwd=project, env=environment, stdout=printed, stderr=printed)


def processes_of(mark):
    """All processes of a run that still do something."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill(run, mark, victim):
    """Kill the victim; returns who it was, and the processes that are left when the time is over."""
    everybody = processes_of(mark)
    needed = {}
    for process in everybody:
        with contextlib.suppress(psutil.Error):
            needed |= {word: process for word in NEEDED if word in " ".join(process.cmdline())}
    if victim == "any" and needed:
        victim = random.choice(sorted(needed))
    for process in {"all": everybody, **{word: [one] for word, one in needed.items()}}.get(victim, [run]):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    threading.Thread(target=run.wait, daemon=True).start()  # so that it does not stay as a process that has ended
    deadline = time.monotonic() + LONGEST_S
    while (left := processes_of(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return victim, left


def undo(project, phase):
    """Take away what a phase made, so that it has something to do again; a newer recipe of the same words has not."""
    folder = project / "runs" / "smoke"
    for path in [path for pattern in [f"values/{phase}.json", *PHASES[phase]] for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def kills(project, phases, n_kills, seconds):
    """Kill and resume until either is used up; returns a row for each kill."""
    start(project, "", "").wait()
    whole, rows, deadline = digests(project), [], time.monotonic() + seconds
    each = -(-n_kills // len(phases))
    for number, phase in enumerate(phases):
        until = "" if phase == "7-claims" else phase.split("-")[1]
        began = time.monotonic()
        ends = began + (deadline - began) / (len(phases) - number)
        undo(project, phase)
        start(project, until, "").wait()
        takes = time.monotonic() - began
        undo(project, phase)
        done = 0
        while done < each and time.monotonic() < ends:
            mark, after = uuid.uuid4().hex, random.uniform(0, takes)
            run = start(project, until, mark)
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(after)
                undo(project, phase)  # it is complete
                continue
            done += 1
            who, left = kill(run, mark, VICTIMS[len(rows) % len(VICTIMS)])
            half = [name for name, digest in digests(project).items() if digest != whole.get(name)]
            row = {"phase": phase, "after_s": round(after, 1), "killed": who}
            row |= {"left": len(left), "half_files": " ".join(half)}
            rows.append(row)
            print(*row.values(), flush=True)
            for process in left:
                process.kill()
        if code := start(project, until, "").wait():
            raise SystemExit(f"bench: after {len(rows)} kills the run does not resume ({code}): {project}/printed.txt")
    changed = {name for name in digests(project).keys() | whole.keys() if digests(project).get(name) != whole.get(name)}
    return pd.DataFrame(rows), sorted(changed)


def main():
    """Kill until the number or the time is used up; exit with 1 if anything was left, half or different."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.kills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=f"any of {', '.join(PHASES)}; without any, all")
    parser.add_argument("--kills", type=int, default=200, help="how many, over all phases")
    parser.add_argument("--minutes", type=float, default=120, help="the longest time for them")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and the victims")
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        project = clone(Path(folder) / "study")
        for top in ("runs", "figures"):
            if (ROOT / top / "smoke").is_dir():  # saves the first run, if it is up to date
                shutil.copytree(ROOT / top / "smoke", project / top / "smoke")
        rows, changed = kills(project, asked.phases or list(PHASES), asked.kills, 60 * asked.minutes)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows.to_csv(FOLDER / "kills.csv", index=False)
    n_half = int((rows["half_files"] != "").sum())
    print(f"kills: {len(rows)}, processes left: {rows['left'].sum()}, kills with half files: {n_half}, "
          f"files that differ in the end: {' '.join(changed) or 'none'}")  # fmt: skip
    sys.exit(bool(rows["left"].sum() or n_half or changed))


if __name__ == "__main__":
    main()
