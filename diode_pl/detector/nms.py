"""From every candidate of a detector to the few that it reports."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchvision.ops import batched_nms

from diode_pl.detector.outputs import DensePredictions, Detections

_CANDIDATES = 30_000  # an image; noise and untrained networks yield half a million, and suppression is quadratic


@torch.no_grad()
def detections(dense: DensePredictions, confidence: float, iou: float, max_detections: int) -> list[Detections]:
    """Non-maximum suppression per class over the candidates of each image.

    Args:
        dense: each class of each box whose objectness times class probability exceeds the confidence is a candidate
            of its own.
        confidence: candidates at or below this score are dropped, in [0, 1].
        iou: of two boxes of one class that overlap by more than this, the better one stays.
        max_detections: at most so many an image.
    """
    found = []
    for boxes, objectness, classes in zip(dense.boxes, dense.objectness, dense.classes, strict=True):
        scores = objectness[:, None] * classes
        box, label = torch.nonzero(scores > confidence).unbind(dim=1)
        found.append(suppress(boxes[box], scores[box, label], label, iou, max_detections))
    return found


def suppress(
    boxes: Float[Tensor, "k 4"], scores: Float[Tensor, " k"], labels: Int[Tensor, " k"], iou: float, most: int
) -> Detections:
    """The best boxes of one image, none of which overlaps a better one of its class by more than ``iou``.

    Args:
        boxes: x1, y1, x2, y2 in units of the image.
        scores: in [0, 1].
        labels: class indices.
        iou: see above.
        most: at most so many.
    """
    scores, order = scores.sort(descending=True, stable=True)
    boxes, labels, scores = boxes[order[:_CANDIDATES]], labels[order[:_CANDIDATES]], scores[:_CANDIDATES]
    # batched_nms moves classes apart by the largest coordinate: in float32 a far box would blur the others.
    keep = batched_nms(boxes.double(), scores.double(), labels, iou)[:most]
    return Detections(boxes[keep].clamp(0, 1), scores[keep], labels[keep])
