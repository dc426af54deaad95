"""Who may be recognised: what figures call a scan, and which cells of a scan table look like names.

What is handed on names a patient's scans, days and words only if the patients are synthetic or public (`study.run`).
Else a scan is called by its place in the table, a date is the days since the patient's first scan shown, and the
period of scanning is in months.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from study.plural import count
from study.run import NAMED, tier_of
from study.scans.schemas import plain_name

# Columns that identify people, as words of their names.
_WORDS = (
    "name", "surname", "mrn", "phone", "telephone", "mobile", "email", "mail", "address", "street", "postcode", "zip",
    "birth", "birthday", "birthdate", "dob", "ssn", "passport", "insurance", "accession", "initials",
)  # fmt: skip
_CHINESE = (
    "姓名",
    "名字",
    "病历号",
    "住院号",
    "门诊号",
    "身份证",
    "电话",
    "手机",
    "地址",
    "住址",
    "出生",
    "生日",
    "邮箱",
)
# Pseudonyms count patients: P001. A record number or a date has more digits, in one piece or as year, month and day.
_RECORD_NUMBER = re.compile(
    r"\d{6,}|(?<!\d)(?:(?:19|20)\d\d[-_.]\d\d?[-_.]\d\d?|\d\d?[-_.]\d\d?[-_.](?:19|20)\d\d)(?!\d)"
)
_LETTERS = re.compile(
    r"(?:^|(?<=[^\w]|_))([^\W\d_]+)(?=\d{0,3}(?:$|[^\w]|_))"
)  # a word of an id, or one before a number
_SHORTEST_NAME = 3  # letters, of an alphabet; in Chinese 2


def may_name(folder: Path) -> bool:
    """Whether figures of a cohort may have ids and dates.

    Parameters
    ----------
    folder : Path
        With scans.csv and the note of its origin.
    """
    return tier_of(folder) in NAMED


def called(scan_id: str, folder: Path) -> str:
    """What a figure calls a scan: its id, or else its place in the scan table, ``scan 12`` (the header does not count).

    Without a full stop, at which the list of figures would cut a caption.

    Parameters
    ----------
    scan_id : str
    folder : Path
        With scans.csv, and the note of its origin.
    """
    if may_name(folder):
        return scan_id
    with open(folder / "scans.csv", newline="", encoding="utf-8") as file:
        return f"scan {1 + [row['scan_id'] for row in csv.DictReader(file)].index(scan_id)}"


def days(dates: pd.Series, folder: Path) -> list:
    """The dates of one patient's scans as a figure may show them: as they are, or as days since the first of them.

    Parameters
    ----------
    dates : pandas.Series of datetime64
        In any order.
    folder : Path
        With the note of the cohort's origin.

    Returns
    -------
    list of pandas.Timestamp or of int
    """
    return list(dates) if may_name(folder) else (dates - dates.min()).dt.days.tolist()


def suspicions(table: pd.DataFrame) -> list[str]:
    """Say which columns look as if they identify people, and which ids look like names or record numbers.

    An id looks like a name if it has a word of three letters or more (two in Chinese) that no other patient's ids have:
    words that all share say what the data are. It looks like a record number or a date if it has six digits or more in
    a row, or a year, month and day.

    Parameters
    ----------
    table : pandas.DataFrame
        A scan table as text; the index is the row as in a spreadsheet.

    Returns
    -------
    list of str
        None quotes a cell: what warns of names should not spread them.
    """
    notes = []
    columns = [name for name in table if _identifies(name)]
    if columns:
        notes.append(
            f"columns that look as if they identify people: {', '.join(columns)}: remove them, as the study needs none"
        )
    owners: dict[str, set[str]] = {}
    for column in ("scan_id", "patient_id"):
        for cell, patient in zip(table[column], table["patient_id"], strict=True):
            for word in _words(cell):
                owners.setdefault(word, set()).add(patient)
    several = table["patient_id"].nunique() > 1
    for column in ("scan_id", "patient_id"):
        named = [
            row for row, cell in table[column].items() if several and any(len(owners[w]) == 1 for w in _words(cell))
        ]
        numbered = [row for row, cell in table[column].items() if _RECORD_NUMBER.search(cell)]
        for rows, what in ((named, "names"), (numbered, "record numbers or dates")):
            if rows:
                notes.append(
                    f"{column} looks like {what} in {len(rows)} of {count(len(table), 'row')}, the first of them row "
                    f"{rows[0]}: use pseudonyms such as P001-1 (`study index folder` makes them, with a key file for "
                    "you alone)"
                )
    return notes


def _identifies(column: str) -> bool:
    words = plain_name(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column)).split("_")
    return not {*_WORDS}.isdisjoint(words) or any(word in column for word in _CHINESE)


def _words(cell: str) -> list[str]:
    words = (word.casefold() for word in _LETTERS.findall(cell))
    return [word for word in words if len(word) >= (_SHORTEST_NAME if word.isascii() else 2)]
