"""How the benches measure: a whole command, timed from outside; one row of runs/bench/results.csv per measurement."""

import os
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / ".venv" / "bin" / "study"
FOLDER = ROOT / "runs" / "bench"
RESULTS = FOLDER / "results.csv"
NAN = float("nan")
COLUMNS = ["what", "size", "wall_s", "cpu_s", "peak_mib", "compared_with", "ratio", "versions"]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
VERSIONS = f"cores={CORES} " + " ".join(
    f"{name}={version(name)}" for name in ("torch", "openvino", "numpy", "snakemake", "papermill")
)


def timed(command, cwd):
    """Run a command; return wall seconds, CPU seconds with its children, peak memory (MiB), and what it printed."""
    # As in a user's shell, without the settings of this process's own environment.
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")}
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak, over = [0.0], threading.Event()

    def watch():
        while not over.wait(0.1):
            peak[0] = max(peak[0], memory_mib(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    printed = []
    for line in process.stdout:
        printed.append(line)
        sys.stderr.write(f"    {line}")
    process.wait()
    over.set()
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    if process.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, command))} failed in {cwd}")
    return time.perf_counter() - started, cpu, peak[0], "".join(printed)


def memory_mib(pid):
    """Memory of a process and its descendants, shared pages counted once (PSS)."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 2**20


def record(what, size, wall, cpu, peak, compared_with="", ratio=None, versions=VERSIONS):
    """Append one row to the results and print it."""
    row = pd.DataFrame(
        [[what, size, round(wall, 2), round(cpu, 2), np.round(peak), compared_with, ratio, versions]], columns=COLUMNS
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    if RESULTS.is_file():
        row = pd.concat([pd.read_csv(RESULTS), row], ignore_index=True)
    row.to_csv(RESULTS, index=False)
    print(row.tail(1).drop(columns="versions").to_string(index=False), flush=True)
