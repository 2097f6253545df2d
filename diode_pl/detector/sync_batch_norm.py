"""Batch norm over the images of all processes."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector.darknet.layers import FoldedBatchNorm


class SynchronizedBatchNorm(FoldedBatchNorm):
    """Batch norm whose mean and variance in training are those of all processes together.

    With it several processes compute the gradients that one would compute on all their images. torch's own layer of
    that kind runs on GPUs only.
    """

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        count = x.new_full((1,), x.numel() / x.shape[1])
        # One sum over all processes, which carries gradients back to all of them.
        sums = _Sum.apply(torch.cat([x.sum(dim=(0, 2, 3)), x.square().sum(dim=(0, 2, 3)), count]))
        total = sums[-1]
        mean, square = (sums[:-1] / total).chunk(2)
        variance = (square - mean.square()).clamp(min=0)
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.momentum is not None and self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_((variance * total / (total - 1)).to(self.running_var), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (x * scale[:, None, None] + shift[:, None, None]).to(input.dtype)


def convert_sync_batch_norm(module: nn.Module) -> None:
    """Replaces every batch norm layer below ``module`` by one that counts all processes; weights stay the same ones."""
    for name, child in module.named_children():
        if not isinstance(child, nn.BatchNorm2d):
            convert_sync_batch_norm(child)
            continue
        layer = SynchronizedBatchNorm(child.num_features, child.eps, child.momentum, child.affine)
        layer.weight, layer.bias = child.weight, child.bias
        for buffer in ("running_mean", "running_var", "num_batches_tracked"):
            setattr(layer, buffer, getattr(child, buffer))
        layer.train(child.training)
        setattr(module, name, layer)


class _Sum(torch.autograd.Function):
    """Sum over all processes. Each of them uses it, so the gradients of all belong to what each put in.

    torch has such a function too, which it calls deprecated in favor of a private one.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total
