"""Scans against the truth, and the table of them: masks and tables whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from study.figures import examples
from study.measures import comparison
from study.results import quality
from study.results.targets import TARGETS, Target
from study.scans import ct

SPACING_MM = (2.0, 1.0, 1.0)
SHAPE = (20, 60, 60)


def ball(centre_mm, radius_mm):
    places = np.indices(SHAPE) * np.array(SPACING_MM)[:, None, None, None]
    return ((places - np.array(centre_mm)[:, None, None, None]) ** 2).sum(axis=0) <= radius_mm**2


LUNG = ball((20, 30, 30), 18)


def compared(predicted, truth, lung=LUNG):
    return comparison.compare_masks(LUNG.astype(np.uint8) + (LUNG & predicted), lung, truth, SPACING_MM)


def test_a_ball_moved_by_a_voxel():
    """Of two balls of radius r at distance d the overlap is 1 - 3 d / (4 r) + d^3 / (16 r^3) of either."""
    r, d = 12.0, 2.0
    truth, predicted = ball((20, 30, 30), r), ball((20, 30, 30 + d), r)
    found = compared(predicted, truth)
    assert found["infection_dice"] == pytest.approx(1 - 0.75 * d / r + (d / r) ** 3 / 16, abs=0.01)
    assert found["infection_surface_dice"] == 1.0  # no surface voxel is farther than the 2 mm by which it moved
    assert compared(ball((20, 30, 36), r), truth)["infection_surface_dice"] < 0.7
    assert found["volume_error_ml"] == pytest.approx(0, abs=1e-9)
    assert found["true_infection_ml"] == pytest.approx(4 / 3 * np.pi * r**3 / 1000, rel=0.02)
    assert found["false_positive_ml"] == pytest.approx((predicted & ~truth).sum() * 0.002)
    assert (found["lung_dice"], found["lung_surface_dice"]) == (1.0, 1.0)
    assert (found["n_lesions"], found["n_found"], found["n_false"]) == (1, 1, 0)
    assert found["poi"] == found["true_poi"] == truth.sum() / LUNG.sum()


def test_lesions_of_a_millilitre_count_and_smaller_ones_do_not():
    large, small, other = ball((20, 24, 24), 7), ball((20, 40, 40), 4), ball((20, 24, 40), 7)
    assert large.sum() * 0.002 > comparison.LESION_ML > small.sum() * 0.002
    found = compared(other | small, large | small)
    assert (found["n_lesions"], found["n_found"], found["n_false"]) == (1, 0, 1)


def test_empty_masks():
    nothing = np.zeros(SHAPE, bool)
    both, missed = compared(nothing, nothing), compared(nothing, ball((20, 30, 30), 8))
    assert np.isnan(both["infection_dice"]) and np.isnan(both["infection_surface_dice"])
    assert both["true_poi"] == both["poi"] == 0
    assert (missed["infection_dice"], missed["infection_surface_dice"]) == (0, 0)
    assert missed["volume_error_ml"] == -missed["true_infection_ml"]
    no_lung = comparison.compare_masks(np.zeros(SHAPE, np.uint8), nothing, nothing, SPACING_MM)
    assert np.isnan(no_lung["poi"]) and np.isnan(no_lung["true_poi"])


TRUTH = pd.DataFrame(
    {
        "scan_id": list("abcdef"),
        "patient_id": ["p", "p", "q", "r", "s", "t"],
        "status": "severe",
        "motion": [True, False, False, False, False, False],
        "lung_dice": [0.99, 0.98, 0.97, 0.99, 0.96, 0.99],
        "lung_surface_dice": 0.9,
        "infection_dice": [0.8, 0.6, 0.7, np.nan, np.nan, 0.0],
        "infection_surface_dice": [0.8, 0.6, 0.7, np.nan, np.nan, 0.0],
        "false_positive_ml": 1.0,
        "true_infection_ml": [100, 50, 200, 0, 0, 0],
        "volume_error_ml": [10, -10, 30, 0, 0, 90],
        "n_lesions": [2, 1, 5, 0, 0, 0],
        "n_found": [2, 0, 4, 0, 0, 0],
        "n_false": [0, 1, 2, 0, 0, 3],
        "true_poi": [0.02, 0.01, 0.05, 0.0, 0.0, 0.0],
        "poi": [0.022, 0.008, 0.056, 0.0, 0.0, 0.02],
    }
)
OBSERVED = pd.DataFrame(
    {"patient_id": ["p", "q", "r"], "network_observer_1": [0.7, 0.8, 0.0], "network_observer_2": [0.9, 0.6, 0.0],
     "observers": [0.7, 0.8, np.nan]}
)  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return quality.summary(TRUTH, OBSERVED).set_index("name")


def test_each_convention_for_empty_masks(table):
    estimates = table["estimate"]
    assert estimates["infection_dice"] == pytest.approx(2.1 / 4)  # a false alarm on healthy lung counts 0 in each
    assert estimates["infection_dice_empty_as_1"] == pytest.approx(4.1 / 6)
    assert estimates["infection_dice_empty_as_0"] == pytest.approx(2.1 / 6)
    assert table["n"][["infection_dice", "infection_dice_empty_as_1"]].tolist() == [4, 6]
    assert table.loc["infection_dice", "sd"] == estimates["infection_dice_sd"] == TRUTH["infection_dice"].std()
    assert table.loc["infection_dice", "median"] == pytest.approx(0.65)


def test_lesions_volume_and_poi(table):
    estimates = table["estimate"]
    assert estimates["lesion_sensitivity"] == 6 / 8  # over lesions, not a mean of scans
    assert estimates["false_lesions"] == 1.0
    assert estimates["volume_error_ml"] == 20
    assert estimates["poi_bias"] == pytest.approx(100 * (0.002 - 0.002 + 0.006 + 0.02) / 6)
    assert estimates["poi_lower_limit"] < estimates["poi_bias"] < estimates["poi_upper_limit"]
    assert estimates["healthy_share"] == pytest.approx(2 / 3) and table.loc["healthy_share", "n"] == 3
    assert estimates["lung_dice_worst"] == 0.96 and np.isnan(table.loc["lung_dice_worst", "low"])
    assert estimates["network_less_observers"] == pytest.approx((0.1 - 0.1) / 2)
    assert table.loc["network_less_observers", "n"] == 2


def test_every_row_with_a_target_has_a_verdict(table):
    assert (table["verdict"].notna() == table.index.isin(TARGETS)).all()
    assert set(table["verdict"].dropna()) == {"cannot be told"}  # six scans are too few
    many = quality.summary(pd.concat([TRUTH] * 40), OBSERVED).set_index("name")["verdict"]
    expected = {"infection_dice": "missed", "lesion_sensitivity": "missed", "false_lesions": "reached",
                "poi_bias": "reached", "healthy_share": "missed",
                "network_less_observers": "cannot be told"}  # fmt: skip
    assert many[list(expected)].to_dict() == expected


@pytest.mark.parametrize(
    ("target", "number", "n", "verdict"),
    [
        (Target("at least", 0.8), 0.8, 10, "reached"),
        (Target("at least", 0.8), 0.7999, 10, "missed"),
        (Target("at least", 0.8), 0.9, 9, "cannot be told"),
        (Target("at least", 0.8), np.nan, 99, "cannot be told"),
        (Target("at most", 1.0), 1.01, 10, "missed"),
        (Target("within", 0.5), -0.5, 10, "reached"),
        (Target("within", 0.5), -0.51, 10, "missed"),
        (TARGETS["healthy_share"], 1.0, 99, "cannot be told"),
        (TARGETS["healthy_share"], 0.99, 100, "reached"),
    ],
)
def test_verdicts(target, number, n, verdict):
    assert target.verdict(number, n) == verdict


def test_without_known_truth_nothing_is_concluded():
    nothing, nobody = (pd.DataFrame(columns=columns) for columns in (comparison.TRUTH_COLUMNS, OBSERVED.columns))
    table = quality.summary(nothing, nobody)
    assert table["estimate"].isna().all() and (table["n"] == 0).all()
    assert set(table["verdict"].dropna()) == {"cannot be told"}


def test_values_have_names_of_their_own():
    recorded = quality.values(quality.summary(TRUTH, OBSERVED))
    assert {"quality_infection_dice", "quality_poi_bias"} <= {row["name"] for row in recorded}


def test_the_worst_scans_come_first_and_show_where_they_differ(tmp_path, chest):
    hu = chest((4, 24, 28))
    truth = np.zeros(hu.shape, bool)
    truth[2, 8:14, 6:10] = True
    rows, found = [], []
    for name, columns in (("good", 10), ("bad", 7), ("worst", 6)):
        scan = ct.write_scan(tmp_path / f"{name}.nii.gz", hu, (10.0, 2.0, 2.0))
        ct.write_mask(tmp_path / f"{name}-infection.nii.gz", truth, scan)
        predicted = truth.copy()
        predicted[..., columns:] = False
        ct.write_label_map(tmp_path / "masks" / f"{name}.nii.gz", 2 * predicted.astype(np.uint8), scan)
        rows.append({"scan_id": name, "image": f"{name}.nii.gz", "infection_mask": f"{name}-infection.nii.gz"})
        found.append({"scan_id": name, "motion": name == "worst", "true_poi": 0.5}
                     | comparison.compare_masks(2 * predicted, truth, truth, (10, 2, 2)))  # fmt: skip
    compared = pd.DataFrame(found).assign(true_poi=[0.5, 0.5, 0.001])
    shown = examples.worst_scans(compared, pd.DataFrame(rows), tmp_path, tmp_path / "masks", n=2)
    assert [case["words"].split(":")[0] for case in shown] == ["worst", "bad"]
    assert "motion, true POI below 1 %" in shown[0]["words"] and "\n" not in shown[1]["words"]
    assert shown[0]["reference"].sum() == 24 and not shown[0]["predicted"].any()  # the section that has them
    assert shown[0]["hu"].shape == shown[0]["reference"].shape
    assert examples.worst_scans(compared.iloc[:0], pd.DataFrame(rows), tmp_path, tmp_path / "masks") == []
