"""A run for what is saved into its folder of figures."""

import pytest

from study.files import write_json
from study.run import Run


@pytest.fixture
def synthetic(tmp_path):
    """A run of synthetic patients that has not drawn anything yet."""
    run = Run("made", tmp_path)
    write_json(run.cohort / "cohort.json", {"tier": "synthetic"})
    return run
