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
from torchvision.ops import box_iou

from diode_pl.detector import Detections
from diode_pl.targets import Targets


class OperatingPoint(Metric):
    """Precision, recall and F1 over all classes together, at the confidence where F1 is best.

    A detection is right where it is matched with a truth of its image and class (see :func:`hits`). Processes
    exchange scores and verdicts, so each computes the result of all images.

    Args:
        classes: how many there are.
        iou: overlap from which on a detection may match, in (0, 1].

    Raises:
        ValueError: ``classes`` or ``iou`` is out of range.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    scores: list[Tensor]
    right: list[Tensor]
    labels: list[Tensor]
    truths: Tensor

    def __init__(self, classes: int, iou: float = 0.5) -> None:
        super().__init__()
        if classes < 1:
            raise ValueError(f"classes must be at least 1, got {classes}")
        if not 0 < iou <= 1:
            raise ValueError(f"iou must lie above 0 and not above 1, got {iou}")
        self.classes, self.iou = classes, iou
        # One dimension and single precision each: what torchmetrics sends for a process that has seen nothing.
        self.add_state("scores", [], dist_reduce_fx="cat")
        self.add_state("right", [], dist_reduce_fx="cat")
        self.add_state("labels", [], dist_reduce_fx="cat")
        self.add_state("truths", torch.zeros(classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, detections: Sequence[Detections], targets: Targets) -> None:
        """Takes in one batch.

        Args:
            detections: one entry an image, labels below ``classes``.
            targets: of the same images.

        Raises:
            ValueError: the numbers of images differ.
        """
        if len(detections) != targets.batch_size:
            raise ValueError(f"got detections of {len(detections)} images and targets of {targets.batch_size}")
        for found, (boxes, labels) in zip(detections, targets.to("cpu").per_image(), strict=True):
            right = hits(found, boxes, labels, self.iou)
            self.scores.append(found.scores.to(self.device, torch.float32))
            self.right.append(right.to(self.device, torch.float32))
            self.labels.append(found.labels.to(self.device, torch.float32))
            # Not in place: processes that are spawned share the memory of the tensor that they start with.
            self.truths = self.truths + torch.bincount(labels, minlength=self.classes).to(self.device)

    def compute(self) -> dict[str, Tensor]:
        """The best point over all images so far.

        Returns:
            ``precision``, ``recall``, ``F1`` in [0, 1] and ``confidence``, the lowest score that still counts, all
            zero when nothing is matched; and of each class the numbers of ``truths``, ``true_positives`` and
            ``false_positives`` at that point.
        """
        states = (self.scores, self.right, self.labels)
        scores, right, labels = (dim_zero_cat(s).cpu() if len(s) else torch.zeros(0) for s in states)
        truths = self.truths.cpu()
        best = torch.zeros(4, dtype=torch.float64)
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
        found = [labels[kept & (right == verdict)].long() for verdict in (1, 0)]
        true_positives, false_positives = (torch.bincount(of, minlength=self.classes) for of in found)
        return dict(zip(("precision", "recall", "F1", "confidence"), best, strict=True)) | {
            "truths": truths,
            "true_positives": true_positives,
            "false_positives": false_positives,
        }


def hits(found: Detections, boxes: Float[Tensor, "k 4"], labels: Int[Tensor, " k"], iou: float) -> Bool[Tensor, " m"]:
    """Which detections of an image match a truth, as COCO matches them.

    The best score chooses first and takes, of the truths of its class that are left, the one it overlaps most, if
    that is by ``iou`` or more.

    Args:
        found: detections of the image.
        boxes: its true boxes in the same units, on the CPU.
        labels: their classes, on the CPU.
        iou: in (0, 1].

    Returns:
        One flag a detection, on the CPU.

    Source: Lin et al., Microsoft COCO, ECCV 2014; matching as in the evaluation of cocodataset.org.
    """
    right = torch.zeros(len(found.labels), dtype=torch.bool)
    if not len(labels):
        return right
    # Doubles, as COCO: at exactly half the overlap, rounding would decide.
    overlap = box_iou(found.boxes.cpu().double(), boxes.double())
    overlap[found.labels.cpu()[:, None] != labels] = 0
    # COCO takes the last of several truths that overlap equally, argmax the first.
    overlap = overlap.flip(1)
    order = found.scores.cpu().argsort(descending=True, stable=True)
    candidates = order[(overlap >= iou).any(1)[order]].tolist()
    table = overlap.numpy()
    for i in candidates:
        truth = table[i].argmax()
        if table[i, truth] >= iou:
            right[i] = True
            table[:, truth] = 0
    return right
