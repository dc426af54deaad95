"""The words by which reports are read, English and Chinese side by side; what is not here is not understood.

Each entry is a regular expression over lower-case text. English ones match whole words; Chinese is written without
spaces, so a Chinese one matches anywhere and itself excludes what must not be next to it.
"""

import re


def _either(english, chinese=()):
    """One pattern of English stems, as whole words, and of Chinese ones."""
    stems = [rf"(?<![a-z])(?:{'|'.join(english)})(?![a-z])"] if english else []
    return "|".join([*stems, *chinese])


def _words(english, chinese=()):
    return re.compile(_either(english, chinese))


# ------------------------------------------------------------------ the infection
INFECTION = _words(
    ("infect(?:ions?|ed|ive|ious)", "lesions?", "opacit(?:y|ies)", "opacified", "opacifications?", "consolidations?",
     "consolidative", "infiltrat(?:es?|ions?|ive)", "ggos?", "ground[- ]?glass(?:ing)?", "shadow(?:s|ing)?",
     "densities", "patch(?:es)?", "foc(?:us|i)", "haz(?:e|iness)", "residu(?:um|a|als)",
     "(?:broncho)?pneumonias?", "pneumonic", "pneumoniti[sc]",
     "inflammations?", "inflammatory", "exudat(?:es?|ions?|ive)", "abnormalit(?:y|ies)", "regions?",
     "areas", "crazy[- ]?paving", "disease", "process", "covid(?:-?19)?", 
     "(?:lung|pulmonary|parenchymal|air-?space|patchy|ground[- ]?glass|inflammatory|infiltrative|covid) changes?"),
    ("病灶", "病变", "病情", "感染(?:性|灶)?", "炎症", "炎性", "肺炎(?!症)", "磨玻璃[样状]?(?:密度)?[影灶]?", "斑片",
     "片状", "片影", "实变", "渗出[性灶]?", "浸润[性灶影]?", "阴影", "铺路石", "模糊影", "絮状影"),
)  # fmt: skip

# ------------------------------------------------------------------ change
# Chinese "compared with before", and how much; then a single adjective is a change: 较前略大, larger than before.
_BEFORE = ("[较比](?:前次?|上次|之前|以前|此前|先前|原来?|旧|老|[0-9年月日./-]+)(?:片|检查|ct)?"
           "(?:明显|显著|略微|稍微|略|稍|轻度|有所|有|已|均|亦|也|更|更加|变得){0,2}")  # fmt: skip
_INFECTED = rf"(?:(?!(?:and|or|but|with|in) )[a-z-]+ ){{0,4}}(?:{INFECTION.pattern})"
_OLD = (
    "(?:prior|previous|last|earlier|former|preceding|initial|first|admission|baseline|old|outside|[a-z]+ (?:ct|scan))"
)
_SEEN = ("(?:present|seen|visible|visuali[sz]ed|evident|identifi(?:ed|able)|detect(?:ed|able)|demonstra(?:ted|ble)"
         "|appreciated|depicted|delineated|discerni?ble|recogni[sz]able|perceptible|apparent|noted|found|shown|observed"
         "|traceable|there)")  # fmt: skip
_PREVIOUSLY = "(?:previously|formerly|hitherto|initially|originally)"
BRACKETED_AMOUNT = re.compile(r"[(（]([^()（）]*\d ?(?:%|hu|ml|cm3|mm|cm|分|/ ?\d)[^()（）]*)[)）]")
# What is new, has come up or was not there before, of the infection alone: "new" of anything else is no change of it.
_NEW = (
    rf"(?:new(?:ly)?|additional|fresh(?:ly)?|de novo|emerging)(?= (?:{_INFECTED}|ones))", "(?<=is )new(?:ly)?",
    "(?<=are )new(?:ly)?", "new since",
    rf"newly (?:appear(?:ed|ing)|develop(?:ed|ing)|emerg(?:ed|ing)|formed|arisen|involved|affected|acquired|{_SEEN})",
    "ha(?:s|ve|d) (?:[a-z]+ )?(?:appeared|emerged|arisen|developed|cropped up|sprung up|popped up|come up|surfaced)"
    "(?= (?:in|at|on|since|within|bilaterally|elsewhere|along|throughout|[a-z]+ly)|$)",
    rf"(?:(?:re-?)?emergence|onset|recurrence|reappearance|(?:interval|new|recent) (?:appearance|development)) of"
    rf"(?= (?:[a-z-]+ ){{0,4}}(?:{INFECTION.pattern}))",
    r"(?:reappear|re-?emerg|recurr|relaps)(?:ed|ing)", "flare[- ]?up", "flared up",
    rf"(?:not|nor|never) {_SEEN} (?:before|previously|earlier|on (?:[0-9]|the {_OLD})|in the {_OLD})",
    rf"not previously {_SEEN}", rf"{_PREVIOUSLY} (?:not {_SEEN}|absent)", rf"absent (?:on|in|from|at) the {_OLD}",
    "absent (?:before|previously)",
    rf"(?:was|were) (?:still )?(?:clear|normal|spared|un(?:affected|involved)) (?:before|on (?:[0-9]|the {_OLD}))",
    rf"{_PREVIOUSLY} (?:un(?:affected|involved|remarkable)|spared|normal|clear|healthy|disease-free)"
    "(?![^,;]* (?:remain|stay|still))", rf"(?:{_PREVIOUSLY}|had been) (?:only |(?:confined|limited|restricted) to)",
)  # fmt: skip
_NEW_ZH = (
    "新增(?!强)", "新发", "新出现", "新见", "新现", "新生", "新近出现", "出现新", "再次?现", "重新?出现", "再次出现", "复发",
    "新(?:的|病灶)(?!冠)", "(?<![较与比同照])(?:前次|前片|上次|旧片|老片|原片|既往|此前|之前)(?:检查|图像|影像|ct|片|时|中|上|均|并|尚|[0-9年月日. ])*"
    "(?:未见|未显示|未出现|没有|未发现|正常|清晰)(?!(?:明显|显著|确切)?(?:变|改|吸|进展|[增扩缩减消加好新]))", "原(?:本|来)?(?:正常|未受累|未累及|清晰)",
    "(?:前次|前片|上次|此前|之前|原)(?:检查|ct|片)?(?:仅|只)(?:累及|见于|位于|局限于|限于|在)",
)  # fmt: skip
NEW = _words(_NEW, _NEW_ZH)
_TIMES, _PART = "(?:twice|two times|three times|double|triple)", "(?:half|one half|a third|a quarter)"
_OF_OLD = rf"(?:than (?:before|previously|earlier|last|[0-9]|(?:on|in|at) (?:[0-9]|the {_OLD}|{_OLD}))|compared|since)"
# "more ground glass than on the last scan", but not "than in the left lung"
_MUCH_OF = (rf"(?= (?:residual |remaining |bilateral |parenchymal |pulmonary |airspace |patchy |focal |peripheral |basal )*"
            rf"(?:{INFECTION.pattern})(?![a-z])[^,;]* {_OF_OLD})")  # fmt: skip
# Words of a lesion that becomes something else, "(has) turned into".
_TURNED = ("(?:(?:progress|evolv|chang|turn|develop|transform|convert|matur|transition|coalesc|condens|fad|resolv|dissolv"
           "|clear|soften|break|broken|shift|regress|los|giv|gave|morph)(?:ed|ing|en|e?s|e)?(?: way)?(?: up| down)?"
           "|(?:conversion|transformation|transition|change|evolution|progression|shift)(?: (?:of|from)(?: [a-z-]+){1,6}?)?)"
           "(?: [a-z]+ly)?(?: from(?: [a-z-]+){1,4}?)? (?:in|on)?to(?:wards?)? (?:[a-z-]+ ){0,3}?")  # fmt: skip
_TAKEN_ON = "(?:acquir|assum|tak|adopt)(?:ed|ing|en)(?: on)? an? (?:[a-z-]+ ){0,2}?"
_REPLACED = "(?:replaced|superseded|supplanted|succeeded) by (?:[a-z-]+ ){0,3}?"
_TURNED_ZH = "(?:演变|转变|转化|变化|演化|进展|发展|过渡|吸收转|转|变|演)[为成至呈]了?"
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
      f"{_TURNED}(?:consolidations?|consolidative|solid)", f"{_REPLACED}(?:consolidations?|consolidative)",
      f"{_TAKEN_ON}(?:consolidative|solid)",
      r"now (?:partly |partially |also )?(?:shows?|contains?|with|has|have) (?:an? )?(?:[a-z]+ )?(?:consolidations?|solid)"),
     ("增浓", "增密", "加深", "实[变性]成分(?:较前)?(?:明显|略|稍)?增[多加]", "实变化(?!不)", "向实[变性](?:转化|演变|发展|转变|过渡)", "实变程度(?:较前)?(?:明显|略|稍)?(?:加重|增加|加深)", "固化", "更?(?:变|趋)(?:于|得)?致密",
      "(?:逐渐|渐|趋于|趋向|趋|发生|现已|已|部分已)(?:发生|出现)?实变(?!影|灶|区|范围|病灶|大|部|吸|消|缩|及|、)",
      "(?<![病改演])变[实浓密](?!质)", "(?<!较)密实", f"{_TURNED_ZH}[^,;磨]{{0,6}}?实[变性]",
      "(?:更|变得更)(?:[实密浓]|致密)(?!度)", f"{_BEFORE}(?:浓|密(?!度)|致密|实变(?!影|灶|区|范围))")),
    ("density", -1,
     ("less (?:dense|solid|opaque|compact|attenuating|radiopaque|consolidat(?:ed|ive))", "fainter", "lighter", "paler",
      "fad(?:ed|ing|es?)(?! (?:in)?to)", "hazier", "more (?:translucent|transparent|lucent|faint)",
      rf"{_TURNED}(?:ground[- ]?glass|ggos?)", rf"{_REPLACED}(?:ground[- ]?glass|ggos?)", f"{_TAKEN_ON}ground[- ]?glass",
      "thinn(?:ed|ing)(?: out)? (?:in|of)(?: the)? (?:density|attenuation)", "deconsolidat(?:ed|ing|ion)"),
     ("(?<![病改演])变[淡浅薄]", "实[变性]成分(?:较前)?(?:明显|略|稍)?(?:减[少低]|缩小|吸收)",
      "向磨玻璃[样状]?(?:转化|演变|发展|转变|过渡)", "减淡", "转淡", "淡化", "趋淡", "(?:变|趋)(?:得|于|为)?(?:浅淡|淡薄)",
      f"{_TURNED_ZH}[^,;实]{{0,6}}?磨玻璃", "更[淡浅]", f"{_BEFORE}(?:[淡浅]|稀薄)")),
    ("volume", +1,
     (r"expan(?:ded|ding|ds?|sion)", r"enlarg(?:ed|ing|es?|ement)", "larger", "bigger", "broader", "wider",
      r"widen(?:ed|ing|s)?", "grown", "grew", r"grow(?:ing|s|th)?", r"spread(?:ing)?",
      "ha(?:s|ve|d) (?:[a-z]+ )?(?:extended|crossed|spilled|crept|reached|invaded|infiltrated|engulfed)",
      rf"extension of(?= {_INFECTED})", "(?:extend|reach)(?:s|es|ed|ing)? (?:further|farther|more|higher|beyond)", "(?:further|interval|new) extension",
      "more (?:extensive|widespread|numerous|advanced|diffuse)", "doubled", "tripled", "multipl(?:ied|ying)",
      "proliferat(?:ed|ing|ion)", "progredient", "ha(?:s|ve|d) (?:[a-z]+ )?advanced", "advancing", "advancement",
      "disseminat(?:ed|ing|ion) (?:in)?to",
      rf"{_TIMES} (?:as (?:large|big|extensive)|(?:the|its|their) (?:[a-z]+ )?(?:size|extent))",
      r"involv(?:es?|ed|ing) more of", "(?:now|become|becoming|became) bilateral(?:ly)?", f"more{_MUCH_OF}",
      "(?:additional|further|new) (?:[a-z]+ )?involvement",
      "now (?:also |even |additionally )?(?:involv|affect|extend|reach|cross|span)(?:s|es|ed|e|ing)?"
      "(?! (?:only|just|less))(?! [^,;]*(?:[0-9]|one|two|three|four|half|third|quarter))", *_NEW),
     ("扩大", "扩展", "扩散", "扩延", "扩增", "蔓延", "播散", "增大", "增多", "增宽", "(?<![病改演实])变(?:大(?!小)|多|广)",
      "进展(?!期|[为成至])", "延及", "延伸至", "倍增", "翻倍", f"{_BEFORE}[大多广](?!部|数|致|小|为|量|片|体)",
      f"{_BEFORE}(?:弥漫|广泛)", "累及更[多广]", *_NEW_ZH)),
    ("volume", -1,
     (r"contract(?:ed|ing|s|ion)?", r"shr[aiu]nk(?:en|ing|s|age)?", "smaller",
      r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)", r"resor(?:bed|bing|ption)", r"resolv(?:ed|ing|es?)", "resolution",
      r"regress(?:ed|ing|es|ion)?", "regredient", r"reced(?:ed|ing|es?)", r"dissipat(?:ed|ing|es?|ion)",
      r"disappear(?:ed|ing|ance)?", "vanish(?:ed|ing)", "gone(?! (?:up|down|from|to))", r"clear(?:ed|ing|ance)",
      "less (?:extensive|widespread|numerous|diffuse)", "fewer", f"less{_MUCH_OF}",
      "subsid(?:ed|ing|es?|ence)", "abat(?:ed|ing|es?|ement)", "retreat(?:ed|ing|s)?", "dwindl(?:ed|ing|es?)",
      "melt(?:ed|ing)(?: away)?", "involut(?:ed|ing|ion)", "shed(?:ding)? (?:most|much) of", "remission", "lysis",
      "restitut(?:ed|ion|io)",
      "now (?:free|devoid) of",
      rf"{_PART} (?:as (?:large|big|extensive)|(?:of )?(?:the|its|their) (?:[a-z]+ )?(?:size|extent)|(?:of )?what)",
      "halved", r"involv(?:es?|ed|ing) less of", "now (?:only )?(?:confined|limited|restricted) to",
      rf"no longer (?:be )?(?:[a-z]+ )?{_SEEN}", rf"not (?:be )?(?:[a-z]+ )?{_SEEN} any ?(?:more|longer)",
      "no (?:[a-z]+ )?(?:residual|remaining|remnant)(?! change)"),
     ("缩小", "缩减", "减缩", "回缩", "缩至", "收缩", "减小", "减少", "减半", "减退", "吸收", "消散", "消失", "消除", "消融",
      "清除", "廓清", "未(?:再|见)?(?:明确|明显|确切)?显示", "不(?:再|复)(?:显示|存在|可?见)", "已不(?:可见|显示|明显|见)",
      "(?:现|本次|此次|今)(?:检查|复查|片|ct)?(?:均|已|基本|几乎)*(?:未见|消失)(?=$)", "已无", "消退", "退缩",
      "(?<![病改演实])变[小少](?!许)", f"{_BEFORE}[小少](?!部|数|许|量)")),
    (None, +1,
     (r"increas(?:ed|ing|es?)", "higher", "greater", "risen", "ris(?:es?|ing)", "rose", r"progress(?:ed|ing|es|ion|ive)?",
      "climb(?:ed|ing)", "gain(?:ed|ing|s)? in", "(?:gone|went|going|come|came) up",
      "(?<!follow.)up(?= in| from| since|$)"),
     ("增高", "变高", "↑", "升高", "上升", "升[至到为]", "增加", "增[至到为]", "加大", "提高", f"{_BEFORE}高(?!密度)")),
    (None, -1,
     (r"decreas(?:ed|ing|es?)", r"reduc(?:ed|ing|es|tion)", r"lower(?:ed)?", "lesser", "less(?:en)(?:ed|ing|s)?",
      r"declin(?:ed|ing|es?)", r"diminish(?:ed|ing|es)?", "diminution", "fallen", "fell", "dropped", "loss of(?= density)",
      "lost(?= density)", "(?:gone|went|going|come|came) down", "(?<!broken )down(?= (?:to|from|in|since))"),
     ("减低", "变低", "↓", "降低", "下降", "降[至到为]", "减[至到为]", "减弱", f"{_BEFORE}低(?!密度)")),
)  # fmt: skip
CHANGE = re.compile("|".join(f"(?P<c{i}>{_either(*stems)})" for i, (_, _, *stems) in enumerate(CHANGES)))
ABSORBED = _words((r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)", r"resor(?:bed|bing|ption)"), ("吸收",))

PARTIAL = _words(
    ("partial(?:ly)?", "partly", "in parts?", "parts? of", "(?:a )?portions? of", "incomplete(?:ly)?", "in places",
     "focally", "locally", "mostly",
     "half (?:of (?:the|these|those|them)|the)(?! (?:[a-z]+ )?(?:size|extent|volume|area|density))",
     "to a (?:large|great) extent", "for the most part", "others?"),
    ("部分", "部份", "大部", "不全(?=吸收|消散)", "局部", "个别(?!新)", "少数(?!新)", "多数", "某些", "有些", "一些(?!新)", "不完全",
     "半数", "一处"),
)  # fmt: skip
# Before the word of change, or after it with "of": "absorbed with some fibrous strips left" is whole.
_FEW = (
    "some",
    "several",
    "certain",
    "most",
    "the majority",
    "a minority",
    "the bulk",
    "a number",
    "(?:a )?few",
    "(?:one|two|three|four) of (?:the|these|those)",
)
SOME = _words(_FEW)
SOME_OF = _words((rf"(?:of|in|within) (?:{'|'.join(_FEW)})",))
SOME_LESIONS = _words(
    (rf"(?:{'|'.join(_FEW)})(?: of (?:the|these|those))? (?:{INFECTION.pattern})",),
    (rf"(?:部[分份]|个别|少数|多数|某些|有些|一些)(?:{INFECTION.pattern})",),
)  # fmt: skip
NEGATION = _words(
    ("no", "not", "without", "neither", "nor", "never", "none", "nothing", "cannot", "absence", "absent", "unlikely",
     r"insignificant(?:ly)?", "hardly", "barely", "scarcely", 
     r"fail(?:s|ed|ure)?", r"lack(?:s|ed|ing)?", "yet to", "[a-z]+n't"),
    ("未", "无", "没", "非", "勿", r"不(?!全|均|清|等|一|规|整|张|完全|同|光|大|断|少)"),
)  # fmt: skip
# What denies a change when it follows the word: "expansion was not seen", 吸收不明显.
DENIED_AFTER = re.compile(
    rf"(?<![a-z])(?:is|are|was|were|has been|have been|can|could) (?:{NEGATION.pattern})"
    r"(?! (?:present|seen|visible) (?:before|previously|on))|(?<![a-z])(?:cannot|can't)"
    r"|^[尚仍均还]{0,2}(?:不明显|不显著|不佳|欠佳|不理想|不充分|不良)"
)
# What should be looked for, or is hoped for, does not describe the scan.
ADVICE = _words(
    ("recommend[a-z]*", r"advis(?:ed?|able)", r"suggest(?:ed)? (?:a )?(?:follow|repeat|re)[- ]?[a-z]*", "until",
     "should", "if",
     "expected to", r"to (?:document|ensure|confirm|assess|monitor)", "follow-?up (?:to|until)"),
    ("建议", "复查至", "定期", "观察病", "了解", "必要时", "若", "如果", "一旦"),
)  # fmt: skip

# ------------------------------------------------------------------ what changes
DENSITY = _words(
    (
        "density",
        "attenuations?",
        "intensit(?:y|ies)",
        "hu",
        "hounsfield",
        "ct values?",
        "ct numbers?",
        "(?:consolidative|solid|consolidated) (?:components?|parts?|portions?)",
    ),
    ("密度", "ct值", "衰减值"),
)
EXTENT = _words(
    (
        "extents?",
        "area",
        "sizes?",
        "diameters?",
        "volumes?",
        "ranges?",
        "scope",
        "numbers?",
        "burden",
        "involvement",
        "(?:ct )?(?:severity )?scores?",
    ),
    ("范围(?!内)", "面积", "体积", "大小", "[直长]径", "径线", "数目", "数量", "累及区", "评分", "占比"),
)
UNRELATED = _words(
    ("effusions?", "pleura", "pleural thickening", "nodul(?:es?|ar)", "micronodules?", "calcifi(?:cations?|ed)",
     "granulomas?", "lymph", "nodes?", r"lymphadenopathy", "mediastin(?:al|um)", "hilar", "hil(?:um|a)", "heart",
     "cardiac", "cardiomegaly", "aort(?:a|ic)", "coronar(?:y|ies)", "atri(?:um|al)", "ventric(?:le|les|ular)",
     "pericardi(?:al|um)", "arter(?:y|ies)", "veins?", "vessels?", "vascular", "liver", "hepatic", "spleen", "pancreas",
     "kidneys?", "renal", "thyroid", "thymus", "breasts?", "gallbladder", "adrenals?", "cysts?", "bullae?",
     "emphysema(?:tous)?", "pneumothorax", "bronch(?:i|us|ial|iectasis)", "airways?", "trachea", "atelectas[ei]s",
     "ribs?", "fractures?", "bones?", "vertebra[el]?", "spine", "mass(?:es)?", "tumou?rs?",
     "(?<!(?:infected|involved|affected) )lung volumes?",
     "volume loss", "stomach", "oesophagus", "esophagus", "hernia", "diaphragm", "tubes?", "ett", "catheters?",
     "lines?", "clinical(?:ly)?",
     "coughs?", "fevers?", "temperature", "symptoms?", "dyspn(?:o)?ea", "oxygen", "saturation", "crp", "wbc",
     "leu[ck]ocytes?", "lymphocytes?", "fibros[ei]s", "fibrotic", "scar(?:s|ring)?", "septa",
     "honeycombing", "interstitial lung disease", "copd", "o?edema", "soft tissues?", "cancer", "carcinoma",
     "metastas[ei]s", "azygos", "weight", "enhancement"),
    ("积液", "胸膜(?!下)", "结节(?![状样])", "钙化", "淋巴结", "纵隔(?!旁)", "肺门(?!旁|区)", "心影", "心脏", "心腔", "心室",
     "[左右][房室]", "瓣", "心房", "心包", "主动脉", "冠脉", "动脉", "静脉", "血管", "肝", "脾", "胆", "胰", "肾",
     "甲状腺", "胸腺", "乳腺", "囊肿", "肺大[泡疱]", "肺?气肿", "气胸", "支气管", "气管", "不张", "膨胀不全", "肋",
     "骨", "椎", "肿块", "占位", "纹理", "导管", "引流管", "食管", "食道", "胃", "膈", "白细胞", "淋巴细胞", "体温",
     "症状", "咳嗽", "发热", "氧", "透[亮过]度", "水肿", "[胸腹]水", "癌", "瘤", "转移", "蜂窝", "纤维",
     "条索(?!状)", "间质", "间隔"),
)  # fmt: skip
PRONOUN = _words(("its?", "they", "them", "their", "these", "those", "others?", "ones?"))
REFERS = _words(("it", "they", "them", "these", "those", "others?", "ones?"))  # and owns nothing, as "their fever" does
AUXILIARY = _words(
    (r"ha(?:s|ve|d|ving)", "is", "are", "was", "were", r"be(?:en|ing|comes?|came)?", "remains?",
     r"show(?:s|ed|ing)?", "appears?")
)  # fmt: skip

# ------------------------------------------------------------------ what only looks like change
# What it is replaced by before words of change are looked for.
_LOOK = "(?:shadows?|opacit(?:y|ies)|areas?|lesions?|foc(?:us|i)|patch(?:es)?|regions?)"
_DENSE = "(?:increased|decreased|reduced|high(?:er)?|low(?:er)?)"
_KIND = "(?:mixed|patchy|soft[- ]tissue|ground[- ]?glass|flaky|strip)"
_SIDE = r"(?:[- ]+(?:and|or|to|left|right|middle|upper|lower|lingular)){0,6}"
DESCRIPTIONS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # of a size, the first length stands for all
        (r"(\d+(?:\.\d+)?) ?(?:mm|cm)?(?: ?[x×*] ?\d+(?:\.\d+)? ?(?:mm|cm)?)?? ?[x×*] ?\d+(?:\.\d+)? ?(mm|cm)\b",
         r"\1 \2"),
        # what a lesion looks like
        (rf"\b{_LOOK} of {_DENSE} (?:density|attenuation)\b", "lesions"),
        (rf"\b(?:{_DENSE}|{_KIND})[- ]+densit(?:y|ies)[- ]+{_LOOK}\b", "lesions"),
        (rf"\b(?:high|low|{_KIND})[- ]densit(?:y|ies)\b|\b(?:higher|lower)-densit(?:y|ies)\b", "lesions"),
        (rf"\b(?:consolidated|nodular(?:-appearing)?|mass-?like|pleural-based) (?={_LOOK}|consolidation|ground[- ]?glass|ggos?)", ""),
        (r"\bconsolidated (?=lung|parenchyma|tissue|segment|lobe)", ""),
        # but not what it has evolved into
        ("(?<![为成至])(?:稍|略|更|较|淡)?(?:高|低|等|混杂|混合|磨玻璃样?|软组织|片状|条索状?|结节状)?密度(?:稍|略)?"
         "(?:增高|减低|增加|降低)?(?:的)?(?:阴?影|灶|区)", "病灶"),
        # where it is
        (rf"\b(?:lower|upper){_SIDE}[- ]+"
         r"(?:lobes?|lungs?|zones?|fields?|parts?|portions?|segments?|thirds?|hal(?:f|ves)|lobar|abdomen|back)\b",
         "lobe"),
        # one side against the other, not now against before
        (r"\b(?:larger|smaller|bigger|denser|fainter|greater|higher|lower|more \w+|less \w+) (?:on|in|at) the "
         r"\w+(?: \w+)? than\b", ""),
        (r"\bmore (?:numerous|extensive|widespread) in\b", "in"),
        (r"\b(?:larger|smaller|denser|fainter|higher|lower|more \w+|less \w+) (?:\w+ ){0,3}than "
         r"(?:peripher|centr|medi|later|posteri|anteri)\w*\b", ""),
        ("较(?:周边|周围|边缘|中央|中心|对侧|[左右]肺)(?:明显|略|稍)?(?:增高|减低|增大|缩小|[大小高低])", ""),
        (rf"\ba (?:further |second |third )?(?:larger|smaller|denser|fainter) (?=(?:[a-z-]+ )?(?!area\b){_LOOK})", "a "),
        (rf"\b(?:larger|smaller|denser|fainter|fewer|less \w+) ((?:[a-z-]+ )?{_LOOK} elsewhere)\b", r"\1"),
        # what is left is what the rest has gone from
        (r"\bonly ((?:[a-z-]+ ){1,8})(?:persists?|remains?|(?:is|are) left)\b", r"only residual \1"),
        (r", (?:larger|smaller|denser|fainter|higher|lower|more \w+|less \w+) (?:in|at|on) (?:the|both) (?![^,;]* than)", " in "),
        # other senses
        (r"\b(?:well|fully|completely|both lungs|lungs? (?:is|are|were)|re)[- ]+expanded\b", ""),
        (r"\bcontracted (?:the )?(?:covid\S{0,9}|coronavirus|virus|disease)", ""),
        (r"\bpreviously (?!un|not|spared|normal|clear|absent|healthy|disease|only|confined|limited|restricted)[a-z]\w*", ""),
        (r"\bnot only\b|\bno doubt\b", ""),
    )
)  # fmt: skip

# ------------------------------------------------------------------ what is not a change, and what may be one
UNCHANGED = _words(
    ("unchanged", "unaltered", "stable", "similar", "same", "identical", "constant", "persist[a-z]*", "as before",
     "as on", "as in"),
    ("同前", "相仿", "如前", "变化不", "未变", "稳定", "类似", "相似", "一致", "相近", "相当", "相同", "大致同"),
)  # fmt: skip
# Better or worse: of the lungs or the infection, a change of its extent; of anything else, listed for the reader.
_WORSE = ("wors(?:en(?:ed|ing|s)?|e)", "deteriorat(?:ed|ing|es?|ion)", "aggravat(?:ed|ing|es?|ion)")
_BETTER = ("better aerat(?:ed|ion)", "improv(?:ed|ing|es?|ements?)", "better", "ameliorat(?:ed|ing|es?|ion)", "recover(?:ed|ing|s|y)",
           "normali[sz](?:ed|ing|ation)", "(?:return|revert)(?:ed|s|ing)? to normal",
           "(?:now|again|become|became) (?:[a-z]+ly )?(?:clear|normal)(?! of)",
           "only (?:[a-z-]+ ){0,3}(?:residual|residua|remnants?)")  # fmt: skip
_WORSE_ZH = ("加重", "恶化", "加剧")
_BETTER_ZH = (
    "好转",
    "减轻",
    "改善",
    "转好",
    "向好",
    "恢复正常",
    "痊愈",
    "仅(?:见|存)?(?:少许|少量)?(?:残[余留存]|[余剩存])",
)
WORSE = _words(_WORSE, _WORSE_ZH)
BETTER = _words(_BETTER, _BETTER_ZH)
# These compare places as often as times ("worse at the bases"), so an earlier scan has to be named beside them.
COMPARATIVE = _words(("worse", "better"))
LUNGS = _words(("lungs?", "pulmonary", "lobes?", "airspace", "parenchymal?"), ("肺",))
# Says that something changed, not what: listed for the reader unless a word of change is next to it.
VAGUE = _words(
    (*_WORSE, *_BETTER, r"evol(?:ved|ving|ution)"),
    ("较前更?加?(?:明显|显著)$", *_WORSE_ZH, *_BETTER_ZH, "转归"),
)
# Sets this scan against an earlier one.
COMPARED = _words(
    ("compar[a-z]+", "than", "before", "previous(?:ly)?", "prior", "since", "interval", "former(?:ly)?", "now",
     r"becom(?:es?|ing)", "became", "earlier"),
    ("较前", "对比", "比较", "相比", "转为", "转变", "演变"),
)  # fmt: skip
# The rest of the lesions is as before: what changed was a part.
_SAME = rf"(?:{UNCHANGED.pattern}|no (?:[a-z]+ )?change|not (?:[a-z]+ )?changed?)"
_SAME_ZH = "(?:同前|相仿|如前|稳定|相似|[无未][^，,。；;]{0,6}(?:变化|改变)|变化不)"
REST = re.compile(
    rf"(?<![a-z])otherwise {_SAME}"
    rf"|(?<![a-z])(?:the rest|the remainder|(?:the )?others)(?: (?:is|are|was|were|being|ha(?:s|ve)|d(?:o|oes|id)"
    rf"|remain(?:s|ed|ing)?|appear(?:s|ed)?|show(?:s|ed|ing)?))*(?: [a-z]+ly)? {_SAME}"
    rf"|(?<![a-z])(?:(?:rest|remainder) of|remaining|residual|other)(?: the)?(?: [a-z-]+){{0,3}}?"
    rf" (?:{INFECTION.pattern})(?: [a-z]+){{0,4}}? {_SAME}"
    # "the rest as before" alone: of the lungs only if no more than a part of them was named before it
    rf"|^(?!.*(?:[双两]侧?|全)肺).+,其?余(?:者|处|部位?|各?肺(?:野|叶)?)?(?:较前|基本|大致)*{_SAME_ZH}"
    rf"|余(?:[^，,。；;]{{0,6}})(?:{INFECTION.pattern})[^，,。；;]{{0,8}}?{_SAME_ZH}"
)
# Two amounts, one of them of an earlier scan, are a change that no word names.
_NUMBER = r"(?P<number>-?\d+(?:\.\d+)?(?: ?- ?-?\d+(?:\.\d+)?)?)"
_UNIT = r"%|hu|ml|cm3|mm|cm(?!3)|(?<!on \d)(?<!on \d\d)/ ?(?:18|2[045]|40|72|100)(?![/\d])|(?:out )?of 25|分(?!之|钟)"
_THINGS = r"lobes?|segments?|lesions?|foc(?:us|i)|opacit(?:y|ies)|[个处枚叶段]"
_DATE = (r"[/.-]\d|st|nd|rd|th|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|days?|weeks?|months?|hours?"
         "|[年月日号天周小]")  # fmt: skip
AMOUNT = re.compile(rf"{_NUMBER} ?(?P<unit>{_UNIT})")
COUNT = re.compile(rf"{_NUMBER} ?(?P<unit>{_UNIT}|{_THINGS}|#)")
# How numbers are written, and how `AMOUNT` and `COUNT` read them; a bare one, "score 12, previously 7", is marked #.
NUMERALS = tuple(
    (re.compile(rf"(?<![a-z])(?:{english})(?![a-z])|{chinese}"), number)
    for english, chinese, number in (
        ("three[- ]quarters", "四分之三", "75 %"), ("two[- ]thirds", "三分之二", "67 %"),
        ("(?:a|one)[- ]quarter", "四分之一", "25 %"), ("(?:a|one)[- ]third", "三分之一", "33 %"),
        ("(?:(?:a|one)[- ])?half(?: of)?", "二分之一|一半", "50 %"),
        *((word, f"[{digits}](?=[个处枚叶段分])", str(number)) for number, (word, digits) in enumerate(
            zip("one two three four five six seven eight nine ten".split(), "一 二两 三 四 五 六 七 八 九 十".split(),
                strict=True), start=1)),
    )
) + ((re.compile(r"((?<![a-z])(?:previously|formerly|were|was|instead of|from|to|only|scores?(?: of)?) |评分|前次|上次|[原由至为])"
                 rf"(\d+(?:\.\d+)?)(?![\d.]| ?(?:{_UNIT}|{_THINGS}|{_DATE}))"), r"\1\2 #"),)  # fmt: skip
EARLIER = _words(
    ("before", "previous(?:ly)?", "prior", "earlier", "formerly", "last (?:scan|time|ct|exam(?:ination)?|week|month)",
     "initial(?:ly)?", "baseline", "compared (?:to|with)", "(?:as )?against", "as opposed to", "instead of", "ago",
     "(?:on|at) (?:admission|presentation)", "(?:on|in) the (?:admission|first|old|outside) (?:ct|scan|exam(?:ination)?)",
     "ha(?:d|ving) been", "used to be", "up from", "down from"),
    ("前次", "前片", "上次", "此前", "之前", "先前", "以前", "既往", "原", "旧片", "老片", "首次", "初诊", "入院时", "治疗前",
     "[天周月日]前", "(?<=[, ])前(?=约|为|ct)"),
)  # fmt: skip
NOW = _words(
    ("now", "currently", "at present", "presently", "today", "this time", "(?:on|in) (?:the (?:current|present)|today's)"),
    ("现", "目前", "本次", "此次", "今", "当前"),
)  # fmt: skip
PAST = _words(("was", "were", "measured"))  # only where nothing else says which
FROM_TO = _words(("from [^,;]*? to",), ("[由从][^，,；;]*?[至到为]", "->", "→"))
# Says that an amount is of the infection, as its nouns do.
INVOLVED = _words(("affected", "involve(?:d|ment)", "(?:severity )?scores?"), ("受累", "累及", "评分"))
UNSURE = _words(("versus", "vs"))  # of two amounts beside it, either may be the earlier
# May stand between a subject left unsaid and the word of change: anything else there is a subject unknown to us.
FILLER = _words(
    ("[a-z]+ly", "possible", "probable", "likely", "apparent", "suspected", "perhaps", "questionable", "borderline",
     "appreciable", "modest", "gratifying", "encouraging", "good", "partial", "little", "complete", "near", "only",
     "a", "an", "the", "of", "in", "on", "at", "to", "from", "by", "for", "with", "as", "than", "and", "or",
     "so", "also", "again", "more", "much", "too", "there", "that", "which", "both", "each", "all", "whole", "rest",
     "remainder", "remaining", "parts?", "portions?", "may", "might", "could", "would", "will", "do", "does", "did",
     "overall", "involved", "affected", "residual", "further", "interval", "slight", "mild", "marked", "minimal",
     "minor", "moderate", "significant", "obvious", "rapid", "gradual", "progressive", "definite", "clear", "evidence",
     "signs?", "somewhat", "bit", "mean", "median", "average", "total", "maximum", "degree", "continued", "continuing",
     "ongoing", "now", "still", "since", "before", "made", "taken", "dated", "toward", "towards", "into", "around",
     "along", "within", "beyond", "near", "over", "after", "between", "during", "last", "prior", "previous", "earlier",
     "compar(?:ed|ison)", "ct", "scans?", "films?", "images?", "imaging", "exam(?:ination)?s?", "study", "follow-?up",
     "seen", "noted", "described", "mentioned", "known", "reported", "documented", "demonstrated", "visible",
     "observed", "identified", "shown", "detected", "found", "relative", "respect", "regard", "contrast", "control",
     "sided", "hemithorax", "parenchyma", "mid", "fields?", "anterior", "posterior", "lateral", "medial", "dorsal",
     "perihilar", "segmental", "days?", "weeks?", "ago", "today", "yesterday", "jan[a-z]*", "feb[a-z]*", "mar(?:ch)?", "apr[a-z]*", "june?",
     "july?", "aug[a-z]*", "sep[a-z]*", "oct[a-z]*", "nov[a-z]*", "dec[a-z]*", "lungs?", "lobes?", "lobar", "left",
     "right", "bilateral[a-z]*", "sides?", "upper", "lower", "middle", "basal", "bases?", "apex", "apices", "apical",
     "zones?", "lingula", "segments?", "peripher[a-z]+", "subpleural", "chest", "thorax", "findings?", "impression",
     "conclusions?", "opinion", "rul", "rml", "rll", "lul", "lll", "dramatic", "considerable", "substantial", "notable",
     "subtle", "small", "noted", "free", "about", "estimated", "ca", "measur(?:es?|ed|ing)", "occup(?:y|ies|ying)"),
    ("[双两左右上中下内外前后原现今此该各本次片叶段区部位肺野呈可见有已均亦也又则却反尚渐更些并且而但其余仍]", "较", "略", "稍", "明显",
     "显著", "轻度", "轻微", "进一步", "逐渐", "基本", "完全", "几乎", "所", "缓慢", "程度", "不同", "大致", "似",
     "考虑", "复查", "与", "和", "及", "以及", "伴", "同时", "的", "了", "为", "比较?", "对比", "相比", "年",
     "月", "日", "天", "检查", "图像", "影像", "所示", "提示", "总体", "整体", "舌", "尖", "胸膜下", "外带", "全", "由",
     "约", "占", "累及", "受累", "严重", "组织", "从", "自", "期", "治疗", "抗感染", "经", "仅", "只", "加", "明",
     "范围内", "区域", "趋于", "趋向", "趋势", "平均", "可能", "疑似", "或许"),
)  # fmt: skip


def says_more(text):
    """Whether a text says anything beyond nouns of infection and measure, function words, dates and places."""
    known = (AMOUNT, SOME, PARTIAL, INFECTION, LUNGS, DENSITY, EXTENT,
             NEGATION, PRONOUN, AUXILIARY, COMPARED, UNCHANGED, FILLER)  # fmt: skip
    for pattern in known:  # "the majority" before "the"
        text = pattern.sub(" ", text)
    return re.search(r"[a-z]{2}|[\u3400-\u9fff]", text) is not None
