"""The tables of a study: every fault told at once, nothing guessed."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.table_rows import MEASURES, ROW, TRAINING_ROW, changed, faults_of, places
from study.scans.checks import check_scans, unknowns
from study.scans.scan_tables import read_biomarkers, read_scans, read_training_scans, write_scans
from study.scans.schemas import BIOMARKER_COLUMNS, SCAN_COLUMNS, TRAINING_COLUMNS, ScanTableError, format_faults

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
        (b"sep=,\n", "empty", "header"),
        (b"sep=;\na;b\n", "semicolons", "field delimiter"),
        (b"\n\n", "empty", "header"),
        (b"PK\x03\x04rest", "spreadsheet", "CSV"),
        (b"\xd0\xcf\x11\xe0rest", "spreadsheet", "CSV"),
        ("scan_id,a".encode("utf-16"), "UTF-16", "UTF-8"),
        ("scan_id,größe\n".encode("latin-1"), "not UTF-8 (line 1)", "UTF-8"),
        (b"a,b\0c\n", "not a text file", "CSV"),
        (";".join(SCAN_COLUMNS).encode() + b"\n", "semicolons", "in Excel first set the decimal separator"),
        ("\t".join(SCAN_COLUMNS).encode() + b"\n", "tabs", "commas"),
        (",".join(SCAN_COLUMNS).encode() + b'\na,"never closed\n', "well-formed", "save it again"),
        (",".join(SCAN_COLUMNS).encode() + b"\n", "no row", "one row per scan"),
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


def test_columns_that_are_written_otherwise_are_to_be_renamed(table_file):
    header = [*BIOMARKER_COLUMNS[1:-2], "POI", "iHU", "Scan ID"]
    (line, *_) = rows = [[*ROW[1:-1], *MEASURES, "s1"]]
    assert len(line) == len(header)
    told = {fault.column: fault.remedy for fault in faults_of(table_file(header, rows), read_biomarkers)}
    assert told == {
        "poi": "rename the column 'POI'",
        "ihu": "rename the column 'iHU'",
        "scan_id": "rename the column 'Scan ID'",
    }


@pytest.mark.parametrize("line", ["sep=,\n", '"sep=,"\r\n', "SEP=,\n"])
def test_the_first_line_of_excel_is_no_header(table_file, line):
    path = table_file(SCAN_COLUMNS, [ROW, changed(ROW, SCAN_COLUMNS, scan_id="b", image="b", sex="x")])
    path.write_text("\ufeff" + line + path.read_text())
    assert places(faults_of(path)) == [(3, "sex")]  # as a spreadsheet counts, which does not show that line


def test_ids_that_only_look_like_numbers_are_sound(table_file):
    rows = [changed(ROW, SCAN_COLUMNS, scan_id=n, patient_id=n, image=n) for n in ("2E11", "1.5", "007", "1e3", "E+1")]
    assert faults_of(table_file(SCAN_COLUMNS, rows))[0].value == "E+1"  # for its sign
    assert len(read_scans(table_file(SCAN_COLUMNS, rows[:-1]))) == 4


def test_a_linked_table_names_files_beside_the_link(table_file, tmp_path):
    """As git-annex, DVC and DataLad keep it: the content lies elsewhere, and its name says nothing."""
    store = tmp_path / "store" / "a1b2"
    store.parent.mkdir()
    path = table_file(SCAN_COLUMNS, [ROW])
    path.rename(store)
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "scans.csv"
    path.symlink_to(store)
    assert read_scans(path)["image"].tolist() == [str(tmp_path.resolve() / "data" / "images/1.nii.gz")]
    store.unlink()
    assert "a link to a file that is not here" in faults_of(path)[0].rule


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "scans.csv")
    assert "a pipe" in faults_of(tmp_path / "scans.csv")[0].rule


def test_rows_of_another_length(table_file):
    faults = faults_of(table_file(SCAN_COLUMNS, [ROW, ROW[:-1], [*ROW, "more"]]))
    assert places(faults) == [(3, ""), (4, "")]
    assert "6 cells and the header 7" in faults[0].rule


# --- cells ---


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("scan_id", "", "fill it in"),
        ("scan_id", "../up", "named by its id"),
        ("scan_id", "a/b", "named by its id"),
        ("scan_id", ".hidden", "named by its id"),
        ("scan_id", "a b", "named by its id"),
        ("scan_id", "größe", "named by its id"),
        ("patient_id", "", "fill it in"),
        ("scan_id", "2.02E+11", "a spreadsheet shortened this id: format the column as text"),
        ("patient_id", "2,02E+11", "a spreadsheet shortened this id"),
        ("patient_id", "2E+11", "a spreadsheet shortened this id"),
        ("age_years", "4,491", "write 4.491 or 4491, whichever is meant"),
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
        ("scan_date", "2020-02-30", "there is no such day: correct it"),
        ("scan_date", "2020-1-3", "2020-01-23"),
        ("scan_date", "0020-01-03", "correct the year"),
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
        (["400", "4000", "0.1", "-600"], "infection_volume_ml", "includes the infection"),
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
