"""How every figure looks and is written: a journal's column widths, 8-point letters as wide as Arial's, no dates.

Each file contains its alternative text for readers who cannot see it: a PNG as ``Description``, a PDF as ``Subject``.
No figure has a title: its caption is in files beside it, one to read and one for LaTeX. A figure of a synthetic run
carries that word, and what of it is real nevertheless: at its foot, in caption, alternative text and the file's
metadata.
A figure without anything to show is not written; a line says what was missing.

Figures are made without pyplot, so none stays open, and a user's matplotlib settings do not affect them.
"""

import functools
import io
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from study.figures import captions
from study.figures.letters import FONT
from study.files import whole, write_text
from study.results.words import abbreviations, with_minus
from study.run import mark_of, run_of, tier_of

COLUMN_MM = {"single": 85.0, "double": 174.0}
FOOT_MM = 3.4  # what a word at the foot of a figure takes

COLOURS = {
    "severe": "#CC3311",
    "non-severe": "#009988",
    "ink": "#222222",
    "faint": "#8A8A8A",
    "first": "#0072B2",
    "second": "#E69F00",
    "third": "#882255",
    "fourth": "#009E73",
}
MARKERS = {"severe": "o", "non-severe": "s"}
SERIES = [("first", "-", "o"), ("second", "--", "s"), ("third", "-.", "D"), ("fourth", ":", "^")]

STYLE = {
    "font.family": [FONT, "DejaVu Sans"],  # the latter, which comes with matplotlib, for letters that the first lacks
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "figure.titlesize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "patch.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.edgecolor": COLOURS["ink"],
    "axes.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["ink"],
    "ytick.color": COLOURS["ink"],
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": "standard",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "pdf.compression": 6,
    "axes.unicode_minus": True,
}


class SteadyLayout(ConstrainedLayoutEngine):
    """The constrained layout, to the same digit each time.

    Its solver goes by the order of addresses in memory, which is another in each process, and the last bit of what it
    finds hangs on that order: enough for another shade at the edge of a line, and so for another file.
    """

    def execute(self, fig):
        """Lay out, and place all axes to a billionth of the figure."""
        laid_out = super().execute(fig)
        for ax in fig.axes:
            place = ax.get_position(original=True).bounds
            is_laid_out = ax.get_in_layout()
            ax.set_position([round(float(part), 9) for part in place], which="original")
            ax.set_in_layout(is_laid_out)  # which setting a place by hand ends
        return laid_out


class ColumnFigure(Figure):
    """A figure that shows itself in a notebook without pyplot, which would keep it open."""

    _alt = ""
    caption = ""  # what its drawing function says under it, without number: a title, then how to read it
    mark = ""  # a word about the data that it carries
    real = ""  # what the word does not hold for, in the plural

    @property
    def foot(self):
        """What stands at its foot: ``synthetic``, or ``synthetic, but the experts' masks are real``."""
        return f"{self.mark}, but {self.real} are real" if self.mark and self.real else self.mark

    @property
    def data(self):
        """The foot as words about the data: ``synthetic data``."""
        return self.foot.replace(self.mark, f"{self.mark} data", 1) if self.mark else ""

    @property
    def alt(self):
        """What it shows, for a reader who cannot see it; if its drawing function gave none, the words in it."""
        words = (" ".join(text.get_text().split()) for text in self.findobj(Text))
        alt = self._alt or "; ".join(dict.fromkeys(word for word in words if word and word != self.foot))
        return f"{alt} ({self.data})" if self.mark else alt

    @alt.setter
    def alt(self, words):
        self._alt = words

    @property
    def missing(self):
        """What was missing, if no panel shows anything; else ""."""
        said = [getattr(ax, "missing", "") for ax in self.axes]
        return "; ".join(dict.fromkeys(said)) if said and all(said) else ""

    def __repr__(self):
        return f"not drawn: {self.missing}" if self.missing else super().__repr__()

    def draw(self, renderer):
        """Draw; while it is saved, only lay out at first: `savefig` has all drawn twice, first into the void."""
        engine = self.get_layout_engine()
        if self.canvas.is_saving() and isinstance(engine, SteadyLayout):
            engine.execute(self)
        else:
            super().draw(renderer)

    def _repr_png_(self):
        if self.missing:
            return None
        picture = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(picture, format="png", dpi=150, metadata={"Software": None, "Description": self.alt})
        return picture.getvalue()


def _write_one_minus(figure):
    for text in figure.findobj(Text):
        if (words := with_minus(text.get_text())) != text.get_text():
            text.set_text(words)
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        formatter = axis.get_major_formatter()
        if isinstance(formatter, FuncFormatter):  # of ticks with words, which are written anew whenever it is drawn
            formatter.func = functools.partial(_with_one_minus, formatter.func)


def _with_one_minus(write, place, position=None):
    return with_minus(write(place, position))


def styled(draw):
    """Run a drawing function under ``STYLE``, whatever the caller's matplotlib settings are.

    Every minus in its words is written as matplotlib writes those of its axes.
    """

    @functools.wraps(draw)
    def under_style(*args, **kwargs):
        # the defaults first: a user's matplotlibrc must not affect the figures of the paper
        with matplotlib.rc_context():
            matplotlib.rcParams.update({k: v for k, v in matplotlib.rcParamsDefault.items() if "backend" not in k})
            matplotlib.rcParams.update(STYLE)
            drawn = draw(*args, **kwargs)
            if isinstance(drawn, ColumnFigure):
                _write_one_minus(drawn)
                drawn.caption = with_minus(drawn.caption)
            return drawn

    return under_style


def new_figure(column, height_mm):
    """Make an empty figure, one ("single", 85 mm) or two ("double", 174 mm) journal columns wide."""
    figure = ColumnFigure(figsize=(COLUMN_MM[column] / 25.4, height_mm / 25.4), layout=SteadyLayout())
    FigureCanvasAgg(figure)
    return figure


def _carry(fig, word):
    """Write a word small at the right of a figure's foot, in a strip of its own below what is drawn."""
    if not word or fig.mark:
        return
    fig.mark = word
    engine, height = fig.get_layout_engine(), fig.get_figheight()
    if isinstance(engine, SteadyLayout):  # a figure with places of its own has a margin
        fig.set_figheight(height + FOOT_MM / 25.4)
        share = FOOT_MM / 25.4 / fig.get_figheight()
        left, foot, width, inner = engine.get()["rect"]  # what a figure keeps free itself remains free
        engine.set(rect=(left, share + foot * (1 - share), width, inner * (1 - share)))
        if fig.legends:  # those below all panels lie at the figure's edge whatever the rectangle is: move them up
            fig.draw_without_rendering()
            fig.set_layout_engine(None)
            for key in fig.legends:
                key.set_bbox_to_anchor((0, share, 1, 1 - share), fig.transFigure)
    right, low = 1 - 1 / (25.4 * fig.get_figwidth()), 0.4 / (25.4 * fig.get_figheight())
    fig.text(right, low, fig.foot, fontsize=8, color=COLOURS["faint"], ha="right", va="bottom", in_layout=False)


@styled
def save(fig, folder, name, of_phantoms=False):
    """Write ``<folder>/<name>.png`` (300 dpi) and ``.pdf`` (embedded TrueType fonts), each with the alternative text.

    Its caption is beside them: ``<name>.caption.md``, and ``<name>.tex``, which sets the figure in a LaTeX manuscript.
    The files contain no date and no software version: the same figure gives the same bytes. Each is written under a
    temporary name first, so that no one reads half a figure. A figure that has nothing to show is not written, nor is
    one ``of_phantoms`` among those of patients; a line is printed instead, and an earlier figure of this name removed.

    Returns
    -------
    list of Path
        Picture and PDF, and the two files of the caption; empty if it was not written.
    """
    run = run_of(folder)
    among_patients = of_phantoms and run is not None and tier_of(run.cohort) != "synthetic"
    if why_not := "it shows phantoms, and these are patients" if among_patients else fig.missing:
        for kind in ("png", "pdf", "caption.md", "tex"):
            (Path(folder) / f"{name}.{kind}").unlink(missing_ok=True)
        print(f"{name.replace('_', ' ')} is left out: {why_not}")
        return []
    _carry(fig, mark_of(folder))
    written = []
    for kind in ("png", "pdf"):
        path = Path(folder) / f"{name}.{kind}"
        with whole(path) as partial:
            write(fig, partial, kind, name.replace("_", " "))
        written.append(path)
    for kind, text in captions.files(name, whole_caption(fig), 25.4 * fig.get_figwidth()).items():
        written.append(Path(folder) / f"{name}.{kind}")
        write_text(written[-1], text)
    return written


def whole_caption(fig):
    """A figure's caption, with what the abbreviations in it and in the picture mean, and whether data are synthetic."""
    said = fig.caption or fig.alt
    drawn = [text.get_text() for text in fig.findobj(Text) if text.get_visible() and text.get_text() != fig.foot]
    data = f"{fig.data[:1].upper()}{fig.data[1:]}." if fig.mark and fig.caption else ""
    return " ".join(filter(None, [said, abbreviations([said], drawn, defined=said), data]))


@styled
def write(fig, path, kind, title=""):
    """Write a figure as it is, under any name; as `save` does it.

    Parameters
    ----------
    fig : ColumnFigure
    path : path
    kind : {"png", "pdf"}
    title : str
        In the PDF's properties.
    """
    said = {
        "png": {"Software": None, "Description": fig.alt},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Title": title, "Subject": fig.alt},
    }
    if fig.mark:
        said["png"]["Source"] = said["pdf"]["Keywords"] = fig.data
    fig.savefig(path, format=kind, dpi=300, metadata=said[kind])


def say_missing(ax, words):
    """Write into an empty panel what is missing, in place of empty axes."""
    ax.missing = words
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color=COLOURS["faint"], wrap=True)
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    ax.spines[:].set_visible(False)
