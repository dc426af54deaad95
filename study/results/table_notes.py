"""What stands under each table: what is counted, which test was made, what brackets are.

``tables.save`` adds what the abbreviations mean, and whether the data are synthetic.
"""

from study.results import words
from study.results.diagnostic import FEWEST_PATIENTS
from study.results.targets import NOT_ENOUGH, NOT_SHOWN, TARGETS
from study.statistics.kappa import FEWEST_CASES

NOTES = {
    "2": "Parentheses: counts. Brackets: {confidence} confidence intervals, of sensitivity and specificity by "
    "bootstrap of scans within each status (exact where they are 0 or 100 %), with the cut-off kept that Youden's "
    "index chose on the same scans, of the AUC by DeLong on the logit scale; they take scans "
    "as independent, and Tables S3 and S15 have intervals over patients. p values: over scans, "
    "taken as independent too, that the AUC is 0.5 (Mann-Whitney's U test; of POI+iHU too small, as the model was "
    "fitted to these scans); over patients, that no biomarker of the model matters (Wald's F test in GEE). A scan "
    "without measured infection has no iHU and is not in the rows that need it.",
    "3": "Counted are reports of the later of two consecutive scans; opposite phrases are excluded, and the reports of "
    "patients who have a scan without date.",
    "4": "Counted are pairs of consecutive scans of a patient. Kappa error: as Cohen gave it (1960).",
    "S1": "Ranges of the scans of each vendor; n: scans.",
    "S2": "SD: of the scans. Brackets: {confidence} confidence intervals (Wald's beside the odds ratios). p values: "
    "Wald's test over scans, which are taken as independent. Left out: scans without measured infection, which have no "
    "iHU. So AICs of different numbers of scans may not be compared.",
    "S3": "Brackets: {confidence} confidence intervals; of DeLong and Obuchowski on the logit scale, Obuchowski's and "
    "BCa with Student's t for the patients. Obuchowski's p value (Figure 3) is of the same error on the scale of the "
    "AUC itself: of few patients it may be small where the interval contains 0.5. Of a biomarker with an odds ratio "
    "below 1, lower values are called severe.",
    "S4": "Counted are pairs of consecutive scans of a patient. Left out: no change of the biomarker, or iHU "
    "undefined. p values: that kappa is 0 (z test with the error under chance, over pairs).",
    "S5": "Brackets: {confidence} confidence intervals. p values: Wald's tests, over scans as if independent and over "
    "patients (GEE with bias-reduced errors, t distribution).",
    "S6": "Counted are scans. First: by date; a scan without date comes last. Worst: a severe scan if there is one, "
    "then that of the largest POI, which favours POI. "
    "Without notes: several scans of a patient, taken as independent. Brackets: {confidence} confidence intervals "
    "(DeLong, logit scale). Of a biomarker with an odds ratio below 1, lower values are called severe.",
    "S7": "p values: likelihood ratio test over scans, which are taken as independent, and Wald's test over patients.",
    "S8": "Apparent: on the scans fitted to. Corrected: less the optimism, a mean over resamples of patients; where "
    "chance makes it negative, the corrected number exceeds the apparent one. Held-out AUCs are means of those "
    "within folds, as models of different folds have other intercepts: without the pairs across folds they may "
    "lie above the apparent AUC. Brackets: {confidence} confidence intervals over patients.",
    "S9": "Base: the headline as it is. A scan in which a smaller mask leaves no infection has no iHU, and models with "
    "iHU leave it out there.",
    "S10": "Counted are pairs of consecutive scans. Brackets: {confidence} confidence intervals; those over patients "
    "are symmetric in log(1 - kappa), with Student's t and a variance times K / (K - 1) for K patients.",
    "S11": "A report that mentions no change counts as unchanged. Brackets: {confidence} confidence intervals. A dash: "
    f"kappa of up and down of fewer than {FEWEST_CASES} pairs, as in Figure S9.",
    "S12": "Base: kappa as in Table 4. If the least detectable change is known, changes below it, or below half of it, "
    "are left out in turn; few pairs remain (Figure S9 shows their share), and a kappa near 1 may be chance; a dash "
    f"there is a kappa of fewer than {FEWEST_CASES} pairs.",
    "S13": "Counted are reports.",
    "S14": "Brackets: {confidence} confidence intervals.",
    "S15": "Brackets: {confidence} confidence intervals by bootstrap of patients (percentiles, which are too narrow "
    "where few patients are severe: in simulations those of an AUC held the truth in 92 % with 32 severe patients, in "
    "85 % with 8). Stated prevalence: {prevalence}; where the authors state none, 5 % is assumed.",
    "S16": "Half-width: of the {confidence} confidence interval over patients, with the cut-off kept (percentiles, as "
    "in Table S15), as a study has that takes its cut-off from elsewhere; one chosen on the same patients has wider "
    "intervals, which depend on patients of both statuses. Patients: those of the status on which the number depends, "
    "severe ones for sensitivity, others for specificity, the rarer for the AUC, whose interval is Obuchowski's "
    "(Table S3); of both together it takes more. Fewer than "
    f"{FEWEST_PATIENTS} patients do not tell how many more it would take.",
    "S17": "Brackets: {confidence} confidence intervals (percentiles). p values: one-sided in the direction of the "
    "paper, the share of resamples in which kappa of POI is not above that of iHU; two tests, not adjusted for each "
    "other.",
    "cards": "From models/lung.json and models/infection.json. SD: of the scans.",
    "dice": "n: scans.",
    "flow": "Patients of a status have such a scan: one with scans of both is in both rows, and once in Table 1. Scans "
    "that are refused later are counted here; the flow figure says how many.",
    "segmentation": "Brackets: 95 % confidence intervals over patients. n: scans. SD and median: of the scans. "
    f"Targets are this project's own. Verdict: of the estimate; {NOT_SHOWN}: its interval goes beyond the target; "
    f"{NOT_ENOUGH}: n below {TARGETS['infection_dice'].least_n}, of healthy scans below "
    f"{TARGETS['healthy_share'].least_n}.",
}

# Why a cell is a dash, said where one is.
DASHES = {
    "4": "Dashes: where all cases agree, or none, the error would be 0, which is no certainty; a kappa without an "
    f"error, or of fewer than {FEWEST_CASES} cases, has no word.",
    "S15": "No brackets, or a dash: all resamples give the same number, or none.",
    "S17": f"Dashes and no brackets: nothing is tested where either kappa is of fewer than {FEWEST_CASES} pairs or "
    "patients, or resamples do not differ.",
}


def under(number, confidence=0.95, prevalence=0.05, shown=None):
    """The note under a table.

    Parameters
    ----------
    number : str
        Such as ``2`` or ``S14``; a table without number has a name, such as ``flow``.
    confidence, prevalence : float
        Level of the intervals and stated prevalence, fractions.
    shown : DataFrame, optional
        The table: where a cell of it is missing, or has no interval and others of its column have one, the note says
        why (`DASHES`).
    """
    note = NOTES[number].format(confidence=f"{100 * confidence:g} %", prevalence=f"{100 * prevalence:g} %")
    return f"{note} {DASHES[number]}" if shown is not None and _lacks_something(shown) else note


def _lacks_something(shown):
    brackets = shown.map(lambda cell: isinstance(cell, str) and "[" in cell)
    return (shown.isna() | shown.eq(words.MISSING) | (~brackets & brackets.any())).any(axis=None)
