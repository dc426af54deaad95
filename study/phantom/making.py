"""Make the scans of a plan: in parallel, only complete files, and none twice.

A recipe is all that a scan depends on. With the files of a scan goes recipes/<scan_id>.json, with the digest of its
recipe and of the code that follows it; a scan whose files are there with that digest is not made again. So a run that
was killed, or filled the disk, resumes.
"""

import hashlib
import json
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from study import processes
from study.files import write_text
from study.fingerprint import digests
from study.phantom.body.truth import LESION_COLUMNS
from study.phantom.people.observers import delineate
from study.phantom.request import RequestError, is_whole
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, SimulatedScan, forget_patient, simulate_scan
from study.scans.ct import Scan, write_scan
from study.scans.nifti import save_nifti

FORMATS = ("nifti", "dicom")  # of the images; masks are NIfTI on the image's grid
FOLDERS = {
    "image": "images",
    "lung_mask": "lung",
    "infection_mask": "infection",
    "observer_1": "observer_1",
    "observer_2": "observer_2",
    "lobes": "lobes",
    "lesions": "lesions",
}


def _text(content) -> str:
    return json.dumps(content, sort_keys=True)


def _digest(recipe: dict) -> str:
    code = _code(recipe["readers_seed"] is not None, recipe["dicom"] is not None)
    return hashlib.sha256(_text([code, recipe]).encode()).hexdigest()


@cache
def _code(is_observed: bool, is_dicom: bool) -> str:
    """Fingerprint of the code that makes a scan; what the plan decides is in the recipe."""
    used = {
        "study.phantom.scanner.scan": True,
        "study.phantom.people.observers": is_observed,
        "study.phantom.scanner.series": is_dicom,
    }
    return digests.of_names(*(name for name, is_used in used.items() if is_used))


def make_scans(folder: Path, recipes: list[dict], workers: int, what: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the scans that are not there yet.

    Parameters
    ----------
    folder : Path
    recipes : list of dict
        scan_id, group (scans of a group are made in one process), patient_seed, visit, habitus, disease,
        protocol, motion, cardiac, label (whether lobes and lesions are labelled), readers_seed (None for a scan without
        observers), dicom (None for an image in NIfTI, else what `series.write_series` says about the patient).
    workers : int
        Processes; with 1, everything is done in this one.
    what : str
        Named in the progress bar and in errors.

    Returns
    -------
    truth : DataFrame
        true_lung_volume_ml, true_infection_volume_ml, true_poi, true_ihu (None without infection), and of the
        tissue before it is cut into sections true_tissue_poi, true_tissue_ihu; one row per recipe, in their
        order.
    lesions : DataFrame
        scan_id and `truth.LESION_COLUMNS`, one row per lesion of the scans whose lesions are labelled.
    """
    if not is_whole(workers, 1):
        raise RequestError("{workers} must be a whole number, 1 or more", dict(workers=workers))
    if (folder / "scans.csv").exists() and not (folder / "recipes").is_dir():
        raise ValueError(
            f"{folder / 'scans.csv'} was not written by this program; give another folder for the synthetic {what}, "
            "or move that table away"
        )
    (folder / "recipes").mkdir(parents=True, exist_ok=True)  # fail before any scan is made
    known = {recipe["scan_id"]: _already_made(folder, recipe) for recipe in recipes}
    _tidy(folder, {scan_id for scan_id, record in known.items() if record is not None})
    todo: dict[int, list[tuple[dict, str]]] = {}
    for recipe in recipes:
        if known[recipe["scan_id"]] is None:  # with its digest: reading all the code would take each process seconds
            todo.setdefault(recipe["group"], []).append((recipe, _digest(recipe)))
    n_todo = sum(map(len, todo.values()))
    if n_todo:
        with tqdm(total=len(recipes), initial=len(recipes) - n_todo, desc=f"simulate {what}", unit="scan") as bar:
            for made in _in_parallel(folder, list(todo.values()), workers):
                known |= made
                bar.update(len(made))
    records = [known[recipe["scan_id"]] for recipe in recipes]
    lesions = [{"scan_id": record["recipe"]["scan_id"]} | lesion for record in records for lesion in record["lesions"]]
    return (
        pd.DataFrame([record["truth"] for record in records]),
        pd.DataFrame(lesions, columns=["scan_id", *LESION_COLUMNS]),
    )


def _in_parallel(folder: Path, groups: list[list[tuple[dict, str]]], workers: int):
    if workers == 1 or len(groups) == 1:
        for group in groups:
            yield _make_patient(folder, group)
        return
    # spawn: the same on every system, and safe with the threads of a notebook or of torch
    spawn = get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(groups)), spawn, processes.end_with_parent) as pool:
        futures = [pool.submit(_make_patient, folder, group) for group in groups]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise RuntimeError(
                "a process that simulated scans was killed, most often because memory ran out; free some memory or set "
                "fewer workers"
            ) from None
        except KeyboardInterrupt:
            for process in active_children():
                process.terminate()
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _make_patient(folder: Path, recipes: list[tuple[dict, str]]) -> dict[str, dict]:
    made = {}
    for recipe, digest in recipes:
        try:
            made[recipe["scan_id"]] = _make_scan(folder, recipe, digest)
        except Exception as error:
            error.add_note(f"while making scan {recipe['scan_id']} in {folder}")
            raise
    forget_patient()  # an idle process keeps no patient in memory
    return made


def simulate(recipe: dict) -> SimulatedScan:
    """The scan of a recipe."""
    return simulate_scan(
        tuple(recipe["patient_seed"]),
        recipe["visit"],
        Habitus(**recipe["habitus"]),
        Disease(**recipe["disease"]),
        Protocol(**recipe["protocol"]),
        motion=recipe["motion"],
        cardiac=recipe["cardiac"],
        label=recipe["label"],
    )


def observe(recipe: dict, made: SimulatedScan) -> tuple[np.ndarray, np.ndarray]:
    """The two observers' delineations of it."""
    return delineate(
        made.infection_mask,
        made.lung_mask,
        made.hu,
        made.spacing_mm,
        made.vessels,
        rng=np.random.default_rng(recipe["readers_seed"]),
        motion=recipe["motion"] > 0,
    )


def _make_scan(folder: Path, recipe: dict, digest: str) -> dict:
    made = simulate(recipe)
    masks = {"lung_mask": made.lung_mask, "infection_mask": made.infection_mask}
    if recipe["readers_seed"]:
        masks["observer_1"], masks["observer_2"] = observe(recipe, made)
    if recipe["label"]:
        masks["lobes"], masks["lesions"] = made.lobes, made.lesions
    image = folder / scan_file("image", recipe["scan_id"], "dicom" if recipe["dicom"] else "nifti")
    scan = _write_image(image, made, recipe)
    for name, mask in masks.items():
        labels = mask.astype(np.uint8) if mask.dtype == bool else mask
        save_nifti(folder / scan_file(name, recipe["scan_id"]), scan.grid.to_stored(labels), scan.affine)
    n_lung, n_infection = int(made.lung_mask.sum()), int(made.infection_mask.sum())
    ml = float(np.prod(made.spacing_mm)) / 1000
    truth = dict(
        true_lung_volume_ml=round(n_lung * ml, 3),
        true_infection_volume_ml=round(n_infection * ml, 3),
        true_poi=round(n_infection / n_lung, 6) if n_lung else None,
        true_ihu=round(float(made.hu[made.infection_mask].mean(dtype=np.float64)), 2) if n_infection else None,
        true_tissue_poi=round(made.tissue_poi, 6),
        true_tissue_ihu=round(made.tissue_ihu, 2) if made.tissue_poi else None,
    )
    files = [*(sorted(image.iterdir()) if image.is_dir() else [image])]
    files += [folder / scan_file(name, recipe["scan_id"]) for name in masks]
    record = dict(
        digest=digest,
        files={path.relative_to(folder).as_posix(): path.stat().st_size for path in files},
        truth=truth,
        lesions=made.lesion_table.to_dict("records") if recipe["label"] else [],
        recipe=recipe,
    )
    # written last: it marks the scan as complete
    write_text(folder / "recipes" / f"{recipe['scan_id']}.json", json.dumps(record, indent=1) + "\n")
    return record


def _write_image(path: Path, made: SimulatedScan, recipe: dict) -> Scan:
    if not recipe["dicom"]:
        return write_scan(path, made.hu, made.spacing_mm)
    from study.phantom.scanner.series import write_series  # NIfTI needs no pydicom

    protocol = Protocol(**recipe["protocol"])
    return write_series(path, made.hu, made.spacing_mm, protocol, key=_text(recipe), **recipe["dicom"])


def _already_made(folder: Path, recipe: dict) -> dict | None:
    """The record of a scan whose files are there and follow this recipe; else None."""
    try:
        record = json.loads((folder / "recipes" / f"{recipe['scan_id']}.json").read_text(encoding="utf-8"))
        if record["digest"] == _digest(recipe) and all(
            (folder / name).stat().st_size == size for name, size in record["files"].items()
        ):
            return record
    except (OSError, ValueError, KeyError):
        pass
    return None


def _tidy(folder: Path, scan_ids: set[str]) -> None:
    """Remove what was made here by another plan or recipe, and half-written files of a killed run."""
    for path in (folder / "recipes").glob("*.json"):
        if path.stem not in scan_ids:
            path.unlink()
            for name in FOLDERS:
                for format in FORMATS if name == "image" else FORMATS[:1]:
                    _remove(folder / scan_file(name, path.stem, format))
    for name in FOLDERS.values():
        for path in (folder / name).glob(".*.partial.*"):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def scan_file(name: str, scan_id: str, format: str = "nifti") -> str:
    """Path of a scan's file, or of its folder of DICOM, relative to its table; `name` is its column."""
    return f"{FOLDERS[name]}/{scan_id}{'' if format == 'dicom' else '.nii.gz'}"


def scan_files(name: str, scan_ids: pd.Series, format: str = "nifti") -> pd.Series:
    """`scan_file` for a column of scan ids."""
    return scan_ids.map(lambda scan_id: scan_file(name, scan_id, format))
