"""What processes that train one model together agree on."""

import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def shared_sum(value: Float[Tensor, ""], at_least: float) -> Float[Tensor, ""]:
    """A sum over all processes, divided by their number: what each divides its own part of a loss by.

    The gradients that the processes average are then those of one process with all images. Without a process group
    it is the value itself.

    Args:
        value: of this process, without gradient.
        at_least: the sum over all processes counts as no less.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return value.clamp(min=at_least)
    total = value.clone()
    dist.all_reduce(total)
    return total.clamp(min=at_least) / dist.get_world_size()
