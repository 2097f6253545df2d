"""Images in which each box is painted, and the way back from pixels to boxes."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from diode_pl.augmentations import (
    Augmentation,
    Brightness,
    Contrast,
    ContrastStretch,
    Cutout,
    Flip,
    HueSaturationValue,
    Jitter,
    Zoom,
)
from diode_pl.targets import Targets

LEVEL = 0.75  # above every fill, below paint

EVERY: dict[str, Callable[[], Augmentation]] = {
    "brightness": Brightness,
    "brightness, one draw": lambda: Brightness(per_image=False),
    "contrast": Contrast,
    "contrast, one draw": lambda: Contrast(per_image=False),
    "contrast stretch": ContrastStretch,
    "cutout": lambda: Cutout(1.0),
    "cutout, one draw": lambda: Cutout(1.0, per_image=False),
    "flip": lambda: Flip(0.5, per_image=True),
    "flip, one draw": lambda: Flip(1.0),
    "hue, saturation, value": HueSaturationValue,
    "jitter": lambda: Jitter(0.3, per_image=True),
    "jitter, one draw": lambda: Jitter(0.3),
    "jitter, wrapped": lambda: Jitter(0.3, wrap=True),
    "zoom": lambda: Zoom(probability=1.0),
}
ONE_DRAW = [name for name in EVERY if name.endswith((", one draw", ", wrapped"))]


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def boxes_of_pixels(corners: list[tuple[int, int, int, int]], height: int, width: int) -> Targets:
    """One box an image from x1, y1, x2, y2 in pixels."""
    boxes = torch.tensor(corners) / torch.tensor([width, height, width, height])
    count = len(corners)
    return Targets(boxes, torch.zeros(count, dtype=torch.long), torch.arange(count), count)


def paint(targets: Targets, height: int, width: int) -> Tensor:
    """Black images, white inside the boxes."""
    images = torch.zeros(targets.batch_size, 3, height, width)
    corners = (targets.boxes * torch.tensor([width, height, width, height])).round().int().tolist()
    for image, (x1, y1, x2, y2) in zip(targets.image_index.tolist(), corners, strict=True):
        images[image, :, y1:y2, x1:x2] = 1
    return images


def find(image: Tensor) -> tuple[int, int, int, int] | None:
    """x1, y1, x2, y2 in pixels of the bright part of one image; None where there is none."""
    rows, columns = (image.mean(dim=0) > LEVEL).nonzero(as_tuple=True)
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def in_pixels(targets: Targets, height: int, width: int) -> Tensor:
    return targets.boxes * torch.tensor([width, height, width, height])
