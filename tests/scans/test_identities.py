"""What figures call scans and days, and which columns and ids look like people."""

import pandas as pd
import pytest

from study.files import sha256, write_json
from study.scans import identities

IDS = ["Zhang-1", "Zhang-2", "P007"]


@pytest.fixture
def folder(tmp_path):
    """A function that declares whose patients those of a small table are, and returns their folder."""

    def declare(tier):
        table = tmp_path / "scans.csv"
        table.write_text("scan_id\n" + "\n".join(IDS), encoding="utf-8")
        write_json(tmp_path / "cohort.json", {"tier": tier, "digest": sha256(table)})
        return tmp_path

    return declare


DAYS = pd.Series(pd.to_datetime(["2020-01-23", "2020-01-27", "2020-03-01"]))


@pytest.mark.parametrize("tier", ["synthetic", "public"])
def test_who_is_synthetic_or_public_has_ids_and_dates(folder, tier):
    assert [identities.called(one, folder(tier)) for one in IDS] == IDS
    assert identities.days(DAYS, folder(tier)) == list(DAYS)


@pytest.mark.parametrize("tier", ["restricted", "unknown", "other"])
def test_anyone_else_has_numbers_and_days_since_the_first_scan(folder, tier):
    assert [identities.called(one, folder(tier)) for one in IDS] == ["scan 1", "scan 2", "scan 3"]
    assert identities.days(DAYS, folder(tier)) == [0, 4, 38]
    assert identities.days(DAYS[:0], folder(tier)) == []


def test_a_table_that_was_changed_after_its_note_is_nobody_s(folder):
    place = folder("public")
    (place / "scans.csv").write_text("scan_id\nanna\n")
    assert identities.called("anna", place) == "scan 1"


def table(scan_ids, patient_ids=None, **columns):
    made = pd.DataFrame({"scan_id": scan_ids, "patient_id": patient_ids or scan_ids} | columns, dtype=str)
    made.index += 2
    return made


@pytest.mark.parametrize(
    "column",
    ["name", "Patient Name", "PatientName", "surname", "MRN", "phone", "Phone_No", "email", "home address",
     "birth_date", "PatientBirthDate", "date of birth", "dob", "姓名", "患者姓名", "联系电话", "出生日期", "accession"],
)  # fmt: skip
def test_columns_that_look_like_identities(column):
    (note,) = identities.suspicions(table(["P001-1", "P002-1"], **{column: ["secret", "secret"]}))
    assert f"columns that look as if they identify people: {column}: remove" in note and "secret" not in note


@pytest.mark.parametrize(
    "column", ["image", "report", "age_years", "vendor", "kernel", "true_poi", "lobes", "scan_date", "motion", "domain"]
)
def test_columns_of_the_study_do_not(column):
    assert identities.suspicions(table(["P001-1", "P002-1"], **{column: ["", ""]})) == []


@pytest.mark.parametrize(
    "ids",
    [
        ["P001-1", "P001-2", "P002-1"],  # by `study index folder`, and the phantom's
        ["study_0001", "study_0255"],  # MosMedData
        ["coronacases_001", "coronacases_002", "radiopaedia_4_85506_1", "radiopaedia_10_85902_3"],  # COVID-19-CT-Seg
        ["volume-covid19-A-0003", "volume-covid19-A-0011"],  # COVID-19-20
        ["a3f9bcd", "9fabc2e"],  # digests
        ["anna"],  # of one patient nothing tells a name from a word that all would share
    ],
)
def test_pseudonyms_are_not_suspected(ids):
    assert identities.suspicions(table(ids)) == []


@pytest.mark.parametrize(
    ("scan_ids", "patient_ids", "said"),
    [
        (["Mueller_Anna", "Wang_Li"], ["1", "2"], "scan_id looks like names in 2 of 2 rows, the first of them row 2"),
        (["covid-1", "covid-zhang"], ["1", "2"], "scan_id looks like names in 1 of 2 rows, the first of them row 3"),
        (["1", "2"], ["张伟", "李娜"], "patient_id looks like names in 2 of 2 rows"),
        (["s1", "s2"], ["Smith^John", "Doe^Jane"], "patient_id looks like names in 2 of 2 rows"),
        (
            ["s1", "s2"],
            ["P1", "4711234"],
            "patient_id looks like record numbers or dates in 1 of 2 rows, the first of them row 3",
        ),
        (["CT20200123", "b"], ["1", "2"], "scan_id looks like record numbers or dates in 1 of 2 rows"),
        (["a", "b"], ["1978-03-04", "2"], "patient_id looks like record numbers or dates in 1 of 2 rows"),
        (["x_4.3.1978", "b"], ["1", "2"], "scan_id looks like record numbers or dates in 1 of 2 rows"),
    ],
)
def test_ids_that_look_like_people(scan_ids, patient_ids, said):
    notes = identities.suspicions(table(scan_ids, patient_ids))
    assert len(notes) == 1 and said in notes[0] and "P001-1" in notes[0]
    assert not any(cell in notes[0] for cell in [*scan_ids, *patient_ids] if len(cell) > 3)
