"""Small batches that count as a large one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from diode_pl.detector import ChannelStats


class MomentAverage:
    """Mean and variance of the images of many steps, as if they lay in one batch: an exponential average.

    It is the first and second moment that are averaged, so the variance is that within the batches plus that between
    their means. The average of the variances alone would call a channel narrow whose mean wanders from step to step.

    Args:
        momentum: in [0, 1); how much a batch weighs once the next one has come. 0: the newest batch alone.

    Raises:
        ValueError: ``momentum`` is out of range.
    """

    def __init__(self, momentum: float) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}; 0 looks at one batch")
        self.momentum = momentum
        self.forget()

    def forget(self) -> None:
        """The next batch is the first."""
        self._past: tuple[Tensor, Tensor] | None = None
        self._count = 0

    def __call__(self, batch: Sequence[ChannelStats]) -> list[ChannelStats]:
        """Takes in a step; gives the average, differentiable in ``batch`` as if nothing had been averaged.

        Args:
            batch: one entry a layer, the same channel counts at every step.
        """
        if self.momentum == 0 or not batch:
            return list(batch)
        mean, var = (torch.cat([m[i] for m in batch]) for i in (0, 1))
        self._count += 1
        # The powers of the momentum so far add up to the denominator: the first steps are no nearer to 0 than others.
        share = (1 - self.momentum) / (1 - self.momentum**self._count)
        if self._past is not None:
            past_mean, past_var = self._past
            # No mean of squares less square of the mean: that loses small variances beside large means.
            between = (1 - share) * (mean - past_mean).square()
            mean, var = torch.lerp(past_mean, mean, share), torch.lerp(past_var, var + between, share)
        self._past = mean.detach(), var.detach()
        sizes = [len(m.mean) for m in batch]
        split = (_unshrunk(values, share).split(sizes) for values in (mean, var))
        return [ChannelStats(*pair) for pair in zip(*split, strict=True)]


def _unshrunk(average: Tensor, share: float) -> Tensor:
    """``average`` with its gradient divided by the newest batch's share in it.

    A step stays in the average for all steps that follow, and its shares there add up to one; yet its pixels can be
    moved by the first alone. With the shrunk gradient the term would also weigh less the longer the average is, and
    less in the middle of a stage than at its start, where the newest batch is all there is.
    """
    return average.detach() + (average - average.detach()) / share
