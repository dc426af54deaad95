"""How well scans were segmented: against the truth, with the project's targets, and between observers."""

import numpy as np
import pandas as pd
from scipy import stats

from study.measures.comparison import LESION_ML, SURFACE_TOLERANCE_MM
from study.plural import count
from study.results import words
from study.results.targets import TARGETS
from study.run import value
from study.statistics import agreement

HEALTHY_POI = 0.005  # a healthy lung should be given less than this
LARGE_POI = 0.3
COLUMNS = ["name", "quantity", "estimate", "low", "high", "sd", "median", "n", "n_patients", "target", "verdict"]
_SURFACE = f"surface Dice at {SURFACE_TOLERANCE_MM:g} mm"
_VOXELS = f"surface voxels within {SURFACE_TOLERANCE_MM:g} mm (share)"
_LESIONS = f"lesions of {LESION_ML:g} ml or more"
# Names, as recorded, and the words for them; in the table's order.
QUANTITIES = {
    "infection_dice": "Infection Dice; both masks empty: left out",
    "infection_dice_empty_as_1": "Infection Dice; both masks empty: 1",
    "infection_dice_empty_as_0": "Infection Dice; both masks empty: 0",
    "infection_dice_sd": "Infection Dice, SD",
    "infection_surface_dice": f"Infection {_SURFACE}",
    "infection_surface_voxel_share": f"Infection {_VOXELS}",
    "lung_dice": "Lung Dice",
    "lung_dice_worst": "Lung Dice, worst scan",
    "lung_surface_dice": f"Lung {_SURFACE}",
    "lung_surface_voxel_share": f"Lung {_VOXELS}",
    "lesion_sensitivity": f"Sensitivity for {_LESIONS}",
    "false_lesions": f"False {_LESIONS}, a scan",
    "volume_error_ml": "Infection volume, measured - true (ml)",
    "poi_bias": "POI, measured - true (percentage points)",
    "poi_bias_large": f"POI where the truth is {100 * LARGE_POI:g} % or more, measured - true (percentage points)",
    "poi_lower_limit": "POI, lower limit of agreement (percentage points)",
    "poi_upper_limit": "POI, upper limit of agreement (percentage points)",
    "poi_correlation": "POI, correlation with the truth",
    "healthy_share": f"Scans without true infection with POI below {100 * HEALTHY_POI:g} % (share)",
    "network_less_observers": "Infection Dice, network and observers less between observers",
}


def summary(truth, observed):
    """Sum up a run's segmentations.

    Parameters
    ----------
    truth, observed : DataFrame
        ``truth`` and ``agreement`` of :func:`study.measures.per_scan.measure_scans`.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per quantity: the estimate with its 95 % interval over patients (`agreement`), the scans' SD
        and median where it is a mean over scans, how many scans and patients it rests on, and target and verdict where
        the project has a target. Dice of two empty masks is undefined: the first row leaves such scans out. A healthy
        scan is one without true infection; the worst scan has no interval.
    """
    patients, dice = truth["patient_id"], truth["infection_dice"]
    poi_error = 100 * (truth["poi"] - truth["true_poi"])
    healthy, large = truth[truth["true_infection_ml"] == 0], truth["true_poi"] >= LARGE_POI
    lower, upper = agreement.limits_of_agreement(poi_error, patients)
    of_known_lungs = truth.dropna(subset="lung_dice")
    worst, known_patients = of_known_lungs["lung_dice"].min(), of_known_lungs["patient_id"].nunique()
    with_observer = observed[["network_observer_1", "network_observer_2"]].mean(axis=1, skipna=False)
    found = {
        "infection_dice": _mean(dice, patients, (0, 1)),
        "infection_dice_empty_as_1": _mean(dice.fillna(1), patients, (0, 1)),
        "infection_dice_empty_as_0": _mean(dice.fillna(0), patients, (0, 1)),
        "infection_dice_sd": agreement.spread(dice, patients),
        "infection_surface_dice": _mean(truth["infection_surface_dice"], patients, (0, 1)),
        "infection_surface_voxel_share": _mean(truth["infection_surface_voxel_share"], patients, (0, 1)),
        "lung_dice": _mean(truth["lung_dice"], patients, (0, 1)),
        "lung_dice_worst": {"estimate": worst, "n": len(of_known_lungs), "n_patients": known_patients},
        "lung_surface_dice": _mean(truth["lung_surface_dice"], patients, (0, 1)),
        "lung_surface_voxel_share": _mean(truth["lung_surface_voxel_share"], patients, (0, 1)),
        "lesion_sensitivity": agreement.ratio(truth["n_found"], truth["n_lesions"], patients, (0, 1)),
        "false_lesions": _mean(truth["n_false"], patients, (0, np.inf)),
        "volume_error_ml": _mean(truth["volume_error_ml"], patients),
        "poi_bias": _mean(poi_error, patients),
        "poi_bias_large": _mean(poi_error[large], patients[large]),
        "poi_lower_limit": lower,
        "poi_upper_limit": upper,
        "poi_correlation": agreement.correlation(truth["poi"], truth["true_poi"], patients),
        "healthy_share": agreement.mean(healthy["poi"] < HEALTHY_POI, healthy["patient_id"], (0, 1)),
        "network_less_observers": _mean(with_observer - observed["observers"], observed["patient_id"]),
    }
    rows = [{"name": name, "quantity": words, **found[name]} for name, words in QUANTITIES.items()]
    table = pd.DataFrame(rows, columns=COLUMNS)
    asked = table["name"].map(TARGETS.get)
    table["target"] = asked.map(str, na_action="ignore")
    table["verdict"] = [
        target.verdict(row.estimate, row.n, row.low, row.high) if target else None
        for target, row in zip(asked, table.itertuples(index=False), strict=True)
    ]
    return table


def motion_in_words(truth):
    """How much is typically false-positive infection with motion and without, as a sentence.

    Parameters
    ----------
    truth : DataFrame
        ``truth`` of :func:`study.measures.per_scan.measure_scans`.
    """
    told = []
    groups = {"with motion": truth["motion"].eq(True), "without": truth["motion"].eq(False),
              "of which motion is not known": truth["motion"].isna()}  # fmt: skip
    for name, chosen in groups.items():
        false_ml = truth.loc[chosen, "false_positive_ml"]
        if len(false_ml):
            low, median, high = np.percentile(false_ml, (25, 50, 75))
            scans = count(len(false_ml), "scan")
            told.append(f"{median:.0f} ml in {scans} {name} (quartiles {low:.0f} and {high:.0f})")
    return f"False-positive infection, median: {', '.join(told)}." if told else "No scan has a known truth."


def values(table):
    """What :func:`summary` found as values to record, named ``quality_<name>``; POI as a fraction."""
    listed = []
    for row in table.itertuples(index=False):
        scale = 100 if "(percentage points)" in row.quantity else 1
        numbers = (number / scale for number in (row.estimate, row.low, row.high))
        listed.append(value(f"quality_{row.name}", *numbers, row.n))
    return listed


def non_inferiority(observed, margin):
    """Test whether the network agrees with the observers at most `margin` less than they agree with each other.

    Parameters
    ----------
    observed : DataFrame
        ``patient_id, network_observer_1, network_observer_2, observers``: Dice of infection; scans that lack one are
        left out.
    margin : float
        Of Dice, above 0: how much less would still be called as good. It is a choice, made before the data are seen.

    Returns
    -------
    dict
        ``difference`` (mean Dice of network and observers, less that of both observers), ``low, high`` (95 %, over
        patients), ``margin``, ``observers`` (mean Dice of both), ``p_value`` (one-sided t test over patients that the
        network is worse by the margin or more), ``n`` and ``n_patients``; NaN with fewer than two patients, or where
        all scans differ alike.

    References
    ----------
    Piaggio G et al. JAMA 2012;308:2594-2604.
    """
    if not 0 < margin < 1:
        raise ValueError(f"margin {margin!r}: must be above 0 and below 1, such as 0.05")
    with_observer = observed[["network_observer_1", "network_observer_2"]].mean(axis=1, skipna=False)
    found = agreement.mean(with_observer - observed["observers"], observed["patient_id"])
    df = max(found["n_patients"] - 1, 1)
    error = (found["high"] - found["low"]) / 2 / stats.t.isf(0.025, df)
    p_value = float(stats.t.sf((found["estimate"] + margin) / error, df)) if error > 0 else np.nan
    rest = {name: found[name] for name in ("low", "high", "n", "n_patients")}
    of_observers = observed["observers"][with_observer.notna()].mean()
    return {"difference": found["estimate"], "margin": margin, "observers": of_observers, "p_value": p_value} | rest


def non_inferiority_in_words(found):
    """What :func:`non_inferiority` found as sentences, with the verdict."""
    limits = words.with_interval(found["difference"], found["low"], found["high"], digits=words.DICE_DIGITS)
    told = f"Dice of network and observers less that of both observers: {limits}"
    if np.isnan(found["p_value"]):
        return f"{told}. Too little for a test."
    limit = f"{-found['margin']:g}"
    if found["low"] > -found["margin"]:
        verdict = f"The whole interval lies above {limit}: the network is not inferior to an observer."
    elif found["high"] < -found["margin"]:
        verdict = f"The whole interval lies below {limit}: the network is inferior to an observer."
    else:
        verdict = f"The interval contains {limit}: whether the network is inferior to an observer is not settled."
    share = f"{found['margin'] / (1 - found['observers']):.0%}" if found["observers"] < 1 else "more than all"
    return (
        f"{told} (p value {words.p_value(found['p_value'])}). {verdict} The margin is {share} of what the observers "
        f"disagree about, 1 less their Dice of {words.as_dice(found['observers'])}."
    )


def non_inferiority_values(found):
    """What :func:`non_inferiority` found as values to record."""
    return [
        value("network_less_observers", found["difference"], found["low"], found["high"], found["n_patients"]),
        value("p_value_non_inferior", found["p_value"], n=found["n_patients"]),
        value("non_inferiority_margin", found["margin"]),
    ]


def dice_summary(columns):
    """Mean, SD, median and number of the defined values of several columns of Dice coefficients.

    Parameters
    ----------
    columns : dict of str to Series

    Returns
    -------
    DataFrame
        ``comparison, mean, sd, median, n``; NaN (empty against empty) is left out, `sd` divides by n - 1.
    """
    rows = [(name, c.mean(), c.std(), c.median(), int(c.notna().sum())) for name, c in columns.items()]
    return pd.DataFrame(rows, columns=["comparison", "mean", "sd", "median", "n"])


def in_words(comparison):
    """A comparison of :func:`dice_summary` in a table's words: ``dice_network_observer_1`` -> "network, observer 1"."""
    told = comparison.replace("truth_dice_", "network, truth: ").removeprefix("dice_").replace("_", " ")
    return told.replace("network observer", "network, observer").replace("observers", "both observers")


def dice_values(table):
    """What :func:`dice_summary` found as values to record: ``<comparison>_mean``, ``_sd`` and ``_median``."""
    return [
        value(f"{row.comparison}_{name}", getattr(row, name), n=row.n)
        for row in table.itertuples(index=False)
        for name in ("mean", "sd", "median")
    ]


def quoted(agreement):
    """Notebook 3's mean, SD and median of each column of Dice coefficients; the other column is ``patient_id``."""
    columns = agreement.drop(columns="patient_id").to_dict("series")
    return {row["name"]: row["value"] for row in dice_values(dice_summary(columns))}


def _mean(scans, patients, within=(-np.inf, np.inf)):
    """Mean with its interval, SD and median of a column of scans."""
    scans = scans.astype(float)
    return agreement.mean(scans, patients, within) | {"sd": scans.std(), "median": scans.median()}
