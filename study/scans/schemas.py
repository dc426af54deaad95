"""The rules of the tables of a study (scans, training scans, biomarkers), and how violations are reported.

A table is read as text, cell by cell, so that nothing is guessed: `007` stays an id and `=1+1` stays a
report. The schemas check that text; only a table without faults is converted to numbers and dates. All faults
are reported at once.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from study.plural import count

SEXES = ("female", "male")
STATUSES = ("severe", "non-severe")
MASK_COLUMNS = ("lung_mask", "infection_mask", "observer_1", "observer_2")
OPTIONAL_COLUMNS = (*MASK_COLUMNS, "motion", "report")  # of a scan table
ADULT_YEARS = 18  # from which the paper included patients
SCAN_COLUMNS = ("scan_id", "patient_id", "age_years", "sex", "scan_date", "status", "image")
PROTOCOL_COLUMNS = ("vendor", "slice_thickness_mm", "increment_mm", "kernel", "tube_current_mas", "tube_voltage_kv")
TRAINING_COLUMNS = ("scan_id", "patient_id", *PROTOCOL_COLUMNS, "image", "lung_mask", "infection_mask")
MEASURES = ("lung_volume_ml", "infection_volume_ml", "poi", "ihu")
BIOMARKER_COLUMNS = ("scan_id", "patient_id", "age_years", "sex", "scan_date", "status", *MEASURES)
SIDES = ("", "right_", "left_")
NUMERIC_COLUMNS = {
    "age_years", "slice_thickness_mm", "increment_mm", "tube_current_mas", "tube_voltage_kv",
    *(f"{side}{name}" for side in SIDES for name in MEASURES),
}  # fmt: skip
POI_ROUNDING = 0.005  # how far a rounded poi may be from infection volume / lung volume

_MISSING = {"", "nan", "NaN", "NA"}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SCAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Excel and R of countries with a decimal comma separate columns by semicolons.
_COMMAS = (
    "save it as CSV separated by commas, with decimal points: in LibreOffice `Save As`, `Edit filter settings`, field "
    "delimiter `,`; in Excel first set the decimal separator to `.` under File > Options > Advanced"
)
_EXCELS_SEPARATOR = re.compile(r'\A\s*"?sep=,"?[ \t]*(\r?\n|$)', re.IGNORECASE)  # a first line
_SHORTENED_ID = re.compile(r"[0-9]([.,][0-9]+)?[eE]\+[0-9]+")  # 2.02E+11: how a spreadsheet shows a long number
_MOST_TOLD = 200
_MEANT = {"m": "male", "man": "male", "f": "female", "w": "female", "woman": "female"}
_MEANT |= {"mild": "non-severe", "common": "non-severe", "nonsevere": "non-severe", "critical": "severe"}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a table or a file that it names.

    Attributes
    ----------
    file : str
        The table.
    row : int or None
        Counted as in a spreadsheet: the header is row 1. None for the table as a whole.
    column : str
        Empty for a row or the table as a whole.
    value : str
        What was found.
    rule : str
        What is required, or what is wrong.
    remedy : str
        What to do.
    """

    file: str
    row: int | None
    column: str
    value: str
    rule: str
    remedy: str


class ScanTableError(ValueError):
    """A table that breaks its rules; the message lists every fault.

    Attributes
    ----------
    path : pathlib.Path
    faults : list of Fault
    """

    def __init__(self, path, faults: list[Fault]):
        self.path, self.faults = Path(path), list(faults)
        super().__init__(format_faults(self.faults))

    def __reduce__(self):
        return ScanTableError, (self.path, self.faults)


def format_faults(faults: list[Fault]) -> str:
    """The faults as aligned text, file by file, in the order of the rows."""
    parts = []
    for file in dict.fromkeys(fault.file for fault in faults):
        ours = sorted((f for f in faults if f.file == file), key=lambda f: f.row or 0)
        cells = [("row", "column", "value", "rule", "remedy")]
        for fault in ours[:_MOST_TOLD]:
            value = repr(_shortened(fault.value)) if fault.row or fault.value else ""
            cells.append((str(fault.row or "-"), fault.column or "-", value, fault.rule, fault.remedy))
        widths = [max(len(line[n]) for line in cells) for n in range(4)]
        lines = ["  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[4]]) for line in cells]
        parts.append(f"{file}: {count(len(ours), 'fault')}")
        parts += ["  " + line.rstrip() for line in lines]
        if len(ours) > _MOST_TOLD:
            parts.append(f"  and {len(ours) - _MOST_TOLD} more")
    return "\n".join(parts)


def _shortened(value: str, most: int = 60) -> str:
    return value if len(value) <= most else value[: most - 3] + "..."


def read_text_table(path, columns) -> tuple[pd.DataFrame, list[Fault]]:
    """Read a CSV file as text.

    Parameters
    ----------
    path : str or pathlib.Path
        Comma-separated, UTF-8 with or without byte-order mark. A first line `sep=,`, as Excel writes it, is left out.
    columns : sequence of str
        Columns that are required.

    Returns
    -------
    table : pandas.DataFrame
        All columns of the file as str, blanks around cells removed; the index is the row as in a spreadsheet.
        Blank rows are left out.
    faults : list of Fault
        Rows with the wrong number of cells.

    Raises
    ------
    ScanTableError
        If the file is missing, is not CSV of this kind, has no rows, or lacks columns.
    """
    path = Path(path)
    text = _decoded(path)
    head = text.splitlines()[0]
    if "," not in head and (separator := next((s for s in ";\t|" if s in head), None)):
        name = {";": "semicolons", "\t": "tabs", "|": "bars"}[separator]
        _refuse(path, f"the columns are separated by {name}", _COMMAS, head)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        _refuse(
            path,
            f"this is not a well-formed CSV file ({error})",
            "save it again as CSV (comma-separated, UTF-8)",
        )
    header = [name.strip() for name in rows[0]]
    used = [n for n, name in enumerate(header) if name or any(len(row) > n and row[n].strip() for row in rows[1:])]
    header = [header[n] for n in used]
    faults = _header_faults(path, header, columns)
    if faults:
        raise ScanTableError(path, faults)
    records, index = [], []
    for number, row in enumerate(rows[1:], 2):
        row = [cell.strip() for cell in row]
        if not any(row):
            continue
        if len(row) < len(rows[0]) or any(row[len(rows[0]) :]):
            rule = f"the row has {count(len(row), 'cell')} and the header {len(rows[0])}"
            faults.append(Fault(str(path), number, "", ",".join(row), rule, "put cells that hold a comma in quotes"))
            continue
        records.append([row[n] for n in used])
        index.append(number)
    if not records and not faults:
        _refuse(path, "the table has a header and no row", "add one row per scan")
    return pd.DataFrame(records, index=pd.Index(index, name="row"), columns=header, dtype=str), faults


def _decoded(path: Path) -> str:
    csv_again = "save it as CSV (comma-separated, UTF-8)"
    if path.is_symlink() and not path.exists():
        _refuse(path, "this is a link to a file that is not here", "fetch the file (git annex get, dvc pull)")
    if not path.exists():
        _refuse(path, "there is no such file", "check the path")
    if path.is_dir():
        _refuse(path, "this is a folder", "name the table in it, such as scans.csv")
    if not path.is_file():
        _refuse(path, "this is a pipe or a device, not a file", "save the table as a file")
    try:
        binary = path.read_bytes()
    except OSError as error:
        _refuse(path, f"the file cannot be read ({error.strerror})", "check its permissions")
    if binary[:2] == b"PK" or binary[:4] == b"\xd0\xcf\x11\xe0":
        _refuse(path, "this is a spreadsheet file, not CSV", csv_again)
    if binary[:2] in (b"\xff\xfe", b"\xfe\xff"):
        _refuse(path, "the text is UTF-16, not UTF-8", csv_again)
    try:
        text = binary.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = binary[: error.start].count(b"\n") + 1
        _refuse(path, f"the text is not UTF-8 (line {line})", csv_again)
    text = _EXCELS_SEPARATOR.sub("", text)
    if not text.strip():
        _refuse(path, "the file is empty", "write a header and one row per scan")
    if "\0" in text:
        _refuse(path, "this is not a text file", csv_again)
    return text.lstrip("\r\n")


def _refuse(path: Path, rule: str, remedy: str, value: str = ""):
    raise ScanTableError(path, [Fault(str(path), None, "", value, rule, remedy)]) from None


def _header_faults(path: Path, header: list[str], columns) -> list[Fault]:
    faults = []
    for name in dict.fromkeys(header):
        if header.count(name) > 1 or not name:
            rule = "two columns have this name" if name else "a column with values has no name"
            faults.append(Fault(str(path), 1, name, name, rule, "give each column a name of its own"))
    unknown = {plain_name(name): name for name in header if name not in columns}
    for name in columns:
        if name not in header:
            near = difflib.get_close_matches(plain_name(name), unknown, 1, 0.7)
            remedy = f"rename the column {unknown[near[0]]!r}" if near else "add the column"
            faults.append(Fault(str(path), 1, name, "", "the column is missing", remedy))
    return faults


def plain_name(name: str) -> str:
    """A column's name without what people write differently: `POI`, `Patient ID`, `iHU`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


# --- one rule per column: (what is required, whether a cell meets it) ---

_OR_UNKNOWN = ", or empty if unknown"  # as in public data sets; analyses that need it leave such scans out and say so


def is_number(text: str) -> bool:
    """Whether a cell is a plain decimal number."""
    return _NUMBER.fullmatch(text) is not None


def _number_in(low: float, high: float, unit: str, *, may_be_empty: bool = False, above: bool = False):
    def fits(text: str) -> bool:
        if text in _MISSING:
            return may_be_empty
        return is_number(text) and (low < float(text) if above else low <= float(text)) and float(text) <= high

    span = f"above {low:g}, up to {high:g}" if above else f"{low:g} to {high:g}"
    return f"a number, {span}{unit}" + (_OR_UNKNOWN if may_be_empty else ""), fits


def _one_of(*choices: str):
    return " or ".join(choices) + _OR_UNKNOWN, lambda text: text in choices or not text


def _is_date(text: str) -> bool:
    if not text:
        return True
    if not _ISO_DATE.fullmatch(text):
        return False
    try:
        return 1971 <= pd.Timestamp(text).year < 2200  # the first CT of a patient was made in 1971
    except ValueError:
        return False


def _is_shortened(text: str) -> bool:
    return _SHORTENED_ID.fullmatch(text) is not None


_ID = (
    "letters, digits, . _ - and a letter or digit first",
    lambda text: _SCAN_ID.fullmatch(text) is not None,
)
_PATIENT = (
    "not empty, and not a number shortened by a spreadsheet",
    lambda text: bool(text) and not _is_shortened(text),
)
_ANY_TEXT = ("text", lambda text: True)
_AGE = _number_in(0, 120, " years", may_be_empty=True)
_DATE = ("a date as YYYY-MM-DD" + _OR_UNKNOWN, _is_date)
_ANY_PATH = ("a path or empty", lambda text: "\n" not in text)
_PATH = ("a path", lambda text: bool(text) and "\n" not in text)
_WHO = {"scan_id": _ID, "patient_id": _PATIENT, "age_years": _AGE, "sex": _one_of(*SEXES), "scan_date": _DATE,
        "status": _one_of(*STATUSES)}  # fmt: skip
SCAN_RULES = {
    **_WHO, "image": _PATH, **dict.fromkeys(MASK_COLUMNS, _ANY_PATH),
    "motion": ("true, false or empty", lambda text: text.lower() in ("true", "false", "")),
}  # fmt: skip
TRAINING_RULES = {
    "scan_id": _ID, "patient_id": _PATIENT, "vendor": _ANY_TEXT, "kernel": _ANY_TEXT,
    "slice_thickness_mm": _number_in(0, 20, " mm", above=True, may_be_empty=True),
    "increment_mm": _number_in(0, 20, " mm", above=True, may_be_empty=True),
    "tube_current_mas": _number_in(0, 2000, " mAs", above=True, may_be_empty=True),
    "tube_voltage_kv": _number_in(40, 200, " kV", may_be_empty=True),
    "image": _PATH, "lung_mask": _PATH, "infection_mask": _PATH,
}  # fmt: skip
BIOMARKER_RULES = {
    **_WHO,
    "lung_volume_ml": _number_in(0, 20000, " ml", above=True, may_be_empty=True),
    "infection_volume_ml": _number_in(0, 20000, " ml", may_be_empty=True),
    "poi": _number_in(0, 1, ""),
    "ihu": _number_in(-1024, 3071, " HU", may_be_empty=True),
}
for _side in SIDES[1:]:
    BIOMARKER_RULES |= {
        f"{_side}lung_volume_ml": _number_in(0, 20000, " ml", may_be_empty=True),
        f"{_side}infection_volume_ml": BIOMARKER_RULES["infection_volume_ml"],
        f"{_side}poi": _number_in(0, 1, "", may_be_empty=True),
        f"{_side}ihu": BIOMARKER_RULES["ihu"],
    }


def schema_of(rules: dict, required):
    """Make the pandera schema of a table of text: one check per column; other columns are allowed."""
    import pandera.pandas as pandera  # here, as it is slow to import and segmentation does not need it

    return pandera.DataFrameSchema(
        {
            name: pandera.Column(
                str,
                pandera.Check(fits, element_wise=True, error=rule),
                required=name in required,
                coerce=False,
            )
            for name, (rule, fits) in rules.items()
        },
        strict=False,
    )


def cell_faults(path, table: pd.DataFrame, rules: dict, required) -> list[Fault]:
    """Every cell that breaks the rule of its column."""
    import pandera.errors

    try:
        schema_of(rules, required).validate(table, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        found = errors.failure_cases
        return [
            Fault(str(path), int(row), column, value, rules[column][0], _remedy(column, value))
            for row, column, value in zip(found["index"], found["column"], found["failure_case"], strict=True)
        ]
    return []


def _remedy_of_date(value: str) -> str:
    if not _ISO_DATE.fullmatch(value):
        return "write it like 2020-01-23"
    try:
        date.fromisoformat(value)
    except ValueError:
        return "there is no such day: correct it"
    return "correct the year"


def _remedy(column: str, value: str) -> str:
    """What to do about a cell, guessed from its content."""
    if value in _MISSING:
        remedy = "fill it in"
        if column == "poi":
            remedy = "fill it in (0 where there is no infection), or remove the row"
    elif column in ("sex", "status"):
        choices = SEXES if column == "sex" else STATUSES
        low = value.lower().replace("_", " ")
        guess = _MEANT.get(low) or next(iter(difflib.get_close_matches(low, choices, 1, 0.7)), None)
        remedy = f"write {guess}" if guess else f"write {' or '.join(choices)}"
    elif column == "scan_date":
        remedy = _remedy_of_date(value)
    elif column in ("scan_id", "patient_id") and _is_shortened(value):
        remedy = "a spreadsheet shortened this id: format the column as text and enter the ids again"
    elif column == "scan_id":
        remedy = "rename the scan; files are named by its id"
    elif re.fullmatch(r"[+-]?\d{1,3},\d{3}", value):
        remedy = f"write {value.replace(',', '.')} or {value.replace(',', '')}, whichever is meant"
    elif re.fullmatch(r"[+-]?\d+,\d+", value):
        remedy = f"write {value.replace(',', '.')}"
    elif column.endswith("poi") and is_number(value) and 1 < float(value) <= 100:
        remedy = f"this looks like a percentage: write it as a fraction, {float(value) / 100:.6g}"
    elif column == "motion":
        remedy = "write true or false"
    else:
        remedy = "correct it"
    return remedy
