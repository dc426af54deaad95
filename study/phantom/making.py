"""Making the scans of a plan: in parallel, complete files only, and none twice.

A recipe is all that a scan depends on. Beside the files of a scan lies recipes/<scan_id>.json with the digest
of its recipe and of the code that follows it; a scan whose files are there with that digest is not made
again.
"""

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from study import fingerprint
from study.ct import write_mask, write_scan
from study.phantom.protocol import Protocol
from study.phantom.readers import delineate
from study.phantom.scan import Disease, Habitus, simulate_scan
from study.run import write_text

FOLDERS = {
    "image": "images",
    "lung_mask": "lung",
    "infection_mask": "infection",
    "observer_1": "observer_1",
    "observer_2": "observer_2",
}


def _digest(recipe: dict) -> str:
    return hashlib.sha256(
        json.dumps([_code(recipe["readers_seed"] is not None), recipe], sort_keys=True).encode()
    ).hexdigest()


@cache
def _code(with_readers: bool) -> str:
    """Fingerprint of the code that makes a scan; what the planning decides stands in the recipe."""
    return fingerprint.of_modules(["study.phantom.scan", *(["study.phantom.readers"] if with_readers else [])])


def make_scans(folder: Path, recipes: list[dict], workers: int, what: str) -> pd.DataFrame:
    """Make the scans that are not there yet.

    Parameters
    ----------
    folder : Path
    recipes : list of dict
        scan_id, group (scans of a group are made in one process), patient_seed, visit, habitus, disease,
        protocol, motion, cardiac, readers_seed (None for a scan without observers).
    workers : int
        Processes; with 1 all is done in this one.
    what : str
        Named in the progress bar and in errors.

    Returns
    -------
    DataFrame
        true_lung_volume_ml, true_infection_volume_ml, true_poi, true_ihu (None without infection), and of the
        tissue before it is cut into sections true_tissue_poi, true_tissue_ihu; a row a recipe in the order of
        the recipes.
    """
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers = {workers!r} must be a whole number, 1 or more")
    if (folder / "scans.csv").exists() and not (folder / "recipes").is_dir():
        raise ValueError(
            f"{folder / 'scans.csv'} was not made here; name another folder for the synthetic {what}, "
            "or move that table away"
        )
    _forget_others(folder, {recipe["scan_id"] for recipe in recipes})
    known = {recipe["scan_id"]: _already_made(folder, recipe) for recipe in recipes}
    todo: dict[int, list[dict]] = {}
    for recipe in recipes:
        if known[recipe["scan_id"]] is None:
            todo.setdefault(recipe["group"], []).append(recipe)
    n_todo = sum(map(len, todo.values()))
    if n_todo:
        with tqdm(total=len(recipes), initial=len(recipes) - n_todo, desc=f"simulate {what}", unit="scan") as bar:
            for made in _in_parallel(folder, list(todo.values()), workers):
                known |= made
                bar.update(len(made))
    return pd.DataFrame([known[recipe["scan_id"]] for recipe in recipes])


def _in_parallel(folder: Path, groups: list[list[dict]], workers: int):
    if workers == 1 or len(groups) == 1:
        for group in groups:
            yield _make_patient(folder, group)
        return
    # spawn: alike on every system, and safe beside the threads of a notebook or of torch
    with ProcessPoolExecutor(min(workers, len(groups)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_make_patient, folder, group) for group in groups]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _make_patient(folder: Path, recipes: list[dict]) -> dict[str, dict]:
    made = {}
    # One thread of linear algebra a process: more only wait for each other.
    with threadpool_limits(1):
        for recipe in recipes:
            try:
                made[recipe["scan_id"]] = _make_scan(folder, recipe)
            except Exception as error:
                error.add_note(f"while making scan {recipe['scan_id']} in {folder}")
                raise
    return made


def _make_scan(folder: Path, recipe: dict) -> dict:
    made = simulate_scan(
        tuple(recipe["patient_seed"]),
        recipe["visit"],
        Habitus(**recipe["habitus"]),
        Disease(**recipe["disease"]),
        Protocol(**recipe["protocol"]),
        motion=recipe["motion"],
        cardiac=recipe["cardiac"],
    )
    infection = made.infection_mask & made.lung_mask
    masks = {"lung_mask": made.lung_mask, "infection_mask": infection}
    if recipe["readers_seed"]:
        masks["observer_1"], masks["observer_2"] = delineate(
            infection,
            made.lung_mask,
            made.hu,
            made.spacing_mm,
            made.vessels,
            rng=np.random.default_rng(recipe["readers_seed"]),
            motion=recipe["motion"] > 0,
        )
    scan = write_scan(folder / scan_file("image", recipe["scan_id"]), made.hu, made.spacing_mm)
    for name, mask in masks.items():
        write_mask(folder / scan_file(name, recipe["scan_id"]), mask, scan)
    n_lung, n_infection = int(made.lung_mask.sum()), int(infection.sum())
    ml = float(np.prod(made.spacing_mm)) / 1000
    truth = dict(
        true_lung_volume_ml=round(n_lung * ml, 3),
        true_infection_volume_ml=round(n_infection * ml, 3),
        true_poi=round(n_infection / n_lung, 6) if n_lung else None,
        true_ihu=round(float(made.hu[infection].mean(dtype=np.float64)), 2) if n_infection else None,
        true_tissue_poi=round(made.tissue_poi, 6),
        true_tissue_ihu=round(made.tissue_ihu, 2) if made.tissue_poi else None,
    )
    files = [scan_file(name, recipe["scan_id"]) for name in ("image", *masks)]
    record = dict(
        digest=_digest(recipe),
        files={name: (folder / name).stat().st_size for name in files},
        truth=truth,
        recipe=recipe,
    )
    # last: it vouches
    write_text(folder / "recipes" / f"{recipe['scan_id']}.json", json.dumps(record, indent=1) + "\n")
    return truth


def _already_made(folder: Path, recipe: dict) -> dict | None:
    """The truth about a scan whose files are there and follow this recipe; else None."""
    try:
        record = json.loads((folder / "recipes" / f"{recipe['scan_id']}.json").read_text(encoding="utf-8"))
        if record["digest"] == _digest(recipe) and all(
            (folder / name).stat().st_size == size for name, size in record["files"].items()
        ):
            return record["truth"]
    except (OSError, ValueError, KeyError):
        pass
    return None


def _forget_others(folder: Path, scan_ids: set[str]) -> None:
    """Remove what an earlier run with other counts made here and this one does not name."""
    for path in sorted((folder / "recipes").glob("*.json")):
        scan_id = path.stem
        if scan_id not in scan_ids:
            for name in FOLDERS:
                (folder / scan_file(name, scan_id)).unlink(missing_ok=True)
            path.unlink()


def scan_file(name: str, scan_id: str) -> str:
    """Path of a scan's file, relative to its table; `name` is the column that holds it."""
    return f"{FOLDERS[name]}/{scan_id}.nii.gz"


def scan_files(name: str, scan_ids: pd.Series) -> pd.Series:
    """`scan_file` for a column of scan ids."""
    return scan_ids.map(lambda scan_id: scan_file(name, scan_id))
