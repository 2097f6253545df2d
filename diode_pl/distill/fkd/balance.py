"""Factors that make the parts of a loss equally large at the beginning."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Balance(nn.Module):
    """Factor of each part: a wanted size, divided by the part's mean size so far.

    In the first steps of training the means move on; then they stand, and so do the factors. They are buffers: a
    training that goes on from a checkpoint keeps them. Nothing waits for the device. Where several processes train one
    model, each is handed the buffers of the first at every step.

    Args:
        size: that each part is to have.
        parts: how many there are.
        steps: so many steps count.

    Raises:
        ValueError: ``size`` is not finite or not above 0.
    """

    means: Float[Tensor, " parts"]
    seen: Int[Tensor, ""]

    def __init__(self, size: float, parts: int, steps: int = 100) -> None:
        super().__init__()
        if not 0 < size < float("inf"):
            raise ValueError(f"FKD: balance must be finite and above 0, got {size}")
        self.size, self.steps = size, steps
        self.register_buffer("means", torch.zeros(parts))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def forward(self, sizes: Float[Tensor, " parts"]) -> Float[Tensor, " parts"]:
        """The factors of this step; 0 for a part that has been 0 so far.

        Args:
            sizes: raw parts, not negative.
        """
        if self.training:
            counts = self.seen < self.steps
            self.seen += counts
            self.means.copy_(torch.where(counts, self.means + (sizes - self.means) / self.seen, self.means))
        return torch.where(self.means > 0, self.size / self.means, 0)
