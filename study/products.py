"""What notebooks make beside the files that the Snakefile names: files of each scan, weights, figures and tables.

Of files of each scan a list with their SHA-256, ``files.json`` in their folder, stands for all in the Snakefile: a
notebook that reads them is executed again if the list has changed, and only then. What somebody removed is found by
name, and made again; so are figures, tables and values that were written over, as by a notebook in JupyterLab.
"""

import csv
import json
import re

from study.files import sha256, write_json

LIST = "files.json"
FOLDERS = {"1-cohort": ("cohort", "training"), "3-segment": ("masks",)}  # of files of each scan, by who makes them
COLUMNS = ("image", "lung_mask", "infection_mask", "observer_1", "observer_2")  # of a scan table, with paths
KINDS = {"Figure": ("png", "pdf", "caption.md", "tex"), "Table": ("csv", "md", "tex", "docx")}
SAVED = re.compile(r'"((?:Figure|Table)_\w+)"')  # as a cell names it


def of_table(folder):
    """The scans and masks that a folder's scan table names, in its order.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        Empty without a table.
    """
    rows = _rows(folder / "scans.csv")
    return [folder / row[column] for row in rows for column in COLUMNS if row.get(column)]


def write_lists(run, notebook):
    """Write the list of each folder that a notebook has filled with files of scans.

    Parameters
    ----------
    run : study.run.Run
    notebook : str
        Such as ``3-segment``.
    """
    for name in FOLDERS.get(notebook, ()):
        folder = run.folder / name
        listed = _label_maps(run) if name == "masks" else of_table(folder)
        if name == "training":  # where it is from, and how each scan was simulated: a network's card tells both
            listed += [folder / "cohort.json", *sorted((folder / "recipes").glob("*.json"))]
        write_json(folder / LIST, {_relative(path, folder): _digest(path) for path in listed})
    saved = [run.values / f"{notebook}.json", *_figures_and_tables(run, notebook)]
    write_json(_list_of_saved(run, notebook), {_relative(path, run.root): _digest(path) for path in saved})


def lost(run, notebook, n_shards=1):
    """What a notebook made and is not there any more, or not as it made it.

    Parameters
    ----------
    run : study.run.Run
    notebook : str
        Executed before, with the recipe that it has now.
    n_shards : int
        Of notebook 3.

    Returns
    -------
    dict of str to list of Path
        By the output in the Snakefile, relative to the root, with which they are made again.
    """
    output = run.figures / "claims.html" if notebook == "7-claims" else run.values / f"{notebook}.json"
    made = {output: _figures_and_tables(run, notebook)}
    if notebook == "1-cohort":
        made[output] += [p for folder in (run.cohort, run.training) for p in of_table(folder)
                         if p.is_relative_to(run.folder)]  # fmt: skip
    elif notebook == "2-train":
        made[output] += [run.models / name for card in sorted(run.models.glob("*.json")) for name in _weights(card)]
    elif notebook == "3-segment":
        for k in range(n_shards):
            shard = run.shards / f"{k}-of-{n_shards}.json"
            made.setdefault(shard if n_shards > 1 else output, []).extend([shard, *_label_maps(run, shard)])
    gone = {output: [path for path in paths if not path.exists()] for output, paths in made.items()}
    gone[output] += _written_over(run, notebook)
    return {output.relative_to(run.root).as_posix(): paths for output, paths in gone.items() if paths}


def _written_over(run, notebook):
    """Figures, tables and values of a notebook that are there and not as it wrote them."""
    listed = _list_of_saved(run, notebook)
    if not listed.is_file():
        return []
    digests = json.loads(listed.read_text(encoding="utf-8"))  # not times, which a copy of the folder has not kept
    paths = {run.root / name: digest for name, digest in digests.items()}
    return [path for path, digest in paths.items() if path.exists() and _digest(path) != digest]


def _list_of_saved(run, notebook):
    return run.folder / "saved" / f"{notebook}.json"


def _figures_and_tables(run, notebook):
    """The files of all figures and tables that the executed copy of a notebook has saved, and not left out."""
    copy = run.folder / "notebooks" / f"{notebook}.ipynb"
    if not copy.is_file():
        return []
    cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    names = SAVED.findall("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    printed = json.dumps([cell.get("outputs", []) for cell in cells])
    return [
        run.figures / f"{name}.{kind}"
        for name in dict.fromkeys(names)
        if f"{name.replace('_', ' ')} is left out" not in printed
        for kind in KINDS[name.partition("_")[0]]
    ]


def _label_maps(run, shard=None):
    """The label maps of the scans that were measured, of all or of a shard, whose file is given."""
    if shard is None:
        rows = _rows(run.biomarkers_csv)
    else:
        rows = json.loads(shard.read_text(encoding="utf-8"))["measured"] if shard.is_file() else []
    return [run.masks / f"{row['scan_id']}.nii.gz" for row in rows]


def _weights(card):
    return json.loads(card.read_text(encoding="utf-8")).get("digests", {})


def _rows(table):
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _relative(path, folder):
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _digest(path):
    """SHA-256; None of what is not there or cannot be read."""
    try:
        return sha256(path)
    except OSError:
        return None
