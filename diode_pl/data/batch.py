"""Batches of training and validation images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn import functional

from diode_pl.augmentations import Augmentation
from diode_pl.data.readers import Example
from diode_pl.io.ignored import Ignored
from diode_pl.targets import Targets


@dataclass(frozen=True)
class Batch:
    """Images with their boxes.

    Example:
        >>> targets = Targets.from_images([(torch.tensor([[0.0, 0.0, 1.0, 0.5]]), torch.tensor([3]))])
        >>> batch = Batch(torch.rand(1, 3, 8, 8), targets, sizes=[(480, 640)], names=["a.png"])
    """

    images: UInt8[Tensor, "n 3 r r"] | Float[Tensor, "n 3 r r"]  # RGB, 0 to 255 from the loader, later in [0, 1]
    targets: Targets  # with the labels of the detector
    sizes: Sequence[tuple[int, int]]  # height and width of each original in pixels
    names: Sequence[str]
    seed: int | None = None  # of draws for the whole batch, the same in all processes; None for validation
    seeds: Sequence[int] = ()  # of the augmentations of each image
    areas: Float[Tensor, " k"] | None = None  # of the objects of targets in pixels of the originals, 0 for unknown
    ignored: Sequence[Ignored | None] = ()  # regions of each image that scores leave out; of validation images alone

    @classmethod
    def from_examples(cls, examples: Sequence[Example], seed: int | None = None, seeds: Sequence[int] = ()) -> "Batch":
        """Joins examples of one resolution."""
        images, sizes = torch.stack([each.image for each in examples]), [each.size for each in examples]
        targets = Targets.from_images([(each.boxes, each.labels) for each in examples])
        measured = [torch.zeros(len(each.labels)) if each.areas is None else each.areas for each in examples]
        areas, ignored = torch.cat(measured), [each.ignored for each in examples]
        return cls(images, targets, sizes, [each.name for each in examples], seed, seeds, areas, ignored)

    def to(self, device: torch.device | str, **_: Any) -> "Batch":
        """The same batch on another device."""
        return replace(self, images=self.images.to(device, non_blocking=True), targets=self.targets.to(device))

    def pin_memory(self) -> "Batch":
        """The same batch in pinned memory; loaders call it."""
        return replace(self, images=self.images.pin_memory())

    def to_float(self) -> "Batch":
        """The same batch with images in [0, 1], channels last, the faster layout for convolutions."""
        return replace(self, images=self.images.to(memory_format=torch.channels_last).float() / 255)

    def clamp(self) -> "Batch":
        """The same batch with images clamped to [0, 1]."""
        return replace(self, images=self.images.clamp(0, 1).contiguous(memory_format=torch.channels_last))

    def resize(self, low: int, high: int, step: int) -> "Batch":
        """The same batch at a resolution from ``low`` to ``high``, a multiple of ``step`` drawn by :attr:`seed`."""
        assert self.seed is not None
        generator = Generator().manual_seed(self.seed)
        side = int(torch.randint(low // step, high // step + 1, (1,), generator=generator)) * step
        if side == self.images.shape[-1]:
            return self
        images = functional.interpolate(self.images, (side, side), mode="bilinear", antialias=True)
        return replace(self, images=images.contiguous(memory_format=torch.channels_last))

    def augment(self, augmentations: Sequence[Augmentation]) -> "Batch":
        """The same batch, augmented image by image from its seeds: the result does not depend on the other images."""
        if not augmentations:
            return self
        own = self.targets.image_index.bincount(minlength=len(self.images)).tolist()  # they are sorted by image
        parts = zip(*(each.split(own) for each in (self.targets.boxes, self.targets.labels)), strict=True)
        images, boxes, valid = [], [], []
        for image, (corners, labels), seed in zip(self.images.split(1), parts, self.seeds, strict=True):
            generator, targets = Generator().manual_seed(seed), Targets(corners, labels, torch.zeros_like(labels), 1)
            for augmentation in augmentations:
                image, targets = augmentation(image, targets, generator)
            images.append(image)
            boxes.append(targets.boxes)
            valid.append(targets.valid)
        moved = replace(self.targets, boxes=torch.cat(boxes), valid=torch.cat(valid))
        return replace(self, images=torch.cat(images), targets=moved, areas=None, ignored=())
