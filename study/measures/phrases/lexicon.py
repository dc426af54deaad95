"""The words by which reports are read, English and Chinese side by side; what is not here is not understood.

Each entry is a regular expression over lower-case text. English ones match whole words; Chinese is written without
spaces, so a Chinese one matches anywhere and itself excludes what must not be next to it.
"""

import re


def either(english, chinese=()):
    """One pattern of English stems, as whole words, and of Chinese ones."""
    stems = [rf"(?<![a-z])(?:{'|'.join(english)})(?![a-z])"] if english else []
    return "|".join([*stems, *chinese])


def any_of(english, chinese=()):
    """`either`, compiled."""
    return re.compile(either(english, chinese))


# ------------------------------------------------------------------ the infection
INFECTION = any_of(
    ("(?:lung|pulmonary|parenchymal|air-?space|patchy|ground[- ]?glass|inflammatory|infiltrative|infecti(?:ve|ous)"
     "|covid|pneumonic) changes?", "infect(?:ions?|ed|ive|ious)", "lesions?", "opacit(?:y|ies)", "opacified",
     "opacifications?", "consolidations?", "consolidative", "infiltrat(?:es?|ions?|ive)", "ggos?",
     "ground[- ]?glass(?:ing)?", "shadow(?:s|ing)?", "densities", "patch(?:es)?", "foc(?:us|i)", "haz(?:e|iness)",
     "residu(?:um|a|als)", "(?:broncho)?pneumonias?", "pneumonic", "pneumoniti[sc]", "inflammations?", "inflammatory",
     "exudat(?:es?|ions?|ive)", "abnormalit(?:y|ies)", "regions?", "areas", "crazy[- ]?paving", "disease", "process",
     "damage", "covid(?:-?19)?"),
    ("病灶", "病变", "病情", "感染(?:性|灶)?", "炎症", "炎性", "肺炎(?!症)", "磨玻璃[样状]?(?:密度)?[影灶]?", "斑片",
     "片状", "片影", "实变", "渗出[性灶]?", "浸润[性灶影]?", "阴影", "铺路石", "模糊影", "絮状影",
     "(?:云雾|[云棉片]絮|絮片|团[片块]?|条片|点片|斑点|大片|小片)状?影"),
)  # fmt: skip

# ------------------------------------------------------------------ how
PARTIAL = any_of(
    ("partial(?:ly)?", "partly", "in parts?", "parts? of", "(?:a )?portions? of", "incomplete(?:ly)?", "in places",
     "focally", "locally", "mostly",
     "half (?:of (?:the|these|those|them)|the)"
     "(?! (?:[a-z]+ )?(?:size|extent|volume|area|density|lungs?|lobes?|segments?)(?![a-z]))",
     "to a (?:large|great) extent", "for the most part", "others?"),
    ("部分", "部份", "大部", "大多(?![位分为呈见])", "不全(?=吸收|消散)", "局部", "个别(?!新)", "少数(?!新)", "多数",
     "某些", "有些", "一些(?!新)", "不完全", "半数", "一处"),
)  # fmt: skip
# Before the word of change, or after it with "of": "absorbed with some fibrous strips left" is whole.
_FEW = ("some", "several", "certain", "many", "most", "the majority", "a minority", "the bulk", "a number",
    "(?:a )?few",
        "(?:one|two|three|four) of (?:the|these|those)")  # fmt: skip
_NOT_NEW = "(?! (?:new|additional|fresh))"
SOME = any_of((rf"(?:{'|'.join(_FEW)}){_NOT_NEW}",))
SOME_OF = any_of((rf"(?:of|in|within) (?:{'|'.join(_FEW)}){_NOT_NEW}",))
SOME_LESIONS = any_of(
    (rf"(?:{'|'.join(_FEW)})(?: of (?:the|these|those))? (?:{INFECTION.pattern})",),
    (rf"(?:部[分份]|个别|少数|多数|某些|有些|一些)(?:{INFECTION.pattern})",),
)  # fmt: skip
NEGATION = any_of(
    ("no", "not", "without", "neither", "nor", "never", "none", "nothing", "cannot", "absence", "absent", "unlikely",
     r"insignificant(?:ly)?", "hardly", "barely", "scarcely", r"fail(?:s|ed|ure)?", r"lack(?:s|ed|ing)?", "yet to",
     "[a-z]+n't"),
    ("未", "无", "没", "非", "勿", r"不(?!全|均|清|等|一|规|整|张|完全|同|光|大|断|少)"),
)  # fmt: skip
# What denies a change when it follows the word: "expansion was not seen", 吸收不明显.
DENIED_AFTER = re.compile(
    rf"(?<![a-z])(?:is|are|was|were|has been|have been|can|could) (?:{NEGATION.pattern})"
    r"(?! (?:present|seen|visible) (?:before|previously|on))|(?<![a-z])(?:cannot|can't)"
    r"|^[尚仍均还]{0,2}(?:不明显|不显著|不佳|欠佳|不理想|不充分|不良)"
)
# What should be looked for, or is hoped for, does not describe the scan.
ADVICE = any_of(
    ("recommend[a-z]*", r"advis(?:ed?|able)", r"suggest(?:ed)? (?:a )?(?:follow|repeat|re)[- ]?[a-z]*", "until",
     "should", "if", "(?:control|follow-?up|repeat)(?: ct)? after (?:clear|resol|absorp|regress)[a-z]*", "expected to",
     r"to (?:document|ensure|confirm|assess|monitor)", "follow-?up (?:to|until)"),
    ("建议", "复查[至以]", "以观察", "吸收后复查", "随访(?!片|ct|检查)", "随诊", "定期", "观察病", "了解", "必要时",
     "若", "如果", "一旦"),
)  # fmt: skip

# ------------------------------------------------------------------ what changes
DENSITY = any_of(
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
EXTENT = any_of(
    (
        "extents?",
        "extension",
        "area",
        "sizes?",
        "diameters?",
        "volumes?",
        "ranges?",
        "scope",
        "numbers?",
        "burden",
        "involvement",
        "(?:ct )?(?:severity )?(?:scores?|index)",
        "c?tss",
    ),
    ("范围(?!内)", "面积", "体积", "大小", "[直长]径", "径线", "数目", "数量", "累及区", "评分", "占比"),
)
UNRELATED = any_of(
    ("effusions?", "pleura", "pleural thickening", "nodul(?:es?|ar)", "micronodules?", "calcifi(?:cations?|ed)",
     "granulomas?", "lymph", "nodes?", "lns?", "[a-z]+megaly", "aneurysms?", "adenomas?", "thromb(?:us|i|osis)",
     "embol(?:us|i|ism)", "abscess(?:es)?", "cavit(?:y|ies|ation)", "empyema", "ha?ematomas?", "ascites", "stents?",
     "fat", r"lymphadenopathy", "mediastin(?:al|um)", "hilar", "hil(?:um|a)", "heart", "cardiac", "cardiomegaly",
     "aort(?:a|ic)", "coronar(?:y|ies)", "atri(?:um|al)", "ventric(?:le|les|ular)", "pericardi(?:al|um)",
     "arter(?:y|ies)", "veins?", "vessels?", "vascular", "liver", "hepatic", "spleen", "pancreas", "kidneys?", "renal",
     "thyroid", "thymus", "breasts?", "gallbladder", "adrenals?", "cysts?", "bullae?", "emphysema(?:tous)?",
     "pneumothorax", "bronch(?:i|us|ial|iectas[ei]s|iectatic)", "airways?", "trachea", "atelectas[ei]s", "ribs?",
     "fractures?", "bones?", "vertebra[el]?", "spine", "mass(?:es)?", "tumou?rs?",
     "(?<!(?:infected|involved|affected) )(?<!% of )(?<!of the )lung volumes?", "volume loss", "stomach", "oesophagus",
     "esophagus", "hernia", "diaphragm", "tubes?", "ett", "catheters?", "lines?", "clinical(?:ly)?", "coughs?",
     "fevers?", "temperature", "symptoms?", "dyspn(?:o)?ea", "oxygen", "saturation", "crp", "wbc", "leu[ck]ocytes?",
     "lymphocytes?", "fibros[ei]s", "fibrotic", "scar(?:s|ring)?", "sept(?:a|al)", "thicken(?:ing|ed)", "honeycombing",
     "interstitial lung disease", "copd", "o?edema", "soft tissues?", "cancer", "carcinoma", "metastas[ei]s", "azygos",
     "art[ei]facts?", "weight", "enhancement"),
    ("积液", "胸膜(?!下)", "结节(?![状样])", "钙化", "淋巴结", "纵隔(?!旁)", "肺门(?!旁|区)", "心影", "心脏", "心腔",
     "心室", "[左右][房室]", "瓣", "心房", "心包", "主动脉", "冠脉", "动脉", "静脉", "血管", "肝", "脾", "胆", "胰",
     "肾", "甲状腺", "胸腺", "乳腺", "囊肿", "肺大[泡疱]", "肺?气肿", "气胸", "支气管", "气管", "不张", "膨胀不全",
     "肋", "骨", "椎", "肿块", "占位", "纹理", "导管", "引流管", "食管", "食道", "胃", "膈", "白细胞", "淋巴细胞",
     "体温", "症状", "咳嗽", "发热", "氧", "透[亮过]度", "水肿", "[胸腹]水", "癌", "瘤", "转移", "蜂窝", "纤维", "空洞",
     "脓肿", "血栓", "栓塞", "血肿", "憩室", "支架", "条索(?!状)", "间质", "间隔"),
)  # fmt: skip
PRONOUN = any_of(("its?", "they", "them", "their", "these", "those", "others?", "ones?"))
REFERS = any_of(("it", "they", "them", "these", "those", "others?", "ones?"))  # and owns nothing, as "their fever" does
AUXILIARY = any_of(
    (r"ha(?:s|ve|d|ving)", "is", "are", "was", "were", r"be(?:en|ing|comes?|came)?", "remains?", r"show(?:s|ed|ing)?",
     "appears?", "get(?:s|ting)?", "got")
)  # fmt: skip

# Of the patient, and no subject of what follows: "day 14 after onset of symptoms, progression".
CLINICAL = any_of(
    ("clinical(?:ly)?", "coughs?", "fevers?", "temperature", "symptoms?", "dyspn(?:o)?ea", "oxygen", "saturation",
     "crp", "wbc"),
    ("症状", "咳嗽", "发热", "体温", "氧", "白细胞"),
)  # fmt: skip
# A lesion there is none of the lungs.
ELSEWHERE = any_of(
    ("liver", "hepatic", "spleen", "splenic", "kidneys?", "renal", "adrenals?", "pancrea(?:s|tic)", "thyroid",
     "breasts?", "abdom(?:en|inal)", "pelvi[sc]", "(?:osteo)?lytic", "bony", "brain", "bones?", "vertebra[el]?",
     "ribs?", "skin"),
    ("肝", "脾", "肾", "胰", "胆", "甲状腺", "乳腺", "腹", "盆", "脑", "椎", "肋骨"),
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
        (r"\b(prev[a-z]*|prior|before|now|today)(?: score)?:(?= ?-?\d)|(前次|前片|上次|原|现|本次):(?=-?\d)", r"\1\2"),
        (r"\bw/o\b", "without"),
        # what a lesion looks like
        (rf"\b{_LOOK} of {_DENSE} (?:density|attenuation)\b", "lesions"),
        (rf"\b(?:{_DENSE}|{_KIND})[- ]+densit(?:y|ies)[- ]+{_LOOK}\b", "lesions"),
        (rf"(?<!to )(?<!of )\b(?:high|low|{_KIND})[- ]densit(?:y|ies)\b|\b(?:higher|lower)-densit(?:y|ies)\b",
         "lesions"),
        (r"\b(?:consolidated|nodular(?:-appearing)?|mass-?like|pleural-based) "
         rf"(?={_LOOK}|(?:[a-z-]+ )?(?:{INFECTION.pattern}))", ""),
        (r"\bconsolidated (?=lung|parenchyma|tissue|segment|lobe)", ""),
        # but not what it has evolved into
        ("(?<![为成至])(?:稍|略|更|较|淡)?(?:高|低|等|混杂|混合|磨玻璃样?|软组织|片状|条索状?|结节状)?密度(?:稍|略)?"
         "(?:[增升变]高|增[加大强浓]|减低|降低)?(?:的)?(?:阴?影|灶|区)", "病灶"),
        # where it is
        (rf"\b(?:lower|upper){_SIDE}[- ]+"
         r"(?:lobes?|lungs?|zones?|fields?|parts?|portions?|segments?|thirds?|hal(?:f|ves)|lobar|abdomen|back)\b",
         "lobe"),
        # one side against the other, not now against before
        (r"\b(?:larger|smaller|bigger|denser|fainter|greater|higher|lower|more \w+|less \w+) (?:on|in|at) the "
         r"\w+(?: \w+)? than\b", ""),
        (r"\bmore (?:numerous|extensive|widespread) in\b(?! (?:extent|size|number))", "in"),
        (r"\b(?:larger|smaller|denser|fainter|higher|lower|more \w+|less \w+) (?:\w+ ){0,3}than "
         r"(?:peripher|centr|medi|later|posteri|anteri)\w*\b", ""),
        ("较(?:周边|周围|边缘|中央|中心|对侧|[左右]肺)(?:明显|略|稍)?(?:增高|减低|增大|缩小|[大小高低])", ""),
        (r"\ba (?:further |second |third )?(?:larger|smaller|denser|fainter) "
         rf"(?=(?:[a-z-]+ )?(?!area\b){_LOOK})", "a "),
        (rf"\b(?:larger|smaller|denser|fainter|fewer|less \w+) ((?:[a-z-]+ )?{_LOOK} elsewhere|ones)\b", r"\1"),
        # what is left is what the rest has gone from
        (r"\bonly ((?:[a-z-]+ ){1,8})(?:persists?|remains?|(?:is|are) left)\b", r"only residual \1"),
        (r", (?:larger|smaller|denser|fainter|higher|lower|more \w+|less \w+) (?:(?:in|at|on) (?:the|both)"
         r"|(?:dors|post|ant|ventr|bas|periph|centr|caud|cran|later|medi)\w*)(?= |$)"
         "(?![^,;]{0,80} than)", " in the"),
        ("[向沿](?:肺门|胸膜|纵隔|支气管)[^,;]{0,4}?(?=扩|蔓|发|延|进)", ""),
        # other senses
        (r"\b(?:well|fully|completely|both lungs|lungs? (?:is|are|were)|re)[- ]+expanded\b", ""),
        (r"\bcontracted (?:the )?(?:covid\S{0,9}|coronavirus|virus|disease)", ""),
        (r"\bpreviously (?!un|not|spared|normal|clear|absent|healthy|disease|only|confined|limited|restricted"
         r"|the |both |all |these |those "
         r"|a |an |about|approx|estimated|half|one|two|three|four|five|six|seven|eight|nine|ten)[a-z]\w*",
         ""),
        (r"\b(?:progression|progressive) (?:stage|phase)\b|\bnot only\b|\bno doubt\b", ""),
    )
)  # fmt: skip

# ------------------------------------------------------------------ what is not a change, and what may be one
UNCHANGED = any_of(
    ("unchanged", "unaltered", "stable", "stationary", "status quo", "idem", "superimposable", "similar", "same",
     "identical", "constant", "persist[a-z]*", "as before", "as on", "as in"),
    ("同前", "相仿", "如前", "变化不", "未变", "稳定", "类似", "相似", "一致", "相近", "相当", "相同", "大致同"),
)  # fmt: skip
# Better or worse: of the lungs or the infection, a change of its extent; of anything else, listed for the reader.
_WORSE = ("wors(?:en(?:ed|ing|s)?|e)", "deteriorat(?:ed|ing|es?|ion)", "aggravat(?:ed|ing|es?|ion)")
_BETTER = ("better aerat(?:ed|ion)", "improv(?:ed|ing|es?|ements?)", "better", "ameliorat(?:ed|ing|es?|ion)",
    "recover(?:ed|ing|s|y)(?! (?:covid|patient|from))",
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
    "(?:现|本次|此次|今)(?:检查|ct)?[仅只][见存余剩]",
)
WORSE = any_of(_WORSE, _WORSE_ZH)
BETTER = any_of(_BETTER, _BETTER_ZH)
# These compare places as often as times ("worse at the bases"), so an earlier scan has to be named beside them.
COMPARATIVE = any_of(("worse", "better"))
LUNGS = any_of(("lungs?", "pulmonary", "lobes?", "airspace", "parenchymal?", "r[uml]l", "l[ul]l", "lingula"), ("肺",))
# Says that something changed, not what: listed for the reader unless a word of change is next to it.
VAGUE = any_of(
    (
        *_WORSE,
        *_BETTER,
        r"evol(?:ved|ving|ution)",
        "(?:more|less) (?:prominent|conspicuous|evident|pronounced|marked)",
        "wan(?:ed|ing|es?)",
        "exacerbat(?:ed|ing|es?|ion)",
        "no longer",
    ),
    ("较前更?加?(?:明显|显著)$", *_WORSE_ZH, *_BETTER_ZH, "转归"),
)
# Sets this scan against an earlier one.
COMPARED = any_of(
    ("compar[a-z]+", "than", "before", "previous(?:ly)?", "prior", "since", "interval", "former(?:ly)?", "now",
     r"becom(?:es?|ing)", "became", "earlier"),
    ("较前", "对比", "比较", "相比", "转为", "转变", "演变", "有所不同"),
)  # fmt: skip
# The rest of the lesions is as before: what changed was a part.
_SAME = rf"(?:{UNCHANGED.pattern}|no (?:[a-z]+ )?change|not (?:[a-z]+ )?changed?)"
_SAME_ZH = "(?:同前|相仿|如前|稳定|相似|(?:[无未]|没有)[^，,。；;]{0,6}(?:变化|改变)|变化不)"
REST = re.compile(
    rf"(?<![a-z])otherwise {_SAME}"
    rf"|(?<![a-z])elsewhere(?: [a-z-]+){{0,5}} {_SAME}"
    rf"|(?<![a-z])(?:the rest|the remainder|(?:the )?others)(?: (?:is|are|was|were|being|ha(?:s|ve)|d(?:o|oes|id)"
    rf"|remain(?:s|ed|ing)?|appear(?:s|ed)?|show(?:s|ed|ing)?))*(?: [a-z]+ly)? {_SAME}"
    rf"|(?<![a-z])(?:(?:rest|remainder) of|remaining|residual|other)(?: the)?(?: [a-z-]+){{0,3}}?"
    rf" (?:{INFECTION.pattern})(?: [a-z]+){{0,4}}? {_SAME}"
    rf"|(?<![a-z])those (?:in|on|at)(?: [a-z]+){{1,5}}? {_SAME}"
    rf"|(?:left.{{0,80}}right|right.{{0,80}}left)[^,;]{{0,20}}(?:{INFECTION.pattern})(?: [a-z]+){{0,3}}? {_SAME}(?! in)"
    rf"|(?:左[^;]{{0,30}},右|右[^;]{{0,30}},左)[^,;]{{0,6}}(?:{INFECTION.pattern})[^,;密范大]{{0,4}}{_SAME_ZH}"
    # "the rest as before" alone: of the lungs only if no more than a part of them was named before it
    rf"|^(?!.*(?:[双两]侧?|全)肺).+,其?余(?:者|处|部位?|各?肺(?:野|叶)?)?(?:[较与]前|基本|大致)*{_SAME_ZH}"
    rf"|余(?:[^，,。；;]{{0,6}})(?:{INFECTION.pattern})[^，,。；;]{{0,8}}?{_SAME_ZH}"
)
# Two amounts, one of them of an earlier scan, are a change that no word names.
_NUMBER = r"(?P<number>-?\d+(?:\.\d+)?(?: ?- ?-?\d+(?:\.\d+)?)?)"
_UNIT = r"%|hu|ml|cm3|mm|cm(?!3)|(?<!on \d)(?<!on \d\d)/ ?(?:18|2[045]|40|72|100)(?![/\d])|(?:out )?of 25|分(?!之|钟)"
_THINGS = r"lobes?|segments?|lesions?|foc(?:us|i)|opacit(?:y|ies)|[个处枚叶段]"
_DATE = (r"[/.-]\d|st|nd|rd|th|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|days?|weeks?|months?|hours?"
         "|[年月日号天周小]")  # fmt: skip
AMOUNT = re.compile(rf"{_NUMBER} ?(?P<unit>{_UNIT})")
BRACKETED_AMOUNT = re.compile(
    rf"[(（]([^()（）]*\d ?(?:{_UNIT})[^()（）]*|(?:prev[a-z]*|prior|was|原|前次?|上次)[^()（）]*\d+)[)）]",
    re.IGNORECASE,
)
COUNT = re.compile(rf"{_NUMBER} ?(?P<unit>{_UNIT}|{_THINGS}|#)")
# How numbers are written, and how `AMOUNT` and `COUNT` read them; a bare one, "score 12, previously 7", is marked #.
_DIGITS = zip("one two three four five six seven eight nine ten".split(), "一 二两 三 四 五 六 七 八 九 十".split(),
              range(1, 11), strict=True)  # fmt: skip
_BARE = ("((?<![a-z])(?:prev(?:ious(?:ly)?)?|prior|formerly|were|was|instead of|from|to|only|scores?(?: of)?):? "
         rf"|评分|前次|上次|[原由至为])(\d+(?:\.\d+)?)(?![\d.]| ?(?:{_UNIT}|{_THINGS}|{_DATE}))")  # fmt: skip
NUMERALS = (
    *((re.compile(rf"(?<![a-z])(?:{english})(?![a-z])|{chinese}"), number) for english, chinese, number in (
        ("three[- ]quarters", "四分之三", "75 %"), ("two[- ]thirds", "三分之二", "67 %"),
        ("(?:a|one)[- ]quarter", "四分之一", "25 %"), ("(?:a|one)[- ]third", "三分之一", "33 %"),
        ("(?:(?:a|one)[- ])?half(?: of)?", "二分之一|一半", "50 %"),
        *((word, f"[{signs}](?=[个处枚叶段分])", str(number)) for word, signs, number in _DIGITS),
    )),
    (re.compile(_BARE), r"\1\2 #"),
)  # fmt: skip
_SCAN = "(?:scan|ct|hrct|exam(?:ination)?|study|film|time|one)"
_LAST = "(?:prev(?:ious)?|prior|preceding|last|earlier|first|initial|admission|baseline|old|outside)"
EARLIER = any_of(
    # "previous score 13", but of "the previous scan" only what was seen on it
    ("before", "previously", f"{_LAST}(?! (?:[a-z]+ )?{_SCAN})",
     f"(?:on|at|in) (?:the |an? )?{_LAST} (?:[a-z]+ )?{_SCAN}", f"{_LAST} {_SCAN}:? (?=-?[0-9])", "formerly",
     "initially", "(?:compared (?:to|with)|against) (?:the )?(?:[a-z]+ )?(?=-?[0-9])", "as opposed to", "instead of",
     "ago", "(?:on|at) (?:admission|presentation)", "ha(?:d|ving) been", "used to be", "up from", "down from"),
    ("前次", "前片", "上次", "此前", "之前", "先前", "以前", "既往", "原", "旧片", "老片", "首次", "初诊", "入院时",
     "治疗前", "[天周月日]前", "(?<=[, ])前(?=约|为|ct|[0-9])"),
)  # fmt: skip
NOW = any_of(
    ("now", "currently", "at present", "presently", "today", "this time",
     "(?:on|in) (?:the (?:current|present)|today's)"),
    ("现", "目前", "本次", "此次", "今", "当前"),
)  # fmt: skip
# Only where nothing else says which: the one with a date is the earlier.
_ABOUT = "(?:(?:only|about|approx|approximately|some|around|at|ca|estimated|measured) ?){0,3}"
PAST = any_of(
    (rf"(?<!there )(?:was|were|measured) {_ABOUT}(?=-?[0-9])",
     "(?<=[%mul] )(?:on (?:the )?(?:day )?[0-9]|on [a-z]+ [0-9]"
     "|in (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)"),
    ("[0-9]月[0-9]{1,2}日(?:ct|片)?(?:约|为)?(?=-?[0-9])", "[0-9]{1,2}[./][0-9]{1,2}[./](?:[0-9]{2,4})?:? (?=-?[0-9])"),
)  # fmt: skip
FROM_TO = any_of(("from [^,;]{0,60}? to",), ("[由从][^，,；;]{0,40}?[至到为]", "->", "→"))
# Says that an amount is of the infection, as its nouns do.
INVOLVED = any_of(
    ("affected", "diseased", "involve(?:d|ment)", "scores?", "severity index", "c?tss"), ("受累", "累及", "评分")
)
UNSURE = any_of(("versus", "vs"))  # of two amounts beside it, either may be the earlier
# May stand between a subject left unsaid and the word of change: anything else there is a subject unknown to us.
FILLER = any_of(
    ("[a-z]+ly", "possible", "probable", "likely", "apparent", "suspected", "perhaps", "questionable", "borderline",
     "appreciable", "modest", "gratifying", "encouraging", "good", "partial", "little", "complete", "near", "only",
     "almost", "quite", "rather", "very", "a", "an", "the", "of", "in", "on", "at", "to", "from", "by", "for", "with",
     "as", "than", "and", "or", "so", "also", "again", "more", "much", "too", "there", "that", "which", "both", "each",
     "all", "whole", "rest", "remainder", "remaining", "parts?", "portions?", "may", "might", "could", "would", "will",
     "do", "does", "did", "overall", "involved", "affected", "diseased", "residual", "what", "course", "meanwhile",
     "meantime", "interim", "versus", "against", "then", "confront", "continu(?:es?|ed|ing)", "tends?", "tendency",
     "seems?", "further", "interval", "slight", "mild", "marked", "minimal", "minor", "moderate", "significant",
     "obvious", "rapid", "gradual", "progressive", "definite", "clear", "evidence", "signs?", "somewhat", "bit", "mean",
     "median", "average", "total", "maximum", "degree", "evolution", "ongoing", "now", "still", "since", "before",
     "made", "taken", "dated", "toward", "towards", "into", "around", "along", "within", "beyond", "near", "over",
     "after", "between", "during", "last", "prior", "previous", "earlier", "compar(?:ed|ison)", "ct", "scans?",
     "films?", "images?", "imaging", "exam(?:ination)?s?", "study", "follow-?up", "seen", "noted", "described",
     "mentioned", "known", "reported", "documented", "demonstrated", "visible", "observed", "identified", "shown",
     "detected", "found", "relative", "respect", "regard", "contrast", "control", "sided", "hemithorax", "parenchyma",
     "mid", "fields?", "anterior", "posterior", "lateral", "medial", "dorsal", "perihilar", "segmental", "days?",
     "weeks?", "ago", "places", "today", "yesterday", "jan[a-z]*", "feb[a-z]*", "mar(?:ch)?", "apr[a-z]*", "june?",
     "july?", "aug[a-z]*", "sep[a-z]*", "oct[a-z]*", "nov[a-z]*", "dec[a-z]*", "lungs?", "lobes?", "lobar", "left",
     "right", "bilateral[a-z]*", "sides?", "upper", "lower", "middle", "basal", "bases?", "apex", "apices", "apical",
     "zones?", "lingula", "segments?", "peripher[a-z]+", "subpleural", "chest", "thorax", "findings?", "impression",
     "conclusions?", "opinion", "rul", "rml", "rll", "lul", "lll", "dramatic", "considerable", "substantial", "notable",
     "subtle", "small", "noted", "free", "about", "estimated", "ca", "measur(?:es?|ed|ing)", "occup(?:y|ies|ying)"),
    ("[双两左右上中下内外前后影原现今此该各本次片叶段区部位肺野呈可见有已均亦也又则却反尚渐更些微旧老次并且而但其余仍]",
     "较", "略", "稍", "明显", "显著", "轻度", "轻微", "进一步", "逐渐", "基本", "完全", "几乎", "所", "缓慢", "程度",
     "不同", "大致", "似", "考虑", "复查", "与", "和", "及", "以及", "伴", "同时", "的", "了", "为", "比较?", "对比",
     "相比", "年", "月", "日", "天", "周", "检查", "图像", "影像", "所[示见]", "[本外]?院", "首次", "入院",
     "[之以此先]前", "上次", "时", "提示", "总体", "整体", "舌", "尖", "胸膜下", "外带", "全", "由", "约", "占", "累及",
     "受累", "严重", "组织", "从", "自", "期", "治疗", "抗感染", "经", "仅", "只", "加", "明", "范围内", "区域", "趋于",
     "趋向", "趋势", "平均", "多发", "散在", "弥漫", "广泛", "大片", "小片", "少许", "少量", "[个处枚]", "可能", "疑似",
     "或许"),
)  # fmt: skip


def says_more(text):
    """Whether a text says anything beyond nouns of infection and measure, function words, dates and places."""
    known = (AMOUNT, SOME, PARTIAL, INFECTION, LUNGS, DENSITY, EXTENT,
             NEGATION, PRONOUN, AUXILIARY, COMPARED, UNCHANGED, FILLER)  # fmt: skip
    for pattern in known:  # "the majority" before "the"
        text = pattern.sub(" ", text)
    return re.search(r"[a-z]{2}|[\u3400-\u9fff]", text) is not None


# What is told of an earlier scan is no change since it: "on the prior CT the lesions were larger", "larger on the prior
# CT". "Since", "than" and "compared with" it are not read so.
_ON_EARLIER = rf"(?:on|at|in|during) (?:the |an? )?{_LAST} (?:[a-z]+ )?(?:{_SCAN}|images?|radiographs?)"
OF_EARLIER = re.compile(rf"(?:{_ON_EARLIER}|previously|formerly)(?![a-z])")
WAS = re.compile(r"(?<![a-z])(?:was|were|had been)(?: [a-z]+)? ?$")
IS_NOW = re.compile(r"(?<![a-z])(?:is|are|has|have)(?![a-z])")
ON_EARLIER = re.compile(rf"(?: in (?:size|extent|area|number|density))? {_ON_EARLIER}(?![a-z])")
BEFORE_ALONE = re.compile(
    " (?:before|previously|formerly|earlier)$"
    "| (?:a|an|one|two|three|[0-9]+) (?:day|week|month)s? (?:ago|before|earlier)"
)
# "The prior CT of 1 February showed larger" lesions.
EARLIER_SHOWED = re.compile(
    rf"{_LAST} (?:[a-z]+ )?{_SCAN}(?: (?:of|from|on|dated) [0-9a-z./ -]{{1,20}})? (?:which |that )?(?:had )?"
    r"(?:showed|shown|demonstrated|revealed|displayed|depicted|was reported as showing)(?: [a-z-]+){0,3} ?$"
)
