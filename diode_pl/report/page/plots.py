"""The charts of a page, as SVG."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from diode_pl.report.page.theme import INK, MUTED, SERIES, add_legend, new_figure, to_svg

Points = Sequence[tuple[float | int, float | int]]
"""Places and values of a line."""


def draw_lines(
    title: str,
    lines: Mapping[str, Sequence[Points]],
    x: str,
    log: bool = False,
    marks: Sequence[float | int] = (),
    level: tuple[str, float | int] | None = None,
) -> str:
    """Lines with a legend; of several lines of one name, their median and their range are drawn.

    Args:
        title: of the chart.
        lines: by name, one list of points or several at the same places.
        x: what the places are.
        log: whether the values have a logarithmic axis, if all are above 0.
        marks: places of vertical lines.
        level: name and value of a horizontal line.
    """
    figure, axes = new_figure()
    values = list[float | int]()
    for (name, bands), color in zip(lines.items(), _colors(len(lines)), strict=True):
        at = dict[float | int, list[float | int]]()
        for place, value in (point for band in bands for point in band if math.isfinite(point[1])):
            at.setdefault(place, []).append(value)
        places = sorted(at)
        middle = [median(at[place]) for place in places]
        axes.plot(places, middle, color=color, label=name, marker="o" if len(places) < 20 else "", markersize=2.8)
        if len(bands) > 1:
            ends = [min(at[place]) for place in places], [max(at[place]) for place in places]
            axes.fill_between(places, *ends, color=color, alpha=0.18, linewidth=0)
        values += [value for place in places for value in at[place]]
    if level is not None:
        axes.axhline(level[1], color=MUTED, linestyle="--", linewidth=1.1, label=level[0])
    for mark in marks:
        axes.axvline(mark, color=MUTED, linestyle=":", linewidth=1)
    if log and values and min(values) > 0:
        _set_log(axes, narrow=max(values) < 100 * min(values))
    else:
        heights = [0.0, *values, *([] if level is None else [level[1]])]
        low, high = min(heights), max(heights)
        axes.set_ylim(low, high + 0.05 * (high - low or 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    axes.set_xlabel(x)
    axes.set_title(title, loc="left", fontsize=10.5)
    if len(lines) > 1 or level is not None:
        add_legend(axes, 3)
    return to_svg(figure, f"{title} by {x}")


def draw_bars(
    title: str, values: Mapping[str, Mapping[str, float | int]], unit: str = "", digits: str = "{:,.0f}", most: int = 40
) -> str:
    """Horizontal bars, one group a row, with their values.

    Args:
        title: of the chart.
        values: by series, value by row; rows that a series lacks stay empty.
        unit: of the values.
        digits: how they are written.
        most: rows that are drawn, those with the largest values of the first series.
    """
    first = next(iter(values.values()))
    rows = list(dict.fromkeys(row for series in values.values() for row in series))
    if len(rows) > most:
        rows = sorted(rows, key=lambda row: -first.get(row, 0))[:most]
        title = f"{title}: the {most} largest"
    figure, axes = new_figure(height=max(1.4, 0.75 + 0.21 * len(rows) * max(1, 0.75 * len(values))))
    share = 0.8 / len(values)
    top = max((value for series in values.values() for value in series.values()), default=0) or 1
    for i, ((name, series), color) in enumerate(zip(values.items(), SERIES, strict=False)):
        places = [row + (i - (len(values) - 1) / 2) * share for row in range(len(rows))]
        heights = [series.get(row, 0) for row in rows]
        axes.barh(places, heights, height=share * 0.9, color=color, label=name)
        for place, row, height in zip(places, rows, heights, strict=True):
            if row in series:
                axes.text(
                    max(height, 0) + top * 0.012, place, digits.format(height), va="center", fontsize=8, color=INK
                )
    axes.set_yticks(range(len(rows)), [row if len(row) < 22 else f"{row[:20]}…" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(right=top * 1.12)
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left", fontsize=10.5)
    if len(values) > 1:
        add_legend(axes, 3)
    return to_svg(figure, title)


def draw_histogram(
    title: str,
    edges: Sequence[float | int],
    counts: Sequence[float | int],
    x: str,
    unit: str,
    marks: Sequence[float | int] = (),
    marked: str = "",
) -> str:
    """A histogram.

    Args:
        title: of the chart.
        edges: of the bins, one more than ``counts``.
        counts: in each bin.
        x: what is counted by.
        unit: what is counted.
        marks: places that are marked.
        marked: what they are.
    """
    figure, axes = new_figure()
    widths = [right - left for left, right in zip(edges, edges[1:], strict=False)]
    axes.bar(edges[:-1], counts, width=[0.92 * width for width in widths], align="edge", color=SERIES[0])
    for i, mark in enumerate(marks):
        axes.axvline(mark, color=SERIES[1], linewidth=1.4, linestyle="--", label=None if i else marked)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=widths[0] >= 1))
    axes.set_xlabel(x)
    axes.set_ylabel(unit)
    axes.set_title(title, loc="left", fontsize=10.5)
    if marks:
        add_legend(axes)
    return to_svg(figure, title)


def _set_log(axes: Axes, narrow: bool) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter("{x:g}")


def _colors(count: int) -> list[str]:
    return [SERIES[i % len(SERIES)] for i in range(count)]
