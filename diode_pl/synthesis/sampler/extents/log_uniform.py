"""Object sizes from a fixed range."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from diode_pl.synthesis.sampler.extents.base import Extents
from diode_pl.synthesis.sampler.label_prior import LabelPrior


class LogUniformExtents(Extents):
    """Sizes uniform on a logarithmic scale, the same for every class; more of them are small than on a linear scale.

    Args:
        size: range of the geometric mean of width and height, in units of the image side, in (0, 1].
        log_aspect: the logarithm of width over height is uniform in ±``log_aspect``; finite, >= 0. A side longer than
            the image is clipped to it.

    Raises:
        ValueError: if ``size`` is not an increasing range in (0, 1], or ``log_aspect`` is out of range.

    Example:
        >>> extents = LogUniformExtents(size=(0.25, 0.25), log_aspect=0.0)
        >>> extents.draw(torch.tensor([0]), LabelPrior({"mug": 0}), Generator())
        tensor([[0.2500, 0.2500]])
    """

    def __init__(self, size: Sequence[float] = (0.12, 0.7), log_aspect: float = 0.5) -> None:
        if len(size) != 2 or not 0 < size[0] <= size[1] <= 1:
            raise ValueError(f"size must be an increasing range within (0, 1], got {list(size)}")
        if not 0 <= log_aspect < math.inf:
            raise ValueError(f"log_aspect must be finite and >= 0, got {log_aspect}")
        self.size, self.log_aspect = size, log_aspect

    def draw(self, labels: Int[Tensor, " n"], prior: LabelPrior, generator: Generator) -> Float[Tensor, "n 2"]:
        low, high = map(math.log, self.size)
        side, aspect = torch.rand(2, len(labels), generator=generator)
        log_side, half = low + (high - low) * side, self.log_aspect * (aspect - 0.5)
        return torch.stack([log_side + half, log_side - half], dim=1).exp().clamp(max=1)
