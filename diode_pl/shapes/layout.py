"""Placement of the objects of an image."""

import math

import numpy as np
from jaxtyping import Bool

from diode_pl.shapes.form import Form, extent
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.sprite import Sprite, window

COUNTS = (0.22, 0.19, 0.16, 0.13, 0.11, 0.08, 0.06, 0.05)  # probabilities of 1 to 8 objects per image
SIZES = (0.1, 0.75)  # longer side of an object's box, in units of the image
VISIBLE = 0.7  # minimum visible share of each silhouette
COVERED = 32  # minimum alpha of a covered pixel: an eighth
_GRID = 96  # cells per side for measuring overlap, the same at every resolution
_TRIES = 12  # positions tried per object


def draw_sizes(rng: PortableRandom) -> list[float]:
    """Object sizes, half below 0.33, one in six below 0.17, roughly descending: those in front occlude less."""
    low, high = SIZES
    sizes = [low * (high / low) ** rng.unit() ** 0.75 for _ in range(1 + rng.weighted(COUNTS))]
    return sorted(sizes, key=lambda size: -size * rng.uniform(0.5, 2))


def draw_position(size: tuple[float, float], rng: PortableRandom) -> tuple[float, float]:
    """A random position for a box; one in six may exceed the image by a quarter of its size."""
    over = 0.25 if rng.chance(1 / 6) else 0.0
    x, y = (rng.uniform(-over * side, 1 - (1 - over) * side - 1 / _GRID) for side in size)
    return x, y


class Layout:
    """Overlapping objects."""

    def __init__(self) -> None:
        self._top = np.full((_GRID, _GRID), -1, np.int64)
        self._areas: list[int] = []

    def add(self, form: Form, rng: PortableRandom) -> tuple[float, float] | None:
        """Finds a position, in units of the image, in front of the others where enough of every object remains visible.

        The form is in units of the image, its box at the origin; None if no position fits.
        """
        x, y = rng.unit() / _GRID, rng.unit() / _GRID
        sprite, size = Sprite(form, x, y, _GRID), extent(form)
        silhouette = sprite.alpha >= COVERED
        # Each try allows more overlap.
        share = rng.uniform(VISIBLE, 1)
        for tried in range(_TRIES):
            column, row = (math.floor(at * _GRID) for at in draw_position(size, rng))
            if self._cover(silhouette, sprite.left + column, sprite.top + row, max(VISIBLE, share - 0.04 * tried)):
                return x + column / _GRID, y + row / _GRID
        return None

    def _cover(self, silhouette: Bool[np.ndarray, "h w"], left: int, top: int, share: float) -> bool:
        rows, columns, own_rows, own_columns = window(silhouette.shape, left, top, _GRID)
        covered = self._top.copy()
        covered[rows, columns][silhouette[own_rows, own_columns]] = len(self._areas)
        areas = [*self._areas, int(silhouette.sum())]
        seen = np.bincount(covered[covered >= 0], minlength=len(areas))
        if any(visible < share * area for visible, area in zip(seen, areas, strict=True)):
            return False
        self._top, self._areas = covered, areas
        return True
