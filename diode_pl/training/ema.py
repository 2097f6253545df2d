"""How the moving average of a student's weights moves."""

from collections.abc import Sequence

import torch
from torch import Tensor


class WarmupEMA:
    """Goes a share of the way to the newest weights at every step, at first a larger one.

    With ``n`` steps behind it the average keeps ``min(decay, (1 + n) / (10 + n))`` of itself: the random weights of
    the beginning are soon forgotten, in short trainings too. A class and not a closure, so that processes that are
    spawned can take it along.

    Args:
        decay: what is kept in the long run, in [0, 1).

    Raises:
        ValueError: ``decay`` is out of range.
    """

    def __init__(self, decay: float = 0.998) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.decay = decay

    def __call__(self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        """Moves averages on to the next ones, in place; does not wait for the device.

        Args:
            averaged: of any one type: a counter is rounded down.
            current: the newest of each.
            steps: number of averages before.
        """
        new = 1 - torch.as_tensor((1 + steps) / (10 + steps), dtype=torch.float32).clamp(max=self.decay)
        for average, newest in zip(averaged, current, strict=True):
            if average.is_floating_point():
                average.lerp_(newest, new.to(average.dtype))
            else:
                average.copy_((1 - new) * average + new * newest)
