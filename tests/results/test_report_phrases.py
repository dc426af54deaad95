"""What is read in a run's reports."""

import pandas as pd

from study.results import report_phrases

REPORTS = pd.Series([
    "The infection has expanded.",
    "The infection has partly expanded.",
    "The lesions have shrunk and are denser.",
    "Some lesions have expanded, others have shrunk.",
    "No significant change.",
    None,
    "The lesions have shrunk; density is partly lower.",
    "Density has decreased.",
])  # fmt: skip


def test_reports_come_from_the_later_scan():
    scans = pd.DataFrame({"scan_id": ["x", "y"], "patient_id": "p", "scan_date": ["2020-02-01", "2020-02-05"],
                          "report": [None, "expanded"]})  # fmt: skip
    pairs = pd.DataFrame({"earlier": ["x"], "later": ["y"]}, index=[5])
    assert report_phrases.reports_of(scans, pairs).to_dict() == {5: "expanded"}
    undated = pd.DataFrame({"scan_id": ["z"], "patient_id": ["p"], "scan_date": [None], "report": ["shrunk"]})
    assert report_phrases.reports_of(pd.concat([scans, undated]), pairs).isna().all()  # expanded since when?


def test_what_reports_say_is_shown_in_words():
    said = report_phrases.phrases_in_words(REPORTS)
    assert said["Extent"].tolist() == [
        "up", "partly up", "down", "opposite", "not mentioned", "not mentioned", "down", "not mentioned"
    ]  # fmt: skip
    assert said["Density"].tolist()[2:] == [
        "up",
        "not mentioned",
        "not mentioned",
        "not mentioned",
        "partly down",
        "down",
    ]


def test_table_3_leaves_out_opposite_phrases():
    table = report_phrases.table_3(report_phrases.read(REPORTS))
    assert table["No. of phrase occurrences"].tolist() == [2, 2, 1, 2]
    assert table["Of these partial"].tolist() == [1, 0, 0, 1]
