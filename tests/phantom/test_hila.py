"""The hila and the trees that they feed: calibres, courses, and what of them is lung."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.build import draw_build
from study.phantom.body.findings import FINDINGS
from study.phantom.body.hila import draw_hila
from study.phantom.body.shape import draw_shapes
from study.phantom.body.vessels import draw_trees


@pytest.fixture(scope="module")
def hila():
    return [draw_hila((94, k), draw_build((94, k), ("female", "male")[k % 2], 50.0), 0.0) for k in range(60)]


@pytest.fixture(scope="module")
def anatomy():
    return draw_anatomy((95,), "male", 45.0, 128, 350.0, 2.0)


def lateral(capsules):
    """Of each, on the right and the left: the capsules that begin there."""
    return [[c for c in capsules if c[-4][2] * side > 0] for side in (-1, 1)]


def test_arteries_have_the_calibres_of_people(hila):
    interlobar = [2 * c[3] for h in hila for c in h.central if c[0] == "hilar vessel" and c[4] / c[3] > 0.84]
    trunk = [2 * tube[2] for h in hila for tube in h.vessels if tube[1][0] < tube[0][0]]
    assert 12 < np.median(interlobar) < 16 and 8 < np.median(trunk) < 12


def test_arteries_run_down_and_veins_to_the_left_atrium(hila):
    for h in hila:
        for side in lateral(h.central):
            vessels = [c for c in side if c[0] == "hilar vessel"]
            down, to_atrium = vessels[1], vessels[-1]
            assert down[2][0] < down[1][0] - 5 and down[2][1] > down[1][1]  # down and back
            assert (
                abs(to_atrium[2][2]) < abs(to_atrium[1][2]) and to_atrium[2][1] < to_atrium[1][1]
            )  # medially, forwards
        assert len(h.segments) == 19


def test_the_left_artery_lies_behind_its_bronchus(hila):
    def ends(h, kind):
        return [c[2] for c in lateral(h.central)[1] if c[0] == kind]

    behind = [ends(h, "hilar vessel")[1][1] - ends(h, "hilar airway")[1][1] for h in hila]
    assert np.mean(behind) > 3 and np.mean(np.array(behind) > 0) > 0.9


def test_lower_veins_end_in_the_heart():
    for k in range(6):
        shapes = draw_shapes((94, k), draw_build((94, k), "female", 50.0))
        atrium = [c for c in shapes.capsules if c[0] == "heart"][3]
        _, start, end, radius, _ = atrium
        for side in lateral(shapes.hila.central):
            tip = [c for c in side if c[0] == "hilar vessel"][-1][2]
            along = np.clip((tip - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
            assert np.linalg.norm(tip - start - along * (end - start)) < radius + 6


def test_enlarged_nodes_as_often_as_asked_for(monkeypatch):
    widest = {}
    for chance in (0.0, 1.0):
        build = replace(draw_build((96,), "male", 60.0), findings=replace(FINDINGS["ordinary"], hilar_nodes=chance))
        nodes = [c[3] for k in range(30) for c in draw_hila((96, k), build, 0.0).central if c[0] == "hilar node"]
        widest[chance] = np.array(nodes) / float(np.prod(build.size)) ** (1 / 3)
    assert widest[0.0].max() <= 4 <= widest[1.0].min()


def test_segmental_vessels_are_four_to_seven_millimetres_wide_and_fill_the_lung():
    shapes = draw_shapes((97,), draw_build((97,), "male", 50.0))
    (starts, ends, near, far), _ = draw_trees(shapes, (97,))
    begins = np.array([s.artery for s in shapes.hila.segments])
    stems = np.array([(np.abs(starts - at).max(axis=1) < 1e-9).argmax() for at in begins])
    assert 4 < np.median(2 * near[stems]) < 8
    assert (far <= near + 1e-9).mean() > 0.99 and (near > 0).all()
    # Wherever there is lung there is a vessel not far away.
    inside = np.argwhere(shapes.lung > 8)[::97]
    places = np.stack([axis[i] for axis, i in zip(shapes.coarse.axes, inside.T, strict=True)], axis=1)
    nearest = np.sqrt(((places[:, None] - ends[None]) ** 2).sum(axis=2)).min(axis=1)
    assert np.quantile(nearest, 0.95) < 20


def test_what_lies_beyond_the_hilum_is_lung_and_the_hilum_is_not(anatomy):
    grid = anatomy.grid
    share, vessel = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    share.ravel()[anatomy.inside], vessel.ravel()[anatomy.inside] = anatomy.share, anatomy.vessel

    def at(values, point):
        return values[tuple(int(np.abs(axis - p).argmin()) for axis, p in zip(grid.axes, point, strict=True))]

    for _, start, end, *_ in anatomy.shapes.hila.central:
        assert at(share, (start + end) / 2) == 0
    for start, end, *_ in anatomy.shapes.hila.vessels:
        middle = start + 0.6 * (end - start)
        assert (at(share, middle) == 1 and at(vessel, middle) > 0.7) or at(share, middle) == 0  # beside the heart
    assert any(at(vessel, s + 0.6 * (e - s)) > 0.7 for s, e, *_ in anatomy.shapes.hila.vessels)


def test_basal_vessels_are_spots_of_soft_tissue_within_the_lung(anatomy):
    grid = anatomy.grid
    lung = np.zeros(grid.shape, bool)
    lung.ravel()[anatomy.inside] = anatomy.share > 0.99
    level = slice(*np.searchsorted(grid.z, (-82, -77)))
    spots, _ = ndimage.label((anatomy.hu[level].mean(axis=0) > -150) & lung[level].all(axis=0))
    wide = 2 * np.sqrt(np.bincount(spots.ravel())[1:] * grid.spacing_mm[1] ** 2 / np.pi)
    assert ((wide > 4) & (wide < 16)).sum() >= 4
