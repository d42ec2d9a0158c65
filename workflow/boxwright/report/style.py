"""The look of every figure: one style, colours for classes and models, SVG that is readable on light and dark pages.

A figure has its own background. Text, frame and background use four colours of the light theme; the SVG carries a style
sheet that replaces them if the reader prefers dark pages. Programs without style sheets show the light figure. Text
stays text, in the fonts of the reader's system.
"""

import io
import warnings
from collections.abc import Callable, Iterable
from functools import wraps

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boxwright.images.drawing import colour

# Light and dark value of each role. No other colour of a figure may have the light value of one of them.
INK, MUTED, GRID, PAPER = "#1c2530", "#667382", "#dde3ea", "#fefefe"
DARK = {INK: "#e8edf3", MUTED: "#9aa7b6", GRID: "#323d4b", PAPER: "#161c24"}
# Good, bad and neutral marks: distinct under all common kinds of colour blindness, readable on both backgrounds.
GOOD, BAD, PLAIN = "#1b85c4", "#d9631e", "#7b8794"
THIRD = "#0d9e74"  # beside good and bad, where there are three of a kind
FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif'
WIDTH = 9.6  # inches: 922 pixels on a page, which fits beside the report's menu

# Okabe and Ito's colours, in another order than for classes: classes and models never share a figure.
_MODELS = ("#1b85c4", "#d9631e", "#0d9e74", "#b86ba0", "#e09b00", "#56b4e9")

_RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "boxwright",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",  # wider than the page's fonts, so nothing is clipped there
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 9.5,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "text.color": INK,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
}


def drawing(draw_figure: Callable[..., Figure]) -> Callable[..., bytes]:
    """Decorate a function that draws a matplotlib Figure: it draws in this style and returns an SVG file's bytes.

    Equal arguments give equal bytes.
    """

    @wraps(draw_figure)
    def draws(*arguments, **options) -> bytes:
        with matplotlib.rc_context(_RC), warnings.catch_warnings():
            # The page's fonts have the letters that matplotlib's font lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            return _svg(draw_figure(*arguments, **options))

    return draws


def canvas(height: float = 4.4, rows: int = 1, columns: int = 1, **grid) -> tuple[Figure, np.ndarray]:
    """A figure of the usual width and `height` in inches, and its axes [rows, columns]; `grid` as in `subplots`."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.14, wspace=0.03, hspace=0.03)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def message(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure, ((axes,),) = canvas(height=1.4)
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=MUTED, transform=axes.transAxes, wrap=True)
    return figure


def class_colour(class_id: int) -> str:
    """The colour of a class, as `#rrggbb`: the same as for its boxes on images."""
    return "#{:02x}{:02x}{:02x}".format(*colour(class_id))


def model_colour(index: int) -> str:
    """The colour of the model at this position in the configuration."""
    return _MODELS[index] if index < len(_MODELS) else class_colour(index + 3)


def short(text: str, most: int = 26) -> str:
    """A name, shortened to fit beside an axis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def no_grid(axes: Axes, *names: str) -> None:
    """Remove the grid lines of the axes "x" or "y"."""
    for name in names:
        axes.grid(False, axis=name)


def bar_labels(
    axes: Axes, positions: Iterable[float], values: Iterable[float], texts: Iterable[str], size: float = 9
) -> None:
    """Write texts of this font size after the ends of horizontal bars."""
    for position, value, text in zip(positions, values, texts, strict=True):
        axes.annotate(
            text, (value, position), xytext=(5, 0), textcoords="offset points", va="center", color=INK, fontsize=size
        )


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue().decode()
    head, start, rest = text.partition("<defs>")
    return f"{head}<style>{_sheet()}</style>\n {start}{rest}".encode()


def _sheet() -> str:
    exchanged = "".join(
        f'[style*="fill: {light}"]{{fill:{dark}!important}}[style*="stroke: {light}"]{{stroke:{dark}!important}}'
        for light, dark in DARK.items()
    )
    return f"text{{font-family:{FONTS}!important}}@media(prefers-color-scheme:dark){{{exchanged}}}"
