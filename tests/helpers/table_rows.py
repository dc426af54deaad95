"""Rows of the tables that the tests write, and the faults that reading gives."""

import pytest

from study.scans.cohort import ScanTableError, read_scans

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
