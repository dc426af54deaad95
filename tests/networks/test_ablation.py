"""The ablation: rows that differ in one parameter, a table of known answers, and 2D as the 2.5D without neighbours."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.project import ROOT
from study import workflow
from study.figures import explain
from study.files import write_json
from study.networks import ablation, models, network, samples, slabs, training
from study.networks.segmentation import Segmenter
from study.parameters import read_parameters
from study.run import Run, value
from study.scans.ct import write_mask


def test_rows_share_scans_and_differ_from_the_base_in_one_thing():
    base, *rows = ablation.runs(ROOT)
    assert base.name == "ablation" and len(rows) >= 4
    notebooks = workflow.read_notebooks(ROOT)
    files = {run.name: ROOT / "parameters" / f"{run.name}.yaml" for run in (base, *rows)}
    of_base = read_parameters(files[base.name], notebooks)["2-train"]
    changes = []
    for run in rows:
        own = read_parameters(files[run.name], notebooks)
        assert own["1-cohort"]["scans"] == "runs/ablation/cohort/scans.csv"
        assert own["1-cohort"]["training_scans"] == "runs/ablation/training/scans.csv"
        changes.append(
            [(name, item) for name, item in own["2-train"].items() if item != of_base[name] and name != "run"]
        )
    assert all(len(change) == 1 for change in changes)
    changed = {name for change in changes for name, _ in change}
    assert {"neighbours", "augmentation", "encoder_width"} <= changed
    assert [("neighbours", 0)] in changes and [("augmentation", "none")] in changes


def a_row(name, root, dice, poi, trained_with):
    """A run as far as the ablation reads it."""
    run = Run(name, root)
    run.record("2-train", [value("held_out_dice_infection_mean", dice[0], n=9)])
    write_json(run.folder / "timings" / "2-train.json", {"seconds": 61.5})
    write_json(workflow.recipe_path(run, "2-train"), {"parameters": {"run": name, **trained_with}})
    scans = pd.DataFrame({"scan_id": ["1", "2", "3", "4"], "patient_id": ["a", "b", "c", "d"]})
    scans.assign(infection_dice=dice, poi=poi, true_poi=0.1).to_csv(run.truth_csv, index=False)
    return run


def test_a_row_is_set_beside_the_base_scan_by_scan(tmp_path):
    base = a_row("ablation", tmp_path, [0.5, 0.6, 0.7, np.nan], 0.10, {"neighbours": 1, "seed": 1})
    flat = a_row("ablation-2d", tmp_path, [0.4, 0.4, 0.4, 0.0], 0.13, {"neighbours": 0, "seed": 1})
    first, second = ablation.table([base, flat]).to_dict("records")
    assert (first["run"], first["changed"]) == ("ablation", "nothing")
    assert (second["run"], second["changed"]) == ("ablation-2d", "neighbours: 0")
    assert (first["dice_mean"], first["dice_sd"], first["dice_median"], first["n"]) == pytest.approx((0.6, 0.1, 0.6, 3))
    assert (second["dice_mean"], second["n"]) == (pytest.approx(0.3), 4)
    # The scan that has a Dice in one of the two alone tells nothing of their difference: -0.1, -0.2, -0.3 are left.
    assert second["difference"] == pytest.approx(-0.2)
    reach = 4.30265 * 0.1 / 3**0.5  # Student's t with two degrees of freedom
    assert (second["difference_low"], second["difference_high"]) == pytest.approx(
        (-0.2 - reach, -0.2 + reach), abs=1e-4
    )
    assert first["difference"] == 0 and np.isnan(first["difference_low"])
    assert (first["poi_bias"], second["poi_bias"]) == pytest.approx((0, 3))
    assert (second["held_out_dice"], second["training_seconds"]) == (0.4, 61.5)


@pytest.mark.filterwarnings("ignore")  # torch, MONAI and OpenVINO warn of each other's versions
def test_without_neighbours_the_network_sees_the_section_itself_and_measures(tmp_path, scan_file):
    one = training.Settings("infection", 2.0, neighbours=0, encoder_width=8, crop_pixels=32)
    lung = training.Settings("lung", 2.0, lung_width=2)
    np.testing.assert_array_equal(slabs.slab_indices(6, 5.0, 0, 10.0), np.arange(6)[:, None])
    scan = scan_file()
    lung_mask = np.zeros(scan.hu.shape, bool)
    lung_mask[2:5, 6:18, 4:12] = True
    share = samples.WHOLE * lung_mask.astype(np.uint8)
    padded = (np.pad(array, [(0, 0), (4, 4), (2, 2)]) for array in (scan.hu, share, share))
    shown = samples.Sections("S", *padded, scan.spacing_mm, -850.0)
    made = samples.augmentation(one)(samples.sample(shown, 3, one))[0]
    assert made["channels"].shape == made["target"].shape == (1, 32, 32)
    for settings in (one, lung):
        torch.manual_seed(1)
        models.save(network.build(settings.architecture), settings, {"threshold": 0.5}, tmp_path)
    assert json.loads((tmp_path / "infection.json").read_text())["architecture"]["sections"] == 1
    found = Segmenter(tmp_path).find_infection(scan, lung_mask)
    assert found.shape == scan.hu.shape and not found[:2].any()
    write_mask(tmp_path / "lung.nii.gz", lung_mask, scan)
    row = {"scan_id": "S", "image": scan.path, "lung_mask": "lung.nii.gz", "infection_mask": "lung.nii.gz"}
    example = samples.example_input(pd.DataFrame([row]), tmp_path, 0, 10.0)
    assert list(example["offsets_mm"]) == [0] and len(example["channels"]) == 1
    assert "an axial CT section that" in explain.network_input(**example).alt
