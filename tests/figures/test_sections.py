"""Pictures of CT sections, and figures that explain: what they show is where and what they say."""

import re

import matplotlib
import numpy as np
import pytest

from helpers.drawn import CASES, CURVE, SPACING_MM, chest_sections, words_of
from study.figures import explain, one_section, sections, style
from study.statistics import kappa


def test_widest_sections_hold_the_largest_infection():
    labels = np.zeros((6, 4, 4), np.uint8)
    labels[1:5] = 1
    labels[4, :2] = 2
    assert list(one_section.widest_sections(labels)) == [3, 4, 5]
    assert list(one_section.widest_sections(np.minimum(labels, 1), 1)) == [1]
    assert list(one_section.widest_sections(np.zeros((6, 4, 4)))) == [2, 3, 4]
    assert list(one_section.widest_sections(labels[:2])) == [0, 1]


def test_sections_say_side_position_and_scale():
    hu, labels = chest_sections()
    figure = sections.consecutive_sections(hu, labels, [95, 105, 115], SPACING_MM, "Patient 7")
    shown = words_of(figure)
    assert {"R", "L", "infection"} <= set(shown.split())
    assert "95 mm" in shown and "115 mm" in shown and "5 cm" in shown
    assert "Patient 7" not in shown and figure.caption.startswith("Patient 7,")


def test_status_is_said_by_word_and_shape_too():
    hu, labels = chest_sections()
    late_first = [
        ("2020-02-01", "severe", hu[1], labels[1], 0.2, -500),
        ("2020-01-27", "non-severe", hu[0], labels[0], 0.1, -600),
    ]
    figure = sections.longitudinal(late_first, SPACING_MM)
    assert words_of(figure).index("27 Jan 2020") < words_of(figure).index("1 Feb 2020")
    marks = {line.get_marker(): line.get_color() for line in figure.findobj(matplotlib.lines.Line2D)}
    assert marks["o"] == style.COLOURS["severe"] and marks["s"] == style.COLOURS["non-severe"]
    assert "non-severe" in words_of(figure)


def test_a_course_in_days_has_no_date():
    hu, labels = chest_sections()
    course = [(day, "severe", hu[k], labels[k], 0.1, -500) for k, day in enumerate([0, 1, 16])]
    ticks = sections.longitudinal(course, SPACING_MM).axes[-1].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["day 0", "", "day 16"]  # day 1 has no room, and is above its picture
    course = [(day, "severe", hu[k], labels[k], 0.1, -500) for k, day in enumerate([0, 4, 16])]
    figure = sections.longitudinal(course, SPACING_MM)
    figure.draw_without_rendering()
    assert ["day 0", "day 4", "day 16"] == [tick.get_text() for tick in figure.axes[-1].get_xticklabels()]
    assert "day 16, severe" in figure.alt and not re.search(r"\b(19|20)\d\d\b", words_of(figure) + figure.alt)


def test_the_overlay_lies_on_the_infection():
    hu, labels = chest_sections(1)
    figure = sections.consecutive_sections(hu, labels, [0], SPACING_MM)
    picture, overlay = figure.axes[1].images
    assert picture.get_clim() == (-1350.0, 150.0)
    np.testing.assert_array_equal(
        np.asarray(overlay.get_array())[..., 3] > 0, (np.asarray(picture.get_array()) == -450)
    )


def test_arrays_of_different_shape_are_refused():
    hu, labels = chest_sections()
    with pytest.raises(ValueError, match="different shape"):
        sections.consecutive_sections(hu, labels[:2], [0, 10, 20], SPACING_MM)
    with pytest.raises(ValueError, match="different shape"):
        sections.false_positives(hu[0], labels[0] == 2, labels[0, :5] == 2, SPACING_MM)


def test_the_explanation_of_kappa_gives_kappa():
    figure = explain.chance_agreement(CASES, "Extent")
    shown = words_of(figure)
    known = CASES.dropna()
    assert f"kappa = {kappa.cohen_kappa(known['report'], known['biomarker']).kappa:.3f}" in shown
    assert "agree: 4 of 5 = 0.8000" in shown and "5 cases" in figure.caption


def test_the_explained_point_lies_on_the_curve_and_is_counted_by_hand():
    figure = explain.roc_point([1, 2, 3, 4, np.nan], [0, 1, 0, 1, 1], 2, CURVE, "POI (%)")
    (point,) = (line for line in figure.axes[1].lines if line.get_marker() == "o")
    assert (*point.get_xdata(), *point.get_ydata()) == (0.5, 1.0)
    assert "2 of 2 severe scans" in words_of(figure) and "1 of 2 non-severe scans" in words_of(figure)


def test_poi_and_ihu_of_the_section_shown_are_those_of_its_pixels():
    hu, labels = chest_sections()
    share = (labels[1] == 2).sum() / (labels[1] >= 1).sum()
    assert f"= {100 * share:.1f} %\niHU −450 HU" in words_of(explain.poi_and_ihu(hu, labels, SPACING_MM))


def test_a_thick_section_is_the_mean_of_what_lies_in_it():
    """3 of 10 mm of liver at 50 HU in lung at -850, and 6 of 10 mm of consolidation at -30 HU."""
    hu, labels = chest_sections()
    figure = explain.hu_windows(hu, labels, SPACING_MM)
    heights = [patch.get_data().values for patch in figure.findobj(matplotlib.patches.StepPatch)]
    (thick,) = (values for values in heights if len(values) == 5)
    np.testing.assert_allclose(thick, [50, 0.3 * 50 - 0.7 * 850, -850, -0.6 * 30 - 0.4 * 850, -850])
