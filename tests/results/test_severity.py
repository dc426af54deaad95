"""Notebook 5's tables: the paper's form, and the names of the recorded values."""

import numpy as np
import pandas as pd
import pytest

from study.results import interval_tables, severity, severity_values, words
from study.statistics import clustered, logistic, proportion, resampling, roc

MODELS = {"POI": ["poi"], "iHU": ["ihu"], "POI+iHU": ["poi", "ihu"]}


@pytest.fixture(scope="module")
def results():
    """Return every table of a small study of 60 scans, three of them without infection."""
    rng = np.random.default_rng(0)
    scans = pd.DataFrame({"patient_id": np.arange(60) // 2, "poi": rng.beta(1, 8, 60), "ihu": rng.normal(-500, 90, 60)})
    scans["is_severe"] = rng.random(60) < 1 / (1 + np.exp(2 - 12 * scans["poi"]))
    scans.loc[~scans["is_severe"] & (np.arange(60) < 8), ["poi", "ihu"]] = 0, np.nan
    fits = logistic.fit_each(scans, MODELS)
    predicted = logistic.predictions(fits)
    performance = roc.evaluate(predicted, scans["is_severe"])
    bootstrap = resampling.evaluate(predicted, scans["is_severe"], scans["patient_id"], performance["cutoff"], 100)
    tests, _ = severity.group_tests(scans.assign(sex="male"))
    return scans, tests, logistic.summary(fits), performance, bootstrap


def test_table_2_has_the_papers_form(results):
    scans, *_, performance, bootstrap = results
    by_gee = clustered.odds_ratios(scans, {"POI": ["poi"], "POI+iHU": ["poi", "ihu"]}, scans["patient_id"])
    table = severity.table_2(performance, bootstrap, by_gee)
    assert table.index.tolist() == ["POI", "iHU", "POI+iHU"]
    number = r"\d+\.\d\d"
    assert table["Sensitivity %"].str.fullmatch(rf"{number} \(\d+ of \d+\) \[{number}, {number}\]").all()
    assert table["AUC"].str.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]").all()
    assert table.loc["POI", "p value, scans"] == words.p_value(performance.loc["POI", "p_value"])
    # The test over patients is of the whole model; iHU alone was not estimated here.
    assert table.loc["POI+iHU", "p value, patients"] == words.p_value(by_gee["model_p_value"].iloc[-1])
    assert table.loc["iHU", "p value, patients"] == words.MISSING


def test_an_undefined_interval_is_left_out(results):
    scans, *_, performance, bootstrap = results
    by_gee = clustered.odds_ratios(scans, {}, scans["patient_id"])
    table = severity.table_2(performance, bootstrap.assign(low=np.nan), by_gee)
    assert table["Specificity %"].str.endswith(")").all()


def test_values_are_named_once_and_hold_the_tables_numbers(results):
    scans, *_, regression, performance, bootstrap = results
    listed = severity_values.values(*results)
    values = pd.DataFrame(listed).set_index("name")
    assert values.index.is_unique
    assert values.loc["auc_poi_ihu", "value"] == performance.loc["POI+iHU", "auc"]
    assert values.loc["odds_ratio_ihu_adjusted", "ci_high"] == regression.loc[("POI+iHU", "ihu"), "ci_high"]
    assert values.loc["auc_clustered_poi", "ci_low"] == bootstrap.loc[("POI", "auc"), "clustered_bca_low"]
    assert values.loc["n_ihu", "value"] == 60 - values.loc["n_without_infection", "value"]
    assert values.loc["n_severe_poi", "value"] == scans["is_severe"].sum()
    for name, is_severe in (("severe", True), ("nonsevere", False)):
        of_group = {patient for patient, status in zip(scans["patient_id"], scans["is_severe"], strict=True)
                    if status == is_severe}  # fmt: skip
        assert values.loc[f"n_patients_{name}", "value"] == len(of_group) > 0
    assert values.loc["sensitivity_poi", "n"] == scans["is_severe"].sum()
    assert {"aic_poi", "aic_ihu", "aic_poi_ihu", "p_value_odds_ratio_poi", "true_positives_poi"} <= set(values.index)


def test_the_auc_of_a_biomarkers_values_is_not_turned_where_the_models_is(results):
    scans, tests, regression, performance, bootstrap = results
    pairs = scans.loc[scans["is_severe"], "poi"].to_numpy()[:, None] - scans.loc[~scans["is_severe"], "poi"].to_numpy()
    area = (pairs > 0).mean() + (pairs == 0).mean() / 2
    lower = scans.assign(poi=-scans["poi"])
    fitted = logistic.summary(logistic.fit_each(lower, MODELS))
    for of_scans, of_regression, expected in ((scans, regression, area), (lower, fitted, 1 - area)):
        listed = severity_values.values(of_scans, tests, of_regression, performance, bootstrap)
        values = pd.DataFrame(listed).set_index("name")
        of_values = values.loc["auc_of_values_poi"]
        assert of_values["value"] == pytest.approx(expected, abs=1e-12)
        assert of_values["ci_low"] < expected < of_values["ci_high"]
        assert values.loc["auc_poi", "value"] == pytest.approx(area)
        assert severity_values.quoted(of_scans)["auc_of_values_poi"] == pytest.approx(expected)
    assert "auc_of_values_poi_ihu" not in values.index


def test_the_values_hold_the_whole_model(results):
    """A reader's probability, from the recorded values alone, is the one behind the ROC curve."""
    scans = results[0]
    listed = {row["name"]: row["value"] for row in severity_values.values(*results)}
    predicted = logistic.predictions(logistic.fit_each(scans, MODELS))

    def standardised(biomarker, name):
        return listed[f"coefficient_{name}"] * (scans[biomarker] - listed[f"mean_{name}"]) / listed[f"sd_{name}"]

    alone = listed["intercept_poi"] + standardised("poi", "poi")
    both = listed["intercept_poi_ihu"] + standardised("poi", "poi_adjusted") + standardised("ihu", "ihu_adjusted")
    for log_odds, model in ((alone, "POI"), (both, "POI+iHU")):
        np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), predicted[model], rtol=1e-9)


def test_separation_is_shown_as_undefined(results):
    scans, tests, _, performance, bootstrap = results
    separated = scans.assign(poi=scans["is_severe"] + 0.001 * np.arange(60))
    regression, penalised = (
        logistic.summary(logistic.fit_each(separated, MODELS, firth=firth)) for firth in (False, True)
    )
    table = severity.odds_ratio_table(regression, penalised)
    assert table[["Odds ratio per SD", "Profile interval", "AIC"]].iloc[0].tolist() == [words.MISSING] * 3
    # Firth's correction has an answer there.
    odds, low, high = penalised.loc[("POI", "poi"), ["odds_ratio", "profile_low", "profile_high"]]
    assert table["With Firth's correction"].iloc[0] == f"{odds:.3f} [{low:.3f}, {high:.3f}]" and 1 < low < odds < high
    listed = {
        row["name"]: row["value"] for row in severity_values.values(scans, tests, regression, performance, bootstrap)
    }
    assert np.isnan(listed["odds_ratio_poi"]) and np.isfinite(listed["odds_ratio_ihu"])


def test_interval_table_has_every_interval_and_compares_widths(results):
    *_, performance, bootstrap = results
    by_patient = pd.DataFrame({"low": 0.6, "high": 0.9}, performance.index)
    table = interval_tables.interval_table(performance, bootstrap, by_patient)
    assert table.loc[("patients", "Obuchowski"), "iHU"] == "[0.6000, 0.9000]"
    row = bootstrap.loc[("POI", "auc")]
    assert table.loc[("scans", "bootstrap of all, BCa"), "POI"] == words.interval(
        *row[["plain_bca_low", "plain_bca_high"]]
    )
    expected = (row["clustered_bca_high"] - row["clustered_bca_low"]) / (row["bca_high"] - row["bca_low"])
    assert float(table["POI"].iloc[-1]) == pytest.approx(expected, abs=0.005)
    assert table["POI"].iloc[0] == f"{performance.loc['POI', 'auc']:.4f}"


def test_rate_table_has_the_bootstraps_and_the_exact_intervals(results):
    *_, performance, bootstrap = results
    exact = proportion.rates(performance)
    table = interval_tables.rate_table(bootstrap, exact)
    assert table.index.tolist() == exact.index.tolist()
    key = ("iHU", "sensitivity")
    assert table.loc[key, "Scans, Wilson"] == words.interval(*exact.loc[key, ["wilson_low", "wilson_high"]])
    assert table.loc[key, "Patients, bootstrap"] == words.interval(
        *bootstrap.loc[key, ["clustered_low", "clustered_high"]]
    )


BIOMARKERS = {
    "scan_id": ["s1", "s2", "s3", "s4"], "patient_id": ["a", "b", "c", "d"], "age_years": 50, "sex": "male",
    "scan_date": "2020-02-01", "status": ["severe", "severe", "non-severe", "non-severe"], "lung_volume_ml": 4000.0,
    "infection_volume_ml": 40.0, "poi": 0.01, "ihu": [-500.0, -510, -600, -610],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"status": "severe"}, "severe for 4 of 4 scans"),
        ({"infection_volume_ml": 0.0, "poi": 0.0, "ihu": np.nan}, "segmentation missed infection"),
        ({"infection_volume_ml": [40.0, 40, 0, 0], "poi": [0.01, 0.01, 0, 0], "ihu": [-500, -510, np.nan, np.nan]},
         "2 severe and 0 non-severe"),
        ({}, "poi is 0.01 in every scan"),
        ({"infection_volume_ml": [40.0, 80, 40, 80], "poi": [0.01, 0.02, 0.01, 0.02], "ihu": -500.0}, "ihu is -500"),
    ],
)  # fmt: skip
def test_scans_that_cannot_be_told_apart_are_refused_with_a_remedy(tmp_path, changed, words):
    path = tmp_path / "biomarkers.csv"
    pd.DataFrame(BIOMARKERS | changed).to_csv(path, index=False)
    with pytest.raises(ValueError, match=words) as caught:
        severity.read_biomarkers_with_status(path)
    assert str(path) in str(caught.value)


def test_scans_of_unknown_status_are_left_out(tmp_path):
    path = tmp_path / "biomarkers.csv"
    table = pd.DataFrame(BIOMARKERS | {"infection_volume_ml": [40.0, 80, 40, 80], "poi": [0.01, 0.02, 0.01, 0.02]})
    unknown = table.iloc[[0]].assign(scan_id="s5", patient_id="e", status="")
    pd.concat([table, unknown]).to_csv(path, index=False)
    assert severity.read_biomarkers_with_status(path).index.tolist() == BIOMARKERS["scan_id"]
    told = {one["name"]: one["value"] for one in severity_values.unknown_status(path)}
    assert told == {"n_status_unknown": 1, "n_patients_status_unknown": 1}
    table.to_csv(path, index=False)
    assert severity_values.unknown_status(path) == []
    table.assign(status="").to_csv(path, index=False)
    with pytest.raises(ValueError, match="the status of every scan is unknown"):
        severity.read_biomarkers_with_status(path)


def test_the_drawing_of_figure_4_holds_the_tables_numbers(results):
    scans, *_, performance, _ = results
    predicted = logistic.predictions(logistic.fit_each(scans, MODELS))
    drawing = severity.roc_drawing(predicted, scans["is_severe"], performance)
    assert drawing["auc"]["POI"] == performance.loc["POI", ["auc", "auc_low", "auc_high"]].tolist()
    fpr, tpr = drawing["chosen"]["iHU"]
    assert (1 - fpr, tpr) == pytest.approx(performance.loc["iHU", ["specificity", "sensitivity"]].tolist())
    assert sum(drawing["n"]["POI"]) == len(scans) and set(drawing["curves"]) == set(MODELS)
    assert sum(drawing["n"]["iHU"]) == scans["ihu"].notna().sum() < len(scans)


def test_paired_tests_and_cutoffs_on_the_biomarkers_own_scale(results):
    scans, *_, performance, _ = results
    predicted = logistic.predictions(logistic.fit_each(scans, MODELS))
    paired = severity.paired_test(predicted, scans["is_severe"], scans["patient_id"])
    infected = scans["ihu"].notna()
    given = scans.loc[infected, "poi"], predicted.loc[infected, "iHU"], scans.loc[infected, "is_severe"]
    expected = roc.delong_test(*given)
    assert paired.loc["scans", "p_value"] == pytest.approx(expected.p_value)
    by_patient = clustered.auc_difference(*given, scans.loc[infected, "patient_id"])
    assert paired.loc["patients", "p_value"] == pytest.approx(by_patient["p_value"])
    assert paired["n"].tolist() == [infected.sum(), scans.loc[infected, "patient_id"].nunique()]
    at = severity.biomarkers_at_cutoff(scans, predicted, performance)
    # Calling severe at that POI gives the sensitivity of Table 2.
    called = scans["poi"] >= at.loc["poi", "at_cutoff"]
    assert called[scans["is_severe"]].mean() == performance.loc["POI", "sensitivity"]
    ties = roc.youden_ties(predicted["iHU"][infected], scans["is_severe"][infected])
    assert at.loc["ihu", "tied"] == len(ties) - 1
    listed = {row["name"]: row for row in severity_values.pair_values(paired, at)}
    assert listed["ihu_at_cutoff"]["unit"] == "HU" and listed["p_value_delong_poi_ihu"]["value"] == expected.p_value


def test_groups_are_tested_over_scans_and_over_patients(results):
    """Sex is a patient's: more scans of the same patients are no more evidence, nor are more of the same values."""
    scans = results[0].assign(sex=np.where(results[0]["patient_id"] % 3 == 0, "male", "female"))
    biomarkers, sex = severity.group_tests(scans)
    again, sex_again = severity.group_tests(pd.concat([scans] * 3, ignore_index=True))
    assert sex.loc["sex", "n"] == scans["patient_id"].nunique() == 30
    assert sex.loc["sex", "chi_square_p"] == sex_again.loc["sex", "chi_square_p"]
    assert again["patients_p"].tolist() == pytest.approx(biomarkers["patients_p"].tolist())
    assert (again["mann_whitney_p"] < biomarkers["mann_whitney_p"]).all()
    expected = clustered.auc_table(scans[["poi"]], scans["is_severe"], scans["patient_id"]).loc["poi", "p_value"]
    assert biomarkers.loc["poi", "patients_p"] == expected
