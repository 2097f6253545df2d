"""Exponential moving average of the student's weights, with warm-up."""

from collections.abc import Sequence

import torch
from torch import Tensor


class WarmupEMA:
    """``decay_t = min(decay, (1 + t) / (10 + t))``, so that the random initial weights are forgotten quickly.

    A class rather than a closure, so that spawned processes can unpickle it.

    Args:
        decay: final decay, in [0, 1).

    Raises:
        ValueError: if ``decay`` is out of range.

    Example:
        >>> average = [torch.zeros(2)]
        >>> WarmupEMA(decay=0.998)(average, [torch.ones(2)], steps=0)
        >>> average
        [tensor([0.9000, 0.9000])]
    """

    def __init__(self, decay: float = 0.998) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.decay = decay

    def __call__(self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        """Updates the averages in place, without a device sync.

        Args:
            averaged: tensors of any dtype; integers are rounded down.
            current: current values, in the same order.
            steps: number of previous updates ``t``.
        """
        step = 1 - torch.as_tensor((1 + steps) / (10 + steps), dtype=torch.float32).clamp(max=self.decay)
        for average, value in zip(averaged, current, strict=True):
            if average.is_floating_point():
                average.lerp_(value, step.to(average.dtype))
            else:
                average.copy_((1 - step) * average + step * value)
