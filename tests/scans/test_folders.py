"""`study index folder` on folders of one's own: which files are scans, of whom, and what is left out."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.scans.checks import check_scans
from study.scans.cohort import consecutive_pairs
from study.scans.ct import write_scan
from study.scans.datasets import index
from study.scans.folders import SAME_EXAM, softness
from study.scans.scan_tables import read_scans

SPACING_MM = (10.0, 3.0, 3.0)


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
    for k, name in enumerate(names):
        (tmp_path / name).mkdir(parents=True)
        write_scan(tmp_path / name / "ct.nii.gz", chest(seed=k), SPACING_MM)
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


MASKS = ("a_mask.nii.gz", "Lung-Seg.nii", "P009-1_lungmask.nii.gz", "lesionseg.nii.gz")


def test_what_is_no_scan_is_listed(tmp_path, masked, dicom_folder, chest):
    own = tmp_path / "own"
    masked(own / "a.nii.gz")
    for name in ("b.zip", "c.nrrd", "d.mha", "e.tar.gz"):
        (own / name).write_bytes(b"x")
    for name in (*MASKS, "maskedball.nii.gz"):  # the last is no mask's name
        masked(own / name)
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
    assert [Path(path).name for path in made.scans["image"]] == ["a.nii.gz", "maskedball.nii.gz"]
    reasons = {name: reason for name, reason in made.left_out}
    assert {name: reasons[name].split()[-1] for name in ("b.zip", "e.tar.gz", "c.nrrd", "d.mha")} == {
        "b.zip": "it", "e.tar.gz": "it", "c.nrrd": "HU", "d.mha": "HU",
    }  # fmt: skip
    assert "not here" in reasons["gone.nii.gz"] and "pipe" in reasons["pipe.nii.gz"]
    assert "dose reports" in reasons["dose"] and "damaged" in reasons["broken"]
    assert "localizer" in reasons["scout"] and "MIP" in reasons["mip"]
    assert all("it is a mask" in reasons[name] for name in MASKS)
    assert len(reasons) == 10 + len(MASKS)


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
