"""Outlines, in a frame of about [-1, 1] with y pointing down."""

import functools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diode_pl.shapes.rng import Number

Points = Float[np.ndarray, "_ 2"]


def corners(*points: tuple[Number, Number]) -> Points:
    """A polygon."""
    return np.array(points, dtype=np.float64)


def box(x1: Number, y1: Number, x2: Number, y2: Number) -> Points:
    """An upright rectangle."""
    return corners((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def arc(x: Number, y: Number, across: Number, down: Number, start: Number, end: Number, count: int = 16) -> Points:
    """An open arc of an ellipse; angles in degrees, 0 to the right, 90 down."""
    return _circle(start, end, count) * (across, down) + (x, y)


@functools.lru_cache(maxsize=256)
def _circle(start: Number, end: Number, count: int) -> Points:
    return corners(*(polar(1, start + (end - start) * i / (count - 1)) for i in range(count)))


def ellipse(x: Number, y: Number, across: Number, down: Number | None = None, count: int = 28) -> Points:
    """An ellipse by its half axes, or a circle."""
    return arc(x, y, across, across if down is None else down, 0, 360 - 360 / count, count)


def polar(radius: Number, degrees: Number) -> tuple[float, float]:
    """A point by its distance and direction from the origin."""
    return radius * math.cos(math.radians(degrees)), radius * math.sin(math.radians(degrees))


def radial(radii: Sequence[Number], start: float = -90) -> Points:
    """A closed outline around the origin by its radii at equal angular steps."""
    return corners(*(polar(radius, start + 360 * i / len(radii)) for i, radius in enumerate(radii)))


def ribbon(path: Points, width: Number, tip: Number | None = None) -> Points:
    """A line whose width changes linearly to ``tip``."""
    line, last = path.tolist(), len(path) - 1
    left, right = [], []
    for i, (x, y) in enumerate(line):
        (x1, y1), (x2, y2) = line[max(0, i - 1)], line[min(last, i + 1)]
        half = (width + ((width if tip is None else tip) - width) * i / last) / 2
        share = half / max(math.sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1)), 1e-9)
        left.append((x - (y2 - y1) * share, y + (x2 - x1) * share))
        right.append((x + (y2 - y1) * share, y - (x2 - x1) * share))
    return corners(*left, *right[::-1])


def round_corners(points: Points, share: Number | Sequence[Number], steps: int = 5) -> Points:
    """Rounds corners: each takes up a ``share`` of its sides, in [0, 0.5], and becomes ``steps`` points."""
    shares = [share] * len(points) if isinstance(share, int | float) else share
    outline, curve = points.tolist(), []
    for i, part in enumerate(shares):
        (x1, y1), (x, y), (x2, y2) = outline[i - 1], outline[i], outline[(i + 1) % len(outline)]
        for t in (j / (steps - 1) for j in range(steps)) if part else (0.0,):
            back, on = part * (1 - t) * (1 - t), part * t * t
            curve.append((x + back * (x1 - x) + on * (x2 - x), y + back * (y1 - y) + on * (y2 - y)))
    return corners(*curve)


def rotate(points: Points, degrees: Number) -> Points:
    """Rotates clockwise about the origin."""
    c, s = polar(1, degrees)
    x, y = points[:, 0], points[:, 1]
    return np.stack([c * x - s * y, s * x + c * y], axis=1)


def move(points: Points, x: Number, y: Number) -> Points:
    """Shifts by ``x`` and ``y``."""
    return points + np.array([x, y])


def join(*pieces: Points) -> Points:
    """Joins open pieces to one outline."""
    return np.concatenate(pieces)
