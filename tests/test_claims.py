"""The printed numbers, what they are held against, and the page that shows them."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import claims, printed
from study.run import VALUE_COLUMNS, Run, value

LISTED = claims.read_claims()
KNOWN = {claim.id: claim for claim in LISTED}


def recorded(**named):
    """A notebook's values: name=(value, ci_low, ci_high, n, unit), as far as given."""
    rows = [value(name, *(entry if isinstance(entry, tuple) else (entry,))) for name, entry in named.items()]
    return pd.DataFrame(rows, columns=VALUE_COLUMNS).set_index("name")


def claim(published, **fields):
    return claims.Claim(id="a", where="Table 9", quantity="q", published=published, value="5-severity:x", **fields)


def verdict(one, x, tier="restricted"):
    row = claims.compare([one], {"5-severity": recorded(x=x)}, tier).iloc[0]
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
    assert printed.read_number("very good") is None and printed.read_number("1,436,198") is None


@pytest.mark.parametrize(
    ("kappa", "word"),
    [(-0.1, "poor"), (0.2, "poor"), (0.2049, "poor"), (0.205, "fair"), (0.4643, "moderate"), (0.61, "good"),
     (0.8049, "good"), (0.8220, "very good"), (1, "very good")],
)  # fmt: skip
def test_strength_has_the_papers_scale(kappa, word):
    assert printed.strength(kappa) == word


def test_p_values_agree_with_scipy():
    from scipy import stats

    table = [[14, 18], [82, 82]]
    assert printed.chi_square_p(14, 32, 82, 164) == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )
    low, high = 1.430, 2.326
    z = math.log(low * high) / 2 / (math.log(high / low) / (2 * stats.norm.ppf(0.975)))
    assert printed.wald_p(low, high) == pytest.approx(2 * stats.norm.sf(z), rel=1e-5)


def test_cohens_error_of_a_table_is_found_from_its_summary():
    a, b, c, d = 49, 5, 7, 81
    n = a + b + c + d
    observed = (a + d) / n
    expected = ((a + b) * (a + c) + (c + d) * (b + d)) / n**2
    kappa = (observed - expected) / (1 - expected)
    direct = (observed * (1 - observed) / n) ** 0.5 / (1 - expected)
    assert printed.cohen_error(observed, kappa, n) == pytest.approx(direct)


@given(st.integers(1, 500), st.integers(1, 500))
def test_a_ratio_of_counts_fits_its_own_rounding(count, total):
    inputs = [printed.Printed(str(x), x, 0) for x in (count, total)]
    agrees, words = printed.derive("ratio", f"{100 * count / total:.2f}", inputs, "%")
    assert agrees and words.startswith(f"{count} / {total} = ")
    assert not printed.derive("ratio", f"{100 * count / total + 0.02:.2f}", inputs, "%")[0]


@given(st.integers(1, 300), st.data())
def test_a_proportion_is_a_count_of_its_own_total(total, data):
    count = data.draw(st.integers(0, total))
    assert printed.derive("count_of", f"{count / total:.4f}", [printed.Printed(str(total), total, 0)])[0]


def test_rounded_inputs_are_given_their_whole_range():
    years = [printed.read_number("56", "years"), printed.read_number("32", "patients"),
             printed.read_number("45", "years"), printed.read_number("164", "patients")]  # fmt: skip
    assert printed.derive("weighted_mean", "46", years)[0] and printed.derive("weighted_mean", "47", years)[0]
    assert not printed.derive("weighted_mean", "48", years)[0]


def test_unknown_rules_and_impossible_inputs_are_named():
    two, nothing = printed.read_number("2"), printed.Printed("0", 0, 0)
    with pytest.raises(ValueError, match=r"no rule 'product'.*ratio"):
        printed.derive("product", "4", [two, two])
    with pytest.raises(ValueError, match="ratio cannot be computed from 2, 0"):
        printed.derive("ratio", "4", [two, nothing])
    with pytest.raises(ValueError, match="ratio cannot be computed"):
        printed.derive("ratio", "4", [two])


# ---- the paper's own claims


def test_every_number_is_as_the_paper_prints_it():
    """Where the paper's text lies beside the project, every printed string must occur in it."""
    paper = Path(__file__).parents[2] / "shared" / "paper.txt"
    if not paper.is_file():
        pytest.skip("the paper's text is not beside the project")
    text = re.sub(r"\s+", " ", paper.read_text(encoding="utf-8")).replace("Eight patients", "8 patients")
    text = text.replace("Jan.27 to Feb.12", "27 January 2020 to 12 February 2020").replace("six adjacent", "6 adjacent")
    text = text.replace("in six patients", "in 6 patients").replace("≥ 0.74", "≥0.74").replace("< 0.001", "<0.001")
    missing = [c.id for c in LISTED for number in (c.published, *c.interval)
               if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", text)]  # fmt: skip
    assert missing == []


def test_the_four_places_where_the_paper_contradicts_itself():
    answers = {c.id: claims.check_arithmetic(c, KNOWN) for c in LISTED}
    wrong = {name: words for name, (answer, words) in answers.items() if answer == "inconsistent"}
    assert set(wrong) == {
        "abstract_patients",
        "odds_ratio_poi",
        "table_4_agreement_density_whole",
        "table_4_error_density_whole",
    }
    assert wrong["abstract_patients"] == "Table 1 prints 196"
    assert (
        wrong["table_4_agreement_density_whole"]
        == "no count of 54 gives 0.7321 (nearest 0.7222 and 0.7407); 41 of 56 would be"
    )
    assert "0.1205" in wrong["table_4_error_density_whole"]
    assert sum(answer == "consistent" for answer, _ in answers.values()) == 74
    assert answers["table_2_sensitivity_poi"] == ("consistent", "73 / 79 = 92.4051 %; inside its interval")
    assert answers["methods_adults"] == ("consistent", "204 - 8 = 196")
    assert answers["table_4_n_volume_all"] == ("consistent", "86 + 98 = 184")


def test_every_claim_has_a_value_or_a_reason():
    assert len(LISTED) > 140 and len(KNOWN) == len(LISTED)
    assert all(c.value or c.reason for c in LISTED)
    assert {notebook for c in LISTED for notebook, _ in c.parts[0]} == {
        "1-cohort",
        "3-segment",
        "5-severity",
        "6-progression",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A:\n- {id: a, quantity: q, published: 0.8220, value: null, reason: r}", "put it in quotes"),
        ("A:\n- {id: a, quantity: q, published: '1', value: null}", "without a `reason`"),
        ("A:\n- {id: a, quantity: q, published: '1', value: auc}", "write notebook:name"),
        ("A:\n- {id: a, quantity: q, published: '1', value: 'a:b', units: HU}", "unknown field `units`"),
        ("A:\n- {id: a, quantity: q, value: 'a:b'}", "no field `published`"),
        ("A:\n- {id: a, quantity: q, published: about 3, value: 'a:b'}", "no number"),
        ("A:\n- {id: a, quantity: q, published: soon, unit: date, value: 'a:b'}", "write a date"),
        ("A:\n- {id: a, quantity: q, published: '1', interval: ['1'], value: 'a:b'}", "two quoted numbers"),
        ("A:\n- {id: a, quantity: q, published: '1', value: 'a:b', derive: {sum: [b, 1]}}", "`b`, which is no claim"),
        ("A:\n- {id: a, quantity: q, published: '1', value: 'a:b', derive: {product: [1, 1]}}", "no rule 'product'"),
        (
            "A:\n- {id: a, quantity: q, published: '1', value: 'a:b', derive: {sum: [a.low, 1]}}",
            "only a claim with an interval",
        ),
        (
            "A:\n- {id: a, quantity: q, published: '1', value: 'a:b'}\n"
            "- {id: a, quantity: q, published: '1', value: 'a:b'}",
            "used twice: a",
        ),
        ("A: [1]", "expected `field: value`"),
        ("- a", "expected sections"),
        ("A: [", "not readable as YAML"),
        ("A: !!python/object/apply:os.system ['true']", "not readable as YAML"),
    ],
)
def test_a_faulty_list_says_what_is_wrong(tmp_path, text, said):
    (tmp_path / "claims.yaml").write_text(text)
    with pytest.raises(claims.ClaimsError, match=re.escape(said)):
        claims.read_claims(tmp_path / "claims.yaml")


def test_all_faults_are_listed_at_once(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "A:\n- {id: a, quantity: q, published: 1, value: x}\n- {id: b, published: '1', value: 'a:b'}"
    )
    with pytest.raises(claims.ClaimsError) as caught:
        claims.read_claims(tmp_path / "c.yaml")
    assert "A, a:" in str(caught.value) and "A, b:" in str(caught.value)
    with pytest.raises(claims.ClaimsError, match="no such file"):
        claims.read_claims(tmp_path / "none.yaml")


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
    assert verdict(claim("23 January 2020", unit="date"), "2020-01-24") == "differs"


def test_intervals_work_both_ways():
    assert verdict(claim("0.9680", interval=("0.9505", "0.9805")), 0.955) == "within interval"
    assert verdict(claim("0.9680", interval=("0.9505", "0.9805")), 0.940) == "differs"
    assert verdict(claim("0.9680"), (0.955, 0.94, 0.97)) == "within interval"
    assert verdict(claim("0.9680"), (0.955, 0.94, 0.96)) == "differs"


def test_fractions_become_percent_and_ratios_and_differences_are_computed():
    assert verdict(claim("92.41", unit="%"), (73 / 79, None, None, 79)) == "reproduced"
    assert verdict(claim("92.41", unit="%"), (92.41, None, None, 79, "%")) == "reproduced"
    ratio = claims.Claim("a", "T", "q", "49", "1-cohort:men / 1-cohort:all", unit="%")
    row = claims.compare([ratio], {"1-cohort": recorded(men=96, all=196)}, "public").iloc[0]
    assert (row["verdict"], row["n"]) == ("reproduced", 196) and row["regenerated"] == pytest.approx(48.98, abs=0.01)
    rest = claims.Claim("a", "T", "q", "27", "3-segment:all - 3-segment:severe")
    assert (
        claims.compare([rest], {"3-segment": recorded(all=30, severe=3)}, "public").iloc[0]["verdict"] == "reproduced"
    )
    empty = claims.compare([ratio], {"1-cohort": recorded(men=0, all=0)}, "public").iloc[0]
    assert (empty["verdict"], empty["why"]) == ("cannot be tested", "all is 0 in this run")


def test_synthetic_patients_reproduce_nothing():
    assert verdict(claim("0.8220"), 0.822, "synthetic") == "synthetic only"
    assert verdict(claim("0.8220"), 0.1, "synthetic") == "synthetic only"


@pytest.mark.parametrize("tier", ["public", "restricted"])
def test_what_is_missing_is_said(tier):
    def why(values):
        row = claims.compare([claim("1")], values, tier).iloc[0]
        assert row["verdict"] == "cannot be tested"
        return row["why"]

    assert why({}) == "notebook 5-severity was not run"
    assert why({"5-severity": recorded()}) == "notebook 5-severity was not run"
    assert why({"5-severity": recorded(y=1)}) == "notebook 5-severity recorded no x"
    assert why({"5-severity": recorded(x=None)}) == "x is undefined in this run"


def test_an_unknown_tier_is_refused():
    with pytest.raises(ValueError, match="synthetic, public, restricted"):
        claims.compare(LISTED, {}, "real")


def test_biomarkers_alone_are_enough_for_severity_and_progression(tmp_path):
    run = Run("r", root=tmp_path)
    run.record("5-severity", [value("auc_poi", 0.96796, 0.95, 0.98, 531)])
    values = claims.gather(LISTED, run)
    table = claims.compare(LISTED, values, run.tier)
    assert table.set_index("id").loc["table_2_auc_poi", "verdict"] == "reproduced"
    assert (table["verdict"] == "cannot be tested").sum() == len(table) - 5  # the AUC of POI is printed five times
    counts = claims.summary(table).set_index("answer")["claims"]
    assert counts["reproduced"] == 5 and counts["inconsistent"] == 4


# ---- the page


def page_of(tmp_path, listed=LISTED, values=None, tier="synthetic", **options):
    path = tmp_path / "figures" / "claims.html"
    claims.write_html(claims.compare(listed, values or {}, tier), path, **options)
    return path.read_text(encoding="utf-8")


def test_the_page_is_self_contained_and_the_same_each_time(tmp_path):
    page = page_of(tmp_path, run="demo")
    assert page == page_of(tmp_path, run="demo")
    assert (
        not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page) and "url(" not in page and "@import" not in page
    )
    assert "default-src 'none'" in page
    assert page.count("<tr id=") == len(LISTED) and "Data tier: synthetic" in page
    for inconsistent in ("abstract_patients", "table_4_agreement_density_whole"):
        assert f'<a href="#{inconsistent}">' in page and f'<tr id="{inconsistent}"' in page


def test_hostile_text_stays_text(tmp_path):
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    one = claims.Claim(
        hostile, hostile, hostile, "word", "5-severity:x", unit="word", remark=hostile, see="../../" + hostile
    )
    page = page_of(tmp_path, [one], {"5-severity": recorded(x=hostile)}, "public", run=hostile, notebooks=tmp_path)
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(page)
    tags = [tag for tag, _ in found]
    assert tags.count("script") == 1 and "img" not in tags
    assert not [attributes for _, attributes in found if set(attributes) & {"onerror", "onclick", "src"}]


def test_links_lead_to_files_that_exist(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "figures" / "Table_2.md").touch()
    (tmp_path / "notebooks" / "5-severity.ipynb").touch()
    page = page_of(tmp_path, notebooks=tmp_path / "notebooks")
    assert set(re.findall(r'<a href="([^#"]+)"', page)) == {"Table_2.md", "../notebooks/5-severity.ipynb"}


def test_the_page_shows_the_rounding():
    values = {"5-severity": recorded(auc_poi=(0.96796, 0.95, 0.98, 531), n_severe=79, p_value_auc_poi=1e-12)}
    shown = claims.readable(claims.compare(LISTED, values, "public")).set_index("claim")["regenerated"]
    assert shown["AUC of POI"].iloc[-1] == "0.96796 [0.95000, 0.98000]"
    assert "79 scans" in set(shown) and "<0.001" in set(shown)
