"""Pointers: short references to what a run made or what the project contains, checked as they are followed.

=================================  ========================================================================
``value 5-severity/auc_poi``       a number that a notebook recorded
``percent 5-severity/confidence``  the same, a fraction, in per cent without the sign
``n 1-cohort/age_mean_all``         of how many patients or scans it is
``cell 5-severity/severity-09``    a cell of a notebook, named by the heading above it
``figure Figure_4``                a picture in ``figures/<run>``
``table Table_2``                  a table in ``figures/<run>``
``run cohort/cohort.json#tier``    a file in ``runs/<run>``; after ``#`` the way to one entry of a JSON file
``card trained_on``                what the cards of the run's networks say: a function of ``networks.card_words``
``file README.md#limits``          a file of the project; after ``#`` a heading of a Markdown file
=================================  ========================================================================
"""

import functools
import json
import re
from dataclasses import dataclass

import nbformat

from study.networks import card_words
from study.publish import executed
from study.results.words import SHARE_DIGITS, p_value, with_interval


class Absent(LookupError):
    """The run has not made this: a notebook was not run, or there were no data for it."""


class Undefined(Absent):
    """The run has recorded that this number cannot be computed from its data."""


class Unstated(Absent):
    """The authors have not stated this; the message says where they can."""


class Broken(LookupError):
    """The pointer leads nowhere in any run; it has to be corrected."""


@dataclass(frozen=True)
class Found:
    """What a pointer leads to.

    Attributes
    ----------
    words : str
        What a reader is told: ``Figure 4``, ``auc_poi = 0.931 [0.894, 0.955], n = 531``.
    content : str
        The number or text alone, for use inside a sentence; empty for a whole file.
    path : Path or None
        What can be opened.
    anchor : str
        Place inside it.
    """

    words: str
    content: str = ""
    path: object = None
    anchor: str = ""


def follow(pointer, run):
    """Look up where a pointer leads.

    Parameters
    ----------
    pointer : str
        One of the forms above.
    run : study.run.Run

    Returns
    -------
    Found

    Raises
    ------
    Absent
        If this run did not make it; says which notebook was not run.
    Broken
        If no run could have it.
    """
    kind, _, target = pointer.partition(" ")
    if kind not in KINDS or not target:
        raise Broken(f"`{pointer}`: a pointer begins with {', '.join(KINDS)} and names something")
    return KINDS[kind](target, run)


def _recorded(notebook, name, run):
    recorded = run.recorded(notebook)
    if not len(recorded):
        _notebook(notebook, run)
        raise Absent(f"notebook {notebook} was not run")
    if name not in recorded.index:
        raise Broken(f"notebook {notebook} recorded no {name}")
    return recorded.loc[name]


def _n(target, run):
    notebook, _, name = target.partition("/")
    n = _recorded(notebook, name, run)["n"]
    if n is None or n != n:
        raise Absent(f"of how many {name} is was not recorded in this run")
    content = f"{n:.0f}"
    return Found(f"n of {name} = {content}", content, *_place(notebook, executed.value_anchor(name), run))


def _value(target, run):
    notebook, _, name = target.partition("/")
    row = _recorded(notebook, name, run)
    if row["value"] is None or row["value"] != row["value"]:
        raise Undefined(f"{name} is undefined in this run")
    content = shown(row["value"], name, row["ci_low"], row["ci_high"])
    if row["unit"] in ("HU", "ml", "years"):
        content += f" {row['unit']}"
    size = "" if row["n"] != row["n"] or row["n"] is None else f", n = {row['n']:.0f}"
    return Found(f"{name} = {content}{size}", content, *_place(notebook, executed.value_anchor(name), run))


def _percent(target, run):
    notebook, _, name = target.partition("/")
    content = f"{100 * _recorded(notebook, name, run)['value']:g}"
    return Found(f"{name} = {content} %", content, *_place(notebook, executed.value_anchor(name), run))


def shown(number, name="", low=None, high=None):
    """Write a recorded value for a reader: counts whole, p values and shares as the tables, others to three digits."""
    if isinstance(number, (str, bool)):
        return str(number)
    if name.startswith("p_value"):
        return p_value(number)
    if float(number).is_integer() and abs(number) < 1e9 and (low is None or low != low):
        return f"{number:.0f}"
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2 if abs(number) >= 1 else 3
    if re.search(r"(^|_)(auc|kappa|agreement|sensitivity|specificity|ppv|npv)(_|$)", name):
        digits = SHARE_DIGITS
    return with_interval(float(number), low, high, digits)


def _cell(target, run):
    notebook, _, name = target.partition("/")
    heading = ""
    for cell in _notebook(notebook, run).cells:
        headings = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        heading = headings[0] if headings and cell.id == name else heading
        if cell.id == name:
            words = re.sub(r"^\d+\. ", "", heading)
            place = _place(notebook, executed.cell_anchor(cell), run)
            return Found(f"notebook {notebook.split('-')[0]}: {words}", words, *place)
        heading = headings[-1] if headings else heading
    raise Broken(f"notebook {notebook} has no cell {name}")


def _notebook(name, run):
    path = run.root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        raise Broken(f"there is no notebook {name}")
    return _read(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _read(path, _changed):
    return nbformat.read(path, as_version=4)


def _place(notebook, anchor, run):
    """Where a reader sees part of a notebook: on its page, which each executed one has, else in the notebook."""
    if (run.folder / "notebooks" / f"{notebook}.ipynb").is_file():
        return run.figures / "notebooks" / f"{notebook}.html", anchor
    return run.root / "notebooks" / f"{notebook}.ipynb", ""


def _shown_file(suffixes):
    def find(name, run):
        path = next((p for p in (run.figures / f"{name}.{suffix}" for suffix in suffixes) if p.is_file()), None)
        if path:
            return Found(name.replace("_", " "), "", path)
        names = (f'\\"{name}\\"', f'\\"{name}.')  # as a notebook's file has them, with and without an ending
        notebooks = {p.stem: p.read_text(encoding="utf-8") for p in sorted((run.root / "notebooks").glob("*.ipynb"))}
        maker = next((stem for stem, text in notebooks.items() if any(n in text for n in names)), None)
        if maker is None:
            raise Broken(f"no notebook makes {name}")
        raise Absent(f"notebook {maker} made no {name.replace('_', ' ')}")

    return find


ORIGINS = ("cohort/cohort.json",)  # tier, source and licence as the parameter file gives them


def _run(target, run):
    name, _, way = target.partition("#")
    path = run.folder / name
    if not path.is_file():
        raise Absent(f"{name} is not in this run")
    if not way:
        return Found(name, "", path)
    content = json.loads(path.read_text(encoding="utf-8"))
    for key in way.split("/"):
        if not isinstance(content, dict) or key not in content:
            raise Broken(f"{name} has no entry {way}")
        content = content[key]
    text = " and ".join(_entry(item) for item in (content if isinstance(content, list) else [content]))
    if not text:
        stated = f"; add a line '{way}: ...' to parameters/{run.name}.yaml, beside tier and source"
        raise Unstated(f"{name} does not state its {way.split('/')[-1]}" + stated * (name in ORIGINS))
    return Found(f"{name}: {way.replace('/', ', ').replace('_', ' ')} = {text}", text, path)


SAID_BY_CARDS = {
    words.__name__: words
    for words in (
        card_words.trained_on,
        card_words.n_stages,
        card_words.held_out,
        card_words.initial_weights,
        card_words.final_weights,
        card_words.sections,
        card_words.in_crate,
    )
}


def _card(target, run):
    task, _, name = target.rpartition("/")
    if name not in SAID_BY_CARDS or task not in ("", *card_words.TASKS):
        raise Broken(f"no card says {target}")
    cards = {one: card for one, card in card_words.read(run.models).items() if task in ("", one)}
    if not cards:
        raise Absent("it has no networks")
    text = card_words.of_both(cards, SAID_BY_CARDS[name])
    return Found(f"model cards: {name.replace('_', ' ')} = {text}", text, run.models / f"{next(iter(cards))}.json")


def _entry(content):
    return "" if content is None else f"{content:.3g}" if isinstance(content, float) else str(content)


def _file(target, run):
    name, _, heading = target.partition("#")
    path = run.root / name
    if not path.is_file():
        raise Broken(f"the project has no file {name}")
    if not heading:
        return Found(name, "", path)
    for title in re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        if re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") == heading:
            return Found(f"{name}: {title}", "", path, heading)
    raise Broken(f"{name} has no heading {heading}")


KINDS = {
    "value": _value, "percent": _percent, "n": _n, "cell": _cell,
    "figure": _shown_file(("png",)), "table": _shown_file(("md", "html", "csv")),
    "run": _run, "card": _card, "file": _file,
}  # fmt: skip
