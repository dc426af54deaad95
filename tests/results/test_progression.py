"""Notebook 6's cases: which pairs count, in which row, and the paper's tables."""

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.project import ROOT
from study.claims import paper, verdicts
from study.figures import flow_diagram, robustness_plots, tables
from study.measures import biomarkers
from study.measures.phrases import key_phrases
from study.results import progression, report_phrases, table_notes, three_classes, words
from study.run import Run
from study.statistics import change, clustered, kappa, tornado

REPORTS = [
    ("The infection has expanded.", 0.1, 10.0),
    ("The infection has partly expanded.", -0.1, 10.0),
    ("The lesions have shrunk and are denser.", -0.2, 30.0),
    ("Some lesions have expanded, others have shrunk.", 0.1, 5.0),
    ("No significant change.", 0.1, 5.0),
    (None, 0.1, 5.0),
    ("The lesions have shrunk; density is partly lower.", 0.0, np.nan),
    ("Density has decreased.", 0.1, 0.0),
]


@pytest.fixture
def pairs():
    """Return eight pairs of four patients, one for each thing that a pair can be."""
    table = pd.DataFrame(REPORTS, columns=["report", "poi_change", "ihu_change"], index=range(3, 11))
    table["patient_id"] = list("aabbccdd")
    table = table.join(report_phrases.read(table["report"]))
    return table.assign(
        poi_direction=biomarkers.binarise(table["poi_change"]),
        ihu_direction=biomarkers.binarise(table["ihu_change"]),
    )


def test_only_pairs_with_a_phrase_count(pairs):
    cases = progression.rated(pairs)
    assert cases["volume_whole"].index.tolist() == [3, 5, 9]
    assert cases["volume_all"].index.tolist() == [3, 4, 5, 9]
    assert cases["density_whole"].index.tolist() == [5, 10]
    assert cases["density_all"].index.tolist() == [5, 9, 10]
    assert cases["volume_all"]["report"].tolist() == [1, 1, 0, 0]
    assert cases["volume_all"]["biomarker"].isna().tolist() == [False, False, False, True]


def test_counts_behind_table_4(pairs):
    cases = progression.rated(pairs)
    counts = progression.counts_of_cases(cases, kappa.tabulate(cases)).set_axis(list(progression.ROWS))
    assert counts.loc["volume_all"].tolist()[:5] == [1, 1, 0, 1, 1]
    assert counts.loc["density_all", "Left out"] == 2
    # Two of three agree: PABAK is 2 x 2/3 - 1; ups are 2 and 1 of 3, so one case at least must differ.
    assert counts.loc["volume_all", "PABAK"] == "0.3333"
    assert counts.loc["volume_all", "Agreement by chance"] == f"{(2 * 1 + 1 * 2) / 9:.4f}"
    assert counts.loc["volume_all", "Greatest kappa"] == f"{(2 / 3 - 4 / 9) / (1 - 4 / 9):.4f}"


def test_kappas_are_said_in_a_line(pairs):
    agreement = kappa.tabulate(progression.rated(pairs)).filter(like="volume", axis=0)
    assert progression.kappas_in_words(agreement) == "Kappa, extent, whole 1.0000; Kappa, extent, all 0.4000"


def test_values_count_every_exclusion(pairs):
    agreement = kappa.tabulate(progression.rated(pairs))
    values = {row["name"]: row["value"] for row in progression.values(pairs, agreement)}
    assert values["n_pairs"] == 8 and values["n_without_report"] == 1 and values["n_without_phrase"] == 1
    assert values["n_opposite_pairs"] == values["n_opposite_patients"] == 1
    assert values["n_poi_unchanged"] == 1 and values["n_ihu_unchanged"] == 1 and values["n_ihu_undefined"] == 1
    assert values["n_volume_all"] == 3 and values["observed_agreement_volume_all"] == pytest.approx(2 / 3)
    assert values["phrases_density_decreased"] == 2
    table = progression.table_4(agreement)
    assert table["No. of cases"].tolist() == [2, 3, 1, 1]
    assert table["Strength of agreement"].tolist() == [words.MISSING] * 4  # of too few cases for a word
    assert table["Kappa error"].tolist()[0] == words.MISSING  # both agree
    assert values["strength_volume_whole"] is None and np.isnan(values["standard_error_volume_whole"])
    note = table_notes.under("4", shown=table)
    assert "fewer than 10 cases, has no word" in note and "Dashes" not in table_notes.under(
        "4", shown=table[["No. of cases"]]
    )


def test_what_few_pairs_say_in_words_reproduces_nothing(pairs):
    """A cohort of which eight pairs agree has a kappa of 1, as has one in which nothing agrees but by chance."""
    pairs = pd.concat([pairs.loc[[3, 5]]] * 4, ignore_index=True)
    agreement = kappa.tabulate(progression.rated(pairs))
    assert agreement.loc["volume_whole", ["n", "kappa"]].tolist() == [8, 1]
    values = {"6-progression": pd.DataFrame(progression.values(pairs, agreement)).set_index("name")}
    found = verdicts.compare(paper.read_paper(), values, "restricted").set_index("id")
    word, error = found.loc["table_4_strength_volume_whole"], found.loc["table_4_error_volume_whole"]
    assert word["verdict"] == error["verdict"] == "cannot be tested" and np.isnan(word["p_of_difference"])
    assert word["why"].endswith(
        "undefined in this run: a kappa of fewer than 10 cases, or without an error, has no word"
    )
    assert error["why"].endswith("where all agree, or none, it would be 0, no certainty")


@pytest.mark.parametrize("scans", [{"scan_id": ["x"]}, {"scan_id": ["x"], "report": [None]}])
def test_without_reports_what_they_say_is_unknown_and_not_0(scans, pairs, tmp_path):
    scans = pd.DataFrame(scans).assign(patient_id="p", scan_date="2020-02-01")
    reports = report_phrases.reports_of(scans, pd.DataFrame({"later": ["x"] * len(pairs)}, pairs.index))
    pairs[list(report_phrases.read(reports).columns)] = report_phrases.read(reports)
    assert report_phrases.coverage(pairs).startswith(report_phrases.NO_REPORT)
    listed = progression.values(pairs, kappa.tabulate(progression.rated(pairs)))
    recorded = pd.DataFrame(listed).set_index("name")
    assert recorded["value"].dropna().to_dict() == {"n_pairs": 8, "n_patients_with_pairs": 4, "n_without_report": 8}
    assert not len(report_phrases.table_3(pairs))
    compared = verdicts.compare(paper.read_paper(), {"6-progression": recorded}, "restricted").set_index("notebook")
    of_reports = compared.loc["6-progression"].query("name != 'n_pairs'")
    assert (of_reports["verdict"] == "cannot be tested").all() and (of_reports["why"] == report_phrases.NO_REPORT).all()
    run = Run("made", tmp_path)
    run.record("6-progression", listed)
    numbers = flow_diagram.counts(run)
    assert numbers["n_pairs"] == 8 and numbers["n_with_phrase"] is None
    flow_diagram.draw(numbers)


def test_no_pairs_at_all(pairs):
    none = pairs.iloc[:0]
    agreement = kappa.tabulate(progression.rated(none))
    assert agreement["n"].tolist() == [0, 0, 0, 0]
    assert progression.table_4(agreement)["Cohen's kappa"].tolist() == [words.MISSING] * 4
    assert progression.values(none, agreement)[0]["value"] == 0


def many_pairs(n=120, seed=0):
    """Scans of patients whose reports tell the true change, measured with an error that is known."""
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(n):
        true_poi, true_ihu = rng.uniform(0.1, 0.3), rng.uniform(-600, -400)
        for visit in range(3):
            step = rng.choice([-1, 0, 1])
            true_poi += 0.04 * step * (visit > 0)
            words = {1: "The infection has expanded.", 0: "No significant change.", -1: "The lesions have shrunk."}
            rows.append((f"{patient}-{visit}", f"p{patient}", f"2020-02-0{visit + 1}", true_poi, true_ihu, words[step]))
    scans = pd.DataFrame(rows, columns=["scan_id", "patient_id", "scan_date", "true_poi", "true_ihu", "report"])
    scans["poi"] = scans["true_poi"] + rng.normal(0, 0.005, len(scans))
    scans["ihu"] = scans["true_ihu"] + rng.normal(0, 10, len(scans))
    pairs = pd.DataFrame({"earlier": scans["scan_id"], "later": scans["scan_id"].shift(-1)})
    pairs["patient_id"] = scans["patient_id"]
    pairs = pairs[scans["patient_id"].eq(scans["patient_id"].shift(-1))].reset_index(drop=True)
    pairs = biomarkers.changes(scans, pairs)
    pairs = pairs.join(
        report_phrases.read(scans.set_index("scan_id")["report"].reindex(pairs["later"]).set_axis(pairs.index))
    )
    variants = scans.set_index("scan_id")[["true_poi", "true_ihu"]]
    for name in ("smaller", "larger", "observer_1", "observer_2"):
        variants[f"{name}_poi"] = scans["poi"].to_numpy() + rng.normal(0, 0.002, len(scans))
        variants[f"{name}_ihu"] = scans["ihu"].to_numpy()
    return scans, pairs, variants.assign(lung_median_hu=-830.0)


def test_least_detectable_change_comes_from_the_truth_else_from_the_observers_else_from_nowhere():
    _, pairs, variants = many_pairs()
    found, source = three_classes.least_detectable(pairs, variants)
    assert source == "true masks"
    assert found["volume"].standard_error == pytest.approx(0.005, rel=0.1)
    assert found["density"].change == pytest.approx(1.96 * np.sqrt(2) * 10, rel=0.1)
    found, source = three_classes.least_detectable(pairs, variants.assign(true_poi=np.nan, true_ihu=np.nan))
    assert source == "two observers" and found["volume"].standard_error == pytest.approx(0.002, rel=0.15)
    found, source = three_classes.least_detectable(pairs, None)
    assert source.startswith("unknown") and np.isnan(found["volume"].change)


def test_the_drop_to_three_classes_is_told_by_the_cases_behind_it():
    three = pd.DataFrame({"least_change": [0.03], "kappa": [0.31], "n": [160.0], "n_unchanged_report": [60],
                          "n_unchanged_biomarker": [80], "kappa_two": [0.9], "n_two": [50]},
                         index=["volume"])  # fmt: skip
    table = pd.DataFrame({"kappa": [0.7044], "n": [184]}, index=["volume_all"])
    assert three_classes.drop_in_words(three, table) == (
        "Extent and POI: of up and down, every change counted, kappa 0.7044 in 184 pairs (Table 4 with partial "
        "changes); of three classes 0.3100 in 160 pairs, of which the report says unchanged in 60, the biomarker in "
        "80; both name a change in 50: kappa of up and down 0.9000."
    )
    few = three_classes.drop_in_words(three.assign(kappa_two=np.nan, n_two=3), table)
    assert few.endswith("both name a change in 3: too few for a kappa (fewer than 10).")


def test_three_classes_agree_where_the_change_exceeds_the_error():
    _, pairs, variants = many_pairs()
    least, _ = three_classes.least_detectable(pairs, variants)
    three = three_classes.tabulate(pairs, least)
    assert three.loc["volume", "kappa"] > 0.9 and three.loc["volume", "n"] == len(pairs)
    any_change = {"volume": change.LeastDetectable(0.0, 0.0, 2)}
    assert three_classes.tabulate(pairs, any_change)["kappa"].item() < 0.7
    by_least, marked = three_classes.kappa_by_least_change(pairs, least, n_steps=9)
    of_volume = by_least[by_least["quantity"] == "volume"]
    best = of_volume.loc[of_volume["three"].idxmax(), "least"]
    assert 0 < best < 4 and marked["volume"] == pytest.approx(100 * least["volume"].change)
    assert of_volume["share"].is_monotonic_decreasing and of_volume["share"].iloc[0] == 1
    figure = robustness_plots.kappa_by_least_change(by_least, marked)
    assert len(figure.axes) == 2


def test_the_figure_of_kappas_explains_what_it_draws_and_no_more():
    """As of a small cohort: kappa of iHU far below 0, too few changes for a kappa of two, the least change unknown."""
    few = pd.DataFrame({"quantity": ["volume", "volume", "density", "density"], "least": [0, 1, 0, 9.0],
                        "three": [1, 0.5, -0.92, -0.5], "three_low": [np.nan, 0.1, -1.0, -1.0],
                        "three_high": [np.nan, 0.9, 0.2, 0.3],
                        "two": np.nan, "share": [1, 0.5, 1, 0.2]})  # fmt: skip
    figure = robustness_plots.kappa_by_least_change(few, dict.fromkeys(("volume", "density"), np.nan))
    assert all(ax.get_ylim()[0] < -1 for ax in figure.axes)
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()] == [
        "kappa, three classes, all reports",
        "share of pairs with a phrase that count",
    ]
    assert "up and down" not in figure.caption and "Vertical line" not in figure.caption
    assert figure.caption.endswith("The least detectable change is unknown.")
    # A panel of its own gives the key what only it draws.
    both = few.assign(two=[np.nan, np.nan, 0.9, 0.8])
    figure = robustness_plots.kappa_by_least_change(both, {"volume": np.nan, "density": 3.0})
    assert len(figure.legends[0].get_texts()) == 3 and "up and down" in figure.caption
    # One value alone shows no line, so neither key nor caption speaks of one.
    alone = robustness_plots.kappa_by_least_change(few.assign(two=[0.9, np.nan, np.nan, 0.8]), {})
    assert len(alone.legends[0].get_texts()) == 2 and "up and down" not in alone.caption
    assert figure.caption.endswith("Vertical line: the least detectable change (Density and iHU 3 HU).")
    assert figure.axes[1].texts[-1].get_position()[1] < -1  # below the curves
    no_band = robustness_plots.kappa_by_least_change(few.assign(three_low=np.nan, three_high=np.nan), {})
    assert "band" not in no_band.caption + no_band.axes[0].get_ylabel()
    above = few.assign(three=0.5, three_low=0.2)
    assert robustness_plots.kappa_by_least_change(above, {}).axes[0].get_ylim() == pytest.approx((-0.28, 1.02))


def test_kappa_of_few_changes_is_a_dash():
    _, pairs, _ = many_pairs()
    any_change = {"volume": change.LeastDetectable(0.0, 0.0, 2)}
    changed = pairs[(pairs["volume"] != 0) & (pairs["poi_change"] != 0)]
    for n, is_shown in ((9, False), (10, True)):
        three = three_classes.tabulate(changed.iloc[:n], any_change)
        assert three.loc["volume", "n_two"] == n and np.isfinite(three.loc["volume", "kappa_two"]) == is_shown
        (said,) = three_classes.in_words(three).loc["Kappa of up and down beyond it"]
        assert (said != words.MISSING) == is_shown


def test_without_a_least_detectable_change_nothing_is_counted_by_it():
    _, pairs, _ = many_pairs()
    least, source = three_classes.least_detectable(pairs, None)
    three = three_classes.tabulate(pairs, least)
    assert source.startswith("unknown") and three_classes.in_words(three).empty
    assert three_classes.drop_in_words(three, None) == (
        "Three classes are not told apart, as the least detectable change is unknown."
    )


def test_the_kappas_tornado_starts_from_table_4():
    scans, pairs, variants = many_pairs()
    least, _ = three_classes.least_detectable(pairs, variants)
    moved = progression.measured_otherwise(scans, pairs, least, variants).set_index(["headline", "choice"])
    pairs["poi_direction"] = biomarkers.binarise(pairs["poi_change"])
    pairs["ihu_direction"] = biomarkers.binarise(pairs["ihu_change"])
    cases = progression.rated(pairs)
    by_patient = clustered.kappa_table(cases, pairs["patient_id"])
    row = moved.loc["Kappa, extent, all"]
    assert (row["base"] == by_patient.loc["volume_all", "kappa"]).all()
    assert row.loc["hu", "low"] == row.loc["hu", "base"]
    assert moved.loc["Kappa, density, all"]["base"].isna().all()  # no report speaks of density
    above = progression.poi_above_ihu(cases, pairs["patient_id"])
    assert above["difference"].isna().all()  # no report speaks of density
    values = progression.robust_values(by_patient, above, three_classes.tabulate(pairs, least), moved.reset_index())
    assert len({value["name"] for value in values}) == len(values) == 24
    known = next(value for value in values if value["name"] == "least_detectable_change_poi")
    assert (known["value"], known["unit"]) == (least["volume"].change, "")
    shown = progression.kappa_by_patient(kappa.tabulate(cases), by_patient)
    assert shown["Kappa, errors over patients"].tolist()[2] == words.MISSING
    shown = progression.shown(kappa.tabulate(cases), pairs)
    assert f"over {len(cases['volume_whole'])} pairs of scans with whole" in shown and "over 0 and 0;" in shown
    figure = robustness_plots.tornado(moved.reset_index(), tornado.WORDS, shown, columns=2)
    assert figure.caption.startswith("Progression") and "no intervals" in figure.caption
    assert "undefined" in " ".join(text.get_text() for ax in figure.axes for text in [ax.title, *ax.texts])


def test_no_pairs_leave_every_section_empty_but_drawn(pairs):
    none = pairs.iloc[:0].assign(earlier="", later="")
    least, _ = three_classes.least_detectable(none, None)
    scans = pd.DataFrame(
        {"scan_id": ["x"], "patient_id": ["a"], "scan_date": ["2020-02-01"], "poi": [0.1], "ihu": [-500.0]}
    )
    three = three_classes.tabulate(none, least)
    assert three["n"].tolist() == [0, 0] and three["kappa"].isna().all()
    by_least, marked = three_classes.kappa_by_least_change(none, least, n_steps=3)
    robustness_plots.kappa_by_least_change(by_least, marked).canvas.draw()
    moved = progression.measured_otherwise(scans, none, least)
    robustness_plots.tornado(moved, tornado.WORDS, "", columns=2).canvas.draw()


def test_a_report_that_is_not_understood_is_missing_and_not_unchanged():
    """Unknown wording says nothing of what it does not name, and nothing against what it does."""
    reports = pd.Series([
        "The lesions are more organised than before.",
        "The lesions are more organised than before. The infection has expanded.",
        "No significant change.",
        "The infection has expanded. Some lesions have shrunk; the lesions are more organised than before.",
    ])  # fmt: skip
    pairs = report_phrases.read(reports).assign(patient_id=list("abcd"), poi_change=0.1, ihu_change=20.0)
    assert pairs["unread"].tolist() == [True, True, False, True]
    of_extent = three_classes.cases_of(pairs, "volume", 0.01)
    assert of_extent.index.tolist() == [1, 2] and of_extent["report"].tolist() == [1, 0]
    assert three_classes.cases_of(pairs, "density", 5.0).index.tolist() == [2]
    least = dict.fromkeys(("volume", "density"), change.LeastDetectable(0.01, 0.005, 9))
    three = three_classes.tabulate(pairs, least)
    assert three["n_unread"].tolist() == [1, 3] and three.loc["volume", "n_unchanged_report"] == 1
    assert three_classes.in_words(three).loc["Reports not understood, left out"].tolist() == [1, 3]


def test_three_classes_in_words_have_the_units_and_weighted_kappas():
    _, pairs, variants = many_pairs()
    least, _ = three_classes.least_detectable(pairs, variants)
    three = three_classes.tabulate(pairs, least)
    shown = three_classes.in_words(three)["Extent and POI"]
    assert shown["Least detectable change"] == f"{100 * least['volume'].change:.2f} percentage points"
    cases = three_classes.cases_of(pairs, "volume", least["volume"].change).dropna()
    weighted = kappa.cohen_kappa(cases["report"], cases["biomarker"], weights="linear", categories=[-1, 0, 1])
    assert shown["Linear weights, errors over cases"] == words.with_interval(
        weighted.kappa, weighted.ci_low, weighted.ci_high
    )


def test_a_new_lesion_is_up_in_three_classes():
    reports = pd.Series(["A new lesion has appeared in the left lung.", "右肺下叶新发磨玻璃影。", "未见新发病灶。"])
    pairs = report_phrases.read(reports).assign(patient_id=list("abc"), poi_change=0.1, ihu_change=20.0)
    assert three_classes.cases_of(pairs, "volume", 0.01)["report"].tolist() == [1, 1, 0]


@pytest.mark.parametrize(("report", "n_rows"), [("The findings have improved.", 1), ("The lesions have shrunk.", 0)])
def test_a_table_of_unknown_wordings_is_there_only_if_there_are_any(tmp_path, capsys, report, n_rows):
    cells = nbformat.read(ROOT / "notebooks/6-progression.ipynb", 4).cells
    (cell,) = [cell for cell in cells if "Table_S13" in cell.source]
    run = Run("mine", tmp_path)
    told = {"key_phrases": key_phrases, "reports": pd.Series([report]), "study_run": run, "tables": tables,
            "table_notes": table_notes, "words": words}  # fmt: skip
    exec(cell.source, told)
    assert len(told["wordings"]) == n_rows
    assert len(list(run.figures.glob("Table_S13*"))) == 4 * n_rows
    assert ("Table S13 unknown wordings is left out: no report has" in capsys.readouterr().out) == (not n_rows)
