"""Controls above a picture: move one and see what follows.

    from study.lab.play import cutoff
    cutoff.panel(scores, is_severe)

Each module has one `panel`, which shows what the study's own functions compute. Outside a browser, as when the whole
study runs, a panel is only its picture: an executed notebook keeps what a page without a kernel can show.
"""

import base64
import html
import io
from collections.abc import Callable

import ipywidgets

__all__ = ["Panel"]

DPI = 120  # of the picture while it moves: sharp enough, and drawn in a tenth of a second
WIDE = {"style": {"description_width": "9em"}, "layout": ipywidgets.Layout(width="32em")}


def in_browser():
    """Tell whether a notebook's page asked for this cell, so that there is a reader to show controls and viewers to.

    JupyterLab and similar pages name the cell in each request; papermill and nbconvert, which execute a notebook and
    keep its outputs, do not. Outside a notebook it is False.
    """
    from IPython import get_ipython

    request = getattr(get_ipython(), "get_parent", dict)()  # only a notebook's kernel has it
    return "cellId" in request.get("metadata", {})


class Panel(ipywidgets.VBox):
    """Controls, one line with their result, and a picture.

    Parameters
    ----------
    controls : dict of str to ipywidgets widget
        By the argument of `draw` that takes the control's value.
    draw : callable
        ``draw(**values)`` changes the figure and returns one line of words with its numbers.
    figure : study.figures.style.ColumnFigure
        What `draw` draws into. After the first drawing its axes keep their places.
    arrangement : list of ipywidgets widget, optional
        How the controls are laid out; one below the other by default.

    Attributes
    ----------
    controls : dict
        Setting ``panel.controls[name].value`` in a program is the same as moving the control by hand.
    words : ipywidgets.HTML
    picture : ipywidgets.Image
    """

    def __init__(self, controls: dict, draw: Callable, figure, arrangement=None):
        self.controls, self.figure, self._draw = controls, figure, draw
        self.words = ipywidgets.HTML()
        self.picture = ipywidgets.Image(
            format="png", layout=ipywidgets.Layout(align_self="flex-start", max_width="100%")
        )
        super().__init__([*(arrangement or controls.values()), self.words, self.picture])
        self.add_class("study-panel")
        figure.set_dpi(DPI)
        self._show()
        figure.set_layout_engine("none")
        for control in controls.values():
            control.observe(self._show, names="value")

    def _show(self, _change=None):
        self.figure.alt = self._draw(**{name: control.value for name, control in self.controls.items()})
        self.words.value = html.escape(self.figure.alt)
        picture = io.BytesIO()
        self.figure.canvas.print_png(picture)  # savefig would draw twice
        self.picture.value = picture.getvalue()

    def _repr_mimebundle_(self, **kwargs):
        picture = {
            "image/png": base64.b64encode(self.figure._repr_png_()).decode("ascii"),
            "text/plain": self.figure.alt,
        }
        return super()._repr_mimebundle_(**kwargs) | picture if in_browser() else picture
