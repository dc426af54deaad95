"""The interactive panels: their numbers against counting by hand, and what they show without a browser."""

import base64
import re
from types import SimpleNamespace

import jupyter_client
import numpy as np
import pandas as pd
import pytest

from helpers.imports import imported_by_notebook
from helpers.project import ROOT
from study.lab.play import cutoff, ratings, scroll, thickness
from study.measures import biomarkers
from study.scans.labels import INFECTION


def numbers(panel):
    """All numbers in a panel's words, in order."""
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", panel.words.value)]


# ------------------------------------------------------------------ sections


@pytest.fixture
def scan(chest):
    hu = chest((6, 24, 28))
    label_map = (hu < -700).astype(np.uint8) * (np.abs(np.arange(28) - 14) < 11)
    label_map[2, 8:12, 6:10] *= 2
    return {"hu": hu, "label_map": label_map, "spacing_mm": (5.0, 2.0, 1.5)}


def test_scrolling_shows_each_section_in_its_window(scan):
    panel = scroll.panel(**scan)
    assert panel.controls["section"].value == 3  # the one with the infection
    for section in (0, 5):
        panel.controls["section"].value = section + 1
        shown = panel.figure.axes[0].images[0]
        rows, columns = np.where((scan["hu"] == shown.get_array()[0, 0])[section])
        assert any(
            np.array_equal(scan["hu"][section, y:, x:][: shown.get_size()[0], : shown.get_size()[1]], shown.get_array())
            for y, x in zip(rows, columns, strict=True)
        )
    panel.controls["level"].value, panel.controls["width"].value = 40, 400
    assert panel.figure.axes[0].images[0].get_clim() == (-160, 240)


def test_the_label_map_comes_and_goes(scan):
    panel = scroll.panel(**scan)
    with_mask = panel.picture.value
    labels = scan["label_map"][2]
    assert f"{100 * (labels == 2).sum() / (labels > 0).sum():.1f} % of its lung infected" in panel.words.value
    assert "infection in red" in panel.words.value
    panel.controls["mask"].value = False
    assert "red" not in panel.words.value
    assert panel.picture.value != with_mask and len(panel.figure.axes[0].images) == 1
    panel.controls["mask"].value = True
    assert panel.picture.value == with_mask


def test_a_scan_and_a_label_map_of_different_shape_are_refused(scan):
    with pytest.raises(ValueError, match="one scan's"):
        scroll.panel(scan["hu"], scan["label_map"][1:], scan["spacing_mm"])


# ------------------------------------------------------------------ thickness


@pytest.fixture(scope="module")
def thick():
    return thickness.panel()


def test_averaged_sections_are_means_and_their_labels_those_of_half_a_voxel():
    hu = np.zeros((6, 2, 2), np.int16)
    hu[:3] = [[[-900]], [[-600]], [[-300]]]
    lung = np.ones((6, 2, 2), bool)
    infection = np.zeros((6, 2, 2), bool)
    infection[1:3, 0] = True
    infection[0, 1] = True
    thin = SimpleNamespace(hu=hu, spacing_mm=(1.0, 2.0, 2.0), lung_mask=lung, infection_mask=infection)
    averaged = thickness.average(thin, 3)
    assert averaged.hu.tolist() == [[[-600, -600]] * 2, [[0, 0]] * 2]
    assert averaged.label_map.tolist() == [[[2, 2], [1, 1]], [[1, 1]] * 2]
    assert averaged.spacing_mm == (3.0, 2.0, 2.0)
    assert averaged.measured["poi"] == 2 / 8 and averaged.measured["ihu"] == -600
    unchanged = thickness.average(thin, 1)
    assert np.array_equal(unchanged.hu, hu)
    assert np.array_equal(unchanged.label_map, 1 + infection)


def test_drawing_the_thickness_moves_poi_and_ihu(thick):
    said = {}
    for thickness_mm in (10, 5, 1):
        thick.controls["thickness_mm"].value = thickness_mm
        shown, poi, ihu, *at_one = numbers(thick)
        assert shown == thickness_mm
        said[thickness_mm] = (poi, ihu)
    assert said[1] == tuple(at_one[1:])
    assert said[10][1] < said[5][1] < said[1][1]  # partial volume: air is averaged into the infection
    assert said[10][0] == pytest.approx(said[1][0], rel=0.25)


def test_no_mark_of_the_thickness_is_cut_off(thick):
    for thickness_mm in thickness.THICKNESSES_MM:
        thick.controls["thickness_mm"].value = thickness_mm
        for ax in thick.figure.axes[2:]:
            (low, high), (_, mark) = ax.get_ylim(), ax.lines
            assert low + 0.05 * (high - low) < mark.get_ydata()[0] < high - 0.05 * (high - low)


def test_what_thick_sections_do_is_said_in_the_numbers_of_the_panel(thick):
    said = thickness.in_words((1, 10))
    thick.controls["thickness_mm"].value = 10
    _, poi, ihu, _, poi_at_1, ihu_at_1 = numbers(thick)
    assert f"POI {poi_at_1:.2f} and {poi:.2f} %, iHU {ihu_at_1:.0f} and {ihu:.0f} HU".replace("-", "−") in said
    n, at_1, at_10 = map(int, re.search(r"Of (\d+) patches, (\d+) and (\d+) are seen", said).groups())
    assert n == at_1 > at_10 > 0


def test_a_patch_is_seen_if_a_thick_section_shows_a_voxel_of_it():
    thin = np.ones((6, 3, 3), np.uint8)
    thin[0:2, 0, 0] = thin[2, 2, 2] = thin[4:6, 1, 1] = INFECTION
    thick = np.ones((2, 3, 3), np.uint8)
    thick[0, 0, 0] = thick[1, 1, 1] = INFECTION
    assert thickness.patches_seen(thin, thin, 1) == (3, 3) and thickness.patches_seen(thin, thick, 3) == (3, 2)


def test_volumes_do_not_depend_on_the_thickness():
    scan = thickness.thin_scan()
    volumes = [thickness.average(scan, t).measured["lung_volume_ml"] for t in (1, 3, 10)]
    assert volumes == pytest.approx([volumes[0]] * 3, rel=0.02)
    whole = biomarkers.measure(scan.hu, scan.lung_mask + scan.infection_mask.astype(np.uint8), scan.spacing_mm)
    assert volumes[0] == pytest.approx(whole["lung_volume_ml"], rel=0.01)


# ------------------------------------------------------------------ cut-off


@pytest.fixture(scope="module")
def scored():
    rng = np.random.default_rng(3)
    is_severe = pd.Series(rng.random(40) < 0.4)
    scores = pd.DataFrame(
        {"POI (%)": np.round(rng.normal(5, 3, 40) + 3 * is_severe, 1), "iHU (HU)": rng.normal(size=40)}
    )
    scores.loc[:4, "iHU (HU)"] = np.nan
    return scores, is_severe


def counted(scores, is_severe, at):
    called = scores >= at
    return int((called & is_severe).sum()), int((~called & ~is_severe).sum())


def shown_cutoff(panel):
    if panel.words.value.startswith("No scan is called severe"):
        return np.inf
    return float(re.search(r"at or above (\S+) is called severe", panel.words.value)[1])


def test_each_place_on_the_curve_says_what_counting_gives(scored):
    scores, is_severe = scored
    panel = cutoff.panel(scores, is_severe)
    for name in scores.columns:
        panel.controls["score"].value = name
        known = scores[name].dropna()
        status = is_severe[known.index]
        cutoffs = [np.inf, *sorted(known.unique(), reverse=True)]
        assert panel.controls["place"].max == len(cutoffs) - 1
        best = max(np.divide(counted(known, status, at), (status.sum(), (~status).sum())).sum() for at in cutoffs) - 1
        assert numbers(panel)[-1] == pytest.approx(best, abs=5e-4)  # it begins at Youden's
        for place, at in [*enumerate(cutoffs)][::5]:
            panel.controls["place"].value = place
            hits, cleared = counted(known, status, at)
            assert counted(known, status, shown_cutoff(panel)) == (hits, cleared)
            assert f"({hits} of {status.sum()})" in panel.words.value
            assert f"({cleared} of {(~status).sum()})" in panel.words.value


def test_the_axis_holds_the_scores_that_are_shown_and_no_cutoff_of_others(scored):
    scores, is_severe = scored
    panel = cutoff.panel(scores, is_severe)
    for name in [*scores.columns, scores.columns[0]]:
        panel.controls["score"].value = name
        low, high = panel.figure.axes[1].get_xlim()
        known = scores[name].dropna()
        reach = known.max() - known.min()
        assert known.min() - reach < low <= known.min() and known.max() <= high < known.max() + reach


@pytest.mark.parametrize(
    ("values", "shown"),
    [([10.27806, 9, 10.279], 10.278), ([10.28496, 9, 10.5], 10.28), ([0.12345678, 0.1234567, 1], 0.12345678)],
)
def test_the_cutoff_has_the_digits_that_make_its_sentence_true(values, shown):
    panel = cutoff.panel(pd.DataFrame({"POI (%)": [*values, 20.0]}), pd.Series([True, False, True, True]))
    assert shown_cutoff(panel) == shown
    assert "(3 of 3)" in panel.words.value and "(1 of 1)" in panel.words.value


def test_a_score_without_both_groups_is_left_out(scored):
    scores, is_severe = scored
    panel = cutoff.panel(scores.assign(none=scores["iHU (HU)"].where(is_severe)), is_severe)
    assert list(panel.controls["score"].options) == list(scores.columns)
    with pytest.raises(ValueError, match="severe and non-severe"):
        cutoff.panel(scores, is_severe | True)


# ------------------------------------------------------------------ kappa


def rated(both_up, only_first, only_second, both_down):
    counts = (both_up, only_first, only_second, both_down)
    return pd.DataFrame({"report": np.repeat([1, 1, 0, 0], counts), "biomarker": np.repeat([1.0, 0, 1, 0], counts)})


@pytest.mark.parametrize("cells", [(40, 9, 3, 20), (0, 5, 7, 0), (90, 2, 3, 1)])
def test_kappa_follows_the_cells(cells):
    panel = ratings.panel(rated(10, 5, 5, 10))
    for control, count in zip(panel.controls.values(), cells, strict=True):
        control.max = max(control.max, count)
        control.value = count
    a, b, c, d = cells
    n = sum(cells)
    observed, expected = (a + d) / n, ((a + b) * (a + c) + (c + d) * (b + d)) / n**2
    by_hand = [n, observed, expected, (observed - expected) / (1 - expected), 2 * observed - 1]
    assert numbers(panel) == pytest.approx(by_hand, abs=5e-4)


def test_pabak_stays_and_kappa_falls_when_one_answer_becomes_rare():
    panel = ratings.panel(rated(20, 3, 3, 20))
    _, observed, _, kappa, pabak = numbers(panel)
    panel.controls["both_up"].value, panel.controls["both_down"].value = 2, 38
    assert numbers(panel)[1] == observed and numbers(panel)[-1] == pabak
    assert numbers(panel)[3] < kappa - 0.2


def test_undefined_kappa_is_said():
    panel = ratings.panel(rated(0, 0, 0, 0).assign(biomarker=np.nan))
    assert panel.words.value == "No cases: nothing to agree on."
    panel.controls["both_down"].value = 5
    assert "undefined" in panel.words.value


# ------------------------------------------------------------------ who asks


@pytest.mark.parametrize("notebook", ["4-biomarkers", "5-severity", "6-progression"])
def test_notebooks_with_panels_alone_do_not_depend_on_the_viewer(notebook):
    used = imported_by_notebook(ROOT / "notebooks" / f"{notebook}.ipynb")
    assert "study.lab.play.panel" in used
    assert not {"study.lab.view", "study.lab.viewer_files"} & used


def test_a_browser_gets_controls_and_a_program_the_picture_alone():
    """A kernel is asked as JupyterLab asks, which names the cell, and as papermill does, which does not."""
    manager, client = jupyter_client.manager.start_new_kernel()
    try:
        given = {}
        code = (
            "import pandas as pd; from study.lab.play import ratings\n"
            "ratings.panel(pd.DataFrame({'report': [1, 0], 'biomarker': [1, 0]}))"
        )
        for who, metadata in (("papermill", {}), ("JupyterLab", {"cellId": "a"})):
            request = client.session.msg("execute_request", {"code": code, "silent": False, "allow_stdin": False})
            request["metadata"] = metadata
            client.shell_channel.send(request)
            while True:
                reply = client.get_iopub_msg(timeout=120)
                if reply["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                    continue
                assert reply["msg_type"] != "error", reply["content"]
                if reply["msg_type"] == "execute_result":
                    given[who] = reply["content"]["data"]
                if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                    break
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert set(given["papermill"]) == {"image/png", "text/plain"}
    assert set(given["JupyterLab"]) == {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"}
    assert base64.b64decode(given["papermill"]["image/png"]).startswith(b"\x89PNG")
    assert given["papermill"]["text/plain"].startswith("2 cases: observed agreement 1.000")
