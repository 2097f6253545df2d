"""Batch statistics of what enters a detector's norm layers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable


class ChannelStats(NamedTuple):
    """Mean and variance (1/n) of each channel, in fp32 or finer.

    Args:
        mean: one number a channel.
        var: one number a channel, not negative.
    """

    mean: Float[Tensor, " c"]
    var: Float[Tensor, " c"]


class BatchNormRecorder:
    """Watches norm layers: mean and variance of their inputs over batch, height and width.

    Args:
        layers: with ``running_mean`` and ``running_var``, in forward order.

    Attributes:
        batch: of each layer, what it saw in the last recording; of one that is called several times, the mean over its
            calls, for that is what its running statistics are.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self.batch: list[ChannelStats] = []
        self._layers = list(layers)

    @property
    def eps(self) -> list[float]:
        """What each layer adds to a variance before it divides; 0 for one that does not say."""
        return [float(getattr(layer, "eps", 0.0)) for layer in self._layers]

    @property
    def running(self) -> list[ChannelStats]:
        """What the layers saw in training; read anew each time, for a layer that changes device gets new buffers."""
        return [ChannelStats(m.running_mean.detach(), m.running_var.detach()) for m in self._layers]  # type: ignore[operator]

    @contextmanager
    def recording(self) -> Iterator[None]:
        """The forward pass inside fills ``batch``; those outside cost nothing.

        Raises:
            ValueError: it did not reach one of the layers.
        """
        self.batch = []
        calls: dict[nn.Module, list[ChannelStats]] = {layer: [] for layer in self._layers}

        def record(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            calls[layer].append(channel_stats(inputs[0]))

        handles = [layer.register_forward_pre_hook(record) for layer in self._layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        if missed := [i for i, layer in enumerate(self._layers) if not calls[layer]]:
            raise ValueError(f"norm_layers() must leave out what forward does not reach: layers {missed}, from 0 on")
        self.batch = [_mean(calls[layer]) for layer in self._layers]


def channel_stats(features: Float[Tensor, "n c h w"]) -> ChannelStats:
    """Mean and biased variance of each channel over batch, height and width, differentiable in ``features``."""
    return ChannelStats(*_Moments.apply(features))


def _mean(calls: Sequence[ChannelStats]) -> ChannelStats:
    if len(calls) == 1:
        return calls[0]
    return ChannelStats(*(torch.stack(each).mean(dim=0) for each in zip(*calls, strict=True)))


class _Moments(torch.autograd.Function):
    """Both moments with a backward pass that reads the features once: d/dx = (d mean + 2 d var (x - mean)) / n."""

    @staticmethod
    def forward(ctx: FunctionCtx, features: Tensor) -> tuple[Tensor, Tensor]:
        wide = features.float() if features.dtype in (torch.float16, torch.bfloat16) else features
        if wide.is_cpu and wide.is_contiguous(memory_format=torch.channels_last):
            # The same two numbers, from the kernel that batch norm itself uses: 8 to 30 times faster on a CPU.
            mean, var = torch.batch_norm_update_stats(wide, None, None, 0.0)
        else:
            var, mean = torch.var_mean(wide, dim=(0, 2, 3), correction=0)
        ctx.save_for_backward(features, mean)
        return mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_mean: Tensor, grad_var: Tensor) -> Tensor:
        features, mean = ctx.saved_tensors  # type: ignore[attr-defined]
        count = features.numel() // features.shape[1]
        slope = 2 * grad_var / count
        offset = grad_mean / count - slope * mean
        shape = (1, -1, 1, 1)
        wide = features.to(slope.dtype)  # slopes are far below what half precision can hold
        return torch.addcmul(offset.view(shape), wide, slope.view(shape)).to(features.dtype)
