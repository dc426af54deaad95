"""What is wrong with a scan table and its files, and what is doubtful: one list for all who ask.

`study check` opens every file. A run looks at the rest of the list before it starts, notebook 1 says what is doubtful,
and what is wrong with the files of a single scan leaves that scan out later, in the words of its fault here.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from itertools import chain
from pathlib import Path

import pandas as pd

from study.files import sha256
from study.plural import count
from study.scans.ct import ScanError, mask_reader, read_scan
from study.scans.identities import suspicions
from study.scans.nifti import is_folder
from study.scans.plausibility import refuse_exchanged_masks
from study.scans.scan_tables import read_biomarkers, scan_table
from study.scans.schemas import (
    ADULT_YEARS,
    MASK_COLUMNS,
    OPTIONAL_COLUMNS,
    SCAN_COLUMNS,
    SCAN_RULES,
    STATUSES,
    Fault,
    ScanTableError,
    plain_name,
    read_text_table,
)

# What follows for a scan whose age, sex, date or status is unknown, as in most public data sets.
HIGHEST_IHU, LEAST_LUNG_ML = 150, 200  # of what is measured: enhanced tissue; the least that is taken for lungs
UNKNOWN = {
    "age_years": "such patients are included, and Table 1 gives the age of the others",
    "sex": "Table 1 gives the sex of the others",
    "scan_date": "a scan without date is in no pair of consecutive scans: progression (notebook 6) leaves it out, and "
    "pairs the scans before and after it",
    "status": "severity (notebook 5) leaves such scans out",
}


# --- what is wrong ---


def check_scans(path, files: bool = True, progress: bool = True, notes: list[str] | None = None) -> list[Fault]:
    """Everything wrong with a scan table and the files that it names.

    Parameters
    ----------
    path : str or pathlib.Path
    files : bool
        Open every scan and mask too. A mask is compared with its scan, the infection with the lungs; if the scan
        cannot be read, its masks are only checked for existence. Scans are compared with each other.
    progress : bool
        Show a progress bar on standard error.
    notes : list of str, optional
        Receives what a user should know of scans that can be read, and what `doubts` says of the cells.

    Returns
    -------
    list of Fault
        Empty if nothing is wrong; `format_faults` turns it into text.
    """
    try:
        table, faults = scan_table(path)
    except ScanTableError as error:
        return error.faults
    notes = [] if notes is None else notes
    notes += [f"{path}: {note}" for note in _of_cells(table)]
    if files:
        from tqdm import tqdm

        for row, cells in tqdm(table.iterrows(), "checking scans", len(table), unit="scan", disable=not progress):
            faults += _file_faults(Path(path), row, cells, notes)
        faults += _same_scans(Path(path), table)
    return faults


def check_biomarkers(path, notes: list[str]) -> list[Fault]:
    """Everything wrong with a table of biomarkers; `notes` receives what `doubts` says of the cells."""
    try:
        read_biomarkers(path)
    except ScanTableError as error:
        return error.faults
    table, _ = read_text_table(path, ["scan_id"])
    notes += [f"{path}: {note}" for note in _of_cells(table)]
    return []


def check_before_a_run(path, opened: bool = True) -> list[str]:
    """Refuse a table that has a scan twice, or none that could be used, as far as a few seconds show it.

    Parameters
    ----------
    path : str or pathlib.Path
        A scan table without faults.
    opened : bool
        Open the first scan, the last and one between them as `check_scans` does, and not only look whether all files
        are there.

    Returns
    -------
    list of str
        How many scans a run would leave out, as files of theirs are missing.

    Raises
    ------
    ScanTableError
        If a scan is there twice, files of every scan are missing, or all opened scans have faults.
    """
    table, _ = scan_table(path)
    if doubled := _same_scans(Path(path), table):
        raise ScanTableError(path, doubled)
    missing = {row: found for row, cells in table.iterrows() if (found := _missing_files(Path(path), row, cells))}
    if len(missing) == len(table):
        raise ScanTableError(path, [*chain(*missing.values())])
    there = table.drop(index=list(missing))
    if opened:
        some = there.iloc[sorted({0, len(there) // 2, len(there) - 1})]
        faults = [_file_faults(Path(path), row, cells, []) for row, cells in some.iterrows()]
        if all(faults):
            raise ScanTableError(path, [*chain(*faults)])
    if not missing:
        return []
    first = next(iter(missing.values()))[0]
    return [
        f"{path}: files are missing for {len(missing)} of {count(len(table), 'scan')}, and the run will go on without "
        f"them; the first, in row {first.row}, {first.column}: {first.value}: {first.remedy}"
    ]


def check_training_files(path) -> None:
    """Refuse a training table that names files which are not there, as training needs all of them.

    Raises
    ------
    ScanTableError
    """
    table, _ = read_text_table(path, ["image"])
    faults = [fault for row, cells in table.iterrows() for fault in _missing_files(Path(path), row, cells)]
    if faults:
        raise ScanTableError(path, faults)


def why_no_severity(path, scans: pd.DataFrame) -> list[Fault]:
    """Why severity cannot be analysed, which takes severe and non-severe scans; empty if it can."""
    known = scans["status"].dropna()
    if known.nunique() == len(STATUSES):
        return []
    found = "unknown for all scans"
    if len(known):
        every = f"all {len(known)} scans" if len(known) > 1 else "the one scan"
        found = f"{known.iloc[0]} for {every} of known status"
    rule = f"status is {found}, and severity (notebook 5) stops without severe and non-severe ones"
    before = "progression" if "poi" in scans else "biomarkers"  # a table of biomarkers begins with notebook 5
    remedy = f"fill in the column, or leave it out, by `study run NAME --until {before}`"
    return [Fault(str(path), None, "status", "", rule, remedy)]


def _missing_files(path: Path, row: int, cells: pd.Series) -> list[Fault]:
    """The files that one row names and that are not there."""
    faults = []
    for column in ("image", *MASK_COLUMNS):
        if cells.get(column):
            try:
                is_folder(path.parent / cells[column])
            except ScanError as error:
                faults.append(Fault(str(path), row, column, cells[column], error.what, error.remedy))
    return faults


def _same_scans(path: Path, table: pd.DataFrame) -> list[Fault]:
    """Rows whose scan is, byte for byte, that of a row before under another name.

    Cheap for a large cohort: only scans of one size are opened, and read whole only if their middles agree.
    """
    names = table["image"][table["image"] != ""].map(os.path.normpath)
    named = names.drop_duplicates()  # one name twice is told before
    files = {row: _files_of(path.parent / name) for row, name in named.items()}
    alike = [[row for row, found in files.items() if found]]
    for look in (_size, _middle, sha256):
        alike = [rows for some in alike for rows in _grouped(some, files, look) if len(rows) > 1]
    rule, remedy = "the same scan, byte for byte, as in row", "remove one of the two rows, or name each scan's own file"
    return [
        Fault(str(path), row, "image", table.at[row, "image"], f"{rule} {first}", remedy)
        for first, *others in alike for row in others
    ]  # fmt: skip


def _files_of(scan: Path) -> list[Path]:
    """The file of a scan, or those in its folder; none if it is not there."""
    return sorted(file for file in scan.iterdir() if file.is_file()) if scan.is_dir() else [scan] * scan.is_file()


def _grouped(rows: list[int], files: dict[int, list[Path]], look) -> list[list[int]]:
    """Rows in groups of those whose files look alike, in whatever order; one that cannot be read is like no other."""
    groups = {}
    for row in rows:
        try:
            seen = tuple(sorted(look(file) for file in files[row]))
        except OSError:
            seen = row
        groups.setdefault(seen, []).append(row)
    return list(groups.values())


def _size(file: Path) -> int:
    return file.stat().st_size


def _middle(file: Path, n_bytes: int = 65536) -> bytes:
    with file.open("rb") as opened:
        opened.seek(max(_size(file) // 2 - n_bytes // 2, 0))
        return hashlib.sha256(opened.read(n_bytes)).digest()


def _file_faults(path: Path, row: int, cells: pd.Series, notes: list[str]) -> list[Fault]:
    """What is wrong with the files that one row names; `notes` receives what is worth knowing of its scan."""
    faults = []

    def fault(column, error):
        faults.append(Fault(str(path), row, column, cells[column], error.what, error.remedy))

    scan, voxels, outlines = None, {}, {}
    if cells["image"]:
        try:
            scan = read_scan(path.parent / cells["image"])
            notes += [f"{path}: row {row}, {cells['image']}: {note}" for note in scan.notes]
        except ScanError as error:
            fault("image", error)
    for column in MASK_COLUMNS:
        if not cells.get(column):
            continue
        mask_path = path.parent / cells[column]
        try:
            if scan is not None:
                mask = mask_reader(column)(mask_path, scan)
                voxels[column] = int(mask.sum())
                if voxels[column]:
                    outlines.setdefault(hashlib.sha256(mask.tobytes()).hexdigest(), []).append(column)
            else:
                is_folder(mask_path)  # which refuses what is not there
        except Exception as error:  # of whatever type: the other files are checked all the same
            fault(column, ScanError.of(error, mask_path))
    if {"lung_mask", "infection_mask"} <= voxels.keys():
        try:
            refuse_exchanged_masks(path.parent / cells["infection_mask"], voxels["lung_mask"], voxels["infection_mask"])
        except ScanError as error:
            fault("infection_mask", error)
    notes += [f"{path}: row {row}: {' and '.join(same)} are the same in every voxel; is each a delineation of its own?"
              for same in outlines.values() if len(same) > 1]  # fmt: skip
    return faults


# --- what is doubtful ---


def doubts(path, scans: pd.DataFrame) -> list[str]:
    """Say what is doubtful about a sound table of scans or biomarkers, and what follows where cells are unknown.

    Parameters
    ----------
    path : str or pathlib.Path
        The table.
    scans : pandas.DataFrame
        What was read from it.

    Returns
    -------
    list of str
        What may name people, columns that are nearly known, dates that lie in the future or are of two scans of a
        patient, patients who are too young, and what is unknown of how many scans.
    """
    table, _ = read_text_table(path, ["scan_id"])
    return [*_of_cells(table), *unknowns(scans)]


def _of_cells(table: pd.DataFrame) -> list[str]:
    """Say what is doubtful about the cells of a table as text."""
    return [*suspicions(table), *_misspelt(table), *_future_dates(table), *_same_days(table), *_minors(table),
            *_odd_measures(table)]  # fmt: skip


def unknowns(scans: pd.DataFrame) -> list[str]:
    """Say for how many scans age, sex, date or status is unknown, and what follows; nothing if all are known."""
    n_unknown = {column: int(scans[column].isna().sum()) for column in UNKNOWN}
    every = count(len(scans), "scan")
    return [f"{column} is unknown for {n} of {every}: {UNKNOWN[column]}" for column, n in n_unknown.items() if n]


def _misspelt(table: pd.DataFrame) -> list[str]:
    """Say which columns look like one that a scan table may have and that is not there."""
    absent = [name for name in OPTIONAL_COLUMNS if name not in table]
    others = [name for name in table if name not in (*SCAN_COLUMNS, *OPTIONAL_COLUMNS)]
    near = {name: difflib.get_close_matches(plain_name(name), absent, 1, 0.85) for name in others}
    return [f"the column {name!r} is not read; did you mean `{found[0]}`?" for name, found in near.items() if found]


def _odd_measures(table: pd.DataFrame) -> list[str]:
    """Say in how many scans of a table of biomarkers iHU or the lungs' volume is what nobody measures."""
    said = []
    for column, is_odd, what in (
        ("ihu", lambda hu: hu > HIGHEST_IHU, f"above {HIGHEST_IHU} HU, denser than tissue; was a minus lost?"),
        ("lung_volume_ml", lambda ml: ml < LEAST_LUNG_ML, f"below {LEAST_LUNG_ML} ml; are these litres?"),
    ):
        if "poi" in table and column in table:
            n = int(is_odd(pd.to_numeric(table[column], errors="coerce")).sum())
            said += [f"{column} of {count(n, 'scan')} is {what}"] * bool(n)
    return said


def _minors(table: pd.DataFrame) -> list[str]:
    """Say whom notebook 1 leaves out, as the paper did; a table of biomarkers is taken as it is."""
    known = pd.to_numeric(table["age_years"], errors="coerce")
    young = table[table["patient_id"].isin(table.loc[known < ADULT_YEARS, "patient_id"])]
    if young.empty:
        return []
    what_follows = "notebook 1 leaves them out, as the paper did"
    if "poi" in table:
        what_follows = "a table of biomarkers is taken as it is; to do as the paper did, remove them"
    who = f"{count(young['patient_id'].nunique(), 'patient')} with {count(len(young), 'scan')}"
    return [f"under {ADULT_YEARS} years: {who}; {what_follows}"]


def _same_days(table: pd.DataFrame) -> list[str]:
    """Say how many scans are of a day of which the patient has another one, and by what they are ordered."""
    dated = table[table["scan_date"] != ""]
    doubled = dated[dated.duplicated(["patient_id", "scan_date"])]
    if doubled.empty:
        return []
    return [
        f"a patient has several scans of one day in {count(len(doubled), 'row')}, the first of them row "
        f"{doubled.index[0]}: the study takes them in the order of the table, so that a change from one to the other "
        "depends on it; put them in the order in which they were taken"
    ]


def _future_dates(table: pd.DataFrame) -> list[str]:
    """Say how many dates lie in the future, for which a shift on purpose is a reason too."""
    today = pd.Timestamp.now().normalize() + pd.Timedelta(days=1)  # somewhere it is tomorrow already
    late = [row for row, cell in table["scan_date"].items()
            if cell and SCAN_RULES["scan_date"][1](cell) and pd.Timestamp(cell) > today]  # fmt: skip
    if not late:
        return []
    return [
        f"scan_date lies in the future in {len(late)} of {count(len(table), 'row')}, the first of them row {late[0]} "
        f"({table.at[late[0], 'scan_date']}): correct them; dates that were shifted on purpose may stay, if all of a "
        "patient's were shifted alike"
    ]
