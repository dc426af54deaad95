"""Speed of whole runs from fresh clones: the demo, a second call, a call after each kind of edit, the smoke run."""

import filecmp
import json
import statistics
import subprocess

from bench.timing import NAN, ROOT, record, timed


def clone(folder):
    """Clone what is committed, once per call of the bench; returns the folder."""
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def notebooks_run(printed):
    """The notebooks that a command ran, from its progress lines."""
    return [line.split()[0] for line in printed.splitlines() if line.strip().endswith(" s") and " done in " in line]


def edit_prose(folder):
    """Change the words of a notebook, not its code."""
    path = folder / "notebooks" / "3-segment.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] = [*notebook["cells"][0]["source"], "\n", "One more sentence."]
    path.write_text(json.dumps(notebook))


def edit_code(folder):
    """Write a constant of a statistic in another way."""
    path = folder / "study" / "statistics" / "kappa.py"
    path.write_text(path.read_text().replace("STRENGTHS = (", "STRENGTHS = () + ("))


def edit_figure(folder):
    """Draw the arrows of the flow diagram thinner."""
    path = folder / "study" / "figures" / "flow_diagram.py"
    path.write_text(path.read_text().replace("linewidth=0.8", "linewidth=0.7"))


def edit_claims(folder):
    """Change the data file of the claims, but no claim."""
    path = folder / "study" / "claims" / "claims.yaml"
    path.write_text(path.read_text() + "\n# One more comment.\n")


# What is edited, how, and the notebooks that run again.
EDITS = (
    ("prose edit of a notebook", edit_prose, []),
    ("changed code in study/statistics/kappa.py", edit_code, ["6-progression", "7-claims"]),
    ("changed look of study/figures/flow_diagram.py", edit_figure, ["7-claims"]),
    ("changed study/claims/claims.yaml", edit_claims, ["7-claims"]),
)


def time_study(folder, _):
    """Time the whole demo from a fresh clone, then a second call and a call after each of `EDITS`."""
    project = clone(folder / "study")
    wall, cpu, peak, _ = timed(["make", "study"], project)
    record("make study, fresh clone, with install", "548 scans 128x128", wall, cpu, peak, "900 s, 6144 MiB", wall / 900)
    timings = [json.loads(path.read_text()) for path in sorted((project / "runs" / "demo" / "timings").glob("*.json"))]
    for timing in timings:
        record(f"  of that {timing['notebook']}", "demo", timing["seconds"], NAN, NAN)
    calls = [timed(["make", "study"], project) for _ in range(3)]
    if any(notebooks_run(printed) for *_, printed in calls):
        raise SystemExit("bench: a second `make study` ran a notebook")
    wall = statistics.median(wall for wall, *_ in calls)
    what = "make study, nothing changed: no notebook runs"
    record(what, "demo", wall, calls[0][1], calls[0][2], "10 s", wall / 10)
    for what, edit, expected in EDITS:
        edit(project)
        wall, cpu, peak, printed = timed(["make", "study"], project)
        if notebooks_run(printed) != expected:
            raise SystemExit(f"bench: after a {what} ran {notebooks_run(printed)}, expected {expected}")
        record(f"make study after a {what}: {', '.join(expected) or 'no notebook'}", "demo", wall, cpu, peak)


def compare_clones(folder, _):
    """Count the tables that differ, byte for byte, between the demos of two fresh clones."""
    first, second = (clone(folder / name) for name in ("study", "second"))
    for project in (first, second):
        if not (project / "figures" / "demo" / "claims.csv").is_file():
            timed(["make", "study"], project)
    tables = sorted(path.name for path in (first / "figures" / "demo").glob("*.csv"))
    same, different, missing = filecmp.cmpfiles(
        first / "figures" / "demo", second / "figures" / "demo", tables, shallow=False
    )
    print(f"tables of two clones: {len(same)} identical, different {different}, missing {missing}")
    n_different = len(different) + len(missing)
    record("tables of two fresh clones that differ", f"{len(tables)} tables", NAN, NAN, NAN, "0", n_different)


def time_smoke(folder, _):
    """Time the smoke run where everything is installed already."""
    project = clone(folder / "smoke")
    timed(["make", ".venv/ready"], project)
    wall, cpu, peak, _ = timed(["make", "study", "RUN=smoke"], project)
    record("make study RUN=smoke, after install", "36 scans 128x128", wall, cpu, peak, "120 s", wall / 120)
