"""Factors that give every part of a loss the same size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.numerics.distributed import reduce_mean
from diode_pl.training.step_counter import StepCount


class PartNormalizer(nn.Module):
    """Factor per part: the desired size, divided by the mean size of the part so far.

    The means are updated in the first ``steps`` of training and constant afterwards, and so are the factors. They are
    buffers: a resumed training keeps them. Sizes are averaged over all processes, which thus have the same factors;
    after ``steps`` nothing is exchanged any more.

    Args:
        size: desired size of each part.
        parts: number of parts.
        steps: number of steps that count.

    Raises:
        ValueError: ``size`` is not finite or not above 0.
    """

    means: Float[Tensor, " parts"]

    def __init__(self, size: float, parts: int, steps: int = 100) -> None:
        super().__init__()
        if not 0 < size < float("inf"):
            raise ValueError(f"FKD: balance must be finite and > 0, got {size}")
        self.size, self.steps = size, steps
        self.register_buffer("means", torch.zeros(parts))
        self.count = StepCount()

    @torch.no_grad()
    def forward(self, sizes: Float[Tensor, " parts"]) -> Float[Tensor, " parts"]:
        """The factors of this step; 0 for a part that has been 0 so far.

        Args:
            sizes: raw parts, not negative.
        """
        step = self.count()
        if self.training and step <= self.steps:
            self.means += (reduce_mean(sizes) - self.means) / step
        return torch.where(self.means > 0, self.size / self.means, 0)
