"""The student copies boxes and classes where the teacher sees an object, and objectness everywhere."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import require_yolo_heads
from diode_pl.numerics.distributed import reduce_sum_per_process
from diode_pl.numerics.dtypes import at_least_float32


class ObjectnessScaled(DistillLoss):
    """Squared differences between YOLO heads of the same shape, box and classes scaled by the teacher's objectness.

    Objectness and classes are compared as probabilities; boxes as sigmoid(x), sigmoid(y) and the raw w and h, which
    are logarithms of sizes. The paper sums over cells. Here each of the three sums is divided by the sum of the
    teacher's objectness over the batch, at least 1: the paper's balance between them stays, and the term depends
    neither on the size of the batch nor on how many cells are empty.

    Args:
        weight: factor of the term.
        box: factor of the box part within the term.
        classes: factor of the class part.
        objectness: factor of the objectness part.

    Raises:
        ValueError: a factor is negative or not finite.

    Source: Mehta and Ozturk, Object Detection at 200 Frames per Second, ECCV workshops 2018 (arXiv 1805.06361),
    objectness scaled distillation.
    """

    def __init__(self, weight: float = 1.0, box: float = 1.0, classes: float = 1.0, objectness: float = 1.0) -> None:
        super().__init__(weight)
        self.box = self._gain("box", box)
        self.classes = self._gain("classes", classes)
        self.objectness = self._gain("objectness", objectness)

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        require_yolo_heads(teacher, student, resolution)

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        _, taught = lesson.teacher_or_raise()
        heads = zip(lesson.student_outputs.heads, taught.heads, strict=True)
        with torch.autocast(taught.heads[0].device.type, enabled=False):
            sums = [self._scale(at_least_float32(s), at_least_float32(t.detach())) for s, t in heads]
            loss, seen = (torch.stack(parts).sum() for parts in zip(*sums, strict=True))
            return loss / reduce_sum_per_process(seen, at_least=1.0)

    def _scale(self, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the parts, and of the teacher's objectness, over one head."""
        scale = teacher[..., 4].sigmoid()
        place = (student[..., :2].sigmoid() - teacher[..., :2].sigmoid()).square().sum(dim=-1)
        size = (student[..., 2:4] - teacher[..., 2:4]).square().sum(dim=-1)
        classes = (student[..., 5:].sigmoid() - teacher[..., 5:].sigmoid()).square().sum(dim=-1)
        objectness = (student[..., 4].sigmoid() - scale).square()
        scaled = scale * (self.box * (place + size) + self.classes * classes)
        return (scaled + self.objectness * objectness).sum(), scale.sum()
