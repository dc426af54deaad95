"""The networks of a run trained again with other seeds, each a run of its own on the same scans.

The seed draws the first weights, the order of the samples, their augmentation and who is held out. What the runs record
is gathered in ``runs/<run>/seeds.json``, which `study.results.seeds` reads.
"""

import json

import yaml

from study import processes, workflow
from study.files import write_json, write_text
from study.parameters import OF_THE_RUN
from study.run import RECORDING, Run


def runs(base, n_seeds):
    """The runs of the other seeds; writes the parameter file of each.

    Parameters
    ----------
    base : study.run.Run
        Finished. The others take its scans and change nothing but the seed of the training.
    n_seeds : int
        Of all trainings, that of `base` among them.

    Returns
    -------
    list of (Run, Path)
        Each with its parameter file.

    Raises
    ------
    ValueError
        If the base was not made, or has trained no networks.
    """
    recipes = {name: workflow.recipe_path(base, name) for name in workflow.NOTEBOOKS}
    if not all((base.values / f"{name}.json").is_file() and recipes[name].is_file() for name in RECORDING):
        raise ValueError(
            f"the run {base.name} is not complete, or has no networks; make it first: study run {base.name}"
        )
    parameters = {name: json.loads(path.read_text(encoding="utf-8"))["parameters"] for name, path in recipes.items()}
    if parameters["2-train"]["models"]:
        raise ValueError(f"the run {base.name} takes over networks: none of its own could be trained with other seeds")
    of_the_run = {name: parameters["1-cohort"][name] for name in OF_THE_RUN}
    sections = {
        notebook: {name: item for name, item in own.items() if name not in (*OF_THE_RUN, "run")}
        for notebook, own in parameters.items()
    }
    cohort, train = sections["1-cohort"], sections["2-train"]
    cohort["scans"] = cohort["scans"] or f"runs/{base.name}/cohort/scans.csv"
    cohort["training_scans"] = cohort["training_scans"] or f"runs/{base.name}/training/scans.csv"
    made = []
    for seed in range(train["seed"] + 1, train["seed"] + n_seeds):
        run = Run(f"{base.name}-seed-{seed}", base.root)
        path = run.folder / f"{run.name}.yaml"
        content = of_the_run | sections | {"2-train": train | {"seed": seed}}
        write_text(path, yaml.safe_dump({name: own for name, own in content.items() if own != {}}, sort_keys=False))
        made.append((run, path))
    return made


def make(base, n_seeds, cores):
    """Bring the runs of the other seeds up to date, one after another, and gather what they record.

    Parameters
    ----------
    base : study.run.Run
    n_seeds, cores : int

    Raises
    ------
    ValueError
        From `runs`.
    RuntimeError
        If a run cannot be completed, naming it, or is being made by another process.
    """
    gathered = {}
    for run, path in runs(base, n_seeds):
        with processes.only_one(run):
            parameters = workflow.plan(run, path)
            workflow.snakemake(run, cores, [f"runs/{run.name}/values/{name}.json" for name in RECORDING])
        gathered[str(parameters["2-train"]["seed"])] = {
            name: json.loads((run.values / f"{name}.json").read_text(encoding="utf-8"))["values"] for name in RECORDING
        }
    write_json(base.seeds_json, {"beside": base.digests_of_networks(), "seeds": gathered})
