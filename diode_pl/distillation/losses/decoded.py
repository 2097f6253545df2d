"""Distillation between unlike heads: decoded boxes, objectness and class probabilities, cell by cell."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchvision.ops import box_iou

from diode_pl.detector import DensePredictions, Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.shared_classes import SharedClasses
from diode_pl.numerics.box_ops import giou, size_iou
from diode_pl.numerics.distributed import reduce_sum_per_process
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets

_PAIRS_AT_ONCE = 2**20  # of candidates that are compared: bounds the memory, and a CPU's caches like small blocks
_COVERED = 0.5  # IoU from which on a proposal is held to a box


class Decoded(DistillLoss):
    """Each candidate of the student is to say what the teacher says of the object that it is responsible for.

    A candidate is responsible for a teacher's candidate whose center lies in its cell and whose shape fits its prior,
    as a labeled box goes to anchors in training. Of several it takes the one with the largest objectness x IoU of
    shapes, and copies its objectness, class probabilities and box; where there is none, objectness is to be 0.
    Objectness and classes pay the Kullback-Leibler divergence between the teacher's probability and the student's,
    the box 1 - GIoU; classes and box weigh as much as the teacher's objectness. Each part is summed and divided by
    the sum of the objectness wanted of the batch, at least 1.

    Of a student of two stages both learn so, and their terms are added. The first tells no classes apart and has no
    class part. A candidate of the second is responsible for what its proposal overlaps by an IoU of 0.5 or more, as in
    training, and takes the one with the largest objectness x IoU; beside proposals it is asked about the boxes that the
    teacher holds for an object rather than not.

    A student equal to the teacher pays nothing where each of its candidates is its own match. It pays something where
    two candidates of the teacher claim one object: then both are to follow the better one.

    Probabilities near 1 are coarser than logits: in float32 they round to 1 above a logit of 17, and a student that is
    wrongly so sure gets no gradient. Near 0 they are as fine as logits, down to 1e-12.

    Args:
        weight: factor of the term.
        box: factor of the box part within the term.
        classes: factor of the class part, which is summed over the classes.
        objectness: factor of the objectness part.
        candidates: number of the teacher's candidates per image, those of highest objectness.
        anchor_threshold: a prior fits a shape when the IoU of the two, laid center on center, exceeds this.

    Raises:
        ValueError: a factor is negative or not finite, ``candidates`` below 1, ``anchor_threshold`` not in [0, 1).
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
        self.box = self._gain("box", box)
        self.classes = self._gain("classes", classes)
        self.objectness = self._gain("objectness", objectness)
        if candidates < 1:
            raise ValueError(f"Decoded: candidates must be >= 1, got {candidates}")
        if not 0 <= anchor_threshold < 1:
            raise ValueError(f"Decoded: anchor_threshold must be in [0, 1), got {anchor_threshold}")
        self.candidates, self.anchor_threshold = candidates, anchor_threshold
        self.shared = SharedClasses()  # known from prepare() on

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        self.shared.match({name: label for label, name in enumerate(teacher.class_names)}, student)

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        teacher, taught = lesson.teacher_or_raise()
        if not len(self.shared.teacher):
            raise RuntimeError("Decoded: prepare(teacher, student, resolution) must come before the first step")
        with torch.autocast(taught.heads[0].device.type, enabled=False):
            with torch.no_grad():
                boxes, objectness, classes = self._best(teacher.decode(taught))
            stages = lesson.student.decode_stages(lesson.student_outputs, self._hints(boxes, objectness, classes))
            return torch.stack([self._term(said, boxes, objectness, classes) for said in stages]).sum()

    def _term(
        self,
        said: DensePredictions,
        boxes: Float[Tensor, "n k 4"],
        objectness: Float[Tensor, "n k"],
        classes: Float[Tensor, "n k c"],
    ) -> Float[Tensor, ""]:
        """What one stage of the student pays for what it says, given the teacher's candidates."""
        priors = at_least_float32(said.priors)
        if said.cells is None:
            match, wanted = _overlapped(boxes, objectness, priors)
        else:
            match, wanted = self._match(boxes, objectness, priors, at_least_float32(said.cells))
        total = reduce_sum_per_process(wanted.sum(), at_least=1.0)
        # Only the few responsible candidates go on, at the price of waiting for the device once.
        image, own = torch.nonzero(wanted).unbind(dim=1)
        other, weight = match[image, own], wanted[image, own]
        overlap = giou(at_least_float32(said.boxes[image, own]), boxes[image, other])
        parts = [
            self.box * (weight * (1 - overlap)).sum(),
            self.objectness * divergence(wanted, at_least_float32(said.objectness)).sum(),
        ]
        if said.classes.shape[2]:
            known = at_least_float32(said.classes[image, own])[:, self.shared.student]
            of_classes = (weight * divergence(classes[image, other], known).sum(dim=1)).sum()
            parts.insert(1, self.classes * of_classes)
        return torch.stack(parts).sum() / total

    def _hints(
        self, boxes: Float[Tensor, "n k 4"], objectness: Float[Tensor, "n k"], classes: Float[Tensor, "n k c"]
    ) -> Targets:
        """The teacher's candidates that rather show an object than not, in the student's class numbering."""
        image = torch.arange(len(boxes), device=boxes.device).repeat_interleave(boxes.shape[1])
        labels = self.shared.student[classes.argmax(dim=2)].flatten()
        return Targets(boxes.flatten(0, 1), labels, image, len(boxes), objectness.flatten() > 0.5)

    def _best(self, dense: DensePredictions) -> tuple[Tensor, Tensor, Tensor]:
        """The teacher's candidates that count: boxes, objectness, and probabilities of the shared classes."""
        objectness = at_least_float32(dense.objectness)
        if len(self.shared.teacher) < dense.classes.shape[2]:
            # What the teacher takes for a class that the student lacks is no object to the student.
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
        """Which of the teacher's candidates each of the student's is to follow, and the objectness wanted of it."""
        grid, cell_of, members = cells.unique(dim=0, return_inverse=True, return_counts=True)
        by_cell, first = cell_of.argsort(stable=True), members.cumsum(dim=0) - members
        images = max(1, _PAIRS_AT_ONCE // (boxes.shape[1] * len(grid)))
        matches, wanted = [], []
        for some, sure in zip(boxes.split(images), objectness.split(images), strict=True):
            image, other, cell = torch.nonzero(_inside(some, grid)).unbind(dim=1)
            # Each pair of an object and its cell becomes one of the object and every candidate of the cell.
            each = torch.arange(len(cell), device=cell.device).repeat_interleave(members[cell])
            nth = torch.arange(len(each), device=cell.device) - (members[cell].cumsum(dim=0) - members[cell])[each]
            image, other, own = image[each], other[each], by_cell[first[cell[each]] + nth]
            fit = size_iou(_size(some[image, other]), _size(priors[own]))
            score = sure[image, other] * fit * (fit > self.anchor_threshold)
            at = image * len(priors) + own
            best = sure.new_zeros(len(some) * len(priors)).scatter_reduce(0, at, score, "amax")
            # Of equals the first one counts, in whatever order a device writes.
            match = torch.full_like(best, boxes.shape[1], dtype=torch.long)
            match = match.scatter_reduce(0, at, torch.where(score == best[at], other, boxes.shape[1]), "amin")
            match = torch.where(best > 0, match, 0).view(len(some), -1)
            matches.append(match)
            wanted.append(sure.gather(1, match) * (best > 0).view_as(match))
        return torch.cat(matches), torch.cat(wanted)


@torch.no_grad()
def _overlapped(
    boxes: Float[Tensor, "n k 4"], objectness: Float[Tensor, "n k"], priors: Float[Tensor, "n m 4"]
) -> tuple[Int[Tensor, "n m"], Float[Tensor, "n m"]]:
    """Which of the teacher's candidates each prior is to follow, and the objectness wanted of it."""
    matches, wanted = [], []
    for some, sure, places in zip(boxes, objectness, priors, strict=True):
        overlap = box_iou(some, places)
        score, match = torch.where(overlap >= _COVERED, sure[:, None] * overlap, 0).max(dim=0)
        matches.append(match)
        wanted.append(sure[match] * (score > 0))
    return torch.stack(matches), torch.stack(wanted)


def divergence(wanted: Float[Tensor, "*b"], found: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Kullback-Leibler divergence between yes-or-no distributions, each given by its probability of yes.

    It is binary cross-entropy less the entropy of ``wanted``: 0 where both are equal, with the same gradient.

    Args:
        wanted: in [0, 1], without gradient.
        found: in [0, 1]; value and gradient are finite at 0 and 1 too.
    """
    # 1 - p is never below half of eps; p itself is fine down to far less, and 1e-12 bounds its gradient.
    found = found.clamp(1e-12, 1 - torch.finfo(found.dtype).eps / 2)
    entropy = torch.special.xlogy(wanted, wanted) + torch.special.xlogy(1 - wanted, 1 - wanted)
    return entropy - wanted * found.log() - (1 - wanted) * torch.log1p(-found)


def _inside(boxes: Float[Tensor, "n k 4"], grid: Float[Tensor, "g 4"]) -> Bool[Tensor, "n k g"]:
    """Which cells hold the center of a box."""
    # A center on the right or lower edge belongs to the last cell, as in training.
    center = ((boxes[..., :2] + boxes[..., 2:]) / 2).clamp(0, 1 - torch.finfo(boxes.dtype).eps)
    x, y = center[..., None, :].unbind(dim=3)
    left, top, right, bottom = grid.unbind(dim=1)
    return (left <= x) & (x < right) & (top <= y) & (y < bottom)


def _size(boxes: Float[Tensor, "p 4"]) -> Float[Tensor, "p 2"]:
    return boxes[:, 2:] - boxes[:, :2]
