"""Profile intervals, likelihood-ratio tests and Firth's correction: against R, by definition, and what is refused.

R: glm, and the profile of its likelihood solved by uniroot; MASS 7.3-58's confint; anova; brglm2 0.9 for Firth's
correction, whose profile, which brglm2 has not, R's optim finds by the definition (answers frozen in reference/).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from helpers.project import REFERENCE
from study.statistics import logistic

DATA = dict(list(pd.read_csv(REFERENCE / "logistic_data.csv").groupby("data", sort=False)))
GLM, FIRTH = (
    pd.read_csv(REFERENCE / f"{name}_answers.csv").set_index(["data", "model", "predictor"]).sort_index()
    for name in ("logistic", "firth")
)
RATIOS = pd.read_csv(REFERENCE / "likelihood_ratio_answers.csv", index_col="data")
SEPARATED = [name for name in DATA if name.startswith("separated")]


def draw(n=60, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"poi": rng.normal(size=n), "ihu": rng.normal(size=n)})
    return table.assign(is_severe=rng.random(n) < special.expit(table["poi"] - 0.5))


def limits(row):
    return np.log([row["profile_low"], row["profile_high"]])


@pytest.mark.parametrize(("name", "model"), GLM.index.droplevel("predictor").unique())
def test_profile_limits_agree_with_r(name, model):
    estimates = logistic.fit(DATA[name], model.split("_")).estimates
    for predictor, answer in GLM.loc[name, model].iterrows():
        found = limits(estimates.loc[predictor])
        assert found == pytest.approx(answer[["profile_low", "profile_high"]].to_numpy(float), rel=1e-6, abs=1e-7)
        # confint reads the limits from a spline through some points of the profile: right to about 1 in 1,000.
        assert found == pytest.approx(answer[["confint_low", "confint_high"]].to_numpy(float), rel=2e-3, abs=2e-3)


@pytest.mark.parametrize(("name", "model"), FIRTH.index.droplevel("predictor").unique())
def test_firth_agrees_with_brglm2(name, model):
    fit = logistic.fit(DATA[name], model.split("_"), firth=True)
    assert fit.method == "Firth" and np.isnan(fit.aic)
    for predictor, answer in FIRTH.loc[name, model].iterrows():
        row = fit.estimates.loc[predictor]
        assert row["coefficient"] == pytest.approx(answer["coefficient"], rel=1e-6, abs=1e-8)
        assert row["standard_error"] == pytest.approx(answer["standard_error"], rel=1e-6)
        assert fit.log_likelihood == pytest.approx(answer["log_likelihood"], rel=1e-9)
        assert row["p_value"] == pytest.approx(answer["p_value"], rel=1e-5)
        assert limits(row) == pytest.approx(answer[["profile_low", "profile_high"]].to_numpy(float), rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_firth_on_a_two_by_two_table_adds_half_a_scan_to_each_cell(counts):
    """Where the model has as many coefficients as there are groups, Jeffreys' penalty is half a case in each cell."""
    cells = np.array(counts).reshape(2, 2)
    assume(cells.sum(axis=0).all() and cells.sum(axis=1).all())
    table = pd.DataFrame(
        {"high": np.repeat([1.0, 0, 1, 0], counts), "is_severe": np.repeat([True, True, False, False], counts)}
    )
    row = logistic.fit(table, ["high"], firth=True).estimates.loc["high"]
    (a, b), (c, d) = cells + 0.5
    assert row["coefficient"] / row["sd"] == pytest.approx(np.log(a * d / (b * c)), rel=1e-6, abs=1e-8)


def penalised(design, severe, params):
    """Firth's log-likelihood by its definition."""
    chance = special.expit(design @ params)
    information = design.T @ np.diag(chance * (1 - chance)) @ design
    return np.log(np.where(severe, chance, 1 - chance)).sum() + 0.5 * np.log(np.linalg.det(information))


@pytest.mark.parametrize("seed", range(3))
def test_firth_is_where_the_penalised_likelihood_is_greatest(seed):
    table = draw(25, seed)
    fit = logistic.fit(table, ["poi", "ihu"], firth=True)
    standardised = (table[["poi", "ihu"]] - fit.estimates["mean"]) / fit.estimates["sd"]
    design, severe = np.column_stack([np.ones(25), standardised]), table["is_severe"].to_numpy()
    slow = optimize.minimize(lambda b: -penalised(design, severe, b), np.zeros(3), method="Nelder-Mead",
                             options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000})  # fmt: skip
    assert [fit.intercept, *fit.estimates["coefficient"]] == pytest.approx(slow.x, abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-slow.fun, abs=1e-10)


@pytest.mark.parametrize("firth", [False, True])
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.sampled_from([0.5, 0.9, 0.99]))
def test_at_a_profile_limit_the_likelihood_has_fallen_by_half_the_quantile(firth, seed, confidence):
    table = draw(40, seed)
    fit = logistic.fit(table, ["poi", "ihu"], confidence=confidence, firth=firth)
    row = fit.estimates.loc["poi"]
    assert row["profile_low"] < row["odds_ratio"] < row["profile_high"]
    standardised = (table[["poi", "ihu"]] - fit.estimates["mean"]) / fit.estimates["sd"]
    design, severe = np.column_stack([np.ones(40), standardised]), table["is_severe"].to_numpy()

    def lost(free, held):
        params = np.array([free[0], held, free[1]])
        signed = np.where(severe, 1, -1) * (design @ params)
        return -penalised(design, severe, params) if firth else -special.log_expit(signed).sum()

    for held in limits(row):
        least = optimize.minimize(lost, [fit.intercept, fit.estimates.loc["ihu", "coefficient"]], args=(held,)).fun
        assert 2 * (fit.log_likelihood + least) == pytest.approx(stats.chi2.ppf(confidence, 1), abs=1e-5)


@pytest.mark.parametrize("name", [name for name in DATA if name not in SEPARATED])
def test_likelihood_ratio_agrees_with_anova(name):
    table = DATA[name].dropna()
    test = logistic.likelihood_ratio_test(logistic.fit(table, ["poi"]), logistic.fit(table, ["ihu", "poi"]))
    answer = RATIOS.loc[name]
    assert (test.statistic, test.df) == pytest.approx((answer["statistic"], answer["df"]), rel=1e-6, abs=1e-9)
    assert test.p_value == pytest.approx(answer["p_value"], rel=1e-6)


def test_aic_is_the_likelihoods():
    fit = logistic.fit(draw(), ["poi", "ihu"])
    assert fit.aic == pytest.approx(6 - 2 * fit.log_likelihood)


@pytest.mark.parametrize("name", SEPARATED)
def test_a_separated_model_is_fitted_where_asked(name):
    table = DATA[name]
    fits = logistic.fit_each(table, {"both": ["poi", "ihu"], "iHU": ["ihu"]}, firth=True)
    both = fits["both"]
    assert both.method == fits["iHU"].method == "Firth" and both.note == ""
    assert np.isfinite(both.estimates.to_numpy()).all() and both.predicted.between(0, 1, inclusive="neither").all()
    assert logistic.summary(fits).loc[("both", "poi"), "method"] == "Firth"


def test_models_that_cannot_be_compared():
    table = draw()
    poi, ihu, both = (logistic.fit(table, names) for names in (["poi"], ["ihu"], ["poi", "ihu"]))
    test = logistic.likelihood_ratio_test
    for smaller, larger in ((both, poi), (poi, ihu), (poi, poi)):
        with pytest.raises(ValueError, match="the larger must contain the smaller"):
            test(smaller, larger)
    with pytest.raises(ValueError, match="of 60 and 59 rows, not the same"):
        test(poi, logistic.fit(table.assign(ihu=table["ihu"].where(table.index > 0)), ["poi", "ihu"]))
    with pytest.raises(ValueError, match="see the p_value of Firth's estimates"):
        test(poi, logistic.fit(table, ["poi", "ihu"], firth=True))
    separated = DATA["separated_together"]
    fits = logistic.fit_each(separated, {"POI": ["poi"], "both": ["poi", "ihu"]})
    result = test(fits["POI"], fits["both"])
    assert np.isnan([result.statistic, result.p_value]).all() and result.df == 1


def test_one_class_has_no_fit_with_firth_either():
    with pytest.raises(ValueError, match="a regression needs both outcomes"):
        logistic.fit(draw().assign(is_severe=True), ["poi"], firth=True)
    with pytest.raises(ValueError, match="poi does not vary"):
        logistic.fit(draw().assign(poi=1.0), ["poi"], firth=True)
