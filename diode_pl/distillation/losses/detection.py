"""The student's own detection loss on labels."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss


class Detection(DistillLoss):
    """The sum of the terms of ``student.loss`` on the labeled boxes.

    Args:
        weight: factor of the loss in the sum.

    Example:
        >>> from diode_pl import Targets, load_detector
        >>> images, student = torch.rand(1, 3, 64, 64), load_detector(width=0.1)
        >>> targets = Targets.from_images([(torch.tensor([[0.2, 0.2, 0.6, 0.7]]), torch.tensor([3]))])
        >>> batch = DistillationBatch(images, student, None, student(images), None, targets)
        >>> bool(Detection()(batch) > 0)
        True
    """

    needs_teacher = False
    needs_labels = True

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        terms = lesson.student.loss(lesson.student_outputs, lesson.targets)
        return torch.stack(list(terms.values())).sum()
