"""Builders that tests share: small chests, scan tables, NIfTI files, DICOM series, each one a function."""

import study  # noqa: F401  before numpy, as it chooses the arithmetic

# isort: split
import functools
import os
import shutil

import numpy as np
import pytest

from helpers.project import ROOT, SHARED, copy_project
from study.fingerprint import digests
from study.scans.ct import write_scan
from tools.chromium import CHROMIUM_FLAGS, find_chromium

REAL_DATA = SHARED / "real"
os.environ.pop("CI", None)  # with it, pytest tells all differences, of two pictures' bytes for hours


# The longest first. Started last, such a file would leave the other processes without work.
LONG_FILES = (
    "test_notebooks.py", "test_biomarker_table.py", "test_training.py", "test_what_follows.py", "test_cluster.py",
    "test_lab.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Start with the files that take longest: the others run beside them."""
    order = {name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def real_data():
    """Return the folder with the real CT beside the project; skip where there is none."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"{REAL_DATA} is not here; real CTs are no part of the project")
    return REAL_DATA


@pytest.fixture(scope="session")
def chest():
    """Return a function (shape=(z, y, x), seed) -> int16 HU: air, a noisy body, two unlike lungs, a spine."""

    def make(shape=(6, 24, 28), seed=0):
        rng = np.random.default_rng(seed)
        n_z, n_y, n_x = shape
        hu = np.full(shape, -1000.0)
        hu[:, n_y // 8 : -n_y // 8, n_x // 10 : -n_x // 10] = 40
        hu[:, n_y // 4 : -n_y // 4, n_x // 6 : n_x // 2 - 2] = -850  # the patient's right
        hu[n_z // 3 :, n_y // 3 : -n_y // 4, n_x // 2 + 2 : -n_x // 6] = -800  # the left: lower lobe shorter
        hu[:, -n_y // 4 : -n_y // 6, n_x // 2 - 1 : n_x // 2 + 1] = 700  # the spine, at the back
        return np.rint(np.clip(hu + rng.normal(0, 20, shape), -1024, 3071)).astype(np.int16)

    return make


@pytest.fixture
def scan_file(tmp_path, chest):
    """Return a function that writes a small chest as NIfTI and returns the Scan (with its path)."""

    def write(name="scan.nii.gz", hu=None, spacing_mm=(20.0, 10.0, 8.0)):
        return write_scan(tmp_path / name, chest() if hu is None else hu, spacing_mm)

    return write


@pytest.fixture
def nifti_file(tmp_path):
    """Return a function that writes an array (i, j, k) as NIfTI, `edit` breaking its header."""
    import nibabel

    def write(array, affine=None, name="scan.nii.gz", edit=None, image_class=nibabel.Nifti1Image):
        affine = np.diag([-8.0, -10.0, 20.0, 1.0]) if affine is None else affine
        image = image_class(array, affine, dtype=array.dtype)
        image.set_sform(affine, 1)
        image.set_qform(affine, 1)
        nibabel.save(image, tmp_path / name)
        if edit:
            _edit_header(tmp_path / name, edit)
        return tmp_path / name

    return write


def _edit_header(path, edit):
    """Change header fields on disk; nibabel would repair some of them on writing."""
    import gzip

    import nibabel

    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rb") as file:
        content = file.read()
    header = nibabel.Nifti1Header(content[:348], check=False)
    edit(header)
    with opened(path, "wb") as file:
        file.write(header.binaryblock + content[348:])


@pytest.fixture
def dicom_folder(tmp_path):
    """Return a function that writes (z, y, x) HU as a DICOM series, one file per section; returns the folder.

    `edit(dataset, k)` may change a slice, or return False to leave it out; `name_of(k)` names the files.
    """
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    def write(hu, spacing_mm=(20.0, 10.0, 8.0), folder="series", edit=None, name_of="IM{:04d}.dcm".format):
        folder = tmp_path / folder
        folder.mkdir(exist_ok=True)
        series = generate_uid(entropy_srcs=[folder.name, name_of(0)])  # the same bytes in every run
        for k, section in enumerate(hu):
            dataset = pydicom.Dataset()
            dataset.file_meta = pydicom.dataset.FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.SOPClassUID = CTImageStorage
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[folder.name, name_of(k)])
            dataset.SeriesInstanceUID, dataset.Modality = series, "CT"
            dataset.PatientName, dataset.PatientID = "Secret^Name", "SECRET-ID"
            dataset.Rows, dataset.Columns = section.shape
            dataset.PixelSpacing = [spacing_mm[1], spacing_mm[2]]
            dataset.SliceThickness, dataset.InstanceNumber = 10, k + 1
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            dataset.ImagePositionPatient = [-100.0, -80.0, -300.0 + k * spacing_mm[0]]
            dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
            dataset.PixelRepresentation = 0
            dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
            dataset.PixelData = (section.astype(int) + 1024).astype("<u2").tobytes()
            if edit and edit(dataset, k) is False:
                continue
            dataset.save_as(folder / name_of(k), enforce_file_format=True)
        return folder

    return write


@pytest.fixture
def table_file(tmp_path):
    """Return a function that writes rows (lists of cells) under a header as CSV and returns the path."""
    import csv

    def write(header, rows, name="scans.csv", encoding="utf-8"):
        with open(tmp_path / name, "w", newline="", encoding=encoding) as file:
            csv.writer(file).writerows([header, *rows])
        return tmp_path / name

    return write


@pytest.fixture
def project(tmp_path):
    """Return a copy of the project's folder for one test."""
    return copy_project(tmp_path)


@pytest.fixture(scope="module")
def project_for_module(tmp_path_factory):
    """Return a copy of the project's folder that the tests of a module share."""
    return copy_project(tmp_path_factory.mktemp("project"))


PARSED = functools.cache(digests.Module)


@pytest.fixture
def read_once(monkeypatch):
    """Let fingerprints parse a text only once in all tests: of a project with an edit, the others are as before."""
    monkeypatch.setattr(digests, "Module", PARSED)


PAGES_OF_THE_PROJECT = ("README.md", "REPRODUCING.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


@pytest.fixture(scope="session")
def made_run(tmp_path_factory):
    """Return a run with its pages: two executed notebooks, a figure (its text: ``alt``), a table and the claims.

    Prose, outputs, the words of a report, the name of a value and the table hold hostile text.
    """
    import base64

    import nbformat
    import pandas as pd
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    from study.claims import audit, paper, verdicts
    from study.figures import plots, style, tables
    from study.files import write_json
    from study.publish import claims_page, manuscript, site
    from study.publish.forms import answers
    from study.run import Run, value

    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    for name in ("docs", "figures/preview", *PAGES_OF_THE_PROJECT):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    run = Run("trial", root)
    write_json(
        run.cohort / "cohort.json", {"tier": "public", "source": "s", "licence": "l"}
    )  # so that outputs are shown
    figure = plots.hu_threshold_curve(pd.DataFrame({"threshold_hu": [-700, 0], "dice": [0.2, 0]}))
    run.alt = figure.alt
    drawing = new_code_cell(
        "from study.figures import plots, tables\nfigure = plots.hu_threshold_curve(table)\n"
        'plots.save(figure, folder.figures, "Figure_3")\ntables.save(shown, folder.figures, "Table_2", "Words")\nfigure'
    )
    table = f"<style>td{{}}</style>{HOSTILE}<table><tr onclick='x()'><td>{HOSTILE}</td><td>&lt;b&gt;</td></tr></table>"
    drawing.outputs = [
        new_output("stream", text=HOSTILE),
        new_output("stream", name="stderr", text="progress 100 %"),
        new_output("display_data", {"text/html": table, "text/plain": "x"}),
        new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Slider()"}),
        new_output("display_data", {"image/png": base64.b64encode(figure._repr_png_()).decode(), "text/plain": "x"}),
    ]
    recording = new_code_cell('folder.record("5-severity", [value("auc_poi", auc)])')
    recording.outputs = [new_output("execute_result", {"text/plain": "cut"}, execution_count=1)]
    lead = f"Lead {HOSTILE} [bad](javascript:alert(3))"
    prose = new_markdown_cell(f"# 5. Severity\n\n> claim\n\n{lead}\n\n## Doubts\n\nText")
    failing = new_code_cell("1 / 0", outputs=[new_output("error", ename="E", evalue=HOSTILE, traceback=[])])
    folder = run.folder / "notebooks"
    folder.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[prose, drawing, recording]), folder / "5-severity.ipynb")
    nbformat.write(new_notebook(cells=[failing]), folder / "6-progression.ipynb")
    run.record("5-severity", [value("auc_of_values_poi", 0.968, n=531), value(HOSTILE, HOSTILE)])
    run.biomarkers_csv.write_text("scan_id\n")
    (run.folder / "timings").mkdir()
    (run.folder / "timings" / "5-severity.json").write_text('{"commit": "0123abc", "started": "2026", "seconds": 1}')
    style.save(figure, run.figures, "Figure_3")
    shown = pd.DataFrame({"scan_id": [HOSTILE], "n": [1]})
    tables.save(shown, run.figures, "Table_2", HOSTILE, user_text=["scan_id"])
    listed = paper.read_paper()
    compared = verdicts.compare(listed, verdicts.gather(listed.claims, run), run.tier)
    tables.save_csv(compared, run.figures / "claims.csv")
    checks = audit.audit(listed)
    tables.save_csv(audit.findings(checks), run.figures / "audit.csv")
    claims_page.write(run, "claims.html", compared, audit.findings(checks), audit.remarks(checks))
    manuscript.write(run)
    answers.write(run)
    site.write(run)
    return run


@pytest.fixture(scope="module")
def chromium():
    """Headless Chromium, a Playwright ``Browser``, which makes no network request of its own."""
    found = find_chromium()
    if not found:
        pytest.skip("Chromium is not here; on Debian and Ubuntu `apt-get install chromium` brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
