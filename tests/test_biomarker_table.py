"""The study from a table of biomarkers alone, as a reviewer starts it: notebooks 5 to 7, without any CT."""

import numpy as np
import pandas as pd
import pytest

from helpers.project import ran, study
from study import provenance, workflow
from study.files import sha256, write_json
from study.phantom.people.counts import People
from study.phantom.people.plan import plan_cohort
from study.publish.forms import answers
from study.run import Run


def biomarker_table():
    """A small cohort's biomarkers: the planned disease as if it had been measured, and a report for each follow-up."""
    people = People(
        n_patients=30, n_minors=1, n_severe_patients=6, n_scans=72, n_adult_scans=70, n_severe_scans=14, n_observed=0
    )
    plan = plan_cohort(people)
    plan = plan[plan["age_years"] >= 18]
    poi = plan["true_extent"].round(4)
    ihu = (-650 + 500 * plan["true_consolidation"]).round(1).where(poi > 0)
    grown = poi.groupby(plan["patient_id"]).diff()
    table = plan[["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"]]
    return table.assign(
        lung_volume_ml=4000.0,
        infection_volume_ml=4000 * poi,
        poi=poi,
        ihu=ihu,
        report=np.select([grown > 0, grown < 0], ["The lesions have expanded.", "The lesions have contracted."], ""),
    )


@pytest.fixture(scope="module")
def tables(project_for_module):
    """A project's folder in which notebooks 5 to 7 ran from a table; with it what was printed."""
    biomarker_table().to_csv(project_for_module / "table.csv", index=False)
    (project_for_module / "parameters" / "table.yaml").write_text(
        "biomarkers_csv: table.csv\nseverity:\n  n_bootstrap: 100\n"
    )
    code, printed = study(project_for_module, "run", "table")
    assert code == 0, printed
    return project_for_module, printed


def broken(project, name, table, *words):
    """Run the study from a table that it must refuse; returns what was printed."""
    table.to_csv(project / f"{name}.csv", index=False)
    (project / "parameters" / f"{name}.yaml").write_text(f"biomarkers_csv: {name}.csv\n")
    code, printed = study(project, "run", name, *words)
    assert code != 0
    assert f"{name}.csv" in printed
    assert "Traceback" not in printed
    return printed


def test_only_the_last_three_notebooks_run(tables):
    project, printed = tables
    assert ran(printed) == ["5-severity", "6-progression", "7-claims"]
    claims = pd.read_csv(project / "figures" / "table" / "claims.csv")
    assert claims["regenerated"].notna().sum() > 40
    # Nobody says whose patients these are: compared, never called reproduced.
    assert set(claims["verdict"]) == {"unknown origin", "cannot be tested"}
    assert {"it rounds to the digits printed", "it differs from the printed number"} <= set(claims["why"])
    assert "Patients of unknown origin" in (project / "figures" / "table" / "index.html").read_text()
    checklist = pd.read_csv(project / "figures" / "table" / "checklist_stard_ai.csv", dtype=str).set_index("item")
    assert checklist.loc["31", "status"] == "answered" and "AUC of POI 0." in checklist.loc["31", "answer"]
    assert checklist.loc["25", "status"] == "missing" and "1-cohort was not run" in checklist.loc["25", "answer"]
    assert checklist.loc["24", "status"] == "answered" and "70 scans of 29 patients" in checklist.loc["24", "answer"]
    # Nothing is claimed that a table without CTs cannot give, and nothing that only its authors know.
    assert "border of the mask and the lung's median HU are not varied" in checklist.loc["21", "answer"]
    assert checklist.loc["21", "status"] == "missing" and checklist.loc["21", "answer"].endswith("[setting]")
    assert not checklist["answer"].str.contains("voxel in or out|One hospital|Dice|one scanner").any()
    assert (checklist["status"] != "broken").all()


def test_declared_patients_are_judged_and_those_of_a_synthetic_run_never(tables):
    project, _ = tables
    table = biomarker_table()
    declared = "tier: restricted\nsource: a hospital\n"
    for name, about in (("declared", declared), ("borrowed", "")):
        table.to_csv(project / f"{name}.csv", index=False)
        (project / "parameters" / f"{name}.yaml").write_text(f"biomarkers_csv: {name}.csv\n{about}n_bootstrap: 50\n")
    note = {"tier": "synthetic", "digest": sha256(project / "borrowed.csv")}  # as a run writes it beside its own table
    write_json(project / "borrowed.origin.json", note | {"source": "simulated", "licence": "", "seed": 1})
    found = {}
    for name in ("declared", "borrowed"):
        code, printed = study(project, "run", name, "--until", "claims")
        assert code == 0, printed
        run = Run(name, project)
        provenance.write(run, workflow.plan(run))
        answers.write(run)  # the checklists alone: their pages are as those of the other run
        found[name] = set(pd.read_csv(project / "figures" / name / "claims.csv")["verdict"])
        for path in (project / "figures" / name).glob("checklist_*.csv"):
            assert (pd.read_csv(path, dtype=str)["status"] != "broken").all()
    assert {"reproduced", "differs"} <= found["declared"]
    assert found["borrowed"] == {"synthetic only", "cannot be tested"}


def test_a_failed_notebook_is_kept_and_named(tables):
    project, _ = tables
    table = biomarker_table()
    constant = table.assign(ihu=table["ihu"].where(table["ihu"].isna(), -500.0))
    printed = broken(project, "constant", constant, "--until", "severity")  # else notebook 6 would run beside it
    assert "runs/constant/notebooks/5-severity.ipynb" in printed
    assert "Error" in (project / "runs" / "constant" / "notebooks" / "5-severity.ipynb").read_text()


def test_a_table_that_breaks_its_rules_is_refused_before_anything_runs(tables):
    project, _ = tables
    table = biomarker_table()
    printed = broken(project, "percent", table.assign(poi=100 * table["poi"]))
    assert "this looks like a percentage" in printed and not (project / "runs" / "percent" / "notebooks").exists()


def test_one_status_only_stops_with_one_clear_message(tables):
    project, _ = tables
    printed = broken(project, "one_class", biomarker_table().assign(status="non-severe"))
    assert "status is non-severe for all 70 scans of known status" in printed and "--until progression" in printed
