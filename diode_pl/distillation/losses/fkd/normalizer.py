"""Normalization of the parts of a loss to the same size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.numerics.distributed import reduce_mean
from diode_pl.training.step_counter import StepCount


class PartNormalizer(nn.Module):
    """Factor per part: the desired size divided by the mean size of the part over the first steps.

    The means are buffers, which a resumed training keeps, and averages over all processes.

    Args:
        size: desired size of each part, finite and > 0.
        parts: number of parts.
        steps: steps in which means and factors are updated.

    Raises:
        ValueError: if ``size`` is not finite or not above 0.
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
        """Returns the factors of this step, given the raw parts (>= 0); 0 for a part that has been 0 so far."""
        step = self.count()
        if self.training and step <= self.steps:
            self.means += (reduce_mean(sizes) - self.means) / step
        return torch.where(self.means > 0, self.size / self.means, 0)
