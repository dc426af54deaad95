"""Controls above a picture: move one and see what follows.

    from study.play import cutoff
    cutoff.panel(scores, is_severe)

Each module has one `panel`. What it shows is computed by the study's own measures. Where no browser asks, as when the
whole study runs, a panel is its picture and nothing else: an executed notebook keeps what a page without a program
behind it can show.
"""

import base64
import html
import io
from collections.abc import Callable

import ipywidgets

from study.lab.frontend import in_browser

__all__ = ["Panel"]

DPI = 120  # of the picture while it moves: sharp enough, and drawn in a tenth of a second
WIDE = {"style": {"description_width": "9em"}, "layout": ipywidgets.Layout(width="32em")}


class Panel(ipywidgets.VBox):
    """Controls, the words that say what they lead to, and a picture.

    Parameters
    ----------
    controls : dict of str to ipywidgets widget
        By the name of the argument of `draw` that takes the control's value.
    draw : callable
        ``draw(**values)`` changes the figure and returns words for it: one line with the numbers.
    figure : study.figures.style.ColumnFigure
        What `draw` draws into. Its axes keep their places after the first time.
    arrangement : list of ipywidgets widget, optional
        How the controls stand; one below the other unless given.

    Attributes
    ----------
    controls : dict
        A control moves by ``panel.controls[name].value = ...``, in a program as under a hand.
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
