"""What a record may keep of how a batch came about, for the report: none of it is needed to use the images."""

from collections.abc import Sequence
from typing import Any

import torch

from diode_pl.detector import Detections

MIN_SCORE, MAX_DETECTIONS = 0.05, 30
"""Of the detections that are kept of an image: the lowest score, and how many."""


def keep_best(found: Detections) -> Detections:
    """The detections of an image, best score first, that are kept."""
    kept = (found.scores >= MIN_SCORE).nonzero()[:MAX_DETECTIONS, 0]
    return Detections(found.boxes[kept].cpu(), found.scores[kept].cpu(), found.labels[kept].cpu())


def describe_detections(images: Sequence[Detections], size: tuple[int, int]) -> list[dict[str, Any]]:
    """Detections of each image as plain data.

    Args:
        images: detections.
        size: height and width of the images in pixels.

    Returns:
        Per image ``boxes`` (absolute x, y, w, h, to a tenth of a pixel), ``labels`` and ``scores``.

    Example:
        >>> import torch
        >>> found = Detections(torch.tensor([[0.0, 0.25, 0.5, 1.0]]), torch.tensor([0.9]), torch.tensor([3]))
        >>> describe_detections([found], size=(80, 160))
        [{'boxes': [[0.0, 20.0, 80.0, 60.0]], 'labels': [3], 'scores': [0.9]}]
    """
    height, width = size
    described = []
    for found in images:
        boxes = found.boxes.double().cpu() * torch.tensor([width, height] * 2)
        boxes[:, 2:] -= boxes[:, :2]
        corners = [[round(value, 1) for value in box] for box in boxes.tolist()]
        scores = [round(score, 3) for score in found.scores.double().tolist()]
        described.append({"boxes": corners, "labels": found.labels.tolist(), "scores": scores})
    return described
