"""The scans that a run goes on without: one row per scan of ``exclusions.csv``, whatever the error was."""

import csv
import errno
import os

from study.scans.grid import UNFORESEEN, ScanError

COLUMNS = ["scan_id", "patient_id", "file", "what", "remedy", "stage"]
_OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # they would fail every scan alike


def refusal(row, image, error, folder, stage):
    """Describe an error of one scan, so that the others go on; raise it again if it is the machine's, as a full disk.

    Parameters
    ----------
    row : dict
        The scan's row of the scan table.
    image : Path
        Named if the error names no file.
    error : Exception
        Of any type.
    folder : Path
        The file is named relative to it.
    stage : str
        What failed: segment or measure.

    Returns
    -------
    dict
        `COLUMNS`; an error that is no ScanError is named by its type.
    """
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        raise error
    error = ScanError.of(error, image)
    file = os.path.relpath(error.path, folder)
    return dict(zip(COLUMNS, (row["scan_id"], row["patient_id"], file, error.what, error.remedy, stage), strict=True))


def refused(path):
    """Give the ids of the scans in an ``exclusions.csv``, none if there is no such file.

    Returns
    -------
    list of str, list of str
        Those with a fault that is known to occur, and those whose error nobody foresaw.
    """
    if not path.is_file():
        return [], []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return tuple([row["scan_id"] for row in rows if row["what"].startswith(UNFORESEEN) == is_so] for is_so in (0, 1))
