"""How a report is read: sentences, clauses, and in each clause what is said to have changed, in what and how."""

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import replace
from itertools import pairwise

from study.measures.phrases import became
from study.measures.phrases import lexicon as words
from study.measures.phrases.amounts import UNDECIDED, two_amounts
from study.measures.phrases.changes import CHANGE, CHANGES, NEW
from study.measures.phrases.lexicon import says_more
from study.measures.phrases.phrase import Phrase

# The full stop of "5.2" or "2020.02.03" ends nothing, nor does that of an abbreviation, nor "12 mm; previously 9 mm".
SENTENCE_END = re.compile(
    r";(?! ?(?:previously|formerly|it was|they were|was|were|before|prior|前|原|上次))|[!?\n。]+"
    r"|\.(?<!\b[ei]\.)(?![\d:,)])"
)
ABBREVIATION = re.compile(
    r"(?<![a-z])(signif|approx|e\.g|i\.e|vs|dr|lt|rt|bilat|resp|prev|cf|ca|incl|esp"
    r"|(?:no|jan|feb|mar|apr|aug|sept?|oct|nov|dec)(?=\. ?\d))\."
)
CLAUSE_END = re.compile(
    r"[,:](?!\d)|(?<![a-z])(?:but|while|whereas|although|though|however|(?<!not )yet(?! to))(?![a-z])|但是?|然而|而且?"
)
JOINT = re.compile(
    r"\b(?:and|(?<!compared )(?<!together )(?<!comparison )with|by|plus)\b|[&/、]|以及|并且|[和及与或并且伴]"
)
LOOSE_JOINTS = {"with", "by", "plus", "伴"}  # what follows is not denied or made partial with what went before
TIGHT_JOINTS = {"及", "或", "和", "与", "以及"}  # what follows is, even with a noun of measure of its own
# Between two joined nouns of measure: "extent (of the lesions) and density".
LISTED = re.compile(r"(?: of(?: \w+){1,4})? ?(?:and|or|&|/|as well as)(?: \w+){0,2} ?|[、和及与或]|以及")
OWNED = re.compile(r"\b(?:of|in|within|inside)(?: \w+){0,3} ?$")  # "(density) of the infected" area
LINKS = set("in of on at to into toward towards within around along than as from for since near beside and or".split())

TAG = re.compile(r"<(/?[a-zA-Z]\w{0,15})(?:\s[^<>]{0,300})?/?>")
BLOCK_TAGS = {"br", "p", "div", "li", "ul", "ol", "tr", "td", "th", "table", "h1", "h2", "h3", "h4"}
HYPHENATED = re.compile(r"(?<=[a-z])-[ \t]{0,8}\n[ \t]{0,8}(?=[a-z])")
FULL_LINE = 60  # columns from which a line without a stop is taken to go on in the next; assumed


def read(report):
    """Read one report.

    Parameters
    ----------
    report : str

    Returns
    -------
    phrases : list of Phrase
    unknown : list of str
        Clauses that describe a change which the lexicon does not contain.
    """
    phrases, unknown = [], []
    subject, previous = "infection", 0  # a report that starts with "Partially absorbed" speaks of the infection
    for sentence in SENTENCE_END.split(_plain(report)):
        before = len(phrases)
        subject = _read_sentence(_without_descriptions(sentence), subject, phrases, unknown, previous)
        previous = before if len(phrases) > before else previous
    return phrases, unknown


def _read_sentence(sentence, subject, phrases, unknown, previous):
    """Add to `phrases` and `unknown` what a sentence says, and return what it spoke of last.

    `previous` is the place in `phrases` at which those of the last sentence that had any begin.
    """
    heads, partial, some, negated, advised = [], False, False, False, False
    begun = changed = spoken = compared = earlier = False  # what the sentence says of the infection
    named = words.INFECTION.search(sentence) is not None or words.LUNGS.search(sentence) is not None
    settled, parts = set(), set()  # quantities that it calls unchanged, and changes that it calls partial
    unread, before = [], len(phrases)
    clauses = list(_clauses(sentence))
    for place, (clause, joined) in enumerate(clauses):
        changes, own_heads = list(CHANGE.finditer(clause)), _heads(clause)
        earlier = bool(changes and ((earlier and joined) or _is_of_an_earlier_scan(clauses, place, changes[0])))
        if earlier:
            unknown.append(clause)
            spoken = True
            continue
        carrier = _carrier(clause, changes)
        borrowed = []
        if not begun and place + 1 < len(clauses) and not (carrier or own_heads or _has_subject(clause)):
            carrier, borrowed = _noun_ahead(*clauses[place + 1])
        if carrier is None and not joined and own_heads and not begun:
            subject = "infection"  # "Density has increased" begins a sentence: of the infection
        begun = begun or bool(carrier or changes)
        advised = advised or words.ADVICE.search(clause) is not None
        # "have not expanded and contracted", "partially expanded and consolidated": what is said of the first word
        # holds for a second one that follows without subject or auxiliary.
        follows = bool(joined and changes) and (changes[0].start() == 0 or (joined in TIGHT_JOINTS and carrier is None))
        aside = place == 1 and words.PARTIAL.fullmatch(clauses[0][0]) is not None  # "In places, ..."
        fresh = bool(changes) and NEW.match(clause, changes[0].start()) is not None
        partial = _partial(clause, changes) or aside or (follows and partial and not fresh)
        # "Some of the lesions are smaller, density is lower": of the same ones.
        some = words.SOME_LESIONS.search(clause) is not None or (some and carrier is None)
        partial = partial or (some and not fresh)  # new lesions, however few, are no part of the old ones
        denied = _denied(clause, changes, follows and negated)
        negated = denied[-1] if changes else words.NEGATION.search(clause) is not None
        strange = changes and not own_heads and _names_a_stranger_after(clause, changes[-1])
        strange = strange or (changes and carrier is None and _names_a_stranger_before(clause, changes[0]))
        if strange and (carrier or subject) == "infection":
            if not (advised or all(denied)):
                unknown.append(clause)
            carrier = "other"
        subject = carrier or subject
        heads = [name for _, name in own_heads] or borrowed or ([] if carrier else heads)
        vague = words.VAGUE.search(clause)
        if subject != "infection":
            if vague and carrier is None and _names_itself(clause[: vague.start()]):
                # and not of the organ named before: "the findings are worse"
                unread.append((words.LUNGS.search(clause) is not None, clause))
            continue
        same = negated or advised or words.UNCHANGED.search(clause) is not None
        if same and not changes:
            settled |= {name for _, name in own_heads} or {"volume", "density"}
        spoken = spoken or bool(changes) or same
        changed = changed or bool(changes)
        if advised:
            continue
        said = _phrases(clause, changes, denied, own_heads, heads, partial)
        if carrier is None:  # "partly absorbed, smaller than before": the same change again
            said = [replace(p, partial=p.partial or (p.quantity, p.direction) in parts) for p in said]
        parts |= {(p.quantity, p.direction) for p in said if p.partial}
        phrases += said
        if not (changes or same):
            compared = compared or words.COMPARED.search(clause) is not None
            if vague or (words.COMPARED.search(clause) and says_more(clause)):
                unread.append((named, clause))
    signs = {phrase.direction for phrase in phrases[before:]}
    judged = [_better_or_worse(clause, sentence, about) for about, clause in unread]
    phrases += [phrase for phrase in judged if phrase and phrase.direction not in signs]
    # "25 mm, before 31 mm, density lower"
    rest = ", ".join(clause for clause, _ in clauses if not CHANGE.search(clause)) if changed else sentence
    amounts = two_amounts(rest)
    if isinstance(amounts, Phrase):
        if amounts.quantity not in settled | {phrase.quantity for phrase in phrases[before:]}:
            phrases.append(amounts)
    elif not changed and unread:
        unknown += [clause for (_, clause), phrase in zip(unread, judged, strict=True) if phrase is None]
    elif not spoken and (amounts == UNDECIDED or (amounts is None and compared and says_more(sentence))):
        unknown.append(sentence)
    if words.REST.search(sentence):
        first = before if len(phrases) > before else previous
        phrases[first:] = [replace(phrase, partial=True) for phrase in phrases[first:]]
    return subject


def _is_of_an_earlier_scan(clauses, place, change):
    """Whether a clause tells how things were on an earlier scan, before or after its word of change."""
    clause = clauses[place][0]
    opening = clauses[place - 1][0] if place else ""
    before, after = clause[: change.start()], clause[change.end() :]
    opened = words.OF_EARLIER.match(clause) or (place == 1 and words.OF_EARLIER.match(opening))
    if words.WAS.search(before) and (opened or words.BEFORE_ALONE.match(after)):
        return True
    if words.EARLIER_SHOWED.search(f"{opening} {before}" if clause.startswith("which ") else before):
        return True
    return words.ON_EARLIER.match(after) is not None and not words.IS_NOW.search(before)


def _better_or_worse(clause, sentence, about):
    """The phrase of a clause that calls the lungs or the infection better or worse; None if it does not say so.

    `about` is whether the sentence names the lungs or the infection.
    """
    worse, better = words.WORSE.search(clause), words.BETTER.search(clause)
    if bool(worse) == bool(better) or not about or words.UNRELATED.search(clause):
        return None
    word = worse or better
    if words.COMPARATIVE.fullmatch(word.group()) and not words.COMPARED.search(sentence):
        return None
    named = list(words.INFECTION.finditer(clause, 0, word.start()))
    if says_more(clause[named[-1].end() if named else 0 : word.start()]):
        return None
    if "finding" in clause and not words.LUNGS.search(clause):  # of whatever organ
        return None
    return Phrase("volume", 1 if worse else -1, _partial(clause, [word]), word.group(), clause)


# ------------------------------------------------------------------ text
def _plain(report):
    """Lower case, one line per paragraph, without markup; full-width letters, digits and marks as ordinary ones."""
    text = TAG.sub(lambda tag: "\n" if tag[1].strip("/").lower() in BLOCK_TAGS else "", report)
    text = unicodedata.normalize("NFKC", html.unescape(text)).replace("\u00ad", "").replace("毛玻璃", "磨玻璃")
    text = text.translate(str.maketrans({**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"), "\u2019": "'"}))
    lines = [line.strip() for line in HYPHENATED.sub("", text).splitlines()]
    joined = []
    for line, following in pairwise([*lines, ""]):
        joined += [line, _between(line, following)]
    return ABBREVIATION.sub(r"\1 ", "".join(joined).lower())


def _between(line, following):
    """What stands for a line break: nothing or a space within a sentence that was wrapped, else the break."""
    if not line or not following:
        return "\n"
    wide = len(line) + sum(map(_is_chinese, line))
    goes_on = line[-1] in ",、" or "a" <= following[0] <= "z" or (wide >= FULL_LINE and line[-1] not in ".;:!?。")
    if not goes_on:
        return "\n"
    return "" if _is_chinese(line[-1]) and _is_chinese(following[0]) else " "


def _is_chinese(character):
    return "\u3400" <= character <= "\u9fff"


def _without_descriptions(sentence):
    """Without brackets, and without words that describe a lesion and only look like change."""
    text = words.BRACKETED_AMOUNT.sub(r", \1,", sentence)  # "4 cm (previously 6 cm)" are two parts
    text = became.named(" ".join(re.sub(r"[()\[\]\"“”【】]", " ", text).split()))
    for pattern, replacement in words.DESCRIPTIONS:
        text = pattern.sub(replacement, text)
    return text


def _clauses(sentence):
    """Cut a sentence into (clause, the word that joins it to the one before if it goes on from there, else "")."""
    for part in CLAUSE_END.split(sentence):
        changes = [change.start() for change in CHANGE.finditer(part)]
        marks = sorted(changes + [negation.start() for negation in words.NEGATION.finditer(part)])
        start, joined = 0, ""
        for joint in JOINT.finditer(part):
            # "extent and density have increased" stays whole; "expanded and denser" are two statements, and so are
            # "no effusion and the lesions have shrunk".
            marked = bisect_left(marks, start) < bisect_left(marks, joint.start())
            if marked and changes and changes[-1] >= joint.end():
                yield part[start : joint.start()].strip(), joined
                start, joined = joint.end(), "" if joint.group() in LOOSE_JOINTS else joint.group()
        clause = part[start:].strip()
        if clause:
            yield re.sub(r"^and\b\s*", "", clause), joined or ("and" if clause.startswith("and ") else "")


# ------------------------------------------------------------------ what the clause is about
def _carrier(clause, changes):
    """Return what the clause is about: "infection", "other", or None if it names neither.

    A noun that follows the word of change directly decides ("shows enlarged lymph nodes"), then the nouns before it:
    in English the first ("a nodule in the infection region"), in Chinese, which puts the head last, the last; without
    one before, the first after it.
    """
    nouns = sorted(
        (noun.start(), kind)
        for kind, pattern in (("infection", words.INFECTION), ("other", words.UNRELATED))
        for noun in pattern.finditer(clause)
    )
    if not nouns:
        return None
    if words.ELSEWHERE.search(clause) and not words.LUNGS.search(clause):
        return "other"
    if not changes:
        # "fever has improved", but of "day 14 after onset of fever" nothing more is said
        passing = words.CLINICAL.match(clause, nouns[0][0]) and not words.VAGUE.search(clause)
        return None if passing else nouns[0][1]
    change = changes[0]
    before = [kind for at, kind in nouns if at < change.start()]
    after = [(at, kind) for at, kind in nouns if at >= change.end()]
    if after and _adjacent(clause[change.end() : after[0][0]]):
        return after[0][1]
    if before:
        return before[-1 if _is_chinese(change.group()[-1]) else 0]
    return after[0][1] if after else None


def _noun_ahead(clause, joined):
    """Carrier and quantities that a first clause shares with the next: "partly higher, partly lower density of it"."""
    changes, heads = list(CHANGE.finditer(clause)), _heads(clause)
    noun = words.INFECTION.search(clause)
    starts = [at for at, _ in heads] + ([noun.start()] if noun else [])
    if joined or (changes and starts and changes[0].start() < min(starts)):
        return _carrier(clause, changes), [name for _, name in heads]
    return None, []


def _adjacent(between):
    """Whether at most two adjectives, and no preposition or verb, lie between a word of change and a noun."""
    if any(map(_is_chinese, between)):
        return between == "的"
    between_words = between.split()
    return len(between_words) <= 2 and not LINKS & set(between_words) and not words.AUXILIARY.search(between)


def _has_subject(clause):
    return bool(words.PRONOUN.search(clause) or words.AUXILIARY.search(clause))


def _names_itself(before):
    """Whether what stands before a word of change names what changed, with a noun of its own and not a pronoun."""
    return not words.PRONOUN.search(before) and ("finding" in before or says_more(before))


def _names_a_stranger_before(clause, change):
    """Whether a clause without known noun names something unknown before the word of change: "fever resolved"."""
    before = clause[: change.start()]
    return says_more(before) and not words.REFERS.search(before)


def _names_a_stranger_after(clause, change):
    """Whether what increased or decreased is named after that word, and unknown: "reduced enhancement"."""
    following = clause[change.end() :]
    quantity = CHANGES[int(change.lastgroup[1:])][0]
    if quantity or words.INFECTION.search(following) or words.UNRELATED.search(following):
        return False
    thing = re.match(r"(?: (?:in|of)(?: the| both| all)?)?((?: [a-z-]+)?)", following)
    return says_more(thing[1])


# ------------------------------------------------------------------ what, and how
def _heads(clause):
    """Quantities that the clause speaks of, each with its place: nouns of measure, listed ones under the first."""
    measures = sorted(
        (noun.start(), noun.end(), quantity)
        for quantity, pattern in (("volume", words.EXTENT), ("density", words.DENSITY))
        for noun in pattern.finditer(clause)
    )
    # In "density of the infected area" the area is whose density it is; "decrease in size" is of the size.
    free = [m for m in measures if not _owned(clause, m[0], measures[0][1])]
    heads, previous = [], None
    for start, end, quantity in free or measures:
        listed = previous is not None and LISTED.fullmatch(clause[previous:start])
        heads.append((heads[-1][0] if listed else start, quantity))
        previous = end
    return heads


def _owned(clause, at, first):
    """Whether the noun of measure at a place is only whose measure one before it is; `first` is where one ended."""
    owner = OWNED.search(clause, max(0, at - 80), at)
    return owner is not None and owner.start() >= first


def _phrases(clause, changes, denied, own_heads, heads, partial):
    found = []
    places = [at for at, _ in own_heads]
    for change, is_denied in zip(changes, denied, strict=True):
        if is_denied:
            continue
        quantity, direction, *_ = CHANGES[int(change.lastgroup[1:])]
        # Without a noun of measure, an infection that "increased" is larger.
        names = [quantity] if quantity else _nearest(own_heads, places, change) or heads or ["volume"]
        found += [Phrase(name, direction, partial, change.group(), clause) for name in dict.fromkeys(names)]
    return list(dict.fromkeys(found))


def _nearest(heads, places, change):
    """Quantities of the noun of measure (or list of them) right after a word of change, else of the last before it.

    Without one before it, those of the first after. "The area shows higher attenuation" is of the attenuation.
    """
    if not heads:
        return []
    if change.end() + 1 in places:
        return [quantity for at, quantity in heads if at == change.end() + 1]
    place = places[max(bisect_left(places, change.start()) - 1, 0)]
    return [quantity for _, quantity in heads[bisect_left(places, place) : bisect_right(places, place)]]


def _partial(clause, changes):
    start = changes[0].start() if changes else len(clause)
    some = words.SOME.search(clause[:start]) and not NEW.match(clause, start)
    return bool(words.PARTIAL.search(clause) or some or words.SOME_OF.search(clause))


def _denied(clause, changes, inherited):
    """Return for each word of change whether it is denied.

    A negation applies to all words of change after it in the clause, and a first one may be denied by what follows
    ("expansion was not seen").
    """
    denied, end, so_far = [], 0, inherited
    for change in changes:
        so_far = so_far or words.NEGATION.search(clause[end : change.start()]) is not None
        denied.append(so_far)
        end = change.end()
    if changes and words.DENIED_AFTER.search(clause[changes[0].end() :]):
        return [True] * len(changes)
    return denied
