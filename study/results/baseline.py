"""Notebook 1's tables of patients: how many there are at each step, and Table 1."""

import numpy as np
import pandas as pd

from study.plural import count
from study.results import words
from study.scans.cohort import age_at_first_scan, include
from study.scans.schemas import STATUSES
from study.statistics import groups


def flow(scans: pd.DataFrame, included: pd.DataFrame) -> pd.DataFrame:
    """The flow of patients and scans from those reviewed to those included and their two groups.

    A status has its scans and the patients who have such a scan. So the scans add up, and the patients do not: one with
    scans of both statuses is in both rows.

    Parameters
    ----------
    scans, included : pandas.DataFrame
        All scans of the cohort, and those of them that are included.

    Returns
    -------
    pandas.DataFrame
        step, patients, scans. The last step, "status unknown", is there only if the status of any scan is unknown.
    """
    out = scans[~scans["scan_id"].isin(included["scan_id"])]
    rows = [("reviewed", scans["patient_id"].nunique(), len(scans))]
    rows.append(("excluded", out["patient_id"].nunique(), len(out)))
    rows.append(("included", included["patient_id"].nunique(), len(included)))
    by_status = {status: included[included["status"] == status] for status in STATUSES}
    if included["status"].isna().any():
        by_status["status unknown"] = included[included["status"].isna()]
    rows += [(status, of_status["patient_id"].nunique(), len(of_status)) for status, of_status in by_status.items()]
    return pd.DataFrame(rows, columns=["step", "patients", "scans"])


def table_1(scans: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table 1: the characteristics of the patients, all and by severity.

    A severe patient has at least one severe scan, a non-severe one only non-severe scans; a patient who may be
    either counts among all patients only. Age is that at the first scan; means and shares are of the patients whose
    age or sex is known. Exams of a group are the scans with that status, as the paper counts them. Ages are compared
    by Welch's t test (unequal variances), the shares of men by the test that `_sexes_compared` names.

    Parameters
    ----------
    scans : pandas.DataFrame
        The included scans.

    Returns
    -------
    table : pandas.DataFrame
        characteristic, all_patients, severe_patients, non_severe_patients, p_value: the text to print. A p value is
        empty where nothing was compared and a dash where it is undefined.
    numbers : pandas.DataFrame
        name, value, n, unit: the same numbers unrounded, shares as fractions; n is the number of patients of whom
        the value is known, for a p value of those compared. `n_patients_with_non_severe` are those who have a
        non-severe scan, the severe among them too. Without patients, mean and share are NaN, and so is the SD of fewer
        than two patients. The p values (`p_age`, `p_sex`) are NaN where they are undefined: for age with fewer than two
        patients in a group or no variance at all, for sex with an empty group or one sex only.
    """
    numbers, columns, patients = _by_severity(scans)
    of_known = patients.dropna(subset="severity")
    age_p = groups.compare(of_known, ["age"], of_known["severity"] == "severe").loc["age", "welch_p"]
    _, male_p = _sexes_compared(patients)
    numbers += [
        ("p_age", age_p, int(of_known["age"].count()), ""),
        ("p_sex", male_p, int(of_known["is_male"].count()), ""),
    ]
    table = pd.DataFrame(
        {
            "characteristic": ["No.", "Age", "Male", "Exams", "Patients with multiple exams"],
            **columns,
            "p_value": ["", words.p_value(age_p), words.p_value(male_p), "", ""],
        }
    )
    return table, pd.DataFrame(numbers, columns=["name", "value", "n", "unit"])


def _patients(scans):
    """One row per patient: age, is_male (1, 0 or NaN), severity and n_scans."""
    return pd.DataFrame(
        {
            "age": age_at_first_scan(scans),
            "is_male": scans.groupby("patient_id")["sex"].first().map({"male": 1.0, "female": 0.0}),
            "severity": _severity_of_patients(scans),
            "n_scans": scans.groupby("patient_id").size(),
        }
    )


def _sexes_compared(patients):
    """The test by which the sexes of severe and non-severe patients are compared, in words, and its p value.

    Two-sided. The chi-square test is an approximation for large counts; where one of fewer than 5 is expected, by the
    rule of Cochran (Biometrics 1954;10:417-451), Fisher's exact test takes its place.
    """
    of_known = patients.dropna(subset="severity")
    found = groups.compare_categories(of_known, ["is_male"], of_known["severity"] == "severe").loc["is_male"]
    if found["least_expected"] < 5:
        return "Fisher's exact test, as a count of fewer than 5 is expected", found["fisher_p"]
    return "the chi-square test without continuity correction", found["chi_square_p"]


def _by_severity(scans):
    """Numbers of all, severe and other patients, the columns of Table 1 in words, and the table of patients."""
    patients = _patients(scans)
    by_severity = {
        "all": patients,
        "severe": patients[patients["severity"] == "severe"],
        "non_severe": patients[patients["severity"] == "non-severe"],
    }
    of_status = {"all": scans} | {name.replace("-", "_"): scans[scans["status"] == name] for name in STATUSES}
    exams = {name: (len(group), group["patient_id"].nunique()) for name, group in of_status.items()}
    numbers, columns = [], {}
    for name, group in by_severity.items():
        n, n_age, n_sex = len(group), int(group["age"].count()), int(group["is_male"].count())
        n_male, n_multiple = int(group["is_male"].sum()), int((group["n_scans"] > 1).sum())
        mean, sd = group["age"].mean(), group["age"].std(ddof=1)
        share = {"male": group["is_male"].mean(), "multiple_exams": n_multiple / n if n else np.nan}
        group_only = "" if name == "all" else f"_{name}"
        numbers += [
            (f"n_patients{group_only}", n, n, ""), (f"n_scans{group_only}", *exams[name], ""),
            (f"age_mean_{name}", mean, n_age, "years"), (f"age_sd_{name}", sd, n_age, "years"),
            (f"n_male_{name}", n_male, n_sex, ""), (f"male_share_{name}", share["male"], n_sex, ""),
            (f"n_multiple_{name}", n_multiple, n, ""), (f"multiple_share_{name}", share["multiple_exams"], n, ""),
        ]  # fmt: skip
        columns[f"{name}_patients"] = [
            str(n), words.mean_and_sd(mean, sd) if n_age or not n else "unknown",
            words.count_and_share(n_male, share["male"]) if n_sex or not n else "unknown", str(exams[name][0]),
            words.count_and_share(n_multiple, share["multiple_exams"]),
        ]  # fmt: skip
    with_non_severe = scans.loc[scans["status"] == "non-severe", "patient_id"].nunique()
    numbers.append(("n_patients_with_non_severe", with_non_severe, len(patients), "patients"))
    return numbers, columns, patients


def quoted(scans):
    """Notebook 1's numbers of patients, but for p values: those of Table 1 and of the flow.

    Parameters
    ----------
    scans : DataFrame
        All scans, also of minors.
    """
    included, excluded = include(scans)
    of_groups, _, _ = _by_severity(included)
    counts = {
        "n_patients_all": scans["patient_id"].nunique(),
        "n_scans_all": len(scans),
        "n_minors": excluded["patient_id"].nunique(),
    }
    return counts | {name: number for name, number, *_ in of_groups}


def note(scans: pd.DataFrame) -> str:
    """What Table 1 counts, for its caption.

    The exams of severe patients are those with that status, as the paper counts them; the patients have more scans.

    Parameters
    ----------
    scans : pandas.DataFrame
        The included scans.
    """
    by_patient = _severity_of_patients(scans)
    group = scans["patient_id"].map(by_patient)
    of_severe, severe = int((group == "severe").sum()), int((scans["status"] == "severe").sum())
    non_severe = scans.loc[scans["status"] == "non-severe", "patient_id"].unique()
    both = int((by_patient[non_severe] == "severe").sum())
    unknown, left_out = scans[scans["status"].isna()], ""
    of_unknown = int((group[unknown.index] == "severe").sum())
    others = ", the others count as non-severe exams"
    if of_unknown:
        others = f", {of_severe - severe - of_unknown} count as non-severe exams, and of {of_unknown} it is unknown"
    if len(unknown):
        of_whom, either = count(unknown["patient_id"].nunique(), "patient"), int(by_patient.isna().sum())
        also = f", and {count(either, 'patient')} who may be severe or not," if either else ""
        exams = "this exam" if len(unknown) == 1 else "these exams"
        left_out = (
            f"The status of {count(len(unknown), 'scan')} of {of_whom} is unknown: {exams}{also} "
            f"{'are' if also or len(unknown) > 1 else 'is'} in the column of all patients only. "
        )
    patients = _patients(scans)
    test, _ = _sexes_compared(patients)
    n_unknown = {"age": int(patients["age"].isna().sum()), "sex": int(patients["is_male"].isna().sum())}
    unknown_of = " and ".join(f"the {what} of {count(n, 'patient')}" for what, n in n_unknown.items() if n)
    of_others = f"Unknown: {unknown_of}; mean and share are of the others. " if unknown_of else ""
    return (
        "Age is given as mean±SD, in years, at the first scan; ages are compared by Welch's t test, sexes by "
        f"{test}. {of_others}Severe patients have a severe scan; exams are scans with the status of the column: "
        f"{severe} of the {of_severe} scans of severe patients are severe{others}. The non-severe exams are of "
        f"{count(len(non_severe), 'patient')}, {both} of them severe. {left_out}Scans that are refused later are "
        "counted here; the flow figure says how many."
    )


def _severity_of_patients(scans: pd.DataFrame) -> pd.Series:
    """A patient is "severe" if any scan is, "non-severe" if all are, else NaN; indexed by patient_id."""
    by_patient = scans["status"].groupby(scans["patient_id"])
    is_severe = (scans["status"] == "severe").groupby(scans["patient_id"]).any()
    worst = is_severe.map({True: "severe", False: "non-severe"})
    return worst.where(is_severe | (by_patient.count() == by_patient.size()))
