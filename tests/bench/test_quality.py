"""What the bench on quality computes: the lung reference on known bodies, falls of Dice, and the scan conditions."""

import numpy as np
import pandas as pd
import pytest

from bench import quality, real_scans
from bench.judged import judged
from bench.lung_reference import threshold_lung
from study.measures import overlap
from study.phantom.body.build import draw_build
from study.phantom.body.dense import dependent
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.run import Run, value
from study.scans.ct import ScanError, scan_from_array
from study.scans.nifti import save_nifti

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
    assert real_scans.rows("no networks") == []
    assert "skipped; give --real DIR" in (said := capsys.readouterr().out) and real_scans.SCAN in said
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / real_scans.SCAN).touch()
    missing = f"{real_scans.FLAGS}, {real_scans.SERIES}"
    with pytest.raises(SystemExit, match=rf"--real .*: {missing} not found; give a folder"):
        real_scans.rows("no networks", tmp_path)


def test_lung_in_the_air_of_the_room_is_outside():
    hu, lungs = body()
    arms = np.zeros(lungs.shape, bool)
    arms[:, 30:60, 112:118] = True
    room = real_scans.room_air(np.where(arms, 40, hu), SPACING_MM)
    assert not room[lungs].any() and room[:, 2:8].all() and not room[arms].any()
    scan = scan_from_array(hu, SPACING_MM)
    wrong = lungs.astype(np.uint8)
    wrong[:, 2:8, 20:40] = 1
    (row,) = real_scans.of_one_scan("some.nii.gz", scan, wrong)
    assert row["estimate"] == pytest.approx(16 * 6 * 20 * 0.02) and row["verdict"] == "missed"
    assert real_scans.of_one_scan("some.nii.gz", scan, lungs.astype(np.uint8))[0]["verdict"] == "reached"
    name = next(iter(real_scans.CLEAR))
    clear = real_scans.of_one_scan(name, scan, lungs + (np.arange(16) == 4)[:, None, None] * lungs.astype(np.uint8))
    assert [row["verdict"] for row in clear] == ["reached", "missed"] and clear[1]["estimate"] > 5


def test_lungs_that_people_drew(tmp_path):
    hu, lungs = body()
    scan = scan_from_array(hu, SPACING_MM)
    drawn = lungs * np.where(np.arange(120) < 60, 1, 2)
    drawn[5:7, 25:30, 20:24] = 3  # a tumour
    save_nifti(tmp_path / "drawn.nii", scan.grid.to_stored(drawn.astype(np.uint8)), scan.affine)
    away, dice, aerated = real_scans.against_drawn_lungs("x.nii.gz", scan, (drawn % 3 > 0) * 1, tmp_path / "drawn.nii")
    assert (away["estimate"], dice["estimate"], aerated["estimate"]) == (0, 1, 1)
    arm = np.where((np.indices(hu.shape)[2] > 112) & (np.indices(hu.shape)[1] > 60), 1, lungs)
    away, dice, _ = real_scans.against_drawn_lungs("x.nii.gz", scan, arm, tmp_path / "drawn.nii")
    assert away["estimate"] == pytest.approx(16 * 29 * 7 * 0.02, rel=0.3) and dice["estimate"] < 0.97


def test_the_judge_cohort_is_judged_as_it_was_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quality, "ROOT", tmp_path)
    assert quality.judge() == [] and "`make study RUN=judge`" in capsys.readouterr().out
    recorded = [value("quality_lung_dice", 0.99, 0.98, 0.995, 103), value("quality_poi_bias", -0.01, -0.02, 0.0, 103),
                value("quality_lesion_count", 3)]  # fmt: skip
    Run("judge", tmp_path).record("3-segment", recorded)
    lung, poi = quality.judge()
    assert (lung["estimate"], lung["target"], lung["verdict"]) == (0.99, "≥ 0.987", "reached, not shown")
    assert (poi["estimate"], poi["low"], poi["verdict"]) == (-1.0, -2.0, "missed")


def test_flags_say_where_there_is_no_lesion():
    _, lungs = body()
    outside = real_scans.without_lesions(lungs, np.arange(16) >= 8)
    assert outside[:, :, :50].all() and outside[:8].all() and not outside[8:, :, 66:].any()


def test_falls_are_of_the_same_patients_and_from_the_best():
    scans = pd.DataFrame(
        [
            (k, name, dice - 0.01 * (k % 3))
            for k in range(12)
            for name, dice in (("5 mm", 0.8), ("10 mm", 0.7), ("1 mm", 0.78), ("10 mm, motion", 0.76))
        ],
        columns=["patient", "condition", "dice"],
    )
    scans.loc[scans.query("patient == 11 and condition == '5 mm'").index, "dice"] = np.nan  # left out of all
    table = quality.falls(scans).set_index("condition")
    assert table["estimate"].to_dict() == pytest.approx(
        {"5 mm": 0.0, "10 mm": 0.1, "1 mm": 0.02, "10 mm, motion": 0.04}
    )
    missed = table.index[table["verdict"] == "missed"]
    assert missed.tolist() == ["10 mm"] and (table["verdict"].drop(missed) == "reached").all()
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


def test_healthy_lungs_are_told_apart_by_whether_they_are_denser_where_they_depend(monkeypatch):
    denser = {
        number: dependent((quality.SEED, number), draw_build((quality.SEED, number), who.sex, who.age_years))
        is not None
        for number, who, _ in quality.patients(60, False)
    }
    assert 3 < sum(denser.values()) < 20  # 15 of 100 are expected
    monkeypatch.setattr(quality, "Segmenter", lambda models: None)
    monkeypatch.setattr(quality, "compare", lambda _, number, *how: {"poi": 0.02 if denser[number] else 0.001})
    rows = {row["quantity"]: row for row in quality.healthy("models", 60)}
    shares = {who: rows[f"{who}, POI below 0.5 % (share)"] for who in
              ("Healthy phantoms", "Those with dense dependent lung", "Those without")}  # fmt: skip
    assert [row["n"] for row in shares.values()] == [60, sum(denser.values()), 60 - sum(denser.values())]
    assert [row["estimate"] for row in shares.values()] == [1 - sum(denser.values()) / 60, 0, 1]
    assert rows["Those with dense dependent lung, POI (%), largest"]["estimate"] == 2
    assert [who for who, row in shares.items() if "verdict" in row] == ["Healthy phantoms"]


def test_a_scan_in_which_no_lung_is_found_counts_as_nothing_found():
    found = quality.compare(FindsNoLung(), 1, Habitus("female", 40), Disease(extent=0.2), Protocol(matrix=64))
    assert found["infection_dice"] == found["lung_dice"] == 0 and found["true_poi"] > 0.05


def test_a_number_without_a_target_has_no_verdict():
    assert "verdict" not in judged("POI (%)", {"estimate": 3.0, "n": 1})
