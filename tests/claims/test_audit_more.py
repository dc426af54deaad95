"""What the audit asks of shares, tests, curves, samples and dates, against slow references; remarks and tables."""

import itertools
import math
import re

import numpy as np
import pytest

from helpers.tables import ask, findings, read, written
from study.claims import audit, audit_repairs, audit_rules, audit_samples, audit_shares, paper
from study.claims.audit_curves import error_bounds
from tools import honest_tables, simulate_audit

# ---- shares


def test_the_interval_of_a_share_is_named_or_is_none():
    given = {"share": "77.8 %", "count": "14", "total": "18", "low": "54.8 %", "high": "91.0 %"}
    assert "the interval is Wilson's" in ask("share", **given).words
    assert not ask("share", **given, method="exact").holds
    other = ask("share", **{**given, "low": "55.6 %", "high": "94.4 %"})  # 10 and 17 of 18
    assert other.holds and other.loosely and "its ends are shares of 18" in other.words
    assert "its ends are not both shares of 18" in ask("share", **{**given, "low": "57.9 %", "high": "94.7 %"}).words
    assert not ask("share", **{**given, "low": "76.0 %", "high": "79.0 %"}).holds


def test_an_interval_without_width_is_one_of_none_or_of_all():
    for share, count in (("0.0 %", "0"), ("100.0 %", "31")):
        given = {"share": share, "count": count, "total": "31", "low": share, "high": share}
        answer = ask("share", **given)
        assert answer.holds and not answer.loosely and "the interval is Wald's" in answer.words  # by formula
        assert ask("share", **given, method="bootstrap").holds  # all resamples are alike
        assert not ask("share", **given, method="wilson").holds
    some = {"share": "3.2 %", "count": "1", "total": "31", "low": "3.2 %", "high": "3.2 %"}
    assert not ask("share", **some).holds and not ask("share", **some, method="bootstrap").holds


def test_the_score_interval_of_a_difference_agrees_with_a_search_of_its_shares():
    rng = np.random.default_rng(4)
    for _ in range(15):
        sizes = [int(n) for n in rng.integers(5, 200, 2)]
        counts = [int(rng.integers(0, n + 1)) for n in sizes]
        found = audit_shares.miettinen_nurminen(counts[0], sizes[0], counts[1], sizes[1])
        assert found == pytest.approx(honest_tables.score_interval(counts, sizes), abs=1e-6)


def test_a_difference_may_be_that_of_the_shares_as_printed():
    given = {"difference": "15 %", "shares": ["92 %", "77 %"], "totals": ["66", "61"]}
    assert ask("difference", **given).holds  # 61 of 66 less 47 of 61 is 15.4 %, 15 % as well
    assert ask("difference", **{**given, "difference": "-15 %"}).holds
    assert not ask("difference", **{**given, "difference": "18 %"}).holds
    assert not ask("difference", **{**given, "totals": ["66", "5"]}).holds  # no count of 5 is 77 %


# ---- yes-or-no tests


def test_the_measures_of_a_test_are_of_one_table():
    given = {"positives": "20", "negatives": "30", "ppv": "0.80", "npv": "0.87"}
    tables = [(tp, tn) for tp, tn in itertools.product(range(21), range(31))
              if tp + 30 - tn and tn + 20 - tp and 0.795 <= tp / (tp + 30 - tn) <= 0.805
              and 0.865 <= tn / (tn + 20 - tp) <= 0.875]  # fmt: skip
    assert tables and ask("diagnostic", **given).holds
    assert not ask("diagnostic", **given, accuracy="0.70").holds
    assert not ask("diagnostic", **given, true_positives="21").holds
    assert not ask("diagnostic", positives="20", true_positives="15", false_negatives="6", negatives="30",
                   ppv="0.80").holds  # fmt: skip
    assert "sensitivity is 66.667 or 68.333, not 67.7" in ask(
        "diagnostic", positives="60", negatives="180", sensitivity="67.7 %").words  # fmt: skip


def test_predictive_values_at_a_prevalence_follow_bayes():
    given = {"sensitivity": "90 %", "specificity": "80 %", "prevalence": "10 %"}
    assert ask("diagnostic", **given, ppv="33 %", npv="98.6 %").holds  # 0.09 / 0.27
    assert not ask("diagnostic", **given, ppv="82 %").holds
    assert ask("diagnostic", sensitivity="0.90", specificity="0.80", positive_ratio="4.5", negative_ratio="0.12").holds
    with pytest.raises(ValueError, match="prevalence"):
        ask("diagnostic", sensitivity="0.90", specificity="0.80", ppv="0.82")


# ---- odds ratios


def test_a_p_against_its_interval_is_remarked_whatever_the_method():
    given = {"estimate": "2.41", "low": "1.12", "high": "5.19"}
    for method in ({}, {"method": "profile"}):
        found = ask("odds_ratio", **given, p="0.15", **method)
        assert found.holds and found.loosely and "leaves out 1, as where p is below 0.05" in found.words
    assert "leaves out" not in ask("odds_ratio", **given, p="0.04", method="profile").words
    assert (
        "contains 1" in ask("odds_ratio", estimate="1.95", low="0.98", high="3.88", p="0.024", method="profile").words
    )


# ---- curves


def delong(above):
    """DeLong's variance of the AUC from the comparisons (positives, negatives), the slow way."""
    m, n = above.shape
    auc = above.sum() / (m * n)
    first = sum((row.mean() - auc) ** 2 for row in above) / (m - 1)
    return auc, first / m + sum((column.mean() - auc) ** 2 for column in above.T) / (n - 1) / n


def test_delongs_error_lies_within_its_bounds_for_any_scores():
    rng = np.random.default_rng(2)
    for _ in range(100):
        m, n = rng.integers(3, 60, 2)
        ill, well = rng.beta(*rng.uniform(0.1, 4, 2), m), rng.beta(*rng.uniform(0.1, 4, 2), n)
        auc, variance = delong((ill[:, None] > well).astype(float))
        low, high = error_bounds(auc, int(m), int(n))
        assert low - 1e-3 <= math.sqrt(variance) <= high * 1.01


def test_delongs_least_error_is_reached():
    """Scores of both groups side by side, as the bound's curve rises with one slope."""
    m = 400
    low, _ = error_bounds(0.875, m, m)  # R(t) = min(1, t + 1/2)
    ill, well = np.arange(m) + 0.5 + m / 2, np.arange(m, dtype=float)
    auc, variance = delong((ill[:, None] > well).astype(float))
    assert auc == pytest.approx(0.875, abs=1e-3) and math.sqrt(variance) == pytest.approx(low, rel=0.01)


def test_the_form_of_the_interval_of_an_auc_is_named():
    given = {"auc": "0.871", "low": "0.806", "high": "0.936", "positives": "60", "negatives": "70"}
    assert "its form is wald" in ask("auc_interval", **given).words
    assert "its form is logit" in ask("auc_interval", **{**given, "low": "0.793", "high": "0.923"}).words
    assert ask("auc_interval", **{**given, "low": "0.799", "high": "0.925"}).loosely
    assert not ask("auc_interval", **{**given, "low": "0.868", "high": "0.874"}, scores="continuous").holds
    assert not ask("auc_interval", **{**given, "low": "0.60", "high": "1.10"}).holds


# ---- samples


@pytest.mark.parametrize("n", [2, 5, 7])
def test_whole_numbers_agree_with_a_list_of_all_samples(n):
    possible = {}
    for sample in itertools.combinations_with_replacement(range(1, 5), n):
        possible.setdefault(sum(sample), set()).add(sum(x * x for x in sample))
    for total, squares in itertools.product(range(n, 4 * n + 1), range(16 * n + 1)):
        if (total + squares) % 2 == 0:
            found = audit_samples._has_squares(n, total, squares, 1, 4)
            assert found == (squares in possible[total]), (n, total, squares)


def test_the_sd_of_a_range_has_a_least_value_too():
    given = {"n": "12", "mean": "51", "median": "50", "lowest": "31", "highest": "72"}
    assert ask("spread", **given, sd="9.0").holds and not ask("spread", **given, sd="7.9").holds
    free = {"n": "12", "mean": "51", "median": "50", "least": "31", "most": "72"}  # the ends need not be reached
    assert ask("spread", **free, sd="7.9").holds


def test_half_of_the_cases_lie_on_either_side_of_the_median():
    assert ask("spread", mean="0.62", n="20", median="0.80", least="0", most="1").holds
    assert not ask("spread", mean="0.35", n="20", median="0.80", least="0", most="1").holds


# ---- estimates


@pytest.mark.parametrize(("given", "holds", "loosely"), [
    ({"kind": "t", "value": "-2.31", "df": "38", "p": "0.026"}, True, False),
    ({"kind": "t", "value": "2.31", "df": "38", "p": "0.013"}, True, True),  # of one side
    ({"kind": "t", "value": "2.31", "df": "38", "p": "0.013", "sides": "two"}, False, False),
    ({"kind": "z", "value": "1.96", "p": "0.05"}, True, False),
    ({"kind": "F", "value": "4.10", "df": "2", "df2": "57", "p": "0.022"}, True, False),
    ({"kind": "chi-square", "value": "5.99", "df": "2", "p": "0.05"}, True, False),
    ({"kind": "chi-square", "value": "9.55", "df": "2", "p": "0.05"}, False, False),
])  # fmt: skip
def test_p_of_a_statistic(given, holds, loosely):
    answer = ask("statistic", **given)
    assert (answer.holds, answer.loosely) == (holds, loosely), answer.words


def test_a_statistic_needs_its_degrees_of_freedom():
    for given in ({"kind": "t"}, {"kind": "z", "df": "3"}, {"kind": "F", "df": "3"}, {"kind": "q", "df": "3"}):
        with pytest.raises(ValueError, match=r"degrees of freedom|write t, z"):
            ask("statistic", value="2.0", p="0.05", **given)


def test_the_interval_of_a_kappa_tells_its_error():
    given = {"n": "142", "observed": "0.9155", "kappa": "0.8220", "categories": "2"}
    assert "tells an error of 0.0492" in ask("agreement", **given, low="0.7256", high="0.9184").words
    assert not ask("agreement", **given, low="0.5256", high="0.9984", method="cohen").holds
    assert not ask("agreement", **given, error="0.0942", low="0.7256", high="0.9184").holds
    assert not ask("agreement", **given, low="0.8256", high="0.9184").holds


# ---- dates


@pytest.mark.parametrize(("days", "holds"), [
    (["23 January 2020", "2020-02-03", "12 Feb 2020"], True),
    (["12 February 2020", "23 January 2020"], False),
    (["01/02/2020", "13/02/2020"], True),
    (["03/02/2020", "01/03/2020"], True),  # the third of February and the first of March
])  # fmt: skip
def test_dates_are_in_order_in_one_of_their_readings(days, holds):
    assert ask("dates", dates=days).holds == holds


@pytest.mark.parametrize(("given", "fits"), [
    (
        {"first": "2 May 2019", "dates": ["14 May 2018"], "last": "30 September 2020"},
        "first: 2 May 2018, or any day to 14 May 2018; "
        "or date 1: 14 May 2019, or any day from 2 May 2019 to 30 September 2020",
    ),
    (
        {"first": "3 March 2021", "dates": ["12 April 2021", "4 July 2021"], "last": "30 June 2021"},
        "date 2: any day from 12 April 2021 to 30 June 2021; or last: 30 June 2022, or any day from 4 July 2021",
    ),
    (
        {"dates": ["2020-01-23", "2019-02-12"]},
        "date 1: 2019-01-23, or any day to 2019-02-12; or date 2: 2020-02-12, or any day from 2020-01-23",
    ),
    (
        {"dates": ["01/02/2021", "29/02/2020", "01/03/2020"]},  # 2021 has no 29 February
        "date 1: 01/02/2020, or any day to 29/02/2020",
    ),
    # Two digits may be a day, so no other year is tried.
    ({"dates": ["1 May 20", "1 April 20"]}, "date 1: any day to 1 April 20; or date 2: any day from 1 May 20"),
    ({"dates": ["3 May 2020", "2 May 2020", "1 May 2020"]}, audit_repairs.NONE_FITS),
])  # fmt: skip
def test_of_a_date_out_of_order_another_year_is_tried_and_the_bounds_are_named(tmp_path, given, fits):
    (found,) = findings(tmp_path, written("dates", given)).to_dict("records")
    assert found["what would fit"] == fits


def test_a_method_that_gives_what_is_printed_is_named_beside_the_one_that_does_not(tmp_path):
    table = {"counts": ["2", "9"], "totals": ["13", "14"], "method": "pearson"}
    for p, fits in [("0.018", True), ("0.8", False)]:  # Fisher's exact test gives 0.0183
        (found,) = findings(tmp_path, written("chi_square", table | {"p": p})).to_dict("records")
        assert found["why it cannot be"].endswith("Pearson 0.00977" if fits else "Pearson 0.01")
        named = "or another method: p of 2 of 13 against 9 of 14: Fisher 0.01831"
        assert found["what would fit"].endswith(named) == ("another method" in found["what would fit"]) == fits
    interval = {"share": "88.9 %", "total": "9", "low": "51.8 %", "high": "99.7 %", "method": "wilson"}
    (found,) = findings(tmp_path, written("share", interval)).to_dict("records")
    assert "another method: 8 of 9 is 88.9 %; the interval is Clopper and Pearson's" in found["what would fit"]
    # A bootstrap could give almost any interval, which says nothing.
    (found,) = findings(tmp_path, written("share", interval | {"low": "53.0 %"})).to_dict("records")
    assert "another method" not in found["what would fit"]


def test_arguments_in_lists_are_called_as_people_count(tmp_path):
    groups = [("21", "5.10", "0.20"), ("19", "9.90", "0.30")]
    for rule, given, said in [
        ("t_test", {"groups": groups, "p": "0.62"}, "group 1, n: 21; group 1, mean: 5.10; group 1, sd: 0.20; group 2"),
        ("dates", {"dates": ["2 May 2020", "1 May 2020"]}, "date 1: 2 May 2020; date 2: 1 May 2020"),
        ("chi_square", {"table": [["3", "67"], ["60", "4"]], "p": "0.70"}, "table, row 1, column 2: 67; table, row 2"),
    ]:
        (found,) = findings(tmp_path, written(rule, given)).to_dict("records")
        assert said in found["printed"]
        assert not re.search(r"\.\d+(\.\w+)?: ", found["printed"] + found["what would fit"])


def test_what_is_no_date_is_refused():
    with pytest.raises(ValueError, match="no date"):
        ask("dates", dates=["the day after", "2 May 2020"])


# ---- what a report says, and files


def test_every_rule_has_its_formula():
    assert audit_rules.FORMULAS.keys() == audit_rules.RULES.keys()


T_TEST = """
relations:
- {rule: t_test, where: T, p: "0.04",
   groups: [{n: "40", mean: "50.0", sd: "10.0"}, {n: "40", mean: "54.0", sd: "10.0"}]%s}
"""


def test_what_holds_by_a_method_that_is_not_named_is_a_remark(tmp_path):
    checks = audit.audit(read(tmp_path, T_TEST % ""))
    assert (
        not len(audit.findings(checks))
        and "Mann and Whitney's can be 0.04" in audit.remarks(checks)["holds only if"][0]
    )
    named = audit.audit(read(tmp_path, T_TEST % ", method: mann-whitney"))
    assert not len(audit.findings(named)) and not len(audit.remarks(named))
    (found,) = audit.findings(audit.audit(read(tmp_path, T_TEST % ", method: t")))["method and formula"]
    assert found.startswith("t: Student's t =")


def test_the_head_of_a_file_names_the_methods_of_its_relations(tmp_path):
    head = "methods: {t_test: t}"
    assert len(audit.findings(audit.audit(read(tmp_path, head + T_TEST % ""))))
    assert not len(audit.findings(audit.audit(read(tmp_path, head + T_TEST % ", method: mann-whitney"))))
    for wrong, said in (("{t_tset: t}", "did you mean `t_test`"), ("{sum: t}", "no rule `sum` with a method"),
                        ("{t_test: 3}", "write a word"), ("t", "write {rule: method")):  # fmt: skip
        with pytest.raises(paper.PaperError, match=said):
            read(tmp_path, f"methods: {wrong}" + T_TEST % "")


CSV = """id,where,quantity,published,low,high,unit,n,same
a,Abstract,AUC,.84,.77,.91,,61,auc
b,Table 2,AUC,.48,.40,.56,,,auc
"""


def test_a_csv_file_of_numbers_is_read_alone_and_beside_yaml(tmp_path):
    (tmp_path / "numbers.csv").write_text(CSV + 'n,Table 2,patients,"1,110",,,patients,,\n', encoding="utf-8-sig")
    table = audit.findings(audit.audit(tmp_path / "numbers.csv"))
    assert set(table["rule"]) == {"same"} and len(table) == 3  # the number and both ends
    text = "numbers: numbers.csv\nrelations:\n- {rule: sum, total: n, parts: ['1,100', '20']}"
    found = audit.findings(audit.audit(read(tmp_path, text)))
    assert found["rule"].tolist() == ["same"] * 3 + ["sum"] and "1,110" in found["printed"].iloc[-1]
    (tmp_path / "numbers.csv").write_text(CSV.replace(",", ";"), encoding="utf-8")
    assert len(audit.audit(tmp_path / "numbers.csv")) == len(audit.audit(read(tmp_path, "numbers: numbers.csv"))) > 4


@pytest.mark.parametrize(("text", "said"), [
    ("id,where,quantity\na,T,AUC\n", "no column 'published'"),
    ("id,where,quantity,printed\n", "unknown or doubled column 'printed'"),
    ("id,where,quantity,published\na,T,patients,1,110\n", "line 2 of n.csv has 5 cells, the head 4; put 1,110"),
    ("id,where,quantity,published\na,T,AUC,abc\n", "line 2 of n.csv, T, a: `published` is 'abc'"),
    ("id,where,quantity,published,low\na,T,AUC,.8,.7\n", "write two quoted numbers"),
    ("", "no column 'id'"),
])  # fmt: skip
def test_a_csv_file_that_is_no_table_of_numbers_is_refused(tmp_path, text, said):
    (tmp_path / "n.csv").write_text(text)
    with pytest.raises(paper.PaperError, match=said):
        paper.read_paper(tmp_path / "n.csv")
    with pytest.raises(paper.PaperError, match="no such file"):
        paper.read_paper(tmp_path / "none.csv")


# ---- the simulation's own judgement


def test_an_error_is_detectable_only_where_a_true_table_cannot_print_it():
    rng = np.random.default_rng(0)
    table = honest_tables.share(rng, "alone")
    relation = {"rule": "share", "count": "17", "total": "26", "share": "0.654"}
    assert not simulate_audit.detectable(rng, relation, table.again, {})
    assert simulate_audit.detectable(rng, {**relation, "share": "0.645"}, table.again, {})
    relation = {"rule": "share", "count": "17", "total": "26", "share": "0.654", "low": "0.70", "high": "0.81"}
    assert simulate_audit.detectable(rng, relation, None, {})  # outside its interval, whatever made that


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"kind": "t", "value": "2.10", "df": "238", "p": "0.004"}, "p: 0.037; or value: 2.91"),
        ({"kind": "z", "value": "2.10", "p": "0.004"}, "p: 0.036; or value: 2.88"),
        ({"kind": "t", "value": "2.10", "df": "238", "p": "0.004", "sides": "one"}, "p: 0.018"),
        ({"kind": "chi-square", "value": "4.41", "df": "1", "p": "0.004"}, "p: 0.036; or value: 8.28"),
        ({"kind": "F", "value": "4.41", "df": "1", "df2": "238", "p": "0.004"}, "p: 0.037; or value: 8.45"),
    ],
)
def test_what_would_fit_a_statistic_is_of_both_sides_unless_the_file_says_one(tmp_path, given, fits):
    """Chi-square with 1 degree of freedom and F with 1 and df2 are the squares of z and t: their p is of both sides."""
    (found,) = findings(tmp_path, written("statistic", given))["what would fit"]
    assert set(fits.split("; or ")) <= set(found.split("; or ")), found
    for fit in found.split("; or "):
        name, _, text = fit.partition(": ")
        assert not ask("statistic", **{**given, name: text}).loosely, fit


def test_a_sum_of_whole_numbers_that_fits_only_if_they_are_rounded_is_a_remark(tmp_path):
    text = (
        "A:\n  - {id: a, quantity: men, published: '112'UNIT}\n  - {id: b, quantity: women, published: '129'UNIT}\n"
        "  - {id: n, quantity: all, published: '240'UNIT}\nrelations:\n  - {rule: sum, total: n, parts: [a, b]}\n"
    )
    checks = audit.audit(read(tmp_path, text.replace("UNIT", "")))
    assert not len(audit.findings(checks)) and "no counts" in audit.remarks(checks)["holds only if"].item()
    for unit in ("patients", "participants", "women", "eyes"):
        assert len(audit.findings(audit.audit(read(tmp_path, text.replace("UNIT", f", unit: {unit}"))))) == 1
    with pytest.raises(paper.PaperError, match="`unit` is 'patient'; did you mean `patients`"):
        read(tmp_path, text.replace("UNIT", ", unit: patient"))


@pytest.mark.parametrize(
    ("p", "holds"), [("0.010", False), ("0.025", False), ("0.0010", True), ("0.0016", True), ("0.0011", True)]
)
def test_the_p_value_of_ranks_is_near_that_of_their_approximations(p, holds):
    """Of r = 0.45 and 50 pairs: 0.0010 by Student's t, 0.0016 by the normal distribution."""
    assert ask("correlation", r="0.450", n="50", p=p, method="spearman").holds == holds
    assert ask("correlation", r="0.450", n="50", p="0.0010").holds  # of which nothing is said


def test_of_an_interval_that_is_not_walds_the_digits_are_named_with_which_it_would_be():
    answer = ask("odds_ratio", estimate="18.762", low="10.056", high="35.000")
    assert answer.holds and "(with 35.005 for 35.000 or 10.058 for 10.056 it would be one)" in answer.words
