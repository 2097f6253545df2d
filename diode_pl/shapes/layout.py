"""Where the things of an image lie, and that each can be seen."""

import math

import numpy as np
from jaxtyping import Bool

from diode_pl.shapes.outline import Form, extent
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.sprite import Sprite, window

# Things in an image: 1 to 8, few more often than many.
COUNTS = (0.22, 0.19, 0.16, 0.13, 0.11, 0.08, 0.06, 0.05)
SIZES = (0.1, 0.75)  # longer side of a thing's box, as part of the image's side
VISIBLE = 0.7  # of its silhouette, at least, for every thing in an image
COVERED = 32  # alpha from which a thing counts as present in a pixel: an eighth

_GRID = 96  # cells a side in which overlap is measured: a layout is the same at every resolution
_TRIES = 12  # places that a thing tries before it is left out


def draw_sizes(dice: PortableRandom) -> list[float]:
    """Of the things in an image: half of them below 0.33, one in six below 0.17; more or less the largest first.

    What lies in front is thus more often small, and hides less.
    """
    low, high = SIZES
    sizes = [low * (high / low) ** dice.unit() ** 0.75 for _ in range(1 + dice.weighted(COUNTS))]
    return sorted(sizes, key=lambda size: -size * dice.uniform(0.5, 2))


def anywhere(size: tuple[float, float], dice: PortableRandom) -> tuple[float, float]:
    """A place for a box of this width and height; one in six may reach over the edge of the image by a quarter."""
    over = 0.25 if dice.chance(1 / 6) else 0.0
    x, y = (dice.uniform(-over * side, 1 - (1 - over) * side - 1 / _GRID) for side in size)
    return x, y


class Layout:
    """Things on top of each other."""

    def __init__(self) -> None:
        self._top = np.full((_GRID, _GRID), -1, np.int64)
        self._areas: list[int] = []

    def add(self, form: Form, dice: PortableRandom) -> tuple[float, float] | None:
        """Finds a place in front of the others at which enough of it and of each of them can be seen.

        Args:
            form: in units of the image, its box at the origin.
            dice: decides where.

        Returns:
            x and y of its origin in units of the image; None when there is no place.
        """
        x, y = dice.unit() / _GRID, dice.unit() / _GRID
        sprite, size = Sprite(form, x, y, _GRID), extent(form)
        silhouette = sprite.alpha >= COVERED
        # It looks for a free place first and puts up with more overlap at each try.
        share = dice.uniform(VISIBLE, 1)
        for tried in range(_TRIES):
            column, row = (math.floor(at * _GRID) for at in anywhere(size, dice))
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
