"""Key phrases of radiology reports: whether the infection, or its density, went up or down, wholly or in part.

The paper took phrases such as "infection region has (partially) expanded" or "density of infection region has
increased" from the reports as the reference for the change between two scans. Here reports in English, Chinese or
both are read by rules: a report is cut into clauses, and a clause counts when it contains a word of change whose
quantity is the extent or the density of the infection and which is not denied. `changes` has the words of change,
`lexicon` all others, `grammar` how they are read, `amounts` what two amounts say, and `became` what ground glass and
consolidation became.

What counts, and what does not:

- up in volume: expanded, enlarged, larger, grown, progressed, spread, more extensive, increased (in extent or number),
  and new lesions; down: contracted, shrunk, smaller, resolved, cleared, disappeared, less extensive, reduced (in
  extent);
- up in density: denser, consolidated, density increased or higher, ground glass that is now consolidation; down:
  fainter, lighter, density decreased or lower, consolidation that is now ground glass;
- *worse* or *improved* (加重, 好转, back to normal, only residual), where the sentence names the lungs or the infection
  and no other word of change says the same, is a change of volume. "Worse at the bases" compares places and is none;
- two amounts, of now and of before, are a change: percent, lengths, ml, scores and counts of volume, HU of density;
- *absorbed* may mean either: an absorbed lesion is smaller, or only fainter (the paper names this among its
  limitations). It is taken as a decrease in volume, also next to the word density, because a report that means density
  nearly always says so as well. Where a direction rests on that word alone, `tabulate` marks it (``only_absorbed``),
  so that a result can be computed without those reports;
- *partial* is what is called so (partly, mostly, some lesions, in places), and what changed where the rest of the
  lesions is as before (余病灶大致同前); a lesion of one named lobe is not partial by itself;
- a hedge (possibly, slightly) still counts; a recommendation ("until absorbed") does not;
- a change of something else (effusion, nodule, lymph node, calcification, heart ...) is ignored, and so are words that
  only describe ("high-density shadows", "areas of increased density");
- how things were on an earlier scan ("larger on the prior CT") is no change since it, and is listed as below;
- "the findings are improved" does not say of what, and other words of change are not known to the lexicon: `unknown`
  lists them for the reader, as it lists a known change of something unknown, or amounts of which it is not clear which
  was before. Nothing is guessed from them.
"""

import pandas as pd

from study.measures.phrases.changes import ABSORBED
from study.measures.phrases.grammar import read
from study.measures.phrases.phrase import Phrase

__all__ = ["Phrase", "find", "summary", "tabulate", "unknown", "unknown_wordings"]

QUANTITIES = ("volume", "density")


def find(report):
    """Find what a report says about change of the infection.

    Parameters
    ----------
    report : str or missing
        Text in English or Chinese, or both. None, NaN and empty text contain no phrase.

    Returns
    -------
    list of Phrase
        In the order of the text; empty if it says nothing about change, or denies it.

    Examples
    --------
    >>> [(p.quantity, p.direction, p.partial) for p in find("The lesions have partly shrunk; density is higher.")]
    [('volume', -1, True), ('density', 1, False)]
    >>> [(p.quantity, p.direction, p.partial) for p in find("双肺病灶较前部分吸收，密度增高。")]
    [('volume', -1, True), ('density', 1, False)]
    >>> find("No significant change. Pleural effusion has increased.")
    []
    """
    return read(report)[0] if isinstance(report, str) else []


def unknown(report):
    """List the statements of change in a report that became no phrase, as the lexicon does not know their words.

    Parameters
    ----------
    report : str or missing
        As for :func:`find`.

    Returns
    -------
    list of str
        Clauses (lower case; the whole sentence where only that shows it) that compare the infection with an earlier
        scan, or call it better or worse, without a known word of change; and known words of change of something
        unknown.

    Examples
    --------
    >>> unknown("The lesions are more organised than before. No effusion.")
    ['the lesions are more organised than before']
    """
    return list(dict.fromkeys(read(report)[1])) if isinstance(report, str) else []


def unknown_wordings(reports):
    """Gather the unknown wordings of many reports, the most frequent first.

    Parameters
    ----------
    reports : Series of str
        Missing reports are allowed.

    Returns
    -------
    DataFrame
        ``wording`` and ``reports``, the number of reports with it; no rows where everything was understood.
    """
    counted = pd.Series([wording for report in reports for wording in unknown(report)], dtype=object).value_counts()
    return counted.rename_axis("wording").rename("reports").reset_index()


def summary(report):
    """Summarise what a report says about each quantity.

    Parameters
    ----------
    report : str or missing
        As for :func:`find`.

    Returns
    -------
    dict
        ``volume`` and ``density``: +1 or -1; 0 if nothing is said; None if both directions are said (opposite
        phrases, which the paper excluded). ``volume_partial`` and ``density_partial``: True if every phrase of that
        quantity is partial, False if one is whole or there is none. ``only_absorbed``: True if every phrase on volume
        is a form of "absorbed", which may mean density.
    """
    found = find(report)
    summarised = {}
    for quantity in QUANTITIES:
        of_quantity = [phrase for phrase in found if phrase.quantity == quantity]
        directions = {phrase.direction for phrase in of_quantity}
        summarised[quantity] = None if len(directions) > 1 else next(iter(directions), 0)
        summarised[f"{quantity}_partial"] = bool(of_quantity) and all(phrase.partial for phrase in of_quantity)
    on_volume = [phrase.word for phrase in found if phrase.quantity == "volume"]
    summarised["only_absorbed"] = bool(on_volume) and all(map(ABSORBED.fullmatch, on_volume))
    return summarised


def tabulate(reports):
    """Summaries of many reports, one row each.

    Parameters
    ----------
    reports : Series of str
        Missing reports are allowed.

    Returns
    -------
    DataFrame
        On the same index: ``volume`` and ``density`` (+1, -1, 0; NaN where opposite), ``volume_partial``,
        ``density_partial``, ``volume_opposite``, ``density_opposite``, ``only_absorbed`` and ``has_report`` (bool).
    """
    reports = pd.Series(reports)
    rows = [summary(report) for report in reports]
    table = pd.DataFrame({"has_report": [isinstance(report, str) and bool(report.strip()) for report in reports]})
    for quantity in QUANTITIES:
        table[quantity] = pd.Series([row[quantity] for row in rows], dtype=float)
        table[f"{quantity}_partial"] = pd.Series([row[f"{quantity}_partial"] for row in rows], dtype=bool)
        table[f"{quantity}_opposite"] = table[quantity].isna()
    table["only_absorbed"] = pd.Series([row["only_absorbed"] for row in rows], dtype=bool)
    return table.set_index(reports.index)
