"""The layers of Darknet networks as modules that never write into their inputs."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

# Written over their input, which is the fresh output of a batch norm, convolution or sum: nothing else reads it, and
# the backward of these four needs only the result. swish and mish need their input, so they get memory of their own.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "linear": None,
    "leaky": lambda x: F.leaky_relu(x, 0.1, inplace=True),
    "relu": lambda x: F.relu(x, inplace=True),
    "relu6": lambda x: F.relu6(x, inplace=True),
    "logistic": torch.sigmoid_,
    "swish": F.silu,
    "mish": F.mish,
}


class FoldedBatchNorm(nn.BatchNorm2d):
    """Batch norm that, in eval mode on a CPU, is the multiply-add that it amounts to.

    The gradient to the input is then one product, where the library's kernel prepares gradients to everything:
    a fifth of a whole inversion step on a CPU.
    """

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        # A GPU's own kernel is one launch; in half precision it keeps fp32 inside.
        if self.training or not input.is_cpu or input.dtype != self.weight.dtype:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return torch.addcmul(shift[:, None, None], input, scale[:, None, None])


class Convolution(nn.Module):
    """Convolution, batch norm or bias, activation.

    Args:
        activation: a key of :data:`ACTIVATIONS`.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int,
        stride: int,
        padding: int,
        groups: int,
        batch_normalize: bool,
        activation: str,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, size, stride, padding, groups=groups, bias=not batch_normalize)
        # Darknet's GPU code, with which published weights were trained, divides by sqrt(variance + 1e-5).
        self.norm = FoldedBatchNorm(filters, eps=1e-5) if batch_normalize else None
        self.activation = activation

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f p q"]:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        activate = ACTIVATIONS[self.activation]
        return x if activate is None else activate(x)


class MaxPool(nn.Module):
    """Maximum over windows; ``padding`` is the sum of both sides, of which the left and top get the smaller half.

    Source: Darknet: output = (input + padding - size) / stride + 1, cells outside the map count as -inf.
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


class AveragePool(nn.Module):
    """Mean over the whole map, ``(n, c, 1, 1)``."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c 1 1"]:
        return x.mean(dim=(2, 3), keepdim=True)


class Upsample(nn.Module):
    """Repeats every cell ``stride`` times in both directions."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c p q"]:
        return F.interpolate(x, scale_factor=float(self.stride), mode="nearest")


class Route(nn.Module):
    """Earlier maps joined along their channels, of each only part ``group`` of ``groups`` equal parts."""

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
        activate = ACTIVATIONS[self.activation]
        return x if activate is None else activate(x)


class ScaleChannels(nn.Module):
    """An earlier map times a factor for each channel (or, the other way about, for each cell), then the activation."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, factor: Float[Tensor, "n _ #h #w"], x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        x = x * factor
        activate = ACTIVATIONS[self.activation]
        return x if activate is None else activate(x)


class YoloHead(nn.Module):
    """Reorders the map of the last convolution into one row of ``5 + classes`` numbers an anchor and cell.

    Args:
        anchors: width and height of each, in input pixels.
        classes: number of classes.
        scale_xy: how far a center may leave its cell: 1 not at all.
    """

    anchors: Tensor

    def __init__(self, anchors: list[tuple[float, float]], classes: int, scale_xy: float) -> None:
        super().__init__()
        self.classes, self.scale_xy = classes, scale_xy
        self.register_buffer("anchors", torch.tensor(anchors, dtype=torch.float32), persistent=False)

    def forward(self, x: Float[Tensor, "n _ ny nx"]) -> Float[Tensor, "n a ny nx d"]:
        n, _, ny, nx = x.shape
        return x.view(n, len(self.anchors), 5 + self.classes, ny, nx).permute(0, 1, 3, 4, 2)
