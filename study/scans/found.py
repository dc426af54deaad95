"""What lies below a folder: its files, and what a scan table takes from them or leaves out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from study.scans.nifti import SUFFIXES
from study.scans.schemas import MASK_COLUMNS, Fault


@dataclass
class Found:
    """What is in a folder of a given layout: rows of a scan table, what is left out and why, what is wrong.

    `patients` has what the DICOM headers call the patient of an image, for those who must be able to look it up.
    """

    folder: Path
    rows: list[dict] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    patients: dict[str, str] = field(default_factory=dict)

    def add(self, scan_id: str, image: Path, **cells) -> None:
        """Add a scan; what is not given is unknown, and it counts as a patient of its own unless one is given."""
        paths = {name: str(cells.pop(name)) for name in MASK_COLUMNS if cells.get(name)}
        known = {name: cell for name, cell in cells.items() if cell is not None}
        self.rows.append({"scan_id": scan_id, "patient_id": scan_id, "image": str(image), **paths, **known})

    def fault(self, path, rule: str, remedy: str) -> None:
        """Note what is wrong with a file of the folder."""
        shown = os.path.relpath(path, self.folder)
        self.faults.append(Fault(str(self.folder), None, "", shown, rule, remedy))

    def leave_out(self, path, reason: str) -> None:
        """Note a file or folder that is not taken, and why."""
        self.left_out.append((os.path.relpath(path, self.folder), reason))


def files(found: Found) -> list[Path]:
    """All files below a folder, sorted by path, without those that operating systems add to archives.

    Links to files keep their own names, as in git-annex and DVC. A link to a folder is followed once, and left out if
    it leads to where the walk comes anyway. Links to nothing, pipes and devices are left out.
    """

    def unreadable(error):
        found.fault(error.filename, f"the folder cannot be read ({error.strerror})", "check its permissions")

    root = found.folder.resolve()
    paths, entered = [], {root}
    for where, folders, names in os.walk(found.folder, onerror=unreadable, followlinks=True):
        kept = []
        for name in sorted(name for name in folders if name[0] != "." and name != "__MACOSX"):
            path = Path(where) / name
            target = path.resolve()
            if path.is_symlink() and (target in entered or target.is_relative_to(root) or root.is_relative_to(target)):
                found.leave_out(path, "it is a link to a folder that is searched anyway")
                continue
            entered.add(target)
            kept.append(name)
        folders[:] = kept
        for path in (Path(where) / name for name in names if name[0] != "."):
            if path.is_file():
                paths.append(path)
            elif path.is_symlink() and not path.exists():
                found.leave_out(path, "it is a link to a file that is not here (git annex get, dvc pull)")
            else:
                found.leave_out(path, "it is a pipe or a device, not a file")
    return sorted(paths)


def stem(path: Path) -> str:
    """The name of a NIfTI file without suffix, in capitals or not; empty for any other file."""
    longest_first = sorted(SUFFIXES, key=len, reverse=True)
    return next((path.name[: -len(s)] for s in longest_first if path.name.lower().endswith(s)), "")
