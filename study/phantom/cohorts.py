"""A synthetic longitudinal COVID-19 cohort on thick-section CT, and a training set of other pneumonia.

    from study.phantom import make_cohort, make_training_set
    scans = make_cohort("runs/demo/cohort")

`patients` says who is scanned when and how ill, `scan` makes the CT with its truth, `observers` delineate it,
`reports` compare it in words. This module puts them together: one pass over the patients in parallel, files that
appear only when complete, and nothing made twice that is there and was made in the same way.

Every random draw comes from a stream keyed by the seed, the patient and the visit, so files are identical
byte for byte whatever the number of workers, and a patient looks the same in a small cohort and in a large
one.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from study.files import write_text
from study.phantom.making import FORMATS, make_scans, scan_files
from study.phantom.people.plan import fill_counts, plan_cohort
from study.phantom.people.reports import LANGUAGES, Reporting, write_report
from study.phantom.people.training_set import plan_training_set, protocol_table
from study.phantom.scanner.protocol import Protocol
from study.phantom.showcase import views

__all__ = [
    "Reporting",
    "make_cohort",
    "make_training_set",
    "plan_cohort",
    "plan_training_set",
    "protocol_table",
    "views",
]

# A scan that cuts the lungs has another POI. Of 20 000 adults drawn by `build.draw_build` the inner chest is 183 to
# 293 mm wide; off the middle as it lies it needs 247 mm (median), 316 at most: 300 cut the edge of 3 in 1000.
NARROWEST_FIELD_MM = 300.0
# The paper's scanner adapts its tube current between 30 and 70 mAs.
TUBE_CURRENT_MAS = (30.0, 70.0)
# strength of respiratory motion where there is any, and of the heartbeat, always there; see `scan.simulate_scan`
MOTION_RANGE, CARDIAC_RANGE = (0.5, 1.0), (0.2, 1.0)

# with one seed for both, the people in the training set are still not those of the cohort
_COHORT, _TRAINING = 1, 2
_READERS, _REPORTS, _ACQUISITION = (
    4,
    5,
    6,
)  # names of the random streams; patients.py uses 1 and 2, training_set.py 7
MASKS = ("lung_mask", "infection_mask", "observer_1", "observer_2")
DICOM_FACTS = ("patient_id", "sex", "age_years", "scan_date", "visit")  # what a DICOM header says of the patient


def make_cohort(
    folder,
    *,
    n_patients=204,
    n_minors=None,
    n_severe_patients=None,
    n_scans=None,
    n_adult_scans=None,
    n_severe_scans=None,
    matrix=128,
    field_of_view_mm=350.0,
    slice_thickness_mm=10.0,
    increment_mm=10.0,
    profile="helical",
    n_observed=None,
    motion_fraction=0.04,
    second_peak_fraction=0.0,
    report_language="mixed",
    reporting=None,
    image_format="nifti",
    label=False,
    seed=2020,
    workers=2,
) -> pd.DataFrame:
    """Make the synthetic COVID-19 cohort in a folder, or complete it.

    `make_cohort("phantoms", n_patients=5)` is enough; all else has a default.

    Parameters
    ----------
    folder : str or Path
        Receives scans.csv, cohort.json, images/, lung/, infection/, observer_1/, observer_2/ and recipes/
        (how each scan was made, so that it is not made again). A scan table that this function did not write
        is never overwritten.
    n_patients, n_minors, n_severe_patients, n_scans, n_adult_scans, n_severe_scans, n_observed,
    motion_fraction, second_peak_fraction, seed
        See `plan.plan_cohort`; a count that is not given follows from the others in the paper's proportions.
    matrix : int
        Pixels across and down; 512 in the paper.
    field_of_view_mm, slice_thickness_mm, increment_mm : float
        The paper's are 350, 10 and 5. The field of view is 300 at least, so that it holds the lungs.
    profile : {"helical", "rectangular"}
        Of a section's sensitivity; see `acquisition.profile_integral`.
    report_language : {"english", "chinese", "mixed"}
        Of the follow-up reports. The paper's hospital wrote Chinese and its Table 3 prints English; "mixed" draws
        one of the two for each patient.
    reporting : Reporting, optional
        How often the reports mention what, and how the reader errs.
    image_format : {"nifti", "dicom"}
        Of the images: a file, or a folder with one file a section. Masks are NIfTI on the image's grid.
    label : bool
        Also name every lobe and lesion: label maps in lobes/ (1 to 5 in the order of `lobes.LOBES`) and lesions/, and
        lesions.csv with kind, lobe, volume and mean HU of each. It costs about as much as another scan.
    workers : int
        Processes. With 1 all is done in this process; a script that asks for more needs `if __name__ ==
        "__main__":`.

    Returns
    -------
    DataFrame
        scans.csv: one row a scan. Beside the columns of the scan table it holds the truth:
        true_lung_volume_ml, true_infection_volume_ml, true_poi, true_ihu (empty without infection) from the
        true masks on the section grid, true_tissue_poi and true_tissue_ihu of the tissue before it is cut into
        sections, and true_illness_day, true_extent, true_consolidation, true_absorbing,
        true_severity from the plan.

    Raises
    ------
    ValueError
        If the counts cannot be met together, no scan can be acquired so (see `protocol.Protocol`), a language or format
        is unknown, or the folder holds somebody else's scan table.
    """
    folder = Path(folder)
    _check_word("report_language", report_language, (*LANGUAGES, "mixed"))
    _check_word("image_format", image_format, FORMATS)
    counts = dict(
        n_patients=n_patients,
        n_minors=n_minors,
        n_severe_patients=n_severe_patients,
        n_scans=n_scans,
        n_adult_scans=n_adult_scans,
        n_severe_scans=n_severe_scans,
        n_observed=n_observed,
    )
    fractions = dict(motion_fraction=motion_fraction, second_peak_fraction=second_peak_fraction)
    plan = plan_cohort(**counts, **fractions, seed=seed)
    geometry = dict(
        matrix=matrix,
        field_of_view_mm=field_of_view_mm,
        slice_thickness_mm=slice_thickness_mm,
        increment_mm=increment_mm,
        profile=profile,
    )
    Protocol(**geometry)  # refuses what cannot be, before anything is made
    if field_of_view_mm < NARROWEST_FIELD_MM:
        raise ValueError(
            f"field_of_view_mm = {field_of_view_mm:g} is too narrow to hold the lungs: the chests of adults are "
            f"up to 290 mm wide inside; give {NARROWEST_FIELD_MM:g} or more"
        )
    recipes = [_cohort_recipe(row, seed, geometry, image_format, label) for row in plan.to_dict("records")]
    truth, lesions = make_scans(folder, recipes, workers, "cohort")

    scans = plan.rename(columns={"motion": "moved"})
    scans["image"] = scan_files("image", scans["scan_id"], image_format)
    for mask in MASKS:
        scans[mask] = scan_files(mask, scans["scan_id"])
        if mask.startswith("observer"):
            scans[mask] = scans[mask].where(scans["observed"])
    label_maps = ("lobes", "lesions") if label else ()
    for name in label_maps:
        scans[name] = scan_files(name, scans["scan_id"])
    scans["motion"] = scans["moved"].map({True: "true", False: "false"})
    scans = scans.join(truth)
    scans["report"] = _reports(scans, seed, report_language, reporting)
    columns = [
        *"scan_id patient_id age_years sex scan_date status image".split(),
        *MASKS,
        *"motion report".split(),
        *label_maps,
        *truth.columns,
        *"true_illness_day true_extent true_consolidation true_absorbing true_severity".split(),
    ]
    table = scans[columns].to_csv(index=False, lineterminator="\n")
    about = dict(
        tier="synthetic",
        source="simulated by study.phantom.cohorts; no patient's data",
        licence="CC0-1.0",
        seed=seed,
        digest=hashlib.sha256(table.encode()).hexdigest(),
        parameters=fill_counts(**counts) | geometry | fractions | dict(report_language=report_language),
    )
    if label:
        write_text(folder / "lesions.csv", lesions.to_csv(index=False, lineterminator="\n"))
    else:
        (folder / "lesions.csv").unlink(missing_ok=True)  # of an earlier call
    write_text(folder / "scans.csv", table)
    write_text(folder / "cohort.json", json.dumps(about, indent=2) + "\n")
    return scans[columns]


def make_training_set(
    folder,
    *,
    n_scans=60,
    matrix=128,
    motion_fraction=0.1,
    healthy_fraction=0.1,
    covid_fraction=0.0,
    seed=558,
    workers=2,
) -> pd.DataFrame:
    """Make the synthetic training set in a folder, or complete it.

    Other pneumonia from five vendors in sections of 1-5 mm.

    Parameters
    ----------
    folder : str or Path
        Receives scans.csv, images/, lung/, infection/ and recipes/.
    n_scans : int
        One scan a patient; 558 in the paper.
    matrix : int
    motion_fraction, healthy_fraction, covid_fraction : float, 0..1
        Chance that a scan carries respiratory motion, shows no infection, or shows COVID-19: none does in the paper,
        whose point is that the network never saw it.
    seed, workers : int
        As for `make_cohort`.

    Returns
    -------
    DataFrame
        scans.csv: scan_id, patient_id, vendor, slice_thickness_mm, increment_mm, kernel, tube_current_mas,
        tube_voltage_kv, image, lung_mask, infection_mask, motion and truth. `protocol_table` sums it up
        (Table S1).
    """
    folder = Path(folder)
    Protocol(matrix=matrix)  # refuses what cannot be, before anything is made
    plan = plan_training_set(
        n_scans=n_scans,
        motion_fraction=motion_fraction,
        healthy_fraction=healthy_fraction,
        covid_fraction=covid_fraction,
        seed=seed,
    )
    recipes = [_training_recipe(row, seed, matrix) for row in plan.to_dict("records")]
    truth, _ = make_scans(folder, recipes, workers, "training set")
    scans = plan.join(truth)
    for name in ("image", "lung_mask", "infection_mask"):
        scans[name] = scan_files(name, scans["scan_id"])
    scans["motion"] = scans["motion"].map({True: "true", False: "false"})
    columns = [
        *"scan_id patient_id vendor slice_thickness_mm increment_mm kernel".split(),
        *"tube_current_mas tube_voltage_kv image lung_mask infection_mask motion".split(),
        *truth.columns,
    ]
    write_text(folder / "scans.csv", scans[columns].to_csv(index=False, lineterminator="\n"))
    return scans[columns]


# ------------------------------------------------------------------ recipes: all that a scan depends on


def _cohort_recipe(row: dict, seed: int, geometry: dict, image_format: str, label: bool) -> dict:
    number, visit = row["patient_number"], row["visit"]
    rng = np.random.default_rng([seed, _ACQUISITION, number, visit])
    tube_current_mas = rng.uniform(*TUBE_CURRENT_MAS)
    motion = rng.uniform(*MOTION_RANGE)
    cardiac = rng.uniform(*CARDIAC_RANGE)
    return dict(
        scan_id=row["scan_id"],
        group=number,
        patient_seed=[seed, _COHORT, number],
        visit=visit,
        habitus=dict(sex=row["sex"], age_years=row["age_years"]),
        disease=dict(
            pattern="covid",
            extent=row["true_extent"],
            consolidation=row["true_consolidation"],
            absorbing=row["true_absorbing"],
        ),
        protocol=geometry | dict(kernel="soft", tube_current_mas=round(float(tube_current_mas), 1), padded=True),
        motion=round(float(motion), 3) if row["motion"] else 0.0,
        cardiac=round(float(cardiac), 3),
        label=label,
        readers_seed=[seed, _READERS, number, visit] if row["observed"] else None,
        dicom={name: row[name] for name in DICOM_FACTS} if image_format == "dicom" else None,
    )


def _training_recipe(row: dict, seed: int, matrix: int) -> dict:
    protocol = dict(
        matrix=matrix,
        field_of_view_mm=row["field_of_view_mm"],
        slice_thickness_mm=row["slice_thickness_mm"],
        increment_mm=row["increment_mm"],
        kernel=row["sharpness"],
        tube_current_mas=row["tube_current_mas"],
        tube_voltage_kv=row["tube_voltage_kv"],
        padded=row["padded"],
    )
    return dict(
        scan_id=row["scan_id"],
        group=row["number"],
        patient_seed=[seed, _TRAINING, row["number"]],
        visit=1,
        habitus=dict(sex=row["sex"], age_years=row["age_years"]),
        disease=dict(
            pattern=row["pattern"],
            extent=row["true_extent"],
            consolidation=row["true_consolidation"],
            absorbing=row["true_absorbing"],
        ),
        protocol=protocol,
        motion=row["motion_strength"] if row["motion"] else 0.0,
        cardiac=row["cardiac"],
        label=False,
        readers_seed=None,
        dicom=None,
    )


def _reports(scans: pd.DataFrame, seed: int, language: str, reporting: Reporting | None) -> pd.Series:
    """A report for each follow-up scan, against the patient's scan before it; none for a first scan."""
    reports, previous = [], None
    for row in scans.to_dict("records"):
        number, visit = row["patient_number"], row["visit"]
        this = dict(
            poi=row["true_poi"],
            ihu=np.nan if row["true_ihu"] is None else row["true_ihu"],
            scan_date=row["scan_date"],
        )
        written_in = language
        if language == "mixed":  # a hospital writes in one: all reports of a patient are alike
            written_in = tuple(LANGUAGES)[np.random.default_rng([seed, _REPORTS, number]).integers(len(LANGUAGES))]
        rng = np.random.default_rng([seed, _REPORTS, number, visit])
        reports.append(write_report(previous, this, rng, written_in, reporting) if visit > 1 else None)
        previous = this
    return pd.Series(reports, index=scans.index, dtype=object)


def _check_word(name: str, word, known: tuple) -> None:
    if word not in known:
        raise ValueError(f"{name} = {word!r} must be one of {', '.join(known)}")
