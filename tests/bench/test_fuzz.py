"""The bench that changes headers: the same mutations from the same numbers, and what counts as a fault."""

import random
import time

import pytest

from bench import fuzz
from study.scans.ct import scan_from_array
from study.scans.grid import ScanError


def test_mutations_are_counted_by_outcome_and_none_is_a_fault(tmp_path):
    counts = fuzz.fuzz(tmp_path, 0, 60, 60)
    assert counts.total() == 60 and not [key for key in counts if key[2]]
    assert {(kind, said) for kind, said, _ in counts} >= {
        (kind, said) for kind in ("DICOM", "NIfTI") for said in (fuzz.SAME, fuzz.REFUSED)
    }


def test_a_number_gives_the_same_mutation():
    content = bytes(range(256)) * 2
    changed = [fuzz.changed_bytes(content, random.Random(number)) for number in (1, 1, 2, 3)]
    assert changed[0] == changed[1] and len(set(changed)) == 3 and content not in changed


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda path: 1 / 0, "ZeroDivisionError"),
        (lambda path: time.sleep(5), "TooSlow"),
        (lambda path: scan_from_array([[[0, 0], [0, 0]]], (20, 9, 9)), "a volume of [20. 18. 18.] mm"),
    ],
)
def test_what_is_a_fault(chest, monkeypatch, read, said):
    monkeypatch.setattr(fuzz, "LONGEST_S", 1)
    whole = scan_from_array(chest(), (20, 10, 8))
    monkeypatch.setattr(fuzz, "read_scan", read)
    assert fuzz.outcome("a.nii", whole) == (said, True)


def test_an_error_that_was_foreseen_is_a_refusal(chest, monkeypatch):
    def refuse(path):
        raise ScanError(path, "the file is empty", "copy it again")

    monkeypatch.setattr(fuzz, "read_scan", refuse)
    assert fuzz.outcome("a.nii", None) == (fuzz.REFUSED, False)
    monkeypatch.setattr(fuzz, "read_scan", lambda path: (_ for _ in ()).throw(ScanError.of(KeyError("x"), path)))
    assert fuzz.outcome("a.nii", None)[1]
