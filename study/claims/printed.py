"""Numbers as a paper prints them.

A printed number stands for every number that rounds to it: 0.8220 for 0.82195 to 0.82205, ends included, so that halves
may have been rounded up or to even. A count of patients stands for itself.
"""

import math
import re
from dataclasses import dataclass

COUNTED = {"cases", "patients", "scans", "pairs", "phrases"}  # units of whole things: nothing was rounded
SLACK = 1e-9  # so that 0.1 + 0.2 does not fail by its last bit
NUMBER = r"([<>≤≥]?)\s*([+-−]?\d+(?:\.(\d+))?)\s*(%?)"


@dataclass(frozen=True)
class Printed:
    """A printed number: the text, its value, half a unit of its last digit, a bound's sign, and 100 for percent."""

    text: str
    value: float
    half: float = 0.0
    sign: str = ""
    scale: int = 1

    @property
    def ends(self):
        """Lowest and highest number that rounds to it; a bound has one end."""
        low, high = self.value - self.half, self.value + self.half
        if self.sign:
            low, high = (-math.inf, self.value) if self.sign in "<≤" else (low, math.inf)
        return low, high

    @property
    def share(self):
        """The ends as a fraction: of 49 %, 0.485 and 0.495."""
        return tuple(end / self.scale for end in self.ends)

    def allows(self, low, high=None):
        """Whether some number in low..high rounds to the digits printed, or keeps the bound printed."""
        high = low if high is None else high
        if self.sign == "<":
            return low < self.value
        if self.sign == ">":
            return high > self.value
        return low <= self.ends[1] + SLACK and high >= self.ends[0] - SLACK

    @property
    def decimals(self):
        """Digits after the point."""
        return len(re.sub(r"[^\d.]", "", self.text).partition(".")[2])

    def like(self, value):
        """Print another value with as many digits."""
        text = f"{value:.{self.decimals}f}"
        return Printed(text + " %" * self.text.endswith("%"), float(text), self.half, "", self.scale)

    def moved(self, steps):
        """The number moved by so many units of its last digit."""
        return self.like(self.value + steps * 10.0**-self.decimals)


def read_number(text, unit=""):
    """Read ``0.8220``, ``<0.001``, ``≥0.74`` or ``49 %``; None for a word, a date or more than a double holds.

    Parameters
    ----------
    text : str
    unit : str
        A unit in ``COUNTED`` makes a whole number exact; ``%`` says that it is in percent.
    """
    found = re.fullmatch(NUMBER, text.strip())
    if not found or not math.isfinite(float(found[2].replace("−", "-"))):
        return None
    sign, digits, decimals, percent = found.groups()
    half = 0.0 if decimals is None and unit in COUNTED else 0.5 * 10.0 ** -len(decimals or "")
    return Printed(text.strip(), float(digits.replace("−", "-")), half, sign, 100 if percent or unit == "%" else 1)


def digits(number, decimals):
    """Write a computed number with at most so many decimals, a tiny one in scientific notation."""
    if 0 < abs(number) < 10.0**-decimals:
        return f"{number:.1e}"
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
