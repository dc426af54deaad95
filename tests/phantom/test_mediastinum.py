"""The mediastinum: what lies in it, and how the lungs reach around it."""

from dataclasses import replace

import numpy as np
import pytest

from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.build import draw_build, spine_centre
from study.phantom.body.fields import generator
from study.phantom.body.findings import FINDINGS
from study.phantom.body.mediastinum import mediastinal_capsules
from study.phantom.body.shape import draw_shapes


@pytest.fixture(scope="module")
def people():
    return [draw_anatomy((104, k), ("female", "male")[k % 2], 30.0 + 6 * k, 96, 350.0, 3.0) for k in range(6)]


def along(anatomy, kind):
    """HU and share of lung along the axes of the capsules of a kind, within the scan."""
    grid = anatomy.grid
    share = np.zeros(grid.shape, np.float32)
    share.ravel()[anatomy.inside] = anatomy.share
    places = [s + t * (e - s) for k, s, e, *_ in anatomy.shapes.capsules if k == kind for t in np.linspace(0, 1, 30)]
    places = [p for p in places if grid.z[0] < p[0] < grid.z[-1]]
    index = tuple(np.array([np.abs(axis - p[i]).argmin() for p in places]) for i, axis in enumerate(grid.axes))
    return anatomy.hu[index], share[index]


def test_trachea_and_bronchi_down_to_the_hilum_are_air_and_no_lung(people):
    for anatomy in people:
        for kind in ("airway", "hilar airway"):
            hu, share = along(anatomy, kind)
            assert not share.any() and np.median(hu) < -930


def test_gas_in_the_oesophagus_of_some_and_never_as_lung(people):
    with_gas = []
    for anatomy in people:
        hu, share = along(anatomy, "oesophagus")
        assert (share > 0.5).mean() < 0.1
        with_gas.append((hu < -500).mean())
    assert 2 <= np.count_nonzero(np.array(with_gas) > 0.05) < len(people)


def test_hiatus_hernias_as_often_as_asked_for():
    build = draw_build((105,), "female", 70.0)
    calibre = float(np.prod(build.size)) ** (1 / 3)

    def draw(chance):
        asked = replace(build, findings=replace(FINDINGS["ordinary"], hiatus_hernia=chance))
        drawn = [mediastinal_capsules(asked, generator((105, k), "mediastinum")) for k in range(20)]
        widest = [max(c[4] for c in capsules if c[0] == "oesophagus") / calibre for capsules in drawn]
        return widest, [[c[1:3] for c in capsules if c[0] == "heart"] for capsules in drawn]

    (narrow, hearts), (wide, same_hearts) = draw(0.0), draw(1.0)
    assert max(narrow) < 9 < 14 < min(wide)
    np.testing.assert_array_equal(same_hearts, hearts)  # nothing else changes


def test_the_right_lung_reaches_behind_the_heart_towards_the_midline():
    nearest = []
    for k in range(8):
        shapes = draw_shapes((106, k), draw_build((106, k), "male", 50.0))
        build, coarse = shapes.build, shapes.coarse
        level = int(np.abs(coarse.z + 55).argmin())
        before_spine = float(spine_centre(build, coarse.z[level])) - 25 * build.size[1]
        row = int(np.abs(coarse.y - before_spine).argmin())
        nearest.append(shapes.right[level, row - 2 : row + 2].min())
    assert -8 < min(nearest) and max(nearest) < 25 and np.median(nearest) < 14


def test_recesses_are_deep_in_some_and_shallow_in_others():
    recess = np.array([draw_shapes((107, k), draw_build((107, k), "male", 50.0)).recess[1:3] for k in range(10)])
    for depth, spread in zip(recess.T, (15, 15), strict=True):
        assert np.ptp(depth) > spread
