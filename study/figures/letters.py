"""The letters of figures and printed tables: Liberation Sans, as wide as Arial and the same on every machine.

matplotlib finds them under a name of their own, since a machine may have another version of the font. LaTeX prints
tables in Computer Modern, of which matplotlib has a copy.
"""

import dataclasses
import functools
import unicodedata
from pathlib import Path

import matplotlib
from matplotlib.font_manager import fontManager, get_font, ttfFontProperty

FONTS = Path(__file__).parent / "fonts"
FONT = "Letters of the study"
COMPUTER_MODERN = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "cmr10.ttf"
OF_8_POINTS = 17 / 16  # widths in the letters of \footnotesize, in units of their size, beside those of 10 points
# Signs that LaTeX takes from another font (em of 10 points); in this one other letters stand at their place.
SIGNS_EM = {**dict.fromkeys("<>±−≥≤×~^_\\{}µμκχ²³·↑↓", 0.78), "|": 0.28, "–": 0.5, "—": 1.0, "→": 1.0, "…": 1.34,
            **dict.fromkeys("‘’", 0.28), **dict.fromkeys("“”\"", 0.5)}  # fmt: skip
WIDEST_EM = 1.0  # width of a letter that the font does not have, such as a Chinese one


def _make_known():
    for path in sorted(FONTS.glob("*.ttf")):
        fontManager.ttflist.append(dataclasses.replace(ttfFontProperty(get_font(path)), name=FONT))


_make_known()


@functools.lru_cache(maxsize=4096)
def _em(letter):
    if letter == "\u200b":  # where a word may be broken
        return 0.0
    font = get_font(FONTS / "LiberationSans-Regular.ttf")
    if not font.get_char_index(ord(letter)):
        return WIDEST_EM
    font.set_size(100, 72)
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / 100


def width_em(text):
    """Width of one line of text, in units of its size."""
    return sum(_em(letter) for letter in text)


@functools.lru_cache(maxsize=4096)
def _latex_em(letter):
    if letter == "\u200b":
        return 0.0
    if letter in SIGNS_EM:
        return SIGNS_EM[letter] * OF_8_POINTS
    plain = unicodedata.normalize("NFKD", letter)[0]  # an accent adds nothing, a space that ties is a space
    font = get_font(COMPUTER_MODERN)
    if not " " <= plain <= "z":
        return WIDEST_EM * OF_8_POINTS
    font.set_size(100, 72)
    return font.load_char(ord(plain)).linearHoriAdvance / 65536 / 100 * OF_8_POINTS


def latex_width_em(text):
    """Width of one line of text as LaTeX prints it in a table, in Computer Modern of 8 points, in units of its size."""
    return sum(_latex_em(letter) for letter in text)
