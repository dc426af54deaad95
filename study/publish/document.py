"""A text about a run for people: written as Markdown, and beside it as a web page that opens from disk."""

import html
import os
import re
import string
from pathlib import Path

import mistune

from study.files import write_text

PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body{font:15px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif;color:#1c1c1c;
max-width:64rem;margin:0 auto;padding:1.5rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .6rem}h2{font-size:1.15rem;margin:1.8rem 0 .4rem;border-bottom:1px solid #d8d8d8}
h3{font-size:1rem;margin:1.1rem 0 .2rem}p{margin:.3rem 0}
blockquote{margin:1rem 0;padding:.5rem .9rem;border-left:.5rem solid #b98a00;background:#fff6e0}
table{border-collapse:collapse;width:100%;margin:.5rem 0;table-layout:fixed}
th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid #d8d8d8}
th{border-bottom:2px solid #1c1c1c}
th:nth-child(1){width:2.6rem}th:nth-child(2){width:18%}th:nth-child(3){width:6rem}th:nth-child(5){width:26%}
@media screen and (max-width:45rem){body{padding:1rem}table,tbody,tr,td{display:block}thead{display:none}
tr{padding:.5rem 0;border-bottom:1px solid #d8d8d8}td{padding:.1rem 0;border:0}td:nth-child(2){font-weight:600}}
a{color:#00507a}code{background:#f4f4f4;padding:0 .2rem}
@media print{body{max-width:none;padding:0;font-size:9pt}tr{break-inside:avoid}@page{size:A4;margin:14mm}}
</style>
</head>
<body>
$body</body>
</html>
""")

# Raw HTML in the text is shown letter by letter, and links are followed to files and web pages only.
_render = mistune.create_markdown(escape=True, plugins=["table"])


def escaped(text):
    """Text as it is, whatever signs it holds: nothing in it is read as Markdown or HTML, and it stays on one line."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", " ".join(str(text).split()).replace("&", "&amp;"))


def link(words, path, folder, anchor=""):
    """A link from a document in `folder` to a file, by the way from one to the other; words alone without a file."""
    if path is None:
        return escaped(words)
    address = Path(os.path.relpath(path, folder)).as_posix() + (f"#{anchor}" if anchor else "")
    return f"[{escaped(words)}](<{address}>)"


def table(header, rows):
    """A Markdown table; cells are Markdown already. The page makes the first column and the third narrow."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def write(folder, name, markdown):
    """Write ``<name>.md`` and ``<name>.html``; the page's title is the document's first heading.

    Returns
    -------
    list of Path
    """
    title = re.search(r"^# (.+)$", markdown, re.MULTILINE).group(1)
    texts = {"md": markdown, "html": PAGE.substitute(title=html.escape(title), body=_render(markdown))}
    paths = [Path(folder) / f"{name}.{kind}" for kind in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths
