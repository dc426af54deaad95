"""The healthy thorax of a small sample: volumes, lobes, density and findings, in the ranges of people."""

from dataclasses import replace

import numpy as np
import pytest

from study.phantom.body import background
from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.build import draw_build
from study.phantom.body.fields import Grid
from study.phantom.body.findings import FINDINGS
from study.phantom.body.lobes import LOBES, draw_lobes
from study.phantom.body.shape import draw_shapes

# Shares of the lung volume in 32 people lying down, %: Yamada et al., Respiration 2020;99:598
LOBE_SHARES = dict(RUL=17.9, RML=9.3, RLL=26.5, LUL=23.1, LLL=23.2)


@pytest.fixture(scope="module")
def people():
    """They hold a deep breath and have no emphysema, as the people of the references."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FINDINGS, "held", replace(FINDINGS["ordinary"], free_breathing=0.0, emphysema=0.0))
        return [
            draw_anatomy((81, k), ("female", "male")[k % 2], 25.0 + 7 * k, 64, 350.0, 2.5, "held") for k in range(8)
        ]


def lobe_shares(anatomy):
    volumes = np.bincount(anatomy.lobe, weights=anatomy.share, minlength=6)
    assert volumes[0] == 0  # every voxel of lung has its lobe
    return volumes[1:] / volumes.sum()


def test_lungs_hold_two_and_a_half_to_seven_litres(people):
    litres = [a.share.sum() * np.prod(a.grid.spacing_mm) / 1e6 for a in people]
    assert 2.5 < min(litres) and max(litres) < 7 and max(litres) / min(litres) > 1.3


def test_the_right_lung_is_the_larger(people):
    right = np.array([lobe_shares(a)[:3].sum() for a in people])
    assert 0.505 < right.mean() < 0.555 and (right > 0.49).all()


def test_lobes_have_the_shares_of_people(people):
    shares = 100 * np.mean([lobe_shares(a) for a in people], axis=0)
    np.testing.assert_allclose(shares, [LOBE_SHARES[name] for name in LOBES], atol=3.5)


def test_lobes_lie_where_they_should(people):
    for a in people:
        where = np.unravel_index(a.inside, a.grid.shape)
        z, y, x = (
            [axis[i[a.lobe == k]].mean() for k in range(1, 6)] for axis, i in zip(a.grid.axes, where, strict=True)
        )
        assert max(x[:3]) < 0 < min(x[3:])  # right, then left
        assert z[0] > z[1] > z[2] and z[3] > z[4]  # upper above middle above lower
        assert y[1] < y[0] < y[2] and y[3] < y[4]  # the middle lobe in front, the lower behind


def test_fissures_are_thin_and_denser_than_lung():
    a = draw_anatomy((82,), "female", 40.0, 128, 350.0, 2.5)
    where = np.unravel_index(a.inside, a.grid.shape)
    z, y, x = (axis[i].astype(np.float32) for axis, i in zip(a.grid.axes, where, strict=True))
    _, fissure_mm = draw_lobes(a.shapes, (82,), z, y, x, a.speckle)
    at, beside = (np.median(a.parenchyma[(fissure_mm >= low) & (fissure_mm < low + 1)]) for low in (0, 5))
    assert 15 < at - beside < 300


def test_lung_is_denser_where_it_depends(people):
    front, back = [], []
    for a in people:
        y = a.grid.y[np.unravel_index(a.inside, a.grid.shape)[1]]
        deep = (a.depth > 8) & (a.vessel < 0.02)
        low, high = np.quantile(y[deep], (0.1, 0.9))
        front.append(np.median(a.parenchyma[deep & (y < low)]))
        back.append(np.median(a.parenchyma[deep & (y > high)]))
    assert np.mean(front) == pytest.approx(-870, abs=35) and np.mean(back) == pytest.approx(-820, abs=35)
    assert np.mean(back) - np.mean(front) == pytest.approx(50, abs=20) and (np.array(back) > front).all()


def test_gas_in_the_stomach_and_a_table_under_the_back(people):
    with_gas = 0
    for a in people:
        assert (a.outside > -950).any() and (a.outside[: len(a.grid.y) // 2] < -950).all()
        hu = a.hu.copy()
        hu.ravel()[a.inside] = 0
        under = a.grid.z < min(a.shapes.dome) - 5
        hu = hu[under][:, np.abs(a.grid.y) < 60][:, :, (a.grid.x > 0) & (a.grid.x < 100)]
        with_gas += (hu < -600).sum() * np.prod(a.grid.spacing_mm) > 1000
    assert with_gas >= len(people) / 2


def test_people_differ():
    builds = [draw_build((83, k), ("female", "male")[k % 2], 50.0) for k in range(200)]
    assert 0.65 < np.mean([b.arms_up for b in builds]) < 0.9
    assert np.std([b.bmi for b in builds]) > 2 and np.std([b.half_width for b in builds]) > 4


def test_effusion_in_a_few_emphysema_in_some():
    build = draw_build((84,), "male", 70.0)
    shapes = draw_shapes((84,), build)
    grid = Grid(*(np.arange(-100.0, 101, 50),) * 3, (50.0,) * 3)
    fluid = [background.effusion(shapes, *grid.open(), (85, k)) for k in range(400)]
    assert 0.02 < np.mean([f is not None for f in fluid]) < 0.09
    most = np.array([f.max() for f in fluid if f is not None])
    assert most.max() < 91 and 0.5 < np.mean(most < 31) < 1  # mm

    rng = np.random.default_rng(1)
    z, y, x = rng.uniform((-100, -80, -100), (80, 90, 100), (1500, 3)).T
    holes = []
    for k in range(150):
        hu = np.full(1500, -850.0)
        background.add_findings(
            hu, z, y, x, np.full(1500, 20.0), np.full(1500, 50.0), lambda rng, _: rng.standard_normal(1500),
            shapes, (86, k), 2.7,
        )  # fmt: skip
        holes.append((hu < -930).mean())
    assert 0.1 < np.mean(np.array(holes) > 0.02) < 0.5 and max(holes) < 0.8
