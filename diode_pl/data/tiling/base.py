"""Base class of the distributions of tiles."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.provenance import Provenance

MAX_TILES = 25  # 5 x 5, as in the paper


class Tiling:
    """Draws how many images are joined into the next one.

    With images of one object each, this is the number of objects per image.

    Args:
        weights: of 1, 2, ... tiles, >= 0 with a positive sum; at most 25 weights.

    Attributes:
        probabilities: the normalized weights, in float64.
        provenance: data access level that the distribution adds; empty by default.

    Raises:
        ValueError: if there are no or more than 25 weights, or they are not a distribution.

    Example:
        >>> Tiling(torch.tensor([3.0, 1.0])).probabilities.tolist()
        [0.75, 0.25]
    """

    provenance = Provenance()

    def __init__(self, weights: Float[Tensor, " most"]) -> None:
        if weights.dim() != 1 or not 1 <= len(weights) <= MAX_TILES:
            raise ValueError(f"weights: expected 1 to {MAX_TILES} numbers, got shape {tuple(weights.shape)}")
        total = weights.double().sum()
        if not (weights >= 0).all() or not 0 < total < torch.inf:
            raise ValueError(f"weights must be >= 0 with a positive finite sum, got {weights.tolist()}")
        self.probabilities = weights.double() / total

    def draw(self, generator: Generator) -> int:
        """Draws a number in [1, 25] with a generator on the CPU."""
        return 1 + int(torch.multinomial(self.probabilities, 1, generator=generator))
