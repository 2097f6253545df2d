"""What lies behind the things of a scene: grounds of one texture or another, littered with strokes and blobs."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from diode_pl.shapes.outline import Points, arc, box, corners, ellipse, radial, ribbon, rotate, round_corners, translate
from diode_pl.shapes.palette import Color, Palette
from diode_pl.shapes.rng import Number, PortableRandom

Backdrop = Callable[[PortableRandom, Palette, int], UInt8[np.ndarray, "h h 3"]]

_FINER = 2  # strokes are drawn so many times larger, then reduced


def studio(dice: PortableRandom, palette: Palette, resolution: int) -> UInt8[np.ndarray, "h h 3"]:
    """A cloudy ground, sometimes with an edge where a wall begins, littered with strokes, blobs and hatching."""
    ground = _wash(dice, palette, resolution * _FINER)
    draw = ImageDraw.Draw(ground, "RGBA")
    if dice.chance(0.4):
        left, right = (resolution * _FINER * dice.uniform(0.25, 0.75) for _ in "lr")
        edge = corners((0, left), (resolution * _FINER, right), (resolution * _FINER, 0), (0, 0))
        _fill(draw, edge, palette.draw(dice), dice.uniform(0.3, 0.8))
    for _ in range(3 + dice.below(10)):
        shape = dice.pick((_stroke, _stroke, _blob, _chip, _hatching))
        for points in shape(dice):
            _fill(draw, points * (resolution * _FINER), palette.draw(dice), dice.uniform(0.25, 0.9))
    return _grained(ground.reduce(_FINER), dice, dice.uniform(0.35, 0.85))


def pattern(dice: PortableRandom, palette: Palette, resolution: int) -> UInt8[np.ndarray, "h h 3"]:
    """Tiles, boards, dots or checks, askew, with a few scraps on them."""
    size = resolution * _FINER
    ground = _wash(dice, palette, size)
    draw = ImageDraw.Draw(ground, "RGBA")
    colors = [palette.draw(dice) for _ in range(3)]
    lie, step, style = dice.uniform(-40, 40), dice.uniform(0.11, 0.22), dice.below(4)
    gap, long = dice.uniform(0.04, 0.14), dice.uniform(1, 3.5) if style == 1 else 1.0
    half = (long / 2 - gap * (style != 2), 0.5 - gap * (style != 2))
    tile = ellipse(0, 0, 0.5 - 2 * gap, count=14) if style == 3 else box(-half[0], -half[1], *half)
    tile = rotate(tile * step, lie) + 0.5
    rows, columns = int(0.75 / step) + 1, int(0.75 / (step * long)) + 2
    middles = [
        ((column + row % 2 * 0.5 * (style < 2)) * step * long, row * step)
        for row in range(-rows, rows + 1)
        for column in range(-columns, columns + 1)
        if style != 2 or (row + column) % 2
    ]
    for x, y in rotate(corners(*middles), lie).tolist():
        if max(abs(x), abs(y)) < 0.5 + step * long:
            _fill(draw, translate(tile, x, y) * size, dice.pick(colors), dice.uniform(0.35, 0.75))
    for _ in range(dice.below(5)):
        for points in dice.pick((_stroke, _chip))(dice):
            _fill(draw, points * size, palette.draw(dice), dice.uniform(0.4, 0.9))
    return _grained(ground.reduce(_FINER), dice, dice.uniform(0.3, 0.55))


def landscape(dice: PortableRandom, palette: Palette, resolution: int) -> UInt8[np.ndarray, "h h 3"]:
    """A sky with a sun and clouds over ranges of hills."""
    size = resolution * _FINER
    ground = _wash(dice, palette, size)
    draw = ImageDraw.Draw(ground, "RGBA")
    sun = ellipse(dice.uniform(0.1, 0.9), dice.uniform(0.05, 0.4), dice.uniform(0.04, 0.14))
    _fill(draw, sun * size, palette.draw(dice), 0.8)
    for _ in range(dice.below(5)):
        x, y, wide = dice.unit(), dice.uniform(0, 0.45), dice.uniform(0.08, 0.25)
        for i in (-0.6, 0, 0.5):
            puff = ellipse(x + i * wide, y, wide * dice.uniform(0.4, 0.8), wide * dice.uniform(0.15, 0.3))
            _fill(draw, puff * size, palette.draw(dice), 0.25)
    ranges = 2 + dice.below(4)
    for i in range(ranges):
        foot, rough = 0.35 + 0.6 * i / ranges, dice.uniform(0.03, 0.12)
        ridge = [(j / 12, foot + rough * dice.uniform(-1, 1)) for j in range(13)]
        _fill(draw, corners((0, 1), *ridge, (1, 1)) * size, palette.draw(dice), 0.85)
    return _grained(ground.reduce(_FINER), dice, dice.uniform(0.5, 0.8))


# --- litter, in units of the image ---------------------------------------------------------------------------------


def _stroke(dice: PortableRandom) -> list[Points]:
    """A bent brush stroke."""
    path = arc(0, 0, dice.uniform(0.1, 0.8), dice.uniform(0.1, 0.8), 0, dice.uniform(30, 150), 10)
    line = rotate(ribbon(path, dice.uniform(0.006, 0.05), dice.uniform(0.004, 0.03)), 360 * dice.unit())
    return [translate(line, dice.unit(), dice.unit())]


def _blob(dice: PortableRandom) -> list[Points]:
    """A puddle."""
    outline = round_corners(radial([dice.uniform(0.4, 1) for _ in range(7)]), 0.5, 4)
    return [translate(outline * dice.uniform(0.03, 0.2), dice.unit(), dice.unit())]


def _chip(dice: PortableRandom) -> list[Points]:
    """A scrap with three to five corners."""
    outline = radial([dice.uniform(0.3, 1) for _ in range(3 + dice.below(3))])
    return [translate(rotate(outline, 360 * dice.unit()) * dice.uniform(0.03, 0.16), dice.unit(), dice.unit())]


def _hatching(dice: PortableRandom) -> list[Points]:
    """A few parallel lines."""
    x, y, lie = dice.unit(), dice.unit(), 360 * dice.unit()
    long, step, width = dice.uniform(0.1, 0.4), dice.uniform(0.02, 0.05), dice.uniform(0.005, 0.015)
    lines = [corners((-long, i * step), (long, i * step)) for i in range(3 + dice.below(4))]
    return [translate(rotate(ribbon(line, width), lie), x, y) for line in lines]


# --- pixels --------------------------------------------------------------------------------------------------------


def _wash(dice: PortableRandom, palette: Palette, size: int) -> Image.Image:
    """Colors that run into each other."""
    cells = dice.pick((2, 3, 4, 6))
    colors = np.array([palette.draw(dice) for _ in range(cells * cells)], np.uint8).reshape(cells, cells, 3)
    soft = Image.fromarray(colors).resize((48, 48), Image.Resampling.BICUBIC)
    return soft.resize((size, size), Image.Resampling.BILINEAR)


def _fill(draw: ImageDraw.ImageDraw, points: Points, color: Color, opacity: Number) -> None:
    draw.polygon((np.rint(points * 16) / 16).ravel().tolist(), fill=(*color, round(255 * opacity)))


def _grained(picture: Image.Image, dice: PortableRandom, falloff: Number) -> UInt8[np.ndarray, "h h 3"]:
    """Brightness multiplied by 1/f noise of any strength."""
    grain = noise(dice, picture.width, falloff)
    if dice.chance(0.25):  # veins, as in marble
        grain = np.float32(0.3) - np.abs(grain) * np.float32(2)
    grain *= np.float32(dice.uniform(0.2, 0.9))
    return np.clip(np.asarray(picture) * (1 + grain)[..., None], 0, 255).astype(np.uint8)


def noise(dice: PortableRandom, resolution: int, falloff: Number) -> Float[np.ndarray, "h h"]:
    """Noise whose strength falls with its frequency, the same at every resolution.

    Args:
        dice: its source.
        resolution: height and width in pixels.
        falloff: how much weaker each octave is than the one below it; 0.4 is 1/f.

    Returns:
        Values around 0, within [-1, 1].
    """
    total, weight, sum_of_weights = np.zeros((resolution, resolution), np.float32), 1.0, 0.0
    for cells in (3, 8, 20, 52):
        octave = Image.fromarray(dice.bytes(cells, cells)).resize((resolution, resolution), Image.Resampling.BICUBIC)
        total += (np.asarray(octave).astype(np.float32) - np.float32(127.5)) * np.float32(weight)
        sum_of_weights += weight
        weight *= falloff
    return total * np.float32(1 / (127.5 * sum_of_weights))
