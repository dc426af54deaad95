"""Notebook 6's cases and tables: what the radiologist's report says beside what the biomarkers did."""

import pandas as pd

from study import tables
from study.run import value

# Row of Table 4: quantity, whether partial phrases count, and the paper's words for it.
ROWS = {
    "volume_whole": ("volume", False, "Infection region change"),
    "volume_all": ("volume", True, "Infection region changes (including partially changes)"),
    "density_whole": ("density", False, "Intensity changes"),
    "density_all": ("density", True, "Intensity changes (including partially changes)"),
}
PHRASES = {
    "phrases_expanded": ("volume", 1, "infection region has (partially) expanded", "increasing of POI"),
    "phrases_contracted": ("volume", -1, "infection region has (partially) contracted", "decreasing of POI"),
    "phrases_density_increased": ("density", 1, "density of infection region has (partially) increased",
                                  "increasing of iHU"),
    "phrases_density_decreased": ("density", -1, "density of infection region has (partially) decreased",
                                  "decreasing of iHU"),
}  # fmt: skip
BIOMARKER = {"volume": "poi", "density": "ihu"}


def reports_of(path, scans, pairs):
    """Take the report of the later scan of each pair, on the pairs' index.

    Raises
    ------
    ValueError
        If the table has no reports at all.
    """
    if "report" not in scans or scans["report"].isna().all():
        raise ValueError(
            f"{path}: no scan has a report; progression compares biomarkers with what radiologists wrote; "
            "add a column `report` with the text of each follow-up scan's report"
        )
    return scans.set_index("scan_id")["report"].reindex(pairs["later"]).set_axis(pairs.index)


def rated(pairs):
    """Cases of each row of Table 4: the direction that the report gives and the one that the biomarker took.

    Parameters
    ----------
    pairs : DataFrame
        One row a pair: ``volume, volume_partial, density, density_partial`` from ``phrases.tabulate`` and
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
        said = pairs[quantity].isin([-1, 1])
        if not with_partial:
            said &= ~pairs[f"{quantity}_partial"]
        report = (pairs.loc[said, quantity] > 0).astype(float)
        cases[name] = pd.DataFrame({"report": report, "biomarker": pairs.loc[said, f"{BIOMARKER[quantity]}_direction"]})
    return cases


def table_3(pairs):
    """Table 3: how many reports hold each phrase, opposite ones excluded."""
    rows = [
        {
            "Phrase from radiology reports": words,
            "Imaging biomarker changes": change,
            "No. of phrase occurrences": int((pairs[quantity] == direction).sum()),
            "Of these partial": int(((pairs[quantity] == direction) & pairs[f"{quantity}_partial"]).sum()),
        }
        for quantity, direction, words, change in PHRASES.values()
    ]
    return pd.DataFrame(rows)


def table_4(agreement):
    """Table 4 as text, from ``kappa.tabulate``."""
    rows = {
        ROWS[name][2]: {
            "No. of cases": int(row["n"]),
            "Observed agreement": tables.with_interval(row["observed_agreement"]),
            "Cohen's kappa": tables.with_interval(row["kappa"]),
            "Kappa error": tables.with_interval(row["standard_error"]),
            "Strength of agreement": row["strength"],
        }
        for name, row in agreement.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Agreement on")


def counts_of_cases(cases):
    """Two-by-two counts behind each row of Table 4, and how many cases it left out for want of a biomarker's change."""
    rows = {}
    for name, case in cases.items():
        row = {
            f"report {'up' if report else 'down'}, biomarker {'up' if biomarker else 'down'}": int(
                ((case["report"] == report) & (case["biomarker"] == biomarker)).sum()
            )
            for report in (1, 0)
            for biomarker in (1, 0)
        }
        rows[name] = row | {"left out": int(case["biomarker"].isna().sum())}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")


def values(pairs, agreement):
    """List every number of the notebook that a reader may quote, named as the claims name them.

    Parameters
    ----------
    pairs : DataFrame
        As for :func:`rated`, with ``patient_id``, ``has_report``, ``poi_change`` and ``ihu_change``.
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
        for name, (quantity, direction, *_) in PHRASES.items()
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
        ]
    return listed
