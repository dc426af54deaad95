"""Patient-clustered errors: against geepack, slow references, and the coverage of the intervals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from helpers.project import REFERENCE
from study.statistics import clustered, kappa, logistic, roc
from tools.simulate_coverage import (
    DESIGNS,
    FEW,
    PAPERS,
    SIZES,
    draw_scores,
    hold_auc,
    hold_kappa,
    hold_odds_ratio,
    share,
)  # fmt: skip

FROM_R = REFERENCE / "clustered"
DATA = pd.read_csv(FROM_R / "data.csv").rename(columns={"y": "is_severe"})


def slow_obuchowski(scores, severe, patients):
    """Variance of the AUC from Obuchowski (1997), equations 2 to 6, by loops over pairs and patients."""
    x, y = scores[severe], scores[~severe]
    psi = [[1.0 if a > b else 0.5 if a == b else 0.0 for b in y] for a in x]
    area = np.mean(psi)
    m, n = len(x), len(y)
    v10, v01 = np.mean(psi, axis=1), np.mean(psi, axis=0)
    ids = sorted(set(patients))
    part_10 = {i: sum(v - area for v, p in zip(v10, patients[severe], strict=True) if p == i) for i in ids}
    part_01 = {i: sum(v - area for v, p in zip(v01, patients[~severe], strict=True) if p == i) for i in ids}
    i_10, i_01, i_all = len(set(patients[severe])), len(set(patients[~severe])), len(ids)
    s_10 = i_10 / ((i_10 - 1) * m) * sum(v**2 for v in part_10.values())
    s_01 = i_01 / ((i_01 - 1) * n) * sum(v**2 for v in part_01.values())
    s_11 = i_all / (i_all - 1) * sum(part_10[i] * part_01[i] for i in ids)
    return s_10 / m + s_01 / n + 2 * s_11 / (m * n)


def tables(seed, n=60, n_patients=20, one_each=False):
    rng = np.random.default_rng(seed)
    patients = np.arange(n) if one_each else rng.integers(0, n_patients, n)
    severe = rng.random(n) < 0.4
    severe[:2], severe[-2:] = True, False
    scores = np.round(severe + rng.standard_normal(n) + patients / n, 1)
    return pd.DataFrame({"s": scores}), pd.Series(severe), pd.Series(patients)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([8, 30, 60]), st.sampled_from([4, 20]))
def test_the_aucs_error_is_obuchowskis(seed, n, n_patients):
    predicted, severe, patients = tables(seed, n, n_patients)
    row = clustered.auc_table(predicted, severe, patients).loc["s"]
    assert row["auc"] == pytest.approx(roc.auc(predicted["s"], severe))
    if min(patients[severe].nunique(), patients[~severe].nunique()) > 1:
        slow = slow_obuchowski(predicted["s"].to_numpy(), severe.to_numpy(), patients.to_numpy())
        assert row["standard_error"] ** 2 == pytest.approx(slow, abs=1e-12)
        assert np.isnan(row["low"]) or 0 <= row["low"] < row["auc"] < row["high"] <= 1
    else:
        assert np.isnan(row["standard_error"])


def test_with_one_scan_a_patient_it_is_delongs():
    predicted, severe, patients = tables(3, one_each=True)
    error = clustered.auc_table(predicted, severe, patients).loc["s", "standard_error"]
    assert error**2 == pytest.approx(roc.delong_variance(predicted["s"], severe), rel=1e-12)
    other = predicted["s"] ** 2
    ours = clustered.auc_difference(predicted["s"], other, severe, patients)
    delong = roc.delong_test(predicted["s"], other, severe)
    assert (ours["difference"], ours["t"]) == pytest.approx((delong.difference, delong.z), rel=1e-9)
    df = min(severe.sum(), (~severe).sum()) - 1
    assert ours["p_value"] == pytest.approx(2 * stats.t.sf(abs(delong.z), df)) and ours["p_value"] > delong.p_value


def test_copies_of_each_scan_change_the_naive_error_only():
    """Every scan three times over is no new information: the error over patients stays, DeLong's shrinks."""
    predicted, severe, patients = tables(5, one_each=True)
    threefold = [pd.concat([table] * 3, ignore_index=True) for table in (predicted, severe, patients)]
    once, thrice = (
        clustered.auc_table(*given).loc["s", "standard_error"] for given in (tables(5, one_each=True), threefold)
    )
    assert thrice == pytest.approx(once)
    naive = roc.delong_variance(threefold[0]["s"], threefold[1]) ** 0.5
    assert naive < 0.62 * once


COVERAGE, SIZE = (
    pd.read_csv(REFERENCE / f"{name}.csv", index_col=["design", "of", "by", "within"]) for name in ("coverage", "size")
)
NAIVE = {"AUC": "scans, DeLong", "odds ratio": "scans, Wald", "kappa": "cases, Fleiss"}
OURS = {"AUC": "patients, Obuchowski", "odds ratio": "patients, GEE", "kappa": "patients, Yang and Zhou"}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(
    ("of", "hold", "n_runs"), [("AUC", hold_auc, 300), ("odds ratio", hold_odds_ratio, 60), ("kappa", hold_kappa, 300)]
)
def test_intervals_over_patients_cover_where_the_naive_ones_do_not(of, hold, n_runs, design):
    """A part of the simulation; three standard errors of its own about the 95 % promised."""
    held = share(hold, n_runs, 0.75, DESIGNS[design], seed=11)
    slack = 3 * np.sqrt(0.95 * 0.05 / n_runs)
    assert held[OURS[of]] == pytest.approx(0.95, abs=slack)
    assert held[NAIVE[of]] < 0.95
    # and it agrees with the frozen table of all runs
    frozen = COVERAGE.loc[(design, of), "share"].xs(0.75, level="within")
    assert held.to_numpy() == pytest.approx(frozen[held.index].to_numpy(), abs=0.02 + slack)


def chance(runs, share):
    """What a simulated share may be off by chance: 2.6 of its standard errors."""
    return 2.6 * np.sqrt(share * (1 - share) / runs)


def test_the_whole_simulation_has_93_to_97_percent_for_intervals_over_patients():
    """The frozen table of simulate_coverage.py: 93 to 97 %, also with few patients, however alike their scans are."""
    assert set(COVERAGE.index.levels[0]) == set(DESIGNS) and (COVERAGE["runs"] >= 150).all()
    for of, name in OURS.items():
        rows = COVERAGE.xs((of, name), level=("of", "by"))
        assert {(design, 0.75) for design in DESIGNS} <= set(rows.index)  # where scans of a patient are most alike
        slack = chance(rows["runs"], 0.95)
        assert ((rows["share"] > 0.93 - slack) & (rows["share"] < 0.97 + slack)).all(), of
        # All cohorts together, where chance is smaller.
        assert 0.93 < np.average(rows["share"], weights=rows["runs"]) < 0.97
        assert COVERAGE.xs((of, NAIVE[of], 0.75), level=("of", "by", "within"))["share"].max() < 0.92


# What a reader is given: p values over patients. Three tests over scans, and what is no test of nested models.
VALID = ["values: patients, Obuchowski", "sex: patients, chi-square", "added: patients, GEE"]
REJECTING = ["values: scans, Mann-Whitney", "values: scans, Welch", "sex: scans, chi-square"]


@pytest.mark.parametrize("design", DESIGNS)
def test_tests_over_patients_hold_their_level_where_those_over_scans_do_not(design):
    """A part of the simulation; it agrees with the frozen table of all runs."""
    rejected = share(SIZES["groups"], 100, 0.75, DESIGNS[design], seed=5)
    frozen = SIZE.loc[(design, "groups"), "share"].xs(0.75, level="within")
    assert rejected[VALID[:2]].max() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100) < rejected["sex: scans, chi-square"] + 0.05
    assert rejected.to_numpy() == pytest.approx(frozen[rejected.index], abs=0.12)


def test_the_whole_simulation_of_tests_at_5_percent():
    """The frozen table: 4 to 6 % over patients, up to the simulation's own error; over scans up to a third."""
    for name in VALID:
        rows = SIZE.xs(name, level="by")
        slack = chance(rows["runs"], 0.05)
        assert (rows["share"] < 0.06 + slack).all(), name
        # With few patients a test may be careful, never careless.
        least = rows.index.get_level_values("design").map({PAPERS: 0.04, FEW: 0.02})
        assert (rows["share"] > least - slack).all(), name
    for name in REJECTING:
        assert SIZE.xs((name, 0.75), level=("by", "within"))["share"].min() > 0.10
    # A rank test of a fitted model's predictions counts its fit to chance as well; a test of the AUCs of nested models
    # hardly ever rejects.
    assert SIZE.xs(("model: scans, Mann-Whitney", 0.75), level=("by", "within"))["share"].min() > 0.2
    assert SIZE.xs("added: patients, Obuchowski", level="by")["share"].max() < 0.04


def test_the_simulation_knows_its_true_auc():
    rng = np.random.default_rng(0)
    drawn = [draw_scores(rng, 0.75, DESIGNS[PAPERS]) for _ in range(300)]
    found = np.mean([roc.auc(scores, severe) for scores, severe, *_ in drawn])
    assert found == pytest.approx(drawn[0][3], abs=0.006)


def test_the_rank_test_agrees_with_permuting_patients():
    """Statuses move from patient to patient with the same number of scans: exact where nothing differs."""
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(40), 3)
    severe = np.repeat([[True, True, False]] * 12 + [[False] * 3] * 28, 1, axis=0).ravel()
    for shift in (0.3, 0.6):
        scores = rng.standard_normal(40)[patients] + rng.standard_normal(120) + shift * severe
        ours = clustered.auc_table(pd.DataFrame({"s": scores}), pd.Series(severe), pd.Series(patients)).loc["s"]
        ranks, by_patient = stats.rankdata(scores), severe.reshape(40, 3)
        drawn = np.array([ranks[by_patient[rng.permutation(40)].ravel()].sum() for _ in range(2000)])
        middle = ranks.mean() * severe.sum()
        permuted = (abs(drawn - middle) >= abs(ranks[severe].sum() - middle) - 1e-9).mean()
        assert ours["p_value"] == pytest.approx(permuted, abs=0.06)


def slow_sandwich(table, predictors, corrected):
    """Covariance of the logistic coefficients over patients: plain, or Mancl and DeRouen's (2001, equation 4)."""
    x = table[predictors].to_numpy()
    x = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)])
    fitted = logistic.fit(table, predictors)
    p = special.expit(x @ [fitted.intercept, *fitted.estimates["coefficient"]])
    bread = np.linalg.inv(x.T @ ((p * (1 - p))[:, None] * x))
    meat = 0
    for patient in table["patient"].unique():
        own = (table["patient"] == patient).to_numpy()
        leverage = x[own] @ bread @ (x[own].T * (p * (1 - p))[own]) if corrected else np.zeros((own.sum(),) * 2)
        residual = (table["is_severe"].to_numpy() - p)[own]
        score = x[own].T @ np.linalg.solve((np.eye(own.sum()) - leverage).T, residual)
        meat = meat + np.outer(score, score)
    return bread @ meat @ bread


@pytest.mark.parametrize("name", DATA["data"].unique())
def test_odds_ratios_agree_with_geepack_and_its_error_is_mancl_and_derouens(name):
    table, predictors = DATA[DATA["data"] == name], ["x1", "x2"]
    answers = pd.read_csv(FROM_R / "gee_answers.csv").query("data == @name").set_index("predictor")
    ours = clustered.odds_ratios(table, {"m": predictors}, table["patient"]).loc["m"]
    np.testing.assert_allclose(ours["coefficient"], answers["coefficient"], rtol=1e-6, atol=1e-9)
    ordinary = logistic.fit(table, predictors).estimates
    np.testing.assert_allclose(ours["odds_ratio"], ordinary["odds_ratio"], rtol=1e-6)
    # geepack does not correct its error: the slow reference without the correction agrees with it, with it with ours.
    plain, corrected = (slow_sandwich(table, predictors, of)[1:, 1:] for of in (False, True))
    np.testing.assert_allclose(np.sqrt(np.diag(plain)), answers["standard_error"], rtol=1e-6)
    np.testing.assert_allclose(ours["standard_error"], np.sqrt(np.diag(corrected)), rtol=1e-6)
    df = table["patient"].nunique() - 3
    t = ours["coefficient"] / ours["standard_error"]
    np.testing.assert_allclose(ours["p_value"], 2 * stats.t.sf(abs(t), df), rtol=1e-6)
    b = ours["coefficient"].to_numpy()
    of_model = stats.f.sf(b @ np.linalg.solve(corrected, b) / 2, 2, df)
    np.testing.assert_allclose(ours["model_p_value"], of_model, rtol=1e-5)


def test_odds_ratios_of_too_few_patients_have_no_error():
    table = DATA[DATA["data"] == "few_patients"]
    for patients in (table["patient"] * 0, table["patient"] % 3):
        ours = clustered.odds_ratios(table, {"m": ["x1", "x2"]}, patients)
        assert ours["odds_ratio"].notna().all() and ours[["ci_low", "p_value"]].isna().all(axis=None)
    assert clustered.odds_ratios(table, {}, table["patient"]).empty


def rated(seed, n=90, n_patients=90):
    rng = np.random.default_rng(seed)
    a = rng.integers(-1, 2, n)
    b = np.where(rng.random(n) < 0.6, a, rng.integers(-1, 2, n))
    patients = pd.Series(np.arange(n) if n == n_patients else rng.integers(0, n_patients, n))
    return pd.DataFrame({"a": a, "b": b}), patients


def test_kappas_error_with_one_case_a_patient_is_that_of_fleiss():
    pair, patients = rated(1)
    row = clustered.kappa_table({"r": pair}, patients).loc["r"]
    agreement = kappa.cohen_kappa(pair["a"], pair["b"])
    assert row["kappa"] == pytest.approx(agreement.kappa)
    assert row["standard_error"] == pytest.approx(agreement.standard_error_fleiss * np.sqrt(90 / 89))
    # The interval is symmetric in log(1 - kappa).
    reach = stats.t.isf(0.025, 89) * row["standard_error"] / (1 - row["kappa"])
    limits = [1 - (1 - row["kappa"]) * np.exp(side * reach) for side in (1, -1)]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(limits)


@pytest.mark.parametrize("n_patients", [15, 40])
def test_kappas_error_is_near_the_jackknife_over_patients(n_patients):
    pair, patients = rated(2, 200, n_patients)
    row = clustered.kappa_table({"r": pair}, patients).loc["r"]
    left_out = [kappa.cohen_kappa(*pair[patients != p].to_numpy().T).kappa for p in patients.unique()]
    k = len(left_out)
    jackknife = np.sqrt((k - 1) / k * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert row["standard_error"] == pytest.approx(jackknife, rel=0.06)


def test_kappa_of_copied_cases_is_no_surer():
    pair, patients = rated(4)
    once = clustered.kappa_table({"r": pair}, patients).loc["r"]
    doubled = clustered.kappa_table(
        {"r": pd.concat([pair, pair], ignore_index=True)}, pd.concat([patients] * 2, ignore_index=True)
    ).loc["r"]
    assert doubled["standard_error"] == pytest.approx(once["standard_error"])
    assert (doubled["n"], doubled["n_patients"]) == (180, 90)


def test_what_is_undefined_is_nan():
    predicted, severe, patients = tables(6)
    assert np.isnan(clustered.auc_table(predicted, severe, patients * 0).loc["s", "standard_error"])
    separated = clustered.auc_table(severe.astype(float).to_frame("s"), severe, patients).loc["s"]
    assert separated["auc"] == 1 and separated["standard_error"] == 0 and np.isnan(separated["low"])
    assert np.isnan(clustered.auc_difference(predicted["s"], 2 * predicted["s"], severe, patients)["p_value"])
    pair, patients = rated(4)
    for rows, who in ((pair.iloc[:0], patients), (pair.assign(a=1, b=1), patients)):
        assert np.isnan(clustered.kappa_table({"r": rows}, who).loc["r", "kappa"])
    one_patient = clustered.kappa_table({"r": pair}, patients * 0).loc["r"]
    assert np.isfinite(one_patient["kappa"]) and np.isnan(one_patient["standard_error"])
    agreed = clustered.kappa_table({"r": pair.assign(b=pair["a"])}, patients).loc["r"]
    assert agreed["kappa"] == 1 and np.isnan(agreed["ci_low"])


def test_one_status_is_refused():
    predicted, severe, patients = tables(6)
    with pytest.raises(ValueError, match="only one status"):
        clustered.auc_table(predicted, severe | True, patients)
    with pytest.raises(ValueError, match="confidence 95"):
        clustered.kappa_table({}, patients, confidence=95)


def test_one_scan_of_each_patient():
    scans = pd.DataFrame(
        {
            "patient_id": ["a", "a", "a", "b", "b"],
            "scan_date": ["2020-02-03", "2020-02-01", "2020-02-02", "2020-02-01", "2020-02-01"],
            "status": ["non-severe", "non-severe", "severe", "non-severe", "non-severe"],
            "poi": [0.4, 0.1, 0.3, 0.0, 0.2],
        },
        index=list("vwxyz"),
    )
    assert clustered.one_scan_each(scans, "first").index.tolist() == ["w", "y"]
    assert clustered.one_scan_each(scans, "worst").index.tolist() == ["x", "z"]
    with pytest.raises(ValueError, match="'first' or 'worst'"):
        clustered.one_scan_each(scans, "last")


def test_the_difference_of_two_kappas_over_patients():
    """Resampling patients agrees with the delta method; the same cases differ by nothing, others by what they do."""
    first, patients = rated(8, 240, 60)
    second = pd.DataFrame({"a": first["a"], "b": np.where(np.arange(240) % 3, first["b"], -first["a"])})
    found = clustered.kappa_difference(first, second[20:], patients)
    rows = clustered.kappa_table({"first": first, "second": second[20:]}, patients)
    assert found["difference"] == pytest.approx(rows.loc["first", "kappa"] - rows.loc["second", "kappa"])
    influence = []
    for pair in (first, second[20:]):
        _, of_case = clustered._kappa(pair["a"].to_numpy(), pair["b"].to_numpy())
        influence.append((pd.Series(of_case, pair.index) / len(pair)).groupby(patients.loc[pair.index]).sum())
    error = np.sqrt((influence[0].sub(influence[1], fill_value=0) ** 2).sum())
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * error, rel=0.15)
    assert found["p_value"] == pytest.approx(stats.norm.sf(found["difference"] / error), abs=0.02)
    same = clustered.kappa_difference(first, first, patients)
    assert same["difference"] == 0 and np.isnan([same["low"], same["high"], same["p_value"]]).all()  # no spread
    turned = clustered.kappa_difference(second[20:], first, patients)
    assert turned["difference"] == -found["difference"] and turned["p_value"] > 0.9


def test_a_difference_of_kappas_of_few_is_not_tested():
    pair, patients = rated(4)
    few = pair[patients < 9].loc[lambda cases: cases.index.repeat(3)]
    assert clustered.kappa_difference(pair, few.head(9), patients)["n_patients"] > 10
    for other in (few, pair.head(9)):  # of nine patients, and of nine cases
        for found in (clustered.kappa_difference(pair, other, patients),
                      clustered.kappa_difference(other, pair, patients)):  # fmt: skip
            assert np.isfinite(found["difference"]) and np.isnan([found["low"], found["high"], found["p_value"]]).all()


def test_a_difference_of_undefined_kappas_is_undefined():
    pair, patients = rated(4)
    for other in (pair.iloc[:0], pair.assign(a=1, b=1)):
        assert np.isnan(clustered.kappa_difference(pair, other, patients)["p_value"])
    assert np.isnan(clustered.kappa_difference(pair, pair[:50], patients * 0)["difference"])
