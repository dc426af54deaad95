"""Infection as radiologists describe it, its truth by lesion, and its sizes compared with expert masks."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from study.phantom import lesion_sizes
from study.phantom.body import lesions
from study.phantom.body.anatomy import draw_anatomy
from study.phantom.body.lesions import KINDS, draw_susceptibility, infect
from study.phantom.body.lobes import LOBES
from study.phantom.body.truth import tissue_biomarkers
from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Disease, Habitus, simulate_scan
from study.scans.grid import ScanError
from study.scans.layouts import LAYOUTS
from study.scans.nifti import save_nifti

PATIENTS = [((91, k), ("female", "male")[k % 2], 30.0 + 6 * k, 64, 350.0, 2.5) for k in range(6)]


def at(anatomy, infection):
    """(z, y, x) in mm of the infected voxels and of all, and their volumes."""
    where = np.unravel_index(anatomy.inside, anatomy.grid.shape)
    places = np.stack([axis[i] for axis, i in zip(anatomy.grid.axes, where, strict=True)])
    return places, anatomy.share * (infection.kind > 0)


@pytest.fixture(scope="module")
def infected():
    """By pattern, of each patient: anatomy, and the infection of 8 % of the lung."""
    made = {"covid": [], "pneumonia": []}
    for key in PATIENTS:
        anatomy = draw_anatomy(*key)
        for pattern, rows in made.items():
            part = draw_susceptibility(anatomy, key[0], pattern)
            rows.append((anatomy, part, infect(anatomy, part, anatomy.parenchyma, 0.08, 0.25, 0.0)))
    return made


def lesser_side(anatomy, infection):
    volume = anatomy.share * (infection.kind > 0)
    right = volume[anatomy.lobe <= 3].sum() / volume.sum()
    return min(right, 1 - right)


def test_covid_is_posterior_basal_subpleural_and_on_both_sides(infected):
    shift, wall, sides = [], [], []
    for anatomy, _, infection in infected["covid"]:
        places, ill = at(anatomy, infection)
        shift.append(np.average(places, axis=1, weights=ill) - np.average(places, axis=1, weights=anatomy.share))
        wall.append([np.average(anatomy.wall < 15, weights=w) for w in (ill, anatomy.share)])
        sides.append(lesser_side(anatomy, infection))
    z, y, _ = np.mean(shift, axis=0)
    assert z < -8 and y > 8  # lower and further back than the lung
    near, everywhere = np.mean(wall, axis=0)
    assert near > everywhere + 0.1
    assert np.mean(np.array(sides) > 0.05) >= 0.5


def test_other_pneumonia_keeps_to_lobes_and_to_one_side(infected):
    most = {}
    for pattern, rows in infected.items():
        shares = []
        for anatomy, _, infection in rows:
            volumes = np.bincount(anatomy.lobe, weights=anatomy.share * (infection.kind > 0), minlength=6)
            shares.append(volumes.max() / volumes.sum())
        most[pattern] = np.mean(shares)
    assert most["pneumonia"] > most["covid"] + 0.05
    one_sided = {name: np.mean([lesser_side(a, i) for a, _, i in rows]) for name, rows in infected.items()}
    assert one_sided["pneumonia"] < one_sided["covid"]


def test_kinds_have_their_densities(infected):
    by_kind = {kind: [] for kind in KINDS}
    for anatomy, part, infection in infected["covid"]:
        excess = part.field - np.interp(0.08, part.reached, part.levels)
        core = (excess > 2 * part.edge) & (anatomy.vessel < 0.02)
        for k, kind in enumerate(KINDS, start=1):
            by_kind[kind].append(infection.parenchyma[core & (infection.kind == k)])
        assert (infection.parenchyma[infection.kind > 0] <= 150).all()
    glass, paved, dense = (np.concatenate(by_kind[kind]) for kind in KINDS[:3])
    assert -700 < np.quantile(glass, 0.1) and np.median(glass) < -400 and np.quantile(glass, 0.9) < -150
    assert -200 < np.quantile(dense, 0.25) and np.quantile(dense, 0.95) < 60
    assert np.median(paved) > np.median(glass) and paved.std() > 50
    assert not np.concatenate(by_kind["band"]).size  # nothing is absorbed yet


def test_absorption_thins_the_glass_and_leaves_bands(infected):
    bands = 0
    for anatomy, part, before in infected["covid"][:3]:
        after = infect(anatomy, part, anatomy.parenchyma, 0.08, 0.25, 1.0)
        np.testing.assert_array_equal(before.kind > 0, after.kind > 0)
        assert not (after.kind == 1 + KINDS.index("crazy paving")).any()
        glass = (before.kind == 1) & (after.kind == 1)
        assert after.parenchyma[glass].mean() < before.parenchyma[glass].mean()
        bands += (after.kind == 1 + KINDS.index("band")).sum()
    assert bands > 0


def test_a_reversed_halo_is_a_dense_ring_about_glass(monkeypatch):
    monkeypatch.setattr(lesions, "HALO_PATIENTS", 1.0)
    anatomy = draw_anatomy(*PATIENTS[0])
    part = draw_susceptibility(anatomy, PATIENTS[0][0], "covid")
    infection = infect(anatomy, part, anatomy.parenchyma, 0.15, 0.3, 0.0)
    halo = infection.kind == 1 + KINDS.index("reversed halo")
    assert halo.any()
    full = np.zeros(anatomy.grid.shape, bool)
    full.ravel()[anatomy.inside] = halo
    inner = ndimage.distance_transform_edt(full, sampling=anatomy.grid.spacing_mm).ravel()[anatomy.inside]
    assert infection.parenchyma[halo & (inner < 4)].mean() > infection.parenchyma[inner > 7].mean() + 50


# truth ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def labelled():
    ask = dict(visit=1, habitus=Habitus("male", 60.0), disease=Disease(extent=0.06, absorbing=0.3))
    plain, named = (simulate_scan((92,), protocol=Protocol(matrix=64), label=label, **ask) for label in (False, True))
    np.testing.assert_array_equal(plain.hu, named.hu)
    assert plain.lesions is None and plain.lesion_table is None
    return named


def test_every_lung_voxel_has_a_lobe_and_every_infected_one_a_lesion(labelled):
    np.testing.assert_array_equal(labelled.lobes > 0, labelled.lung_mask)
    np.testing.assert_array_equal(labelled.lesions > 0, labelled.infection_mask)
    assert set(np.unique(labelled.lobes)) == {0, 1, 2, 3, 4, 5}


def test_lesions_are_the_connected_pieces_with_their_sizes(labelled):
    table = labelled.lesion_table
    assert table["lesion"].tolist() == list(range(1, labelled.lesions.max() + 1))
    assert set(table["kind"]) <= set(KINDS) and set(table["lobe"]) <= set(LOBES)
    assert table["volume_ml"].is_monotonic_decreasing
    for row in table.itertuples():
        piece = labelled.lesions == row.lesion
        assert ndimage.label(piece, np.ones((3, 3, 3)))[1] == 1
        around = ndimage.binary_dilation(piece, np.ones((3, 3, 3))) & labelled.infection_mask
        np.testing.assert_array_equal(around, piece)  # it touches no other
        assert row.volume_ml == pytest.approx(piece.sum() * np.prod(labelled.spacing_mm) / 1000, abs=1e-3)
        assert row.mean_hu == pytest.approx(labelled.hu[piece].mean(), abs=0.06)
        assert row.lobe == LOBES[np.bincount(labelled.lobes[piece], minlength=6)[1:].argmax()]


def test_healthy_lungs_have_lobes_and_no_lesion():
    scan = simulate_scan((92,), 1, Habitus("male", 60.0), Disease(extent=0), Protocol(matrix=64), label=True)
    assert len(scan.lesion_table) == 0 and not scan.lesions.any() and scan.lobes.any()
    assert scan.tissue_poi == 0 and np.isnan(scan.tissue_ihu)


def test_biomarkers_of_the_tissue_by_hand():
    anatomy = SimpleNamespace(share=np.array([1.0, 0.5, 1.0, 0.5]))
    poi, ihu = tissue_biomarkers(anatomy, np.array([True, True, False, False]), np.array([-600.0, -300.0, 7.0, 7.0]))
    assert poi == pytest.approx(0.5) and ihu == pytest.approx(-500)


def test_poi_of_the_tissue_is_the_extent_asked_for(labelled):
    assert labelled.tissue_poi == pytest.approx(0.06, rel=0.01)
    assert -800 < labelled.tissue_ihu < -200
    assert labelled.infection_mask.sum() / labelled.lung_mask.sum() == pytest.approx(labelled.tissue_poi, rel=0.15)


# sizes beside real ones ---------------------------------------------------------------------------------------


def test_sizes_of_a_mask_by_hand():
    mask = np.zeros((4, 10, 10), bool)
    mask[0, 2:4, 1:3] = mask[1, 4, 3] = True  # these two touch at a corner only
    mask[2, 5, 8] = True
    sizes = lesion_sizes.measure_lesions(mask, (8.0, 2.0, 2.0))
    assert sizes["volume_ml"] == pytest.approx(6 * 0.032) and sizes["n_lesions"] == 3 and sizes["n_sections"] == 3
    assert sizes["lesser_side"] == pytest.approx(1 / 6)
    empty = lesion_sizes.measure_lesions(np.zeros((2, 3, 3), bool), (8.0, 1.0, 1.0))
    assert empty["n_lesions"] == empty["volume_ml"] == 0 and np.isnan(empty["lesser_side"])


def test_pixels_are_merged_where_half_of_them_are_infected():
    mask = np.zeros((1, 9, 8), bool)
    mask[0, :4, :2] = mask[0, 4:8, 4] = True
    merged, spacing_mm = lesion_sizes.merge_pixels(mask, (8.0, 0.68, 0.68))
    np.testing.assert_array_equal(merged, [[[True, False], [False, False]]])
    assert spacing_mm == (8.0, 4 * 0.68, 4 * 0.68)


def test_masks_are_read_or_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no mask.*give the folder"):
        lesion_sizes.read_lesions(tmp_path)
    stored = np.zeros((12, 12, 3), np.uint8)
    stored[6:10, 6:10, 1] = 1
    affine = np.diag([-2.7, 2.7, 8.0, 1.0])
    save_nifti(tmp_path / "a_mask.nii.gz", stored, affine)
    sizes = lesion_sizes.read_lesions(tmp_path)
    assert sizes["n_lesions"].tolist() == [1] and sizes["volume_ml"][0] == pytest.approx(16 * 2.7**2 * 8 / 1000)
    save_nifti(tmp_path / "b_ct.nii.gz", stored * 40, affine)
    with pytest.raises(ScanError, match=r"b_ct.*values other than 0 and 1.*give masks"):
        lesion_sizes.read_lesions(tmp_path)


def test_medians_are_within_thirty_per_cent_of_the_experts():
    simulated = lesion_sizes.simulate_lesions(12, seed=3)
    for column in ("volume_ml", "n_lesions", "n_sections"):
        assert simulated[column].median() == pytest.approx(lesion_sizes.EXPERT_QUARTILES[column][1], rel=0.3), column


def test_the_masks_have_the_licence_of_their_layout():
    layout = LAYOUTS["mosmed"]
    assert layout.licence in lesion_sizes.SOURCE and "medRxiv 2020.05.20.20100362" in layout.source
    assert "doi:10.1101/2020.05.20.20100362" in lesion_sizes.SOURCE


def test_quartiles_are_those_of_the_expert_masks(real_data):
    experts = lesion_sizes.read_lesions(real_data / "mosmed" / "masks")
    for column, quartiles in lesion_sizes.EXPERT_QUARTILES.items():
        np.testing.assert_allclose(experts[column].quantile([0.25, 0.5, 0.75]), quartiles, rtol=0.02)
