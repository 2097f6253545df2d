"""What the teacher sees besides its targets becomes a target."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torchvision.ops import box_iou

from diode_pl.detector import Detections
from diode_pl.targets import Targets


@dataclass(frozen=True)
class TargetGrowth:
    """Growth of the targets by the teacher's own predictions on the unfinished images (Y_FP).

    Args:
        every: iterations between two rounds.
        start: iteration of the first round.
        stop: iteration of the last round.
        nms_confidence: predictions below are dropped before non-maximum suppression.
        nms_iou: overlap above which it suppresses.
        confidence: a prediction must score more than this to become a target.
        max_iou: and overlap less than this with every target of its image.
        area: and cover more than the first and less than the second share of the image.
        remove: also drop initial targets that the teacher does not see (no prediction of their class above
            ``confidence`` that overlaps by ``seen_iou``); at least one target an image stays.
        seen_iou: see ``remove``.

    Raises:
        ValueError: ``every`` is below 1 or ``start`` above ``stop``.

    Source: Chawla et al., WACV 2021, section 3.2 and the authors' implementation.
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
        """Whether a round is due once ``iteration`` iterations are done, all times multiplied by ``budget``."""
        rounds = range((self.stop - self.start) // self.every + 1)
        return iteration in {round((self.start + i * self.every) * budget) for i in rounds}

    def grow(self, initial: Targets, added: Targets, detections: Sequence[Detections]) -> tuple[Targets, Targets]:
        """One round.

        Args:
            initial: what the sampler drew, as far as it is left.
            added: what earlier rounds added.
            detections: of the teacher on the un-augmented images.

        Returns:
            ``initial`` and ``added`` after the round. Predictions are taken best first, and one that was taken
            counts as a target for the next: no object gets two boxes.
        """
        kept, grown = [], []
        device = initial.boxes.device
        # On the CPU: a few boxes at a time, with a decision after each.
        pairs = zip(initial.to("cpu").per_image(), added.to("cpu").per_image(), detections, strict=True)
        for (boxes, labels), (more_boxes, more_labels), found in pairs:
            sure = found.scores.cpu() > self.confidence
            found = Detections(found.boxes.cpu()[sure].clamp(0, 1), found.scores.cpu()[sure], found.labels.cpu()[sure])
            if self.remove and len(boxes):
                match = box_iou(boxes, found.boxes) * (labels[:, None] == found.labels[None])
                overlap = match.max(dim=1).values if len(found.boxes) else torch.zeros_like(labels, dtype=boxes.dtype)
                seen = overlap >= self.seen_iou
                if not seen.any() and not len(more_boxes):
                    seen[overlap.argmax()] = True
                boxes, labels = boxes[seen], labels[seen]
            kept.append((boxes, labels))
            for box, label in zip(found.boxes, found.labels, strict=True):
                area = (box[2:] - box[:2]).prod()
                current = torch.cat([boxes, more_boxes])
                free = len(current) == 0 or box_iou(box[None], current).max() < self.max_iou
                if free and self.area[0] < area < self.area[1]:
                    more_boxes = torch.cat([more_boxes, box[None]])
                    more_labels = torch.cat([more_labels, label[None]])
            grown.append((more_boxes, more_labels))
        return Targets.from_images(kept, device), Targets.from_images(grown, device)
