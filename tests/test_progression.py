"""Notebook 6's cases: which pairs count, in which row, and the paper's tables."""

import numpy as np
import pandas as pd
import pytest

from study import biomarkers, kappa, phrases, progression, tables

REPORTS = [
    ("The infection has expanded.", 0.1, 10.0),
    ("The infection has partly expanded.", -0.1, 10.0),
    ("The lesions have shrunk and are denser.", -0.2, 30.0),
    ("Some lesions have expanded, others have shrunk.", 0.1, 5.0),
    ("No significant change.", 0.1, 5.0),
    (None, 0.1, 5.0),
    ("The lesions have shrunk; density is partly lower.", 0.0, np.nan),
    ("Density has decreased.", 0.1, 0.0),
]


@pytest.fixture
def pairs():
    """Return eight pairs of four patients, one for each thing that a pair can be."""
    table = pd.DataFrame(REPORTS, columns=["report", "poi_change", "ihu_change"], index=range(3, 11))
    table["patient_id"] = list("aabbccdd")
    table = table.join(phrases.tabulate(table["report"]))
    return table.assign(
        poi_direction=biomarkers.binarise(table["poi_change"]),
        ihu_direction=biomarkers.binarise(table["ihu_change"]),
    )


def test_only_pairs_with_a_phrase_count(pairs):
    cases = progression.rated(pairs)
    assert cases["volume_whole"].index.tolist() == [3, 5, 9]
    assert cases["volume_all"].index.tolist() == [3, 4, 5, 9]
    assert cases["density_whole"].index.tolist() == [5, 10]
    assert cases["density_all"].index.tolist() == [5, 9, 10]
    assert cases["volume_all"]["report"].tolist() == [1, 1, 0, 0]
    assert cases["volume_all"]["biomarker"].isna().tolist() == [False, False, False, True]


def test_counts_behind_table_4(pairs):
    counts = progression.counts_of_cases(progression.rated(pairs))
    assert counts.loc["volume_all"].tolist() == [1, 1, 0, 1, 1]
    assert counts.loc["density_all", "left out"] == 2


def test_table_3_leaves_out_opposite_phrases(pairs):
    table = progression.table_3(pairs)
    assert table["No. of phrase occurrences"].tolist() == [2, 2, 1, 2]
    assert table["Of these partial"].tolist() == [1, 0, 0, 1]


def test_values_count_every_exclusion(pairs):
    agreement = kappa.tabulate(progression.rated(pairs))
    values = {row["name"]: row["value"] for row in progression.values(pairs, agreement)}
    assert values["n_pairs"] == 8 and values["n_without_report"] == 1 and values["n_without_phrase"] == 1
    assert values["n_opposite_pairs"] == values["n_opposite_patients"] == 1
    assert values["n_poi_unchanged"] == 1 and values["n_ihu_unchanged"] == 1 and values["n_ihu_undefined"] == 1
    assert values["n_volume_all"] == 3 and values["observed_agreement_volume_all"] == pytest.approx(2 / 3)
    assert values["phrases_density_decreased"] == 2
    table = progression.table_4(agreement)
    assert table["No. of cases"].tolist() == [2, 3, 1, 1]
    assert table["Strength of agreement"].tolist()[2] == "undefined"


def test_reports_come_from_the_later_scan():
    scans = pd.DataFrame({"scan_id": ["x", "y"], "report": [None, "expanded"]})
    pairs = pd.DataFrame({"earlier": ["x"], "later": ["y"]}, index=[5])
    assert progression.reports_of("table.csv", scans, pairs).to_dict() == {5: "expanded"}


@pytest.mark.parametrize("scans", [{"scan_id": ["x"]}, {"scan_id": ["x"], "report": [None]}])
def test_a_table_without_reports_is_refused(scans):
    with pytest.raises(ValueError, match=r"table.csv: no scan has a report.*add a column `report`"):
        progression.reports_of("table.csv", pd.DataFrame(scans), pd.DataFrame({"later": ["x"]}))


def test_no_pairs_at_all(pairs):
    none = pairs.iloc[:0]
    agreement = kappa.tabulate(progression.rated(none))
    assert agreement["n"].tolist() == [0, 0, 0, 0]
    assert progression.table_4(agreement)["Cohen's kappa"].tolist() == [tables.MISSING] * 4
    assert progression.values(none, agreement)[0]["value"] == 0
