"""Growth of the targets by the teacher's own predictions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou

from diode_pl.detector import Detections
from diode_pl.targets import Targets


@dataclass(frozen=True)
class TargetGrowth:
    """Adds the teacher's predictions on the unfinished images to the targets (Y_FP in the paper).

    Args:
        every: iterations between two rounds, >= 1.
        start, stop: iterations of the first and the last round, >= 0.
        nms_confidence, nms_iou: score and IoU thresholds of non-maximum suppression; like all others in [0, 1].
        confidence: a new target must score more than this,
        max_iou: have an IoU below this with every target of its image,
        area: and cover more than the first and less than the second share of the image.
        remove: also drop initial targets without a prediction of their class that scores more than ``confidence`` and
            overlaps by at least ``seen_iou``; at least one target per image stays.
        seen_iou: IoU, see ``remove``.
        class_limit: no class gets new targets beyond this many times the mean number of targets per class of the batch
            (one, if the mean is below), >= 1; None: no limit. A teacher that sees one class everywhere would else fill
            the images with it.

    Raises:
        ValueError: if a number is out of range, or ``start`` above ``stop``.

    Source: Chawla et al., WACV 2021, section 3.2 and the authors' implementation.

    Example:
        >>> growth = TargetGrowth(every=100, start=200, stop=400)
        >>> [iteration for iteration in range(600) if growth.due(iteration)]
        [200, 300, 400]
    """

    every: int = 100
    start: int = 800
    stop: int = 2800
    nms_confidence: float = 0.05
    nms_iou: float = 0.5
    confidence: float = 0.2
    max_iou: float = 0.35
    area: Sequence[float] = (0.01, 0.85)
    remove: bool = False
    seen_iou: float = 0.5
    class_limit: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be >= 1, got {self.every}")
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"start and stop must be >= 0 and in this order, got {self.start} and {self.stop}")
        for name in ("nms_confidence", "nms_iou", "confidence", "max_iou", "seen_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if len(self.area) != 2 or not 0 <= self.area[0] <= self.area[1] <= 1:
            raise ValueError(f"area must be two shares of the image in [0, 1], the smaller first, got {self.area}")
        if self.class_limit is not None and not self.class_limit >= 1:
            raise ValueError(f"class_limit must be >= 1 or None, got {self.class_limit}")

    def due(self, iteration: int, budget: float = 1.0) -> bool:
        """Whether a round is due after ``iteration`` iterations; ``budget`` scales all times."""
        rounds = range((self.stop - self.start) // self.every + 1)
        return iteration in {round((self.start + i * self.every) * budget) for i in rounds}

    def grow(
        self, initial: Targets, added: Targets, detections: Sequence[Detections], num_classes: int = 1
    ) -> tuple[Targets, Targets]:
        """Runs one round.

        Args:
            initial: targets from the sampler that earlier rounds kept.
            added: targets that earlier rounds added.
            detections: the teacher's, on the images without augmentation, best first.
            num_classes: number of classes that targets may have, see ``class_limit``.

        Returns:
            ``initial`` and ``added`` after the round. A prediction that becomes a target counts as one for the
            predictions after it, so no object gets two boxes.
        """
        device = initial.boxes.device
        # On the CPU: each decision depends on the one before.
        kept, grown = initial.to("cpu").per_image(), added.to("cpu").per_image()
        sure = [self._sure(each) for each in detections]
        if self.remove:
            kept = [
                self._seen(*targets, len(more_labels), boxes, labels)
                for targets, (_, more_labels), (boxes, labels, _) in zip(kept, grown, sure, strict=True)
            ]
        counts = Counter(label for _, labels in [*kept, *grown] for label in labels.tolist())
        ranked = [(-score, i, j) for i, (_, _, scores) in enumerate(sure) for j, score in enumerate(scores.tolist())]
        for _, i, j in sorted(ranked):
            box, label = sure[i][0][j], int(sure[i][1][j])
            current = torch.cat([kept[i][0], grown[i][0]])
            free = len(current) == 0 or box_iou(box[None], current).max() < self.max_iou
            area = (box[2:] - box[:2]).prod()
            if free and self.area[0] < area < self.area[1] and self._has_room(label, counts, num_classes):
                grown[i] = torch.cat([grown[i][0], box[None]]), torch.cat([grown[i][1], sure[i][1][j : j + 1]])
                counts[label] += 1
        return Targets.from_images(kept, device), Targets.from_images(grown, device)

    def _sure(self, found: Detections) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes inside the image, labels and scores of the predictions that score enough."""
        confident = found.scores.cpu() > self.confidence
        return found.boxes.cpu()[confident].clamp(0, 1), found.labels.cpu()[confident], found.scores.cpu()[confident]

    def _seen(
        self, boxes: Tensor, labels: Tensor, more: int, new_boxes: Tensor, new_labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The targets of an image that have a prediction; the nearest to one, if there are no ``more`` targets."""
        if not len(boxes):
            return boxes, labels
        match = box_iou(boxes, new_boxes) * (labels[:, None] == new_labels[None])
        overlap = match.max(dim=1).values if len(new_boxes) else torch.zeros_like(labels, dtype=boxes.dtype)
        seen = overlap >= self.seen_iou
        if not seen.any() and not more:
            seen[overlap.argmax()] = True
        return boxes[seen], labels[seen]

    def _has_room(self, label: int, counts: Counter[int], num_classes: int) -> bool:
        if self.class_limit is None:
            return True
        mean = (sum(counts.values()) + 1) / num_classes
        return counts[label] + 1 <= self.class_limit * max(1.0, mean)
