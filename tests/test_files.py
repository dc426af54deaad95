"""Files are whole, and as readable as other new files."""

import os

import pytest

from study import files


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_file_may_be_read_by_those_who_may_read_the_rest(tmp_path, mask, mode):
    """Whatever the library that wrote it made of it."""
    before = os.umask(mask)
    try:
        with files.whole(tmp_path / "weights") as partial:
            partial.touch(0o600)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "weights").stat().st_mode & 0o777 == mode


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    files.write_text(tmp_path / "table", "old")
    with pytest.raises(OSError, match="full"), files.whole(tmp_path / "table") as partial:
        partial.write_text("ne")
        raise OSError("full")
    assert (tmp_path / "table").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_table_replaces_no_folder_and_no_file_but_its_own_earlier_version(tmp_path):
    header = ["finding", "why it cannot be"]
    files.refuse_to_replace(tmp_path / "new.csv", header)
    (tmp_path / "old.csv").write_text("finding,why it cannot be\n1,2\n")
    files.refuse_to_replace(tmp_path / "old.csv", header)
    (tmp_path / "list.yaml").write_text("paper: x\n")
    (tmp_path / "empty.csv").touch()
    for name in ("list.yaml", "empty.csv"):
        with pytest.raises(ValueError, match="another file of this name"):
            files.refuse_to_replace(tmp_path / name, header)
    with pytest.raises(ValueError, match="this is a folder"):
        files.refuse_to_replace(tmp_path, header)
