"""A change that no word names: an amount now beside one before, "lung involved 30 %, before 18 %"."""

import re

from study.measures.phrases import lexicon as words
from study.measures.phrases.lexicon import says_more
from study.measures.phrases.phrase import Phrase

UNDECIDED = "undecided"
NEAR = 25  # characters between a word such as "before" and its amount, where it could be another's


def two_amounts(sentence):
    """What an amount now and one before say, "lung involved 30 %, before 18 %".

    The earlier one is the first of "from 18 % to 30 %", else the one next to a word such as before, in its part of the
    sentence; without such a word, the one that is not next to "now". Percent, lengths, volumes, scores and counts are
    of the extent, HU of the density. Of ranges the middles count.

    Returns
    -------
    Phrase, str or None
        ``UNDECIDED`` if it is not clear which was before, whether they are of one kind, or of what; None if they are
        equal, or if there are no two.
    """
    for pattern, number in words.NUMERALS:
        sentence = pattern.sub(number, sentence)
    if words.UNRELATED.search(sentence):
        return None
    amounts = list(words.AMOUNT.finditer(sentence))
    if len(amounts) > 1:
        return _change(amounts, sentence)
    counts = list(words.COUNT.finditer(sentence))
    change = _change(counts, sentence) if len(counts) == 2 else None
    return change if isinstance(change, Phrase) else None  # "two foci in three lobes" compares nothing


def _change(amounts, sentence):
    """What `two_amounts` returns, of the amounts that it found."""
    if len(amounts) > 2:
        compared = words.EARLIER.search(sentence) or words.FROM_TO.search(sentence) or words.UNSURE.search(sentence)
        return UNDECIDED if compared else None
    first = _earlier_of(amounts, sentence)
    if first is None:
        return UNDECIDED if words.UNSURE.search(sentence) else None
    unsure = words.UNSURE.search(sentence) and not (words.NOW.search(sentence) or words.PAST.search(sentence))
    if first == UNDECIDED or unsure or not _of_the_infection(sentence):
        return UNDECIDED
    (before, unit), (now, other) = _measure(amounts[first]), _measure(amounts[1 - first])
    if unit and other and unit != other:
        return UNDECIDED
    quantity = "density" if "hu" in (unit, other) else "volume"
    if now == before:
        return None
    return Phrase(quantity, 1 if now > before else -1, False, amounts[1 - first].group(), sentence)


def _of_the_infection(sentence):
    """Whether a sentence with amounts names the infection, or nothing at all, so that it goes on about it."""
    if words.INFECTION.search(sentence) or words.INVOLVED.search(sentence):
        return True
    for pattern in (words.COUNT, words.FROM_TO, words.EARLIER, words.PAST, words.NOW):
        sentence = pattern.sub(" ", sentence)
    return not says_more(sentence)


def _earlier_of(amounts, sentence):
    """Which of two amounts, 0 or 1, is of the earlier scan; None if nothing says so, UNDECIDED if that is not clear."""
    if any(amounts[0].start() < word.end() <= amounts[1].start() for word in words.FROM_TO.finditer(sentence)):
        return 0
    for pattern in (words.EARLIER, words.PAST):
        beside = {_beside(amounts, word, sentence) for word in pattern.finditer(sentence)} - {None}
        if beside:
            return beside.pop() if len(beside) == 1 else UNDECIDED
    # "the focus of 3 cm now measures 2 cm", but not "now a focus of 3 cm and one of 2 cm"
    return 0 if words.NOW.search(sentence, amounts[0].end(), amounts[1].start()) else None


def _beside(amounts, word, sentence):
    """Which of two amounts, 0 or 1, a word such as "before" stands with; None if neither or both.

    That in the same part of the sentence, between commas; of two there, the nearer one, if it is near at all, and the
    one after the word of two equally near.
    """
    low = max(sentence.rfind(mark, 0, word.start()) for mark in ",;:")
    high = min((at for at in (sentence.find(mark, word.end()) for mark in ",;:") if at >= 0), default=len(sentence))
    beside = [i for i, amount in enumerate(amounts) if low <= amount.start() < high]
    if len(beside) < 2:
        return beside[0] if beside else None
    away = [max(amount.start() - word.end(), word.start() - amount.end()) for amount in amounts]
    return None if min(away) > NEAR else int(away[1] <= away[0])


def _measure(amount):
    """The number of an amount, of a range its middle and of a score 12/25 the 12, and its unit; cm as mm."""
    numbers = re.findall(r"(?<![\d.])-?\d+(?:\.\d+)?", amount["number"].replace(" - ", " "))
    found = [float(number) for number in numbers]
    if len(found) == 2 and found[0] >= 0 > found[1]:
        found[1] = -found[1]  # 25-50 is a range, -650--600 one of numbers below 0
    middle, unit = sum(found) / len(found), re.sub(r"[\d #]+$|(?<=[a-z])s$", "", amount["unit"])
    return (10 * middle, "mm") if amount["unit"] == "cm" else (middle, unit)
