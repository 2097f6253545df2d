"""Reductions over the processes of a distributed training."""

import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def reduce_sum_per_process(value: Float[Tensor, ""], at_least: float) -> Float[Tensor, ""]:
    """Sum over all processes, divided by their number: the denominator of a loss.

    The averaged gradients then equal those of a single process with all images. Without a process group: ``value``.

    Args:
        value: of this process, without gradient.
        at_least: lower bound of the sum over all processes.
    """
    return reduce_mean(value).clamp(min=at_least / _processes())


def reduce_mean(value: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Mean over all processes of a value without gradient; without a process group: ``value``."""
    if _processes() == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / _processes()


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
