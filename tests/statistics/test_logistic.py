"""Logistic regression: against R's glm (stats 4.2.2, answers frozen in reference/), and what must be refused."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from helpers.project import REFERENCE
from study.statistics import likelihood, logistic

DATA = dict(list(pd.read_csv(REFERENCE / "logistic_data.csv").groupby("data", sort=False)))
ANSWERS = pd.read_csv(REFERENCE / "logistic_answers.csv").set_index(["data", "model", "predictor"]).sort_index()
MODELS = {"poi": ["poi"], "ihu": ["ihu"], "poi_ihu": ["poi", "ihu"]}


def draw(n=80, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"poi": rng.normal(size=n), "ihu": rng.normal(size=n)}, index=[f"scan {k}" for k in range(n)])
    table["is_severe"] = rng.random(n) < 1 / (1 + np.exp(1 - table["poi"]))
    return table


@pytest.mark.parametrize(("name", "model"), ANSWERS.index.droplevel("predictor").unique())
def test_agrees_with_glm(name, model):
    fit = logistic.fit(DATA[name], MODELS[model])
    answers = ANSWERS.loc[name, model]
    for predictor, answer in answers.iterrows():
        row = fit.estimates.loc[predictor]
        assert row["coefficient"] == pytest.approx(answer["coefficient"], rel=1e-8)
        # glm takes its error from the last but one iteration
        assert row["standard_error"] == pytest.approx(answer["standard_error"], rel=1e-6)
        assert row["p_value"] == pytest.approx(answer["p_value"], rel=1e-5)
        reach = 1.959963984540054 * answer["standard_error"]
        limits = np.exp(answer["coefficient"] + np.array([0, -reach, reach]))
        assert tuple(row[["odds_ratio", "ci_low", "ci_high"]]) == pytest.approx(tuple(limits), rel=1e-6)
    first = answers.iloc[0]
    assert (fit.intercept, fit.aic, fit.n) == pytest.approx((first["intercept"], first["aic"], first["n"]), rel=1e-9)
    severe = DATA[name]["is_severe"] == 1
    assert fit.predicted[severe].mean() == pytest.approx(first["mean_predicted_severe"], rel=1e-8)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.01, 1000), st.floats(-100, 100))
def test_the_unit_of_a_predictor_does_not_matter(seed, factor, shift):
    table = draw(seed=seed)
    fit = logistic.fit(table, ["poi"])
    other = logistic.fit(table.assign(poi=table["poi"] * factor + shift), ["poi"])
    assert other.estimates.loc["poi", "odds_ratio"] == pytest.approx(fit.estimates.loc["poi", "odds_ratio"], rel=1e-5)
    assert other.aic == pytest.approx(fit.aic)
    turned = logistic.fit(table.assign(poi=-table["poi"]), ["poi"])
    assert turned.estimates.loc["poi", "odds_ratio"] == pytest.approx(1 / fit.estimates.loc["poi", "odds_ratio"])


def test_predicted_probabilities_add_up_to_the_outcomes():
    table = draw()
    fit = logistic.fit(table, ["poi", "ihu"])
    assert fit.predicted.sum() == pytest.approx(table["is_severe"].sum())
    assert fit.predicted.index.equals(table.index)
    assert fit.predicted.between(0, 1).all()


def test_rows_without_a_predictor_are_left_out_and_counted():
    table = draw()
    table.loc[table.index[:5], "ihu"] = np.nan
    fit = logistic.fit(table, ["poi", "ihu"])
    assert (fit.n, fit.n_excluded) == (75, 5)
    assert fit.predicted.isna().sum() == 5
    assert logistic.fit(table, ["poi"]).n == 80


def separated(ties=False, turned=False):
    poi = np.array([1.0, 2, 3, 4, 5, 5 if ties else 6, 7, 8, 9, 10])
    return pd.DataFrame(
        {
            "poi": -poi if turned else poi,
            "ihu": [3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3],
            "is_severe": np.arange(10) >= 5,
        }
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("predictors", [["poi"], ["ihu", "poi"]])
def test_separation_is_refused_and_named(ties, turned, predictors):
    with pytest.raises(logistic.SeparationError, match=r"^poi separates is_severe perfectly") as caught:
        logistic.fit(separated(ties, turned), predictors)
    assert caught.value.predictors == ["poi"]


def test_predictors_that_separate_together_are_named_together():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"poi": rng.normal(size=60), "ihu": rng.normal(size=60)})
    table["is_severe"] = table["poi"] + table["ihu"] > 0
    logistic.fit(table, ["poi"])
    with pytest.raises(logistic.SeparationError, match="poi and ihu separate is_severe"):
        logistic.fit(table, ["poi", "ihu"])
    table.loc[0, "is_severe"] = ~table.loc[0, "is_severe"]
    logistic.fit(table, ["poi", "ihu"])


def test_one_overlapping_pair_is_enough_for_a_fit():
    table = separated()
    table.loc[[4, 5], "is_severe"] = [True, False]
    assert np.isfinite(logistic.fit(table, ["poi"]).estimates.loc["poi", "odds_ratio"])


def test_fit_each_keeps_the_others_when_one_is_separated():
    table = separated(turned=True)
    fits = logistic.fit_each(table, {"POI": ["poi"], "iHU": ["ihu"]})
    assert fits["iHU"].note == "" and np.isfinite(fits["iHU"].aic)
    assert "separates" in fits["POI"].note and np.isnan(fits["POI"].aic)
    predicted = logistic.predictions(fits)
    assert predicted["POI"][table["is_severe"]].min() > predicted["POI"][~table["is_severe"]].max()
    summary = logistic.summary(fits)
    assert summary.loc[("POI", "poi"), ["odds_ratio", "ci_low"]].isna().all()
    assert summary.loc[("iHU", "ihu"), "n"] == 10


def test_inputs_stay_as_they_were():
    table = draw()
    copy = table.copy()
    logistic.fit(table, ["poi", "ihu"])
    pd.testing.assert_frame_equal(table, copy)


@pytest.mark.parametrize(
    ("change", "predictors", "words"),
    [
        ({"is_severe": True}, ["poi"], "is_severe is the same in all 80 rows with poi"),
        ({"poi": 1.0}, ["poi"], "poi does not vary"),
        ({}, ["poi", "poi_twice"], "determine each other"),
        ({}, ["hu"], "no column hu"),
        ({}, [], "needs a predictor"),
        ({"is_severe": "yes"}, ["poi"], "true or false"),
        ({"poi": np.inf}, ["poi"], "infinite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, predictors, words):
    table = draw()
    table["poi_twice"] = 2 * table["poi"] + 1
    with pytest.raises(ValueError, match=words):
        logistic.fit(table.assign(**change), predictors)


@pytest.mark.parametrize("near", [1e-2, 1e-4, 1e-7])
@pytest.mark.parametrize("firth", [False, True])
def test_predictors_that_nearly_determine_each_other_converge(near, firth):
    """A second predictor that is the first and a little more is the same model as the first and that little."""
    rng = np.random.default_rng(1)
    first, little = rng.standard_normal((2, 300))
    severe = rng.random(300) < special.expit(first + 0.5 * little - 1)
    table = pd.DataFrame({"a": first, "b": first + near * little, "little": little, "is_severe": severe})
    hard, easy = (logistic.fit(table, ["a", other], firth=firth) for other in ("b", "little"))
    np.testing.assert_allclose(hard.predicted, easy.predicted, rtol=1e-6)
    of_hard, of_easy = hard.estimates.loc["b"], easy.estimates.loc["little"]
    assert of_hard["coefficient"] / of_hard["sd"] * near == pytest.approx(
        of_easy["coefficient"] / of_easy["sd"], rel=1e-6
    )
    assert of_hard["p_value"] == pytest.approx(of_easy["p_value"], rel=1e-5)
    if not firth:
        assert hard.aic == pytest.approx(easy.aic, abs=1e-6)
        lightly = logistic.maximise(table, ["a", "b"])
        assert lightly.aic == pytest.approx(hard.aic, abs=1e-8)
        np.testing.assert_allclose(lightly.coefficients, hard.estimates["coefficient"], rtol=1e-5)


def test_resamples_are_refused_and_fitted_as_one_fit_is():
    """In small tables with ties: the maximum proves an overlap only where the linear programme finds no separation."""
    rng = np.random.default_rng(5)
    proven = refused = 0
    for _ in range(60):
        n = int(rng.integers(7, 13))
        table = pd.DataFrame(rng.integers(0, 5, (n, 2)), columns=["a", "b"]).assign(is_severe=np.arange(n) % 3 == 0)
        try:
            slowly = logistic.fit(table, ["a", "b"])
        except ValueError as error:
            with pytest.raises(type(error), match=re.escape(str(error))):
                logistic.maximise(table, ["a", "b"])
            refused += len(getattr(error, "predictors", [])) == 2
            continue
        found = logistic.maximise(table, ["a", "b"])
        np.testing.assert_allclose(found.coefficients, slowly.estimates["coefficient"], atol=1e-6)
        np.testing.assert_allclose(found.predicted, slowly.predicted, atol=1e-6)
        assert found.aic == pytest.approx(slowly.aic, abs=1e-8)
        proven += 1
    assert proven > 20 and refused > 5


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(-4, 4), st.floats(-4, 4))
def test_no_coefficients_prove_that_separated_rows_overlap(seed, first, second):
    """Whatever they are, those of the maximum or not."""
    x = np.random.default_rng(seed).normal(size=(12, 2))
    design = np.linalg.qr(np.column_stack([np.ones(12), x]))[0] * 12**0.5
    separated = likelihood.Likelihood(design, design[:, 1] + design[:, 2] > 0.2, firth=False)
    assert not separated.proves_overlap(np.array([0.0, first, second]))
    mixed = likelihood.Likelihood(design, np.arange(12) % 2 == 0, firth=False)
    apart = optimize.linprog(
        np.zeros(3), -np.where(mixed.severe, 1, -1)[:, None] * design, np.full(12, -1.0), bounds=(None, None)
    )
    try:
        top = mixed.climb(np.zeros(3))
    except ValueError:
        assert apart.success
    else:
        nearly = np.abs(mixed.severe - mixed.probability(top)).min() < 1e-6
        assert mixed.proves_overlap(top) == (not apart.success) or (nearly and not mixed.proves_overlap(top))
