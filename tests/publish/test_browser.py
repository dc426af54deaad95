"""The study in a real browser: Chromium, driven by Playwright. Without it, these tests are skipped."""

import pytest

from helpers.project import ROOT
from tools.chromium import IMAGES_ARE_SHOWN

# Evaluated on a page: the links and controls that are seen and that Tab does not lead to.
UNREACHED = """[...document.querySelectorAll("a[href], button, input, select, summary")]
    .filter(one => one.checkVisibility({visibilityProperty: true}) && one.tabIndex < 0).map(one => one.outerHTML)"""
JUDGED_DARK = ("index.html", "5-severity.html", "tables.html", "claims.html", "audit.html", "search.html")
AXE = ROOT / ".venv" / "axe.min.js"


def watched(context):
    """A page of a browser's context, and the list of what went wrong on it: errors, failed requests, dialogs."""
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
    )
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return page, wrong


def pages(run):
    return sorted(path for path in run.figures.rglob("*.html") if "_static" not in path.parts)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_every_page_opens_from_disk_without_a_network_and_accessible(chromium, made_run, width, scheme):
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, offline=True, color_scheme=scheme, bypass_csp=True
    )  # for axe
    page, wrong = watched(context)
    for path in pages(made_run):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert page.evaluate(IMAGES_ARE_SHOWN), path.name
        assert page.locator("h1").count() == 1, path.name
        cut = "[...document.querySelectorAll('.logo__title')].some(one => one.scrollWidth > one.clientWidth)"
        assert scheme == "dark" or not page.evaluate(cut), path.name  # the site's title; a telephone is too narrow
        if scheme == "light" or path.name in JUDGED_DARK:
            assert barriers(page) == [], path.name
    assert not wrong
    context.close()


def barriers(page):
    """What axe-core finds serious or critical on a page: [(rule, what is concerned)]; [] too where it is not here."""
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations'], preload: false})")["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


def test_axe_finds_a_barrier(chromium):
    if not AXE.is_file():
        pytest.skip("axe-core is not here; `make .venv/axe.min.js` brings it, with npm")
    page = chromium.new_page()
    page.set_content("<html lang=en><title>t</title><main><h1>t</h1><button></button></main>")
    assert [rule for rule, _ in barriers(page)] == ["button-name"]
    page.close()


def test_the_policy_forbids_what_a_page_does_not_need(chromium, made_run):
    """Were a picture or a script of another place in a page, the browser would not ask for it."""
    page = chromium.new_page()
    page.goto((made_run.figures / "index.html").as_uri())
    refused = page.evaluate("""() => new Promise(resolve => {
        const refused = [];
        document.addEventListener("securitypolicyviolation", event => {
            if (refused.push(event.effectiveDirective) === 3) resolve(refused.sort());
        });
        document.body.append(Object.assign(new Image(), {src: "http://127.0.0.1:9/x.png"}));
        document.body.append(Object.assign(document.createElement("script"), {src: "http://127.0.0.1:9/x.js"}));
        fetch("http://127.0.0.1:9/x").catch(() => 0);
    })""")
    assert refused == ["connect-src", "img-src", "script-src-elem"]
    page.close()


def test_a_checklist_is_read_on_a_phone(chromium, made_run):
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    page.goto((made_run.figures / "checklist_claim_2024.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    head = page.locator("article th p").first
    assert head.evaluate("head => head.clientHeight < 2 * parseFloat(getComputedStyle(head).lineHeight)")
    frame = page.locator("article table").first.locator("xpath=..")
    assert frame.evaluate("frame => getComputedStyle(frame).overflowX") == "auto"
    assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth || frame.tabIndex === 0")
    page.close()


def test_no_digest_is_cut_at_the_edge_of_a_page(chromium, made_run):
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    page.goto((made_run.figures / "notebooks" / "5-severity.html").as_uri())
    digest = page.locator("article li").filter(has_text="5-severity.json").last
    assert len(digest.inner_text()) > 64
    assert digest.evaluate("item => item.scrollWidth <= item.clientWidth")
    page.close()


def test_all_is_reached_by_the_keyboard(chromium, made_run):
    """Every link and control that a reader sees is among those that Tab leads to, and the first skips the frame."""
    context = chromium.new_context(offline=True, viewport={"width": 1400, "height": 900})
    page, wrong = watched(context)
    for name in ("index.html", "notebooks/5-severity.html", "claims.html"):
        page.goto((made_run.figures / name).as_uri())
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
        unreached = page.evaluate(UNREACHED)
        assert unreached == []
    page.goto((made_run.figures / "notebooks/5-severity.html").as_uri())
    page.locator("details.code > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.code").first.get_attribute("open") is not None
    assert not wrong
    context.close()


def found_by(page, run, words):
    """Titles that the search shows for some words, in order."""
    page.goto((run.figures / "search.html").as_uri() + f"?q={words}")
    page.wait_for_selector("#search-results ul.search li a")
    page.locator("#search-results .search-summary", has_text="finished").wait_for()
    return page.locator("#search-results ul.search li > a").all_inner_texts()


def test_the_search_finds_first_what_was_asked_for(chromium, made_run):
    context = chromium.new_context(offline=True)
    page, wrong = watched(context)
    assert found_by(page, made_run, "Figure 3")[0] == "Figures > Figure 3"
    assert any("Doubts" in title for title in found_by(page, made_run, "doubts"))
    assert found_by(page, made_run, "18.762")[0].startswith("Claims of the paper")
    assert any("Severity" in title for title in found_by(page, made_run, "auc_of_values_poi 0.968"))
    found = found_by(page, made_run, "AUC of the two biomarkers for severe scans")
    page.click(f"text={found[0]}")
    page.wait_for_url("**/claims.html*#abstract_auc")
    assert not wrong
    context.close()


def test_a_figure_leads_to_its_cell_and_claims_are_filtered(chromium, made_run):
    context = chromium.new_context(offline=True)
    page, wrong = watched(context)
    page.goto((made_run.figures / "figures.html").as_uri())
    page.click("text=this cell of notebook 5-severity")
    page.wait_for_selector("div.cell:target img")
    page.click("nav[aria-label=Pages] >> text=Claims >> nth=0")
    page.wait_for_url("**/claims.html")
    page.fill("#words", "kappa")
    rows = page.evaluate("[...document.querySelectorAll('#claims tbody tr')].map(row => row.hidden)")
    assert page.inner_text("#shown") == f"{rows.count(False)} of {len(rows)} claims shown"
    assert 0 < rows.count(False) < len(rows)
    assert not wrong
    context.close()
