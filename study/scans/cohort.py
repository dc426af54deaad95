"""The cohort: who is included, which scans follow each other, and Table 1.

Its tables are read and checked in `study.scans.scan_tables`, whose functions can be had from here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from study.files import sha256, write_json
from study.scans.scan_tables import (
    Fault,
    ScanTableError,
    check_scans,
    format_faults,
    read_biomarkers,
    read_scans,
    read_training_scans,
    write_scans,
)
from study.scans.schemas import STATUSES, TRAINING_COLUMNS

__all__ = [
    "Fault",
    "ScanTableError",
    "adopt_scans",
    "adopt_training_scans",
    "baseline_table",
    "check_scans",
    "consecutive_pairs",
    "flow",
    "format_faults",
    "include",
    "keep_apart",
    "period",
    "read_biomarkers",
    "read_scans",
    "read_training_scans",
    "unknowns",
    "write_scans",
]

# What becomes of a scan of which something is not known, as in most public data sets.
UNKNOWN = {
    "age_years": "nobody of unknown age is taken for a minor, and Table 1 gives the age of the others",
    "sex": "Table 1 gives the sex of the others",
    "scan_date": "a scan without date is in no pair of consecutive scans, so progression (notebook 6) leaves it out",
    "status": "severity (notebook 5) leaves such scans out",
}


def adopt_scans(path, folder, tier, source, licence) -> pd.DataFrame:
    """Take somebody's own scan table into a run: check it, write it and where it is from; the images stay in place.

    Parameters
    ----------
    path : str or Path
        The scan table.
    folder : Path
        Receives scans.csv and cohort.json.
    tier : {"public", "restricted"}
    source, licence : str
        Of a table that `study phantom` or `study index` made, the cohort.json that they wrote beside it says all
        three: one stays "synthetic", the other "public".

    Returns
    -------
    pandas.DataFrame
        As from `read_scans`.

    Raises
    ------
    ScanTableError
        With all faults at once.
    ValueError
        If the tier is another word; only the phantom makes the tier "synthetic".
    """
    if tier not in ("public", "restricted"):
        raise ValueError(f"tier is {tier!r}; for scans of your own it is 'public' or 'restricted'")
    scans = read_scans(path)
    about = {"tier": tier, "source": source, "licence": licence, "seed": None}
    beside = _about(path)
    if beside.get("tier") in ("synthetic", "public"):
        about |= {name: beside.get(name) for name in about}
    write_scans(folder / "scans.csv", scans)
    digest = sha256(folder / "scans.csv")
    write_json(folder / "cohort.json", about | {"digest": digest})
    return scans


def _about(path) -> dict:
    """What the cohort.json beside a scan table says; nothing where there is none."""
    try:
        about = json.loads((Path(path).parent / "cohort.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def adopt_training_scans(path, folder) -> pd.DataFrame:
    """Take somebody's own training table into a run; `path` empty: a run that trains nothing has an empty table.

    Returns
    -------
    pandas.DataFrame
        As from `read_training_scans`.
    """
    training = read_training_scans(path) if path else pd.DataFrame(columns=list(TRAINING_COLUMNS))
    write_scans(Path(folder) / "scans.csv", training)
    return training


def keep_apart(scans: pd.DataFrame, training: pd.DataFrame) -> None:
    """See that no network is judged on a scan that it learnt from.

    Patients are not compared: two tables may number theirs alike.

    Raises
    ------
    ValueError
        If an image is in the cohort and in the training table.
    """
    both = sorted(set(scans["image"]) & set(training["image"]))
    if both:
        more = f" and {len(both) - 3} more" if len(both) > 3 else ""
        raise ValueError(
            f"{len(both)} of the training scans are in the cohort as well ({', '.join(both[:3])}{more}); a network is "
            "not judged on what it learnt from: take each scan out of one of the two tables"
        )


def unknowns(scans: pd.DataFrame) -> list[str]:
    """Say of how many scans the age, sex, date or status is not known, and what follows; nothing if all is."""
    counts = {column: int(scans[column].isna().sum()) for column in UNKNOWN}
    return [
        f"{column} is not known of {n} of {len(scans)} scans: {UNKNOWN[column]}" for column, n in counts.items() if n
    ]


def include(scans: pd.DataFrame, minimum_age_years: float = 18) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take out the patients who were too young at their first scan, with all their scans; unknown ages stay in.

    Returns
    -------
    included, excluded : pandas.DataFrame
        The rows of `scans`; `excluded` has a column reason more.
    """
    too_young = _age_at_first_scan(scans).lt(minimum_age_years)
    is_out = scans["patient_id"].map(too_young).astype(bool)
    excluded = scans[is_out].assign(reason=f"younger than {minimum_age_years:g} years")
    return scans[~is_out].reset_index(drop=True), excluded.reset_index(drop=True)


def period(scans: pd.DataFrame) -> dict[str, str | None]:
    """The `first` and the `last` day on which a scan was made, as ISO dates; None if no date is known."""
    days = scans["scan_date"].agg(["min", "max"])
    return {end: None if pd.isna(day) else str(day.date()) for end, day in zip(("first", "last"), days, strict=True)}


def flow(scans: pd.DataFrame, included: pd.DataFrame) -> pd.DataFrame:
    """The flow of patients and scans from those reviewed to those included and their two groups.

    A severe patient has at least one severe scan, a non-severe patient has only non-severe ones; scans are
    counted by their own status. So the two groups add up, though a severe patient may have non-severe scans.

    Returns
    -------
    pandas.DataFrame
        step, patients, scans. The last step, status unknown, is there only if it is of any scan.
    """
    out = scans[~scans["scan_id"].isin(included["scan_id"])]
    group = _severity_of_patients(included)
    rows = [("reviewed", scans["patient_id"].nunique(), len(scans))]
    rows.append(("excluded", out["patient_id"].nunique(), len(out)))
    rows.append(("included", included["patient_id"].nunique(), len(included)))
    for status in STATUSES:
        rows.append((status, int((group == status).sum()), int((included["status"] == status).sum())))
    if included["status"].isna().any():
        rows.append(("status unknown", int(group.isna().sum()), int(included["status"].isna().sum())))
    return pd.DataFrame(rows, columns=["step", "patients", "scans"])


def consecutive_pairs(scans: pd.DataFrame) -> pd.DataFrame:
    """Each scan of a patient with the next one of the same patient.

    Two scans of one day follow each other in the order of the table; a scan without date is in no pair.

    Returns
    -------
    pandas.DataFrame
        patient_id, earlier, later (scan ids) and days between them; n scans of a patient make n - 1 pairs.
        Patients in the order of the table.
    """
    ordered = _by_date(scans).dropna(subset="_date")
    by_patient = ordered.groupby("patient_id", sort=False)
    pairs = pd.DataFrame(
        {
            "patient_id": ordered["patient_id"],
            "earlier": ordered["scan_id"],
            "later": by_patient["scan_id"].shift(-1),
            "days": (by_patient["_date"].shift(-1) - ordered["_date"]).dt.days,
        }
    ).dropna(subset="later")
    place = {patient: n for n, patient in enumerate(scans["patient_id"].drop_duplicates())}
    pairs = pairs.sort_values("patient_id", key=lambda ids: ids.map(place), kind="stable").reset_index(drop=True)
    return pairs.astype({"days": int})


def baseline_table(scans: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table 1: the characteristics of the patients, all and by severity.

    A severe patient has at least one severe scan, a non-severe one only non-severe scans; others are counted
    among all alone. Age is that at the patient's first scan; means and shares are of those of whom age and sex
    are known. Exams of a group are the scans with that status, as the paper counts them. Ages are compared by
    Welch's t test (unequal variances), the shares of men by the chi-square test without continuity correction,
    both two-sided.

    Parameters
    ----------
    scans : pandas.DataFrame
        As from `read_scans`, those included.

    Returns
    -------
    table : pandas.DataFrame
        characteristic, all_patients, severe_patients, non_severe_patients, p_value: the text to print; an
        empty p where nothing was compared or where p is undefined.
    numbers : pandas.DataFrame
        name, value, n, unit: the same numbers unrounded, shares as fractions; n is the number of patients
        behind a value, of whom it is known. A mean or share of nobody is NaN; so is the SD of fewer than two.
        The p values (`p_age`, `p_sex`) are NaN where they are undefined: for age with fewer than two patients
        in a group or no variance at all, for sex with an empty group or one sex only.
    """
    patients = pd.DataFrame(
        {
            "age": _age_at_first_scan(scans),
            "is_male": scans.groupby("patient_id")["sex"].first().map({"male": 1.0, "female": 0.0}),
            "severity": _severity_of_patients(scans),
            "n_scans": scans.groupby("patient_id").size(),
        }
    )
    groups = {
        "all": patients,
        "severe": patients[patients["severity"] == "severe"],
        "non_severe": patients[patients["severity"] == "non-severe"],
    }
    exams = {"all": len(scans)}
    exams |= {name.replace("-", "_"): int((scans["status"] == name).sum()) for name in STATUSES}
    numbers, columns = [], {}
    for name, group in groups.items():
        n, n_age, n_sex = len(group), int(group["age"].count()), int(group["is_male"].count())
        n_male, n_multiple = int(group["is_male"].sum()), int((group["n_scans"] > 1).sum())
        mean, sd = group["age"].mean(), group["age"].std(ddof=1)
        share = {"male": group["is_male"].mean(), "multiple_exams": n_multiple / n if n else np.nan}
        group_only = "" if name == "all" else f"_{name}"
        numbers += [
            (f"n_patients{group_only}", n, n, ""), (f"n_scans{group_only}", exams[name], n, ""),
            (f"age_mean_{name}", mean, n_age, "years"), (f"age_sd_{name}", sd, n_age, "years"),
            (f"n_male_{name}", n_male, n_sex, ""), (f"male_share_{name}", share["male"], n_sex, ""),
            (f"n_multiple_{name}", n_multiple, n, ""), (f"multiple_share_{name}", share["multiple_exams"], n, ""),
        ]  # fmt: skip
        columns[f"{name}_patients"] = [
            str(n), _mean_and_sd(mean, sd) if n_age or not n else "unknown",
            _count_and_share(n_male, share["male"]) if n_sex or not n else "unknown", str(exams[name]),
            _count_and_share(n_multiple, share["multiple_exams"]),
        ]  # fmt: skip
    age_p = _welch_p(groups["severe"]["age"].dropna(), groups["non_severe"]["age"].dropna())
    male_p = _chi_square_p(patients)
    numbers += [("p_age", age_p, len(patients), ""), ("p_sex", male_p, len(patients), "")]
    table = pd.DataFrame(
        {
            "characteristic": ["No.", "Age", "Male", "Exams", "Patients with multiple exams"],
            **columns,
            "p_value": ["", _p_text(age_p), _p_text(male_p), "", ""],
        }
    )
    return table, pd.DataFrame(numbers, columns=["name", "value", "n", "unit"])


def _age_at_first_scan(scans: pd.DataFrame) -> pd.Series:
    return _by_date(scans).groupby("patient_id")["age_years"].first()


def _by_date(scans: pd.DataFrame) -> pd.DataFrame:
    """The scans with their `_date`, in its order; those without one come last."""
    return scans.assign(_date=pd.to_datetime(scans["scan_date"])).sort_values("_date", kind="stable")


def _severity_of_patients(scans: pd.DataFrame) -> pd.Series:
    """Severe where any scan of a patient is, non-severe where all are, else NaN; indexed by patient_id."""
    by_patient = scans["status"].groupby(scans["patient_id"])
    worst = by_patient.agg(lambda status: "severe" if (status == "severe").any() else "non-severe")
    return worst.where((worst == "severe") | (by_patient.count() == by_patient.size()))


def _welch_p(one: pd.Series, other: pd.Series) -> float:
    if min(len(one), len(other)) < 2 or one.var() + other.var() == 0:
        return np.nan
    from scipy.stats import ttest_ind

    return float(ttest_ind(one, other, equal_var=False).pvalue)


def _chi_square_p(patients: pd.DataFrame) -> float:
    counts = pd.crosstab(patients["severity"], patients["is_male"])  # leaves out whom either is unknown of
    if counts.shape != (2, 2):
        return np.nan
    from scipy.stats import chi2_contingency

    return float(chi2_contingency(counts.to_numpy(), correction=False).pvalue)


def _mean_and_sd(mean: float, sd: float) -> str:
    if np.isnan(mean):
        return ""
    return f"{mean:.0f}" if np.isnan(sd) else f"{mean:.0f}±{sd:.0f}"


def _count_and_share(n: int, share: float) -> str:
    return str(n) if np.isnan(share) else f"{n} ({share:.0%})"


def _p_text(p: float) -> str:
    if np.isnan(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.01 else f"{p:.2f}"
