"""Files: written whole or not at all, and known by their SHA-256."""

import contextlib
import hashlib
import json
import math
import os
import shutil
from pathlib import Path


@contextlib.contextmanager
def whole(path):
    """Give a temporary path next to `path`, which takes its name when the block ends without an error.

    A reader never sees half a file or half a folder. The temporary path keeps the ending of the name; what a killed
    process leaves behind is hidden and called ``.<number>.partial.<name>``. The file may be read by those who may read
    other new files, whatever the library that wrote it thinks (safetensors lets nobody but the owner).

    Parameters
    ----------
    path : str or Path
        Of a file or a folder; what is there already is replaced.

    Yields
    ------
    Path
        Nothing is there yet; its folder is.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        yield partial
        if partial.is_file():
            with contextlib.suppress(PermissionError):  # of a file system that has no modes
                partial.chmod(0o666 & ~_umask())
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def new(path):
    """As `whole`, for a name that the user may have given before: another file of this name is not replaced.

    Raises
    ------
    ValueError
        If a file is there with other content.
    """
    path = Path(path)
    with whole(path) as partial:
        yield partial
        if path.exists() and path.read_bytes() != partial.read_bytes():
            raise ValueError(
                f"{path}: there is another file of this name; move it away, or give another folder by --out"
            )


def refuse_to_replace(path, header):
    """Refuse to write a table over what is no earlier version of it.

    Parameters
    ----------
    path : str or Path
        Of a CSV file, which may be there already.
    header : sequence of str
        Its columns.

    Raises
    ------
    ValueError
        If a folder is there, or a file whose first line is another.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: this is a folder; give the name of a CSV file by --out")
    if path.exists() and path.read_bytes().splitlines()[:1] != [",".join(header).encode()]:
        raise ValueError(f"{path}: there is another file of this name; move it away, or give another name by --out")


def _umask():
    """The process's file mode creation mask, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_bytes(path, content):
    """Write `content`, whole or not at all."""
    with whole(path) as partial:
        partial.write_bytes(content)


def write_text(path, text):
    """Write `text` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path, content):
    """Write `content` as indented JSON, atomically. NaN and infinities become null, as JSON has neither."""
    write_text(path, json.dumps(_finite(content), indent=2, ensure_ascii=False) + "\n")


def read_json(path):
    """What `write_json` wrote, with NaN where it has null, so that a column of numbers is one though none is known."""
    return json.loads(Path(path).read_text(encoding="utf-8"), object_hook=_with_nan)


def _with_nan(content):
    return {key: math.nan if item is None else item for key, item in content.items()}


def write_table(path, table):
    """Write a table as CSV, atomically; with ten significant digits, so that the same table gives the same bytes."""
    write_text(path, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def _finite(content):
    if isinstance(content, dict):
        return {key: _finite(item) for key, item in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(item) for item in content]
    if hasattr(content, "item"):  # a numpy scalar
        content = content.item()
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def sha256(path):
    """SHA-256 of a file in hexadecimal; of a folder, over the names and digests of its files, in order of name."""
    path = Path(path)
    if path.is_dir():
        listed = [[file.name, sha256(file)] for file in sorted(path.iterdir())]
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
