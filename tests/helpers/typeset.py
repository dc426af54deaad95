"""LaTeX, as a journal runs it, where it is installed."""

import re
import shutil
import subprocess

import pytest

PREAMBLE = "\\documentclass{article}\n\\usepackage{booktabs,array,rotating,longtable,graphicx}\n"


def pdflatex(folder, text, name="paper"):
    """Typeset a document twice, in a folder; returns its log in one line per message. Skips where there is no LaTeX."""
    program = shutil.which("pdflatex")
    if not program:
        pytest.skip("pdflatex is not here; on Debian and Ubuntu `apt-get install texlive-latex-recommended` brings it")
    (folder / f"{name}.tex").write_text(text, encoding="utf-8")
    for _ in range(2):
        done = subprocess.run([program, "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"], cwd=folder,
                              capture_output=True, timeout=300)  # fmt: skip
        log = (folder / f"{name}.log").read_bytes().decode(errors="replace")
        assert done.returncode == 0, re.findall(r"^!.*(?:\n.*){3}", log, re.MULTILINE)
    return log


def faults(log):
    """What a typesetter would object to: boxes wider than their place, floats longer than a page, what is undefined."""
    return re.findall(r"^(?:Overfull.*|.*Float too large.*|.*undefined.*)$", log, re.MULTILINE)


def document(tables, preamble=PREAMBLE):
    """A document with each table on a page of its own; `tables` are paths to read."""
    pages = "".join(f"\\typeout{{{path.name}}}\\input{{{path.as_posix()}}}\\clearpage\n" for path in tables)
    return f"{preamble}\\begin{{document}}\n{pages}\\end{{document}}\n"
