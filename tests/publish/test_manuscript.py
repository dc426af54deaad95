"""Numbers for prose: printed as the paper prints them, each under a macro of its own."""

import json
import re
import shutil

import docx
import numpy as np
import pytest

from helpers.identities import texts
from helpers.project import ROOT
from helpers.typeset import faults, pdflatex
from study.claims.paper import read_paper
from study.figures import captions
from study.files import write_json, write_text
from study.networks import card_words
from study.networks.models import STARTER
from study.publish import manuscript
from study.run import Run, value


@pytest.fixture
def run(tmp_path):
    (tmp_path / "notebooks").mkdir()
    return Run("trial", tmp_path)


def written(run):
    manuscript.write(run)
    return (run.figures / "numbers.tex").read_text(), json.loads((run.figures / "numbers.json").read_text())


@pytest.mark.parametrize(
    ("recorded", "text", "interval", "unit"),
    [
        (value("auc_poi", 0.96801, 0.95052, 0.98049, n=531), "0.9680", "[0.9505, 0.9805]", ""),
        (value("sensitivity_poi", 73 / 79, 0.8485, 0.975, n=79), "92.41", "[84.85, 97.50]", "%"),
        (value("odds_ratio_poi", 18.762, 10.056, 35), "18.762", "[10.056, 35.000]", ""),
        (value("aic_poi", 174.8771), "174.877", None, ""),
        (value("p_value_auc_poi", 1e-9), "<0.001", None, ""),
        (value("kappa_volume_whole", -1e-9), "0.0000", None, ""),
        (value("male_share_all", 96 / 196), "49", None, "%"),
        (value("n_scans", 531.0), "531", None, ""),
        (value("phantom_median_n_lesions", 25.0, n=16), "25", None, ""),
        (value("phantom_median_n_sections", 14.5, n=16), "14.5", None, ""),
        (value("ihu_median", -652.4, unit="HU"), "-652", None, "HU"),
        (value("first_date", "2020-01-03"), "3 January 2020", None, ""),
        (value("first_date", "2020-01"), "January 2020", None, ""),
        (value("largest_move_sensitivity_poi", -0.1), "-10.00", None, "percentage points"),
        (value("largest_move_median_poi_severe", 0.0762), "7.62", None, "percentage points"),
        (value("poi_median_smaller_mask", 0.0909), "9.09", None, "%"),
        (value("quality_poi_bias", -0.0123, -0.02, 0.001), "-1.23", "[-2.00, 0.10]", "percentage points"),
        (value("least_detectable_change_poi", 0.13158), "13.16", None, "percentage points"),
        (value("auc_ihu", None), "–", None, ""),
    ],
)
def test_numbers_are_printed_as_the_paper_prints_their_kind(recorded, text, interval, unit):
    shown = manuscript.printed("5-severity", recorded)
    assert (shown["text"], shown["interval"], shown["unit"]) == (text, interval, unit)


def test_every_claim_has_the_decimals_that_the_paper_printed():
    most = {}  # decimals; the abstract rounds what a table prints in full
    for claim in read_paper().claims:
        number = claim.number()
        if number is not None and not number.sign and len(claim.parts[0]) == 1:
            key = (*claim.parts[0][0], claim.unit)
            most[key] = max(most.get(key, 0), number.decimals)
    shown = {key: manuscript.printed(key[0], value(key[1], 0.3, unit=key[2].replace("%", ""))) for key in most}
    assert len(most) > 60
    assert {key: len(row["text"].partition(".")[2]) for key, row in shown.items()} == most
    assert all((key[2] == "%") == (row["unit"] == "%") for key, row in shown.items())


def test_macros_stand_alone_and_say_what_they_are(run):
    write_json(run.cohort / "cohort.json", {"tier": "restricted"})
    run.record("5-severity", [value("auc_poi", 0.968, 0.9505, 0.9805, n=531), value("ihu_median", -652.0, unit="HU")])
    run.record("3-segment", [value("dice_network_observer_1_mean", 0.74, n=30), value("word", r"50% \input{x} #1")])
    tex, numbers = written(run)
    macros = dict(re.findall(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}", tex))
    assert len(macros) == tex.count("\\newcommand")
    assert macros["severityAucPoi"] == "0.9680" and macros["severityAucPoiInterval"] == "[0.9505, 0.9805]"
    assert macros["severityAucPoiN"] == "531" and macros["segmentDiceNetworkObserverOneMean"] == "0.74"
    assert macros["severityIhuMedian"] == r"\ensuremath{-}652"
    assert r"50\% \textbackslash{}input\{x\} \#1" in tex
    assert numbers["tier"] == macros["studyTier"] == "restricted"
    assert [row["name"] for row in numbers["numbers"]][:2] == ["dice_network_observer_1_mean", "word"]
    assert np.isclose(numbers["numbers"][2]["value"], 0.968)


def test_the_captions_of_all_figures_are_one_word_file(run):
    run.cohort.mkdir(parents=True, exist_ok=True)
    written(run)
    assert not (run.figures / "captions.docx").exists()
    for name, caption in (("Figure_S10_a", "Ten."), ("Figure_S2_b", "Two [a] < 3 *b*."), ("Figure_flow", "Flow.")):
        write_text(run.figures / f"{name}.caption.md", captions.files(name, caption, 85.0)["caption.md"])
    written(run)
    word = docx.Document(run.figures / "captions.docx")
    assert [paragraph.text for paragraph in word.paragraphs] == [
        "Figure S2. Two [a] < 3 *b*.", "Figure S10. Ten.", "Figure. Flow.",
    ]  # fmt: skip
    first = (run.figures / "captions.docx").read_bytes()
    written(run)
    assert (run.figures / "captions.docx").read_bytes() == first


def test_synthetic_patients_are_called_so(run):
    run.cohort.mkdir(parents=True)
    (run.cohort / "cohort.json").write_text('{"tier": "synthetic"}')
    run.record("5-severity", [value("auc_poi", 0.9)])
    tex, numbers = written(run)
    assert "DO NOT EXIST" in tex and "DO NOT EXIST" in numbers["note"]
    assert r"\newcommand{\studyTier}{synthetic}" in tex


def test_what_the_networks_were_trained_on_is_their_cards_word(run):
    run.record("5-severity", [value("auc_poi", 0.9)])
    tex, numbers = written(run)
    assert "studyTraining" not in tex and numbers["networks_trained_on"] == ""  # a table of biomarkers alone
    run.models.mkdir(parents=True)
    for task in card_words.TASKS:
        shutil.copy(STARTER / f"{task}.json", run.models)
    tex, numbers = written(run)
    said = card_words.trained_on(card_words.read(run.models)["lung"])
    assert numbers["networks_trained_on"] == said and "simulated scans" in said
    assert f"\\newcommand{{\\studyTraining}}{{{said}}}" in tex
    paper = (ROOT / "docs" / "manuscript" / "manuscript.tex").read_text()
    assert "\\where{studyTraining}{They were trained on \\studyTraining.}" in paper


def test_a_manuscript_calls_no_cohorts_sections_thick():
    assert "thick" not in (ROOT / "docs" / "manuscript" / "manuscript.tex").read_text().split("begin{document}")[0]


def test_a_manuscript_says_of_how_many_patients_age_and_sex_are_known():
    paper = (ROOT / "docs" / "manuscript" / "manuscript.tex").read_text()
    assert "\\cohortNMaleAll{} of \\cohortNMaleAllN{} patients of known sex" in paper
    assert "The age of the \\cohortAgeMeanAllN{} patients of known age was" in paper


def test_two_values_of_one_macro_are_refused(run):
    run.record("5-severity", [value("auc_poi", 0.9, n=5), value("auc_poi_n", 0.9)])
    with pytest.raises(ValueError, match="auc_poi_n and auc_poi"):
        manuscript.write(run)


@pytest.mark.parametrize("has_no", ["segment(NO|Dice).*", "(progression(Phrases|Kappa)|cohort(P|Age|Male)).*", ".*"])
def test_the_manuscript_says_nothing_of_what_a_run_does_not_have(tmp_path, has_no):
    """Neither observers nor motion; neither reports, ages nor sexes; a table of biomarkers alone. None has a float."""
    paper = (ROOT / "docs" / "manuscript" / "manuscript.tex").read_text()
    macros = set(re.findall(r"[\\{]((?:cohort|segment|biomarkers|severity|progression)(?!Sentence)[A-Z]\w+)", paper))
    assert len(macros) > 70
    of_table = {name for name in macros if name.startswith(("severity", "progression"))}
    numbers = {name: "7" for name in (of_table if has_no == ".*" else macros)}
    if has_no != ".*":
        unknown = {name for name in macros if re.fullmatch(has_no, name)}
        assert len(unknown) > 6
        numbers |= {name: "0" if "NObserved" in name else "--" for name in unknown}
    tex = "".join(f"\\newcommand{{\\{name}}}{{{text}}}\n" for name, text in numbers.items())
    (tmp_path / "numbers.tex").write_text(tex + "\\newcommand{\\studyTier}{restricted}\n")
    assert not faults(pdflatex(tmp_path, f"\\def\\run{{.}}\n{paper}"))
    drawn = list(texts("paper.pdf", (tmp_path / "paper.pdf").read_bytes()))[1][1]
    said = next(line for line in drawn.splitlines() if "Results" in line)  # the first page, without spaces
    assert "AUC" in said and not re.search(r"\?\?|{|Figure|Table", said)  # a brace is the letters' place of a dash
    assert ("observer" in said, "reports" in said, "yearsold" in said, "Patients" in said) == {
        "s": (False, True, True, True), "(": (True, False, False, True), ".": (False, True, False, False),
    }[has_no[0]]  # fmt: skip
