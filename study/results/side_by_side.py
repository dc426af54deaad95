"""Two runs side by side: every recorded value and every cell of a table, and where on the way the runs part.

Each pair of numbers has one of `ANSWERS`, from the best to the worst:

equal                the same, with interval and n
within rounding      they differ by no more than a unit of the last decimal that is printed, or by less than a reader
                     sees (four digits); whole numbers may be counts, and are not rounded
within its interval  each lies in the other's interval, as recorded beside it (of an AUC that over scans, else over
                     patients)
beyond               none of these; and of patients, scans and pairs, whenever the counts are not equal
in one alone         the other run has no such value or cell
"""

import re
from functools import partial

import pandas as pd

from study.claims.audit_shares import Z_95
from study.results import snapshot, words

ANSWERS = ("equal", "within rounding", "within its interval", "beyond", "in one alone")
FAILING = ("beyond", "in one alone")
TEXTS = ["where", "what", "one", "other", "answer"]
NUMBERS = [f"{side}_{part}" for side in ("one", "other") for part in ("value", "low", "high")]
SEEN = 5e-5  # half a unit of the fourth digit, relative: what a reader of the tables sees
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
MANY_DIGITS = re.compile(r"-?\d+\.\d{7,}")
UNREAD = "the files were not compared"
LEAST_SHOWN = 1e-5  # of six decimals, which would show less than two digits of it
INTERVAL = re.compile(rf"\[({NUMBER.pattern}), ({NUMBER.pattern})\]")


def compare(one, other):
    """Set two snapshots (``snapshot.of_run``) side by side; of tables alone, which record no values, the tables.

    Returns
    -------
    DataFrame
        ``where`` (notebook or table), ``what`` (value, or row and column), ``one``, ``other`` (as text, empty where
        there is none), ``answer`` (`TEXTS`); then as numbers, NaN where there is none, of each side the value and the
        ends of its interval (`NUMBERS`), and their ``difference``, other - one; the worst first.
    """
    rows = []
    both_recorded = bool(one["values"] and other["values"])
    for notebook in dict.fromkeys([*one["values"], *other["values"]] * both_recorded):
        sides = [{value["name"]: value for value in side["values"].get(notebook, [])} for side in (one, other)]
        rows += _paired(notebook, *sides, _of_values, _shown, _recorded)
    for name in dict.fromkeys([*one["tables"], *other["tables"]]):
        tables = [side["tables"].get(name, []) for side in (one, other)]
        judge = partial(_of_cells, {column for table in tables for column in _unrounded(table)})
        rows += _paired(name, *map(_cells, tables), judge, str, _written)
    table = pd.DataFrame(rows, columns=[*TEXTS, *NUMBERS]).astype(dict.fromkeys(NUMBERS, float))
    table["difference"] = table["other_value"] - table["one_value"]
    rank = table["answer"].map({answer: -k for k, answer in enumerate(ANSWERS)})
    share = table["difference"].abs() / table[["one_value", "other_value"]].abs().max(axis=1)
    order = pd.DataFrame({"rank": rank, "share": -share.fillna(0)}).sort_values(["rank", "share"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def _paired(where, one, other, judge, show, numbers):
    for what in dict.fromkeys([*one, *other]):
        sides = one.get(what), other.get(what)
        answer = "in one alone" if None in sides else judge(what, *sides)
        shown = ["" if side is None else show(side) for side in sides]
        found = [number for side in sides for number in ((None,) * 3 if side is None else numbers(side))]
        yield where, what, *shown, answer, *found


def first_difference(one, other):
    """Find the first file, in the order of the study, that is not the same in both.

    Returns
    -------
    (str, str, str, str), None or `UNREAD`
        Its kind, its path within the run, and both digests (empty where the file is missing). None if all files that
        both snapshots know are the same, `UNREAD` if one knows none.
    """
    if not (one["files"] and other["files"]):
        return UNREAD
    for kind in (kind for kind in one["files"] if kind in other["files"]):
        sides = one["files"][kind], other["files"][kind]
        for path in dict.fromkeys([*sides[0], *sides[1]]):
            digests = tuple(side.get(path, "") for side in sides)
            if digests[0] != digests[1]:
                return kind, path, *digests
    return None


def differing_origins(one, other):
    """What else differs between two runs: processor, versions, parameters, as (name, one, other)."""
    sides = [_flat(side["origin"]) for side in (one, other)]
    if any(len(side) <= 1 for side in sides):  # at most a name
        told = ["recorded" if len(side) > 1 else "unknown (tables alone, or an unfinished run)" for side in sides]
        return [("processor, parameters, versions", *told)] if told[0] != told[1] else []
    names = [name for name in dict.fromkeys([*sides[0], *sides[1]]) if name.rpartition(": ")[2] != "run"]
    pairs = ((name, *(str(side.get(name, "unknown")) for side in sides)) for name in names)
    return [pair for pair in pairs if pair[1] != pair[2]]


def verdict(table, difference=UNREAD):
    """One line: whether two runs say the same.

    Parameters
    ----------
    table : DataFrame
        From `compare`.
    difference : tuple, None or `UNREAD`
        From `first_difference`.

    Returns
    -------
    str, bool
        The line, and whether they agree.
    """
    counts = {answer: int((table["answer"] == answer).sum()) for answer in ANSWERS}
    said = ", ".join(f"{count} {answer}" for answer, count in counts.items() if count and answer != "equal")
    if any(counts[answer] for answer in FAILING):
        return f"DIFFERENT: of {len(table)} numbers {said}", False
    if said:
        same = "ALIKE" if counts["within its interval"] else "THE SAME RESULTS"
        return f"{same}: of {len(table)} numbers {counts['equal']} equal, {said}", True
    files = {None: ", and the files along the way", UNREAD: ""}.get(difference, ", though files along the way differ")
    return f"THE SAME: all {len(table)} numbers are equal{files}", True


def in_words(table, difference, origins, names, most=20):
    """Tell how two runs differ, a line each: the worst numbers, the first file, what else differs.

    Parameters
    ----------
    table, difference, origins
        From `compare`, `first_difference`, `differing_origins`.
    names : (str, str)
        What the runs are called.
    most : int
        Lines for each answer and for origins.

    Returns
    -------
    list of str
    """
    lines = []
    for answer in reversed(ANSWERS[1:]):
        rows = table[table["answer"] == answer]
        lines += [f"{answer}:"] * bool(len(rows))
        lines += [f"  {row.where}: {row.what}: {row.one or 'none'} | {row.other or 'none'}" for row in
                  rows.head(most).itertuples()]  # fmt: skip
        lines += [f"  ... and {len(rows) - most} more; --out FILE.csv has all"] * (len(rows) > most)
    if difference not in (None, UNREAD):
        kind, path, *digests = difference
        lines.append(f"the first file that differs ({kind}): {path}: {' | '.join(d or 'missing' for d in digests)}")
    lines += [f"{name}: {one} | {other}" for name, one, other in origins[:most]] if lines else []
    lines += [f"... and {len(origins) - most} more parameters and versions"] * bool(lines and len(origins) > most)
    return [f"{names[0]} | {names[1]}", *lines] if lines else []


def made_by(side):
    """Which run one side is, at which commit and by which processor, as it was recorded."""
    origin = side["origin"]
    commit = str(origin.get("commit") or "unknown")[:12]
    return f"run {origin.get('run') or 'unknown'}, commit {commit}, {origin.get('processor') or 'processor unknown'}"


def beside_published(run):
    """The verdict on a run beside the values that the project publishes of a run of its name; "" if there are none."""
    published = run.root / "figures" / "preview" / snapshot.FILE
    if not published.is_file() or (known := snapshot.read(str(published), run.root))["origin"].get("run") != run.name:
        return ""
    line, _ = verdict(compare(snapshot.of_run(run, with_files=False), known))
    return f"beside the published values ({made_by(known)}): {line} (study compare {run.name} compares the files too)"


def _flat(content, before=""):
    if not isinstance(content, dict):
        return {before: content}
    return {
        name: item
        for key, inner in content.items()
        for name, item in _flat(inner, f"{before}: {key}" if before else key).items()
    }


# --- recorded values ---


def _of_values(name, one, other):
    fields = ("value", "ci_low", "ci_high", "n")
    pairs = [(one.get(field), other.get(field)) for field in fields]
    if all(a == b for a, b in pairs):
        return "equal"
    if re.match(r"p_(value_)?", name) and all(
        isinstance(x["value"], float) and 0 <= x["value"] <= 1 for x in (one, other)
    ):
        same_words = words.p_value(one["value"]) == words.p_value(other["value"])
        return "within rounding" if same_words else "beyond"
    if all(_rounds(a, b) for a, b in pairs):
        return "within rounding"
    # Who was studied is no estimate, though its error over patients is recorded, for comparisons with other patients.
    if name.startswith("n_") or one.get("n") != other.get("n"):
        return "beyond"
    inside = _inside(one["value"], _interval(other)) and _inside(other["value"], _interval(one))
    return "within its interval" if inside and _alike(_interval(one), _interval(other)) else "beyond"


def _rounds(a, b, unit=0.0):
    if a == b:
        return True
    if not all(isinstance(x, (int, float)) for x in (a, b)):
        return False
    return abs(a - b) <= max(unit * (1 + 1e-6), SEEN * max(abs(a), abs(b)))


def _interval(value):
    if value.get("ci_low") is not None and value.get("ci_high") is not None:
        return value["ci_low"], value["ci_high"]
    if value.get("standard_error") is not None and isinstance(value["value"], (int, float)):
        reach = Z_95 * value["standard_error"]
        return value["value"] - reach, value["value"] + reach
    return None


def _alike(one, other):
    """Whether the ends of two intervals are no further apart than the narrower one is wide."""
    width = min(high - low for low, high in (one, other))
    return all(a == b or abs(a - b) <= width for a, b in zip(one, other, strict=True))


def _inside(number, interval):
    return isinstance(number, (int, float)) and interval is not None and interval[0] <= number <= interval[1]


def _shown(value):
    if isinstance(value["value"], float) and 0 < abs(value["value"]) < LEAST_SHOWN:
        return f"{value['value']:.3g}"
    return words.with_interval(value["value"], value.get("ci_low"), value.get("ci_high"), digits=6) if isinstance(
        value["value"], float) else str(value["value"])  # fmt: skip


def _recorded(value):
    return tuple(number if isinstance(number := value.get(field), (int, float)) else None
                 for field in ("value", "ci_low", "ci_high"))  # fmt: skip


# --- cells of tables ---


def _cells(rows):
    """Cells of a table by row and column, each with the ends of its interval where they have columns of their own."""
    if not rows:
        return {}
    header, *body = rows
    cells, seen = {}, {}
    for row in body:
        n_words = next((k for k, text in enumerate(row) if re.match(r"[\W\d]", text)), 1)  # of prose, its heading
        label = " ".join(text for text in row[: max(n_words, 1)] if text)
        seen[label] = seen.get(label, 0) + 1
        label += f" ({seen[label]})" if seen[label] > 1 else ""
        by_column = dict(zip(header, row, strict=True))
        for column, text in by_column.items():
            stem = re.sub("_(low|high)$", "", column)
            if stem != column and stem in by_column:
                continue  # part of its value's cell
            ends = [by_column.get(f"{column}_{end}", "") for end in ("low", "high")]
            cells[f"{label}: {column}"] = f"{text} [{', '.join(ends)}]" if any(ends) else text
    return cells


def _unrounded(rows):
    """The columns of a table with numbers of more digits than are printed; those that end in zeros have fewer."""
    header, *body = rows or [()]
    return [column for column, *cells in zip(header, *body, strict=True) if any(map(MANY_DIGITS.fullmatch, cells))]


def _of_cells(unrounded, what, one, other):
    if one == other:
        return "equal"
    whole = any(what.endswith(f": {column}") for column in unrounded)  # then a short number was not rounded either
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return "beyond"
    pairs = list(zip(NUMBER.findall(one), NUMBER.findall(other), strict=True))
    units = [0.0 if whole else min(filter(None, map(_unit, pair)), default=0.0) for pair in pairs]
    if all(_rounds(float(a), float(b), unit) for (a, b), unit in zip(pairs, units, strict=True)):
        return "within rounding"
    intervals = [INTERVAL.search(cell) for cell in (one, other)]
    if None in intervals or one.startswith("["):
        return "beyond"
    first, second = (tuple(float(end) for end in found.groups()) for found in intervals)
    beside = [NUMBER.findall(cell.replace(found[0], "")) for cell, found in zip((one, other), intervals, strict=True)]
    if not all(beside):
        return "beyond"
    (a, *counts), (b, *others) = ([float(text) for text in side] for side in beside)
    if counts != others and not _is_share(a, counts) * _is_share(b, others) * (counts[1:] == others[1:]):
        return "beyond"
    inside = _inside(a, second) and _inside(b, first) and _alike(first, second)
    return "within its interval" if inside else "beyond"


def _is_share(percent, counts):
    """Whether a number is the share of two counts, "63 of 79", in per cent with two decimals."""
    return len(counts) == 2 and counts[1] > 0 and abs(percent - 100 * counts[0] / counts[1]) < 0.006


def _written(cell):
    """The number with which a cell begins, and its interval."""
    number, interval = NUMBER.match(cell), INTERVAL.search(cell)
    return number and number[0], *(interval.groups() if interval else (None, None))


def _unit(text):
    """A unit of the last printed digit; 0 of a whole number, which may be a count."""
    decimals = re.fullmatch(r"-?\d+\.(\d+)", text)
    return 10.0 ** -len(decimals[1]) if decimals else 0.0
