# Which notebook reads and writes which files, and nothing else (a files.json: `study.products`). `study run NAME` writes the recipes and calls Snakemake.
#
# A recipe holds a notebook's parameters and the fingerprint of its code, and is rewritten only when either changes.
# What a rule asks for (threads, memory in MB, minutes) is what a cluster reserves; a profile may set other figures.

import json
import signal
from pathlib import Path

from study import processes

run = config["run"]
on_cluster = "cores" not in config
cores = config.get("cores", 4)  # of this machine; on a cluster, what a job asks for at most
# When `study run` is killed; by SIGINT Snakemake also cancels its jobs on a cluster.
processes.end_with_run(signal.SIGINT if on_cluster else signal.SIGTERM)

R, F = f"runs/{run}", f"figures/{run}"


def parameter(notebook, name):
    return json.loads(Path(f"{R}/recipes/{notebook}.json").read_text())["parameters"][name]


own_scans = [path for path in [parameter("1-cohort", "scans"), parameter("1-cohort", "training_scans")] if path]
own_models = [f"{path}/{task}.json" for path in [parameter("2-train", "models")] if path for task in ("lung", "infection")]
begun = [f"{path}/{task}.json" for path in [parameter("2-train", "start_from")] if path for task in ("lung", "infection")]
begun += [path for path in [parameter("2-train", "encoder_weights")] if path]
own_biomarkers = parameter("5-severity", "biomarkers_csv")
biomarkers = own_biomarkers or f"{R}/biomarkers.csv"
n_shards = parameter("3-segment", "n_shards")
training = {name: parameter("2-train", name) for name in ("processes", "threads", "sample_workers")}
n_processes = 1 if own_models else training["processes"]

# A table of biomarkers alone is enough for the last three notebooks.
variants = [] if own_biomarkers else [f"{R}/cohort/cohort.json", f"{R}/variants.csv"]
earlier = [] if own_biomarkers else [
    f"{R}/cohort/cohort.json",
    f"{R}/training/scans.csv",
    f"{R}/models/lung.json",
    f"{R}/models/infection.json",
    *(f"{R}/values/{name}.json" for name in ("1-cohort", "2-train", "3-segment", "4-biomarkers")),
]


# What trainings with other seeds gave, where there were any: `study seeds`.
seeds = [path for path in [f"{R}/seeds.json"] if Path(path).is_file()]


def memory(mb):
    """Ask for this much, and for twice as much when a job is tried again, as it may have been killed for want of it."""
    return lambda wildcards, attempt: mb * attempt


rule cohort:
    input:
        f"{R}/recipes/1-cohort.json",
        own_scans,
    output:
        f"{R}/cohort/scans.csv",
        f"{R}/cohort/included.csv",
        f"{R}/cohort/cohort.json",
        f"{R}/cohort/files.json",
        f"{R}/training/scans.csv",
        f"{R}/training/files.json",
        f"{R}/values/1-cohort.json",
    threads: parameter("1-cohort", "workers")
    resources:
        mem_mb=memory(4000),
        runtime=8 * 60,
    shell:
        "study execute 1-cohort {run}"


# Several processes train together, started by torch's launcher.
launcher = f"torchrun --standalone --nproc-per-node {n_processes} -m study" if n_processes > 1 else "study"


rule train:
    input:
        f"{R}/recipes/2-train.json",
        f"{R}/cohort/cohort.json",
        f"{R}/training/scans.csv",
        f"{R}/training/files.json",
        own_models or begun,
    output:
        f"{R}/models/lung.json",
        f"{R}/models/infection.json",
        f"{R}/values/2-train.json",
    # A single process trains the two networks at the same time, in one process each.
    threads: 1 if own_models else max(2, n_processes) * max(1, training["threads"] + training["sample_workers"])
    resources:
        mem_mb=memory(8000 * n_processes),
        runtime=24 * 60,
    shell:
        "{launcher} execute 2-train {run}"


# A part of the scans, of several: all that is done scan by scan.
rule shard:
    input:
        f"{R}/recipes/3-segment.json",
        f"{R}/cohort/scans.csv",
        f"{R}/cohort/included.csv",
        f"{R}/cohort/cohort.json",
        f"{R}/cohort/files.json",
        f"{R}/models/lung.json",
        f"{R}/models/infection.json",
    output:
        f"{R}/shards/{{shard}}-of-{{n_shards}}.json",
    threads: parameter("3-segment", "threads") or 1
    resources:
        mem_mb=memory(3000),
        runtime=8 * 60,
    shell:
        "study execute 3-segment {run} --shard {wildcards.shard} --n-shards {wildcards.n_shards} --threads {threads}"


# The whole cohort: joins the shards; a single one it processes itself.
rule segment:
    input:
        rules.shard.input,
        [f"{R}/shards/{k}-of-{n_shards}.json" for k in range(n_shards) if n_shards > 1],
    output:
        f"{R}/exclusions.csv",
        f"{R}/biomarkers.csv",
        f"{R}/variants.csv",
        f"{R}/truth.csv",
        f"{R}/masks/files.json",
        f"{R}/values/3-segment.json",
    threads: 1 if n_shards > 1 else parameter("3-segment", "threads") or cores
    resources:
        mem_mb=memory(4000),
        runtime=60 if n_shards > 1 else 24 * 60,
    shell:
        "study execute 3-segment {run} --threads {threads}"


rule biomarkers:
    input:
        f"{R}/recipes/4-biomarkers.json",
        f"{R}/cohort/scans.csv",
        f"{R}/cohort/cohort.json",
        f"{R}/cohort/files.json",
        f"{R}/masks/files.json",
        f"{R}/biomarkers.csv",
        f"{R}/variants.csv",
        f"{R}/truth.csv",
    output:
        f"{R}/values/4-biomarkers.json",
    resources:
        mem_mb=memory(3000),
        runtime=60,
    shell:
        "study execute 4-biomarkers {run}"


rule severity:
    input:
        f"{R}/recipes/5-severity.json",
        biomarkers,
        variants,
        seeds,
    output:
        f"{R}/values/5-severity.json",
    resources:
        mem_mb=memory(4000),
        runtime=60,
    shell:
        "study execute 5-severity {run}"


rule progression:
    input:
        f"{R}/recipes/6-progression.json",
        biomarkers,
        variants,
        seeds,
    output:
        f"{R}/values/6-progression.json",
    resources:
        mem_mb=memory(4000),
        runtime=60,
    shell:
        "study execute 6-progression {run}"


rule claims:
    input:
        f"{R}/recipes/7-claims.json",
        f"{R}/values/5-severity.json",
        f"{R}/values/6-progression.json",
        earlier,
        seeds,
    output:
        f"{F}/claims.html",
        f"{F}/claims.csv",
        f"{F}/audit.csv",
    resources:
        mem_mb=memory(3000),
        runtime=60,
    shell:
        "study execute 7-claims {run}"


# All that is made is asked for: what a failed notebook wrote is removed, and would else not be missed.
rule study:
    default_target: True
    input:
        [] if own_biomarkers else [rules.cohort.output, rules.train.output, rules.segment.output, rules.biomarkers.output],
        rules.severity.output,
        rules.progression.output,
        rules.claims.output,
