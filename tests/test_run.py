"""A run's folders and the numbers that it records."""

import json

import pytest

from study.files import sha256, write_json, write_text
from study.run import Run, project_root, read_note, value


def test_what_is_recorded_is_read_back(tmp_path):
    run = Run("mine", tmp_path)
    shown = run.record("5-severity", [value("poi", 0.1, 0.05, float("nan"), n=3), value("word", "good")])
    assert shown.loc["poi", "ci_low"] == 0.05
    text = (run.values / "5-severity.json").read_text()
    assert json.loads(text)["tier"] == run.tier == "unknown"  # nothing says where the patients come from
    assert run.recorded("5-severity").loc["word", "value"] == "good"
    assert run.recorded("5-severity").loc["poi", "ci_high"] is None
    assert run.recorded("6-progression").empty
    with pytest.raises(ValueError, match="recorded twice: poi"):
        run.record("5-severity", [value("poi", 0.1), value("poi", 0.2)])


@pytest.mark.parametrize("unit", ["%", "percentage points"])
def test_a_share_is_recorded_as_a_fraction(unit):
    with pytest.raises(ValueError, match=r"poi_median.*divide it by 100"):
        value("poi_median", 10.0, unit=unit)


def test_a_run_has_a_name_that_can_be_a_folders(tmp_path):
    with pytest.raises(ValueError, match="letters, digits"):
        Run("../demo", tmp_path)


def test_the_project_is_found_from_below_and_nowhere_else(project):
    assert project_root(project / "notebooks") == project
    with pytest.raises(FileNotFoundError, match="change into the project's folder"):
        project_root(project.parent)


def test_the_tier_is_that_of_the_scans_and_of_every_number(tmp_path):
    run = Run("mine", tmp_path)
    write_text(run.cohort / "scans.csv", "scan_id\na\n")
    write_json(run.cohort / "cohort.json", {"tier": "synthetic", "digest": sha256(run.cohort / "scans.csv")})
    run.record("5-severity", [value("poi", 0.1)])
    assert run.tier == "synthetic"
    write_text(run.cohort / "scans.csv", "scan_id\na\nreal\n")
    assert run.tier == "unknown"
    # The patients were replaced, and the run was interrupted before notebook 5 ran again.
    write_json(run.cohort / "cohort.json", {"tier": "restricted", "digest": sha256(run.cohort / "scans.csv")})
    assert run.tier == "unknown"
    run.record("5-severity", [value("poi", 0.1)])
    assert run.tier == "restricted"


@pytest.mark.parametrize("note", [None, "", "[1]", "{", '{"tier": "synthetic"}', '{"digest": "00"}'])
def test_a_note_fits_by_its_digest_alone(tmp_path, note):
    (tmp_path / "scans.csv").write_text("a")
    if note is not None:
        (tmp_path / "cohort.json").write_text(note)
    assert not read_note(tmp_path / "cohort.json", tmp_path / "scans.csv")[1]


def test_variants_belong_to_the_runs_own_table(tmp_path):
    run = Run("mine", tmp_path)
    run.folder.mkdir(parents=True)
    assert run.variants(run.biomarkers_csv) is None
    run.variants_csv.write_text("scan_id,true_poi\n007,0.1\n")
    assert run.variants(run.biomarkers_csv).loc["007", "true_poi"] == 0.1
    assert run.variants(tmp_path / "other.csv") is None
