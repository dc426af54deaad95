"""The simulated scan: what it shows, that it is the same every time, and what a cohort of them looks like."""

import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from scipy import ndimage

from helpers.project import ROOT
from helpers.simulated import COARSE, MAN, WOMAN, digest
from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.fields import RANGE_MM, Grid, capsule_distance, smooth_noise, spline_weights, tube_points
from study.phantom.body.lesions import PATTERNS, draw_susceptibility, infect
from study.phantom.scanner import scan as scanning
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, forget_patient, simulate_scan
from study.phantom.showcase import views


def key(seed, habitus, protocol=COARSE):
    return (
        seed,
        habitus.sex,
        habitus.age_years,
        protocol.matrix,
        protocol.field_of_view_mm,
        protocol.fine_mm,
    )


def volume_ml(mask, spacing_mm):
    return mask.sum() * np.prod(spacing_mm) / 1000


# the drawing tools -------------------------------------------------------------------------------------------


def cube(step, half=30.0):
    axis = np.arange(-half, half, step)
    return Grid(axis, axis, axis, (step,) * 3)


@pytest.mark.parametrize("step, radius", [(2.5, 0.6), (2.5, 4.0), (1.0, 2.0)])
def test_tubes_keep_their_volume_however_thin(step, radius):
    grid = cube(step)
    start, end = np.array([[-20.0, -3.0, 2.0]]), np.array([[18.0, 5.0, -6.0]])
    _, filled = tube_points(grid, start, end, np.array([radius]), np.array([radius]), points_per_voxel=32.0)
    expected = np.pi * radius**2 * np.linalg.norm(end - start)
    assert filled.sum() * step**3 == pytest.approx(expected, rel=0.06)


def test_capsule_distance_is_exact_beside_its_axis():
    grid = cube(1.0, 10.0)
    distance = capsule_distance(grid, (-5, 0, 0), (5, 0, 0), 3.0, 3.0)
    assert distance[10, 10, 10] == pytest.approx(-3) and distance[10, 16, 10] == pytest.approx(3)


def test_splines_are_a_partition_of_unity():
    np.testing.assert_allclose(spline_weights(np.linspace(0, 50, 77), -10.0, 7.0, 12).sum(axis=1), 1, atol=1e-6)


def test_smooth_noise_has_unit_variance_and_is_the_same_place_by_place():
    fine, coarse = (Grid(*(np.arange(-60.0, 60, step) for _ in range(3)), (step,) * 3) for step in (3.0, 6.0))
    one = smooth_noise(np.random.default_rng(3), fine, 8.0)
    two = smooth_noise(np.random.default_rng(3), coarse, 8.0)
    assert one.std() == pytest.approx(1, abs=0.12)
    np.testing.assert_allclose(one[::2, ::2, ::2], two, atol=1e-4)
    assert RANGE_MM[0][0] < -200


# determinism and truth ----------------------------------------------------------------------------------------


def test_same_arguments_same_bytes_here_and_in_another_process():
    ask = dict(visit=1, habitus=WOMAN, disease=Disease(extent=0.1), protocol=COARSE, motion=0.4)
    first = digest(simulate_scan((9, 4), **ask))
    forget_patient()
    assert digest(simulate_scan((9, 4), **ask)) == first
    code = (
        "from helpers.simulated import *; from study.phantom.scanner.scan import Disease, simulate_scan\n"
        "print(digest(simulate_scan((9, 4), 1, WOMAN, Disease(extent=0.1), COARSE, 0.4)))"
    )
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",  # here it is as many as there are
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    assert other.stdout.strip() == first, other.stderr


def test_order_of_scans_does_not_matter():
    one = digest(simulate_scan((1,), 0, MAN, Disease(extent=0.05), COARSE))
    for seed in (2, 3, 4):
        simulate_scan((seed,), 0, WOMAN, Disease(extent=0.2), COARSE)
    assert digest(simulate_scan((1,), 0, MAN, Disease(extent=0.05), COARSE)) == one


def test_scans_are_plain_arrays_of_one_shape_with_infection_inside_lung():
    scan = simulate_scan((5,), 0, MAN, Disease(extent=0.15), COARSE)
    assert scan.hu.dtype == np.int16 and scan.hu.min() >= -1024
    assert scan.spacing_mm == (10.0, 350 / 64, 350 / 64)
    for mask in (scan.lung_mask, scan.infection_mask, scan.vessels):
        assert mask.dtype == bool and mask.shape == scan.hu.shape
    assert not (scan.infection_mask & ~scan.lung_mask).any() and not (scan.vessels & ~scan.lung_mask).any()
    assert scan.infection_mask.any() and scan.hu.flags.writeable


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("extent", [0.005, 0.03, 0.12, 0.4])
def test_extent_is_the_infected_fraction_of_the_fine_grid(pattern, extent):
    for seed in ((21,), (22,)):
        anatomy = draw_anatomy(*key(seed, WOMAN))
        susceptibility = draw_susceptibility(anatomy, seed, pattern)
        ill = infect(anatomy, susceptibility, anatomy.parenchyma, extent, 0.2, 0.0).kind > 0
        measured = (anatomy.share * ill).sum() / anatomy.share.sum()
        assert measured == pytest.approx(extent, rel=0.1)


def test_lesions_of_a_patient_are_nested_over_extent():
    last = None
    for extent in (0.01, 0.05, 0.2, 0.5):
        mask = simulate_scan((6,), 0, WOMAN, Disease(extent=extent, consolidation=0.1), COARSE).infection_mask
        assert last is None or (mask[last].all() and mask.sum() > last.sum())
        last = mask


def test_no_extent_no_infection():
    scan = simulate_scan((6,), 0, WOMAN, Disease(extent=0.0), COARSE)
    assert not scan.infection_mask.any() and scan.lung_mask.any()


def test_motion_blurs_the_scan_and_the_masks_follow_what_is_seen():
    silent = Protocol(matrix=64, tube_current_mas=np.inf)
    still, moved = (simulate_scan((7,), 0, MAN, Disease(extent=0.05), silent, motion) for motion in (0.0, 1.0))
    healthy = still.lung_mask & moved.lung_mask & ~still.infection_mask & ~moved.infection_mask
    assert moved.hu[healthy].mean() > still.hu[healthy].mean() + 10
    # Half way between lung and soft tissue lies the border that is seen, here of the bases, which move the most.
    bases = still.heights_mm < -60
    near = ndimage.binary_dilation(still.lung_mask, iterations=3)[bases]
    seen = (moved.hu[bases] < -400) & near
    wrong = [(scan.lung_mask[bases] != seen)[near].mean() for scan in (still, moved)]
    assert wrong[1] < 0.65 * wrong[0]
    assert moved.lung_mask.sum() == pytest.approx(still.lung_mask.sum(), rel=0.03)
    # A small lesion that is in two places has half of the signal in neither.
    assert 0.6 * still.infection_mask.sum() < moved.infection_mask.sum() < still.infection_mask.sum()
    ill, well = moved.infection_mask, moved.lung_mask & ~moved.infection_mask
    only_still = still.infection_mask & well  # where it lies while the breath is held, but not in this scan
    assert moved.hu[ill].mean() > moved.hu[only_still].mean() + 50
    assert moved.hu[ill].mean() > moved.hu[well].mean() + 200
    assert (still.tissue_poi, still.tissue_ihu) == (moved.tissue_poi, moved.tissue_ihu)


def test_lobes_and_lesions_of_a_moving_scan_lie_in_its_masks():
    moved = simulate_scan((7,), 0, MAN, Disease(extent=0.05), COARSE, motion=1.0, label=True)
    np.testing.assert_array_equal(moved.lobes > 0, moved.lung_mask)
    np.testing.assert_array_equal(moved.lesions > 0, moved.infection_mask)


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn of patients, as weak references: a list that grows, each with how many were alive before."""
    made = []

    def watched(draw):
        def drawing(*arguments):
            alive = sum(reference() is not None for _, reference in made)
            result = draw(*arguments)
            made.append((alive, weakref.ref(result)))
            return result

        return drawing

    forget_patient()
    for name in ("draw_anatomy", "draw_susceptibility"):
        monkeypatch.setattr(scanning, name, watched(getattr(scanning, name)))
    return made


def test_a_forgotten_patient_is_drawn_anew_and_is_the_same(drawn):
    scans = []
    for _ in range(2):
        scans.append(simulate_scan((6,), 0, WOMAN, Disease(extent=0.05), COARSE))
        forget_patient()
        assert not any(reference() for _, reference in drawn)
    assert len(drawn) == 4 and digest(scans[0]) == digest(scans[1])


def test_a_patient_is_drawn_once_and_let_go_before_the_next_is_drawn(drawn):
    for visit in (1, 2):
        simulate_scan((6,), visit, WOMAN, Disease(extent=0.05), COARSE)
    assert len(drawn) == 2  # anatomy and susceptibility
    simulate_scan((7,), 1, MAN, Disease(extent=0.05), COARSE)
    assert [alive for alive, _ in drawn] == [0, 1, 0, 1]


def test_visits_move_the_patient_and_keep_the_disease():
    one, two = (simulate_scan((8,), visit, WOMAN, Disease(extent=0.1), COARSE) for visit in (0, 1))
    fractions = [scan.infection_mask.sum() / scan.lung_mask.sum() for scan in (one, two)]
    assert fractions[0] == pytest.approx(fractions[1], rel=0.15)
    assert not np.array_equal(one.hu, two.hu)


def test_consolidation_and_absorption_change_density_not_place():
    def at(**more):
        return simulate_scan((12,), 0, MAN, Disease(extent=0.2, **more), COARSE)

    def mean(scan):
        return scan.hu[scan.infection_mask].mean()

    glass, dense = at(consolidation=0.0), at(consolidation=0.6)
    np.testing.assert_array_equal(glass.infection_mask, dense.infection_mask)
    assert mean(dense) > mean(glass) + 80
    clearing = at(consolidation=0.0, absorbing=0.8)
    np.testing.assert_array_equal(glass.infection_mask, clearing.infection_mask)


@pytest.mark.parametrize("sex, low, high", [("female", 2400, 6200), ("male", 2900, 7300)])
def test_lung_volumes_are_those_of_adults(sex, low, high):
    volumes = []
    for seed in range(6):
        scan = simulate_scan((31, seed), 0, Habitus(sex, 30.0 + 8 * seed), Disease(extent=0), COARSE)
        volumes.append(volume_ml(scan.lung_mask, scan.spacing_mm))
    assert low < min(volumes) and max(volumes) < high


def test_two_lungs_the_right_the_larger():
    larger = 0
    for seed in range(5):
        scan = simulate_scan((41, seed), 0, MAN, Disease(extent=0), Protocol(matrix=96))
        labels, _ = ndimage.label(scan.lung_mask)
        sizes = np.bincount(labels.ravel())[1:]
        assert np.sort(sizes)[::-1][:2].sum() > 0.97 * sizes.sum()
        centre = ndimage.center_of_mass(scan.lung_mask)[2]
        right = scan.lung_mask[:, :, : round(centre)].sum()
        larger += right > 0.5 * scan.lung_mask.sum()
    assert larger >= 3


def test_tissues_have_their_hounsfield_units():
    scan = simulate_scan((51,), 0, MAN, Disease(extent=0), Protocol(tube_current_mas=np.inf))
    hu = scan.hu
    deep = np.stack([ndimage.binary_erosion(section, iterations=3) for section in scan.lung_mask])
    assert -900 < np.median(hu[deep]) < -780
    assert hu[0, 0, 0] == pytest.approx(-1000, abs=5)
    assert 400 < hu.max() < 1600
    liver = np.median(hu[2:5, 50:70, 25:45])
    assert 0 < liver < 90
    front, back = deep & (np.arange(128) < 55)[None, :, None], deep & (np.arange(128) > 75)[None, :, None]
    assert np.median(hu[back]) > np.median(hu[front])


def test_infection_is_between_lung_and_soft_tissue():
    scan = simulate_scan((52,), 0, WOMAN, Disease(extent=0.25, consolidation=0.1), Protocol())
    assert -720 < scan.hu[scan.infection_mask].mean() < -350


def test_no_hu_window_finds_the_infection():
    edges = np.arange(-1000, 101, 20)
    overlaps = []
    for seed in range(14):
        extent = float(np.exp(np.random.default_rng(seed).normal(np.log(0.04), 1.3)).clip(0.003, 0.5))
        scan = simulate_scan((61, seed), 0, (WOMAN, MAN)[seed % 2], Disease(extent=extent), COARSE)
        inside, truth = scan.hu[scan.lung_mask], scan.infection_mask[scan.lung_mask]
        both, every = (np.r_[0, np.histogram(values, edges)[0].cumsum()] for values in (inside[truth], inside))
        chosen = every[None] - every[:, None]
        overlaps.append(
            np.where(chosen >= 0, 2 * (both[None] - both[:, None]) / np.maximum(chosen + truth.sum(), 1), 0)
        )
    assert np.mean(overlaps, axis=0).max() < 0.6


def test_the_same_patient_on_another_grid():
    narrow, wide = (simulate_scan((71,), 0, MAN, Disease(extent=0.1), Protocol(matrix=matrix)) for matrix in (64, 128))
    volumes = [volume_ml(scan.lung_mask, scan.spacing_mm) for scan in (narrow, wide)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.05)


def test_thin_sections_follow_the_protocol():
    scan = simulate_scan(
        (72,), 0, WOMAN, Disease(extent=0.05), Protocol(matrix=64, slice_thickness_mm=2, increment_mm=4)
    )
    assert scan.spacing_mm[0] == 4.0 and len(scan.hu) > 50
    for thickness in (0.6, 1.0, 1.5, 3.0, 5.0, 10.0):
        assert Protocol(slice_thickness_mm=thickness).fine_mm <= min(thickness, 1.5)


@pytest.mark.parametrize("age", [2.0, 9.0, 16.0, 99.0])
def test_children_and_the_old_can_be_drawn(age):
    scan = simulate_scan((73,), 0, Habitus("male", age), Disease(extent=0.1), COARSE)
    assert 250 < volume_ml(scan.lung_mask, scan.spacing_mm) < 7300


# what a caller may get wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda: Disease(pattern="flu"), "pattern"),
        (lambda: Disease(extent=1.2), "extent"),
        (lambda: Disease(consolidation=-0.1), "consolidation"),
        (lambda: Habitus("man", 40), "sex"),
        (lambda: Habitus("male", -1), "age_years"),
        (lambda: Protocol(kernel="medium"), "kernel = 'medium' must be one of"),
        (lambda: Protocol(profile="gaussian"), "profile = 'gaussian' must be one of"),
        (lambda: Protocol(matrix=4), "matrix"),
        (lambda: Protocol(matrix=-512), "matrix"),
        (lambda: Protocol(matrix=128.5), "matrix"),
        (lambda: Protocol(field_of_view_mm=float("inf")), "field_of_view_mm"),
        (lambda: Protocol(slice_thickness_mm=0.3), "slice_thickness_mm = 0.3 must be between 0.6 and 20"),
        (lambda: Protocol(increment_mm=0), "increment_mm"),
        (lambda: Protocol(tube_current_mas=float("nan")), "tube_current_mas"),
        (lambda: simulate_scan((1,), 0, MAN, Disease(), COARSE, motion=2.0), "motion"),
        (lambda: simulate_scan((1,), 0, MAN, Disease(), COARSE, cardiac=-1.0), "cardiac"),
    ],
)
def test_errors_name_the_argument(make, word):
    with pytest.raises(ValueError, match=word):
        make()


# the pictures of notebook 1 -----------------------------------------------------------------------------------


def test_views_are_of_one_patient_at_one_height():
    pictures, spacing_mm = views(matrix=48)
    titles = [title for title, _ in pictures]
    healthy, glass, dense = (hu.astype(float) for _, hu in pictures[:3])
    assert len(set(titles)) == len(titles) and {hu.shape for _, hu in pictures} == {(48, 48)}
    assert spacing_mm[1] == pytest.approx(360 / 48)
    ill = glass > healthy + 120
    assert 20 < ill.sum() < 0.3 * ill.size and (dense[ill] > glass[ill] + 100).any()
    assert np.abs(dense - healthy)[~ill].mean() < 40


def test_heights_are_those_of_the_sections():
    scan = simulate_scan((5,), 0, MAN, Disease(extent=0), COARSE)
    np.testing.assert_allclose(np.diff(scan.heights_mm), 10)
    assert len(scan.heights_mm) == len(scan.hu)
    carina = int(np.abs(scan.heights_mm).argmin())
    assert 0.3 < carina / len(scan.hu) < 0.8
