"""What a detector finds in finished images, and how much of their targets that is."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.class_names import match_classes
from diode_pl.data.synthetic.notes import describe_detections, keep_best
from diode_pl.detector import Detections, Detector
from diode_pl.metrics import mean_average_precision
from diode_pl.targets import Targets

_AT_ONCE = 64  # images


def match_learned(detector: Detector, class_names: Sequence[str]) -> list[int]:
    """The label of each class of a detector among ``class_names``; -1 if it is not there or was not learned."""
    own, learned = detector.class_names, detector.learned_classes()
    labels = match_classes(own, class_names)
    return [label if name in learned else -1 for name, label in zip(own, labels, strict=True)]


@torch.no_grad()
def score_images(
    role: str,
    detector: Detector,
    images: Float[Tensor, "n 3 h w"],
    targets: Targets,
    labels: Sequence[int] | None = None,
) -> tuple[float | None, list[Detections]]:
    """Measures a detector on images, against their targets.

    Args:
        role: of the detector, for messages.
        detector: in evaluation mode.
        images: in [0, 1].
        targets: of the images.
        labels: of the detector's classes among those of the targets, -1 for none; None if the classes are the same.

    Returns:
        mAP@0.5 over the classes that the detector has; None if no target is of such a class, as nothing can be measured
        then; and the detections in the classes of the targets.

    Raises:
        ValueError: if outputs of the detector are not finite.
    """
    detections = list[Detections]()
    for part in images.split(_AT_ONCE):
        outputs = detector(part)
        outputs.require_finite(role)
        detections += detector.predict(outputs)
    present = targets.labels[targets.valid].tolist()
    measurable = any(labels is None or label in labels for label in present)
    score = mean_average_precision(detections, targets, None if labels is None else list(labels))
    found = detections if labels is None else [image.relabel(list(labels)) for image in detections]
    return score if measurable else None, found


def describe_findings(
    found: dict[str, list[Detections]], size: tuple[int, int], known: dict[str, Sequence[int]]
) -> dict[str, Any]:
    """Detections as the record of a batch keeps them.

    Args:
        found: of each image, by detector.
        size: height and width of the images in pixels.
        known: labels of a detector's classes, if it does not have all; -1 is none.
    """
    kept = {role: describe_detections([keep_best(image) for image in each], size) for role, each in found.items()}
    classes = {role: sorted(set(labels) - {-1}) for role, labels in known.items()}
    return {"detections": kept} | ({"known_classes": classes} if classes else {})
