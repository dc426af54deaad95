"""How wide the columns of a printed table are, and whether it needs a page of its own on its side.

LaTeX and Word both get their columns from here, each measured in its own letters (`letters`): Computer Modern, and
Liberation Sans, which are as wide as those of Arial.
"""

import itertools
import math
import re
from dataclasses import dataclass

from study.figures.letters import width_em

LONGEST_WORD = 30  # letters; a longer one, such as a path, may be broken
NARROWEST_STEP = 0.02  # em
MOST_LINES = 4  # in a cell, before a wider page is better


@dataclass(frozen=True)
class Layout:
    """Where a table is placed, its letters' size (points), and for each column its width (points) and what it holds.

    A column is `wrapped` if some cell takes several lines, and `numeric` if all its cells begin as numbers do.
    """

    place: str
    size: float
    widths: list
    wrapped: list
    numeric: list


def one_line(text):
    """Text on one line: breaks, with the white around them, are spaces."""
    return re.sub(r"\s*[\r\n]+\s*", " ", text).strip()


def tied(text):
    """One line of text, with spaces that no line may end at: ``63 of 79``, ``[0.90, 0.96]``, ``5 %``.

    A word of more than `LONGEST_WORD` letters gets places where it may be broken.
    """
    text = re.sub(r"[\[(][^\[\]()]{1,24}[\])]", lambda m: re.sub(" ", "\u00a0", m[0]), one_line(text))
    text = re.sub(r"\bp value", "p\u00a0value", text)
    text = re.sub(r"(?<=\d) (?=%|HU\b|ml\b|mm\b)|(?<=[<>≥≤=±]) (?=\S)|(?<=\S) (?=[<>≥≤=±])", "\u00a0", text)
    return re.sub(rf"[^ ]{{{LONGEST_WORD + 1},}}", lambda m: re.sub("(.{15})(?=.)", "\\1\u200b", m[0]), text)


def lines_of(text, width, width_em=width_em):
    """Break a text into lines of at most `width` (em) where it may be broken; a longer word is a line of its own."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_em(longer) > width + 1e-6:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


NUMBER = re.compile(r"[-−+<>≥≤]?\s?[\[(]?[-−+]?\.?\d|–$|undefined|$")


def lay_out(header, rows, places, gap, size=8.0, width_em=width_em):
    """Choose the first place where a table fits, and the widths of its columns.

    Parameters
    ----------
    header : list of str
    rows : list of list of str
        Texts from `tied`.
    places : dict of str to float
        Widths (points) of the places, from narrow to wide. In the first, no cell may take a second line; in the others
        cells are wrapped, and a wider place is taken if a cell would have more than `MOST_LINES` lines.
    gap : float
        White between two columns (points).
    size : float
        Of the letters (points); made smaller only if the widest place is too narrow.
    width_em : function
        Gives the width of a text in units of `size`.
    """
    columns = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in header]
    least, natural = [], []
    for head, cells in zip(header, columns, strict=True):
        words = [word for text in (head, *cells) for word in re.split("[ \u200b]", text)]
        least.append(max(map(width_em, words), default=0))
        natural.append(max([least[-1], _in_two_lines(head, width_em), *map(width_em, cells)]))
    numeric = [position > 0 and all(NUMBER.match(cell) for cell in cells) for position, cells in enumerate(columns)]
    narrow, *others = places
    free = {place: width / size - gap / size * (len(header) - 1) for place, width in places.items()}
    if sum(natural) <= free[narrow]:
        return Layout(narrow, size, [size * width for width in natural], [False] * len(header), numeric)
    chosen = None
    for place in others:
        if sum(least) > free[place]:
            continue
        widths = _with_few_lines(columns, least, natural, free[place], width_em)
        most = max(
            (len(lines_of(cell, w, width_em)) for w, cells in zip(widths, columns, strict=True) for cell in cells),
            default=1,
        )
        if chosen is None or most < chosen[0]:
            chosen = most, place, widths
        if most <= MOST_LINES:
            break
    if chosen is None:  # smaller letters, in the widest place
        return (
            lay_out(header, rows, places, gap, size - 1, width_em)
            if size > 5
            else _as_it_is(places, least, size, numeric)
        )
    _, place, widths = chosen
    wrapped = [width < needed - 1e-6 for width, needed in zip(widths, natural, strict=True)]
    return Layout(place, size, [size * width for width in widths], wrapped, numeric)


def _in_two_lines(head, width_em):
    """The least width (em) at which a heading takes no more than two lines."""
    words = head.split(" ")
    halves = [max(width_em(" ".join(part)) for part in (words[:k], words[k:])) for k in range(len(words))]
    return min(halves)


def _as_it_is(places, least, size, numeric):
    return Layout(list(places)[-1], size, [size * width for width in least], [True] * len(least), numeric)


def _with_few_lines(columns, least, natural, available, width_em):
    """Widths at which the longest cell of the table takes as few lines as it can."""
    for most in itertools.count(1):
        needed = [_narrowest(*column, most, width_em) for column in zip(columns, least, natural, strict=True)]
        if sum(needed) <= available or needed == least:
            return _filled(needed, natural, available)


def _narrowest(cells, least, natural, most, width_em):
    """The least width (em) of a column, between two, at which no cell takes more than `most` lines."""
    low = high = least
    if any(len(lines_of(cell, least, width_em)) > most for cell in cells):
        high = natural
    while high - low > NARROWEST_STEP:
        middle = (low + high) / 2
        fits = all(len(lines_of(cell, middle, width_em)) <= most for cell in cells)
        low, high = (low, middle) if fits else (middle, high)
    return high


def _filled(least, natural, available):
    """Widths between the least and the natural ones: the columns that need little beyond the least get it first."""
    widths, left = list(least), available - sum(least)
    needs = sorted((more - less, position) for position, (less, more) in enumerate(zip(least, natural, strict=True)))
    for done, (need, position) in enumerate(needs):
        given = min(need, left / (len(needs) - done))
        widths[position] += given
        left -= given
    return widths


def height_lines(layout, header, rows, width_em=width_em):
    """How many lines a laid out table has, without caption and notes."""
    texts = [header, *rows]
    return sum(
        max(
            len(lines_of(text, math.ceil(100 * w / layout.size) / 100, width_em))
            for text, w in zip(row, layout.widths, strict=True)
        )
        for row in texts
    )
