"""Initialization with noise."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.synthesis.initializer.base import Initializer


class Noise(Initializer):
    """Normal noise, clipped to [0, 1].

    Args:
        mean: mean of each pixel; in the paper's code 0.
        std: standard deviation of each pixel, >= 0; in the paper's code 1.
        grain: side of a noise cell in pixels, >= 1; larger cells are enlarged bilinearly.

    Raises:
        ValueError: if ``std`` is negative or ``grain`` below 1.

    Source: Chawla et al., WACV 2021, eq. 1; clipping as in the authors' implementation.

    Example:
        >>> Noise(mean=0.5, std=0.1)(2, 64, torch.Generator().manual_seed(0)).shape
        torch.Size([2, 3, 64, 64])
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0, grain: int = 1) -> None:
        if std < 0 or grain < 1:
            raise ValueError(f"std and grain must be >= 0 and >= 1, got {std} and {grain}")
        self.mean, self.std, self.grain = mean, std, grain

    def __call__(self, count: int, resolution: int, generator: Generator) -> Float[Tensor, "n 3 h w"]:
        side = max(1, resolution // self.grain)
        noise = self.mean + self.std * torch.randn(count, 3, side, side, generator=generator)
        if side != resolution:
            noise = F.interpolate(noise, (resolution, resolution), mode="bilinear", align_corners=False)
        return noise.clamp(0, 1)
