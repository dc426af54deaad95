"""The flow of patients and scans: numbers from what was recorded, drawn also when parts are missing, legible."""

import matplotlib
import pytest

from study.figures import flow_diagram
from study.files import write_json
from study.run import Run, value

COHORT = {"n_scans_all": 548, "n_patients_all": 204, "n_minors": 8, "n_scans": 531, "n_patients": 196}
SEGMENT = {"n_segmented": 529, "n_refused": 2, "n_observed": 30}
SEVERITY = {"n_scans": 529, "n_patients": 196, "n_without_infection": 7, "n_severe": 79, "n_nonsevere": 450,
            "n_patients_severe": 32, "n_patients_nonsevere": 190}  # fmt: skip
PROGRESSION = {
    "n_pairs": 335, "n_patients_with_pairs": 162, "n_without_report": 11, "n_without_phrase": 70, "n_not_understood": 4,
    "n_opposite_pairs": 6,
    "n_opposite_patients": 1, "n_poi_unchanged": 0, "n_ihu_unchanged": 1, "n_ihu_undefined": 2, "n_volume_all": 184,
    "n_volume_whole": 142, "n_density_all": 82, "n_density_whole": 54,
}  # fmt: skip


def recorded(folder, **notebooks):
    run = Run("made", folder)
    for notebook, numbers in notebooks.items():
        run.record(notebook.replace("_", "-")[1:], [value(name, number) for name, number in numbers.items()])
    return run


def words(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def test_every_number_comes_from_what_was_recorded(tmp_path):
    run = recorded(tmp_path, _1_cohort=COHORT, _3_segment=SEGMENT, _5_severity=SEVERITY, _6_progression=PROGRESSION)
    data = {"training_table_sha256": "", "scans": 102, "held_out_scans": 18}
    write_json(run.models / "infection.json", {"data": data})
    numbers = flow_diagram.counts(run)
    assert numbers["n_scans_excluded"] == 17 and numbers["n_with_phrase"] == 335 - 11 - 70
    figure = flow_diagram.draw(numbers)
    shown = words(figure)
    for text in (
        "548 scans of 204 patients", "17 scans of 8 patients", "531 scans of 196 patients", "2 scans", "529 scans",
        "529 scans of 196 patients", "79 scans", "of 32 patients", "450 scans", "of 190 patients",
        "335 pairs of 162 patients", "254 pairs",
        "no report: 11, no phrase: 66", "not understood: 4", "opposite phrases: 6 pairs",
        "of 1 patient", "184 pairs",
        "82 pairs", "whole lung: 142", "no change measured: 3", "120 scans", "training: 102 scans",
        "held out, for thresholds: 18",
        "by two observers as well: 30",
    ):  # fmt: skip
        assert text in shown, text
    for number in (548, 17, 531, 529, 79, 450, 335, 184, 82):
        assert str(number) in figure.alt
    assert "counts in both boxes: 26 patients." in figure.caption  # 32 + 190 of 196
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(174)
    alone = flow_diagram.draw(numbers | {"n_patients_nonsevere": 164})
    assert "both" not in alone.caption


@pytest.mark.parametrize(
    ("notebooks", "first", "absent"),
    [
        ({"_5_severity": SEVERITY, "_6_progression": PROGRESSION}, "Table of biomarkers", "Reviewed"),
        ({"_1_cohort": COHORT, "_3_segment": SEGMENT, "_5_severity": SEVERITY}, "Reviewed", "Progression"),
        ({"_1_cohort": COHORT, "_3_segment": SEGMENT, "_6_progression": PROGRESSION}, "Reviewed", "Severity"),
        ({"_5_severity": SEVERITY}, "Table of biomarkers", "Two networks"),
        ({}, "Table of biomarkers", "Severity"),
    ],
)
def test_what_was_not_run_is_left_out(tmp_path, notebooks, first, absent):
    figure = flow_diagram.draw(flow_diagram.counts(recorded(tmp_path, **notebooks)))
    shown = words(figure)
    assert first in shown and absent not in shown
    assert not any("None" in text for text in [*shown, figure.alt])


def test_the_kinds_of_training_scans_add_up(tmp_path):
    run = recorded(tmp_path, _1_cohort=COHORT, _3_segment=SEGMENT)
    data = {"scans": 368, "held_out_scans": 32, "without_infection": 62, "with_covid_19": 123, "simulated": True}
    write_json(run.models / "infection.json", {"data": data | {"training_table_sha256": ""}})
    figure = flow_diagram.draw(flow_diagram.counts(run))
    assert {"no infection: 62, COVID-19: 123", "another pneumonia: 183"} <= set(words(figure))
    assert "(no infection: 62, COVID-19: 123, another pneumonia: 183)" in figure.alt


@pytest.mark.parametrize("with_cts", [True, False])
def test_scans_of_unknown_status_are_left_out_in_a_box(tmp_path, with_cts):
    unknown = {"n_scans": 528, "n_severe": 78, "n_status_unknown": 1, "n_patients_status_unknown": 1}
    before = {"_1_cohort": COHORT, "_3_segment": SEGMENT} if with_cts else {}
    run = recorded(tmp_path, **before, _5_severity=SEVERITY | unknown, _6_progression=PROGRESSION)
    figure = flow_diagram.draw(flow_diagram.counts(run))
    shown = words(figure)
    assert shown[shown.index("Left out: status unknown") + 1] == "1 scan of 1 patient"
    assert "528 scans of 196 patients" in shown and "529 scans" in shown  # with this one
    assert "status unknown, left out: 1 scan of 1 patient" in figure.alt


def test_no_text_leaves_its_box_or_the_sheet(tmp_path):
    """With numbers as wide as they get."""
    unknown = ("n_status_unknown", "n_patients_status_unknown")
    wide = {name: 1000 + n for n, name in enumerate([*COHORT, *SEGMENT, *SEVERITY, *unknown, *PROGRESSION])}
    run = recorded(tmp_path, **{
        notebook: {name: wide[name] for name in part}
        for notebook, part in (("_1_cohort", COHORT), ("_3_segment", SEGMENT), ("_5_severity", (*SEVERITY, *unknown)),
                               ("_6_progression", PROGRESSION))
    })  # fmt: skip
    data = {"training_table_sha256": "", "scans": 1000, "held_out_scans": 1000, "without_infection": 1000,
            "with_covid_19": 1000, "simulated": True}  # fmt: skip
    write_json(run.models / "infection.json", {"data": data, "started_from": {"data": data}})
    figure = flow_diagram.draw(flow_diagram.counts(run))
    figure.draw_without_rendering()
    boxes = [patch.get_window_extent() for patch in figure.axes[0].patches]
    texts = [(text.get_text(), text.get_window_extent()) for text in figure.axes[0].texts if text.get_text()]
    assert len(boxes) >= 15
    for words_there, t in texts:
        assert any(b.x0 <= t.x0 and t.x1 <= b.x1 and b.y0 <= t.y0 and t.y1 <= b.y1 for b in boxes), words_there
    sheet = figure.bbox
    assert all(sheet.x0 < box.x0 and box.x1 < sheet.x1 and sheet.y0 < box.y0 and box.y1 < sheet.y1 for box in boxes)
    for n, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[n + 1 :])
