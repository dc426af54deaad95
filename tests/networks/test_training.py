import json
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from helpers.project import ROOT
from helpers.toys import KILLED, settings, toy_sections, without_batch_norm
from study import workflow
from study.measures import overlap
from study.networks import models, network, ranks, training
from study.networks.checkpoint import Checkpoint
from study.networks.samples import sample
from study.networks.segmentation import Segmenter, large_parts, mirrored_parts
from study.run import Run
from study.scans.ct import scan_from_array, write_mask, write_scan

pytestmark = pytest.mark.filterwarnings("ignore")  # torch, MONAI and OpenVINO warn of each other's versions
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def test_a_resnet_34_has_the_parameters_of_the_published_one():
    encoder = network.ResNet34Encoder(3, 64)
    n_parameters = sum(parameter.numel() for parameter in encoder.parameters())
    assert n_parameters == 21_284_672  # He et al. 2016: 21.80 million with the classifier's 513,000


def test_encoder_weights_from_a_file_and_a_clear_refusal(tmp_path):
    from safetensors.torch import save_file

    source = network.ResNet34Encoder(3, 64)
    save_file(
        {name: tensor.contiguous() for name, tensor in source.state_dict().items()}, tmp_path / "resnet34.safetensors"
    )
    target = network.InfectionUNet(5, 64)
    network.load_encoder(target, tmp_path / "resnet34.safetensors")
    np.testing.assert_array_equal(
        target.encoder.layer3[0].conv1.weight.detach(), source.layer3[0].conv1.weight.detach()
    )
    grey = torch.ones(1, 1, 64, 64)
    torch.testing.assert_close(target.encoder.conv1(grey.repeat(1, 5, 1, 1)), source.conv1(grey.repeat(1, 3, 1, 1)))
    with pytest.raises(ValueError, match=r"resnet34\.safetensors: not the weights of a ResNet-34 of this width"):
        network.load_encoder(network.InfectionUNet(3, 16), tmp_path / "resnet34.safetensors")


@pytest.mark.parametrize("task", models.TASKS)
def test_training_goes_on_from_trained_weights_and_sees_more_sections(trained, task):
    before = models.Network(trained, task)
    wider = settings(task, neighbours=before.n_sections // 2 + 1)
    model = network.build(wider.architecture)
    network.load_weights(model, models.weights(trained, task))
    channels = torch.stack([sample(toy_sections(0), z, wider)["channels"] for z in range(2, 6)])
    expected = before.probability(channels[:, 1:-1].numpy())
    with torch.inference_mode():
        answer = torch.sigmoid(model.eval()(channels))[:, 0].numpy()
    np.testing.assert_allclose(answer, expected, atol=2e-3)
    narrower = network.build(settings(task, lung_width=3, encoder_width=4).architecture)
    with pytest.raises(ValueError, match=rf"{task}\.safetensors: weights of another network .* set encoder_width and"):
        network.load_weights(narrower, models.weights(trained, task))


def test_the_card_keeps_what_a_training_started_from_and_no_path(trained, tmp_path):
    told = models.origin(trained, "lung")
    assert told["sha256"] == models.read_card(trained, "lung")["digests"]["lung.safetensors"]
    one = settings("lung", start_from=str(trained))
    models.save(network.build(one.architecture), one, {"threshold": 0.5, "started_from": told}, tmp_path)
    card = models.read_card(tmp_path, "lung")
    assert card["started_from"] == told
    assert not card["settings"]["start_from"].startswith("/")


def test_the_loss_does_not_look_where_nothing_counts():
    loss = network.WeightedLoss()
    logits, target = torch.randn(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)
    target[:, :, 2:4] = 1
    weight = torch.zeros(2, 1, 8, 8)
    weight[..., :4] = 1
    other = torch.where(weight > 0, logits, -logits + 3)
    torch.testing.assert_close(loss(logits, target, weight), loss(other, target, weight))


def test_the_loss_is_least_at_the_shares_that_it_is_given():
    loss, target = network.WeightedLoss(), torch.rand(2, 1, 16, 16) * 0.8 + 0.1
    weight, at = torch.ones_like(target), torch.logit(target)
    least = loss(at, target, weight)
    assert all(loss(at + change, target, weight) > least for change in (-0.3, 0.3))
    assert loss(torch.where(target > 0.5, at + 2, at - 2), target, weight) > least  # as hard labels would have it
    torch.testing.assert_close(loss.dice(at, target), torch.tensor(0.0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_that_is_killed_in_the_middle_of_an_epoch_ends_with_the_same_bits(precision, tmp_path):
    toys, one = [toy_sections(k) for k in range(3)], settings("infection", **KILLED, precision=precision)
    training.train(toys, toys[:1], one, tmp_path / "whole", progress=False)
    killed = subprocess.run(
        [sys.executable, ROOT / "tests" / "helpers" / "killed_training.py", precision, tmp_path / "parts"]
    )
    assert killed.returncode == -signal.SIGKILL
    *_, half_way = Checkpoint(tmp_path / "parts", one, "").load(*untrained(one))
    assert half_way["epoch"] == 1
    training.train(toys, toys[:1], one, tmp_path / "parts", progress=False)
    whole, parts = (contents(tmp_path / name / "infection.checkpoint.safetensors") for name in ("whole", "parts"))
    assert parts == whole  # weights, optimiser and history


def contents(path):
    """Each tensor's bytes and what is said of them; the file's own bytes vary, as it orders what is said at will."""
    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()} | file.metadata()


def untrained(one):
    model = network.build(one.architecture)
    return model, torch.optim.AdamW(model.parameters())


def test_processes_under_torchrun_learn_what_one_learns(tmp_path):
    """Two processes by gloo: alike to the bit, and to rounding like one that has whole batches.

    That holds for a network without batch norm; with it each process has the statistics of its own half.
    """
    script = [ROOT / "tests" / "helpers" / "trained_in_ranks.py", tmp_path]
    done = subprocess.run([*TORCHRUN, *script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    alone, history = without_batch_norm(tmp_path / "alone")
    first, second = (load_file(tmp_path / f"plain-{rank}.safetensors") for rank in (0, 1))
    for name, tensor in alone.state_dict().items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], tensor, rtol=1e-4, atol=1e-6)
    together = json.loads((tmp_path / "history.json").read_text())
    np.testing.assert_allclose(together["loss"], history["loss"], rtol=1e-5)
    assert [path.name for path in (tmp_path / "together").iterdir()] == ["lung.checkpoint.safetensors"]
    first, second = (load_file(tmp_path / f"unet-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_notebook_trains_in_two_processes(project):
    """As `study run` starts it where `processes` is 2: one copy, one set of models, one record is left."""
    run = Run("two", project)
    (project / "parameters" / "two.yaml").write_text(
        "train: {lung_pixels: 64, infection_pixels: 32, lung_sections: 16, infection_sections: 16, lung_epochs: 1, "
        "infection_epochs: 1, encoder_width: 8, lung_width: 2, batch_size: 8, threads: 1, pixel_mm: 2.5}"
    )
    workflow.plan(run)
    rows = []
    for k in range(3):
        toy = toy_sections(k)
        scan = write_scan(run.training / f"hu-{k}.nii.gz", toy.hu, toy.spacing_mm)
        row = {"scan_id": toy.scan_id, "patient_id": toy.scan_id, "image": scan.path.name, "slice_thickness_mm": 10}
        for name in ("lung", "infection"):
            row[f"{name}_mask"] = f"{name}-{k}.nii.gz"
            write_mask(run.training / row[f"{name}_mask"], getattr(toy, name), scan)
        rows.append(row)
    pd.DataFrame(rows).to_csv(run.training / "scans.csv", index=False)
    command = [*TORCHRUN, "-m", "study", "execute", "2-train", "two"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (run.folder / "notebooks").iterdir()] == ["2-train.ipynb"]
    assert [path.name for path in (run.folder / "timings").iterdir()] == ["2-train.json"]
    assert set(models.take_over(run.models, project / "taken")) == {"lung", "infection"}
    assert run.recorded("2-train").loc["held_out_dice_lung_mean", "n"] == 1


def test_more_processes_than_graphics_cards_are_refused(monkeypatch):
    for name, content in (("TORCHELASTIC_RUN_ID", "1"), ("LOCAL_RANK", "2"), ("LOCAL_WORLD_SIZE", "3")):
        monkeypatch.setenv(name, content)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="3 processes on a machine with 2 GPUs"), ranks.joined():
        pass


def test_a_batch_that_cannot_be_divided_is_refused(monkeypatch):
    monkeypatch.setattr(ranks, "size", lambda: 3)
    with pytest.raises(ValueError, match="a batch of 8 cannot be divided evenly among 3 processes; set batch_size"):
        training.batches([toy_sections(0)], settings("lung"), 0, None)


@pytest.mark.parametrize("wrong", [{"augmentation": "strong"}, {"precision": "float16"}])
def test_an_unknown_word_among_the_settings_is_refused(wrong):
    ((name, word),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be one of .*, not '{word}'"):
        settings("infection", **wrong)


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path):
    toys = [toy_sections(0)]
    training.train(toys, toys, settings("lung", epochs=1), tmp_path, progress=False)
    _, history, _ = training.train(toys, toys, settings("lung", epochs=1, learning_rate=1e-4), tmp_path, progress=False)
    assert len(history) == 1


def test_a_checkpoint_of_other_sections_or_held_out_patients_is_not_resumed(tmp_path, monkeypatch):
    (tmp_path / "scans.csv").touch()
    table = pd.DataFrame({"patient_id": list("abcd"), "scan_id": list("1234")})
    identified = []

    def train(training_set, held_out, settings, folder, data_digest, progress):
        identified.append(data_digest)
        raise InterruptedError

    monkeypatch.setattr(training, "load_sections", lambda *_: [])
    monkeypatch.setattr(training.model_card, "learnt_from", lambda *_: {})
    monkeypatch.setattr(training, "train", train)
    code = {"of": "yesterday"}
    monkeypatch.setattr(training.digests, "of_names", lambda *names: f"{names} {code['of']}")
    for change in ({}, {"section_mm": [10.0]}, {"held_out_share": 0.5}, {"increment_mm": [5.0, 10.0]}, {}):
        given = {"section_mm": [5.0, 10.0], "held_out_share": 0.25, "increment_mm": [5.0], **change}
        with pytest.raises(InterruptedError):
            training.train_models(table, tmp_path, tmp_path, [settings("lung")], progress=False, **given)
    assert identified[0] == identified[-1] and len(set(identified)) == 4
    code["of"] = "today"
    with pytest.raises(InterruptedError):
        training.train_models(table, tmp_path, tmp_path, [settings("lung")], progress=False, **given)
    assert identified[-1] != identified[0]


def test_networks_that_are_trained_at_the_same_time_learn_what_each_learns_alone(tmp_path, monkeypatch):
    (tmp_path / "scans.csv").touch()
    table = pd.DataFrame({"patient_id": list("abc"), "scan_id": list("123")})
    monkeypatch.setattr(training, "load_sections", lambda scans, *_: [toy_sections(int(k)) for k in scans["scan_id"]])
    monkeypatch.setattr(training.model_card, "learnt_from", lambda *_: {})
    monkeypatch.setattr(training.model_card, "write", lambda *_: {"threshold": 0.5})
    both, given = [settings("lung", workers=1), settings("infection", workers=1)], ([5.0], 0.3)
    cards = training.train_models(table, tmp_path, tmp_path / "together", both, *given)
    assert list(cards) == ["lung", "infection"]
    for one in both:
        training.train_models(table, tmp_path, tmp_path / "alone", [one], *given)
        name = f"{one.task}.checkpoint.safetensors"
        assert contents(tmp_path / "together" / name) == contents(tmp_path / "alone" / name)


def test_no_patient_is_on_both_sides():
    table = pd.DataFrame({"patient_id": ["a", "a", "b", "c", "d"], "scan_id": list("12345")})
    shown, held_out = training.split_patients(table, 0.3, seed=1)
    assert not set(shown["patient_id"]) & set(held_out["patient_id"])
    assert len(shown) + len(held_out) == 5
    with pytest.raises(ValueError, match="at least two are needed"):
        training.split_patients(table.iloc[:2], 0.3, seed=1)


@pytest.mark.parametrize(
    ("lost", "errors", "chosen"),
    [
        ([0.2, 0.0, 0.0], [0.0, 0.0, 0.0], 0.5),  # nearest 0.5 of equals
        ([0.2, 0.009, 0.0], [0.0, 0.01, -0.02], 0.5),  # less bias, and not told from the best
        ([0.2, 0.009, 0.0], [0.0, 0.01, -0.005], 0.7),
        ([0.2, 0.011, 0.0], [0.0, 0.0, -0.02], 0.7),  # without bias, but worse
    ],
)
def test_the_threshold_has_the_least_bias_of_those_not_told_from_the_best(lost, errors, chosen):
    # Two scans, of which one loses 0.02 more than the other: a standard error of 0.01.
    scans = [
        pd.DataFrame({"scan_id": scan, "threshold": [0.3, 0.5, 0.7], "error": np.add(errors, 3 * c),
                      "score": 0.8 - np.add(lost, c * (np.array(lost) > 0))})
        for scan, c in (("a", -0.01), ("b", 0.01))
    ]  # fmt: skip
    assert training.choose_threshold(pd.concat(scans)) == chosen
    assert training.choose_threshold(scans[0]) == (0.5 if lost[1] <= 0.01 else 0.7)  # one scan: no standard error


def test_a_mean_of_weights_is_one_of_statistics_too():
    one, other = (network.build(settings("lung").architecture) for _ in range(2))
    for k, model in enumerate((one, other)):
        for tensor in model.state_dict().values():
            tensor.fill_(k)
    network.mix(one, other.state_dict(), 0.25)
    assert all((tensor == (0.25 if tensor.is_floating_point() else 0)).all() for tensor in one.state_dict().values())


def test_a_training_keeps_a_share_of_the_weights_that_it_started_from(trained, tmp_path):
    toys, start = [toy_sections(0)], load_file(models.weights(trained, "lung"))
    ends = {}
    for share in (0.0, 0.5, 1.0):
        one = settings("lung", start_from=str(trained), keep_of_start=share)
        model, _, dice = training.train(toys, toys, one, tmp_path / str(share), progress=False)
        ends[share] = model.state_dict()
        probability = training.predict(model, toys[0], one)
        at_half = dice.loc[dice["threshold"] == 0.5, "dice"].item()
        assert at_half == pytest.approx(overlap.dice(probability >= 0.5, toys[0].lung))
    for name, tensor in ends[0.5].items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (ends[0.0][name] + start[name].float()) / 2)
            torch.testing.assert_close(ends[1.0][name], start[name].float())


def test_a_healthy_scan_in_which_infection_is_found_lowers_the_score(monkeypatch):
    ill, healthy = toy_sections(1), toy_sections(2)
    healthy.infection_share[:] = 0
    false = np.zeros(healthy.hu.shape, bool)
    z, y, x = (axis[: int(healthy.lung.sum() * training.FALSE_POI)] for axis in np.nonzero(healthy.lung))
    false[z, y, x] = True
    monkeypatch.setattr(
        training, "predict", lambda _, one, __: one.infection * 0.9 + 0.4 * (false if one is healthy else 0)
    )
    found = training.held_out_dice(None, [ill, healthy], settings("infection")).set_index(["scan_id", "threshold"])
    assert found.loc[(ill.scan_id, 0.3), "dice"] == 1 and np.isnan(found.loc[(healthy.scan_id, 0.3), "dice"])
    assert found.loc[(healthy.scan_id, 0.3), "score"] == pytest.approx(0.5, abs=0.02)
    assert found.loc[(healthy.scan_id, 0.5), "score"] == 1
    assert training.choose_threshold(found.reset_index()) > 0.4


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Both networks trained on toys for a few seconds, enough to find discs."""
    folder = tmp_path_factory.mktemp("models")
    toys = [toy_sections(k) for k in range(6)]
    for task in ("lung", "infection"):
        # Targets without augmentation are 0 or 1 and all pixels count, so the networks are certain everywhere: half
        # precision moves them less than 0.002.
        one = settings(task, epochs=20, sections_per_epoch=64, learning_rate=1e-2, augmentation="none", margin_mm=60.0)
        model, *_ = training.train(toys, toys[:1], one, folder, progress=False)
        models.save(model, one, {"threshold": 0.5}, folder)
        channels = torch.stack([sample(toys[0], z, one)["channels"] for z in range(8)])
        with torch.inference_mode():
            expected = torch.sigmoid(model(channels))[:, 0].numpy()
        np.testing.assert_allclose(models.Network(folder, task).probability(channels.numpy()), expected, atol=2e-3)
    return folder


def toy_scan(seed=9):
    toy = toy_sections(seed)
    return toy, scan_from_array(toy.hu, toy.spacing_mm)


def test_trained_networks_find_lungs_and_infection(trained):
    toy, scan = toy_scan()
    label_map = Segmenter(trained).segment(scan)
    assert 2 * ((label_map >= 1) & toy.lung).sum() / ((label_map >= 1).sum() + toy.lung.sum()) > 0.9
    assert 2 * ((label_map == 2) & toy.infection).sum() / ((label_map == 2).sum() + toy.infection.sum()) > 0.7


def test_a_finer_matrix_gives_the_same_answer_on_its_own_grid(trained):
    toy, scan = toy_scan()
    fine = scan_from_array(np.repeat(np.repeat(toy.hu, 4, axis=1), 4, axis=2), (10.0, 0.625, 0.625))
    segmenter = Segmenter(trained)
    coarse, label_map = segmenter.segment(scan), segmenter.segment(fine)
    assert label_map.shape == fine.hu.shape
    ratio = (label_map >= 1).sum() * fine.voxel_ml / ((coarse >= 1).sum() * scan.voxel_ml)
    assert ratio == pytest.approx(1, abs=0.05)


def test_a_scan_without_lung_is_refused_by_name(trained):
    from study.scans.ct import ScanError

    _, scan = toy_scan()
    no_lung = scan_from_array(np.where(scan.hu < -300, 40, scan.hu), scan.spacing_mm)
    with pytest.raises(ScanError, match=r"knee\.nii\.gz: no lung found"):
        Segmenter(trained).segment(no_lung, "knee.nii.gz")


def test_small_parts_of_lung_are_dropped():
    mask = np.zeros((4, 40, 40), bool)
    mask[:, 5:25, 5:15] = mask[:, 5:25, 20:28] = True
    mask[0, 35:37, 35:37] = True
    kept = large_parts(mask)
    assert not kept[0, 35, 35]
    assert kept.sum() == mask.sum() - 4


def test_a_white_lung_stays_and_an_arm_does_not():
    lung_mask = np.zeros((6, 60, 100), bool)
    lung_mask[:, 15:45, 20:42] = lung_mask[:, 12:40, 52:72] = True  # two lungs about x = 46
    body = np.zeros(lung_mask.shape, bool)
    body[:, 5:55, 10:83] = True
    hu = np.where(lung_mask, -800, 40)
    hu[:, :, 50:] = 40  # the left one is white
    both = lung_mask.copy()
    lung_mask[:, 20:40, 88:98] = True  # an arm
    np.testing.assert_array_equal(mirrored_parts(lung_mask, hu, body), both)
    np.testing.assert_array_equal(mirrored_parts(lung_mask, np.full(hu.shape, 40), body), lung_mask)
    np.testing.assert_array_equal(mirrored_parts(lung_mask, np.full(hu.shape, -800), body), lung_mask)


def test_parts_in_no_section_of_the_largest_are_dropped():
    mask = np.zeros((12, 40, 40), bool)
    mask[:5, 5:25, 5:15] = mask[4:8, 5:25, 20:28] = True  # two lungs that overlap in one section
    mask[8:, 5:25, 5:15] = True  # a nose of the size of a lung
    kept = large_parts(mask)
    assert kept[:8].sum() == mask[:8].sum() and not kept[8:].any()
