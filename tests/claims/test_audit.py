"""The audit finds what was planted, rule by rule, accuses no true paper, and finds what this paper has."""

import re

import pytest

from helpers.tables import ask, findings, read, written
from study.claims import audit, audit_repairs, audit_rules, paper, quantities
from study.claims.printed import read_number

# ---- each rule: true numbers, the same with one planted error, and what would fit

TRUE = {
    "sum": {"total": "196", "parts": ["32", "164"]},
    "order": {"lower": "196", "upper": "531"},
    "share": {"share": "92.41 %", "count": "73", "total": "79"},
    "spread": {"mean": "0.74", "n": "30", "sd": "0.28", "median": "0.79", "lowest": "0", "highest": "1"},
    "pooled": {"groups": [("32", "56", "14"), ("164", "45", "14")], "n": "196", "mean": "47", "sd": "15"},
    "t_test": {"groups": [("32", "56", "14"), ("164", "45", "14")], "p": "<0.001"},
    "chi_square": {"counts": ["14", "82"], "totals": ["32", "164"], "p": "0.52"},
    "agreement": {"n": "142", "observed": "0.9155", "kappa": "0.8220", "error": "0.0492", "first": "54",
                  "second": "56"},
    "strength": {"kappa": "0.8220", "word": "very good"},
    "odds_ratio": {"estimate": "1.824", "low": "1.430", "high": "2.326", "p": "<0.001"},
    "likelihood": {"aic": "174.877", "parameters": "2", "positives": "79", "total": "531"},
    "nested": {"smaller": "174.877", "larger": "173.767", "added": "1", "p": "0.078"},
    "roc": {"sensitivity": "92.41 %", "specificity": "90.49 %", "auc": "0.9680", "cut_off": "youden"},
    "dates": {"first": "23 January 2020", "dates": ["27 January 2020", "5 February 2020"], "last": "12 February 2020"},
    "difference": {"difference": "14.2 %", "counts": ["73", "61"], "totals": ["79", "78"], "low": "3.1 %",
                   "high": "25.3 %"},
    "diagnostic": {"positives": "79", "negatives": "452", "sensitivity": "92.41 %", "specificity": "90.49 %",
                   "ppv": "62.93 %", "npv": "98.55 %", "accuracy": "0.908", "f1": "0.749", "youden": "0.829",
                   "positive_ratio": "9.71", "negative_ratio": "0.084"},
    "whole_numbers": {"mean": "3.47", "n": "19", "sd": "1.22", "lowest": "1", "highest": "5"},
    "statistic": {"kind": "t", "value": "2.31", "df": "38", "p": "0.026"},
    "correlation": {"r": "0.61", "n": "40", "low": "0.37", "high": "0.77", "p": "<0.001",
                    "method": "pearson"},
    "icc": {"icc": "0.85", "n": "30", "raters": "2", "low": "0.71", "high": "0.93", "method": "one-way"},
    "auc_interval": {"auc": "0.871", "low": "0.806", "high": "0.936", "positives": "60", "negatives": "70",
                     "scores": "continuous", "method": "wald"},
}  # fmt: skip
PLANTED = [
    ("sum", "total", "169"), ("order", "lower", "532"), ("share", "share", "94.21 %"), ("share", "count", "78"),
    ("share", "total", "97"), ("spread", "median", "0.09"), ("spread", "sd", "0.82"), ("spread", "mean", "1.74"),
    ("pooled", "mean", "74"), ("pooled", "n", "169"), ("pooled", "sd", "51"), ("t_test", "p", "0.21"),
    ("chi_square", "p", "0.05"), ("chi_square", "counts", ["41", "82"]), ("agreement", "n", "124"),
    ("agreement", "observed", "0.9515"), ("agreement", "kappa", "0.8202"), ("agreement", "error", "0.0942"),
    ("agreement", "observed", "0.91"), ("agreement", "first", "60"), ("agreement", "second", "63"),
    ("strength", "word", "good"), ("odds_ratio", "estimate", "1.284"),
    ("odds_ratio", "high", "3.226"), ("odds_ratio", "p", "0.41"), ("likelihood", "aic", "476.160"),
    ("likelihood", "aic", "2.5"), ("nested", "larger", "177.367"), ("nested", "p", "0.007"), ("roc", "auc", "0.9868"),
    ("roc", "auc", "0.8063"),
    ("dates", "last", "2 February 2020"), ("dates", "first", "3 February 2020"),
    ("difference", "difference", "12.4 %"), ("difference", "counts", ["37", "61"]), ("difference", "high", "52.3 %"),
    ("diagnostic", "ppv", "69.23 %"), ("diagnostic", "npv", "95.85 %"), ("diagnostic", "accuracy", "0.980"),
    ("diagnostic", "f1", "0.794"), ("diagnostic", "youden", "0.289"), ("diagnostic", "positive_ratio", "7.91"),
    ("diagnostic", "negative_ratio", "0.48"), ("diagnostic", "sensitivity", "94.21 %"),
    ("diagnostic", "positives", "97"), ("whole_numbers", "mean", "3.74"), ("whole_numbers", "mean", "3.45"),
    ("whole_numbers", "sd", "2.12"), ("whole_numbers", "sd", "0.11"), ("statistic", "value", "3.21"),
    ("statistic", "p", "0.062"), ("correlation", "r", "0.16"), ("correlation", "high", "0.97"),
    ("correlation", "n", "400"), ("icc", "low", "0.17"), ("icc", "icc", "0.58"), ("auc_interval", "auc", "0.781"),
    ("auc_interval", "low", "0.608"), ("auc_interval", "positives", "6"), ("share", "total", "78"),
    ("spread", "mean", "0.04"),
]  # fmt: skip


@pytest.mark.parametrize("rule", audit_rules.RULES)
def test_every_rule_accepts_true_numbers(rule):
    assert ask(rule, **TRUE[rule]).holds


@pytest.mark.parametrize(("rule", "name", "wrong"), PLANTED)
def test_every_rule_finds_a_planted_error(rule, name, wrong):
    answer = ask(rule, **{**TRUE[rule], name: wrong})
    assert not answer.holds and answer.words


@pytest.mark.parametrize(("rule", "name", "wrong"), [plant for plant in PLANTED if isinstance(plant[2], str)])
def test_what_is_said_to_fit_fits(tmp_path, rule, name, wrong):
    given = {**TRUE[rule], name: wrong}
    checks = audit.audit(read(tmp_path, written(rule, given)))
    (check,) = checks
    assert not check.holds
    if check.fits.startswith("no change"):
        return
    for fit in check.fits.split("; or "):
        label, said, text = fit.partition(": ")
        if not said:  # another level, or a weighted kappa
            continue
        days = re.findall(r"\d+ \w+ \d{4}", text)  # of a range the first and the last fit too
        for one in days if rule == "dates" else [text]:
            assert ask(rule, **changed(given, label, one)).holds, fit


def changed(given, label, text):
    """The same relation with one number replaced: "first", "part 2" or "group 1, mean"."""
    name, place, part = re.fullmatch(r"(.+?)(?: (\d+)(?:, (\w+))?)?", label).groups()
    if not place:
        return {**given, name.replace(" ", "_"): text}
    listed = list(given[f"{name}s"])
    one = int(place) - 1
    if part:
        listed[one] = tuple(text if p == part else x for p, x in zip(("n", "mean", "sd"), listed[one], strict=True))
    else:
        listed[one] = text
    return {**given, f"{name}s": listed}


def test_the_planted_error_is_among_what_would_fit(tmp_path):
    table = findings(tmp_path, written("share", {"share": "92.41 %", "count": "73", "total": "78"}))
    assert "total: 79" in table["what would fit"][0]
    table = findings(tmp_path, written("agreement", {**TRUE["agreement"], "kappa": "0.8226"}))
    assert table["what would fit"][0].startswith("kappa: 0.8220")


def test_what_would_fit_is_found_far_off(tmp_path):
    """A misprint in the first digit: 79 of 531 are 14.88 %, some thousand units of the last digit from 84.88 %."""
    table = findings(tmp_path, written("share", {"share": "84.88 %", "count": "79", "total": "531"}))
    assert table["what would fit"].tolist() == ["share: 14.88 %"]
    # Far off as well, where the rule itself names nothing: the SD of a mean that lies beyond an end.
    table = findings(tmp_path, written("spread", {"mean": "7.40", "n": "30", "sd": "0.10", "median": "0.79"}))
    assert {"mean: 0.90", "sd: 6.60"} <= set(table["what would fit"][0].split("; or "))


def test_where_no_single_change_is_found_it_says_so(tmp_path):
    two_wrong = {"counts": ["41", "82"], "totals": ["32", "64"], "p": "0.05"}
    table = findings(tmp_path, written("chi_square", two_wrong))
    assert table["what would fit"].tolist() == [audit_repairs.NONE_FITS]


# ---- which method an interval or a test was made by


PROFILE = {"estimate": "6.40", "low": "1.66", "high": "28.43"}  # by profile likelihood: 12 of 17 against 6 of 22


@pytest.mark.parametrize(
    ("change", "holds", "said"),
    [
        ({}, True, "no Wald interval; a profile-likelihood or exact interval can be so"),
        ({"method": "profile"}, True, "can be so"),
        ({"method": "wald"}, False, "so this is no Wald interval"),
        ({"estimate": "1.60"}, False, "1.60 is outside [1.66, 28.43]"),
        ({"high": "284.3"}, False, "nor a profile-likelihood or exact one: its arms differ by a factor of 2.8"),
        ({"p": "0.010"}, True, "can be so"),
        (
            {"estimate": "3.10", "low": "1.85", "high": "4.35"},
            True,
            "+- 1.96 standard errors, a wrong kind of interval",
        ),
        ({"estimate": "1.60", "low": "0.90", "high": "2.30", "method": "profile"}, True, "no Wald interval; a profile"),
        ({"p": "0.90"}, False, "if it is a profile-likelihood or exact interval, p is"),
        ({"low": "1.57", "high": "26.03", "p": "0.0095"}, True, "p from the interval = 0.0096"),
        ({"low": "1.31", "high": "33.11", "p": "0.010", "method": "exact"}, True, "can be so"),
    ],
)
def test_an_odds_ratio_with_an_interval_of_another_method_is_possible(change, holds, said):
    answer = ask("odds_ratio", **{**PROFILE, **change})
    assert answer.holds == holds and said in answer.words, answer.words


KAPPA = {"n": "61", "observed": "0.705", "kappa": "0.556"}  # 43 of 61 agree in three categories, chance 0.335
PAIR = {"n": "80", "observed": "0.800", "kappa": "0.596", "categories": "2"}  # 36 9 7 28


@pytest.mark.parametrize(
    ("change", "holds", "said"),
    [
        ({"categories": "3"}, True, "43 of 61 agree in 3 categories"),
        ({}, True, "43 of 61 agree, which is possible only in 3 or more categories; in two kappa is at most 0.4571"),
        ({"categories": "3", "kappa": "0.71"}, False, "kappa is -0.1731 to 0.5"),
        ({"kappa": "0.71"}, False, "kappa is -0.1731 to 0.7049"),
        ({"categories": "3", "observed": "0.711"}, False, "no table of 61 has agreement 0.711"),
        ({"categories": "3", "error": "0.088", "method": "cohen"}, True, "Cohen's error is 0.08"),
        ({"categories": "3", "error": "0.095", "method": "cohen"}, False, "Cohen's error is 0.08"),
        ({"categories": "3", "error": "0.095"}, True, "others within a factor of 2"),
        ({"categories": "3", "error": "0.88"}, False, "others within a factor of 2"),
        ({"weights": "quadratic", "kappa": "0.81", "error": "0.2"}, True, "a kappa with quadratic weights"),
        ({**PAIR, "error": "0.090", "method": "cohen"}, True, "Cohen 1960"),
        ({**PAIR, "error": "0.097"}, True, "none of the formulas known, but a bootstrap may give it"),
        ({**PAIR, "error": "0.097", "method": "jackknife"}, False, "kappa 0.596 and error 0.097"),
        ({**PAIR, "error": "0.197"}, False, "kappa 0.596 and error 0.197"),
    ],
)  # fmt: skip
def test_a_kappa_of_more_categories_or_with_another_error_is_possible(change, holds, said):
    answer = ask("agreement", **{**KAPPA, **change})
    assert answer.holds == holds and said in answer.words, answer.words


def test_a_unit_that_the_list_does_not_give_accuses_no_paper(tmp_path):
    text = "A:\n  - {id: age, quantity: age in years, published: '61'UNIT}\n"
    assert not len(audit.findings(audit.audit(read(tmp_path, text.replace("UNIT", "")))))
    assert len(audit.findings(audit.audit(read(tmp_path, text.replace("UNIT", ", unit: kg")))))


def test_an_interval_the_wrong_way_round_is_said_to_be(tmp_path):
    text = "A:\n  - {id: auc, quantity: AUC, published: '0.83', interval: ['0.89', '0.77']}\n"
    (finding,) = audit.findings(audit.audit(read(tmp_path, text))).to_dict("records")
    assert "above the upper" in finding["why it cannot be"] and finding["what would fit"] == "[0.77, 0.89]"


@pytest.mark.parametrize(("method", "right"), [("cohen", "0.0492"), ("fleiss", "0.0491")])
def test_the_error_that_fits_is_that_of_the_method_named(tmp_path, method, right):
    given = {
        "n": "142",
        "observed": "0.9155",
        "kappa": "0.8220",
        "error": "0.0942",
        "categories": "2",
        "method": method,
    }
    (fits,) = audit.findings(audit.audit(read(tmp_path, written("agreement", given))))["what would fit"]
    assert f"error: {right}" in fits


def test_a_kappa_that_needs_categories_of_which_nothing_is_said_is_a_remark(tmp_path):
    given = {"n": "361", "observed": ".914", "kappa": ".89"}  # in three categories at most 0.8738
    checks = audit.audit(read(tmp_path, written("agreement", given)))
    assert not len(audit.findings(checks))
    (words,) = audit.remarks(checks)["holds only if"]
    assert words.endswith("possible only in 4 or more categories; in two kappa is at most 0.8295")
    for said, holds in [("2", False), ("3", False), ("4", True)]:
        answer = ask("agreement", **given, categories=said)
        assert (answer.holds, answer.loosely) == (holds, False)
    # Nothing is remarked of a kappa that some table of two categories has.
    assert not ask("agreement", **{**PAIR, "categories": "2"}).loosely
    assert not ask("agreement", n="80", observed="0.800", kappa="0.596").loosely
    # An error too is possible in more categories only: Cohen's of a table of 61.
    for method in ("any", "cohen"):
        answer = ask("agreement", **KAPPA, error="0.088", method=method)
        assert answer.holds and answer.loosely


@pytest.mark.parametrize(("change", "said"), [
    ({"categories": "3", "first": "20"}, "count a rater's yes, but there are 3 categories"),
    ({"categories": "1"}, "whole number from 2"),
    ({"method": "delta"}, "write cohen, fleiss, null, jackknife, bootstrap"),
])  # fmt: skip
def test_an_agreement_of_another_form_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        ask("agreement", **{**KAPPA, **change})


# ---- what is checked without being asked


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ('quantity: men, published: "105", unit: "%"', "no share"),
        ('quantity: "kappa, change", published: "1.02"', "beyond its range"),
        ('quantity: AUC of it, published: "0.98", interval: ["0.92", "1.083"]', "1.083 is beyond"),
        ('quantity: AUC of it, published: "0.98", interval: ["0.90", "0.95"]', "outside its interval"),
        ('quantity: AUC of it, published: "0.98", interval: ["0.99", "0.95"]', "above the upper one"),
        ('quantity: iHU of severe scans, published: "412", unit: HU', "air"),
        ('quantity: iHU of severe scans, published: "-412", unit: mm', "given in mm"),
        ('quantity: "pitch, lowest", published: "0.99", unit: mm', "a ratio"),
        ('quantity: men, published: "10.5", unit: patients', "no count"),
        ('quantity: "age, mean", published: "447", unit: years', "that old"),
        ('quantity: p value of it, published: "1.2"', "probability"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_found_alone(tmp_path, fields, why):
    table = findings(tmp_path, f"Text:\n- {{id: a, {fields}}}")
    assert why in table["why it cannot be"][0] and table["where"][0] == "Text"


def test_the_weightiest_findings_come_first(tmp_path):
    text = """
Text:
  - {id: a, quantity: tube current, published: "30", unit: mAs}
  - {id: b, quantity: "kappa", published: "1.2"}
relations:
  - {rule: sum, where: Text, total: "5", parts: ["2", "2"], unless: one is not counted}
  - {rule: sum, where: Text, total: "7", parts: ["2", "2"]}
"""
    printed = findings(tmp_path, text)["printed"].tolist()
    assert [words.split(";")[0] for words in printed] == ["kappa: 1.2", "total: 7", "total: 5", "tube current: 30 mAs"]


def test_what_holds_under_a_condition_is_a_remark_and_what_does_not_hold_a_finding(tmp_path):
    text = 'relations:\n  - {rule: sum, where: Text, total: "%s", parts: ["2", "2"], provided: nobody is counted twice}'
    checks = audit.audit(read(tmp_path, text % 4))
    assert audit.remarks(checks)["holds only if"].tolist() == ["2 + 2 = 4, but only if nobody is counted twice"]
    assert not len(audit.findings(checks))
    checks = audit.audit(read(tmp_path, text % 5))
    assert len(audit.findings(checks)) == 1 and not len(audit.remarks(checks))


def test_possible_numbers_are_left_alone():
    possible = [
        ("iHU", "-512.3", "HU"), ("kappa", "-0.05", ""), ("change of POI", "240", "%"),
        ("men", "49", "%"), ("dose", "3.43", "mGy"), ("p value", "<0.001", ""),
        ("Dice", "≥0.74", ""), ("sensitivity", "100", "%"), ("iHU after contrast", "88", "HU"),
        ("POI change", "-7.5", "%"), ("specificity gain", "-4", "%"), ("AUC difference", "-0.03", ""),
        ("log odds ratio", "-1.2", ""), ("hazard ratio (log)", "-0.3", ""), ("Dice loss", "1.9", ""),
        ("tube current, effective", "95", "mAs"), ("tube current-time product", "140", "mAs"),
        ("dose length product", "310", "mGy*cm"),
        ("DLP", "310", "mGy·cm"), ("dose (CTDIvol)", "5.1", "mGy"), ("field of view", "400", "mm × mm"),
        ("mean age", "51", "y"), ("sensitivity", "81.3", "percent"), ("half-dose scans", "12", "scans"),
        ("AUC of the plasma concentration", "212", "ng·h/ml"), ("ICC", "-0.04", ""), ("average volume", "310", "ml"),
        ("likelihood ratio", "12.2", ""),
    ]  # fmt: skip
    for name, text, unit in possible:
        assert quantities.fault(name, read_number(text, unit), unit) == ("", ""), name


@pytest.mark.parametrize(
    ("name", "text", "unit", "why"),
    [
        ("p", "0.000", "", "none is 0"), ("p value, age", ".00", "", "none is 0"), ("ICC", "1.13", "", "-1 and 1"),
        ("intraclass correlation", "1.13", "", "-1 and 1"), ("pooled sensitivity", "104", "%", "a share"),
        ("Cohen's kappa, second reading", "1.31", "", "-1 and 1"), ("mean age", "512", "years", "that old"),
        ("tube current, mean", "95", "mAs", "given in mAs"), ("correlation of POI and extent", "-1.4", "", "-1 and 1"),
        ("negative predictive value", "1.04", "", "a share"), ("hazard ratio", "-0.4", "", "not negative"),
        ("HU of lung", "31", "HU", "holds air"), ("dose length product", "310", "mGy", "given in mGy"),
    ],
)  # fmt: skip
def test_a_quantity_is_known_by_what_it_means(name, text, unit, why):
    assert why in quantities.fault(name, read_number(text, unit), unit)[0]


def test_a_unit_of_another_quantity_names_that_first():
    fits = quantities.fault("dose (CTDIvol)", read_number("310", ""), "mGy*cm")[1]
    assert fits == "called dose length product (mGy·cm); or in mGy or in Gy or in mSv"


def test_a_p_value_of_zero_should_be_a_bound():
    assert quantities.fault("p", read_number("0.000"), "")[1] == "<0.001"


def test_what_would_fit_can_be(tmp_path):
    """No count below 0, no group of one, no p of 0, no share above all."""
    for rule, given, never in [
        ("sum", {"total": "30", "parts": ["45", "27"]}, "part 1: 3; |-"),
        ("t_test", {"groups": [("21", "5.10", "0.20"), ("19", "9.90", "0.30")], "p": "0.62"}, ", n: 1;|p: 0.00"),
        ("share", {"share": "64 %", "count": "90", "total": "60"}, "share: 1[0-9][0-9]"),
        ("chi_square", {"counts": ["3", "60"], "totals": ["70", "64"], "p": "0.70"}, "total 1: 0|p: 0.00"),
    ]:
        (fits,) = findings(tmp_path, written(rule, given))["what would fit"]
        assert not re.search(never, fits), fits
    (fits,) = findings(tmp_path, written("chi_square", {"counts": ["3", "60"], "totals": ["70", "64"], "p": "0.70"}))[
        "what would fit"
    ]
    assert "p: <0.01" in fits


def test_the_same_quantity_is_the_same_everywhere(tmp_path):
    def papers(*printed):
        return "\n".join(
            f'Place {i}:\n- {{id: a{i}, quantity: q, published: "{text}", same: q}}' for i, text in enumerate(printed)
        )

    assert not len(findings(tmp_path, papers("0.968", "0.9680", "0.97")))
    odd = findings(tmp_path, papers("204", "196", "196"))
    assert list(odd["where"]) == ["Place 0"] and odd["what would fit"][0] == "196"
    read_otherwise = papers("204", "196", "196").replace("same: q}", "same: q, unless: some came twice}", 1)
    (odd,) = findings(tmp_path, read_otherwise).to_dict("records")
    assert odd["finding"] == "another reading" and odd["what would fit"] == "196; or some came twice"
    tied = findings(tmp_path, papers("0.9680", "0.968", "0.9677"))
    assert list(tied["where"]) == ["Place 0; Place 2"]


# ---- this paper


def test_what_this_paper_has():
    checks = audit.audit(paper.read_paper())
    table = audit.findings(checks)
    found = {
        (row.where, row.rule): row for row in table.rename(columns=lambda name: name.replace(" ", "_")).itertuples()
    }
    assert set(found) == {
        ("Methods, CT protocol", "unit"), ("Methods, CT protocol", "order"), ("Abstract", "same"),
        ("Abstract; Table 2", "same"),
        ("Table 4; Table 3", "agreement"), ("Table 4", "agreement"),
    }  # fmt: skip
    assert found["Methods, CT protocol", "order"].what_would_fit.endswith("; or 10 mm is the collimation of the beam")
    patients = found["Abstract", "same"]
    assert patients.printed.endswith("204") and patients.what_would_fit == "196"
    density = found["Table 4", "agreement"]
    assert "54" in density.printed and density.what_would_fit == "pairs, change of density: 56"
    assert len(table) == 10
    assert (
        table["rule"].tolist() == ["same"] + ["agreement"] * 2 + ["same", "order"] + ["unit"] * 5
    )  # the weighty first
    assert table["where"].tolist()[:3] == ["Abstract", "Table 4", "Table 4; Table 3"]
    assert audit.counted(table) == "3 contradictions, 2 other readings, 5 wordings of units"
    assert found["Abstract; Table 2", "same"].what_would_fit.endswith("POI alone, which is 0.9680 in Table 2")
    assert "every 5 mm" in found["Methods, CT protocol", "order"].what_would_fit
    (current,) = table.loc[table["printed"] == "tube current, lowest: 30 mAs", "what would fit"]
    assert current == "called tube current-time product (mAs); or in mA"
    remark = audit.remarks(checks).iloc[0]  # 452 scans of 164 patients: both can be true, under a condition
    assert (remark["where"], remark["rule"]) == ("Methods, patients", "sum") and "164" in remark["printed"]
    assert "only if every scan of the other 32 is among the 79" in remark["holds only if"]
    volume = found["Table 4; Table 3", "agreement"]
    assert volume.what_would_fit.endswith("expanded: 87 (against sum of 184, 86, 98 in Table 4 and Table 3)")
    assert "0.7042" not in volume.what_would_fit  # its error would be 0.0525 by Fleiss's formula, and not by Cohen's
    implied = " ".join(audit.implied(checks)["what follows"])
    assert "18.7606, so this is no Wald interval (with 35.005 for 35.000 or" in implied
    assert (
        "likelihood ratio 3.11 on 1, p = 0.0778" in implied
        and "4 tables fit, such as 49 5 7 81; the error is Cohen 1960" in implied
    )
    assert set(audit.COLUMNS) == set(table.columns)


def test_what_would_fit_one_relation_says_which_other_it_breaks(tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(
        """
Table 1:
  - {id: all, quantity: patients, published: "213", unit: patients}
  - {id: ill, quantity: ill patients, published: "47", unit: patients}
  - {id: well, quantity: well patients, published: "166", unit: patients}
  - {id: percent, quantity: ill patients, published: "26.3", unit: "%"}
relations:
  - {rule: sum, total: all, parts: [ill, well]}
  - {rule: share, share: percent, count: ill, total: all}
""",
        encoding="utf-8",
    )
    (finding,) = audit.findings(audit.audit(path)).to_dict("records")
    fits = finding["what would fit"].split("; or ")
    assert finding["rule"] == "share" and fits[0] == "ill patients: 22.1"
    assert len(fits) == 3 and all(other.endswith("(against sum of 213, 47, 166 in Table 1)") for other in fits[1:])
