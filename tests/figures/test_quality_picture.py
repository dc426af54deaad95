"""The picture of a scan at a glance shows the sections, numbers and notes that it was given."""

import numpy as np
import pytest
from matplotlib.text import Text

from study.figures import quality_picture

NAN = float("nan")
MEASURED = {"lung_volume_ml": 4012.4, "infection_volume_ml": 120.3, "poi": 0.03, "ihu": -512.6,
            "right_lung_volume_ml": 4012.4, "right_infection_volume_ml": 120.3, "right_poi": 0.03, "right_ihu": -512.6,
            "left_lung_volume_ml": NAN, "left_infection_volume_ml": NAN, "left_poi": NAN, "left_ihu": NAN}  # fmt: skip


def scan(n=40):
    hu = np.full((n, 40, 48), 40)
    label_map = np.zeros(hu.shape, np.uint8)
    label_map[5:33, 10:30, 8:20] = 1
    label_map[20:24, 12:18, 10:14] = 2
    hu[label_map == 1] = -850
    return hu, label_map


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_sections_from_base_to_apex_numbers_and_notes():
    hu, label_map = scan()
    notes = ["breathing during the scan?", "lung reaches the lowest section", "the lungs touch " * 20]
    figure = quality_picture.twelve_sections(hu, label_map, (5.0, 8.0, 8.0), MEASURED, notes, "P1-1")
    assert len(figure.axes) == 12 and all(ax.images for ax in figure.axes)
    assert {"25 mm", "160 mm"} <= set(texts(figure)) and "165 mm" not in texts(figure)
    title = " ".join(figure.get_suptitle().split())
    assert "P1-1: lungs 4012 ml, infection 120 ml, POI 3.0 %, iHU −513 HU" in title and "left lung not found" in title
    assert "Note: lung reaches the lowest section" in title and notes[2].strip() in title and title in figure.alt
    assert "breathing during the scan? Note" in figure.caption and "lowest section. Note" in figure.caption
    assert max(map(len, figure.get_suptitle().splitlines())) < 130
    figure.canvas.draw()
    top = max(ax.get_window_extent().y1 for ax in figure.axes)
    (written,) = (text for text in figure.findobj(Text) if text.get_text().startswith("P1-1"))
    assert written.get_window_extent().y0 > top


@pytest.mark.parametrize(
    ("with_lung", "chosen"), [(range(3, 8), [3, 4, 5, 6, 7]), ([], [0, 10, 20, 30]), (range(40), [0, 13, 26, 39])]
)
def test_which_sections(with_lung, chosen):
    label_map = np.zeros((40 if len(with_lung) else 31, 4, 4), np.uint8)
    label_map[list(with_lung), 1:3, 1:3] = 1
    assert quality_picture.spread_sections(label_map, 12 if len(with_lung) == 5 else 4).tolist() == chosen
