"""What study check finds in the files that a table names, and warns of."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers.table_rows import ROW, changed, places
from study.__main__ import app
from study.scans.checks import check_before_a_run, check_scans
from study.scans.ct import read_scan, write_mask, write_scan
from study.scans.schemas import BIOMARKER_COLUMNS, SCAN_COLUMNS, ScanTableError, format_faults


def test_check_scans_opens_every_file(table_file, tmp_path, chest):
    scan = write_scan(tmp_path / "a.nii.gz", chest(), (20.0, 10.0, 8.0))
    other = write_scan(tmp_path / "b.nii.gz", chest((5, 24, 28)), (20.0, 10.0, 8.0))
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


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_copy_of_a_scan_under_another_name_is_found(table_file, tmp_path, chest, monkeypatch, kind):
    """Also in a folder, whose files may have other names; not if a byte differs, wherever it is."""
    write_scan(tmp_path / "a.nii.gz", chest(), (20.0, 10.0, 8.0))
    content = (tmp_path / "a.nii.gz").read_bytes()
    other = content[:10] + bytes([content[10] ^ 1]) + content[11:]  # a byte of gzip's header, of equal size
    for name, (first, second) in {"a": "12", "b": "21", "c": "12", "d": "12"}.items():
        parts = {first: content, second: b"more"} if name != "c" else {first: other, second: b"more"}
        (tmp_path / name).mkdir()
        for part, written in parts.items():
            (tmp_path / name / part).write_bytes(written)
        (tmp_path / f"{name}.nii.gz").write_bytes(parts[first])
    ending = ".nii.gz" if kind == "file" else ""
    rows = [changed(ROW, SCAN_COLUMNS, scan_id=name, image=f"{name}{ending}") for name in "abcd"]
    rows.append(changed(ROW, SCAN_COLUMNS, scan_id="gone", image="gone.nii.gz"))
    path = table_file(SCAN_COLUMNS, rows)
    faults = [fault for fault in check_scans(path, progress=False) if "byte for byte" in fault.rule]
    assert places(faults) == [(3, "image"), (5, "image")] and {fault.rule[-1] for fault in faults} == {"2"}
    with pytest.raises(ScanTableError, match="the same scan, byte for byte, as in row 2"):
        check_before_a_run(path)
    monkeypatch.setattr("study.scans.checks.sha256", None)  # nothing is read whole
    for k, name in enumerate("abcd"):
        (tmp_path / name / "1").write_bytes(bytes([k]) * 9)
        (tmp_path / f"{name}.nii.gz").write_bytes(bytes([k]) * 9)
    assert "byte for byte" not in format_faults(check_scans(path, progress=False))


def test_exchanged_masks_of_lung_and_infection_are_found(table_file, tmp_path, chest):
    scan = write_scan(tmp_path / "a.nii.gz", chest(), (20.0, 10.0, 8.0))
    lung = scan.hu < -700
    infection = lung & (np.arange(lung.shape[2]) < lung.shape[2] // 2)
    write_mask(tmp_path / "lung.nii.gz", lung, scan)
    write_mask(tmp_path / "infection.nii.gz", infection, scan)
    write_mask(tmp_path / "none.nii.gz", infection & False, scan)
    header = [*SCAN_COLUMNS, "lung_mask", "infection_mask"]
    one = changed(ROW, SCAN_COLUMNS, image="a.nii.gz")

    def found(*masks):
        return check_scans(table_file(header, [[*one, *(f"{name}.nii.gz" for name in masks)]]), progress=False)

    for sound in (("lung", "infection"), ("lung", "lung"), ("lung", "none")):  # all of the lungs, or none, may be ill
        assert found(*sound) == []
    for exchanged in (("infection", "lung"), ("none", "lung")):
        (fault,) = found(*exchanged)
        assert (fault.row, fault.column) == (2, "infection_mask") and "exchanged" in fault.remedy
        assert f"{lung.sum()}" in fault.rule


def test_dates_in_the_future_are_noticed_and_not_refused(table_file):
    """They may be shifted on purpose, to hide them: only the days between a patient's scans count."""
    today = pd.Timestamp.now()
    days = [today - pd.Timedelta(days=1), today, today + pd.Timedelta(days=3), pd.Timestamp("2150-01-01")]
    rows = [
        changed(ROW, SCAN_COLUMNS, scan_id=f"s{k}", patient_id=f"P{k}", image=f"{k}", scan_date=f"{day:%Y-%m-%d}")
        for k, day in enumerate(days)
    ]
    notes = []
    assert check_scans(table_file(SCAN_COLUMNS, rows), files=False, notes=notes) == []
    (note,) = notes
    assert "scan_date lies in the future in 2 of 4 rows, the first of them row 4" in note and "correct them" in note
    rows[2:] = [changed(row, SCAN_COLUMNS, scan_date="") for row in rows[2:]]
    assert check_scans(table_file(SCAN_COLUMNS, rows), files=False, notes=(none := [])) == [] == none


@pytest.mark.parametrize(
    ("statuses", "said"),
    [(("", ""), "status is unknown for all scans"), (("severe", ""), "status is severe for the one scan of known"),
     (("severe", "non-severe"), "")],
)  # fmt: skip
def test_without_severe_and_other_scans_check_says_that_severity_will_stop(table_file, tmp_path, chest, statuses, said):
    rows = []
    for k, status in enumerate(statuses):
        write_scan(tmp_path / f"{k}.nii.gz", chest(seed=k), (20.0, 10.0, 8.0))
        rows.append(changed(ROW, SCAN_COLUMNS, scan_id=f"s{k}", image=f"{k}.nii.gz", status=status))
    shown = CliRunner().invoke(app, ["check", str(table_file(SCAN_COLUMNS, rows))])
    assert shown.exit_code == 0 and said in shown.output
    assert ("--until biomarkers" in shown.output) == bool(said)


def test_check_says_what_measure_says_of_a_scan_and_goes_on_after_any_error(table_file, tmp_path, chest, monkeypatch):
    half = write_scan(tmp_path / "half.nii.gz", chest(), (20.0, 5.0, 4.0))
    write_mask(tmp_path / "mask.nii.gz", half.hu < -700, half)
    write_scan(tmp_path / "whole.nii.gz", chest(), (20.0, 10.0, 8.0))
    rows = [
        [*changed(ROW, SCAN_COLUMNS, scan_id="a", image="half.nii.gz"), "mask.nii.gz"],
        [*changed(ROW, SCAN_COLUMNS, scan_id="b", scan_date="2020-02-01", image="whole.nii.gz"), ""],
    ]
    path = table_file([*SCAN_COLUMNS, "lung_mask"], rows)
    notes = []
    assert check_scans(path, progress=False, notes=notes) == []
    assert notes == [f"{path}: row 2, half.nii.gz: {note}" for note in read_scan(tmp_path / "half.nii.gz").notes] != []
    shown = CliRunner().invoke(app, ["check", str(path)])
    assert shown.exit_code == 0 and notes[0] in shown.output

    def fail(column):
        raise ZeroDivisionError

    monkeypatch.setattr("study.scans.checks.mask_reader", fail)
    (fault,) = check_scans(path, progress=False)
    assert (fault.row, fault.column) == (2, "lung_mask") and "ZeroDivisionError" in fault.rule


def test_a_table_of_biomarkers_is_checked_as_one(table_file):
    row = ["a", "P1", "50", "male", "2020-02-01", "severe", "4000", "400", "0.1", "-500"]
    path = table_file(BIOMARKER_COLUMNS, [row, ["b", "P2", "17", *row[3:5], "non-severe", *row[6:]]])
    shown = CliRunner().invoke(app, ["check", str(path)])
    assert shown.exit_code == 0 and "no fault found" in shown.output
    assert "a table of biomarkers is taken as it is" in shown.output  # the patient under 18 years
    wrong = table_file(BIOMARKER_COLUMNS, [[*row[:8], "10", "-500"]], "wrong.csv")
    shown = CliRunner().invoke(app, ["check", str(wrong)])
    assert shown.exit_code == 1 and "0.1" in shown.output and "image" not in shown.output


def test_measures_that_nobody_measures_are_noticed(table_file):
    row = ["a", "P1", "50", "male", "2020-02-01", "severe", "4.1", "0.41", "0.1", "480"]
    path = table_file(BIOMARKER_COLUMNS, [row, ["b", "P2", *row[2:5], "non-severe", "4100", "410", "0.1", "-480"]])
    shown = CliRunner().invoke(app, ["check", str(path)]).output
    assert "ihu of 1 scan is above 150 HU" in shown and "was a minus lost?" in shown
    assert "lung_volume_ml of 1 scan is below 200 ml; are these litres?" in shown


def test_a_copy_of_a_delineation_is_noticed(table_file, tmp_path, chest):
    scan = write_scan(tmp_path / "a.nii.gz", chest(), (20.0, 10.0, 8.0))
    dense = scan.hu > -300
    for name, mask in (("x", dense), ("copy", dense), ("y", scan.hu > -200), ("none", dense & False)):
        write_mask(tmp_path / f"{name}.nii.gz", mask, scan)
    header = [*SCAN_COLUMNS, "lung_mask", "infection_mask", "observer_1", "observer_2"]
    for masks, said in (
        (("", "y", "x", "copy"), ["observer_1 and observer_2"]),
        (("", "y", "x", "y"), ["infection_mask and"]),
        (("", "none", "none", "x"), []),
        (("x", "copy", "", ""), ["lung_mask and infection_mask"]),
    ):
        row = changed(ROW, SCAN_COLUMNS, image="a.nii.gz")
        path = table_file(header, [[*row, *(name and f"{name}.nii.gz" for name in masks)]])
        notes = []
        assert check_scans(path, progress=False, notes=notes) == []
        same = [note for note in notes if "the same in every voxel" in note]
        assert len(same) == len(said) and all(one in note for one, note in zip(said, same, strict=True))


def test_two_scans_of_one_day_are_noticed_as_their_order_is_that_of_the_table(table_file):
    rows = [
        changed(ROW, SCAN_COLUMNS, scan_id=f"s{k}", patient_id="P1", image=f"{k}", scan_date=day)
        for k, day in enumerate(["2020-02-01", "2020-02-03", "2020-02-01", "", ""])
    ]
    notes = []
    assert check_scans(table_file(SCAN_COLUMNS, rows), files=False, notes=notes) == []
    (note,) = notes
    assert "several scans of one day in 1 row, the first of them row 4" in note and "put them in the order" in note


def test_columns_that_are_nearly_known_are_noticed_and_who_is_too_young(table_file):
    rows = [
        [*changed(ROW, SCAN_COLUMNS, scan_id=f"s{k}", patient_id=f"P{k // 2}", age_years=age, image=f"{k}",
                  scan_date=f"2020-02-0{k + 1}"), "", "", ""]
        for k, age in enumerate(["17", "", "18", ""])
    ]  # fmt: skip
    notes = []
    table = table_file([*SCAN_COLUMNS, "Report", "infection_masks", "ward"], rows)
    assert check_scans(table, files=False, notes=notes) == []
    report, mask, young = (note.partition(": ")[2] for note in notes)
    assert report == "the column 'Report' is not read; did you mean `report`?"
    assert mask == "the column 'infection_masks' is not read; did you mean `infection_mask`?"
    assert young == "under 18 years: 1 patient with 2 scans; notebook 1 leaves them out, as the paper did"
