"""What a training step sees: sections of the training scans on the networks' grid, drawn and augmented."""

from dataclasses import dataclass
from itertools import cycle

import numpy as np
import torch
from monai.transforms import (
    Compose,
    ConcatItemsd,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSharpend,
    RandGaussianSmoothd,
    Randomizable,
    RandomizableTransform,
    RandScaleIntensityd,
    RandShiftIntensityd,
    RandSimulateLowResolutiond,
    RandWeightedCropd,
    ResizeWithPadOrCropd,
)
from tqdm import tqdm

from study.networks import slabs
from study.scans.ct import read_lung_mask, read_mask, read_scan

WHOLE = 255  # the share of a pixel that lies inside a mask, as a byte


@dataclass(frozen=True)
class Sections:
    """Sections of one training scan on the networks' grid, all arrays (z, y, x).

    A network's pixels are larger than a scan's. It learns which share of each is infected, not whether half is: from
    shares the border between pixels is found again on the scan's grid, to 0.999 of Dice for lungs at 512x512 instead
    of 0.992.

    Attributes
    ----------
    scan_id : str
    hu : int16 array
    lung_share, infection_share : uint8 array
        0 to `WHOLE`.
    spacing_mm : (float, float, float)
    reference_hu : float
        See `study.networks.slabs.reference_hu`.
    """

    scan_id: str
    hu: np.ndarray
    lung_share: np.ndarray
    infection_share: np.ndarray
    spacing_mm: tuple
    reference_hu: float

    @property
    def lung(self):
        """Pixels of which half and more is lung, bool."""
        return mostly(self.lung_share)

    @property
    def infection(self):
        """Pixels of which half and more is infected, bool."""
        return mostly(self.infection_share)


def mostly(share):
    """Pixels of which half and more lies inside a mask, bool."""
    return share > WHOLE / 2


def thicken(volume, slice_spacing_mm, section_mm, increment_mm):
    """Average neighbouring thin sections into thick ones.

    Parameters
    ----------
    volume : array (z, y, x)
    slice_spacing_mm : float
        Distance of the thin sections.
    section_mm, increment_mm : float
        Thickness of the thick sections and the distance at which they are taken; rounded to whole thin sections.

    Returns
    -------
    float32 array (z', y, x), float
        The thick sections and their distance (mm).
    """
    width = max(1, round(section_mm / slice_spacing_mm))
    step = max(1, round(increment_mm / slice_spacing_mm))
    starts = np.arange(0, len(volume) - width + 1, step)
    total = sum(volume[starts + k].astype(np.float32) for k in range(width))
    return total / width, step * slice_spacing_mm


def example_input(table, folder, neighbours, neighbour_mm):
    """The infection network's input for one section, as `study.figures.explain.network_input` draws it.

    The section is that with the most infection in the middle scan of the table, cropped to the lungs.

    Parameters
    ----------
    table : DataFrame or None
        The training table. With None or an empty one the picture is empty.
    folder : Path
    neighbours : int
        Sections on each side.
    neighbour_mm : float
        Their distance.

    Returns
    -------
    dict
        ``channels, offsets_mm, infection, spacing_mm, title``.
    """
    if table is None or not len(table):
        nothing = np.zeros((0, 0, 0))
        return {"channels": nothing, "offsets_mm": [], "infection": nothing, "spacing_mm": (1, 1, 1),
                "title": "the networks were taken over: there is no training scan to show"}  # fmt: skip
    row = table.iloc[len(table) // 2]
    scan = read_scan(folder / row["image"])
    lung, infection = read_lung_mask(folder / row["lung_mask"], scan), read_mask(folder / row["infection_mask"], scan)
    z = int(infection.sum(axis=(1, 2)).argmax())
    indices = slabs.slab_indices(len(scan.hu), scan.spacing_mm[0], neighbours, neighbour_mm)[z]
    ends = [np.flatnonzero(lung.any(axis=other))[[0, -1]] for other in ((0, 2), (0, 1))]
    box = tuple(slice(max(first - 8, 0), last + 9) for first, last in ends)
    channels = slabs.infection_input(scan.hu[indices], slabs.reference_hu(scan.hu, lung, scan.spacing_mm[1]))
    return {
        "channels": channels[:, *box],
        "offsets_mm": (indices - z) * scan.spacing_mm[0],
        "infection": infection[z][box],
        "spacing_mm": scan.spacing_mm,
        "title": f"Training scan {row['scan_id']}",
    }


def load_sections(table, folder, pixel_mm, section_mm, increment_mm=(5.0,), progress=True):
    """Read training scans and bring them to the networks' grid at each of several section thicknesses.

    The pneumonia scans have thin sections, the scans to be measured have thick ones; averaging thin sections is what
    a thick collimation does, so the network can learn what partial volume looks like from the thin scans.

    Parameters
    ----------
    table : DataFrame
        Rows of the training table (``scan_id, image, lung_mask, infection_mask``).
    folder : Path
        The folder of the table.
    pixel_mm : float
    section_mm : sequence of float
        Section thicknesses to learn at (mm). Where the scan's own sections are thicker, they are used unchanged.
    increment_mm : sequence of float
        Distances of the sections (mm), taken in turn by the scans; never less than a scan's own.

    Returns
    -------
    list of Sections
    """
    loaded = []
    rows = zip(table.itertuples(index=False), cycle(increment_mm), strict=False)
    for row, increment in tqdm(
        rows, total=len(table), desc="read the training set", disable=not progress, mininterval=1
    ):
        scan = read_scan(folder / row.image)
        lung = read_lung_mask(folder / row.lung_mask, scan)
        infection = read_mask(folder / row.infection_mask, scan)
        for thickness in section_mm:
            thick, spacing = thicken(scan.hu, scan.spacing_mm[0], thickness, increment)
            hu = slabs.to_network_grid(thick, scan.spacing_mm, pixel_mm, slabs.AIR_HU)
            lung_share, infection_share = (
                # In a thick section a voxel belongs to what fills half of it.
                slabs.to_network_grid(
                    thicken(mask, scan.spacing_mm[0], thickness, increment)[0] >= 0.5, scan.spacing_mm, pixel_mm, 0
                )
                for mask in (lung, infection)
            )
            loaded.append(
                Sections(
                    row.scan_id,
                    np.rint(hu).astype(np.int16),
                    np.rint(WHOLE * lung_share).astype(np.uint8),
                    np.rint(WHOLE * infection_share).astype(np.uint8),
                    (spacing, pixel_mm, pixel_mm),
                    slabs.reference_hu(hu, lung_share >= 0.5, pixel_mm),
                )
            )
    return loaded


def neighbours(sections, z, settings):
    """Indices of the sections that a network sees for section `z`."""
    return slabs.slab_indices(len(sections.hu), sections.spacing_mm[0], settings.neighbours, settings.neighbour_mm)[z]


def network_input(sections, z, settings):
    """Return a network's input for section `z`: channels (c, y, x), float32 tensor."""
    hu = sections.hu[neighbours(sections, z, settings)]
    lung = settings.task == "lung"
    channels = slabs.lung_input(hu) if lung else slabs.infection_input(hu, sections.reference_hu)
    return torch.from_numpy(np.ascontiguousarray(channels))


def sample(sections, z, settings):
    """One training sample: input channels (c, y, x), `target` (a share) and `weight` (1, y, x), all float32.

    For infection also `ill` (c, y, x): the share of infection in each of the input sections.
    """
    made = {"channels": network_input(sections, z, settings)}
    if settings.task == "lung":
        target, weight = sections.lung_share[z], np.ones(sections.hu.shape[1:])
    else:
        target = sections.infection_share[z]
        weight = slabs.with_margin(mostly(sections.lung_share[z]), settings.pixel_mm, settings.margin_mm)
        ill = sections.infection_share[neighbours(sections, z, settings)]
        made["ill"] = torch.from_numpy(ill.astype(np.float32) / WHOLE)
    made["target"] = torch.from_numpy(target[None].astype(np.float32) / WHOLE)
    made["weight"] = torch.from_numpy(weight[None].astype(np.float32))
    return made


class RandFainter(RandomizableTransform):
    """Bring infection closer to the density of the surrounding lung: to between half and all of its contrast.

    Readers overlook faint ground glass, and a network that has only seen dense infection misses it.
    """

    def __call__(self, sample):
        """Change `channels` where they are `ill`."""
        self.randomize(None)
        share = self.R.uniform(0.5, 1.0)
        if self._do_transform:
            # Channels are HU relative to the patient's healthy lung; the border fades over a pixel.
            ill = torch.nn.functional.avg_pool2d(sample["ill"], 3, stride=1, padding=1)
            sample["channels"] = sample["channels"] * (1 - (1 - share) * ill)
        return sample


# How much augmentation; see `augmentation`.
AUGMENTATIONS = ("none", "mild", "wide")


def augmentation(settings):
    """Crop and augmentation of a training sample, which imitate other patients and other scanners.

    ``none`` only crops; ``mild`` rotates, scales, flips and shears the sections, shifts and scales HU and adds noise;
    ``wide`` does so more strongly, varies contrast, sharpness and resolution as other kernels and matrices do (the
    domain randomisation of Billot et al., Med Image Anal 2023;86:102789), and makes infection fainter.
    """
    keys = ["channels", "target", "weight"]
    square = (settings.crop_pixels, settings.crop_pixels)
    if settings.task == "lung":
        changes = [ResizeWithPadOrCropd(keys, spatial_size=square, mode="edge")]
    else:
        changes = [RandWeightedCropd([*keys, "ill"], w_key="weight", spatial_size=square, num_samples=1)]
    if settings.augmentation == "none":
        return _composed(changes)
    wide = settings.augmentation == "wide"
    if wide and settings.task == "infection":
        changes += [RandFainter(prob=0.4)]
    changes += [
        ConcatItemsd(keys, name="section"),  # one resampling for all three costs a third of three
        RandFlipd("section", prob=0.5, spatial_axis=1),
        RandAffined(
            "section",
            prob=0.7,
            rotate_range=0.2,
            scale_range=0.2 if wide else 0.15,
            shear_range=0.1,
            translate_range=12 if wide else 6,
            mode="bilinear",
            padding_mode="border",
        ),
        _apart,
    ]
    if wide:
        changes += [
            RandGaussianSmoothd("channels", prob=0.2, sigma_x=(0.3, 1.0), sigma_y=(0.3, 1.0)),
            RandGaussianSharpend("channels", prob=0.15, alpha=(0.3, 1.0)),
            RandSimulateLowResolutiond("channels", prob=0.15, upsample_mode="bilinear", zoom_range=(0.5, 1.0)),
            RandAdjustContrastd("channels", prob=0.2, gamma=(0.8, 1.25), retain_stats=True),
        ]
    often = 0.5 if wide else 0.3
    changes += [
        RandScaleIntensityd("channels", prob=often, factors=0.1),
        RandShiftIntensityd("channels", prob=often, offsets=0.15 if wide else 0.1),
        RandGaussianNoised("channels", prob=often, std=0.1 if wide else 0.05),
    ]
    return _composed(changes)


def _composed(changes):
    """Compose of transforms that draw from its generator `R`: to seed one for each took as long as half their work."""
    composed = Compose(changes)
    for change in changes:
        if isinstance(change, Randomizable):
            change.set_random_state(state=composed.R)
    return composed


def _apart(sample):
    section = sample["section"]
    return {
        "channels": section[:-2],
        "target": section[-2:-1],
        "weight": (section[-1:] >= 0.5).float(),
    }


def draw_epoch(training_set, settings, epoch):
    """Draw the (scan, section) pairs of an epoch: 60 % with infection, 40 % without, shuffled.

    Every scan is equally likely, however many of its sections are infected, because small infections must be found too.
    The infection network sees only sections with lung, the lung network also those above and below it.
    """
    random = np.random.default_rng([settings.seed, epoch])
    infected, without = {}, {}
    for i, sections in enumerate(training_set):
        shown = sections.lung.any(axis=(1, 2)) | (settings.task == "lung")
        has_infection = sections.infection.any(axis=(1, 2))
        for pool, chosen in ((infected, shown & has_infection), (without, shown & ~has_infection)):
            if chosen.any():
                pool[i] = np.flatnonzero(chosen)
    n_infected = round(0.6 * settings.sections_per_epoch) if infected and without else settings.sections_per_epoch
    drawn = []
    for pool, n in ((infected or without, n_infected), (without, settings.sections_per_epoch - n_infected)):
        scans = list(pool)
        drawn += [(i, random.choice(pool[i])) for i in random.choice(scans, n)] if n else []
    return [drawn[k] for k in random.permutation(len(drawn))]
