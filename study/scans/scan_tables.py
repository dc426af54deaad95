"""The tables of a study, read and checked: scans, training scans, biomarkers.

A reader refuses a table that breaks its rules with a `ScanTableError` that lists every fault; `study.scans.checks`
also looks at the files that the table names.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from study.files import write_text
from study.scans.schemas import (
    BIOMARKER_COLUMNS,
    BIOMARKER_RULES,
    MASK_COLUMNS,
    NUMERIC_COLUMNS,
    POI_ROUNDING,
    PROTOCOL_COLUMNS,
    SCAN_COLUMNS,
    SCAN_RULES,
    SEXES,
    SIDES,
    TRAINING_COLUMNS,
    TRAINING_RULES,
    Fault,
    ScanTableError,
    cell_faults,
    is_number,
    read_text_table,
)


def read_scans(path) -> pd.DataFrame:
    """Read and check a scan table (`scans.csv`); the files that it names are not opened.

    Parameters
    ----------
    path : str or pathlib.Path
        Comma-separated UTF-8 with the columns scan_id, patient_id, age_years, sex, scan_date, status, image
        and, where known, lung_mask, infection_mask, observer_1, observer_2, motion, report.

    Returns
    -------
    pandas.DataFrame
        One row per scan, in the order of the file. age_years is float, scan_date datetime64, motion boolean,
        all else str; an unknown (empty) cell is NaN, or NaT for a date. Paths become absolute: those in the file
        are relative to the table's folder. Other columns are kept as text.

    Raises
    ------
    ScanTableError
        With all faults at once: file, row (the header is row 1), column, value, rule and remedy.
    """
    return _sound(path, *scan_table(path))


def read_training_scans(path) -> pd.DataFrame:
    """Read and check the table of training scans, with both masks of each and, where known, the protocol.

    A scan table that names both masks of every scan qualifies as well.

    Returns
    -------
    pandas.DataFrame
        scan_id, patient_id, vendor, kernel, image, lung_mask, infection_mask as str (paths absolute);
        slice_thickness_mm, increment_mm, tube_current_mas, tube_voltage_kv as float. An unknown part of the
        protocol, whether an empty cell or a missing column, is "unknown" or NaN.

    Raises
    ------
    ScanTableError
        With all faults at once.
    """
    needed = [name for name in TRAINING_COLUMNS if name not in PROTOCOL_COLUMNS]
    table, faults = read_text_table(path, needed)
    faults += cell_faults(path, table, TRAINING_RULES, needed)
    faults += _doubled(path, table, "scan_id") + _doubled(path, table, "image")
    table = _sound(path, table, faults)
    for name in PROTOCOL_COLUMNS:
        unknown = np.nan if name in NUMERIC_COLUMNS else "unknown"
        table[name] = table[name].fillna(unknown) if name in table else unknown
    return table


def read_biomarkers(path) -> pd.DataFrame:
    """Read and check a table of biomarkers, from notebook 3 or a user's own.

    Parameters
    ----------
    path : str or pathlib.Path
        Comma-separated UTF-8 with the columns scan_id, patient_id, age_years, sex, scan_date, status,
        lung_volume_ml, infection_volume_ml, poi (a fraction, 0 to 1), ihu (HU). The four measures may also be
        given for each lung (right_poi ...), and report and notes as text. An unknown volume may be left empty, poi may
        not. ihu is empty where there is no infection and only there.

    Returns
    -------
    pandas.DataFrame
        One row per scan, numbers as float (NaN where empty), scan_date datetime64, report str.

    Raises
    ------
    ScanTableError
        With all faults at once; volumes, poi and ihu that contradict each other are faults.
    """
    table, faults = read_text_table(path, BIOMARKER_COLUMNS)
    broken = cell_faults(path, table, BIOMARKER_RULES, BIOMARKER_COLUMNS)
    faults += broken + _doubled(path, table, "scan_id") + _patient_faults(path, table)
    broken_cells = {(fault.row, fault.column) for fault in broken}
    for row, cells in table.iterrows():
        for side in SIDES:
            names = [f"{side}{name}" for name in ("lung_volume_ml", "infection_volume_ml", "poi", "ihu")]
            if all(name in cells for name in names) and not any((row, name) in broken_cells for name in names):
                values = [float(cells[name]) if is_number(cells[name]) else np.nan for name in names]
                faults += _measure_faults(path, row, side, values)
    return _sound(path, table, faults)


def holds_biomarkers(path) -> bool:
    """Whether a table has poi and ihu of its scans and names no image; not if it cannot be read."""
    try:
        table, _ = read_text_table(path, [])
    except ScanTableError:
        return False
    return {"poi", "ihu"} <= set(table) and "image" not in table


def write_scans(path, scans: pd.DataFrame) -> None:
    """Write a scan table (or a training table) so that `read_scans` gives it back.

    Paths of files beside or below the table are written relative to it, so that the folder can be moved; others
    unchanged. The same table gives the same bytes.
    """
    path = Path(path)
    folder = path.parent.resolve()
    table = scans.copy()
    for name in ("image", *MASK_COLUMNS):
        if name in table:
            table[name] = [_relative(cell, folder) for cell in table[name]]
    if "scan_date" in table:
        days = pd.to_datetime(table["scan_date"])
        table["scan_date"] = days.dt.strftime("%Y-%m-%d")
    if "motion" in table:
        table["motion"] = ["" if pd.isna(cell) else str(bool(cell)).lower() for cell in table["motion"]]
    for name in table.select_dtypes("float"):
        if (table[name].dropna() % 1 == 0).all():  # 40, as a person would type it, not 40.0
            table[name] = table[name].astype("Int64")
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


# --- rules that concern more than one cell ---


def scan_table(path) -> tuple[pd.DataFrame, list[Fault]]:
    """Read a scan table as text, with its faults; the index is the row as in a spreadsheet."""
    table, faults = read_text_table(path, SCAN_COLUMNS)
    faults += cell_faults(path, table, SCAN_RULES, SCAN_COLUMNS)
    faults += _doubled(path, table, "scan_id") + _doubled(path, table, "image") + _patient_faults(path, table)
    return table, faults


def _doubled(path, table: pd.DataFrame, column: str) -> list[Fault]:
    """Rows whose scan_id (ignoring case, as file systems do) or image occurred before."""
    faults, seen = [], {}
    for row, cell in table[column].items():
        if not cell:
            continue
        key = cell.casefold() if column == "scan_id" else os.path.normpath(cell)
        if key in seen:
            rule = f"the same {column} as in row {seen[key]}" + (", ignoring case" if column == "scan_id" else "")
            remedy = "give each scan its own id" if column == "scan_id" else "name each scan's own file"
            faults.append(Fault(str(path), row, column, cell, rule, remedy))
        seen.setdefault(key, row)
    return faults


def _patient_faults(path, table: pd.DataFrame) -> list[Fault]:
    """A patient whose id, sex or age in one row contradicts that in the first row of the same patient."""
    faults = []
    for _, rows in table[table["patient_id"] != ""].groupby(table["patient_id"].str.casefold(), sort=False):
        first = {}
        for row, cells in rows.iterrows():
            known = {"patient_id": cells["patient_id"]}
            if cells["sex"] in SEXES:
                known["sex"] = cells["sex"]
            has_age = is_number(cells["age_years"]) and SCAN_RULES["age_years"][1](cells["age_years"])
            if has_age and cells["scan_date"] and SCAN_RULES["scan_date"][1](cells["scan_date"]):
                known["age_years"] = float(cells["age_years"]), pd.Timestamp(cells["scan_date"])
            for column, value in known.items():
                if column not in first:
                    first[column] = row, value
                elif column == "age_years":
                    (age, day), (age_before, day_before) = value, first[column][1]
                    if abs(age - age_before - (day - day_before).days / 365.25) > 1.01:
                        before = f"{age_before:g} on {day_before:%Y-%m-%d} in row {first[column][0]}"
                        rule = f"the patient is {before}"
                        faults.append(Fault(str(path), row, column, cells[column], rule, "correct one of the two rows"))
                elif value != first[column][1]:
                    rule = f"the patient's {column} is {first[column][1]} in row {first[column][0]}"
                    faults.append(Fault(str(path), row, column, value, rule, "write the same in all rows of a patient"))
    return faults


def _measure_faults(path, row: int, side: str, values: list[float]) -> list[Fault]:
    """Volumes, poi and ihu of one row that contradict each other; NaN is unknown."""
    lung, infection, poi, ihu = values
    faults = []

    def fault(name, value, rule, remedy):
        text = "" if np.isnan(value) else f"{value:g}"
        faults.append(Fault(str(path), row, f"{side}{name}", text, rule, remedy))

    if infection > lung * (1 + 1e-6):
        fault(
            "infection_volume_ml",
            infection,
            f"at most the lung volume, {lung:g} ml",
            "correct one of the two; the lung volume includes the infection",
        )
    elif lung > 0 and abs(poi - infection / lung) > POI_ROUNDING:
        share = infection / lung
        fault("poi", poi, f"infection volume / lung volume, here {share:.4g}", "correct the poi or the volumes")
    elif lung > 0 and infection >= 0 and np.isnan(poi):
        fault("poi", poi, "not empty where both volumes are known", f"write {infection / lung:.6g}")
    has_infection = infection > 0 if not np.isnan(infection) else poi > 0
    if has_infection and np.isnan(ihu):
        fault("ihu", ihu, "empty only where there is no infection", "fill in the mean HU of the infection")
    is_without = infection == 0 if not np.isnan(infection) else poi == 0
    if is_without and not np.isnan(ihu):
        fault("ihu", ihu, "empty where there is no infection", "leave the cell empty")
    return faults


# --- from text to values ---


def _sound(path, table: pd.DataFrame, faults: list[Fault]) -> pd.DataFrame:
    """The table with numbers, dates and absolute paths; ScanTableError if there was any fault."""
    if faults:
        raise ScanTableError(path, faults)
    table = table.reset_index(drop=True)
    folder = Path(path).parent.resolve()  # of a link, and not of the file that it leads to
    for name in table:
        text = table[name]
        if name in NUMERIC_COLUMNS:
            table[name] = [float(cell) if is_number(cell) else np.nan for cell in text]
        elif name == "scan_date":
            table[name] = pd.to_datetime(text, format="%Y-%m-%d")
        elif name == "motion":
            table[name] = pd.array([{"true": True, "false": False}.get(cell.lower()) for cell in text], dtype="boolean")
        elif name in ("image", *MASK_COLUMNS):
            table[name] = pd.Series([str(folder / cell) if cell else np.nan for cell in text], dtype="str")
        else:
            table[name] = text.where(text != "", np.nan)
    return table


def _relative(cell, folder: Path):
    if pd.isna(cell) or not Path(cell).is_absolute():
        return cell
    return Path(cell).relative_to(folder).as_posix() if Path(cell).is_relative_to(folder) else cell
