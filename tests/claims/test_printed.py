"""Numbers as journals print them: whatever the convention, a number is read as the interval that it stands for."""

import math
import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.tables import findings, read
from study.claims import audit, paper
from study.claims.printed import COUNTED, Convention, read_number, unread


def grouped(text, mark, point="."):
    """Thousands in groups of three."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, point, fraction = digits.partition(point)
    return sign + f"{int(whole):,}".replace(",", mark) + point + fraction


def power(text, times, raised):
    """1234 as 1.234 times a power of ten."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    exponent = Decimal(digits).adjusted() if Decimal(digits) else 0
    figures = Decimal(digits).scaleb(-exponent)
    return f"{sign}{figures:f}{times}{raised(exponent)}"


SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
# From plain digits to what a journal makes of them.
JOURNALS = {
    "Radiology: no zero before the point": lambda text: (
        text.replace("0.", ".", 1) if text.lstrip("-")[0] == "0" else text
    ),
    "European Radiology: plain": lambda text: text,
    "Lancet: a point at half height": lambda text: text.replace(".", "·"),
    "Lancet: and no zero": lambda text: re.sub(r"^(-?)0\.", r"\1·", text),
    "BMJ: thousands by a thin space": lambda text: grouped(text, "\u2009"),
    "Elsevier: by a narrow space that does not break": lambda text: grouped(text, "\u202f"),
    "by a space that does not break": lambda text: grouped(text, "\xa0"),
    "Swiss: by an apostrophe": lambda text: grouped(text, "’"),
    "JAMA: minus": lambda text: text.replace("-", "−"),
    "PDF: en dash": lambda text: text.replace("-", "–"),
    "PDF: a hyphen that does not break": lambda text: text.replace("-", "\u2011"),
    "a space after the minus": lambda text: text.replace("-", "− "),
    "plus": lambda text: text if text.startswith("-") else f"+{text}",
    "NEJM: a label": lambda text: f"P = {text}",
    "APA: a label without spaces": lambda text: f"κ={text}",
    "Nature: powers": lambda text: power(text, " × 10", lambda e: str(e).translate(SUPERSCRIPT)),
    "PLoS: powers with a thin space": lambda text: power(text, "\u2009×\u200910", lambda e: f"^{e}"),
    "powers with a multiplication point": lambda text: power(text, "·10", lambda e: str(e).translate(SUPERSCRIPT)),
    "R: exponents": lambda text: power(text, "e", lambda e: f"{e:+03d}"),
    "SPSS: capital exponents": lambda text: power(text, "E", str),
    "a mark of a footnote": lambda text: f"{text}*",
}
COMMA = {
    "Radiologie: a comma": lambda text: text.replace(".", ","),
    "a comma, and thousands by a point": lambda text: grouped(text.replace(".", ","), ".", ","),
}
DIGITS = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=6)
ROUND = {"half-up": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "truncated": ROUND_DOWN}


def test_twenty_conventions_are_tried():
    assert len(JOURNALS) + len(COMMA) >= 20


@pytest.mark.parametrize("journal", [*JOURNALS, *COMMA])
@given(number=DIGITS, places=st.integers(0, 6))
@example(number=Decimal("0.05"), places=2)
@example(number=Decimal("-0.31"), places=2)
@example(number=Decimal("0.000012"), places=6)
@example(number=Decimal("1110"), places=0)
def test_a_printed_number_is_read_as_the_interval_it_stands_for(journal, number, places):
    plain = f"{number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
    text = {**JOURNALS, **COMMA}[journal](plain)
    read = read_number(text, convention=Convention(decimal="comma" if journal in COMMA else ""))
    assert read is not None, text
    value, half = float(plain), 0.5 * 10.0**-places
    assert read.value == pytest.approx(value, rel=1e-12)
    assert read.ends == pytest.approx((value - half, value + half), rel=1e-12, abs=1e-12), text
    assert read.allows(float(number)) and not read.allows(value + 3 * half) and not read.allows(value - 3 * half)


@pytest.mark.parametrize("rounding", ROUND)
@given(number=DIGITS, places=st.integers(0, 4))
@example(number=Decimal("0.125"), places=2)
@example(number=Decimal("-0.999999"), places=2)
def test_a_number_shortened_as_the_file_says_is_allowed(rounding, number, places):
    text = f"{number.quantize(Decimal(1).scaleb(-places), ROUND[rounding]):f}"
    assert read_number(text, convention=Convention(rounding)).allows(float(number)), text
    assert read_number(text, convention=Convention("unknown")).allows(float(number)), text


def test_how_numbers_were_shortened_says_which_ends_are_theirs():
    for rounding, text, inside, outside in [
        ("half-up", "0.13", [0.125], [0.135, 0.1249]), ("half-up", "-0.13", [-0.125], [-0.135]),
        ("half-even", "0.12", [0.125, 0.115], [0.1251]), ("half-even", "0.13", [0.1251], [0.125, 0.135]),
        ("truncated", "0.12", [0.12, 0.1299], [0.13, 0.1199]), ("truncated", "-0.12", [-0.1299], [-0.13, -0.119]),
        ("truncated", "0.0", [0.09, -0.09], [0.1]), ("unknown", "0.12", [0.115, 0.1299], [0.13, 0.114]),
        ("", "0.12", [0.115, 0.125], [0.1251]),
    ]:  # fmt: skip
        number = read_number(text, convention=Convention(rounding))
        assert all(number.allows(x) for x in inside) and not any(number.allows(x) for x in outside), (rounding, text)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("p<.001", (-math.inf, 0.001)), ("P < 0·0001", (-math.inf, 0.0001)), ("p<10⁻⁵", (-math.inf, 1e-5)),
        (">= .74", (0.74, math.inf)), ("⩽5", (-math.inf, 5)), ("~0.87", (0.86, 0.88)), ("≈ 5", (4, 6)),
        ("±5", (4.5, 5.5)), ("=0.03", (0.025, 0.035)), ("n = 26", (25.5, 26.5)), ("p = .03†", (0.025, 0.035)),
        ("5.8 × 10−5", (5.75e-5, 5.85e-5)), ("10⁻⁵", (0.5e-5, 1.5e-5)), ("0,87", (0.865, 0.875)),
        ("1.234.567", (1234566.5, 1234567.5)), ("1,234.5", (1234.45, 1234.55)), ("1.110", (1.1095, 1.1105)),
        ("49 percent", (48.5, 49.5)),
    ],
)  # fmt: skip
def test_forms_and_what_they_stand_for(text, ends):
    assert read_number(text).ends == pytest.approx(ends)


def test_a_tiny_number_is_compared_to_its_own_digits():
    assert read_number("7.3e-09").allows(7.34e-9) and not read_number("7.3e-09").allows(6.1e-9)


def test_a_comma_that_can_be_either_is_settled_by_the_unit_or_the_file():
    assert all(read_number("1,110", unit).ends == (1110, 1110) for unit in COUNTED)
    assert read_number("1,110", "ml") is None and "1110 or 1.110" in unread("1,110", "ml")
    assert read_number("1,110", "ml", Convention(decimal="point")).value == 1110
    assert read_number("1,110", "ml", Convention(decimal="comma")).value == 1.11
    assert read_number("1.110", "ml", Convention(decimal="comma")).value == 1110


@pytest.mark.parametrize("text", ["P05", "/5", "1/2", "5-7", "n1", "e5", "", "-", ".", "%", "1.2 x 105", "10 µ",
                                  "1e999", "0.87 (0.8)", "1,11,0", "2018b", "1 2", "--5", "5.", "³"])  # fmt: skip
def test_what_is_no_number_is_not_read(text):
    assert read_number(text) is None and "any form that is tried (0.87, .87" in unread(text)


def test_a_value_moved_keeps_its_digits():
    for text, steps, moved in [("0.87", 2, "0.89"), (".87", 1, "0.88"), ("1,234.5", 1, "1234.6"), ("49 %", -1, "48 %"),
                               ("1.2e5", 1, "130000"), ("7.3e-3", 1, "0.0074")]:  # fmt: skip
        assert read_number(text).moved(steps).text == moved


# ---- in a file


def test_errors_printed_without_a_leading_zero_are_found(tmp_path):
    """`.61` of 31 is no count, .3 and .8 are no one AUC, and two groups so far apart have no p of .35."""
    text = """
A:
- {id: a, quantity: AUC of it, published: '.83', interval: ['.78', '.88'], same: auc}
B:
- {id: b, quantity: AUC of it, published: '.38', interval: ['.33', '.44'], same: auc}
relations:
- {rule: share, where: T, share: '.70', count: '19', total: '31'}
- {rule: t_test, where: T, groups: [{n: '50', mean: '7.1', sd: '.9'}, {n: '50', mean: '8.3', sd: '.8'}], p: '.35'}
- {rule: agreement, where: T, n: '61', observed: '.7772', kappa: '.5000', error: '.1'}
"""
    zero = re.sub(r"'\.", "'0.", text)
    found = [findings(tmp_path, one) for one in (text, zero)]
    assert len(found[0]) == 6 and found[0]["rule"].tolist() == found[1]["rule"].tolist()


def test_this_papers_numbers_without_leading_zeros_have_the_same_findings(tmp_path):
    text = paper.CLAIMS_YAML.read_text(encoding="utf-8")
    bare = re.sub(r'"([<≥]?)0\.(\d)', r'"\1.\2', text)
    assert bare != text
    found = [findings(tmp_path, one)["rule"].tolist() for one in (text, bare)]
    assert found[0] == found[1]


def test_the_file_says_how_its_numbers_were_shortened(tmp_path):
    """4 of 7 are 57.142 %, 11 of 17 are 64.705 %."""
    text = """relations:
- {rule: share, where: T, share: '57.1 %', count: '4', total: '7'}
- {rule: share, where: T, share: '64.7 %', count: '11', total: '17'}
- {rule: share, where: T, share: '66.6 %', count: '2', total: '3'}
"""
    for rounding, accused in [("", 1), ("half-up", 1), ("half-even", 1), ("truncated", 0), ("unknown", 0)]:
        head = f"rounding: {rounding}\n" if rounding else ""
        assert len(findings(tmp_path, head + text)) == accused, rounding


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "rounding: up\nA:\n- {id: a, quantity: q, published: '1'}",
            "`rounding` is 'up'; it can be half-up, half-even",
        ),
        ("decimal: 1\nA:\n- {id: a, quantity: q, published: '1'}", "`decimal` is 1; it can be point, comma"),
        (
            "A:\n- {id: a, quantity: q, published: 'P05'}",
            "line 2, A, a: `published` is 'P05', which is not a number in",
        ),
        (
            "A:\n- {id: a, quantity: q, published: '1,110'}",
            "line 2, A, a: `published` is '1,110', which can be read as",
        ),
        (
            "A:\n- {id: a, quantity: q, published: '1', interval: ['0', '1/2']}",
            "line 2, A, a: `interval` is '1/2', which",
        ),
        (
            "relations:\n- {rule: sum, where: T, total: '1/2', parts: ['1']}",
            "line 2, relations, 1 (sum): `total` is '1/2'",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line_and_what_was_tried(tmp_path, text, said):
    with pytest.raises(paper.PaperError, match=re.escape(f"tables.yaml: {said}")):
        read(tmp_path, text)


def test_an_id_may_end_in_a_digit(tmp_path):
    text = "A:\n" + "".join(f"- {{id: {name}, quantity: q, published: '{n}', unit: patients}}\n"
                            for name, n in [("n1", 12), ("n2", 30), ("e5", 42)])  # fmt: skip
    (check,) = audit.audit(read(tmp_path, text + "relations:\n- {rule: sum, total: e5, parts: [n1, n2]}"))
    assert check.holds and check.words == "12 + 30 = 42"
