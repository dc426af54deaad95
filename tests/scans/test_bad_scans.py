"""Scans that are no chest or lie otherwise than usual: which are refused, measured alike, or cannot be told."""

import numpy as np
import pytest
from scipy import ndimage

from helpers.orientations import ORIENTATIONS, turned
from study.measures import biomarkers
from study.networks import models
from study.networks.segmentation import Segmenter
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.scans.ct import ScanError, read_label_map, read_scan, scan_from_array

SPACING_MM = (10.0, 2.0, 2.0)


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_voxels_in_any_order_measure_alike_side_by_side(order, signs, chest, nifti_file):
    """Head or feet first, prone or supine, any axis first: where the header tells the truth nothing changes."""
    hu = chest()
    labels = (hu < -700).astype(np.uint8) * (hu > -950)
    labels[2:4, 8:12, 6:9] *= 2  # infection, in the right lung alone
    expected = biomarkers.measure(hu, labels, (20.0, 10.0, 8.0))
    assert expected["right_poi"] > 0 and expected["left_poi"] == 0
    scan = read_scan(nifti_file(*turned(hu, (20.0, 10.0, 8.0), order, signs)))
    label_map = read_label_map(nifti_file(*turned(labels, (20.0, 10.0, 8.0), order, signs), name="labels.nii.gz"), scan)
    assert biomarkers.measure(scan.hu, label_map, scan.spacing_mm) == pytest.approx(expected, rel=1e-6, nan_ok=True)


class Finds(Segmenter):
    """A segmenter whose lung network finds what it is told to."""

    def __init__(self, lung_mask):
        self.lung_mask = lung_mask

    def find_lungs(self, scan):
        return self.lung_mask

    def find_infection(self, scan, lung_mask):
        return np.zeros_like(lung_mask)


@pytest.mark.parametrize(
    ("side", "hu", "said"),
    [
        (60, -850, None),
        (60, -955, None),  # emphysema
        (60, -1000, r"coil\.nii: no lung found \(what looks like lung is air, median -1000 HU\)"),
        (15, -850, r"coil\.nii: no lung found \(less than 200 ml\)"),
    ],
)
def test_air_and_too_little_are_no_lung(side, hu, said):
    lung_mask = np.zeros((10, 80, 80), bool)
    lung_mask[1:9, 5 : 5 + side, 5 : 5 + side] = True
    scan = scan_from_array(np.where(lung_mask, hu, 40), SPACING_MM)
    if said is None:
        np.testing.assert_array_equal(Finds(lung_mask).segment(scan) == 1, lung_mask)
    else:
        with pytest.raises(ScanError, match=said):
            Finds(lung_mask).segment(scan, "coil.nii")


@pytest.fixture(scope="module")
def starter():
    """Return the networks that come along."""
    return Segmenter(models.STARTER)


def ellipse(half_y, half_x, y=80, x=80):
    rows, columns = np.mgrid[:160, :160]
    return ((rows - y) / half_y) ** 2 + ((columns - x) / half_x) ** 2 <= 1


def abdomen(gas_ml):
    """Fat about soft tissue, a spine, and round pockets of gas in the bowel."""
    random = np.random.default_rng(0)
    hu = np.full((24, 160, 160), -1000.0)
    hu[:, ellipse(58, 78)], hu[:, ellipse(51, 70)], hu[:, ellipse(9, 10, y=115)] = -100, 45, 300
    radius = (gas_ml / 12 * 1000 / (4 / 3 * np.pi)) ** (1 / 3)
    z, y, x = np.mgrid[:24, :160, :160]
    for _ in range(12):
        at = random.uniform((4, 50, 40), (20, 80, 120))
        away = [(i - c) * mm for i, c, mm in zip((z, y, x), at, SPACING_MM, strict=True)]
        hu[np.square(away).sum(axis=0) < radius**2] = -1000
    return ndimage.gaussian_filter(hu, (0.3, 0.6, 0.6)) + random.normal(0, 12, hu.shape)


def head():
    hu = np.full((20, 160, 160), -1000.0)
    hu[:, ellipse(50, 40)], hu[:, ellipse(46, 36)] = 900, 35
    hu[3:6, ellipse(7, 18, y=45)], hu[3:5, ellipse(5, 5, y=95, x=55)] = -980, -700  # sinuses, a mastoid
    return hu


def box(inside_hu=0):
    """A test object: water, with a hollow."""
    hu = np.full((24, 160, 160), -1000.0)
    hu[2:22, 35:125, 25:135] = 0
    hu[6:18, 55:110, 45:115] = inside_hu
    return hu


@pytest.mark.parametrize(
    "hu",
    [abdomen(100), abdomen(400), head(), box(), box(-1000), np.full((20, 160, 160), -1000), np.zeros((20, 160, 160))],
    ids=["abdomen", "abdomen with much gas", "head", "box of water", "box with air", "air", "water"],
)
@pytest.mark.filterwarnings("ignore")  # OpenVINO warns of other packages' versions
def test_what_is_no_chest_is_refused(hu, starter):
    with pytest.raises(ScanError, match="no lung found"):
        starter.segment(scan_from_array(hu, SPACING_MM))


@pytest.mark.filterwarnings("ignore")
def test_voxels_that_lie_otherwise_than_their_header_says_cannot_be_told(starter):
    """Mirrored they are measured with sides swapped; upside down or back to front, not quite the same."""
    protocol = Protocol(matrix=160, field_of_view_mm=320.0, slice_thickness_mm=10.0, increment_mm=10.0)
    made = simulate_scan((1, 2), 1, Habitus("male", 50.0), Disease(extent=0.1), protocol)

    def measured(hu):
        label_map = starter.segment(scan_from_array(np.ascontiguousarray(hu), made.spacing_mm))
        return biomarkers.measure(hu, label_map, made.spacing_mm)

    upright, mirrored = measured(made.hu), measured(made.hu[:, :, ::-1])
    assert upright["right_poi"] > 2 * upright["left_poi"]
    assert mirrored["left_poi"] == pytest.approx(upright["right_poi"], abs=0.03)
    assert mirrored["right_poi"] == pytest.approx(upright["left_poi"], abs=0.03)
    for other in (mirrored, measured(made.hu[::-1]), measured(made.hu[:, ::-1])):
        assert other["lung_volume_ml"] == pytest.approx(upright["lung_volume_ml"], rel=0.05)
        assert other["poi"] == pytest.approx(upright["poi"], abs=0.03)
