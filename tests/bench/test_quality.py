"""What the bench on quality computes: the lung reference on known bodies, falls of Dice, and the scan conditions."""

import numpy as np
import pandas as pd
import pytest

from bench import quality
from bench.lung_reference import threshold_lung
from study.measures import overlap
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.scans.ct import ScanError

SPACING_MM = (5.0, 2.0, 2.0)


def body():
    """HU of a body with two lungs, and the lungs: vessels in one, gas below the other, trachea and a main bronchus."""
    hu = np.full((16, 90, 120), -1000)
    hu[:, 10:80, 8:112] = 40
    lungs = np.zeros(hu.shape, bool)
    lungs[3:12, 20:70, 18:50] = lungs[4:12, 20:70, 66:102] = True
    hu[lungs] = -850
    hu[5:9, 40:43, 30:33] = hu[5:9, 40:43, 47:50] = 40  # vessels 6 mm wide, in the lung and where they enter it
    hu[9:16, 42:50, 54:60] = -990  # the trachea
    hu[7:9, 42:48, 53:58] = -900  # a main bronchus beside the right lung
    hu[1:4, 25:55, 70:95] = -980  # gas under the left lung
    return hu, lungs


def test_the_reference_has_lungs_with_their_vessels_and_no_trachea_and_no_gas():
    hu, lungs = body()
    found = threshold_lung(hu, SPACING_MM)
    assert overlap.dice(found, lungs) > 0.985
    assert found[5:9, 40:43, 30:33].all() and found[5:9, 40:43, 47:49].all()
    assert not found[:, 42:50, 53:60].any() and not found[1:4, 30:50, 75:90].any()


def test_lungs_that_touch_are_closed_one_by_one():
    hu, lungs = body()
    hu[10, 22:24, 50:66] = -850  # an anterior junction in which they meet
    found = threshold_lung(hu, SPACING_MM)
    assert overlap.dice(found, lungs) > 0.98 and not found[:, 26:40, 54:62].any()


def test_the_reference_is_the_phantoms_own_lung():
    made = simulate_scan((5,), 1, Habitus("male", 50), Disease(extent=0.0), Protocol(matrix=128))
    assert overlap.dice(threshold_lung(made.hu, made.spacing_mm), made.lung_mask) > 0.97


def test_without_a_real_ct_its_rows_are_skipped_and_said_what_to_give(capsys, tmp_path):
    assert quality.real("no models") == []
    assert "skipped; give --real DIR" in (said := capsys.readouterr().out) and quality.SCAN in said
    (tmp_path / quality.SCAN).touch()
    with pytest.raises(SystemExit, match=rf"--real .*: {quality.FLAGS}, {quality.SERIES} not found; give a folder"):
        quality.real("no models", tmp_path)


def test_flags_say_where_there_is_no_lesion():
    _, lungs = body()
    outside = quality.without_lesions(lungs, np.arange(16) >= 8)
    assert outside[:, :, :50].all() and outside[:8].all() and not outside[8:, :, 66:].any()


def test_falls_are_of_the_same_patients_and_from_the_best():
    scans = pd.DataFrame(
        [
            (k, name, dice - 0.01 * (k % 3))
            for k in range(12)
            for name, dice in (("5 mm", 0.8), ("10 mm", 0.7), ("1 mm", 0.76))
        ],
        columns=["patient", "condition", "dice"],
    )
    scans.loc[scans.query("patient == 11 and condition == '5 mm'").index, "dice"] = np.nan  # left out of all
    table = quality.falls(scans).set_index("condition")
    assert table["estimate"].to_dict() == pytest.approx({"5 mm": 0.0, "10 mm": 0.1, "1 mm": 0.04})
    assert table["verdict"].to_dict() == {"5 mm": "reached", "10 mm": "missed", "1 mm": "reached"}
    assert (table["n"] == 11).all()


def test_every_patient_is_scanned_once_in_each_condition():
    ill, well = (list(quality.patients(15, infected)) for infected in (True, False))
    assert len({number for number, *_ in ill}) == len({number for number, *_ in well}) == 15
    assert all(disease.extent > 0 for *_, disease in ill) and all(disease.extent == 0 for *_, disease in well)
    made = quality.conditions(128)
    assert len(made) == len({(protocol, motion) for protocol, motion in made.values()}) == 17


class FindsNoLung:
    def segment(self, scan):
        raise ScanError("scan", "no lung found", "give a chest CT")


def test_a_scan_in_which_no_lung_is_found_counts_as_nothing_found():
    found = quality.compare(FindsNoLung(), 1, Habitus("female", 40), Disease(extent=0.2), Protocol(matrix=64))
    assert found["infection_dice"] == found["lung_dice"] == 0 and found["true_poi"] > 0.05


def test_a_number_without_a_target_has_no_verdict():
    assert "verdict" not in quality.judged("POI (%)", {"estimate": 3.0, "n": 1})
