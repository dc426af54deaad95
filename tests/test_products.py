"""The lists of files that stand for what a notebook made of each scan, and what is missed of it later."""

import json

import pytest

from study import products
from study.files import sha256, write_json, write_text
from study.run import Run

HEAD = "scan_id,image,lung_mask,infection_mask,observer_1"


@pytest.fixture
def run(tmp_path):
    """A run with a scan of its own, one that lies elsewhere, and one without files."""
    run = Run("mine", tmp_path / "project")
    elsewhere = tmp_path / "hospital" / "b"
    for path in (run.cohort / "images" / "a.nii.gz", run.cohort / "lung" / "a.nii.gz", elsewhere / "1.dcm"):
        write_text(path, path.name)
    write_text(
        run.cohort / "scans.csv",
        f"{HEAD}\na,images/a.nii.gz,lung/a.nii.gz,,\nb,{elsewhere},,,\nc,{tmp_path}/gone.nii,,,\n",
    )
    return run


def test_the_list_has_the_digest_of_every_file_that_the_table_names(run, tmp_path):
    products.write_lists(run, "1-cohort")
    listed = json.loads((run.cohort / "files.json").read_text())
    elsewhere = tmp_path / "hospital" / "b"
    assert listed == {
        "images/a.nii.gz": sha256(run.cohort / "images" / "a.nii.gz"),
        "lung/a.nii.gz": sha256(run.cohort / "lung" / "a.nii.gz"),
        str(elsewhere): sha256(elsewhere),
        str(tmp_path / "gone.nii"): None,
    }
    assert json.loads((run.training / "files.json").read_text()) == {"cohort.json": None}  # a run without training
    write_text(run.training / "recipes" / "t.json", "{}")
    products.write_lists(run, "1-cohort")
    assert list(json.loads((run.training / "files.json").read_text())) == ["cohort.json", "recipes/t.json"]
    write_text(elsewhere / "1.dcm", "another section")
    products.write_lists(run, "1-cohort")
    assert json.loads((run.cohort / "files.json").read_text()) != listed
    write_text(run.biomarkers_csv, "scan_id,poi\na,0.1\n")
    write_text(run.masks / "a.nii.gz", "a")
    write_text(run.masks / "of-an-earlier-cohort.nii.gz", "x")
    products.write_lists(run, "3-segment")
    assert json.loads((run.masks / "files.json").read_text()) == {"a.nii.gz": sha256(run.masks / "a.nii.gz")}


def test_of_what_was_made_the_missing_is_found_with_the_output_that_brings_it_back(run, tmp_path):
    assert products.lost(run, "1-cohort") == {}  # a user's own files are not the run's to make
    image = run.cohort / "images" / "a.nii.gz"
    image.unlink()
    assert products.lost(run, "1-cohort") == {"runs/mine/values/1-cohort.json": [image]}
    write_json(run.models / "lung.json", {"digests": {"lung.xml": "0"}})
    assert products.lost(run, "2-train") == {"runs/mine/values/2-train.json": [run.models / "lung.xml"]}


@pytest.mark.parametrize("n_shards", [1, 2])
def test_a_missing_label_map_is_made_by_its_shard(run, n_shards):
    for k in range(n_shards):
        write_json(run.shards / f"{k}-of-{n_shards}.json", {"measured": [{"scan_id": f"s{k}"}]})
        write_text(run.masks / f"s{k}.nii.gz", "")
    assert products.lost(run, "3-segment", n_shards) == {}
    last = n_shards - 1
    (run.masks / f"s{last}.nii.gz").unlink()
    shard = f"runs/mine/shards/{last}-of-{n_shards}.json"
    output = shard if n_shards > 1 else "runs/mine/values/3-segment.json"
    assert products.lost(run, "3-segment", n_shards) == {output: [run.masks / f"s{last}.nii.gz"]}
    (run.root / shard).unlink()
    assert products.lost(run, "3-segment", n_shards) == {output: [run.root / shard]}


def test_figures_and_tables_are_missed_unless_they_were_left_out(run):
    code = 'plots.save(figure, there, "Figure_4")\ntables.save(table, there, "Table_2", "Words")'
    cells = [{"cell_type": "code", "source": [code]}, {"cell_type": "code", "source": 'save(x, "Table_3")', "outputs": [
        {"output_type": "stream", "text": ["Table 3 is left out: no scan has a report\n"]}]},
        {"cell_type": "markdown", "source": '"Figure_9"'}]  # fmt: skip
    write_json(run.folder / "notebooks" / "5-severity.ipynb", {"cells": cells})
    made = [f"Figure_4.{kind}" for kind in ("png", "pdf", "caption.md", "tex")]
    made += [f"Table_2.{kind}" for kind in ("csv", "md", "tex", "docx")]
    expected = {"runs/mine/values/5-severity.json": [run.figures / name for name in made]}
    assert products.lost(run, "5-severity") == expected
    for name in made:
        write_text(run.figures / name, "")
    assert products.lost(run, "5-severity") == {}
    assert products.lost(run, "6-progression") == {}  # never executed
