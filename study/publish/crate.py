"""A run as one file to submit: a Provenance Run Crate, an RO-Crate that says how each file was made.

Of the Workflow Run RO-Crate profiles (https://w3id.org/ro/wfrun) this is the one for a workflow whose steps are known
one by one: each notebook is a step with its parameters, inputs, results, times and fingerprint. A Workflow Run Crate
would contain one action for all of them; this is one too, with more in it. It is a zip file with the project's own
folders: paths may not lead out of a crate, and the unpacked project can be run again.

Of patients it contains tables and figures, but no scans, label maps, tables with one row per scan, executed notebooks,
words of reports or parameter file; what the run read and the crate leaves out is named by its digest. Links to what is
left out are plain text. Networks are in it as ``study measure --models`` needs them if phantoms alone trained them;
weights can give away scans, so of others it contains the model cards.
"""

import datetime
import hashlib
import html
import json
import mimetypes
import posixpath
import re
import urllib.parse
import zipfile
from pathlib import Path

import yaml
from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from study import provenance
from study.files import whole
from study.networks import card_words
from study.networks.models import SUFFIXES
from study.publish import executed, manuscript
from study.publish.forms import answers
from study.workflow import NOTEBOOKS

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
CODE = (
    "Snakefile", "Makefile", "pyproject.toml", "requirements.lock", "environment.yml", "LICENSE", "README.md",
    "REPRODUCING.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "codecheck.yml", "docs/*.md",
    "notebooks/*.ipynb", "study/**/*.py", "study/**/*.yaml", "study/publish/claims/*", "study/publish/pages/*.md",
    "study/publish/pages/*/*", "study/figures/fonts/*", "profiles/*/*", "docs/manuscript/*.tex", "figures/preview/*",
)  # fmt: skip
SHOWN = (
    "*.png", "*.pdf", "*.csv", "*.md", "*.tex", "*.docx", "*.json", "claims.html",
)  # fmt: skip
RECORDED = ("provenance.json", "cohort/cohort.json", "values/*.json", "timings/*.json", "models/[!.]*.json")
# One row per scan, or what a notebook printed of it: for synthetic patients only.
OF_SCANS = ("cohort/scans.csv", "cohort/included.csv", "training/scans.csv", "biomarkers.csv",
            "biomarkers.origin.json", "variants.csv",
            "truth.csv", "exclusions.csv", "notebooks/*.ipynb")  # fmt: skip
SHOWN_OF_SCANS = ("*.html", "notebooks/*.html", "docs/*.html", "searchindex.js", "_static/**/*", "_images/*")
QUOTES_REPORTS = "Table_S13"
TYPES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text", list: "Text"}
MEDIA = {
    ".ipynb": "application/x-ipynb+json", ".md": "text/markdown", ".yaml": "text/yaml", ".yml": "text/yaml",
    ".cff": "text/yaml", ".tex": "text/x-tex", ".py": "text/x-python",
    ".safetensors": "application/octet-stream",
}  # fmt: skip
COMPLETED = "http://schema.org/CompletedActionStatus"


def write(run):
    """Write ``figures/<run>/<run>.crate.zip``; a file with the same content is left unchanged.

    Parameters
    ----------
    run : study.run.Run
        With its ``provenance.json``.

    Returns
    -------
    Path
    """
    paths = list_files(run)
    files = {name: _without_dead_links(name, _content(path, run), paths) for name, path in paths.items()}
    crate = describe(run, files)
    path = run.figures / f"{run.name}.crate.zip"
    metadata = json.dumps(crate.metadata.generate(), indent=1, ensure_ascii=False)
    if _held(path) == metadata:  # it has the digest of every file, so they are the same too
        return path
    with whole(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in {"ro-crate-metadata.json": metadata.encode(), **files}.items():
            entry = zipfile.ZipInfo(name)  # dated 1980, so that the same content gives the same bytes
            squeeze = not name.endswith((".png", ".pdf", ".docx"))
            entry.compress_type = zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED
            archive.writestr(entry, content, compresslevel=1)
    return path


def _held(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("ro-crate-metadata.json").decode()
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def _content(path, run):
    """Bytes of a file; of an executed notebook without the paths of the machine and what libraries warned of."""
    content = path.read_bytes()
    if path.suffix != ".ipynb":
        return content
    if not path.is_relative_to(run.folder):
        return _without_outputs(json.loads(content)) or content
    notebook = executed.executed(run, path.stem)  # as its page shows it
    for part in (notebook, *notebook["cells"]):
        for name in ("papermill", "recipe"):
            part["metadata"].pop(name, None)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if output.get("name") != "stderr"]
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    return text.replace(json.dumps(str(run.root))[1:-1], ".").encode()


def _without_outputs(notebook):
    """A notebook of the project that JupyterLab saved with outputs, as it is without them; None if it has none."""
    ran = [cell for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")]
    for cell in ran:
        cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode() if ran else None


LINK = {
    ".md": re.compile(r"!?\[(?P<words>(?:\\.|[^\]\\])*)\]\((?:<(?P<to>[^>]*)>|(?P<bare>[^)\s]*))\)"),
    ".html": re.compile(r"<a\s[^>]*?href=[\"'](?P<to>[^\"']*)[\"'][^>]*>(?P<words>.*?)</a>", re.DOTALL),
}


FRAME = re.compile(r"<header>.*?</header>", re.DOTALL)  # of the claims page: its navigation


def _without_dead_links(name, content, names):
    """Content of a document in which links to files that are not in the crate become plain text.

    A page's navigation is left out as a whole where the crate contains documents but not the pages that it leads to.
    """
    if Path(name).suffix not in LINK or name.startswith("study/"):
        return content

    def kept(link):
        target = html.unescape(link["to"] or link.groupdict().get("bare") or "")
        way = urllib.parse.unquote(urllib.parse.urlsplit(target).path)
        if not way or urllib.parse.urlsplit(target).scheme:
            return link[0]
        found = posixpath.normpath(posixpath.join(posixpath.dirname(name), way))
        return link[0] if found in names else link["words"]

    text = content.decode()
    top = posixpath.join(*name.split("/")[:2])  # figures/<run>
    if Path(name).suffix == ".html" and f"{top}/index.html" not in names:
        text = FRAME.sub("", text, count=1)
    return LINK[Path(name).suffix].sub(kept, text).encode()


def list_files(run):
    """Files of the crate: the path of each in it and on disk.

    Returns
    -------
    dict of str to Path
    """
    of_run = RECORDED + (OF_SCANS if run.tier == "synthetic" else ())
    shown = SHOWN + (SHOWN_OF_SCANS if run.tier == "synthetic" else ())
    paths = [path for pattern in CODE for path in run.root.glob(pattern)]
    paths += [path for pattern in of_run for path in run.folder.glob(pattern)]
    paths += [path for pattern in shown for path in run.figures.glob(pattern)]
    if run.tier != "synthetic":
        paths = [path for path in paths if not path.name.startswith(QUOTES_REPORTS)]
    if manuscript.is_outdated(run):
        paths.remove(run.figures / manuscript.PDF)
    parameters = [run.root / "parameters" / f"{name}.yaml" for name in ("demo", "paper", "smoke")]
    if run.may_name:  # else paths and comments may name people; the values are in provenance.json and the checklists
        parameters += [run.root / "parameters" / f"{run.name}.yaml", answers.own_statements(run)]
    parameters = [path for path in dict.fromkeys(parameters) if path.is_file()]
    paths += [
        run.models / f"{task}.{suffix}"
        for task, card in card_words.read(run.models).items() if card_words.of_phantoms(card)
        for suffix in SUFFIXES
    ]  # fmt: skip
    paths += [path for path in parameters if not _names_a_machine(path.read_text(encoding="utf-8"))]
    names = {path.relative_to(run.root).as_posix(): path for path in paths if path.is_file()}
    return {name: names[name] for name in sorted(names)}


def _names_a_machine(text):
    """Whether a parameters file names an absolute path, which is of no use elsewhere and reveals its owner."""
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
    files : dict of str to bytes
        The files of :func:`list_files` as they are in the crate.

    Returns
    -------
    rocrate.rocrate.ROCrate
    """
    told = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    cited = yaml.safe_load((run.root / "CITATION.cff").read_text(encoding="utf-8"))
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "http://schema.org/sha256"
    authors = [_author(crate, person) for person in cited["authors"]]
    licence = _add(crate, f"https://spdx.org/licenses/{cited['license']}", "CreativeWork", name=cited["license"],
                   description="Licence of the code; cohort.json has that of the scans.")  # fmt: skip
    source = {
        "version": f"{cited['version']}, commit {provenance.in_words(told)}",
        "license": licence, "author": authors,
    }  # fmt: skip
    entities = {name: _file(crate, name, content, source) for name, content in files.items()}
    whole, executions = _steps(crate, run, told, entities)
    described = {
        "name": f"{cited['title']}: run {run.name}",
        "description": f"{cited['abstract']} This is one run: tables and figures with the code, {HELD[run.tier]}",
        "datePublished": whole.get("endTime", "1980-01-01"), "license": licence, "author": authors,
        "mentions": [whole, *executions], "citation": [_article(crate, one) for one in cited["references"]],
        "conformsTo": [_add(crate, address, "CreativeWork", name=name, version=address.rsplit("/", 1)[1])
                       for address, name in PROFILES.items()],
    }  # fmt: skip
    for key, content in described.items():
        crate.root_dataset[key] = _one(content)
    return crate


HELD = {
    "synthetic": "parameters and tables behind them. All patients are synthetic: no number is evidence about people.",
    "public": "parameters and numbers behind them, from public scans, which are not in it.",
    "restricted": "parameters and numbers behind them, from patients, whose data are not in it.",
    "unknown": "parameters and numbers behind them, from patients of unknown origin, whose data are not in it.",
}


def _one(content):
    """The only entry of a list of one: JSON-LD writes it without the list."""
    return content[0] if isinstance(content, list) and len(content) == 1 else content


def _add(crate, identifier, kind, **properties):
    kept = {key: _one(item) for key, item in properties.items() if item not in (None, "", [])}
    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **kept}))


def _file(crate, name, content, source):
    path = Path(name)
    described = {
        "name": path.name, "contentSize": str(len(content)), "sha256": hashlib.sha256(content).hexdigest(),
        "encodingFormat": MEDIA.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain",
    }  # fmt: skip
    source = {key: _one(item) for key, item in source.items()}
    if name == "Snakefile":
        profile = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
        known = _add(crate, profile, "CreativeWork", name="Bioschemas ComputationalWorkflow", version="1.0")
        described |= {"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"], "conformsTo": known}
        return crate.add_workflow(None, name, properties=described | source, main=True, lang="snakemake")
    if name.startswith("notebooks/"):
        described |= {"@type": ["File", "SoftwareSourceCode"], **source}
    if name == "README.md":
        described["about"] = crate.root_dataset
    return crate.add_file(None, name, properties=described)


def _steps(crate, run, told, entities):
    """Describe the workflow, its steps and how each was executed; returns the run and the executions."""
    packages = {
        name: _add(crate, f"pkg:pypi/{name.lower()}@{number}", "SoftwareApplication", name=name, softwareVersion=number)
        for name, number in told["packages"].items()
    }
    executions, controls, tools, steps = [], [], [], []
    for position, notebook in enumerate(NOTEBOOKS, 1):
        timings = [timing for timing in told["timings"] if timing["notebook"] == notebook]
        if not timings:
            continue
        tool = entities[f"notebooks/{notebook}.ipynb"]
        given = _parameters(crate, notebook, told["parameters"][notebook])
        tool["input"] = _one([asked for asked, _ in given])
        tool["programmingLanguage"] = f"Python {told['python']}"
        tool["softwareRequirements"] = list(packages.values())
        step = _add(crate, f"#step-{notebook}", "HowToStep", name=f"Notebook {notebook}", position=str(position),
                    workExample=tool)  # fmt: skip
        inputs, results = _inputs(crate, notebook, run, told, entities), _results(notebook, run, entities)
        for timing in timings:
            part = f" part {timing['shard'] + 1} of {timing['n_shards']}" if timing["n_shards"] > 1 else ""
            key = notebook + part.replace(" ", "-")
            executions.append(_add(
                crate, f"#execution-{key}", "CreateAction", name=f"Execution of notebook {notebook}{part}",
                description=f"Code fingerprint {told['code'][notebook]}, commit {timing.get('commit') or 'unknown'}.",
                instrument=tool, object=inputs + [value for _, value in given], result=results,
                startTime=_time(timing), endTime=_time(timing, timing["seconds"]), actionStatus=COMPLETED,
            ))  # fmt: skip
            controls.append(_add(crate, f"#control-{key}", "ControlAction", name=f"Step {position}{part}",
                                 instrument=step, object=executions[-1], actionStatus=COMPLETED))  # fmt: skip
        tools, steps = [*tools, tool], [*steps, step]
    workflow = entities["Snakefile"]
    workflow["hasPart"], workflow["step"] = tools, steps
    parameters = f"parameters/{run.name}.yaml"
    if parameters in entities:
        workflow["input"] = _add(crate, "#parameters", "FormalParameter", name="parameters", additionalType="File",
                                 workExample=entities[parameters])  # fmt: skip
        entities[parameters]["exampleOfWork"] = workflow["input"]
    whole = _add(
        crate, "#run", "CreateAction", name=f"Run {run.name}", instrument=workflow, actionStatus=COMPLETED,
        description=f"All notebooks of the study in order, on {told['system']}, Python {told['python']}.",
        startTime=min(map(_time, told["timings"]), default=None),
        endTime=max((_time(timing, timing["seconds"]) for timing in told["timings"]), default=None),
        object=[entities[parameters]] if parameters in entities else [],
        result=[entity for name, entity in entities.items() if name.startswith(f"figures/{run.name}/")],
    )  # fmt: skip
    _add(crate, "#engine", "OrganizeAction", name="Snakemake decided what had to run", object=controls, result=whole,
         instrument=packages["snakemake"], actionStatus=COMPLETED)  # fmt: skip
    return whole, executions


def _author(crate, person):
    if "name" in person:
        return _add(crate, f"#{person['name'].replace(' ', '-')}", "Organization", name=person["name"])
    name = f"{person['given-names']} {person['family-names']}"
    return _add(crate, person.get("orcid", f"#{name.replace(' ', '-')}"), "Person", name=name)


def _article(crate, article):
    names = [f"{a.get('given-names', '')} {a['family-names']}".strip() for a in article["authors"]]
    doi = article.get("doi") or next(one["value"] for one in article["identifiers"] if one["type"] == "doi")
    return _add(crate, f"https://doi.org/{doi}", "ScholarlyArticle", name=article["title"], author=names,
               datePublished=str(article["year"]))  # fmt: skip


def _parameters(crate, notebook, parameters):
    """A parameter as asked for and as given, for each that is not empty."""
    pairs = []
    for name, content in parameters.items():
        if content in ("", None):
            continue
        text = ", ".join(map(str, content)) if isinstance(content, list) else str(content)
        asked = _add(crate, f"#parameter-{notebook}-{name}", "FormalParameter", name=name,
                    additionalType=TYPES[type(content)])  # fmt: skip
        given = _add(crate, f"#value-{notebook}-{name}", "PropertyValue", name=name, value=text, exampleOfWork=asked)
        asked["workExample"] = given
        pairs.append((asked, given))
    return pairs


def _inputs(crate, notebook, run, told, entities):
    """What a notebook read: files of the crate, else what is known of them, their digest."""
    digests, found = told["inputs_sha256"], []
    for path in provenance.inputs_of(run, notebook, told["parameters"][notebook]):
        name = path.relative_to(run.root).as_posix() if path.is_relative_to(run.root) else path.name
        if name in entities:
            found.append(entities[name])
        elif name in digests:
            found.append(_add(
                crate, f"#input-{digests[name][:16]}", "CreativeWork", name=path.name, sha256=digests[name],
                description="Not in the crate; known by its SHA-256.",
            ))  # fmt: skip
    return found


def _results(notebook, run, entities):
    """What a notebook wrote, if it is in the crate: values, executed copy, tables and figures."""
    source = (run.root / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
    of_run = {f"runs/{run.name}/{name}" for name in (*provenance.WRITES[notebook], f"values/{notebook}.json",
                                                      f"notebooks/{notebook}.ipynb")}  # fmt: skip
    made = []
    for name in map(Path, entities):
        is_shown = name.is_relative_to(f"figures/{run.name}")
        card = name.with_suffix(".json")  # stands for the other files of a network
        is_of_run = not of_run.isdisjoint((name.as_posix(), card.as_posix()))
        if is_of_run or (is_shown and any(f'\\"{n}\\"' in source for n in (name.stem, name.name))):
            made.append(entities[name.as_posix()])
    return made


def _time(timing, seconds=0):
    moment = datetime.datetime.fromisoformat(timing["started"]) + datetime.timedelta(seconds=round(seconds))
    return moment.isoformat()
