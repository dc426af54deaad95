"""What the pages of a run say, as Sphinx reads it: the notebooks, and Markdown for all others.

The pages are the opening page, the notebooks, figures, tables, the code that made them, checklists and cards, and the
project's own documentation. All links in them are addresses of pages or files, relative to the page they are on.
"""

import os
import posixpath
import re
from pathlib import Path

import jinja2
import nbformat
import pandas as pd

from study.claims import audit, verdicts
from study.claims.printed import COUNTED
from study.plural import count
from study.publish import document, executed, notebook_page, saved
from study.publish.forms import answers
from study.publish.levels import interval_level

PAGES = Path(__file__).with_name("pages")
TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGES), trim_blocks=True, lstrip_blocks=True)
TEMPLATES.filters["escaped"] = document.escaped
# Claims that the opening page shows: how large the cohort, how good the masks, how well both biomarkers do.
HEADLINES = ("abstract_scans", "abstract_patients", "abstract_dice_observer_1", "abstract_auc", "abstract_kappa")


def read(run):
    """Everything that Sphinx is to read.

    Parameters
    ----------
    run : study.run.Run

    Returns
    -------
    dict of str to bytes
        By the path in the folder of sources, such as ``notebooks/5-severity.ipynb``.
    """
    places = saved.places(run)
    functions = {one["function"]: saved.source(one["function"]) for one in places.values() if one["function"]}
    functions = {name: source for name, source in sorted(functions.items()) if source}
    shown = {"run": run, "places": places, "functions": functions, "anchor": executed.name_anchor,
             "figures": saved.figures(run), "tables": saved.tables(run)}  # fmt: skip
    pages = {f"{name}.md": _filled(f"{name}.md", **shown) for name in ("figures", "tables", "code")}
    pages |= {
        f"notebooks/{name}.ipynb": nbformat.writes(notebook_page.page(run, name, functions))
        for name in executed.names(run)
    }
    documents = {f"{called}.md": answers.read_form(name)["title"] for name, called in answers.documents(run).items()
                 if (run.figures / f"{called}.md").is_file()}  # fmt: skip
    for name in documents:
        pages[name] = _linked((run.figures / name).read_text(encoding="utf-8"), run, run.figures, name)
    guides = [name for name in document.OF_THE_PROJECT if (run.root / name).is_file()]
    for name in guides:
        text = re.sub(r"<!--.*?-->\n?", "", (run.root / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        pages[name] = _linked(text, run, (run.root / name).parent, name)
    pages["index.md"] = _filled("index.md", **shown, **_opening(run), documents=documents, guides=guides)
    found = {name: text.encode() for name, text in pages.items()}
    found |= {path.name: path.read_bytes() for path in run.figures.glob("Figure_*.png")}
    previews = (run.root / "figures" / "preview").glob("*.png")
    return found | {f"figures/preview/{path.name}": path.read_bytes() for path in previews}


def _filled(template, **content):
    return TEMPLATES.get_template(template).render(**content)


def _opening(run):
    """What the opening page says of the run: its notebooks, its headline numbers and the counts of its verdicts."""
    chapters = [{"name": name, "title": executed.title(notebook) or name, "lead": executed.lead(notebook)}
                for name in executed.names(run) if (notebook := executed.executed(run, name))]  # fmt: skip
    claims = read_claims(run)
    signs = verdicts.VERDICTS | verdicts.ARITHMETIC
    counts = {}
    if len(claims):
        for row in verdicts.summary(claims).itertuples():
            once = f" ({count(row.numbers, 'number')})" if row.numbers < row.claims else ""
            if row.claims:
                counts.setdefault(row.question, []).append((signs[row.answer], row.claims, row.answer + once))
    archive = f"{run.name}.crate.zip"  # `study run` writes it after the pages
    has_archive = (run.folder / "provenance.json").is_file() or (run.figures / archive).is_file()
    return {
        "chapters": chapters, "n_claims": len(claims), "counts": counts, "signs": signs,
        "tier_words": verdicts.TIERS[run.tier], "findings": _findings(run),
        "headlines": [_counted(row) for row in verdicts.worded(claims[claims["id"].isin(HEADLINES)])],
        "archive": archive if has_archive else "", "interval_level": interval_level(run),
    }  # fmt: skip


def _counted(row):
    """A row of the claims, of how many observations as text; nothing beside a count, which is its own."""
    is_count = row["unit"] in COUNTED or row["n"] is None
    return row | {"n": "" if is_count else f"{row['n']:.0f}"}


def _findings(run):
    """The counts of what the audit found, in words; empty before notebook 7, or if an earlier version wrote them."""
    path = run.figures / "audit.csv"
    found = pd.read_csv(path, dtype=str) if path.is_file() else pd.DataFrame()
    return audit.counted(found) if "finding" in found else ""


def read_claims(run):
    """The claims of a run, as ``verdicts.compare`` made them and ``claims.csv`` has them; empty before notebook 7."""
    path = run.figures / "claims.csv"
    if not path.is_file():
        return pd.DataFrame(columns=verdicts.COLUMNS)
    table = pd.read_csv(path, dtype=str, keep_default_na=False).astype(object)
    table = table.reindex(columns=verdicts.COLUMNS, fill_value="")  # an earlier version wrote fewer
    for column in ("regenerated", "ci_low", "ci_high", "n", "published_n", *verdicts.OF_DIFFERENCE):
        table[column] = [_number(text) for text in table[column]]
    return table


def to_find(run):
    """What the search is to find on the page of the claims: ``id``, ``title`` and ``text`` of each."""
    columns = ("published", "regenerated", "verdict", "arithmetic", "computation", "remark")
    return [{"id": row["id"], "title": row["quantity"],
             "text": " ".join(str(row[column]) for column in columns if row[column])}
            for row in read_claims(run).to_dict("records")]  # fmt: skip


def _number(text):
    try:
        return None if text == "" else int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        return text


def _linked(text, run, folder, name):
    """Markdown whose links to files, from `folder`, are links from the page `name` to pages where there are such."""
    here = posixpath.dirname(name) or "."

    def replaced(found):
        target = found["to"] or found["bare"] or ""
        file, _, part = target.partition("#")
        if found["image"] or not file or re.match(r"\w+:", target):
            return found[0]
        page, _, place = address_of(Path(os.path.normpath(folder / file)), run).partition("#")
        if page.startswith("../"):  # where no reader of a folder that was handed on finds it
            return found["words"]
        place = part or place
        return f"[{found['words']}](<{posixpath.relpath(page, here)}{'#' if place else ''}{place}>)"

    return document.LINK.sub(replaced, text)


def address_of(path, run):
    """Where a reader of the pages sees a file: the page that shows it, else the file itself; from ``figures/<run>``."""
    if path.is_relative_to(run.figures):
        if re.fullmatch(r"Figure_\w+\.png", path.name):
            return f"figures.html#{executed.name_anchor(path.stem)}"
        if re.fullmatch(r"Table_\w+\.md", path.name):
            return f"tables.html#{executed.name_anchor(path.stem)}"
    elif path.is_relative_to(run.root) and path.suffix == ".md":
        name = path.relative_to(run.root).as_posix()
        if name in document.OF_THE_PROJECT:
            return f"{name.removesuffix('.md')}.html"
    return Path(os.path.relpath(path, run.figures)).as_posix()
