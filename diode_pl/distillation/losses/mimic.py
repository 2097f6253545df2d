"""The student's raw heads are to equal the teacher's."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import require_like_heads
from diode_pl.numerics.dtypes import at_least_float32


class Mimic(DistillLoss):
    """Mean squared difference between the raw heads (logits), added over the heads.

    Where heads look into proposals, the student's look into those of the teacher.

    Args:
        weight: factor of the term.

    Source: Chawla et al., WACV 2021, eq. 3; means instead of sums as in the authors' experiments.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        require_like_heads(teacher, student, resolution)

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        teacher, taught = lesson.teacher_or_raise()
        with torch.no_grad():
            told = teacher.heads_on_proposals_of(taught, taught)
        heads = zip(lesson.student.heads_on_proposals_of(lesson.student_outputs, taught), told, strict=True)
        # Squares of logits overflow in half precision.
        with torch.autocast(taught.heads[0].device.type, enabled=False):
            means = [(at_least_float32(s) - at_least_float32(t.detach())).square().mean() for s, t in heads]
            return torch.stack(means).sum()
