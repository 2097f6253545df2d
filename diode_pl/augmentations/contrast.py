"""Random contrast."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.augmentations.base import Augmentation
from diode_pl.targets import Targets


class Contrast(Augmentation):
    """Multiplies all pixels of an image by one number drawn from N(1, ``std``).

    Args:
        std: relative, not negative.
        per_image: one draw for each image (the paper's code) instead of one for the batch.

    Raises:
        ValueError: ``std`` is negative.

    Source: Chawla et al., WACV 2021, section 3.1.
    """

    def __init__(self, std: float = 0.1, per_image: bool = True) -> None:
        if std < 0:
            raise ValueError(f"std must be >= 0, got {std}")
        self.std, self.per_image = std, per_image

    def __call__(
        self, images: Float[Tensor, "n 3 h w"], targets: Targets, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 h w"], Targets]:
        """Returns changed copies of ``images`` and ``targets``; shapes stay."""
        draws = 1 + torch.randn(len(images) if self.per_image else 1, 1, 1, 1, generator=generator) * self.std
        return images * draws.to(images, non_blocking=True), targets
