"""The crate of a run: it describes its content, contains nothing of a patient or a machine, and is valid."""

import hashlib
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import nbformat
import pytest

from helpers.project import ROOT
from study import provenance, workflow
from study.files import sha256, write_json, write_text
from study.networks import card_words, models
from study.networks.card_words import TASKS
from study.publish import crate, document, manuscript
from study.run import Run, value

VALIDATORS = ROOT / ".venv" / "validators"
PATIENT = "Secret-Patient-7"


def make_run(project, tier):
    """A run as if its notebooks had been executed: recipes, timings, values, tables and figures."""
    absolute = "/somewhere/private/scans.csv"
    write_text(project / "parameters" / "made.yaml", "severity:\n  n_bootstrap: 321\n")
    run = Run("made", project)
    parameters = workflow.plan(run)
    parameters["1-cohort"]["scans"] = "" if tier == "synthetic" else absolute
    tables = (
        "cohort/scans.csv",
        "cohort/included.csv",
        "training/scans.csv",
        "biomarkers.csv",
        "truth.csv",
        "exclusions.csv",
    )
    for table in tables:
        write_text(run.folder / table, f"scan_id,patient_id\na,{PATIENT}\n")
    about = {"tier": tier, "source": "s", "licence": "CC0-1.0", "seed": 1}
    write_json(run.cohort / "cohort.json", about | {"digest": sha256(run.cohort / "scans.csv")})
    for n, notebook in enumerate(workflow.NOTEBOOKS):
        timing = {
            "notebook": notebook,
            "shard": 0,
            "n_shards": 1,
            "started": f"2026-01-02T03:0{n}:00Z",
            "seconds": 30.4,
        }
        write_json(run.folder / "timings" / f"{notebook}.json", timing | {"commit": "c0ffee"})
        printed = (("stdout", PATIENT), ("stderr", f"{project}/.venv/x.py: a warning"))
        outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in printed]
        executed = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"open('{project}/x')", outputs=outputs)])
        executed.metadata.papermill = {"output_path": f"{project}/x.ipynb"}
        write_text(run.folder / "notebooks" / f"{notebook}.ipynb", nbformat.writes(executed))
        write_text(run.figures / "notebooks" / f"{notebook}.html", PATIENT)
        run.record(notebook, [value("x", 1)])
    write_text(run.masks / f"{PATIENT}.nii.gz", "voxels")
    for task in TASKS:
        table = sha256(run.training / "scans.csv")
        card = {"settings": {}, "data": {"training_table_sha256": table, "simulated": tier == "synthetic"}}
        write_json(run.models / f"{task}.json", card)
        for suffix in (*models.SUFFIXES, "checkpoint.safetensors"):
            write_text(run.models / f"{task}.{suffix}", f"{PATIENT if tier == 'restricted' else ''} {task} {suffix}")
    for name in ("Table_2.csv", "Table_2.md", "Figure_4.png"):
        write_text(run.figures / name, f"of {name}")
    names = ("index.html", "notebooks/1-cohort.html#cell-a", "Table_2.md", "Table_S13_unknown_wordings.csv")
    checklist = "; ".join(document.link(name, run.figures / name, run) for name in names)
    document.write(run, "checklist_x", "# A checklist\n", f"{checklist}; [web](https://example.org); [up](#a)\n")
    links = "; ".join(f'<a class="x" href="{name}">{name}</a>' for name in (*names, "https://example.org", "#a"))
    write_text(run.figures / "claims.html", f'<header><a href="index.html">all</a></header>{links}')
    write_text(run.figures / "index.html", f"what came out, {PATIENT if tier == 'synthetic' else ''}")
    write_text(run.figures / "search.html", f"all that the notebooks print, {PATIENT}")
    write_text(run.figures / "Table_S13_unknown_wordings.csv", f"improved,{PATIENT} is better")
    provenance.write(run, parameters)
    return run


@pytest.fixture(scope="module", params=["synthetic", "restricted"])
def made(request, tmp_path_factory):
    """(run, the files of its crate, its entities by id)."""
    import shutil

    project = tmp_path_factory.mktemp(request.param)
    for name in crate.CODE:
        for path in ROOT.glob(name):
            target = project / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    run = make_run(project, request.param)
    with zipfile.ZipFile(crate.write(run)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    graph = json.loads(files["ro-crate-metadata.json"])["@graph"]
    assert len({entity["@id"] for entity in graph}) == len(graph)
    return run, files, {entity["@id"]: entity for entity in graph}


def listed(content):
    return content if isinstance(content, list) else [content]


def ids(entity, key):
    return [item["@id"] for item in listed(entity.get(key, []))]


def test_every_file_is_described_with_its_digest_and_size(made):
    _, files, entities = made
    described = {name: e for name, e in entities.items() if "File" in listed(e["@type"])}
    assert set(described) == set(files) - {"ro-crate-metadata.json"}
    assert set(ids(entities["./"], "hasPart")) == set(described)
    for name, entity in described.items():
        assert entity["sha256"] == hashlib.sha256(files[name]).hexdigest(), name
        assert entity["contentSize"] == str(len(files[name]))


def test_every_reference_leads_to_an_entity(made):
    _, _, entities = made
    for entity in entities.values():
        for key, content in entity.items():
            for item in listed(content):
                if isinstance(item, dict) and key != "conformsTo":
                    assert item["@id"] in entities or item["@id"].startswith("https://"), (entity["@id"], key)


def test_each_notebook_is_a_step_with_its_execution(made):
    run, _, entities = made
    workflow_entity = entities["Snakefile"]
    assert entities["./"]["mainEntity"] == {"@id": "Snakefile"}
    assert ids(workflow_entity, "hasPart") == [f"notebooks/{name}.ipynb" for name in workflow.NOTEBOOKS]
    assert [entities[step]["position"] for step in ids(workflow_entity, "step")] == list("1234567")
    severity = entities["#execution-5-severity"]
    assert severity["instrument"] == {"@id": "notebooks/5-severity.ipynb"}
    assert (severity["startTime"], severity["endTime"]) == ("2026-01-02T03:04:00+00:00", "2026-01-02T03:04:30+00:00")
    assert entities["#value-5-severity-n_bootstrap"]["value"] == "321"
    assert {"figures/made/Table_2.csv", "figures/made/Figure_4.png", "runs/made/values/5-severity.json"} <= set(
        ids(severity, "result")
    )
    assert "figures/made/claims.html" in ids(entities["#execution-7-claims"], "result")
    assert (entities["#run"]["startTime"], entities["#run"]["endTime"]) == (
        "2026-01-02T03:00:00+00:00", "2026-01-02T03:06:30+00:00",
    )  # fmt: skip
    profiles = {name.rsplit("/", 2)[1] for name in ids(entities["./"], "conformsTo")}
    assert {"process", "workflow", "provenance", "workflow-ro-crate"} == profiles
    numpy = next(e for e in entities.values() if e.get("name") == "numpy")
    assert numpy["softwareVersion"] == json.loads((run.folder / "provenance.json").read_text())["packages"]["numpy"]
    assert [entities[author]["@type"] for author in ids(entities["./"], "author")] == ["Organization"]


def test_nothing_of_a_patient_or_a_machine_is_in_it(made):
    run, files, entities = made
    of_scans = {f"runs/made/{name}" for name in ("cohort/scans.csv", "biomarkers.csv", "notebooks/5-severity.ipynb")}
    assert not [name for name in files if name.endswith(".nii.gz") or ".checkpoint." in name]
    assert not [
        name for name, content in files.items() if str(run.root).encode() in content or b"/somewhere" in content
    ]
    if run.tier == "synthetic":
        assert of_scans | {"figures/made/search.html"} <= set(files)
        assert "synthetic" in entities["./"]["description"]
        cell = json.loads(files["runs/made/notebooks/5-severity.ipynb"])["cells"][0]
        assert [output["text"] for output in cell["outputs"]] == [PATIENT] and cell["source"] == "open('./x')"
        return
    assert not [name for name, content in files.items() if PATIENT.encode() in content or PATIENT in name]
    digest = hashlib.sha256((run.cohort / "scans.csv").read_bytes()).hexdigest()
    known = [e for e in entities.values() if e.get("sha256") == digest]
    assert [e["@type"] for e in known] == ["CreativeWork"]
    assert known[0]["@id"] in ids(entities["#execution-3-segment"], "object")


def test_networks_are_in_it_unless_their_weights_can_give_away_a_patient(made):
    run, files, entities = made
    cards = {f"runs/made/models/{task}.json" for task in TASKS}
    whole = cards | {f"runs/made/models/{task}.{suffix}" for task in TASKS for suffix in models.SUFFIXES}
    expected = whole if run.tier == "synthetic" else cards
    assert {name for name in files if "/models/" in name} == expected
    assert expected <= set(ids(entities["#execution-2-train"], "result"))
    said = card_words.in_crate(card_words.read(run.models)["lung"])
    assert ("the weights" in said) == (run.tier == "synthetic")
    if run.tier == "synthetic":
        assert entities["runs/made/models/lung.safetensors"]["encodingFormat"] == "application/octet-stream"


@pytest.mark.parametrize(("card", "phantoms"), [
    ({"data": {"simulated": True}}, True),
    ({"data": {"simulated": False}}, False),
    ({"data": {}}, False),  # a card from before it said so
    ({"data": {"simulated": True}, "settings": {"encoder_weights": "resnet34.safetensors"}}, False),
    ({"data": {"simulated": True}, "started_from": {"data": {"simulated": True}}}, True),
    ({"data": {"simulated": True}, "started_from": {"data": {"simulated": False}}}, False),
])  # fmt: skip
def test_phantoms_alone_are_behind_a_network_as_far_back_as_its_card_leads(card, phantoms):
    assert card_words.of_phantoms(card) == phantoms


def test_outputs_that_jupyterlab_saved_in_a_notebook_are_not_in_it(made):
    run, files, _ = made
    path = run.root / "notebooks" / "5-severity.ipynb"
    before = path.read_bytes()
    assert files["notebooks/5-severity.ipynb"] == before
    notebook = json.loads(before)
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": PATIENT}], "execution_count": 3}
    write_json(path, notebook)
    with zipfile.ZipFile(crate.write(run)) as archive:
        assert json.loads(archive.read("notebooks/5-severity.ipynb")) == json.loads(before)
    path.write_bytes(before)


def test_no_link_leads_out_of_it(made):
    run, files, _ = made
    links = {".md": r"\]\(<?([^)>\s]*)>?\)", ".html": r"(?:href|src)=\"([^\"]*)\""}
    found = set()
    for name, content in files.items():
        if name.startswith("study/"):  # as the project has them
            assert content == (ROOT / name).read_bytes()
            continue
        for target in re.findall(links.get(Path(name).suffix, "(?!)"), content.decode("utf-8", "ignore")):
            if not target.startswith(("https:", "#")):
                found.add(os.path.normpath(Path(name).parent / target.partition("#")[0]))
    assert found <= set(files)
    assert {"figures/made/Table_2.md", "figures/preview/Figure_4.png"} <= found
    assert {"study/publish/claims/claims.html", "study/publish/pages/theme/sidebar.html"} <= set(files)
    page = files["figures/made/claims.html"].decode()
    assert ("<header>" in page) == (run.tier == "synthetic")  # where all pages are, so is what leads to them
    assert 'href="https://example.org"' in page and 'href="#a"' in page
    assert "cell-a" in page and "Table_S13_unknown_wordings.csv" in page and "index.html" in page
    for address in ("notebooks/1-cohort.html#cell-a", "Table_S13_unknown_wordings.csv"):
        assert (f'href="{address}"' in page) == (run.tier == "synthetic")


def test_a_parameters_file_with_an_absolute_path_stays_at_home(made):
    run, _, _ = made
    parameters = run.root / "parameters" / "made.yaml"
    if run.tier == "restricted":  # comments and paths may name people
        assert not [name for name in crate.list_files(run) if name.startswith("parameters/made")]
        return
    assert "parameters/made.yaml" in crate.list_files(run)
    text = parameters.read_text()
    parameters.write_text("cohort:\n  scans: /home/somebody/scans.csv\n")
    assert "parameters/made.yaml" not in crate.list_files(run)
    parameters.write_text(text)


def test_it_is_written_again_only_when_something_changed(made):
    run, _, _ = made
    path = crate.write(run)
    first, when = path.read_bytes(), path.stat().st_mtime_ns
    assert crate.write(run).stat().st_mtime_ns == when
    path.write_bytes(first[:1000])
    assert crate.write(run).read_bytes() == first
    write_text(run.figures / "Table_2.csv", "changed")
    with zipfile.ZipFile(crate.write(run)) as archive:
        assert archive.read("figures/made/Table_2.csv") == b"changed"
        assert archive.testzip() is None
    write_text(run.figures / "Table_2.csv", "of Table_2.csv")
    assert crate.write(run).read_bytes() == first
    assert not [p for p in run.figures.iterdir() if p.name.startswith(".")]


def test_the_validator_accepts_it_and_refuses_a_broken_one(made, tmp_path):
    if not (VALIDATORS / "ready").is_file():
        pytest.skip("the validator of RO-Crates is not installed; `make .venv/validators/ready` does it")
    run, files, _ = made
    metadata = json.loads(files["ro-crate-metadata.json"])
    for entity in metadata["@graph"]:
        entity.pop("workExample", None) if entity["@id"] == "#step-2-train" else None
    with zipfile.ZipFile(tmp_path / "broken.zip", "w") as archive:
        for name, content in (files | {"ro-crate-metadata.json": json.dumps(metadata).encode()}).items():
            archive.writestr(name, content)
    script, context = ROOT / "tests" / "helpers" / "validate_crate.py", VALIDATORS / "context.json"
    command = [VALIDATORS / "bin" / "python", script, context, crate.write(run), tmp_path / "broken.zip"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=tmp_path)
    said = done.stdout.splitlines()
    assert done.returncode == 1 and len(said) == 1, done.stdout + done.stderr
    assert said[0].startswith("broken.zip") and "HowToStep must refer to its corresponding tool" in said[0]


def test_a_manuscript_of_earlier_numbers_is_not_in_it(made):
    run, _, _ = made
    pdf, table = run.figures / manuscript.PDF, run.figures / "Table_2.tex"
    write_text(table, "numbers")
    write_text(pdf, "of these numbers")
    for later, is_in in ((1, True), (-1, False)):
        moment = table.stat().st_mtime + later
        os.utime(pdf, (moment, moment))
        assert (f"figures/made/{manuscript.PDF}" in crate.list_files(run)) == is_in != manuscript.is_outdated(run)
    pdf.unlink()
    table.unlink()
    assert not manuscript.is_outdated(run)
