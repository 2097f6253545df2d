"""SSD on a VGG with batch norm; torchvision's own has none."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.models.vgg import make_layers
from torchvision.ops import Conv2dNormActivation

from diode_pl.numerics.dtypes import at_least_float32

_STAGES = (64, 128, 256, 512, 512)  # channels of VGG's stages
_CONVERTED = 1024  # of its fully connected layers, which are convolutions here
# Behind them, for each map: channels within, channels, stride; without a stride the map loses its border.
_EXTRA = ((256, 512, 2), (128, 256, 2), (128, 256, 1), (128, 256, 1))
_ASPECT_RATIOS = ([2], [2, 3], [2, 3], [2, 3], [2], [2])
_SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
_FIRST_SCALE = 20.0  # of the unit vectors that the first map is made of


class SSDBackbone(nn.Module):
    """VGG with batch norm and the convolutions that SSD puts behind it; a map of each size.

    Args:
        width: factor on the channels of every layer, at least 8 are kept.
        repeats: convolutions of each of VGG's five stages.
        maps: how many maps, from 2 to 6; the first has a stride of 8, each further one about twice the last one's.

    Attributes:
        out_channels: of each map.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, width: float, repeats: Sequence[int], maps: int) -> None:
        super().__init__()
        if len(repeats) != len(_STAGES) or min(repeats) < 1:
            raise ValueError(f"repeats: expected {len(_STAGES)} numbers from 1 on, got {list(repeats)}")
        if width <= 0 or not 2 <= maps <= 2 + len(_EXTRA):
            raise ValueError(f"width and maps must be > 0 and in [2, {2 + len(_EXTRA)}], got {width} and {maps}")

        def scale(channels: int) -> int:
            return max(8, round(channels * width))

        plan: list[str | int] = []
        for channels, count in zip(_STAGES, repeats, strict=True):
            plan += [*[scale(channels)] * count, "M"]
        layers = list(make_layers(plan[:-1], batch_norm=True))
        pooling = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        # 300 pixels make 75 cells, and these 38.
        layers[pooling[2]] = nn.MaxPool2d(2, 2, ceil_mode=True)
        fourth, fifth, converted = scale(_STAGES[3]), scale(_STAGES[4]), scale(_CONVERTED)
        rest = [
            *layers[pooling[3] :],
            nn.MaxPool2d(3, 1, 1),
            Conv2dNormActivation(fifth, converted, 3, dilation=6),
            Conv2dNormActivation(converted, converted, 1),
        ]
        self.body = nn.ModuleList([nn.Sequential(*layers[: pooling[3]]), nn.Sequential(*rest)])
        self.extra, before = nn.ModuleList(), converted
        for within, channels, stride in _EXTRA[: maps - 2]:
            narrow = Conv2dNormActivation(before, scale(within), 1)
            before = scale(channels)
            padding = 1 if stride > 1 else 0
            self.extra.append(
                nn.Sequential(narrow, Conv2dNormActivation(scale(within), before, 3, stride, padding=padding))
            )
        self.first_scale = nn.Parameter(torch.full((fourth,), _FIRST_SCALE))
        self.out_channels = [fourth, converted, *(scale(channels) for _, channels, _ in _EXTRA[: maps - 2])]
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> dict[str, Tensor]:
        """The maps by number, finest first."""
        found = self.body[0](images)
        # Half precision has no number that is small enough to divide the zeros of a silent cell by.
        unit = normalize(at_least_float32(found)).to(found.dtype)
        maps = [unit * self.first_scale.view(1, -1, 1, 1)]
        for block in (self.body[1], *self.extra):
            found = block(found)
            maps.append(found)
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def ssd_vgg16_bn(
    num_classes: int,
    width: float = 1.0,
    repeats: Sequence[int] = (2, 2, 3, 3, 3),
    maps: int = 6,
    scales: Sequence[int | float] = _SCALES,
) -> SSD:
    """SSD300 on a VGG-16 with batch norm behind every convolution but the heads'; 36 million parameters.

    At any size of the image, the cells divide it evenly.

    Args:
        num_classes: number of classes, the background counted.
        width: factor on the channels of every layer but the heads, at least 8 are kept.
        repeats: convolutions of each of VGG's five stages.
        maps: how many maps of falling size have a head, from 2 to 6: at 300 pixels 38, 19, 10, 5, 3 and 1 cells wide.
        scales: side of the default boxes of each map, in units of the image's, and one more.

    Raises:
        ValueError: an argument is out of range.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, sections 2 and 3; Ioffe and Szegedy, Batch
    Normalization, ICML 2015.
    """
    if len(scales) != maps + 1:
        raise ValueError(f"scales: expected {maps + 1} numbers, one more than maps, got {list(scales)}")
    backbone = SSDBackbone(width, repeats, maps)
    boxes = DefaultBoxGenerator([list(ratios) for ratios in _ASPECT_RATIOS[:maps]], scales=list(scales))
    return SSD(backbone, boxes, (300, 300), num_classes)
