"""Dense lung without infection: there when asked for, lung in truth, and not infected."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from study.phantom.body import findings
from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.build import draw_build
from study.phantom.body.consolidation import large_centre
from study.phantom.body.dense import Voxels, draw_dense
from study.phantom.body.findings import Findings
from study.phantom.body.lesions import draw_susceptibility, infect
from study.phantom.body.shape import draw_shapes, lung_floor
from study.phantom.people.training_set import TrainingSet, plan_training_set
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan

NONE = Findings(**{field.name: 0.0 for field in fields(Findings)})


@pytest.fixture
def draw(monkeypatch):
    """Draw an anatomy of a patient who has all findings that are named, and no other."""

    def drawing(seed, *names, matrix=48):
        chances = replace(NONE, **dict.fromkeys(names, 3.0 if "emphysema" in names else 1.0))
        monkeypatch.setitem(findings.FINDINGS, "asked", chances)
        return draw_anatomy(seed, "male", 60.0, matrix, 350.0, 3.0, "asked")

    return drawing


def litres(anatomy, part):
    return float((anatomy.share * part).sum(dtype=float)) * np.prod(anatomy.grid.spacing_mm) / 1e6


def test_without_findings_nothing_is_airless(draw):
    for k in range(2):
        assert not draw((98, k)).airless.any()


@pytest.mark.parametrize("name, least, most", [("collapse", 0.02, 4), ("mass", 0.002, 0.6), ("nodules", 2e-4, 0.3)])
def test_what_has_no_air_is_lung_of_the_density_of_tissue(draw, name, least, most):
    for k in range(2):
        anatomy, plain = draw((98, k), name), draw((98, k))
        np.testing.assert_array_equal(anatomy.inside, plain.inside)  # as much lung as without it
        dense = anatomy.airless > 0.9
        assert least < litres(anatomy, anatomy.airless) < most
        assert 10 < np.median(anatomy.parenchyma[dense]) < 60 and not anatomy.lumen[anatomy.airless == 1].any()
        untouched = anatomy.airless == 0
        np.testing.assert_array_equal(anatomy.parenchyma[untouched], plain.parenchyma[untouched])


def test_a_whole_lung_can_collapse(draw):
    shares = [np.average(draw((98, k), "collapse").airless > 0.5) for k in range(6)]
    assert max(shares) > 0.35 and min(shares) < 0.3


def test_fluid_is_no_lung_and_the_lung_beside_it_is(draw):
    for k in range(2):
        wet, dry = draw((99, k), "effusion"), draw((99, k))
        assert wet.share.sum() < dry.share.sum()
        gone = np.setdiff1d(dry.inside[dry.share == 1], wet.inside)
        assert np.median(wet.hu.ravel()[gone]) == pytest.approx(9, abs=5)
        compressed = wet.airless > 0.8
        assert compressed.any() and np.median(wet.wall[compressed]) < np.median(wet.wall)


def test_in_free_breathing_lungs_are_small_and_dense_where_they_depend(draw):
    for k in range(2):
        front, back = [], []
        free, held = draw((100, k), "free_breathing"), draw((100, k))
        assert free.share.sum() < 0.95 * held.share.sum()
        for anatomy in (free, held):
            y = anatomy.grid.y[np.unravel_index(anatomy.inside, anatomy.grid.shape)[1]]
            low, high = np.quantile(y, (0.15, 0.9))
            front.append(np.median(anatomy.parenchyma[y < low]))
            back.append(np.median(anatomy.parenchyma[y > high]))
        assert front[0] > front[1] + 15 and back[0] > back[1] + 30  # denser everywhere
        assert back[0] - front[0] > back[1] - front[1] and back[0] < -300


def by_height(anatomy, side, at=(0.1, 0.5, 0.9)):
    """Median HU of the lung of a side at heights from the front (0) to the back (1), off its borders."""
    y, x = (anatomy.grid.axes[k][np.unravel_index(anatomy.inside, anatomy.grid.shape)[k]] for k in (1, 2))
    lung = (x * side > 0) & (anatomy.share == 1) & (anatomy.wall > 6)
    levels = np.quantile(y[lung], at)
    return [float(np.median(anatomy.parenchyma[lung & (np.abs(y - level) < 6)])) for level in levels]


@pytest.mark.parametrize("name, least, most", [("free_breathing", -720, -300), ("dependent", -880, -560)])
def test_dependent_lung_is_denser_towards_the_back_and_not_alike_on_both_sides(draw, name, least, most):
    rises = []
    for k in range(5):
        anatomy = draw((31, k), name)
        for side in (-1, 1):
            front, middle, back = by_height(anatomy, side)
            assert front < back and middle < back + 15 and least < back < most
            rises.append(back - front)
    right, left = np.array(rises).reshape(-1, 2).T
    assert np.ptp(rises) > 60 and np.abs(right - left).max() > 25


def test_dependent_lung_is_lung_and_no_infection(monkeypatch):
    monkeypatch.setitem(findings.FINDINGS, "asked", replace(NONE, dependent=1.0))
    monkeypatch.setitem(findings.FINDINGS, "none", NONE)
    dense, plain = (
        simulate_scan((31, 1), 0, Habitus("male", 60.0, chances), Disease(extent=0), Protocol(matrix=64))
        for chances in ("asked", "none")
    )
    np.testing.assert_array_equal(dense.lung_mask, plain.lung_mask)
    assert not dense.infection_mask.any()
    risen = (dense.hu - plain.hu)[dense.lung_mask]
    assert np.quantile(risen, 0.95) > 50 and np.abs(dense.hu - plain.hu)[~dense.lung_mask].mean() < 5


def test_infection_in_dependent_lung_is_denser_than_it(draw):
    anatomy = draw((31, 2), "free_breathing")
    infection = infect(anatomy, draw_susceptibility(anatomy, (31, 2), "covid"), anatomy.parenchyma, 0.2, 0.0, 0.0)
    ill = (infection.kind > 0) & (anatomy.parenchyma > -600) & (anatomy.parenchyma < -200)
    assert ill.sum() > 100 and np.median((infection.parenchyma - anatomy.parenchyma)[ill]) > 40


def test_dependent_density_as_often_as_its_chance():
    places = np.linspace(-95, 95, 24, dtype=np.float32)
    lung = Voxels(places, places, places, places + 90, places, lambda rng, length: np.zeros(24, np.float32), 3.0)
    for chance in (0.0, 0.3, 1.0):
        build = SimpleNamespace(findings=replace(NONE, dependent=chance), inspiration=1.0, half_depth=85.0)
        shapes = SimpleNamespace(build=build, dome=(-90.0, -95.0))
        changed = 0
        for k in range(200):
            hu = np.full(24, -870, np.float32)
            draw_dense(hu, lung, shapes, (k,))
            changed += bool((hu != -870).any())
        assert abs(changed - 200 * chance) <= 4 * np.sqrt(200 * chance * (1 - chance))


def test_large_masses_and_consolidations_lie_at_the_border_of_the_lung():
    shapes = draw_shapes((33,), draw_build((33,), "male", 60.0))
    rng = np.random.default_rng(1)
    points = np.array([large_centre(shapes, rng) for _ in range(150)])
    z, y, x = (np.abs(axis[:, None] - points[:, k]).argmin(axis=0) for k, axis in enumerate(shapes.coarse.axes))
    wall = shapes.cage[z, y, x] > -20
    dome = points[:, 0] - lung_floor(shapes, shapes.coarse)[y, x] < 20
    assert (shapes.lung[z, y, x] > -8).mean() > 0.95
    assert wall.mean() > 0.25 and (dome & ~wall).mean() > 0.2 and (~dome & ~wall).mean() > 0.15


def test_fibrosis_is_basal_and_near_the_pleura(draw):
    for k in range(2):
        scarred, plain = draw((101, k), "fibrosis"), draw((101, k))
        changed = np.abs(scarred.parenchyma - plain.parenchyma) > 60
        z = scarred.grid.z[np.unravel_index(scarred.inside, scarred.grid.shape)[0]]
        assert 0.005 < changed.mean() < 0.5
        assert z[changed].mean() < z.mean() - 15 and scarred.wall[changed].mean() < scarred.wall.mean() - 4


def test_emphysema_is_of_several_kinds(draw):
    holes = [(draw((102, k), "emphysema").parenchyma < -940).mean() for k in range(6)]
    assert min(holes) > 0.002 and max(holes) > 4 * min(holes)


@pytest.mark.parametrize("pattern", ["covid", "pneumonia", "consolidation"])
def test_infection_spares_what_has_no_air(draw, pattern):
    anatomy = draw((98, 1), "collapse", "mass", "effusion")
    susceptibility = draw_susceptibility(anatomy, (98, 1), pattern)
    infection = infect(anatomy, susceptibility, anatomy.parenchyma, 0.2, 0.4, 0.0)
    ill = infection.kind > 0
    assert (anatomy.share * ill).sum() / anatomy.share.sum() == pytest.approx(0.2, rel=0.1)
    assert not ill[anatomy.airless > 0.95].any()
    assert infection.parenchyma[ill & (anatomy.parenchyma < -400)].max() < 150


def test_a_scan_of_dense_lung_has_lung_and_no_infection(monkeypatch):
    monkeypatch.setitem(findings.FINDINGS, "asked", replace(NONE, collapse=1.0, mass=1.0))
    monkeypatch.setitem(findings.FINDINGS, "none", NONE)
    dense, plain = (
        simulate_scan((98, 2), 0, Habitus("male", 60.0, chances), Disease(extent=0), Protocol(matrix=64))
        for chances in ("asked", "none")
    )
    np.testing.assert_array_equal(dense.lung_mask, plain.lung_mask)
    assert not dense.infection_mask.any() and (dense.hu[dense.lung_mask] > -50).mean() > 0.05


def test_pneumonia_can_fill_a_lung_and_keeps_the_air_of_the_bronchi():
    anatomy = draw_anatomy((103,), "male", 60.0, 96, 350.0, 2.0)
    susceptibility = draw_susceptibility(anatomy, (103,), "pneumonia")
    infection = infect(anatomy, susceptibility, anatomy.parenchyma, 0.5, 0.95, 0.0)
    assert (anatomy.lumen[infection.kind > 0] > 0.8).any()


def test_in_a_training_set_pneumonia_fills_a_lung_as_often_as_asked_for(monkeypatch):
    plans = {}
    for chance in (0.0, 1.0):
        monkeypatch.setitem(findings.FINDINGS, "ordinary", replace(NONE, filled_lung=chance))
        plans[chance] = plan_training_set(TrainingSet(n_training_scans=40, healthy_fraction=0.2, covid_fraction=0.2))
    never, always = plans[0.0], plans[1.0]
    filled = (never["pattern"] == "pneumonia") & (never["true_extent"] > 0)
    assert 10 < filled.sum() < 40 and always.loc[filled, "true_extent"].between(0.2, 0.6).all()
    assert (always.loc[filled, "true_consolidation"] >= 0.6).all() and never.loc[filled, "true_extent"].median() < 0.2
    assert always[~filled].equals(never[~filled])


@pytest.mark.parametrize("seed", range(3))
def test_a_large_consolidation_is_one_piece_of_lung_and_infection(seed):
    habitus, protocol = Habitus("male", 60.0), Protocol(matrix=64)
    ill, well = (
        simulate_scan((34, seed), 0, habitus, Disease("consolidation", extent, 0.95), protocol) for extent in (0.08, 0)
    )
    np.testing.assert_array_equal(ill.lung_mask, well.lung_mask)
    assert ill.tissue_poi == pytest.approx(0.08, abs=0.003) and not well.infection_mask.any()
    pieces = ndimage.label(ill.infection_mask, np.ones((3, 3, 3)))[0]
    sizes = np.sort(np.bincount(pieces.ravel())[1:])[::-1]
    assert sizes[:2].sum() > 0.9 * sizes.sum()  # in both lungs, if it fills them from the back
    assert np.median(ill.hu[ill.infection_mask]) > -150
    beyond = ndimage.binary_dilation(ill.infection_mask, iterations=2) & ill.lung_mask
    beyond &= ~ndimage.binary_dilation(ill.infection_mask)
    assert np.median(ill.hu[beyond]) < -550  # its front is sharp


def test_in_a_training_set_large_consolidations_are_as_frequent_as_asked_for(monkeypatch):
    for chance in (0.0, 0.25, 1.0):
        monkeypatch.setitem(findings.FINDINGS, "ordinary", replace(NONE, large_consolidation=chance))
        plan = plan_training_set(TrainingSet(n_training_scans=200, healthy_fraction=0.1, covid_fraction=0.2))
        ill, large = (plan["pattern"] != "covid") & (plan["true_extent"] > 0), plan["pattern"] == "consolidation"
        assert abs(large.sum() - chance * ill.sum()) <= 4 * np.sqrt(ill.sum() * chance * (1 - chance))
        assert not (large & ~ill).any() and plan.loc[large, "true_extent"].between(0.015, 0.12).all()
