"""Everything measured on a scan from one reading: the tables that it enters, and how often files are read."""

import collections

import numpy as np
import pandas as pd
import pytest

from study.measures import biomarkers, comparison, per_scan, quantify
from study.networks import segmentation
from study.scans import ct

WHO = {"age_years": 50, "sex": "male", "scan_date": "2020-02-01", "status": "severe"}


@pytest.fixture
def cohort(tmp_path, chest):
    """Return a folder with three scans, of which the first has all masks, the second none, the third only lesions."""
    rows = []
    for k, names in enumerate((["lung_mask", "infection_mask", "observer_1", "observer_2"], [], ["infection_mask"])):
        hu = chest((4, 24, 28), seed=k)
        scan = ct.write_scan(tmp_path / f"s{k}.nii.gz", hu, (10.0, 2.0, 2.0))
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

    def open_nifti(path, opened=ct.open_nifti):
        counted[path] += 1
        return opened(path)

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
    measured, variants, agreement, truth = per_scan.measure_scans(scans, folder, folder / "masks")
    assert measured["scan_id"].tolist() == variants["scan_id"].tolist() == ["s0", "s1", "s2"]
    assert agreement["scan_id"].tolist() == ["s0"] and truth["scan_id"].tolist() == ["s0", "s2"]
    assert list(variants) == quantify.VARIANT_COLUMNS and list(truth) == comparison.TRUTH_COLUMNS
    assert (measured["poi"] == 0.5).all()
    assert variants["true_poi"].tolist() == pytest.approx([0.3, np.nan, np.nan], nan_ok=True)
    assert truth["true_poi"].tolist() == pytest.approx([0.3, np.nan], nan_ok=True)
    assert agreement.loc[0, "observers"] == pytest.approx(2 * 3 / 7)
    scan = ct.read_scan(folder / "s1.nii.gz")
    by_hand = biomarkers.measure(scan.hu, Halves(None, 0).segment(scan, None), scan.spacing_mm)
    assert measured.loc[1, list(by_hand)].tolist() == list(by_hand.values())
    assert per_scan.measure_scan(scans.to_dict("records")[1], folder, folder / "masks").keys() == {
        "measured", "variants",
    }  # fmt: skip


def test_a_cohort_without_other_masks_has_empty_tables_with_their_columns(cohort, monkeypatch):
    folder, scans = cohort
    monkeypatch.setattr(segmentation, "Segmenter", Halves)
    plain = scans.iloc[[1]].drop(columns=["lung_mask", "infection_mask", "observer_1", "observer_2"])
    segmentation.segment_scans(plain, folder, folder, folder / "masks")
    _, variants, agreement, truth = per_scan.measure_scans(plain, folder, folder / "masks")
    assert agreement.empty and truth.empty
    assert list(agreement) == comparison.AGREEMENT_COLUMNS and list(truth) == comparison.TRUTH_COLUMNS
    assert variants[["true_poi", "observer_1_ihu"]].isna().all(axis=None)
