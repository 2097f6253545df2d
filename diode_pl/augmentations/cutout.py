"""Random erased rectangles."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets


class Cutout(Augmentation):
    """Sets a random rectangle of an image to a constant; boxes are unchanged.

    Args:
        probability: of a rectangle, in [0, 1].
        area: range of the area, as shares of the image.
        aspect: range of height / width of the rectangle relative to the image's, drawn log-uniformly.
        fill: value inside the rectangle, in [0, 1].
        per_image: one draw per image (the paper's code); False draws once per batch.

    Raises:
        ValueError: if ``probability`` is outside [0, 1], a range is not increasing, or a rectangle would not fit.

    Source: Chawla et al., WACV 2021, section 3.1; DeVries and Taylor, arXiv 1708.04552.

    Example:
        >>> images, targets = torch.ones(2, 3, 8, 8), Targets(torch.rand(2, 4), torch.arange(2), torch.arange(2), 2)
        >>> cut, _ = Cutout(probability=1.0, area=(0.2, 0.2))(images, targets, torch.Generator().manual_seed(0))
        >>> (cut == 0).sum(dim=(1, 2, 3)) > 0
        tensor([True, True])
    """

    def __init__(
        self,
        probability: float = 0.5,
        area: Sequence[float] = (0.02, 0.2),
        aspect: Sequence[float] = (0.3, 3.3),
        fill: float = 0.0,
        per_image: bool = True,
    ) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be in [0, 1], got {probability}")
        if not (0 < area[0] <= area[1] <= 1 and 0 < aspect[0] <= aspect[1]):
            raise ValueError(f"area and aspect must be increasing positive ranges, got {area} and {aspect}")
        if area[1] * max(aspect[1], 1 / aspect[0]) > 1:
            raise ValueError(f"area and aspect: {area} with {aspect} gives rectangles that do not fit in the image")
        self.probability, self.area, self.aspect = probability, area, aspect
        self.fill, self.per_image = fill, per_image

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        height, width = images.shape[-2:]
        happens, size, tilt, x, y = torch.rand(5, len(images) if self.per_image else 1, generator=generator)
        area = self.area[0] + (self.area[1] - self.area[0]) * size
        low, high = math.log(self.aspect[0]), math.log(self.aspect[1])
        aspect = torch.exp(low + (high - low) * tilt)
        box_h, box_w = (area * aspect).sqrt(), (area / aspect).sqrt()
        happens = happens < self.probability
        # Five numbers per image are copied to the device, and the mask is computed there.
        numbers = torch.stack([y * (1 - box_h), box_h, x * (1 - box_w), box_w, happens])
        top, box_h, left, box_w, happens = numbers.to(images.device, non_blocking=True)
        rows, columns = _span(height, top, box_h), _span(width, left, box_w)
        erased = (happens > 0)[:, None, None] & rows[:, :, None] & columns[:, None]
        return images.masked_fill(erased[:, None], self.fill), targets


def _span(length: int, start: Tensor, extent: Tensor) -> Tensor:
    """``(n, length)`` mask of the pixels whose centers lie within [start, start + extent), both shares of length."""
    centers = (torch.arange(length, device=start.device) + 0.5) / length
    return (centers >= start[:, None]) & (centers < (start + extent)[:, None])
