"""Ground glass that became consolidation, or the reverse, where no verb says so but the two nouns do.

"Turned into consolidation" is a word of change like any other. Here are the sentences that name both, one of them as it
was and one as it is: "the former ground glass is now consolidation", 原磨玻璃影现呈实变.
"""

import re

_WAS = "(?:previous(?:ly)?|former(?:ly)?|earlier|prior|old|initial(?:ly)?|original(?:ly)?|pre-?existing|once|only|just)"
# What may stand between "now" and what is seen now: "now surrounded by ground glass" says nothing of the lesion.
_NOW = (
    "(?:now|currently|today|becom(?:es?|ing)|became)(?: (?:only|merely|just|[a-z]+ly|visible|seen|present(?:s|ing)?"
    "|appear(?:s|ing)?|represented|show(?:s|ing)?|displays?|demonstrates?|persists?|remains?|reads|is|are|of|as|by|a"
    "|an|the|faint|frank|dense|pure|patchy|residual|subtle|hazy|pale|thin|mild|more|like|in)){0,8}"
)
_REPLACES = (
    "(?:(?:ha(?:s|ve|d) |now |is |are )*(?:replac|supersed|supplant)(?:ed|es|ing)(?! by)|in place of|in lieu of"
    "|all that (?:remains|is left) of|where(?: [a-z]+){0,2} (?:was|were|had been)"
    "|(?:is |has )?tak(?:en|ing|es) the place of"
    "|(?:(?:at|in) the (?:sites?|locations?|areas?|regions?) of|instead of|rather than|in|within|of)(?: the| an?)?"
    f" {_WAS})"
)
_WAS_ZH = "(?:原|前片|前次|上次|此前|先前|既往)"
_NOW_ZH = (
    "(?:现|今|本次|此次|目前|复查)(?:检查|ct)?(?:已|多|均|大部分?|部分|基本|则|仅){0,3}"
    "(?:呈|为|成|示|见|可见|表现为|显示为|仅见)?"
)


def _english(was, now):
    """The ways to say that `was` became `now`; all but the group `kept` is what it became."""
    was, now = rf"(?<![a-z]){was}(?![a-z])", rf"(?<![a-z]){now}(?![a-z])"
    arisen = f"(?:new |newly developed )?{now}(?: ha(?:s|ve) (?:[a-z]+ )?(?:developed|appeared|arisen|formed|emerged))?"
    return (
        rf"(?P<kept>{was}[^,;:]{{0,80}}(?:,[^,;:]{{0,60}},[^,;:]{{0,40}})?(?<![a-z]){_NOW} ){now}",
        rf"(?P<kept>{_WAS} (?:[a-z]+ ){{0,3}}{was}[^;:]{{0,80}}(?<![a-z]){_NOW} ){now}",
        rf"(?P<kept>)(?<!progressive )(?<!increased )(?<!increasing ){arisen}"
        rf"(?=(?: [a-z]+){{0,4}}? {_REPLACES} (?:[a-z-]+ ){{0,4}}?{was})",
    )


def _chinese(was, now):
    """The same in Chinese."""
    return (
        f"(?P<kept>{_WAS_ZH}[^,;]{{0,12}}{was}[^;]{{0,16}}?(?:{_NOW_ZH}|呈)[^,;见新及]{{0,6}}?){now}",
        f"(?P<kept>{was}[^,;]{{0,8}}?(?:现(?:已|为|呈|成)|代之以|代之的是|出现)[^,;]{{0,6}}?){now}",
        f"(?P<kept>{was}[^,;]{{0,8}}?(?:被|由|为)[^,;]{{0,6}}?){now}(?=[^,;]{{0,6}}[取替]代)",
        f"(?P<kept>){now}(?=[^,;]{{0,6}}(?:取代|替代|代替)[^,;]{{0,10}}{was})",
    )


_GLASS, _SOLID = (
    "(?:ground[- ]?glass|ggos?)",
    "(?:consolidations?|consolidative|consolidated(?= (?:area|lesion|part|region|opacit)))",
)
# Within ground glass it is the same that has become dense.
_DEVELOPING = (
    rf"(?P<kept>{_GLASS}(?![a-z])[^;:]{{0,80}} (?:with|shows?|showing) )(?:interval |now )?"
    rf"(?:development of|developing|increasing|increased|progressive|evolving) {_SOLID}(?![a-z])"
)
_CHANGES = tuple(
    (re.compile(pattern), rf"\g<kept>{word}")
    for word, patterns in (
        ("denser", (*_english(_GLASS, _SOLID), _DEVELOPING)),
        ("fainter", _english(_SOLID, _GLASS)),
        ("变实", _chinese("磨玻璃", "实变")),
        ("变淡", _chinese("实变", "磨玻璃")),
    )
    for pattern in patterns
)


def named(sentence):
    """The sentence with what a lesion became called denser or fainter, "the former ground glass is now denser"."""
    for pattern, replacement in _CHANGES:
        sentence = pattern.sub(replacement, sentence)
    return sentence
