"""The README against the project: its table is the demo's, and what it points to is there."""

import re

from helpers.project import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
TABLE_BEGINS = "<!-- Table 2 of the demo: a copy of figures/preview/Table_2.md; a test compares them -->\n"
TABLE_ENDS = "<!-- end -->\n"
# Made by a run, by make or by the reader, so not in a fresh copy of the project.
NOT_TRACKED = ("runs/", "figures/", "data/", "phantoms/", ".venv/", "parameters/mine.", "claims.html")


def is_tracked_path(word):
    """Tell a path of the project, such as `LICENSE`, `environment.yml` or `study/`, from other words."""
    looks_so = re.fullmatch(r"[\w.-]+/[\w./-]*|[\w-]+\.[a-z]{2,5}|[A-Z]{4,}", word)
    return bool(looks_so) and (word.startswith("figures/preview/") or not word.startswith(NOT_TRACKED))


def missing(paths):
    paths = list(paths)
    assert paths, "no path found: does the README look different now?"
    return [path for path in paths if not (ROOT / path).exists()]


def test_table_2_is_the_demos():
    _, _, rest = README.partition(TABLE_BEGINS)
    table, end, _ = rest.partition(TABLE_ENDS)
    assert end, "the two comments around Table 2 are gone"
    assert table.strip() == (ROOT / "figures/preview/Table_2.md").read_text(encoding="utf-8").strip()


def test_files_named_in_the_text_exist():
    prose = FENCED.sub("", README)
    words = [word for code in re.findall(r"`([^`\n]+)`", prose) for word in code.split()]
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]
    assert missing({word for word in words if is_tracked_path(word)} | set(links) - {""}) == []


def test_the_tree_names_what_exists():
    tree = FENCED.search(README, README.index("\n## How it is built\n")).group().splitlines()[1:-1]
    named = [path for line in tree for path in re.findall(r"^\S+|[\w.-]+/[\w./-]*", line)]
    assert missing(named) == []
