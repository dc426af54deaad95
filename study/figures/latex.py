r"""Tables and figures as LaTeX floats, to be read by ``\input`` into a manuscript, and text escaped for LaTeX.

A table is no wider than the text of the class ``article``; its first lines say what it needs and where it fits.
"""

import re

from study.figures.letters import latex_width_em
from study.figures.table_layout import height_lines, lay_out, lines_of, one_line, tied

COLUMN, TEXT, PAGE, LONG = "table", "table*", "sidewaystable*", "longtable"
PT_PER_MM = 72.27 / 25.4
PLACES = {COLUMN: 84 * PT_PER_MM, TEXT: 344.0, PAGE: 539.0}  # a point less than there is: LaTeX rounds, and kerns
SIZE = 8.0  # of the letters, \footnotesize (points)
GAP = 7.0  # white between columns (points)
LINES_ON_A_PAGE = 48
WHERE = {
    COLUMN: "Fits one column of a two-column journal (84 mm).",
    TEXT: "As wide as the text of article; in a two-column journal across both columns (table*).",
    PAGE: "Too wide for the text of a page: landscape, on a page of its own (sidewaystable).",
    LONG: "Longer than a page: continued on the next one (longtable, which a two-column journal sets in one column).",
}
PACKAGES = {COLUMN: "booktabs,array", TEXT: "booktabs,array", PAGE: "booktabs,array,rotating",
            LONG: "booktabs,array,longtable"}  # fmt: skip

# fmt: off
LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
         "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
         "±": r"$\pm$", "–": "--", "—": "---", "−": r"$-$", "≥": r"$\geq$", "≤": r"$\leq$", "×": r"$\times$",
         "κ": r"$\kappa$", "χ": r"$\chi$", "µ": r"$\mu$", "μ": r"$\mu$", "²": r"$^{2}$", "³": r"$^{3}$",
         "→": r"$\rightarrow$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "·": r"$\cdot$", "…": r"\dots{}",
         "‘": "`", "’": "'", "“": "``", "”": "''", "[": "{[}", "]": "{]}", "\u00a0": "~", "\u200b": r"\allowbreak{}",
         "\u202f": "~"}
# fmt: on
OTHER_SCRIPT = (
    "% Words of other scripts: XeLaTeX and LuaLaTeX with a font for them print them, pdfLaTeX their code points.\n"
    "\\providecommand{\\otherscript}[2]{\\ifdefined\\Umathchar#1\\else\\texttt{#2}\\fi}\n"
)
OF_OTHER_SCRIPT = re.compile("[^\x00-\u017f\u2000-\u200f" + re.escape("".join(LATEX)) + "]+")


def latex_text(text):
    r"""One line of text with everything escaped that LaTeX would interpret.

    Words that pdfLaTeX has no letters for, such as Chinese ones, become ``\otherscript{word}{code points}``, which
    `OTHER_SCRIPT` defines.
    """
    text = one_line(text)
    parts, at = [], 0
    for other in OF_OTHER_SCRIPT.finditer(text):
        points = r"\allowbreak{}".join(f"U+{ord(letter):04X}" for letter in other[0])
        parts += [_escaped(text[at : other.start()]), f"\\otherscript{{{other[0]}}}{{{points}}}"]
        at = other.end()
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text):
    return "".join(LATEX.get(letter, letter) for letter in text if letter >= " ")


def label(name):
    """``Table_S2_odds_ratios`` as ``table-s2-odds-ratios``, for a LaTeX label."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()


def table(header, rows, caption, note, name):
    """A table as a float: caption, three rules, the note below.

    Parameters
    ----------
    header : list of str
    rows : list of list of str
    caption, note : str
        The note may be empty.
    name : str
        Of its file, for the label.
    """
    header = [tied(text) for text in header]
    rows = [[tied(text) or "–" for text in row] for row in rows]
    shown = [[_as_measured(text) for text in row] for row in rows]
    layout = _layout(header, shown, PLACES)
    place = layout.place
    if height_lines(layout, header, shown, latex_width_em) > LINES_ON_A_PAGE:
        place, layout = LONG, _layout(header, shown, {COLUMN: PLACES[COLUMN], TEXT: PLACES[TEXT]})
    heads = " & ".join(
        _head(text, width / layout.size, numeric)
        for text, width, numeric in zip(header, layout.widths, layout.numeric, strict=True)
    )
    kinds = zip(layout.widths, layout.wrapped, layout.numeric, strict=True)
    columns = "@{}" + "".join(_column(width / layout.size * SIZE, *of) for width, *of in kinds) + "@{}"
    body = "".join(" & ".join(map(latex_text, row)) + " \\\\\n" for row in rows)
    said = f"\\caption{{{latex_text(caption)}}}\n\\label{{tab:{label(name)}}}"
    if place == LONG:
        text = _long(columns, heads, body, said, latex_text(note))
    else:
        text = _float(place, columns, heads, body, said, latex_text(note), layout.size / SIZE)
    needs = f"% {WHERE[place]}\n% Needs \\usepackage{{{PACKAGES[place]}{',graphicx' * ('scalebox' in text)}}}\n"
    return needs + (OTHER_SCRIPT if "\\otherscript" in text else "") + text


def _layout(header, shown, places):
    return lay_out(header, shown, places, GAP, SIZE, latex_width_em)


def _float(place, columns, heads, body, said, below, scale):
    """Smaller than `SIZE`, the table is scaled as a whole: the letters of LaTeX's smaller sizes are wider."""
    tabular = (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}"
    )
    return (
        f"\\begin{{{place}}}\n\\centering\n{said}\n\\footnotesize\n\\setlength{{\\tabcolsep}}{{{GAP / 2}pt}}\n"
        + (tabular if scale == 1 else f"\\scalebox{{{scale}}}{{%\n{tabular}}}")
        + (f"\n\n\\smallskip\n\\parbox{{\\linewidth}}{{\\raggedright {below}}}" if below else "")
        + f"\n\\end{{{place}}}\n"
    )


def _as_measured(text):
    """The text as wide as it will be: a word of another script as its code points."""
    return OF_OTHER_SCRIPT.sub(lambda m: " ".join(f"U+{ord(letter):04X}" for letter in m[0]), text)


def _column(width, wrapped, numeric):
    if not wrapped:
        return "r" if numeric else "l"
    return rf">{{\ragged{'left' if numeric else 'right'}\arraybackslash}}p{{{width:.1f}pt}}"


def _head(text, width, numeric):
    """A heading in as many lines as its column is wide for, the last at the bottom."""
    lines = lines_of(text, width, latex_width_em)
    if len(lines) == 1:
        return latex_text(text)
    lines = r"\\".join(map(latex_text, lines))
    return rf"\begin{{tabular}}[b]{{@{{}}{'r' if numeric else 'l'}@{{}}}}{lines}\end{{tabular}}"


def _long(columns, heads, body, said, below):
    head = f"\\toprule\n{heads} \\\\\n\\midrule\n"
    return (
        f"{{\\footnotesize\n\\setlength{{\\tabcolsep}}{{{GAP / 2}pt}}\n\\begin{{longtable}}{{{columns}}}\n{said}\\\\\n"
        f"{head}\\endfirsthead\n{head}\\endhead\n\\bottomrule\n\\endfoot\n{body}\\end{{longtable}}\n"
        + (f"\\noindent {below}\\par\n" if below else "")
        + "}\n"
    )


def figure(name, caption, width_mm):
    """A figure as a float, one or two columns of a journal wide, and no wider than the text."""
    place = "figure" if width_mm < 100 else "figure*"
    width = f"\\ifdim\\linewidth<{width_mm:g}mm \\linewidth\\else {width_mm:g}mm\\fi"
    said = latex_text(caption)
    return (
        f"% Needs \\usepackage{{graphicx}}\n{OTHER_SCRIPT if 'otherscript' in said else ''}"
        f"\\begin{{{place}}}\n\\centering\n\\includegraphics[width={width}]{{{name}}}\n"
        f"\\caption{{{said}}}\n\\label{{fig:{label(name)}}}\n\\end{{{place}}}\n"
    )
