"""The ablation study: what each ingredient of the networks contributes, one row and one parameter file per ingredient.

``parameters/ablation.yaml`` is the base and makes the cohort and the training set; every ``parameters/ablation-*.yaml``
uses these and changes one parameter. Each row is an ordinary run up to notebook 3, where scans are segmented and
compared with the truth.
"""

import json

import pandas as pd

from study import processes, workflow
from study.run import Run
from study.statistics import agreement

BASE = "ablation"
CAPTION = (
    "What each ingredient of the networks brings: Dice of the infection against the truth on the same synthetic scans, "
    "and how far it is from the first row's, with the 95 % interval over patients. One training each: another seed "
    "would move every row."
)


def runs(root):
    """The runs of the ablation: the base first, the others by name.

    Parameters
    ----------
    root : Path
        The project's.
    """
    others = sorted(path.stem for path in (root / "parameters").glob(f"{BASE}-*.yaml"))
    return [Run(name, root) for name in (BASE, *others)]


def make(rows, cores):
    """Bring every row up to date, one after another; rows that are up to date are skipped.

    Parameters
    ----------
    rows : list of Run
        The base first: the others need its scans.
    cores : int

    Raises
    ------
    ValueError
        If a parameters file is not valid.
    RuntimeError
        If a row cannot be completed, naming it, or is being made by another process.
    """
    for run in rows:
        with processes.only_one(run):
            workflow.plan(run)
            workflow.snakemake(run, cores, [f"runs/{run.name}/values/3-segment.json"])


def table(rows):
    """The performance of each row on the cohort, and its difference from the base on the same scans.

    Parameters
    ----------
    rows : list of Run
        Complete, on one cohort; the first is the base.

    Returns
    -------
    DataFrame
        ``run``; ``changed``, the parameters of notebook 2 that differ from the base; ``held_out_dice``, Dice of the
        infection on the held-out patients of the training set; ``dice_mean, dice_sd, dice_median, n``, Dice of the
        infection on the cohort against the truth, over the scans where it is defined (infection in either);
        ``difference, difference_low, difference_high``, the mean over scans of Dice minus the base's, with its 95 %
        interval over patients (0 and NaN for the base); ``poi_bias``, the mean of POI minus the true POI (percentage
        points); ``training_seconds``, of the whole notebook 2.
    """
    base, base_dice = _trained_with(rows[0]), _truth(rows[0])["infection_dice"]
    found = []
    for run in rows:
        truth, own = _truth(run), _trained_with(run)
        dice = truth["infection_dice"]
        # Without infection, Dice is defined only for a network with a false positive: such pairs are left out.
        apart = agreement.mean(dice - base_dice.reindex(dice.index), truth["patient_id"], within=(-1, 1))
        timing = json.loads((run.folder / "timings" / "2-train.json").read_text(encoding="utf-8"))
        changed = ", ".join(f"{name}: {own[name]}" for name in own if own[name] != base[name])
        found.append(
            {
                "run": run.name,
                "changed": changed or "nothing",
                "held_out_dice": run.recorded("2-train").loc["held_out_dice_infection_mean", "value"],
                "dice_mean": dice.mean(),
                "dice_sd": dice.std(),
                "dice_median": dice.median(),
                "n": int(dice.count()),
                "difference": apart["estimate"],
                "difference_low": apart["low"],
                "difference_high": apart["high"],
                "poi_bias": 100 * (truth["poi"] - truth["true_poi"]).mean(),
                "training_seconds": timing["seconds"],
            }
        )
    return pd.DataFrame(found)


def _truth(run):
    return pd.read_csv(run.truth_csv, dtype={"scan_id": str, "patient_id": str}).set_index("scan_id")


def _trained_with(run):
    """The parameters of notebook 2, without the run's name."""
    recipe = json.loads(workflow.recipe_path(run, "2-train").read_text(encoding="utf-8"))
    return {name: item for name, item in recipe["parameters"].items() if name != "run"}
