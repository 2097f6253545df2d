"""Precision, recall and F1 at the confidence that serves a detector best.

Written by hand: torchmetrics has no such metric, and faster-coco-eval averages precision and recall over the classes
and gives neither F1 nor the confidence nor counts.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchvision.ops import box_area, box_iou

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.targets import Targets


class OperatingPoint(Metric):
    """Precision, recall and F1 over all classes, at the confidence of the best F1.

    A detection is correct if :func:`match_detections` matches it to a ground-truth box of its image and class. Others
    that :func:`find_ignored` finds are left out. Every process computes the result of all images.

    Args:
        classes: number of classes, >= 1.
        iou: minimum overlap of a match, in (0, 1].

    Raises:
        ValueError: if ``classes`` or ``iou`` is out of range.

    Example:
        >>> box, label = torch.tensor([[0.0, 0.0, 0.5, 0.5]]), torch.tensor([0])
        >>> metric = OperatingPoint(classes=1)
        >>> metric.update([Detections(box, torch.tensor([0.75]), label)], Targets.from_images([(box, label)]))
        >>> float(metric.compute()["confidence"])
        0.75
    """

    full_state_update, is_differentiable, higher_is_better = False, False, True
    scores: list[Tensor]
    right: list[Tensor]
    labels: list[Tensor]
    truths: Tensor

    def __init__(self, classes: int, iou: float = 0.5) -> None:
        super().__init__()
        if classes < 1:
            raise ValueError(f"classes must be >= 1, got {classes}")
        if not 0 < iou <= 1:
            raise ValueError(f"iou must be in (0, 1], got {iou}")
        self.classes, self.iou = classes, iou
        # One dimension and single precision each, as torchmetrics sends for a process without images.
        for state in ("scores", "right", "labels"):
            self.add_state(state, [], dist_reduce_fx="cat")
        self.add_state("truths", torch.zeros(classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(
        self, detections: Sequence[Detections], targets: Targets, ignored: Sequence[Ignored | None] = ()
    ) -> None:
        """Adds the detections, with labels below ``classes``, targets and ignored regions of the same images.

        Raises:
            ValueError: if the numbers of images differ.
        """
        ignored = ignored or [None] * len(detections)
        if not len(detections) == targets.batch_size == len(ignored):
            raise ValueError(
                f"got detections of {len(detections)} images and targets of {targets.batch_size}, ignored regions of "
                f"{len(ignored)}"
            )
        for image, (boxes, labels), regions in zip(detections, targets.to("cpu").per_image(), ignored, strict=True):
            right = match_detections(image, boxes, labels, self.iou)
            counts = right | ~find_ignored(image, regions, self.iou)
            for state, values in ((self.scores, image.scores), (self.right, right), (self.labels, image.labels)):
                state.append(values.cpu()[counts].to(self.device, torch.float32))
            # Not in place: processes that are spawned share the memory of the tensor that they start with.
            self.truths = self.truths + torch.bincount(labels, minlength=self.classes).to(self.device)

    def compute(self) -> dict[str, Tensor]:
        """Computes the best point over all images.

        Returns:
            ``precision``, ``recall``, ``F1`` in [0, 1] and ``confidence``, the lowest score kept, all 0 without a
            match; and per class the numbers of ``truths``, ``true_positives`` and ``false_positives``.
        """
        states = (self.scores, self.right, self.labels)
        scores, right, labels = (dim_zero_cat(s).cpu() if len(s) else torch.zeros(0) for s in states)
        truths, best = self.truths.cpu(), torch.zeros(4, dtype=torch.float64)
        kept = torch.zeros(len(scores), dtype=torch.bool)
        if right.any():
            ordered, order = scores.sort(descending=True)
            positives = right[order].double().cumsum(0)
            kept_count = torch.arange(1, len(scores) + 1, dtype=torch.float64)
            precision, recall = positives / kept_count, positives / truths.sum()
            f1 = 2 * positives / (kept_count + truths.sum())
            # A confidence keeps all detections of one score or none of them.
            f1[:-1][ordered[:-1] == ordered[1:]] = -1
            at = f1.argmax()
            best = torch.stack([precision[at], recall[at], f1[at], ordered[at].double()])
            kept = scores >= ordered[at]
        counts = [labels[kept & (right == hit)].long().bincount(minlength=self.classes) for hit in (1, 0)]
        names = ("precision", "recall", "F1", "confidence", "truths", "true_positives", "false_positives")
        return dict(zip(names, [*best, truths, *counts], strict=True))


def match_detections(
    detections: Detections, boxes: Float[Tensor, "k 4"], labels: Int[Tensor, " k"], iou: float
) -> Bool[Tensor, " m"]:
    """Mask of the detections of an image that :func:`assign_truths` matches to a ground-truth box."""
    return assign_truths(detections, boxes, labels, iou) >= 0


def assign_truths(
    detections: Detections, boxes: Float[Tensor, "k 4"], labels: Int[Tensor, " k"], iou: float
) -> Int[Tensor, " m"]:
    """Index of the ground-truth box that each detection of an image matches, as COCO matches them; -1 for none.

    In descending order of scores, each takes the unmatched truth of its class with the largest overlap >= ``iou``.
    ``boxes`` and ``labels`` are the ground truth, on the CPU, in the units of the detections.

    Source: Lin et al., Microsoft COCO, ECCV 2014; matching as in the evaluation of cocodataset.org.
    """
    assigned = torch.full((len(detections.labels),), -1)
    if not len(labels):
        return assigned
    # Doubles, as COCO: at exactly half the overlap, rounding would decide.
    overlap = box_iou(detections.boxes.cpu().double(), boxes.double())
    overlap[detections.labels.cpu()[:, None] != labels] = 0
    # COCO takes the last of several truths that overlap equally, argmax the first.
    overlap = overlap.flip(1)
    order = detections.scores.cpu().argsort(descending=True, stable=True)
    candidates = order[(overlap >= iou).any(1)[order]].tolist()
    table = overlap.numpy()
    for i in candidates:
        truth = table[i].argmax()
        if table[i, truth] >= iou:
            assigned[i] = len(labels) - 1 - int(truth)
            table[:, truth] = 0
    return assigned


def find_ignored(detections: Detections, ignored: Ignored | None, iou: float) -> Bool[Tensor, " m"]:
    """Mask of the detections of an image that belong to an ignored region of their class, however many do.

    Of a crowd's, the share ``iou`` lies inside, as COCO decides; one object they overlap by ``iou``, as in Pascal VOC.
    """
    if ignored is None or not len(ignored):
        return torch.zeros(len(detections.labels), dtype=torch.bool)
    boxes, regions = detections.boxes.cpu().double(), ignored.boxes.double()
    corners = torch.minimum(boxes[:, None, 2:], regions[:, 2:]) - torch.maximum(boxes[:, None, :2], regions[:, :2])
    inside = corners.clamp(min=0).prod(dim=2) / box_area(boxes)[:, None]
    overlap = torch.where(ignored.crowd, inside, box_iou(boxes, regions))
    return ((overlap >= iou) & (detections.labels.cpu()[:, None] == ignored.labels)).any(dim=1)
