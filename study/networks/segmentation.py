"""Scan to label map: lungs first, then infection inside them."""

import json

import numpy as np
from scipy import ndimage
from tqdm import tqdm

from study import arithmetic
from study.files import sha256, write_json
from study.fingerprint import digests
from study.networks import models, slabs
from study.networks.body import body_mask
from study.scans import refusals
from study.scans.boxes import bounding_box
from study.scans.ct import ScanError, mask_reader, read_scan, write_label_map
from study.scans.labels import INFECTION

LUNG_THRESHOLD_ML = 200  # less is not lung: an adult's two lungs contain 2500 ml and more at full inspiration
# The median of a lung with the worst emphysema lies above -960 HU; that of gas-filled bowel or a box of air near -1000.
LUNG_ABOVE_HU = -970
# A part of the lung field with less aerated lung (by volume) is a white lung, or no lung.
AIRLESS_SHARE = 0.1
MIRRORED_SHARE = 0.25  # of a white lung that lies where the other one would be; of an arm, nothing does
SMALL_PART_OF_LUNG = 0.03  # parts under 3 % of the largest are bowel gas or trachea, not a lung


class Segmenter:
    """The two networks of a folder of models, ready to segment one scan after another.

    Parameters
    ----------
    models_folder : path
    threads : int
        CPU threads; 0 for all.

    Raises
    ------
    study.networks.models.ModelError
        If a model is missing or is not the one that its card describes.
    """

    def __init__(self, models_folder, threads=0):
        self.lung = models.Network(models_folder, "lung", threads)
        self.infection = models.Network(models_folder, "infection", threads)

    def segment(self, scan, path="scan"):
        """Segment one scan.

        Parameters
        ----------
        scan : study.scans.ct.Scan
        path : path
            Named in the error.

        Returns
        -------
        uint8 array (z, y, x)
            0 background, 1 lung, 2 infection, on the scan's own grid.

        Raises
        ------
        study.scans.ct.ScanError
            If no lung is found, or what looks like lung is air, as in a bowel or a test object, or holds none.
        """
        lung_mask = self.find_lungs(scan)
        fault = None
        if lung_mask.sum() * scan.voxel_ml < LUNG_THRESHOLD_ML:
            fault = f"less than {LUNG_THRESHOLD_ML} ml"
        elif (median_hu := np.median(scan.hu[lung_mask])) < LUNG_ABOVE_HU:
            fault = f"what looks like lung is air, median {median_hu:.0f} HU"
        elif (scan.hu[lung_mask] < slabs.AERATED_HU[1]).mean() < AIRLESS_SHARE:
            fault = "what looks like lung holds no air"
        if fault:
            raise ScanError(
                path,
                f"no lung found ({fault})",
                "give a chest CT that contains the lungs; if it does, check its orientation and HU with `study check`",
            )
        label_map = lung_mask.astype(np.uint8)
        label_map[self.find_infection(scan, lung_mask)] = INFECTION  # also what the lung network took for chest wall
        return label_map

    def find_lungs(self, scan):
        """Return the lung field, bool (z, y, x): the network's answer inside the body, without small parts."""
        pixel_mm = self.lung.settings["pixel_mm"]
        on_grid = slabs.to_network_grid(scan.hu, scan.spacing_mm, pixel_mm)
        seen = self.lung.seen(len(on_grid), scan.spacing_mm[0])
        probability = self.lung.probability(slabs.lung_input(on_grid), seen)
        found = probability >= self.lung.threshold
        # Components are separated on the network's grid, which has far fewer pixels than the scan.
        inside = body_mask(on_grid, (scan.spacing_mm[0], pixel_mm, pixel_mm), found)
        found_inside = large_parts(found & inside)
        probability[found & ~mirrored_parts(found_inside, on_grid, inside)] = 0
        probability = slabs.from_network_grid(probability, scan.hu.shape, scan.spacing_mm, pixel_mm)
        return large_parts(probability >= self.lung.threshold)  # between pixels, slivers come off

    def find_infection(self, scan, lung_mask):
        """Return the infection in and close to a lung field, bool (z, y, x), searching only its bounding box."""
        settings = self.infection.settings
        pixel_mm, margin_mm = settings["pixel_mm"], settings["margin_mm"]
        box = list(bounding_box(lung_mask))
        for axis in (1, 2):
            reach = int(np.ceil(2 * margin_mm / scan.spacing_mm[axis]))
            box[axis] = slice(max(0, box[axis].start - reach), box[axis].stop + reach)
        hu = slabs.to_network_grid(scan.hu[:, box[1], box[2]], scan.spacing_mm, pixel_mm)
        with_lung = np.arange(box[0].start, box[0].stop)
        lung_on_grid = slabs.to_network_grid(lung_mask[tuple(box)], scan.spacing_mm, pixel_mm, outside=0) >= 0.5
        relative = slabs.infection_input(hu, slabs.reference_hu(hu[with_lung], lung_on_grid, pixel_mm))
        seen = self.infection.seen(len(hu), scan.spacing_mm[0])
        probability = self.infection.probability(relative, seen[with_lung])
        lung_on_grid[(probability < self.infection.threshold).all(axis=(1, 2))] = False  # no infection there
        counts = slabs.with_dents(lung_on_grid, pixel_mm, margin_mm).astype(np.float32)
        inside = lung_mask[tuple(box)]
        found, counts = (
            slabs.from_network_grid(on_grid, inside.shape, scan.spacing_mm, pixel_mm)
            for on_grid in (probability, counts)
        )
        infection_mask = np.zeros(scan.hu.shape, bool)
        infection_mask[tuple(box)] = (found >= self.infection.threshold) & (inside | (counts >= 0.5))
        return infection_mask


def large_parts(lung_mask):
    """Keep the components of a lung field that can be a lung beside the largest.

    Parameters
    ----------
    lung_mask : bool array (z, y, x)

    Returns
    -------
    bool array (z, y, x)
        Without components that are tiny compared with the largest, and without those that share no section with it,
        as the nose and its sinuses do not.
    """
    if not lung_mask.any():
        return lung_mask
    box = bounding_box(lung_mask)
    parts, n_parts = ndimage.label(lung_mask[box])
    if n_parts == 1:
        return lung_mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    beside = np.zeros(n_parts + 1, bool)
    beside[parts[(parts == sizes.argmax()).any(axis=(1, 2))]] = True
    kept = np.zeros_like(lung_mask)
    kept[box] = ((sizes >= SMALL_PART_OF_LUNG * sizes.max()) & beside)[parts]
    return kept


def mirrored_parts(lung_mask, hu, body):
    """Leave out parts of a lung field that hold no air and lie where no lung can be, such as an arm among streaks.

    Parameters
    ----------
    lung_mask : bool array (z, y, x)
    hu : array (z, y, x)
    body : bool array (z, y, x)
        Its centre in each section is where left and right part.

    Returns
    -------
    bool array (z, y, x)
        In each section, parts without air stay where the image of those with air in the mirror covers `MIRRORED_SHARE`
        of them, as one lung covers the other; and all if no part of the scan has air.
    """
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    if not lung_mask.any():
        return lung_mask
    box = bounding_box(lung_mask)
    in_box, n_parts = ndimage.label(lung_mask[box], in_plane)  # a part of a section: an arm can touch a lung in another
    sizes = np.maximum(np.bincount(in_box.ravel(), minlength=n_parts + 1), 1)
    airless = np.bincount(in_box[hu[box] < slabs.AERATED_HU[1]], minlength=n_parts + 1) < AIRLESS_SHARE * sizes
    airless[0] = False
    if airless.sum() in (0, n_parts):
        return lung_mask
    parts = np.zeros(lung_mask.shape, in_box.dtype)
    parts[box] = in_box
    aerated = lung_mask & ~airless[parts]
    x = np.arange(hu.shape[2])
    middle = (body.any(axis=1) * x).sum(axis=1) / np.maximum(body.any(axis=1).sum(axis=1), 1)
    opposite = np.rint(2 * middle[:, None] - x).astype(int)
    image = np.take_along_axis(aerated, np.clip(opposite, 0, len(x) - 1)[:, None, :], axis=2)
    image &= ((opposite >= 0) & (opposite < len(x)))[:, None, :]
    covered = np.bincount(parts[image], minlength=n_parts + 1)
    return lung_mask & (~airless | (covered >= MIRRORED_SHARE * sizes))[parts]


def segment_scans(scans, folder, models_folder, masks_folder, threads=0):
    """Segment the scans of a table, one after another; those with a valid label map are not segmented again.

    Parameters
    ----------
    scans : DataFrame
        Rows of a scan table.
    folder : Path
        The table's paths are relative to it.
    models_folder, masks_folder : Path
    threads : int
        CPU threads; 0 for all.

    Returns
    -------
    segmented, refused : DataFrame
        ``scan_id, status, infection_volume_ml``; and ``scan_id, patient_id, file, what, remedy, stage`` of the scans
        that could not be segmented.
    """
    import pandas as pd  # takes a second, and segmenting one scan does not need it

    from study.scans.schemas import MASK_COLUMNS

    segmenter = Segmenter(models_folder, threads)
    masks_folder.mkdir(parents=True, exist_ok=True)
    code = digests.of_names(f"{__name__}.{segment_scans.__name__}")
    by_what = [segmenter.lung.card["digests"], segmenter.infection.card["digests"], code, arithmetic.chosen()]
    segmented, refused = [], []
    for row in tqdm(scans.itertuples(index=False), total=len(scans), desc="segment", mininterval=1):
        image, target = folder / row.image, masks_folder / f"{row.scan_id}.nii.gz"
        note = masks_folder / f"{row.scan_id}.json"
        try:
            scan = read_scan(image)
            made_from = {"image": sha256(image), "by": by_what}
            done = _read(note)
            for mask in MASK_COLUMNS:  # a scan whose masks do not match is refused here, before it is used
                if pd.notna(getattr(row, mask, None)):
                    mask_reader(mask)(folder / getattr(row, mask), scan)
            if not (target.is_file() and done.get("from") == made_from and done["mask"] == sha256(target)):
                label_map = segmenter.segment(scan, image)
                write_label_map(target, label_map, scan)
                infection_ml = float((label_map == INFECTION).sum() * scan.voxel_ml)
                done = {"from": made_from, "mask": sha256(target), "infection_volume_ml": infection_ml}
                write_json(note, done)
            segmented.append((row.scan_id, row.status, done["infection_volume_ml"]))
        except Exception as error:  # of whatever type: the other scans go on
            target.unlink(missing_ok=True)
            refused.append(refusals.refusal(row._asdict(), image, error, folder, "segment"))
    segmented = pd.DataFrame(segmented, columns=["scan_id", "status", "infection_volume_ml"])
    return segmented, pd.DataFrame(refused, columns=refusals.COLUMNS)


def _read(path):
    """The note next to a label map; empty if it is missing or unreadable."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
