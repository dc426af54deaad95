"""The letters of figures and printed tables: Liberation Sans, as wide as Arial and the same on every machine.

matplotlib finds them under a name of their own, since a machine may have another version of the font.
"""

import dataclasses
import functools
from pathlib import Path

from matplotlib.font_manager import fontManager, get_font, ttfFontProperty

FONTS = Path(__file__).parent / "fonts"
FONT = "Letters of the study"
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
