"""SSD on a VGG with batch norm, which torchvision's lacks."""

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
_CONVERTED = 1024  # channels of its fully connected layers, as convolutions
# Inner channels, channels and stride for each further map; stride 1 comes without padding.
_EXTRA = ((256, 512, 2), (128, 256, 2), (128, 256, 1), (128, 256, 1))
_ASPECT_RATIOS = ([2], [2, 3], [2, 3], [2, 3], [2], [2])
_SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
_FIRST_SCALE = 20.0  # length of the vectors of the first map


class SSDBackbone(nn.Module):
    """VGG with batch norm and SSD's further convolutions.

    Args:
        width: factor of the number of channels, which is at least 8.
        repeats: convolutions of each of VGG's five stages.
        maps: number of maps, from 2 to 6; the first has stride 8, each further about twice the previous.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, width: float, repeats: Sequence[int], maps: int) -> None:
        super().__init__()
        if len(repeats) != len(_STAGES) or min(repeats) < 1:
            raise ValueError(f"repeats: expected {len(_STAGES)} numbers >= 1, got {list(repeats)}")
        if width <= 0 or not 2 <= maps <= 2 + len(_EXTRA):
            raise ValueError(f"width and maps must be > 0 and in [2, {2 + len(_EXTRA)}], got {width} and {maps}")

        def scale(channels: int) -> int:
            return max(8, round(channels * width))

        plan: list[str | int] = []
        for channels, count in zip(_STAGES, repeats, strict=True):
            plan += [*[scale(channels)] * count, "M"]
        layers = list(make_layers(plan[:-1], batch_norm=True))
        pooling = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        layers[pooling[2]] = nn.MaxPool2d(2, 2, ceil_mode=True)  # 300 pixels: 75 cells to 38
        fourth, fifth, converted = scale(_STAGES[3]), scale(_STAGES[4]), scale(_CONVERTED)
        rest = [*layers[pooling[3] :], nn.MaxPool2d(3, 1, 1), Conv2dNormActivation(fifth, converted, 3, dilation=6)]
        rest.append(Conv2dNormActivation(converted, converted, 1))
        self.body = nn.ModuleList([nn.Sequential(*layers[: pooling[3]]), nn.Sequential(*rest)])
        self.extra, before = nn.ModuleList(), converted
        for within, channels, stride in _EXTRA[: maps - 2]:
            narrow = Conv2dNormActivation(before, scale(within), 1)
            before = scale(channels)
            wide = Conv2dNormActivation(scale(within), before, 3, stride, padding=1 if stride > 1 else 0)
            self.extra.append(nn.Sequential(narrow, wide))
        self.first_scale = nn.Parameter(torch.full((fourth,), _FIRST_SCALE))
        self.out_channels = [fourth, converted, *(scale(channels) for _, channels, _ in _EXTRA[: maps - 2])]
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> dict[str, Tensor]:
        """Maps by number, finest first."""
        features = self.body[0](images)
        # The epsilon of normalize underflows in half precision.
        unit = normalize(at_least_float32(features)).to(features.dtype)
        maps = [unit * self.first_scale.view(1, -1, 1, 1)]
        for block in (self.body[1], *self.extra):
            features = block(features)
            maps.append(features)
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def ssd_vgg16_bn(
    num_classes: int,
    width: float = 1.0,
    repeats: Sequence[int] = (2, 2, 3, 3, 3),
    maps: int = 6,
    scales: Sequence[int | float] = _SCALES,
) -> SSD:
    """SSD300 on a VGG-16 with batch norm; 36 million parameters. Cells divide images of any size evenly.

    Args:
        num_classes: number of classes including background.
        width, repeats: see :class:`SSDBackbone`.
        maps: number of maps with a head, from 2 to 6: at 300 pixels 38, 19, 10, 5, 3 and 1 cells wide.
        scales: side of the default boxes of each map, in units of the image's, and one more.

    Raises:
        ValueError: if an argument is out of range.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, sections 2 and 3; Ioffe and Szegedy, Batch
    Normalization, ICML 2015.
    """
    if len(scales) != maps + 1:
        raise ValueError(f"scales: expected {maps + 1} numbers, one more than maps, got {list(scales)}")
    backbone = SSDBackbone(width, repeats, maps)
    boxes = DefaultBoxGenerator([list(ratios) for ratios in _ASPECT_RATIOS[:maps]], scales=list(scales))
    return SSD(backbone, boxes, (300, 300), num_classes)
