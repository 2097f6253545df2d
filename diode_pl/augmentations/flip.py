"""Random left-right mirroring."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.augmentations.base import Augmentation
from diode_pl.targets import Targets


class Flip(Augmentation):
    """Mirrors images and boxes left and right.

    Args:
        probability: of mirroring, in [0, 1].
        per_image: one draw for each image instead of one for the batch (the paper's code: one for the batch).

    Raises:
        ValueError: ``probability`` is outside [0, 1].

    Source: Chawla et al., WACV 2021, section 3.1.
    """

    def __init__(self, probability: float = 0.5, per_image: bool = False) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be in [0, 1], got {probability}")
        self.probability, self.per_image = probability, per_image

    def __call__(
        self, images: Float[Tensor, "n 3 h w"], targets: Targets, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 h w"], Targets]:
        """Returns changed copies of ``images`` and ``targets``; shapes stay."""
        draws = torch.rand(len(images) if self.per_image else 1, generator=generator) < self.probability
        if not draws.any():  # on the CPU: no wait for the device
            return images, targets
        flipped = draws.expand(len(images)).to(images.device, non_blocking=True)
        return torch.where(flipped[:, None, None, None], images.flip(-1), images), targets.flip(flipped)
