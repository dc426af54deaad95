"""Which scans a figure shows, chosen by rule rather than by eye, and their sections, read from the run's files."""

import numpy as np
import pandas as pd

from study.figures.one_section import body_frame, widest_sections
from study.plural import count
from study.results.words import as_dice, signed
from study.scans.ct import ScanError, read_label_map, read_lung_mask, read_mask, read_scan
from study.scans.identities import called, days
from study.scans.labels import INFECTION, LUNG


def typical_scan(segmented, status=None):
    """The scan of a status whose infection is the median of those that have one.

    Parameters
    ----------
    segmented : DataFrame
        ``scan_id, status, infection_volume_ml``, as from :func:`study.networks.segmentation.segment_scans`.
    status : {"severe", "non-severe"}, optional
        Any unless given.

    Returns
    -------
    str or None
        Its scan_id; None if no scan of that status shows infection.
    """
    infected = segmented[segmented["infection_volume_ml"] > 0]
    if status is not None:
        infected = infected[infected["status"] == status]
    ranked = infected.sort_values(["infection_volume_ml", "scan_id"])["scan_id"].tolist()
    return ranked[len(ranked) // 2] if ranked else None


def three_sections(scans, scan_id, folder, masks_folder):
    """Three consecutive sections around the one with the most infection, as `sections.consecutive_sections` wants.

    Parameters
    ----------
    scans : DataFrame
        The scan table.
    scan_id : str or None
        None gives an empty figure.
    folder, masks_folder : Path

    Returns
    -------
    dict
        ``hu, label_map, section_positions_mm, spacing_mm, title``.
    """
    if scan_id is None:
        nothing = np.zeros((0, 0, 0))
        missing = "no scan of this status shows infection"
        return {
            "hu": nothing,
            "label_map": nothing,
            "section_positions_mm": [],
            "spacing_mm": (1, 1, 1),
            "title": missing,
        }
    row, scan, label_map = _read(scans, scan_id, folder, masks_folder)
    chosen = widest_sections(label_map, 3)
    poi = (label_map == INFECTION).sum() / (label_map >= LUNG).sum()
    return {
        "hu": scan.hu[chosen],
        "label_map": label_map[chosen],
        "section_positions_mm": chosen * scan.spacing_mm[0],
        "spacing_mm": scan.spacing_mm,
        "title": f"Scan {called(scan_id, folder).removeprefix('scan ')}, {row['status']}, POI {100 * poi:.1f} %",
    }


def whole_scan(scans, segmented, folder, masks_folder):
    """All sections of the typical scan of all, as `study.lab.play.scroll.panel` and `study.lab.view.show` want it.

    Parameters
    ----------
    scans, segmented, folder, masks_folder
        As for :func:`three_sections` and :func:`typical_scan`; where no scan shows infection, the first is taken.

    Returns
    -------
    dict
        ``hu, label_map, spacing_mm``.
    """
    _, scan, label_map = _read(scans, typical_scan(segmented) or segmented["scan_id"].iloc[0], folder, masks_folder)
    return {"hu": scan.hu, "label_map": label_map, "spacing_mm": scan.spacing_mm}


def quality_picture(measured, scans, folder, masks_folder, scan_id=""):
    """A scan with its numbers and notes, as `study.figures.quality_picture.twelve_sections` wants it.

    Parameters
    ----------
    measured : DataFrame
        Rows of ``biomarkers.csv``.
    scans, folder, masks_folder
        As for :func:`three_sections`.
    scan_id : str
        The typical scan if empty; where no scan shows infection, the first.

    Returns
    -------
    dict
        ``hu, label_map, spacing_mm, measured, notes, name``.

    Raises
    ------
    ValueError
        If no measured scan has this scan_id.
    """
    scan_id = scan_id or typical_scan(measured) or measured["scan_id"].iloc[0]
    by_id = measured.set_index("scan_id")
    if scan_id not in by_id.index:
        raise ValueError(f"scan {scan_id} was not measured: give a scan_id of biomarkers.csv, or none")
    row = by_id.loc[scan_id]
    _, scan, label_map = _read(scans, scan_id, folder, masks_folder)
    notes = row["notes"].split("; ") if isinstance(row["notes"], str) else []
    return {"hu": scan.hu, "label_map": label_map, "spacing_mm": scan.spacing_mm, "measured": row, "notes": notes,
            "name": called(scan_id, folder)}  # fmt: skip


def _read(scans, scan_id, folder, masks_folder):
    """A scan's row of the table, the scan, and its label map."""
    row = scans.set_index("scan_id").loc[scan_id]
    scan = read_scan(folder / row["image"])
    return row, scan, read_label_map(masks_folder / f"{scan_id}.nii.gz", scan)


def severe_course(measured, n_scans=6):
    """The consecutive scans of one severe patient for Figure 5.

    The severe patient with the most scans, counted up to `n_scans`; among equals one whose status changes, then the
    one with the largest POI. Of more than `n_scans` scans, the `n_scans` consecutive ones with the most infection are
    kept.

    Parameters
    ----------
    measured : DataFrame
        Rows of ``biomarkers.csv``; scans with unknown date or status are left out.
    n_scans : int

    Returns
    -------
    DataFrame
        Rows of `measured` in order of date; empty if no patient is severe.
    """
    measured = measured.dropna(subset=["scan_date", "status"])
    if measured.empty:
        return measured
    patients = measured.groupby("patient_id").agg(
        severe=("status", lambda status: (status == "severe").any()),
        changes=("status", "nunique"),
        n=("scan_id", "size"),
        largest=("poi", "max"),
    )
    patients["n"] = patients["n"].clip(upper=n_scans)
    ranked = patients[patients["severe"].astype(bool)].sort_values(["n", "changes", "largest"], ascending=False)
    if ranked.empty:
        return measured.iloc[:0]
    course = measured[measured["patient_id"] == ranked.index[0]].sort_values(["scan_date", "scan_id"])
    start = int(course["poi"].rolling(min(n_scans, len(course))).sum().argmax()) - min(n_scans, len(course)) + 1
    return course.iloc[start : start + n_scans]


def course_sections(course, scans, folder, masks_folder):
    """One section per scan of a patient's course, at about the same height, as `sections.longitudinal` wants.

    The height is that of the section with the most infection in the scan with the largest POI, as a share of the lung's
    height, since inspiration and position differ between dates.

    Returns
    -------
    list of (date, status, hu, label_map, poi, ihu), spacing_mm
    """
    images = scans.set_index("scan_id")["image"]
    read = []
    for row in course.itertuples(index=False):
        scan = read_scan(folder / images[row.scan_id])
        read.append((row, scan, read_label_map(masks_folder / f"{row.scan_id}.nii.gz", scan)))
    return _at_one_height(read, days(course["scan_date"], folder))


def true_course(scans, folder, n_scans=6):
    """The course of a severe patient using the true masks, as `sections.longitudinal` needs it.

    Parameters
    ----------
    scans : DataFrame
        A scan table; without the phantom's ``true_poi`` and masks there is no course.
    folder : Path
    n_scans : int

    Returns
    -------
    list of (date, status, hu, label_map, poi, ihu), spacing_mm
    """
    if not {"true_poi", "true_ihu", "lung_mask", "infection_mask"} <= set(scans):
        return [], (1.0, 1.0, 1.0)
    measured = scans.assign(poi=pd.to_numeric(scans["true_poi"]), ihu=pd.to_numeric(scans["true_ihu"]))
    read, course = [], severe_course(measured, n_scans)
    for row in course.itertuples(index=False):
        scan = read_scan(folder / row.image)
        lung, infection = read_lung_mask(folder / row.lung_mask, scan), read_mask(folder / row.infection_mask, scan)
        read.append((row, scan, lung.astype(np.uint8) + (lung & infection)))
    return _at_one_height(read, days(course["scan_date"], folder))


def _at_one_height(read, dates):
    """One section per scan of (row, scan, label map), at the height that `course_sections` describes."""
    if not read:
        return [], (1.0, 1.0, 1.0)
    _, _, label_map = max(read, key=lambda item: item[0].poi)
    share = np.interp(widest_sections(label_map, 1)[0], _lung_ends(label_map), (0, 1))
    shown = []
    for date, (row, scan, label_map) in zip(dates, read, strict=True):
        z = round(np.interp(share, (0, 1), _lung_ends(label_map)))
        shown.append((date, row.status, scan.hu[z], label_map[z], row.poi, row.ihu))
    return shown, read[0][1].spacing_mm


def _lung_ends(label_map):
    with_lung = np.flatnonzero((label_map >= LUNG).any(axis=(1, 2)))
    return with_lung[0], with_lung[-1]


def motion_false_positive(compared, scans, folder, masks_folder):
    """The section with the largest false-positive area in the scan with motion that has most of it, for Figure 6.

    Parameters
    ----------
    compared : DataFrame
        The truth, from :func:`study.measures.per_scan.measure_scans`.

    Returns
    -------
    dict
        ``hu, predicted, reference, spacing_mm, title`` as `study.figures.sections.false_positives` wants.
    """
    moved = compared[compared["motion"].eq(True)].sort_values(["false_positive_ml", "scan_id"], ascending=[False, True])
    if moved.empty:
        nothing = np.zeros((0, 0))
        return {"hu": nothing, "predicted": nothing, "reference": nothing, "spacing_mm": (1, 1, 1), "title": ""}
    scan_id = moved["scan_id"].iloc[0]
    row = scans.set_index("scan_id").loc[scan_id]
    scan = read_scan(folder / row["image"])
    predicted = read_label_map(masks_folder / f"{scan_id}.nii.gz", scan) == 2
    reference = read_mask(folder / row["infection_mask"], scan)
    z = int((predicted & ~reference).sum(axis=(1, 2)).argmax())
    return {
        "hu": scan.hu[z],
        "predicted": predicted[z],
        "reference": reference[z],
        "spacing_mm": scan.spacing_mm,
        "title": f"Scan {called(scan_id, folder).removeprefix('scan ')}, with respiratory motion",
    }


def worst_scans(compared, scans, folder, masks_folder, n=8):
    """The worst segmented scans, as `study.figures.quality_plots.worst_scans` wants: half by Dice, half by volume.

    Parameters
    ----------
    compared : DataFrame
        The truth, from :func:`study.measures.per_scan.measure_scans`.
    n : int
        First the n / 2 with the lowest infection Dice (of equals, those with the larger error of volume), then of the
        others the n / 2 with the largest error of infection volume.

    Returns
    -------
    list of dict
        ``hu, predicted, reference, spacing_mm, words``: the section in which network and truth differ most.
    """
    ranked = compared.assign(error_ml=compared["volume_error_ml"].abs(), moved=compared["motion"].eq(True))
    by_dice = ranked.dropna(subset=["infection_dice"]).sort_values(
        ["infection_dice", "error_ml", "scan_id"], ascending=[True, False, True]
    )[: n // 2]
    others = ranked[~ranked["scan_id"].isin(by_dice["scan_id"])]
    by_volume = others.sort_values(["error_ml", "scan_id"], ascending=[False, True])[: n - n // 2]
    shown = []
    for row in pd.concat([by_dice, by_volume]).itertuples(index=False):
        described, scan, label_map = _read(scans, row.scan_id, folder, masks_folder)
        predicted, reference = label_map == INFECTION, read_mask(folder / described["infection_mask"], scan)
        z = int((predicted ^ reference).sum(axis=(1, 2)).argmax())
        frame = body_frame(scan.hu, scan.spacing_mm)
        reasons = ["motion"] * row.moved + ["true POI below 1 %"] * (0 < row.true_poi < 0.01)
        reasons += ["no true infection"] * (row.true_poi == 0)
        words = f"{called(row.scan_id, folder)}: Dice {as_dice(row.infection_dice)}, {signed(row.volume_error_ml)} ml"
        shown.append({
            "hu": scan.hu[z][frame], "predicted": predicted[z][frame], "reference": reference[z][frame],
            "spacing_mm": scan.spacing_mm, "words": "\n".join([words, ", ".join(reasons)]).rstrip(),
        })  # fmt: skip
    return shown


def gallery(scans, folder, n=8):
    """A section of each of `n` scans spread over a table, as `study.figures.sections.montage` wants.

    Returns
    -------
    list of (title, hu), list of spacing_mm, str
        The third says of how many scans these are and which section each is: that with the most infection in the
        table's mask, or the middle one.
    """
    chosen = scans.iloc[np.unique(np.linspace(0, len(scans) - 1, min(n, len(scans))).round().astype(int))]
    pictures, spacings, by_mask = [], [], []
    for row in chosen.itertuples(index=False):
        try:
            scan = read_scan(folder / row.image)
            z = len(scan.hu) // 2
            has_mask = pd.notna(getattr(row, "infection_mask", None))
            if has_mask:
                z = widest_sections(read_mask(folder / row.infection_mask, scan) * 2, 1)[0]
        except ScanError:
            continue  # notebook 3 lists it among the exclusions, with the reason
        status = getattr(row, "status", None)
        pictures.append((called(row.scan_id, folder) + (f", {status}" if pd.notna(status) else ""), scan.hu[z]))
        spacings.append(scan.spacing_mm)
        by_mask.append(has_mask)
    masked, middle = "the one with the most infection in the scan's mask", "the middle one"
    which = masked if all(by_mask) else f"{masked}, {middle} without a mask" if any(by_mask) else middle
    return pictures, spacings, f"{len(pictures)} of {count(len(scans), 'scan')}, of each a section: {which}"
