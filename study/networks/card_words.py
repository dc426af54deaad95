"""What the model cards of a run say of its networks, in words for its documents: never what the run's parameters say.

A run may take over networks that were trained elsewhere, or train on from such; only their cards know on what.
"""

import json
from pathlib import Path

from study.files import sha256

TASKS = ("lung", "infection")
BUNDLED = Path("study/starter")  # as parameter files name the folder


def read(folder):
    """The cards in a folder of models, by task; none where there are no models."""
    paths = {task: folder / f"{task}.json" for task in TASKS}
    return {task: json.loads(path.read_text(encoding="utf-8")) for task, path in paths.items() if path.is_file()}


def taken_over(run):
    """Whether the networks of a run came from elsewhere: a card holds the digest of another training table.

    Parameters
    ----------
    run : study.run.Run
    """
    table = run.training / "scans.csv"
    own = sha256(table) if table.is_file() else None
    return any(card["data"]["training_table_sha256"] != own for card in read(run.models).values())


def whose(run):
    """Whose networks a run has and what they learnt, for a caption; empty if they learnt from patients in this run.

    Parameters
    ----------
    run : study.run.Run
    """
    cards, elsewhere = read(run.models), taken_over(run)
    if not cards:
        return ""
    recipe = run.folder / "recipes" / "2-train.json"  # not the bundled files: a change of theirs would count as code
    models = json.loads(recipe.read_text(encoding="utf-8"))["parameters"].get("models") if recipe.is_file() else ""
    name = "networks of other origin" if elsewhere else "networks"
    if models and Path(models) == BUNDLED:
        name = "bundled networks"
    if all(stage["data"].get("simulated") for card in cards.values() for stage in stages(card)):
        return f"{name}, trained and evaluated on simulated scans"
    return f"{name}, trained and evaluated on scans other than the cohort's" if elsewhere else ""


def stages(card):
    """The trainings that a network went through, each going on from the one before: data and settings, the last last.

    Parameters
    ----------
    card : dict

    Returns
    -------
    list of dict
    """
    start = card.get("started_from")
    return [*(stages(start) if start else []), card]


def trained_on(card):
    """The training data of a network; of earlier stages of its training, whether their scans were all simulated."""
    *earlier, last = stages(card)
    if not earlier:
        return last["data"]["in_words"]
    simulated = ", earlier ones on simulated scans only" if all(s["data"].get("simulated") for s in earlier) else ""
    return f"{last['data']['in_words']} (the last stage of training{simulated}; stages of training: model card)"


def n_stages(card):
    """How many stages the training had, in words: what the documents say beside the settings of the last."""
    n = len(stages(card))
    return f"{n}, each from the weights of the one before" if n > 1 else "one"


def held_out(card):
    """How many scans of patients that the training did not see chose the threshold."""
    return f"{card['data']['held_out_scans']} scans of held-out patients"


def initial_weights(card):
    """Where the weights came from that training began with."""
    first, *later = stages(card)
    # Older cards do not tell the settings of the training that they went on from.
    began = _drawn(first["settings"]) if "settings" in first else "unknown"
    return f"from an earlier stage of training, the first {began} (stages of training: model card)" if later else began


def final_weights(card):
    """Which weights a network has: those after its last epoch, or a mean of them and of those that it went on from."""
    kept = card["settings"].get("keep_of_start", 0)
    if kept:
        return f"the mean of those before the last training ({kept:.0%}) and after it ({1 - kept:.0%})"
    return "those after the last epoch"


def length(stage):
    """How long one of the :func:`stages` was, and how much of the weights that it went on from is kept in its own."""
    settings = stage.get("settings")
    if settings is None:
        return "unknown"
    kept = settings.get("keep_of_start", 0)
    mean = f"; weights: {kept:.0%} of those before, {1 - kept:.0%} of those trained" if kept else ""
    return f"{settings['epochs']} of {settings['sections_per_epoch']} sections{mean}"


def _drawn(settings):
    drawn = f"drawn at random from seed {settings['seed']}"
    if file := settings.get("encoder_weights"):
        return f"the encoder's from {Path(file).name}, the others {drawn}"
    return drawn


def sections(card):
    """What the network gets at once."""
    n = card["architecture"].get("sections", 1)
    return "one section" if n == 1 else f"{n} neighbouring sections as channels"


def of_phantoms(card):
    """Whether nothing but phantoms trained a network, as far back as its card leads."""
    start = card.get("started_from")
    unknown = card.get("settings", {}).get("encoder_weights")
    return bool(card["data"].get("simulated")) and not unknown and (start is None or of_phantoms(start))


def in_crate(card):
    """What the crate of a run has of a network: its weights only if these cannot give away a patient."""
    if of_phantoms(card):
        return "the weights, the exported graph and the model card"
    return "the model card alone, as weights can give away the scans that they were trained on"


def of_both(cards, words):
    """What `words` says of the two networks: once where it is the same of both.

    Parameters
    ----------
    cards : dict of str to dict
        From :func:`read`; not empty.
    words : callable
        One of the functions above, of a card.
    """
    said = {task: words(card) for task, card in cards.items()}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{task}: {what}" for task, what in said.items())


def table(cards):
    """What the cards say of the networks and of their training, wherever that took place.

    Parameters
    ----------
    cards : dict of str to dict
        By task, as from :func:`read`.

    Returns
    -------
    DataFrame
        A row for each fact and a column for each network, all in words.
    """
    import pandas as pd  # here alone: what measures a scan reads cards, and has no table to make

    return pd.DataFrame({f"{task.capitalize()} network": _facts(card) for task, card in cards.items()}).rename_axis(
        "Fact"
    )


def _facts(card):
    settings, scores = card["settings"], card["scores"]
    dice = [f"{scores[name]:.3f}" for name in ("dice_mean", "dice_sd") if scores[name] is not None]  # one has no SD
    last = f"the last of {n} stages: " if (n := len(stages(card))) > 1 else ""
    judged = "1 scan" if scores["n"] == 1 else f"{scores['n']} scans"
    return {
        "Trained on": trained_on(card),
        "Held out": held_out(card),
        "Input": f"{sections(card)}, pixels of {settings['pixel_mm']:.3g} mm",
        "Training": f"{last}{settings['epochs']} epochs of {settings['sections_per_epoch']} sections, batches of "
        f"{settings['batch_size']}, peak learning rate {settings['learning_rate']:g}, augmentation "
        f"{settings.get('augmentation', 'not recorded')}, seed {settings['seed']}",  # older cards lack it
        "Held-out Dice": f"{'±'.join(dice) or '–'} over {judged} of {scores['of']}",
        "Threshold": f"{card['threshold']:.2f}",
        "Intended use": card["intended_use"],
        "Limits": card["limits"],
    }
