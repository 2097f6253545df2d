"""Anchors of a network's feature maps, and the part of the image that each answers for."""

from collections.abc import Hashable, Sequence
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from diode_pl.numerics.dtypes import at_least_float32

_KEPT = 16  # sizes of images whose anchors a generator need not make again
_made: WeakKeyDictionary[nn.Module, dict[Hashable, list[Tensor]]] = WeakKeyDictionary()


def anchor_boxes(
    generator: nn.Module, maps: Sequence[Tensor], image_size: tuple[int, int], counts: Sequence[int]
) -> list[Float[Tensor, "_ 4"]]:
    """Anchors of each map as x1, y1, x2, y2 in pixels, in float32 or better; the same tensors for the same sizes.

    Args:
        generator: torchvision's.
        maps: feature maps, ``(n, c, h, w)``.
        image_size: height and width in pixels.
        counts: how many anchors each map has.
    """
    if torch.compiler.is_compiling():  # what a tracer sees are no numbers to keep
        return _make(generator, maps, image_size, counts)
    number = at_least_float32(maps[0][:0])
    sizes = tuple(tuple(each.shape[2:]) for each in maps)
    key = (image_size, sizes, tuple(counts), number.dtype, number.device)
    made = _made.setdefault(generator, {})
    if key not in made:
        if len(made) == _KEPT:
            made.pop(next(iter(made)))
        # Those of a validation loop serve in training too.
        with torch.inference_mode(False), torch.no_grad():
            made[key] = _make(generator, maps, image_size, counts)
    return made[key]


def _make(
    generator: nn.Module, maps: Sequence[Tensor], image_size: tuple[int, int], counts: Sequence[int]
) -> list[Float[Tensor, "_ 4"]]:
    # Of maps and images the generator reads nothing but sizes and the type of numbers.
    number = at_least_float32(maps[0][:0]).new_zeros(1)
    images = ImageList(number.expand(1, 3, *image_size), [image_size])
    anchors = generator(images, [number.expand(1, 1, *each.shape[2:]) for each in maps])[0]
    return list(anchors.split(list(counts)))


def image_scale(numbers: Tensor, image_size: tuple[int, int]) -> Float[Tensor, " 4"]:
    """Pixels in a unit of the image, for x1, y1, x2, y2, in float32 or better; does not wait for the device.

    Args:
        numbers: whose type and device it takes.
        image_size: height and width in pixels.
    """
    height, width = (at_least_float32(numbers[:0]).new_full((2,), side) for side in image_size)
    return torch.stack([width, height], dim=1).flatten()


def cells_around(anchors: Float[Tensor, "m 4"], feature: Float[Tensor, "n c h w"]) -> Float[Tensor, "m 4"]:
    """The cell around each anchor's center, up to halfway to the next; those at the border reach to it.

    Args:
        anchors: of one feature map, in units of the image.
        feature: the map.
    """
    rows, columns = feature.shape[2:]
    grid = ((anchors[:, :2] + anchors[:, 2:]) / 2).view(rows, columns, -1, 2)

    def bounds(centers: Tensor) -> tuple[Tensor, Tensor]:
        middle = (centers[1:] + centers[:-1]) / 2
        return torch.cat([centers.new_zeros(1), middle]), torch.cat([middle, centers.new_ones(1)])

    (left, right), (top, bottom) = bounds(grid[0, :, 0, 0]), bounds(grid[:, 0, 0, 1])
    sides = (left[None, :, None], top[:, None, None], right[None, :, None], bottom[:, None, None])
    return torch.stack([side.expand(grid.shape[:3]) for side in sides], dim=-1).view(-1, 4)
