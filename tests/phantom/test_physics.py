"""The physics of the scan against theory: section profile, resolution, noise, padding, motion."""

import numpy as np
import pytest
from scipy.signal import fftconvolve
from scipy.special import erf

from study.phantom.body.fields import Grid
from study.phantom.scanner.acquisition import (
    PITCH,
    PROFILES,
    Pose,
    breathe,
    cut_sections,
    place,
    section_positions,
    section_weights,
)
from study.phantom.scanner.motion import BEAT_MM, beat, breath_phases
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.reconstruction import KERNELS, quantise, reconstruct

FINE_MM = 1.5


def images(n, protocol, seed=0, tissue=0.0):
    """`n` images of one uniform tissue, or of a given (y, x) plane, as float HU."""
    plane = np.broadcast_to(np.float32(tissue), (n, protocol.matrix, protocol.matrix))
    rng = np.random.default_rng(seed)
    return reconstruct(plane, protocol.pixel_mm, protocol.kernel, protocol.noise_power, rng)


# through the plane --------------------------------------------------------------------------------------------


STEP_MM = 0.01


def theoretical_profile(thickness_mm, profile):
    """z, and the section's sensitivity (per mm) from its definition: the collimation smeared by the interpolation."""
    z = np.arange(-3 * thickness_mm, 3 * thickness_mm + STEP_MM / 2, STEP_MM)
    sensitivity = np.clip((thickness_mm / 2 - np.abs(z)) / STEP_MM + 0.5, 0, 1) / thickness_mm
    if profile == "helical":
        triangle = np.clip(1 - np.abs(z) / (PITCH * thickness_mm / 2), 0, None)
        sensitivity = fftconvolve(sensitivity, triangle / triangle.sum(), "same")
    return z, sensitivity


def analytic_contrast(low_mm, high_mm, centres_mm, thickness_mm, profile):
    """The share of each section's sensitivity that lies between two heights."""
    z, sensitivity = theoretical_profile(thickness_mm, profile)
    below = np.append(0, np.cumsum(sensitivity) * STEP_MM)
    middles = np.append(z - STEP_MM / 2, z[-1] + STEP_MM / 2)
    return np.interp(high_mm - centres_mm, middles, below) - np.interp(low_mm - centres_mm, middles, below)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("thickness_mm, slab_mm", [(10.0, 3.0), (10.0, 6.0), (5.0, 3.0), (2.0, 1.0), (1.0, 0.6)])
def test_a_thin_slab_shows_the_analytic_partial_volume_contrast(profile, thickness_mm, slab_mm):
    contrast, layer_mm = 800.0, Protocol(slice_thickness_mm=thickness_mm).fine_mm
    edges = np.arange(-40, 41) * layer_mm
    inside = (edges[:-1] > -0.5 * layer_mm) & (edges[1:] < slab_mm + 0.5 * layer_mm)
    tissue = np.repeat(np.where(inside, contrast - 850, -850).astype(np.float32), 32 * 32).reshape(-1, 32, 32)
    centres = np.arange(-2 * thickness_mm, 2 * thickness_mm, thickness_mm / 7)
    cut = cut_sections(tissue, section_weights(edges, centres, thickness_mm, profile))
    shown = reconstruct(cut, 0.7, "soft", 0.0, np.random.default_rng(0))[:, 16, 16] + 850
    expected = contrast * analytic_contrast(0, slab_mm, centres, thickness_mm, profile)
    np.testing.assert_allclose(shown, expected, atol=0.01 * expected.max())


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("offset_mm", [0.4, 0.75, 1.1])
def test_so_does_one_whose_faces_lie_within_layers_of_tissue(profile, offset_mm):
    """Its fraction of a layer is spread over the layer, which the helical profile, nowhere flat, notices: 1.3 %."""
    edges, slab_mm = np.arange(-40, 41) * 1.5, 3.0
    low, high = offset_mm, offset_mm + slab_mm
    filled = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) / 1.5
    middle = np.array([(low + high) / 2])
    shown = section_weights(edges, middle, 10.0, profile) @ filled
    assert shown[0] == pytest.approx(analytic_contrast(low, high, middle, 10.0, profile)[0], rel=0.015)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("thickness_mm", [10.0, 5.0])
def test_the_measured_section_profile_is_the_one_asked_for(profile, thickness_mm):
    """A thin sheet moved through a section in steps of a fifth of a millimetre, as a scanner's profile is measured."""
    edges = (np.arange(-40, 41) + 0.5) * FINE_MM
    sheet = (np.abs(edges[1:] + edges[:-1]) < 0.1).astype(np.float32)[:, None, None]
    centres = np.arange(-2 * thickness_mm, 2 * thickness_mm, 0.2)
    measured = cut_sections(sheet, section_weights(edges, centres, thickness_mm, profile))[:, 0, 0]
    expected = analytic_contrast(-FINE_MM / 2, FINE_MM / 2, centres, thickness_mm, profile)
    np.testing.assert_allclose(measured, expected, atol=0.01 * expected.max())
    width = (measured >= measured.max() / 2).sum() * 0.2
    assert width == pytest.approx(thickness_mm, rel=0.03)


def test_the_helical_profile_has_the_width_of_180_degree_interpolation():
    z = np.linspace(-20, 20, 8001)
    sensitivity = np.diff(section_weights(z, np.zeros(1), 10.0)[0].cumsum()) / np.diff(z)[0]
    above = {level: np.ptp(z[1:-1][sensitivity >= level * sensitivity.max()]) for level in (0.5, 0.1)}
    assert above[0.5] == pytest.approx(10.0, rel=0.03)
    assert above[0.1] == pytest.approx(15.9, rel=0.03)


def test_sections_lie_within_the_tissue_and_are_an_increment_apart():
    centres = section_positions(np.array([-100.0, 153.0]), 10.0, 5.0)
    assert centres[0] == -95 and centres[-1] <= 148
    np.testing.assert_allclose(np.diff(centres), 5)


@pytest.mark.parametrize("profile", PROFILES)
def test_weights_sum_to_one_also_where_a_section_reaches_beyond_the_tissue(profile):
    edges = np.arange(0, 60.1, FINE_MM)
    weights = section_weights(edges, np.arange(1.0, 60, 4.0), 10.0, profile)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.min() > -1e-7


def test_breath_moves_the_diaphragm_and_leaves_the_apices():
    assert breathe(np.array([100.0]), 8.0)[0] == 100
    assert breathe(np.array([-90.0]), 8.0)[0] == pytest.approx(-98)
    z = np.arange(-200.0, 100, 1.0)
    assert (np.diff(breathe(z, 15.0)) > 0).all() and (np.diff(breathe(z, -15.0)) > 0).all()


# in the plane -------------------------------------------------------------------------------------------------


def gaussians(kernel):
    """The point spread of a kernel as (weight, standard deviation in mm) of Gaussians."""
    k = KERNELS[kernel]
    parts = [(1 + k.enhancement, k.cutoff), (-k.enhancement, k.base)]
    return [(weight, 1 / (np.sqrt(2) * np.pi * frequency)) for weight, frequency in parts if weight]


def edge_response(x_mm, kernel, pixel_mm):
    """A unit step at 0, blurred by the kernel, averaged over pixels centred at x."""

    def mean_of_step(x, sigma):  # integral of the normal distribution function
        return x * (1 + erf(x / (np.sqrt(2) * sigma))) / 2 + sigma * np.exp(-(x**2) / (2 * sigma**2)) / np.sqrt(
            2 * np.pi
        )

    return sum(
        weight * (mean_of_step(x_mm + pixel_mm / 2, sigma) - mean_of_step(x_mm - pixel_mm / 2, sigma)) / pixel_mm
        for weight, sigma in gaussians(kernel)
    )


def slanted_edge(kernel, pixel_mm, matrix=128, slope=0.05):
    """Distance (mm), measured and expected values of a tilted edge, as means over quarter pixels."""
    protocol = Protocol(matrix, matrix * pixel_mm, kernel=kernel, tube_current_mas=np.inf)
    centred = (np.arange(matrix) - (matrix - 1) / 2) * pixel_mm
    rows = centred[:, None] + np.linspace(-0.5, 0.5, 9)[:, None, None] * pixel_mm
    filled = np.clip((centred - slope * rows) / pixel_mm + 0.5, 0, 1).mean(axis=0)
    image = images(1, protocol, tissue=-900 + 1000 * filled)[0]
    distance = (centred - slope * centred[:, None]) / np.hypot(1, slope)
    near = np.abs(distance) < matrix * pixel_mm / 6  # the image goes on periodically: other edges lie at its borders
    bins = np.rint(distance[near] / (pixel_mm / 4)).astype(int)
    bins -= bins.min()
    count = np.bincount(bins)
    values = (distance[near], (image[near] + 900) / 1000, edge_response(distance[near], kernel, pixel_mm))
    return [np.bincount(bins, value) / count for value in values]


@pytest.mark.parametrize("kernel, pixel_mm", [("soft", 350 / 512), ("soft", 0.35), ("sharp", 0.35)])
def test_the_edge_response_is_that_of_the_kernel(kernel, pixel_mm):
    _, measured, expected = slanted_edge(kernel, pixel_mm)
    np.testing.assert_allclose(measured, expected, atol=0.03)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("pixel_mm", [0.35, 350 / 512])
def test_so_is_the_mtf_up_to_the_highest_frequency_of_the_pixels(kernel, pixel_mm):
    distance, measured, expected = slanted_edge(kernel, pixel_mm)
    frequency = np.fft.rfftfreq(4096, np.diff(distance).mean())
    mtf = [np.abs(np.fft.rfft(np.diff(edge), 4096)) for edge in (measured, expected)]
    np.testing.assert_allclose(*(m[frequency < 0.9 * 0.5 / pixel_mm] for m in mtf), atol=0.03)
    asked = KERNELS[kernel].transfer(frequency) * np.sinc(frequency * pixel_mm)
    low = frequency < 0.5 * 0.5 / pixel_mm  # where the width of the bins does not tell
    np.testing.assert_allclose(mtf[0][low], asked[low], atol=0.03)


def test_the_kernel_keeps_a_flat_field_and_the_sharp_one_overshoots():
    for kernel in KERNELS:
        protocol = Protocol(64, 45.0, kernel=kernel, tube_current_mas=np.inf)
        np.testing.assert_allclose(images(2, protocol, tissue=37.0), 37, atol=1e-2)
    x = np.arange(64)
    edges = {
        k: images(1, Protocol(64, 45.0, kernel=k, tube_current_mas=np.inf), tissue=1000.0 * (x > 31))[0, 0]
        for k in KERNELS
    }
    steepest = [np.diff(edges[kernel][16:48]).max() for kernel in ("smooth", "soft", "sharp")]
    assert steepest[1] > 1.1 * steepest[0] and steepest[2] > 1.2 * steepest[1]
    assert edges["sharp"].max() > 1020 > 1005 > edges["soft"].max()


def test_an_identity_pose_moves_nothing_and_a_shift_moves_by_millimetres():
    axis = np.arange(40) * 2.0 - 39
    grid = Grid(np.zeros(1), axis, axis, (10.0, 2.0, 2.0))
    blob = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / 200)[None].astype(np.float32)
    np.testing.assert_allclose(place(blob, grid, Pose((0.0, 0.0), 1.0, 0.0, 0.0)), blob, atol=1e-6)
    moved = place(blob, grid, Pose((5.0, -3.0), 1.0, 0.0, 0.0))[0]
    at = [(moved * axes).sum() / moved.sum() for axes in (axis[:, None], axis[None, :])]
    np.testing.assert_allclose(at, (5, -3), atol=0.05)
    assert moved.max() > 0.99


# noise --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("matrix, field_of_view_mm", [(128, 350.0), (256, 175.0)])
def test_noise_has_the_standard_deviation_asked_for(kernel, matrix, field_of_view_mm):
    protocol = Protocol(matrix, field_of_view_mm, kernel=kernel)
    values = images(12, protocol)
    assert values.std() == pytest.approx(protocol.noise_hu, rel=0.03)
    assert abs(values.mean()) < 0.05 * protocol.noise_hu
    assert abs(np.corrcoef(values[1:].ravel(), values[:-1].ravel())[0, 1]) < 0.01  # sections are independent


def test_the_reference_scan_has_12_hu_and_noise_falls_with_dose_and_thickness():
    assert Protocol(512).noise_hu == pytest.approx(12.0)
    noise = Protocol().noise_hu
    assert Protocol(tube_current_mas=70).noise_hu == pytest.approx(noise * np.sqrt(50 / 70))
    assert Protocol(slice_thickness_mm=1).noise_hu == pytest.approx(noise * np.sqrt(10))
    assert Protocol(tube_voltage_kv=100).noise_hu > noise and Protocol(tube_current_mas=np.inf).noise_hu == 0
    assert Protocol(512, kernel="sharp").noise_hu > 1.5 * Protocol(512).noise_hu


@pytest.mark.parametrize("kernel", KERNELS)
def test_large_pixels_show_the_mean_of_the_small_ones(kernel):
    small, large = Protocol(256, 175.0, kernel=kernel), Protocol(64, 175.0, kernel=kernel)
    averaged = images(20, small).reshape(20, 64, 4, 64, 4).mean(axis=(2, 4))
    assert averaged.std() == pytest.approx(large.noise_hu, rel=0.03)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_noise_power_spectrum_is_ramp_times_mtf_squared(kernel):
    n, matrix, pixel_mm = 250, 128, 0.35
    protocol = Protocol(matrix, matrix * pixel_mm, kernel=kernel)
    power = (np.abs(np.fft.fft2(images(n, protocol).astype(float))) ** 2).mean(axis=0) * (pixel_mm / matrix) ** 2
    fy, fx = np.meshgrid(*[np.fft.fftfreq(matrix, pixel_mm)] * 2, indexing="ij")
    f = np.hypot(fy, fx)
    pixel = np.sinc(fy * pixel_mm) ** 2 * np.sinc(fx * pixel_mm) ** 2
    theory = protocol.noise_power * f * KERNELS[kernel].transfer(f) ** 2 * pixel
    band = (f / 0.08).astype(int)
    for b in range(1, int(1.3 * KERNELS[kernel].cutoff / 0.08)):
        assert power[band == b].mean() == pytest.approx(theory[band == b].mean(), rel=0.03), f"{b * 0.08:.2f} cycles/mm"


def test_the_same_stream_gives_the_same_noise():
    protocol = Protocol(64)
    np.testing.assert_array_equal(images(3, protocol, seed=4), images(3, protocol, seed=4))
    assert not np.array_equal(images(3, protocol, seed=4), images(3, protocol, seed=5))


# values -------------------------------------------------------------------------------------------------------


def test_values_are_whole_hu_of_12_bits_and_padding_lies_outside_the_circle():
    image = np.full((2, 65, 65), 12.6, np.float32)
    image[0, 32, 32], image[0, 32, 33] = -5000, 9000
    hu = quantise(image, padded=True)
    assert hu.dtype == np.int16 and (hu[0, 32, 32], hu[0, 32, 33], hu[1, 32, 32]) == (-1024, 3071, 13)
    assert (hu[:, 0, 0] == -1024).all() and (hu[1, 32] == 13).all() and (hu[1, :, 32] == 13).all()
    outside = (hu[1] == -1024).mean()
    assert outside == pytest.approx(1 - np.pi / 4, abs=0.02)
    assert not (quantise(image, padded=False)[1] == -1024).any()


# motion -------------------------------------------------------------------------------------------------------


def chest_with_a_heart(cardiac):
    axis = np.arange(-100.0, 100, 1.0)
    grid = Grid(np.arange(-60.0, 61, 10), axis, axis, (10.0, 1.0, 1.0))
    radius = np.hypot(axis[:, None], axis[None, :] - 20)
    sections = np.repeat(np.where(radius < 40, 40.0, -850.0)[None], 13, axis=0).astype(np.float32)
    capsules = (("heart", np.array([-80.0, 0, 20]), np.array([80.0, 0, 20]), 40.0, 40.0), ("vein", 0, 0, 1, 1))
    beat(sections, grid, grid.z, capsules, cardiac, np.random.default_rng(2))
    return axis, sections


def test_the_heart_has_a_second_border_as_far_inside_as_it_moves():
    axis, still = chest_with_a_heart(0.0)
    _, moved = chest_with_a_heart(1.0)
    row = slice(None), 100
    assert set(np.unique(still)) == {-850.0, 40.0}
    between = (moved[row] > -800) & (moved[row] < 0)  # neither lung nor heart: in systole only
    width = between.sum(axis=1) / 2  # right and left
    assert width.mean() == pytest.approx(BEAT_MM, abs=1.5)
    far = np.abs(axis - 20) > 75
    np.testing.assert_array_equal(moved[:, :, far], still[:, :, far])
    _, mild = chest_with_a_heart(0.3)
    assert np.abs(mild - still).sum() < 0.5 * np.abs(moved - still).sum()


def test_a_breath_mixes_two_positions_of_the_diaphragm_that_lie_the_further_apart_the_more_severe_it_is():
    centres = np.arange(-150.0, 100, 10)
    apart = []
    for motion in (0.2, 0.6, 1.0):
        (one, lower, wide), (other, upper, narrow) = breath_phases(motion, centres, np.random.default_rng(1))
        assert one + other == pytest.approx(1) and min(one, other) > 0.3 and wide > 1 > narrow
        apart.append(np.mean(lower - upper))
    assert apart[0] < apart[1] < apart[2] and 5 < apart[2] < 20
