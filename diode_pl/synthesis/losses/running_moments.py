"""Exponential average of channel statistics over steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from diode_pl.detector import ChannelStats


class MomentAverage:
    """Exponential average of mean and variance over steps, as if their images were one batch.

    First and second moments are averaged, so the variance includes that between the means of the batches. An average of
    the variances alone would be too small for a channel whose mean drifts from step to step.

    Args:
        momentum: weight of the past, in [0, 1); 0 uses the newest batch alone.

    Raises:
        ValueError: if ``momentum`` is out of range.
    """

    def __init__(self, momentum: float) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}; 0 uses one batch")
        self.momentum = momentum
        self.forget()

    def forget(self) -> None:
        """Resets the average."""
        self._past: tuple[Tensor, Tensor] | None = None
        self._count = 0

    def state_dict(self) -> dict[str, Any]:
        """The average so far."""
        return {"past": self._past, "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device | str) -> None:
        """Goes on from an average."""
        past, self._count = state["past"], state["count"]
        self._past = None if past is None else (past[0].to(device), past[1].to(device))

    def __call__(self, batch: Sequence[ChannelStats]) -> list[ChannelStats]:
        """Adds a step, one entry per layer, and returns the average; its gradient is that of ``batch`` alone."""
        if self.momentum == 0 or not batch:
            return list(batch)
        mean, var = (torch.cat([m[i] for m in batch]) for i in (0, 1))
        self._count += 1
        # Bias correction as in Adam: without it the first averages are too close to 0.
        share = (1 - self.momentum) / (1 - self.momentum**self._count)
        if self._past is not None:
            past_mean, past_var = self._past
            # Not E[x^2] - E[x]^2, which cancels if the variance is small and the mean large.
            between = (1 - share) * (mean - past_mean).square()
            mean, var = torch.lerp(past_mean, mean, share), torch.lerp(past_var, var + between, share)
        self._past = mean.detach(), var.detach()
        sizes = [len(m.mean) for m in batch]
        split = (_unshrunk(values, share).split(sizes) for values in (mean, var))
        return [ChannelStats(*pair) for pair in zip(*split, strict=True)]


def _unshrunk(average: Tensor, share: float) -> Tensor:
    """``average`` with its gradient divided by the newest batch's share in it.

    A batch stays in the averages of all later steps, where its shares add up to 1, but only the current step can move
    its pixels. Unscaled, the gradient would also shrink with the momentum, and from the start of a stage to its middle.
    """
    return average.detach() + (average - average.detach()) / share
