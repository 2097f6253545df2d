"""Training curves."""

import io
import math
import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from diode_pl.io.atomic import atomic_write

# One color per quantity, after Okabe and Ito: distinguishable with color vision deficiency.
_SCORES = {"val/AP50": "#0072b2", "val/AP": "#009e73", "val/F1": "#cc79a7"}
_SCORES |= {"val/accuracy": "#0072b2", "val/macro_accuracy": "#009e73"}  # of classifiers, which have none of the others
_LOSSES = ("#d55e00", "#e69f00", "#56b4e9", "#000000", "#8c6d31", "#7f7f7f")
_RATE = "#4d4d4d"
_DOTS = 30  # epochs up to which each one is marked

_Scores = Mapping[str, float | int]


def write_curves(path: Path, history: Sequence[_Scores], teacher: _Scores | None = None) -> None:
    """Writes :func:`draw_curves` as PNG, atomically."""
    picture = io.BytesIO()
    draw_curves(history, teacher).savefig(picture, format="png")
    atomic_write(path, picture.getvalue())


def draw_curves(history: Sequence[_Scores], teacher: _Scores | None = None) -> Figure:
    """Draws losses, validation scores and learning rate over the epochs, 1200 pixels wide.

    Args:
        history: per epoch, ``epoch`` (from 0; drawn from 1) and any of ``loss/...``, ``val/AP50``, ``val/AP``,
            ``val/F1``, ``val/accuracy``, ``val/macro_accuracy``, ``lr``; other entries are ignored.
        teacher: its scores on the same images, of which ``val/AP50`` is drawn.

    Raises:
        ValueError: if an entry of ``history`` has no ``epoch``.
    """
    for i, entry in enumerate(history):
        if "epoch" not in entry:
            raise ValueError(f"history: expected 'epoch' in every entry, entry {i} has {list(entry)}")
    history = sorted(history, key=lambda entry: entry["epoch"])
    # Without pyplot, which keeps global state and opens windows.
    figure = Figure(figsize=(12, 5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([["loss", "score"], ["rate", "score"]], height_ratios=[3, 1])

    # Sorted by name, so that a loss has the same color in every run.
    losses = sorted({key for entry in history for key in entry if re.fullmatch(r"loss/[^/]+", key)})
    drawn = [_line(axes["loss"], history, key, color) for key, color in zip(losses, cycle(_LOSSES), strict=False)]
    if any(drawn) and all(value > 0 for values in drawn for value in values):
        axes["loss"].set_yscale("log")
        axes["loss"].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes["loss"].yaxis.set_minor_locator(NullLocator())
        axes["loss"].yaxis.set_major_formatter("{x:g}")

    for key, color in _SCORES.items():
        _line(axes["score"], history, key, color)
    if teacher is not None and "val/AP50" in teacher:
        score, color = teacher["val/AP50"], _SCORES["val/AP50"]
        axes["score"].axhline(score, color=color, linestyle="--", linewidth=1.2, label=f"teacher's AP50 {score:.3g}")
    _line(axes["rate"], history, "lr", _RATE)

    for key, title in (("loss", "losses"), ("score", "validation"), ("rate", "learning rate")):
        axes[key].set_title(title, loc="left", fontsize=11)
        axes[key].spines[["top", "right"]].set_visible(False)
        axes[key].grid(axis="y", color="#e5e5e5", linewidth=0.8)
        axes[key].set_axisbelow(True)
        if key != "rate" and axes[key].get_lines():
            axes[key].legend(frameon=False, fontsize=9)
    for key in ("score", "rate"):
        axes[key].sharex(axes["loss"])
        axes[key].set_xlabel("epoch")
        axes[key].set_ylim(bottom=0)
    axes["loss"].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    epochs = {entry["epoch"] + 1 for entry in history}
    if len(epochs) == 1:  # a lone point would stand on an axis of hundredths of an epoch
        axes["loss"].set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes["loss"].tick_params(labelbottom=False)
    return figure


def _line(axes: Axes, history: Sequence[_Scores], key: str, color: str) -> list[float]:
    """Draws one quantity, with its last value in the legend, and returns its finite values."""
    known = [entry for entry in history if key in entry and math.isfinite(entry[key])]
    points = [(entry["epoch"] + 1, float(entry[key])) for entry in known]
    if points:
        marker = "o" if len(points) <= _DOTS else ""
        label = f"{key.split('/', 1)[-1]} {points[-1][1]:.3g}"
        axes.plot(*zip(*points, strict=True), color=color, marker=marker, markersize=3.5, label=label)
    return [value for _, value in points]
