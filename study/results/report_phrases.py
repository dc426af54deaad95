"""What the radiologists' reports of a run say: which scans have one, what was read in it, Table 3."""

import pandas as pd

from study.measures.phrases import key_phrases

PHRASES = {
    "phrases_expanded": ("volume", 1, "infection region has (partially) expanded", "increasing of POI"),
    "phrases_contracted": ("volume", -1, "infection region has (partially) contracted", "decreasing of POI"),
    "phrases_density_increased": ("density", 1, "density of infection region has (partially) increased",
                                  "increasing of iHU"),
    "phrases_density_decreased": ("density", -1, "density of infection region has (partially) decreased",
                                  "decreasing of iHU"),
}  # fmt: skip
NO_REPORT = "no follow-up scan of this run has a report"
SAID = {1: "up", -1: "down", 0: "not mentioned"}


def reports_of(scans, pairs):
    """Take the report of the later scan of each pair, on the pairs' index; empty where there is none.

    Those of patients who have a scan without date are left out: they may compare with that one.
    """
    undated = scans.loc[scans["scan_date"].isna(), "patient_id"]
    known = scans[~scans["patient_id"].isin(undated)].set_index("scan_id").reindex(columns=["report"]).astype(object)
    return known["report"].reindex(pairs["later"]).set_axis(pairs.index)


def read(reports):
    """Read reports: ``key_phrases.tabulate``, and ``unread``: whether any wording of change is not understood."""
    table = key_phrases.tabulate(reports)
    return table.assign(unread=[bool(key_phrases.unknown(report)) for report in reports])


def phrases_in_words(reports):
    """What reports say of extent and density, one row each: (partly) up or down, opposite, or not mentioned."""
    table = key_phrases.tabulate(reports)

    def said(quantity):
        directions = table[quantity].map(SAID).fillna("opposite")
        is_partial = table[f"{quantity}_partial"] & directions.isin(["up", "down"])
        return directions.mask(is_partial, "partly " + directions)

    return pd.DataFrame({"Report": reports, "Extent": said("volume"), "Density": said("density")})


def is_unread(pairs):
    """Whether there are pairs and none has a report: what reports say is then unknown, which is not "none"."""
    return len(pairs) > 0 and not pairs["has_report"].any()


def coverage(pairs):
    """Say in a sentence how many pairs have a report, and what to do if none has."""
    if is_unread(pairs):
        return (
            f"{NO_REPORT}: there is nothing to compare the biomarkers with, and the results below are empty; "
            "add a column `report` with the text of each follow-up scan's report"
        )
    return f"{pairs['has_report'].sum()} of {len(pairs)} later scans have a report"


def table_3(pairs):
    """Table 3: how many reports contain each phrase, opposite ones excluded; without any report it has no rows."""
    rows = [
        {
            "Phrase from radiology reports": phrase,
            "Imaging biomarker changes": change,
            "No. of phrase occurrences": int((pairs[quantity] == direction).sum()),
            "Of these partial": int(((pairs[quantity] == direction) & pairs[f"{quantity}_partial"]).sum()),
        }
        for quantity, direction, phrase, change in PHRASES.values()
    ]
    return pd.DataFrame(rows)[: 0 if is_unread(pairs) else None]
