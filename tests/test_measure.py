"""`study measure`: where the label map goes, whatever the networks say."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from study.__main__ import app
from study.networks import segmentation
from study.scans.ct import write_scan

SPACING_MM = (20.0, 10.0, 8.0)


@pytest.fixture(autouse=True)
def by_threshold(monkeypatch):
    """Networks that call dark voxels lung."""

    class Segmenter:
        def __init__(self, models):
            pass

        def segment(self, scan, path):
            return ((scan.hu < -500) & (scan.hu > -950)).astype(np.uint8)

    monkeypatch.setattr(segmentation, "Segmenter", Segmenter)


def measure(path, out, *options):
    return CliRunner().invoke(app, ["measure", str(path), "--out", str(out), *options])


def test_two_scans_of_one_name_do_not_replace_each_other(tmp_path, chest):
    for n, name in enumerate(("pat1", "pat2")):
        (tmp_path / name).mkdir()
        write_scan(tmp_path / name / "ct.nii.gz", chest(seed=n), SPACING_MM)
    out = tmp_path / "out"
    answer = measure(tmp_path / "pat1" / "ct.nii.gz", out)
    assert answer.exit_code == 0, answer.output
    label_map = out / "ct_label_map.nii.gz"
    assert json.loads(answer.stdout)["label_map"] == str(label_map)
    before = label_map.read_bytes()
    answer = measure(tmp_path / "pat2" / "ct.nii.gz", out)
    assert answer.exit_code == 1 and "there is another file of this name" in answer.stderr and "--out" in answer.stderr
    assert label_map.read_bytes() == before
    assert measure(tmp_path / "pat1" / "ct.nii.gz", out).exit_code == 0  # the same again
    label_map.write_text("not written here")
    assert measure(tmp_path / "pat1" / "ct.nii.gz", out).exit_code == 1
    assert label_map.read_text() == "not written here"
    assert [path.name for path in out.iterdir()] == [label_map.name]


def test_outputs_bear_the_name_that_the_user_gave(tmp_path, chest):
    """A link of git-annex leads to a file whose name is its digest."""
    (tmp_path / "store").mkdir()
    write_scan(tmp_path / "store" / "SHA256E-s1--0a.nii.gz", chest(), SPACING_MM)
    (tmp_path / "CT.NII.GZ").symlink_to(tmp_path / "store" / "SHA256E-s1--0a.nii.gz")
    answer = measure(tmp_path / "CT.NII.GZ", tmp_path)
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "CT_label_map.nii.gz").is_file()


def test_what_is_doubtful_is_printed_and_in_the_json(tmp_path, chest):
    write_scan(tmp_path / "ct.nii.gz", chest(), SPACING_MM)
    answer = measure(tmp_path / "ct.nii.gz", tmp_path)
    notes = json.loads(answer.stdout)["notes"]
    assert any("part of the lungs" in note for note in notes) and "picture" not in json.loads(answer.stdout)
    assert all(f"study: {tmp_path / 'ct.nii.gz'}: {note}" in answer.stderr for note in notes)
    assert not any("ct.nii" in note for note in notes)


def test_a_picture_if_asked_for(tmp_path, chest):
    write_scan(tmp_path / "ct.nii.gz", chest(), SPACING_MM)
    before = measure(tmp_path / "ct.nii.gz", tmp_path)
    answer = measure(tmp_path / "ct.nii.gz", tmp_path, "--picture")
    picture = tmp_path / "ct_picture.png"
    assert json.loads(answer.stdout) == {**json.loads(before.stdout), "picture": str(picture)}
    first = picture.read_bytes()
    assert first.startswith(b"\x89PNG") and b"lungs not found" not in first
    assert measure(tmp_path / "ct.nii.gz", tmp_path, "--picture").exit_code == 0 and picture.read_bytes() == first
    picture.write_text("a note of mine")
    answer = measure(tmp_path / "ct.nii.gz", tmp_path, "--picture")
    assert answer.exit_code == 1 and "another file of this name" in answer.stderr
    assert picture.read_text() == "a note of mine"
