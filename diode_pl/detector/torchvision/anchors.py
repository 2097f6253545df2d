"""Anchors of a network's feature maps, and the part of the image that each answers for."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from diode_pl.precision import full_precision


def anchors_of(
    generator: nn.Module, maps: Sequence[Tensor], image_size: tuple[int, int], counts: Sequence[int]
) -> list[Float[Tensor, "_ 4"]]:
    """Anchors of each map as x1, y1, x2, y2 in pixels, in float32 or better.

    Args:
        generator: torchvision's.
        maps: feature maps, ``(n, c, h, w)``.
        image_size: height and width in pixels.
        counts: how many anchors each map has.
    """
    # Of maps and images the generator reads nothing but sizes and the type of numbers.
    number = full_precision(maps[0]).new_zeros(1)
    images = ImageList(number.expand(1, 3, *image_size), [image_size])
    anchors = generator(images, [number.expand(1, 1, *each.shape[2:]) for each in maps])[0]
    return list(anchors.split(list(counts)))


def cells_around(anchors: Float[Tensor, "m 4"], feature: Float[Tensor, "n c h w"]) -> Float[Tensor, "m 4"]:
    """The cell around each anchor's centre, up to halfway to the next; those at the border reach to it.

    Args:
        anchors: of one feature map, in units of the image.
        feature: the map.
    """
    rows, columns = feature.shape[2:]
    grid = ((anchors[:, :2] + anchors[:, 2:]) / 2).view(rows, columns, -1, 2)

    def bounds(centres: Tensor) -> tuple[Tensor, Tensor]:
        middle = (centres[1:] + centres[:-1]) / 2
        return torch.cat([centres.new_zeros(1), middle]), torch.cat([middle, centres.new_ones(1)])

    (left, right), (top, bottom) = bounds(grid[0, :, 0, 0]), bounds(grid[:, 0, 0, 1])
    sides = (left[None, :, None], top[:, None, None], right[None, :, None], bottom[:, None, None])
    return torch.stack([side.expand(grid.shape[:3]) for side in sides], dim=-1).view(-1, 4)
