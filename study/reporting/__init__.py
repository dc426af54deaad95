"""What a run reports of itself: reporting checklists, a data sheet and a model card, each filled from its artefacts.

What there is to say is said once, in ``statements.yaml``. A form (``claim_2024.yaml``, ``data_sheet.yaml``, ...) names
the statements that answer each of its items. A statement says something, in words that may hold pointers
(``pointers``) in braces, and names what to see; or says why it does not apply, or what is missing. It may do so
differently for synthetic scans and for patients. An item is *answered* only where nothing of it is missing.

The items of published checklists are told in our words; their numbers are the published ones.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from study import document, tables
from study.reporting.pointers import Absent, Broken, follow

CHECKLISTS = ("claim_2024", "tripod_ai", "stard_ai")
FORMS = (*CHECKLISTS, "data_sheet", "model_card")
STATUSES = ("answered", "not applicable", "missing", "broken")
SIGNS = {"answered": "✓", "not applicable": "–", "missing": "✗", "broken": "✗"}
TIER_WORDS = {
    "synthetic": "**Synthetic patients.** Nobody was scanned: no number here is evidence about people. It shows what "
                 "the study does and how it is reported.",
    "public": "**Public scans.** What only the authors can state is marked as missing.",
    "restricted": "**Patients.** What only the authors can state is marked as missing.",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One item of a form as a run answers it.

    Attributes
    ----------
    number, section, asks : str
        The item.
    status : {"answered", "not applicable", "missing", "broken"}
        Broken: a pointer leads nowhere; a fault of the form.
    words : str
        The answer, or why there is none.
    see : list of study.reporting.pointers.Found
    """

    number: str
    section: str
    asks: str
    status: str
    words: str
    see: list


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


def fill(form, statements, run):
    """Answer every item of a form from a run.

    Parameters
    ----------
    form : dict
        From :func:`read_form`.
    statements : dict of str to dict
        By name: ``says`` and ``see``, ``not_applicable`` or ``missing``; or one of these for ``synthetic`` scans and
        one for ``patients``.
    run : study.run.Run

    Returns
    -------
    list of Answer
    """
    of_tier = "synthetic" if run.tier == "synthetic" else "patients"
    answers = []
    for item in form["items"]:
        parts = [_state(statements[name].get(of_tier, statements[name]), run) for name in item["by"]]
        status = next(s for s in ("broken", "missing", "answered", "not applicable") if s in {p[0] for p in parts})
        see = {found.words: found for _, _, seen in parts for found in seen}
        words = " ".join(dict.fromkeys(words for _, words, _ in parts))
        answers.append(Answer(str(item["item"]), item["section"], item["asks"], status, words, list(see.values())))
    return answers


def _state(statement, run):
    """Status, words and what to see, of one statement; a thing that the run did not make is missing."""
    for key in ("not_applicable", "missing"):
        if key in statement:
            return key.replace("_", " "), statement[key], []
    try:
        words = re.sub(r"\{([^}]+)\}", lambda match: follow(match[1], run).content, statement["says"])
        return "answered", words, [follow(pointer, run) for pointer in statement.get("see", [])]
    except Absent as reason:
        return "missing", f"Not in this run: {reason}.", []
    except Broken as fault:
        return "broken", f"The answer is broken: {fault}.", []


def count(answers):
    """How many items have each status."""
    return pd.Series([answer.status for answer in answers]).value_counts().reindex(STATUSES, fill_value=0)


def write(run):
    """Write all forms of a run into ``figures/<run>``: Markdown and a web page, of the checklists a CSV table as well.

    The model card is left out where the run has no models.
    """
    statements = read_form("statements")
    for name in FORMS:
        if name == "model_card" and not (run.models / "lung.json").is_file():
            continue
        form = read_form(name)
        answers = fill(form, statements, run)
        if name in CHECKLISTS:
            tables.save_csv(_table(answers), run.figures / f"checklist_{name}.csv")
            document.write(run.figures, f"checklist_{name}", _checklist(form, answers, run))
        else:
            document.write(run.figures, name, _prose(form, answers, run))


def _table(answers):
    rows = [(a.number, a.section, a.asks, a.status, a.words, "; ".join(s.words for s in a.see)) for a in answers]
    return pd.DataFrame(rows, columns=["item", "section", "asks", "status", "answer", "see"])


def _head(form, run):
    return (
        f"# {form['title']}\n\nRun *{document.escaped(run.name)}*. {form['note']}\n\n"
        f"> {TIER_WORDS[run.tier]}\n\nSource: {form['source']}\n"
    )


def _see(answer, run):
    return [document.link(found.words, found.path, run.figures, found.anchor) for found in answer.see]


def _checklist(form, answers, run):
    counts = count(answers)
    said = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    parts = [_head(form, run), f"{len(answers)} items: **{said}**.\n"]
    for section in dict.fromkeys(answer.section for answer in answers):
        rows = [
            (answer.number, answer.asks, f"{SIGNS[answer.status]} *{answer.status}*", document.escaped(answer.words),
             "; ".join(_see(answer, run)))
            for answer in answers if answer.section == section
        ]  # fmt: skip
        parts += [f"## {section}\n", document.table(("No.", "Asks for", "Status", "Answer", "See"), rows)]
    return "\n".join(parts)


def _prose(form, answers, run):
    parts, section = [_head(form, run)], ""
    for answer in answers:
        if answer.section != section:
            section = answer.section
            parts.append(f"## {section}\n")
        sign = "" if answer.status == "answered" else f"*{answer.status.capitalize()}.* "
        see = f"\n\nSee: {'; '.join(_see(answer, run))}" if answer.see else ""
        parts.append(f"### {answer.asks}\n\n{sign}{document.escaped(answer.words)}{see}\n")
    return "\n".join(parts)
