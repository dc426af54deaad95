"""A paper's printed numbers as a table, a CSV file with one row each, in place of the sections of a YAML file."""

import csv

from study.plural import count

COLUMNS = ("id", "where", "quantity", "published", "low", "high", "unit", "n", "same", "value", "reason", "see",
           "remark", "primary")  # fmt: skip
NEEDED = ("id", "where", "quantity", "published")


def sections(path, line_key):
    """Read a table of printed numbers.

    The columns are the fields of a number (see ``paper``), with ``where`` for its section and ``low`` and ``high`` for
    the ends of its interval; an empty cell is a field that is left out. The delimiter is a comma, a semicolon or a tab.

    Parameters
    ----------
    path : Path
    line_key : str
        The key under which each number gets its line, as words.

    Returns
    -------
    dict of str to list of dict
        By section, in the order of the file, as YAML would give them.

    Raises
    ------
    ValueError
        If it is no such table: a column is missing, unknown or there twice, or a row has more cells than the head.
    OSError
    """
    text = path.read_text(encoding="utf-8-sig")
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        if wrong := [name for name in names if name not in COLUMNS or names.count(name) > 1]:
            raise ValueError(f"unknown or doubled column {wrong[0]!r}; there are {', '.join(COLUMNS)}")
        if missing := [name for name in NEEDED if name not in names]:
            raise ValueError(f"no column {missing[0]!r}; a table of printed numbers has {', '.join(NEEDED)}")
        found = {}
        for row in rows:
            line = f"{rows.line_num} of {path.name}"
            if len(row) > len(names):
                raise ValueError(
                    f"line {line} has {count(len(row), 'cell')}, the head {len(names)}; put 1,110 in quotes"
                )
            item = {name: cell.strip() for name, cell in zip(names, row, strict=False) if cell.strip()}
            if not item:
                continue
            ends = [item.pop(name) for name in ("low", "high") if name in item]
            item |= {"interval": ends} if ends else {}
            item |= {"n": int(item["n"])} if item.get("n", "").isdigit() else {}
            found.setdefault(item.pop("where", "no place"), []).append(item | {line_key: line})
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num} of {path.name}: {error}") from None
    return found
