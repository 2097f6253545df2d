"""What processes that train one model together agree on."""

import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def reduce_sum_per_process(value: Float[Tensor, ""], at_least: float) -> Float[Tensor, ""]:
    """A sum over all processes, divided by their number: what each divides its own part of a loss by.

    The gradients that the processes average are then those of one process with all images. Without a process group
    it is the value itself.

    Args:
        value: of this process, without gradient.
        at_least: the sum over all processes counts as no less.
    """
    return reduce_mean(value).clamp(min=at_least / _processes())


def reduce_mean(value: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The mean over all processes; without a process group it is the value itself.

    Args:
        value: of this process, without gradient.
    """
    if _processes() == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / _processes()


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
