"""What every distribution of tiles offers."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.provenance import Provenance

MOST = 25
"""The most images in one: 5 x 5, as in the paper."""


class Tiling:
    """Decides how many images are joined into the next one, each time anew.

    A subclass computes its weights and hands them on. With images of one object each, tiles are objects an image.

    Args:
        weights: how likely 1, 2, ... tiles are, up to at most 25; not negative, of any positive sum.

    Attributes:
        probabilities: the same, in float64, with sum 1.
        provenance: what a result has seen because of it; empty for nothing.

    Raises:
        ValueError: there are no or more than 25 weights, or they are no distribution.
    """

    provenance = Provenance()

    def __init__(self, weights: Float[Tensor, " most"]) -> None:
        if weights.dim() != 1 or not 1 <= len(weights) <= MOST:
            raise ValueError(f"weights: 1 to {MOST}, one a count, got {tuple(weights.shape)}")
        total = weights.double().sum()
        if not (weights >= 0).all() or not 0 < total < torch.inf:
            raise ValueError(f"weights must be >= 0, and one > 0, got {weights.tolist()}")
        self.probabilities = weights.double() / total

    def draw(self, generator: Generator) -> int:
        """How many images go into the next one, from 1 to 25.

        Args:
            generator: on the CPU.
        """
        return 1 + int(torch.multinomial(self.probabilities, 1, generator=generator))
