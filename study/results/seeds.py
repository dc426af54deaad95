"""How much of a result is luck of the training: the same networks trained with other seeds, on the same scans.

An interval over patients says how a number would move with other patients, and takes the networks as they are. The
networks are a draw too.
"""

import json

import numpy as np
import pandas as pd

from study.claims.audit_shares import Z_95
from study.run import VALUE_COLUMNS

CAPTION = (
    "How far the headline numbers move with the seed of the training, on the same scans, beside their 95 % intervals "
    "over patients. Ratio: SD over seeds by the standard error over patients."
)
HEADLINES = {
    ("2-train", "held_out_dice_infection_mean"): "Dice of infection, held-out patients",
    ("3-segment", "quality_infection_dice"): "Dice of infection, truth",
    ("3-segment", "dice_network_observer_1_mean"): "Dice of infection, observer 1",
    ("3-segment", "dice_network_observer_2_mean"): "Dice of infection, observer 2",
    ("3-segment", "quality_poi_bias"): "Bias of POI (fraction)",
    ("5-severity", "auc_poi"): "AUC, POI",
    ("5-severity", "auc_ihu"): "AUC, iHU",
    ("5-severity", "auc_poi_ihu"): "AUC, POI+iHU",
    ("5-severity", "sensitivity_poi"): "Sensitivity, POI",
    ("5-severity", "specificity_poi"): "Specificity, POI",
    ("5-severity", "odds_ratio_poi"): "Odds ratio per SD, POI",
    ("5-severity", "odds_ratio_ihu"): "Odds ratio per SD, iHU",
    ("6-progression", "kappa_volume_whole"): "Kappa, extent",
    ("6-progression", "kappa_volume_all"): "Kappa, extent with parts",
    ("6-progression", "kappa_density_whole"): "Kappa, density",
    ("6-progression", "kappa_density_all"): "Kappa, density with parts",
}

# Where the interval over patients of a number is recorded that has one over scans beside it.
OVER_PATIENTS = {
    "auc_": "auc_obuchowski_", "sensitivity_": "sensitivity_anew_", "specificity_": "specificity_anew_",
    "odds_ratio_": "odds_ratio_gee_", "kappa_": "kappa_clustered_",
}  # fmt: skip


def read(run):
    """What the trainings with other seeds recorded.

    Parameters
    ----------
    run : study.run.Run

    Returns
    -------
    list of dict of str to DataFrame
        For each seed, by notebook a table like ``run.recorded``. Empty if there are none, or if the run's networks are
        no longer those that they were trained beside.
    """
    if not run.seeds_json.is_file():
        return []
    known = json.loads(run.seeds_json.read_text(encoding="utf-8"))
    if known["beside"] != run.digests_of_networks():
        return []
    return [
        {notebook: pd.DataFrame(rows, columns=VALUE_COLUMNS).set_index("name") for notebook, rows in one.items()}
        for one in known["seeds"].values()
    ]


def table(run):
    """The headline numbers of a run, over patients and over seeds.

    Parameters
    ----------
    run : study.run.Run

    Returns
    -------
    DataFrame
        ``notebook, number, value``; ``low, high``, its 95 % interval over patients (the recorded one, else 1.96
        standard errors; NaN without either); ``lowest, highest, sd_over_seeds, n_seeds``, this run's seed among them;
        ``ratio``, of the SD over seeds to the standard error over patients, as the interval gives it (NaN without
        one); and ``seeds``, the list of values. Numbers that a seed does not have are left out.
    """
    others, rows = read(run), []
    for (notebook, name), number in HEADLINES.items():
        recorded = [run.recorded(notebook), *(one[notebook] for one in others)]
        if not others or not all(name in one.index and pd.notna(one.loc[name, "value"]) for one in recorded):
            continue
        seeds = [float(one.loc[name, "value"]) for one in recorded]
        low, high = _over_patients(recorded[0], name)
        error = (high - low) / (2 * Z_95)
        spread = float(np.std(seeds, ddof=1))
        rows.append((notebook, number, seeds[0], low, high, min(seeds), max(seeds), spread, len(seeds),
                     spread / error if error > 0 else np.nan, seeds))  # fmt: skip
    return pd.DataFrame(rows, columns=["notebook", "number", "value", "low", "high", "lowest", "highest",
                                       "sd_over_seeds", "n_seeds", "ratio", "seeds"])  # fmt: skip


def _over_patients(recorded, name):
    """The ends of a number's 95 % interval over patients; NaN where there is none."""
    other = next((name.replace(own, known, 1) for own, known in OVER_PATIENTS.items() if name.startswith(own)), name)
    own = recorded.loc[name]
    if other in recorded.index and recorded.loc[other, ["ci_low", "ci_high"]].notna().all():
        return float(recorded.loc[other, "ci_low"]), float(recorded.loc[other, "ci_high"])
    if pd.notna(own["standard_error"]):
        reach = Z_95 * float(own["standard_error"])
        return float(own["value"]) - reach, float(own["value"]) + reach
    return np.nan, np.nan


def in_words(run, notebook):
    """One line on how far a notebook's headline numbers move with the seed, or how to find out."""
    found = table(run)
    found = found[found["notebook"] == notebook]
    if not len(found):
        return "over seeds of the training: not known; `make seeds` trains with five"
    each = (f"{row.number} {row.lowest:z.3f} to {row.highest:z.3f}" for row in found.itertuples())
    return f"over {found['n_seeds'].iloc[0]} seeds of the training: {'; '.join(each)}"
