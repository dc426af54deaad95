"""How well scans were segmented: tables whose answers are known, and which scans are shown as the worst."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.figures import examples
from study.files import sha256, write_json
from study.measures import comparison
from study.results import quality
from study.results.targets import TARGETS, Target
from study.scans import ct

TRUTH = pd.DataFrame(
    {
        "scan_id": list("abcdef"),
        "patient_id": ["p", "p", "q", "r", "s", "t"],
        "status": "severe",
        "motion": [True, False, False, False, False, False],
        "lung_dice": [0.99, 0.98, 0.97, 0.99, 0.96, 0.99],
        "lung_surface_dice": 0.9,
        "lung_surface_voxel_share": 0.8,
        "infection_dice": [0.8, 0.6, 0.7, np.nan, np.nan, 0.0],
        "infection_surface_dice": [0.8, 0.6, 0.7, np.nan, np.nan, 0.0],
        "infection_surface_voxel_share": [0.7, 0.5, 0.6, np.nan, np.nan, 0.0],
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


def test_what_is_typical_of_motion_is_said_beside_the_worst_scan():
    truth = pd.DataFrame({"motion": [True, True, True, False, False], "false_positive_ml": [90.0, 10, 50, 2, 4]})
    assert quality.motion_in_words(truth) == (
        "False-positive infection, median: 50 ml in 3 scans with motion (quartiles 30 and 70), "
        "3 ml in 2 scans without (quartiles 2 and 4)."
    )
    assert quality.motion_in_words(truth[:0]) == "No scan has a known truth."
    assert quality.motion_in_words(truth.assign(motion=None)) == (
        "False-positive infection, median: 10 ml in 5 scans of which motion is not known (quartiles 4 and 50)."
    )


def test_every_row_with_a_target_has_a_verdict(table):
    assert (table["verdict"].notna() == table.index.isin(TARGETS)).all()
    assert set(table["verdict"].dropna()) == {"not enough data"}  # six scans are too few
    many = quality.summary(pd.concat([TRUTH] * 40), OBSERVED).set_index("name")["verdict"]
    expected = {"infection_dice": "missed", "lesion_sensitivity": "missed",
                "false_lesions": "reached, not shown", "poi_bias": "reached, not shown", "healthy_share": "missed",
                "network_less_observers": "not enough data"}  # fmt: skip
    assert many[list(expected)].to_dict() == expected


@pytest.mark.parametrize(
    ("target", "number", "n", "verdict"),
    [
        (Target("at least", 0.8), 0.8, 10, "reached"),
        (Target("at least", 0.8), 0.7999, 10, "missed"),
        (Target("at least", 0.8), 0.9, 9, "not enough data"),
        (Target("at least", 0.8), np.nan, 99, "not enough data"),
        (Target("at most", 1.0), 1.01, 10, "missed"),
        (Target("within", 0.5), -0.5, 10, "reached"),
        (Target("within", 0.5), -0.51, 10, "missed"),
        (TARGETS["healthy_share"], 1.0, 99, "not enough data"),
        (TARGETS["healthy_share"], 0.99, 100, "reached"),
    ],
)
def test_verdicts(target, number, n, verdict):
    assert target.verdict(number, n) == verdict


@pytest.mark.parametrize(
    ("target", "number", "interval", "verdict"),
    [
        (Target("within", 2.0), -1.477, (-6.524, 3.571), "reached, not shown"),
        (Target("within", 2.0), -1.477, (-1.9, 2.0), "reached"),
        (Target("at least", 0.8), 0.85, (0.79, 0.9), "reached, not shown"),
        (Target("at least", 0.8), 0.85, (0.8, 0.9), "reached"),
        (Target("at most", 1.0), 0.9, (0.5, 1.3), "reached, not shown"),
        (Target("at most", 1.0), 1.1, (0.9, 1.3), "missed"),
        (Target("at most", 1.0), 0.9, (np.nan, np.nan), "reached"),
    ],
)
def test_an_interval_that_goes_beyond_the_target_shows_nothing(target, number, interval, verdict):
    assert target.verdict(number, 10, *interval) == verdict


def test_without_known_truth_nothing_is_concluded():
    nothing, nobody = (pd.DataFrame(columns=columns) for columns in (comparison.TRUTH_COLUMNS, OBSERVED.columns))
    table = quality.summary(nothing, nobody)
    assert table["estimate"].isna().all() and (table["n"] == 0).all()
    assert set(table["verdict"].dropna()) == {"not enough data"}


def test_surfaces_by_area_and_by_voxels_stand_side_by_side(table):
    assert table.loc[["lung_surface_dice", "lung_surface_voxel_share"], "estimate"].tolist() == pytest.approx(
        [0.9, 0.8]
    )
    assert table.loc["infection_surface_voxel_share", "estimate"] == pytest.approx(0.45)
    assert table["target"][["lung_surface_dice", "lung_surface_voxel_share"]].tolist() == ["≥ 0.97", "≥ 0.95"]


def test_the_bias_of_large_infections_is_given_apart():
    truth = TRUTH.assign(true_poi=[0.3, 0.01, 0.5, 0.0, 0.0, 0.299], poi=[0.28, 0.5, 0.46, 0.0, 0.0, 0.0])
    row = quality.summary(truth, OBSERVED).set_index("name").loc["poi_bias_large"]
    assert row["estimate"] == pytest.approx(100 * (-0.02 - 0.04) / 2) and row["n"] == 2


def test_dice_of_several_comparisons():
    table = quality.dice_summary({
        "dice_network_observer_1": pd.Series([0.5, 0.7, np.nan]), "dice_observers": pd.Series([1.0, 0.8, 0.9]),
        "truth_dice_infection": pd.Series([np.nan]),
    })  # fmt: skip
    assert table["n"].tolist() == [2, 3, 0]
    assert table["mean"][:2].tolist() == pytest.approx([0.6, 0.9]) and table["sd"][1] == pytest.approx(0.1)
    assert table["comparison"].map(quality.in_words).tolist() == [
        "network, observer 1", "both observers", "network, truth: infection",
    ]  # fmt: skip
    assert [row["name"] for row in quality.dice_values(table)][:3] == [
        "dice_network_observer_1_mean", "dice_network_observer_1_sd", "dice_network_observer_1_median",
    ]  # fmt: skip


def test_values_have_names_of_their_own():
    table = quality.summary(TRUTH, OBSERVED).set_index("name", drop=False)
    recorded = {row["name"]: row for row in quality.values(table)}
    assert len(recorded) == len(table)
    assert recorded["quality_infection_dice"]["value"] == table.loc["infection_dice", "estimate"]
    bias = recorded["quality_poi_bias"]  # a fraction
    assert [100 * bias[end] for end in ("value", "ci_low", "ci_high")] == pytest.approx(
        table.loc["poi_bias", ["estimate", "low", "high"]].tolist()
    )


def test_the_worst_scans_come_first_and_show_where_they_differ(tmp_path, chest):
    hu = chest((4, 24, 28))
    truth = np.zeros(hu.shape, bool)
    truth[2, 8:14, 6:10] = True
    rows, found = [], []
    for name, columns in (("good", 10), ("bad", 7), ("worst", 6)):
        scan = ct.write_scan(tmp_path / f"{name}.nii.gz", hu, (15.0, 3.0, 3.0))
        ct.write_mask(tmp_path / f"{name}-infection.nii.gz", truth, scan)
        predicted = truth.copy()
        predicted[..., columns:] = False
        ct.write_label_map(tmp_path / "masks" / f"{name}.nii.gz", 2 * predicted.astype(np.uint8), scan)
        rows.append({"scan_id": name, "image": f"{name}.nii.gz", "infection_mask": f"{name}-infection.nii.gz"})
        found.append({"scan_id": name, "motion": name == "worst", "true_poi": 0.5}
                     | comparison.compare_masks(2 * predicted, truth, truth, (10, 2, 2)))  # fmt: skip
    compared = pd.DataFrame(found).assign(true_poi=[0.5, 0.5, 0.001])
    pd.DataFrame(rows).to_csv(tmp_path / "scans.csv")
    shown = examples.worst_scans(compared, pd.DataFrame(rows), tmp_path, tmp_path / "masks", n=2)
    assert [case["words"].split(":")[0] for case in shown] == ["scan 3", "scan 2"]  # whose patients are unknown
    write_json(tmp_path / "cohort.json", {"tier": "public", "digest": sha256(tmp_path / "scans.csv")})
    shown = examples.worst_scans(compared, pd.DataFrame(rows), tmp_path, tmp_path / "masks", n=2)
    assert [case["words"].split(":")[0] for case in shown] == ["worst", "bad"]
    assert "motion, true POI below 1 %" in shown[0]["words"] and "\n" not in shown[1]["words"]
    assert shown[0]["reference"].sum() == 24 and not shown[0]["predicted"].any()  # the section that has them
    assert shown[0]["hu"].shape == shown[0]["reference"].shape
    assert examples.worst_scans(compared.iloc[:0], pd.DataFrame(rows), tmp_path, tmp_path / "masks") == []
    # A gallery says of how many scans it shows which section, by what masks there are.
    for masks, said in (
        (3, "the one with the most infection in the scan's mask"),
        (0, "the middle one"),
        (1, "the one with the most infection in the scan's mask, the middle one without a mask"),
    ):
        table = pd.DataFrame(rows[:masks] + [row | {"infection_mask": None} for row in rows[masks:]])
        pictures, _, which = examples.gallery(table, tmp_path, n=2)
        assert len(pictures) == 2 and which == f"2 of 3 scans, of each a section: {said}"


def observed(shift, n=30, seed=0):
    """Dice of two observers, and of a network that agrees with them less by `shift`, on one scan of each patient."""
    rng = np.random.default_rng(seed)
    between = rng.uniform(0.6, 0.9, n)
    network = {f"network_observer_{k}": between - shift + rng.normal(0, 0.05, n) for k in (1, 2)}
    return pd.DataFrame({"patient_id": range(n), "observers": between, **network})


def test_non_inferiority_is_a_one_sided_test_against_the_margin():
    found = quality.non_inferiority(observed(0.02), 0.05)
    table = observed(0.02)
    less = (table["network_observer_1"] + table["network_observer_2"]) / 2 - table["observers"]
    expected = stats.ttest_1samp(less, -0.05, alternative="greater")
    assert found["p_value"] == pytest.approx(expected.pvalue) and found["p_value"] < 0.025
    # The whole interval lies above minus the margin just where p is below 2.5 %.
    for shift in np.linspace(0, 0.08, 9):
        found = quality.non_inferiority(observed(shift), 0.05)
        assert (found["low"] > -0.05) == (found["p_value"] < 0.025)
    recorded = {row["name"]: row["value"] for row in quality.non_inferiority_values(found)}
    assert recorded["non_inferiority_margin"] == 0.05 and recorded["p_value_non_inferior"] == found["p_value"]


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(0.0, "is not inferior"), (0.05, "is not settled"), (0.2, "below -0.05: the network is inferior")]
)  # fmt: skip
def test_the_verdict_of_non_inferiority_in_words(shift, verdict):
    assert verdict in quality.non_inferiority_in_words(quality.non_inferiority(observed(shift), 0.05))


def test_the_margin_is_set_beside_the_observers_own_disagreement():
    table = observed(0.0).assign(observers=lambda scans: scans["observers"] - scans["observers"].mean() + 0.8)
    found = quality.non_inferiority(table, 0.05)
    assert found["observers"] == pytest.approx(0.8)
    assert "margin is 25% of what the observers disagree about, 1 less their Dice of 0.80" in (
        quality.non_inferiority_in_words(found)
    )


def test_non_inferiority_of_little():
    assert "Too little" in quality.non_inferiority_in_words(quality.non_inferiority(observed(0.0, n=1), 0.05))
    assert np.isnan(quality.non_inferiority(observed(0.0, n=1), 0.05)["p_value"])
    assert np.isnan(quality.non_inferiority(observed(0.0, n=5).assign(observers=np.nan), 0.05)["difference"])
    with pytest.raises(ValueError, match="margin 5"):
        quality.non_inferiority(observed(0.0), 5)
