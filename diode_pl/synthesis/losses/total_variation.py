"""Smoothness of images."""

from jaxtyping import Float
from torch import Tensor

from diode_pl.synthesis.losses.base import Loss, SynthesisState


def total_variation(images: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Sum of the mean absolute differences to the right, lower and both lower diagonal neighbors.

    Args:
        images: RGB, nominally in [0, 1]; other values are allowed (augmented images).

    Raises:
        ValueError: if height or width is below 2.

    Source: Chawla et al., WACV 2021, eq. 4, with the diagonals and means of the authors' implementation.
    """
    if min(images.shape[-2:]) < 2:
        raise ValueError(f"images must have at least 2 x 2 pixels, got {tuple(images.shape)}")
    right = images[..., 1:] - images[..., :-1]
    down = images[..., 1:, :] - images[..., :-1, :]
    falling = images[..., 1:, 1:] - images[..., :-1, :-1]
    rising = images[..., :-1, 1:] - images[..., 1:, :-1]
    return right.abs().mean() + down.abs().mean() + falling.abs().mean() + rising.abs().mean()


class TotalVariation(Loss):
    """:func:`total_variation` of the augmented images.

    Args:
        weight: factor of the term; in the paper's code 75.

    Example:
        >>> import torch
        >>> float(total_variation(torch.eye(2).expand(1, 3, 2, 2)))
        2.0
    """

    def __init__(self, weight: float = 75.0) -> None:
        super().__init__(weight)

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        return total_variation(step.images)
