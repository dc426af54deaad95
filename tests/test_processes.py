"""One run at a time, and nothing that a run started outlives it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.project import ROOT
from study import processes
from study.run import Run

TREE = ROOT / "tests" / "helpers" / "tree.py"


def wait_for(is_so, seconds=15):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid):
    """Whether a process runs; one that has ended and that nobody has asked for does not."""
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.fixture
def tree(tmp_path):
    """A run with its job and its worker: the process, and the number of each."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(TREE), "run", str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as run:
        wait_for((tmp_path / "worker").exists)
        yield run, {what: int((tmp_path / what).read_text()) for what in ("run", "job", "worker")}
        run.kill()


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")])
def test_a_signal_ends_all_with_one_line(tree, number, name):
    run, pids = tree
    run.send_signal(number)
    assert run.communicate(timeout=60)[0] == f"stopped by {name}\n"
    assert run.returncode == 128 + number
    wait_for(lambda: not any(map(is_alive, pids.values())))


@pytest.mark.parametrize("victim", ["run", "job"])
def test_who_is_killed_leaves_no_process(tree, victim):
    run, pids = tree
    os.kill(pids[victim], signal.SIGKILL)
    run.wait(10)
    wait_for(lambda: not any(map(is_alive, pids.values())))


def test_a_second_start_is_told_who_makes_the_run(tmp_path):
    run = Run("mine", tmp_path)
    with processes.only_one(run), pytest.raises(processes.RunningError, match=f"mine.* by process {os.getpid()} on "):
        (run.folder / "biomarkers.csv").write_text("")
        with processes.only_one(run):
            pass
    with processes.only_one(run):
        pass
    assert (run.folder / ".lock").read_text() == ""


def test_a_killed_holder_leaves_no_lock(tmp_path):
    run = Run("mine", tmp_path)
    code = (
        "import os, signal; from study import processes; from study.run import Run\n"
        f"with processes.only_one(Run('mine', {str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert (run.folder / ".lock").read_text() != ""
    with processes.only_one(run):
        pass


def test_a_second_start_waits_for_what_is_left_of_a_killed_run(tmp_path):
    run = Run("mine", tmp_path)
    code = (
        "import os, signal, subprocess, sys; from study import processes; from study.run import Run\n"
        f"with processes.only_one(Run('mine', {str(tmp_path)!r})):\n"
        "    subprocess.Popen(['sleep', '2'], close_fds=False); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    started = time.monotonic()
    with processes.only_one(run):
        assert time.monotonic() - started > 0.5


def test_a_run_that_never_began_leaves_no_folder(tmp_path):
    run = Run("mine", tmp_path)
    with pytest.raises(ValueError), processes.only_one(run):
        raise ValueError
    assert not run.folder.exists()


def meet(item, folder, items):
    """Wait until all items are being done, then fail for the one that is no number."""
    (folder / item).write_text(str(os.getpid()))
    wait_for(lambda: all((folder / other).exists() for other in items))
    float(item)


def test_what_is_done_at_once_is_done_at_the_same_time(tmp_path):
    processes.at_once(meet, ["1", "2"], tmp_path, ["1", "2"])
    assert len({os.getpid(), *(int((tmp_path / item).read_text()) for item in "12")}) == 3


def stay(item, folder):
    (folder / item).write_text(str(os.getpid()))
    if item == "faulty":
        wait_for((folder / "long").exists)
        raise ValueError("give another item")
    if item == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


@pytest.mark.parametrize(
    ("item", "error", "words"),
    [("faulty", ValueError, "^give another item$"), ("killed", RuntimeError, "was killed, .* free some memory")],
)
def test_the_first_error_ends_all_that_is_done_at_once(tmp_path, item, error, words):
    with pytest.raises(error, match=words):
        processes.at_once(stay, ["long", item], tmp_path)
    assert not any(is_alive(int(path.read_text())) for path in tmp_path.iterdir() if path.read_text())


def test_what_is_done_at_once_ends_with_who_asked_for_it(tmp_path):
    command = [sys.executable, ROOT / "tests" / "helpers" / "at_once.py", tmp_path]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}) as asking:
        wait_for(lambda: all((tmp_path / item).exists() for item in ("one", "other")))
        asking.kill()
    pids = [int(path.read_text()) for path in tmp_path.iterdir()]
    wait_for(lambda: not any(map(is_alive, pids)))
