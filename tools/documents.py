"""What the documentation shows of the demo, from a run: ``python -m tools.documents [RUN]``.

Writes Table 2 and two numbers into README.md, copies what it shows into figures/preview, with all values and digests,
with which ``study compare`` compares another run, and writes codecheck.yml's list of files from the table in
REPRODUCING.md. Screenshots of the pages are taken by ``tools.preview``.
"""

import argparse
import re
import shutil
from pathlib import Path

from study.files import write_text
from study.results import snapshot
from study.run import Run

ROOT = Path(__file__).resolve().parents[1]
TABLE = re.compile(r"(<!-- Table 2 of the demo: [^\n]* -->\n).*?(<!-- end -->\n)", re.DOTALL)
SENTENCE = "infection Dice is {} on held-out pneumonia patients and {} on the synthetic COVID-19 scans"
SHOWN = ("Table_2.md", "Figure_4.png")
FILES = re.compile(r"^\| `(\w+)` \| (\d)-\w+ \| (.+) \|$", re.MULTILINE)  # of REPRODUCING.md
MANIFEST = re.compile(r"(?<=^manifest:\n)(  - .*\n)+", re.MULTILINE)


def with_table(readme, table):
    """README.md with this Markdown in place of its Table 2."""
    return TABLE.sub(lambda found: f"{found[1]}{table.strip()}\n{found[2]}", readme)


def with_dice(readme, held_out, cohort):
    """README.md with these two Dice coefficients, of two digits each."""
    written = re.escape(SENTENCE).replace(r"\{\}", r"\d\.\d\d")
    return re.sub(written, SENTENCE.format(f"{held_out:.2f}", f"{cohort:.2f}"), readme)


def manifest(reproducing):
    """The lines of codecheck.yml's list of files, from the table in REPRODUCING.md, without explanatory figures."""
    lines = []
    for name, notebook, shows in FILES.findall(reproducing):
        if not name.startswith("Figure_E"):
            ending = "png" if name.startswith("Figure") else "csv"
            lines.append(f'  - {{file: figures/demo/{name}.{ending}, comment: "{shows}; notebook {notebook}"}}\n')
    return "".join(lines)


def write(run, root=ROOT):
    """Write all of it from a run, into the project at `root`."""
    dice = {name: run.recorded(notebook)["value"][name] for notebook, name in (
        ("2-train", "held_out_dice_infection_mean"), ("3-segment", "truth_dice_infection_mean"))}  # fmt: skip
    readme = with_table((root / "README.md").read_text(encoding="utf-8"), (run.figures / SHOWN[0]).read_text("utf-8"))
    write_text(root / "README.md", with_dice(readme, *dice.values()))
    for name in SHOWN:
        shutil.copyfile(run.figures / name, root / "figures" / "preview" / name)
    snapshot.write(snapshot.of_run(run), root / "figures" / "preview" / snapshot.FILE)
    listed = manifest((root / "REPRODUCING.md").read_text(encoding="utf-8"))
    codecheck = (root / "codecheck.yml").read_text(encoding="utf-8")
    write_text(root / "codecheck.yml", MANIFEST.sub(lambda _: listed, codecheck))


def main():
    """Write what the documentation shows."""
    parser = argparse.ArgumentParser(prog="python -m tools.documents", description=__doc__)
    parser.add_argument("run", nargs="?", default="demo")
    write(Run(parser.parse_args().run, ROOT))


if __name__ == "__main__":
    main()
