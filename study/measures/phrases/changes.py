"""The words of change, English and Chinese side by side: what they say has gone up or down.

Written as those of `lexicon`.
"""

import re

from study.measures.phrases.lexicon import INFECTION, any_of, either

# Chinese "compared with before", and how much; then a single adjective is a change: 较前略大, larger than before.
_BEFORE = ("[较比](?:前次?|上次|之前|以前|此前|先前|原来?|旧|老|首次|入院时?|外院|治疗前|[0-9]+[天周日月]前"
           "|[0-9年月日./-]+)(?:片|检查|ct)?"
           "(?:明显|显著|略微|稍微|略|稍|轻度|有所|有|已|均|亦|也|更|更加|变得){0,2}")  # fmt: skip
_INFECTED = rf"(?:(?!(?:and|or|but|with|in) )[a-z0-9.-]+ ){{0,4}}(?:{INFECTION.pattern})"
_OLD = (
    "(?:prior|previous|last|earlier|former|preceding|initial|first|admission|baseline|old|outside|[a-z]+ (?:ct|scan))"
)
_SEEN = ("(?:present|seen|visible|visuali[sz]ed|evident|identifi(?:ed|able)|detect(?:ed|able)|demonstra(?:ted|ble)"
         "|appreciated|appreciable|depicted|delineated|discerni?ble|recogni[sz]able|perceptible|apparent|noted|found|shown"
         "|observed|traceable|there)")  # fmt: skip
_PREVIOUSLY = "(?:previously|formerly|hitherto|initially|originally)"
# What is new, has come up or was not there before, of the infection alone: "new" of anything else is no change of it.
_NEW = (
    rf"(?:new(?:ly)?|additional|fresh(?:ly)?|de novo|emerging)(?= (?:{_INFECTED}|ones))", "(?<=is )new(?:ly)?",
    "(?<=are )new(?:ly)?", "new since",
    rf"newly (?:appear(?:ed|ing)|develop(?:ed|ing)|emerg(?:ed|ing)|formed|arisen|involved|affected|acquired|{_SEEN})",
    "ha(?:s|ve|d) (?:[a-z]+ ){0,2}(?:appeared|emerged|arisen|developed|cropped up|sprung up|popped up|come up|surfaced)"
    "(?= (?:in|at|on|since|within|bilaterally|elsewhere|along|throughout|[a-z]+ly)|$)",
    "appearance of(?= (?:an? )?(?:further|new|additional|other|fresh) )",
    rf"development of(?= {_INFECTED}[^,;]{{0,80}} (?:since|compared))",
    "(?:(?:re-?)?emergence|onset|recurrence|reappearance|(?:interval|new|recent) (?:appearance|development)) of"
    rf"(?= (?:[a-z-]+ ){{0,4}}(?:{INFECTION.pattern}))",
    r"(?:reappear|re-?emerg|recurr|relaps)(?:ed|ing)", "flare[- ]?up", "flared up",
    rf"(?:not|nor|never) {_SEEN} (?:before|previously|earlier|on (?:[0-9]|the {_OLD})|in the {_OLD})",
    rf"not previously {_SEEN}", rf"{_PREVIOUSLY} (?:not {_SEEN}|absent)", rf"absent (?:on|in|from|at) the {_OLD}",
    "absent (?:before|previously)",
    r"(?:was|were) (?:still )?(?:clear|normal|spared|un(?:affected|involved)) (?:before|on [0-9])",
    rf"(?:clear|normal|spared|un(?:affected|involved)) on the {_OLD}(?![^,;]{{0,80}} (?:remain|stay|still))",
    rf"{_PREVIOUSLY} (?:un(?:affected|involved|remarkable)|spared|normal|clear|healthy|disease-free)"
    "(?![^,;]{0,80} (?:remain|stay|still))",
    rf"(?:{_PREVIOUSLY}|had been) (?:only|(?:confined|limited|restricted) to)",
)  # fmt: skip
_NEW_ZH = (
    "新增(?!强)", "新发", "新出现", "新见", "新现", "新生", "新近出现", "出现新", "再次?现", "重新?出现", "再次出现",
    "复发", "新(?:的(?!冠)|(?=病[灶变]|感染|炎|渗出|磨玻璃|斑片|浸润|片|实变))",
    "(?<![较与比同照])(?:前次|前片|上次|旧片|老片|原片|既往|此前|之前)"
    "(?:检查|图像|影像|ct|片|时|中|上|均|并|尚|[0-9年月日. ]){0,12}"
    "(?:未见|[未无]显示|未出现|没有|未发现|正常|清晰)(?!(?:明显|显著|确切)?(?:变|改|吸|进展|[增扩缩减消加好新]))",
    "原(?:本|来)?(?:正常|未受累|未累及|清晰)",
    "(?:前次|前片|上次|此前|之前|原)(?:检查|ct|片)?(?:仅|只)(?:累及|见|位于|局限于|限于|在)(?!.{0,80}(?:吸收|消失|未见))",
)  # fmt: skip
NEW = any_of(_NEW, _NEW_ZH)
_TIMES, _PART = "(?:twice|two times|three times|double|triple)", "(?:half|one half|a third|a quarter)"
_THAN_OLD = rf"than (?:before|previously|earlier|last|(?:on|in|at) (?:[0-9]|the {_OLD}|{_OLD}))"
_OF_OLD = f"(?:{_THAN_OLD}|than [0-9]|compared|since)"
# "more ground glass than on the last scan", but not "than in the left lung"
_MUCH_OF = ("(?= (?:(?:residual|remaining|bilateral|parenchymal|pulmonary|airspace|patchy|focal|peripheral|basal) )*"
            rf"(?:{INFECTION.pattern})(?![a-z])[^,;]{{0,80}} {_OF_OLD})")  # fmt: skip


def _turned(verbs, nouns):
    """Verbs or nouns of a lesion that becomes what follows, "has turned into", "transformation of the one into"."""
    return (
        f"(?:(?:{verbs}|evolv|chang|turn|transform|convert|transition|shift|giv|gave|morph)(?:ed|ing|en|e?s|e)?"
        "(?: way| place)?(?: up| down)?"
        f"|(?:{nouns}conversion|transformation|transition|change|evolution|shift)(?: (?:of|from)(?: [a-z-]+){{1,6}}?)?)"
        "(?: [a-z]+ly)?(?: from(?: [a-z-]+){1,4}?)? (?:in|on)?to(?:wards?)? (?:[a-z-]+ ){0,3}?"
    )


# What progresses is not paler for it, nor denser what regresses to a small consolidation.
_TURNED_SOLID = _turned("progress|develop|matur|coalesc|condens", "progression|")
_TURNED_PALE = _turned(
    "fad|resolv|dissolv|clear|soften|break|broken|regress|loosen|thinn|melt|improv|reced|disintegrat", "resolution|"
)
_TAKEN_ON = "(?:acquir|assum|tak|adopt)(?:ed|ing|en)(?: on)? an? (?:[a-z-]+ ){0,2}?"
_REPLACED = "(?:replaced|superseded|supplanted|succeeded) by (?:[a-z-]+ ){0,3}?"
_TURNED_ZH = "(?:演变|转变|转化|变化|演化|进展|发展|过渡|吸收(?:转|变|演变)?|消散|转|变|演)[为成至呈]了?"
# "density" before a word that else is of extent, 密度较前减小
_DENSITY_ZH = "(?:" + "|".join(
    f"(?<=密度{more}{before}{much})" for more in ("", "均", "亦", "也") for before in ("", "较前")
    for much in ("", "明显", "略", "稍", "有所")) + ")"  # fmt: skip
# "progressive resolution" is a resolution
_NOT_DOWN = "(?! (?:fad|resol|clear|absor|resor|regress|reduc|decreas|improv|declin|shrink|dimin|normali|aerat))"
# A word of change by what it says: its own quantity, or (None) that of the noun that it belongs to. The first that
# fits is taken.
CHANGES = (
    ("density", +1,
     ("denser", "(?:more|increasingly) (?:dense|solid|opaque|compact|attenuating|radiopaque|consolidat(?:ed|ive))",
      "whiter", "brighter", "progressive consolidation",
      "consolidation of(?= (?:the |these |previous |prior |former |earlier |pre-?existing |known |some |most )+"
      "(?:[a-z-]+ )?(?:ground[- ]?glass|ggos?|lesions?|opacities))",
      "(?:increas(?:ed|ing)|further) consolidation (?:of|in|within)(?= (?:[a-z-]+ ){0,3}(?:ground[- ]?glass|ggos?))",
      "consolidated", "consolidating", "solidif(?:ied|ying|ication)", "condens(?:ed|ing|ation)(?! (?:in|on)?to)",
      "densifi(?:ed|cation)", "(?:now|become|became|becoming|turned|gone) (?:[a-z]+ly )?(?:solid|dense|consolidative)",
      f"{_TURNED_SOLID}(?:consolidations?|consolidative|solid)", f"{_REPLACED}(?:consolidations?|consolidative)",
      f"{_TAKEN_ON}(?:consolidative|solid)",
      "now (?:partly |partially |also )?(?:shows?|contains?|with|has|have) (?:an? )?(?:[a-z]+ )?"
      "(?:consolidations?|solid)"),
     ("增浓", "增密", "加深", f"实[变性]成分(?:{_BEFORE})?(?:明显|略|稍)?增[多加大]", "实变化(?!不)",
      "向实[变性](?:转化|演变|发展|转变|过渡)", "实变(?:程度)?(?:较前)?(?:明显|略|稍|更)?(?:加重|增加|加深)",
      "实变较前更?(?:明显|显著)", "固化", "更?(?:变|趋)(?:于|得)?致密",
      "(?:逐渐|渐|趋于|趋向|趋|发生|现已|已|部分已)(?:发生|出现)?实变(?!影|灶|区|范围|病灶|大|部|吸|消|缩|及|、)",
      "(?<![病改演])变[实浓密](?!质)", "(?<!较)密实", f"{_TURNED_ZH}[^,;磨]{{0,6}}?实[变性]",
      "(?:更|变得更)(?:[实密浓]|致密)(?!度)", f"{_BEFORE}(?:浓|密(?!度)|致密|实变(?!影|灶|区|范围))")),
    ("density", -1,
     ("less (?:dense|solid|opaque|compact|attenuating|radiopaque|consolidat(?:ed|ive))", "fainter", "lighter",
      "lighten(?:ed|ing)", "paler", "fad(?:ed|ing|es?)(?! (?:in)?to)", "hazier",
      "more (?:translucent|transparent|lucent|faint)", rf"{_TURNED_PALE}(?:ground[- ]?glass|ggos?)",
      rf"{_REPLACED}(?:ground[- ]?glass|ggos?)", f"{_TAKEN_ON}ground[- ]?glass",
      "thinn(?:ed|ing)(?: out)? (?:in|of)(?: the)? (?:density|attenuation)", "deconsolidat(?:ed|ing|ion)"),
     ("(?<![病改演])变[淡浅薄]", f"实[变性]成分(?:{_BEFORE})?(?:明显|略|稍)?(?:减[少低小]|缩小|吸收)",
      "向磨玻璃[样状]?(?:转化|演变|发展|转变|过渡)", "减淡", "转淡", "淡化", "趋淡",
      "(?:变|趋)(?:得|于|为)?(?:浅淡|淡薄)", f"{_TURNED_ZH}[^,;实]{{0,6}}?磨玻璃", "更[淡浅]",
      f"{_BEFORE}(?:[淡浅]|稀薄)")),
    (None, +1,
     (rf"increas(?:ed|ing|es?){_NOT_DOWN}", "higher", "greater", "risen", "ris(?:es?|ing)", "rose",
      rf"progress(?:ed|ing|es|ion|ive)?{_NOT_DOWN}", "climb(?:ed|ing)", "grown", "grew", "grow(?:ing|s|th)?",
      "intensif(?:ied|ying)", "more (?:marked|pronounced|prominent)(?= in (?:extent|size|density))",
      "gain(?:ed|ing|s)? in", f"more(?= {_THAN_OLD})", "(?:gone|went|going|come|came) up",
      "(?<!follow.)up(?= in| from| since|$)"),
     ("增高", "变高", "↑", "升高", "上升", "升[至到为]", "增加", "增[至到为]", "加大", "提高", f"{_DENSITY_ZH}增[大多]",
      f"{_BEFORE}高(?!密度)")),
    (None, -1,
     (r"decreas(?:ed|ing|es?)", r"reduc(?:ed|ing|es|tion)", r"lower(?:ed)?", "lesser", f"less(?= {_THAN_OLD})",
      "less (?:marked|pronounced|prominent)(?= in (?:extent|size|density))", "less(?:en)(?:ed|ing|s)?",
      r"declin(?:ed|ing|es?)", r"diminish(?:ed|ing|es)?", "diminution", "regress(?:ed|ing|es|ion|ive)?", "fallen",
      "fell", "fall(?:ing|s)?(?= in)", "dropp(?:ed|ing)", "drop(?= in)", "loss of(?= density)", "lost(?= density)",
      "(?:gone|went|going|come|came) down", "(?<!broken )down(?= (?:to|from|in|since))"),
     ("减低", "变低", "↓", "降低", "下降", "降[至到为]", "减[至到为]", "减弱", f"{_DENSITY_ZH}减[小少]",
      f"{_BEFORE}低(?!密度)")),
    ("volume", +1,
     (r"expan(?:ded|ding|ds?|sion)", r"enlarg(?:ed|ing|es?|ement)", "larger", "bigger", "broader", "wider",
      r"widen(?:ed|ing|s)?", r"spread(?:ing)?",
      "ha(?:s|ve|d) (?:[a-z]+ ){0,2}(?:extended|crossed|spilled|crept|reached|invaded|infiltrated|engulfed)",
      rf"extension of(?= {_INFECTED} (?:in|on)?to)",
      "(?:extend|reach)(?:s|es|ed|ing)? (?:further|farther|more|higher|beyond)", "(?:further|interval|new) extension",
      "more (?:extensive|widespread|numerous|advanced|diffuse)", "doubled", "tripled", "multipl(?:ied|ying)",
      "proliferat(?:ed|ing|ion)", "progredient", "ha(?:s|ve|d) (?:[a-z]+ ){0,2}advanced", "advancing", "advancement",
      "disseminat(?:ed|ing|ion) (?:in)?to",
      rf"{_TIMES} (?:as (?:large|big|extensive)|(?:the|its|their) (?:[a-z]+ )?(?:size|extent))",
      r"involv(?:es?|ed|ing) more of", "(?:now|become|becoming|became) bilateral(?:ly)?", f"more{_MUCH_OF}",
      "now also (?:in|at|within)", "(?:additional|further|new) (?:[a-z]+ )?involvement",
      "now (?:also |even |additionally )?(?:involv|affect|extend|reach|cross|span)(?:s|es|ed|e|ing)?"
      "(?! (?:only|just|less))(?! [^,;]{0,80}(?:[0-9]|one|two|three|four|half|third|quarter))", *_NEW),
     ("扩大", "扩展", "扩散", "扩延", "扩增", "蔓延", "播散", "长大", "发展[到至](?!实)", "增大", "增多", "增宽",
      "(?<![病改演实])变(?:大(?!小)|多|广)", "进展(?!期|[为成至])", "延及", "延伸至", "倍增", "翻倍",
      f"{_BEFORE}[大多广](?!部|数|致|小|为|量|片|体)", f"{_BEFORE}(?:弥漫|广泛)", "累及更[多广]", *_NEW_ZH)),
    ("volume", -1,
     (r"contract(?:ed|ing|s|ion)?", r"shr[aiu]nk(?:en|ing|s|age)?", "smaller", r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)",
      r"resor(?:bed|bing|ption)", r"resolv(?:ed|ing|es?)", "resolution", "regredient", r"reced(?:ed|ing|es?)",
      r"dissipat(?:ed|ing|es?|ion)", r"disappear(?:ed|ing|ance)?", "vanish(?:ed|ing)", "gone(?! (?:up|down|from|to))",
      "clear(?:ed|ing|ance)(?: up)?", "less (?:extensive|widespread|numerous|diffuse)", "fewer", f"less{_MUCH_OF}",
      rf"no more(?= {_INFECTED})", "subsid(?:ed|ing|es?|ence)", "abat(?:ed|ing|es?|ement)", "retreat(?:ed|ing|s)?",
      "dwindl(?:ed|ing|es?)", "melt(?:ed|ing)(?: away)?", "involut(?:ed|ing|ion)", "shed(?:ding)? (?:most|much) of",
      "remission", "lysis", "restitut(?:ed|ion|io)", "now (?:free|devoid) of",
      rf"{_PART} (?:as (?:large|big|extensive)|(?:of )?(?:the|its|their) (?:[a-z]+ )?(?:size|extent)|(?:of )?what)",
      "halved", r"involv(?:es?|ed|ing) less of", "now (?:only )?(?:confined|limited|restricted) to",
      rf"no (?:longer|more) (?:be )?(?:[a-z]+ )?{_SEEN}", "no trace",
      rf"not (?:be )?(?:[a-z]+ )?{_SEEN} any ?(?:more|longer)",
      rf"not {_SEEN} (?:on|in) (?:the |this )?(?:current|present|today's)",
      "no (?:[a-z]+ )?(?:residual|remaining|remnant|persist(?:ent|ing))(?! change)"),
     ("缩小", "缩减", "减缩", "回缩", "缩至", "收缩", "减小", "减少", "减半", "减退", "吸收", "消散", "消失", "消除",
      "消融", "清除", "廓清", "(?:未(?:再|见有?)?|没有|无)(?:明确|明显|确切)?显示", "不(?:再|复)(?:显示|存在|可?见)",
      "已不(?:可见|显示|明显|见)", "(?:现|本次|此次|今)(?:检查|复查|片|ct)?(?:均|已|基本|几乎)*(?:未见|消失)(?=$)",
      "已无", "消退", "退缩", "(?<![病改演实])变[小少](?!许)", f"{_BEFORE}[小少](?!部|数|许|量)")),
)  # fmt: skip
CHANGE = re.compile("|".join(f"(?P<c{i}>{either(*stems)})" for i, (_, _, *stems) in enumerate(CHANGES)))
ABSORBED = any_of((r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)", r"resor(?:bed|bing|ption)"), ("吸收",))
