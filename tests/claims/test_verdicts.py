"""The printed numbers and what they are compared with."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helpers.project import SHARED
from study.claims import audit, paper, printed, verdicts
from study.files import write_json
from study.run import VALUE_COLUMNS, Run, value

PAPER = paper.read_paper()
LISTED = PAPER.claims
KNOWN = {claim.id: claim for claim in LISTED}


def recorded(**named):
    """A notebook's values: name=(value, ci_low, ci_high, n, unit, standard_error), as far as given."""
    rows = [value(name, *(entry if isinstance(entry, tuple) else (entry,))) for name, entry in named.items()]
    return pd.DataFrame(rows, columns=VALUE_COLUMNS).set_index("name")


def claim(published, **fields):
    return paper.Claim(id="a", where="Table 9", quantity="q", published=published, value="5-severity:x", **fields)


def verdict(one, x, tier="restricted"):
    row = verdicts.compare(paper.Paper("p", [one]), {"5-severity": recorded(x=x)}, tier).iloc[0]
    return row["verdict"]


# ---- printed numbers


@given(st.integers(-(10**6), 10**6), st.integers(0, 6))
def test_a_printed_number_allows_what_rounds_to_it(digits, decimals):
    number = digits / 10**decimals
    read = printed.read_number(f"{number:.{decimals}f}")
    assert (
        read.allows(number)
        and read.allows(number + 0.49 * 10**-decimals)
        and read.allows(number - 0.49 * 10**-decimals)
    )
    assert not read.allows(number + 0.51 * 10**-decimals) and not read.allows(number - 0.51 * 10**-decimals)


def test_counts_are_exact_and_bounds_are_bounds():
    assert printed.read_number("79", "scans").ends == (79, 79)
    assert printed.read_number("47", "years").ends == (46.5, 47.5)
    assert printed.read_number("<0.001").allows(0.0009) and not printed.read_number("<0.001").allows(0.001)
    assert printed.read_number("≥0.74").allows(0.9) and not printed.read_number("≥0.74").allows(0.7)
    assert printed.read_number("very good") is None and printed.read_number("1,436,198").value == 1436198


# ---- the paper's own claims


def test_every_number_is_as_the_paper_prints_it():
    """Where the paper's text lies beside the project, every printed string must occur in it."""
    paper = SHARED / "paper.txt"
    if not paper.is_file():
        pytest.skip("the paper's text is not beside the project")
    text = re.sub(r"\s+", " ", paper.read_text(encoding="utf-8")).replace("Eight patients", "8 patients")
    text = text.replace("Jan.27 to Feb.12", "27 January 2020 to 12 February 2020").replace("six adjacent", "6 adjacent")
    text = text.replace("in six patients", "in 6 patients").replace("≥ 0.74", "≥0.74").replace("< 0.001", "<0.001")
    missing = [c.id for c in LISTED for number in (c.published, *c.interval)
               if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", text)]  # fmt: skip
    assert missing == []


def test_what_the_audit_accuses_is_called_so_by_the_weightiest_finding_and_the_rest_is_not():
    table = verdicts.compare(PAPER, {}, "public").set_index("id")
    wrong = table[table["arithmetic"].isin(verdicts.ACCUSED)]
    failed = audit.failed(audit.audit(PAPER))
    accused = {one.id for check in failed for one in check.cited}
    assert set(wrong.index) == accused
    for name, row in wrong.iterrows():
        weights = [check.weight for check in failed if name in {one.id for one in check.cited}]
        assert row["arithmetic"] == audit.WEIGHTS[max(weights)]
    assert set(wrong["arithmetic"]) == set(audit.WEIGHTS.values())
    assert {"abstract_patients", "table_4_n_density_whole", "table_3_expanded"} < accused
    assert "Table 1 prints 196; would fit: 196" in table.loc["abstract_patients", "computation"]
    assert table.loc["table_2_sensitivity_poi", "arithmetic"] == "consistent"
    assert "73 / 79 = 92.4051 %" in table.loc["table_2_sensitivity_poi", "computation"]
    assert (table["arithmetic"] == "").sum() < 25  # radiologists' years, doses, dates: nothing to check them against


def test_every_claim_has_a_value_or_a_reason():
    assert len(LISTED) > 160 and len(KNOWN) == len(LISTED)
    assert all(c.value or c.reason for c in LISTED)
    assert {notebook for c in LISTED for notebook, _ in c.parts[0]} == {
        "1-cohort",
        "3-segment",
        "5-severity",
        "6-progression",
    }


# ---- verdicts


def test_rounding_decides_reproduced():
    assert verdict(claim("0.8220"), 0.82195) == "reproduced"
    assert verdict(claim("0.8220"), 0.82204) == "reproduced"
    assert verdict(claim("0.8220"), 0.8221) == "differs"
    assert verdict(claim("<0.001"), 1e-9) == "reproduced"
    assert verdict(claim("<0.001"), 0.01) == "differs"
    assert verdict(claim("≥0.74"), 0.99) == "reproduced"
    assert verdict(claim("very good", unit="word"), "very good") == "reproduced"
    assert verdict(claim("very good", unit="word"), "good") == "differs"
    assert verdict(claim("23 January 2020", unit="date"), "2020-01-23") == "reproduced"
    # Patients scanned on other days contradict nothing.
    assert verdict(claim("23 January 2020", unit="date"), "2020-01-24") == "cannot be tested"
    assert verdict(claim("23 January 2020", unit="date"), "2020-01") == "cannot be tested"


def test_a_number_differs_by_the_error_of_the_difference():
    """Of a printed 0.9680 with standard error 0.0077, another sample is 1.96 sqrt(2) errors away in 5 % of cases."""
    printed_with = claim("0.9680", interval=("0.9530", "0.9830"))
    reach = 1.96 * 2**0.5 * 0.015 / 1.96
    for far, expected in ((0.98, "not distinguishable"), (1.02, "differs")):
        assert verdict(printed_with, 0.968 - 0.00005 - far * reach) == expected
        # The regenerated number's interval serves as well, and its standard error, which goes first.
        low, high = (0.968 - 0.00005 - far * reach + side * 0.015 for side in (-1, 1))
        assert verdict(claim("0.9680"), ((low + high) / 2, low, high)) == expected
        assert verdict(claim("0.9680"), ((low + high) / 2, 0.0, 1.0, None, "", 0.015 / 1.96)) == expected
    # A run that knows its error over patients to be larger than the printed one does not believe that.
    assert verdict(printed_with, (0.92, None, None, None, "", 0.03)) == "not distinguishable"
    assert verdict(printed_with, 0.92) == "differs"


def test_the_error_of_the_printed_number_is_for_its_own_n():
    """A run of 400 with an error of 0.01 says that 100 have 0.02."""
    apart = 2.05 * np.hypot(0.01, 0.02)
    for n, expected in ((100, "not distinguishable"), (400, "differs")):
        one = claim("0.9000", n=n)
        assert verdict(one, (0.9 - 0.9 * apart, None, None, 400, "", 0.01)) == expected


def test_all_claims_are_judged_together():
    """Of many numbers some lie far apart by chance; the same number printed again is no further comparison."""
    rng = np.random.default_rng(1)
    claims = [paper.Claim(f"c{k}", "T", "q", "0.0000", f"5-severity:x{k % 40}") for k in range(60)]
    lying = {f"x{k}": (0.5 * z, None, None, None, "", 0.5) for k, z in enumerate(rng.normal(0, 2**0.5, 40))}
    lying["x3"] = (0.5 * 2**0.5 * 2.4, None, None, None, "", 0.5)  # p = 0.016: alone it would differ
    table = verdicts.compare(paper.Paper("p", claims), {"5-severity": recorded(**lying)}, "public").set_index("id")
    assert set(table["verdict"]) == {"not distinguishable"} and table.loc["c3", "p_of_difference"] < 0.05
    lying["x3"] = (0.5 * 2**0.5 * 3.3, None, None, None, "", 0.5)
    table = verdicts.compare(paper.Paper("p", claims), {"5-severity": recorded(**lying)}, "public").set_index("id")
    assert table.index[table["verdict"] == "differs"].tolist() == ["c3", "c43"]
    assert table.loc["c3", "p_adjusted"] == pytest.approx(40 * table.loc["c3", "p_of_difference"])


def lying(apart, n_others, why):
    """Numbers of which the first lies `apart` errors of a difference away, and may be primary; the others agree."""
    claims = [paper.Claim("main", "T", "q", "0.0000", "5-severity:main", primary=why)]
    claims += [paper.Claim(f"c{k}", "T", "q", "0.0000", f"5-severity:x{k}") for k in range(n_others)]
    found = {f"x{k}": (0.1, None, None, None, "", 0.5) for k in range(n_others)}
    found["main"] = (0.00005 + 0.5 * 2**0.5 * apart, None, None, None, "", 0.5)
    return verdicts.compare(paper.Paper("p", claims), {"5-severity": recorded(**found)}, "public").set_index("id")


def test_a_primary_number_is_not_hidden_by_many_others():
    """With z = 2.6, p = 0.0093: among a hundred it is lost; alone in its family it differs, with half of the risk."""
    p = 2 * stats.norm.sf(2.6)
    hidden, seen = (lying(2.6, 100, why).loc["main"] for why in ("", "does it hold?"))
    assert (hidden["verdict"], seen["verdict"]) == ("not distinguishable", "differs")
    assert hidden["p_of_difference"] == seen["p_of_difference"] == pytest.approx(p)
    assert hidden["p_adjusted"] == pytest.approx(101 * p) and seen["p_adjusted"] == pytest.approx(2 * p)
    assert seen["primary"] == "does it hold?"
    assert (
        lying(2.2, 100, "does it hold?").loc["main", "verdict"] == "not distinguishable"
    )  # p 0.028, above a half of 5 %


def test_a_number_printed_with_fewer_digits_is_judged_like_the_same_number():
    claims = [paper.Claim(f"c{digits}", "T", "q", f"{0.9:.{digits}f}", "5-severity:main") for digits in (2, 4)]
    claims += [paper.Claim("other", "T", "q", "0.9000", "5-severity:other")]
    far = {"main": (0.7, None, None, None, "", 0.04), "other": (0.8, None, None, None, "", 0.04)}
    table = verdicts.compare(paper.Paper("p", claims), {"5-severity": recorded(**far)}, "public").set_index("id")
    p, adjusted = table["p_of_difference"], table["p_adjusted"]
    assert p["c4"] < p["c2"] < p["other"]
    assert adjusted.to_dict() == pytest.approx({"c2": 2 * p["c2"], "c4": 2 * p["c4"], "other": p["other"]})


def test_the_families_share_the_risk():
    """Of two families of true numbers, in 5 % of papers at most one differs; as sampled, not far below."""
    rng, wrong = np.random.default_rng(5), 0
    claims = [paper.Claim(f"c{k}", "T", "q", "0.0000", f"5-severity:x{k}", primary="so" * (k < 4)) for k in range(20)]
    for _ in range(400):
        found = {f"x{k}": (z, None, None, None, "", 1.0) for k, z in enumerate(rng.normal(0, 2**0.5, 20))}
        table = verdicts.compare(paper.Paper("p", claims), {"5-severity": recorded(**found)}, "public", checks=[])
        wrong += "differs" in set(table["verdict"])
    low, high = stats.binomtest(wrong, 400).proportion_ci(0.999)
    assert low < 0.05 < high


def test_this_papers_primary_claims_are_few_and_regenerated():
    main = [claim for claim in LISTED if claim.primary]
    assert {claim.where for claim in main} == {"Abstract"} and len({claim.value for claim in main}) == len(main) == 4


def test_what_is_not_told_apart_is_in_the_claims_unit_and_says_its_bound():
    def alike(one, x):
        (row,) = verdicts.worded(verdicts.compare(paper.Paper("p", [one]), {"5-severity": recorded(x=x)}, "public"))
        return row["alike"]

    assert alike(claim("0.9000", interval=("0.8000", "1.0000")), 0.95) == "0.7585 to 1.0415"  # 1.96 sqrt(2) 0.1 / 1.96
    low, high = map(float, alike(claim("49.00", unit="%", n=196), (0.6, None, None, 196)).split(" to "))
    assert 35 < low < 42 and 56 < high < 62
    assert alike(claim("≥0.70"), (0.65, None, None, 30, "", 0.05)) == "0.555 or more"
    assert alike(claim("<0.7"), (0.65, None, None, 30, "", 0.05)) == "up to 0.84"
    of_dice = replace(claim("≥0.70"), quantity="Dice of the network")  # which is 1 at most
    assert alike(of_dice, (0.65, None, None, 30, "", 0.05)) == "0.555 to 1.000"
    assert alike(replace(claim("<0.001"), quantity="p value of it"), 0.2) == "<0.001 to 0.6040"
    assert alike(claim("2018b", unit="word"), "2019a") == ""


def test_a_word_differs_where_its_kappa_does():
    def of_words(kappa, error, word):
        values = {"6-progression": recorded(
            kappa_volume_whole=(kappa, None, None, 142, "", error), strength_volume_whole=word
        )}  # fmt: skip
        return verdicts.compare(PAPER, values, "public").set_index("id").loc["table_4_strength_volume_whole", "verdict"]

    assert of_words(0.79, 0.05, "good") == "not distinguishable"
    assert of_words(0.40, 0.05, "fair") == "differs"
    assert of_words(0.83, 0.05, "very good") == "reproduced"


def test_fractions_become_percent_and_ratios_and_differences_are_computed():
    assert verdict(claim("92.41", unit="%"), (73 / 79, None, None, 79)) == "reproduced"
    assert verdict(claim("92.41", unit="%"), (92.41, None, None, 79)) == "differs"
    ratio = paper.Claim("a", "T", "q", "49", "1-cohort:men / 1-cohort:all", unit="%")
    row = verdicts.compare(paper.Paper("p", [ratio]), {"1-cohort": recorded(men=96, all=196)}, "public").iloc[0]
    assert (row["verdict"], row["n"]) == ("reproduced", 196) and row["regenerated"] == pytest.approx(48.98, abs=0.01)
    rest = paper.Claim("a", "T", "q", "27", "3-segment:all - 3-segment:severe")
    recorded_scans = {"3-segment": recorded(all=30, severe=3)}
    difference = verdicts.compare(paper.Paper("p", [rest]), recorded_scans, "public").iloc[0]
    assert difference["verdict"] == "reproduced"
    empty = verdicts.compare(paper.Paper("p", [ratio]), {"1-cohort": recorded(men=0, all=0)}, "public").iloc[0]
    assert (empty["verdict"], empty["why"]) == ("cannot be tested", "all is 0 in this run")


def of_cohort(patients, scans, pairs, **more):
    """What a run of so many records: it agrees with the paper in what does not depend on how many they are."""
    return {
        "1-cohort": recorded(n_patients_all=patients, n_patients=patients - 8, n_scans=scans),
        "5-severity": recorded(auc_of_values_poi=(0.968, None, None, scans),
                               aic_poi=(0.33 * scans, None, None, scans, "", 25)),
        "6-progression": recorded(n_volume_whole=pairs, kappa_volume_whole=(0.8, None, None, pairs),
                                  standard_error_volume_whole=(0.586 / pairs**0.5, None, None, pairs, "", 0.005)),
        **more,
    }  # fmt: skip


OF_SIZE = ["table_1_patients", "table_1_scans", "aic_poi", "table_4_n_volume_whole", "table_4_error_volume_whole"]


def test_what_follows_from_the_size_of_a_cohort_is_not_tested_on_another_size():
    small = verdicts.compare(PAPER, of_cohort(20, 50, 12), "public").set_index("id")
    assert set(small.loc[OF_SIZE, "verdict"]) == {"cannot be tested"}
    assert small.loc["table_1_scans", "why"] == (
        "follows from the size of the cohort: the paper's is 204 patients, this one's 20"
    )
    assert small.loc["aic_poi", "why"].endswith("the paper's is 531, this one's 50")
    assert small.loc["table_4_error_volume_whole", "why"].endswith("the paper's is 142, this one's 12")
    assert small.loc[OF_SIZE, ["p_of_difference", "p_adjusted", "alike_low"]].isna().all(axis=None)
    assert small.loc["table_2_auc_poi", "verdict"] == "reproduced" and "differs" not in set(small["verdict"])
    # Also a number that happens to be the same; and they are no part of a family, where others would pay for them.
    same = verdicts.compare(PAPER, of_cohort(20, 531, 12), "public").set_index("id")
    assert same.loc["table_1_scans", "verdict"] == "cannot be tested"
    assert same.loc["aic_poi", "verdict"] == "not distinguishable"  # of as many scans as the paper's
    lone = {name: table for name, table in of_cohort(20, 50, 12).items() if name == "6-progression"}
    p = [verdicts.compare(PAPER, of, "public").set_index("id").loc["table_4_kappa_volume_whole", "p_adjusted"]
         for of in (lone, {"6-progression": lone["6-progression"].loc[["kappa_volume_whole"]]})]  # fmt: skip
    assert p[0] == p[1]


@pytest.mark.parametrize(("patients", "scans", "pairs"), [(204, 531, 142), (196, 480, 160), (230, 600, 120)])
def test_what_follows_from_the_size_of_a_cohort_is_compared_where_that_is_the_papers(patients, scans, pairs):
    table = verdicts.compare(PAPER, of_cohort(patients, scans, pairs), "public").set_index("id")
    assert set(table.loc[OF_SIZE, "verdict"]) <= {"reproduced", "not distinguishable"}
    assert table.loc[OF_SIZE, "p_of_difference"].notna().all()
    many_scans = {"1-cohort": recorded(n_patients_all=patients, n_scans=2000)}
    compared = verdicts.compare(PAPER, of_cohort(patients, scans, pairs, **many_scans), "public").set_index("id")
    assert compared.loc["table_1_scans", "verdict"] == "differs"  # of as many patients so many scans are another truth


def test_without_the_number_of_patients_the_largest_count_is_the_size():
    of_table = {"5-severity": recorded(n_severe=6, n_nonsevere=11, true_positives_poi=4)}
    table = verdicts.compare(PAPER, of_table, "public").set_index("id")
    assert table.loc["table_2_true_positives_poi", "why"].endswith("the paper's is 452 scans, this one's 11")
    unknown = verdicts.compare(PAPER, of_table, "unknown").set_index("id")
    assert unknown.loc["results_severe_scans", "verdict"] == "unknown origin"
    assert "452 scans" in unknown.loc["results_severe_scans", "why"]


def test_what_is_printed_several_times_is_one_number():
    table = verdicts.compare(PAPER, {"5-severity": recorded(auc_of_values_poi=0.96796)}, "public")
    counts = verdicts.summary(table).set_index("answer")
    assert counts.loc["reproduced", ["claims", "numbers"]].tolist() == [3, 1]
    assert (counts["numbers"] <= counts["claims"]).all()
    rest = table[table["name"] == ""]  # what nothing regenerates, each by itself
    assert verdicts.summary(rest).set_index("answer").loc["cannot be tested", "numbers"] == len(rest)


def test_what_is_printed_beside_a_number_decides_whether_it_differs():
    values = {"6-progression": recorded(kappa_volume_whole=0.75, kappa_density_whole=0.9)}
    table = verdicts.compare(PAPER, values, "public").set_index("id")
    assert table.loc["table_4_kappa_volume_whole", "verdict"] == "not distinguishable"
    assert table.loc["table_4_kappa_density_whole", "verdict"] == "differs"


def test_what_fails_differs_or_is_accused():
    table = verdicts.compare(PAPER, {"6-progression": recorded(kappa_volume_whole=0.1)}, "public")
    failing = verdicts.failing(table)
    assert "table_4_kappa_volume_whole" in set(failing["id"]) and "abstract_patients" in set(failing["id"])
    assert len(failing) == ((table["verdict"] == "differs") | table["arithmetic"].isin(verdicts.ACCUSED)).sum()


def test_synthetic_patients_reproduce_nothing():
    assert verdict(claim("0.8220"), 0.822, "synthetic") == "synthetic only"
    assert verdict(claim("0.8220"), 0.1, "synthetic") == "synthetic only"


def test_patients_of_unknown_origin_are_compared_and_reproduce_nothing():
    def of_unknown_origin(one, x):
        row = verdicts.compare(paper.Paper("p", [one]), {"5-severity": recorded(x=x)}, "unknown").iloc[0]
        assert row["verdict"] == "unknown origin" and row["verdict"] not in verdicts.FAILING
        return row["why"]

    one = claim("0.9680", interval=("0.9505", "0.9805"))
    assert of_unknown_origin(one, 0.968) == "it rounds to the digits printed"
    assert of_unknown_origin(one, 0.955) == "it is not distinguishable from the printed number"
    assert of_unknown_origin(one, 0.9) == "it differs from the printed number"


@pytest.mark.parametrize("tier", ["public", "restricted", "unknown"])
def test_what_is_missing_is_said(tier):
    def why(values):
        row = verdicts.compare(paper.Paper("p", [claim("1")]), values, tier).iloc[0]
        assert row["verdict"] == "cannot be tested"
        return row["why"]

    assert why({}) == "notebook 5-severity was not run"
    assert why({"5-severity": recorded()}) == "notebook 5-severity was not run"
    assert why({"5-severity": recorded(y=1)}) == "notebook 5-severity recorded no x"
    assert why({"5-severity": recorded(x=None)}) == "x is undefined in this run"


def test_other_units_are_not_compared():
    values = {"5-severity": recorded(x=(-650.0, None, None, 79, "HU"))}
    row = verdicts.compare(paper.Paper("p", [claim("5000", unit="ml")]), values, "public").iloc[0]
    assert (row["verdict"], row["why"]) == ("cannot be tested", "x is recorded in HU and printed in ml")
    assert verdict(claim("-650", unit="HU"), (-650.0, None, None, 79, "HU")) == "reproduced"


def test_an_unknown_tier_is_refused():
    with pytest.raises(ValueError, match="synthetic, public, restricted, unknown"):
        verdicts.compare(PAPER, {}, "real")


def test_biomarkers_alone_are_enough_for_severity_and_progression(tmp_path):
    run = Run("r", root=tmp_path)
    write_json(run.cohort / "cohort.json", {"tier": "restricted"})
    run.record("5-severity", [value("auc_of_values_poi", 0.96796, 0.95, 0.98, 531)])
    values = verdicts.gather(LISTED, run)
    table = verdicts.compare(PAPER, values, run.tier)
    assert table.set_index("id").loc["table_2_auc_poi", "verdict"] == "reproduced"
    assert (table["verdict"] == "cannot be tested").sum() == len(table) - 3  # the AUC of POI is printed three times
    summary = verdicts.summary(table)
    assert summary.groupby("question")["claims"].sum().to_dict() == {"verdict": len(table), "arithmetic": len(table)}
    counts = summary.set_index("answer")["claims"]
    assert counts["reproduced"] == 3 and counts[list(verdicts.ACCUSED)].sum() > 10


# ---- in words


def test_numbers_in_words_have_the_digits_that_were_printed():
    values = {"5-severity": recorded(auc_of_values_poi=(0.96796, 0.95, 0.98, 531), n_severe=79, p_value_auc_poi=1e-12)}
    shown = verdicts.readable(verdicts.compare(PAPER, values, "public")).set_index("claim")["regenerated"]
    assert shown["AUC of POI"].iloc[-1] == "0.9680 [0.9500, 0.9800]"
    assert "79 scans" in set(shown) and "<0.001" in set(shown)


def test_shares_of_men_are_of_those_whose_sex_is_known():
    recorded = [value("n_patients", 16), value("n_male_all", 9, n=15), value("male_share_all", 9 / 15, n=15)]
    values = {"1-cohort": pd.DataFrame(recorded).set_index("name")}
    found = verdicts.compare(paper.read_paper(), values, "public").set_index("id").loc["table_1_male_percent"]
    assert found["regenerated"] == 60 and found["n"] == 15
