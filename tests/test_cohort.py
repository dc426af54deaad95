"""The tables of a study: every fault told at once, nothing guessed; pairs and Table 1 as counted by hand."""

import hashlib
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.cohort import (
    ScanTableError,
    adopt_scans,
    adopt_training_scans,
    baseline_table,
    check_scans,
    consecutive_pairs,
    flow,
    format_faults,
    include,
    keep_apart,
    period,
    read_biomarkers,
    read_scans,
    read_training_scans,
    unknowns,
    write_scans,
)
from study.ct import write_mask, write_scan
from study.schemas import BIOMARKER_COLUMNS, SCAN_COLUMNS, TRAINING_COLUMNS

ROW = ["scan-1", "P1", "47", "male", "2020-01-23", "severe", "images/1.nii.gz"]
MEASURES = ["4000", "400", "0.1", "-600"]
TRAINING_ROW = ["t1", "T1", "GE", "1.25", "1.25", "soft", "60", "120", "i.nii.gz", "l.nii.gz", "f.nii.gz"]


def changed(row, columns, **cells):
    return [str(cells.get(name, cell)) for name, cell in zip(columns, row, strict=True)]


def faults_of(path, read=read_scans):
    with pytest.raises(ScanTableError) as caught:
        read(path)
    for fault in caught.value.faults:
        assert fault.file == str(path) and fault.rule and fault.remedy
        assert fault.rule in str(caught.value) and fault.remedy in str(caught.value)
    assert str(path) in str(caught.value)
    return caught.value.faults


def places(faults):
    return [(fault.row, fault.column) for fault in faults]


# --- reading a sound table ---


def test_a_sound_table_has_numbers_dates_and_absolute_paths(table_file, tmp_path):
    header = [*SCAN_COLUMNS, "observer_1", "motion", "report", "ward"]
    rows = [
        [*ROW, "masks/1.nii.gz", "TRUE", "=1+1, not a sum", "007"],
        ["scan-2", "P1", "47.5", "male", "2020-01-26", "non-severe", "/data/2.nii.gz", "", "", "", ""],
    ]
    table = read_scans(table_file(header, rows))
    assert table["age_years"].tolist() == [47.0, 47.5]
    assert table["scan_date"].dt.day.tolist() == [23, 26]
    assert table["image"].tolist() == [str(tmp_path.resolve() / "images/1.nii.gz"), "/data/2.nii.gz"]
    assert table["observer_1"][0] == str(tmp_path.resolve() / "masks/1.nii.gz") and pd.isna(table["observer_1"][1])
    assert table["motion"][0] and pd.isna(table["motion"][1])
    assert table["report"][0] == "=1+1, not a sum" and pd.isna(table["report"][1])
    assert table["ward"][0] == "007"


def test_what_is_written_is_read_back(table_file, tmp_path):
    header = [*SCAN_COLUMNS, "lung_mask", "motion", "report"]
    other = changed(ROW, SCAN_COLUMNS, scan_id="b", image="/elsewhere/b.nii", age_years="47.25")
    rows = [[*ROW, "m.nii.gz", "true", 'new "ground glass",\nboth lungs'], [*other, "", "", ""]]
    path = table_file(header, rows)
    table = read_scans(path)
    write_scans(tmp_path / "again.csv", table)
    pd.testing.assert_frame_equal(read_scans(tmp_path / "again.csv"), table)
    assert "images/1.nii.gz" in (tmp_path / "again.csv").read_text()
    assert str(tmp_path) not in (tmp_path / "again.csv").read_text()
    write_scans(tmp_path / "third.csv", read_scans(tmp_path / "again.csv"))
    assert (tmp_path / "third.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.csv", "scans.csv", "third.csv"]


def test_a_whole_age_is_written_without_a_point(table_file, tmp_path):
    write_scans(tmp_path / "again.csv", read_scans(table_file(SCAN_COLUMNS, [ROW])))
    assert ",47,male,2020-01-23," in (tmp_path / "again.csv").read_text()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_mark_and_letters_of_any_language(table_file, encoding):
    path = table_file([*SCAN_COLUMNS, "report"], [[*ROW, "病灶增多 größer"]], encoding=encoding)
    assert read_scans(path)["report"][0] == "病灶增多 größer"


def test_blank_rows_and_columns_of_a_spreadsheet_do_not_count(table_file):
    header = [*SCAN_COLUMNS, "", ""]
    rows = [[*ROW, "", ""], [""] * 9, [*changed(ROW, SCAN_COLUMNS, scan_id="b", image="b", sex="M"), "", ""]]
    faults = faults_of(table_file(header, rows))
    assert places(faults)[0] == (4, "sex")
    assert faults[0].remedy == "write male"


# --- a file that is no such table ---


@pytest.mark.parametrize(
    ("content", "rule", "remedy"),
    [
        (b"", "empty", "header"),
        (b"\n\n", "empty", "header"),
        (b"PK\x03\x04rest", "spreadsheet", "CSV"),
        (b"\xd0\xcf\x11\xe0rest", "spreadsheet", "CSV"),
        ("scan_id,a".encode("utf-16"), "UTF-16", "UTF-8"),
        ("scan_id,größe\n".encode("latin-1"), "not UTF-8 (line 1)", "UTF-8"),
        (b"a,b\0c\n", "not a text file", "CSV"),
        (";".join(SCAN_COLUMNS).encode() + b"\n", "semicolons", "commas"),
        ("\t".join(SCAN_COLUMNS).encode() + b"\n", "tabs", "commas"),
        (",".join(SCAN_COLUMNS).encode() + b'\na,"never closed\n', "well-formed", "save it again"),
        (",".join(SCAN_COLUMNS).encode() + b"\n", "no row", "one row a scan"),
    ],
)
def test_no_such_csv(tmp_path, content, rule, remedy):
    path = tmp_path / "scans.csv"
    path.write_bytes(content)
    (fault,) = faults_of(path)
    assert rule in fault.rule and remedy in fault.remedy and fault.row is None


def test_missing_table_and_folder(tmp_path):
    assert "no such file" in faults_of(tmp_path / "scans.csv")[0].rule
    assert "folder" in faults_of(tmp_path)[0].rule
    assert "no such file" in faults_of(tmp_path / "b.csv", read_biomarkers)[0].rule
    assert "no such file" in check_scans(tmp_path / "scans.csv")[0].rule


def test_missing_renamed_and_doubled_columns(table_file):
    header = ["scan_id", "patient", "Age_years", "sex", "sex", "scan_date", "image"]
    faults = faults_of(table_file(header, [["a"] * 7]))
    told = {fault.column: fault for fault in faults}
    assert set(told) == {"sex", "patient_id", "age_years", "status"}
    assert "two columns" in told["sex"].rule
    assert told["age_years"].remedy == "rename the column 'Age_years'"
    assert told["patient_id"].remedy == "rename the column 'patient'"
    assert told["status"].remedy == "add the column"


def test_rows_of_another_length(table_file):
    faults = faults_of(table_file(SCAN_COLUMNS, [ROW, ROW[:-1], [*ROW, "more"]]))
    assert places(faults) == [(3, ""), (4, "")]
    assert "6 cells and the header 7" in faults[0].rule


# --- cells ---


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("scan_id", "", "fill it in"),
        ("scan_id", "../up", "names files"),
        ("scan_id", "a/b", "names files"),
        ("scan_id", ".hidden", "names files"),
        ("scan_id", "a b", "names files"),
        ("scan_id", "größe", "names files"),
        ("patient_id", "", "fill it in"),
        ("age_years", "-1", "correct"),
        ("age_years", "121", "correct"),
        ("age_years", "47,5", "write 47.5"),
        ("age_years", "047Y", "correct"),
        ("age_years", "inf", "correct"),
        ("age_years", "=40+7", "correct"),
        ("scan_date", "nan", "fill it in"),
        ("sex", "Male", "write male"),
        ("sex", "f", "write female"),
        ("sex", "x", "write female or male"),
        ("scan_date", "23.01.2020", "2020-01-23"),
        ("scan_date", "2020-02-30", "2020-01-23"),
        ("scan_date", "2020-1-3", "2020-01-23"),
        ("scan_date", "0020-01-03", "2020-01-23"),
        ("scan_date", "\uff12\uff10\uff12\uff10-01-23", "2020-01-23"),
        ("status", "nonsevere", "write non-severe"),
        ("status", "Severe", "write severe"),
        ("status", "critical", "write severe"),
        ("status", "dead", "write severe or non-severe"),
        ("image", "", "fill it in"),
        ("motion", "maybe", "true or false"),
    ],
)
def test_one_bad_cell(table_file, column, value, remedy):
    columns = [*SCAN_COLUMNS, "motion"]
    (fault,) = faults_of(table_file(columns, [changed([*ROW, ""], columns, **{column: value})]))
    assert (fault.row, fault.column, fault.value) == (2, column, value)
    assert remedy in fault.remedy


@settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), min_size=7, max_size=7))
def test_any_text_is_sound_or_told(cells, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "scans.csv"
    pd.DataFrame([cells], columns=SCAN_COLUMNS).to_csv(path, index=False)
    try:
        assert len(read_scans(path)) == 1
    except ScanTableError as error:
        assert error.faults


def test_all_faults_at_once_aligned(table_file):
    rows = [
        ROW,
        ["SCAN-1", "P1", "60", "female", "2020-01-26", "severe", "images/1.nii.gz"],
        ["b", "p1", "47", "male", "2020-01-26", "x", "b.nii"],
    ]
    path = table_file(SCAN_COLUMNS, rows)
    faults = faults_of(path)
    assert sorted(places(faults)) == [
        (3, "age_years"), (3, "image"), (3, "scan_id"), (3, "sex"), (4, "patient_id"), (4, "status"),
    ]  # fmt: skip
    text = format_faults(faults)
    lines = text.splitlines()
    assert lines[0] == f"{path}: 6 faults"
    start = lines[1].index("rule")
    assert all(line[start - 2 : start] == "  " and line[start] != " " for line in lines[1:])
    assert "ignoring case" in text and "row 2" in text
    again = pickle.loads(pickle.dumps(ScanTableError(path, faults)))
    assert again.faults == faults and str(again) == text


def test_many_faults_are_counted_not_all_printed(table_file):
    rows = [changed(ROW, SCAN_COLUMNS, scan_id=f"s{n}", image=f"{n}.nii", sex="?") for n in range(300)]
    faults = faults_of_any(table_file(SCAN_COLUMNS, rows))
    assert len(faults) == 300
    assert "and 100 more" in format_faults(faults)


def faults_of_any(path):
    with pytest.raises(ScanTableError) as caught:
        read_scans(path)
    return caught.value.faults


def test_a_patient_may_grow_older_but_only_as_time_goes(table_file):
    def row(scan, age, day):
        return changed(ROW, SCAN_COLUMNS, scan_id=scan, image=scan, age_years=age, scan_date=day)

    assert len(read_scans(table_file(SCAN_COLUMNS, [row("a", 47, "2020-01-23"), row("b", 48, "2020-02-12")]))) == 2
    assert len(read_scans(table_file(SCAN_COLUMNS, [row("a", 57, "2020-01-23"), row("b", 47, "2010-01-23")]))) == 2
    (fault,) = faults_of(table_file(SCAN_COLUMNS, [row("a", 47, "2020-01-23"), row("b", 45, "2020-02-12")]))
    assert (fault.row, fault.column) == (3, "age_years")
    assert "47 on 2020-01-23 in row 2" in fault.rule


# --- what is not known ---


def test_age_sex_date_and_status_may_be_unknown_and_stay_so(table_file, tmp_path):
    """As in public data sets: read as missing, written as empty, said in words, never filled in."""
    rows = [ROW, changed(ROW, SCAN_COLUMNS, scan_id="b", image="b", age_years="", sex="", scan_date="", status="")]
    path = table_file(SCAN_COLUMNS, rows)
    scans = read_scans(path)
    assert scans.loc[1, ["age_years", "sex", "scan_date", "status"]].isna().all()
    write_scans(tmp_path / "again.csv", scans)
    pd.testing.assert_frame_equal(read_scans(tmp_path / "again.csv"), scans)
    said = unknowns(scans)
    assert [line.split()[0] for line in said] == ["age_years", "sex", "scan_date", "status"]
    assert all("1 of 2 scans" in line for line in said)
    assert unknowns(scans[:1]) == []


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


# --- training table ---


def test_training_table(table_file):
    table = read_training_scans(table_file(TRAINING_COLUMNS, [TRAINING_ROW]))
    assert table["increment_mm"][0] == 1.25 and table["tube_voltage_kv"][0] == 120
    bad = changed(TRAINING_ROW, TRAINING_COLUMNS, slice_thickness_mm="0", tube_voltage_kv="12", infection_mask="")
    faults = faults_of(table_file(TRAINING_COLUMNS, [bad]), read_training_scans)
    assert {fault.column for fault in faults} == {"slice_thickness_mm", "tube_voltage_kv", "infection_mask"}


def test_a_scan_table_with_both_masks_is_a_training_table(table_file):
    table = read_training_scans(table_file([*SCAN_COLUMNS, "lung_mask", "infection_mask"], [[*ROW, "l.nii", "i.nii"]]))
    assert table["vendor"][0] == table["kernel"][0] == "unknown"
    assert np.isnan(table["slice_thickness_mm"][0]) and np.isnan(table["tube_voltage_kv"][0])


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


# --- biomarkers ---


def biomarkers(table_file, *rows, more=()):
    columns = [*BIOMARKER_COLUMNS, *more]
    whole = [[f"s{n}", "P1", "47", "male", "2020-01-23", "severe", *row] for n, row in enumerate(rows)]
    return table_file(columns, whole, "biomarkers.csv")


def test_sound_biomarkers(table_file):
    path = biomarkers(
        table_file,
        MEASURES,
        ["4000", "0", "0", ""],
        ["", "", "0.25", "-500.5"],
        ["", "", "0", "nan"],
        ["4000", "130", "0.03", "-1"],
    )
    table = read_biomarkers(path)
    assert table["poi"].tolist() == [0.1, 0, 0.25, 0, 0.03]
    assert np.isnan(table["ihu"][[1, 3]]).all() and table["ihu"][2] == -500.5
    assert np.isnan(table["lung_volume_ml"][2])


@pytest.mark.parametrize(
    ("row", "column", "word"),
    [
        (["4000", "400", "10.0", "-600"], "poi", "as a fraction, 0.1"),
        (["4000", "400", "12.3", "-600"], "poi", "as a fraction, 0.123"),
        (["4000", "400", "-0.1", "-600"], "poi", "correct"),
        (["4000", "400", "", "-600"], "poi", "fill it in (0 where there is no infection)"),
        (["4000", "400", "nan", "-600"], "poi", "fill it in"),
        (["4000", "400", "0.2", "-600"], "poi", "correct the poi or the volumes"),
        (["400", "4000", "0.1", "-600"], "infection_volume_ml", "includes infection"),
        (["0", "0", "0", ""], "lung_volume_ml", "correct"),
        (["4000", "400", "0.1", ""], "ihu", "fill in the mean HU"),
        (["", "", "0.1", ""], "ihu", "fill in the mean HU"),
        (["4000", "0", "0", "-600"], "ihu", "leave the cell empty"),
        (["", "", "0", "-600"], "ihu", "leave the cell empty"),
        (["4000", "400", "0.1", "-2000"], "ihu", "correct"),
        (["4000", "400", "0.1", "-600 HU"], "ihu", "correct"),
    ],
)
def test_one_bad_measure(table_file, row, column, word):
    (fault,) = faults_of(biomarkers(table_file, MEASURES, row), read_biomarkers)
    assert (fault.row, fault.column) == (3, column)
    assert word in fault.remedy


def test_each_lung_may_be_there(table_file):
    sides = [
        f"{side}_{name}"
        for side in ("right", "left")
        for name in ("lung_volume_ml", "infection_volume_ml", "poi", "ihu")
    ]
    good = [*MEASURES, "2000", "400", "0.2", "-600", "2000", "0", "0", ""]
    without_left = [*MEASURES, "4000", "400", "0.1", "-600", "0", "0", "", ""]
    assert np.isnan(read_biomarkers(biomarkers(table_file, good, without_left, more=sides))["left_poi"][1])
    bad = [*MEASURES, "2000", "400", "20", "-600", "2000", "0", "0", "-700"]
    faults = faults_of(biomarkers(table_file, bad, more=sides), read_biomarkers)
    assert places(faults) == [(2, "right_poi"), (2, "left_ihu")]


def test_biomarkers_lack_a_column(table_file):
    path = table_file(BIOMARKER_COLUMNS[:-1], [["s", "P1", "47", "male", "2020-01-23", "severe", *MEASURES[:-1]]])
    assert places(faults_of(path, read_biomarkers)) == [(1, "ihu")]


# --- files that a table names ---


def test_check_scans_opens_every_file(table_file, tmp_path, chest):
    scan = write_scan(tmp_path / "a.nii.gz", chest(), (5, 2, 1.5))
    other = write_scan(tmp_path / "b.nii.gz", chest((5, 24, 28)), (5, 2, 1.5))
    write_mask(tmp_path / "a-mask.nii.gz", scan.hu < -700, scan)
    write_mask(tmp_path / "b-mask.nii.gz", other.hu < -700, other)
    content = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(content[: len(content) // 2])

    def row(scan_id, image, lung="", infection=""):
        return [*changed(ROW, SCAN_COLUMNS, scan_id=scan_id, image=image), lung, infection]

    header = [*SCAN_COLUMNS, "lung_mask", "infection_mask"]
    sound = [row("a", "a.nii.gz", "a-mask.nii.gz"), row("b", "b.nii.gz", "", "b-mask.nii.gz")]
    assert check_scans(table_file(header, sound), progress=False) == []
    broken = [
        row("a", "a.nii.gz", "b-mask.nii.gz", "a.nii.gz"),
        row("A", "cut.nii.gz", "nowhere.nii.gz", "b-mask.nii.gz"),
        row("c", "gone.nii.gz"),
    ]
    path = table_file(header, broken)
    faults = check_scans(path, progress=False)
    assert places(faults) == [
        (3, "scan_id"), (2, "lung_mask"), (2, "infection_mask"), (3, "image"), (3, "lung_mask"), (4, "image"),
    ]  # fmt: skip
    by_place = dict(zip(places(faults), faults, strict=True))
    assert "another grid" in by_place[2, "lung_mask"].rule
    assert "other values" in by_place[2, "infection_mask"].rule
    assert "truncated" in by_place[3, "image"].rule
    assert "no such file" in by_place[3, "lung_mask"].rule
    assert len(check_scans(path, files=False)) == 1
    assert format_faults(faults).startswith(f"{path}: 6 faults")


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
