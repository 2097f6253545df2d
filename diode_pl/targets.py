"""The package's box type; formats of other libraries are converted where they enter or leave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diode_pl.html_table import to_table


@dataclass(frozen=True)
class Targets:
    """Boxes with class labels for a whole batch of images.

    Boxes are disabled by ``valid`` rather than removed: with a fixed count, augmentations trigger no device sync.
    :meth:`compact` removes them.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height; [0, 1] is inside the image.
        labels: class indices.
        image_index: index of the image in the batch, in [0, ``batch_size``).
        batch_size: number of images, including those without boxes.
        valid: False for a disabled box; all True by default.

    Raises:
        ValueError: if the tensors differ in length.

    Example:
        >>> targets = Targets(torch.tensor([[0.0, 0.2, 0.25, 0.6]]), torch.tensor([7]), torch.tensor([0]), batch_size=2)
        >>> len(targets), targets.batch_size
        (1, 2)
        >>> targets.flip(torch.tensor([True, False])).boxes
        tensor([[0.7500, 0.2000, 1.0000, 0.6000]])
    """

    boxes: Float[Tensor, "k 4"]
    labels: Int[Tensor, " k"]
    image_index: Int[Tensor, " k"]
    batch_size: int
    valid: Bool[Tensor, " k"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.valid is None:
            object.__setattr__(self, "valid", torch.ones_like(self.labels, dtype=torch.bool))
        count = len(self.boxes)
        if self.boxes.shape != (count, 4) or not len(self.labels) == len(self.image_index) == len(self.valid) == count:
            raise ValueError(
                f"expected boxes (k, 4) and k labels, image indices and valid flags, got {tuple(self.boxes.shape)}, "
                f"{len(self.labels)}, {len(self.image_index)}, {len(self.valid)}"
            )

    @classmethod
    def from_images(cls, per_image: Sequence[tuple[Tensor, Tensor]], device: torch.device | str = "cpu") -> "Targets":
        """Joins one ``(boxes (m, 4), labels (m,))`` pair per image into a batch."""
        boxes = [torch.as_tensor(b, dtype=torch.float32, device=device).reshape(-1, 4) for b, _ in per_image]
        labels = [torch.as_tensor(c, dtype=torch.long, device=device).reshape(-1) for _, c in per_image]
        index = [torch.full((len(c),), i, device=device) for i, c in enumerate(labels)]
        if not per_image:
            return cls(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 0)
        return cls(torch.cat(boxes), torch.cat(labels), torch.cat(index), len(per_image))

    def __len__(self) -> int:
        return len(self.labels)

    def _repr_html_(self) -> str:
        shown = self.compact()
        columns = [shown.image_index.tolist(), shown.labels.tolist(), *shown.boxes.T.tolist()]
        title = f"{len(shown)} boxes in {self.batch_size} images"
        return to_table(title, ["image", "label", "x1", "y1", "x2", "y2"], list(zip(*columns, strict=True)))

    def to(self, device: torch.device | str) -> "Targets":
        """Copies to another device."""
        return Targets(
            self.boxes.to(device),
            self.labels.to(device),
            self.image_index.to(device),
            self.batch_size,
            self.valid.to(device),
        )

    def flip(self, flipped: Bool[Tensor, " n"]) -> "Targets":
        """Flips the boxes horizontally in images where ``flipped`` is True."""
        x1, y1, x2, y2 = self.boxes.unbind(1)
        mirrored = torch.stack([1 - x2, y1, 1 - x1, y2], dim=1)
        return replace(self, boxes=torch.where(flipped[self.image_index, None], mirrored, self.boxes))

    def shift(self, offset: Float[Tensor, "n 2"]) -> "Targets":
        """Shifts the boxes of image ``i`` by ``offset[i]`` (x, y; in image widths and heights)."""
        return replace(self, boxes=self.boxes + offset[self.image_index].repeat(1, 2))

    def clip(self, min_area: float) -> "Targets":
        """Clips boxes to the image and disables those with an area of at most ``min_area``, a share of the image."""
        boxes = self.boxes.clamp(0, 1)
        size = boxes[:, 2:] - boxes[:, :2]
        return replace(self, boxes=boxes, valid=self.valid & (size.prod(dim=1) > min_area))

    def keep(self, mask: Bool[Tensor, " k"]) -> "Targets":
        """Disables the boxes where ``mask`` is False."""
        return replace(self, valid=self.valid & mask)

    def compact(self) -> "Targets":
        """Removes disabled boxes and sorts the rest by image; triggers a device sync."""
        index = torch.nonzero(self.valid).squeeze(1)
        index = index[torch.argsort(self.image_index[index], stable=True)]
        return self.select(index)

    def select(self, index: Tensor) -> "Targets":
        """Selects boxes by index or boolean mask."""
        return Targets(
            self.boxes[index], self.labels[index], self.image_index[index], self.batch_size, self.valid[index]
        )

    def cat(self, other: "Targets") -> "Targets":
        """Joins two sets of boxes of the same batch of images.

        Raises:
            ValueError: if the batch sizes differ.
        """
        if self.batch_size != other.batch_size:
            raise ValueError(f"cannot join targets of {self.batch_size} images with those of {other.batch_size}")
        return Targets(
            torch.cat([self.boxes, other.boxes]),
            torch.cat([self.labels, other.labels]),
            torch.cat([self.image_index, other.image_index]),
            self.batch_size,
            torch.cat([self.valid, other.valid]),
        )

    def per_image(self) -> list[tuple[Tensor, Tensor]]:
        """Returns ``(boxes (m, 4), labels (m,))`` of each image, without disabled boxes."""
        masks = [(self.image_index == i) & self.valid for i in range(self.batch_size)]
        return [(self.boxes[mask], self.labels[mask]) for mask in masks]
