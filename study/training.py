"""Training the two networks on the pneumonia set.

The loop is the same for both tasks; a task differs in what a sample is and in what the loss counts. Everything random
is drawn from (seed, epoch), so a training that was killed and resumed ends with the same weights as one that was not.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import monai
import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from study import models, network, slabs
from study.samples import RANDOMISATIONS, augmentation, draw_epoch, load_sections, network_input, sample


@dataclass(frozen=True)
class Settings:
    """How one network is trained.

    Attributes
    ----------
    task : {"lung", "infection"}
    pixel_mm : float
        Pixel size at which the network works (mm).
    neighbours, neighbour_mm : int, float
        Sections on each side in the input, and their distance (mm); infection only.
    margin_mm : float
        How far beyond the lung field infection is looked for, in plane (mm); infection only.
    encoder_width : int
        Filters of the ResNet-34's first stage; infection only.
    lung_width : int
        Filters of the lung network's first depth; each further one has twice as many.
    epochs, sections_per_epoch, batch_size : int
    learning_rate : float
        Peak of the one-cycle schedule.
    crop_pixels : int
        Side of the square in which a network learns, a multiple of 32: the middle of the section for the lung, a
        place drawn at random over the lung for infection.
    randomisation : {"none", "mild", "wide"}
        How far the sections are changed at random; see :func:`study.samples.augmentation`.
    precision : {"float32", "bfloat16"}
        Of the network's own arithmetic; weights, loss and optimiser stay float32. A graphics card and a processor that
        computes in bfloat16 take half the time; one that does not takes many times as long.
    encoder_weights : str
        Local safetensors file to start the encoder from; empty for random weights.
    seed, threads : int
    workers : int
        Processes that draw and change the samples beside the training; 0: none, it does so itself.
    """

    task: str
    pixel_mm: float
    neighbours: int = 1
    neighbour_mm: float = 10.0
    margin_mm: float = 10.0
    encoder_width: int = 64
    lung_width: int = 8
    epochs: int = 10
    sections_per_epoch: int = 640
    batch_size: int = 16
    learning_rate: float = 2e-3
    crop_pixels: int = 96
    randomisation: str = "mild"
    precision: str = "float32"
    encoder_weights: str = ""
    seed: int = 1
    threads: int = 2
    workers: int = 0

    def __post_init__(self):
        """Refuse words that are not known."""
        for name, known in (("randomisation", RANDOMISATIONS), ("precision", ("float32", "bfloat16"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")

    @property
    def architecture(self):
        """What :func:`study.network.build` needs."""
        if self.task == "lung":
            return {"task": "lung", "features": [self.lung_width * n for n in (1, 2, 4, 8, 16, 1)]}
        return {"task": "infection", "sections": 2 * self.neighbours + 1, "encoder_width": self.encoder_width}


def predict(model, sections, settings, batch_size=16):
    """Probability map (z, y, x) of a trained network on one scan's sections, by torch.

    The infection network is asked only about sections that hold lung; elsewhere the map is 0.
    """
    device = next(model.parameters()).device
    asked = np.flatnonzero(sections.lung.any(axis=(1, 2)) | (settings.task == "lung"))
    probability = np.zeros(sections.hu.shape, np.float32)
    with torch.inference_mode():
        for start in range(0, len(asked), batch_size):
            chosen = asked[start : start + batch_size]
            batch = torch.stack([network_input(sections, z, settings) for z in chosen]).to(device)
            batch = batch.contiguous(memory_format=torch.channels_last)
            probability[chosen] = torch.sigmoid(model(batch))[:, 0].float().cpu().numpy()
    return probability


THRESHOLDS = np.round(np.arange(0.1, 0.91, 0.05), 2)


def held_out_dice(model, held_out, settings):
    """Dice of each held-out scan at each threshold.

    Returns
    -------
    DataFrame
        ``scan_id, section_spacing_mm, threshold, dice``; scans without the target are left out.
    """
    rows = []
    for sections in held_out:
        reference = sections.lung if settings.task == "lung" else sections.infection
        if not reference.any():
            continue
        probability = predict(model, sections, settings)
        asked = True
        if settings.task == "infection":
            asked = slabs.with_dents(sections.lung, settings.pixel_mm, settings.margin_mm)
        for threshold in THRESHOLDS:
            predicted = (probability >= threshold) & asked
            overlap = 2 * (predicted & reference).sum() / (predicted.sum() + reference.sum())
            rows.append((sections.scan_id, threshold, overlap))
    return pd.DataFrame(rows, columns=["scan_id", "threshold", "dice"])


class Checkpoint:
    """Weights, optimiser state and history of a training, in safetensors and JSON, replaced once an epoch."""

    def __init__(self, folder, settings, data_digest):
        self.path = Path(folder) / f"{settings.task}.checkpoint.safetensors"
        # A checkpoint of other settings or other data is another training: it is not resumed.
        self.recipe = hashlib.sha256(json.dumps([asdict(settings), data_digest]).encode()).hexdigest()

    def save(self, model, optimiser, history):
        """Write the state of the training, in place of what was saved before."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in state.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".unfinished")
        metadata = {"recipe": self.recipe, "history": json.dumps(history)}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, unfinished, metadata)
        unfinished.replace(self.path)

    def load(self, model, optimiser):
        """Restore the model and the optimiser; return the history so far (empty if there is nothing to resume)."""
        if not self.path.is_file():
            return []
        with safe_open(self.path, framework="pt") as saved:
            metadata = saved.metadata()
        if metadata.get("recipe") != self.recipe:
            return []
        tensors = load_file(self.path)
        model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        states = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".", 2)
                states.setdefault(int(index), {})[key] = tensor
        optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
        return json.loads(metadata["history"])


def train(training_set, held_out, settings, folder, data_digest="", progress=True):
    """Train one network; resume where an earlier call with the same settings and data stopped.

    Parameters
    ----------
    training_set, held_out : list of Sections
        Of different patients.
    settings : Settings
    folder : Path
        Where the checkpoint is kept.
    data_digest : str
        Identifies the training data; a checkpoint of other data is not resumed.

    Returns
    -------
    torch.nn.Module, DataFrame, DataFrame
        The trained network, in evaluation mode; the history: ``epoch, loss, dice`` (held-out mean at 0.5); and what
        :func:`held_out_dice` says of the trained network.
    """
    monai.data.set_track_meta(False)
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # would only show faults in operators, at a cost
    torch.manual_seed(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = network.build(settings.architecture)
    if settings.encoder_weights:
        network.load_encoder(model, settings.encoder_weights)
    model = model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=1e-3)
    weighted_loss = network.WeightedLoss()
    checkpoint = Checkpoint(folder, settings, data_digest)
    history = checkpoint.load(model, optimiser)
    resumed_at = len(history)
    augment = augmentation(settings)
    n_batches = settings.sections_per_epoch // settings.batch_size
    n_steps = settings.epochs * n_batches
    bar = tqdm(
        total=n_steps,
        initial=resumed_at * n_batches,
        desc=f"train {settings.task}",
        disable=not progress,
        mininterval=1,
    )
    for epoch in range(resumed_at, settings.epochs):
        model.train()
        losses = []
        for k, batch in enumerate(batches(training_set, settings, epoch, augment)):
            batch = {key: tensor.to(device) for key, tensor in batch.items()}
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * one_cycle((epoch * n_batches + k) / n_steps)
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                logits = model(batch["channels"].contiguous(memory_format=torch.channels_last))
            loss = weighted_loss(logits.float(), batch["target"], batch["weight"])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            bar.update()
        model.eval()
        dice = held_out_dice(model, held_out, settings)
        at_half = dice.loc[dice["threshold"] == 0.5, "dice"]
        history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "dice": float(at_half.mean())})
        bar.set_postfix(loss=f"{history[-1]['loss']:.3f}", dice=f"{history[-1]['dice']:.3f}")
        checkpoint.save(model, optimiser, history)
    bar.close()
    if len(history) == resumed_at:  # nothing was left to train
        model.eval()
        dice = held_out_dice(model, held_out, settings)
    return model, pd.DataFrame(history), dice


class EpochSamples(torch.utils.data.Dataset):
    """The samples of an epoch, in order. Each is changed by draws of its own, so who makes it does not matter."""

    def __init__(self, training_set, settings, epoch, augment):
        self.training_set, self.settings, self.epoch, self.augment = training_set, settings, epoch, augment
        self.drawn = draw_epoch(training_set, settings, epoch)

    def __len__(self):
        return len(self.drawn)

    def __getitem__(self, k):
        i, z = self.drawn[k]
        drawn = np.random.default_rng([self.settings.seed, self.epoch, 1, k]).integers(2**31)
        self.augment.set_random_state(seed=int(drawn))
        changed = self.augment(sample(self.training_set[i], z, self.settings))
        return changed[0] if isinstance(changed, list) else changed  # a crop gives a list of one


def batches(training_set, settings, epoch, augment):
    """Yield the batches of an epoch: the same ones whatever the number of workers."""
    return torch.utils.data.DataLoader(
        EpochSamples(training_set, settings, epoch, augment),
        batch_size=settings.batch_size,
        num_workers=settings.workers,
        drop_last=True,
    )


def one_cycle(progress):
    """Learning rate over training as a share of its peak: a linear rise over the first 15 %, then a cosine to 1 %."""
    if progress < 0.15:
        return 0.1 + 0.9 * progress / 0.15
    return 0.01 + 0.99 * (1 + np.cos(np.pi * (progress - 0.15) / 0.85)) / 2


def choose_threshold(dice):
    """The threshold with the highest mean held-out Dice; the one nearest 0.5 where several tie."""
    means = dice.groupby("threshold")["dice"].mean()
    best = means[means >= means.max() - 1e-12].index.to_numpy()
    return float(best[np.argmin(np.abs(best - 0.5))])


def split_patients(table, held_out_share, seed):
    """Divide a training table by patients, so that no patient is on both sides.

    Returns
    -------
    shown, held_out : DataFrame
        At least one patient each.

    Raises
    ------
    ValueError
        With fewer than two patients.
    """
    patients = np.sort(table["patient_id"].unique())
    if len(patients) < 2:
        raise ValueError(f"the training table has {len(patients)} patients; at least two are needed, one to hold out")
    n_held_out = min(max(1, round(held_out_share * len(patients))), len(patients) - 1)
    chosen = np.random.default_rng(seed).permutation(patients)[:n_held_out]
    held_out = table["patient_id"].isin(chosen)
    return table[~held_out], table[held_out]


INTENDED_USE = {
    "lung": "the lung field on chest CT with sections of 1-10 mm, for research on this method",
    "infection": "infection inside the lung field on chest CT with sections of 1-10 mm, for research on this method",
}
LIMITS = (
    "no clinical use; never validated on patients by this study; "
    "motion, effusion, tumour and scars can be taken for infection"
)


def train_models(
    table, folder, models_folder, settings, section_mm, held_out_share, increment_mm=(5.0,), progress=True
):
    """Train both networks on one training table and write them with their cards.

    Parameters
    ----------
    table : DataFrame
        The training table.
    folder : Path
        Where its paths start.
    models_folder : Path
    settings : sequence of Settings
    section_mm : sequence of float
        Section thicknesses to learn at (mm).
    held_out_share : float
        Share of the patients that training never sees.
    increment_mm : sequence of float
        Distances of the sections to learn at (mm), taken in turn by the scans.

    Returns
    -------
    dict of str to dict
        The card of each task.
    """
    shown, held_out = split_patients(table, held_out_share, settings[0].seed)
    digest = hashlib.sha256((folder / "scans.csv").read_bytes()).hexdigest()
    pixel_mm = settings[0].pixel_mm
    sections = load_sections(shown, folder, pixel_mm, section_mm, increment_mm, progress)
    # Held-out patients are judged on the thickest sections alone, side by side: those are what will be measured.
    judged = load_sections(held_out, folder, pixel_mm, [max(section_mm)], [max(section_mm)], progress)
    for one in settings:
        model, history, dice = train(sections, judged, one, models_folder, digest, progress)
        threshold = choose_threshold(dice)
        at_threshold = dice.loc[dice["threshold"] == threshold, "dice"]
        card = {
            "threshold": threshold,
            "data": {
                "training_table_sha256": digest,
                "scans": len(shown),
                "held_out_scans": len(held_out),
                "section_mm": list(section_mm),
            },
            "scores": {
                "dice_mean": float(at_threshold.mean()),
                "dice_sd": float(at_threshold.std()),
                "n": len(at_threshold),
                "of": "held-out patients of the training set, threshold chosen on the same",
            },
            "history": history.to_dict("records"),
            "versions": {"torch": torch.__version__, "monai": monai.__version__},
            "intended_use": INTENDED_USE[one.task],
            "limits": LIMITS,
        }
        models.save(model, one, card, models_folder)
    return {one.task: models.read_card(models_folder, one.task) for one in settings}
