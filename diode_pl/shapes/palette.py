"""Colors that a scene draws from."""

import colorsys
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from diode_pl.shapes.outline import Paint
from diode_pl.shapes.rng import Number, PortableRandom

Color = tuple[int, int, int]  # red, green, blue from 0 to 255

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

    def draw(self, dice: PortableRandom) -> Color:
        """Any of its colors."""
        hue, saturation, value = (dice.uniform(*span) for span in (self.hue, self.saturation, self.value))
        red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
        return round(255 * red), round(255 * green), round(255 * blue)

    def narrow(self, dice: PortableRandom, width: Number) -> "Palette":
        """The same, with hues no more than ``width`` apart: what makes a scene look of one piece."""
        start = dice.uniform(self.hue[0], max(self.hue[0], self.hue[1] - width))
        return Palette((start, start + width), self.saturation, self.value)


def mix(color: Color, other: Color, share: Number) -> Color:
    """A color on the way from one to another."""
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(color, other, strict=True))
    return red, green, blue


def distance(color: Color, other: Color) -> int:
    """How far apart two colors are, from 0 to 255: the largest difference of a channel."""
    return max(abs(one - two) for one, two in zip(color, other, strict=True))


@dataclass(frozen=True)
class Coat:
    """Colors of a thing.

    Args:
        body: its first color.
        accent: its second color.
        ink: of openings and pupils.
        line: of its outline; None for no outline.
    """

    body: Color
    accent: Color
    ink: Color
    line: Color | None

    def color(self, paint: Paint) -> Color:
        """What a part is painted with."""
        if paint is Paint.LIGHT:
            return mix(self.body, WHITE, 0.45)
        if paint is Paint.DARK:
            return mix(self.body, BLACK, 0.4)
        return {Paint.BODY: self.body, Paint.ACCENT: self.accent}.get(paint, self.ink)


def coat(dice: PortableRandom, palette: Palette, ground: UInt8[np.ndarray, "h w 3"]) -> Coat:
    """Colors of which the first stands out from what is behind it, whatever the thing.

    Args:
        dice: draws them.
        palette: they come from.
        ground: pixels behind the thing.
    """
    red, green, blue = (ground.reshape(-1, 3).sum(axis=0, dtype=np.int64) // (ground.size // 3)).tolist()
    # Past a distance of 90 it stands out enough: the most extreme color shall not win each time.
    body = max((palette.draw(dice) for _ in range(4)), key=lambda color: min(90, distance(color, (red, green, blue))))
    accent = max((palette.draw(dice) for _ in range(3)), key=lambda color: min(90, distance(color, body)))
    ink = mix(palette.draw(dice), BLACK, 0.75)
    line = mix(body, WHITE if dice.chance(0.2) else BLACK, dice.uniform(0.5, 0.85))
    return Coat(body, accent, ink, line if dice.chance(0.75) else None)
