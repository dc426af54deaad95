"""The study in a real browser: Chromium, driven by Playwright. Without it, these tests are skipped."""

import pytest

from study.publish import document
from study.run import Run
from tools.chromium import IMAGES_ARE_SHOWN


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


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_every_page_opens_from_disk_without_a_network(chromium, made_run, width, scheme):
    context = chromium.new_context(viewport={"width": width, "height": 900}, offline=True, color_scheme=scheme)
    page, wrong = watched(context)
    for path in sorted(made_run.figures.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert page.evaluate(IMAGES_ARE_SHOWN), path.name
        assert page.locator("h1").count() == 1 or path.name == "6-progression.html", path.name
    assert not wrong
    context.close()


def test_a_checklist_is_read_on_a_phone(chromium, tmp_path):
    row = ("27c", "What is asked for", "answered", "An answer of " + 40 * "words ", "f" * 200)
    table = document.table(("No.", "Asks for", "Status", "Answer", "See"), [row])
    _, path = document.write(Run("trial", tmp_path), "checklist", "# A checklist\n", f"SHA-256 {64 * 'f'}\n\n{table}")
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for cell in page.locator("td").all():
        assert cell.bounding_box()["width"] > 300
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    page.close()


def test_the_site_is_searched_and_walked_with_the_keyboard(chromium, made_run):
    context = chromium.new_context(offline=True)
    page, wrong = watched(context)
    page.goto((made_run.figures / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    page.fill("#q", "alert doubts")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=alert+doubts")
    assert page.inner_text("#count") == "1 found"
    page.fill("#q", "threshold")
    page.click("text=figures.plots.hu_threshold_curve()")
    page.wait_for_url("**/code.html#figures.plots.hu_threshold_curve")
    page.goto((made_run.figures / "figures.html").as_uri())
    page.click("text=this cell of notebook 5-severity")
    assert page.locator(".cell:target img").count() == 1
    page.click("nav >> text=claims >> nth=-1")
    page.fill("#words", "kappa")
    rows = page.evaluate("[...document.querySelectorAll('#claims tbody tr')].map(row => row.hidden)")
    assert page.inner_text("#shown") == f"{rows.count(False)} of {len(rows)} claims shown"
    assert 0 < rows.count(False) < len(rows)
    assert not wrong
    context.close()


def test_the_search_finds_first_what_was_asked_for(chromium, made_run):
    context = chromium.new_context(offline=True)
    page, wrong = watched(context)
    page.goto((made_run.figures / "search.html").as_uri())
    titles = [
        "Figure 14: dice by size",
        "Figure S4: learning",
        "5. Severity: Figure 3 and 4",
        "Figure 4",
        "Figure 4: ROC",
    ]
    scores = [page.evaluate("title => score({title, text: ''}, ['figure', '4'])", title) for title in titles]
    assert scores[3] == scores[4] > scores[2] > scores[0] == scores[1] > 0 and not wrong
    context.close()
