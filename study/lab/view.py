"""A scan and its label map in three dimensions, to turn and cut in JupyterLab; and always a still picture.

Two viewers are known: itkwidgets, whose program for the browser `study.lab.viewer_files` installs, and ipyniivue. The
first that works is taken, itkwidgets before ipyniivue, and which and why is said. Where no browser asks, as when the
whole study runs, the picture is all.
"""

import itertools
import sys
import types
from importlib.util import find_spec

import numpy as np

from study.figures.sections import LUNG_WINDOW_HU, draw_section
from study.figures.style import COLUMN_MM, new_figure, styled
from study.lab import viewer_files
from study.lab.frontend import in_browser
from study.scans.ct import scan_from_array
from study.scans.labels import INFECTION, LUNG

COLOURS = {"background": (0, 0, 0, 0), "lung": (51, 187, 238, 60), "infection": (230, 25, 25, 255)}


def show(hu, label_map, spacing_mm):
    """Show a scan and its label map: a still picture of three planes and, in JupyterLab, a viewer below it.

    Parameters
    ----------
    hu : array (z, y, x), HU
    label_map : uint8 array (z, y, x)
        0 background, 1 lung, 2 infection.
    spacing_mm : tuple
        (z, y, x).

    Raises
    ------
    ValueError
        If the two arrays are not of one shape.
    """
    from IPython.display import display

    hu, label_map = np.asarray(hu), np.asarray(label_map)
    display(three_planes(hu, label_map, spacing_mm))
    if not in_browser():
        print("To turn the scan in three dimensions, run this cell in JupyterLab (make lab).")
        return
    reasons = []
    for name, viewer in VIEWERS.items():
        reason = missing(name)
        if not reason:
            try:
                viewer(hu, label_map, spacing_mm)
            except Exception as error:  # whatever goes wrong in a viewer, the notebook goes on with the next
                reason = f"{name} failed: {type(error).__name__}: {error}"
        if not reason:
            print(f"Shown by {name}" + "".join(f"; {words}" for words in reasons) + ".")
            return
        reasons.append(reason)
    print("The picture above is all: " + "; ".join(reasons) + ".")


def missing(name):
    """Say what a viewer lacks in this environment, with the remedy; empty if nothing."""
    if not find_spec(name):
        return f"{name} is not installed (make lab installs it)"
    if name == "itkwidgets" and not viewer_files.installed():
        return "itkwidgets' viewer is not installed (make lab fetches it, where there is npm)"
    return ""


@styled
def three_planes(hu, label_map, spacing_mm):
    """Draw the axial, coronal and sagittal section through the middle of the infection; without one, of the lung.

    Parameters
    ----------
    hu, label_map, spacing_mm
        As for :func:`show`.
    """
    hu, label_map = np.asarray(hu), np.asarray(label_map)
    if hu.ndim != 3 or hu.shape != label_map.shape:
        raise ValueError(f"hu {hu.shape} and label_map {label_map.shape} must be one scan's (z, y, x)")
    z, y, x = _middle(label_map)
    dz, dy, dx = spacing_mm
    planes = {
        "axial": (hu[z], label_map[z], (dy, dx), "RLAP"),
        "coronal": (hu[::-1, y], label_map[::-1, y], (dz, dx), "RLHF"),
        "sagittal": (hu[::-1, :, x], label_map[::-1, :, x], (dz, dy), "APHF"),
    }
    sizes = [(section.shape[0] * step[0], section.shape[1] * step[1]) for section, _, step, _ in planes.values()]
    # All three in one scale: the widths share the column as the sections do.
    scale = COLUMN_MM["double"] / sum(width for _, width in sizes)
    figure = new_figure("double", 6 + scale * max(height for height, _ in sizes))
    axes = figure.subplots(1, 3, width_ratios=[width for _, width in sizes])
    for ax, (name, (section, labels, step, letters)) in zip(axes, planes.items(), strict=True):
        draw_section(ax, section, step, labels, letters=letters)
        ax.set_title(name)
        ax.set_anchor("N")
    places = ", ".join(f"{name} {k * step:.0f} mm" for name, k, step in zip(planes, (z, y, x), spacing_mm, strict=True))
    figure.alt = f"Three planes through a chest CT ({places}), lung outlined in blue, infection in red."
    return figure


def _middle(label_map):
    """Voxel of the infection, else of the lung, else of the scan, that is nearest the middle of it."""
    for mask in (label_map == INFECTION, label_map >= LUNG):
        if mask.any():
            voxels = np.argwhere(mask)
            return voxels[np.square(voxels - voxels.mean(axis=0)).sum(axis=1).argmin()]
    return np.array(label_map.shape) // 2


def _itkwidgets(hu, label_map, spacing_mm):
    # It only asks whether this package, which nothing here needs, can be imported.
    sys.modules.setdefault("imjoy_elfinder", types.ModuleType("imjoy_elfinder"))
    import itkwidgets.viewer
    import ngff_zarr
    from itkwidgets.cell_watcher import CellWatcher

    itkwidgets.viewer.ITK_VIEWER_SRC = viewer_files.VIEWER  # there is no setting for it
    place = {"dims": ("z", "y", "x"), "scale": dict(zip("zyx", map(float, spacing_mm), strict=True)),
             "translation": dict.fromkeys("zyx", 0.0)}  # fmt: skip
    shown = itkwidgets.view(
        image=ngff_zarr.to_ngff_image(hu, **place),
        label_image=ngff_zarr.to_ngff_image(label_map.astype(np.uint8), **place),
        view_mode="ZPlane",
        cmap="Grayscale",
        label_blend=0.6,
        ui={"uiMachineOptions": {"href": viewer_files.CONTROLS, "export": "default"}},
    )
    # Until it is told so, itkwidgets holds back every later cell of the notebook.
    CellWatcher().update_viewer_status(shown.name, True)


def _ipyniivue(hu, label_map, spacing_mm):
    import nibabel
    from ipyniivue import NiiVue
    from ipyniivue.traits import LUT
    from IPython.display import display

    scan = scan_from_array(hu, spacing_mm)
    files = (
        nibabel.Nifti1Image(scan.grid.to_stored(array), scan.affine).to_bytes()
        for array in (scan.hu, label_map.astype(np.uint8))
    )
    level, width = LUNG_WINDOW_HU
    colours = LUT(lut=[*itertools.chain(*COLOURS.values())], min=0, max=INFECTION, labels=list(COLOURS))
    viewer = NiiVue(height=420, is_radiological_convention=True)
    viewer.load_volumes([
        {"data": next(files), "name": "scan.nii", "cal_min": level - width / 2, "cal_max": level + width / 2},
        {"data": next(files), "name": "label_map.nii", "colormap_label": colours, "opacity": 0.5},
    ])  # fmt: skip
    display(viewer)


VIEWERS = {"itkwidgets": _itkwidgets, "ipyniivue": _ipyniivue}
