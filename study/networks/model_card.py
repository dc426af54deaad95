"""What a model card tells: what the network was trained on, how well it does, what it is for and what it is not for."""

import json

import monai
import torch

FINDS = {"lung": "the lung field", "infection": "infection inside the lung field"}


def learnt_from(table, folder, sections, section_mm):
    """Describe the training data.

    Parameters
    ----------
    table : DataFrame
        The rows of the training table that the networks see.
    folder : Path
        The paths in the table are relative to it.
    sections : list of study.networks.samples.Sections
        The same scans on the networks' grid.
    section_mm : sequence of float
        Section thicknesses that were asked for (mm).

    Returns
    -------
    dict
        ``scans``, their number; ``without_infection`` and ``with_covid_19``, how many of them; ``simulated``, whether
        all are phantoms; ``section_mm``, the thinnest and the thickest sections that the networks see; ``in_words``,
        with the scans' own sections too. ``with_covid_19`` is None unless all are phantoms: a training table does not
        name diseases, but a phantom's recipe does.
    """
    ill = {one.scan_id for one in sections if one.infection.any()}
    recipes = {row.scan_id: _recipe(folder / row.image, row.scan_id) for row in table.itertuples(index=False)}
    simulated = all(recipes.values())
    covid = sum(recipes[scan_id]["disease"]["pattern"] == "covid" for scan_id in ill) if simulated else None
    # Sections are averaged to the thickness asked for; thicker ones stay as they are.
    own_mm = table["slice_thickness_mm"].dropna()
    low, high = (float(max(limit(section_mm), limit(own_mm, default=0))) for limit in (min, max))
    seen = f"sections of {low:.3g}-{high:.3g} mm"
    if len(own_mm) and (own_mm.min(), own_mm.max()) != (low, high):
        seen = f"sections of {own_mm.min():.3g}-{own_mm.max():.3g} mm averaged to {low:.3g}-{high:.3g} mm"
    kinds = f"{len(table) - len(ill)} without infection"
    if simulated:
        kinds += f", {covid} with COVID-19, {len(ill) - covid} with another pneumonia"
    what = "simulated scans of adults without contrast medium" if simulated else "scans"
    return {
        "scans": len(table),
        "without_infection": len(table) - len(ill),
        "with_covid_19": covid,
        "simulated": simulated,
        "section_mm": [low, high],
        "in_words": f"{len(table)} {what} ({kinds}), {seen}",
    }


def _recipe(image, scan_id):
    """The recipe of a phantom; None if the scan is not a phantom."""
    try:
        return json.loads((image.parent.parent / "recipes" / f"{scan_id}.json").read_text(encoding="utf-8"))["recipe"]
    except (OSError, ValueError, KeyError):
        return None


def write(task, data, history, dice, threshold):
    """Compose the card of one network; `study.networks.models.save` adds its settings and digests.

    Parameters
    ----------
    task : {"lung", "infection"}
    data : dict
        From `learnt_from`, with ``held_out_scans``.
    history, dice : DataFrame
        From `study.networks.training.train`.
    threshold : float

    Returns
    -------
    dict
    """
    at_threshold = dice.loc[dice["threshold"] == threshold, "dice"].dropna()
    low, high = data["section_mm"]
    return {
        "threshold": threshold,
        "data": data,
        "scores": {
            "dice_mean": float(at_threshold.mean()),
            "dice_sd": float(at_threshold.std()),
            "n": len(at_threshold),
            "of": "held-out patients of the training set, threshold chosen on the same",
        },
        "history": history.to_dict("records"),
        "versions": {"torch": torch.__version__, "monai": monai.__version__},
        "intended_use": f"{FINDS[task]} on chest CT with sections of {low:.3g}-{high:.3g} mm, for research on this "
        "method",
        "limits": "; ".join(_limits(task, data)),
    }


def _limits(task, data):
    yield "no clinical use"
    yield f"trained on {'phantoms alone, ' if data['simulated'] else ''}{data['in_words']}"
    if data["simulated"]:
        yield "its scores are on phantoms too and say little about patients"
    else:
        yield "its scores are on patients of the same source"
    if task == "lung":
        yield "consolidation at the pleura can be mistaken for chest wall, bowel gas for lung"
    else:
        yield "motion, effusion, tumours and scars can be mistaken for infection"
        yield "small and faint infection can be missed"
