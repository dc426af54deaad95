"""How well reports are read: sentences in English and Chinese written by hand, in nine sets under reference/phrases/.

The generator of the synthetic cohort wrote none of them. Each names its kind (whole, partial, both directions, denied,
unchanged, unrelated, description, unknown) and the phrases that it holds: V volume, D density, + up, - down, ~ partial.
The same person wrote the sentences of five sets and the lexicon; those of the sets blind to blind_4 are by ten who
knew no rule.

How the figures came about (sentences of which every phrase was read as it should be, and none besides):

    set           sentences   when first read   now
    development          66    39 (  59 %)       66     rules were tuned on these alone
    held_out            216   140 (  65 %)      216     written before; 214 after tuning on development alone
    harder              108    85 (  79 %)      107     written after that tuning, to be hard
    untouched            89    84 (  94 %)       87     written after the faults shown by the three above were mended
    fresh                40    36 (  90 %)       40     written for new lesions, better and worse, amounts, and the rest
    blind               119   105 (  88 %)      117     written by somebody who had seen neither rules nor other sets
    blind_2             117   107 (  91 %)      116     written by two such people after the set blind was mended
    blind_3             360   319 (  89 %)      360     written by five such people after the set blind_2 was mended
    blind_4             117   115 (  98 %)      116     written by two such people, read after blind_3 was mended

The first figures of development and held_out are those of the reader before: English only, 93 of 112 and 25 of 35 in
that language. Faults were mended after each set had been read once, so "now" flatters. When first read, 105 of the 119
sentences of blind were read exactly (95 % CI 81 to 93 %; 31 of the 40 that were meant to be harder), none in the wrong
direction and none where there was none; of blind_2, without regard to partial, 110 of 120 with three that are in other
sets too (85 to 96 %), none in the wrong direction and one phrase, of extent, where only density changed. In blind_2
"mostly" was made partial in two answers afterwards, as the rules say.
Of the five parts of blind_3, which are in its order, 52 of 60, 55 of 60, 72 of 80, 73 of 80 and 67 of 80 were first
read exactly, two of the 360 with a phrase of the wrong direction beside the right one, and none where there was none.
After the first three parts had been mended, of the other two, which had not been looked at, 78 and 73 of 80 were (151
of 160, 94 %, 95 % CI 90 to 97 %), none in the wrong direction and none where there was none; then these were mended
too. No answer of the writers was changed.
The honest estimate for new sentences is that of blind_4: when first read, 118 of 120 with three that are in other sets
too (98 %, 95 % CI 94 to 100 %), none in the wrong direction, and one phrase, of extent, where only density changed.
After the set untouched was read, better and worse are read where they are of the lungs: 14 sentences that were to be
listed as unknown became changes. After the set fresh was mended, 72 more sentences, which are not here, were read once:
71 exactly (99 %, 95 % CI 93 to 100 %), none in the wrong direction; their writer knew the rules. After the set blind
was mended, 50 more by its writer, who had then seen some rules and which are not here either: 47 exactly (94 %, 95 % CI
83 to 99 %), none in the wrong direction.
The floors below are what all sets together reach now, rounded down.
"""

import time
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.project import REFERENCE
from study.measures.phrases import key_phrases

CODES = {("volume", 1): "V+", ("volume", -1): "V-", ("density", 1): "D+", ("density", -1): "D-"}
CLASSES = [code + partial for code in CODES.values() for partial in ("", "~")]
# Least precision and recall of each class over all 1232 sentences.
FLOORS = {"V+": (1, 0.99), "V+~": (0.97, 1), "V-": (1, 0.98), "V-~": (0.96, 1), "D+": (1, 1), "D+~": (1, 0.95),
          "D-": (1, 0.99), "D-~": (1, 1), "none": (0.99, 1), "unknown": (0.96, 1)}  # fmt: skip
READ_EXACTLY = {
    "development": 66,
    "held_out": 216,
    "harder": 107,
    "untouched": 87,
    "fresh": 40,
    "blind": 117,
    "blind_2": 116,
    "blind_3": 360,
    "blind_4": 116,
}


def read_set(name):
    return pd.read_csv(REFERENCE / "phrases" / f"{name}.csv", keep_default_na=False)


SENTENCES = pd.concat([read_set(name) for name in READ_EXACTLY], ignore_index=True)


def found(report):
    return frozenset(CODES[p.quantity, p.direction] + "~" * p.partial for p in key_phrases.find(report))


def accuracy(sentences):
    """Table of precision and recall of each class of phrase, of silence, and of the listing of unknown wording."""
    expected = sentences["phrases"].map(lambda text: frozenset(text.split()))
    read = sentences["sentence"].map(found)
    pairs = {name: tuple(said.map(frozenset([name]).issubset) for said in (expected, read)) for name in CLASSES}
    pairs["none"] = (expected.map(len) == 0, read.map(len) == 0)
    # A sentence whose phrase was missed is rightly listed too.
    listed = sentences["sentence"].map(lambda s: bool(key_phrases.unknown(s)))
    pairs["unknown"] = ((sentences["kind"] == "unknown") | (listed & (expected > read)), listed)
    rows = {
        name: {
            "n": wanted.sum(),
            "precision": (wanted & got).sum() / got.sum(),
            "recall": (wanted & got).sum() / wanted.sum(),
        }
        for name, (wanted, got) in pairs.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def test_the_sets_are_large_and_their_own():
    assert not SENTENCES["sentence"].duplicated().any()
    assert read_set("held_out")["language"].value_counts().to_dict() == {"en": 112, "zh": 104}
    has_phrase = SENTENCES["phrases"] != ""
    assert (has_phrase == SENTENCES["kind"].isin(["whole", "partial", "both"])).all()
    assert set(" ".join(SENTENCES["phrases"]).split()) == set(CLASSES)


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_accuracy_of_each_class(language):
    chosen = SENTENCES if language == "both" else SENTENCES[SENTENCES["language"] == language]
    table = accuracy(chosen)
    slack = 0 if language == "both" else 0.1  # half the sentences: one of five misread is 0.2
    assert table.index.tolist() == list(FLOORS)
    for name, (precision, recall) in FLOORS.items():
        assert table.loc[name, "precision"] >= precision - slack, table.to_string()
        assert table.loc[name, "recall"] >= recall - slack, table.to_string()


@pytest.mark.parametrize(("name", "least"), READ_EXACTLY.items())
def test_sentences_read_exactly(name, least):
    sentences = read_set(name)
    right = sentences["sentence"].map(found) == sentences["phrases"].map(lambda text: frozenset(text.split()))
    assert right.sum() >= least, sentences.loc[~right, "sentence"].tolist()


# ------------------------------------------------------------------ properties
CHANGES = {
    "The lesions have {}{}.": ("expanded", "enlarged", "shrunk", "been absorbed", "become denser", "faded"),
    "双肺病灶较前{}{}。": ("扩大", "增多", "缩小", "吸收", "变淡", "密度增高"),
}
DENIALS = {"The lesions have {}{}.": "not ", "双肺病灶较前{}{}。": "未见"}
# Each names its subject, so that none leans on the sentence before it.
SAID = (
    "The infection region has expanded.", "The lesions have been partly absorbed.", "Density of the lesions is lower.",
    "双肺病灶范围较前缩小。", "部分病灶密度较前增高。", "The opacities in the left lung are larger and denser.",
)  # fmt: skip
UNRELATED = (
    "A calcified nodule in the right upper lobe has grown.", "Pleural effusion has increased.", "The heart is large.",
    "双侧胸腔积液较前吸收。", "纵隔淋巴结较前增大。", "Mediastinal lymph nodes are smaller than before.",
)  # fmt: skip
NONSENSE = st.text("bcdfghjkmnpqrstvwxz", min_size=4, max_size=9)  # without vowels: no word of any lexicon


def counted(report):
    return Counter((p.quantity, p.direction, p.partial) for p in key_phrases.find(report))


@pytest.mark.parametrize("frame", CHANGES)
def test_negating_a_change_flips_it_to_none(frame):
    for word in CHANGES[frame]:
        assert len(key_phrases.find(frame.format("", word))) == 1, word
        assert key_phrases.find(frame.format(DENIALS[frame], word)) == [], word


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(SAID), unique=True), st.lists(st.sampled_from(UNRELATED), unique=True), st.randoms())
def test_neither_order_nor_unrelated_sentences_matter(said, unrelated, random):
    mixed = said + unrelated
    random.shuffle(mixed)
    assert counted(" ".join(mixed)) == sum(map(counted, said), Counter())


@settings(deadline=None, max_examples=40)
@given(NONSENSE)
def test_what_the_lexicon_does_not_know_is_listed_and_makes_no_phrase(word):
    for report in (f"The lesions have {word} compared with the previous scan.", f"双肺病灶较前{word}。",
                   f"The {word} has increased.", f"{word}较前增大。"):  # fmt: skip
        assert key_phrases.find(report) == [] and len(key_phrases.unknown(report)) == 1, report
    assert key_phrases.find(word) == key_phrases.unknown(word) == []


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=200))
def test_any_text_is_read(text):
    for phrase in key_phrases.find(text):
        assert (phrase.quantity, phrase.direction) in CODES and phrase.word in phrase.text


LAYOUTS = {
    "upper case": str.upper,
    "html": lambda s: f"<div class='r'><p>{s.replace(' ', '&nbsp;', 1)}</p><br/></div>",
    "wrapped": lambda s: s.replace(" ", "\n", 2) if s.isascii() else s,
    "windows": lambda s: "\r\n\r\n" + s + "\r\n",
    "full-width": lambda s: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in s),
    "hyphenated": lambda s: s.replace("expanded", "expan-\nded").replace("absorbed", "ab-\nsorbed"),
    "spaced": lambda s: s.replace(" ", "  \t "),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_does_not_matter(layout):
    for sentence in SAID:
        assert counted(LAYOUTS[layout](sentence)) == counted(sentence) != Counter(), LAYOUTS[layout](sentence)


def test_a_wrapped_negation_still_denies():
    assert key_phrases.find("No evidence of\nexpansion of the lesions.") == []
    long = "与2020年2月3日胸部计算机断层扫描平扫图像逐层仔细对比，双肺多发磨玻璃样病灶未见\n吸收，余同前。"
    assert key_phrases.find(long) == []
    assert found("No effusion\nLesions smaller") == {"V-"}


UNITS = {
    "prose": "The lesions have partly shrunk and are denser. No effusion. ",
    "one clause": "density of the lesions increased ",
    "joints": "the lesions have grown and ",
    "Chinese without marks": "双肺病灶较前部分吸收密度增高",
    "one word": "a",
    "one character": "病",
    "places": "lower and upper ",
    "amounts": "3 cm previously ",
    "became": "consolidation is now as ",
    "partly": "partly smaller, ",
    "tags": "<p ",
    "dashes": "a-\n",
}


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_length_and_no_faster(unit):
    def seconds(length):
        text = UNITS[unit] * (length // len(UNITS[unit]))
        start = time.process_time()
        key_phrases.find(text)
        return time.process_time() - start

    # Four times the text in about four times the time; in sixteen times, and in each attempt, if anything is quadratic.
    assert any(seconds(60_000) < 9 * max(seconds(15_000), 0.01) for _ in range(3))


def test_a_megabyte_is_read():
    report = "No pleural effusion.\n" * 20 + "The lesions have shrunk. " + "x" * 1_000_000 + " 密度增高。"
    assert counted(report)[("volume", -1, False)] == 1
