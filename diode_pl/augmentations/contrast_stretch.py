"""Random contrast about the mean of an image."""

import math
from collections.abc import Sequence

import torch
from torch import Generator

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets


class ContrastStretch(Augmentation):
    """Multiplies the difference of all pixels of an image from their mean by a factor drawn from a range.

    Synthetic images have two thirds of the contrast of real ones, so the factors that suit a student are above 1.
    :class:`Contrast` of the paper changes the mean as well.

    Args:
        factor: range of the factor, > 0; drawn log-uniformly.

    Raises:
        ValueError: if the range is empty or not positive.

    Example:
        >>> images = torch.rand(2, 3, 8, 8)
        >>> changed, _ = ContrastStretch((2.0, 2.0))(images, Targets.from_images([]), torch.Generator())
        >>> round(float(changed.std() / images.std()), 2)
        2.0
    """

    def __init__(self, factor: Sequence[float] = (0.8, 2.0)) -> None:
        if len(factor) != 2 or not 0 < factor[0] <= factor[1] < math.inf:
            raise ValueError(f"factor must be two numbers > 0, the smaller one first, got {factor}")
        self.factor = tuple(factor)

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        low, high = map(math.log, self.factor)
        factor = (low + torch.rand(len(images), 1, 1, 1, generator=generator) * (high - low)).exp()
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return torch.lerp(mean, images, factor.to(images, non_blocking=True)), targets
