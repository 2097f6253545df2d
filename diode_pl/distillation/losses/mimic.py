"""L2 distillation between raw heads."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import require_like_heads
from diode_pl.numerics.dtypes import at_least_float32


class Mimic(DistillLoss):
    """Mean squared error between the raw heads (logits) of student and teacher, summed over heads.

    The second stage of a two-stage student is evaluated on the teacher's proposals.

    Source: Chawla et al., WACV 2021, eq. 3; means instead of sums as in the authors' experiments.

    Example:
        >>> from diode_pl import Targets, load_detector
        >>> images, detector = torch.rand(1, 3, 64, 64), load_detector(width=0.1).eval()
        >>> outputs = detector(images)
        >>> batch = DistillationBatch(images, detector, detector, outputs, outputs, Targets.from_images([]))
        >>> Mimic()(batch).item()
        0.0
    """

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        require_like_heads(teacher, student, resolution)

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        teacher, outputs = batch.teacher_or_raise()
        with torch.no_grad():
            teacher_heads = teacher.heads_on_proposals_of(outputs, outputs)
        student_heads = batch.student.heads_on_proposals_of(batch.student_outputs, outputs)
        heads = zip(student_heads, teacher_heads, strict=True)
        # Squares of logits overflow in half precision.
        with torch.autocast(outputs.heads[0].device.type, enabled=False):
            means = [(at_least_float32(s) - at_least_float32(t.detach())).square().mean() for s, t in heads]
            return torch.stack(means).sum()
