"""A folder of models that is passed on: complete folders are used, mismatched files are rejected by name."""

import dataclasses
import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.project import ROOT, study
from helpers.toys import settings, toy_sections
from study import workflow
from study.files import write_json
from study.networks import model_card, models, network, training
from study.networks.segmentation import Segmenter
from study.parameters import read_parameters

pytestmark = pytest.mark.filterwarnings("ignore")  # torch, MONAI and OpenVINO warn of each other's versions
LUNG, INFECTION = settings("lung"), settings("infection", neighbours=2)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """Both networks as they are before they learn."""
    folder = tmp_path_factory.mktemp("models")
    for one, name in ((LUNG, "1"), (INFECTION, "2"), (settings("infection"), "1")):
        models.save(network.build(one.architecture), one, {"threshold": 0.5}, folder / name)
    shutil.copytree(folder / "1", folder / "handed")
    for suffix in (*models.SUFFIXES, "json"):
        shutil.copy(folder / "2" / f"infection.{suffix}", folder / "handed")
    return folder


@pytest.fixture
def handed(untrained, tmp_path):
    return shutil.copytree(untrained / "handed", tmp_path / "models")


def edit(folder, task, **changes):
    """Change a card, and let its digests fit the files that lie there."""
    path = folder / f"{task}.json"
    card = json.loads(path.read_text()) | changes
    card["digests"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in card["digests"]}
    path.write_text(json.dumps(card))


def refused(folder, *said):
    with pytest.raises(models.ModelError) as raised:
        Segmenter(folder)
    for words in said:
        assert words in str(raised.value)


def test_a_folder_that_was_handed_on_is_taken_whole(handed, tmp_path):
    cards = models.take_over(handed, tmp_path / "taken")
    assert {task: card["settings"]["neighbours"] for task, card in cards.items()} == {"lung": 0, "infection": 2}
    taken = Segmenter(tmp_path / "taken")
    section = np.zeros((1, 5, 64, 64), np.float32)
    np.testing.assert_array_equal(
        taken.infection.probability(section), models.Network(handed, "infection").probability(section)
    )


def test_saving_warns_of_nothing_and_all_files_may_be_read_alike(tmp_path):
    """A warning would stand in the executed notebook of every run."""
    before = os.umask(0o022)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", torch.jit.TracerWarning)
            models.save(network.build(LUNG.architecture), LUNG, {"threshold": 0.5}, tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_openvino_reports_to_nobody_that_it_is_used(handed):
    """Else it would send an event over the network for each import, and several for each network that is saved."""
    models.Network(handed, "lung")
    from openvino.tools.ovc import convert_impl, telemetry_utils

    assert {part.tm.__name__ for part in (convert_impl, telemetry_utils)} == {"openvino.tools.ovc.telemetry_stub"}


def test_the_card_of_an_older_training_is_read_as_it_stands(handed, tmp_path):
    """How a network was trained does not matter for measuring: a setting that has another name today is kept."""
    card = json.loads((handed / "infection.json").read_text())
    older = {name: item for name, item in card["settings"].items() if name != "augmentation"}
    edit(handed, "infection", settings=older | {"randomisation": "wide"})
    cards = models.take_over(handed, tmp_path / "taken")
    assert cards["infection"]["settings"]["randomisation"] == "wide"
    assert Segmenter(tmp_path / "taken").infection.settings == cards["infection"]["settings"]


def test_a_file_that_is_missing_or_another(handed):
    (handed / "infection.bin").write_bytes(b"other weights")
    refused(handed, "infection.bin: does not match its model card (digest differs)", "copy it again")
    (handed / "infection.bin").unlink()
    refused(handed, "infection.bin: not found", "copy the whole folder")


@pytest.mark.parametrize("threshold", [None, 0, 1.0, 1.5, -0.1, "0.5", True])
def test_a_threshold_that_is_no_probability(threshold, handed):
    edit(handed, "infection", threshold=threshold)
    refused(handed, "infection.json: the threshold is", "between 0 and 1")


def test_a_card_without_a_threshold(handed):
    card = json.loads((handed / "lung.json").read_text())
    del card["threshold"]
    (handed / "lung.json").write_text(json.dumps(card))
    refused(handed, "lung.json: the threshold is None")


def test_cards_or_all_files_of_the_two_networks_swapped(handed):
    for suffixes in (("json",), models.SUFFIXES):
        for suffix in suffixes:
            first, second = handed / f"lung.{suffix}", handed / f"infection.{suffix}"
            first.rename(handed / "between")
            second.rename(first)
            (handed / "between").rename(second)
        refused(handed, "lung.json: this is the card of the infection network, not of the lung network")


def test_weights_or_graph_of_another_architecture(handed, untrained):
    other = untrained / "1"
    shutil.copy(other / "infection.safetensors", handed)
    edit(handed, "infection")
    refused(
        handed,
        "infection.safetensors: the weights do not match infection.json",
        "[8, 3, 7, 7], in the card [8, 5, 7, 7]",
    )
    shutil.copy(untrained / "handed" / "infection.safetensors", handed)
    for suffix in ("xml", "bin"):
        shutil.copy(other / f"infection.{suffix}", handed)
    edit(handed, "infection")
    refused(handed, "infection.xml: the graph takes 3 sections where the card describes 5")
    (handed / "infection.xml").write_text("<net/>")
    edit(handed, "infection")
    refused(handed, "infection.xml: OpenVINO cannot read this graph")


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [("pixel_mm", 0, "pixel_mm is 0"), ("neighbours", 1, "1 neighbours on each side do not make 5 sections")],
)
def test_settings_that_cannot_be(name, number, said, handed):
    card = json.loads((handed / "infection.json").read_text())
    edit(handed, "infection", settings=card["settings"] | {name: number})
    refused(handed, f"infection.json: {said}")


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm"),)


def test_a_pickle_is_never_opened(handed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bare = pickle.dumps(Harmful())
    with zipfile.ZipFile(tmp_path / "zipped", "w") as archive:  # as torch.save writes it
        archive.writestr("archive/data.pkl", bare)
    for content in (bare, (tmp_path / "zipped").read_bytes()):
        (handed / "lung.safetensors").write_bytes(content)
        edit(handed, "lung")
        refused(handed, "lung.safetensors: a pickle", "never read")
    (handed / "lung.safetensors").write_bytes(b"something else")
    refused(handed, "lung.safetensors: not a safetensors file")
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "lung.pth").write_bytes(bare)
    refused(alone, "lung.pth: a pickle", "lung.pth")
    refused(alone / "lung.pth", "lung.pth: a pickle")
    assert not Path("harm").exists()


@pytest.mark.parametrize(
    "card", ["{", "[]", "3", '{"task": "lung"}', '{"task": "lung", "threshold": 0.5, "settings": 3}']
)
def test_a_card_that_is_none(card, handed):
    (handed / "lung.json").write_text(card)
    refused(handed, "lung.json: not a model card")


def test_an_empty_folder_and_a_file_by_one_message_of_the_command(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "scan.nii.gz").write_bytes(b"")
    for given, said in (
        ("empty", "lung.json: no lung network found"),
        ("scan.nii.gz", "is a file; models are"),
    ):
        code, printed = study(tmp_path, "measure", "scan.nii.gz", "--models", given)
        assert code == 1 and said in printed and "make study" in printed
        assert "Traceback" not in printed and len(printed.strip().splitlines()) == 1


def test_a_card_says_what_was_learnt_from_and_what_the_network_is_not_for(tmp_path):
    toys = [toy_sections(k) for k in range(4)]
    toys[0].infection_share[:] = 0
    table = pd.DataFrame({"scan_id": [toy.scan_id for toy in toys], "slice_thickness_mm": [1.0, 2.0, None, 5.0]})
    table["image"] = [f"images/{scan_id}.nii.gz" for scan_id in table["scan_id"]]
    own = model_card.learnt_from(table, tmp_path, toys, [3.0, 10.0])
    assert own["in_words"] == "4 scans (1 without infection), sections of 1-5 mm averaged to 3-10 mm"
    assert own["section_mm"] == [3.0, 10.0]
    unknown = model_card.learnt_from(table.assign(slice_thickness_mm=np.nan), tmp_path, toys, [3.0, 10.0])
    assert unknown["in_words"].endswith(", sections of 3-10 mm")
    assert (own["simulated"], own["with_covid_19"]) == (False, None)
    for toy, pattern in zip(toys, ("covid", "covid", "pneumonia", "pneumonia"), strict=True):
        write_json(tmp_path / "recipes" / f"{toy.scan_id}.json", {"recipe": {"disease": {"pattern": pattern}}})
    phantoms = model_card.learnt_from(table, tmp_path, toys, [1.0])
    assert "1 without infection, 1 with COVID-19, 2 with another pneumonia), sections of 1-5 mm" in phantoms["in_words"]
    dice = pd.DataFrame({"threshold": [0.4, 0.5], "dice": [0.8, 0.7]})
    for data, said in ((own, "patients of the same source"), (phantoms, "trained on phantoms alone, 4 simulated")):
        card = model_card.write("infection", data, pd.DataFrame(), dice, 0.4)
        assert said in card["limits"] and card["limits"].startswith("no clinical use;")
        assert card["scores"]["dice_mean"] == 0.8
    assert "sections of 1-5 mm" in card["intended_use"]


@pytest.mark.parametrize("task", models.TASKS)
def test_the_bundled_cards_are_what_a_training_would_write_today(task):
    card = models.read_card(models.STARTER, task)
    dice = pd.DataFrame({"threshold": [card["threshold"]], "dice": [card["scores"]["dice_mean"]]})
    today = model_card.write(task, card["data"], pd.DataFrame(card["history"]), dice, card["threshold"])
    assert (card["intended_use"], card["limits"]) == (today["intended_use"], today["limits"])
    assert list(card["settings"]) == [field.name for field in dataclasses.fields(training.Settings)]
    file = ROOT / "parameters" / "starter.yaml"
    trained_with = read_parameters(file, workflow.read_notebooks(ROOT))["2-train"]
    for name in ("pixel_mm", "augmentation", "precision", "batch_size", "seed", "threads"):
        assert card["settings"][name] == trained_with[name], name


DROPPED_ELSEWHERE = """
import faulthandler, os, signal, threading
from study.networks.models import STARTER, Network

faulthandler.enable()  # as Jupyter's kernels do
held = [Network(STARTER, "lung")]
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="signals of this kind are not there on Windows")
def test_a_signal_after_a_network_was_dropped_in_another_thread_is_handled():
    """OpenVINO's runtime, given up there, would leave a stack for signals that is no more."""
    done = subprocess.run([sys.executable, "-c", DROPPED_ELSEWHERE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
