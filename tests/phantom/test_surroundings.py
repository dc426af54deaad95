"""What lies around the lungs: stomach, colon, fat, the chest wall and what touches it, and how much is scanned."""

from dataclasses import replace

import numpy as np
import pytest

from study.phantom.body import build as building
from study.phantom.body.abdomen import plan_abdomen, steepness
from study.phantom.body.anatomy import _draw_soft_tissue, draw_anatomy, plan_tissue, scan_grid
from study.phantom.body.bowel import GAS_HU, STOMACH_GAS_ML, Tube, along, tube_hu
from study.phantom.body.build import draw_build
from study.phantom.body.cover import front_of_skin
from study.phantom.body.fat import PAD_MM, add_fat_pads
from study.phantom.body.fields import Grid, lattice, upsample
from study.phantom.body.findings import FINDINGS, Findings
from study.phantom.body.shape import draw_shapes, lung_floor
from study.phantom.people.training_set import FIELD_OF_VIEW_MM, NARROW_FIELD_MM, TrainingSet, plan_training_set

AROUND = ("interposed_colon", "air_in_wall", "hand_on_chest", "clothes", "tubes")


@pytest.fixture
def chances(monkeypatch):
    """Set the chances of findings, by name, in the patients drawn from now on."""

    def choose(**chosen):
        monkeypatch.setitem(building.FINDINGS, "ordinary", replace(Findings(), **chosen))

    return choose


def shapes_of(seed, sex="male", age=50.0):
    return draw_shapes(seed, draw_build(seed, sex, age))


@pytest.fixture(scope="module")
def abdomens():
    people = [((91, k), shapes_of((91, k), ("female", "male")[k % 2], 25.0 + 4 * k)) for k in range(12)]
    return [(shapes, plan_abdomen(shapes, seed)) for seed, shapes in people]


def ml(where, grid):
    return where.sum() * np.prod(grid.spacing_mm) / 1000


def reach_below_floor(shapes, grid):
    floor = lung_floor(shapes, grid)
    return (floor - grid.open()[0]) * steepness(floor, grid.spacing_mm[1])


# ------------------------------------------------------------------ stomach and colon


def test_everybody_has_a_stomach_with_no_more_gas_than_it_may_hold(abdomens):
    gas = []
    for _, abdomen in abdomens:
        lumen = abdomen.stomach.outer + abdomen.stomach.wall_mm < 0
        assert 60 < ml(abdomen.stomach.outer < 0, abdomen.grid) < 1300
        gas.append(ml(lumen & (abdomen.stomach.air < 0), abdomen.grid))
    assert max(gas) <= STOMACH_GAS_ML[1] + 1 and min(gas) < 30 and max(gas) > 60


def test_stomach_and_colon_stay_below_the_diaphragm_and_within_the_ribs(abdomens):
    nearest = []
    for shapes, abdomen in abdomens:
        under = reach_below_floor(shapes, abdomen.grid)
        cage = upsample(shapes.cage, shapes.coarse, abdomen.grid)
        for tube in (abdomen.stomach, abdomen.colon):
            inside = tube.outer < 0
            assert inside.any() and under[inside].min() >= abdomen.muscle_mm - 1e-3 and cage[inside].max() < -3
            nearest.append(under[inside].min())
    assert np.median(nearest) < 8  # it is the wall between gas and lung that a network must learn


def test_the_wall_is_as_thick_as_it_says_and_the_gas_lies_in_front():
    y = np.arange(-30.0, 30, 0.5)[None, :, None]
    tube = Tube(np.abs(y) - 20, 3.0, y - 4, np.zeros_like(y), 15.0, (-600.0, 40.0), 0.0)
    hu, share = tube_hu(tube, (tube.outer, tube.air, tube.mottled), np.zeros_like(y), 0.5)
    hu, share, y = hu.ravel(), share.ravel(), y.ravel()
    assert (share[np.abs(y) < 19.5] == 1).all() and (share[np.abs(y) > 20.5] == 0).all()
    np.testing.assert_allclose(hu[(np.abs(y) > 17.5) & (np.abs(y) < 20)], 38)
    np.testing.assert_allclose(hu[(y > -16.5) & (y < 3.5)], GAS_HU)
    np.testing.assert_allclose(hu[(y > 4.5) & (y < 16.5)], 15)


def test_faeces_are_mottled_with_gas():
    noise = np.random.default_rng(1).standard_normal((20, 20, 20))
    deep, full = np.full(noise.shape, -10.0), np.ones(noise.shape)
    tube = Tube(deep, 2.0, np.full(noise.shape, 50.0), full, 15.0, (-600.0, 40.0), 0.2)
    hu, _ = tube_hu(tube, (deep, tube.air, full), noise, 1.0)
    assert hu.min() == pytest.approx(-600) and hu.max() == pytest.approx(40) and -500 < hu.mean() < 0


def test_distance_along_a_course_is_that_to_its_nearest_segment():
    grid = lattice()
    course = np.array([[0.0, 0, -50], [0, 0, 50], [60, 0, 50]])
    distance, where = along(grid, course, 40.0)
    at = tuple(int(np.abs(axis - value).argmin()) for axis, value in zip(grid.axes, (0, 30, 10), strict=True))
    assert distance[at] == pytest.approx(30, abs=0.01) and where[at] == pytest.approx(60, abs=0.01)
    at = tuple(int(np.abs(axis - value).argmin()) for axis, value in zip(grid.axes, (40, 0, 70), strict=True))
    assert distance[at] == pytest.approx(20, abs=0.01) and where[at] == pytest.approx(140, abs=0.01)
    assert distance.max() == 40


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_loop_of_colon_between_liver_and_dome_by_its_chance(chances, chance):
    chances(interposed_colon=chance)
    for k in range(4):
        shapes = shapes_of((92, k))
        abdomen = plan_abdomen(shapes, (92, k))
        right = abdomen.grid.open()[2] < -30
        near = (abdomen.colon.outer < 0) & right & (reach_below_floor(shapes, abdomen.grid) < 25)
        assert (ml(near, abdomen.grid) > 15) == bool(chance)


def test_gas_is_drawn_under_the_left_dome_and_is_no_lung():
    with_gas = 0
    for k in range(4):
        a = draw_anatomy((93, k), "male", 50.0, 96, 350.0, 3.0)
        around = a.hu.copy()
        around.ravel()[a.inside] = 0
        box = a.grid.box((-1e3, -80, 20), (a.shapes.dome[1], 80, 110))
        with_gas += ml(around[box] < -700, a.grid) > 5
    assert with_gas >= 3


# ------------------------------------------------------------------ fat


def test_fat_pads_only_widen_the_mediastinum_near_the_diaphragm_and_more_in_the_obese():
    grid = lattice()
    widest = []
    for fat in (3.0, 18.0):
        build = replace(draw_build((94,), "male", 50.0), fat=fat)
        still = np.zeros((len(grid.z), len(grid.y)), np.float32)
        pads = [add_fat_pads(build, grid, (still, still), -100.0, np.random.default_rng(k)) for k in range(20)]
        pads = np.array(pads)
        assert pads.min() >= 0 and pads.max() <= PAD_MM[1]
        assert (pads[:, :, grid.z > 0] == 0).all() and (pads[..., grid.y > 20] == 0).all()
        widest.append(pads.max(axis=(2, 3)).mean())
    assert widest[1] > 1.5 * widest[0] >= PAD_MM[0]


def test_the_heart_has_a_layer_of_fat_on_its_muscle():
    a = draw_anatomy((95,), "male", 60.0, 128, 350.0, 3.0)
    around = a.hu.copy()
    around.ravel()[a.inside] = 0
    _, start, end, radius, _ = next(capsule for capsule in a.shapes.capsules if capsule[0] == "heart")
    middle = (start + end) / 2
    box = a.grid.box(middle - radius, middle + radius)
    fat = (around[box] < -60) & (around[box] > -140)
    muscle = (around[box] > 20) & (around[box] < 70)
    assert 0.005 < fat.mean() < 0.3 and muscle.mean() > 0.5


# ------------------------------------------------------------------ chest wall, arms and cover


def test_fat_lies_outside_the_pleura_and_more_in_the_obese():
    shares = []
    for fat in (2.0, 30.0):
        build = replace(draw_build((97,), "male", 50.0), fat=fat)
        grid = Grid(np.zeros(1), np.zeros(1), np.arange(0, 300.0), (1.0, 1.0, 1.0))
        cage = np.broadcast_to(np.arange(-150, 150, dtype=np.float32), grid.shape)
        muscle = cage - 40
        hu = np.empty((20, *grid.shape), np.float32)
        for k, drawn in enumerate(hu):
            _draw_soft_tissue(drawn, grid, build, cage, cage - 80, muscle, plan_tissue(build, (97, k)))
        strip = (cage > 0.6) & (cage < 4)
        shares.append(np.mean([(tissue[strip] < -60).mean() for tissue in hu]))
        beyond = (cage > 12) & (cage < 30)
        assert np.median([tissue[beyond] for tissue in hu]) > 20  # muscle
    assert shares[0] < 0.1 < shares[1]


def test_what_lies_around_the_lungs_does_not_change_them(chances):
    drawn = []
    for chance in (0.0, 1.0):
        chances(arms_down=1.0, effusion=0.0, **dict.fromkeys(AROUND, chance))
        drawn.append(draw_anatomy((96,), "female", 55.0, 64, 350.0, 4.0))
    one, other = drawn
    corner = [tuple(a.grid.axes[k][0] for k in range(3)) for a in drawn]
    places = []
    for a, start in zip(drawn, corner, strict=True):
        index = np.unravel_index(a.inside, a.grid.shape)
        places.append(np.stack([axis[i] for axis, i in zip(a.grid.axes, index, strict=True)]))
        assert start[0] == corner[0][0]
    np.testing.assert_array_equal(*places)
    # But for the last bits of float32, which numpy's AVX2 code rounds by where in an array a voxel stands.
    np.testing.assert_allclose(one.share, other.share, rtol=0, atol=2 * np.finfo(np.float32).eps)
    np.testing.assert_allclose(one.parenchyma, other.parenchyma, rtol=4 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_air_in_the_chest_wall_by_its_chance(chances, chance):
    chances(effusion=0.0, **dict.fromkeys(AROUND, 0.0) | dict(air_in_wall=chance))
    a = draw_anatomy((97,), "male", 50.0, 96, 350.0, 3.0)
    body, cage = (upsample(field, a.shapes.coarse, a.grid) for field in (a.shapes.body, a.shapes.cage))
    wall = (body < -5) & (cage > 8)
    assert (ml((a.hu < -500) & wall, a.grid) > 20) == bool(chance)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_hands_and_cover_by_their_chances(chances, chance):
    chances(arms_down=1.0, hand_on_chest=chance, clothes=chance, tubes=chance)
    for k in range(3):
        shapes = shapes_of((98, k))
        assert (len(shapes.arms) > 4) == (len(shapes.cover.sheets) > 0) == (len(shapes.cover.rods) > 0) == bool(chance)
        for start, end, _, bore, _ in shapes.cover.rods:
            for place in (start, end):
                skin = front_of_skin(shapes.body, shapes.coarse, place[0], place[2])
                assert skin - 12 < place[1] < skin
            assert bore >= 0


def test_arms_are_down_by_their_chance_with_air_beside_the_trunk(chances):
    chances(arms_down=0.0)
    assert shapes_of((99,)).arms == ()
    chances(arms_down=1.0, effusion=0.0, **dict.fromkeys(AROUND, 0.0))
    a = draw_anatomy((99,), "male", 50.0, 128, 600.0, 4.0)
    assert len(a.shapes.arms) == 4
    section = a.hu[int(np.abs(a.grid.z + 60).argmin())]
    middle = section[int(np.abs(a.grid.y - 40).argmin())]
    solid = middle > -300
    starts = np.flatnonzero(np.diff(solid.astype(int)) == 1)
    assert len(starts) >= 3 and section.max() > 300  # arm, trunk, arm
    index = np.unravel_index(a.inside, a.grid.shape)
    assert np.abs(a.grid.x[index[2]]).max() < a.shapes.build.half_width + 10  # none of the air beside it is lung


# ------------------------------------------------------------------ how much is scanned


def test_some_scans_begin_or_end_in_the_lungs_or_reach_into_the_abdomen(chances):
    shapes = shapes_of((100,))

    def ends(k, **chosen):
        build = replace(shapes.build, findings=replace(Findings(), **chosen))
        grid = scan_grid(replace(shapes, build=build), 32, 350.0, 3.0, (100, k))
        return grid.z[0], grid.z[-1]

    top = shapes.build.apex
    for k in range(12):
        whole, part, deep = ends(k), ends(k, part_of_lung=1.0), ends(k, abdomen_too=1.0)
        assert whole[0] < min(shapes.dome) - 40 and whole[1] > top
        assert (part[0] > whole[0] + 20) != (part[1] < top - 5) and part[1] - part[0] > 60
        assert 45 < whole[0] - deep[0] < 95 and deep[1] == pytest.approx(whole[1], abs=3)


def test_room_air_between_head_and_raised_arms_is_no_lung(chances):
    chances(arms_down=0.0, head_too=1.0, effusion=0.0)
    a = draw_anatomy((101,), "female", 50.0, 96, 600.0, 4.0)
    lung_top = a.grid.z[np.unravel_index(a.inside, a.grid.shape)[0]].max()
    assert len(a.shapes.head) == 3 and len(a.shapes.arms) == 4 and a.grid.z[-1] > a.shapes.build.apex + 70
    assert lung_top < a.shapes.build.apex + 12
    above = a.hu[a.grid.z > lung_top + 90]
    assert (above > 600).any() and (above < -950).any()  # skull, and air around it


def test_fields_of_view_vary_with_frequent_findings_alone():
    usual, odd = (
        plan_training_set(TrainingSet(n_training_scans=200, findings=findings)) for findings in ("ordinary", "frequent")
    )
    assert usual["field_of_view_mm"].between(*FIELD_OF_VIEW_MM).all()
    narrow, wide = odd["field_of_view_mm"] < NARROW_FIELD_MM[1], odd["field_of_view_mm"] > 450
    assert 0.05 < narrow.mean() < 0.2 and 0.08 < wide.mean() < 0.25
    same = ~narrow & ~wide
    np.testing.assert_array_equal(usual["field_of_view_mm"][same], odd["field_of_view_mm"][same])


def test_what_a_cohort_shows_is_the_papers_protocol():
    ordinary = FINDINGS["ordinary"]
    assert ordinary.part_of_lung == ordinary.abdomen_too == ordinary.head_too == 0
