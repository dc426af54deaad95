"""A scan and its label map in 3D, to rotate and slice in JupyterLab, below a still picture.

Two viewers are supported: itkwidgets, whose browser part `study.lab.viewer_files` installs, and ipyniivue. The first
one that works is used, and a line says which and why. Outside a browser, as when the whole study runs, only the picture
is shown.
"""

import itertools
import sys
import types
from importlib.util import find_spec

import numpy as np

from study.figures.one_section import LUNG_WINDOW_HU, draw_section, of_one_scan
from study.figures.style import COLUMN_MM, new_figure, styled
from study.lab import viewer_files
from study.lab.play.panel import in_browser
from study.scans.ct import scan_from_array
from study.scans.labels import INFECTION, LUNG

COLOURS = {"background": (0, 0, 0, 0), "lung": (51, 187, 238, 60), "infection": (230, 25, 25, 255)}


def show(hu, label_map, spacing_mm):
    """Show a scan and its label map: a still picture of three planes and, in JupyterLab, a viewer below it.

    Parameters
    ----------
    hu, label_map, spacing_mm
        As for :func:`study.lab.play.scroll.panel`.

    Raises
    ------
    ValueError
        If the two arrays are not of one shape.
    """
    from IPython.display import display

    hu, label_map = of_one_scan(hu, label_map)
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
            except Exception as error:  # whatever goes wrong in one viewer, the next is tried
                reason = f"{name} failed: {type(error).__name__}: {error}"
        if not reason:
            print(f"Shown by {name}" + "".join(f"; {words}" for words in reasons) + ".")
            return
        reasons.append(reason)
    print("Only the picture above is shown: " + "; ".join(reasons) + ".")


def missing(name):
    """Say what a viewer lacks in this environment, with the remedy; empty if nothing is missing."""
    if not find_spec(name):
        return f"{name} is not installed (make lab installs it)"
    if name == "itkwidgets" and not viewer_files.installed():
        return "itkwidgets' viewer is not installed (make lab fetches it if npm is there)"
    return ""


@styled
def three_planes(hu, label_map, spacing_mm):
    """Draw the axial, coronal and sagittal section through the middle of the infection; if there is none, of the lung.

    Parameters
    ----------
    hu, label_map, spacing_mm
        As for :func:`show`.
    """
    z, y, x = _middle(label_map)
    dz, dy, dx = spacing_mm
    planes = {
        "axial": (hu[z], label_map[z], (dy, dx), "RLAP"),
        "coronal": (hu[::-1, y], label_map[::-1, y], (dz, dx), "RLHF"),
        "sagittal": (hu[::-1, :, x], label_map[::-1, :, x], (dz, dy), "APHF"),
    }
    sizes = [(section.shape[0] * step[0], section.shape[1] * step[1]) for section, _, step, _ in planes.values()]
    # All three have the same scale: they share the column in proportion to their widths.
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
    """The voxel nearest the middle of the infection, else of the lung, else of the scan."""
    for mask in (label_map == INFECTION, label_map >= LUNG):
        if mask.any():
            voxels = np.argwhere(mask)
            return voxels[np.square(voxels - voxels.mean(axis=0)).sum(axis=1).argmin()]
    return np.array(label_map.shape) // 2


def _itkwidgets(hu, label_map, spacing_mm):
    # itkwidgets only tests whether this package can be imported; nothing here needs it.
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
    # Until it is told that the viewer is there, itkwidgets delays every later cell of the notebook.
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
