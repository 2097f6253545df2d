"""Random scale."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.augmentations.base import Augmentation
from diode_pl.targets import Targets


class Zoom(Augmentation):
    """Scales images about a random point, with fill where the picture ends; boxes scale along.

    Args:
        scale: smallest and largest factor, drawn log-uniformly; below 1 the picture shrinks.
        fill: value of the uncovered border, in [0, 1].

    Raises:
        ValueError: ``scale`` is not an increasing positive range.

    Source: random resized crops of SRe2L (Yin et al., NeurIPS 2023), here for boxes and both directions.
    """

    def __init__(self, scale: Sequence[float] = (0.8, 1.25), fill: float = 0.5) -> None:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f"zoom: scale is an increasing positive range, got {scale}")
        self.scale, self.fill = scale, fill

    def __call__(
        self, images: Float[Tensor, "n 3 h w"], targets: Targets, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 h w"], Targets]:
        """Returns changed copies of ``images`` and ``targets``; shapes stay."""
        height, width = images.shape[-2:]
        draw, x, y = torch.rand(3, generator=generator).tolist()
        factor = math.exp(math.log(self.scale[0]) + draw * math.log(self.scale[1] / self.scale[0]))
        new_h, new_w = max(1, round(height * factor)), max(1, round(width * factor))
        left, top = round((width - new_w) * x), round((height - new_h) * y)
        scaled = F.interpolate(images, (new_h, new_w), mode="bilinear", align_corners=False, antialias=False)
        border = (left, width - new_w - left, top, height - new_h - top)
        ratio = torch.tensor([new_w / width, new_h / height] * 2).to(targets.boxes, non_blocking=True)
        offset = torch.tensor([[left / width, top / height]]).to(targets.boxes, non_blocking=True)
        offset = offset.expand(len(images), 2)
        moved = targets.scale(ratio).shift(offset).clip(min_area=1 / (height * width))
        return F.pad(scaled, border, value=self.fill), moved
