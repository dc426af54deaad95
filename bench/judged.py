"""One row of a table of targets."""

from study.results.targets import TARGETS

COLUMNS = ["quantity", "estimate", "low", "high", "n", "n_patients", "target", "verdict"]


def judged(quantity, found, name=None):
    """One row of `COLUMNS`: a number, and its target if a name of one is given."""
    row = {"quantity": quantity} | found
    if name:
        row |= {"target": str(TARGETS[name]), "verdict": TARGETS[name].verdict(found["estimate"], found["n"])}
    return row
