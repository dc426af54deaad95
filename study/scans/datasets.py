"""The scan table of a public data set, or of any folder of scans: `study index LAYOUT DIR`."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from study.files import sha256, write_json
from study.scans import folders
from study.scans.found import Found
from study.scans.layouts import LAYOUTS
from study.scans.scan_tables import read_scans, read_training_scans, write_scans
from study.scans.schemas import PROTOCOL_COLUMNS, SCAN_COLUMNS, TRAINING_COLUMNS, ScanTableError

NO_INFECTION_MASK = "it has no infection mask, so it cannot be used for training"


@dataclass(frozen=True)
class Index:
    """A table that was written, its rows, and what was left out: (file, reason) each.

    `notes` say what a user should know besides.
    """

    path: Path
    scans: pd.DataFrame
    left_out: list[tuple[str, str]]
    notes: list[str]


def index(layout: str, folder, out=None, lungs=None, ids="numbers") -> Index:
    """Write the scan table of a folder and, for a public data set, a note beside it with its source and licence.

    Parameters
    ----------
    layout : str
        A name in `LAYOUTS`. The note of a scan table is cohort.json, which a run believes while its digest is the
        table's; that of a training table is <table>.origin.json.
    folder : str or Path
    out : str or Path, optional
        The table; by default scans.csv in `folder`, or training.csv with `lungs`.
    lungs : str or Path, optional
        A folder of label maps or lung masks, <scan_id>.nii.gz, used where the data set has no lung mask. They are no
        reference standard, so the table is then a training table and cannot be used for evaluation.
    ids : {"numbers", "names"}
        Of the layout folder: P001-1 for the first scan of the first patient, with a key file beside the table, or ids
        from the names of files and folders, which may be those of people. Public data sets have their own ids.

    Returns
    -------
    Index

    Raises
    ------
    ValueError
        For an unknown layout, a missing folder, or an existing file with other content; a `ScanTableError` with all
        that is wrong with the folder.
    """
    if layout not in LAYOUTS:
        near = difflib.get_close_matches(layout.lower(), LAYOUTS, 1, 0.4)
        guess = f"; did you mean {near[0]}?" if near else "."
        raise ValueError(f"there is no layout {layout!r}{guess} Known: {', '.join(LAYOUTS)}")
    if ids not in folders.IDS:
        raise ValueError(f"ids is {ids!r}; write one of: {', '.join(folders.IDS)}")
    known, folder = LAYOUTS[layout], Path(folder)
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "there is no such folder"
        raise ValueError(f"{folder}: {what}; give the folder with {known.holds}")
    found = known.read(folder.resolve())
    if not (found.rows or found.left_out or found.faults):
        found.fault(folder.resolve(), f"nothing laid out as {layout} is here", f"give the folder with {known.holds}")
    if lungs is not None:
        _take_lungs(found, Path(lungs).resolve())
    if not (found.rows or found.faults):
        found.fault(found.folder, "no scan is left to be indexed", "see what was left out and why")
    if found.faults:
        raise ScanTableError(found.folder, found.faults)
    key = pd.DataFrame(folders.number(found)) if layout == "folder" and ids == "numbers" else None
    out = Path(out) if out else folder / ("scans.csv" if lungs is None else "training.csv")
    if lungs is None:
        columns = [*SCAN_COLUMNS, "lung_mask", "infection_mask"]
    else:
        columns = [name for name in TRAINING_COLUMNS if name not in PROTOCOL_COLUMNS]
    more = sorted({name for row in found.rows for name in row} - {*SCAN_COLUMNS, *TRAINING_COLUMNS})
    scans = pd.DataFrame(found.rows).reindex(columns=[*columns, *more])
    about = {"tier": "public", "source": known.source, "licence": known.licence, "seed": None} if known.source else None
    if key is not None:
        found.notes.append(f"{key_of(out)} says who is who; keep it where patients' names may be kept")
    _write(scans, out, about, key, is_training=lungs is not None)
    return Index(out, scans, found.left_out, found.notes)


def key_of(table: Path) -> Path:
    """The file beside a scan table that says who the numbered patients are; nothing in the study reads it."""
    return table.with_suffix(".key.csv")


def _take_lungs(found: Found, lungs: Path) -> None:
    """Leave out scans without an infection mask; take lung masks that others lack from another folder."""
    found.left_out += [(row["image"], NO_INFECTION_MASK) for row in found.rows if "infection_mask" not in row]
    found.rows = [row for row in found.rows if "infection_mask" in row]
    for row in found.rows:
        mask = lungs / f"{row['scan_id']}.nii.gz"
        if "lung_mask" not in row and not mask.is_file():
            found.fault(
                mask, "there is no such lung mask or label map", "run the study on the scans first, which makes them"
            )
        row.setdefault("lung_mask", str(mask))


def _write(scans: pd.DataFrame, out: Path, about: dict | None, key: pd.DataFrame | None, is_training: bool) -> None:
    """Write a table, its note and its key, all or nothing; a file that exists must have the same content."""
    pending = {out: out.with_name(f".{out.name}.{os.getpid()}.new")}
    says = out.with_suffix(".origin.json") if is_training else out.with_name("cohort.json")
    try:
        write_scans(pending[out], scans)
        try:
            (read_training_scans if is_training else read_scans)(pending[out])
        except ScanTableError as error:
            raise ScanTableError(out, [replace(fault, file=str(out)) for fault in error.faults]) from None
        if about:
            pending[says] = says.with_name(f".{says.name}.{os.getpid()}.new")
            write_json(pending[says], about | {"digest": sha256(pending[out])})
        if key is not None:
            pending[key_of(out)] = key_of(out).with_name(f".{key_of(out).name}.{os.getpid()}.new")
            write_scans(pending[key_of(out)], key)
        for path, new in pending.items():
            if path.exists() and (not path.is_file() or path.read_bytes() != new.read_bytes()):
                raise ValueError(
                    f"{path}: this file exists and has other content; move it away, or write the table to another "
                    "folder with --out"
                )
        for path, new in pending.items():
            os.replace(new, path)
    finally:
        for new in pending.values():
            new.unlink(missing_ok=True)
