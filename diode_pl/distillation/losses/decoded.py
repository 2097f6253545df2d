"""Distillation between different architectures: decoded boxes, objectness and class probabilities, cell by cell."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchvision.ops import box_iou

from diode_pl.detector import DensePredictions, Detector
from diode_pl.distillation.losses.assignment import assign_queries
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.cell_groups import CellGroups, group_cells
from diode_pl.distillation.losses.shared_classes import SharedClasses
from diode_pl.numerics.box_ops import giou, size_iou
from diode_pl.numerics.distributed import reduce_sum_per_process
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets

_MIN_PROPOSAL_IOU = 0.5  # of a proposal with the box that it is matched to


class Decoded(DistillLoss):
    """Trains each candidate of the student on the teacher's candidate that it is matched to.

    Matches follow the assignment of labels to anchors: the center of the teacher's candidate lies in the cell, its
    shape fits the prior; the largest objectness x IoU of shapes wins. Unmatched candidates have a target objectness of
    0. The loss is the Kullback-Leibler divergence of objectness and classes, and 1 - GIoU of boxes; classes and boxes
    are weighted by the teacher's objectness. Each part is a sum divided by the batch's total target objectness (>= 1).

    Heads that score each class by itself, such as those of RetinaNet and YOLO11, learn objectness times classes, 0 for
    unmatched candidates, which are the part ``objectness`` here. Of shares of the highest score, the highest would
    always be 1 and get no gradient, whichever class it is of.

    Queries of a student such as DETR are matched by :func:`assign_queries` instead, in each layer of its decoder, and
    the terms of the layers are added.

    For a student of two stages the terms of both are added; the first has no class part. Proposals are matched by an
    IoU of at least 0.5, the largest objectness x IoU wins; the teacher's boxes of objectness > 0.5 are added to them.

    In float32, probabilities round to 1 above a logit of 17 and have no gradient there.

    Args:
        weight, box, classes, objectness: factors of the loss in the sum and of its parts, finite and >= 0.
        candidates: number of the teacher's candidates per image, those of highest objectness, >= 1.
        anchor_threshold: the IoU of a box with a prior at the same center must exceed this, in [0, 1).

    Example:
        >>> from diode_pl import Targets, load_detector
        >>> detector, images = load_detector(width=0.1).eval(), torch.rand(1, 3, 64, 64)
        >>> loss, outputs = Decoded(candidates=50), detector(images)
        >>> loss.prepare(detector, detector, resolution=64)
        >>> loss(DistillationBatch(images, detector, detector, outputs, outputs, Targets.from_images([]))).shape
        torch.Size([])
    """

    def __init__(
        self,
        weight: float = 1.0,
        box: float = 3.0,
        classes: float = 1.0,
        objectness: float = 1.0,
        candidates: int = 300,
        anchor_threshold: float = 0.225,
    ) -> None:
        super().__init__(weight)
        self.box, self.classes = self._gain("box", box), self._gain("classes", classes)
        self.objectness = self._gain("objectness", objectness)
        if candidates < 1:
            raise ValueError(f"Decoded: candidates must be >= 1, got {candidates}")
        if not 0 <= anchor_threshold < 1:
            raise ValueError(f"Decoded: anchor_threshold must be in [0, 1), got {anchor_threshold}")
        self.candidates, self.anchor_threshold = candidates, anchor_threshold
        self.shared = SharedClasses()  # filled by prepare()
        self._groups: CellGroups | None = None  # of the latest step, which the next one most often shares

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        self.shared.match({name: label for label, name in enumerate(teacher.class_names)}, student)

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        teacher, teacher_outputs = batch.teacher_or_raise()
        if not len(self.shared.teacher):
            raise RuntimeError("Decoded: prepare(teacher, student, resolution) must come before the first step")
        with torch.autocast(teacher_outputs.heads[0].device.type, enabled=False):
            with torch.no_grad():
                boxes, objectness, classes = self._best(teacher.decode(teacher_outputs))
            stages = batch.student.decode_stages(batch.student_outputs, self._hints(boxes, objectness, classes))
            return torch.stack([self._stage_loss(stage, boxes, objectness, classes) for stage in stages]).sum()

    def _stage_loss(
        self,
        dense: DensePredictions,
        boxes: Float[Tensor, "n k 4"],
        objectness: Float[Tensor, "n k"],
        classes: Float[Tensor, "n k c"],
    ) -> Float[Tensor, ""]:
        """Returns the loss of one stage of the student, given the teacher's candidates."""
        priors = at_least_float32(dense.priors)
        if dense.queries:
            scores = at_least_float32(dense.objectness[..., None] * dense.classes)[..., self.shared.student]
            match, wanted = assign_queries(boxes, objectness, classes, at_least_float32(dense.boxes), scores)
        elif dense.cells is None:
            match, wanted = _match_proposals(boxes, objectness, priors)
        else:
            match, wanted = self._match(boxes, objectness, priors, at_least_float32(dense.cells))
        total = reduce_sum_per_process(wanted.sum(), at_least=1.0)
        # Only the few matched candidates go on, for one device sync.
        image, own = torch.nonzero(wanted).unbind(dim=1)
        other, weight = match[image, own], wanted[image, own]
        overlap = giou(at_least_float32(dense.boxes[image, own]), boxes[image, other])
        parts = [self.box * (weight * (1 - overlap)).sum()]
        found, shares = at_least_float32(dense.objectness), at_least_float32(dense.classes)
        if dense.has_objectness:
            parts.append(self.objectness * divergence(wanted, found).sum())
            if shares.shape[2]:
                known = shares[image, own][:, self.shared.student]
                parts.append(self.classes * (weight * divergence(classes[image, other], known).sum(dim=1)).sum())
        else:
            scores = found[..., None] * shares
            silent = divergence(torch.zeros_like(scores), scores).sum(dim=2)
            parts.append(self.objectness * (silent * (wanted == 0)).sum())
            known = scores[image, own][:, self.shared.student]
            parts.append(self.classes * divergence(weight[:, None] * classes[image, other], known).sum())
        return torch.stack(parts).sum() / total

    def _hints(
        self, boxes: Float[Tensor, "n k 4"], objectness: Float[Tensor, "n k"], classes: Float[Tensor, "n k c"]
    ) -> Targets:
        """Returns the teacher's candidates of objectness > 0.5, in the student's class numbering."""
        image = torch.arange(len(boxes), device=boxes.device).repeat_interleave(boxes.shape[1])
        labels = self.shared.student[classes.argmax(dim=2)].flatten()
        return Targets(boxes.flatten(0, 1), labels, image, len(boxes), objectness.flatten() > 0.5)

    def _best(self, dense: DensePredictions) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the teacher's best candidates: boxes, objectness, and probabilities of the shared classes."""
        objectness = at_least_float32(dense.objectness)
        if len(self.shared.teacher) < dense.classes.shape[2]:
            # An object of a class that the student lacks is background to the student.
            known = dense.classes[..., self.shared.teacher].amax(dim=2) >= dense.classes.amax(dim=2)
            objectness = objectness * known
        objectness, best = objectness.topk(min(self.candidates, objectness.shape[1]), dim=1)
        image = torch.arange(len(best), device=best.device)[:, None]
        boxes, classes = at_least_float32(dense.boxes[image, best]), at_least_float32(dense.classes[image, best])
        return boxes, objectness, classes[..., self.shared.teacher]

    @torch.no_grad()
    def _match(
        self,
        boxes: Float[Tensor, "n k 4"],
        objectness: Float[Tensor, "n k"],
        priors: Float[Tensor, "m 4"],
        cells: Float[Tensor, "m 4"],
    ) -> tuple[Int[Tensor, "n m"], Float[Tensor, "n m"]]:
        """Returns the teacher's candidate that each of the student's learns from, and its target objectness."""
        if self._groups is None or not self._groups.holds(cells):
            self._groups = group_cells(cells)
        image, other, own = self._groups.find(boxes)
        fit = size_iou(_size(boxes[image, other]), _size(priors[own]))
        score = objectness[image, other] * fit * (fit > self.anchor_threshold)
        at = image * len(priors) + own
        best = score.new_zeros(len(boxes) * len(priors)).scatter_reduce(0, at, score, "amax")
        # The first of equals wins, in whatever order a device writes.
        match = torch.full_like(best, boxes.shape[1], dtype=torch.long)
        match = match.scatter_reduce(0, at, torch.where(score == best[at], other, boxes.shape[1]), "amin")
        match = torch.where(best > 0, match, 0).view(len(boxes), -1)
        return match, objectness.gather(1, match) * (best > 0).view_as(match)


@torch.no_grad()
def _match_proposals(
    boxes: Float[Tensor, "n k 4"], objectness: Float[Tensor, "n k"], priors: Float[Tensor, "n m 4"]
) -> tuple[Int[Tensor, "n m"], Float[Tensor, "n m"]]:
    """Returns the teacher's candidate that each proposal learns from, and its target objectness."""
    matches, wanted = [], []
    for some, sure, places in zip(boxes, objectness, priors, strict=True):
        overlap = box_iou(some, places)
        score, match = torch.where(overlap >= _MIN_PROPOSAL_IOU, sure[:, None] * overlap, 0).max(dim=0)
        matches.append(match)
        wanted.append(sure[match] * (score > 0))
    return torch.stack(matches), torch.stack(wanted)


def divergence(wanted: Float[Tensor, "*b"], found: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Kullback-Leibler divergence of Bernoulli distributions: binary cross-entropy minus the entropy of ``wanted``.

    Args:
        wanted: in [0, 1], without gradient.
        found: in [0, 1]; value and gradient are finite at 0 and 1 too.
    """
    # 1 - p cannot be below eps / 2; p can be far smaller, and 1e-12 bounds its gradient.
    found = found.clamp(1e-12, 1 - torch.finfo(found.dtype).eps / 2)
    entropy = torch.special.xlogy(wanted, wanted) + torch.special.xlogy(1 - wanted, 1 - wanted)
    return entropy - wanted * found.log() - (1 - wanted) * torch.log1p(-found)


def _size(boxes: Float[Tensor, "p 4"]) -> Float[Tensor, "p 2"]:
    return boxes[:, 2:] - boxes[:, :2]
