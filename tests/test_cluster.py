"""A run on a cluster: one SLURM node on this machine, as `.ci/slurm` starts it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from helpers.prepared import prepared_run, write_parameters
from helpers.project import ROOT, ran, study

READY = ("idle", "mix", "alloc")  # states of a node


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """The profile of the project with this cluster's account and partition, as a user fills it in."""
    state = ["sinfo", "--noheader", "--format=%t"]
    is_up = shutil.which("sinfo") and subprocess.run(state, capture_output=True, text=True).stdout.strip() in READY
    if not is_up:
        pytest.skip("there is no SLURM node here; .ci/slurm starts one on Debian with slurm-wlm and munge")
    text = (ROOT / "profiles" / "slurm" / "config.yaml").read_text()
    for word, here in (("your-account", "test"), ("your-partition", "main"), ("# slurm-status", "slurm-status")):
        assert word in text
        text = text.replace(word, here)
    folder = tmp_path_factory.mktemp("profile")
    (folder / "config.yaml").write_text(text)
    return folder


def jobs():
    """The SLURM jobs that run: what Snakemake says of each, such as rule_shard_wildcards_2_4 -> its number."""
    printed = subprocess.run(["squeue", "--noheader", "--format=%k %i %T"], capture_output=True, text=True).stdout
    return {words[0]: words[1] for words in map(str.split, printed.splitlines()) if words[2] == "RUNNING"}


def made_by_notebook_3(run):
    """What must not depend on how the scans were shared out."""
    files = [*run.masks.glob("*.nii.gz"), *run.folder.glob("*.csv"), run.values / "3-segment.json"]
    files += run.figures.iterdir()
    return {path.relative_to(run.root): path.read_bytes() for path in files}


def test_four_shards_on_a_cluster_give_the_bytes_of_one_and_a_cancelled_shard_is_redone_alone(project, profile):
    run = prepared_run(project, "tiny", "n_shards: 1")
    code, printed = study(project, "run", "tiny", "--until", "segment")
    assert (code, ran(printed)) == (0, ["3-segment"]), printed
    whole = made_by_notebook_3(run)
    assert len(whole) > 30
    shutil.rmtree(run.masks)

    write_parameters(project, "tiny", "n_shards: 4")
    command = [sys.executable, "-m", "study", "run", "tiny", "--until", "segment", "--profile", profile]
    words = ["--", "--slurm-init-seconds-before-status-checks", "2", "--slurm-keep-successful-logs"]
    running = subprocess.Popen(
        [*map(str, command), *words], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    cancelled = None
    while running.poll() is None and cancelled is None:
        time.sleep(0.5)
        cancelled = jobs().get("rule_shard_wildcards_2_4")
    subprocess.run(["scancel", cancelled], check=True)
    printed, _ = running.communicate()
    assert running.returncode == 0, printed
    assert made_by_notebook_3(run) == whole
    told = re.findall(r"^3-segment (\d/4) +(.+)$", printed, re.MULTILINE)
    for shard in ("1/4", "2/4", "3/4", "4/4"):
        again = ["failed", "is tried again", "submitted"] if shard == "3/4" else []
        steps = [what.split(" (")[0] for name, what in told if name == shard]
        assert steps == ["submitted", *again, "done"], printed
    logs = project / ".snakemake" / "slurm_logs" / "rule_shard"
    assert {folder.name: len(list(folder.iterdir())) for folder in logs.iterdir()} == {
        "0_4": 1, "1_4": 1, "2_4": 2, "3_4": 1,
    }  # fmt: skip


SLEEPING = """\
import signal
from study import processes
processes.end_with_run(signal.SIGINT if "cores" not in config else signal.SIGTERM)
rule segment:
    output: "never"
    resources: mem_mb=100, runtime=10
    shell: "sleep 120"
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_jobs_of_a_run_that_is_stopped_or_killed_are_cancelled(tmp_path, profile, how):
    (tmp_path / "Snakefile").write_text(SLEEPING)
    code = f"""if True:
        from study import processes, workflow
        from study.run import Run
        with processes.stoppable():
            workflow.snakemake(Run("sleeping", {str(tmp_path)!r}), targets=["segment"], profile={str(profile)!r})"""
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while "rule_segment" not in jobs():
        assert running.poll() is None, running.communicate()[0].decode()
        time.sleep(0.5)
    os.kill(running.pid, how)
    running.communicate()
    deadline = time.monotonic() + 60
    while "rule_segment" in jobs() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert "rule_segment" not in jobs()
