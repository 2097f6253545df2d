"""A small labeled set in which the color of a thing tells its class."""

from collections.abc import Sequence
from pathlib import Path

import torch

from diode_pl.data.readers import Example, ImageSet
from diode_pl.provenance import Provenance

COLORS = {"red": (220, 40, 40), "green": (40, 220, 40), "blue": (40, 40, 220)}
SIDE = 48


class Colored(ImageSet):
    """Every image shows two colored boxes on gray noise: 12 to 20 pixels wide and high, side by side.

    Args:
        count: images.
        shares: how often each class comes in a round of things; one of 0 never comes.
        names: of the classes, as many as ``shares``.
        size: width and height of every box in pixels; None draws it.
        provenance: see :class:`ImageSet`.
    """

    def __init__(
        self,
        count: int,
        shares: Sequence[int] = (1, 1, 1),
        names: Sequence[str] = tuple(COLORS),
        size: int | None = None,
        provenance: Provenance | str = "teacher-only",
    ) -> None:
        super().__init__(names, SIDE, provenance, max_bad=0)
        self.count, self.size = count, size
        self.turn = [label for label, share in enumerate(shares) for _ in range(share)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Example:
        draw = torch.Generator().manual_seed(i)
        image = torch.randint(90, 160, (3, SIDE, SIDE), generator=draw, dtype=torch.uint8)
        boxes, labels = [], []
        for half in range(2):
            label = self.turn[(2 * i + half) % len(self.turn)]
            width, height = torch.randint(12, 21, (2,), generator=draw).tolist()
            if self.size is not None:
                width = height = self.size
            x, y = 24 * half + int(torch.randint(0, 4, (1,), generator=draw)), 4 + 2 * (i % 10)
            color = torch.tensor(list(COLORS.values())[label % 3])[:, None, None]
            image[:, y : y + height, x : x + width] = color + torch.randint(-30, 30, (3, height, width), generator=draw)
            boxes.append([x, y, x + width, y + height])
            labels.append(label)
        return Example(Path(f"{i}.png"), torch.tensor(boxes) / SIDE, torch.tensor(labels), (SIDE, SIDE), image)
