"""The frame that every web page of a run shares: one style sheet, one navigation, one security policy, one environment.

The pages are in ``figures/<run>`` next to what they show and open from disk, offline, so the folder as a whole
can be handed on. Scripts and styles are inline and named by their digest in each page's policy: nothing that a report,
a scan's id or a notebook's output contains can run.
"""

import base64
import functools
import hashlib
import re
from pathlib import Path

import jinja2
from pygments.formatters import HtmlFormatter

from study.claims.verdicts import TIERS
from study.files import write_text

TEMPLATES = Path(__file__).with_name("templates")
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def write(run, address, template, script="", **content):
    """Fill a template and write it as a page of a run.

    Parameters
    ----------
    run : study.run.Run
    address : str
        Of the page within ``figures/<run>``, such as ``notebooks/5-severity.html``.
    template : str
        A file of ``templates/`` that extends ``page.html``.
    script : str, optional
        A file of ``templates/``: the page's script.
    **content
        What the template shows. All text is escaped; a template marks with ``safe`` what is HTML.

    Returns
    -------
    Path
    """
    style, code = _style(), _read(script) if script else ""
    frame = {
        "run": run.name, "tier": run.tier, "tier_words": TIERS[run.tier], "may_name": run.may_name,
        "notebooks": notebooks(run), "here": address, "root": "../" * address.count("/"),
        "style": style, "style_source": _source(style),
        "script": code, "script_source": _source(code) if code else "'none'",
    }  # fmt: skip
    path = run.figures / address
    write_text(path, ENVIRONMENT.get_template(template).render(**frame, **content))
    return path


def notebooks(run):
    """Names of the notebooks of a run that were executed, and so have a page, in order."""
    names = (path.stem for path in (run.folder / "notebooks").glob("*.ipynb"))
    return sorted(name for name in names if re.fullmatch(r"\d-[a-z]+", name))  # copies of parts have longer names


def _read(name):
    return (TEMPLATES / name).read_text(encoding="utf-8")


@functools.cache
def _style():
    """The style sheet, with the colours of highlighted code for a light and for a dark page."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".code") for name in ("default", "github-dark"))
    return f"{_read('site.css')}\n{light}\n@media (prefers-color-scheme:dark){{\n{dark}\n}}\n"


def _source(text):
    """An inline script or style as a page's policy names it, by its digest."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
