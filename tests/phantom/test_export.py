"""`study phantom`: DICOM that other programs read, requests that cannot be met, and interrupted runs."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from typer.testing import CliRunner

from helpers.project import ROOT
from study.__main__ import app
from study.phantom.cohorts import make_cohort
from study.phantom.people.counts import People
from study.phantom.scanner.protocol import Geometry, Protocol
from study.phantom.scanner.series import write_series
from study.scans import checks, cohort, scan_tables
from study.scans.ct import read_mask, read_scan, write_scan

SPACING_MM = (5.0, 350 / 192, 350 / 192)
PROTOCOL = Protocol(matrix=512, increment_mm=5.0, tube_current_mas=43.2)
FACTS = dict(patient_id="P007", sex="female", age_years=8, scan_date="2020-02-03", visit=2, key="some scan")
SMALL = dict(people=People(n_patients=1), geometry=Geometry(matrix=32), label=True, workers=1)
COMMAND = [sys.executable, "-m", "study", "phantom", "--patients", "1", "--matrix", "32", "--workers", "1"]


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def hu():
    """Noise over all that a CT can hold, the same in no two voxels nearby."""
    values = np.random.default_rng(1).integers(-1024, 3072, (13, 40, 48)).astype(np.int16)
    values[0, 0, :2] = -1024, 3071
    return values


@pytest.fixture(scope="module")
def series(tmp_path_factory, hu):
    folder = tmp_path_factory.mktemp("dicom") / "P007-2"
    write_series(folder, hu, SPACING_MM, PROTOCOL, **FACTS)
    return folder


@pytest.fixture(scope="module")
def dicom_cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    return folder, make_cohort(folder, image_format="dicom", **SMALL)


# ------------------------------------------------------------------ the series


def test_a_series_is_read_as_the_nifti_file_is(series, hu, tmp_path):
    write_scan(tmp_path / "scan.nii.gz", hu, SPACING_MM)
    ours, nifti = read_scan(series), read_scan(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(ours.hu, hu)
    np.testing.assert_array_equal(nifti.hu, hu)
    np.testing.assert_allclose(ours.affine, nifti.affine, atol=1e-4)  # NIfTI keeps single precision
    assert ours.notes == nifti.notes and not list(series.parent.glob(".*"))


def test_simpleitk_sees_the_same_voxels_in_the_same_place(series, hu):
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
    image = reader.Execute()
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), hu)
    np.testing.assert_allclose(image.GetSpacing(), SPACING_MM[::-1])
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    lps = read_scan(series).affine[:3, 3] * (-1, -1, 1)
    np.testing.assert_allclose(image.GetOrigin(), lps)


def test_dcm2niix_sees_the_same_scan(series, hu, tmp_path):
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix is not installed (Debian: apt install dcm2niix)")
    subprocess.run(["dcm2niix", "-f", "scan", "-z", "n", "-o", tmp_path, series], check=True, stdout=subprocess.DEVNULL)
    converted, ours = read_scan(tmp_path / "scan.nii"), read_scan(series)
    np.testing.assert_array_equal(converted.hu, hu)
    assert converted.grid.differs_from(ours.grid) is None


def test_every_header_is_valid_and_says_that_it_is_simulated(series, monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    headers = [pydicom.dcmread(path) for path in sorted(series.iterdir())]
    for number, header in enumerate(headers, start=1):
        for element in header:
            assert element.VR and element.value is not None
        assert header.InstanceNumber == number and header.SOPClassUID.name == "CT Image Storage"
        assert header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID
        assert (header.PatientID, header.PatientSex, header.PatientAge) == ("P007", "F", "008Y")
        assert header.PatientBirthDate == "" and "Institution" not in str(header)
        assert "SIMULATED" in header.ImageComments and header.QualityControlSubject == "YES"
        assert header.StudyDate == "20200203" and header.SliceThickness == 10 and header.Exposure == 43
    assert len({header.SOPInstanceUID for header in headers}) == len(headers) == 13
    assert len({(header.SeriesInstanceUID, header.StudyInstanceUID) for header in headers}) == 1
    assert all(len(header.SOPInstanceUID) <= 64 for header in headers)
    heights = [float(header.ImagePositionPatient[2]) for header in headers]
    np.testing.assert_allclose(np.diff(heights), -5)  # the first is the most cranial


def test_the_same_scan_gives_the_same_bytes_and_another_other_uids(series, hu, tmp_path):
    write_series(tmp_path / "again", hu, SPACING_MM, PROTOCOL, **FACTS)
    assert digests(tmp_path / "again") == digests(series)
    another = FACTS | {"key": "another scan"}
    write_series(tmp_path / "again", hu[:3], SPACING_MM, PROTOCOL, **another)  # replaces what was there
    uids = [
        {pydicom.dcmread(path).SOPInstanceUID for path in folder.iterdir()} for folder in (series, tmp_path / "again")
    ]
    assert len(uids[1]) == 3 and not uids[0] & uids[1]


# ------------------------------------------------------------------ a cohort of DICOM


def test_a_cohort_of_dicom_passes_the_check_and_its_masks_fit(dicom_cohort, tmp_path):
    folder, scans = dicom_cohort
    assert checks.check_scans(folder / "scans.csv") == []
    nifti = make_cohort(tmp_path, **SMALL)
    for row, other in zip(scans.to_dict("records"), nifti.to_dict("records"), strict=True):
        scan, theirs = read_scan(folder / row["image"]), read_scan(tmp_path / other["image"])
        np.testing.assert_array_equal(scan.hu, theirs.hu)
        np.testing.assert_allclose(scan.affine, theirs.affine, atol=1e-4)
        lung = read_mask(folder / row["lung_mask"], scan)
        assert lung.sum() * scan.voxel_ml == pytest.approx(row["true_lung_volume_ml"], abs=0.01)
        assert pydicom.dcmread(next((folder / row["image"]).iterdir())).PatientID == row["patient_id"]
    truth = [name for name in scans if name.startswith("true_")]
    assert scans[truth].equals(nifti[truth])


def test_a_series_with_a_slice_lost_or_cut_short_is_made_again(dicom_cohort, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dicom_cohort[0], folder)
    whole = digests(folder)
    (folder / "images/P001-1/IM0003.dcm").unlink()
    cut = folder / "images/P001-2/IM0001.dcm"
    cut.write_bytes(cut.read_bytes()[:900])
    half = folder / "images/.4711.partial.P001-3"  # what a killed run leaves
    half.mkdir()
    (half / "IM0001.dcm").write_bytes(b"half a slice")
    made = {name: (folder / "images" / name).stat().st_mtime_ns for name in ("P001-1", "P001-2", "P001-3")}
    make_cohort(folder, image_format="dicom", **SMALL)
    assert digests(folder) == whole
    again = {name: (folder / "images" / name).stat().st_mtime_ns != when for name, when in made.items()}
    assert again == {"P001-1": True, "P001-2": True, "P001-3": False}
    make_cohort(folder, **SMALL | dict(label=False))  # now as NIfTI without lesions: nothing of the others is left
    assert sorted(path.name for path in (folder / "images").iterdir()) == [f"P001-{k}.nii.gz" for k in (1, 2, 3)]
    assert not list((folder / "lesions").iterdir()) and not (folder / "lesions.csv").exists()


# ------------------------------------------------------------------ the command


def test_the_command_makes_a_cohort_that_the_study_takes_and_keeps_calling_synthetic(tmp_path):
    out = tmp_path / "made"
    options = "--patients 1 --matrix 32 --thickness 8 --seed 3 --language english --workers 1".split()
    answer = CliRunner().invoke(app, ["phantom", *options, "--out", str(out)])
    assert answer.exit_code == 0 and "simulated scans: 3, patients: 1" in answer.stdout, answer.output
    assert CliRunner().invoke(app, ["check", str(out / "scans.csv")]).exit_code == 0
    scans = scan_tables.read_scans(out / "scans.csv")
    assert read_scan(scans["image"][0]).spacing_mm[0] == 8.0  # section follows section where nothing else is said
    adopted = cohort.adopt_scans(out / "scans.csv", tmp_path / "run", "", "", "")
    assert len(adopted) == 3 and '"tier": "synthetic"' in (tmp_path / "run" / "cohort.json").read_text()


@pytest.mark.parametrize("command", [["phantom"], ["measure", "scan.nii.gz"]])
def test_an_out_that_is_a_file_is_refused_by_name(command, tmp_path):
    (tmp_path / "notes.txt").write_text("kept")
    answer = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "notes.txt")])
    said = re.sub(r"[\s│]", "", answer.output)  # in a box, which breaks long lines
    assert answer.exit_code == 2 and "notes.txt'isafile" in said and "Traceback" not in said
    assert (tmp_path / "notes.txt").read_text() == "kept"


def test_lobes_and_lesions_are_named_on_the_images_grid(dicom_cohort):
    folder, scans = dicom_cohort
    lesions = pd.read_csv(folder / "lesions.csv")
    row = scans.sort_values("true_poi").iloc[-1]
    scan = read_scan(folder / row["image"])
    lung, infection = (read_mask(folder / row[name], scan) for name in ("lung_mask", "infection_mask"))
    stored = (nibabel.load(folder / row[name]) for name in ("lobes", "lesions"))
    lobes, numbers = (scan.grid.to_zyx(np.asarray(image.dataobj)) for image in stored)
    assert ((lobes > 0) == lung).all() and set(np.unique(lobes)) == set(range(6))
    assert ((numbers > 0) == infection).all()
    own = lesions[lesions["scan_id"] == row["scan_id"]]
    assert own["lesion"].tolist() == list(range(1, numbers.max() + 1))
    volumes = np.bincount(numbers.ravel())[1:] * scan.voxel_ml
    np.testing.assert_allclose(own["volume_ml"], volumes, atol=1e-3)
    assert own["volume_ml"].sum() == pytest.approx(row["true_infection_volume_ml"], abs=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--patients 0", "--patients 0 must be between 1 and"),
        ("--patients -3", "--patients -3 must be a whole number"),
        ("--patients 2 --severe 3", "--severe 3 must be between 0 and 2: --patients 2 means 2 adults"),
        (
            "--patients 2 --observed 3",
            "--observed 3 must be between 0 and 2, at most one for each adult: --patients 2",
        ),
        ("--thickness 0.01", "--thickness 0.01 must be between 0.6 and 20"),
        ("--thickness -5", "--thickness -5 must"),
        ("--thickness nan", "--thickness nan must"),
        ("--increment 0", "--increment 0 must be above 0 and at most 20"),
        ("--increment 500", "--increment 500 must"),
        ("--matrix 0", "--matrix 0 must be a whole number of pixels"),
        ("--matrix -512", "--matrix -512 must"),
        ("--matrix 100000", "--matrix 100000 must"),
        ("--field-of-view 0", "--field-of-view 0 must"),
        (
            "--field-of-view 50",
            "--field-of-view 50 is too narrow to contain the lungs: the chests of adults are up to 290 mm wide inside",
        ),
        ("--motion 1.5", "--motion 1.5 must be between 0 and 1"),
        ("--seed -1", "--seed -1 must be a whole number"),
        ("--workers 0", "--workers 0 must be a whole number, 1 or more"),
        ("--format tiff", "--format 'tiff' must be one of nifti, dicom"),
        ("--language latin", "--language 'latin' must be one of english, chinese, mixed"),
    ],
)
def test_an_impossible_request_is_one_clear_line(tmp_path, options, said):
    out = tmp_path / "out"
    answer = CliRunner().invoke(app, ["phantom", "--out", str(out), *options.split()])
    assert answer.exit_code == 1 and answer.stderr.startswith("study: ") and said in answer.stderr, answer.output
    assert answer.stderr.count("\n") == 1 and "Traceback" not in answer.output and " = " not in answer.stderr
    assert not out.exists()


def test_somebody_elses_table_stays(tmp_path):
    (tmp_path / "scans.csv").write_text("scan_id\nmine\n")
    answer = CliRunner().invoke(app, ["phantom", "--out", str(tmp_path), "--matrix", "32"])
    assert answer.exit_code == 1 and "not written by this program" in answer.stderr
    assert (tmp_path / "scans.csv").read_text() == "scan_id\nmine\n"


def test_making_phantoms_imports_neither_torch_nor_monai():
    modules = "study.phantom.cohorts, study.phantom.scanner.series"
    code = f"import sys, {modules}; print({{'torch', 'monai', 'matplotlib'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "set()\n"


@pytest.mark.parametrize("image_format", ["nifti", "dicom"])
def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_when_there_is_room(image_format, dicom_cohort, tmp_path):
    resource = pytest.importorskip("resource")
    out = tmp_path / "out"
    command = [*COMMAND, "--format", image_format, "--out", str(out)]

    def small_disk():  # no file may grow beyond 2 kB, which the system says as it says that the disk is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))

    stopped = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, preexec_fn=small_disk)
    assert stopped.returncode == 1 and "Traceback" not in stopped.stderr, stopped.stderr
    (line,) = [line for line in stopped.stderr.splitlines() if line.startswith("study: ")]
    assert "P001-1" in line and "repeat the command" in line
    assert not [path for path in out.rglob("*") if path.is_file()]
    if image_format == "dicom":
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        assert digests(out) == digests(dicom_cohort[0])


def test_a_killed_run_goes_on_where_it_was(dicom_cohort, tmp_path):
    out = tmp_path / "out"
    command = [*COMMAND, "--format", "dicom", "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(out.glob("recipes/*.json")):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    made = {path.stem: path.stat().st_mtime_ns for path in out.glob("recipes/*.json")}
    assert made and not (out / "scans.csv").exists()
    make_cohort(out, image_format="dicom", **SMALL)
    assert digests(out) == digests(dicom_cohort[0])
    assert all((out / "recipes" / f"{name}.json").stat().st_mtime_ns == when for name, when in made.items())
