"""The claims as one file that opens alone: published and regenerated numbers to search and filter.

It is readable without JavaScript. Script and style are inline and named by their digest in the page's security policy:
nothing that a report, a scan's id or a value's name contains can run.
"""

import base64
import hashlib
import re
from pathlib import Path

import jinja2

from study.claims import audit, verdicts
from study.files import write_text
from study.publish import executed
from study.publish.levels import interval_level
from study.results.words import p_value, with_minus

PARTS = Path(__file__).with_name("claims")
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(PARTS), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
TEMPLATES.filters |= {"minus": with_minus, "p": p_value}
HEADINGS = ("Claim", "Where", "Published", "Regenerated", "Difference", "Verdict", "Arithmetic", "From")


def write(run, address, table, findings, remarks):
    """Write the page of a run's claims.

    Each number leads to the place where its notebook recorded it, on a page that ``site.write`` makes after the last
    notebook, and to the table or figure that shows it, where there is one.

    Parameters
    ----------
    run : study.run.Run
    address : str
        Of the page within ``figures/<run>``: ``claims.html``.
    table : DataFrame
        From ``verdicts.compare``.
    findings, remarks : DataFrame
        What ``audit.findings`` found in the paper, and ``audit.remarks`` remarks upon.

    Returns
    -------
    Path
    """
    table = table.assign(arithmetic=table["arithmetic"].replace("", verdicts.UNCHECKED))
    addresses = executed.addresses(run, sorted({name for name in table["notebook"] if name}))
    filters = [
        {"answer": answer, "sign": sign, "count": int((table[column] == answer).sum())}
        for column, signs in (("verdict", verdicts.VERDICTS), ("arithmetic", verdicts.ARITHMETIC))
        for answer, sign in signs.items()
        if (table[column] == answer).any()
    ]
    rows = [row | _links(row, run.figures, addresses) for row in verdicts.worded(table)]
    for row, exact in zip(rows, table.to_dict("records"), strict=True):
        row |= {"published_order": _order(exact["published"]), "regenerated_order": _order(exact["regenerated"])}
    style, script = ((PARTS / name).read_text(encoding="utf-8") for name in ("claims.css", "claims.js"))
    path = run.figures / address
    write_text(path, TEMPLATES.get_template("claims.html").render(
        run=run.name, tier=run.tier, tier_words=verdicts.TIERS[run.tier], notebooks=executed.names(run),
        headings=HEADINGS, rows=rows, main=[row for row in rows if row["primary"]], level=verdicts.LEVEL,
        filters=filters, findings=findings.astype(str).to_dict("records"),
        weights=audit.counted(findings), accused=[one for one in filters if one["answer"] in verdicts.ACCUSED],
        remarks=remarks.astype(str).to_dict("records"),
        places=list(dict.fromkeys(table["where"])), signs=verdicts.VERDICTS | verdicts.ARITHMETIC,
        style=style, style_source=_source(style), script=script, script_source=_source(script),
        interval_level=interval_level(run),
    ))  # fmt: skip
    return path


def _source(text):
    """An inline script or style as the page's policy names it, by its digest."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _order(number):
    """By what the page sorts a number: itself without its sign or unit; a word or a date by its text."""
    digits = re.fullmatch(r"[<>≤≥~]?\s*(-?[0-9]+(?:\.[0-9]*)?(?:e-?[0-9]+)?)", str(number))
    return digits[1] if digits else "" if number is None or number != number else str(number)


# A picture and a table are shown on the pages that `site.write` makes; a list that is a CSV file alone opens as it is.
SHOWN_ON = {".png": "figures.html#{}", ".md": "tables.html#{}", ".csv": "{}.csv"}


def _links(row, folder, addresses):
    """Addresses of where a claim's number was recorded and of what shows it; None where there is none."""
    see = row["see"] if "/" not in row["see"] and "\\" not in row["see"] else ""
    ending = next((ending for ending in SHOWN_ON if see and (folder / f"{see}{ending}").is_file()), None)
    name = see if ending == ".csv" else executed.name_anchor(see)
    recorded = addresses.get((row["notebook"], row["name"]), addresses.get(row["notebook"]))
    return {"address": recorded, "see_file": SHOWN_ON[ending].format(name) if ending else None}
