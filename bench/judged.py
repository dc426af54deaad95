"""One row of a table of targets."""

from study.results.targets import TARGETS

COLUMNS = ["quantity", "estimate", "low", "high", "n", "n_patients", "target", "verdict"]


def judged(quantity, found, name=None):
    """One row of `COLUMNS`: a number, and its target if a name of one is given."""
    row = {"quantity": quantity} | found
    if name:
        ends = {end: found[end] for end in ("low", "high") if end in found}
        verdict = TARGETS[name].verdict(found["estimate"], found["n"], **ends)
        row |= {"target": str(TARGETS[name]), "verdict": verdict}
    return row
