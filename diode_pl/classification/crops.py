"""Crops of labeled objects."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional

from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.readers import ImageSet
from diode_pl.numerics.roi_crop import crop_boxes
from diode_pl.targets import Targets


def find_objects(source: ImageSet) -> Targets:
    """Returns all boxes of a data set, from the annotations alone if the reader has them."""
    annotations = [source.annotation(i) for i in range(len(source))]
    return Targets.from_images([(annotation.boxes, annotation.labels) for annotation in annotations])


def split_by_image(objects: Targets, share: float, seed: int) -> tuple[Targets, Targets]:
    """Splits objects into two parts that share no image.

    Args:
        share: fraction of the images in the second part, in [0, 1); at least one image if > 0.

    Raises:
        ValueError: if fewer than two images have boxes.
    """
    images = objects.image_index.unique()
    if not share:
        return objects, objects.select(torch.zeros(0, dtype=torch.long))
    if len(images) < 2:
        raise ValueError(
            f"held_out={share} takes whole images, and {len(images)} have boxes that can be used: two are needed, or "
            "held_out=0, which leaves the accuracy unknown"
        )
    count = min(max(1, round(share * len(images))), len(images) - 1)
    order = torch.randperm(len(images), generator=Generator().manual_seed(seed))
    out = torch.isin(objects.image_index, images[order[:count]])
    return objects.select(~out), objects.select(out)


def balance_classes(labels: Int[Tensor, " k"], classes: int) -> Int[Tensor, " j"]:
    """Returns indices of objects that repeat those of each class in turn up to the count of the largest class."""
    own = [torch.nonzero(labels == label).squeeze(1) for label in range(classes)]
    most = max((len(positions) for positions in own), default=0)
    return torch.cat([positions[torch.arange(most) % len(positions)] for positions in own if len(positions)])


class CropAugmentation(NamedTuple):
    """Augmentation of training crops.

    Args:
        jitter: every side of the box moves by at most this fraction of its width or height, in [0, 0.5).
        flip: probability of a horizontal flip, in [0, 1].
        color: brightness, contrast and saturation change by at most this fraction, hue by a tenth of it, in [0, 1].
    """

    jitter: float = 0.1
    flip: float = 0.5
    color: float = 0.2

    def check(self) -> None:
        """Raises a ``ValueError`` if a number is out of range."""
        if not 0 <= self.jitter < 0.5 or not 0 <= self.flip <= 1 or not 0 <= self.color <= 1:
            raise ValueError(
                f"jitter, flip and color must be in [0, 0.5), [0, 1] and [0, 1], got {self.jitter}, {self.flip} and "
                f"{self.color}"
            )


class CropSet(Dataset):
    """Square crops of objects, in [0, 1], cut in the same way as for the classifier in a distillation.

    Args:
        source: the images.
        objects: their boxes; ``image_index`` refers to ``source``.
        crop_size: height and width of every crop in pixels.
        order: index of the object at each position; None keeps their order.
        changes: augmentation; None for none.
    """

    def __init__(
        self,
        source: ImageSet,
        objects: Targets,
        crop_size: int,
        order: Int[Tensor, " j"] | None = None,
        changes: CropAugmentation | None = None,
    ) -> None:
        self.source, self.objects, self.crop_size, self.changes = source, objects, crop_size, changes
        self.order = torch.arange(len(objects)) if order is None else order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, key: SampleKey) -> tuple[Float[Tensor, "3 s s"], int]:
        """Returns the crop of a draw and its label."""
        position = int(self.order[key.index])
        image = self.source[int(self.objects.image_index[position])].image
        generator, changes = Generator().manual_seed(key.seed), self.changes
        box = self.objects.boxes[position]
        if changes is not None:
            move = (2 * torch.rand(4, generator=generator) - 1) * changes.jitter
            box = box + move * (box[2:] - box[:2]).repeat(2)
        (crop,) = crop_boxes(image[None].float() / 255, box[None].float(), torch.zeros(1).long(), self.crop_size)
        if changes is not None:
            crop = _augment(crop, changes, generator)
        return crop, int(self.objects.labels[position])


def _augment(crop: Tensor, changes: CropAugmentation, generator: Generator) -> Tensor:
    """Flips and changes colors; drawn here, as torchvision's transforms use the global generator."""
    flip, *colors = torch.rand(5, generator=generator).tolist()
    if flip < changes.flip:
        crop = functional.horizontal_flip(crop)
    if not changes.color:
        return crop
    brightness, contrast, saturation, hue = ((2 * draw - 1) * changes.color for draw in colors)
    crop = functional.adjust_contrast(functional.adjust_brightness(crop, 1 + brightness), 1 + contrast)
    return functional.adjust_hue(functional.adjust_saturation(crop, 1 + saturation), hue / 10)


def collate_crops(crops: Sequence[tuple[Tensor, int]]) -> tuple[Float[Tensor, "n 3 s s"], Int[Tensor, " n"]]:
    """Stacks crops and labels into a batch."""
    images, labels = zip(*crops, strict=True)
    return torch.stack(images), torch.tensor(labels)
