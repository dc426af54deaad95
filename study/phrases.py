"""Key phrases of radiology reports: whether the infection, or its density, went up or down, wholly or in part.

The paper took phrases such as "infection region has (partially) expanded" or "density of infection region has
increased" from the reports as reference for the change between two scans. Here English reports are read by rules: a
report is cut into clauses, and a clause counts when it holds a word of change whose quantity is the extent or the
density of the infection and which is not negated.

What counts, and what does not:

- up in volume: expanded, enlarged, larger, grown, progressed, spread, more extensive, increased (in extent);
  down: contracted, shrunk, smaller, absorbed, resolved, regressed, less extensive, reduced (in extent);
- up in density: denser, consolidated, density increased or higher; down: fainter, lighter, density decreased or lower;
- *absorbed* is taken as a decrease in volume. The paper's own limitation applies: it may as well mean density;
- a change of something else (effusion, nodule, lymph node, calcification, heart ...) is ignored, and so are words that
  only describe ("high-density shadows", "areas of increased density"), new lesions, and "improved" or "worse", which do
  not say what changed.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

QUANTITIES = ("volume", "density")


@dataclass(frozen=True)
class Phrase:
    """One statement of change: `quantity` "volume" or "density", `direction` +1 or -1, `partial`, and its `text`."""

    quantity: str
    direction: int
    partial: bool
    text: str


def _words(*stems):
    return re.compile(rf"\b(?:{'|'.join(stems)})\b")


# A word of change by what it says: its own quantity, or (None) that of the noun that it belongs to.
CHANGES = (
    ("volume", +1, r"expan(?:ded|ding|ds?|sion)", r"enlarg(?:ed|ing|es?|ement)", "larger", "bigger", "broader",
     "wider", "grown", "grew", r"grow(?:ing|s|th)?", r"spread(?:ing)?", r"more (?:extensive|widespread)"),
    ("volume", -1, r"contract(?:ed|ing|s|ion)?", r"shr[aiu]nk(?:en|ing|s|age)?", "smaller",
     r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)", r"resor(?:bed|bing|ption)", r"resolv(?:ed|ing|es?)", "resolution",
     r"regress(?:ed|ing|es|ion)?", r"reced(?:ed|ing|es?)", r"dissipat(?:ed|ing|es?|ion)",
     r"less (?:extensive|widespread)"),
    ("density", +1, "denser", r"more (?:dense|solid|opaque)", "consolidated", "consolidating", "solidified",
     r"(?:progress|evolv|chang|turn|develop)(?:ed|ing)? (?:in)?to consolidations?"),
    ("density", -1, r"less (?:dense|solid|opaque)", "fainter", "lighter", "paler", "faded", "fading"),
    (None, +1, r"increas(?:ed|ing|es?)", "higher", "greater", "risen", "rose", "rising",
     r"progress(?:ed|ing|es|ion)?"),
    (None, -1, r"decreas(?:ed|ing|es?)", r"reduc(?:ed|ing|es|tion)", r"lower(?:ed)?", "lesser",
     r"declin(?:ed|ing|es?)", r"diminish(?:ed|ing|es)?", "fallen", "fell", "dropped"),
)  # fmt: skip
CHANGE = re.compile(
    r"\b(?:" + "|".join(f"(?P<c{i}>{'|'.join(stems)})" for i, (_, _, *stems) in enumerate(CHANGES)) + r")\b"
)

DENSITY = _words(
    "densit(?:y|ies)", "attenuations?", "intensit(?:y|ies)", "hu", "hounsfield", "ct values?", "ct numbers?",
)  # fmt: skip
EXTENT = _words("extents?", "area", "sizes?", "volumes?", "ranges?", "scope", "numbers?", "burden", "involvement")
INFECTION = _words(
    "infect(?:ions?|ed)", "lesions?", "opacit(?:y|ies)", "opacifications?", "consolidations?", "infiltrat(?:es?|ions?)",
    "ggos?", "ground[- ]glass", "shadows?", "patch(?:es)?", "foc(?:us|i)", "pneumonia", "inflammations?",
    "inflammatory", "exudat(?:es?|ions?)", "abnormalit(?:y|ies)", "regions?", "areas", "crazy[- ]paving", "disease",
)  # fmt: skip
UNRELATED = _words(
    "effusions?", "pleura", "pleural thickening", "nodul(?:es?|ar)", "micronodules?", "calcifi(?:cations?|ed)",
    "lymph", "nodes?", "mediastin(?:al|um)", "hilar", "hil(?:um|a)", "heart", "cardiac", "cardiomegaly", "aort(?:a|ic)",
    "atri(?:um|al)", "ventric(?:le|les|ular)", "pericardi(?:al|um)", "arter(?:y|ies)", "vessels?", "liver", "hepatic",
    "spleen", "kidneys?", "renal", "thyroid", "gallbladder", "adrenals?", "cysts?", "bullae?", "emphysema",
    "pneumothorax", "bronch(?:i|us|ial|iectasis)", "trachea", "atelectas[ei]s", "ribs?", "fractures?", "bones?",
    "mass(?:es)?", "tumou?rs?", "lung volumes?", "volume loss", "stomach", "oesophagus", "esophagus", "hernia",
    "tubes?", "catheter",
)  # fmt: skip

PARTIAL = _words(
    "partial(?:ly)?", "partly", "in parts?", "parts? of", "portions? of", "some", "several", "certain", "in places",
    "focally", "locally",
)  # fmt: skip
NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|none|cannot|absence|absent|unlikely|insignificant(?:ly)?)\b|n't\b"
)
AUXILIARY = r"(?:ha(?:s|ve|d|ving)|is|are|was|were|be(?:en|ing|comes?|came)?|remains?|show(?:s|ed|ing)?|appears?)"

# What only looks like change, and what it is replaced by before words of change are looked for.
_LOOK = "(?:shadows?|opacit(?:y|ies)|areas?|lesions?|foc(?:us|i)|patch(?:es)?|regions?)"
_DENSE = "(?:increased|decreased|reduced|high(?:er)?|low(?:er)?)"
_KIND = "(?:mixed|patchy|soft[- ]tissue|ground[- ]glass|flaky|strip)"
DESCRIPTIONS = (
    # what a lesion looks like
    (rf"\b{_LOOK} of {_DENSE} (?:density|attenuation)\b", "lesions"),
    (rf"\b(?:{_DENSE}|{_KIND})[- ]+densit(?:y|ies)[- ]+{_LOOK}\b", "lesions"),
    (rf"\b(?:high|low|{_KIND})[- ]densit(?:y|ies)\b", "lesions"),
    (rf"\bconsolidated (?={_LOOK})", ""),
    # where it is
    (r"\b(?:lower|upper)(?:[- ]+(?:and|or|to|left|right|middle|upper|lower|lingular))*[- ]+"
     r"(?:lobes?|lungs?|zones?|fields?|parts?|portions?|segments?|thirds?|hal(?:f|ves)|lobar|abdomen|back)\b", "lobe"),
    # one side against the other, not now against before
    (r"\b(?:larger|smaller|bigger|denser|fainter|greater|higher|lower|more \w+|less \w+) (?:on|in|at) the "
     r"\w+(?: \w+)? than\b", ""),
    # other senses
    (r"\b(?:well|fully|completely|both lungs|lungs? (?:is|are|were)|re)[- ]+expanded\b", ""),
    (r"\bcontracted (?:the )?(?:covid\S*|coronavirus|virus|disease)", ""),
    (r"\bpreviously \w+", ""),
    (r"\bnot only\b|\bno doubt\b", ""),
)  # fmt: skip

# The full stop of "5.2" or "2020.02.03" ends nothing. Full-width marks come with translated reports.
SENTENCE_END = re.compile(r"[;!?\n\u3002\uff1b\uff01\uff1f]+|\.(?!\d)")
CLAUSE_END = re.compile(r"[,:\uff0c\uff1a\u3001]|\b(?:but|while|whereas|although|though|however|yet)\b")
JOINT = re.compile(r"\b(?:and|(?<!compared )(?<!together )(?<!comparison )with|by|plus)\b|&|/")
# Between two nouns of measure that belong together: "extent (of the lesions) and density".
LISTED = re.compile(r"(?: of(?: \w+){1,4})? ?(?:and|or|&|/|as well as)(?: \w+){0,2} ?")
PRONOUN = _words("its?", "they", "their", "these", "those", "others?")


def find(report):
    """Find what a report says about change of the infection.

    Parameters
    ----------
    report : str or missing
        Text in English. None, NaN and empty text hold no phrase.

    Returns
    -------
    list of Phrase
        In the order of the text; empty if it says nothing about change, or denies it.

    Examples
    --------
    >>> [(p.quantity, p.direction, p.partial) for p in find("The lesions have partly shrunk; density is higher.")]
    [('volume', -1, True), ('density', 1, False)]
    >>> find("No significant change. Pleural effusion has increased.")
    []
    """
    if not isinstance(report, str):
        return []
    found = []
    subject = "infection"  # a report that starts with "Partially absorbed" speaks of the infection
    for sentence in SENTENCE_END.split(report):
        heads, partial, negated = [], False, False
        clauses = list(_clauses(_plain(sentence)))
        for place, (clause, joined) in enumerate(clauses):
            carrier, own_heads = _carrier(clause), _heads(clause)
            if carrier is None and place == 0 and len(clauses) > 1 and clauses[1][1] and not _has_subject(clause):
                carrier = _carrier(clauses[1][0])  # "partially expanded and denser lesions"
            if carrier is None and not joined and own_heads and not heads:
                subject = "infection"  # "Density has increased" begins a sentence: of the infection
            subject = carrier or subject
            heads = own_heads or ([] if carrier else heads)
            # "have not expanded and contracted", "partially expanded and consolidated": what is said of the first
            # word holds for a second one that follows without subject or auxiliary.
            follows = joined and CHANGE.match(clause) is not None
            partial = bool(PARTIAL.search(clause)) or (follows and partial)
            negated = _negated(clause) or (follows and negated)
            if subject == "infection" and not negated:
                found += _phrases(clause, heads, partial)
    return found


def summary(report):
    """Sum up what a report says about each quantity.

    Parameters
    ----------
    report : str or missing
        As for :func:`find`.

    Returns
    -------
    dict
        ``volume`` and ``density``: +1 or -1; 0 if nothing is said; None if both directions are said (opposite
        phrases, which the paper excluded). ``volume_partial`` and ``density_partial``: True if every phrase of that
        quantity is partial, False if one is whole or there is none.
    """
    found = find(report)
    summarised = {}
    for quantity in QUANTITIES:
        of_quantity = [phrase for phrase in found if phrase.quantity == quantity]
        directions = {phrase.direction for phrase in of_quantity}
        summarised[quantity] = None if len(directions) > 1 else next(iter(directions), 0)
        summarised[f"{quantity}_partial"] = bool(of_quantity) and all(phrase.partial for phrase in of_quantity)
    return summarised


def tabulate(reports):
    """Summaries of many reports, one row each.

    Parameters
    ----------
    reports : Series of str
        Missing reports are allowed.

    Returns
    -------
    DataFrame
        On the same index: ``volume`` and ``density`` (+1, -1, 0; NaN where opposite), ``volume_partial``,
        ``density_partial``, ``volume_opposite``, ``density_opposite`` and ``has_report`` (bool).
    """
    reports = pd.Series(reports)
    rows = [summary(report) for report in reports]
    table = pd.DataFrame({"has_report": [isinstance(report, str) and bool(report.strip()) for report in reports]})
    for quantity in QUANTITIES:
        table[quantity] = pd.Series([row[quantity] for row in rows], dtype=float)
        table[f"{quantity}_partial"] = pd.Series([row[f"{quantity}_partial"] for row in rows], dtype=bool)
        table[f"{quantity}_opposite"] = table[quantity].isna()
    return table.set_index(reports.index)


def _plain(sentence):
    """Lower case, without brackets, and without words that describe a lesion and only look like change."""
    text = re.sub(r"\s+", " ", re.sub(r"[()\[\]\"]", " ", sentence.lower().replace("\u2019", "'"))).strip()
    for pattern, replacement in DESCRIPTIONS:
        text = re.sub(pattern, replacement, text)
    return text


def _clauses(sentence):
    """Cut a sentence into (clause, whether it is joined by "and" to the one before)."""
    for part in CLAUSE_END.split(sentence):
        start = 0
        joined = False
        for joint in JOINT.finditer(part):
            left, right = part[start : joint.start()], part[joint.end() :]
            # "extent and density have increased" stays whole; "expanded and denser" are two statements, and so are
            # "no effusion and the lesions have shrunk".
            if (CHANGE.search(left) or NEGATION.search(left)) and CHANGE.search(right):
                yield left.strip(), joined
                start, joined = joint.end(), joint.group() in ("and", "&", "/")
        clause = part[start:].strip()
        if clause:
            yield re.sub(r"^and\b\s*", "", clause), joined or clause.startswith("and ")


def _carrier(clause):
    """Tell what the clause is about: "infection", "other", or None if it names neither.

    The first noun before the word of change decides, unless a noun follows that word directly ("shows enlarged lymph
    nodes"); without one before, the first after it.
    """
    change = CHANGE.search(clause)
    nouns = sorted(
        (noun.start(), kind)
        for kind, pattern in (("infection", INFECTION), ("other", UNRELATED))
        for noun in pattern.finditer(clause)
    )
    if not nouns:
        return None
    if change is None:
        return nouns[0][1]
    before = [kind for at, kind in nouns if at < change.start()]
    after = [(at, kind) for at, kind in nouns if at >= change.end()]
    if after and _adjacent(clause[change.end() : after[0][0]]):
        return after[0][1]
    return before[0] if before else (after[0][1] if after else None)


def _has_subject(clause):
    return bool(PRONOUN.search(clause) or re.search(rf"\b{AUXILIARY}\b", clause))


def _adjacent(between):
    """Whether at most two adjectives, and no preposition or verb, lie between a word of change and a noun."""
    words = between.split()
    links = {
        "in",
        "of",
        "on",
        "at",
        "to",
        "into",
        "than",
        "as",
        "from",
        "for",
        "since",
        "near",
        "beside",
        "and",
        "or",
    }
    return len(words) <= 2 and not links & set(words) and not re.search(AUXILIARY, between)


def _heads(clause):
    """Quantities that the clause speaks of: "volume", "density", both or none, after its nouns of measure."""
    measures = sorted(
        (noun.start(), noun.end(), quantity)
        for quantity, pattern in (("volume", EXTENT), ("density", DENSITY))
        for noun in pattern.finditer(clause)
    )
    # In "density of the infected area" the area is whose density it is.
    free = [m for m in measures if not re.search(r"\b(?:of|in|within|inside)(?: \w+){0,3} ?$", clause[: m[0]])]
    measures = free or measures
    if not measures:
        return []
    heads = [measures[0][2]]
    for previous, measure in pairwise(measures):
        if not LISTED.fullmatch(clause[previous[1] : measure[0]]):
            break
        heads.append(measure[2])
    return list(dict.fromkeys(heads))


def _negated(clause):
    """Whether a negation stands before the word of change, or denies it as a noun ("expansion was not seen")."""
    change = CHANGE.search(clause)
    if change is None:
        return bool(NEGATION.search(clause))
    return bool(
        NEGATION.search(clause[: change.start()])
        or re.match(rf".*\b(?:is|are|was|were|has been|have been) (?:{NEGATION.pattern})", clause[change.end() :])
    )


def _phrases(clause, heads, partial):
    found = []
    for change in CHANGE.finditer(clause):
        quantity, direction, *_ = CHANGES[int(change.lastgroup[1:])]
        # Without a noun of measure, an infection that "increased" is larger.
        quantities = [quantity] if quantity else heads or ["volume"]
        found += [Phrase(name, direction, partial, clause) for name in quantities]
    return list(dict.fromkeys(found))
