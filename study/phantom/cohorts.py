"""A synthetic longitudinal COVID-19 cohort on thick-section CT, and a training set of other pneumonia.

    from study.phantom.cohorts import make_cohort
    from study.phantom.people.counts import People
    from study.phantom.scanner.protocol import Geometry
    scans = make_cohort("phantoms", People(n_patients=5), Geometry(matrix=512))

`people.counts` says how many patients and scans there are, `people.plan` who is scanned when and how severe the disease
is, `scanner.scan` makes the CT with its truth, `people.observers` delineate it, `people.reports` compare it in words.
This module puts them together: patients are simulated in parallel, a file appears only when it is complete, and a scan
whose files are there and were made in the same way is not made again.

Every random draw comes from a stream keyed by the seed, the patient and the visit, so files are identical byte for byte
whatever the number of workers, and a patient looks the same in a small cohort and in a large one.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from study.files import write_json, write_text
from study.phantom.making import FORMATS, make_scans, scan_files
from study.phantom.people.counts import PAPER, People
from study.phantom.people.plan import plan_cohort
from study.phantom.people.reports import Reporting, write_reports
from study.phantom.people.training_set import TrainingSet, plan_training_set
from study.phantom.request import RequestError, check_word
from study.phantom.scanner.protocol import Geometry

# A scan that cuts off part of the lungs has a different POI. In 20 000 adults drawn by `build.draw_build` the inner
# chest is 183 to 293 mm wide; as it is off centre, it needs 247 mm (median), at most 316: 300 mm cut it in 3 of 1000.
NARROWEST_FIELD_MM = 300.0
# The paper's scanner adapts its tube current between 30 and 70 mAs.
TUBE_CURRENT_MAS = (30.0, 70.0)
# Strength of respiratory motion where there is any, and of the heartbeat, which is always there; see `simulate_scan`.
MOTION_RANGE, CARDIAC_RANGE = (0.5, 1.0), (0.2, 1.0)

# With one seed for both, the people in the training set are still not those of the cohort.
_COHORT, _TRAINING = 1, 2
# Names of the random streams; patients.py uses 1 and 2, reports.py 5, training_set.py 7.
_READERS, _ACQUISITION = 4, 6
MASKS = ("lung_mask", "infection_mask", "observer_1", "observer_2")
DICOM_FACTS = ("patient_id", "sex", "age_years", "scan_date", "visit")  # what a DICOM header says of the patient


def make_cohort(
    folder: str | Path,
    people: People,
    geometry: Geometry,
    *,
    reporting: Reporting | None = None,
    image_format: str = "nifti",
    label: bool = False,
    workers: int = 2,
) -> pd.DataFrame:
    """Make the synthetic COVID-19 cohort in a folder, or complete it.

    Parameters
    ----------
    folder : str or Path
        Receives scans.csv, cohort.json, images/, lung/, infection/, observer_1/, observer_2/ and recipes/
        (how each scan was made, so that it is not made again). A scan table that this function did not write
        is never overwritten.
    people : People
        Who is in it: counts, language of the reports, seed.
    geometry : Geometry
        How they are scanned. The field of view is at least `NARROWEST_FIELD_MM`, so that it contains the lungs.
    reporting : Reporting, optional
        How often the reports mention what, and how the reader errs.
    image_format : {"nifti", "dicom"}
        Of the images: a file, or a folder with one file per section. Masks are NIfTI on the image's grid.
    label : bool
        Also label every lobe and lesion: label maps in lobes/ (1 to 5 in the order of `lobes.LOBES`) and lesions/, and
        lesions.csv with kind, lobe, volume and mean HU of each. It costs about as much as another scan.
    workers : int
        Processes. With 1, everything is done in this process; a script that asks for more needs `if __name__ ==
        "__main__":`.

    Returns
    -------
    DataFrame
        scans.csv: one row per scan. In addition to the columns of the scan table, the truth:
        true_lung_volume_ml, true_infection_volume_ml, true_poi, true_ihu (empty without infection) from the
        true masks on the section grid, true_tissue_poi and true_tissue_ihu of the tissue before it is cut into
        sections, and true_illness_day, true_extent, true_consolidation, true_absorbing,
        true_severity from the plan.

    Raises
    ------
    RequestError
        If the field of view is too narrow, the format is unknown or the number of workers is below 1.
    ValueError
        If the folder contains a scan table that this program did not write.
    """
    folder = Path(folder)
    check_word("image_format", image_format, FORMATS)
    if geometry.field_of_view_mm < NARROWEST_FIELD_MM:
        raise RequestError(
            "{field_of_view_mm} is too narrow to contain the lungs: the chests of adults are up to 290 mm wide inside; "
            f"give {NARROWEST_FIELD_MM:g} or more",
            vars(geometry),
        )
    plan = plan_cohort(people)
    recipes = [cohort_recipe(row, people.seed, geometry, image_format, label) for row in plan.to_dict("records")]
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
    scans["report"] = write_reports(scans, people.seed, people.report_language, reporting)
    columns = [
        *"scan_id patient_id age_years sex scan_date status image".split(),
        *MASKS,
        *"motion report".split(),
        *label_maps,
        *truth.columns,
        *"true_illness_day true_extent true_consolidation true_absorbing true_severity".split(),
    ]
    table = scans[columns].to_csv(index=False, lineterminator="\n")
    who = asdict(people)
    about = dict(
        tier="synthetic",
        source="simulated by study.phantom; no patient's data",
        licence="CC0-1.0",
        seed=who.pop("seed"),
        digest=hashlib.sha256(table.encode()).hexdigest(),
        parameters={name: who[name] for name in PAPER} | asdict(geometry) | who,
    )
    if label:
        write_text(folder / "lesions.csv", lesions.to_csv(index=False, lineterminator="\n"))
    else:
        (folder / "lesions.csv").unlink(missing_ok=True)  # of an earlier call
    write_text(folder / "scans.csv", table)
    write_text(folder / "cohort.json", json.dumps(about, indent=2) + "\n")
    return scans[columns]


def make_training_set(folder: str | Path, training: TrainingSet, *, workers: int = 2) -> pd.DataFrame:
    """Make the synthetic training set in a folder, or complete it.

    It shows other pneumonia, on scanners of five vendors, in sections of 1-5 mm.

    Parameters
    ----------
    folder : str or Path
        Receives scans.csv, cohort.json, images/, lung/, infection/ and recipes/.
    training : TrainingSet
        Who is in it.
    workers : int
        As for `make_cohort`.

    Returns
    -------
    DataFrame
        scans.csv: scan_id, patient_id, vendor, slice_thickness_mm, increment_mm, kernel, tube_current_mas,
        tube_voltage_kv, image, lung_mask, infection_mask, motion and truth. `training_set.protocol_table` summarises it
        (Table S1).
    """
    folder = Path(folder)
    plan = plan_training_set(training)
    recipes = [_training_recipe(row, training) for row in plan.to_dict("records")]
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
    table = scans[columns].to_csv(index=False, lineterminator="\n")
    write_text(folder / "scans.csv", table)
    write_json(folder / "cohort.json", {"tier": "synthetic", "digest": hashlib.sha256(table.encode()).hexdigest()})
    return scans[columns]


# ------------------------------------------------------------------ recipes: all that a scan depends on


def cohort_recipe(row: dict, seed: int, geometry: Geometry, image_format: str = "nifti", label: bool = False) -> dict:
    """How to make the scan of a row of `plan_cohort`; see `making.make_scans`."""
    number, visit = row["patient_number"], row["visit"]
    rng = np.random.default_rng([seed, _ACQUISITION, number, visit])
    acquired = dict(kernel="soft", tube_current_mas=round(float(rng.uniform(*TUBE_CURRENT_MAS)), 1), padded=True)
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
        protocol=asdict(geometry) | acquired,
        motion=round(float(motion), 3) if row["motion"] else 0.0,
        cardiac=round(float(cardiac), 3),
        label=label,
        readers_seed=[seed, _READERS, number, visit] if row["observed"] else None,
        dicom={name: row[name] for name in DICOM_FACTS} if image_format == "dicom" else None,
    )


def _training_recipe(row: dict, training: TrainingSet) -> dict:
    protocol = dict(
        matrix=training.training_matrix,
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
        patient_seed=[training.seed, _TRAINING, row["number"]],
        visit=1,
        habitus=dict(sex=row["sex"], age_years=row["age_years"], findings=row["findings"]),
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
