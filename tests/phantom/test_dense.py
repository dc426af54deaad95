"""Dense lung without infection: there when asked for, lung in truth, and not infected."""

from dataclasses import fields, replace

import numpy as np
import pytest

from study.phantom.body import findings
from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.findings import Findings
from study.phantom.body.lesions import draw_susceptibility, infect
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
        assert back[0] - front[0] > back[1] - front[1] and back[0] < -400


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


@pytest.mark.parametrize("pattern", ["covid", "pneumonia"])
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
