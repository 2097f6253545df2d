"""Annotation of an image."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.io.ignored import Ignored

_MAX, _TINY = torch.finfo(torch.float32).max, torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class Annotation:
    """Path and boxes of an image.

    Args:
        path: image file; a mere name for a computed image.
        boxes: x1, y1, x2, y2 in units of image width and height, in [0, 1].
        labels: indices into the data set's class names.
        size: height and width in pixels of the image that the boxes were drawn on; None if unknown.
        areas: of the objects in pixels of ``size``, 0 where they are unknown; None for all unknown.
        ignored: regions that the scores leave out; None for none.

    Example:
        >>> Annotation.from_objects(Path("images/1.png"), [(2, (0.0, 0.0, 0.5, 1.0))]).labels
        tensor([2])
    """

    path: Path
    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    size: tuple[float, float] | None
    areas: Float[Tensor, " m"] | None = field(default=None, kw_only=True)
    ignored: Ignored | None = field(default=None, kw_only=True)

    @classmethod
    def from_objects(
        cls,
        path: Path,
        objects: Sequence[tuple[int, Sequence[float]]],
        size: tuple[float, float] | None = None,
        areas: Sequence[float] | None = None,
        ignored: Ignored | None = None,
    ) -> "Annotation":
        """Converts plain numbers: ``objects`` are pairs of a label and x1, y1, x2, y2."""
        boxes = torch.tensor([list(box) for _, box in objects], dtype=torch.float32).reshape(-1, 4)
        labels = torch.tensor([label for label, _ in objects], dtype=torch.long)
        measured = None if areas is None else torch.tensor(areas, dtype=torch.float32)
        return cls(path, boxes, labels, size, areas=measured, ignored=ignored)

    @property
    def name(self) -> str:
        """The file name without its folder."""
        return self.path.name


def clip_box(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    """Clips a box to its image; corners are in units of image width and height.

    Raises:
        ValueError: if a corner is not finite, or the box has no area, see :func:`has_area`, or lies outside of the
            image.
    """
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise ValueError("a corner of the box is not finite")
    if x1 >= x2 or y1 >= y2:
        raise ValueError("the box is inverted or has no area")
    if x1 >= 1 or y1 >= 1 or x2 <= 0 or y2 <= 0:
        raise ValueError("the box lies outside of the image")
    clipped = max(x1, 0.0), max(y1, 0.0), min(x2, 1.0), min(y2, 1.0)
    if not has_area(*clipped):
        raise ValueError("the box has no area in single precision")
    return clipped


def is_single(number: int | float) -> bool:
    """Whether a number, an integer of any length too, is finite in single precision, in which boxes are kept.

    Example:
        >>> is_single(10**38), is_single(1e39), is_single(float("nan"))
        (True, False, False)
    """
    return abs(number) <= _MAX


def has_area(x1: float, y1: float, x2: float, y2: float) -> bool:
    """Whether a box with corners in [0, 1] has an area in single precision, in which boxes are kept.

    Example:
        >>> has_area(0.5, 0.5, 0.5 + 1e-6, 1.0), has_area(0.5, 0.5, 0.5 + 1e-9, 1.0)
        (True, False)
    """
    left, top, right, bottom = struct.unpack("4f", struct.pack("4f", x1, y1, x2, y2))
    return left < right and top < bottom and (right - left) * (bottom - top) >= _TINY
