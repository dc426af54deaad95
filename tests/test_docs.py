"""The documentation against the project: each command, option, link, path, tree and table in it is correct."""

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import typer.main
import yaml

from helpers.project import REFERENCE, ROOT, saved_by_the_notebooks
from study import provenance
from study.__main__ import app
from study.fingerprint import digests
from study.results import snapshot
from study.run import Run, value
from tools import documents

PAGES = [ROOT / "README.md", ROOT / "REPRODUCING.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PAGES}
README, REPRODUCING, BUILT = TEXT["README.md"], TEXT["REPRODUCING.md"], TEXT["docs/how-it-is-built.md"]
COMMANDS = typer.main.get_command(app).commands
SHOWN = {name: command for name, command in COMMANDS.items() if not command.hidden}
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# Made by a run, by make or by the reader, or placeholders: not in a fresh copy of the project.
NOT_TRACKED = (
    "TABLES.",
    "COMPARED.",
    "values.json",  # also where the project publishes the demo's
    "FINDINGS.",
    "runs/",
    "figures/",
    "data/",
    "phantoms/",
    ".venv/",
    "parameters/mine.",
    "claims.html",
    "numbers.tex",
    "Figure_3.tex",
)
every_page = pytest.mark.parametrize("page", TEXT)


def words_of(line):
    """A line of a shell without its comment, as words."""
    return shlex.split(line, comments=True)


def printed_commands(page):
    """Lines of the page's blocks of commands; a block of another language names it, a tree is not of commands."""
    blocks = [block for _, language, block in FENCED.findall(TEXT[page]) if not language]
    lines = [words_of(line) for block in blocks if block.split("/")[0] != "notebooks" for line in block.splitlines()]
    return [line for line in lines if line]


def inline_code(page):
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", FENCED.sub("", TEXT[page]))]


def study_arguments(words):
    """What the command line gets, if the words call it: ``study run demo``, ``torchrun ... -m study execute ...``."""
    if words[0] in ("study", ".venv/bin/study"):
        return words[1:]
    if "-m" in words and words[words.index("-m") + 1] == "study":
        return words[words.index("-m") + 2 :]
    return []


def fault_of(words):
    """Say what is wrong with a command that is printed to be typed; None if nothing."""
    if arguments := study_arguments(words):
        name, *rest = arguments
        if name not in COMMANDS:
            return f"study {name}: no such command"
        if rest == ["--help"]:
            return None
        parameters = COMMANDS[name].make_context(name, rest).params  # raises what a user would be told
        return None if name != "run" else fault_of_run(parameters["name"])
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        targets = [word for word in words[1:] if "=" not in word]
        given = dict(word.split("=") for word in words[1:] if "=" in word)
        unknown = [target for target in targets if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)]
        unknown += [name for name in given if not re.search(rf"^{name} \?=", makefile, re.MULTILINE)]
        return f"make knows no {unknown}" if unknown else fault_of_run(given.get("RUN", "demo"))
    if words[0] == ".venv/bin/python":
        return None if (ROOT / words[2] / "__main__.py").is_file() or words[2] == "pytest" else f"no module {words[2]}"
    return None if words == ["ls", "study"] else f"{words[0]}: what is this?"


def fault_of_run(name):
    known = name == "mine" or (ROOT / "parameters" / f"{name}.yaml").is_file()
    return None if known else f"there is no run {name}"


@every_page
def test_commands_exist_and_their_options_parse(page):
    commands = printed_commands(page)
    assert commands
    assert [fault for fault in map(fault_of, commands) if fault] == []


@every_page
def test_commands_named_in_the_text_exist(page):
    for code in inline_code(page):
        words = code.split()
        if words[0] == "make":
            assert fault_of(words) is None, code
        elif words[0] in ("study", ".venv/bin/study") and len(words) > 1:
            assert words[1] in COMMANDS, code
            options = {option for given in COMMANDS[words[1]].params for option in (*given.opts, *given.secondary_opts)}
            assert {word for word in words if word.startswith("--")} <= options, code


@pytest.mark.parametrize("name", SHOWN)
def test_each_command_is_documented_with_its_options(name):
    pages = [text for text in TEXT.values() if re.search(rf"\bstudy {name}\b", text)]
    assert pages, f"study {name} is on no page"
    options = {option for given in SHOWN[name].params for option in (*given.opts, *given.secondary_opts)}
    missing = {option for option in options if option.startswith("--") and not any(option in text for text in pages)}
    assert not missing, f"study {name}: {missing} on no page that names the command"


@pytest.mark.parametrize("page", [page for page in TEXT if page.startswith("docs/")])
def test_a_chapter_begins_with_its_purpose_and_a_command(page):
    title, purpose, command, *_ = TEXT[page].split("\n\n")
    fence, first, *_ = command.splitlines()
    assert title.startswith("# ") and not purpose.startswith(("```", "#")) and fence == "```"
    assert fault_of(words_of(first)) is None
    assert not re.search(r"\b[A-Z]{3,}\b|<", first.replace("RUN=", "")), "a placeholder does not run as printed"


def test_abbreviations_of_the_notebooks_are_in_the_glossary():
    """Those of a licence, of computers and those explained where they stand apart."""
    known = re.findall(r"\w+", TEXT["docs/glossary.md"]) + "CC BY NC ND AI CPU GPU BCa SDC".split()
    books = [nbformat.read(path, 4) for room in ("notebooks", "exercises") for path in (ROOT / room).glob("*.ipynb")]
    prose = " ".join(cell.source for book in books for cell in book.cells if cell.cell_type == "markdown")
    used = re.findall(r"\b[A-Za-z]*[A-Z]{2,}\w*\b", re.sub(r"`[^`]*`", "", prose))
    assert {word.removesuffix("s") for word in used} - set(known) == set()


# Of the notebooks' prose, what is computed from the paper's numbers.
COMPUTED = {"0.046", "0.0491"}


def test_what_the_notebooks_quote_the_paper_prints():
    """Numbers with so many digits are quotations; a share may be quoted in per cent."""
    claims = (ROOT / "study/claims/claims.yaml").read_text(encoding="utf-8")
    printed = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", claims)}
    books = [nbformat.read(path, 4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    prose = " ".join(cell.source for book in books for cell in book.cells if cell.cell_type == "markdown")
    quoted = re.findall(r"(?<![\w.])(\d+\.\d{3,}|\d+\.\d\d(?= ?%))( ?%)?", re.sub(r"\[10\.\d.*?\)", "", prose))
    assert len(quoted) > 10
    shares = {(number, percent): round(float(number) / 100, 6) for number, percent in quoted if percent}
    unknown = [one for one in quoted if not {float(one[0]), shares.get(one)} & printed]
    assert {number for number, _ in unknown} <= COMPUTED


def anchors(path):
    """The headings of a Markdown file as GitHub names them."""
    headings = re.findall(r"^#+ +(.+)$", FENCED.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_links_and_their_anchors_resolve(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", TEXT[page])):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = ((ROOT / page).parent / name) if name else ROOT / page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_chapter_is_linked_from_the_front_page():
    assert {page for page in TEXT if page != "README.md"} <= set(re.findall(r"\]\(([^)#\s]+)", README))


def is_tracked_path(word):
    """Tell a path of the project, such as `LICENSE`, `environment.yml` or `study/`, from other words."""
    looks_so = re.fullmatch(r"[\w.-]+/[\w./-]*|[\w-]+\.[a-z]{2,5}|LICENSE", word)
    return bool(looks_so) and (word.startswith("figures/preview/") or not word.startswith(NOT_TRACKED))


@every_page
def test_files_named_in_the_text_exist(page):
    words = {word for code in inline_code(page) for word in code.split() if is_tracked_path(word)}
    assert [word for word in sorted(words) if not (ROOT / word).exists()] == []


@every_page
def test_examples_in_python_import_what_exists(page):
    for _, language, block in FENCED.findall(TEXT[page]):
        for node in ast.parse(block).body if language == "python" else ():
            if isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                tree = ast.parse(digests.file_of(node.module).read_text())
                assert names <= {item.name for item in tree.body if isinstance(item, (ast.FunctionDef, ast.ClassDef))}


def test_the_front_page_is_short():
    assert len(README.splitlines()) <= 120


def test_what_is_shown_of_the_demo_is_as_the_tool_writes_it():
    preview = (ROOT / "figures/preview/Table_2.md").read_text(encoding="utf-8")
    assert len(documents.TABLE.findall(README)) == 1 and documents.with_table(README, preview) == README
    codecheck = (ROOT / "codecheck.yml").read_text(encoding="utf-8")
    assert documents.MANIFEST.sub(documents.manifest(REPRODUCING), codecheck) == codecheck


def test_the_tool_writes_numbers_of_a_run(tmp_path):
    for name in ("README.md", "REPRODUCING.md", "codecheck.yml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "figures" / "preview").mkdir(parents=True)
    run = Run("demo", tmp_path)
    run.record("2-train", [value("held_out_dice_infection_mean", 0.1234)])
    run.record("3-segment", [value("truth_dice_infection_mean", 0.5678)])
    shown = re.search(r"\(\d+ of 79\)", README)[0]
    (tmp_path / "README.md").write_text(README.replace(shown, "(1 of 79)"))
    (tmp_path / "codecheck.yml").write_text("manifest:\n  - {file: figures/demo/Table_9.csv}\n")
    run.figures.mkdir(parents=True)
    for name in documents.SHOWN:
        shutil.copy(ROOT / "figures" / "preview" / name, run.figures)
    documents.write(run, tmp_path)
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "Dice is 0.12 on held-out pneumonia patients and 0.57 on the synthetic" in written
    assert shown in written and "(1 of 79)" not in written
    assert len(written.splitlines()) == len(README.splitlines())
    codecheck = (tmp_path / "codecheck.yml").read_text(encoding="utf-8")
    made = {name for name in saved_by_the_notebooks() if not name.startswith("Figure_E")}
    assert {Path(name).stem for name in re.findall(r"figures/demo/([\w.]+)", codecheck)} == made
    assert (tmp_path / "figures" / "preview" / "Figure_4.png").is_file()
    assert snapshot.read(str(tmp_path / "figures" / "preview"), tmp_path) == snapshot.of_run(run)


def test_the_tree_is_the_tree_on_disk():
    (tree,) = [block for _, _, block in FENCED.findall(BUILT) if block.startswith("notebooks/")]
    top = set(re.findall(r"^(\S+?)/? ", tree, re.MULTILINE))
    inside = set(re.findall(r"^ +(\S+?)/? ", tree, re.MULTILINE))
    hidden = {"runs", "data", "phantoms", "__pycache__"}
    assert top == {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."} - hidden | {
        "Snakefile"
    }
    assert inside == {path.name for path in (ROOT / "study").iterdir()} - {"__init__.py", "__pycache__"}


def test_each_file_of_a_run_is_listed_with_the_notebooks_that_write_and_read_it():
    table = BUILT.split("## Which notebook writes which file")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (\S+) \| (.*?) ?\| ", table, re.MULTILINE)
    listed = {file: row[1:] for row in rows for file in re.findall(r"`runs/demo/(\S+\w)`", row[0])}
    written = {file: notebook for notebook, files in provenance.WRITES.items() for file in files}
    assert {file: writer for file, (writer, _) in listed.items()} == written
    for notebook, files in provenance.READS.items():
        for file in set(files) & set(written):
            assert notebook[0] in listed[file][1].split(", "), (notebook, file)


def test_each_figure_and_table_is_listed_with_its_notebook():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| ", REPRODUCING, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    assert dict(rows) == saved_by_the_notebooks()


def test_other_systems_are_tested_by_the_two_commands():
    first_block = FENCED.search(README)[3]
    steps = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]["test"]["steps"]
    typed = [words_of(line) for line in first_block.splitlines()]
    assert [words_of(step["run"]) for step in steps if "run" in step] == typed == [["make", "study"], ["make", "test"]]


def test_of_a_manuscript_only_the_pdf_stays_among_the_figures(tmp_path):
    """With a LaTeX that writes its files and sets nothing; where it fails, its log stays."""
    for name in ("docs/manuscript", "figures/demo", ".venv/bin", ".venv/ready"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    latex = tmp_path / ".venv" / "bin" / "pdflatex"
    command = ["make", "--silent", "-o", ".venv/ready", "manuscript"]
    for ending, left in (("", {"pdf"}), ("exit 1\n", {"pdf", "aux", "log", "out"})):
        latex.write_text("#!/bin/sh\nfor kind in pdf aux log out; do touch $4/manuscript.$kind; done\n" + ending)
        latex.chmod(0o755)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode == 0) == (not ending), done.stderr
        assert {path.suffix[1:] for path in (tmp_path / "figures" / "demo").iterdir()} == left


def test_the_number_of_data_sets_that_r_has_answered_is_that_of_the_reference():
    files = [*REFERENCE.glob("*_data.csv"), *REFERENCE.glob("*/data.csv")]
    names = [(path, name) for path in files for name in set(pd.read_csv(path)["data"])]
    assert f"tested against R on {len(names)} data sets" in TEXT["docs/how-it-is-built.md"]
