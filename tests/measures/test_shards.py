"""The shards' files: what is joined is what was measured, whatever the number of shards."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from study.files import write_table
from study.measures import shards


def measured_on(scans):
    """Tables with what a file has to keep: all digits, no number, no text, line ends, an id that looks like one."""
    named = scans[["scan_id", "patient_id"]]
    measured = scans.drop(columns="k").assign(
        poi=[1 / (k + 3) for k in scans["k"]],
        ihu=[np.nan if k % 3 == 0 else -500.1 - k / 7 for k in scans["k"]],
        notes=["a; b" if k == 4 else None for k in scans["k"]],
        report=[f'"Grösse", Nr. {k}\r\nunverändert' for k in scans["k"]],
    )
    variants = scans[["scan_id"]].assign(smaller_poi=1 / (scans["k"] + 7), true_poi=np.nan)
    is_observed = scans["k"] % 4 == 0
    agreement = named.assign(status="severe", observers=1 / (scans["k"] + 1.7))[is_observed].reindex(
        columns=shards.TABLES["agreement"]
    )
    truth = named.assign(status="severe", motion=scans["k"] == 1, n_lesions=scans["k"])
    truth = truth.reindex(columns=shards.TABLES["truth"])
    return measured, variants.reindex(columns=shards.TABLES["variants"]), agreement, truth


def refused_of(scans, stage):
    return pd.DataFrame([[*row, "f", "w", "r", stage] for row in scans[["scan_id", "patient_id"]].to_numpy()],
                        columns=shards.TABLES["refused"])  # fmt: skip


@pytest.fixture
def scans():
    k = np.arange(11)
    dates = pd.to_datetime([None if n == 5 else f"2020-02-{n + 1:02d}" for n in k])
    return pd.DataFrame({"scan_id": [f"0{n}1" for n in k], "patient_id": "P", "scan_date": dates,
                         "status": "severe", "k": k})  # fmt: skip


def write(folder, scans, n_shards):
    """Write all shards; scans 2 and 7 cannot be segmented, 3 cannot be measured."""
    for shard in range(n_shards):
        part = scans[shard::n_shards]
        done = part[~part["k"].isin([2, 3, 7])]
        refused = [refused_of(part[part["k"].isin([2, 7])], "segment"), refused_of(part[part["k"] == 3], "measure")]
        shards.write(shards.path_of(folder, shard, n_shards), *measured_on(done), pd.concat(refused))


def as_bytes(folder, tables):
    for k, table in enumerate(tables):
        write_table(folder / f"{k}.csv", table)
    return [(folder / f"{k}.csv").read_bytes() for k in range(len(tables))]


@pytest.mark.parametrize("n_shards", [2, 4, 11])
def test_joined_tables_do_not_depend_on_the_number_of_shards(scans, tmp_path, n_shards):
    write(tmp_path, scans, 1)
    write(tmp_path, scans, n_shards)
    whole, joined = shards.join(tmp_path, 1, scans), shards.join(tmp_path, n_shards, scans)
    assert as_bytes(tmp_path, joined) == as_bytes(tmp_path, whole)
    for one, other in zip(whole, joined, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_joined_tables_are_those_that_were_measured(scans, tmp_path):
    write(tmp_path, scans, 1)
    tables = measured_on(scans[~scans["k"].isin([2, 3, 7])])
    *joined, refused = shards.join(tmp_path, 1, scans)
    assert as_bytes(tmp_path, joined) == as_bytes(tmp_path, tables)
    for one, other in zip(tables, joined, strict=True):
        for name in one.select_dtypes("number"):
            np.testing.assert_array_equal(one[name], other[name])
    assert refused[["scan_id", "stage"]].to_numpy().tolist() == [
        ["021", "segment"], ["071", "segment"], ["031", "measure"],
    ]  # fmt: skip


def test_the_file_is_json_without_nan(scans, tmp_path):
    write(tmp_path, scans, 1)
    rows = json.loads(shards.path_of(tmp_path, 0, 1).read_text(), parse_constant=pytest.fail)["measured"]
    assert rows[0]["ihu"] is None and rows[3]["scan_date"] is None
    joined = shards.join(tmp_path, 1, scans)[0]
    assert math.isnan(joined["ihu"][0]) and joined["scan_date"].isna().tolist() == [k == 3 for k in range(8)]


def test_a_shard_that_is_missing_or_of_other_scans_is_named(scans, tmp_path):
    write(tmp_path, scans, 3)
    with pytest.raises(ValueError, match=r"0-of-3\.json: it is of other scans than the cohort's; remove it"):
        shards.join(tmp_path, 3, scans[1:])
    shards.path_of(tmp_path, 1, 3).unlink()
    with pytest.raises(ValueError, match=r"1-of-3\.json: there is no such file, so scans 2, 5, \.\.\. are missing"):
        shards.join(tmp_path, 3, scans)


def test_a_shard_of_bad_scans_is_no_error_but_a_cohort_of_bad_scans_is(scans, tmp_path):
    nothing = measured_on(scans[:0])
    for shard in range(2):
        part = scans[shard::2]
        shards.write(shards.path_of(tmp_path, shard, 2), *nothing, refused_of(part, "segment"))
    with pytest.raises(ValueError, match="of 11 scans none could be segmented and measured; f: w; r"):
        shards.join(tmp_path, 2, scans)
    part = scans[1::2]
    shards.write(shards.path_of(tmp_path, 1, 2), *measured_on(part), refused_of(part[:0], "segment"))
    measured, *_, refused = shards.join(tmp_path, 2, scans)
    assert measured["scan_id"].tolist() == part["scan_id"].tolist() and len(refused) == 6
