"""The student's own detection loss on labels."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss


class Detection(DistillLoss):
    """The loss that such a detector is trained with, between the student's outputs and the labeled boxes.

    Args:
        weight: factor of the term.
    """

    needs_teacher = False
    needs_labels = True

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        terms = lesson.student.loss(lesson.student_outputs, lesson.targets)
        return torch.stack(list(terms.values())).sum()
