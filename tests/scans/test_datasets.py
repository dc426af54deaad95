"""`study index` on folders laid out as the public data sets are published."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from helpers.project import study
from study.figures import examples
from study.measures import per_scan
from study.scans.checks import check_scans
from study.scans.cohort import adopt_scans
from study.scans.ct import read_lung_mask, read_mask, read_scan, write_label_map
from study.scans.datasets import index
from study.scans.grid import ScanError
from study.scans.layouts import EIGHT_BIT, LAYOUTS
from study.scans.nifti import save_nifti
from study.scans.scan_tables import read_scans, read_training_scans
from study.scans.schemas import ScanTableError

CT_SEG = ("coronacases_001", "coronacases_002", "radiopaedia_4_85506_1")


@pytest.fixture
def mosmed(tmp_path, masked):
    """Five scans, a class each, one with a mask, and the registry."""
    root = tmp_path / "mosmed"
    rows = ["study_id,category,study_file,mask_file"]
    for n in range(5):
        place, mask = f"studies/CT-{n}/study_{n:04}.nii.gz", f"masks/study_{n:04}_mask.nii.gz" if n == 1 else ""
        masked(root / place, infection=root / mask if mask else None, seed=n)
        rows.append(f"{n},CT-{n},/{place},{'/' * bool(mask)}{mask}")
    (root / "dataset_registry.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    return root


@pytest.fixture
def ct_seg(tmp_path, masked):
    """Two scans in HU and an eight-bit one, each with its three masks."""
    root = tmp_path / "COVID-19-CT-Seg"
    for n, name in enumerate(CT_SEG):
        masks = [root / kind / f"{name}.nii.gz" for kind in ("Lung_Mask", "Infection_Mask")]
        scan = masked(root / "COVID-19-CT-Seg_20cases" / f"{name}.nii.gz", *masks, seed=n)
        both = root / "Lung_and_Infection_Mask" / f"{name}.nii.gz"
        both.parent.mkdir(exist_ok=True)
        save_nifti(both, np.full(scan.grid.shape, 3, np.uint8), scan.affine)  # left lung, right lung, infection
        if name.startswith("radiopaedia"):
            grey = np.clip((scan.hu + 1250) / 1500 * 255, 0, 255).astype(np.uint8)
            save_nifti(scan.path, scan.grid.to_stored(grey), scan.affine)
    return root


@pytest.fixture
def challenge(tmp_path, masked):
    """Two training scans of one patient and a validation scan without mask."""
    root = tmp_path / "COVID-19-20_v2"
    for n, name in enumerate(("A-0047", "A-0047_1")):
        stem = root / "Train" / f"volume-covid19-{name}"
        masked(stem.with_name(f"{stem.name}_ct.nii.gz"), infection=stem.with_name(f"{stem.name}_seg.nii.gz"), seed=n)
    masked(root / "Validation" / "volume-covid19-A-0050_ct.nii.gz", seed=2)
    return root


def faults_of(layout, folder):
    """What `index` finds wrong with a folder, as {file: rule}; nothing may have been written."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(ScanTableError) as caught:
        index(layout, folder)
    assert sorted(folder.rglob("*")) == before
    assert all(fault.remedy for fault in caught.value.faults)
    return {fault.value: fault.rule for fault in caught.value.faults}


# --- the published layouts ---


def test_mosmed_gives_status_by_class_and_keeps_the_class(mosmed):
    made = index("mosmed", mosmed)
    scans = read_scans(made.path)
    assert scans["severity_class"].tolist() == [f"CT-{n}" for n in range(5)]
    assert scans["status"].tolist() == ["non-severe"] * 3 + ["severe"] * 2
    assert scans["infection_mask"].notna().tolist() == [False, True, False, False, False]
    assert scans[["age_years", "sex", "scan_date", "lung_mask"]].isna().all(axis=None)
    assert scans["patient_id"].nunique() == 5 and not made.left_out and not made.notes
    assert check_scans(made.path) == []


def test_mosmed_as_its_archive_holds_it_and_without_the_csv_registry(mosmed):
    (mosmed / "dataset_registry.csv").rename(mosmed / "dataset_registry.xlsx")
    (mosmed / "__MACOSX" / "studies").mkdir(parents=True)
    (mosmed / "studies" / "CT-0" / "._study_0000.nii.gz").write_bytes(b"\0")
    made = index("mosmed", mosmed.parent, mosmed.parent / "scans.csv")
    assert len(made.scans) == 5
    (note,) = made.notes
    assert "dataset_registry.csv is not here" in note
    assert check_scans(made.path) == []


def test_mosmed_registry_and_files_must_agree(mosmed):
    (mosmed / "studies/CT-0/study_0000.nii.gz").unlink()
    (mosmed / "studies/CT-1/study_0001.nii.gz").unlink()
    shutil.copy(mosmed / "studies/CT-4/study_0004.nii.gz", mosmed / "studies/CT-4/study_0009.nii.gz")
    registry = mosmed / "dataset_registry.csv"
    registry.write_text(registry.read_text().replace("3,CT-3,", "3,CT-2,"))
    (mosmed / "notes.nii").write_bytes(b"")
    faults = faults_of("mosmed", mosmed)
    assert "no such file" in faults["/studies/CT-0/study_0000.nii.gz"]
    assert "no such file" in faults["/studies/CT-1/study_0001.nii.gz"]
    assert "without its scan" in faults["masks/study_0001_mask.nii.gz"]
    assert "does not list it" in faults["studies/CT-4/study_0009.nii.gz"]
    assert "class of the folder" in faults["CT-2"]
    assert "no scan belongs here" in faults["notes.nii"]
    assert len(faults) == 6


def test_mosmed_masks_alone_are_no_cohort(real_data, tmp_path):
    """The published registry and masks, of which the CT volumes are not here: every row lacks its file."""
    folder = real_data / "mosmed"
    with pytest.raises(ScanTableError) as caught:
        index("mosmed", folder, tmp_path / "scans.csv")
    assert len(caught.value.faults) == 50 + 1110 and list(tmp_path.iterdir()) == []


def test_covid_19_ct_seg_leaves_the_eight_bit_scans_out_by_name(ct_seg):
    made = index("covid-19-ct-seg", ct_seg)
    scans = read_scans(made.path)
    assert scans["scan_id"].tolist() == ["coronacases_001", "coronacases_002"]
    assert made.left_out == [("COVID-19-CT-Seg_20cases/radiopaedia_4_85506_1.nii.gz", EIGHT_BIT)]
    assert scans["status"].isna().all()
    assert check_scans(made.path) == []
    with pytest.raises(ScanError, match="8-bit"):  # as the reader would find by itself
        read_scan(ct_seg / made.left_out[0][0])


def test_left_and_right_lung_are_both_lung_and_an_infection_mask_has_one_label(ct_seg):
    row = read_scans(index("covid-19-ct-seg", ct_seg).path).iloc[0]
    scan = read_scan(row["image"])
    lung = read_lung_mask(row["lung_mask"], scan)
    half = lung.shape[2] // 2
    assert lung[..., :half].any() and lung[..., half:].any()
    with pytest.raises(ScanError, match="other values than 0 to 1"):
        read_mask(row["lung_mask"], scan)
    three = ct_seg / "Lung_and_Infection_Mask" / "coronacases_001.nii.gz"
    with pytest.raises(ScanError, match="other values than 0 to 2"):
        read_lung_mask(three, scan)


def test_covid_19_ct_seg_first_release_names_scans_otherwise(ct_seg):
    scans = ct_seg / "COVID-19-CT-Seg_20cases"
    (scans / "coronacases_001.nii.gz").rename(scans / "coronacases_org_001.nii.gz")
    (scans / "radiopaedia_4_85506_1.nii.gz").rename(scans / "radiopaedia_org_covid-19-pneumonia-4_85506_1-dcm.nii.gz")
    made = index("covid-19-ct-seg", ct_seg)
    assert made.scans["scan_id"].tolist() == ["coronacases_001", "coronacases_002"]
    assert [name.split("/")[-1][:15] for name, _ in made.left_out] == ["radiopaedia_org"]


def test_covid_19_ct_seg_missing_parts_are_all_named(ct_seg):
    shutil.rmtree(ct_seg / "Infection_Mask")
    (ct_seg / "COVID-19-CT-Seg_20cases" / "coronacases_002.nii.gz").unlink()
    faults = faults_of("covid-19-ct-seg", ct_seg)
    assert "without its infection mask" in faults["COVID-19-CT-Seg_20cases/coronacases_001.nii.gz"]
    assert "without its scan" in faults["Lung_Mask/coronacases_002.nii.gz"]
    assert len(faults) == 2


def test_covid_19_20_knows_a_second_scan_of_a_patient(challenge):
    scans = read_scans(index("covid-19-20", challenge).path)
    assert scans["patient_id"].tolist() == ["volume-covid19-A-0047"] * 2 + ["volume-covid19-A-0050"]
    assert scans["part"].tolist() == ["train", "train", "validation"]
    assert scans["infection_mask"].notna().tolist() == [True, True, False]
    assert check_scans(challenge / "scans.csv") == []


def test_covid_19_20_pairs_scan_and_mask(challenge):
    (challenge / "Train" / "volume-covid19-A-0047_seg.nii.gz").unlink()
    (challenge / "Train" / "volume-covid19-A-0047_1_ct.nii.gz").unlink()
    faults = faults_of("covid-19-20", challenge)
    assert "without its mask" in faults["Train/volume-covid19-A-0047_ct.nii.gz"]
    assert "without its scan" in faults["Train/volume-covid19-A-0047_1_seg.nii.gz"]


@pytest.mark.parametrize("layout", ["mosmed", "covid-19-ct-seg", "covid-19-20"])
def test_a_public_set_says_so_in_the_run(layout, mosmed, ct_seg, challenge, tmp_path):
    folder = {"mosmed": mosmed, "covid-19-ct-seg": ct_seg, "covid-19-20": challenge}[layout]
    made = index(layout, folder)
    adopt_scans(made.path, tmp_path / "run", "", "", "")
    about = json.loads((tmp_path / "run" / "cohort.json").read_text())
    assert about["tier"] == "public" and about["seed"] is None
    assert (about["source"], about["licence"]) == (LAYOUTS[layout].source, LAYOUTS[layout].licence)
    assert about["source"] and about["licence"].startswith("CC BY")


# --- training and evaluating ---


def test_training_table_of_a_set_with_both_masks(ct_seg):
    table = read_training_scans(index("covid-19-ct-seg", ct_seg).path)
    assert table["scan_id"].tolist() == ["coronacases_001", "coronacases_002"]


def test_training_table_with_lungs_from_label_maps(challenge, tmp_path):
    scans = index("covid-19-20", challenge).scans
    lungs = tmp_path / "masks"
    lungs.mkdir()
    with pytest.raises(ScanTableError) as caught:
        index("covid-19-20", challenge, lungs=lungs)
    assert len(caught.value.faults) == 2
    for row in scans.itertuples():
        scan = read_scan(row.image)
        write_label_map(lungs / f"{row.scan_id}.nii.gz", (scan.hu < -500).astype(np.uint8), scan)
    made = index("covid-19-20", challenge, lungs=lungs)
    assert made.path == challenge / "training.csv"
    assert len(read_training_scans(made.path)) == 2
    assert [name.split("/")[-1] for name, _ in made.left_out] == ["volume-covid19-A-0050_ct.nii.gz"]
    with pytest.raises(ScanTableError):  # lungs that a network drew are no reference
        read_scans(made.path)


def test_evaluating_on_an_indexed_set(ct_seg, challenge, tmp_path):
    """Label maps that equal the masks have a Dice of 1; without a lung mask the lung is not judged."""
    for layout, folder in (("covid-19-ct-seg", ct_seg), ("covid-19-20", challenge)):
        scans = adopt_scans(index(layout, folder).path, tmp_path / layout, "", "", "")
        for row in scans.dropna(subset="infection_mask").itertuples():
            scan = read_scan(row.image)
            infection = read_mask(row.infection_mask, scan)
            lung = (scan.hu < -500) & (scan.hu > -950) | infection
            write_label_map(tmp_path / f"{row.scan_id}.nii.gz", lung.astype(np.uint8) + infection, scan)
        *_, truth, _ = per_scan.measure_scans(scans.dropna(subset="infection_mask"), tmp_path, tmp_path)
        assert len(truth) == 2
        assert (truth["infection_dice"] == 1).all() and (truth["false_positive_ml"] == 0).all()
        if layout == "covid-19-ct-seg":
            assert (truth["lung_dice"] == 1).all()
            np.testing.assert_allclose(truth["poi"], truth["true_poi"])
        else:
            assert truth[["lung_dice", "true_poi"]].isna().all(axis=None)


def test_a_course_wants_dates_and_a_status():
    """Figure 5 shows a patient over time, so one of whom no date is known is not shown."""
    measured = pd.DataFrame(
        [
            ("a1", "a", None, "severe", 0.2),
            ("b1", "b", "2020-02-01", "severe", 0.1),
            ("c1", "c", "2020-02-01", None, 0.3),
        ],
        columns=["scan_id", "patient_id", "scan_date", "status", "poi"],
    )
    assert examples.severe_course(measured)["scan_id"].tolist() == ["b1"]
    assert examples.severe_course(measured.drop(index=1)).empty


# --- bad input ---


@pytest.mark.parametrize(
    ("layout", "words"),
    [("mosmet", "did you mean mosmed"), ("COVID-19-CT-SEG", "did you mean covid-19-ct-seg"), ("zip", "Known: mosmed")],
)
def test_an_unknown_layout(tmp_path, layout, words):
    with pytest.raises(ValueError, match=words):
        index(layout, tmp_path)


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_nothing_there(tmp_path, layout):
    with pytest.raises(ValueError, match="there is no such folder"):
        index(layout, tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="this is a file"):
        index(layout, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    (rule,) = faults_of(layout, tmp_path / "empty").values()
    assert f"nothing laid out as {layout}" in rule


def test_only_eight_bit_scans_are_no_cohort(ct_seg):
    for path in ct_seg.rglob("coronacases*"):
        path.unlink()
    assert list(faults_of("covid-19-ct-seg", ct_seg).values()) == ["no scan is left to be indexed"]


@pytest.mark.parametrize("name", ["scans.csv", "cohort.json"])
def test_another_file_is_never_overwritten(ct_seg, name):
    (ct_seg / name).write_text("mine")
    with pytest.raises(ValueError, match=f"{name}: this file exists and has other content"):
        index("covid-19-ct-seg", ct_seg)
    assert (ct_seg / name).read_text() == "mine"
    assert [path.name for path in ct_seg.iterdir() if path.is_file()] == [name]


def test_indexing_twice_gives_the_same_bytes(ct_seg):
    first = {path.name: path.read_bytes() for path in (index("covid-19-ct-seg", ct_seg).path, ct_seg / "cohort.json")}
    index("covid-19-ct-seg", ct_seg)
    assert {name: (ct_seg / name).read_bytes() for name in first} == first


def test_the_same_scan_twice(ct_seg):
    shutil.copytree(ct_seg / "COVID-19-CT-Seg_20cases", ct_seg / "copy")
    faults = faults_of("covid-19-ct-seg", ct_seg)
    assert len(faults) == 3 and all("the same scan or mask as" in rule for rule in faults.values())


# --- the command line ---


def test_the_command_line_says_what_was_left_out_and_what_is_not_known(ct_seg, tmp_path):
    code, printed = study(tmp_path, "index", "covid-19-ct-seg", ct_seg)
    assert code == 0, printed
    assert "left out, as its voxels are grey values 0 to 255" in printed and "radiopaedia_4_85506_1" in printed
    assert "status is unknown for 2 of 2 scans" in printed
    assert f"{ct_seg / 'scans.csv'}: 2 scans of 2 patients" in printed
    code, printed = study(tmp_path, "check", ct_seg / "scans.csv")
    assert code == 0 and "no fault found" in printed
    code, printed = study(tmp_path, "index", "mosmet", ct_seg)
    assert code != 0 and "Traceback" not in printed and "did you mean mosmed" in printed
