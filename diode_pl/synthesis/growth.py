"""Growth of the targets by the teacher's own predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torchvision.ops import box_iou

from diode_pl.detector import Detections
from diode_pl.targets import Targets


@dataclass(frozen=True)
class TargetGrowth:
    """Adds the teacher's predictions on the unfinished images to the targets (Y_FP in the paper).

    Args:
        every: iterations between two rounds, >= 1.
        start, stop: iterations of the first and the last round.
        nms_confidence, nms_iou: score and IoU thresholds of non-maximum suppression.
        confidence: a new target must score more than this,
        max_iou: have an IoU below this with every target of its image,
        area: and cover more than the first and less than the second share of the image.
        remove: also drop initial targets without a prediction of their class that scores more than ``confidence`` and
            overlaps by at least ``seen_iou``; at least one target per image stays.
        seen_iou: IoU, see ``remove``.

    Raises:
        ValueError: if ``every`` is below 1 or ``start`` above ``stop``.

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

    def __post_init__(self) -> None:
        if self.every < 1 or self.start > self.stop:
            raise ValueError(f"every must be >= 1 and start <= stop, got {self.every}, {self.start}, {self.stop}")

    def due(self, iteration: int, budget: float = 1.0) -> bool:
        """Whether a round is due after ``iteration`` iterations; ``budget`` scales all times."""
        rounds = range((self.stop - self.start) // self.every + 1)
        return iteration in {round((self.start + i * self.every) * budget) for i in rounds}

    def grow(self, initial: Targets, added: Targets, detections: Sequence[Detections]) -> tuple[Targets, Targets]:
        """Runs one round.

        Args:
            initial: targets from the sampler that earlier rounds kept.
            added: targets that earlier rounds added.
            detections: the teacher's, on the images without augmentation, best first.

        Returns:
            ``initial`` and ``added`` after the round. A prediction that becomes a target counts as one for the
            predictions after it, so no object gets two boxes.
        """
        kept, grown = [], []
        device = initial.boxes.device
        # On the CPU: each decision depends on the one before.
        pairs = zip(initial.to("cpu").per_image(), added.to("cpu").per_image(), detections, strict=True)
        for (boxes, labels), (more_boxes, more_labels), predictions in pairs:
            confident = predictions.scores.cpu() > self.confidence
            new_boxes = predictions.boxes.cpu()[confident].clamp(0, 1)
            new_labels = predictions.labels.cpu()[confident]
            if self.remove and len(boxes):
                match = box_iou(boxes, new_boxes) * (labels[:, None] == new_labels[None])
                overlap = match.max(dim=1).values if len(new_boxes) else torch.zeros_like(labels, dtype=boxes.dtype)
                seen = overlap >= self.seen_iou
                if not seen.any() and not len(more_boxes):
                    seen[overlap.argmax()] = True
                boxes, labels = boxes[seen], labels[seen]
            kept.append((boxes, labels))
            for box, label in zip(new_boxes, new_labels, strict=True):
                area = (box[2:] - box[:2]).prod()
                current = torch.cat([boxes, more_boxes])
                free = len(current) == 0 or box_iou(box[None], current).max() < self.max_iou
                if free and self.area[0] < area < self.area[1]:
                    more_boxes = torch.cat([more_boxes, box[None]])
                    more_labels = torch.cat([more_labels, label[None]])
            grown.append((more_boxes, more_labels))
        return Targets.from_images(kept, device), Targets.from_images(grown, device)
