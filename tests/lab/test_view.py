"""The still picture of a scan in three planes, and the message where there is no viewer."""

import numpy as np
import pytest

from study.lab import view, viewer_files


@pytest.fixture
def scan(chest):
    hu = chest((6, 24, 28))
    label_map = (hu < -700).astype(np.uint8) * (np.abs(np.arange(28) - 14) < 11)
    label_map[3:5, 8:12, 6:10] *= 2
    return {"hu": hu, "label_map": label_map, "spacing_mm": (5.0, 2.0, 1.5)}


def test_the_three_planes_go_through_the_infection_and_the_head_is_up(scan):
    axial, coronal, sagittal = (ax.images[0].get_array() for ax in view.three_planes(**scan).axes)
    z, y, x = 3, 9, 7  # one of the voxels nearest the middle of the box 3:5, 8:12, 6:10
    assert axial.shape == (24, 28) and np.array_equal(axial, scan["hu"][z])
    assert coronal.shape == (6, 28) and np.array_equal(coronal, scan["hu"][::-1, y])
    assert sagittal.shape == (6, 24) and np.array_equal(sagittal, scan["hu"][::-1, :, x])


def test_all_planes_are_of_one_scale(scan):
    figure = view.three_planes(**scan)
    figure.canvas.draw()
    scales = [ax.get_window_extent().width / np.ptp(ax.get_xlim()) for ax in figure.axes]
    assert scales == pytest.approx([scales[0]] * 3, rel=0.02)


@pytest.mark.parametrize("highest", [1, 0])
def test_without_infection_the_lung_is_shown_and_without_lung_the_middle(scan, highest):
    figure = view.three_planes(scan["hu"], np.minimum(scan["label_map"], highest), scan["spacing_mm"])
    assert len(figure.axes) == 3


def test_arrays_of_different_shape_are_refused(scan):
    with pytest.raises(ValueError, match="one scan's"):
        view.show(scan["hu"], scan["label_map"][1:], scan["spacing_mm"])


def test_where_no_browser_asks_the_picture_is_all(scan, capsys):
    view.show(**scan)
    assert "in JupyterLab (make lab)" in capsys.readouterr().out


def test_what_a_viewer_lacks_is_said(monkeypatch, tmp_path):
    assert "not installed" in view.missing("no_such_viewer")
    assert not viewer_files.installed(tmp_path)
    if view.find_spec("itkwidgets"):
        monkeypatch.setattr(view.sys, "prefix", str(tmp_path))
        assert "make lab fetches it" in view.missing("itkwidgets")
