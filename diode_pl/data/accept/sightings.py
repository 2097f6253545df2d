"""Which boxes of an image a detector sees, and how sure it is of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

IOU = 0.5
"""Overlap from which a detection is of a box."""
CONFIDENCE = 0.25
"""Score from which a box counts as seen."""

Found = Mapping[str, Any]
"""``boxes`` (absolute x, y, w, h), ``labels`` and, of detections, ``scores``."""


def best_scores(
    objects: Found, detections: Found, known: Collection[int] | None = None, iou: float = IOU
) -> list[float | None]:
    """How sure a detector is of each box: the score of its best detection of that class there.

    Args:
        objects: boxes and labels.
        detections: boxes, labels and scores; one of a box's class that overlaps it by ``iou`` is of it.
        known: labels that the detector has; None for all.
        iou: in (0, 1].

    Returns:
        0 for a box that it does not see; None for one of a class that it does not know, which cannot be measured.

    Example:
        >>> mugs = {"boxes": [[0, 0, 10, 10], [20, 0, 10, 10]], "labels": [3, 3]}
        >>> best_scores(mugs, {"boxes": [[0, 0, 10, 9]], "labels": [3], "scores": [0.75]})
        [0.75, 0.0]
        >>> best_scores(mugs, {"boxes": [], "labels": [], "scores": []}, known=[1])
        [None, None]
    """
    found = list(zip(detections["boxes"], detections["labels"], detections["scores"], strict=True))
    scores = list[float | None]()
    for box, label in zip(objects["boxes"], objects["labels"], strict=True):
        hits = [score for other, own, score in found if own == label and _overlap(box, other) >= iou]
        scores.append(None if known is not None and label not in known else max(hits, default=0.0))
    return scores


def _overlap(a: Sequence[float | int], b: Sequence[float | int]) -> float:
    """Intersection over union; pair by pair, since there are few of each image."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inner = max(0.0, width) * max(0.0, height)
    return inner / max(a[2] * a[3] + b[2] * b[3] - inner, 1e-12)
