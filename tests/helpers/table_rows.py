"""Rows of the tables that the tests write, a small cohort, and the faults that reading gives."""

import pandas as pd
import pytest

from study.scans.scan_tables import read_scans
from study.scans.schemas import ScanTableError

ROW = ["scan-1", "P1", "47", "male", "2020-01-23", "severe", "images/1.nii.gz"]
MEASURES = ["4000", "400", "0.1", "-600"]
TRAINING_ROW = ["t1", "T1", "GE", "1.25", "1.25", "soft", "60", "120", "i.nii.gz", "l.nii.gz", "f.nii.gz"]


def changed(row, columns, **cells):
    return [str(cells.get(name, cell)) for name, cell in zip(columns, row, strict=True)]


def faults_of(path, read=read_scans):
    with pytest.raises(ScanTableError) as caught:
        read(path)
    for fault in caught.value.faults:
        assert fault.file == str(path) and fault.rule and fault.remedy
        assert fault.rule in str(caught.value) and fault.remedy in str(caught.value)
    assert str(path) in str(caught.value)
    return caught.value.faults


def places(faults):
    """Row and column of each fault."""
    return [(fault.row, fault.column) for fault in faults]


def scans(*rows):
    """A scan table without files, from (scan_id, patient_id, age_years, sex, scan_date, status)."""
    columns = ["scan_id", "patient_id", "age_years", "sex", "scan_date", "status"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(scan_date=pd.to_datetime(table["scan_date"]))


COHORT = scans(
    ("a2", "A", 50, "male", "2020-01-27", "severe"),
    ("a1", "A", 50, "male", "2020-01-23", "non-severe"),
    ("b1", "B", 17.5, "female", "2020-01-24", "non-severe"),
    ("c1", "C", 30, "female", "2020-01-25", "non-severe"),
    ("a3", "A", 50, "male", "2020-02-12", "severe"),
    ("d1", "D", 40, "male", "2020-01-25", "non-severe"),
    ("d2", "D", 40, "male", "2020-01-25", "non-severe"),
)
