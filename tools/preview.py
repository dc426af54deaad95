"""Screenshots of a run's pages for the README: ``python -m tools.preview [RUN]`` writes them to figures/preview."""

import argparse
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tools.chromium import CHROMIUM_FLAGS, IMAGES_ARE_SHOWN, find_chromium

ROOT = Path(__file__).resolve().parents[1]
# name: page, what to scroll to, width, height
VIEWS = {
    "site_claims": ("claims.html", "#claims", 1100, 800),
    "site_notebook": ("notebooks/5-severity.html", "#cell-severity-10", 1100, 1000),
}


def take(figures, folder):
    """Take the screenshots of `VIEWS` from a run's folder of figures, with few colours to keep the files small."""
    if not (figures / "index.html").is_file():
        sys.exit(f"{figures}: there are no pages; make them first: study site {figures.name}")
    if not (chromium := find_chromium()):
        sys.exit("the screenshots need Chromium, which is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for name, (address, place, width, height) in VIEWS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto((figures / address).as_uri())
            page.evaluate(IMAGES_ARE_SHOWN)
            page.locator(place).first.evaluate("element => element.scrollIntoView()")
            path = folder / f"{name}.png"
            with Image.open(io.BytesIO(page.screenshot())) as picture:
                picture.convert("RGB").quantize(128).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
        browser.close()


def main():
    """Take the screenshots of a run."""
    parser = argparse.ArgumentParser(prog="python -m tools.preview", description=__doc__)
    parser.add_argument("run", nargs="?", default="demo")
    parser.add_argument("--out", type=Path, default=ROOT / "figures" / "preview", help="folder for the screenshots")
    asked = parser.parse_args()
    take(ROOT / "figures" / asked.run, asked.out)


if __name__ == "__main__":
    main()
