"""The cohort of a run: whose scans it takes, who is included, which scans follow each other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from study.files import sha256, write_json, write_table
from study.run import read_note
from study.scans import checks
from study.scans.identities import may_name
from study.scans.scan_tables import read_biomarkers, read_scans, read_training_scans, write_scans
from study.scans.schemas import ADULT_YEARS, TRAINING_COLUMNS, ScanTableError

DECLARED = ("public", "restricted")  # what an author may say of patients; only the phantom's are synthetic


def adopt_scans(path, folder, tier, source, licence) -> pd.DataFrame:
    """Take a user's own scan table into a run: check it, write it and its source there; the images stay in place.

    Parameters
    ----------
    path : str or Path
        The scan table.
    folder : Path
        Receives scans.csv and cohort.json.
    tier : {"", "public", "restricted"}
    source, licence : str
        Whose patients these are, as the author declares: where they come from, and under which licence. Without a
        declaration the cohort.json beside the table counts, which `study phantom` and `study index` write; if there is
        none, or the table was changed since, the scans are of the tier "unknown".

    Returns
    -------
    pandas.DataFrame
        As from `read_scans`.

    Raises
    ------
    ScanTableError
        With all faults at once.
    ValueError
        If `tier` is another word, stands without `source`, or contradicts the cohort.json beside the table.
    """
    scans = read_scans(path)
    about = _origin(Path(path), Path(path).with_name("cohort.json"), tier, source, licence)
    write_scans(folder / "scans.csv", scans)
    write_json(folder / "cohort.json", about | {"digest": sha256(folder / "scans.csv")})
    return scans


def adopt_biomarkers(run, path, tier, source, licence) -> Path:
    """Take a user's own table of biomarkers into a run: it stays in place, the run's cohort.json says whose it is.

    Parameters
    ----------
    run : study.run.Run
    path : str
        The table, relative to the project's root; empty for the one that the run itself has measured.
    tier, source, licence : str
        As for `adopt_scans`; the note beside the table is the one that `write_biomarkers` writes.

    Returns
    -------
    Path
        Of the table to be analysed.

    Raises
    ------
    ValueError
        As for `adopt_scans`, or if the run has scans of its own, whose numbers would be mixed with the table's.
    """
    table = run.root / (path or run.biomarkers_csv)
    if table == run.biomarkers_csv:
        return table
    _refuse_a_second_origin(run, path)
    if not table.is_file():
        return table  # its reader says so
    about = _origin(table, _note_of(table), tier, source, licence)
    write_json(run.cohort / "cohort.json", about | {"digest": sha256(table)})
    return table


def _refuse_a_second_origin(run, path):
    if (run.cohort / "scans.csv").is_file():
        raise ValueError(
            f"`biomarkers_csv` is {path}, but the run {run.name} has scans of its own in {run.cohort}; give the "
            "parameter file another name, so that a run has patients of one origin"
        )


def write_biomarkers(path, biomarkers: pd.DataFrame, folder) -> None:
    """Write a run's table of biomarkers, and beside it where the patients come from (biomarkers.origin.json).

    Parameters
    ----------
    path : Path
    biomarkers : pandas.DataFrame
    folder : Path
        The cohort's, with scans.csv and cohort.json.
    """
    write_table(path, biomarkers)
    about = _origin(folder / "scans.csv", folder / "cohort.json", "", "", "")
    write_json(_note_of(path), about | {"digest": sha256(path)})


def _note_of(biomarkers: Path) -> Path:
    return biomarkers.with_suffix(".origin.json")


def _origin(path: Path, note: Path, tier, source, licence) -> dict:
    """Tier, source, licence and seed of a table's patients: as the note says if it fits the table, else as declared."""
    if tier not in ("", *DECLARED):
        raise ValueError(f"tier is {tier!r}; for your own patients write 'public' or 'restricted'")
    if bool(tier) != bool(source.strip()):
        raise ValueError(
            f"tier is {tier!r} and source is {source!r}; whose patients these are is declared by both, such as "
            "tier: restricted and source: the name of the hospital"
        )
    noted, fits = read_note(note, path)
    if tier and noted.get("tier", tier) not in (tier, "unknown"):
        remedy = "; leave out tier and source"
        if not fits:
            remedy = ", though of a table with other content; remove it if none of those patients are in this table"
        raise ValueError(f"tier is {tier!r}, but {note} says {noted['tier']!r}{remedy}")
    declared = {"tier": tier or "unknown", "source": source, "licence": licence, "seed": None}
    is_known = fits and noted.get("tier") in ("synthetic", *DECLARED)
    return {name: noted.get(name) for name in declared} if is_known else declared


def adopt_training_scans(path, folder) -> pd.DataFrame:
    """Take a user's own training table into a run; with an empty `path`, for a run without training, an empty table.

    Its note <table>.origin.json, as `study index` writes it, goes along as cohort.json.

    Returns
    -------
    pandas.DataFrame
        As from `read_training_scans`.
    """
    training = read_training_scans(path) if path else pd.DataFrame(columns=list(TRAINING_COLUMNS))
    table = Path(folder) / "scans.csv"
    write_scans(table, training)
    if path:
        about = _origin(Path(path), _note_of(Path(path)), "", "", "")
        write_json(table.with_name("cohort.json"), about | {"digest": sha256(table)})
    return training


def examine(run, parameters, with_severity=True) -> list[str]:
    """Refuse a user's own tables as the notebooks of a run would, before any is executed; nothing is written.

    Parameters
    ----------
    run : study.run.Run
    parameters : dict of str to dict
        Of each notebook, from `study.workflow.plan`.
    with_severity : bool
        Whether notebook 5 will be executed, which needs scans of both statuses.

    Returns
    -------
    list of str
        What is doubtful about the table of patients, as `study check` says it, and how many scans have no files.

    Raises
    ------
    ScanTableError
        With all faults of a table at once; also if no scan is severe, or none non-severe, and as
        `checks.check_before_a_run`.
    ValueError
        As for `adopt_scans`, `adopt_biomarkers` and `keep_apart`; if a picture is asked of a scan that is not there.
    """
    given = parameters["1-cohort"]
    biomarkers = {parameters[name]["biomarkers_csv"]: parameters[name] for name in ("5-severity", "6-progression")}
    biomarkers.pop("", None)  # then it is the run's own
    notes, patients, training = [], None, None
    for path, own in biomarkers.items():
        _refuse_a_second_origin(run, path)
        patients = read_biomarkers(path := run.root / path)
        _origin(path, _note_of(path), own["tier"], own["source"], own["licence"])
    if not biomarkers and given["scans"]:
        patients = read_scans(path := run.root / given["scans"])
        _origin(path, path.with_name("cohort.json"), given["tier"], given["source"], given["licence"])
        is_new = not (run.values / "1-cohort.json").is_file()
        notes = checks.check_before_a_run(path, opened=is_new)
    if not biomarkers and given["training_scans"]:
        training = read_training_scans(run.root / given["training_scans"])
        if not given["models"]:
            checks.check_training_files(run.root / given["training_scans"])
    if patients is None:
        return []
    pictured = "" if biomarkers else parameters["3-segment"]["picture_of"]
    if pictured and pictured not in set(patients["scan_id"]):
        raise ValueError(f"picture_of: {path} has no scan {pictured!r}; give a scan_id of it, or none")
    if training is not None:
        keep_apart(patients, training)
    if with_severity and (why_not := checks.why_no_severity(path, patients)):
        raise ScanTableError(path, why_not)
    return [*notes, *(f"{path}: {doubt}" for doubt in checks.doubts(path, patients))]


def keep_apart(scans: pd.DataFrame, training: pd.DataFrame) -> None:
    """Check that no network is tested on a scan that it was trained on.

    Images are compared and patients are not, since two tables may use the same patient ids for different people.

    Raises
    ------
    ValueError
        If an image is both in the cohort and in the training table.
    """
    both = sorted(set(scans["image"]) & set(training["image"]))
    if both:
        more = f" and {len(both) - 3} more" if len(both) > 3 else ""
        raise ValueError(
            f"the cohort has {len(both)} of the training scans as well ({', '.join(both[:3])}{more}); a network "
            "must not be tested on scans that it was trained on: remove each scan from one of the two tables"
        )


def include(scans: pd.DataFrame, minimum_age_years: float = ADULT_YEARS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exclude patients who were too young at their first scan, with all their scans; those of unknown age stay.

    Returns
    -------
    included, excluded : pandas.DataFrame
        Rows of `scans`; `excluded` has an additional column, reason.
    """
    too_young = age_at_first_scan(scans).lt(minimum_age_years)
    is_out = scans["patient_id"].map(too_young).astype(bool)
    excluded = scans[is_out].assign(reason=f"younger than {minimum_age_years:g} years")
    return scans[~is_out].reset_index(drop=True), excluded.reset_index(drop=True)


def write_included(folder, scans: pd.DataFrame, excluded: pd.DataFrame) -> None:
    """Write included.csv: for each scan of the cohort whether it is included and, if not, the reason.

    Parameters
    ----------
    folder : Path
        The cohort's, with its scans.csv.
    scans, excluded : pandas.DataFrame
        All scans, and those that `include` excluded.
    """
    reason = scans["scan_id"].map(excluded.set_index("scan_id")["reason"])
    is_included = reason.isna().map({True: "true", False: "false"})
    table = pd.DataFrame({"scan_id": scans["scan_id"], "included": is_included, "reason": reason})
    write_table(Path(folder) / "included.csv", table)


def read_included(folder) -> pd.DataFrame:
    """Read the included scans of a cohort: the rows of scans.csv that included.csv says are in.

    Parameters
    ----------
    folder : Path
        The cohort's, with both tables.

    Returns
    -------
    pandas.DataFrame
        As from `read_scans`.

    Raises
    ------
    ValueError
        If included.csv does not list exactly the scans of scans.csv.
    """
    scans = read_scans(Path(folder) / "scans.csv")
    path = Path(folder) / "included.csv"
    listed = pd.read_csv(path, dtype={"scan_id": str}, keep_default_na=False)
    if listed["scan_id"].tolist() != scans["scan_id"].tolist():
        raise ValueError(f"{path}: it does not list the scans of scans.csv in their order; run notebook 1 again")
    return scans[listed["included"]].reset_index(drop=True)


def period(scans: pd.DataFrame, folder) -> dict[str, str | None]:
    """The `first` and the `last` day of scanning, as ISO dates; None if no date is known.

    Of patients who may not be named, whose table is in `folder`, they are months: each end is a day of one person.
    """
    form = "%Y-%m-%d" if may_name(folder) else "%Y-%m"
    days = scans["scan_date"].agg(["min", "max"])
    return {end: None if pd.isna(day) else f"{day:{form}}" for end, day in zip(("first", "last"), days, strict=True)}


def consecutive_pairs(scans: pd.DataFrame) -> pd.DataFrame:
    """Pair each scan with the next scan of the same patient.

    Scans of the same day follow each other in the order of the table; a scan without date is in no pair.

    Returns
    -------
    pandas.DataFrame
        patient_id, earlier and later (scan ids), and the days between them; n scans of a patient make n - 1 pairs.
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


def age_at_first_scan(scans: pd.DataFrame) -> pd.Series:
    """The earliest age that is known of each patient, in years; indexed by patient_id."""
    return _by_date(scans).groupby("patient_id")["age_years"].first()


def _by_date(scans: pd.DataFrame) -> pd.DataFrame:
    """The scans in order of date, which is the added column `_date`; those without a date come last."""
    return scans.assign(_date=pd.to_datetime(scans["scan_date"])).sort_values("_date", kind="stable")
