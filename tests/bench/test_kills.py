"""The bench of kills on a run that only waits: who is killed, what is left, which files are looked at."""

import subprocess
import sys

import pytest

from bench import kills
from helpers.project import ROOT


@pytest.mark.parametrize("victim", kills.VICTIMS)
def test_a_kill_is_of_the_run_alone_and_what_it_leaves_is_found(monkeypatch, victim):
    monkeypatch.setattr(kills, "LONGEST_S", 1)
    code = "import subprocess, time; subprocess.Popen(['sleep', '30']); print(flush=True); time.sleep(30)  # execute"
    environment = {**kills.os.environ, kills.MARK: victim}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        who, left = kills.kill(run, victim, victim)
        assert [process.cmdline()[0] for process in left] == ([] if victim == "all" else ["sleep"])
        assert who == {"any": "execute"}.get(victim, victim)
        for process in left:
            process.kill()


def test_a_phase_that_is_complete_is_begun_again_until_it_was_killed_often_enough(tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "smoke"
    (folder / "recipes").mkdir(parents=True)
    make = "sleep 0.4; echo whole > runs/smoke/.part; mv runs/smoke/.part runs/smoke/made.txt"

    def start(project, until, mark):
        assert until == "fake"[: len(until)]
        return subprocess.Popen(["sh", "-c", make], cwd=project, env={**kills.os.environ, kills.MARK: mark})

    monkeypatch.setattr(kills, "start", start)
    monkeypatch.setattr(kills, "PHASES", {"1-fake": ["made*"]})
    rows, changed = kills.kills(tmp_path, ["1-fake"], n_kills=5, seconds=60)
    assert len(rows) == 5 and set(rows["phase"]) == {"1-fake"} and changed == []
    assert (rows["half_files"] == "").all() and rows["after_s"].max() < 30


def test_files_that_say_when_they_were_made_are_left_out(tmp_path):
    dated = ("runs/smoke/timings/1-cohort.json", "figures/smoke/index.html", "runs/smoke/.lock")
    kept = ("figures/smoke/Table_2.csv", "runs/smoke/biomarkers.csv")
    for name in (*dated, "runs/smoke/cohort/.7.partial.scans.csv", *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert sorted(kills.digests(tmp_path)) == list(kept)


def test_the_command_says_what_it_does():
    said = subprocess.run([sys.executable, "-m", "bench.kills", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0 and "--minutes" in said.stdout and "no process may be left" in said.stdout
