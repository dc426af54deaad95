"""Headless Chromium, for tests in a browser and for the previews."""

import shutil

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader",
]  # fmt: skip


def find_chromium():
    """Path of Chromium, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
