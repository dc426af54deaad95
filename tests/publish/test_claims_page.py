"""The page of the claims: self-contained, hostile text stays text, and where its links lead."""

import re
import shutil
from html.parser import HTMLParser

import nbformat
import pytest

from helpers.project import ROOT
from study.claims import audit, paper, verdicts
from study.files import write_json
from study.fingerprint import digests
from study.publish import claims_page
from study.run import Run, value

PAPER = paper.read_paper()


@pytest.fixture
def run(tmp_path):
    """A synthetic run that executed notebook 5, which recorded a number."""
    made = Run("made", tmp_path)
    write_json(made.cohort / "cohort.json", {"tier": "synthetic"})
    cell = nbformat.v4.new_code_cell('study_run.record("5-severity", [])')
    cell.id = "7"
    (made.folder / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), made.folder / "notebooks" / "5-severity.ipynb")
    made.record("5-severity", [value("auc_of_values_poi", 0.9312)])
    return made


def page_of(run, listed=PAPER):
    compared = verdicts.compare(listed, verdicts.gather(listed.claims, run), run.tier)
    checks = audit.audit(listed)
    found = audit.findings(checks), audit.remarks(checks)
    return claims_page.write(run, "claims.html", compared, *found).read_text("utf-8")


def test_the_page_is_self_contained_and_the_same_each_time(run):
    page = page_of(run)
    assert page == page_of(run)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    assert "url(" not in page and "@import" not in page and "default-src 'none'" in page
    assert "have those over patients" in page  # where the wider intervals are
    assert page.count("<tr id=") == len(PAPER.claims) and "Data tier: synthetic" in page
    findings, _, remarks = page[: page.index("<h2>All claims")].partition('<table id="remarks"')
    assert "Table 1 prints 196" in findings and "pairs, change of density: 56" in findings
    assert "10 findings: 3 contradictions, 2 other readings, 5 wordings of units." in findings
    assert "188 numbers of the preprint (medRxiv 2020.04.17.20070219)" in findings
    assert findings.index("Table 2 prints 0.9677") < findings.index("is given in mAs")  # the weighty first
    assert "452 scans are of 164 patients only if" in remarks


def test_findings_and_the_claims_that_they_accuse_have_the_same_badges_and_counts_everywhere(run):
    compared = verdicts.compare(PAPER, verdicts.gather(PAPER.claims, run), run.tier)
    counts = verdicts.summary(compared).set_index("answer")["claims"]
    findings, _, claims = page_of(run).partition("<h2>All claims")
    for kind, n in (("contradiction", 3), ("another reading", 2), ("wording of a unit", 5)):
        badge = f'<span class="badge {kind.replace(" ", "-")}">{verdicts.ARITHMETIC[kind]} {kind}</span>'
        assert f"{counts[kind]} {badge}" in findings and findings.count(f'data-head="Finding">{badge}') == n
        assert claims.count(badge) == counts[kind] and f"{kind} ({counts[kind]})" in claims
        assert f".{kind.replace(' ', '-')}" in findings  # a colour
    assert "inconsistent" not in findings + claims


def test_beside_each_difference_stand_both_p_values_and_how_far_it_could_have_been(run):
    write_json(run.cohort / "cohort.json", {"tier": "public"})
    run.record("5-severity", [value("auc_poi", 0.62, 0.56, 0.68), value("auc_ihu", 0.68, 0.63, 0.73)])
    one = paper.Claim("a", "Abstract", "AUC of POI", "0.70", "5-severity:auc_poi", primary="is it <so>?")
    other = paper.Claim("b", "Abstract", "AUC of iHU", "0.70", "5-severity:auc_ihu")
    listed = paper.Paper("p", [one, other])
    page, table = page_of(run, listed), verdicts.compare(listed, verdicts.gather(listed.claims, run), "public")
    main, _, everything = page.partition("<h2>All claims</h2>")
    raw, adjusted = table.loc[0, ["p_of_difference", "p_adjusted"]]
    shown = f"p {raw:.2f}<small>in its family {adjusted:.2f}</small><small>not told apart: 0.6"
    assert adjusted == pytest.approx(2 * raw) and shown in main and shown in everything
    assert "Is it &lt;so&gt;?" in main and "AUC of iHU" not in main
    assert main.count("not distinguishable</span>") == 1 and everything.count("not distinguishable</span>") == 2
    assert f'<td data-sort="{raw}">' in everything
    assert "on which the paper rests" not in page_of(run, paper.Paper("p", [other]))


def test_synthetic_patients_have_no_p_value(run):
    run.record("5-severity", [value("auc_poi", 0.62, 0.56, 0.68)])
    claim = paper.Claim("a", "Abstract", "AUC of POI", "0.70", "5-severity:auc_poi", primary="is it so?")
    listed = paper.Paper("p", [claim])
    page = page_of(run, listed)
    assert "synthetic only</span>" in page and "Difference" not in page and "in its family" not in page
    table = verdicts.compare(listed, verdicts.gather(listed.claims, run), "synthetic")
    assert table[list(verdicts.OF_DIFFERENCE)].isna().all(axis=None) and "p" not in verdicts.readable(table)
    compared = verdicts.compare(listed, verdicts.gather(listed.claims, run), "unknown")
    assert compared["p_of_difference"].notna().all() and {"p", "not told apart"} <= set(verdicts.readable(compared))


def test_claims_of_which_arithmetic_says_nothing_can_be_found(run):
    page = page_of(run)
    n = page.count(f'data-arithmetic="{verdicts.UNCHECKED}"')
    assert n and f'data-filter="{verdicts.UNCHECKED}">' in page and f"{verdicts.UNCHECKED} ({n})" in page
    assert 'data-arithmetic=""' not in page


def test_without_findings_it_says_so(run):
    one = paper.Claim("a", "Text", "q", "1")
    page = page_of(run, paper.Paper("p", [one]))
    assert "Nothing was found." in page and "under a condition" not in page


def test_hostile_text_stays_text(run):
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    write_json(run.cohort / "cohort.json", {"tier": "public"})
    run.record("5-severity", [value(hostile, hostile)])
    one = paper.Claim(
        hostile, hostile, hostile, "word", f"5-severity:{hostile}", unit="word", remark=hostile, see="../../" + hostile
    )
    other = paper.Claim("b", hostile, hostile + " again", "105", unit="%", same=hostile)
    page = page_of(run, paper.Paper("p", [one, other]))
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(page)
    tags = [tag for tag, _ in found]
    assert tags.count("script") == 1 and "img" not in tags
    assert not [attributes for _, attributes in found if set(attributes) & {"onerror", "onclick", "src"}]
    shown = "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert page.count(shown) > 10 and shown in page[page.index('id="findings"') : page.index("<h2>All claims")]


def test_a_table_is_linked_where_it_exists_and_a_notebook_where_it_was_executed(run):
    run.figures.mkdir(parents=True)
    (run.figures / "Table_2.md").touch()
    _, _, text = page_of(run).partition("<main")
    assert "Table_2.md" not in text  # which a browser would show raw
    notebook = "notebooks/5-severity.html"
    links = set(re.findall(r'<a href="([^"]+)"', text))
    within = {link for link in links if link.startswith("#")}
    assert links - within == {"tables.html#table-2", f"{notebook}#cell-7", f"{notebook}#value-auc_of_values_poi"}
    assert all(f'id="{link[1:]}"' in text for link in within)


def test_a_regenerated_number_leads_to_itself_in_the_executed_notebook(run):
    (row,) = (row for row in page_of(run).split("<tr id=")[1:] if row.startswith('"table_2_auc_poi"'))
    address = "notebooks/5-severity.html#value-auc_of_values_poi"
    assert f'title="0.9312"><a href="{address}">0.9312</a>' in row and f'<a href="{address}">5-severity</a>' in row


def test_a_negative_number_has_prints_minus_and_is_sorted_by_what_was_recorded(run):
    run.record("5-severity", [value("median_ihu", -652.25, -700.0, -600.0)])
    one = paper.Claim("a", "Text", "iHU, median", "-640", "5-severity:median_ihu", unit="HU")
    page = page_of(run, paper.Paper("p", [one]))
    assert 'data-sort="-652.25" title="-652.25">' in page
    assert ">−652 HU</a><small>[−700, −600]</small>" in page and ">−640 HU" in page


@pytest.mark.parametrize(
    ("number", "order"),
    [("<0.001", "0.001"), ("92.41", "92.41"), ("-650", "-650"), (0.9268797760018667, "0.9268797760018667"),
     ("< 0.05", "0.05"), (1e-12, "1e-12"), ("excellent", "excellent"), (None, ""), (float("nan"), "")],
)  # fmt: skip
def test_numbers_are_sorted_as_numbers(number, order):
    """As text, 0.9 would come before 0.85 and <0.001 before everything."""
    assert claims_page._order(number) == order


def test_it_has_the_navigation_of_the_other_pages(run):
    page = page_of(run)
    assert '<a href="notebooks/5-severity.html">5-severity</a>' in page and 'href="index.html"' in page
    assert '<a href="claims.html" aria-current="page">' in page and "6-progression.html" not in page


@pytest.mark.parametrize("name", ["claims.html", "claims.css", "claims.js"])
def test_a_changed_template_runs_notebook_7_again(tmp_path, name):
    """It writes this page; the others are written after every run."""
    notebooks = {"7-claims": nbformat.read(ROOT / "notebooks" / "7-claims.ipynb", 4)}
    package = tmp_path / "study"
    shutil.copytree(ROOT / "study", package, ignore=shutil.ignore_patterns("__pycache__", "starter"))
    before = digests.of_notebooks(notebooks, package)
    with open(package / "publish" / "claims" / name, "a") as template:
        template.write(" ")
    assert digests.of_notebooks(notebooks, package) != before
