"""Random horizontal flip."""

import torch
from torch import Generator

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets


class Flip(Augmentation):
    """Flips images and boxes horizontally.

    Args:
        probability: of a flip, in [0, 1].
        per_image: one draw per image; False (the paper's code) draws once per batch.

    Raises:
        ValueError: if ``probability`` is outside [0, 1].

    Source: Chawla et al., WACV 2021, section 3.1.

    Example:
        >>> targets = Targets(torch.tensor([[0.0, 0.2, 0.25, 0.6]]), torch.tensor([7]), torch.tensor([0]), 1)
        >>> _, flipped = Flip(probability=1.0)(torch.zeros(1, 3, 8, 8), targets, torch.Generator())
        >>> flipped.boxes
        tensor([[0.7500, 0.2000, 1.0000, 0.6000]])
    """

    def __init__(self, probability: float = 0.5, per_image: bool = False) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be in [0, 1], got {probability}")
        self.probability, self.per_image = probability, per_image

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        draws = torch.rand(len(images) if self.per_image else 1, generator=generator) < self.probability
        if not draws.any():  # on the CPU: no device sync
            return images, targets
        flipped = draws.expand(len(images)).to(images.device, non_blocking=True)
        if draws.all():
            return images.flip(-1), targets.flip(flipped)
        return torch.where(flipped[:, None, None, None], images.flip(-1), images), targets.flip(flipped)
