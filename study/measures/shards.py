"""The shards of a cohort: each holds every n-th scan, and all that is measured on them, in one file.

Whoever processes a shard writes its file; who needs the whole cohort joins the files, which takes the same tables
whatever the number of shards. The files are JSON, which keeps every digit and every character.
"""

import pandas as pd

from study.files import read_json, write_json
from study.measures import per_scan
from study.plural import count
from study.scans import refusals

TABLES = {**per_scan.COLUMNS, "refused": refusals.COLUMNS}


def path_of(folder, shard, n_shards):
    """Path of a shard's file, such as ``shards/0-of-4.json``."""
    return folder / f"{shard}-of-{n_shards}.json"


def write(path, measured, variants, agreement, truth, refused):
    """Write a shard's file, once all its scans are done.

    Parameters
    ----------
    path : Path
    measured, variants, agreement, truth : DataFrame
        From :func:`study.measures.per_scan.measure_scans`.
    refused : DataFrame
        All scans of the shard that could not be segmented or measured.
    """
    days = measured["scan_date"].map(lambda day: None if pd.isna(day) else f"{day:%Y-%m-%d}") if len(measured) else None
    tables = dict(zip(TABLES, (measured.assign(scan_date=days), variants, agreement, truth, refused), strict=True))
    write_json(path, {name: table.to_dict("records") for name, table in tables.items()})


def join(folder, n_shards, scans):
    """Join the files of all shards.

    Parameters
    ----------
    folder : Path
        With the shards' files.
    n_shards : int
    scans : DataFrame
        The scans of the cohort, whose order the tables get.

    Returns
    -------
    measured, variants, agreement, truth, refused : DataFrame
        As :func:`write` got them; refused are first the scans that could not be segmented.

    Raises
    ------
    ValueError
        If a file is missing, if the files do not hold exactly these scans, or if no scan at all could be measured.
    """
    place = {scan_id: k for k, scan_id in enumerate(scans["scan_id"])}
    rows = {name: [] for name in TABLES}
    for shard in range(n_shards):
        path = path_of(folder, shard, n_shards)
        if not path.is_file():
            raise ValueError(
                f"{path}: there is no such file, so scans {shard + 1}, {shard + 1 + n_shards}, ... are missing; "
                f"execute this notebook with shard = {shard}, or `study run`, which executes all shards"
            )
        tables = read_json(path)
        if {row["scan_id"] for name in ("measured", "refused") for row in tables[name]} != set(
            scans["scan_id"][shard::n_shards]
        ):
            raise ValueError(f"{path}: it is of other scans than the cohort's; remove it and run `study run` again")
        for name in TABLES:
            rows[name] += tables[name]
    if not rows["measured"]:
        first = rows["refused"][0]
        raise ValueError(
            f"of {count(len(rows['refused']), 'scan')} none could be segmented and measured; {first['file']}: "
            f"{first['what']}; {first['remedy']}. `study check` lists what it finds wrong with each scan"
        )
    for table in rows.values():
        table.sort(key=lambda row: (row.get("stage") == "measure", place[row["scan_id"]]))
    measured, *others = (pd.DataFrame(rows[name], columns=columns) for name, columns in TABLES.items())
    return measured.assign(scan_date=pd.to_datetime(measured["scan_date"])), *others
