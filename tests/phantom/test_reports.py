"""The words of the synthetic cohort: the study's own phrase reader understands them, in both languages."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from study.measures.phrases import key_phrases
from study.phantom.people import reports
from study.phantom.people.counts import People
from study.phantom.people.plan import plan_cohort
from study.phantom.people.reports import Reporting
from study.results import report_phrases

LANGUAGES = tuple(reports.LANGUAGES)
UP, DOWN = +1, -1
FAULTLESS = Reporting(volume_error=0, density_error_hu=0, least_volume=0, least_density_hu=0, opposite=0, vague=0)


def said(text):
    return [(phrase.quantity, phrase.direction, phrase.partial) for phrase in key_phrases.find(text)]


def pair(rng):
    """The truth about two scans of one patient, with infection in both."""
    before = dict(poi=rng.uniform(0.005, 0.3), ihu=rng.normal(-550, 60), scan_date="2020-01-27")
    after = dict(poi=before["poi"] * np.exp(rng.normal(0, 0.6)), ihu=before["ihu"] + rng.normal(0, 50))
    return before, after


def truth_of(plan, seed=0):
    """A plan with biomarkers near those of its images: POI is the extent; iHU was fitted within patients (to 13 HU)."""
    ihu = -542 + 430 * plan["true_consolidation"] - 46 * plan["true_absorbing"] + 8 * np.log(plan["true_extent"] + 1e-3)
    ihu += 13 * np.random.default_rng(seed).standard_normal(len(plan))
    return plan.assign(true_poi=plan["true_extent"], true_ihu=ihu.where(plan["true_extent"] > 0))


# ------------------------------------------------------------------ each wording


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wording_of_change_is_read_as_it_is_meant(language):
    words = reports.LANGUAGES[language]
    how = [("", False), *((w, False) for w in words.slightly + words.markedly), *((w, True) for w in words.partly)]
    for (quantity, direction), clauses in words.change.items():
        for clause in clauses:
            for adverb, partial in how:
                for compared in words.compared:
                    text = compared.format(date="2020-01-27") + clause.format(how=adverb) + words.stop
                    assert set(said(text)) == {(quantity, direction, partial)}, text
        for clause in words.some[quantity, direction]:
            assert set(said(clause)) == {(quantity, direction, True)}, clause


@pytest.mark.parametrize("language", LANGUAGES)
def test_extent_and_density_in_one_sentence_are_told_apart(language):
    words = reports.LANGUAGES[language]
    for direction in (UP, DOWN):
        for first in words.change["volume", direction] + words.some["volume", direction]:
            for (_, dense), clauses in words.beside.items():
                for clause in clauses:
                    text = first.format(how="") + clause.format(how="") + words.stop
                    assert {p[:2] for p in said(text)} == {("volume", direction), ("density", dense)}, text
            for aside in words.unchanged["density"]:
                assert {p[:2] for p in said(first.format(how="") + aside)} == {("volume", direction)}, first + aside
        for second in words.change["density", direction]:
            for aside in words.unchanged["volume"]:
                assert said(aside + second.format(how="")) == [("density", direction, False)], aside + second


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_says_no_change_of_the_infection_is_read_as_none(language):
    words = reports.LANGUAGES[language]
    unrelated = [sentence for organ in words.unrelated for sentence in organ]
    described = [sentence for kind in words.described.values() for sentence in kind]
    for sentence in (*words.stable, *words.clear, *unrelated, *described):
        assert said(sentence) == [] and key_phrases.unknown(sentence) == [], sentence
    for sentence in words.opposite:
        assert key_phrases.summary(sentence)["volume"] is None, sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_better_and_worse_are_listed_as_not_understood(language):
    for sentences in reports.LANGUAGES[language].vague.values():
        for sentence in sentences:
            assert said(sentence) == [] and key_phrases.unknown(sentence), sentence


def test_table_3s_phrases_are_among_the_words():
    clauses = [clause.replace("the ", "") for each in reports.ENGLISH.change.values() for clause in each]
    for _, _, phrase, _ in report_phrases.PHRASES.values():
        assert phrase.replace("(partially) ", "{how}") in clauses


# ------------------------------------------------------------------ whole reports


@pytest.mark.parametrize("language", LANGUAGES)
def test_whole_reports_are_read_as_meant_or_listed_as_unknown(language):
    rng, reporting = np.random.default_rng(7), Reporting(vague=0.2, opposite=0.1)
    n_said, n_vague = 0, 0
    for seed in range(400):
        before, after = pair(rng)
        meant = reports.look(before, after, np.random.default_rng(seed), reporting)
        text = reports.write_report(before, after, np.random.default_rng(seed), language, reporting)
        read = key_phrases.summary(text)
        assert read["volume"] == (None if meant.is_opposite else meant.volume), text
        assert read["density"] == meant.density, text
        assert not meant.volume or read["volume_partial"] == meant.volume_partial, text
        assert not meant.density or read["density_partial"] == meant.density_partial, text
        assert bool(key_phrases.unknown(text)) == bool(meant.vague), text
        n_said += bool(meant.volume or meant.density)
        n_vague += bool(meant.vague)
    assert n_said > 200 and n_vague > 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reader_without_error_says_the_true_direction_and_one_with_error_most_often(language):
    rng = np.random.default_rng(8)
    right = {"volume": [], "density": []}
    for _ in range(400):
        before, after = pair(rng)
        true = {"volume": np.sign(after["poi"] - before["poi"]), "density": np.sign(after["ihu"] - before["ihu"])}
        exact = key_phrases.summary(reports.write_report(before, after, rng, language, FAULTLESS))
        usual = key_phrases.summary(reports.write_report(before, after, rng, language))
        for quantity in right:
            assert exact[quantity] in (0, true[quantity])
            if usual[quantity]:
                right[quantity].append(usual[quantity] == true[quantity])
    assert 0.93 < np.mean(right["volume"]) < 1 and 0.85 < np.mean(right["density"]) < 1
    assert len(right["density"]) < len(right["volume"])  # not every report mentions density


def test_a_report_without_infection_claims_no_change_of_density_and_none_before_it_no_growth():
    rng = np.random.default_rng(9)
    healthy, ill = dict(poi=0.0, ihu=np.nan), dict(poi=0.05, ihu=-600.0)
    for language in LANGUAGES * 30:
        both = key_phrases.summary(reports.write_report(healthy, healthy, rng, language))
        assert both["volume"] == both["density"] == 0
        came = key_phrases.summary(reports.write_report(healthy, ill, rng, language, replace(Reporting(), opposite=0)))
        went = key_phrases.summary(reports.write_report(ill, healthy, rng, language))
        assert came["volume"] >= 0 >= went["volume"] and came["density"] == went["density"] == 0


@pytest.mark.parametrize("wrong", [dict(opposite=1.2), dict(volume_error=-1), dict(partial_density=float("nan"))])
def test_rates_that_are_no_chances_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Reporting(**wrong)


# ------------------------------------------------------------------ a cohort's reports


def test_counts_come_near_table_3_and_in_its_order():
    counts = []
    for seed in range(4):
        scans = truth_of(plan_cohort(People(seed=seed)), seed)
        scans = scans[scans["age_years"] >= 18]
        written = reports.write_reports(scans, seed, "mixed")
        table = key_phrases.tabulate(written.dropna())
        numbers = report_phrases.table_3(table)
        counts.append(
            [*numbers["No. of phrase occurrences"], *numbers["Of these partial"], table["volume_opposite"].sum()]
        )
        assert 0 < (key_phrases.unknown_wordings(written)["reports"].sum()) < 0.08 * len(table)
    expanded, contracted, denser, fainter, *partial, opposite = np.mean(counts, axis=0)
    assert contracted > expanded > denser > fainter
    np.testing.assert_allclose([expanded, contracted, denser, fainter], [86, 98, 43, 39], rtol=0.2)
    assert sum(partial[:2]) == pytest.approx(42, rel=0.25) and sum(partial[2:]) == pytest.approx(28, rel=0.25)
    assert 3 < opposite < 9


def test_language_is_a_patients_own_and_changes_nothing_else():
    scans = truth_of(plan_cohort(People(n_patients=40)))
    tables, is_chinese = {}, {}
    for language in (*LANGUAGES, "mixed"):
        written = reports.write_reports(scans, 1, language)
        assert written.isna().equals(scans["visit"] == 1)
        tables[language] = key_phrases.tabulate(written)
        is_chinese[language] = written.dropna().str.contains(r"[\u4e00-\u9fff]", regex=True)
    # "absorbed" is one language's choice of word
    said_in = {name: table.drop(columns="only_absorbed") for name, table in tables.items()}
    pd.testing.assert_frame_equal(said_in["english"], said_in["chinese"])
    pd.testing.assert_frame_equal(said_in["english"], said_in["mixed"])
    assert not is_chinese["english"].any() and is_chinese["chinese"].all()
    by_patient = is_chinese["mixed"].groupby(scans["patient_id"])
    assert (by_patient.nunique() == 1).all() and 0.25 < by_patient.first().mean() < 0.75
