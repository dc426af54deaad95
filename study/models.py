"""A folder of trained networks that can be handed to another person: weights, exported graphs, cards, digests.

For each task (``lung``, ``infection``) there are ``<task>.safetensors``, an OpenVINO graph ``<task>.xml`` with
``<task>.bin``, and the model card ``<task>.json``. Nothing here is a pickle; every file must match its digest.
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from study.run import write_json

TASKS = ("lung", "infection")
SUFFIXES = ("safetensors", "xml", "bin")
STARTER = Path(__file__).parent / "starter"  # the networks that come along, trained by parameters/starter.yaml
HOW_TO_MAKE = "`make study` trains them into runs/demo/models; without --models those that come along are taken"


class ModelError(ValueError):
    """A folder of models that cannot be used; the message says why and what to do."""


def save(model, settings, card, folder):
    """Write one trained network: weights, an exported graph for the CPU, and its card.

    Parameters
    ----------
    model : torch.nn.Module
    settings : study.training.Settings
    card : dict
        Threshold, data, scores, intended use and limits; architecture, settings and digests are added here.
    folder : path
    """
    from dataclasses import asdict

    import openvino
    import torch
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    task = settings.task
    (folder / f"{task}.json").unlink(missing_ok=True)  # without its card, half a model is no model
    # Half precision halves the files that are handed on; Dice moves by less than 0.0005 (`make bench`).
    model = model.to("cpu", memory_format=torch.contiguous_format).eval().half()
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / f"{task}.safetensors"
    )
    model = model.float()
    n_channels = settings.architecture.get("sections", 1)
    graph = openvino.convert_model(
        torch.nn.Sequential(model, torch.nn.Sigmoid()),
        example_input=torch.zeros(1, n_channels, 64, 64),
        input=[-1, n_channels, -1, -1],
    )
    openvino.save_model(graph, folder / f"{task}.xml", compress_to_fp16=True)
    digests = {name: _digest(folder / name) for name in (f"{task}.{suffix}" for suffix in SUFFIXES)}
    described = {"task": task, "architecture": settings.architecture, "settings": asdict(settings)}
    write_json(folder / f"{task}.json", {**described, **card, "digests": digests})


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_card(folder, task):
    """Return the card of a model after checking that every file of it is there and is the one that was trained.

    Raises
    ------
    ModelError
        Naming the file and the remedy.
    """
    folder = Path(folder)
    path = folder / f"{task}.json"
    if not path.is_file():
        raise ModelError(f"{path}: there is no model of the {task} here; {HOW_TO_MAKE}")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        digests = {name: card["digests"][name] for name in (f"{task}.{suffix}" for suffix in SUFFIXES)}
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path}: not a model card of this study; train again or copy the whole folder") from None
    for name, digest in digests.items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name}: missing; copy the whole folder of models")
        if _digest(folder / name) != digest:
            raise ModelError(f"{folder / name}: not the file that its card describes (digest differs); copy it again")
    return card


def copy(source, folder):
    """Take over the models of another run after checking them; returns their cards by task."""
    cards = {task: read_card(source, task) for task in TASKS}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for task in TASKS:
        for suffix in (*SUFFIXES, "json"):  # the card last: it says that the rest is there
            shutil.copyfile(Path(source) / f"{task}.{suffix}", folder / f"{task}.{suffix}")
    return cards


class Network:
    """A trained network ready to run on the CPU.

    Parameters
    ----------
    folder : path
    task : {"lung", "infection"}
    threads : int
        0 leaves the number to OpenVINO.

    Attributes
    ----------
    card : dict
    threshold : float
        Probability from which a pixel counts, fixed on held-out training scans.
    """

    def __init__(self, folder, task, threads=0):
        import openvino

        self.card = read_card(folder, task)
        self.settings = self.card["settings"]
        self.threshold = self.card["threshold"]
        # bfloat16 where the processor computes in it: half the time, and over 60 scans the same Dice to 0.0001.
        options = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._compiled = openvino.Core().compile_model(Path(folder) / f"{task}.xml", "CPU", options)

    def probability(self, channels, batch_size=8):
        """Map input (n, c, y, x) float32 to probability (n, y, x) float32."""
        parts = [
            self._compiled(np.ascontiguousarray(channels[start : start + batch_size]))[0][:, 0]
            for start in range(0, len(channels), batch_size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, *channels.shape[2:]), np.float32)
