"""The benches: ``make bench`` runs all of them, ``python -m bench NAME ...`` those named.

Speed is written to runs/bench/results.csv, one row per measurement: a whole command as a user types it, with wall and
CPU seconds and the peak memory of all its processes together. Commands that are compared are interleaved, and medians
are given. Quality is written to tables of its own: runs/bench/shift.csv and runs/bench/quality.csv of the networks,
runs/bench/coverage.csv of the statistics.
"""

import argparse
import tempfile
from importlib import import_module
from pathlib import Path

from bench.real_scans import REAL_CT
from bench.timing import FOLDER, ROOT
from study.networks.models import STARTER

# Module and function, which takes a folder to work in and the folder of networks.
BENCHES = {
    "bootstrap": "parts.time_bootstrap",
    "play": "parts.time_panels",
    "phantom": "parts.time_phantom",
    "smoke": "runs.time_smoke",
    "study": "runs.time_study",
    "twice": "runs.compare_clones",
    "measure": "speed.time_measure",
    "scan": "speed.time_scan",
    "networks": "speed.time_networks",
    "many": "speed.time_cohorts",
    "scale": "scale.time_scale",
    "coverage": "coverage.write_coverage",
    "quality": "quality.write_quality",
    "shift": "quality.write_shift",
}
ON_A_REAL_CT = ("measure", "quality")  # which take its folder as well


def bench(name):
    """The function of a bench; its module is imported now, as some take seconds."""
    module, function = BENCHES[name].split(".")
    return getattr(import_module(f"bench.{module}"), function)


def main():
    """Run all benches, or those named, in the order of the list."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHES)}; without any, all")
    parser.add_argument("--models", type=Path, default=STARTER, help="folder of networks; by default the bundled ones")
    parser.add_argument("--real", type=Path, metavar="DIR", help=f"for {' and '.join(ON_A_REAL_CT)}: {REAL_CT}")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in [name for name in BENCHES if name in asked.names or not asked.names]:
            print(f"== {name}", flush=True)
            bench(name)(Path(folder), asked.models, *([asked.real] if name in ON_A_REAL_CT else []))
    print(f"\n{FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
