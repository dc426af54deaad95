"""What single figures show, their colours, and when one is not written."""

import itertools
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest

from helpers.drawn import COMPARED, CURVE, LESIONS, SPACING_MM, scans, words_of
from study.figures import explain, one_section, plots, quality_plots, sections, style
from study.files import write_json
from study.scans.labels import INFECTION


def test_a_caption_lies_beside_the_figure_for_readers_and_for_latex(tmp_path):
    figure = plots.severity_boxplots(scans(), {"poi": {"Mann-Whitney U, scans": 1e-8}})
    plots.save(figure, tmp_path, "Figure_3")
    said = (tmp_path / "Figure_3.caption.md").read_text()
    assert said.startswith("**Figure 3.** Portion of infection") and "12 severe and" not in said
    assert "p &lt; 0.001" in said and f"{100 * scans()['poi'][:12].median():.1f} % in 12 severe scans" in said
    tex = (tmp_path / "Figure_3.tex").read_text()
    assert r"\label{fig:figure-3}" in tex and "{Figure_3}" in tex and "p $<$ 0.001" in tex


def test_a_caption_defines_once_what_it_and_the_picture_abbreviate():
    figure = style.new_figure("single", 40)
    figure.subplots().set_xlabel("POI (%)")
    figure.caption = "What iHU (HU) is: the mean Hounsfield unit of the infection."
    assert style.whole_caption(figure) == f"{figure.caption} POI, portion of infection."
    figure.caption = "Scans by iHU."
    assert style.whole_caption(figure) == (
        "Scans by iHU. iHU, mean Hounsfield unit of the infection; POI, portion of infection."
    )


def test_who_draws_no_boxes_does_not_wait_for_seaborn():
    modules = "study.figures.plots, study.figures.explain, study.figures.quality_plots, study.figures.robustness_plots"
    code = f"import sys, {modules}; print('seaborn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_boxplots_show_percent_and_every_scan():
    table = scans()
    figure = plots.severity_boxplots(
        table, {"poi": {"Mann-Whitney U, scans": 1e-8, "over patients": 0.004}, "ihu": {"Mann-Whitney U, scans": 0.25}}
    )
    poi, ihu = figure.axes
    assert poi.get_ylabel() == "POI (%)" and ihu.get_ylabel() == "iHU (HU)"
    points = np.concatenate([dots.get_offsets()[:, 1] for dots in poi.collections])
    np.testing.assert_allclose(np.sort(points), np.sort(100 * table["poi"]))
    medians = [line.get_ydata()[0] for line in poi.lines if line.get_linewidth() == pytest.approx(1.4)]
    np.testing.assert_allclose(medians, [100 * table["poi"][:12].median(), 100 * table["poi"][12:].median()])
    shown = words_of(figure)
    assert "n = 12 scans" in shown and "n = 11 scans" in shown and "n = 30 scans" in shown  # one severe scan has no iHU
    assert "Mann-Whitney U, scans: p < 0.001" in shown and "over patients: p = 0.004" in shown
    assert "Mann-Whitney U, scans: p = 0.25" in shown
    figure.draw_without_rendering()
    for ax in figure.axes:
        below = min(text.get_window_extent().y0 for text in ax.texts)
        for dots in ax.collections:
            assert ax.transData.transform(dots.get_offsets())[:, 1].max() < below  # no word covers a scan


def test_boxes_and_points_have_the_colour_and_shape_of_their_group():
    (poi, _) = plots.severity_boxplots(scans()).axes
    colours = [matplotlib.colors.to_rgb(style.COLOURS[status]) for status in ("severe", "non-severe")]
    assert [box.get_facecolor() for box in poi.patches] == [(*colour, 0.3) for colour in colours]
    (points,) = poi.collections
    drawn = (
        {tuple(colour[:3]) for colour in points.get_facecolors()[:12]},
        {tuple(c[:3]) for c in points.get_facecolors()[12:]},
    )
    assert drawn == ({colours[0]}, {colours[1]})
    corners = [len(path.vertices) for path in points.get_paths()]
    assert set(corners[:12]) != set(corners[12:])  # a circle has more of them than a square


def test_quartiles_of_lesions_are_those_of_the_numbers_on_an_axis_of_logarithms_too():
    """A library that takes quartiles after the logarithm would give the whiskers other ends."""
    volumes = np.array([1.0, 10, 20, 30, 70])  # 70 is beyond 30 + 1.5 * 20 only before the logarithm is taken
    table = pd.concat([LESIONS.iloc[[0]]] * 5, ignore_index=True).assign(volume_ml=volumes)
    ax = plots.lesion_sizes(table, quartiles={c: (1, 10, 20) for c in LESIONS}).axes[0]
    heights = {float(y) for line in ax.lines for y in line.get_ydata()}
    low, middle, high = np.percentile(volumes, [25, 50, 75])
    assert ax.get_yscale() == "log" and {1.0, low, middle, high, 30.0} <= heights and 70.0 not in heights


def test_one_class_alone_is_drawn_and_the_other_is_missed():
    assert "no non-severe scan" in words_of(plots.severity_boxplots(scans(5, 0)))


def test_roc_legend_gives_the_interval_and_the_mark_is_the_operating_point():
    figure = plots.roc_curves(
        {"POI": CURVE}, {"POI": (0.968, 0.9505, 0.9805)}, {"POI": (0.095, 0.924)}, {"POI": (79, 452)}
    )
    assert "POI: AUC 0.9680 [0.9505, 0.9805]" in words_of(figure)  # as Table 2 has it
    assert "95 % confidence interval by DeLong" in figure.caption and "over patients" in figure.caption
    assert "(n = 79 + 452)" in words_of(figure) and "(n = 79 + 452)" in figure.alt
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks] == [(0.095, 0.924)]


def test_roc_without_interval_prints_the_area_alone():
    assert "POI: AUC 0.9000" in words_of(
        plots.roc_curves({"POI": CURVE}, {"POI": (0.9, np.nan, np.nan)}, {}, {"POI": (2, 3)})
    )


def test_bland_altman_limits():
    table = pd.DataFrame({"true": [0.0, 0, 0], "measured": [1.0, 2, 3]})
    figure = quality_plots.bland_altman(table)
    heights = sorted(line.get_ydata()[0] for line in figure.axes[1].lines)
    np.testing.assert_allclose(heights, [2 - 1.96, 2, 2 + 1.96])
    assert "the same for all sizes" in figure.caption


def test_a_bias_of_nothing_has_no_sign():
    figure = quality_plots.bland_altman(pd.DataFrame({"true": [1.0, 2], "measured": [0.999, 2.0]}))
    assert "bias = 0.00" in words_of(figure) and "bias 0.00" in figure.caption and "bias 0.00" in figure.alt


def test_a_reader_can_divide_what_the_figure_of_poi_prints():
    hu, labels = np.full((1, 40, 60), -600.0), np.ones((1, 40, 60), int)
    labels[0, 3:20, 3:30] = INFECTION
    figure = explain.poi_and_ihu(hu, labels, (10.0, 2.7, 2.7))
    (said,) = {(int(a), int(b), c) for a, b, c in re.findall(r"(\d+) / (\d+) = ([\d.]+) %", figure.caption)}
    assert f"{100 * said[0] / said[1]:.1f}" == said[2]
    assert f"{said[0]} / {said[1]} = {said[2]} %" in words_of(figure)


def test_small_infections_pull_the_mean_down():
    by_volume, without = quality_plots.dice_by_size(COMPARED).axes
    assert not by_volume.lines  # the median of one scan is the scan
    heights = dict(
        zip([text.get_text() for text in without.get_xticklabels()], without.lines[0].get_ydata(), strict=True)
    )
    assert heights["0"] == pytest.approx(1 / 3) and heights["0.1"] == 0.5 and heights["5"] == 0.7
    assert "10" not in heights  # no scan has as much


@pytest.mark.parametrize(("motion", "shown"), [(None, ["motion unknown (n = 2)"]), (False, ["breath held (n = 2)"])])
def test_nobody_is_said_to_have_held_the_breath_where_that_is_not_known(motion, shown):
    figure = quality_plots.dice_by_size(COMPARED.assign(motion=motion))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == shown


def test_medians_are_of_groups_of_scans_by_volume():
    n = 21  # in eight groups of three and of two
    many = pd.DataFrame({"scan_id": range(n), "infection_dice": np.linspace(0.1, 0.9, n), "motion": False,
                         "true_infection_ml": np.arange(1.0, n + 1), "true_poi": 0.1})  # fmt: skip
    figure = quality_plots.dice_by_size(many.sample(frac=1, random_state=1))
    drawn = figure.axes[0].lines[0].get_xydata()
    assert len(drawn) == 8 and drawn[0].tolist() == pytest.approx([2, many["infection_dice"][1]])
    assert figure.legends[0].get_texts()[-1].get_text() == "median of each 2 or 3 scans"
    assert "groups of about equal size" in figure.caption


def test_a_figure_shows_itself_in_a_notebook():
    assert plots.severity_boxplots(scans())._repr_png_().startswith(b"\x89PNG")


# Machado, Oliveira and Fernandes, IEEE Trans Vis Comput Graph 2009;15:1291-1298, at full severity; on linear RGB.
COLOUR_BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TOGETHER = [*itertools.combinations(["first", "second", "third", "fourth"], 2), ("severe", "non-severe"),
            ("first", "severe"), ("first", "ink"), ("red", "cyan"), ("red", "yellow"), ("cyan", "yellow")]  # fmt: skip


def seen(colour, matrix):
    """CIE L*a*b* of a colour as somebody sees it whom this matrix describes."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.clip(matrix @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = to_xyz @ linear / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", COLOUR_BLIND)
def test_colours_of_one_figure_differ_for_the_colour_blind(kind):
    """A difference of 2.3 can just be seen side by side (Mahy et al. 1994); marks apart need several times that."""
    palette = {**style.COLOURS, "red": one_section.RED, "cyan": one_section.CYAN, "yellow": one_section.YELLOW}
    matrix = np.array(COLOUR_BLIND[kind])
    for one, two in TOGETHER:
        assert np.linalg.norm(seen(palette[one], matrix) - seen(palette[two], matrix)) > 15, (one, two)


def test_experts_are_counted():
    quartiles = {c: (1, 10, 20) for c in LESIONS}
    figure = plots.lesion_sizes(LESIONS, quartiles=quartiles, n_experts=50, source="Masks: of a source.")
    assert "Experts\n(n = 50)" in words_of(figure) and "50 masks that experts drew" in figure.caption
    assert figure.caption.endswith("Masks: of a source.")
    of_others = plots.lesion_sizes(LESIONS, LESIONS.iloc[:2], quartiles, 50, "Masks: of a source.")
    assert "2 masks" in of_others.caption and "source" not in of_others.caption


def test_the_threshold_says_what_n_counts_and_why_there_is_a_limit():
    figure = plots.hu_threshold_curve(
        pd.DataFrame({"threshold_hu": [-700, 0], "dice": [0.2, 0], "n": 58}), sample="every ninth scan"
    )
    assert "58 scans with infection among every ninth scan" in figure.caption and "(n = 58 scans)" in words_of(figure)
    assert "assumed limit" in figure.caption


def test_a_figure_with_nothing_to_show_is_not_written_and_says_why(tmp_path, capsys):
    (tmp_path / "Figure_6.png").touch()
    figure = sections.longitudinal([], SPACING_MM, missing="the truth is unknown")
    assert plots.save(figure, tmp_path, "Figure_6") == [] and not list(tmp_path.iterdir())
    assert capsys.readouterr().out == "Figure 6 is left out: the truth is unknown\n"
    assert figure._repr_png_() is None and repr(figure) == "not drawn: the truth is unknown"
    half = plots.severity_boxplots(scans().assign(ihu=np.nan))
    assert len(plots.save(half, tmp_path, "Figure_3")) == 4  # one of its panels shows something


@pytest.mark.parametrize(("tier", "written"), [("synthetic", 4), ("restricted", 0), ("unknown", 0)])
def test_phantoms_are_not_among_the_figures_of_patients(synthetic, capsys, tier, written):
    write_json(synthetic.cohort / "cohort.json", {"tier": tier})
    figure = plots.severity_boxplots(scans())
    assert len(plots.save(figure, synthetic.figures, "Figure_S13_lesions", of_phantoms=True)) == written
    assert ("these are patients" in capsys.readouterr().out) == (not written)
