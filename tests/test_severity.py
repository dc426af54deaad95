"""Notebook 5's tables: the paper's form, and the names of the recorded values."""

import numpy as np
import pandas as pd
import pytest

from study import groups, logistic, resampling, roc, severity, tables

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
    tests = groups.compare(scans, ["poi", "ihu"], scans["is_severe"])
    return scans, tests, logistic.summary(fits), performance, bootstrap


def test_table_2_has_the_papers_form(results):
    *_, performance, bootstrap = results
    table = severity.table_2(performance, bootstrap)
    assert table.index.tolist() == ["POI", "iHU", "POI+iHU"]
    number = r"\d+\.\d\d"
    assert table["Sensitivity %"].str.fullmatch(rf"{number} \(\d+ of \d+\) \[{number}, {number}\]").all()
    assert table["AUC"].str.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]").all()


def test_an_undefined_interval_is_left_out(results):
    *_, performance, bootstrap = results
    table = severity.table_2(performance, bootstrap.assign(low=np.nan))
    assert table["Specificity %"].str.endswith(")").all()


def test_values_are_named_once_and_hold_the_tables_numbers(results):
    scans, *_, regression, performance, bootstrap = results
    listed = severity.values(*results)
    values = pd.DataFrame(listed).set_index("name")
    assert values.index.is_unique
    assert values.loc["auc_poi_ihu", "value"] == performance.loc["POI+iHU", "auc"]
    assert values.loc["odds_ratio_ihu_adjusted", "ci_high"] == regression.loc[("POI+iHU", "ihu"), "ci_high"]
    assert values.loc["auc_clustered_poi", "ci_low"] == bootstrap.loc[("POI", "auc"), "clustered_low"]
    assert values.loc["n_ihu", "value"] == 60 - values.loc["n_without_infection", "value"]
    assert values.loc["n_severe_poi", "value"] == scans["is_severe"].sum()
    assert values.loc["sensitivity_poi", "n"] == scans["is_severe"].sum()
    assert {"aic_poi", "aic_ihu", "aic_poi_ihu", "p_value_odds_ratio_poi", "true_positives_poi"} <= set(values.index)


def test_the_values_hold_the_whole_model(results):
    """A reader's probability, from the recorded values alone, is the one behind the ROC curve."""
    scans = results[0]
    listed = {row["name"]: row["value"] for row in severity.values(*results)}
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
    regression = logistic.summary(logistic.fit_each(separated, MODELS))
    assert severity.odds_ratio_table(regression)["AIC"].tolist()[0] == tables.MISSING
    listed = {row["name"]: row["value"] for row in severity.values(scans, tests, regression, performance, bootstrap)}
    assert np.isnan(listed["odds_ratio_poi"]) and np.isfinite(listed["odds_ratio_ihu"])


def test_interval_table_compares_widths(results):
    *_, performance, bootstrap = results
    by_patient = pd.DataFrame({"low": 0.6, "high": 0.9}, performance.index)
    table = severity.interval_table(performance, bootstrap, by_patient)
    assert (table["obuchowski_high"] == 0.9).all()
    row = table.loc["POI"]
    expected = (row["clustered_high"] - row["clustered_low"]) / (row["high"] - row["low"])
    assert row["patients_over_scans"] == expected
