"""Random brightness."""

import torch
from torch import Generator

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets


class Brightness(Augmentation):
    """Adds a number drawn from N(0, ``std``) to all pixels of an image.

    Args:
        std: standard deviation in units of the [0, 1] pixel range, >= 0.
        per_image: one draw per image (the paper's code); False draws once per batch.

    Raises:
        ValueError: if ``std`` is negative.

    Source: Chawla et al., WACV 2021, section 3.1.

    Example:
        >>> images, targets = torch.zeros(2, 3, 8, 8), Targets(torch.rand(2, 4), torch.arange(2), torch.arange(2), 2)
        >>> brighter, _ = Brightness(std=0.2)(images, targets, torch.Generator().manual_seed(0))
        >>> brighter[:, 0, 0, 0]
        tensor([ 0.3082, -0.0587])
    """

    def __init__(self, std: float = 0.2, per_image: bool = True) -> None:
        if std < 0:
            raise ValueError(f"std must be >= 0, got {std}")
        self.std, self.per_image = std, per_image

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        draws = torch.randn(len(images) if self.per_image else 1, 1, 1, 1, generator=generator) * self.std
        return images + draws.to(images, non_blocking=True), targets
