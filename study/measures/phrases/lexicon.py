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
    ("infect(?:ions?|ed)", "lesions?", "opacit(?:y|ies)", "opacified", "opacifications?", "consolidations?",
     "infiltrat(?:es?|ions?)", "ggos?", "ground[- ]?glass", "shadows?", "patch(?:es)?", "foc(?:us|i)",
     "(?:broncho)?pneumonias?",
     "inflammations?", "inflammatory", "exudat(?:es?|ions?)", "abnormalit(?:y|ies)", "regions?",
     "areas", "crazy[- ]?paving", "disease", "covid(?:-?19)?"),
    ("病灶", "病变", "病情", "感染性?", "炎症", "炎性", "肺炎(?!症)", "磨玻璃[影灶]?", "斑片", "片状", "片影", "实变", 
     "渗出性?", "浸润性?", "阴影", "铺路石", "模糊影", "絮状影"),
)  # fmt: skip

# ------------------------------------------------------------------ change
# Chinese "compared with before", and how much; then a single adjective is a change: 较前略大, larger than before.
_BEFORE = "较前片?(?:明显|显著|略微|稍微|略|稍|轻度|有所|均)?"
# What is new, has come up or was not there before, of the infection alone: "new" of anything else is no change of it.
_NEW = (rf"(?:new(?:ly)?|additional)(?= (?:(?!(?:and|or|but|with|in) )[a-z-]+ ){{0,4}}(?:{INFECTION.pattern}))",
        r"(?<=is )new(?:ly)?", r"(?<=are )new(?:ly)?", r"newly (?:appeared|appearing|developed|emerged|formed|seen)",
        r"ha(?:s|ve) (?:appeared|emerged|arisen|developed)(?= (?:in|at|on|since|within|bilaterally|elsewhere)|$)",
        rf"(?:emergence|onset|(?:interval|new|recent) (?:appearance|development)) of"
        rf"(?= (?:[a-z-]+ ){{0,4}}(?:{INFECTION.pattern}))",
        r"not (?:present|seen|visible) (?:before|previously|on (?:[0-9]|the (?:prior|previous|last|earlier)))",
        )  # fmt: skip
_TIMES, _PART = "(?:twice|two times|three times|double|triple)", "(?:half|one half|a third|a quarter)"
# A word of change by what it says: its own quantity, or (None) that of the noun that it belongs to. The first that
# fits is taken.
CHANGES = (
    ("volume", +1,
     (r"expan(?:ded|ding|ds?|sion)", r"enlarg(?:ed|ing|es?|ement)", "larger", "bigger", "broader", "wider",
      r"widen(?:ed|ing|s)?", "grown", "grew", r"grow(?:ing|s|th)?", r"spread(?:ing)?", r"ha(?:s|ve) extended",
      r"more (?:extensive|widespread|numerous)", "doubled", "tripled",
      rf"{_TIMES} (?:as (?:large|big|extensive)|(?:the|its|their) (?:[a-z]+ )?(?:size|extent))",
      r"involv(?:es?|ed|ing) more of", *_NEW),
     ("扩大", "扩展", "扩散", "蔓延", "播散", "增大", "增多", "(?<![病改演])变(?:大(?!小)|多)", "进展(?!期|[为成至])",
      f"{_BEFORE}[大多](?!部|数|致|小)", "新增", "新发", "新出现", "新见", "新生", "出现新", "新近出现",
      "新(?:的|病灶)(?!冠)")),
    ("volume", -1,
     (r"contract(?:ed|ing|s|ion)?", r"shr[aiu]nk(?:en|ing|s|age)?", "smaller",
      r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)", r"resor(?:bed|bing|ption)", r"resolv(?:ed|ing|es?)", "resolution",
      r"regress(?:ed|ing|es|ion)?", r"reced(?:ed|ing|es?)", r"dissipat(?:ed|ing|es?|ion)", r"disappear(?:ed|ing|ance)?",
      "vanished", "gone(?! (?:up|down))", r"clear(?:ed|ing|ance)", r"less (?:extensive|widespread|numerous)", "fewer",
      rf"{_PART} (?:as (?:large|big|extensive)|(?:of )?(?:the|its|their) (?:[a-z]+ )?(?:size|extent))", "halved",
      r"involv(?:es?|ed|ing) less of",
      r"no longer (?:[a-z]+ )?(?:seen|visible|present|evident|identified|detected)",
      r"not (?:seen|visible|present|evident|identified|detected) any ?more"),
     ("缩小", "缩减", "收缩", "减小", "减少", "吸收", "消散", "消失", "未(?:再|见)?显示", "不复存在", "已不可见",
      "消退", "退缩", "(?<![病改演])变[小少](?!许)",
      f"{_BEFORE}[小少](?!部|数|许|量)")),
    ("density", +1,
     ("denser", r"more (?:dense|solid|opaque)", "progressive consolidation", "consolidated",
      "consolidating", "solidified",
      r"(?:progress|evolv|chang|turn|develop)(?:ed|ing)? (?:in)?to (?:[a-z]+ )?consolidations?",
      r"replaced by (?:[a-z]+ )?consolidations?",
      r"now (?:partly |partially |also )?(?:shows?|contains?|with) (?:[a-z]+ )?consolidations?"),
     ("增浓", "加深", "实[变性]成分(?:较前)?(?:明显|略|稍)?增[多加]",
      "(?<![病改演])变[实浓密]", "密实",
      "(?:演变|转变|进展|发展|转|变)[为成至](?:大?片状?)?实变",
      f"{_BEFORE}(?:浓|密(?!度)|致密|实变(?!影|灶|区|范围))")),
    ("density", -1,
     (r"less (?:dense|solid|opaque)", "fainter", "lighter", "paler", "faded", "fading",
      r"(?:evolv|chang|turn|transform|convert|fad|resolv|dissolv|clear|soften|break|broken)(?:ed|ing)?(?: up| down)? "
      r"(?:in)?to (?:[a-z]+ ){0,2}ground[- ]?glass", r"replaced by (?:[a-z]+ ){0,2}ground[- ]?glass",
      r"thinn(?:ed|ing)(?: out)? in (?:density|attenuation)"),
     ("(?<![病改演])变[淡浅]", "减淡", "转淡", "淡化", "趋淡",
      "(?:演变|转变|转化|转|变)[为成至](?:淡|片状)*磨玻璃", f"{_BEFORE}[淡浅]")),
    (None, +1,
     (r"increas(?:ed|ing|es?)", "higher", "greater", "risen", "rose", "rising", r"progress(?:ed|ing|es|ion|ive)?",
      "(?<!follow.)up(?= in| from|$)"),
     ("增高", "变高", "↑", "升高", "上升", "升至", "增加", "增至", "加大")),
    (None, -1,
     (r"decreas(?:ed|ing|es?)", r"reduc(?:ed|ing|es|tion)", r"lower(?:ed)?", "lesser", r"declin(?:ed|ing|es?)",
      r"diminish(?:ed|ing|es)?", "fallen", "fell", "dropped", "(?:gone|went|going) down"),
     ("减低", "变低", "↓", "降低", "下降", "降至", "减至", "减弱")),
)  # fmt: skip
CHANGE = re.compile("|".join(f"(?P<c{i}>{_either(*stems)})" for i, (_, _, *stems) in enumerate(CHANGES)))
ABSORBED = _words((r"(?:re)?absor(?:b(?:ed|ing|s)?|ption)", r"resor(?:bed|bing|ption)"), ("吸收",))

PARTIAL = _words(
    ("partial(?:ly)?", "partly", "in parts?", "parts? of", "(?:a )?portions? of", "incomplete(?:ly)?", "in places",
     "focally", "locally", "mostly",
     "half(?! (?:as|(?:the|its|their) (?:[a-z]+ )?(?:size|extent)))", "others?"),
    ("部分", "部份", "大部", "局部", "个别(?!新)", "少数(?!新)", "多数", "某些", "有些", "一些(?!新)", "不完全",
     "半数", "一处"),
)  # fmt: skip
# Before the word of change, or after it with "of": "absorbed with some fibrous strips left" is whole.
_FEW = ("some", "several", "certain", "most", "the majority", "a minority", "a number", "(?:a )?few")
SOME = _words(_FEW)
SOME_OF = _words((rf"(?:of|in|within) (?:{'|'.join(_FEW)})",))
SOME_LESIONS = _words(
    (rf"(?:{'|'.join(_FEW)})(?: of (?:the|these|those))? (?:{INFECTION.pattern})",),
    (rf"(?:部[分份]|个别|少数|多数|某些|有些|一些)(?:{INFECTION.pattern})",),
)  # fmt: skip
NEGATION = _words(
    ("no", "not", "without", "neither", "nor", "never", "none", "cannot", "absence", "absent", "unlikely",
     r"insignificant(?:ly)?", "hardly", "barely", "scarcely", 
     r"fail(?:s|ed|ure)?", r"lack(?:s|ed|ing)?", "yet to", "[a-z]+n't"),
    ("未", "无", "没", "非", "勿", r"不(?!均|清|等|一|规|整|张|完全|同|光|大|断|少)"),
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
        "densit(?:y|ies)",
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
    ("积液", "胸膜(?!下)", "结节", "钙化", "淋巴结", "纵隔(?!旁)", "肺门(?!旁|区)", "心影", "心脏", "心腔", "心室",
     "[左右][房室]", "瓣", "心房", "心包", "主动脉", "冠脉", "动脉", "静脉", "血管", "肝", "脾", "胆", "胰", "肾",
     "甲状腺", "胸腺", "乳腺", "囊肿", "肺大[泡疱]", "肺?气肿", "气胸", "支气管", "气管", "不张", "膨胀不全", "肋",
     "骨", "椎", "肿块", "占位", "纹理", "导管", "引流管", "食管", "食道", "胃", "膈", "白细胞", "淋巴细胞", "体温",
     "症状", "咳嗽", "发热", "氧", "透[亮过]度", "水肿", "[胸腹]水", "癌", "瘤", "转移", "蜂窝", "纤维",
     "条索(?!状)", "间质", "间隔"),
)  # fmt: skip
PRONOUN = _words(("its?", "they", "their", "these", "those", "others?"))
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
        (rf"\b(?:consolidated|nodular|mass-?like|pleural-based) (?={_LOOK}|consolidation)", ""),
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
        # other senses
        (r"\b(?:well|fully|completely|both lungs|lungs? (?:is|are|were)|re)[- ]+expanded\b", ""),
        (r"\bcontracted (?:the )?(?:covid\S{0,9}|coronavirus|virus|disease)", ""),
        (r"\bpreviously [a-z]\w*", ""),
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
_BETTER = ("improv(?:ed|ing|es?|ements?)", "better", "ameliorat(?:ed|ing|es?|ion)")
WORSE = _words(_WORSE, ("加重", "恶化"))
BETTER = _words(_BETTER, ("好转", "减轻", "改善"))
# These compare places as often as times ("worse at the bases"), so an earlier scan has to be named beside them.
COMPARATIVE = _words(("worse", "better"))
LUNGS = _words(("lungs?", "pulmonary", "lobes?", "airspace", "parenchymal?"), ("肺",))
# Says that something changed, not what: listed for the reader unless a word of change is next to it.
VAGUE = _words(
    (*_WORSE, *_BETTER, r"evol(?:ved|ving|ution)"),
    ("较前更?加?(?:明显|显著)$", "好转", "加重", "减轻", "恶化", "改善", "转归"),
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
AMOUNT = re.compile(r"-?\d+(?:\.\d+)?(?: ?- ?\d+(?:\.\d+)?)? ?(?:%|hu|ml|cm3|mm|cm(?!3)|/ ?\d+|分(?!之|钟))")
EARLIER = _words(
    ("before", "previous(?:ly)?", "prior", "earlier", "formerly", "last (?:scan|time|ct|exam(?:ination)?)", "was",
     "were", "initial(?:ly)?", "baseline", "compared (?:to|with)"),
    ("前次", "前片", "上次", "此前", "之前", "既往", "原"),
)  # fmt: skip
FROM_TO = _words(("from [^,;]*? to",), ("[由从][^，,；;]*?[至到]", "->", "→"))
UNSURE = _words(("versus", "vs"))  # of two amounts beside it, either may be the earlier
# May stand between a subject left unsaid and the word of change: anything else there is a subject unknown to us.
FILLER = _words(
    ("[a-z]+ly", "a", "an", "the", "of", "in", "on", "at", "to", "from", "by", "for", "with", "as", "than", "and", "or",
     "so", "also", "again", "more", "much", "too", "there", "that", "which", "both", "each", "all", "whole", "rest",
     "remainder", "remaining", "parts?", "portions?", "may", "might", "could", "would", "will", "do", "does", "did",
     "overall", "involved", "affected", "residual", "further", "interval", "slight", "mild", "marked", "minimal",
     "minor", "moderate", "significant", "obvious", "rapid", "gradual", "progressive", "definite", "clear", "evidence",
     "signs?", "somewhat", "bit", "mean", "median", "average", "total", "maximum", "degree", "continued", "continuing",
     "ongoing", "now", "still", "since", "before", "made", "taken", "dated", "toward", "towards", "into", "around",
     "along", "within", "beyond", "near", "over", "after", "between", "during", "last", "prior", "previous", "earlier",
     "compar(?:ed|ison)", "ct", "scans?", "films?", "images?", "imaging", "exam(?:ination)?s?", "study", "follow-?up",
     "days?", "weeks?", "ago", "today", "yesterday", "jan[a-z]*", "feb[a-z]*", "mar(?:ch)?", "apr[a-z]*", "june?",
     "july?", "aug[a-z]*", "sep[a-z]*", "oct[a-z]*", "nov[a-z]*", "dec[a-z]*", "lungs?", "lobes?", "lobar", "left",
     "right", "bilateral[a-z]*", "sides?", "upper", "lower", "middle", "basal", "bases?", "apex", "apices", "apical",
     "zones?", "lingula", "segments?", "peripher[a-z]+", "subpleural", "chest", "thorax", "findings?", "impression",
     "conclusions?", "opinion", "rul", "rml", "rll", "lul", "lll", "dramatic", "considerable", "substantial", "notable",
     "subtle", "small", "noted", "free", "about", "estimated", "ca", "measur(?:es?|ed|ing)", "occup(?:y|ies|ying)"),
    ("[双两左右上中下内外前后原现本次片叶段区部位肺野呈可见有已均亦也又并且而但其余仍]", "较", "略", "稍", "明显",
     "显著", "轻度", "轻微", "进一步", "逐渐", "基本", "完全", "几乎", "所", "缓慢", "程度", "不同", "大致", "似",
     "考虑", "复查", "与", "和", "及", "以及", "伴", "同时", "的", "了", "为", "比较?", "对比", "相比", "年",
     "月", "日", "天", "检查", "图像", "影像", "所示", "提示", "总体", "整体", "舌", "尖", "胸膜下", "外带", "全", "由",
     "约", "占", "累及", "受累", "严重", "组织", "从", "自", "期", "治疗", "抗感染", "经", "仅", "只", "加", "明",
     "范围内", "区域"),
)  # fmt: skip


def says_more(text):
    """Whether a text says anything beyond nouns of infection and measure, function words, dates and places."""
    known = (AMOUNT, SOME, PARTIAL, INFECTION, LUNGS, DENSITY, EXTENT,
             NEGATION, PRONOUN, AUXILIARY, COMPARED, UNCHANGED, FILLER)  # fmt: skip
    for pattern in known:  # "the majority" before "the"
        text = pattern.sub(" ", text)
    return re.search(r"[a-z]{2}|[\u3400-\u9fff]", text) is not None
