"""The body of drawn chests, whose skin is known: arms, a head, a cut field of view, things on and under the patient."""

import numpy as np
import pytest
from scipy import ndimage

from study.networks import body
from study.scans.ct import read_scan

SPACING_MM = (5.0, 2.0, 2.0)
Z, Y, X = np.mgrid[:30, :200, :240]
Y, X = (Y - 99.5) * 2.0, (X - 119.5) * 2.0  # mm from the middle of a field of 400 by 480 mm


def ellipse(x, y, half_x, half_y, sections=slice(None)):
    """Mask of an elliptic cylinder, mm."""
    mask = ((X - x) / half_x) ** 2 + ((Y - y) / half_y) ** 2 < 1
    other = np.ones(len(mask), bool)
    other[sections] = False
    mask[other] = False
    return mask


def body_mask(hu, spacing_mm, lung_like=None):
    """The body, where a network takes this for lung: where none is given, all air and foam."""
    return body.body_mask(hu, spacing_mm, hu < -500 if lung_like is None else lung_like)


CHEST = ellipse(0, 0, 160, 100)
LUNGS = ellipse(-70, 0, 55, 70, np.s_[4:26]) | ellipse(70, 0, 55, 70, np.s_[4:26])


def drawn(*tissue, lung=LUNGS, air=()):
    """HU of a chest with lungs, other things of tissue, and air, in room air with noise."""
    hu = np.full(X.shape, -1000.0)
    for mask in (CHEST, *tissue):
        hu[mask] = 30
    hu[lung] = -850
    for mask in air:
        hu[mask] = -1000
    return (hu + np.random.default_rng(1).normal(0, 15, hu.shape)).astype(np.float32)


def agrees(found, body, within_mm=4.0):
    """Whether two masks are the same but for a rim of pixels at the skin."""
    away = [ndimage.distance_transform_edt(mask, sampling=(1000, *SPACING_MM[1:])) for mask in (body, ~body)]
    return not (found != body)[np.maximum(*away) > within_mm].any()


def deep(mask, by_mm=8.0):
    """What lies deeper in a mask, in its section, than its rim."""
    return ndimage.distance_transform_edt(mask, sampling=(1000, *SPACING_MM[1:])) > by_mm


ARMS = ellipse(-190, 0, 35, 40) | ellipse(190, 0, 35, 40)
RING = ellipse(0, -60, 232, 138) & ~ellipse(0, -60, 200, 115)  # raised arms that meet the chest and each other
HEAD = ellipse(0, 0, 70, 95, np.s_[15:])
CLEAR = ellipse(0, 0, 160, 100, np.s_[:12])  # a chest that ends below the head
RAISED = ellipse(-160, 0, 40, 60, np.s_[15:]) | ellipse(160, 0, 40, 60, np.s_[15:])
SHOULDERS = ellipse(0, 0, 200, 100, np.s_[12:15])


def test_a_chest_alone():
    assert agrees(body_mask(drawn(), SPACING_MM), CHEST)


def test_arms_that_touch_are_body_and_the_air_between_is_not():
    found = body_mask(drawn(ARMS), SPACING_MM)
    assert found[LUNGS].all() and not found[~(CHEST | ARMS) & (np.abs(X) < 100)].any()


def test_a_ring_of_arms_that_no_section_opens_is_told_by_its_air():
    found = body_mask(drawn(RING), SPACING_MM)
    within = ellipse(0, -60, 190, 105) & ~ellipse(0, 0, 170, 110)
    assert found[LUNGS].all() and within.sum() > 1e5 and not found[within].any()


def test_a_ring_that_a_section_opens_is_open_whatever_fills_it():
    """A pillow of foam has the density of emphysema."""
    within = ellipse(0, -60, 198, 113) & ~ellipse(0, 0, 164, 104)
    ring = RING.copy()
    ring[28:, :, 110:130] = False
    hu = drawn(ring)
    hu[within & (Y < -100)] += 100
    room = [(0, 0), (30, 30), (0, 0)]
    found = body_mask(np.pad(hu, room, mode="reflect"), SPACING_MM, np.pad(LUNGS, room))[:, 30:-30]
    assert found[LUNGS].all() and not found[deep(within)].any()


@pytest.mark.parametrize("closed", [False, True], ids=["open above", "closed above"])
def test_air_between_head_and_arms(closed):
    hu = np.full(X.shape, -1000.0)
    vertex = ellipse(0, 0, 200, 100, np.s_[28:]) if closed else np.zeros(X.shape, bool)
    front = (np.abs(np.abs(Y) - 55) < 8) & (np.abs(X) < 150) & (Z >= 15)  # hands before, a pillow's seam behind
    tissue = CLEAR | SHOULDERS | HEAD | RAISED | front | vertex
    lungs = LUNGS & (Z < 11)
    hu[tissue], hu[lungs] = 30, -800
    hu += np.random.default_rng(2).normal(0, 15, hu.shape)
    found = body_mask(hu.astype(np.float32), SPACING_MM)
    between = deep((np.abs(Y) < 47) & (np.abs(X) < 125) & ~tissue & (Z >= 16) & (Z < 27))
    assert between.sum() > 1e4 and not found[between].any()
    assert found[lungs].all() and found[deep(HEAD)].all()


@pytest.mark.parametrize("around", ["air", "nothing, -1024", "nothing, -1000"])
def test_lung_that_the_field_of_view_cuts_stays(around):
    cut = np.s_[:, 20:180, 75:165]  # 180 mm wide, ends inside both lungs
    hu = drawn()[cut]
    if around != "air":
        hu = np.pad(hu, ((0, 0), (16, 16), (19, 19)), constant_values=float(around.split()[1]))
    found = body_mask(hu, SPACING_MM)
    if around != "air":
        found = found[:, 16:-16, 19:-19]
    lungs = LUNGS[cut].copy()
    assert lungs[:, :, 0].any() and lungs[:, :, -1].any()
    lungs[:, :, [0, -1]] = False  # beside pixels that were not measured, the outermost may be lost
    assert found[lungs].all() and not found[~CHEST[cut] & (np.abs(Y) > 110)[cut]].any()


def test_a_round_field_of_view_that_cuts_the_lungs():
    outside = X**2 + Y**2 > 110**2
    hu = drawn()
    hu[outside] = -1024
    found = body_mask(hu, SPACING_MM)
    lungs = LUNGS & (X**2 + Y**2 < 107**2)
    assert (LUNGS & outside).any() and found[lungs].all() and not found[X**2 + Y**2 > 114**2].any()


def test_a_trachea_that_is_open_above_lets_nothing_into_the_lungs():
    trachea = ellipse(0, 0, 9, 9, np.s_[12:])
    bronchi = (np.abs(Y) < 6) & (np.abs(X) < 40) & (Z == 12)
    hu = drawn(air=(trachea, bronchi))
    hu[27:, (np.abs(X) > 60)[0]] = -1000  # the neck, open at the last section
    assert body_mask(hu, SPACING_MM)[LUNGS].all()


@pytest.mark.parametrize("sections", [np.s_[8:], np.s_[:20], np.s_[8:20], np.s_[8:9]])
def test_lung_in_the_first_and_last_section_stays(sections):
    found = body_mask(drawn()[sections], SPACING_MM)
    assert agrees(found, CHEST[sections])


def test_blanket_and_tube_on_the_chest_and_the_table_are_no_body():
    blanket = (np.abs(Y + 112 + 0.0015 * X**2) < 2.5) & (np.abs(X) < 200)  # stands off the chest in the middle
    tube = (np.hypot(X - 30, Y + 110) < 11) & (np.hypot(X - 30, Y + 110) > 8)
    table = (np.abs(Y - 130) < 24) & (np.abs(X) < 200)
    inside = (np.abs(Y - 130) < 20) & (np.abs(X) < 196)
    hu = drawn(blanket, tube, table & ~inside)
    hu[inside] = -930
    found = body_mask(hu, SPACING_MM)
    assert found[LUNGS].all()
    for thing in (np.hypot(X - 30, Y + 110) < 11, inside):
        assert not found[thing & ~ellipse(0, 0, 166, 106)].any()
    assert not found[(Y < -114) & (np.abs(X) < 60)].any()


def test_lung_behind_a_wall_of_7_mm_that_sections_average_away():
    """In 4 sections of one side the wall is as light as dense lung, and lets the room's air in."""
    lung = LUNGS | ellipse(-95, 0, 58, 60, np.s_[4:26])
    hu = drawn(lung=lung)
    wall = CHEST & ~lung & (X < -140) & (np.abs(Y) < 16) & (Z >= 10) & (Z < 14)
    hu[wall] = -600
    assert not body_mask(hu, SPACING_MM, np.zeros(hu.shape, bool))[lung & (X < -30)].any()
    found = body_mask(hu, SPACING_MM)
    near = ndimage.binary_dilation(wall, np.ones((3, 7, 7)))
    assert found[lung & ~near].all() and not found[~ellipse(0, 0, 166, 106)].any()


def test_a_mattress_that_a_network_takes_for_lung_is_no_body():
    mattress = (np.abs(Y - 130) < 28) & (np.abs(X) < 150) & ~CHEST
    hu = drawn()
    hu[mattress] += 100
    assert not body_mask(hu, SPACING_MM)[mattress & ~ellipse(0, 0, 166, 106)].any()


def test_gas_under_the_skin_is_inside_and_opens_no_way_to_the_lungs():
    gas = ellipse(-60, -60, 80, 36) & ~ellipse(0, 0, 150, 90) | (ellipse(0, 0, 156, 96) & ~ellipse(0, 0, 150, 90))
    gas &= CHEST & ~LUNGS & (X < 0)
    found = body_mask(drawn(air=(gas,)), SPACING_MM)
    assert found[LUNGS].all() and found[ellipse(0, 0, 146, 86)].all()


def test_severe_emphysema_is_lung():
    """Half of the voxels are lighter than -950 HU, which only the worst lungs reach."""
    hu = drawn()
    hu[LUNGS] = np.random.default_rng(3).normal(-950, 30, LUNGS.sum())
    assert body_mask(hu, SPACING_MM)[LUNGS].all()


def test_what_is_blanked_outside_the_body_is_not_body():
    hu = drawn()
    hu[~CHEST] = -1024
    assert agrees(body_mask(hu, SPACING_MM), CHEST)


def test_the_input_stays_as_it_was():
    hu = drawn(ARMS)
    before = hu.copy()
    body_mask(hu, SPACING_MM)
    np.testing.assert_array_equal(hu, before)


@pytest.mark.parametrize("spacing_mm", [(1.0, 2.0, 2.0), (10.0, 1.0, 1.0), (5.0, 3.0, 3.0)])
def test_any_spacing(spacing_mm):
    """The same drawing stretched: the chest is wider or longer, and stays one."""
    assert body_mask(drawn(ARMS), spacing_mm)[LUNGS].all()


def test_room_air_between_the_head_and_raised_arms_of_a_real_person(real_data):
    """Above the chest there is no air in a body that counts: what is as light as the room is the room."""
    head = read_scan(real_data / "tcia" / "ACRIN-FLT-001_head_to_chest_arms_up_256.nii.gz")
    found = body_mask(head.hu.astype(np.float32), head.spacing_mm)
    air = head.hu < -960
    assert (found & air)[40:].sum() < 0.002 * air[40:].sum()
