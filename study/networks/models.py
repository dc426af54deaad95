"""A folder of trained networks that can be handed on: weights, exported graphs, model cards, digests.

For each task (``lung``, ``infection``) there are ``<task>.safetensors``, an OpenVINO graph ``<task>.xml`` with
``<task>.bin``, and the model card ``<task>.json``. Nothing here is a pickle; every file must match its digest.
"""

import functools
import json
import shutil
import sys
from pathlib import Path

import numpy as np

from study.files import sha256, whole, write_json
from study.networks import slabs
from study.networks.card_words import TASKS

SUFFIXES = ("safetensors", "xml", "bin")
STARTER = Path(__file__).parents[1] / "starter"  # the bundled networks, trained by parameters/starter.yaml
HOW_TO_MAKE = (
    "`make study` trains networks into runs/demo/models, and `--models runs/demo/models` uses them; without "
    "`--models` the bundled networks are used"
)
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt")
NO_PICKLE = (
    "a pickle, which can run any program when it is opened, so it is never read; give the folder with "
    "<task>.safetensors, <task>.xml, <task>.bin and <task>.json"
)


class ModelError(ValueError):
    """A folder of models that cannot be used; the message says why and what to do."""


def save(model, settings, card, folder):
    """Write one trained network: weights, an exported graph for the CPU, and its card.

    Parameters
    ----------
    model : torch.nn.Module
    settings : study.networks.training.Settings
    card : dict
        Threshold, data, scores, intended use and limits; task, architecture, settings and digests are added here.
    folder : path
    """
    import warnings
    from dataclasses import asdict

    import torch
    from safetensors.torch import save_file

    openvino = _openvino()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    task = settings.task
    (folder / f"{task}.json").unlink(missing_ok=True)  # so that a half-written model has no card and is refused
    # Half precision halves the files; `make bench` compares the stored network with the trained one.
    model = model.to("cpu", memory_format=torch.contiguous_format).eval().half()
    with whole(folder / f"{task}.safetensors") as partial:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, partial)
    model = model.float()
    n_channels = settings.architecture["sections"]
    with warnings.catch_warnings():
        # MONAI compares sizes to pad by; those are equal in a network whose input is a multiple of 32.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        graph = openvino.convert_model(
            torch.nn.Sequential(model, torch.nn.Sigmoid()),
            example_input=torch.zeros(1, n_channels, 64, 64),
            input=[-1, n_channels, -1, -1],
        )
    openvino.save_model(graph, folder / f"{task}.xml", compress_to_fp16=True)
    digests = {name: sha256(folder / name) for name in (f"{task}.{suffix}" for suffix in SUFFIXES)}
    used = asdict(settings)
    for name in ("encoder_weights", "start_from"):  # what it is called, not where it lies on this machine
        used[name] = "/".join(Path(used[name]).parts[-2:])
    described = {"task": task, "architecture": settings.architecture, "settings": used}
    write_json(folder / f"{task}.json", {**described, **card, "digests": digests})


def weights(folder, task):
    """Path of a trained network's weights, after `read_card` has checked them."""
    read_card(folder, task)
    return Path(folder) / f"{task}.safetensors"


def origin(folder, task):
    """What a card tells of the network that a training started from: its card's data and settings, and its digest."""
    card = read_card(folder, task)
    told = {name: card[name] for name in ("data", "settings", "started_from") if name in card}
    return told | {"sha256": card["digests"][f"{task}.safetensors"]}


def read_card(folder, task):
    """Return a model's card after checking that all of its files are there and are those that were trained.

    Of the settings, only those that measuring needs are checked. The others record how the network was trained and may
    differ from today's, so the card of an older training is read unchanged.

    Raises
    ------
    ModelError
        Naming the file and the remedy: no folder of models, a pickle, a file that is missing or does not match the
        card's digest, the card of the other network, a card without what measuring needs or with an impossible value,
        weights of another architecture.
    """
    folder = Path(folder)
    path = folder / f"{task}.json"
    if not path.is_file():
        raise _no_card(folder, path, task)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if not (fault := _fault(card, task)):
            digests = {name: card["digests"][name] for name in (f"{task}.{suffix}" for suffix in SUFFIXES)}
            first, shape = _first_layer(task, card["architecture"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{path}: not a model card of this study; train again or copy the whole folder") from None
    if fault:
        raise ModelError(f"{path}: {fault}; copy the whole folder again, unchanged")
    for name, digest in digests.items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name}: not found; copy the whole folder of models")
        if name.endswith(".safetensors"):
            shapes = _shapes(folder / name)
        if sha256(folder / name) != digest:
            raise ModelError(f"{folder / name}: does not match its model card (digest differs); copy it again")
    if (found := shapes.get(first, "not there")) != shape:
        raise ModelError(
            f"{folder / task}.safetensors: the weights do not match {path.name} ({first} is "
            f"{found}, in the card {shape}); copy both from the folder in which they were trained"
        )
    return card


def _no_card(folder, path, task):
    """Say why a model is not found: the folder is a file, holds pickles, or has no card."""
    pickles = [file for file in ([folder] if folder.is_file() else sorted(folder.glob("*"))) if file.suffix in PICKLES]
    if pickles:
        return ModelError(f"{pickles[0]}: {NO_PICKLE}")
    if folder.is_file():
        return ModelError(f"{folder} is a file; models are in a folder of weights, graphs and cards; {HOW_TO_MAKE}")
    return ModelError(f"{path}: no {task} network found; {HOW_TO_MAKE}")


def _fault(card, task):
    """What is impossible in a card, in words; None if nothing is."""
    if card["task"] != task:
        return f"this is the card of the {card['task']} network, not of the {task} network"
    threshold, settings = card.get("threshold"), card["settings"]
    if not isinstance(threshold, float) or not 0 < threshold < 1:
        return f"the threshold is {threshold!r}; it must be a probability between 0 and 1"
    asked = {"pixel_mm": 0.05, "neighbour_mm": 0.05} | ({} if task == "lung" else {"margin_mm": 0})
    for name, least in asked.items():
        if not isinstance(settings[name], (int, float)) or not least <= settings[name] <= 100:
            return f"{name} is {settings[name]!r}; it must be a length of {least:g} to 100 mm"
    # Lung networks had one section and cards that do not say so.
    sections = card["architecture"].get("sections")
    if sections is not None and sections != 2 * settings["neighbours"] + 1:
        return f"{settings['neighbours']} neighbours on each side do not make {sections} sections"
    return None


def _first_layer(task, architecture):
    """Name and shape of the first layer's weights; see `study.networks.network`."""
    if task == "lung":
        return "conv_0.conv_0.conv.weight", [architecture["features"][0], architecture.get("sections", 1), 3, 3]
    return "encoder.conv1.weight", [architecture["encoder_width"], architecture["sections"], 7, 7]


def _shapes(path):
    """Shape of each tensor in a safetensors file, by name, without reading the tensors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as weights:
            return {name: weights.get_slice(name).get_shape() for name in weights.keys()}
    except SafetensorError:
        with open(path, "rb") as file:
            start = file.read(2)
        if start == b"PK" or start[:1] == b"\x80":  # a zip archive, as torch.save writes, or a bare pickle
            raise ModelError(f"{path}: {NO_PICKLE}") from None
        raise ModelError(f"{path}: not a safetensors file; copy it again") from None


def take_over(source, folder):
    """Copy the models of another run into a folder after checking them; return their cards by task."""
    cards = {task: read_card(source, task) for task in TASKS}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for task in TASKS:
        for suffix in (*SUFFIXES, "json"):  # the card last, once the rest is there
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

    Raises
    ------
    ModelError
        As `read_card`, and for a graph of another input than the card's.

    Attributes
    ----------
    card : dict
    threshold : float
        Minimum probability of a positive pixel, chosen on held-out training scans.
    """

    def __init__(self, folder, task, threads=0):
        self.card = read_card(folder, task)
        self.settings = self.card["settings"]
        self.threshold = self.card["threshold"]
        # Not bfloat16, OpenVINO's own choice on CPUs that have it: it saves a third of a second per scan and moves
        # borders, so that label maps would differ between kinds of CPU and from torch's (Dice 0.995).
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        graph = Path(folder) / f"{task}.xml"
        try:
            self._compiled = _runtime().compile_model(graph, "CPU", options)
        except RuntimeError:
            raise ModelError(f"{graph}: OpenVINO cannot read this graph; copy it again with {task}.bin") from None
        expected, found = self.n_sections, self._compiled.input(0).partial_shape[1]
        if found != expected:
            raise ModelError(
                f"{graph}: the graph takes {found} sections where the card describes {expected}; "
                "copy both from the folder where they were trained"
            )

    @property
    def n_sections(self):
        """Sections in the input, the section itself in the middle."""
        return self.card["architecture"].get("sections", 1)

    def seen(self, n, slice_spacing_mm):
        """Indices (n, sections) of the sections that the network sees for each of `n` sections of a scan."""
        around = (self.n_sections - 1) // 2
        return slabs.slab_indices(n, slice_spacing_mm, around, self.settings["neighbour_mm"])

    def probability(self, channels, seen=None, batch_size=8):
        """Map input (n, c, y, x) float32 to probability (n, y, x) float32.

        With ``seen`` (n, c), ``channels`` (z, y, x) are the sections of a scan of which each input has those of a row.
        """
        n = len(channels if seen is None else seen)
        batches = (slice(start, start + batch_size) for start in range(0, n, batch_size))
        parts = [
            self._compiled(np.ascontiguousarray(channels[batch if seen is None else seen[batch]]))[0][:, 0]
            for batch in batches
        ]
        return np.concatenate(parts) if parts else np.zeros((0, *channels.shape[-2:]), np.float32)


@functools.cache
def _runtime():
    """OpenVINO's runtime, created once per process and never released.

    It gives the thread that creates it a stack for signal handlers. Released in another thread, it would free that
    stack while it is still in use, and the next signal would crash the process.
    """
    return _openvino().Core()


def _openvino():
    """OpenVINO without its telemetry, which reports each use to its maker unless this package is missing."""
    sys.modules["openvino_telemetry"] = None
    import openvino

    return openvino
