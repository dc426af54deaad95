"""Numbers as a paper prints them.

A printed number stands for every number that rounds to it: 0.8220 for 0.82195 to 0.82205, ends included, so that halves
may have been rounded up or to even. A count of patients stands for itself. Journals write the same number in many ways,
and each of these is read:

===================================  =======================================================================
0.87, .87, 0·87, ·87, 0,87             a decimal point, with its zero or without, at half height, or a comma
1110, 1,110, 1 110, 1'110            thousands; ``1,110`` only where the unit counts, as it could be 1.110 too
-0.10, −0.10, –0.10, +0.10            a hyphen, a minus, an en dash
7.3e-09, 1.2 × 10⁻⁵, 5.8 x 10−5, 10^-5  powers of ten; a superscript that was lost (x 105) is refused
<0.001, ≤0.001, >=0.74               a bound
p<.001, P = .03, n=26                a letter or word before ``=``, ``<`` or ``>`` is left out
~0.87, ≈0.87                         about: a whole unit of the last digit to either side
±5                                   an SD or half a width: 5
49 %, 49%, 49 percent                percent
0.03*, 0.03†                         marks of a footnote are left out
===================================  =======================================================================
"""

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property

# Units of whole things: nothing was rounded.
COUNTED = {
    "cases", "patients", "scans", "pairs", "phrases", "participants", "subjects", "people", "women", "men", "eyes",
    "lesions", "images", "exams", "examinations", "events", "deaths",
}  # fmt: skip
PERCENT = ("%", "percent", "per cent")
SLACK = 1e-9  # so that 0.1 + 0.2 does not fail by its last bit
ROUNDINGS = ("half-up", "half-even", "truncated", "unknown")
DECIMALS = ("point", "comma")

MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"  # hyphens, dashes and the minus
SPACES = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
POINTS = "·∙⋅‧"  # the point at half height
SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
PLAIN = str.maketrans({**dict.fromkeys(MINUS, "-"), **dict.fromkeys(SPACES, " "), **dict.fromkeys("≈∼", "~"),
                       **dict.fromkeys("⩽≦", "≤"), **dict.fromkeys("⩾≧", "≥"), "’": "'"})  # fmt: skip
RAISED = "[⁰¹²³⁴-⁹⁺⁻]+"
BEFORE = r"(?:[^\W\d_]+ ?(?=[<>=≤≥~]))?(?P<bound><=|>=|[<>≤≥=~±]|) ?(?P<minus>[-+]?) ?"
POWER = (
    rf"(?:[eE](?P<e>[-+]?[0-9]+)"
    rf"| ?[×x*·⋅] ?10(?:(?P<raised>{RAISED})|\^?(?P<flat>-[0-9]+)|\^(?P<up>\+?[0-9]+)))?"
)
AFTER = r" ?(?P<percent>%|percent|per cent|)[*†‡§¶]*"
# How the digits of a number are written, and which mark is the decimal one; a text that fits both is ambiguous.
THREES = "|".join(rf"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+" for mark in ("%s", " ", "'"))
FORMS = {
    decimal: re.compile(rf"{BEFORE}(?P<whole>{THREES % mark}|[0-9]*)(?:{point}(?P<fraction>[0-9]+))?{POWER}{AFTER}")
    for decimal, mark, point in (("point", ",", rf"[.{POINTS}]"), ("comma", r"\.", ","))
}
TEN = re.compile(rf"{BEFORE}10(?:(?P<raised>{RAISED})|\^(?P<flat>[-+]?[0-9]+)|(?P<up>-[0-9]+)){AFTER}")  # 10⁻⁵ alone
EXAMPLES = "0.87, .87, 0·87, 0,87, 1 110, −0.10, 7.3e-09, 1.2 × 10⁻⁵, <0.001, ~0.87, ±5, 49 %"


@dataclass(frozen=True)
class Convention:
    """How a paper writes its numbers.

    Attributes
    ----------
    rounding : {"", "half-up", "half-even", "truncated", "unknown"}
        How they were shortened; "" is rounding with halves either way, "unknown" is any of these.
    decimal : {"", "point", "comma"}
        The decimal mark; "" reads either where only one of them is possible.
    """

    rounding: str = ""
    decimal: str = ""

    def __post_init__(self):
        for name, known in (("rounding", ROUNDINGS), ("decimal", DECIMALS)):
            if (given := getattr(self, name)) not in ("", *known):
                raise ValueError(f"`{name}` is {given!r}; it can be {', '.join(known)}")


AS_USUAL = Convention()


@dataclass(frozen=True)
class Printed:
    """A printed number.

    Attributes
    ----------
    text : str
    value : float
    half : float
        Half a unit of its last digit; 0 for a count.
    sign : str
        ``<``, ``≤``, ``>`` or ``≥`` of a bound, else "".
    scale : int
        100 for percent.
    decimals : int
        Digits after the point; below 0 where the last digit printed counts tens or more (``1.2e5``).
    rounding : str
        As in ``Convention``, or "about".
    """

    text: str
    value: float
    half: float = 0.0
    sign: str = ""
    scale: int = 1
    decimals: int = 0
    rounding: str = ""

    @cached_property
    def slack(self):
        """What a comparison may be off by its last bits; less than the number's own digits."""
        return (min(SLACK, self.half / 10**6) if self.half else SLACK) + 8 * math.ulp(self.value)

    @cached_property
    def ends(self):
        """Lowest and highest number that is printed like this; a bound has one end."""
        if self.sign:
            return (-math.inf, self.value) if self.sign in "<≤" else (self.value, math.inf)
        inward, outward = self._reach()
        if self.value == 0:
            return -outward, outward
        return (self.value - inward, self.value + outward) if self.value > 0 else (
            self.value - outward, self.value + inward)  # fmt: skip

    def _reach(self):
        """How far the number may lie from what is printed: towards zero and away from it."""
        unit, opened = 2 * self.half, self.half and 3 * self.slack  # an end left out lies outside the slack
        if self.rounding == "truncated":
            return 0.0, unit - opened
        if self.rounding == "half-up":
            return self.half, self.half - opened
        if self.rounding == "half-even":
            odd = round(abs(self.value) * 10.0**self.decimals) % 2
            return (self.half - odd * opened,) * 2
        if self.rounding == "unknown":
            return self.half, unit - opened
        return (unit, unit) if self.rounding == "about" else (self.half, self.half)

    @cached_property
    def share(self):
        """The ends as a fraction: of 49 %, 0.485 and 0.495."""
        return tuple(end / self.scale for end in self.ends)

    def allows(self, low, high=None):
        """Whether some number in low..high is printed with these digits, or keeps the bound printed."""
        high = low if high is None else high
        if self.sign == "<":
            return low < self.value
        if self.sign == ">":
            return high > self.value
        return low <= self.ends[1] + self.slack and high >= self.ends[0] - self.slack

    def like(self, value):
        """Print another value with as many digits."""
        rounded = round(value, self.decimals)
        text = f"{rounded:.{max(0, self.decimals)}f}"
        return replace(self, text=text + " %" * bool(re.search("%|per", self.text)), value=float(text), sign="")

    def moved(self, steps):
        """The number moved by so many units of its last digit."""
        return self.like(self.value + steps * 10.0**-self.decimals)


def read_number(text, unit="", convention=AS_USUAL):
    """Read a number as journals print it.

    Parameters
    ----------
    text : str
    unit : str
        A unit in ``COUNTED`` makes a whole number exact, and ``1,110`` a thousand; ``%`` says that it is in percent.
    convention : Convention

    Returns
    -------
    Printed or None
        None for a word, a date, more than a double holds, and what can be read in two ways; ``unread`` says why.

    Examples
    --------
    >>> read_number(".05").ends
    (0.045000000000000005, 0.055)
    >>> read_number("1,110", "patients").value
    1110.0
    >>> read_number("1,110") is None
    True
    """
    found = _readings(text, unit, convention)
    return found[0] if len(found) == 1 else None


def with_its_percent(number, low, high):
    """The ends of a number's interval, in per cent like it where the sign is printed once: 85.0 % (73.9 to 91.9).

    Ends that contain the number as they are, 1.5 % (0.01 to 0.02), are fractions.
    """
    as_they_are = (
        -1 <= low.value and low.share[0] <= number.share[1] and number.share[0] <= high.share[1] and high.value <= 1
    )
    if number.scale == 1 or (low.scale, high.scale) != (1, 1) or as_they_are:
        return low, high
    return replace(low, scale=number.scale), replace(high, scale=number.scale)


def unread(text, unit="", convention=AS_USUAL):
    """Say why ``read_number`` reads nothing."""
    found = [f"{one.value:.{max(0, one.decimals)}f}" for one in _readings(text, unit, convention)]
    if len(found) > 1:
        return (f"can be read as {' or '.join(found)}; write one of these, or say `decimal: point` or `decimal: comma` "
                "for the whole file")  # fmt: skip
    return f"is not a number in any form that is tried ({EXAMPLES})"


def _readings(text, unit, convention):
    """Every number that the text can be; those that are the same number to the same digits count once."""
    plain = " ".join(text.translate(PLAIN).split())
    if ten := TEN.fullmatch(plain):
        return _finite([_number(text, unit, convention, ten, "1", "")])
    found = {decimal: form.fullmatch(plain) for decimal, form in FORMS.items()}
    found = {decimal: one for decimal, one in found.items() if one and (one["whole"] or one["fraction"])}
    if len(found) > 1 and "." in plain and not convention.decimal:
        found.pop("comma")  # 1.110 has a decimal point unless the file says otherwise
    if len(found) > 1 and convention.decimal:
        found = {convention.decimal: found[convention.decimal]}
    if len(found) > 1 and unit in COUNTED:
        found.pop("comma")
    return _finite([_number(text, unit, convention, one, re.sub(r"\D", "", one["whole"]), one["fraction"] or "")
                    for one in found.values()])  # fmt: skip


def _number(text, unit, convention, found, whole, fraction):
    """The number of a match of ``FORMS`` or ``TEN`` with these digits."""
    named = found.groupdict()
    power = next((named[name] for name in ("e", "raised", "flat", "up") if named.get(name)), "0")
    power = int(power.translate(SUPERSCRIPT))
    if abs(power) > 400:
        return None
    value = float(f"{found['minus'].replace('+', '')}{whole or 0}.{fraction or 0}e{power}")
    decimals = len(fraction) - power
    exact = decimals == 0 and not fraction and power == 0 and unit in COUNTED
    bound = {"<=": "≤", ">=": "≥"}.get(found["bound"], found["bound"])
    return Printed(
        text.strip(), value, 0.0 if exact else 0.5 * 10.0**-decimals, bound if bound in ("<", ">", "≤", "≥") else "",
        100 if found["percent"] or unit in PERCENT else 1, decimals,
        "about" if bound == "~" else convention.rounding,
    )  # fmt: skip


def _finite(numbers):
    return list(dict.fromkeys(one for one in numbers if one is not None and math.isfinite(one.value)))


def digits(number, decimals):
    """Write a computed number with at most so many decimals, a tiny one in scientific notation."""
    decimals = max(0, decimals)
    if 0 < abs(number) < 10.0**-decimals:
        return f"{number:.1e}"
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
