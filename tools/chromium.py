"""Headless Chromium, for tests in a browser and for the previews."""

import shutil

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader",
]  # fmt: skip
# Evaluated on a page: loads all images, waits for them, and is true if each can be shown and has a description.
IMAGES_ARE_SHOWN = """Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().then(() => image.alt);
})).then(words => words.every(Boolean))"""


def find_chromium():
    """Path of Chromium, None if it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
