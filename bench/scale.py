"""How notebooks 3 to 6 grow with the number of scans, and what a large cohort would take on a cluster.

Measured are small scans through notebook 3, its step that joins shards, notebooks 4 to 6 on many rows, and one scan of
a thick-section CT's size. From these parts follows how long a cohort takes on so many cores.
"""

import heapq
import os
import time

import numpy as np
import pandas as pd

from bench.runs import clone
from bench.speed import phantoms
from bench.timing import FOLDER, STUDY, record, timed
from study import workflow
from study.files import write_table
from study.measures import per_scan, shards
from study.networks.models import take_over
from study.networks.segmentation import segment_scans
from study.run import Run
from study.scans import cohort
from study.scans.ct import write_mask, write_scan

PROCESSED, JOINED = (50, 500), (531, 5000)  # scans that are segmented and measured; whose shards are joined
PROJECTED, CORES = 50_000, (1, 16, 128)
REPORTS = ("The infection has expanded.", "The infection has shrunk.", "The density has increased.", "No change.")


def scan_table(n, images, folder):
    """A scan table of patients with three scans each, a fifth of them severe; the same few images under many names."""
    k, rng = np.arange(n), np.random.default_rng(1)
    patient, visit = k // 3, k % 3
    for i in k:
        for column, paths in images.items():
            (folder / f"{i}-{column}.nii.gz").hardlink_to(paths[i % len(paths)])
    return pd.DataFrame({
        "scan_id": [f"S{i:05d}" for i in k], "patient_id": [f"P{i:05d}" for i in patient],
        "age_years": 30 + patient % 50, "sex": np.where(patient % 2, "male", "female"),
        "scan_date": [f"2020-02-{1 + 5 * v:02d}" for v in visit],
        "status": np.where((patient % 5 == 0) & (visit > 0), "severe", "non-severe"),
        **{column: [str(folder / f"{i}-{column}.nii.gz") for i in k] for column in images},
        "report": [REPORTS[i] for i in rng.integers(0, 4, n)],
    })  # fmt: skip


def write_run(project, name, n, images, networks, n_shards=1):
    """Write a run as notebooks 1 and 2 would, with these scans and networks; the recipes of the others are planned."""
    (project / "parameters" / f"{name}.yaml").write_text(f"segment: {{n_shards: {n_shards}, threads: 1}}\n")
    run = Run(name, project)
    workflow.plan(run)
    (run.folder / "data").mkdir()
    write_table(run.folder / "own.csv", scan_table(n, images, run.folder / "data"))
    scans = cohort.adopt_scans(run.folder / "own.csv", run.cohort, "public", "simulated", "")
    cohort.write_included(run.cohort, scans, cohort.include(scans)[1])
    take_over(networks, run.models)
    return run


def write_shards(run, measured_run, n_shards):
    """Write the shards of a large run as copies of what was measured on a smaller one, with other POI and iHU."""
    source = shards.join(measured_run.shards, 1, cohort.read_included(measured_run.cohort))
    carried = cohort.read_included(run.cohort)
    ids, rng = list(carried["scan_id"]), np.random.default_rng(2)
    again = np.arange(len(ids)) % len(source[0])
    run.masks.mkdir(parents=True)
    for scan_id, of in zip(ids, source[0]["scan_id"].iloc[again], strict=True):
        os.link(measured_run.masks / f"{of}.nii.gz", run.masks / f"{scan_id}.nii.gz")
    measured, variants, truth = (source[k].iloc[again].assign(scan_id=ids) for k in (0, 1, 3))
    for name in ("patient_id", "age_years", "sex", "scan_date", "status", "report"):
        measured[name] = list(carried[name])
    truth = truth.assign(patient_id=list(carried["patient_id"]), status=list(carried["status"]))
    severe = carried["status"].eq("severe").to_numpy()
    measured["poi"] = np.minimum(measured["poi"] * np.exp(rng.normal(0.7 * severe, 0.5)), 0.9)
    measured["infection_volume_ml"] = measured["poi"] * measured["lung_volume_ml"]
    measured["ihu"] += rng.normal(20 * severe, 60)
    tables = (measured, variants, source[2][:0], truth, source[4][:0])
    for shard in range(n_shards):
        own = [one[shard::n_shards] for one in tables]
        shards.write(shards.path_of(run.shards, shard, n_shards), *own)


def execute(run, notebook, size):
    """Execute a notebook and record its time and memory; returns the CPU seconds."""
    wall, cpu, peak, _ = timed([STUDY, "execute", notebook, run.name], run.root)
    record(f"notebook {notebook}", size, wall, cpu, peak)
    return cpu


def one_large_scan(folder, networks):
    """CPU seconds to segment and measure a scan of 60 sections of 512x512, on one thread; the median of three."""
    images = folder / "large"
    images.mkdir()
    rows = []
    for k, (scan, *_) in enumerate(phantoms(4, 512, 60)):
        write_scan(images / f"{k}.nii.gz", scan.hu, scan.spacing_mm)
        rows.append({"scan_id": f"L{k}", "patient_id": f"L{k}", "age_years": 50, "sex": "male",
                     "scan_date": pd.Timestamp("2020-02-01"), "status": "severe", "image": f"{k}.nii.gz"})  # fmt: skip
    seconds = []
    for row in rows:
        started = time.process_time()
        segment_scans(pd.DataFrame([row]), images, networks, images / "masks", threads=1)
        per_scan.measure_scan(row, images, images / "masks")
        seconds.append(time.process_time() - started)
    cpu = float(np.median(seconds[1:]))  # the first call loads libraries
    record("segmenting and measuring one scan, one thread", "60x512x512", cpu, cpu, float("nan"))
    return cpu


def makespan(durations, cores):
    """Seconds until all jobs are done when each core takes the next job as soon as it is free."""
    free = [0.0] * cores
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def grown(small, large, n):
    """Extrapolate from two measurements (number, seconds) by the power law through both, at least linearly."""
    (n_small, t_small), (n_large, t_large) = small, large
    power = max(1.0, np.log(t_large / t_small) / np.log(n_large / n_small))
    return t_large * (n / n_large) ** power


def project(parts, n_scans, cores):
    """Seconds for a cohort by the measured parts: shards side by side, their join, notebooks 4 to 6 side by side."""
    n_shards = max(1, round(n_scans / workflow.SCANS_PER_SHARD))
    each = parts["start"] + parts["scan"] * n_scans / n_shards
    after = [grown(*parts[name], n_scans) for name in ("4-biomarkers", "5-severity", "6-progression")]
    return makespan([each] * n_shards, cores) + grown(*parts["join"], n_scans) + makespan(after, cores)


def time_scale(folder, networks):
    """Measure the parts, and project from them."""
    project_folder = clone(folder / "scale")
    images = project_folder / "data"
    images.mkdir()
    named = {name: [] for name in ("image", "lung_mask", "infection_mask")}
    for k, (scan, truth, _) in enumerate(phantoms(10, 64, 12)):
        scan = write_scan(images / f"{k}.nii.gz", scan.hu, scan.spacing_mm)
        named["image"].append(images / f"{k}.nii.gz")
        for name, mask in zip(("lung_mask", "infection_mask"), truth, strict=True):
            write_mask(images / f"{k}-{name}.nii.gz", mask, scan)
            named[name].append(images / f"{k}-{name}.nii.gz")
    cpu, runs = {}, {}
    for n in PROCESSED:
        runs[n] = write_run(project_folder, f"scans-{n}", n, named, networks)
        cpu[n] = execute(runs[n], "3-segment", f"{n} scans 12x64x64")
    each = (cpu[PROCESSED[1]] - cpu[PROCESSED[0]]) / (PROCESSED[1] - PROCESSED[0])
    record("  CPU per scan beyond the first 50", "12x64x64", each, each, float("nan"))
    parts = {"start": cpu[PROCESSED[0]] - PROCESSED[0] * each, "scan": one_large_scan(folder, networks)}
    later = ("4-biomarkers", "5-severity", "6-progression")
    measured = {name: [] for name in ("join", *later)}
    for n in JOINED:
        n_shards = round(n / workflow.SCANS_PER_SHARD)
        run = write_run(project_folder, f"joined-{n}", n, named, networks, n_shards)
        write_shards(run, runs[PROCESSED[0]], n_shards)
        started = time.process_time()
        shards.join(run.shards, n_shards, cohort.read_included(run.cohort))
        seconds = time.process_time() - started
        record("joining shards, the call alone", f"{n} scans", seconds, seconds, float("nan"))
        measured["join"].append((n, execute(run, "3-segment", f"{n} scans, joined from {n_shards} shards")))
        for name in later:
            measured[name].append((n, execute(run, name, f"{n} scans")))
    rows = []
    for cores in CORES:
        hours = project(parts | measured, PROJECTED, cores) / 3600
        rows.append({"scans": PROJECTED, "size": "60x512x512", "cores": cores, "hours": round(hours, 1)})
    write_table(FOLDER / "scale.csv", pd.DataFrame(rows))
    print(pd.DataFrame(rows).to_string(index=False))
