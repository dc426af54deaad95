"""How public data sets, and any folder of scans, are laid out: what is where, read from names alone.

No voxel is read and no file is moved or converted; `study check` opens what is found here. What a data set does not
give (age, sex, date, usually status) stays empty.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from study.scans import folders
from study.scans.found import Found, files, stem
from study.scans.schemas import Fault, ScanTableError, read_text_table

# MosMedData grades a CT by the share of the lung that is ill: CT-0 none, CT-1 up to 25 % (mild), CT-2 to 50 %
# (moderate), CT-3 to 75 % (severe), CT-4 above (critical). The paper's severe scans are those of severe and critical
# illness together, so the two classes that bear these names are severe.
# Morozov SP et al. MosMedData: chest CT scans with COVID-19 related findings. medRxiv 2020.05.20.20100362.
STATUS_OF_CLASS = {
    "CT-0": "non-severe", "CT-1": "non-severe", "CT-2": "non-severe", "CT-3": "severe", "CT-4": "severe",
}  # fmt: skip
EIGHT_BIT = "its voxels are grey values 0 to 255 of a lung window (-1250 to 250 HU), not HU"
NOT_COMPARED = "dataset_registry.csv is not here, so the files were not compared with it (save the .xlsx as CSV)"


@dataclass(frozen=True)
class Layout:
    """A way of laying out scans in folders.

    Attributes
    ----------
    holds : str
        What its folder holds, in words.
    read : callable
        Folder (absolute) -> Found.
    source, licence : str
        Of the data set; empty for scans of one's own.
    """

    holds: str
    read: Callable[[Path], Found]
    source: str = ""
    licence: str = ""


def _once(found: Found, paths: dict, key, path: Path) -> None:
    """Note a path under its key; a second one under the same key is a fault."""
    if key in paths:
        same = os.path.relpath(paths[key], found.folder)
        found.fault(path, f"this is the same scan or mask as {same}", "keep one of the two files")
    paths.setdefault(key, path)


def _mosmed(folder: Path) -> Found:
    """studies/CT-0 ... CT-4/study_XXXX.nii.gz, masks/study_XXXX_mask.nii.gz, dataset_registry.csv."""
    roots = [root for root in (folder, *sorted(folder.iterdir())) if (root / "studies").is_dir()]
    found = Found(roots[0] if len(roots) == 1 else folder)
    if len(roots) > 1:
        found.fault(folder, f"{len(roots)} folders in it hold studies/", "give one of them")
        return found
    studies, masks = {}, {}
    for path in files(found):
        place = path.relative_to(found.folder).parts
        if not stem(path):
            continue
        if place[0] == "masks":
            _once(found, masks, stem(path).removesuffix("_mask"), path)
        elif place[0] == "studies" and len(place) == 3 and place[1] in STATUS_OF_CLASS:
            _once(found, studies, stem(path), path)
        else:
            found.fault(path, f"no scan belongs here: those of a class are in studies/{'|'.join(STATUS_OF_CLASS)}/",
                        "move it there, or out of the folder")  # fmt: skip
    for name in sorted(masks.keys() - studies.keys()):
        found.fault(masks[name], "a mask without its scan", "download the scans of its class (studies/) as well")
    for name, path in studies.items():
        found.add(name, path, status=STATUS_OF_CLASS[path.parent.name], severity_class=path.parent.name,
                  infection_mask=masks.get(name))  # fmt: skip
    registry = found.folder / "dataset_registry.csv"
    if registry.is_file():
        _compare_registry(found, registry, studies, masks)
    elif studies:
        found.notes.append(NOT_COMPARED)
    return found


def _compare_registry(found: Found, registry: Path, studies: dict, masks: dict) -> None:
    """Check that every row of the registry has its files, in the folder of its class, and every file its row."""
    try:
        table, faults = read_text_table(registry, ("study_id", "category", "study_file", "mask_file"))
    except ScanTableError as error:
        found.faults += error.faults
        return
    found.faults += faults
    remedy = "download the missing part, or remove the row"
    for row, cells in table.iterrows():
        for column in ("study_file", "mask_file"):
            if cells[column] and not (found.folder / cells[column].lstrip("/")).is_file():
                rule = "there is no such file below the registry's folder"
                found.faults.append(Fault(str(registry), row, column, cells[column], rule, remedy))
        if f"/{cells['category']}/" not in cells["study_file"]:
            rule = f"the class of the folder in study_file, {cells['study_file']}"
            found.faults.append(
                Fault(str(registry), row, "category", cells["category"], rule, "correct one of the two")
            )
    for column, here in (("study_file", studies), ("mask_file", masks)):
        listed = {Path(cell).name for cell in table[column]}
        for path in here.values():
            if path.name not in listed:
                found.fault(
                    path, f"the registry does not list it ({column})", "add its row, or move the file out of the folder"
                )


def _covid_19_ct_seg(folder: Path) -> Found:
    """COVID-19-CT-Seg_20cases/, Lung_Mask/ and Infection_Mask/, each with one file per scan.

    The scans' names are those of the masks, or the longer ones of the first release.
    """
    found = Found(folder)
    kinds = {"lung_mask": {}, "infection_mask": {}, "lung_and_infection_mask": {}, "image": {}}
    case = re.compile(r"(coronacases|radiopaedia)_(?:org_)?(?:covid-19-pneumonia-|case)?([0-9_]+?)(?:-dcm)?")
    for path in files(found):
        if not stem(path):
            continue
        named = case.fullmatch(stem(path))
        if named is None:
            found.fault(path, "no scan of the set has this name", "give a folder that holds only the data set")
            continue
        above = {part.lower() for part in path.relative_to(folder).parts[:-1]}
        kind = next((kind for kind in kinds if kind in above), "image")
        _once(found, kinds[kind], "_".join(named.groups()), path)
    for name, path in sorted(kinds["image"].items()):
        if name.startswith("radiopaedia"):
            found.left_out.append((os.path.relpath(path, folder), EIGHT_BIT))
            continue
        both = {kind: kinds[kind].get(name) for kind in ("lung_mask", "infection_mask")}
        for kind in [kind for kind, mask in both.items() if mask is None]:
            found.fault(path, f"a scan without its {kind.replace('_', ' ')}", f"unpack {kind.title()}.zip beside it")
        found.add(name, path, **both)
    for kind in ("lung_mask", "infection_mask"):
        for name in sorted(kinds[kind].keys() - kinds["image"].keys()):
            found.fault(kinds[kind][name], "a mask without its scan", "unpack COVID-19-CT-Seg_20cases.zip beside it")
    return found


def _covid_19_20(folder: Path) -> Found:
    """Train/volume-covid19-A-XXXX_ct.nii.gz with ..._seg.nii.gz; Validation/ has scans alone."""
    found = Found(folder)
    scans, masks = {}, {}
    for path in files(found):
        name, _, kind = stem(path).rpartition("_")
        if kind in ("ct", "seg"):
            _once(found, scans if kind == "ct" else masks, name, path)
        elif stem(path):
            found.fault(
                path,
                "the name of a scan ends in _ct, that of a mask in _seg",
                "give a folder that holds only the data set",
            )
    for name, path in scans.items():
        part = path.parent.name.lower()
        if name not in masks and part not in ("validation", "test"):
            found.fault(path, "a scan without its mask (_seg)", "download it again; only Validation has scans alone")
        # A patient's second scan is called ..._1.
        found.add(name, path, patient_id=name.partition("_")[0], infection_mask=masks.get(name), part=part)
    for name in sorted(masks.keys() - scans.keys()):
        found.fault(masks[name], "a mask without its scan (_ct)", "download it again")
    return found


LAYOUTS = {
    "mosmed": Layout(
        "studies/CT-0 ... CT-4/, masks/ and dataset_registry.csv",
        _mosmed,
        "MosMedData COVID19_1110 (Morozov et al. 2020, medRxiv 2020.05.20.20100362); status from its classes, which "
        "go by the share of the lung that is ill: CT-3 and CT-4 are severe",
        "CC BY-NC-ND 3.0",
    ),
    "covid-19-ct-seg": Layout(
        "COVID-19-CT-Seg_20cases/, Lung_Mask/ and Infection_Mask/",
        _covid_19_ct_seg,
        "COVID-19 CT Lung and Infection Segmentation Dataset (Ma et al. 2020, doi:10.5281/zenodo.3757476), "
        "the ten scans in HU",
        "CC BY-NC-SA 4.0, as its authors' benchmark says (the Zenodo record: CC BY 4.0)",
    ),
    "covid-19-20": Layout(
        "Train/ and Validation/ with volume-covid19-A-XXXX_ct.nii.gz and _seg.nii.gz",
        _covid_19_20,
        "COVID-19-20 lung CT lesion segmentation challenge (Roth et al. 2022, doi:10.1016/j.media.2022.102605)",
        "CC BY 4.0 (CT Images in COVID-19, doi:10.7937/tcia.2020.gqry-nc81)",
    ),
    "folder": Layout("NIfTI files (.nii, .nii.gz) or folders of DICOM files, at any depth", folders.read),
}
