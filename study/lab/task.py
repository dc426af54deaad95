"""What an exercise expects: the right answer, wrong ones with a known cause, and a hint for each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from study.claims import two_by_two

AS_A_FRACTION = "That is in per cent; give a number of 1 at most."


@dataclass(frozen=True)
class Task:
    """What an exercise expects.

    Attributes
    ----------
    expected : float
        The answer; NaN if this run does not have one.
    look_at : str
        Where to look if the answer is wrong.
    slips : tuple of (float, str)
        Wrong answers with a known cause, and a hint for each.
    look_alikes : tuple of (float, str)
        Likewise, but may lie within the tolerance: if four digits tell one from the answer, what is nearer to it is
        wrong.
    tolerance : float
        Relative; answers are rounded.
    accepts : callable, optional
        Where several answers are right: whether a given one is.
    if_rounded : str
        The hint for the right answer with too few digits.
    """

    expected: float
    look_at: str
    slips: tuple = ()
    look_alikes: tuple = ()
    tolerance: float = 2e-3
    accepts: Callable | None = None
    if_rounded: str = "Close: give at least four digits."

    def is_right(self, answer):
        """Whether an answer is right."""
        if self.accepts:
            return self.accepts(answer)
        return is_near(answer, self.expected, self.tolerance) and not any(
            f"{wrong:.4g}" != f"{self.expected:.4g}"
            and abs(answer - wrong) < abs(answer - self.expected)
            and not _is_rounded(answer, self.expected)
            for wrong, _ in self.look_alikes
        )

    @property
    def tells_apart(self):
        """Whether each slip is far enough from the answer to be told from it, also where the slip was rounded."""
        return all(not is_near(wrong, self.expected, 3 * self.tolerance) for wrong, _ in self.slips)

    def hint(self, answer):
        """Where to look after a wrong answer."""
        wrongs = (*self.look_alikes, *self.slips)
        exact = any(is_near(answer, wrong, 1e-9) for wrong, _ in wrongs)
        if _is_rounded(answer, self.expected) and not exact:
            return self.if_rounded
        known = [
            hint for wrong, hint in wrongs if is_near(answer, wrong, self.tolerance) or _is_rounded(answer, wrong, 3)
        ]
        return " Or: ".join(known) or self.look_at


def _is_rounded(answer, exact, fewest=2):
    """Whether an answer is a number rounded, a half either way, to so many digits or decimals or more, but not to 0."""
    nearby = [exact * (1 + tiny) for tiny in (-1e-12, 1e-12)]
    return answer != 0 and any(
        answer == float(f"{one:.{digits}{kind}}") for one in nearby for digits in range(fewest, 8) for kind in "gf"
    )


def is_near(answer, expected, tolerance):
    """Whether an answer is the expected number but for a relative tolerance."""
    return bool(np.isfinite(answer) and abs(answer - expected) <= tolerance * max(abs(expected), 1e-9))


def nearest_cases(printed, share, hint):
    """Which number of cases, nearest to the printed one, some count can be this printed share of."""
    nearest, most = two_by_two.nearest(printed, observed=share)["n"], 3 * printed
    counts = np.arange(most + 1)
    further = [
        n
        for n in range(1, most)
        if n != nearest and ((counts / n >= share[0]) & (counts / n <= share[1]) & (counts <= n)).any()
    ]
    return Task(
        nearest,
        hint,
        (
            (printed, "That is the printed number: which count out of it would it be?"),
            *((n, "That fits too, but is not the nearest.") for n in further),
        ),
        tolerance=1e-6,
    )
