"""A scan's rows of biomarkers: with its label map and with other masks."""

import dataclasses

import numpy as np
import pytest

from study.measures import quantify
from study.scans.ct import scan_from_array

ROW = {"scan_id": "s", "patient_id": "p", "age_years": 50, "sex": "male", "scan_date": None, "status": "severe",
       "image": "s.nii.gz"}  # fmt: skip
LABELS = np.array([[[0, 1, 1, 2, 2, 1]]])
HU = np.array([[[0, -900, -800, -500, -300, -850]]])
SCAN = scan_from_array(HU, (10, 10, 10))


def test_a_row_carries_the_patient_and_ends_with_the_report():
    row = quantify.measure_row(ROW, SCAN, LABELS)
    assert list(row)[: len(quantify.CARRIED)] == quantify.CARRIED and "report" not in row and "image" not in row
    assert (row["poi"], row["ihu"], row["infection_volume_ml"]) == (0.4, -400, 2)
    with_report = quantify.measure_row(ROW | {"report": "No change."}, SCAN, LABELS)
    assert list(with_report) == [*row, "report"] and with_report["report"] == "No change."


def test_a_row_has_the_notes_of_the_scan_and_of_its_lungs_in_one_text():
    row = quantify.measure_row(ROW, dataclasses.replace(SCAN, notes=("a lossy method",)), LABELS)
    noted = row["notes"].split("; ")
    assert noted[0] == "a lossy method" and "0.7 l of whole lungs" in noted[1] and list(row)[-1] == "notes"


def test_other_masks_measure_the_same_scan_otherwise():
    masks = {
        "lung_mask": np.array([[[0, 1, 1, 1, 0, 0]]], bool),
        "infection_mask": np.array([[[0, 0, 0, 1, 0, 0]]], bool),
        "observer_1": np.array([[[1, 0, 0, 1, 0, 0]]], bool),  # reaches out of the lung
        "observer_2": np.zeros((1, 1, 6), bool),
    }
    row = quantify.variants_row(ROW, HU, LABELS, masks)
    assert list(row) == quantify.VARIANT_COLUMNS
    assert (row["true_poi"], row["true_ihu"]) == (pytest.approx(1 / 3), -500)  # in the true lung
    assert (row["observer_1_poi"], row["observer_1_ihu"]) == (pytest.approx(1 / 5), -250)  # in the network's
    assert row["observer_2_poi"] == 0 and np.isnan(row["observer_2_ihu"])


def test_masks_that_a_scan_does_not_have_give_no_numbers():
    row = quantify.variants_row(ROW, HU, LABELS, {"infection_mask": LABELS == 2})  # of an unknown lung
    assert set(row) == set(quantify.VARIANT_COLUMNS[:6])
