"""The flow of patients and Table 1, as counted and computed by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.table_rows import COHORT, scans
from study.results import words
from study.results.baseline import flow, note, table_1
from study.scans.cohort import include


def test_flow_counts_the_scans_of_a_status_and_the_patients_who_have_one():
    included, _ = include(COHORT)
    table = flow(COHORT, included).set_index("step")
    assert table["patients"].to_dict() == {
        "reviewed": 4,
        "excluded": 1,
        "included": 3,
        "severe": 1,
        "non-severe": 3,  # A, who is severe as well
    }
    assert table["scans"].to_dict() == {
        "reviewed": 7,
        "excluded": 1,
        "included": 6,
        "severe": 2,
        "non-severe": 4,
    }


def paper_like_cohort():
    """Return one scan a patient with the counts of Table 1: 14 men of 32 severe, 82 of 164 non-severe."""
    rng = np.random.default_rng(4)
    rows = []
    for status, n, n_male, age, sd in (("severe", 32, 14, 56, 14), ("non-severe", 164, 82, 45, 14)):
        ages = rng.normal(size=n)
        ages = age + sd * (ages - ages.mean()) / ages.std(ddof=1)
        for k in range(n):
            sex = "male" if k < n_male else "female"
            rows.append((f"{status}{k}", f"{status}{k}", ages[k], sex, "2020-01-23", status))
    return scans(*rows)


def test_table_1_of_the_paper_s_counts():
    table, numbers = table_1(paper_like_cohort())
    assert list(table) == [
        "characteristic",
        "all_patients",
        "severe_patients",
        "non_severe_patients",
        "p_value",
    ]
    rows = table.set_index("characteristic")
    assert rows.loc["No."].tolist() == ["196", "32", "164", ""]
    assert rows.loc["Age"].tolist() == ["47±15", "56±14", "45±14", "<0.001"]
    assert rows.loc["Male"].tolist() == ["96 (49%)", "14 (44%)", "82 (50%)", "0.52"]
    assert rows.loc["Patients with multiple exams"].tolist() == ["0 (0%)", "0 (0%)", "0 (0%)", ""]
    value = numbers.set_index("name")["value"]
    assert value["male_share_severe"] == pytest.approx(14 / 32)
    names = ["n_patients", "n_scans", "n_patients_severe", "n_scans_non_severe", "n_male_all", "n_multiple_all"]
    assert value[names].tolist() == [196, 196, 32, 164, 96, 0]
    # by hand: chi-square of a 2 x 2 table, n (ad - bc)^2 / (product of the margins), one degree of freedom
    chi_square = 196 * (14 * 82 - 82 * 18) ** 2 / (32 * 164 * 96 * 100)
    from scipy.stats import chi2, t

    assert value["p_sex"] == pytest.approx(chi2.sf(chi_square, 1))
    # Welch by its formula
    u, v = 14**2 / 32, 14**2 / 164
    freedom = (u + v) ** 2 / (u**2 / 31 + v**2 / 163)
    assert value["p_age"] == pytest.approx(2 * t.sf((56 - 45) / np.sqrt(u + v), freedom))
    assert value["age_mean_severe"] == pytest.approx(56) and value["age_sd_severe"] == pytest.approx(14)


def test_table_1_counts_scans_by_status_and_patients_by_their_worst():
    included, _ = include(COHORT)
    rows = table_1(included)[0].set_index("characteristic")
    assert rows.loc["No."].tolist()[:3] == ["3", "1", "2"]
    assert rows.loc["Exams"].tolist()[:3] == ["6", "2", "4"]
    assert rows.loc["Patients with multiple exams"].tolist()[:3] == ["2 (67%)", "1 (100%)", "1 (50%)"]
    assert rows.loc["Age"].tolist() == ["40±10", "50", "35±7", words.MISSING]


@pytest.mark.parametrize("cohort", [COHORT[COHORT["patient_id"] == "A"], COHORT[COHORT["patient_id"].isin(["C", "D"])]])
def test_one_patient_or_one_class_has_no_p(cohort):
    before = cohort.copy()
    table, numbers = table_1(cohort)
    value = numbers.set_index("name")["value"]
    assert np.isnan(value["p_age"]) and np.isnan(value["p_sex"])
    assert table["p_value"].tolist() == ["", words.MISSING, words.MISSING, "", ""]
    assert np.isnan(value["male_share_severe"]) != np.isnan(value["male_share_non_severe"])
    pd.testing.assert_frame_equal(cohort, before)


def test_a_patient_of_unknown_status_is_in_neither_group():
    cohort = scans(
        ("a1", "A", 40.0, "male", "2020-01-01", "severe"),
        ("a2", "A", 40.0, "male", "2020-01-02", np.nan),
        ("b1", "B", np.nan, np.nan, "2020-01-01", "non-severe"),
        ("b2", "B", np.nan, np.nan, "2020-01-02", np.nan),  # may have been severe
        ("c1", "C", 50.0, "female", np.nan, "non-severe"),
        ("c2", "C", 50.0, "female", np.nan, "non-severe"),
    )
    included, excluded = include(cohort)
    assert len(included) == 6 and excluded.empty
    steps = flow(cohort, included).set_index("step")
    assert steps.loc[["severe", "non-severe", "status unknown"], "patients"].tolist() == [1, 2, 2]
    assert steps.loc[["severe", "non-severe", "status unknown"], "scans"].tolist() == [1, 3, 2]
    table, numbers = table_1(cohort)
    number = numbers.set_index("name")
    assert number.loc["age_mean_all", ["value", "n"]].tolist() == [45, 2]
    assert number.loc["male_share_all", ["value", "n"]].tolist() == [0.5, 2]
    assert table.iloc[0].tolist()[:4] == ["No.", "3", "1", "1"]
    assert (
        "The status of 2 scans of 2 patients is unknown: these exams, and 1 patient who may be severe or not, are "
        "in the column of all patients only." in note(cohort)
    )
    of_a = note(cohort[cohort["patient_id"] != "B"])
    assert "The status of 1 scan of 1 patient is unknown: this exam is in the column of all patients only." in of_a
    assert "unknown" not in note(cohort.dropna(subset="status"))
    nobody = table_1(cohort[cohort["patient_id"] == "B"])[0].set_index("characteristic")["all_patients"]
    assert nobody["Age"] == nobody["Male"] == "unknown"


def test_few_patients_are_compared_by_fisher_s_test_and_many_by_chi_square():
    """The probability of a table with given margins by counting: 1 man and 3 women, one of whom is severe."""
    few = scans(
        ("a", "A", 50, "male", "2020-01-01", "severe"),
        *[(name, name, 50, "female", "2020-01-01", "non-severe") for name in "bcd"],
        ("e", "E", np.nan, np.nan, "2020-01-01", "severe"),
        ("f", "F", 60, "male", "2020-01-01", np.nan),
    )
    table, numbers = table_1(few)
    value = numbers.set_index("name")
    assert value.loc["p_sex", ["value", "n"]].tolist() == [pytest.approx(1 / 4), 4]  # the severe one is any of four
    assert value.loc["p_age", "n"] == 4
    assert table.set_index("characteristic").loc["Male"].tolist() == ["2 (40%)", "1 (100%)", "0 (0%)", "0.25"]
    assert "sexes by Fisher's exact test, as a count of fewer than 5 is expected. " in note(few)
    assert "Unknown: the age of 1 patient and the sex of 1 patient; mean and share are of the others." in note(few)
    many = paper_like_cohort()
    assert "sexes by the chi-square test without continuity correction. Severe" in note(many)
    assert table_1(many)[1].set_index("name").loc[["p_age", "p_sex"], "n"].tolist() == [196, 196]


@pytest.mark.parametrize(("n_men", "by"), [(9, "Fisher"), (10, "chi-square")])
def test_an_expected_count_of_five_is_enough_for_chi_square(n_men, by):
    """Of ten severe and ten non-severe patients, half the men are expected in each group."""
    statuses, sexes = ["severe", "non-severe"] * 10, ["male"] * n_men + ["female"] * (20 - n_men)
    rows = zip(statuses, sexes, strict=True)
    people = scans(*[(f"s{k}", f"P{k}", 50, sex, "2020-01-01", status) for k, (status, sex) in enumerate(rows)])
    assert f"sexes by {'the ' * (by != 'Fisher')}{by}" in note(people)


def test_the_note_tells_scans_of_unknown_status_of_severe_patients_from_non_severe_ones():
    who = ("A", 50.0, "male")
    table = scans(("a", *who, "2020-02-01", "severe"), ("b", *who, "2020-02-02", "non-severe"),
                  ("c", *who, "2020-02-03", None), ("d", "B", 50.0, "male", "2020-02-01", "non-severe"))  # fmt: skip
    said = note(table)
    assert (
        "1 of the 3 scans of severe patients are severe, 1 count as non-severe exams, and of 1 it is unknown." in said
    )
    assert "are severe, the others count as non-severe exams." in note(table[table["scan_id"] != "c"])
