"""What a run says, in one file: its values, tables, the digests of the files along the way, and on what it ran."""

import csv
import gzip
import hashlib
import json
from pathlib import Path

from study import products
from study.files import sha256, write_text
from study.run import Run

FILE = "values.json"
DIGITS = 12  # of a SHA-256 in hexadecimal: enough to tell files apart that nobody forged
# Of provenance.json: what may explain that another run says something else.
ORIGIN = ("run", "commit", "changed_since_commit", "processor", "parameters", "system", "python",
          "packages")  # fmt: skip


def of_run(run, with_files=True):
    """Take the snapshot of a run.

    Parameters
    ----------
    run : study.run.Run
        Finished: what is missing is left out.
    with_files : bool
        Whether to read all files along the way for their digests, which takes seconds for each hundred scans.

    Returns
    -------
    dict
        ``origin``, from the run's provenance; ``files``, by kind in the order in which the study makes them, each a
        dict of path within the run to digest; ``values``, by notebook a list of recorded values; ``tables``, by name
        the rows of texts, the heading first.

    Raises
    ------
    ValueError
        If the run has recorded nothing.
    """
    recorded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(run.values.glob("*.json"))]
    if not recorded:
        raise ValueError(f"{run.values}: the run {run.name} has recorded nothing; make it first: study run {run.name}")
    path = run.folder / "provenance.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"run": run.name}
    return {
        "origin": {name: known[name] for name in ORIGIN if name in known},
        "files": {kind: _digests(run, paths) for kind, paths in _along_the_way(run).items()} if with_files else {},
        "values": {one["notebook"]: one["values"] for one in recorded},
        "tables": tables(run.figures),
    }


def tables(folder):
    """Read the tables of a folder of figures: by name the rows of texts, the heading first, without the tier."""
    found = {}
    for path in sorted(Path(folder).glob("Table_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        own = [k for k, heading in enumerate(rows[0] if rows else []) if heading != "tier"]
        found[path.stem] = [[row[k] for k in own] for row in rows]
    return found


def write(snapshot, path):
    """Write a snapshot as JSON, a line for each value, row and file, so that versions can be compared line by line."""
    parts = [f'"origin": {json.dumps(snapshot["origin"], indent=1, ensure_ascii=False)}']
    for name in ("files", "values", "tables"):
        inner = []
        for key, content in snapshot[name].items():
            if isinstance(content, dict):
                lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in content.items()]
            else:
                lines = [json.dumps(item, ensure_ascii=False) for item in content]
            opening, closing = "{}" if isinstance(content, dict) else "[]"
            inner.append(f"{json.dumps(key)}: {opening}\n" + ",\n".join(lines) + f"\n{closing}")
        parts.append(f'"{name}": {{\n' + ",\n".join(inner) + "\n}")
    write_text(path, "{\n" + ",\n".join(parts) + "\n}\n")


def read(named, root):
    """Read what someone calls a run: the name of one, a file of values, or a folder with that file or with tables.

    Parameters
    ----------
    named : str
    root : Path
        The project's.

    Raises
    ------
    ValueError
        If it is none of these, or a file of something else.
    """
    path = Path(named)
    if path.is_dir() and (path / FILE).is_file():
        path = path / FILE
    if path.is_file():
        return _read_file(path)
    if path.is_dir() and (found := tables(path)):
        return {"origin": {}, "files": {}, "values": {}, "tables": found}
    if not path.exists() and len(path.parts) == 1 and (root / "runs" / named).is_dir():
        return of_run(Run(named, root))
    raise ValueError(
        f"{named}: no run of this name, no file of values and no folder with {FILE} or tables (Table_*.csv); give the "
        "name of a run that was made, or a path such as figures/preview"
    )


def _read_file(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(content[name], dict) for name in ("origin", "files", "values", "tables")):
            return content
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path}: no values of a run; `python -m tools.documents RUN` writes such a file")


def _along_the_way(run):
    """The files by which numbers come about, by kind: the first kind that differs is where two runs part."""
    label_maps = sorted(run.masks.glob("*.nii.gz"))
    return {
        "training scan": [run.training / "scans.csv", *products.of_table(run.training)],
        "scan": [run.cohort / "scans.csv", run.cohort / "included.csv", *products.of_table(run.cohort)],
        "weight": [run.models / f"{task}.safetensors" for task in ("lung", "infection")],
        "mask": label_maps,
        "table of biomarkers": [run.biomarkers_csv, run.variants_csv],
    }


def _digests(run, paths):
    def known(path):
        return str(path.relative_to(run.folder)) if path.is_relative_to(run.folder) else path.name

    return {known(path): _digest(path) for path in paths if path.exists()}


def _digest(path):
    """SHA-256 of a file's content; of a compressed one unpacked, as versions of zlib pack differently."""
    if path.suffix != ".gz":
        return sha256(path)[:DIGITS]
    with gzip.open(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
