"""Citation of paper and software: codecheck.yml against what the notebooks make, CITATION.cff against its schema."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from helpers.project import ROOT, saved_by_the_notebooks
from study.claims.paper import read_paper

CODECHECK = yaml.safe_load((ROOT / "codecheck.yml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PAPER = CITATION["references"][0]


def test_the_manifest_lists_what_the_notebooks_make_and_nothing_else():
    listed = {Path(entry["file"]).stem: entry["comment"] for entry in CODECHECK["manifest"]}
    made = {name: notebook for name, notebook in saved_by_the_notebooks().items() if not name.startswith("Figure_E")}
    assert len(listed) == len(CODECHECK["manifest"])
    assert set(made) - set(listed) == set(), "made by a notebook and not in codecheck.yml"
    assert set(listed) - set(made) == set(), "in codecheck.yml and made by no notebook"
    for name, comment in listed.items():
        assert comment.endswith(f"notebook {made[name][0]}"), name
    for entry in CODECHECK["manifest"]:
        assert re.fullmatch(r"figures/demo/[A-Za-z0-9_]+\.(csv|png)", entry["file"])
        assert entry["file"].endswith(".png") == ("Figure" in entry["file"])


def test_codecheck_has_what_the_authors_side_of_the_specification_asks_for():
    assert (ROOT / "codecheck.yml").read_text(encoding="utf-8").startswith("---\n")
    assert CODECHECK["version"] == "https://codecheck.org.uk/spec/config/1.0/"
    assert set(CODECHECK) == {"version", "paper", "manifest"}  # the rest is the codechecker's
    assert CODECHECK["paper"]["title"] == PAPER["title"]
    names = [f"{author['given-names']} {author['family-names']}" for author in PAPER["authors"]]
    assert [author["name"] for author in CODECHECK["paper"]["authors"]] == names
    assert CODECHECK["paper"]["reference"] == f"https://doi.org/{PAPER['identifiers'][0]['value']}"


def test_the_paper_cited_is_the_one_whose_claims_are_compared():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert PAPER["identifiers"][0]["value"] in readme
    assert f"{PAPER['year']};{PAPER['volume']}:{PAPER['start']}-{PAPER['end']}" in readme
    assert "Li" in read_paper().name


def test_the_citation_is_of_this_version_and_licence():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (str(CITATION["version"]), CITATION["license"]) == (project["version"], project["license"])
    assert re.search(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == project["version"]
    assert CITATION["title"] == project["description"]
    for key in ("cff-version", "message", "authors", "abstract", "type", "references"):
        assert CITATION[key]
    assert "preferred-citation" not in CITATION  # it would take the software's place


def test_the_citation_follows_the_schema():
    validator = ROOT / ".venv" / "validators" / "bin" / "cffconvert"
    if not validator.is_file():
        pytest.skip("cffconvert is not installed; `make .venv/validators/ready` does it")
    done = subprocess.run([validator, "--validate", "-i", ROOT / "CITATION.cff"], capture_output=True, text=True)
    assert done.returncode == 0 and "valid according to schema version 1.2.0" in done.stdout + done.stderr
