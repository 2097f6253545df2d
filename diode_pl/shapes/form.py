"""Forms: filled outlines that make up an object."""

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from diode_pl.shapes.outline import Points, rotate
from diode_pl.shapes.rng import Number


class Paint(Enum):
    """Role of a color; each object draws its own colors."""

    BODY = 0
    ACCENT = 1
    LIGHT = 2  # the body's color, lighter
    DARK = 3  # the body's color, darker
    INK = 4
    HOLE = 5  # cuts away what was drawn before


@dataclass(frozen=True)
class Part:
    """A filled outline."""

    points: Points
    paint: Paint
    solid: bool  # whether it adds to the silhouette; other parts are visible on solid ones only


Form = list[Part]


def solid(points: Points, paint: Paint = Paint.BODY) -> Part:
    """A part of the silhouette."""
    return Part(points, paint, True)


def detail(points: Points, paint: Paint = Paint.ACCENT) -> Part:
    """A part painted on solid ones."""
    return Part(points, paint, False)


def hole(points: Points) -> Part:
    """A part cut out of the solid ones before it."""
    return Part(points, Paint.HOLE, False)


def fit(form: Form, size: Number, degrees: Number, mirrored: bool) -> Form:
    """Flips a form if ``mirrored``, rotates it clockwise, and scales the longer side of its box to ``size``.

    The upper left corner of the box becomes the origin.
    """
    points = rotate(np.concatenate([part.points for part in form]) * (-1.0 if mirrored else 1.0, 1.0), degrees)
    counts = [len(part.points) for part in form]
    silhouette = points[np.repeat([part.solid for part in form], counts)]
    low, high = silhouette.min(axis=0), silhouette.max(axis=0)
    pieces = np.split((points - low) * (size / (high - low).max()), np.cumsum(counts)[:-1])
    return [replace(part, points=piece) for part, piece in zip(form, pieces, strict=True)]


def extent(form: Form) -> tuple[float, float]:
    """Maximum x and y of the silhouette."""
    high = np.max([part.points.max(axis=0) for part in form if part.solid], axis=0)
    return float(high[0]), float(high[1])
