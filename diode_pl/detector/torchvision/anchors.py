"""Anchors of a network's feature maps, and the part of the image that each answers for."""

from collections.abc import Hashable, Sequence
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from diode_pl.precision import full_precision

_KEPT = 16  # sizes of images whose anchors a generator need not make again
_made: WeakKeyDictionary[nn.Module, dict[Hashable, list[Tensor]]] = WeakKeyDictionary()


def anchors_of(
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
    number = full_precision(maps[0][:0])
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
    number = full_precision(maps[0][:0]).new_zeros(1)
    images = ImageList(number.expand(1, 3, *image_size), [image_size])
    anchors = generator(images, [number.expand(1, 1, *each.shape[2:]) for each in maps])[0]
    return list(anchors.split(list(counts)))


def image_scale(numbers: Tensor, image_size: tuple[int, int]) -> Float[Tensor, " 4"]:
    """Pixels in a unit of the image, for x1, y1, x2, y2, in float32 or better; does not wait for the device.

    Args:
        numbers: whose type and device it takes.
        image_size: height and width in pixels.
    """
    height, width = (full_precision(numbers[:0]).new_full((2,), side) for side in image_size)
    return torch.stack([width, height], dim=1).flatten()


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
