"""The words of follow-up reports, English and Chinese: what a hospital writes, by its meaning.

Clauses have no capital and no full stop; `{how}` takes an adverb (slightly, partially) or nothing, `{date}` the day of
the previous scan. Table 3's phrases, "infection region has (partially) expanded" and so on, are the first of each kind.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language's wordings; a tuple contains alternatives.

    Attributes
    ----------
    compared : tuple of str
        What may precede a statement of change.
    change, some, beside : dict of (quantity, direction) to tuple of str
        A change of the infection; of a part of it, in words that say so; and of its density (or extent) in a clause
        that follows one on its extent.
    unchanged : dict of str to tuple of str
        The quantity did not change: ahead of a clause on density ("volume") or after one on extent ("density").
    opposite, stable, clear : tuple of str
        Sentences: both directions, no change, no infection.
    vague : dict of int to tuple of str
        Better (-1, less infection) or worse (+1) without a word on what changed.
    partly, slightly, markedly : tuple of str
    described : dict of str to tuple of str
        What is there: "few", "ground glass" or "consolidation".
    unrelated : tuple of tuple of str
        Findings that have nothing to do with the infection; one tuple per organ.
    findings, impression, stop : str
        Headings, and the end of a sentence.
    """

    compared: tuple
    change: dict
    some: dict
    beside: dict
    unchanged: dict
    opposite: tuple
    stable: tuple
    clear: tuple
    vague: dict
    partly: tuple
    slightly: tuple
    markedly: tuple
    described: dict
    unrelated: tuple
    findings: str
    impression: str
    stop: str


ENGLISH = Words(
    compared=("", "compared with the previous scan, ", "compared with the CT of {date}, ", "since {date}, "),
    change={
        ("volume", +1): (
            "the infection region has {how}expanded",
            "the infected area has {how}enlarged",
            "the lesions in both lungs have {how}progressed",
            "the opacities are {how}more extensive",
            "the lesions have {how}increased in size",
            "the ground-glass opacities have {how}spread",
        ),
        ("volume", -1): (
            "the infection region has {how}contracted",
            "the lesions have {how}shrunk",
            "the infected area is {how}reduced",
            "the lesions have been {how}absorbed",
            "the opacities in both lungs have {how}resolved",
            "the lesions have {how}decreased in size",
            "the ground-glass opacities are {how}smaller",
        ),
        ("density", +1): (
            "density of the infection region has {how}increased",
            "the lesions are {how}denser",
            "the attenuation of the opacities is {how}higher",
            "the ground-glass opacities have {how}consolidated",
        ),
        ("density", -1): (
            "density of the infection region has {how}decreased",
            "the lesions are {how}fainter",
            "the attenuation of the opacities is {how}lower",
            "the opacities have {how}faded",
        ),
    },
    some={
        ("volume", +1): ("some of the lesions have expanded", "part of the infection has become more extensive"),
        ("volume", -1): ("some of the lesions have shrunk", "some of the opacities have been absorbed"),
        ("density", +1): ("some of the lesions are denser", "in some of the lesions the density is higher"),
        ("density", -1): ("some of the lesions are fainter", "in some of the lesions the density is lower"),
    },
    beside={
        ("density", +1): (", with {how}increased density", ", and density is {how}higher", "; they are {how}denser"),
        ("density", -1): (", with {how}decreased density", ", and density is {how}lower", "; they are {how}fainter"),
    },
    unchanged={
        "volume": ("extent of the lesions unchanged; ", "the lesions have not enlarged, but "),
        "density": (", with unchanged density", "; density as before"),
    },
    opposite=(
        "the infection region has partially expanded and partially contracted",
        "some lesions have enlarged, others have shrunk",
        "the lesions in the right lung have partly been absorbed, those in the left lung have partly progressed",
    ),
    stable=(
        "no significant change",
        "the lesions are similar to the previous scan",
        "the infection is stable",
        "the lesions have neither expanded nor contracted",
        "no enlargement of the opacities is seen",
    ),
    clear=("no infection is seen in either lung", "both lungs are clear"),
    vague={
        +1: ("the findings have worsened", "the opacities are more conspicuous than before"),
        -1: ("the findings have improved", "the opacities in both lungs are less conspicuous than before"),
    },
    partly=("partially ", "partially ", "partly ", "in part "),
    slightly=("slightly ", "mildly ", "somewhat "),
    markedly=("markedly ", "clearly "),
    described={
        "few": ("a few small ground-glass opacities below the pleura", "a faint patchy opacity in the lower lobe"),
        "ground glass": (
            "multiple patchy ground-glass opacities in both lungs, mainly in the lower lobes",
            "bilateral ground-glass opacities with blurred margins and crazy paving",
        ),
        "consolidation": (
            "multiple ground-glass opacities and areas of consolidation in both lungs",
            "bilateral patchy high-density shadows with air bronchograms",
        ),
    },
    unrelated=(
        ("a calcified nodule in the right upper lobe", "a small nodule in the left lower lobe, unchanged",
         "a small nodule in the left upper lobe, slightly larger"),
        ("calcification of the aortic wall", "the aorta is of normal width"),
        ("mediastinal lymph nodes are not enlarged", "no enlarged lymph nodes"),
        ("no pleural effusion", "small left pleural effusion, slightly increased",
         "the right pleural effusion has decreased"),
        ("no new lesion",),
        ("the heart is of normal size", "the heart is mildly enlarged"),
        ("trachea and main bronchi are patent",),
    ),
    findings="Findings: ",
    impression="Impression: ",
    stop=". ",
)  # fmt: skip

CHINESE = Words(
    compared=("", "与前片比较，", "与{date}CT对比，", "对比前次CT检查，"),
    change={
        ("volume", +1): (
            "感染区域较前{how}扩大",
            "病灶范围较前{how}扩大",
            "双肺病灶较前{how}增大",
            "双肺斑片影较前{how}增多",
            "病变较前{how}进展",
            "磨玻璃影范围{how}增大",
        ),
        ("volume", -1): (
            "感染区域较前{how}缩小",
            "病灶范围较前{how}缩小",
            "双肺病灶较前{how}吸收",
            "双肺斑片影较前{how}减少",
            "病变较前{how}吸收、缩小",
            "磨玻璃影较前{how}消散",
        ),
        ("density", +1): (
            "感染区域密度较前{how}增高",
            "病灶密度较前{how}增高",
            "磨玻璃影密度{how}增加",
            "病灶较前{how}密实",
        ),
        ("density", -1): (
            "感染区域密度较前{how}减低",
            "病灶密度较前{how}降低",
            "病灶较前{how}变淡",
            "磨玻璃影密度{how}减低",
        ),
    },
    some={
        ("volume", +1): ("部分病灶较前增大", "双肺病灶局部范围扩大"),
        ("volume", -1): ("部分病灶较前吸收", "部分病灶范围缩小"),
        ("density", +1): ("部分病灶密度较前增高", "部分病灶较前密实"),
        ("density", -1): ("部分病灶密度较前减低", "部分病灶较前变淡"),
    },
    beside={
        ("density", +1): ("，密度{how}增高", "，密度较前{how}增高"),
        ("density", -1): ("，密度{how}减低", "，密度较前{how}变淡"),
    },
    unchanged={
        "volume": ("病灶范围大致同前，", "病灶范围未见明显变化，"),
        "density": ("，密度大致同前", "，密度无明显变化"),
    },
    opposite=(
        "感染区域部分扩大、部分缩小",
        "部分病灶较前吸收，部分病灶较前增大",
        "右肺病灶较前部分吸收，左肺病灶较前部分进展",
    ),
    stable=(
        "双肺病灶较前未见明显变化",
        "病灶大致同前",
        "病变较前相仿",
        "病灶未见明显增大或缩小",
    ),
    clear=("双肺未见明确感染灶", "双肺野清晰，未见实质性病变"),
    vague={
        +1: ("影像表现较前加重", "双肺病灶较前明显"),
        -1: ("影像表现较前好转", "影像表现较前改善"),
    },
    partly=("部分",),
    slightly=("略", "稍", "轻度"),
    markedly=("明显", "显著"),
    described={
        "few": ("右肺下叶胸膜下少许磨玻璃影", "双肺散在小斑片状淡薄影"),
        "ground glass": ("双肺多发斑片状磨玻璃影，以下叶胸膜下为主", "双肺多发磨玻璃影，边界不清，内见铺路石征"),
        "consolidation": ("双肺多发磨玻璃影及实变影", "双肺多发斑片状高密度影，内见支气管充气征"),
    },
    unrelated=(
        ("右肺上叶钙化灶", "左肺下叶小结节，同前", "左肺上叶小结节，较前略增大"),
        ("主动脉壁钙化",),
        ("纵隔淋巴结未见肿大", "纵隔内未见肿大淋巴结"),
        ("双侧胸腔未见积液", "左侧胸腔少量积液，较前略增多", "右侧胸腔积液较前减少"),
        ("未见新发病灶",),
        ("心影大小正常", "心影稍增大"),
        ("气管及主支气管通畅",),
    ),
    findings="影像所见：",
    impression="诊断意见：",
    stop="。",
)  # fmt: skip
