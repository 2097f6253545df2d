"""Labeled objects, each cut out of its image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional

from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.readers import BadImage, ImageFiles, ImageSet
from diode_pl.numerics.roi_crop import crops


@dataclass(frozen=True)
class Objects:
    """The boxes of a data set, those of all its images in a row.

    Args:
        images: position of each one's image in the data set.
        boxes: x1, y1, x2, y2 in units of image width and height, in [0, 1].
        labels: positions in the data set's class names.
    """

    images: Int[Tensor, " k"]
    boxes: Float[Tensor, "k 4"]
    labels: Int[Tensor, " k"]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, source: ImageSet) -> "Objects":
        """All boxes of the images that can be used; reads no image where the annotations are known without.

        Raises:
            ValueError: too many images are bad.
        """
        none = torch.zeros(0, dtype=torch.long)
        images, boxes, labels = [none], [torch.zeros(0, 4)], [none]
        for i in range(len(source)):
            try:
                each = source.annotation(i) if isinstance(source, ImageFiles) else source[i]
            except BadImage:
                continue
            images.append(torch.full((len(each.labels),), i))
            boxes.append(each.boxes)
            labels.append(each.labels.long())
        return cls(torch.cat(images), torch.cat(boxes), torch.cat(labels))

    def at(self, index: Tensor) -> "Objects":
        """Some of them: by position, or where a mask is True."""
        return Objects(self.images[index], self.boxes[index], self.labels[index])

    def counts(self, classes: int) -> list[int]:
        """How many there are of each class."""
        return self.labels.bincount(minlength=classes).tolist()

    def split(self, share: float, seed: int) -> tuple["Objects", "Objects"]:
        """Two parts that share no image.

        Args:
            share: of the images that goes to the second part, in [0, 1); at least one image, if it is above 0.
            seed: of the draw.

        Raises:
            ValueError: there are fewer images with boxes than parts.
        """
        images = self.images.unique()
        if not share:
            return self, self.at(torch.zeros(0, dtype=torch.long))
        if len(images) < 2:
            raise ValueError(
                f"crops.held_out={share} takes whole images, and {len(images)} have boxes that can be used: two are "
                "needed, or crops.held_out=0, which leaves the accuracy unknown"
            )
        count = min(max(1, round(share * len(images))), len(images) - 1)
        order = torch.randperm(len(images), generator=Generator().manual_seed(seed))
        out = torch.isin(self.images, images[order[:count]])
        return self.at(~out), self.at(out)

    def balanced(self, classes: int) -> Int[Tensor, " j"]:
        """Positions in which each class that there is comes equally often, each of its objects as often as another.

        Objects of a class are repeated in turn until there are as many as of the largest one.

        Args:
            classes: how many there may be.
        """
        own = [torch.nonzero(self.labels == label).squeeze(1) for label in range(classes)]
        most = max((len(positions) for positions in own), default=0)
        return torch.cat([positions[torch.arange(most) % len(positions)] for positions in own if len(positions)])


class Changes(NamedTuple):
    """How crops for training differ from the boxes.

    Args:
        jitter: every side of the box moves by up to this share of its width or height, in [0, 0.5).
        flip: probability that left and right change places, in [0, 1].
        color: brightness, contrast and saturation change by up to this share, hue by a tenth of it, in [0, 1].
    """

    jitter: float = 0.1
    flip: float = 0.5
    color: float = 0.2

    def check(self) -> None:
        """Looks at the numbers.

        Raises:
            ValueError: one is out of range.
        """
        if not 0 <= self.jitter < 0.5 or not 0 <= self.flip <= 1 or not 0 <= self.color <= 1:
            raise ValueError(
                f"crops need jitter in [0, 0.5), flip in [0, 1] and color in [0, 1], got {self.jitter}, {self.flip} "
                f"and {self.color}"
            )


class CropSet(Dataset):
    """Objects as squares of one size, in [0, 1], cut as a distillation cuts what it asks a classifier of.

    Args:
        source: the images.
        objects: of them.
        crop_size: height and width of every crop in pixels.
        order: which object each position stands for; None: as they are.
        changes: None leaves crops as they are.
    """

    def __init__(
        self,
        source: ImageSet,
        objects: Objects,
        crop_size: int,
        order: Int[Tensor, " j"] | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.source, self.objects, self.crop_size, self.changes = source, objects, crop_size, changes
        self.order = torch.arange(len(objects)) if order is None else order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, key: SampleKey) -> tuple[Float[Tensor, "3 s s"], int] | None:
        """The crop of a draw and its label.

        Where its image cannot be used, that is the next one's for training, and None for those that are held out.

        Raises:
            ValueError: too many images are bad.
        """
        position, image = self._readable(key.index)
        if image is None:
            return None
        generator, changes = Generator().manual_seed(key.seed), self.changes
        box = self.objects.boxes[position]
        if changes is not None:
            move = (2 * torch.rand(4, generator=generator) - 1) * changes.jitter
            box = box + move * (box[2:] - box[:2]).repeat(2)
        (crop,) = crops(image[None].float() / 255, box[None].float(), torch.zeros(1, dtype=torch.long), self.crop_size)
        if changes is not None:
            crop = _changed(crop, changes, generator)
        return crop, int(self.objects.labels[position])

    def _readable(self, index: int) -> tuple[int, Tensor | None]:
        for step in range(len(self) if self.changes else 1):
            position = int(self.order[(index + step) % len(self)])
            try:
                return position, self.source[int(self.objects.images[position])].image
            except BadImage:
                continue
        if self.changes:
            raise ValueError("no image with objects to train on can be used")
        return index, None


def _changed(crop: Tensor, changes: Changes, generator: Generator) -> Tensor:
    """Mirrored and in other colors, by draws of its own: the library's transforms draw from the global generator."""
    flip, *colors = torch.rand(5, generator=generator).tolist()
    if flip < changes.flip:
        crop = functional.horizontal_flip(crop)
    if not changes.color:
        return crop
    brightness, contrast, saturation, hue = ((2 * draw - 1) * changes.color for draw in colors)
    crop = functional.adjust_contrast(functional.adjust_brightness(crop, 1 + brightness), 1 + contrast)
    return functional.adjust_hue(functional.adjust_saturation(crop, 1 + saturation), hue / 10)


def joined(crops: Sequence[tuple[Tensor, int] | None]) -> tuple[Float[Tensor, "n 3 s s"], Int[Tensor, " n"]] | None:
    """A batch of crops and labels; None where none of the images can be used."""
    there = [each for each in crops if each is not None]
    if not there:
        return None
    images, labels = zip(*there, strict=True)
    return torch.stack(images), torch.tensor(labels)
