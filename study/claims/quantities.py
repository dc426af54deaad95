"""What a printed quantity can be: the units that fit it, and the range that it cannot leave."""

from dataclasses import dataclass

from study.claims.printed import SLACK

INFINITE = float("inf")


@dataclass(frozen=True)
class Quantity:
    """Units that fit, and lowest and highest value in the first of them; of a share, ``%`` means hundredths."""

    units: tuple
    low: float = 0.0
    high: float = INFINITE
    because: str = ""


SHARE = Quantity(("", "%"), 0, 1, "it is a share")

# The first words of a quantity's name, in any case. The HU of an infection is the mean of air and of tissue and fluid:
# muscle, blood and effusions end at about 60 HU without contrast (Kamalian et al., Handb Clin Neurol 2016;135:3-20).
QUANTITIES = {
    "kappa": Quantity(("",), -1, 1, "kappa lies between -1 and 1"),
    "standard error": Quantity(("",), 0, INFINITE, "no standard error is negative"),
    "observed agreement": SHARE, "expected agreement": SHARE, "sensitivity": SHARE, "specificity": SHARE,
    "accuracy": SHARE, "POI": SHARE, "portion of infection": SHARE,
    "AUC": Quantity(("", "%"), 0, 1, "it is a probability"),
    "Dice": Quantity(("", "%"), 0, 1, "Dice is a share of the voxels"),
    "p value": Quantity(("",), 0, 1, "it is a probability"),
    "odds ratio": Quantity(("",), 0, INFINITE, "odds are not negative"),
    "pitch": Quantity(("",), 0, INFINITE, "a pitch is the table's way per turn over the beam's width, a ratio"),
    "tube voltage": Quantity(("kV", "kVp"), 20, 200),
    "tube current": Quantity(("mA",), 0, INFINITE, "mAs is a current times a time"),
    "field of view": Quantity(("mm", "cm"), 0, INFINITE, "a field of view is given by its width"),
    "slice thickness": Quantity(("mm", "cm", "µm")),
    "dose": Quantity(("mGy", "Gy", "mSv")),
    "age": Quantity(("years", "months", "days"), 0, 125, "nobody is that old"),
    "iHU": Quantity(("HU",), -1024, 60, "infected lung holds air, and no tissue or fluid in it is denser than 60 HU"),
    "HU of infection": Quantity(("HU",), -1024, 60, "infected lung holds air, and no tissue or fluid in it is denser "
                                                    "than 60 HU"),
    "HU of lung": Quantity(("HU",), -1024, 0, "lung holds air"),
}  # fmt: skip
UNBOUNDED = ("change", "increase", "decrease", "difference", "ratio")  # their percent may leave 0 to 100


def find(name):
    """The quantity whose words `name` begins with; None if it is none of them."""
    known = [words for words in QUANTITIES if name.lower().startswith(words.lower())]
    return QUANTITIES[max(known, key=len)] if known else None


def fault(name, number, unit):
    """Say why a number cannot be this quantity.

    Parameters
    ----------
    name : str
        The quantity in words, beginning with those of ``QUANTITIES`` where it is one of them.
    number : study.claims.printed.Printed
    unit : str

    Returns
    -------
    (str, str)
        Why it cannot be, and what would fit; two empty strings where nothing is wrong.
    """
    quantity = find(name)
    if quantity is None:
        if unit == "%" and not name.lower().startswith(UNBOUNDED) and not _inside(number, 0, 100):
            return f"{number.text} % is no share of anything", "0 to 100 %"
        return "", ""
    if unit not in quantity.units:
        fitting = " or ".join(f"in {own}" if own else "without a unit" for own in quantity.units)
        return f"{name} is given in {unit or 'no unit'}" + (
            f": {quantity.because}" if quantity.because else ""
        ), fitting
    scale = 100 if unit == "%" else 1
    if unit in (quantity.units[0], "%") and not _inside(number, quantity.low * scale, quantity.high * scale):
        limits = [f"{end * scale:g}" for end in (quantity.low, quantity.high) if abs(end) < INFINITE]
        return (f"{number.text} is beyond its range: {quantity.because or 'nobody measures that'}",
                f"{limits[0]} to {limits[1]}" if len(limits) == 2 else f"at least {limits[0]}")  # fmt: skip
    return "", ""


def _inside(number, low, high):
    return number.ends[1] >= low - SLACK and number.ends[0] <= high + SLACK
