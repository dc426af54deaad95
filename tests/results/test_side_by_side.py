"""Two runs side by side: known differences get the known answer, and the file where they part is named."""

import copy
import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from study.__main__ import app
from study.files import write_json, write_text
from study.results import side_by_side, snapshot
from study.run import Run, value

TABLE = """\
Biomarker,Sensitivity %,auc,auc_low,auc_high,tier
POI,"79.75 (63 of 79) [70.89, 88.61]",0.9328,0.8985,0.9561,synthetic
iHU,"74.68 (59 of 79) [64.56, 83.54]",0.6992,0.6368,0.7550,synthetic
"""


@pytest.fixture
def run(tmp_path):
    """A run as far as it is compared: two scans, a weight, a mask, values and a table."""
    run = Run("one", tmp_path)
    write_text(run.cohort / "scans.csv", "scan_id,image,lung_mask\n1,images/1.nii,\n2,images/2.nii,lung/2.nii\n")
    for name in ("images/1.nii", "images/2.nii", "lung/2.nii"):
        write_text(run.cohort / name, name)
    write_text(run.models / "lung.safetensors", "weights")
    write_text(run.masks / "1.nii.gz", "")
    run.record(
        "5-severity",
        [
            value("auc_poi", 0.9328, 0.8985, 0.9561, n=531),
            value("n_scans", 531, standard_error=20.0),
            value("p_value_poi", 1e-12),
            value("cutoff", 0.0123456),
            value("strength", "good"),
        ],
    )
    run.record("7-claims", [value("n_claims_differs", 0)])
    write_text(run.figures / "Table_2.csv", TABLE)
    write_text(run.figures / "claims.csv", "id\n1\n")
    write_json(run.folder / "provenance.json", {"run": "one", "processor": "A", "parameters": {"2-train": {"seed": 1}}})
    return run


@pytest.fixture
def one(run):
    return snapshot.of_run(run)


def recorded(snapshot, name):
    return next(row for row in snapshot["values"]["5-severity"] if row["name"] == name)


def answers(one, other):
    table = side_by_side.compare(one, other)
    return {row.what: row.answer for row in table.itertuples() if row.answer != "equal"}


def test_a_run_is_the_same_as_itself_and_as_its_file(one, run, tmp_path):
    table = side_by_side.compare(one, one)
    assert set(table["answer"]) == {"equal"} and len(table) == 6 + 2 * 3
    assert side_by_side.verdict(table, side_by_side.first_difference(one, one))[1]
    snapshot.write(one, tmp_path / "published" / snapshot.FILE)
    for named in ("published", "published/values.json", "one"):
        again = snapshot.read(str(tmp_path / named) if "published" in named else named, run.root)
        assert again == one
    assert "the files along the way" in side_by_side.verdict(table, None)[0]


@pytest.mark.parametrize(
    ("name", "change", "answer"),
    [
        ("auc_poi", {"value": 0.93281}, "within rounding"),
        ("auc_poi", {"value": 0.94}, "within its interval"),
        ("auc_poi", {"ci_low": 0.86}, "within its interval"),
        ("auc_poi", {"ci_low": 0.7}, "beyond"),  # further than the narrower interval is wide
        ("auc_poi", {"value": 0.94, "n": 300}, "beyond"),
        ("auc_poi", {"value": 0.96}, "beyond"),
        # Within the other's interval, whose own value lies outside its: they do not agree.
        ("auc_poi", {"value": 0.95, "ci_low": 0.94, "ci_high": 0.97}, "beyond"),
        ("auc_poi", {"value": None}, "beyond"),
        ("n_scans", {"value": 530}, "beyond"),
        ("n_scans", {"value": 480}, "beyond"),
        ("p_value_poi", {"value": 3e-11}, "within rounding"),
        ("p_value_poi", {"value": 0.04}, "beyond"),
        ("cutoff", {"value": 0.0123458}, "within rounding"),
        ("cutoff", {"value": 0.0124}, "beyond"),
        ("strength", {"value": "moderate"}, "beyond"),
    ],
)
def test_recorded_values(one, name, change, answer):
    other = copy.deepcopy(one)
    recorded(other, name).update(change)
    assert answers(one, other) == {name: answer} == answers(other, one)


def test_a_number_too_small_for_the_decimals_is_shown_all_the_same(one):
    other = copy.deepcopy(one)
    recorded(other, "p_value_poi")["value"] = 0.04
    (row,) = (row for row in side_by_side.compare(one, other).itertuples() if row.what == "p_value_poi")
    assert (row.one, row.other) == ("1e-12", "0.040000")


@pytest.mark.parametrize(
    ("before", "after", "answer"),
    [
        ("0.6992,", "0.6993,", {"iHU: auc": "within rounding"}),
        ("0.6992,", "0.7123,", {"iHU: auc": "within its interval"}),
        ("0.6992,", "0.8,", {"iHU: auc": "beyond"}),
        ("79.75 (63 of 79)", "81.01 (64 of 79)", {"POI: Sensitivity %": "within its interval"}),
        ("79.75 (63 of 79)", "79.75 (64 of 80)", {"POI: Sensitivity %": "beyond"}),
        ("79.75 (63 of 79)", "79.75 (20 of 79)", {"POI: Sensitivity %": "beyond"}),
        ("79.75 (63 of 79)", "60.76 (48 of 79)", {"POI: Sensitivity %": "beyond"}),
        ("79.75 (63 of 79)", "–", {"POI: Sensitivity %": "beyond"}),
        ("synthetic", "public", {}),
        # A file of numbers drops the zeros at their ends: 0.8 is 0.8000.
        ("0.6992,0.6368,0.7550", "0.8,,", {"iHU: auc": "beyond"}),
    ],
)
def test_cells_of_tables(one, run, before, after, answer):
    write_text(run.figures / "Table_2.csv", TABLE.replace(before, after))
    other = one | {"tables": snapshot.tables(run.figures)}
    assert answers(one, other) == answer == answers(other, one)


def test_an_interval_beside_words_alone_is_equal_or_beyond(one):
    other = copy.deepcopy(one)
    for side, high in ((one, "0.20"), (other, "0.30")):
        side["tables"]["Table_9"] = [["row", "limits"], ["first", f"exact [0.10, {high}]"]]
    assert answers(one, other) == {"first: limits": "beyond"}


def test_digits_that_a_file_drops_are_not_rounded_away(run, one):
    tables = {"Table_9": [["model", "auc"], ["POI", "0.8"], ["iHU", "0.7123"]]}
    for cell, answer in {"0.856": "beyond", "0.8001": "within rounding", "0.8000000001": "within rounding"}.items():
        other = {"Table_9": [["model", "auc"], ["POI", cell], ["iHU", "0.7123"]]}
        assert answers(one | {"tables": tables}, one | {"tables": other}) == {"POI: auc": answer}


def test_a_short_number_of_a_column_with_all_digits_was_not_rounded(one):
    def table(corrected):
        rows = [["model", "auc", "corrected"], ["POI", "0.8", corrected], ["iHU", "0.7", "0.7123456789"]]
        return one | {"tables": {"Table_9": rows}}

    assert answers(table("0.9"), table("0.8")) == {"POI: corrected": "beyond"}
    assert answers(table("0.9"), table("0.9000000001")) == {"POI: corrected": "within rounding"}


def test_a_row_of_prose_is_found_by_its_heading(one):
    prose = {"Table_cards": [["", "Lung", "Infection"], ["Limits", "It is trained on 42 scans.", "Not for clinics."]]}
    other = {"Table_cards": [["", "Lung", "Infection"], ["Limits", "It is trained on 43 scans.", "Not for clinics."]]}
    assert answers(one | {"tables": prose}, one | {"tables": other}) == {"Limits: Lung": "beyond"}


def test_of_one_answer_the_largest_difference_comes_first(one):
    other = copy.deepcopy(one)
    recorded(other, "auc_poi")["value"], recorded(other, "cutoff")["value"] = 0.96, 0.1
    assert side_by_side.compare(one, other)["what"].tolist()[:2] == ["cutoff", "auc_poi"]


def test_of_a_folder_of_tables_the_tables_alone_are_compared(one, run, tmp_path):
    write_text(tmp_path / "copied" / "Table_2.csv", TABLE)
    table = side_by_side.compare(one, copied := snapshot.read(str(tmp_path / "copied"), run.root))
    assert side_by_side.verdict(table, side_by_side.first_difference(one, copied)) == (
        "THE SAME: all 6 numbers are equal", True
    )  # fmt: skip


def test_the_data_of_a_run_are_no_tables_of_it(run):
    write_text(run.biomarkers_csv, "scan_id\n1\n")
    with pytest.raises(ValueError, match="give the name of a run"):
        snapshot.read(str(run.folder), run.root)


def test_a_row_more_is_in_one_alone_and_its_order_does_not_matter(one):
    other = copy.deepcopy(one)
    head, *rows = other["tables"]["Table_2"]
    other["tables"]["Table_2"] = [head, ["POI+iHU", "1", "1", "", ""], *reversed(rows)]
    assert answers(one, other) == {
        f"POI+iHU: {column}": "in one alone" for column in ("Biomarker", "Sensitivity %", "auc")
    }
    line, agree = side_by_side.verdict(side_by_side.compare(one, other), None)
    assert not agree and "3 in one alone" in line


def test_a_file_of_the_comparison_has_numbers_to_compute_with(run, one, tmp_path, monkeypatch):
    other = copy.deepcopy(one)
    recorded(other, "auc_poi")["value"] = 0.9
    recorded(other, "cutoff")["value"] = -0.5
    snapshot.write(other, tmp_path / "other.json")
    write_text(run.root / "Snakefile", "")
    (run.root / "notebooks").mkdir()
    monkeypatch.chdir(run.root)
    answer = CliRunner().invoke(app, ["compare", "one", str(tmp_path / "other.json"), "--out", str(tmp_path / "x.csv")])
    assert answer.exit_code == 1, answer.output
    table = pd.read_csv(tmp_path / "x.csv").set_index("what")
    assert (table[[*side_by_side.NUMBERS, "difference"]].dtypes == "float64").all()
    assert table.loc["auc_poi", side_by_side.NUMBERS].tolist() == [0.9328, 0.8985, 0.9561, 0.9, 0.8985, 0.9561]
    assert table.loc["auc_poi", "difference"] == pytest.approx(-0.0328)
    assert table.loc["cutoff", "other_value"] == -0.5 and table.loc["strength", side_by_side.NUMBERS].isna().all()
    cell = table.loc["POI: Sensitivity %"]
    assert cell["one_value"] == cell["other_value"] == float(cell["one"].split()[0]) and cell["difference"] == 0


def test_what_a_run_is_compared_with_is_told(one):
    one["origin"] = {"run": "demo", "commit": "0123456789abcdef", "processor": "a fast one"}
    assert side_by_side.made_by(one) == "run demo, commit 0123456789ab, a fast one"
    assert side_by_side.made_by({"origin": {}}) == "run unknown, commit unknown, processor unknown"


def test_the_first_file_that_differs_is_that_of_the_earliest_step(run, one):
    for path, kind in ((run.masks / "1.nii.gz", "mask"), (run.models / "lung.safetensors", "weight"),
                       (run.cohort / "lung/2.nii", "scan")):  # fmt: skip
        path.unlink() if kind == "mask" else write_text(path, "other")
        found = side_by_side.first_difference(one, snapshot.of_run(run))
        assert found[:2] == (kind, str(path.relative_to(run.folder)))
        assert len(set(found[2:])) == 2 and found[3] == ("" if kind == "mask" else found[3])
    assert side_by_side.first_difference(one, {"files": {}}) == side_by_side.UNREAD  # published tables know no files


def test_what_else_differs_is_told_only_of_runs_that_do(one):
    other = copy.deepcopy(one)
    other["origin"] |= {"run": "two", "processor": "B", "parameters": {"2-train": {"seed": 2}}}
    origins = side_by_side.differing_origins(one, other)
    assert origins == [("processor", "A", "B"), ("parameters: 2-train: seed", "1", "2")]
    recorded(other, "auc_poi")["value"] = 0.5
    table = side_by_side.compare(one, other)
    lines = side_by_side.in_words(table, None, origins, ("one", "two"))
    assert lines[:2] == ["one | two", "beyond:"] and "0.932800" in lines[2] and lines[-1].endswith("seed: 1 | 2")
    assert side_by_side.in_words(side_by_side.compare(one, one), None, origins, ("one", "two")) == []


def test_of_an_unfinished_run_no_version_or_parameter_is_called_different(one):
    unfinished = one | {"origin": {"run": "two"}}
    (told,) = side_by_side.differing_origins(one, unfinished)
    assert told == (
        "processor, parameters, versions", "recorded", "unknown (tables alone, or an unfinished run)"
    )  # fmt: skip
    assert side_by_side.differing_origins(unfinished, unfinished) == []


def test_a_run_is_set_beside_published_values_of_its_name(run, one):
    assert side_by_side.beside_published(run) == ""
    snapshot.write(one, run.root / "figures" / "preview" / snapshot.FILE)
    assert "THE SAME: all" in side_by_side.beside_published(run)
    snapshot.write(one | {"origin": {"run": "demo"}}, run.root / "figures" / "preview" / snapshot.FILE)
    assert side_by_side.beside_published(run) == ""


def test_a_packed_file_is_known_by_its_content(run):
    import gzip

    digests = []
    for level in (1, 9):
        (run.masks / "1.nii.gz").write_bytes(gzip.compress(b"label map" * 99, level))
        digests.append(snapshot.of_run(run)["files"]["mask"])
    assert digests[0] == digests[1]


def test_what_is_nothing_to_compare_with_is_refused_by_name(run, tmp_path):
    (tmp_path / "empty").mkdir()
    write_text(tmp_path / "other.json", json.dumps({"values": 1}))
    for named in ("nowhere", str(tmp_path / "empty"), str(tmp_path / "other.json")):
        with pytest.raises(ValueError, match=named.rpartition("/")[2]):
            snapshot.read(named, run.root)
    with pytest.raises(ValueError, match="study run two"):
        (run.root / "runs" / "two").mkdir()
        snapshot.read("two", run.root)
