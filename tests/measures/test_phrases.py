"""Reports in words: sentences as radiologists write them, and the phrases that must be found in each."""

import numpy as np
import pandas as pd
import pytest

from study.measures.phrases import key_phrases

UP, DOWN, DENSER, FAINTER = ("volume", 1), ("volume", -1), ("density", 1), ("density", -1)

WHOLE = [
    ("The infection region has expanded.", [UP]),
    ("infection region has contracted", [DOWN]),
    ("Density of infection region has increased.", [DENSER]),
    ("The density of the lesions is lower than before.", [FAINTER]),
    ("Lesions larger and denser.", [UP, DENSER]),
    ("Lesions smaller and fainter.", [DOWN, FAINTER]),
    ("Lesions reduced in extent and density.", [DOWN, FAINTER]),
    ("Both extent and density have decreased.", [DOWN, FAINTER]),
    ("The infection has shrunk; its density, however, has increased.", [DOWN, DENSER]),
    ("The extent of the lesions has increased while density decreased.", [UP, FAINTER]),
    ("The lesions have been absorbed.", [DOWN]),
    ("The lesions have progressed.", [UP]),
    ("The lesions have consolidated.", [DENSER]),
    ("Ground-glass opacities have progressed to consolidation.", [DENSER]),
    ("Consolidation in the left lower lobe has expanded.", [UP]),
    ("The consolidated area has expanded.", [UP]),
    ("Increased density of the infection region.", [DENSER]),
    ("The infection shows increased density.", [DENSER]),
    ("Lesions show increased density and reduced extent.", [DENSER, DOWN]),
    ("Increase in the density of the lesions and decrease in their size.", [DENSER, DOWN]),
    ("Density of the infected area decreased.", [FAINTER]),
    ("Attenuation of the opacities fell, their extent grew.", [FAINTER, UP]),
    ("Mean HU of the infection has risen.", [DENSER]),
    ("The infection region, especially in the right lower lobe, has expanded.", [UP]),
    ("The density of the infection region, mainly in the left lobe, has increased.", [DENSER]),
    ("Compared with the prior scan the infection has expanded.", [UP]),
    ("Multiple GGO in both lungs. Slightly larger than before.", [UP]),
    ("It has expanded compared with the previous scan on 2020.02.03.", [UP]),
    ("The lesions are fainter but wider.", [FAINTER, UP]),
    ("Infection increased in extent with lower density.", [UP, FAINTER]),
    ("The infection region has expanded.The density has decreased.", [UP, FAINTER]),
    ("The lesions have decreased.", [DOWN]),
    ("Infection has expanded to the pleura.", [UP]),
    ("The ground-glass opacities have enlarged with a small pleural effusion.", [UP]),
    ("Expansion of the infection next to a nodule.", [UP]),
    ("Mediastinal nodes as before; the infection is less extensive.", [DOWN]),
]
PARTIAL = [
    ("The infection region has partially expanded.", [UP]),
    ("Infection region has (partially) contracted", [DOWN]),
    ("Density of infection region has (partially) decreased.", [FAINTER]),
    ("Partly increased density of the lesions", [DENSER]),
    ("Denser than before in part.", [DENSER]),
    ("Of the infected region, the size has diminished partly.", [DOWN]),
    ("The infected area is in part reduced.", [DOWN]),
    ("Partial absorption of the lesions in the right lower lobe.", [DOWN]),
    ("Part of the lesions has been absorbed, the rest is unchanged.", [DOWN]),
    ("Some lesions have expanded.", [UP]),
    ("Partially expanded and denser lesions.", [UP, DENSER]),
]
NOTHING = [
    "",
    "   ",
    "No significant change compared with the previous scan.",
    "The infection is stable.",
    "The lesions are similar to the previous scan.",
    "No infection is seen in either lung.",
    "No significant change in the extent of infection; density unchanged.",
    # denied
    "Infection has not expanded.",
    "The lesions haven't expanded.",
    "The lesions did not shrink.",
    "Without expansion of the infection.",
    "No expansion or contraction of the infection.",
    "No evidence of progression.",
    "No increase in extent and density.",
    "Neither expanded nor contracted.",
    "Expansion of the infection was not seen.",
    "Neither the extent nor the density of the infection has increased.",
    "The infection is not larger and not denser",
    "The infection is no longer expanding.",
    "The lesions have not expanded or become denser.",
    # of something else
    "No pleural effusion.",
    "Pleural effusion has increased.",
    "Pleural effusion absorbed. Lesions unchanged.",
    "Calcification unchanged.",
    "Nodule 4 mm unchanged.",
    "Nodule 4.5 mm, larger than before.",
    "The heart is enlarged.",
    "Enlarged mediastinal lymph nodes.",
    "No lymph node enlargement.",
    "Mediastinal lymph nodes are not enlarged.",
    "The nodule in the infection region has enlarged.",
    "The size of the nodule has increased.",
    "Lung volume has decreased.",
    "Both lungs are well expanded.",
    "The patient contracted COVID-19 in January.",
    "No pleural effusion and no new lesion.",
    # descriptions
    "Multiple patchy high-density shadows in the right lower lung.",
    "There is an area of increased density in the right lung.",
    "Patchy ground-glass opacities with consolidation in both lower lobes.",
    "Infection in the lower left lung.",
    "Bilateral infection, larger on the left than on the right.",
]


def found(report):
    return [(phrase.quantity, phrase.direction) for phrase in key_phrases.find(report)]


@pytest.mark.parametrize(("report", "expected"), WHOLE)
def test_whole_changes(report, expected):
    assert found(report) == expected
    assert not any(phrase.partial for phrase in key_phrases.find(report))


@pytest.mark.parametrize(("report", "expected"), PARTIAL)
def test_partial_changes(report, expected):
    assert found(report) == expected
    assert all(phrase.partial for phrase in key_phrases.find(report))


@pytest.mark.parametrize("report", NOTHING)
def test_no_change(report):
    assert found(report) == []


@pytest.mark.parametrize(("report", "expected"), WHOLE + PARTIAL)
def test_what_surrounds_a_sentence_does_not_matter(report, expected):
    unrelated = "A calcified nodule in the right upper lobe, unchanged. No pleural effusion."
    # "It" and "larger than before" speak of what was named last, here of the effusion.
    if not report.startswith("It ") and "than before" not in report:
        assert found(f"{unrelated} {report}") == expected
    assert found(f"{report.rstrip('.')}. {unrelated}") == expected
    assert found(report.upper()) == expected
    assert found(report.replace(" ", "\n  ", 1).replace("\n", " ")) == expected


@pytest.mark.parametrize("report", NOTHING)
def test_silence_beside_a_change_stays_silent(report):
    assert found(f"{report.rstrip('.')}. The infection region has partly contracted.") == [DOWN]


@pytest.mark.parametrize("report", [None, np.nan, pd.NA, 3])
def test_a_missing_report_says_nothing(report):
    assert key_phrases.find(report) == []
    assert key_phrases.summary(report) == {
        "volume": 0,
        "volume_partial": False,
        "density": 0,
        "density_partial": False,
        "only_absorbed": False,
    }


@pytest.mark.parametrize(
    "report",
    [
        "Some lesions have expanded, others have contracted.",
        "The infection region has partially expanded. The lesions have partially shrunk.",
        "In the left lung, the lesions have shrunk; in the right lung, they have grown.",
        "Expanded in the right lung and contracted in the left.",
    ],
)
def test_opposite_phrases(report):
    summary = key_phrases.summary(report)
    assert summary["volume"] is None and summary["density"] == 0


def test_opposite_in_density_leaves_volume_alone():
    summary = key_phrases.summary("The infection has shrunk. Density is partly higher and partly lower.")
    assert summary["volume"] == -1 and summary["density"] is None


def test_one_whole_phrase_makes_the_change_whole():
    summary = key_phrases.summary(
        "The infection region has expanded, partially enlarged in the right lung; partly denser."
    )
    assert summary == {
        "volume": 1,
        "volume_partial": False,
        "density": 1,
        "density_partial": True,
        "only_absorbed": False,
    }


def test_tabulate_keeps_the_index():
    reports = pd.Series(
        ["The infection has expanded.", None, "Partly larger, partly smaller lesions.", "Stable."],
        list("wxyz"),
    )
    table = key_phrases.tabulate(reports)
    assert table.index.equals(reports.index)
    assert table["has_report"].tolist() == [True, False, True, True]
    assert table.loc["w", "volume"] == 1 and table.loc["x", "volume"] == 0 and np.isnan(table.loc["y", "volume"])
    assert table["volume_opposite"].tolist() == [False, False, True, False]
    assert key_phrases.tabulate(pd.Series([], dtype=str)).empty


def test_the_clause_is_quoted():
    assert (
        key_phrases.find("No effusion. The infection has partly shrunk.")[0].text == "the infection has partly shrunk"
    )


@pytest.mark.parametrize(
    ("report", "only"),
    [
        ("The lesions have been absorbed.", True),
        ("双肺病灶较前部分吸收，密度减低。", True),
        ("The lesions have been absorbed and are smaller.", False),
        ("病灶较前吸收、缩小。", False),
        ("The lesions are less dense.", False),
    ],
)
def test_a_direction_that_rests_on_absorbed_alone_is_marked(report, only):
    assert key_phrases.summary(report)["only_absorbed"] is only
    assert key_phrases.tabulate(pd.Series([report]))["only_absorbed"].tolist() == [only]


def test_unknown_wordings_are_counted_over_reports():
    twice = [
        "The lesions are more linear than before. No effusion.",
        "影像表现较前好转，心影不大。",
        None,
        "Stable.",
    ] * 2
    reports = pd.Series([*twice, "The lesions are more linear than before. They are smaller."])
    table = key_phrases.unknown_wordings(reports)
    linear = "the lesions are more linear than before"
    assert table.to_dict("list") == {"wording": [linear, "影像表现较前好转"], "reports": [3, 2]}
    nothing = key_phrases.unknown_wordings(pd.Series([None, "The lesions have shrunk."]))
    assert nothing.empty and list(nothing) == ["wording", "reports"]


@pytest.mark.parametrize("report", ["", None, np.nan, "No change.", "Pleural effusion is worse.", "病灶吸收好转。"])
def test_what_is_understood_is_not_listed(report):
    assert key_phrases.unknown(report) == []


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("Involved lung volume 30 %, before 18 %.", [UP]),
        ("Infected area 30% (previously 18%).", [UP]),
        ("Infected area 18 % before, 30 % now.", [UP]),
        ("Infected area 18% compared with 30 % on the previous scan.", [DOWN]),
        ("Lung involvement 25-50 %, previously 50-75 %.", [DOWN]),
        ("Lung involvement from 18 % to 30 %.", [UP]),
        ("Severity score 8/25, before 14/25.", [DOWN]),
        ("Density of the lesions -550 HU, before -620 HU.", [DENSER]),
        ("Density of the lesions -650--600 HU, previously -550--500 HU.", [FAINTER]),
        ("病灶占肺体积30%，前次18%。", [UP]),
        ("病灶约占30%（前片约18%）。", [UP]),
        ("病变由30%至18%。", [DOWN]),
        ("Opacity at the left base 12 mm, previously 20 mm.", [DOWN]),
        ("The consolidation in the lingula measures 2.5 cm compared with 1.8 cm on the prior scan.", [UP]),
        ("右肺磨玻璃灶直径约12mm，前片约20mm。", [DOWN]),
    ],
)
def test_two_amounts_are_a_change_from_the_earlier_one(report, expected):
    assert found(report) == expected and key_phrases.unknown(report) == []


@pytest.mark.parametrize(
    "report",
    [
        "Involved lung volume 30 % versus 18 % before.",
        "Involved lung volume 30 %, 40 ml before.",
        "Involved lung volume 30 %, 18 % before, 25 % at baseline.",
        "Ejection fraction 40 %, before 25 %.",
        "Reconstructed with sections of 5 mm, previously 1 mm.",
    ],
)
def test_two_amounts_of_which_one_cannot_tell_are_listed_and_not_guessed(report):
    assert key_phrases.find(report) == [] and len(key_phrases.unknown(report)) == 1


@pytest.mark.parametrize(
    "report",
    [
        "Extent of infection: 30 % of both lungs.",
        "Effusion 30 ml, before 50 ml.",
        "A nodule of 5 mm in the left lung, previously 3 mm.",
        "Lesions 30 %, 30 % before: unchanged.",
        "Lesions 30 %, 30 % before.",
    ],
)
def test_amounts_that_compare_nothing_of_the_infection_are_not_listed(report):
    assert key_phrases.find(report) == [] and key_phrases.unknown(report) == []


def test_an_amount_beside_a_word_of_change_adds_nothing_to_it():
    for report in ("The lesions are about 30 % larger, 18 % before.", "病灶范围由18%增至30%。"):
        assert key_phrases.summary(report)["volume"] == 1 and key_phrases.unknown(report) == []


@pytest.mark.parametrize(
    ("report", "listed"),
    [
        ("Small pleural effusion. The findings are worse than before.", ["the findings are worse than before"]),
        ("双侧胸腔少量积液。影像表现较前加重。", ["影像表现较前加重"]),
        ("The patient has improved.", ["the patient has improved"]),
        ("Small pleural effusion. It has improved.", []),
        ("Small pleural effusion, improved.", []),
    ],
)
def test_better_or_worse_after_another_organ_is_listed_unless_it_is_of_that_organ(report, listed):
    assert key_phrases.find(report) == []
    assert key_phrases.unknown(report) == listed


NEW, BETTER, REST = "new lesions", "better or worse", "the rest"


@pytest.mark.parametrize(
    ("kind", "report", "expected"),
    [
        (NEW, "New patchy opacities in both lungs.", [UP]),
        (NEW, "Several newly developed lesions in the left lung.", [UP]),
        (NEW, "The opacity in the lingula is new.", [UP]),
        (NEW, "Ground-glass opacities have appeared in the right lung.", [UP]),
        (NEW, "左肺新增斑片影，未见胸腔积液。", [UP]),
        (NEW, "No new lesions.", []),
        (NEW, "New pleural effusion and a new nodule.", []),
        (NEW, "纵隔新见肿大淋巴结。", []),
        (NEW, "Stable appearance of the peripheral opacities.", []),
        (NEW, "新型冠状病毒肺炎。", []),
        (BETTER, "The pneumonia has improved.", [DOWN]),
        (BETTER, "Worsening airspace disease in both lungs.", [UP]),
        (BETTER, "两肺感染性病变，较前加重。", [UP]),
        (BETTER, "The opacities are worse than before.", [UP]),
        (BETTER, "Ground-glass opacities, worse at the bases.", []),
        (BETTER, "No evidence of worsening pneumonia.", []),
        (BETTER, "双肺炎症好转不明显。", []),
        (BETTER, "The lesions are less dense, the pneumonia has improved.", [FAINTER]),
        (BETTER, "The right lesions are smaller, the pneumonia in the left is worse than before.", [DOWN, UP]),
        (NEW, "Interval development of infiltrates in the right lung.", [UP]),
        (NEW, "Development of the disease was not observed.", []),
        (BETTER, "双肺浸润性病变较前好转。", [DOWN]),
        (BETTER, "Improvement of the pulmonary findings.", [DOWN]),
        (BETTER, "Improvement of the abdominal findings.", []),
        ("times", "The consolidation is three times its previous size.", [UP]),
        ("times", "The left lower lobe opacity is half as large as before.", [DOWN]),
        ("times", "The pleural effusion is twice as large as before.", []),
        ("involve", "The infiltrates involve more of the right upper lobe.", [UP]),
        ("turned into", "The consolidations are breaking up into ground-glass opacity.", [FAINTER]),
        ("turned into", "The ground-glass areas now contain patchy consolidation.", [DENSER]),
        ("turned into", "The lesions have thinned in density.", [FAINTER]),
        ("turned into", "Consolidation has evolved into ground glass.", [FAINTER]),
        ("turned into", "右肺实变转变为磨玻璃影。", [FAINTER]),
        ("turned into", "Ground glass has evolved into consolidation.", [DENSER]),
        ("gone", "The density of the lesions has gone up.", [DENSER]),
        ("gone", "The density of the lesions has gone down.", [FAINTER]),
    ],
)  # fmt: skip
def test_what_tells_of_a_change_without_a_word_of_size(kind, report, expected):
    assert found(report) == expected, kind
    assert not any(phrase.partial for phrase in key_phrases.find(report))


@pytest.mark.parametrize(
    ("report", "partial"),
    [
        ("右下肺病灶较前吸收，余病灶大致同前。", True),
        ("右下肺病灶较前吸收。其余病灶未见明显变化。", True),
        ("The lesion in the right upper lobe is larger; the rest is unchanged.", True),
        ("The lesion in the right upper lobe is larger. Other lesions are stable.", True),
        ("The left basal opacity has grown, the others have not changed.", True),
        ("右肺上叶病灶较前增大，余大致同前。", True),
        ("双肺病灶较前缩小，余大致同前。", False),
        ("左下肺病灶较前增大，余双肺慢性改变相仿。", False),
        ("The lesions are smaller. The rest of the examination is unchanged.", False),
        ("The lesions are smaller. No effusion. Other lesions are stable.", True),
    ],
)
def test_a_change_is_partial_where_the_rest_is_as_before(report, partial):
    assert [phrase.partial for phrase in key_phrases.find(report)] == [partial]
