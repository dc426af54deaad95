"""A run's folders and the numbers that it records."""

import json

import pytest

from study.run import Run, project_root, value


def test_what_is_recorded_is_read_back(tmp_path):
    run = Run("mine", tmp_path)
    shown = run.record("5-severity", [value("poi", 0.1, 0.05, float("nan"), n=3), value("word", "good")])
    assert shown.loc["poi", "ci_low"] == 0.05
    text = (run.values / "5-severity.json").read_text()
    assert json.loads(text)["tier"] == "restricted"  # nothing says where the patients come from
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


def test_variants_belong_to_the_runs_own_table(tmp_path):
    run = Run("mine", tmp_path)
    run.folder.mkdir(parents=True)
    assert run.variants(run.biomarkers_csv) is None
    run.variants_csv.write_text("scan_id,true_poi\n007,0.1\n")
    assert run.variants(run.biomarkers_csv).loc["007", "true_poi"] == 0.1
    assert run.variants(tmp_path / "other.csv") is None
