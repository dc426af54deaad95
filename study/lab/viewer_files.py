"""The files that itkwidgets shows a volume with, fetched once by npm and served by JupyterLab itself.

itkwidgets 1.0 draws with itk-vtk-viewer, a program for the browser that it loads from the internet each time. Here the
same files are installed into the environment, so that nothing is loaded at run time and a scan can be viewed offline.
Each download must match the digest given here. In four of the files the addresses are changed, each exactly as often as
it is known to occur, so that an untested version is refused rather than half changed.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from study.files import write_text

# JupyterLab serves each folder of share/jupyter/labextensions under this address.
FOLDER = "study-viewer"
COMPLETE = "complete"  # a file that is written last, with the digest of all settings below
LONGEST_S = 300  # for npm to fetch one package
ORIGINAL = ".original"  # the original of a changed file, next to it
ADDRESS = f"/lab/extensions/{FOLDER}"
VIEWER = f"{ADDRESS}/itk-vtk-viewer/index.html"
CONTROLS = f"{ADDRESS}/itk-viewer-bootstrap-ui/bootstrapUIMachineOptions.js.es.js"

# Package and version, its SHA-512 as npm writes it, and which of its files are used.
PACKAGES = {
    "itk-vtk-viewer@14.51.0": (
        "i1H0PfekLdCfL45lZ96aWCoh4thzxeexiGJ3NYC9euF1WefXW0P1JijBLIJfrDBvp5fhjncj/EEnIW1auBh+zw==",
        r"dist/(index\.html|favicon-32x32\.png|itkVtkViewer\.js|124\.itkVtkViewer\.js|[0-9a-f]{20}\.js"
        r"|itk/(pipeline|web-workers)/.*)",
    ),
    "imjoy-core@0.14.5": (
        "G0ybhLq57vOSM+4DhJ7A/3WSjJdbzk+WoEqg4+c5clkRhLOYY5VfI6oJ4MI664ZsVVgIinswsEJWbHAWQOBxFg==",
        r"dist/imjoy-(core|loader|rpc)\.min\.js",
    ),
    "itk-viewer-bootstrap-ui@0.30.0": (
        "JfXAeCEgllRblolFwB4HaPQp+AyPzUt8s3g74LVnWLkvOyng4p24aO2Sjsk6ZIkWyZjdfZWAtvrdScKh/RPkKw==",
        r"dist/bootstrapUIMachineOptions\.js\.es\.js",
    ),
    "vue@2.6.10": (
        "ImThpeNU9HbdZL3utgMCq0oiMzAkt1mcgy3/E6zWC/G6AaQoeuFdsl9nDhTDU3X1R6FK7nsIUuRACVcjI+A2GQ==",
        r"dist/vue\.min\.js",
    ),
    "vue-js-modal@2.0.1": (
        "5FUwsH2zoxRKX4a7wkFAqX0eITCcIMunJDEfIxzHs2bHw9o20+Iqm+uQvBcg1jkzyo1+tVgThR/7NGU8djbD8Q==",
        r"dist/(index\.js|styles\.css)",
    ),
}

# What is changed in a file, and how often it must occur: (pattern, replacement, times). In the viewer's own files ...
IN_VIEWER = {
    "itk-vtk-viewer/index.html": [
        (r"https://[^\"]+/imjoy-loader\.js", "../imjoy-core/imjoy-loader.min.js", 1),
        (r"api_version: '0\.2\.3'", "base_url: '../imjoy-core/'", 1),
    ],
    # Two plugins for other kernels, which would be loaded from the internet.
    "imjoy-core/imjoy-core.min.js": [(r'"startup":true', '"startup":false', 2)],
}
# ... and in the lab extension that itkwidgets talks to, as pip installed it.
EXTENSION = "imjoy-jupyterlab-extension"
IN_EXTENSION = {
    "static/vendors-*imjoy-core*.js": [
        (rf"https://[^\"\\]+/{there}", f"{ADDRESS}/{here}", 1)
        for there, here in (
            (r"vue@2\.6\.10/dist/vue\.min\.js", "vue/vue.min.js"),
            (r"vue-js-modal/index\.js", "vue-js-modal/index.js"),
            (r"vue-js-modal/styles\.css", "vue-js-modal/styles.css"),
            (r"vue-window@[^\"\\]+/index\.js", "vue-window.js"),
        )
    ],
    "static/lib_index_js.*.js": [
        (
            r"process_url_query: true,",
            f'base_url: "{ADDRESS}/imjoy-core/", default_rpc_base_url: "{ADDRESS}/imjoy-core/",',
            1,
        ),
        (r"https://[^\"]+/imjoy-logo-black\.svg", f"{ADDRESS}/itk-vtk-viewer/favicon-32x32.png", 1),
        # A window opens only at an absolute address.
        (
            r"async createWindow\(_plugin, w, extra_config\) \{",
            "async createWindow(_plugin, w, extra_config) { w.src = new URL(w.src, window.location.href).href;",
            1,
        ),
        # It would wait for the kernel, which is busy with the cell that waits for the viewer.
        (r"await patchPyodideKernel\(kernel\);", "", 1),
    ],
}


class ViewerError(RuntimeError):
    """The viewer's files could not be installed: what, where and the remedy."""


def installed(root=None):
    """Tell whether the viewer is completely installed in this environment, as this module would do it."""
    target = _folder(root)
    changed = (next((target.parent / EXTENSION).glob(f"{name}{ORIGINAL}"), None) for name in IN_EXTENSION)
    marker = target / COMPLETE
    return all(changed) and marker.is_file() and marker.read_text(encoding="utf-8") == _recipe()


def install(root=None, say=print):
    """Fetch the viewer's files with npm, check digests, change addresses, and put the files where Lab serves them.

    Parameters
    ----------
    root : Path, optional
        Folder of lab extensions; this environment's unless given.
    say : callable
        Takes a line of progress.

    Raises
    ------
    ViewerError
        If npm is missing or fails, a digest differs, or an address does not occur as often as expected.
    """
    npm = shutil.which("npm")
    if not npm:
        raise ViewerError(
            "npm, which fetches the viewer of itkwidgets, was not found; install Node.js, which includes it"
        )
    target = _folder(root)
    extensions = target.parent
    if not (extensions / EXTENSION).is_dir():
        raise ViewerError(f"{extensions}: {EXTENSION} is not installed; make lab installs it with itkwidgets")
    with tempfile.TemporaryDirectory(prefix="study-viewer-") as downloads:
        unfinished = Path(downloads) / FOLDER
        for package, (digest, wanted) in PACKAGES.items():
            say(f"fetching {package}")
            _unpack(_fetch(npm, package, digest, Path(downloads)), package, wanted, unfinished)
        # Its code is on no registry. It would draw windows; the viewer is shown in the notebook instead.
        (unfinished / "vue-window.js").write_text("window.VueWindow = { install() {} };\n", encoding="utf-8")
        texts = [*_changed(unfinished, IN_VIEWER), *_changed(extensions / EXTENSION, IN_EXTENSION)]
        for path, text in texts:
            write_text(path, text)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(unfinished, target)
    write_text(target / COMPLETE, _recipe())


def _recipe():
    return hashlib.sha256(repr((PACKAGES, IN_VIEWER, IN_EXTENSION)).encode()).hexdigest()


def _folder(root):
    return (Path(root) if root else Path(sys.prefix) / "share" / "jupyter" / "labextensions") / FOLDER


def _fetch(npm, package, digest, folder):
    """Download a package with npm as configured on this machine; returns the archive after checking its digest."""
    command = [npm, "pack", "--loglevel=error", package]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=LONGEST_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        words = " ".join(str(error.stderr or error).split())[:300]
        raise ViewerError(
            f"{package}: npm pack failed ({words}); check npm's registry and the network, then try again"
        ) from None
    archive = folder / done.stdout.split()[-1]
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode("ascii")
    if found != digest:
        raise ViewerError(
            f"{package}: what npm fetched has the SHA-512 {found}, expected {digest}; nothing was installed - "
            "do not trust this registry or mirror"
        )
    return archive


def _unpack(archive, package, wanted, folder):
    """Write the wanted files of an archive (``package/...``), leaving out the folder ``dist/`` that contains them."""
    name = package.partition("@")[0]
    with tarfile.open(archive) as packed:
        for member in packed:
            inside = member.name.partition("/")[2]
            if member.isfile() and re.fullmatch(wanted, inside) and ".." not in inside:
                path = folder / name / inside.removeprefix("dist/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(packed.extractfile(member).read())


def _changed(folder, replacements):
    """Each file's path and its new text, made from the file as installed, a copy of which is kept next to it."""
    for name, changes in replacements.items():
        found = [path for path in folder.glob(name) if path.is_file()]
        if len(found) != 1:
            raise ViewerError(f"{folder / name}: {len(found)} such files, expected 1; {_OTHER_VERSION}")
        original = found[0].with_name(found[0].name + ORIGINAL)
        if not original.exists():
            shutil.copyfile(found[0], original)
        text = original.read_text(encoding="utf-8")
        for pattern, replacement, times in changes:
            text, count = re.subn(pattern, lambda _, new=replacement: new, text)
            if count != times:
                raise ViewerError(f"{found[0]}: {pattern} occurs {count} times, expected {times}; {_OTHER_VERSION}")
        yield found[0], text


_OTHER_VERSION = "the installed version is not the one in requirements-lab.lock; set up again with make lab"
