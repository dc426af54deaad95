"""What a rule of the audit takes and answers: counts, groups, and whether the printed numbers can be true together."""

from dataclasses import dataclass, field
from typing import NewType

from scipy import special

from study.claims.printed import SLACK, Printed

Count = NewType("Count", Printed)  # exact if typed without decimals


@dataclass(frozen=True)
class Group:
    """A group as in Table 1 of a paper: its size, mean and SD."""

    n: Count
    mean: Printed
    sd: Printed


@dataclass(frozen=True)
class Answer:
    """What a rule says.

    Attributes
    ----------
    holds : bool
    words : str
        The computation; where it does not hold, why it cannot.
    fits : dict of str to float or str
        Where it does not hold: by argument, the value that would fit if it alone were changed.
    searched : bool
        Whether `fits` has every argument that helps; otherwise the rest is searched for.
    involved : tuple of str
        The arguments that contradict each other, if not all.
    usual : dict of str to str
        The words, such as a ``method``, with which what would fit is searched for, where the usual way is stricter than
        all.
    loosely : bool
        Where it holds: only by a method that has a bound and no formula, such as a bootstrap that nothing names, or in
        more than two categories, of which nothing is said. A reader should then look whether it was so.
    """

    holds: bool
    words: str
    fits: dict = field(default_factory=dict)
    searched: bool = False
    involved: tuple = ()
    usual: dict = field(default_factory=dict)
    loosely: bool = False


def whole_number(number, name, least=1):
    """A printed count as an integer.

    Raises
    ------
    ValueError
        If it is not a whole number from `least` to 10^9.
    """
    if number.sign or number.value != round(number.value) or not least <= number.value <= 10**9:
        raise ValueError(f"`{name}` is {number.text}; it must be a whole number from {least} to 10^9")
    return round(number.value)


def one_of(name, known):
    """Refuse a ``method`` that a rule does not know; "any" is always known.

    Raises
    ------
    ValueError
        Naming those that are.
    """
    if name not in ("any", *known):
        raise ValueError(f"`method` is {name!r}; write {', '.join(known)} or any")


def reach(level):
    """How many standard errors an interval of this level, printed in percent (95 if None), reaches to either side."""
    share = level.value / 100 if level else 0.95
    if not 0 < share < 1:
        raise ValueError(f"`level` is {level.text}; it is the confidence of the interval in percent, such as 95")
    return -float(special.ndtri((1 - share) / 2))


def outside(estimate, low, high):
    """Whether an estimate lies outside its interval, whatever was rounded, or the interval's ends are in disorder."""
    return (estimate.share[1] < low.share[0] - SLACK or estimate.share[0] > high.share[1] + SLACK
            or low.share[0] > high.share[1] + SLACK)  # fmt: skip
