"""Who is in a study: tables taken over, who is included; pairs and Table 1 as counted by hand."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.table_rows import ROW, TRAINING_ROW, changed, faults_of
from study.scans.cohort import (
    adopt_scans,
    adopt_training_scans,
    baseline_table,
    consecutive_pairs,
    flow,
    include,
    keep_apart,
    period,
    read_scans,
    read_training_scans,
)
from study.scans.schemas import SCAN_COLUMNS, TRAINING_COLUMNS

# --- inclusion, pairs, Table 1 ---


def scans(*rows):
    columns = ["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(scan_date=pd.to_datetime(table["scan_date"]))


COHORT = scans(
    ("a2", "A", 50, "male", "2020-01-27", "severe"),
    ("a1", "A", 50, "male", "2020-01-23", "non-severe"),
    ("b1", "B", 17.5, "female", "2020-01-24", "non-severe"),
    ("c1", "C", 30, "female", "2020-01-25", "non-severe"),
    ("a3", "A", 50, "male", "2020-02-12", "severe"),
    ("d1", "D", 40, "male", "2020-01-25", "non-severe"),
    ("d2", "D", 40, "male", "2020-01-25", "non-severe"),
)


def test_include_takes_out_patients_by_their_age_at_the_first_scan():
    included, excluded = include(COHORT)
    assert excluded["scan_id"].tolist() == ["b1"] and excluded["reason"].tolist() == ["younger than 18 years"]
    assert included["scan_id"].tolist() == ["a2", "a1", "c1", "a3", "d1", "d2"]
    grown = scans(("x2", "X", 18, "male", "2020-03-01", "severe"), ("x1", "X", 17.9, "male", "2020-01-23", "severe"))
    assert len(include(grown)[0]) == 0
    assert len(include(COHORT, minimum_age_years=17)[1]) == 0


def test_flow_adds_up():
    included, _ = include(COHORT)
    table = flow(COHORT, included).set_index("step")
    assert table["patients"].to_dict() == {
        "reviewed": 4,
        "excluded": 1,
        "included": 3,
        "severe": 1,
        "non-severe": 2,
    }
    assert table["scans"].to_dict() == {
        "reviewed": 7,
        "excluded": 1,
        "included": 6,
        "severe": 2,
        "non-severe": 4,
    }


def test_consecutive_pairs():
    pairs = consecutive_pairs(COHORT)
    assert pairs.to_numpy().tolist() == [["A", "a1", "a2", 4], ["A", "a2", "a3", 16], ["D", "d1", "d2", 0]]
    assert list(pairs) == ["patient_id", "earlier", "later", "days"]
    none = consecutive_pairs(COHORT[COHORT["patient_id"] == "C"])
    assert len(none) == 0 and list(none) == list(pairs)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("PQRS"), st.integers(1, 28)), min_size=1, max_size=20))
def test_pairs_are_scans_less_patients_and_never_run_backwards(visits):
    table = scans(*[(f"s{n}", who, 40, "male", f"2020-01-{day:02}", "severe") for n, (who, day) in enumerate(visits)])
    pairs = consecutive_pairs(table)
    assert len(pairs) == len(table) - table["patient_id"].nunique()
    assert (pairs["days"] >= 0).all()
    days = dict(zip(table["scan_id"], table["scan_date"], strict=True))
    for _, pair in pairs.iterrows():
        between = [d for s, d in days.items() if days[pair["earlier"]] < d < days[pair["later"]]]
        own = table[table["patient_id"] == pair["patient_id"]]["scan_date"].tolist()
        assert not set(between) & set(own)


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
    table, numbers = baseline_table(paper_like_cohort())
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
    rows = baseline_table(included)[0].set_index("characteristic")
    assert rows.loc["No."].tolist()[:3] == ["3", "1", "2"]
    assert rows.loc["Exams"].tolist()[:3] == ["6", "2", "4"]
    assert rows.loc["Patients with multiple exams"].tolist()[:3] == ["2 (67%)", "1 (100%)", "1 (50%)"]
    assert rows.loc["Age"].tolist() == ["40±10", "50", "35±7", ""]


@pytest.mark.parametrize("cohort", [COHORT[COHORT["patient_id"] == "A"], COHORT[COHORT["patient_id"].isin(["C", "D"])]])
def test_one_patient_or_one_class_has_no_p(cohort):
    before = cohort.copy()
    table, numbers = baseline_table(cohort)
    value = numbers.set_index("name")["value"]
    assert np.isnan(value["p_age"]) and np.isnan(value["p_sex"])
    assert (table["p_value"] == "").all()
    assert np.isnan(value["male_share_severe"]) != np.isnan(value["male_share_non_severe"])
    pd.testing.assert_frame_equal(cohort, before)


def test_a_patient_of_unknown_status_is_in_neither_group():
    scans = pd.DataFrame(
        [
            ("a1", "A", 40.0, "male", "2020-01-01", "severe"),
            ("a2", "A", 40.0, "male", "2020-01-02", np.nan),
            ("b1", "B", np.nan, np.nan, "2020-01-01", "non-severe"),
            ("b2", "B", np.nan, np.nan, "2020-01-02", np.nan),  # it may have been severe then
            ("c1", "C", 50.0, "female", np.nan, "non-severe"),
            ("c2", "C", 50.0, "female", np.nan, "non-severe"),
        ],
        columns=["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"],
    )
    included, excluded = include(scans)
    assert len(included) == 6 and excluded.empty
    steps = flow(scans, included).set_index("step")
    assert steps.loc[["severe", "non-severe", "status unknown"], "patients"].tolist() == [1, 1, 1]
    assert steps.loc[["severe", "non-severe", "status unknown"], "scans"].tolist() == [1, 3, 2]
    assert consecutive_pairs(scans)["later"].tolist() == ["a2", "b2"]  # without dates nobody knows which came first
    table, numbers = baseline_table(scans)
    number = numbers.set_index("name")
    assert number.loc["age_mean_all", ["value", "n"]].tolist() == [45, 2]
    assert number.loc["male_share_all", ["value", "n"]].tolist() == [0.5, 2]
    assert table.iloc[0].tolist()[:4] == ["No.", "3", "1", "1"]
    nobody = baseline_table(scans[scans["patient_id"] == "B"])[0].set_index("characteristic")["all_patients"]
    assert nobody["Age"] == nobody["Male"] == "unknown"


def test_the_period_is_of_known_dates():
    days = pd.DataFrame({"scan_date": pd.to_datetime(["2020-02-12", None, "2020-01-23"])})
    assert period(days) == {"first": "2020-01-23", "last": "2020-02-12"}
    assert period(days[1:2]) == {"first": None, "last": None}


# --- somebody's own tables in a run ---


def test_an_adopted_table_names_the_same_files(table_file, tmp_path):
    paths = ["images/1.nii.gz", "../2.nii.gz", "/elsewhere/3.nii.gz", str(tmp_path / "runs/mine/cohort/4.nii.gz")]
    rows = [changed(ROW, SCAN_COLUMNS, scan_id=n, image=path) for n, path in enumerate(paths)]
    path = table_file([*SCAN_COLUMNS, "observer_1"], [[*row, "" if n else "m.nii.gz"] for n, row in enumerate(rows)])
    content = path.read_bytes()
    folder = tmp_path / "runs" / "mine" / "cohort"
    adopted = adopt_scans(path, folder, "public", "somewhere", "CC0")
    pd.testing.assert_frame_equal(adopted, read_scans(path))
    pd.testing.assert_frame_equal(read_scans(folder / "scans.csv"), adopted)
    assert adopted["image"][0] == str(tmp_path.resolve() / "images/1.nii.gz")
    assert path.read_bytes() == content
    assert json.loads((folder / "cohort.json").read_text()) == {
        "tier": "public",
        "source": "somewhere",
        "licence": "CC0",
        "seed": None,
        "digest": hashlib.sha256((folder / "scans.csv").read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("tier", ["synthetic", "Public", ""])
def test_own_scans_are_of_no_other_tier(table_file, tmp_path, tier):
    with pytest.raises(ValueError, match="'public' or 'restricted'"):
        adopt_scans(table_file(SCAN_COLUMNS, [ROW]), tmp_path / "cohort", tier, "", "")
    assert not (tmp_path / "cohort").exists()


def test_a_faulty_table_is_not_adopted(table_file, tmp_path):
    path = table_file(SCAN_COLUMNS, [changed(ROW, SCAN_COLUMNS, sex="?")])
    faults_of(path, lambda path: adopt_scans(path, tmp_path / "cohort", "public", "", ""))
    assert not (tmp_path / "cohort").exists()


def test_an_adopted_training_table_names_the_same_files(table_file, tmp_path):
    other = changed(TRAINING_ROW, TRAINING_COLUMNS, scan_id="t2", image="/elsewhere/i.nii.gz")
    path = table_file(TRAINING_COLUMNS, [TRAINING_ROW, other])
    adopted = adopt_training_scans(path, tmp_path / "training")
    pd.testing.assert_frame_equal(adopted, read_training_scans(path))
    pd.testing.assert_frame_equal(read_training_scans(tmp_path / "training" / "scans.csv"), adopted)


def test_a_scan_is_in_the_cohort_or_trained_on():
    cohort, training = (pd.DataFrame({"image": [f"/{name}.nii" for name in names]}) for names in ("abc", "de"))
    keep_apart(cohort, training)
    with pytest.raises(ValueError, match=r"1 of the training scans .* \(/b.nii\)"):
        keep_apart(cohort, pd.DataFrame({"image": ["/d.nii", "/b.nii"]}))


def test_without_a_training_table_there_is_an_empty_one(tmp_path):
    adopted = adopt_training_scans("", tmp_path)
    assert len(adopted) == 0 and list(adopted) == list(TRAINING_COLUMNS)
    assert (tmp_path / "scans.csv").read_text() == ",".join(TRAINING_COLUMNS) + "\n"
    (fault,) = faults_of(tmp_path / "scans.csv", read_training_scans)  # nothing can be trained on it
    assert "no row" in fault.rule
