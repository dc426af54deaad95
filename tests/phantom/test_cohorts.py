"""The synthetic cohort: exact counts, a plausible disease course, severity with overlap, and resuming."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.figures import examples
from study.phantom.cohorts import make_cohort, make_training_set, plan_cohort, plan_training_set, protocol_table
from study.phantom.people import patients
from study.phantom.people.plan import PAPER, fill_counts
from study.scans import cohort
from study.scans.scan_tables import read_scans, read_training_scans

SMOKE = dict(
    n_patients=24,
    n_minors=1,
    n_severe_patients=5,
    n_scans=62,
    n_adult_scans=60,
    n_severe_scans=12,
    n_observed=6,
)
TINY = dict(
    n_patients=3,
    n_minors=0,
    n_severe_patients=1,
    n_scans=5,
    n_adult_scans=5,
    n_severe_scans=1,
    n_observed=1,
    matrix=64,
)


def by_patient(scans):
    return scans.groupby("patient_id").agg(
        age=("age_years", "first"),
        sex=("sex", "first"),
        n=("scan_id", "size"),
        n_severe=("status", lambda status: (status == "severe").sum()),
    )


@pytest.fixture(scope="module")
def plan():
    return plan_cohort()


@pytest.fixture(scope="module")
def plans():
    return [plan_cohort(seed=seed) for seed in range(12)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return folder, make_cohort(folder, workers=1, **TINY)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


# ------------------------------------------------------------------ who is in it


def test_default_counts_are_those_of_table_1(plan):
    adults, minors = plan[plan["age_years"] >= 18], plan[plan["age_years"] < 18]
    people = by_patient(adults)
    severe = people["n_severe"] > 0
    assert plan["patient_id"].nunique() == 204 and len(plan) == 548
    assert minors["patient_id"].nunique() == 8 and len(minors) == 17
    assert len(people) == 196 and len(adults) == 531
    assert severe.sum() == 32 and people["n_severe"].sum() == 79
    assert (people.loc[severe, "sex"] == "male").sum() == 14 and (people.loc[~severe, "sex"] == "male").sum() == 82
    assert (people.loc[severe, "n"] > 1).sum() == 31 and (people.loc[~severe, "n"] > 1).sum() == 131
    assert (minors["status"] == "non-severe").all()
    assert plan["scan_id"].str.lower().is_unique and plan["scan_id"].str.fullmatch(r"[A-Za-z0-9._-]+").all()


@pytest.mark.parametrize("seed", range(5))
def test_counts_do_not_depend_on_the_seed(seed):
    people = by_patient(plan_cohort(seed=seed))
    assert people["n"].sum() == 548 and people["n_severe"].sum() == 79 and (people["n_severe"] > 0).sum() == 32
    assert ((people["n"] == 6) & (people["n_severe"] > 0)).sum() >= 2  # Figure 5


def test_ages_come_near_table_1(plans):
    severe, others = [], []
    for plan in plans:
        people = by_patient(plan[plan["age_years"] >= 18])
        severe += people["age"][people["n_severe"] > 0].tolist()
        others += people["age"][people["n_severe"] == 0].tolist()
    assert np.mean(severe) == pytest.approx(56, abs=2) and np.std(severe) == pytest.approx(14, abs=2)
    assert np.mean(others) == pytest.approx(45, abs=2) and np.std(others) == pytest.approx(14, abs=2)


def test_dates_lie_in_the_period_a_few_days_apart(plan):
    day = pd.to_datetime(plan["scan_date"])
    assert day.min() >= pd.Timestamp("2020-01-23") and day.max() <= pd.Timestamp("2020-02-12")
    gaps = day.groupby(plan["patient_id"]).diff().dropna().dt.days
    assert gaps.between(2, 6).mean() > 0.97 and gaps.min() >= 1
    assert day.groupby(plan["patient_id"]).min().nunique() > 10  # admission is staggered


def test_some_severe_patients_pass_between_the_states(plan):
    mixed = plan.groupby("patient_id")["status"].nunique()
    assert (mixed == 2).sum() >= 5


def test_counts_that_are_not_given_follow_in_the_papers_proportions():
    assert fill_counts(204) == PAPER
    assert fill_counts(2040) == {name: 10 * n for name, n in PAPER.items()}
    for n_patients in (1, 2, 3, 4, 5, 9, 26):
        plan = plan_cohort(n_patients=n_patients)
        assert plan["patient_id"].nunique() == n_patients and plan["observed"].sum() >= 1
        assert len(plan) == pytest.approx(n_patients * 548 / 204, abs=1)
        people = by_patient(plan)
        assert (people["n_severe"] > 0).sum() == pytest.approx(n_patients * 32 / 204, abs=0.51)
    given = plan_cohort(n_patients=5, n_severe_patients=5, n_observed=0)
    assert (by_patient(given)["n_severe"] > 0).all() and not given["observed"].any()
    assert len(plan_cohort(n_patients=30, n_scans=60)) == 60


def test_small_cohort_scales():
    plan = plan_cohort(**SMOKE)
    adults = plan[plan["age_years"] >= 18]
    people = by_patient(adults)
    assert (len(plan), len(adults), len(people)) == (62, 60, 23)
    assert (people["n_severe"] > 0).sum() == 5 and people["n_severe"].sum() == 12
    assert plan["observed"].sum() == 6 and plan["motion"].any()
    assert (people.loc[people["n_severe"] > 0, "n"] == 6).any()


@pytest.mark.parametrize(
    "counts",
    [
        dict(
            n_patients=1,
            n_minors=0,
            n_severe_patients=0,
            n_scans=1,
            n_adult_scans=1,
            n_severe_scans=0,
            n_observed=0,
        ),
        dict(
            n_patients=2,
            n_minors=0,
            n_severe_patients=2,
            n_scans=12,
            n_adult_scans=12,
            n_severe_scans=12,
            n_observed=2,
        ),
        dict(
            n_patients=10,
            n_minors=10,
            n_severe_patients=0,
            n_scans=20,
            n_adult_scans=0,
            n_severe_scans=0,
            n_observed=0,
        ),
        dict(
            n_patients=5,
            n_minors=0,
            n_severe_patients=1,
            n_scans=30,
            n_adult_scans=30,
            n_severe_scans=6,
            n_observed=5,
        ),
        dict(
            n_patients=5,
            n_minors=1,
            n_severe_patients=2,
            n_scans=5,
            n_adult_scans=4,
            n_severe_scans=2,
            n_observed=3,
        ),
    ],
)
def test_cohorts_at_the_edge_of_what_is_possible(counts):
    plan = plan_cohort(**counts)
    people = by_patient(plan)
    assert len(plan) == counts["n_scans"] and len(people) == counts["n_patients"] and people["n"].max() <= 6
    assert people["n_severe"].sum() == counts["n_severe_scans"]
    assert (people["n_severe"] > 0).sum() == counts["n_severe_patients"]
    assert plan["observed"].sum() == counts["n_observed"]
    assert plan["scan_date"].max() <= "2020-02-12"


@pytest.mark.parametrize(
    "wrong, named",
    [
        (dict(n_severe_patients=300), "n_severe_patients"),
        (dict(n_minors=205), "n_minors"),
        (dict(n_severe_scans=31), "n_severe_scans"),
        (dict(n_severe_scans=400), "n_severe_scans"),
        (dict(n_adult_scans=100), "n_adult_scans"),
        (dict(n_scans=530, n_adult_scans=531), "n_scans"),
        (dict(n_observed=197), "n_observed"),
        (dict(motion_fraction=1.2), "motion_fraction"),
        (dict(second_peak_fraction=-0.1), "second_peak_fraction"),
        (dict(n_patients=2.5), "n_patients"),
        (dict(seed=-1), "seed"),
        (dict(n_severe_patients=0, n_severe_scans=79), "n_severe_scans"),
        (dict(n_patients=0), "n_patients"),
    ],
)
def test_impossible_requests_are_one_clear_error(wrong, named):
    with pytest.raises(ValueError, match=f"no such cohort.*{named}.*change these numbers"):
        plan_cohort(**wrong)


def test_a_patient_does_not_depend_on_the_others(plan):
    smaller = plan_cohort(**SMOKE)
    both = plan.merge(smaller, on=["patient_number", "visit"], suffixes=("", "_smaller"))
    both = both[(both["age_years"] >= 18) & (both["age_years_smaller"] >= 18)]
    same_day = both["scan_date"] == both["scan_date_smaller"]
    # dates move only where more scans are asked for than fit the patient's own pace
    assert same_day.mean() > 0.85
    for column in ("age_years", "true_illness_day", "true_extent", "true_consolidation", "true_absorbing"):
        same = both[column] == both[column + "_smaller"]
        assert same[same_day].all(), column


# ------------------------------------------------------------------ disease and severity


def test_involvement_peaks_about_day_10_and_density_later():
    day = np.arange(0, 40, 0.25)
    peaks, later, residuals = [], [], []
    for number in range(1, 300):
        extent, consolidation, absorbing = patients.course(patients.draw_patient(1, number), day)
        peaks.append(day[extent.argmax()])
        later.append(day[consolidation.argmax()] - peaks[-1])
        residuals.append(extent[-1] / extent.max())
        assert 0 < extent.max() <= 0.65 and extent[0] < 0.7 * extent.max()
        assert absorbing[0] == 0 and absorbing[-1] > 0.5 and np.all((consolidation > 0) & (consolidation < 1))
    assert np.mean(peaks) == pytest.approx(10, abs=0.7)
    assert np.mean(later) == pytest.approx(2, abs=0.5)
    assert 0.1 < np.median(residuals) < 0.5  # falls, and not to nothing


def test_severe_disease_is_higher_and_lasts_longer():
    day = np.arange(0, 40, 0.25)
    people = [patients.draw_patient(1, number) for number in range(1, 300)]
    extents = np.array([patients.course(p, day)[0] for p in people])
    severity = np.array([patients.peak_severity(p) for p in people])
    severe = severity > np.quantile(severity, 0.85)
    assert np.median(extents[severe].max(axis=1)) > 2 * np.median(extents[~severe].max(axis=1))
    days_above_half = 0.25 * (extents > 0.5 * extents.max(axis=1, keepdims=True)).sum(axis=1)
    assert days_above_half[severe].mean() > days_above_half[~severe].mean() + 1


def test_a_second_peak_is_a_parameter_and_changes_nothing_else():
    day = np.arange(0, 40, 0.25)
    shares = []
    for number in range(1, 200):
        once, twice = (patients.draw_patient(1, number, second_peak_fraction=f) for f in (0.0, 1.0))
        assert once.second_peak == 0 and dataclasses.replace(twice, second_peak=0.0) == once
        (one, _, _), (two, _, absorbing) = (patients.course(p, day) for p in (once, twice))
        assert (two >= one - 1e-12).all() and two.max() <= 0.65
        assert absorbing[day <= 15].max() < 0.05  # nothing is absorbed before the second peak
        shares.append(two / one.max())
    mean = np.mean(shares, axis=0)
    first, valley, second = (mean[(day >= low) & (day <= high)] for low, high in ((8, 13), (13, 16), (16, 20)))
    assert valley.min() < first.max() - 0.02 and valley.min() < second.max() - 0.1
    assert 17 <= day[(day >= 16) & (day <= 20)][second.argmax()] <= 18.5
    plan = plan_cohort(**SMOKE, second_peak_fraction=1.0)
    assert (plan["true_extent"] != plan_cohort(**SMOKE)["true_extent"]).any()


def test_extents_are_skewed_and_overlap_between_the_groups(plans):
    scans = pd.concat(plans)
    scans = scans[scans["age_years"] >= 18]
    severe = scans.loc[scans["status"] == "severe", "true_extent"]
    others = scans.loc[scans["status"] == "non-severe", "true_extent"]
    assert 0.02 < others.median() < 0.045 and 0.17 < severe.median() < 0.28
    assert 0.45 < severe.max() <= 0.65 and 0.01 < (others == 0).mean() < 0.08
    assert others.skew() > 1
    # overlap in both directions: neither threshold nor memory separates the groups
    assert (others > severe.quantile(0.25)).any() and (severe < others.quantile(0.9)).any()


def test_severity_follows_disease_but_not_only(plans):
    scans = pd.concat(plans)
    scans = scans[(scans["age_years"] >= 18) & (scans["true_extent"] > 0)]
    log_odds = np.log(scans["true_extent"] / (1 - scans["true_extent"]))
    assert 0.7 < np.corrcoef(log_odds, scans["true_severity"])[0, 1] < 0.92


# ------------------------------------------------------------------ training set


def test_training_plan_has_five_vendors_and_thin_to_thick_sections():
    plan = plan_training_set(n_scans=120)
    assert set(plan["vendor"]) == {"Siemens", "Hitachi", "GE", "Philips", "United Imaging"}
    assert plan["slice_thickness_mm"].between(1, 5).all() and plan["slice_thickness_mm"].nunique() >= 5
    assert (plan["slice_thickness_mm"] == 5).mean() > 0.4
    assert plan["patient_id"].is_unique and 0.02 < (plan["true_extent"] == 0).mean() < 0.2
    assert plan["true_extent"].max() <= 0.6 and plan["true_extent"].median() < 0.07
    pd.testing.assert_frame_equal(plan.head(30), plan_training_set(n_scans=30))
    table = protocol_table(plan)
    assert len(table) == 6 and table["n"].iloc[:-1].sum() == table["n"].iloc[-1] == 120


def test_training_plan_refuses_nonsense():
    with pytest.raises(ValueError, match="n_scans = 0"):
        plan_training_set(n_scans=0)
    with pytest.raises(ValueError, match="healthy_fraction = 2"):
        plan_training_set(healthy_fraction=2)


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
    make_cohort(tmp_path, workers=2, **TINY)
    assert digests(tmp_path) == digests(folder)


def test_images_do_not_depend_on_the_size_of_the_cohort(tiny, tmp_path):
    folder, scans = tiny
    larger = make_cohort(tmp_path, workers=1, **TINY | dict(n_patients=4, n_scans=6, n_adult_scans=6, n_observed=0))
    same = scans.merge(larger, on=["scan_id", "sex", "scan_date", "motion"])  # what quotas decide
    assert len(same) >= 3
    for name in same["scan_id"]:
        assert (tmp_path / f"images/{name}.nii.gz").read_bytes() == (folder / f"images/{name}.nii.gz").read_bytes()


def test_resume_makes_only_what_is_missing_or_different(tmp_path, monkeypatch):
    from study.phantom import making

    make_cohort(tmp_path, workers=1, **TINY)
    before = digests(tmp_path)
    made, make = [], making._make_scan
    monkeypatch.setattr(
        making,
        "_make_scan",
        lambda folder, recipe, digest: made.append(recipe["scan_id"]) or make(folder, recipe, digest),
    )
    make_cohort(tmp_path, workers=1, **TINY)
    assert made == []
    (tmp_path / "images/P001-1.nii.gz").unlink()  # lost
    (tmp_path / "lung/P002-1.nii.gz").write_bytes(b"cut short")  # damaged
    make_cohort(tmp_path, workers=1, **TINY)
    assert sorted(made) == ["P001-1", "P002-1"] and digests(tmp_path) == before
    made.clear()
    scans = make_cohort(
        tmp_path, workers=1, **TINY | dict(n_patients=2, n_scans=2, n_adult_scans=2, slice_thickness_mm=8.0)
    )
    assert sorted(made) == sorted(scans["scan_id"])  # another recipe
    # what this cohort does not name is gone
    assert len(list(tmp_path.glob("images/*"))) == 2


def test_somebody_elses_table_is_not_overwritten(tmp_path):
    (tmp_path / "scans.csv").write_text("scan_id\nmine\n")
    with pytest.raises(ValueError, match="not made here"):
        make_cohort(tmp_path, workers=1, **TINY)
    assert (tmp_path / "scans.csv").read_text() == "scan_id\nmine\n"


def test_workers_must_be_a_number(tmp_path):
    with pytest.raises(ValueError, match="workers = 0"):
        make_cohort(tmp_path, **TINY | dict(workers=0))


def test_training_set_files(tmp_path):
    training = make_training_set(tmp_path, n_scans=2, matrix=64, workers=1)
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
