"""The sections of notebook 5 that go beyond the paper, also where there are not enough data."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy import stats

from study.figures import robustness_plots
from study.results import robustness, words
from study.statistics import clustered, logistic, roc, tornado, validation

MODELS = {"POI": ["poi"], "iHU": ["ihu"], "POI+iHU": ["poi", "ihu"]}


def cohort(n=60, seed=0, scans_each=3):
    rng = np.random.default_rng(seed)
    scans = pd.DataFrame(
        {
            "patient_id": [f"p{k}" for k in np.arange(n) // scans_each],
            "scan_date": pd.Timestamp("2020-02-01") + pd.to_timedelta(np.arange(n) % scans_each, "D"),
            "poi": rng.beta(1, 8, n),
            "ihu": rng.normal(-500, 90, n),
        },
        index=pd.Index([f"s{k}" for k in range(n)], name="scan_id"),
    )
    scans["is_severe"] = rng.random(n) < 1 / (1 + np.exp(2 - 12 * scans["poi"]))
    scans.loc[scans.index[:1], "is_severe"] = True
    scans.loc[~scans["is_severe"] & (np.arange(n) < 8), ["poi", "ihu"]] = 0, np.nan
    return scans.assign(status=np.where(scans["is_severe"], "severe", "non-severe"))


def every_section(scans, variants=None):
    """All that notebook 5 does after Figure 4; returns the values by name, and the figures."""
    severe, patients = scans["is_severe"], scans["patient_id"]
    fits = logistic.fit_each(scans, MODELS)
    alone = logistic.fit_each(scans.dropna(subset="ihu"), {"POI": ["poi"]})["POI"]
    predicted = logistic.predictions(fits)
    by_patient = clustered.auc_table(predicted, severe, patients)
    by_gee = clustered.odds_ratios(scans, {m: p for m, p in MODELS.items() if not fits[m].note}, patients)
    robustness.by_patient_table(logistic.summary(fits), by_gee)
    on_some = robustness.on_some_scans(scans, MODELS)
    added = robustness.added_value(fits, alone, by_gee)
    held_out, unseen = validation.cross_validate(scans, MODELS, severe, patients, n_repeats=1)
    optimism = validation.optimism(scans, MODELS, severe, patients, n_resamples=10)
    validated = robustness.validation_table(held_out, optimism, unseen, severe, patients, by_patient)
    calibrated, bins = robustness.calibrations(unseen, severe, patients)
    benefit = validation.net_benefit(unseen, severe, [0.1, 0.5])
    limits = validation.net_benefit_limits(unseen, severe, patients, [0.1, 0.5])
    moved = robustness.measured_otherwise(scans, fits, roc.evaluate(predicted, severe)["cutoff"], variants)
    figures = [
        robustness_plots.calibration_and_decision(bins, calibrated, benefit, limits),
        robustness_plots.tornado(moved, tornado.WORDS, robustness.shown(scans), note="a note"),
    ]
    listed = robustness.values(by_patient, by_gee, on_some, added, validated, calibrated, moved)
    values = pd.DataFrame(listed).set_index("name")
    assert values.index.is_unique
    for figure in figures:
        figure.canvas.draw()
    return values["value"], moved.set_index(["headline", "choice"]), figures, (fits, alone, predicted)


@pytest.fixture(scope="module")
def results():
    scans = cohort()
    variants = pd.DataFrame(
        {
            "smaller_poi": scans["poi"] / 2, "smaller_ihu": scans["ihu"] + 50, "larger_poi": scans["poi"] * 1.3,
            "larger_ihu": scans["ihu"] - 50, "lung_median_hu": -820.0,
        }
    )  # fmt: skip
    return scans, every_section(scans, variants)


def test_a_cutoff_chosen_on_the_same_scans_is_told_from_one_chosen_on_others():
    index = pd.MultiIndex.from_product(
        [["POI", "iHU"], ["auc", "sensitivity", "specificity"]], names=["model", "quantity"]
    )
    validated = pd.DataFrame({"apparent": [0.9, 0.8, 0.7] * 2, "held_out": [0.9, 0.75, 0.7, *[np.nan] * 3]}, index)
    said = robustness.youden_in_words(validated)
    assert said.endswith(": POI 0.5000 and 0.4500; iHU 0.5000 and –")


def test_does_ihu_add_uses_the_likelihoods_of_the_same_scans(results):
    scans, (values, _, _, (_, alone, predicted)) = results
    both = predicted.dropna()
    status = scans.loc[both.index, "is_severe"].to_numpy()

    def log_likelihood(probability):
        return np.log(np.where(status, probability, 1 - probability)).sum()

    ratio = 2 * (log_likelihood(both["POI+iHU"]) - log_likelihood(alone.predicted.loc[both.index]))
    assert values["p_value_ihu_adds_likelihood_ratio"] == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-6)
    assert not [name for name in values.index if "adds_delong" in name or "adds_obuchowski" in name]  # nested models
    assert 0 < values["p_value_model_poi_ihu"] < 1
    assert 0 < values["p_value_ihu_adds_gee"] < 1 and values["auc_held_out_poi"] > 0.5


def test_the_base_of_the_tornado_is_what_was_published(results):
    scans, (_, moved, _, (_, _, predicted)) = results
    performance = roc.evaluate(predicted, scans["is_severe"])
    for model, row in performance.iterrows():
        for word in ("AUC", "Sensitivity", "Specificity"):
            assert moved.loc[(f"{word}, {model}", "mask"), "base"] == pytest.approx(row[word.lower()], abs=1e-12)


def test_the_tornado_moves_as_it_must(results):
    _, (_, moved, _, _) = results
    # Ranks do not see what all scans share; a cut-off does, and a lower one finds more.
    shared = moved.loc[("AUC, iHU", "hu")]
    assert shared["low"] == shared["high"] == shared["base"]
    assert moved.loc[("AUC, POI", "mask"), "high"] == pytest.approx(moved.loc[("AUC, POI", "mask"), "base"])
    sensitivity_row, specificity_row = (moved.loc[(f"{w}, POI", "cutoff")] for w in ("Sensitivity", "Specificity"))
    assert sensitivity_row["low"] >= sensitivity_row["base"] >= sensitivity_row["high"]
    assert specificity_row["low"] <= specificity_row["base"] <= specificity_row["high"]
    median = moved.loc[("Median POI (%), severe", "mask")]
    recorded = {row["name"]: row["value"] for row in robustness.moves(moved.reset_index())}
    assert recorded["largest_move_median_poi_severe"] == pytest.approx(-median["base"] / 200)  # as a fraction
    assert median["low"] == pytest.approx(median["base"] / 2) and median["high"] == pytest.approx(median["base"] * 1.3)
    assert ("AUC, POI", "cutoff") not in moved.index


def test_figures_say_what_they_show(results):
    scans, (_, _, figures, _) = results
    words = " ".join(text.get_text() for figure in figures for text in figure.findobj(Text))
    for word in ("slope", "Net benefit", "call every scan severe", "infection mask", "does not apply"):
        assert word in words
    assert "A note." in " ".join(figure.caption for figure in figures)
    counted = f"of {len(scans)} scans ({scans['is_severe'].sum()} severe) of {scans['patient_id'].nunique()} patients"
    assert counted in figures[1].caption and "no intervals" in figures[1].caption


def test_titles_of_the_tornado_have_the_tables_digits_and_do_not_touch(results):
    _, (_, moved, _, _) = results
    moved = moved.reset_index()
    figure = robustness_plots.tornado(moved, tornado.WORDS, "", digits=robustness.decimals(moved))
    printed = words.as_printed(tornado.in_words(moved), dict.fromkeys(["base"], robustness.decimals(moved)))
    titles = [ax.title if ax.get_title() else ax._left_title for ax in figure.axes if ax.axison]
    for title, (headline, base) in zip(titles, dict(zip(printed["headline"], printed["base"], strict=True)).items(),
                                       strict=True):  # fmt: skip
        assert title.get_text()[4:].replace("\n", " ") == f"{headline}: {base}"
        assert f"{headline} {base}" in figure.alt
    figure.draw_without_rendering()
    boxes = [title.get_window_extent() for title in titles]
    assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]


@pytest.mark.parametrize("low", [0.55, 0.9])
def test_the_word_undefined_lies_on_no_bar(low):
    table = pd.DataFrame({"headline": "Kappa, a", "choice": ["hu", "mask"], "base": 0.6, "low": [low, 0.2],
                          "high": [np.nan, 0.9]})  # fmt: skip
    figure = robustness_plots.tornado(table, tornado.WORDS, "", columns=2)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    (word,) = (text for text in ax.texts if text.get_text().strip() == "undefined")
    box = word.get_window_extent()
    assert not [bar for bar in ax.patches if bar.get_window_extent().overlaps(box)]
    assert ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1


def test_one_scan_is_one_scan():
    scans = cohort().assign(ihu=-500.0)
    scans.loc[scans.index[:1], "ihu"] = np.nan
    assert "leave out 1 scan without infection" in robustness.shown(scans)
    smaller = scans[["ihu"]].rename(columns={"ihu": "smaller_ihu"})
    assert "smaller mask" not in robustness.shown(scans, smaller)
    smaller.loc[scans.index[1:3]] = np.nan
    assert "no infection in 2 scans" in robustness.shown(scans, smaller)


def test_little_or_odd_data_give_defined_results():
    separated = cohort()
    separated["poi"] = separated["is_severe"] * 0.5 + separated["poi"] / 10
    values, moved, *_ = every_section(separated)
    assert "odds_ratio_gee_poi" not in values and np.isnan(values["p_value_ihu_adds_gee"])
    assert np.isnan(values["auc_obuchowski_poi"]) or values["auc_obuchowski_poi"] == 1
    assert ("AUC, iHU", "hu") in moved.index and ("AUC, POI", "hu") not in moved.index

    one_patient, *_ = every_section(cohort().assign(patient_id="p"))
    assert np.isnan(one_patient["auc_held_out_poi"]) and np.isnan(one_patient["auc_first_scan_poi"])
    assert np.isnan(one_patient["p_value_gee_poi"]) and np.isfinite(one_patient["odds_ratio_gee_poi"])

    one_scan_each, *_ = every_section(cohort(scans_each=1))
    assert one_scan_each["auc_first_scan_poi"] == pytest.approx(one_scan_each["auc_obuchowski_poi"])


def test_a_calibration_of_few_scans_is_left_out_and_that_is_said():
    bins = pd.DataFrame({"predicted": [0.2, 0.8], "observed": [0.1, 0.9], "low": 0.0, "high": 1.0})
    calibrated = pd.DataFrame({"slope": 1.0, "intercept": 0.0, "n": [24, 16]}, index=["POI", "iHU"])
    benefit = pd.DataFrame({"threshold": [0.1, 0.9], "POI": [0.2, 0.1], "iHU": 0.1, "all": [0.2, -1], "none": 0.0})

    def drawn(of_poi):
        figure = robustness_plots.calibration_and_decision(
            {"POI": of_poi, "iHU": bins.iloc[:0]}, calibrated.loc[["POI", "iHU"]], benefit
        )
        figure.canvas.draw()
        return figure, [text.get_text() for key in figure.legends for text in key.get_texts()]

    figure, keys = drawn(bins)
    assert "; iHU left out, too few scans for two groups of ten. (b)" in figure.caption and len(keys) == 1
    figure, keys = drawn(bins.iloc[:0])
    left, right = figure.axes
    assert "(a) Calibration: POI, iHU left out, too few" in figure.caption and keys == []
    assert "too few" in left.missing and not hasattr(right, "missing") and len(right.lines) > 2


def test_empty_infections_alone_leave_nothing_to_regress():
    with pytest.raises(ValueError, match="predictor poi does not vary"):
        every_section(cohort().assign(poi=0.0, ihu=np.nan))


def test_auc_of_truth_is_that_of_the_true_masks_where_they_are_known():
    scans = cohort()
    severe = scans["is_severe"]
    variants = pd.DataFrame({"true_poi": severe * 0.5, "true_ihu": np.where(severe, -300.0, np.nan)}, scans.index)
    found = robustness.auc_of_truth(variants, scans)
    assert found.index.tolist() == ["POI"]  # of iHU one status alone is known
    measured = roc.auc(scans["poi"], severe)
    assert found.loc["POI"].tolist() == [60, 1.0, measured]
    assert robustness.truth_in_words(found).endswith(f": POI 1.0000 and {measured:.4f} (60 scans)")
    assert robustness.truth_in_words(robustness.auc_of_truth(None, scans)).endswith(": unknown")


def test_the_truth_and_the_measurement_are_compared_on_the_same_scans():
    scans = cohort()
    empty = scans["ihu"].isna()
    truth = scans["ihu"].where(np.arange(len(scans)) % 10 != 9).fillna(-400.0).where(np.arange(len(scans)) % 10 != 9)
    variants = pd.DataFrame({"true_poi": np.nan, "true_ihu": truth})
    row = robustness.auc_of_truth(variants, scans).loc["iHU"]
    both = ~empty & truth.notna()
    assert row["n"] == both.sum() < min((~empty).sum(), truth.notna().sum())
    assert row["by_truth"] == row["as_measured"] == roc.auc(scans["ihu"][both], scans["is_severe"][both])


def test_scans_with_notes_are_left_out_of_one_row():
    scans = cohort().assign(notes=None)
    scans.loc[scans.index[10:25], "notes"] = "lung reaches the lowest section"
    table = robustness.on_some_scans(scans, MODELS)
    assert table.index.get_level_values("scans").unique().tolist() == ["first", "worst", "without notes"]
    row = table.loc[("without notes", "POI")]
    without = scans[scans["notes"].isna()]
    assert row["n"] == len(without) == 45 and row["auc"] == pytest.approx(roc.auc(without["poi"], without["is_severe"]))
    assert "without notes" not in robustness.on_some_scans(scans.drop(columns="notes"), MODELS).index
    every = robustness.on_some_scans(scans.assign(notes="breathing"), MODELS).loc[("without notes", "POI")]
    assert every["n"] == 0 and np.isnan(every["auc"]) and every["note"]
    assert (table["note"] == "").all()
    alone = scans[~scans["is_severe"] | scans.index.isin(scans.index[scans["is_severe"]][:1])].assign(notes=None)
    single = robustness.on_some_scans(alone, MODELS).loc[("without notes", "POI")]
    assert 0 < single["auc"] < 1 and np.isnan(single["auc_low"])
    assert single["note"] == "no interval: fewer than two scans of a status"
    apart = alone.assign(poi=np.where(alone["is_severe"], 0.9, 0.1 * alone["poi"]))
    exact = robustness.on_some_scans(apart, MODELS).loc[("without notes", "POI")]
    assert exact["auc"] == 1 and exact["auc_low"] == pytest.approx(0.025) and "not DeLong's" in exact["note"]
    values, *_ = every_section(scans)
    assert values["auc_without_notes_poi"] == pytest.approx(row["auc"])
