"""Anchors of a network's feature maps, and the region of the image that each is responsible for."""

from collections.abc import Hashable
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from diode_pl.detector.outputs import Outputs
from diode_pl.numerics.dtypes import at_least_float32

_KEPT = 16  # image sizes in the cache of each generator
_made: WeakKeyDictionary[nn.Module, dict[Hashable, list[Tensor]]] = WeakKeyDictionary()


def make_anchors(generator: nn.Module, outputs: Outputs) -> list[Float[Tensor, "_ 4"]]:
    """Anchors of each feature map as x1, y1, x2, y2 in pixels, in float32 or float64; cached by size.

    ``generator`` is torchvision's; the heads of ``outputs`` have one row per anchor.
    """
    if torch.compiler.is_compiling():  # a tracer's tensors cannot be cached
        return _make(generator, outputs)
    number, counts = at_least_float32(outputs.features[0][:0]), tuple(head.shape[1] for head in outputs.heads)
    sizes = tuple(tuple(each.shape[2:]) for each in outputs.features)
    key, made = (outputs.image_size, sizes, counts, number.dtype, number.device), _made.setdefault(generator, {})
    if key not in made:
        if len(made) == _KEPT:
            made.pop(next(iter(made)))
        # Anchors of a validation loop are used in training too.
        with torch.inference_mode(False), torch.no_grad():
            made[key] = _make(generator, outputs)
    return made[key]


def _make(generator: nn.Module, outputs: Outputs) -> list[Float[Tensor, "_ 4"]]:
    # The generator reads only sizes and dtype of maps and images.
    number = at_least_float32(outputs.features[0][:0]).new_zeros(1)
    images = ImageList(number.expand(1, 3, *outputs.image_size), [outputs.image_size])
    anchors = generator(images, [number.expand(1, 1, *each.shape[2:]) for each in outputs.features])[0]
    return list(anchors.split([head.shape[1] for head in outputs.heads]))


def image_scale(outputs: Outputs) -> Float[Tensor, " 4"]:
    """Image width, height, width, height in pixels, in float32 or float64; without a device sync."""
    number = at_least_float32(outputs.heads[0][:0])
    height, width = (number.new_full((2,), side) for side in outputs.image_size)
    return torch.stack([width, height], dim=1).flatten()


def cells_around(anchors: Float[Tensor, "m 4"], feature: Float[Tensor, "n c h w"]) -> Float[Tensor, "m 4"]:
    """The cell around each anchor's center, up to halfway to the next center or to the border of the image.

    All anchors of one feature map, in units of image width and height.
    """
    rows, columns = feature.shape[2:]
    grid = ((anchors[:, :2] + anchors[:, 2:]) / 2).view(rows, columns, -1, 2)

    def bounds(centers: Tensor) -> tuple[Tensor, Tensor]:
        middle = (centers[1:] + centers[:-1]) / 2
        return torch.cat([centers.new_zeros(1), middle]), torch.cat([middle, centers.new_ones(1)])

    (left, right), (top, bottom) = bounds(grid[0, :, 0, 0]), bounds(grid[:, 0, 0, 1])
    sides = (left[None, :, None], top[:, None, None], right[None, :, None], bottom[:, None, None])
    return torch.stack([side.expand(grid.shape[:3]) for side in sides], dim=-1).view(-1, 4)
