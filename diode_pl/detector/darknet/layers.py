"""Layers of Darknet networks; none modifies its input."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from diode_pl.detector.sync_batch_norm import FoldedBatchNorm

# In place: their input is the output of a batch norm, convolution or sum, which nothing else reads, and the backward
# pass of these four needs only the result. swish and mish need their input.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "leaky": lambda x: F.leaky_relu(x, 0.1, inplace=True),
    "relu": lambda x: F.relu(x, inplace=True),
    "relu6": lambda x: F.relu6(x, inplace=True),
    "logistic": torch.sigmoid_,
    "swish": F.silu,
    "mish": F.mish,
}


class Convolution(nn.Module):
    """Convolution, batch norm or bias, and an activation of :data:`ACTIVATIONS`."""

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int,
        stride: int,
        padding: int,
        groups: int,
        norm: bool,
        activation: str,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, size, stride, padding, groups=groups, bias=not norm)
        # Darknet's GPU code, with which published weights were trained, divides by sqrt(variance + 1e-5).
        self.norm = FoldedBatchNorm(filters, eps=1e-5) if norm else None
        self.activation = activation

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f p q"]:
        x = self.conv(x)
        return ACTIVATIONS[self.activation](x if self.norm is None else self.norm(x))


class MaxPool(nn.Module):
    """Max pooling with ``padding`` cells of -inf, of which the left and top get the smaller half.

    Source: Darknet: output = (input + padding - size) / stride + 1.
    """

    def __init__(self, size: int, stride: int, padding: int) -> None:
        super().__init__()
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c p q"]:
        before, after = self.padding // 2, self.padding - self.padding // 2
        if before == after and before <= self.size // 2:
            return F.max_pool2d(x, self.size, self.stride, before)
        if self.size == self.stride == 2 and self.padding == 1:  # the same without a padded copy
            return F.max_pool2d(x, 2, 2, ceil_mode=True)
        return F.max_pool2d(F.pad(x, (before, after, before, after), value=float("-inf")), self.size, self.stride)


class Route(nn.Module):
    """Concatenates part ``group`` of ``groups`` equal parts of the channels of each map."""

    def __init__(self, groups: int, group: int) -> None:
        super().__init__()
        self.groups, self.group = groups, group

    def forward(self, *maps: Float[Tensor, "n _ h w"]) -> Float[Tensor, "n c h w"]:
        if self.groups > 1:
            maps = tuple(m.chunk(self.groups, dim=1)[self.group] for m in maps)
        return maps[0] if len(maps) == 1 else torch.cat(maps, dim=1)


class Shortcut(nn.Module):
    """Sum of maps, then the activation."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Float[Tensor, "n c h w"], *others: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        for other in others:
            x = x + other
        return ACTIVATIONS[self.activation](x)


class ScaleChannels(nn.Module):
    """Product of a map and a factor per channel or per cell, then the activation."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, factor: Float[Tensor, "n _ #h #w"], x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return ACTIVATIONS[self.activation](x * factor)


class YoloHead(nn.Module):
    """Reorders the output of the last convolution to a row of ``5 + classes`` numbers per anchor and cell.

    Anchors are widths and heights in input pixels; ``scale_xy`` see :class:`YoloOutputs`.
    """

    anchors: Tensor

    def __init__(self, anchors: list[tuple[float, float]], classes: int, scale_xy: float) -> None:
        super().__init__()
        self.classes, self.scale_xy = classes, scale_xy
        self.register_buffer("anchors", torch.tensor(anchors, dtype=torch.float32), persistent=False)

    def forward(self, x: Float[Tensor, "n _ ny nx"]) -> Float[Tensor, "n a ny nx d"]:
        n, _, ny, nx = x.shape
        return x.view(n, len(self.anchors), 5 + self.classes, ny, nx).permute(0, 1, 3, 4, 2)
