"""Batch norm: folded in eval mode, and over the batches of all processes in training."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


class FoldedBatchNorm(nn.BatchNorm2d):
    """Batch norm that is a single multiply-add in eval mode on a CPU.

    The gradient to the input is then one product. torch's kernel prepares the gradients of all parameters too: a fifth
    of an inversion step on a CPU.
    """

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        # The GPU kernel is one launch, and computes in float32 for half precision.
        if self.training or not input.is_cpu or input.dtype != self.weight.dtype:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return torch.addcmul(shift[:, None, None], input, scale[:, None, None])


class SynchronizedBatchNorm(FoldedBatchNorm):
    """Batch norm with training statistics over all processes, on CPU and GPU.

    Several processes compute the same gradients as one process on all their images. Not ``nn.SyncBatchNorm``, on a GPU
    either: DDP refuses a module that holds one on a CPU, and the same training would need two layers.
    """

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        if x.numel():
            variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        else:  # a process without images still participates
            variance = mean = x.sum(dim=(0, 2, 3))
        count = x.new_full((1,), x.numel() / x.shape[1])
        # Not E[x^2] - E[x]^2, which cancels if the variance is small and the mean large.
        variances, means, counts = _Gather.apply(torch.cat([variance, mean, count])).tensor_split(
            (x.shape[1], 2 * x.shape[1]), dim=1
        )
        total = counts.sum()
        mean = (counts * means).sum(dim=0) / total
        variance = (counts * (variances + (means - mean).square())).sum(dim=0) / total
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.momentum is not None and self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_((variance * total / (total - 1)).to(self.running_var), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        centered = x - mean[:, None, None]
        return torch.addcmul(self.bias[:, None, None], centered, scale[:, None, None]).to(input.dtype)


def convert_sync_batch_norm(module: nn.Module) -> None:
    """Replaces all batch norm layers in ``module`` by synchronized ones, which share their weights and buffers."""
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


class _Gather(torch.autograd.Function):
    """Stacks the rows of all processes; the gradient of a row is the sum over the processes, which all use it.

    torch's own function is deprecated in favor of a private one.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        rows = [torch.empty_like(value) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, value)
        return torch.stack(rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[dist.get_rank()]
