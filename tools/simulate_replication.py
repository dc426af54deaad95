"""How often is a faithful replication of the paper called different? By chance it should be, in one of twenty at most.

Both the paper and its replication are samples of one made-up population, of the paper's size: one sample's numbers are
printed as the paper prints its own (`study/claims/claims.yaml`), the other's are compared with them as `study verify`
does. To save time each sample is printed once and compared with the next `OTHERS`. ``python -m
tools.simulate_replication`` writes tests/reference/replication.csv (ten minutes); ``--shifted`` and ``--worse-dice``
make the truth of the replications another one, to show what is found.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from tqdm import tqdm

from study.claims import audit, paper, verdicts
from study.claims.audit_shares import wilson
from study.measures import biomarkers
from study.phantom.people.counts import PAPER, People
from study.phantom.people.plan import plan_cohort
from study.phantom.people.reports import write_reports
from study.results import baseline, progression, quality, replicates, report_phrases, severity, severity_values
from study.run import VALUE_COLUMNS, value
from study.scans import cohort
from study.statistics import kappa, logistic, resampling, roc

OUT = Path(__file__).resolve().parents[1] / "tests" / "reference" / "replication.csv"
CLAIMS = Path(paper.__file__).parent / "claims.yaml"
POPULATION = 2000  # patients
DICE = ("network_observer_1", "network_observer_2", "observers")
READ = "report: "  # before the columns of what a scan's report says
SAMPLES, OTHERS, RESAMPLES = 60, 5, 50


def population(n_patients=POPULATION, seed=1):
    """Scans of many patients: planned by the phantom, measured with an error, with reports and Dice coefficients."""
    rng = np.random.default_rng(seed)
    plan = plan_cohort(People(n_patients=n_patients, seed=seed))
    poi = plan["true_extent"]
    ihu = (-650 + 500 * plan["true_consolidation"]).where(poi > 0)
    plan = plan.assign(true_poi=poi, true_ihu=ihu)
    n = len(plan)
    measured = (poi * np.exp(rng.normal(0, 0.15, n))).clip(0, 1)
    # As skewed as a Dice coefficient is: most near 0.85, some near 0.
    shared = rng.normal(0, 1, n)
    dice = {name: 1 / (1 + np.exp(-(1.6 + 1.3 * shared + rng.normal(0, 0.9, n)))) for name in DICE}
    measured_ihu = (ihu + rng.normal(0, 25, n)).where(measured > 0)
    # Read once, as the samples share them.
    read = report_phrases.read(pd.Series(write_reports(plan, seed), plan.index, dtype=object)).add_prefix(READ)
    return plan.assign(poi=measured, ihu=measured_ihu, **dice).join(read)


def sample(scans, rng):
    """Scans of as many patients as the paper's."""
    ids = scans["patient_id"].unique()
    return scans[scans["patient_id"].isin(rng.choice(ids, PAPER["n_patients"], replace=False))].reset_index(drop=True)


def recorded(scans, n_resamples):
    """What the notebooks would record of these scans: a table per notebook, with standard errors."""
    included, excluded = cohort.include(scans)
    _, numbers = baseline.table_1(included)
    errors = replicates.standard_errors(scans, baseline.quoted, n_resamples)
    of_cohort = [value(row.name, row.value, n=row.n, unit=row.unit) for row in numbers.itertuples(index=False)]
    of_cohort += [value("n_patients_all", scans["patient_id"].nunique()), value("n_scans_all", len(scans))]
    of_cohort += [value("n_minors", excluded["patient_id"].nunique(), unit="patients")]
    tables = {"1-cohort": replicates.with_errors(of_cohort, errors)}

    observed = included.drop_duplicates("patient_id").head(PAPER["n_observed"])
    observed = observed[["patient_id", *DICE]].rename(columns={name: f"dice_{name}" for name in DICE})
    errors = replicates.standard_errors(observed, quality.quoted, n_resamples)
    columns = observed.drop(columns="patient_id").to_dict("series")
    tables["3-segment"] = replicates.with_errors(quality.dice_values(quality.dice_summary(columns)), errors)

    known = included.set_index("scan_id").assign(is_severe=(included["status"] == "severe").to_numpy())
    tests, _ = severity.group_tests(known)
    fits = logistic.fit_each(known, severity.MODELS)
    predicted = logistic.predictions(fits)
    performance = roc.evaluate(predicted, known["is_severe"])
    bootstrap = resampling.evaluate(predicted, known["is_severe"], known["patient_id"], performance["cutoff"], 100)
    listed = severity_values.values(known, tests, logistic.summary(fits), performance, bootstrap)
    errors = severity_values.standard_errors(known.reset_index(), n_resamples)
    tables["5-severity"] = replicates.with_errors(listed, errors)

    pairs = biomarkers.changes(included, cohort.consecutive_pairs(included))
    said = included.set_index("scan_id").filter(regex=f"^{READ}").loc[pairs["later"]]
    pairs = pairs.join(said.set_axis(pairs.index).rename(columns=lambda name: name.removeprefix(READ)))
    for name in ("poi", "ihu"):
        pairs[f"{name}_direction"] = biomarkers.binarise(pairs[f"{name}_change"])
    listed = progression.values(pairs, kappa.tabulate(progression.rated(pairs)))
    errors = replicates.standard_errors(pairs, progression.quoted, n_resamples)
    tables["6-progression"] = replicates.with_errors(listed, errors)
    return {name: pd.DataFrame(rows, columns=VALUE_COLUMNS).set_index("name") for name, rows in tables.items()}


def printed_paper(values, folder):
    """The paper's list of claims with another sample's numbers, printed like the paper's own."""
    listed = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    own = paper.read_paper()
    claims = {claim.id: claim for claim in own.claims}
    found = verdicts.compare(own, values, "restricted", checks=[]).set_index("id")
    for entries in listed.values():
        for entry in entries if isinstance(entries, list) else []:
            claim = claims.get(entry.get("id")) if isinstance(entry, dict) else None
            if claim is None or claim.value is None or found.loc[claim.id, "regenerated"] is None:
                continue
            row, number = found.loc[claim.id], claim.number()
            entry["published"] = _as_printed(row["regenerated"], number)
            if claim.interval:
                entry["interval"] = [_as_printed(row[end], number) for end in ("ci_low", "ci_high")]
            if claim.n:
                entry["n"] = int(row["n"]) if pd.notna(row["n"]) else claim.n
    path = Path(folder) / "claims.yaml"
    path.write_text(yaml.safe_dump(listed, allow_unicode=True), encoding="utf-8")
    return paper.read_paper(path)


def _as_printed(number, like):
    if like is None:
        return str(number)
    if like.sign == "<" or (like.sign == "" and like.decimals == 2 and 0 <= number < 0.001):
        return "<0.001" if number < 0.001 else f"{number:.3f}"
    return f"{'≥' if like.sign else ''}{number:.{max(like.decimals, 0)}f}"


def otherwise(scans, shift=0.0, worse_dice=0.0):
    """Scans of another truth: POI of severe scans lower by a share, or Dice coefficients lower by a number."""
    severe = scans["status"] == "severe"
    lower = {name: (scans[name] - worse_dice).clip(0) for name in DICE}
    return scans.assign(poi=scans["poi"].where(~severe, scans["poi"] * (1 - shift)), **lower)


def replicate(first, second, n_resamples):
    """Print the numbers of the first scans, and compare those of the second with them."""
    with tempfile.TemporaryDirectory() as folder:
        return verdicts.compare(printed_paper(recorded(first, 2), folder), recorded(second, n_resamples), "restricted")


def replications(scans, n_samples, n_resamples, truth=otherwise, seed=1):
    """Compare each of many samples with the next ones; yields (number of each, the comparison)."""
    samples = [sample(scans, rng) for rng in np.random.default_rng(seed).spawn(n_samples)]
    printed = []
    with tempfile.TemporaryDirectory() as folder:
        for one in tqdm(samples, desc="samples"):
            printed.append(printed_paper(recorded(one, 2), folder))
    checks = [audit.audit(one) for one in printed]
    for k, one in enumerate(tqdm(samples, desc="replications")):
        again = recorded(truth(one), n_resamples)
        for first in [(k - place) % n_samples for place in range(1, min(OTHERS, n_samples - 1) + 1)]:
            yield first, k, verdicts.compare(printed[first], again, "restricted", checks[first])


def main():
    """Write how many claims differ in each replication, and print their share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    parser.add_argument("--seed", type=int, default=1, help="of the samples")
    parser.add_argument("--shifted", type=float, default=0.0, help="share by which POI of severe scans is less")
    parser.add_argument("--worse-dice", type=float, default=0.0, help="by how much Dice coefficients are less")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    truth = partial(otherwise, shift=given.shifted, worse_dice=given.worse_dice)
    rows = []
    for printed, again, compared in replications(population(), given.samples, given.resamples, truth, given.seed):
        differs = compared.loc[compared["verdict"] == "differs", "id"]
        counts = compared["verdict"].value_counts()
        rows.append({
            "printed": printed, "again": again, "differs": len(differs),
            "alike": counts.get("not distinguishable", 0), "reproduced": counts.get("reproduced", 0),
            "inconsistent": compared["arithmetic"].isin(verdicts.ACCUSED).sum(),
            "least_p": compared["p_of_difference"].min(), "which": " ".join(differs),
        })  # fmt: skip
        table = pd.DataFrame(rows)
        table.to_csv(given.out, index=False, float_format="%.3g")  # after each, as a run takes long
    faithful = table["differs"] == 0
    # No fewer independent replications than samples.
    low, high = wilson(faithful.mean(), given.samples)
    print(f"{faithful.mean():.1%} of {len(table)} replications of {given.samples} samples have no claim that differs "
          f"(95 % interval {low:.1%} to {high:.1%})")  # fmt: skip
    print(table["which"].str.split().explode().value_counts().head(20).to_string())


if __name__ == "__main__":
    main()
