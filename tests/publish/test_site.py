"""A run's pages: what leads where, and hostile text that stays text."""

import json
import re
import shutil
from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest

from study.files import write_json
from study.publish import notebook_page, site
from study.run import Run, value


def pages(run):
    return {path.relative_to(run.figures).as_posix(): path.read_text() for path in sorted(run.figures.rglob("*.html"))}


def tags(page):
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(page)
    return found


def test_every_page_is_there_and_every_link_leads_to_something(made_run):
    written = pages(made_run)
    assert set(written) == {
        "index.html", "claims.html", "figures.html", "tables.html", "code.html", "search.html",
        "notebooks/5-severity.html", "notebooks/6-progression.html", "data_sheet.html",
        *(f"checklist_{name}.html" for name in ("claim_2024", "stard_ai", "tripod_ai")),
    }  # fmt: skip
    ids = {name: {attributes.get("id") for _, attributes in tags(page)} for name, page in written.items()}
    for name, page in written.items():
        assert not re.search(r"https?://", page), name
        for _, attributes in tags(page):
            address, _, part = (attributes.get("href") or "").partition("#")
            target = (made_run.figures / name).parent / address if address else made_run.figures / name
            assert target.is_file(), (name, address)
            if part == "harmful-link":  # what is left of a link to a script
                continue
            assert not part or part in ids[target.resolve().relative_to(made_run.figures.resolve()).as_posix()], (
                name,
                part,
            )


def test_hostile_text_stays_text_on_every_page(made_run):
    for name, page in pages(made_run).items():
        found = tags(page)
        scripts = [attributes for tag, attributes in found if tag == "script"]
        assert len(scripts) == {"search.html": 2, "claims.html": 1}.get(name, 0), name
        assert not [1 for _, attributes in found if {key for key in attributes if key.startswith("on")}], name
        assert all(a["src"].startswith(("data:image/png", "Figure_")) for tag, a in found if tag == "img"), name
        assert not [1 for _, a in found if a.get("href", "").startswith("javascript")], name
        assert "default-src 'none'" in page
    assert "&lt;script&gt;alert(1)" in pages(made_run)["notebooks/5-severity.html"]


def test_of_patients_who_may_not_be_named_pages_show_what_was_saved_alone(made_run, tmp_path):
    shutil.copytree(made_run.root, tmp_path, dirs_exist_ok=True)
    run = Run("trial", tmp_path)
    path = run.folder / "notebooks" / "5-severity.ipynb"
    notebook = nbformat.read(path, 4)
    injected = nbformat.v4.new_code_cell('scans = "data/secret/scans.csv"', metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(1, injected)
    nbformat.write(notebook, path)
    site.write(run)
    assert "secret" in pages(run)["notebooks/5-severity.html"]
    write_json(run.cohort / "cohort.json", {"tier": "restricted"})
    run.record("5-severity", [value("auc_poi", 0.968, n=531)])
    site.write(run)
    page = pages(run)["notebooks/5-severity.html"]
    assert [a["src"] for tag, a in tags(page) if tag == "img"] == ["../Figure_3.png"]
    assert 'class="output"' not in page and "secret" not in page and "0.968" in page
    assert page.count("<table>") == 2  # Table 2 and the recorded values
    assert "alert" not in pages(run)["notebooks/6-progression.html"]  # the words of its error
    assert "secret" not in pages(run)["search.html"]
    assert "Before you hand these pages on" in pages(run)["index.html"]
    assert "Before you hand these pages on" not in pages(made_run)["index.html"]


def test_a_figure_leads_to_its_cell_and_its_code_and_has_its_alternative_text(made_run):
    written = pages(made_run)
    notebook = nbformat.read(made_run.folder / "notebooks" / "5-severity.ipynb", 4)
    cell = notebook_page.anchor(notebook.cells[1])
    assert f'href="notebooks/5-severity.html#{cell}"' in written["figures.html"]
    assert 'href="code.html#figures.plots.hu_threshold_curve"' in written["figures.html"]
    assert "limit" in written["code.html"] and "study/figures/plots.py, line " in written["code.html"]
    described = [a["alt"] for tag, a in tags(written["notebooks/5-severity.html"]) if tag == "img"]
    assert described == [made_run.alt] == [a["alt"] for tag, a in tags(written["figures.html"]) if tag == "img"]
    assert "Table_2.docx" in written["tables.html"] and f"notebooks/5-severity.html#{cell}" in written["tables.html"]


@pytest.mark.parametrize(
    ("imports", "drawing", "function"),
    [
        ("from study.figures import plots", "plots.roc_curves()", "figures.plots.roc_curves"),
        ("from study.figures import plots as drawn", "drawn.roc_curves()", "figures.plots.roc_curves"),
        ("from study.figures.plots import roc_curves", "roc_curves()", "figures.plots.roc_curves"),
        ("import study.figures.plots", "study.figures.plots.roc_curves()", "figures.plots.roc_curves"),
        ("import study.figures.plots as plots", "plots.roc_curves()", "figures.plots.roc_curves"),
        ("import seaborn", "seaborn.boxplot()", ""),
        ("", "[1]", ""),
    ],
)
@pytest.mark.parametrize("save", ["style.save(figure, folder, 'Figure_4')", "save(figure, folder, 'Figure_4')"])
def test_a_figure_is_found_whatever_the_form_of_the_import(imports, drawing, function, save):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(imports), nbformat.v4.new_code_cell(f"figure = {drawing}\n{save}")]
    )
    assert notebook_page.saved(notebook) == {"Figure_4": (notebook.cells[1], function)}


def test_a_number_leads_to_its_cell_the_digests_and_the_commit(made_run):
    notebook = nbformat.read(made_run.folder / "notebooks" / "5-severity.ipynb", 4)
    addresses = notebook_page.addresses(made_run, ["5-severity", "6-progression", "7-claims"])
    anchor = notebook_page.anchor(notebook.cells[2])
    names = list(made_run.recorded("5-severity").index)
    assert names and addresses == {
        "5-severity": f"notebooks/5-severity.html#{anchor}",
        "6-progression": "notebooks/6-progression.html#provenance",
    } | {("5-severity", name): f"notebooks/5-severity.html#value-{name}" for name in names}
    page = pages(made_run)["notebooks/5-severity.html"]
    assert f'id="{anchor}"' in page and "0123abc" in page and "<td>0.968</td>" in page and "progress 100 %" not in page
    rows = [attributes["id"] for tag, attributes in tags(page) if tag == "tr" and "id" in attributes]
    assert rows == [f"value-{name}" for name in names]  # a claim's link ends at its own number
    assert re.search(r"runs/trial/biomarkers.csv: [0-9a-f]{64}", page) and str(made_run.root) not in page


def test_the_search_knows_sections_figures_tables_code_and_claims(made_run):
    index = json.loads(re.search(r'id="index">(.*?)</script>', pages(made_run)["search.html"], re.DOTALL)[1])
    addresses = [entry["address"].partition("#")[0] for entry in index]
    assert set(addresses) == {
        *("figures.html", "tables.html", "code.html", "claims.html"),
        *("notebooks/5-severity.html", "notebooks/6-progression.html"),
    }
    assert "5. Severity: Doubts" in {entry["title"] for entry in index}
    assert any("<img src=x onerror=alert(2)>" in entry["text"] for entry in index)


def test_a_table_shows_each_character_once(made_run):
    (made_run.figures / "Table_9.md").write_text(
        "**Of p &lt; 0.05 \\[a\\]. And notes.**\n\n| p |\n| --- |\n| &lt;0.001 |\n"
    )
    site.write(made_run)
    written = pages(made_run)
    (made_run.figures / "Table_9.md").unlink()
    assert "<td>&lt;0.001</td>" in written["tables.html"] and "&amp;lt;" not in written["tables.html"]
    assert '<a href="tables.html#Table_9">Table 9</a>: Of p &lt; 0.05 [a]</li>' in written["index.html"]


def test_the_first_page_says_what_figures_show_and_leads_to_the_archive(made_run):
    index = pages(made_run)["index.html"]
    assert re.search(r'<a href="figures.html#\w+">Figure [^<]+</a>: \w+', index)
    archive = made_run.figures / "trial.crate.zip"
    there = archive.is_file()
    archive.touch()
    site.write(made_run)
    assert '<a href="trial.crate.zip">' in pages(made_run)["index.html"]
    if not there:
        archive.unlink()
    site.write(made_run)


def test_a_run_that_was_not_made_is_said(tmp_path):
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(ValueError, match="study run nothing"):
        site.write(Run("nothing", tmp_path))


def test_a_tables_cells_keep_their_spans_and_nothing_else():
    frame = pd.DataFrame({"n": [1, 2]}, pd.MultiIndex.from_tuples([("scans", "a"), ("scans", "b")]))
    kept = notebook_page.table_html(frame.to_html())
    assert kept.count('rowspan="2"') == 1 and "class" not in kept and "valign" not in kept
    assert notebook_page.table_html('<table><td rowspan="2 onclick=x" colspan="³" onclick="x">1</td></table>') == (
        "<table><td>1</td></table>"
    )
