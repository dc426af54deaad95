"""The web pages of a run, one site that opens from disk, offline: made by Sphinx from what ``sources`` reads.

The pages are in ``figures/<run>`` next to what they show, so the folder as a whole can be handed on. ``claims.html`` is
written by notebook 7 (``claims_page``).
"""

import hashlib
import json
import sys

from study.files import write_bytes, write_json
from study.fingerprint import digests
from study.publish import executed, sources

LEFT_OUT = (".map", ".buildinfo", ".buildinfo.bak", "objects.inv", "webpack-macros.html")  # for Sphinx alone


def check(run):
    """Refuse a run that has nothing to show.

    Raises
    ------
    ValueError
        If the run has no executed notebook.
    """
    if not executed.names(run):
        raise ValueError(f"{run.folder}: no notebook of this run was executed; make it first: study run {run.name}")


def write(run, progress=None):
    """Write the pages of a run, ``index.html`` and what it leads to. Nothing is done if nothing has changed.

    What is wrong in a page's text, such as an unknown directive, is printed to standard error; the page shows the rest.

    Parameters
    ----------
    run : study.run.Run
    progress : file, optional
        Gets Sphinx's progress.

    Returns
    -------
    bool
        Whether a page was written.

    Raises
    ------
    ValueError
        From `check`.
    """
    check(run)
    read, folder = sources.read(run), run.folder / "pages"
    settings = {"title": f"An executable paper: run {run.name}", "claims": sources.to_find(run)}
    state = {
        "sources": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(read.items())},
        "settings": settings, "code": digests.of_names("study.publish.sphinx_build"),
    }  # fmt: skip
    before = _read(folder / "made.json")
    if before.get("state") == state and all((run.figures / name).is_file() for name in before["files"]):
        return False
    from study.publish import sphinx_build

    _bring(read, folder / "source")
    if faults := sphinx_build.build(folder / "source", folder / "html", **settings, progress=progress):
        print(f"\nstudy: pages with faults in their text:\n{faults.strip()}", file=sys.stderr)
    files = _publish(folder / "html", run.figures)
    for name in set(before.get("files", [])) - set(files):
        (run.figures / name).unlink(missing_ok=True)
    write_json(folder / "made.json", {"state": state, "files": files})
    return True


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _bring(files, folder):
    """Make a folder have these files alone; what is the same stays untouched, so that Sphinx sees what changed."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        _write_changed(folder / name, content)


def _publish(made, folder):
    """Copy what Sphinx made, without what only Sphinx reads; returns the names."""
    names = [path.relative_to(made).as_posix() for path in sorted(made.rglob("*"))
             if path.is_file() and not path.name.endswith(LEFT_OUT)]  # fmt: skip
    for name in names:
        _write_changed(folder / name, (made / name).read_bytes())
    return names


def _write_changed(path, content):
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)
