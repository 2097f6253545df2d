"""Factors that make the parts of a loss equally large at the beginning."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.numerics.distributed import reduce_mean
from diode_pl.training.step_counter import StepCount


class PartNormalizer(nn.Module):
    """Factor of each part: a wanted size, divided by the part's mean size so far.

    In the first steps of training the means move on; then they stand, and so do the factors. They are buffers: a
    training that goes on from a checkpoint keeps them. Where several processes train one model, sizes are means over
    all of them, and so all have the same factors; once these stand, nothing is exchanged any more.

    Args:
        size: that each part is to have.
        parts: how many there are.
        steps: so many steps count.

    Raises:
        ValueError: ``size`` is not finite or not above 0.
    """

    means: Float[Tensor, " parts"]

    def __init__(self, size: float, parts: int, steps: int = 100) -> None:
        super().__init__()
        if not 0 < size < float("inf"):
            raise ValueError(f"FKD: balance must be finite and above 0, got {size}")
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
