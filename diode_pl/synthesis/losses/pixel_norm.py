"""Squared norm of the pixel values."""

from jaxtyping import Float
from torch import Tensor

from diode_pl.synthesis.losses.base import Loss, SynthesisState


def pixel_norm(images: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Sum of squares of all pixel values (Chawla et al., WACV 2021, eq. 3)."""
    return images.square().sum()


class PixelNorm(Loss):
    """:func:`pixel_norm` of the images before augmentation.

    Args:
        weight: factor of the term; in the paper's code 0.

    Example:
        >>> import torch
        >>> pixel_norm(torch.full((1, 3, 2, 2), 0.5))
        tensor(3.)
    """

    def __init__(self, weight: float = 0.0) -> None:
        super().__init__(weight)

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        return pixel_norm(step.pixels)
