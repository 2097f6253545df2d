"""Mosaics of four images."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn import functional

from diode_pl.data.readers import Example

_LEAST_VISIBLE = 0.25  # share of a box's area


def make_mosaic(
    examples: Sequence[Example], generator: Generator, zoom: Sequence[float] = (0.5, 1.5), margin: float = 0.3
) -> Example:
    """Splits the frame in four at a random point and fills each part with a random window of one image.

    Windows are cropped and scaled, never padded. Boxes with less than a quarter of their area left are dropped.

    Args:
        examples: four, of the same resolution.
        generator: on the CPU.
        zoom: range of the scale factor; larger if the window would not fit in the image.
        margin: minimum distance of the split from the border, as a share of the side, below 0.5.

    Source: Bochkovskiy et al., YOLOv4, 2020, section 3.3.
    """
    side = examples[0].image.shape[1]
    draws = torch.rand(2, generator=generator)
    x, y = (round(side * (margin + float(draw) * (1 - 2 * margin))) for draw in draws)
    joined = torch.empty_like(examples[0].image)
    boxes, labels = [], []
    parts = ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side))
    for example, (left, top, right, bottom) in zip(examples, parts, strict=True):
        part = torch.tensor([left, top, right, bottom]) / side
        window = _draw_window(part[2:] - part[:2], side, zoom, generator)
        joined[:, top:bottom, left:right] = _cut(example.image, window, bottom - top, right - left)
        moved, visible = _move_boxes(example.boxes, window, part)
        boxes.append(moved[visible])
        labels.append(example.labels[visible])
    path = Path(" + ".join(example.name for example in examples))
    return Example(path, torch.cat(boxes), torch.cat(labels), (side, side), joined)


def _draw_window(part: Float[Tensor, " 2"], side: int, zoom: Sequence[float], generator: Generator) -> Tensor:
    """x1, y1, x2, y2 of the visible part of an image in units of its side, on pixel borders."""
    draws = torch.rand(3, generator=generator)
    scale = zoom[0] + float(draws[0]) * (zoom[1] - zoom[0])
    size = (part * side / max(scale, float(part.max()))).round().clamp(1, side)
    start = (draws[1:] * (side - size)).round()
    return torch.cat([start, start + size]) / side


def _cut(image: UInt8[Tensor, "3 r r"], window: Float[Tensor, " 4"], height: int, width: int) -> Tensor:
    left, top, right, bottom = (window * image.shape[1]).round().int().tolist()
    piece = image[:, top:bottom, left:right]
    if piece.shape[1:] == (height, width):
        return piece
    scaled = functional.interpolate(piece[None].float(), (height, width), mode="bilinear", antialias=True)
    return scaled[0].round().clamp(0, 255).to(torch.uint8)


def _move_boxes(
    boxes: Float[Tensor, "m 4"], window: Float[Tensor, " 4"], part: Float[Tensor, " 4"]
) -> tuple[Tensor, Tensor]:
    """Boxes of an image in the frame, and the mask of those that remain visible."""
    moved = (boxes - window[:2].repeat(2)) / (window[2:] - window[:2]).repeat(2)
    inside = moved.clamp(0, 1)
    whole, left = ((b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1) for b in (moved, inside))
    visible = (left > _LEAST_VISIBLE * whole) & (left > 0)
    return torch.lerp(part[:2].repeat(2), part[2:].repeat(2), inside), visible
