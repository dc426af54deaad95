"""Speed and memory of segmentation: one scan, also by other projects' networks; the networks alone; cohorts.

The scan is a phantom of 60x512x512 voxels, 10 mm sections every 5 mm, with a seed that no training uses.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from bench.quality import SEED, patients
from bench.real_scans import SCAN, SERIES, find, has_real_ct
from bench.timing import NAN, ROOT, STUDY, VERSIONS, record, timed
from study.measures import overlap
from study.networks import models, network
from study.networks.segmentation import Segmenter
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import simulate_scan
from study.phantom.scanner.series import write_series
from study.scans.ct import scan_from_array, write_scan
from study.scans.labels import INFECTION, LUNG

PEERS = ROOT / ".venv" / "peers" / "bin" / "python"
DEMO = ROOT / "runs" / "demo" / "models"
ROUNDS = 3
SIZE = "60x512x512"


def phantoms(n, matrix, n_sections):
    """Yield simulated scans with infection, `n_sections` about mid-lung: scan, (lung, infection) masks, protocol."""
    protocol = Protocol(matrix=matrix, increment_mm=5.0)
    for number, habitus, disease in patients(n, True):
        made = simulate_scan((SEED, number), 1, habitus, disease, protocol, cardiac=0.5)
        with_lung = np.flatnonzero(made.lung_mask.any(axis=(1, 2)))
        first = max(0, (with_lung[0] + with_lung[-1] + 1 - n_sections) // 2)
        hu, *truth = (of[first : first + n_sections] for of in (made.hu, made.lung_mask, made.infection_mask))
        yield scan_from_array(hu, made.spacing_mm), truth, protocol


def time_measure(folder, networks, real_ct=None):
    """Time `study measure` on a real CT, NIfTI and DICOM in turn."""
    if not has_real_ct(real_ct):
        return
    scans = {"NIfTI 512x512x52": find(real_ct, SCAN), "DICOM 512x512x40": find(real_ct, SERIES)}
    commands = {name: [STUDY, "measure", scan, "--out", folder, "--models", networks] for name, scan in scans.items()}
    for name, calls in in_turn(commands).items():
        record("study measure", name, *medians(calls))


def in_turn(commands):
    """Run each of several commands in turn, `ROUNDS` times: what `timed` gives, a list by name."""
    calls = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            calls[name].append(timed(command, ROOT))
    return calls


def medians(calls):
    """Medians of wall seconds, CPU seconds and peak memory over calls as from `timed`."""
    return [statistics.median(call[k] for call in calls) for k in range(3)]


def time_scan(folder, networks):
    """Time `study measure` from NIfTI and DICOM, in turn with lungmask and nnU-Net where they are installed."""
    ((scan, _, protocol),) = phantoms(1, 512, 60)
    nifti, dicom = folder / "scan.nii.gz", folder / "series"
    write_scan(nifti, scan.hu, scan.spacing_mm)
    write_series(dicom, scan.hu, scan.spacing_mm, protocol, key="bench", patient_id="P001", sex="female",
                 age_years=50, scan_date="2020-02-01", visit=1)  # fmt: skip
    ours = {"NIfTI": nifti, "DICOM": dicom}
    commands = {name: [STUDY, "measure", path, "--out", folder, "--models", networks] for name, path in ours.items()}
    if PEERS.is_file():
        peers = {"lungmask R231": "lungmask", "nnU-Net v2 2D": "nnunet"}
        commands |= {name: [PEERS, ROOT / "bench/peers.py", peer, nifti] for name, peer in peers.items()}
    else:
        print("peers: skipped, `make .venv/peers/ready` installs them")
    calls = in_turn(commands)
    measured = {name: medians(of_one) for name, of_one in calls.items()}
    for name, limit in (("NIfTI", 12), ("DICOM", 15)):
        wall, _, peak = measured[name]
        record(f"study measure, {name} to POI and iHU", SIZE, *measured[name], f"{limit} s", wall / limit)
        record("  its peak memory", SIZE, NAN, NAN, peak, "2048 MiB", peak / 2048)
    for name, least in (("lungmask R231", 3), ("nnU-Net v2 2D", 7)):
        if name in calls:
            said = [json.loads(printed.splitlines()[-1]) for *_, printed in calls[name]]
            versions = f"{VERSIONS} peer: {said[0]['versions']}"
            ratio = measured[name][0] / measured["NIfTI"][0]
            compared_with = f"study measure, NIfTI; at least {least}"
            record(f"{name}, random weights", SIZE, *measured[name], compared_with, ratio, versions)
            alone = statistics.median(one["seconds"] for one in said)
            ratio = alone / measured["NIfTI"][0]
            record("  its call alone, without start and reading", SIZE, alone, NAN, NAN, compared_with, ratio, versions)


class TorchNetwork:
    """`models.Network` by eager torch in single precision, the reference for the exported graph.

    The weights are those of the training's checkpoint, before rounding to half precision, where it lies beside the
    model; else the stored ones.
    """

    def __init__(self, folder, task):
        self.card = models.read_card(folder, task)
        self.settings, self.threshold = self.card["settings"], self.card["threshold"]
        checkpoint = Path(folder) / f"{task}.checkpoint.safetensors"
        if checkpoint.is_file():
            weights = {k.removeprefix("model."): v for k, v in load_file(checkpoint).items() if k.startswith("model.")}
        else:
            weights = load_file(Path(folder) / f"{task}.safetensors")
        self.model = network.build(self.card["architecture"])
        self.model.load_state_dict(weights)
        self.model = self.model.eval().to(memory_format=torch.channels_last)

    def probability(self, channels, batch_size=8):
        """Map input (n, c, y, x) float32 to probability (n, y, x) float32."""
        with torch.inference_mode():
            parts = [
                torch.sigmoid(self.model(part.contiguous(memory_format=torch.channels_last)))[:, 0]
                for part in torch.from_numpy(np.ascontiguousarray(channels)).split(batch_size)
            ]
        return torch.cat(parts).numpy()


class Watched:
    """A network that keeps the time of its last call and the shape of the input."""

    def __init__(self, one):
        self.one, self.settings, self.threshold = one, one.settings, one.threshold

    def probability(self, channels):
        """Map input (n, c, y, x) float32 to probability (n, y, x) float32."""
        wall, cpu = time.perf_counter(), time.process_time()
        probability = self.one.probability(channels)
        self.took = np.array([time.perf_counter() - wall, time.process_time() - cpu])
        self.shape = channels.shape
        return probability


def flop(model, shape):
    """Floating-point operations of the convolutions and products of one forward pass; a multiply-add counts as two.

    Parameters
    ----------
    model : torch.nn.Module
    shape : tuple of int
        (n, c, y, x) of the input.
    """
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.zeros(1, *shape[1:]))
    return shape[0] * counter.get_total_flops()


def gemm_gflop_s(n=2048, rounds=7):
    """Rate of the product of two n x n matrices in single precision on all of torch's threads; median of the rounds."""
    a, b = torch.rand(n, n), torch.rand(n, n)
    walls = []
    for _ in range(rounds):
        started = time.perf_counter()
        a @ b
        walls.append(time.perf_counter() - started)
    return 2e-9 * n**3 / statistics.median(walls)


def time_networks(_, networks, n_scans=10, matrix=512):
    """Compare OpenVINO and eager torch on the same scans: time, share of the machine's limit, difference of results."""
    by_openvino, by_torch = Segmenter(networks), Segmenter(networks)
    for task in models.TASKS:
        setattr(by_openvino, task, Watched(getattr(by_openvino, task)))
        setattr(by_torch, task, Watched(TorchNetwork(networks, task)))
    took, rates, n_flop = {"openvino": [], "torch": []}, [], []
    between, moved = {task: [] for task in models.TASKS}, {task: [] for task in models.TASKS}
    for scan, truth, _ in phantoms(n_scans, matrix, 60):
        rates.append(gemm_gflop_s())
        maps = [segmenter.segment(scan) for segmenter in (by_openvino, by_torch)]
        for name, segmenter in (("openvino", by_openvino), ("torch", by_torch)):
            took[name].append(segmenter.lung.took + segmenter.infection.took)
        watched = (by_torch.lung, by_torch.infection)
        n_flop.append(sum(flop(one.one.model, one.shape) for one in watched))
        for task, label, reference in zip(models.TASKS, (LUNG, INFECTION), truth, strict=True):
            masks = [label_map >= label for label_map in maps]
            between[task].append(overlap.dice(*masks))
            moved[task].append(overlap.dice(masks[0], reference) - overlap.dice(masks[1], reference))
    rate, gflop = statistics.median(rates), statistics.median(n_flop) / 1e9
    openvino, eager = (np.median(took[name], axis=0) for name in ("openvino", "torch"))
    size = f"60x{matrix}x{matrix}, {n_scans} scans"
    record("fp32 GEMM of the machine, 2048x2048", "", NAN, NAN, NAN, "GFLOP/s", rate)
    record("both networks, one scan", size, NAN, NAN, NAN, "GFLOP", gflop)
    for name, (wall, cpu) in (("OpenVINO", openvino), ("eager torch, fp32", eager)):
        record(f"both networks by {name}", size, wall, cpu, NAN, "rate reached / fp32 GEMM", gflop / wall / rate)
    record("  eager torch / OpenVINO", size, NAN, NAN, NAN, "wall", eager[0] / openvino[0])
    for task in models.TASKS:
        moves, gap = abs(np.nanmean(moved[task])), 1 - np.nanmean(between[task])
        what = f"{task} by OpenVINO instead of fp32 torch"
        record(f"{what}: mean Dice against the truth moves by", size, NAN, NAN, NAN, "0.001", moves)
        record(f"{what}: 1 - mean Dice of the two", size, NAN, NAN, NAN, "0.001", gap)


def time_cohorts(folder, networks):
    """Time a cohort of the demo's size, then growing numbers of small scans."""
    out = folder / "cohort"
    timed([STUDY, "phantom", "--patients", "198", "--matrix", "128", "--no-lesions", "--out", out], ROOT)
    table = pd.read_csv(out / "scans.csv").head(531)
    size = f"{len(table)} scans 128x128 of 10 mm"
    segment_all(table, out, networks, size, limit=240)
    if (DEMO / "lung.json").is_file():  # smaller than the bundled networks
        segment_all(table, out, DEMO, f"{size} by the demo's networks", limit=240)
    else:
        print("the demo's networks: skipped, `make study` trains them")

    small = folder / "small"
    small.mkdir()
    for k, (scan, *_) in enumerate(phantoms(10, 64, 12)):
        write_scan(small / f"{k}.nii.gz", scan.hu, scan.spacing_mm)
    for n in (50, 500, 5000):
        images = [f"{k % 10}.nii.gz" for k in range(n)]
        table = pd.DataFrame({"image": images, "scan_id": [f"S{k:04d}" for k in range(n)]})
        segment_all(table.assign(patient_id=table["scan_id"], status="severe"), small, networks, f"{n} scans 12x64x64")


def segment_all(table, folder, networks, size, limit=None):
    """Segment a table's scans in a process of its own and record its time, against a limit or in seconds per scan."""
    path = folder / f"{len(table)}.csv"
    table.to_csv(path, index=False)
    command = [sys.executable, "-m", "bench.segment_table", path, networks, tempfile.mkdtemp(dir=folder)]
    wall, cpu, peak, printed = timed(command, ROOT)
    if f"{len(table)} segmented" not in printed:
        raise SystemExit(f"bench: not every scan of {path} was segmented: {printed.splitlines()[-1]}")
    compared_with = (f"{limit} s", wall / limit) if limit else ("s per scan", wall / len(table))
    record("notebook 3's scans segmented", size, wall, cpu, peak, *compared_with)
