"""Refused requests, worded so that each door names a parameter its own way.

A rule is a sentence with the parameters in braces. In Python and in a parameter file ``{n_severe_patients}`` reads
``n_severe_patients = 3``; the command line says ``--severe 3``.
"""

from collections.abc import Callable
from numbers import Integral, Real


class RequestError(ValueError):
    """A request that the phantom cannot meet.

    Parameters
    ----------
    rule : str
        What must hold, with each parameter's name in braces: ``"{n_minors} must be at most 2"``.
    asked : dict
        The values of the parameters by name.
    """

    def __init__(self, rule: str, asked: dict):
        super().__init__(rule, asked)
        self.rule, self.asked = rule, asked

    def said(self, write: Callable[[str, object], str]) -> str:
        """The rule, with each parameter and its value as ``write(name, value)`` puts them."""
        return self.rule.format(**{name: write(name, value) for name, value in self.asked.items()})

    def __str__(self):
        """The rule as Python and a parameter file name the parameters."""
        return self.said(lambda name, value: f"{name} = {value!r}")


def is_whole(value, least: int = 0) -> bool:
    """Whether a value is a whole number, and not too small."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def is_fraction(value) -> bool:
    """Whether a value is a number from 0 to 1."""
    return isinstance(value, Real) and 0 <= value <= 1


def check_word(name: str, value, known) -> None:
    """Refuse a word that is not among those known."""
    if value not in known:
        raise RequestError(f"{{{name}}} must be one of {', '.join(known)}", {name: value})
