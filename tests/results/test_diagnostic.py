"""What a call means: the table beside Table 2, and the precision of these patients."""

import numpy as np
import pandas as pd
import pytest

from study.results import diagnostic, table_notes, words
from study.statistics import clustered, resampling, roc


@pytest.fixture(scope="module")
def cohort():
    """Return scores, statuses, patients and performance of 40 patients with three scans each."""
    rng = np.random.default_rng(4)
    patients = pd.Series(np.repeat(np.arange(40), 3))
    severe = pd.Series((np.arange(120) % 3 < 2) & (patients < 12))
    predicted = pd.DataFrame({"POI": rng.normal(1.5 * severe, 1), "iHU": rng.normal(size=120)})
    predicted.loc[110:, "iHU"] = np.nan
    return predicted, severe, patients, roc.evaluate(predicted, severe)


def test_every_quantity_is_that_of_the_two_by_two_table(cohort):
    predicted, severe, patients, performance = cohort
    table = diagnostic.beside_table_2(predicted, severe, patients, performance, 0.05, n_resamples=200)
    row = performance.loc["POI"]
    found = table.loc["POI", "estimate"]
    false_positives = row["n_nonsevere"] - row["true_negatives"]
    assert found["ppv"] == pytest.approx(row["true_positives"] / (row["true_positives"] + false_positives))
    assert found["lr_positive"] == pytest.approx(row["sensitivity"] / (1 - row["specificity"]))
    assert found["ppv_stated"] < found["ppv"] and found["npv_stated"] > found["npv"]
    assert table.loc[("iHU", "npv"), "n"] == 110 and table.loc[("POI", "npv"), "n_patients"] == 40
    inside = table.dropna()
    assert (inside["low"] <= inside["high"]).all() and len(inside) == len(table)
    # The rates' intervals are those of the bootstrap of patients, and choosing the cut-off anew widens them.
    drawn = resampling.clustered(predicted["POI"], severe, patients, 200, 1, row["cutoff"])
    expected = resampling.intervals(drawn).loc["sensitivity", ["low", "high"]]
    assert table.loc[("POI", "sensitivity"), ["low", "high"]].to_list() == expected.to_list()
    width, anew = (table[f"high{which}"] - table[f"low{which}"] for which in ("", "_anew"))
    assert anew["iHU"]["specificity"] > width["iHU"]["specificity"]


def test_in_words_and_as_values(cohort):
    predicted, severe, patients, performance = cohort
    table = diagnostic.beside_table_2(predicted, severe, patients, performance, 0.05, n_resamples=50)
    shown = diagnostic.in_words(table)
    key = ("POI", "ppv")
    expected = words.with_interval(*table.loc[key, ["estimate", "low", "high"]], digits=words.SHARE_DIGITS)
    assert shown.loc[("POI", "PPV, prevalence of the study"), "Cut-off kept"] == expected
    by_patient = clustered.auc_table(predicted, severe, patients)
    precise = diagnostic.precision(by_patient, table, severe, patients)
    assert precise.loc[("POI", "auc"), "n_patients"] == precise.loc[("POI", "sensitivity"), "n_patients"] == 12
    half = precise.loc[("POI", "auc"), "half_width"]
    assert half == pytest.approx((by_patient.loc["POI", "high"] - by_patient.loc["POI", "low"]) / 2)
    # Chosen anew, the cut-off would make the rates depend on the patients of both statuses.
    ends = table.loc[("POI", "specificity"), ["low", "high"]]
    assert precise.loc[("POI", "specificity"), "half_width"] == pytest.approx((ends["high"] - ends["low"]) / 2)
    assert "with the cut-off kept" in table_notes.under("S16")
    # Four times as many patients would halve it.
    assert precise.loc[("POI", "auc"), "patients_for_5_points"] == np.ceil(12 * (half / 0.05) ** 2)
    few = severe & (patients.isin(patients[severe].unique()[:9]) | ~severe)
    needed = diagnostic.precision(by_patient, table, few, patients)["patients_for_5_points"]
    assert needed.xs("sensitivity", level=1).isna().all() and needed.xs("specificity", level=1).notna().all()
    listed = {row["name"]: row for row in diagnostic.values(table, precise, 0.05)}
    assert len(listed) == len(diagnostic.values(table, precise, 0.05))
    assert (
        listed["ppv_poi"]["ci_low"] == table.loc[key, "low"]
        and listed["ppv_anew_poi"]["ci_low"] == table.loc[key, "low_anew"]
    )
    assert listed["stated_prevalence"]["value"] == 0.05 and listed["average_precision_poi"]["n"] == 40


def test_the_drawing_has_each_models_own_baseline(cohort):
    predicted, severe, *_ = cohort
    drawn = diagnostic.recall_drawing(predicted, severe)["curves"]
    assert drawn["iHU"]["baseline"] == severe[:110].mean() != drawn["POI"]["baseline"] == severe.mean()


def test_perfect_separation_has_no_interval():
    severe, patients = pd.Series([True] * 6 + [False] * 14), pd.Series(range(20))
    predicted = pd.DataFrame({"POI": severe * 1.0})
    table = diagnostic.beside_table_2(predicted, severe, patients, roc.evaluate(predicted, severe), 0.1, n_resamples=40)
    assert table.loc[("POI", "lr_positive"), "estimate"] == np.inf
    assert table["low"].isna().all()
    assert "No brackets, or a dash: all resamples" in table_notes.under("S15", shown=diagnostic.in_words(table))


def test_a_row_without_an_interval_beside_others_says_why_and_a_prevalence_that_it_is_assumed():
    shown = pd.DataFrame({"Cut-off kept": ["1.0000", "0.8 [0.7, 0.9]"], "anew": ["[0.9, 1.0]", "[0.6, 0.9]"]})
    assert "No brackets" in table_notes.under("S15", shown=shown)
    complete = table_notes.under("S15", prevalence=0.15, shown=shown.iloc[1:])
    assert "No brackets" not in complete and complete.endswith("15 %; where the authors state none, 5 % is assumed.")


def test_a_biomarker_that_is_lower_in_severe_scans_is_said_to_be_turned():
    rng = np.random.default_rng(3)
    severe = pd.Series(np.arange(60) < 20)
    scans = pd.DataFrame({"is_severe": severe, "poi": rng.normal(severe, 1), "ihu": rng.normal(-1.0 * severe, 1)})
    scans.loc[3, "ihu"] = np.nan
    probability = pd.DataFrame({"POI": 1 / (1 + np.exp(-scans["poi"])), "iHU": 1 / (1 + np.exp(scans["ihu"]))})
    known = scans.drop(index=3)
    pairs = known.loc[known["is_severe"], "ihu"].to_numpy()[:, None] - known.loc[~known["is_severe"], "ihu"].to_numpy()
    said = diagnostic.turned(scans, probability)
    assert said.startswith(" Of iHU, lower values are called severe") and "POI" not in said
    assert f"is {words.as_share((pairs > 0).mean())}." in said and (pairs > 0).mean() < 0.5
    assert diagnostic.turned(scans, probability.assign(iHU=1 - probability["iHU"])) == ""
