"""Colours that a scene draws from."""

import colorsys
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from diode_pl.data.shapes.dice import Dice, Number
from diode_pl.data.shapes.form import Paint

Colour = tuple[int, int, int]  # red, green, blue from 0 to 255

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class Palette:
    """Ranges of hue, saturation and value.

    Args:
        hue: lowest and highest, as parts of the circle; may go beyond [0, 1].
        saturation: lowest and highest, in [0, 1].
        value: lowest and highest, in [0, 1].
    """

    hue: tuple[Number, Number]
    saturation: tuple[Number, Number]
    value: tuple[Number, Number]

    def draw(self, dice: Dice) -> Colour:
        """Any of its colours."""
        hue, saturation, value = (dice.uniform(*span) for span in (self.hue, self.saturation, self.value))
        red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
        return round(255 * red), round(255 * green), round(255 * blue)

    def narrowed(self, dice: Dice, width: Number) -> "Palette":
        """The same, with hues no more than ``width`` apart: what makes a scene look of one piece."""
        start = dice.uniform(self.hue[0], max(self.hue[0], self.hue[1] - width))
        return Palette((start, start + width), self.saturation, self.value)


def mixed(colour: Colour, other: Colour, share: Number) -> Colour:
    """A colour on the way from one to another."""
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(colour, other, strict=True))
    return red, green, blue


def distance(colour: Colour, other: Colour) -> int:
    """How far apart two colours are, from 0 to 255: the largest difference of a channel."""
    return max(abs(one - two) for one, two in zip(colour, other, strict=True))


@dataclass(frozen=True)
class Coat:
    """Colours of a thing.

    Args:
        body: its first colour.
        accent: its second colour.
        ink: of openings and pupils.
        line: of its outline; None for no outline.
    """

    body: Colour
    accent: Colour
    ink: Colour
    line: Colour | None

    def colour(self, paint: Paint) -> Colour:
        """What a part is painted with."""
        if paint is Paint.LIGHT:
            return mixed(self.body, WHITE, 0.45)
        if paint is Paint.DARK:
            return mixed(self.body, BLACK, 0.4)
        return {Paint.BODY: self.body, Paint.ACCENT: self.accent}.get(paint, self.ink)


def coat(dice: Dice, palette: Palette, ground: UInt8[np.ndarray, "h w 3"]) -> Coat:
    """Colours of which the first stands out from what is behind it, whatever the thing.

    Args:
        dice: draws them.
        palette: they come from.
        ground: pixels behind the thing.
    """
    red, green, blue = (ground.reshape(-1, 3).sum(axis=0, dtype=np.int64) // (ground.size // 3)).tolist()
    # Past a distance of 90 it stands out enough: the most extreme colour shall not win each time.
    body = max((palette.draw(dice) for _ in range(4)), key=lambda colour: min(90, distance(colour, (red, green, blue))))
    accent = max((palette.draw(dice) for _ in range(3)), key=lambda colour: min(90, distance(colour, body)))
    ink = mixed(palette.draw(dice), BLACK, 0.75)
    line = mixed(body, WHITE if dice.chance(0.2) else BLACK, dice.uniform(0.5, 0.85))
    return Coat(body, accent, ink, line if dice.chance(0.75) else None)
