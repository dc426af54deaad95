"""Standard errors over patients, against formulas; and that what is resampled is what is recorded."""

import numpy as np
import pandas as pd
import pytest

from study.results import progression, quality, replicates, report_phrases, severity, severity_values
from study.run import value
from study.statistics import kappa, logistic, resampling, roc
from tools.simulate_replication import otherwise, population, replicate, sample


@pytest.fixture(scope="module")
def patients():
    """Return 80 patients with one to four scans; a number that is nearly the patient's own."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 5, 80)
    ids = np.repeat(np.arange(80), sizes)
    x = rng.normal(size=80)[ids] + 0.1 * rng.normal(size=ids.size)
    return pd.DataFrame({"patient_id": ids, "scan_id": np.arange(ids.size), "x": x})


def test_errors_of_counts_and_means_over_patients(patients):
    def quote(table):
        assert table["scan_id"].is_unique
        return {"n": len(table), "n_patients": table["patient_id"].nunique(), "mean": table["x"].mean()}

    errors = replicates.standard_errors(patients, quote, n_resamples=600)
    sizes = patients.groupby("patient_id").size()
    assert errors["n_patients"] == pytest.approx(80**0.5, rel=0.15)
    assert errors["n"] == pytest.approx(np.sqrt((sizes**2).sum()), rel=0.15)  # a compound Poisson count
    sums = (patients["x"] - patients["x"].mean()).groupby(patients["patient_id"]).sum()
    by_patient = np.sqrt((sums**2).sum()) / len(patients)
    assert errors["mean"] == pytest.approx(by_patient, rel=0.15)
    assert by_patient > 1.3 * patients["x"].std() / len(patients) ** 0.5  # the error over scans is too small


def test_cube_root_errors_are_those_of_half_the_patients(patients):
    """Of a mean, whose error shrinks with the square root of n, they are too large by 2**(1/2 - 1/3)."""

    def quote(table):
        return {"mean": table["x"].mean()}

    by_root = replicates.standard_errors(patients, quote, n_resamples=600)["mean"]
    by_cube_root = replicates.cube_root_errors(patients, quote, n_resamples=600)["mean"]
    assert by_cube_root / by_root == pytest.approx(2 ** (1 / 6), rel=0.1)


def test_what_cannot_be_computed_has_no_error(patients):
    def refusing(table):
        raise ValueError("no")

    assert replicates.standard_errors(patients, refusing, n_resamples=5) == {}
    assert replicates.standard_errors(patients.assign(patient_id="p"), len) == {}
    listed = replicates.with_errors([value("a", 1.0), value("b", 2.0)], {"a": 0.5})
    assert [row["standard_error"] for row in listed] == [0.5, None]


def test_what_is_resampled_is_what_is_recorded():
    rng = np.random.default_rng(2)
    scans = sample(population(300), rng)
    scans = scans.set_index("scan_id").assign(is_severe=(scans["status"] == "severe").to_numpy())
    fits = logistic.fit_each(scans, severity.MODELS)
    predicted = logistic.predictions(fits)
    performance = roc.evaluate(predicted, scans["is_severe"])
    bootstrap = resampling.evaluate(predicted, scans["is_severe"], scans["patient_id"], performance["cutoff"], 20)
    tests, _ = severity.group_tests(scans)
    recorded = {row["name"]: row["value"] for row in severity_values.values(
        scans, tests, logistic.summary(fits), performance, bootstrap
    )}  # fmt: skip
    quoted = severity_values.quoted(scans) | severity_values.at_cutoffs(scans)
    assert quoted == pytest.approx({name: recorded[name] for name in quoted}, rel=1e-6) and len(quoted) == 27
    errors = severity_values.standard_errors(scans.reset_index(), n_resamples=6)
    assert set(errors) == {*quoted, *(f"true_{kind}_{key}" for kind in ("positives", "negatives")
                                      for key in ("poi", "ihu", "poi_ihu"))}  # fmt: skip
    n, rate = quoted["n_severe"], quoted["sensitivity_poi"]
    assert errors["true_positives_poi"] == pytest.approx(
        np.hypot(n * errors["sensitivity_poi"], rate * errors["n_severe"])
    )
    dice = pd.DataFrame({"patient_id": list("abc"), "dice_observers": [0.5, 0.7, 0.9]})
    listed = quality.dice_values(quality.dice_summary({"dice_observers": dice["dice_observers"]}))
    assert quality.quoted(dice) == {row["name"]: row["value"] for row in listed}
    assert set(progression.quoted(_pairs())) == {
        row["name"] for row in progression.values(_pairs(), kappa.tabulate(progression.rated(_pairs())))
    }


def _pairs():
    table = pd.DataFrame({"patient_id": list("ab"), "poi_change": [0.1, -0.1], "ihu_change": [1.0, 2.0]})
    table = table.join(report_phrases.read(pd.Series(["The infection has expanded.", "No change."])))
    return table.assign(poi_direction=[1.0, 0.0], ihu_direction=[1.0, 1.0])


def test_a_replication_on_less_ill_patients_differs():
    """One pair of samples of the simulation; severe patients whose POI is a fifth of the paper's."""
    rng, scans = np.random.default_rng(0), population(300)
    again = otherwise(sample(scans, rng), shift=0.8)
    compared = replicate(sample(scans, rng), again, n_resamples=8).set_index("id")
    assert compared.loc["table_2_auc_poi", "verdict"] == "differs"
    assert (compared["verdict"] == "not distinguishable").sum() > 60
