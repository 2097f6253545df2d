"""One image of a world: a ground, clutter, things, light and a camera."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageFilter

from diode_pl.shapes.backdrop import Backdrop
from diode_pl.shapes.layout import COVERED, Layout, anywhere, draw_sizes
from diode_pl.shapes.outline import Form, Paint, box, detail, extent, fitted, radial, round_corners, solid
from diode_pl.shapes.palette import Palette, coat
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.sprite import Light, Sprite, window


@dataclass(frozen=True)
class Style:
    """What a world is made of.

    Args:
        things: what draws a thing of each class; classes in the order of the labels.
        backdrop: what draws the ground.
        ground: its colors.
        coats: colors of the things.
        clutter: at most so many solid objects of no class lie around.
    """

    things: Sequence[Callable[[PortableRandom], Form]]
    backdrop: Backdrop
    ground: Palette
    coats: Palette
    clutter: int


@dataclass(frozen=True)
class Scene:
    """A drawn image and what is in it.

    Args:
        image: RGB.
        boxes: x1, y1, x2, y2 around what of each thing's silhouette is inside the image, parts behind other things
            included; in units of image width and height.
        labels: classes, the thing at the back first.
        silhouettes: pixels that each thing covers, parts behind other things included.
    """

    image: UInt8[np.ndarray, "h h 3"]
    boxes: Float[np.ndarray, "m 4"]
    labels: Int[np.ndarray, " m"]
    silhouettes: Bool[np.ndarray, "m h h"]


def draw_scene(dice: PortableRandom, style: Style, resolution: int) -> Scene:
    """Draws an image.

    Args:
        dice: decides everything.
        style: of the world.
        resolution: height and width in pixels.
    """
    # Streams of their own: what one of them uses changes nothing in the others.
    ground, clutter, camera = (dice.child(i) for i in range(3))
    canvas = style.backdrop(ground, style.ground.narrow(ground, ground.uniform(0.1, 0.5)), resolution)
    light = _light(dice)
    for _ in range(clutter.below(style.clutter + 1)):
        form = fitted(_junk(clutter), clutter.uniform(0.06, 0.25), 360 * clutter.unit(), False)
        _put(canvas, Sprite(form, *anywhere(extent(form), clutter), resolution), style.coats, light, clutter)
    layout, boxes, labels, silhouettes = Layout(), [], [], []
    for i, size in enumerate(draw_sizes(dice)):
        own = dice.child(3 + i)
        label = own.below(len(style.things))
        form = fitted(style.things[label](own), size, own.uniform(-30, 30), own.chance(0.5))
        place = layout.add(form, own)
        if place is not None:
            sprite = Sprite(form, *place, resolution)
            silhouettes.append(_put(canvas, sprite, style.coats, light, own))
            boxes.append(sprite.box())
            labels.append(label)
    return Scene(
        _photographed(canvas, camera), np.array(boxes) / resolution, np.array(labels, np.int64), np.stack(silhouettes)
    )


def _put(
    canvas: UInt8[np.ndarray, "h h 3"], sprite: Sprite, palette: Palette, light: Light, dice: PortableRandom
) -> Bool[np.ndarray, "h h"]:
    """Paints a thing and its shadow, and tells which pixels the thing covers."""
    shade, left, top = sprite.shadow(light)
    rows, columns, own_rows, own_columns = window(shade.shape, left, top, len(canvas))
    kept = 1 - shade[own_rows, own_columns, None]
    canvas[rows, columns] = (canvas[rows, columns] * kept).astype(np.uint8)
    rows, columns, own_rows, own_columns = window(sprite.alpha.shape, sprite.left, sprite.top, len(canvas))
    ground, alpha = canvas[rows, columns], sprite.alpha[own_rows, own_columns]
    paint = sprite.paint(coat(dice, palette, ground), light, dice)[own_rows, own_columns].astype(np.float32)
    canvas[rows, columns] = (ground + (paint - ground) * (alpha[..., None] * np.float32(1 / 255))).astype(np.uint8)
    covered = np.zeros(canvas.shape[:2], bool)
    covered[rows, columns] = alpha >= COVERED
    return covered


def _light(dice: PortableRandom) -> Light:
    """Mostly from above."""
    x = dice.uniform(-0.9, 0.9)
    return Light(x, -math.sqrt(1 - x * x), dice.uniform(0.3, 0.7), dice.uniform(0.25, 0.7), dice.uniform(0.03, 0.12))


def _junk(dice: PortableRandom) -> Form:
    """A pebble, a shard or a stick: solid like a thing, yet of no class."""
    style = dice.below(3)
    if style == 0:
        outline = round_corners(radial([dice.uniform(0.6, 1) for _ in range(8)]), 0.5, 4)
        return [solid(outline), detail(outline * 0.6, dice.pick((Paint.LIGHT, Paint.ACCENT, Paint.BODY)))]
    if style == 1:
        return [solid(radial([dice.uniform(0.4, 1) for _ in range(3 + dice.below(2))]))]
    thick = dice.uniform(0.06, 0.18)
    return [solid(round_corners(box(-1, -thick, 1, thick), 0.3)), detail(box(-0.2, -1, 0.2, 1))]


def _photographed(canvas: UInt8[np.ndarray, "h h 3"], dice: PortableRandom) -> UInt8[np.ndarray, "h h 3"]:
    """Falls of light over the whole image, exposure, focus and the noise of a sensor."""
    resolution = len(canvas)
    falls = Image.fromarray(dice.bytes(3, 3)).resize((resolution, resolution), Image.Resampling.BICUBIC)
    strength, exposure, contrast = dice.uniform(0, 0.5), dice.uniform(0.8, 1.2), dice.uniform(0.75, 1.1)
    gain = (np.asarray(falls).astype(np.float32) - 128) * np.float32(strength / 128) + np.float32(exposure)
    lit = (canvas * gain[..., None] - 128) * np.float32(contrast) + 128
    if dice.chance(0.3):
        picture = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
        focus = dice.uniform(0.3, 1.0) * resolution / 160
        lit = np.asarray(picture.filter(ImageFilter.GaussianBlur(focus))).astype(np.float32)
    sigma = np.float32(dice.uniform(0, 0.1))
    grain = dice.bytes(resolution, resolution * 3).reshape(resolution, resolution, 3).astype(np.float32) - 128
    return np.clip(lit + grain * sigma + np.float32(0.5), 0, 255).astype(np.uint8)
