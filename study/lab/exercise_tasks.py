"""What each exercise expects, computed from a run by the functions that the notebooks use, and common slips.

Each function takes the ``exercises.Exercises`` of a run and returns a :class:`study.lab.task.Task`.
"""

import numpy as np
from scipy import stats

from study.claims.paper import read_paper
from study.claims.printed import read_number
from study.lab.task import AS_A_FRACTION, Task, is_near, nearest_cases
from study.scans.labels import INFECTION, LUNG
from study.statistics import kappa, logistic, roc

# A voxel and its four neighbours in the section.
IN_PLANE = np.array([np.zeros((3, 3)), [[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.zeros((3, 3))], bool)
LEVEL_HU = -750  # for exercise 4.5
COPIES = 4  # for exercise 5.4


# ------------------------------------------------------------------ notebook 4: on one scan and its label map
def _portion(exercises):
    poi, labels = exercises.scans.loc[exercises.example.scan_id, "poi"], exercises.example.label_map
    infected, lung = (labels == INFECTION).sum(), (labels == LUNG).sum()
    return Task(
        poi,
        "How many voxels have label 2, and what should that number be divided by?",
        (
            (100 * poi, "POI is stored as a fraction, 0 to 1."),
            (infected / lung, "Infected lung is lung too: the lung field is all of the lung, healthy or not."),
            (infected / labels.size, "That is a share of the whole image; POI is a share of the lung."),
        ),
    )


def _volume(exercises):
    volume, example = exercises.scans.loc[exercises.example.scan_id, "infection_volume_ml"], exercises.example
    count, (_, dy, dx) = (example.label_map == INFECTION).sum(), example.spacing_mm
    return Task(
        volume,
        "How large is one voxel? spacing_mm has three lengths, in the order of the array.",
        (
            (count, "That is the number of voxels. How large is one?"),
            (1000 * volume, "That is in cubic millimetres; how many of them are a millilitre?"),
            (volume / 1000, "That is in litres."),
            (count * dy * dx / 1000, "That leaves out one of the three lengths. How thick is a section?"),
            (volume / 10, "That is a tenth of the volume: how many cubic millimetres are a cubic centimetre?"),
        ),
    )


def _density(exercises):
    example = exercises.example
    return Task(
        exercises.scans.loc[example.scan_id, "ihu"],
        "iHU is a mean of HU. Over which voxels?",
        (
            (example.hu[example.label_map >= LUNG].mean(), "That is the mean of the whole lung field."),
            (np.median(example.hu[example.label_map == INFECTION]), "That is the median."),
        ),
    )


def _border(exercises):
    from scipy import ndimage

    example = exercises.example
    variants = exercises.study_run.variants(exercises.study_run.biomarkers_csv)
    smaller_ihu = np.nan if variants is None else variants.loc[example.scan_id, "smaller_ihu"]
    ihu = exercises.scans.loc[example.scan_id, "ihu"]
    infection = example.label_map == INFECTION
    anywhere = infection & ndimage.binary_erosion(infection, IN_PLANE)
    return Task(
        smaller_ihu - ihu,
        "Which voxels of infection have a voxel of label 1 among their four neighbours in the same section? Diagonal "
        "ones and those in other sections do not count.",
        (
            (ihu - smaller_ihu, "Check the sign: which of the two is subtracted from the other?"),
            (smaller_ihu, "That is iHU without the border. By how much has it risen?"),
            (example.hu[anywhere].mean() - ihu, "Infection that touches the chest wall, not lung, stays."),
        ),
        tolerance=1e-2,
    )


def _partial_volume(exercises):
    example = exercises.example
    of_healthy = example.hu[example.label_map == LUNG]
    healthy, mean = float(np.median(of_healthy)), float(of_healthy.mean())
    field = float(np.median(example.hu[example.label_map >= LUNG]))
    ihu = exercises.scans.loc[example.scan_id, "ihu"]
    share = (LEVEL_HU - healthy) / (ihu - healthy)
    return Task(
        share,
        "A voxel's HU is the mean of its contents, weighted by their shares. For which share is it LEVEL_HU?",
        (
            (1 - share, "That is the share of healthy lung."),
            (100 * share, AS_A_FRACTION),
            (
                (LEVEL_HU - field) / (ihu - field),
                "That takes the median of the lung field, labels 1 and 2. Which voxels are healthy lung?",
            ),
        ),
        look_alikes=(
            (
                (LEVEL_HU - mean) / (ihu - mean),
                "That takes the mean HU of healthy lung. The question says median, which vessels move less.",
            ),
        ),
        tolerance=1e-2,
    )


# ------------------------------------------------------------------ notebook 5: on a table of biomarkers
def counted_auc(rounded, poi, is_severe):
    """Exercise 5.1 on these rounded POIs, some of which are equal, and on POI as it was measured."""
    area = roc.auc(rounded, is_severe)
    severe, other = rounded[is_severe].to_numpy(), rounded[~is_severe].to_numpy()
    return Task(
        area,
        "Among all pairs of one severe and one non-severe scan, in how many is the POI of the severe scan higher?",
        (
            ((severe[:, None] > other).mean(), "How much do pairs with equal POI count?"),
            ((severe[:, None] >= other).mean(), "How much do pairs with equal POI count? Neither 1 nor 0."),
            (
                roc.auc(poi, is_severe),
                "That is the AUC of POI as it was measured, or in finer steps. Have you rounded it? The step is "
                "`exercises.poi_step`.",
            ),
            (1 - area, "Which of the two should have the higher POI?"),
            (100 * area, AS_A_FRACTION),
        ),
    )


def _counted_auc(exercises):
    return counted_auc(exercises.rounded_poi, exercises.scans["poi"], exercises.scans["is_severe"])


def _youden(exercises):
    poi, is_severe = exercises.scans["poi"], exercises.scans["is_severe"]
    best = roc.youden(poi, is_severe)

    def is_best(cutoff):
        point = roc.operating_point(poi, is_severe, cutoff)
        return bool(np.isclose(point.youden, best.youden, rtol=0, atol=1e-9))

    def accepts(answer):
        """A cut-off that calls the same scans severe, or one of the table, rounded, and not nearer to another."""
        if not np.isfinite(answer):
            return False
        meant = poi.iloc[(poi - answer).abs().argmin()]
        return is_best(answer) or (is_near(answer, meant, Task.tolerance) and is_best(meant))

    return Task(
        best.cutoff,
        "Another cut-off has a greater sensitivity + specificity - 1. Have you tried all POIs? A scan at the cut-off "
        "counts as severe.",
        ((100 * best.cutoff, "The cut-off is a POI, stored as a fraction."),
         (best.youden, "That is the Youden index. Which POI has it?")),
        accepts=accepts,
        if_rounded="That is the cut-off, rounded: give more digits.",
    )  # fmt: skip


def _odds_ratio(exercises):
    row = logistic.fit(exercises.scans, ["poi"]).estimates.loc["poi"]
    per_percent = np.exp(row["coefficient"] / row["sd"] / 100)
    poi, is_severe = exercises.scans["poi"], exercises.scans["is_severe"]
    standardised = (poi - row["mean"]) / row["sd"]
    no_intercept = "That is a model with no intercept: add a constant to the predictors (`sm.add_constant`)."
    penalised = "That is a penalised fit, scikit-learn's default, which shrinks coefficients: turn the penalty off."
    return Task(
        row["odds_ratio"],
        "The coefficient of a logistic model is the log odds ratio per unit of its predictor. How many units is an SD?",
        (
            (row["coefficient"], "That is the log odds ratio."),
            (per_percent, "That is per percentage point of POI."),
            (1 / row["odds_ratio"], "Are these the odds of severe, or of non-severe?"),
            (_odds_ratio_by(poi / row["sd"], is_severe, C=np.inf, fit_intercept=False), no_intercept),
            (_odds_ratio_by(standardised, is_severe, C=np.inf, fit_intercept=False), no_intercept),
            (_odds_ratio_by(standardised, is_severe), penalised),
            (_odds_ratio_by(poi, is_severe) ** row["sd"], penalised),
        ),
        look_alikes=((per_percent ** (100 * poi.std(ddof=0)), "That is per SD with divisor n, not n - 1."),),
        tolerance=5e-3,
    )


def _odds_ratio_by(predictor, is_severe, **how):
    """Odds ratio per unit of a predictor by scikit-learn, whose default is an intercept and a penalty."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(tol=1e-8, max_iter=1000, **how).fit(predictor.to_numpy()[:, None], is_severe)
    return float(np.exp(model.coef_.item()))


def _copies(exercises):
    poi, is_severe = exercises.scans["poi"], exercises.scans["is_severe"]
    variance = roc.delong_variance(np.tile(poi, COPIES), np.tile(is_severe, COPIES))
    once = roc.delong_variance(poi, is_severe)
    return Task(
        (variance / once) ** 0.5 if once > 0 else np.nan,
        f"The standard error is the root of DeLong's variance. Compute it with each scan once and {COPIES} times.",
        ((variance / once if once > 0 else np.nan, "That is the factor for the variance."),
         (once**0.5, "That is the standard error itself. By what factor does it change?"),
         ((once / variance) ** 0.5 if variance > 0 else np.nan, "That is its inverse; the factor is below 1.")),
        tolerance=0.05,
    )  # fmt: skip


def _from_aic(exercises):
    smaller, larger = exercises.printed["aic_poi"], exercises.printed["aic_poi_ihu"]
    ratio = smaller - larger + 2
    return Task(
        float(stats.chi2.sf(ratio, 1)),
        "AIC = 2 parameters - 2 log likelihood. What is twice the difference of the log likelihoods, and which "
        "chi-square distribution does it follow if iHU adds nothing?",
        (
            (
                float(stats.chi2.sf(smaller - larger, 1)),
                "The AIC of the larger model contains 2 for its extra parameter.",
            ),
            (ratio, "That is the likelihood-ratio statistic. What is its p value?"),
            (float(stats.chi2.sf(ratio / 2, 1)), "The statistic is twice the difference of the log likelihoods."),
            (100 * float(stats.chi2.sf(ratio, 1)), AS_A_FRACTION),
            (float(stats.norm.sf(ratio**0.5)), "That is one-sided."),
            (float(stats.chi2.sf(ratio, 2)), "How many coefficients does the larger model have more? That is for two."),
            (float(stats.chi2.cdf(ratio, 1)), "That is 1 - p. Which tail holds statistics as large as this one?"),
        ),
        tolerance=1e-2,
    )


# ------------------------------------------------------------------ notebook 6: on a table of biomarkers with reports
def _agreement(cells):
    """Agreement of two raters from the cells ``up_up, up_down, down_up, down_down``."""
    first, second = np.repeat([[1, 1, 0, 0], [1, 0, 1, 0]], list(cells), axis=1)
    return kappa.cohen_kappa(first, second, categories=[0, 1])


def kappa_of(counts):
    """Exercise 6.1 on these counts, a dict like ``Exercises.counts``."""
    found = _agreement(counts.values())
    up_up, up_down, down_up, _ = counts.values()
    up = (2 * up_up + up_down + down_up) / (2 * sum(counts.values()) or np.nan)  # of both sides together
    pooled = up**2 + (1 - up) ** 2
    both_up = (up_up + up_down) * (up_up + down_up) / (sum(counts.values()) or np.nan) ** 2
    scott_pi = (found.observed_agreement - pooled) / (1 - pooled) if pooled < 1 else np.nan
    return Task(
        found.kappa,
        "How often do both agree, how often would they agree by chance with these totals of up and down, and what "
        "share of the agreement beyond chance is reached?",
        (
            (100 * found.kappa, AS_A_FRACTION),
            (found.observed_agreement, "That is the observed agreement, not corrected for chance."),
            (found.expected_agreement, "That is the chance agreement."),
            (
                found.observed_agreement - found.expected_agreement,
                "Divide that by the most that agreement could exceed chance.",
            ),
            (found.pabak, "That assumes that up and down are equally frequent. How frequent are they for each side?"),
            (
                (found.observed_agreement - both_up) / (1 - both_up),
                "That counts as chance agreement only that both say up. They also agree where both say down.",
            ),
            (scott_pi, "That is Scott's pi, from the totals of both sides together. Kappa takes each side's own."),
        ),
    )


def _kappa(exercises):
    return kappa_of(exercises.counts)


def _pabak(exercises):
    found = _agreement(exercises.counts.values())
    return Task(
        found.pabak,
        "How large would chance agreement be if both sides said up in half of the cases?",
        ((100 * found.pabak, AS_A_FRACTION),
         (found.kappa, "That is kappa with the actual frequencies."),
         (found.observed_agreement, "That is the observed agreement.")),
    )  # fmt: skip


def _prevalence(exercises):
    up_up, up_down, down_up, down_down = exercises.counts.values()
    skewed = _agreement((up_up + down_down - 1, up_down, down_up, 1))
    return Task(
        skewed.kappa,
        "Only the two cells on the diagonal change: all cases of agreement but one are up. How large is the agreement "
        "by chance now?",
        ((100 * skewed.kappa, AS_A_FRACTION),
         (_agreement(exercises.counts.values()).kappa, "That is kappa of the original table."),
         (skewed.observed_agreement, "That is the observed agreement, which has not changed.")),
        look_alikes=((_agreement((up_up + down_down, up_down, down_up, 1)).kappa,
                      "That is of one case more than there are: `up_up` becomes `up_up + down_down - 1`."),),
    )  # fmt: skip


def _least_change(exercises):
    errors = exercises.changes_without_phrase
    spread = errors.std(ddof=1)
    factor = stats.norm.isf(0.025)
    of_notebook = exercises.study_run.recorded("6-progression")["value"].get("least_detectable_change_poi")
    return Task(
        float(factor * spread),
        "Where nothing changed, how far do two measurements differ in 95 % of cases, if errors are normal? Each change "
        "already contains the errors of two scans.",
        (
            (
                100 * float(np.nan if of_notebook is None else of_notebook),
                "That is the limit that notebook 6 prints, from other masks. Here it follows from these changes.",
            ),
            (factor * spread / 2**0.5, "That is 1.96 SEM, for one scan. A change has the errors of two."),
            (factor * spread * 2**0.5, "The SD of the changes already contains the errors of both scans."),
            (spread, "That is one SD; how many contain 95 % of cases?"),
            (spread / 2**0.5, "That is the standard error of measurement of one scan."),
            (factor * spread / 100, "Give it in percentage points, like the changes."),
        ),
        look_alikes=(
            (2 * spread, "That is 2 SD; the question asks for 1.96."),
            (errors.mean() + factor * spread, "That adds the mean. Errors of measurement are taken to be around 0."),
            (
                errors.abs().quantile(0.95),
                "That is the 95th percentile of the errors themselves. How many SDs contain 95 % of normal errors?",
            ),
            (
                errors.quantile(0.975),
                "That is the 97.5th percentile of the errors themselves. How many SDs contain 95 % of normal errors?",
            ),
        ),
        tolerance=2.5e-2,
    )


def _misprint(exercises):
    (claim,) = (one for one in read_paper().claims if one.id == "table_4_agreement_density_whole")
    return nearest_cases(
        round(exercises.printed["table_4_n_density_whole"]),
        read_number(claim.published).share,
        "Of n cases, a whole number k agree. Try values of n near the printed one: does any k / n round to the four "
        "printed digits?",
    )


TASKS = {
    "4.1": _portion, "4.2": _volume, "4.3": _density, "4.4": _border, "4.5": _partial_volume,
    "5.1": _counted_auc, "5.2": _youden, "5.3": _odds_ratio, "5.4": _copies, "5.5": _from_aic,
    "6.1": _kappa, "6.2": _pabak, "6.3": _prevalence, "6.4": _least_change, "6.5": _misprint,
}  # fmt: skip
