"""A run as one file to hand in: a Provenance Run Crate, an RO-Crate that says how each file came about.

Of the Workflow Run RO-Crate profiles (https://w3id.org/ro/wfrun) this is the one for a workflow whose steps are known
one by one: each notebook is a step with its parameters, inputs, results, times and fingerprint. A Workflow Run Crate
would hold one action for all of them; this is one too, with more in it. It is a zip file with the project's own
folders, as paths in a crate may not leave it, and so that what is unpacked runs again.

Of patients it holds tables and figures, and neither scans, label maps, tables of one row a scan, executed notebooks nor
words of reports; those that the run read are named by their digest alone.
"""

import datetime
import hashlib
import json
import mimetypes
import os
import tomllib
import zipfile
from pathlib import Path

import yaml
from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from study import provenance
from study.workflow import NOTEBOOKS

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
CODE = (
    "Snakefile", "Makefile", "pyproject.toml", "requirements.lock", "environment.yml", "LICENSE", "README.md",
    "CHANGELOG.md", "CITATION.cff", "codecheck.yml", "notebooks/*.ipynb", "study/**/*.py", "study/**/*.yaml",
)  # fmt: skip
SHOWN = ("*.png", "*.pdf", "*.csv", "*.md", "*.tex", "*.docx", "*.html", "*.json")
RECORDED = ("provenance.json", "cohort/cohort.json", "values/*.json", "timings/*.json", "models/[!.]*.json")
# One row a scan, or what a notebook printed of it: of synthetic patients only.
OF_SCANS = ("cohort/scans.csv", "training/scans.csv", "biomarkers.csv", "variants.csv", "truth.csv", "exclusions.csv",
            "notebooks/*.ipynb")  # fmt: skip
QUOTES_REPORTS = "Table_S13"
TYPES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text", list: "Text"}
MEDIA = {
    ".ipynb": "application/x-ipynb+json", ".md": "text/markdown", ".yaml": "text/yaml", ".yml": "text/yaml",
    ".cff": "text/yaml", ".tex": "text/x-tex", ".py": "text/x-python",
}  # fmt: skip
COMPLETED = "http://schema.org/CompletedActionStatus"


def write(run):
    """Write ``figures/<run>/<run>.crate.zip``; a file that holds the same already is left alone.

    Parameters
    ----------
    run : study.run.Run
        With its ``provenance.json``.

    Returns
    -------
    Path
    """
    files = list_files(run)
    crate = describe(run, files)
    path = run.figures / f"{run.name}.crate.zip"
    metadata = json.dumps(crate.metadata.generate(), indent=1, ensure_ascii=False)
    if _held(path) == metadata:  # it has the digest of every file, so they are the same too
        return path
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(unfinished, "w") as archive:
            for name, content in [("ro-crate-metadata.json", metadata.encode()), *files.items()]:
                entry = zipfile.ZipInfo(name)  # dated 1980, so that the same content gives the same bytes
                squeeze = not name.endswith((".png", ".pdf", ".docx"))
                entry.compress_type = zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED
                archive.writestr(
                    entry, content if isinstance(content, bytes) else content.read_bytes(), compresslevel=1
                )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _held(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("ro-crate-metadata.json").decode()
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def list_files(run):
    """Files of the crate: where each lies in it and on the disk.

    Returns
    -------
    dict of str to Path
    """
    of_run = RECORDED + (OF_SCANS if run.tier == "synthetic" else ())
    shown = SHOWN + (("notebooks/*.html",) if run.tier == "synthetic" else ())
    paths = [path for pattern in CODE for path in run.root.glob(pattern)]
    paths += [path for pattern in of_run for path in run.folder.glob(pattern)]
    paths += [path for pattern in shown for path in run.figures.glob(pattern)]
    if run.tier != "synthetic":
        paths = [path for path in paths if not path.name.startswith(QUOTES_REPORTS)]
    parameters = run.root / "parameters" / f"{run.name}.yaml"
    if parameters.is_file() and not _names_a_machine(parameters.read_text(encoding="utf-8")):
        paths.append(parameters)
    names = {path.relative_to(run.root).as_posix(): path for path in paths if path.is_file()}
    return {name: names[name] for name in sorted(names)}


def _names_a_machine(text):
    """Whether a parameters file names an absolute path, which is of no use elsewhere and tells of its owner."""
    waiting = [yaml.safe_load(text)]
    while waiting:
        item = waiting.pop()
        waiting += list(item.values()) if isinstance(item, dict) else item if isinstance(item, list) else []
        if isinstance(item, str) and Path(item).is_absolute():
            return True
    return False


def describe(run, files):
    """Make the description of the run, with its files, steps, parameters, software and people.

    Parameters
    ----------
    run : study.run.Run
    files : dict of str to Path
        From :func:`list_files`.

    Returns
    -------
    rocrate.rocrate.ROCrate
    """
    told = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    cited = yaml.safe_load((run.root / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((run.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "http://schema.org/sha256"

    def add(identifier, kind, /, **properties):
        kept = {key: item for key, item in properties.items() if item not in (None, "", [])}
        return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **kept}))

    authors = [_author(person, add) for person in cited["authors"]]
    licence = add(f"https://spdx.org/licenses/{cited['license']}", "CreativeWork", name=cited["license"],
                  description="Licence of the code; cohort.json has that of the scans.")  # fmt: skip
    changed = " and changes since" if told["changed_since_commit"] else ""
    version = f"{project['version']}, commit {told['commit'] or 'unknown'}{changed}"
    entities = {}
    for name, path in files.items():
        content = path.read_bytes()
        described = {"name": Path(name).name, "contentSize": str(len(content)), "encodingFormat": _media(path),
                     "sha256": hashlib.sha256(content).hexdigest()}  # fmt: skip
        kind = ["File", "SoftwareSourceCode"] if path.suffix in (".py", ".ipynb") and "runs/" not in name else "File"
        if name == "Snakefile":
            kinds = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
            described |= {"@type": kinds, "version": version, "license": licence, "author": authors}
            entities[name] = crate.add_workflow(path, name, properties=described, main=True, lang="snakemake")
        else:
            described |= {"version": version} if isinstance(kind, list) else {}
            entities[name] = crate.add_file(path, name, properties={"@type": kind, **described})
    workflow = entities["Snakefile"]
    packages = {name: add(f"pkg:pypi/{name.lower()}@{number}", "SoftwareApplication", name=name, softwareVersion=number)
                for name, number in told["packages"].items()}  # fmt: skip
    actions, controls, tools, steps, formal = [], [], [], [], []
    for position, notebook in enumerate(NOTEBOOKS, 1):
        timings = [timing for timing in told["timings"] if timing["notebook"] == notebook]
        if not timings:
            continue
        tool = entities[f"notebooks/{notebook}.ipynb"]
        given = _parameters(notebook, told["parameters"][notebook], add)
        tool["input"] = [asked for asked, _ in given]
        tool["programmingLanguage"] = f"Python {told['python']}"
        tool["softwareRequirements"] = list(packages.values())
        step = add(
            f"#step-{notebook}", "HowToStep", name=f"Notebook {notebook}", position=str(position), workExample=tool
        )
        for timing in timings:
            part = f" part {timing['shard'] + 1} of {timing['n_shards']}" if timing["n_shards"] > 1 else ""
            action = add(
                f"#execution-{notebook}{part.replace(' ', '-')}", "CreateAction",
                name=f"Execution of notebook {notebook}{part}", instrument=tool, actionStatus=COMPLETED,
                description=f"Code fingerprint {told['code'][notebook]}, commit {timing.get('commit') or 'unknown'}.",
                startTime=timing["started"], endTime=_end(timing),
                object=_inputs(notebook, run, told, entities, add) + [value for _, value in given],
                result=_results(notebook, run, entities),
            )  # fmt: skip
            actions.append(action)
            controls.append(add(f"#control-{notebook}{part.replace(' ', '-')}", "ControlAction", instrument=step,
                                object=action, actionStatus=COMPLETED))  # fmt: skip
        tools, steps, formal = [*tools, tool], [*steps, step], formal + tool["input"]
    workflow["hasPart"], workflow["step"], workflow["input"] = tools, steps, formal
    times = [timing["started"] for timing in told["timings"]], [_end(timing) for timing in told["timings"]]
    whole = add("#run", "CreateAction", name=f"Run {run.name}", instrument=workflow, actionStatus=COMPLETED,
                description=f"All notebooks of the study in order, on {told['system']}, Python {told['python']}.",
                startTime=min(times[0], default=None), endTime=max(times[1], default=None),
                object=[entities[name] for name in (f"parameters/{run.name}.yaml",) if name in entities],
                result=[entities[name] for name in entities if name.startswith(f"figures/{run.name}/")])  # fmt: skip
    add("#engine", "OrganizeAction", name="Snakemake decided what had to run", instrument=packages["snakemake"],
        object=controls, result=whole, actionStatus=COMPLETED)  # fmt: skip
    root = crate.root_dataset
    root["name"] = f"{cited['title']}: run {run.name}"
    root["description"] = f"{cited['abstract']} This is one run: tables and figures with the code, {HELD[run.tier]}"
    root["datePublished"] = max(times[1], default="1980-01-01T00:00:00Z")
    root["license"], root["author"] = licence, authors
    root["mentions"] = [whole, *actions]
    root["citation"] = [_article(article, add) for article in cited["references"]]
    root["conformsTo"] = [add(address, "CreativeWork", name=name, version=address.rsplit("/", 1)[1])
                          for address, name in PROFILES.items()]  # fmt: skip
    return crate


HELD = {
    "synthetic": "parameters and tables behind them. All patients are synthetic: no number is evidence about people.",
    "public": "parameters and numbers behind them, from public scans, which are not in it.",
    "restricted": "parameters and numbers behind them, from patients, whose data are not in it.",
}


def _author(person, add):
    if "name" in person:
        return add(f"#{person['name'].replace(' ', '-')}", "Organization", name=person["name"])
    name = f"{person['given-names']} {person['family-names']}"
    return add(
        person.get("orcid", f"#{name.replace(' ', '-')}"), "Person", name=name, affiliation=person.get("affiliation")
    )


def _article(article, add):
    names = [f"{a.get('given-names', '')} {a['family-names']}".strip() for a in article["authors"]]
    doi = article.get("doi") or next(one["value"] for one in article["identifiers"] if one["type"] == "doi")
    return add(f"https://doi.org/{doi}", "ScholarlyArticle", name=article["title"], author=names,
               datePublished=str(article["year"]))  # fmt: skip


def _parameters(notebook, parameters, add):
    """A parameter as asked for and as given, for each that is not empty."""
    pairs = []
    for name, content in parameters.items():
        if content in ("", None):
            continue
        text = ", ".join(map(str, content)) if isinstance(content, list) else str(content)
        asked = add(f"#parameter-{notebook}-{name}", "FormalParameter", name=name,
                    additionalType=TYPES[type(content)])  # fmt: skip
        given = add(f"#value-{notebook}-{name}", "PropertyValue", name=name, value=text, exampleOfWork=asked)
        asked["workExample"] = given
        pairs.append((asked, given))
    return pairs


def _inputs(notebook, run, told, entities, add):
    """What a notebook read: files of the crate, else what is known of them, their digest."""
    digests, found = told["inputs_sha256"], []
    for path in provenance.inputs_of(run, notebook, told["parameters"][notebook]):
        name = path.relative_to(run.root).as_posix() if path.is_relative_to(run.root) else path.name
        if name in entities:
            found.append(entities[name])
        elif name in digests:
            found.append(add(f"#input-{digests[name][:16]}", "CreativeWork", name=Path(name).name, sha256=digests[name],
                             description="Not in the crate; known by its SHA-256."))  # fmt: skip
    return found


def _results(notebook, run, entities):
    """What a notebook wrote, as far as it is in the crate: values, executed copy, tables and figures."""
    source = (run.root / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
    of_run = {f"runs/{run.name}/{name}" for name in (*provenance.WRITES[notebook], f"values/{notebook}.json",
                                                      f"notebooks/{notebook}.ipynb")}  # fmt: skip
    made = [name for name in entities if name in of_run]
    for name in entities:
        stem, kind = name.rpartition("/")[2].rsplit(".", 1) if "." in name.rpartition("/")[2] else (name, "")
        if name.startswith(f"figures/{run.name}/") and (f'\\"{stem}\\"' in source or f'\\"{stem}.{kind}\\"' in source):
            made.append(name)
    return [entities[name] for name in made]


def _end(timing):
    started = datetime.datetime.fromisoformat(timing["started"])
    return (started + datetime.timedelta(seconds=round(timing["seconds"]))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _media(path):
    return MEDIA.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
