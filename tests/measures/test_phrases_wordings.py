"""Kinds of wording that sentences of reports were once misread by, each with its neighbours in both languages."""

import re

import pandas as pd
import pytest

from helpers.project import REFERENCE
from study.measures.phrases import key_phrases

CODES = {("volume", 1): "V+", ("volume", -1): "V-", ("density", 1): "D+", ("density", -1): "D-"}


def found(report):
    return " ".join(sorted({CODES[p.quantity, p.direction] + "~" * p.partial for p in key_phrases.find(report)}))


AMOUNTS = [
    ("V-", "The consolidation measures 3.1 cm, having been 5.4 cm on the admission CT."),
    ("V-", "The 3.2 cm subpleural focus in the RUL now measures 1.4 cm."),
    ("V-", "The consolidation was 5 cm on 3 May and is 30 mm today."),
    ("V-", "Opacity 14 mm (28 mm on 2 February)."),
    ("V-", "The opacity is 2.3 cm; previously it was 4.1 cm."),
    ("V-", "Consolidation from apex to base, 12 cm, previously 20 cm."),
    ("V-", "Score 6 (prior: 13)."),
    ("V-", "Three foci, previously five."),
    ("V-", "The lesion now occupies a third of the lobe, previously half."),
    ("V+", "Estimated parenchymal involvement is 45%, previously 20% on 2/11/2021."),
    ("V+", "Lung involvement from 20 to 45%."),
    ("V-", "右肺上叶实变影现约2.1cm×1.6cm，原约3.8cm×2.9cm。"),
    ("V-", "前次3.2cm的病灶，现约2.1cm。"),
    ("V-", "病灶最大截面约3.0cm×2.1cm（前4.6cm×3.5cm）。"),
    ("V+", "病灶3.2cm，2月3日约2.1cm。"),
    ("V-", "病灶累及3个肺叶，前次累及5个肺叶。"),
    ("D-", "病灶范围与前片相仿，CT值约-640HU，前次约-470HU。"),
    ("", "CT on 5 March shows a 3 cm consolidation in the RLL and a 2 cm one in the LLL."),
    ("", "In comparison to the previous CT there is a 3 cm consolidation in the RLL and a 2 cm focus in the LLL."),
    ("", "There was a 3 cm consolidation in the RLL and a 2 cm focus in the LLL."),
    ("", "Now seen are a 3 cm focus in the RLL and a 1 cm focus in the LUL."),
    ("", "右肺病灶3.2cm，左肺病灶2.1cm，均同前。"),
    ("", "The lesions occupy 30 %, 32 % before, essentially unchanged."),
    ("", "A hypodense lesion in the liver measures 18 mm, previously 12 mm."),
]
BECAME = [
    ("D-", "The LLL consolidation seen on 9 January has given way to ground-glass opacity of identical extent."),
    ("D-", "Former consolidations in the right middle lobe are now visible only as faint ground glass."),
    ("D-", "Only faint ground glass persists at the site of the earlier consolidation."),
    ("D-", "Ground-glass attenuation has replaced the consolidation seen previously."),
    ("D+", "What was ground glass in the RUL is now frank consolidation."),
    ("D+", "Consolidation is now present where there was only ground glass."),
    ("D+", "Transformation of ground glass into consolidation."),
    ("D+", "Interval consolidation of previous ground-glass opacities."),
    ("D+~", "In places, ground glass has become consolidation."),
    ("D+", "左肺下叶背段原磨玻璃影现已实变，范围相仿。"),
    ("D+", "原毛玻璃影区现见实变。"),
    ("D+", "磨玻璃影被实变影取代。"),
    ("D-", "右肺下叶原实变影现呈磨玻璃样改变，大小变化不著。"),
    ("D-", "双肺下叶原实变影转为淡薄磨玻璃影。"),
    ("D-~", "部分实变影转变为磨玻璃影。"),
    ("", "Consolidation is now surrounded by ground glass."),
    ("V-", "The infiltrates have regressed to a small residual consolidation."),
    ("V+", "Focal ground glass has progressed to extensive ground-glass opacity in both lungs."),
    ("", "双肺磨玻璃影，部分呈实变。"),
    ("", "No ground glass has turned into consolidation."),
]
NEW = [
    ("V+", "Several fresh foci of ground glass have appeared in the left upper lobe."),
    ("V+", "A few additional opacities have emerged since the last scan."),
    ("V+ V-~", "Some lesions regressed and new ones appeared."),
    ("V+", "Previously unaffected left lung now shows scattered ground-glass opacities."),
    ("V+", "The disease was previously confined to the right lung and is now seen in both lungs."),
    ("V+", "左肺上叶尖后段新见小片状磨玻璃影，前次检查未见显示。"),
    ("V+", "前次检查未见的右肺上叶病灶本次显示。"),
    ("", "与前片比较未见新发病灶。"),
    ("", "双肺病变较前次CT未见进展，亦未见明显吸收。"),
    ("", "The previously spared lobes remain normal."),
]
GONE = [
    ("V-", "Near-complete clearance of the airspace shadowing since 2 April."),
    ("V-", "The ground glass has cleared up."),
    ("V-", "Progressive resolution of the opacities."),
    ("V-", "Only minor ground glass persists."),
    ("V-", "No persistent opacity in the middle lobe."),
    ("V-", "Both lungs are now clear."),
    ("V-", "原右肺中叶片状影此次已不显示。"),
    ("V-~", "COVID-19肺炎复查：两肺多发实变大部分已吸收。"),
    ("V-~", "The infiltrates are partly regredient."),
    ("V-~", "Right lung lesions have resolved; those in the left lung are unchanged."),
    ("D-", "病灶大小相仿，但较2月20日浅淡。"),
    ("D-", "病灶密度较前减小。"),
    ("", "Lungs are clear apart from the described opacities."),
    ("", "Only residual fibrotic strands are seen."),
    ("", "Continue therapy, control CT after clearing of the infiltrates."),
]  # fmt: skip


EARLIER = [  # how things were on an earlier scan is no change since
    ("", "The opacities were larger on the previous CT."),
    ("", "The infection was more extensive at the prior examination."),
    ("", "On the previous CT the opacities were denser."),
    ("", "On the previous CT, the opacities were larger."),
    ("", "Previously the lesions were larger."),
    ("", "The lesions had been smaller before."),
    ("", "Opacities had progressed on the prior CT; today stable."),
    ("", "The prior CT of 2020-02-01 showed larger and denser consolidations."),
    ("", "The earlier study demonstrated a larger consolidation."),
    ("", "The consolidation was larger two weeks ago."),
    ("V-", "Compared with the prior CT, which showed larger consolidations, the lesions have shrunk."),
    ("V+", "The previous CT showed ground glass, which has increased."),
    ("V-", "The lesions, larger on the prior CT, have shrunk."),
    ("V+", "The opacities are larger than on the previous CT."),
    ("V+", "The lesions were larger than on the prior scan."),
    ("V+", "Compared with the previous CT, the opacities were larger."),
    ("V+", "The opacities seen on the prior CT are larger."),
    ("V-", "The opacities on the previous CT have shrunk."),
]


@pytest.mark.parametrize(("expected", "report"), AMOUNTS + BECAME + NEW + GONE + EARLIER)
def test_wordings(expected, report):
    assert found(report) == expected


def test_what_is_told_of_an_earlier_scan_is_listed_for_the_reader():
    untold = [report for expected, report in EARLIER if not expected]
    assert all(key_phrases.unknown(report) for report in untold)


# What may stand for a word in any sentence without a change of what it says.
SYNONYMS = {
    "较前(?![片次0-9])": ("较上次", "比前片", "较2月3日", "较首次CT", "较入院时", "较10天前"),
    "缩小": ("减小", "变小", "缩减"),
    "增大": ("扩大", "变大"),
    "变淡": ("密度减低", "减淡", "变浅"),
    r"(?<=has )resolved\b|(?<=have )resolved\b": ("cleared", "disappeared", "been absorbed", "subsided", "cleared up"),
    r"(?<!node, )\bsmaller(?! patches)\b": ("less extensive", "decreased in size"),
    r"\bdenser\b": ("more dense", "of higher attenuation", "more solid"),
    r"\b(?:fainter|paler|less dense)\b": ("lighter", "of lower density", "less opaque", "hazier"),
    r"\bprevious\b": ("prior", "last", "preceding", "earlier"),
    r"\b(?:opacities|infiltrates)\b": ("lesions", "foci", "inflammatory changes", "patchy densities"),
    "^(?=[A-Z][a-z])": ("As compared to the outside HRCT of 12/03/2021: ",),
}


@pytest.mark.parametrize("word", SYNONYMS)
def test_synonyms_are_read_alike(word):
    sentences = pd.concat([pd.read_csv(path) for path in sorted((REFERENCE / "phrases").glob("*.csv"))])["sentence"]
    held = sentences[sentences.str.contains(word, regex=True)]
    pairs = [(text, re.sub(word, other, text, count=1)) for text in held for other in SYNONYMS[word]]
    strange = [other for text, other in pairs if found(text) != found(other)]
    assert len(pairs) > 10 and len(strange) <= 0.01 * len(pairs), strange
