"""The notebooks as a student uses them: JupyterLab in Chromium. Without Chromium, these tests are skipped."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from test_biomarker_table import biomarker_table

from study.lab import viewer_files

TOKEN = "of-this-test"
LONGEST_S = 200  # a volume is drawn without a GPU, beside other tests


@pytest.fixture(scope="module")
def lab(chromium, project_for_module, tmp_path_factory):
    """JupyterLab on a copy of the project, started as `make lab` does, with settings of its own; gives its address."""
    table = project_for_module / "runs" / "demo" / "biomarkers.csv"
    table.parent.mkdir(parents=True)
    biomarker_table().to_csv(table, index=False)
    own = tmp_path_factory.mktemp("jupyter")
    settings = own / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells are in the page, not only those in sight.
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    folders = {
        "JUPYTER_CONFIG_DIR": own, "JUPYTER_RUNTIME_DIR": own / "runtime", "IPYTHONDIR": own / "ipython",
        "JUPYTERLAB_SETTINGS_DIR": own / "settings", "JUPYTERLAB_WORKSPACES_DIR": own / "workspaces",
    }  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter", "lab", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}", "--no-browser", "--allow-root",
        "--LabApp.app_settings_dir=study/lab/settings",
    ]  # fmt: skip
    environment = {**os.environ, **{name: str(folder) for name, folder in folders.items()}}
    log = own / "lab.log"
    with log.open("w") as written:
        server = subprocess.Popen(
            command, cwd=project_for_module, env=environment, stdout=written, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api?token={TOKEN}").close()
                break
            except urllib.error.URLError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.25)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def opened(chromium, lab):
    """Return a function (notebook's path) that opens it in Lab; at the end nothing was asked of the outside."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(1000 * LONGEST_S)
    asked = []
    context.on("request", lambda request: asked.append(request.url))

    def open_notebook(path):
        page = context.new_page()
        # A workspace of its own, so that no notebook of an earlier test is opened beside it.
        page.goto(f"{lab}/lab/workspaces/{Path(path).stem}/tree/{path}?token={TOKEN}")
        page.wait_for_function("document.querySelector('#jp-main-statusbar')?.innerText.includes('| Idle')")
        return page

    yield open_notebook
    context.close()
    outside = [url for url in asked if not url.startswith((lab, lab.replace("http", "ws"), "data:", "blob:"))]
    assert asked and not outside


def run_all(page):
    """Run a notebook from top to bottom as a person does, and wait until each cell has its number."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every(p => /\\d/.test(p.textContent))"
    )
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").all_inner_texts() == []


def test_notebook_5_runs_from_top_to_bottom_and_its_cut_off_moves(opened):
    page = opened("notebooks/5-severity.ipynb")
    run_all(page)
    panel = page.locator(".study-panel")
    assert panel.count() == 1
    words = panel.locator(".widget-html")
    table = biomarker_table()
    scores, is_severe = (100 * table["poi"]).to_numpy(), (table["status"] == "severe").to_numpy()
    cutoffs = np.unique(scores)[::-1]

    def sensitivity(at):
        return f"({((scores >= at) & is_severe).sum()} of {is_severe.sum()})"

    first = words.inner_text()
    at = float(re.search(r"at or above (\S+) is called severe", first)[1])
    place = int(np.abs(cutoffs - at).argmin())
    assert sensitivity(cutoffs[place]) in first
    picture = panel.locator("img").get_attribute("src")
    panel.locator(".noUi-handle").focus()
    for moved in range(1, 9):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "([below, at]) => { const shown = parseFloat(document.querySelector('.study-panel .widget-html')"
            ".innerText.split('at or above ')[1]); return below < shown && shown <= at; }",
            arg=[float(cutoffs[place + moved + 1]), float(cutoffs[place + moved])],
        )
        assert sensitivity(cutoffs[place + moved]) in words.inner_text()
    assert words.inner_text() != first
    assert panel.locator("img").get_attribute("src") != picture


VOLUME = """
import numpy as np
from study.lab import view

z, y, x = np.mgrid[:12, :40, :40]
lung = ((y - 20) ** 2 / 9 + (np.abs(x - 20) - 9) ** 2 / 3 < 12) & (z > 1)
infection = lung & (x > 26) & (z < 8)
hu = np.where((y - 20) ** 2 + (x - 20) ** 2 < 320, 40, -1000) - 890 * lung + 400 * infection
view.show(hu.astype(np.int16), lung.astype(np.uint8) + infection, (10.0, 6.0, 6.0))
"""


def write_volume(project):
    """A notebook of two cells: one shows a small volume with its label map, the other comes after it."""
    cells = [nbformat.v4.new_code_cell(code) for code in (VOLUME.strip(), "'after it'")]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, project / "notebooks" / "volume.ipynb")


def areas(picture):
    """How many pixels each of a PNG's colours has, the commonest first."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).reshape(-1, 3)
    return np.sort(np.unique(pixels, axis=0, return_counts=True)[1])[::-1]


@pytest.mark.skipif(not viewer_files.installed(), reason="the viewer of itkwidgets is not installed; make lab does it")
def test_itkwidgets_draws_a_volume_with_its_label_map(opened, project_for_module):
    write_volume(project_for_module)
    page = opened("notebooks/volume.ipynb")
    run_all(page)
    assert "Shown by itkwidgets." in page.inner_text(".jp-Notebook")
    assert "after it" in page.inner_text(".jp-Notebook")  # no cell waits for the viewer
    frame = page.locator("iframe[src*='itk-vtk-viewer']")
    frame.scroll_into_view_if_needed()
    canvas = page.frame_locator("iframe[src*='itk-vtk-viewer']").locator("canvas").first
    canvas.wait_for()
    until = time.monotonic() + LONGEST_S
    while len(found := areas(canvas.screenshot())) < 5 or found[4] < 200:
        assert time.monotonic() < until, found[:8]
        page.wait_for_timeout(2000)
    # Behind the section, around the patient, in the body, healthy lung, infection: as large as in the section itself.
    y, x = np.mgrid[:40, :40]
    lung = (y - 20) ** 2 / 9 + (np.abs(x - 20) - 9) ** 2 / 3 < 12
    infected = (lung & (x > 26)).sum()
    assert sorted(found[3:5] / found[3:5].sum()) == pytest.approx(
        sorted([infected / lung.sum(), 1 - infected / lung.sum()]), abs=0.05
    )
