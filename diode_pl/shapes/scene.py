"""Drawing of one image: ground, clutter, objects, light and camera."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageFilter

from diode_pl.shapes.backdrop import Backdrop
from diode_pl.shapes.form import Form, Paint, detail, extent, fit, solid
from diode_pl.shapes.layout import COVERED, Layout, draw_position, draw_sizes
from diode_pl.shapes.outline import box, radial, round_corners
from diode_pl.shapes.palette import Palette, draw_coat
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.sprite import Light, Sprite, window


@dataclass(frozen=True)
class Style:
    """Settings of a world."""

    objects: Sequence[Callable[[PortableRandom], Form]]  # in the order of the labels
    backdrop: Backdrop
    ground: Palette  # of the backdrop
    coats: Palette  # of the objects
    clutter: int  # maximum number of objects without a class


@dataclass(frozen=True)
class Scene:
    """A drawn image and its objects, from back to front.

    Boxes and silhouettes include occluded parts, but not those outside the image.
    """

    image: UInt8[np.ndarray, "h h 3"]
    boxes: Float[np.ndarray, "m 4"]  # x1, y1, x2, y2 in units of image width and height
    labels: Int[np.ndarray, " m"]
    silhouettes: Bool[np.ndarray, "m h h"]


def draw_scene(rng: PortableRandom, style: Style, resolution: int) -> Scene:
    """Draws an image of ``resolution`` x ``resolution`` pixels."""
    # Independent streams: each may use as many numbers as it needs.
    ground, clutter, camera = (rng.child(i) for i in range(3))
    canvas = style.backdrop(ground, style.ground.narrow(ground, ground.uniform(0.1, 0.5)), resolution)
    light = _draw_light(rng)
    for _ in range(clutter.below(style.clutter + 1)):
        form = fit(_draw_junk(clutter), clutter.uniform(0.06, 0.25), 360 * clutter.unit(), False)
        _put(canvas, Sprite(form, *draw_position(extent(form), clutter), resolution), style.coats, light, clutter)
    layout, boxes, labels, silhouettes = Layout(), [], [], []
    for i, size in enumerate(draw_sizes(rng)):
        stream = rng.child(3 + i)
        label = stream.below(len(style.objects))
        form = fit(style.objects[label](stream), size, stream.uniform(-30, 30), stream.chance(0.5))
        if position := layout.add(form, stream):
            sprite = Sprite(form, *position, resolution)
            silhouettes.append(_put(canvas, sprite, style.coats, light, stream))
            boxes.append(sprite.box())
            labels.append(label)
    image, masks = _photograph(canvas, camera), np.stack(silhouettes)
    return Scene(image, np.array(boxes) / resolution, np.array(labels, np.int64), masks)


def _put(
    canvas: UInt8[np.ndarray, "h h 3"], sprite: Sprite, palette: Palette, light: Light, rng: PortableRandom
) -> Bool[np.ndarray, "h h"]:
    """Paints an object and its shadow, and returns the mask of pixels that the object covers."""
    shade, left, top = sprite.shadow(light)
    rows, columns, own_rows, own_columns = window(shade.shape, left, top, len(canvas))
    kept = 1 - shade[own_rows, own_columns, None]
    canvas[rows, columns] = (canvas[rows, columns] * kept).astype(np.uint8)
    rows, columns, own_rows, own_columns = window(sprite.alpha.shape, sprite.left, sprite.top, len(canvas))
    ground, alpha = canvas[rows, columns], sprite.alpha[own_rows, own_columns]
    paint = sprite.paint(draw_coat(rng, palette, ground), light, rng)[own_rows, own_columns].astype(np.float32)
    canvas[rows, columns] = (ground + (paint - ground) * (alpha[..., None] * np.float32(1 / 255))).astype(np.uint8)
    covered = np.zeros(canvas.shape[:2], bool)
    covered[rows, columns] = alpha >= COVERED
    return covered


def _draw_light(rng: PortableRandom) -> Light:
    """A random light, mostly from above."""
    x = rng.uniform(-0.9, 0.9)
    return Light(x, -math.sqrt(1 - x * x), rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.7), rng.uniform(0.03, 0.12))


def _draw_junk(rng: PortableRandom) -> Form:
    """A pebble, a shard or a stick, without a class."""
    style = rng.below(3)
    if style == 0:
        outline = round_corners(radial([rng.uniform(0.6, 1) for _ in range(8)]), 0.5, 4)
        return [solid(outline), detail(outline * 0.6, rng.pick((Paint.LIGHT, Paint.ACCENT, Paint.BODY)))]
    if style == 1:
        return [solid(radial([rng.uniform(0.4, 1) for _ in range(3 + rng.below(2))]))]
    thick = rng.uniform(0.06, 0.18)
    return [solid(round_corners(box(-1, -thick, 1, thick), 0.3)), detail(box(-0.2, -1, 0.2, 1))]


def _photograph(canvas: UInt8[np.ndarray, "h h 3"], rng: PortableRandom) -> UInt8[np.ndarray, "h h 3"]:
    """Applies uneven light, exposure, focus and sensor noise."""
    resolution = len(canvas)
    falls = Image.fromarray(rng.bytes(3, 3)).resize((resolution, resolution), Image.Resampling.BICUBIC)
    strength, exposure, contrast = rng.uniform(0, 0.5), rng.uniform(0.8, 1.2), rng.uniform(0.75, 1.1)
    gain = (np.asarray(falls).astype(np.float32) - 128) * np.float32(strength / 128) + np.float32(exposure)
    lit = (canvas * gain[..., None] - 128) * np.float32(contrast) + 128
    if rng.chance(0.3):
        picture = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
        focus = rng.uniform(0.3, 1.0) * resolution / 160
        lit = np.asarray(picture.filter(ImageFilter.GaussianBlur(focus))).astype(np.float32)
    sigma = np.float32(rng.uniform(0, 0.1))
    grain = rng.bytes(resolution, resolution * 3).reshape(resolution, resolution, 3).astype(np.float32) - 128
    return np.clip(lit + grain * sigma + np.float32(0.5), 0, 255).astype(np.uint8)
