"""Numbers as a paper prints them, and the arithmetic between them.

A printed number stands for every number that rounds to it: 0.8220 for 0.82195 to 0.82205, while a count of patients
stands for itself. A derived number is computed for the whole range of its inputs; the paper is consistent with itself
where the result can round to the digits printed. Nothing here needs the patients.
"""

import itertools
import math
import re
from dataclasses import dataclass

COUNTED = {"patients", "scans", "pairs", "phrases"}  # units of whole things: nothing was rounded
SCALE = [(0.20, "poor"), (0.40, "fair"), (0.60, "moderate"), (0.80, "good"), (1.00, "very good")]  # note of Table 4
SLACK = 1e-9  # 0.1 + 0.2 is not to fail by its last bit


@dataclass(frozen=True)
class Printed:
    """A printed number: the text, its value, half a unit of its last digit, and a bound's sign ("<", "≥" or "")."""

    text: str
    value: float
    half: float
    sign: str = ""

    @property
    def ends(self):
        """Lowest and highest number that rounds to it."""
        return (self.value - self.half, self.value + self.half)

    def allows(self, low, high=None):
        """Whether some number in low..high rounds to the digits printed, or keeps the bound printed."""
        high = low if high is None else high
        if self.sign == "<":
            return low < self.value
        if self.sign == "≥":
            return high >= self.value - self.half - SLACK
        return low <= self.ends[1] + SLACK and high >= self.ends[0] - SLACK

    @property
    def decimals(self):
        """Digits after the point."""
        return len(self.text.partition(".")[2])


def read_number(text, unit=""):
    """Read ``0.8220``, ``<0.001`` or ``≥0.74``; None for a word or a date.

    Parameters
    ----------
    text : str
    unit : str
        A unit in ``COUNTED`` makes a whole number exact.
    """
    found = re.fullmatch(r"([<≥]?)\s*([+-]?\d+(?:\.(\d+))?)", text.strip())
    if not found:
        return None
    sign, digits, decimals = found.groups()
    exact = decimals is None and unit in COUNTED
    return Printed(text, float(digits), 0.0 if exact else 0.5 * 10.0 ** -len(decimals or ""), sign)


def strength(kappa):
    """Find the word that the scale in the note of Table 4 has for a kappa; negative ones are poor.

    The scale leaves gaps (0.20 to 0.21): a kappa is rounded to its two digits first, halves up.
    """
    rounded = math.floor(kappa * 100 + 0.5 + SLACK) / 100
    return next(word for bound, word in SCALE if rounded <= bound + SLACK)


def cohen_error(observed_agreement, kappa, n):
    """Compute the standard error of kappa from what Table 4 prints beside it.

    Cohen 1960: sqrt(po (1 - po) / n) / (1 - pe), and 1 - pe = (1 - po) / (1 - kappa).
    """
    return math.sqrt(observed_agreement * (1 - observed_agreement) / n) * (1 - kappa) / (1 - observed_agreement)


def chi_square_p(count_1, n_1, count_2, n_2):
    """Compute the p value of Pearson's chi-square test, uncorrected, for count_1 of n_1 against count_2 of n_2."""
    total, counted = n_1 + n_2, count_1 + count_2
    cross = count_1 * (n_2 - count_2) - count_2 * (n_1 - count_1)
    return math.erfc(math.sqrt(total * cross**2 / (n_1 * n_2 * counted * (total - counted)) / 2))


def wald_p(low, high):
    """Compute the two-sided p value of an odds ratio, from its 95 % interval on the log scale."""
    middle, error = (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / (2 * 1.959964)
    return math.erfc(abs(middle) / error / math.sqrt(2))


# rule: (function of the inputs, how the computation reads)
RULES = {
    "sum": (lambda *parts: sum(parts), " + "),
    "difference": (lambda a, b: a - b, " - "),
    "ratio": (lambda a, b: a / b, " / "),
    "weighted_mean": (lambda a, n, b, m: (a * n + b * m) / (n + m), "mean of {0} ({1}) and {2} ({3})"),
    "geometric_mean": (lambda a, b: math.sqrt(a * b), "geometric mean of {0} and {1} (the middle of a Wald interval)"),
    "wald_p": (wald_p, "p from the interval [{0}, {1}]"),
    "chi_square_p": (chi_square_p, "chi-square of {0} of {1} against {2} of {3}, p"),
    "cohen_error": (cohen_error, "Cohen's error for agreement {0}, kappa {1}, n {2}"),
}
OTHER_RULES = ("count_of", "strength")  # they compare with counts or words, not by one formula


def derive(rule, printed, inputs, unit=""):
    """Compute a printed number from other printed ones.

    Parameters
    ----------
    rule : str
        A key of ``RULES``; ``count_of`` (is the proportion a whole number of ``inputs[0]``?); or ``strength`` (the word
        for the kappa ``inputs[0]``).
    printed : str
        What the paper prints for the result.
    inputs : list of Printed
    unit : str
        Of the result; "%" multiplies a ratio by 100.

    Returns
    -------
    (bool, str)
        Whether the paper agrees with itself, and the computation in words.

    Raises
    ------
    ValueError
        If there is no such rule, or it cannot be computed from these inputs.
    """
    if rule == "strength":
        word = strength(inputs[0].value)
        return word == printed, f"kappa {inputs[0].text} is {word}"
    result = read_number(printed, unit)
    if rule == "count_of":
        return _count_of(result, inputs[0], 100 if unit == "%" else 1)
    if rule not in RULES:
        raise ValueError(f"there is no rule {rule!r}; the rules are {', '.join([*RULES, *OTHER_RULES])}")
    function, reading = RULES[rule]
    factor = 100 if rule == "ratio" and unit == "%" else 1
    try:
        corners = [factor * function(*corner) for corner in itertools.product(*(number.ends for number in inputs))]
        middle = factor * function(*(number.value for number in inputs))
    except (TypeError, ArithmeticError, ValueError) as error:
        texts = ", ".join(number.text for number in inputs)
        raise ValueError(f"rule {rule} cannot be computed from {texts} ({error}); correct its inputs") from None
    texts = [number.text for number in inputs]
    words = reading.format(*texts) if "{" in reading else reading.join(texts)
    agrees = result.allows(min(corners), max(corners))
    return agrees, f"{words} = {_digits(middle, result.decimals + 2)}{' %' if unit == '%' else ''}"


def _digits(number, decimals):
    if 0 < abs(number) < 10.0**-decimals:
        return f"{number:.1e}"
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _count_of(proportion, total, factor):
    def nearest(n):
        count = round(proportion.value / factor * n)
        return count, proportion.allows(factor * count / n)

    n = round(total.value)
    count, agrees = nearest(n)
    if agrees:
        return True, f"{count} of {n} is {factor * count / n:.{proportion.decimals}f}"
    steps = (step for distance in range(1, 11) for step in (-distance, distance) if n + step > 0)
    other = next((n + step for step in steps if nearest(n + step)[1]), None)
    near = f"; {nearest(other)[0]} of {other} would be" if other else ""
    below, above = (f"{factor * k / n:.{proportion.decimals}f}" for k in (count - 1, count))
    if count / n * factor < proportion.value:
        below, above = above, f"{factor * (count + 1) / n:.{proportion.decimals}f}"
    return False, f"no count of {n} gives {proportion.text} (nearest {below} and {above}){near}"
