"""Real CTs: what the networks find on lungs of people, by measures that need no lesion mask.

None of them is part of the project; their collections are public. A folder given by ``--real`` holds them, in any
folders inside.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from bench.judged import judged
from bench.lung_reference import middle_column, threshold_lung
from study.measures import biomarkers, overlap
from study.scans.ct import read_scan, write_scan
from study.scans.labels import INFECTION, LUNG
from study.scans.nifti import open_nifti
from study.statistics import roc

SCAN, FLAGS, SERIES = "P002_covid_10mm_every_5mm.nii.gz", "P002_covid_slice_labels.csv", "P002_dicom_slices_20-59"
# Scans of clear lungs, of ACRIN-FLT-Breast and CPTAC-PDA in The Cancer Imaging Archive, and the target of each's POI.
CLEAR = {
    "ACRIN-FLT-001_head_to_chest_arms_up_256.nii.gz": "clear_poi_head_and_arms",
    "ACRIN-FLT-001_chest_only.nii.gz": "clear_poi",
    "ACRIN-FLT-013_5mm.nii.gz": "clear_poi",
    "CPTAC-PDA-00189_bases_5mm.nii.gz": "clear_poi",
}
# Of NSCLC-Radiomics in the same archive: arms beside the trunk; lungs that people drew, 1 right and 2 left, 3 tumour.
DRAWN, DRAWN_LUNGS = "LUNG1-003_3mm_arms_down.nii.gz", "LUNG1-003_3mm_arms_down_truth.nii.gz"
OTHERS = ("LPCD-A0002_8mm.nii.gz",)  # of Lung-PET-CT-Dx
REAL_CT = (
    "a folder with a real CT, patient P002 of COVID-CT-MD (https://doi.org/10.1038/s41597-021-00900-3), in 3 parts: "
    f"{SCAN}, its 2 mm sections averaged to 10 mm every 5 mm; {FLAGS}, with one row per such section and a column "
    f"`infected`, the share of its slices that the radiologists flagged; {SERIES}/, slices 20 to 59 as original DICOM; "
    f"and any of {', '.join((*CLEAR, DRAWN, DRAWN_LUNGS, *OTHERS))}, of The Cancer Imaging Archive"
)
AERATED_BELOW_HU = -500
AWAY_MM, EVERY = 20.0, 3  # from the drawn lungs, lung is in the chest wall or an arm; looked for on every third pixel
ROOM_BELOW_HU, PASSAGE_MM = -900, 10.0  # air of the room, where a cube of 1 cm passes


def find(folder, name):
    """The file or folder of this name in a folder or below it; None if there is none."""
    return next(iter(sorted(Path(folder).rglob(name))), None)


def has_real_ct(folder):
    """Tell whether a real CT is given; print what to give if not, and stop if the folder lacks a part of P002."""
    if folder is None:
        print(f"real CT: skipped; give --real DIR, {REAL_CT}")
        return False
    if missing := [name for name in (SCAN, FLAGS, SERIES) if not find(folder, name)]:
        raise SystemExit(f"--real {folder}: {', '.join(missing)} not found; give {REAL_CT}")
    return True


def rows(segmenter, folder=None):
    """Rows of `bench.judged.COLUMNS` of all real CTs in a folder; none without one."""
    if not has_real_ct(folder):
        return []
    found = flagged_sections(segmenter, folder)
    for name in (*CLEAR, DRAWN, *OTHERS):
        if not (path := find(folder, name)):
            print(f"{name}: not in {folder}, skipped")
            continue
        scan = read_scan(path)
        label_map = segmenter.segment(scan, path)
        found += of_one_scan(name, scan, label_map)
        if name == DRAWN and (lungs := find(folder, DRAWN_LUNGS)):
            found += against_drawn_lungs(name, scan, label_map, lungs)
    return found


def of_one_scan(name, scan, label_map):
    """Lung outside the body; and POI, if the lungs are clear."""
    what = f"Real CT {name.split('.')[0]}"
    outside_ml = np.count_nonzero((label_map >= LUNG) & room_air(scan.hu, scan.spacing_mm)) * scan.voxel_ml
    made = [judged(f"{what}, lung outside the body (ml)", _of(scan, outside_ml), "lung_outside_the_body")]
    if name in CLEAR:
        poi = 100 * biomarkers.portion_of_infection((label_map == INFECTION).sum(), (label_map >= LUNG).sum())
        made.append(judged(f"{what}, POI (%)", _of(scan, poi), CLEAR[name]))
    return made


def against_drawn_lungs(name, scan, label_map, path):
    """Compare the lung field with the lungs that people drew; the tumour is in neither of theirs."""
    volume = open_nifti(path)
    labels = volume.grid.to_zyx(np.stack(list(volume.sections())).transpose())
    drawn, lung, aerated = np.isin(labels, (1, 2)), label_map >= LUNG, scan.hu < AERATED_BELOW_HU
    of_aerated, what = overlap.dice(lung & aerated, drawn & aerated), f"Real CT {name.split('.')[0]}"
    every = np.s_[:, ::EVERY, ::EVERY]  # a distance is a slow thing
    step_mm = (scan.spacing_mm[0], *(EVERY * length for length in scan.spacing_mm[1:]))
    away = ndimage.distance_transform_edt(labels[every] == 0, sampling=step_mm) >= AWAY_MM
    away_ml = np.count_nonzero(lung[every] & away) * scan.voxel_ml * EVERY**2
    return [
        judged(f"{what}, lung {AWAY_MM:g} mm and more from theirs (ml)", _of(scan, away_ml), "lung_outside_the_body"),
        judged(f"{what}, lung Dice", _of(scan, overlap.dice(lung, drawn)), "drawn_lung_dice"),
        judged(f"{what}, lung Dice below {AERATED_BELOW_HU} HU", _of(scan, of_aerated), "drawn_aerated_lung_dice"),
    ]


def room_air(hu, spacing_mm):
    """Air of the room, in which a cube of 1 cm reaches the border of a section: bool (z, y, x).

    Not of foam, nor where arms enclose it in all sections: lung in it is the least that lies outside the body.
    """
    box = [max(1, 2 * round(PASSAGE_MM / step / 2 - 0.5) + 1) for step in spacing_mm]
    air = hu < ROOM_BELOW_HU
    parts, n = ndimage.label(ndimage.maximum_filter(ndimage.minimum_filter(air, box), box))
    around = np.zeros(n + 1, bool)
    around[np.concatenate([parts[:, (0, -1)].ravel(), parts[:, :, (0, -1)].ravel()])] = True
    around[0] = False
    return around[parts]


def flagged_sections(segmenter, folder):
    """P002: sections flagged by radiologists, and disease in the left lung only."""
    scan = read_scan(find(folder, SCAN))
    flagged = pd.read_csv(find(folder, FLAGS))["infected"].to_numpy()
    label_map = segmenter.segment(scan)
    area = (label_map == INFECTION).sum(axis=(1, 2))
    measured = biomarkers.measure(scan.hu, label_map, scan.spacing_mm)
    left = measured["left_infection_volume_ml"] / measured["infection_volume_ml"]
    reference = threshold_lung(scan.hu, scan.spacing_mm)
    outside = without_lesions(reference, flagged > 0)
    lung = overlap.dice((label_map >= LUNG) & outside, reference & outside)
    found = [
        ("AUC of infected area for sections with any flag", roc.auc(area, flagged > 0), "section_auc"),
        ("AUC of infected area for sections flagged in half or more", roc.auc(area, flagged >= 0.5), "section_auc"),
        ("share of infection in the left lung", left, "share_in_the_ill_lung"),
        ("lung Dice outside lesions", lung, "real_lung_dice"),
        ("POI (%)", 100 * measured["poi"], None),
        (
            "DICOM against NIfTI of the same sections, largest relative difference",
            dicom_difference(segmenter, find(folder, SERIES)),
            "dicom_difference",
        ),
    ]
    made = [judged(f"Real CT P002, {words}", _of(scan, number), target) for words, number, target in found]
    return made + of_one_scan(SCAN, scan, label_map)


def without_lesions(lung, is_flagged):
    """Where this patient is known to be free of disease: in the right lung, and in sections without a flag."""
    outside = np.zeros(lung.shape, bool)
    outside[:, :, : middle_column(lung)] = True
    outside[~is_flagged] = True
    return outside


def dicom_difference(segmenter, series):
    """Largest relative difference of any measure between a DICOM series and NIfTI written from it."""
    read = [read_scan(series)]
    with tempfile.TemporaryDirectory() as folder:
        write_scan(Path(folder) / "scan.nii.gz", read[0].hu, read[0].spacing_mm)
        read.append(read_scan(Path(folder) / "scan.nii.gz"))
    measures = [pd.Series(biomarkers.measure(scan.hu, segmenter.segment(scan), scan.spacing_mm)) for scan in read]
    return float((measures[0] / measures[1] - 1).abs().max())


def _of(scan, number):
    return {"estimate": number, "n": len(scan.hu)}
