"""Held-out patients, optimism, calibration and net benefit, against new data, R and formulas."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from helpers.project import REFERENCE
from study.statistics import logistic, roc, validation

FROM_R = REFERENCE / "clustered"


def of_patients(seed, n_patients=30, n_scans=3, n_predictors=10, weight=0.0):
    """Scans whose predictors, and whose status, are nearly the patient's own; only the first predictor counts."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((n_patients, n_predictors))
    severe = rng.random(n_patients) < special.expit(weight * own[:, 0])
    severe[:3], severe[-3:] = True, False
    patients = np.repeat(np.arange(n_patients), n_scans)
    names = [f"x{k}" for k in range(n_predictors)]
    x = pd.DataFrame(own[patients] + 0.05 * rng.standard_normal((patients.size, n_predictors)), columns=names)
    return x, {"all": names}, pd.Series(severe[patients]), pd.Series(patients)


def test_a_held_out_patients_other_scans_do_not_give_the_answer_away():
    found = []
    for seed in range(4):
        x, models, severe, patients = of_patients(seed, n_predictors=15)
        by_patient, predicted = validation.cross_validate(x, models, severe, patients, n_repeats=1)
        by_scan, _ = validation.cross_validate(x, models, severe, pd.Series(range(len(x))), n_repeats=1)
        found.append((by_patient.loc["all", "auc"], by_scan.loc["all", "auc"]))
        assert predicted["all"].between(0, 1).all()
    patients_held_out, scans_held_out = np.mean(found, axis=0)
    assert patients_held_out < 0.62 and scans_held_out > 0.75


def test_corrected_for_optimism_is_what_new_patients_give():
    apparent, corrected, fresh = [], [], []
    for seed in range(12):
        x, models, severe, patients = of_patients(seed, 60, 2, 4, weight=1.0)
        row = validation.optimism(x, models, severe, patients, n_resamples=40).loc["all"]
        apparent.append(row.loc["auc", "apparent"])
        corrected.append(row.loc["auc", "corrected"])
        assert (row["corrected"] == row["apparent"] - row["optimism"]).all()
        fitted = logistic.fit(x.assign(is_severe=severe), models["all"]).estimates
        new, _, new_severe, _ = of_patients(1000 + seed, 2000, 1, 4, weight=1.0)
        fresh.append(roc.auc(new @ (fitted["coefficient"] / fitted["sd"]), new_severe))
    assert np.mean(apparent) - np.mean(fresh) > 0.03
    assert np.mean(corrected) == pytest.approx(np.mean(fresh), abs=0.03)


def test_apparent_figures_are_those_of_the_ordinary_analysis():
    x, models, severe, patients = of_patients(1, 60, 2, 2, weight=1.0)
    apparent = validation.optimism(x, models, severe, patients, n_resamples=2)["apparent"].loc["all"]
    fitted = logistic.fit(x.assign(is_severe=severe), models["all"])
    point = roc.youden(fitted.predicted, severe)
    expected = [roc.auc(fitted.predicted, severe), point.sensitivity, point.specificity]
    np.testing.assert_allclose(apparent, expected, rtol=1e-12)


def test_separated_statuses_and_missing_values():
    x, _, severe, patients = of_patients(2, 20, 2, 1)
    x = x.assign(x0=severe * 4.0 + x["x0"].clip(-1, 1))
    x.loc[5:9, "x0"] = np.nan
    summary, predicted = validation.cross_validate(x, {"m": ["x0"]}, severe, patients)
    assert summary.loc["m", ["auc", "specificity"]].tolist() == [1, 1]
    # A cut-off is the lowest severe score of the other folds, which one held-out scan falls below.
    assert 0.9 < summary.loc["m", "sensitivity"] < 1
    assert summary.loc["m", "n"] == 35 and predicted["m"].isna().sum() == 5
    gap = validation.optimism(x, {"m": ["x0"]}, severe, patients, n_resamples=20)["optimism"].abs()
    assert gap["m", "auc"] == 0 and gap.max() < 0.1


def test_too_few_patients_give_nan_and_one_status_is_refused():
    x, models, severe, patients = of_patients(3, 20, 2, 1)
    only_one = patients.where(~severe, 0)
    summary, predicted = validation.cross_validate(x, models, severe, only_one)
    assert summary.loc["all", "n_folds"] == 0 and np.isnan(summary.loc["all", "auc"])
    assert predicted["all"].isna().all()
    one_patient = validation.optimism(x, models, severe, patients * 0, n_resamples=3)
    assert one_patient["optimism"].abs().max() == 0
    for function in (validation.cross_validate, validation.optimism):
        with pytest.raises(ValueError, match="one status only"):
            function(x, models, severe | True, patients)


def test_calibration_agrees_with_r():
    data = pd.read_csv(FROM_R / "data.csv")
    answers = pd.read_csv(FROM_R / "calibration_answers.csv").set_index("data")
    for name, table in data.groupby("data"):
        ours = validation.calibration(special.expit(table["x1"] - 1), table["y"] == 1)
        assert (ours["slope"], ours["intercept"]) == pytest.approx(tuple(answers.loc[name]), rel=1e-6)


def test_calibration_of_true_and_of_distorted_probabilities():
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-1, 1.5, 20000)
    severe = rng.random(20000) < special.expit(log_odds)
    right = validation.calibration(special.expit(log_odds), severe)
    assert (right["slope"], right["intercept"]) == pytest.approx((1, 0), abs=0.06)
    extreme = validation.calibration(special.expit(2 * log_odds), severe)
    assert extreme["slope"] == pytest.approx(0.5, abs=0.03)
    low = validation.calibration(special.expit(log_odds - 1), severe)
    assert low["intercept"] == pytest.approx(1, abs=0.06)
    bins = validation.calibration_bins(special.expit(log_odds), severe)
    assert bins["n"].sum() == 20000 and len(bins) == 10
    np.testing.assert_allclose(bins["observed"], bins["predicted"], atol=0.05)


def test_calibration_of_little():
    assert np.isnan(validation.calibration([0.2, 0.3], [True, True])["slope"])
    assert np.isnan(validation.calibration([], [])["intercept"])
    separated = validation.calibration([0.1, 0.2, 0.8, 0.9, np.nan], [False, False, True, True, True])
    assert np.isnan(separated["slope"]) and abs(separated["intercept"]) < 1e-6 and separated["n"] == 4
    assert np.isnan(validation.calibration([0.4] * 4, [False, True] * 2)["slope"])
    assert np.isfinite(validation.calibration([0.0, 1.0, 0.0, 1.0], [False, True, True, False])["slope"])
    assert validation.calibration_bins([], []).empty


@pytest.mark.parametrize(("n", "bins"), [(16, 0), (19, 0), (20, 2), (57, 5), (99, 9), (100, 10), (531, 10)])
def test_a_bin_of_the_calibration_has_ten_scans_and_none_is_alone(n, bins):
    found = validation.calibration_bins(np.linspace(0.1, 0.9, n), np.arange(n) % 3 == 0)
    assert len(found) == bins and (not bins or (found["n"].min() >= 10 and found["n"].sum() == n))


def test_probabilities_lie_between_0_and_1():
    with pytest.raises(ValueError, match="outside 0 to 1"):
        validation.calibration([12.0], [True])


def test_net_benefit_is_counted_by_hand():
    predicted = pd.DataFrame({"m": [0.1, 0.3, 0.6, 0.9, np.nan]})
    curve = validation.net_benefit(predicted, pd.Series([False, True, False, True, True]), [0.2, 0.5, 0.95])
    assert curve["m"].tolist() == pytest.approx([2 / 4 - 1 / 4 * 0.25, 1 / 4 - 1 / 4, 0])
    assert curve["all"].tolist() == pytest.approx([0.5 - 0.5 * 0.25, 0.5 - 0.5, 0.5 - 0.5 * 19])
    assert (curve["none"] == 0).all()
    assert validation.net_benefit(predicted * np.nan, pd.Series([True] * 5), [0.5])["all"].isna().all()
    with pytest.raises(ValueError, match="above 0 and below 1"):
        validation.net_benefit(predicted, pd.Series([True] * 5), [0.0])


def test_the_slope_of_nearly_equal_predictions_is_not_shrunk():
    """Predictions that hardly vary need a steep slope; a penalty would flatten it."""
    rng = np.random.default_rng(2)
    log_odds = rng.normal(0, 1, 300)
    severe = rng.random(300) < special.expit(log_odds)
    slope = validation.calibration(special.expit(log_odds), severe)["slope"]
    flat = validation.calibration(special.expit(1e-5 * log_odds), severe)["slope"]
    assert flat == pytest.approx(1e5 * slope, rel=1e-6)


def test_limits_of_net_benefit_and_slope_are_over_patients():
    """Three copies of each scan of a patient are no news: the intervals stay, and with one scan each they are usual."""
    rng = np.random.default_rng(3)
    log_odds = rng.normal(-1, 1.2, 150)
    severe, patients = pd.Series(rng.random(150) < special.expit(log_odds)), pd.Series(range(150))
    predicted = pd.DataFrame({"m": special.expit(log_odds)})
    once = validation.net_benefit_limits(predicted, severe, patients, [0.2])["m"].iloc[0]
    gained = (predicted["m"] >= 0.2) * np.where(severe, 1, -0.25)
    reach = stats.t.isf(0.025, 149) * gained.std(ddof=1) / 150**0.5
    assert (once["low"], once["high"]) == pytest.approx((gained.mean() - reach, gained.mean() + reach))
    copies = [pd.concat([one] * 3, ignore_index=True) for one in (predicted, severe, patients)]
    thrice = validation.net_benefit_limits(*copies, [0.2])["m"].iloc[0]
    assert thrice.tolist() == pytest.approx(once.tolist())
    slope = validation.calibration(predicted["m"], severe)["slope"]
    limits = validation.slope_limits(predicted["m"], severe, patients)
    assert limits[0] < slope < limits[1]
    assert validation.slope_limits(copies[0]["m"], *copies[1:]) == pytest.approx(limits, rel=0.01)
    assert np.isnan(validation.slope_limits(predicted["m"], severe | True, patients)).all()
