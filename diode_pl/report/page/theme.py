"""Figures of Matplotlib as SVG inside of a page, whose colors follow the page: light or dark."""

import html
import io
import re
import textwrap
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text

# Stand-ins, each of which becomes a variable of the style sheet. Matplotlib writes colors as they are given.
INK, MUTED, GRID = "#0a0b01", "#0a0b02", "#0a0b03"
SERIES = tuple(f"#0a0b1{i}" for i in range(8))
_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line"} | {c: f"--c{i}" for i, c in enumerate(SERIES)}
_COLUMN, _LINE = 22, 46  # characters that a legend has room for: in one of three columns, in a line
_STYLE: Any = {  # of keys that Matplotlib lists one by one
    "svg.fonttype": "none",  # text stays text: small, and in the font of the page
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called $5
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}


def new_figure(width: float = 5.2, height: float = 2.9) -> tuple[Figure, Axes]:
    """A figure of ``width`` x ``height`` inches with axes in the style of the page, without pyplot's global state."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=72, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.grid(True, axis="y", color=GRID)
    return figure, axes


def to_svg(figure: Figure, label: str) -> str:
    """An ``<svg>`` element with what it shows as its label, in the colors of the page.

    Args:
        figure: of :func:`new_figure`.
        label: for those who cannot see it; salts its ids, so that those of two figures differ.
    """
    file = io.StringIO()
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": label}):
        figure.patch.set_alpha(0)
        for each in figure.findobj(Text):
            each.set_parse_math(False)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue().partition("<svg")[2]
    text = f"<svg{text}"
    for pattern in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->", r' xmlns:xlink="[^"]*"'):
        text = re.sub(pattern, "", text, flags=re.S)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    text = text.replace("xlink:href", "href")
    # Ids such as figure_1 and axes_1 are the same in every figure, and nothing refers to them.
    text = re.sub(r' id="[\w.]+_\d+"', "", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r'(<svg [^>]*?)width="[^"]*pt"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)height="[^"]*pt"', r"\1", text, count=1)
    text = re.sub(r"\s+", " ", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def add_legend(axes: Axes, columns: int = 1) -> None:
    """A legend below the axes: inside, it would lie over lines. Names too long for it take a line more."""
    longest = max((len(label) for label in axes.get_legend_handles_labels()[1]), default=0)
    columns = columns if longest <= _COLUMN else 1
    legend = axes.figure.legend(loc="outside lower left", ncols=columns, frameon=False, fontsize=8.5, labelcolor=INK)
    for text in legend.get_texts():
        text.set_text(textwrap.fill(text.get_text(), _LINE))
