"""The synthetic cohort and training set: their files, and what is simulated again."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import tree
from study.figures import examples
from study.phantom import making
from study.phantom.cohorts import make_cohort, make_training_set
from study.phantom.people.counts import People
from study.phantom.people.training_set import TrainingSet, plan_training_set, protocol_table
from study.phantom.request import RequestError
from study.phantom.scanner.protocol import Geometry
from study.scans import cohort
from study.scans.scan_tables import read_scans, read_training_scans

TINY = dict(
    n_patients=3,
    n_minors=0,
    n_severe_patients=1,
    n_scans=5,
    n_adult_scans=5,
    n_severe_scans=1,
    n_observed=1,
)
COARSE = Geometry(matrix=64)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return folder, make_cohort(folder, People(**TINY), COARSE, workers=1)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


# ------------------------------------------------------------------ training set


def test_training_plan_has_five_vendors_and_thin_to_thick_sections():
    plan = plan_training_set(TrainingSet(n_training_scans=120, seed=558))
    assert set(plan["vendor"]) == {"Siemens", "Hitachi", "GE", "Philips", "United Imaging"}
    assert plan["slice_thickness_mm"].between(1, 5).all() and plan["slice_thickness_mm"].nunique() >= 5
    assert (plan["slice_thickness_mm"] == 5).mean() > 0.4
    assert plan["patient_id"].is_unique and 0.02 < (plan["true_extent"] == 0).mean() < 0.2
    assert plan["true_extent"].max() <= 0.6 and plan["true_extent"].median() < 0.07
    pd.testing.assert_frame_equal(plan.head(30), plan_training_set(TrainingSet(n_training_scans=30, seed=558)))
    table = protocol_table(plan)
    assert len(table) == 6 and table["n"].iloc[:-1].sum() == table["n"].iloc[-1] == 120


def test_a_mixed_training_set_has_the_scans_of_both_by_turns():
    asked = dict(n_training_scans=60, healthy_fraction=0.2, covid_fraction=0.3, seed=4)
    mixed, ordinary, frequent = (
        plan_training_set(TrainingSet(**asked, findings=findings)) for findings in ("mixed", "ordinary", "frequent")
    )
    pd.testing.assert_frame_equal(mixed[::2], ordinary[::2])
    pd.testing.assert_frame_equal(mixed[1::2], frequent[1::2])
    assert not ordinary.drop(columns="findings").equals(frequent.drop(columns="findings"))


def test_training_plan_refuses_nonsense():
    with pytest.raises(RequestError, match="n_training_scans = 0 must be a whole number, 1 or more"):
        TrainingSet(n_training_scans=0)
    with pytest.raises(RequestError, match="healthy_fraction = 2 must be between 0 and 1"):
        TrainingSet(healthy_fraction=2)
    with pytest.raises(RequestError, match="training_matrix = 4 must be a whole number of pixels, 16 to 2048"):
        TrainingSet(training_matrix=4)


# ------------------------------------------------------------------ files


def test_files_and_table(tiny):
    folder, scans = tiny
    assert (scans["scan_id"].str.fullmatch(r"P\d{3}-\d")).all()
    for column in ("image", "lung_mask", "infection_mask", "observer_1", "observer_2"):
        assert all((folder / name).is_file() for name in scans[column].dropna())
    assert scans["observer_1"].notna().sum() == 1
    assert scans["report"].isna().tolist() == [scan_id.endswith("-1") for scan_id in scans["scan_id"]]
    about = json.loads((folder / "cohort.json").read_text())
    assert about["tier"] == "synthetic" and about["seed"] == 2020
    assert about["digest"] == hashlib.sha256((folder / "scans.csv").read_bytes()).hexdigest()
    assert not list(folder.rglob("*.partial.*"))


def test_truth_columns_are_what_the_files_hold(tiny):
    from study.scans.ct import read_mask, read_scan

    folder, scans = tiny
    row = scans.sort_values("true_poi").iloc[-1]
    scan = read_scan(folder / row["image"])
    lung, infection = (read_mask(folder / row[name], scan) for name in ("lung_mask", "infection_mask"))
    assert row["true_poi"] == pytest.approx(infection.sum() / lung.sum(), abs=1e-6)
    assert row["true_ihu"] == pytest.approx(scan.hu[infection].mean(), abs=0.01)
    assert row["true_lung_volume_ml"] == pytest.approx(lung.sum() * scan.voxel_ml, abs=0.01)
    assert not (infection & ~lung).any()


def test_scan_table_passes_the_schema(tiny):
    folder, scans = tiny
    read = read_scans(folder / "scans.csv")
    assert read["scan_id"].tolist() == scans["scan_id"].tolist()


def test_same_bytes_with_two_workers(tiny, tmp_path):
    folder, _ = tiny
    make_cohort(tmp_path, People(**TINY), COARSE, workers=2)
    assert digests(tmp_path) == digests(folder)


def test_images_do_not_depend_on_the_size_of_the_cohort(tiny, tmp_path):
    folder, scans = tiny
    more = People(**TINY | dict(n_patients=4, n_scans=6, n_adult_scans=6, n_observed=0))
    larger = make_cohort(tmp_path, more, COARSE, workers=1)
    same = scans.merge(larger, on=["scan_id", "sex", "scan_date", "motion"])  # what quotas decide
    assert len(same) >= 3
    for name in same["scan_id"]:
        assert (tmp_path / f"images/{name}.nii.gz").read_bytes() == (folder / f"images/{name}.nii.gz").read_bytes()


def test_resume_makes_only_what_is_missing_or_different(tmp_path, monkeypatch):
    from study.phantom import making

    make_cohort(tmp_path, People(**TINY), COARSE, workers=1)
    before = digests(tmp_path)
    made, make = [], making._make_scan
    monkeypatch.setattr(
        making,
        "_make_scan",
        lambda folder, recipe, digest: made.append(recipe["scan_id"]) or make(folder, recipe, digest),
    )
    make_cohort(tmp_path, People(**TINY), COARSE, workers=1)
    assert made == []
    (tmp_path / "images/P001-1.nii.gz").unlink()  # lost
    (tmp_path / "lung/P002-1.nii.gz").write_bytes(b"cut short")  # damaged
    make_cohort(tmp_path, People(**TINY), COARSE, workers=1)
    assert sorted(made) == ["P001-1", "P002-1"] and digests(tmp_path) == before
    made.clear()
    fewer = People(**TINY | dict(n_patients=2, n_scans=2, n_adult_scans=2))
    scans = make_cohort(tmp_path, fewer, Geometry(matrix=64, slice_thickness_mm=8.0), workers=1)
    assert sorted(made) == sorted(scans["scan_id"])  # another recipe
    # what this cohort does not name is gone
    assert len(list(tmp_path.glob("images/*"))) == 2


def test_somebody_elses_table_is_not_overwritten(tmp_path):
    (tmp_path / "scans.csv").write_text("scan_id\nmine\n")
    with pytest.raises(ValueError, match="not written by this program"):
        make_cohort(tmp_path, People(**TINY), COARSE, workers=1)
    assert (tmp_path / "scans.csv").read_text() == "scan_id\nmine\n"


def test_a_killed_worker_gives_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "_make_patient", tree.die)
    with pytest.raises(RuntimeError, match=r"a process that simulated scans was killed.*; free some memory or"):
        make_cohort(tmp_path, People(**TINY), COARSE, workers=2)


def test_workers_must_be_a_number(tmp_path):
    with pytest.raises(RequestError, match="workers = 0 must be a whole number, 1 or more"):
        make_cohort(tmp_path, People(**TINY), COARSE, workers=0)


def test_training_set_files(tmp_path):
    training = make_training_set(tmp_path, TrainingSet(n_training_scans=2, training_matrix=64), workers=1)
    assert training.columns[:11].tolist() == [
        "scan_id",
        "patient_id",
        "vendor",
        "slice_thickness_mm",
        "increment_mm",
        "kernel",
        "tube_current_mas",
        "tube_voltage_kv",
        "image",
        "lung_mask",
        "infection_mask",
    ]
    assert all(
        (tmp_path / name).is_file() for column in ("image", "lung_mask", "infection_mask") for name in training[column]
    )
    assert len(read_training_scans(tmp_path / "scans.csv")) == 2


def test_the_true_course_of_a_severe_patient_is_what_the_table_says(tiny):
    folder, made = tiny
    scans, _ = cohort.include(read_scans(folder / "scans.csv"))
    course, spacing_mm = examples.true_course(scans, folder)
    severe = made["patient_id"][made["status"] == "severe"].iloc[0]
    expected = made[made["patient_id"] == severe]
    assert [pd.Timestamp(date) for date, *_ in course] == pd.to_datetime(expected["scan_date"]).tolist()
    assert [poi for *_, poi, _ in course] == pytest.approx(expected["true_poi"].tolist())
    assert spacing_mm == pytest.approx((10, 350 / 64, 350 / 64), rel=1e-4)
    assert all(
        hu.shape == labels.shape == (64, 64) and set(np.unique(labels)) <= {0, 1, 2} for _, _, hu, labels, *_ in course
    )
    assert examples.true_course(scans.drop(columns="true_poi"), folder)[0] == []
