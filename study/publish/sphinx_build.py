"""Sphinx makes the pages of a run from their sources: its configuration, and what the study adds to it.

Nothing is executed and nothing is asked of a network: notebooks are shown as they were executed, and each page's
security policy forbids all requests but those for files next to it. Text is text: HTML in prose is shown, not obeyed,
and no directive may read a file or insert HTML.
"""

import io
import re
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from myst_nb.sphinx_ext import add_global_html_resources
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish
from sphinx.util.console import strip_escape_sequences
from sphinx.util.docutils import docutils_namespace, new_document, patch_docutils

from study.publish import saved

PAGES = Path(__file__).with_name("pages")
POLICY = (
    "default-src 'none'; script-src 'self' file: 'unsafe-inline'; style-src 'self' file: 'unsafe-inline'; "
    "img-src 'self' file: data:; font-src 'self' file:; base-uri 'none'; form-action 'self' file:"
)
SETTINGS = {
    "extensions": ["myst_nb", "study.publish.sphinx_build"],
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "nb_ipywidgets_js": {},
    "myst_all_links_external": True,  # the sources have addresses of pages
    "myst_heading_anchors": 4,
    "myst_disable_syntax": ["html_block", "html_inline", "myst_line_comment", "myst_block_break"],
    "suppress_warnings": ["myst.header"],  # a notebook may begin below its title
    "html_theme": "pydata_sphinx_theme",
    "html_static_path": [str(PAGES / "static")],
    "html_css_files": ["site.css"],
    "templates_path": [str(PAGES / "theme")],
    "html_sidebars": {"**": ["sidebar"]},
    "html_copy_source": False,
    "html_show_search_summary": False,  # it would fetch the pages, which a browser refuses to pages on disk
    "html_search_scorer": str(PAGES / "static" / "scorer.js"),
    "html_use_index": False,
    "html_domain_indices": False,
    "html_permalinks_icon": "#",
    "language": "en",
}  # fmt: skip
THEME = {
    "navbar_center": [], "navbar_persistent": ["find"], "navbar_end": ["theme-switcher"],
    "primary_sidebar_end": [], "secondary_sidebar_items": ["page-toc"], "footer_start": [], "footer_end": [],
    "article_header_start": [], "search_bar_text": "Search these pages", "show_toc_level": 2,
    "back_to_top_button": False,
}  # fmt: skip


class WithDecimals(SearchEnglish):
    """English in which a decimal number is a word; for Sphinx it is two whole numbers, which its search leaves out."""

    js_splitter_code = r"var splitQuery = (query) => query.match(/\d+(?:\.\d+)+|[\p{Letter}\p{Number}_]+/gu) ?? [];"

    def split(self, text):
        """The words of a text, as `js_splitter_code` splits what a reader searches for."""
        return re.findall(r"\d+(?:\.\d+)+|\w+", text)


def build(source, out, title, claims, progress=None):
    """Make the pages of `source`, in the folder `out`; pages whose sources have not changed are kept.

    Parameters
    ----------
    source, out : Path
        What Sphinx keeps for the next time is written beside `out`.
    title : str
        The name of the site, in the head of each page.
    claims : list of dict
        With ``id``, ``title`` and ``text``: what the search is to find on claims.html, which is no page of Sphinx's.
    progress : file, optional
        Gets Sphinx's progress.

    Returns
    -------
    str
        Sphinx's warnings, "" if there are none.
    """
    warnings = io.StringIO()
    own = {
        "project": title, "html_title": title, "html_theme_options": {**THEME, "logo": {"text": title}},
        "study_claims": claims, "html_context": {"default_mode": "auto", "study_claims": bool(claims)},
    }  # fmt: skip
    with patch_docutils(), docutils_namespace():
        app = Sphinx(source, None, out, out.with_name("doctrees"), "html", SETTINGS | own,
                     status=progress, warning=warnings)  # fmt: skip
        app.build()
    return strip_escape_sequences(warnings.getvalue())


def setup(app):
    """Add to Sphinx what the study needs (Sphinx calls this)."""
    app.add_config_value("study_claims", [], "html")
    app.add_search_language(WithDecimals)
    app.add_node(HideCodeCellNode, override=True, html=(_fold, _unfold))
    app.connect("builder-inited", _prepare)
    app.connect("doctree-resolved", _in_place)
    app.connect("html-page-context", _restrict)
    app.connect("html-collect-pages", _index_claims)
    app.connect("build-finished", _sweep)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fold(translator, _node):
    """Begin the code of a cell, folded; what opens it is called what it shows, as screen readers need."""
    translator.body.append('<details class="code"><summary>Code</summary>')


def _unfold(translator, _node):
    translator.body.append("</details>")


def _prepare(app):
    (Path(app.outdir) / "_static").mkdir(parents=True, exist_ok=True)
    add_global_html_resources(app, None)  # else the first build's pages would name a style sheet that is not yet there
    app.env.settings |= {"raw_enabled": False, "file_insertion_enabled": False}


def _in_place(app, doctree, name):
    """Show figures from where they are, and say of each picture of a notebook what it shows.

    A picture of a figure that the run saved opens that one, which has twice the pixels. Under any other, as that of a
    panel, which has no caption, stands its description. Under the address ``./Figure_`` Sphinx knows no picture to
    copy.
    """
    large = None
    for image in list(doctree.findall(nodes.image)):
        if image["uri"].startswith("Figure_"):
            image["uri"] = f"./{image['uri']}"
        elif name.startswith("notebooks/"):
            large = large or {saved.description(path): path.name for path in Path(app.srcdir).glob("Figure_*.png")}
            image["alt"] = saved.description(Path(app.srcdir) / image["uri"])
            if image["alt"] in large:
                link = nodes.reference(refuri=f"../{large[image['alt']]}")
                image.replace_self(link)
                link += image
            elif image["alt"] != saved.NO_ALT:
                image.replace_self([image, nodes.paragraph(text=image["alt"])])


def _restrict(_app, _page, _template, context, _doctree):
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    context["metatags"] = f"{policy}\n{context.get('metatags', '')}"


def _index_claims(app):
    """Let the search know the claims, each as a section of claims.html, which is a page by this alone."""
    title = "Claims of the paper"
    page = new_document("claims")
    for claim in app.config.study_claims:
        section = nodes.section("", nodes.title(text=claim["title"]), nodes.paragraph(text=claim["text"]))
        section["ids"] = [claim["id"]]
        page += section
    if page.children:
        app.env.all_docs["claims"], app.env.titles["claims"] = 0, nodes.title(text=title)
        app.builder.indexer.feed("claims", "claims.html", title, page)
    return []


def _sweep(app, _error):
    """Remove pages and pictures of earlier times, which Sphinx leaves."""
    out = Path(app.outdir)
    pages = {*app.env.found_docs, "search"}
    pictures = {name for address, (_, name) in app.env.images.items() if not address.startswith("Figure_")}
    old = [path for path in out.rglob("*.html") if path.relative_to(out).with_suffix("").as_posix() not in pages]
    old += [path for path in (out / "_images").glob("*") if path.name not in pictures]
    for path in old:
        if "_static" not in path.parts:
            path.unlink()
