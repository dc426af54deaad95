"""What a run reports of itself: reporting checklists, a data sheet and a model card, each filled from its artefacts.

Every statement is written once, in ``statements.yaml``. A form (``claim_2024.yaml``, ``data_sheet.yaml``, ...) names
the statements that answer each of its items. A statement says something, in words that may contain pointers
(``pointers``) in braces, and names what to see; or it says why it does not apply, or what is missing. It may differ
between synthetic scans, patients, a table of biomarkers without CTs, networks that were trained elsewhere, and cohorts
that lack some kind of data. What is said of a network comes from its card. An item is *answered* only if no part of it
is missing. What only the authors can state they write, under the same names, in ``parameters/<run>.statements.yaml``,
which overrides the study's own:

    ethics: {says: "Approved by the ethics committee of the hospital (no. 7); consent was waived."}

The items of published checklists are paraphrased; their numbers are the published ones.
"""

import difflib
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from study.figures import tables
from study.networks import card_words
from study.parameters import kind_of
from study.publish import document
from study.publish.forms.pointers import Absent, Broken, Undefined, Unstated, follow

CHECKLISTS = ("claim_2024", "tripod_ai", "stard_ai")
FORMS = (*CHECKLISTS, "data_sheet", "model_card")
# Each status of an item with the sign before it.
STATUSES = {"answered": "✓", "not applicable": "–", "missing": "✗", "broken": "✗"}


@dataclass(frozen=True)
class Answer:
    """One item of a form as a run answers it.

    Attributes
    ----------
    number, section, asks : str
        The item.
    status : {"answered", "not applicable", "missing", "broken"}
        Broken: a pointer leads nowhere, which is a fault of the form.
    words : str
        The answer, or why there is none.
    table : str
        What the item shows below its answer, a Markdown table; empty for most.
    see : list of study.publish.forms.pointers.Found
    """

    number: str
    section: str
    asks: str
    status: str
    words: str
    see: list
    table: str = ""


@functools.cache
def read_form(name):
    """Read a form of this package.

    Returns
    -------
    dict
        ``title``, ``source`` and ``note`` are text; ``items`` is a list of dict with ``item``, ``section``, ``asks``
        and ``by``, the names of statements.
    """
    return yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8"))


def read_statements(run):
    """Read the study's own statements, overridden by those of the authors of a run.

    Raises
    ------
    ValueError
        Listing every fault of the authors' file.
    """
    statements = read_form("statements")
    path = own_statements(run)
    if not path.is_file():
        return statements
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as YAML ({' '.join(str(error).split())}); correct it") from None
    if not isinstance(own, dict):
        raise ValueError(f"{path}: expected lines of `name: {{says: words}}`, found {kind_of(own)}")
    faults = []
    for name, statement in own.items():
        if name not in statements:
            near = difflib.get_close_matches(str(name), statements, n=1, cutoff=0.3)
            faults.append(f"no form has a statement `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        elif not _is_statement(statement):
            faults.append(f"`{name}` is {statement!r}; write {{says: words}}, with `see: [pointer]` or without, or "
                          "{not_applicable: why}")  # fmt: skip
    if faults:
        raise ValueError("\n".join(f"{path}: {fault}" for fault in faults))
    return statements | own


def own_statements(run):
    """Where the authors of a run write what only they can state."""
    return run.root / "parameters" / f"{run.name}.statements.yaml"


def _is_statement(statement):
    if not isinstance(statement, dict) or set(statement) not in (
        {"says"}, {"says", "see"}, {"not_applicable"}, {"missing"},
    ):  # fmt: skip
        return False
    see = statement.get("see", [])
    texts = [content for key, content in statement.items() if key != "see"]
    return isinstance(see, list) and all(isinstance(text, str) and text.strip() for text in [*texts, *see])


def fill(form, statements, run):
    """Answer every item of a form from a run.

    Parameters
    ----------
    form : dict
        From :func:`read_form`.
    statements : dict of str to dict
        By name: ``says`` and ``see``, ``not_applicable`` or ``missing``; or one of these for each of several kinds of
        run, of which the first counts that :func:`_kinds` lists.
    run : study.run.Run

    Returns
    -------
    list of Answer
    """
    kinds, answers = _kinds(run), []
    for item in form["items"]:
        parts = [_state(name, _of_kind(statements[name], kinds), run) for name in item["by"]]
        states = {state for state, _, _ in parts}
        status = next(s for s in ("broken", "missing", "answered", "not applicable") if s in states)
        see = {found.words: found for _, _, seen in parts for found in seen}
        said = [words for state, words, _ in parts if state == "answered"]
        rest = [
            f"{state.capitalize()}: {words}" if len(states) > 1 else words
            for state, words, _ in parts
            if state != "answered"
        ]
        words = " ".join(dict.fromkeys(said + rest))
        table = _stages(run) if item.get("shows") == "stages" else ""
        answers.append(
            Answer(str(item["item"]), item["section"], item["asks"], status, words, list(see.values()), table)
        )
    return answers


def _kinds(run):
    """The kinds of run for which a statement may differ, as far as this is one: the more special come first."""
    is_table = len(run.recorded("5-severity")) > 0 and not run.variants_csv.is_file()
    segmented, progression = (run.recorded(name)["value"] for name in ("3-segment", "6-progression"))
    no_observers = is_table or segmented.get("n_observed") == 0
    no_truth = is_table or pd.isna(segmented.get("truth_dice_infection_mean", 0))
    is_kind = {
        "taken_over": card_words.taken_over(run),
        "table": is_table,
        "without_reports": len(progression) > 0 and progression.get("n_without_report") == progression.get("n_pairs"),
        "without_observers": no_observers,
        "without_truth": no_truth,
        "without_masks": no_observers and no_truth,
        "without_motion": is_table or (len(segmented) > 0 and not (run.figures / "Figure_6.png").is_file()),
    }
    return [kind for kind, holds in is_kind.items() if holds] + ["synthetic" if run.tier == "synthetic" else "patients"]


def _stages(run):
    """The trainings that each network of a run went through, as a table; empty if each had one."""
    cards = card_words.read(run.models)
    rows = [
        (task, str(n), document.escaped(stage["data"]["in_words"]), document.escaped(card_words.length(stage)),
         f"those of stage {n - 1}" if n > 1 else document.escaped(card_words.initial_weights(stage)))
        for task, card in cards.items() for n, stage in enumerate(card_words.stages(card), 1)
    ]  # fmt: skip
    header = ("Network", "Stage", "Trained on", "Epochs", "First weights")
    return document.table(header, rows) if len(rows) > len(cards) else ""


def _of_kind(statement, kinds):
    return next((statement[kind] for kind in kinds if kind in statement), statement)


def _state(name, statement, run):
    """Status, words and what to see, of one statement; what the run did not make is missing.

    Where some of its numbers are undefined in the run, it says so in their place; where all are, it is missing.
    """
    if "not_applicable" in statement:
        return "not applicable", statement["not_applicable"], []
    if "missing" in statement:
        return "missing", f"{statement['missing']} [{name}]", []
    try:
        named = {pointer: _followed(pointer, run) for pointer in re.findall(r"\{([^}]+)\}", statement["says"])}
        words = statement["says"]
        for pointer, found in named.items():
            words = words.replace(f"{{{pointer}}}", found.content if found else "undefined")
        numbers = [found for pointer, found in named.items() if pointer.startswith("value ")]
        if numbers and not any(numbers):
            return "missing", f"Not in this run: its numbers are undefined. [{name}]", []
        seen = [found for pointer in statement.get("see", []) if (found := _followed(pointer, run))]
        return "answered", words, seen
    except Unstated as reason:
        return "missing", f"{reason}. [{name}]", []
    except Absent as reason:
        return "missing", f"Not in this run: {reason}. [{name}]", []
    except Broken as fault:
        return "broken", f"The answer is broken: {fault}.", []


def _followed(pointer, run):
    """What a pointer leads to; None for a number that is undefined in this run."""
    try:
        return follow(pointer, run)
    except Undefined:
        return None


def count(answers):
    """How many items have each status."""
    return pd.Series([answer.status for answer in answers]).value_counts().reindex(list(STATUSES), fill_value=0)


def documents(run):
    """The name of each form's document in ``figures/<run>``, without ending; no model card without models."""
    names = [name for name in FORMS if name != "model_card" or (run.models / "lung.json").is_file()]
    return {name: f"checklist_{name}" if name in CHECKLISTS else name for name in names}


def write(run):
    """Write all forms of a run into ``figures/<run>`` as Markdown; a table too for the checklists."""
    statements = read_statements(run)
    for name, called in documents(run).items():
        form = read_form(name)
        answers = fill(form, statements, run)
        if name in CHECKLISTS:
            tables.save_csv(_table(answers), run.figures / f"{called}.csv")
        text = _checklist(form, answers, run) if name in CHECKLISTS else _prose(form, answers, run)
        document.write(run, called, _head(form, answers, run), text)


def _table(answers):
    rows = [(a.number, a.section, a.asks, a.status, a.words, "; ".join(s.words for s in a.see)) for a in answers]
    return pd.DataFrame(rows, columns=["item", "section", "asks", "status", "answer", "see"])


def _head(form, answers, run):
    own = own_statements(run).relative_to(run.root).as_posix()
    remedy = f" State what is missing in `{own}`, under the name in brackets." if count(answers)["missing"] else ""
    return (
        f"# {form['title']}\n\nRun *{document.escaped(run.name)}*. {form['note']}{remedy}\n\nSource: {form['source']}\n"
    )


def _see(answer, run):
    return [document.link(found.words, found.path, run, found.anchor) for found in answer.see]


def _checklist(form, answers, run):
    counts = count(answers)
    said = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    parts = [f"{len(answers)} items: **{said}**.\n"]
    if missing := [_named(answer, item) for answer, item in zip(answers, form["items"], strict=True)
                   if answer.status == "missing"]:  # fmt: skip
        parts.append(f"Missing: {', '.join(missing)}.\n")
    for section in dict.fromkeys(answer.section for answer in answers):
        rows = [
            (answer.number, answer.asks, f"{STATUSES[answer.status]} *{answer.status}*", document.escaped(answer.words),
             "; ".join(_see(answer, run)))
            for answer in answers if answer.section == section
        ]  # fmt: skip
        parts += [f"## {section}\n", document.table(("No.", "Asks for", "Status", "Answer", "See"), rows)]
    return "\n".join(parts)


def _named(answer, item):
    """A missing item by number and the statements that the authors may make."""
    names = [name for name in item["by"] if f"[{name}]" in answer.words]
    return document.escaped(f"{answer.number} ({', '.join(names)})")


def _prose(form, answers, run):
    parts, section = [], ""
    for answer in answers:
        if answer.section != section:
            section = answer.section
            parts.append(f"## {section}\n")
        sign = "" if answer.status == "answered" else f"*{answer.status.capitalize()}.* "
        see = f"\n\nSee: {'; '.join(_see(answer, run))}" if answer.see else ""
        shown = f"\n\n{answer.table.rstrip()}" if answer.table else ""
        parts.append(f"### {answer.asks}\n\n{sign}{document.escaped(answer.words)}{shown}{see}\n")
    return "\n".join(parts)
