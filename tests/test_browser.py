"""The study in a real browser: Chromium, driven by Playwright. Where there is none, these tests are skipped."""

import shutil

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    """Headless Chromium, a Playwright ``Browser``; the browser itself asks nothing of the network."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("Chromium is not here; on Debian and Ubuntu `apt-get install chromium` brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def test_chromium_runs(chromium):
    page = chromium.new_page()
    page.set_content("<h1>study</h1>")
    assert page.inner_text("h1") == "study"
