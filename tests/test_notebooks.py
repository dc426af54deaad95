"""The study as users run it: the smoke run from end to end, then what they do with it."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.identities import Hospital, dates_in_words, found, texts
from helpers.project import ROOT, ran, study
from helpers.typeset import document, faults, pdflatex
from study.measures import shards
from study.run import Run
from study.scans import cohort
from study.scans.ct import read_scan, write_scan


@pytest.fixture(scope="module")
def smoke(project_for_module):
    """A project's folder in which the smoke run was made."""
    code, printed = study(project_for_module, "run", "smoke")
    assert code == 0, printed
    assert len(ran(printed)) == 7, printed
    return project_for_module


@pytest.fixture(scope="module")
def own_scans(smoke):
    """A hospital with scans of four severe and four non-severe patients, two bad files among them, full of markers."""
    scans = pd.read_csv(smoke / "runs" / "smoke" / "cohort" / "scans.csv")
    scans = scans[scans["age_years"] >= 18]
    chosen = pd.concat(
        [group[group["patient_id"].isin(group["patient_id"].unique()[:4])] for _, group in scans.groupby("status")]
    )
    hospital = Hospital(smoke)
    hospital.fill(chosen, smoke / "runs" / "smoke" / "cohort")
    truncated, empty = (hospital.folder / pd.read_csv(hospital.table)["image"].iloc[k] for k in (0, -1))
    truncated.write_bytes(truncated.read_bytes()[:-2000])
    scan = read_scan(empty)
    write_scan(empty, np.where(scan.hu < -300, 40, scan.hu).astype(np.int16), scan.spacing_mm)
    return hospital


def test_every_table_and_figure_is_there(smoke):
    figures = smoke / "figures" / "smoke"
    for number in range(1, 5):
        for suffix in ("csv", "md", "tex", "docx"):
            assert (figures / f"Table_{number}.{suffix}").stat().st_size > 0
    for number in range(1, 7):
        for suffix in ("png", "pdf"):
            assert (figures / f"Figure_{number}.{suffix}").stat().st_size > 0
    for page in (
        "claims.html",
        "index.html",
        *(f"notebooks/{path.stem}.html" for path in smoke.glob("notebooks/*.ipynb")),
    ):
        assert 'src="http' not in (figures / page).read_text()
    assert "\\severityAucPoi}" in (figures / "numbers.tex").read_text()


def test_every_table_and_the_manuscript_are_set_by_latex(smoke, tmp_path):
    figures = smoke / "figures" / "smoke"
    made = sorted(figures.glob("Table_*.tex"))
    assert len(made) > 20 and not faults(pdflatex(tmp_path, document(made), "tables"))
    for figure in figures.glob("Figure_*.png"):
        said = "Synthetic data" + ", but the experts' masks are real" * (figure.stem == "Figure_S13_lesions")
        assert (figures / f"{figure.stem}.caption.md").read_text().endswith(f"{said}.\n")
    paper = (ROOT / "docs" / "manuscript" / "manuscript.tex").read_text()
    assert not faults(pdflatex(tmp_path, f"\\def\\run{{{figures.as_posix()}}}\n{paper}"))


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_prose_holds_of_any_run(path):
    """What only the demo has, its synthetic cohort and the scans with two observers, is said of it or under an if."""
    prose = "\n\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    for sentence in re.split(r"(?<=[.:?;])\s+|\n\n", prose):
        if re.search(r"synthetic\s+cohort|30\s+scans|(with|and) two\s+observers|phantoms the truth", sentence):
            assert re.search(r"\b(if|where|paper|demo)\b", sentence, re.IGNORECASE), sentence


def test_a_synthetic_claim_about_patients_is_never_called_reproduced(smoke):
    claims = pd.read_csv(smoke / "figures" / "smoke" / "claims.csv")
    assert len(claims) > 80
    assert not (claims["verdict"] == "reproduced").any()


def test_every_notebook_records_values_that_are_numbers_or_dates(smoke):
    files = sorted((smoke / "runs" / "smoke" / "values").glob("*.json"))
    assert len(files) >= 6
    for path in files:
        recorded = json.loads(path.read_text())
        assert recorded["tier"] == "synthetic"
        assert len({row["name"] for row in recorded["values"]}) == len(recorded["values"]) > 0


def test_provenance_says_where_the_numbers_come_from(smoke):
    text = (smoke / "runs" / "smoke" / "provenance.json").read_text()
    provenance = json.loads(text)
    assert provenance["tier"] == "synthetic"
    assert provenance["parameters"]["1-cohort"]["n_patients"] == 18
    assert provenance["packages"]["torch"].startswith("2.")
    assert {timing["notebook"] for timing in provenance["timings"]} == set(provenance["parameters"])
    assert all(len(digest) == 64 for digest in provenance["inputs_sha256"].values())
    assert str(smoke) not in text


def test_the_run_reports_itself(smoke):
    figures = smoke / "figures" / "smoke"
    # Funding, interests and the address of the code.
    unanswered = {"claim_2024": ["43", "44"], "tripod_ai": ["18a", "18b", "18f"], "stard_ai": ["38", "39", "40a"]}
    for name, missing in unanswered.items():
        answers = pd.read_csv(figures / f"checklist_{name}.csv", dtype=str)
        assert set(answers["status"]) == {"answered", "not applicable", "missing"}, answers["answer"].to_string()
        assert answers.loc[answers["status"] == "missing", "item"].tolist() == missing
        assert not answers["answer"].str.contains("Not in this run").any()
    assert "missing" not in (figures / "model_card.md").read_text()


def test_the_crate_holds_what_the_run_made_and_what_its_documents_point_to(smoke):
    with zipfile.ZipFile(smoke / "figures" / "smoke" / "smoke.crate.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, content in files.items() if str(smoke).encode() in content]
    graph = {entity["@id"]: entity for entity in json.loads(files["ro-crate-metadata.json"])["@graph"]}
    made = [file["@id"] for name in ("5-severity", "6-progression") for file in graph[f"#execution-{name}"]["result"]]
    assert {*(f"figures/smoke/Table_{n}.csv" for n in (2, 3, 4)), "figures/smoke/Figure_4.pdf"} <= set(made)
    for name in ("checklist_claim_2024", "checklist_tripod_ai", "checklist_stard_ai", "data_sheet", "model_card"):
        links = re.findall(r'href="([^"#?]+)', files[f"figures/smoke/{name}.html"].decode())
        assert {os.path.normpath(f"figures/smoke/{link}") for link in links} <= set(files)


def test_what_a_codechecker_compares_is_there(smoke):
    manifest = yaml.safe_load((smoke / "codecheck.yml").read_text())["manifest"]
    made = [smoke / entry["file"].replace("figures/demo", "figures/smoke") for entry in manifest]
    assert made and [path.name for path in made if not path.is_file()] == []


def test_nothing_changed_nothing_runs_nor_after_a_prose_edit(smoke):
    code, printed = study(smoke, "run", "smoke")
    assert (code, ran(printed)) == (0, [])
    path = smoke / "notebooks" / "5-severity.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[0].source += "\nOne more sentence."
    nbformat.write(notebook, path)
    code, printed = study(smoke, "run", "smoke")
    assert (code, ran(printed)) == (0, [])
    with zipfile.ZipFile(smoke / "figures" / "smoke" / "smoke.crate.zip") as archive:  # it is on the page and in both
        for name in ("notebooks", "runs/smoke/notebooks", "figures/smoke/notebooks"):
            ending = "html" if name.startswith("figures") else "ipynb"
            assert b"One more sentence." in archive.read(f"{name}/5-severity.{ending}"), name


def test_a_changed_line_of_a_measure_runs_what_uses_it_and_not_what_would_read_the_same(smoke):
    path = smoke / "study" / "statistics" / "kappa.py"
    line = "    return credits[weights]"
    assert line in path.read_text()
    path.write_text(path.read_text().replace(line, f"    assert weights\n{line}"))
    code, printed = study(smoke, "run", "smoke")
    assert (code, ran(printed)) == (0, ["6-progression"])


def test_shards_give_the_same_label_maps_and_tables(smoke):
    masks = smoke / "runs" / "smoke" / "masks"
    before = {path.name: path.read_bytes() for path in masks.glob("*.nii.gz")}
    for path in [*masks.glob("*.nii.gz"), *masks.glob("*.json")]:
        path.unlink()
    for shard in (0, 1):
        code, printed = study(smoke, "execute", "3-segment", "smoke", "--shard", shard, "--n-shards", 2)
        assert code == 0, printed
    assert {path.name: path.read_bytes() for path in masks.glob("*.nii.gz")} == before
    run = Run("smoke", smoke)
    scans = cohort.read_included(run.cohort)
    for one, other in zip(*(shards.join(run.shards, n_shards, scans) for n_shards in (1, 2)), strict=True):
        pd.testing.assert_frame_equal(one, other)


@pytest.fixture(scope="module")
def mine(smoke, own_scans):
    """The run of the hospital."""
    scans = own_scans.table.relative_to(smoke)
    for name, text in {
        "mine.yaml": f"scans: {scans}\ntier: restricted\nsource: a hospital\nmodels: runs/smoke/models\n"
        "n_lesion_scans: 4\nseverity:\n  n_bootstrap: 100\n",
        "mine.statements.yaml": "ethics: {says: Approved.}\n",
    }.items():
        comment = f"# asked by {own_scans.marker(f'comment in {name}')}\n"
        (smoke / "parameters" / name).write_text(comment + text)
    code, printed = study(smoke, "run", "mine")
    assert code == 0 and "left out, as they cannot be measured: " in printed, printed
    return Run("mine", smoke)


def test_an_authors_own_scans_go_through_and_bad_ones_are_listed(smoke, own_scans, mine):
    exclusions = pd.read_csv(mine.exclusions_csv)
    scans = pd.read_csv(own_scans.table)
    measured = pd.read_csv(mine.biomarkers_csv)
    bad = {scans["scan_id"].iloc[0], scans["scan_id"].iloc[-1]}
    assert set(exclusions["scan_id"]) == bad
    assert exclusions["remedy"].str.len().min() > 10
    assert set(measured["scan_id"]) == set(scans["scan_id"]) - bad
    assert json.loads((mine.values / "5-severity.json").read_text())["tier"] == "restricted"
    assert not mine.recorded("1-cohort").index.str.contains("phantom").any()
    assert not list(mine.figures.glob("Figure_S1[13]_*"))  # pictures of phantoms
    # The same scan measured in either run gives the same numbers.
    first = pd.read_csv(smoke / "runs" / "smoke" / "biomarkers.csv").set_index("scan_id").rename(own_scans.ids)
    pd.testing.assert_series_equal(measured.set_index("scan_id")["poi"], first.loc[measured["scan_id"], "poi"])


def test_the_manuscript_of_an_authors_scans_is_set_by_latex(mine, tmp_path):
    paper = (ROOT / "docs" / "manuscript" / "manuscript.tex").read_text()
    assert not faults(pdflatex(tmp_path, f"\\def\\run{{{mine.figures.as_posix()}}}\n{paper}"))


def test_nothing_that_identifies_a_patient_is_in_what_is_handed_on(own_scans, mine):
    """Markers in DICOM, NIfTI, names of files and folders, the table, reports, parameters and statements; and dates."""
    kinds = {where.split(" ")[0] for where in own_scans.words.values()}
    assert len(own_scans.words) >= 70
    assert {"DICOM", "NIfTI", "folder", "scan_id", "column", "report", "comment"} <= kinds
    dates = dates_in_words(own_scans.dates)
    hits = found(mine.figures, {*own_scans.words, *dates})
    assert not {(own_scans.words.get(word, word), name) for word, name in hits}
    archive = zipfile.ZipFile(mine.figures / "mine.crate.zip")
    assert {"figures/mine/Figure_5.pdf", "runs/mine/provenance.json"} <= set(archive.namelist())
    # What stays says so, and holds what was searched for.
    assert "Do not hand it on" in (mine.folder / "README.md").read_text()
    stays = {own_scans.words.get(word, "date") for word, _ in found(mine.folder, {*own_scans.words, *dates})}
    assert {"scan_id", "patient_id", "name of a scan's file", "report", "date"} <= stays
    assert "name of the table" in stays and not {where for where in stays if where.startswith(("DICOM", "NIfTI"))}


def test_the_search_for_markers_finds_what_is_there(smoke, tmp_path):
    """Of synthetic patients, ids and dates are in the figures' text and metadata, in the pages and in the crate."""
    run = Run("smoke", smoke)
    scans = pd.read_csv(run.cohort / "scans.csv", parse_dates=["scan_date"])
    hits = found(run.figures, {*scans["scan_id"], *dates_in_words(scans["scan_date"])})
    in_files = {name for word, name in hits if word in set(scans["scan_id"])}
    assert {"Figure_S1_cohort.png", "Figure_S1_cohort.pdf", "notebooks/1-cohort.html"} <= in_files
    assert "smoke.crate.zip/runs/smoke/biomarkers.csv" in in_files
    assert [name for name in in_files if name.startswith("_images/")]  # the pictures of the notebooks' pages
    drawn = [text for _, text in texts("Figure_5.pdf", (run.figures / "Figure_5.pdf").read_bytes())]
    assert {name for word, name in hits if re.fullmatch(r"\d+ [A-Z][a-z]{2}", word)} >= {"Figure_5.pdf", "Figure_5.png"}
    assert re.search(r"\d+ [A-Z][a-z]{2} 2020", " ".join(drawn))
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("word/document.xml", "<t>Anna Müller</t>")
    assert {word for word, _ in found(tmp_path, {"anna", "müller", "meier"})} == {"anna", "müller"}


def test_measure_gives_json_and_a_label_map(smoke, tmp_path):
    scan = next((smoke / "runs" / "smoke" / "cohort" / "images").glob("*.nii.gz"))
    models = smoke / "runs" / "smoke" / "models"
    command = [sys.executable, "-m", "study", "measure", str(scan), "--out", str(tmp_path), "--models", str(models)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert 500 < measured["lung_volume_ml"] < 9000
    assert 0 <= measured["poi"] <= 1
    label_map = tmp_path / f"{scan.name.removesuffix('.nii.gz')}_label_map.nii.gz"
    assert label_map.is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nobody"), "choose one of"),
        (("run", "../demo"), "letters, digits"),
        (("run", "smoke", "--until", "trian"), "choose one of: cohort, train,"),
        (("measure", "missing.nii.gz"), "missing.nii.gz"),
        (("site", "nobody"), "study run nobody"),
        (("check", "missing.csv"), "missing.csv"),
    ],
)
def test_a_wrong_word_gets_one_clear_message(smoke, arguments, said):
    code, printed = study(smoke, *arguments, *(["--models", "runs/smoke/models"] if arguments[0] == "measure" else []))
    assert code != 0
    assert said in printed
    assert "Traceback" not in printed


def test_without_models_measure_says_how_to_make_them(project, tmp_path):
    shutil.rmtree(project / "study" / "starter")
    code, printed = study(project, "measure", "scan.nii.gz")
    assert code != 0
    assert "make study" in printed
    assert "Traceback" not in printed


def test_check_lists_all_faults_at_once(own_scans, smoke):
    code, printed = study(smoke, "check", own_scans.table)
    scans = pd.read_csv(own_scans.table)
    assert code != 0
    assert "identify people: name, mrn, phone, address, birth_date: remove" in printed
    assert "scan_id looks like names" in printed and "patient_id looks like names" in printed
    assert scans["image"].iloc[0] in printed and "Traceback" not in printed
