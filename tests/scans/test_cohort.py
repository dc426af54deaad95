"""Who is in a study: tables taken over, who is included and where that is written; pairs as counted by hand."""

import hashlib
import json
import shutil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.table_rows import COHORT, MEASURES, ROW, TRAINING_ROW, changed, faults_of, scans
from study.files import sha256, write_json, write_text
from study.run import Run, tier_of, value
from study.scans.checks import check_scans
from study.scans.cohort import (
    adopt_biomarkers,
    adopt_scans,
    adopt_training_scans,
    consecutive_pairs,
    examine,
    include,
    keep_apart,
    period,
    read_included,
    write_biomarkers,
    write_included,
)
from study.scans.ct import write_mask, write_scan
from study.scans.scan_tables import read_scans, read_training_scans
from study.scans.schemas import BIOMARKER_COLUMNS, SCAN_COLUMNS, TRAINING_COLUMNS

# --- inclusion, pairs ---


def test_include_takes_out_patients_by_their_age_at_the_first_scan():
    included, excluded = include(COHORT)
    assert excluded["scan_id"].tolist() == ["b1"] and excluded["reason"].tolist() == ["younger than 18 years"]
    assert included["scan_id"].tolist() == ["a2", "a1", "c1", "a3", "d1", "d2"]
    grown = scans(("x2", "X", 18, "male", "2020-03-01", "severe"), ("x1", "X", 17.9, "male", "2020-01-23", "severe"))
    assert len(include(grown)[0]) == 0
    assert len(include(COHORT, minimum_age_years=17)[1]) == 0


def test_inclusion_is_written_once_and_read_back(table_file):
    rows = [
        changed(ROW, SCAN_COLUMNS, scan_id=scan_id, patient_id=who, age_years=age, sex="", image=f"{scan_id}.nii")
        for scan_id, who, age in (("NA", "A", 40), ("007", "B", 12), ("c", "B", 12), ("d", "D", ""))
    ]
    path = table_file(SCAN_COLUMNS, rows)
    table = read_scans(path)
    included, excluded = include(table)
    write_included(path.parent, table, excluded)
    assert (path.parent / "included.csv").read_text().splitlines() == [
        "scan_id,included,reason",
        "NA,true,",
        "007,false,younger than 18 years",
        "c,false,younger than 18 years",
        "d,true,",
    ]
    pd.testing.assert_frame_equal(read_included(path.parent), included)
    write_included(path.parent, table, excluded.iloc[:0])
    pd.testing.assert_frame_equal(read_included(path.parent), table)
    write_included(path.parent, table.iloc[1:], excluded)
    with pytest.raises(ValueError, match=r"included.csv.*run notebook 1 again"):
        read_included(path.parent)


def test_consecutive_pairs():
    pairs = consecutive_pairs(COHORT)
    assert pairs.to_numpy().tolist() == [["A", "a1", "a2", 4], ["A", "a2", "a3", 16], ["D", "d1", "d2", 0]]
    assert list(pairs) == ["patient_id", "earlier", "later", "days"]
    none = consecutive_pairs(COHORT[COHORT["patient_id"] == "C"])
    assert len(none) == 0 and list(none) == list(pairs)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("PQRS"), st.integers(1, 28)), min_size=1, max_size=20))
def test_pairs_are_scans_less_patients_and_never_run_backwards(visits):
    table = scans(*[(f"s{n}", who, 40, "male", f"2020-01-{day:02}", "severe") for n, (who, day) in enumerate(visits)])
    pairs = consecutive_pairs(table)
    assert len(pairs) == len(table) - table["patient_id"].nunique()
    assert (pairs["days"] >= 0).all()
    days = dict(zip(table["scan_id"], table["scan_date"], strict=True))
    for _, pair in pairs.iterrows():
        between = [d for s, d in days.items() if days[pair["earlier"]] < d < days[pair["later"]]]
        own = table[table["patient_id"] == pair["patient_id"]]["scan_date"].tolist()
        assert not set(between) & set(own)


def test_a_scan_without_date_is_in_no_pair():
    rows = [("a1", "A", "2020-01-01"), ("a2", "A", "2020-01-02"), ("c1", "C", None), ("c2", "C", None)]
    table = scans(*[(scan_id, who, 40, "male", day, "severe") for scan_id, who, day in rows])
    assert consecutive_pairs(table)["later"].tolist() == ["a2"]


def test_the_period_is_of_known_dates_and_in_months_where_patients_may_not_be_named(tmp_path):
    days = pd.DataFrame({"scan_date": pd.to_datetime(["2020-02-12", None, "2020-01-23"])})
    assert period(days, tmp_path) == {"first": "2020-01", "last": "2020-02"}
    write_json(tmp_path / "cohort.json", {"tier": "public"})
    assert period(days, tmp_path) == {"first": "2020-01-23", "last": "2020-02-12"}
    assert period(days[1:2], tmp_path) == {"first": None, "last": None}


# --- somebody's own tables in a run ---


def test_an_adopted_table_names_the_same_files(table_file, tmp_path):
    paths = ["images/1.nii.gz", "../2.nii.gz", "/elsewhere/3.nii.gz", str(tmp_path / "runs/mine/cohort/4.nii.gz")]
    rows = [changed(ROW, SCAN_COLUMNS, scan_id=n, image=path) for n, path in enumerate(paths)]
    path = table_file([*SCAN_COLUMNS, "observer_1"], [[*row, "" if n else "m.nii.gz"] for n, row in enumerate(rows)])
    content = path.read_bytes()
    folder = tmp_path / "runs" / "mine" / "cohort"
    adopted = adopt_scans(path, folder, "public", "somewhere", "CC0")
    pd.testing.assert_frame_equal(adopted, read_scans(path))
    pd.testing.assert_frame_equal(read_scans(folder / "scans.csv"), adopted)
    assert adopted["image"][0] == str(tmp_path.resolve() / "images/1.nii.gz")
    assert path.read_bytes() == content
    assert json.loads((folder / "cohort.json").read_text()) == {
        "tier": "public",
        "source": "somewhere",
        "licence": "CC0",
        "seed": None,
        "digest": hashlib.sha256((folder / "scans.csv").read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("tier", ["synthetic", "Public", "unknown"])
def test_own_scans_are_of_no_other_tier(table_file, tmp_path, tier):
    with pytest.raises(ValueError, match="'public' or 'restricted'"):
        adopt_scans(table_file(SCAN_COLUMNS, [ROW]), tmp_path / "cohort", tier, "us", "")
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize(("tier", "source"), [("restricted", ""), ("public", " "), ("", "us")])
def test_tier_and_source_are_declared_together(table_file, tmp_path, tier, source):
    with pytest.raises(ValueError, match="declared by both"):
        adopt_scans(table_file(SCAN_COLUMNS, [ROW]), tmp_path / "cohort", tier, source, "")


# --- whose patients they are travels with the table ---

SYNTHETIC = {"tier": "synthetic", "source": "simulated", "licence": "CC0-1.0", "seed": 3, "parameters": {"n": 1}}


@pytest.fixture
def phantoms(table_file, tmp_path):
    """A table of scans with the note that `study phantom` writes beside it."""
    path = table_file(SCAN_COLUMNS, [ROW])
    write_json(tmp_path / "cohort.json", SYNTHETIC | {"digest": sha256(path)})
    return path


def tier_of_scans(path, *declared):
    folder = path.parent / "run" / "cohort"
    adopt_scans(path, folder, *(declared or ("", "", "")))
    about = json.loads((folder / "cohort.json").read_text())
    assert about["digest"] == sha256(folder / "scans.csv") and "parameters" not in about
    return about["tier"]


def test_synthetic_scans_stay_synthetic_as_long_as_nobody_is_added(phantoms):
    assert tier_of_scans(phantoms) == "synthetic"
    real = changed(ROW, SCAN_COLUMNS, scan_id="real", patient_id="P2", image="real.nii.gz")
    phantoms.write_text(phantoms.read_text() + ",".join(real) + "\n")
    assert tier_of_scans(phantoms) == "unknown"
    with pytest.raises(ValueError, match=r"cohort.json says 'synthetic', though of a table with other content"):
        tier_of_scans(phantoms, "restricted", "a hospital", "")
    phantoms.with_name("cohort.json").unlink()
    assert tier_of_scans(phantoms, "restricted", "a hospital", "") == "restricted"


def test_what_the_parameters_declare_must_not_contradict_the_note(phantoms):
    with pytest.raises(ValueError, match="says 'synthetic'; leave out tier and source"):
        tier_of_scans(phantoms, "restricted", "a hospital", "")


def test_a_persons_own_scans_are_of_unknown_origin_until_declared(table_file):
    path = table_file(SCAN_COLUMNS, [ROW])
    assert tier_of_scans(path) == "unknown"
    assert tier_of_scans(path, "public", "an archive", "CC0") == "public"


@pytest.fixture
def table_run(tmp_path):
    """A function: (table, declaration) -> the tier of a run that analyses a table of biomarkers."""

    def tier(path, *declared):
        run = Run("table", tmp_path)
        assert adopt_biomarkers(run, path.name, *(declared or ("", "", ""))) == path
        run.record("5-severity", [value("auc_poi", 0.968)])
        run.record("6-progression", [value("kappa", 0.8)])
        return run.tier

    return tier


@pytest.mark.parametrize("origin", ["synthetic", "public", "restricted"])
def test_a_runs_own_biomarkers_keep_their_origin(tmp_path, table_run, origin):
    folder = tmp_path / "other" / "cohort"
    write_text(folder / "scans.csv", "scan_id\n")
    write_json(folder / "cohort.json", SYNTHETIC | {"tier": origin, "digest": sha256(folder / "scans.csv")})
    path = tmp_path / "biomarkers.csv"
    write_biomarkers(path, COHORT.assign(poi=0.1), folder)
    assert table_run(path) == origin
    shutil.copy(path, tmp_path / "exported.csv")  # without its note
    assert table_run(tmp_path / "exported.csv") == "unknown"
    path.write_text(path.read_text().replace("0.1", "0.2"))
    assert table_run(path) == "unknown"
    if origin == "synthetic":
        with pytest.raises(ValueError, match=r"biomarkers.origin.json says 'synthetic', though"):
            table_run(path, "restricted", "a hospital", "")


def test_a_persons_own_biomarkers_are_of_unknown_origin_until_declared(tmp_path, table_run):
    path = tmp_path / "mine.csv"
    path.write_text("scan_id\n")
    assert table_run(path) == "unknown"
    assert table_run(path, "restricted", "a hospital", "") == "restricted"
    assert table_run(path, "public", "an archive", "CC0") == "public"
    assert table_run(path) == "unknown"  # the declaration was taken back
    write_json(tmp_path / "mine.origin.json", {"tier": "real", "digest": sha256(path)})  # no word of ours
    assert table_run(path) == "unknown"


def test_a_run_has_patients_of_one_origin(tmp_path):
    run = Run("mine", tmp_path)
    assert adopt_biomarkers(run, "", "", "", "") == run.biomarkers_csv
    write_text(run.cohort / "scans.csv", "scan_id\n")
    (tmp_path / "mine.csv").write_text("scan_id\n")
    with pytest.raises(ValueError, match="give the parameter file another name"):
        adopt_biomarkers(run, "mine.csv", "", "", "")


def test_a_faulty_table_is_not_adopted(table_file, tmp_path):
    path = table_file(SCAN_COLUMNS, [changed(ROW, SCAN_COLUMNS, sex="?")])
    faults_of(path, lambda path: adopt_scans(path, tmp_path / "cohort", "public", "", ""))
    assert not (tmp_path / "cohort").exists()


def test_an_adopted_training_table_names_the_same_files(table_file, tmp_path):
    other = changed(TRAINING_ROW, TRAINING_COLUMNS, scan_id="t2", image="/elsewhere/i.nii.gz")
    path = table_file(TRAINING_COLUMNS, [TRAINING_ROW, other])
    adopted = adopt_training_scans(path, tmp_path / "training")
    pd.testing.assert_frame_equal(adopted, read_training_scans(path))
    pd.testing.assert_frame_equal(read_training_scans(tmp_path / "training" / "scans.csv"), adopted)
    assert tier_of(tmp_path / "training") == "unknown"
    write_json(path.with_suffix(".origin.json"), {"tier": "public", "source": "s", "digest": sha256(path)})
    adopt_training_scans(path, tmp_path / "training")
    assert tier_of(tmp_path / "training") == "public"


def test_a_scan_is_in_the_cohort_or_trained_on():
    cohort, training = (pd.DataFrame({"image": [f"/{name}.nii" for name in names]}) for names in ("abc", "de"))
    keep_apart(cohort, training)
    with pytest.raises(ValueError, match=r"has 1 of the training scans as well \(/b.nii\)"):
        keep_apart(cohort, pd.DataFrame({"image": ["/d.nii", "/b.nii"]}))


def test_without_a_training_table_there_is_an_empty_one(tmp_path):
    adopted = adopt_training_scans("", tmp_path)
    assert len(adopted) == 0 and list(adopted) == list(TRAINING_COLUMNS)
    assert (tmp_path / "scans.csv").read_text() == ",".join(TRAINING_COLUMNS) + "\n"
    (fault,) = faults_of(tmp_path / "scans.csv", read_training_scans)  # nothing can be trained on it
    assert "no row" in fault.rule


# --- what a run would refuse, before it is started ---


def parameters(scans="", training_scans="", biomarkers_csv="", tier="", source="", models="", picture_of=""):
    declared = {"tier": tier, "source": source, "licence": ""}
    of_table = {"biomarkers_csv": biomarkers_csv, **declared}
    return {"1-cohort": {"scans": scans, "training_scans": training_scans, "models": models, **declared},
            "3-segment": {"picture_of": picture_of}, "5-severity": of_table, "6-progression": of_table}  # fmt: skip


OTHER = changed(ROW, SCAN_COLUMNS, scan_id="b", scan_date="2020-02-01", image="b.nii.gz", status="non-severe")


@pytest.fixture
def two_scans(table_file, tmp_path, chest):
    """Return a function that writes scans.csv with the rows given, whose two scans are there with masks."""
    (tmp_path / "images").mkdir()
    for k, name in enumerate(("images/1.nii.gz", "b.nii.gz")):
        scan = write_scan(tmp_path / name, chest(seed=k), (20.0, 10.0, 8.0))
        write_mask(tmp_path / f"lung-{k}.nii.gz", scan.hu < -700, scan)
        write_mask(tmp_path / f"infection-{k}.nii.gz", scan.hu < -830, scan)
    return lambda rows, more=(): table_file([*SCAN_COLUMNS, *more], rows)


def test_own_tables_are_examined_before_a_run_and_nothing_is_written(two_scans, table_file, tmp_path):
    run = Run("mine", tmp_path)
    before = sorted(tmp_path.rglob("*"))
    two_scans([ROW, OTHER])
    for name in ("i.nii.gz", "l.nii.gz", "f.nii.gz"):
        shutil.copy(tmp_path / "b.nii.gz", tmp_path / name)
    table_file(TRAINING_COLUMNS, [TRAINING_ROW], "training.csv")
    assert examine(run, parameters()) == []
    assert examine(run, parameters("scans.csv", "training.csv", tier="public", source="us")) == []
    with pytest.raises(ValueError, match="tier is 'public' and source is ''"):
        examine(run, parameters("scans.csv", tier="public"))
    assert examine(run, parameters("scans.csv", picture_of="b")) == []
    with pytest.raises(ValueError, match=r"picture_of: .*scans.csv has no scan 'B7'; give a scan_id of it"):
        examine(run, parameters("scans.csv", picture_of="B7"))
    (tmp_path / "l.nii.gz").unlink()
    (fault,) = faults_of(tmp_path / "training.csv", lambda path: examine(run, parameters(training_scans=path.name)))
    assert (fault.row, fault.column, fault.value) == (2, "lung_mask", "l.nii.gz") and "no such file" in fault.rule
    examine(run, parameters(training_scans="training.csv", models="starter"))  # then nothing is trained on them
    shutil.copy(tmp_path / "b.nii.gz", tmp_path / "l.nii.gz")
    table_file(TRAINING_COLUMNS, [changed(TRAINING_ROW, TRAINING_COLUMNS, image="b.nii.gz")], "training.csv")
    with pytest.raises(ValueError, match="must not be tested on scans"):
        examine(run, parameters("scans.csv", "training.csv"))
    table_file(TRAINING_COLUMNS, [changed(TRAINING_ROW, TRAINING_COLUMNS, lung_mask="")], "training.csv")
    faults_of(tmp_path / "training.csv", lambda path: examine(run, parameters(training_scans=path.name)))
    two_scans([ROW, changed(OTHER, SCAN_COLUMNS, sex="?")])
    faults_of(tmp_path / "scans.csv", lambda path: examine(run, parameters(path.name)))
    names = {"scans.csv", "training.csv", "i.nii.gz", "l.nii.gz", "f.nii.gz"}
    assert sorted(tmp_path.rglob("*")) == sorted([*before, *(tmp_path / name for name in names)])


def test_without_both_statuses_severity_is_refused_and_what_comes_before_it_is_not(two_scans, tmp_path):
    two_scans([changed(ROW, SCAN_COLUMNS, status="")])
    said = examine(Run("mine", tmp_path), parameters("scans.csv"), with_severity=False)
    assert said == [f"{tmp_path / 'scans.csv'}: status is unknown for 1 of 1 scan: severity (notebook 5) leaves such "
                    "scans out"]  # fmt: skip
    (fault,) = faults_of(tmp_path / "scans.csv", lambda path: examine(Run("mine", tmp_path), parameters(path.name)))
    assert fault.column == "status" and "unknown for all scans" in fault.rule and "--until biomarkers" in fault.remedy


def test_a_table_without_images_is_refused_and_a_few_missing_ones_are_told(two_scans, tmp_path):
    run, gone = (
        Run("mine", tmp_path),
        changed(OTHER, SCAN_COLUMNS, scan_id="c", scan_date="2020-03-01", image="gone.nii.gz"),
    )
    two_scans([ROW, OTHER, gone])
    (said,) = examine(run, parameters("scans.csv"))
    assert "files are missing for 1 of 3 scans" in said and "in row 4, image: gone.nii.gz" in said
    (tmp_path / "images/1.nii.gz").unlink()
    (tmp_path / "b.nii.gz").unlink()
    faults = faults_of(tmp_path / "scans.csv", lambda path: examine(run, parameters(path.name)))
    assert [(fault.row, fault.column) for fault in faults] == [(2, "image"), (3, "image"), (4, "image")]
    assert faults == check_scans(tmp_path / "scans.csv", progress=False)  # what `study check` says


def test_exchanged_columns_of_masks_are_refused_as_study_check_says_it_and_a_single_slip_is_not(two_scans, tmp_path):
    run, columns = Run("mine", tmp_path), ("lung_mask", "infection_mask")
    sound = [[*ROW, "lung-0.nii.gz", "infection-0.nii.gz"], [*OTHER, "lung-1.nii.gz", "infection-1.nii.gz"]]
    two_scans(sound, columns)
    assert examine(run, parameters("scans.csv")) == []
    two_scans([[*row[:-2], row[-1], row[-2]] for row in sound], columns)
    faults = faults_of(tmp_path / "scans.csv", lambda path: examine(run, parameters(path.name)))
    assert {fault.column for fault in faults} == {"infection_mask"} and "exchanged" in faults[0].remedy
    assert faults == check_scans(tmp_path / "scans.csv", progress=False)
    two_scans([sound[0], [*sound[1][:-2], sound[1][-1], sound[1][-2]]], columns)
    assert examine(run, parameters("scans.csv")) == []  # that scan alone is left out by notebook 3
    two_scans([[*row[:-2], row[-1], row[-2]] for row in sound], columns)
    write_json(run.values / "1-cohort.json", {})
    assert examine(run, parameters("scans.csv")) == []  # once notebook 1 ran, no scan is opened again


def test_a_run_says_of_a_table_what_study_check_says(two_scans, tmp_path):
    rows = [changed(ROW, SCAN_COLUMNS, age_years=""), changed(OTHER, SCAN_COLUMNS, scan_date="2150-01-01")]
    two_scans([[*row, "x"] for row in rows], ["phone"])
    said = examine(Run("mine", tmp_path), parameters("scans.csv"))
    check_scans(tmp_path / "scans.csv", progress=False, notes=(notes := []))
    assert [note for note in notes if "body" not in note and "tissue" not in note] == said[:-1]
    assert "phone" in said[0] and "in the future" in said[1] and "age_years is unknown" in said[2]


def test_of_a_table_of_biomarkers_no_scan_is_examined(table_file, tmp_path):
    row = [*changed(ROW, SCAN_COLUMNS)[:-1], *MEASURES]
    rows = [row, ["b", *row[1:5], "non-severe", *MEASURES]]
    table_file(BIOMARKER_COLUMNS, rows, "biomarkers.csv")
    examine(Run("mine", tmp_path), parameters("nowhere.csv", biomarkers_csv="biomarkers.csv"))
    table_file(BIOMARKER_COLUMNS, [[*row[:-2], "9.0", "-600"]], "biomarkers.csv")
    given = parameters(biomarkers_csv="biomarkers.csv")
    faults_of(tmp_path / "biomarkers.csv", lambda _: examine(Run("mine", tmp_path), given))
