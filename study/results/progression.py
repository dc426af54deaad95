"""Notebook 6's cases and tables: do biomarkers change as the reports say? What these say is ``report_phrases``'."""

import numpy as np
import pandas as pd

from study.measures import biomarkers
from study.results import report_phrases, words
from study.run import value
from study.statistics import change, clustered, kappa, tornado

# Row of Table 4: quantity, whether partial phrases count, and the paper's words for it.
ROWS = {
    "volume_whole": ("volume", False, "Infection region change"),
    "volume_all": ("volume", True, "Infection region changes (including partially changes)"),
    "density_whole": ("density", False, "Intensity changes"),
    "density_all": ("density", True, "Intensity changes (including partially changes)"),
}
BIOMARKER = {"volume": "poi", "density": "ihu"}
# What a table calls each quantity, the unit of its change for people, the factor to that unit, decimals.
UNITS = {"volume": ("Extent and POI", "percentage points", 100.0, 2), "density": ("Density and iHU", "HU", 1.0, 0)}
HEADLINES = {
    "volume_whole": "Kappa, extent, whole", "volume_all": "Kappa, extent, all",
    "density_whole": "Kappa, density, whole", "density_all": "Kappa, density, all",
}  # fmt: skip


def rated(pairs):
    """Cases of each row of Table 4: the direction that the report gives and the one that the biomarker took.

    Parameters
    ----------
    pairs : DataFrame
        One row per pair: ``volume, volume_partial, density, density_partial`` from ``key_phrases.tabulate`` and
        ``poi_direction, ihu_direction`` from ``biomarkers.binarise``.

    Returns
    -------
    dict of str to DataFrame
        ``report`` and ``biomarker``: 1 up, 0 down; ``biomarker`` is NaN where it did not change or is undefined.
        Only pairs whose report has a phrase on that quantity, and not opposite ones.
    """
    cases = {}
    for name, (quantity, with_partial, _) in ROWS.items():
        # Neither "nothing said" (0) nor "opposite" (NaN).
        direction = pairs[quantity].to_numpy(float)
        said = np.isin(direction, (-1, 1))
        if not with_partial:
            said &= ~pairs[f"{quantity}_partial"].to_numpy(bool)
        moved = pairs[f"{BIOMARKER[quantity]}_direction"].to_numpy(float)[said]
        cases[name] = pd.DataFrame(
            {"report": (direction[said] > 0).astype(float), "biomarker": moved}, pairs.index[said]
        )
    return cases


def kappas_in_words(agreement):
    """The kappas of rows of Table 4 in a line, a dash where undefined."""
    return "; ".join(f"{HEADLINES[name]} {words.with_interval(kappa)}" for name, kappa in agreement["kappa"].items())


def table_4(agreement):
    """Table 4 as text, from ``kappa.tabulate``."""
    rows = {
        ROWS[name][2]: {
            "No. of cases": int(row["n"]),
            "Observed agreement": words.with_interval(row["observed_agreement"]),
            "Cohen's kappa": words.with_interval(row["kappa"]),
            "Kappa error": words.with_interval(row["standard_error"]),
            "Strength of agreement": words.MISSING if words.is_missing(row["strength"]) else row["strength"],
        }
        for name, row in agreement.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Agreement on")


def counts_of_cases(cases, agreement):
    """Two-by-two counts behind each row of Table 4, what was left out, and what a kappa of such counts could be.

    Parameters
    ----------
    cases : dict of str to DataFrame
        From :func:`rated`.
    agreement : DataFrame
        From ``kappa.tabulate``.

    Returns
    -------
    DataFrame
        One row per row of Table 4. ``Greatest kappa`` is what the frequencies of both sides allow, ``PABAK`` kappa if
        ups and downs were equally frequent, ``p`` tests whether they agree by chance alone.
    """
    rows = {}
    for name, case in cases.items():
        found = agreement.loc[name]
        rows[ROWS[name][2]] = {
            f"Report {'up' if report else 'down'}, biomarker {'up' if biomarker else 'down'}": int(
                ((case["report"] == report) & (case["biomarker"] == biomarker)).sum()
            )
            for report in (1, 0)
            for biomarker in (1, 0)
        } | {
            "Left out": int(case["biomarker"].isna().sum()),
            "Agreement by chance": words.with_interval(found["expected_agreement"]),
            "Greatest kappa": words.with_interval(found["kappa_max"]),
            "PABAK": words.with_interval(found["pabak"]),
            "p of kappa 0": words.p_value(kappa.p_of_chance(found["kappa"], found["standard_error_null"])),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Agreement on")


def kappa_by_patient(agreement, by_patient):
    """Kappa with its interval over cases (Fleiss, Cohen and Everitt's error) and over patients, as text.

    Parameters
    ----------
    agreement, by_patient : DataFrame
        From ``kappa.tabulate`` and ``clustered.kappa_table``, of the rows of Table 4.
    """
    rows = {
        ROWS[name][2]: {
            "No. of cases": int(row["n"]),
            "No. of patients": int(by_patient.loc[name, "n_patients"]),
            "Kappa, errors over cases": words.with_interval(*row[["kappa", "ci_low", "ci_high"]]),
            "Kappa, errors over patients": words.with_interval(*by_patient.loc[name, ["kappa", "ci_low", "ci_high"]]),
            "Ratio of errors": by_patient.loc[name, "standard_error"] / row["standard_error_fleiss"],
        }
        for name, row in agreement.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Agreement on")


def poi_above_ihu(cases, patient_ids, confidence=0.95):
    """Test whether POI agrees better with the reports than iHU: kappa of extent above kappa of density.

    Parameters
    ----------
    cases : dict of str to DataFrame
        From :func:`rated`.
    patient_ids : Series
        Of the pairs.

    Returns
    -------
    DataFrame
        Indexed by the cases, without and with partial phrases: the columns of ``clustered.kappa_difference``.
    """
    rows = {}
    for which in ("whole", "all"):
        both = cases[f"volume_{which}"], cases[f"density_{which}"]
        rows[which] = clustered.kappa_difference(*both, patient_ids, confidence=confidence)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Kappa of extent less that of density")


def measured_otherwise(scans, pairs, least, variants=None):
    """How far the four kappas of Table 4 move when one choice in the measurement changes.

    Parameters
    ----------
    scans : DataFrame
        The biomarkers, with ``scan_id``.
    pairs : DataFrame
        As for :func:`rated`.
    least : dict of str to change.LeastDetectable
        Where it is known, changes smaller than half of it, and then than all of it, are left out (undefined if fewer
        than ten remain).
    variants : DataFrame, optional
        As for ``tornado.scenarios``.

    Returns
    -------
    DataFrame
        From ``tornado.moves``.
    """
    known = {quantity: found.change for quantity, found in least.items()}
    nothing = dict.fromkeys(known, 0.0)
    indexed = scans.set_index("scan_id")
    others = {
        choice: _kappas(biomarkers.changes(table.reset_index(), pairs), nothing)
        for choice, table in tornado.scenarios(indexed, variants).items()
    }
    if np.isfinite(known["volume"]):
        for side, share in zip(tornado.SIDES, (0.5, 1.0), strict=True):
            least_of = {quantity: share * size for quantity, size in known.items()}
            others["least", side] = _kappas(pairs, least_of, kappa.FEWEST_CASES)
    return tornado.moves(_kappas(pairs, nothing), others)


def shown(agreement, pairs):
    """Say what :func:`measured_otherwise` shows and of how many pairs, for the caption of its figure.

    Parameters
    ----------
    agreement : DataFrame
        From ``kappa.tabulate``.
    pairs : DataFrame
        As for :func:`rated`, with ``patient_id``.
    """
    volume, volume_all, density, density_all = (int(agreement.loc[name, "n"]) for name in HEADLINES)
    return (
        "Progression under other choices of the measurement: Cohen's kappa (1: full agreement, 0: as by chance) of "
        "what reports say and what biomarkers do from one scan to the next: extent against portion of infection (POI), "
        f"over {volume} pairs of scans with whole changes and {volume_all} with partial ones too (all), and density "
        f"against mean Hounsfield unit of the infection (iHU), over {density} and {density_all}; "
        f"{pairs['patient_id'].nunique()} patients have pairs."
    )


def _kappas(pairs, least, fewest=0):
    """Kappa of each headline among the changes larger than `least`; NaN with fewer than `fewest` of them."""
    directions = {}
    for quantity, biomarker in BIOMARKER.items():
        classes = change.classify(pairs[f"{biomarker}_change"], least[quantity])
        directions[f"{biomarker}_direction"] = biomarkers.binarise(classes)
    cases = rated(pairs.assign(**directions))
    by_patient = clustered.kappa_table(cases, pairs["patient_id"])
    kappas = by_patient["kappa"].where(by_patient["n"] >= fewest)
    return {headline: kappas[name] for name, headline in HEADLINES.items()}


def robust_values(by_patient, above, three, moved):
    """List the numbers of the last sections that a reader may quote.

    Parameters
    ----------
    by_patient : DataFrame
        From ``clustered.kappa_table``.
    above : DataFrame
        From :func:`poi_above_ihu`.
    three, moved : DataFrame
        From ``three_classes.tabulate`` and :func:`tornado`.
    """
    listed = [
        value(f"kappa_clustered_{name}", row["kappa"], row["ci_low"], row["ci_high"], int(row["n_patients"]))
        for name, row in by_patient.iterrows()
    ]
    for which, row in above.iterrows():
        n = int(row["n_patients"])
        listed.append(value(f"kappa_difference_{which}", *row[["difference", "low", "high"]], n=n))
        listed.append(value(f"p_value_kappa_difference_{which}", row["p_value"], n=n))
    for quantity, row in three.iterrows():
        biomarker = BIOMARKER[quantity]
        unit = "HU" if biomarker == "ihu" else ""
        listed += [
            value(f"least_detectable_change_{biomarker}", row["least_change"], unit=unit),
            value(f"kappa_three_classes_{quantity}", *row[["kappa", "ci_low", "ci_high"]], n=int(row["n"])),
            value(f"kappa_beyond_least_change_{quantity}", row["kappa_two"], n=int(row["n_two"])),
            value(f"n_unread_{quantity}", int(row["n_unread"])),
        ]
        listed += [
            value(
                f"kappa_{weights}_{quantity}",
                row[weights],
                row[f"{weights}_low"],
                row[f"{weights}_high"],
                int(row["n"]),
            )
            for weights in ("linear", "quadratic")
        ]
    names = {headline: name for name, headline in HEADLINES.items()}
    largest = tornado.largest_move(moved)
    return listed + [
        value(f"largest_move_kappa_{names[headline]}", row["move"]) for headline, row in largest.iterrows()
    ]


def values(pairs, agreement):
    """List every number of the notebook that a reader may quote, named as the claims name them.

    Without any report what reports say is unknown: None, not 0.

    Parameters
    ----------
    pairs : DataFrame
        As for :func:`rated`, with ``patient_id``, ``has_report``, ``unread``, ``poi_change`` and ``ihu_change``.
    agreement : DataFrame
        From ``kappa.tabulate``.

    Returns
    -------
    list of dict
        From :func:`study.run.value`.
    """
    n = len(pairs)
    opposite = pairs["volume_opposite"] | pairs["density_opposite"]
    silent = pairs["has_report"] & (pairs["volume"] == 0) & (pairs["density"] == 0)
    about_volume, about_density = (pairs[quantity].isin([-1, 1]) for quantity in ("volume", "density"))
    listed = [
        value("n_pairs", n),
        value("n_patients_with_pairs", pairs["patient_id"].nunique()),
        value("n_without_report", int((~pairs["has_report"]).sum()), n=n),
        value("n_without_phrase", int(silent.sum()), n=n),
        value("n_not_understood", int((silent & pairs["unread"]).sum()), n=n),
        value("n_opposite_pairs", int(opposite.sum()), n=n),
        value("n_opposite_patients", pairs.loc[opposite, "patient_id"].nunique()),
        value(
            "n_poi_unchanged",
            int((about_volume & (pairs["poi_change"] == 0)).sum()),
            n=int(about_volume.sum()),
        ),
        value(
            "n_ihu_unchanged",
            int((about_density & (pairs["ihu_change"] == 0)).sum()),
            n=int(about_density.sum()),
        ),
        value(
            "n_ihu_undefined",
            int((about_density & pairs["ihu_change"].isna()).sum()),
            n=int(about_density.sum()),
        ),
    ]
    listed += [
        value(name, int((pairs[quantity] == direction).sum()), n=n)
        for name, (quantity, direction, *_) in report_phrases.PHRASES.items()
    ]
    for name, row in agreement.iterrows():
        size = int(row["n"])
        listed += [
            value(f"n_{name}", size),
            value(f"observed_agreement_{name}", row["observed_agreement"], n=size),
            value(f"kappa_{name}", row["kappa"], row["ci_low"], row["ci_high"], size),
            value(f"standard_error_{name}", row["standard_error"], n=size),
            value(f"standard_error_fleiss_{name}", row["standard_error_fleiss"], n=size),
            value(f"strength_{name}", row["strength"], n=size),
            value(f"kappa_max_{name}", row["kappa_max"], n=size),
            value(f"pabak_{name}", row["pabak"], n=size),
        ]
    if report_phrases.is_unread(pairs):
        known = ("n_pairs", "n_patients_with_pairs", "n_without_report")
        return [one if one["name"] in known else value(one["name"], None) for one in listed]
    return listed


def quoted(pairs):
    """Notebook 6's numbers of Tables 3 and 4.

    Parameters
    ----------
    pairs : DataFrame
        As for :func:`values`.
    """
    listed = values(pairs, kappa.tabulate(rated(pairs)))
    return {row["name"]: row["value"] for row in listed}
