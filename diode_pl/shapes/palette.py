"""Colors of a scene."""

import colorsys
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from diode_pl.shapes.form import Paint
from diode_pl.shapes.rng import Number, PortableRandom

Color = tuple[int, int, int]  # red, green, blue from 0 to 255
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class Palette:
    """Ranges of hue, saturation and value."""

    hue: tuple[Number, Number]  # in turns; may exceed [0, 1]
    saturation: tuple[Number, Number]  # in [0, 1]
    value: tuple[Number, Number]  # in [0, 1]

    def draw(self, rng: PortableRandom) -> Color:
        """Draws a color."""
        hue, saturation, value = (rng.uniform(*span) for span in (self.hue, self.saturation, self.value))
        red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
        return round(255 * red), round(255 * green), round(255 * blue)

    def narrow(self, rng: PortableRandom, width: Number) -> "Palette":
        """The same palette with hues at most ``width`` apart, for a coherent scene."""
        start = rng.uniform(self.hue[0], max(self.hue[0], self.hue[1] - width))
        return Palette((start, start + width), self.saturation, self.value)


def mix(color: Color, other: Color, share: Number) -> Color:
    """Linear interpolation between two colors."""
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(color, other, strict=True))
    return red, green, blue


def distance(color: Color, other: Color) -> int:
    """Largest difference of a channel, from 0 to 255."""
    return max(abs(one - two) for one, two in zip(color, other, strict=True))


@dataclass(frozen=True)
class Coat:
    """Colors of an object."""

    body: Color
    accent: Color
    ink: Color  # of openings and pupils
    line: Color | None  # of the outline; None for no outline

    def color(self, paint: Paint) -> Color:
        """Color of a part."""
        if paint is Paint.LIGHT:
            return mix(self.body, WHITE, 0.45)
        if paint is Paint.DARK:
            return mix(self.body, BLACK, 0.4)
        return {Paint.BODY: self.body, Paint.ACCENT: self.accent}.get(paint, self.ink)


def draw_coat(rng: PortableRandom, palette: Palette, ground: UInt8[np.ndarray, "h w 3"]) -> Coat:
    """Draws colors of which the first contrasts with ``ground``, the pixels behind the object."""
    red, green, blue = (ground.reshape(-1, 3).sum(axis=0, dtype=np.int64) // (ground.size // 3)).tolist()
    # A distance of 90 is enough contrast: the most extreme color should not win each time.
    body = max((palette.draw(rng) for _ in range(4)), key=lambda color: min(90, distance(color, (red, green, blue))))
    accent = max((palette.draw(rng) for _ in range(3)), key=lambda color: min(90, distance(color, body)))
    ink = mix(palette.draw(rng), BLACK, 0.75)
    line = mix(body, WHITE if rng.chance(0.2) else BLACK, rng.uniform(0.5, 0.85))
    return Coat(body, accent, ink, line if rng.chance(0.75) else None)
