"""A tree of processes as a run has it: tree.py run|job|worker FOLDER; each writes its number to FOLDER/<what>.

``run`` starts ``job`` as `study run` starts Snakemake, which starts ``worker`` as the phantom does; both only wait.
"""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from study import processes


def say(folder, what):
    (Path(folder) / f"{what}.new").write_text(str(os.getpid()))
    (Path(folder) / f"{what}.new").rename(Path(folder) / what)


def work(folder):
    processes.end_with_parent()
    say(folder, "worker")
    time.sleep(60)


def die(*_):
    """What a worker does instead of its task."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(what, folder):
    if what == "job":
        with processes.stoppable():
            processes.end_with_run()
            multiprocessing.get_context("spawn").Process(target=work, args=(folder,), daemon=True).start()
            say(folder, "job")
            time.sleep(60)
    try:
        with processes.stoppable():
            say(folder, "run")
            processes.run_together([sys.executable, __file__, "job", folder], folder, os.environ)
    except processes.Stopped as stopped:
        print(f"stopped by {stopped}")
        sys.exit(stopped.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
