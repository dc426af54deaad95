"""A change that no word names: an amount now beside one before, "lung involved 30 %, before 18 %"."""

import re

from study.measures.phrases import lexicon as words
from study.measures.phrases.lexicon import says_more
from study.measures.phrases.phrase import Phrase

UNDECIDED = "undecided"


def two_amounts(sentence):
    """What an amount now and one before say, "lung involved 30 %, before 18 %".

    The earlier one is the first of "from 18 % to 30 %", else the one next to a word such as before, in its part of the
    sentence. Percent, lengths, volumes and scores are of the extent, HU of the density. Of ranges the middles count.

    Returns
    -------
    Phrase, str or None
        ``UNDECIDED`` if it is not clear which was before, whether they are of one kind, or of what; None if they are
        equal, or if there are no two.
    """
    amounts = list(words.AMOUNT.finditer(sentence))
    whence, earlier = words.FROM_TO.search(sentence), list(words.EARLIER.finditer(sentence))
    if len(amounts) < 2 or words.UNRELATED.search(sentence):
        return None
    if not (whence or earlier):
        return UNDECIDED if words.UNSURE.search(sentence) else None
    units = {re.sub(r"[^a-z%/]", "", amount.group())[-2:] for amount in amounts}
    known = words.FROM_TO.sub(" ", words.AMOUNT.sub(" ", words.EARLIER.sub(" ", sentence)))
    if len(amounts) > 2 or len(units) > 1 or words.UNSURE.search(sentence) or says_more(known):
        return UNDECIDED
    named = {0} if whence else {_earlier(amounts, word, sentence) for word in earlier}
    first = named.pop()
    if first is None or named:
        return UNDECIDED
    change = _middle(amounts[1 - first].group()) - _middle(amounts[first].group())
    if change == 0:
        return None
    quantity = "density" if units == {"hu"} else "volume"
    return Phrase(quantity, 1 if change > 0 else -1, False, amounts[1 - first].group(), sentence)


def _earlier(amounts, word, sentence):
    """Which of two amounts, 0 or 1, a word such as "before" stands with; None if neither or both.

    That in the same part of the sentence, between commas; of two there, the one after it, else the one right before.
    """
    parts = [0, *(mark.start() for mark in re.finditer("[,;:]", sentence)), len(sentence)]
    low = max(part for part in parts if part <= word.start())
    high = min(part for part in parts if part >= word.end())
    beside = [i for i, amount in enumerate(amounts) if low <= amount.start() < high]
    if len(beside) == 1:
        return beside[0]
    after = [i for i in beside if amounts[i].start() >= word.end()]
    return after[0] if after else (beside[-1] if beside else None)


def _middle(amount):
    """The number of an amount, or the middle of its range; of a score 12/25, the 12."""
    numbers = re.findall(r"(?<![\d.])-?\d+(?:\.\d+)?", amount.split("/")[0].replace(" - ", " "))
    found = [float(number) for number in numbers]
    if len(found) == 2 and found[0] >= 0 > found[1]:
        found[1] = -found[1]  # 25-50 is a range, -650--600 one of numbers below 0
    return sum(found) / len(found)
