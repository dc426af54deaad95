"""What holds for every figure: size, letters, words, the same bytes each time, no error where data are missing."""

import itertools
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.drawn import CASES, COMPARED, CURVE, LESIONS, SPACING_MM, chest_sections, scans, words_of
from study.figures import explain, letters, plots, quality_plots, robustness_plots, sections
from study.results import words

RECALL = pd.DataFrame({"recall": [0, 0.5, 1], "precision": [1, 0.9, 0.15]})


def worst_case(hu, labels, words):
    return {"hu": hu, "predicted": labels == 2, "reference": labels == 1, "spacing_mm": SPACING_MM, "words": words}


SEEDS = pd.DataFrame(
    {"number": ["AUC, POI", "kappa"], "value": [0.85, 0.8], "low": [0.8, np.nan], "high": [0.9, np.nan],
     "seeds": [[0.85, 0.86, 0.83], [0.8, 0.7, 0.9]]}
)  # fmt: skip


def every_figure():
    hu, labels = chest_sections()
    dates = ["2020-01-27", "2020-01-30", "2020-02-02"]
    course = [
        (dates[k], ["non-severe", "severe", "severe"][k], hu[k], labels[k], 0.1 * k, [np.nan, -600, -500][k])
        for k in range(3)
    ]
    agreement = pd.DataFrame(
        {"true": [1.0, 5, 9], "measured": [1.5, 4, 9], "status": ["severe", "severe", "non-severe"]}
    )
    history = pd.DataFrame(
        {"epoch": [1, 2], "training_loss": [1, 0.5], "validation_dice": [0.3, 0.6], "network": "lung"}
    )
    return {
        "severity_boxplots": plots.severity_boxplots(scans()),
        "roc_curves": plots.roc_curves(
            {"POI": CURVE}, {"POI": (0.9, 0.8, 0.95)}, {"POI": (0.1, 0.9)}, {"POI": (12, 30)}
        ),
        "precision_recall": robustness_plots.precision_recall(
            {"POI": {"curve": RECALL, "average_precision": 0.8, "baseline": 0.15}}
        ),
        "over_seeds": robustness_plots.over_seeds(SEEDS),
        "hu_threshold_curve": plots.hu_threshold_curve(
            pd.DataFrame({"threshold_hu": [-700, -500], "dice": [0.2, 0.4]})
        ),
        "learning_curves": plots.learning_curves(history),
        "bland_altman": quality_plots.bland_altman(agreement, unit="%", quantity="POI"),
        "dice_distribution": plots.dice_distribution(
            pd.DataFrame({"network_observer_1": [0.7, 0.8], "observers": [0.9, np.nan]})
        ),
        "lesion_sizes": plots.lesion_sizes(LESIONS, quartiles={c: (1, 10, 20) for c in LESIONS}),
        "consecutive_sections": sections.consecutive_sections(hu, labels, [0, 10, 20], SPACING_MM, "patient"),
        "longitudinal": sections.longitudinal(course, SPACING_MM),
        "false_positives": sections.false_positives(hu[0], labels[0] == 2, labels[0] == 0, SPACING_MM),
        "montage": sections.montage([("a", hu[0]), ("b", hu[1, :30])], SPACING_MM, title="Scans of the cohort"),
        "dice_by_size": quality_plots.dice_by_size(COMPARED),
        "worst_scans": quality_plots.worst_scans([worst_case(hu[0], labels[0], "a: Dice 0.00, +9 ml\nmotion")] * 5),
        "hu_windows": explain.hu_windows(hu, labels, SPACING_MM),
        "network_input": explain.network_input(hu / 500, [-10, 0, 10], labels[1] == 2, SPACING_MM, "Training scan"),
        "poi_and_ihu": explain.poi_and_ihu(hu, labels, SPACING_MM),
        "roc_point": explain.roc_point([1, 2, 3, 4], [0, 0, 1, 1], 2.5, CURVE, "POI (%)"),
        "chance_agreement": explain.chance_agreement(CASES, "Extent"),
        "calibration_and_decision": robustness_plots.calibration_and_decision(
            {"POI": pd.DataFrame({"predicted": [0.2, 0.8], "observed": [0.1, 0.9], "low": 0.0, "high": 1.0})},
            pd.DataFrame({"slope": [1.0], "intercept": [0.0], "n": [42]}, index=["POI"]),
            pd.DataFrame({"threshold": [0.1, 0.9], "POI": [0.2, 0.1], "all": [0.2, -1], "none": 0.0}),
        ),
        "tornado": robustness_plots.tornado(
            pd.DataFrame({"headline": ["AUC"], "choice": ["hu"], "base": [0.9], "low": [0.8], "high": [0.95]}),
            {"hu": "every scan -20 / +20 HU"},
            "AUC of 30 scans.",
        ),
        "kappa_by_least_change": robustness_plots.kappa_by_least_change(
            pd.DataFrame({"quantity": "volume", "least": [0.0, 1], "three": [0.8, 0.7], "three_low": 0.5,
                          "three_high": 0.9, "two": [0.9, 0.8], "share": [1, 0.5]}), {"volume": 0.5}),
    }  # fmt: skip


def figures_without_data():
    nothing = np.zeros((0, 4, 4))
    return {
        "no scans": plots.severity_boxplots(scans().iloc[:0]),
        "no columns": plots.severity_boxplots(pd.DataFrame({"status": ["severe"]})),
        "no infection": plots.severity_boxplots(scans().assign(ihu=np.nan)),
        "no models": plots.roc_curves({}, {}, {}, {}),
        "no recall": robustness_plots.precision_recall({}),
        "no other seeds": robustness_plots.over_seeds(SEEDS.iloc[:0]),
        "no curves": plots.roc_curves(
            {"POI": CURVE.iloc[:0], "iHU": None},
            {"POI": (np.nan, np.nan, np.nan)},
            {},
            dict.fromkeys(("POI", "iHU"), (0, 3)),
        ),
        "no thresholds": plots.hu_threshold_curve(pd.DataFrame({"threshold_hu": [], "dice": []})),
        "undefined dice": plots.hu_threshold_curve(pd.DataFrame({"threshold_hu": [-500], "dice": [np.nan]})),
        "no history": plots.learning_curves(pd.DataFrame()),
        "no agreement": quality_plots.bland_altman(pd.DataFrame({"true": [np.nan], "measured": [1.0]})),
        "one point": quality_plots.bland_altman(pd.DataFrame({"true": [1.0], "measured": [1.0]})),
        "no dice": plots.dice_distribution(pd.DataFrame({"observers": [np.nan]})),
        "one dice": plots.dice_distribution(pd.DataFrame({"observers": [0.5]})),
        "no lesions": plots.lesion_sizes(LESIONS.iloc[:0]),
        "lesions of experts": plots.lesion_sizes(LESIONS, LESIONS.iloc[:2]),
        "no sections": sections.consecutive_sections(nothing, nothing, [], SPACING_MM, "no such scan"),
        "all air": sections.consecutive_sections(np.full((1, 4, 4), -1000), np.zeros((1, 4, 4)), [0], SPACING_MM),
        "all lung": sections.consecutive_sections(np.full((1, 4, 4), -800), np.ones((1, 4, 4)), [0], SPACING_MM),
        "no dates": sections.longitudinal([], SPACING_MM),
        "two sizes": sections.longitudinal(
            [("2020-01-27", "severe", np.zeros((n, n)), np.zeros((n, n)), 0.0, np.nan) for n in (4, 6)], SPACING_MM
        ),
        "no motion": sections.false_positives(nothing, nothing, nothing, SPACING_MM),
        "no motion, a section": sections.false_positives(*[np.zeros((0, 0))] * 3, (1, 1, 1)),
        "no pictures": sections.montage([], SPACING_MM),
        "no infection anywhere": quality_plots.dice_by_size(COMPARED.assign(true_infection_ml=0)),
        "no lungs drawn": quality_plots.dice_by_size(COMPARED.assign(true_poi=np.nan)),
        "no truth": quality_plots.worst_scans([]),
        "no section for windows": explain.hu_windows(nothing, nothing, SPACING_MM, "no such scan"),
        "no training scan": explain.network_input(nothing, [], nothing, SPACING_MM, "no such scan"),
        "no infection to count": explain.poi_and_ihu(*np.zeros((2, 1, 4, 4)), SPACING_MM),
        "no cut-off": explain.roc_point([np.nan, 1], [True, False], np.nan, CURVE, "POI (%)"),
        "no case": explain.chance_agreement(CASES.iloc[:0]),
        "one answer alone": explain.chance_agreement(CASES.iloc[:2], "Extent"),
    }


@pytest.fixture(scope="module")
def figures():
    return every_figure()


@pytest.fixture(scope="module")
def files(figures, tmp_path_factory):
    """Where three figures were saved, with points, pictures and patches."""
    folder = tmp_path_factory.mktemp("figures") / "new"
    for name in ("severity_boxplots", "longitudinal", "chance_agreement"):
        plots.save(figures[name], folder, name)
    return folder


def test_every_drawing_function_is_tried(figures):
    """What this file draws is what the package has."""
    drawing = {
        name
        for module in (plots, sections, robustness_plots, quality_plots, explain)
        for name, function in vars(module).items()
        if hasattr(function, "__wrapped__") and function.__module__ == module.__name__ and name != "save"
    }
    assert set(figures) == drawing


def test_the_bar_of_a_section_is_as_long_as_its_caption_says(figures):
    """In mm of the section, whose axes are alike."""
    barred = {name for name, figure in figures.items() if "5 cm" in words_of(figure)}
    assert {"consecutive_sections", "longitudinal", "false_positives", "montage", "worst_scans"} < barred
    for name in barred:
        assert "Bar: 5 cm; R, L, A, P: the patient's right" in figures[name].caption, name
    ax = figures["consecutive_sections"].axes[-1]
    (bar,) = (line for line in ax.lines if line.get_color() == "white")
    assert ax.get_aspect() == 1 and np.ptp(bar.get_xdata()) == 50.0


def test_figures_have_a_columns_width_and_leave_pyplot_alone(figures):
    import matplotlib.pyplot as plt

    open_figures, size = plt.get_fignums(), matplotlib.rcParams["font.size"]
    for name, figure in figures.items():
        width_mm = figure.get_size_inches()[0] * 25.4
        assert width_mm == pytest.approx(85) or width_mm == pytest.approx(174), name
    plots.severity_boxplots(scans())
    assert plt.get_fignums() == open_figures
    assert matplotlib.rcParams["font.size"] == size


def test_files_hold_fonts_resolution_and_words_and_no_date(figures, files):
    assert len(list(files.iterdir())) == 12
    for path in files.glob("*.pdf"):
        content, figure = path.read_bytes(), figures[path.stem]
        assert b"/FontFile2" in content and b"/Type3" not in content
        assert b"/Subject" in content and b"/Title" in content
        assert b"CreationDate" not in content and b"Producer" not in content and b"Matplotlib" not in content
        with Image.open(path.with_suffix(".png")) as picture:
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert picture.size == tuple(int(300 * inches) for inches in figure.get_size_inches())
            assert picture.info["Description"] == figure.alt and "Software" not in picture.info


def test_no_letter_is_small_no_figure_has_a_title_and_each_has_a_caption(figures):
    for name, figure in figures.items():
        sizes = {text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()}
        assert min(sizes) >= 8 and figure.get_suptitle() == "", name
        assert 60 < len(figure.caption) < 900 and figure.caption.endswith("."), (name, figure.caption)
        assert "nan" not in figure.caption and not re.search(r"(^|[\s(])-\d", figure.caption), (name, figure.caption)


def test_letters_are_as_wide_as_arials_and_come_with_the_study(files):
    """Arial's own widths (in thousandths of an em), as Adobe's metrics of Helvetica give them."""
    helvetica = {"a": 556, "i": 222, "m": 833, "W": 944, "0": 556, "%": 889, " ": 278, "(": 333}
    assert {letter: round(1000 * letters.width_em(letter)) for letter in helvetica} == helvetica
    for path in files.glob("*.pdf"):
        embedded = set(re.findall(rb"/FontName /(?:[A-Z]{6}\+)?([\w-]+)", path.read_bytes()))
        assert embedded <= {b"LiberationSans", b"LiberationSans-Bold"}, (path, embedded)


def test_alternative_text_is_a_sentence_and_not_the_words_in_the_figure(figures):
    for name, figure in figures.items():
        alt, figure.alt = figure.alt, ""
        assert 60 < len(alt) < 900 and alt.endswith("."), (name, alt)
        assert "nan" not in alt and alt != figure.alt != "", name
        figure.alt = alt


def test_no_text_is_cut_off_at_the_edge(figures):
    for name, figure in figures.items():
        figure.draw_without_rendering()
        width, height = figure.canvas.get_width_height()
        # matplotlib keeps the labels of ticks outside the axes; the layout minds those inside
        ticks = {label for ax in figure.axes for label in (*ax.get_xticklabels(), *ax.get_yticklabels())}
        for text in set(figure.findobj(matplotlib.text.Text)) - ticks:
            if text.get_text().strip() and text.get_visible():
                box = text.get_window_extent()
                inside = box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1
                assert inside, (name, text.get_text())


def test_the_same_data_give_the_same_bytes_whatever_the_readers_settings(files, tmp_path):
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 50}):
        again = plots.save(plots.severity_boxplots(scans()), tmp_path, "severity_boxplots")
    assert [path.read_bytes() for path in again] == [(files / path.name).read_bytes() for path in again]


def test_drawing_leaves_the_readers_settings_and_random_numbers_alone():
    """Seaborn could set both."""
    settings, state = dict(matplotlib.rcParams), np.random.get_state()
    every_figure()
    assert dict(matplotlib.rcParams) == settings
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])
    assert np.random.get_state()[2:] == state[2:]


def test_missing_data_are_said_in_words():
    figures = figures_without_data()
    for figure in figures.values():
        figure.draw_without_rendering()
    said = {name: words_of(figure) for name, figure in figures.items()}
    assert "no scan has a value of poi" in said["no scans"]
    assert "no scan has a value of ihu" in said["no infection"]
    assert "both severe and non-severe" in said["no models"]
    assert "no such scan" in said["no sections"]


def test_every_minus_is_the_same_sign(figures):
    """A hyphen before a digit is left only where it is none: in dates, ranges and names of scans."""
    for name, figure in figures.items():
        found = words.HYPHEN_MINUS.findall(words_of(figure))
        assert not found, name
    assert "−20 / +20 HU" in words_of(figures["tornado"]) and "iHU −600 HU" in words_of(figures["longitudinal"])
    kept = "P180-2 2020-01-27 5-10 mm [-700, -650] a-1 (-3)"
    assert words.with_minus(kept) == "P180-2 2020-01-27 5-10 mm [−700, −650] a-1 (−3)"


@pytest.mark.parametrize("name", ["learning_curves", "tornado", "poi_and_ihu", "roc_point", "lesion_sizes"])
def test_each_panel_has_its_letter(figures, name):
    panels = [ax for ax in figures[name].axes if ax.axison or ax.images]
    titles = [ax.get_title(loc="left") for ax in panels]
    assert [title[:3] for title in titles if title] == [f"({which})" for which in "abcdef"[: len(titles)] if titles][
        : len([title for title in titles if title])
    ]
    assert titles[0].startswith("(a)")


def test_the_words_above_a_tornados_panels_do_not_touch():
    headlines = ["AUC, POI+iHU", "Sensitivity, POI+iHU", "Specificity, POI+iHU"]
    moved = pd.DataFrame({"headline": headlines, "choice": "hu", "base": 0.9378, "low": 0.93, "high": 0.94})
    figure = robustness_plots.tornado(moved, {"hu": "empty scan: lowest iHU / lung median"}, "Scans.")
    figure.draw_without_rendering()
    above = [ax._left_title.get_window_extent() for ax in figure.axes]
    starts = [*(box.x0 for box in above[1:]), figure.bbox.x1]
    assert all(start - box.x1 > 2 * figure.dpi / 25.4 for box, start in zip(above, starts, strict=True))  # 2 mm


def test_a_tornado_of_undefined_headlines_is_left_out():
    moved = pd.DataFrame({"headline": ["Kappa, extent", "Kappa, density"], "choice": "hu", "base": [np.nan, np.nan],
                          "low": np.nan, "high": np.nan})  # fmt: skip
    assert robustness_plots.tornado(moved, {"hu": "HU"}, "No pair.").missing == "no headline is defined"
    assert not robustness_plots.tornado(moved.assign(base=[np.nan, 0.5]), {"hu": "HU"}, "One pair.").missing


def test_an_undefined_headline_is_said_within_its_panel():
    """Beside kappas near 0.85, of which an axis shows 0.84 to 0.86, a word at 0 would squeeze all panels."""
    headlines = [f"Kappa, {what}, {which}" for what in ("extent", "density") for which in ("whole", "all")]
    moved = pd.DataFrame({"headline": headlines, "choice": "hu", "base": [0.85, 0.84, np.nan, np.nan],
                          "low": [0.84, 0.84, np.nan, np.nan], "high": [0.85, 0.86, np.nan, np.nan]})  # fmt: skip
    figure = robustness_plots.tornado(moved, {"hu": "HU -20 / +20"}, "Pairs.", columns=2)
    figure.draw_without_rendering()
    said = [(ax, text) for ax in figure.axes for text in ax.texts if "undefined" in text.get_text()]
    assert len(said) == 2 and all(
        ax.get_window_extent().contains(*text.get_window_extent().get_points().mean(axis=0)) for ax, text in said
    )
    assert all(ax.get_window_extent().width > 0.3 * figure.bbox.width for ax in figure.axes)


def test_no_axis_shows_more_than_all(figures):
    figure = figures["roc_point"]
    left = figure.axes[0]
    figure.draw_without_rendering()
    low, high = left.get_ylim()
    assert all(tick <= 100 for tick in left.get_yticks() if low <= tick <= high)
    assert left.get_ylabel().endswith("(%)") and left.get_xlim()[0] >= 0 and left.get_xlim()[1] <= 100


def test_each_line_of_a_legend_shows_its_mark(figures):
    """A mark that is rasterized with its points is not drawn in a legend."""
    for name, figure in figures.items():
        legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
        assert not [mark for legend in legends for mark in legend.legend_handles if mark.get_rasterized()], name


def test_dates_and_statuses_stand_apart_however_close_the_dates_are():
    section = np.zeros((9, 9))
    days = (0, 1, 2, 4, 30, 31)
    course = [(day, "severe" if day % 2 else "non-severe", section, section, 0.1, np.nan) for day in days]
    figure = sections.longitudinal(course, SPACING_MM)
    figure.draw_without_rendering()
    titles = [ax.title for ax in figure.axes if ax.get_title()]
    assert [title.get_text() for title in titles] == [f"day {day}\n{status}" for day, status, *_ in course]
    for texts in (titles, [tick for tick in figure.axes[-1].get_xticklabels() if tick.get_text()]):
        boxes = sorted((text.get_window_extent().x0, text.get_window_extent().x1) for text in texts)
        assert len(texts) > 2 and all(one[1] < other[0] for one, other in itertools.pairwise(boxes))
