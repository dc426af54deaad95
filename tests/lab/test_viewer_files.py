"""Fetching the viewer by the real npm from a local registry: correct files are installed, others are refused."""

import base64
import hashlib
import io
import json
import shutil
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from study.lab import viewer_files

NPM = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not here; Node.js brings it")


def archive(files):
    """An npm package of these files, as bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """Return a function (name, version, files) that puts a package where npm is told to look; returns its digest."""
    packages = {}

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self):
            content = packages.get(self.path)
            self.send_response(200 if content else 404)
            self.end_headers()
            self.wfile.write(content or b"{}")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("npm_config_registry", address)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    def put(name, version, files):
        packed = archive({"package.json": json.dumps({"name": name, "version": version}), **files})
        digest = base64.b64encode(hashlib.sha512(packed).digest()).decode()
        about = {"name": name, "version": version, "dist": {"tarball": f"{address}/{name}.tgz"}}
        packages[f"/{name}"] = json.dumps(
            {"name": name, "versions": {version: about}, "dist-tags": {"latest": version}}
        ).encode()
        packages[f"/{name}.tgz"] = packed
        return digest

    yield put
    server.shutdown()
    server.server_close()


@pytest.fixture
def extensions(tmp_path, monkeypatch):
    """Where lab extensions lie, with the one that is changed; two packages are asked for."""
    folder = tmp_path / "labextensions"
    (folder / viewer_files.EXTENSION / "static").mkdir(parents=True)
    (folder / viewer_files.EXTENSION / "static" / "main.1.js").write_text('load("https://there.example/a.js")')
    monkeypatch.setattr(viewer_files, "IN_VIEWER", {"one/page.html": [("old", "new", 2)]})
    monkeypatch.setattr(
        viewer_files, "IN_EXTENSION", {"static/main.*.js": [(r"https://[^\"]+/a\.js", "/here/a.js", 1)]}
    )
    return folder


def ask_for(monkeypatch, one, two):
    wanted = {"one@1.0.0": (one, r"dist/.*\.html"), "two@2.0.0": (two, r"two\.js")}
    monkeypatch.setattr(viewer_files, "PACKAGES", wanted)


FILES = {"dist/page.html": "old and old", "dist/unwanted.js": "", "dist/../../out.html": "no"}


@NPM
def test_what_is_wanted_is_installed_changed_and_once_only(registry, extensions, monkeypatch):
    ask_for(monkeypatch, registry("one", "1.0.0", FILES), registry("two", "2.0.0", {"two.js": "2"}))
    assert not viewer_files.installed(extensions)
    said = []
    for _ in range(2):  # a second time changes the same files to the same
        viewer_files.install(extensions, said.append)
        assert viewer_files.installed(extensions)
        installed = {
            path.relative_to(extensions).as_posix(): path.read_text()
            for path in extensions.rglob("*")
            if path.is_file() and path.suffix in (".html", ".js")
        }
        assert installed == {
            "study-viewer/one/page.html": "new and new",
            "study-viewer/two/two.js": "2",
            "study-viewer/vue-window.js": "window.VueWindow = { install() {} };\n",
            "imjoy-jupyterlab-extension/static/main.1.js": 'load("/here/a.js")',
        }
    assert said[:2] == ["fetching one@1.0.0", "fetching two@2.0.0"]
    monkeypatch.setattr(viewer_files, "IN_VIEWER", {})
    assert not viewer_files.installed(extensions)  # another version of the study wants another viewer


@NPM
def test_another_digest_is_refused_and_nothing_installed(registry, extensions, monkeypatch):
    right = registry("one", "1.0.0", FILES)
    ask_for(monkeypatch, right, right)
    registry("two", "2.0.0", {"two.js": "something else"})
    with pytest.raises(viewer_files.ViewerError, match=r"two@2\.0\.0: .* expected .*; nothing was installed"):
        viewer_files.install(extensions, lambda line: None)
    assert [path.name for path in extensions.iterdir()] == [viewer_files.EXTENSION]
    with pytest.raises(viewer_files.ViewerError, match=r"two@2\.0\.1: npm pack failed .*No matching version"):
        viewer_files._fetch(shutil.which("npm"), "two@2.0.1", right, extensions)


@NPM
def test_a_file_that_reads_otherwise_is_refused_and_nothing_installed(registry, extensions, monkeypatch):
    ask_for(monkeypatch, registry("one", "1.0.0", {"dist/page.html": "old"}), registry("two", "2.0.0", {"two.js": ""}))
    with pytest.raises(viewer_files.ViewerError, match="occurs 1 times, expected 2"):
        viewer_files.install(extensions, lambda line: None)
    assert not (extensions / viewer_files.FOLDER).exists()


def test_without_npm_or_the_extension_it_says_what_to_do(extensions, monkeypatch, tmp_path):
    with monkeypatch.context() as patch, pytest.raises(viewer_files.ViewerError, match=r"install Node\.js"):
        patch.setenv("PATH", str(tmp_path))
        viewer_files.install(extensions)
    if shutil.which("npm"):
        shutil.rmtree(extensions / viewer_files.EXTENSION)
        with pytest.raises(viewer_files.ViewerError, match="make lab"):
            viewer_files.install(extensions)
