"""Trainings with other seeds: what is told of known values, and of claims whose answer hangs on the seed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from study import workflow
from study.claims import paper, verdicts
from study.figures import robustness_plots
from study.files import write_json, write_text
from study.networks import other_seeds
from study.results import claims_over_seeds, seeds
from study.run import RECORDING, Run, value

WEIGHTS = ("lung.safetensors", "infection.safetensors")
OTHERS = {"2": (0.80, "good"), "3": (0.90, "moderate"), "4": (0.85, "good")}


def recorded(auc, word):
    return {
        "5-severity": [value("auc_poi", auc, 0.1, 0.2, n=9, standard_error=0.05)],
        "6-progression": [
            value("kappa_volume_whole", 0.6, 0.5, 0.7),
            value("kappa_clustered_volume_whole", 0.6, 0.4, 0.8),
            value("strength_volume_whole", word),
        ],
    }


@pytest.fixture
def run(tmp_path):
    run = Run("one", tmp_path)
    write_json(run.cohort / "cohort.json", {"tier": "synthetic"})
    for notebook, values in recorded(0.85, "very good").items():
        run.record(notebook, values)
    for name in WEIGHTS:
        write_text(run.models / name, name)
    known = {seed: {name: [] for name in RECORDING} | recorded(*given) for seed, given in OTHERS.items()}
    write_json(run.seeds_json, {"beside": run.digests_of_networks(), "seeds": known})
    write_text(run.models / "lung.checkpoint.safetensors", "of the training")
    return run


def test_the_spread_over_seeds_stands_beside_the_interval_over_patients(run):
    auc, kappa = seeds.table(run).to_dict("records")
    assert auc["number"] == "AUC, POI" and kappa["notebook"] == "6-progression"
    assert auc["seeds"] == [0.85, 0.80, 0.90, 0.85] and auc["n_seeds"] == 4
    assert (auc["lowest"], auc["highest"]) == (0.80, 0.90)
    assert auc["sd_over_seeds"] == pytest.approx(np.sqrt(0.005 / 3))
    # The error over patients, and not the recorded interval, which may take scans as independent.
    assert (auc["low"], auc["high"]) == pytest.approx((0.85 - 1.959964 * 0.05, 0.85 + 1.959964 * 0.05))
    assert auc["ratio"] == pytest.approx(auc["sd_over_seeds"] / 0.05)
    assert (kappa["low"], kappa["high"], kappa["sd_over_seeds"], kappa["ratio"]) == (0.4, 0.8, 0, 0)
    assert "AUC, POI 0.800 to 0.900" in seeds.in_words(run, "5-severity")


def test_nothing_is_told_beside_other_networks(run):
    write_text(run.models / WEIGHTS[1], "trained again")
    assert seeds.read(run) == [] and not len(seeds.table(run))
    assert "make seeds" in seeds.in_words(run, "5-severity")
    run.seeds_json.unlink()
    assert seeds.read(run) == []


def test_a_claim_whose_word_hangs_on_the_seed_says_so(run):
    listed = paper.read_paper()
    compared = verdicts.compare(listed, verdicts.gather(listed.claims, run), run.tier)
    told = claims_over_seeds.remarked(compared, listed, run)
    remarks = told.set_index("id")["remark"]
    assert remarks["abstract_strength"].endswith(
        "hangs on the seed of the training: very good (1 of 4), good (2 of 4), moderate (1 of 4)"
    )
    changed = told["remark"] != compared["remark"]
    assert set(told.loc[changed, "name"]) == {"strength_volume_whole"}
    assert told.drop(columns="remark").equals(compared.drop(columns="remark"))


def test_the_figure_shows_each_seed_in_units_of_the_interval(run):
    figure = robustness_plots.over_seeds(seeds.table(run))
    (ax,) = figure.axes
    others = ax.lines[1].get_xdata()
    assert others == pytest.approx(np.array([-0.05, 0.05, 0]) / (1.959964 * 0.05))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["AUC, POI", "Kappa, extent"]
    assert "AUC, POI 0.800 to 0.900 over 4 seeds" in figure.alt
    assert "no number" in robustness_plots.over_seeds(seeds.table(run).iloc[:0]).axes[0].texts[0].get_text()


def a_finished_run(project, **train):
    run = Run("smoke", project)
    workflow.plan(run)
    for name in RECORDING:
        run.record(name, [])
    recipe = json.loads(workflow.recipe_path(run, "2-train").read_text())
    recipe["parameters"] |= train
    write_json(workflow.recipe_path(run, "2-train"), recipe)
    return run


def test_the_other_runs_differ_from_the_base_in_the_seed_of_the_training_alone(project, read_once):
    base = a_finished_run(project)
    made = other_seeds.runs(base, 3)
    assert [run.name for run, _ in made] == ["smoke-seed-2", "smoke-seed-3"]
    for folder in (base.cohort, base.training):
        write_text(folder / "scans.csv", "")  # so that the plan finds them
    of_base = {
        name: json.loads(workflow.recipe_path(base, name).read_text())["parameters"] for name in workflow.NOTEBOOKS
    }
    for seed, (run, path) in enumerate(made, start=2):
        own = workflow.plan(run, path)
        changed = {(notebook, name): item for notebook, parameters in own.items() for name, item in parameters.items()
                   if item != of_base[notebook][name] and name != "run"}  # fmt: skip
        assert changed == {
            ("1-cohort", "scans"): "runs/smoke/cohort/scans.csv",
            ("1-cohort", "training_scans"): "runs/smoke/training/scans.csv",
            ("2-train", "seed"): seed,
        }
        assert yaml.safe_load(path.read_text())["2-train"]["seed"] == seed


def test_all_is_asked_for_that_is_gathered(project, read_once, monkeypatch):
    """Snakemake makes what it is asked for and what that needs: no other notebook needs the values of the fourth."""
    base = a_finished_run(project)
    for folder in (base.cohort, base.training):
        write_text(folder / "scans.csv", "")

    def make_what_is_asked_for(run, cores, targets):
        for target in targets:
            write_json(run.root / target, {"values": [value(f"of_{Path(target).stem}", 1.0)]})

    monkeypatch.setattr(workflow, "snakemake", make_what_is_asked_for)
    monkeypatch.setattr(Run, "digests_of_networks", lambda run: {})
    other_seeds.make(base, 2, 1)
    gathered = json.loads(base.seeds_json.read_text())["seeds"]["2"]
    assert {name: values[0]["name"] for name, values in gathered.items()} == {n: f"of_{n}" for n in RECORDING}


def test_a_run_without_networks_of_its_own_is_refused(project, read_once):
    with pytest.raises(ValueError, match=re.escape("study run smoke")):
        other_seeds.runs(Run("smoke", project), 5)
    with pytest.raises(ValueError, match="takes over networks"):
        other_seeds.runs(a_finished_run(project, models="study/starter"), 5)
