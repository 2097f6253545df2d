"""Random scale, aspect ratio and translation."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets


class Zoom(Augmentation):
    """Scales, stretches and shifts each image and its boxes.

    Args:
        scale: range of the scale factor, > 0; drawn log-uniformly.
        stretch: maximum ratio of the factors of width and height, >= 1.
        reach: maximum shift beyond the margin or overhang that the scale gives, as a share of the side, in [0, 1).
        fill: value of uncovered pixels, in [0, 1].
        probability: of a change, per image, in [0, 1].
        visible: boxes with no more than this share inside the image are dropped, in [0, 1).

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> targets = Targets(torch.tensor([[0.25, 0.25, 0.75, 0.75]]), torch.tensor([7]), torch.tensor([0]), 1)
        >>> zoom = Zoom(scale=(0.5, 0.5), stretch=1.0, reach=0.0, probability=1.0)
        >>> _, smaller = zoom(torch.rand(1, 3, 64, 64), targets, torch.Generator())
        >>> smaller.boxes[:, 2:] - smaller.boxes[:, :2]
        tensor([[0.2500, 0.2500]])
    """

    def __init__(
        self,
        scale: Sequence[float] = (0.5, 1.6),
        stretch: float = 1.25,
        reach: float = 0.1,
        fill: float = 0.5,
        probability: float = 0.8,
        visible: float = 0.25,
    ) -> None:
        if len(scale) != 2 or not 0 < scale[0] <= scale[1] < math.inf or not 1 <= stretch < math.inf:
            raise ValueError(f"scale and stretch: expected two factors > 0 and one >= 1, got {scale} and {stretch}")
        if not (0 <= reach < 1 and 0 <= fill <= 1 and 0 <= probability <= 1 and 0 <= visible < 1):
            raise ValueError(
                "reach, visible, fill and probability must be in [0, 1), [0, 1), [0, 1] and [0, 1], got "
                f"{reach}, {visible}, {fill} and {probability}"
            )
        self.scale, self.stretch, self.reach = tuple(scale), stretch, reach
        self.fill, self.probability, self.visible = fill, probability, visible

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        from torchvision.ops import box_area  # takes a second and 170 MB to import, here only where it is used

        size, shift = self._draw(len(images), generator)
        # Maps output to input coordinates, both in [-1, 1].
        back = torch.cat([torch.diag_embed(1 / size), (-2 * shift / size)[:, :, None]], dim=2)
        grid = F.affine_grid(back.to(images, non_blocking=True), list(images.shape), align_corners=False)
        moved = F.grid_sample(images - self.fill, grid, "bilinear", "zeros", align_corners=False) + self.fill
        size, shift = (draw.to(targets.boxes, non_blocking=True)[targets.image_index] for draw in (size, shift))
        boxes = (targets.boxes - 0.5) * size.repeat(1, 2) + 0.5 + shift.repeat(1, 2)
        clipped = replace(targets, boxes=boxes).clip(min_area=1 / images.shape[2:].numel())
        return moved, clipped.keep(box_area(clipped.boxes) > self.visible * box_area(boxes))

    def _draw(self, count: int, generator: Generator) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 2"]]:
        """Draws factors of width and height, and shifts in image widths and heights."""
        draws = torch.rand(5, count, generator=generator)
        low, high = map(math.log, self.scale)
        scale, half = low + draws[0] * (high - low), (draws[1] - 0.5) * math.log(self.stretch)
        size = torch.stack([scale + half, scale - half], dim=1).exp()
        shift = (draws[2:4].T * 2 - 1) * ((1 - size).abs() / 2 + self.reach)
        changed = (draws[4] < self.probability)[:, None]
        return torch.where(changed, size, 1.0), torch.where(changed, shift, 0.0)
