"""Follow-up reports in words: what a radiologist sees between two scans of a patient, and how it is written down.

The reader starts from the true change, errs, overlooks a small one, and does not mention all that is noticed; what is
mentioned is put into English or Chinese (`report_words`). The same random draw says the same in both languages.
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from study.phantom.people.report_words import CHINESE, ENGLISH, Words

LANGUAGES = {"english": ENGLISH, "chinese": CHINESE}
# Infected fraction of the lung: below it there are "a few" lesions. Mean HU: above it some is consolidated. Assumed.
FEW, CONSOLIDATED_HU = 0.01, -440.0
VOLUME_OFFSET = 0.003  # infected fraction added before the ratio, so that traces are not "doubled"; assumed
# Chances, assumed: a small change is called slight and a large one marked; the other quantity, where it did not change,
# is called unchanged; what is there is described.
ADVERB, ASIDE, DESCRIBED = 0.4, 0.5, 0.5
PARTIAL_BY_SIZE = (1.5, 1.0, 0.6)  # a small change is more often one of some lesions only; assumed

_REPORTS = 5  # name of the random stream


@dataclass(frozen=True)
class Reporting:
    """How a department reads, and what it writes down.

    The rates are set so that the default cohort's reports come near the paper's Table 3, on the true change alone:
    infection expanded 86, contracted 98, density increased 43, decreased 39, about a quarter of the former and a third
    of the latter partial (Table 4: 42 of 184, 28 of 82), and six reports with opposite phrases, in about 335 pairs of
    scans. No biomarker measured on the scans was looked at. The errors and least changes are assumed.
    """

    volume_error: float = 0.20  # SD of the error on the log ratio of infected volumes
    least_volume: float = 0.18  # least noticeable change of the log ratio: about a fifth
    density_error_hu: float = 25.0  # SD of the error on the difference of mean HU
    least_density_hu: float = 25.0  # least noticeable difference
    expanded: float = 0.76  # chances, 0..1, that a noticed change is written down
    contracted: float = 0.93
    density_increased: float = 0.44
    density_decreased: float = 0.46
    partial_volume: float = 0.23  # chances, 0..1, that a change is said to be partial
    partial_density: float = 0.29
    opposite: float = 0.02  # lesions of one scan changed in both directions, and the report says so
    vague: float = 0.05  # "improved" or "worse", and not what changed

    def __post_init__(self):
        """Refuse chances outside 0..1 and negative sizes."""
        for each in fields(self):
            value, is_size = getattr(self, each.name), "error" in each.name or "least" in each.name
            if not 0 <= value <= (np.inf if is_size else 1):
                raise ValueError(f"{each.name} = {value!r} must be {'0 or more' if is_size else 'between 0 and 1'}")


@dataclass(frozen=True)
class Findings:
    """What a report says of the infection, before it is put into words.

    `volume` and `density` are +1, -1 or 0 (nothing is said); the `size` of a change is 0 (small), 1 or 2; `same` holds
    the quantities of which no change was noticed. `vague` is +1 worse, -1 better. `present` is what there is to
    describe, None without infection.
    """

    present: str | None
    volume: int = 0
    density: int = 0
    volume_partial: bool = False
    density_partial: bool = False
    volume_size: int = 1
    density_size: int = 1
    same: tuple[str, ...] = ()
    is_opposite: bool = False
    vague: int = 0


def write_reports(
    scans: pd.DataFrame, seed: int, language: str = "mixed", reporting: Reporting | None = None
) -> pd.Series:
    """Write a report for each follow-up scan, against the patient's scan before it; None for a first scan.

    Parameters
    ----------
    scans : DataFrame
        patient_number, visit, scan_date, true_poi and true_ihu (missing without infection); each patient's visits
        together and in order.
    seed : int
    language : {"english", "chinese", "mixed"}
    reporting : Reporting, optional
    """
    reports, previous = [], None
    for row in scans.to_dict("records"):
        number, visit = row["patient_number"], row["visit"]
        this = dict(
            poi=row["true_poi"],
            ihu=np.nan if row["true_ihu"] is None else row["true_ihu"],
            scan_date=row["scan_date"],
        )
        written_in = language
        if language == "mixed":  # a hospital writes in one language: all reports of a patient have the same
            written_in = tuple(LANGUAGES)[np.random.default_rng([seed, _REPORTS, number]).integers(len(LANGUAGES))]
        rng = np.random.default_rng([seed, _REPORTS, number, visit])
        reports.append(write_report(previous, this, rng, written_in, reporting) if visit > 1 else None)
        previous = this
    return pd.Series(reports, index=scans.index, dtype=object)


def write_report(before, after, rng, language="english", reporting=None) -> str:
    """Write a follow-up report.

    Parameters
    ----------
    before, after : dict
        `poi` (fraction 0..1) and `ihu` (HU, NaN without infection) of the patient's previous and this scan, from the
        truth; `before` also `scan_date`, as the report names it.
    rng : numpy.random.Generator
    language : {"english", "chinese"}
    reporting : Reporting, optional

    Returns
    -------
    str
        What is there, what changed (extent, density, or both, each perhaps in part; often nothing is said), and
        findings that have nothing to do with it. Motion is never mentioned.
    """
    reporting = reporting or Reporting()
    findings = look(before, after, rng, reporting)
    return put_into_words(findings, before.get("scan_date", ""), LANGUAGES[language], rng)


def look(before, after, rng, reporting) -> Findings:
    """What the reader notices, and which part of it the report will say; arguments as for `write_report`."""
    ratio = (
        np.log((after["poi"] + VOLUME_OFFSET) / (before["poi"] + VOLUME_OFFSET))
        + reporting.volume_error * rng.standard_normal()
    )
    # NaN where a scan has no infection: then nothing is noticed
    shift = after["ihu"] - before["ihu"] + reporting.density_error_hu * rng.standard_normal()
    chance = dict(zip(("opposite", "vague", "volume", "density", "partly", "partly dense"), rng.random(6), strict=True))
    if after["poi"] == 0:
        present = None
    elif after["poi"] < FEW:
        present = "few"
    else:
        present = "consolidation" if after["ihu"] > CONSOLIDATED_HU else "ground glass"
    if max(before["poi"], after["poi"]) == 0:
        return Findings(present)
    volume = _noticed(ratio, reporting.least_volume)
    density = _noticed(shift, reporting.least_density_hu)
    if chance["opposite"] < reporting.opposite and abs(ratio) < 4 * reporting.least_volume and present:
        return Findings(present, is_opposite=True)
    if volume and chance["vague"] < reporting.vague:
        return Findings(present, vague=volume)
    is_said = chance["volume"] < (reporting.expanded if volume > 0 else reporting.contracted)
    is_dense_said = chance["density"] < (reporting.density_increased if density > 0 else reporting.density_decreased)
    volume_size, density_size = _size(ratio, reporting.least_volume), _size(shift, reporting.least_density_hu)
    return Findings(
        present,
        volume=volume * is_said,
        density=density * is_dense_said,
        volume_partial=present is not None
        and chance["partly"] < reporting.partial_volume * PARTIAL_BY_SIZE[volume_size],
        density_partial=chance["partly dense"] < reporting.partial_density * PARTIAL_BY_SIZE[density_size],
        volume_size=volume_size,
        density_size=density_size,
        same=tuple(name for name, noticed in (("volume", volume), ("density", density)) if not noticed),
    )


def _noticed(change, least) -> int:
    return int(np.sign(change)) if abs(change) > least else 0


def _size(change, least) -> int:
    return int(abs(change) > 2 * least) + int(abs(change) > 4 * least)


def put_into_words(findings: Findings, date: str, words: Words, rng) -> str:
    """A report of some sentences; `date` is that of the previous scan."""
    change = _change(findings, date, words, rng)
    described = []
    if findings.present and rng.random() < DESCRIBED:
        described = [_one_of(words.described[findings.present], rng)]
    organs = [words.unrelated[k] for k in rng.permutation(len(words.unrelated))[: int(rng.random() * 4)]]
    unrelated = [_one_of(organ, rng) for organ in organs]
    sentences = [*described, change, *unrelated]
    if described and rng.random() < 0.4:
        sentences = [words.findings + described[0], *unrelated, words.impression + change]
    return "".join(sentence[0].upper() + sentence[1:] + words.stop for sentence in sentences).strip()


def _change(findings, date, words, rng) -> str:
    """The sentence on what changed."""
    if findings.is_opposite:
        return _one_of(words.opposite, rng)
    if findings.vague:
        return _one_of(words.vague[findings.vague], rng)
    if not (findings.volume or findings.density):
        return _one_of(words.stable if findings.present else words.clear, rng)
    compared = _one_of(words.compared, rng).format(date=date)
    has_aside = rng.random() < ASIDE
    if findings.volume and findings.density:
        clause = _clause(words.change, "volume", findings, words, rng)
        clause += _clause(words.beside, "density", findings, words, rng)
    elif findings.volume:
        clause = _clause(words.change, "volume", findings, words, rng)
        if has_aside and findings.present and "density" in findings.same:
            clause += _one_of(words.unchanged["density"], rng)
    else:
        clause = _clause(words.change, "density", findings, words, rng)
        if has_aside and "volume" in findings.same:
            clause = _one_of(words.unchanged["volume"], rng) + clause
    return compared + clause


def _clause(clauses, quantity, findings, words, rng) -> str:
    direction = getattr(findings, quantity)
    if getattr(findings, f"{quantity}_partial"):
        if clauses is words.change and rng.random() < 0.3:
            return _one_of(words.some[quantity, direction], rng)
        adverb = _one_of(words.partly, rng)
    else:
        of_size = {0: words.slightly, 1: ("",), 2: words.markedly}[getattr(findings, f"{quantity}_size")]
        adverb = _one_of(of_size, rng) if rng.random() < ADVERB else ""
    return _one_of(clauses[quantity, direction], rng).format(how=adverb)


def _one_of(choices, rng):
    return choices[int(rng.random() * len(choices))]
