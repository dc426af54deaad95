"""Everything measured on a scan from one reading: the tables that it enters, and how often files are read."""

import collections
import errno

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from study import changes, files, provenance, workflow
from study.__main__ import app
from study.commands import runs
from study.measures import biomarkers, comparison, per_scan, quantify, shards
from study.networks import segmentation
from study.publish import crate, manuscript, site
from study.publish.forms import answers
from study.run import Run
from study.scans import ct, refusals, scan_tables
from study.scans.labels import LUNG

WHO = {"age_years": 50, "sex": "male", "scan_date": "2020-02-01", "status": "severe"}


@pytest.fixture
def cohort(tmp_path, chest):
    """Return a folder with three scans, of which the first has all masks, the second none, the third only lesions."""
    rows = []
    for k, names in enumerate((["lung_mask", "infection_mask", "observer_1", "observer_2"], [], ["infection_mask"])):
        hu = chest((4, 24, 28), seed=k)
        scan = ct.write_scan(tmp_path / f"s{k}.nii.gz", hu, (15.0, 3.0, 3.0))
        lung = np.zeros(hu.shape, bool)
        lung[:, 7:17, 5:11] = True
        row = {"scan_id": f"s{k}", "patient_id": f"p{k}", **WHO, "image": f"s{k}.nii.gz"}
        for name in names:
            mask = lung if name == "lung_mask" else lung & (np.indices(hu.shape)[1] < 10 + (name == "observer_2"))
            row[name] = f"s{k}-{name}.nii.gz"
            ct.write_mask(tmp_path / row[name], mask, scan)
        rows.append(row)
    return tmp_path, pd.DataFrame(rows)


class Halves:
    """A segmenter without networks: a box of lung, half of it infected."""

    def __init__(self, models_folder, threads):
        self.lung = self.infection = self
        self.card = {"digests": {}}

    def segment(self, scan, path):
        label_map = np.zeros(scan.hu.shape, np.uint8)
        label_map[:, 7:17, 5:11] = 1
        label_map[:, 7:12, 5:11] = 2
        return label_map


@pytest.fixture
def read(monkeypatch):
    """Return a counter of the files that are decoded, by path."""
    counted = collections.Counter()

    def open_nifti(path, opened=ct.open_nifti, **options):
        counted[path] += 1
        return opened(path, **options)

    monkeypatch.setattr(ct, "open_nifti", open_nifti)
    return counted


def test_a_scan_is_decoded_once_to_segment_and_once_for_all_else(cohort, read, monkeypatch):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    segmented, refused = segmentation.segment_scans(scans, folder, folder, folder / "masks")
    assert len(segmented) == 3 and refused.empty
    assert set(read.values()) == {1}
    read.clear()
    per_scan.measure_scans(scans, folder, folder / "masks")
    named = scans[["image", "lung_mask", "infection_mask", "observer_1", "observer_2"]].stack().dropna()
    label_maps = [folder / "masks" / f"{scan_id}.nii.gz" for scan_id in scans["scan_id"]]
    assert read == collections.Counter([*(folder / name for name in named), *label_maps])


def test_each_scan_enters_the_tables_that_its_masks_allow(cohort, monkeypatch):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    segmentation.segment_scans(scans, folder, folder, folder / "masks")
    measured, variants, agreement, truth, _ = per_scan.measure_scans(scans, folder, folder / "masks")
    assert measured["scan_id"].tolist() == variants["scan_id"].tolist() == ["s0", "s1", "s2"]
    assert agreement["scan_id"].tolist() == ["s0"] and truth["scan_id"].tolist() == ["s0", "s2"]
    assert list(variants) == quantify.VARIANT_COLUMNS and list(truth) == comparison.TRUTH_COLUMNS
    assert (measured["poi"] == 0.5).all()
    assert variants["true_poi"].tolist() == pytest.approx([0.3, np.nan, np.nan], nan_ok=True)
    assert truth["true_poi"].tolist() == pytest.approx([0.3, np.nan], nan_ok=True)
    assert agreement.loc[0, "observers"] == pytest.approx(2 * 3 / 7)
    scan = ct.read_scan(folder / "s1.nii.gz")
    by_hand = biomarkers.measure(scan.hu, Halves(None, 0).segment(scan, None), scan.spacing_mm)
    assert measured.loc[1, list(by_hand)].tolist() == pytest.approx(list(by_hand.values()), nan_ok=True)
    assert per_scan.measure_scan(scans.to_dict("records")[1], folder, folder / "masks").keys() == {
        "measured", "variants",
    }  # fmt: skip


def test_a_scan_is_measured_again_only_if_its_row_a_file_or_the_code_has_changed(cohort, monkeypatch):
    folder, scans = cohort
    scans["scan_date"] = pd.to_datetime(scans["scan_date"])
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    segmentation.segment_scans(scans, folder, folder, folder / "masks")
    asked = []

    def measure_row(row, scan, label_map, measured=quantify.measure_row):
        asked.append(row["scan_id"])
        return measured(row, scan, label_map)

    monkeypatch.setattr(quantify, "measure_row", measure_row)

    def measured_anew():
        asked.clear()
        tables = per_scan.measure_scans(scans, folder, folder / "masks")
        return list(asked), tables

    (first, before), (second, again) = measured_anew(), measured_anew()
    assert first == ["s0", "s1", "s2"] and second == []
    for name, tables in (("before", before), ("again", again)):
        shards.write(folder / f"{name}.json", *tables)
    assert (folder / "before.json").read_bytes() == (folder / "again.json").read_bytes()
    scans.loc[0, "status"] = "non-severe"
    asked_now, (_, _, agreement, _, _) = measured_anew()
    assert asked_now == ["s0"] and agreement["status"].tolist() == ["non-severe"]
    smaller = np.zeros((4, 24, 28), np.uint8)
    smaller[1, 7:17, 5:11] = LUNG
    ct.write_label_map(folder / "masks" / "s1.nii.gz", smaller, ct.read_scan(folder / "s1.nii.gz"))
    (folder / "masks" / "measured" / "s2.json").write_text('{"from": ')  # of a killed run
    asked_now, (measured, *_) = measured_anew()
    assert asked_now == ["s1", "s2"] and measured["poi"].tolist() == [0.5, 0, 0.5]
    monkeypatch.setattr(per_scan.digests, "of_names", lambda *_: "other code")
    assert measured_anew()[0] == ["s0", "s1", "s2"]


def test_a_cohort_without_other_masks_has_empty_tables_with_their_columns(cohort, monkeypatch):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    plain = scans.iloc[[1]].drop(columns=["lung_mask", "infection_mask", "observer_1", "observer_2"])
    segmentation.segment_scans(plain, folder, folder, folder / "masks")
    _, variants, agreement, truth, _ = per_scan.measure_scans(plain, folder, folder / "masks")
    assert agreement.empty and truth.empty
    assert list(agreement) == comparison.AGREEMENT_COLUMNS and list(truth) == comparison.TRUTH_COLUMNS
    assert variants[["true_poi", "observer_1_ihu"]].isna().all(axis=None)


def test_an_error_of_any_type_concerns_its_own_scan_alone(cohort, monkeypatch, capsys):
    """It is listed with its type, in segmenting and in measuring alike; a full disk ends the run."""
    folder, scans = cohort

    class Fails(Halves):
        def segment(self, scan, path):
            if path.name == "s0.nii.gz":
                raise ZeroDivisionError("Secret^Name")
            return super().segment(scan, path)

    def measure_row(row, scan, label_map, measured=quantify.measure_row):
        if row["scan_id"] == "s1":
            raise KeyError("a fault of ours")
        return measured(row, scan, label_map)

    monkeypatch.setattr(segmentation, "Segmenter", Fails)
    segmented, refused = segmentation.segment_scans(scans, folder, folder, folder / "masks")
    assert segmented["scan_id"].tolist() == ["s1", "s2"]
    assert refused["scan_id"].tolist() == ["s0"] and "ZeroDivisionError" in refused["what"].item()
    assert not refused.astype(str).apply(lambda cells: cells.str.contains("Secret")).any(axis=None)

    monkeypatch.setattr(quantify, "measure_row", measure_row)
    measured, *_, unmeasured = per_scan.measure_scans(scans[1:], folder, folder / "masks")
    assert measured["scan_id"].tolist() == ["s2"]
    assert unmeasured[["scan_id", "file", "stage"]].to_numpy().tolist() == [["s1", "s1.nii.gz", "measure"]]

    files.write_table(folder / "exclusions.csv", pd.concat([refused, unmeasured]))
    assert refusals.refused(folder / "exclusions.csv")[1] == ["s0", "s1"]
    assert refusals.refused(folder / "none.csv") == ([], [])

    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(segmentation, "write_label_map", lambda *_: (_ for _ in ()).throw(full))
    (folder / "masks" / "s2.nii.gz").unlink()
    with pytest.raises(OSError, match="No space"):
        segmentation.segment_scans(scans[2:], folder, folder, folder / "masks")


def test_a_scan_whose_masks_are_exchanged_is_listed_and_not_compared(cohort, monkeypatch):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    segmentation.segment_scans(scans, folder, folder, folder / "masks")
    scans.loc[0, ["lung_mask", "infection_mask"]] = scans.loc[0, ["infection_mask", "lung_mask"]].to_list()
    *tables, refused = per_scan.measure_scans(scans, folder, folder / "masks")
    assert refused["scan_id"].tolist() == ["s0"] and "exchanged" in refused["remedy"][0]
    assert all("s0" not in set(table["scan_id"]) for table in tables)


def test_a_missing_scan_is_listed_and_foreseen(cohort, monkeypatch):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    (folder / "s1.nii.gz").unlink()
    segmented, refused = segmentation.segment_scans(scans, folder, folder, folder / "masks")
    assert segmented["scan_id"].tolist() == ["s0", "s2"] and refused["scan_id"].tolist() == ["s1"]
    assert "no such file" in refused["what"].item()


def test_what_is_unlikely_about_a_scan_is_printed_and_in_its_row(cohort, monkeypatch, capsys):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    segmentation.segment_scans(scans, folder, folder, folder / "masks")
    measured, *_ = per_scan.measure_scans(scans, folder, folder / "masks")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("s1: ")]
    assert lines == [f"s1: {measured.loc[1, 'notes']}"]
    assert "below the 0.7 l" in lines[0] and "the body is 2 cm wide" in lines[0] and "s1.nii" not in lines[0]
    files.write_table(folder / "biomarkers.csv", measured)
    assert scan_tables.read_biomarkers(folder / "biomarkers.csv")["notes"].tolist() == measured["notes"].tolist()


def test_a_run_with_an_unforeseen_error_ends_with_a_failure(tmp_path, monkeypatch):
    this = Run("trial", tmp_path)
    this.folder.mkdir(parents=True)
    for module, name in (
        (workflow, "plan"), (workflow, "snakemake"), (changes, "announce"), (answers, "read_statements"),
        (answers, "write"), (provenance, "write"), (manuscript, "write"), (runs, "_look_ahead"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_: 0)
    monkeypatch.setattr("study.run.Run", lambda name: this)
    for module in (site, crate):
        monkeypatch.setattr(module, "write", lambda *_: tmp_path / "made")
    row = refusals.refusal({"scan_id": "P1", "patient_id": "P"}, tmp_path / "a", ValueError(), tmp_path, "segment")
    for what, code in ((row["what"], 1), ("the file is empty", 0)):
        files.write_table(this.exclusions_csv, pd.DataFrame([row | {"what": what}]))
        ran = CliRunner().invoke(app, ["run", "trial"])
        assert ran.exit_code == code and "P1; see runs/trial/exclusions.csv" in ran.output
        assert ("unforeseen" in ran.output) == bool(code)
