"""Random contrast."""

import torch
from torch import Generator

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets


class Contrast(Augmentation):
    """Multiplies all pixels of an image by a number drawn from N(1, ``std``).

    Args:
        std: standard deviation of the factor, >= 0.
        per_image: one draw per image (the paper's code); False draws once per batch.

    Raises:
        ValueError: if ``std`` is negative.

    Source: Chawla et al., WACV 2021, section 3.1.

    Example:
        >>> images, targets = torch.ones(2, 3, 8, 8), Targets(torch.rand(2, 4), torch.arange(2), torch.arange(2), 2)
        >>> changed, _ = Contrast(std=0.1)(images, targets, torch.Generator().manual_seed(0))
        >>> changed[:, 0, 0, 0]
        tensor([1.1541, 0.9707])
    """

    def __init__(self, std: float = 0.1, per_image: bool = True) -> None:
        if std < 0:
            raise ValueError(f"std must be >= 0, got {std}")
        self.std, self.per_image = std, per_image

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        draws = 1 + torch.randn(len(images) if self.per_image else 1, 1, 1, 1, generator=generator) * self.std
        return images * draws.to(images, non_blocking=True), targets
