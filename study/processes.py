"""The processes of a run: one run at a time, and what a run started ends with it.

A run is a tree of processes: ``study run``, Snakemake, a shell and ``study execute`` for each notebook, its kernel, and
the workers of that. Any of them may be killed, so none relies on another to end it:

- Snakemake and ``study execute`` read their standard input, a pipe whose other end ``study run`` holds. The system
  closes the pipe when ``study run`` is gone, however it ended.
- A kernel watches ``study execute`` (ipykernel does), and a worker the kernel (`end_with_parent`).
- The lock on a run is the system's (``flock``), so it is released with the last process that holds it.
"""

import errno
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

PIPE = "STUDY_RUN_PIPE"  # set in the environment of the processes whose standard input is the pipe
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
LONGEST_S = 8  # between a signal and the end of everything that was started


class RunningError(RuntimeError):
    """The run is being made by another process."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C, or a signal that asks this process to end."""

    def __init__(self, number):
        super().__init__("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stoppable():
    """Raise `Stopped` in this block for Ctrl-C and for signals that ask this process to end.

    It is raised once, so that a second signal does not interrupt the cleanup. A signal that was ignored, as under
    ``nohup``, stays ignored.
    """

    def stop(number, _):
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(number)

    before = {one: signal.getsignal(one) for one in SIGNALS if signal.getsignal(one) != signal.SIG_IGN}
    for one in before:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def only_one(run):
    """Hold the lock on a run, ``runs/<run>/.lock``, which says who holds it.

    It is passed on to Snakemake: when ``study run`` is killed, the lock is held until Snakemake has ended too. For that
    a second start waits; it does not wait for a run that is being made. Where the file system has no locks, there is
    none.

    Parameters
    ----------
    run : study.run.Run

    Raises
    ------
    RunningError
        If another process is making the run; says which.
    """
    import fcntl

    run.folder.mkdir(parents=True, exist_ok=True)
    with open(run.folder / ".lock", "a+", encoding="utf-8") as file:  # not "w", which would empty another's
        deadline = time.monotonic() + 2 * LONGEST_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                pid, host, since = (*file.read().split(), "", "", "")[:3]
                if not _is_gone(pid, host) or time.monotonic() > deadline:
                    raise RunningError(
                        f"the run {run.name} is being made by process {pid or 'unknown'} on {host or 'this machine'}"
                        f"{since and f' since {since}'}; wait until it has ended, or end it: kill {pid}"
                    ) from None
                time.sleep(0.2)
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
                    raise
                break
        file.truncate(0)
        file.write(f"{os.getpid()} {socket.gethostname()} {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}")
        file.flush()
        os.set_inheritable(file.fileno(), True)
        try:
            yield
        finally:
            file.truncate(0)
            if [path.name for path in run.folder.iterdir()] == [".lock"]:  # nothing began: leave nothing behind
                shutil.rmtree(run.folder)


def _is_gone(pid, host):
    """Whether the holder of a lock was a process of this machine that has ended."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def run_together(command, cwd, environment, last_word=signal.SIGKILL, show=None):
    """Run a command whose processes end when this one does; pass its standard output on to standard error.

    Parameters
    ----------
    command : list of (str or Path)
    cwd : Path
    environment : dict of str to str
    last_word : signal.Signals
        What it is sent when this process has to end. By SIGKILL Snakemake starts nothing more and removes nothing; by
        SIGINT it cancels its jobs on a cluster, for which it has `LONGEST_S`.
    show : callable, optional
        Gets each line that its processes write to standard error.

    Returns
    -------
    code : int
        Its exit code; negative if a signal ended it.
    said : str
        What its processes wrote to standard error.
    """
    read, write = os.pipe()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env={**environment, PIPE: "1"},
        stdin=read,
        stdout=2,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches this process alone, which ends the others in order
        close_fds=False,  # the lock is inheritable, and nothing else is
    )
    os.close(read)
    said = []

    def listen():
        for line in process.stderr:
            said.append(line.decode(errors="replace"))
            if show:
                show(said[-1])

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    try:
        process.wait()
    finally:
        process.send_signal(last_word)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LONGEST_S)
        process.kill()
        os.close(write)
        process.wait()
        _wait_for_group(process.pid)
    reader.join(1)
    if not reader.is_alive():
        process.stderr.close()
    return process.returncode, "".join(said)


def _wait_for_group(group):
    """Wait until no process of a group is left; kill those that take too long."""
    deadline = time.monotonic() + LONGEST_S
    try:
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)
    except OSError:
        return


def end_with_run(last_word=signal.SIGTERM):
    """Let this process end as by a signal when the ``study run`` that started it is gone; do nothing if none did."""
    if PIPE in os.environ and stat.S_ISFIFO(os.fstat(0).st_mode):
        if last_word == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored
        threading.Thread(target=_wait_for_end_of_input, args=(last_word,), daemon=True).start()


def _wait_for_end_of_input(last_word):
    while os.read(0, 1):
        pass
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # nobody reads it any more, and Snakemake would end before it cancels
    os.kill(os.getpid(), last_word)
    time.sleep(LONGEST_S)
    os.kill(os.getpid(), signal.SIGKILL)


def end_with_parent(*_):
    """Let this worker of `multiprocessing` end when its parent is gone, and leave Ctrl-C to its parent.

    To be called when a worker starts. A pool's workers hold both ends of the pipe from which they read their tasks, so
    without this they would wait for ever for the next task of a parent that was killed.
    """
    from multiprocessing import parent_process

    def wait(parent):
        parent.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait, args=(parent_process(),), daemon=True).start()


def at_once(do, items, *given):
    """Call ``do(item, *given)`` for several items at the same time, each in a process of its own.

    No process outlives this call, which ends with the first error, nor this process.

    Parameters
    ----------
    do : callable
    items : sequence
    given
        Where processes can be forked, as on Linux, they share the memory of what is given; elsewhere each gets a copy.

    Raises
    ------
    RuntimeError
        If one of the processes was killed.
    Exception
        As ``do`` raised it.
    """
    import multiprocessing
    from multiprocessing.connection import wait

    # A fork inherits no threads: this process must not have computed in several before, as torch may.
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else None)
    running = {}
    try:
        for item in items:
            outcome, told = context.Pipe(duplex=False)
            running[outcome] = context.Process(target=_do_and_tell, args=(told, do, item, given))
            running[outcome].start()
            told.close()
        while running:
            for outcome in wait(list(running)):
                error = _outcome(outcome)
                running.pop(outcome).join()
                if error:
                    raise error
    finally:
        for process in running.values():
            process.terminate()
            process.join()


def _do_and_tell(told, do, item, given):
    end_with_parent()
    try:
        do(item, *given)
        told.send(None)
    except Exception as error:
        told.send(error)


def _outcome(outcome):
    """The error that a process tells of; None if it has done its task."""
    try:
        return outcome.recv()
    except EOFError:
        return RuntimeError("a process was killed, most often because memory ran out; free some memory and run again")
