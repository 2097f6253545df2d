"""Labels of a batch: boxes of the data set, detections of the teacher, or both."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou

from diode_pl.class_names import match_classes
from diode_pl.targets import Targets

log = logging.getLogger(__name__)

_SOURCES = ("sampled", "teacher", "union")


@dataclass(frozen=True)
class LabelPolicy:
    """Takes the labels of a batch from the data set, from the teacher, or from both.

    Synthetic images lack some of the boxes that they were optimized for, and contain objects without a box; the teacher
    detects both, in the augmented batch.

    Args:
        source: ``sampled`` for the boxes of the data set (of synthetic images: the sampled targets); ``teacher`` for
            the teacher's detections; ``union`` for the boxes, and the detections that match none of them.
        agreement: whether to drop boxes that match no detection.
        confidence: detections at or below it are ignored, in [0, 1).
        iou: minimum overlap of boxes of one class that match, in (0, 1].

    Raises:
        ValueError: if ``source`` is unknown or a number is out of range.

    Example:
        >>> box, none = (torch.tensor([[0.0, 0.0, 0.5, 0.5]]), torch.tensor([7])), (torch.zeros(0, 4), torch.zeros(0))
        >>> given, found = Targets.from_images([box, none]), Targets.from_images([none, box])
        >>> labels, counts = LabelPolicy(source="union").select(given, lambda confidence: found)
        >>> labels.image_index, int(counts["added"])
        (tensor([0, 1]), 1)
    """

    source: str = "sampled"
    agreement: bool = False
    confidence: float = 0.25
    iou: float = 0.5

    def __post_init__(self) -> None:
        if self.source not in _SOURCES:
            raise ValueError(f"source must be one of {', '.join(_SOURCES)}, got {self.source!r}")
        if not (0 <= self.confidence < 1 and 0 < self.iou <= 1):
            raise ValueError(f"confidence and iou must be in [0, 1) and (0, 1], got {self.confidence} and {self.iou}")

    @property
    def reads_data(self) -> bool:
        """Whether the labels of the data set are used."""
        return self.source != "teacher"

    @property
    def needs_teacher(self) -> bool:
        """Whether the teacher's detections are used."""
        return self.source != "sampled" or self.agreement

    def __call__(self, given: Targets, finds: Callable[[float], Targets]) -> tuple[Targets, dict[str, Tensor]]:
        """Labels of a batch, and the counts of :meth:`select` per image."""
        labels, counts = self.select(given, finds)
        return labels, {name: count / max(1, given.batch_size) for name, count in counts.items()}

    @torch.no_grad()
    def select(self, given: Targets, finds: Callable[[float], Targets]) -> tuple[Targets, dict[str, Tensor]]:
        """Labels of a batch, and if the teacher is used the numbers of boxes ``sampled``, ``dropped`` and ``added``.

        Args:
            given: boxes of the data set.
            finds: returns the teacher's detections above a confidence; called only if needed.
        """
        if not self.reads_data:
            given = given.keep(torch.zeros_like(given.valid))
        if not self.needs_teacher:
            return given, {}
        found = finds(self.confidence)
        same = (given.labels[:, None] == found.labels) & (given.image_index[:, None] == found.image_index)
        same &= given.valid[:, None] & (box_iou(given.boxes, found.boxes) >= self.iou)
        kept = given.keep(same.any(dim=1)) if self.agreement else given
        # Only detections whose object has no label yet.
        new = found.keep(~(same & kept.valid[:, None]).any(dim=0)) if self.source != "sampled" else None
        counts = {
            "sampled": given.valid.sum(),
            "dropped": given.valid.sum() - kept.valid.sum(),
            "added": given.labels.new_zeros(()) if new is None else new.valid.sum(),
        }
        return (kept if new is None else kept.cat(new)), counts


def find_unknown_classes(class_names: Sequence[str], teacher: Sequence[str]) -> list[str]:
    """Those of the labels' ``class_names`` that a ``teacher`` lacks, and so never detects; warns of them."""
    known = match_classes(class_names, teacher)
    unknown = [name for name, label in zip(class_names, known, strict=True) if label < 0]
    if unknown:
        log.warning("label_source: the teacher has no such class, and sees none of these: %s", ", ".join(unknown))
    return unknown
