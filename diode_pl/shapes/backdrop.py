"""Backgrounds of scenes: textures with strokes and blobs."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from diode_pl.shapes.outline import Points, arc, box, corners, ellipse, move, radial, ribbon, rotate, round_corners
from diode_pl.shapes.palette import Color, Palette
from diode_pl.shapes.rng import Number, PortableRandom

Backdrop = Callable[[PortableRandom, Palette, int], UInt8[np.ndarray, "h h 3"]]

_FINER = 2  # supersampling of strokes


def studio(rng: PortableRandom, palette: Palette, resolution: int) -> UInt8[np.ndarray, "h h 3"]:
    """A cloudy ground, sometimes with the edge of a wall, with strokes, blobs and hatching."""
    size = resolution * _FINER
    ground, draw = _draw_wash(rng, palette, size)
    if rng.chance(0.4):
        left, right = (size * rng.uniform(0.25, 0.75) for _ in "lr")
        edge = corners((0, left), (size, right), (size, 0), (0, 0))
        _fill(draw, edge, palette.draw(rng), rng.uniform(0.3, 0.8))
    for _ in range(3 + rng.below(10)):
        shape = rng.pick((_stroke, _stroke, _blob, _chip, _hatching))
        for points in shape(rng):
            _fill(draw, points * size, palette.draw(rng), rng.uniform(0.25, 0.9))
    return _add_grain(ground.reduce(_FINER), rng, rng.uniform(0.35, 0.85))


def pattern(rng: PortableRandom, palette: Palette, resolution: int) -> UInt8[np.ndarray, "h h 3"]:
    """Rotated tiles, boards, dots or checks, with a few scraps."""
    size = resolution * _FINER
    ground, draw = _draw_wash(rng, palette, size)
    colors = [palette.draw(rng) for _ in range(3)]
    lie, step, style = rng.uniform(-40, 40), rng.uniform(0.11, 0.22), rng.below(4)
    gap, long = rng.uniform(0.04, 0.14), rng.uniform(1, 3.5) if style == 1 else 1.0
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
            _fill(draw, move(tile, x, y) * size, rng.pick(colors), rng.uniform(0.35, 0.75))
    for _ in range(rng.below(5)):
        for points in rng.pick((_stroke, _chip))(rng):
            _fill(draw, points * size, palette.draw(rng), rng.uniform(0.4, 0.9))
    return _add_grain(ground.reduce(_FINER), rng, rng.uniform(0.3, 0.55))


def landscape(rng: PortableRandom, palette: Palette, resolution: int) -> UInt8[np.ndarray, "h h 3"]:
    """A sky with a sun and clouds over ranges of hills."""
    size = resolution * _FINER
    ground, draw = _draw_wash(rng, palette, size)
    sun = ellipse(rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.4), rng.uniform(0.04, 0.14))
    _fill(draw, sun * size, palette.draw(rng), 0.8)
    for _ in range(rng.below(5)):
        x, y, wide = rng.unit(), rng.uniform(0, 0.45), rng.uniform(0.08, 0.25)
        for i in (-0.6, 0, 0.5):
            puff = ellipse(x + i * wide, y, wide * rng.uniform(0.4, 0.8), wide * rng.uniform(0.15, 0.3))
            _fill(draw, puff * size, palette.draw(rng), 0.25)
    ranges = 2 + rng.below(4)
    for i in range(ranges):
        foot, rough = 0.35 + 0.6 * i / ranges, rng.uniform(0.03, 0.12)
        ridge = [(j / 12, foot + rough * rng.uniform(-1, 1)) for j in range(13)]
        _fill(draw, corners((0, 1), *ridge, (1, 1)) * size, palette.draw(rng), 0.85)
    return _add_grain(ground.reduce(_FINER), rng, rng.uniform(0.5, 0.8))


def _stroke(rng: PortableRandom) -> list[Points]:
    """A bent brush stroke."""
    path = arc(0, 0, rng.uniform(0.1, 0.8), rng.uniform(0.1, 0.8), 0, rng.uniform(30, 150), 10)
    line = rotate(ribbon(path, rng.uniform(0.006, 0.05), rng.uniform(0.004, 0.03)), 360 * rng.unit())
    return [move(line, rng.unit(), rng.unit())]


def _blob(rng: PortableRandom) -> list[Points]:
    """A puddle."""
    outline = round_corners(radial([rng.uniform(0.4, 1) for _ in range(7)]), 0.5, 4)
    return [move(outline * rng.uniform(0.03, 0.2), rng.unit(), rng.unit())]


def _chip(rng: PortableRandom) -> list[Points]:
    """A scrap with three to five corners."""
    outline = radial([rng.uniform(0.3, 1) for _ in range(3 + rng.below(3))])
    return [move(rotate(outline, 360 * rng.unit()) * rng.uniform(0.03, 0.16), rng.unit(), rng.unit())]


def _hatching(rng: PortableRandom) -> list[Points]:
    """A few parallel lines."""
    x, y, lie = rng.unit(), rng.unit(), 360 * rng.unit()
    long, step, width = rng.uniform(0.1, 0.4), rng.uniform(0.02, 0.05), rng.uniform(0.005, 0.015)
    lines = [corners((-long, i * step), (long, i * step)) for i in range(3 + rng.below(4))]
    return [move(rotate(ribbon(line, width), lie), x, y) for line in lines]


def _draw_wash(rng: PortableRandom, palette: Palette, size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A smooth gradient between random colors, and what draws on it."""
    cells = rng.pick((2, 3, 4, 6))
    colors = np.array([palette.draw(rng) for _ in range(cells * cells)], np.uint8).reshape(cells, cells, 3)
    soft = Image.fromarray(colors).resize((48, 48), Image.Resampling.BICUBIC)
    ground = soft.resize((size, size), Image.Resampling.BILINEAR)
    return ground, ImageDraw.Draw(ground, "RGBA")


def _fill(draw: ImageDraw.ImageDraw, points: Points, color: Color, opacity: Number) -> None:
    draw.polygon((np.rint(points * 16) / 16).ravel().tolist(), fill=(*color, round(255 * opacity)))


def _add_grain(picture: Image.Image, rng: PortableRandom, falloff: Number) -> UInt8[np.ndarray, "h h 3"]:
    """Brightness multiplied by 1/f noise of any strength."""
    grain = _draw_noise(rng, picture.width, falloff)
    if rng.chance(0.25):  # veins, as in marble
        grain = np.float32(0.3) - np.abs(grain) * np.float32(2)
    grain *= np.float32(rng.uniform(0.2, 0.9))
    return np.clip(np.asarray(picture) * (1 + grain)[..., None], 0, 255).astype(np.uint8)


def _draw_noise(rng: PortableRandom, resolution: int, falloff: Number) -> Float[np.ndarray, "h h"]:
    """Octave noise in [-1, 1], the same at every resolution; ``falloff`` is the ratio of weights, 0.4 gives 1/f."""
    total, weight, sum_of_weights = np.zeros((resolution, resolution), np.float32), 1.0, 0.0
    for cells in (3, 8, 20, 52):
        octave = Image.fromarray(rng.bytes(cells, cells)).resize((resolution, resolution), Image.Resampling.BICUBIC)
        total += (np.asarray(octave).astype(np.float32) - np.float32(127.5)) * np.float32(weight)
        sum_of_weights += weight
        weight *= falloff
    return total * np.float32(1 / (127.5 * sum_of_weights))
