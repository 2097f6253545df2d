"""Which boxes of a batch count as labels: those of the data, those that the teacher finds, or both."""

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
    """Takes the labels of a batch from the data, from the teacher, or from both.

    Synthetic images hold what the teacher was made to see there, but not all of it came out, and other things did. The
    teacher knows: what it finds in the batch, after augmentations, is the second opinion.

    Args:
        source: ``sampled`` takes the boxes of the data set (of synthetic images: those that were asked for);
            ``teacher`` what the teacher finds; ``union`` the first, and of the second what overlaps none of the first.
        agreement: drops boxes of the data set where the teacher finds none of their class that overlaps by ``iou``.
        confidence: detections of the teacher at or below it do not count, in [0, 1).
        iou: overlap from which on two boxes of one class are the same object, in (0, 1].

    Raises:
        ValueError: an unknown source, or a number out of range.
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
        """Whether the labels of the data set are looked at."""
        return self.source != "teacher"

    @property
    def needs_teacher(self) -> bool:
        """Whether the teacher is asked."""
        return self.source != "sampled" or self.agreement

    def __call__(self, given: Targets, finds: Callable[[float], Targets]) -> tuple[Targets, dict[str, Tensor]]:
        """The labels of a batch, and the counts of :meth:`select` an image."""
        labels, counts = self.select(given, finds)
        return labels, {name: count / max(1, given.batch_size) for name, count in counts.items()}

    @torch.no_grad()
    def select(self, given: Targets, finds: Callable[[float], Targets]) -> tuple[Targets, dict[str, Tensor]]:
        """The labels of a batch, and numbers of boxes by name: ``sampled``, ``dropped``, ``added``.

        Args:
            given: boxes of the data set.
            finds: what the teacher finds in the same images with more than a confidence; asked where it is needed.

        Returns:
            without a count where the teacher is not asked.
        """
        if not self.reads_data:
            given = given.keep(torch.zeros_like(given.valid))
        if not self.needs_teacher:
            return given, {}
        found = finds(self.confidence)
        same = self._match(given, found)
        kept = given.keep(same.any(dim=1)) if self.agreement else given
        # A detection adds nothing where its object is labeled already.
        new = found.keep(~(same & kept.valid[:, None]).any(dim=0)) if self.source != "sampled" else None
        counts = {
            "sampled": given.valid.sum(),
            "dropped": given.valid.sum() - kept.valid.sum(),
            "added": given.labels.new_zeros(()) if new is None else new.valid.sum(),
        }
        return (kept if new is None else kept.cat(new)), counts

    def _match(self, given: Targets, found: Targets) -> Tensor:
        """Which box of the one is which of the other, (k, m)."""
        alike = (given.labels[:, None] == found.labels) & (given.image_index[:, None] == found.image_index)
        return alike & given.valid[:, None] & (box_iou(given.boxes, found.boxes) >= self.iou)


def find_unknown_classes(class_names: Sequence[str], teacher: Sequence[str]) -> list[str]:
    """The classes of labels that a teacher does not have; warns of them, for it agrees with none of these labels.

    Args:
        class_names: of the labels.
        teacher: its classes.
    """
    known = match_classes(class_names, teacher)
    unknown = [name for name, label in zip(class_names, known, strict=True) if label < 0]
    if unknown:
        log.warning("label_source: the teacher has no such class, and sees none of these: %s", ", ".join(unknown))
    return unknown
