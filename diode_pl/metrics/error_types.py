"""What goes wrong in the detections of a detector, by type, as TIDE counts it.

Written by hand: the package of its authors, tidecv, has had no release since 2020 and depends on OpenCV and seaborn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchvision.ops import box_iou

from diode_pl.detector import Detections
from diode_pl.metrics.operating_point import assign_truths
from diode_pl.metrics.precision_curves import mean_average_precision
from diode_pl.targets import Targets

ERROR_TYPES = ("classification", "localization", "both", "duplicate", "background", "missed")
_CORRECT = "correct"


@dataclass(frozen=True)
class ImageErrors:
    """What each detection of an image is, and which truths are missed.

    Args:
        kinds: of each detection, ``correct`` or one of ``ERROR_TYPES`` but ``missed``.
        truths: index of the truth that a correct, misclassified or mislocated detection means; -1 for others.
        missed: truths that no detection is matched to, nor misclassifies or mislocates.
    """

    kinds: Sequence[str]
    truths: Int[Tensor, " m"]
    missed: Bool[Tensor, " k"]


def find_errors(
    detections: Detections,
    boxes: Float[Tensor, "k 4"],
    labels: Int[Tensor, " k"],
    foreground: float = 0.5,
    background: float = 0.1,
) -> ImageErrors:
    """Types of errors in the detections of an image.

    A detection that :func:`assign_truths` matches to no truth is, in this order: ``localization`` if its largest
    overlap with a truth of its class is in ``[background, foreground)``; ``classification`` if one of another class
    overlaps it by ``foreground``; ``duplicate`` if one of its class does, which then is matched already; ``background``
    if no overlap reaches ``background``; ``both`` otherwise: of another class, and badly located.

    Args:
        boxes, labels: the ground truth, in the units of the detections.
        foreground, background: overlaps (IoU) that make a match, and that are none, in (0, 1].

    Raises:
        ValueError: if ``background`` is not below ``foreground``.

    Source: Bolya et al., TIDE, ECCV 2020, section 2.2.

    Example:
        >>> truth, label = torch.tensor([[0.0, 0.0, 0.4, 0.4]]), torch.tensor([2])
        >>> found = Detections(truth, torch.tensor([0.9]), torch.tensor([5]))
        >>> find_errors(found, truth, label).kinds
        ['classification']
    """
    if not 0 < background < foreground <= 1:
        raise ValueError(f"expected 0 < background < foreground <= 1, got {background} and {foreground}")
    boxes, labels = boxes.cpu(), labels.cpu()
    truths = assign_truths(detections, boxes, labels, foreground)
    overlap = box_iou(detections.boxes.cpu().double(), boxes.double())
    same = detections.labels.cpu()[:, None] == labels
    kinds, met = list[str](), truths.clone()
    for i, truth in enumerate(truths.tolist()):
        own, other = overlap[i] * same[i], overlap[i] * ~same[i]
        nearest, alien = (float(each.max()) if len(labels) else 0.0 for each in (own, other))
        if truth >= 0:
            kinds.append(_CORRECT)
        elif background <= nearest < foreground:
            kinds.append("localization")
            met[i] = own.argmax()
        elif alien >= foreground:
            kinds.append("classification")
            met[i] = other.argmax()
        elif nearest >= foreground:
            kinds.append("duplicate")
        else:
            kinds.append("background" if alien < background else "both")
    missed = torch.ones(len(labels), dtype=torch.bool)
    missed[met[met >= 0]] = False
    return ImageErrors(kinds, met, missed)


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of a detector on several images.

    Args:
        ap50: its AP at IoU 0.5, in [0, 1].
        costs: by how much it would rise without the errors of each type alone, by type.
        counts: number of errors among the detections of at least ``confidence``, by type.
        confidence: lowest score of the detections that are counted, in [0, 1].
    """

    ap50: float
    costs: dict[str, float]
    counts: dict[str, int]
    confidence: float


def summarize_errors(detections: Sequence[Detections], targets: Targets, confidence: float = 0.3) -> ErrorSummary:
    """Counts the errors of a detector, and what each type costs in AP at IoU 0.5.

    A type is undone as an oracle would: the class or the box of a detection becomes that of its truth, and of several
    detections of one truth only the best remains; errors that have no such truth are removed; truths that are missed
    do not count.

    Args:
        detections, targets: of the same images.
        confidence: lowest score of the detections that are counted; the costs are of all detections.

    Raises:
        ValueError: if the numbers of images differ.

    Source: Bolya et al., TIDE, ECCV 2020, section 2.3.
    """
    if len(detections) != targets.batch_size:
        raise ValueError(f"got detections of {len(detections)} images and targets of {targets.batch_size}")
    detections = [Detections(each.boxes.cpu(), each.scores.cpu(), each.labels.cpu()) for each in detections]
    truths = targets.to("cpu").per_image()
    images = list(zip(detections, truths, strict=True))
    errors = [find_errors(found, *truth) for found, truth in images]
    before = mean_average_precision(detections, targets)

    def cost(undo: Callable[[Detections, tuple[Tensor, Tensor], ImageErrors], Detections]) -> float:
        mended = [undo(found, truth, each) for (found, truth), each in zip(images, errors, strict=True)]
        return mean_average_precision(mended, targets) - before

    costs = {kind: cost(lambda *image, kind=kind: _undo(kind, *image)) for kind in ERROR_TYPES if kind != "missed"}
    seen = [(boxes[~e.missed], labels[~e.missed]) for (boxes, labels), e in zip(truths, errors, strict=True)]
    costs["missed"] = mean_average_precision(detections, Targets.from_images(seen)) - before

    counts = Counter[str]()
    for found, truth in images:
        sure = found.scores >= confidence
        kept = find_errors(Detections(found.boxes[sure], found.scores[sure], found.labels[sure]), *truth)
        counts.update(kept.kinds)
        counts["missed"] += int(kept.missed.sum())
    return ErrorSummary(before, costs, {kind: counts[kind] for kind in ERROR_TYPES}, confidence)


def _undo(kind: str, found: Detections, truth: tuple[Tensor, Tensor], errors: ImageErrors) -> Detections:
    """The detections of an image without errors of one type."""
    boxes, labels, keep = found.boxes.clone(), found.labels.clone(), torch.ones(len(found.labels), dtype=torch.bool)
    taken = {int(at) for at, each in zip(errors.truths, errors.kinds, strict=True) if each == _CORRECT}
    wrong = [i for i, each in enumerate(errors.kinds) if each == kind]
    for i in sorted(wrong, key=lambda i: -float(found.scores[i])):
        at = int(errors.truths[i])
        if at < 0 or at in taken:
            keep[i] = False
            continue
        taken.add(at)
        boxes[i], labels[i] = (truth[0][at], labels[i]) if kind == "localization" else (boxes[i], truth[1][at])
    return Detections(boxes[keep], found.scores[keep], labels[keep])
