"""What the bench on speed computes besides time: operations of a network, results in two runtimes, tables."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench import speed
from study.networks import models, network, training
from study.scans.ct import write_scan

pytestmark = pytest.mark.filterwarnings("ignore")  # torch, MONAI and OpenVINO warn of each other's versions


def test_operations_of_known_layers():
    """A convolution: two for each weight that a pixel of its output meets; a batch of 4 sections is 4 of one."""
    layers = nn.Sequential(nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8))
    first, second = 2 * 3 * 8 * 25, 2 * 8 * 9
    assert speed.flop(layers, (4, 3, 32, 48)) == 4 * 16 * 24 * (first + second)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with an untrained infection network, and that network as it was before it was stored."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(3)
    settings = training.Settings("infection", pixel_mm=2.0, encoder_width=16)
    model = network.build(settings.architecture).eval()
    unrounded = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    models.save(model, settings, {"threshold": 0.5}, folder)
    return folder, settings, unrounded


def test_eager_torch_and_the_exported_graph_are_the_same_network(saved):
    folder, settings, _ = saved
    channels = np.random.default_rng(1).normal(size=(3, settings.architecture["sections"], 64, 96)).astype(np.float32)
    by_torch = speed.TorchNetwork(folder, "infection").probability(channels, batch_size=2)
    by_openvino = models.Network(folder, "infection", threads=1).probability(channels, batch_size=2)
    assert by_torch.shape == by_openvino.shape == (3, 64, 96) and by_torch.std() > 0
    np.testing.assert_allclose(by_openvino, by_torch, atol=2e-3)


def test_a_table_of_scans_is_segmented_by_a_command_of_its_own(tmp_path, monkeypatch):
    rows = []
    monkeypatch.setattr(speed, "record", lambda *row: rows.append(row))
    ((scan, *_),) = speed.phantoms(1, 64, 12)
    write_scan(tmp_path / "0.nii.gz", scan.hu, scan.spacing_mm)
    table = pd.DataFrame([{"image": "0.nii.gz", "scan_id": "S0", "patient_id": "S0", "status": "severe"}])
    speed.segment_all(table, tmp_path, models.STARTER, "1 scan 12x64x64")
    ((_, size, wall, _, peak_mib, compared_with, ratio),) = rows
    assert (size, compared_with) == ("1 scan 12x64x64", "s per scan")
    assert ratio == wall > 0 and peak_mib > 10


def test_the_judge_takes_the_weights_of_before_they_were_rounded_where_they_are_kept(saved):
    folder, _, unrounded = saved
    stored = speed.TorchNetwork(folder, "infection").model.state_dict()
    assert any(not torch.equal(stored[name], tensor) for name, tensor in unrounded.items())
    save_file(
        {f"model.{name}": tensor for name, tensor in unrounded.items()}, folder / "infection.checkpoint.safetensors"
    )
    kept = speed.TorchNetwork(folder, "infection").model.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in unrounded.items())
