"""What every saved figure carries: the word for its data, in a strip of its own."""

import matplotlib
import pandas as pd
import pytest
from PIL import Image

from helpers.drawn import LESIONS, scans, words_of
from study.figures import flow_diagram, plots, style
from study.files import write_json

SPACING_MM = (10.0, 2.5, 2.5)


def test_a_figure_of_synthetic_patients_says_so_small_and_to_every_reader(synthetic):
    figure = plots.severity_boxplots(scans())
    alt, height = figure.alt, figure.get_figheight()
    png, pdf, caption, _ = plots.save(figure, synthetic.figures, "Figure_3")
    plots.save(figure, synthetic.figures, "Figure_3")
    (mark,) = (text for text in figure.findobj(matplotlib.text.Text) if text.get_text() == "synthetic")
    assert mark.get_fontsize() == 8 and figure.alt == f"{alt} (synthetic data)"
    with Image.open(png) as picture:
        assert picture.info["Source"] == "synthetic data" and picture.info["Description"] == figure.alt
    assert b"/Keywords (synthetic data)" in pdf.read_bytes()
    assert caption.read_text().endswith(" Synthetic data.\n")
    # in a strip of its own, so that it covers nothing
    figure.draw_without_rendering()
    box = mark.get_window_extent()
    assert figure.get_figheight() > height and box.y0 > 0 and box.x1 < figure.bbox.width
    assert all(ax.get_tightbbox().y0 >= box.y1 - 1 for ax in figure.axes)


def test_what_is_real_in_a_figure_of_a_synthetic_run_is_said(synthetic):
    figure = plots.lesion_sizes(LESIONS, quartiles={c: (1, 10, 20) for c in LESIONS})
    png, _, caption, _ = plots.save(figure, synthetic.figures, "Figure_S13_lesions", of_phantoms=True)
    assert "synthetic, but the experts' masks are real" in words_of(figure)
    assert caption.read_text().endswith(" Synthetic data, but the experts' masks are real.\n")
    with Image.open(png) as picture:
        assert picture.info["Source"] == "synthetic data, but the experts' masks are real"
    assert figure.alt.endswith("(synthetic data, but the experts' masks are real)")


def test_the_word_covers_nothing_of_a_figure_with_places_of_its_own(synthetic):
    figure = flow_diagram.draw(flow_diagram.counts(synthetic))
    assert len(style.save(figure, synthetic.figures, "Figure_flow")) == 4
    (mark,) = (text for text in figure.texts if text.get_text() == "synthetic")
    figure.draw_without_rendering()
    assert figure.axes[0].patches
    assert all(mark.get_window_extent().y1 < box.get_window_extent().y0 for box in figure.axes[0].patches)


def test_the_word_covers_no_key_below_the_panels(synthetic):
    curve = pd.DataFrame({"fpr": [0, 0.1, 1], "tpr": [0, 0.9, 1]})
    figure = plots.roc_curves({"POI": curve}, {"POI": (0.9, 0.8, 0.95)}, {}, {"POI": (12, 30)})
    plots.save(figure, synthetic.figures, "Figure_4")
    figure.draw_without_rendering()
    (mark,), (key,), (ax,) = figure.texts, figure.legends, figure.axes
    assert mark.get_window_extent().y1 < key.get_window_extent().y0 + 1
    assert key.get_window_extent().y1 < ax.get_tightbbox().y0 + 1


def test_what_a_figure_keeps_free_at_its_upper_edge_remains_free(synthetic):
    figure = style.new_figure("single", 60)
    figure.get_layout_engine().set(rect=(0, 0, 1, 0.9))
    figure.subplots()
    figure.alt = "Nothing."
    style.save(figure, synthetic.figures, "Figure_1")
    figure.draw_without_rendering()
    assert figure.axes[0].get_tightbbox().y1 < 0.91 * figure.bbox.height


@pytest.mark.parametrize(("tier", "chosen"), [("restricted", True), ("unknown", True), ("synthetic", False)])
def test_no_figure_of_patients_says_synthetic_and_none_where_it_is_switched_off(synthetic, tier, chosen):
    write_json(synthetic.cohort / "cohort.json", {"tier": tier})
    write_json(synthetic.folder / "recipes" / "1-cohort.json", {"parameters": {"mark_synthetic": chosen}})
    figure = plots.severity_boxplots(scans())
    png, *_ = plots.save(figure, synthetic.figures, "Figure_3")
    with Image.open(png) as picture:
        assert "Source" not in picture.info and "synthetic" not in words_of(figure) + figure.alt


def test_the_last_bits_of_a_layout_which_differ_between_processes_move_no_axes(synthetic):
    figure = plots.severity_boxplots(scans())
    plots.save(figure, synthetic.figures, "Figure_3")
    places = [ax.get_position(original=True).bounds for ax in figure.axes]
    assert places and all(part == round(part, 9) for place in places for part in place)
    assert all(ax.get_in_layout() for ax in figure.axes)  # it is laid out anew where it is drawn again
