"""What a printed quantity can be: the units that fit it, and the range that it cannot leave."""

import re
from dataclasses import dataclass

from study.claims.printed import COUNTED, SLACK

INFINITE = float("inf")


@dataclass(frozen=True)
class Quantity:
    """Units that fit, and lowest and highest value in the first of them; of a share, ``%`` means hundredths.

    ``mistaken`` is another unit, and the quantity that is meant where it is given in that.
    """

    units: tuple
    low: float = 0.0
    high: float = INFINITE
    because: str = ""
    mistaken: tuple = ("", "")


SHARE = Quantity(("", "%"), 0, 1, "it is a share")

SIGNED = Quantity(("", "%"), -1, 1, "it lies between -1 and 1")
RATIO = Quantity(("",), 0, INFINITE, "it is a ratio of what is not negative")
P_VALUE = Quantity(("",), 0, 1, "it is a probability")
PRODUCT = Quantity(("mAs",), 0, INFINITE, "a current times a time is given in mAs")
# The HU of an infection is the mean of air and of tissue and fluid: without contrast muscle, blood and effusions end at
# about 60 HU (Kamalian et al., Handb Clin Neurol 2016;135:3-20), with contrast a consolidation reaches 150.
LUNG = Quantity(("HU",), -1024, 150, "infected lung holds air, and even enhanced tissue in it is less than 150 HU")

# What a quantity is called, in any case, where its name tells what it is (``find``).
QUANTITIES = {
    "kappa": Quantity(("",), -1, 1, "kappa lies between -1 and 1"),
    "standard error": Quantity(("",), 0, INFINITE, "no standard error is negative"),
    "observed agreement": SHARE, "expected agreement": SHARE, "sensitivity": SHARE, "specificity": SHARE,
    "accuracy": SHARE, "POI": SHARE, "portion of infection": SHARE, "PPV": SHARE, "NPV": SHARE,
    "predictive value": SHARE, "prevalence": SHARE, "F1": SHARE, "Jaccard": SHARE, "IoU": SHARE,
    "ICC": SIGNED, "intraclass correlation": SIGNED, "correlation": SIGNED, "correlation coefficient": SIGNED,
    "Youden index": SIGNED,
    "AUC": Quantity(("", "%"), 0, 1, "it is a probability"),
    "AUROC": Quantity(("", "%"), 0, 1, "it is a probability"),
    "Dice": Quantity(("", "%"), 0, 1, "Dice is a share of the voxels"),
    "Dice coefficient": Quantity(("", "%"), 0, 1, "Dice is a share of the voxels"),
    "p value": P_VALUE, "p-value": P_VALUE, "p": P_VALUE,
    "odds ratio": Quantity(("",), 0, INFINITE, "odds are not negative"),
    "hazard ratio": RATIO, "risk ratio": RATIO, "likelihood ratio": RATIO,
    "pitch": Quantity(("",), 0, INFINITE, "a pitch is the table's way per turn over the beam's width, a ratio"),
    "tube voltage": Quantity(("kV", "kVp"), 20, 200),
    "tube current": Quantity(("mA",), 0, INFINITE, "mAs is a current times a time",
                             ("mAs", "tube current-time product")),
    "effective tube current": PRODUCT, "tube current, effective": PRODUCT, "current time product": PRODUCT,
    "field of view": Quantity(("mm", "cm"), 0, INFINITE, "a field of view is given by its width"),
    "slice thickness": Quantity(("mm", "cm", "µm")),
    "dose": Quantity(("mGy", "Gy", "mSv"), mistaken=("mGy·cm", "dose length product")),
    "dose length product": Quantity(("mGy·cm", "Gy·cm")), "DLP": Quantity(("mGy·cm", "Gy·cm")),
    "age": Quantity(("years", "months", "days"), 0, 125, "nobody is that old"),
    "iHU": LUNG, "HU of infection": LUNG, "HU of lung": Quantity(("HU",), -1024, 0, "lung holds air"),
}  # fmt: skip
# A difference may be negative, and its percent leave 0 to 100; so may what stands on another scale than its name says.
DIFFERENCES = {
    *("change", "increase", "decrease", "difference", "ratio", "gain", "loss", "reduction", "improvement", "drop"),
    *("bias", "delta", "Δ", "log", "ln", "logit", "logarithm", "z"),
}
# Another quantity that shares its words with one above: the area under a concentration.
OTHERS = {"concentration", "plasma"}
UNITS = {
    **dict.fromkeys(("percent", "per cent"), "%"), **dict.fromkeys(("y", "yr", "yrs", "year"), "years"),
    "month": "months", "day": "days", "kVP": "kVp", "μm": "µm",
    **dict.fromkeys(("mGy*cm", "mGy cm", "mGycm", "mGy⋅cm", "mGy.cm", "mGy × cm"), "mGy·cm"),
    **dict.fromkeys(("mm × mm", "mm x mm", "mm×mm"), "mm"), **dict.fromkeys(("cm × cm", "cm x cm", "cm×cm"), "cm"),
}  # fmt: skip
ENDS = re.compile(r"[,;:(]| (?:of|in|for|from|by|at|with|without|per|under|over|against|among|between|on|to|than|that|"
                  r"which|below|above|after|before|within) ")  # fmt: skip


def find(name):
    """What a name says that a quantity is, as a ``Quantity``; None if it is none of ``QUANTITIES``, or a difference.

    The name says it by its head, the words before the first comma or preposition, of which the last known ones count:
    *mean age*, *Cohen's kappa, second reading* and *sensitivity of POI* are age, kappa and sensitivity, *POI change*
    and *change of POI* are differences, *tube current-time product* is no current. A longer name in ``QUANTITIES``
    comes first.
    """
    words = " ".join(re.findall(r"[^\s-]+", name.lower()))
    if _differs(words) or OTHERS & set(re.findall(r"\w+", words)):
        return None
    begun = [known for known in QUANTITIES if re.match(rf"{re.escape(known.lower().replace('-', ' '))}\b", words)]
    if begun and any(mark in max(begun, key=len) for mark in (" of ", ",")):
        return QUANTITIES[max(begun, key=len)]
    head = ENDS.split(words)[0]
    found = [(match.end(), len(known), known) for known in QUANTITIES
             for match in re.finditer(rf"\b{re.escape(known.lower().replace('-', ' '))}\b", head)]  # fmt: skip
    return QUANTITIES[max(found)[2]] if found else QUANTITIES[max(begun, key=len)] if begun else None


def _differs(words):
    """Whether a name says, in its head or in brackets, that it is a difference or on another scale."""
    head = ENDS.split(words)[0]
    bracketed = " ".join(re.findall(r"\(([^)]*)\)", words))
    known = [name for name in ("odds ratio", "hazard ratio", "risk ratio", "likelihood ratio") if name in head]
    for name in known:
        head = head.replace(name, "")
    return bool(DIFFERENCES & set(re.findall(r"\w+", f"{head} {bracketed}")))


def has_unit(name, unit):
    """Whether a quantity can be given in a unit, as far as its name tells; scans at half the dose are counted."""
    quantity, unit = find(name), UNITS.get(unit, unit)
    return quantity is None or unit in COUNTED or unit in quantity.units


def fault(name, number, unit):
    """Say why a number cannot be this quantity.

    Parameters
    ----------
    name : str
        The quantity in words; ``find`` says which it is.
    number : study.claims.printed.Printed
    unit : str

    Returns
    -------
    (str, str)
        Why it cannot be, and what would fit; two empty strings where nothing is wrong.
    """
    quantity, unit = find(name), UNITS.get(unit, unit)
    if quantity is None:
        if unit == "%" and not _differs(name.lower()) and not _inside(number, 0, 100):
            return f"{number.text} % is no share of anything", "0 to 100 %"
        return "", ""
    if unit in COUNTED:
        return "", ""
    if not unit and "" not in quantity.units:
        return "", ""  # the list gives none, which says nothing of the paper
    if not has_unit(name, unit):
        fitting = " or ".join(f"in {own}" if own else "without a unit" for own in quantity.units)
        if unit and unit == quantity.mistaken[0]:
            fitting = f"called {quantity.mistaken[1]} ({unit}); or {fitting}"
        return f"{name} is given in {unit or 'no unit'}" + (
            f": {quantity.because}" if quantity.because else ""
        ), fitting
    scale = 100 if unit == "%" else number.scale
    if unit in (quantity.units[0], "%") and not _inside(number, quantity.low * scale, quantity.high * scale):
        limits = [f"{end * scale:g}" for end in (quantity.low, quantity.high) if abs(end) < INFINITE]
        return (f"{number.text} is beyond its range: {quantity.because or 'nobody measures that'}",
                f"{limits[0]} to {limits[1]}" if len(limits) == 2 else f"at least {limits[0]}")  # fmt: skip
    if quantity is P_VALUE and number.value == 0 and number.sign not in (">", "≥"):
        return f"{number.text} is no p value: none is 0", f"<{10.0**-number.decimals:.{max(1, number.decimals)}f}"
    return "", ""


def _inside(number, low, high):
    return number.ends[1] >= low - SLACK and number.ends[0] <= high + SLACK
