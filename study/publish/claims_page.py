"""The claims as one web page that opens from disk: no network, no outside file, readable without JavaScript."""

import base64
import hashlib
import html
import string
from pathlib import Path

import pandas as pd

from study.claims.printed import read_number
from study.files import write_text

TIER_WORDS = {
    "synthetic": "Synthetic patients. No number here confirms or refutes the paper: the patients do not exist. "
                 "It shows that the pipeline regenerates each number, and what it finds where the truth is known.",
    "public": "Public scans of other patients than the paper's. Agreement means that the finding carries over.",
    "restricted": "Restricted patient data. Agreement means that these patients give the paper's numbers.",
}  # fmt: skip
SIGNS = {"reproduced": "✓", "within interval": "≈", "differs": "✗", "synthetic only": "◇", "cannot be tested": "–",
         "consistent": "✓", "inconsistent": "✗"}  # fmt: skip

# Of the buttons in a table's head, Chromium prints only those of the first page: paper gets plain words in their place.
STYLE = """
:root{--ink:#1c1c1c;--faint:#5c5c5c;--line:#d8d8d8;--paper:#fff}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,"Segoe UI","DejaVu Sans",sans-serif;color:var(--ink);background:var(--paper);
max-width:88rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}
.tier{border:2px solid;border-left-width:.7rem;padding:.6rem .9rem;margin:1rem 0}
.tier b{font-size:1.1rem;text-transform:uppercase;letter-spacing:.04em}
.synthetic{color:#5b3a00;background:#fff6e0}.public{color:#003d5c;background:#eaf5fb}
.restricted{color:#123f1d;background:#edf8ef}
.controls{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:.8rem 0}
input,select,button{font:inherit;color:inherit;border:1px solid #767676;border-radius:.25rem;
background:#fff;padding:.25rem .5rem}
button{cursor:pointer}button[aria-pressed=true]{background:#1c1c1c;color:#fff}
:focus-visible{outline:3px solid #0072b2;outline-offset:1px}
table{border-collapse:collapse;width:100%}caption{text-align:left;color:var(--faint);padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .5rem;border-bottom:1px solid var(--line)}
thead th{position:sticky;top:0;background:var(--paper);border-bottom:2px solid var(--ink);white-space:nowrap}
thead button{border:0;padding:0;font-weight:700;background:none}
thead span{display:none}
thead th[aria-sort=ascending] button::after{content:" \\25B2"}
thead th[aria-sort=descending] button::after{content:" \\25BC"}
td.number{font-variant-numeric:tabular-nums}
#claims td:first-child{min-width:14rem}#claims td:last-child{white-space:nowrap}
#claims td:last-child small{white-space:normal;max-width:12rem}
td small{display:block;color:var(--faint);overflow-wrap:anywhere}
.badge{display:inline-block;white-space:nowrap;padding:0 .45rem;border:1px solid;border-radius:.8rem;font-size:.87rem}
.reproduced,.consistent{color:#0b5a2b;background:#e6f4ea}.within-interval{color:#00507a;background:#e5f2fa}
.differs,.inconsistent{color:#9b1c0f;background:#fdeceA;font-weight:600}
.synthetic-only{color:#6b4500;background:#fff6e0}.cannot-be-tested{color:#555;background:#f2f2f2}
[hidden]{display:none!important}
@media screen and (max-width:66rem){#claims{display:block;overflow-x:auto}
#findings thead{display:none}#findings :is(tbody,tr,td){display:block}
#findings tr{border-bottom:2px solid var(--ink);padding:.4rem 0}#findings td{border:0;overflow-wrap:anywhere}
#findings td::before{content:attr(data-head);display:block;font-weight:700;font-size:.87rem}}
@media print{body{max-width:none;padding:0;font-size:8.5pt}nav,.controls{display:none}thead th{position:static}
thead{display:table-header-group}thead button{display:none}thead span{display:inline}tr{break-inside:avoid}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
tbody tr[hidden]{display:table-row!important}a{color:inherit;text-decoration:none}@page{size:A4 landscape;margin:12mm}}
"""

SCRIPT = """
const rows=[...document.querySelectorAll("#claims tbody tr")],chosen=new Set();
const words=document.getElementById("words"),where=document.getElementById("where"),
shown=document.getElementById("shown");
document.querySelector(".controls").hidden=false;
function filter(){const text=words.value.trim().toLowerCase();let count=0;
rows.forEach(row=>{row.hidden=!((!chosen.size||chosen.has(row.dataset.verdict)||chosen.has(row.dataset.arithmetic))
&&(!where.value||row.dataset.where===where.value)&&row.textContent.toLowerCase().includes(text));
if(!row.hidden)count++});
shown.textContent=count+" of "+rows.length+" claims shown"}
document.querySelectorAll("button[data-filter]").forEach(button=>button.addEventListener("click",()=>{
const on=button.getAttribute("aria-pressed")!=="true";button.setAttribute("aria-pressed",on);
on?chosen.add(button.dataset.filter):chosen.delete(button.dataset.filter);filter()}));
words.addEventListener("input",filter);where.addEventListener("change",filter);
document.querySelectorAll("#claims thead th").forEach((head,column)=>
head.querySelector("button").addEventListener("click",()=>{const up=head.getAttribute("aria-sort")!=="ascending";
document.querySelectorAll("#claims thead th").forEach(other=>other.removeAttribute("aria-sort"));
head.setAttribute("aria-sort",up?"ascending":"descending");
const key=row=>row.cells[column].dataset.sort,body=document.querySelector("#claims tbody");
rows.sort((a,b)=>(up?1:-1)*key(a).localeCompare(key(b),"en",{numeric:true})).forEach(row=>body.append(row))}));
filter();
"""

PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src '$style_hash'; script-src '$script_hash'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claims of the paper, run $run</title>
<style>$style</style>
</head>
<body>
<nav aria-label="Pages"><a href="index.html">Notebooks, figures and tables of run $run</a></nav>
<h1>Claims of the paper, and what run <em>$run</em> regenerates</h1>
<p>Li et al., preprint 10.1101/2020.04.17.20070219: $count printed numbers. Two questions are kept apart: whether the
run gives a number again (<em>verdict</em>), and whether the paper's own numbers fit together (<em>arithmetic</em>).</p>
<div class="tier $tier" role="note"><b>Data tier: $tier</b><p>$tier_words</p></div>
<h2 id="audit">What cannot be true together in the paper's own numbers</h2>
$findings
<h2>All claims</h2>
<div class="controls" hidden>
<label>Search <input id="words" type="search" size="18"></label>
<label>Where <select id="where"><option value="">everywhere</option>$sections</select></label>
$buttons
<span id="shown" role="status"></span>
</div>
<table id="claims">
<caption>Published beside regenerated. Brackets hold 95&nbsp;% intervals.</caption>
<thead><tr>$head</tr></thead>
<tbody>
$rows
</tbody>
</table>
<script>$script</script>
</body>
</html>
""")

HEADINGS = ("Claim", "Where", "Published", "Regenerated", "Verdict", "Arithmetic", "From")
NUMBER = ' class="number"'


def write_html(table, path, run="", findings=None, addresses=None):
    """Write the comparison of ``claims.compare`` as one self-contained page.

    Parameters
    ----------
    table : DataFrame
    path : Path
        Of the page. Tables and figures beside it are linked where they exist.
    run : str
        Name of the run, for the title.
    findings : DataFrame, optional
        What ``audit.findings`` found in the paper.
    addresses : dict, optional
        Where each notebook's values stand (``notebook_page.addresses``); the pages themselves are written after the
        last notebook (``site.write``).
    """
    path = Path(path)
    tiers = list(dict.fromkeys(table["tier"]))
    tier = tiers[0] if len(tiers) == 1 and tiers[0] in TIER_WORDS else "restricted"
    rows = _records(table)
    answers = [
        (column, answer) for column in ("verdict", "arithmetic") for answer in SIGNS if (table[column] == answer).any()
    ]
    page = PAGE.substitute(
        run=_safe(run), tier=_safe(tier), tier_words=_safe(TIER_WORDS[tier]), count=len(rows),
        style=STYLE, script=SCRIPT, style_hash=_hash(STYLE), script_hash=_hash(SCRIPT),
        findings=_findings(findings),
        sections="".join(f'<option value="{_safe(s)}">{_safe(s)}</option>' for s in dict.fromkeys(table["where"])),
        buttons="\n".join(
            f'<button type="button" aria-pressed="false" data-filter="{_safe(answer)}">{SIGNS[answer]} '
            f"{_safe(answer)} ({(table[column] == answer).sum()})</button>"
            for column, answer in answers
        ),
        head="".join(
            f'<th scope="col"><span>{name}</span><button type="button">{name}</button></th>' for name in HEADINGS
        ),
        rows="\n".join(_row(row, position, path, addresses or {}) for position, row in enumerate(rows)),
    )  # fmt: skip
    write_text(path, page)


def _safe(text):
    return html.escape("" if text is None else str(text), quote=True)


def _hash(text):
    """Give what a browser compares before it runs an inline script or style: nothing that a table smuggles in runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _findings(findings):
    if findings is None or not len(findings):
        return "<p>Nothing was found.</p>"
    head = "".join(f'<th scope="col">{_safe(name.capitalize())}</th>' for name in findings.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td data-head="{_safe(name.capitalize())}">{"<br>".join(map(_safe, str(text).split("; ")))}</td>'
            for name, text in zip(findings.columns, row, strict=True)
        )
        + "</tr>"
        for row in findings.itertuples(index=False)
    )
    return f'<table id="findings"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def readable(table):
    """Write the numbers of ``claims.compare`` for people: with units, intervals, and the paper's digits and one more.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    DataFrame
        Columns of text: where, claim, published, regenerated, n, verdict, why.
    """
    rows = [
        (
            row["where"],
            row["quantity"],
            f"{row['published']}{_unit(row)} {row['published_interval']}".strip(),
            " ".join(filter(None, _regenerated(row))),
            "" if row["n"] is None else str(row["n"]),
            row["verdict"],
            row["why"],
        )
        for row in _records(table)
    ]
    return pd.DataFrame(rows, columns=["where", "claim", "published", "regenerated", "n", "verdict", "why"])


def _records(table):
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _regenerated(row):
    """Write the regenerated number and its interval with one digit more than printed, to show the rounding."""
    value = row["regenerated"]
    if value is None:
        return "", ""
    number = read_number(row["published"])
    if number is None or isinstance(value, str):
        return str(value), ""
    whole = number.half >= 0.5 and float(value).is_integer()
    digits = 0 if whole else number.decimals + 1

    def shown(x):
        return "<0.001" if number.sign == "<" and 0 <= x < 0.001 else f"{x:.{digits}f}"

    known = row["ci_low"] is not None and row["ci_high"] is not None
    return shown(value) + _unit(row), f"[{shown(row['ci_low'])}, {shown(row['ci_high'])}]" if known else ""


def _unit(row):
    return {"word": "", "date": "", "%": " %"}.get(row["unit"], f" {row['unit']}" if row["unit"] else "")


def _row(row, position, path, addresses):
    def cell(content, *small, sort=None, kind=""):
        notes = "".join(f"<small>{_safe(note)}</small>" for note in small if note)
        return f'<td{kind} data-sort="{_safe(content if sort is None else sort)}">{content}{notes}</td>'

    def badge(answer):
        kind = _safe(answer).replace(" ", "-")
        return f'<span class="badge {kind}">{SIGNS.get(answer, "")} {_safe(answer)}</span>' if answer else ""

    def counted(n):
        return "" if n is None else f"n = {n}"

    regenerated, interval = _regenerated(row)
    address = addresses.get((row["notebook"], row["name"]), addresses.get(row["notebook"]))
    cells = [
        cell(_safe(row["quantity"]), row["id"], sort=row["quantity"]),
        cell(_safe(row["where"]), sort=f"{position:05d}"),
        cell(_safe(row["published"] + _unit(row)), row["published_interval"], counted(row["published_n"]), kind=NUMBER),
        cell(_link(regenerated, address), interval, counted(row["n"]), sort=regenerated, kind=NUMBER),
        cell(badge(row["verdict"]), row["why"], sort=row["verdict"]),
        cell(badge(row["arithmetic"]), row["computation"], row["remark"], sort=row["arithmetic"]),
        cell(_links(row, path, address), row["name"], sort=row["notebook"]),
    ]
    data = "".join(f' data-{name}="{_safe(row[name])}"' for name in ("where", "verdict", "arithmetic"))
    return f'<tr id="{_safe(row["id"])}"{data}>{"".join(cells)}</tr>'


def _links(row, path, address):
    links = []
    if row["notebook"]:
        links.append(_link(row["notebook"], address))
    if row["see"]:
        files = [f"{row['see']}{ending}" for ending in (".png", ".md", ".csv")]
        there = (file for file in files if "/" not in file and "\\" not in file and (path.parent / file).is_file())
        links.append(_link(row["see"].replace("_", " "), next(there, None)))
    return "<br>".join(links)


def _link(words, address):
    return _safe(words) if address is None or not words else f'<a href="{_safe(address)}">{_safe(words)}</a>'
