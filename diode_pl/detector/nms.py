"""Non-maximum suppression."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.detector.outputs import DensePredictions, Detections

_FIRST_LOOK = 1_000  # candidates, best first; all of an untrained network's take a hundred times as long
_CANDIDATES = 30_000  # per image: noise and untrained networks yield half a million, and suppression is quadratic


@torch.no_grad()
def non_max_suppression(
    dense: DensePredictions, confidence: float, iou: float, max_detections: int
) -> list[Detections]:
    """Non-maximum suppression per class over the candidates of each image.

    Args:
        dense: every class of every box is a separate candidate, with objectness times class probability as its score.
        confidence: candidates at or below this score are dropped, in [0, 1].
        iou: boxes that overlap a better box of their class by more than this are dropped.
        max_detections: maximum number of detections per image.
    """
    results = []
    for boxes, objectness, classes in zip(dense.boxes, dense.objectness, dense.classes, strict=True):
        scores = objectness[:, None] * classes
        box, label = torch.nonzero(scores > confidence).unbind(dim=1)
        results.append(suppress(boxes[box], scores[box, label], label, iou, max_detections))
    return results


def suppress(
    boxes: Float[Tensor, "k 4"], scores: Float[Tensor, " k"], labels: Int[Tensor, " k"], iou: float, most: int
) -> Detections:
    """Keeps at most ``most`` boxes of one image, none of which overlaps a better box of its class by more than ``iou``.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height.
    """
    from torchvision.ops import batched_nms  # takes a second and 170 MB to import, here only where it is used

    scores, order = scores.sort(descending=True, stable=True)
    boxes, labels, scores = boxes[order[:_CANDIDATES]], labels[order[:_CANDIDATES]], scores[:_CANDIDATES]
    # A box is kept or not because of better ones: where the best of them give enough, the others need no look.
    best = _FIRST_LOOK
    while True:
        # batched_nms offsets classes by the largest coordinate: in float32 a distant box makes all others inexact.
        keep = batched_nms(boxes[:best].double(), scores[:best].double(), labels[:best], iou)[:most]
        if len(keep) == most or best >= len(scores):
            break
        best *= 4
    return Detections(boxes[keep].clamp(0, 1), scores[keep], labels[keep])
