"""Screenshots of a run's pages for the README: ``python -m tools.preview [RUN]`` writes them into figures/preview."""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from test_browser import PICTURES_ARE_SHOWN

from tools.chromium import CHROMIUM_FLAGS, find_chromium

ROOT = Path(__file__).resolve().parents[1]
# name: page, what to scroll to, width, height
VIEWS = {
    "site_claims": ("claims.html", "#claims", 1100, 800),
    "site_notebook": ("notebooks/5-severity.html", "a[href='../figures.html#Figure_4'] >> xpath=../..", 1100, 1000),
}


def main(run="demo"):
    """Take the screenshots, with few colours so that they stay small."""
    figures = ROOT / "figures" / run
    if not (figures / "index.html").is_file():
        sys.exit(f"{figures}: the run {run} has no pages; make them first: study site {run}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for name, (address, place, width, height) in VIEWS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto((figures / address).as_uri())
            page.evaluate(PICTURES_ARE_SHOWN)
            page.locator(place).first.evaluate("element => element.scrollIntoView()")
            with Image.open(io.BytesIO(page.screenshot())) as picture:
                path = ROOT / "figures" / "preview" / f"{name}.png"
                picture.convert("RGB").quantize(128).save(path, optimize=True)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
