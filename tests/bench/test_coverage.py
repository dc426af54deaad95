"""The bench on coverage and size: a row for each method and each size of cohort, with the targets of ours."""

from bench import coverage
from tools.simulate_coverage import DESIGNS


def test_every_method_has_a_row_for_each_design(monkeypatch):
    monkeypatch.setattr(coverage, "SIZES", {"groups": coverage.SIZES["groups"]})  # the models take longer
    found = coverage.table(n_runs=8)
    assert set(found["design"]) == set(DESIGNS) and found["share"].between(0, 1).all()
    ours = found[found["target"] != ""]
    assert set(ours["by"]) == set(coverage.TARGETS) - {"added: patients, GEE", "model: patients, GEE"}
    assert ours.groupby("design")["by"].nunique().eq(5).all() and len(found) > len(ours)
    usual = found[(found["what"] == "size") & found["by"].str.contains("scans")]
    assert usual["target"].eq("").all() and len(usual) == 6
