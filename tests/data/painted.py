"""A small data set of gray images, each with one bright box, and the way back from pixels to boxes."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from diode_pl.data.readers import BadImage, Example, ImageSet
from diode_pl.io.ignored import Ignored
from diode_pl.provenance import Provenance

SIDE = 32
NAMES = ("cat", "dog", "cup")
GROUND = 64
PAINT = 255


class Crowded(ImageSet):
    """The images of a set, each with an area and a region for scores alone."""

    def __init__(self, source: ImageSet) -> None:
        super().__init__(source.class_names, source.resolution, source.provenance, 0)
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example:
        example = self.source[i]
        crowd = Ignored.from_objects([(i % 3, (0.0, 0.0, 0.5, 0.5), True)])
        return replace(example, areas=torch.full((len(example.labels),), 7.0 + i), ignored=crowd)


class Painted(ImageSet):
    """Image ``i`` shows one box, in a place, a brightness of the ground and a class of its own.

    Args:
        count: images.
        names: of the classes, taken in turn; none for images without labels.
        bad: images that cannot be read.
        max_bad: at most this many of them are skipped.
        side: of the images in pixels.

    Attributes:
        reads: how often an image was asked for in this process.
    """

    def __init__(
        self,
        count: int,
        names: Sequence[str] = NAMES,
        bad: Collection[int] = (),
        max_bad: int = 10,
        side: int = SIDE,
        provenance: Provenance | str = "real images",
    ) -> None:
        super().__init__(names, side, provenance, max_bad)
        self.count, self.bad, self.reads = count, bad, 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Example:
        if not 0 <= i < self.count:
            raise IndexError(i)
        self.reads += 1
        if i in self.bad:
            raise BadImage(f"image {i}", f"image {i} is torn")
        box = corners(i, self.resolution)
        image = paint([box], self.resolution, ground=i % GROUND)
        here = slice(0, 1 if self.class_names else 0)
        labels = torch.tensor([i % max(1, len(self.class_names))])
        boxes = torch.tensor([box]) / self.resolution
        size = (2 * self.resolution, self.resolution + i)
        return Example(Path(f"{i}.png"), boxes[here], labels[here], size, image)


def corners(i: int, side: int = SIDE) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 in pixels of the box of image ``i``, between a quarter and three quarters of the frame."""
    unit = side // 8
    x, y = 2 * unit + i % (unit + 1), 2 * unit + 3 * i % (unit + 1)
    return x, y, x + 2 * unit + i % unit, y + 3 * unit


def paint(boxes: Sequence[tuple[int, int, int, int]], side: int = SIDE, ground: int = 0) -> Tensor:
    """An image of one color with bright boxes."""
    image = torch.full((3, side, side), ground, dtype=torch.uint8)
    for x1, y1, x2, y2 in boxes:
        image[:, y1:y2, x1:x2] = PAINT
    return image


def number_of(image: Tensor) -> int:
    """Which image of the set it is, by its ground."""
    return int(image[0, 0, 0])


def found(image: Tensor) -> Tensor:
    """x1, y1, x2, y2 in pixels of the bright part of an image."""
    rows, columns = (image[0].float() > (GROUND + PAINT) / 2).nonzero(as_tuple=True)
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def same(one: Example, other: Example) -> bool:
    """Whether two examples agree in everything."""
    tensors = ((one.image, other.image), (one.boxes, other.boxes), (one.labels, other.labels))
    return all(torch.equal(a, b) for a, b in tensors) and (one.size, one.path) == (other.size, other.path)
