"""`study index` on folders laid out as the public data sets are published, and on folders of one's own."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.project import study
from study.figures import examples
from study.measures import per_scan
from study.scans.cohort import adopt_scans, consecutive_pairs
from study.scans.ct import read_lung_mask, read_mask, read_scan, write_label_map, write_mask, write_scan
from study.scans.datasets import index
from study.scans.folders import SAME_EXAM, softness
from study.scans.grid import ScanError
from study.scans.layouts import EIGHT_BIT, LAYOUTS
from study.scans.nifti import save_nifti
from study.scans.scan_tables import check_scans, read_scans, read_training_scans
from study.scans.schemas import ScanTableError

SPACING_MM = (10.0, 3.0, 3.0)
CT_SEG = ("coronacases_001", "coronacases_002", "radiopaedia_4_85506_1")


@pytest.fixture
def masked(chest):
    """Return a function that writes a chest and the masks whose paths are given; returns the Scan."""

    def write(image, lung=None, infection=None, seed=0):
        for path in filter(None, (image, lung, infection)):
            path.parent.mkdir(parents=True, exist_ok=True)
        hu = chest(seed=seed)
        is_infected = np.zeros(hu.shape, bool)
        is_infected[3:5, 9:12, 7:10] = True
        hu[is_infected] = -400
        scan = write_scan(image, hu, SPACING_MM)
        if lung:  # 1 left, 2 right, as published
            side = np.where(np.arange(hu.shape[2]) < hu.shape[2] // 2, 2, 1).astype(np.uint8)
            write_label_map(lung, ((hu < -500) & (hu > -950) | is_infected) * side, scan)
        if infection:
            write_mask(infection, is_infected, scan)
        return scan

    return write


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


# --- a folder of one's own ---


def test_a_folder_of_nifti_and_dicom(tmp_path, masked, dicom_folder, chest):
    def says(dataset, k):
        dataset.PatientAge, dataset.PatientSex, dataset.StudyDate = "047Y", "F", "20200123"

    masked(tmp_path / "own" / "a" / "scan 1.nii.gz")
    (tmp_path / "own" / "a" / "read me.txt").write_text("no scan")
    dicom_folder(chest(), SPACING_MM, folder="own/b", edit=says)
    dicom_folder(chest(seed=1), SPACING_MM, folder="own/c", edit=says)
    made = index("folder", tmp_path / "own")
    scans = read_scans(made.path).set_index("scan_id")
    assert scans.index.tolist() == ["P001-1", "P002-1", "P002-2"]
    assert scans.loc["P002-1", ["age_years", "sex"]].tolist() == [47, "female"]
    assert scans["scan_date"].dt.strftime("%Y%m%d").tolist()[1:] == ["20200123"] * 2
    assert scans.loc["P001-1", ["age_years", "sex", "scan_date", "status"]].isna().all()
    assert scans["patient_id"].tolist() == ["P001", "P002", "P002"]
    assert [Path(path).name for path in scans["image"]] == ["scan 1.nii.gz", "b", "c"]
    key = pd.read_csv(tmp_path / "own" / "scans.key.csv", keep_default_na=False)
    assert key["patient_id_in_header"].tolist() == ["", "SECRET-ID", "SECRET-ID"]
    assert key["scan_id"].tolist() == scans.index.tolist() and "scans.key.csv says who is who" in made.notes[-1]
    assert "SECRET" not in made.path.read_text() and "Secret" not in made.path.read_text()
    assert check_scans(made.path) == []
    assert not (tmp_path / "own" / "cohort.json").exists()  # whose scans they are the parameter file says


@pytest.mark.parametrize(
    ("age", "years"), [("047Y", 47), ("006M", 0.5), ("026W", 0.5), ("", None), ("47", None), ("999Y", None)]
)
def test_an_age_as_dicom_writes_it(tmp_path, dicom_folder, chest, age, years):
    import warnings

    def says(dataset, k):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.PatientAge, dataset.PatientSex, dataset.AcquisitionDate = age, "O", ""

    dicom_folder(chest(), SPACING_MM, edit=says)
    (row,) = read_scans(index("folder", tmp_path).path).to_dict("records")
    assert (row["age_years"] == years) if years is not None else np.isnan(row["age_years"])
    assert pd.isna(row["sex"]) and pd.isna(row["scan_date"])


def test_one_patient_id_for_two_people_is_an_anonymisers(tmp_path, dicom_folder, chest):
    for name, sex in (("one", "F"), ("two", "M")):
        dicom_folder(
            chest(), SPACING_MM, folder=name, edit=lambda dataset, k, sex=sex: setattr(dataset, "PatientSex", sex)
        )
    made = index("folder", tmp_path)
    assert made.scans["patient_id"].nunique() == 2
    assert "share a PatientID" in made.notes[0]


@pytest.mark.parametrize("ids", ["numbers", "names"])
def test_ids_are_unique_and_short(tmp_path, chest, ids):
    """Whatever the names: Chinese ones, ones that differ in a blank or in capitals, trees of UIDs."""
    uid = "1.2.840.113619.2.359.3.1.20200123.101010.123456789.1"
    names = ["张伟", "李娜", "a b", "a-b", "A-B", "a-b-2", f"{uid}/{uid}/{uid}/{uid}", "scan", "-"]
    for name in names:
        (tmp_path / name).mkdir(parents=True)
        write_scan(tmp_path / name / "ct.nii.gz", chest(), SPACING_MM)
        (tmp_path / name / "ct.nii.gz").rename(tmp_path / name / "CT.NII.GZ")
    made = index("folder", tmp_path, ids=ids)
    scans = read_scans(made.path)
    assert len({scan_id.casefold() for scan_id in scans["scan_id"]}) == len(names)
    assert scans["scan_id"].str.len().max() < 70
    assert {os.path.relpath(Path(path).parent, tmp_path.resolve()) for path in scans["image"]} == set(names)
    assert check_scans(made.path, progress=False) == []
    assert (tmp_path / "scans.key.csv").exists() == (ids == "numbers")
    assert all(scan_id.startswith("P00") for scan_id in scans["scan_id"]) == (ids == "numbers")


def test_ids_are_numbers_or_names(tmp_path):
    with pytest.raises(ValueError, match="ids is 'uids'; write one of: numbers, names"):
        index("folder", tmp_path, ids="uids")


def test_what_is_no_scan_is_listed(tmp_path, masked, dicom_folder, chest):
    own = tmp_path / "own"
    masked(own / "a.nii.gz")
    for name in ("b.zip", "c.nrrd", "d.mha", "e.tar.gz"):
        (own / name).write_bytes(b"x")
    (own / "gone.nii.gz").symlink_to(tmp_path / "nowhere")
    os.mkfifo(own / "pipe.nii.gz")
    (own / "report").mkdir()

    def is_report(dataset, k):
        dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.88.67", "SR"

    def is_scout(dataset, k):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    def is_mip(dataset, k):
        dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL", "MIP"]

    dicom_folder(chest()[:1], folder="own/dose", edit=is_report)
    dicom_folder(chest()[:1], folder="own/scout", edit=is_scout)
    dicom_folder(chest(), folder="own/mip", edit=is_mip)
    (own / "broken").mkdir()
    (own / "broken" / "1.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    made = index("folder", own)
    assert [Path(path).name for path in made.scans["image"]] == ["a.nii.gz"]
    reasons = {name: reason for name, reason in made.left_out}
    assert {name: reasons[name].split()[-1] for name in ("b.zip", "e.tar.gz", "c.nrrd", "d.mha")} == {
        "b.zip": "it", "e.tar.gz": "it", "c.nrrd": "HU", "d.mha": "HU",
    }  # fmt: skip
    assert "not here" in reasons["gone.nii.gz"] and "pipe" in reasons["pipe.nii.gz"]
    assert "dose reports" in reasons["dose"] and "damaged" in reasons["broken"]
    assert "localizer" in reasons["scout"] and "MIP" in reasons["mip"]
    assert len(reasons) == 10


def test_a_report_or_dicomdir_beside_the_sections_is_not_taken_for_them(tmp_path, dicom_folder, chest):
    def is_report(dataset, k):
        dataset.SOPClassUID, dataset.Modality, dataset.PatientSex = "1.2.840.10008.5.1.4.1.1.88.67", "SR", "M"

    dicom_folder(chest(), folder="s", edit=lambda dataset, k: setattr(dataset, "PatientSex", "F"))
    dicom_folder(chest()[:1], folder="s", edit=is_report, name_of="AA{}".format)
    shutil.copy(tmp_path / "s" / "AA0", tmp_path / "s" / "DICOMDIR")
    made = index("folder", tmp_path)
    assert made.scans["sex"].tolist() == ["female"] and not made.left_out


def test_a_series_without_preambles_is_found(tmp_path, dicom_folder, chest):
    folder = dicom_folder(chest(), folder="s")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    assert index("folder", tmp_path).scans["image"].tolist() == [str(folder.resolve())]


def test_folders_that_are_linked_are_searched_once(tmp_path, masked):
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    masked(own / "a" / "1.nii.gz")
    masked(elsewhere / "2.nii.gz")
    (own / "b").symlink_to(elsewhere)
    (own / "again").symlink_to(own / "a")
    (own / "a" / "up").symlink_to(own)
    (own / "z").symlink_to(elsewhere)
    (own / "top").symlink_to("/")
    (own / "c.nii.gz").symlink_to(elsewhere / "2.nii.gz")
    made = index("folder", own)
    assert [os.path.relpath(path, own.resolve()) for path in made.scans["image"]] == [
        "a/1.nii.gz",
        "b/2.nii.gz",
        "c.nii.gz",
    ]
    assert sorted(name for name, _ in made.left_out) == ["a/up", "again", "top", "z"]


def exam(uid="1.2.3", kernel="B31f", thickness="5", date="20200123", **more):
    def edit(dataset, k):
        dataset.StudyInstanceUID, dataset.ConvolutionKernel, dataset.SliceThickness = uid, kernel, thickness
        dataset.StudyDate, dataset.PatientSex = date, "F"
        for name, said in more.items():
            setattr(dataset, name, said)

    return edit


def test_an_exam_gives_one_scan_soft_and_thick(tmp_path, dicom_folder, chest):
    """Two series of one exam would be two consecutive scans, no day apart."""
    series = {
        "1-thin-soft": exam(thickness="1"),
        "2-thick-soft": exam(kernel="Br40d"),
        "3-thick-lung": exam(kernel="B70f", thickness="10"),
        "4-mip": exam(thickness="20", ImageType=["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 MIP", "MIP"]),
        "5-later": exam("1.2.4", "LUNG", "1", "20200130"),
    }
    for name, edit in series.items():
        dicom_folder(chest(), folder=name, edit=edit)
    made = index("folder", tmp_path)
    assert [Path(path).name for path in made.scans["image"]] == ["2-thick-soft", "5-later"]
    assert made.scans["patient_id"].tolist() == ["P001", "P001"]
    pairs = consecutive_pairs(read_scans(made.path))
    assert pairs["days"].tolist() == [7]
    assert sorted(name for name, _ in made.left_out) == ["1-thin-soft", "3-thick-lung", "4-mip"]
    assert dict(made.left_out)["1-thin-soft"] == SAME_EXAM


@pytest.mark.parametrize(
    ("kernel", "soft"),
    [("B31f", 0), ("B70f", 2), ("Br40d\\3", 0), ("Bl57d", 2), ("I31f", 0), ("FC08", 0), ("FC51", 2), ("FC86", 2),
     ("STANDARD", 0), ("SOFT", 0), ("LUNG", 2), ("BONEPLUS", 2), ("B", 0), ("L", 2), ("YA", 2), ("B_SHARP_C", 2),
     ("B_SOFT_B", 0), ("", 1), ("X9", 1)],
)  # fmt: skip
def test_kernels_by_their_makers_names(kernel, soft):
    assert softness(kernel) == soft


def test_one_patient_id_for_all_makes_no_single_patient(tmp_path, dicom_folder, chest):
    for n in range(3):
        dicom_folder(chest(), folder=f"s{n}")
    made = index("folder", tmp_path)
    assert made.scans["patient_id"].tolist() == ["P001", "P002", "P003"]
    assert "all 3 series have the same PatientID" in made.notes[0] and "one patient_id" in made.notes[0]


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
