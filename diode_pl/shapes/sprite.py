"""Rendering of forms to pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFilter

from diode_pl.shapes.form import Form, Paint
from diode_pl.shapes.palette import Coat
from diode_pl.shapes.rng import Number, PortableRandom

_MARGIN = 2  # pixels around a silhouette


@dataclass(frozen=True)
class Light:
    """Light of a scene; ``(x, y)`` is the direction towards it, of length 1."""

    x: Number
    y: Number
    depth: Number  # strength of shading, in [0, 1]
    shadow: Number  # darkness of shadows, in [0, 1]
    reach: Number  # length of shadows relative to the object


class Sprite:
    """A form, its origin at ``x`` and ``y``, rendered to pixels.

    It is supersampled for smooth edges; corners are rounded to sixteenths of a supersampled pixel, so that the last bit
    of a sine does not matter.

    Args:
        form, x, y: in units of the image.
        resolution: height and width of the image in pixels.

    Attributes:
        alpha: the silhouette, 255 inside; parts outside the image included.
        left, top: position of ``alpha`` in the image, in pixels.
    """

    def __init__(self, form: Form, x: Number, y: Number, resolution: int) -> None:
        points = (np.concatenate([part.points for part in form]) + (x, y)) * resolution
        silhouette = points[np.repeat([part.solid for part in form], [len(part.points) for part in form])]
        low, high = silhouette.min(axis=0), silhouette.max(axis=0)
        start = np.floor(low) - _MARGIN
        self.left, self.top = int(start[0]), int(start[1])
        self._resolution, self._size = resolution, float((high - low).max())
        self._finer = max(3, min(8, round(160 / self._size)))
        drawn = iter((np.rint((points - start) * (self._finer * 16)) / 16).tolist())
        self._parts = [(part, [tuple(next(drawn)) for _ in part.points]) for part in form]
        across, down = ((np.ceil(high) - start).astype(int) + _MARGIN).tolist()
        self._extent = (across * self._finer, down * self._finer)
        self._fine = Image.new("L", self._extent, 0)
        draw = ImageDraw.Draw(self._fine)
        for part, outline in self._parts:
            if part.solid or part.paint is Paint.HOLE:
                draw.polygon(outline, fill=255 if part.solid else 0)
        self._mask = self._fine.reduce(self._finer)
        self.alpha: UInt8[np.ndarray, "h w"] = np.asarray(self._mask)

    def box(self) -> list[float]:
        """x1, y1, x2, y2 in pixels of the part inside the image.

        Raises:
            ValueError: if no part is inside.
        """
        rows, columns = window(self.alpha.shape, self.left, self.top, self._resolution)[2:]
        inside = (columns.start, rows.start, columns.stop, rows.stop)
        bounds = self._fine.crop(tuple(side * self._finer for side in inside)).getbbox()
        if bounds is None:
            raise ValueError(f"the object at {self.left}, {self.top} is outside of the {self._resolution} pixels")
        start = (self.left + columns.start, self.top + rows.start)
        return [side / self._finer + start[i % 2] for i, side in enumerate(bounds)]

    def paint(self, coat: Coat, light: Light, rng: PortableRandom) -> UInt8[np.ndarray, "h w 3"]:
        """Renders colors, lit and textured; undefined outside the silhouette."""
        picture = Image.new("RGB", self._extent, coat.body)
        draw = ImageDraw.Draw(picture)
        width = max(1, round(self._size * self._finer * rng.uniform(0.02, 0.06)))
        for part, outline in self._parts:
            if part.paint is not Paint.HOLE:
                draw.polygon(outline, fill=coat.color(part.paint))
            if coat.line is not None and (part.solid or part.paint is Paint.HOLE):
                # Centered on the edge: its outer half is outside the silhouette.
                draw.line(outline + outline[:2], fill=coat.line, width=width)
        colors = np.asarray(picture.reduce(self._finer)).astype(np.float32)
        shade = np.float32(1) + self._relief(light) + self._texture(rng)
        return np.clip(colors * shade[..., None], 0, 255).astype(np.uint8)

    def shadow(self, light: Light) -> tuple[Float[np.ndarray, "h w"], int, int]:
        """Darkness of the shadow in [0, 1], and its left and top in pixels of the image."""
        reach = light.reach * self._size
        blur = max(0.6, 0.35 * reach)
        room = int(2 * blur) + 2
        shade = Image.new("L", (self._mask.width + 2 * room, self._mask.height + 2 * room), 0)
        shade.paste(self._mask, (room, room))
        soft = np.asarray(shade.filter(ImageFilter.GaussianBlur(blur))).astype(np.float32)
        left, top = self.left - round(light.x * reach) - room, self.top - round(light.y * reach) - room
        return soft * np.float32(light.shadow / 255), left, top

    def _relief(self, light: Light) -> Float[np.ndarray, "h w"]:
        """Shading of a surface with beveled edges and an overall slope."""
        radius = max(0.7, 0.05 * self._size)
        height = np.asarray(self._mask.filter(ImageFilter.GaussianBlur(radius))).astype(np.float32)
        height *= np.float32(radius / 255)
        slope = np.zeros_like(height)
        slope[:, 1:-1] -= (height[:, 2:] - height[:, :-2]) * np.float32(light.x)
        slope[1:-1] -= (height[2:] - height[:-2]) * np.float32(light.y)
        y, x = _grid(*height.shape)
        lean = (x * np.float32(light.x) + y * np.float32(light.y)) * np.float32(0.5)
        return (np.clip(slope * np.float32(1.6), -0.9, 1.2) + lean) * np.float32(light.depth)

    def _texture(self, rng: PortableRandom) -> Float[np.ndarray, "h w"]:
        """Brightness around 0 of a plain, striped, checked or mottled surface."""
        high, wide = self.alpha.shape
        style, strength = rng.below(5), np.float32(rng.uniform(0.08, 0.22))
        if style == 0:
            return np.zeros((high, wide), np.float32)
        if style == 1:
            cells = 6 + rng.below(10)
            mottle = Image.fromarray(rng.bytes(cells, cells)).resize((wide, high), Image.Resampling.BICUBIC)
            return (np.asarray(mottle).astype(np.float32) / 128 - 1) * (strength * np.float32(1.5))
        y, x = _grid(high, wide)
        rows, tilt = np.float32(rng.uniform(5, 11)), np.float32(rng.uniform(-1, 1))
        first = _stripes((x + y * tilt) * rows)
        return (first * _stripes((y - x * tilt) * rows) if style == 4 else first) * strength


def window(shape: tuple[int, ...], left: int, top: int, resolution: int) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of an image, then of a picture at ``left`` and ``top``, where the two overlap."""
    y1, y2 = max(0, top), max(0, min(resolution, top + shape[0]))
    x1, x2 = max(0, left), max(0, min(resolution, left + shape[1]))
    return slice(y1, y2), slice(x1, x2), slice(y1 - top, y2 - top), slice(x1 - left, x2 - left)


def _grid(high: int, wide: int) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """y and x of every pixel, from -0.5 to 0.5 over the longer side."""
    longer = np.float32(max(high, wide))
    y, x = ((np.arange(side, dtype=np.float32) - np.float32(side / 2)) / longer for side in (high, wide))
    return np.broadcast_to(y[:, None], (high, wide)), np.broadcast_to(x[None], (high, wide))


def _stripes(phase: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """A soft square wave of period 1 between -1 and 1."""
    wave = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 4 - 1
    return np.clip(wave * np.float32(2), -1, 1)
