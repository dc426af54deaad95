"""The level of the intervals that pages show."""


def interval_level(run):
    """Of how many per cent a run's intervals are, as text: ``95``, or ``90 (of kappa 95)``; 95 if nothing says so."""
    recorded = [run.recorded(notebook) for notebook in ("5-severity", "6-progression")]
    found = [values["value"].get("confidence", 0.95) for values in recorded if len(values)] or [0.95]
    first, last = f"{100 * found[0]:g}", f"{100 * found[-1]:g}"
    return first if first == last else f"{first} (of kappa {last})"
