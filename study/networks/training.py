"""Training the two networks on the pneumonia set.

The loop is the same for both tasks; a task differs in what a sample is and in what the loss counts. Everything random
is drawn from (seed, epoch), so an interrupted training that resumes ends with the same weights as an uninterrupted one.
"""

import json
from dataclasses import dataclass

import monai
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from study import arithmetic, processes
from study.files import sha256
from study.fingerprint import digests
from study.networks import model_card, models, network, ranks, slabs
from study.networks.checkpoint import Checkpoint
from study.networks.samples import AUGMENTATIONS, augmentation, draw_epoch, load_sections, network_input, sample
from study.plural import count


@dataclass(frozen=True)
class Settings:
    """How one network is trained.

    Attributes
    ----------
    task : {"lung", "infection"}
    pixel_mm : float
        Pixel size at which the network works (mm).
    neighbours, neighbour_mm : int, float
        Sections on each side in the input, and their distance (mm).
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
        Side of the square crop on which a network is trained, a multiple of 32: the middle of the section for the
        lung, a random place over the lung for infection.
    augmentation : {"none", "mild", "wide"}
        How strongly the sections are augmented; see :func:`study.networks.samples.augmentation`.
    precision : {"float32", "bfloat16"}
        Of the network's own arithmetic; weights, loss and optimiser stay float32. On a GPU, or a CPU with bfloat16
        instructions and native arithmetic (:mod:`study.arithmetic`), bfloat16 halves the time; on other CPUs it takes
        many times as long.
    encoder_weights : str
        Local safetensors file to start the encoder from; empty for random weights.
    start_from : str
        Folder of trained models whose weights the training starts from; empty for random weights.
    keep_of_start : float
        Share of these weights in the final ones, which are a mean of both: it keeps more of what the start knew of
        scans unlike those trained on (Wortsman et al., CVPR 2022:7959-7971).
    seed, threads : int
    workers : int
        Processes that prepare the samples in parallel with the training; 0: the training process prepares them itself.
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
    augmentation: str = "mild"
    precision: str = "float32"
    encoder_weights: str = ""
    start_from: str = ""
    keep_of_start: float = 0.0
    seed: int = 1
    threads: int = 2
    workers: int = 0

    def __post_init__(self):
        """Refuse unknown words."""
        for name, known in (("augmentation", AUGMENTATIONS), ("precision", ("float32", "bfloat16"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")

    @property
    def architecture(self):
        """What :func:`study.networks.network.build` needs."""
        seen = {"task": self.task, "sections": 2 * self.neighbours + 1}
        if self.task == "lung":
            return {**seen, "features": [self.lung_width * n for n in (1, 2, 4, 8, 16, 1)]}
        return {**seen, "encoder_width": self.encoder_width}


def predict(model, sections, settings, batch_size=16):
    """Probability map (z, y, x) of a trained network on one scan's sections, by torch.

    The infection network is applied only to sections that contain lung; elsewhere the map is 0.
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
FALSE_POI = 0.005  # infection found in so much of a healthy lung halves its score


def held_out_dice(model, held_out, settings):
    """Dice of each held-out scan at each threshold.

    Returns
    -------
    DataFrame
        ``scan_id, threshold, dice, score, error``. Without the target a scan has no ``dice`` (NaN). ``score`` adds
        `FALSE_POI` of the lung to both sides of Dice's fraction: a scan without infection in which nothing is found has
        1, one in which `FALSE_POI` is found a half, and a small infection that is missed counts less than a large one.
        ``error`` is the volume found less the true one, as a share of the lung: for infection, the error of POI.
    """
    rows = []
    for sections in held_out:
        reference = sections.lung if settings.task == "lung" else sections.infection
        probability = predict(model, sections, settings)
        asked = True
        if settings.task == "infection":
            asked = slabs.with_dents(sections.lung, settings.pixel_mm, settings.margin_mm)
        for threshold in THRESHOLDS:
            predicted = (probability >= threshold) & asked
            both, either = 2 * (predicted & reference).sum(), predicted.sum() + reference.sum()
            dice = both / either if reference.any() else np.nan
            of_lung = sections.lung.sum()
            small = FALSE_POI * of_lung
            error = (int(predicted.sum()) - int(reference.sum())) / of_lung
            rows.append((sections.scan_id, threshold, dice, (both + small) / (either + small), error))
    return pd.DataFrame(rows, columns=["scan_id", "threshold", "dice", "score", "error"])


def train(training_set, held_out, settings, folder, data_digest="", progress=True):
    """Train one network, resuming from the last epoch of an interrupted call with the same settings and data.

    Of several processes (see :mod:`ranks`), each computes its share of every batch; the first writes the checkpoint,
    which all must be able to read.

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
        The trained network, in evaluation mode; the history: ``epoch, loss, dice`` (held-out mean at 0.5); and the
        :func:`held_out_dice` of the trained network.

    Raises
    ------
    ValueError
        If a batch cannot be divided evenly among the processes.
    """
    monai.data.set_track_meta(False)
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time and only helps to find faulty operators
    torch.manual_seed(settings.seed)
    device = ranks.device()
    model = network.build(settings.architecture)
    if settings.encoder_weights:
        network.load_encoder(model, settings.encoder_weights)
    if settings.start_from:
        network.load_weights(model, models.weights(settings.start_from, settings.task))
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()} if settings.keep_of_start else {}
    model = model.to(device, memory_format=torch.channels_last)
    in_parallel = ranks.in_parallel(model)
    # Fused, it takes exact square roots; else those of MKL, from an estimate that differs between processors.
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=1e-3, fused=True)
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
        disable=not progress or ranks.rank() > 0,
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
                logits = in_parallel(batch["channels"].contiguous(memory_format=torch.channels_last))
            parts = (logits.float(), batch["target"], batch["weight"])
            loss = weighted_loss(*(ranks.whole_batch(part) for part in parts))
            optimiser.zero_grad(set_to_none=True)
            (loss * ranks.size()).backward()
            optimiser.step()
            losses.append(loss.item())
            bar.update()
        model.eval()
        dice = held_out_dice(model, held_out, settings)
        at_half = dice.loc[dice["threshold"] == 0.5, "dice"]
        history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "dice": float(at_half.mean())})
        bar.set_postfix(loss=f"{history[-1]['loss']:.3f}", dice=f"{history[-1]['dice']:.3f}")
        if ranks.rank() == 0:
            checkpoint.save(model, optimiser, history)
    bar.close()
    if settings.keep_of_start:
        network.mix(model, start, settings.keep_of_start)
    if settings.keep_of_start or len(history) == resumed_at:  # else the last epoch has judged these weights
        model.eval()
        dice = held_out_dice(model, held_out, settings)
    return model, pd.DataFrame(history), dice


class EpochSamples(torch.utils.data.Dataset):
    """The samples of an epoch, in order. Each has its own random stream, so any process may prepare it."""

    def __init__(self, training_set, settings, epoch, augment):
        self.training_set, self.settings, self.epoch, self.augment = training_set, settings, epoch, augment
        self.drawn = draw_epoch(training_set, settings, epoch)

    def __len__(self):
        return len(self.drawn)

    def __getitem__(self, k):
        i, z = self.drawn[k]
        self.augment.R.seed(int(np.random.default_rng([self.settings.seed, self.epoch, 1, k]).integers(2**31)))
        changed = self.augment(sample(self.training_set[i], z, self.settings))
        return changed[0] if isinstance(changed, list) else changed  # a crop gives a list of one


def batches(training_set, settings, epoch, augment):
    """Return the batches of an epoch, this process's share of each, independent of the number of workers."""
    samples = EpochSamples(training_set, settings, epoch, augment)
    order, size = range(len(samples)), settings.batch_size
    shares = [ranks.share(order[start : start + size]) for start in range(0, len(samples) - size + 1, size)]
    return torch.utils.data.DataLoader(
        samples, batch_sampler=shares, num_workers=settings.workers, worker_init_fn=processes.end_with_parent
    )


def one_cycle(progress):
    """Learning rate over training as a share of its peak: a linear rise over the first 15 %, then a cosine to 1 %."""
    if progress < 0.15:
        return 0.1 + 0.9 * progress / 0.15
    return 0.01 + 0.99 * (1 + np.cos(np.pi * (progress - 0.15) / 0.85)) / 2


def choose_threshold(dice):
    """Of the thresholds that held-out scans cannot tell from the best, the one with the least mean `error`.

    Those lose at most one standard error of mean score against the best one, in pairs over scans, a rule of Breiman et
    al. (Classification and Regression Trees, 1984, 3.4.3). The least error then makes volumes, and with them POI,
    neither too large nor too small on average. Of equals, the one nearest 0.5.

    Parameters
    ----------
    dice : DataFrame
        From :func:`held_out_dice`.

    Returns
    -------
    float
    """
    scores = dice.pivot(index="scan_id", columns="threshold", values="score")
    lost = scores.rsub(scores[scores.mean().idxmax()], axis=0)
    alike = lost.mean() <= lost.sem().fillna(0) + 1e-12  # one scan has no standard error
    error = dice.groupby("threshold")["error"].mean().abs().round(9)
    candidates = pd.DataFrame({"error": error, "away": np.abs(error.index - 0.5)})[alike]
    return float(candidates.sort_values(["error", "away"]).index[0])


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
        found = count(len(patients), "patient")
        raise ValueError(f"the training table has {found}; at least two are needed, one to hold out")
    n_held_out = min(max(1, round(held_out_share * len(patients))), len(patients) - 1)
    chosen = np.random.default_rng(seed).permutation(patients)[:n_held_out]
    held_out = table["patient_id"].isin(chosen)
    return table[~held_out], table[held_out]


def train_models(
    table, folder, models_folder, settings, section_mm, held_out_share, increment_mm=(5.0,), progress=True
):
    """Train both networks on one training table and write them with their cards.

    On a CPU both are trained at the same time, each in a process of its own: layers with few filters gain little by
    further threads. A GPU trains one after the other. Under `torchrun` each process computes its share (:mod:`ranks`),
    and all return the same cards.

    Parameters
    ----------
    table : DataFrame
        The training table.
    folder : Path
        The paths in the table are relative to it.
    models_folder : Path
        Readable by all processes.
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
    with ranks.joined():
        progress = progress and ranks.rank() == 0
        shown, held_out = split_patients(table, held_out_share, settings[0].seed)
        pixel_mm = settings[0].pixel_mm
        sections = load_sections(shown, folder, pixel_mm, section_mm, increment_mm, progress)
        # Held-out patients are scored only on the thickest sections, without overlap, like those that will be measured.
        judged = load_sections(held_out, folder, pixel_mm, [max(section_mm)], [max(section_mm)], progress)
        data = {
            "training_table_sha256": sha256(folder / "scans.csv"),
            **model_card.learnt_from(shown, folder, sections, section_mm),
            "held_out_scans": len(held_out),
        }
        # Other sections or other held-out patients are other data, although the table is the same; and weights that
        # were computed in another arithmetic, or by other code, are others.
        code = digests.of_names(f"{__name__}.train", "study.networks.samples.load_sections")
        made_of = [list(section_mm), list(increment_mm), held_out_share, arithmetic.chosen(), code]
        digest = json.dumps([data["training_table_sha256"], *made_of])
        given = (sections, judged, data, models_folder, digest, progress)
        if len(settings) > 1 and ranks.size() == 1 and ranks.device().type == "cpu":
            processes.at_once(_train_and_save, settings, *given)
        else:
            for one in settings:
                _train_and_save(one, *given)
        ranks.wait()  # for the first process to have written both
    return {one.task: models.read_card(models_folder, one.task) for one in settings}


def _train_and_save(settings, sections, judged, data, models_folder, digest, progress):
    """Train one network and write it with its card."""
    model, history, dice = train(sections, judged, settings, models_folder, digest, progress)
    if ranks.rank() == 0:
        card = model_card.write(settings.task, data, history, dice, choose_threshold(dice))
        if settings.start_from:
            card["started_from"] = models.origin(settings.start_from, settings.task)
        models.save(model, settings, card, models_folder)
