"""A run's pages: what leads where, hostile text that stays text, and what is made again after a change."""

import base64
import re
import shutil
from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest

from helpers.project import ROOT
from study.figures import plots
from study.files import write_json
from study.publish import executed, notebook_page, saved, site, sources
from study.run import Run, value


def pages(run):
    found = sorted(path for path in run.figures.rglob("*.html") if "_static" not in path.parts)
    return {path.relative_to(run.figures).as_posix(): path.read_text() for path in found}


def tags(page):
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(page)
    return found


def article(page):
    """What is the run's of a page; the theme's frame is around it."""
    return page[page.index("<article") : page.index("</article>")]


@pytest.fixture
def own_run(made_run, tmp_path):
    """A copy of the made run, to change."""
    shutil.copytree(made_run.root, tmp_path, dirs_exist_ok=True)
    run = Run("trial", tmp_path)
    run.alt = made_run.alt
    return run


def test_every_page_is_there_and_every_link_leads_to_something(made_run):
    written = pages(made_run)
    assert set(written) == {
        "index.html", "claims.html", "figures.html", "tables.html", "code.html", "search.html",
        "notebooks/5-severity.html", "notebooks/6-progression.html", "data_sheet.html",
        *(f"checklist_{name}.html" for name in ("claim_2024", "stard_ai", "tripod_ai")),
        *(f"docs/{path.stem}.html" for path in (ROOT / "docs").glob("*.md")),
        "README.html", "REPRODUCING.html", "CONTRIBUTING.html",
    }  # fmt: skip
    ids = {name: {attributes.get("id") for _, attributes in tags(page)} for name, page in written.items()}
    for name, page in written.items():
        for _, attributes in tags(page):
            address, _, part = (attributes.get("href") or attributes.get("src") or "").partition("#")
            if re.match(r"https?:|data:", address):
                continue
            target = (
                (made_run.figures / name).parent / address.partition("?")[0] if address else made_run.figures / name
            )
            assert target.is_file(), (name, address)
            if part and target.suffix == ".html" and target.is_relative_to(made_run.figures):
                assert part in ids[target.resolve().relative_to(made_run.figures.resolve()).as_posix()], (name, part)


def test_no_page_asks_a_network_for_anything(made_run):
    for name, page in pages(made_run).items():
        assert "default-src 'none'" in page, name
        loaded = [a.get("src") or a.get("href") for tag, a in tags(page) if tag in ("link", "script", "img", "iframe")]
        assert not [address for address in loaded if address and "//" in address], name


def test_hostile_text_stays_text_on_every_page(made_run):
    for name, page in pages(made_run).items():
        found = tags(page)
        assert not [1 for _, attributes in found if {key for key in attributes if key.startswith("on")}], name
        assert not [1 for _, a in found if (a.get("href") or "").startswith("javascript")], name
        if name not in ("search.html", "claims.html"):
            assert not {tag for tag, _ in tags(article(page))} & {"script", "style", "iframe", "object"}, name
            pictures = {a["src"] for tag, a in found if tag == "img"}
            assert all(re.fullmatch(r"(\.\./)?_images/\w+\.png|\./Figure_3\.png", one) for one in pictures), name
    assert "&lt;script&gt;alert(1)" in pages(made_run)["notebooks/5-severity.html"]


def test_prose_that_would_insert_html_or_a_file_is_refused(own_run, capsys):
    path = own_run.folder / "notebooks" / "6-progression.ipynb"
    notebook = nbformat.read(path, 4)
    for directive in ("{raw} html\n<b id=x>", "{include} /etc/hostname", "{eval-rst}\n.. raw:: html\n\n   <b id=x>"):
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"```{directive}\n```"))
    nbformat.write(notebook, path)
    assert site.write(own_run)
    said = capsys.readouterr().err
    assert said.count("6-progression.ipynb") >= 3 and said.count("directive disabled") >= 2
    assert ("b", {"id": "x"}) not in tags(pages(own_run)["notebooks/6-progression.html"])


def test_of_patients_who_may_not_be_named_pages_show_what_was_saved_alone(own_run):
    run = own_run
    path = run.folder / "notebooks" / "5-severity.ipynb"
    notebook = nbformat.read(path, 4)
    injected = nbformat.v4.new_code_cell(
        'scans = "data/Kowalski/scans.csv"', metadata={"tags": ["injected-parameters"]}
    )
    notebook.cells.insert(1, injected)
    drawing = next(cell for cell in notebook.cells if "Figure_3" in cell.source)
    said = "\nTable 2 is left out: no scan\nFigure 9 is left out: Kowalski\nscan Kowalski: Table 2 is left out: x\n"
    drawing.outputs.append(nbformat.v4.new_output("stream", text=said))
    nbformat.write(notebook, path)
    site.write(run)
    assert "Kowalski" in pages(run)["notebooks/5-severity.html"]
    write_json(run.cohort / "cohort.json", {"tier": "restricted"})
    run.record("5-severity", [value("auc_poi", 0.968, n=531, standard_error=0.01)])
    site.write(run)
    page = article(pages(run)["notebooks/5-severity.html"])
    assert len([a["src"] for tag, a in tags(page) if tag == "img"]) == 1
    assert page.count('class="output stream') == 1 and ">Table 2 is left out: no scan\n</pre>" in page
    assert "Kowalski" not in page and "0.968" in page
    assert page.count("<table") == 2  # Table 2 and the recorded values
    assert "standard error (patients)" in page and "ci_low" not in page  # a column that says nothing
    other = article(pages(run)["notebooks/6-progression.html"])
    assert "alert" not in other and "What this cell printed is left out" in other  # the words of its error
    assert "Kowalski" not in (run.figures / "searchindex.js").read_text()
    assert "Before you hand these pages on" in pages(run)["index.html"]


def test_a_picture_that_is_no_figure_has_its_description_under_it(own_run):
    figure = plots.hu_threshold_curve(pd.DataFrame({"threshold_hu": [-700, 0], "dice": [0.5, 0]}))
    shown = {"image/png": base64.b64encode(figure._repr_png_()).decode(), "text/plain": figure.alt}
    path = own_run.folder / "notebooks" / "6-progression.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", shown)]
    nbformat.write(notebook, path)
    site.write(own_run)
    written = pages(own_run)
    assert f"<p>{figure.alt}</p>" in written["notebooks/6-progression.html"]
    assert f"<p>{own_run.alt}" not in written["notebooks/5-severity.html"]  # a figure, which has a caption


def test_a_figure_leads_to_its_cell_and_its_code_and_has_its_alternative_text(made_run):
    written = pages(made_run)
    notebook = nbformat.read(made_run.folder / "notebooks" / "5-severity.ipynb", 4)
    cell = executed.cell_anchor(notebook.cells[1])
    assert f'href="notebooks/5-severity.html#{cell}"' in written["figures.html"]
    assert 'href="code.html#figures-plots-hu-threshold-curve"' in written["figures.html"]
    assert 'href="Figure_3.png"' in written["figures.html"]  # opens large
    assert re.search(r'<a [^>]*href="../Figure_3.png"[^>]*>\s*<img', written["notebooks/5-severity.html"])
    assert "limit" in written["code.html"] and "study/figures/plots.py, line " in written["code.html"]
    described = [a["alt"] for tag, a in tags(written["notebooks/5-severity.html"]) if tag == "img"]
    assert described == [made_run.alt] == [a["alt"] for tag, a in tags(written["figures.html"]) if tag == "img"]
    assert "Table_2.docx" in written["tables.html"] and f"notebooks/5-severity.html#{cell}" in written["tables.html"]
    found = [tag for tag, a in tags(written["notebooks/5-severity.html"]) if a.get("id") == cell]
    assert found == ["div"]  # the cell itself, with what it printed


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
    assert executed.saved(notebook) == {"Figure_4": (notebook.cells[1], function)}


@pytest.mark.parametrize(
    ("making", "shown"),
    [
        ("table, numbers = baseline.table_1(scans)\ntable = words.headings(table)", "table"),
        ("table = baseline.table_1(scans)", "words.headings(table.rename({'a': 'b'}))"),
        ("table = baseline.table_1(scans).replace('nan', 'unknown')", "table if scans else None"),
        ("made = baseline.table_1(scans)\nmade['n'] = words.heading(made)", "tornado.in_words(made)"),
    ],
)
def test_the_function_that_made_a_table_is_found_and_not_the_one_that_words_it(making, shown):
    imports = "from study.results import baseline, words\nfrom study.statistics import tornado"
    sources = (imports, making, f"tables.save({shown}, folder, 'Table_1', 'Patients.')")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    assert executed.saved(notebook) == {"Table_1": (notebook.cells[2], "results.baseline.table_1")}


def test_the_search_knows_decimal_numbers_and_values_by_name(made_run):
    index = (made_run.figures / "searchindex.js").read_text()
    for word in ("18.762", "0.968", "auc_of_values_poi"):  # printed, recorded, and the name that it was recorded under
        assert f'"{word}":' in index
    assert "splitQuery" in (made_run.figures / "_static" / "language_data.js").read_text()


def test_a_tables_negative_numbers_have_prints_minus():
    shown = notebook_page.table_html("<table><tr><td>-652.1</td><td>P-1</td><td>2020-02-01</td></tr></table>")
    assert shown == "<table><tr><td>−652.1</td><td>P-1</td><td>2020-02-01</td></tr></table>"


def test_of_every_table_and_figure_of_the_study_the_code_is_shown():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for thing, (_, function) in executed.saved(nbformat.read(path, 4)).items():
            assert saved.source(function) is not None, (path.name, thing, function)
            assert not function.endswith(executed.WORDING), (thing, function)


def test_a_number_leads_to_its_cell_the_digests_and_the_commit(made_run):
    notebook = nbformat.read(made_run.folder / "notebooks" / "5-severity.ipynb", 4)
    addresses = executed.addresses(made_run, ["5-severity", "6-progression", "7-claims"])
    anchor = executed.cell_anchor(notebook.cells[2])
    names = list(made_run.recorded("5-severity").index)
    assert names and addresses == {
        "5-severity": f"notebooks/5-severity.html#{anchor}",
        "6-progression": "notebooks/6-progression.html#where-these-numbers-come-from",
    } | {("5-severity", name): f"notebooks/5-severity.html#value-{name}" for name in names}
    page = pages(made_run)["notebooks/5-severity.html"]
    assert f'id="{anchor}"' in page and "0123abc" in page and "<td>0.968</td>" in page and "progress 100 %" not in page
    rows = [attributes["id"] for tag, attributes in tags(page) if tag == "tr" and "id" in attributes]
    assert rows == [f"value-{name}" for name in names]  # a claim's link ends at its own number
    assert re.search(r"runs/trial/biomarkers.csv: [0-9a-f]{64}", page) and str(made_run.root) not in page


def test_a_document_leads_to_pages_and_not_to_raw_files(own_run):
    text = "[a](<Table_2.md>) [b](<Figure_3.png>) [c](<../../README.md#limits>) [d](<../../runs/trial/x.json>)"
    (own_run.figures / "data_sheet.md").write_text(f"# A form\n\n{text}\n")
    found = sources.read(own_run)["data_sheet.md"].decode()
    assert re.findall(r"\(<(.*?)>\)", found) == [
        "tables.html#table-2", "figures.html#figure-3", "README.html#limits",
    ]  # fmt: skip
    assert found.rstrip().endswith(" d")  # it lies where no reader of a folder that was handed on finds it
    audit = sources.read(own_run)["docs/audit.md"].decode()
    assert "(<../REPRODUCING.html#what-is-needed>)" in audit and "](../figures/preview/site_claims.png)" in audit


def test_a_table_shows_each_character_once(own_run):
    (own_run.figures / "Table_9.md").write_text(
        "**Of p &lt; 0.05 \\[a\\]. And notes.**\n\n| p |\n| --- |\n| &lt;0.001 |\n"
    )
    site.write(own_run)
    written = pages(own_run)
    assert "&lt;0.001</p></td>" in written["tables.html"] and "&amp;lt;" not in written["tables.html"]
    assert re.search(r'href="tables.html#table-9">Table 9</a>: Of p &lt; 0.05 \[a\]</p>', written["index.html"])


def test_the_first_page_answers_whose_data_which_numbers_and_what_next(made_run, own_run):
    index = article(pages(made_run)["index.html"])
    first = index[: index.index("<h2")]
    text = " ".join(re.sub("<[^>]*>", " ", first).split())
    assert "Data tier: public" in text and "0.9680" in text and "contradiction" in text
    assert re.search(r"\d+ reproduced \(\d+ numbers?\)", text) and "printed several times counts once" in text
    assert "3 contradictions, 2 other readings, 5 wordings of units." in text and "those of the preprint" in text
    assert "<p><strong>Read next</strong></p>" in first
    assert [reader for reader in ("Author", "Reviewer", "Student") if f"{reader}:" in text] == [
        "Author",
        "Reviewer",
        "Student",
    ]
    assert re.search(r'href="figures.html#[\w-]+">Figure [^<]+</a>: \w+', index)
    assert "trial.crate.zip" not in index
    (own_run.figures / "trial.crate.zip").touch()
    site.write(own_run)
    assert 'href="trial.crate.zip"' in pages(own_run)["index.html"]


@pytest.mark.parametrize(("unit", "n", "shown"), [("", 531.0, "531"), ("patients", 196.0, ""), ("", None, "")])
def test_the_first_page_has_whole_numbers_of_observations_and_none_beside_a_count(unit, n, shown):
    assert sources._counted({"unit": unit, "n": n})["n"] == shown


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_first_page_says_whole_sentences_of_a_notebook(path):
    lead = executed.lead(nbformat.read(path, 4))
    assert len(lead) > 100 and re.search(r"[.?)]$", lead)


def test_a_run_that_was_not_made_is_said(tmp_path):
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(ValueError, match="study run nothing"):
        site.write(Run("nothing", tmp_path))


def written_at(run):
    return {path: path.stat().st_mtime_ns for path in run.figures.rglob("*") if path.is_file()}


def test_only_what_changed_is_written_again(own_run, capsys):
    assert not site.write(own_run)
    before = written_at(own_run)
    (own_run.figures / "code.html").unlink()
    assert site.write(own_run)
    assert capsys.readouterr().err == ""  # no fault in any page
    after = written_at(own_run)
    assert {path.name for path in after if after[path] != before.get(path)} == {"code.html"}
    (own_run.root / "docs" / "audit.md").write_text("# Audit printed numbers\n\nOther words.\n")
    assert site.write(own_run)
    changed = {path.name for path, when in written_at(own_run).items() if when != after[path]}
    assert "audit.html" in changed and not changed & {"5-severity.html", "figures.html", "Figure_3.png"}
    (own_run.folder / "notebooks" / "6-progression.ipynb").unlink()
    assert site.write(own_run)
    assert not (own_run.figures / "notebooks" / "6-progression.html").exists()  # no page of what is no more


def test_prose_is_the_projects_and_results_are_the_runs(own_run):
    """A changed sentence reaches the page without a notebook; with other code it would be of other results."""
    path = own_run.folder / "notebooks" / "5-severity.ipynb"
    source = nbformat.read(path, 4)
    for cell in source.cells:
        cell.source = cell.source.replace("## Doubts", "## Second thoughts")
        cell.update(outputs=[]) if cell.cell_type == "code" else None
    ran = nbformat.read(path, 4)
    injected = nbformat.v4.new_code_cell("run = 'trial'", metadata={"tags": ["injected-parameters"]})
    ran.cells.insert(2, injected)
    nbformat.write(ran, path)
    nbformat.write(source, own_run.root / "notebooks" / "5-severity.ipynb")
    merged = executed.executed(own_run, "5-severity")
    assert [cell.id for cell in merged.cells] == [cell.id for cell in ran.cells]
    assert "Second thoughts" in merged.cells[0].source and merged.cells[1].outputs == ran.cells[1].outputs
    site.write(own_run)
    assert "Second thoughts" in pages(own_run)["notebooks/5-severity.html"]
    source.cells[1].source += "\nother = 1"
    nbformat.write(source, own_run.root / "notebooks" / "5-severity.ipynb")
    assert executed.executed(own_run, "5-severity").cells == ran.cells


def test_runs_lie_side_by_side(own_run):
    other = Run("other", own_run.root)
    shutil.copytree(own_run.folder, other.folder, ignore=shutil.ignore_patterns("pages"))
    site.write(other)
    before = written_at(own_run)
    assert "run other" in pages(other)["index.html"] and "run trial" in pages(own_run)["index.html"]
    assert not site.write(own_run) and written_at(own_run) == before


def test_numbers_of_rows_are_left_out_and_names_of_rows_kept():
    frame = pd.DataFrame({"scan": ["P1", "P2"], "n": [3, 4]})
    assert re.findall("<t[hd]>(.*?)</t[hd]>", notebook_page.table_html(frame.iloc[::-1].to_html())) == [
        "scan", "n", "P2", "4", "P1", "3"
    ]  # fmt: skip
    for name, named in {"P1": frame.set_index("scan"), "0": frame.rename_axis("pair"), "scan": frame.T}.items():
        assert f"<th>{name}</th>" in notebook_page.table_html(named.to_html())


def test_an_output_of_blanks_is_no_output():
    printed = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("\n", "a line\n")]
    blank, line = map(notebook_page._output, printed)
    assert blank is None and line.text == "a line\n"


def test_a_tables_cells_keep_their_spans_and_nothing_else():
    frame = pd.DataFrame({"n": [1, 2]}, pd.MultiIndex.from_tuples([("scans", "a"), ("scans", "b")]))
    kept = notebook_page.table_html(frame.to_html())
    assert kept.count('rowspan="2"') == 1 and "class" not in kept and "valign" not in kept
    assert notebook_page.table_html('<table><td rowspan="2 onclick=x" colspan="³" onclick="x">1</td></table>') == (
        "<table><td>1</td></table>"
    )


@pytest.mark.parametrize(
    ("caption", "about"),
    [
        ("Scans (of each a section: the widest). Window.", "Scans (of each a section: the widest)"),
        ("Severity under other choices: area under the curve.", "Severity under other choices"),
        ("One sentence (unclosed: so", "One sentence (unclosed"),
        ("A title", "A title"),
    ],
)  # fmt: skip
def test_a_subject_ends_at_the_first_stop_outside_parentheses(caption, about):
    assert saved._subject(caption) == about
