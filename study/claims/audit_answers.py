"""What a rule of the audit takes and answers: counts, groups, and whether the printed numbers can be true together."""

from dataclasses import dataclass, field
from typing import NewType

from study.claims.printed import Printed

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
    usual : str
        The ``method`` by which what would fit is searched for, where the usual one is stricter than all.
    """

    holds: bool
    words: str
    fits: dict = field(default_factory=dict)
    searched: bool = False
    involved: tuple = ()
    usual: str = ""


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
