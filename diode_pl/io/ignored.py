"""Regions of an image that the scores leave out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Ignored:
    """Regions where detections of a class count neither as right nor as wrong; they are never labels.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height, in [0, 1].
        labels: as those of the objects.
        crowd: True for a crowd, as in COCO: a detection belongs to it by the share of its own area inside; False for
            one object, such as one that Pascal VOC marks as difficult: by the usual overlap.

    Example:
        >>> Ignored.from_objects([(2, (0.0, 0.0, 0.5, 1.0), True)]).crowd
        tensor([True])
    """

    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    crowd: Bool[Tensor, " m"]

    @classmethod
    def from_objects(cls, objects: Sequence[tuple[int, Sequence[float], bool]]) -> "Ignored":
        """Converts plain numbers: ``objects`` are a label, x1, y1, x2, y2, and whether it is a crowd."""
        boxes = torch.tensor([list(box) for _, box, _ in objects], dtype=torch.float32).reshape(-1, 4)
        labels = torch.tensor([label for label, _, _ in objects], dtype=torch.long)
        return cls(boxes, labels, torch.tensor([crowd for _, _, crowd in objects], dtype=torch.bool))

    @classmethod
    def cat(cls, parts: Sequence["Ignored"]) -> "Ignored":
        """Joins the regions of several images."""
        none = cls.from_objects([])
        columns = zip(*((each.boxes, each.labels, each.crowd) for each in (none, *parts)), strict=True)
        return cls(*map(torch.cat, columns))

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, index: Tensor | slice) -> "Ignored":
        """Copies those with an index, a boolean mask or a slice."""
        return Ignored(self.boxes[index].clone(), self.labels[index].clone(), self.crowd[index].clone())

    def relabel(self, classes: Int[Tensor, " classes"]) -> "Ignored":
        """The same with label ``classes[i]`` instead of ``i``; without those whose new label is negative."""
        moved = Ignored(self.boxes, classes[self.labels], self.crowd)
        return moved.select(moved.labels >= 0)
