"""What the paper claims, number by number, beside what a run regenerates.

Two questions are kept apart. *Verdict*: does the run reproduce the printed number? On synthetic patients that is never
answered, whatever the number. *Arithmetic*: can the paper's own printed numbers be true together? That needs no
patients.

That a number does not round to the printed one is no contradiction: another sample of the same truth gives another
number. A number *differs* only if it lies further from the printed one than two samples of one truth do. Many numbers
are compared, so each is judged with the others of its family (Holm): the few that the paper's file calls primary are
one family, all others the second, and each family has half of the risk. So a faithful replication of the same size
should have a number that differs in at most one of twenty cases (``tools/simulate_replication.py`` counts them). A
number that does not differ is *not distinguishable*, which is no agreement: beside it stand the p of its own
difference, and which other numbers would not have been told from the printed one either.
"""

import numpy as np
import pandas as pd

from study.claims import audit, printed, quantities, sampling
from study.statistics.kappa import FEWEST_CASES

# Where a cohort comes from, and what agreement with the paper means there.
TIERS = {
    "synthetic": "Synthetic patients: nobody was scanned. No number here is evidence about people, and none confirms "
                 "or refutes the paper. The run shows that the pipeline regenerates each number, and what it finds "
                 "where the truth is known.",
    "public": "Public scans of patients other than the paper's. Agreement means that the finding holds for them too.",
    "restricted": "Restricted patient data. Agreement means that these patients reproduce the paper's numbers.",
    "unknown": "Patients of unknown origin: neither a note beside their table nor the parameters say whose data these "
               "are. Numbers are compared, and none is called reproduced. If you know the patients, say so in the "
               "parameter file, by tier (public or restricted) and source.",
}  # fmt: skip
# Each answer with the sign that stands before it.
VERDICTS = {
    "reproduced": "✓", "not distinguishable": "○", "differs": "✗", "synthetic only": "◇", "unknown origin": "?",
    "cannot be tested": "–",
}  # fmt: skip
UNCHECKED = "in no relation"  # with another printed number: arithmetic says nothing
# A claim that findings of the audit accuse is what the weightiest of them is.
ACCUSED = dict(zip(audit.WEIGHTS.values(), "✗≈°", strict=True))
ARITHMETIC = {"consistent": "✓", **ACCUSED, UNCHECKED: "–"}
FAILING = ("differs", *ACCUSED)  # what makes `study verify` exit with 1
# In the words of notebook 6, which this room does not know; the tests of study.results.progression compare them.
NO_REPORT = "no follow-up scan of this run has a report"
WHY_NO_NUMBER = {
    "strength_": f"a kappa of fewer than {FEWEST_CASES} cases, or without an error, has no word",
    "standard_error_": "there is none without cases, and where all agree, or none, it would be 0, no certainty",
}
# A replication of the same size is called different by chance in at most this share of papers.
LEVEL = 0.05
ONLY_MONTH = "the month alone is recorded: a day of patients who may not be named is not handed on"
OF_DIFFERENCE = ("p_of_difference", "p_adjusted", "alike_low", "alike_high")
COLUMNS = [
    "id", "where", "quantity", "published", "published_interval", "published_n", "regenerated", "ci_low", "ci_high",
    "n", "unit", "tier", "verdict", "why", *OF_DIFFERENCE, "primary",
    "arithmetic", "computation", "remark", "notebook", "name", "see",
]  # fmt: skip


def _arithmetic(claim, checks):
    """Whether a claim can be true beside the others, one of `ARITHMETIC` ("" if unchecked), and the words."""
    own = [check for check in checks if claim.id in {one.id for one in check.cited}]
    if failed := audit.failed(own):
        words = "; ".join(f"{check.words}; would fit: {check.fits}" for check in failed)
        return audit.WEIGHTS[failed[0].weight], words
    return ("consistent", "; ".join(dict.fromkeys(check.words for check in own))) if own else ("", "")


def gather(claims, run):
    """Collect what a run recorded for these claims: a table for each notebook, empty where it was not run.

    Parameters
    ----------
    claims : list of study.claims.listed.Claim
    run : study.run.Run
    """
    return {notebook: run.recorded(notebook) for notebook in sorted({nb for c in claims for nb, _ in c.parts[0]})}


def compare(paper, values, tier, checks=None):
    """Set every claim beside what was regenerated, with a verdict.

    The verdicts, of which only *differs* counts against a run:

    =====================  =============================================================================
    reproduced             the regenerated number rounds to the digits printed (or keeps the bound, or is the word)
    not distinguishable    it does not, but two samples of one truth may be as far apart (``sampling``)
    differs                they may not: p, adjusted for the quantities of its family, is below `LEVEL`. A word differs
                           where the kappa does for which it stands; what has no error (a version) where it is not the
                           same
    synthetic only         there is a number, but it comes from patients who do not exist
    unknown origin         there is a number, but nobody says whose; ``why`` holds how it compares
    cannot be tested       there is none, and the reason; or other days: patients scanned later contradict nothing; or
                           it follows from the size of the cohort (``sampling.BY_SIZE``), which is another one
    =====================  =============================================================================

    The size of a cohort is its number of patients, that of an AIC or a standard error its own n where both are known
    (``sampling.same_size``). Cohorts of other sizes have other counts, AICs and standard errors whatever the truth, and
    the same ones by chance only: they are not compared, and are no part of a family.

    Every regenerated number is about the patients of the run, so on the tiers "synthetic" and "unknown" none is called
    reproduced. Made-up patients and the paper's are no samples of one truth: on "synthetic" no difference has a p.

    Parameters
    ----------
    paper : study.claims.listed.Paper
    values : dict of str to DataFrame
        Per notebook, indexed by name with columns value, ci_low, ci_high, n, unit (from ``gather``).
    tier : {"synthetic", "public", "restricted", "unknown"}
    checks : list, optional
        What ``audit.audit`` finds of the paper, if that is known.

    Returns
    -------
    DataFrame
        One row per claim; the columns are ``COLUMNS``. ``p_of_difference`` is the p of the hypothesis that the printed
        and the regenerated number are samples of one truth, ``p_adjusted`` that for all of its family. Of the numbers
        between ``alike_low`` and ``alike_high``, in the claim's unit, none has a p of difference below `LEVEL`. All are
        NaN where nothing was compared. ``primary`` is why the paper's file names the claim so.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70.
    """
    if tier not in TIERS:
        raise ValueError(f"tier {tier!r} is unknown; a cohort is {', '.join(TIERS)}")
    checks = audit.audit(paper) if checks is None else checks
    rows = []
    for claim in paper.claims:
        row = {"id": claim.id, "where": claim.where, "quantity": claim.quantity, "published": claim.published,
               "published_interval": f"[{', '.join(claim.interval)}]" if claim.interval else "", "published_n": claim.n,
               "unit": claim.unit, "tier": tier, "remark": claim.remark, "see": claim.see, "primary": claim.primary,
               "notebook": claim.parts[0][0][0] if claim.value else "",
               "name": claim.parts[0][0][1] if claim.value else ""}  # fmt: skip
        rows.append(row | _regenerated(claim, values))
        rows[-1]["arithmetic"], rows[-1]["computation"] = _arithmetic(claim, checks)
    if tier != "synthetic":
        _compare_all(paper, rows)
    for claim, row in zip(paper.claims, rows, strict=True):
        row["verdict"], why = _verdict(claim, row, tier)
        row["why"] = row["why"] or why
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"published_n": "Int64", "n": "Int64"})


def _compare_all(paper, rows):
    """Add to each row the p of its difference from what is printed, by itself and in its family, and what is alike."""
    kinds, printed_with, reach = sampling.kinds(paper), sampling.intervals(paper), sampling.reaches(paper)
    cohorts = _cohorts(paper, rows)
    for claim, row in zip(paper.claims, rows, strict=True):
        row["of_size"] = _of_another_size(claim, row, kinds[claim.id], cohorts)
        row |= (dict(p_of_difference=np.nan, alike_low=np.nan, alike_high=np.nan) if row["of_size"] else
                _difference(claim, row, kinds[claim.id], printed_with.get(claim.id), reach.get(claim.id)))  # fmt: skip
    # Numbers that one value regenerates are one quantity, wherever they are printed.
    quantity = {claim.id: claim.value for claim in paper.claims}
    # A word stands for a number, and differs where that does.
    by_id = {row["id"]: row for row in rows}
    for relation in paper.relations:
        if relation.rule == "strength":
            word, kappa = (relation.cited[name].id for name in ("word", "kappa"))
            same = {claim.value for claim in paper.claims if claim.id == word}
            for claim in paper.claims:
                if claim.value in same and kappa in by_id and by_id[claim.id]["regenerated"] is not None:
                    by_id[claim.id]["p_of_difference"] = by_id[kappa]["p_of_difference"]
                    quantity[claim.id] = quantity[kappa]
    primary = {claim.value for claim in paper.claims if claim.primary}
    for is_primary in (True, False):
        family = [row for row in rows if (quantity[row["id"]] in primary) == is_primary]
        _adjust(family, quantity, 2 if primary else 1)


def _cohorts(paper, rows):
    """Size of the paper's cohort and of the run's, and the unit; None if the run counts nothing that is printed.

    The largest number of patients is the cohort's. Where a run lacks it, as from a table of biomarkers alone, the
    largest count that it gives stands for it.
    """
    counted = [(claim.number().value, row["regenerated"], claim.unit)
               for claim, row in zip(paper.claims, rows, strict=True)
               if claim.unit in printed.COUNTED and claim.value]  # fmt: skip
    given = sorted(one for one in counted if one[1] is not None)
    most = max((theirs for theirs, _, unit in counted if unit == "patients"), default=None)
    patients = [one for one in given if one[0] == most and one[2] == "patients"]
    return (patients or given or [None])[-1]


def _of_another_size(claim, row, kind, cohorts):
    """Say so if a number follows from the size of the cohort, and that is another one than the paper's; else ""."""
    if kind not in sampling.BY_SIZE or row["regenerated"] is None:
        return ""
    own = kind not in sampling.COUNT_ERRORS and claim.n and row["n"]
    sizes = (claim.n, row["n"], "cases") if own else cohorts
    if sizes is None or sampling.same_size(*sizes, LEVEL):
        return ""
    theirs, ours, unit = sizes
    unit = "" if own else f" {unit}"
    return f"follows from the size of the cohort: the paper's is {theirs:.0f}{unit}, this one's {ours:.0f}"


def _adjust(family, quantity, families):
    """Add Holm's p over the quantities of a family, which has its share of the risk."""
    from pingouin import multicomp  # statsmodels collects garbage in each call, a tenth of a second

    of_quantity = {}
    for row in family:
        if np.isfinite(p := row["p_of_difference"]):
            of_quantity[quantity[row["id"]]] = min(p, of_quantity.get(quantity[row["id"]], 1.0))

    def holm(ps):
        return np.minimum(families * multicomp(ps, method="holm")[1], 1.0)

    adjusted = dict(zip(of_quantity, holm(list(of_quantity.values())), strict=True)) if of_quantity else {}
    for row in family:
        p, name = row["p_of_difference"], quantity[row["id"]]
        row["p_adjusted"] = adjusted.get(name, np.nan) if np.isfinite(p) else p
        if np.isfinite(p) and p > of_quantity[name]:  # printed twice, here with fewer digits: it has its own
            row["p_adjusted"] = holm([p, *(other for one, other in of_quantity.items() if one != name)])[0]


def _difference(claim, row, kind, interval, reach):
    number, value = claim.number(), row["regenerated"]
    if value is None or number is None or isinstance(value, str):
        return {"p_of_difference": np.nan, "alike_low": np.nan, "alike_high": np.nan}
    unit = number.scale

    def known(*ends):
        return None if any(end is None or pd.isna(end) for end in ends) else tuple(float(end) / unit for end in ends)

    published = [claim.number(end).value for end in ("low", "high")] if claim.interval else interval
    error = known(row["standard_error"])
    ours = sampling.Sampled(value / unit, error[0] if error else None, known(row["ci_low"], row["ci_high"]), row["n"])
    n, interval = claim.n or row["n"], known(*published) if published else None
    theirs = sampling.Sampled(number.value / unit, None, interval, n, reach / unit if reach else None)
    low, high = number.ends
    nearest = float(np.clip(value, low, high)) / unit
    alike = np.array(sampling.not_told_apart(kind, theirs, ours, number.share, LEVEL))
    possible = quantities.find(claim.quantity)
    if possible and claim.unit in (possible.units[0], "%"):
        alike = alike.clip(possible.low, possible.high)
    p = 1.0 if number.allows(float(value)) else sampling.p_of_difference(kind, theirs, ours, nearest)
    return {"p_of_difference": p, "alike_low": unit * alike[0], "alike_high": unit * alike[1]}


def _why_undefined(recorded, name):
    if recorded.get("n_without_report", 0) > 0 and recorded["n_without_report"] == recorded.get("n_pairs"):
        return NO_REPORT
    why = next((f": {said}" for begun, said in WHY_NO_NUMBER.items() if name.startswith(begun)), "")
    return f"{name} is undefined in this run{why}"


def _regenerated(claim, values):
    """Give the regenerated number in the claim's unit with its interval and n, or why there is none."""
    nothing = {"regenerated": None, "ci_low": None, "ci_high": None, "n": None, "standard_error": None}
    parts, joint = claim.parts
    if not parts:
        return {**nothing, "why": claim.reason}
    scale = 100 if claim.unit == "%" else 1  # shares are recorded as fractions
    found = []
    for notebook, name in parts:
        table = values.get(notebook)
        if table is None or not len(table):
            return {**nothing, "why": f"notebook {notebook} was not run"}
        if name not in table.index:
            return {**nothing, "why": f"notebook {notebook} recorded no {name}"}
        if pd.isna(table.loc[name, "value"]):
            return {**nothing, "why": _why_undefined(table["value"], name)}
        if (unit := table.loc[name, "unit"]) not in ("", claim.unit):
            return {**nothing, "why": f"{name} is recorded in {unit} and printed in {claim.unit or 'no unit'}"}
        found.append(table.loc[name])
    first = found[0]
    if joint:
        one, two = float(first["value"]), float(found[1]["value"])
        if joint == "/" and two == 0:
            return {**nothing, "why": f"{parts[1][1]} is 0 in this run"}
        value = scale * one / two if joint == "/" else one - two
        return {**nothing, "regenerated": value, "n": int(two) if joint == "/" else None, "why": ""}
    recorded = ("value", "ci_low", "ci_high", "standard_error")
    numbers = [None if pd.isna(first[name]) else first[name] for name in recorded]
    if scale != 1:
        numbers = [None if number is None else scale * number for number in numbers]
    n = None if pd.isna(first["n"]) else int(first["n"])
    names = ("regenerated", "ci_low", "ci_high", "standard_error")
    return {**dict(zip(names, numbers, strict=True)), "n": n, "why": ""}


def _verdict(claim, row, tier):
    """Give the verdict, and the words for it where it needs some."""
    if row["regenerated"] is None:
        return "cannot be tested", ""
    if claim.unit == "date" and len(str(row["regenerated"])) == len("2020-01"):
        return "cannot be tested", ONLY_MONTH
    if tier == "synthetic":
        return "synthetic only", ""
    answer, why = _compared(claim, row)
    if tier == "unknown":
        said = {"reproduced": "it rounds to the digits printed", "differs": "it differs from the printed number",
                "not distinguishable": "it is not distinguishable from the printed number"}  # fmt: skip
        return "unknown origin", said.get(answer, why)
    return answer, why


def _compared(claim, row):
    value, number = row["regenerated"], claim.number()
    if row["of_size"]:
        return "cannot be tested", row["of_size"]
    if claim.unit == "date":
        if pd.to_datetime(value) == pd.to_datetime(claim.published):
            return "reproduced", ""
        return "cannot be tested", f"other days, {value}: patients scanned later or earlier contradict nothing"
    if str(value) == claim.published if number is None else number.allows(float(value)):
        return "reproduced", ""
    return ("not distinguishable" if row["p_adjusted"] >= LEVEL else "differs"), ""


def summary(table):
    """Count how many claims have each verdict, and how many fit the paper's own arithmetic or have none to fit.

    Parameters
    ----------
    table : DataFrame
        From :func:`compare`, or as ``claims.csv`` has it.

    Returns
    -------
    DataFrame
        ``question, answer, claims, numbers``; each question's claims sum to all. A number that the paper prints several
        times is as many claims, and one of the ``numbers``.
    """
    columns = ["id", "notebook", "name", "unit", "regenerated"]
    numbers = [" ".join(map(str, of_value)) if of_value[1] else id_  # by two values joined, also another number
               for id_, *of_value in table[columns].itertuples(index=False)]  # fmt: skip
    answers = pd.DataFrame({"verdict": table["verdict"], "arithmetic": table["arithmetic"].replace("", UNCHECKED),
                            "number": numbers})  # fmt: skip
    rows = []
    for question, listed in (("verdict", VERDICTS), ("arithmetic", ARITHMETIC)):
        for answer in listed:
            found = answers.loc[answers[question] == answer, "number"]
            rows.append((question, answer, len(found), found.nunique()))
    return pd.DataFrame(rows, columns=["question", "answer", "claims", "numbers"])


def failing(table):
    """Select the claims that a run contradicts (*differs*) or that a finding of the audit accuses (`ACCUSED`)."""
    return table[table["verdict"].isin(FAILING) | table["arithmetic"].isin(FAILING)]


def readable(table):
    """Show the comparison to people: numbers with units and intervals, in the paper's digits.

    Parameters
    ----------
    table : DataFrame
        From :func:`compare`.

    Returns
    -------
    DataFrame
        Columns of text, where, claim, published, regenerated, n, verdict, why, and, where differences were tested, not
        told apart, and of numbers: p, and p in its family.
    """
    shown = pd.DataFrame([{
        "where": row["where"], "claim": row["quantity"],
        "published": f"{row['published']} {row['published_interval']}".strip(),
        "regenerated": f"{row['regenerated']} {row['interval']}".strip(),
        "n": "" if row["n"] is None else str(row["n"]),
        "p": row["p_of_difference"], "p in its family": row["p_adjusted"], "not told apart": row["alike"],
        "verdict": row["verdict"], "why": row["why"],
    } for row in worded(table)])  # fmt: skip
    if table["p_of_difference"].isna().all():
        shown = shown.drop(columns=["p", "p in its family", "not told apart"])
    return shown


def worded(table):
    """The rows of the comparison as a list of dict, numbers as text with their units; None where there is nothing.

    ``regenerated`` and its ``interval`` have as many digits as were printed; ``exact`` has what was recorded, ``alike``
    the numbers that are not told from the printed one.
    """
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [row | _in_words(row) for row in rows]


def _in_words(row):
    unit = {"word": "", "date": "", "%": " %"}.get(row["unit"], f" {row['unit']}" if row["unit"] else "")
    published = row["published"] + unit
    value, number = row["regenerated"], printed.read_number(row["published"], row["unit"])
    if value is None or number is None or isinstance(value, str):
        shown = "" if value is None else str(value)
        return {"published": published, "regenerated": shown, "interval": "", "exact": "", "alike": ""}
    digits = max(0, number.decimals + bool(number.sign))  # beside a bound one more, so that one sees on which side

    def shown(x):
        return "<0.001" if number.sign == "<" and 0 <= x < 0.001 else f"{x:.{digits}f}"

    known = row["ci_low"] is not None and row["ci_high"] is not None
    interval = f"[{shown(row['ci_low'])}, {shown(row['ci_high'])}]" if known else ""
    low, high = row["alike_low"], row["alike_high"]
    alike = ("" if low is None else f"up to {shown(high)}" if np.isinf(low)
             else f"{shown(low)} or more" if np.isinf(high) else f"{shown(low)} to {shown(high)}")  # fmt: skip
    return {"published": published, "regenerated": shown(value) + unit, "interval": interval,
            "exact": f"{float(value):.10g}", "alike": alike}  # fmt: skip
